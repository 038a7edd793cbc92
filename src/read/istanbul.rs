//! Istanbul's own coverage map, `coverage-final.json` (nyc, jest, vitest and c8 with the reporter `json`).
//! Lines as istanbul-lib-coverage's FileCoverage.getLineCoverage makes them: a statement counts for the line it begins
//! on, and a line ran as often as the statement on it that ran most. Branches are those of `b`.

use super::cobertura::MAX_LINE;
use super::error::ReadError;
use super::json::{self, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Coverage, FileCoverage};
use serde::Deserialize;
use serde::de::MapAccess;
use std::collections::BTreeMap;
use std::io::Read;

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

/// The file being read: maps and counts belong together by their keys.
#[derive(Default)]
struct File {
    statements: Option<BTreeMap<String, Span>>,
    branches: Option<BTreeMap<String, Branch>>,
    hits: Option<BTreeMap<String, f64>>,
    taken: Option<BTreeMap<String, Vec<Option<f64>>>>,
    out: FileCoverage,
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
    locations: Vec<Span>,
}

impl Branch {
    fn line(&self) -> Option<u64> {
        let first = || self.locations.first().and_then(|span| span.start.line);
        self.loc.as_ref().and_then(|span| span.start.line).or(self.line).or_else(first)
    }
}

impl Object for File {
    const WHAT: &'static str = "a file's coverage";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "statementMap" => self.statements = Some(map.next_value()?),
            "branchMap" => self.branches = Some(map.next_value()?),
            "s" => self.hits = Some(map.next_value()?),
            "b" => self.taken = Some(map.next_value()?),
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let missing = |name: &str| format!("a file without `{name}`");
        let statements = self.statements.take().ok_or_else(|| missing("statementMap"))?;
        let branches = self.branches.take().ok_or_else(|| missing("branchMap"))?;
        let hits = self.hits.take().ok_or_else(|| missing("s"))?;
        let taken = self.taken.take().ok_or_else(|| missing("b"))?;
        let mut lines: Vec<(u32, bool)> = Vec::with_capacity(hits.len());
        for (id, span) in &statements {
            let count = hits.get(id).ok_or_else(|| format!("statement {id} without a count"))?;
            lines.push((line(span.start.line)?, *count > 0.0));
        }
        // In order, as the bit sets like it.
        lines.sort_unstable();
        lines.iter().for_each(|&(line, covered)| self.out.lines.insert(line, covered));
        if let Some(id) = hits.keys().find(|id| !statements.contains_key(*id)) {
            return Err(format!("statement {id} without a place"));
        }
        self.place_branches(&branches, &taken)
    }
}

impl File {
    fn place_branches(
        &mut self,
        branches: &BTreeMap<String, Branch>,
        taken: &BTreeMap<String, Vec<Option<f64>>>,
    ) -> Result<(), String> {
        let mut places: Vec<(u32, u64, &Vec<Option<f64>>)> = Vec::with_capacity(taken.len());
        for (id, counts) in taken {
            let branch = branches.get(id).ok_or_else(|| format!("branch {id} without a place"))?;
            places.push((line(branch.line())?, id.parse().unwrap_or(u64::MAX), counts));
        }
        if let Some(id) = branches.keys().find(|id| !taken.contains_key(*id)) {
            return Err(format!("branch {id} without counts"));
        }
        // In the order of their numbers: two maps of one file are put together branch by branch.
        places.sort_by_key(|(line, id, _)| (*line, *id));
        for (line, _, counts) in places {
            let of_line = self.out.branches.entry(line).or_default();
            counts.iter().for_each(|count| of_line.push(count.is_some_and(|count| count > 0.0)));
        }
        Ok(())
    }
}

fn line(number: Option<u64>) -> Result<u32, String> {
    let number = number.ok_or("line number expected, found none")?;
    u32::try_from(number)
        .ok()
        .filter(|_| number <= MAX_LINE)
        .ok_or_else(|| format!("line number expected, found {number}"))
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
