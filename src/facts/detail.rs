//! The lines of the details file: one for each test, each source file, each finding, and each test that was not green
//! lately.

use super::coverage::{BranchDetail, Span};
use super::finding::Finding;
use super::stage::Gate;
use super::tests::CaseOutcome;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One line of `qte-report-details.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Detail<'a> {
    Test(TestDetail<'a>),
    File(FileDetail<'a>),
    Finding(FindingDetail<'a>),
    History(HistoryDetail<'a>),
}

impl<'a> Detail<'a> {
    /// Reads a line. Looks for its kind first: serde would take all the values of a line apart to find it.
    pub fn parse(line: &'a [u8]) -> serde_json::Result<Detail<'a>> {
        Ok(match Kind::of(line)? {
            Kind::Test => Detail::Test(serde_json::from_slice(line)?),
            Kind::File => Detail::File(serde_json::from_slice(line)?),
            Kind::Finding => Detail::Finding(serde_json::from_slice(line)?),
            Kind::History => Detail::History(serde_json::from_slice(line)?),
        })
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Test,
    File,
    Finding,
    History,
}

impl Kind {
    fn of(line: &[u8]) -> serde_json::Result<Kind> {
        #[derive(Deserialize)]
        struct Head {
            kind: Kind,
        }
        // As we write it; lines of others may have another order.
        let ours: [(&[u8], Kind); 2] = [(br#"{"kind":"test","#, Kind::Test), (br#"{"kind":"file","#, Kind::File)];
        match ours.into_iter().find(|(head, _)| line.starts_with(head)) {
            Some((_, kind)) => Ok(kind),
            None => Ok(serde_json::from_slice::<Head>(line)?.kind),
        }
    }
}

/// One case, or one try of a case that was run again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestDetail<'a> {
    #[serde(borrow)]
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
    #[serde(borrow)]
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

/// How a test that was not green lately ended, run by run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryDetail<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub component: Cow<'a, str>,
    /// A letter a run, oldest first, this one last (`facts::history`).
    pub runs: Cow<'a, str>,
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
    fn the_kind_may_stand_anywhere_and_is_one_that_is_known() {
        let line = br#"{"id":"a \u00e9","seconds":1.5,"outcome":"failed","kind":"test"}"#;
        let Detail::Test(test) = Detail::parse(line).unwrap() else { panic!("another kind") };
        assert_eq!((&*test.id, test.outcome, test.seconds), ("a é", CaseOutcome::Failed, 1.5));
        let known = r#"{"kind":"file","path":"a","covered":[],"uncovered":[],"branches_covered":0,"branches_total":0}"#;
        assert!(matches!(Detail::parse(known.as_bytes()), Ok(Detail::File(_))));
        for bad in [
            &known.replace("\"kind\":\"file\",", ""),
            &known.replace("file", "files"),
            r#"{"kind":"test","id":"a"}"#,
            "{\"kind\":\"file\",",
        ] {
            assert!(Detail::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

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
            Detail::History(HistoryDetail { id: "a::b".into(), component: "".into(), runs: "F.f".into() }),
        ];
        for detail in all {
            let text = serde_json::to_string(&detail).unwrap();
            assert_eq!(Detail::parse(text.as_bytes()).unwrap(), detail, "{text}");
        }
    }
}
