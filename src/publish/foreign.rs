//! Publishing the report of another workflow run, whose code is not trusted: a fork's pull request. The report says
//! what that code wants; where it is published, and that nothing is greener than the run itself, comes from the event.

use super::{Checks, Finished, Places, Publisher};
use crate::act::files;
use crate::facts::report::{self, Report, SCHEMA};
use crate::facts::stage::Stage;
use crate::facts::verdict::Outcome;
use crate::order::Publishing;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest report that is taken, in bytes.
const REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// A report that anybody may have written.
pub struct Foreign {
    report: Report,
    digest: String,
}

/// Reads it. `followed`: how the other run ended; where that is not `success`, nothing in it stays green.
pub fn read(path: &Path, followed: Option<&str>) -> Result<Foreign, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| format!("{shown}: {e}"))?;
    file.take(REPORT_BYTES + 1).read_to_end(&mut bytes).map_err(|e| format!("{shown}: {e}"))?;
    if bytes.len() as u64 > REPORT_BYTES {
        return Err(format!("{shown}: more than {REPORT_BYTES} bytes"));
    }
    let mut report: Report = serde_json::from_slice(&bytes)
        .map_err(|e| format!("{shown}:{}:{}: not a {SCHEMA} report: {e}", e.line(), e.column()))?;
    is_sound(&report).map_err(|why| format!("{shown}: {why}"))?;
    // The details beside it, never a path of its own choice.
    let plain = Path::new(&report.details.path).file_name().map(|name| name.to_string_lossy().into_owned());
    report.details.path = plain.unwrap_or_default();
    let ended = followed.unwrap_or("nothing that is known");
    if ended != "success" {
        distrust(&mut report, ended);
    }
    Ok(Foreign { report, digest: files::sha256(&bytes) })
}

/// Is it a report as this program writes them?
fn is_sound(report: &Report) -> Result<(), String> {
    if report.schema != SCHEMA {
        return Err(format!("the schema is `{}`, this version reads {SCHEMA}", report.schema));
    }
    let mut gates = BTreeSet::new();
    for verdict in &report.verdicts {
        if verdict.stage != verdict.gate.stage() || !gates.insert(verdict.gate) {
            return Err(format!("more than one verdict of {}, or one of another stage", verdict.gate));
        }
    }
    if report.outcome != report::outcome(&report.verdicts) {
        return Err("its outcome is not that of its verdicts".into());
    }
    Ok(())
}

/// A run that did not succeed has no green verdicts, whatever its report says.
fn distrust(report: &mut Report, ended: &str) {
    for verdict in report.verdicts.iter_mut().filter(|verdict| verdict.outcome.is_green()) {
        verdict.outcome = Outcome::Unmeasured;
        verdict.title = format!("the workflow run ended as {ended}; its report says: {}", verdict.title);
    }
    report.outcome = report::outcome(&report.verdicts);
}

impl Foreign {
    pub fn stages(&self) -> Vec<Stage> {
        let stages: BTreeSet<Stage> = self.report.verdicts.iter().map(|verdict| verdict.stage).collect();
        stages.into_iter().collect()
    }

    /// Publishes it; gives what was not published.
    pub async fn publish(
        &self,
        path: &Path,
        publishing: &Publishing,
        publisher: &mut Publisher,
        checks: &mut Result<Checks, String>,
    ) -> Vec<String> {
        let finished =
            Finished { report: &self.report, digest: &self.digest, report_path: path, project: None, publishing };
        let said = vec!["this is the report of another workflow run, whose code is not trusted".to_string()];
        let checks = checks.as_mut().map_err(|why| &**why);
        publisher.publish(&finished, checks, &Places::Unseen, said).await
    }
}
