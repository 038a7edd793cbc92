//! The wall of the scanning tools: bandit, ruff, pip-audit, npm audit and gitleaks really run, as qte-ci itself gets
//! them, on small projects. What is new is told from what was known; what did not look is never green.

#[path = "scans/audits.rs"]
mod audits;
mod common;
#[path = "scans/history.rs"]
mod history;
#[path = "scans/own_commands.rs"]
mod own_commands;
#[path = "scans/secrets.rs"]
mod secrets;
#[path = "scans/waivers.rs"]
mod waivers;

use common::{Project, Run};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// What the tools are kept in: made once, then used again.
fn cache() -> PathBuf {
    let tools = std::env::var("QTE_TOOLS").unwrap_or_else(|_| {
        format!("{}/.cache/qte-ci-tools", std::env::var("HOME").expect("HOME or QTE_TOOLS must be set"))
    });
    PathBuf::from(tools).join("scans")
}

/// An empty project whose tools come from the kept ones.
fn scanned() -> Project {
    let mut project = Project::empty();
    let cache = cache();
    fs::create_dir_all(&cache).expect("the tools' folder can be written");
    project.set("QTE_CACHE_DIR", cache.display().to_string());
    project
}

/// Nothing of these gates is asked about: their reports are not there, and that is advice.
fn without(gates: &[&str]) -> String {
    gates.iter().map(|gate| format!("{gate}: {{enforce: advise, reports: [none.json]}}\n")).collect()
}

/// The lines of the details file that are findings of a gate.
fn findings(project: &Project, gate: &str) -> Vec<Value> {
    let text = fs::read_to_string(project.path("qte-report-details.jsonl")).expect("the details");
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    all.filter(|line| line["kind"] == "finding" && line["gate"] == gate).collect()
}

/// Says loudly that a test could not be made, and counts it.
fn skipped(reason: &str) {
    let line = format!("SKIPPED: scans: {reason}");
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("QTE_SKIPPED_FILE") {
        let mut file =
            fs::OpenOptions::new().append(true).create(true).open(path).expect("the list of what was skipped");
        writeln!(file, "{line}").expect("the list of what was skipped");
    }
}

/// The report agrees with the evidence on disk.
#[track_caller]
fn verified(project: &Project) {
    project.qte(&["verify", "qte-report.json"]).says(0, &["the report holds"]);
}

const CLEAN: &str = "def double(value):\n    return 2 * value\n";
const EVALS: &str = "def run(text):\n    return eval(text)\n";

#[test]
fn what_the_change_brings_is_red_and_what_was_there_is_known() {
    let project = scanned();
    project.config(&without(&["audit"]));
    project.write("shop.py", format!("import os\n\n\n{EVALS}"));
    let base = project.commit();
    let stages = ["--stages=2A,2B", "--base", &base];
    project.write("clean.py", CLEAN);
    let run = project.gate(&stages);
    run.ends(0, &[("security", "pass"), ("quality", "pass"), ("secrets", "pass")]);
    assert_eq!((run.metric("security", "new"), run.metric("security", "known")), (0, 1));
    assert_eq!((run.metric("quality", "new"), run.metric("quality", "known")), (0, 1));
    verified(&project);

    project.write("more.py", format!("import json\n\n\n{EVALS}"));
    let run = project.gate(&stages);
    run.ends(1, &[("security", "fail"), ("quality", "fail"), ("secrets", "pass")]);
    run.titled("security", "1 new at medium or worse (first B307 in more.py:5), 1 known");
    run.titled("quality", "1 new at low or worse (first F401 in more.py:1), 1 known");
    assert_eq!(findings(&project, "security").len(), 2, "new and known ones are lines of the details");
    verified(&project);
    let report = fs::read_to_string(project.path("qte-evidence/scans/bandit.json")).expect("bandit's report");
    project.write("qte-evidence/scans/bandit.json", report.replace("B307", "B308"));
    project.qte(&["verify", "qte-report.json"]).says(1, &["qte-evidence/scans/bandit.json: sha256"]);
}

#[test]
fn a_file_that_no_tool_can_parse_is_not_looked_at() {
    let project = scanned();
    project.config(&without(&["audit", "quality", "secrets"]));
    project.write("shop.py", "def double(value:\n    return 2 * value\n");
    project.commit();
    let run = project.gate(&["--stages=2A"]);
    run.ends(3, &[("security", "unmeasured")]).titled("security", "syntax error while parsing AST");
    run.said.says(3, &["gate `security` (stage 2A) is unmeasured", "help: "]);
    verified(&project);
}

#[test]
fn a_tool_that_cannot_be_installed_is_named_with_what_its_installer_said() {
    let mut project = scanned();
    let cache = project.beside("cache").display().to_string();
    project.set("QTE_CACHE_DIR", cache);
    project.config(&format!("{}tools: {{ruff: 0.0.0.1}}\n", without(&["secrets"])));
    project.write("shop.py", CLEAN);
    project.commit();
    let run = project.gate(&["--stages=2B"]);
    run.ends(3, &[("quality", "unmeasured")]).titled("quality", "ruff: could not install ruff 0.0.0.1");
    verified(&project);
}

#[test]
fn a_tool_that_is_no_longer_whole_is_made_again() {
    let mut project = scanned();
    let cache = project.beside("cache");
    project.set("QTE_CACHE_DIR", cache.display().to_string());
    project.config(&without(&["secrets"]));
    project.write("shop.py", CLEAN);
    project.commit();
    project.gate(&["--stages=2B"]).ends(0, &[("quality", "pass")]);
    let tools = cache.join("tools");
    for entry in fs::read_dir(&tools).expect("the tools") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "complete") {
            fs::remove_file(path).expect("a marker");
        }
    }
    let run = project.gate(&["--stages=2B"]);
    run.ends(0, &[("quality", "pass")]);
    run.said.says(0, &["install ruff"]);
}

#[test]
fn components_are_looked_at_one_by_one_and_named() {
    let project = scanned();
    project.config(&without(&["audit", "secrets"]));
    for name in ["api", "web"] {
        let text = format!("[project]\nname = \"{name}\"\nversion = \"1\"\n");
        project.write(&format!("{name}/pyproject.toml"), text);
        project.write(&format!("{name}/shop.py"), if name == "web" { EVALS } else { CLEAN });
    }
    let run = project.gate(&["--stages=2A,2B"]);
    run.ends(1, &[("security", "fail"), ("quality", "pass")]);
    run.titled("security", "first B307 in web/shop.py:2").because("security", "api: bandit: ");
    run.because("security", "web: bandit: ");
    verified(&project);
}

#[test]
fn a_project_in_another_language_says_that_no_tool_looks_at_it() {
    let project = scanned();
    project.write("package.json", "{\"name\": \"a\", \"version\": \"1.0.0\", \"main\": \"index.js\"}");
    project.write("index.js", "eval(process.argv[2])\n");
    project.config(&without(&["audit", "quality", "secrets"]));
    let run: Run = project.gate(&["--stages=2A"]);
    run.ends(3, &[("security", "skipped")]).because("security", "JavaScript is looked at by no tool");
}
