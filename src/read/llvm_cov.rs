//! The export of `llvm-cov export` (`cargo llvm-cov --json`). Its own totals are the answer: they count a line once for
//! each function that it belongs to. Which lines ran follows from `segments` by LLVM's own rule
//! (LineCoverageStats in llvm/lib/ProfileData/Coverage/CoverageMapping.cpp, as its lcov exporter applies it).

use super::cobertura::MAX_LINE;
use super::error::ReadError;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Branches, Coverage, CoverageCounts, FileCoverage};
use serde::Deserialize;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "llvm-cov-json",
    title: "llvm-cov export",
    reads: "`totals` (they are the answer), each file's `summary`, its lines from `segments` and its `branches` (without \
        those inside of macros); `-summary-only` has no lines.",
    written_by: "llvm-cov 19 (`export`, also with `-summary-only`)",
    refuses: "another `type`, a report without `data` or `totals`, segments out of order, more covered than there is.",
    looks_like: |s| {
        let only = || s.keys.iter().all(|key| ["data", "type", "version", "cargo_llvm_cov"].contains(&key.as_str()));
        s.syntax == Syntax::JsonObject
            && s.has_keys(&["data"])
            && (s.has_keys(&["type", "version"]) || (s.has_inner("files") && only()))
    },
    holds: Holds::Coverage(read),
};

const TYPE: &str = "llvm.coverage.json.export";
/// The most lines of all files together: a segment reaches as far as it says, whatever the size of the report.
const MAX_LINES: u64 = 20_000_000;
/// The most branches of one file: they are held until its end.
const MAX_BRANCHES: usize = 1_000_000;

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut report = Report::default();
    json::document(source, json::object(&mut report))?;
    let Report { mut out, totals, files, .. } = report;
    out.tool = Some("llvm-cov".into());
    let listed = out.files().len();
    out.listed = Some(listed);
    out.contradictions = contradictions(&totals, &files);
    out.totals = Some(totals);
    Ok(out)
}

/// Where a report's totals are not the sum of what it says of its files.
pub(super) fn contradictions(totals: &CoverageCounts, files: &CoverageCounts) -> Vec<String> {
    [
        ("covered lines", totals.lines_covered, files.lines_covered),
        ("lines", totals.lines_total, files.lines_total),
        ("covered branches", totals.branches_covered, files.branches_covered),
        ("branches", totals.branches_total, files.branches_total),
    ]
    .into_iter()
    .filter(|(_, total, sum)| total != sum)
    .map(|(what, total, sum)| format!("declares {total} {what}, its files sum up to {sum}"))
    .collect()
}

pub(super) fn sum(to: &mut CoverageCounts, more: &CoverageCounts) {
    to.lines_covered = to.lines_covered.saturating_add(more.lines_covered);
    to.lines_total = to.lines_total.saturating_add(more.lines_total);
    to.branches_covered = to.branches_covered.saturating_add(more.branches_covered);
    to.branches_total = to.branches_total.saturating_add(more.branches_total);
}

#[derive(Default)]
struct Report {
    out: Coverage,
    totals: CoverageCounts,
    /// The sum of the files' summaries.
    files: CoverageCounts,
    /// How many lines the segments made.
    lines: u64,
    data: bool,
    of_type: bool,
}

impl Object for Report {
    const WHAT: &'static str = "an export of llvm-cov";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "type" => {
                let found: String = map.next_value()?;
                self.of_type = found == TYPE;
                if !self.of_type {
                    return Err(M::Error::custom(format!("the type `{TYPE}` expected, found `{found}`")));
                }
                Ok(())
            }
            "data" => {
                self.data = true;
                map.next_value_seed(json::list(&mut Data(self)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.data, self.of_type) {
            (true, true) => Ok(()),
            (false, _) => Err("no `data`".into()),
            (_, false) => Err(format!("no `type`: `{TYPE}` expected")),
        }
    }
}

/// One export for each element; tools that put several together append them.
struct Data<'a>(&'a mut Report);

impl List for Data<'_> {
    const WHAT: &'static str = "a list of exports";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        Ok(list.next_element_seed(json::object(&mut Export { report: self.0, files: false, totals: false }))?.is_some())
    }
}

struct Export<'a> {
    report: &'a mut Report,
    files: bool,
    totals: bool,
}

impl Object for Export<'_> {
    const WHAT: &'static str = "one export";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "files" => {
                self.files = true;
                map.next_value_seed(json::list(&mut Files(self.report)))?;
            }
            "totals" => {
                self.totals = true;
                let totals = map.next_value::<Summary>()?.counts().map_err(M::Error::custom)?;
                sum(&mut self.report.totals, &totals);
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.files, self.totals) {
            (true, true) => Ok(()),
            (false, _) => Err("no `files`".into()),
            (_, false) => Err("no `totals`: the report is not complete".into()),
        }
    }
}

#[derive(Deserialize)]
struct Summary {
    lines: Counter,
    /// Since LLVM 12.
    branches: Option<Counter>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Counter {
    count: u32,
    covered: u32,
}

impl Summary {
    fn counts(&self) -> Result<CoverageCounts, String> {
        let branches = self.branches.unwrap_or_default();
        for (what, counter) in [("lines", self.lines), ("branches", branches)] {
            if counter.covered > counter.count {
                return Err(format!("{} covered {what} of {}", counter.covered, counter.count));
            }
        }
        Ok(CoverageCounts {
            lines_covered: self.lines.covered.into(),
            lines_total: self.lines.count.into(),
            branches_covered: branches.covered.into(),
            branches_total: branches.count.into(),
        })
    }
}

struct Files<'a>(&'a mut Report);

impl List for Files<'_> {
    const WHAT: &'static str = "a list of files";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut file = File { room: MAX_LINES - self.0.lines, ..File::default() };
        if list.next_element_seed(json::object(&mut file))?.is_none() {
            return Ok(false);
        }
        self.0.lines = MAX_LINES - file.room;
        sum(&mut self.0.files, &file.out.totals.unwrap_or_default());
        for ((line, ..), taken) in &file.branches {
            let branches: &mut Branches = file.out.branches.entry(*line).or_default();
            taken.iter().for_each(|&taken| branches.push(taken));
        }
        let slot = self.0.out.slot(&file.name.replace('\\', "/"));
        self.0.out.at(slot).merge(&file.out);
        Ok(true)
    }
}

/// First line and column, last line and column.
type Place = (u32, u64, u64, u64);

/// The file being read.
#[derive(Default)]
struct File {
    name: String,
    out: FileCoverage,
    /// Each branch once, true and false; instances of a template repeat theirs.
    branches: BTreeMap<Place, [bool; 2]>,
    /// How many more lines may be made.
    room: u64,
    /// The line whose segments are being gathered.
    line: u64,
    open: Gathered,
    /// The last segment before that line: it wraps the lines up to the next.
    wrapped: Option<Segment>,
}

/// A count that holds from this place on.
#[derive(Clone, Copy, Default)]
struct Segment {
    line: u64,
    count: bool,
    has_count: bool,
    entry: bool,
    gap: bool,
}

/// What the segments of one line say.
#[derive(Clone, Copy, Default)]
struct Gathered {
    first: Option<Segment>,
    last: Option<Segment>,
    /// A region begins here, and whether one of those ran.
    begins: bool,
    ran: bool,
    /// A region with a count is entered, also a gap.
    entered: bool,
}

impl File {
    fn segment(&mut self, segment: Segment) -> Result<(), String> {
        if segment.line < self.line || segment.line > MAX_LINE {
            return Err(format!("a segment at line {} behind one at line {}", segment.line, self.line));
        }
        if segment.line > self.line {
            self.close_line()?;
            self.wrap(segment.line)?;
            self.line = segment.line;
        }
        let open = &mut self.open;
        open.first = open.first.or(Some(segment));
        open.last = Some(segment);
        let begins = segment.entry && segment.has_count && !segment.gap;
        open.begins |= begins;
        open.ran |= begins && segment.count;
        open.entered |= segment.entry && segment.has_count;
        Ok(())
    }

    /// Decides the line whose segments are all known.
    fn close_line(&mut self) -> Result<(), String> {
        let open = std::mem::take(&mut self.open);
        let Some(first) = open.first else { return Ok(()) };
        let skipped = first.entry && !first.has_count;
        let wrapped = self.wrapped.filter(|w| w.has_count);
        let mapped = (!skipped && (wrapped.is_some() || open.begins)) || open.entered;
        if mapped {
            let covered = self.wrapped.is_some_and(|w| w.count) || open.ran;
            self.insert(self.line, self.line, covered)?;
        }
        self.wrapped = open.last;
        Ok(())
    }

    /// The lines without a segment before `next`.
    fn wrap(&mut self, next: u64) -> Result<(), String> {
        match self.wrapped.filter(|w| w.has_count) {
            Some(wrapped) => self.insert(self.line + 1, next - 1, wrapped.count),
            None => Ok(()),
        }
    }

    fn insert(&mut self, first: u64, last: u64, covered: bool) -> Result<(), String> {
        let count = (last + 1).saturating_sub(first);
        self.room = self.room.checked_sub(count).ok_or_else(|| format!("more than {MAX_LINES} lines"))?;
        self.out.lines.insert_run(first as u32, last as u32, covered);
        Ok(())
    }
}

impl Object for File {
    const WHAT: &'static str = "a file's coverage";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "filename" => self.name = map.next_value()?,
            "segments" => {
                map.next_value_seed(json::list(&mut Segments(self)))?;
                self.close_line().map_err(M::Error::custom)?;
                (self.line, self.wrapped) = (0, None);
            }
            "branches" => map.next_value_seed(json::list(&mut BranchList(self)))?,
            "summary" => {
                self.out.totals = Some(map.next_value::<Summary>()?.counts().map_err(M::Error::custom)?);
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.name.is_empty(), self.out.totals) {
            (false, Some(_)) => Ok(()),
            (true, _) => Err("a file without a `filename`".into()),
            (_, None) => Err("a file without a `summary`".into()),
        }
    }
}

struct Segments<'a>(&'a mut File);

impl List for Segments<'_> {
    const WHAT: &'static str = "a list of segments";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Some(segment) = list.next_element::<Segment>()? else { return Ok(false) };
        self.0.segment(segment).map_err(S::Error::custom)?;
        Ok(true)
    }
}

/// `[line, column, count, has count, is an entry, is a gap]`; the last since LLVM 11.
impl<'de> Deserialize<'de> for Segment {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Segment, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Segment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a segment of 5 or 6 elements")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Segment, S::Error> {
                let short = |n| S::Error::invalid_length(n, &"a segment of 5 or 6 elements");
                let line = list.next_element()?.ok_or_else(|| short(0))?;
                list.next_element::<u64>()?.ok_or_else(|| short(1))?;
                let count: u64 = list.next_element()?.ok_or_else(|| short(2))?;
                let has_count = list.next_element()?.ok_or_else(|| short(3))?;
                let entry = list.next_element()?.ok_or_else(|| short(4))?;
                let gap = list.next_element()?.unwrap_or(false);
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Segment { line, count: count > 0, has_count, entry, gap })
            }
        }
        d.deserialize_seq(Elements)
    }
}

struct BranchList<'a>(&'a mut File);

impl List for BranchList<'_> {
    const WHAT: &'static str = "a list of branches";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Some(branch) = list.next_element::<Branch>()? else { return Ok(false) };
        let taken = self.0.branches.entry(branch.place).or_default();
        taken[0] |= branch.taken[0];
        taken[1] |= branch.taken[1];
        if self.0.branches.len() > MAX_BRANCHES {
            return Err(S::Error::custom(format!("more than {MAX_BRANCHES} branches of a file")));
        }
        Ok(true)
    }
}

/// `[line, column, last line, last column, count, count of the other way, …]`.
struct Branch {
    place: Place,
    taken: [bool; 2],
}

impl<'de> Deserialize<'de> for Branch {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Branch, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Branch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a branch of 6 elements and more")
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Branch, S::Error> {
                let mut found = [0u64; 6];
                for (at, number) in found.iter_mut().enumerate() {
                    *number = list.next_element()?.ok_or_else(|| S::Error::invalid_length(at, &self))?;
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                let [line, column, last_line, last_column, yes, no] = found;
                let first = u32::try_from(line).ok().filter(|_| line <= MAX_LINE);
                let first = first.ok_or_else(|| S::Error::custom(format!("line number expected, found {line}")))?;
                Ok(Branch { place: (first, column, last_line, last_column), taken: [yes > 0, no > 0] })
            }
        }
        d.deserialize_seq(Elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    const SUMMARY: &str = r#"{"lines":{"count":4,"covered":3},"branches":{"count":2,"covered":1}}"#;

    fn export(segments: &str, branches: &str) -> String {
        format!(
            r#"{{"files":[{{"filename":"d\\a.c","segments":[{segments}],"branches":[{branches}],"summary":{SUMMARY}}}],
            "totals":{SUMMARY}}}"#
        )
    }

    fn report(exports: &str) -> String {
        format!(r#"{{"data":[{exports}],"type":"{TYPE}","version":"2.0.1"}}"#)
    }

    fn lines(segments: &str) -> Vec<(u32, bool)> {
        let coverage = one(&report(&export(segments, ""))).unwrap();
        coverage.get("d/a.c").unwrap().lines.iter().collect()
    }

    #[test]
    fn a_line_is_the_best_of_what_begins_on_it_and_what_wraps_it() {
        // A function of lines 1 to 5 that ran once, a block inside of it from 2 to 3 that did not.
        let block =
            "[1,1,1,true,true,false],[2,5,0,true,true,false],[3,6,1,true,false,false],[5,2,0,false,false,false]";
        assert_eq!(lines(block), [(1, true), (2, true), (3, false), (4, true), (5, true)]);
        // The same block on lines of its own.
        let own = "[1,1,1,true,true,false],[2,1,0,true,true,false],[4,1,1,true,false,false],[5,2,0,false,false,false]";
        assert_eq!(lines(own), [(1, true), (2, true), (3, false), (4, false), (5, true)]);
    }

    #[test]
    fn gaps_and_skipped_regions_are_no_lines_that_ran() {
        // A gap's count is not that of the line that it begins on, which has what wraps it; behind it the gap wraps.
        let gap = "[1,1,0,true,true,false],[2,9,5,true,true,true],[4,1,0,true,false,false],[4,2,0,false,false,false]";
        assert_eq!(lines(gap), [(1, false), (2, false), (3, true), (4, true)]);
        // Skipped by the preprocessor: a region without a count begins the line.
        let skipped =
            "[1,1,1,true,true,false],[2,1,0,false,true,false],[4,1,1,true,false,false],[5,1,0,false,false,false]";
        assert_eq!(lines(skipped), [(1, true), (5, true)]);
        // Five elements, as before gaps were told.
        assert_eq!(lines("[1,1,1,true,true],[2,2,0,false,false]"), [(1, true), (2, true)]);
    }

    /// The lines are those of the `DA` records that llvm-cov 19.1.7 itself writes of these runs (`-format=lcov`).
    #[test]
    fn lines_are_those_of_llvm_s_own_lcov_exporter() {
        let templates = include_str!("../../tests/fixtures/formats/llvm-cov-json/llvm-cov-19.1.7.json");
        let macros = include_str!("../../tests/fixtures/formats/llvm-cov-json/llvm-cov-19.1.7-macro.json");
        for (text, file, expected) in [
            (templates, "/home/user/shop/shop.cpp", "3+ 5- 6- 7- 8+ 10+ 11+ 12+ 13+ 14+ 15- 16+ 17+ 18+"),
            (templates, "/home/user/shop/shop.hpp", "1+ 2+ 3+ 4+ 5+ 6+ 7+ 8+ 9+ 10+"),
            (
                macros,
                "/home/user/shop/mac.c",
                "2+ 8+ 9+ 10+ 11+ 12- 13+ 15+ 16+ 17+ 18- 19- 20- 21+ 22+ 24+ 25- 26+ 28+ 29- 30-",
            ),
        ] {
            let coverage = one(text).unwrap();
            let lines: Vec<String> = coverage
                .get(file)
                .unwrap()
                .lines
                .iter()
                .map(|(line, covered)| format!("{line}{}", if covered { '+' } else { '-' }))
                .collect();
            assert_eq!(lines.join(" "), expected, "{file}");
        }
    }

    #[test]
    fn totals_are_the_answer_and_several_exports_add_up() {
        let segments = "[1,1,0,true,true,false],[2,1,0,false,false,false]";
        let two = format!(
            "{},{}",
            export(segments, "[1,2,1,3,1,0,0,0,4],[1,2,1,3,0,1,0,0,4]"),
            export("[1,1,1,true,true,false]", "")
        );
        let coverage = one(&report(&two)).unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total), (6, 8));
        assert_eq!((counts.branches_covered, counts.branches_total), (2, 4));
        let file = coverage.get("d/a.c").unwrap();
        assert_eq!(file.lines.iter().collect::<Vec<_>>(), [(1, true), (2, false)]);
        // Two instances of one branch: taken in either is taken.
        assert_eq!((file.branches[&1].covered, file.branches[&1].total), (2, 2));
        assert_eq!((coverage.file_count(), coverage.contradictions.len()), (1, 0));
    }

    #[test]
    fn totals_that_are_not_those_of_the_files_are_said() {
        let text =
            report(&export("", "").replace("\"totals\":{\"lines\":{\"count\":4", "\"totals\":{\"lines\":{\"count\":9"));
        let coverage = one(&text).unwrap();
        assert_eq!(coverage.contradictions, ["declares 9 lines, its files sum up to 4"]);
        assert_eq!(coverage.counts().lines_total, 9);
    }

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        let far = "[1,1,1,true,true,false],[15000001,1,0,false,false,false]";
        for (text, what) in [
            (report("").replace(TYPE, "x"), "found `x`"),
            (r#"{"data":[]}"#.to_string(), "no `type`"),
            (format!(r#"{{"type":"{TYPE}"}}"#), "no `data`"),
            (report(r#"{"files":[]}"#), "no `totals`"),
            (report(&format!(r#"{{"totals":{SUMMARY}}}"#)), "no `files`"),
            (report(&export("[2,1,1,true,true,false],[1,1,1,true,true,false]", "")), "line 1 behind"),
            (report(&export("[1,1,1,true]", "")), "5 or 6"),
            (report(&export("[1,1,-1,true,true,false]", "")), "integer `-1`"),
            (report(&export("", "[1,2,3]")), "invalid length 3"),
            (report(&export("", "")).replace("\"covered\":3", "\"covered\":5"), "5 covered lines of 4"),
            (report(&export("", "")).replace("\"count\":4", "\"count\":4294967296"), "4294967296"),
            (report(&export("", "")).replace("\"filename\"", "\"name\""), "without a `filename`"),
            (report(&format!("{},{}", export(far, ""), export(far, ""))), "more than"),
            (report(&export("", ""))[..90].to_string(), "EOF"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert!(error.line.is_some());
        }
    }
}
