//! The test runner that a script calls, and how it is called so that it writes what can be read: every test once, a
//! report of each, coverage where the project has the means, and no threshold of its own in the exit code.

use super::script::{Part, Word, strip};
use crate::facts::report::Obstacle;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    Vitest,
    Jest,
    Mocha,
    Node,
}

impl Runner {
    pub fn name(self) -> &'static str {
        match self {
            Runner::Vitest => "vitest",
            Runner::Jest => "jest",
            Runner::Mocha => "mocha",
            Runner::Node => "node --test",
        }
    }
}

/// Where in a command its runner stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub runner: Runner,
    /// The word that is the runner's program; its own arguments come behind.
    at: usize,
    /// The word that is c8 or nyc, where one of them measures.
    measured_by: Option<usize>,
}

/// What decides how a runner is called.
pub struct Means<'a> {
    /// All that the component and the root of its workspaces depend on.
    pub dependencies: &'a BTreeSet<String>,
    /// Does a configuration of vitest choose what measures?
    pub names_provider: bool,
    /// The component's evidence folder, absolute.
    pub evidence: &'a str,
}

/// A command of ours for one runner.
#[derive(Debug)]
pub struct Measured {
    pub part: Part,
    /// Names below the evidence folder.
    pub report: String,
    pub coverage: Result<String, Obstacle>,
}

/// Finds the runner behind variables, wrappers and package managers.
pub fn call(part: &Part) -> Option<Call> {
    let words: Vec<&str> = part.words.iter().map(|word| word.text.as_str()).collect();
    let (mut at, mut measured_by) = (0, None);
    loop {
        at += words.get(at..)?.iter().take_while(|word| is_assignment(word)).count();
        let rest = words.get(at + 1..)?;
        let options = || rest.iter().take_while(|word| word.starts_with('-')).count();
        let found = |runner| Some(Call { runner, at, measured_by });
        match base(words[at]) {
            "cross-env" | "cross-env-shell" | "env" | "time" => at += 1,
            "npx" => at += 1 + options(),
            "dotenv" | "dotenvx" => at += 2 + rest.iter().position(|word| *word == "--")?,
            "npm" if rest.first() == Some(&"exec") => at += 2 + rest.iter().position(|word| *word == "--")?,
            "pnpm" | "yarn" => at += 1 + usize::from(rest.first().is_some_and(|w| ["exec", "run"].contains(w))),
            "c8" | "nyc" => {
                measured_by = Some(at);
                at += 1 + rest.iter().position(|word| is_start(word))?;
            }
            "vitest" if !rest.first().is_some_and(|w| ["bench", "list", "init", "related"].contains(w)) => {
                return found(Runner::Vitest);
            }
            "jest" => return found(Runner::Jest),
            "mocha" | "_mocha" => return found(Runner::Mocha),
            "tsx" if rest.contains(&"--test") => return found(Runner::Node),
            "node" => return by_node(rest, at, measured_by),
            _ => return None,
        }
    }
}

/// `node --test`, or a runner whose file is given to node.
fn by_node(rest: &[&str], at: usize, measured_by: Option<usize>) -> Option<Call> {
    const WITH_VALUE: [&str; 7] =
        ["--import", "-r", "--require", "--loader", "--experimental-loader", "-C", "--conditions"];
    let mut words = rest.iter().enumerate();
    while let Some((offset, word)) = words.next() {
        if *word == "--test" {
            return Some(Call { runner: Runner::Node, at, measured_by });
        }
        if WITH_VALUE.contains(word) {
            words.next();
        } else if !word.starts_with('-') {
            let runner = match base(word).trim_end_matches(".js").trim_end_matches(".mjs") {
                "jest" => Runner::Jest,
                "vitest" => Runner::Vitest,
                "mocha" | "_mocha" => Runner::Mocha,
                _ => return None,
            };
            return Some(Call { runner, at: at + 1 + offset, measured_by });
        }
    }
    None
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_start(word: &str) -> bool {
    ["vitest", "jest", "mocha", "_mocha", "node", "tsx", "npx", "cross-env"].contains(&base(word))
}

/// `NAME=value`.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Does a command only look at the code (lint, format, types)? It then says nothing of what the tests need.
pub fn is_check(part: &Part) -> bool {
    const CHECKS: [&str; 22] = [
        "eslint",
        "prettier",
        "biome",
        "oxlint",
        "standard",
        "ts-standard",
        "semistandard",
        "xo",
        "stylelint",
        "tsd",
        "knip",
        "publint",
        "attw",
        "svelte-check",
        "cspell",
        "commitlint",
        "markdownlint",
        "markdownlint-cli2",
        "dprint",
        "depcheck",
        "size-limit",
        "lint-staged",
    ];
    let words: Vec<&str> = part.words.iter().map(|word| word.text.as_str()).collect();
    let start = words.iter().take_while(|word| is_assignment(word)).count();
    let wrappers = ["npx", "pnpm", "yarn", "exec", "run", "cross-env"];
    let start = start + words[start..].iter().take_while(|word| wrappers.contains(word)).count();
    let Some(program) = words.get(start).map(|word| base(word)) else { return false };
    let has = |option: &str| words.iter().any(|word| word.eq_ignore_ascii_case(option));
    match program {
        "tsc" | "vue-tsc" => has("--noEmit") || has("-noEmit"),
        "c8" | "nyc" => has("report") || has("check-coverage"),
        "npm" => has("audit"),
        program => CHECKS.contains(&program),
    }
}

/// Does a command hand the tests on to packages of a workspace?
pub fn is_handed_on(part: &Part) -> bool {
    let words: Vec<&str> = part.words.iter().map(|word| word.text.as_str()).collect();
    let start = words.iter().take_while(|word| is_assignment(word) || ["npx", "exec"].contains(*word)).count();
    let rest = words.get(start + 1..).unwrap_or_default();
    let any = |options: &[&str]| rest.iter().any(|word| options.contains(&word.split('=').next().unwrap_or(word)));
    match words.get(start).map(|word| base(word)) {
        Some("turbo" | "lerna" | "nx" | "moon" | "rush" | "wsrun" | "ultra" | "wireit") => true,
        Some("pnpm") => any(&["-r", "--recursive", "--filter", "-F", "turbo", "nx", "lerna"]),
        Some("yarn") => any(&["workspaces", "workspace", "turbo", "nx", "lerna"]),
        Some("npm") => any(&["-ws", "--workspaces", "--workspace", "-w"]),
        _ => false,
    }
}

/// The command of a runner with our reports in the place of its own. `number` tells several runs of one script apart.
pub fn measured(part: &Part, call: Call, means: &Means, number: usize) -> Measured {
    let suffix = if number < 2 { String::new() } else { format!("-{number}") };
    let mut before: Vec<Word> = part.words[..=call.at].to_vec();
    let mut rest: Vec<Word> = part.words[call.at + 1..].to_vec();
    let is_measured = measure_around(&mut before, call, means, &suffix);
    let (ours, report, coverage) = match call.runner {
        Runner::Vitest => vitest(&mut rest, means, &suffix, is_measured),
        Runner::Jest => jest(&mut rest, means, &suffix, is_measured),
        Runner::Mocha => mocha(&mut rest, means, &suffix, is_measured),
        Runner::Node => node(&mut rest, means, &suffix, is_measured),
    };
    before.extend(ours.iter().map(|word| Word::of(word)));
    before.extend(rest);
    let part = Part { words: before, operator: String::new() };
    Measured { part, report, coverage }
}

/// Has c8 or nyc measure, where the script has one of them in front of the runner, or could have. Says whether.
fn measure_around(before: &mut Vec<Word>, call: Call, means: &Means, suffix: &str) -> bool {
    let declared = || ["c8", "nyc"].into_iter().find(|tool| means.dependencies.contains(*tool));
    let at = match (call.measured_by, call.runner, declared()) {
        (Some(at), _, _) => at,
        // mocha has no measure of its own.
        (None, Runner::Mocha, Some(tool)) => {
            // `node node_modules/mocha/…` begins at node; the words before the program only set variables.
            let at = before.iter().take_while(|w| is_assignment(&w.text) || base(&w.text) == "cross-env").count();
            before.insert(at, Word::of(tool));
            at
        }
        _ => return false,
    };
    let behind = before[at + 1..].iter().position(|word| is_start(&word.text)).unwrap_or_default();
    let mut options: Vec<Word> = before.drain(at + 1..at + 1 + behind).collect();
    let thresholds = ["--lines", "--branches", "--functions", "--statements"];
    let folders = ["--reporter", "-r", "--reports-dir", "--report-dir", "-o", "--temp-dir", "-t", "--temp-directory"];
    strip(
        &mut options,
        &["--check-coverage", "--100", "--per-file", "--no-clean"],
        &[&thresholds[..], &folders[..]].concat(),
    );
    let folder = format!("{}/coverage{suffix}", means.evidence);
    options.push(Word::of("--reporter=lcovonly"));
    let is_nyc = base(&before[at].text) == "nyc";
    let name = if is_nyc { "--report-dir" } else { "--reports-dir" };
    options.push(Word::of(&format!("{name}={folder}")));
    options.extend(is_nyc.then(|| Word::of(&format!("--temp-dir={folder}/parts"))));
    options.push(Word::of("--check-coverage=false"));
    before.splice(at + 1..at + 1, options);
    true
}

/// Where everything but node writes coverage.
fn lcov(suffix: &str) -> String {
    format!("coverage{suffix}/lcov.info")
}

/// Arguments, the report and the coverage that they write.
type Ours = (Vec<String>, String, Result<String, Obstacle>);

fn vitest(rest: &mut Vec<Word>, means: &Means, suffix: &str, is_measured: bool) -> Ours {
    if rest.first().is_some_and(|word| ["run", "watch", "dev"].contains(&word.text.as_str())) {
        rest.remove(0);
    }
    // The folder holds nothing else: vitest empties it.
    let plain = [
        "--coverage",
        "--no-coverage",
        "--coverage.enabled",
        "--coverage.clean",
        "--coverage.reportOnFailure",
        "--watch",
        "-w",
        "--run",
        "--ui",
        "--open",
    ];
    let with_value = [
        "--reporter",
        "--outputFile",
        "--outputFile.",
        "--coverage.reporter",
        "--coverage.reportsDirectory",
        "--coverage.thresholds",
        "--coverage.thresholds.",
    ];
    strip(rest, &plain, &with_value);
    let (evidence, report) = (means.evidence, format!("junit{suffix}.xml"));
    let mut ours = vec!["run".to_string(), "--reporter=default".to_string(), "--reporter=junit".to_string()];
    ours.push(format!("--outputFile.junit={evidence}/{report}"));
    let has = |name: &str| means.dependencies.contains(name);
    let (v8, istanbul) = (has("@vitest/coverage-v8"), has("@vitest/coverage-istanbul"));
    if is_measured {
        return (ours, report, Ok(lcov(suffix)));
    }
    if !(v8 || istanbul) {
        let found = "vitest measures coverage with @vitest/coverage-v8 or @vitest/coverage-istanbul, and package.json \
                     names neither";
        let way_out = "add @vitest/coverage-v8 to the devDependencies, in the version of vitest";
        return (ours, report, Err(Obstacle { found: found.to_string(), way_out: way_out.to_string() }));
    }
    ours.push("--coverage.enabled=true".to_string());
    let chosen = means.names_provider || rest.iter().any(|word| word.text.starts_with("--coverage.provider"));
    ours.extend((!v8 && !chosen).then(|| "--coverage.provider=istanbul".to_string()));
    ours.push("--coverage.reporter=lcovonly".to_string());
    ours.push(format!("--coverage.reportsDirectory={evidence}/coverage{suffix}"));
    ours.push("--coverage.reportOnFailure=true".to_string());
    ours.push("--coverage.thresholds=false".to_string());
    (ours, report, Ok(lcov(suffix)))
}

fn jest(rest: &mut Vec<Word>, means: &Means, suffix: &str, is_measured: bool) -> Ours {
    let plain = ["--coverage", "--collectCoverage", "--no-coverage", "--json", "--ci", "--watch", "--watchAll"];
    let with_value = ["--coverageReporters", "--coverageDirectory", "--coverageThreshold", "--outputFile"];
    strip(rest, &plain, &with_value);
    let (evidence, report) = (means.evidence, format!("jest{suffix}.json"));
    let mut ours = Vec::new();
    if !is_measured {
        ours.push("--coverage".to_string());
        // A list takes the words behind it; an option stands there.
        ours.push("--coverageReporters=lcovonly".to_string());
        ours.push(format!("--coverageDirectory={evidence}/coverage{suffix}"));
        ours.push("--coverageThreshold={}".to_string());
    }
    // With --ci a missing snapshot is a failure, here as there, and none is written into the project.
    ours.extend(["--ci".to_string(), "--json".to_string(), format!("--outputFile={evidence}/{report}")]);
    (ours, report, Ok(lcov(suffix)))
}

fn mocha(rest: &mut Vec<Word>, means: &Means, suffix: &str, is_measured: bool) -> Ours {
    strip(rest, &["--watch", "-w"], &["--reporter", "-R", "--reporter-option", "--reporter-options", "-O"]);
    let report = format!("mocha{suffix}.json");
    let ours = vec![format!("--reporter-option=output={}/{report}", means.evidence), "--reporter=json".to_string()];
    if is_measured {
        return (ours, report, Ok(lcov(suffix)));
    }
    let found = "mocha measures no coverage, and package.json names neither c8 nor nyc";
    let way_out = "add c8 to the devDependencies".to_string();
    (ours, report, Err(Obstacle { found: found.to_string(), way_out }))
}

fn node(rest: &mut Vec<Word>, means: &Means, suffix: &str, is_measured: bool) -> Ours {
    let thresholds = ["--test-coverage-lines", "--test-coverage-branches", "--test-coverage-functions"];
    let reporters = ["--test-reporter", "--test-reporter-destination"];
    strip(rest, &["--experimental-test-coverage", "--watch"], &[&thresholds[..], &reporters[..]].concat());
    let (evidence, report) = (means.evidence, format!("junit{suffix}.xml"));
    let to = |reporter: &str, place: String| {
        [format!("--test-reporter={reporter}"), format!("--test-reporter-destination={place}")]
    };
    let mut ours: Vec<String> = to("spec", "stdout".to_string()).into();
    ours.extend(to("junit", format!("{evidence}/{report}")));
    if is_measured {
        return (ours, report, Ok(lcov(suffix)));
    }
    let lcov = format!("lcov{suffix}.info");
    ours.extend(to("lcov", format!("{evidence}/{lcov}")));
    ours.insert(0, "--experimental-test-coverage".to_string());
    (ours, report, Ok(lcov))
}

#[cfg(test)]
mod tests;
