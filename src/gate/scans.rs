//! The scanning tools of stages 2A and 2B: which are run, how each gets onto the machine, and their runs side by side.

use super::collect::{Collected, move_aside, project_environment, site};
use super::command::{Task, one_command, shell};
use super::component::Component;
use super::{EVIDENCE_FOLDER, GateError, io_error};
use crate::act::files;
use crate::act::project::scan::{Installed, Look, Pins, Scan, Scans, Setup};
use crate::act::project::{self, Command, Found, ProjectError, Survey, secrets};
use crate::facts::event::Event;
use crate::facts::evidence::{Ending, Evidence};
use crate::facts::pattern::of_reports;
use crate::facts::report;
use crate::facts::stage::Gate;
use crate::facts::tree;
use crate::judge::Run;
use crate::judge::install::Input as Install;
use crate::order::{Order, ScanOrder};
use futures_util::stream::{self, StreamExt};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::OnceCell;

/// Where, in the evidence folder, the tools write.
const FOLDER: &str = "scans";

/// One tool's look at one part of the project: planned, then run, then read.
pub struct Job {
    pub scan: report::Scan,
    /// The name of its component.
    pub component: String,
    /// Patterns of the reports to read, below the project; some with a format's name in front.
    pub patterns: Vec<String>,
    /// The command that was run, and when it began.
    pub run: Option<Run>,
    pub began: Option<SystemTime>,
    /// From the first step of its setup to the end of its command.
    pub span: Option<(Instant, Instant)>,
    todo: Option<Todo>,
    evidence: Vec<Evidence>,
}

/// A command that is still to be run.
struct Todo {
    setup: Option<Setup>,
    command: Command,
    log: String,
    /// Where its output goes, absolute.
    folder: PathBuf,
    timeout_s: u64,
}

/// The tools that will look, and what none of ours looks at.
#[derive(Default)]
pub struct Planned {
    pub jobs: Vec<Job>,
    pub uncovered: Vec<(Gate, String)>,
}

/// Decides, for every gate that is asked for, what looks at what.
pub fn plan(
    order: &Order,
    collected: &Collected,
    folder: &Path,
    tell: &mut dyn FnMut(Event),
) -> Result<Planned, GateError> {
    let mut out = Planned::default();
    let wanted = Gate::OF_FINDINGS.into_iter().filter(|gate| order.stages.value.contains(&gate.stage()));
    let (mut own, folder) = (Vec::new(), folder.join(FOLDER));
    for gate in wanted {
        let Some(scan) = order.scan(gate) else { continue };
        match (&scan.run.value, &scan.reports.value) {
            (Some(run), reports) => {
                out.jobs.push(configured(order, collected, scan, run, reports.as_deref(), &folder, tell)?);
            }
            (None, Some(patterns)) => out.jobs.push(Job::reading(report::Scan::new(gate, "", ""), patterns.clone())),
            (None, None) => own.push(gate),
        }
    }
    if own.is_empty() {
        return Ok(out);
    }
    let whole = site(order, String::new(), collected.files.clone(), folder.clone());
    let survey = match project::survey(&whole, &order.components.exclude.value) {
        Ok(survey) => survey,
        Err(error) => {
            out.jobs.extend(own.into_iter().map(|gate| blocked(gate, "", "", one_line(&error))));
            return Ok(out);
        }
    };
    let pins = Pins(order.tools.iter().map(|(name, version)| (name.clone(), version.value.clone())).collect());
    for found in &survey.found {
        detected(order, collected, &survey, found, (&folder, &pins, &own), &mut out)?;
    }
    if own.contains(&Gate::Audit) {
        out.uncovered.extend(locks_outside(&survey, &collected.files).map(|text| (Gate::Audit, text)));
    }
    if own.contains(&Gate::Secrets) {
        let base = order.base.as_ref().ok().filter(|_| order.repository.is_some()).map(|base| base.sha.as_str());
        let look = Look::new(&whole, None, &pins, Installed::Nothing);
        let scans = secrets::scans(&look, base, &collected.vendored);
        add(order, Gate::Secrets, ("", ""), &folder, scans, &mut out);
    }
    folders(&out.jobs)?;
    Ok(out)
}

/// Lock files beside no component: what they lock is installed and audited by nobody.
fn locks_outside<'a>(survey: &'a Survey, files: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string());
    let is_component = move |path: &str| survey.found.iter().any(|found| found.folder == folder(path));
    let outside = files.iter().filter(move |path| tree::is_lock(path) && !is_component(path));
    outside.map(|path| format!("{path} is of no component that qte-ci knows, and audited by nobody"))
}

/// What looks at one component.
fn detected(
    order: &Order,
    collected: &Collected,
    survey: &Survey,
    found: &Found,
    (folder, pins, gates): (&Path, &Pins, &[Gate]),
    out: &mut Planned,
) -> Result<(), GateError> {
    let name = if survey.found.len() == 1 { String::new() } else { found.name(&survey.found) };
    let folder = if name.is_empty() { folder.to_path_buf() } else { folder.join(name.replace(['/', ':'], "-")) };
    let site = site(order, found.folder.clone(), survey.files_of(found, &collected.files), folder.clone());
    let component = collected.components.iter().find(|c| c.ecosystem == found.ecosystem && c.folder == found.folder);
    // Where the tests are not ours to run, nothing was planned for them.
    let own_plan = match component.and_then(|c| c.plan.as_ref()) {
        Some(_) => None,
        None => project::plan(found.ecosystem, &site).ok().flatten(),
    };
    let plan = component.and_then(|c| c.plan.as_ref()).or(own_plan.as_ref());
    let look = Look::new(&site, plan, pins, installed(collected, component));
    for gate in gates.iter().copied().filter(|gate| *gate != Gate::Secrets) {
        let scans = project::scans(found.ecosystem, gate, &look);
        add(order, gate, (&name, &found.folder), &folder, scans, out);
    }
    Ok(())
}

/// What became of a component's dependencies, as far as this run knows.
fn installed(collected: &Collected, component: Option<&Component>) -> Installed {
    let Some(component) = component else { return Installed::Active };
    match &component.install {
        Some(Install::Present { .. }) => Installed::Active,
        Some(Install::NotApplicable(_)) if component.plan.is_none() => Installed::Nothing,
        Some(Install::NotApplicable(_)) => Installed::Active,
        Some(install) if install.is_ready() => Installed::Own,
        Some(_) => Installed::Failed,
        None if component.refused.is_some() => Installed::Failed,
        // Installed with another component, as a workspace is.
        None if collected.components.iter().all(Component::is_ready) => Installed::Own,
        None => Installed::Failed,
    }
}

/// Makes the jobs of one gate in one component.
fn add(
    order: &Order,
    gate: Gate,
    (component, folder): (&str, &str),
    evidence: &Path,
    scans: Result<Scans, ProjectError>,
    out: &mut Planned,
) {
    let named = |tool: &str| if component.is_empty() { tool.to_string() } else { format!("{component}: {tool}") };
    let shown = if component.is_empty() { String::new() } else { format!("{component}: ") };
    match scans {
        Ok(Scans::Tools(tools)) => {
            for tool in tools {
                let name = named(tool.tool) + if tool.of_commits { ", commits" } else { "" };
                out.jobs.push(Job::of(order, gate, name, (component, folder), evidence, tool));
            }
        }
        Ok(Scans::NotApplicable(why)) => {
            let mut job = Job::reading(report::Scan::new(gate, component, folder), Vec::new());
            job.scan.not_applicable = Some(why);
            out.jobs.push(job);
        }
        Ok(Scans::NoTool(why)) => out.uncovered.push((gate, shown + &why)),
        Ok(Scans::Blocked(tool, why)) => out.jobs.push(blocked(gate, &named(tool), folder, why)),
        Err(error) => out.jobs.push(blocked(gate, component, folder, one_line(&error))),
    }
}

fn one_line(error: &ProjectError) -> String {
    format!("{}: {} ({})", error.file, error.found, error.help)
}

fn blocked(gate: Gate, name: &str, folder: &str, why: String) -> Job {
    let mut job = Job::reading(report::Scan::new(gate, name, folder), Vec::new());
    job.scan.blocked = Some(why);
    job
}

/// A command of the user's own, with the project's environment active and a path for its report as a variable.
fn configured(
    order: &Order,
    collected: &Collected,
    scan: &ScanOrder,
    run: &str,
    reports: Option<&[String]>,
    folder: &Path,
    tell: &mut dyn FnMut(Event),
) -> Result<Job, GateError> {
    let gate = scan.policy.gate;
    let file = format!("{gate}-report");
    let mut env = project_environment(order, collected.components.iter().find(|c| c.ecosystem == "python"));
    env.push(("QTE_REPORT".into(), Some(folder.join(&file).display().to_string())));
    let patterns = reports.map_or_else(|| vec![format!("{EVIDENCE_FOLDER}/{FOLDER}/{file}")], <[String]>::to_vec);
    let plain: Vec<String> = patterns.iter().map(|text| of_reports(text).1.to_string()).collect();
    move_aside(order, &collected.tracked, &plain, tell)?;
    let mut job = Job::reading(report::Scan::new(gate, "", ""), patterns);
    job.todo = Some(Todo {
        setup: None,
        command: shell(run, &order.project, env, format!("`{run}`")),
        log: format!("{gate}.log"),
        folder: folder.to_path_buf(),
        timeout_s: scan.timeout_s.value,
    });
    folders(std::slice::from_ref(&job))?;
    Ok(job)
}

/// The folders that the commands write to.
fn folders(jobs: &[Job]) -> Result<(), GateError> {
    for todo in jobs.iter().filter_map(|job| job.todo.as_ref()) {
        fs::create_dir_all(&todo.folder).map_err(io_error(todo.folder.display().to_string()))?;
    }
    Ok(())
}

impl Job {
    /// One that only reads what is there.
    fn reading(scan: report::Scan, patterns: Vec<String>) -> Job {
        Job {
            scan,
            component: String::new(),
            patterns,
            run: None,
            began: None,
            span: None,
            todo: None,
            evidence: Vec::new(),
        }
    }

    /// One of a tool that we know.
    fn of(
        order: &Order,
        gate: Gate,
        name: String,
        (component, folder): (&str, &str),
        evidence: &Path,
        tool: Scan,
    ) -> Job {
        let mut scan = report::Scan::new(gate, name, folder);
        scan.found = Some(tool.found.to_vec());
        scan.of_commits = tool.of_commits;
        let log = tool.report.rsplit('/').next().unwrap_or(tool.tool).replace(".json", ".log");
        let mut job = Job::reading(scan, vec![format!("{}={}", tool.format, tool.report)]);
        job.component = component.into();
        job.todo = Some(Todo {
            setup: tool.setup,
            command: tool.command,
            log,
            folder: evidence.to_path_buf(),
            timeout_s: order.scan(gate).map_or(600, |scan| scan.timeout_s.value),
        });
        job
    }
}

type Tell<'a, 't> = RefCell<&'a mut (dyn FnMut(Event) + 't)>;

/// Runs what is planned, as many tools at a time as were asked for.
pub async fn run(order: &Order, jobs: &mut [Job], tell: &Tell<'_, '_>) -> Result<(), GateError> {
    let setups = Setups::of(jobs);
    let waiting = jobs.iter_mut().filter(|job| job.todo.is_some());
    let mut running = stream::iter(waiting.map(|job| one(job, &setups, tell))).buffer_unordered(order.jobs);
    while let Some(done) = running.next().await {
        done?;
    }
    Ok(())
}

impl Planned {
    /// From when to when the tools of a gate ran, where any did.
    pub fn span(&self, gate: Gate) -> Option<(Instant, Instant)> {
        let spans = self.jobs.iter().filter(|job| job.scan.gate == gate).filter_map(|job| job.span);
        spans.reduce(|(from, to), (other_from, other_to)| (from.min(other_from), to.max(other_to)))
    }
}

/// Gives what the jobs gathered to the report, in their order.
pub fn settle(jobs: &mut [Job], evidence: &mut Vec<Evidence>) {
    for job in jobs {
        let first = evidence.len();
        evidence.append(&mut job.evidence);
        if let Some(run) = &mut job.run {
            run.evidence += first;
            job.scan.run = Some(run.evidence);
        }
    }
}

async fn one(job: &mut Job, setups: &Setups, tell: &Tell<'_, '_>) -> Result<(), GateError> {
    let Some(todo) = job.todo.take() else { return Ok(()) };
    let from = Instant::now();
    let gate = job.scan.gate;
    let task = Task { gate, component: job.component.clone(), folder: todo.folder.clone(), timeout_s: todo.timeout_s };
    let mut tell = |event: Event| (tell.borrow_mut())(event);
    if let Some(setup) = &todo.setup
        && let Some(why) = setups.make(setup, &task, &mut job.evidence, &mut tell).await?
    {
        job.scan.blocked = Some(why);
        job.span = Some((from, Instant::now()));
        return Ok(());
    }
    tell(Event::Started { gate, what: format!("running {}", todo.command.what) });
    job.began = Some(SystemTime::now());
    job.run = Some(one_command(&task, &todo.command, &todo.log, &mut job.evidence, &mut tell).await?);
    job.span = Some((from, Instant::now()));
    Ok(())
}

/// The tools that this run makes or waits for, each once: why one cannot be had, where it cannot.
struct Setups(BTreeMap<PathBuf, OnceCell<Option<String>>>);

impl Setups {
    fn of(jobs: &[Job]) -> Setups {
        let all = jobs.iter().filter_map(|job| job.todo.as_ref()?.setup.as_ref());
        Setups(all.map(|setup| (setup.folder.clone(), OnceCell::new())).collect())
    }

    async fn make(
        &self,
        setup: &Setup,
        task: &Task,
        evidence: &mut Vec<Evidence>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Option<String>, GateError> {
        let Some(cell) = self.0.get(&setup.folder) else { return Ok(None) };
        let made = cell.get_or_try_init(|| make(setup, task, evidence, tell)).await?;
        Ok(made.clone())
    }
}

/// A tool of ours: used again, or made. Gives why it cannot be had.
async fn make(
    setup: &Setup,
    task: &Task,
    evidence: &mut Vec<Evidence>,
    tell: &mut dyn FnMut(Event),
) -> Result<Option<String>, GateError> {
    let folder = &setup.folder;
    let beside = |end: &str| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        folder.with_file_name(format!("{name}.{end}"))
    };
    let fault = || io_error(folder.display().to_string());
    fs::create_dir_all(folder.parent().unwrap_or(Path::new("/"))).map_err(fault())?;
    // Held until the tool is there: two runs must not make the same one.
    let _lock = locked(&beside("lock")).await.map_err(fault())?;
    let marker = beside("complete");
    if marker.exists() && folder.exists() {
        return Ok(None);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(fault())?;
    }
    for (number, step) in setup.steps.iter().enumerate() {
        tell(Event::Started { gate: task.gate, what: step.what.clone() });
        let log = format!("{}-{}.log", folder.file_name().unwrap_or_default().to_string_lossy(), number + 1);
        let run = one_command(task, step, &log, evidence, tell).await?;
        if run.ending != Ending::Exit(0) {
            let said: Vec<&str> = run.tail.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
            let last = said.last().map_or(String::new(), |line| format!(": {line}"));
            return Ok(Some(format!("could not {} ({}){last}", step.what, run.ending)));
        }
    }
    files::write_whole(&marker, b"").map_err(fault())?;
    Ok(None)
}

/// Waits without holding up what runs beside it.
async fn locked(path: &Path) -> std::io::Result<fs::File> {
    let file = fs::File::create(path)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
}
