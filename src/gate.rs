//! The gate line: collect, read, judge, and the report. Strings the rooms together; knows no format and no threshold.

mod changes;
mod collect;
mod command;
mod component;
mod derive;
mod environment;
mod findings;
mod history;
mod legs;
mod reports;
mod scans;

pub use derive::{asked, rederive};

use crate::act::files::{self, JsonLines};
use crate::facts::detail::{Detail, FindingDetail};
use crate::facts::diff::Changes;
use crate::facts::event::Event;
use crate::facts::fresh::Fresh;
use crate::facts::history::History;
use crate::facts::report::{self, Base, Details, PolicyValue, Report, SCHEMA, Timing, Tool};
use crate::facts::secret::hide;
use crate::facts::setting::Source;
use crate::facts::stage::{Gate, Stage};
use crate::facts::tree::Tree;
use crate::facts::verdict::{Outcome, Reason, Verdict};
use crate::facts::waiver::Day;
use crate::judge;
use crate::order::Order;
use collect::Collected;
use findings::Against;
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
        self.span(what, from, from.elapsed().as_secs_f64());
    }

    fn span(&mut self, what: &str, from: Instant, seconds: f64) {
        let start = (from - self.start).as_secs_f64();
        self.timings.push(Timing { what: what.into(), start, seconds });
    }
}

/// Runs the gates of an order.
pub async fn run(order: &Order, tell: &mut dyn FnMut(Event)) -> Result<Report, GateError> {
    let now = SystemTime::now();
    let mut clock = Clock { start: Instant::now(), timings: Vec::new() };
    let details_path = details_path(&order.report);
    // Read first: it may be the last run's report.
    let baseline = order.baseline.as_ref().map(|path| reports::read_whole(path));
    let (history, no_history) = history::before(order, baseline.as_ref());
    // Were this run to be stopped, an earlier one's report would be taken for its own.
    for old in [&order.report, &details_path] {
        files::remove(old).map_err(io_error(old.display().to_string()))?;
    }
    let details = JsonLines::create(&details_path, &order.publishing.secrets).map_err(|error| {
        GateError::Use(format!("the report cannot be written: {}: {error}", details_path.display()))
    })?;
    // Before any code of the project runs: git would run programs that a test wrote into its configuration, and what a
    // test changes is no change of the commit's.
    let change = Change::of(order)?;
    let collected = collect::collect(order, &mut clock, tell).await?;
    let tree = reports::tree(order, &collected.files, &collected.facts());
    let mut judging = Judging { order, clock, tell, details, details_path, history, collected, verdicts: Vec::new() };
    let coverage = judging.stage_1a(&tree, no_history)?;
    if let Some(changes) = change.lines {
        judging.coverage(&tree, coverage, baseline, changes)?;
    }
    if let Some(fresh) = &change.fresh {
        judging.findings(&tree, fresh, &files::rfc3339(now))?;
    }
    judging.report(now, change.base)
}

/// What the change against the base is, as far as the gates ask.
struct Change {
    base: Option<Base>,
    /// For coverage.
    lines: Option<Result<Changes, String>>,
    /// For the gates that judge findings.
    fresh: Option<Result<Fresh, String>>,
}

impl Change {
    fn of(order: &Order) -> Result<Change, GateError> {
        let asks = |gate: &Gate| order.stages.value.contains(&gate.stage());
        let (coverage, findings) = (asks(&Gate::Coverage), Gate::OF_FINDINGS.iter().any(asks));
        let (lines, base) = match coverage || findings {
            true => changes::find(order).map(|(lines, base)| (Some(lines), base))?,
            false => (None, None),
        };
        let fresh = if findings { Some(changes::fresh(order)?) } else { None };
        Ok(Change { base, lines: lines.filter(|_| coverage), fresh })
    }
}

/// A run whose evidence lies there, on its way to the report.
struct Judging<'r> {
    order: &'r Order,
    clock: Clock,
    tell: &'r mut dyn FnMut(Event),
    details: JsonLines,
    details_path: PathBuf,
    history: History,
    collected: Collected,
    verdicts: Vec<Verdict>,
}

impl Judging<'_> {
    fn asks(&self, gate: Gate) -> bool {
        self.order.stages.value.contains(&gate.stage())
    }

    /// What the runs' own tests say; gives what stage 1B goes on with.
    fn stage_1a(&mut self, tree: &Tree, no_history: Option<String>) -> Result<Parts, GateError> {
        if !self.asks(Gate::Tests) && !self.asks(Gate::Coverage) {
            return Ok(Parts::Read(Vec::new()));
        }
        let reading = Instant::now();
        let (order, collected) = (self.order, &mut self.collected);
        let mut read = match collected.legs.is_empty() {
            true => own(order, collected, tree, &mut self.details, &mut self.history)?,
            false => of_legs(order, collected, &mut self.details, &mut self.history)?,
        };
        history::tell(&mut read.tests, &self.history, no_history);
        let seconds = self.collected.tests_seconds + reading.elapsed().as_secs_f64();
        if self.asks(Gate::Install) {
            self.settle(read.install, self.collected.install_seconds);
        }
        if self.asks(Gate::Tests) {
            self.settle(read.tests, seconds);
        }
        Ok(read.coverage)
    }

    fn coverage(
        &mut self,
        tree: &Tree,
        parts: Parts,
        baseline: Option<Result<Vec<u8>, String>>,
        changes: Result<Changes, String>,
    ) -> Result<(), GateError> {
        let reading = Instant::now();
        let parts = match parts {
            Parts::Read(parts) => parts,
            Parts::Blocked(blocked) => reports::coverage_parts(self.order, &mut self.collected, blocked)?,
        };
        let input = reports::coverage(self.order, &mut self.collected, tree, parts, baseline, changes)?;
        let (verdict, merged) = judge::coverage::judge(&self.order.coverage.policy, input);
        reports::write_files(&mut self.details, &merged).map_err(self.fault())?;
        if matches!(verdict.outcome, Outcome::Pass | Outcome::Fail) {
            (self.tell)(reports::file_rows(&merged));
        }
        self.settle(verdict, reading.elapsed().as_secs_f64());
        Ok(())
    }

    /// What the scanning tools found.
    fn findings(&mut self, tree: &Tree, fresh: &Result<Fresh, String>, now: &str) -> Result<(), GateError> {
        let order = self.order;
        let today = Day::of(now).map_err(|why| GateError::Use(format!("the clock: {why}")))?;
        let against = Against { project: &order.project, tree, fresh, waivers: &order.waivers.value, today };
        for gate in Gate::OF_FINDINGS.into_iter().filter(|gate| order.stages.value.contains(&gate.stage())) {
            let Some(scan) = order.scan(gate) else { continue };
            let reading = Instant::now();
            let mut planned = std::mem::take(&mut self.collected.planned);
            let verdict =
                findings::judge(order, &mut self.collected, &mut planned, &scan.policy, &against, &mut self.details)?;
            let (from, to) = planned.span(gate).unwrap_or((reading, reading));
            let seconds = (to - from + reading.elapsed()).as_secs_f64();
            self.collected.planned = planned;
            self.settle_from((from - self.clock.start).as_secs_f64(), verdict, seconds);
        }
        Ok(())
    }

    fn settle(&mut self, verdict: Verdict, seconds: f64) {
        let start = (self.clock.start.elapsed().as_secs_f64() - seconds).max(0.0);
        self.settle_from(start, verdict, seconds);
    }

    /// `start` in seconds since the start of the run.
    fn settle_from(&mut self, start: f64, verdict: Verdict, seconds: f64) {
        self.clock.timings.push(Timing { what: verdict.gate.id().into(), start, seconds });
        (self.tell)(Event::Judged(Box::new(verdict.clone()), seconds));
        self.verdicts.push(verdict);
    }

    fn fault(&self) -> impl FnOnce(io::Error) -> GateError + use<> {
        io_error(self.details_path.display().to_string())
    }

    /// Ends the details and puts everything together.
    fn report(mut self, now: SystemTime, base: Option<Base>) -> Result<Report, GateError> {
        // The gates that judge findings wrote theirs while they read them.
        let others = self.verdicts.iter().filter(|verdict| !Gate::OF_FINDINGS.contains(&verdict.gate));
        for (gate, finding) in others.flat_map(|v| v.findings.iter().map(move |finding| (v.gate, finding))) {
            let line = Detail::Finding(FindingDetail { gate, finding: Cow::Borrowed(finding) });
            self.details.push(&line).map_err(io_error(self.details_path.display().to_string()))?;
        }
        for line in self.history.lines() {
            self.details.push(&Detail::History(line)).map_err(io_error(self.details_path.display().to_string()))?;
        }
        let fault = self.fault();
        let sha256 = self.details.finish().map_err(fault)?;
        let details = Details { path: file_name(&self.details_path), sha256 };
        Ok(assemble(self.order, now, self.clock, self.collected, self.verdicts, base, details))
    }
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
        scans: collected.planned.jobs.into_iter().map(|job| job.scan).collect(),
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
