//! `verify`: a report against the evidence on disk.

use crate::act::files::{self, Hashing};
use crate::act::handoff::Handed;
use crate::cli::{GateArgs, VerifyArgs};
use crate::facts::report::{self, Report, SCHEMA};
use crate::facts::stage::Gate;
use crate::gate::{self, GateError};
use crate::order::{self, OrderError};
use std::fs::File;
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The report itself cannot be read.
    #[error("{0}")]
    Report(String),
}

/// Everything that differs, each as one sentence; empty where the report holds.
pub fn differences(args: &VerifyArgs) -> Result<Vec<String>, VerifyError> {
    let shown = args.report.display();
    let bytes = std::fs::read(&args.report).map_err(|e| VerifyError::Report(format!("{shown}: {e}")))?;
    let report: Report = serde_json::from_slice(&bytes)
        .map_err(|e| VerifyError::Report(format!("{shown}:{}:{}: not a {SCHEMA} report: {e}", e.line(), e.column())))?;
    if report.schema != SCHEMA {
        return Err(VerifyError::Report(format!("{shown}: schema {}, this version reads {SCHEMA}", report.schema)));
    }
    let whole = std::path::absolute(&args.report).map_err(|e| VerifyError::Report(format!("{shown}: {e}")))?;
    let folder = whole.parent().unwrap_or(Path::new("/"));
    let order = order::resolve(
        &GateArgs {
            project: args.project.clone().unwrap_or_else(|| folder.to_path_buf()),
            stages: Vec::new(),
            config: None,
            base: report.subject.base.as_ref().map(|b| b.sha.clone()),
            baseline: None,
            coverage_threshold: None,
            fail_on: None,
            checks: None,
            report: Some(args.report.clone()),
            html: None,
            jobs: None,
            no_publish: true,
        },
        &Handed::default(),
    )?;
    let derived = gate::rederive(&report, &order)?;
    let mut out = own_digests(&report, folder);
    out.extend(derived.differences);
    out.extend(missing_and_foreign(&report).map_err(VerifyError::Report)?);
    out.extend(compare(&report, &derived.verdicts));
    Ok(out)
}

/// The digests that the report gives of its own parts.
fn own_digests(report: &Report, folder: &Path) -> Vec<String> {
    let mut out = Vec::new();
    let policy = serde_json::to_vec(&report.policy).expect("settings are plain data");
    if files::sha256(&policy) != report.policy_sha256 {
        out.push("the policy is not the one whose digest the report gives".to_string());
    }
    let details = folder.join(Path::new(&report.details.path).file_name().unwrap_or_default());
    match File::open(&details).and_then(|file| Hashing::new(file).finish()) {
        Ok((sha256, _)) if sha256 == report.details.sha256 => {}
        Ok((sha256, _)) => {
            out.push(format!("{}: sha256 {sha256}, the report cites {}", report.details.path, report.details.sha256))
        }
        Err(error) => out.push(format!("{}: {error}", report.details.path)),
    }
    out
}

/// The report's own policy says which gates it must answer, and whether they stop the run.
fn missing_and_foreign(report: &Report) -> Result<Vec<String>, String> {
    let (stages, policies) = gate::asked(&report.policy)?;
    let mut out = Vec::new();
    for gate in Gate::ALL {
        let all: Vec<_> = report.verdicts.iter().filter(|v| v.gate == gate).collect();
        let asked = usize::from(stages.contains(&gate.stage()));
        if all.len() != asked {
            out.push(format!("{gate}: {} verdicts in the report, its policy asks for {asked}", all.len()));
        }
        let enforce = policies.enforce(gate);
        for verdict in all.iter().filter(|v| v.enforce != enforce) {
            out.push(format!("{gate}: the report says {}, its policy says {}", verdict.enforce.id(), enforce.id()));
        }
    }
    Ok(out)
}

fn compare(report: &Report, derived: &[crate::facts::verdict::Verdict]) -> Vec<String> {
    let mut out = Vec::new();
    for verdict in derived {
        let Some(said) = report.verdicts.iter().find(|v| v.gate == verdict.gate) else { continue };
        if said.outcome != verdict.outcome {
            out.push(format!(
                "{}: the report says {}, the evidence says {} ({})",
                verdict.gate,
                said.outcome.id(),
                verdict.outcome.id(),
                verdict.title
            ));
        }
        if said.metrics != verdict.metrics {
            let differ = verdict.metrics.iter().filter(|(name, value)| said.metrics.get(*name) != Some(value));
            let list: Vec<String> = differ
                .map(|(name, value)| {
                    format!(
                        "{name} {} in the report, {value} in the evidence",
                        said.metrics.get(name).map_or("missing".into(), u64::to_string)
                    )
                })
                .collect();
            out.push(format!("{}: {}", verdict.gate, list.join("; ")));
        }
    }
    let outcome = report::outcome(&report.verdicts);
    if outcome != report.outcome {
        out.push(format!("the report's outcome is {}, its verdicts make {}", report.outcome.id(), outcome.id()));
    }
    out
}
