//! JaCoCo's XML report, also of several modules (`group`). The report's own LINE and BRANCH counters are the totals:
//! they count classes without source too. Shape: JaCoCo's report.dtd 1.1; a line is covered when at least one of its
//! instructions is (`ci`), as JaCoCo counts it.

use super::cobertura::{MAX_LINE, contradictions};
use super::digits;
use super::error::ReadError;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml, text};
use super::{Format, Holds};
use crate::facts::coverage::{Branches, Coverage, CoverageCounts, DeclaredCoverage};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "jacoco",
    title: "JaCoCo XML",
    reads: "the report's own LINE and BRANCH counters as the totals; the lines of each `sourcefile` with covered \
        instructions and branches. The sum over the lines is only compared.",
    written_by: "JaCoCo 0.8 (`report` and `report-aggregate` of its Maven plug-in)",
    refuses: "lines without a LINE counter of the report, a source file without a name, a number that is none, \
        XML that is not well formed.",
    looks_like: |s| {
        let inner = ["sessioninfo", "group", "package", "counter"];
        let of_jacoco = s.inner.is_empty() || inner.iter().any(|name| s.has_inner(name));
        s.syntax == Syntax::Xml && s.root == "report" && s.has_keys(&["name"]) && of_jacoco
    },
    holds: Holds::Coverage(read),
};

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut xml = Xml::new(source);
    let mut reader = Reader::default();
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Event::Start(tag) => {
                let done = reader.start(depth, &tag);
                done.map_err(|message| ReadError::malformed(xml.line(), message))?;
            }
            Event::End(_) => reader.end(depth),
            Event::Text(_) | Event::Cdata(_) => {}
            Event::Eof => break,
        }
    }
    reader.finish().map_err(|message| ReadError::malformed(xml.line(), message))
}

#[derive(Default)]
struct Reader {
    out: Coverage,
    package: String,
    /// Slot of the open `<sourcefile>`, and its depth.
    file: Option<(usize, usize)>,
    /// Covered and all, of the report.
    lines: Option<(u64, u64)>,
    branches: Option<(u64, u64)>,
}

impl Reader {
    /// `depth` is that of the parent: 0 for the root.
    fn start(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name() {
            b"line" => self.line(depth, tag)?,
            b"counter" if depth == 1 => self.counter(tag)?,
            b"package" => self.package = tag.get("name").unwrap_or_default().replace('\\', "/"),
            b"sourcefile" => {
                let Some(name) = tag.get("name").filter(|name| !name.is_empty()) else {
                    return Err("<sourcefile> without a `name`".into());
                };
                let path = if self.package.is_empty() { name.into_owned() } else { format!("{}/{name}", self.package) };
                self.file = Some((self.out.slot(&path), depth + 1));
            }
            _ => {}
        }
        Ok(())
    }

    fn line(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        let Some((slot, _)) = self.file.filter(|(_, file)| *file == depth) else { return Ok(()) };
        let Some(line) = tag.raw("nr").and_then(digits).filter(|line| *line <= MAX_LINE) else {
            return Err(format!("line number expected, found `{}`", tag.raw("nr").map_or("nothing", text)));
        };
        let [missed, covered] = [number(tag, "mi")?, number(tag, "ci")?];
        if missed + covered == 0 {
            return Ok(());
        }
        let file = self.out.at(slot);
        file.lines.insert(line as u32, covered > 0);
        let [missed, covered] = [number(tag, "mb")?, number(tag, "cb")?];
        if missed + covered > 0 {
            let total = u32::try_from(missed + covered).map_err(|_| "more branches than a line can have")?;
            file.branches.entry(line as u32).or_default().merge(&Branches::counted(covered as u32, total));
        }
        Ok(())
    }

    fn counter(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        let counter = match tag.raw("type") {
            Some(b"LINE") => &mut self.lines,
            Some(b"BRANCH") => &mut self.branches,
            _ => return Ok(()),
        };
        let (Some(missed), Some(covered)) = (tag.number("missed"), tag.number("covered")) else {
            return Err("a <counter> without the numbers `missed` and `covered`".into());
        };
        *counter = Some((covered, covered + missed));
        Ok(())
    }

    /// `depth` counts the element that ends.
    fn end(&mut self, depth: usize) {
        if self.file.is_some_and(|(_, file)| file == depth) {
            self.file = None;
        }
    }

    fn finish(self) -> Result<Coverage, String> {
        let mut out = self.out;
        let counted = out.counted();
        // JaCoCo writes no counter of what there is nothing of.
        if self.lines.is_none() && counted.lines_total > 0 {
            return Err("lines, and no LINE counter of the report".into());
        }
        let (lines_covered, lines_total) = self.lines.unwrap_or_default();
        let (branches_covered, branches_total) = self.branches.unwrap_or_default();
        out.declared = DeclaredCoverage {
            lines_covered: Some(lines_covered),
            lines_total: Some(lines_total),
            branches_covered: Some(branches_covered),
            branches_total: Some(branches_total),
        };
        out.contradictions = contradictions(&out);
        out.totals = Some(CoverageCounts { lines_covered, lines_total, branches_covered, branches_total });
        let listed = out.files().len();
        out.listed = Some(listed);
        out.tool = Some("JaCoCo".into());
        Ok(out)
    }
}

/// 0 where it is left out, as the DTD allows.
fn number(tag: &Tag<'_>, name: &str) -> Result<u64, String> {
    let Some(raw) = tag.raw(name) else { return Ok(0) };
    digits(raw).ok_or_else(|| format!("a number expected as `{name}`, found `{}`", text(raw)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(document: &str) -> Result<Coverage, ReadError> {
        let mut source = document.as_bytes();
        read(&mut source)
    }

    #[test]
    fn the_report_s_own_counters_are_the_totals_and_the_lines_are_compared() {
        let coverage = one("<!DOCTYPE report PUBLIC '-//JACOCO//DTD Report 1.1//EN' 'report.dtd'><report name='r'><group name='g'>\
            <package name='a/b'><class name='a/b/C' sourcefilename='C.java'><counter type='LINE' missed='9' covered='9'/></class>\
            <sourcefile name='C.java'><line nr='1' mi='0' ci='3' mb='1' cb='2'/><line nr='2' mi='4' ci='0'/><line nr='3' mi='0' ci='0'/></sourcefile>\
            <sourcefile name='Empty.java'/></package></group><counter type='LINE' missed='2' covered='1'/>\
            <counter type='BRANCH' missed='1' covered='2'/><counter type='METHOD' missed='7' covered='7'/></report>").unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total), (1, 3));
        assert_eq!((counts.branches_covered, counts.branches_total), (2, 3));
        let file = coverage.get("a/b/C.java").unwrap();
        assert_eq!((file.lines.get(1), file.lines.get(2), file.lines.get(3)), (Some(true), Some(false), None));
        assert_eq!(coverage.file_count(), 2);
        assert_eq!(coverage.contradictions, ["declares 3 lines, its entries count 2"]);
    }

    #[test]
    fn a_source_file_of_two_modules_is_one() {
        let module = |ci| {
            format!(
                "<group name='m{ci}'><package name='a'><sourcefile name='C.java'><line nr='1' mi='1' ci='{ci}'/></sourcefile></package></group>"
            )
        };
        let coverage = one(&format!(
            "<report name='r'>{}{}<counter type='LINE' missed='0' covered='1'/></report>",
            module(0),
            module(1)
        ))
        .unwrap();
        assert_eq!((coverage.file_count(), coverage.contradictions.len()), (1, 0));
        assert_eq!(coverage.get("a/C.java").unwrap().lines.get(1), Some(true));
    }

    #[test]
    fn what_is_no_number_and_lines_without_a_total_are_refused() {
        for (line, what) in [
            ("<line nr='x' ci='1'/>", "`x`"),
            ("<line ci='1'/>", "nothing"),
            ("<line nr='50000001' ci='1'/>", "line number"),
            ("<line nr='1' ci='-1'/>", "`ci`"),
            ("<line nr='1' ci='1' cb='4294967296'/>", "branches"),
            ("<line nr='1' ci='1'/>", "no LINE counter"),
            ("<sourcefile/>", "without a `name`"),
        ] {
            let error = one(&format!(
                "<report name='r'>\n<package name='a'><sourcefile name='b'>{line}</sourcefile></package></report>"
            ))
            .unwrap_err();
            assert!(error.message.contains(what) && error.line == Some(2), "{line}: {error}");
        }
        let error = one("<report name='r'>\n<counter type='LINE' missed='1'/></report>").unwrap_err();
        assert!(error.message.contains("`missed` and `covered`"), "{error}");
    }

    #[test]
    fn a_report_of_nothing_is_read_as_nothing() {
        let coverage = one("<report name='empty'/>").unwrap();
        assert_eq!((coverage.counts(), coverage.file_count()), (CoverageCounts::default(), 0));
    }
}
