//! The plan of an environment of our own: make it, install what the project declares, add what a measured test
//! run needs and the project does not declare. The user's interpreter is never touched.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use toml::Table;

use super::lock;
use super::manifest::{Declared, Lock};
use super::present;
use super::source::{Source, hex};
use crate::act::project::{Command, Environment, Host, Layout, ProjectError};

/// Raised when the same declarations lead to another environment.
const PLAN: u32 = 1;

const LIST_PACKAGES: &str = include_str!("../assets/list_packages.py");
const INSTALL_MISSING: &str = include_str!("../assets/install_missing.py");

/// How packages get into the environment.
pub enum Installer {
    Uv(PathBuf),
    Pip,
}

pub fn plan(
    source: &mut Source,
    pyproject: &Table,
    declared: &Declared,
    needed: &[String],
) -> Result<Environment, ProjectError> {
    let layout = source.layout;
    for path in layout.files.iter().filter(|path| decides_build(path)) {
        source.note(path)?;
    }
    // The environment's path holds the key, and the commands hold the path: the key is taken over the commands
    // for a path that stands for all of them.
    let placeholder = steps(layout, pyproject, declared, needed, Path::new("/env"))?;
    let key = key(source, &placeholder);
    let env = layout.envs.join(&key[..16]);
    let mut all = lock::tool_steps(layout, declared.lock)?;
    all.extend(steps(layout, pyproject, declared, needed, &env)?);
    let python = env.join("bin/python");
    let probe = Command {
        argv: vec![text(&python), "-c".to_string(), LIST_PACKAGES.to_string()],
        cwd: layout.root.to_path_buf(),
        env: active(&env, layout.host),
        what: "list the packages of the environment".to_string(),
    };
    let import_folder = present::import_folder(layout.files);
    let host_python = layout.host.python.clone();
    Ok(Environment { key, folder: env, steps: all, python, host_python, probe, present: None, import_folder })
}

const CHECK_PRESENT: &str = include_str!("../assets/check_present.py");

/// Asks the host's interpreter for what is declared and for what a measured test run needs.
pub fn ask_host(layout: &Layout, requirements: &[String], needed: &[String]) -> Command {
    let mut argv = vec![text(&layout.host.python), "-c".to_string(), CHECK_PRESENT.to_string()];
    argv.extend(requirements.iter().cloned());
    argv.extend(present::unpinned(needed));
    command(layout, argv, Vec::new(), "look for what is declared in the active environment".to_string())
}

/// Sources that an editable installation builds once: with another content the environment is another.
fn decides_build(path: &str) -> bool {
    const ENDS: [&str; 9] = [".pyx", ".pxd", ".c", ".cc", ".cpp", ".h", ".hpp", ".rs", "Cargo.toml"];
    const NAMES: [&str; 4] = ["MANIFEST.in", "hatch.toml", "meson.build", "CMakeLists.txt"];
    let name = path.rsplit('/').next().unwrap_or(path);
    ENDS.iter().any(|end| path.ends_with(end)) || NAMES.contains(&name)
}

fn key(source: &Source, steps: &[Command]) -> String {
    let layout = source.layout;
    let mut digest = Sha256::new();
    let mut add = |part: &str| {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    };
    add(&format!("plan {PLAN}"));
    add(&text(&layout.host.python));
    add(&layout.host.version);
    add(&text(layout.root));
    for (path, sha256) in source.digests() {
        add(path);
        add(sha256);
    }
    for command in steps {
        command.argv.iter().for_each(|argument| add(argument));
    }
    // setuptools' editable installation maps the packages that were there when it was made.
    for folder in package_folders(layout.files) {
        add(folder);
    }
    hex(&digest.finalize())
}

/// Folders with Python files, and modules at the top.
fn package_folders(files: &[String]) -> Vec<&str> {
    let mut folders: Vec<&str> = files
        .iter()
        .filter(|file| file.ends_with(".py"))
        .map(|file| file.rsplit_once('/').map_or(file.as_str(), |(folder, _)| folder))
        .collect();
    folders.sort_unstable();
    folders.dedup();
    folders
}

fn steps(
    layout: &Layout,
    pyproject: &Table,
    declared: &Declared,
    needed: &[String],
    env: &Path,
) -> Result<Vec<Command>, ProjectError> {
    let mut steps = Vec::new();
    let mut installer = layout.host.uv.clone().map_or(Installer::Pip, Installer::Uv);
    match declared.lock {
        Some(Lock::Uv) => {
            let uv = lock::tool(layout, Lock::Uv);
            steps.push(lock::sync(layout, pyproject, declared, Lock::Uv, env));
            installer = Installer::Uv(uv);
        }
        other => {
            steps.push(make(layout, env)?);
            steps.extend(other.map(|tool| lock::sync(layout, pyproject, declared, tool, env)));
        }
    }
    if declared.lock.is_none() {
        steps.extend(from_manifests(layout, declared, &installer, env));
    }
    let uv = match &installer {
        Installer::Uv(path) => text(path),
        Installer::Pip => String::new(),
    };
    let mut argv = vec![text(&env.join("bin/python")), "-c".to_string(), INSTALL_MISSING.to_string(), uv];
    argv.extend(needed.iter().cloned());
    let what = format!("install what a measured test run needs and the environment lacks of {}", needed.join(", "));
    steps.push(command(layout, argv, active(env, layout.host), what));
    Ok(steps)
}

/// Makes an empty environment.
fn make(layout: &Layout, env: &Path) -> Result<Command, ProjectError> {
    make_with(layout, env, "make an environment for the project")
}

pub fn make_with(layout: &Layout, env: &Path, what: &str) -> Result<Command, ProjectError> {
    let host = layout.host;
    let python = text(&host.python);
    let argv = if let Some(uv) = &host.uv {
        vec![text(uv), "venv".into(), "--no-project".into(), "--python".into(), python, text(env)]
    } else if host.ensurepip {
        vec![python, "-m".into(), "venv".into(), "--clear".into(), text(env)]
    } else if host.virtualenv {
        vec![python, "-m".into(), "virtualenv".into(), "--clear".into(), text(env)]
    } else {
        return Err(no_venv(host));
    };
    Ok(command(layout, argv, isolated(), what.to_string()))
}

fn no_venv(host: &Host) -> ProjectError {
    ProjectError {
        file: text(&host.python),
        line: None,
        column: None,
        expected: "a way to make an environment: uv, `python -m venv` with ensurepip, or virtualenv".to_string(),
        found: format!("Python {} without ensurepip and virtualenv, and no uv on PATH", host.version),
        help: "install the system's package python3-venv, or uv, or run actions/setup-python before".to_string(),
    }
}

/// One resolution over everything, so that no later package undoes an earlier choice; only files with hashes
/// go before it, since pip wants a hash for all that stands beside them, and an editable project has none.
fn from_manifests(layout: &Layout, declared: &Declared, installer: &Installer, env: &Path) -> Vec<Command> {
    let step = |arguments: Vec<String>, what: String| {
        let mut argv = install(installer, env);
        argv.extend(arguments);
        command(layout, argv, active(env, layout.host), format!("install {what}"))
    };
    let is_hashed = |file: &&String| declared.hashed_files.contains(*file);
    let mut steps: Vec<Command> = Vec::new();
    for file in declared.requirement_files.iter().filter(is_hashed) {
        steps.push(step(vec!["-r".to_string(), file.clone()], file.clone()));
    }
    let mut arguments: Vec<String> = Vec::new();
    let mut what = Vec::new();
    if declared.editable {
        let extras: Vec<&str> = declared.extras.iter().map(String::as_str).collect();
        let target = if extras.is_empty() { ".".to_string() } else { format!(".[{}]", extras.join(",")) };
        arguments.extend(["-e".to_string(), target]);
        what.push("the project".to_string());
        what.extend((!extras.is_empty()).then(|| format!("its extras {}", extras.join(", "))));
    }
    for file in declared.requirement_files.iter().filter(|file| !is_hashed(file)) {
        arguments.extend(["-r".to_string(), file.clone()]);
        what.push(file.clone());
    }
    if !declared.requirements.is_empty() {
        arguments.extend(declared.requirements.iter().cloned());
        what.push(declared.requirements.join(", "));
    }
    if !what.is_empty() {
        for file in &declared.constraint_files {
            arguments.extend(["-c".to_string(), file.clone()]);
        }
        steps.push(step(arguments, what.join("; ")));
    }
    steps
}

/// The command that installs packages, without them.
pub fn install(installer: &Installer, env: &Path) -> Vec<String> {
    let python = text(&env.join("bin/python"));
    match installer {
        Installer::Uv(uv) => vec![text(uv), "pip".into(), "install".into(), "--python".into(), python],
        Installer::Pip => ["-m", "pip", "install", "--no-input", "--disable-pip-version-check"].into_iter().fold(
            vec![python],
            |mut argv, argument| {
                argv.push(argument.to_string());
                argv
            },
        ),
    }
}

pub fn command(layout: &Layout, argv: Vec<String>, env: Vec<(String, Option<String>)>, what: String) -> Command {
    Command { argv, cwd: layout.root.to_path_buf(), env, what }
}

/// Nothing of the caller's Python gets in, no other interpreter is fetched, nothing asks.
pub fn isolated() -> Vec<(String, Option<String>)> {
    let set = |name: &str, value: &str| (name.to_string(), Some(value.to_string()));
    let unset = |name: &str| (name.to_string(), None);
    vec![
        unset("PYTHONHOME"),
        unset("PYTHONPATH"),
        unset("VIRTUAL_ENV"),
        unset("CONDA_PREFIX"),
        unset("PIP_REQUIRE_VIRTUALENV"),
        unset("PIP_USER"),
        unset("PIP_TARGET"),
        set("PIP_NO_INPUT", "1"),
        set("UV_PYTHON_DOWNLOADS", "never"),
        set("UV_NO_PROGRESS", "1"),
        // uv 0.8 and later refuse to replace an environment unless told.
        set("UV_VENV_CLEAR", "1"),
        set("PYTHONUNBUFFERED", "1"),
    ]
}

/// `isolated`, with the environment active.
pub fn active(env: &Path, host: &Host) -> Vec<(String, Option<String>)> {
    let mut changes = isolated();
    changes.retain(|(name, _)| name != "VIRTUAL_ENV");
    changes.push(("VIRTUAL_ENV".to_string(), Some(text(env))));
    changes.push(("PATH".to_string(), Some(format!("{}:{}", text(&env.join("bin")), host.path))));
    changes
}

pub fn text(path: &Path) -> String {
    path.display().to_string()
}
