//! Benchmarks in JSON documents. Every entry of every dialect is taken by one reader; the members that it has say whose
//! it is.

use super::super::error::ReadError;
use super::super::json::{self, List, Object};
use super::Out;
use crate::facts::found::{Benchmarks, Better, Spread};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;

pub fn read(source: &mut dyn Read) -> Result<Benchmarks, ReadError> {
    let mut all = All::default();
    json::document(source, json::object_or_list(&mut all))?;
    Ok(all.out.read)
}

/// The document: an object that holds a list, or a list.
#[derive(Default)]
struct All {
    out: Out,
    entry: Entry,
    /// A list of benchmarks was there, be it empty.
    listed: bool,
    /// Of google-benchmark: runs whose iterations were told one by one.
    told: BTreeSet<String>,
}

impl Object for All {
    const WHAT: &'static str = "a report of benchmarks";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let tool = match key {
            "benchmarks" | "Benchmarks" | "results" => {
                self.listed = true;
                return map.next_value_seed(json::list(self));
            }
            "machine_info" => "pytest-benchmark",
            "context" => "google-benchmark",
            "HostEnvironmentInfo" => "BenchmarkDotNet",
            _ => return json::skip(map),
        };
        self.out.read.tool = Some(tool.into());
        json::skip(map)
    }

    fn end(&mut self) -> Result<(), String> {
        if self.listed { Ok(()) } else { Err("no list of benchmarks".into()) }
    }
}

impl List for All {
    const WHAT: &'static str = "a list of benchmarks";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        list.next_element_seed(Element(self)).map(|some| some.is_some())
    }
}

/// An entry, or the tree of groups that BenchmarkTools.jl writes behind its versions.
struct Element<'a>(&'a mut All);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a benchmark")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        self.0.entry.clear();
        json::object(&mut self.0.entry).visit_map(map)?;
        let All { out, entry, told, .. } = self.0;
        entry.give(out, told).map_err(M::Error::custom)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<(), S::Error> {
        let mut path = String::new();
        json::list(&mut Nodes { out: &mut self.0.out, path: &mut path }).visit_seq(list)
    }
}

/// A member that is a number; a text (JMH writes `"NaN"`) is a number that is none, `null` is no number.
struct Number<'a>(&'a mut Option<f64>);

impl<'de> DeserializeSeed<'de> for Number<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Number<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        *self.0 = Some(number);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        *self.0 = Some(number as f64);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        *self.0 = Some(number as f64);
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        *self.0 = Some(f64::NAN);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        *self.0 = None;
        Ok(())
    }
}

fn number<'de, M: MapAccess<'de>>(map: &mut M, to: &mut Option<f64>) -> Result<(), M::Error> {
    map.next_value_seed(Number(to))
}

/// Numbers of an object, by name; all else is passed over.
struct Numbers<'a> {
    value: (&'static str, &'a mut Option<f64>),
    spread: (&'static str, &'a mut Option<f64>),
    unit: (&'static str, &'a mut String),
}

impl Object for Numbers<'_> {
    const WHAT: &'static str = "an object of numbers";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key == self.value.0 {
            number(map, self.value.1)
        } else if key == self.spread.0 {
            number(map, self.spread.1)
        } else if key == self.unit.0 {
            json::text(map, self.unit.1)
        } else {
            json::skip(map)
        }
    }
}

/// Whose an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Dialect {
    #[default]
    Unknown,
    Pytest,
    Google,
    DotNet,
    Hyperfine,
    Jmh,
    /// `name`, `unit`, `value`.
    Plain,
    /// The versions at the head of a file of BenchmarkTools.jl.
    Julia,
}

/// One entry; its texts are used again.
#[derive(Default)]
struct Entry {
    dialect: Dialect,
    name: String,
    /// The longer name, where there are two.
    full_name: String,
    unit: String,
    value: Option<f64>,
    spread: Option<f64>,
    /// JMH's mode, google-benchmark's kind of run.
    mode: String,
    aggregate: String,
    failed: bool,
    failure: String,
    /// Runs of a command that ended otherwise than with 0.
    bad_exits: u64,
    params: String,
}

impl Entry {
    fn clear(&mut self) {
        let Entry { name, full_name, unit, mode, aggregate, failure, params, .. } = self;
        [name, full_name, unit, mode, aggregate, failure, params].into_iter().for_each(|text| text.clear());
        (self.dialect, self.value, self.spread, self.failed, self.bad_exits) = (Dialect::Unknown, None, None, false, 0);
    }

    fn give(&self, out: &mut Out, told: &mut BTreeSet<String>) -> Result<(), String> {
        if self.dialect == Dialect::Julia {
            out.read.tool = Some("BenchmarkTools.jl".into());
            return Ok(());
        }
        let name = if self.full_name.is_empty() { &self.name } else { &self.full_name };
        if name.is_empty() {
            return Err("a benchmark without a name".into());
        }
        let value = || self.value.ok_or_else(|| format!("{name}: a benchmark without a value"));
        let spread = |what| self.spread.map(|value| Spread { value, what });
        match self.dialect {
            Dialect::Unknown => Err(format!("{name}: a benchmark without a value")),
            Dialect::Pytest => out.push(name, value()?, "s (mean)", spread("standard deviation")),
            Dialect::Google => self.give_google(out, told),
            // Without statistics where every run of it failed.
            Dialect::DotNet => out.push(name, self.value.unwrap_or(f64::NAN), "ns", spread("standard deviation")),
            Dialect::Hyperfine => {
                if self.bad_exits > 0 {
                    out.unmeasured(format!("{name}: {} runs did not end with exit code 0", self.bad_exits));
                }
                out.read.tool = Some("hyperfine".into());
                out.push(name, value()?, "s (mean)", spread("standard deviation"))
            }
            Dialect::Jmh => {
                let name = if self.params.is_empty() { name.clone() } else { format!("{name} {{{}}}", self.params) };
                let better = if self.mode == "thrpt" { Better::Bigger } else { Better::Smaller };
                out.read.tool = Some("JMH".into());
                out.push_better(&name, value()?, &self.unit, spread("half of the 99.9% interval"), Some(better))
            }
            Dialect::Plain => out.push(name, value()?, &self.unit, spread("range")),
            Dialect::Julia => Ok(()),
        }
    }

    /// Of repetitions each is told, and their aggregates are not; where only those are told, the mean is it.
    fn give_google(&self, out: &mut Out, told: &mut BTreeSet<String>) -> Result<(), String> {
        let run = if self.full_name.is_empty() { &self.name } else { &self.full_name };
        if self.failed {
            out.unmeasured(format!("{run}: {}", self.failure));
            return Ok(());
        }
        let unit = format!("{} (real_time)", if self.unit.is_empty() { "ns" } else { &self.unit });
        if self.mode != "aggregate" {
            told.insert(run.clone());
            let value = self.value.ok_or_else(|| format!("{}: a benchmark without a value", self.name))?;
            return out.push_better(&self.name, value, &unit, None, Some(Better::Smaller));
        }
        match (self.aggregate.as_str(), self.value) {
            ("mean", Some(value)) if !told.contains(run) => {
                out.push_better(run, value, &unit, None, Some(Better::Smaller))
            }
            ("stddev", Some(value)) if value.is_finite() && !told.contains(run) => {
                if let Some(last) = out.read.benchmarks.last_mut().filter(|last| last.name == *run) {
                    last.spread = Some(Spread { value, what: "standard deviation" });
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Object for Entry {
    const WHAT: &'static str = "a benchmark";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let (dialect, value, spread, unit) = match key {
            "stats" => (Dialect::Pytest, "mean", "stddev", ""),
            "Statistics" => (Dialect::DotNet, "Mean", "StandardDeviation", ""),
            "primaryMetric" => (Dialect::Jmh, "score", "scoreError", "scoreUnit"),
            _ => return self.member(key, map),
        };
        self.dialect = dialect;
        let mut numbers = Numbers {
            value: (value, &mut self.value),
            spread: (spread, &mut self.spread),
            unit: (unit, &mut self.unit),
        };
        map.next_value_seed(json::object_or_null(&mut numbers))
    }
}

impl Entry {
    fn member<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "name" | "benchmark" => json::text(map, &mut self.name)?,
            "fullname" | "FullName" | "run_name" => json::text(map, &mut self.full_name)?,
            "command" => {
                self.dialect = Dialect::Hyperfine;
                json::text(map, &mut self.name)?;
            }
            "unit" | "time_unit" => json::text(map, &mut self.unit)?,
            "mode" => json::text(map, &mut self.mode)?,
            "run_type" => {
                self.dialect = Dialect::Google;
                json::text(map, &mut self.mode)?;
            }
            "real_time" => {
                self.dialect = Dialect::Google;
                number(map, &mut self.value)?;
            }
            "mean" if self.dialect == Dialect::Hyperfine => number(map, &mut self.value)?,
            "stddev" if self.dialect == Dialect::Hyperfine => number(map, &mut self.spread)?,
            "value" => {
                self.dialect = Dialect::Plain;
                number(map, &mut self.value)?;
            }
            "range" => number(map, &mut self.spread)?,
            "aggregate_name" => json::text(map, &mut self.aggregate)?,
            "error_occurred" | "skipped" => self.failed |= map.next_value::<Option<bool>>()? == Some(true),
            "error_message" | "skip_message" => json::text(map, &mut self.failure)?,
            "exit_codes" => map.next_value_seed(json::list_or_null(&mut ExitCodes(&mut self.bad_exits)))?,
            "params" => map.next_value_seed(json::object_or_null(&mut Params(&mut self.params)))?,
            "Julia" => {
                self.dialect = Dialect::Julia;
                json::skip(map)?;
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

/// `null` is a run that a signal ended.
struct ExitCodes<'a>(&'a mut u64);

impl List for ExitCodes<'_> {
    const WHAT: &'static str = "a list of exit codes";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let code = list.next_element::<Option<i64>>()?;
        *self.0 += u64::from(code.is_some_and(|code| code != Some(0)));
        Ok(code.is_some())
    }
}

/// Parameters as JSON, on one line.
struct Params<'a>(&'a mut String);

impl Object for Params<'_> {
    const WHAT: &'static str = "an object of parameters";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let mut value = String::new();
        json::text(map, &mut value)?;
        let separator = if self.0.is_empty() { "" } else { ", " };
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        self.0.push_str(&format!("{separator}{}: {}", quoted(key), quoted(&value)));
        Ok(())
    }
}

/// Nodes of BenchmarkTools.jl: each a list of the type's name and its members.
struct Nodes<'a> {
    out: &'a mut Out,
    path: &'a mut String,
}

impl List for Nodes<'_> {
    const WHAT: &'static str = "a list of groups";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let node = Node { out: self.out, path: self.path };
        list.next_element_seed(node).map(|some| some.is_some())
    }
}

struct Node<'a> {
    out: &'a mut Out,
    path: &'a mut String,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a type and its members")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        let Some(kind) = list.next_element::<String>()? else {
            return Err(S::Error::custom("a node without a type"));
        };
        let mut node = Members { nodes: Nodes { out: self.out, path: self.path }, time: None };
        if list.next_element_seed(json::object(&mut node))?.is_none() {
            return Err(S::Error::custom(format!("a {kind} without members")));
        }
        if let Some(time) = node.time {
            node.nodes.out.push(node.nodes.path, time, "ns", None).map_err(S::Error::custom)?;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Of a group its members (`data`), of an estimate its `time`, of a trial the mean of its `times`; in nanoseconds.
struct Members<'a> {
    nodes: Nodes<'a>,
    time: Option<f64>,
}

impl Object for Members<'_> {
    const WHAT: &'static str = "members of a node";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "data" => map.next_value_seed(json::object(&mut self.nodes)),
            "time" => number(map, &mut self.time),
            "times" => {
                let mut mean = Mean::default();
                map.next_value_seed(json::list(&mut mean))?;
                self.time = Some(mean.sum / mean.count as f64);
                Ok(())
            }
            _ => json::skip(map),
        }
    }
}

impl Object for Nodes<'_> {
    const WHAT: &'static str = "a group";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let length = self.path.len();
        if length > 0 {
            self.path.push('/');
        }
        self.path.push_str(key);
        let done = map.next_value_seed(Node { out: self.out, path: self.path });
        self.path.truncate(length);
        done
    }
}

#[derive(Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl List for Mean {
    const WHAT: &'static str = "a list of times";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let time = list.next_element::<f64>()?;
        self.sum += time.unwrap_or(0.0);
        self.count += u64::from(time.is_some());
        Ok(time.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Benchmarks, ReadError> {
        read(&mut text.as_bytes())
    }

    fn told(text: &str) -> Vec<String> {
        let of = |b: &crate::facts::found::Benchmark| format!("{} {} {}", b.name, b.value, b.unit);
        one(text).unwrap().benchmarks.iter().map(of).collect()
    }

    #[test]
    fn groups_of_julia_are_walked_to_their_estimates_and_trials() {
        let text = r#"[{"Julia":"1.7","BenchmarkTools":"1.0"},[["BenchmarkGroup",{"tags":[],"data":{
            "fib":["BenchmarkGroup",{"data":{"20":["TrialEstimate",{"time":31.5,"params":["Parameters",{}]}]}}],
            "sum":["Trial",{"times":[1.0,2.0],"gctimes":[0,0]}],
            "none":["Trial",{"times":[]}]}}]]]"#;
        assert_eq!(told(text), ["fib/20 31.5 ns", "sum 1.5 ns"]);
        assert_eq!(one(text).unwrap().unmeasured, ["none: no value"]);
    }

    #[test]
    fn what_failed_is_said_and_never_a_value() {
        let text = r#"{"context":{},"benchmarks":[{"name":"a","run_type":"iteration","error_occurred":true,
            "error_message":"no price","real_time":0.0},{"name":"b","real_time":2,"time_unit":"us"}]}"#;
        assert_eq!(told(text), ["b 2 us (real_time)"]);
        assert_eq!(one(text).unwrap().unmeasured, ["a: no price"]);
        let text = r#"{"results":[{"command":"x","mean":1.0,"stddev":null,"exit_codes":[0,1,null]}]}"#;
        assert_eq!(one(text).unwrap().unmeasured, ["x: 2 runs did not end with exit code 0"]);
        let text = r#"{"HostEnvironmentInfo":{},"Benchmarks":[{"FullName":"N.T.M","Statistics":null}]}"#;
        assert_eq!((told(text).len(), one(text).unwrap().unmeasured), (0, vec!["N.T.M: no value".to_string()]));
        let text = r#"[{"benchmark":"a.b","mode":"avgt","primaryMetric":{"score":1.5,"scoreError":"NaN",
            "scoreUnit":"us/op"},"jmhVersion":"1"}]"#;
        let read = one(text).unwrap().benchmarks.remove(0);
        assert_eq!((read.better, read.spread, read.unit.as_str()), (Some(Better::Smaller), None, "us/op"));
    }

    #[test]
    fn only_where_nothing_else_is_told_the_aggregates_are() {
        let aggregate = |name: &str, time: f64| {
            format!(
                r#"{{"name":"t_{name}","run_name":"t","run_type":"aggregate","aggregate_name":"{name}","real_time":{time}}}"#
            )
        };
        let aggregates = [aggregate("mean", 3.0), aggregate("median", 2.0), aggregate("stddev", 0.5)].join(",");
        let text = format!(r#"{{"context":{{}},"benchmarks":[{aggregates}]}}"#);
        let read = one(&text).unwrap().benchmarks;
        assert_eq!((read.len(), read[0].value, read[0].spread.map(|s| s.value)), (1, 3.0, Some(0.5)));
        let each = r#"{"name":"t","run_name":"t","run_type":"iteration","real_time":1.0}"#;
        assert_eq!(told(&format!(r#"{{"benchmarks":[{each},{each},{aggregates}]}}"#)), ["t 1 ns (real_time)"; 2]);
    }

    #[test]
    fn what_is_no_benchmark_is_refused() {
        for (text, what) in [
            ("{}", "no list of benchmarks"),
            (r#"{"results":[{"check_id":"x"}]}"#, "without a name"),
            (r#"[{"name":"a","unit":"s"}]"#, "without a value"),
            (r#"[{"name":"a","unit":"s","value":null}]"#, "without a value"),
            (r#"[{"name":"a","unit":"s","value":[1]}]"#, "a number"),
            ("[1]", "a benchmark"),
            ("[[1]]", "a type and its members"),
            (r#"[[["BenchmarkGroup"]]]"#, "without members"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.message.contains(what), "{text}: {}", error.message);
        }
        assert_eq!(told("[]"), Vec::<String>::new());
    }
}
