//! Publishing the report of another workflow run, whose code is not trusted: a fork's pull request. The report says
//! what that code wants; where it is published, and that nothing is greener than the run itself, comes from the event.

use super::{Finished, Places, Publisher};
use crate::act::files;
use crate::facts::report::{self, Report, SCHEMA};
use crate::facts::stage::Stage;
use crate::order::Publishing;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest report that is taken, in bytes.
const REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// Reads a report that anybody may have written.
fn read(path: &Path) -> Result<(Report, String), String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| format!("{shown}: {e}"))?;
    file.take(REPORT_BYTES + 1).read_to_end(&mut bytes).map_err(|e| format!("{shown}: {e}"))?;
    if bytes.len() as u64 > REPORT_BYTES {
        return Err(format!("{shown}: more than {REPORT_BYTES} bytes"));
    }
    let report: Report = serde_json::from_slice(&bytes)
        .map_err(|e| format!("{shown}:{}:{}: not a {SCHEMA} report: {e}", e.line(), e.column()))?;
    if report.schema != SCHEMA {
        return Err(format!("{shown}: the schema is `{}`, this version reads {SCHEMA}", report.schema));
    }
    if report.outcome != report::outcome(&report.verdicts) {
        return Err(format!("{shown}: its outcome is not that of its verdicts"));
    }
    let digest = files::sha256(&bytes);
    Ok((report, digest))
}

/// Publishes it; gives what was not published. `followed`: how the other run ended.
pub async fn publish(path: &Path, publishing: &Publishing, followed: Option<&str>) -> Result<Vec<String>, String> {
    let (mut report, digest) = read(path)?;
    // The details beside it, never a path of its own choice.
    let plain = Path::new(&report.details.path).file_name().map(|name| name.to_string_lossy().into_owned());
    report.details.path = plain.unwrap_or_default();
    let mut publisher = Publisher::new(publishing);
    let mut stages: Vec<Stage> = report.verdicts.iter().map(|verdict| verdict.stage).collect();
    stages.sort();
    stages.dedup();
    let mut checks = super::checks(publishing, &stages);
    let ended = followed.unwrap_or("nothing that is known");
    if let (Ok(checks), true) = (&mut checks, ended != "success") {
        checks.distrust(format!("the workflow run ended as {ended}"));
    }
    let finished = Finished { report: &report, digest: &digest, report_path: path, project: None, publishing };
    let said = vec!["this is the report of another workflow run, whose code is not trusted".to_string()];
    let checks = checks.as_mut().map_err(|why| &**why);
    Ok(publisher.publish(&finished, checks, &Places::Unseen, said).await)
}
