//! The wall of the outlets: hostile text stays text in every one of them, every size keeps to its limit in bytes, and what
//! is cut is counted exactly. Judged by comrak, by Chromium, and by parsers written from what the runner does.

#[path = "common/browser.rs"]
mod browser;
#[path = "outlets/hostile.rs"]
mod hostile;
#[path = "outlets/page.rs"]
mod page;
#[path = "outlets/runner.rs"]
mod runner;
#[path = "outlets/sample.rs"]
mod sample;

use qte_ci::facts::finding::{Finding, Severity};
use qte_ci::facts::report::Report;
use qte_ci::facts::setting::Enforce;
use qte_ci::facts::stage::{Gate, Stage};
use qte_ci::facts::verdict::{Outcome, Verdict};
use qte_ci::facts::view::View;
use qte_ci::tell::annotations::{self, Annotated, Place, annotations};
use qte_ci::tell::check_run::{self, CheckRun, Conclusion, for_gate, for_stage};
use qte_ci::tell::console::{self, Style};
use qte_ci::tell::outputs;
use qte_ci::tell::summary::summary;
use std::ffi::OsStr;
use std::path::PathBuf;

/// GitHub's own limits, in bytes.
const SUMMARY: usize = 900 * 1024;
const OUTPUT: usize = 65_535;

fn runs(report: &Report, view: &View) -> Vec<CheckRun> {
    let stages = Stage::ALL.map(|stage| for_stage(report, view, stage));
    let gates = Gate::ALL.map(|gate| for_gate(report, view, gate));
    stages.into_iter().chain(gates).collect()
}

/// Every piece of Markdown that is made of a report, with its name.
fn markdown(report: &Report, view: &View, published: &[String]) -> Vec<(String, String)> {
    let mut out = vec![("summary".to_string(), summary(report, view, published))];
    for run in runs(report, view) {
        out.push((format!("summary of {}", run.name), run.summary));
        out.push((format!("text of {}", run.name), run.text));
    }
    out
}

fn here(path: &str, line: u64) -> Place {
    Place::At { path: path.into(), line }
}

/// The same white space with nothing else that could mean anything.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_whitespace() { c } else { 'x' }).collect()
}

/// What a reader has to see of a text, written from the rules: control and direction marks shown as a sign, white space
/// left out, the beginning of it.
fn readable(text: &str) -> String {
    let sign = |c: char| match c {
        '\n' | '\t' | '\r' => ' ',
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        '\u{2028}' | '\u{2029}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    let shown: String = text.chars().map(sign).collect();
    shown.split_whitespace().flat_map(str::chars).take(120).collect()
}

#[test]
fn hostile_text_is_text_on_every_page() {
    for text in hostile::corpus() {
        let (report, view, published) = sample::filled(&text);
        let (benign, benign_view, benign_published) = sample::filled(&harmless(&text));
        let pages = markdown(&report, &view, &published);
        for ((name, markdown), (_, benign)) in
            pages.into_iter().zip(self::markdown(&benign, &benign_view, &benign_published))
        {
            let (page, like) = (page::read(&markdown), page::read(&benign));
            assert!(page.alive.is_empty(), "{name} of {text:?}: {:#?}\n{markdown}", page.alive);
            assert_eq!(page.opened, page.closed, "{name} of {text:?}");
            assert_eq!(page.shape, like.shape, "{name} of {text:?}:\n{markdown}");
            if !name.contains("text of") {
                assert!(
                    page.text.contains(&readable(&text)),
                    "{name} of {text:?} lost {:?}:\n{markdown}",
                    readable(&text)
                );
            }
        }
    }
}

#[test]
fn the_judge_of_pages_sees_what_comes_to_life() {
    for alive in [
        "hello @team",
        "see #1",
        "a https://bare.invalid",
        "www.bare.invalid",
        "<b>x</b>",
        "<details class=x>",
        "*x*",
        "**x**",
        ":tada:",
        "a $x$",
        "commit 3f78685",
        "GH-1",
        "![x](y)",
        "\\@team and &#64;team",
        "```python\nx\n```",
        "```text\nnever closed",
        "---",
        "- [x] done",
    ] {
        assert_ne!(page::read(alive).alive, [""; 0], "{alive}");
    }
    let dead = "`@team #1` <code>@team</code> <span>&#64;</span>team <span>&#36;</span>x<span>&#36;</span> 3f<span>78</span>685";
    assert_eq!(page::read(dead).alive, [""; 0]);
}

#[test]
fn hostile_text_commands_nothing() {
    let style = Style { colour: false, actions: true };
    for text in hostile::corpus() {
        let (report, _, _) = sample::filled(&text);
        let log = console::closing(&report, style);
        assert_eq!(runner::commands(&log), [], "{text:?} on the console");
    }
    for text in hostile::corpus().into_iter().chain(hostile::large()) {
        let (report, _, _) = sample::filled(&text);
        let annotated = annotations(&report, &here, 50);
        let (lines, left_out) = annotations::commands(&annotated.kept, 10);
        assert_eq!((lines.len(), left_out), (annotated.kept.len(), 0));
        let seen = runner::commands(&lines.join("\n"));
        assert_eq!(seen.len(), lines.len(), "{text:?}: {seen:#?}");
        for (line, command) in lines.iter().zip(&seen) {
            assert!(!line.contains(['\n', '\r']) && !line.contains("##["), "{line}");
            assert!(["error", "warning", "notice"].contains(&command.name.as_str()), "{command:?}");
            let keys: Vec<&str> = command.properties.keys().map(String::as_str).collect();
            assert_eq!(keys, ["endLine", "file", "line", "title"]);
            assert!(command.data.encode_utf16().count() <= 4096);
            assert!(!command.data.is_empty());
        }
    }
}

#[test]
fn the_judge_of_lines_takes_both_kinds_of_commands() {
    let log =
        "a\n  ::error file=a%2Cb,line=3::x%0Ay%25\nsome ##[group]name\n::no end\nrest ::error::x\rx ##[a b=c;d=e]f";
    let seen = runner::commands(log);
    let names: Vec<&str> = seen.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["error", "group", "a"]);
    assert_eq!((seen[0].properties["file"].as_str(), seen[0].data.as_str()), ("a,b", "x\ny%"));
    assert_eq!(seen[2].properties["d"], "e");
}

#[test]
fn hostile_text_sets_no_output() {
    let keys =
        ["outcome", "tests-passed", "tests-failed", "coverage", "changed-coverage", "report-json", "report-html"];
    for text in hostile::corpus().into_iter().chain(hostile::large()) {
        let (report, _, _) = sample::filled(&text);
        let values = outputs::outputs(&report, &text, Some(&text));
        assert_eq!(values.iter().map(|(k, _)| *k).collect::<Vec<_>>(), keys);
        let file = outputs::file_text(&values, "ghadelimiter_9f2c").expect("nobody knows this delimiter");
        let seen = runner::outputs(&file).expect("the runner takes it");
        assert_eq!(seen.iter().map(|(k, _)| k.as_str()).collect::<Vec<_>>(), keys, "{text:?}");
        assert_eq!(seen[0].1, "fail");
        assert_eq!(seen[5].1, text);
        if text.contains("ghadelimiter_1") {
            assert!(outputs::file_text(&values, "ghadelimiter_1").is_err());
        }
    }
    let (report, _) = sample::red();
    let values = outputs::outputs(&report, "qte-report.json", None);
    for delimiter in ["", "a b", "x\n", "report"] {
        assert!(outputs::file_text(&values, delimiter).is_err(), "{delimiter:?}");
    }
}

#[test]
fn the_judge_of_outputs_sees_what_is_injected() {
    assert_eq!(
        runner::outputs("a<<EOF\nx\nEOF\nb=1<<2\n").unwrap(),
        [("a".into(), "x".into()), ("b".into(), "1<<2".into())]
    );
    assert!(runner::outputs("a<<EOF\nx\n").is_err());
    assert!(runner::outputs("nothing\n").is_err());
}

#[test]
fn outputs_are_empty_where_nothing_was_measured() {
    let (report, _) = sample::red();
    let values =
        |report: &Report| outputs::outputs(report, "r.json", None).into_iter().map(|(_, v)| v).collect::<Vec<_>>();
    // 1,139 / 1,443 is 78.93%, 15 / 24 is 62.5%.
    assert_eq!(values(&report), ["fail", "412", "3", "78.9", "62.5", "r.json", ""]);
    assert_eq!(values(&sample::empty())[1..5], ["", "", "", ""]);
    let mut unmeasured = report;
    unmeasured.verdicts.iter_mut().for_each(|v| v.outcome = Outcome::Unmeasured);
    assert_eq!(values(&unmeasured)[1..5], ["", "", "", ""]);
}

/// 4,459 failures of which 100 are kept with long tracebacks, in a report of 200,000 tests.
fn many_failures() -> (Report, View) {
    let (mut report, mut view) = sample::red();
    let verdict = &mut report.verdicts[1];
    verdict.title = "😀".repeat(5000);
    verdict.findings = (0..100)
        .map(|number| {
            let message = format!("tests/test_{number}.py::{}\n{}", "test_😀".repeat(200), "é`".repeat(8000));
            let mut finding =
                Finding::new("test-failure", Severity::High, message).at("tests/a.py", Some(number), None);
            finding.detail = Some("E   assert 1 == 2 😀\n".repeat(16 * 1024 / 22));
            finding
        })
        .collect();
    verdict.findings_total = 4459;
    let one = view.files.clone();
    for number in 0..2000 {
        view.files.extend(one.iter().cloned().map(|mut file| {
            file.path = format!("{}/{}/{number}.py", file.path, "déép/".repeat(30));
            file
        }));
    }
    view.tests_seen = 200_000;
    (report, view)
}

#[test]
fn sizes_are_kept_and_what_is_cut_is_counted() {
    let (report, view) = many_failures();
    let text = summary(&report, &view, &[]);
    assert!(text.len() <= SUMMARY && text.len() > SUMMARY / 2, "{}", text.len());
    let page = page::read(&text);
    assert_eq!((page.opened, page.alive.len()), (page.closed, 0), "{:?}", page.alive);
    assert_counted(&page, 4459);
    for run in runs(&report, &view) {
        assert!(run.title.len() <= 255 && run.summary.len() <= OUTPUT && run.text.len() <= OUTPUT, "{}", run.name);
        let (page, head) = (page::read(&run.text), page::read(&run.summary));
        assert_eq!((page.opened, page.alive.len(), head.alive.len()), (page.closed, 0, 0), "{:?}", page.alive);
        if run.name == "qte / 1A tests" {
            assert_counted(&page, 4459);
            assert!(run.text.len() > OUTPUT / 2, "{} bytes", run.text.len());
        }
    }
}

/// Every failing test is on the page by its name or in the number of those that are not.
fn assert_counted(page: &page::Page, all: usize) {
    let listed = (0..100).filter(|n| page.text.contains(&format!("tests/test_{n}.py::"))).count();
    let note = format!("{}morefailingtestsarecountedandnotlistedhere", grouped(all - listed));
    assert!(listed > 10 && page.text.contains(&note), "{listed} are listed, so {note}");
}

#[test]
fn the_failures_that_the_report_does_not_hold_are_counted() {
    let (mut report, view) = sample::red();
    let one = report.verdicts[1].findings[1].clone();
    report.verdicts[1].findings = (0..100)
        .map(|n| Finding { message: format!("tests/test_{n}.py::test_it\nKeyError: 'next'"), ..one.clone() })
        .collect();
    report.verdicts[1].findings_total = 4459;
    for text in [summary(&report, &view, &[]), for_gate(&report, &view, Gate::Tests).text] {
        let note = "4,359 more failing tests are counted and not listed here: `qte-report-details.jsonl` has them all.";
        assert!(text.contains(note), "{text}");
        assert_counted(&page::read(&text), 4459);
    }
}

/// `4,359`, for numbers of at most six digits.
fn grouped(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

#[test]
fn a_hundred_thousand_findings_are_all_accounted_for() {
    let mut report = sample::empty();
    let mut verdict = Verdict::new(Gate::Install, Enforce::Block, Outcome::Fail, "😀".repeat(300));
    verdict.findings = (0..100_000)
        .map(|n| Finding::new("rule", Severity::High, format!("finding {n} |")).at(format!("f{n}.py"), Some(1), None))
        .collect();
    verdict.findings_total = 100_007;
    report.verdicts.push(verdict);
    let report = sample::judged(report);
    for (text, limit) in [
        (summary(&report, &View::default(), &[]), SUMMARY),
        (for_stage(&report, &View::default(), Stage::S1A).text, OUTPUT),
    ] {
        assert!(text.len() <= limit, "{}", text.len());
        let listed = text.matches(".py:1` |").count();
        let note = format!("{} more findings are counted and not listed here", grouped(100_007 - listed));
        assert!(listed > 50 && text.contains(&note), "{listed} listed, so {note}");
        let page = page::read(&text);
        assert_eq!((page.opened, page.alive.len()), (page.closed, 0));
    }
    let annotated = annotations(&report, &here, 200);
    assert_eq!((annotated.kept.len(), annotated.over_limit, annotated.unlisted), (200, 99_800, 7));
}

#[test]
fn every_limit_holds_for_texts_of_any_size() {
    for text in hostile::large() {
        let (report, view, published) = sample::filled(&text);
        for (name, markdown) in markdown(&report, &view, &published) {
            let limit = if name == "summary" { SUMMARY } else { OUTPUT };
            assert!(markdown.len() <= limit, "{name} has {} bytes", markdown.len());
            let page = page::read(&markdown);
            let text: String = text.chars().take(20).collect();
            assert!(page.alive.is_empty(), "{name} of {text:?}: {:.2000?}", page.alive);
            assert_eq!(page.opened, page.closed);
        }
        assert!(runs(&report, &view).iter().all(|r| r.title.len() <= 255 && !r.title.is_empty()));
        for annotation in annotations(&report, &here, 100).kept {
            assert!(annotation.title.len() <= 255 && !annotation.title.is_empty());
            assert!(annotation.message.len() <= 64_000 && !annotation.message.trim().is_empty());
            assert!(annotation.raw_details.is_none_or(|d| d.len() <= 64_000 && !d.is_empty()));
            assert!(annotation.start_line >= 1 && annotation.end_line >= annotation.start_line);
        }
    }
}

#[test]
fn every_finding_is_annotated_or_counted() {
    let (mut report, _, _) = sample::filled("a");
    report.verdicts[1].findings.push(Finding::new("rule", Severity::Low, "no place"));
    report.verdicts[2].findings.push(Finding::new("rule", Severity::Low, "x").at("outside.py", Some(1), None));
    report.verdicts[2].findings.push(Finding::new("rule", Severity::Low, "x").at("gone.py", Some(7), Some(8)));
    report.verdicts.iter_mut().for_each(|v| v.findings_total = v.findings.len() as u64 + 11);
    let place = |path: &str, line| match path {
        "outside.py" => Place::Outside,
        "gone.py" => Place::NotInHead,
        _ => here(path, line),
    };
    for limit in [0, 1, 5, 9, 100] {
        let Annotated { kept, without_place, outside, not_in_head, over_limit, unlisted } =
            annotations(&report, &place, limit);
        assert_eq!(kept.len(), limit.min(9));
        assert_eq!((without_place, outside, not_in_head, unlisted), (1, 1, 1, 33));
        let all: u64 = report.verdicts.iter().map(|v| v.findings_total).sum();
        assert_eq!(kept.len() as u64 + without_place + outside + not_in_head + over_limit + unlisted, all);
    }
}

#[test]
fn nothing_unmeasured_can_be_merged() {
    use Conclusion::*;
    use Enforce::*;
    use Outcome::*;
    let tests = |enforce, outcome| Verdict::new(Gate::Tests, enforce, outcome, "t");
    let install = |enforce, outcome| Verdict::new(Gate::Install, enforce, outcome, "i");
    let elsewhere = Verdict::new(Gate::Coverage, Block, Pass, "c");
    for (verdicts, alone, beside_a_pass) in [
        (vec![tests(Block, Pass)], Success, Success),
        (vec![tests(Block, Fail)], Failure, Failure),
        (vec![tests(Block, Unmeasured)], Failure, Failure),
        (vec![tests(Block, Inconclusive)], Failure, Failure),
        (vec![tests(Block, Unmeasured), install(Block, Pass)], Failure, Failure),
        (vec![tests(Block, Skipped), install(Block, Skipped)], Failure, Neutral),
        (vec![tests(Block, Pass), install(Block, Skipped)], Success, Success),
        (vec![tests(Block, Pass), install(Advise, Fail)], Success, Success),
        (vec![tests(Block, Pass), install(Advise, Unmeasured)], Success, Success),
        (vec![tests(Block, Skipped), install(Advise, Fail)], Failure, Neutral),
        (vec![tests(Advise, Fail)], Failure, Neutral),
        (vec![tests(Advise, Pass)], Failure, Success),
        (vec![], Failure, Failure),
    ] {
        let mut report = sample::empty();
        report.verdicts = verdicts;
        let run = |report: &Report| for_stage(report, &View::default(), Stage::S1A);
        assert_eq!(run(&sample::judged(report.clone())).conclusion, alone, "{:?}", report.verdicts);
        report.verdicts.push(elsewhere.clone());
        assert_eq!(run(&sample::judged(report.clone())).conclusion, beside_a_pass, "{:?}", report.verdicts);
    }
    // GitHub merges past these three.
    assert_eq!([Success.id(), Neutral.id(), Failure.id()], ["success", "neutral", "failure"]);
}

#[test]
fn a_check_says_its_name_its_answer_and_what_to_do() {
    let (report, view) = sample::red();
    let names: Vec<String> = runs(&report, &view).into_iter().map(|r| r.name).collect();
    let expected = [
        "qte / 1A tests",
        "qte / 1B coverage",
        "qte / 2A security",
        "qte / 2B quality",
        "qte / 1A install",
        "qte / 1A tests",
        "qte / 1B coverage",
        "qte / 2A security",
        "qte / 2A audit",
        "qte / 2B quality",
        "qte / 2B secrets",
    ];
    assert_eq!(names, expected);
    assert_eq!(check_run::name_of_stage(Stage::S1B), "qte / 1B coverage");
    let run = for_stage(&report, &view, Stage::S1A);
    assert_eq!(run.title, "Tests: 3 of 415 failed, 2 flaky; Install: 23 packages");
    let first = run.summary.lines().next().unwrap();
    assert_eq!(
        first,
        "**What to do:** mend 3 failing tests, the first being `tests/test_cart.py::test_total_rounds_half_up`"
    );
    assert!(run.text.contains("AssertionError"), "the tracebacks stand in the text");
    let coverage = for_stage(&report, &view, Stage::S1B);
    assert!(coverage.summary.starts_with("**What to do:** write tests for the changed lines"));
    assert!(coverage.text.contains("52-58, 71") && !coverage.text.contains("test_total"), "{}", coverage.text);
    let (report, view) = sample::green();
    assert_eq!(for_stage(&report, &view, Stage::S1A).conclusion, Conclusion::Success);
}

#[test]
fn the_summary_answers_first() {
    let (report, view) = sample::red();
    let text = summary(&report, &view, &["12 annotations on the job's own check run".into()]);
    assert!(text.starts_with("> [!WARNING]\n"), "what became looser comes first of all");
    let order = [
        "## ❌ Fail: tests, coverage.",
        "| Stage |",
        "What to do:",
        "### 3 failing tests",
        "### Coverage",
        "gantt",
        "Evidence: 4 items",
        "annotations on the job",
    ];
    let places: Vec<usize> =
        order.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}:\n{text}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    let (report, view) = sample::green();
    let text = summary(&report, &view, &[]);
    assert!(text.starts_with("## ✅ Pass: install, tests, coverage."), "{text}");
    assert!(!text.contains("What to do"));
}

/// What the page did in Chromium; the picture is left beside the build.
fn in_chromium(name: &str, markdown: &str, theme: &str) -> serde_json::Value {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let fragment = folder.join(format!("{name}.html"));
    std::fs::write(&fragment, page::html(markdown)).expect("a folder of cargo's own");
    let png = folder.join(format!("{name}-{theme}.png"));
    let out = browser::script("summary.mjs", &[fragment.as_os_str(), png.as_os_str(), OsStr::new(theme)]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(png.metadata().expect("a picture").len() > 10_000);
    serde_json::from_slice(&out.stdout).expect("one JSON object")
}

#[test]
fn summaries_look_right_in_a_browser() {
    let (red, red_view) = sample::red();
    let (green, green_view) = sample::green();
    let said = ["12 annotations stand on the job's own check run".to_string(), "2 check runs were written".to_string()];
    for (name, text, bars) in
        [("red", summary(&red, &red_view, &said), 3), ("green", summary(&green, &green_view, &said), 3)]
    {
        for theme in ["light", "dark"] {
            let seen = in_chromium(name, &text, theme);
            assert_eq!(seen["diagrams"][0]["ok"], true, "{seen}");
            assert_eq!(seen["diagrams"][0]["bars"], bars, "{seen}");
            for nothing in ["requests", "dialogs", "errors", "ran", "overflow"] {
                assert_eq!(seen[nothing], serde_json::json!([]), "{nothing} of {name}");
            }
        }
    }
}

#[test]
fn hostile_text_does_nothing_in_a_browser() {
    let mut pages = String::new();
    for text in hostile::corpus() {
        let (report, view, published) = sample::filled(&text);
        pages.push_str(&summary(&report, &view, &published));
    }
    let seen = in_chromium("hostile", &pages, "light");
    for nothing in ["requests", "dialogs", "errors", "ran"] {
        assert_eq!(seen[nothing], serde_json::json!([]), "{nothing}");
    }
    let elements = [
        "code", "details", "div", "h2", "h3", "li", "p", "pre", "span", "strong", "summary", "table", "tbody", "td",
        "th", "thead", "tr", "ul",
    ];
    assert_eq!(seen["elements"], serde_json::json!(elements));
    // Of our folds, of comrak's tables, alerts and code blocks.
    assert_eq!(seen["attributes"], serde_json::json!(["align", "class", "open"]));
    let diagrams = seen["diagrams"].as_array().expect("a list");
    assert_eq!(diagrams.len(), hostile::corpus().len());
    for (diagram, text) in diagrams.iter().zip(hostile::corpus()) {
        assert_eq!((&diagram["ok"], &diagram["bars"]), (&true.into(), &3.into()), "{text:?}: {diagram}");
    }
}
