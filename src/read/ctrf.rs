//! CTRF, the Common Test Report Format. Shape: ctrf.io, ctrf.schema.json. Status `other` is what its tools have no word
//! for (a todo of jest, and an unknown end alike): `rawStatus` tells which, and what it does not explain is no pass.

use super::cases::{Cases, line_in_stack};
use super::error::ReadError;
use super::json::{self, List, Object, Text};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, Tests};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "ctrf",
    title: "CTRF JSON",
    reads: "every entry of `results.tests`; `flaky` or a failed entry of `retryAttempts` before a pass as flaky; \
        `other` as an error unless `rawStatus` says todo, disabled or focused. `summary` is only compared.",
    written_by: "mocha-ctrf-json-reporter 0.0.11, playwright-ctrf-json-reporter 0.0.29",
    refuses: "a report without `results`, `tests` or `summary`, a status that the schema does not list.",
    looks_like: |s| {
        s.syntax == Syntax::JsonObject
            && s.has_keys(&["results"])
            && (s.has_keys(&["reportFormat"]) || (s.has_inner("tool") && s.has_inner("summary")))
    },
    holds: Holds::Tests(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut report =
        Report { cases: Cases::new(each), results: false, tests: false, summary: None, test: Test::default() };
    json::document(source, json::object(&mut Document(&mut report)))?;
    let declared = report.summary.map_or_else(DeclaredTests::default, |s| DeclaredTests {
        tests: Some(s.tests),
        failures: Some(s.failed),
        // Of `other` some are skipped and some errors: only where there is none is either a total.
        errors: (s.other == 0).then_some(0),
        skipped: (s.other == 0).then_some(s.skipped.saturating_add(s.pending)),
    });
    report.cases.finish(declared)
}

#[derive(Deserialize)]
struct Summary {
    tests: u64,
    failed: u64,
    #[serde(default)]
    skipped: u64,
    #[serde(default)]
    pending: u64,
    #[serde(default)]
    other: u64,
}

struct Report<'e> {
    cases: Cases<'e>,
    results: bool,
    tests: bool,
    summary: Option<Summary>,
    test: Test,
}

struct Document<'a, 'e>(&'a mut Report<'e>);

impl Object for Document<'_, '_> {
    const WHAT: &'static str = "a CTRF report";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "results" => {
                self.0.results = true;
                map.next_value_seed(json::object(&mut Results(self.0)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.0.results { Ok(()) } else { Err("no `results`".into()) }
    }
}

struct Results<'a, 'e>(&'a mut Report<'e>);

impl Object for Results<'_, '_> {
    const WHAT: &'static str = "the results of a CTRF report";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "tests" => {
                self.0.tests = true;
                map.next_value_seed(json::list(&mut TestList(self.0)))?;
            }
            "summary" => self.0.summary = Some(map.next_value()?),
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.0.tests, &self.0.summary) {
            (true, Some(_)) => Ok(()),
            (false, _) => Err("no `tests`".into()),
            (_, None) => Err("no `summary`: the report is not complete".into()),
        }
    }
}

struct TestList<'a, 'e>(&'a mut Report<'e>);

impl List for TestList<'_, '_> {
    const WHAT: &'static str = "a list of tests";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Report { cases, test, .. } = &mut *self.0;
        test.clear();
        let some = list.next_element_seed(json::object(test))?.is_some();
        if some {
            cases.push(&test.as_case().map_err(S::Error::custom)?);
            if !test.file.is_empty() {
                cases.remember_file(&test.file);
            }
        }
        Ok(some)
    }
}

/// One test; its texts are used again.
#[derive(Default)]
struct Test {
    suite: String,
    name: String,
    status: String,
    raw_status: String,
    file: String,
    line: Option<u64>,
    micros: u64,
    flaky: bool,
    message: String,
    trace: String,
}

impl Test {
    fn clear(&mut self) {
        for text in [&mut self.suite, &mut self.name, &mut self.status, &mut self.raw_status] {
            text.clear();
        }
        for text in [&mut self.file, &mut self.message, &mut self.trace] {
            text.clear();
        }
        self.line = None;
        self.micros = 0;
        self.flaky = false;
    }

    fn as_case(&self) -> Result<Case<'_>, String> {
        let outcome = match (self.status.as_str(), self.raw_status.as_str()) {
            ("passed", _) => CaseOutcome::Passed,
            ("failed", _) => CaseOutcome::Failed,
            ("skipped" | "pending", _) | ("other", "todo" | "disabled" | "focused") => CaseOutcome::Skipped,
            ("other", _) => CaseOutcome::Error,
            (other, _) => return Err(format!("a test's status expected, found `{other}`")),
        };
        Ok(Case {
            class: &self.suite,
            name: &self.name,
            file: (!self.file.is_empty()).then_some(&self.file),
            line: line_in_stack(&self.trace, &self.file).or(self.line),
            micros: self.micros,
            outcome,
            flaky: outcome == CaseOutcome::Passed && self.flaky,
            message: &self.message,
            text: &self.trace,
        })
    }
}

impl Object for Test {
    const WHAT: &'static str = "a test";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "name" => json::text(map, &mut self.name)?,
            "status" => json::text(map, &mut self.status)?,
            "rawStatus" => json::text(map, &mut self.raw_status)?,
            "suite" => map.next_value_seed(Suite(&mut self.suite))?,
            "filePath" => json::path(map, &mut self.file)?,
            "line" => self.line = map.next_value()?,
            "duration" => self.micros = json::micros(map, 1e3)?,
            "message" => json::text(map, &mut self.message)?,
            "trace" => json::text(map, &mut self.trace)?,
            "flaky" => self.flaky |= map.next_value::<Option<bool>>()?.unwrap_or(false),
            "retryAttempts" => map.next_value_seed(json::list_or_null(&mut Attempts(&mut self.flaky)))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

/// The tries before the last one: sets the flag where one failed.
struct Attempts<'a>(&'a mut bool);

#[derive(Deserialize)]
struct Attempt {
    status: Option<String>,
}

impl List for Attempts<'_> {
    const WHAT: &'static str = "a list of tries";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let attempt: Option<Attempt> = list.next_element()?;
        *self.0 |= attempt.as_ref().is_some_and(|a| a.status.as_deref() == Some("failed"));
        Ok(attempt.is_some())
    }
}

/// One text, or a list of them (since the schema of 2025), outermost first.
struct Suite<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Suite<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Suite<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a suite's name or a list of names")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        let mut one = String::new();
        while list.next_element_seed(Text(&mut one))?.is_some() {
            if self.0.len() < SUITE_BYTES {
                self.0.push_str(if self.0.is_empty() { "" } else { " > " });
                self.0.push_str(&one);
                super::cases::truncate(self.0, SUITE_BYTES);
            }
        }
        Ok(())
    }
}

/// The longest suite that is kept of a list.
const SUITE_BYTES: usize = 4096;

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

    fn report(summary: &str, tests: &str) -> String {
        format!(r#"{{"results":{{"tool":{{"name":"x"}},"summary":{{{summary}}},"tests":[{tests}]}}}}"#)
    }

    const SUMMARY: &str = r#""tests":2,"passed":2,"failed":0,"skipped":0,"pending":0,"other":0"#;

    #[test]
    fn other_is_no_pass_unless_the_tool_s_own_word_is_a_skip() {
        let tests = r#"{"name":"a","status":"other","rawStatus":"todo"},{"name":"b","status":"other","rawStatus":"crashed"},
            {"name":"c","status":"other"},{"name":"d","status":"pending"},{"name":"e","status":"skipped"}"#;
        let (tests, seen) = one(&report(r#""tests":5,"failed":0,"other":3,"pending":1,"skipped":1"#, tests)).unwrap();
        let ends = ["a skipped", "b error", "c error", "d skipped", "e skipped"];
        assert_eq!(seen, ends.map(|end| format!("|{end} false None")));
        assert_eq!(tests.contradictions, Vec::<String>::new());
    }

    #[test]
    fn flaky_is_a_pass_after_a_failed_try() {
        let tests = r#"{"name":"a","status":"passed","flaky":true,"suite":["s","t"]},
            {"name":"b","status":"passed","retryAttempts":[{"attempt":1,"status":"failed"}],"suite":"u"},
            {"name":"c","status":"passed","retries":2},{"name":"d","status":"failed","flaky":true}"#;
        let (_, seen) = one(&report(SUMMARY, tests)).unwrap();
        let ends = ["s > t|a passed true", "u|b passed true", "|c passed false", "|d failed false"];
        assert_eq!(seen, ends.map(|end| format!("{end} None")));
    }

    #[test]
    fn the_summary_is_only_compared() {
        let tests = r#"{"name":"a","status":"failed","line":4,"filePath":"t\\a.js","trace":"E\n    at f (/w/t/a.js:7:1)"},
            {"name":"b","status":"failed","line":5}"#;
        let (tests, seen) = one(&report(SUMMARY, tests)).unwrap();
        assert_eq!(seen, ["|a failed false Some(7)", "|b failed false Some(5)"]);
        assert_eq!(tests.contradictions, ["declares failures=0, its cases count 2"]);
        assert_eq!(tests.named_files, ["t/a.js"]);
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (text, what) in [
            ("{\"reportFormat\":\"CTRF\"}".to_string(), "no `results`"),
            (r#"{"results":{"tests":[]}}"#.to_string(), "no `summary`"),
            (r#"{"results":{"summary":{"tests":0,"failed":0}}}"#.to_string(), "no `tests`"),
            (report("", ""), "missing field `tests`"),
            (report(SUMMARY, r#"{"name":"a","status":"ok"}"#), "found `ok`"),
            (report(SUMMARY, r#"{"name":"a"}"#), "found ``"),
            (report(SUMMARY, "")[..60].to_string(), "EOF"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!(error.line, Some(1));
        }
    }
}
