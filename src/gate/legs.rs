//! The jobs of a matrix: their reports and details files, checked to be of this commit, whole and there once each; then
//! judged together. Nothing is run.

use super::component::Component;
use super::{GateError, io_error};
use crate::act::files::{self, Hashing};
use crate::facts::coverage::Coverage;
use crate::facts::evidence::{Evidence, EvidenceKind};
use crate::facts::report::{Report, SCHEMA};
use crate::facts::stage::Gate;
use crate::facts::tests::{Case, Tests};
use crate::facts::verdict::{Outcome, Reason, Verdict};
use crate::judge::{self, FileRead};
use crate::read;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The format of a leg's report and of its details file, as evidence names them.
pub const REPORT: &str = "qte-report";
pub const DETAILS: &str = "qte-details";

/// One job: its report, or why there is none that counts.
pub struct Leg {
    /// The folder of its report.
    pub name: String,
    /// Relative to the project; empty where it is missing.
    pub path: String,
    pub report: Result<Box<Report>, String>,
}

/// What a leg must match.
pub struct Expected<'a> {
    pub legs: Option<&'a [String]>,
    pub sha: Option<&'a str>,
}

/// Opens the reports at `paths`. Every expected leg is in the answer, and every report that was found.
pub fn open(project: &Path, paths: &[String], expected: &Expected<'_>) -> Vec<Leg> {
    let mut legs: Vec<Leg> = paths.iter().map(|path| one(project, path, expected.sha)).collect();
    refuse_doubles(project, &mut legs);
    for leg in &mut legs {
        if expected.legs.is_some_and(|names| !names.contains(&leg.name)) {
            leg.report = Err(format!("`{}` is none of `matrix.legs`", leg.name));
        }
    }
    for name in expected.legs.unwrap_or_default() {
        if !legs.iter().any(|leg| leg.name == *name) {
            let why = "the report of this job is missing".to_string();
            legs.push(Leg { name: name.clone(), path: String::new(), report: Err(why) });
        }
    }
    if legs.is_empty() {
        let why = "no report was found, and `matrix.legs` names none".to_string();
        legs.push(Leg { name: String::new(), path: String::new(), report: Err(why) });
    }
    legs.sort_by(|a, b| a.name.cmp(&b.name).then(a.path.cmp(&b.path)));
    legs
}

fn one(project: &Path, path: &str, sha: Option<&str>) -> Leg {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let name = folder.rsplit('/').next().unwrap_or(folder).to_string();
    Leg { name, path: path.to_string(), report: report(&project.join(path), sha).map(Box::new) }
}

fn report(path: &Path, sha: Option<&str>) -> Result<Report, String> {
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let report: Report =
        serde_json::from_slice(&bytes).map_err(|e| format!("line {}: not a {SCHEMA} report: {e}", e.line()))?;
    if report.schema != SCHEMA {
        return Err(format!("schema {}, this version reads {SCHEMA}", report.schema));
    }
    match (report.subject.sha.as_deref(), sha) {
        (Some(theirs), Some(ours)) if theirs == ours => Ok(report),
        (Some(theirs), Some(ours)) => Err(format!("of commit {theirs}, and this run is of {ours}")),
        _ => Err("its commit and this run's are not both known".into()),
    }
}

/// A leg that is there twice, or a copy of another, would count its tests twice.
fn refuse_doubles(project: &Path, legs: &mut [Leg]) {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut digests: BTreeMap<String, String> = BTreeMap::new();
    for leg in legs.iter() {
        *names.entry(leg.name.clone()).or_default() += 1;
    }
    for leg in legs.iter_mut() {
        let digest = File::open(project.join(&leg.path)).and_then(|file| Hashing::new(file).finish());
        let first = digest.ok().and_then(|(sha256, _)| digests.insert(sha256, leg.name.clone()));
        if names[&leg.name] > 1 {
            leg.report = Err("this job has more than one report".into());
        } else if let Some(first) = first {
            leg.report = Err(format!("the same report as that of `{first}`"));
        }
    }
}

/// A leg as a component of the run: its reports are its evidence.
pub fn component(leg: &Leg, evidence: PathBuf) -> Component {
    Component { name: leg.name.clone(), ..Component::reading(evidence) }
}

/// The verdicts of all legs together, and what each knows of its coverage.
pub struct Together {
    pub install: Verdict,
    pub tests: Verdict,
    pub parts: Vec<judge::coverage::Part>,
}

/// Reads and judges all legs; their files are noted as evidence.
pub fn together(
    policies: (&judge::install::Policy, &judge::tests::Policy),
    project: &Path,
    legs: &[Leg],
    evidence: &mut Vec<Evidence>,
    each: &mut dyn FnMut(&str, &Case<'_>),
) -> Result<Together, GateError> {
    let (mut installs, mut tests, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for leg in legs {
        let opened = read_leg(project, leg, evidence, &mut |case| each(&leg.name, case))?;
        installs.extend(opened.install.map(|verdict| (leg.name.clone(), verdict)));
        tests.push((leg.name.clone(), judge::tests::judge(policies.1, &opened.tests)));
        parts.push(opened.coverage);
    }
    let (install, tests_policy) = (policies.0.enforce.value, policies.1.enforce.value);
    Ok(Together {
        install: judge::together(Gate::Install, install, installs),
        tests: judge::together(Gate::Tests, tests_policy, tests),
        parts,
    })
}

/// What was read of a leg, with its evidence.
struct Opened {
    tests: judge::tests::Input,
    install: Option<Verdict>,
    coverage: judge::coverage::Part,
}

/// Reads a leg's details and notes both files as evidence.
fn read_leg(
    project: &Path,
    leg: &Leg,
    evidence: &mut Vec<Evidence>,
    each: &mut dyn FnMut(&Case<'_>),
) -> Result<Opened, GateError> {
    let note = |gate: Gate, format: &str, path: &str| {
        let mut item = Evidence::new(EvidenceKind::File, gate);
        item.component.clone_from(&leg.name);
        item.format = Some(format.into());
        item.path = Some(path.to_string());
        item
    };
    let mut opened = Opened {
        tests: judge::tests::Input { looked_for: "its qte-report.json".into(), ..Default::default() },
        install: None,
        coverage: judge::coverage::Part {
            name: leg.name.clone(),
            looked_for: "its qte-report.json".into(),
            ..Default::default()
        },
    };
    let mut item = note(Gate::Tests, REPORT, &leg.path);
    item.refused = leg.report.as_ref().err().cloned();
    if leg.path.is_empty() {
        item.path = None;
    } else {
        digest(project, &mut item)?;
    }
    evidence.push(item);
    let cited = evidence.len() - 1;
    let (content, path) = match &leg.report {
        Err(why) => (Err(why.clone()), leg.path.clone()),
        Ok(report) => {
            let path = beside(&leg.path, &report.details.path);
            let content = details(project, &path, &report.details.sha256, each);
            for gate in [Gate::Tests, Gate::Coverage] {
                let mut item = note(gate, DETAILS, &path);
                item.refused = content.as_ref().err().cloned();
                if item.refused.is_none() {
                    digest(project, &mut item)?;
                }
                evidence.push(item);
            }
            (content, path)
        }
    };
    let path = if path.is_empty() { "qte-report.json".to_string() } else { path };
    let (tests, coverage) = match content {
        Ok((tests, coverage)) => (Ok(tests), Ok(coverage)),
        Err(why) => (Err(why.clone()), Err(why)),
    };
    let last = evidence.len() - 1;
    opened.tests.reports.push(FileRead { evidence: last.min(cited + 1), path: path.clone(), content: tests });
    opened.coverage.reports.push(FileRead { evidence: last, path, content: coverage });
    if let Ok(report) = &leg.report {
        said(report, cited, &mut opened);
    }
    Ok(opened)
}

/// What the leg's own verdicts add to its numbers: how its command ended, what could not be installed or measured.
fn said(report: &Report, cited: usize, opened: &mut Opened) {
    let of = |gate: Gate| report.verdicts.iter().find(|v| v.gate == gate);
    opened.tests.said = Some(match of(Gate::Tests) {
        Some(verdict) => (verdict.outcome, verdict.title.clone()),
        None => (Outcome::Unmeasured, "its report has no verdict on tests".into()),
    });
    opened.install = of(Gate::Install).cloned().map(|mut verdict| {
        let all = verdict.reasons.into_iter().map(|r| Reason { evidence: vec![cited], ..r });
        verdict.reasons = all.collect();
        verdict
    });
    opened.coverage.blocked = match of(Gate::Coverage) {
        None => Some("its report has no verdict on coverage".into()),
        Some(v) if matches!(v.outcome, Outcome::Unmeasured | Outcome::Inconclusive) => Some(v.title.clone()),
        Some(_) => None,
    };
}

fn beside(report: &str, details: &str) -> String {
    let name = details.rsplit('/').next().unwrap_or(details);
    report.rsplit_once('/').map_or_else(|| name.to_string(), |(folder, _)| format!("{folder}/{name}"))
}

/// The details file, only where it is the one whose digest the report gives.
fn details(
    project: &Path,
    path: &str,
    sha256: &str,
    each: &mut dyn FnMut(&Case<'_>),
) -> Result<(Tests, Coverage), String> {
    let whole = project.join(path);
    let file = File::open(&whole).map_err(|e| format!("{path}: {e}"))?;
    let (now, _) = Hashing::new(file).finish().map_err(|e| format!("{path}: {e}"))?;
    if now != sha256 {
        return Err(format!("sha256 {now}, its report cites {sha256}: it was cut or changed"));
    }
    let mut file = File::open(&whole).map_err(|e| format!("{path}: {e}"))?;
    read::details::read(&mut file, each).map_err(|e| e.to_string())
}

fn digest(project: &Path, item: &mut Evidence) -> Result<(), GateError> {
    let path = project.join(item.path.as_deref().unwrap_or_default());
    let shown = || path.display().to_string();
    let file = File::open(&path).map_err(io_error(shown()))?;
    item.written = Some(files::rfc3339(file.metadata().and_then(|m| m.modified()).map_err(io_error(shown()))?));
    let (sha256, bytes) = Hashing::new(file).finish().map_err(io_error(shown()))?;
    (item.sha256, item.bytes) = (Some(sha256), Some(bytes));
    Ok(())
}
