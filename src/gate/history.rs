//! The history of tests that were not green: out of the details file beside the baseline, into this run's.

use crate::act::files::Hashing;
use crate::facts::history::History;
use crate::facts::report::Report;
use crate::facts::tests::CaseOutcome;
use crate::facts::verdict::{Reason, Verdict};
use crate::order::Order;
use crate::read;
use std::fs::File;
use std::path::Path;

/// What was known before this run; with a baseline that has none, why.
pub fn before(order: &Order, baseline: Option<&Result<Vec<u8>, String>>) -> (History, Option<String>) {
    let (Some(path), Some(bytes)) = (&order.baseline, baseline) else { return (History::default(), None) };
    match bytes.as_ref().map_err(String::clone).and_then(|bytes| of_report(path, bytes)) {
        Ok(history) => (history, None),
        Err(why) => (History::default(), Some(format!("no history of failing and flaky tests: {why}"))),
    }
}

fn of_report(path: &Path, bytes: &[u8]) -> Result<History, String> {
    let report: Report = serde_json::from_slice(bytes).map_err(|e| format!("not a qte-ci report: {e}"))?;
    let name = Path::new(&report.details.path).file_name().ok_or("the baseline names no details file")?;
    let details = path.with_file_name(name);
    let shown = details.display();
    let file = File::open(&details).map_err(|e| format!("{shown}: {e}"))?;
    let mut source = Hashing::new(file);
    let mut history = History::default();
    let read = read::details::history(&mut source, &mut |line| history.before(line));
    let (sha256, _) = source.finish().map_err(|e| format!("{shown}: {e}"))?;
    if sha256 != report.details.sha256 {
        return Err(format!("{shown}: not the details file that the baseline cites"));
    }
    read.map_err(|e| format!("{shown}: {e}"))?;
    Ok(history)
}

/// A test that passed when pytest ran it again: known by its node id, which the report writes as module and name.
pub fn retried(history: &mut History, component: &str, node: &str) {
    let mut parts: Vec<&str> = node.split("::").collect();
    let (name, file) = (parts.pop().unwrap_or_default(), parts.first().copied().unwrap_or_default());
    let module = file.strip_suffix(".py").unwrap_or(file).replace('/', ".");
    let classes: String = parts.iter().skip(1).map(|class| format!(".{class}")).collect();
    history.see(component, &format!("{module}{classes}::{name}"), CaseOutcome::Passed, true);
}

/// Adds to a verdict what the history says.
pub fn tell(verdict: &mut Verdict, history: &History, missing: Option<String>) {
    let said = missing.into_iter().chain(history.sentences());
    verdict.reasons.extend(said.map(|text| Reason { text, evidence: Vec::new() }));
}
