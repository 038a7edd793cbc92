//! Components and plans of small trees; nothing is fetched or run.

use super::ECOSYSTEM;
use crate::act::project::scratch::{Scratch, fetch};

const MOD: &str = "module example.com/shop\n\ngo 1.22\n\nrequire example.com/x v1.0.0\n";
const CODE: &str = "package a\n";

#[test]
fn every_module_is_a_component_but_what_go_passes_over() {
    let scratch = Scratch::new(&[
        ("go.mod", MOD),
        ("a.go", CODE),
        ("svc/go.mod", MOD),
        ("svc/b.go", CODE),
        ("testdata/m/go.mod", MOD),
        ("testdata/m/c.go", CODE),
        ("_old/go.mod", MOD),
        ("_old/d.go", CODE),
        (".tools/go.mod", MOD),
        (".tools/e.go", CODE),
        ("vendor/example.com/x/go.mod", MOD),
        ("vendor/example.com/x/f.go", CODE),
        ("tools/go.mod", MOD),
        ("tools/tools.go", "//go:build tools\n\npackage tools\n"),
        ("examples/one/go.mod", MOD),
        ("examples/one/main.go", CODE),
        ("examples/two/go.mod", MOD),
        ("examples/two/main_test.go", CODE),
        ("empty/go.mod", MOD),
    ]);
    assert_eq!(scratch.components(&ECOSYSTEM), ["", "examples/two", "svc"]);
}

#[test]
fn a_root_that_only_holds_modules_is_none() {
    let scratch = Scratch::new(&[("go.work", "use ./a\n"), ("a/go.mod", MOD), ("a/a.go", CODE)]);
    assert_eq!(scratch.components(&ECOSYSTEM), ["a"]);
    let scratch = Scratch::new(&[("go.mod", MOD), ("a/go.mod", MOD), ("a/a.go", CODE)]);
    assert_eq!(scratch.components(&ECOSYSTEM), ["a"]);
}

#[test]
fn a_module_is_fetched_and_tested_by_its_own_tool() {
    let scratch = Scratch::new(&[("svc/go.mod", MOD), ("svc/go.sum", ""), ("svc/a.go", CODE)]).with(&["go"]);
    let project = scratch.project(&ECOSYSTEM, "svc");
    assert_eq!(project.manifests, ["go.mod", "go.sum"]);
    assert_eq!((project.roots[0].prefix.as_str(), project.roots[0].folder.as_str()), ("example.com/shop/", "svc"));
    let plan = fetch(&project);
    assert_eq!((plan.packages, plan.steps[0].argv.join(" ")), (1, "go mod download".to_string()));
    let present = plan.present.as_ref().expect("asks first");
    assert!(present.env.contains(&("GOPROXY".to_string(), Some("off".to_string()))), "asks no proxy");
    let tests = &project.tests;
    assert_eq!(tests.command.cwd, scratch.root().join("svc"));
    assert!(tests.shown.starts_with("go test -json -count=1 -covermode=atomic -coverprofile="), "{}", tests.shown);
    assert!(!tests.shown.contains("-coverpkg") && !tests.shown.contains("-mod="), "{}", tests.shown);
    assert_eq!((tests.reports[0].as_str(), tests.coverage[0].as_str()), (".qte/go-test.json", ".qte/coverage.out"));
    assert!(tests.no_coverage.is_none());
}

#[test]
fn what_is_vendored_is_not_fetched() {
    let files = [("go.mod", MOD), ("a.go", CODE), ("vendor/modules.txt", "# example.com/x v1.0.0\n")];
    let project = Scratch::new(&files).with(&["go"]).project(&ECOSYSTEM, "");
    assert!(fetch(&project).present.is_none() && fetch(&project).steps.is_empty());
}

#[test]
fn a_module_outside_of_the_workspace_is_tested_by_itself() {
    let files = [("a/go.mod", MOD), ("a/a.go", CODE), ("b/go.mod", MOD), ("b/b.go", CODE)];
    let scratch = Scratch::new(&files).with(&["go"]);
    // git often ignores it; Go does not.
    scratch.hidden("go.work", "go 1.22\nuse (\n\t./a\n)\n");
    let off = ("GOWORK".to_string(), Some("off".to_string()));
    let (a, b) = (scratch.project(&ECOSYSTEM, "a"), scratch.project(&ECOSYSTEM, "b"));
    assert!(a.tests.command.env.is_empty() && a.notes.is_empty());
    assert!(b.tests.command.env.contains(&off) && fetch(&b).steps[0].env.contains(&off));
    assert_eq!(b.notes, ["b/go.mod is not used by go.work: it is tested by itself (GOWORK=off)"]);
}

#[test]
fn what_is_missing_is_named_with_the_way_out() {
    let files = [("go.mod", MOD), ("a.go", CODE)];
    let error = Scratch::new(&files).plan(&ECOSYSTEM, "").expect_err("no go").to_string();
    assert!(error.contains("go.mod") && error.contains("actions/setup-go"), "{error}");
    let files = [("go.mod", "go 1.22\n"), ("a.go", CODE)];
    let error = Scratch::new(&files).with(&["go"]).plan(&ECOSYSTEM, "").expect_err("no module").to_string();
    assert!(error.contains("go mod init"), "{error}");
}
