//! What every reader of tests does with a case: counts it, keeps the first failing ones with their text within bounds,
//! remembers whose files it names, and compares what the file declares with what was counted.

use super::error::ReadError;
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, KEPT_CASES, KeptCase, Tests};

/// How many distinct source files are remembered, to tell whose tree the report is from.
const NAMED_FILES: usize = 64;
/// The longest path that is remembered.
const NAMED_BYTES: usize = 4096;
/// How many failures outside of any case are told as contradictions, and how much of each.
const TOLD_OUTSIDE: u64 = 10;
const TOLD_BYTES: usize = 500;

/// The cases of one report. `each` sees every one in order.
pub struct Cases<'e> {
    pub out: Tests,
    each: &'e mut dyn FnMut(&Case<'_>),
}

impl<'e> Cases<'e> {
    pub fn new(each: &'e mut dyn FnMut(&Case<'_>)) -> Cases<'e> {
        Cases { out: Tests::default(), each }
    }

    /// Counts a case. Its message and text are cut to [`KEPT_BYTES`] here where a reader has not done it.
    pub fn push(&mut self, case: &Case<'_>) {
        let case = Case { message: cut(case.message), text: cut(case.text), ..*case };
        self.out.counts.count(&case);
        let red = matches!(case.outcome, CaseOutcome::Failed | CaseOutcome::Error);
        if red && self.out.kept.len() < KEPT_CASES {
            self.out.kept.push(keep(&case));
        }
        (self.each)(&case);
    }

    /// Counts a failure that stands outside of any case, says it, and keeps what is known of it.
    pub fn outside(&mut self, id: &str, message: &str, text: &str) {
        self.out.outside += 1;
        if self.out.outside <= TOLD_OUTSIDE {
            let mut told = format!("{id}: {message}");
            truncate(&mut told, TOLD_BYTES);
            self.out.contradictions.push(told);
        }
        if self.out.kept.len() < KEPT_CASES {
            let outcome = CaseOutcome::Error;
            let (class, file, line) = ("", None, None);
            let (message, text) = (cut(message), cut(text));
            self.out.kept.push(keep(&Case {
                class,
                name: id,
                file,
                line,
                micros: 0,
                outcome,
                flaky: false,
                message,
                text,
            }));
        }
    }

    pub fn remember_file(&mut self, file: &str) {
        let known = &mut self.out.named_files;
        if known.len() < NAMED_FILES && file.len() <= NAMED_BYTES && !known.iter().any(|f| f == file) {
            known.push(file.to_string());
        }
    }

    /// The report, with what it declares compared with what was counted.
    pub fn finish(mut self, declared: DeclaredTests) -> Result<Tests, ReadError> {
        self.out.declared = declared;
        let found = contradictions(&self.out);
        self.out.contradictions.splice(0..0, found);
        Ok(self.out)
    }
}

/// A failing case for the report. Its place is where its own traceback points; the case's attributes tell where
/// the test begins (pytest counts those lines from 0).
fn keep(case: &Case<'_>) -> KeptCase {
    let place = place_in(case.text);
    let short = |text: &str| text[..text.floor_char_boundary(KEPT_BYTES)].to_string();
    let id = if case.class.is_empty() { case.name.into() } else { format!("{}::{}", case.class, case.name) };
    KeptCase {
        id: short(&id),
        outcome: case.outcome,
        path: place.map(|(path, _)| path).or(case.file).map(short),
        line: place.map(|(_, line)| line).or(case.line.filter(|&line| line > 0)),
        message: case.message.into(),
        text: case.text.into(),
    }
}

/// The first line of the form `path:line: …` with a path inside the tree, as pytest writes its tracebacks.
fn place_in(text: &str) -> Option<(&str, u64)> {
    text.lines().find_map(|line| {
        let (path, rest) = line.split_once(':')?;
        let (number, _) = rest.split_once(':')?;
        let inside = !path.is_empty() && !path.starts_with(['/', ' ', '.', '<']) && path.contains('.');
        let number = number.parse().ok().filter(|&n| n > 0)?;
        (inside && !path.contains(char::is_whitespace)).then_some((path, number))
    })
}

fn contradictions(tests: &Tests) -> Vec<String> {
    let (counts, declared) = (&tests.counts, &tests.declared);
    let mut out: Vec<String> = [
        ("tests", declared.tests, counts.tests),
        ("failures", declared.failures, counts.failed),
        ("errors", declared.errors, counts.errors),
        ("skipped", declared.skipped, counts.skipped),
    ]
    .into_iter()
    .filter_map(|(what, says, counted)| {
        let says = says.filter(|&says| says != counted)?;
        Some(format!("declares {what}={says}, its cases count {counted}"))
    })
    .collect();
    if tests.outside > 0 {
        out.push(format!("{} failures stand outside of any case", tests.outside));
    }
    out
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(KEPT_BYTES)]
}

/// Cuts a text to so many bytes, on a whole character.
pub fn truncate(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
    }
}
