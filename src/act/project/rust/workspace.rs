//! Which Cargo.toml belongs to which workspace, as cargo finds it (The Cargo Book, "Workspaces").

use crate::act::project::{ProjectError, Site, is_below};
use globset::GlobBuilder;
use toml::{Table, Value};

/// A Cargo.toml.
pub struct Manifest {
    /// Relative to the component; empty for its own.
    pub folder: String,
    pub table: Table,
    /// Is there the file that cargo takes for a library without being told?
    has_lib_file: bool,
}

/// Every Cargo.toml of a component that is no test data, the outer ones first.
pub struct Manifests(Vec<Manifest>);

/// Crates in folders by these names are material of a package's tests, shown to people, or somebody else's.
const NOT_OWN: [&str; 11] = [
    "tests",
    "test",
    "testdata",
    "fixtures",
    "fixture",
    "examples",
    "benches",
    "target",
    "vendor",
    "third_party",
    "third-party",
];

impl Manifests {
    pub fn read(site: &Site) -> Result<Manifests, ProjectError> {
        let mut all = Vec::new();
        for file in &site.files {
            let Some(folder) = file.strip_suffix("Cargo.toml").filter(|f| f.is_empty() || f.ends_with('/')) else {
                continue;
            };
            let folder = folder.trim_end_matches('/').to_string();
            // A broken one is told with its place when its component is planned for; until then it is a root.
            let text = site.text(file)?.unwrap_or_default();
            let table = text.parse::<Table>().unwrap_or_else(|_| Table::from_iter([root_key()]));
            let lib = if folder.is_empty() { "src/lib.rs".to_string() } else { format!("{folder}/src/lib.rs") };
            all.push(Manifest { has_lib_file: site.has(&lib), folder, table });
        }
        all.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(Manifests(all))
    }

    /// Workspaces, and packages that belong to none; without test data and fuzz targets (these need cargo-fuzz).
    pub fn roots(&self) -> impl Iterator<Item = &Manifest> {
        let is_own = |m: &&Manifest| !m.folder.split('/').any(|part| NOT_OWN.contains(&part)) && !m.is_fuzz();
        self.0.iter().filter(is_own).filter(|m| self.root_of(m).is_none_or(|root| root.folder == m.folder))
    }

    /// The nearest workspace that does not exclude it. `None` for a package by itself.
    fn root_of(&self, manifest: &Manifest) -> Option<&Manifest> {
        let own = |m: &&Manifest| m.folder == manifest.folder || is_below(&manifest.folder, &m.folder);
        if manifest.is_workspace() {
            return self.0.iter().find(|m| m.folder == manifest.folder);
        }
        if let Some(named) = manifest.package().and_then(|package| package.get("workspace")?.as_str()) {
            let folder = joined(&manifest.folder, named);
            return self.0.iter().find(|m| m.folder == folder);
        }
        self.0.iter().rev().filter(own).find(|m| m.is_workspace() && !m.excludes(&manifest.folder))
    }

    /// The packages of the root in this folder: its own, those that its `members` name, and their path dependencies
    /// below it.
    pub fn members(&self, folder: &str) -> Vec<&Manifest> {
        let Some(root) = self.0.iter().find(|m| m.folder == folder) else { return Vec::new() };
        let is_named = |m: &&Manifest| {
            m.package().is_some() && (m.folder == folder || root.is_workspace() && root.names(&m.folder))
        };
        let mut members: Vec<&Manifest> = self.0.iter().filter(is_named).collect();
        if !root.is_workspace() {
            return members;
        }
        let mut at = 0;
        let mut from: Vec<&Manifest> = std::iter::once(root).chain(members.iter().copied()).collect();
        while let Some(member) = from.get(at).copied() {
            at += 1;
            for (_, dependency) in dependencies(&member.table) {
                let Some(path) = dependency.get("path").and_then(Value::as_str) else { continue };
                let path = joined(&member.folder, path);
                let found =
                    self.0.iter().find(|m| m.folder == path && is_below(&path, folder) && m.package().is_some());
                if let Some(found) = found.filter(|m| !root.excludes(&m.folder) && !m.is_workspace())
                    && !members.iter().any(|m| m.folder == found.folder)
                {
                    members.push(found);
                    from.push(found);
                }
            }
        }
        members.sort_by(|a, b| a.folder.cmp(&b.folder));
        members
    }
}

fn root_key() -> (String, Value) {
    ("workspace".to_string(), Value::Table(Table::new()))
}

impl Manifest {
    pub fn path(&self) -> String {
        if self.folder.is_empty() { "Cargo.toml".to_string() } else { format!("{}/Cargo.toml", self.folder) }
    }

    pub fn package(&self) -> Option<&Table> {
        self.table.get("package")?.as_table()
    }

    pub fn is_library(&self) -> bool {
        let found = self.package().and_then(|package| package.get("autolib")?.as_bool()) != Some(false);
        self.table.contains_key("lib") || (self.has_lib_file && found)
    }

    fn is_workspace(&self) -> bool {
        self.table.contains_key("workspace")
    }

    fn is_fuzz(&self) -> bool {
        let marked = || self.package()?.get("metadata")?.get("cargo-fuzz")?.as_bool();
        marked() == Some(true) || dependencies(&self.table).iter().any(|(name, _)| name == "libfuzzer-sys")
    }

    fn list(&self, key: &str) -> impl Iterator<Item = String> {
        let list = self.table.get("workspace").and_then(|w| w.get(key)?.as_array());
        list.into_iter().flatten().filter_map(Value::as_str).map(|path| joined(&self.folder, path))
    }

    /// Do the workspace's `members` name this folder?
    fn names(&self, folder: &str) -> bool {
        let is_match = |glob: String| {
            let glob = GlobBuilder::new(&glob).literal_separator(true).build();
            glob.is_ok_and(|glob| glob.compile_matcher().is_match(folder))
        };
        !self.excludes(folder) && self.list("members").any(is_match)
    }

    /// Left out by `exclude`, unless `members` name it by its path.
    fn excludes(&self, folder: &str) -> bool {
        let inside = |path: String| path == folder || is_below(folder, &path);
        self.list("exclude").any(inside) && !self.list("members").any(inside)
    }
}

/// A path of a manifest in `folder`, relative to the component.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Names and tables of what a manifest depends on, of every kind and target.
pub fn dependencies(table: &Table) -> Vec<(String, Value)> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = table.get("target").and_then(Value::as_table).into_iter().flatten();
    let holders = targets.filter_map(|(_, target)| target.as_table());
    let holders = holders.chain([table]).chain(table.get("workspace").and_then(Value::as_table));
    let lists = holders.flat_map(|holder| KINDS.iter().filter_map(|kind| holder.get(*kind)?.as_table()));
    lists.flatten().map(|(name, dependency)| (name.clone(), dependency.clone())).collect()
}
