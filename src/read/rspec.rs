//! The report of RSpec's `json` formatter: `examples` and `summary`.
//! Behaviour after rspec-core's lib/rspec/core/formatters/json_formatter.rb: a file that cannot be loaded and a failing
//! `after(:context)` have no example; `errors_outside_of_examples_count` alone tells of them.

use super::cases::{Cases, truncate};
use super::error::ReadError;
use super::json::{self, List, Object, Text};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, Tests};
use serde::Deserialize;
use serde::de::{Error, MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "rspec-json",
    title: "RSpec JSON",
    reads: "every example, pending ones as skipped; `errors_outside_of_examples_count` as failures outside of any test. \
        The other totals of `summary` are only compared.",
    written_by: "RSpec 3.12 (`--format json`)",
    refuses: "a report without `examples` or `summary`, a status that RSpec does not know.",
    looks_like: |s| {
        s.syntax == Syntax::JsonObject
            && s.has_keys(&["examples"])
            && (s.has_keys(&["summary"]) || s.has_inner("full_description"))
    },
    holds: Holds::Tests(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut report = Report { cases: Cases::new(each), examples: false, summary: None, example: Example::default() };
    json::document(source, json::object(&mut report))?;
    let mut declared = DeclaredTests::default();
    if let Some(summary) = report.summary {
        report.cases.out.outside = u64::from(summary.errors_outside_of_examples_count);
        declared.tests = Some(summary.example_count);
        declared.failures = Some(summary.failure_count);
        declared.skipped = summary.pending_count;
    }
    report.cases.finish(declared)
}

#[derive(Deserialize)]
struct Summary {
    example_count: u64,
    failure_count: u64,
    pending_count: Option<u64>,
    #[serde(default)]
    errors_outside_of_examples_count: u32,
}

struct Report<'e> {
    cases: Cases<'e>,
    examples: bool,
    summary: Option<Summary>,
    example: Example,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of RSpec";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "examples" => {
                self.examples = true;
                map.next_value_seed(json::list(&mut Examples(self)))?;
            }
            "summary" => self.summary = Some(map.next_value()?),
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.examples, &self.summary) {
            (true, Some(_)) => Ok(()),
            (false, _) => Err("no `examples`".into()),
            (_, None) => Err("no `summary`: the report is not complete".into()),
        }
    }
}

struct Examples<'a, 'e>(&'a mut Report<'e>);

impl List for Examples<'_, '_> {
    const WHAT: &'static str = "a list of examples";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Report { cases, example, .. } = &mut *self.0;
        example.clear();
        let some = list.next_element_seed(json::object(example))?.is_some();
        if some {
            cases.push(&example.as_case().map_err(S::Error::custom)?);
            if !example.file.is_empty() {
                cases.remember_file(&example.file);
            }
        }
        Ok(some)
    }
}

/// One example; its texts are used again.
#[derive(Default)]
struct Example {
    description: String,
    full_description: String,
    status: String,
    file: String,
    line: Option<u64>,
    micros: u64,
    exception: Exception,
}

#[derive(Default)]
struct Exception {
    message: String,
    backtrace: Backtrace,
}

/// Its lines, within the bound of a kept text.
#[derive(Default)]
struct Backtrace {
    text: String,
    one: String,
}

impl Example {
    fn clear(&mut self) {
        for text in [&mut self.description, &mut self.full_description, &mut self.status, &mut self.file] {
            text.clear();
        }
        self.exception.message.clear();
        self.exception.backtrace.text.clear();
        self.line = None;
        self.micros = 0;
    }

    fn as_case(&self) -> Result<Case<'_>, String> {
        let outcome = match self.status.as_str() {
            "passed" => CaseOutcome::Passed,
            "failed" => CaseOutcome::Failed,
            "pending" => CaseOutcome::Skipped,
            other => return Err(format!("an example's status expected, found `{other}`")),
        };
        Ok(Case {
            class: self.full_description.strip_suffix(self.description.as_str()).unwrap_or_default().trim_end(),
            name: &self.description,
            file: (!self.file.is_empty()).then_some(&self.file),
            line: self.failing_line().or(self.line),
            micros: self.micros,
            outcome,
            flaky: false,
            message: &self.exception.message,
            text: &self.exception.backtrace.text,
        })
    }

    /// Where the backtrace is in the example's own file.
    fn failing_line(&self) -> Option<u64> {
        self.exception.backtrace.text.lines().filter(|_| !self.file.is_empty()).find_map(|frame| {
            let number = frame.strip_prefix(self.file.as_str())?.strip_prefix(':')?.split(':').next()?;
            number.parse().ok().filter(|&line| line > 0)
        })
    }
}

impl Object for Example {
    const WHAT: &'static str = "an example";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "description" => json::text(map, &mut self.description)?,
            "full_description" => json::text(map, &mut self.full_description)?,
            "status" => json::text(map, &mut self.status)?,
            "file_path" => json::path(map, &mut self.file)?,
            "line_number" => self.line = map.next_value()?,
            "run_time" => self.micros = json::micros(map, 1e6)?,
            "exception" => map.next_value_seed(json::object_or_null(&mut self.exception))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

impl Object for Exception {
    const WHAT: &'static str = "an exception";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "message" => json::text(map, &mut self.message),
            "backtrace" => map.next_value_seed(json::list_or_null(&mut self.backtrace)),
            _ => json::skip(map),
        }
    }
}

impl List for Backtrace {
    const WHAT: &'static str = "a backtrace";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let some = list.next_element_seed(Text(&mut self.one))?.is_some();
        if some && self.text.len() < KEPT_BYTES {
            self.text.push_str(&self.one);
            self.text.push('\n');
            truncate(&mut self.text, KEPT_BYTES);
        }
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
            seen.push(format!("{}|{} {} {:?} {}", case.class, case.name, case.outcome.id(), case.line, case.micros));
        })?;
        Ok((tests, seen))
    }

    fn report(examples: &str, outside: u64) -> String {
        format!(
            r#"{{"version":"3.13.0","examples":[{examples}],"summary":{{"duration":0.1,"example_count":1,
            "failure_count":0,"pending_count":0,"errors_outside_of_examples_count":{outside}}}}}"#
        )
    }

    #[test]
    fn an_example_has_its_group_and_the_line_of_its_own_file_in_the_backtrace() {
        let failed = r#"{"description":"adds","full_description":"Shop #sum adds","status":"failed","line_number":3,
            "file_path":"./spec/shop_spec.rb","run_time":0.0015,"exception":{"class":"X","message":"m","backtrace":
            ["./lib/shop.rb:9:in `sum'","./spec/shop_spec.rb:5:in `block'"]}}"#;
        let pending = r#"{"description":"later","full_description":"later","status":"pending","line_number":8}"#;
        let (tests, seen) = one(&report(&format!("{failed},{pending}"), 0)).unwrap();
        assert_eq!(seen, ["Shop #sum|adds failed Some(5) 1500", "|later skipped Some(8) 0"]);
        assert_eq!(tests.kept[0].text, "./lib/shop.rb:9:in `sum'\n./spec/shop_spec.rb:5:in `block'\n");
        assert_eq!(tests.contradictions[0], "declares tests=1, its cases count 2");
    }

    #[test]
    fn errors_outside_of_examples_are_no_green() {
        let (tests, _) = one(&report(r#"{"description":"a","status":"passed"}"#, 2)).unwrap();
        assert_eq!((tests.counts.passed, tests.counts.red(), tests.outside), (1, 0, 2));
        assert_eq!(tests.contradictions, ["2 failures stand outside of any case"]);
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (text, what) in [
            (r#"{"summary":{"example_count":0,"failure_count":0}}"#.to_string(), "no `examples`"),
            (r#"{"examples":[]}"#.to_string(), "no `summary`"),
            (report(r#"{"status":"ok"}"#, 0), "found `ok`"),
            (report("{}", 0), "found ``"),
            (report("", 0)[..60].to_string(), "EOF"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!(error.line, Some(1));
        }
    }
}
