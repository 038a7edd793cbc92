//! Rust: a workspace, or a package outside of one, is a component; its own cargo fetches what it locks and runs every
//! test once, measured where cargo-llvm-cov is there.

mod runner;
mod workspace;

use super::{Command, Ecosystem, Fetch, InstallPlan, Project, ProjectError, Site, is_below};
use workspace::{Manifest, Manifests};

pub const ECOSYSTEM: Ecosystem = Ecosystem {
    id: "rust",
    looked_for: &["Cargo.toml"],
    components,
    plan,
    scans: |gate, _| super::no_scans("Rust", gate),
};

/// The roots that cargo itself sees: workspaces, and packages that belong to none. One without a Rust file is a tool's
/// configuration. One below another (left out of its workspace) is a helper of that (`xtask`, `fuzz`) unless it has
/// tests of its own; that it is left out is noted.
fn components(site: &Site) -> Result<Vec<String>, ProjectError> {
    let manifests = Manifests::read(site)?;
    let mut out: Vec<String> = Vec::new();
    for root in manifests.roots() {
        let is_inner = out.iter().any(|outer| is_below(&root.folder, outer));
        let wanted = if is_inner { has_tests(site, &manifests, root)? } else { has_sources(site, &root.folder) };
        if wanted {
            out.push(root.folder.clone());
        }
    }
    Ok(out)
}

fn has_sources(site: &Site, folder: &str) -> bool {
    let is_source = |file: &String| file.ends_with(".rs") && !file.ends_with("build.rs");
    site.files.iter().any(|file| is_below(file, folder) && is_source(file))
}

/// Has a package below another one tests of its own, by the attributes that make them?
fn has_tests(site: &Site, manifests: &Manifests, root: &Manifest) -> Result<bool, ProjectError> {
    let inner: Vec<&str> = manifests.roots().map(|m| m.folder.as_str()).filter(|f| is_below(f, &root.folder)).collect();
    let is_own = |file: &&String| is_below(file, &root.folder) && !inner.iter().any(|folder| is_below(file, folder));
    for file in site.files.iter().filter(|file| file.ends_with(".rs")).filter(is_own) {
        let text = site.text(file)?.unwrap_or_default();
        if ["#[test]", "::test]", "#[test_case", "#[rstest", "proptest!"].iter().any(|sign| text.contains(sign)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn plan(site: &Site) -> Result<Option<Project>, ProjectError> {
    let Some(table) = site.toml("Cargo.toml")? else { return Ok(None) };
    if site.program("cargo").is_none() {
        return Err(ProjectError {
            file: site.shown("Cargo.toml"),
            line: None,
            column: None,
            expected: "`cargo` on PATH".to_string(),
            found: format!("none on {}", site.path),
            help: "install Rust by rustup, or run dtolnay/rust-toolchain before this step".to_string(),
        });
    }
    let manifests = Manifests::read(site)?;
    let members = manifests.members("");
    let mut notes = Vec::new();
    for root in manifests.roots().filter(|root| !root.folder.is_empty()) {
        if !has_tests(site, &manifests, root)? {
            let path = site.shown(&root.path());
            notes.push(format!("{path} is outside of the workspace and has no tests: it is not run"));
        }
    }
    let (tests, more) = runner::plan(site, &members)?;
    notes.extend(more);
    let others = ["Cargo.lock", "rust-toolchain.toml", "rust-toolchain", ".cargo/config.toml", ".cargo/config"];
    let others = others.iter().filter(|file| site.has(file)).map(|file| file.to_string());
    let mut read: Vec<String> = members.iter().map(|member| member.path()).chain(others).collect();
    if !members.iter().any(|member| member.folder.is_empty()) {
        read.insert(0, "Cargo.toml".to_string());
    }
    Ok(Some(Project {
        ecosystem: "rust",
        manifests: read,
        notes,
        thresholds: Vec::new(),
        omit: Vec::new(),
        roots: Vec::new(),
        install: InstallPlan::Fetch(install(site, packages(site, &table, &members)?)),
        tests,
    }))
}

/// Offline first: that asks whether all is there.
fn install(site: &Site, packages: u64) -> Fetch {
    let command = |more: &[&str], what: &str| {
        let locked = lock_flag(site).map(str::to_string);
        let argv = ["cargo", "fetch"].into_iter().map(String::from).chain(locked);
        Command {
            argv: argv.chain(more.iter().map(|word| word.to_string())).collect(),
            cwd: site.root(),
            env: quiet(),
            what: what.to_string(),
        }
    };
    Fetch {
        present: Some(command(&["--offline"], "look for the locked packages")),
        steps: vec![command(&[], "cargo fetch")],
        packages,
    }
}

/// A lock of the project decides, and is never changed.
fn lock_flag(site: &Site) -> Option<&'static str> {
    site.has("Cargo.lock").then_some("--locked")
}

/// Nothing in what is read may depend on a person's configuration of cargo's output.
fn quiet() -> Vec<(String, Option<String>)> {
    [("CARGO_TERM_COLOR", "never"), ("CARGO_TERM_QUIET", "false"), ("CARGO_TERM_PROGRESS_WHEN", "never")]
        .map(|(name, value)| (name.to_string(), Some(value.to_string())))
        .into()
}

/// Locked from elsewhere; without a lock, declared.
fn packages(site: &Site, root: &toml::Table, members: &[&Manifest]) -> Result<u64, ProjectError> {
    if let Some(lock) = site.toml("Cargo.lock")? {
        let all = lock.get("package").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
        return Ok(all.iter().filter(|package| package.get("source").is_some()).count() as u64);
    }
    let mut names = workspace::dependencies(root);
    names.extend(members.iter().flat_map(|member| workspace::dependencies(&member.table)));
    names.retain(|(_, dependency)| dependency.get("path").is_none() && dependency.get("workspace").is_none());
    let mut names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    Ok(names.len() as u64)
}

#[cfg(test)]
mod tests;
