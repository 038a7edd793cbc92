//! Coverage profiles of `go test -coverprofile`: blocks of statements. Source: `go doc cmd/cover` and the parser of
//! `go tool cover` (golang.org/x/tools/cover), which this one follows: one mode line, blocks of one place are merged,
//! and a block that changes its number of statements is refused.

use super::cobertura::MAX_LINE;
use super::digits;
use super::error::ReadError;
use super::lines::Lines;
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Coverage, Span};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "gocover",
    title: "Go coverage profile",
    reads: "blocks of statements with their count, merged where they stand in one place; the lines of a block are lines \
        that can run.",
    written_by: "go 1.26 (`go test -coverprofile`, modes `set`, `count` and `atomic`), older ones in the corpus",
    refuses: "a profile without its mode line or with a second one, a damaged block, a block whose number of statements \
        changes, more than 50 million lines.",
    looks_like: |s| s.syntax == Syntax::Text && s.root.starts_with("mode: "),
    holds: Holds::Coverage(read),
};

/// How many lines all blocks together may span: a block of two numbers can claim millions.
const MAX_LINES: u64 = 50_000_000;

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut lines = Lines::new(source);
    let mut reader = Reader::default();
    let mut mode = false;
    while let Some((line, number)) = lines.next()? {
        match line.strip_prefix("mode: ") {
            Some("set" | "count" | "atomic") if !mode => mode = true,
            Some(_) if mode => return Err(ReadError::malformed(number, "a second mode line")),
            Some(other) => {
                return Err(ReadError::malformed(number, format!("unknown mode `{}`", other.escape_debug())));
            }
            None if line.trim().is_empty() => {}
            None if !mode => return Err(ReadError::malformed(number, "expected `mode: set`, `count` or `atomic`")),
            None => reader.block(line, number)?,
        }
    }
    let mut out = reader.out;
    out.tool = Some("go test".into());
    let listed = out.files().len();
    out.listed = Some(listed);
    Ok(out)
}

#[derive(Default)]
struct Reader {
    out: Coverage,
    lines: u64,
}

impl Reader {
    /// `path:line.column,line.column statements count`
    fn block(&mut self, line: &str, number: u64) -> Result<(), ReadError> {
        let (path, span, count, covered) = block(line).ok_or_else(|| {
            let shown: String = line.chars().take(60).collect();
            let message = "expected `file:line.column,line.column statements count`";
            ReadError::malformed(number, format!("{message}, found `{}`", shown.escape_debug()))
        })?;
        let slot = match path.contains('\\') {
            true => self.out.slot(&path.replace('\\', "/")),
            false => self.out.slot(path),
        };
        let file = self.out.at(slot);
        let known = file.blocks.get(&span).copied();
        if let Some(known) = known.filter(|known| known.count != count) {
            let message = format!("the block had {} statements before, and has {count} here", known.count);
            return Err(ReadError::malformed(number, message));
        }
        if known.is_some_and(|known| known.covered || !covered) {
            return Ok(());
        }
        file.insert_block(span, count, covered);
        self.lines += u64::from(span[2] - span[0]) + 1;
        if self.lines > MAX_LINES {
            return Err(ReadError::too_large(number, format!("the blocks span more than {MAX_LINES} lines")));
        }
        for line in span[0]..=span[2] {
            file.lines.insert(line, covered);
        }
        Ok(())
    }
}

fn block(line: &str) -> Option<(&str, Span, u32, bool)> {
    // From the end, as a path may hold anything.
    let (rest, hits) = line.trim_end().rsplit_once(' ')?;
    let (rest, statements) = rest.rsplit_once(' ')?;
    let (path, places) = rest.rsplit_once(':')?;
    let (from, to) = places.split_once(',')?;
    let place = |text: &str| {
        let (line, column) = text.split_once('.')?;
        Some((small(line).filter(|&line| line > 0)?, small(column)?))
    };
    let (from, to) = (place(from)?, place(to)?);
    let covered = !hits.is_empty() && hits.bytes().all(|b| b.is_ascii_digit());
    if path.is_empty() || from > to || !covered {
        return None;
    }
    Some((path, [from.0, from.1, to.0, to.1], small(statements)?, hits.bytes().any(|b| b != b'0')))
}

fn small(text: &str) -> Option<u32> {
    digits(text.as_bytes()).filter(|&number| number <= MAX_LINE).map(|number| number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::coverage::Unit;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    #[test]
    fn blocks_of_one_place_are_one_and_count_statements() {
        let coverage = one("mode: atomic\r\nexample.org/m/a.go:3.14,5.2 2 0\r\nC:\\m\\b.go:1.1,1.9 4 7\n\
             example.org/m/a.go:3.14,5.2 2 9\nexample.org/m/a.go:3.14,5.2 2 0\nexample.org/m/a.go:5.3,6.2 1 0\n")
        .unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total, coverage.unit()), (6, 7, Unit::Statements));
        let lines: Vec<(u32, bool)> = coverage.get("example.org/m/a.go").unwrap().lines.iter().collect();
        assert_eq!(lines, [(3, true), (4, true), (5, true), (6, false)]);
        assert!(coverage.get("C:/m/b.go").is_some());
    }

    #[test]
    fn a_block_without_statements_counts_none_and_its_file_counts() {
        let coverage = one("mode: set\nm/main.go:3.14,4.2 0 1\n").unwrap();
        assert_eq!((coverage.counts().lines_total, coverage.file_count(), coverage.unit()), (0, 1, Unit::Statements));
        assert_eq!(one("mode: set\n").unwrap().counts().lines_total, 0);
    }

    #[test]
    fn what_go_tool_cover_refuses_is_refused_with_its_line() {
        for (text, line, what) in [
            ("a.go:1.1,2.2 1 1", 1, "mode"),
            ("mode: some\n", 1, "unknown mode"),
            ("mode: set\nmode: set\n", 2, "second mode"),
            ("mode: set\n\na.go:1.1,2.2 1", 3, "expected"),
            ("mode: set\na.go:1.1,2.2 1 x", 2, "expected"),
            ("mode: set\na.go:1.1,2.2 1 -1", 2, "expected"),
            ("mode: set\na.go:0.1,2.2 1 1", 2, "expected"),
            ("mode: set\na.go:2.1,1.2 1 1", 2, "expected"),
            ("mode: set\n:1.1,1.2 1 1", 2, "expected"),
            ("mode: set\na.go:1,1 1 1", 2, "expected"),
            ("mode: set\na.go:1.1,2.2 1 1\na.go:1.1,2.2 2 1", 3, "had 1 statements"),
        ] {
            let error = one(text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}");
            assert!(error.message.contains(what), "{text}: {}", error.message);
        }
    }

    #[test]
    fn the_lines_of_all_blocks_are_bounded() {
        let error = one("mode: set\na.go:1.1,40000000.2 1 1\nb.go:1.1,40000000.2 1 1\n").unwrap_err();
        assert_eq!((error.kind, error.line), (super::super::ErrorKind::TooLarge, Some(3)));
    }
}
