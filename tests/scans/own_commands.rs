//! Commands of the user's own in the place of ours: what they write is judged, and text is no report.

use super::common::fixtures;
use super::{cache, scanned, verified, without};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// flake8 at its pinned version, made once.
fn flake8() -> PathBuf {
    let folder = cache().join("flake8-7.3.0");
    let lock = fs::File::create(folder.with_extension("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let program = folder.join("bin/flake8");
    if !program.exists() {
        done(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        done(Command::new(folder.join("bin/python")).args(["-m", "pip", "install", "--quiet", "flake8==7.3.0"]));
    }
    program
}

fn done(command: &mut Command) {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}

/// It takes `json` for the text to print at each finding.
#[test]
fn flake8_asked_for_json_prints_text_and_that_is_no_evidence() {
    let project = scanned();
    let run = format!("{} --format=json . > $QTE_REPORT", flake8().display());
    project.config(&format!("{}quality: {{run: \"{run}\"}}\n", without(&["secrets"])));
    project.write("shop.py", "import os\n");
    let run = project.gate(&["--stages=2B"]);
    run.ends(3, &[("quality", "unmeasured")]).titled("quality", "no known report format: text that begins `json`");
    verified(&project);
}

#[test]
fn a_command_that_ends_well_and_writes_nothing_is_no_evidence() {
    let project = scanned();
    project.config(&format!("{}quality: {{run: \"true\"}}\n", without(&["secrets"])));
    project.write("shop.py", "import os\n");
    project.gate(&["--stages=2B"]).ends(3, &[("quality", "unmeasured")]).titled("quality", "no report");
}

#[test]
fn a_report_of_before_is_moved_out_of_the_command_s_way() {
    let project = scanned();
    let ruff = fs::read(fixtures().join("gates/quality/pass/ruff-0.17.6.json")).expect("the fixture");
    project.write("lint.json", ruff);
    let own = "quality: {run: \"true\", reports: [\"ruff=lint.json\"]}\n";
    project.config(&format!("{}{own}", without(&["secrets"])));
    project.write("shop.py", "import os\n");
    let run = project.gate(&["--stages=2B"]);
    run.ends(3, &[("quality", "unmeasured")]).titled("quality", "no report");
    assert!(project.exists("qte-evidence/before/lint.json"));
}

#[test]
fn what_a_command_of_one_s_own_finds_is_judged_whatever_its_exit_code() {
    let project = scanned();
    let bandit = fs::read(fixtures().join("gates/security/fail/bandit-1.9.4.json")).expect("the fixture");
    project.write("made.txt", bandit);
    project.config(&format!("{}security: {{run: 'cp made.txt \"$QTE_REPORT\"; exit 7'}}\n", without(&["audit"])));
    project.write("shop.py", fs::read(fixtures().join("gates/security/fail/shop.py")).expect("the fixture"));
    let run = project.gate(&["--stages=2A"]);
    run.ends(1, &[("security", "fail")]).titled("security", "first B307 in shop.py:5");
    verified(&project);
}
