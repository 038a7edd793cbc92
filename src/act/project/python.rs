//! Python: is this a Python project, what does it declare, how do its tests run. Strings the readers together.

mod coverage_config;
mod groups;
mod ini;
mod install;
mod kinds;
mod literals;
mod lock;
mod manifest;
mod present;
mod pytest_config;
mod requirement;
mod runner;
mod scan;
mod sessions;
mod source;
mod thresholds;

use toml::Table;

use super::{Ecosystem, Host, InstallPlan, Layout, Project, ProjectError, Site, is_below, outermost};
use pytest_config::PytestConfig;
use runner::Suites;
use source::Source;

pub const ECOSYSTEM: Ecosystem =
    Ecosystem { id: "python", looked_for: LOOKED_FOR, components, plan, scans: scan::scans };

const LOOKED_FOR: &[&str] = &[
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "requirements*.txt",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "tox.ini",
    "noxfile.py",
    "pytest.ini",
    "test_*.py",
    "*_test.py",
    "test*.py",
];

/// Manifests of tools that are not understood; that is said rather than passed over.
const NOT_READ: [&str; 6] =
    ["Pipfile", "Pipfile.lock", "pylock.toml", "environment.yml", "environment.yaml", "conda-lock.yml"];

/// A Python file, or a file that may declare or configure a Python project. Where there is none, no interpreter is
/// looked for.
fn is_sign(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.ends_with(".py") || LOOKED_FOR.contains(&name) || kinds::requirements(path).is_some()
}

/// The root where it declares or configures Python itself: it then speaks for all that lies below. Else the folders
/// that declare a project of their own, and the root for Python outside of them.
fn components(site: &Site) -> Result<Vec<String>, ProjectError> {
    if !site.files.iter().any(|file| is_sign(file)) {
        return Ok(Vec::new());
    }
    let root = ["setup.py", "setup.cfg", "noxfile.py", "tox.ini", "pytest.ini"].iter().any(|file| site.has(file))
        || site.files.iter().any(|file| !file.contains('/') && kinds::requirements(file).is_some())
        || declares(site, "pyproject.toml")?;
    if root {
        return Ok(vec![String::new()]);
    }
    let mut folders = Vec::new();
    for folder in outermost(&site.files, |name| matches!(name, "setup.py" | "setup.cfg" | "pyproject.toml")) {
        let file = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
        let listed = |name: &str| site.has(&file(name));
        if !folder.is_empty() && (listed("setup.py") || listed("setup.cfg") || declares(site, &file("pyproject.toml"))?)
        {
            folders.push(folder);
        }
    }
    let outside = |file: &&String| !folders.iter().any(|folder| is_below(file, folder));
    if site.files.iter().filter(outside).any(|file| file.ends_with(".py")) {
        folders.push(String::new());
    }
    Ok(folders)
}

/// Does a pyproject.toml declare a project or its tests, and not only set up a tool? A broken one is looked at closer
/// when it is planned for, where its place is told.
fn declares(site: &Site, path: &str) -> Result<bool, ProjectError> {
    let Some(text) = site.text(path)? else { return Ok(false) };
    let Ok(table) = text.parse::<Table>() else { return Ok(true) };
    let tool = |name: &str| manifest::table(&table, &["tool", name]).is_some();
    Ok(["project", "dependency-groups"].iter().any(|key| table.contains_key(*key)) || tool("poetry") || tool("pytest"))
}

fn plan(site: &Site) -> Result<Option<Project>, ProjectError> {
    let host = Host::look(site.path)?;
    let root = site.root();
    let layout = Layout {
        project: site.project,
        root: &root,
        files: &site.files,
        evidence: &site.evidence,
        envs: site.envs,
        host: &host,
    };
    detect(&layout)
}

fn detect(layout: &Layout) -> Result<Option<Project>, ProjectError> {
    let mut source = Source::new(layout);
    let pyproject = source.toml("pyproject.toml")?.unwrap_or_default();
    let suites = runner::suites(&mut source)?;
    let pytest = pytest_config::read(&mut source, &pyproject)?;
    if !is_python(layout, &pyproject, &suites, &pytest) {
        return Ok(None);
    }
    let mut declared = manifest::read(&mut source, &pyproject)?;
    sessions::add(&mut source, &pyproject, &mut declared)?;
    let needed = runner::needed(layout, &pytest);
    let mut install = install::plan(&mut source, &pyproject, &declared, &needed)?;
    // From here on what is read decides no environment: the key is made.
    let listed = present::requirements(&mut source, &pyproject, &declared)?;
    install.present = listed.map(|list| install::ask_host(layout, &list, &needed));
    let coverage = coverage_config::read(&mut source, &pyproject, pytest.coverage_config().as_deref())?;
    let thresholds = thresholds::find(&mut source)?;
    let mut notes = declared.notes;
    notes.extend(pytest.notes.iter().chain(&coverage.notes).cloned());
    notes.extend(about_suites(&suites, &pytest));
    notes.extend(NOT_READ.iter().filter(|path| source.has(path)).map(|path| format!("{path} is not read")));
    let tests = runner::plan(layout, &install, &pytest, &coverage, &suites);
    Ok(Some(Project {
        ecosystem: "python",
        manifests: declared.manifests,
        notes,
        thresholds,
        omit: coverage.omit,
        roots: Vec::new(),
        install: InstallPlan::Environment(Box::new(install)),
        tests,
    }))
}

/// A pyproject.toml that only sets up a tool does not make a Python project of a folder without Python files.
fn is_python(layout: &Layout, pyproject: &Table, suites: &Suites, pytest: &PytestConfig) -> bool {
    let has_python = layout.files.iter().any(|file| file.ends_with(".py"));
    let declares = ["project", "dependency-groups"].iter().any(|key| pyproject.contains_key(*key))
        || manifest::table(pyproject, &["tool", "poetry"]).is_some();
    let manifest = layout
        .files
        .iter()
        .any(|file| matches!(file.as_str(), "setup.py" | "noxfile.py") || kinds::requirements(file).is_some());
    let configured = pytest.file.is_some() || layout.files.iter().any(|file| file == "tox.ini" || file == "setup.cfg");
    declares || manifest || !suites.is_empty() || (has_python && (configured || !pyproject.is_empty()))
}

fn about_suites(suites: &Suites, pytest: &PytestConfig) -> Option<String> {
    let list = suites.unittest.join(", ");
    if suites.is_empty() {
        return Some(match suites.conftest {
            true => "no test file was found beside conftest.py; pytest is asked all the same".to_string(),
            false => "no test file was found; pytest is asked all the same".to_string(),
        });
    }
    if suites.unittest.is_empty() {
        return None;
    }
    Some(match (&pytest.file, suites.pytest) {
        (None, false) => format!("unittest suites under names that pytest does not look for are named to it: {list}"),
        (Some(file), _) => format!("whether {list} is run, is for {file} to say (testpaths, python_files)"),
        (None, true) => format!("pytest does not look into {list}; tests there are not run"),
    })
}

#[cfg(test)]
mod tests;
