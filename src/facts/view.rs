//! What a report's details hold, gathered for the outlets that people read. Bounded: the worst are kept, all are counted.

use super::detail::{Detail, FileDetail, TestDetail};
use super::tests::CaseOutcome;
use std::collections::BTreeMap;

/// How many tests a view holds at most; those beyond are counted.
pub const KEPT_TESTS: usize = 250_000;

/// The details of one run.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Failed and errored ones first, then flaky ones, then by time, the slowest first.
    pub tests: Vec<TestDetail<'static>>,
    /// How many the details file has, kept or not.
    pub tests_seen: u64,
    /// The project's own source files, by path.
    pub files: Vec<FileDetail<'static>>,
    /// Lines of source around what is not covered, by the file's path. May lack any file.
    pub sources: BTreeMap<String, Vec<SourceLine>>,
}

/// One line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    pub number: u32,
    pub text: String,
    /// Not run by any test.
    pub uncovered: bool,
}

impl View {
    /// Takes in one line of the details file.
    pub fn add(&mut self, detail: Detail<'static>) {
        match detail {
            Detail::Test(test) => {
                self.tests_seen += 1;
                self.tests.push(test);
                if self.tests.len() >= 2 * KEPT_TESTS {
                    self.keep_worst();
                }
            }
            Detail::File(file) if !file.foreign => self.files.push(file),
            // The verdicts have the findings, in their order.
            Detail::File(_) | Detail::Finding(_) => {}
        }
    }

    /// Puts everything in its order; after the last line.
    pub fn finish(mut self) -> View {
        self.keep_worst();
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }

    fn keep_worst(&mut self) {
        self.tests
            .sort_by(|a, b| rank(a).cmp(&rank(b)).then(b.seconds.total_cmp(&a.seconds)).then_with(|| a.id.cmp(&b.id)));
        self.tests.truncate(KEPT_TESTS);
    }
}

fn rank(test: &TestDetail<'_>) -> u8 {
    match test.outcome {
        CaseOutcome::Failed | CaseOutcome::Error => 0,
        _ if test.flaky => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_come_first_and_foreign_files_are_left_out() {
        let test = |id: &'static str, outcome, flaky, seconds| {
            Detail::Test(TestDetail {
                id: id.into(),
                component: "".into(),
                outcome,
                flaky,
                seconds,
                path: None,
                line: None,
            })
        };
        let file = |path: &'static str, foreign| {
            Detail::File(FileDetail {
                path: path.into(),
                foreign,
                covered: vec![],
                uncovered: vec![],
                branches_covered: 0,
                branches_total: 0,
                changed: None,
                ..FileDetail::default()
            })
        };
        let mut view = View::default();
        for detail in [
            test("quick", CaseOutcome::Passed, false, 0.1),
            test("slow", CaseOutcome::Passed, false, 9.0),
            test("flaky", CaseOutcome::Passed, true, 0.2),
            test("broken", CaseOutcome::Failed, false, 0.3),
            file("b.py", false),
            file("site.py", true),
            file("a.py", false),
        ] {
            view.add(detail);
        }
        let view = view.finish();
        assert_eq!(view.tests.iter().map(|t| &*t.id).collect::<Vec<_>>(), ["broken", "flaky", "slow", "quick"]);
        assert_eq!(view.files.iter().map(|f| &*f.path).collect::<Vec<_>>(), ["a.py", "b.py"]);
        assert_eq!(view.tests_seen, 4);
    }
}
