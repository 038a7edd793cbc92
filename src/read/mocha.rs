//! The report of mocha's `json` reporter: `stats` and the lists `tests`, `pending`, `failures` and `passes`.
//! Behaviour after mocha's lib/reporters/json.js and lib/runner.js: a failing hook and an error outside of any test
//! stand in `failures` only; a test that fails after it passed stands in `passes` and has an `err`.

use super::cases::{Cases, line_in_stack};
use super::error::ReadError;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, Tests};
use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "mocha-json",
    title: "mocha JSON",
    reads: "every entry of `passes`, `pending` and `tests` with an error; failing hooks and what else only `failures` \
        tells as errors; a test that passed on a retry as flaky. `stats` are only compared.",
    written_by: "mocha 8 and 11 (`--reporter json`)",
    refuses: "a report without `stats`, `tests`, `passes` or `failures`.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["stats", "tests"]) && s.has_inner("passes"),
    holds: Holds::Tests(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut report = Report {
        cases: Cases::new(each),
        stats: None,
        met: [false; 4],
        entries: 0,
        red: HashSet::new(),
        test: Test::default(),
    };
    json::document(source, json::object(&mut report))?;
    report.finish()
}

#[derive(Deserialize)]
struct Stats {
    tests: u64,
    pending: u64,
    failures: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tests,
    Pending,
    Failures,
    Passes,
}

struct Report<'e> {
    cases: Cases<'e>,
    stats: Option<Stats>,
    /// Which of the lists were met, by [`Kind`].
    met: [bool; 4],
    /// How many entries `tests` has.
    entries: u64,
    /// Names of red tests that are counted, hashed: the lists repeat each other.
    red: HashSet<u64>,
    test: Test,
}

impl Report<'_> {
    fn take(&mut self, kind: Kind) {
        self.entries += u64::from(kind == Kind::Tests);
        let outcome = match kind {
            Kind::Failures => match self.met[Kind::Tests as usize] || self.test.is_no_test() {
                true => CaseOutcome::Error,
                false => CaseOutcome::Failed,
            },
            _ if self.test.error.any => CaseOutcome::Failed,
            Kind::Passes => CaseOutcome::Passed,
            Kind::Pending => CaseOutcome::Skipped,
            Kind::Tests => return,
        };
        let red = matches!(outcome, CaseOutcome::Failed | CaseOutcome::Error);
        // Of two tests with one name both count; what a later list tells again does not.
        let first = match kind {
            Kind::Tests => !self.met[Kind::Failures as usize],
            Kind::Failures => !self.met[Kind::Tests as usize],
            Kind::Pending | Kind::Passes => false,
        };
        if !red || first || !self.red.contains(&self.test.hash()) {
            if red {
                self.red.insert(self.test.hash());
            }
            self.cases.push(&self.test.as_case(outcome));
            self.cases.remember_file(&self.test.file);
        }
    }

    fn finish(mut self) -> Result<Tests, ReadError> {
        let counts = self.cases.out.counts;
        // Tests that no other list tells the end of.
        self.cases.out.outside = self.entries.saturating_sub(counts.passed + counts.failed + counts.skipped);
        let declared = self.stats.map_or_else(DeclaredTests::default, |stats| {
            // Its failures are those of hooks too, its tests are not.
            let failures = stats.failures.min(counts.failed);
            let errors = stats.failures - failures;
            DeclaredTests {
                tests: Some(stats.tests.saturating_add(counts.errors)),
                failures: Some(failures),
                errors: Some(errors),
                skipped: Some(stats.pending),
            }
        });
        self.cases.finish(declared)
    }
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of mocha";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let kind = match key {
            "stats" => {
                self.stats = Some(map.next_value()?);
                return Ok(());
            }
            "tests" => Kind::Tests,
            "pending" => Kind::Pending,
            "failures" => Kind::Failures,
            "passes" => Kind::Passes,
            _ => return json::skip(map),
        };
        if std::mem::replace(&mut self.met[kind as usize], true) {
            return Err(serde::de::Error::custom(format!("a second `{key}`")));
        }
        map.next_value_seed(json::list(&mut Entries { report: self, kind }))
    }

    fn end(&mut self) -> Result<(), String> {
        let lists = [("tests", Kind::Tests), ("failures", Kind::Failures), ("passes", Kind::Passes)];
        let missing = lists.into_iter().find(|(_, kind)| !self.met[*kind as usize]).map(|(name, _)| name);
        match missing.or(self.stats.is_none().then_some("stats")) {
            Some(name) => Err(format!("no `{name}`: the report is not complete")),
            None => Ok(()),
        }
    }
}

struct Entries<'a, 'e> {
    report: &'a mut Report<'e>,
    kind: Kind,
}

impl List for Entries<'_, '_> {
    const WHAT: &'static str = "a list of tests";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        self.report.test.clear();
        let some = list.next_element_seed(json::object(&mut self.report.test))?.is_some();
        if some {
            self.report.take(self.kind);
        }
        Ok(some)
    }
}

/// One entry of a list; its texts are used again.
#[derive(Default)]
struct Test {
    title: Option<String>,
    full_title: String,
    file: String,
    micros: u64,
    retries: u64,
    error: Failure,
}

#[derive(Default)]
struct Failure {
    any: bool,
    message: String,
    stack: String,
}

impl Test {
    fn clear(&mut self) {
        self.title = None;
        for text in [&mut self.full_title, &mut self.file, &mut self.error.message, &mut self.error.stack] {
            text.clear();
        }
        self.error.any = false;
        self.micros = 0;
        self.retries = 0;
    }

    fn title(&self) -> &str {
        self.title.as_deref().unwrap_or_default()
    }

    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.title(), &self.full_title, &self.file).hash(&mut hasher);
        hasher.finish()
    }

    /// A hook, or an error outside of any test, by the titles that mocha gives them.
    fn is_no_test(&self) -> bool {
        ["before all", "before each", "after all", "after each"]
            .iter()
            .any(|hook| self.title().strip_prefix('"').and_then(|t| t.strip_prefix(hook)).is_some())
            || self.title() == "Uncaught error outside test suite"
    }

    fn as_case(&self, outcome: CaseOutcome) -> Case<'_> {
        let class = self.full_title.strip_suffix(self.title()).unwrap_or_default().trim_end();
        Case {
            class,
            name: self.title(),
            file: (!self.file.is_empty()).then_some(&self.file),
            line: line_in_stack(&self.error.stack, &self.file),
            micros: self.micros,
            outcome,
            flaky: outcome == CaseOutcome::Passed && self.retries > 0,
            message: &self.error.message,
            text: &self.error.stack,
        }
    }
}

impl Object for Test {
    const WHAT: &'static str = "a test";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "title" => self.title = Some(map.next_value()?),
            "fullTitle" => json::text(map, &mut self.full_title)?,
            "file" => json::path(map, &mut self.file)?,
            "duration" => self.micros = json::micros(map, 1e3)?,
            "currentRetry" => self.retries = map.next_value::<Option<u64>>()?.unwrap_or(0),
            "err" => map.next_value_seed(json::object_or_null(&mut self.error))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if self.title.is_some() { Ok(()) } else { Err("a test without a `title`".into()) }
    }
}

impl Object for Failure {
    const WHAT: &'static str = "an error";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        self.any = true;
        match key {
            "message" => json::text(map, &mut self.message),
            "stack" => json::text(map, &mut self.stack),
            _ => json::skip(map),
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

    const STATS: &str = r#""stats":{"suites":1,"tests":2,"passes":1,"pending":0,"failures":1}"#;
    const GREEN: &str = r#"{"title":"t","fullTitle":"s t","file":"a.js","currentRetry":0,"err":{}}"#;
    const RED: &str =
        r#"{"title":"t","fullTitle":"s t","file":"a.js","err":{"message":"m","stack":"m\n    at f (a.js:3:1)"}}"#;
    const HOOK: &str = r#"{"title":"\"before each\" hook for \"u\"","fullTitle":"s \"before each\" hook for \"u\"","err":{"message":"h"}}"#;

    #[test]
    fn a_failing_hook_is_an_error_of_its_own_in_any_order_of_the_lists() {
        for (lists, case) in [
            (format!(r#""tests":[{GREEN}],"pending":[],"failures":[{HOOK}],"passes":[{GREEN}]"#), 0),
            (format!(r#""failures":[{HOOK}],"passes":[{GREEN}],"pending":[],"tests":[{GREEN}]"#), 1),
        ] {
            let stats = r#""stats":{"tests":1,"passes":1,"pending":0,"failures":1}"#;
            let (tests, seen) = one(&format!("{{{stats},{lists}}}")).unwrap();
            assert_eq!((tests.counts.tests, tests.counts.passed, tests.counts.errors), (2, 1, 1), "{case}: {seen:?}");
            assert_eq!(tests.contradictions, Vec::<String>::new(), "{case}");
        }
    }

    #[test]
    fn two_tests_with_one_name_both_count_and_no_list_counts_twice() {
        for lists in [
            format!(r#""tests":[{RED},{RED}],"pending":[],"failures":[{RED},{RED}],"passes":[]"#),
            format!(r#""failures":[{RED},{RED}],"passes":[],"tests":[{RED},{RED}]"#),
        ] {
            let (tests, _) = one(&format!("{{{STATS},{lists}}}")).unwrap();
            assert_eq!((tests.counts.tests, tests.counts.failed, tests.outside), (2, 2, 0));
            assert_eq!((tests.kept[0].path.as_deref(), tests.kept[0].line), (Some("a.js"), Some(3)));
            assert_eq!(tests.contradictions, ["declares failures=1, its cases count 2"]);
        }
    }

    #[test]
    fn a_test_that_failed_after_it_passed_is_failed() {
        let (tests, seen) =
            one(&format!(r#"{{{STATS},"tests":[{RED},{GREEN}],"failures":[{RED}],"passes":[{RED},{GREEN}]}}"#))
                .unwrap();
        assert_eq!((tests.counts.tests, tests.counts.passed, tests.counts.failed), (2, 1, 1), "{seen:?}");
        assert_eq!(tests.contradictions, Vec::<String>::new());
    }

    #[test]
    fn a_retry_that_passed_is_flaky() {
        let test = GREEN.replace("\"currentRetry\":0", "\"currentRetry\":1");
        let stats = r#""stats":{"tests":1,"passes":1,"pending":0,"failures":0}"#;
        let (tests, seen) = one(&format!(r#"{{{stats},"tests":[{test}],"failures":[],"passes":[{test}]}}"#)).unwrap();
        assert_eq!(seen, ["s|t passed true"]);
        assert_eq!(tests.counts.flaky, 1);
    }

    #[test]
    fn a_test_without_an_end_is_no_pass() {
        let (tests, _) =
            one(&format!(r#"{{{STATS},"tests":[{GREEN},{GREEN}],"failures":[],"passes":[{GREEN}]}}"#)).unwrap();
        assert_eq!((tests.counts.passed, tests.outside), (1, 1));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, what) in [
            (r#"{"tests":[],"failures":[],"passes":[]}"#.to_string(), "no `stats`"),
            (format!(r#"{{{STATS},"tests":[],"passes":[]}}"#), "no `failures`"),
            (format!(r#"{{{STATS},"failures":[],"passes":[]}}"#), "no `tests`"),
            (format!(r#"{{{STATS},"tests":[{{}}]}}"#), "without a `title`"),
            (format!(r#"{{{STATS},"tests":[],"tests":[]}}"#), "a second `tests`"),
            (format!(r#"{{{STATS},"tests":[{GREEN}"#), "EOF"),
            (format!(r#"{{{STATS},"tests":null}}"#), "a list of tests"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!(error.line, Some(1));
        }
    }
}
