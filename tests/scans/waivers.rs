//! Waivers end to end: they count through their last day, lift nothing without a scope, and never an unmeasured gate.

use super::common::{Project, Run, fixtures};
use super::without;
use std::fs;

/// A project whose bandit report has one finding: B307 in `shop.py`.
fn waived(waiver: &str) -> Run {
    let project = Project::of("gates/security/fail");
    project.config(&format!("security: {{reports: [\"*.json\"]}}\n{}waivers: [{waiver}]\n", without(&["audit"])));
    project.gate(&["--stages=2A"])
}

/// `until` so many days from today (UTC).
fn waiver(scope: &str, days: i64) -> String {
    let until = chrono::Utc::now().date_naive() + chrono::Duration::days(days);
    format!("{{gate: security, id: B307, {scope}reason: r, owner: o, until: {until}}}")
}

fn rules(run: &Run) -> Vec<&str> {
    let all = run.verdict("security")["findings"].as_array().expect("findings");
    all.iter().map(|f| f["rule"].as_str().expect("a rule")).collect()
}

#[test]
fn a_waiver_lifts_through_its_last_day_and_is_a_finding_behind_it() {
    // Tomorrow and not today: the day may end while the test runs.
    let run = waived(&waiver("path: \"*.py\", ", 1));
    run.ends(0, &[("security", "pass")]).titled("security", "0 new, 0 known, 1 waived until ");
    assert_eq!((run.metric("security", "waived"), rules(&run)), (1, vec![]));
    let run = waived(&waiver("path: \"*.py\", ", -1));
    run.ends(1, &[("security", "fail")]);
    assert_eq!((run.metric("security", "waived"), rules(&run)), (0, vec!["B307", "waiver-expired"]));
}

#[test]
fn one_without_a_scope_lifts_nothing_and_one_that_is_not_needed_is_named() {
    let run = waived(&waiver("", 9));
    run.ends(1, &[("security", "fail")]);
    assert_eq!(rules(&run), ["B307", "waiver-scopeless"]);
    let run = waived(&waiver("path: \"other/**\", ", 9));
    run.ends(1, &[("security", "fail")]);
    assert_eq!(rules(&run), ["B307", "waiver-unused"]);
}

#[test]
fn what_was_not_looked_at_stays_unmeasured() {
    let project = Project::of("gates/security/unmeasured");
    let waiver = waiver("path: \"**\", ", 9);
    project.config(&format!("security: {{reports: [\"*.json\"]}}\n{}waivers: [{waiver}]\n", without(&["audit"])));
    project.gate(&["--stages=2A"]).ends(3, &[("security", "unmeasured")]);
}

#[test]
fn on_a_pull_request_only_those_of_the_base_branch_count() {
    let mut project = Project::of("gates/security/fail");
    fs::remove_dir_all(project.path(".github")).expect("its configuration");
    let reports = format!("security: {{reports: [\"bandit*.json\"]}}\n{}", without(&["audit"]));
    project.config(&reports);
    let json = project.path("bandit-1.9.4.json");
    let report = fs::read(&json).expect("the report");
    fs::remove_file(&json).expect("the report");
    let shop = fs::read(fixtures().join("gates/security/fail/shop.py")).expect("the fixture");
    fs::remove_file(project.path("shop.py")).expect("the module");
    let base = project.commit();
    project.config(&format!("{reports}waivers: [{}]\n", waiver("path: \"*.py\", ", 9)));
    project.write("shop.py", shop);
    project.commit();
    project.write("bandit-1.9.4.json", report);
    project.set("GITHUB_EVENT_NAME", "pull_request");
    let run = project.gate(&["--stages=2A", "--base", &base]);
    run.ends(1, &[("security", "fail")]);
    let looser = run.report["looser"].to_string();
    assert!(looser.contains("waivers: B307 (security) added (without effect until merged)"), "{looser}");
}
