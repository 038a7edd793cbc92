//! What must hold of counts, kept texts, sizes and errors.

use qte_ci::facts::coverage::{Coverage, Unit};
use qte_ci::facts::found::Findings;
use qte_ci::facts::tests::{Case, CaseOutcome, KEPT_BYTES, KEPT_CASES, TestCounts, Tests};
use qte_ci::read::{ErrorKind, ReadError};

/// Cases counted a second time, from what the reader hands out.
#[derive(Default)]
pub struct Counted {
    counts: TestCounts,
    red: u64,
}

impl Counted {
    pub fn add(&mut self, case: &Case<'_>) {
        self.counts.count(case);
        self.red += u64::from(matches!(case.outcome, CaseOutcome::Failed | CaseOutcome::Error));
        assert!(!case.flaky || case.outcome == CaseOutcome::Passed, "flaky and not passed");
        assert!(case.message.len() <= KEPT_BYTES && case.text.len() <= KEPT_BYTES, "a text beyond its bound");
    }
}

pub fn tests(found: &Tests, counted: &Counted, bytes: &[u8]) {
    let counts = &found.counts;
    assert_eq!(counts.passed + counts.failed + counts.errors + counts.skipped, counts.tests);
    assert!(counts.flaky <= counts.passed);
    assert_eq!(*counts, counted.counts, "counted and handed out");
    // The shortest case is TAP's `ok`; a failure outside of one may be that something is not there. Some formats only
    // declare how many there were, in 32 bits.
    assert!(counts.tests <= bytes.len() as u64 / 2);
    assert!(found.outside <= bytes.len() as u64 / 2 + 1 || found.outside <= u64::from(u32::MAX));

    let kept = found.kept.len() as u64;
    let most = KEPT_CASES as u64;
    assert!((counted.red.min(most)..=(counted.red + found.outside).min(most)).contains(&kept), "{kept} are kept");
    for case in &found.kept {
        assert!(matches!(case.outcome, CaseOutcome::Failed | CaseOutcome::Error));
        assert!(case.message.len() <= KEPT_BYTES && case.text.len() <= KEPT_BYTES);
        assert!(case.id.len() <= KEPT_BYTES, "an id of {} bytes", case.id.len());
        assert!(case.path.as_ref().is_none_or(|path| path.len() <= KEPT_BYTES));
        assert!(case.line != Some(0), "lines count from 1");
    }
    assert!(found.named_files.len() <= 64 && found.named_files.iter().all(|path| path.len() <= 4096));
    // What else a format finds in itself is told too.
    assert!(found.contradictions.len() >= declared_differently(found), "{:?}", found.contradictions);
}

/// JUnit has no other contradictions than its declared totals.
pub fn junit(found: &Tests) {
    assert_eq!(found.contradictions.len(), declared_differently(found), "{:?}", found.contradictions);
}

/// How many of the declared totals differ from what was counted.
fn declared_differently(found: &Tests) -> usize {
    let (says, counts) = (&found.declared, &found.counts);
    let differs = |says: Option<u64>, counted| usize::from(says.is_some_and(|s| s != counted));
    differs(says.tests, counts.tests)
        + differs(says.failures, counts.failed)
        + differs(says.errors, counts.errors)
        + differs(says.skipped, counts.skipped)
        + usize::from(found.outside > 0)
}

pub fn coverage(found: &Coverage, bytes: &[u8]) {
    // The report's own totals, where these are the answer, are held by no line of it.
    for counts in [found.counts(), found.counted()] {
        assert!(counts.lines_covered <= counts.lines_total);
        assert!(counts.branches_covered <= counts.branches_total);
    }
    let counts = found.counted();
    // A line's entry takes two bytes at least (`1,`), and so does a file's; a block of statements tells a number of them.
    let statements = found.unit() == Unit::Statements;
    let own_totals = found.totals.is_some() || found.files().any(|(_, file)| file.totals.is_some());
    assert!(statements || own_totals || counts.lines_total <= bytes.len() as u64 / 2);
    assert!(found.files().len() <= bytes.len() / 2 && found.sources.len() <= bytes.len() / 2);
    assert!(found.file_count() <= found.files().len());
    let (mut lines, mut paths) = (0, 0);
    for (path, file) in found.files() {
        // A byte that is no UTF-8 becomes one replacement character of three.
        paths += path.len();
        assert_eq!(found.get(path), Some(file), "a file that is not found by its path");
        let known: Vec<(u32, bool)> = file.lines.iter().collect();
        assert!(known.is_sorted_by(|a, b| a.0 < b.0), "lines out of order");
        assert_eq!(known.len() as u64, file.lines.total());
        assert_eq!(known.iter().filter(|(_, covered)| *covered).count() as u64, file.lines.covered());
        assert!(known.iter().all(|&(line, covered)| file.lines.get(line) == Some(covered)));
        ranges(&known, true, &file.lines.ranges(true));
        ranges(&known, false, &file.lines.ranges(false));
        for branches in file.branches.values() {
            assert!(branches.covered <= branches.total, "{branches:?}");
        }
        lines += file.lines.total();
    }
    assert!(statements || own_totals || lines == counts.lines_total);
    // A segment of llvm-cov reaches as far as it says.
    assert!(statements || lines <= (bytes.len() as u64 / 2).max(if own_totals { 20_000_000 } else { 0 }));
    assert!(paths <= 3 * bytes.len());
}

/// The ranges hold all known lines of their kind and none of the other.
fn ranges(known: &[(u32, bool)], covered: bool, ranges: &[[u32; 2]]) {
    let inside = |line: u32| ranges.iter().any(|[first, last]| (*first..=*last).contains(&line));
    assert!(ranges.is_sorted_by(|a, b| a[1] < b[0]) && ranges.iter().all(|[first, last]| first <= last));
    if known.len() <= 64 {
        assert!(known.iter().all(|&(line, is)| inside(line) == (is == covered)), "{known:?} {ranges:?}");
    }
}

pub fn findings(found: &Findings, bytes: &[u8]) {
    assert!(found.total <= bytes.len() as u64 / 2, "{} findings", found.total);
    assert!(found.unmeasured.len() <= 101 && found.unmeasured.iter().all(|why| why.len() <= 1024));
    if let Some(audit) = found.audit {
        assert!(audit.vulnerable <= found.total, "{audit:?} with {} findings", found.total);
        assert!(audit.skipped <= bytes.len() as u64 / 2, "{audit:?}");
    }
}

pub fn error(found: &ReadError, bytes: &[u8]) {
    let lines = bytes.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
    match (found.kind, found.line) {
        (ErrorKind::Malformed, None) => panic!("malformed, and no line: {found}"),
        (_, Some(line)) => assert!((1..=lines + 1).contains(&line), "line {line} of {lines}: {found}"),
        (_, None) => {}
    }
    // In UTF-16 blanks are no ASCII blanks.
    let utf16 = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    assert!(utf16 || (found.kind == ErrorKind::Empty) == bytes.trim_ascii().is_empty(), "{found}");
    assert!(!found.message.is_empty() && found.message.len() <= 1024, "{} bytes of message", found.message.len());
}
