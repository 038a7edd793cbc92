//! NUnit's XML: version 3 (`test-run`) and version 2 (`test-results`).
//! Sources: docs.nunit.org, "Test Result XML Format"; Results.xsd of NUnit 2; nunit-console 2.6.4, which ends red for
//! tests that cannot be run. A suite may be red with no red test in it: its tear-down failed, or it did not load.

use super::cases::Cases;
use super::dotnet::{CaseState, Part};
use super::error::ReadError;
use super::junit::micros;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml, text};
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, Tests};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "nunit",
    title: "NUnit 2 and 3 XML",
    reads: "every `<test-case>` with its result, time and failure; a suite that is red of itself as a failure outside \
        of any test. Inconclusive counts as skipped, a warning as passed. Totals in attributes are only compared.",
    written_by: "nunit-console 2.6, pytest-nunit 1; the published schema of NUnit 3",
    refuses: "a run without a `total` (it did not end), a result that NUnit does not know, XML that is not well formed.",
    looks_like: |s| s.syntax == Syntax::Xml && matches!(s.root.as_str(), "test-run" | "test-results"),
    holds: Holds::Tests(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut xml = Xml::new(source);
    let mut reader = Reader {
        cases: Cases::new(each),
        case: CaseState::default(),
        depth: 0,
        failure: 0,
        suites: Vec::new(),
        declared: DeclaredTests::default(),
    };
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Event::Start(tag) => {
                let done = reader.start(depth, &tag);
                done.map_err(|message| ReadError::malformed(xml.line(), message))?;
            }
            Event::End(_) => reader.end(depth),
            Event::Text(raw) => reader.case.text(raw, true),
            Event::Cdata(raw) => reader.case.text(raw, false),
            Event::Eof => break,
        }
    }
    reader.cases.finish(reader.declared)
}

struct Reader<'e> {
    cases: Cases<'e>,
    case: CaseState,
    /// Depth of the open `<test-case>`, 0 outside.
    depth: usize,
    /// Depth of its open `<failure>`, 0 outside.
    failure: usize,
    /// The open suites, the run among them.
    suites: Vec<Suite>,
    declared: DeclaredTests,
}

struct Suite {
    depth: usize,
    red: bool,
    /// What was red before it began.
    before: u64,
}

impl Reader<'_> {
    /// `depth` is that of the parent: 0 for the root.
    fn start(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name() {
            b"test-run" if depth == 0 => {
                self.declared = declared_3(tag)?;
                self.suite(depth + 1, tag)?;
            }
            b"test-results" if depth == 0 => self.declared = declared_2(tag)?,
            b"test-suite" if self.depth == 0 => self.suite(depth + 1, tag)?,
            b"test-case" if self.depth == 0 => self.case(depth + 1, tag)?,
            b"failure" if self.depth > 0 && depth == self.depth && self.case.red() => self.failure = depth + 1,
            b"message" if self.failure > 0 && depth == self.failure => self.case.part = Part::Message,
            b"stack-trace" if self.failure > 0 && depth == self.failure => self.case.part = Part::Trace,
            _ => {}
        }
        Ok(())
    }

    fn suite(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        let outcome = outcome(tag)?;
        let red = matches!(outcome, CaseOutcome::Failed | CaseOutcome::Error);
        let before = self.red();
        if red && tag.raw("site") == Some(b"TearDown") {
            self.cases.out.outside += 1;
        }
        self.suites.push(Suite { depth, red, before });
        Ok(())
    }

    fn case(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        let time = tag.raw("duration").or(tag.raw("time"));
        self.depth = depth;
        self.case.open(outcome(tag)?, time.map_or(0, micros));
        match tag.get("classname").filter(|class| !class.is_empty()) {
            Some(class) => self.case.named(&class, &tag.get("name").unwrap_or_default()),
            None => self.case.named("", &tag.get("fullname").or(tag.get("name")).unwrap_or_default()),
        }
        Ok(())
    }

    fn red(&self) -> u64 {
        self.cases.out.counts.red() + self.cases.out.outside
    }

    /// `depth` counts the element that ends.
    fn end(&mut self, depth: usize) {
        self.case.part = Part::None;
        if self.failure == depth {
            self.failure = 0;
        }
        if self.depth == depth {
            self.depth = 0;
            self.case.hand(&mut |case| self.cases.push(case));
        }
        if let Some(suite) = self.suites.pop_if(|suite| suite.depth == depth)
            && suite.red
            && suite.before == self.red()
        {
            self.cases.out.outside += 1;
        }
    }
}

/// Of a case or a suite. NUnit 2.4 wrote `executed` and `success` alone.
fn outcome(tag: &Tag<'_>) -> Result<CaseOutcome, String> {
    match tag.raw("result") {
        // A warning is shown by NUnit and fails nothing.
        Some(b"Passed" | b"Success" | b"Warning") => Ok(CaseOutcome::Passed),
        Some(b"Failed" | b"Failure") => Ok(CaseOutcome::Failed),
        Some(b"Error" | b"NotRunnable" | b"Cancelled") => Ok(CaseOutcome::Error),
        Some(b"Skipped" | b"Ignored" | b"Inconclusive") => Ok(CaseOutcome::Skipped),
        Some(other) => Err(format!("a result of NUnit expected, found `{}`", text(other))),
        None => match (tag.raw("executed"), tag.raw("success")) {
            (Some(b"False"), _) => Ok(CaseOutcome::Skipped),
            (_, Some(b"True")) => Ok(CaseOutcome::Passed),
            (_, Some(b"False")) => Ok(CaseOutcome::Failed),
            _ => Err(format!("<{}> without a `result`", text(tag.name()))),
        },
    }
}

fn total(tag: &Tag<'_>) -> Result<u64, String> {
    tag.number("total").ok_or_else(|| format!("<{}> without a `total`: the run did not end", text(tag.name())))
}

fn sum(tag: &Tag<'_>, names: &[&str]) -> Option<u64> {
    names.iter().filter_map(|name| tag.number(name)).reduce(u64::saturating_add)
}

fn declared_3(tag: &Tag<'_>) -> Result<DeclaredTests, String> {
    Ok(DeclaredTests {
        tests: Some(total(tag)?),
        failures: tag.number("failed"),
        errors: None,
        skipped: sum(tag, &["skipped", "inconclusive"]),
    })
}

/// `total` counts what ran; `invalid` are the tests that are not runnable.
fn declared_2(tag: &Tag<'_>) -> Result<DeclaredTests, String> {
    Ok(DeclaredTests {
        tests: Some(total(tag)?.saturating_add(tag.number("not-run").unwrap_or(0))),
        failures: tag.number("failures"),
        errors: sum(tag, &["errors", "invalid"]),
        // NUnit 2.4 knew but `not-run`.
        skipped: sum(tag, &["ignored", "skipped", "inconclusive"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(document: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let mut source = document.as_bytes();
        let tests = read(&mut source, &mut |case| {
            seen.push(format!("{}|{}|{}|{}", case.class, case.name, case.outcome.id(), case.message));
        })?;
        Ok((tests, seen))
    }

    #[test]
    fn every_result_of_nunit_3_is_known_and_an_assertion_s_message_is_not_read_twice() {
        let (tests, seen) = one("<test-run total='5' failed='1' skipped='1' inconclusive='1' result='Failed'><test-suite result='Failed' site='Child'>\
            <failure><message>One or more child tests had errors</message></failure>\
            <test-case classname='A.B' name='C' result='Failed' label='Error' duration='1.5'><failure><message>m</message>\
            <stack-trace>at A.B.C() in C:\\w\\b.cs:line 4</stack-trace></failure><assertions><assertion><message>x</message></assertion></assertions></test-case>\
            <test-case classname='A.B' name='D' result='Warning'><assertions><assertion result='Warning'><message>w</message></assertion></assertions></test-case>\
            <test-case name='E' fullname='A.B.E' result='Inconclusive'/><test-case name='F' result='Skipped' label='Explicit'><reason><message>r</message></reason></test-case>\
            <test-case name='G' result='Passed'><failure><message>y</message></failure></test-case></test-suite></test-run>").unwrap();
        assert_eq!(seen, ["A.B|C|failed|m", "A.B|D|passed|", "|A.B.E|skipped|", "|F|skipped|", "|G|passed|"]);
        assert_eq!((tests.kept[0].path.as_deref(), tests.kept[0].line), (Some("C:/w/b.cs"), Some(4)));
        assert_eq!((tests.outside, tests.contradictions.len(), tests.counts.micros), (0, 0, 1_500_000));
    }

    #[test]
    fn a_suite_that_is_red_of_itself_is_not_green() {
        let case = "<test-case name='a' result='Passed'/>";
        for (suite, outside) in [
            (format!("<test-suite result='Failed'><test-suite result='Failed' site='TearDown'>{case}</test-suite></test-suite>"), 1),
            (format!("<test-suite result='Failed' site='Child'><test-suite result='Failed'>{case}</test-suite>{case}</test-suite>"), 1),
            ("<test-suite type='Assembly' runstate='NotRunnable' result='Failed' label='Invalid'><reason><message>not found</message></reason></test-suite>".into(), 1),
            ("<test-suite result='Failed' site='TearDown'><test-case name='a' result='Failed'/></test-suite>".into(), 1),
            ("<test-suite result='Failed'><test-case name='a' result='Failed'/></test-suite>".into(), 0),
            (format!("<test-suite result='Passed'>{case}</test-suite>"), 0),
        ] {
            let (tests, _) = one(&format!("<test-run total='1' result='Passed'>{suite}</test-run>")).unwrap();
            assert_eq!(tests.outside, outside, "{suite}");
        }
        let (tests, _) = one("<test-run total='0' result='Failed' label='Error'/>").unwrap();
        assert_eq!(tests.outside, 1);
    }

    #[test]
    fn nunit_2_names_its_outcomes_differently() {
        let (tests, seen) = one("<test-results total='3' errors='1' failures='1' not-run='3' inconclusive='1' ignored='1' skipped='1' invalid='1'>\
            <test-suite result='Error'><results><test-case name='A.B.c' result='Failure'><failure><message>m</message></failure></test-case>\
            <test-case name='d' result='Error'/><test-case name='e' result='NotRunnable'/><test-case name='f' result='Ignored'/>\
            <test-case name='g' result='Skipped'/><test-case name='h' result='Inconclusive'/></results></test-suite></test-results>").unwrap();
        assert_eq!(seen[0], "|A.B.c|failed|m");
        assert_eq!((tests.counts.failed, tests.counts.errors, tests.counts.skipped), (1, 2, 3));
        assert_eq!(tests.contradictions, Vec::<String>::new());
        let (_, old) = one("<test-results total='2' not-run='1'><test-suite success='False'><test-case name='a' executed='True' success='False'/>\
            <test-case name='b' executed='False'/><test-case name='c' executed='True' success='True'/></test-suite></test-results>").unwrap();
        assert_eq!(old, ["|a|failed|", "|b|skipped|", "|c|passed|"]);
    }

    #[test]
    fn what_is_no_result_and_a_run_that_did_not_end_are_refused() {
        for (document, what) in [
            ("<test-run total='1' result='Passed'>\n<test-case result='passed'/></test-run>", "`passed`"),
            ("<test-run total='1' result='Passed'>\n<test-case name='a'/></test-run>", "without a `result`"),
            ("<test-run total='1' result='Passed'>\n<test-suite result='Green'/></test-run>", "`Green`"),
            ("\n<test-run result='Passed'/>", "did not end"),
            ("\n<test-run total='1'/>", "without a `result`"),
            ("\n<test-results failures='0'/>", "did not end"),
        ] {
            let error = one(document).unwrap_err();
            assert!(error.message.contains(what) && error.line == Some(2), "{document}: {error}");
        }
    }
}
