//! The JSON report of coverage.py (`coverage json`), formats 2 and 3.
//! Shape: coverage.readthedocs.io, "JSON reporting". Read as a stream: one file's entry at a time.

use super::cobertura::MAX_LINE;
use super::error::ReadError;
use super::json;
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Branches, Coverage, DeclaredCoverage, FileCoverage};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "coveragepy-json",
    title: "coverage.py JSON",
    reads: "executed and missing lines and branches of each file; `totals` are only compared.",
    written_by: "coverage.py 5 to 7 (`coverage json`, formats 2 and 3)",
    refuses: "a report without `files` or `totals`, a string longer than 1 MiB.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["meta", "files"]),
    holds: Holds::Coverage(read),
};

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut out = Coverage::default();
    json::document(source, Document(&mut out))?;
    out.tool = Some("coverage.py".into());
    let listed = out.files().len();
    out.listed = Some(listed);
    out.contradictions = super::cobertura::contradictions(&out);
    Ok(out)
}

#[derive(Deserialize)]
struct Meta {
    version: Option<String>,
}

#[derive(Deserialize, Default)]
struct Totals {
    covered_lines: Option<u64>,
    num_statements: Option<u64>,
    covered_branches: Option<u64>,
    num_branches: Option<u64>,
}

struct Document<'a>(&'a mut Coverage);

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a coverage.py JSON report")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let (mut files, mut totals) = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "meta" => self.0.version = map.next_value::<Meta>()?.version,
                "files" => {
                    map.next_value_seed(Files(self.0))?;
                    files = true;
                }
                "totals" => {
                    let says: Totals = map.next_value()?;
                    self.0.declared = DeclaredCoverage {
                        lines_covered: says.covered_lines,
                        lines_total: says.num_statements,
                        branches_covered: says.covered_branches,
                        branches_total: says.num_branches,
                    };
                    totals = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match (files, totals) {
            (true, true) => Ok(()),
            (false, _) => Err(M::Error::custom("no `files`")),
            (_, false) => Err(M::Error::custom("no `totals`: the report is not complete")),
        }
    }
}

struct Files<'a>(&'a mut Coverage);

impl<'de> DeserializeSeed<'de> for Files<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Files<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of files")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(path) = map.next_key::<String>()? {
            let slot = self.0.slot(&path.replace('\\', "/"));
            map.next_value_seed(File(self.0.at(slot)))?;
        }
        Ok(())
    }
}

struct File<'a>(&'a mut FileCoverage);

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one file's coverage")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let (mut executed, mut missing) = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "executed_lines" => {
                    map.next_value_seed(LineList { file: self.0, covered: true })?;
                    executed = true;
                }
                "missing_lines" => {
                    map.next_value_seed(LineList { file: self.0, covered: false })?;
                    missing = true;
                }
                "executed_branches" => map.next_value_seed(BranchList { file: self.0, taken: true })?,
                "missing_branches" => map.next_value_seed(BranchList { file: self.0, taken: false })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if executed && missing {
            return Ok(());
        }
        Err(M::Error::custom("a file without `executed_lines` and `missing_lines`"))
    }
}

struct LineList<'a> {
    file: &'a mut FileCoverage,
    covered: bool,
}

impl<'de> DeserializeSeed<'de> for LineList<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for LineList<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of line numbers")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while let Some(line) = list.next_element::<u64>()? {
            // coverage.py counts an empty module as line 0 in some versions; it is a line of the file all the same.
            if line > MAX_LINE {
                return Err(S::Error::custom(format!("line number expected, found {line}")));
            }
            self.file.lines.insert(line as u32, self.covered);
        }
        Ok(())
    }
}

struct BranchList<'a> {
    file: &'a mut FileCoverage,
    taken: bool,
}

impl<'de> DeserializeSeed<'de> for BranchList<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BranchList<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of branches, each [from, to]")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        // A line number may be negative: the way out of a block.
        while let Some((from, _)) = list.next_element::<(i64, i64)>()? {
            let line = u32::try_from(from).ok().filter(|&l| u64::from(l) <= MAX_LINE);
            let line = line.ok_or_else(|| S::Error::custom(format!("line number expected, found {from}")))?;
            let branches: &mut Branches = self.file.branches.entry(line).or_default();
            branches.push(self.taken);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, what) in [
            ("{\"meta\":{}}", "no `files`"),
            ("{\"files\":{}}", "no `totals`"),
            ("{\"files\":{\"a\":{}},\"totals\":{}}", "executed_lines"),
            ("{\"files\":{\"a\":{\"executed_lines\":[1],\"missing_lines\":[99999999999]}}}", "99999999999"),
            ("{\"files\":{\"a\":{\"executed_lines\":[1", "EOF"),
            ("{\"files\":{},\"totals\":{}} x", "trailing"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!(error.line, Some(1));
        }
    }

    #[test]
    fn totals_that_disagree_are_said() {
        let coverage = one("{\"files\":{\"a\":{\"executed_lines\":[1,2],\"missing_lines\":[3],\
            \"executed_branches\":[[1,-1]],\"missing_branches\":[[1,2]]}},\
            \"totals\":{\"covered_lines\":9,\"num_statements\":3}}")
        .unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total), (2, 3));
        assert_eq!((counts.branches_covered, counts.branches_total), (1, 2));
        assert_eq!(coverage.contradictions, ["declares 9 covered lines, its entries count 2"]);
    }
}
