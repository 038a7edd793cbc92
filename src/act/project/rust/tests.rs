//! Components and plans of small trees; nothing is fetched or run.

use super::ECOSYSTEM;
use crate::act::project::Project;
use crate::act::project::scratch::{Scratch, fetch};

const PACKAGE: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n[dependencies]\nserde = \"1\"\n";
const CODE: &str = "pub fn a() {}\n";
const TEST: &str = "#[test]\nfn a() {}\n";

#[test]
fn a_workspace_is_one_component_with_what_it_excludes_beside_it() {
    let scratch = Scratch::new(&[
        ("Cargo.toml", "[workspace]\nmembers = ['crates/*']\nexclude = ['crates/alone', 'crates/helper']\n"),
        ("crates/a/Cargo.toml", PACKAGE),
        ("crates/a/src/lib.rs", CODE),
        ("crates/alone/Cargo.toml", PACKAGE),
        ("crates/alone/src/lib.rs", TEST),
        ("crates/helper/Cargo.toml", PACKAGE),
        ("crates/helper/src/main.rs", CODE),
        ("fuzz/Cargo.toml", "[package]\nname = 'f'\n[package.metadata]\ncargo-fuzz = true\n[workspace]\n"),
        ("fuzz/fuzz_targets/a.rs", TEST),
        ("crates/a/tests/data/Cargo.toml", "[workspace]\n"),
        ("crates/a/tests/data/src/lib.rs", TEST),
    ])
    .with(&["cargo"]);
    assert_eq!(scratch.components(&ECOSYSTEM), ["", "crates/alone"]);
    let project = scratch.project(&ECOSYSTEM, "");
    assert_eq!(project.manifests, ["Cargo.toml", "crates/a/Cargo.toml"]);
    assert_eq!(project.notes, ["crates/helper/Cargo.toml is outside of the workspace and has no tests: it is not run"]);
}

#[test]
fn a_package_without_a_workspace_leaves_what_is_below_it_to_itself() {
    let files = [("Cargo.toml", PACKAGE), ("src/lib.rs", CODE), ("more/Cargo.toml", PACKAGE)];
    let untested = [&files[..], &[("more/src/lib.rs", CODE)]].concat();
    assert_eq!(Scratch::new(&untested).components(&ECOSYSTEM), [""]);
    let tested = [&files[..], &[("more/src/lib.rs", TEST)]].concat();
    assert_eq!(Scratch::new(&tested).components(&ECOSYSTEM), ["", "more"]);
}

#[test]
fn a_manifest_without_rust_is_a_tool_s() {
    let files = [("package.json", "{}"), ("tools/Cargo.toml", PACKAGE), ("tools/build.rs", CODE)];
    assert!(Scratch::new(&files).components(&ECOSYSTEM).is_empty());
    let files = [("backend/Cargo.toml", PACKAGE), ("backend/src/main.rs", CODE)];
    assert_eq!(Scratch::new(&files).components(&ECOSYSTEM), ["backend"], "no tests, and named as such by the gate");
}

#[test]
fn a_lock_is_obeyed_and_never_written() {
    let lock = "version = 4\n[[package]]\nname = 'shop'\n[[package]]\nname = 'serde'\nsource = 'registry+x'\n";
    let files = [("Cargo.toml", PACKAGE), ("src/lib.rs", CODE), ("Cargo.lock", lock)];
    let project = Scratch::new(&files).with(&["cargo"]).project(&ECOSYSTEM, "");
    let plan = fetch(&project);
    assert_eq!((plan.packages, plan.steps[0].argv.join(" ")), (1, "cargo fetch --locked".to_string()));
    let present = plan.present.as_ref().expect("asks first");
    assert_eq!(present.argv.join(" "), "cargo fetch --locked --offline");
    assert_eq!(project.tests.shown, "cargo test --workspace --locked --no-fail-fast");
    assert_eq!(project.tests.reports, [".qte/cargo-test.txt"]);
}

/// The third argument of the script: whether Cargo.lock is left where it is.
fn keeps_lock(project: &Project) -> &str {
    &project.tests.command.argv[6]
}

#[test]
fn without_a_lock_none_is_left_behind() {
    let scratch = Scratch::new(&[("Cargo.toml", PACKAGE), ("src/lib.rs", CODE)]).with(&["cargo"]);
    let project = scratch.project(&ECOSYSTEM, "");
    assert_eq!((fetch(&project).packages, keeps_lock(&project)), (1, "no"));
    assert_eq!(project.tests.shown, "cargo test --workspace --no-fail-fast");
    scratch.hidden("Cargo.lock", "");
    let project = scratch.project(&ECOSYSTEM, "");
    assert_eq!(keeps_lock(&project), "yes", "one that git ignores is a person's own");
    assert_eq!(project.tests.shown, "cargo test --workspace --no-fail-fast", "and may be old");
}

#[test]
fn coverage_is_measured_where_the_tool_is() {
    let files = [("Cargo.toml", PACKAGE), ("src/lib.rs", CODE)];
    let without = Scratch::new(&files).with(&["cargo"]).project(&ECOSYSTEM, "").tests;
    let obstacle = without.no_coverage.expect("no tool");
    assert!(obstacle.way_out.contains("taiki-e/install-action"), "{}", obstacle.way_out);
    let with = Scratch::new(&files).with(&["cargo", "cargo-llvm-cov"]).project(&ECOSYSTEM, "").tests;
    assert!(with.no_coverage.is_none());
    assert_eq!(with.coverage, [".qte/coverage.lcov"]);
    let no_setup = ("CARGO_LLVM_COV_SETUP".to_string(), Some("no".to_string()));
    assert!(with.command.env.contains(&no_setup), "a test run adds nothing to the toolchain");
}

#[test]
fn nextest_runs_where_the_project_configures_it_and_it_is_there() {
    let mut files = vec![("Cargo.toml", PACKAGE), ("src/lib.rs", CODE), (".config/nextest.toml", "")];
    let project = Scratch::new(&files).with(&["cargo"]).project(&ECOSYSTEM, "");
    assert_eq!(project.tests.runner, "cargo test");
    assert!(project.notes[0].contains("cargo-nextest is not on PATH"), "{:?}", project.notes);
    let tests = Scratch::new(&files).with(&["cargo", "cargo-nextest"]).project(&ECOSYSTEM, "").tests;
    assert_eq!(tests.reports, [".qte/junit.xml", ".qte/cargo-test.txt"]);
    assert!(
        tests.shown.starts_with("cargo nextest run --workspace --no-fail-fast --profile default; cargo test --doc")
    );
    files[2].1 = "[store]\ndir = 'out'\n[profile.ci]\n[profile.default.junit]\npath = 'j.xml'\n";
    let tests = Scratch::new(&files).with(&["cargo", "cargo-nextest"]).project(&ECOSYSTEM, "").tests;
    assert_eq!(tests.reports[0], "out/ci/j.xml", "the project's own place for it stands");
}

/// The arguments for doc tests beside nextest.
fn doc_arguments(files: &[(&str, &str)]) -> String {
    let all = [files, &[(".config/nextest.toml", "")]].concat();
    let tests = Scratch::new(&all).with(&["cargo", "cargo-nextest"]).project(&ECOSYSTEM, "").tests;
    tests.command.argv[8].clone()
}

#[test]
fn doc_tests_beside_nextest_are_those_that_cargo_test_would_run() {
    let root = ("Cargo.toml", "[workspace]\nmembers = ['a', 'b']\n");
    let a = [("a/Cargo.toml", "[package]\nname = 'a'\n"), ("a/src/lib.rs", CODE)];
    let named = |b: &str| {
        let b = format!("[package]\nname = 'b'\n{b}");
        doc_arguments(&[root, a[0], a[1], ("b/Cargo.toml", &b), ("b/src/lib.rs", CODE)])
    };
    assert_eq!(named(""), "--workspace");
    assert_eq!(named("[lib]\ndoctest = false\n"), "--package a");
    assert_eq!(named("[lib]\ncrate-type = ['cdylib']\n"), "--package a");
    assert_eq!(doc_arguments(&[("Cargo.toml", PACKAGE), ("src/main.rs", CODE)]), "", "no library, no doc tests");
    let through = [root, ("a/Cargo.toml", "[package]\nname = 'a'\n[dependencies]\nc = {path = '../c'}\n"), a[1]];
    let c = [("c/Cargo.toml", "[package]\nname = 'c'\n[lib]\ndoctest = false\n"), ("c/src/lib.rs", CODE)];
    assert_eq!(doc_arguments(&[&through[..], &c].concat()), "--package a", "path dependencies are members");
}

#[test]
fn what_is_missing_is_named_with_the_way_out() {
    let files = [("Cargo.toml", PACKAGE), ("src/lib.rs", CODE)];
    let error = Scratch::new(&files).plan(&ECOSYSTEM, "").expect_err("no cargo").to_string();
    assert!(error.contains("dtolnay/rust-toolchain"), "{error}");
    let files = [("Cargo.toml", "[package]\nname =\n"), ("src/lib.rs", CODE)];
    let scratch = Scratch::new(&files).with(&["cargo"]);
    assert_eq!(scratch.components(&ECOSYSTEM), [""]);
    let error = scratch.plan(&ECOSYSTEM, "").expect_err("broken");
    assert_eq!((error.file.as_str(), error.line), ("Cargo.toml", Some(2)));
}
