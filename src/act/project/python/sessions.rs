//! What tox and nox install for tests: used only for packages that no extra, group or requirements file gives.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::ini::{Ini, Section};
use super::literals::{self, Token};
use super::manifest::{Declared, follow, join, table, texts};
use super::source::Source;
use super::{groups, kinds, requirement};
use crate::act::project::ProjectError;

/// What the sessions ask for, before it is compared with what is declared elsewhere.
#[derive(Debug, Default)]
struct Asked {
    /// Lines as pip takes them: `pytest`, `-r file`, `-e .[test]`.
    lines: Vec<String>,
    extras: Vec<String>,
    groups: Vec<String>,
    left_out: Vec<String>,
    from: Vec<String>,
}

pub fn add(source: &mut Source, pyproject: &Table, declared: &mut Declared) -> Result<(), ProjectError> {
    let mut asked = Asked::default();
    tox(source, pyproject, &mut asked)?;
    if let Some(text) = source.text("noxfile.py")? {
        asked.from.push("noxfile.py".to_string());
        nox(&text, &mut asked);
    }
    if asked.from.is_empty() {
        return Ok(());
    }
    declared
        .manifests
        .extend(asked.from.iter().filter(|path| !declared.manifests.contains(path)).cloned().collect::<Vec<_>>());
    let from = asked.from.join(", ");
    for line in &asked.left_out {
        declared.notes.push(format!("`{line}` of {from} is left out: it is for some of its environments only"));
    }
    if let Some(lock) = declared.lock {
        declared.groups.extend(asked.groups.iter().cloned());
        let extras = table(pyproject, &["project", "optional-dependencies"]);
        let known = |extra: &&String| extras.is_some_and(|extras| extras.contains_key(*extra));
        declared.extras.extend(asked.extras.iter().filter(known).cloned());
        declared.notes.push(format!("what tox and nox install ({from}) is not used: {} decides", lock.file()));
        return Ok(());
    }
    if declared.editable {
        declared.extras.append(&mut asked.extras.iter().cloned().collect());
    }
    take(source, pyproject, &asked, declared)
}

fn take(source: &mut Source, pyproject: &Table, asked: &Asked, declared: &mut Declared) -> Result<(), ProjectError> {
    let known = declared.test_packages.clone();
    let mut used = Vec::new();
    let groups_table = table(pyproject, &["dependency-groups"]).cloned().unwrap_or_default();
    let mut lines = asked.lines.clone();
    for group in &asked.groups {
        lines.extend(groups::resolve(&groups_table, group)?);
    }
    for line in lines {
        if let Some((path, constraint)) = file_argument(&line) {
            let mut packages = BTreeSet::new();
            follow(source, &path, &mut BTreeSet::new(), &mut packages)?;
            let list = if constraint { &declared.constraint_files } else { &declared.requirement_files };
            let Some(text) = source.text(&path)?.filter(|_| !list.contains(&path)) else { continue };
            match constraint {
                true => declared.constraint_files.push(path.clone()),
                false => declared.add_file(&path, &text),
            }
            used.push(path);
        } else if let Some(extras) = own_project(&line) {
            if declared.editable {
                declared.extras.extend(extras);
            }
        } else if line.starts_with('-') {
            declared.notes.push(format!("`{line}` of {} is left out", asked.from.join(", ")));
        } else if requirement::package(&line).is_none_or(|name| !known.contains(&name)) {
            declared.add_test(&line);
            used.push(line);
        }
    }
    if !used.is_empty() {
        declared.notes.push(format!(
            "from {}, since nothing else gives them: {}",
            asked.from.join(", "),
            used.join(", ")
        ));
    }
    Ok(())
}

/// `-r file`, `-rfile`, `-c file`: the path and whether it holds constraints.
fn file_argument(line: &str) -> Option<(String, bool)> {
    for (option, constraint) in [("--requirement", false), ("--constraint", true), ("-r", false), ("-c", true)] {
        if let Some(rest) = line.strip_prefix(option) {
            return Some((join("", rest.trim_start_matches(['=', ' ']).trim()), constraint));
        }
    }
    None
}

/// `.`, `.[a,b]`, `-e .[a]`: the extras asked of the project itself.
fn own_project(line: &str) -> Option<Vec<String>> {
    let rest = line.strip_prefix("-e").unwrap_or(line).trim();
    let rest = rest.strip_prefix('.')?;
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Some(Vec::new());
    }
    let extras = rest.strip_prefix('[')?.strip_suffix(']')?;
    Some(extras.split(',').map(|extra| extra.trim().to_string()).collect())
}

fn tox(source: &mut Source, pyproject: &Table, asked: &mut Asked) -> Result<(), ProjectError> {
    let minor = source.layout.host.minor();
    if let Some(text) = source.text("tox.ini")? {
        tox_ini(&Ini::parse(&text), "tox.ini", minor, asked);
    }
    if let Some(text) = source.text("setup.cfg")? {
        let cfg = Ini::parse(&text);
        if cfg.section("tox:tox").is_some() {
            tox_ini(&cfg, "setup.cfg", minor, asked);
        }
    }
    if let Some(tox) = table(pyproject, &["tool", "tox"]) {
        if let Some(legacy) = tox.get("legacy_tox_ini").and_then(Value::as_str) {
            tox_ini(&Ini::parse(legacy), "pyproject.toml", minor, asked);
        }
        tox_toml(tox, "pyproject.toml", asked);
    }
    if let Some(tox) = source.toml("tox.toml")? {
        tox_toml(&tox, "tox.toml", asked);
    }
    Ok(())
}

fn tox_toml(tox: &Table, path: &str, asked: &mut Asked) {
    let Some(base) = table(tox, &["env_run_base"]) else { return };
    asked.from.push(path.to_string());
    for line in texts(base.get("deps")) {
        asked.lines.extend(without_substitution(line));
    }
    asked.extras.extend(texts(base.get("extras")).into_iter().map(str::to_string));
    asked.groups.extend(texts(base.get("dependency_groups")).into_iter().map(str::to_string));
}

fn tox_ini(ini: &Ini, path: &str, minor: (u32, u32), asked: &mut Asked) {
    let Some(env) = ini.section("testenv") else { return };
    asked.from.push(path.to_string());
    for (key, list) in
        [("deps", &mut asked.lines), ("extras", &mut asked.extras), ("dependency_groups", &mut asked.groups)]
    {
        for line in expanded(ini, env, key, 0) {
            match condition(&line, minor) {
                Some(rest) => list.extend(without_substitution(rest).iter().flat_map(|rest| split(key, rest))),
                None => asked.left_out.push(line),
            }
        }
    }
}

/// Lists of names may stand on one line, separated by commas; a dependency may hold a comma.
fn split(key: &str, line: &str) -> Vec<String> {
    if key == "deps" {
        return vec![line.to_string()];
    }
    line.split(',').map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect()
}

/// The lines of an option with `{[section]option}` put in.
fn expanded(ini: &Ini, section: &Section, key: &str, depth: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in section.lines(key) {
        let reference = line.strip_prefix("{[").and_then(|rest| rest.strip_suffix('}')?.split_once(']'));
        match reference.and_then(|(name, key)| Some((ini.section(name)?, key))) {
            // Four levels are more than anybody nests; a circle ends there.
            Some((other, key)) if depth < 4 => lines.extend(expanded(ini, other, key, depth + 1)),
            _ => lines.push(line.to_string()),
        }
    }
    lines
}

/// The line without its factor condition if that holds for our Python and for tests; `None` where it names
/// other things (`django42: ...`): of those tox takes one at a time, and together they contradict.
fn condition(line: &str, minor: (u32, u32)) -> Option<&str> {
    let Some((factors, rest)) = line.split_once(": ").or_else(|| line.split_once(":\t")) else { return Some(line) };
    let is_factors = factors.chars().all(|c| c.is_alphanumeric() || "-_.,!{}".contains(c) || c == ' ');
    if !is_factors || factors.is_empty() {
        return Some(line);
    }
    let holds = |factor: &str| {
        let (wanted, factor) = factor.strip_prefix('!').map_or((true, factor), |factor| (false, factor));
        let python = factor.strip_prefix("py").map(|version| version.replace('.', ""));
        let ours = match python.as_deref() {
            Some("" | "3") => Some(true),
            Some(version) if version.chars().all(|c| c.is_ascii_digit()) => {
                Some(version == format!("{}{}", minor.0, minor.1))
            }
            Some(_) => Some(false),
            None => kinds::is_test(factor).then_some(true),
        };
        ours.map_or(!wanted, |ours| ours == wanted)
    };
    let any = alternatives(factors).iter().any(|all| all.split('-').all(|factor| holds(factor.trim())));
    any.then_some(rest.trim())
}

/// `py{310,311}-test,docs` as `py310-test`, `py311-test`, `docs`.
fn alternatives(factors: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in factors.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match parts.last_mut() {
            Some(last) if c != ',' || depth > 0 => last.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts.iter().flat_map(|part| braces(part.trim())).collect()
}

fn braces(part: &str) -> Vec<String> {
    let Some((before, rest)) = part.split_once('{') else { return vec![part.to_string()] };
    let Some((inner, after)) = rest.split_once('}') else { return vec![part.to_string()] };
    let middle = inner.split(',').map(str::trim);
    middle.flat_map(|one| braces(after).into_iter().map(move |end| format!("{before}{one}{end}"))).collect()
}

/// With the project's folder put in; `None` for other substitutions, whose value only tox knows.
fn without_substitution(line: &str) -> Option<String> {
    let mut line = line.trim().to_string();
    for folder in ["{toxinidir}", "{tox_root}"] {
        line = line.replace(&format!("{folder}/"), "").replace(folder, ".");
    }
    (!line.is_empty() && !line.contains('{')).then_some(line)
}

/// The constants in `session.install(...)` of sessions named like tests.
fn nox(source: &str, asked: &mut Asked) {
    let tokens = literals::tokens(source);
    let name = |index: usize| match tokens.get(index) {
        Some(Token::Name(name)) => name.as_str(),
        _ => "",
    };
    let mut session = String::new();
    for at in 0..tokens.len() {
        if name(at) == "def" {
            session = name(at + 1).to_string();
        }
        let is_call = name(at) == "install" && tokens.get(at + 1) == Some(&Token::Sign('('));
        if is_call && at > 0 && tokens[at - 1] == Token::Sign('.') && kinds::is_test(&session) {
            let mut arguments = literals::strings(literals::inside(&tokens, at + 1)).into_iter();
            while let Some(argument) = arguments.next() {
                let takes_value =
                    matches!(argument.as_str(), "-r" | "-e" | "-c" | "--requirement" | "--constraint" | "--editable");
                match arguments.as_slice().first().cloned().filter(|_| takes_value) {
                    Some(value) => {
                        asked.lines.push(format!("{} {value}", argument.replace("--editable", "-e")));
                        arguments.next();
                    }
                    None => asked.lines.push(argument),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tox_conditions() {
        let ini = Ini::parse(
            "[testenv]\ndeps =\n  pytest\n  py311: attrs\n  py27: mock\n  !py27: anyio\n  django42: Django<5\n  py{310,311}-test: rich\n\
             \x20 -r{toxinidir}/requirements/x.txt\n  {[base]deps}\n  {env:X}\nextras = a, b\n[base]\ndeps = trio\n",
        );
        let mut asked = Asked::default();
        tox_ini(&ini, "tox.ini", (3, 11), &mut asked);
        assert_eq!(asked.lines, ["pytest", "attrs", "anyio", "rich", "-rrequirements/x.txt", "trio"]);
        assert_eq!(asked.extras, ["a", "b"]);
        assert_eq!(asked.left_out, ["py27: mock", "django42: Django<5"]);
    }

    #[test]
    fn a_url_is_no_condition() {
        assert_eq!(condition("x @ https://example.invalid/x", (3, 11)), Some("x @ https://example.invalid/x"));
    }

    #[test]
    fn nox_sessions_for_tests_only() {
        let mut asked = Asked::default();
        nox(
            "@nox.session\ndef tests(session):\n    session.install('-r', 'req.txt', 'pytest', *more)\n    session.install('-e', '.[x]')\n\
             def docs(session):\n    session.install('sphinx')\n",
            &mut asked,
        );
        assert_eq!(asked.lines, ["-r req.txt", "pytest", "-e .[x]"]);
        assert_eq!(own_project("-e .[x,y]"), Some(vec!["x".into(), "y".into()]));
        assert_eq!(own_project("./vendored"), None);
        assert_eq!(file_argument("-rreq.txt"), Some(("req.txt".into(), false)));
    }
}
