//! The page's unit tests. What only a browser can tell stands in tests/html.rs.

use super::*;
use crate::facts::detail::{ChangedLines, Detail, FileDetail, TestDetail};
use crate::facts::finding::{Finding, Severity};
use crate::facts::report::{Details, Policy, SCHEMA, Subject, Tool};
use crate::facts::setting::Enforce;
use crate::facts::stage::Gate;
use crate::facts::tests::CaseOutcome;
use crate::facts::verdict::{Outcome, Verdict};
use serde_json::Value;
use std::collections::HashMap;

fn report(verdicts: Vec<Verdict>) -> Report {
    Report {
        schema: SCHEMA.into(),
        tool: Tool { version: "4.0.0".into(), commit: None },
        now: "2026-11-24T09:41:07Z".into(),
        seconds: 1.5,
        outcome: crate::facts::report::outcome(&verdicts),
        subject: Subject::default(),
        policy: Policy::new(),
        policy_sha256: String::new(),
        components: Vec::new(),
        uncovered: Vec::new(),
        scans: Vec::new(),
        looser: vec![],
        verdicts,
        evidence: vec![],
        timings: vec![],
        details: Details { path: "details.jsonl".into(), sha256: String::new() },
    }
}

fn verdict(gate: Gate, outcome: Outcome) -> Verdict {
    Verdict::new(gate, Enforce::Block, outcome, "a title")
}

fn test(id: &str, outcome: CaseOutcome, seconds: f64) -> Detail<'static> {
    let (id, path) = (id.to_string().into(), Some("t.py".into()));
    Detail::Test(TestDetail { id, component: "".into(), outcome, flaky: false, seconds, path, line: None })
}

fn file(path: &str, covered: u32, uncovered: u32) -> Detail<'static> {
    Detail::File(FileDetail {
        path: path.to_string().into(),
        foreign: false,
        covered: if covered > 0 { vec![[1, covered]] } else { vec![] },
        uncovered: if uncovered > 0 { vec![[1001, 1000 + uncovered]] } else { vec![] },
        branches_covered: 1,
        branches_total: 2,
        changed: (uncovered == 3).then_some(ChangedLines { covered: 1, total: 4 }),
        ..FileDetail::default()
    })
}

fn view(details: impl IntoIterator<Item = Detail<'static>>) -> View {
    let mut view = View::default();
    details.into_iter().for_each(|detail| view.add(detail));
    view.finish()
}

fn page(report: &Report, view: &View) -> String {
    let mut out = String::new();
    write(report, view, &mut out).expect("a String takes all");
    out
}

/// Where each text begins, which must be in this order.
#[track_caller]
fn in_order(page: &str, texts: &[&str]) {
    let mut from = 0;
    for text in texts {
        let at = page[from..].find(text).unwrap_or_else(|| panic!("no `{text}` after byte {from}:\n{}", &page[from..]));
        from += at + text.len();
    }
}

/// The page between `<body>` and the packed list.
fn body(page: &str) -> &str {
    let from = page.find("<body>").expect("a body");
    &page[from..page.find("<script type=\"application/json\"").expect("a list")]
}

/// What the script reads.
fn packed(page: &str) -> Value {
    let after = page.split_once("id=\"packed\">").expect("a list").1;
    serde_json::from_str(after.split_once("</script>").expect("an end").0).expect("JSON")
}

fn packed_of(view: &View, findings: HashMap<&str, usize>) -> Value {
    serde_json::from_str(&cases::Packed { view, findings, details: "d" }.to_string()).expect("JSON")
}

/// The names out of their front coding, as the comment of the packing says it.
fn names(packed: &Value) -> Vec<String> {
    let mut before: Vec<u16> = Vec::new();
    let mut out = Vec::new();
    for coded in packed["names"].as_array().expect("names") {
        let units: Vec<u16> = coded.as_str().expect("a text").encode_utf16().collect();
        before.truncate(usize::from(units[0]) - 256);
        before.extend_from_slice(&units[1..]);
        out.push(String::from_utf16(&before).expect("whole characters"));
    }
    out
}

#[test]
fn base64_is_that_of_the_rfc() {
    // RFC 4648, section 10.
    for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
}

#[test]
fn the_answer_comes_first_and_looser_settings_before_the_gates() {
    let tests = verdict(Gate::Tests, Outcome::Fail).help("a green run", "a red one", "mend the <test>");
    let mut report = report(vec![tests, verdict(Gate::Coverage, Outcome::Unmeasured)]);
    report.looser = vec!["coverage.lines: 85, here 80".into()];
    let page = page(&report, &View::default());
    in_order(
        &page,
        &[
            "<h1>",
            "Failed: <a href=\"#gate-tests\">tests</a></span></h1>",
            "Unmeasured: <a href=\"#gate-coverage\">coverage</a>",
            "Looser than on the base branch",
            "coverage.lines: 85, here 80",
            "id=\"gate-tests\"",
            "What to do",
            "mend the &#60;test&#62;",
            "a green run",
            "a red one",
            "id=\"gate-coverage\"",
            "No test was measured.",
            "No coverage was measured.",
            "Nothing was timed.",
            "There is no evidence.",
        ],
    );
}

#[test]
fn a_run_that_measured_nothing_says_so() {
    let page = page(&report(vec![]), &View::default());
    in_order(&page, &["Unmeasured", "No blocking gate measured anything.", "No gate was run."]);
}

#[test]
fn foreign_text_is_never_markup() {
    let harm = "</script><script>alert(1)</script>'\"<!--";
    let mut tests = verdict(Gate::Tests, Outcome::Fail).because(harm, [7]);
    tests.title = harm.into();
    let mut finding = Finding::new(harm, Severity::High, harm).at(harm, Some(1), None);
    finding.detail = Some(harm.into());
    tests.findings.push(finding);
    let mut report = report(vec![tests]);
    (report.subject.repository, report.now) = (Some(harm.into()), harm.into());
    let page = page(&report, &view([test(harm, CaseOutcome::Failed, 1.0), file(harm, 1, 1)]));
    assert!(!page.contains("<script>alert") && !page.contains("<!--"));
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(names(&packed(&page)), [harm]);
    assert!(!page.contains("#evidence-7"), "evidence that is not there is no link");
}

#[test]
fn control_characters_do_not_reach_the_page() {
    let page = page(
        &report(vec![verdict(Gate::Tests, Outcome::Pass)]),
        &view([test("a\0b\x1b[31m\u{202e}c", CaseOutcome::Passed, 1.0)]),
    );
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!page.contains(bad));
    assert_eq!(names(&packed(&page)), ["a\u{FFFD}b\u{FFFD}[31m\u{FFFD}c"]);
}

#[test]
fn the_list_packs_every_test_and_loses_nothing() {
    let ids = ["b::x", "a::two", "a::twofold", "\u{1F600}\u{1F601}", "\u{1F600}\u{1F602}", "a::two", ""];
    let micros = [5, 4, 3, 2, 1, 7, 0];
    let details = ids.iter().zip(micros).map(|(id, micros)| test(id, CaseOutcome::Passed, micros as f64 / 1e6));
    let view = view(details.chain([test("z", CaseOutcome::Error, 9.0)]));
    let packed: Value = packed_of(&view, HashMap::from([("z", 3)]));
    let expected = ["", "a::two", "a::two", "a::twofold", "b::x", "z", "\u{1F600}\u{1F601}", "\u{1F600}\u{1F602}"];
    assert_eq!(names(&packed), expected);
    assert_eq!(packed["micros"], serde_json::json!([0, 7, 4, 3, 5, 9_000_000, 2, 1]));
    assert_eq!(packed["outcomes"], "pppppepp");
    assert_eq!(packed["places"], serde_json::json!([[8, 1]]));
    assert_eq!(packed["findings"], serde_json::json!([[5, 3]]));
    // The two faces share their first unit; a mark never cuts a character.
    assert_eq!(packed["names"][7], "\u{102}\u{1F602}");
}

#[test]
fn long_prefixes_are_marked_as_far_as_a_mark_goes() {
    let (a, b) = ("x".repeat(400) + "a", "x".repeat(400) + "b");
    let view = view([test(&a, CaseOutcome::Passed, 0.0), test(&b, CaseOutcome::Passed, 0.0)]);
    let packed: Value = packed_of(&view, HashMap::new());
    assert_eq!(names(&packed), [a, b]);
    assert_eq!(packed["names"][1], format!("{}b", char::from_u32(256 + 400).expect("a character")));
}

#[test]
fn tests_that_are_not_kept_are_counted_exactly() {
    let mut view = view([test("a", CaseOutcome::Passed, 0.1)]);
    view.tests_seen = 312_001;
    let page = page(&report(vec![]), &view);
    assert!(page.contains("312,000 of 312,001 tests are not shown here: this page keeps 1,"));
}

#[test]
fn findings_say_how_many_are_listed() {
    let mut tests = verdict(Gate::Tests, Outcome::Fail);
    for n in 0..25 {
        let mut finding = Finding::new("failed", Severity::High, format!("t{n}\nwhy"));
        finding.detail = (n == 0).then(|| "one\ntwo\nthree".into());
        tests.findings.push(finding);
    }
    tests.findings_total = 4_210;
    let page = page(&report(vec![tests]), &view([test("t0", CaseOutcome::Failed, 0.1)]));
    in_order(body(&page), &["25 of 4,210 findings listed.", "Traceback, 3 lines", "one\ntwo\nthree", "5 more", "t24"]);
    assert_eq!(packed(&page)["findings"], serde_json::json!([[0, 1]]));
}

#[test]
fn a_long_message_is_folded_whole() {
    let mut tests = verdict(Gate::Tests, Outcome::Fail);
    let lines: Vec<String> = (0..9).map(|n| format!("line-{n}")).collect();
    tests.findings.push(Finding::new("failed", Severity::High, lines.join("\n")));
    let page = page(&report(vec![tests]), &View::default());
    in_order(&page, &["line-5</p>", "Whole message, 9 lines", "line-8</pre>"]);
    assert_eq!(page.matches("line-8").count(), 1);
}

#[test]
fn the_tree_adds_up_and_joins_lonely_folders() {
    let view = view([
        file("src/shop/api/v1/a.py", 3, 1),
        file("src/shop/api/v1/b.py", 5, 0),
        file("src/shop/cart.py", 0, 3),
        file("setup.py", 2, 0),
    ]);
    let drawn: Vec<String> = coverage::nodes(&view)
        .map(|node| match node {
            coverage::Node::Open { row, .. } => {
                format!("{} {} {}/{} {}", row.name, row.share, row.covered, row.total, row.changed)
            }
            coverage::Node::File(file) => format!("{} {} [{}]", file.row.name, file.row.share, file.ranges),
            coverage::Node::Close => "close".into(),
        })
        .collect();
    let expected = [
        "src/shop/ 66.6% 8/12 1/4",
        "api/v1/ 88.8% 8/9 ",
        "a.py 75.0% [1001]",
        "b.py 100.0% []",
        "close",
        "cart.py 0.0% [1001–1003]",
        "close",
        "setup.py 100.0% []",
    ];
    assert_eq!(drawn, expected);
}

#[test]
fn a_path_of_thousands_of_folders_is_no_deep_tree() {
    let deep: Vec<String> = (0..200).map(|n| "a/".repeat(n) + "x.py").collect();
    let view = view(deep.iter().map(|path| file(path, 1, 0)));
    let nodes: Vec<coverage::Node> = coverage::nodes(&view).collect();
    let depth = |node: &coverage::Node| match node {
        coverage::Node::Open { .. } => 1,
        coverage::Node::Close => -1,
        coverage::Node::File(_) => 0,
    };
    let mut at = 0;
    let deepest = nodes
        .iter()
        .map(|node| {
            at += depth(node);
            at
        })
        .max();
    assert_eq!((deepest, at), (Some(24), 0));
    assert_eq!(nodes.iter().filter(|n| matches!(n, coverage::Node::File(_))).count(), 200);
}

#[test]
fn lines_outside_of_the_project_are_said_to_count() {
    let mut gate = verdict(Gate::Coverage, Outcome::Pass);
    gate.metrics.insert("lines_total".into(), 10);
    let page = page(&report(vec![gate]), &view([file("a.py", 3, 1)]));
    assert!(page.contains("6 lines of files outside of this project count in the gate too"));
}
