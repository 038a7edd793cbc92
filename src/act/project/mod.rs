//! Finds out what kind of project a folder holds and plans, as data, how to install what it declares and how to
//! run its tests once. Nothing is executed here but one look at the host's interpreter (`Host::look`).

mod host;
pub mod python;

use std::path::{Path, PathBuf};

pub use host::Host;

/// One command to run; data only. The caller gives it a timeout, a process group and a filtered environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub argv: Vec<String>,
    pub cwd: PathBuf,
    /// Changes to the caller's environment; `None` removes the variable.
    pub env: Vec<(String, Option<String>)>,
    /// What it does, as a person would say it: "install the project with its extras test".
    pub what: String,
}

/// A threshold that a file of the project sets, found and not used by us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundThreshold {
    pub path: String,
    /// 1-based.
    pub line: u64,
    /// As written there: `fail_under`, `--cov-fail-under`, `--fail-under`.
    pub key: String,
    pub value: String,
}

/// Where things are.
pub struct Layout<'a> {
    /// The project's folder, absolute.
    pub root: &'a Path,
    /// Its files, relative and `/`-separated, already without vendored environments.
    pub files: &'a [String],
    /// Folder for reports, inside the project, absolute; it must exist when the tests run.
    pub evidence: &'a Path,
    /// Cache folder for environments, absolute.
    pub envs: &'a Path,
    pub host: &'a Host,
}

#[derive(Clone, Debug)]
pub struct Project {
    pub ecosystem: &'static str,
    /// The interpreter that the host offers.
    pub host_python: PathBuf,
    /// Every file that says what to install or how to test, as far as it was read.
    pub manifests: Vec<String>,
    /// What a person should know: files that hide others, declarations that were not used.
    pub notes: Vec<String>,
    pub thresholds: Vec<FoundThreshold>,
    /// The `omit` globs of the project's own coverage configuration.
    pub omit: Vec<String>,
    pub install: InstallPlan,
    pub tests: TestPlan,
}

#[derive(Clone, Debug)]
pub struct InstallPlan {
    /// sha256 over everything that decides the environment. One with the same key can be used again, provided
    /// that all its steps once succeeded: the caller writes that down, and removes `env` before it starts anew.
    pub key: String,
    pub env: PathBuf,
    pub steps: Vec<Command>,
    pub python: PathBuf,
    /// Prints `{package: version}` of the environment.
    pub probe: Command,
    /// Asks the user's interpreter whether it has all that is declared already: `{"missing", "packages"}`.
    /// `None` where what is declared cannot be listed without running something.
    pub present: Option<Command>,
    /// Makes the project importable for an interpreter that it is not installed into; relative, empty for the root.
    pub import_folder: &'static str,
}

#[derive(Clone, Debug)]
pub struct TestPlan {
    pub runner: String,
    /// What `command` amounts to when typed by hand; for people.
    pub shown: String,
    pub command: Command,
    pub junit: PathBuf,
    pub coverage_xml: PathBuf,
    pub coverage_html: PathBuf,
    /// JSON lines `{"id", "outcome": "flaky" | "failed", "extra_cases"}` of tests that were run again; absent if none was.
    pub reruns: PathBuf,
    /// The project's own files that configure the test run and its coverage, the deciding ones only.
    pub config_sources: Vec<String>,
}

/// A project that cannot be planned for: the place, what was looked for, what was found, the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: cannot plan the project\n  looked for: {expected}\n  found:      {found}\n  help: {help}", place(*.line, *.column))]
pub struct ProjectError {
    pub file: String,
    pub line: Option<u32>,
    pub column: Option<u32>,
    pub expected: String,
    pub found: String,
    pub help: String,
}

fn place(line: Option<u32>, column: Option<u32>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        (Some(line), None) => format!(":{line}"),
        _ => String::new(),
    }
}

/// `None`: no manifest of any known ecosystem and no test file; `looked_for` names them.
pub fn detect(layout: &Layout) -> Result<Option<Project>, ProjectError> {
    python::detect(layout)
}

/// What `detect` looks for, for the reason of a skipped gate.
pub fn looked_for() -> &'static [&'static str] {
    python::LOOKED_FOR
}

/// Could this file belong to a project of a known ecosystem? Where none could, no interpreter is looked for.
pub fn is_sign(path: &str) -> bool {
    python::is_sign(path)
}
