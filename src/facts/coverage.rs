//! What a coverage report says: for each source file, which lines can run, which did, and their branches.
//! Lines are bit sets in blocks of 64, so that memory follows the number of lines and not their size on disk.

use std::collections::{BTreeMap, HashMap};

/// Lines of one file: known (can run) and covered (did run). Line numbers are 1-based.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    blocks: BTreeMap<u32, Block>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    known: u64,
    covered: u64,
}

impl Lines {
    /// Records a line; covered once is covered.
    pub fn insert(&mut self, line: u32, covered: bool) {
        self.record(line / 64, 1u64 << (line % 64), covered);
    }

    /// Records every line from the first to the last, in steps of whole blocks; none where they are the wrong way round.
    pub fn insert_run(&mut self, first: u32, last: u32, covered: bool) {
        if first > last {
            return;
        }
        for number in first / 64..=last / 64 {
            let from = if number == first / 64 { first % 64 } else { 0 };
            let to = if number == last / 64 { last % 64 } else { 63 };
            self.record(number, (u64::MAX << from) & (u64::MAX >> (63 - to)), covered);
        }
    }

    fn record(&mut self, number: u32, bits: u64, covered: bool) {
        let block = match self.blocks.last_entry() {
            Some(last) if *last.key() == number => last.into_mut(),
            _ => self.blocks.entry(number).or_default(),
        };
        block.known |= bits;
        if covered {
            block.covered |= bits;
        }
    }

    pub fn total(&self) -> u64 {
        self.blocks.values().map(|b| u64::from(b.known.count_ones())).sum()
    }

    pub fn covered(&self) -> u64 {
        self.blocks.values().map(|b| u64::from(b.covered.count_ones())).sum()
    }

    /// `Some(covered)` for a known line, `None` for one that cannot run.
    pub fn get(&self, line: u32) -> Option<bool> {
        let block = self.blocks.get(&(line / 64))?;
        let bit = 1u64 << (line % 64);
        (block.known & bit != 0).then_some(block.covered & bit != 0)
    }

    /// Known lines in order, each with whether it is covered.
    pub fn iter(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        self.blocks.iter().flat_map(|(&number, block)| {
            let (mut known, covered) = (block.known, block.covered);
            std::iter::from_fn(move || {
                if known == 0 {
                    return None;
                }
                let at = known.trailing_zeros();
                known &= known - 1;
                Some((number * 64 + at, covered >> at & 1 == 1))
            })
        })
    }

    /// Runs of known lines of one kind for people: `[first, last]`, joined over lines that cannot run.
    pub fn ranges(&self, covered: bool) -> Vec<[u32; 2]> {
        self.runs(covered, |_, _| true)
    }

    /// Runs of known lines of one kind, exactly: every line from first to last is known and of that kind.
    pub fn exact_ranges(&self, covered: bool) -> Vec<[u32; 2]> {
        self.runs(covered, |last, line| last + 1 == line)
    }

    fn runs(&self, covered: bool, joins: impl Fn(u32, u32) -> bool) -> Vec<[u32; 2]> {
        let mut out: Vec<[u32; 2]> = Vec::new();
        let mut open = false;
        for (line, is) in self.iter() {
            let of_kind = is == covered;
            match out.last_mut().filter(|run| open && of_kind && joins(run[1], line)) {
                Some(run) => run[1] = line,
                None if of_kind => out.push([line, line]),
                None => {}
            }
            open = of_kind;
        }
        out
    }

    pub fn merge(&mut self, other: &Lines) {
        for (&number, block) in &other.blocks {
            let mine = self.blocks.entry(number).or_default();
            mine.known |= block.known;
            mine.covered |= block.covered;
        }
    }
}

/// The branches of one line. Which of them ran is known up to 64, or which did not by where they lead; the counts always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Branches {
    pub total: u32,
    pub covered: u32,
    taken: u64,
    /// The lines that branches lead to which were not taken, where the report tells those (sorted).
    missing: Option<Box<[u32]>>,
}

/// A line's branches as a details file keeps them: line, total, covered, which of the first 64 as bits, where those
/// lead to that were not taken.
pub type BranchDetail = (u32, u32, u32, u64, Option<Box<[u32]>>);

impl Branches {
    /// From counts alone: the first `covered` of `total` stand for those taken.
    pub fn counted(covered: u32, total: u32) -> Branches {
        let covered = covered.min(total);
        let taken = if covered >= 64 { u64::MAX } else { (1u64 << covered) - 1 };
        Branches { total, covered, taken, missing: None }
    }

    /// From counts, and the lines that the branches lead to which were not taken; those must be as many.
    pub fn missing(covered: u32, total: u32, mut missing: Vec<u32>) -> Branches {
        missing.sort_unstable();
        let told = missing.len() as u64 == u64::from(total.saturating_sub(covered));
        Branches { missing: told.then(|| missing.into()), ..Branches::counted(covered, total) }
    }

    pub fn of_detail((_, total, covered, taken, missing): BranchDetail) -> Branches {
        Branches { total, covered: covered.min(total), taken, missing }
    }

    pub fn detail(&self, line: u32) -> BranchDetail {
        (line, self.total, self.covered, self.taken, self.missing.clone())
    }

    /// Adds one more branch of the line, in the order of the report.
    pub fn push(&mut self, taken: bool) {
        if self.total < 64 && taken {
            self.taken |= 1 << self.total;
        }
        self.total += 1;
        self.covered += u32::from(taken);
    }

    /// The same line from another record: taken in either is taken.
    pub fn merge(&mut self, other: &Branches) {
        if self.total == 0 {
            *self = other.clone();
            return;
        }
        self.taken |= other.taken;
        self.missing = match (self.missing.take(), &other.missing) {
            (Some(mine), Some(theirs)) if self.total == other.total => {
                Some(mine.iter().filter(|line| theirs.contains(line)).copied().collect())
            }
            _ => None,
        };
        self.total = self.total.max(other.total);
        self.covered = match &self.missing {
            Some(missing) => self.total.saturating_sub(missing.len() as u32),
            None if self.total <= 64 => self.taken.count_ones().max(self.covered).max(other.covered).min(self.total),
            None => self.covered.max(other.covered),
        };
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    #[default]
    Lines,
    /// Go counts statements, in blocks that may share a line.
    Statements,
}

/// Where a block of statements begins and ends: first line and column, last line and column, all 1-based.
pub type Span = [u32; 4];

/// Statements that run together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statements {
    pub count: u32,
    pub covered: bool,
}

/// One source file of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileCoverage {
    pub lines: Lines,
    pub branches: BTreeMap<u32, Branches>,
    /// Blocks of statements, for formats that count those; their lines stand in `lines` too.
    pub blocks: BTreeMap<Span, Statements>,
    /// The report's own totals of this file, for formats that tell no lines.
    pub totals: Option<CoverageCounts>,
}

impl FileCoverage {
    pub fn branch_counts(&self) -> (u64, u64) {
        self.branches
            .values()
            .fold((0, 0), |(covered, total), b| (covered + u64::from(b.covered), total + u64::from(b.total)))
    }

    /// Totals of this file: of its statements where it has blocks, else of its lines, else those it declares.
    pub fn counts(&self) -> CoverageCounts {
        let (branches_covered, branches_total) = self.branch_counts();
        let (lines_covered, lines_total) = match self.blocks.is_empty() {
            true => (self.lines.covered(), self.lines.total()),
            false => self.blocks.values().fold((0, 0), |(covered, total), block| {
                let count = u64::from(block.count);
                (covered + if block.covered { count } else { 0 }, total + count)
            }),
        };
        match self.totals {
            Some(totals) if lines_total == 0 => totals,
            _ => CoverageCounts { lines_covered, lines_total, branches_covered, branches_total },
        }
    }

    /// Adds a block of statements; covered once is covered. Its lines become lines that can run.
    pub fn insert_block(&mut self, span: Span, count: u32, covered: bool) {
        let block = self.blocks.entry(span).or_default();
        block.count = block.count.max(count);
        block.covered |= covered;
    }

    pub fn merge(&mut self, other: &FileCoverage) {
        self.lines.merge(&other.lines);
        for (&line, branches) in &other.branches {
            self.branches.entry(line).or_default().merge(branches);
        }
        for (&span, block) in &other.blocks {
            self.insert_block(span, block.count, block.covered);
        }
        // Two totals without lines cannot be put together: the better one is a lower bound of both.
        self.totals = match (self.totals, other.totals) {
            (Some(a), Some(b)) if b.lines_covered > a.lines_covered => Some(b),
            (a, b) => a.or(b),
        };
    }
}

/// The totals a report declares of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeclaredCoverage {
    pub lines_covered: Option<u64>,
    pub lines_total: Option<u64>,
    pub branches_covered: Option<u64>,
    pub branches_total: Option<u64>,
}

/// One report of coverage, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    files: Vec<(String, FileCoverage)>,
    index: HashMap<String, usize>,
    /// How many files the report lists, where it lists those without a line too.
    pub listed: Option<usize>,
    /// Folders that the report's file names are relative to.
    pub sources: Vec<String>,
    pub tool: Option<String>,
    pub version: Option<String>,
    pub declared: DeclaredCoverage,
    /// The report's own totals, for formats in which they and not the sum of what is listed are the answer.
    pub totals: Option<CoverageCounts>,
    pub contradictions: Vec<String>,
}

/// Totals of a coverage report. Lines are statements where the report counts those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoverageCounts {
    pub lines_covered: u64,
    pub lines_total: u64,
    pub branches_covered: u64,
    pub branches_total: u64,
}

impl CoverageCounts {
    pub fn add(&mut self, file: &FileCoverage) {
        let more = file.counts();
        self.lines_covered += more.lines_covered;
        self.lines_total += more.lines_total;
        self.branches_covered += more.branches_covered;
        self.branches_total += more.branches_total;
    }
}

impl Coverage {
    /// The entry of a file, made on first sight; its position stays.
    pub fn slot(&mut self, path: &str) -> usize {
        if let Some(&at) = self.index.get(path) {
            return at;
        }
        let at = self.files.len();
        self.index.insert(path.to_string(), at);
        self.files.push((path.to_string(), FileCoverage::default()));
        at
    }

    pub fn at(&mut self, slot: usize) -> &mut FileCoverage {
        &mut self.files[slot].1
    }

    pub fn get(&self, path: &str) -> Option<&FileCoverage> {
        self.index.get(path).map(|&at| &self.files[at].1)
    }

    /// Files in the order of the report.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, &FileCoverage)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// Moves the files out.
    pub fn take_files(&mut self) -> Vec<(String, FileCoverage)> {
        self.index.clear();
        std::mem::take(&mut self.files)
    }

    /// How many files the report is about: those it lists, else those with a line.
    pub fn file_count(&self) -> usize {
        self.listed.unwrap_or_else(|| self.files().filter(|(_, file)| file.counts().lines_total > 0).count())
    }

    pub fn unit(&self) -> Unit {
        match self.files().any(|(_, file)| !file.blocks.is_empty()) {
            true => Unit::Statements,
            false => Unit::Lines,
        }
    }

    /// The report's own totals where these are the answer, else the sum over its files.
    pub fn counts(&self) -> CoverageCounts {
        self.totals.unwrap_or_else(|| self.counted())
    }

    /// The sum over the files.
    pub fn counted(&self) -> CoverageCounts {
        let mut counts = CoverageCounts::default();
        for (_, file) in self.files() {
            counts.add(file);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_covered_once_stays_covered_and_counts_once() {
        let mut lines = Lines::default();
        for (line, hit) in [(1, false), (64, true), (1, true), (64, false), (9_999_999, false)] {
            lines.insert(line, hit);
        }
        assert_eq!((lines.covered(), lines.total()), (2, 3));
        assert_eq!(lines.get(64), Some(true));
        assert_eq!(lines.get(2), None);
        assert_eq!(lines.iter().collect::<Vec<_>>(), [(1, true), (64, true), (9_999_999, false)]);
    }

    #[test]
    fn a_run_is_every_line_of_it_and_no_other() {
        for (first, last) in [(1, 1), (0, 63), (63, 64), (5, 200), (64, 127), (128, 130)] {
            let (mut run, mut each) = (Lines::default(), Lines::default());
            run.insert_run(first, last, true);
            (first..=last).for_each(|line| each.insert(line, true));
            assert_eq!(run, each, "{first} to {last}");
        }
        let mut none = Lines::default();
        none.insert_run(2, 1, true);
        assert_eq!(none.total(), 0);
    }

    #[test]
    fn ranges_join_over_lines_that_cannot_run() {
        let mut lines = Lines::default();
        for (line, hit) in [(1, true), (2, true), (5, true), (6, false), (9, false), (10, true)] {
            lines.insert(line, hit);
        }
        assert_eq!(lines.ranges(true), [[1, 5], [10, 10]]);
        assert_eq!(lines.ranges(false), [[6, 9]]);
        assert_eq!(lines.exact_ranges(true), [[1, 2], [5, 5], [10, 10]]);
        assert_eq!(lines.exact_ranges(false), [[6, 6], [9, 9]]);
    }

    #[test]
    fn statements_count_once_a_block_and_lines_stand_beside_them() {
        let mut file = FileCoverage::default();
        file.insert_block([1, 5, 3, 2], 2, false);
        file.insert_block([1, 5, 3, 2], 2, true);
        file.insert_block([3, 2, 4, 1], 3, false);
        file.lines.insert(1, true);
        let counts = file.counts();
        assert_eq!((counts.lines_covered, counts.lines_total), (2, 5));
        let mut twice = file.clone();
        twice.merge(&file);
        assert_eq!(twice.counts(), counts);
    }

    #[test]
    fn totals_of_a_file_count_only_where_no_line_does() {
        let totals = CoverageCounts { lines_covered: 7, lines_total: 9, ..CoverageCounts::default() };
        let mut file = FileCoverage { totals: Some(totals), ..FileCoverage::default() };
        assert_eq!(file.counts(), totals);
        file.lines.insert(1, false);
        assert_eq!((file.counts().lines_covered, file.counts().lines_total), (0, 1));
    }

    #[test]
    fn branches_of_two_records_are_taken_in_either() {
        let mut a = Branches::default();
        let mut b = Branches::default();
        for (x, y) in [(true, false), (false, true), (false, false)] {
            a.push(x);
            b.push(y);
        }
        a.merge(&b);
        assert_eq!((a.covered, a.total), (2, 3));
        let mut c = Branches::counted(1, 2);
        c.merge(&Branches::counted(2, 2));
        assert_eq!((c.covered, c.total), (2, 2));
        let mut ways = Branches::missing(1, 2, vec![7]);
        ways.merge(&Branches::missing(1, 2, vec![9]));
        assert_eq!((ways.covered, ways.total), (2, 2), "each went the way that the other did not");
        let mut same = Branches::missing(1, 2, vec![7]);
        same.merge(&Branches::missing(1, 2, vec![7]));
        assert_eq!((same.covered, same.total), (1, 2));
        assert_eq!(Branches::of_detail(same.detail(3)), same);
    }
}
