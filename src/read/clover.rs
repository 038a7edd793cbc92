//! Clover XML in its dialects: OpenClover, PHPUnit, and istanbul (jest, vitest, nyc, c8).
//! Sources: OpenClover's XML report and clover.xsd; istanbul-reports, `clover`; php-code-coverage, Report/Clover.
//! A condition of OpenClover has no `count`, and tells how often it was true and false; one of istanbul tells how many
//! branches of the line were taken and how many not.

use super::cobertura::{MAX_LINE, hit};
use super::digits;
use super::error::ReadError;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml, text};
use super::{Format, Holds};
use crate::facts::coverage::{Branches, Coverage, FileCoverage};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "clover",
    title: "Clover XML",
    reads: "every `<line>` of any type in the files of `<project>`, conditions as branches; test code \
        (`<testproject>`) is left out. The project's `<metrics>` are only compared.",
    written_by: "OpenClover 4.5, PHPUnit 9, jest 30 and vitest 4 (istanbul), php-code-coverage",
    refuses: "a file without a path or name, a line without a number or a count, a report without a project, \
        XML that is not well formed.",
    looks_like: |s| s.syntax == Syntax::Xml && s.root == "coverage" && s.has_inner("project"),
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
    seen_project: bool,
    in_project: bool,
    /// Slot of the open `<file>`, and its depth.
    file: Option<(usize, usize)>,
    /// Of the open file: its lines may be told several times, in any order.
    read: FileCoverage,
    statements: Statements,
}

/// Counted as the metrics do: by entries, several of which may share a line.
#[derive(Default)]
struct Statements {
    covered: u64,
    total: u64,
}

impl Reader {
    /// `depth` is that of the parent: 0 for the root.
    fn start(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name() {
            b"line" => self.line(depth, tag)?,
            b"project" if depth == 1 => (self.seen_project, self.in_project) = (true, true),
            b"metrics" if depth == 2 && self.in_project => self.metrics(tag),
            b"file" if self.in_project => {
                if self.file.is_some() {
                    return Err("<file> inside a <file>".into());
                }
                let name = tag.get("path").or(tag.get("name")).filter(|name| !name.is_empty());
                let name = name.ok_or("<file> without a `path` or `name`")?;
                self.file = Some((self.out.slot(&name.replace('\\', "/")), depth + 1));
            }
            _ => {}
        }
        Ok(())
    }

    fn metrics(&mut self, tag: &Tag<'_>) {
        let plus = |sum: &mut Option<u64>, name: &str| {
            if let Some(more) = tag.number(name) {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        let declared = &mut self.out.declared;
        plus(&mut declared.lines_covered, "coveredstatements");
        plus(&mut declared.lines_total, "statements");
        plus(&mut declared.branches_covered, "coveredconditionals");
        plus(&mut declared.branches_total, "conditionals");
    }

    fn line(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        if self.file.is_none_or(|(_, file)| file != depth) {
            return Ok(());
        }
        let Some(line) = tag.raw("num").and_then(digits).filter(|line| *line <= MAX_LINE) else {
            return Err(format!("line number expected, found `{}`", found(tag, "num")));
        };
        let line = line as u32;
        let condition = tag.raw("type") == Some(b"cond");
        let covered = match tag.raw("count") {
            None if condition => {
                let [yes, no] = [count(tag, "truecount")?, count(tag, "falsecount")?];
                let branches = self.read.branches.entry(line).or_default();
                branches.push(yes);
                branches.push(no);
                self.read.lines.insert(line, yes || no);
                return Ok(());
            }
            Some(raw) => hit(raw).ok_or_else(|| format!("count expected, found `{}`", text(raw)))?,
            None => return Err("count expected, found `nothing`".into()),
        };
        self.read.lines.insert(line, covered);
        if tag.raw("type") != Some(b"method") {
            self.statements.total += 1;
            self.statements.covered += u64::from(covered);
        }
        if condition {
            let parsed = |name| tag.number(name).and_then(|count| u32::try_from(count).ok());
            let (Some(taken), Some(missed)) = (parsed("truecount"), parsed("falsecount")) else {
                return Err("a condition without the numbers `truecount` and `falsecount`".into());
            };
            let total = taken.checked_add(missed).ok_or("more branches than a line can have")?;
            self.read.branches.entry(line).or_default().merge(&Branches::counted(taken, total));
        }
        Ok(())
    }

    /// `depth` counts the element that ends.
    fn end(&mut self, depth: usize) {
        if let Some((slot, file)) = self.file
            && file == depth
        {
            self.file = None;
            self.out.at(slot).merge(&std::mem::take(&mut self.read));
        }
        if depth == 2 {
            self.in_project = false;
        }
    }

    fn finish(self) -> Result<Coverage, String> {
        if !self.seen_project {
            return Err("no <project>".into());
        }
        let mut out = self.out;
        let listed = out.files().len();
        out.listed = Some(listed);
        let counts = out.counts();
        out.contradictions = [
            ("covered statements", out.declared.lines_covered, self.statements.covered),
            ("statements", out.declared.lines_total, self.statements.total),
            ("covered conditions", out.declared.branches_covered, counts.branches_covered),
            ("conditions", out.declared.branches_total, counts.branches_total),
        ]
        .into_iter()
        .filter_map(|(what, says, counted)| {
            let says = says.filter(|&says| says != counted)?;
            Some(format!("declares {says} {what}, its lines count {counted}"))
        })
        .collect();
        Ok(out)
    }
}

/// Was it counted at least once?
fn count(tag: &Tag<'_>, name: &str) -> Result<bool, String> {
    tag.raw(name).and_then(hit).ok_or_else(|| format!("{name} expected, found `{}`", found(tag, name)))
}

fn found<'a>(tag: &Tag<'a>, name: &str) -> &'a str {
    tag.raw(name).map_or("nothing", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(document: &str) -> Result<Coverage, ReadError> {
        let mut source = document.as_bytes();
        read(&mut source)
    }

    fn counts(document: &str) -> [u64; 4] {
        let counts = one(document).unwrap().counts();
        [counts.lines_covered, counts.lines_total, counts.branches_covered, counts.branches_total]
    }

    #[test]
    fn a_condition_is_two_branches_for_openclover_and_several_for_istanbul() {
        let file = |lines: &str| format!("<coverage><project><file name='a'>{lines}</file></project></coverage>");
        // OpenClover: how often it was true and false; two conditions may share a line.
        let lines = "<line num='1' count='3' type='stmt'/><line num='1' type='cond' truecount='3' falsecount='0'/>\
            <line num='1' type='cond' truecount='1' falsecount='2'/><line num='2' type='cond' truecount='0' falsecount='0'/>";
        assert_eq!(counts(&file(lines)), [1, 2, 3, 6]);
        // istanbul: how many branches were taken and how many not.
        assert_eq!(counts(&file("<line num='1' count='3' type='cond' truecount='3' falsecount='1'/>")), [1, 1, 3, 4]);
    }

    #[test]
    fn a_line_told_twice_counts_once_and_test_code_does_not_count() {
        let coverage = one("<coverage clover='4.5.2'><project name='p'><metrics statements='3' coveredstatements='1' conditionals='0' coveredconditionals='0'/>\
            <package name='q'><metrics statements='9'/><file name='a.php' path='C:\\w\\a.php'><class name='A'><metrics statements='7'/></class>\
            <line num='1' type='method' count='1'/><line num='1' type='stmt' count='0'/><line num='2' type='stmt' count='0'/>\
            <line num='2' type='stmt' count='1'/></file></package><file name='b'/></project>\
            <testproject><file name='t'><line num='1' type='stmt' count='1'/></file></testproject></coverage>").unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total, coverage.file_count()), (2, 2, 2));
        assert!(coverage.get("C:/w/a.php").is_some() && coverage.get("t").is_none());
        assert_eq!(coverage.contradictions, Vec::<String>::new());
    }

    #[test]
    fn metrics_that_differ_are_told() {
        let coverage = one("<coverage><project><file name='a'><line num='1' count='1' type='stmt'/></file>\
            <metrics statements='2' coveredstatements='1' conditionals='4'/></project></coverage>")
        .unwrap();
        assert_eq!(
            coverage.contradictions,
            ["declares 2 statements, its lines count 1", "declares 4 conditions, its lines count 0"]
        );
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_line() {
        for (line, what) in [
            ("<line num='x' count='1'/>", "`x`"),
            ("<line count='1'/>", "nothing"),
            ("<line num='50000001' count='1'/>", "line number"),
            ("<line num='1' type='stmt'/>", "count expected"),
            ("<line num='1' count='many'/>", "`many`"),
            ("<line num='1' type='cond' truecount='1'/>", "falsecount expected"),
            ("<line num='1' count='1' type='cond' truecount='1'/>", "without the numbers"),
            ("<line num='1' count='1' type='cond' truecount='4294967295' falsecount='1'/>", "more branches"),
            ("<file name='b'/>", "inside a <file>"),
        ] {
            let document = format!("<coverage><project>\n<file name='a'>{line}</file></project></coverage>");
            let error = one(&document).unwrap_err();
            assert!(error.message.contains(what) && error.line == Some(2), "{line}: {error}");
        }
        for (document, what) in
            [("<coverage/>", "no <project>"), ("<coverage><project><file/></project></coverage>", "without a")]
        {
            assert!(one(document).unwrap_err().message.contains(what));
        }
    }
}
