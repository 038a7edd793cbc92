//! Java and what else runs on its machine (Kotlin, Groovy, Scala): projects of Maven and of Gradle.

mod gradle;
mod maven;
mod pom;

use super::{
    Ecosystem, Fetch, FoundThreshold, InstallPlan, Project, ProjectError, Site, TestPlan, is_below, outermost,
};
use crate::facts::tree::Root;
use std::collections::{BTreeMap, BTreeSet};

pub const ECOSYSTEM: Ecosystem =
    Ecosystem { id: "java", looked_for: LOOKED_FOR, components, plan, scans: |gate, _| super::no_scans("Java", gate) };

const LOOKED_FOR: &[&str] = &["pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];

/// The folders that Maven or Gradle builds by itself: the outermost ones, and those inside that the outer build does
/// not name (as a module, or by settings of its own that the outer settings do not include). A build without a source
/// file (a parent, a list of versions) is none.
fn components(site: &Site) -> Result<Vec<String>, ProjectError> {
    let folder_of = |file: &str| file.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string());
    let mut out: Vec<String> = Vec::new();
    let mut named: BTreeSet<String> = BTreeSet::new();
    let poms: BTreeMap<String, String> = site
        .files
        .iter()
        .filter(|file| (*file == "pom.xml" || file.ends_with("/pom.xml")) && !is_sample(file))
        .map(|file| (folder_of(file), file.clone()))
        .collect();
    for file in poms.values() {
        // A broken one is planned for, where its place is told.
        if let Ok(pom) = pom::Element::read(file, &site.text(file)?.unwrap_or_default()) {
            named.extend(maven::modules(file, &pom).into_iter().filter(|folder| *folder != folder_of(file)));
        }
    }
    out.extend(poms.keys().filter(|folder| !named.contains(*folder)).cloned());
    let is_own = |file: &&String| !is_sample(file);
    let builds: Vec<String> = site.files.iter().filter(is_own).cloned().collect();
    for folder in outermost(&builds, gradle::is_build) {
        if !out.iter().any(|outer| *outer == folder || is_below(&folder, outer)) {
            out.push(folder);
        }
    }
    for file in builds.iter().filter(|file| gradle::is_settings(file.rsplit('/').next().unwrap_or(file))) {
        let folder = folder_of(file);
        let is_included =
            out.iter().any(|outer| *outer == folder || (is_below(&folder, outer) && includes(site, outer, &folder)));
        let is_of_the_build = folder.split('/').any(|part| part == "buildSrc");
        if !is_included && !is_of_the_build {
            out.push(folder);
        }
    }
    out.retain(|folder| site.files.iter().any(|file| is_below(file, folder) && is_source(file)));
    out.sort();
    out.dedup();
    Ok(out)
}

/// Do the settings of an outer Gradle build name a folder inside of it?
fn includes(site: &Site, outer: &str, folder: &str) -> bool {
    let name = folder.rsplit('/').next().unwrap_or(folder);
    ["settings.gradle", "settings.gradle.kts"].iter().any(|settings| {
        let file = if outer.is_empty() { settings.to_string() } else { format!("{outer}/{settings}") };
        site.text(&file).is_ok_and(|text| text.is_some_and(|text| text.contains(name)))
    })
}

/// Below `src`, a build belongs to the tests of one that builds builds.
fn is_sample(file: &str) -> bool {
    file.split('/').any(|part| part == "src")
}

fn is_source(file: &str) -> bool {
    [".java", ".kt", ".groovy", ".scala"].iter().any(|ending| file.ends_with(ending))
}

fn plan(site: &Site) -> Result<Option<Project>, ProjectError> {
    if site.has("pom.xml") {
        return maven::plan(site).map(Some);
    }
    match site.files.iter().any(|file| gradle::is_build(file)) {
        true => gradle::plan(site).map(Some),
        false => Ok(None),
    }
}

/// The folders that packages begin in, by the custom of both tools: `src/main/java`, `src/commonMain/kotlin`.
fn source_folders(site: &Site) -> Vec<String> {
    let mut out = BTreeSet::new();
    for file in site.files.iter().filter(|file| is_source(file)) {
        let parts: Vec<&str> = file.split('/').collect();
        let start =
            parts.windows(2).position(|pair| pair[0] == "src" && (pair[1] == "main" || pair[1].ends_with("Main")));
        if let Some(start) = start.filter(|start| start + 3 < parts.len()) {
            out.insert(parts[..start + 3].join("/"));
        }
    }
    out.into_iter().collect()
}

/// What both tools' plans have in common. They fetch what they need when they run: a step before would only do it
/// twice, and `dependency:go-offline` misses what plugins ask for.
fn project(
    site: &Site,
    manifests: Vec<String>,
    notes: Vec<String>,
    thresholds: Vec<FoundThreshold>,
    folders: Vec<String>,
    packages: u64,
    tests: TestPlan,
) -> Project {
    let root = |folder: String| Root { prefix: String::new(), folder: site.shown(&folder) };
    Project {
        ecosystem: "java",
        manifests,
        notes,
        thresholds,
        omit: Vec::new(),
        roots: folders.into_iter().map(root).collect(),
        install: InstallPlan::Fetch(Fetch { present: None, steps: Vec::new(), packages }),
        tests,
    }
}

fn no_tool(site: &Site, file: &str, expected: &str) -> ProjectError {
    ProjectError {
        file: site.shown(file),
        line: None,
        column: None,
        expected: expected.to_string(),
        found: "neither".to_string(),
        help: "add the wrapper, or install the tool; run actions/setup-java before this step".to_string(),
    }
}

#[cfg(test)]
mod tests;
