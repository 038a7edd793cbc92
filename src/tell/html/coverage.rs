//! Coverage as a tree of folders: each row with its share, each file with its uncovered lines and their source.

use super::numbers::{counted, length, text, thousands};
use crate::facts::percent::Percent;
use crate::facts::report::Report;
use crate::facts::stage::Gate;
use crate::facts::view::{FileView, SourceLine, View};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// Folders below this depth are shown as part of the file's name: a browser nests elements only so deep.
const DEEPEST: usize = 24;
/// With so few files every folder stands open.
const FEW_FILES: usize = 30;
/// How many ranges of a file are written out; all are counted.
const SHOWN_RANGES: usize = 300;
/// How many lines of source one file shows, and all of them together.
const SOURCE_LINES_A_FILE: usize = 300;
const SOURCE_LINES: usize = 20_000;
/// How many files the table of the worst has.
const WORST: usize = 10;

/// What the section shows; without a file it says so.
pub struct Section<'a> {
    pub total: Row,
    pub files: String,
    /// Lines that the gate counts and the tree does not have.
    pub outside: Option<String>,
    pub has_branches: bool,
    pub has_changed: bool,
    pub worst: Vec<Worst>,
    view: &'a View,
}

impl<'a> Section<'a> {
    pub fn is_empty(&self) -> bool {
        self.view.files.is_empty()
    }

    pub fn nodes(&self) -> Nodes<'a> {
        nodes(self.view)
    }
}

/// A piece of the tree.
pub enum Node {
    Open { row: Row, open: bool },
    Close,
    File(Box<FileNode>),
}

/// One of the files with the most uncovered lines.
pub struct Worst {
    pub number: usize,
    pub path: String,
    pub row: Row,
}

/// What a folder or a file comes to.
pub struct Row {
    pub name: String,
    pub covered: String,
    pub total: String,
    pub missed: u64,
    pub share: String,
    /// Of a bar.
    pub length: String,
    pub branches: String,
    pub changed: String,
}

pub struct FileNode {
    pub number: usize,
    pub path: String,
    pub row: Row,
    pub ranges: String,
    pub source: Vec<SourceRow>,
    pub source_left_out: Option<String>,
}

pub struct SourceRow {
    pub number: u32,
    pub text: String,
    pub uncovered: bool,
    /// Lines before this one are left out.
    pub gap: bool,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    covered: u64,
    total: u64,
    branches: (u64, u64),
    changed: (u64, u64),
}

impl Sum {
    fn of<'a>(files: impl IntoIterator<Item = &'a FileView>) -> Sum {
        let mut sum = Sum::default();
        for file in files {
            let changed = file.changed.unwrap_or_default();
            sum.covered += file.lines_covered();
            sum.total += file.lines_total();
            sum.branches = (sum.branches.0 + file.branches_covered, sum.branches.1 + file.branches_total);
            sum.changed = (sum.changed.0 + changed.covered, sum.changed.1 + changed.total);
        }
        sum
    }

    fn row(&self, name: &str) -> Row {
        let of = |(part, whole): (u64, u64)| {
            if whole == 0 { String::new() } else { format!("{}/{}", thousands(part), thousands(whole)) }
        };
        Row {
            name: text(name, 400),
            covered: thousands(self.covered),
            total: thousands(self.total),
            missed: self.total - self.covered,
            share: if self.total == 0 { "no lines".into() } else { Percent::show(self.covered, self.total) },
            length: length(self.covered, self.total),
            branches: of(self.branches),
            changed: of(self.changed),
        }
    }
}

/// The number of each file, from 1, by its path.
pub fn numbers(view: &View) -> HashMap<&str, usize> {
    view.files.iter().enumerate().map(|(at, file)| (&*file.path, at + 1)).collect()
}

pub fn section<'a>(report: &Report, view: &'a View) -> Section<'a> {
    let sum = Sum::of(&view.files);
    let judged = report.verdicts.iter().find(|v| v.gate == Gate::Coverage);
    let counted_lines = judged.and_then(|v| v.metrics.get("lines_total")).copied().unwrap_or(0);
    Section {
        total: sum.row("All files"),
        files: counted(view.files.len() as u64, "file"),
        outside: counted_lines.checked_sub(sum.total).filter(|n| *n > 0).map(|n| counted(n, "line")),
        has_branches: sum.branches.1 > 0,
        has_changed: view.files.iter().any(|f| f.changed.is_some()),
        worst: worst(view),
        view,
    }
}

fn worst(view: &View) -> Vec<Worst> {
    let missed = |file: &FileView| file.lines_total() - file.lines_covered();
    let mut worst: Vec<(usize, &FileView)> = view.files.iter().enumerate().filter(|(_, f)| missed(f) > 0).collect();
    worst.sort_by(|(_, a), (_, b)| missed(b).cmp(&missed(a)).then_with(|| a.path.cmp(&b.path)));
    worst.truncate(WORST);
    let shown = |(at, file): (usize, &FileView)| Worst {
        number: at + 1,
        path: text(&file.path, 400),
        row: Sum::of([file]).row(&file.path),
    };
    worst.into_iter().map(shown).collect()
}

/// The whole tree, in the order in which it is written.
pub fn nodes(view: &View) -> Nodes<'_> {
    let mut files: Vec<(usize, &FileView)> = view.files.iter().enumerate().map(|(at, file)| (at + 1, file)).collect();
    files.sort_by(|a, b| a.1.path.cmp(&b.1.path));
    let all = Level { rest: 0..files.len(), from: 0, plain: VecDeque::new() };
    let open = files.len() <= FEW_FILES;
    Nodes { view, source_lines: SOURCE_LINES, open, files, levels: vec![all] }
}

/// Makes one node after the other: a project may have a great many files.
pub struct Nodes<'a> {
    view: &'a View,
    /// How many more lines of source the page may show.
    source_lines: usize,
    open: bool,
    /// By path, with their numbers.
    files: Vec<(usize, &'a FileView)>,
    /// The folders that are open, the top first.
    levels: Vec<Level>,
}

/// A folder: its files are alike in their first `from` bytes.
struct Level {
    /// Those that were not looked at.
    rest: Range<usize>,
    from: usize,
    /// Those that stand in the folder itself; they come behind its folders.
    plain: VecDeque<usize>,
}

impl Iterator for Nodes<'_> {
    type Item = Node;

    fn next(&mut self) -> Option<Node> {
        let depth = self.levels.len() - 1;
        if let Some(folder) = self.folder(depth) {
            return Some(folder);
        }
        let level = self.levels.last_mut()?;
        if let Some(at) = level.plain.pop_front() {
            let ((number, file), from) = (self.files[at], level.from);
            return Some(Node::File(Box::new(self.file(number, file, &file.path[from..]))));
        }
        if depth == 0 {
            return None;
        }
        self.levels.pop();
        Some(Node::Close)
    }
}

impl Nodes<'_> {
    /// Opens the next folder of the innermost one, where it has another; files that stand before it are put by.
    fn folder(&mut self, depth: usize) -> Option<Node> {
        let level = self.levels.last_mut()?;
        while let Some(first) = level.rest.clone().next() {
            let path = &*self.files[first].1.path;
            let Some(end) = path[level.from..].find('/').filter(|_| depth < DEEPEST) else {
                level.plain.push_back(first);
                level.rest.start += 1;
                continue;
            };
            let folder = &path[..level.from + end + 1];
            let inside = &self.files[level.rest.clone()];
            let inside = &inside[..inside.iter().take_while(|(_, file)| file.path.starts_with(folder)).count()];
            let end = common_folder(path, &inside[inside.len() - 1].1.path);
            let row = Sum::of(inside.iter().map(|(_, file)| *file)).row(&path[level.from..end]);
            let rest = first..first + inside.len();
            level.rest.start = rest.end;
            self.levels.push(Level { rest, from: end, plain: VecDeque::new() });
            return Some(Node::Open { row, open: self.open || depth == 0 });
        }
        None
    }

    fn file(&mut self, number: usize, file: &FileView, name: &str) -> FileNode {
        let lines = self.view.sources.get(&*file.path).map_or(&[][..], Vec::as_slice);
        let shown = lines.len().min(SOURCE_LINES_A_FILE).min(self.source_lines);
        self.source_lines -= shown;
        let left_out = (lines.len() - shown) as u64;
        FileNode {
            number,
            path: text(&file.path, 400),
            row: Sum::of([file]).row(name),
            ranges: ranges(&file.uncovered),
            source: source(&lines[..shown]),
            source_left_out: (left_out > 0).then(|| counted(left_out, "line")),
        }
    }
}

/// The end of the folders that two paths share. Where a folder holds a single folder, both make one row.
fn common_folder(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    a.as_bytes()[..same].iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1)
}

/// `3–9, 14`.
fn ranges(uncovered: &[[u32; 2]]) -> String {
    let one = |[from, to]: &[u32; 2]| if from == to { from.to_string() } else { format!("{from}–{to}") };
    let mut out = uncovered.iter().take(SHOWN_RANGES).map(one).collect::<Vec<_>>().join(", ");
    if uncovered.len() > SHOWN_RANGES {
        out.push_str(&format!(" and {} more", counted((uncovered.len() - SHOWN_RANGES) as u64, "range")));
    }
    out
}

fn source(lines: &[SourceLine]) -> Vec<SourceRow> {
    let mut before = None;
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        let gap = before.is_some_and(|number: u32| number.checked_add(1) != Some(line.number));
        out.push(SourceRow { number: line.number, text: text(&line.text, 400), uncovered: line.uncovered, gap });
        before = Some(line.number);
    }
    out
}
