//! The wall of the matrix: the reports of several jobs put together are one run over all of them, or it is said what is
//! missing. Real pytest in every job; the whole is compared with one real run over everything.

mod common;

use common::{Project, Run};
use std::fs;

const LEGS: [&str; 3] = ["first", "second", "third"];

/// The fan-in's own configuration.
const FAN_IN: &str = "matrix: {reports: [\"legs/*/qte-report.json\"], legs: [first, second, third]}\n";

/// A library with branches and three test files that cover different parts of it.
fn library() -> Project {
    let project = Project::empty();
    project.write(
        "shop.py",
        "def price(n):\n    if n > 9:\n        return n * 9\n    if n < 0:\n        raise ValueError(n)\n    return n * 10\n\n\n\
         def label(n):\n    return 'many' if n > 1 else 'one'\n\n\ndef never():\n    return 0\n",
    );
    project.write("test_first.py", "import shop\n\n\ndef test_small():\n    assert shop.price(1) == 10\n");
    project.write(
        "test_second.py",
        "import pytest\nimport shop\n\n\ndef test_large():\n    assert shop.price(10) == 90\n\n\n\
         def test_negative():\n    with pytest.raises(ValueError):\n        shop.price(-1)\n",
    );
    project.write(
        "test_third.py",
        "import pytest\nimport shop\n\n\ndef test_label():\n    assert shop.label(1) == 'one'\n\n\n\
         @pytest.mark.skip\ndef test_later():\n    assert False\n",
    );
    project.write(".coveragerc", "[run]\nbranch = true\nsource = .\n");
    project.write(".gitignore", "/legs/\n/*.yml\n*.xml\n");
    project
}

/// The configuration of a job that runs these test files.
fn job(files: &str, more: &str) -> String {
    format!(
        "install: {{environment: active}}\ncoverage: {{changed: ~}}\ntests:\n  run: |\n    \
         python3 -m coverage run -m pytest -q --junitxml=junit.xml {files}; code=$?\n    \
         python3 -m coverage xml -q\n    {more}\n    exit $code\n"
    )
}

/// Runs one job and puts its report where a download of its artifact would.
fn leg(project: &Project, name: &str, more: &str) {
    project.write("job.yml", job(&format!("test_{name}.py"), more));
    let run = project.gate(&["--config", "job.yml", "--no-publish"]);
    assert!(run.report["verdicts"].as_array().is_some_and(|all| all.len() == 3), "{}", run.said);
    let folder = project.path(&format!("legs/{name}"));
    fs::create_dir_all(&folder).unwrap();
    for file in ["qte-report.json", "qte-report-details.jsonl"] {
        fs::copy(project.path(file), folder.join(file)).unwrap();
    }
}

fn with_legs() -> Project {
    let project = library();
    project.commit();
    LEGS.iter().for_each(|name| leg(&project, name, ""));
    project
}

fn fan_in(project: &Project, flags: &[&str]) -> Run {
    project.write("fan.yml", FAN_IN);
    project.gate(&[&["--config", "fan.yml", "--no-publish"], flags].concat())
}

#[test]
fn three_jobs_together_are_one_run_over_all() {
    let project = with_legs();
    project.write("job.yml", job("", ""));
    let whole = project.gate(&["--config", "job.yml", "--no-publish"]);
    let together = fan_in(&project, &[]);
    together.ends(0, &[("install", "skipped"), ("tests", "pass"), ("coverage", "pass")]);
    for (gate, names) in [
        ("tests", &["tests", "passed", "failed", "errors", "skipped", "flaky"][..]),
        ("coverage", &["lines_covered", "lines_total", "branches_covered", "branches_total"][..]),
    ] {
        for name in names {
            assert_eq!(together.metric(gate, name), whole.metric(gate, name), "{gate} {name}");
        }
    }
    assert_eq!((whole.metric("tests", "tests"), whole.metric("tests", "skipped")), (5, 1));
    assert!(whole.metric("coverage", "branches_covered") > 2, "the jobs cover different branches");
    assert_eq!(together.title("coverage"), whole.title("coverage"));
    together.because("tests", "second: pass: 2 passed");
    project.qte(&["verify", "qte-report.json"]).says(0, &[]);
    // What a leg said is evidence: changed afterwards, it is none.
    project.edit("legs/first/qte-report-details.jsonl", "test_small", "test_other");
    project.qte(&["verify", "qte-report.json"]).says(1, &["legs/first/qte-report-details.jsonl"]);
}

#[test]
fn a_failing_job_fails_and_is_named() {
    let project = library();
    project.edit("test_second.py", "== 90", "== 91");
    project.commit();
    LEGS.iter().for_each(|name| leg(&project, name, ""));
    let run = fan_in(&project, &[]);
    run.ends(1, &[("tests", "fail")]).titled("tests", "second: 1 of 2 failed; 2 others green");
    let finding = &run.verdict("tests")["findings"][0];
    assert_eq!((finding["path"].as_str(), finding["line"].as_u64()), (Some("test_second.py"), Some(6)));
    assert!(finding["message"].as_str().unwrap().contains("test_large"), "{finding}");
}

#[test]
fn a_job_that_did_not_end_is_unmeasured_though_its_tests_passed() {
    let project = library();
    project.commit();
    leg(&project, "first", "");
    leg(&project, "second", "code=2");
    leg(&project, "third", "");
    let run = fan_in(&project, &[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]);
    run.titled("tests", "second unmeasured: the run did not end: exit 2").titled("coverage", "second unmeasured");
    project.qte(&["verify", "qte-report.json"]).says(0, &[]);
}

#[test]
fn a_missing_job_is_named_and_unmeasured() {
    let project = with_legs();
    fs::remove_dir_all(project.path("legs/third")).unwrap();
    let run = fan_in(&project, &[]);
    run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]);
    run.titled("tests", "third unmeasured: qte-report.json: the report of this job is missing");
    run.titled("coverage", "third unmeasured");
    project.qte(&["verify", "qte-report.json"]).says(0, &[]);
    fs::remove_dir_all(project.path("legs")).unwrap();
    let run = fan_in(&project, &[]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "first unmeasured");
    project.write("fan.yml", "matrix: {reports: [\"legs/*/qte-report.json\"]}\n");
    project.gate(&["--config", "fan.yml", "--no-publish"]).ends(3, &[("tests", "unmeasured")]);
}

#[test]
fn a_job_that_is_there_twice_counts_for_nothing() {
    let project = with_legs();
    // The same job under another name, which is expected too.
    for file in ["qte-report.json", "qte-report-details.jsonl"] {
        fs::copy(project.path("legs/first").join(file), project.path("legs/third").join(file)).unwrap();
    }
    fan_in(&project, &[]).ends(3, &[("tests", "unmeasured")]).titled("tests", "the same report as that of `first`");
    let project = with_legs();
    fs::create_dir_all(project.path("legs/again/first")).unwrap();
    for file in ["qte-report.json", "qte-report-details.jsonl"] {
        fs::copy(project.path("legs/second").join(file), project.path("legs/again/first").join(file)).unwrap();
    }
    project.write("fan.yml", FAN_IN.replace("legs/*/", "legs/**/"));
    let run = project.gate(&["--config", "fan.yml", "--no-publish"]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "this job has more than one report");
}

#[test]
fn a_job_of_another_commit_or_that_nobody_expects_is_no_evidence() {
    let project = with_legs();
    project.write("shop.py", project.read("shop.py") + "\n# changed\n");
    project.commit();
    leg(&project, "first", "");
    let run = fan_in(&project, &[]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "of commit ").titled("tests", "1 other green");
    leg(&project, "second", "");
    leg(&project, "third", "");
    fan_in(&project, &[]).ends(0, &[("tests", "pass")]);
    fs::rename(project.path("legs/third"), project.path("legs/fourth")).unwrap();
    let run = fan_in(&project, &[]);
    run.ends(3, &[("tests", "unmeasured")]).titled("tests", "`fourth` is none of `matrix.legs`");
}

#[test]
fn a_job_s_report_that_was_cut_is_no_evidence() {
    for file in ["qte-report.json", "qte-report-details.jsonl"] {
        let project = with_legs();
        let path = format!("legs/second/{file}");
        let bytes = fs::read(project.path(&path)).unwrap();
        project.write(&path, &bytes[..bytes.len() / 2]);
        let run = fan_in(&project, &[]);
        run.ends(3, &[("tests", "unmeasured"), ("coverage", "unmeasured")]).titled("tests", "second unmeasured");
        fs::remove_file(project.path(&path)).unwrap();
        fan_in(&project, &[]).ends(3, &[("tests", "unmeasured")]).titled("tests", "second unmeasured");
    }
}

#[test]
fn a_baseline_is_of_a_complete_run_over_the_same_jobs() {
    let project = with_legs();
    fan_in(&project, &[]).ends(0, &[("tests", "pass")]);
    fs::copy(project.path("qte-report.json"), project.beside("whole.json")).unwrap();
    let whole = project.beside("whole.json").display().to_string();
    let run = fan_in(&project, &["--baseline", &whole]);
    run.because("coverage", "of lines in the baseline");
    // One job of it is not the whole.
    let one = project.path("legs/first/qte-report.json").display().to_string();
    let run = fan_in(&project, &["--baseline", &one]);
    run.because("coverage", "the baseline cannot be used: it is of other jobs (null) than this run");
    // Nor is a run in which one was missing.
    fs::remove_dir_all(project.path("legs/third")).unwrap();
    fan_in(&project, &[]).ends(3, &[]);
    fs::copy(project.path("qte-report.json"), project.beside("part.json")).unwrap();
    leg(&project, "third", "");
    let part = project.beside("part.json").display().to_string();
    let run = fan_in(&project, &["--baseline", &part]);
    run.because("coverage", "the baseline cannot be used: it is not complete: 1 part of it had no coverage");
}
