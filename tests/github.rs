//! The binary against GitHub's API: the right commit and the same verdict whatever the event, the token or the API's
//! mood; limits kept; no check run left in progress; nothing injected, nothing given away.

mod common;

use common::Project;
use common::events::{Kind, Shas, on_the_runner};
use common::github::{FOR_EVER, Fault, GitHub, Job, Options, Token, on};
use serde_json::{Value, json};
use std::fs;
use std::process::Output;

/// A service whose change breaks a test and leaves lines uncovered, as base, head and their merge.
struct Scene {
    project: Project,
    shas: Shas,
    github: GitHub,
}

const SOURCE: &str = "def total(prices):\n    return sum(prices)\n\n\ndef half(n):\n    return n // 2\n";
const CHANGED: &str =
    "def double(n):\n    if n < 0:\n        return None\n    return n + n\n\n\ndef triple(n):\n    return 3 * n\n";

impl Scene {
    fn new(options: Options) -> Scene {
        let project = Project::empty();
        project.config("");
        project.write("shop.py", SOURCE);
        project.write("test_shop.py", "import shop\n\n\ndef test_total():\n    assert shop.total([1, 2]) == 3\n\n\ndef test_half():\n    assert shop.half(4) == 2\n");
        let base = project.commit();
        project.git(&["checkout", "--quiet", "-b", "topic"]);
        project.write("cart.py", CHANGED);
        project.write("test_cart.py", "import cart\n\n\ndef test_double():\n    assert cart.double(2) == 4\n\n\ndef test_triple():\n    value = cart.triple(2)\n    assert value == 7\n");
        let head = project.commit();
        project.git(&["checkout", "--quiet", "-b", "merge", &base]);
        project.git(&["merge", "--quiet", "--no-ff", "--message=merge", &head]);
        let merge = project.git(&["rev-parse", "HEAD"]);
        Scene { project, shas: Shas { head, base, merge }, github: GitHub::start(options) }
    }

    /// Checks out what the event checks out, and sets what its runner sets.
    fn on(&mut self, kind: Kind) -> Job {
        let job = on_the_runner(&mut self.project, kind, &self.github, &self.shas);
        let commit = if kind.is_pull_request() { &self.shas.merge } else { &self.shas.head };
        self.project.git(&["checkout", "--quiet", "--detach", commit]);
        self.project.set("QTE_INPUT_TOKEN", kind.token().text());
        job
    }

    fn action(&self) -> Done {
        let output = self.project.qte_command(&["action"]).output().expect("the binary can be started");
        self.done(output)
    }

    fn done(&self, output: Output) -> Done {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let file =
            |name: &str| fs::read_to_string(self.project.beside("runner").join(name)).expect("the runner's file");
        let report = fs::read_to_string(self.project.path("qte-report.json")).map(|text| serde_json::from_str(&text));
        Done {
            code: output.status.code(),
            log: text(&output.stdout) + &text(&output.stderr),
            summary: file("summary"),
            outputs: file("output"),
            report: report.map_or(Value::Null, |parsed| parsed.expect("the report is JSON")),
        }
    }
}

struct Done {
    code: Option<i32>,
    log: String,
    summary: String,
    outputs: String,
    report: Value,
}

impl Done {
    /// What must be the same everywhere.
    fn verdict(&self) -> Value {
        let verdicts = self.report["verdicts"].as_array().unwrap_or_else(|| panic!("no verdicts:\n{}", self.log));
        let parts = ["stage", "gate", "outcome", "title", "metrics", "findings", "findings_total"];
        let one = |verdict: &Value| {
            let mut verdict: serde_json::Map<String, Value> =
                parts.iter().map(|part| ((*part).to_string(), verdict[*part].clone())).collect();
            // Seconds are the machine's, not the verdict's.
            if let Some(metrics) = verdict.get_mut("metrics").and_then(Value::as_object_mut) {
                metrics.remove("seconds");
            }
            Value::Object(verdict)
        };
        json!([self.code, verdicts.iter().map(one).collect::<Vec<_>>()])
    }

    #[track_caller]
    fn says(&self, text: &str) -> &Done {
        assert!(
            rendered(&self.summary).contains(text),
            "`{text}` is not in the summary:\n{}\n---\n{}",
            self.summary,
            self.log
        );
        self
    }
}

/// Markdown's text as a person reads it.
fn rendered(markdown: &str) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.render.r#unsafe = true;
    let html = comrak::markdown_to_html(markdown, &options);
    let mut out = String::new();
    for piece in html.split('<') {
        out.push_str(piece.split_once('>').map_or(piece, |(_, text)| text));
    }
    for (name, character) in [("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&#96;", "`"), ("&amp;", "&")] {
        out = out.replace(name, character);
    }
    out
}

/// Two tests fail and pass, three of the change's lines are not run: known by reading the sources above.
#[track_caller]
fn is_the_verdict(done: &Done) {
    assert_eq!(done.code, Some(1), "{}", done.log);
    let of = |gate: &str| {
        let all = done.report["verdicts"].as_array().expect("verdicts");
        all.iter().find(|v| v["gate"] == gate).unwrap_or_else(|| panic!("no {gate}")).clone()
    };
    assert_eq!((&of("tests")["metrics"]["failed"], &of("tests")["metrics"]["passed"]), (&json!(1), &json!(3)));
    let findings = of("coverage")["findings"].clone();
    assert_eq!((&findings[0]["path"], &findings[0]["line"]), (&json!("cart.py"), &json!(3)), "{findings}");
}

#[track_caller]
fn ended(github: &GitHub, sha: &str) {
    let made: Vec<_> = github.made().into_iter().map(|run| (run.name, run.head_sha, run.conclusion)).collect();
    let one = |name: &str, conclusion: &str| (name.to_string(), sha.to_string(), Some(conclusion.to_string()));
    let expected = [one("qte / 1A tests", "failure"), one("qte / 1B coverage", "success")];
    assert_eq!(made, expected);
    assert!(github.in_progress().is_empty());
    assert_eq!(github.violations(), Vec::<String>::new());
}

// The same verdict, on the right commit.

fn with_event(kind: Kind) -> (Done, GitHub, Shas) {
    let mut scene = Scene::new(Options::default());
    scene.on(kind);
    let done = scene.action();
    is_the_verdict(&done);
    (done, scene.github, scene.shas)
}

#[test]
fn every_event_gives_the_same_verdict_and_its_check_runs_belong_to_the_right_commit() {
    let (first, github, shas) = with_event(Kind::Push);
    ended(&github, &shas.head);
    first.says(&shas.head);
    for kind in [Kind::PullRequest, Kind::MergeGroup] {
        let (done, github, shas) = with_event(kind);
        assert_eq!(done.verdict(), first.verdict(), "{kind:?}");
        ended(&github, &shas.head);
    }
    // No base is in the event: what the change brought is not asked, all else is the same.
    let (dispatched, github, shas) = with_dispatch();
    ended(&github, &shas.head);
    assert_eq!(dispatched.report["verdicts"][1]["metrics"], first.report["verdicts"][1]["metrics"]);
}

fn with_dispatch() -> (Done, GitHub, Shas) {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::WorkflowDispatch);
    let done = scene.action();
    assert_eq!(done.code, Some(1), "{}", done.log);
    (done, scene.github, scene.shas)
}

#[test]
fn a_fork_and_dependabot_get_the_same_verdict_and_are_told_that_no_check_run_was_written() {
    let (first, _, _) = with_event(Kind::PullRequest);
    for kind in [Kind::ForkPullRequest, Kind::DependabotPullRequest] {
        let (done, github, _) = with_event(kind);
        assert_eq!(done.verdict(), first.verdict(), "{kind:?}");
        assert!(github.made().is_empty());
        done.says("Resource not accessible by integration").says("workflow commands");
        assert!(done.log.contains("::error file=test_cart.py,"), "{}", done.log);
        assert_eq!(github.violations(), Vec::<String>::new());
    }
}

#[test]
fn an_enterprise_server_is_reached_below_its_own_address() {
    let mut scene = Scene::new(Options { enterprise: true, ..Options::default() });
    scene.on(Kind::PullRequest);
    let done = scene.action();
    is_the_verdict(&done);
    ended(&scene.github, &scene.shas.head);
    assert!(!scene.github.log().is_empty() && scene.github.base_url().ends_with("/api/v3"));
}

#[test]
fn without_a_token_the_verdict_is_the_same_and_that_is_said() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::PullRequest);
    scene.project.set("QTE_INPUT_TOKEN", "");
    let done = scene.action();
    is_the_verdict(&done);
    done.says("no token was given");
    assert!(scene.github.log().is_empty());
}

#[test]
fn with_no_publish_nothing_is_published() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::PullRequest);
    let done = scene.done(scene.project.qte_command(&["gate", "--no-publish"]).output().expect("it starts"));
    is_the_verdict(&done);
    assert_eq!((done.summary.as_str(), done.outputs.as_str()), ("", ""));
    assert!(scene.github.log().is_empty());
}

/// The verdict under a fault of the API, against that without one.
fn under(fault: Fault, times: usize) -> (Done, GitHub) {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::PullRequest);
    scene.github.fault(on("*", "*"), fault, times);
    let done = scene.action();
    is_the_verdict(&done);
    (done, scene.github)
}

#[test]
fn an_api_that_refuses_or_fails_changes_no_verdict_and_is_named() {
    let (calm, _) = under(Fault::Status(502), 0);
    for (fault, said) in [
        (Fault::Status(403), "403"),
        (Fault::NotFound, "404"),
        (Fault::AgainstSchema, "422"),
        (Fault::Status(503), "503"),
        (Fault::TooMany { retry_after_s: Some(3_600) }, "to be tried again in"),
        (Fault::PrimaryLimit { reset_in_s: 3_000 }, "to be tried again in"),
        (Fault::Garbage, "not what GitHub gives"),
        (Fault::Reset, "check-runs"),
        (Fault::Redirect(302), "302"),
    ] {
        let (done, github) = under(fault.clone(), FOR_EVER);
        assert_eq!(done.verdict(), calm.verdict(), "{fault:?}");
        assert!(github.made().iter().all(|run| run.status != "completed" || run.conclusion.is_some()), "{fault:?}");
        done.says(said).says("was not published");
    }
}

#[test]
fn an_api_that_never_answers_ends_in_bounded_time() {
    let (done, _) = under(Fault::Never, FOR_EVER);
    done.says("was not published").says("no answer within");
}

// Limits of the rate, and answers that get lost.

/// The run under faults that pass: everything is published, once.
fn survives(plant: impl Fn(&GitHub)) -> (Done, GitHub) {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::PullRequest);
    plant(&scene.github);
    let done = scene.action();
    is_the_verdict(&done);
    ended(&scene.github, &scene.shas.head);
    for run in scene.github.made() {
        assert_eq!(scene.github.annotations(run.id).len(), 1, "{}", run.name);
    }
    assert!(!done.log.contains("::error file="), "what stands on a check run is no command, too: {}", done.log);
    (done, scene.github)
}

#[test]
fn limits_are_waited_for_as_long_as_they_ask() {
    survives(|github| {
        github.fault(on("POST", "check-runs"), Fault::RetryAfter { s: 2 }, 1);
        github.fault(on("PATCH", "check-runs/*"), Fault::TooMany { retry_after_s: Some(1) }, 2);
        github.fault(on("GET", "check-runs"), Fault::PrimaryLimit { reset_in_s: 1 }, 1);
    });
}

#[test]
fn a_secondary_limit_that_names_no_time_is_given_a_minute() {
    let began = std::time::Instant::now();
    survives(|github| {
        github.fault(on("PATCH", "check-runs/*"), Fault::SecondaryLimit, 1);
    });
    assert!(began.elapsed().as_secs() >= 60);
}

#[test]
fn a_lost_answer_makes_nothing_twice() {
    for fault in [
        Fault::AfterCommit(502),
        Fault::AfterCommit(500),
        Fault::Garbage,
        Fault::Truncated,
        Fault::WrongLength,
        Fault::ResetAfterCommit,
        Fault::OtherRun,
        Fault::Status(503),
        Fault::Reset,
    ] {
        survives(|github| {
            github.fault(on("POST", "check-runs"), fault.clone(), 1);
            github.fault(on("PATCH", "check-runs/*"), fault.clone(), 1);
            let annotates = |request: &common::github::Request| request.body["output"]["annotations"].is_array();
            github.fault(on("PATCH", "check-runs/*").when(annotates), fault.clone(), 2);
            github.fault(on("GET", "check-runs"), Fault::Status(502), 1);
        });
    }
}

#[test]
fn what_fails_for_a_moment_at_the_start_is_published_at_the_end() {
    survives(|github| {
        github.fault(on("GET", "check-runs"), Fault::Status(503), 4);
    });
}

#[test]
fn a_fault_at_the_end_leaves_no_check_run_in_progress_after_the_next_start() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::PullRequest);
    // The end of both.
    scene.github.fault(on("PATCH", "check-runs/*"), Fault::NotFound, 2);
    let done = scene.action();
    is_the_verdict(&done);
    done.says("if it is still in progress, the next start on this commit closes it");
    assert_eq!(scene.github.in_progress().len(), 2);
    // A new attempt of the same run.
    scene.project.set("GITHUB_RUN_ATTEMPT", "2");
    is_the_verdict(&scene.action());
    assert!(scene.github.in_progress().is_empty());
    let ends: Vec<_> = scene.github.made().into_iter().filter_map(|run| run.conclusion).collect();
    assert_eq!(ends, ["cancelled", "cancelled", "failure", "success"]);
}

// Annotations.

#[test]
fn annotations_stand_on_the_jobs_own_check_run_where_it_is_known() {
    let mut scene = Scene::new(Options::default());
    let job = scene.on(Kind::PullRequest);
    scene.project.set("QTE_CHECK_RUN_ID", job.id.to_string());
    let done = scene.action();
    is_the_verdict(&done);
    ended(&scene.github, &scene.shas.head);
    let places: Vec<(Value, Value)> = scene
        .github
        .annotations(job.id)
        .into_iter()
        .map(|one| (one["path"].clone(), one["annotation_level"].clone()))
        .collect();
    assert_eq!(places, [(json!("test_cart.py"), json!("failure")), (json!("cart.py"), json!("notice"))]);
    for run in scene.github.made() {
        assert_eq!(scene.github.annotations(run.id), Vec::<Value>::new(), "never twice");
    }
    assert!(!done.log.contains("::error file"), "{}", done.log);
}

#[test]
fn without_check_runs_annotations_are_commands_and_each_stands_once() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::PullRequest);
    scene.project.set("QTE_INPUT_CHECKS", "off");
    let done = scene.action();
    is_the_verdict(&done);
    assert!(scene.github.made().is_empty());
    assert_eq!(done.log.matches("::error file=test_cart.py,").count(), 1, "{}", done.log);
    assert_eq!(done.log.matches("::notice file=cart.py,").count(), 1, "{}", done.log);
}

#[test]
fn a_check_run_for_each_gate_where_that_is_asked() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::Push);
    scene.project.set("QTE_INPUT_CHECKS", "gate");
    is_the_verdict(&scene.action());
    let names: Vec<String> = scene.github.made().into_iter().map(|run| run.name).collect();
    assert_eq!(names, ["qte / 1A install", "qte / 1A tests", "qte / 1B coverage"]);
}

#[test]
fn lines_are_those_of_the_head_commit_although_its_merge_was_measured() {
    let mut scene = Scene::new(Options::default());
    // The base moves on: it puts two lines above what the change touches in shop.py.
    let project = &scene.project;
    project.git(&["checkout", "--quiet", "topic"]);
    project.edit("shop.py", "    return n // 2\n", "    if n < 0:\n        return None\n    return n // 2\n");
    scene.shas.head = project.commit();
    project.git(&["checkout", "--quiet", "main"]);
    project.edit("shop.py", "def total", "# One.\n# Two.\ndef total");
    scene.shas.base = project.commit();
    project.git(&["merge", "--quiet", "--no-ff", "--message=merge", "topic"]);
    scene.shas.merge = project.git(&["rev-parse", "HEAD"]);
    scene.on(Kind::PullRequest);
    let done = scene.action();
    let findings = done.report["verdicts"][2]["findings"].as_array().expect("findings").clone();
    let measured = findings.iter().find(|f| f["path"] == "shop.py").expect("one in shop.py");
    assert_eq!(measured["line"], 9, "as the merge has it");
    let coverage = scene.github.made().into_iter().find(|run| run.name == "qte / 1B coverage").expect("it is there");
    let there = scene.github.annotations(coverage.id);
    let placed = there.iter().find(|one| one["path"] == "shop.py").expect("one in shop.py");
    assert_eq!(placed["start_line"], 7, "as the head has it: {there:?}");
}

#[test]
fn paths_of_a_project_in_a_folder_begin_at_the_top_of_the_repository() {
    let mut scene = Scene::new(Options::default());
    let project = &scene.project;
    project.git(&["checkout", "--quiet", "topic"]);
    fs::create_dir(project.path("service")).expect("a new folder");
    project.git(&["mv", "shop.py", "test_shop.py", "cart.py", "test_cart.py", ".github", "service"]);
    scene.shas.head = project.commit();
    scene.on(Kind::Push);
    scene.project.set("QTE_INPUT_PROJECT", "service").set("QTE_INPUT_REPORT", "qte-report.json");
    let done = scene.action();
    assert_eq!(done.code, Some(1), "{}", done.log);
    let tests = scene.github.made().into_iter().find(|run| run.name == "qte / 1A tests (service)");
    let tests = tests.expect("it is there, under a name of its own");
    assert_eq!(scene.github.annotations(tests.id)[0]["path"], "service/test_cart.py");
    assert_eq!(scene.github.violations(), Vec::<String>::new());
}

#[test]
fn another_checkout_than_the_events_is_not_spoken_of() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::PullRequest);
    let base = scene.shas.base.clone();
    scene.project.git(&["checkout", "--quiet", "--detach", &base]);
    let done = scene.action();
    assert_eq!(done.code, Some(0), "{}", done.log);
    done.says("check runs would speak of what was not measured");
    assert!(scene.github.made().is_empty());
}

// Stopped at any moment.

mod stopped {
    use super::*;
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    use std::process::{Child, Stdio};
    use std::time::{Duration, Instant};

    /// A project whose tests sleep, started and seen to have made its check runs.
    fn sleeping(knows_job: bool) -> (Scene, Job, Child) {
        let mut scene = Scene::new(Options::default());
        scene.project.git(&["checkout", "--quiet", "topic"]);
        scene.project.write(
            "test_sleep.py",
            "import time\n\n\ndef test_sleep():\n    open('asleep', 'w').close()\n    time.sleep(300)\n",
        );
        scene.shas.head = scene.project.commit();
        let job = scene.on(Kind::Push);
        if knows_job {
            scene.project.set("QTE_CHECK_RUN_ID", job.id.to_string());
        }
        let mut command = scene.project.qte_command(&["action"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let asleep = scene.project.path("asleep");
        until("the test sleeps", || asleep.exists() && scene.github.made().len() == 2);
        (scene, job, child)
    }

    fn until(what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ours(scene: &Scene) -> Vec<(String, Option<String>)> {
        scene.github.made().into_iter().map(|run| (run.status, run.conclusion)).collect()
    }

    /// No process stays behind that has the project as its folder.
    fn nothing_runs_in(scene: &Scene) -> bool {
        let processes = fs::read_dir("/proc").expect("a Linux").flatten();
        let folder = |entry: fs::DirEntry| fs::read_link(entry.path().join("cwd")).ok();
        !processes.filter_map(folder).any(|folder| folder.starts_with(&scene.project.root))
    }

    #[test]
    fn a_signal_ends_every_check_run_as_cancelled() {
        for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
            let (scene, _, mut child) = sleeping(false);
            kill(Pid::from_raw(child.id() as i32), signal).expect("it lives");
            let began = Instant::now();
            assert_eq!(child.wait().expect("it ends").code(), Some(code));
            assert!(began.elapsed() < Duration::from_secs(10), "GitHub kills a cancelled step after that");
            let cancelled = ("completed".to_string(), Some("cancelled".to_string()));
            assert_eq!(ours(&scene), [cancelled.clone(), cancelled]);
            assert!(nothing_runs_in(&scene));
            assert_eq!(scene.github.violations(), Vec::<String>::new());
        }
    }

    /// How the next start comes about.
    #[derive(Clone, Copy, PartialEq)]
    enum Next {
        SameJob,
        NewAttempt,
        /// Another run, after the one of before is over; with or without the job's own check run to know that by.
        OtherRun {
            knows_job: bool,
        },
    }

    #[test]
    fn a_kill_leaves_nothing_in_progress_after_the_next_start() {
        for next in
            [Next::SameJob, Next::NewAttempt, Next::OtherRun { knows_job: true }, Next::OtherRun { knows_job: false }]
        {
            let (mut scene, job, mut child) = sleeping(next == Next::OtherRun { knows_job: true });
            kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).expect("it lives");
            child.wait().expect("it ends");
            until("what ran is gone", || nothing_runs_in(&scene));
            assert_eq!(scene.github.in_progress().len(), 2);
            scene.project.edit("test_sleep.py", "time.sleep(300)", "time.sleep(0)");
            match next {
                Next::SameJob => {}
                Next::NewAttempt => {
                    scene.project.set("GITHUB_RUN_ATTEMPT", "2");
                }
                Next::OtherRun { .. } => {
                    scene.github.end_job(job.id, "cancelled");
                    scene.github.change_run(job.run, |run| {
                        run.status = "completed".into();
                        run.conclusion = Some("cancelled".into());
                    });
                    scene.on(Kind::Push);
                }
            }
            let done = scene.action();
            assert_eq!(done.code, Some(1), "{}", done.log);
            assert!(scene.github.in_progress().is_empty(), "{}", done.log);
            let made = if next == Next::SameJob { 2 } else { 4 };
            assert_eq!(scene.github.made().len(), made, "taken over, or made anew");
            assert_eq!(scene.github.violations(), Vec::<String>::new());
        }
    }

    #[test]
    fn a_child_that_is_killed_is_unmeasured_and_its_check_run_is_red() {
        let mut scene = Scene::new(Options::default());
        scene.on(Kind::Push);
        scene.project.config("tests: {run: 'kill -9 $$'}\n");
        let done = scene.action();
        assert_eq!((done.code, &done.report["outcome"]), (Some(3), &json!("unmeasured")), "{}", done.log);
        let ends: Vec<_> = scene.github.made().into_iter().map(|run| (run.status, run.conclusion)).collect();
        let red = ("completed".to_string(), Some("failure".to_string()));
        assert_eq!(ends, [red.clone(), red]);
        assert!(nothing_runs_in(&scene));
    }

    #[test]
    fn a_job_that_still_runs_keeps_its_check_runs() {
        let (mut scene, _, mut child) = sleeping(false);
        // Another leg of the same matrix, in a checkout of its own.
        let other = scene.project.beside("other").display().to_string();
        scene.project.git(&["worktree", "add", "--quiet", "--detach", &other, "HEAD"]);
        fs::remove_file(format!("{other}/test_sleep.py")).expect("it is there");
        scene.project.set("QTE_JOB_INDEX", "1");
        let done = scene.project.qte_command(&["gate", "--project", &other]).output().expect("it starts");
        assert_eq!(done.status.code(), Some(1), "{}", String::from_utf8_lossy(&done.stderr));
        let in_progress: Vec<u64> = scene.github.in_progress().into_iter().map(|run| run.id).collect();
        let first: Vec<u64> = scene.github.made().into_iter().take(2).map(|run| run.id).collect();
        assert_eq!(in_progress, first);
        assert_eq!(scene.github.made().len(), 4);
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).expect("it lives");
        child.wait().expect("it ends");
        assert!(scene.github.in_progress().is_empty());
    }
}

// Hostile tests.

#[test]
fn a_test_that_reaches_for_outputs_commands_or_the_token_gets_nothing() {
    let mut scene = Scene::new(Options::default());
    scene.project.git(&["checkout", "--quiet", "topic"]);
    scene.project.write("test_hostile.py", include_str!("fixtures/github/test_hostile.py"));
    scene.shas.head = scene.project.commit();
    scene.on(Kind::Push);
    let token = Kind::Push.token().text();
    let runner = scene.project.beside("runner");
    scene.project.set("QTE_TEST_RUNNER_FILES", runner.display().to_string());
    let done = scene.action();
    assert_eq!(done.code, Some(1), "{}", done.log);
    let seen = scene.project.read("seen.txt");
    assert!(seen.contains("looked at"), "the test did look: {seen}");
    assert!(!seen.contains(token), "{seen}");
    // What it wrote into the runner's files is gone; what it printed commands nothing.
    assert!(done.outputs.starts_with("outcome<<"), "{}", done.outputs);
    assert!(!done.outputs.contains("outcome=pass") && !done.summary.contains("hacked summary"), "{}", done.outputs);
    for name in ["env", "path", "state"] {
        assert_eq!(fs::read_to_string(runner.join(name)).expect("the runner's file"), "", "{name}");
    }
    assert!(!done.log.replacen(&format!("::add-mask::{token}"), "", 1).contains(token), "{}", done.log);
    let mut stopped: Option<&str> = None;
    for line in done.log.lines() {
        let line = line.trim_start();
        match stopped {
            Some(word) if line == format!("::{word}::") => stopped = None,
            Some(_) => {}
            None => {
                stopped = line.strip_prefix("::stop-commands::");
                assert!(!line.contains("HACKED") || !line.starts_with("::"), "{line}");
            }
        }
        assert!(!line.contains("##["), "{line}");
    }
    assert_eq!(stopped, None, "commands are taken again");
}

// Settings of a pull request.

#[test]
fn what_a_pull_request_loosens_is_listed_first_in_the_summary_and_has_no_effect() {
    let mut scene = Scene::new(Options::default());
    let project = &scene.project;
    project.git(&["checkout", "--quiet", "topic"]);
    project.config("coverage: {lines: 10, enforce: advise}\ntests: {enforce: advise}\n");
    scene.shas.head = project.commit();
    project.git(&["checkout", "--quiet", "main"]);
    project.git(&["merge", "--quiet", "--no-ff", "--message=merge", "topic"]);
    scene.shas.merge = project.git(&["rev-parse", "HEAD"]);
    scene.on(Kind::PullRequest);
    let done = scene.action();
    is_the_verdict(&done);
    let text = rendered(&done.summary);
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("`{what}` is not in the summary:\n{text}"));
    let listed = ["coverage.lines: 80 on the base branch, 10 here", "tests.enforce", "coverage.enforce"].map(at);
    assert!(listed.into_iter().max() < Some(at("1 of 4 failed")), "{text}");
    assert!(text.contains("without effect until merged"));
}

#[test]
fn a_wrong_configuration_is_shown_at_its_place() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::Push);
    scene.project.write(".github/qte-ci.yml", "coverage:\n  line: 90\n");
    let output = scene.project.qte_command(&["action"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.contains("::error file=.github/qte-ci.yml,line=2,title=qte-ci::error: "), "{out}");
    assert!(scene.github.made().is_empty());
}

// Publishing for forks.

/// The report of a fork's run, as the publishing workflow of the base repository finds it.
fn published(change: impl Fn(&mut Value), ended: &str) -> (Done, Scene) {
    let mut fork = Scene::new(Options::default());
    fork.on(Kind::ForkPullRequest);
    let mut report = fork.action().report;
    change(&mut report);
    fork.on(Kind::WorkflowRun);
    let event = fork.project.beside("event.json");
    let mut told: Value = serde_json::from_str(&fs::read_to_string(&event).expect("it is there")).expect("JSON");
    told["workflow_run"]["conclusion"] = json!(ended);
    fs::write(&event, told.to_string()).expect("it can be written");
    fs::create_dir(fork.project.path("downloaded")).expect("a new folder");
    fork.project.write("downloaded/qte-report.json", report.to_string());
    fork.project.git(&["checkout", "--quiet", "--detach", &fork.shas.base.clone()]);
    fork.project.set("QTE_INPUT_COMMAND", "publish").set("QTE_INPUT_REPORT", "downloaded/qte-report.json");
    let done = fork.action();
    (done, fork)
}

#[test]
fn a_forks_report_is_published_to_the_commit_of_the_event() {
    let (done, scene) = published(|report| report["subject"]["sha"] = json!("0".repeat(40)), "failure");
    // Its details file was not downloaded: that is said, and what is left is published.
    assert_eq!(done.code, Some(1), "{}", done.log);
    done.says("whose code is not trusted");
    let ends: Vec<_> = scene.github.made().into_iter().map(|run| (run.head_sha, run.conclusion)).collect();
    let red = (scene.shas.head.clone(), Some("failure".to_string()));
    assert_eq!(ends, [red.clone(), red], "coverage passed by its own word, and the run was red");
    assert_eq!(scene.github.violations(), Vec::<String>::new());
}

#[test]
fn a_forks_report_is_green_only_where_the_run_was() {
    let green = |report: &mut Value| {
        report["outcome"] = json!("pass");
        report["verdicts"][1]["outcome"] = json!("pass");
    };
    let (_, scene) = published(green, "success");
    assert!(scene.github.made().iter().all(|run| run.conclusion.as_deref() == Some("success")));
    let (_, scene) = published(green, "failure");
    assert!(scene.github.made().iter().all(|run| run.conclusion.as_deref() == Some("failure")));
}

#[test]
fn a_forks_report_that_is_none_is_refused() {
    let lies = |report: &mut Value| report["outcome"] = json!("pass");
    let (done, scene) = published(lies, "success");
    assert_eq!(done.code, Some(3), "{}", done.log);
    assert!(done.log.contains("its outcome is not that of its verdicts"), "{}", done.log);
    assert!(scene.github.made().is_empty());
    let (done, scene) = published(|report| report["details"]["path"] = json!("../../../etc/passwd"), "failure");
    assert!(!rendered(&done.summary).contains("root:"), "{}", done.summary);
    assert_eq!(scene.github.made().len(), 2);
    let (_, scene) =
        published(|report| report["verdicts"][1]["findings"][0]["path"] = json!("../../outside.py"), "failure");
    assert_eq!(scene.github.violations(), Vec::<String>::new());
}

// What a later job may rely on.

mod requires {
    use super::*;
    use std::io::Write;

    /// A green run on a push, its report uploaded, its workflow run over.
    fn passed() -> (Scene, Job) {
        let mut scene = Scene::new(Options::default());
        scene.project.git(&["checkout", "--quiet", "topic"]);
        scene.project.edit("test_cart.py", "value == 7", "value == 6");
        scene.shas.head = scene.project.commit();
        let job = scene.on(Kind::Push);
        let done = scene.action();
        assert_eq!(done.code, Some(0), "{}", done.log);
        let text = scene.project.read("qte-report.json");
        scene.github.artifact(job.run, "qte-report-gates-0-1", zipped("qte-report.json", text.as_bytes()));
        scene.github.end_job(job.id, "success");
        end(&scene, &job, "success");
        (scene, job)
    }

    fn end(scene: &Scene, job: &Job, conclusion: &str) {
        scene.github.change_run(job.run, |run| {
            run.status = "completed".into();
            run.conclusion = Some(conclusion.into());
        });
    }

    fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        archive.start_file(name, zip::write::SimpleFileOptions::default()).expect("a new file");
        archive.write_all(bytes).expect("memory");
        archive.finish().expect("memory").into_inner()
    }

    /// Asked by a job of another run.
    fn asked(scene: &mut Scene, more: &[(&str, &str)]) -> (Option<i32>, String) {
        scene.on(Kind::WorkflowDispatch);
        scene.project.set("GITHUB_TOKEN", Token::Actions.text());
        let sha = scene.shas.head.clone();
        let mut flags = vec![("--stages", "1A,1B"), ("--workflow", ".github/workflows/ci.yml"), ("--sha", &*sha)];
        for (name, value) in more {
            flags.retain(|(given, _)| given != name);
            flags.push((name, value));
        }
        let flags: Vec<&str> = flags.iter().flat_map(|(name, value)| [*name, *value]).collect();
        let said = scene.project.qte(&[&["requires"], &flags[..]].concat());
        (said.code, said.out + &said.err)
    }

    #[track_caller]
    fn is_refused(scene: &mut Scene, more: &[(&str, &str)], why: &str) {
        let (code, said) = asked(scene, more);
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(why), "`{why}` is not said:\n{said}");
        assert_eq!(scene.github.violations(), Vec::<String>::new());
    }

    #[test]
    fn what_passed_is_confirmed_by_its_run_and_its_own_report() {
        let (mut scene, _) = passed();
        let policy = scene.done_report()["policy_sha256"].as_str().expect("a digest").to_string();
        let (code, said) = asked(&mut scene, &[("--policy", &policy)]);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("qte / 1A tests passed on") && said.contains("qte / 1B coverage passed on"), "{said}");
        is_refused(&mut scene, &[("--policy", &"0".repeat(64))], "it was judged by the policy");
        is_refused(&mut scene, &[("--workflow", ".github/workflows/other.yml")], "no check run of the workflow");
        let base = scene.shas.base.clone();
        is_refused(&mut scene, &[("--sha", &base)], "there is no such check run");
    }

    #[test]
    fn a_run_that_failed_is_of_a_fork_or_of_another_commit_is_refused() {
        type Change = fn(&mut common::github::Run);
        let changes: [(Change, &str); 4] = [
            (|run| run.conclusion = Some("failure".into()), "its workflow run ended as"),
            (|run| run.head_sha = "1".repeat(40), "its workflow run is of the commit"),
            (|run| run.event = "pull_request".into(), "its workflow ran for pull_request"),
            (|run| run.head_repository = "mallory/shop".into(), "of another repository"),
        ];
        for (change, why) in changes {
            let (mut scene, job) = passed();
            scene.github.change_run(job.run, change);
            is_refused(&mut scene, &[], why);
        }
    }

    #[test]
    fn a_check_run_that_another_workflow_forged_confirms_nothing() {
        let (mut scene, job) = passed();
        // The same App, the same name, the run's own id: all that a forger can have but the report.
        let claim =
            format!("qte:v1:{}:{}:{}.1.0.00000000:-:{}", "a".repeat(64), "b".repeat(64), job.run, scene.shas.head);
        scene.github.forge(|run| run.external_id = Some(claim.clone()));
        is_refused(&mut scene, &[], "no artifact of its run holds the report");
    }

    #[test]
    fn a_closed_standard_output_confirms_nothing() {
        let mut scene = Scene::new(Options::default());
        scene.on(Kind::Push);
        scene.project.set("GITHUB_TOKEN", Token::Actions.text());
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = scene.project.qte_command(&["requires", "--stages=1A", "--workflow=ci.yml"]);
        assert_eq!(command.stdout(writer).status().expect("it starts").code(), Some(3));
    }

    #[test]
    fn without_an_answer_nothing_is_confirmed() {
        let (mut scene, _) = passed();
        scene.github.fault(on("GET", "artifacts"), Fault::Status(403), FOR_EVER);
        is_refused(&mut scene, &[], "its artifacts cannot be listed");
        let (mut scene, _) = passed();
        scene.project.set("GITHUB_TOKEN", "");
        scene.on(Kind::WorkflowDispatch);
        scene.project.set("QTE_INPUT_TOKEN", "");
        scene.project.set("GITHUB_TOKEN", "");
        let said = scene.project.qte(&["requires", "--stages=1A", "--workflow=ci.yml"]);
        said.says(2, &["no token"]);
    }
}

impl Scene {
    fn done_report(&self) -> Value {
        serde_json::from_str(&self.project.read("qte-report.json")).expect("the report is JSON")
    }
}

// Sizes.

#[test]
fn a_huge_run_keeps_every_limit_and_counts_what_was_cut() {
    let mut scene = Scene::new(Options::default());
    let project = &scene.project;
    project.git(&["checkout", "--quiet", "topic"]);
    project.git(&["rm", "--quiet", "cart.py", "test_cart.py"]);
    // 200,000 cases, 4,459 of them failed, with names and messages of emoji; 100,000 changed lines not covered.
    let emoji = "🧪".repeat(90);
    let mut junit = String::from("<testsuites><testsuite name=\"big\">");
    for n in 0..200_000 {
        match n {
            0..4_459 => junit.push_str(&format!(
                "<testcase classname=\"big\" name=\"{emoji}{n}\" file=\"big.py\" line=\"{}\" time=\"0.001\"><failure message=\"{emoji}\">{}</failure></testcase>",
                2 * n + 1,
                "🔥\n".repeat(100)
            )),
            _ => junit.push_str(&format!("<testcase classname=\"big\" name=\"n{n}\" time=\"0.001\"/>")),
        }
    }
    junit.push_str("</testsuite></testsuites>");
    let (mut source, mut lcov) = (String::new(), String::from("SF:big.py\n"));
    for n in 1..=200_000 {
        source.push_str(&format!("x = {n}\n"));
        lcov.push_str(&format!("DA:{n},{}\n", n % 2));
    }
    lcov.push_str("end_of_record\n");
    project.write("big.py", source);
    project.config("tests: {run: 'cp ../junit.xml junit.xml; cp ../lcov.info lcov.info; exit 1'}\n");
    project.write(".gitignore", "junit.xml\nlcov.info\n");
    fs::write(project.beside("junit.xml"), junit).expect("it can be written");
    fs::write(project.beside("lcov.info"), lcov).expect("it can be written");
    scene.shas.head = project.commit();
    scene.on(Kind::Push);
    let done = scene.action();
    assert_eq!(done.code, Some(1), "{}", done.log);
    let totals: Vec<u64> = done.report["verdicts"]
        .as_array()
        .expect("verdicts")
        .iter()
        .map(|v| v["findings_total"].as_u64().expect("a number"))
        .collect();
    assert_eq!(totals[1..], [4_459, 100_000]);
    // 500 annotations at most; of the others exactly this many are counted.
    let placed: usize = scene.github.made().iter().map(|run| scene.github.annotations(run.id).len()).sum();
    assert_eq!(placed, 500);
    let text = rendered(&done.summary);
    let told: u64 = text.lines().filter_map(|line| line.strip_prefix("not annotated: ")).map(number).sum();
    assert_eq!(told + 500, 4_459 + 100_000, "{text}");
    assert!(done.summary.len() <= 900 * 1024, "{}", done.summary.len());
    assert!(scene.github.writes_per_minute_max() < 80);
    assert_eq!(scene.github.violations(), Vec::<String>::new());
    for run in scene.github.made() {
        for part in [run.summary, run.text].into_iter().flatten() {
            assert!(part.len() <= 65_535, "{}: {}", run.name, part.len());
        }
    }
    let page = scene.project.read("qte-report.html");
    assert!(page.contains("200,000"), "every test is counted in the report for people");
}

/// The first number of a sentence.
fn number(sentence: &str) -> u64 {
    let digits: String =
        sentence.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().unwrap_or_else(|_| panic!("no number: {sentence}"))
}

// Jobs that share a name.

#[test]
fn a_green_job_does_not_hide_a_red_one_of_the_same_run() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::Push);
    is_the_verdict(&scene.action());
    // Another job of the same run, on the same commit, whose tests pass.
    scene.project.set("GITHUB_JOB", "other");
    scene.project.config("tests: {run: 'python3 -m coverage run -m pytest -q --junitxml=$QTE_JUNIT -k \"not triple\"; python3 -m coverage xml -o $QTE_COVERAGE'}\ncoverage: {enforce: advise}\n");
    let done = scene.action();
    assert_eq!(done.code, Some(0), "{}", done.log);
    let tests: Vec<_> = scene.github.made().into_iter().filter(|run| run.name == "qte / 1A tests").collect();
    let ends: Vec<_> = tests.iter().map(|run| run.conclusion.as_deref()).collect();
    assert_eq!(ends, [Some("failure"), Some("failure")]);
    assert!(tests[1].title.as_deref().is_some_and(|title| title.starts_with("another job of this run is red")));
}

#[test]
fn a_closed_standard_output_makes_nothing_green() {
    let mut scene = Scene::new(Options::default());
    scene.on(Kind::Push);
    let full = fs::File::options().write(true).open("/dev/full").expect("a Linux");
    let mut command = scene.project.qte_command(&["action"]);
    let code = command.stdout(full.try_clone().expect("a file")).stderr(full).status().expect("it starts").code();
    assert_eq!(code, Some(1));
    ended(&scene.github, &scene.shas.head);
}

#[test]
fn a_filter_that_a_test_plants_in_git_is_not_run() {
    let mut scene = Scene::new(Options::default());
    scene.project.git(&["checkout", "--quiet", "topic"]);
    scene.project.write(
        "test_plant.py",
        "import pathlib, subprocess\n\n\ndef test_plant():\n    subprocess.run(['git', 'config', 'filter.x.clean', 'touch planted; cat'], check=True)\n    pathlib.Path('.git/info/attributes').write_text('* filter=x\\n')\n    pathlib.Path('shop.py').touch()\n",
    );
    scene.shas.head = scene.project.commit();
    scene.on(Kind::Push);
    let done = scene.action();
    assert_eq!(done.code, Some(1), "{}", done.log);
    assert!(!scene.project.exists("planted"), "git ran what the test wrote");
    // The trap works: whoever asks git now runs it.
    scene.project.git(&["diff", "--stat"]);
    assert!(scene.project.exists("planted"));
}

#[test]
fn lines_that_no_file_has_take_no_annotation_with_them() {
    let mut scene = Scene::new(Options::default());
    let project = &scene.project;
    project.git(&["checkout", "--quiet", "topic"]);
    project.config("tests: {run: 'cp ../junit.xml $QTE_JUNIT; exit 1'}\ncoverage: {enforce: advise}\n");
    let case = |line: &str| {
        format!("<testcase name=\"t{line}\" file=\"cart.py\" line=\"{line}\"><failure message=\"m\"/></testcase>")
    };
    let cases = ["1", "2147483648", "4294967296", "2"].map(case).concat();
    fs::write(project.beside("junit.xml"), format!("<testsuite>{cases}</testsuite>")).expect("it can be written");
    scene.shas.head = project.commit();
    scene.on(Kind::Push);
    let done = scene.action();
    assert_eq!(done.code, Some(1), "{}", done.log);
    let tests = scene.github.made().into_iter().find(|run| run.name == "qte / 1A tests").expect("it is there");
    let lines: Vec<_> = scene.github.annotations(tests.id).into_iter().map(|one| one["start_line"].clone()).collect();
    assert_eq!(lines, [json!(1), json!(2)]);
    assert_eq!(scene.github.violations(), Vec::<String>::new());
    done.says("not annotated: 2 in no file");
}

#[test]
fn a_secret_that_a_test_prints_stands_nowhere() {
    let mut scene = Scene::new(Options::default());
    scene.project.git(&["checkout", "--quiet", "topic"]);
    // As where a person's token is given to the action and, under another name, to the tests.
    scene.project.write(
        "test_leak.py",
        "import os\n\n\ndef test_leak():\n    print(os.environ['MINE'])\n    assert os.environ['MINE'] == ''\n",
    );
    scene.shas.head = scene.project.commit();
    scene.on(Kind::Push);
    let token = Kind::Push.token().text();
    scene.project.set("MINE", token);
    let done = scene.action();
    let mut seen = vec![rendered(&done.summary), done.outputs.clone(), done.report.to_string()];
    seen.push(scene.project.read("qte-report-details.jsonl"));
    seen.push(scene.project.read("qte-report.html"));
    seen.push(done.log.replacen(&format!("::add-mask::{token}"), "", 1));
    for run in scene.github.made() {
        seen.push(rendered(&format!(
            "{:?}\n\n{}\n\n{}",
            run.title,
            run.summary.unwrap_or_default(),
            run.text.unwrap_or_default()
        )));
        seen.push(format!("{:?}", scene.github.annotations(run.id)));
    }
    assert!(seen.iter().any(|text| text.contains("test_leak")) && seen.len() == 10);
    for text in seen {
        assert!(!text.contains(token), "{text}");
    }
}
