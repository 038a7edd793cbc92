//! What the project declares: whether it can be installed, which extras, groups and requirements are for tests.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::groups;
use super::ini::Ini;
use super::literals::{self, Token};
use super::source::Source;
use super::{kinds, requirement};
use crate::act::project::ProjectError;

/// Tools that write a lock, in the order in which one is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    Uv,
    Poetry,
    Pdm,
}

/// Everything to install, as the project says it.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// `-e .` works.
    pub editable: bool,
    pub extras: BTreeSet<String>,
    /// Requirement strings of groups, and of the project itself where it cannot be installed.
    pub requirements: Vec<String>,
    /// Arguments of `-r` and `-c`, relative to the root.
    pub requirement_files: Vec<String>,
    pub constraint_files: Vec<String>,
    /// Those of `requirement_files` with hashes: pip then wants a hash for all that stands beside them.
    pub hashed_files: BTreeSet<String>,
    /// Names of the packages that a declaration for tests gives.
    pub test_packages: BTreeSet<String>,
    pub lock: Option<Lock>,
    /// Groups that tox asks for beside those named like tests; for the lock's tool.
    pub groups: BTreeSet<String>,
    pub manifests: Vec<String>,
    pub notes: Vec<String>,
}

impl Declared {
    pub fn add(&mut self, requirement: &str) {
        let requirement = requirement.trim();
        // What begins with a dash would be an option of pip's, not a package.
        if requirement.starts_with('-') {
            self.notes.push(format!("`{requirement}` stands where a package was expected and is left out"));
        } else if !requirement.is_empty() && !self.requirements.iter().any(|known| known == requirement) {
            self.requirements.push(requirement.to_string());
        }
    }

    pub fn add_test(&mut self, requirement: &str) {
        self.test_packages.extend(requirement::package(requirement));
        self.add(requirement);
    }

    pub fn add_file(&mut self, path: &str, text: &str) {
        if text.contains("--hash=") {
            self.hashed_files.insert(path.to_string());
        }
        if !self.requirement_files.iter().any(|known| known == path) {
            self.requirement_files.push(path.to_string());
        }
    }

    fn manifest(&mut self, path: &str) {
        if !self.manifests.iter().any(|known| known == path) {
            self.manifests.push(path.to_string());
        }
    }
}

pub fn read(source: &mut Source, pyproject: &Table) -> Result<Declared, ProjectError> {
    let mut declared = Declared::default();
    if source.has("pyproject.toml") {
        declared.manifest("pyproject.toml");
    }
    declared.lock = lock(source, pyproject, &mut declared.notes);
    if let Some(lock) = declared.lock {
        let path = lock.file();
        source.note(path)?;
        declared.manifest(path);
    }
    declared.editable = is_installable(source, pyproject, &mut declared)?;
    project_table(pyproject, &mut declared);
    setup_cfg(source, &mut declared)?;
    setup_py(source, &mut declared)?;
    if declared.lock.is_none() {
        groups::add(pyproject, &mut declared)?;
    }
    requirement_files(source, &mut declared)?;
    Ok(declared)
}

impl Lock {
    pub fn file(self) -> &'static str {
        match self {
            Lock::Uv => "uv.lock",
            Lock::Poetry => "poetry.lock",
            Lock::Pdm => "pdm.lock",
        }
    }
}

fn lock(source: &Source, pyproject: &Table, notes: &mut Vec<String>) -> Option<Lock> {
    let found: Vec<Lock> =
        [Lock::Uv, Lock::Poetry, Lock::Pdm].into_iter().filter(|lock| source.has(lock.file())).collect();
    let first = *found.first()?;
    if pyproject.is_empty() {
        notes.push(format!("{} has no pyproject.toml beside it and is left out", first.file()));
        return None;
    }
    for other in &found[1..] {
        notes.push(format!("{} is used, {} is not", first.file(), other.file()));
    }
    Some(first)
}

/// A table below `[tool]`, or any other path; an empty one if it is not there.
pub fn table<'t>(from: &'t Table, path: &[&str]) -> Option<&'t Table> {
    path.iter().try_fold(from, |table, key| table.get(*key)?.as_table())
}

/// String entries of a list.
pub fn texts(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).map_or(Vec::new(), |list| list.iter().filter_map(Value::as_str).collect())
}

fn is_installable(source: &mut Source, pyproject: &Table, declared: &mut Declared) -> Result<bool, ProjectError> {
    if let Some(poetry) = table(pyproject, &["tool", "poetry"]) {
        let is_package = poetry.get("package-mode").and_then(Value::as_bool) != Some(false);
        let named = poetry.contains_key("name") || pyproject.contains_key("project");
        if named || !is_package {
            return Ok(is_package && (pyproject.contains_key("build-system") || named));
        }
    }
    if source.has("setup.py") {
        return Ok(true);
    }
    if let Some(text) = source.text("setup.cfg")? {
        let cfg = Ini::parse(&text);
        // pip takes a setup.cfg only beside a pyproject.toml or a setup.py.
        let named = cfg.section("metadata").is_some_and(|section| section.get("name").is_some());
        if named && source.has("pyproject.toml") {
            return Ok(true);
        }
    }
    if table(pyproject, &["tool", "uv"]).and_then(|uv| uv.get("package")?.as_bool()) == Some(false) {
        return Ok(false);
    }
    if pyproject.contains_key("build-system") {
        // Many a pyproject.toml has a build-system and nothing to build beside its tools' settings.
        return Ok(pyproject.contains_key("project") || table(pyproject, &["tool", "flit", "metadata"]).is_some());
    }
    if !pyproject.contains_key("project") {
        return Ok(false);
    }
    let clear = setuptools_finds_one_package(source.layout.files);
    if !clear {
        declared.notes.push(
            "pyproject.toml has no [build-system] and the folder does not show one package: its dependencies are \
             installed, the project itself is not"
                .to_string(),
        );
    }
    Ok(clear)
}

/// Without a build-system pip takes setuptools, and that refuses a flat layout with several top-level folders.
fn setuptools_finds_one_package(files: &[String]) -> bool {
    const NOT_PACKAGES: [&str; 24] = [
        "ci",
        "bin",
        "debian",
        "doc",
        "docs",
        "documentation",
        "manpages",
        "news",
        "newsfragments",
        "changelog",
        "test",
        "tests",
        "unit_test",
        "unit_tests",
        "example",
        "examples",
        "scripts",
        "tools",
        "util",
        "utils",
        "python",
        "build",
        "benchmark",
        "benchmarks",
    ];
    const NOT_MODULES: [&str; 14] = [
        "setup", "conftest", "test", "tests", "example", "examples", "build", "toxfile", "noxfile", "pavement", "dodo",
        "tasks", "fabfile", "manage",
    ];
    if files.iter().any(|file| file.starts_with("src/") && file.ends_with(".py")) {
        return true;
    }
    let is_name = |name: &str| name.chars().all(|c| c == '_' || c.is_alphanumeric()) && !name.starts_with(['_', '.']);
    let folders: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.split_once('/').map(|(folder, _)| folder))
        .filter(|folder| is_name(folder) && !NOT_PACKAGES.contains(folder))
        .collect();
    if !folders.is_empty() {
        return folders.len() == 1;
    }
    let modules = files
        .iter()
        .filter(|file| !file.contains('/'))
        .filter_map(|file| file.strip_suffix(".py"))
        .filter(|name| is_name(name) && !NOT_MODULES.contains(name) && !name.starts_with("test_"));
    modules.count() == 1
}

/// `[project]` and `[tool.poetry]`: extras for tests, and the dependencies themselves where `-e .` cannot work.
fn project_table(pyproject: &Table, declared: &mut Declared) {
    let extras = table(pyproject, &["project", "optional-dependencies"]);
    for (name, list) in extras.into_iter().flatten().filter(|(name, _)| kinds::is_test(name)) {
        let list = texts(Some(list));
        declared.test_packages.extend(list.iter().filter_map(|requirement| requirement::package(requirement)));
        if declared.editable || declared.lock.is_some() {
            declared.extras.insert(name.clone());
        } else {
            list.iter().for_each(|requirement| declared.add(requirement));
        }
    }
    for (name, list) in table(pyproject, &["tool", "poetry", "extras"]).into_iter().flatten() {
        if kinds::is_test(name) {
            declared.test_packages.extend(texts(Some(list)).into_iter().map(requirement::normalise));
            declared.extras.insert(name.clone());
        }
    }
    if !declared.editable && declared.lock.is_none() {
        let list = table(pyproject, &["project"]).and_then(|project| project.get("dependencies"));
        texts(list).iter().for_each(|requirement| declared.add(requirement));
        if let Some(own) = table(pyproject, &["tool", "poetry", "dependencies"]) {
            groups::add_poetry_table(own, false, declared);
        }
    }
}

fn setup_cfg(source: &mut Source, declared: &mut Declared) -> Result<(), ProjectError> {
    let Some(text) = source.text("setup.cfg")? else { return Ok(()) };
    let cfg = Ini::parse(&text);
    if let Some(extras) = cfg.section("options.extras_require") {
        declared.manifest("setup.cfg");
        for option in extras.options.iter().filter(|option| kinds::is_test(&option.key)) {
            let lines = option.value.lines().flat_map(|line| line.split(';').next());
            declared.test_packages.extend(lines.filter_map(requirement::package));
            if declared.editable {
                declared.extras.insert(option.key.clone());
            } else {
                option.value.lines().for_each(|requirement| declared.add(requirement));
            }
        }
    }
    if let Some(options) = cfg.section("options") {
        declared.manifest("setup.cfg");
        if !declared.editable && declared.lock.is_none() {
            options.lines("install_requires").iter().for_each(|requirement| declared.add(requirement));
        }
        options.lines("tests_require").iter().for_each(|requirement| declared.add_test(requirement));
    }
    Ok(())
}

/// Names only: a static look; what setup.py computes is not seen.
fn setup_py(source: &mut Source, declared: &mut Declared) -> Result<(), ProjectError> {
    let Some(text) = source.text("setup.py")? else { return Ok(()) };
    declared.manifest("setup.py");
    let tokens = literals::tokens(&text);
    if let Some(at) = literals::value_of(&tokens, "extras_require")
        && tokens.get(at) == Some(&Token::Sign('{'))
    {
        for (name, list) in literals::dict_of_lists(&tokens, at) {
            if kinds::is_test(&name) {
                declared.test_packages.extend(list.iter().filter_map(|one| requirement::package(one)));
                declared.extras.insert(name);
            }
        }
    }
    if let Some(at) = literals::value_of(&tokens, "tests_require")
        && tokens.get(at) == Some(&Token::Sign('['))
    {
        for requirement in literals::strings(literals::inside(&tokens, at)) {
            declared.add_test(&requirement);
        }
    }
    Ok(())
}

fn requirement_files(source: &mut Source, declared: &mut Declared) -> Result<(), ProjectError> {
    let mut found: Vec<(String, kinds::Requirements)> = Vec::new();
    for file in source.layout.files {
        found.extend(kinds::requirements(file).map(|kind| (file.clone(), kind)));
    }
    for (path, kind) in found {
        if let Some(lock) = declared.lock {
            // An export of the lock, or older than it: both would fight with it.
            source.note(&path)?;
            declared.notes.push(format!("{path} is not used: {} decides", lock.file()));
            continue;
        }
        let mut packages = BTreeSet::new();
        follow(source, &path, &mut BTreeSet::new(), &mut packages)?;
        if kind == kinds::Requirements::Test {
            declared.test_packages.extend(packages);
        }
        declared.manifest(&path);
        let text = source.text(&path)?.unwrap_or_default();
        declared.add_file(&path, &text);
    }
    Ok(())
}

/// Reads a requirements file and those it includes: their contents are part of the key.
pub fn follow(
    source: &mut Source,
    path: &str,
    seen: &mut BTreeSet<String>,
    packages: &mut BTreeSet<String>,
) -> Result<(), ProjectError> {
    if !seen.insert(path.to_string()) {
        return Ok(());
    }
    let Some(text) = source.text(path)? else { return Ok(()) };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for line in text.lines().map(str::trim) {
        match included(line) {
            Some(other) => follow(source, &join(folder, other), seen, packages)?,
            None => packages.extend(requirement::package(line)),
        }
    }
    Ok(())
}

/// The file of a `-r` or `-c` line.
fn included(line: &str) -> Option<&str> {
    let rest = ["--requirement", "--constraint", "-r", "-c"].iter().find_map(|option| line.strip_prefix(option))?;
    Some(rest.trim_start_matches(['=', ' ', '\t']).trim())
}

/// Joins and tidies a relative path without touching the disk.
pub fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
