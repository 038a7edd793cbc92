//! The gate line: collect, read, judge, and the report. Strings the rooms together; knows no format and no threshold.

mod changes;
mod collect;
mod command;
mod component;
mod derive;
mod environment;
mod history;
mod legs;
mod reports;

pub use derive::{asked, rederive};

use crate::act::files::{self, JsonLines};
use crate::facts::detail::{Detail, FindingDetail};
use crate::facts::event::Event;
use crate::facts::history::History;
use crate::facts::report::{self, Base, Details, PolicyValue, Report, SCHEMA, Timing, Tool};
use crate::facts::secret::hide;
use crate::facts::setting::Source;
use crate::facts::stage::{Gate, Stage};
use crate::facts::tree::Tree;
use crate::facts::verdict::{Outcome, Reason, Verdict};
use crate::judge;
use crate::order::Order;
use collect::Collected;
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// The folder of a run's own files, inside the project.
pub const EVIDENCE_FOLDER: &str = "qte-evidence";
/// Where, in that folder, reports go that lay in the way of a run's own.
const BEFORE: &str = "before";

/// What stops a run before it has a report. Everything else is a verdict.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Wrong use: exit code 2.
    #[error("{0}")]
    Use(String),
    /// Our own fault, or the machine's: exit code 70.
    #[error("{what}: {error}")]
    Io { what: String, error: io::Error },
}

pub(crate) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> GateError {
    let what = what.into();
    move |error| GateError::Io { what, error }
}

/// Measures how long the parts of a run take.
pub(crate) struct Clock {
    start: Instant,
    timings: Vec<Timing>,
}

impl Clock {
    /// Notes a part that began at `from` and ends now.
    fn lap(&mut self, what: &str, from: Instant) {
        let start = (from - self.start).as_secs_f64();
        self.timings.push(Timing { what: what.into(), start, seconds: from.elapsed().as_secs_f64() });
    }
}

/// Runs the gates of an order.
pub async fn run(order: &Order, tell: &mut dyn FnMut(Event)) -> Result<Report, GateError> {
    let now = SystemTime::now();
    let mut clock = Clock { start: Instant::now(), timings: Vec::new() };
    let details_path = details_path(&order.report);
    // Read first: it may be the last run's report.
    let baseline = order.baseline.as_ref().map(|path| reports::read_whole(path));
    let (mut history, no_history) = history::before(order, baseline.as_ref());
    // Were this run to be stopped, an earlier one's report would be taken for its own.
    for old in [&order.report, &details_path] {
        files::remove(old).map_err(io_error(old.display().to_string()))?;
    }
    let mut details = JsonLines::create(&details_path, &order.publishing.secrets).map_err(|error| {
        GateError::Use(format!("the report cannot be written: {}: {error}", details_path.display()))
    })?;
    // Before any code of the project runs: git would run programs that a test wrote into its configuration, and what a
    // test changes is no change of the commit's.
    let wanted = |gate: Gate| order.stages.value.contains(&gate.stage());
    let changes = if wanted(Gate::Coverage) { Some(changes::find(order)?) } else { None };
    let mut collected = collect::collect(order, &mut clock, tell).await?;
    let mut verdicts = Vec::new();
    let tree = reports::tree(order, &collected.files, &collected.facts());
    let reading = Instant::now();
    let mut read = match collected.legs.is_empty() {
        true => own(order, &mut collected, &tree, &mut details, &mut history)?,
        false => of_legs(order, &mut collected, &mut details, &mut history)?,
    };
    history::tell(&mut read.tests, &history, no_history);
    if wanted(Gate::Install) {
        settle(&mut verdicts, read.install, collected.install_seconds, &mut clock, tell);
    }
    let seconds = collected.tests_seconds + reading.elapsed().as_secs_f64();
    if wanted(Gate::Tests) {
        settle(&mut verdicts, read.tests, seconds, &mut clock, tell);
    }
    let mut base = None;
    if let Some(changes) = changes {
        let reading = Instant::now();
        let parts = match read.coverage {
            Parts::Read(parts) => parts,
            Parts::Blocked(blocked) => reports::coverage_parts(order, &mut collected, blocked)?,
        };
        let (input, found) = reports::coverage(order, &mut collected, tree, parts, baseline, changes)?;
        base = found;
        let (verdict, merged) = judge::coverage::judge(&order.coverage.policy, input);
        reports::write_files(&mut details, &merged).map_err(io_error(details_path.display().to_string()))?;
        if matches!(verdict.outcome, Outcome::Pass | Outcome::Fail) {
            tell(reports::file_rows(&merged));
        }
        settle(&mut verdicts, verdict, reading.elapsed().as_secs_f64(), &mut clock, tell);
    }
    for finding in verdicts.iter().flat_map(|v| v.findings.iter().map(move |f| (v.gate, f))) {
        let line = Detail::Finding(FindingDetail { gate: finding.0, finding: Cow::Borrowed(finding.1) });
        details.push(&line).map_err(io_error(details_path.display().to_string()))?;
    }
    for line in history.lines() {
        details.push(&Detail::History(line)).map_err(io_error(details_path.display().to_string()))?;
    }
    let sha256 = details.finish().map_err(io_error(details_path.display().to_string()))?;
    let details = Details { path: file_name(&details_path), sha256 };
    Ok(assemble(order, now, clock, collected, verdicts, base, details))
}

/// The dependencies of all components.
fn install(order: &Order, collected: &Collected) -> Verdict {
    let policy = &order.install.policy;
    let installed = collected.components.iter().filter_map(|c| Some((c, c.install.as_ref()?)));
    let parts = installed.map(|(c, input)| (c.name.clone(), judge::install::judge(policy, input))).collect();
    judge::together(Gate::Install, policy.enforce.value, parts)
}

/// What stage 1A says, and what stage 1B goes on with.
struct Judged {
    install: Verdict,
    tests: Verdict,
    coverage: Parts,
}

enum Parts {
    /// For each component with tests why its coverage cannot be relied on, where it cannot.
    Blocked(Vec<(usize, Option<String>)>),
    /// Of the jobs of a matrix: read already, with their tests.
    Read(Vec<judge::coverage::Part>),
}

/// The jobs of a matrix.
fn of_legs(
    order: &Order,
    collected: &mut Collected,
    details: &mut JsonLines,
    history: &mut History,
) -> Result<Judged, GateError> {
    let policies = (&order.install.policy, &order.tests.policy);
    let mut failed: Option<io::Error> = None;
    let mut each = reports::each_case(details, history, &mut failed);
    let read = legs::together(policies, &order.project, &collected.legs, &mut collected.evidence, &mut each)?;
    drop(each);
    match failed {
        Some(error) => Err(io_error("the details file")(error)),
        None => Ok(Judged { install: read.install, tests: read.tests, coverage: Parts::Read(read.parts) }),
    }
}

/// The components of the project.
fn own(
    order: &Order,
    collected: &mut Collected,
    tree: &Tree,
    details: &mut JsonLines,
    history: &mut History,
) -> Result<Judged, GateError> {
    let policy = &order.tests.policy;
    let (mut parts, mut blocked) = (Vec::new(), Vec::new());
    for at in 0..collected.components.len() {
        if !collected.components[at].is_tested {
            continue;
        }
        let input = reports::tests(order, collected, at, tree, details, history)?;
        let component = &collected.components[at];
        let verdict = judge::tests::judge(policy, &input);
        blocked.push((at, reports::coverage_blocked(component, &verdict)));
        parts.push((component.name.clone(), verdict));
    }
    let mut verdict = judge::together(Gate::Tests, policy.enforce.value, parts);
    if !collected.uncovered.is_empty() {
        let text = format!("covered by no gate: {}", collected.uncovered.join("; "));
        verdict.reasons.push(Reason { text, evidence: Vec::new() });
    }
    Ok(Judged { install: install(order, collected), tests: verdict, coverage: Parts::Blocked(blocked) })
}

/// `qte-report.json` has `qte-report-details.jsonl` beside it.
fn details_path(report: &Path) -> PathBuf {
    let stem = report.file_stem().map_or("qte-report".into(), |s| s.to_string_lossy().into_owned());
    report.with_file_name(format!("{stem}-details.jsonl"))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

fn settle(verdicts: &mut Vec<Verdict>, verdict: Verdict, seconds: f64, clock: &mut Clock, tell: &mut dyn FnMut(Event)) {
    let start = (clock.start.elapsed().as_secs_f64() - seconds).max(0.0);
    clock.timings.push(Timing { what: verdict.gate.id().into(), start, seconds });
    tell(Event::Judged(Box::new(verdict.clone()), seconds));
    verdicts.push(verdict);
}

fn assemble(
    order: &Order,
    now: SystemTime,
    clock: Clock,
    collected: collect::Collected,
    verdicts: Vec<Verdict>,
    base: Option<Base>,
    details: Details,
) -> Report {
    let mut policy = order.policy.clone();
    let omit = serde_json::Value::from(collected.omit());
    policy.insert("coverage.omit".into(), PolicyValue { value: omit, source: Source::Default });
    let policy_text = serde_json::to_vec(&policy).expect("settings are plain data");
    let mut subject = order.subject.clone();
    subject.base = base;
    Report {
        schema: SCHEMA.into(),
        tool: Tool { version: env!("CARGO_PKG_VERSION").into(), commit: option_env!("QTE_COMMIT").map(str::to_string) },
        now: files::rfc3339(now),
        seconds: clock.start.elapsed().as_secs_f64(),
        outcome: report::outcome(&verdicts),
        subject,
        policy_sha256: files::sha256(&policy_text),
        policy,
        looser: order.looser.clone(),
        components: collected.facts(),
        uncovered: collected.uncovered,
        verdicts,
        evidence: collected.evidence,
        timings: clock.timings,
        details,
    }
}

/// Writes the report, without the secrets; its details stand beside it already. Gives what was written, and its digest:
/// whatever is told from here on holds no secret, however it is escaped.
pub fn write(report: &Report, path: &Path, secrets: &[String]) -> Result<(Report, String), GateError> {
    let fault = |error: serde_json::Error| GateError::Io { what: "report".into(), error: error.into() };
    let text = hide(&serde_json::to_string_pretty(report).map_err(fault)?, secrets) + "\n";
    files::write_whole(path, text.as_bytes()).map_err(io_error(path.display().to_string()))?;
    Ok((serde_json::from_str(&text).map_err(fault)?, files::sha256(text.as_bytes())))
}

/// The stages in order, for people.
pub fn stage_list(stages: &[Stage]) -> String {
    stages.iter().map(|s| s.id()).collect::<Vec<_>>().join(", ")
}
