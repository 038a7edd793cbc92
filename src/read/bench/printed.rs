//! Benchmarks as tools print them: libtest, go, criterion, Catch2, benchmark.js, Luau. A line is a result by its whole
//! form alone, to its last sign: a line that was cut is none.

use super::super::error::{ErrorKind, ReadError};
use super::super::lines::Lines;
use super::Out;
use crate::facts::found::{Benchmarks, Better, Spread};
use std::io::Read;

/// Does a line tell of a benchmark (or begin the table of some)?
pub fn is_result(line: &str) -> bool {
    let line = line.trim_end();
    libtest(line).is_some()
        || (line.starts_with("Benchmark") && go(line).is_some())
        || criterion(line).is_some()
        || benchmark_js(line).is_some()
        || luau(line).is_some()
        || begins_table(line)
}

pub fn read(source: &mut dyn Read) -> Result<Benchmarks, ReadError> {
    let mut lines = Lines::new(source);
    let mut printed = Printed::default();
    let mut last = 1;
    while let Some((line, number)) = lines.next()? {
        last = number;
        let too_many = |message| ReadError::new(ErrorKind::TooLarge, Some(number), message);
        printed.line(line.trim_end()).map_err(too_many)?;
    }
    let message = match printed.unfinished() {
        Some(what) => format!("the text ends inside of {what}"),
        None if !printed.known => "no line of a tool that prints benchmarks".into(),
        None => return Ok(printed.out.read),
    };
    Err(ReadError::malformed(last, message))
}

/// A result that stands on one line.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    name: &'a str,
    value: f64,
    unit: &'a str,
    spread: Option<Spread>,
}

#[derive(Default)]
struct Printed {
    out: Out,
    /// Something of a tool was seen.
    known: bool,
    /// libtest: benchmarks since `running N tests`.
    binary: Option<u64>,
    /// go: between a package's head and its end.
    package: bool,
    /// Catch2.
    table: Table,
    /// A table was begun, and the line under all of them is missing.
    open_tables: bool,
    /// The last line that is not blank: where a name is long, criterion and go print it on a line of its own.
    before: String,
}

impl Printed {
    fn unfinished(&self) -> Option<&'static str> {
        match () {
            () if self.binary.is_some() => Some("a binary's benchmarks"),
            () if self.package => Some("a package's benchmarks"),
            () if self.open_tables => Some("a table of benchmarks"),
            () => None,
        }
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.trim().is_empty() {
            return Ok(());
        }
        if !self.catch2(line)? {
            self.result(line)?;
        }
        self.before.clear();
        self.before.push_str(line.trim_start());
        Ok(())
    }

    fn result(&mut self, line: &str) -> Result<(), String> {
        let (found, tool) = if let Some(found) = libtest(line) {
            if let Some(count) = &mut self.binary {
                *count += 1;
            }
            (found, "cargo bench")
        } else if let Some(mut found) = criterion(line) {
            if found.name.is_empty() {
                // As much of the line before as is the name.
                let name = self.before.trim_start_matches("Benchmarking ");
                found.name = name.strip_suffix(": Analyzing").unwrap_or(name);
            }
            (found, "criterion")
        } else if let Some(found) = benchmark_js(line) {
            (found, "benchmark.js")
        } else if let Some(found) = luau(line) {
            (found, "Luau")
        } else if let Some(mut found) = go(line) {
            if found.name.is_empty() {
                found.name = self.before.split_whitespace().next().unwrap_or_default();
            }
            if !found.name.starts_with("Benchmark") {
                return Ok(());
            }
            (found, "go test")
        } else {
            self.frame(line);
            return Ok(());
        };
        self.known = true;
        self.out.read.tool = Some(tool.into());
        let Line { name, value, unit, spread } = found;
        self.out.push(name, value, unit, spread)
    }

    /// Lines around results, of libtest and go.
    fn frame(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        match words.as_slice() {
            ["running", count, "test" | "tests"] if count.bytes().all(|b| b.is_ascii_digit()) => self.binary = Some(0),
            ["test", "result:", said, ..] => {
                if *said != "ok." {
                    self.out.unmeasured(line);
                }
                self.measured(line);
            }
            ["test", ..] if line.ends_with(" ... FAILED") => self.out.unmeasured(line),
            ["goos:" | "goarch:" | "pkg:", _] => self.package = true,
            ["PASS"] | ["ok", _, ..] => self.package = false,
            ["FAIL", ..] => {
                self.package = false;
                self.out.unmeasured(line);
            }
            ["---", "FAIL:", ..] | ["panic:", ..] => self.out.unmeasured(line),
            _ => return,
        }
        self.known = true;
    }

    /// `test result: ok. 0 passed; 0 failed; 1 ignored; 2 measured; …` against what was seen.
    fn measured(&mut self, line: &str) {
        let said = line.split(';').find_map(|part| part.trim().strip_suffix(" measured")?.parse::<u64>().ok());
        if let (Some(seen), Some(said)) = (self.binary.take(), said)
            && seen != said
        {
            self.out.read.contradictions.push(format!("says {said} measured, and holds {seen}"));
        }
    }

    /// Catch2's tables: a line with the name (or several, where it is long), one of means, one of deviations.
    fn catch2(&mut self, line: &str) -> Result<bool, String> {
        if begins_table(line) {
            (self.table, self.open_tables, self.known) = (Table::Head, true, true);
            return Ok(true);
        }
        if line.starts_with("=====") {
            self.table = Table::Off;
            self.open_tables = false;
            return Ok(true);
        }
        if line.starts_with("test cases:") && line.contains(" failed") {
            self.out.unmeasured(line);
            return Ok(true);
        }
        let rule = line.starts_with("-----");
        self.table = match std::mem::take(&mut self.table) {
            Table::Off => return Ok(false),
            Table::Head => {
                if rule {
                    Table::Names(String::new())
                } else {
                    Table::Head
                }
            }
            Table::Names(_) if rule => Table::Off,
            Table::Names(mut name) => {
                let (part, last) = name_line(line);
                if !name.is_empty() && !part.is_empty() {
                    name.push(' ');
                }
                name.push_str(part);
                // A name is no longer than a page of what a test prints in between.
                if last {
                    Table::Means(name)
                } else {
                    Table::Names(if name.len() > 4096 { String::new() } else { name })
                }
            }
            Table::Means(name) => match pairs(line) {
                Some([(value, unit), ..]) => {
                    self.out.read.tool = Some("Catch2".into());
                    self.out.push_better(&name, value, unit, None, Some(Better::Smaller))?;
                    Table::Deviations { value, unit: unit.into() }
                }
                None => {
                    self.out.unmeasured(format!("{name}: {}", line.trim()));
                    Table::Names(String::new())
                }
            },
            Table::Deviations { value, unit } => {
                let spread = pairs(line).and_then(|[(spread, of), ..]| Some(spread * scale(of)? / scale(&unit)?));
                let last = self.out.read.benchmarks.last_mut().filter(|last| last.value == value);
                if let (Some(value), Some(last)) = (spread.filter(|v| v.is_finite()), last) {
                    last.spread = Some(Spread { value, what: "standard deviation" });
                }
                Table::Names(String::new())
            }
        };
        Ok(true)
    }
}

/// Where in a table of Catch2 the next line stands.
#[derive(Default)]
enum Table {
    #[default]
    Off,
    Head,
    Names(String),
    Means(String),
    Deviations {
        value: f64,
        unit: String,
    },
}

fn begins_table(line: &str) -> bool {
    line.starts_with("benchmark name ") && line.contains(" samples ") && line.contains(" iterations ")
}

/// `NAME samples iterations estimated unit`, or a part of a longer name; and whether it is the last of it.
fn name_line(line: &str) -> (&str, bool) {
    // Blanks stand between the columns: they are taken from the right, one column at a time.
    let mut rest = line.trim_end();
    let mut columns = [""; 4];
    for column in &mut columns {
        let Some((left, word)) = rest.rsplit_once(' ') else {
            return (line.trim(), false);
        };
        *column = word;
        rest = left.trim_end();
    }
    let [unit, estimated, iterations, samples] = columns;
    let whole = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if scale(unit).is_some() && number(estimated).is_some() && whole(iterations) && whole(samples) {
        (rest.trim(), true)
    } else {
        (line.trim(), false)
    }
}

/// Three values with their units, and nothing else.
fn pairs(line: &str) -> Option<[(f64, &str); 3]> {
    let mut words = line.split_whitespace();
    let mut next = || Some((number(words.next()?)?, words.next().filter(|unit| scale(unit).is_some())?));
    let found = [next()?, next()?, next()?];
    words.next().is_none().then_some(found)
}

/// Seconds in a unit of time.
fn scale(unit: &str) -> Option<f64> {
    Some(match unit {
        "ps" => 1e-12,
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

/// A plain decimal number, with or without commas between thousands.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b','));
    if !plain || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    text.replace(',', "").parse().ok()
}

/// `test NAME ... bench:   18,149 ns/iter (+/- 755)`, perhaps with ` = 123 MB/s`. The plus-minus is the highest less the
/// lowest sample.
fn libtest(line: &str) -> Option<Line<'_>> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... bench:")?;
    let (value, rest) = rest.trim_start().split_once(' ')?;
    let (unit, rest) = rest.trim_start().split_once(" (+/- ")?;
    let (spread, _) = rest.split_once(')')?;
    let spread = Spread { value: number(spread)?, what: "highest less lowest" };
    Some(Line { name: name.trim(), value: number(value)?, unit: unit.trim(), spread: Some(spread) })
}

/// `BenchmarkNAME-2   20   375.6 ns/op   0 B/op   0 allocs/op`; without the name where the benchmark itself printed.
fn go(line: &str) -> Option<Line<'_>> {
    let mut words = line.split_whitespace().peekable();
    let name = words.next_if(|word| word.starts_with("Benchmark")).unwrap_or("");
    if !words.next()?.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    while let (Some(value), Some(unit)) = (words.next(), words.next()) {
        if unit == "ns/op" {
            return Some(Line { name, value: number(value)?, unit, spread: None });
        }
    }
    None
}

/// `NAME   time:   [1.7375 ns 1.8340 ns 1.9668 ns]`; without the name where it is long.
fn criterion(line: &str) -> Option<Line<'_>> {
    let (name, rest) = line.split_once("time:   [")?;
    if !name.is_empty() && !name.ends_with(' ') {
        return None;
    }
    let [(low, of_low), (value, unit), (high, of_high)] = pairs(rest.strip_suffix(']')?)?;
    let half = (high * scale(of_high)? - low * scale(of_low)?) / scale(unit)? / 2.0;
    Some(Line { name: name.trim(), value, unit, spread: Some(Spread { value: half, what: "half of the interval" }) })
}

/// `NAME x 1,431,759 ops/sec ±0.74% (93 runs sampled)`.
fn benchmark_js(line: &str) -> Option<Line<'_>> {
    let (rest, spread) = line.split_once(" ops/sec ±")?;
    let (name, value) = rest.rsplit_once(" x ")?;
    let (percent, runs) = spread.split_once("% (")?;
    let (value, percent) = (number(value)?, number(percent)?);
    if !runs.ends_with(" sampled)") {
        return None;
    }
    let spread = Spread { value: value * percent / 100.0, what: "half of the 95% interval" };
    Some(Line { name: name.trim(), value, unit: "ops/sec", spread: Some(spread) })
}

/// `SUCCESS: NAME  :   15.041ms +/-  0.636% on luau`.
fn luau(line: &str) -> Option<Line<'_>> {
    let (name, rest) = line.strip_prefix("SUCCESS: ")?.rsplit_once(" : ")?;
    let (value, rest) = rest.split_once(" +/- ")?;
    let (percent, driver) = rest.split_once("% on ")?;
    let value = value.trim();
    let (value, unit) = value.split_at(value.find(|c: char| c.is_ascii_alphabetic() || !c.is_ascii())?);
    let (value, percent) = (number(value)?, number(percent.trim())?);
    scale(unit)?;
    let spread = Spread { value: value * percent / 100.0, what: "standard deviation" };
    (!driver.is_empty()).then_some(Line { name: name.trim(), value, unit, spread: Some(spread) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Benchmarks, ReadError> {
        read(&mut text.as_bytes())
    }

    fn told(text: &str) -> Vec<String> {
        let of = |b: &crate::facts::found::Benchmark| {
            format!("{} {} {} {:?}", b.name, b.value, b.unit, b.spread.map(|s| (s.value * 1e3).round() / 1e3))
        };
        one(text).unwrap().benchmarks.iter().map(of).collect()
    }

    #[test]
    fn a_line_is_a_result_to_its_last_sign() {
        for line in [
            "test bench_fib_20 ... bench:      18,149.5 ns/iter (+/- 755)",
            "BenchmarkFib/a_b-8    30000    40537.123 ns/op",
            "u64[0]/itoa             time:   [1.7375 ns 1.8340 ns 1.9668 ns]",
            "sort x 3 x 1,431,759 ops/sec ±0.74% (93 runs sampled)",
        ] {
            assert!(is_result(line), "{line}");
            for (cut, _) in line.char_indices() {
                assert!(!is_result(&line[..cut]), "{}", &line[..cut]);
            }
        }
        assert_eq!(told("sort x 3 x 1,000 ops/sec ±2% (9 runs sampled)"), ["sort x 3 1000 ops/sec Some(20.0)"]);
        assert_eq!(told("SUCCESS: a : b  :  2.000ms +/-  50% on luau"), ["a : b 2 ms Some(1.0)"]);
        for line in ["this x line is none", "Benchmark of mine", "test a ... ok", "time:   [a b c]", "SUCCESS: all"] {
            assert!(!is_result(line), "{line}");
        }
    }

    #[test]
    fn a_long_name_stands_on_the_line_before() {
        let text = "a long name\n                        time:   [1.0 ns 2.0 us 3.0 us]\n";
        assert_eq!(told(text), ["a long name 2 us Some(1.5)"]);
        let text = "BenchmarkSay-2 \t said by it\n      20   11.00 ns/op\nPASS\n";
        assert_eq!(told(text), ["BenchmarkSay-2 11 ns/op None"]);
        // Numbers of something else.
        assert_eq!(told("PASS\nother\n  20   11.00 ns/op\n").len(), 0);
    }

    #[test]
    fn a_text_that_ends_too_early_is_refused() {
        for (text, what) in [
            ("running 2 tests\ntest a ... bench: 1 ns/iter (+/- 1)\n", "a binary's"),
            ("goos: linux\nBenchmarkA-2  1  1 ns/op\n", "a package's"),
            ("benchmark name   samples   iterations   estimated\n", "a table"),
            ("nothing of the kind\n", "no line of a tool"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.message.contains(what) && error.line.is_some(), "{text}: {}", error.message);
        }
    }

    #[test]
    fn what_failed_is_said() {
        let text = "goos: linux\n--- FAIL: BenchmarkBad\nBenchmarkA-2  1  1 ns/op\nFAIL\n";
        assert_eq!(one(text).unwrap().unmeasured, ["--- FAIL: BenchmarkBad", "FAIL"]);
        let text = "running 2 tests\ntest a ... FAILED\n\ntest result: FAILED. 0 passed; 1 failed; 1 measured; 0 filtered out\n";
        let read = one(text).unwrap();
        assert_eq!((read.unmeasured.len(), read.contradictions), (2, vec!["says 1 measured, and holds 0".to_string()]));
        let table = "benchmark name  samples  iterations  est run time\n-----\nbad  10  1  7 ms \nbenchmark failed\n\
            good  10  1  7 ms\n 1 us  1 us  1 us\n 100 ns  1 ns  1 ns\n=====\ntest cases: 1 | 1 failed\n";
        assert_eq!(told(table), ["good 1 us Some(0.1)"]);
        assert_eq!(one(table).unwrap().unmeasured, ["bad: benchmark failed", "test cases: 1 | 1 failed"]);
    }
}
