//! The report of Playwright's `json` reporter: suites in suites, specs, a test for each project, a result for each try.
//! Behaviour after playwright's lib/reporters/json and TestCase.outcome(): what was interrupted or never began is
//! written as `skipped`; errors outside of any test stand in `errors`.

use super::cases::{Cases, Held};
use super::error::ReadError;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, Tests};
use serde::Deserialize;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "playwright-json",
    title: "Playwright JSON",
    reads: "each spec once for each project, with the status after its tries (`flaky` passed on a later one); an \
        interrupted test is an error, `errors` at the top are failures outside of any test. `stats` are only compared.",
    written_by: "Playwright 1.65 (`--reporter=json`)",
    refuses: "a report without `suites`, a test without a status or with one that Playwright does not know.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["config", "suites"]),
    holds: Holds::Tests(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut report = Report {
        cases: Cases::new(each),
        held: Held::default(),
        stats: None,
        suites: false,
        titles: Vec::new(),
        class: String::new(),
        spec: Spec::default(),
        test: Test::default(),
        unbegun: 0,
    };
    json::document(source, json::object(&mut report))?;
    report.finish()
}

#[derive(Deserialize)]
struct Stats {
    expected: u64,
    skipped: u64,
    unexpected: u64,
    flaky: u64,
}

struct Report<'e> {
    cases: Cases<'e>,
    /// The tests of the open spec: its file and line are told behind them.
    held: Held,
    stats: Option<Stats>,
    suites: bool,
    /// Of the open suites; the outermost is a file.
    titles: Vec<String>,
    class: String,
    spec: Spec,
    test: Test,
    /// Tests without a try.
    unbegun: u64,
}

impl Report<'_> {
    fn finish(mut self) -> Result<Tests, ReadError> {
        let out = &mut self.cases.out;
        // Something ran and passed, and then the run ended: no failure tells why the rest did not begin.
        if self.unbegun > 0 && out.counts.passed > 0 && out.counts.red() + out.outside == 0 {
            out.outside = 1;
        }
        let declared = self.stats.map_or_else(DeclaredTests::default, |s| DeclaredTests {
            tests: Some([s.skipped, s.unexpected, s.flaky].into_iter().fold(s.expected, u64::saturating_add)),
            failures: Some(s.unexpected),
            errors: None,
            skipped: Some(s.skipped),
        });
        self.cases.finish(declared)
    }
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of Playwright";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "suites" => {
                self.suites = true;
                map.next_value_seed(json::list(&mut Suites(self)))
            }
            "errors" => map.next_value_seed(json::list_or_null(&mut Outside(&mut self.cases.out.outside))),
            "stats" => {
                self.stats = Some(map.next_value()?);
                Ok(())
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.suites { Ok(()) } else { Err("no `suites`".into()) }
    }
}

struct Outside<'a>(&'a mut u64);

impl List for Outside<'_> {
    const WHAT: &'static str = "a list of errors";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let some = list.next_element_seed(json::object(&mut Anything))?.is_some();
        *self.0 += u64::from(some);
        Ok(some)
    }
}

struct Anything;

impl Object for Anything {
    const WHAT: &'static str = "an error";

    fn entry<'de, M: MapAccess<'de>>(&mut self, _: &str, map: &mut M) -> Result<(), M::Error> {
        json::skip(map)
    }
}

struct Suites<'a, 'e>(&'a mut Report<'e>);

impl List for Suites<'_, '_> {
    const WHAT: &'static str = "a list of suites";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        self.0.titles.push(String::new());
        let some = list.next_element_seed(json::object(&mut Suite(self.0)))?.is_some();
        self.0.titles.pop();
        Ok(some)
    }
}

struct Suite<'a, 'e>(&'a mut Report<'e>);

impl Object for Suite<'_, '_> {
    const WHAT: &'static str = "a suite";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "title" => {
                let mut title: String = map.next_value()?;
                super::cases::truncate(&mut title, TITLE_BYTES);
                *self.0.titles.last_mut().expect("a suite is open") = title;
                Ok(())
            }
            "specs" => map.next_value_seed(json::list_or_null(&mut Specs(self.0))),
            "suites" => map.next_value_seed(json::list_or_null(&mut Suites(self.0))),
            _ => json::skip(map),
        }
    }
}

/// The longest title of a suite that is kept: the titles of all open suites are held.
const TITLE_BYTES: usize = 4096;

struct Specs<'a, 'e>(&'a mut Report<'e>);

impl List for Specs<'_, '_> {
    const WHAT: &'static str = "a list of specs";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let report = &mut *self.0;
        report.spec.title.clear();
        report.spec.file.clear();
        report.spec.line = None;
        let some = list.next_element_seed(json::object(&mut OneSpec(report)))?.is_some();
        if some {
            let Report { held, cases, spec, .. } = report;
            held.release(cases, &spec.file, spec.line);
            if !spec.file.is_empty() {
                cases.remember_file(&spec.file);
            }
        }
        Ok(some)
    }
}

#[derive(Default)]
struct Spec {
    title: String,
    file: String,
    line: Option<u64>,
}

struct OneSpec<'a, 'e>(&'a mut Report<'e>);

impl Object for OneSpec<'_, '_> {
    const WHAT: &'static str = "a spec";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "title" => json::text(map, &mut self.0.spec.title),
            "file" => json::path(map, &mut self.0.spec.file),
            "line" => {
                self.0.spec.line = map.next_value()?;
                Ok(())
            }
            "tests" => map.next_value_seed(json::list(&mut TestList(self.0))),
            _ => json::skip(map),
        }
    }
}

struct TestList<'a, 'e>(&'a mut Report<'e>);

impl List for TestList<'_, '_> {
    const WHAT: &'static str = "a list of tests";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Report { cases, held, titles, class, spec, test, unbegun, .. } = &mut *self.0;
        test.clear();
        let some = list.next_element_seed(json::object(test))?.is_some();
        if some {
            let outcome = test.outcome().map_err(S::Error::custom)?;
            *unbegun += u64::from(test.tries == 0);
            class.clear();
            if !test.project.is_empty() {
                class.push_str(&format!("[{}]", test.project));
            }
            for title in titles.iter().filter(|title| !title.is_empty()) {
                class.push_str(if class.is_empty() { "" } else { " > " });
                class.push_str(title);
            }
            let case = Case {
                class,
                name: &spec.title,
                file: None,
                line: None,
                micros: test.micros,
                outcome,
                flaky: test.status == "flaky",
                message: &test.error.message,
                text: &test.error.stack,
            };
            held.hold(cases, &case);
        }
        Ok(some)
    }
}

/// A spec's test of one project; its texts are used again.
#[derive(Default)]
struct Test {
    project: String,
    status: String,
    tries: u64,
    interrupted: bool,
    micros: u64,
    result: String,
    error: Failure,
}

#[derive(Default)]
struct Failure {
    message: String,
    stack: String,
}

impl Test {
    fn clear(&mut self) {
        for text in [&mut self.project, &mut self.status, &mut self.error.message, &mut self.error.stack] {
            text.clear();
        }
        self.tries = 0;
        self.interrupted = false;
        self.micros = 0;
    }

    fn outcome(&self) -> Result<CaseOutcome, String> {
        Ok(match self.status.as_str() {
            "expected" | "flaky" => CaseOutcome::Passed,
            "unexpected" => CaseOutcome::Failed,
            "skipped" if self.interrupted => CaseOutcome::Error,
            "skipped" => CaseOutcome::Skipped,
            other => return Err(format!("a test's status expected, found `{other}`")),
        })
    }
}

impl Object for Test {
    const WHAT: &'static str = "a test";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "projectName" => json::text(map, &mut self.project),
            "status" => json::text(map, &mut self.status),
            "results" => map.next_value_seed(json::list(&mut Tries(self))),
            _ => json::skip(map),
        }
    }
}

struct Tries<'a>(&'a mut Test);

impl List for Tries<'_> {
    const WHAT: &'static str = "a list of results";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        self.0.result.clear();
        let some = list.next_element_seed(json::object(&mut Try(self.0)))?.is_some();
        self.0.tries += u64::from(some);
        Ok(some)
    }
}

/// One try; what its error says replaces that of the try before.
struct Try<'a>(&'a mut Test);

impl Object for Try<'_> {
    const WHAT: &'static str = "a result";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "status" => json::text(map, &mut self.0.result)?,
            "duration" => self.0.micros = self.0.micros.saturating_add(json::micros(map, 1e3)?),
            "error" => map.next_value_seed(json::object_or_null(&mut self.0.error))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match self.0.result.as_str() {
            "interrupted" => self.0.interrupted = true,
            "passed" | "failed" | "timedOut" | "skipped" => {}
            other => return Err(format!("a result's status expected, found `{other}`")),
        }
        Ok(())
    }
}

impl Object for Failure {
    const WHAT: &'static str = "an error";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "message" => json::text(map, &mut self.message),
            "stack" => json::text(map, &mut self.stack),
            _ => map.next_value::<IgnoredAny>().map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let mut source = text.as_bytes();
        let tests = read(&mut source, &mut |case| {
            seen.push(format!("{}|{} {} {}", case.class, case.name, case.outcome.id(), case.flaky));
        })?;
        Ok((tests, seen))
    }

    fn report(tests: &str, errors: &str) -> String {
        format!(
            r#"{{"config":{{}},"suites":[{{"title":"a.js","file":"a.js","specs":[],"suites":[{{"title":"s","specs":
            [{{"title":"t","ok":true,"tests":[{tests}],"file":"d\\a.js","line":4}}]}}]}}],"errors":[{errors}]}}"#
        )
    }

    fn test(status: &str, results: &[&str]) -> String {
        let results: Vec<String> =
            results.iter().map(|status| format!(r#"{{"status":"{status}","duration":1.5}}"#)).collect();
        format!(r#"{{"projectName":"p","results":[{}],"status":"{status}"}}"#, results.join(","))
    }

    #[test]
    fn a_test_is_what_became_of_it_after_its_tries() {
        let tests = [
            test("expected", &["passed"]),
            test("expected", &["failed"]),
            test("flaky", &["timedOut", "passed"]),
            test("unexpected", &["failed", "timedOut"]),
            test("skipped", &["skipped"]),
        ];
        let (tests, seen) = one(&report(&tests.join(","), "")).unwrap();
        let ends = ["passed false", "passed false", "passed true", "failed false", "skipped false"];
        assert_eq!(seen, ends.map(|end| format!("[p] > a.js > s|t {end}")));
        assert_eq!((tests.outside, tests.counts.micros), (0, 7 * 1500));
        assert_eq!((tests.kept[0].path.as_deref(), tests.kept[0].line), (Some("d/a.js"), Some(4)));
    }

    #[test]
    fn a_run_that_was_interrupted_is_not_green() {
        let (tests, _) =
            one(&report(&[test("expected", &["passed"]), test("skipped", &["interrupted"])].join(","), "")).unwrap();
        assert_eq!((tests.counts.passed, tests.counts.errors, tests.counts.skipped), (1, 1, 0));
        let (tests, _) = one(&report(&[test("expected", &["passed"]), test("skipped", &[])].join(","), "")).unwrap();
        assert_eq!((tests.counts.skipped, tests.outside), (1, 1));
        // `--list` runs nothing: that is unmeasured, not red.
        let (tests, _) = one(&report(&test("skipped", &[]), "")).unwrap();
        assert_eq!((tests.counts.executed(), tests.outside), (0, 0));
    }

    #[test]
    fn errors_at_the_top_stand_outside_of_any_test() {
        let (tests, _) = one(&report(&test("expected", &["passed"]), r#"{"message":"m"},{"message":"n"}"#)).unwrap();
        assert_eq!((tests.counts.passed, tests.outside), (1, 2));
    }

    #[test]
    fn stats_that_disagree_are_said() {
        let stats = r#"{"stats":{"expected":1,"skipped":0,"unexpected":1,"flaky":0},"#;
        let (tests, _) = one(&report(&test("expected", &["passed"]), "").replacen('{', stats, 1)).unwrap();
        assert_eq!(
            tests.contradictions,
            ["declares tests=2, its cases count 1", "declares failures=1, its cases count 0"]
        );
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (text, what) in [
            ("{\"config\":{}}".to_string(), "no `suites`"),
            (report(&test("fine", &["passed"]), ""), "found `fine`"),
            (report(&test("expected", &["ok"]), ""), "found `ok`"),
            (report("{\"results\":[]}", ""), "a test's status expected, found ``"),
            (report(&test("expected", &["passed"]), "1"), "an error"),
            (report(&test("expected", &["passed"]), "")[..200].to_string(), "EOF"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert!(error.line.is_some());
        }
    }
}
