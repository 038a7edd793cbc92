//! The environment that tests run in: made from what the project declares, used again while nothing changed, or the
//! user's own where no package index answers.

use super::collect::{Collected, active};
use super::command::{Task, one_command, shell};
use super::{GateError, io_error};
use crate::act::files;
use crate::act::process;
use crate::act::project::{Command, Environment, Fetch, InstallPlan};
use crate::config;
use crate::facts::event::Event;
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::stage::Gate;
use crate::judge::install::Input as Install;
use crate::order::Order;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
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

/// Installs what one component declares.
pub async fn install(
    order: &Order,
    at: usize,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<(), GateError> {
    let component = &out.components[at];
    if component.install.is_some() {
        return Ok(());
    }
    let done = if let Some(obstacle) = &component.refused {
        Install::Refused { found: obstacle.found.clone(), way_out: obstacle.way_out.clone() }
    } else if order.install.environment.value == config::Environment::Active {
        active(order)
    } else {
        let Some(plan) = component.plan.clone() else { return Ok(()) };
        let what = match component.name.as_str() {
            "" => "installing what the project declares".to_string(),
            name => format!("installing what {name} declares"),
        };
        tell(Event::Started { gate: Gate::Install, what });
        let job = Job {
            order,
            task: Task::of(Gate::Install, component, order.install.timeout_s.value),
            manifests: plan.manifests,
            root: order.project.join(&component.folder),
            // A command of the user's own runs once, behind the steps of the first component.
            run: order.install.run.value.as_deref().filter(|_| at == 0),
        };
        match plan.install {
            InstallPlan::Environment(environment) => {
                let lock = lock(&environment.folder)?;
                let done = job.environment(*environment, &mut out.evidence, tell).await?;
                drop(lock);
                done
            }
            InstallPlan::Fetch(fetch) => job.fetch(&fetch, &mut out.evidence, tell).await?,
        }
    };
    out.components[at].install = Some(done);
    Ok(())
}

/// One component's installation.
struct Job<'a> {
    order: &'a Order,
    task: Task,
    manifests: Vec<String>,
    root: std::path::PathBuf,
    run: Option<&'a str>,
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

fn complete(plan: &Environment) -> Option<Complete> {
    let text = fs::read(plan.folder.with_extension("json")).ok()?;
    let done: Complete = serde_json::from_slice(&text).ok()?;
    (done.key == plan.key && plan.python.exists()).then_some(done)
}

impl Job<'_> {
    /// An environment of ours: used again, or made.
    async fn environment(
        &self,
        mut plan: Environment,
        evidence: &mut Vec<Evidence>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Install, GateError> {
        if let Some(run) = self.run {
            // A configured command decides the environment too: with another one it is made anew.
            plan.key = files::sha256(format!("{}\n{run}", plan.key).as_bytes());
        }
        let Some(done) = complete(&plan) else { return self.make(&plan, evidence, tell).await };
        let index = self.note_packages(&done.packages, Some(done.since.clone()), evidence)?;
        Ok(Install::Reused {
            manifests: self.manifests.clone(),
            since: done.since,
            packages: done.packages.len() as u64,
            evidence: index,
        })
    }

    /// The environment's packages as a file of the evidence.
    fn note_packages(
        &self,
        packages: &serde_json::Map<String, serde_json::Value>,
        since: Option<String>,
        evidence: &mut Vec<Evidence>,
    ) -> Result<usize, GateError> {
        let path = self.task.folder.join("packages.json");
        let fault = |e: serde_json::Error| GateError::Io { what: "packages".into(), error: e.into() };
        let text = serde_json::to_vec_pretty(packages).map_err(fault)?;
        fs::write(&path, &text).map_err(io_error(path.display().to_string()))?;
        let mut item = Evidence::new(EvidenceKind::File, Gate::Install);
        item.component.clone_from(&self.task.component);
        item.path = Some(self.task.cited("packages.json"));
        item.format = Some("packages".into());
        item.sha256 = Some(files::sha256(&text));
        item.bytes = Some(text.len() as u64);
        item.written = since.or_else(|| Some(files::rfc3339(SystemTime::now())));
        evidence.push(item);
        Ok(evidence.len() - 1)
    }

    async fn make(
        &self,
        plan: &Environment,
        evidence: &mut Vec<Evidence>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Install, GateError> {
        let env = &plan.folder;
        if env.exists() {
            fs::remove_dir_all(env).map_err(io_error(env.display().to_string()))?;
        }
        let marker = env.with_extension("json");
        if marker.exists() {
            fs::remove_file(&marker).map_err(io_error(marker.display().to_string()))?;
        }
        self.remove_older(plan)?;
        let steps = self.steps(&plan.steps, plan.probe.env.clone());
        let mut runs = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let log = format!("install-{}.log", number + 1);
            let run = one_command(&self.task, step, &log, evidence, tell).await?;
            let broken = run.ending != Ending::Exit(0);
            runs.push(run);
            if broken && let Some(present) = self.present(plan, &log, evidence).await? {
                return Ok(present);
            }
            if broken {
                return Ok(Install::Ran { manifests: self.manifests.clone(), steps: runs, packages: 0 });
            }
        }
        let packages: serde_json::Map<String, serde_json::Value> = self.ask_json(&plan.probe).await?;
        self.note_packages(&packages, None, evidence)?;
        let since = files::rfc3339(SystemTime::now());
        let root = files::slashed_absolute(&self.root);
        let done = Complete { key: plan.key.clone(), root, since, packages };
        let text = serde_json::to_vec(&done).map_err(|e| GateError::Io { what: "packages".into(), error: e.into() })?;
        files::write_whole(&marker, &text).map_err(io_error(marker.display().to_string()))?;
        Ok(Install::Ran { manifests: self.manifests.clone(), steps: runs, packages: done.packages.len() as u64 })
    }

    /// The plan's steps, and the configured command behind them where there is one.
    fn steps(&self, steps: &[Command], env: Vec<(String, Option<String>)>) -> Vec<Command> {
        let mut steps = steps.to_vec();
        if let Some(run) = self.run {
            steps.push(shell(run, &self.order.project, env, format!("run `{run}`")));
        }
        steps
    }

    /// By the ecosystem's own tool, unless it says that all is there.
    async fn fetch(
        &self,
        plan: &Fetch,
        evidence: &mut Vec<Evidence>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Install, GateError> {
        let (manifests, packages) = (self.manifests.clone(), plan.packages);
        let mut steps = self.steps(&plan.steps, Vec::new());
        if steps.is_empty() {
            let why =
                format!("nothing to install before the tests: {} is served by the test run", manifests.join(", "));
            return Ok(Install::NotApplicable(why));
        }
        let mut runs = Vec::new();
        if let Some(present) = &plan.present {
            let run = one_command(&self.task, present, "install-present.log", evidence, tell).await?;
            if run.ending == Ending::Exit(0) {
                runs.push(run);
                steps.drain(..plan.steps.len());
            } else {
                // That something is missing is no evidence against what is done about it next.
                evidence.pop();
            }
        }
        for (number, step) in steps.iter().enumerate() {
            let run = one_command(&self.task, step, &format!("install-{}.log", number + 1), evidence, tell).await?;
            let broken = run.ending != Ending::Exit(0);
            runs.push(run);
            if broken {
                break;
            }
        }
        Ok(Install::Ran { manifests, steps: runs, packages })
    }
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

/// Marks the packages of an environment that is not ours.
pub const ACTIVE: &str = "the active environment";

impl Job<'_> {
    /// Without a network: does the active environment have all that is declared? It is then used, and that is said.
    async fn present(
        &self,
        plan: &Environment,
        log: &str,
        evidence: &mut Vec<Evidence>,
    ) -> Result<Option<Install>, GateError> {
        let log = self.task.folder.join(log);
        let said = fs::read(&log).map_err(io_error(log.display().to_string()))?;
        let said = String::from_utf8_lossy(&said);
        let Some(ask) = plan.present.as_ref().filter(|_| NO_INDEX.iter().any(|sign| said.contains(sign))) else {
            return Ok(None);
        };
        #[derive(Deserialize)]
        struct Answer {
            missing: Vec<String>,
            packages: serde_json::Map<String, serde_json::Value>,
        }
        let answer: Answer = self.ask_json(ask).await?;
        if !answer.missing.is_empty() {
            return Ok(None);
        }
        // The steps that could not reach the index are no evidence for a verdict that does not rest on them.
        evidence.retain(|item| item.gate != Gate::Install || item.component != self.task.component);
        let index = self.note_packages(&answer.packages, None, evidence)?;
        evidence[index].tool = Some(ACTIVE.into());
        let packages = answer.packages.len() as u64;
        Ok(Some(Install::Present { manifests: self.manifests.clone(), packages, evidence: index }))
    }

    /// The component's earlier environments, whose declarations are no longer these, would only fill the disk.
    fn remove_older(&self, plan: &Environment) -> Result<(), GateError> {
        let root = files::slashed_absolute(&self.root);
        let folder = plan.folder.parent().unwrap_or(&self.order.cache);
        for entry in fs::read_dir(folder).map_err(io_error(folder.display().to_string()))? {
            let marker = entry.map_err(io_error(folder.display().to_string()))?.path();
            if marker.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let text = fs::read(&marker).map_err(io_error(marker.display().to_string()))?;
            let Ok(done) = serde_json::from_slice::<Complete>(&text) else { continue };
            let env = marker.with_extension("");
            if done.root == root && done.key != plan.key && env != plan.folder {
                fs::remove_file(&marker).map_err(io_error(marker.display().to_string()))?;
                if env.exists() {
                    fs::remove_dir_all(&env).map_err(io_error(env.display().to_string()))?;
                }
            }
        }
        Ok(())
    }

    /// What a command prints, as JSON.
    async fn ask_json<T: serde::de::DeserializeOwned>(&self, ask: &Command) -> Result<T, GateError> {
        let log = self.task.folder.join("probe.log");
        process::run(ask, &log, self.task.timeout_s, &mut || {}).await.map_err(io_error("python"))?;
        let text = fs::read(&log).map_err(io_error(log.display().to_string()))?;
        fs::remove_file(&log).map_err(io_error(log.display().to_string()))?;
        serde_json::from_slice(&text).map_err(|e| GateError::Io { what: ask.what.clone(), error: e.into() })
    }
}
