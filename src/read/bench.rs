//! Reports of benchmarks, in the dialects of many tools: documents (`documents.rs`) and what is printed (`printed.rs`).
//! Each dialect is told from the file's content.

mod documents;
mod printed;

pub use printed::is_result;

use super::error::{ErrorKind, ReadError};
use super::findings::keep_reason;
use super::shape::{Shape, Syntax};
use super::{Format, Holds};
use crate::facts::found::{Benchmark, Benchmarks, Better, Spread};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "bench",
    title: "benchmark reports",
    reads: "every benchmark with its mean (or the one figure that the tool tells), its unit as written, whether smaller \
        or bigger is better where tool or unit tell, and its spread where there is one. JSON of pytest-benchmark, \
        google-benchmark (real time; of repetitions each, or their mean where only aggregates are told), hyperfine, JMH, \
        BenchmarkDotNet, BenchmarkTools.jl, and lists of `name`, `unit`, `value` (customBiggerIsBetter and \
        customSmallerIsBetter of github-action-benchmark); what `go test -bench` (its `ns/op`), `cargo bench`, criterion, \
        Catch2, benchmark.js and Luau's benchmarks print. A benchmark that failed, or whose command did, is said.",
    written_by: "pytest-benchmark 5.3, go 1.26, cargo nightly 1.97, criterion 0.8, hyperfine 1.15, google-benchmark 1.7, \
        Catch2 2.13, benchmark.js 2.1; in the corpus also Catch2 3, JMH 1.29, BenchmarkDotNet 0.12, BenchmarkTools 1.0, \
        Luau",
    refuses: "an entry without a name or a value, more than 100,000 benchmarks or 32 MiB of their names, text that ends \
        inside of a package, a binary or a table of benchmarks.",
    looks_like,
    holds: Holds::Benchmarks(read),
};

/// More benchmarks are no report of a project.
const MAX_BENCHMARKS: usize = 100_000;
/// All their names together: those of BenchmarkTools.jl are put together from its groups, and could be far longer than
/// the file.
const MAX_NAMES_BYTES: usize = 32 * 1024 * 1024;

fn looks_like(s: &Shape) -> bool {
    match s.syntax {
        Syntax::Text => s.has_inner("bench"),
        Syntax::JsonObject => {
            s.has_keys(&["machine_info", "benchmarks"])
                || s.has_keys(&["context", "benchmarks"])
                || s.has_keys(&["HostEnvironmentInfo", "Benchmarks"])
                || (s.has_keys(&["results"]) && s.has_inner("command") && s.has_inner("mean"))
        }
        Syntax::JsonArray => {
            s.has_keys(&["jmhVersion", "primaryMetric"])
                || s.has_keys(&["name", "unit", "value"])
                || s.has_keys(&["Julia", "BenchmarkTools"])
        }
        _ => false,
    }
}

pub fn read(source: &mut dyn Read) -> Result<Benchmarks, ReadError> {
    let mut begin = Vec::new();
    let mut byte = [0];
    // What a file begins with says which kind it is; blanks before it are lines of it all the same.
    loop {
        match source.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => begin.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let line = 1 + begin.iter().filter(|&&b| b == b'\n').count() as u64;
                return Err(ReadError::malformed(line, format!("cannot be read on: {error}")));
            }
        }
        if !byte[0].is_ascii_whitespace() {
            break;
        }
        if begin.len() > super::MAX_TOKEN_BYTES {
            return Err(ReadError::new(ErrorKind::TooLarge, None, "more blanks than a report has bytes"));
        }
    }
    let document = matches!(begin.last(), Some(b'{' | b'['));
    let mut whole = begin.as_slice().chain(source);
    if document { documents::read(&mut whole) } else { printed::read(&mut whole) }
}

/// What the dialects share: benchmarks, in the order of the file, and what went wrong.
#[derive(Default)]
struct Out {
    read: Benchmarks,
    names_bytes: usize,
}

impl Out {
    /// Takes a benchmark; a value that is no finite number is no measurement.
    fn push(&mut self, name: &str, value: f64, unit: &str, spread: Option<Spread>) -> Result<(), String> {
        self.push_better(name, value, unit, spread, better(unit))
    }

    fn push_better(
        &mut self,
        name: &str,
        value: f64,
        unit: &str,
        spread: Option<Spread>,
        better: Option<Better>,
    ) -> Result<(), String> {
        if !value.is_finite() {
            self.unmeasured(format!("{name}: no value"));
            return Ok(());
        }
        if self.read.benchmarks.len() >= MAX_BENCHMARKS {
            return Err(format!("more than {MAX_BENCHMARKS} benchmarks"));
        }
        self.names_bytes += name.len();
        if self.names_bytes > MAX_NAMES_BYTES {
            return Err(format!("names of more than {MAX_NAMES_BYTES} bytes"));
        }
        let spread = spread.filter(|spread| spread.value.is_finite());
        self.read.benchmarks.push(Benchmark { name: name.into(), value, unit: unit.into(), better, spread });
        Ok(())
    }

    fn unmeasured(&mut self, why: impl Into<String>) {
        keep_reason(&mut self.read.unmeasured, why.into());
    }
}

/// What a unit tells: a rate grows, a time and what one operation takes shrink; of percents and plain sizes it cannot be
/// known.
fn better(unit: &str) -> Option<Better> {
    const TIMES: [&str; 14] =
        ["ns", "us", "µs", "μs", "ms", "s", "sec", "m", "min", "h", "ps", "nanoseconds", "milliseconds", "seconds"];
    let word = unit.split_once(" (").map_or(unit, |(word, _)| word);
    match word.rsplit_once('/') {
        Some((_, "s" | "sec" | "second" | "ms" | "us" | "ns" | "min")) => Some(Better::Bigger),
        Some((_, "op" | "iter" | "item" | "call")) => Some(Better::Smaller),
        None if TIMES.contains(&word) => Some(Better::Smaller),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_tells_the_direction_or_nothing() {
        for (unit, says) in [
            ("ns/iter", Some(Better::Smaller)),
            ("s (mean)", Some(Better::Smaller)),
            ("cycles/iter", Some(Better::Smaller)),
            ("ops/sec", Some(Better::Bigger)),
            ("MS/s", Some(Better::Bigger)),
            ("ops/ms", Some(Better::Bigger)),
            ("Percent", None),
            ("Megabytes", None),
            ("", None),
        ] {
            assert_eq!(better(unit), says, "{unit}");
        }
    }

    #[test]
    fn too_many_benchmarks_are_refused_and_reasons_are_bounded() {
        let mut out = Out::default();
        for _ in 0..MAX_BENCHMARKS {
            out.push("b", 1.0, "ns", None).unwrap();
        }
        assert!(out.push("b", 1.0, "ns", None).is_err());
        let (name, mut long) = ("n".repeat(MAX_NAMES_BYTES / 2), Out::default());
        let pushed: Vec<bool> = (0..3).map(|_| long.push(&name, 1.0, "ns", None).is_ok()).collect();
        assert_eq!(pushed, [true, true, false]);
        (0..1000).for_each(|at| out.push(&format!("b{at}"), f64::NAN, "ns", None).unwrap());
        assert_eq!((out.read.unmeasured.len(), out.read.unmeasured[100].as_str()), (101, "and more"));
    }
}
