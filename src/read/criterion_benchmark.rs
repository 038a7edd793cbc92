//! Criterion's `benchmark.json`: the name of one benchmark, whose numbers stand in the `estimates.json` beside it.

use super::error::ReadError;
use super::json::{self, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::found::Benchmarks;
use serde::de::MapAccess;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "criterion-benchmark",
    title: "criterion's benchmark.json",
    reads: "the full name of one benchmark; its numbers are in `estimates.json` beside it.",
    written_by: "criterion 0.8 (`target/criterion/**/new/benchmark.json`)",
    refuses: "a file without a name.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["group_id", "function_id"]),
    holds: Holds::Benchmarks(read),
};

pub fn read(source: &mut dyn Read) -> Result<Benchmarks, ReadError> {
    let mut identity = Identity(String::new());
    json::document(source, json::object(&mut identity))?;
    Ok(Benchmarks { full_id: Some(identity.0), tool: Some("criterion".into()), ..Benchmarks::default() })
}

struct Identity(String);

impl Object for Identity {
    const WHAT: &'static str = "a benchmark's names";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key == "full_id" { json::text(map, &mut self.0) } else { json::skip(map) }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.0.is_empty() { Err("a benchmark without a `full_id`".into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for() {
        let found = read(&mut r#"{"group_id":"g","function_id":null,"full_id":"g/f"}"#.as_bytes()).unwrap();
        assert_eq!((found.full_id.as_deref(), found.benchmarks.len()), (Some("g/f"), 0));
        assert!(read(&mut r#"{"group_id":"g","full_id":null}"#.as_bytes()).is_err());
    }
}
