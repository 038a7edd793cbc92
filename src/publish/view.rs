//! A report's details read back, with the source around what is not covered.

use crate::act::files;
use crate::facts::detail::Detail;
use crate::facts::view::{FileView, SourceLine, View};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line of a details file that is taken, in bytes.
const LINE_BYTES: u64 = 16 * 1024 * 1024;
/// Lines shown before and behind a run of uncovered ones.
const CONTEXT: u32 = 2;
/// How much source is shown, in bytes.
const ALL_BYTES: usize = 2 * 1024 * 1024;
/// Where less than this is left of it, no more source files are read.
const LEAST_BYTES: usize = 4 * 1024;
/// A source file larger than this is not read.
const SOURCE_BYTES: u64 = 1024 * 1024;

/// Reads the details; `project`: where the sources are, if they are at hand.
pub fn read(details: &Path, project: Option<&Path>) -> io::Result<View> {
    let mut source = BufReader::with_capacity(256 * 1024, File::open(details)?);
    let (mut view, mut line, mut number) = (View::default(), Vec::new(), 0u64);
    loop {
        line.clear();
        number += 1;
        if source.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let detail = Detail::parse(&line)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {error}")))?;
        view.add(detail);
    }
    let mut view = view.finish();
    if let Some(project) = project {
        view.sources = sources(project, &view.files);
    }
    Ok(view)
}

fn sources(project: &Path, all: &[FileView]) -> BTreeMap<String, Vec<SourceLine>> {
    let (mut out, mut left) = (BTreeMap::new(), ALL_BYTES);
    for file in all.iter().filter(|file| !file.uncovered.is_empty()) {
        // A source that is gone, is none or is too large is not shown; its lines are named all the same.
        let Ok(text) = files::small_text(&project.join(&file.path), SOURCE_BYTES) else { continue };
        let lines = excerpt(&text, &file.uncovered);
        let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
        if bytes > left {
            continue;
        }
        left -= bytes;
        out.insert(file.path.clone(), lines);
        if left < LEAST_BYTES {
            break;
        }
    }
    out
}

/// The lines of the ranges with those around them.
fn excerpt(text: &str, uncovered: &[[u32; 2]]) -> Vec<SourceLine> {
    let mut ranges = uncovered.iter().peekable();
    let mut out = Vec::new();
    for (number, text) in (1u32..).zip(text.lines()) {
        while ranges.next_if(|[_, to]| to + CONTEXT < number).is_some() {}
        let Some([from, _]) = ranges.peek() else { break };
        if number + CONTEXT < *from {
            continue;
        }
        let mut near = ranges.clone().take_while(|[from, _]| *from <= number);
        let is_uncovered = near.any(|[from, to]| (*from..=*to).contains(&number));
        out.push(SourceLine { number, text: text.to_string(), uncovered: is_uncovered });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_the_lines_around_what_is_not_covered() {
        let text: String = (1..=20).map(|n| format!("line {n}\n")).collect();
        let lines = excerpt(&text, &[[5, 5], [8, 9], [19, 20]]);
        let shown: Vec<(u32, bool)> = lines.iter().map(|line| (line.number, line.uncovered)).collect();
        let expected = [
            (3, false),
            (4, false),
            (5, true),
            (6, false),
            (7, false),
            (8, true),
            (9, true),
            (10, false),
            (11, false),
            (17, false),
            (18, false),
            (19, true),
            (20, true),
        ];
        assert_eq!(shown, expected);
        assert_eq!(lines[2].text, "line 5");
    }
}
