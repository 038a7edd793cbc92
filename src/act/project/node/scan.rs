//! What looks at Node's packages: the project's own eslint, and npm's audit of its lock file.

use crate::act::project::scan::{Installed, Look, Scan, Scans};
use crate::act::project::{Command, ProjectError, path_text};
use crate::facts::stage::Gate;
use std::path::PathBuf;

const SOURCES: [&str; 8] = [".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"];
const LOCKS: [&str; 2] = ["package-lock.json", "npm-shrinkwrap.json"];
/// Lock files whose own manager is not asked.
const OTHER_LOCKS: [&str; 3] = ["yarn.lock", "pnpm-lock.yaml", "bun.lock"];

pub fn scans(gate: Gate, look: &Look) -> Result<Scans, ProjectError> {
    let site = look.site;
    match gate {
        Gate::Audit => Ok(audit(look)),
        Gate::Security => Ok(Scans::NoTool(
            "JavaScript is looked at by no tool that comes with qte-ci: let CodeQL or semgrep write SARIF, and name it in \
             `security.reports`"
                .into(),
        )),
        _ if !site.files.iter().any(|file| SOURCES.iter().any(|end| file.ends_with(end))) => {
            Ok(Scans::NotApplicable("no JavaScript or TypeScript file".into()))
        }
        _ => eslint(look),
    }
}

fn eslint(look: &Look) -> Result<Scans, ProjectError> {
    let site = look.site;
    let is_config = |file: &String| file.starts_with("eslint.config.") || file.starts_with(".eslintrc");
    let configured = site.files.iter().any(is_config)
        || site.text("package.json")?.is_some_and(|text| text.contains("\"eslintConfig\""));
    if !configured {
        return Ok(Scans::NoTool("eslint is not configured: looked for eslint.config.*, .eslintrc*".into()));
    }
    if look.installed == Installed::Failed {
        return Ok(Scans::Blocked("eslint", "the project's dependencies are not installed".into()));
    }
    let Some(program) = installed(look, "eslint") else {
        return Ok(Scans::Blocked("eslint", "configured, and not among the project's installed dependencies".into()));
    };
    let (path, report) = look.report("eslint.json");
    let argv = vec![path_text(&program), ".".into(), "--format".into(), "json".into(), "--output-file".into(), path];
    let command = Command { argv, cwd: site.root(), env: Vec::new(), what: "`eslint . --format json`".into() };
    Ok(Scans::Tools(vec![Scan {
        tool: "eslint",
        setup: None,
        command,
        report,
        format: "eslint",
        found: &[1],
        of_commits: false,
    }]))
}

/// A program that the project's dependencies brought, here or in a folder above, inside the project.
fn installed(look: &Look, name: &str) -> Option<PathBuf> {
    let root = look.site.root();
    let folders = root.ancestors().take_while(|folder| folder.starts_with(look.site.project));
    folders.map(|folder| folder.join("node_modules/.bin").join(name)).find(|path| path.exists())
}

fn audit(look: &Look) -> Scans {
    let site = look.site;
    if !LOCKS.iter().any(|lock| site.has(lock)) {
        return match OTHER_LOCKS.iter().find(|lock| site.has(lock)) {
            Some(lock) => Scans::NoTool(format!(
                "{lock} is audited by no tool that comes with qte-ci: let osv-scanner or trivy write its report, and name \
                 it in `audit.reports`"
            )),
            None => Scans::NoTool("no lock file to audit: looked for package-lock.json".into()),
        };
    }
    let Some(npm) = site.program("npm") else {
        return Scans::Blocked("npm audit", "`npm` is not on PATH".into());
    };
    let (path, report) = look.report("npm-audit.json");
    let script = r#"exec "$1" audit --json >"$2""#;
    let argv = ["sh", "-c", script, "sh", &path_text(&npm), &path].map(String::from).to_vec();
    let command = Command { argv, cwd: site.root(), env: Vec::new(), what: "`npm audit --json`".into() };
    Scans::Tools(vec![Scan {
        tool: "npm audit",
        setup: None,
        command,
        report,
        format: "npm-audit",
        found: &[1],
        of_commits: false,
    }])
}
