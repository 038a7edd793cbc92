//! The wall of `report.html`: pages of the library in a real browser. Nothing leaves a page, nothing of what a test wrote
//! runs, a keyboard and a screen reader do, and 200,000 tests do not freeze it. `sh tests/tools.sh` installs what it takes.

#[path = "common/browser.rs"]
mod browser;

use qte_ci::facts::detail::{ChangedLines, Detail, FileDetail, TestDetail};
use qte_ci::facts::evidence::{Evidence, EvidenceKind};
use qte_ci::facts::finding::{Finding, Severity};
use qte_ci::facts::report::{self, Base, Details, PolicyValue, Report, SCHEMA, Subject, Timing, Tool};
use qte_ci::facts::setting::{Enforce, Source};
use qte_ci::facts::stage::Gate;
use qte_ci::facts::tests::CaseOutcome;
use qte_ci::facts::verdict::{Outcome, Verdict};
use qte_ci::facts::view::{ListedTest, SourceLine, TestList, View};
use qte_ci::tell::html;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Of a large suite.
const MANY: u64 = 200_000;

// Pages.

/// A report about nothing yet.
fn report(verdicts: Vec<Verdict>) -> Report {
    Report {
        schema: SCHEMA.into(),
        tool: Tool { version: "4.0.0".into(), commit: Some("5d2c9a1".into()) },
        now: "2026-11-24T09:41:07Z".into(),
        seconds: 47.3,
        outcome: report::outcome(&verdicts),
        subject: Subject {
            repository: Some("acme/shop".into()),
            sha: Some("8f3a1c0e5b7d94a2c6e8f01b3d5a7c9e1f2b4d60".into()),
            tree: Some("c1d2e3f405162738495a6b7c8d9eaf0b1c2d3e4f".into()),
            dirty: false,
            reference: Some("refs/pull/214/merge".into()),
            event: Some("pull_request".into()),
            base: Some(Base {
                sha: "1b9e6a7d3c5f8e2a4b6d8f0c1e3a5b7d9f1c3e5a".into(),
                why: "the merge base with main".into(),
                diff_sha256: digest(3),
            }),
        },
        policy: settings(),
        policy_sha256: digest(4),
        components: vec![],
        uncovered: vec![],
        scans: vec![],
        looser: vec![],
        verdicts,
        evidence: evidence(),
        timings: [("install", 0.0, 4.9), ("tests", 4.9, 41.2), ("coverage", 46.1, 0.64)]
            .map(|(what, start, seconds)| Timing { what: what.into(), start, seconds })
            .into(),
        details: Details { path: "qte-report-details.jsonl".into(), sha256: digest(5) },
    }
}

/// Looks like a digest; nobody checks it here.
fn digest(seed: u64) -> String {
    (0..8).map(|n| format!("{:08x}", (seed * 0x9e37_79b9 + n * 0x85eb_ca6b) & 0xffff_ffff)).collect()
}

fn settings() -> report::Policy {
    let file = |line| Source::File { path: ".github/qte-ci.yml".into(), line };
    let rows = [
        ("tests.enforce", json!("block"), Source::Default),
        ("tests.timeout", json!("30m"), Source::Default),
        ("coverage.lines", json!("85"), file(4)),
        ("coverage.branches", Value::Null, Source::Default),
        ("coverage.changed", json!("80"), Source::Base { path: ".github/qte-ci.yml".into(), line: 6 }),
        ("coverage.exclude", json!(["tests/**", "docs/**", "setup.py"]), Source::Default),
        ("stages", json!(["1A", "1B"]), Source::Flag("--stages".into())),
    ];
    rows.into_iter().map(|(name, value, source)| (name.to_string(), PolicyValue { value, source })).collect()
}

fn evidence() -> Vec<Evidence> {
    let mut run = Evidence::new(EvidenceKind::Command, Gate::Tests);
    run.argv =
        ["python", "-m", "pytest", "--junitxml=qte-evidence/junit.xml", "-k", "not slow"].map(String::from).into();
    run.exit = Some(1);
    run.seconds = Some(41.2);
    run.path = Some("qte-evidence/tests.log".into());
    run.sha256 = Some(digest(1));
    run.bytes = Some(48_211);
    run.written = Some("2026-11-24T09:40:25Z".into());
    (run.tool, run.version) = (Some("pytest".into()), Some("9.0.1".into()));
    let file = |gate, path: &str, format: &str, seed| {
        let mut item = Evidence::new(EvidenceKind::File, gate);
        item.path = Some(path.into());
        item.format = Some(format.into());
        item.sha256 = Some(digest(seed));
        item.bytes = Some(81_920 + seed);
        item.written = Some("2026-11-24T09:41:06Z".into());
        item
    };
    let mut old = file(Gate::Coverage, "build/coverage.xml", "cobertura", 7);
    old.refused = Some("written 14 min before `pytest` began".into());
    let mut all = vec![run, file(Gate::Tests, "qte-evidence/junit.xml", "junit", 2)];
    all.extend([file(Gate::Coverage, "qte-evidence/coverage.json", "coveragepy-json", 6), old]);
    all
}

fn metrics(mut verdict: Verdict, numbers: &[(&str, u64)]) -> Verdict {
    verdict.metrics = numbers.iter().map(|(name, value)| ((*name).to_string(), *value)).collect();
    verdict
}

const TRACEBACK: &str = "    def test_total_rounds_half_up():\n        cart = Cart([Line(\"tea\", 3, Decimal(\"3.375\"))])\n\
    >       assert cart.total() == Decimal(\"10.13\")\nE       AssertionError: assert Decimal('10.12') == Decimal('10.13')\n\
    E        +  where Decimal('10.12') = total()\n\ntests/unit/test_cart.py:41: AssertionError";

fn install() -> Verdict {
    Verdict::new(Gate::Install, Enforce::Block, Outcome::Pass, "14 packages installed")
        .because("`uv sync` ended well", [])
}

/// A pull request with three failing tests and too little coverage of what it changes.
fn red() -> (Report, View) {
    let mut tests = Verdict::new(Gate::Tests, Enforce::Block, Outcome::Fail, "3 of 415 failed, 3 flaky")
        .because("3 of 415 tests failed; pytest ended with exit 1", [0, 1])
        .help(
            "415 tests that pass",
            "3 that fail",
            "mend them; `python -m pytest tests/unit/test_cart.py::test_total_rounds_half_up` runs the first alone",
        );
    for (id, path, line, told) in [
        (
            "tests.unit.test_cart::test_total_rounds_half_up",
            "tests/unit/test_cart.py",
            41,
            "AssertionError: assert Decimal('10.12') == Decimal('10.13')",
        ),
        (
            "tests.unit.test_cart::test_discount_is_not_negative[-5]",
            "tests/unit/test_cart.py",
            77,
            "Failed: DID NOT RAISE <class 'ValueError'>",
        ),
        (
            "tests.api.test_orders::test_order_is_sent_once",
            "tests/api/test_orders.py",
            120,
            "TimeoutError: no answer within 30 s\nthe queue held 2 messages:\n  order-17 (sent)\n  order-17 (again)",
        ),
    ] {
        let mut finding = Finding::new("failed", Severity::High, format!("{id}\n{told}")).at(path, Some(line), None);
        finding.detail = Some(TRACEBACK.into());
        finding.new = Some(line != 120);
        tests.findings.push(finding);
    }
    tests.findings_total = 3;
    let tests = metrics(
        tests,
        &[("tests", 415), ("passed", 406), ("failed", 2), ("errors", 1), ("skipped", 6), ("flaky", 3), ("seconds", 38)],
    );
    let view = shop(true);
    let mut coverage =
        Verdict::new(Gate::Coverage, Enforce::Block, Outcome::Fail, "53.3% of changed lines (80), 89.0% of lines (85)")
            .because("8 of 15 changed lines are covered; 80% asked (.github/qte-ci.yml:6 of the base branch)", [2])
            .because("the report of an earlier run was not used", [3]);
    for file in view.files.iter().filter(|f| f.changed.is_some()) {
        for [from, to] in &file.uncovered {
            let message = format!("{} changed lines are not covered", to - from + 1);
            let finding = Finding::new("uncovered-lines", Severity::Medium, message);
            coverage.findings.push(finding.at(&*file.path, Some((*from).into()), Some((*to).into())));
        }
    }
    coverage.findings_total = coverage.findings.len() as u64;
    let (covered, total) = view.files.iter().fold((0, 0), |(c, t), f| (c + f.lines_covered(), t + f.lines_total()));
    let coverage = metrics(
        coverage,
        &[("lines_covered", covered), ("lines_total", total + 12), ("changed_covered", 8), ("changed_total", 15)],
    );
    let mut report = report(vec![install(), tests, coverage]);
    report.looser = vec!["coverage.lines: 85 on the base branch, 80 here: 85 judges".into()];
    (report, view)
}

/// The same project when all is well.
fn green() -> (Report, View) {
    let view = shop(false);
    let tests = Verdict::new(Gate::Tests, Enforce::Block, Outcome::Pass, "415 passed")
        .because("415 of 415 tests passed", [0, 1]);
    let coverage = Verdict::new(Gate::Coverage, Enforce::Block, Outcome::Pass, "95.7% of lines (85)")
        .because("95.7% of lines, 85% asked", [2]);
    (report(vec![install(), metrics(tests, &[("tests", 415), ("passed", 409), ("skipped", 6)]), coverage]), view)
}

fn test(id: String, outcome: CaseOutcome, flaky: bool, micros: u64) -> Detail<'static> {
    let path = id.split("::").next().map(|module| format!("{}.py", module.replace('.', "/")).into());
    let (line, id, seconds) = (Some(micros % 300 + 1), id.into(), micros as f64 / 1e6);
    Detail::Test(TestDetail { id, component: "".into(), outcome, flaky, seconds, path, line })
}

fn shop(red: bool) -> View {
    let mut view = View::default();
    let bad = |outcome| if red { outcome } else { CaseOutcome::Passed };
    view.add(test("tests.unit.test_cart::test_total_rounds_half_up".into(), bad(CaseOutcome::Failed), false, 4_210));
    view.add(test(
        "tests.unit.test_cart::test_discount_is_not_negative[-5]".into(),
        bad(CaseOutcome::Failed),
        false,
        1_150,
    ));
    view.add(test("tests.api.test_orders::test_order_is_sent_once".into(), bad(CaseOutcome::Error), false, 30_012_345));
    let modules =
        ["unit.test_cart", "unit.test_price", "unit.test_stock", "api.test_orders", "api.test_login", "web.test_pages"];
    for n in 3..415_u64 {
        let id = format!(
            "tests.{}::test_{}[{n}]",
            modules[n as usize % 6],
            ["adds", "keeps", "refuses", "shows", "sends"][n as usize % 5]
        );
        let outcome = if n % 60 == 59 { CaseOutcome::Skipped } else { CaseOutcome::Passed };
        // Between 0.1 ms and 2 s, most of them quick.
        view.add(test(id, outcome, red && n % 150 == 10, 10_u64.pow(2 + (n % 7 * n % 5) as u32) + n * 97));
    }
    let names = [
        "cart",
        "price",
        "stock",
        "orders/queue",
        "orders/send",
        "api/v1/login",
        "api/v1/orders",
        "web/pages",
        "web/static/icons",
        "__init__",
    ];
    for (at, name) in names.into_iter().enumerate() {
        let path = format!("src/shop/{name}.py");
        let at = at as u32;
        let uncovered: Vec<[u32; 2]> =
            if red || at > 6 { (0..at % 5).map(|n| [10 + n * 9, 12 + n * 9 + n]).collect() } else { vec![] };
        let covered = vec![[1, 9], [60, 75 + at * 11]];
        let changed =
            (at < 3 && at % 2 == 1 || at == 6).then_some(ChangedLines { covered: 4, total: 4 + u64::from(at) });
        let text = |number| SourceLine {
            number,
            text: if number % 4 == 0 {
                String::new()
            } else {
                format!("    total += self.lines[{number}].price * rate(\"{name}\")  # <{number}>")
            },
            uncovered: uncovered.iter().any(|[from, to]| (*from..=*to).contains(&number)),
        };
        let around = uncovered.iter().flat_map(|[from, to]| from - 2..=to + 2);
        view.sources.insert(path.clone(), around.map(text).collect());
        let (branches_covered, branches_total) = (u64::from(at) * 3, u64::from(at) * 4);
        view.add(Detail::File(FileDetail {
            path: path.into(),
            foreign: false,
            covered,
            uncovered,
            branches_covered,
            branches_total,
            changed,
            ..FileDetail::default()
        }));
    }
    view.finish()
}

/// Each would do harm in one place or another of a page.
fn harm() -> Vec<String> {
    let pwn = "globalThis.__pwned=1";
    vec![
        format!("<script>{pwn}</script>"),
        format!("</script><script>{pwn}</script><!--<script>"),
        format!("</style><img src=x onerror={pwn}>"),
        format!("\"><svg onload={pwn}><a href=\"javascript:{pwn}\">x</a>"),
        format!("' autofocus onfocus={pwn} x='"),
        format!("--></noscript></title></textarea></table><iframe srcdoc='<script>parent.__pwned=1</script>'></iframe><!--"),
        "{{ 7*7 }} ${7*7} <%= 7 %> \\u003cscript\\u003e &lt;script&gt; &#x3c;".into(),
        "line\u{2028}end\u{2029}NUL\0ESC\x1b[31m\u{202e}gnp.exe\u{2066}\u{200f}".into(),
        "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'><base href=//127.0.0.1:9/><link rel=stylesheet href=//127.0.0.1:9/x>".into(),
        "javascript:globalThis.__pwned=1//".into(),
        "__proto__".into(),
        format!("{}€", "W".repeat(1 << 20)),
        "a/".repeat(3000),
        "\u{1F600}\u{1F601}\u{e9}\u{1F600}".into(),
    ]
}

/// Every text of a report is somebody's attempt.
fn hostile() -> (Report, View) {
    let all = harm();
    let mut verdicts = vec![install()];
    for (gate, outcome) in [(Gate::Tests, Outcome::Fail), (Gate::Coverage, Outcome::Unmeasured)] {
        let mut verdict = Verdict::new(gate, Enforce::Block, outcome, all.join(" "));
        for (at, text) in all.iter().enumerate() {
            verdict = verdict.because(text, [at, usize::MAX]).help(text, text, text);
            verdict.metrics.insert(text.clone(), u64::MAX);
            let mut finding =
                Finding::new(text, Severity::Critical, format!("{text}\n{text}")).at(text, Some(u64::MAX), None);
            (finding.detail, finding.fix) = (Some(text.clone()), Some(text.clone()));
            verdict.findings.push(finding);
        }
        verdicts.push(verdict);
    }
    let mut report = report(verdicts);
    let any = |at: usize| Some(all[at % all.len()].clone());
    report.subject = Subject {
        repository: any(0),
        sha: any(1),
        tree: any(2),
        dirty: true,
        reference: any(3),
        event: any(4),
        base: None,
    };
    report.looser = all.clone();
    (report.now, report.policy_sha256, report.details.path, report.tool.version) =
        (all[1].clone(), all[2].clone(), all[3].clone(), all[4].clone());
    report.evidence = all
        .iter()
        .map(|text| {
            let mut item = Evidence::new(EvidenceKind::Command, Gate::Tests);
            item.argv = vec![text.clone(); 2];
            let text = || Some(text.clone());
            (item.path, item.format, item.sha256, item.written) = (text(), text(), text(), text());
            (item.tool, item.version, item.refused) = (text(), text(), text());
            item
        })
        .collect();
    for text in &all {
        let value = PolicyValue { value: json!({ text: [text] }), source: Source::Flag(text.clone()) };
        report.policy.insert(text.clone(), value);
        report.timings.push(Timing { what: text.clone(), start: -1.0, seconds: 1e300 });
    }
    (report, hostile_view(&all))
}

fn hostile_view(all: &[String]) -> View {
    let mut view = View::default();
    for text in all {
        for outcome in [CaseOutcome::Failed, CaseOutcome::Passed] {
            view.add(test(text.clone(), outcome, true, u64::MAX));
        }
        let lines = vec![SourceLine { number: 1, text: text.clone(), uncovered: true }];
        view.sources.insert(text.clone(), lines);
        view.add(Detail::File(FileDetail {
            path: text.clone().into(),
            foreign: false,
            covered: vec![[u32::MAX, u32::MAX]],
            uncovered: vec![[1, 1]],
            branches_covered: 1,
            branches_total: 2,
            changed: None,
            ..FileDetail::default()
        }));
    }
    view.finish()
}

/// A suite of many tests, with the long names that such suites have.
fn large() -> (Report, View) {
    let (report, mut view) = green();
    view.tests = TestList::default();
    view.tests_seen = 0;
    for n in 0..MANY {
        let id = format!(
            "tests.integration.package_{}.test_module_{}.TestBehaviour::test_case_{n}[param-{}]",
            n / 20_000,
            n / 400,
            n % 7
        );
        let outcome = if n % 20_011 == 0 { CaseOutcome::Failed } else { CaseOutcome::Passed };
        view.add(test(id, outcome, n % 9_001 == 1, n * 7919 % 3_000_000));
    }
    (report, view.finish())
}

// The browser.

fn page(report: &Report, view: &View) -> String {
    let mut out = String::new();
    html::write(report, view, &mut out).expect("a String takes all");
    out
}

/// Writes a page where it stays to be looked at, and gives its path.
fn written(name: &str, (report, view): &(Report, View)) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.html"));
    fs::write(&path, page(report, view)).expect("the page is written");
    path
}

/// Runs one scenario of tests/browser/check.mjs on a page; gives what it printed.
fn browse(scenario: &str, page: &Path, more: &[&str]) -> String {
    let mut arguments = vec![OsStr::new(scenario), page.as_os_str()];
    arguments.extend(more.iter().map(OsStr::new));
    let out = browser::script("check.mjs", &arguments);
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    let erred = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{scenario} {}: {}\n{said}\n{erred}", page.display(), out.status);
    assert!(said.ends_with(&format!("{scenario}: done\n")), "{said}");
    said
}

#[test]
fn a_red_page_is_quiet_and_accessible() {
    let page = written("red", &red());
    browse("quiet", &page, &[]);
    browse("accessible", &page, &["1280", "390"]);
}

#[test]
fn a_green_page_is_quiet_and_accessible() {
    let page = written("green", &green());
    browse("quiet", &page, &[]);
    browse("accessible", &page, &["1280"]);
}

#[test]
fn nothing_of_a_hostile_report_runs_or_breaks_the_page() {
    let page = written("hostile", &hostile());
    browse("quiet", &page, &[]);
    browse("accessible", &page, &["1280"]);
}

#[test]
fn a_page_about_nothing_says_so() {
    let mut report = report(vec![]);
    (report.evidence, report.timings, report.policy) = (vec![], vec![], report::Policy::new());
    let page = written("nothing", &(report, View::default()));
    browse("quiet", &page, &[]);
    browse("accessible", &page, &["1280"]);
}

#[test]
fn a_keyboard_is_enough() {
    browse("keys", &written("keys", &red()), &[]);
}

#[test]
fn a_link_opens_what_it_leads_to() {
    browse("links", &written("links", &red()), &[]);
}

#[test]
fn without_a_script_all_that_matters_is_there() {
    browse("scriptless", &written("scriptless", &red()), &[]);
}

#[test]
fn two_hundred_thousand_tests_do_not_freeze_it() {
    let many = large();
    let from = Instant::now();
    page(&many.0, &many.1);
    let built = from.elapsed();
    let page = written("large", &many);
    let bytes = fs::metadata(&page).expect("it was written").len();
    assert!(bytes < 6_000_000, "{bytes} bytes");
    println!("{bytes} bytes, built in {built:.2?}");
    print!("{}", browse("large", &page, &[&MANY.to_string()]));
}

#[test]
fn the_list_shows_the_names_that_were_packed() {
    let (report, view) = red();
    let mut names: Vec<String> = view.tests.iter().map(ListedTest::id).collect();
    names.sort_unstable();
    let list = Path::new(env!("CARGO_TARGET_TMPDIR")).join("names.json");
    fs::write(&list, serde_json::to_vec(&names).expect("texts")).expect("written");
    browse("unpacked", &written("unpacked", &(report, view.clone())), &[&list.display().to_string()]);
}
