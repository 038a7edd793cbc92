//! package.json as far as it says what to install and how to test.

use super::script::{Part, parts};
use crate::act::project::ProjectError;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What one package.json says.
#[derive(Clone, Debug, Default)]
pub struct Package {
    /// The file, as a path of the whole project.
    pub file: String,
    text: String,
    pub name: String,
    pub version: String,
    pub scripts: BTreeMap<String, String>,
    /// Names of all that it depends on, for use, tests and development.
    pub dependencies: BTreeSet<String>,
    /// What `dependencies` alone names is there to be used by its own code.
    uses: bool,
    /// `name@version` of the `packageManager` field.
    pub manager: Option<(String, String)>,
    /// Patterns of the folders of its workspaces.
    pub workspaces: Vec<String>,
    keys: BTreeSet<String>,
}

impl Package {
    pub fn read(file: &str, text: String) -> Result<Package, ProjectError> {
        let value: Value = serde_json::from_str(&text).map_err(|error| ProjectError {
            file: file.to_string(),
            line: u32::try_from(error.line()).ok(),
            column: u32::try_from(error.column()).ok(),
            expected: "JSON".to_string(),
            found: error.to_string(),
            help: format!("mend {file} at this place"),
        })?;
        let Value::Object(map) = value else {
            return Err(ProjectError {
                file: file.to_string(),
                line: Some(1),
                column: None,
                expected: "an object".to_string(),
                found: "another kind of value".to_string(),
                help: format!("mend {file}"),
            });
        };
        let workspaces = match map.get("workspaces") {
            Some(Value::Object(nested)) => strings(nested.get("packages")),
            list => strings(list),
        };
        let groups = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];
        Ok(Package {
            file: file.to_string(),
            name: string(&map, "name"),
            version: string(&map, "version"),
            scripts: pairs(&map, "scripts"),
            dependencies: groups.iter().flat_map(|group| pairs(&map, group).into_keys()).collect(),
            uses: !pairs(&map, "dependencies").is_empty(),
            manager: manager(&string(&map, "packageManager")),
            workspaces,
            keys: map.keys().cloned().collect(),
            text,
        })
    }

    /// Has it a key of this name (`jest`, `mocha`, `c8`)?
    pub fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// The `test` script, unless it is what `npm init` writes in the place of one.
    pub fn test(&self) -> Option<&str> {
        let script = self.scripts.get("test").map(|script| script.trim()).filter(|script| !script.is_empty())?;
        (!script.contains("no test specified")).then_some(script)
    }

    /// Does it describe code, and not only tools for the files around it? Then it is imported, started, built or
    /// uses packages itself.
    pub fn describes_code(&self) -> bool {
        let entry = ["main", "module", "exports", "bin", "browser", "types"].iter().any(|key| self.has(key));
        entry || self.uses || ["start", "build", "dev", "serve"].iter().any(|name| self.scripts.contains_key(*name))
    }

    /// The line of a script.
    pub fn line(&self, script: &str) -> Option<u32> {
        let key = format!("\"{script}\"");
        let at = self.text.lines().position(|line| line.contains(&key))?;
        u32::try_from(at + 1).ok()
    }

    /// The parts of a script, those of scripts that it calls in their places.
    pub fn flat(&self, script: &str, runs_pre: bool) -> Result<Vec<Part>, ProjectError> {
        let mut out = Vec::new();
        self.add(script, runs_pre, &mut Vec::new(), &mut out)?;
        Ok(out)
    }

    fn add(
        &self,
        name: &str,
        runs_pre: bool,
        within: &mut Vec<String>,
        out: &mut Vec<Part>,
    ) -> Result<(), ProjectError> {
        // One that calls itself would never end under npm either.
        if within.iter().any(|outer| outer == name) {
            return Ok(());
        }
        within.push(name.to_string());
        let pre = format!("pre{name}");
        if runs_pre && self.scripts.contains_key(&pre) {
            self.add(&pre, runs_pre, within, out)?;
            join(out);
        }
        let script = self.scripts.get(name).map(String::as_str).unwrap_or_default();
        for part in parts(script).map_err(|what| self.not_understood(name, what))? {
            match called(&part, &self.scripts) {
                None => out.push(part),
                Some((names, rest)) => {
                    for (at, name) in names.iter().enumerate() {
                        let before = out.len();
                        self.add(name, runs_pre, within, out)?;
                        if at + 1 < names.len() {
                            join(out);
                        }
                        if let Some(last) = out[before..].last_mut() {
                            last.words.extend(rest.iter().cloned());
                        }
                    }
                    if let Some(last) = out.last_mut() {
                        last.operator.clone_from(&part.operator);
                    }
                }
            }
        }
        within.pop();
        Ok(())
    }

    fn not_understood(&self, script: &str, what: &str) -> ProjectError {
        ProjectError {
            file: self.file.clone(),
            line: self.line(script),
            column: None,
            expected: format!("a script `{script}` that calls a test runner"),
            found: format!("{what} in `{}`", self.scripts.get(script).map(String::as_str).unwrap_or_default()),
            help: super::OWN_COMMAND.to_string(),
        }
    }
}

/// What comes next depends on what came before.
fn join(out: &mut [Part]) {
    if let Some(last) = out.last_mut() {
        last.operator = "&&".to_string();
    }
}

/// The scripts that a command calls, by npm, pnpm, yarn, run-s or run-p, and what is handed on to them.
fn called(part: &Part, scripts: &BTreeMap<String, String>) -> Option<(Vec<String>, Vec<super::script::Word>)> {
    // `npm test --workspaces` calls the scripts of others.
    if super::runner::is_handed_on(part) {
        return None;
    }
    let words: Vec<&str> = part.words.iter().map(|word| word.text.as_str()).collect();
    let is_quiet = |word: &&&str| ["-s", "--silent", "--if-present"].contains(*word);
    let own = |name: &str| scripts.contains_key(name).then(|| vec![name.to_string()]);
    match words.as_slice() {
        [tool @ ("npm" | "pnpm" | "yarn"), rest @ ..] => {
            let quiet = rest.iter().take_while(|w| is_quiet(w)).count();
            let run = usize::from(rest.get(quiet).is_some_and(|w| ["run", "run-script"].contains(w)));
            let more = rest[quiet + run..].iter().take_while(|w| is_quiet(w)).count();
            let at = 1 + quiet + run + more;
            let name = words.get(at).map(|name| if *name == "t" { "test" } else { name })?;
            // npm knows few scripts without `run`.
            if run == 0 && *tool == "npm" && !["test", "start", "stop", "restart"].contains(&name) {
                return None;
            }
            let rest = &part.words[at + 1..];
            let rest = if rest.first().is_some_and(|word| word.text == "--") { &rest[1..] } else { rest };
            own(name).map(|names| (names, rest.to_vec()))
        }
        ["run-s" | "run-p" | "npm-run-all", rest @ ..] => {
            let mut names = Vec::new();
            for word in rest.iter().filter(|word| !word.starts_with('-')) {
                match word.strip_suffix('*') {
                    Some(start) => names.extend(scripts.keys().filter(|key| key.starts_with(start)).cloned()),
                    None => names.extend(own(word)?),
                }
            }
            (!names.is_empty()).then_some((names, Vec::new()))
        }
        _ => None,
    }
}

fn manager(text: &str) -> Option<(String, String)> {
    let (name, version) = text.split_once('@')?;
    // Behind a plus stands a digest.
    Some((name.to_string(), version.split('+').next().unwrap_or_default().to_string()))
}

fn string(map: &Map<String, Value>, key: &str) -> String {
    map.get(key).and_then(Value::as_str).unwrap_or_default().to_string()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_string).collect()
}

fn pairs(map: &Map<String, Value>, key: &str) -> BTreeMap<String, String> {
    let entries = map.get(key).and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Vec<String> {
        let package = Package::read("package.json", text.to_string()).expect("good");
        let parts = package.flat("test", true).expect("good");
        parts.iter().map(|part| format!("{} {}", part.text(), part.operator).trim().to_string()).collect()
    }

    #[test]
    fn scripts_that_are_called_stand_in_their_places() {
        let text = r#"{"scripts": {"pretest": "tsc -b", "test": "npm run lint && npm run -s unit -- --bail", "lint": "eslint .",
            "unit": "a; mocha"}}"#;
        assert_eq!(flat(text), ["tsc -b &&", "eslint . &&", "a ;", "mocha --bail"]);
        let text = r#"{"scripts": {"test": "run-s t:*", "t:a": "vitest", "t:b": "pnpm t:c", "t:c": "jest"}}"#;
        assert_eq!(flat(text), ["vitest &&", "jest &&", "jest"]);
        assert_eq!(flat(r#"{"scripts": {"test": "npm run test"}}"#), Vec::<String>::new(), "a circle");
        assert_eq!(flat(r#"{"scripts": {"test": "npm test --workspaces"}}"#), ["npm test --workspaces"]);
        assert_eq!(flat(r#"{"scripts": {"test": "yarn vitest run", "run": "x"}}"#), ["yarn vitest run"]);
    }

    #[test]
    fn what_npm_writes_is_no_test() {
        let package = |script: &str| {
            let text = serde_json::json!({"scripts": {"test": script}}).to_string();
            Package::read("package.json", text).expect("good").test().map(str::to_string)
        };
        assert_eq!(package(r#"echo "Error: no test specified" && exit 1"#), None);
        assert_eq!(package("jest").as_deref(), Some("jest"));
    }

    #[test]
    fn a_broken_file_is_named_with_its_place() {
        let error = Package::read("web/package.json", "{\n \"a\": ,\n}".to_string()).expect_err("broken");
        assert_eq!((error.file.as_str(), error.line, error.column), ("web/package.json", Some(2), Some(7)));
    }

    #[test]
    fn the_manager_is_named_with_its_version_alone() {
        assert_eq!(manager("pnpm@10.28.0+sha512.abc"), Some(("pnpm".to_string(), "10.28.0".to_string())));
        assert_eq!(manager(""), None);
    }
}
