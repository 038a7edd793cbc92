//! Reports for the outlets' wall: an ordinary red one, an ordinary green one, and one that holds a given text everywhere.

use qte_ci::facts::detail::{ChangedLines, Detail, FileDetail, TestDetail};
use qte_ci::facts::evidence::{Evidence, EvidenceKind};
use qte_ci::facts::finding::{Finding, Severity};
use qte_ci::facts::report::{Base, Details, Report, SCHEMA, Subject, Timing, Tool};
use qte_ci::facts::setting::Enforce;
use qte_ci::facts::stage::Gate;
use qte_ci::facts::tests::CaseOutcome;
use qte_ci::facts::verdict::{Outcome, Verdict};
use qte_ci::facts::view::View;

pub fn empty() -> Report {
    Report {
        schema: SCHEMA.into(),
        tool: Tool { version: "4.0.0".into(), commit: None },
        now: "2026-09-01T10:00:00Z".into(),
        seconds: 48.3,
        outcome: Outcome::Pass,
        subject: Subject::default(),
        policy: Default::default(),
        policy_sha256: "9b74c9897bac770ffc029102a200c5de8f2b5e0c9a1a2d6d1f8f0e1b2c3d4e5f".into(),
        looser: Vec::new(),
        components: Vec::new(),
        uncovered: Vec::new(),
        scans: Vec::new(),
        verdicts: Vec::new(),
        evidence: Vec::new(),
        timings: Vec::new(),
        details: Details { path: "qte-report-details.jsonl".into(), sha256: "00".repeat(32) },
    }
}

/// The report with its outcome made from its verdicts.
pub fn judged(mut report: Report) -> Report {
    report.outcome = qte_ci::facts::report::outcome(&report.verdicts);
    report
}

fn command(gate: Gate, argv: &[&str], exit: i32, seconds: f64) -> Evidence {
    let mut item = Evidence::new(EvidenceKind::Command, gate);
    item.argv = argv.iter().map(ToString::to_string).collect();
    item.tool = Some(argv.join(" "));
    item.exit = Some(exit);
    item.seconds = Some(seconds);
    item.path = Some(format!(".qte/{gate}.log"));
    item.sha256 = Some("5c1e0f7a8d2b".repeat(6)[..64].into());
    item.bytes = Some(18_211);
    item
}

fn file(gate: Gate, path: &str, format: &str, bytes: u64) -> Evidence {
    let mut item = Evidence::new(EvidenceKind::File, gate);
    item.path = Some(path.into());
    item.format = Some(format.into());
    item.sha256 = Some("e3b0c44298fc".repeat(6)[..64].into());
    item.bytes = Some(bytes);
    item.written = Some("2026-09-01T10:00:41Z".into());
    item
}

pub fn source(path: &str, covered: u32, uncovered: &[[u32; 2]], changed: Option<(u64, u64)>) -> FileDetail<'static> {
    FileDetail {
        path: path.to_string().into(),
        foreign: false,
        covered: if covered == 0 { vec![] } else { vec![[1000, 999 + covered]] },
        uncovered: uncovered.to_vec(),
        branches_covered: 3,
        branches_total: 4,
        changed: changed.map(|(covered, total)| ChangedLines { covered, total }),
        ..FileDetail::default()
    }
}

fn about() -> Report {
    let mut report = empty();
    report.subject = Subject {
        repository: Some("acme/shop".into()),
        sha: Some("3f786850e387550fdab836ed7e6dc881de23001b".into()),
        tree: None,
        dirty: false,
        reference: Some("refs/pull/12/merge".into()),
        event: Some("pull_request".into()),
        base: Some(Base {
            sha: "89e6c98d92887913cadf06b2adb97f26cde4849b".into(),
            why: "the merge base with main".into(),
            diff_sha256: String::new(),
        }),
    };
    for (what, start, seconds) in [("install", 0.1, 6.2), ("tests", 6.3, 41.2), ("coverage", 47.5, 0.1)] {
        report.timings.push(Timing { what: what.into(), start, seconds });
    }
    report.evidence = vec![
        command(Gate::Install, &["python", "-m", "pip", "install", "-e", ".[test]"], 0, 6.1),
        command(Gate::Tests, &["python", "-m", "pytest", "--junitxml=junit.xml", "-k", "a|b"], 1, 41.2),
        file(Gate::Tests, "junit.xml", "junit", 88_120),
        file(Gate::Coverage, "coverage.xml", "cobertura", 41_007),
    ];
    report
}

fn failing(name: &str, message: &str, path: &str, line: u64, detail: &str) -> Finding {
    let mut finding = Finding::new("test-failure", Severity::High, format!("{name}\n{message}"));
    finding = finding.at(path, Some(line), None);
    finding.detail = Some(detail.into());
    finding
}

const ROUNDING: &str = "def test_total_rounds_half_up():
        cart = Cart([Item('tea', '10.125')])
>       assert cart.total() == Decimal('10.13')
E       AssertionError: assert Decimal('10.12') == Decimal('10.13')
E        +  where Decimal('10.12') = <bound method Cart.total of <Cart 1 item>>()

tests/test_cart.py:41: AssertionError";

/// Three failing tests, too little coverage, a looser setting.
pub fn red() -> (Report, View) {
    let mut report = about();
    report.looser = vec!["coverage.lines: 80 on main, 70 here (.github/qte-ci.yml:12)".into()];
    let mut tests = Verdict::new(Gate::Tests, Enforce::Block, Outcome::Fail, "3 of 415 failed, 2 flaky")
        .because("python -m pytest: exit 1", [1])
        .because("junit.xml: 415 tests", [2]);
    tests.findings = vec![
        failing(
            "tests/test_cart.py::test_total_rounds_half_up",
            "AssertionError: assert Decimal('10.12') == Decimal('10.13')",
            "tests/test_cart.py",
            41,
            ROUNDING,
        ),
        failing(
            "tests/test_api.py::TestOrders::test_list[page=2]",
            "KeyError: 'next'",
            "tests/test_api.py",
            88,
            "    page = client.get('/orders?page=2').json()\n>   assert page['next'] is None\nE   KeyError: 'next'",
        ),
        failing(
            "tests/test_mail.py::test_sends",
            "TimeoutError: 5 s",
            "tests/test_mail.py",
            17,
            "E   TimeoutError: 5 s",
        ),
    ];
    tests.findings_total = 3;
    for (name, value) in [("tests", 415), ("passed", 412), ("failed", 3), ("errors", 0), ("skipped", 0), ("flaky", 2)] {
        tests.metrics.insert(name.into(), value);
    }
    let mut coverage =
        Verdict::new(Gate::Coverage, Enforce::Block, Outcome::Fail, "78.9% of lines (80), 62.5% of changed lines (80)")
            .because("1,139 of 1,443 lines; 80% asked (.github/qte-ci.yml:12)", [3])
            .because("15 of 24 changed lines; 80% asked (default)", [3]);
    coverage.findings = vec![
        Finding::new("uncovered-lines", Severity::Medium, "changed lines 52 to 58 are not covered by any test").at(
            "src/shop/cart.py",
            Some(52),
            Some(58),
        ),
        Finding::new("uncovered-lines", Severity::Medium, "changed line 71 is not covered by any test").at(
            "src/shop/cart.py",
            Some(71),
            Some(71),
        ),
    ];
    coverage.findings_total = 2;
    for (name, value) in [
        ("lines_covered", 1139),
        ("lines_total", 1443),
        ("branches_covered", 301),
        ("branches_total", 402),
        ("changed_covered", 15),
        ("changed_total", 24),
    ] {
        coverage.metrics.insert(name.into(), value);
    }
    let install = Verdict::new(Gate::Install, Enforce::Block, Outcome::Pass, "23 packages");
    report.verdicts = vec![install, tests, coverage];
    (judged(report), view())
}

fn view() -> View {
    let files = vec![
        source("src/shop/__init__.py", 12, &[], None),
        source("src/shop/api/orders.py", 180, &[[40, 44], [90, 92]], Some((8, 8))),
        source("src/shop/cart.py", 220, &[[52, 58], [71, 71], [120, 160]], Some((7, 16))),
        source("src/shop/mail.py", 30, &[[10, 80]], None),
        source("src/shop/payment/stripe.py", 90, &[[1, 3], [7, 9], [20, 40]], None),
    ];
    let flaky = |id: &'static str, seconds| TestDetail {
        id: id.into(),
        component: "".into(),
        outcome: CaseOutcome::Passed,
        flaky: true,
        seconds,
        path: None,
        line: None,
    };
    let tests = vec![flaky("tests/test_mail.py::test_retry", 1.2), flaky("tests/test_api.py::test_slow", 0.4)];
    let mut view = View::default();
    tests.into_iter().for_each(|test| view.add(Detail::Test(test)));
    files.into_iter().for_each(|file| view.add(Detail::File(file)));
    view.tests_seen = 415;
    view.finish()
}

/// Everything passed; one setting was given as advice and is not met.
pub fn green() -> (Report, View) {
    let mut report = about();
    report.evidence[1].exit = Some(0);
    let mut tests = Verdict::new(Gate::Tests, Enforce::Block, Outcome::Pass, "415 passed, 3 skipped");
    tests.metrics = [("passed", 412), ("failed", 0), ("errors", 0)].map(|(n, v)| (n.to_string(), v)).into();
    let mut coverage = Verdict::new(
        Gate::Coverage,
        Enforce::Block,
        Outcome::Pass,
        "84.2% of lines (80), 100.0% of changed lines (80)",
    );
    coverage.metrics = [("lines_covered", 1215), ("lines_total", 1443), ("changed_covered", 8), ("changed_total", 8)]
        .map(|(n, v)| (n.to_string(), v))
        .into();
    report.verdicts = vec![Verdict::new(Gate::Install, Enforce::Block, Outcome::Pass, "23 packages"), tests, coverage];
    let mut view = view();
    view.files[2].changed = None;
    (judged(report), view)
}

/// A report that has this text in every field that holds text, with verdicts of every kind.
pub fn filled(text: &str) -> (Report, View, Vec<String>) {
    let mut report = empty();
    let some = || Some(text.to_string());
    report.tool.version = text.into();
    report.now = text.into();
    report.policy_sha256 = text.into();
    report.details = Details { path: text.into(), sha256: text.into() };
    report.looser = vec![text.into(), text.into()];
    report.subject = Subject {
        repository: some(),
        sha: some(),
        tree: some(),
        dirty: true,
        reference: some(),
        event: some(),
        base: Some(Base { sha: text.into(), why: text.into(), diff_sha256: text.into() }),
    };
    for (start, what) in [(0.0, "install"), (1.0, text), (2.0, "tests")] {
        report.timings.push(Timing { what: what.into(), start, seconds: 1.0 });
    }
    for (gate, enforce, outcome) in [
        (Gate::Install, Enforce::Advise, Outcome::Unmeasured),
        (Gate::Tests, Enforce::Block, Outcome::Fail),
        (Gate::Coverage, Enforce::Block, Outcome::Inconclusive),
    ] {
        report.verdicts.push(hostile_verdict(gate, enforce, outcome, text));
        report.evidence.extend(hostile_evidence(gate, text));
    }
    let failed = TestDetail {
        id: text.to_string().into(),
        component: "".into(),
        outcome: CaseOutcome::Failed,
        flaky: true,
        seconds: 1.0,
        path: some().map(Into::into),
        line: Some(1),
    };
    let files = vec![source(text, 10, &[[3, 4]], Some((1, 2))), source(&format!("{text}/b.py"), 1, &[[9, 9]], None)];
    let mut view = View::default();
    view.add(Detail::Test(failed));
    files.into_iter().for_each(|file| view.add(Detail::File(file)));
    (judged(report), view.finish(), vec![text.to_string()])
}

fn hostile_verdict(gate: Gate, enforce: Enforce, outcome: Outcome, text: &str) -> Verdict {
    let mut verdict = Verdict::new(gate, enforce, outcome, text).because(text, [0, 1]).because(text, []);
    // Tests say what to do from their findings, the others from their help.
    if gate != Gate::Tests {
        verdict = verdict.help(text, text, text);
    }
    for severity in [Severity::Critical, Severity::Medium, Severity::Notice] {
        let mut finding = Finding::new(text, severity, format!("{text}\n{text}")).at(text, Some(2), Some(3));
        finding.detail = Some(text.into());
        finding.fix = Some(text.into());
        finding.fingerprint = Some(text.into());
        verdict.findings.push(finding);
    }
    verdict.findings_total = 5;
    verdict
}

fn hostile_evidence(gate: Gate, text: &str) -> [Evidence; 3] {
    let of = |kind| {
        let mut item = Evidence::new(kind, gate);
        for field in [&mut item.path, &mut item.format, &mut item.written, &mut item.tool, &mut item.version] {
            *field = Some(text.into());
        }
        item.sha256 = Some(text.into());
        item
    };
    let mut command = of(EvidenceKind::Command);
    command.argv = vec![text.into(), text.into()];
    command.exit = Some(1);
    let mut refused = of(EvidenceKind::File);
    refused.refused = Some(text.into());
    [command, of(EvidenceKind::File), refused]
}
