//! The event stream of `go test -json`. Source: `go doc test2json` (TestEvent), `go help buildjson` (BuildEvent, since
//! go 1.24) and what go 1.26 and gotestsum 1.13 really write.
//! A test that runs several times in one run of its package (`-count`) is one case and as bad as its worst time: go
//! fails the package then. Where the package itself runs again (gotestsum `--rerun-fails`) the last outcome counts, and
//! one that passed after it had failed is flaky. A benchmark that logs nothing has no terminal event and is no case.

use super::cases::{Cases, truncate};
use super::error::ReadError;
use super::json::{Raw, members, resolve};
use super::lines::Lines;
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, KEPT_CASES, Tests};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "go-test-json",
    title: "go test -json",
    reads: "every test with a terminal event, subtests included; one that began and did not end is an error; a package \
        that fails without a failed test (build, TestMain, exit) is an error outside of any case. `-count`: the worst \
        outcome; a package that runs again: the last one, flaky where it passed after it had failed.",
    written_by: "go 1.18 and 1.26 (`go test -json`), gotestsum 1.13 (`--jsonfile`, `--rerun-fails`)",
    refuses: "an action that is unknown, a line that is neither an event nor go's own, a file that ends while a package \
        runs, more than 100,000 tests that run at once.",
    looks_like: |s| match s.syntax {
        Syntax::JsonLines | Syntax::JsonObject => s.has_keys(&["Action"]),
        Syntax::Text => s.root.starts_with("go: "),
        _ => false,
    },
    holds: Holds::Tests(read),
};

/// How many tests of packages that still run are held, and their names and texts in bytes.
const MAX_HELD: usize = 100_000;
const MAX_HELD_BYTES: usize = 16 * 1024 * 1024;
/// How many failed tests wait for the end of the file: they may pass when run again.
const MAX_WAITING: usize = 10_000;
/// The text of those that wait behind the first [`KEPT_CASES`].
const SHORT_BYTES: usize = 256;
/// How much text of a test is kept from its beginning, when it prints more than can be kept.
const BEGINNING_BYTES: usize = 4096;
/// The builds whose output is kept.
const MAX_BUILDS: usize = 64;

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut lines = Lines::new(source);
    let mut reader = Reader::new(each);
    let mut last = 0;
    while let Some((line, number)) = lines.next()? {
        reader.line(line, number)?;
        last = number;
    }
    reader.finish(last)
}

#[derive(Default)]
struct Event<'a> {
    action: Cow<'a, str>,
    package: Cow<'a, str>,
    test: Cow<'a, str>,
    /// Its escapes are not resolved: most output is never shown.
    output: &'a str,
    micros: u64,
    import_path: Cow<'a, str>,
    failed_build: Cow<'a, str>,
}

impl<'a> Event<'a> {
    fn of(line: &'a str) -> Result<Event<'a>, String> {
        let mut event = Event::default();
        members(line, |key, raw| {
            let text = || raw.text().unwrap_or_default();
            match key {
                "Action" => event.action = text(),
                "Package" => event.package = text(),
                "Test" => event.test = text(),
                "Output" => event.output = if let Raw::Text(raw) = raw { raw } else { "" },
                "Elapsed" => event.micros = if let Raw::Other(number) = raw { micros(number) } else { 0 },
                "ImportPath" => event.import_path = text(),
                "FailedBuild" => event.failed_build = text(),
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
    /// Those that run.
    packages: HashMap<String, Package>,
    /// Names and texts of all tests held, in bytes, and their number.
    held_bytes: usize,
    held: usize,
    /// Tests that ended and were counted, as hashes of package and name.
    ended: HashSet<u64>,
    /// Failed tests in order, with where they stand.
    waiting: BTreeMap<usize, Waiting>,
    places: HashMap<u64, usize>,
    builds: Builds,
    /// Lines that are no events, and whether such a block is being read.
    foreign: u64,
    block: bool,
    /// Tests that passed, and failed when they ran again.
    worse: u64,
}

/// A package that runs.
#[derive(Default)]
struct Package {
    tests: HashMap<String, Test>,
    text: String,
}

#[derive(Default)]
struct Test {
    /// Its place among the tests of the package.
    place: usize,
    running: bool,
    outcome: Option<CaseOutcome>,
    micros: u64,
    text: String,
}

struct Waiting {
    package: String,
    name: String,
    outcome: CaseOutcome,
    micros: u64,
    text: String,
}

impl<'e> Reader<'e> {
    fn new(each: &'e mut dyn FnMut(&Case<'_>)) -> Reader<'e> {
        let mut cases = Cases::new(each);
        cases.out.tool = Some("go test".into());
        Reader {
            cases,
            packages: HashMap::new(),
            held_bytes: 0,
            held: 0,
            ended: HashSet::new(),
            waiting: BTreeMap::new(),
            places: HashMap::new(),
            builds: Builds::default(),
            foreign: 0,
            block: false,
            worse: 0,
        }
    }

    fn line(&mut self, line: &str, number: u64) -> Result<(), ReadError> {
        if !line.starts_with('{') {
            return self.foreign(line, number);
        }
        self.block = false;
        let event = Event::of(line).map_err(|why| ReadError::malformed(number, why))?;
        self.event(&event, number)
    }

    fn event(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        match event.action.as_ref() {
            "output" => self.output(event),
            "start" => self.start(event),
            "run" => return self.run(event, line),
            "pause" | "cont" | "attr" | "artifacts" => {}
            "pass" => return self.end(event, CaseOutcome::Passed, line),
            // A benchmark that logged something and did not fail.
            "bench" => return self.end(event, CaseOutcome::Passed, line),
            "fail" => return self.end(event, CaseOutcome::Failed, line),
            "skip" => return self.end(event, CaseOutcome::Skipped, line),
            "build-output" => self.builds.output(&event.import_path, event.output),
            "build-fail" => self.builds.failed(&event.import_path),
            "" => return Err(ReadError::malformed(line, "an event without an `Action`")),
            other => return Err(ReadError::malformed(line, format!("unknown action `{}`", other.escape_debug()))),
        }
        Ok(())
    }

    /// A package that begins while it runs has not ended before.
    fn start(&mut self, event: &Event<'_>) {
        if self.packages.contains_key(event.package.as_ref()) {
            self.close(&event.package, CaseOutcome::Failed, "the package began anew before it had ended");
        }
        self.packages.insert(event.package.to_string(), Package::default());
    }

    fn run(&mut self, event: &Event<'_>, line: u64) -> Result<(), ReadError> {
        if event.test.is_empty() {
            return Err(ReadError::malformed(line, "action `run` without a `Test`"));
        }
        self.test(event, line)?.running = true;
        Ok(())
    }

    /// The test of an event, made on first sight, and its package with it.
    fn test(&mut self, event: &Event<'_>, line: u64) -> Result<&mut Test, ReadError> {
        let known =
            self.packages.get(event.package.as_ref()).is_some_and(|p| p.tests.contains_key(event.test.as_ref()));
        if !known {
            self.make_room(line)?;
            self.held += 1;
            self.held_bytes += event.test.len();
        }
        // `entry` wants a name of its own even where there is one already.
        if !self.packages.contains_key(event.package.as_ref()) {
            self.packages.insert(event.package.to_string(), Package::default());
        }
        let package = self.packages.get_mut(event.package.as_ref()).expect("it was just made");
        let place = package.tests.len();
        if !known {
            package.tests.insert(event.test.to_string(), Test { place, ..Test::default() });
        }
        Ok(package.tests.get_mut(event.test.as_ref()).expect("it was just made"))
    }

    /// Counts what has ended in packages that still run, where too much is held.
    fn make_room(&mut self, line: u64) -> Result<(), ReadError> {
        if self.held < MAX_HELD && self.held_bytes < MAX_HELD_BYTES {
            return Ok(());
        }
        let mut done = Vec::new();
        for (name, package) in &mut self.packages {
            let ended = package.tests.extract_if(|_, test| !test.running);
            done.extend(ended.map(|(test_name, test)| (name.clone(), test_name, test)));
        }
        done.sort_by(|a, b| (&a.0, a.2.place).cmp(&(&b.0, b.2.place)));
        for (package, name, test) in done {
            self.settle(&package, name, test);
        }
        if self.held < MAX_HELD && self.held_bytes < MAX_HELD_BYTES {
            return Ok(());
        }
        Err(ReadError::too_large(
            line,
            format!("{} tests run at once, or their names and output are too long", self.held),
        ))
    }

    fn output(&mut self, event: &Event<'_>) {
        if event.output.is_empty() || is_frame(event.output) || self.held_bytes >= MAX_HELD_BYTES {
            return;
        }
        let Some(package) = self.packages.get_mut(event.package.as_ref()) else { return };
        let text = match package.tests.get_mut(event.test.as_ref()) {
            Some(test) => &mut test.text,
            None => &mut package.text,
        };
        let before = text.len();
        append(text, event.output);
        self.held_bytes = self.held_bytes + text.len() - before.min(text.len());
    }

    fn end(&mut self, event: &Event<'_>, outcome: CaseOutcome, line: u64) -> Result<(), ReadError> {
        if event.test.is_empty() {
            self.builds.claim(&event.failed_build);
            let why = self.builds.text(&event.failed_build).to_string();
            self.close(&event.package, outcome, &why);
            return Ok(());
        }
        let test = self.test(event, line)?;
        test.running = false;
        test.micros += event.micros;
        test.outcome = Some(worse(test.outcome, outcome));
        if test.outcome != Some(CaseOutcome::Failed) {
            let freed = std::mem::take(&mut test.text).len();
            self.held_bytes = self.held_bytes.saturating_sub(freed);
        }
        Ok(())
    }

    /// A package has ended: its tests are counted. `why` is the output of a build that failed.
    fn close(&mut self, name: &str, outcome: CaseOutcome, why: &str) {
        let package = self.packages.remove(name).unwrap_or_default();
        self.held_bytes = self.held_bytes.saturating_sub(package.text.len());
        let mut tests: Vec<(String, Test)> = package.tests.into_iter().collect();
        tests.sort_by_key(|(_, test)| test.place);
        let mut red = 0;
        for (test_name, mut test) in tests {
            if test.running {
                // A benchmark that logs nothing never ends, even where the package passes.
                if outcome == CaseOutcome::Passed && test_name.starts_with("Benchmark") {
                    self.release(&test_name, &test);
                    continue;
                }
                test.outcome = Some(CaseOutcome::Error);
                if test.text.is_empty() {
                    test.text.push_str(&package.text);
                    self.held_bytes += test.text.len();
                }
            }
            red += u64::from(matches!(test.outcome, Some(CaseOutcome::Failed | CaseOutcome::Error)));
            self.settle(name, test_name, test);
        }
        if outcome == CaseOutcome::Failed && red == 0 {
            let text = if why.is_empty() { &package.text } else { why };
            self.cases.outside(name, "the package failed, and none of its tests", text);
        }
        if outcome == CaseOutcome::Passed && red > 0 {
            let text = format!("package {name} passed, and {red} of its tests did not");
            self.cases.out.contradictions.push(text);
        }
    }

    fn release(&mut self, name: &str, test: &Test) {
        self.held = self.held.saturating_sub(1);
        self.held_bytes = self.held_bytes.saturating_sub(name.len() + test.text.len());
    }

    /// Counts a test that has ended, or lets it wait where it may pass yet.
    fn settle(&mut self, package: &str, name: String, test: Test) {
        self.release(&name, &test);
        let Some(outcome) = test.outcome else { return };
        let key = key(package, &name);
        let red = matches!(outcome, CaseOutcome::Failed | CaseOutcome::Error);
        if let Some(&place) = self.places.get(&key) {
            if outcome == CaseOutcome::Passed {
                self.places.remove(&key);
                self.waiting.remove(&place);
                self.ended.insert(key);
                self.push(package, &name, outcome, test.micros, true, "");
            }
            return;
        }
        let again = !self.ended.insert(key);
        if again && !red {
            return;
        }
        self.worse += u64::from(again);
        if red && self.waiting.len() < MAX_WAITING {
            self.ended.remove(&key);
            let place = self.waiting.last_key_value().map_or(0, |(last, _)| last + 1);
            let mut text = test.text;
            truncate(&mut text, if self.waiting.len() < KEPT_CASES { KEPT_BYTES } else { SHORT_BYTES });
            self.places.insert(key, place);
            let (package, micros) = (package.to_string(), test.micros);
            self.waiting.insert(place, Waiting { package, name, outcome, micros, text });
            return;
        }
        self.push(package, &name, outcome, test.micros, false, &test.text);
    }

    fn push(&mut self, package: &str, name: &str, outcome: CaseOutcome, micros: u64, flaky: bool, text: &str) {
        let (place, message) = place_in(text);
        let message = match outcome {
            CaseOutcome::Error if !message.starts_with("panic: ") => "the test began and did not end",
            _ => message,
        };
        let (file, line) = (place.map(|(file, _)| file), place.map(|(_, line)| line));
        self.cases.push(&Case { class: package, name, file, line, micros, outcome, flaky, message, text });
    }

    /// A line that go writes beside the events: on the error stream, and before 1.24 for a build that failed.
    fn foreign(&mut self, line: &str, number: u64) -> Result<(), ReadError> {
        if line.trim().is_empty() {
            return Ok(());
        }
        self.foreign += 1;
        let told = |words: &[&str]| words.iter().any(|word| line.starts_with(word));
        if told(&["# "]) {
            self.block = true;
        } else if told(&["FAIL", "go: "]) && !told(&GO_TELLS) {
            self.cases.outside("go test", line, "");
        } else if !self.block && !told(&["exit status ", "ok  \t", "?   \t"]) && !told(&GO_TELLS) {
            let message = format!("neither an event of `go test -json` nor a line of go's own: `{}`", shown(line));
            return Err(ReadError::malformed(number, message));
        }
        Ok(())
    }

    fn finish(mut self, line: u64) -> Result<Tests, ReadError> {
        if let Some(name) = self.packages.keys().min() {
            let tests = &self.packages[name].tests;
            let running = tests.iter().filter(|(_, test)| test.running).min_by_key(|(_, test)| test.place);
            let inside = running.map_or(String::new(), |(test, _)| format!(", in {test}"));
            let message =
                format!("the file ends while package {name} runs{inside}: it was cut, or its writer was stopped");
            return Err(ReadError::malformed(line, message));
        }
        for (_, one) in std::mem::take(&mut self.waiting) {
            self.push(&one.package, &one.name, one.outcome, one.micros, false, &one.text);
        }
        for (path, build) in std::mem::take(&mut self.builds.0) {
            if build.failed && !build.claimed {
                self.cases.outside(&path, "the build failed", &build.text);
            }
        }
        let found = &mut self.cases.out.contradictions;
        if self.foreign > 0 {
            found.push(format!("{} lines are no events", self.foreign));
        }
        if self.worse > 0 {
            found.push(format!("{} tests passed, and failed when they ran again: both are counted", self.worse));
        }
        self.cases.finish(DeclaredTests::default())
    }
}

/// What go tells on its error stream while it does its work.
const GO_TELLS: [&str; 7] =
    ["go: downloading ", "go: finding ", "go: extracting ", "go: added ", "go: upgraded ", "go: found ", "go: warning"];

/// Output of builds, by the package that was built.
#[derive(Default)]
struct Builds(BTreeMap<String, Build>);

#[derive(Default)]
struct Build {
    text: String,
    failed: bool,
    /// A package that failed names this build as its reason.
    claimed: bool,
}

impl Builds {
    fn at(&mut self, path: &str) -> Option<&mut Build> {
        if self.0.len() >= MAX_BUILDS && !self.0.contains_key(path) {
            return None;
        }
        Some(self.0.entry(path.to_string()).or_default())
    }

    fn output(&mut self, path: &str, raw: &str) {
        if let Some(build) = self.at(path) {
            append(&mut build.text, raw);
        }
    }

    fn failed(&mut self, path: &str) {
        if let Some(build) = self.at(path) {
            build.failed = true;
        }
    }

    fn claim(&mut self, path: &str) {
        if let Some(build) = self.0.get_mut(path) {
            build.claimed = true;
        }
    }

    fn text(&self, path: &str) -> &str {
        self.0.get(path).map_or("", |build| &build.text)
    }
}

fn key(package: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (package, name).hash(&mut hasher);
    hasher.finish()
}

fn worse(before: Option<CaseOutcome>, now: CaseOutcome) -> CaseOutcome {
    match (before, now) {
        (Some(CaseOutcome::Failed), _) | (_, CaseOutcome::Failed) => CaseOutcome::Failed,
        (Some(CaseOutcome::Passed), _) | (_, CaseOutcome::Passed) => CaseOutcome::Passed,
        (_, other) => other,
    }
}

/// The lines that the testing package writes around a test; they are events of their own.
fn is_frame(raw: &str) -> bool {
    if raw.starts_with("=== ") {
        return ["RUN ", "PAUSE ", "CONT ", "NAME ", "ATTR "].iter().any(|word| raw[4..].starts_with(word));
    }
    let raw = raw.trim_start_matches(' ');
    raw.starts_with("--- ") && ["PASS: ", "FAIL: ", "SKIP: ", "BENCH: "].iter().any(|word| raw[4..].starts_with(word))
}

/// Appends output; of what is too long the beginning and the end are kept.
fn append(text: &mut String, raw: &str) {
    resolve(raw, text);
    if text.len() > 2 * KEPT_BYTES {
        let from = text.floor_char_boundary(BEGINNING_BYTES);
        let to = text.floor_char_boundary(text.len() - (KEPT_BYTES - BEGINNING_BYTES - '…'.len_utf8() - 4));
        text.replace_range(from..to, "\n…\n");
    }
}

/// The place and the message of a failure: the first `file.go:line: message` as `t.Error` writes it, else a panic
/// and the first test file in its trace, else the first line.
fn place_in(text: &str) -> (Option<(&str, u64)>, &str) {
    let reported = text.lines().find_map(|line| {
        let (place, rest) = file_and_line(line.trim_start())?;
        Some((Some(place), rest.strip_prefix(": ")?))
    });
    reported.unwrap_or_else(|| {
        let trace = || text.lines().filter_map(|line| file_and_line(line.trim_start()));
        let place = trace().map(|(place, _)| place).find(|(file, _)| file.ends_with("_test.go"));
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let message = lines.clone().find(|line| line.starts_with("panic: ")).or_else(|| lines.next());
        (place, message.unwrap_or_default().trim())
    })
}

/// `file.go:line` at the start of a line, and what stands behind it.
fn file_and_line(line: &str) -> Option<((&str, u64), &str)> {
    let end = line.find(".go:")? + ".go".len();
    let rest = &line[end + 1..];
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = super::digits(&rest.as_bytes()[..length]).filter(|&number| number > 0)?;
    let file = &line[..end];
    (!file.contains(char::is_whitespace)).then_some(((file, number), &rest[length..]))
}

fn shown(line: &str) -> String {
    line.chars().take(60).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events of package `p` in short: `run A`, `fail A`, `out A text`, `start`, `pass`; other lines as they are.
    fn events(script: &str) -> String {
        let event = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let (action, test, text) = (words.next()?, words.next(), words.next());
            let action = if action == "out" { "output" } else { action };
            let known = ["start", "run", "output", "pass", "fail", "skip", "bench", "pause"].contains(&action);
            let test = test.filter(|test| *test != "-").map_or(String::new(), |test| format!(",\"Test\":\"{test}\""));
            let text = text.map_or(String::new(), |text| format!(",\"Output\":\"{text}\\n\""));
            known.then(|| format!("{{\"Action\":\"{action}\",\"Package\":\"p\"{test}{text},\"Elapsed\":0.5}}"))
        };
        script.lines().map(|line| event(line).unwrap_or_else(|| line.to_string()) + "\r\n").collect()
    }

    fn one(script: &str) -> Result<(Tests, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let text = events(script);
        let tests = read(&mut text.as_bytes(), &mut |case| {
            let flaky = if case.flaky { " flaky" } else { "" };
            let place = case.file.map_or(String::new(), |file| format!(" {file}:{}", case.line.unwrap_or(0)));
            seen.push(format!("{}{flaky} {}{place} {}", case.outcome.id(), case.name, case.message).trim().to_string());
        })?;
        Ok((tests, seen))
    }

    #[test]
    fn every_test_with_a_terminal_event_is_a_case_and_its_output_the_message() {
        let (tests, seen) =
            one("start\nrun A\nout A === RUN   A\nrun A/b\nout A/b     a_test.go:7: 1 \\u003c 2: \\\"é\\\"\nfail \
             A/b\nout A --- FAIL: A (0.00s)\nfail A\nrun C\npause C\nskip C\nrun D\npass D\nfail")
            .unwrap();
        assert_eq!(seen, ["skipped C", "passed D", "failed A", "failed A/b a_test.go:7 1 < 2: \"é\""]);
        assert_eq!((tests.outside, tests.contradictions.len(), tests.counts.micros), (0, 0, 2_000_000));
        assert_eq!(tests.kept[0].text, "");
    }

    #[test]
    fn a_test_without_a_terminal_event_is_an_error() {
        let (tests, seen) = one("start\nrun A\npass A\nrun B\nout - exit status 3\nfail").unwrap();
        assert_eq!(seen, ["passed A", "error B the test began and did not end"]);
        assert_eq!((tests.outside, tests.kept[0].text.as_str()), (0, "exit status 3\n"));
        // Also where the package says that it passed.
        let (tests, _) = one("start\nrun B\npass").unwrap();
        assert_eq!((tests.counts.errors, tests.contradictions.len()), (1, 1));
        // A benchmark that logs nothing has none; one that fails or breaks has.
        let (tests, _) = one("start\nrun BenchmarkX\nout BenchmarkX x 1 ns/op\npass").unwrap();
        assert_eq!((tests.counts.tests, tests.outside, tests.contradictions.len()), (0, 0, 0));
        assert_eq!(one("start\nrun BenchmarkX\nfail").unwrap().0.counts.errors, 1);
        assert_eq!(one("start\nrun BenchmarkX\nbench BenchmarkX\npass").unwrap().0.counts.passed, 1);
        // The package begins anew before it had ended.
        let (tests, _) = one("start\nrun A\nstart\nrun B\npass B\npass").unwrap();
        assert_eq!((tests.counts.errors, tests.counts.passed), (1, 1));
    }

    #[test]
    fn a_package_that_fails_without_a_failed_test_is_red_with_its_output() {
        let (tests, _) = one("start\nrun A\npass A\nout - clean-up failed\nfail").unwrap();
        assert_eq!((tests.counts.passed, tests.outside, tests.kept[0].text.as_str()), (1, 1, "clean-up failed\n"));
        let build = "{\"ImportPath\":\"dep\",\"Action\":\"build-output\",\"Output\":\"# dep\\ndep/d.go:3:2: no\\n\"}\n\
             {\"ImportPath\":\"dep\",\"Action\":\"build-fail\"}\n";
        let fail = "{\"Action\":\"fail\",\"Package\":\"p\",\"FailedBuild\":\"dep\"}";
        let (tests, _) = one(&format!("{build}start\n{fail}")).unwrap();
        let kept = &tests.kept[0];
        assert_eq!((tests.outside, kept.path.as_deref(), kept.line), (1, Some("dep/d.go"), Some(3)));
        // A build that failed and that no package names.
        assert_eq!(one(&format!("{build}start\nrun A\npass A\npass")).unwrap().0.outside, 1);
    }

    #[test]
    fn count_keeps_the_worst_and_a_package_that_runs_again_the_last() {
        for (script, outcomes) in [
            ("start\nrun A\nfail A\nrun A\npass A\nfail", vec!["failed A"]),
            ("start\nrun A\npass A\nrun A\nfail A\nfail", vec!["failed A"]),
            ("start\nrun A\nskip A\nrun A\npass A\npass", vec!["passed A"]),
            (
                "start\nrun A\nfail A\nrun B\npass B\nfail\nstart\nrun A\npass A\npass",
                vec!["passed B", "passed flaky A"],
            ),
            ("start\nrun A\nfail A\nfail\nstart\nrun A\nskip A\npass", vec!["failed A"]),
            ("start\nrun A\nfail A\nfail\nstart\nrun A\nfail", vec!["failed A"]),
            ("start\nrun A\npass A\npass\nstart\nrun A\npass A\npass", vec!["passed A"]),
        ] {
            let (tests, seen) = one(script).unwrap();
            assert_eq!(seen, outcomes, "{script}");
            assert_eq!((tests.outside, tests.contradictions.len()), (0, 0), "{script}");
        }
        let (tests, seen) = one("start\nrun A\npass A\npass\nstart\nrun A\nfail A\nfail").unwrap();
        assert_eq!((seen, tests.contradictions.len()), (vec!["passed A".into(), "failed A".to_string()], 1));
    }

    #[test]
    fn a_panic_is_the_message_and_its_test_file_the_place() {
        let (_, seen) = one(
            "start\nrun A\nout A panic: no price\nout A goroutine 6 [running]:\nout A \\t/usr/go/testing.go:9 +0x1\n\
             out A \\t/w/a_test.go:6 +0x28\nfail A\nfail",
        )
        .unwrap();
        assert_eq!(seen, ["failed A /w/a_test.go:6 panic: no price"]);
        assert_eq!(file_and_line("a b.go:3: x"), None);
        assert_eq!(file_and_line("a.go:3: x"), Some((("a.go", 3), ": x")));
    }

    #[test]
    fn lines_of_go_itself_are_counted_and_others_refused() {
        let (tests, _) = one("go: downloading x v1\nstart\nrun A\npass A\npass").unwrap();
        assert_eq!((tests.outside, tests.contradictions), (0, vec!["1 lines are no events".to_string()]));
        // Before go 1.24 the output of a build that failed.
        let (tests, _) = one("start\nrun A\npass A\npass\n# q\nq/q.go:3:2: no\nFAIL\tq [build failed]").unwrap();
        assert_eq!((tests.outside, tests.kept[0].message.as_str()), (1, "FAIL\tq [build failed]"));
        assert_eq!(one("start\npass\ngo: cannot find main module").unwrap().0.outside, 1);
        for (script, line, what) in [
            ("start\nprinted", 2, "neither an event"),
            ("start\n{\"Action\":\"passed\",\"Package\":\"p\",\"Test\":\"A\"}", 2, "unknown action `passed`"),
            ("start\n{\"Package\":\"p\"}", 2, "without an `Action`"),
            ("start\nrun -", 2, "without a `Test`"),
            ("start\nrun A\npass A", 3, "while package p runs"),
            ("start\nrun A\nrun A/b", 3, ", in A: it was cut"),
            ("start\n{\"Action\":\"pass\",\"Pack", 2, "EOF"),
        ] {
            let error = one(script).unwrap_err();
            assert_eq!(error.line, Some(line), "{script}");
            assert!(error.message.contains(what), "{script}: {}", error.message);
        }
    }

    #[test]
    fn of_long_output_the_beginning_and_the_end_are_kept() {
        let mut text = String::new();
        for n in 0..10_000 {
            append(&mut text, &format!("line {n} é\\n"));
        }
        truncate(&mut text, 2 * KEPT_BYTES);
        assert!(text.starts_with("line 0 é\n") && text.ends_with("line 9999 é\n") && text.contains("\n…\n"));
    }

    #[test]
    fn what_is_held_is_bounded() {
        let many = |ends: bool| {
            let mut script = String::from("start\n");
            for n in 0..MAX_HELD + 10 {
                script += &format!("run T{n}\n");
                script += &if ends { format!("pass T{n}\n") } else { String::new() };
            }
            one(&(script + "pass"))
        };
        assert_eq!(many(true).unwrap().0.counts.passed, MAX_HELD as u64 + 10);
        let error = many(false).unwrap_err();
        assert_eq!((error.kind, error.line), (super::super::ErrorKind::TooLarge, Some(MAX_HELD as u64 + 2)));
    }
}
