//! The JSON events of Rust's libtest (`--format json`, unstable) and of cargo-nextest, which writes the same. Source:
//! library/test/src/formatters/json.rs of rust-lang/rust, nextest's "libtest JSON output". Suites follow each other;
//! what a test may have printed into the stream is held against each suite's own numbers.

use super::cases::Cases;
use super::error::ReadError;
use super::json::{Raw, members};
use super::libtest_text::{Outcome, Totals, push};
use super::lines::Lines;
use super::shape::Syntax;
use super::{Format, Holds, digits};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, Tests};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "libtest-json",
    title: "libtest JSON",
    reads: "every test's last event in every suite, with its output; each suite's numbers are compared. A test that began \
        and did not end is an error; a suite that did not end, or with fewer tests than were told, is an error outside of \
        any case. A try that failed before one that passed (nextest, `name#2`) is flaky.",
    written_by: "cargo nightly 1.99 (`cargo test -- -Z unstable-options --format json`), cargo-nextest 0.9 \
        (`--message-format libtest-json`, `libtest-json-plus`)",
    refuses: "an event that is unknown, a file that ends inside of a suite, more than 100,000 tests that run at once.",
    looks_like: |s| matches!(s.syntax, Syntax::JsonLines | Syntax::JsonObject) && s.has_keys(&["type", "event"]),
    holds: Holds::Tests(read),
};

/// How many tests may run at once.
const MAX_RUNNING: usize = 100_000;

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut lines = Lines::new(source);
    let mut cases = Cases::new(each);
    cases.out.tool = Some("libtest".into());
    let mut reader = Reader { cases, declared: DeclaredTests::default(), suite: None, foreign: 0 };
    let mut last = 0;
    while let Some((line, number)) = lines.next()? {
        if line.starts_with('{') {
            let event = Event::of(line).map_err(|why| ReadError::malformed(number, why))?;
            reader.event(&event, number)?;
        } else if !line.trim().is_empty() {
            reader.foreign += 1;
        }
        last = number;
    }
    reader.finish(last)
}

#[derive(Default)]
struct Event<'a> {
    kind: Cow<'a, str>,
    event: Cow<'a, str>,
    name: Cow<'a, str>,
    stdout: Cow<'a, str>,
    message: Cow<'a, str>,
    micros: u64,
    begun: u64,
    totals: Totals,
    /// How many of the four numbers are there.
    numbers: u8,
}

impl<'a> Event<'a> {
    fn of(line: &'a str) -> Result<Event<'a>, String> {
        let mut event = Event::default();
        members(line, |key, raw| {
            let text = || raw.text().unwrap_or_default();
            let number = || match raw {
                Raw::Other(text) => digits(text.as_bytes()),
                Raw::Text(_) => None,
            };
            let mut total = |to: fn(&mut Totals) -> &mut u64| {
                if let Some(number) = number() {
                    *to(&mut event.totals) = number;
                    event.numbers += 1;
                }
            };
            match key {
                "type" => event.kind = text(),
                "event" => event.event = text(),
                "name" => event.name = text(),
                "stdout" => event.stdout = text(),
                "message" | "reason" if event.message.is_empty() => event.message = text(),
                "exec_time" => event.micros = if let Raw::Other(text) = raw { micros(text) } else { 0 },
                "test_count" => event.begun = number().unwrap_or(0),
                "passed" => total(|t| &mut t.passed),
                "failed" => total(|t| &mut t.failed),
                "ignored" => total(|t| &mut t.ignored),
                "measured" => total(|t| &mut t.measured),
                _ => {}
            }
        })?;
        Ok(event)
    }
}

fn micros(seconds: &str) -> u64 {
    match seconds.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => (value * 1e6) as u64,
        _ => 0,
    }
}

struct Reader<'e> {
    cases: Cases<'e>,
    declared: DeclaredTests,
    suite: Option<Suite>,
    foreign: u64,
}

#[derive(Default)]
struct Suite {
    begun: u64,
    counted: Totals,
    /// Tests that began, with the order in which they did.
    running: HashMap<String, usize>,
    order: usize,
}

impl Reader<'_> {
    fn event(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        match (event.kind.as_ref(), event.event.as_ref()) {
            ("suite", "started") => {
                self.broke();
                self.suite = Some(Suite { begun: event.begun, ..Suite::default() });
                Ok(())
            }
            ("suite", "ok" | "failed") => self.suite_ended(event, line),
            ("test", "started") => self.started(event, line),
            ("test", "ok") => self.ended(event, Outcome::Passed),
            ("test", "failed") => self.ended(event, Outcome::Failed),
            ("test", "ignored") => self.ended(event, Outcome::Ignored),
            ("bench", "") => self.ended(event, Outcome::Measured),
            // A test that takes long; the times of doc tests; a list of what there is.
            ("test", "timeout") | ("report", _) | ("suite", "discovery" | "completed") | ("test", "discovered") => {
                Ok(())
            }
            (kind, name) => {
                let message = format!("unknown event `{}` of `{}`", name.escape_debug(), kind.escape_debug());
                Err(ReadError::malformed(line, message))
            }
        }
    }

    fn started(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        let Some(suite) = &mut self.suite else { return Ok(()) };
        if suite.running.len() >= MAX_RUNNING {
            return Err(ReadError::too_large(line, format!("more than {MAX_RUNNING} tests run at once")));
        }
        suite.running.insert(event.name.to_string(), suite.order);
        suite.order += 1;
        Ok(())
    }

    fn ended(&mut self, event: &Event<'_>, outcome: Outcome) -> Result<(), ReadError> {
        let Some(suite) = &mut self.suite else {
            self.cases.outside(&event.name, "the outcome of a test outside of any suite", &event.stdout);
            return Ok(());
        };
        suite.running.remove(event.name.as_ref());
        suite.counted.count(outcome);
        let text = if event.stdout.is_empty() { &event.message } else { &event.stdout };
        push(&mut self.cases, "", &event.name, outcome.case(), event.micros, text);
        Ok(())
    }

    fn suite_ended(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        if event.numbers < 4 {
            return Err(ReadError::malformed(line, "the end of a suite without its numbers"));
        }
        let Some(suite) = self.suite.take() else {
            self.cases.outside("suite", "the end of a suite that did not begin", "");
            return Ok(());
        };
        event.totals.declare(&mut self.declared);
        if let Some(why) = suite.counted.unconfirmed(&event.totals, suite.begun) {
            self.cases.out.contradictions.push(why.clone());
            self.cases.outside("suite", &why, "");
        } else if (event.event == "ok") != (event.totals.failed == 0) {
            self.cases.outside("suite", "the result and its numbers disagree", "");
        }
        self.unfinished(suite);
        Ok(())
    }

    /// Tests that began and did not end are errors; gives how many.
    fn unfinished(&mut self, suite: Suite) -> usize {
        let mut running: Vec<(String, usize)> = suite.running.into_iter().collect();
        running.sort_by_key(|(_, order)| *order);
        for (name, _) in &running {
            push(&mut self.cases, "", name, CaseOutcome::Error, 0, "the test began and did not end");
        }
        running.len()
    }

    /// A suite that another one follows has crashed.
    fn broke(&mut self) {
        let Some(suite) = self.suite.take() else { return };
        let (seen, begun) = (suite.counted.sum(), suite.begun);
        let running = self.unfinished(suite);
        let message = format!("the suite did not end: {seen} of {begun} tests did, {running} were running");
        self.cases.outside("suite", &message, "");
    }

    fn finish(mut self, line: u64) -> Result<Tests, ReadError> {
        if let Some(suite) = &self.suite {
            let (seen, begun) = (suite.counted.sum(), suite.begun);
            let message = format!(
                "the file ends inside of a suite, after {seen} of {begun} tests: it was cut, or its writer was stopped"
            );
            return Err(ReadError::malformed(line, message));
        }
        if self.foreign > 0 {
            self.cases.out.contradictions.push(format!("{} lines are no events", self.foreign));
        }
        self.cases.finish(self.declared)
    }
}
