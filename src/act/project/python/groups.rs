//! Dependency groups resolved into requirement strings: PEP 735, and the older tables of Poetry, PDM, uv and
//! Hatch. pip learned `--group` late (25.1), so nothing here leans on it.

use toml::{Table, Value};

use super::manifest::{Declared, table, texts};
use super::{kinds, requirement};
use crate::act::project::ProjectError;

/// Adds the groups that are meant for tests.
pub fn add(pyproject: &Table, declared: &mut Declared) -> Result<(), ProjectError> {
    if let Some(groups) = table(pyproject, &["dependency-groups"]) {
        for name in groups.keys().filter(|name| kinds::is_test(name)) {
            for requirement in resolve(groups, name)? {
                declared.add_test(&requirement);
            }
        }
    }
    poetry(pyproject, declared);
    for (name, list) in table(pyproject, &["tool", "pdm", "dev-dependencies"]).into_iter().flatten() {
        if kinds::is_test(name) {
            texts(Some(list)).iter().for_each(|requirement| declared.add_test(requirement));
        }
    }
    if let Some(uv) = table(pyproject, &["tool", "uv"]) {
        texts(uv.get("dev-dependencies")).iter().for_each(|requirement| declared.add_test(requirement));
    }
    for (name, env) in table(pyproject, &["tool", "hatch", "envs"]).into_iter().flatten() {
        if let Some(env) = env.as_table().filter(|_| name == "default" || kinds::is_test(name)) {
            hatch(env, declared);
        }
    }
    Ok(())
}

fn hatch(env: &Table, declared: &mut Declared) {
    for key in ["dependencies", "extra-dependencies"] {
        texts(env.get(key)).iter().for_each(|requirement| declared.add_test(requirement));
    }
    if declared.editable {
        declared.extras.extend(texts(env.get("features")).into_iter().map(str::to_string));
    }
}

fn poetry(pyproject: &Table, declared: &mut Declared) {
    let old = table(pyproject, &["tool", "poetry", "dev-dependencies"]);
    let groups = table(pyproject, &["tool", "poetry", "group"]).into_iter().flatten();
    let named = groups.filter(|(name, _)| kinds::is_test(name));
    for dependencies in old.into_iter().chain(named.filter_map(|(_, group)| group.get("dependencies")?.as_table())) {
        add_poetry_table(dependencies, true, declared);
    }
}

pub fn add_poetry_table(dependencies: &Table, test: bool, declared: &mut Declared) {
    for (name, value) in dependencies {
        let optional = value.get("optional").and_then(Value::as_bool) == Some(true);
        if name == "python" || optional {
            continue;
        }
        match requirement::from_poetry(name, value) {
            Ok(list) if test => list.iter().for_each(|requirement| declared.add_test(requirement)),
            Ok(list) => list.iter().for_each(|requirement| declared.add(requirement)),
            Err(what) => declared.notes.push(format!("{what} cannot be installed without Poetry and is left out")),
        }
    }
}

/// The requirement strings of one PEP 735 group, with `include-group` followed.
pub fn resolve(groups: &Table, name: &str) -> Result<Vec<String>, ProjectError> {
    let mut found = Vec::new();
    collect(groups, name, &mut Vec::new(), &mut found)?;
    Ok(found)
}

fn collect(groups: &Table, name: &str, path: &mut Vec<String>, found: &mut Vec<String>) -> Result<(), ProjectError> {
    let wanted = requirement::normalise(name);
    if path.contains(&wanted) {
        path.push(wanted);
        return Err(wrong(format!("a circle: {}", path.join(" -> "))));
    }
    let Some((_, list)) = groups.iter().find(|(key, _)| requirement::normalise(key) == wanted) else {
        let by = path.last().map_or(String::new(), |last| format!(", included by {last}"));
        return Err(wrong(format!("no group {name}{by}")));
    };
    let Some(list) = list.as_array() else { return Err(wrong(format!("{name} is no list"))) };
    path.push(wanted);
    for entry in list {
        match (entry.as_str(), entry.get("include-group").and_then(Value::as_str)) {
            (Some(requirement), _) => found.push(requirement.to_string()),
            (None, Some(other)) => collect(groups, other, path, found)?,
            (None, None) => return Err(wrong(format!("an entry of type {} in group {name}", entry.type_str()))),
        }
    }
    path.pop();
    Ok(())
}

fn wrong(found: String) -> ProjectError {
    ProjectError {
        file: "pyproject.toml".to_string(),
        line: None,
        column: None,
        expected: "[dependency-groups] of requirement strings and {include-group = \"name\"}".to_string(),
        found,
        help: "mend the table; PEP 735 describes it".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(text: &str) -> Result<Declared, ProjectError> {
        let mut declared = Declared::default();
        add(&toml::from_str(text).expect("good TOML"), &mut declared)?;
        Ok(declared)
    }

    #[test]
    fn groups_include_groups_under_any_spelling() {
        let found = declared(
            "[dependency-groups]\nTest = ['pytest', {include-group = 'Extra_Things'}]\nextra-things = ['attrs>=1']\ndocs = ['sphinx']",
        )
        .expect("good");
        assert_eq!(found.requirements, ["pytest", "attrs>=1"]);
        assert!(found.test_packages.contains("attrs"));
    }

    #[test]
    fn a_circle_and_a_missing_group_are_errors() {
        let circle =
            declared("[dependency-groups]\ntest = [{include-group = 'dev'}]\ndev = [{include-group = 'test'}]");
        assert!(circle.expect_err("circle").found.contains("dev -> test"));
        let missing = declared("[dependency-groups]\ntest = [{include-group = 'nope'}]").expect_err("missing");
        assert!(missing.to_string().contains("no group nope, included by test"), "{missing}");
    }

    #[test]
    fn older_tables() {
        let found = declared(
            "[tool.poetry.dev-dependencies]\npytest = '^7'\n[tool.poetry.group.test.dependencies]\nfreezegun = '*'\n\
             [tool.poetry.group.docs.dependencies]\nsphinx = '*'\n[tool.pdm.dev-dependencies]\ntest = ['mock', '-e file:///x']\n\
             [tool.uv]\ndev-dependencies = ['anyio']\n[tool.hatch.envs.default]\ndependencies = ['rich']",
        )
        .expect("good");
        assert_eq!(found.requirements, ["pytest>=7,<8.0", "freezegun", "mock", "anyio", "rich"]);
        assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
    }
}
