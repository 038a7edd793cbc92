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

/// How many bytes of cases are held until their place is known.
const HELD_BYTES: usize = 1024 * 1024;
const BLANK: Case<'static> = Case {
    class: "",
    name: "",
    file: None,
    line: None,
    micros: 0,
    outcome: CaseOutcome::Passed,
    flaky: false,
    message: "",
    text: "",
};

/// Cases whose file is told behind them. Beyond a bound they go without it.
#[derive(Default)]
pub struct Held {
    /// Class, name, message and text of all, one behind the other.
    texts: String,
    /// Each with the ends of its texts.
    cases: Vec<(Case<'static>, [usize; 4])>,
}

impl Held {
    pub fn hold(&mut self, cases: &mut Cases<'_>, case: &Case<'_>) {
        let mut ends = [0; 4];
        for (end, text) in ends.iter_mut().zip([case.class, case.name, cut(case.message), cut(case.text)]) {
            self.texts.push_str(text);
            *end = self.texts.len();
        }
        let Case { line, micros, outcome, flaky, .. } = *case;
        self.cases.push((Case { line, micros, outcome, flaky, ..BLANK }, ends));
        if self.texts.len() + self.cases.len() * size_of::<(Case<'static>, [usize; 4])>() >= HELD_BYTES {
            self.release(cases, "", None);
        }
    }

    /// Counts them. The line is that of the stack in `file`, else the case's own, else `line`.
    pub fn release(&mut self, cases: &mut Cases<'_>, file: &str, line: Option<u64>) {
        let mut from = 0;
        for (case, ends) in self.cases.drain(..) {
            let [class, name, message, text] = ends.map(|end| &self.texts[std::mem::replace(&mut from, end)..end]);
            let line = line_in_stack(text, file).or(case.line).or(line);
            let file = (!file.is_empty()).then_some(file);
            cases.push(&Case { class, name, message, text, file, line, ..case });
        }
        self.texts.clear();
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

/// The line where a stack of Node (`at f (path:line:column)`) is in `file`. Either path may be cut at the front.
pub fn line_in_stack(text: &str, file: &str) -> Option<u64> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix("at ")).find_map(|frame| {
        let place = frame.rsplit_once('(').map_or(frame, |(_, inside)| inside).trim_end_matches(')');
        let (place, _) = place.rsplit_once(':')?;
        let (path, line) = place.rsplit_once(':')?;
        let path = path.strip_prefix("file://").unwrap_or(path).replace('\\', "/");
        let (long, short) = if file.len() < path.len() { (path.as_str(), file) } else { (file, path.as_str()) };
        let before = long.strip_suffix(short).filter(|_| !short.is_empty())?;
        let inside = before.is_empty() || before.ends_with('/');
        line.parse().ok().filter(|&line: &u64| inside && line > 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_tells_the_line_of_the_tests_own_file() {
        let stack = "Error: at x (a/t.js:1:1)\n    at Object.toBe (/w/node_modules/t.js:9:57)\n    at Context.<anonymous> \
            (test\\t.js:11:14)\n    at file:///w/test/t.js:12:3\n    at async /w/test/u.js:5:1";
        assert_eq!(line_in_stack(stack, "/w/test/t.js"), Some(11));
        assert_eq!(line_in_stack(stack, "/v/test/t.js"), Some(11));
        assert_eq!(line_in_stack(stack, "/w/best/t.js"), None);
        assert_eq!(line_in_stack(stack, "t.js"), Some(9));
        assert_eq!(line_in_stack(stack, ""), None);
    }

    #[test]
    fn held_cases_come_in_order_with_their_place_and_within_a_bound() {
        let mut seen = Vec::new();
        let mut each = |case: &Case<'_>| seen.push(format!("{} {:?} {:?}", case.name, case.file, case.line));
        let mut cases = Cases::new(&mut each);
        let mut held = Held::default();
        let name = "n".repeat(HELD_BYTES / 2);
        let case = |name, text, line| Case { name, text, line, outcome: CaseOutcome::Failed, ..BLANK };
        held.hold(&mut cases, &case("a", "    at /w/t.js:7:1", Some(2)));
        held.hold(&mut cases, &case("b", "", None));
        held.release(&mut cases, "t.js", Some(3));
        assert_eq!(cases.out.counts.failed, 2);
        held.hold(&mut cases, &case(&name, "", None));
        held.hold(&mut cases, &case(&name, "", Some(5)));
        assert_eq!(cases.out.counts.failed, 4);
        held.release(&mut cases, "", None);
        assert_eq!(cases.out.counts.failed, 4);
        assert_eq!(seen[..2], ["a Some(\"t.js\") Some(7)", "b Some(\"t.js\") Some(3)"]);
        assert_eq!(seen[2..], [format!("{name} None None"), format!("{name} None Some(5)")]);
    }
}
