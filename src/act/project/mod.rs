//! Finds out what a folder holds and plans, as data, how to install what each part of it declares and how to run its
//! tests once. One file an ecosystem, one line in ECOSYSTEMS. Nothing is executed here but one look at the host's
//! Python (`Host::look`) and one at its Node (`node --version`).

pub mod go;
mod host;
pub mod java;
pub mod node;
pub mod python;
pub mod rust;
pub mod scan;
#[cfg(test)]
mod scratch;
pub mod secrets;
mod site;

use crate::facts::report::Obstacle;
use crate::facts::stage::Gate;
use crate::facts::tree::Root;
use std::path::{Path, PathBuf};

pub use host::Host;
use scan::{Look, Scans};
pub use site::{Layout, Site};

/// A kind of project with tools of its own.
pub struct Ecosystem {
    /// One word through components, reports and docs.
    pub id: &'static str,
    /// What is looked for, for the reason of a skipped gate.
    pub looked_for: &'static [&'static str],
    /// The folders of the whole project that are a component of this ecosystem, outermost only; empty for the root.
    pub components: fn(&Site) -> Result<Vec<String>, ProjectError>,
    /// How one component is installed and tested. `None` where a closer look finds that it is none.
    pub plan: fn(&Site) -> Result<Option<Project>, ProjectError>,
    /// Which tools look at one component for a gate that judges findings.
    pub scans: fn(Gate, &Look) -> Result<Scans, ProjectError>,
}

/// Every ecosystem that is run by its own tools.
pub static ECOSYSTEMS: &[Ecosystem] =
    &[python::ECOSYSTEM, rust::ECOSYSTEM, go::ECOSYSTEM, node::ECOSYSTEM, java::ECOSYSTEM];

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

/// One component: what it declares, and how its tests run.
#[derive(Clone, Debug)]
pub struct Project {
    pub ecosystem: &'static str,
    /// Every file that says what to install or how to test, as far as it was read; relative to the component.
    pub manifests: Vec<String>,
    /// What a person should know: files that hide others, declarations that were not used.
    pub notes: Vec<String>,
    pub thresholds: Vec<FoundThreshold>,
    /// The `omit` globs of the component's own coverage configuration.
    pub omit: Vec<String>,
    /// How names in its reports begin that are no paths of the component (a Go module, Java's source folders).
    pub roots: Vec<Root>,
    pub install: InstallPlan,
    pub tests: TestPlan,
}

/// How what is declared gets onto the machine.
#[derive(Clone, Debug)]
pub enum InstallPlan {
    /// Into an environment of ours, kept for the same declarations.
    Environment(Box<Environment>),
    /// By the ecosystem's own tool, where that tool keeps it.
    Fetch(Fetch),
}

/// Steps that are run one after the other; the first that fails ends them.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Ends with 0 where all that is declared is there already: then nothing is fetched.
    pub present: Option<Command>,
    pub steps: Vec<Command>,
    /// How many packages are declared or locked, all in all.
    pub packages: u64,
}

/// An environment that is made from what a project declares.
#[derive(Clone, Debug)]
pub struct Environment {
    /// sha256 over everything that decides the environment. One with the same key can be used again, provided
    /// that all its steps once succeeded: the caller writes that down, and removes `folder` before it starts anew.
    pub key: String,
    pub folder: PathBuf,
    pub steps: Vec<Command>,
    pub python: PathBuf,
    /// The interpreter that the host offers.
    pub host_python: PathBuf,
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
    /// Runs every test once, and ends with 0 only where all of them passed.
    pub command: Command,
    /// Path patterns of the test reports that it writes, relative to the whole project, with `/`.
    pub reports: Vec<String>,
    /// The same for its coverage reports.
    pub coverage: Vec<String>,
    /// Why it writes no coverage, and the way out.
    pub no_coverage: Option<Obstacle>,
    /// JSON lines `{"id", "outcome": "flaky" | "failed", "extra_cases"}` of tests that were run again; absent if none was.
    pub reruns: Option<PathBuf>,
    /// The component's own files that configure the test run and its coverage, the deciding ones only.
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

/// A component that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub ecosystem: &'static str,
    /// Relative to the project; empty for the root.
    pub folder: String,
}

impl Found {
    /// How people call it: its folder, the ecosystem for the root, both where that is not enough.
    pub fn name(&self, all: &[Found]) -> String {
        let shared = all.iter().filter(|other| other.folder == self.folder).count() > 1;
        match (self.folder.as_str(), shared) {
            ("", _) => self.ecosystem.to_string(),
            (folder, false) => folder.to_string(),
            (folder, true) => format!("{folder}:{}", self.ecosystem),
        }
    }
}

/// What a project consists of.
#[derive(Debug, Default)]
pub struct Survey {
    /// By folder.
    pub found: Vec<Found>,
    /// What no gate covers, each as one sentence.
    pub uncovered: Vec<String>,
    /// Why nothing could be found out.
    pub refused: Option<ProjectError>,
}

impl Survey {
    /// The files of one component, relative to it, without those of components inside of it.
    pub fn files_of(&self, found: &Found, files: &[String]) -> Vec<String> {
        let inner: Vec<&str> = self
            .found
            .iter()
            .map(|other| other.folder.as_str())
            .filter(|other| *other != found.folder && is_below(other, &found.folder))
            .collect();
        let own = files.iter().filter(|file| is_below(file, &found.folder));
        let own = own.filter(|file| !inner.iter().any(|folder| is_below(file, folder)));
        let start = if found.folder.is_empty() { 0 } else { found.folder.len() + 1 };
        own.map(|file| file[start..].to_string()).collect()
    }
}

/// Folders that hold samples and test data: a manifest in there is no component of the project.
const SAMPLES: [&str; 12] = [
    "test",
    "tests",
    "testdata",
    "fixtures",
    "fixture",
    "example",
    "examples",
    "samples",
    "third_party",
    "templates",
    "docs",
    "benchmarks",
];

/// Manifests of ecosystems that no gate runs.
const NOT_RUN: [(&str, &str); 10] = [
    ("Gemfile", "Ruby"),
    ("composer.json", "PHP"),
    (".csproj", ".NET"),
    (".sln", ".NET"),
    ("pubspec.yaml", "Dart"),
    ("mix.exs", "Elixir"),
    ("Package.swift", "Swift"),
    ("CMakeLists.txt", "C and C++"),
    ("build.sbt", "Scala"),
    ("deno.json", "Deno"),
];

/// Every component of a project but those that `exclude` names, and what no gate covers.
pub fn survey(site: &Site, exclude: &[String]) -> Result<Survey, ProjectError> {
    let (mut out, mut aside) = (Survey::default(), Vec::new());
    let excluded = crate::facts::pattern::any_of(exclude);
    for ecosystem in ECOSYSTEMS {
        for folder in (ecosystem.components)(site)? {
            let found = Found { ecosystem: ecosystem.id, folder };
            let shown = if found.folder.is_empty() { "the project's own folder" } else { found.folder.as_str() };
            if excluded.is_match(&found.folder) || exclude.contains(&found.folder) {
                out.uncovered.push(format!("{shown} ({}) is left out by `components.exclude`", found.ecosystem));
            } else if found.folder.split('/').any(|part| SAMPLES.contains(&part)) {
                aside.push(found);
            } else {
                out.found.push(found);
            }
        }
    }
    // Samples are all that there is: then they are the project.
    if out.found.is_empty() {
        out.found = std::mem::take(&mut aside);
    }
    out.found.sort_by(|a, b| a.folder.cmp(&b.folder));
    let samples = aside.iter().map(|f| format!("{} ({}) is taken for samples or test data", f.folder, f.ecosystem));
    out.uncovered.extend(samples);
    for (manifest, what) in NOT_RUN {
        for folder in
            outermost(&site.files, |name| name == manifest || (manifest.starts_with('.') && name.ends_with(manifest)))
        {
            let shown = if folder.is_empty() { "the project's own folder" } else { &folder };
            out.uncovered.push(format!("{shown} has a {manifest} ({what})"));
        }
    }
    Ok(out)
}

/// How one component is installed and tested; `None` where a closer look finds none.
pub fn plan(ecosystem: &str, site: &Site) -> Result<Option<Project>, ProjectError> {
    match ECOSYSTEMS.iter().find(|e| e.id == ecosystem) {
        Some(ecosystem) => (ecosystem.plan)(site),
        None => Ok(None),
    }
}

/// Which tools look at one component for a gate that judges findings.
pub fn scans(ecosystem: &str, gate: Gate, look: &Look) -> Result<Scans, ProjectError> {
    match ECOSYSTEMS.iter().find(|e| e.id == ecosystem) {
        Some(ecosystem) => (ecosystem.scans)(gate, look),
        None => Ok(Scans::NoTool(format!("no tool for {ecosystem}"))),
    }
}

/// For an ecosystem of which no tool comes with qte-ci.
fn no_scans(what: &str, gate: Gate) -> Result<Scans, ProjectError> {
    Ok(Scans::NoTool(format!(
        "{what} is looked at by no tool that comes with qte-ci: let a step of your own write a report, and name it in \
         `{gate}.reports`"
    )))
}

/// What `find` looks for, for the reason of a skipped gate.
pub fn looked_for() -> String {
    ECOSYSTEMS.iter().flat_map(|e| e.looked_for).copied().collect::<Vec<_>>().join(", ")
}

/// The folders of `files` that hold a file by one of these names, without those inside another of them.
pub fn outermost(files: &[String], is_manifest: impl Fn(&str) -> bool) -> Vec<String> {
    let mut folders: Vec<&str> = files
        .iter()
        .filter_map(|file| {
            let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
            is_manifest(name).then_some(folder)
        })
        .collect();
    folders.sort_unstable();
    folders.dedup();
    let mut out: Vec<String> = Vec::new();
    for folder in folders {
        if !out.iter().any(|outer| is_below(folder, outer)) {
            out.push(folder.to_string());
        }
    }
    out
}

/// A path as an argument of a command.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Arguments as one types them in `folder`: paths below it are shown from there.
fn shell_words(arguments: &[String], folder: &Path) -> String {
    arguments.join(" ").replace(&format!("{}/", path_text(folder)), "")
}

/// Is `path` inside of `folder` (empty for the root)?
pub fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
