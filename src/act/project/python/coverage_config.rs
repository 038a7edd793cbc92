//! Which file coverage.py takes its configuration from, and what in it matters to us.

use toml::{Table, Value};

use super::ini::Ini;
use super::manifest::{table, texts};
use super::source::Source;
use crate::act::project::ProjectError;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageConfig {
    pub file: Option<String>,
    /// It says itself whether branches are measured.
    pub decides_branches: bool,
    /// Processes that the tests start measure themselves by this file alone: `--branch` on our command line
    /// would not reach them, and coverage refuses to combine the two kinds of data.
    pub measures_processes: bool,
    pub omit: Vec<String>,
    pub notes: Vec<String>,
}

/// `named` is what pytest's `--cov-config` says.
pub fn read(source: &mut Source, pyproject: &Table, named: Option<&str>) -> Result<CoverageConfig, ProjectError> {
    let mut found = Vec::new();
    // In coverage's own order. Its own file counts even if empty, the shared ones only with its sections.
    let own = named.unwrap_or(".coveragerc");
    if let Some(text) = source.text(own)? {
        found.push(from_ini(own, &Ini::parse(&text), &["", "coverage:"]));
    }
    if let Some(text) = source.toml(".coveragerc.toml")? {
        found.push(from_toml(".coveragerc.toml", &text));
    }
    for file in ["setup.cfg", "tox.ini"] {
        if let Some(ini) = source.text(file)?.map(|text| Ini::parse(&text))
            && ini.sections.iter().any(|section| section.name.starts_with("coverage:"))
        {
            found.push(from_ini(file, &ini, &["coverage:"]));
        }
    }
    if table(pyproject, &["tool", "coverage"]).is_some() {
        found.push(from_toml("pyproject.toml", pyproject));
    }
    let mut found = found.into_iter();
    let Some(mut first) = found.next() else { return Ok(CoverageConfig::default()) };
    let name = first.file.clone().unwrap_or_default();
    if first.measures_processes && !first.decides_branches {
        first.notes.push(format!(
            "branches are not measured: {name} lets processes measure themselves (parallel, concurrency or patch) \
             and does not say `branch = true`"
        ));
    }
    for hidden in found.filter_map(|config| config.file) {
        first.notes.push(format!("coverage reads {name}, which hides the configuration in {hidden}"));
    }
    Ok(first)
}

fn from_ini(file: &str, ini: &Ini, prefixes: &[&str]) -> CoverageConfig {
    let mut config = CoverageConfig { file: Some(file.to_string()), ..CoverageConfig::default() };
    for prefix in prefixes {
        for name in ["run", "report"] {
            let Some(section) = ini.section(&format!("{prefix}{name}")) else { continue };
            config.decides_branches |= name == "run" && section.get("branch").is_some();
            let parallel = section.get("parallel").map_or("false", |option| option.value.as_str());
            let on = !matches!(parallel.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0");
            let spawns = section.lines("concurrency").iter().any(|line| line.contains("multiprocessing"));
            config.measures_processes |= name == "run" && (on || spawns || section.get("patch").is_some());
            let lines = section.lines("omit");
            let globs = lines.iter().flat_map(|line| line.split(',')).map(str::trim);
            config.omit.extend(globs.filter(|glob| !glob.is_empty()).map(str::to_string));
        }
    }
    config
}

fn from_toml(file: &str, text: &Table) -> CoverageConfig {
    let mut config = CoverageConfig { file: Some(file.to_string()), ..CoverageConfig::default() };
    for path in [&["tool", "coverage", "run"][..], &["tool", "coverage", "report"], &["run"], &["report"]] {
        let Some(section) = table(text, path) else { continue };
        config.decides_branches |= path.ends_with(&["run"]) && section.contains_key("branch");
        let parallel = section.get("parallel").and_then(Value::as_bool) == Some(true);
        let spawns = match section.get("concurrency") {
            Some(Value::String(text)) => text.contains("multiprocessing"),
            list => texts(list).contains(&"multiprocessing"),
        };
        config.measures_processes |= path.ends_with(&["run"]) && (parallel || spawns || section.contains_key("patch"));
        match section.get("omit") {
            Some(Value::String(globs)) => config.omit.extend(globs.split(',').map(|glob| glob.trim().to_string())),
            list => config.omit.extend(texts(list).into_iter().map(str::to_string)),
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omit_and_branch_of_both_kinds_of_file() {
        let ini =
            Ini::parse("[coverage:run]\nbranch = no\nomit =\n    a/*, b/*\n    c.py\n[coverage:report]\nomit = d\n");
        let config = from_ini("setup.cfg", &ini, &["coverage:"]);
        assert_eq!(config.omit, ["a/*", "b/*", "c.py", "d"]);
        assert!(config.decides_branches && !config.measures_processes);
        for text in ["parallel = true", "concurrency =\n  thread\n  multiprocessing", "patch = subprocess"] {
            let config = from_ini(".coveragerc", &Ini::parse(&format!("[run]\n{text}\n")), &["", "coverage:"]);
            assert!(config.measures_processes, "{text}");
        }
        let text =
            toml::from_str("[tool.coverage.run]\nomit = ['x']\n[tool.coverage.report]\nfail_under = 3").expect("good");
        let config = from_toml("pyproject.toml", &text);
        assert_eq!(config.omit, ["x"]);
        assert!(!config.decides_branches);
    }
}
