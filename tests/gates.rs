//! The wall of the gates: the real binary on small projects whose tools really run. Every gate is seen green, red
//! and unmeasured; broken evidence is never green: one test per row of the outcome table and per kind of damage.

mod common;

use common::{Project, Run, Said, fixtures};
use qte_ci::facts::stage::Gate;
use serde_json::{Value, json};
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

/// Tests and coverage as a project's own command would run them; `$code` is what the tests ended with.
const MEASURE: &str = "python3 -m coverage run -m pytest -q --junitxml=junit.xml\ncode=$?\n\
    python3 -m coverage xml -q\n\
    half() { head -c $(($(wc -c <\"$1\") / 2)) \"$1\" >half.tmp; mv half.tmp \"$1\"; }\n";

/// A project whose two tests pass and cover everything.
fn shop() -> Project {
    Project::of("gates/tests/pass")
}

/// A project that runs a script of its own as its tests.
fn scripted(project: Project, script: &str, more: &str) -> Project {
    project.write("run.sh", script);
    project.config(&format!("tests: {{run: sh run.sh}}\n{more}"));
    project
}

/// Good tests and good coverage, and then something that happens to the reports before the command ends.
fn damaged(harm: &str) -> Run {
    scripted(shop(), &format!("{MEASURE}{harm}\nexit $code\n"), "").gate(&[])
}

/// A shop with one more test file, run as qte-ci itself runs tests.
fn shop_with(tests: &str) -> Run {
    let project = shop();
    project.write("test_more.py", tests);
    project.gate(&[])
}

/// A shop whose reports lie there: earlier steps wrote them.
fn ingesting() -> Project {
    let project = shop();
    project.config("tests: {reports: [junit.xml]}\n");
    lay(&project, "junit.xml");
    lay(&project, "coverage.xml");
    project
}

/// Puts a report that pytest and coverage.py once wrote about the shop into the project, as if it were new.
fn lay(project: &Project, name: &str) {
    let bytes = fs::read(fixtures().join("gates/reports").join(name)).expect("the fixture is there");
    project.write(name, bytes);
}

// Every gate, green and red and unmeasured.

#[test]
fn every_gate_is_seen_green_red_and_unmeasured() {
    for gate in Gate::ALL {
        for (outcome, code) in [("pass", 0), ("fail", 1), ("unmeasured", 3)] {
            let fixture = format!("gates/{gate}/{outcome}");
            // What cannot be installed is a failure: there is no third answer.
            if gate == Gate::Install && outcome == "unmeasured" {
                assert!(!fixtures().join(&fixture).exists(), "{fixture}");
                continue;
            }
            let run = Project::of(&fixture).gate(&[]);
            run.ends(code, &[(gate.id(), outcome)]);
            assert!(!run.title(gate.id()).is_empty(), "{fixture}");
        }
    }
}

#[test]
fn an_ordinary_project_passes_and_its_numbers_are_those_of_the_tools() {
    let run = shop().gate(&[]);
    run.ends(0, &[("install", "skipped"), ("tests", "pass"), ("coverage", "pass")]);
    assert_eq!((run.metric("tests", "tests"), run.metric("tests", "passed")), (2, 2));
    assert_eq!((run.metric("coverage", "lines_covered"), run.metric("coverage", "lines_total")), (9, 9));
    assert_eq!(run.title("coverage"), "100.0% of lines (80)");
    for path in ["qte-evidence/junit.xml", "qte-evidence/coverage.xml", "qte-evidence/tests.log"] {
        assert_eq!(run.evidence(path)["sha256"].as_str().map(str::len), Some(64), "{path}");
    }
}

#[test]
fn a_folder_with_no_project_is_unmeasured_and_says_what_was_looked_for() {
    let run = Project::empty().gate(&[]);
    run.ends(3, &[("install", "skipped"), ("tests", "skipped"), ("coverage", "skipped")]);
    run.because("install", "pyproject.toml").because("tests", "pyproject.toml");
    run.said.says(3, &["no blocking gate measured anything"]);
}

// Damage to the tests' report.

#[test]
fn a_run_that_writes_no_test_report_is_unmeasured() {
    let run = damaged("rm junit.xml");
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "no test report");
    run.said.says(3, &["gate `tests` (stage 1A) is unmeasured", "looked for: ", "junit.xml", "help: "]);
}

#[test]
fn a_test_report_of_zero_bytes_is_unmeasured() {
    let run = damaged(": >junit.xml");
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "junit.xml: the file is empty");
    assert_eq!(run.metric("tests", "tests"), 0);
}

#[test]
fn a_test_report_of_white_space_is_unmeasured() {
    let run = damaged("printf ' \\n\\t\\n  ' >junit.xml");
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "junit.xml: the file is empty");
}

#[test]
fn a_test_report_cut_in_the_middle_is_unmeasured() {
    let run = damaged("half junit.xml");
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "junit.xml: line 1: ");
}

#[test]
fn a_test_report_without_its_last_bytes_is_unmeasured_though_every_case_is_in_it() {
    let run = damaged("sed -i 's|</testsuite></testsuites>||' junit.xml");
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "junit.xml: line 1: ");
}

#[test]
fn a_valid_test_report_without_a_case_is_unmeasured() {
    let run = damaged("echo '<testsuites><testsuite name=\"pytest\" tests=\"0\"/></testsuites>' >junit.xml");
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "0 tests ran");
    run.titled("coverage", "no test ran");
}

#[test]
fn an_old_test_report_that_the_command_only_copies_is_unmeasured() {
    let project = scripted(shop(), &format!("{MEASURE}cp -p old.xml junit.xml\n"), "");
    lay(&project, "junit.xml");
    fs::rename(project.path("junit.xml"), project.path("old.xml")).expect("it can be moved");
    project.age("old.xml", 3630);
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "junit.xml: written 60 min before `sh run.sh` began");
    assert!(run.evidence("junit.xml")["refused"].is_string());
}

#[test]
fn a_report_that_lay_there_before_is_moved_aside_and_proves_nothing() {
    let project = scripted(shop(), "exit 0\n", "");
    lay(&project, "junit.xml");
    lay(&project, "coverage.xml");
    let (tests, coverage) = (project.read("junit.xml"), project.read("coverage.xml"));
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "no test report");
    run.said.says(3, &["moved aside to qte-evidence/before: coverage.xml, junit.xml"]);
    assert!(!project.exists("junit.xml") && !project.exists("coverage.xml"));
    assert_eq!(project.read("qte-evidence/before/junit.xml"), tests);
    assert_eq!(project.read("qte-evidence/before/coverage.xml"), coverage);
}

#[test]
fn what_was_moved_aside_is_still_there_after_the_next_run() {
    let project = scripted(shop(), "exit 0\n", "");
    lay(&project, "junit.xml");
    let text = project.read("junit.xml");
    project.gate(&[]).ends(3, &[("tests", "unmeasured")]);
    project.gate(&[]).ends(3, &[("tests", "unmeasured")]);
    assert_eq!(project.read("qte-evidence/before/junit.xml"), text);
}

#[test]
fn a_report_that_was_moved_aside_is_not_found_again_by_a_pattern() {
    let project = scripted(shop(), "exit 0\n", "");
    project.config("tests: {run: sh run.sh, reports: [\"**/junit.xml\"]}\n");
    lay(&project, "junit.xml");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "no test report");
    project.write("run.sh", format!("{MEASURE}exit $code\n"));
    project.gate(&[]).ends(0, &[("tests", "pass")]);
}

#[test]
fn a_malformed_report_beside_a_good_one_is_unmeasured() {
    let project = scripted(shop(), &format!("{MEASURE}echo '<testsuites><' >broken.xml\nexit $code\n"), "");
    project.config("tests: {run: sh run.sh, reports: [junit.xml, broken.xml]}\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "broken.xml: ").because("tests", "junit.xml: 2 tests");
}

#[test]
fn a_test_report_of_no_known_format_is_unmeasured_and_the_known_ones_are_named() {
    let run = damaged("echo 'tests: all fine' >junit.xml");
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "no known report format");
    // All of them, in the order of the table.
    let known: Vec<&str> = qte_ci::read::FORMATS.iter().map(|format| format.id).collect();
    run.titled("tests", &format!("this version reads {}", known.join(", ")));
}

#[test]
fn a_coverage_report_in_the_place_of_the_test_report_is_unmeasured() {
    let run = damaged("cp coverage.xml junit.xml");
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "a coverage report where a test report is looked for");
}

// What the tests' report says.

#[test]
fn failures_that_are_declared_and_not_there_fail() {
    let run = damaged("echo '<testsuite tests=\"2\" failures=\"2\"/>' >junit.xml");
    run.ends(1, &[("tests", "fail")]).titled("tests", "declares 2 failures and holds none");
}

#[test]
fn tests_that_are_declared_and_not_there_are_unmeasured() {
    let run = damaged("echo '<testsuite tests=\"12\" failures=\"0\"/>' >junit.xml");
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "declares 12 tests and holds none");
}

#[test]
fn collection_errors_alone_fail_and_the_title_says_that_no_test_ran() {
    let project = Project::empty();
    project.config("");
    project.write("test_a.py", "import no_such_module\n").write("test_b.py", "def test_b(:\n");
    let run = project.gate(&[]);
    run.ends(1, &[("tests", "fail"), ("coverage", "unmeasured")]);
    assert_eq!(run.title("tests"), "0 tests ran: 2 collection errors");
    assert_eq!((run.metric("tests", "errors"), run.metric("tests", "passed")), (2, 0));
}

#[test]
fn a_collection_error_beside_good_tests_fails() {
    let run = shop_with("import no_such_module\n");
    run.ends(1, &[("tests", "fail")]);
    assert_eq!(run.metric("tests", "errors"), 1);
}

#[test]
fn a_failing_test_is_shown_with_its_place_and_message() {
    let run = Project::of("gates/tests/fail").gate(&[]);
    run.ends(1, &[("tests", "fail"), ("coverage", "pass")]).titled("tests", "1 of 2 failed");
    assert_eq!((run.metric("tests", "failed"), run.metric("tests", "passed")), (1, 1));
    run.said.says(1, &["FAIL: tests.", "test_shop::test_discount", "assert 90 == 91", "evidence: "]);
}

#[test]
fn failures_beyond_the_display_are_counted_and_stand_in_the_details() {
    let project = shop();
    let many = "import pytest\n@pytest.mark.parametrize('n', range(500))\ndef test_n(n):\n    assert n < 0\n";
    project.write("test_more.py", many).write("pytest.ini", "[pytest]\naddopts = --tb=line\n");
    let run = project.gate(&[]);
    run.ends(1, &[("tests", "fail")]).titled("tests", "500 of 502 failed");
    assert_eq!((run.metric("tests", "failed"), run.metric("tests", "tests")), (500, 502));
    let details = project.read("qte-report-details.jsonl");
    let lines = details.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    assert_eq!(lines.filter(|line| line["kind"] == "test" && line["outcome"] == "failed").count(), 500);
    let shown = run.said.out.matches("test_more::test_n[").count();
    assert!((5..=50).contains(&shown), "{shown} are shown");
    run.said.says(1, &[&format!("and {} more", 500 - shown)]);
}

#[test]
fn skipped_tests_alone_are_unmeasured() {
    let project = Project::empty();
    project.config("").write("test_a.py", "import pytest\n@pytest.mark.skip\ndef test_a():\n    assert False\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]);
    assert_eq!(run.title("tests"), "0 tests ran: 1 skipped");
    assert_eq!(run.metric("tests", "skipped"), 1);
}

#[test]
fn skipped_tests_beside_passed_ones_are_counted_apart() {
    let run = shop_with("import pytest\n@pytest.mark.skip\ndef test_a():\n    assert False\n");
    run.ends(0, &[("tests", "pass")]);
    assert_eq!(run.title("tests"), "2 passed, 1 skipped");
}

#[test]
fn exit_1_fails_though_every_case_passed() {
    let run = damaged("exit 1");
    run.ends(1, &[("tests", "fail")]).titled("tests", "something failed (exit 1); of 2 tests none did");
}

#[test]
fn failing_cases_fail_though_the_exit_code_is_0() {
    let project = scripted(Project::of("gates/tests/fail"), &format!("{MEASURE}exit 0\n"), "");
    let run = project.gate(&[]);
    run.ends(1, &[("tests", "fail")]).titled("tests", "1 of 2 failed").because("tests", "exit 0");
}

#[test]
fn a_test_that_passes_on_a_retry_is_green_and_counted_apart() {
    let project = shop();
    project.write("pytest.ini", "[pytest]\naddopts = --reruns 2\n");
    let flaky = "def test_at_the_second_try(seen=[]):\n    seen.append(1)\n    assert len(seen) == 2\n";
    project.write("test_more.py", flaky);
    let run = project.gate(&[]);
    run.ends(0, &[("tests", "pass")]);
    assert_eq!(run.title("tests"), "3 passed, 1 flaky");
    assert_eq!((run.metric("tests", "passed"), run.metric("tests", "flaky")), (3, 1));
    assert_eq!(project.qte(&["verify", "qte-report.json"]).code, Some(0));
}

#[test]
fn what_failed_or_was_flaky_before_is_told_run_by_run() {
    let project = shop();
    project.write("pytest.ini", "[pytest]\naddopts = --reruns 2\n");
    let flaky = "def test_at_the_second_try(seen=[]):\n    seen.append(1)\n    assert len(seen) == 2\n\n\n";
    let red = "def test_red():\n    assert False\n";
    project.write("test_more.py", format!("{flaky}{red}"));
    let history = |run: &Run| -> Vec<String> {
        let told =
            run.report["verdicts"].as_array().into_iter().flatten().flat_map(|v| v["reasons"].as_array().cloned());
        let texts = told.flatten().filter_map(|reason| reason["text"].as_str().map(str::to_string));
        texts.filter(|text| text.contains("in earlier runs too") || text.contains("no history")).collect()
    };
    assert_eq!(history(&project.gate(&["--stages", "1A"])), [""; 0]);
    // The last run's own report, which this run writes anew.
    let run = project.gate(&["--stages", "1A", "--baseline", "qte-report.json"]);
    let said = history(&run).remove(0);
    assert!(said.starts_with("2 of 2 failing or flaky tests were so in earlier runs too"), "{said}");
    assert!(said.contains("test_more::test_at_the_second_try ff") && said.contains("test_more::test_red FF"), "{said}");
    project.write("test_more.py", flaky);
    let run = project.gate(&["--stages", "1A", "--baseline", "qte-report.json"]);
    assert!(history(&run)[0].ends_with("test_more::test_at_the_second_try fff"), "{:?}", history(&run));
    let lines = project.read("qte-report-details.jsonl");
    assert!(lines.contains(r#"{"kind":"history","id":"test_more::test_red","runs":"FF-"}"#), "{lines}");
    project.write("qte-report-details.jsonl", lines.replace("FF-", "..-"));
    let run = project.gate(&["--stages", "1A", "--baseline", "qte-report.json"]);
    assert!(history(&run)[0].contains("not the details file that the baseline cites"), "{:?}", history(&run));
}

#[test]
fn a_test_that_fails_at_every_retry_fails_and_is_not_flaky() {
    let project = shop();
    project.write("pytest.ini", "[pytest]\naddopts = --reruns 2\n");
    project.write("test_more.py", "def test_never():\n    assert 1 == 2\n");
    let run = project.gate(&[]);
    run.ends(1, &[("tests", "fail")]).titled("tests", "1 of 3 failed");
    assert_eq!((run.metric("tests", "failed"), run.metric("tests", "flaky")), (1, 0));
}

// Runs that do not end as runs should.

#[test]
fn an_interrupted_run_is_unmeasured_though_tests_had_passed() {
    let run = shop_with("def test_a():\n    raise KeyboardInterrupt\n");
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).because("tests", "exit 2");
}

#[test]
fn an_internal_error_of_pytest_is_unmeasured() {
    let project = shop();
    project.write("conftest.py", "def pytest_collection_modifyitems():\n    raise RuntimeError('inside')\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).because("tests", "exit 3");
}

#[test]
fn a_usage_error_of_pytest_is_unmeasured() {
    let project = shop();
    project.write("pytest.ini", "[pytest]\naddopts = --no-such-option\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "exit 4");
    run.said.says(3, &["unrecognized arguments: --no-such-option"]);
}

#[test]
fn a_run_that_finds_no_test_is_unmeasured() {
    let run = Project::of("gates/tests/unmeasured").gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "0 tests ran (exit 5)");
}

#[test]
fn a_run_killed_by_a_signal_is_unmeasured() {
    let run = shop_with("import os\ndef test_a():\n    os.kill(os.getpid(), 9)\n");
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "killed by signal 9");
    assert_eq!(run.evidence("qte-evidence/tests.log")["signal"], 9);
}

#[test]
fn a_test_that_ends_the_process_with_exit_0_is_unmeasured() {
    let run = shop_with("import os\ndef test_a():\n    os._exit(0)\n");
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "no test report");
    assert_eq!(run.evidence("qte-evidence/tests.log")["exit"], 0);
}

#[test]
fn a_run_stopped_at_its_limit_is_unmeasured() {
    let project = shop();
    project.config("tests: {timeout: 3s}\n");
    project.write("test_more.py", "import time\ndef test_a():\n    time.sleep(300)\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "stopped at its limit of 3 s");
    assert_eq!(run.evidence("qte-evidence/tests.log")["timeout_s"], 3);
}

#[test]
fn a_run_stopped_at_its_limit_is_unmeasured_also_after_some_passed() {
    let project = scripted(shop(), "cp reports/*.xml .\nsleep 300\n", "");
    project.config("tests: {run: sh run.sh, timeout: 2s}\n");
    for name in ["junit.xml", "coverage.xml"] {
        lay(&project, name);
        project.write(&format!("reports/{name}"), project.read(name));
    }
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]);
    run.titled("tests", "stopped at its limit of 2 s after 2 tests");
    assert_eq!(run.metric("tests", "passed"), 2);
}

#[test]
fn a_run_stopped_at_its_limit_fails_where_its_report_tells_of_a_failure() {
    let project = scripted(shop(), "cp old.xml junit.xml\nsleep 300\n", "");
    project.config("tests: {run: sh run.sh, timeout: 2s}\n");
    let text = "<testsuite><testcase name=\"a\"/><testcase name=\"b\"><failure>no</failure></testcase></testsuite>";
    project.write("old.xml", text);
    let run = project.gate(&[]);
    run.ends(1, &[("tests", "fail"), ("coverage", "unmeasured")]).titled("tests", "1 of 2 failed");
}

#[test]
fn a_command_that_cannot_be_found_is_unmeasured() {
    let project = shop();
    project.config("tests: {run: no-such-program --now}\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "exit 127");
    run.said.says(3, &["no-such-program"]);
}

// Reports of earlier steps.

#[test]
fn fresh_reports_of_earlier_steps_are_read_and_nothing_is_run() {
    let project = ingesting();
    let run = project.gate(&[]);
    run.ends(0, &[("install", "skipped"), ("tests", "pass"), ("coverage", "pass")]);
    assert_eq!((run.metric("tests", "passed"), run.metric("coverage", "lines_total")), (2, 9));
    let commands = run.report["evidence"].as_array().expect("evidence").iter().filter(|e| e["kind"] == "command");
    assert_eq!(commands.count(), 0);
    assert!(project.exists("junit.xml"), "a report that is read stays");
}

#[test]
fn reports_of_earlier_steps_that_are_older_than_a_source_file_are_unmeasured() {
    let project = ingesting();
    project.age("junit.xml", 630).age("coverage.xml", 630);
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]);
    run.titled("tests", "junit.xml: written 10 min before").titled("coverage", "coverage.xml: written 10 min before");
}

#[test]
fn reports_that_git_tracks_are_unmeasured_however_new_they_are() {
    let project = ingesting();
    project.commit();
    lay(&project, "junit.xml");
    lay(&project, "coverage.xml");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]);
    run.titled("tests", "git tracks this file").titled("coverage", "git tracks this file");
}

#[test]
fn missing_reports_of_earlier_steps_are_unmeasured() {
    let project = shop();
    project.config("tests: {reports: [\"build/*.xml\"]}\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "no test report");
    run.said.says(3, &["looked for: build/*.xml", "let an earlier step write the report"]);
}

#[test]
fn a_failing_report_of_an_earlier_step_fails() {
    let project = ingesting();
    project.edit("junit.xml", "time=\"0.001\" />", "time=\"0.001\"><failure message=\"no\"/></testcase>");
    project.gate(&[]).ends(1, &[("tests", "fail"), ("coverage", "pass")]).titled("tests", "1 of 2 failed");
}

// Damage to the coverage report.

#[test]
fn a_missing_coverage_report_leaves_the_coverage_alone_unmeasured() {
    let run = damaged("rm coverage.xml");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]);
    assert_eq!(run.title("coverage"), "no coverage report");
    run.said.says(3, &["Unmeasured: coverage.", "looked for: qte-evidence/coverage.xml, coverage.xml"]);
}

#[test]
fn a_coverage_report_of_zero_bytes_is_unmeasured() {
    let run = damaged(": >coverage.xml");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "coverage.xml: the file is empty");
}

#[test]
fn a_coverage_report_of_white_space_is_unmeasured() {
    let run = damaged("printf '\\n \\n' >coverage.xml");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "coverage.xml: the file is empty");
}

#[test]
fn a_cobertura_report_cut_in_the_middle_is_unmeasured() {
    let run = damaged("half coverage.xml");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "coverage.xml: line ");
}

#[test]
fn an_lcov_report_passes_whole_and_is_unmeasured_cut_in_the_middle() {
    let lcov = "rm coverage.xml\npython3 -m coverage lcov -q -o coverage.lcov";
    damaged(lcov).ends(0, &[("coverage", "pass")]).titled("coverage", "100.0% of lines");
    let run = damaged(&format!("{lcov}\nhalf coverage.lcov"));
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "coverage.lcov: ");
}

#[test]
fn a_coverage_json_report_passes_whole_and_is_unmeasured_cut_in_the_middle() {
    let json = "rm coverage.xml\npython3 -m coverage json -q -o coverage.json";
    damaged(json).ends(0, &[("coverage", "pass")]).titled("coverage", "100.0% of lines");
    let run = damaged(&format!("{json}\nhalf coverage.json"));
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "coverage.json: ");
}

#[test]
fn a_coverage_report_without_a_line_is_unmeasured() {
    let run = damaged("echo '<coverage lines-valid=\"0\"><sources/><packages/></coverage>' >coverage.xml");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]);
    assert_eq!(run.title("coverage"), "the report is valid and holds no line");
}

#[test]
fn a_coverage_report_about_another_tree_is_unmeasured() {
    let run = damaged("sed -i 's|filename=\"|filename=\"elsewhere/not_|' coverage.xml");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]);
    assert_eq!(run.title("coverage"), "the report is about another tree");
    run.said.says(3, &["none of its 2 files is in this project: elsewhere/not_shop.py"]);
}

#[test]
fn an_old_coverage_report_that_the_command_only_copies_is_unmeasured() {
    let project = scripted(shop(), &format!("{MEASURE}cp -p old.xml coverage.xml\nexit $code\n"), "");
    lay(&project, "coverage.xml");
    fs::rename(project.path("coverage.xml"), project.path("old.xml")).expect("it can be moved");
    project.age("old.xml", 3630);
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]);
    run.titled("coverage", "coverage.xml: written 60 min before `sh run.sh` began");
}

#[test]
fn a_test_report_named_as_coverage_is_unmeasured() {
    let project = scripted(shop(), &format!("{MEASURE}exit $code\n"), "coverage: {reports: [junit.xml]}\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]);
    run.titled("coverage", "a test report where a coverage report is looked for");
}

#[test]
fn a_coverage_report_of_no_known_format_is_unmeasured() {
    let run = damaged("echo 'covered: everything' >coverage.xml");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "no known report format");
}

#[test]
fn a_coverage_report_that_could_be_of_two_formats_is_unmeasured_and_both_are_named() {
    let harm = "rm coverage.xml\necho '{\"meta\": {}, \"files\": {}, \"runs\": []}' >coverage.json";
    let run = damaged(harm);
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]);
    run.titled("coverage", "could be coveragepy-json or sarif");
}

#[test]
fn a_malformed_coverage_report_beside_a_good_one_is_unmeasured() {
    let run = damaged("echo '{\"meta\": {}, \"files\": {' >coverage.json");
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "coverage.json: ");
}

// What the coverage report says.

#[test]
fn coverage_below_the_threshold_fails_with_its_numbers_and_the_worst_files() {
    let run = Project::of("gates/coverage/fail").gate(&[]);
    run.ends(1, &[("tests", "pass"), ("coverage", "fail")]);
    assert_eq!(run.title("coverage"), "60.0% of lines (80)");
    assert_eq!((run.metric("coverage", "lines_covered"), run.metric("coverage", "lines_total")), (6, 10));
    run.said.says(1, &["FAIL: coverage.", "shop.py", "6 of 10 lines; 80% asked (default)"]);
}

#[test]
fn the_threshold_of_the_command_line_decides_to_the_last_line() {
    let project = Project::of("gates/coverage/fail");
    project.gate(&["--coverage-threshold", "60"]).ends(0, &[("coverage", "pass")]);
    let run = project.gate(&["--coverage-threshold", "60.000001"]);
    run.ends(1, &[("coverage", "fail")]).because("coverage", "--coverage-threshold");
}

#[test]
fn a_path_below_its_threshold_fails_and_one_that_matches_nothing_is_unmeasured() {
    let project = Project::of("gates/coverage/fail");
    project.config("coverage: {lines: 50, paths: {\"shop.py\": 50}}\n");
    project.gate(&[]).ends(1, &[("coverage", "fail")]).titled("coverage", "42.8% of lines of shop.py (50)");
    project.config("coverage: {lines: 50, paths: {\"core/**\": 10}}\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "core/**: nothing measured");
    run.because("coverage", "`core/**` (.github/qte-ci.yml:2) matches no line of the report");
}

#[test]
fn branches_that_are_asked_and_not_in_the_report_are_unmeasured() {
    let project = scripted(shop(), &format!("{MEASURE}exit $code\n"), "coverage: {branches: 50}\n");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "no branches in the report");
}

#[test]
fn branches_below_their_threshold_fail() {
    let project = shop();
    project.config("coverage: {branches: 60}\n");
    project.gate(&[]).ends(0, &[("coverage", "pass")]).titled("coverage", "100.0% of branches (60)");
    project.edit("test_shop.py", "shop.total([100], discount=10) == 90", "True");
    let run = project.gate(&[]);
    run.ends(1, &[("coverage", "fail")]).titled("coverage", "50.0% of branches (60)");
    assert_eq!((run.metric("coverage", "branches_covered"), run.metric("coverage", "branches_total")), (1, 2));
}

/// Adds a function that no test calls: two lines that run when called, one that runs at import.
fn add_uncovered(project: &Project) {
    let text = format!("{}\n\ndef unused(a):\n    b = a + 1\n    return b\n", project.read("shop.py"));
    project.write("shop.py", text);
}

#[test]
fn changed_lines_that_no_test_covers_fail_though_the_whole_is_above_its_threshold() {
    let project = shop();
    project.config("coverage: {lines: 50}\n");
    let base = project.commit();
    add_uncovered(&project);
    project.commit();
    let run = project.gate(&["--base", &base]);
    run.ends(1, &[("tests", "pass"), ("coverage", "fail")]).titled("coverage", "33.3% of changed lines (80)");
    assert_eq!((run.metric("coverage", "changed_covered"), run.metric("coverage", "changed_total")), (1, 3));
    let finding = &run.verdict("coverage")["findings"][0];
    assert_eq!((&finding["path"], &finding["line"], &finding["end_line"]), (&json!("shop.py"), &json!(11), &json!(12)));
    assert_eq!(run.report["subject"]["base"]["sha"], json!(base));
    run.said.says(1, &["shop.py:11  changed lines 11 to 12 are not covered by any test"]);
}

#[test]
fn changed_lines_that_are_covered_pass_also_before_they_are_committed() {
    let project = shop();
    let base = project.commit();
    project.edit("shop.py", "return sum(prices)\n", "return 0 + sum(prices)\n");
    project.edit("shop.py", "if discount:", "if discount != 0:");
    let run = project.gate(&["--base", &base]);
    run.ends(0, &[("coverage", "pass")]).titled("coverage", "100.0% of changed lines (80)");
    assert_eq!((run.metric("coverage", "changed_covered"), run.metric("coverage", "changed_total")), (2, 2));
}

#[test]
fn a_changed_source_file_that_no_report_knows_counts_as_uncovered_and_is_named() {
    let project = shop();
    let base = project.commit();
    project.write("forgotten.py", "def a():\n    return 1\n\n\ndef b():\n    return 2\n");
    for committed in [false, true] {
        if committed {
            project.commit();
        }
        let run = project.gate(&["--base", &base]);
        run.ends(1, &[("tests", "pass"), ("coverage", "fail")]).titled("coverage", "0.0% of changed lines (80)");
        assert_eq!((run.metric("coverage", "changed_covered"), run.metric("coverage", "changed_total")), (0, 4));
        run.because("coverage", "no report knows forgotten.py, changed here: they count as uncovered");
    }
}

#[test]
fn an_untracked_link_that_leads_nowhere_disturbs_nothing() {
    let project = shop();
    let base = project.commit();
    std::os::unix::fs::symlink("/no/such/place", project.path("dangling.py")).expect("a symbolic link");
    fs::create_dir(project.path("folder.py")).expect("a folder");
    std::os::unix::fs::symlink("folder.py", project.path("link.py")).expect("a symbolic link");
    let run = project.gate(&["--base", &base]);
    run.ends(0, &[("coverage", "pass")]).because("coverage", "no line that can run was changed");
}

#[test]
fn a_changed_file_that_is_excluded_needs_no_coverage() {
    let project = shop();
    project.config("coverage: {exclude: [\"tools/**\"]}\n");
    let base = project.commit();
    project.write("tools/release.py", "print('release')\n");
    let run = project.gate(&["--base", &base]);
    run.ends(0, &[("coverage", "pass")]).because("coverage", "no line that can run was changed");
}

#[test]
fn without_a_base_the_changed_lines_are_skipped_with_the_reason() {
    let project = shop();
    project.commit();
    let run = project.gate(&[]);
    run.ends(0, &[("coverage", "pass")]).because("coverage", "changed lines: not asked, there is no base");
    assert_eq!(run.report["subject"]["base"], Value::Null);
    let run = project.gate(&["--base", "no-such-branch"]);
    run.ends(0, &[("coverage", "pass")]).because("coverage", "`no-such-branch` is not in this clone");
    let bare = shop().gate(&[]);
    bare.ends(0, &[("coverage", "pass")]).because("coverage", "no git repository");
}

/// A shop with the report of a run in which everything was covered, as `before.json`.
fn with_baseline() -> Project {
    let project = shop();
    project.gate(&[]).ends(0, &[("coverage", "pass")]);
    fs::rename(project.path("qte-report.json"), project.path("before.json")).expect("it can be moved");
    project
}

#[test]
fn coverage_that_fell_against_the_baseline_fails_and_what_is_allowed_passes() {
    let project = with_baseline();
    let baseline = ["--baseline", "before.json"];
    let run = project.gate(&baseline);
    run.ends(0, &[("coverage", "pass")]).because("coverage", "100.0% of lines in the baseline, 100.0% now");
    add_uncovered(&project);
    let run = project.gate(&baseline);
    run.ends(1, &[("tests", "pass"), ("coverage", "fail")]).titled("coverage", "fell from 100.0% to 83.3%");
    project.config("coverage: {drop: 17}\n");
    project.gate(&baseline).ends(0, &[("coverage", "pass")]);
    project.config("coverage: {drop: 16}\n");
    project.gate(&baseline).ends(1, &[("coverage", "fail")]);
}

#[test]
fn a_baseline_that_cannot_be_used_is_unmeasured() {
    let project = with_baseline();
    let unmeasured = project.read("before.json").replace("\"lines_total\": 9", "\"lines_total\": 0");
    project.write("unmeasured.json", unmeasured);
    project.write("cut.json", &project.read("before.json")[..500]);
    for name in ["missing.json", "cut.json", "unmeasured.json"] {
        let run = project.gate(&["--baseline", name]);
        run.ends(3, &[("tests", "pass"), ("coverage", "unmeasured")]).titled("coverage", "baseline unusable");
        project.qte(&["verify", "qte-report.json"]).says(0, &["the report holds"]);
    }
}

#[test]
fn the_last_run_s_own_report_can_be_the_baseline() {
    let project = shop();
    project.gate(&[]).ends(0, &[]);
    add_uncovered(&project);
    let run = project.gate(&["--baseline", "qte-report.json"]);
    run.ends(1, &[("coverage", "fail")]).titled("coverage", "fell from 100.0%");
}

// Dependencies.

#[test]
fn a_dependency_that_cannot_be_installed_fails_and_no_test_counts() {
    let project = Project::of("gates/install/pass");
    project.write("requirements.txt", "six==999.0.1\n");
    project.write(".github/qte-ci.yml", "tests: {run: \"true\"}\n");
    lay(&project, "junit.xml");
    let run = project.gate(&[]);
    run.ends(1, &[("install", "fail"), ("tests", "unmeasured"), ("coverage", "unmeasured")]);
    assert_eq!(run.title("tests"), "the project's dependencies are not installed");
    run.said.says(1, &["gate `install` (stage 1A) failed", "six==999.0.1"]);
}

#[test]
fn an_install_command_of_the_project_is_run_once_sees_no_token_and_fails_the_gate_when_it_fails() {
    let mut project = Project::of("gates/install/pass");
    for name in SECRETS {
        project.set(name, "secret-of-the-run");
    }
    project.write("requirements.txt", "").write("test_six.py", "def test_a():\n    assert True\n");
    project.write(".github/qte-ci.yml", "install: {run: env >>seen.txt}\n");
    project.gate(&[]).ends(0, &[("install", "pass"), ("tests", "pass")]);
    let seen = project.read("seen.txt");
    assert!(seen.contains("VIRTUAL_ENV=") && !seen.contains("secret-of-the-run"), "{seen}");
    project.gate(&[]).ends(0, &[("install", "pass"), ("tests", "pass")]).titled("install", "unchanged since");
    assert_eq!(project.read("seen.txt"), seen);
    project.write(".github/qte-ci.yml", "install: {run: echo no way; exit 7}\n");
    let run = project.gate(&[]);
    run.ends(1, &[("install", "fail"), ("tests", "unmeasured"), ("coverage", "unmeasured")]);
    run.titled("install", "exit 7").said.says(1, &["no way"]);
}

// What blocks and what advises.

#[test]
fn a_run_in_which_every_gate_only_advises_is_unmeasured() {
    let project = shop();
    let text =
        "install: {environment: active, enforce: advise}\ntests: {enforce: advise}\ncoverage: {enforce: advise}\n";
    project.write(".github/qte-ci.yml", text);
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "pass"), ("coverage", "pass")]);
    run.said.says(3, &["Unmeasured: no blocking gate measured anything."]);
}

#[test]
fn a_gate_that_advises_is_shown_red_and_stops_nothing() {
    let project = Project::of("gates/coverage/fail");
    project.config("coverage: {enforce: advise}\n");
    let run = project.gate(&[]);
    run.ends(0, &[("tests", "pass"), ("coverage", "fail")]);
    assert_eq!(run.verdict("coverage")["enforce"], "advise");
    run.said.says(0, &["fail (advice)"]);
}

#[test]
fn a_failure_beside_something_unmeasured_is_exit_1() {
    let project = scripted(Project::of("gates/tests/fail"), &format!("{MEASURE}rm coverage.xml\nexit $code\n"), "");
    project.gate(&[]).ends(1, &[("tests", "fail"), ("coverage", "unmeasured")]);
}

#[test]
fn a_stage_that_is_not_asked_for_gives_no_verdict() {
    let run = shop().gate(&["--stages", "1A"]);
    run.ends(0, &[("install", "skipped"), ("tests", "pass")]);
    assert_eq!(run.report["verdicts"].as_array().map(Vec::len), Some(2));
}

// Child processes.

/// What a CI run holds that is not for the code under test.
const SECRETS: [&str; 14] = [
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_CACHE_URL",
    "GITHUB_OUTPUT",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
    "INPUT_TOKEN",
    "QTE_INPUT_TOKEN",
];

#[test]
fn no_child_sees_a_token_or_the_files_by_which_a_step_speaks() {
    let dump = "import json, os\ndef test_a():\n    json.dump(dict(os.environ), open('seen.json', 'w'))\n";
    let mut project = shop();
    project.write("test_more.py", dump);
    for name in SECRETS {
        project.set(name, "secret-of-the-run");
    }
    project.set("ORDINARY", "kept");
    let detected = project.gate(&[]);
    let seen_by_tests = project.read("seen.json");
    project.write("run.sh", format!("env >seen.txt\n{MEASURE}exit $code\n"));
    project.config("tests: {run: sh run.sh}\n");
    let configured = project.gate(&[]);
    for (run, seen) in [(detected, seen_by_tests), (configured, project.read("seen.txt"))] {
        run.ends(0, &[("tests", "pass")]);
        assert!(seen.contains("ORDINARY") && !seen.contains("secret-of-the-run"), "{seen}");
        SECRETS.iter().for_each(|name| assert!(!seen.contains(name), "{name} is seen:\n{seen}"));
        assert!(!run.report.to_string().contains("secret-of-the-run"));
    }
}

/// Does this process run? One that ended and is not yet waited for does not.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Every process that wrote its number into a file of this name, one a line.
fn processes(project: &Project, file: &str) -> Vec<String> {
    let pids: Vec<String> = project.read(file).lines().map(str::to_string).collect();
    assert!(!pids.is_empty() && pids.iter().all(|pid| pid.parse::<u32>().is_ok()), "{file}: {pids:?}");
    pids
}

/// Tests that pass and leave processes behind: plain, in a session of its own, and a daemon that forked twice.
const LITTER: &str = "import os, subprocess
def note(pid):
    with open('pids', 'a') as file:
        print(pid, file=file)
def test_plain():
    note(subprocess.Popen(['sleep', '300']).pid)
def test_deaf():
    note(subprocess.Popen(['sh', '-c', 'trap \"\" TERM; while :; do sleep 1; done']).pid)
def test_session():
    note(subprocess.Popen(['sleep', '300'], start_new_session=True).pid)
def test_daemon():
    first = os.fork()
    if first == 0:
        os.setsid()
        if os.fork() == 0:
            note(os.getpid())
            os.execvp('sleep', ['sleep', '300'])
        os._exit(0)
    os.waitpid(first, 0)
";

#[test]
fn nothing_that_tests_start_outlives_the_run() {
    let project = shop();
    project.write("test_litter.py", LITTER);
    let run = project.gate(&[]);
    run.ends(0, &[("tests", "pass")]);
    let pids = processes(&project, "pids");
    assert_eq!(pids.len(), 4);
    pids.iter().for_each(|pid| assert!(!lives(pid), "{pid} still runs"));
}

#[test]
fn nothing_that_tests_start_outlives_a_run_stopped_at_its_limit() {
    let project = shop();
    project.config("tests: {timeout: 4s}\n");
    project
        .write("test_a_litter.py", LITTER)
        .write("test_wait.py", "import time\ndef test_a():\n    time.sleep(300)\n");
    project.gate(&[]).ends(3, &[("tests", "unmeasured")]);
    let pids = processes(&project, "pids");
    assert_eq!(pids.len(), 4);
    pids.iter().for_each(|pid| assert!(!lives(pid), "{pid} still runs"));
}

fn wait_for(what: &str, done: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < until, "{what} did not happen within 30 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_process_that_ends_when_it_is_asked_to_costs_no_waiting() {
    let project = scripted(shop(), "sleep 300 &\nexit 0\n", "");
    let run = project.gate(&[]);
    run.ends(3, &[("tests", "unmeasured")]);
    let seconds = run.evidence("qte-evidence/tests.log")["seconds"].as_f64().expect("seconds");
    let whole = run.report["seconds"].as_f64().expect("seconds");
    assert!(seconds < 2.5 && whole < 2.5, "{seconds} s of {whole} s");
}

/// A run under way whose tests wait: the file `waiting` says that they do.
fn under_way(project: &Project) -> Child {
    let wait =
        "import os, time\ndef test_wait():\n    note(os.getpid())\n    open('waiting', 'w')\n    time.sleep(300)\n";
    project.write("test_litter.py", format!("{LITTER}{wait}"));
    let child = project.qte_command(&["gate"]).spawn().expect("the binary can be started");
    wait_for("the tests' beginning", || project.exists("waiting"));
    child
}

fn send(child: &Child, signal: nix::sys::signal::Signal) {
    let pid = nix::unistd::Pid::from_raw(child.id().try_into().expect("a process number"));
    nix::sys::signal::kill(pid, signal).expect("it runs");
}

fn stopped_by(signal: nix::sys::signal::Signal) {
    let project = shop();
    let child = under_way(&project);
    let pids = processes(&project, "pids");
    assert!(pids.iter().all(|pid| lives(pid)), "{pids:?}");
    send(&child, signal);
    let said = Said::of(child.wait_with_output().expect("it ends"));
    said.says(128 + signal as i32, &[&format!("stopped by signal {}", signal as i32)]);
    assert_eq!(pids.len(), 5);
    pids.iter().for_each(|pid| assert!(!lives(pid), "{pid} still runs"));
    assert!(!project.exists("qte-report.json") && !project.exists("qte-report-details.jsonl"));
}

#[test]
fn sigterm_ends_the_run_with_143_and_leaves_no_process_and_no_report() {
    stopped_by(nix::sys::signal::Signal::SIGTERM);
}

#[test]
fn sigint_ends_the_run_with_130_and_leaves_no_process_and_no_report() {
    stopped_by(nix::sys::signal::Signal::SIGINT);
}

#[test]
fn sigkill_of_qte_ci_itself_leaves_no_process_either() {
    let project = shop();
    let mut child = under_way(&project);
    let pids = processes(&project, "pids");
    assert!(pids.len() == 5 && pids.iter().all(|pid| lives(pid)), "{pids:?}");
    send(&child, nix::sys::signal::Signal::SIGKILL);
    child.wait().expect("it ends");
    wait_for("the end of what the tests started", || !pids.iter().any(|pid| lives(pid)));
    assert!(!project.exists("qte-report.json"));
}

/// A project that declares pytest and `further`, where no package index answers.
fn without_index(further: &str) -> Project {
    let mut project = Project::empty();
    let declared = format!(
        "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [project]\nname = \"lone\"\nversion = \"1\"\n[project.optional-dependencies]\ntest = [\"pytest>=7\"{further}]\n"
    );
    project
        .write("pyproject.toml", declared)
        .write("src/lone/__init__.py", "def one():\n    return 1\n")
        .write("tests/test_one.py", "import lone\ndef test_one():\n    assert lone.one() == 1\n");
    // Nothing listens on the discard port; what the machine keeps of packages is not asked either.
    let nowhere = "http://127.0.0.1:9/simple";
    for (name, value) in
        [("PIP_INDEX_URL", nowhere), ("PIP_RETRIES", "0"), ("PIP_NO_CACHE_DIR", "1"), ("PIP_FIND_LINKS", "")]
    {
        project.set(name, value);
    }
    for (name, value) in
        [("UV_DEFAULT_INDEX", nowhere), ("UV_HTTP_RETRIES", "0"), ("UV_NO_CACHE", "1"), ("UV_NO_CONFIG", "1")]
    {
        project.set(name, value);
    }
    project
}

#[test]
fn without_an_index_an_active_environment_that_has_all_that_is_declared_is_used() {
    let project = without_index("");
    let run = project.gate(&[]);
    run.ends(0, &[("install", "pass"), ("tests", "pass"), ("coverage", "pass")]);
    run.titled("install", "already in the active environment");
    project.qte(&["verify", "qte-report.json"]).says(0, &["the report holds"]);
}

#[test]
fn without_an_index_an_active_environment_that_lacks_something_is_not_used() {
    for further in [", \"no-such-package-here\"", ", \"coverage>=99\""] {
        let run = without_index(further).gate(&[]);
        run.ends(1, &[("install", "fail"), ("tests", "unmeasured"), ("coverage", "unmeasured")]);
    }
}

#[test]
fn a_second_run_in_the_same_project_is_refused_while_the_first_goes_on() {
    let project = shop();
    let mut child = under_way(&project);
    let said = project.qte(&["gate"]);
    said.says(2, &["another qte-ci is running in this project"]);
    assert!(project.exists("qte-evidence/tests.log"), "the first run's files were touched");
    send(&child, nix::sys::signal::Signal::SIGTERM);
    child.wait().expect("it ends");
    fs::remove_file(project.path("test_litter.py")).expect("it was there");
    project.gate(&[]).ends(0, &[("tests", "pass")]);
}

#[test]
fn a_run_that_is_stopped_leaves_no_green_report_of_an_earlier_one() {
    let project = shop();
    project.gate(&[]).ends(0, &[("tests", "pass")]);
    let child = under_way(&project);
    send(&child, nix::sys::signal::Signal::SIGTERM);
    Said::of(child.wait_with_output().expect("it ends")).says(143, &[]);
    assert!(!project.exists("qte-report.json"), "{}", project.read("qte-report.json"));
}

#[test]
fn a_command_has_time_to_tidy_up_when_the_run_is_stopped() {
    let project = shop();
    project.config("tests: {run: sh run.sh}\n");
    project
        .write("run.sh", "trap 'sleep 0.3; echo tidy >tidied; exit 0' TERM\n: >waiting\nwhile :; do sleep 0.1; done\n");
    let child = project.qte_command(&["gate"]).spawn().expect("the binary can be started");
    wait_for("the command's beginning", || project.exists("waiting"));
    let from = Instant::now();
    send(&child, nix::sys::signal::Signal::SIGTERM);
    Said::of(child.wait_with_output().expect("it ends")).says(143, &[]);
    assert!(project.exists("tidied"));
    assert!(from.elapsed() < Duration::from_millis(2500), "the grace was waited out: {:?}", from.elapsed());
}

// `verify`.

/// A finished run of the shop.
fn finished() -> Project {
    let project = shop();
    project.gate(&[]).ends(0, &[("tests", "pass"), ("coverage", "pass")]);
    project.qte(&["verify", "qte-report.json"]).says(0, &["the report holds"]);
    project
}

/// The report with a change, as JSON.
fn change_report(project: &Project, change: impl FnOnce(&mut Value)) {
    let mut report: Value = serde_json::from_str(&project.read("qte-report.json")).expect("JSON");
    change(&mut report);
    project.write("qte-report.json", format!("{report:#}\n"));
}

fn verdict_mut<'a>(report: &'a mut Value, gate: &str) -> &'a mut Value {
    let all = report["verdicts"].as_array_mut().expect("verdicts");
    all.iter_mut().find(|v| v["gate"] == gate).expect("the gate's verdict")
}

#[test]
fn verify_holds_on_untouched_reports_of_every_outcome() {
    for fixture in ["tests/fail", "tests/unmeasured", "coverage/fail", "coverage/unmeasured"] {
        let project = Project::of(&format!("gates/{fixture}"));
        project.gate(&[]);
        project.qte(&["verify", "qte-report.json"]).says(0, &["the report holds"]);
    }
}

#[test]
fn verify_holds_from_elsewhere_and_with_a_base_and_a_baseline() {
    let project = with_baseline();
    let base = project.commit();
    project.edit("shop.py", "return sum(prices)\n", "return 0 + sum(prices)\n");
    let flags = ["gate", "--base", &base, "--baseline", "before.json", "--report", "out/report.json"];
    project.qte(&flags).says(0, &["pass: tests, coverage."]);
    project.qte(&["verify", "out/report.json", "--project", "."]).says(0, &["the report holds"]);
    project.edit("shop.py", "return 0 + sum", "return 1 - 1 + sum");
    project.qte(&["verify", "out/report.json", "--project", "."]).says(1, &["differs: ", "the change against"]);
}

#[test]
fn verify_names_an_edited_test_report() {
    let project = finished();
    project.edit("qte-evidence/junit.xml", "time=\"0.0", "time=\"9.0");
    project.qte(&["verify", "qte-report.json"]).says(1, &["differs: qte-evidence/junit.xml: sha256 "]);
}

#[test]
fn verify_derives_the_verdict_anew_from_an_edited_test_report() {
    let project = Project::of("gates/tests/fail");
    project.gate(&[]).ends(1, &[("tests", "fail")]);
    let text = "<testsuite><testcase name=\"a\"/></testsuite>";
    project.write("qte-evidence/junit.xml", text);
    let said = project.qte(&["verify", "qte-report.json"]);
    said.says(1, &["qte-evidence/junit.xml: sha256 ", "failed 1 in the report, 0 in the evidence"]);
}

#[test]
fn verify_names_an_edited_coverage_report() {
    let project = finished();
    project.edit("qte-evidence/coverage.xml", "<line number=\"7\" hits=\"1\"/>", "<line number=\"7\" hits=\"0\"/>");
    let said = project.qte(&["verify", "qte-report.json"]);
    said.says(1, &["qte-evidence/coverage.xml: sha256 ", "lines_covered 9 in the report, 8 in the evidence"]);
}

#[test]
fn verify_names_an_edited_details_file_and_a_missing_one() {
    let project = finished();
    project.edit("qte-report-details.jsonl", "\"passed\"", "\"failed\"");
    project.qte(&["verify", "qte-report.json"]).says(1, &["differs: qte-report-details.jsonl: sha256 "]);
    fs::remove_file(project.path("qte-report-details.jsonl")).expect("it is there");
    project.qte(&["verify", "qte-report.json"]).says(1, &["differs: qte-report-details.jsonl: "]);
}

#[test]
fn verify_names_missing_evidence() {
    let project = finished();
    fs::remove_file(project.path("qte-evidence/tests.log")).expect("it is there");
    project.qte(&["verify", "qte-report.json"]).says(1, &["differs: qte-evidence/tests.log: "]);
    let project = finished();
    fs::remove_file(project.path("qte-evidence/junit.xml")).expect("it is there");
    let said = project.qte(&["verify", "qte-report.json"]);
    said.says(1, &["differs: qte-evidence/junit.xml: ", "tests: the report says pass, the evidence says unmeasured"]);
}

#[test]
fn verify_names_an_edited_metric() {
    let project = finished();
    change_report(&project, |r| verdict_mut(r, "coverage")["metrics"]["lines_total"] = json!(900));
    let said = project.qte(&["verify", "qte-report.json"]);
    said.says(1, &["differs: coverage: lines_total 900 in the report, 9 in the evidence"]);
}

#[test]
fn verify_names_whatever_was_made_of_a_failed_gate() {
    let project = Project::of("gates/tests/fail");
    project.gate(&[]).ends(1, &[("tests", "fail")]);
    let whole = project.read("qte-report.json");
    type Change = fn(&mut Value);
    let to_pass: Change = |report| verdict_mut(report, "tests")["outcome"] = json!("pass");
    let to_skipped: Change = |report| verdict_mut(report, "tests")["outcome"] = json!("skipped");
    let to_advice: Change = |report| verdict_mut(report, "tests")["enforce"] = json!("advise");
    let out: Change = |report| {
        report["verdicts"].as_array_mut().expect("verdicts").retain(|verdict| verdict["gate"] != "tests");
    };
    let nothing: Change = |_| {};
    for (change, says) in [
        (to_pass, "differs: tests: the report says pass, the evidence says fail (1 of 2 failed)"),
        (to_skipped, "differs: tests: the report says skipped, the evidence says fail (1 of 2 failed)"),
        (to_advice, "differs: tests: the report says advise, its policy says block"),
        (out, "differs: tests: 0 verdicts in the report, its policy asks for 1"),
        (nothing, "differs: the report's outcome is pass, its verdicts make fail"),
    ] {
        project.write("qte-report.json", &whole);
        change_report(&project, change);
        change_report(&project, |report| report["outcome"] = json!("pass"));
        project.qte(&["verify", "qte-report.json"]).says(1, &[says]);
    }
}

#[test]
fn verify_names_an_edited_policy() {
    let project = Project::of("gates/coverage/fail");
    project.gate(&[]).ends(1, &[("coverage", "fail")]);
    change_report(&project, |report| report["policy"]["coverage.lines"]["value"] = json!("10"));
    let said = project.qte(&["verify", "qte-report.json"]);
    said.says(1, &["differs: the policy is not the one whose digest the report gives"]);
    assert!(said.out.contains("coverage: the report says fail, the evidence says pass"), "{said}");
}

#[test]
fn verify_refuses_evidence_outside_the_project() {
    let project = finished();
    let whole = fs::read_to_string(project.path("qte-report.json")).expect("the report");
    fs::write(project.beside("x"), "outside").expect("a file beside the project");
    std::os::unix::fs::symlink(project.beside("x"), project.path("link.xml")).expect("a symbolic link");
    let absolute = project.beside("x").display().to_string();
    for path in ["../x", "qte-evidence/../../x", absolute.as_str(), "/etc/hostname", "link.xml"] {
        project.write("qte-report.json", &whole);
        change_report(&project, |report| {
            let all = report["evidence"].as_array_mut().expect("evidence");
            let item = all.iter_mut().find(|e| e["path"] == "qte-evidence/junit.xml").expect("the test report");
            item["path"] = json!(path);
        });
        let said = project.qte(&["verify", "qte-report.json"]);
        said.says(2, &[&format!("the report cites `{path}`, which is outside the project")]);
    }
}

#[test]
fn verify_refuses_what_is_no_report_of_this_schema() {
    let project = finished();
    change_report(&project, |report| report["schema"] = json!("qte-ci/report/3"));
    project.qte(&["verify", "qte-report.json"]).says(2, &["schema qte-ci/report/3, this version reads"]);
    project.write("qte-report.json", "{\"schema\":");
    project.qte(&["verify", "qte-report.json"]).says(2, &["qte-report.json:1:", "not a qte-ci/report/4 report"]);
    project.qte(&["verify", "missing.json"]).says(2, &["missing.json: "]);
}

// `check`, and whose policy judges.

#[test]
fn check_shows_each_setting_with_its_source() {
    let project = shop();
    project.config("coverage:\n  lines: 91.5\n  branches: ~\n");
    let said = project.qte(&["check", "--coverage-threshold", "95"]);
    said.says(0, &["tests.enforce", "(default)", "active  (.github/qte-ci.yml:1)", "off  (.github/qte-ci.yml:4)"]);
    said.says(0, &["95  (--coverage-threshold)", "no git repository"]);
    project.qte(&["check"]).says(0, &["91.5  (.github/qte-ci.yml:3)"]);
    assert!(!project.exists("qte-report.json") && !project.exists("qte-evidence"), "check only looks");
}

#[test]
fn check_lists_looser_settings_first() {
    let project = shop();
    project.config("coverage: {lines: 90}\n");
    let base = project.commit();
    project.config("coverage: {lines: 10, changed: ~}\ntests: {enforce: advise}\n");
    let said = project.qte(&["check", "--base", &base]);
    said.says(
        0,
        &["coverage.lines: 90 on the base branch, 10 here", "coverage.changed: 80 on the base branch, off here"],
    );
    said.says(0, &["tests.enforce: block on the base branch, advise here"]);
    let first = said.out.lines().nth(1).unwrap_or_default();
    assert_eq!(first, "looser than on the base branch:", "{said}");
    assert!(!said.out.contains("without effect"), "no pull request: {said}");
}

/// A pull request: a base branch with one configuration, and a head with another one, in GitHub's environment.
fn pull_request(project: Project, base: &str, head: &str) -> Project {
    let mut project = project;
    project.config(base);
    let sha = project.commit();
    project.git(&["checkout", "--quiet", "-b", "topic"]);
    project.config(head);
    project.commit();
    let event = project.beside("event.json");
    fs::write(&event, json!({"pull_request": {"base": {"sha": sha}}}).to_string()).expect("an event file");
    project.set("GITHUB_EVENT_NAME", "pull_request").set("GITHUB_EVENT_PATH", event.display().to_string());
    project
}

/// On a pull request, this change of the configuration is listed first and has no effect.
#[track_caller]
fn has_no_effect(project: Project, base: &str, head: &str, outcomes: &[(&str, &str)], listed: &str) {
    let project = pull_request(project, base, head);
    let run = project.gate(&[]);
    run.ends(1, outcomes);
    let lines: Vec<&str> = run.said.out.lines().take(2).map(str::trim).collect();
    assert_eq!(lines[0], "looser than on the base branch:", "{}", run.said);
    assert!(lines[1].contains(listed) && lines[1].ends_with("(without effect until merged)"), "{}", run.said);
    assert!(run.report["looser"][0].as_str().is_some_and(|text| text.contains(listed)), "{}", run.report["looser"]);
    project.qte(&["check"]).says(0, &[listed, "without effect until merged"]);
}

fn half_covered() -> Project {
    Project::of("gates/coverage/fail")
}

#[test]
fn a_pull_request_that_lowers_the_threshold_is_judged_by_the_base_branch() {
    let listed = "coverage.lines: 90 on the base branch, 10 here";
    let outcomes = [("tests", "pass"), ("coverage", "fail")];
    has_no_effect(half_covered(), "coverage: {lines: 90}\n", "coverage: {lines: 10}\n", &outcomes, listed);
}

/// Puts a clone of depth 1 of `revision` in the place of the repository, as GitHub's checkout makes it.
fn made_shallow(project: &Project, revision: &str) {
    let origin = project.beside("origin.git").display().to_string();
    project.git(&["clone", "--quiet", "--bare", ".", &origin]);
    // As GitHub does, any commit that is there may be asked for.
    project.git(&["-C", &origin, "config", "uploadpack.allowAnySHA1InWant", "true"]);
    fs::remove_dir_all(project.path(".git")).expect("it was there");
    project.git(&["init", "--quiet"]);
    project.git(&["remote", "add", "origin", &format!("file://{origin}")]);
    project.git(&["fetch", "--quiet", "--depth=1", "origin", revision]);
    project.git(&["checkout", "--quiet", "--force", "FETCH_HEAD"]);
    assert_eq!(project.git(&["rev-parse", "--is-shallow-repository"]), "true");
}

#[test]
fn a_shallow_merge_commit_of_a_pull_request_knows_its_base() {
    let project = pull_request(half_covered(), "coverage: {lines: 90}\n", "coverage: {lines: 10}\n");
    let base = project.git(&["rev-parse", "topic~1"]);
    project.git(&["checkout", "--quiet", "-b", "merged", &base]);
    project.git(&["merge", "--quiet", "--no-ff", "-m", "merge", "topic"]);
    let merged = project.git(&["rev-parse", "HEAD"]);
    made_shallow(&project, &merged);
    let run = project.gate(&[]);
    run.ends(1, &[("tests", "pass"), ("coverage", "fail")]);
    assert_eq!(run.report["subject"]["base"]["sha"], base.as_str());
    run.said.says(1, &["coverage.lines: 90 on the base branch, 10 here (without effect until merged)"]);
}

#[test]
fn a_shallow_clone_whose_head_is_no_child_of_the_base_says_that_nothing_could_be_compared() {
    let project = pull_request(shop(), "coverage: {lines: 90}\n", "coverage: {lines: 10}\n");
    project.write("more.txt", "more\n");
    let head = project.commit();
    made_shallow(&project, &head);
    let run = project.gate(&[]);
    run.ends(0, &[("coverage", "pass")]);
    let first = run.said.out.lines().nth(1).unwrap_or_default().to_string();
    assert!(first.contains("not known: the base branch's settings cannot be compared"), "{}", run.said);
    assert!(first.contains("fetch-depth: 0"), "{}", run.said);
}

#[test]
fn a_pull_request_that_switches_the_threshold_off_is_judged_by_the_base_branch() {
    let listed = "coverage.lines: 80 on the base branch, off here";
    has_no_effect(half_covered(), "tests: {timeout: 5m}\n", "coverage: {lines: ~}\n", &[("coverage", "fail")], listed);
}

#[test]
fn a_pull_request_that_turns_a_gate_into_advice_is_judged_by_the_base_branch() {
    let listed = "tests.enforce: block on the base branch, advise here";
    let project = Project::of("gates/tests/fail");
    has_no_effect(project, "tests: {enforce: block}\n", "tests: {enforce: advise}\n", &[("tests", "fail")], listed);
}

#[test]
fn a_pull_request_that_lowers_or_drops_a_path_threshold_is_judged_by_the_base_branch() {
    let base = "coverage: {lines: 10, paths: {\"shop.py\": 90}}\n";
    for (head, is) in [("coverage: {lines: 10, paths: {\"shop.py\": 20}}\n", "20"), ("coverage: {lines: 10}\n", "gone")]
    {
        let listed = format!("coverage.paths `shop.py`: 90 on the base branch, {is} here");
        has_no_effect(half_covered(), base, head, &[("coverage", "fail")], &listed);
    }
}

#[test]
fn a_pull_request_that_excludes_its_own_new_file_is_judged_by_the_base_branch() {
    let project =
        pull_request(shop(), "coverage: {lines: 10}\n", "coverage: {lines: 10, exclude: [\"forgotten.py\"]}\n");
    project.write("forgotten.py", "def a():\n    return 1\n");
    project.commit();
    let run = project.gate(&[]);
    run.ends(1, &[("coverage", "fail")]).because("coverage", "no report knows forgotten.py");
    assert!(run.report["looser"][0].as_str().is_some_and(|text| text.contains("forgotten.py added")));
}

#[test]
fn a_pull_request_that_drops_a_stage_is_judged_by_the_base_branch() {
    has_no_effect(half_covered(), "stages: [1A, 1B]\n", "stages: [1A]\n", &[("coverage", "fail")], "stages: ");
}

#[test]
fn a_pull_request_that_brings_the_first_configuration_is_judged_by_the_defaults() {
    let project = half_covered();
    fs::remove_file(project.path(".github/qte-ci.yml")).expect("it is there");
    let base = project.commit();
    let mut project = pull_request(project, "", "coverage: {lines: 10}\n");
    fs::write(project.beside("event.json"), json!({"pull_request": {"base": {"sha": base}}}).to_string())
        .expect("event");
    let run = project.gate(&[]);
    run.ends(1, &[("coverage", "fail")]).titled("coverage", "60.0% of lines (80)");
    run.said.says(1, &["coverage.lines: 80 on the base branch, 10 here (without effect until merged)"]);
    project.set("GITHUB_EVENT_NAME", "");
    project.gate(&["--base", &base]).ends(0, &[("coverage", "pass")]);
}

#[test]
fn a_pull_request_that_removes_the_configuration_is_judged_by_the_base_branch() {
    let project = shop();
    project.edit("test_shop.py", "shop.total([100], discount=10) == 90", "True");
    let project = pull_request(project, "coverage: {branches: 100}\n", "");
    let run = project.gate(&[]);
    run.ends(1, &[("coverage", "fail")]).titled("coverage", "of branches (100)");
}

#[test]
fn stricter_settings_of_a_pull_request_hold() {
    let project = pull_request(half_covered(), "coverage: {lines: 10}\n", "coverage: {lines: 90}\n");
    let run = project.gate(&[]);
    run.ends(1, &[("coverage", "fail")]).titled("coverage", "60.0% of lines (90)");
    assert_eq!(run.report["looser"], json!([]));
}

#[test]
fn policy_head_on_the_base_branch_lets_the_head_loosen() {
    let base = "policy: head\ncoverage: {lines: 90}\n";
    let project = pull_request(half_covered(), base, "coverage: {lines: 10}\n");
    let run = project.gate(&[]);
    run.ends(0, &[("coverage", "pass")]);
    assert_eq!(run.report["looser"], json!(["coverage.lines: 90 on the base branch, 10 here"]));
    run.said.says(0, &["looser than on the base branch:"]);
}

#[test]
fn policy_head_on_the_head_lifts_nothing() {
    let head = "policy: head\ncoverage: {lines: 10}\n";
    let listed = "coverage.lines: 90 on the base branch, 10 here";
    has_no_effect(half_covered(), "coverage: {lines: 90}\n", head, &[("coverage", "fail")], listed);
}

#[test]
fn a_push_is_judged_by_its_own_settings_and_still_lists_the_looser_ones() {
    let mut project = half_covered();
    project.config("coverage: {lines: 90}\n");
    let before = project.commit();
    project.config("coverage: {lines: 10}\n");
    project.commit();
    let event = project.beside("event.json");
    fs::write(&event, json!({"before": before}).to_string()).expect("an event file");
    project.set("GITHUB_EVENT_NAME", "push").set("GITHUB_EVENT_PATH", event.display().to_string());
    let run = project.gate(&[]);
    run.ends(0, &[("coverage", "pass")]);
    run.said.says(0, &["coverage.lines: 90 on the base branch, 10 here"]);
    assert_eq!(run.report["subject"]["base"]["why"], "the commit before this push");
}

// Wrong use.

/// Ends with exit code 2 before anything is done.
#[track_caller]
fn is_refused(project: &Project, flags: &[&str], texts: &[&str]) {
    for command in ["gate", "check"] {
        project.qte(&[&[command], flags].concat()).says(2, texts);
    }
    assert!(!project.exists("qte-report.json") && !project.exists("qte-evidence"));
}

#[test]
fn a_wrong_configuration_is_refused_at_its_place_with_the_nearest_known_key() {
    let project = shop();
    for (text, says) in [
        ("coverage:\n  line: 80\n", &[".github/qte-ci.yml:3:3: unknown key `line`", "did you mean `lines`?"][..]),
        ("covrage: {}\n", &[".github/qte-ci.yml:2:1: unknown key `covrage`", "did you mean `coverage`?"]),
        ("coverage:\n  lines: 101\n", &[".github/qte-ci.yml:3:10: `101` is not a percentage"]),
        ("coverage:\n  lines: eighty\n", &[".github/qte-ci.yml:3:10: `eighty` is not a percentage"]),
        ("coverage:\n  lines: -1\n", &[".github/qte-ci.yml:3:10: `-1` is not a percentage"]),
        ("coverage:\n  paths: {\"a/**\": 200}\n", &[".github/qte-ci.yml:3:", "`200` is not a percentage"]),
        ("tests: {timeout: soon}\n", &[".github/qte-ci.yml:2:18: `soon` is not a length of time"]),
        ("tests: {enforce: perhaps}\n", &[".github/qte-ci.yml:2:18: ", "perhaps"]),
        ("stages: [1A, 9Z]\n", &[".github/qte-ci.yml:2:14: unknown stage `9Z`: this version has 1A, 1B"]),
        ("stages: []\n", &["no stage to run (.github/qte-ci.yml:2)"]),
        ("tests: [\n", &[".github/qte-ci.yml:"]),
        ("tests: {run: a}\ntests: {run: b}\n", &[".github/qte-ci.yml:3:1: "]),
        ("tests: {reports: [\"a[\"]}\n", &[".github/qte-ci.yml:2: tests.reports: `a[` is no path pattern"]),
        ("coverage: {reports: [\"../x\"]}\n", &["coverage.reports: `../x` leaves the project"]),
        ("coverage: {reports: [\"/x\"]}\n", &["coverage.reports: `/x` leaves the project"]),
    ] {
        project.config(text);
        is_refused(&project, &[], says);
    }
}

#[test]
fn wrong_flags_are_refused_by_name() {
    let project = shop();
    is_refused(&project, &["--coverage-threshold", "many"], &["--coverage-threshold: `many` is not a percentage"]);
    is_refused(&project, &["--stages", "1A,9Z"], &["--stages: unknown stage `9Z`: this version has 1A, 1B"]);
    is_refused(&project, &["--config", "missing.yml"], &["configuration missing.yml: "]);
    is_refused(&project, &["--project", "missing"], &["--project missing: "]);
    is_refused(&project, &["--project", "shop.py"], &["shop.py: not a folder"]);
    is_refused(&project, &["--no-such-flag"], &["--no-such-flag"]);
    project.qte(&["explain", "test"]).says(2, &["unknown gate `test`", "did you mean `tests`?"]);
    project.qte(&["read", "--format", "junitt", "shop.py"]).says(2, &["`junitt`", "did you mean `junit`?"]);
    project.qte(&["gates"]).says(2, &["gates"]);
}

#[test]
fn an_event_file_that_cannot_be_read_is_refused() {
    let mut project = shop();
    project.set("GITHUB_EVENT_NAME", "pull_request").set("GITHUB_EVENT_PATH", "/no/such/event.json");
    is_refused(&project, &[], &["GITHUB_EVENT_PATH /no/such/event.json: "]);
}

#[test]
fn a_report_that_cannot_be_written_is_no_pass_and_is_said_before_the_tests_run() {
    let project = shop();
    for place in ["shop.py/report.json", "/proc/report.json"] {
        let said = project.qte(&["gate", "--report", place]);
        assert!(matches!(said.code, Some(2 | 70)), "{said}");
        assert!(said.err.contains(place.trim_end_matches("report.json")) && !said.out.contains("pass"), "{said}");
        assert!(!project.exists("qte-evidence/tests.log"), "{said}");
    }
}

#[test]
fn a_folder_of_evidence_that_is_not_ours_is_not_touched() {
    let project = shop();
    project.write("qte-evidence/thesis.txt", "my own");
    project.qte(&["gate"]).says(2, &["qte-evidence: exists and was not made by qte-ci"]);
    assert_eq!(project.read("qte-evidence/thesis.txt"), "my own");
    assert!(!project.exists("qte-report.json"));
}
