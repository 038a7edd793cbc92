//! Collecting: the evidence folder, the project's files, its environment, one run of its tests.

use super::command::{one_command, shell};
use super::environment::install;
use super::{BEFORE, Clock, EVIDENCE_FOLDER, GateError, io_error};
use crate::act::files;
use crate::act::project::{self, Command, Project};
use crate::config::Environment;
use crate::facts::event::Event;
use crate::facts::evidence::Evidence;
use crate::facts::pattern::any_of;
use crate::facts::stage::Gate;
use crate::judge::Run;
use crate::judge::install::Input as Install;
use crate::order::Order;
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
    /// Held until the report is made.
    _lock: fs::File,
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
    let (evidence, lock) = evidence_folder(&order.project)?;
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
        _lock: lock,
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

/// The file that a run holds locked while it uses the folder.
const LOCK: &str = ".lock";

/// Makes the run's own folder anew; what was moved aside stays. A folder that we did not make is not touched, nor one
/// that another run is using: the lock is that of the file that is given back.
fn evidence_folder(project: &Path) -> Result<(PathBuf, fs::File), GateError> {
    let folder = project.join(EVIDENCE_FOLDER);
    let marker = folder.join(".gitignore");
    if folder.exists() && !marker.is_file() {
        let text = format!("{}: exists and was not made by qte-ci; move it away", folder.display());
        return Err(GateError::Use(text));
    }
    let make = || -> std::io::Result<fs::File> {
        fs::create_dir_all(&folder)?;
        fs::write(&marker, "*\n")?;
        fs::File::create(folder.join(LOCK))
    };
    let lock = make().map_err(io_error(folder.display().to_string()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let text = format!("{}: another qte-ci is running in this project; wait for its end", folder.display());
            return Err(GateError::Use(text));
        }
        Err(fs::TryLockError::Error(error)) => return Err(io_error(folder.display().to_string())(error)),
    }
    empty(&folder).map_err(io_error(folder.display().to_string()))?;
    Ok((folder, lock))
}

fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() && !path.is_symlink() {
            _ if [BEFORE, LOCK, ".gitignore"].iter().any(|kept| path.ends_with(kept)) => {}
            true => fs::remove_dir_all(&path)?,
            false => fs::remove_file(&path)?,
        }
    }
    Ok(())
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
