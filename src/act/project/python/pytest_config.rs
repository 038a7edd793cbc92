//! Which file pytest takes its configuration from, which it thereby does not see, and what `addopts` says.

use toml::{Table, Value};

use super::ini::Ini;
use super::manifest::table;
use super::source::Source;
use crate::act::project::ProjectError;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PytestConfig {
    /// The one file that pytest reads.
    pub file: Option<String>,
    pub addopts: Vec<String>,
    pub notes: Vec<String>,
}

impl PytestConfig {
    fn value(&self, names: &[&str]) -> Option<String> {
        let mut found = None;
        for (index, argument) in self.addopts.iter().enumerate() {
            for name in names {
                let rest = argument.strip_prefix(name);
                let joined = rest.filter(|rest| !name.starts_with("--") || rest.starts_with('='));
                match joined.map(|rest| rest.trim_start_matches('=')) {
                    Some("") => found = self.addopts.get(index + 1).cloned(),
                    Some(value) => found = Some(value.to_string()),
                    None if rest == Some("") => found = self.addopts.get(index + 1).cloned(),
                    None => {}
                }
            }
        }
        found
    }

    fn has(&self, name: &str) -> bool {
        self.addopts.iter().any(|argument| argument == name || argument.starts_with(&format!("{name}=")))
    }

    /// pytest-cov is told to measure.
    pub fn measures(&self) -> bool {
        self.has("--cov") && !self.has("--no-cov")
    }

    pub fn decides_branches(&self) -> bool {
        self.has("--cov-branch")
    }

    /// An option of pytest-cov is used: without the plugin pytest would refuse it.
    pub fn needs_pytest_cov(&self) -> bool {
        self.distributes() || self.addopts.iter().any(|one| one.starts_with("--cov") || one == "--no-cov")
    }

    /// pytest-xdist runs the tests in other processes, where `coverage run` does not see them.
    pub fn distributes(&self) -> bool {
        let workers = self.value(&["-n", "--numprocesses"]);
        workers.is_some_and(|workers| workers != "0") && !self.has("--no-cov")
    }

    pub fn coverage_config(&self) -> Option<String> {
        self.value(&["--cov-config"])
    }
}

/// What one file says, if pytest would read it.
struct Candidate {
    file: &'static str,
    addopts: Vec<String>,
}

pub fn read(source: &mut Source, pyproject: &Table) -> Result<PytestConfig, ProjectError> {
    let mut config = PytestConfig::default();
    let mut found: Vec<Candidate> = Vec::new();
    // In pytest's own order; the first one wins whole, nothing is merged.
    for file in ["pytest.toml", ".pytest.toml"] {
        if let Some(text) = source.toml(file)? {
            let addopts = table(&text, &["pytest"]).and_then(|table| table.get("addopts"));
            found.push(Candidate { file, addopts: arguments(addopts) });
        }
    }
    for file in ["pytest.ini", ".pytest.ini"] {
        if let Some(ini) = source.text(file)?.map(|text| Ini::parse(&text)) {
            if let Some(section) = ini.section("tool:pytest") {
                config.notes.push(format!(
                    "{file}:{}: nobody reads the heading [tool:pytest] here; in this file it must be [pytest]",
                    section.line
                ));
            }
            found.push(Candidate { file, addopts: ini_addopts(&ini, "pytest") });
        }
    }
    if let Some(options) = table(pyproject, &["tool", "pytest"]) {
        let options = table(options, &["ini_options"]).unwrap_or(options);
        found.push(Candidate { file: "pyproject.toml", addopts: arguments(options.get("addopts")) });
    }
    for (file, section) in [("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")] {
        if let Some(ini) = source.text(file)?.map(|text| Ini::parse(&text))
            && ini.section(section).is_some()
        {
            found.push(Candidate { file, addopts: ini_addopts(&ini, section) });
        }
    }
    let mut found = found.into_iter();
    if let Some(first) = found.next() {
        for hidden in found {
            config.notes.push(format!("pytest reads {}, which hides the configuration in {}", first.file, hidden.file));
        }
        config.file = Some(first.file.to_string());
        config.addopts = first.addopts;
    }
    Ok(config)
}

fn ini_addopts(ini: &Ini, section: &str) -> Vec<String> {
    let option = ini.section(section).and_then(|section| section.get("addopts"));
    option.map_or(Vec::new(), |option| words(&option.value))
}

fn arguments(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => words(text),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Splits as `shlex.split` does, which is what pytest uses.
pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"'), '\\') | (None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(addopts: &str) -> PytestConfig {
        PytestConfig { addopts: words(addopts), ..PytestConfig::default() }
    }

    #[test]
    fn words_as_a_shell_has_them() {
        assert_eq!(words("-m \"not slow\"\n  --cov=a\\ b ''"), ["-m", "not slow", "--cov=a b", ""]);
    }

    #[test]
    fn pytest_cov_and_xdist() {
        assert!(config("--cov --cov-fail-under=99").measures());
        assert!(!config("--cov=x --no-cov").measures());
        assert!(!config("--cov-report=term").measures());
        assert!(config("--cov-report=term").needs_pytest_cov());
        for on in ["-n auto", "-n4", "--numprocesses=2", "--numprocesses 2"] {
            assert!(config(on).distributes(), "{on}");
        }
        for off in ["-n0", "-n 0", "", "--new-first"] {
            assert!(!config(off).distributes(), "{off}");
        }
        assert_eq!(config("--cov-config=x/.rc --cov").coverage_config().as_deref(), Some("x/.rc"));
    }
}
