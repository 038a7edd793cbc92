//! What people see of a red and of a green run: the sample service, really run on a pull request, its summary and its
//! report opened in Chromium. `QTE_PICTURES=docs/pictures` keeps the pictures there (docs/pictures.sh does that).

mod common;
#[path = "outlets/page.rs"]
#[allow(dead_code)]
mod page;

use common::Project;
use common::browser;
use common::events::{Kind, Shas, on_the_runner};
use common::github::{GitHub, Options};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NEW_FUNCTION: &str = r#"

def shipping(total: Decimal) -> Decimal:
    """What sending costs: free from 50.00 on."""
    if total >= 50:
        return Decimal("0.00")
    if total >= 20:
        return Decimal("2.50")
    return Decimal("4.90")
"#;

const NEW_TEST: &str = r#"

def test_shipping_is_free_from_fifty_on() -> None:
    for total, cost in {"50": "0.00", "20": "2.50", "19.99": "4.90"}.items():
        assert shipping(Decimal(total)) == Decimal(cost)
"#;

/// The sample service under git, with a change on top.
fn changed(change: impl Fn(&Project)) -> (Project, Shas) {
    let project = Project::empty();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample");
    let copied = Command::new("cp").args(["-R", "."]).arg(&project.root).current_dir(sample).status().expect("cp");
    assert!(copied.success());
    let base = project.commit();
    project.git(&["checkout", "--quiet", "-b", "feature/shipping"]);
    let cart = project.read("src/shop/cart.py") + NEW_FUNCTION;
    project.write("src/shop/cart.py", cart);
    change(&project);
    let head = project.commit();
    (project, Shas { merge: head.clone(), head, base })
}

/// Runs it as the action would on a pull request; gives the summary and the page for people.
fn run(project: &mut Project, shas: &Shas, code: i32) -> (String, PathBuf) {
    let github = GitHub::start(Options { repository: "acme/shop".into(), ..Options::default() });
    let job = on_the_runner(project, Kind::PullRequest, &github, shas);
    project.set("QTE_INPUT_TOKEN", Kind::PullRequest.token().text()).set("QTE_CHECK_RUN_ID", job.id.to_string());
    let output = project.qte_command(&["action"]).output().expect("the binary can be started");
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(github.violations(), Vec::<String>::new());
    let summary = fs::read_to_string(project.beside("runner").join("summary")).expect("the runner's file");
    (summary, project.path("qte-report.html"))
}

/// Where the pictures go.
fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = std::env::var_os("QTE_PICTURES").map(|folder| root.join(folder));
    let folder = kept.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures"));
    fs::create_dir_all(&folder).expect("a new folder");
    folder
}

/// Both pages in Chromium, light and dark: a picture of the first screen each, and nothing wrong with the page.
fn pictures(name: &str, summary: &str, report: &Path) {
    let folder = folder();
    let fragment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-summary.html"));
    fs::write(&fragment, page::html(summary)).expect("it can be written");
    for theme in ["light", "dark"] {
        let png = folder.join(format!("{name}-summary-{theme}.png"));
        let arguments = [fragment.as_os_str(), png.as_os_str(), OsStr::new(theme), OsStr::new("first-screen")];
        let out = browser::script("summary.mjs", &arguments);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let seen: serde_json::Value = serde_json::from_slice(&out.stdout).expect("one JSON object");
        assert_eq!(seen["diagrams"][0]["ok"], true, "{seen}");
        assert!(png.is_file());
    }
    for scenario in ["quiet", "accessible"] {
        let out = browser::script("check.mjs", &[OsStr::new(scenario), report.as_os_str()]);
        assert!(out.status.success(), "{scenario}: {}", String::from_utf8_lossy(&out.stderr));
    }
    let prefix = folder.join(format!("{name}-report"));
    let out = browser::script("check.mjs", &[OsStr::new("first-screen"), prefix.as_os_str(), report.as_os_str()]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    for theme in ["light", "dark"] {
        assert!(folder.join(format!("{name}-report-{theme}.png")).is_file(), "{theme}");
    }
}

#[test]
fn a_red_run() {
    let (mut project, shas) =
        changed(|project| project.edit("src/shop/cart.py", "rounding=ROUND_HALF_UP", "rounding=\"ROUND_HALF_DOWN\""));
    let (summary, report) = run(&mut project, &shas, 1);
    assert!(summary.starts_with("## ❌ Fail: tests, coverage."), "{summary}");
    pictures("red", &summary, &report);
}

#[test]
fn a_green_run() {
    let (mut project, shas) = changed(|project| {
        project.edit("tests/test_cart.py", "cart_total, to_cents", "cart_total, shipping, to_cents");
        project.write("tests/test_cart.py", project.read("tests/test_cart.py") + NEW_TEST);
    });
    let (summary, report) = run(&mut project, &shas, 0);
    assert!(summary.starts_with("## ✅ Pass: install, tests, coverage."), "{summary}");
    pictures("green", &summary, &report);
}
