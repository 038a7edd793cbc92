//! What looks at Python: bandit, ruff and pip-audit, each in an environment of its own.

use super::install::{self, isolated};
use crate::act::project::scan::{Installed, Look, Scan, Scans, Setup};
use crate::act::project::{Command, InstallPlan, Layout, ProjectError, path_text};
use crate::facts::stage::Gate;
use std::path::Path;

const LIST_DISTRIBUTIONS: &str = include_str!("../assets/list_distributions.py");
/// More arguments than this are given as their folders.
const MAX_FILES: usize = 2000;

pub fn scans(gate: Gate, look: &Look) -> Result<Scans, ProjectError> {
    let files: Vec<&str> =
        look.site.files.iter().map(String::as_str).filter(|f| f.ends_with(".py") || f.ends_with(".pyi")).collect();
    if gate == Gate::Audit {
        return audit(look);
    }
    if files.is_empty() {
        return Ok(Scans::NotApplicable("no Python file: looked for *.py".into()));
    }
    Ok(match gate {
        Gate::Security => Scans::Tools(vec![bandit(look, &files)?]),
        Gate::Quality => Scans::Tools(vec![ruff(look)?]),
        _ => Scans::NotApplicable("asked of the project as a whole".into()),
    })
}

/// An environment that holds one tool in one version.
fn setup(look: &Look, package: &str) -> Result<Setup, ProjectError> {
    let (host, version, root) = (look.host()?, look.pins.of(package), look.site.root());
    let (major, minor) = host.minor();
    let folder = look.tool_folder(&format!("{package}-{version}-python{major}.{minor}"));
    let layout = Layout {
        project: look.site.project,
        root: &root,
        files: &look.site.files,
        evidence: &look.site.evidence,
        envs: look.site.envs,
        host,
    };
    let make = install::make_with(&layout, &folder, &format!("make an environment for {package}"))?;
    let installer = host.uv.clone().map_or(install::Installer::Pip, install::Installer::Uv);
    let mut argv = install::install(&installer, &folder);
    argv.push(format!("{package}=={version}"));
    let what = format!("install {package} {version}");
    let steps = vec![make, Command { argv, cwd: root.clone(), env: isolated(), what }];
    Ok(Setup { folder, steps })
}

fn program(setup: &Setup, name: &str) -> String {
    path_text(&setup.folder.join("bin").join(name))
}

fn run(look: &Look, mut argv: Vec<String>, arguments: Vec<String>, shown: String) -> Command {
    argv.extend(arguments);
    Command { argv, cwd: look.site.root(), env: isolated(), what: format!("`{shown}`") }
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| word.to_string()).collect()
}

fn bandit(look: &Look, files: &[&str]) -> Result<Scan, ProjectError> {
    let setup = setup(look, "bandit")?;
    let (path, report) = look.report("bandit.json");
    let mut arguments = words(&["--format", "json", "--quiet", "--output", &path]);
    if look.site.text("pyproject.toml")?.is_some_and(|text| text.contains("[tool.bandit")) {
        arguments.extend(words(&["--configfile", "pyproject.toml"]));
    } else if look.site.has("bandit.yaml") {
        arguments.extend(words(&["--configfile", "bandit.yaml"]));
    }
    let shown = format!("bandit {}", arguments.join(" ").replace(&format!("{}/", path_text(look.site.project)), ""));
    // A list of files: a folder would be walked into environments that are not the project's.
    let targets = if files.len() <= MAX_FILES { files.to_vec() } else { top_entries(files) };
    if files.len() > MAX_FILES {
        arguments.push("--recursive".into());
    }
    arguments.push("--".into());
    arguments.extend(targets.iter().map(|file| format!("./{file}")));
    let command = run(look, vec![program(&setup, "bandit")], arguments, format!("{shown} (of {} files)", files.len()));
    Ok(Scan { tool: "bandit", setup: Some(setup), command, report, format: "bandit", found: &[1], of_commits: false })
}

/// The first folder of each file, or the file itself.
fn top_entries<'f>(files: &[&'f str]) -> Vec<&'f str> {
    let mut all: Vec<&str> = files.iter().map(|file| file.split('/').next().unwrap_or(file)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn ruff(look: &Look) -> Result<Scan, ProjectError> {
    let setup = setup(look, "ruff")?;
    let (path, report) = look.report("ruff.json");
    let arguments = words(&["check", "--no-cache", "--no-fix", "--output-format", "json", "--output-file", &path, "."]);
    let shown = "ruff check --output-format json .".to_string();
    let command = run(look, vec![program(&setup, "ruff")], arguments, shown);
    Ok(Scan { tool: "ruff", setup: Some(setup), command, report, format: "ruff", found: &[1], of_commits: false })
}

/// Over what is installed for the project, never over the tool's own environment.
fn audit(look: &Look) -> Result<Scans, ProjectError> {
    let Some(plan) = look.plan else {
        return Ok(Scans::NotApplicable(
            "no dependency is declared: looked for pyproject.toml, requirements*.txt".into(),
        ));
    };
    let InstallPlan::Environment(environment) = &plan.install else {
        return Ok(Scans::NotApplicable("nothing is installed for it".into()));
    };
    let python: &Path = match look.installed {
        Installed::Failed => {
            return Ok(Scans::Blocked("pip-audit", "the project's dependencies are not installed".into()));
        }
        Installed::Nothing => {
            return Ok(Scans::NotApplicable("no dependency is declared".into()));
        }
        Installed::Own => &environment.python,
        Installed::Active => &environment.host_python,
    };
    let setup = setup(look, "pip-audit")?;
    let (path, report) = look.report("pip-audit.json");
    let (list, _) = look.report("distributions.txt");
    let script = r#"python=$1 list=$2 audit=$3 report=$4 script=$5
shift 5
"$python" -c "$script" "$@" >"$list" && exec "$audit" --requirement "$list" --no-deps --disable-pip \
    --progress-spinner off --format json --output "$report""#;
    let mut argv = words(&["sh", "-c", script, "sh"]);
    argv.extend([path_text(python), list, program(&setup, "pip-audit"), path, LIST_DISTRIBUTIONS.to_string()]);
    argv.extend(plan.manifests.iter().cloned());
    let shown = "pip-audit --requirement distributions.txt --no-deps --disable-pip --format json".to_string();
    let command = run(look, argv, Vec::new(), shown);
    Ok(Scans::Tools(vec![Scan {
        tool: "pip-audit",
        setup: Some(setup),
        command,
        report,
        format: "pip-audit",
        found: &[1],
        of_commits: false,
    }]))
}
