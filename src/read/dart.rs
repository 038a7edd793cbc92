//! The JSON events of Dart's test runner: `dart test --reporter json`, `flutter test --machine`. Source: "JSON Reporter
//! Protocol" (pkgs/test/doc/json_reporter.md of dart-lang/test), versions 0.1.x. A test that is hidden and succeeded
//! (the loading of a suite, `setUpAll`) is no case. An error that comes after a test has succeeded makes it fail, as the
//! protocol says; it is counted outside of any case, as that one was counted already. A try that failed is an error of a
//! test that then succeeds: flaky.

use super::cases::{Cases, truncate};
use super::error::ReadError;
use super::lines::Lines;
use super::shape::Syntax;
use super::{Format, Holds, digits};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, Tests};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{HashMap, HashSet};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "dart-json",
    title: "Dart and Flutter test events",
    reads: "every test that is not hidden, with its place, error and stack trace. No `done` event, or one that says no \
        success without a red test: an error outside of any case.",
    written_by: "dart test 1.15 and 1.25, flutter test (protocol 0.1.1), in the corpus",
    refuses: "a result that is unknown, a file without its `start` event, more than 100,000 tests that run at once.",
    looks_like: |s| {
        matches!(s.syntax, Syntax::JsonLines | Syntax::JsonObject) && s.has_keys(&["protocolVersion", "type"])
    },
    holds: Holds::Tests(read),
};

/// How many tests may run at once, and how many suites there may be.
const MAX_RUNNING: usize = 100_000;

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut lines = Lines::new(source);
    let mut reader = Reader {
        cases: Cases::new(each),
        suites: HashMap::new(),
        running: HashMap::new(),
        red: HashSet::new(),
        begun: false,
        done: None,
        foreign: 0,
    };
    let mut last = 1;
    while let Some((line, number)) = lines.next()? {
        if line.starts_with('{') {
            let event: Event = serde_json::from_str(line).map_err(|e| {
                let place = format!(" at line {} column {}", e.line(), e.column());
                ReadError::malformed(number, e.to_string().replace(&place, ""))
            })?;
            reader.event(event, number)?;
        } else if !line.trim().is_empty() {
            reader.foreign(line);
        }
        last = number;
    }
    reader.finish(last)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    r#type: String,
    #[serde(default)]
    time: u64,
    suite: Option<Suite>,
    test: Option<Test>,
    #[serde(rename = "testID")]
    test_id: Option<u64>,
    result: Option<String>,
    #[serde(default)]
    skipped: bool,
    #[serde(default)]
    hidden: bool,
    error: Option<String>,
    stack_trace: Option<String>,
    success: Option<bool>,
}

#[derive(Deserialize)]
struct Suite {
    id: u64,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Test {
    id: u64,
    name: String,
    #[serde(rename = "suiteID")]
    suite_id: Option<u64>,
    line: Option<u64>,
    url: Option<String>,
    root_line: Option<u64>,
    root_url: Option<String>,
}

struct Reader<'e> {
    cases: Cases<'e>,
    suites: HashMap<u64, String>,
    running: HashMap<u64, Running>,
    /// Tests that ended red: more errors of them say nothing new.
    red: HashSet<u64>,
    begun: bool,
    /// The `done` event, and what it says.
    done: Option<Option<bool>>,
    foreign: u64,
}

struct Running {
    name: String,
    file: String,
    line: Option<u64>,
    from: u64,
    message: String,
    text: String,
}

impl Reader<'_> {
    fn event(&mut self, event: Event, line: u64) -> Result<(), ReadError> {
        let missing = |what: &str| ReadError::malformed(line, format!("`{}` without `{what}`", event.r#type));
        match event.r#type.as_str() {
            "start" => self.begun = true,
            "suite" => {
                let suite = event.suite.ok_or_else(|| missing("suite"))?;
                self.room(line)?;
                self.suites.insert(suite.id, suite.path.unwrap_or_default().replace('\\', "/"));
            }
            "testStart" => {
                let test = event.test.ok_or_else(|| missing("test"))?;
                self.room(line)?;
                self.start(test, event.time);
            }
            "error" => {
                let id = event.test_id.ok_or_else(|| missing("testID"))?;
                self.error(id, event.error.unwrap_or_default(), &event.stack_trace.unwrap_or_default());
            }
            "testDone" => {
                let id = event.test_id.ok_or_else(|| missing("testID"))?;
                let outcome = match (event.result.as_deref(), event.skipped) {
                    (Some("success"), false) => CaseOutcome::Passed,
                    (Some("success"), true) => CaseOutcome::Skipped,
                    (Some("failure"), _) => CaseOutcome::Failed,
                    (Some("error"), _) => CaseOutcome::Error,
                    (Some(other), _) => {
                        return Err(ReadError::malformed(line, format!("unknown result `{}`", other.escape_debug())));
                    }
                    (None, _) => return Err(missing("result")),
                };
                let hidden = event.hidden && outcome == CaseOutcome::Passed;
                self.done_test(id, outcome, hidden, event.time);
            }
            "done" => self.done = Some(event.success),
            // group, print, allSuites, debug; the protocol asks to pass over what it may add.
            _ => {}
        }
        Ok(())
    }

    fn room(&self, line: u64) -> Result<(), ReadError> {
        match self.running.len().max(self.suites.len()) >= MAX_RUNNING {
            true => Err(ReadError::too_large(line, format!("more than {MAX_RUNNING} tests run at once, or suites"))),
            false => Ok(()),
        }
    }

    /// The place is in the suite's own file: `root_url` where the test was made by a helper of another one.
    fn start(&mut self, test: Test, from: u64) {
        let suite = test.suite_id.and_then(|id| self.suites.get(&id)).map_or("", String::as_str);
        let places = [(test.root_url, test.root_line), (test.url, test.line)];
        let place = places.into_iter().find_map(|(url, line)| Some((path_of(&url?)?, line)));
        let (file, line) = place.unwrap_or_else(|| (suite.to_string(), None));
        if !file.is_empty() {
            self.cases.remember_file(&file);
        }
        let (message, text) = (String::new(), String::new());
        self.running.insert(test.id, Running { name: test.name, file, line, from, message, text });
    }

    fn error(&mut self, id: u64, error: String, trace: &str) {
        match self.running.get_mut(&id) {
            Some(test) => {
                if test.text.len() < KEPT_BYTES {
                    test.text.push_str(error.trim_end());
                    test.text.push('\n');
                    test.text.push_str(trace);
                    truncate(&mut test.text, KEPT_BYTES);
                }
                if test.message.is_empty() {
                    test.message = error;
                    truncate(&mut test.message, KEPT_BYTES);
                }
            }
            None if self.red.contains(&id) => {}
            None => {
                let message = "an error after the test had ended";
                self.cases.outside(&format!("test {id}"), message, &format!("{error}\n{trace}"));
            }
        }
    }

    fn done_test(&mut self, id: u64, outcome: CaseOutcome, hidden: bool, now: u64) {
        let Some(test) = self.running.remove(&id) else {
            self.cases.outside(&format!("test {id}"), "the end of a test that did not begin", "");
            return;
        };
        if hidden && test.message.is_empty() {
            return;
        }
        if matches!(outcome, CaseOutcome::Failed | CaseOutcome::Error) {
            self.red.insert(id);
        }
        self.push(&test, outcome, now.saturating_sub(test.from).saturating_mul(1000));
    }

    fn push(&mut self, test: &Running, outcome: CaseOutcome, micros: u64) {
        let traced = test.text.lines().find_map(frame);
        self.cases.push(&Case {
            class: "",
            name: &test.name,
            file: traced.map(|(file, _)| file).or(Some(&test.file)).filter(|file| !file.is_empty()),
            line: traced.map(|(_, line)| line).or(test.line),
            micros,
            outcome,
            flaky: outcome == CaseOutcome::Passed && !test.message.is_empty(),
            message: test.message.trim_end(),
            text: &test.text,
        });
    }

    /// flutter writes its own events as arrays of one object.
    fn foreign(&mut self, line: &str) {
        let flutter = line.starts_with("[{") && serde_json::from_str::<IgnoredAny>(line).is_ok();
        self.foreign += u64::from(!flutter);
    }

    fn finish(mut self, line: u64) -> Result<Tests, ReadError> {
        if !self.begun {
            return Err(ReadError::malformed(line, "no `start` event"));
        }
        let mut running: Vec<(u64, Running)> = std::mem::take(&mut self.running).into_iter().collect();
        running.sort_by_key(|(id, _)| *id);
        for (_, mut test) in running {
            test.message = "the test began and did not end".into();
            self.push(&test, CaseOutcome::Error, 0);
        }
        let red = self.cases.out.counts.red() + self.cases.out.outside;
        match self.done {
            None => self.cases.outside("done", "there is no `done` event: the run did not end", ""),
            Some(None) => self.cases.outside("done", "the runner was stopped before its end", ""),
            Some(Some(false)) if red == 0 => {
                self.cases.outside("done", "the run says that it failed, and none of its tests did", "");
            }
            Some(Some(true)) if red > 0 => {
                self.cases.out.contradictions.push("the run says that it succeeded".into());
            }
            Some(_) => {}
        }
        if self.foreign > 0 {
            self.cases.out.contradictions.push(format!("{} lines are no events", self.foreign));
        }
        self.cases.finish(DeclaredTests::default())
    }
}

/// `file:///w/test/a_test.dart` as a path; `None` for `package:` and `dart:`.
fn path_of(url: &str) -> Option<String> {
    let path = url.strip_prefix("file://")?;
    let drive = path.as_bytes().get(2) == Some(&b':');
    Some(if drive { path[1..].into() } else { path.into() })
}

/// `test/a_test.dart 13:9  main.<fn>`: the first frame of a trace that lies in a file of the project.
fn frame(line: &str) -> Option<(&str, u64)> {
    let (file, rest) = line.split_once(' ')?;
    let (number, _) = rest.split_once(':')?;
    let own = file.ends_with("_test.dart") && !file.contains(':') && !file.contains('\\');
    Some((file, digits(number.as_bytes()).filter(|&number| number > 0)?)).filter(|_| own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let mut source = text.as_bytes();
        let tests = read(&mut source, &mut |case| {
            let place = case.file.map_or(String::new(), |file| format!(" {file}:{}", case.line.unwrap_or(0)));
            seen.push(format!("{} {} {}{place}", case.outcome.id(), case.flaky, case.name));
        })?;
        Ok((tests, seen))
    }

    const START: &str = "{\"protocolVersion\":\"0.1.1\",\"type\":\"start\",\"time\":0}\r\n\
        {\"suite\":{\"id\":0,\"platform\":\"vm\",\"path\":\"test\\\\a_test.dart\"},\"type\":\"suite\",\"time\":0}\n";

    fn test(id: u64, name: &str, more: &str) -> String {
        format!(
            "{{\"test\":{{\"id\":{id},\"name\":\"{name}\",\"suiteID\":0{more}}},\"type\":\"testStart\",\"time\":1}}\n"
        )
    }

    fn done(id: u64, result: &str, more: &str) -> String {
        format!("{{\"testID\":{id},\"result\":\"{result}\",\"type\":\"testDone\",\"time\":3{more}}}\n")
    }

    fn error(id: u64) -> String {
        format!(
            "{{\"testID\":{id},\"error\":\"no price\",\"stackTrace\":\"package:x/y.dart 1:2  z\\ntest/a_test.dart 13:9  \
            main\\n\",\"isFailure\":true,\"type\":\"error\",\"time\":2}}\n"
        )
    }

    const DONE: &str = "{\"success\":true,\"type\":\"done\",\"time\":9}\n";
    const NOT_DONE: &str = "{\"success\":false,\"type\":\"done\",\"time\":9}\n";

    #[test]
    fn hidden_tests_that_succeed_are_no_cases_and_a_retry_is_flaky() {
        let text = [
            START.to_string(),
            test(1, "loading", ""),
            done(1, "success", ",\"hidden\":true"),
            test(2, "a", ",\"line\":3,\"url\":\"file:///C:/w/a_test.dart\""),
            done(2, "success", ""),
            test(
                3,
                "b",
                ",\"line\":1,\"url\":\"package:t/t.dart\",\"root_line\":7,\"root_url\":\"file:///w/a_test.dart\"",
            ),
            done(3, "success", ",\"skipped\":true"),
            test(4, "c", ""),
            error(4),
            done(4, "success", ""),
            DONE.to_string(),
        ]
        .concat();
        let (tests, seen) = one(&text).unwrap();
        let expected = [
            "passed false a C:/w/a_test.dart:3",
            "skipped false b /w/a_test.dart:7",
            "passed true c test/a_test.dart:13",
        ];
        assert_eq!(seen, expected);
        assert_eq!((tests.outside, tests.contradictions.len(), tests.counts.micros), (0, 0, 6000));
    }

    #[test]
    fn a_run_that_did_not_end_or_says_it_failed_is_red() {
        let green = START.to_string() + &test(2, "a", "") + &done(2, "success", "");
        assert_eq!(one(&(green.clone() + DONE)).unwrap().0.outside, 0);
        let null = "{\"success\":null,\"type\":\"done\"}\n";
        // An error after the test had ended; the end of one that never began.
        for more in ["", NOT_DONE, null, &(error(2) + DONE), &(done(9, "success", "") + DONE)] {
            let (tests, _) = one(&(green.clone() + more)).unwrap();
            assert_eq!((tests.counts.passed, tests.outside), (1, 1), "{more}");
            assert!(
                tests.contradictions.iter().any(|told| told.starts_with("done: ") || told.starts_with("test ")),
                "{more}"
            );
        }
        let (tests, seen) = one(&(green + &test(3, "b", "") + DONE)).unwrap();
        assert_eq!((tests.counts.errors, seen[1].as_str()), (1, "error false b test/a_test.dart:0"));
        // A suite that cannot be loaded is not hidden; what is told of a red test a second time says nothing new.
        let load =
            START.to_string() + &test(1, "loading", "") + &error(1) + &done(1, "error", "") + &error(1) + NOT_DONE;
        let (tests, _) = one(&load).unwrap();
        assert_eq!((tests.counts.errors, tests.outside), (1, 0));
    }

    #[test]
    fn what_is_unknown_or_damaged_is_refused_with_its_line() {
        for (text, line, what) in [
            (START.to_string() + &test(2, "a", "") + &done(2, "great", ""), 4, "unknown result `great`"),
            (START.to_string() + "{\"type\":\"testDone\"}", 3, "testID"),
            (START.to_string() + "{\"type\":\"done\"", 3, "EOF"),
            (DONE.to_string(), 1, "start"),
        ] {
            let error = one(&text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}");
            assert!(error.message.contains(what), "{}", error.message);
        }
        let flutter = START.to_string() + "[{\"event\":\"test.startedProcess\",\"params\":{}}]\nnoise\n" + DONE;
        assert_eq!(one(&flutter).unwrap().0.contradictions, ["1 lines are no events"]);
    }
}
