//! The JSON events of Rust's libtest (`--format json`, unstable) and of cargo-nextest, which writes the same. Source:
//! library/test/src/formatters/json.rs of rust-lang/rust, nextest's "libtest JSON output". Suites follow each other;
//! what a test may have printed into the stream is held against each suite's own numbers. nextest's suites overlap, and one
//! may be told in parts, each with the number of all its tests: there the sums over the file are compared.

use super::cases::Cases;
use super::error::ReadError;
use super::json::{Raw, members};
use super::libtest_text::{Outcome, Totals, push, push_timed};
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
    /// nextest: how many suites are open, and the sum of what those that ended declare.
    nextest: bool,
    open: u64,
    declared: Totals,
}

/// nextest names a test `crate::binary$test`, and `crate::binary$test#2` after its second try: class, name, retried.
fn names(name: &str) -> (&str, &str, bool) {
    let Some((class, test)) = name.split_once('$') else { return ("", name, false) };
    match test.rsplit_once('#') {
        Some((test, tries)) if digits(tries.as_bytes()).is_some_and(|tries| tries > 1) => (class, test, true),
        _ => (class, test, false),
    }
}

impl Reader<'_> {
    fn event(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        match (event.kind.as_ref(), event.event.as_ref()) {
            ("suite", "started") => {
                self.suite_started(event);
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

    fn suite_started(&mut self, event: &Event<'_>) {
        match &mut self.suite {
            Some(suite) if suite.nextest => suite.open += 1,
            _ => {
                self.broke();
                self.suite = Some(Suite { begun: event.begun, open: 1, ..Suite::default() });
            }
        }
    }

    fn started(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        let Some(suite) = &mut self.suite else { return Ok(()) };
        if suite.running.len() >= MAX_RUNNING {
            return Err(ReadError::too_large(line, format!("more than {MAX_RUNNING} tests run at once")));
        }
        suite.nextest |= event.name.contains('$');
        suite.running.insert(event.name.to_string(), suite.order);
        suite.order += 1;
        Ok(())
    }

    fn ended(&mut self, event: &Event<'_>, outcome: Outcome) -> Result<(), ReadError> {
        let Some(suite) = &mut self.suite else {
            self.cases.outside(&event.name, "the outcome of a test outside of any suite", &event.stdout);
            return Ok(());
        };
        let (class, name, retried) = names(&event.name);
        let begun_as = if retried { &event.name[..class.len() + 1 + name.len()] } else { event.name.as_ref() };
        suite.running.remove(begun_as);
        suite.counted.count(outcome);
        let text = if event.stdout.is_empty() { &event.message } else { &event.stdout };
        let flaky = retried && outcome == Outcome::Passed;
        push_timed(&mut self.cases, class, name, (outcome.case(), flaky), event.micros, text);
        Ok(())
    }

    fn suite_ended(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        if event.numbers < 4 {
            return Err(ReadError::malformed(line, "the end of a suite without its numbers"));
        }
        event.totals.declare(&mut self.declared);
        let agrees = (event.event == "ok") == (event.totals.failed == 0);
        match &mut self.suite {
            Some(suite) if suite.nextest && suite.open > 0 => {
                suite.open -= 1;
                suite.declared.add(&event.totals);
            }
            Some(suite) if !suite.nextest => {
                suite.declared = event.totals;
                self.close();
            }
            _ => self.cases.outside("suite", "the end of a suite that did not begin", ""),
        }
        if !agrees {
            self.cases.outside("suite", "the result and its numbers disagree", "");
        }
        Ok(())
    }

    /// Compares a suite that has ended with what was counted.
    fn close(&mut self) {
        let Some(suite) = self.suite.take() else { return };
        let begun = Some(suite.begun).filter(|_| !suite.nextest);
        if let Some(why) = suite.counted.unconfirmed(&suite.declared, begun) {
            self.cases.outside("suite", &why, "");
        }
        self.unfinished(suite);
    }

    /// Tests that began and did not end are errors; gives how many.
    fn unfinished(&mut self, suite: Suite) -> usize {
        let mut running: Vec<(String, usize)> = suite.running.into_iter().collect();
        running.sort_by_key(|(_, order)| *order);
        for (name, _) in &running {
            let (class, name, _) = names(name);
            push(&mut self.cases, class, name, CaseOutcome::Error, "the test began and did not end");
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
        if let Some(suite) = self.suite.as_ref().filter(|suite| suite.open > 0) {
            let (seen, begun) = (suite.counted.sum(), suite.begun);
            let message = format!(
                "the file ends inside of a suite, after {seen} of {begun} tests: it was cut, or its writer was stopped"
            );
            return Err(ReadError::malformed(line, message));
        }
        self.close();
        if self.foreign > 0 {
            self.cases.out.contradictions.push(format!("{} lines are no events", self.foreign));
        }
        self.cases.finish(self.declared)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let mut source = text.as_bytes();
        let tests = read(&mut source, &mut |case| {
            seen.push(format!("{} {} {} {} {}", case.outcome.id(), case.flaky, case.class, case.name, case.message));
        })?;
        Ok((tests, seen))
    }

    const HONEST: &str = r#"{ "type": "suite", "event": "started", "test_count": 2 }
{ "type": "test", "event": "started", "name": "a" }
{ "type": "test", "event": "started", "name": "b" }
{ "type": "test", "name": "a", "event": "ok", "exec_time": 0.5 }
{ "type": "test", "name": "b", "event": "failed", "stdout": "thread 'b' panicked at src/b.rs:3:5:\nno \"price\"\n" }
{ "type": "suite", "event": "failed", "passed": 1, "failed": 1, "ignored": 0, "measured": 0, "filtered_out": 0, "exec_time": 0.1 }
"#;

    #[test]
    fn each_test_is_a_case_and_its_panic_the_message() {
        let (tests, seen) = one(&HONEST.replace('\n', "\r\n")).unwrap();
        assert_eq!(seen, ["passed false  a ", "failed false  b no \"price\""]);
        assert_eq!((tests.outside, tests.contradictions.len(), tests.counts.micros), (0, 0, 500_000));
        assert_eq!((tests.kept[0].path.as_deref(), tests.kept[0].line), (Some("src/b.rs"), Some(3)));
    }

    #[test]
    fn what_the_suite_does_not_confirm_is_a_contradiction_and_red() {
        let forged = r#"{ "type": "test", "name": "c", "event": "ok" }"#;
        for text in [
            HONEST.replacen("{ \"type\": \"test\"", &format!("{forged}\n{{ \"type\": \"test\""), 1),
            HONEST.replace("\"test_count\": 2", "\"test_count\": 3"),
            HONEST.replace("\"failed\", \"passed\"", "\"ok\", \"passed\""),
            format!("{HONEST}{forged}\n"),
            // Two suites began, one ended.
            format!("{}\n{HONEST}", HONEST.lines().next().unwrap()),
        ] {
            let (tests, _) = one(&text).unwrap();
            assert!(tests.outside > 0 && !tests.contradictions.is_empty(), "{text}");
        }
        let noise = HONEST.replacen("\n", "\nprinted by a test\n", 1);
        assert_eq!(one(&noise).unwrap().0.contradictions, ["1 lines are no events"]);
    }

    #[test]
    fn a_test_that_began_and_did_not_end_is_an_error() {
        let cut: String =
            HONEST.lines().filter(|line| !line.contains("stdout")).map(|line| format!("{line}\n")).collect();
        let (tests, seen) =
            one(&cut.replace("\"failed\": 1", "\"failed\": 0").replace(": \"failed\"", ": \"ok\"")).unwrap();
        assert_eq!(seen[1], "error false  b the test began and did not end");
        assert_eq!(tests.counts.errors, 1);
    }

    #[test]
    fn what_is_no_event_of_libtest_is_refused_with_its_line() {
        for (text, line, what) in [
            (HONEST.lines().take(4).collect::<Vec<_>>().join("\n"), 4, "cut"),
            (HONEST.replace("\"event\": \"ok\"", "\"event\": \"great\""), 4, "unknown event `great`"),
            (HONEST.replace("\"measured\": 0,", ""), 6, "without its numbers"),
            (HONEST.replace("0.5 }", "0.5"), 4, "EOF"),
        ] {
            let error = one(&text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}");
            assert!(error.message.contains(what), "{}", error.message);
        }
    }

    #[test]
    fn suites_of_nextest_overlap_and_a_retry_that_passed_is_flaky() {
        let text = r#"{"type":"suite","event":"started","test_count":2}
{"type":"test","event":"started","name":"shop::shop$slow"}
{"type":"test","event":"started","name":"shop::shop$retried"}
{"type":"suite","event":"started","test_count":1}
{"type":"test","event":"started","name":"shop::cart$whole"}
{"type":"test","event":"ok","name":"shop::shop$retried#2","exec_time":0.1}
{"type":"suite","event":"ok","passed":1,"failed":0,"ignored":0,"measured":0,"filtered_out":0,"exec_time":0.1}
{"type":"test","event":"ok","name":"shop::cart$whole","exec_time":0.1}
{"type":"suite","event":"ok","passed":1,"failed":0,"ignored":0,"measured":0,"filtered_out":0,"exec_time":0.1}
{"type":"suite","event":"started","test_count":2}
{"type":"test","event":"failed","name":"shop::shop$slow#2","exec_time":0.1,"stdout":"x"}
{"type":"suite","event":"failed","passed":0,"failed":1,"ignored":0,"measured":0,"filtered_out":1,"exec_time":0.1}
"#;
        let (tests, seen) = one(text).unwrap();
        assert_eq!(
            seen,
            ["passed true shop::shop retried ", "passed false shop::cart whole ", "failed false shop::shop slow x"]
        );
        assert_eq!((tests.outside, tests.contradictions.len(), tests.counts.flaky), (0, 0, 1));
        let (tests, _) =
            one(&text.replace("\"name\":\"shop::cart$whole\",\"exec", "\"name\":\"shop::cart$other\",\"exec")).unwrap();
        assert_eq!(tests.counts.errors, 1, "one that began and did not end");
        assert!(one(text.rsplit_once("{\"type\":\"suite\"").unwrap().0).unwrap_err().message.contains("cut"));
    }
}
