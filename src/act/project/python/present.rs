//! What the project declares as a list of requirement strings, to ask an interpreter whether it has them already.
//! For the machine without a network: the environment of ours cannot be made there, and the user's may do.

use toml::Table;

use super::kinds;
use super::literals::{self, Token};
use super::manifest::{Declared, table, texts};
use super::requirement;
use super::source::Source;
use super::{groups, ini::Ini};
use crate::act::project::ProjectError;

/// Every declared requirement; `None` where that cannot be told without running something: a lock, a dynamic
/// or computed list, a path or URL.
pub fn requirements(
    source: &mut Source,
    pyproject: &Table,
    declared: &Declared,
) -> Result<Option<Vec<String>>, ProjectError> {
    if declared.lock.is_some() {
        return Ok(None);
    }
    let mut all = declared.requirements.clone();
    if declared.editable {
        let Some(own) = own(source, pyproject, declared)? else { return Ok(None) };
        all.extend(own);
    }
    for file in &declared.requirement_files {
        let text = source.text(file)?.unwrap_or_default();
        for line in text.lines().map(|line| line.split(" #").next().unwrap_or(line).trim()) {
            if line.is_empty() || line.starts_with('#') || line.starts_with("-r") || line.starts_with("-c") {
                continue;
            }
            if line.starts_with('-') || requirement::package(line).is_none() {
                return Ok(None);
            }
            all.push(line.split(" --hash").next().unwrap_or(line).trim_end_matches('\\').trim().to_string());
        }
    }
    all.sort();
    all.dedup();
    Ok(Some(all))
}

/// The project's own dependencies and those of its test extras.
fn own(source: &mut Source, pyproject: &Table, declared: &Declared) -> Result<Option<Vec<String>>, ProjectError> {
    let mut all = Vec::new();
    if let Some(project) = table(pyproject, &["project"]) {
        if texts(project.get("dynamic")).iter().any(|key| key.contains("dependencies")) {
            return Ok(None);
        }
        all.extend(texts(project.get("dependencies")).into_iter().map(str::to_string));
        for (name, list) in table(pyproject, &["project", "optional-dependencies"]).into_iter().flatten() {
            if kinds::is_test(name) {
                all.extend(texts(Some(list)).into_iter().map(str::to_string));
            }
        }
    }
    if let Some(own) = table(pyproject, &["tool", "poetry", "dependencies"]) {
        let mut poetry = Declared::default();
        groups::add_poetry_table(own, false, &mut poetry);
        all.extend(poetry.requirements);
    }
    if let Some(text) = source.text("setup.cfg")? {
        let cfg = Ini::parse(&text);
        let lines = |section: &str, key: &str| -> Vec<String> {
            cfg.section(section).map_or(Vec::new(), |s| s.lines(key).into_iter().map(str::to_string).collect())
        };
        all.extend(lines("options", "install_requires"));
        declared.extras.iter().for_each(|extra| all.extend(lines("options.extras_require", extra)));
    }
    match source.text("setup.py")? {
        Some(text) => Ok(setup_py(&text, declared).map(|own| [all, own].concat())),
        None => Ok(Some(all)),
    }
}

fn setup_py(text: &str, declared: &Declared) -> Option<Vec<String>> {
    let tokens = literals::tokens(text);
    // Given, but not as a literal: only running the file would tell.
    let literal = |keyword: &str, sign: char| -> Option<Option<usize>> {
        if !tokens.contains(&Token::Name(keyword.to_string())) {
            return Some(None);
        }
        let at = literals::value_of(&tokens, keyword)?;
        (tokens.get(at) == Some(&Token::Sign(sign))).then_some(Some(at))
    };
    let mut all = Vec::new();
    if let Some(at) = literal("install_requires", '[')? {
        all.extend(literals::strings(literals::inside(&tokens, at)));
    }
    if let Some(at) = literal("extras_require", '{')? {
        let extras = literals::dict_of_lists(&tokens, at);
        all.extend(extras.into_iter().filter(|(name, _)| declared.extras.contains(name)).flat_map(|(_, list)| list));
    }
    Some(all)
}

/// The name without its pin, for what we would have installed ourselves.
pub fn unpinned(needed: &[String]) -> impl Iterator<Item = String> + '_ {
    needed.iter().map(|pinned| pinned.split("==").next().unwrap_or(pinned).to_string())
}

/// The folder that makes a project importable that is not installed: `src` where the layout has one.
pub fn import_folder(files: &[String]) -> &'static str {
    if files.iter().any(|file| file.starts_with("src/") && file.ends_with(".py")) { "src" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computed_list_tells_nothing() {
        let declared = Declared::default();
        assert_eq!(setup_py("setup(install_requires=read('r.txt'))", &declared), None);
        assert_eq!(
            setup_py("setup(install_requires=['a>=1', \"b\"])", &declared),
            Some(vec!["a>=1".into(), "b".into()])
        );
        assert_eq!(setup_py("setup(name='x')", &declared), Some(Vec::new()));
        let names: Vec<String> = unpinned(&["pytest==9.2.0".into()]).collect();
        assert_eq!(names, ["pytest"]);
    }
}
