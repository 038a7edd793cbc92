//! The outcome table of the gates that judge findings.

use super::*;

fn policy(judge: Judged) -> Policy {
    Policy {
        gate: Gate::Security,
        enforce: Setting::default(Enforce::Block),
        fail_on: Setting::default(Severity::Medium),
        judge: Setting::default(judge),
    }
}

fn day() -> Day {
    "2026-06-01".parse().unwrap()
}

fn part(ending: Option<Ending>, content: Option<Result<Findings, String>>) -> Part {
    Part {
        name: "bandit".into(),
        run: ending.map(|ending| Run { evidence: 0, what: "bandit".into(), ending, tail: vec!["last line".into()] }),
        found: Some(vec![1]),
        looked_for: "bandit.json".into(),
        reports: content
            .map(|content| FileRead { evidence: 1, path: "bandit.json".into(), content })
            .into_iter()
            .collect(),
        ..Part::default()
    }
}

fn report(total: u64) -> Option<Result<Findings, String>> {
    Some(Ok(Findings { total, ..Findings::default() }))
}

fn see(judge: Judged, all: &[(Severity, Option<bool>)]) -> Seen {
    let mut seen = Seen::new(&policy(judge), &[], day());
    for (severity, new) in all {
        let mut finding = Finding::new("B1", *severity, "m").at("a.py", Some(3), None);
        finding.new = *new;
        seen.see(finding);
    }
    seen
}

fn outcome(part: Part, judge_: Judged, all: &[(Severity, Option<bool>)]) -> (Outcome, String) {
    let input = Input { parts: vec![part], ..Input::default() };
    let verdict = judge(&policy(judge_), &input, see(judge_, all));
    (verdict.outcome, verdict.title)
}

const OK: Option<Ending> = Some(Ending::Exit(0));
const FOUND: Option<Ending> = Some(Ending::Exit(1));

#[test]
fn only_what_is_new_and_bad_enough_stops_the_run() {
    use {Outcome::*, Severity::*};
    for (all, judged, expected, title) in [
        (&[][..], Judged::New, Pass, "0 new, 0 known"),
        (&[(High, Some(false))], Judged::New, Pass, "0 new, 1 known"),
        (&[(Low, Some(true))], Judged::New, Pass, "1 new, none at medium or worse, 0 known"),
        (
            &[(High, Some(true)), (Low, Some(true))],
            Judged::New,
            Fail,
            "1 new at medium or worse (first B1 in a.py:3), 1 new below that, 0 known",
        ),
        (&[(High, None)], Judged::New, Fail, "1 new at medium or worse (first B1 in a.py:3), 0 known"),
        (
            &[(Critical, Some(false))],
            Judged::All,
            Fail,
            "1 finding at medium or worse (first B1 in a.py:3), 0 new, 1 known",
        ),
    ] {
        let run = if all.is_empty() { OK } else { FOUND };
        let said = outcome(part(run, report(all.len() as u64)), judged, all);
        assert_eq!(said, (expected, title.to_string()));
    }
}

#[test]
fn what_did_not_look_is_no_evidence() {
    let skipped = Findings { unmeasured: vec!["a.py: not parsed".into()], ..Findings::default() };
    for (part, title) in [
        (part(OK, None), "bandit: no report"),
        (part(Some(Ending::Exit(2)), report(0)), "bandit: the tool did not succeed (exit 2)"),
        (part(Some(Ending::Signal(9)), report(0)), "bandit: the tool did not succeed (killed by signal 9)"),
        (part(FOUND, report(0)), "bandit: the tool says that something is wrong (exit 1), its report holds nothing"),
        (part(OK, Some(Err("cut".into()))), "bandit: cut"),
        (part(OK, Some(Ok(skipped))), "bandit: a.py: not parsed"),
        (Part { blocked: Some("no go".into()), ..part(None, None) }, "bandit: no go"),
    ] {
        assert_eq!(outcome(part, Judged::New, &[]), (Outcome::Unmeasured, title.to_string()));
    }
}

#[test]
fn a_finding_fails_also_where_another_tool_did_not_look() {
    let input = Input { parts: vec![part(FOUND, report(1)), part(OK, None)], ..Input::default() };
    let verdict = judge(&policy(Judged::New), &input, see(Judged::New, &[(Severity::High, Some(true))]));
    assert_eq!((verdict.outcome, verdict.help), (Outcome::Fail, None));
    assert!(verdict.reasons.iter().any(|r| r.text == "bandit: no report"));
}

#[test]
fn a_command_that_is_not_known_may_end_with_any_code_where_it_found_something() {
    let own = |ending, total| Part { found: None, ..part(ending, report(total)) };
    let high = [(Severity::Low, Some(true))];
    assert_eq!(outcome(own(Some(Ending::Exit(64)), 1), Judged::New, &high).0, Outcome::Pass);
    assert_eq!(outcome(own(Some(Ending::Exit(64)), 0), Judged::New, &[]).0, Outcome::Unmeasured);
}

#[test]
fn where_nothing_is_there_to_look_at_the_gate_is_skipped_with_the_reason() {
    let none = Part { not_applicable: Some("no Python file: looked for *.py".into()), ..Part::default() };
    assert_eq!(outcome(none, Judged::New, &[]), (Outcome::Skipped, "no Python file".to_string()));
    let input = Input { uncovered: vec!["java: no tool".into()], ..Input::default() };
    let verdict = judge(&policy(Judged::New), &input, see(Judged::New, &[]));
    assert_eq!((verdict.outcome, verdict.title.as_str()), (Outcome::Skipped, "java: no tool"));
    assert_eq!(verdict.reasons.len(), 1);
}

#[test]
fn a_waiver_lifts_what_it_is_for_and_never_what_is_unmeasured() {
    let waiver: Waiver = serde_json::from_value(serde_json::json!({
        "gate": "security", "id": "B1", "path": "a.py", "reason": "r", "owner": "o", "until": "2026-06-01"
    }))
    .unwrap();
    let seen = |today: &str| {
        let mut seen = Seen::new(&policy(Judged::New), std::slice::from_ref(&waiver), today.parse().unwrap());
        let finding = Finding::new("B1", Severity::High, "m").at("a.py", Some(3), None);
        if !seen.is_waived(&Asked { ids: &["B1"], path: Some("a.py"), package: None }) {
            seen.see(finding);
        }
        seen
    };
    let whole = Input { parts: vec![part(FOUND, report(1))], ..Input::default() };
    let verdict = judge(&policy(Judged::New), &whole, seen("2026-06-01"));
    assert_eq!((verdict.outcome, verdict.title.as_str()), (Outcome::Pass, "0 new, 0 known, 1 waived until 2026-06-01"));
    let verdict = judge(&policy(Judged::New), &whole, seen("2026-06-02"));
    assert_eq!((verdict.outcome, verdict.metrics["waived"]), (Outcome::Fail, 0));
    assert_eq!(verdict.findings.last().unwrap().rule, "waiver-expired");
    let broken = Input { parts: vec![part(OK, None)], ..Input::default() };
    assert_eq!(judge(&policy(Judged::New), &broken, seen("2026-06-01")).outcome, Outcome::Unmeasured);
}

#[test]
fn the_worst_are_kept_and_all_are_counted() {
    let mut seen = Seen::new(&policy(Judged::New), &[], day());
    for number in 0..3 * KEPT as u64 {
        let severity = if number == 1500 { Severity::Critical } else { Severity::Low };
        let mut finding = Finding::new("R", severity, "m").at("a.py", Some(number), None);
        finding.new = Some(number % 2 == 0);
        seen.see(finding);
    }
    let input = Input { parts: vec![part(FOUND, report(3000))], ..Input::default() };
    let verdict = judge(&policy(Judged::New), &input, seen);
    assert_eq!((verdict.findings.len(), verdict.findings_total), (KEPT, 1500));
    assert!(verdict.findings.iter().all(|finding| finding.new == Some(true)), "what was known is counted only");
    assert_eq!((verdict.findings[0].severity, verdict.findings[0].line), (Severity::Critical, Some(1500)));
    assert_eq!((verdict.metrics["new"], verdict.metrics["known"], verdict.metrics["critical"]), (1500, 1500, 1));
}
