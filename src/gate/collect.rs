//! Collecting: the evidence folder, the project's files and components, their dependencies, one run of their tests.

use super::command::{Task, one_command, shell};
use super::component::Component;
use super::environment::install;
use super::legs::{self, Expected, Leg};
use super::scans::{self, Planned};
use super::{BEFORE, Clock, EVIDENCE_FOLDER, GateError, io_error};
use crate::act::files;
use crate::act::project::{self, Command, InstallPlan, Project, Site, Survey};
use crate::config::Environment;
use crate::facts::event::Event;
use crate::facts::evidence::Evidence;
use crate::facts::pattern::any_of;
use crate::facts::report::{self, Obstacle};
use crate::facts::stage::{Gate, Stage};
use crate::judge::install::Input as Install;
use crate::order::Order;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// What a run left to be read.
pub struct Collected {
    pub evidence: Vec<Evidence>,
    /// At least one.
    pub components: Vec<Component>,
    /// The jobs whose reports are put together; the components are these then.
    pub legs: Vec<Leg>,
    /// Parts of the project that nothing was run for, each as one sentence.
    pub uncovered: Vec<String>,
    /// What looked at the project for the gates that judge findings.
    pub planned: Planned,
    pub install_seconds: f64,
    pub tests_seconds: f64,
    /// The project's files, relative, without vendored environments.
    pub files: Vec<String>,
    pub tracked: BTreeSet<String>,
    /// Folders that were left out of them.
    pub vendored: Vec<String>,
    /// The source file that was changed last; looked for once, and only where reports of earlier steps are read.
    pub newest_source: OnceCell<Option<(SystemTime, String)>>,
    /// Held until the report is made.
    _lock: fs::File,
}

impl Collected {
    /// What the project's own coverage configuration leaves out.
    pub fn omit(&self) -> Vec<String> {
        self.components.iter().flat_map(Component::omit).collect()
    }

    /// As the report names them; nothing where the project is a single whole that nothing is known of.
    pub fn facts(&self) -> Vec<report::Component> {
        let all: Vec<report::Component> = self.components.iter().map(Component::fact).collect();
        if all == [report::Component::default()] { Vec::new() } else { all }
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
    /// Other jobs measured; their reports are put together.
    Matrix,
}

fn way(order: &Order) -> Way {
    if order.matrix.reports.value.is_some() {
        return Way::Matrix;
    }
    match (&order.tests.run.value, &order.tests.reports.value) {
        (Some(_), _) => Way::Command,
        (None, Some(_)) => Way::Ingest,
        (None, None) => Way::Detected,
    }
}

pub async fn collect(order: &Order, clock: &mut Clock, tell: &mut dyn FnMut(Event)) -> Result<Collected, GateError> {
    let (folder, lock) = evidence_folder(&order.project)?;
    let (files, tracked, vendored) = list_files(order)?;
    if !vendored.is_empty() {
        tell(Event::Note(format!("left out of file discovery: {}", vendored.join(", "))));
    }
    let mut out = Collected {
        evidence: Vec::new(),
        components: Vec::new(),
        legs: Vec::new(),
        uncovered: Vec::new(),
        planned: Planned::default(),
        install_seconds: 0.0,
        tests_seconds: 0.0,
        files,
        tracked,
        vendored,
        newest_source: OnceCell::new(),
        _lock: lock,
    };
    let way = way(order);
    match way {
        Way::Matrix => {
            let paths = leg_reports(order)?;
            let expected = Expected { legs: order.matrix.legs.value.as_deref(), sha: order.subject.sha.as_deref() };
            out.legs = legs::open(&order.project, &paths, &expected);
            out.components = out.legs.iter().map(|leg| legs::component(leg, folder.clone())).collect();
        }
        Way::Ingest => out.components = vec![ingest(order, folder.clone())],
        Way::Detected | Way::Command => install_all(order, way, &folder, &mut out, clock, tell).await?,
    }
    let mut planned = scans::plan(order, &out, &folder, tell)?;
    // The tools look while the tests run; what they tell is told in turn.
    let tell = RefCell::new(tell);
    let running = Instant::now();
    let mut of_tests = |event: Event| (tell.borrow_mut())(event);
    let (tested, scanned) =
        tokio::join!(test_all(order, way, &mut out, &mut of_tests), scans::run(order, &mut planned.jobs, &tell));
    tested?;
    scanned?;
    if out.tests_seconds > 0.0 {
        clock.span("run tests", running, out.tests_seconds);
    }
    scans::settle(&mut planned.jobs, &mut out.evidence);
    out.planned = planned;
    Ok(out)
}

/// Finds the components and installs what they declare.
async fn install_all(
    order: &Order,
    way: Way,
    folder: &Path,
    out: &mut Collected,
    clock: &mut Clock,
    tell: &mut dyn FnMut(Event),
) -> Result<(), GateError> {
    let survey = survey(order, &out.files, folder, way)?;
    out.uncovered = survey.uncovered.clone();
    out.components = components(order, &survey, &out.files, folder, way, tell)?;
    let installing = Instant::now();
    for at in 0..out.components.len() {
        install(order, at, out, tell).await?;
    }
    out.install_seconds = installing.elapsed().as_secs_f64();
    clock.lap("install dependencies", installing);
    if way == Way::Command {
        add_tester(folder, out);
    }
    Ok(())
}

/// Runs the tests of every component, where a stage asks for them.
async fn test_all(order: &Order, way: Way, out: &mut Collected, tell: &mut dyn FnMut(Event)) -> Result<(), GateError> {
    let asked = order.stages.value.iter().any(|stage| [Stage::S1A, Stage::S1B].contains(stage));
    if !asked || !matches!(way, Way::Detected | Way::Command) {
        return Ok(());
    }
    let testing = Instant::now();
    let ready = out.components.iter().all(Component::is_ready);
    for at in 0..out.components.len() {
        // A configured command may need what any of them declares.
        if out.components[at].is_tested && out.components[at].is_ready() && (ready || way == Way::Detected) {
            test(order, at, way, out, tell).await?;
        }
    }
    out.tests_seconds = testing.elapsed().as_secs_f64();
    Ok(())
}

/// The reports of other jobs that the patterns find; what git tracks is none of them.
fn leg_reports(order: &Order) -> Result<Vec<String>, GateError> {
    let patterns = order.matrix.reports.value.clone().unwrap_or_default();
    let mut found = files::matching(&order.project, &patterns, &any_of(&patterns)).map_err(io_error("reports"))?;
    let (_, tracked, _) = list_files(order)?;
    found.retain(|path| !tracked.contains(path));
    Ok(found)
}

/// Reports of earlier steps are read, and nothing is run.
fn ingest(order: &Order, folder: PathBuf) -> Component {
    Component {
        install: Some(Install::NotApplicable("nothing is run: reports of earlier steps are read".into())),
        test_reports: order.tests.reports.value.clone().unwrap_or_default(),
        coverage_reports: order.coverage.reports.value.clone().unwrap_or_else(default_coverage),
        ..Component::reading(folder)
    }
}

/// What the project consists of. Where a command and the environment are given, nothing that is found decides.
fn survey(order: &Order, files: &[String], folder: &Path, way: Way) -> Result<Survey, GateError> {
    let site = site(order, String::new(), files.to_vec(), folder.to_path_buf());
    match project::survey(&site, &order.components.exclude.value) {
        Ok(survey) => Ok(survey),
        Err(_) if way == Way::Command && order.install.environment.value == Environment::Active => {
            Ok(Survey::default())
        }
        Err(error) => Ok(Survey { refused: Some(error), ..Survey::default() }),
    }
}

pub fn site<'a>(order: &'a Order, folder: String, files: Vec<String>, evidence: PathBuf) -> Site<'a> {
    Site { project: &order.project, folder, files, evidence, envs: &order.cache, path: &order.path }
}

/// Makes the components, each with its plan.
fn components(
    order: &Order,
    survey: &Survey,
    files: &[String],
    folder: &Path,
    way: Way,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<Component>, GateError> {
    let mut out = Vec::new();
    for found in &survey.found {
        let alone = survey.found.len() == 1;
        let name = if alone { String::new() } else { found.name(&survey.found) };
        let evidence = if alone { folder.to_path_buf() } else { folder.join(name.replace(['/', ':'], "-")) };
        fs::create_dir_all(&evidence).map_err(io_error(evidence.display().to_string()))?;
        let site = site(order, found.folder.clone(), survey.files_of(found, files), evidence.clone());
        let mut component = Component {
            name,
            ecosystem: found.ecosystem.into(),
            folder: found.folder.clone(),
            is_tested: true,
            ..Component::reading(evidence)
        };
        match project::plan(found.ecosystem, &site) {
            Ok(Some(plan)) => {
                plan.notes.iter().for_each(|note| tell(Event::Note(named(&component.name, note))));
                component.plan = Some(plan);
            }
            Ok(None) => continue,
            // A configured command in the active environment needs no plan of ours.
            Err(_) if way == Way::Command && order.install.environment.value == Environment::Active => continue,
            Err(error) => {
                let (found, way_out) = (format!("{}: {}", error.file, error.found), error.help);
                component.refused = Some(Obstacle { found, way_out });
            }
        }
        out.push(component);
    }
    if let Some(error) = &survey.refused {
        let obstacle = Obstacle { found: format!("{}: {}", error.file, error.found), way_out: error.help.clone() };
        out.push(Component { refused: Some(obstacle), ..Component::reading(folder.to_path_buf()) });
    }
    // Where a closer look left only one, it needs no name.
    if let [only] = out.as_mut_slice() {
        only.name = String::new();
    }
    if out.is_empty() {
        out.push(nothing_found(order, folder));
    }
    Ok(out)
}

/// A note with the component it is about.
fn named(name: &str, text: &str) -> String {
    if name.is_empty() { text.to_string() } else { format!("{name}: {text}") }
}

fn nothing_found(order: &Order, folder: &Path) -> Component {
    let looked_for = project::looked_for();
    let install = match order.install.environment.value {
        Environment::Active => active(order),
        Environment::Own => Install::NotApplicable(format!("no manifest found: looked for {looked_for}")),
    };
    let why = format!("no project whose tests qte-ci knows how to run: looked for {looked_for}");
    Component {
        install: Some(install),
        not_applicable: order.tests.run.value.is_none().then_some(why),
        ..Component::reading(folder.to_path_buf())
    }
}

pub fn active(order: &Order) -> Install {
    let source = &order.install.environment.source;
    Install::NotApplicable(format!("the active environment is used as it is ({source})"))
}

/// The configured command tests all components at once: the only one itself, else one more that stands for all.
fn add_tester(folder: &Path, out: &mut Collected) {
    if out.components.len() == 1 {
        return;
    }
    out.components.iter_mut().for_each(|component| component.is_tested = false);
    let python = out.components.iter().find(|c| c.ecosystem == "python").and_then(|c| c.plan.clone());
    let tester = Component { plan: python, ..Component::reading(folder.to_path_buf()) };
    out.components.push(tester);
}

/// Runs the tests of one component.
async fn test(
    order: &Order,
    at: usize,
    way: Way,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<(), GateError> {
    let component = &mut out.components[at];
    component.coverage_reports = order.coverage.reports.value.clone().unwrap_or_default();
    let command = match way {
        Way::Command => configured(order, component)?,
        _ => match detected(order, component) {
            Some(command) => command,
            None => return Ok(()),
        },
    };
    move_reports_aside(order, &out.tracked, component, tell)?;
    let what = named(&component.name, &format!("running {}", command.what));
    tell(Event::Started { gate: Gate::Tests, what });
    component.began = Some(SystemTime::now());
    let task = Task::of(Gate::Tests, component, order.tests.timeout_s.value);
    component.run = Some(one_command(&task, &command, "tests.log", &mut out.evidence, tell).await?);
    Ok(())
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
fn configured(order: &Order, component: &mut Component) -> Result<Command, GateError> {
    let Some(run) = &order.tests.run.value else { return Err(GateError::Use("tests.run is not set".into())) };
    let path_of = |name: &str| Some(component.evidence.join(name).display().to_string());
    let mut env = project_environment(order, Some(component));
    env.push(("QTE_JUNIT".into(), path_of("junit.xml")));
    env.push(("QTE_COVERAGE".into(), path_of("coverage.xml")));
    component.test_reports = order.tests.reports.value.clone().unwrap_or_else(default_tests);
    if component.coverage_reports.is_empty() {
        component.coverage_reports = default_coverage();
    }
    Ok(shell(run, &order.project, env, format!("`{run}`")))
}

/// What makes a component's own environment the active one.
pub fn project_environment(order: &Order, component: Option<&Component>) -> Vec<(String, Option<String>)> {
    let Some(component) = component else { return Vec::new() };
    let present = matches!(component.install, Some(Install::Present { .. }));
    let own = order.install.environment.value == Environment::Own && !present;
    match &component.plan {
        Some(Project { install: InstallPlan::Environment(environment), .. }) if own => environment.probe.env.clone(),
        _ => Vec::new(),
    }
}

/// The detected test run; `None` where the component has no tests that we know how to run.
fn detected(order: &Order, component: &mut Component) -> Option<Command> {
    let plan = component.plan.as_ref()?;
    component.test_reports.clone_from(&plan.tests.reports);
    if component.coverage_reports.is_empty() {
        component.coverage_reports.clone_from(&plan.tests.coverage);
        component.no_coverage.clone_from(&plan.tests.no_coverage);
    }
    component.reruns.clone_from(&plan.tests.reruns);
    let mut command = plan.tests.command.clone();
    command.what = format!("`{}`", plan.tests.shown);
    let InstallPlan::Environment(environment) = &plan.install else { return Some(command) };
    let present = matches!(component.install, Some(Install::Present { .. }));
    if order.install.environment.value == Environment::Active || present {
        // The active interpreter takes the place of the environment that was not made.
        command.argv[0] = environment.host_python.display().to_string();
        command.env.retain(|(name, _)| name != "PATH" && name != "VIRTUAL_ENV");
    }
    if present && !environment.import_folder.is_empty() {
        let folder = order.project.join(&component.folder).join(environment.import_folder);
        command.env.push(("PYTHONPATH".into(), Some(folder.display().to_string())));
    }
    Some(command)
}

/// Reports of the tests that lie there from before would be taken for this run's.
fn move_reports_aside(
    order: &Order,
    tracked: &BTreeSet<String>,
    component: &mut Component,
    tell: &mut dyn FnMut(Event),
) -> Result<(), GateError> {
    // A gate that only reads keeps what earlier steps wrote.
    let coverage_is_read = order.tests.run.value.is_none() && order.coverage.reports.value.is_some();
    let mut patterns = component.test_reports.clone();
    if !coverage_is_read {
        patterns.extend(component.coverage_reports.iter().cloned());
    }
    component.moved = move_aside(order, tracked, &patterns, tell)?;
    Ok(())
}

/// Moves what lies in the way of a command's reports out of it, and says so. Gives what was moved.
pub fn move_aside(
    order: &Order,
    tracked: &BTreeSet<String>,
    patterns: &[String],
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<String>, GateError> {
    let found = files::matching(&order.project, patterns, &any_of(patterns)).map_err(io_error("reports"))?;
    let own = format!("{EVIDENCE_FOLDER}/");
    // What git tracks stays where it is: it is refused as evidence when it is read.
    let old: Vec<String> = found.into_iter().filter(|f| !tracked.contains(f) && !f.starts_with(&own)).collect();
    let before = order.project.join(EVIDENCE_FOLDER).join(BEFORE);
    files::move_aside(&order.project, &old, &before).map_err(io_error("moving old reports aside"))?;
    if !old.is_empty() {
        tell(Event::Note(format!("moved aside to {EVIDENCE_FOLDER}/{BEFORE}: {}", old.join(", "))));
    }
    Ok(old)
}
