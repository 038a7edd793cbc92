//! What a report's details hold, gathered for the outlets that people read. Bounded: the worst are kept, all are counted.

use super::detail::{ChangedLines, Detail, FileDetail};
pub use super::test_list::{ListedTest, TestList};
use std::collections::BTreeMap;

/// The details of one run.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Failed and errored ones first, then flaky ones, then by time, the slowest first.
    pub tests: TestList,
    /// How many the details file has, kept or not.
    pub tests_seen: u64,
    /// The project's own source files, by path.
    pub files: Vec<FileView>,
    /// Lines of source around what is not covered, by the file's path. May lack any file.
    pub sources: BTreeMap<String, Vec<SourceLine>>,
}

/// One source file: what it comes to, and which of its lines no test runs.
#[derive(Clone, Debug)]
pub struct FileView {
    pub path: String,
    pub uncovered: Vec<[u32; 2]>,
    pub branches_covered: u64,
    pub branches_total: u64,
    pub changed: Option<ChangedLines>,
    lines_covered: u64,
    lines_total: u64,
}

impl FileView {
    pub fn lines_covered(&self) -> u64 {
        self.lines_covered
    }

    pub fn lines_total(&self) -> u64 {
        self.lines_total
    }
}

impl From<FileDetail<'_>> for FileView {
    fn from(file: FileDetail<'_>) -> FileView {
        let (lines_covered, lines_total) = (file.lines_covered(), file.lines_total());
        let mut uncovered = file.uncovered;
        uncovered.shrink_to_fit();
        FileView {
            path: file.path.into_owned(),
            uncovered,
            branches_covered: file.branches_covered,
            branches_total: file.branches_total,
            changed: file.changed,
            lines_covered,
            lines_total,
        }
    }
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
    pub fn add(&mut self, detail: Detail<'_>) {
        match detail {
            Detail::Test(test) => {
                self.tests_seen += 1;
                self.tests.push(&test);
            }
            Detail::File(file) if !file.foreign => self.files.push(file.into()),
            // The verdicts have the findings, in their order.
            Detail::File(_) | Detail::Finding(_) | Detail::History(_) => {}
        }
    }

    /// Puts everything in its order; after the last line.
    pub fn finish(mut self) -> View {
        self.tests.finish();
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::detail::TestDetail;
    use crate::facts::tests::CaseOutcome;

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
        assert_eq!(view.tests.iter().map(ListedTest::id).collect::<Vec<_>>(), ["broken", "flaky", "slow", "quick"]);
        assert_eq!(view.files.iter().map(|f| &*f.path).collect::<Vec<_>>(), ["a.py", "b.py"]);
        assert_eq!(view.tests_seen, 4);
    }
}
