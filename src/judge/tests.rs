//! Gate `tests` (1A): did any test run to its end, and did all that ran pass?

use super::{FileRead, Run, counted};
use crate::facts::evidence::Ending;
use crate::facts::finding::{Finding, Severity};
use crate::facts::setting::{Enforce, Setting};
use crate::facts::stage::Gate;
use crate::facts::tests::{CaseOutcome, Tests};
use crate::facts::verdict::{Outcome, Verdict};

#[derive(Clone, Debug)]
pub struct Policy {
    pub enforce: Setting<Enforce>,
    /// How many tests may pass only when run again.
    pub flaky: Setting<Option<u64>>,
}

/// What is known of the tests.
#[derive(Debug, Default)]
pub struct Input {
    /// Why the project can have no tests that we know of.
    pub not_applicable: Option<String>,
    /// Why no test can be relied on, whatever the reports say.
    pub blocked: Option<String>,
    /// The command; none where reports of earlier steps are read.
    pub run: Option<Run>,
    /// Names and patterns of the reports that were looked for.
    pub looked_for: String,
    pub reports: Vec<FileRead<Tests>>,
    /// Tests that passed on a retry, where the report itself cannot tell; they add to its own.
    pub retried_passed: u64,
    /// What the job that ran the tests said of them, where its report is read: it knows how its command ended.
    pub said: Option<(Outcome, String)>,
    /// Cases that the report holds beyond one a test: earlier tries, which pytest writes down as passed.
    pub retried_cases: u64,
}

pub fn judge(policy: &Policy, input: &Input) -> Verdict {
    if let Some(why) = &input.not_applicable {
        return super::skipped(Gate::Tests, policy.enforce.value, why);
    }
    let mut tests = Tests::default();
    for report in &input.reports {
        if let Ok(content) = &report.content {
            tests.merge(content.clone());
        }
    }
    let extra = input.retried_cases.min(tests.counts.passed);
    tests.counts.tests -= extra;
    tests.counts.passed -= extra;
    tests.counts.flaky = tests.counts.flaky.max(input.retried_passed.min(tests.counts.passed));
    let (outcome, title) = match decide(input, &tests) {
        (Outcome::Pass, title) if over_budget(policy, &tests) => {
            (Outcome::Fail, over_budget_title(policy, &tests, &title))
        }
        decided => decided,
    };
    let mut verdict = Verdict::new(Gate::Tests, policy.enforce.value, outcome, title);
    explain(&mut verdict, input, &tests);
    verdict.findings = tests.kept.iter().map(finding).collect();
    let counts = &tests.counts;
    verdict.findings_total = (counts.failed + counts.errors).max(verdict.findings.len() as u64);
    for (name, value) in [
        ("tests", counts.tests),
        ("passed", counts.passed),
        ("failed", counts.failed),
        ("errors", counts.errors),
        ("skipped", counts.skipped),
        ("flaky", counts.flaky),
        ("seconds", counts.micros / 1_000_000),
    ] {
        verdict.metrics.insert(name.into(), value);
    }
    verdict
}

/// More tests passed only when run again than the policy allows.
fn over_budget(policy: &Policy, tests: &Tests) -> bool {
    policy.flaky.value.is_some_and(|allowed| tests.counts.flaky > allowed)
}

fn over_budget_title(policy: &Policy, tests: &Tests, title: &str) -> String {
    let allowed = policy.flaky.value.unwrap_or(0);
    format!("{} flaky, {allowed} allowed ({}); {title}", tests.counts.flaky, policy.flaky.source)
}

/// The case that pytest writes for an error of its own or of a plugin: no test has failed there.
const PYTEST_BROKE: &str = "pytest::internal";

/// The outcome table of design section 5, from the most to the least certain.
fn decide(input: &Input, tests: &Tests) -> (Outcome, String) {
    let counts = &tests.counts;
    let ended = input.run.as_ref().map_or(Ending::Exit(0), |r| r.ending);
    let broken = tests.kept.iter().filter(|case| case.id == PYTEST_BROKE).count() as u64;
    if broken > 0 && broken == counts.red() + tests.outside && ended == Ending::Exit(3) {
        let ran = counted(counts.executed(), "test");
        return (Outcome::Unmeasured, format!("the run did not end: pytest itself broke (exit 3) after {ran}"));
    }
    if counts.red() + tests.outside > 0 {
        return (Outcome::Fail, red_title(tests));
    }
    if let Some(why) = &input.blocked {
        return (Outcome::Unmeasured, why.clone());
    }
    if let Some((outcome, title)) = input.said.as_ref().filter(|(outcome, _)| !outcome.is_green()) {
        return (*outcome, title.clone());
    }
    let declared = &tests.declared;
    let declared_red = declared.failures.unwrap_or(0).saturating_add(declared.errors.unwrap_or(0));
    if declared_red > 0 {
        return (
            Outcome::Fail,
            format!("the report declares {} and holds none of them", counted(declared_red, "failure")),
        );
    }
    if let Some(bad) = input.reports.iter().find(|r| r.content.is_err()) {
        let why = bad.content.as_ref().err().map_or("", String::as_str);
        return (Outcome::Unmeasured, format!("{}: {why}", bad.path));
    }
    if input.reports.is_empty() {
        let title = match ended {
            Ending::Exit(0) => "no test report".to_string(),
            ending => format!("no test report ({ending})"),
        };
        return (Outcome::Unmeasured, title);
    }
    if counts.tests == 0 {
        return (Outcome::Unmeasured, empty_title(tests, ended));
    }
    if counts.executed() == 0 {
        return (Outcome::Unmeasured, format!("0 tests ran: {} skipped", counts.skipped));
    }
    match ended {
        Ending::Exit(0) => (Outcome::Pass, green_title(tests)),
        // The one exit code that test runners and shells alike give for "something failed".
        Ending::Exit(1) => (
            Outcome::Fail,
            format!("the command says that something failed (exit 1); of {} none did", counted(counts.tests, "test")),
        ),
        ending => {
            (Outcome::Unmeasured, format!("the run did not end: {ending} after {}", counted(counts.executed(), "test")))
        }
    }
}

fn red_title(tests: &Tests) -> String {
    let counts = &tests.counts;
    if counts.executed() == 0 && counts.failed == 0 {
        let errors = counts.errors + tests.outside;
        return format!("0 tests ran: {}", counted(errors, "collection error"));
    }
    let mut parts = Vec::new();
    if counts.failed > 0 {
        parts.push(format!("{} of {} failed", counts.failed, counts.tests));
    }
    if counts.errors + tests.outside > 0 {
        parts.push(counted(counts.errors + tests.outside, "error"));
    }
    extras(tests, &mut parts);
    parts.join(", ")
}

fn green_title(tests: &Tests) -> String {
    let mut parts = vec![format!("{} passed", tests.counts.passed)];
    extras(tests, &mut parts);
    parts.join(", ")
}

fn extras(tests: &Tests, parts: &mut Vec<String>) {
    if tests.counts.flaky > 0 {
        parts.push(format!("{} flaky", tests.counts.flaky));
    }
    if tests.counts.skipped > 0 {
        parts.push(format!("{} skipped", tests.counts.skipped));
    }
}

fn empty_title(tests: &Tests, ended: Ending) -> String {
    match (tests.declared.tests.filter(|&n| n > 0), ended) {
        (Some(declared), _) => format!("the report declares {} and holds none", counted(declared, "test")),
        (None, Ending::Exit(0)) => "0 tests ran: the report is valid and holds no test".into(),
        (None, ending) => format!("0 tests ran ({ending})"),
    }
}

/// Reasons with their evidence, and for what is not green the three lines of help.
fn explain(verdict: &mut Verdict, input: &Input, tests: &Tests) {
    if let Some(run) = &input.run {
        verdict.reasons.push(reason(format!("{}: {}", run.what, run.ending), run.evidence));
    }
    for report in &input.reports {
        let text = match &report.content {
            Ok(read) => format!("{}: {}", report.path, counted(read.counts.tests, "test")),
            Err(why) => format!("{}: {why}", report.path),
        };
        verdict.reasons.push(reason(text, report.evidence));
        for mapped in report.content.iter().filter_map(|read| read.mapped.as_ref()) {
            verdict.reasons.push(reason(format!("{}: {mapped}", report.path), report.evidence));
        }
        for contradiction in report.content.iter().flat_map(|read| &read.contradictions) {
            verdict.reasons.push(reason(format!("{} {contradiction}", report.path), report.evidence));
        }
    }
    let hidden = (tests.counts.red()).saturating_sub(tests.kept.len() as u64);
    if hidden > 0 {
        let text = format!("{hidden} more failing tests are counted and stand in the details file");
        verdict.reasons.push(crate::facts::verdict::Reason { text, evidence: Vec::new() });
    }
    if verdict.outcome == Outcome::Unmeasured {
        let tail = input.run.as_ref().map(|r| r.tail.join("\n")).unwrap_or_default();
        let found = if tail.is_empty() { verdict.title.clone() } else { format!("{}\n{tail}", verdict.title) };
        let way_out = match &input.run {
            Some(_) => "let the test command run to its end and write its report, or name it in `tests.reports`",
            None => "let an earlier step write the report, or name its path in `tests.reports`",
        };
        *verdict = verdict.clone().help(input.looked_for.clone(), found, way_out);
    }
}

fn reason(text: String, evidence: usize) -> crate::facts::verdict::Reason {
    crate::facts::verdict::Reason { text, evidence: vec![evidence] }
}

fn finding(case: &crate::facts::tests::KeptCase) -> Finding {
    let rule = if case.outcome == CaseOutcome::Error { "test-error" } else { "test-failure" };
    let told = if case.message.is_empty() { case.text.lines().next().unwrap_or("") } else { &case.message };
    let mut finding = Finding::new(rule, Severity::High, format!("{}\n{told}", case.id));
    finding.path = case.path.clone();
    finding.line = case.line;
    finding.detail = Some(&case.text).filter(|text| !text.trim().is_empty()).cloned();
    finding
}

#[cfg(test)]
mod cases {
    use super::*;
    use crate::facts::tests::{DeclaredTests, TestCounts};

    fn tests(passed: u64, failed: u64, errors: u64, skipped: u64) -> Tests {
        let counts = TestCounts {
            tests: passed + failed + errors + skipped,
            passed,
            failed,
            errors,
            skipped,
            ..TestCounts::default()
        };
        Tests { counts, ..Tests::default() }
    }

    fn input(ending: Option<Ending>, reports: Vec<Result<Tests, String>>) -> Input {
        Input {
            run: ending.map(|ending| Run {
                evidence: 0,
                what: "python -m pytest".into(),
                ending,
                tail: vec!["last line".into()],
            }),
            looked_for: "junit.xml".into(),
            reports: reports
                .into_iter()
                .map(|content| FileRead { evidence: 1, path: "junit.xml".into(), content })
                .collect(),
            ..Input::default()
        }
    }

    fn policy() -> Policy {
        Policy { enforce: Setting::default(Enforce::Block), flaky: Setting::default(None) }
    }

    #[test]
    fn flaky_tests_have_a_budget_of_their_own() {
        let mut flaky = tests(5, 0, 0, 0);
        flaky.counts.flaky = 2;
        for (allowed, outcome) in [(None, Outcome::Pass), (Some(2), Outcome::Pass), (Some(1), Outcome::Fail)] {
            let policy = Policy { flaky: Setting::default(allowed), ..policy() };
            let verdict = judge(&policy, &input(Some(Ending::Exit(0)), vec![Ok(flaky.clone())]));
            assert_eq!(verdict.outcome, outcome, "{}", verdict.title);
        }
    }

    fn judged(input: Input) -> (Outcome, String) {
        let verdict = judge(&policy(), &input);
        (verdict.outcome, verdict.title)
    }

    #[test]
    fn the_outcome_table() {
        use Ending::*;
        use Outcome::*;
        let declares = |n: u64, f: u64| Tests {
            declared: DeclaredTests { tests: Some(n), failures: Some(f), ..Default::default() },
            ..Tests::default()
        };
        let outside = Tests { outside: 1, ..tests(3, 0, 0, 0) };
        let cut = || Err("line 3: the file ends inside <testcase>".to_string());
        for (ending, reports, outcome, title) in [
            (Some(Exit(0)), vec![Ok(tests(5, 0, 0, 1))], Pass, "5 passed, 1 skipped"),
            (Some(Exit(1)), vec![Ok(tests(4, 1, 0, 0))], Fail, "1 of 5 failed"),
            (Some(Exit(0)), vec![Ok(tests(4, 1, 0, 0))], Fail, "1 of 5 failed"),
            (Some(Exit(2)), vec![Ok(tests(0, 0, 92, 0))], Fail, "0 tests ran: 92 collection errors"),
            (
                Some(Exit(1)),
                vec![Ok(tests(5, 0, 0, 0))],
                Fail,
                "the command says that something failed (exit 1); of 5 tests none did",
            ),
            (Some(Exit(2)), vec![Ok(tests(5, 0, 0, 0))], Unmeasured, "the run did not end: exit 2 after 5 tests"),
            (Some(Exit(3)), vec![], Unmeasured, "no test report (exit 3)"),
            (Some(Exit(4)), vec![], Unmeasured, "no test report (exit 4)"),
            (Some(Exit(5)), vec![Ok(tests(0, 0, 0, 0))], Unmeasured, "0 tests ran (exit 5)"),
            (
                Some(Signal(9)),
                vec![Ok(tests(5, 0, 0, 0))],
                Unmeasured,
                "the run did not end: killed by signal 9 after 5 tests",
            ),
            (Some(TimedOut { seconds: 7 }), vec![], Unmeasured, "no test report (stopped at its limit of 7 s)"),
            (Some(TimedOut { seconds: 7 }), vec![Ok(tests(1, 1, 0, 0))], Fail, "1 of 2 failed"),
            (Some(Exit(0)), vec![Ok(tests(0, 0, 0, 9))], Unmeasured, "0 tests ran: 9 skipped"),
            (
                Some(Exit(0)),
                vec![Ok(tests(0, 0, 0, 0))],
                Unmeasured,
                "0 tests ran: the report is valid and holds no test",
            ),
            (Some(Exit(0)), vec![cut()], Unmeasured, "junit.xml: line 3: the file ends inside <testcase>"),
            (
                Some(Exit(0)),
                vec![Ok(tests(5, 0, 0, 0)), cut()],
                Unmeasured,
                "junit.xml: line 3: the file ends inside <testcase>",
            ),
            (Some(Exit(0)), vec![Ok(tests(4, 1, 0, 0)), cut()], Fail, "1 of 5 failed"),
            (Some(Exit(0)), vec![Ok(declares(2, 2))], Fail, "the report declares 2 failures and holds none of them"),
            (Some(Exit(0)), vec![Ok(declares(2, 0))], Unmeasured, "the report declares 2 tests and holds none"),
            (None, vec![Ok(outside)], Fail, "1 error"),
            (None, vec![], Unmeasured, "no test report"),
            (None, vec![Ok(tests(1, 0, 0, 0))], Pass, "1 passed"),
        ] {
            assert_eq!(judged(input(ending, reports)), (outcome, title.to_string()));
        }
    }

    #[test]
    fn an_error_of_pytest_itself_is_no_failed_test() {
        let mut broke = tests(5, 0, 1, 0);
        let case = |id: &str| crate::facts::tests::KeptCase {
            id: id.into(),
            outcome: CaseOutcome::Error,
            path: None,
            line: None,
            message: String::new(),
            text: String::new(),
        };
        broke.kept = vec![case("pytest::internal")];
        let (outcome, title) = judged(input(Some(Ending::Exit(3)), vec![Ok(broke.clone())]));
        assert_eq!(
            (outcome, title.as_str()),
            (Outcome::Unmeasured, "the run did not end: pytest itself broke (exit 3) after 5 tests")
        );
        broke.counts.failed = 1;
        broke.kept.push(case("t::a"));
        assert_eq!(judged(input(Some(Ending::Exit(3)), vec![Ok(broke)])).0, Outcome::Fail);
    }

    #[test]
    fn without_dependencies_green_reports_prove_nothing() {
        let mut blocked = input(None, vec![Ok(tests(3, 0, 0, 0))]);
        blocked.blocked = Some("the dependencies are not installed".into());
        assert_eq!(judged(blocked).0, Outcome::Unmeasured);
    }

    #[test]
    fn a_display_limit_changes_no_count() {
        let mut many = tests(1, 4459, 0, 0);
        many.kept.clear();
        let verdict = judge(&policy(), &input(Some(Ending::Exit(1)), vec![Ok(many)]));
        assert_eq!(verdict.metrics["failed"], 4459);
        assert!(verdict.reasons.iter().any(|r| r.text.starts_with("4459 more failing tests")));
    }
}
