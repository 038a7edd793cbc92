//! The plan of one test run with coverage and JUnit, under the project's own configuration.

use serde_json::json;
use std::path::Path;

use super::coverage_config::CoverageConfig;
use super::install;
use super::pytest_config::PytestConfig;
use super::source::Source;
use crate::act::files;
use crate::act::project::{Command, Environment, Layout, ProjectError, TestPlan};

const RUN_TESTS: &str = include_str!("../assets/run_tests.py");

/// Versions for projects that declare none. Each with the first Python 3 that it runs on; the first that fits is
/// taken, so that an old interpreter gets what still supports it.
const PYTEST: [(u32, &str); 3] = [(10, "9.2.0"), (9, "8.4.2"), (8, "8.3.5")];
const COVERAGE: [(u32, &str); 3] = [(10, "7.17.3"), (9, "7.10.7"), (8, "7.6.1")];
const PYTEST_COV: [(u32, &str); 2] = [(9, "7.1.0"), (8, "5.0.0")];

/// What test files the project has, by what pytest collects without being told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Suites {
    pub pytest: bool,
    pub conftest: bool,
    /// Files of unittest discovery (`test*.py`) that pytest would pass by, such as `tests.py`.
    pub unittest: Vec<String>,
}

impl Suites {
    pub fn is_empty(&self) -> bool {
        !self.pytest && self.unittest.is_empty()
    }
}

pub fn suites(source: &mut Source) -> Result<Suites, ProjectError> {
    let mut suites = Suites::default();
    for file in source.layout.files.iter().filter(|file| file.ends_with(".py") && !is_not_searched(file)) {
        let name = file.rsplit('/').next().unwrap_or(file);
        if name == "conftest.py" {
            suites.conftest = true;
        } else if name.starts_with("test_") || name.ends_with("_test.py") {
            suites.pytest = true;
        } else if name.starts_with("test") && has_tests(source.layout, file)? {
            suites.unittest.push(file.clone());
        }
    }
    Ok(suites)
}

/// pytest's `norecursedirs`.
fn is_not_searched(path: &str) -> bool {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let skipped =
        |folder: &str| matches!(folder, "build" | "dist" | "node_modules" | "venv" | "CVS") || folder.starts_with('.');
    folders.split('/').any(|folder| skipped(folder) || folder.ends_with(".egg"))
}

/// `testing.py` is mostly a helper; a suite has cases. Read past `Source`: tests do not decide the environment.
fn has_tests(layout: &Layout, path: &str) -> Result<bool, ProjectError> {
    let bytes = std::fs::read(layout.root.join(path)).map_err(|error| ProjectError {
        file: path.to_string(),
        line: None,
        column: None,
        expected: "a readable test file".to_string(),
        found: error.to_string(),
        help: "the file was listed as part of the project: restore it, or remove it from git".to_string(),
    })?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().map(str::trim_start).any(|line| line.starts_with("def test") || line.starts_with("async def test")))
}

/// Pinned requirements for what the environment may lack.
pub fn needed(layout: &Layout, config: &PytestConfig) -> Vec<String> {
    let (_, minor) = layout.host.minor();
    let pinned = |name: &str, table: &[(u32, &str)]| {
        let version = table.iter().find(|(first, _)| *first <= minor).or(table.last());
        version.map(|(_, version)| format!("{name}=={version}"))
    };
    let mut needed: Vec<String> = pinned("pytest", &PYTEST).into_iter().chain(pinned("coverage", &COVERAGE)).collect();
    if config.needs_pytest_cov() {
        needed.extend(pinned("pytest-cov", &PYTEST_COV));
    }
    needed
}

pub fn plan(
    layout: &Layout,
    install: &Environment,
    pytest: &PytestConfig,
    coverage: &CoverageConfig,
    suites: &Suites,
) -> TestPlan {
    let at = |name: &str| layout.evidence.join(name);
    let (junit, xml, html, reruns) = (at("junit.xml"), at("coverage.xml"), at("coverage-html"), at("reruns.jsonl"));
    let by_pytest_cov = pytest.measures() || pytest.distributes();
    let branch = !coverage.decides_branches && !coverage.measures_processes && !pytest.decides_branches();
    let mut arguments = Vec::new();
    if by_pytest_cov {
        // `--cov` takes the next word unless that begins with a dash: it stands first.
        arguments.extend((!pytest.measures()).then(|| "--cov".to_string()));
        arguments.extend(branch.then(|| "--cov-branch".to_string()));
        arguments.push(format!("--cov-report=xml:{}", install::text(&xml)));
        arguments.push(format!("--cov-report=html:{}", install::text(&html)));
        // The project's threshold must not turn pytest's exit code: qte-ci judges.
        arguments.push("--cov-fail-under=0".to_string());
    }
    arguments.push(format!("--junitxml={}", install::text(&junit)));
    if pytest.file.is_none() && !suites.pytest {
        arguments.extend(suites.unittest.iter().cloned());
    }
    let data = at("coverage.data");
    let order = json!({
        "mode": if by_pytest_cov { "pytest-cov" } else { "coverage" },
        "branch": branch,
        "data": install::text(&data),
        "xml": install::text(&xml),
        "html": install::text(&html),
        "reruns": install::text(&reruns),
        "pytest": arguments,
    });
    let start = match (by_pytest_cov, branch) {
        (true, _) => "python -m pytest",
        (false, true) => "python -m coverage run --branch -m pytest",
        (false, false) => "python -m coverage run -m pytest",
    };
    // It runs in the project: paths in it can be shown, and tried, from there.
    let inside = format!("{}/", install::text(layout.root));
    let shown = format!("{start} {}", arguments.join(" ").replace(&inside, ""));
    let command = Command {
        argv: vec![install::text(&install.python), "-c".to_string(), RUN_TESTS.to_string(), order.to_string()],
        cwd: layout.root.to_path_buf(),
        env: environment(layout, install, &install::text(&data)),
        what: "run the tests with coverage".to_string(),
    };
    let mut config_sources: Vec<String> = pytest.file.iter().chain(&coverage.file).cloned().collect();
    config_sources.dedup();
    let inside = |path: &Path| path.strip_prefix(layout.project).map(files::slashed).unwrap_or_default();
    TestPlan {
        runner: "pytest".to_string(),
        shown,
        command,
        reports: vec![inside(&junit)],
        coverage: vec![inside(&xml)],
        no_coverage: None,
        reruns: Some(reruns),
        config_sources,
    }
}

/// The environment is active as after `source bin/activate`. PYTHONPATH stays what the user set: a workflow may
/// well set it for the project's tests, and nothing of ours needs it (the plugin is in the script).
fn environment(layout: &Layout, install: &Environment, data: &str) -> Vec<(String, Option<String>)> {
    vec![
        ("VIRTUAL_ENV".to_string(), Some(install::text(&install.folder))),
        ("PATH".to_string(), Some(format!("{}:{}", install::text(&install.folder.join("bin")), layout.host.path))),
        ("PYTHONHOME".to_string(), None),
        ("PYTHONUNBUFFERED".to_string(), Some("1".to_string())),
        // Stands above `data_file` of the project's configuration.
        ("COVERAGE_FILE".to_string(), Some(data.to_string())),
    ]
}
