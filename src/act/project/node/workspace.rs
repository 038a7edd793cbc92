//! Workspaces: which packages one root installs together.

use super::package::Package;
use crate::act::project::{ProjectError, is_below};
use crate::facts::pattern::any_of;
use globset::GlobSet;
use std::path::Path;

/// The folders of a workspace, as its root names them.
pub struct Members {
    named: GlobSet,
    but: GlobSet,
}

impl Members {
    /// What a root names; `None` where it has no workspaces. `pnpm` is the text of its pnpm-workspace.yaml.
    pub fn read(package: &Package, pnpm: Option<&str>, file: &str) -> Result<Option<Members>, ProjectError> {
        let mut patterns = package.workspaces.clone();
        if let Some(text) = pnpm {
            patterns.extend(listed(text, file)?);
        }
        if patterns.is_empty() {
            return Ok(None);
        }
        let plain = |pattern: &str| pattern.trim_start_matches("./").trim_end_matches('/').to_string();
        let (but, named): (Vec<String>, Vec<String>) = patterns.into_iter().partition(|p| p.starts_with('!'));
        Ok(Some(Members {
            named: any_of(&named.iter().map(|p| plain(p)).collect::<Vec<_>>()),
            but: any_of(&but.iter().map(|p| plain(&p[1..])).collect::<Vec<_>>()),
        }))
    }

    /// Is this folder, relative to the root, one of them?
    pub fn has(&self, folder: &str) -> bool {
        self.named.is_match(folder) && !self.but.is_match(folder)
    }
}

/// The `packages` of a pnpm-workspace.yaml; one that only holds settings has none.
fn listed(text: &str, file: &str) -> Result<Vec<String>, ProjectError> {
    #[derive(serde::Deserialize, Default)]
    struct Workspace {
        #[serde(default)]
        packages: Option<Vec<String>>,
    }
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Vec::new());
    }
    let workspace: Workspace = serde_saphyr::from_str(text).map_err(|error| ProjectError {
        file: file.to_string(),
        line: None,
        column: None,
        expected: "YAML with a list `packages`".to_string(),
        found: error.to_string().lines().next().unwrap_or_default().to_string(),
        help: format!("mend {file}"),
    })?;
    Ok(workspace.packages.unwrap_or_default())
}

/// The nearest folder above whose workspaces name this one, with its package.json. Read from the disk: a component
/// knows only its own files.
pub fn root_of(project: &Path, folder: &str) -> Result<Option<(String, Package)>, ProjectError> {
    let mut above = folder;
    while !above.is_empty() {
        above = above.rsplit_once('/').map_or("", |(above, _)| above);
        let at = |name: &str| if above.is_empty() { name.to_string() } else { format!("{above}/{name}") };
        let Some(text) = on_disk(project, &at("package.json"))? else { continue };
        let package = Package::read(&at("package.json"), text)?;
        let file = at("pnpm-workspace.yaml");
        let members = Members::read(&package, on_disk(project, &file)?.as_deref(), &file)?;
        let inside = if above.is_empty() { folder } else { &folder[above.len() + 1..] };
        if is_below(folder, above) && members.is_some_and(|members| members.has(inside)) {
            return Ok(Some((above.to_string(), package)));
        }
    }
    Ok(None)
}

fn on_disk(project: &Path, file: &str) -> Result<Option<String>, ProjectError> {
    match std::fs::read_to_string(project.join(file)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ProjectError {
            file: file.to_string(),
            line: None,
            column: None,
            expected: "a readable file".to_string(),
            found: error.to_string(),
            help: format!("make {file} readable"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_by_either_file_and_without_the_excluded() {
        let package = Package::read("package.json", r#"{"workspaces": ["./packages/*/", "app"]}"#.to_string());
        let package = package.expect("good");
        let members = Members::read(&package, None, "").expect("good").expect("there are some");
        assert!(members.has("packages/a") && members.has("app"));
        assert!(!members.has("packages/a/b") && !members.has("other"));
        let text = "packages:\n  - 'packages/**'\n  - '!**/test/**'\n";
        let members = Members::read(&Package::default(), Some(text), "").expect("good").expect("there are some");
        assert!(members.has("packages/a/b") && !members.has("packages/a/test/b"));
        assert!(Members::read(&Package::default(), Some("onlyBuiltDependencies: [a]\n"), "").expect("good").is_none());
        assert!(Members::read(&Package::default(), Some("packages: {"), "x").is_err());
    }
}
