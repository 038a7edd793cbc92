//! Collecting: the evidence folder, the project's files, its environment, one run of its tests.

use super::{BEFORE, Clock, EVIDENCE_FOLDER, GateError, io_error};
use crate::act::files;
use crate::act::process::{self, Done};
use crate::act::project::{self, Command, Host, Layout, Project};
use crate::config::Environment;
use crate::facts::event::Event;
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::pattern::any_of;
use crate::facts::stage::Gate;
use crate::judge::Run;
use crate::judge::install::Input as Install;
use crate::order::Order;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// What a run left to be read.
pub struct Collected {
    pub evidence: Vec<Evidence>,
    pub install: Install,
    pub install_seconds: f64,
    pub tests_seconds: f64,
    pub run: Option<Run>,
    /// When the test command began; reports may not be older.
    pub began: Option<SystemTime>,
    /// Where test and coverage reports are looked for: patterns below the project.
    pub test_reports: Vec<String>,
    pub coverage_reports: Vec<String>,
    /// Reports that lay there before the command and were moved aside.
    pub moved: Vec<String>,
    /// The project's files, relative, without vendored environments.
    pub files: Vec<String>,
    pub tracked: BTreeSet<String>,
    pub plan: Option<Project>,
    /// Why the project has nothing that we know how to run.
    pub not_applicable: Option<String>,
    pub reruns: Option<PathBuf>,
}

impl Collected {
    /// What the project's own coverage configuration leaves out.
    pub fn omit(&self) -> Vec<String> {
        self.plan.as_ref().map(|p| p.omit.clone()).unwrap_or_default()
    }
}

/// How the tests' reports come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By the project's own tools, as detected.
    Detected,
    /// By the configured command.
    Command,
    /// Earlier steps wrote them; nothing is run.
    Ingest,
}

fn way(order: &Order) -> Way {
    match (&order.tests.run.value, &order.tests.reports.value) {
        (Some(_), _) => Way::Command,
        (None, Some(_)) => Way::Ingest,
        (None, None) => Way::Detected,
    }
}

pub async fn collect(order: &Order, clock: &mut Clock, tell: &mut dyn FnMut(Event)) -> Result<Collected, GateError> {
    let evidence = evidence_folder(&order.project)?;
    let (files, tracked, vendored) = list_files(order)?;
    if !vendored.is_empty() {
        tell(Event::Note(format!("left out of file discovery: {}", vendored.join(", "))));
    }
    let mut out = Collected {
        evidence: Vec::new(),
        install: Install::NotApplicable("nothing is run: reports of earlier steps are read".into()),
        install_seconds: 0.0,
        tests_seconds: 0.0,
        run: None,
        began: None,
        test_reports: order.tests.reports.value.clone().unwrap_or_default(),
        coverage_reports: order.coverage.reports.value.clone().unwrap_or_default(),
        moved: Vec::new(),
        files,
        tracked,
        plan: None,
        not_applicable: None,
        reruns: None,
    };
    let way = way(order);
    if way == Way::Ingest {
        if out.coverage_reports.is_empty() {
            out.coverage_reports = default_coverage();
        }
        return Ok(out);
    }
    let installing = Instant::now();
    let python = install(order, &evidence, &mut out, tell).await?;
    out.install_seconds = installing.elapsed().as_secs_f64();
    clock.lap("install dependencies", installing);
    if !out.install.is_ready() {
        return Ok(out);
    }
    let command = match way {
        Way::Command => configured(order, &evidence, python.as_deref(), &mut out)?,
        _ => match detected(order, &mut out) {
            Some(command) => command,
            None => {
                let looked_for = project::looked_for().join(", ");
                out.not_applicable =
                    Some(format!("no project whose tests qte-ci knows how to run: looked for {looked_for}"));
                return Ok(out);
            }
        },
    };
    move_reports_aside(order, &evidence, &mut out, tell)?;
    let testing = Instant::now();
    run_tests(order, &evidence, &command, &mut out, tell).await?;
    out.tests_seconds = testing.elapsed().as_secs_f64();
    clock.lap("run tests", testing);
    Ok(out)
}

/// Makes the run's own folder anew; what was moved aside stays. A folder that we did not make is not touched.
fn evidence_folder(project: &Path) -> Result<PathBuf, GateError> {
    let folder = project.join(EVIDENCE_FOLDER);
    let marker = folder.join(".gitignore");
    if folder.exists() && !marker.is_file() {
        let text = format!("{}: exists and was not made by qte-ci; move it away", folder.display());
        return Err(GateError::Use(text));
    }
    let empty = || -> std::io::Result<()> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            match path.is_dir() && !path.is_symlink() {
                _ if path.ends_with(BEFORE) => {}
                true => fs::remove_dir_all(&path)?,
                false => fs::remove_file(&path)?,
            }
        }
        fs::write(&marker, "*\n")
    };
    empty().map_err(io_error(folder.display().to_string()))?;
    Ok(folder)
}

type Listing = (Vec<String>, BTreeSet<String>, Vec<String>);

/// The project's files, those that git tracks, and the vendored folders that were left out.
pub fn list_files(order: &Order) -> Result<Listing, GateError> {
    let (all, tracked) = match &order.repository {
        Some(repository) => {
            let tracked = repository.tracked().map_err(io_error("git ls-files"))?;
            let mut all = repository.untracked().map_err(io_error("git ls-files"))?;
            all.extend(tracked.iter().cloned());
            (all, tracked.into_iter().collect())
        }
        None => (files::walk(&order.project).map_err(io_error(order.project.display().to_string()))?, BTreeSet::new()),
    };
    let own = format!("{EVIDENCE_FOLDER}/");
    let all = all.into_iter().filter(|f| !f.starts_with(&own)).collect();
    let (mut files, vendored) = files::without_vendored(all);
    files.sort();
    Ok((files, tracked, vendored))
}

/// What is written down beside an environment when it is complete.
#[derive(Serialize, Deserialize)]
struct Complete {
    key: String,
    /// The project that it was made for.
    root: String,
    since: String,
    packages: serde_json::Map<String, serde_json::Value>,
}

/// Installs what the project declares. Gives the folder with the environment's programs, where there is one.
async fn install(
    order: &Order,
    evidence: &Path,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<Option<PathBuf>, GateError> {
    if !out.files.iter().any(|f| project::is_sign(f)) {
        out.install =
            Install::NotApplicable(format!("no manifest found: looked for {}", project::looked_for().join(", ")));
        return Ok(None);
    }
    let active = order.install.environment.value == Environment::Active;
    if active {
        let source = &order.install.environment.source;
        out.install = Install::NotApplicable(format!("the active environment is used as it is ({source})"));
    }
    let planned = Host::look(&order.path).and_then(|host| {
        let layout = Layout { root: &order.project, files: &out.files, evidence, envs: &order.cache, host: &host };
        project::detect(&layout)
    });
    let plan = match planned {
        Ok(Some(plan)) => with_command(order, plan),
        Ok(None) => {
            out.install =
                Install::NotApplicable(format!("no manifest found: looked for {}", project::looked_for().join(", ")));
            return Ok(None);
        }
        // A configured command in the active environment needs no plan of ours.
        Err(_) if active && order.tests.run.value.is_some() => return Ok(None),
        Err(error) => {
            let found = format!("{}: {}", error.file, error.found);
            out.install = Install::Refused { found, way_out: error.help.clone() };
            return Ok(None);
        }
    };
    plan.notes.iter().for_each(|note| tell(Event::Note(note.clone())));
    out.plan = Some(plan.clone());
    if active {
        return Ok(None);
    }
    tell(Event::Started { gate: Gate::Install, what: "installing what the project declares".into() });
    let lock = lock(&plan.install.env)?;
    match complete(&plan) {
        Some(done) => reuse(&plan, done, evidence, out)?,
        None => make(order, &plan, evidence, out, tell).await?,
    }
    drop(lock);
    let ours = !matches!(out.install, Install::Present { .. });
    Ok(plan.install.python.parent().filter(|_| ours).map(Path::to_path_buf))
}

/// A configured command decides the environment too: with another one it is made anew.
fn with_command(order: &Order, mut plan: Project) -> Project {
    if let Some(run) = &order.install.run.value {
        plan.install.key = files::sha256(format!("{}\n{run}", plan.install.key).as_bytes());
    }
    plan
}

/// One run at a time makes or uses an environment; freed when the file is closed.
fn lock(env: &Path) -> Result<fs::File, GateError> {
    let path = env.with_extension("lock");
    let make = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let file = fs::File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    make().map_err(io_error(path.display().to_string()))
}

fn complete(plan: &Project) -> Option<Complete> {
    let text = fs::read(plan.install.env.with_extension("json")).ok()?;
    let done: Complete = serde_json::from_slice(&text).ok()?;
    (done.key == plan.install.key && plan.install.python.exists()).then_some(done)
}

fn reuse(plan: &Project, done: Complete, evidence: &Path, out: &mut Collected) -> Result<(), GateError> {
    let index = note_packages(&done.packages, Some(done.since.clone()), evidence, out)?;
    out.install = Install::Reused {
        manifests: plan.manifests.clone(),
        since: done.since,
        packages: done.packages.len() as u64,
        evidence: index,
    };
    Ok(())
}

/// The environment's packages as a file of the evidence.
fn note_packages(
    packages: &serde_json::Map<String, serde_json::Value>,
    since: Option<String>,
    evidence: &Path,
    out: &mut Collected,
) -> Result<usize, GateError> {
    let path = evidence.join("packages.json");
    let text =
        serde_json::to_vec_pretty(packages).map_err(|e| GateError::Io { what: "packages".into(), error: e.into() })?;
    fs::write(&path, &text).map_err(io_error(path.display().to_string()))?;
    let mut item = Evidence::new(EvidenceKind::File, Gate::Install);
    item.path = Some(format!("{EVIDENCE_FOLDER}/packages.json"));
    item.format = Some("packages".into());
    item.sha256 = Some(files::sha256(&text));
    item.bytes = Some(text.len() as u64);
    item.written = since.or_else(|| Some(files::rfc3339(SystemTime::now())));
    out.evidence.push(item);
    Ok(out.evidence.len() - 1)
}

async fn make(
    order: &Order,
    plan: &Project,
    evidence: &Path,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<(), GateError> {
    let env = &plan.install.env;
    if env.exists() {
        fs::remove_dir_all(env).map_err(io_error(env.display().to_string()))?;
    }
    let marker = env.with_extension("json");
    if marker.exists() {
        fs::remove_file(&marker).map_err(io_error(marker.display().to_string()))?;
    }
    remove_older(order, plan)?;
    let mut steps = Vec::new();
    for (number, step) in install_steps(order, plan).iter().enumerate() {
        let log = format!("install-{}.log", number + 1);
        let run = one_command(Gate::Install, step, evidence, &log, order.install.timeout_s.value, out, tell).await?;
        let broken = run.ending != Ending::Exit(0);
        steps.push(run);
        if broken && present(plan, evidence, order.install.timeout_s.value, &log, out).await? {
            return Ok(());
        }
        if broken {
            out.install = Install::Ran { manifests: plan.manifests.clone(), steps, packages: 0 };
            return Ok(());
        }
    }
    let packages: serde_json::Map<String, serde_json::Value> =
        ask_json(&plan.install.probe, evidence, order.install.timeout_s.value).await?;
    note_packages(&packages, None, evidence, out)?;
    let since = files::rfc3339(SystemTime::now());
    let root = files::slashed_absolute(&order.project);
    let done = Complete { key: plan.install.key.clone(), root, since, packages };
    let text = serde_json::to_vec(&done).map_err(|e| GateError::Io { what: "packages".into(), error: e.into() })?;
    files::write_whole(&marker, &text).map_err(io_error(marker.display().to_string()))?;
    out.install = Install::Ran { manifests: plan.manifests.clone(), steps, packages: done.packages.len() as u64 };
    Ok(())
}

/// Signs of a package index that cannot be reached, as pip, uv, Poetry and PDM print them.
const NO_INDEX: [&str; 9] = [
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Network is unreachable",
    "Failed to establish a new connection",
    "error sending request",
    "dns error",
    "All attempts to connect",
    // All that pip says where it is told not to try again.
    "(from versions: none)",
];

/// Without a network: does the active environment have all that is declared? It is then used, and that is said.
async fn present(
    plan: &Project,
    evidence: &Path,
    timeout_s: u64,
    log: &str,
    out: &mut Collected,
) -> Result<bool, GateError> {
    let log = evidence.join(log);
    let said = fs::read(&log).map_err(io_error(log.display().to_string()))?;
    let said = String::from_utf8_lossy(&said);
    let Some(ask) = plan.install.present.as_ref().filter(|_| NO_INDEX.iter().any(|sign| said.contains(sign))) else {
        return Ok(false);
    };
    #[derive(Deserialize)]
    struct Answer {
        missing: Vec<String>,
        packages: serde_json::Map<String, serde_json::Value>,
    }
    let answer: Answer = ask_json(ask, evidence, timeout_s).await?;
    if !answer.missing.is_empty() {
        return Ok(false);
    }
    // The steps that could not reach the index are no evidence for a verdict that does not rest on them.
    out.evidence.retain(|item| item.gate != Gate::Install);
    let index = note_packages(&answer.packages, None, evidence, out)?;
    out.evidence[index].tool = Some(ACTIVE.into());
    let packages = answer.packages.len() as u64;
    out.install = Install::Present { manifests: plan.manifests.clone(), packages, evidence: index };
    Ok(true)
}

/// Marks the packages of an environment that is not ours.
pub const ACTIVE: &str = "the active environment";

/// The project's earlier environments, whose declarations are no longer these, would only fill the disk.
fn remove_older(order: &Order, plan: &Project) -> Result<(), GateError> {
    let root = files::slashed_absolute(&order.project);
    let folder = plan.install.env.parent().unwrap_or(&order.cache);
    for entry in fs::read_dir(folder).map_err(io_error(folder.display().to_string()))? {
        let marker = entry.map_err(io_error(folder.display().to_string()))?.path();
        if marker.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let text = fs::read(&marker).map_err(io_error(marker.display().to_string()))?;
        let Ok(done) = serde_json::from_slice::<Complete>(&text) else { continue };
        let env = marker.with_extension("");
        if done.root == root && done.key != plan.install.key && env != plan.install.env {
            fs::remove_file(&marker).map_err(io_error(marker.display().to_string()))?;
            if env.exists() {
                fs::remove_dir_all(&env).map_err(io_error(env.display().to_string()))?;
            }
        }
    }
    Ok(())
}

/// The plan's steps, and the configured command behind them where there is one.
fn install_steps(order: &Order, plan: &Project) -> Vec<Command> {
    let mut steps = plan.install.steps.clone();
    if let Some(run) = &order.install.run.value {
        steps.push(shell(run, &order.project, plan.install.probe.env.clone(), format!("run `{run}`")));
    }
    steps
}

/// What a command prints, as JSON.
async fn ask_json<T: serde::de::DeserializeOwned>(
    ask: &Command,
    evidence: &Path,
    timeout_s: u64,
) -> Result<T, GateError> {
    let log = evidence.join("probe.log");
    process::run(ask, &log, timeout_s, &mut || {}).await.map_err(io_error("python"))?;
    let text = fs::read(&log).map_err(io_error(log.display().to_string()))?;
    fs::remove_file(&log).map_err(io_error(log.display().to_string()))?;
    serde_json::from_slice(&text).map_err(|e| GateError::Io { what: ask.what.clone(), error: e.into() })
}

/// Runs one command for a gate, with its output kept as evidence.
async fn one_command(
    gate: Gate,
    command: &Command,
    evidence: &Path,
    log: &str,
    timeout_s: u64,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<Run, GateError> {
    let path = evidence.join(log);
    let mut last = String::new();
    let done = process::run(command, &path, timeout_s, &mut || {
        // Only for the eye: a log that cannot be read just now shows nothing new.
        if let Some(line) = files::tail(&path, 1).unwrap_or_default().pop().filter(|line| *line != last) {
            last.clone_from(&line);
            tell(Event::Doing { gate, line });
        }
    })
    .await
    .map_err(io_error(path.display().to_string()))?;
    tell(Event::Output { gate, path: path.clone() });
    let tail = files::tail(&path, 12).map_err(io_error(path.display().to_string()))?;
    out.evidence.push(command_evidence(gate, command, &done, &path, log)?);
    Ok(Run { evidence: out.evidence.len() - 1, what: command.what.clone(), ending: done.ending, tail })
}

fn command_evidence(gate: Gate, command: &Command, done: &Done, path: &Path, log: &str) -> Result<Evidence, GateError> {
    let mut item = Evidence::new(EvidenceKind::Command, gate);
    item.argv = command.argv.clone();
    item.tool = Some(command.what.clone());
    done.ending.note(&mut item);
    item.seconds = Some(done.seconds);
    item.written = Some(files::rfc3339(done.began));
    item.path = Some(format!("{EVIDENCE_FOLDER}/{log}"));
    let file = fs::File::open(path).map_err(io_error(path.display().to_string()))?;
    let (sha256, bytes) = files::Hashing::new(file).finish().map_err(io_error(path.display().to_string()))?;
    item.sha256 = Some(sha256);
    item.bytes = Some(bytes);
    Ok(item)
}

fn shell(script: &str, cwd: &Path, env: Vec<(String, Option<String>)>, what: String) -> Command {
    Command { argv: vec!["sh".into(), "-c".into(), script.into()], cwd: cwd.to_path_buf(), env, what }
}

/// Reports that a configured test command is taken to write where none are named.
fn default_tests() -> Vec<String> {
    vec![format!("{EVIDENCE_FOLDER}/junit.xml"), "junit.xml".into()]
}

fn default_coverage() -> Vec<String> {
    let own = format!("{EVIDENCE_FOLDER}/coverage.xml");
    [own.as_str(), "coverage.xml", "coverage.json", "coverage.lcov", "lcov.info"].map(String::from).into()
}

/// The configured command, with the project's environment active and the paths of its reports as variables.
fn configured(
    order: &Order,
    evidence: &Path,
    python: Option<&Path>,
    out: &mut Collected,
) -> Result<Command, GateError> {
    let Some(run) = &order.tests.run.value else { return Err(GateError::Use("tests.run is not set".into())) };
    let path_of = |name: &str| Some(evidence.join(name).display().to_string());
    let mut env = match (&out.plan, python) {
        (Some(plan), Some(_)) => plan.install.probe.env.clone(),
        _ => Vec::new(),
    };
    env.push(("QTE_JUNIT".into(), path_of("junit.xml")));
    env.push(("QTE_COVERAGE".into(), path_of("coverage.xml")));
    if out.test_reports.is_empty() {
        out.test_reports = default_tests();
    }
    if out.coverage_reports.is_empty() {
        out.coverage_reports = default_coverage();
    }
    Ok(shell(run, &order.project, env, format!("`{run}`")))
}

/// The detected test run; `None` where the project has no tests that we know how to run.
fn detected(order: &Order, out: &mut Collected) -> Option<Command> {
    let plan = out.plan.clone()?;
    let inside = |path: &Path| path.strip_prefix(&order.project).map(files::slashed).unwrap_or_default();
    out.test_reports = vec![inside(&plan.tests.junit)];
    if out.coverage_reports.is_empty() {
        out.coverage_reports = vec![inside(&plan.tests.coverage_xml)];
    }
    out.reruns = Some(plan.tests.reruns.clone());
    let mut command = plan.tests.command.clone();
    command.what = format!("`{}`", plan.tests.shown);
    let present = matches!(out.install, Install::Present { .. });
    if order.install.environment.value == Environment::Active || present {
        // The active interpreter takes the place of the environment that was not made.
        command.argv[0] = plan.host_python.display().to_string();
        command.env.retain(|(name, _)| name != "PATH" && name != "VIRTUAL_ENV");
    }
    if present && !plan.install.import_folder.is_empty() {
        let folder = order.project.join(plan.install.import_folder);
        command.env.push(("PYTHONPATH".into(), Some(folder.display().to_string())));
    }
    Some(command)
}

/// Reports that lie there from before would be taken for this run's.
fn move_reports_aside(
    order: &Order,
    evidence: &Path,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<(), GateError> {
    // A gate that only reads keeps what earlier steps wrote.
    let coverage_is_read = order.tests.run.value.is_none() && order.coverage.reports.value.is_some();
    let mut patterns = out.test_reports.clone();
    if !coverage_is_read {
        patterns.extend(out.coverage_reports.iter().cloned());
    }
    let found = files::matching(&order.project, &patterns, &any_of(&patterns)).map_err(io_error("reports"))?;
    let own = format!("{EVIDENCE_FOLDER}/");
    // What git tracks stays where it is: it is refused as evidence when it is read.
    let old: Vec<String> = found.into_iter().filter(|f| !out.tracked.contains(f) && !f.starts_with(&own)).collect();
    files::move_aside(&order.project, &old, &evidence.join(BEFORE)).map_err(io_error("moving old reports aside"))?;
    if !old.is_empty() {
        tell(Event::Note(format!("moved aside to {EVIDENCE_FOLDER}/{BEFORE}: {}", old.join(", "))));
    }
    out.moved = old;
    Ok(())
}

async fn run_tests(
    order: &Order,
    evidence: &Path,
    command: &Command,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<(), GateError> {
    tell(Event::Started { gate: Gate::Tests, what: format!("running {}", command.what) });
    out.began = Some(SystemTime::now());
    let run = one_command(Gate::Tests, command, evidence, "tests.log", order.tests.timeout_s.value, out, tell).await?;
    out.run = Some(run);
    Ok(())
}
