//! The environment that tests run in: made from what the project declares, used again while nothing changed, or the
//! user's own where no package index answers.

use super::collect::Collected;
use super::command::{one_command, shell};
use super::{EVIDENCE_FOLDER, GateError, io_error};
use crate::act::files;
use crate::act::process;
use crate::act::project::{self, Command, Host, Layout, Project};
use crate::config::Environment;
use crate::facts::event::Event;
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::stage::Gate;
use crate::judge::install::Input as Install;
use crate::order::Order;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
pub async fn install(
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
