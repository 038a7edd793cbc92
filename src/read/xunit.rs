//! xUnit.net's XML, schema versions 1 to 3 (runners v2 and v3).
//! Source: xunit.net/docs/format-xml-v2. `<error>` tells of what failed outside of any test, such as a clean-up.

use super::cases::Cases;
use super::dotnet::{CaseState, Part, slashes};
use super::error::ReadError;
use super::junit::micros;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml, text};
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, Tests};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "xunit",
    title: "xUnit.net XML",
    reads: "every `<test>` with its result, time, place and failure; every `<error>` as a failure outside of any test. \
        Totals in attributes are only compared.",
    written_by: "mocha-xunit-reporter 2; the published schema of xUnit.net v2 and v3",
    refuses: "an assembly without a `total` (its run did not end), a result other than Pass, Fail, Skip and NotRun, \
        XML that is not well formed.",
    looks_like: |s| s.syntax == Syntax::Xml && s.root == "assemblies",
    holds: Holds::Tests(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut xml = Xml::new(source);
    let mut reader = Reader {
        cases: Cases::new(each),
        case: CaseState::default(),
        depth: 0,
        declared: DeclaredTests::default(),
        errors: 0,
        not_run: 0,
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
    reader.finish()
}

struct Reader<'e> {
    cases: Cases<'e>,
    case: CaseState,
    /// Depth of the open `<test>`, 0 outside.
    depth: usize,
    declared: DeclaredTests,
    /// Errors outside of tests, as the assemblies declare them.
    errors: u64,
    not_run: u64,
}

impl Reader<'_> {
    /// `depth` is that of the parent: 0 for the root.
    fn start(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name() {
            _ if depth == 0 => {}
            b"assembly" if depth == 1 => self.assembly(tag)?,
            b"test" if self.depth == 0 => self.test(depth + 1, tag)?,
            b"error" if self.depth == 0 => self.cases.out.outside += 1,
            // <failure> stands in the test, its message and stack trace in that.
            b"message" if depth == self.depth + 1 && self.case.red() => self.case.part = Part::Message,
            b"stack-trace" if depth == self.depth + 1 && self.case.red() => self.case.part = Part::Trace,
            _ => {}
        }
        Ok(())
    }

    fn assembly(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        let Some(total) = tag.number("total") else {
            return Err("an <assembly> without a `total`: its run did not end".into());
        };
        let not_run = tag.number("not-run").unwrap_or(0);
        let plus = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        plus(&mut self.declared.tests, Some(total));
        plus(&mut self.declared.failures, tag.number("failed"));
        plus(&mut self.declared.skipped, tag.number("skipped").map(|skipped| skipped.saturating_add(not_run)));
        self.not_run = self.not_run.saturating_add(not_run);
        self.errors = self.errors.saturating_add(tag.number("errors").unwrap_or(0));
        Ok(())
    }

    fn test(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        let outcome = match tag.raw("result") {
            Some(b"Pass") => CaseOutcome::Passed,
            Some(b"Fail") => CaseOutcome::Failed,
            Some(b"Skip" | b"NotRun") => CaseOutcome::Skipped,
            other => {
                let found = other.map_or("nothing", text);
                return Err(format!("result Pass, Fail, Skip or NotRun expected, found `{found}`"));
            }
        };
        self.depth = depth;
        self.case.open(outcome, tag.raw("time").map_or(0, micros));
        self.case.named(&tag.get("type").unwrap_or_default(), &tag.get("name").unwrap_or_default());
        if let Some(file) = tag.get("source-file") {
            self.case.file.push_str(&slashes(&file));
            self.case.line = tag.number("source-line");
            self.cases.remember_file(&self.case.file);
        }
        Ok(())
    }

    /// `depth` counts the element that ends.
    fn end(&mut self, depth: usize) {
        self.case.part = Part::None;
        if self.depth > 0 && depth == self.depth {
            self.depth = 0;
            self.case.hand(&mut |case| self.cases.push(case));
        }
    }

    fn finish(mut self) -> Result<Tests, ReadError> {
        self.cases.out.outside = self.cases.out.outside.max(self.errors);
        // Whether `total` holds what was not run is not told by the schema: either will do.
        let counted = self.cases.out.counts.tests;
        if let Some(total) = &mut self.declared.tests
            && total.saturating_add(self.not_run) == counted
        {
            *total = counted;
        }
        self.cases.finish(self.declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(document: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let mut source = document.as_bytes();
        let tests = read(&mut source, &mut |case| {
            let place = format!("{}:{}", case.file.unwrap_or(""), case.line.unwrap_or(0));
            seen.push(format!("{}|{}|{}|{place}", case.class, case.name, case.outcome.id()));
        })?;
        Ok((tests, seen))
    }

    #[test]
    fn a_failure_and_its_place_are_told_and_what_was_not_run_is_no_pass() {
        let (tests, seen) = one("<assemblies><assembly total='4' passed='1' failed='1' skipped='1' not-run='1' errors='0'>\
            <collection name='c'><test type='A.B' name='A.B.C(n: 1)' result='Pass' time='0.5' source-file='C:\\w\\b.cs' source-line='3'/>\
            <test type='A.B' name='A.B.D' result='Fail' source-file='/w/b.cs' source-line='5'><output>message</output>\
            <failure><message>no &lt;</message><stack-trace>at A.B.D() in /w/b.cs:line 7</stack-trace></failure></test>\
            <test name='e' result='Skip'><reason>later</reason></test><test name='f' result='NotRun'/></collection></assembly></assemblies>").unwrap();
        assert_eq!(
            seen,
            ["A.B|C(n: 1)|passed|C:/w/b.cs:3", "A.B|D|failed|/w/b.cs:7", "|e|skipped|:0", "|f|skipped|:0"]
        );
        assert_eq!((tests.kept[0].message.as_str(), tests.kept[0].line), ("no <", Some(7)));
        assert_eq!((tests.counts.micros, tests.contradictions.len()), (500_000, 0), "{:?}", tests.contradictions);
    }

    #[test]
    fn an_error_outside_of_any_test_is_not_green() {
        let error = "<errors><error type='test-class-cleanup' name='A'><failure><message>m</message></failure></error></errors>";
        for (errors, element) in [(1, error), (0, error), (1, "<errors/>"), (1, "")] {
            let (tests, _) = one(&format!(
                "<assemblies><assembly total='1' failed='0' errors='{errors}'>{element}<collection>\
                 <test name='a' result='Pass'/></collection></assembly></assemblies>"
            ))
            .unwrap();
            assert_eq!((tests.outside, tests.counts.passed), (1, 1), "{errors} {element}");
        }
    }

    #[test]
    fn what_is_no_result_and_an_assembly_that_did_not_end_are_refused() {
        for (inside, what) in [
            ("<assembly total='1'>\n<test name='a' result='pass'/></assembly>", "`pass`"),
            ("<assembly total='1'>\n<test name='a'/></assembly>", "nothing"),
            ("\n<assembly name='a'/>", "did not end"),
        ] {
            let error = one(&format!("<assemblies>{inside}</assemblies>")).unwrap_err();
            assert!(error.message.contains(what) && error.line == Some(2), "{error}");
        }
    }

    #[test]
    fn what_a_test_printed_is_not_a_verdict() {
        let (tests, _) = one("<assemblies><assembly total='1'><collection><test name='a' result='Pass'>\
            <output><test name='b' result='Fail'/><error/></output></test></collection></assembly></assemblies>")
        .unwrap();
        assert_eq!((tests.counts.tests, tests.outside), (1, 0));
    }
}
