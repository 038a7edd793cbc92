//! The output of `gcov --json-format` (GCC 9 and later), unpacked: one document for each data file, also several behind
//! each other as `--stdout` writes them. Shape: gcc.gnu.org/onlinedocs/gcc/Invoking-Gcov.html, "-j".
//! A line may stand there several times, once for each function or instance of a template on it.

use super::cobertura::MAX_LINE;
use super::error::ReadError;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Coverage, FileCoverage};
use serde::Deserialize;
use serde::de::{Error, MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "gcov-json",
    title: "gcov JSON",
    reads: "each file's `lines` with their counts and branches; a line of several functions ran where one of them did.",
    written_by: "gcov 12 (`--json-format`, also with `--branch-probabilities` and `--stdout`)",
    refuses: "a document without `files`, a line without a number or count, a file that is still gzip-compressed.",
    looks_like: |s| {
        matches!(s.syntax, Syntax::JsonObject | Syntax::JsonLines)
            && (s.has_keys(&["gcc_version", "files"])
                || (s.has_keys(&["files"]) && s.has_inner("functions") && s.has_inner("lines")))
    },
    holds: Holds::Coverage(read),
};

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut report = Report::default();
    json::objects(source, &mut report)?;
    let mut out = report.out;
    out.tool = Some("gcov".into());
    Ok(out)
}

#[derive(Default)]
struct Report {
    out: Coverage,
    /// Of the document being read.
    files: bool,
    folder: String,
}

impl Object for Report {
    const WHAT: &'static str = "a report of gcov";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "files" => {
                self.files = true;
                map.next_value_seed(json::list(&mut Files(&mut self.out)))?;
            }
            "gcc_version" => self.out.version = map.next_value()?,
            "current_working_directory" => json::path(map, &mut self.folder)?,
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if !std::mem::take(&mut self.files) {
            return Err("no `files`".into());
        }
        if !self.folder.is_empty() && !self.out.sources.contains(&self.folder) {
            self.out.sources.push(std::mem::take(&mut self.folder));
        }
        Ok(())
    }
}

struct Files<'a>(&'a mut Coverage);

impl List for Files<'_> {
    const WHAT: &'static str = "a list of files";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut file = File::default();
        let some = list.next_element_seed(json::object(&mut file))?.is_some();
        if some {
            let slot = self.0.slot(&file.name);
            self.0.at(slot).merge(&file.out);
        }
        Ok(some)
    }
}

#[derive(Default)]
struct File {
    name: String,
    lines: bool,
    out: FileCoverage,
}

impl Object for File {
    const WHAT: &'static str = "a file's coverage";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "file" => json::path(map, &mut self.name),
            "lines" => {
                self.lines = true;
                map.next_value_seed(json::list(&mut LineList(&mut self.out)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.name.is_empty(), self.lines) {
            (false, true) => Ok(()),
            (true, _) => Err("a file without its name in `file`".into()),
            (_, false) => Err("a file without `lines`".into()),
        }
    }
}

struct LineList<'a>(&'a mut FileCoverage);

impl List for LineList<'_> {
    const WHAT: &'static str = "a list of lines";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut line = Line::default();
        if list.next_element_seed(json::object(&mut line))?.is_none() {
            return Ok(false);
        }
        self.0.lines.insert(line.number, line.ran);
        if !line.branches.0.is_empty() {
            // Each function or instance has branches of its own, and they count each.
            let branches = self.0.branches.entry(line.number).or_default();
            line.branches.0.iter().for_each(|&taken| branches.push(taken));
        }
        Ok(true)
    }
}

/// The line being read; its number is told behind its branches.
#[derive(Default)]
struct Line {
    number: u32,
    numbered: bool,
    counted: bool,
    ran: bool,
    branches: BranchList,
}

impl Object for Line {
    const WHAT: &'static str = "a line";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "line_number" => {
                let number: u64 = map.next_value()?;
                let line = u32::try_from(number).ok().filter(|_| number <= MAX_LINE);
                self.number = line.ok_or_else(|| M::Error::custom(format!("line number expected, found {number}")))?;
                self.numbered = true;
            }
            "count" => {
                // An integer, of which an overflow may be beyond any; read as what every number fits in.
                self.ran = map.next_value::<f64>()? > 0.0;
                self.counted = true;
            }
            "branches" => map.next_value_seed(json::list(&mut self.branches))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.numbered, self.counted) {
            (true, true) => Ok(()),
            (false, _) => Err("a line without a `line_number`".into()),
            (_, false) => Err("a line without a `count`".into()),
        }
    }
}

/// Which branches of a line were taken.
#[derive(Default)]
struct BranchList(Vec<bool>);

/// The most branches of one line: they are held until its number is told.
const MAX_BRANCHES: usize = 1_000_000;

#[derive(Deserialize)]
struct Branch {
    count: f64,
}

impl List for BranchList {
    const WHAT: &'static str = "a list of branches";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Some(branch) = list.next_element::<Branch>()? else { return Ok(false) };
        if self.0.len() >= MAX_BRANCHES {
            return Err(S::Error::custom(format!("more than {MAX_BRANCHES} branches of a line")));
        }
        self.0.push(branch.count > 0.0);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    fn document(name: &str, lines: &str) -> String {
        format!(
            r#"{{"gcc_version":"12.2.0","files":[{{"file":"{name}","functions":[],"lines":[{lines}]}}],
            "format_version":"1","current_working_directory":"/w","data_file":"a"}}"#
        )
    }

    #[test]
    fn a_line_of_two_instances_ran_where_one_did() {
        let lines = r#"{"branches":[{"count":1,"fallthrough":true,"throw":false},{"count":0}],"count":1,"line_number":3},
            {"branches":[{"count":0},{"count":0}],"count":0,"line_number":3},{"branches":[],"count":0,"line_number":4}"#;
        let coverage = one(&document("a.c", lines)).unwrap();
        let file = coverage.get("a.c").unwrap();
        assert_eq!(file.lines.iter().collect::<Vec<_>>(), [(3, true), (4, false)]);
        assert_eq!((file.branches[&3].covered, file.branches[&3].total), (1, 4));
        assert_eq!(
            (coverage.sources.as_slice(), coverage.version.as_deref()),
            (&["/w".to_string()][..], Some("12.2.0"))
        );
    }

    #[test]
    fn documents_behind_each_other_are_put_together() {
        let branch =
            |yes, no| format!(r#"{{"branches":[{{"count":{yes}}},{{"count":{no}}}],"count":{yes},"line_number":1}}"#);
        let text = format!("{}\n{}\n", document("a.h", &branch(0, 1)), document("a.h", &branch(1, 0)));
        let coverage = one(&text).unwrap();
        let file = coverage.get("a.h").unwrap();
        assert_eq!((file.lines.get(1), file.branches[&1].covered, file.branches[&1].total), (Some(true), 2, 2));
        assert_eq!(coverage.sources, ["/w"]);
        let error = one(&format!("{text}{{")).unwrap_err();
        assert!(error.message.contains("EOF"), "{}", error.message);
        assert!(one(&format!("{text}x")).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, what) in [
            ("{\"gcc_version\":\"12\"}".to_string(), "no `files`"),
            (format!("{}{{}}", document("a", "")), "no `files`"),
            (document("", ""), "without its name"),
            (document("a", "").replace("\"lines\"", "\"line\""), "without `lines`"),
            (document("a", "{\"count\":1}"), "without a `line_number`"),
            (document("a", "{\"line_number\":1}"), "without a `count`"),
            (document("a", "{\"line_number\":99999999999,\"count\":1}"), "99999999999"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert!(error.line.is_some());
        }
    }
}
