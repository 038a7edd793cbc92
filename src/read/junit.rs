//! JUnit XML in its dialects: Ant and Maven Surefire (reruns included), pytest, unittest, jest, mocha, phpunit,
//! ctest, gotestsum, nextest, Playwright and others. There is no single schema; counts are taken over
//! `<testcase>` elements, and totals that a file declares are only compared.
//! Dialect notes: Surefire `rerunFailure`/`flakyFailure`
//! (maven.apache.org/surefire, "Rerun failing tests"), ctest `status="disabled"`, pytest `xunit1` and `xunit2`.

use super::cases::{Cases, truncate};
use super::error::ReadError;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml, text, unescape};
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, Tests};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "junit",
    title: "JUnit XML",
    reads: "every `<testcase>` with its class, name, file, time, failure, error, skip and retries \
        (`flakyFailure`, `rerunFailure`); failures outside of any case. Totals in attributes are only compared.",
    written_by: "pytest 6 to 9, unittest-xml-reporting, Maven Surefire 2 and 3, Gradle, jest-junit, mocha-junit-reporter, \
        vitest, Playwright, node --test, gotestsum, cargo-nextest, ctest 3.25, phpunit, Bazel and others",
    refuses: "XML that is not well formed, entities, control characters, a tag longer than 1 MiB.",
    looks_like: |s| s.syntax == Syntax::Xml && matches!(s.root.as_str(), "testsuites" | "testsuite"),
    holds: Holds::Tests(read),
};

/// Reads one report; `each` sees every case in order.
pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut xml = Xml::new(source);
    let mut reader = Reader { cases: Cases::new(each), suites: Suites::default(), case: CaseState::default() };
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Event::Start(tag) => reader.start(depth, &tag),
            Event::End(name) => reader.end(depth, name),
            Event::Text(raw) => reader.text(raw, true),
            Event::Cdata(raw) => reader.text(raw, false),
            Event::Eof => break,
        }
    }
    reader.finish()
}

struct Reader<'e> {
    cases: Cases<'e>,
    suites: Suites,
    case: CaseState,
}

/// Totals declared by the root, and by the outermost suites where the root has none.
#[derive(Default)]
struct Suites {
    root: DeclaredTests,
    outermost: DeclaredTests,
}

/// The case being read; its texts are reused from case to case.
#[derive(Default)]
struct CaseState {
    /// Depth of the open `<testcase>`, 0 outside.
    depth: usize,
    class: String,
    name: String,
    file: Option<String>,
    line: Option<u64>,
    micros: u64,
    failures: u64,
    errors: u64,
    skipped: bool,
    reruns: u64,
    /// Set while the first failure's text is being read.
    collecting: bool,
    message: String,
    text: String,
}

impl Reader<'_> {
    /// `depth` is that of the parent: 0 for the root.
    fn start(&mut self, depth: usize, tag: &Tag<'_>) {
        match tag.name() {
            b"testcase" if self.case.depth == 0 => {
                self.case.open(depth + 1, tag);
                self.remember_file(tag);
            }
            b"testsuite" | b"testsuites" if self.case.depth == 0 => self.suite(depth, tag),
            name if self.case.depth > 0 && depth == self.case.depth => self.case.child(name, tag),
            b"failure" | b"error" if self.case.depth == 0 => self.cases.out.outside += 1,
            _ => {}
        }
    }

    fn suite(&mut self, depth: usize, tag: &Tag<'_>) {
        if depth == 0 {
            self.suites.root = declared(tag);
        }
        // Where the root is itself a suite, its nested suites repeat its numbers.
        if depth == 1 {
            add(&mut self.suites.outermost, declared(tag));
        }
        if self.cases.out.tool.is_none() && tag.raw("name") == Some(b"pytest") {
            self.cases.out.tool = Some("pytest".into());
        }
        self.remember_file(tag);
    }

    fn remember_file(&mut self, tag: &Tag<'_>) {
        if let Some(file) = tag.get("file") {
            self.cases.remember_file(&file);
        }
    }

    fn text(&mut self, raw: &[u8], escaped: bool) {
        if !self.case.collecting {
            return;
        }
        if escaped {
            self.case.text.push_str(&unescape(raw));
        } else {
            self.case.text.push_str(text(raw));
        }
        if self.case.text.len() > KEPT_BYTES {
            truncate(&mut self.case.text, KEPT_BYTES);
            self.case.collecting = false;
        }
    }

    /// `depth` counts the element that ends.
    fn end(&mut self, depth: usize, name: &[u8]) {
        if self.case.depth == 0 {
            return;
        }
        if depth == self.case.depth + 1 {
            self.case.collecting = false;
        }
        if depth == self.case.depth && name == b"testcase" {
            self.close_case();
        }
    }

    fn close_case(&mut self) {
        self.cases.push(&self.case.as_case());
        self.case.depth = 0;
    }

    fn finish(self) -> Result<Tests, ReadError> {
        let (root, sum) = (self.suites.root, self.suites.outermost);
        self.cases.finish(DeclaredTests {
            tests: root.tests.or(sum.tests),
            failures: root.failures.or(sum.failures),
            errors: root.errors.or(sum.errors),
            skipped: root.skipped.or(sum.skipped),
        })
    }
}

impl CaseState {
    fn open(&mut self, depth: usize, tag: &Tag<'_>) {
        self.depth = depth;
        self.class.clear();
        self.name.clear();
        self.message.clear();
        self.text.clear();
        self.class.push_str(&tag.get("classname").unwrap_or_default());
        self.name.push_str(&tag.get("name").unwrap_or_default());
        self.file = tag.get("file").map(|f| f.into_owned());
        self.line = tag.number("line");
        self.micros = tag.raw("time").map_or(0, micros);
        self.failures = 0;
        self.errors = 0;
        self.reruns = 0;
        self.collecting = false;
        self.skipped = matches!(tag.raw("status"), Some(b"disabled" | b"notrun"));
    }

    fn child(&mut self, name: &[u8], tag: &Tag<'_>) {
        let first = self.failures + self.errors + self.reruns == 0;
        match name {
            b"failure" => self.failures += 1,
            b"error" => self.errors += 1,
            b"skipped" => {
                self.skipped = true;
                return;
            }
            b"rerunFailure" | b"rerunError" | b"flakyFailure" | b"flakyError" => self.reruns += 1,
            _ => return,
        }
        if first {
            self.message.push_str(&tag.get("message").unwrap_or_default());
            truncate(&mut self.message, KEPT_BYTES);
            self.collecting = true;
        }
    }

    fn as_case(&self) -> Case<'_> {
        let outcome = match self {
            CaseState { failures: 1.., .. } => CaseOutcome::Failed,
            CaseState { errors: 1.., .. } => CaseOutcome::Error,
            CaseState { skipped: true, .. } => CaseOutcome::Skipped,
            _ => CaseOutcome::Passed,
        };
        Case {
            class: &self.class,
            name: &self.name,
            file: self.file.as_deref(),
            line: self.line,
            micros: self.micros,
            outcome,
            flaky: outcome == CaseOutcome::Passed && self.reruns > 0,
            message: &self.message,
            text: &self.text,
        }
    }
}

fn declared(tag: &Tag<'_>) -> DeclaredTests {
    DeclaredTests {
        tests: tag.number("tests"),
        failures: tag.number("failures"),
        errors: tag.number("errors"),
        skipped: tag.number("skipped"),
    }
}

fn add(sum: &mut DeclaredTests, more: DeclaredTests) {
    let plus = |a: &mut Option<u64>, b: Option<u64>| {
        if let Some(b) = b {
            *a = Some(a.unwrap_or(0).saturating_add(b));
        }
    };
    plus(&mut sum.tests, more.tests);
    plus(&mut sum.failures, more.failures);
    plus(&mut sum.errors, more.errors);
    plus(&mut sum.skipped, more.skipped);
}

/// Seconds as reports write them: `0.123`, `1,234.5`, `1.4e-05`. What is no number counts nothing.
pub fn micros(seconds: &[u8]) -> u64 {
    let seconds = text(seconds).trim();
    let parsed = match seconds.contains(',') {
        true => seconds.replace(',', "").parse::<f64>(),
        false => seconds.parse::<f64>(),
    };
    match parsed {
        Ok(value) if value.is_finite() && value > 0.0 => (value * 1e6) as u64,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::KEPT_CASES;

    fn one(document: &str) -> (Tests, Vec<String>) {
        let mut seen = Vec::new();
        let mut source = document.as_bytes();
        let tests = read(&mut source, &mut |case| {
            seen.push(format!("{} {} {} {}", case.class, case.name, case.outcome.id(), case.flaky));
        })
        .unwrap();
        (tests, seen)
    }

    #[test]
    fn a_failure_beats_an_error_beats_a_skip() {
        let (tests, seen) = one("<testsuite><testcase name='a'><skipped/><error/><failure/></testcase>\
             <testcase name='b'><skipped/><error/></testcase><testcase name='c'><skipped/></testcase></testsuite>");
        assert_eq!(seen, [" a failed false", " b error false", " c skipped false"]);
        assert_eq!((tests.counts.failed, tests.counts.errors, tests.counts.skipped), (1, 1, 1));
    }

    #[test]
    fn a_retry_that_passed_is_flaky_and_one_that_did_not_is_red() {
        let (tests, seen) =
            one("<testsuite><testcase classname='k' name='a'><flakyFailure message='m'>t</flakyFailure></testcase>\
             <testcase classname='k' name='b'><failure/><rerunFailure/></testcase></testsuite>");
        assert_eq!(seen, ["k a passed true", "k b failed false"]);
        assert_eq!((tests.counts.flaky, tests.counts.passed, tests.counts.failed), (1, 1, 1));
    }

    #[test]
    fn what_a_test_printed_is_not_a_verdict() {
        let (tests, _) = one(
            "<testsuite><testcase name='a'><system-out>&lt;failure/&gt;<![CDATA[</testcase><failure/>]]></system-out>\
             </testcase></testsuite>",
        );
        assert_eq!((tests.counts.passed, tests.outside), (1, 0));
    }

    #[test]
    fn the_place_is_where_the_traceback_points() {
        let (tests, _) = one("<testsuite name='pytest'><testcase classname='t.c' name='a' file='t/c.py' line='3'>\
             <failure message='assert 1 == 2'>def a():\n&gt;  assert 1 == 2\n\n../lib/x.py:9: in f\nt/c.py:41: AssertionError</failure>\
             </testcase></testsuite>");
        let kept = &tests.kept[0];
        assert_eq!((kept.path.as_deref(), kept.line, kept.id.as_str()), (Some("t/c.py"), Some(41), "t.c::a"));
        assert_eq!(tests.tool.as_deref(), Some("pytest"));
    }

    #[test]
    fn kept_texts_end_at_their_bound_on_a_whole_character() {
        let (long, name) = ("x".repeat(KEPT_BYTES - 1), "n".repeat(2 * KEPT_BYTES));
        let (tests, _) = one(&format!(
            "<testsuite><testcase classname='k' name='{name}' file='{name}'><failure>{long}é<b/>yz</failure></testcase></testsuite>"
        ));
        let kept = &tests.kept[0];
        assert_eq!(kept.text, long);
        assert_eq!((kept.id.len(), kept.path.as_ref().map(String::len)), (KEPT_BYTES, Some(KEPT_BYTES)));
    }

    #[test]
    fn only_some_failures_are_kept_and_all_are_counted() {
        let cases: String =
            (0..5000).map(|n| format!("<testcase name='t{n}'><failure>x</failure></testcase>")).collect();
        let (tests, seen) = one(&format!("<testsuites tests='5000' failures='5000'>{cases}</testsuites>"));
        assert_eq!((tests.counts.failed, tests.kept.len(), seen.len()), (5000, KEPT_CASES, 5000));
        assert_eq!(tests.contradictions, Vec::<String>::new());
    }

    #[test]
    fn seconds_are_read_in_every_notation() {
        assert_eq!(micros(b"1,234.5"), 1_234_500_000);
        assert_eq!(micros(b"1.4e-05"), 14);
        assert_eq!(micros(b"NaN"), 0);
        assert_eq!(micros(b"-3"), 0);
    }
}
