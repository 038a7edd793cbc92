//! TRX, Visual Studio's test results: `<TestRun>` of `dotnet test`, vstest and Microsoft.Testing.Platform.
//! Sources: vstst.xsd; the enumeration TestOutcome, and what is counted, in vstest's TrxLogger. A host that crashed
//! leaves only the results until then, and tells of it in `<RunInfo outcome="Error">`.

use super::cases::{Cases, truncate};
use super::dotnet::{CaseState, Part};
use super::error::ReadError;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml, text, unescape};
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, Tests};
use std::collections::HashMap;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "trx",
    title: "TRX (Visual Studio test results)",
    reads: "every result under `<Results>`; of a data-driven test its rows, not the container; errors of the run as \
        failures outside of any test. Not executed, inconclusive, pending and the like count as skipped; time-out, \
        abort and disconnection as errors. `<Counters>` are only compared.",
    written_by: "`dotnet test --logger trx` with xUnit 2 and xUnit 3 on Microsoft.Testing.Platform, \
        mocha-trx-reporter 3",
    refuses: "a run without a `<ResultSummary>` (it did not end), an outcome that TRX does not know, XML that is not \
        well formed.",
    looks_like: |s| s.syntax == Syntax::Xml && s.root == "TestRun",
    holds: Holds::Tests(read),
};

/// Errors of the run that only repeat that a test failed: Microsoft.Testing.Platform ends every such run with the
/// first, and xUnit's adapter logs every such test with the second at its end.
const TESTS_FAILED: &str = "Exit code indicates failure: '2'";
const TEST_FAILED: &str = "[FAIL]";
/// The longest text of such an error: the name of a test.
const MAX_INFO_BYTES: usize = 4096;

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut xml = Xml::new(source);
    let mut reader = Reader {
        cases: Cases::new(each),
        results: Results::default(),
        kept: HashMap::new(),
        definition: None,
        summary: Summary::default(),
    };
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Event::Start(tag) => {
                let done = reader.start(depth, &tag);
                done.map_err(|message| ReadError::malformed(xml.line(), message))?;
            }
            Event::End(_) => reader.end(depth),
            Event::Text(raw) => reader.text(raw, true),
            Event::Cdata(raw) => reader.text(raw, false),
            Event::Eof => break,
        }
    }
    let line = xml.line();
    reader.finish(line)
}

struct Reader<'e> {
    cases: Cases<'e>,
    results: Results,
    /// The kept cases of a test: its class stands in its definition, behind all results.
    kept: HashMap<Vec<u8>, Vec<usize>>,
    /// The kept cases of the open `<UnitTest>`.
    definition: Option<Vec<usize>>,
    summary: Summary,
}

/// The open results, one inside the other; those behind `open` are there to be used again.
#[derive(Default)]
struct Results {
    stack: Vec<Outcome>,
    open: usize,
    /// Depths of the open `<Results>` and `<InnerResults>`.
    containers: Vec<usize>,
    /// How many results were only containers of others, and how many of these were red.
    containing: u64,
    containing_red: u64,
}

#[derive(Default)]
struct Outcome {
    case: CaseState,
    test: Vec<u8>,
    depth: usize,
    /// Depth of the open `<ErrorInfo>`, 0 outside.
    error: usize,
    rows: u64,
    red_rows: u64,
}

/// What the run says of itself.
#[derive(Default)]
struct Summary {
    depth: usize,
    seen: bool,
    /// The run failed, for whatever reason.
    failed: bool,
    /// The run did not come to its end.
    broke: bool,
    declared: DeclaredTests,
    /// Errors of the run, and how many of them only repeat that a test failed.
    errors: u64,
    repeated: u64,
    /// The open `<RunInfo>` is an error; its text.
    info: Option<String>,
}

impl Reader<'_> {
    /// `depth` is that of the parent: 0 for the root.
    fn start(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        if self.results.containers.last() == Some(&depth) {
            return self.results.begin(depth + 1, tag);
        }
        match tag.name() {
            b"Results" if depth == 1 => self.results.containers.push(depth + 1),
            b"ResultSummary" if depth == 1 => self.summary.open(tag)?,
            b"UnitTest" if depth == 2 && !self.kept.is_empty() => {
                self.definition = tag.raw("id").and_then(|id| self.kept.remove(id));
            }
            b"TestMethod" if depth == 3 => self.class(tag),
            _ if self.results.open > 0 => self.results.inside(depth, tag),
            _ if self.summary.depth > 0 => self.summary.start(tag)?,
            _ => {}
        }
        Ok(())
    }

    /// Puts the class before the name of the kept cases, where the name does not begin with it.
    fn class(&mut self, tag: &Tag<'_>) {
        let (Some(kept), Some(class)) = (self.definition.take(), tag.get("className")) else { return };
        // Old definitions name the assembly behind it; mocha's reporter writes `none`.
        let class = class.split(',').next().unwrap_or_default().trim();
        if class.is_empty() || class == "none" {
            return;
        }
        for at in kept {
            let id = &mut self.cases.out.kept[at].id;
            let short = id.strip_prefix(class).and_then(|rest| rest.strip_prefix('.')).unwrap_or(id);
            *id = format!("{class}::{short}");
            truncate(id, KEPT_BYTES);
        }
    }

    fn text(&mut self, raw: &[u8], escaped: bool) {
        if let Some(result) = self.results.innermost() {
            result.case.text(raw, escaped);
        } else if let Some(info) = &mut self.summary.info
            && info.len() <= MAX_INFO_BYTES
        {
            info.push_str(&if escaped { unescape(raw) } else { text(raw).into() });
            truncate(info, MAX_INFO_BYTES + 1);
        }
    }

    /// `depth` counts the element that ends.
    fn end(&mut self, depth: usize) {
        self.results.containers.pop_if(|container| *container == depth);
        if let Some(result) = self.results.innermost() {
            result.case.part = Part::None;
            if result.error == depth {
                result.error = 0;
            }
            if result.depth == depth {
                self.close();
            }
        } else {
            self.summary.end(depth);
        }
    }

    /// A result with rows is only their container, unless it is red and none of them is.
    fn close(&mut self) {
        let at = self.results.open - 1;
        self.results.open = at;
        let result = &self.results.stack[at];
        let red = result.case.red();
        let is_case = result.rows == 0 || (red && result.red_rows == 0);
        if is_case {
            let kept = self.cases.out.kept.len();
            result.case.hand(&mut |case| self.cases.push(case));
            if self.cases.out.kept.len() > kept {
                self.kept.entry(result.test.clone()).or_default().push(kept);
            }
        } else {
            self.results.containing += 1;
            self.results.containing_red += u64::from(red);
        }
        let red_rows = result.red_rows + u64::from(red && is_case);
        if let Some(outer) = self.results.innermost() {
            outer.rows += 1;
            outer.red_rows += red_rows;
        }
    }

    fn finish(mut self, line: u64) -> Result<Tests, ReadError> {
        if !self.summary.seen {
            return Err(ReadError::malformed(line, "no <ResultSummary>: the run did not end"));
        }
        let counts = self.cases.out.counts;
        let repeated = if counts.red() > 0 { self.summary.repeated } else { 0 };
        let told = self.summary.errors - repeated;
        let untold = told == 0 && (self.summary.broke || (self.summary.failed && counts.red() == 0));
        self.cases.out.outside = told + u64::from(untold);
        // Before version 18, vstest counted the container of a data-driven test among its rows.
        let mut declared = self.summary.declared;
        for (says, counted, containing) in [
            (&mut declared.tests, counts.tests, self.results.containing),
            (&mut declared.failures, counts.failed, self.results.containing_red),
        ] {
            if *says == Some(counted + containing) {
                *says = Some(counted);
            }
        }
        self.cases.finish(declared)
    }
}

impl Results {
    fn innermost(&mut self) -> Option<&mut Outcome> {
        self.stack[..self.open].last_mut()
    }

    fn begin(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        // UnitTestResult, GenericTestResult and others; a TestResultAggregation is an ordered test.
        if !tag.name().ends_with(b"TestResult") && tag.name() != b"TestResultAggregation" {
            return Err(format!("a test result expected, found <{}>", text(tag.name())));
        }
        if self.open == self.stack.len() {
            self.stack.push(Outcome::default());
        }
        let result = &mut self.stack[self.open];
        self.open += 1;
        (result.depth, result.error, result.rows, result.red_rows) = (depth, 0, 0, 0);
        result.case.open(outcome(tag.raw("outcome"))?, tag.raw("duration").map_or(0, micros));
        result.case.named("", &tag.get("testName").unwrap_or_default());
        result.test.clear();
        if result.case.red() {
            result.test.extend_from_slice(tag.raw("testId").unwrap_or_default());
            result.test.truncate(64);
        }
        Ok(())
    }

    fn inside(&mut self, depth: usize, tag: &Tag<'_>) {
        let Some(result) = self.stack[..self.open].last_mut() else { return };
        match tag.name() {
            b"InnerResults" if depth == result.depth => self.containers.push(depth + 1),
            // Output/ErrorInfo/Message
            b"ErrorInfo" if depth == result.depth + 1 && result.case.red() => result.error = depth + 1,
            b"Message" if result.error > 0 && depth == result.error => result.case.part = Part::Message,
            b"StackTrace" if result.error > 0 && depth == result.error => result.case.part = Part::Trace,
            _ => {}
        }
    }
}

impl Summary {
    fn open(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        (self.seen, self.depth) = (true, 2);
        match tag.raw("outcome") {
            // `Completed` is a run without a failure; `Warning` one with remarks.
            Some(b"Completed" | b"Passed" | b"Warning" | b"Inconclusive") => {}
            Some(b"Failed") => self.failed = true,
            known => {
                outcome(known)?;
                self.broke = true;
            }
        }
        Ok(())
    }

    fn start(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name() {
            b"Counters" => {
                let errors = ["error", "timeout", "aborted", "disconnected", "notRunnable", "passedButRunAborted"];
                self.declared = DeclaredTests {
                    tests: tag.number("total"),
                    failures: tag.number("failed"),
                    errors: errors.iter().filter_map(|name| tag.number(name)).reduce(u64::saturating_add),
                    skipped: None,
                };
            }
            b"RunInfo" => {
                let red = matches!(outcome(tag.raw("outcome"))?, CaseOutcome::Failed | CaseOutcome::Error);
                self.errors += u64::from(red);
                self.info = red.then(String::new);
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, depth: usize) {
        // ResultSummary/RunInfos/RunInfo
        if depth == 4 {
            let info = self.info.take().unwrap_or_default();
            let info = info.trim();
            self.repeated += u64::from(info.starts_with(TESTS_FAILED) || info.ends_with(TEST_FAILED));
        }
        if depth == self.depth {
            self.depth = 0;
        }
    }
}

/// The words of vstest's TestOutcome. An `Error` is written as no attribute at all by some, since it is the first.
fn outcome(word: Option<&[u8]>) -> Result<CaseOutcome, String> {
    match word {
        Some(b"Passed") => Ok(CaseOutcome::Passed),
        Some(b"Failed") => Ok(CaseOutcome::Failed),
        Some(b"NotExecuted" | b"Inconclusive" | b"Pending" | b"Completed" | b"Warning") => Ok(CaseOutcome::Skipped),
        None
        | Some(
            b"Error"
            | b"Timeout"
            | b"Aborted"
            | b"Disconnected"
            | b"NotRunnable"
            | b"PassedButRunAborted"
            | b"InProgress",
        ) => Ok(CaseOutcome::Error),
        Some(other) => Err(format!("an outcome of TRX expected, found `{}`", text(other))),
    }
}

/// `[days.]hours:minutes:seconds[.fraction]`; what is none counts nothing.
fn micros(span: &[u8]) -> u64 {
    let span = text(span).trim();
    if span.starts_with('-') {
        return 0;
    }
    let mut parts = span.rsplitn(3, ':');
    let (seconds, minutes, rest) = (parts.next(), parts.next(), parts.next());
    let (days, hours) = rest.map_or(("0", "0"), |rest| rest.split_once('.').unwrap_or(("0", rest)));
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    let (Some(seconds), Some(minutes)) = (number(seconds), number(minutes)) else { return 0 };
    let (Some(days), Some(hours)) = (number(Some(days)), number(Some(hours))) else { return 0 };
    let total = ((days * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds;
    if total.is_finite() && total > 0.0 { (total * 1e6).round() as u64 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(document: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let mut source = document.as_bytes();
        let tests = read(&mut source, &mut |case| seen.push(format!("{} {}", case.name, case.outcome.id())))?;
        Ok((tests, seen))
    }

    fn run(results: &str, summary: &str) -> (Tests, Vec<String>) {
        one(&format!("<TestRun><Results>{results}</Results>{summary}</TestRun>")).unwrap()
    }

    const DONE: &str = "<ResultSummary outcome='Completed'/>";

    #[test]
    fn every_outcome_is_known_and_only_passed_is_green() {
        let words = [
            ("Passed", "passed"),
            ("Failed", "failed"),
            ("Error", "error"),
            ("Timeout", "error"),
            ("Aborted", "error"),
            ("Disconnected", "error"),
            ("NotRunnable", "error"),
            ("PassedButRunAborted", "error"),
            ("InProgress", "error"),
            ("NotExecuted", "skipped"),
            ("Inconclusive", "skipped"),
            ("Pending", "skipped"),
            ("Completed", "skipped"),
            ("Warning", "skipped"),
        ];
        for (word, expected) in words {
            let (_, seen) = run(&format!("<UnitTestResult testName='a' outcome='{word}'/>"), DONE);
            assert_eq!(seen, [format!("a {expected}")], "{word}");
        }
        assert_eq!(run("<UnitTestResult testName='a'/>", DONE).1, ["a error"]);
        for (result, what) in
            [("<UnitTestResult outcome='passed'/>", "`passed`"), ("<Result outcome='Passed'/>", "<Result>")]
        {
            let error = one(&format!("<TestRun><Results>\n{result}</Results></TestRun>")).unwrap_err();
            assert!(error.message.contains(what) && error.line == Some(2), "{error}");
        }
    }

    #[test]
    fn a_run_that_broke_is_not_green() {
        let passed = "<UnitTestResult testName='a' outcome='Passed'/>";
        let failed = "<UnitTestResult testName='a' outcome='Failed'/>";
        let info = |text: &str| {
            format!(
                "<ResultSummary outcome='Failed'><RunInfos><RunInfo outcome='Error'><Text>{text}</Text></RunInfo></RunInfos></ResultSummary>"
            )
        };
        for (results, summary, outside) in [
            (passed, DONE, 0),
            (passed, "<ResultSummary outcome='Failed'/>", 1),
            (failed, "<ResultSummary outcome='Failed'/>", 0),
            (failed, "<ResultSummary outcome='Aborted'/>", 1),
            (passed, "<ResultSummary outcome='InProgress'/>", 1),
            (passed, "<ResultSummary/>", 1),
            (passed, &info("Test host process crashed"), 1),
            (failed, &info("Test host process crashed"), 1),
            (failed, &info("Exit code indicates failure: &apos;2&apos;. Please"), 0),
            (passed, &info("Exit code indicates failure: '2'. Please"), 1),
            (failed, &info("Exit code indicates failure: '7'. Please"), 1),
            (failed, &info("[xUnit.net 00:00:00.51]     A.B [FAIL]"), 0),
            (passed, &info("[xUnit.net 00:00:00.51]     A.B [FAIL]"), 1),
            (
                passed,
                "<ResultSummary outcome='Completed'><RunInfos><RunInfo outcome='Warning'/></RunInfos></ResultSummary>",
                0,
            ),
        ] {
            assert_eq!(run(results, summary).0.outside, outside, "{results} {summary}");
        }
        let error = one("<TestRun><Results/>\n</TestRun>").unwrap_err();
        assert!(error.message.contains("did not end") && error.line == Some(2), "{error}");
    }

    #[test]
    fn rows_count_and_their_container_does_not() {
        let rows = |outer: &str, inner: &str| {
            format!(
                "<UnitTestResult testName='t' outcome='{outer}' resultType='DataDrivenTest'><InnerResults>\
                <UnitTestResult testName='t (1)' outcome='Passed'/><UnitTestResult testName='t (2)' outcome='{inner}'/>\
                </InnerResults></UnitTestResult>"
            )
        };
        let summary = |total: u64, failed: u64| {
            format!("<ResultSummary outcome='Failed'><Counters total='{total}' failed='{failed}'/></ResultSummary>")
        };
        for (total, failed, contradictions) in [(2, 1, 0), (3, 2, 0), (4, 1, 1)] {
            let (tests, seen) = run(&rows("Failed", "Failed"), &summary(total, failed));
            assert_eq!(seen, ["t (1) passed", "t (2) failed"]);
            assert_eq!(tests.contradictions.len(), contradictions, "{total} {failed} {:?}", tests.contradictions);
        }
        // The clean-up of the whole failed: it is told by the container alone.
        assert_eq!(run(&rows("Failed", "Passed"), DONE).1, ["t (1) passed", "t (2) passed", "t failed"]);
    }

    #[test]
    fn a_failure_has_its_class_its_place_and_its_text() {
        let (tests, _) = one("<TestRun><Results><UnitTestResult testId='1' testName='Adds' outcome='Failed' duration='00:00:01.5'>\
            <Output><StdOut>out</StdOut><ErrorInfo><Message>no&#xD;\n</Message><StackTrace>   at A.B.Adds() in C:\\w\\b.cs:line 4</StackTrace></ErrorInfo></Output>\
            </UnitTestResult><UnitTestResult testId='2' testName='A.B.Other' outcome='Failed'/></Results>\
            <TestDefinitions><UnitTest id='1'><TestMethod className='A.B, Asm' name='Adds'/></UnitTest>\
            <UnitTest id='2'><TestMethod className='A.B' name='Other'/></UnitTest></TestDefinitions><ResultSummary outcome='Failed'/></TestRun>").unwrap();
        let kept = &tests.kept[0];
        assert_eq!((kept.id.as_str(), kept.path.as_deref(), kept.line), ("A.B::Adds", Some("C:/w/b.cs"), Some(4)));
        assert_eq!((kept.message.as_str(), tests.kept[1].id.as_str()), ("no\r\n", "A.B::Other"));
        assert_eq!(tests.counts.micros, 1_500_000);
    }

    #[test]
    fn time_spans_are_read() {
        assert_eq!(micros(b"00:00:00.0170545"), 17_055);
        assert_eq!(micros(b"1.02:03:04"), 93_784_000_000);
        assert_eq!((micros(b"soon"), micros(b"-00:00:01"), micros(b""), micros(b"nan:0:0")), (0, 0, 0, 0));
    }
}
