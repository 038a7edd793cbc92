//! Deriving a report's verdicts anew: from its own policy, and from the evidence as it is on disk now.

use super::collect::list_files;
use super::environment::ACTIVE;
use super::findings::{Against, Sight, part};
use super::{GateError, changes, io_error, legs, reports};
use crate::act::files::Hashing;
use crate::facts::coverage::CoverageCounts;
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::finding::Finding;
use crate::facts::found::Found;
use crate::facts::percent::Percent;
use crate::facts::report::{Base, Component, Obstacle, Policy, Report, Scan};
use crate::facts::setting::{Enforce, Setting};
use crate::facts::stage::{Gate, Stage};
use crate::facts::verdict::{Outcome, Verdict};
use crate::facts::waiver::{Day, Waiver};
use crate::judge::{self, FileRead, Run};
use crate::order::Order;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::Path;

/// The judges' policies, out of a report's settings.
pub struct Policies {
    pub install: judge::install::Policy,
    pub tests: judge::tests::Policy,
    pub coverage: judge::coverage::Policy,
    /// One for each gate that judges findings.
    pub findings: Vec<judge::findings::Policy>,
}

/// Verdicts derived anew, and what differs from the evidence that the report cites.
pub struct Derived {
    pub verdicts: Vec<Verdict>,
    pub differences: Vec<String>,
}

fn setting<T: DeserializeOwned>(policy: &Policy, name: &str) -> Result<Setting<T>, String> {
    let found = policy.get(name).ok_or_else(|| format!("the report's policy has no `{name}`"))?;
    let value = serde_json::from_value(found.value.clone()).map_err(|e| format!("policy `{name}`: {e}"))?;
    Ok(Setting::new(value, found.source.clone()))
}

fn policies(policy: &Policy) -> Result<Policies, String> {
    let enforce = |name: &str| setting::<Enforce>(policy, name);
    let mut paths = Vec::new();
    for name in policy.keys() {
        if let Some(pattern) = name.strip_prefix("coverage.paths ") {
            paths.push((pattern.to_string(), setting::<Percent>(policy, name)?));
        }
    }
    Ok(Policies {
        install: judge::install::Policy { enforce: enforce("install.enforce")? },
        tests: judge::tests::Policy { enforce: enforce("tests.enforce")?, flaky: setting(policy, "tests.flaky")? },
        coverage: judge::coverage::Policy {
            enforce: enforce("coverage.enforce")?,
            lines: setting(policy, "coverage.lines")?,
            branches: setting(policy, "coverage.branches")?,
            changed: setting(policy, "coverage.changed")?,
            drop: setting(policy, "coverage.drop")?,
            paths,
            exclude: setting(policy, "coverage.exclude")?,
        },
        findings: Gate::OF_FINDINGS.into_iter().map(|gate| of_findings(policy, gate)).collect::<Result<_, _>>()?,
    })
}

fn of_findings(policy: &Policy, gate: Gate) -> Result<judge::findings::Policy, String> {
    Ok(judge::findings::Policy {
        gate,
        enforce: setting(policy, &format!("{gate}.enforce"))?,
        fail_on: setting(policy, &format!("{gate}.fail-on"))?,
        judge: setting(policy, &format!("{gate}.judge"))?,
    })
}

/// The stages that a report's policy asks for, and what the gates are judged by.
pub fn asked(policy: &Policy) -> Result<(Vec<Stage>, Policies), String> {
    Ok((setting::<Vec<Stage>>(policy, "stages")?.value, policies(policy)?))
}

impl Policies {
    pub fn enforce(&self, gate: Gate) -> Enforce {
        match gate {
            Gate::Install => self.install.enforce.value,
            Gate::Tests => self.tests.enforce.value,
            Gate::Coverage => self.coverage.enforce.value,
            Gate::Security | Gate::Audit | Gate::Quality | Gate::Secrets => {
                let own = self.findings.iter().find(|policy| policy.gate == gate);
                own.map_or(Enforce::Block, |policy| policy.enforce.value)
            }
        }
    }
}

/// Judges a report's evidence again. `order` is resolved for the same project and base.
pub fn rederive(report: &Report, order: &Order) -> Result<Derived, GateError> {
    let policies = policies(&report.policy).map_err(GateError::Use)?;
    let mut differences = check_digests(report, &order.project)?;
    // What was skipped rests on the configuration or on what is not there: there is no evidence to derive it from.
    let skipped = |v: &Verdict| v.outcome == Outcome::Skipped && !has_evidence(report, v.gate);
    let stands = |gate: Gate| report.verdicts.iter().any(|v| v.gate == gate && !skipped(v));
    let scanned = findings(report, order, &policies, &mut differences)?;
    if !policy_is_off(&report.policy, "matrix.reports") {
        let mut derived = of_legs(report, order, &policies, differences)?;
        derived.verdicts.extend(scanned);
        return Ok(derived);
    }
    let (mut installs, mut tested, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for component in components(report) {
        let install = install(report, component, &order.project)?;
        let ready = install.as_ref().is_none_or(judge::install::Input::is_ready);
        installs
            .extend(install.map(|input| (component.name.clone(), judge::install::judge(&policies.install, &input))));
        if component.installed_only {
            continue;
        }
        let blocked = (!ready).then(|| "the project's dependencies are not installed".to_string());
        let input = tests(report, &component.name, &order.project, blocked.clone())?;
        let run = input.run.clone();
        let verdict = judge::tests::judge(&policies.tests, &input);
        let blocked = blocked.or_else(|| run.and_then(|run| reports::blocked_by(run.ending, &verdict)));
        parts.push((component, blocked));
        tested.push((component.name.clone(), verdict));
    }
    let mut verdicts = Vec::new();
    if stands(Gate::Install) && !installs.is_empty() {
        verdicts.push(judge::together(Gate::Install, policies.install.enforce.value, installs));
    }
    if stands(Gate::Tests) {
        verdicts.push(judge::together(Gate::Tests, policies.tests.enforce.value, tested));
    }
    if stands(Gate::Coverage) {
        let parts = coverage_parts(report, order, parts)?;
        let input = coverage(report, order, parts, true, &mut differences)?;
        verdicts.push(judge::coverage::judge(&policies.coverage, input).0);
    }
    verdicts.extend(scanned);
    Ok(Derived { verdicts, differences })
}

/// The gates that judge findings: every report that their scans cite is read again.
fn findings(
    report: &Report,
    order: &Order,
    policies: &Policies,
    differences: &mut Vec<String>,
) -> Result<Vec<Verdict>, GateError> {
    if report.scans.is_empty() {
        return Ok(Vec::new());
    }
    let (files, _, _) = list_files(order)?;
    let tree = reports::tree(order, &files, &report.components);
    let fresh = match &report.subject.base {
        None => Err("the report has no base".to_string()),
        Some(base) => {
            check_change(base, changes::find(order)?.1, differences);
            changes::fresh(order)?
        }
    };
    let waivers = setting::<Vec<Waiver>>(&report.policy, "waivers").map_err(GateError::Use)?.value;
    let today = Day::of(&report.now).map_err(|why| GateError::Use(format!("the report's `now`: {why}")))?;
    let against = Against { project: &order.project, tree: &tree, fresh: &fresh, waivers: &waivers, today };
    let mut out = Vec::new();
    for policy in &policies.findings {
        let mut nothing = |_: &Finding| {};
        let mut sight = Sight::new(policy, &against, &mut nothing);
        let mut input = judge::findings::Input { no_base: fresh.as_ref().err().cloned(), ..Default::default() };
        for scan in report.scans.iter().filter(|scan| scan.gate == policy.gate) {
            input.parts.push(scan_again(report, order, scan, &mut sight)?);
        }
        if !input.parts.is_empty() {
            out.push(judge::findings::judge(policy, &input, sight.seen));
        }
    }
    Ok(out)
}

fn scan_again(
    report: &Report,
    order: &Order,
    scan: &Scan,
    sight: &mut Sight<'_>,
) -> Result<judge::findings::Part, GateError> {
    let cited = |index: usize| {
        let missing = || GateError::Use(format!("the report cites evidence {index}, which it does not have"));
        report.evidence.get(index).ok_or_else(missing)
    };
    let run = match scan.run {
        Some(index) => Some(run_of(index, cited(index)?)),
        None => None,
    };
    let mut read = Vec::new();
    for &evidence in &scan.reports {
        let item = cited(evidence)?;
        let path = item.path.clone().unwrap_or_default();
        inside(&order.project, &path)?;
        let content = match &item.refused {
            Some(why) => Err(why.clone()),
            None => {
                let each = &mut |found: &Found<'_>| sight.see(scan, found);
                reports::read_findings(&order.project, &mut item.clone(), item.format.as_deref(), each)
            }
        };
        read.push(FileRead { evidence, path, content });
    }
    Ok(part(scan, run, String::new(), read))
}

fn check_change(base: &Base, now: Option<Base>, differences: &mut Vec<String>) {
    if now.as_ref().map(|now| &now.diff_sha256) != Some(&base.diff_sha256) {
        let text = format!("the change against {} is another one than the report judged", base.sha);
        if !differences.contains(&text) {
            differences.push(text);
        }
    }
}

fn policy_is_off(policy: &Policy, name: &str) -> bool {
    policy.get(name).is_none_or(|setting| setting.value.is_null())
}

/// The jobs of a matrix, opened again.
fn of_legs(
    report: &Report,
    order: &Order,
    policies: &Policies,
    mut differences: Vec<String>,
) -> Result<Derived, GateError> {
    let names = setting::<Option<Vec<String>>>(&report.policy, "matrix.legs").map_err(GateError::Use)?.value;
    let cited = report.evidence.iter().filter(|e| e.gate == Gate::Tests && e.format.as_deref() == Some(legs::REPORT));
    let paths: Vec<String> = cited.filter_map(|e| e.path.clone()).collect();
    for path in &paths {
        inside(&order.project, path)?;
    }
    let expected = legs::Expected { legs: names.as_deref(), sha: report.subject.sha.as_deref() };
    let legs = legs::open(&order.project, &paths, &expected);
    let policy = (&policies.install, &policies.tests);
    let read = legs::together(policy, &order.project, &legs, &mut Vec::new(), &mut |_, _| {})?;
    let stands = |gate: Gate| report.verdicts.iter().any(|v| v.gate == gate);
    let mut verdicts: Vec<Verdict> = [read.install, read.tests].into_iter().filter(|v| stands(v.gate)).collect();
    if stands(Gate::Coverage) {
        let input = coverage(report, order, read.parts, false, &mut differences)?;
        verdicts.push(judge::coverage::judge(&policies.coverage, input).0);
    }
    Ok(Derived { verdicts, differences })
}

/// The components that a report tells of; the project itself where it tells of none.
fn components(report: &Report) -> Vec<&Component> {
    static WHOLE: Component = Component {
        name: String::new(),
        ecosystem: String::new(),
        folder: String::new(),
        installed_only: false,
        roots: Vec::new(),
        refused: None,
        no_coverage: None,
        omit: Vec::new(),
    };
    if report.components.is_empty() { vec![&WHOLE] } else { report.components.iter().collect() }
}

/// Every cited file must still be what it was.
fn check_digests(report: &Report, project: &Path) -> Result<Vec<String>, GateError> {
    let mut out = Vec::new();
    for item in &report.evidence {
        let (Some(path), Some(sha256)) = (&item.path, &item.sha256) else { continue };
        let whole = inside(project, path)?;
        match File::open(&whole).and_then(|file| Hashing::new(file).finish()) {
            Ok((now, _)) if now == *sha256 => {}
            Ok((now, _)) => out.push(format!("{path}: sha256 {now}, the report cites {sha256}")),
            Err(error) => out.push(format!("{path}: {error}")),
        }
    }
    Ok(out)
}

/// A cited path must stay inside the project: a report may come from anywhere.
fn inside(project: &Path, path: &str) -> Result<std::path::PathBuf, GateError> {
    let outside = || GateError::Use(format!("the report cites `{path}`, which is outside the project"));
    let relative = Path::new(path);
    if !relative.components().all(|c| matches!(c, std::path::Component::Normal(_))) {
        return Err(outside());
    }
    let whole = project.join(relative);
    match whole.canonicalize() {
        Ok(real) if !real.starts_with(project) => Err(outside()),
        _ => Ok(whole),
    }
}

fn items<'r>(
    report: &'r Report,
    component: &'r str,
    gate: Gate,
    kind: EvidenceKind,
) -> impl Iterator<Item = (usize, &'r Evidence)> {
    let of = move |(_, e): &(usize, &Evidence)| e.gate == gate && e.kind == kind && e.component == component;
    report.evidence.iter().enumerate().filter(of)
}

/// Was anything run or read for a gate? A baseline alone says nothing of this run.
fn has_evidence(report: &Report, gate: Gate) -> bool {
    report.evidence.iter().any(|e| e.gate == gate && e.format.as_deref() != Some("qte-report"))
}

fn runs(report: &Report, component: &str, gate: Gate) -> Vec<Run> {
    items(report, component, gate, EvidenceKind::Command).map(|(evidence, item)| run_of(evidence, item)).collect()
}

fn run_of(evidence: usize, item: &Evidence) -> Run {
    Run { evidence, what: item.tool.clone().unwrap_or_default(), ending: Ending::of(item), tail: Vec::new() }
}

/// What was installed; `None` where the verdict rests on the configuration alone.
fn install(report: &Report, component: &Component, project: &Path) -> Result<Option<judge::install::Input>, GateError> {
    if let Some(Obstacle { found, way_out }) = component.refused.clone().filter(|_| report.components.len() > 1) {
        return Ok(Some(judge::install::Input::Refused { found, way_out }));
    }
    let steps = runs(report, &component.name, Gate::Install);
    let list = items(report, &component.name, Gate::Install, EvidenceKind::File)
        .find(|(_, e)| e.format.as_deref() == Some("packages"));
    let manifests = vec!["the cited declarations".to_string()];
    let packages = match &list {
        Some((_, item)) => {
            let path = inside(project, item.path.as_deref().unwrap_or_default())?;
            let bytes = std::fs::read(&path).map_err(io_error(path.display().to_string()))?;
            let read: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_slice(&bytes);
            read.map_or(0, |map| map.len() as u64)
        }
        None => 0,
    };
    Ok(match (steps.is_empty(), list) {
        (false, _) => Some(judge::install::Input::Ran { manifests, steps, packages }),
        (true, Some((evidence, item))) if item.tool.as_deref() == Some(ACTIVE) => {
            Some(judge::install::Input::Present { manifests, packages, evidence })
        }
        (true, Some((evidence, item))) => Some(judge::install::Input::Reused {
            manifests,
            since: item.written.clone().unwrap_or_default(),
            packages,
            evidence,
        }),
        (true, None) => None,
    })
}

fn tests(
    report: &Report,
    component: &str,
    project: &Path,
    blocked: Option<String>,
) -> Result<judge::tests::Input, GateError> {
    let mut input =
        judge::tests::Input { blocked, run: runs(report, component, Gate::Tests).pop(), ..Default::default() };
    for (evidence, item) in items(report, component, Gate::Tests, EvidenceKind::File) {
        let path = item.path.clone().unwrap_or_default();
        let whole = inside(project, &path)?;
        let mut fresh = item.clone();
        if item.format.as_deref() == Some("reruns") {
            let retried = reports::read_reruns(&whole, &mut fresh).map_err(io_error(path))?;
            (input.retried_passed, input.retried_cases) = (retried.passed, retried.extra_cases);
            continue;
        }
        let content = match &item.refused {
            Some(why) => Err(why.clone()),
            None => reports::read_tests(project, &mut fresh, &mut |_| {}),
        };
        input.reports.push(FileRead { evidence, path, content });
    }
    Ok(input)
}

fn coverage_parts(
    report: &Report,
    order: &Order,
    components: Vec<(&Component, Option<String>)>,
) -> Result<Vec<judge::coverage::Part>, GateError> {
    let mut parts = Vec::new();
    for (component, blocked) in components {
        let mut reports = Vec::new();
        for (evidence, item) in items(report, &component.name, Gate::Coverage, EvidenceKind::File) {
            if item.format.as_deref() == Some(legs::REPORT) {
                continue;
            }
            inside(&order.project, item.path.as_deref().unwrap_or_default())?;
            let content = match &item.refused {
                Some(why) => Err(why.clone()),
                None => reports::read_coverage(&order.project, &mut item.clone()),
            };
            reports.push(FileRead { evidence, path: item.path.clone().unwrap_or_default(), content });
        }
        parts.push(judge::coverage::Part {
            name: component.name.clone(),
            blocked,
            obstacle: component.no_coverage.clone(),
            looked_for: String::new(),
            reports,
        });
    }
    Ok(parts)
}

fn coverage(
    report: &Report,
    order: &Order,
    parts: Vec<judge::coverage::Part>,
    each: bool,
    differences: &mut Vec<String>,
) -> Result<judge::coverage::Input, GateError> {
    let legs = setting::<Option<Vec<String>>>(&report.policy, "matrix.legs").map_err(GateError::Use)?.value;
    let mut baseline = None;
    for (evidence, item) in report.evidence.iter().enumerate() {
        if item.gate == Gate::Coverage && item.format.as_deref() == Some(legs::REPORT) {
            baseline = Some(read_baseline(item, order, &legs)?.map(|counts| (counts, evidence)));
        }
    }
    let (files, _, _) = list_files(order)?;
    let omit = setting::<Vec<String>>(&report.policy, "coverage.omit").map_err(GateError::Use)?;
    let changes = match &report.subject.base {
        None => Err("the report has no base".to_string()),
        Some(base) => {
            let (changes, now) = changes::find(order)?;
            check_change(base, now, differences);
            changes
        }
    };
    Ok(judge::coverage::Input {
        not_applicable: None,
        parts,
        each,
        tree: reports::tree(order, &files, &report.components),
        omit: omit.value,
        changes,
        baseline,
        other_thresholds: Vec::new(),
    })
}

fn read_baseline(
    item: &Evidence,
    order: &Order,
    legs: &Option<Vec<String>>,
) -> Result<Result<CoverageCounts, String>, GateError> {
    if let Some(why) = &item.refused {
        return Ok(Err(why.clone()));
    }
    let whole = inside(&order.project, item.path.as_deref().unwrap_or_default())?;
    Ok(std::fs::read(whole).map_err(|e| e.to_string()).and_then(|bytes| reports::read_baseline(&bytes, legs)))
}
