//! The details file of another run of ours: its cases, its source files with their lines, branches and statements.
//! Not among FORMATS: it is evidence only together with the report that gives its digest.

use super::cases::Cases;
use super::error::ReadError;
use super::lines::Lines;
use crate::facts::coverage::{Branches, Coverage, FileCoverage};
use crate::facts::detail::{Detail, FileDetail, FindingDetail, HistoryDetail, TestDetail};
use crate::facts::stage::Gate;
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_CASES, KeptCase, Tests};
use std::io::Read;

/// Reads one file; `each` sees every case in order.
pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<(Tests, Coverage), ReadError> {
    let mut lines = Lines::new(source);
    let mut cases = Cases::new(each);
    let (mut coverage, mut kept) = (Coverage::default(), Vec::new());
    while let Some((line, number)) = lines.next()? {
        let detail = Detail::parse(line.as_bytes())
            .map_err(|e| ReadError::malformed(number, format!("no line of a details file: {e}")))?;
        match detail {
            Detail::Test(test) => push(&mut cases, &test),
            Detail::File(file) => add(&mut coverage, &file),
            Detail::Finding(finding) => kept.extend(kept_case(&finding)),
            Detail::History(_) => {}
        }
    }
    let mut tests = cases.finish(DeclaredTests::default())?;
    kept.truncate(KEPT_CASES);
    tests.kept = kept;
    Ok((tests, coverage))
}

/// How a history's line begins as we write it; nothing else of the file is taken apart for it.
const HISTORY: &str = "{\"kind\":\"history\",";

/// Reads the history of tests alone; `each` may refuse a line.
pub fn history(
    source: &mut dyn Read,
    each: &mut dyn FnMut(&HistoryDetail<'_>) -> Result<(), String>,
) -> Result<(), ReadError> {
    let mut lines = Lines::new(source);
    while let Some((line, number)) = lines.next()? {
        if !line.starts_with(HISTORY) {
            continue;
        }
        match Detail::parse(line.as_bytes()) {
            Ok(Detail::History(detail)) => each(&detail).map_err(|e| ReadError::malformed(number, e))?,
            Ok(_) => {}
            Err(e) => return Err(ReadError::malformed(number, format!("no line of a details file: {e}"))),
        }
    }
    Ok(())
}

fn push(cases: &mut Cases<'_>, test: &TestDetail<'_>) {
    let (class, name) = test.id.rsplit_once("::").unwrap_or(("", &test.id));
    cases.push(&Case {
        class,
        name,
        file: test.path.as_deref(),
        line: test.line,
        micros: (test.seconds.max(0.0) * 1e6).round() as u64,
        outcome: test.outcome,
        flaky: test.flaky && test.outcome == CaseOutcome::Passed,
        message: "",
        text: "",
    });
}

fn add(coverage: &mut Coverage, file: &FileDetail<'_>) {
    let mut read = FileCoverage::default();
    for (ranges, covered) in [(&file.uncovered, false), (&file.covered, true)] {
        for &[from, to] in ranges {
            (from..=to).for_each(|line| read.lines.insert(line, covered));
        }
    }
    for detail in &file.branches {
        read.branches.insert(detail.0, Branches::of_detail(detail.clone()));
    }
    for &(span, count, covered) in &file.statements {
        read.insert_block(span, count, covered);
    }
    let slot = coverage.slot(&file.path);
    coverage.at(slot).merge(&read);
}

/// A failing case with its text: it stands among the findings.
fn kept_case(finding: &FindingDetail<'_>) -> Option<KeptCase> {
    let outcome = match finding.finding.rule.as_str() {
        "test-failure" => CaseOutcome::Failed,
        "test-error" => CaseOutcome::Error,
        _ => return None,
    };
    let message = &finding.finding.message;
    let (id, message) = message.split_once('\n').unwrap_or((message, ""));
    (finding.gate == Gate::Tests).then(|| KeptCase {
        id: id.to_string(),
        outcome,
        path: finding.finding.path.clone(),
        line: finding.finding.line,
        message: message.to_string(),
        text: finding.finding.detail.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let text = r#"{"kind":"test","id":"m.C::a","outcome":"passed","flaky":true,"seconds":0.25,"path":"m.py"}
{"kind":"test","id":"b","outcome":"failed","seconds":1.0}
{"kind":"file","path":"a.go","covered":[[1,2]],"uncovered":[[3,3]],"branches_covered":1,"branches_total":2,"branches":[[1,2,1,2,null]],"statements":[[[1,1,2,2],4,true]]}
{"kind":"finding","gate":"tests","severity":"high","rule":"test-failure","message":"b\nassert 0","path":"m.py","line":3,"fingerprint":""}
"#;
        let mut source = text.as_bytes();
        let mut seen = Vec::new();
        let (tests, coverage) = read(&mut source, &mut |case| {
            seen.push(format!("{} {} {} {}", case.class, case.name, case.outcome.id(), case.micros))
        })
        .unwrap();
        assert_eq!(seen, ["m.C a passed 250000", " b failed 1000000"]);
        assert_eq!((tests.counts.flaky, tests.kept.len(), tests.kept[0].message.as_str()), (1, 1, "assert 0"));
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total), (4, 4));
        assert_eq!((counts.branches_covered, counts.branches_total), (1, 2));
        let mut cut = &text.as_bytes()[..text.len() / 2];
        assert!(read(&mut cut, &mut |_| {}).is_err());
    }
}
