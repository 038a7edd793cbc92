//! Go: every module is a component; its own `go` fetches what it requires and tests all its packages once, with
//! coverage.

mod modfile;

use super::{
    Command, Ecosystem, Fetch, InstallPlan, Project, ProjectError, Site, TestPlan, is_below, path_text, shell_words,
};
use crate::facts::tree::Root;
use modfile::directives;

pub const ECOSYSTEM: Ecosystem =
    Ecosystem { id: "go", looked_for: &["go.mod"], components, plan, scans: |gate, _| super::no_scans("Go", gate) };

const GO_TEST: &str = include_str!("assets/go_test.sh");

/// Every folder with a go.mod, but what `./...` passes over (`testdata`, `vendor`, names that begin with a dot or an
/// underscore), modules that hold nothing but tool dependencies, and examples without tests.
fn components(site: &Site) -> Result<Vec<String>, ProjectError> {
    let mut folders = Vec::new();
    for file in site.files.iter().filter(|file| is_named(file, "go.mod")) {
        let folder = file.strip_suffix("go.mod").unwrap_or_default().trim_end_matches('/');
        let hidden = |part: &str| matches!(part, "testdata" | "vendor") || part.starts_with(['.', '_']);
        if !folder.split('/').any(hidden) {
            folders.push(folder.to_string());
        }
    }
    folders.sort_unstable();
    let mut out = Vec::new();
    for folder in &folders {
        let inner: Vec<&String> = folders.iter().filter(|other| *other != folder && is_below(other, folder)).collect();
        let own: Vec<&String> = site
            .files
            .iter()
            .filter(|file| file.ends_with(".go") && is_below(file, folder) && !inner.iter().any(|f| is_below(file, f)))
            .collect();
        let is_example = folder.split('/').any(|part| matches!(part, "example" | "examples"));
        let is_tested = own.iter().any(|file| file.ends_with("_test.go"));
        if (is_tested || !is_example) && has_sources(site, &own)? {
            out.push(folder.clone());
        }
    }
    Ok(out)
}

fn is_named(path: &str, name: &str) -> bool {
    path.rsplit('/').next() == Some(name)
}

/// Is there a file that is built, and not only one that pins tools (`//go:build tools`) or is run by hand (`ignore`)?
fn has_sources(site: &Site, files: &[&String]) -> Result<bool, ProjectError> {
    for file in files {
        let text = site.text(file)?.unwrap_or_default();
        let is_left_out = |line: &str| {
            matches!(line.trim(), "//go:build tools" | "//go:build ignore" | "// +build tools" | "// +build ignore")
        };
        if !text.lines().take_while(|line| !line.starts_with("package ")).any(is_left_out) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn plan(site: &Site) -> Result<Option<Project>, ProjectError> {
    let Some(text) = site.text("go.mod")? else { return Ok(None) };
    let Some(module) = directives(&text, "module").into_iter().next() else {
        return Err(ProjectError {
            file: site.shown("go.mod"),
            line: None,
            column: None,
            expected: "a line `module PATH`".to_string(),
            found: "none".to_string(),
            help: "`go mod init PATH` writes one".to_string(),
        });
    };
    if site.program("go").is_none() {
        return Err(no_go(site));
    }
    let env = environment(site)?;
    let mut notes = Vec::new();
    if env.iter().any(|(name, _)| name == "GOWORK") {
        notes.push(format!("{} is not used by go.work: it is tested by itself (GOWORK=off)", site.shown("go.mod")));
    }
    let manifests = ["go.mod", "go.sum", "vendor/modules.txt"].iter().filter(|file| site.has(file));
    Ok(Some(Project {
        ecosystem: "go",
        manifests: manifests.map(|file| file.to_string()).collect(),
        notes,
        thresholds: Vec::new(),
        omit: Vec::new(),
        roots: vec![Root { prefix: format!("{module}/"), folder: site.folder.clone() }],
        install: InstallPlan::Fetch(install(site, &env, directives(&text, "require").len() as u64)),
        tests: test_plan(site, env),
    }))
}

fn no_go(site: &Site) -> ProjectError {
    ProjectError {
        file: site.shown("go.mod"),
        line: None,
        column: None,
        expected: "`go` on PATH".to_string(),
        found: format!("none on {}", site.path),
        help: "install Go, or run actions/setup-go before this step".to_string(),
    }
}

/// A module that the nearest go.work does not use is refused by Go unless workspaces are off.
fn environment(site: &Site) -> Result<Vec<(String, Option<String>)>, ProjectError> {
    let mut env = Vec::new();
    let root = site.root();
    // Looked for on disk: a go.work that git ignores is used by Go all the same.
    let Some(folder) =
        root.ancestors().take_while(|f| f.starts_with(site.project)).find(|f| f.join("go.work").is_file())
    else {
        return Ok(env);
    };
    let path = folder.join("go.work");
    let text = std::fs::read_to_string(&path).map_err(|error| ProjectError {
        file: path_text(&path),
        line: None,
        column: None,
        expected: "a readable file".to_string(),
        found: error.to_string(),
        help: "mend go.work, or remove it".to_string(),
    })?;
    let is_this = |used: &String| modfile::joined(folder, used) == root;
    if !directives(&text, "use").iter().any(is_this) {
        env.push(("GOWORK".to_string(), Some("off".to_string())));
    }
    Ok(env)
}

/// What is vendored is there. Else the packages are listed with the module proxy off, which finds out whether
/// anything that the tests import is missing.
fn install(site: &Site, env: &[(String, Option<String>)], packages: u64) -> Fetch {
    if site.has("vendor/modules.txt") {
        return Fetch { present: None, steps: Vec::new(), packages };
    }
    let command = |words: &[&str], what: &str| Command {
        argv: words.iter().map(|word| word.to_string()).collect(),
        cwd: site.root(),
        env: env.to_vec(),
        what: what.to_string(),
    };
    let mut present = command(&["go", "list", "-deps", "-test", "-f", "{{\"\"}}", "./..."], "look for the modules");
    present.env.push(("GOPROXY".to_string(), Some("off".to_string())));
    Fetch { present: Some(present), steps: vec![command(&["go", "mod", "download"], "go mod download")], packages }
}

fn test_plan(site: &Site, env: Vec<(String, Option<String>)>) -> TestPlan {
    let (report, profile) = (site.evidence.join("go-test.json"), site.evidence.join("coverage.out"));
    // A cached result is no evidence of this run: `-count=1` has every test really run.
    let arguments = [
        "-json".to_string(),
        "-count=1".to_string(),
        "-covermode=atomic".to_string(),
        format!("-coverprofile={}", path_text(&profile)),
        "./...".to_string(),
    ];
    let mut argv: Vec<String> = ["sh", "-c", GO_TEST, "go-test"].map(String::from).into();
    argv.push(path_text(&report));
    argv.extend(arguments.iter().cloned());
    TestPlan {
        runner: "go test".to_string(),
        shown: format!("go test {}", shell_words(&arguments, &site.root())),
        command: Command { argv, cwd: site.root(), env, what: "run the tests with coverage".to_string() },
        reports: vec![site.report("go-test.json")],
        coverage: vec![site.report("coverage.out")],
        no_coverage: None,
        reruns: None,
        config_sources: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
