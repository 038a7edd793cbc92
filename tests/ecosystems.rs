//! The gates on projects of other ecosystems, with their own tools really run. What is expected was counted by hand, or
//! recorded with other programs from the same sources.

mod common;

use common::{Project, Run, copy};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

const STAGES: [&str; 3] = ["--stages", "1A,1B", "--no-publish"];

/// A test that cannot run here says so, and is counted.
fn skipped(reason: &str) {
    let line = format!("SKIPPED: ecosystems: {reason}");
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("QTE_SKIPPED_FILE") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).expect("a list of the skipped");
        writeln!(file, "{line}").expect("a list of the skipped");
    }
}

/// A project with these files, committed; cargo's target folder is its own, whatever is set around the tests.
fn project(files: &[(&str, &str)]) -> Project {
    let mut project = Project::empty();
    let target = project.beside("target").display().to_string();
    project.set("CARGO_TARGET_DIR", target).set("CARGO_LLVM_COV_SETUP", "no");
    for (path, text) in files {
        project.write(path, text);
    }
    project
}

/// Runs the gates, which must leave every file of the project as it was.
fn gate(project: &Project) -> Run {
    project.commit();
    let run = project.gate(&STAGES);
    assert_eq!(project.git(&["status", "--porcelain"]), "", "the project was changed");
    run
}

/// Runs a command that must end well; gives what it printed as JSON.
fn asked(project: &Project, program: &str, arguments: &[&str]) -> Value {
    let out = Command::new(program).current_dir(&project.root).args(arguments).output();
    let out = out.unwrap_or_else(|e| panic!("{program} must be there: {e}"));
    assert!(out.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{program} {arguments:?}: {e}"))
}

#[track_caller]
fn counts(run: &Run, gate: &str, expected: &[(&str, u64)]) {
    for (name, number) in expected {
        assert_eq!(run.metric(gate, name), *number, "{gate}: {name}\n{}", run.said);
    }
}

/// Does cargo have this command? It adds nothing to the toolchain.
fn works(arguments: &[&str]) -> bool {
    let asked = Command::new("cargo").args(arguments).env("CARGO_LLVM_COV_SETUP", "no").output();
    asked.expect("cargo must be there").status.success()
}

/// Can Rust's coverage be measured on this machine?
fn measures_rust() -> bool {
    works(&["llvm-cov", "show-env"])
}

// --- Go ----------------------------------------------------------------------------------------------------------

/// Recorded from `go test -json -covermode=atomic` and `go tool cover` by programs that share no code with ours.
#[test]
fn mux_as_recorded() {
    let source = project(&[("go.mod", "module example.com/fetch\n\ngo 1.20\n")]);
    let module = "github.com/gorilla/mux@v1.8.2-0.20240619235004-db9d1d0073d2";
    let found = asked(&source, "go", &["mod", "download", "-json", module]);
    assert_eq!(found["Origin"]["Hash"], "db9d1d0073d27a0a2d9a8c1bc52aa0af4374d265", "the recorded commit");
    let project = project(&[]);
    copy(&PathBuf::from(found["Dir"].as_str().expect("a folder")), &project.root);
    let run = gate(&project);
    run.ends(0, &[("install", "pass"), ("tests", "pass"), ("coverage", "pass")]);
    counts(&run, "tests", &[("tests", 347), ("passed", 347), ("failed", 0), ("errors", 0), ("skipped", 0)]);
    counts(&run, "coverage", &[("lines_covered", 575), ("lines_total", 642)]);
}

const GO_WORK: &str = "go 1.21\n\nuse (\n\t./cart\n\t./shop\n)\n";
const CART: &str =
    "package cart\n\nfunc Sum(a, b int) int {\n\tif a == b {\n\t\treturn 2 * a\n\t}\n\treturn a + b\n}\n";
const CART_TEST: &str = "package cart\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {\n\
    \tfor _, n := range []int{1, 2} {\n\t\tt.Run(\"sum\", func(t *testing.T) {\n\t\t\tif Sum(n, 1) != n+1 {\n\
    \t\t\t\tt.Fatal(\"wrong\")\n\t\t\t}\n\t\t})\n\t}\n}\n\nfunc TestLater(t *testing.T) { t.Skip(\"later\") }\n";
const SHOP: &str = "package shop\n\nimport \"example.com/cart\"\n\nfunc Total() int {\n\treturn cart.Sum(1, 2)\n}\n";
const SHOP_TEST: &str = "package shop\n\nimport \"testing\"\n\nfunc TestTotal(t *testing.T) {\n\tif Total() != 3 {\n\
    \t\tt.Fatal(\"wrong\")\n\t}\n}\n";

/// Two modules of one workspace, of which one needs the other.
fn go_workspace() -> Project {
    project(&[
        ("go.work", GO_WORK),
        ("cart/go.mod", "module example.com/cart\n\ngo 1.21\n"),
        ("cart/cart.go", CART),
        ("cart/cart_test.go", CART_TEST),
        ("shop/go.mod", "module example.com/shop\n\ngo 1.21\n"),
        ("shop/shop.go", SHOP),
        ("shop/shop_test.go", SHOP_TEST),
    ])
}

/// TestSum with two subtests, TestLater skipped, TestTotal; three statements in cart, one in shop.
#[test]
fn a_go_workspace_is_tested_module_by_module() {
    let run = gate(&go_workspace());
    run.ends(0, &[("install", "pass"), ("tests", "pass"), ("coverage", "pass")]);
    counts(&run, "tests", &[("tests", 5), ("passed", 4), ("failed", 0), ("skipped", 1)]);
    counts(&run, "coverage", &[("lines_covered", 4), ("lines_total", 4)]);
}

#[test]
fn a_failing_go_test_is_red_with_its_place() {
    let project = go_workspace();
    project.edit("shop/shop_test.go", "!= 3", "!= 4");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail")]);
    counts(&run, "tests", &[("tests", 5), ("passed", 3), ("failed", 1)]);
    let finding = &run.verdict("tests")["findings"][0];
    assert_eq!((&finding["path"], &finding["line"]), (&"shop/shop_test.go".into(), &7.into()), "{finding}");
}

#[test]
fn go_code_that_does_not_compile_is_red_with_what_the_compiler_says() {
    let project = go_workspace();
    project.edit("shop/shop.go", "cart.Sum(1, 2)", "cart.Sum(1)");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail")]);
    let log = project.read("qte-evidence/shop/tests.log");
    assert!(log.contains("not enough arguments in call to cart.Sum"), "{log}");
}

#[test]
fn a_go_module_without_tests_is_never_green() {
    let project = project(&[("go.mod", "module example.com/cart\n\ngo 1.21\n"), ("cart.go", CART)]);
    let run = gate(&project);
    run.ends(3, &[("tests", "unmeasured")]);
    let project = go_workspace();
    std::fs::remove_file(project.path("shop/shop_test.go")).expect("it is there");
    gate(&project).ends(3, &[("tests", "unmeasured")]);
}

// --- Rust --------------------------------------------------------------------------------------------------------

/// The release before the recorded commit, which changed README.md alone. Recorded from what `cargo test` printed.
#[test]
fn log_as_recorded() {
    let source = project(&[
        ("Cargo.toml", "[package]\nname = \"fetch\"\n[dependencies]\nlog = \"=0.4.33\"\n"),
        ("src/lib.rs", ""),
    ]);
    let found = asked(&source, "cargo", &["metadata", "--format-version", "1"]);
    let packages = found["packages"].as_array().expect("packages");
    let log = packages.iter().find(|p| p["name"] == "log").expect("it was asked for");
    let manifest = PathBuf::from(log["manifest_path"].as_str().expect("a path"));
    let project = project(&[]);
    copy(manifest.parent().expect("a folder"), &project.root);
    let run = gate(&project);
    counts(&run, "tests", &[("tests", 59), ("passed", 58), ("failed", 0), ("errors", 0), ("skipped", 1)]);
    assert_eq!(run.verdict("tests")["outcome"], "pass");
    if measures_rust() {
        assert_eq!(run.metric("coverage", "lines_total"), 580, "lines that LLVM maps, as recorded");
        assert!(run.metric("coverage", "lines_covered") >= 373, "as many as its unit tests alone, as recorded");
    } else {
        run.ends(3, &[("coverage", "unmeasured")]).titled("coverage", "cargo-llvm-cov is not on PATH");
        skipped("cargo-llvm-cov and LLVM's tools are not here: the coverage of log");
    }
}

const LIB: &str = "/// ```\n/// assert_eq!(cart::add(1, 2), 3);\n/// ```\npub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n\
    pub fn never() -> i32 {\n    7\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        \
    assert_eq!(super::add(1, 1), 2);\n    }\n\n    #[test]\n    #[cfg_attr(all(), ignore)]\n    fn later() {}\n}\n";
const WHOLE: &str = "#[test]\nfn outside() {\n    assert_eq!(cart::add(2, 2), 4);\n}\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"cart\"\nversion = \"0.1.0\"\n\n\
    [[package]]\nname = \"shop\"\nversion = \"0.1.0\"\ndependencies = [\n \"cart\",\n]\n";

/// A library with unit, integration and doc tests, and a program that needs it.
fn rust_workspace() -> Project {
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    project(&[
        ("Cargo.toml", "[workspace]\nmembers = [\"cart\", \"shop\"]\nresolver = \"2\"\n"),
        ("Cargo.lock", LOCK),
        ("cart/Cargo.toml", &package("cart")),
        ("cart/src/lib.rs", LIB),
        ("cart/tests/whole.rs", WHOLE),
        ("shop/Cargo.toml", &format!("{}[dependencies]\ncart = {{ path = \"../cart\" }}\n", package("shop"))),
        ("shop/src/main.rs", "fn main() {\n    println!(\"{}\", cart::add(1, 2));\n}\n"),
    ])
}

#[test]
fn a_rust_workspace_is_one_run_of_cargo_test() {
    let project = rust_workspace();
    let run = gate(&project);
    counts(&run, "tests", &[("tests", 4), ("passed", 3), ("failed", 0), ("skipped", 1)]);
    assert_eq!(run.verdict("install")["outcome"], "pass");
    if measures_rust() {
        // By hand: the lines of `add` (3), `never` (3), `adds` (3) and `later` (1), `main` (3); `add` and `adds` ran.
        counts(&run, "coverage", &[("lines_covered", 6), ("lines_total", 13)]);
        run.ends(1, &[("tests", "pass"), ("coverage", "fail")]);
    } else {
        run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")])
            .titled("coverage", "cargo-llvm-cov is not on PATH");
        skipped("cargo-llvm-cov and LLVM's tools are not here: the coverage of a workspace");
    }
}

/// nextest lists no ignored test; the doc test is cargo's.
#[test]
fn nextest_runs_a_workspace_that_configures_it() {
    let project = rust_workspace();
    project.write(".config/nextest.toml", "[profile.default]\nslow-timeout = \"60s\"\n");
    let run = gate(&project);
    assert_eq!(run.verdict("tests")["outcome"], "pass");
    if works(&["nextest", "--version"]) {
        counts(&run, "tests", &[("tests", 3), ("passed", 3), ("skipped", 0)]);
        assert_eq!(run.evidence("qte-evidence/junit.xml")["format"], "junit");
    } else {
        counts(&run, "tests", &[("tests", 4), ("passed", 3), ("skipped", 1)]);
        skipped("cargo-nextest is not here: cargo test ran in its place");
    }
}

#[test]
fn without_a_lock_a_run_leaves_none() {
    let project = rust_workspace();
    std::fs::remove_file(project.path("Cargo.lock")).expect("it is there");
    let run = gate(&project);
    assert_eq!(run.verdict("tests")["outcome"], "pass");
    assert!(project.read("qte-evidence/Cargo.lock").contains("name = \"shop\""), "what cargo chose is evidence");
}

#[test]
fn a_failing_rust_test_is_red_with_its_place() {
    let project = rust_workspace();
    project.edit("cart/tests/whole.rs", "4", "5");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail")]);
    counts(&run, "tests", &[("tests", 4), ("passed", 2), ("failed", 1)]);
    let finding = &run.verdict("tests")["findings"][0];
    assert_eq!((&finding["path"], &finding["line"]), (&"cart/tests/whole.rs".into(), &3.into()), "{finding}");
}

#[test]
fn rust_code_that_does_not_compile_is_red_with_what_the_compiler_says() {
    let project = rust_workspace();
    project.edit("shop/src/main.rs", "cart::add(1, 2)", "cart::sub(1, 2)");
    let run = gate(&project);
    run.ends(1, &[("tests", "fail")]);
    assert!(project.read("qte-evidence/tests.log").contains("cannot find function `sub`"));
}

#[test]
fn a_rust_package_without_tests_is_never_green() {
    let project = project(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/main.rs", "fn main() {}\n"),
    ]);
    gate(&project).ends(3, &[("install", "pass"), ("tests", "unmeasured")]);
}
