//! What a test report says: counts over cases, the worst of them kept, everything counted.

use serde::{Deserialize, Serialize};

/// How many failing cases keep their text; the rest are counted and stand in the details file.
pub const KEPT_CASES: usize = 100;
/// How many bytes of a kept case's message and traceback are kept each.
pub const KEPT_BYTES: usize = 16 * 1024;

/// What became of one case, after its retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseOutcome {
    Passed,
    Failed,
    Error,
    Skipped,
}

impl CaseOutcome {
    pub const fn id(self) -> &'static str {
        match self {
            CaseOutcome::Passed => "passed",
            CaseOutcome::Failed => "failed",
            CaseOutcome::Error => "error",
            CaseOutcome::Skipped => "skipped",
        }
    }
}

/// One case as a reader meets it; borrowed, because there may be millions.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Class or module, as the report writes it; empty where it has none.
    pub class: &'a str,
    pub name: &'a str,
    /// The report's own `file` and 1-based `line`, where it has them.
    pub file: Option<&'a str>,
    pub line: Option<u64>,
    pub micros: u64,
    pub outcome: CaseOutcome,
    /// Passed, after at least one failed attempt that the report tells of.
    pub flaky: bool,
    pub message: &'a str,
    /// Traceback or output of the failure.
    pub text: &'a str,
}

/// A failing case that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCase {
    pub id: String,
    pub outcome: CaseOutcome,
    pub path: Option<String>,
    pub line: Option<u64>,
    pub message: String,
    pub text: String,
}

/// Totals over cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    pub tests: u64,
    pub passed: u64,
    pub failed: u64,
    pub errors: u64,
    pub skipped: u64,
    /// Passed on a retry; these are among `passed`.
    pub flaky: u64,
    pub micros: u64,
}

impl TestCounts {
    pub fn count(&mut self, case: &Case<'_>) {
        self.tests += 1;
        self.micros = self.micros.saturating_add(case.micros);
        self.flaky += u64::from(case.flaky);
        match case.outcome {
            CaseOutcome::Passed => self.passed += 1,
            CaseOutcome::Failed => self.failed += 1,
            CaseOutcome::Error => self.errors += 1,
            CaseOutcome::Skipped => self.skipped += 1,
        }
    }

    pub fn add(&mut self, other: &TestCounts) {
        self.tests += other.tests;
        self.passed += other.passed;
        self.failed += other.failed;
        self.errors += other.errors;
        self.skipped += other.skipped;
        self.flaky += other.flaky;
        self.micros = self.micros.saturating_add(other.micros);
    }

    /// Cases that really executed: neither skipped nor stopped by an error before they began is known here,
    /// so an error counts as not executed.
    pub fn executed(&self) -> u64 {
        self.passed + self.failed
    }

    pub fn red(&self) -> u64 {
        self.failed + self.errors
    }
}

/// The totals that a report declares in its own attributes. `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredTests {
    pub tests: Option<u64>,
    pub failures: Option<u64>,
    pub errors: Option<u64>,
    pub skipped: Option<u64>,
}

/// One report of tests, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tests {
    pub counts: TestCounts,
    pub declared: DeclaredTests,
    /// Failures and errors that stand outside of any case (a suite that could not be set up).
    pub outside: u64,
    /// The name of the tool, where the report gives it (pytest names its suite).
    pub tool: Option<String>,
    /// The first failing cases, at most [`KEPT_CASES`].
    pub kept: Vec<KeptCase>,
    /// Source files that the report names for its cases, at most a few, to tell whose tree it is from.
    pub named_files: Vec<String>,
    /// Where the file disagrees with itself.
    pub contradictions: Vec<String>,
    /// That names in it were mapped from another root, and to what.
    pub mapped: Option<String>,
}

impl Tests {
    /// Adds another report of the same run: everything counted, the worst kept up to the limit.
    pub fn merge(&mut self, other: Tests) {
        self.counts.add(&other.counts);
        let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
        self.declared = DeclaredTests {
            tests: both(self.declared.tests, other.declared.tests),
            failures: both(self.declared.failures, other.declared.failures),
            errors: both(self.declared.errors, other.declared.errors),
            skipped: both(self.declared.skipped, other.declared.skipped),
        };
        self.outside += other.outside;
        self.tool = self.tool.take().or(other.tool);
        let room = KEPT_CASES.saturating_sub(self.kept.len());
        self.kept.extend(other.kept.into_iter().take(room));
        self.named_files.extend(other.named_files);
        self.contradictions.extend(other.contradictions);
    }
}
