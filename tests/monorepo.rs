//! The wall of the monorepo: Python, Rust, Go and Node side by side, each by its own real tool. A red component turns the
//! run red and is named, one without tests is named, and so are two at once.

mod common;

use common::{Project, Run};
use serde_json::Value;

/// Four components, each with passing tests that cover it; nothing has to be fetched.
fn monorepo() -> Project {
    let project = Project::empty();
    project.config("");
    project.write("api/pyproject.toml", "[project]\nname = \"api\"\nversion = \"1\"\n");
    project.write("api/shop.py", "def total(n):\n    return n * 2\n");
    project.write("api/test_shop.py", "import shop\n\n\ndef test_total():\n    assert shop.total(2) == 4\n");
    project.write("lib/Cargo.toml", "[package]\nname = \"lib\"\nversion = \"1.0.0\"\nedition = \"2021\"\n");
    project.write(
        "lib/src/lib.rs",
        "pub fn half(n: u32) -> u32 {\n    n / 2\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn half_of_four() {\n        \
         assert_eq!(super::half(4), 2);\n    }\n\n    #[test]\n    fn half_of_one() {\n        assert_eq!(super::half(1), 0);\n    \
         }\n}\n",
    );
    project.write("svc/go.mod", "module example.com/svc\n\ngo 1.21\n");
    project.write(
        "svc/svc.go",
        "package svc\n\nfunc Name(n int) string {\n\tif n > 1 {\n\t\treturn \"many\"\n\t}\n\treturn \"one\"\n}\n",
    );
    project.write(
        "svc/svc_test.go",
        "package svc\n\nimport \"testing\"\n\nfunc TestName(t *testing.T) {\n\tif Name(1) != \"one\" || Name(2) != \"many\" {\n\t\t\
         t.Fatal(\"wrong name\")\n\t}\n}\n",
    );
    project.write("web/package.json", r#"{"name": "web", "version": "1.0.0", "scripts": {"test": "node --test"}}"#);
    project.write("web/sum.js", "exports.sum = (a, b) => a + b;\n");
    project.write(
        "web/sum.test.js",
        "const test = require('node:test');\nconst assert = require('node:assert');\nconst { sum } = require('./sum');\n\n\
         test('adds', () => assert.strictEqual(sum(1, 2), 3));\n",
    );
    project.write("legacy/Gemfile", "source 'x'\n");
    project.write(".gitignore", "target/\n__pycache__/\n");
    project
}

fn components(run: &Run) -> Vec<(String, String)> {
    let all = run.report["components"].as_array().expect("components");
    let text = |c: &Value, name: &str| c[name].as_str().expect("a text").to_string();
    all.iter().map(|c| (text(c, "name"), text(c, "ecosystem"))).collect()
}

#[test]
fn every_component_is_found_run_and_reported_by_name() {
    let project = monorepo();
    project.commit();
    let run = project.gate(&[]);
    let names = [("api", "python"), ("lib", "rust"), ("svc", "go"), ("web", "node")];
    assert_eq!(components(&run), names.map(|(a, b)| (a.to_string(), b.to_string())));
    assert_eq!(run.verdict("tests")["outcome"], "pass", "{}", run.said);
    assert_eq!((run.metric("tests", "tests"), run.metric("tests", "passed")), (5, 5));
    run.titled("tests", "api: 1 passed; lib: 2 passed; svc: 1 passed; web: 1 passed");
    run.because("tests", "covered by no gate: legacy has a Gemfile (Ruby)");
    // Go's two statements of `if` and the two that return, all covered; Python's two files.
    let files: Vec<String> = project.read("qte-report-details.jsonl").lines().map(String::from).collect();
    for path in ["api/shop.py", "svc/svc.go", "web/sum.js"] {
        let line = files.iter().find(|l| l.contains("\"kind\":\"file\"") && l.contains(path));
        assert!(line.is_some_and(|l| l.contains("\"uncovered\":[]") && !l.contains("foreign")), "{path}: {line:?}");
    }
    project.qte(&["verify", "qte-report.json"]).says(0, &[]);
}

#[test]
fn one_red_component_turns_the_run_red_and_is_named_with_its_place() {
    let project = monorepo();
    project.edit("svc/svc_test.go", "\"many\"", "\"several\"");
    project.commit();
    let run = project.gate(&["--stages", "1A"]);
    run.ends(1, &[("tests", "fail")]).titled("tests", "svc: 1 of 1 failed; 3 others green");
    let finding = &run.verdict("tests")["findings"][0];
    assert_eq!(finding["path"], "svc/svc_test.go", "{finding}");
    // What a component's report is said to be written by is that component's command.
    let said = format!("{}{}", run.said.out, run.said.err);
    let line = said.lines().find(|line| line.contains("qte-evidence/web/junit.xml sha256")).expect("it is cited");
    assert!(line.contains("written by `node "), "{line}");
    project.qte(&["verify", "qte-report.json"]).says(0, &[]);
}

#[test]
fn a_component_without_tests_is_named_and_so_are_two_at_once() {
    let project = monorepo();
    std::fs::remove_file(project.path("svc/svc_test.go")).expect("it is there");
    project.commit();
    let run = project.gate(&["--stages", "1A"]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "svc unmeasured: 0 tests ran");
    project.edit("api/test_shop.py", "== 4", "== 5");
    project.commit();
    let run = project.gate(&["--stages", "1A"]);
    run.ends(1, &[("tests", "fail")]).titled("tests", "api: 1 of 1 failed; svc unmeasured: 0 tests ran");
    assert_eq!(run.verdict("tests")["findings"][0]["path"], "api/test_shop.py");
    // Left out by the configuration, it is named all the same.
    project.config("components: {exclude: [svc]}\n");
    let run = project.gate(&["--stages", "1A"]);
    run.titled("tests", "api: 1 of 1 failed; 2 others green");
    run.because("tests", "svc (go) is left out by `components.exclude`");
}

#[test]
fn a_component_whose_coverage_cannot_be_measured_is_named_with_the_way_out() {
    let mut project = monorepo();
    let path: Vec<String> = common::python::path()
        .split(':')
        .filter(|folder| !std::path::Path::new(folder).join("cargo-llvm-cov").exists())
        .map(String::from)
        .collect();
    project.set("PATH", path.join(":"));
    project.commit();
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")])
        .titled("coverage", "lib unmeasured: no coverage report");
    let help = &run.verdict("coverage")["help"];
    assert!(help["way_out"].as_str().is_some_and(|text| text.contains("cargo-llvm-cov")), "{help}");
    run.because("coverage", "of svc").because("coverage", "of api");
}
