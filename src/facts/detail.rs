//! The lines of the details file: one for each test, each source file and each finding.

use super::coverage::{BranchDetail, Span};
use super::finding::Finding;
use super::stage::Gate;
use super::tests::CaseOutcome;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One line of `qte-report-details.jsonl`. Borrowed when it is written, owned when it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Detail<'a> {
    Test(TestDetail<'a>),
    File(FileDetail<'a>),
    Finding(FindingDetail<'a>),
}

/// One case, or one try of a case that was run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestDetail<'a> {
    pub id: Cow<'a, str>,
    /// The component that it is of, where the project has several.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub component: Cow<'a, str>,
    pub outcome: CaseOutcome,
    /// Passed, after at least one failed attempt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
    pub seconds: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// One source file. Every line of a range is a line that can run: the totals follow from these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileDetail<'a> {
    pub path: Cow<'a, str>,
    /// Not a file of this project: not judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
    pub covered: Vec<[u32; 2]>,
    pub uncovered: Vec<[u32; 2]>,
    pub branches_covered: u64,
    pub branches_total: u64,
    /// Each line with branches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<BranchDetail>,
    /// Blocks of statements, for reports that count those: where, how many, covered or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<(Span, u32, bool)>,
    /// Where the change touches this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<ChangedLines>,
}

/// The lines of one file that the change touches and that can run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedLines {
    pub covered: u64,
    pub total: u64,
}

impl FileDetail<'_> {
    pub fn lines_covered(&self) -> u64 {
        lines(&self.covered)
    }

    pub fn lines_total(&self) -> u64 {
        lines(&self.covered) + lines(&self.uncovered)
    }
}

fn lines(ranges: &[[u32; 2]]) -> u64 {
    ranges.iter().map(|[from, to]| u64::from(to.saturating_sub(*from)) + 1).sum()
}

/// One finding with the gate that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingDetail<'a> {
    pub gate: Gate,
    #[serde(flatten)]
    pub finding: Cow<'a, Finding>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::finding::Severity;

    #[test]
    fn lines_come_back_as_they_were() {
        let finding = Finding::new("uncovered-lines", Severity::Medium, "x").at("a.py", Some(3), Some(4));
        let file = FileDetail {
            path: "a.py".into(),
            foreign: false,
            covered: vec![[1, 2], [5, 5]],
            uncovered: vec![[3, 4]],
            branches_covered: 1,
            branches_total: 2,
            branches: vec![(1, 2, 1, 1, Some([7].into()))],
            statements: vec![([1, 1, 2, 3], 4, true)],
            changed: Some(ChangedLines { covered: 0, total: 2 }),
        };
        assert_eq!((file.lines_covered(), file.lines_total()), (3, 5));
        let test = TestDetail {
            id: "a::b".into(),
            component: "api".into(),
            outcome: CaseOutcome::Error,
            flaky: false,
            seconds: 0.5,
            path: Some("a.py".into()),
            line: None,
        };
        let all = [
            Detail::Test(test),
            Detail::File(file),
            Detail::Finding(FindingDetail { gate: Gate::Coverage, finding: Cow::Owned(finding) }),
        ];
        for detail in all {
            let text = serde_json::to_string(&detail).unwrap();
            assert_eq!(serde_json::from_str::<Detail<'static>>(&text).unwrap(), detail, "{text}");
        }
    }
}
