//! Installing from a lock with the tool that wrote it: the one on PATH, else one of our own at a pinned version,
//! in an environment apart from the project's.

use std::path::PathBuf;

use toml::{Table, Value};

use super::install::{self, Installer, text};
use super::kinds;
use super::manifest::{Declared, Lock, table, texts};
use crate::act::project::{Command, Layout, ProjectError};

const UV: &str = "0.13.9";
const POETRY: &str = "2.5.1";
const PDM: &str = "2.29.3";

/// What else must be asked for so that the pinned tool works: pdm 2.29.3 breaks with the
/// newer releases of these, which moved from httpx to its successor.
fn beside(lock: Lock) -> &'static [&'static str] {
    match lock {
        Lock::Pdm => &["hishel<2", "unearth<0.18"],
        Lock::Uv | Lock::Poetry => &[],
    }
}

fn name_and_version(lock: Lock) -> (&'static str, &'static str) {
    match lock {
        Lock::Uv => ("uv", UV),
        Lock::Poetry => ("poetry", POETRY),
        Lock::Pdm => ("pdm", PDM),
    }
}

fn from_path(layout: &Layout, lock: Lock) -> Option<PathBuf> {
    match lock {
        Lock::Uv => layout.host.uv.clone(),
        Lock::Poetry => layout.host.poetry.clone(),
        Lock::Pdm => layout.host.pdm.clone(),
    }
}

fn tool_env(layout: &Layout, lock: Lock) -> PathBuf {
    let (name, version) = name_and_version(lock);
    let (major, minor) = layout.host.minor();
    layout.envs.join("tools").join(format!("{name}-{version}-py{major}.{minor}"))
}

/// Where the lock's tool is, or will be once `tool_steps` are done.
pub fn tool(layout: &Layout, lock: Lock) -> PathBuf {
    let (name, _) = name_and_version(lock);
    from_path(layout, lock).unwrap_or_else(|| tool_env(layout, lock).join("bin").join(name))
}

/// Nothing if the tool is there. pip writes a package's commands last, so a tool that is there is whole.
pub fn tool_steps(layout: &Layout, lock: Option<Lock>) -> Result<Vec<Command>, ProjectError> {
    let Some(lock) = lock else { return Ok(Vec::new()) };
    if tool(layout, lock).exists() {
        return Ok(Vec::new());
    }
    let env = tool_env(layout, lock);
    let (name, version) = name_and_version(lock);
    let installer = layout.host.uv.clone().map_or(Installer::Pip, Installer::Uv);
    let mut argv = install::install(&installer, &env);
    argv.push(format!("{name}=={version}"));
    argv.extend(beside(lock).iter().map(|requirement| requirement.to_string()));
    let what = format!("install {name} {version}, which wrote {}", lock.file());
    Ok(vec![
        install::make_with(layout, &env, &format!("make an environment for {name}"))?,
        install::command(layout, argv, install::active(&env, layout.host), what),
    ])
}

/// Groups that the tool installs unless told otherwise, and all that are declared.
struct Groups {
    default: Vec<String>,
    all: Vec<String>,
}

fn keys(pyproject: &Table, path: &[&str]) -> Vec<String> {
    table(pyproject, path).map_or(Vec::new(), |table| table.keys().cloned().collect())
}

fn groups(pyproject: &Table, lock: Lock) -> Groups {
    let mut all = keys(pyproject, &["dependency-groups"]);
    let default = match lock {
        Lock::Uv => {
            let uv = table(pyproject, &["tool", "uv"]);
            if uv.is_some_and(|uv| uv.contains_key("dev-dependencies")) {
                all.push("dev".to_string());
            }
            match uv.and_then(|uv| uv.get("default-groups")) {
                Some(Value::String(_)) => all.clone(),
                Some(list) => texts(Some(list)).into_iter().map(str::to_string).collect(),
                None => all.iter().filter(|name| *name == "dev").cloned().collect(),
            }
        }
        Lock::Poetry => {
            all.extend(keys(pyproject, &["tool", "poetry", "group"]));
            if table(pyproject, &["tool", "poetry", "dev-dependencies"]).is_some() {
                all.push("dev".to_string());
            }
            let optional = |name: &str| {
                let group = table(pyproject, &["tool", "poetry", "group", name]);
                group.and_then(|group| group.get("optional")?.as_bool()) == Some(true)
            };
            all.iter().filter(|name| !optional(name)).cloned().collect()
        }
        Lock::Pdm => {
            all.extend(keys(pyproject, &["tool", "pdm", "dev-dependencies"]));
            all.clone()
        }
    };
    all.sort();
    all.dedup();
    Groups { default, all }
}

/// What the tool installs by default less what is for docs, lint, typing or release, and all that is for tests.
pub fn sync(layout: &Layout, pyproject: &Table, declared: &Declared, lock: Lock, env: &std::path::Path) -> Command {
    let groups = groups(pyproject, lock);
    let wanted = |name: &String| kinds::is_test(name) || declared.groups.contains(name);
    let (with, without, extra) = match lock {
        Lock::Uv => ("--group", "--no-group", "--extra"),
        Lock::Poetry => ("--with", "--without", "--extras"),
        Lock::Pdm => ("--group", "--without", "--group"),
    };
    let mut argv = vec![text(&tool(layout, lock))];
    let mut changes = install::active(env, layout.host);
    match lock {
        Lock::Uv => {
            argv.extend(["sync", "--frozen", "--python"].map(str::to_string));
            argv.push(text(&layout.host.python));
            if table(pyproject, &["tool", "uv", "workspace"]).is_some() {
                argv.push("--all-packages".to_string());
            }
            changes.push(("UV_PROJECT_ENVIRONMENT".to_string(), Some(text(env))));
        }
        Lock::Poetry => {
            argv.extend(["install", "--no-interaction", "--no-ansi"].map(str::to_string));
        }
        Lock::Pdm => {
            argv.extend(["sync".to_string(), "--project".to_string(), text(layout.root)]);
            // Otherwise a .pdm-python in the tree names another environment.
            changes.push(("PDM_IGNORE_SAVED_PYTHON".to_string(), Some("1".to_string())));
            changes.push(("PDM_CHECK_UPDATE".to_string(), Some("0".to_string())));
        }
    }
    for name in groups.default.iter().filter(|name| kinds::is_other(name) && !declared.groups.contains(*name)) {
        argv.extend([without.to_string(), name.clone()]);
    }
    for name in groups.all.iter().filter(|name| wanted(name) && !groups.default.contains(name)) {
        argv.extend([with.to_string(), name.clone()]);
    }
    for name in &declared.extras {
        argv.extend([extra.to_string(), name.clone()]);
    }
    let (name, _) = name_and_version(lock);
    let what = format!("install what {} locks, with {name}", lock.file());
    let mut command = install::command(layout, argv, changes, what);
    if lock == Lock::Pdm {
        // pdm's HTTP cache lays a folder where it is started: not in the project's tree.
        command.cwd = env.to_path_buf();
    }
    command
}
