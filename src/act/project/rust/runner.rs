//! One run of a workspace's tests: `cargo test`, or nextest where the project configures it; measured by
//! cargo-llvm-cov where that is there.

use super::workspace::Manifest;
use super::{lock_flag, quiet};
use crate::act::project::{Command, ProjectError, Site, TestPlan, path_text};
use crate::facts::report::Obstacle;
use toml::{Table, Value};

const CARGO_TEST: &str = include_str!("../assets/cargo_test.sh");
const NEXTEST: &str = ".config/nextest.toml";
const COVERAGE_WAY_OUT: &str = "install it before this step: taiki-e/install-action with `tool: cargo-llvm-cov`, or \
    `cargo install cargo-llvm-cov`; and `rustup component add llvm-tools`";

/// The plan, and what a person should know of it.
pub fn plan(site: &Site, members: &[&Manifest]) -> Result<(TestPlan, Vec<String>), ProjectError> {
    let configured = site.toml(NEXTEST)?;
    let has_nextest = site.program("cargo-nextest").is_some();
    let is_measured = site.program("cargo-llvm-cov").is_some();
    let mut notes = Vec::new();
    if configured.is_some() && !has_nextest {
        notes.push(format!("{NEXTEST} is not used: cargo-nextest is not on PATH; cargo test runs the tests"));
    }
    let nextest = configured.filter(|_| has_nextest).map(|config| Nextest::new(site, &config));
    let mut common = vec!["--workspace".to_string()];
    common.extend(lock_flag(site).map(String::from));
    let doc = doc_tests(members);
    let mut reports = Vec::new();
    let mut shown = format!("cargo test {} --no-fail-fast", common.join(" "));
    if let Some(nextest) = &nextest {
        reports.push(nextest.report.clone());
        shown = format!("cargo nextest run {} --no-fail-fast --profile {}", common.join(" "), nextest.profile);
        if !doc.is_empty() {
            shown.push_str(&format!("; cargo test --doc {}", doc.join(" ")));
        }
    }
    if nextest.is_none() || !doc.is_empty() {
        reports.push(site.report("cargo-test.txt"));
    }
    if is_measured {
        shown.push_str(" (measured by cargo llvm-cov)");
    }
    // Where nothing locks the versions, cargo writes down what it chose; that is evidence, and none of the project's.
    let keeps_lock = site.root().join("Cargo.lock").exists();
    let profile = nextest.as_ref().map_or("", |nextest| nextest.profile);
    let yes = |is: bool| if is { "yes" } else { "no" }.to_string();
    let mut argv: Vec<String> = ["sh", "-c", CARGO_TEST, "cargo-test"].map(String::from).into();
    argv.extend([path_text(&site.evidence), yes(is_measured), yes(keeps_lock), profile.to_string(), doc.join(" ")]);
    argv.extend(common);
    let mut env = quiet();
    // A test run installs nothing into the toolchain.
    env.push(("CARGO_LLVM_COV_SETUP".to_string(), Some("no".to_string())));
    let tests = TestPlan {
        runner: if nextest.is_some() { "cargo nextest" } else { "cargo test" }.to_string(),
        shown,
        command: Command { argv, cwd: site.root(), env, what: "run the tests".to_string() },
        reports,
        coverage: vec![site.report("coverage.lcov")],
        no_coverage: (!is_measured).then(unmeasured),
        reruns: None,
        config_sources: nextest.iter().map(|_| NEXTEST.to_string()).collect(),
    };
    Ok((tests, notes))
}

fn unmeasured() -> Obstacle {
    Obstacle { found: "cargo-llvm-cov is not on PATH".to_string(), way_out: COVERAGE_WAY_OUT.to_string() }
}

/// What of nextest's configuration says where its report goes.
struct Nextest {
    /// `ci` where the project has one, which nextest's own documentation proposes.
    profile: &'static str,
    /// The report, relative to the whole project.
    report: String,
}

impl Nextest {
    fn new(site: &Site, config: &Table) -> Nextest {
        let profiles = config.get("profile").and_then(Value::as_table);
        let of = |name: &str| profiles?.get(name)?.as_table();
        let path = |name: &str| of(name)?.get("junit")?.get("path")?.as_str();
        let profile = if of("ci").is_some() { "ci" } else { "default" };
        // A profile takes from `default` what it does not say itself, and that before what we propose.
        let report = match path(profile).or_else(|| path("default")) {
            Some(path) => {
                let store = config.get("store").and_then(|store| store.get("dir")?.as_str());
                site.shown(&format!("{}/{profile}/{path}", store.unwrap_or("target/nextest")))
            }
            None => site.report("junit.xml"),
        };
        Nextest { profile, report }
    }
}

/// Which doc tests are to be run apart: nextest leaves them to cargo, whose `--doc` takes libraries whether they want
/// doc tests or not, and refuses those that cannot have any. Empty where there are none.
fn doc_tests(members: &[&Manifest]) -> Vec<String> {
    let wanting: Vec<&&Manifest> = members.iter().filter(|member| wants_doc_tests(member)).collect();
    let libraries = members.iter().filter(|member| member.is_library()).count();
    if wanting.is_empty() {
        return Vec::new();
    }
    if wanting.len() == libraries {
        return vec!["--workspace".to_string()];
    }
    let name = |member: &&&Manifest| member.package()?.get("name")?.as_str().map(String::from);
    wanting.iter().filter_map(name).flat_map(|name| ["--package".to_string(), name]).collect()
}

fn wants_doc_tests(member: &Manifest) -> bool {
    let library = member.table.get("lib").and_then(Value::as_table);
    let asks = library.and_then(|lib| lib.get("doctest")?.as_bool()) != Some(false);
    let kinds = library.and_then(|lib| lib.get("crate-type").or(lib.get("crate_type"))?.as_array());
    let links = |kind: &Value| matches!(kind.as_str(), Some("lib" | "rlib" | "dylib" | "proc-macro"));
    member.is_library() && asks && kinds.is_none_or(|kinds| kinds.iter().any(links))
}
