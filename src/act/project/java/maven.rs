//! Maven: one run of `test` over all modules, with JaCoCo by the project's configuration or beside it.

use super::pom::Element;
use crate::act::project::{Command, FoundThreshold, Project, ProjectError, Site, TestPlan};
use crate::facts::report::Obstacle;
use std::collections::BTreeMap;

/// For projects that do not configure JaCoCo.
const JACOCO: &str = "0.8.13";

/// Every pom.xml of a component, by its path.
pub type Poms = BTreeMap<String, Element>;

pub fn poms(site: &Site) -> Result<Poms, ProjectError> {
    let mut out = Poms::new();
    for file in site.files.iter().filter(|file| *file == "pom.xml" || file.ends_with("/pom.xml")) {
        // What only tests read may be broken on purpose.
        if !super::is_sample(file) {
            out.insert(file.clone(), Element::read(&site.shown(file), &site.text(file)?.unwrap_or_default())?);
        }
    }
    Ok(out)
}

/// The folders that a pom.xml names as its modules, those of profiles too; relative to the project.
pub fn modules(file: &str, pom: &Element) -> Vec<String> {
    let folder = file.strip_suffix("pom.xml").unwrap_or_default().trim_end_matches('/');
    let profiles = pom.at(&["profiles"]).into_iter().flat_map(|profiles| profiles.all("profile"));
    let lists = [pom].into_iter().chain(profiles).filter_map(|place| place.at(&["modules"]));
    let named = lists.flat_map(|list| list.all("module").map(|module| module.text.trim()));
    named.map(|name| normal(folder, name.trim_end_matches("pom.xml"))).collect()
}

/// A path below a folder without `.` and `..`.
fn normal(folder: &str, path: &str) -> String {
    let mut out: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(out.pop()),
            part => out.push(part),
        }
    }
    out.join("/")
}

pub fn plan(site: &Site) -> Result<Project, ProjectError> {
    let poms = poms(site)?;
    let program = program(site)?;
    let measure = measure(&poms);
    let mut notes = Vec::new();
    if poms.values().any(|pom| plugins(pom).any(|plugin| is(plugin, "maven-failsafe-plugin"))) {
        notes.push("the integration tests of maven-failsafe-plugin are not run: they need `mvn verify`".to_string());
    }
    notes.extend(site.has("build.gradle").then(|| "build.gradle is not used: pom.xml decides".to_string()));
    let pattern = |tail: &str| site.shown(&format!("**/target/{tail}"));
    let (command, shown) = command(site, &program, &measure);
    let (coverage, no_coverage) = match measure {
        Measure::Not(why) => (Vec::new(), Some(why)),
        _ => (vec![pattern("site/jacoco/jacoco.xml")], None),
    };
    let dependencies = poms.values().filter_map(|pom| pom.at(&["dependencies"]));
    let tests = TestPlan {
        runner: "maven".to_string(),
        shown,
        command,
        reports: vec![pattern("surefire-reports/TEST-*.xml")],
        coverage,
        no_coverage,
        reruns: None,
        config_sources: vec!["pom.xml".to_string()],
    };
    let packages = dependencies.map(|list| list.all("dependency").count() as u64).sum();
    let manifests = poms.keys().cloned().collect();
    Ok(super::project(site, manifests, notes, thresholds(site, poms.keys())?, roots(site, &poms), packages, tests))
}

fn program(site: &Site) -> Result<Vec<String>, ProjectError> {
    if site.has("mvnw") && site.has(".mvn/wrapper/maven-wrapper.properties") {
        return Ok(vec!["sh".to_string(), "./mvnw".to_string()]);
    }
    if site.program("mvn").is_some() {
        return Ok(vec!["mvn".to_string()]);
    }
    Err(super::no_tool(site, "pom.xml", "`mvn` on the PATH, or a Maven wrapper (mvnw) in the project"))
}

/// What measures coverage.
#[derive(Debug, PartialEq, Eq)]
enum Measure {
    /// The project's own JaCoCo, of this version where it says one.
    Own(Option<String>),
    Ours,
    /// Why nothing can, and the way out.
    Not(Obstacle),
}

fn measure(poms: &Poms) -> Measure {
    let prepares =
        |plugin: &Element| is(plugin, "jacoco-maven-plugin") && plugin.any(&|e| e.text.trim() == "prepare-agent");
    let declared = |plugin: &Element| is(plugin, "jacoco-maven-plugin");
    let all = || poms.values();
    let managed = all().flat_map(managed_plugins).find(|plugin| prepares(plugin));
    let own = all().flat_map(own_plugins).find(|plugin| prepares(plugin));
    let own = own.or(managed.filter(|_| all().flat_map(own_plugins).any(declared)));
    if let Some(plugin) = own {
        // A property cannot be followed here for sure; Maven finds the version itself.
        return Measure::Own(plugin.value(&["version"]).filter(|version| !version.contains('$')).map(str::to_string));
    }
    for (file, pom) in poms {
        let has_default = pom.at(&["properties", "argLine"]).is_some();
        for plugin in plugins(pom).filter(|plugin| is(plugin, "maven-surefire-plugin")) {
            let line = plugin.value(&["configuration", "argLine"]);
            let keeps = |line: &str| line.contains("@{argLine}") || (line.contains("${argLine}") && !has_default);
            let way_out = "put @{argLine} into it, with an empty property argLine, or configure jacoco-maven-plugin";
            if let Some(line) = line.filter(|line| !keeps(line)) {
                let found = format!("{file} sets surefire's argLine to `{line}`, where JaCoCo's agent has no place");
                return Measure::Not(Obstacle { found, way_out: way_out.to_string() });
            }
            if plugin.value(&["configuration", "forkCount"]) == Some("0") {
                let found =
                    format!("{file} has surefire start no Java of its own (forkCount 0), where JaCoCo has no place");
                let way_out = "remove forkCount, or configure jacoco-maven-plugin".to_string();
                return Measure::Not(Obstacle { found, way_out });
            }
        }
    }
    Measure::Ours
}

fn is(plugin: &Element, artifact: &str) -> bool {
    plugin.value(&["artifactId"]) == Some(artifact)
}

fn own_plugins(pom: &Element) -> impl Iterator<Item = &Element> {
    pom.at(&["build", "plugins"]).into_iter().flat_map(|list| list.all("plugin"))
}

fn managed_plugins(pom: &Element) -> impl Iterator<Item = &Element> {
    pom.at(&["build", "pluginManagement", "plugins"]).into_iter().flat_map(|list| list.all("plugin"))
}

fn plugins(pom: &Element) -> impl Iterator<Item = &Element> {
    own_plugins(pom).chain(managed_plugins(pom))
}

/// Every test once. Where tests fail, Maven does not come to the report of their module: it is then made behind, and
/// the exit code stays that of the tests.
fn command(site: &Site, program: &[String], measure: &Measure) -> (Command, String) {
    let options = ["-B", "-ntp", "-fae", "-Dstyle.color=never", "-Dmaven.test.failure.ignore=false"];
    let base: Vec<String> = program.iter().cloned().chain(options.map(str::to_string)).collect();
    let plugin = |version: &str, goal: &str| format!("org.jacoco:jacoco-maven-plugin:{version}{goal}");
    // Without a version, Maven takes that of the pom.
    let version = match measure {
        Measure::Own(version) => version.as_ref().map(|version| format!("{version}:")).unwrap_or_default(),
        _ => format!("{JACOCO}:"),
    };
    let report = plugin(&version, "report");
    // JaCoCo adds to what is there: it starts anew in our folder. Its thresholds decide nothing here.
    let data = site.evidence.join("jacoco.exec").display().to_string();
    let settings = ["jacoco.skip=false", "jacoco.haltOnFailure=false"].map(|setting| format!("-D{setting}"));
    let files = ["destFile", "dataFile"].map(|name| format!("-Djacoco.{name}={data}"));
    let settings: Vec<String> = settings.into_iter().chain(files).collect();
    let goals = match measure {
        Measure::Own(_) => vec!["test".to_string(), report.clone()],
        Measure::Ours => vec![plugin(&version, "prepare-agent"), "test".to_string(), report.clone()],
        Measure::Not(_) => vec!["test".to_string()],
    };
    let run = |goals: &[String], settings: &[String]| [&base[..], settings, goals].concat();
    let (argv, shown) = match measure {
        Measure::Not(_) => (run(&goals, &[]), run(&goals, &[])),
        _ => {
            let first = run(&goals, &settings);
            let again = run(&[report], &settings);
            let words = |argv: &[String]| {
                argv.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect::<Vec<_>>().join(" ")
            };
            let text = format!("{} || {{ code=$?; {}; exit $code; }}", words(&first), words(&again));
            (["sh", "-c", &text].map(str::to_string).to_vec(), first)
        }
    };
    let inside = format!("{}/", site.project.display());
    let shown = shown.join(" ").replace(&inside, "");
    (Command { argv, cwd: site.root(), env: Vec::new(), what: "run the tests".to_string() }, shown)
}

/// Where JaCoCo's names (`package/File.java`) begin: the source folders, those that a pom.xml names too.
fn roots(site: &Site, poms: &Poms) -> Vec<String> {
    let mut out = super::source_folders(site);
    for (file, pom) in poms {
        let folder = file.strip_suffix("pom.xml").unwrap_or_default().trim_end_matches('/');
        if let Some(named) = pom.value(&["build", "sourceDirectory"]) {
            let named = named.trim_start_matches("${project.basedir}").trim_start_matches("${basedir}");
            out.push(normal(folder, named));
        }
    }
    out.sort();
    out.dedup();
    out
}

/// The minima of JaCoCo's rules.
fn thresholds<'a>(site: &Site, files: impl Iterator<Item = &'a String>) -> Result<Vec<FoundThreshold>, ProjectError> {
    let mut found = Vec::new();
    for file in files {
        let text = site.text(file)?.unwrap_or_default();
        for (number, line) in text.lines().enumerate().filter(|_| text.contains("jacoco-maven-plugin")) {
            let value = line.split_once("<minimum>").and_then(|(_, rest)| rest.split_once("</minimum>"));
            if let Some((value, _)) = value {
                let (key, value) = ("minimum".to_string(), value.trim().to_string());
                found.push(FoundThreshold { path: file.clone(), line: number as u64 + 1, key, value });
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(plugins: &str, more: &str) -> Measure {
        let text = format!("<project>{more}<build><plugins>{plugins}</plugins></build></project>");
        measure(&Poms::from([("pom.xml".to_string(), Element::read("pom.xml", &text).expect("good"))]))
    }

    fn surefire(configuration: &str) -> String {
        format!(
            "<plugin><artifactId>maven-surefire-plugin</artifactId><configuration>{configuration}</configuration></plugin>"
        )
    }

    const AGENT: &str = "<executions><execution><goals><goal>prepare-agent</goal></goals></execution></executions>";

    #[test]
    fn jacoco_is_the_project_s_where_it_is_configured() {
        let plugin = |inside: &str| format!("<plugin><artifactId>jacoco-maven-plugin</artifactId>{inside}</plugin>");
        let versioned = plugin(&format!("<version>0.8.11</version>{AGENT}"));
        assert_eq!(measured(&versioned, ""), Measure::Own(Some("0.8.11".to_string())));
        assert_eq!(measured(&plugin(&format!("<version>${{v}}</version>{AGENT}")), ""), Measure::Own(None));
        assert_eq!(measured(&plugin(""), ""), Measure::Ours, "declared for its report alone");
        let profile = format!("<profiles><profile><build><plugins>{versioned}</plugins></build></profile></profiles>");
        assert_eq!(measured("", &profile), Measure::Ours, "a profile that nobody asks for");
    }

    #[test]
    fn an_arg_line_without_a_place_for_the_agent_is_named() {
        assert_eq!(measured(&surefire("<argLine>@{argLine} -Xmx1g</argLine>"), ""), Measure::Ours);
        assert_eq!(measured(&surefire("<argLine>${argLine} -Xmx1g</argLine>"), ""), Measure::Ours);
        let default = "<properties><argLine>-Da</argLine></properties>";
        for (configuration, more) in [
            ("<argLine>-Xmx1g</argLine>", ""),
            ("<argLine>${argLine} -Xmx1g</argLine>", default),
            ("<forkCount>0</forkCount>", ""),
        ] {
            let measure = measured(&surefire(configuration), more);
            assert!(matches!(&measure, Measure::Not(why) if why.found.starts_with("pom.xml ")), "{measure:?}");
        }
    }

    #[test]
    fn modules_are_folders_of_the_project() {
        let text = "<project><modules><module>a</module><module>../b/pom.xml</module></modules><profiles><profile>\
                    <modules><module>./c/</module></modules></profile></profiles></project>";
        let pom = Element::read("x/pom.xml", text).expect("good");
        assert_eq!(modules("x/pom.xml", &pom), ["x/a", "b", "x/c"]);
    }
}
