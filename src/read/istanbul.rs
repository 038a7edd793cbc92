//! Istanbul's own coverage map, `coverage-final.json` (nyc, jest, vitest and c8 with the reporter `json`).
//! Lines as istanbul-lib-coverage's FileCoverage.getLineCoverage makes them: a statement counts for the line it begins
//! on, and a line ran as often as the statement on it that ran most. Branches are those of `b`.

use super::cobertura::MAX_LINE;
use super::error::ReadError;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Coverage, FileCoverage};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;

pub const FORMAT: Format = Format {
    id: "istanbul-json",
    title: "Istanbul coverage map",
    reads: "the lines that statements begin on (`statementMap`, `s`) and the branches (`branchMap`, `b`) of each file.",
    written_by: "nyc 17, jest 30, vitest 4 (reporter `json`)",
    refuses: "a file whose maps and counts do not belong together.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_inner("statementMap"),
    holds: Holds::Coverage(read),
};

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut files = Files(Coverage::default());
    json::document(source, json::object(&mut files))?;
    let mut out = files.0;
    out.tool = Some("istanbul".into());
    let listed = out.files().len();
    out.listed = Some(listed);
    Ok(out)
}

struct Files(Coverage);

impl Object for Files {
    const WHAT: &'static str = "a coverage map of Istanbul";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let mut file = File::default();
        map.next_value_seed(json::object(&mut file))?;
        let slot = self.0.slot(&key.replace('\\', "/"));
        self.0.at(slot).merge(&file.out);
        Ok(())
    }
}

/// The file being read: maps and counts belong together by their keys, which are numbers.
#[derive(Default)]
struct File {
    statements: Option<Numbered<Span>>,
    branches: Option<Numbered<Branch>>,
    hits: Option<Numbered<Hits>>,
    taken: Option<Taken>,
    out: FileCoverage,
}

/// The most entries of one map, which is held until the file's end.
const MAX_ENTRIES: usize = 1_000_000;

/// A map from numbers.
struct Numbered<T>(BTreeMap<u32, T>);

impl<T: for<'d> Deserialize<'d>> Object for Numbered<T> {
    const WHAT: &'static str = "an object of numbered entries";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        self.0.insert(number(key)?, map.next_value()?);
        if self.0.len() > MAX_ENTRIES { Err(too_many()) } else { Ok(()) }
    }
}

#[derive(Deserialize)]
struct Span {
    start: Start,
}

/// A place that is not in the source has no line.
#[derive(Deserialize)]
struct Start {
    line: Option<u64>,
}

#[derive(Deserialize)]
struct Branch {
    loc: Option<Span>,
    /// Before `loc` was there.
    line: Option<u64>,
    #[serde(default)]
    locations: First,
}

/// The line of the first span of a list.
#[derive(Default)]
struct First(Option<u64>);

impl<'de> Deserialize<'de> for First {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<First, D::Error> {
        let mut first = Spans { seen: false, line: None };
        json::list(&mut first).deserialize(d)?;
        Ok(First(first.line))
    }
}

struct Spans {
    seen: bool,
    line: Option<u64>,
}

impl List for Spans {
    const WHAT: &'static str = "a list of places";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Some(span) = list.next_element::<Span>()? else { return Ok(false) };
        if !std::mem::replace(&mut self.seen, true) {
            self.line = span.start.line;
        }
        Ok(true)
    }
}

/// Did the statement run?
struct Hits(bool);

impl<'de> Deserialize<'de> for Hits {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Hits, D::Error> {
        Ok(Hits(f64::deserialize(d)? > 0.0))
    }
}

/// The ways of every branch, one behind the other; a count that is `null` is none.
#[derive(Default)]
struct Taken {
    flat: Vec<bool>,
    /// Where those of a branch begin and end.
    of: BTreeMap<u32, Range<usize>>,
}

impl Object for Taken {
    const WHAT: &'static str = "an object of lists of counts";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let from = self.flat.len();
        map.next_value_seed(json::list(self))?;
        self.of.insert(number(key)?, from..self.flat.len());
        if self.of.len() > MAX_ENTRIES { Err(too_many()) } else { Ok(()) }
    }
}

impl List for Taken {
    const WHAT: &'static str = "a list of counts";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Some(count) = list.next_element::<Option<f64>>()? else { return Ok(false) };
        self.flat.push(count.is_some_and(|count| count > 0.0));
        if self.flat.len() > MAX_ENTRIES { Err(too_many()) } else { Ok(true) }
    }
}

fn number<E: Error>(key: &str) -> Result<u32, E> {
    key.parse().map_err(|_| E::custom(format!("a number expected, found `{key}`")))
}

fn too_many<E: Error>() -> E {
    E::custom(format!("more than {MAX_ENTRIES} entries of a file"))
}

impl Branch {
    fn line(&self) -> Option<u64> {
        self.loc.as_ref().and_then(|span| span.start.line).or(self.line).or(self.locations.0)
    }
}

/// Takes a map of a file.
fn numbered<'de, T: for<'d> Deserialize<'d>, M: MapAccess<'de>>(
    map: &mut M,
    to: &mut Option<Numbered<T>>,
) -> Result<(), M::Error> {
    map.next_value_seed(json::object(to.insert(Numbered(BTreeMap::new()))))
}

impl Object for File {
    const WHAT: &'static str = "a file's coverage";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "statementMap" => numbered(map, &mut self.statements),
            "branchMap" => numbered(map, &mut self.branches),
            "s" => numbered(map, &mut self.hits),
            "b" => map.next_value_seed(json::object(self.taken.insert(Taken::default()))),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        let missing = |name: &str| format!("a file without `{name}`");
        let Numbered(statements) = self.statements.take().ok_or_else(|| missing("statementMap"))?;
        let Numbered(branches) = self.branches.take().ok_or_else(|| missing("branchMap"))?;
        let Numbered(hits) = self.hits.take().ok_or_else(|| missing("s"))?;
        let taken = self.taken.take().ok_or_else(|| missing("b"))?;
        let mut lines: Vec<(u32, bool)> = Vec::with_capacity(hits.len());
        for (id, span) in &statements {
            let hits = hits.get(id).ok_or_else(|| format!("statement {id} without a count"))?;
            lines.push((line(span.start.line)?, hits.0));
        }
        // In order, as the bit sets like it.
        lines.sort_unstable();
        lines.iter().for_each(|&(line, covered)| self.out.lines.insert(line, covered));
        match hits.keys().find(|id| !statements.contains_key(id)) {
            Some(id) => Err(format!("statement {id} without a place")),
            None => self.place_branches(&branches, &taken),
        }
    }
}

impl File {
    fn place_branches(&mut self, branches: &BTreeMap<u32, Branch>, taken: &Taken) -> Result<(), String> {
        let mut places: Vec<(u32, u32, &[bool])> = Vec::with_capacity(taken.of.len());
        for (&id, ways) in &taken.of {
            let branch = branches.get(&id).ok_or_else(|| format!("branch {id} without a place"))?;
            places.push((line(branch.line())?, id, &taken.flat[ways.clone()]));
        }
        if let Some(id) = branches.keys().find(|id| !taken.of.contains_key(id)) {
            return Err(format!("branch {id} without counts"));
        }
        // In the order of their numbers: two maps of one file are put together branch by branch.
        places.sort_unstable_by_key(|(line, id, _)| (*line, *id));
        for (line, _, ways) in places {
            let of_line = self.out.branches.entry(line).or_default();
            ways.iter().for_each(|&taken| of_line.push(taken));
        }
        Ok(())
    }
}

fn line(number: Option<u64>) -> Result<u32, String> {
    let number = number.ok_or("line number expected, found none")?;
    let line = u32::try_from(number).ok().filter(|_| number <= MAX_LINE);
    line.ok_or_else(|| format!("line number expected, found {number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    const WHOLE: &str = r#"{"d\\a.js":{"path":"d\\a.js",
        "statementMap":{"0":{"start":{"line":1,"column":0},"end":{"line":3,"column":1}},"1":{"start":{"line":1}},"2":{"start":{"line":2}}},
        "fnMap":{},"branchMap":{"0":{"loc":{"start":{"line":2,"column":4}},"type":"if","locations":[{"start":{}},{"start":{}}]},
        "1":{"line":5},"2":{"locations":[{"start":{"line":6}}]}},
        "s":{"0":0,"1":4,"2":0},"f":{},"b":{"0":[1,0],"1":[null],"2":[3]},"inputSourceMap":null}}"#;

    #[test]
    fn a_line_ran_where_one_of_its_statements_did() {
        let coverage = one(WHOLE).unwrap();
        let file = coverage.get("d/a.js").unwrap();
        assert_eq!(file.lines.iter().collect::<Vec<_>>(), [(1, true), (2, false)]);
        let branches: Vec<_> = file.branches.iter().map(|(line, b)| (*line, b.covered, b.total)).collect();
        assert_eq!(branches, [(2, 1, 2), (5, 0, 1), (6, 1, 1)]);
        assert_eq!(coverage.file_count(), 1);
    }

    #[test]
    fn maps_and_counts_that_do_not_belong_together_are_refused() {
        for (from, to, what) in [
            ("\"s\":{\"0\":0,", "\"s\":{", "statement 0 without a count"),
            ("\"s\":{", "\"s\":{\"9\":1,", "statement 9 without a place"),
            ("\"b\":{\"0\":[1,0],", "\"b\":{", "branch 0 without counts"),
            ("\"b\":{", "\"b\":{\"9\":[1],", "branch 9 without a place"),
            ("\"fnMap\":{},\"branchMap\"", "\"x\"", "without `branchMap`"),
            ("\"s\":{", "\"x\":{", "without `s`"),
            ("\"s\":{", "\"s\":{\"x\":1,", "found `x`"),
            ("\"1\":{\"start\":{\"line\":1}}", "\"1\":{\"start\":{}}", "found none"),
            ("{\"line\":5}", "{\"line\":99999999999}", "99999999999"),
            ("\"inputSourceMap\":null}}", "", "EOF"),
        ] {
            let text = WHOLE.replacen(from, to, 1);
            assert_ne!(text, WHOLE, "{from}");
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert!(error.line.is_some());
        }
    }
}
