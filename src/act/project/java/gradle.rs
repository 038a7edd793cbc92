//! Gradle: one run of `test` over all projects. A script of ours, kept out of the project, has every `test` task run
//! anew and JaCoCo write XML.

use crate::act::project::{Command, FoundThreshold, Project, ProjectError, Site, TestPlan};
use crate::facts::report::Obstacle;

const INIT: &str = include_str!("../assets/reports.init.gradle");

/// Writes the init script, then becomes Gradle.
const START: &str = r#"printf '%s' "$1" >"$0" && shift && exec "$@""#;

pub fn is_build(name: &str) -> bool {
    matches!(name, "build.gradle" | "build.gradle.kts") || is_settings(name)
}

pub fn is_settings(name: &str) -> bool {
    matches!(name, "settings.gradle" | "settings.gradle.kts")
}

pub fn plan(site: &Site) -> Result<Project, ProjectError> {
    let builds: Vec<&String> =
        site.files.iter().filter(|f| is_build(f.rsplit('/').next().unwrap_or(f)) && !super::is_sample(f)).collect();
    let mut texts = Vec::new();
    for file in &builds {
        texts.push((file.to_string(), site.text(file)?.unwrap_or_default()));
    }
    let is_android = texts.iter().any(|(_, text)| text.contains("com.android."));
    let init = site.evidence.join("reports.init.gradle").display().to_string();
    let options = ["--no-daemon", "--console=plain", "--continue", "--init-script", &init, "test"].map(str::to_string);
    let gradle: Vec<String> = program(site)?.into_iter().chain(options).collect();
    let argv = ["sh", "-c", START, &init, INIT].map(str::to_string).into_iter().chain(gradle.clone()).collect();
    let pattern = |tail: &str| site.shown(&format!("**/build/{tail}"));
    let no_coverage = is_android.then(|| {
        let found = "the build uses Android's plugin, whose unit tests JaCoCo's plugin for Java does not measure";
        let way_out = "write a JaCoCo XML report in a step of your own, and name it in `coverage.reports`";
        Obstacle { found: found.to_string(), way_out: way_out.to_string() }
    });
    let coverage = if is_android { Vec::new() } else { vec![pattern("reports/jacoco/**/*.xml")] };
    let inside = format!("{}/", site.project.display());
    let tests = TestPlan {
        runner: "gradle".to_string(),
        shown: gradle.join(" ").replace(&inside, ""),
        command: Command { argv, cwd: site.root(), env: Vec::new(), what: "run the tests".to_string() },
        reports: vec![pattern("test-results/**/TEST-*.xml")],
        coverage,
        no_coverage,
        reruns: None,
        config_sources: builds.iter().map(|file| file.to_string()).collect(),
    };
    let declares = |line: &&str| {
        let word = line.trim().split([' ', '(']).next().unwrap_or_default();
        ["implementation", "api", "compileOnly", "runtimeOnly"].contains(&word)
            || word.starts_with("test") && line.contains(':')
    };
    let packages = texts.iter().map(|(_, text)| text.lines().filter(declares).count() as u64).sum();
    let thresholds = texts.iter().flat_map(|(file, text)| thresholds(file, text)).collect();
    let manifests = builds.iter().map(|file| file.to_string()).collect();
    Ok(super::project(site, manifests, Vec::new(), thresholds, super::source_folders(site), packages, tests))
}

fn program(site: &Site) -> Result<Vec<String>, ProjectError> {
    if site.has("gradlew") && site.has("gradle/wrapper/gradle-wrapper.jar") {
        return Ok(vec!["sh".to_string(), "./gradlew".to_string()]);
    }
    if site.program("gradle").is_some() {
        return Ok(vec!["gradle".to_string()]);
    }
    Err(super::no_tool(site, "build.gradle", "`gradle` on the PATH, or a Gradle wrapper (gradlew) in the project"))
}

/// The minima of JaCoCo's rules.
fn thresholds(file: &str, text: &str) -> Vec<FoundThreshold> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|_| text.contains("jacocoTestCoverageVerification")) {
        let value = line.trim().strip_prefix("minimum").map(|rest| rest.trim_start_matches([' ', '=', '(', '"']));
        let end = |value: &str| value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
        if let Some(value) = value.map(|value| &value[..end(value)]).filter(|value| !value.is_empty()) {
            let (key, value) = ("minimum".to_string(), value.to_string());
            found.push(FoundThreshold { path: file.to_string(), line: number as u64 + 1, key, value });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_of_rules_are_named() {
        let text = "jacocoTestCoverageVerification {\n rule { limit {\n  minimum = 0.9\n } }\n}\nminimumX = 1\n";
        let found = thresholds("build.gradle", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].line, found[0].value.as_str()), (3, "0.9"));
    }
}
