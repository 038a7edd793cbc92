//! action.yml and the installer, run by a real runner (`act`, host mode, offline) against a release on loopback:
//! no byte runs that the pinned commit does not name, and inputs, flags and docs/action.md say the same.

#[path = "common/runner.rs"]
mod runner;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runner::{Answer, Job, Machine, Server, VERSION, archive_name, done, nobody, release, root, target, with_sums};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

// The installer.

#[test]
fn a_cold_machine_downloads_once_and_a_warm_one_asks_nobody() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    let cold = machine.install();
    cold.at(&machine.cached());
    assert_eq!(server.requests(), 1);
    assert_eq!(cold.out.lines().count(), 1, "{}", cold.out);
    assert!(cold.out.contains("downloaded"), "{}", cold.out);

    let warm = machine.install();
    warm.at(&machine.cached());
    assert_eq!(server.requests(), 1, "a hit asks nobody");
    assert!(warm.out.contains("installed before") && warm.out.lines().count() == 1, "{}", warm.out);

    machine.set("QTE_DOWNLOAD_BASE_URL", &nobody()).install().at(&machine.cached());
    assert_eq!(machine.files().len(), 1, "nothing but the binary stays: {:?}", machine.files());
}

#[test]
fn a_changed_archive_is_refused_and_nothing_of_it_stays() {
    let server = Server::start(Answer::Changed);
    let machine = Machine::new(&server.base());
    let mut changed = release().archive.clone();
    *changed.last_mut().unwrap() ^= 1;
    machine.install().refused(&[
        &format!("{}/v{VERSION}/{}", server.base(), archive_name()),
        &format!("expected: SHA-256 {}", sha256(&release().archive)),
        &format!("found:    SHA-256 {}", sha256(&changed)),
    ]);
    assert_eq!(machine.files(), [""; 0]);
    assert_eq!(server.requests(), 1, "other bytes are no failed transfer");
}

#[test]
fn an_archive_with_another_binary_is_refused() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    let (whole, other) = (sha256(&release().binary), sha256(b"another"));
    machine.tree = with_sums(&machine.path("tree"), |sums| sums.replace(&whole, &other));
    machine.install().refused(&[&format!("expected: SHA-256 {other}"), &format!("found:    SHA-256 {whole}")]);
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn a_changed_binary_in_the_cache_is_found_and_replaced() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    machine.install().at(&machine.cached());
    let planted = b"#!/bin/sh\ntouch planted-ran\n";
    fs::write(machine.cached(), planted).unwrap();
    let said = machine.install();
    said.at(&machine.cached());
    assert_eq!(server.requests(), 2);
    for text in [sha256(&release().binary), sha256(planted), machine.cached().display().to_string()] {
        assert!(said.err.contains(&text), "`{text}` is not said:\n{}", said.err);
    }

    // Where it cannot be replaced it is refused, and on a runner the warning is one.
    fs::write(machine.cached(), planted).unwrap();
    fs::remove_file(machine.path("output")).unwrap();
    let said = machine.set("QTE_DOWNLOAD_BASE_URL", &nobody()).set("GITHUB_ACTIONS", "true").install();
    said.refused(&["could not be downloaded"]);
    let annotated: Vec<&str> =
        said.out.lines().filter_map(|line| line.split_once(" title=qte-ci::")).map(|l| l.0).collect();
    assert_eq!(annotated, ["::warning", "::error"], "{}", said.out);
}

#[test]
fn a_binary_that_may_not_be_run_is_no_hit() {
    let server = Server::start(Answer::Whole);
    let machine = Machine::new(&server.base());
    fs::create_dir_all(machine.cached().parent().unwrap()).unwrap();
    fs::write(machine.cached(), &release().binary).unwrap();
    machine.install().at(&machine.cached());
    assert_eq!(server.requests(), 1);
}

#[test]
fn without_a_tool_cache_it_is_the_temporary_folder() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    let temp = runner::installed_in(&machine.path("temp"));
    machine.unset("RUNNER_TOOL_CACHE").install().at(&temp);

    // Even root can make no folder there.
    let mut machine = Machine::new(&server.base());
    let temp = runner::installed_in(&machine.path("temp"));
    machine.set("RUNNER_TOOL_CACHE", "/proc/no-place").install().at(&temp);
    machine.install().at(&temp);
    assert_eq!(server.requests(), 2, "the temporary folder is looked at, too");

    // A folder where the binary belongs would swallow it.
    let machine = Machine::new(&server.base());
    fs::create_dir_all(machine.cached()).unwrap();
    machine.install().at(&runner::installed_in(&machine.path("temp")));
}

#[test]
fn without_the_runner_s_folders_it_is_a_new_one() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    // A path with a line break could write outputs of its own.
    machine.set("RUNNER_TOOL_CACHE", "/tmp/x\nbinary=/bin/false").unset("RUNNER_TEMP");
    let said = machine.install();
    let place = PathBuf::from(said.output.trim_end().strip_prefix("binary=").unwrap());
    assert!(place.starts_with(machine.path("tmp")), "{}", place.display());
    said.at(&place);
    assert_eq!(machine.files().len(), 1, "{:?}", machine.files());

    machine.set("TMPDIR", "/proc/no-place");
    fs::remove_file(machine.path("output")).unwrap();
    machine.install().refused(&["there is no folder to install into", "/proc/no-place"]);
}

#[test]
fn busybox_is_enough() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    machine.only_busybox();
    machine.install().at(&machine.cached());
    machine.install().at(&machine.cached());
    assert_eq!(server.requests(), 1);

    let server = Server::start(Answer::Changed);
    let mut machine = Machine::new(&server.base());
    machine.only_busybox().install().refused(&["found:    SHA-256"]);
    let silent = Server::start(Answer::Silent);
    let mut machine = Machine::new(&silent.base());
    machine.only_busybox().set("QTE_DOWNLOAD_TIMEOUT_S", "1");
    machine.install().refused(&["attempts: 3, each at most 1 s"]);
    let mut machine = Machine::new(&format!("{}/elsewhere", server.base()));
    machine.only_busybox().install().refused(&["attempts: 1,", "404"]);
}

#[test]
fn wget_alone_is_enough() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    let bin = machine.path("bin");
    fs::create_dir(&bin).unwrap();
    let programs = ["wget", "sha256sum", "tar", "gzip", "mktemp", "mkdir", "mv", "rm", "uname", "dirname", "chmod"];
    for program in programs.iter().chain(&["tr", "cut", "wc", "grep", "sleep", "tail", "timeout"]) {
        std::os::unix::fs::symlink(runner::tool(program), bin.join(program)).unwrap();
    }
    std::os::unix::fs::symlink(runner::tool("sh"), bin.join("sh")).unwrap();
    machine.set("PATH", &bin.display().to_string());
    machine.install().at(&machine.cached());
    fs::remove_file(machine.path("output")).unwrap();
    fs::remove_file(machine.cached()).unwrap();
    machine.set("QTE_DOWNLOAD_BASE_URL", &format!("{}/elsewhere", server.base()));
    machine.install().refused(&["attempts: 1,", "404"]);
    fs::remove_file(bin.join("wget")).unwrap();
    machine.install().refused(&["attempts: 1,", "neither curl nor wget is here"]);
}

#[test]
fn installs_at_the_same_time_do_not_meet() {
    let server = Server::start(Answer::Whole);
    let machine = Machine::new(&server.base());
    let started: Vec<_> = (0..6).map(|_| machine.start()).collect();
    for child in started {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    machine.install().at(&machine.cached());
    assert_eq!(machine.files().len(), 1, "{:?}", machine.files());
}

#[test]
fn an_ended_install_leaves_nothing() {
    let server = Server::start(Answer::Silent);
    let machine = Machine::new(&server.base());
    let child = machine.start();
    wait_until("the request", || server.requests() == 1);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    // A shell hears of a signal when what it waits for has ended.
    let waiting = children_of(child.id());
    assert_eq!(waiting.len(), 1, "the download");
    kill(Pid::from_raw(waiting[0] as i32), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(143));
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn other_machines_are_told_what_there_is() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    machine.program("uname", "echo Linux riscv64");
    machine.install().refused(&["there is no qte-ci for this machine", "found:      Linux on riscv64", "aarch64"]);
    machine.program("uname", "echo SunOS x86_64");
    machine.install().refused(&["found:      SunOS on x86_64"]);
    // One that there may be, and that this release does not have.
    machine.program("uname", "echo MINGW64_NT-10.0-26100 x86_64");
    machine.install().refused(&[
        "this tree carries no released binary for x86_64-pc-windows-msvc",
        &format!("qte-ci-{VERSION}-x86_64-pc-windows-msvc/qte-ci.exe"),
        &format!("found:      {}", archive_name()),
        "there is none for Windows yet: use WSL",
    ]);
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_tree_without_a_release_says_so() {
    let server = Server::start(Answer::Whole);
    let mut machine = Machine::new(&server.base());
    for lines in ["# a comment\n", ""] {
        machine.tree = with_sums(&machine.path("tree"), |_| lines.to_string());
        machine.install().refused(&[
            &format!("this tree carries no released binary for {}", target()),
            "found:      no archive",
            "qte/ci-action@v4",
        ]);
    }
    // Half a checksum is none.
    machine.tree = with_sums(&machine.path("tree"), |sums| sums.lines().map(|l| format!("{}\n", &l[1..])).collect());
    machine.install().refused(&["this tree carries no released binary"]);
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_cut_download_is_refused() {
    let server = Server::start(Answer::Cut);
    let machine = Machine::new(&server.base());
    machine.install().refused(&["could not be downloaded", "attempts: 3,", &archive_name()]);
    assert_eq!((server.requests(), machine.files().len()), (3, 0));

    let server = Server::start(Answer::Half);
    let machine = Machine::new(&server.base());
    let half = &release().archive[..release().archive.len() / 2];
    machine.install().refused(&[&format!("found:    SHA-256 {} ({} bytes)", sha256(half), half.len())]);
    assert_eq!(machine.files(), [""; 0]);
}

#[test]
fn an_archive_that_is_not_there_is_asked_for_once_and_a_broken_server_thrice() {
    let server = Server::start(Answer::Whole);
    let machine = Machine::new(&format!("{}/elsewhere", server.base()));
    let url = format!("{}/elsewhere/v{VERSION}/{} could not be downloaded", server.base(), archive_name());
    machine.install().refused(&[&url, "attempts: 1,", "404", "download-base-url"]);
    assert_eq!(server.requests(), 1);

    let server = Server::start(Answer::Broken);
    Machine::new(&server.base()).install().refused(&["attempts: 3,", "503"]);
    assert_eq!(server.requests(), 3);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(Answer::Silent);
    let mut machine = Machine::new(&server.base());
    let from = Instant::now();
    machine.set("QTE_DOWNLOAD_TIMEOUT_S", "1").install().refused(&["attempts: 3, each at most 1 s"]);
    // Three seconds of waiting and three of rest, on a busy machine.
    assert!(from.elapsed() < Duration::from_secs(30), "{:?}", from.elapsed());
    assert_eq!(server.requests(), 3);
}

#[test]
fn the_download_address_is_an_address() {
    let pwned = runner::folder();
    let file = pwned.path().join("pwned");
    for (wrong, why) in [
        (format!("\"; touch {0}; #", file.display()), "holds a blank"),
        (format!("https://$(touch {})", file.display()), "holds a blank"),
        ("https://a.example/x y".into(), "holds a blank"),
        ("https://a.example/x\n::warning::y".into(), "holds a blank"),
        (format!("--output={}", file.display()), "is no address"),
        ("file:///etc".into(), "is no address"),
        ("https://".into(), "is no address"),
    ] {
        let said = Machine::new(&wrong).install();
        said.refused(&[&format!("download-base-url {why}")]);
        assert_eq!(said.out, "", "{wrong}");
    }
    assert!(!file.exists());
    // A password in it is not told, and a slash at its end is none of the path.
    let secret = nobody().replace("http://", "http://user:geheim@") + "/";
    let said = Machine::new(&secret).install();
    said.refused(&[&format!("{}/v{VERSION}/", nobody_of(&secret))]);
    assert!(!said.err.contains("geheim"), "{}", said.err);
}

/// The address without its user.
fn nobody_of(address: &str) -> String {
    format!("http://{}", address.trim_end_matches('/').rsplit_once('@').unwrap().1)
}

// The release.

#[test]
fn a_release_is_the_same_bytes_whoever_makes_it() {
    let folder = runner::folder();
    let tree = runner::copy_action(&folder.path().join("tree"));
    let mut made = Vec::new();
    for (name, age_s) in [("first", 0), ("second", 86_400)] {
        let binary = folder.path().join(name);
        fs::write(&binary, b"a binary").unwrap();
        let time = std::time::SystemTime::now() - Duration::from_secs(age_s);
        fs::File::options().write(true).open(&binary).unwrap().set_modified(time).unwrap();
        let targets = ["x86_64-unknown-linux-musl", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"];
        let mut pairs: Vec<(&str, &Path)> = targets.iter().map(|target| (*target, binary.as_path())).collect();
        if name == "second" {
            pairs.reverse();
        }
        // A second of its own for each, lest the time of making goes unseen.
        std::thread::sleep(Duration::from_millis(1100));
        made.push(runner::make_release(&tree, &folder.path().join(format!("{name}-out")), &pairs));
    }
    let names = |folder: &Path| -> BTreeSet<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(names(&made[0]).len(), 4, "three archives and the sums");
    assert_eq!(names(&made[0]), names(&made[1]));
    for name in names(&made[0]) {
        assert!(fs::read(made[0].join(&name)).unwrap() == fs::read(made[1].join(&name)).unwrap(), "{name}");
    }
    // Unpacked in its folder, a release is checked by the tool that everybody has.
    for name in names(&made[0]).iter().filter(|name| name.ends_with(".tar.gz")) {
        done(Command::new("tar").arg("-xzf").arg(name).current_dir(&made[0]));
    }
    let checked = done(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&made[0]));
    assert_eq!(checked.matches(": OK").count(), 6, "{checked}");
    assert!(made[0].join(format!("qte-ci-{VERSION}-x86_64-pc-windows-msvc/qte-ci.exe")).exists());
    assert!(made[0].join(format!("qte-ci-{VERSION}-aarch64-apple-darwin/LICENSE")).exists());
}

#[test]
fn a_target_that_nobody_could_install_is_not_released() {
    let folder = runner::folder();
    let out = Command::new("sh")
        .arg(root().join("dist/release.sh"))
        .arg(folder.path())
        .arg("sparc-unknown-linux=/bin/sh")
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("sparc-unknown-linux is no target"), "{out:?}");
    assert!(!folder.path().join(format!("v{VERSION}/SHA256SUMS")).exists());
}

#[test]
fn the_tree_s_version_is_the_crate_s() {
    assert_eq!(fs::read_to_string(root().join("dist/VERSION")).unwrap(), format!("{VERSION}\n"));
}

// Publishing for forks.

/// The script of a step of publish.yml.
fn publishing(step: &str) -> String {
    let text = fs::read_to_string(root().join(".github/workflows/publish.yml")).unwrap();
    let workflow: Value = serde_saphyr::from_str(&text).unwrap();
    let steps = workflow["jobs"]["publish"]["steps"].as_array().unwrap();
    let found = steps.iter().find(|found| found["name"] == step).unwrap_or_else(|| panic!("no step `{step}`"));
    found["run"].as_str().unwrap().to_string()
}

/// Runs such a script as the runner does; gives how it ended, what it said, and its outputs.
fn publish_step(temp: &Path, step: &str, env: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let outputs = temp.join("outputs");
    fs::write(&outputs, "").unwrap();
    let path = format!("{}:{}", temp.join("bin").display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(runner::tool("bash"));
    command.args(["-e", "-c", &publishing(step)]).env("PATH", path).env("RUNNER_TEMP", temp);
    command.env("GITHUB_OUTPUT", &outputs).env("GITHUB_REPOSITORY", "a/b").envs(env.iter().copied());
    let out = command.current_dir(temp).output().unwrap();
    let said = String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned();
    (out.status.code(), said, fs::read_to_string(&outputs).unwrap())
}

#[test]
fn of_a_fork_s_artifacts_one_of_bounded_size_is_opened() {
    let temp = runner::folder();
    runner::tool("jq");
    fs::create_dir(temp.path().join("bin")).unwrap();
    done(Command::new("install").args(["-m", "755", "/dev/null"]).arg(temp.path().join("bin/gh")));
    fs::write(temp.path().join("bin/gh"), "#!/bin/sh\ncat \"$RUNNER_TEMP/answer\"\n").unwrap();
    let artifact = |id: u32, name: &str, bytes: u64, expired: bool| serde_json::json!({"id": id, "name": name, "size_in_bytes": bytes, "expired": expired});
    let hostile = "qte-report-x\n::error::owned";
    for (name, artifacts, ends) in [
        ("", vec![artifact(7, "qte-report-a", 9, false), artifact(8, "other", 9, false)], Ok("id=7\n")),
        ("", vec![artifact(7, "qte-report-a", 9, false), artifact(8, "qte-report-b", 9, true)], Ok("id=7\n")),
        ("other", vec![artifact(7, "qte-report-a", 9, false), artifact(8, "other", 9, false)], Ok("id=8\n")),
        ("", vec![artifact(7, "qte-report-a", 33_554_433, false)], Err("33554433 bytes, more than 33554432")),
        ("", vec![], Err("0 artifacts of that run fit")),
        // Failed jobs were run again: the newest attempt's.
        (
            "",
            vec![artifact(7, "qte-report-gate-0-1", 9, false), artifact(9, "qte-report-gate-0-2", 9, false)],
            Ok("id=9\n"),
        ),
        ("mine", vec![artifact(9, "mine", 9, false), artifact(7, "mine", 9, false)], Ok("id=9\n")),
        // Two legs of a matrix.
        (
            "",
            vec![artifact(7, "qte-report-gate-0-1", 9, false), artifact(8, "qte-report-gate-1-1", 9, false)],
            Err("2 artifacts"),
        ),
        ("", vec![artifact(7, "qte-report-a", 9, false), artifact(8, hostile, 9, false)], Err("2 artifacts")),
    ] {
        fs::write(temp.path().join("answer"), serde_json::json!({"artifacts": artifacts}).to_string()).unwrap();
        let env = [("NAME", name), ("RUN_ID", "1"), ("MOST_BYTES", "33554432")];
        let (code, said, outputs) = publish_step(temp.path(), "Find the artifact", &env);
        match ends {
            Ok(id) => assert_eq!((code, outputs.as_str()), (Some(0), id), "{said}"),
            Err(why) => assert!(code == Some(1) && said.contains(why) && outputs.is_empty(), "{said}"),
        }
        assert!(!said.contains("owned"), "{said}");
    }
}

#[test]
fn of_a_fork_s_artifact_two_files_of_bounded_size_are_taken() {
    runner::tool("unzip");
    let zip = |files: &str| {
        let temp = runner::folder();
        fs::create_dir(temp.path().join("artifact")).unwrap();
        let script = format!(
            "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:\n  \
             for name, text in {files}.items(): z.writestr(name, text)"
        );
        let archive = temp.path().join("artifact/any name.zip");
        done(Command::new("python3").args(["-c", &script]).arg(archive));
        temp
    };
    let take = |temp: &Path| publish_step(temp, "Take out the report", &[("MOST_BYTES", "1000")]);

    let temp = zip("{'qte-report.json': '{}', '../../escaped': 'x', 'qte-report.html': 'x', 'action.yml': 'x'}");
    assert_eq!(take(temp.path()).0, Some(0));
    let taken: Vec<_> = fs::read_dir(temp.path().join("report")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(taken, ["qte-report.json"]);
    assert_eq!(fs::read_to_string(temp.path().join("report/qte-report.json")).unwrap(), "{}");
    assert!(!temp.path().join("../escaped").exists() && !temp.path().join("escaped").exists());

    let temp = zip("{'qte-report.json': '{}', 'qte-report-details.jsonl': '0' * 1000}");
    assert_eq!(take(temp.path()).0, Some(0));
    assert_eq!(fs::metadata(temp.path().join("report/qte-report-details.jsonl")).unwrap().len(), 1000);

    // A small archive that becomes large.
    let temp = zip("{'qte-report.json': '{}', 'qte-report-details.jsonl': '0' * 100_000_000}");
    let (code, said, _) = take(temp.path());
    assert!(code == Some(1) && said.contains("qte-report-details.jsonl has more than 1000 bytes"), "{said}");
    assert_eq!(fs::metadata(temp.path().join("report/qte-report-details.jsonl")).unwrap().len(), 1001);

    let (code, said, _) = take(zip("{'other': 'x'}").path());
    assert!(code == Some(1) && said.contains("holds no qte-report.json"), "{said}");
}

// The action.

#[test]
fn a_green_job_has_outputs_a_summary_and_its_reports() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    let ran = job.run(&[("download-base-url", &server.base())]);
    assert_eq!((ran.code, ran.step.as_str()), (Some(0), "success"), "{}", ran.log());
    assert_eq!(ran.outputs["outcome"], "pass");
    assert_eq!(ran.outputs["tests-passed"], "2");
    assert_eq!(ran.outputs["tests-failed"], "0");
    let coverage = ran.outputs["coverage"].as_str().unwrap();
    assert_eq!(coverage.parse(), Ok(90.0), "nine lines of ten");
    assert_eq!(ran.outputs["changed-coverage"], "", "there is no base");
    assert!(ran.outputs["report-json"].as_str().unwrap().ends_with("qte-report.json"));
    assert_eq!(ran.summaries().len(), 1, "one inner step writes the summary: {:?}", ran.summaries());

    // The job's name, its index and its attempt.
    assert_eq!(job.artifacts(), ["qte-report-gate-0-1"]);
    let files = job.files_of("qte-report-gate-0-1");
    for file in ["qte-report.json", "qte-report-details.jsonl"] {
        assert!(files.contains(&file.to_string()), "{files:?}");
    }
    let known = ["if-no-files-found", "qte-report-details.jsonl", "qte-report.html", "qte-report.json"];
    assert!(files.iter().all(|file| known.contains(&file.as_str())), "only what the run wrote: {files:?}");
    let report: Value =
        serde_json::from_slice(&fs::read(job.path("kept/qte-report-gate-0-1/qte-report.json")).unwrap()).unwrap();
    assert_eq!(report["outcome"], "pass");
    let missing = fs::read_to_string(job.path("kept/qte-report-gate-0-1/if-no-files-found")).unwrap();
    assert_eq!(missing, "warn\n");

    let on_path = fs::read_to_string(job.path("on-path")).unwrap();
    assert_eq!(Path::new(on_path.trim_end()), job.cached(), "later steps can ask it");

    let again = job.run(&[("download-base-url", &nobody())]);
    assert_eq!((again.code, server.requests()), (Some(0), 1), "the second job asks nobody:\n{}", again.log());
}

#[test]
fn a_changed_archive_makes_a_red_job_that_ran_nothing() {
    let server = Server::start(Answer::Changed);
    let job = Job::new();
    let ran = job.run(&[("download-base-url", &server.base())]);
    assert_eq!((ran.code, ran.step.as_str()), (Some(1), "failure"), "{}", ran.log());
    assert_eq!((&ran.outputs["outcome"], job.artifacts().len(), job.cached().exists()), (&"".into(), 0, false));
    assert!(ran.log().contains("is not the archive that this action names"), "{}", ran.log());
}

#[test]
fn a_job_whose_tool_cache_takes_nothing_runs_from_its_temporary_folder() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    // A file where the cache's folder would be: nobody can install there, root included.
    let cache = job.path("home/.cache/act/tool_cache");
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join("qte-ci"), "").unwrap();
    let ran = job.run(&[("download-base-url", &server.base())]);
    assert_eq!((ran.code, &ran.outputs["outcome"]), (Some(0), &"pass".into()), "{}", ran.log());
    assert!(!job.cached().exists());
    let on_path = fs::read_to_string(job.path("on-path")).unwrap();
    assert!(on_path.trim_end().ends_with("/qte-ci") && !on_path.contains("tool_cache"), "{on_path}");
}

#[test]
fn a_job_with_busybox_alone_is_like_any_other() {
    let server = Server::start(Answer::Whole);
    let job = Job::new().only_busybox();
    let ran = job.run(&[("download-base-url", &server.base())]);
    assert_eq!((ran.code, &ran.outputs["outcome"]), (Some(0), &"pass".into()), "{}", ran.log());
    assert!(job.files_of("qte-report-gate-0-1").contains(&"qte-report.json".to_string()));
}

#[test]
fn a_red_gate_makes_a_red_job_that_keeps_its_reports() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    job.reports("<testcase classname=\"t\" name=\"b\" time=\"1\"><failure message=\"no\"/></testcase>");
    let ran = job.run(&[("download-base-url", &server.base()), ("artifact", "mine")]);
    assert_eq!((ran.code, ran.step.as_str()), (Some(1), "failure"), "{}", ran.log());
    assert_eq!(ran.outputs["outcome"], "fail");
    assert_eq!((&ran.outputs["tests-passed"], &ran.outputs["tests-failed"]), (&"1".into(), &"1".into()));
    assert_eq!(ran.summaries().len(), 1);
    assert_eq!(job.artifacts(), ["mine"]);
    assert!(job.files_of("mine").contains(&"qte-report.json".to_string()));
}

#[test]
fn without_evidence_the_job_is_red() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    fs::write(job.path("junit.xml"), "").unwrap();
    let ran = job.run(&[("download-base-url", &server.base())]);
    assert_eq!((ran.code, ran.step.as_str()), (Some(1), "failure"), "{}", ran.log());
    assert_eq!(ran.outputs["outcome"], "unmeasured");
    assert_eq!(ran.outputs["tests-passed"], "");
    assert_eq!(job.artifacts().len(), 1);
}

#[test]
fn inputs_reach_the_run() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    let base = server.base();
    let ran = job.run(&[("download-base-url", &base), ("coverage-threshold", "90.5"), ("report", "out.json")]);
    assert_eq!(ran.outputs["outcome"], "fail", "nine lines of ten are not enough:\n{}", ran.log());
    assert!(ran.outputs["report-json"].as_str().unwrap().ends_with("/out.json"), "{}", ran.outputs);
    assert!(job.files_of("qte-report-gate-0-1").contains(&"out.json".to_string()));

    let ran = job.run(&[("download-base-url", &base), ("stages", "1A"), ("command", "gate")]);
    assert_eq!((&ran.outputs["outcome"], &ran.outputs["coverage"]), (&"pass".into(), &"".into()), "{}", ran.log());
}

#[test]
fn an_empty_artifact_name_keeps_nothing() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    let ran = job.run(&[("download-base-url", &server.base()), ("artifact", "")]);
    assert_eq!((ran.code, job.artifacts()), (Some(0), Vec::new()), "{}", ran.log());
}

/// act gives every leg of a matrix the same index, so this is read, not run.
#[test]
fn the_legs_of_a_matrix_and_the_attempts_keep_their_reports_apart() {
    let name = action()["inputs"]["artifact"]["default"].as_str().unwrap().to_string();
    for part in ["github.job", "strategy.job-index", "github.run_attempt"] {
        assert!(name.contains(&format!("${{{{ {part} ")), "{part} is not in {name}");
    }
}

#[test]
fn no_input_is_a_command() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    let base = server.base();
    let pwned = "pwned".to_string();
    // A file's name shows that the value came through whole.
    for value in ["$(touch pwned).json", "`touch pwned`.json", "\"; touch pwned; #.json", "'; touch pwned; '.json"] {
        let ran = job.run(&[("download-base-url", &base), ("report", value)]);
        assert_eq!(ran.code, Some(0), "{value}\n{}", ran.log());
        assert!(ran.outputs["report-json"].as_str().unwrap().ends_with(value), "{}", ran.outputs);
        assert!(ran.workspace.contains(&value.to_string()) && !ran.workspace.contains(&pwned), "{:?}", ran.workspace);
    }
    for value in ["\"; touch pwned; #", "$(touch pwned)", "x\ntouch pwned\nQTE_BINARY=/bin/true\n", "--help"] {
        let inputs = inputs();
        let with: Vec<(&str, &str)> = inputs.iter().map(|input| (input.as_str(), value)).collect();
        let ran = job.run(&with);
        assert_eq!((ran.code, ran.step.as_str()), (Some(1), "failure"), "{value}\n{}", ran.log());
        assert!(ran.log().contains("Failure - Main Run qte-ci"), "the binary itself refuses:\n{}", ran.log());
        assert!(!ran.workspace.contains(&pwned), "{value}: {:?}", ran.workspace);
    }
}

#[test]
fn a_planted_binary_does_not_run() {
    let server = Server::start(Answer::Whole);
    let job = Job::new();
    let (cached, planted) = (job.cached(), job.path("planted-ran"));
    fs::create_dir_all(cached.parent().unwrap()).unwrap();
    done(Command::new("install").args(["-m", "755", "/dev/null"]).arg(&cached));
    fs::write(&cached, format!("#!/bin/sh\ntouch {}\n", planted.display())).unwrap();
    let ran = job.run(&[("download-base-url", &nobody())]);
    assert_eq!((ran.code, ran.step.as_str()), (Some(1), "failure"), "{}", ran.log());
    assert_eq!((&ran.outputs["outcome"], job.artifacts().len()), (&"".into(), 0), "nothing was run, nothing is kept");
    let warned = ran.events.iter().filter(|event| event["command"] == "warning").count();
    assert_eq!(warned, 1, "{}", ran.log());

    let ran = job.run(&[("download-base-url", &server.base())]);
    assert_eq!((ran.code, &ran.outputs["outcome"]), (Some(0), &"pass".into()), "{}", ran.log());
    assert!(!planted.exists());
}

#[test]
fn a_signal_reaches_the_binary_and_nothing_stays_behind() {
    let server = Server::start(Answer::Whole);
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let job = Job::new();
        // A number of its own, to know the process by.
        let seconds = format!("{}.{}", 7000 + code, std::process::id());
        let config = format!(
            "install: {{environment: active}}\ntests: {{run: 'sleep {seconds}', reports: [x.xml]}}\nstages: [1A]\n"
        );
        job.write(".github/qte-ci.yml", &config);
        let act = job.start(&[("download-base-url", &server.base())]);
        wait_until("the test command", || !sleeping(&seconds).is_empty());
        // The runner signals the process that it started: no shell may stand between.
        let started: Vec<u32> = children_of(act.id())
            .into_iter()
            .filter(|id| fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|exe| exe == job.cached()))
            .collect();
        assert_eq!(started.len(), 1, "the binary is the runner's own child");
        kill(Pid::from_raw(started[0] as i32), signal).unwrap();
        let ran = job.ended(act);
        assert_eq!((ran.code, ran.step.as_str()), (Some(1), "failure"), "{}", ran.log());
        assert!(ran.log().contains(&format!("exit status {code}")), "{}", ran.log());
        assert_eq!(sleeping(&seconds), [0; 0]);
        assert_eq!(job.artifacts(), [""; 0], "there is no report to keep");
    }
}

/// The processes that sleep for so long.
fn sleeping(seconds: &str) -> Vec<u32> {
    let wanted = format!("sleep\0{seconds}\0");
    processes()
        .into_iter()
        .filter(|id| fs::read_to_string(format!("/proc/{id}/cmdline")).is_ok_and(|c| c == wanted))
        .collect()
}

fn children_of(parent: u32) -> Vec<u32> {
    let line = format!("PPid:\t{parent}");
    let of = |id: &u32| fs::read_to_string(format!("/proc/{id}/status")).is_ok_and(|s| s.lines().any(|l| l == line));
    processes().into_iter().filter(of).collect()
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.unwrap().file_name().to_str().and_then(|name| name.parse().ok())).collect()
}

#[track_caller]
fn wait_until(what: &str, there: impl Fn() -> bool) {
    let from = Instant::now();
    while !there() {
        assert!(from.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

// One set of names: the action's inputs, the binary's flags, the guide.

fn action() -> Value {
    let text = fs::read_to_string(root().join("action.yml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

fn names(of: &str) -> BTreeSet<String> {
    action()[of].as_object().unwrap().keys().cloned().collect()
}

fn inputs() -> BTreeSet<String> {
    names("inputs")
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// Inputs that come with deployments, and are no flag yet.
const DEPLOYMENTS: [&str; 5] = ["strategy", "environment", "release", "evidence", "host"];

#[test]
fn the_inputs_are_the_flags() {
    let help = done(Command::new(env!("CARGO_BIN_EXE_qte-ci")).args(["gate", "--help"]));
    let flags: BTreeSet<String> = help
        .lines()
        .filter_map(|line| line.trim_start().trim_start_matches("-h, ").trim_start_matches("-V, ").strip_prefix("--"))
        .map(|rest| rest.split_whitespace().next().unwrap().to_string())
        .collect();
    let not_inputs = set(&["help", "version", "no-publish"]);
    assert!(not_inputs.is_subset(&flags) && not_inputs.is_disjoint(&inputs()), "{help}");
    let flags = &flags - &not_inputs;
    let ours = set(&["command", "token", "artifact", "download-base-url"]);
    assert_eq!(&(&inputs() - &ours) - &set(&DEPLOYMENTS), flags);
    assert!(ours.is_subset(&inputs()) && set(&DEPLOYMENTS).is_subset(&inputs()));
}

#[test]
fn every_input_is_told_what_it_does_and_reaches_its_step() {
    let action = action();
    let steps = action["runs"]["steps"].as_array().unwrap();
    for input in inputs() {
        let description = action["inputs"][&input]["description"].as_str().unwrap();
        assert!(description.len() > 30 && description.ends_with('.'), "{input}: {description}");
        let later = DEPLOYMENTS.contains(&input.as_str());
        assert_eq!(description.starts_with("Not in this version, and refused"), later, "{input}: {description}");
        let value = format!("${{{{ inputs.{input} }}}}");
        let (step, name) = match input.as_str() {
            "download-base-url" => (0, "QTE_DOWNLOAD_BASE_URL".to_string()),
            "artifact" => {
                assert_eq!(steps[2]["with"]["name"], value.as_str());
                continue;
            }
            _ => (1, format!("QTE_INPUT_{}", input.to_uppercase().replace('-', "_"))),
        };
        assert_eq!(steps[step]["env"][&name], value.as_str(), "{input}");
    }
    for output in names("outputs") {
        assert_eq!(action["outputs"][&output]["value"], format!("${{{{ steps.run.outputs.{output} }}}}"), "{output}");
    }
    for step in &steps[..2] {
        assert!(!step["run"].as_str().unwrap().contains("${{"), "what comes from outside goes through env");
    }
}

/// The names in the first column of the table below a heading of docs/action.md.
fn in_guide(heading: &str) -> BTreeSet<String> {
    let guide = fs::read_to_string(root().join("docs/action.md")).unwrap();
    let (_, rest) = guide.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no `## {heading}`"));
    let section = rest.split("\n## ").next().unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name.into())
        .collect()
}

#[test]
fn the_guide_has_every_input_and_output() {
    assert_eq!(in_guide("Inputs"), inputs());
    assert_eq!(in_guide("Outputs"), names("outputs"));
}
