//! The report of jest (`--json`) and of vitest's `json` reporter, which copies it.
//! Behaviour after jest's @jest/test-result (formatTestResults): a suite that could not run, or whose clean-up failed,
//! is `failed` without a failed assertion. `success` is false for that, and for a failed snapshot or reporter.
//! vitest tells a retry only by the messages that a passed test kept.

use super::cases::{Cases, Held, truncate};
use super::error::ReadError;
use super::json::{self, List, Object, Text};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, Tests};
use serde::Deserialize;
use serde::de::{Error, MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "jest-json",
    title: "jest JSON",
    reads: "every assertion result of every suite; what passed after more than one invocation, or with a message of an \
        earlier try, as flaky; a suite that failed without a failed assertion, and `success: false` that no test \
        explains, as failures outside of any test. Totals are only compared.",
    written_by: "jest 27 and 30 (`--json`), vitest 1 and 4 (`--reporter=json`)",
    refuses: "a report without `testResults` or `success`, a status that jest does not know.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["numTotalTests", "numFailedTestSuites"]),
    holds: Holds::Tests(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut report = Report {
        cases: Cases::new(each),
        totals: Totals::default(),
        suites: false,
        suite: Suite::default(),
        held: Held::default(),
        test: Assertion::default(),
    };
    json::document(source, json::object(&mut report))?;
    report.finish()
}

#[derive(Default)]
struct Totals {
    tests: Option<u64>,
    failed: Option<u64>,
    pending: Option<u64>,
    todo: Option<u64>,
    broken_suites: u64,
    success: Option<bool>,
    interrupted: bool,
}

struct Report<'e> {
    cases: Cases<'e>,
    totals: Totals,
    suites: bool,
    suite: Suite,
    held: Held,
    test: Assertion,
}

impl Report<'_> {
    fn finish(mut self) -> Result<Tests, ReadError> {
        let (totals, out) = (&self.totals, &mut self.cases.out);
        out.outside = out.outside.max(totals.broken_suites);
        // Nothing red is told, and still the run was none that jest calls a success.
        let broken = totals.success == Some(false) || totals.interrupted;
        if broken && out.counts.red() + out.outside == 0 && out.counts.tests > 0 {
            out.outside = 1;
        }
        let skipped = totals.pending.map(|n| n.saturating_add(totals.todo.unwrap_or(0)));
        let declared = DeclaredTests { tests: totals.tests, failures: totals.failed, errors: None, skipped };
        self.cases.finish(declared)
    }
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of jest";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "numTotalTests" => self.totals.tests = map.next_value()?,
            "numFailedTests" => self.totals.failed = map.next_value()?,
            "numPendingTests" => self.totals.pending = map.next_value()?,
            "numTodoTests" => self.totals.todo = map.next_value()?,
            // A report of one suite has one entry; more than that no list of suites can hold.
            "numRuntimeErrorTestSuites" => self.totals.broken_suites = u64::from(map.next_value::<u32>()?),
            "success" => self.totals.success = Some(map.next_value()?),
            "wasInterrupted" => self.totals.interrupted = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "testResults" => {
                self.suites = true;
                map.next_value_seed(json::list(&mut Suites(self)))?;
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.suites, self.totals.success) {
            (true, Some(_)) => Ok(()),
            (false, _) => Err("no `testResults`".into()),
            (_, None) => Err("no `success`: the report is not complete".into()),
        }
    }
}

struct Suites<'a, 'e>(&'a mut Report<'e>);

impl List for Suites<'_, '_> {
    const WHAT: &'static str = "a list of suites";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        self.0.suite.clear();
        Ok(list.next_element_seed(json::object(&mut OneSuite(self.0)))?.is_some())
    }
}

/// The suite being read; its file is told behind its tests.
#[derive(Default)]
struct Suite {
    file: String,
    status: String,
    tests: bool,
    red: bool,
}

impl Suite {
    fn clear(&mut self) {
        self.file.clear();
        self.status.clear();
        self.tests = false;
        self.red = false;
    }
}

struct OneSuite<'a, 'e>(&'a mut Report<'e>);

impl Object for OneSuite<'_, '_> {
    const WHAT: &'static str = "a suite";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "name" => json::path(map, &mut self.0.suite.file),
            "status" => json::text(map, &mut self.0.suite.status),
            "assertionResults" => {
                self.0.suite.tests = true;
                map.next_value_seed(json::list(&mut Assertions(self.0)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        let Report { suite, cases, held, .. } = &mut *self.0;
        if !suite.tests {
            return Err("a suite without `assertionResults`".into());
        }
        match suite.status.as_str() {
            "failed" if !suite.red => cases.out.outside += 1,
            "failed" | "passed" | "pending" | "skipped" | "focused" | "todo" | "disabled" => {}
            other => return Err(format!("a suite's status expected, found `{other}`")),
        }
        held.release(cases, &suite.file, None);
        if !suite.file.is_empty() {
            cases.remember_file(&suite.file);
        }
        Ok(())
    }
}

struct Assertions<'a, 'e>(&'a mut Report<'e>);

impl List for Assertions<'_, '_> {
    const WHAT: &'static str = "a list of assertion results";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Report { suite, cases, held, test, .. } = &mut *self.0;
        test.clear();
        let some = list.next_element_seed(json::object(test))?.is_some();
        if some {
            let case = test.as_case().map_err(S::Error::custom)?;
            suite.red |= case.outcome == CaseOutcome::Failed;
            held.hold(cases, &case);
        }
        Ok(some)
    }
}

/// One assertion result; its texts are used again.
#[derive(Default)]
struct Assertion {
    ancestors: Joined,
    title: String,
    status: String,
    micros: u64,
    line: Option<u64>,
    messages: Joined,
    retries: Counted,
    invocations: u64,
}

impl Assertion {
    fn clear(&mut self) {
        self.ancestors.clear(" > ");
        self.messages.clear("\n");
        self.title.clear();
        self.status.clear();
        self.micros = 0;
        self.line = None;
        self.retries.0 = 0;
        self.invocations = 0;
    }

    fn as_case(&self) -> Result<Case<'_>, String> {
        let outcome = match self.status.as_str() {
            "passed" => CaseOutcome::Passed,
            "failed" => CaseOutcome::Failed,
            "pending" | "skipped" | "todo" | "disabled" | "focused" => CaseOutcome::Skipped,
            other => return Err(format!("a test's status expected, found `{other}`")),
        };
        let retried = self.invocations > 1 || self.retries.0 > 0 || self.messages.count > 0;
        Ok(Case {
            class: &self.ancestors.text,
            name: &self.title,
            file: None,
            line: self.line,
            micros: self.micros,
            outcome,
            flaky: outcome == CaseOutcome::Passed && retried,
            message: self.messages.text.lines().next().unwrap_or_default(),
            text: &self.messages.text,
        })
    }
}

#[derive(Deserialize)]
struct Location {
    line: Option<u64>,
}

impl Object for Assertion {
    const WHAT: &'static str = "an assertion result";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "ancestorTitles" => map.next_value_seed(json::list_or_null(&mut self.ancestors))?,
            "title" => json::text(map, &mut self.title)?,
            "status" => json::text(map, &mut self.status)?,
            "duration" => self.micros = json::micros(map, 1e3)?,
            "location" => self.line = map.next_value::<Option<Location>>()?.and_then(|l| l.line),
            "failureMessages" => map.next_value_seed(json::list_or_null(&mut self.messages))?,
            "retryReasons" => map.next_value_seed(json::list_or_null(&mut self.retries))?,
            "invocations" => self.invocations = map.next_value::<Option<u64>>()?.unwrap_or(0),
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

/// Texts of a list put together, within the bound of a kept text.
#[derive(Default)]
struct Joined {
    between: &'static str,
    count: u64,
    text: String,
    one: String,
}

impl Joined {
    fn clear(&mut self, between: &'static str) {
        self.between = between;
        self.count = 0;
        self.text.clear();
    }
}

impl List for Joined {
    const WHAT: &'static str = "a list of texts";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let some = list.next_element_seed(Text(&mut self.one))?.is_some();
        if some && self.text.len() < KEPT_BYTES {
            if self.count > 0 {
                self.text.push_str(self.between);
            }
            self.text.push_str(&self.one);
            truncate(&mut self.text, KEPT_BYTES);
        }
        self.count += u64::from(some);
        Ok(some)
    }
}

/// How many elements a list has.
#[derive(Default)]
struct Counted(u64);

impl List for Counted {
    const WHAT: &'static str = "a list";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let some = list.next_element::<serde::de::IgnoredAny>()?.is_some();
        self.0 += u64::from(some);
        Ok(some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let mut source = text.as_bytes();
        let tests = read(&mut source, &mut |case| {
            seen.push(format!("{}|{} {} {} {:?}", case.class, case.name, case.outcome.id(), case.flaky, case.line));
        })?;
        Ok((tests, seen))
    }

    fn report(success: bool, suites: &str) -> String {
        format!(r#"{{"numTotalTests":1,"numFailedTests":0,"success":{success},"testResults":[{suites}]}}"#)
    }

    fn suite(status: &str, tests: &str) -> String {
        format!(r#"{{"assertionResults":[{tests}],"message":"m","name":"t\\a.js","status":"{status}"}}"#)
    }

    const PASSED: &str = r#"{"ancestorTitles":["s","t"],"title":"a","status":"passed","failureMessages":[]}"#;

    #[test]
    fn a_suite_that_failed_without_a_failed_test_is_a_failure_outside() {
        for tests in ["", PASSED] {
            let (tests, _) =
                one(&report(false, &format!("{},{}", suite("passed", PASSED), suite("failed", tests)))).unwrap();
            assert_eq!((tests.outside, tests.counts.failed), (1, 0));
        }
        let failed = PASSED.replace("passed", "failed");
        let (tests, _) = one(&report(false, &suite("failed", &failed))).unwrap();
        assert_eq!((tests.outside, tests.counts.failed), (0, 1));
        let (tests, _) =
            one(&report(true, &suite("passed", PASSED)).replace("{\"num", "{\"numRuntimeErrorTestSuites\":2,\"num"))
                .unwrap();
        assert_eq!(tests.outside, 2);
    }

    #[test]
    fn no_success_is_no_green() {
        let (tests, _) = one(&report(false, &suite("passed", PASSED))).unwrap();
        assert_eq!(tests.outside, 1);
        let (tests, _) =
            one(&report(true, &suite("passed", PASSED)).replace("{\"num", "{\"wasInterrupted\":true,\"num")).unwrap();
        assert_eq!(tests.outside, 1);
        // vitest says so too where it found no test: nothing was measured, which is another answer.
        let (tests, _) = one(&report(false, "")).unwrap();
        assert_eq!((tests.outside, tests.counts.tests), (0, 0));
    }

    #[test]
    fn each_way_to_tell_of_a_retry_is_one() {
        let retried = [
            PASSED.replace("\"title\"", "\"invocations\":2,\"title\""),
            PASSED.replace("\"title\"", "\"retryReasons\":[\"first try\"],\"title\""),
            PASSED.replace("\"failureMessages\":[]", "\"failureMessages\":[\"first try\"]"),
        ];
        let (tests, seen) = one(&report(true, &suite("passed", &retried.join(",")))).unwrap();
        assert_eq!(seen, ["s > t|a passed true None"; 3]);
        assert_eq!((tests.counts.flaky, tests.counts.passed), (3, 3));
    }

    #[test]
    fn the_place_is_where_the_stack_is_in_the_suite_else_where_the_test_begins() {
        let failed = r#"{"title":"a","status":"failed","location":{"column":1,"line":3},"failureMessages":
            ["Error: x\n    at f (/w/u.js:1:1)\n    at t\\a.js:9:2","second"]}"#;
        let skipped = r#"{"title":"b","status":"todo","location":{"column":1,"line":4},"duration":null}"#;
        let (tests, seen) = one(&report(false, &suite("failed", &format!("{failed},{skipped}")))).unwrap();
        assert_eq!(seen, ["|a failed false Some(9)", "|b skipped false Some(4)"]);
        let kept = &tests.kept[0];
        assert_eq!((kept.path.as_deref(), kept.line, kept.message.as_str()), (Some("t/a.js"), Some(9), "Error: x"));
        assert!(kept.text.ends_with("9:2\nsecond"));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (text, what) in [
            (r#"{"success":true}"#.to_string(), "no `testResults`"),
            (r#"{"testResults":[]}"#.to_string(), "no `success`"),
            (report(true, r#"{"name":"a","status":"passed"}"#), "without `assertionResults`"),
            (report(true, &suite("fine", PASSED)), "found `fine`"),
            (report(true, &suite("passed", r#"{"title":"a"}"#)), "a test's status expected, found ``"),
            (report(true, &suite("passed", r#"{"status":"ok"}"#)), "found `ok`"),
            (report(true, &suite("passed", PASSED))[..150].to_string(), "EOF"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!(error.line, Some(1));
        }
    }
}
