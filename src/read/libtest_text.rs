//! What `cargo test` prints: the text of Rust's libtest for each test binary and for the doc tests, among cargo's own
//! lines. Source: library/test/src/formatters/pretty.rs of rust-lang/rust, and what cargo 1.95 really prints.
//! Anything in it may be printed by a test: a case counts only up to what its binary's `test result:` line confirms,
//! and lines beyond that are a contradiction and an error.

use super::cases::{Cases, truncate};
use super::digits;
use super::error::ReadError;
use super::lines::Lines;
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, Tests};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "libtest-text",
    title: "cargo test, as printed",
    reads: "each `test NAME ... OUTCOME` of each binary and of the doc tests, the failures' texts; the `test result:` \
        lines are compared. A binary without one, or with fewer tests than were printed, is an error outside of any \
        case.",
    written_by: "cargo 1.95 (`cargo test`, with and without its error stream, `--no-fail-fast`, `--nocapture`)",
    refuses: "a file that ends inside of a binary's tests. `--quiet` names no test: declared tests without a case.",
    // What `cargo bench` prints looks the same and is about benchmarks.
    looks_like: |s| s.syntax == Syntax::Text && looks_like(&s.root) && !s.has_inner("bench"),
    holds: Holds::Tests(read),
};

/// cargo's own lines, by their first word.
const CARGO_DOES: [&str; 9] = [
    "Compiling ",
    "Finished ",
    "Running ",
    "Doc-tests ",
    "Blocking ",
    "Updating ",
    "Downloading ",
    "Downloaded ",
    "Fresh ",
];
/// How many failed tests of one binary wait for their text.
const MAX_WAITING: usize = 10_000;

fn looks_like(first: &str) -> bool {
    running(first).is_some() || CARGO_DOES.iter().any(|word| first.starts_with(word))
}

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut lines = Lines::new(source);
    let mut cases = Cases::new(each);
    cases.out.tool = Some("cargo test".into());
    let mut reader =
        Reader { cases, declared: DeclaredTests::default(), binary: String::new(), suite: None, error: None };
    let mut last = 0;
    while let Some((line, number)) = lines.next()? {
        reader.line(line, number)?;
        last = number;
    }
    reader.finish(last)
}

/// Numbers of one binary, as declared or as counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
    pub measured: u64,
}

impl Totals {
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Ignored => self.ignored += 1,
            Outcome::Measured => self.measured += 1,
        }
    }

    pub fn sum(&self) -> u64 {
        self.passed.saturating_add(self.failed).saturating_add(self.ignored).saturating_add(self.measured)
    }

    /// Adds them to what the whole report declares.
    pub fn declare(&self, all: &mut DeclaredTests) {
        let plus = |a: &mut Option<u64>, b: u64| *a = Some(a.unwrap_or(0).saturating_add(b));
        plus(&mut all.tests, self.sum());
        plus(&mut all.failures, self.failed);
        plus(&mut all.skipped, self.ignored);
    }

    pub fn add(&mut self, more: &Totals) {
        self.passed = self.passed.saturating_add(more.passed);
        self.failed = self.failed.saturating_add(more.failed);
        self.ignored = self.ignored.saturating_add(more.ignored);
        self.measured = self.measured.saturating_add(more.measured);
    }

    /// What of the counted cases the binary's own result does not confirm. `begun`: how many were to run.
    pub fn unconfirmed(&self, declared: &Totals, begun: Option<u64>) -> Option<String> {
        let both = [
            ("passed", self.passed, declared.passed),
            ("failed", self.failed, declared.failed),
            ("ignored", self.ignored, declared.ignored),
            ("measured", self.measured, declared.measured),
        ];
        let more = both.iter().find(|(_, counted, says)| counted > says);
        match more {
            Some((what, counted, says)) => {
                Some(format!("the result says {says} {what}, and {counted} are printed: a test may have printed them"))
            }
            None => {
                let begun = begun.filter(|&begun| begun != declared.sum())?;
                Some(format!("{begun} tests were to run, and the result counts {}", declared.sum()))
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    Ignored,
    Measured,
}

impl Outcome {
    pub fn case(self) -> CaseOutcome {
        match self {
            Outcome::Passed | Outcome::Measured => CaseOutcome::Passed,
            Outcome::Failed => CaseOutcome::Failed,
            Outcome::Ignored => CaseOutcome::Skipped,
        }
    }
}

struct Reader<'e> {
    cases: Cases<'e>,
    declared: DeclaredTests,
    /// Of the next binary, as cargo names it: `src/lib.rs`, `tests/cart.rs`.
    binary: String,
    suite: Option<Suite>,
    /// cargo's first error.
    error: Option<String>,
}

/// The tests of one binary, between `running N tests` and `test result:`.
#[derive(Default)]
struct Suite {
    begun: u64,
    counted: Totals,
    /// A test whose outcome stands on a later line, behind what it printed.
    printing: Option<String>,
    /// Failed tests whose text has not come yet.
    waiting: Vec<String>,
    /// In the part that repeats what tests printed.
    texts: bool,
    /// The failed test whose text is being read.
    open: Option<String>,
    text: String,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, number: u64) -> Result<(), ReadError> {
        if let Some(result) = line.strip_prefix("test result: ") {
            return self.result(result, number);
        }
        match &mut self.suite {
            Some(suite) if suite.texts => {
                self.text(line);
                return Ok(());
            }
            Some(_) => {}
            None => {
                self.outside(line);
                return Ok(());
            }
        }
        if running(line).is_some() || line.starts_with("error: ") {
            self.broke();
            self.outside(line);
        } else if matches!(line, "failures:" | "successes:") {
            self.suite.as_mut().expect("it was just seen").texts = true;
        } else {
            self.test(line);
        }
        Ok(())
    }

    /// A line of cargo, or the beginning of a binary's tests.
    fn outside(&mut self, line: &str) {
        if let Some(begun) = running(line) {
            self.suite = Some(Suite { begun, ..Suite::default() });
        } else if let Some(rest) = line.trim_start().strip_prefix("Running ") {
            let name = rest.rsplit_once(" (").map_or(rest, |(name, _)| name);
            self.binary = name.strip_prefix("unittests ").unwrap_or(name).replace('\\', "/");
        } else if line.trim_start().starts_with("Doc-tests ") {
            self.binary.clear();
        } else if line.starts_with("error: ") || line.starts_with("error[") {
            self.error.get_or_insert_with(|| line.chars().take(200).collect());
        } else if let Some((name, Some(_))) = test(line) {
            self.cases.outside(name, "the outcome of a test outside of any binary's tests", "");
        }
    }

    /// A line of the list of tests, or something that a test printed.
    fn test(&mut self, line: &str) {
        let suite = self.suite.as_mut().expect("lines of tests stand in a suite");
        let (name, outcome) = match test(line) {
            Some((name, outcome)) => (name.to_string(), outcome),
            None => match outcome(line).filter(|_| suite.printing.is_some()) {
                Some(found) => (suite.printing.take().unwrap_or_default(), Some(found)),
                None => return,
            },
        };
        let Some(outcome) = outcome else {
            suite.printing = Some(name);
            return;
        };
        suite.printing = None;
        suite.counted.count(outcome);
        if outcome == Outcome::Failed && suite.waiting.len() < MAX_WAITING {
            suite.waiting.push(name);
            return;
        }
        push(&mut self.cases, &self.binary, &name, outcome.case(), "");
    }

    /// A line of the texts: `---- NAME stdout ----` begins that of a failed test.
    fn text(&mut self, line: &str) {
        let suite = self.suite.as_mut().expect("texts stand in a suite");
        let head = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"));
        let failed = head.and_then(|name| suite.waiting.iter().position(|waiting| waiting == name));
        if let Some(at) = failed {
            self.close_text();
            let suite = self.suite.as_mut().expect("texts stand in a suite");
            suite.open = Some(suite.waiting.remove(at));
        } else if line == "failures:" || line == "successes:" {
            self.close_text();
        } else if suite.open.is_some() && suite.text.len() < KEPT_BYTES {
            suite.text.push_str(line);
            suite.text.push('\n');
        }
    }

    fn close_text(&mut self) {
        let Some(suite) = &mut self.suite else { return };
        if let Some(name) = suite.open.take() {
            truncate(&mut suite.text, KEPT_BYTES);
            push(&mut self.cases, &self.binary, &name, CaseOutcome::Failed, suite.text.trim_end());
        }
        suite.text.clear();
    }

    fn close(&mut self) -> Option<Suite> {
        self.close_text();
        let mut suite = self.suite.take()?;
        for name in std::mem::take(&mut suite.waiting) {
            push(&mut self.cases, &self.binary, &name, CaseOutcome::Failed, "");
        }
        Some(suite)
    }

    /// `ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.30s`
    fn result(&mut self, line: &str, number: u64) -> Result<(), ReadError> {
        let (verdict, declared) = result(line).ok_or_else(|| {
            ReadError::malformed(number, "expected `test result: ok. N passed; N failed; N ignored; …`")
        })?;
        let Some(suite) = self.close() else {
            self.cases.outside("test result", "a second `test result:` of one binary", "");
            return Ok(());
        };
        declared.declare(&mut self.declared);
        let id = if self.binary.is_empty() { "test result" } else { &self.binary };
        if let Some(why) = suite.counted.unconfirmed(&declared, Some(suite.begun)) {
            self.cases.outside(id, &why, "");
        } else if verdict != (declared.failed == 0) {
            self.cases.outside(id, "the result and its numbers disagree", line);
        }
        self.binary.clear();
        Ok(())
    }

    /// The binary ended without a result: it crashed.
    fn broke(&mut self) {
        let Some(suite) = self.close() else { return };
        let id = if self.binary.is_empty() { "test binary" } else { &self.binary };
        let seen = suite.counted.sum();
        let message = format!("ended without its `test result:`, after {seen} of {} tests", suite.begun);
        self.cases.outside(id, &message, "");
        self.binary.clear();
    }

    fn finish(mut self, line: u64) -> Result<Tests, ReadError> {
        if let Some(suite) = &self.suite {
            let message = format!(
                "the file ends after {} of {} tests, without a `test result:`: it was cut, or its writer was stopped",
                suite.counted.sum(),
                suite.begun
            );
            return Err(ReadError::malformed(line, message));
        }
        let red = self.cases.out.counts.red() + self.cases.out.outside;
        if let Some(error) = self.error.take().filter(|_| red == 0) {
            self.cases.outside("cargo", &error, "");
        }
        self.cases.finish(self.declared)
    }
}

/// Counts a case with the place that its name or its panic tells.
pub fn push(cases: &mut Cases<'_>, class: &str, name: &str, outcome: CaseOutcome, text: &str) {
    push_timed(cases, class, name, (outcome, false), 0, text);
}

/// The same with the time it took, and whether it passed after a try that had failed.
pub fn push_timed(
    cases: &mut Cases<'_>,
    class: &str,
    name: &str,
    (outcome, flaky): (CaseOutcome, bool),
    micros: u64,
    text: &str,
) {
    let (panicked, message) = panic(text);
    let place = panicked.or_else(|| doc_test(name));
    let (file, line) = (place.map(|(file, _)| file), place.map(|(_, line)| line));
    cases.push(&Case { class, name, file, line, micros, outcome, flaky, message, text });
}

/// `running 5 tests`
fn running(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("running ")?;
    digits(rest.strip_suffix(" tests").or_else(|| rest.strip_suffix(" test"))?.as_bytes())
}

/// `test NAME ... OUTCOME`, without an outcome where the test printed something first.
fn test(line: &str) -> Option<(&str, Option<Outcome>)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ...")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    Some((name, outcome(rest.strip_prefix(' ')?)))
}

/// `ok`, `FAILED`, `ignored`, `ignored, why`, `bench: …`, perhaps with the time: `ok <0.001s>`.
fn outcome(text: &str) -> Option<Outcome> {
    let text = text.trim_end();
    let timed = |word: &str| {
        let rest = text.strip_prefix(word)?;
        (rest.is_empty() || (rest.starts_with(" <") && rest.ends_with('>')) || rest == " (time limit exceeded)")
            .then_some(())
    };
    if timed("ok").is_some() {
        Some(Outcome::Passed)
    } else if timed("FAILED").is_some() {
        Some(Outcome::Failed)
    } else if text == "ignored" || text.starts_with("ignored, ") {
        Some(Outcome::Ignored)
    } else if text.starts_with("bench: ") && text.contains("ns/iter") {
        Some(Outcome::Measured)
    } else {
        None
    }
}

fn result(line: &str) -> Option<(bool, Totals)> {
    let (verdict, rest) = line.split_once(". ")?;
    let verdict = match verdict {
        "ok" => true,
        "FAILED" => false,
        _ => return None,
    };
    let mut parts = rest.split("; ");
    let mut number = |word: &str| digits(parts.next()?.strip_suffix(word)?.strip_suffix(' ')?.as_bytes());
    let (passed, failed, ignored) = (number("passed")?, number("failed")?, number("ignored")?);
    Some((verdict, Totals { passed, failed, ignored, measured: number("measured")? }))
}

/// The place and the message of the first panic: `thread 'x' (17) panicked at src/lib.rs:25:9:` and the next line, or
/// as older versions write it, `thread 'x' panicked at 'message', src/lib.rs:25:9`. Else the first line.
fn panic(text: &str) -> (Option<(&str, u64)>, &str) {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((_, at)) = line.split_once(" panicked at ").filter(|_| line.starts_with("thread '")) else { continue };
        if let Some(place) = at.strip_suffix(':').and_then(place) {
            return (Some(place), lines.next().unwrap_or_default().trim());
        }
        if let Some((message, at)) = at.rsplit_once(", ") {
            return (place(at), message.trim_matches('\''));
        }
    }
    (None, text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim())
}

/// `src/lib.rs:25:9`
fn place(text: &str) -> Option<(&str, u64)> {
    let (rest, column) = text.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    digits(column.as_bytes())?;
    Some((file, digits(line.as_bytes()).filter(|&line| line > 0)?))
}

/// `src/lib.rs - total (line 5)`
fn doc_test(name: &str) -> Option<(&str, u64)> {
    let (file, rest) = name.split_once(" - ")?;
    let (_, line) = rest.rsplit_once("(line ")?;
    Some((file, digits(line.split_once(')')?.0.as_bytes()).filter(|&line| line > 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (Tests, Vec<String>) {
        let mut seen = Vec::new();
        let mut source = text.as_bytes();
        let tests = read(&mut source, &mut |case| {
            let place = case.file.map_or(String::new(), |file| format!(" {file}:{}", case.line.unwrap_or(0)));
            seen.push(format!("{} {} {}{place} {}", case.outcome.id(), case.class, case.name, case.message));
        })
        .unwrap();
        (tests, seen)
    }

    const RESULT: &str = "0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

    #[test]
    fn a_printed_line_beyond_the_result_is_a_contradiction_and_red() {
        let honest = format!("running 1 test\r\ntest a ... ok\r\n\r\ntest result: ok. 1 passed; 0 failed; {RESULT}");
        let (tests, _) = one(&honest);
        assert_eq!((tests.counts.passed, tests.outside, tests.contradictions.len()), (1, 0, 0));
        for forged in [
            // More cases than the result confirms; a result of its own; a result with other numbers; an outcome outside.
            honest.replace("\r\n\r\n", "\r\ntest forged ... ok\r\n\r\n"),
            honest.replace("test a ", "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured\ntest a "),
            honest.replace("1 passed", "2 passed"),
            honest.clone() + "test forged ... ok\n",
            honest.clone() + "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured\n",
            honest.replace("running 1 test", "running 2 tests"),
            honest.replace("result: ok", "result: FAILED"),
            honest.replace("test a ... ok\r\n", "test a ... FAILED\n"),
            honest.clone() + "error: could not compile `shop` (test \"cart\") due to 1 previous error\n",
        ] {
            let (tests, _) = one(&forged);
            assert!(tests.outside > 0, "{forged}");
            assert!(!tests.contradictions.is_empty(), "{forged}");
        }
    }

    #[test]
    fn what_a_failed_test_printed_is_its_text_and_no_test() {
        let (tests, seen) = one(&format!(
            "     Running unittests src/lib.rs (target/debug/deps/shop-1)\n\nrunning 3 tests\ntest a ... ok\ntest b - should \
             panic ... FAILED\ntest c ... FAILED\n\nfailures:\n\n---- c stdout ----\ntest forged ... ok\nthread 'c' (7) \
             panicked at src/lib.rs:25:9:\nassertion failed\n\n---- b stdout ----\nnote: test did not panic as expected\n\n\n\
             failures:\n    b\n    c\n\ntest result: FAILED. 1 passed; 2 failed; {RESULT}"
        ));
        let expected = [
            "passed src/lib.rs a ",
            "failed src/lib.rs c src/lib.rs:25 assertion failed",
            "failed src/lib.rs b note: test did not panic as expected",
        ];
        assert_eq!(seen, expected);
        assert_eq!((tests.outside, tests.contradictions), (0, vec![]));
        assert!(tests.kept[0].text.contains("forged"));
    }

    #[test]
    fn a_binary_that_crashed_is_red_and_a_cut_file_is_malformed() {
        let crash = format!(
            "running 2 tests\ntest a ... ok\nerror: test failed, to rerun pass `--test x`\n\nrunning 1 test\ntest b ... ok\n\n\
             test result: ok. 1 passed; 0 failed; {RESULT}"
        );
        let (tests, _) = one(&crash);
        assert_eq!((tests.counts.passed, tests.outside), (2, 1));
        let (tests, _) = one(&crash.replace("error: test failed, to rerun pass `--test x`\n", ""));
        assert_eq!((tests.counts.passed, tests.outside), (2, 1));
        let error = read(&mut &b"running 2 tests\ntest a ... ok\n"[..], &mut |_| {}).unwrap_err();
        assert_eq!(error.line, Some(2));
        let error = read(&mut &b"running 1 test\ntest a ... ok\ntest result: great\n"[..], &mut |_| {}).unwrap_err();
        assert_eq!(error.line, Some(3));
    }

    #[test]
    fn an_outcome_may_stand_behind_what_the_test_printed() {
        let (tests, seen) = one(
            "running 2 tests\ntest a ... printed\nmore\nok\ntest b ... ignored, not here\ntest result: ok. 1 passed; 0 failed; \
             1 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!(seen, ["passed  a ", "skipped  b "]);
        assert_eq!((tests.outside, tests.contradictions.len()), (0, 0));
        // One that cannot be told is missing, which is said.
        let (tests, _) =
            one(&format!("running 1 test\ntest a ... printedok\ntest result: ok. 1 passed; 0 failed; {RESULT}"));
        assert_eq!((tests.counts.tests, tests.outside, tests.contradictions.len()), (0, 0, 1));
    }

    #[test]
    fn outcomes_in_every_notation() {
        for (text, expected) in [
            ("ok", Some(Outcome::Passed)),
            ("ok <0.001s>", Some(Outcome::Passed)),
            ("FAILED (time limit exceeded)", Some(Outcome::Failed)),
            ("ignored, why", Some(Outcome::Ignored)),
            ("bench:       1,234.56 ns/iter (+/- 12)", Some(Outcome::Measured)),
            ("okay", None),
            ("", None),
        ] {
            assert_eq!(outcome(text), expected, "{text}");
        }
        let old = "thread 'main' panicked at 'no such price', src/a.rs:3:5\nnote: run with";
        assert_eq!(panic(old), (Some(("src/a.rs", 3)), "no such price"));
        assert_eq!(doc_test("src/lib.rs - total (line 5) - compile"), Some(("src/lib.rs", 5)));
    }
}
