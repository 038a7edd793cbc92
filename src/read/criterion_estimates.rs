//! Criterion's `estimates.json`: the numbers of one benchmark, whose name stands in the `benchmark.json` beside it.

use super::error::ReadError;
use super::json::{self, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::found::{Benchmark, Benchmarks, Better, Spread};
use serde::de::MapAccess;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "criterion-estimates",
    title: "criterion's estimates.json",
    reads: "the mean in nanoseconds and the standard deviation of one benchmark; its name is in `benchmark.json` beside it.",
    written_by: "criterion 0.8 (`target/criterion/**/new/estimates.json`)",
    refuses: "a file without a mean.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["mean", "median_abs_dev"]),
    holds: Holds::Benchmarks(read),
};

pub fn read(source: &mut dyn Read) -> Result<Benchmarks, ReadError> {
    let mut estimates = Estimates::default();
    json::document(source, json::object(&mut estimates))?;
    let Estimates { mean, deviation } = estimates;
    let spread = deviation.map(|value| Spread { value, what: "standard deviation" });
    let one =
        |value| Benchmark { name: String::new(), value, unit: "ns".into(), better: Some(Better::Smaller), spread };
    let benchmarks = mean.map(one).into_iter().collect();
    Ok(Benchmarks { benchmarks, tool: Some("criterion".into()), ..Benchmarks::default() })
}

#[derive(Default)]
struct Estimates {
    mean: Option<f64>,
    deviation: Option<f64>,
}

impl Object for Estimates {
    const WHAT: &'static str = "estimates";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "mean" => json::number_of(map, "point_estimate", &mut self.mean),
            "std_dev" => json::number_of(map, "point_estimate", &mut self.deviation),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        self.mean.map(|_| ()).ok_or_else(|| "estimates without a mean".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_asked_for() {
        let one = |text: &str| read(&mut text.as_bytes());
        let found = one(r#"{"mean":{"point_estimate":2,"standard_error":1},"slope":null}"#).unwrap();
        assert_eq!((found.benchmarks[0].value, found.benchmarks[0].spread), (2.0, None));
        for text in ["{}", r#"{"mean":{}}"#, r#"{"mean":{"point_estimate":"2"}}"#, r#"{"mean":null}"#] {
            assert!(one(text).is_err(), "{text}");
        }
    }
}
