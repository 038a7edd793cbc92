//! The binary on real projects and on small ones of every shape, tools really run. What is expected comes from the
//! natural tools run beside it, from counts made by hand, or from verdicts recorded with other programs.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The user and group that nobody is.
const NOBODY: &str = "65534";

/// A test that cannot run here says so, and is counted.
fn skipped(reason: &str) {
    let line = format!("SKIPPED: projects: {reason}");
    eprintln!("{line}");
    if let Some(path) = std::env::var_os("QTE_SKIPPED_FILE") {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// A folder of this run that several tests share, open to every user of the machine. Nothing runs when a test binary
/// ends, so the next run removes what ended runs left.
static SHARED: LazyLock<PathBuf> = LazyLock::new(|| {
    let temp = std::env::temp_dir().canonicalize().unwrap();
    for entry in fs::read_dir(&temp).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ended = |pid: &str| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists();
        if name.strip_prefix("qte-projects-").is_some_and(ended) {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
    let folder = temp.join(format!("qte-projects-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    open_to_all(&folder);
    folder
});

/// The binary where every user may run it.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = SHARED.join("qte-ci");
    fs::copy(env!("CARGO_BIN_EXE_qte-ci"), &path).unwrap();
    open_to_all(&path);
    path
});

/// The folder with uv's program, from the registry.
static UV: LazyLock<PathBuf> = LazyLock::new(|| {
    let env = SHARED.join("uv");
    done(&SHARED, &["python3", "-m", "venv", text(&env)]);
    done(&SHARED, &[text(&env.join("bin/python")), "-m", "pip", "install", "-q", "uv==0.13.9"]);
    let bin = SHARED.join("uv-bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env.join("bin/uv"), bin.join("uv")).unwrap();
    bin
});

fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn temporary() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("qte-project-").tempdir().unwrap();
    open_to_all(folder.path());
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("our own folders have names in UTF-8")
}

/// A command in a folder with nothing of the caller's CI and Python in its environment.
fn clean(folder: &Path, argv: &[&str]) -> Command {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]).current_dir(folder);
    let ours = |name: &str| {
        ["GITHUB_", "QTE_", "COVERAGE_", "PYTEST_", "UV_PROJECT", "GIT_"].iter().any(|p| name.starts_with(p))
            || ["CI", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "XDG_CACHE_HOME"].contains(&name)
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

/// Runs a command that must end well; gives what it printed.
fn done(folder: &Path, argv: &[&str]) -> String {
    let out = clean(folder, argv).output().unwrap_or_else(|e| panic!("{}: {e}", argv[0]));
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{argv:?}: {}\n{said}\n{}", out.status, String::from_utf8_lossy(&out.stderr));
    said
}

/// Whether a command ends well; one that cannot be started does not.
fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|out| out.status.success())
}

fn is_root() -> bool {
    done(Path::new("/"), &["id", "-u"]).trim() == "0"
}

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn as_json(path: &Path) -> Value {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// One `qte-ci gate` to be run.
struct Gate<'a> {
    project: &'a Path,
    cache: &'a Path,
    /// What starts the binary, such as `unshare -n`; often nothing.
    prefix: Vec<String>,
    env: Vec<(&'static str, OsString)>,
    arguments: Vec<String>,
}

impl<'a> Gate<'a> {
    fn new(project: &'a Path, cache: &'a Path) -> Self {
        Gate { project, cache, prefix: Vec::new(), env: Vec::new(), arguments: Vec::new() }
    }

    /// With a folder before the PATH.
    fn with_path(mut self, folder: Option<&Path>) -> Self {
        if let Some(folder) = folder {
            let mut path = OsString::from(folder);
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            self.env.push(("PATH", path));
        }
        self
    }

    /// Runs it, and `verify` over its report, which must agree.
    fn run(&self) -> Run {
        let mut argv: Vec<&str> = self.prefix.iter().map(String::as_str).collect();
        argv.extend([text(&BINARY), "gate", "--no-publish", "--stages=1A,1B"]);
        argv.extend(self.arguments.iter().map(String::as_str));
        let mut command = clean(self.project, &argv);
        command.env("QTE_CACHE_DIR", self.cache).envs(self.env.iter().cloned());
        let out = command.output().unwrap_or_else(|e| panic!("{}: {e}", argv[0]));
        let said = [&out.stdout[..], &out.stderr[..]].map(String::from_utf8_lossy).concat();
        let code = out.status.code().unwrap_or_else(|| panic!("{}\n{said}", out.status));
        assert!([0, 1, 3].contains(&code), "exit {code}\n{said}");
        let report = as_json(&self.project.join("qte-report.json"));
        let checked = clean(self.project, &[text(&BINARY), "verify", "qte-report.json"]).output().unwrap();
        assert!(checked.status.success(), "verify: {}", [checked.stdout, checked.stderr].map(lossy).concat());
        Run { code, said, report }
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a run came to.
struct Run {
    code: i32,
    said: String,
    report: Value,
}

impl Run {
    fn verdict(&self, gate: &str) -> &Value {
        let verdicts = self.report["verdicts"].as_array().expect("a report has verdicts");
        verdicts.iter().find(|v| v["gate"] == gate).unwrap_or_else(|| panic!("no verdict of {gate}\n{}", self.said))
    }

    fn outcome(&self, gate: &str) -> &str {
        self.verdict(gate)["outcome"].as_str().expect("an outcome is text")
    }

    fn metric(&self, gate: &str, name: &str) -> u64 {
        self.verdict(gate)["metrics"][name].as_u64().unwrap_or_else(|| panic!("{gate}: no {name}\n{}", self.said))
    }

    fn reasons(&self, gate: &str) -> String {
        let reasons = self.verdict(gate)["reasons"].as_array().expect("a verdict has reasons");
        reasons.iter().map(|r| r["text"].as_str().expect("a reason is text")).collect::<Vec<_>>().join("\n")
    }

    fn counts(&self) -> Counts {
        let tests = ["tests", "passed", "failed", "errors", "skipped"].map(|name| (name, self.metric("tests", name)));
        let coverage = ["lines_covered", "lines_total", "branches_covered", "branches_total"]
            .map(|name| (name, self.metric("coverage", name)));
        tests.into_iter().chain(coverage).collect()
    }

    /// Stage, gate, outcome, title and metrics of each verdict, less what tells when and how long.
    fn essence(&self) -> Vec<Value> {
        let verdicts = self.report["verdicts"].as_array().expect("a report has verdicts");
        let one = |v: &Value| {
            let title = v["title"].as_str().expect("a title is text");
            let title = title.split(", unchanged since").next().unwrap_or_default();
            let mut metrics = v["metrics"].clone();
            metrics.as_object_mut().expect("metrics have names").remove("seconds");
            json!([v["stage"], v["gate"], v["outcome"], title, metrics])
        };
        verdicts.iter().map(one).collect()
    }
}

type Counts = BTreeMap<&'static str, u64>;

// --- Real projects, zero configuration ---------------------------------------------------------------------------

/// Downloads a source distribution, `NAME==VERSION`, and gives the folder it unpacks to.
fn sdist(pinned: &str, into: &Path) -> PathBuf {
    let name = pinned.split("==").next().unwrap_or_default();
    fs::create_dir_all(into).unwrap();
    let pip = ["python3", "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name, "-d", ".", pinned];
    done(into, &pip);
    let only = |what: &dyn Fn(&Path) -> bool| {
        let found: Vec<PathBuf> = fs::read_dir(into).unwrap().map(|e| e.unwrap().path()).filter(|p| what(p)).collect();
        assert_eq!(found.len(), 1, "{pinned}: {found:?}");
        found[0].clone()
    };
    let archive = only(&|path| path.is_file());
    done(into, &["tar", "xzf", text(&archive)]);
    only(&|path| path.is_dir())
}

/// The root attributes of a JUnit report (`said`), and its cases counted one by one.
const SUM_JUNIT: &str = "
import collections, json, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
names = {'failures': 'failure', 'errors': 'error', 'skipped': 'skipped'}
said = {name: sum(int(s.get(name)) for s in root.iter('testsuite')) for name in ['tests', *names]}
cases = list(root.iter('testcase'))
kinds = collections.Counter(next((n for n, tag in names.items() if c.find(tag) is not None), 'passed') for c in cases)
print(json.dumps({'said': said, 'counted': {'tests': len(cases), **{name: kinds[name] for name in names}}}))
";

/// Whether a suite has subtests: pytest's root attributes count each, though it writes no case for them.
#[derive(Clone, Copy, PartialEq)]
enum Subtests {
    None,
    Some,
}

/// The counts of the project's tests by the natural tools, in an environment of their own: what `needs` names is
/// installed with pip, then `coverage run -m pytest` under the project's own configuration. Versions of pytest and
/// coverage are those that the gate's environment has: which version runs is not what is compared.
fn natural(project: &Path, gate_project: &Path, env: &Path, needs: &[&str], subtests: Subtests) -> Counts {
    let packages = as_json(&gate_project.join("qte-evidence/packages.json"));
    let pinned = ["pytest", "coverage"].map(|name| format!("{name}=={}", packages[name].as_str().expect("installed")));
    done(project, &["python3", "-m", "venv", text(env)]);
    let python = env.join("bin/python");
    let python = text(&python);
    let mut pip = vec![python, "-m", "pip", "install", "-q", pinned[0].as_str(), pinned[1].as_str()];
    pip.extend(needs);
    done(project, &pip);
    let run = [python, "-m", "coverage", "run", "--branch", "-m", "pytest", "--junitxml=natural.xml"];
    let out = clean(project, &run).output().unwrap();
    assert!(
        [Some(0), Some(1)].contains(&out.status.code()),
        "{run:?}\n{}",
        [out.stdout, out.stderr].map(lossy).concat()
    );
    let is_part = |name: OsString| name.to_string_lossy().starts_with(".coverage.");
    if fs::read_dir(project).unwrap().any(|entry| is_part(entry.unwrap().file_name())) {
        done(project, &[python, "-m", "coverage", "combine"]); // `parallel = true`
    }
    done(project, &[python, "-m", "coverage", "json", "-q", "--fail-under=0", "-o", "natural.json"]);
    let totals = as_json(&project.join("natural.json"))["totals"].clone();
    let junit: Value = serde_json::from_str(&done(project, &[python, "-c", SUM_JUNIT, "natural.xml"])).unwrap();
    assert_eq!(junit["said"] == junit["counted"], subtests == Subtests::None, "{junit}");
    let of = |value: &Value, name: &str| value[name].as_u64().unwrap_or_else(|| panic!("{name} of {value}"));
    let [tests, failed, errors, skipped] =
        ["tests", "failures", "errors", "skipped"].map(|name| of(&junit["counted"], name));
    Counts::from([
        ("tests", tests),
        ("passed", tests - failed - errors - skipped),
        ("failed", failed),
        ("errors", errors),
        ("skipped", skipped),
        ("lines_covered", of(&totals, "covered_lines")),
        ("lines_total", of(&totals, "num_statements")),
        ("branches_covered", of(&totals, "covered_branches")),
        ("branches_total", of(&totals, "num_branches")),
    ])
}

/// The gate on a source distribution and the natural tools on another copy of it must count the same.
fn compare(
    pinned: &str,
    needs: &[&str],
    subtests: Subtests,
    uv: Option<&Path>,
    complete: impl Fn(&Path),
) -> (tempfile::TempDir, PathBuf, Run) {
    let folder = temporary();
    let project = sdist(pinned, &folder.path().join("gate"));
    complete(&project);
    let beside = folder.path().join("natural");
    copy(&project, &beside);
    let cache = folder.path().join("cache");
    let run = Gate::new(&project, &cache).with_path(uv).run();
    assert_eq!(run.outcome("install"), "pass", "{}", run.said);
    let expected = natural(&beside, &project, &folder.path().join("env"), needs, subtests);
    eprintln!("{pinned}: {expected:?}");
    assert!(expected["tests"] > 0 && expected["lines_total"] > 0, "{pinned}: {expected:?}");
    assert_eq!(run.counts(), expected, "{pinned}: ours, then the natural tools'\n{}", run.said);
    (folder, project, run)
}

#[test]
fn itsdangerous_without_configuration_is_counted_as_by_its_own_tools() {
    let needs = ["-e", ".", "-r", "requirements/tests.txt"];
    let (_folder, _, run) = compare("itsdangerous==2.2.0", &needs, Subtests::None, Some(&UV), |_| {});
    assert_eq!((run.code, run.outcome("tests"), run.outcome("coverage")), (0, "pass", "pass"), "{}", run.said);
}

/// Its source distributions carry tests since 9.x only, and of these not all that the repository has.
#[test]
fn python_slugify_without_configuration_is_counted_as_by_its_own_tools() {
    let (_folder, _, run) = compare("python-slugify==9.2.0", &["-e", "."], Subtests::Some, Some(&UV), |_| {});
    assert_eq!((run.code, run.outcome("tests"), run.outcome("coverage")), (0, "pass", "pass"), "{}", run.said);
    let reasons = run.reasons("coverage");
    assert!(reasons.contains("80% asked") && reasons.contains("fail_under = 97 in pyproject.toml:"), "{reasons}");
}

/// The source distribution lacks tests/conftest.py, without which its tests have no fixtures; this one stands in.
const RECORDS_CONFTEST: &str = "\
import pytest
import records

@pytest.fixture
def db():
    database = records.Database('sqlite:///:memory:')
    yield database
    database.close()

@pytest.fixture
def foo_table(db):
    db.query('CREATE TABLE foo (a integer)')
    yield
    db.query('DROP TABLE foo')
";

/// Module and tests of records 0.6.0 are, byte for byte, those of the recorded commit, so that its truth holds here.
#[test]
fn records_without_configuration_is_counted_as_by_its_own_tools_and_red_for_its_coverage() {
    let conftest = |project: &Path| write(project, "tests/conftest.py", RECORDS_CONFTEST);
    let needs = ["-r", "requirements.txt"];
    let (folder, project, run) = compare("records==0.6.0", &needs, Subtests::None, None, conftest);
    assert_eq!((run.code, run.outcome("tests"), run.outcome("coverage")), (1, "pass", "fail"), "{}", run.said);
    let truth = &RECORDED[2];
    let run = neutral(&project, &folder.path().join("cache"), folder.path(), truth);
    assert_eq!(run.metric("tests", "passed"), truth.passed, "{}", run.said);
    let reasons = run.reasons("coverage");
    assert!(reasons.contains("179 of 293 lines of records.py"), "{reasons}");
}

// --- Real projects at the recorded commits ------------------------------------------------------------------------

/// A recorded verdict of the corpus (`real/projects.json`): measured with coverage and pytest alone, configured by
/// nothing but `branch = True`.
struct Recorded {
    name: &'static str,
    commit: &'static str,
    source: &'static str,
    tests: &'static str,
    passed: u64,
    lines: (u64, u64),
    branches: (u64, u64),
}

const RECORDED: [Recorded; 3] = [
    Recorded {
        name: "itsdangerous",
        commit: "672971d66a2ef9f85151e53283113f33d642dabd",
        source: "src/itsdangerous",
        tests: "tests",
        passed: 297,
        lines: (417, 429),
        branches: (94, 100),
    },
    Recorded {
        name: "python-slugify",
        commit: "7b6d5d96c1995e6dccb39a19a13ba78d7d0a3ee4",
        source: "slugify",
        tests: "test.py",
        passed: 82,
        lines: (162, 179),
        branches: (66, 74),
    },
    Recorded {
        name: "records",
        commit: "ea4273695cee6da42edf1cb294d1f2a4505470fc",
        source: ".",
        tests: "tests",
        passed: 31,
        lines: (348, 497),
        branches: (53, 92),
    },
];

/// A gate whose test command is the one that the recorded truth was measured with.
fn neutral(project: &Path, cache: &Path, folder: &Path, truth: &Recorded) -> Run {
    write(folder, "neutral.rc", "[run]\nbranch = True\n");
    let rc = folder.join("neutral.rc");
    let script = format!(
        "code=0\n\
         python -m coverage run --rcfile='{rc}' --branch --source={source} -m pytest -q -p no:cacheprovider \
         --junitxml=neutral-junit.xml {tests} || code=$?\n\
         python -m coverage xml -q --rcfile='{rc}' -o neutral-coverage.xml\n\
         exit $code\n",
        rc = text(&rc),
        source = truth.source,
        tests = truth.tests,
    );
    // So that the verdict tells the counts of that file alone.
    let paths = if truth.name == "records" { json!({"records.py": 0}) } else { json!({}) };
    let config = json!({
        "tests": {"run": script, "reports": ["neutral-junit.xml"]},
        "coverage": {"reports": ["neutral-coverage.xml"], "paths": paths},
    });
    write(folder, "neutral.yml", &config.to_string());
    let mut gate = Gate::new(project, cache);
    gate.arguments = vec!["--config".into(), text(&folder.join("neutral.yml")).into()];
    gate.run()
}

#[test]
fn recorded_commits_have_their_recorded_counts() {
    let Some(checkouts) = std::env::var_os("QTE_PROJECTS").map(PathBuf::from) else {
        let names = RECORDED.map(|r| r.name).join(", ");
        return skipped(&format!("QTE_PROJECTS names no folder with checkouts of {names} at the recorded commits"));
    };
    for truth in &RECORDED {
        let checkout = checkouts.join(truth.name);
        let folder = temporary();
        let project = folder.path().join("project");
        done(folder.path(), &["git", "clone", "-q", text(&checkout), text(&project)]);
        let commit = done(&project, &["git", "rev-parse", "HEAD"]);
        assert_eq!(commit.trim(), truth.commit, "{}: not the recorded commit", checkout.display());
        let cache = folder.path().join("cache");
        let run = neutral(&project, &cache, folder.path(), truth);
        let (covered, total) = (run.metric("coverage", "lines_covered"), run.metric("coverage", "lines_total"));
        let branches = (run.metric("coverage", "branches_covered"), run.metric("coverage", "branches_total"));
        eprintln!("{}: {} passed, {covered} of {total} lines, {branches:?}", truth.name, run.metric("tests", "passed"));
        assert_eq!(run.metric("tests", "passed"), truth.passed, "{}", run.said);
        assert_eq!(run.metric("tests", "tests"), truth.passed, "{}", run.said);
        assert_eq!((covered, total), truth.lines, "{}", run.said);
        assert_eq!(branches, truth.branches, "{}", run.said);
        let own = Gate::new(&project, &cache).run();
        assert_eq!(own.metric("tests", "passed"), truth.passed, "zero configuration\n{}", own.said);
    }
}

/// The numbers above are the corpus's; where it lies beside the project, that is looked up.
#[test]
fn the_recorded_counts_are_the_corpus_s() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/real/projects.json");
    if !path.exists() {
        return skipped("the corpus of real projects is not beside the project");
    }
    let projects = as_json(&path)["projects"].clone();
    for truth in &RECORDED {
        let project = &projects[truth.name];
        let coverage = &project["coverage"];
        assert_eq!(project["commit"], truth.commit);
        assert_eq!((&project["SRC"], &project["TESTS"]), (&json!(truth.source), &json!(truth.tests)));
        assert_eq!(project["junit"]["passed"], truth.passed);
        assert_eq!(json!([coverage["covered_statements"], coverage["statements"]]), json!(truth.lines));
        assert_eq!(json!([coverage["covered_branches"], coverage["branches"]]), json!(truth.branches));
    }
    assert_eq!(projects["records"]["coverage"]["per_file"]["records.py"]["covered"], 179);
    assert_eq!(projects["records"]["coverage"]["per_file"]["records.py"]["statements"], 293);
}

// --- The same verdict everywhere ----------------------------------------------------------------------------------

/// Copies a tree without what runs leave in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let left = ["qte-", "__pycache__", ".pytest_cache", ".coverage"].iter().any(|p| name.starts_with(p));
        if left || name == "build" || (name.ends_with(".egg-info") && !path.join("../PKG-INFO").exists()) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(&name));
        } else {
            fs::copy(&path, to.join(&name)).unwrap();
        }
    }
}

fn commit(folder: &Path, message: &str) {
    done(folder, &["git", "add", "--all", "--force"]);
    let who = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
    done(folder, &[&["git"], &who[..], &["commit", "-q", "-m", message]].concat());
}

/// A repository that holds the sample project, and whatever else `add` puts into it.
fn origin(folder: &Path, add: impl Fn(&Path)) -> PathBuf {
    let origin = folder.join("origin");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample"), &origin);
    add(&origin);
    done(&origin, &["git", "init", "-q", "-b", "main"]);
    commit(&origin, "sample");
    origin
}

fn clone(origin: &Path, to: &Path, arguments: &[&str]) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let address = format!("file://{}", text(origin));
    done(to.parent().unwrap(), &[&["git", "clone", "-q"], arguments, &[&address, text(to)]].concat());
}

/// The PATH of all conditions: the system's where its Python can make environments, since that one every user can
/// run; else the caller's.
static CONDITIONS_PATH: LazyLock<OsString> = LazyLock::new(|| {
    let system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let makes = ["python3", "-c", "import ensurepip, venv, pyexpat"];
    if works(clean(Path::new("/"), &makes).env("PATH", system)) {
        return system.into();
    }
    std::env::var_os("PATH").unwrap_or_default()
});

/// A gate on a clone of the sample, under the PATH of all conditions.
fn sample<'a>(project: &'a Path, cache: &'a Path) -> Gate<'a> {
    let mut gate = Gate::new(project, cache);
    gate.env.push(("PATH", CONDITIONS_PATH.clone()));
    gate
}

struct Normal {
    project: PathBuf,
    cache: PathBuf,
    run: Run,
}

/// The sample in a plain clone, as whoever runs these tests: what all conditions are compared with.
static NORMAL: LazyLock<Normal> = LazyLock::new(|| {
    let folder = SHARED.join("normal");
    let (project, cache) = (folder.join("clone"), folder.join("cache"));
    clone(&origin(&folder, |_| {}), &project, &[]);
    let run = sample(&project, &cache).run();
    Normal { project, cache, run }
});

fn assert_as_normal(run: &Run, condition: &str) {
    let normal = &NORMAL.run;
    assert_eq!(run.essence(), normal.essence(), "{condition}, then normally\n{}\n{}", run.said, normal.said);
    assert_eq!(run.code, normal.code, "{condition}: exit code");
}

#[test]
fn the_sample_is_green() {
    let run = &NORMAL.run;
    assert_eq!(run.code, 0, "{}", run.said);
    for gate in ["install", "tests", "coverage"] {
        assert_eq!(run.outcome(gate), "pass", "{}", run.said);
    }
    assert!(run.metric("tests", "passed") > 0 && run.metric("coverage", "lines_covered") > 0, "{}", run.said);
    assert!(run.report["subject"]["base"]["sha"].is_string(), "a clone has a base\n{}", run.said);
}

/// Brings up the loopback of a new network namespace, proves that nothing else is there, and becomes the command.
const ALONE: &str = "
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0x1 | 0x40))
names = {name for _, name in socket.if_nameindex()}
with open('/proc/net/route') as routes:
    assert len(routes.readlines()) <= 1, 'a route leads out'
assert 'lo' in names, names
os.execvp(sys.argv[1], sys.argv[1:])
";

#[test]
fn without_a_network_the_second_run_says_the_same() {
    let how = if is_root() { "-n" } else { "-rn" };
    let prefix = ["unshare", how, "python3", "-c", ALONE];
    if !works(&mut clean(Path::new("/"), &[&prefix[..], &["true"]].concat())) {
        return skipped(&format!("`unshare {how}` is not allowed here: no run without a network"));
    }
    let normal = &*NORMAL;
    let mut gate = sample(&normal.project, &normal.cache);
    gate.prefix = prefix.map(String::from).into();
    let run = gate.run();
    assert_as_normal(&run, "without a network");
    assert!(run.verdict("install")["title"].to_string().contains("unchanged since"), "{}", run.said);
}

/// As `setpriv` starts it: another user without groups and without capabilities.
fn as_nobody(argv: &[&str]) -> Vec<String> {
    let prefix = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
    prefix.iter().chain(argv).map(|s| s.to_string()).collect()
}

fn own(folder: &Path, user: &str) {
    done(folder, &["chown", "-R", &format!("{user}:{user}"), text(folder)]);
}

/// An unprivileged user in a tree of root's (git: "dubious ownership"), then root in a tree of that user's.
#[test]
fn another_user_and_another_users_tree_change_nothing() {
    if !is_root() {
        return skipped("only root can become another user: the run as root and as nobody is missing");
    }
    let makes = as_nobody(&["python3", "-c", "import ensurepip, venv"]);
    let makes: Vec<&str> = makes.iter().map(String::as_str).collect();
    if !works(clean(Path::new("/"), &makes).env("PATH", &*CONDITIONS_PATH)) {
        return skipped("an unprivileged user cannot run this machine's Python");
    }
    let folder = temporary();
    let (project, home) = (folder.path().join("clone"), folder.path().join("home"));
    let cache = home.join("cache");
    clone(&origin(folder.path(), |_| {}), &project, &[]);
    done(&project, &["chmod", "-R", "a+rwX", "."]);
    fs::create_dir(&home).unwrap();
    own(&home, NOBODY);
    let mut gate = sample(&project, &cache);
    gate.prefix = as_nobody(&[]);
    gate.env.extend([("HOME", home.clone().into()), ("TMPDIR", home.clone().into()), ("USER", "nobody".into())]);
    let run = gate.run();
    assert_as_normal(&run, "an unprivileged user in a tree of root's");
    let head = done(&project, &["git", "rev-parse", "HEAD"]);
    assert_eq!(run.report["subject"]["sha"], head.trim(), "git spoke, though the tree is another's\n{}", run.said);
    own(&project, NOBODY);
    let run = sample(&project, &cache).run();
    assert_as_normal(&run, "root in a tree of an unprivileged user");
    assert_eq!(run.report["subject"]["sha"], head.trim(), "git spoke, though the tree is another's\n{}", run.said);
}

#[test]
fn a_path_with_spaces_and_other_letters_changes_nothing() {
    let folder = temporary();
    let odd = folder.path().join("mein Ordner, für 試験 & mehr");
    let (project, cache) = (odd.join("das Projekt"), odd.join("der Cache"));
    clone(&origin(folder.path(), |_| {}), &project, &[]);
    assert_as_normal(&sample(&project, &cache).run(), "a path with spaces and non-ASCII letters");
}

#[test]
fn a_shallow_clone_changes_nothing() {
    let folder = temporary();
    let project = folder.path().join("clone");
    let origin = origin(folder.path(), |_| {});
    write(&origin, "CHANGES.md", "one more commit, so that depth 1 is not all\n");
    commit(&origin, "second");
    clone(&origin, &project, &["--depth", "1"]);
    assert_eq!(done(&project, &["git", "rev-parse", "--is-shallow-repository"]).trim(), "true");
    assert_as_normal(&sample(&project, &folder.path().join("cache")).run(), "a shallow clone");
}

/// Committed by accident, with hundreds of files, tests among them that would fail.
#[test]
fn a_committed_virtual_environment_changes_nothing() {
    let folder = temporary();
    let project = folder.path().join("clone");
    let environment = |origin: &Path| {
        write(origin, ".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.2\n");
        for number in 0..300 {
            let package = format!(".venv/lib/python3.11/site-packages/package_{}", number % 10);
            write(origin, &format!("{package}/module_{number}.py"), "x = 1\nif x > 1:\n    y = 2\n");
            write(origin, &format!("{package}/tests/test_{number}.py"), "def test_it():\n    assert False\n");
            write(origin, &format!("{package}/requirements.txt"), "a-package-that-is-nowhere==9\n");
        }
    };
    clone(&origin(folder.path(), environment), &project, &[]);
    let run = sample(&project, &folder.path().join("cache")).run();
    assert_as_normal(&run, "a committed virtual environment");
    assert!(run.said.contains("left out of file discovery: .venv/"), "{}", run.said);
}

// --- Projects of every shape --------------------------------------------------------------------------------------

/// Six statements, of which `CALC_TESTS` runs five.
const CALC: &str =
    "def add(a, b):\n    return a + b\n\n\ndef sign(x):\n    if x < 0:\n        return -1\n    return 1\n";

/// Six statements, all run. `six` shows that what the project declares is there.
const CALC_TESTS: &str = "import calc\nimport six\n\n\ndef test_add():\n    assert calc.add(1, 2) == 3\n\n\n\
                          def test_sign():\n    assert calc.sign(2) == 1 and six.PY3\n";

/// Seven statements, all run.
const UNITTESTS: &str = "import unittest\n\nimport calc\n\n\nclass Calc(unittest.TestCase):\n    def test_add(self):\n        \
                         self.assertEqual(calc.add(1, 2), 3)\n\n    def test_sign(self):\n        \
                         self.assertEqual(calc.sign(2), 1)\n";

const SETUP: &str = "from setuptools import setup\n\nsetup(name='calc', version='1', py_modules=['calc'], \
                     install_requires=['six'], extras_require={'test': ['pytest']})\n";

/// Writes a project, runs it without configuration, and looks at its counts. `path`: a folder before the PATH.
fn small(files: &[(&str, &str)], path: Option<&Path>, lines: (u64, u64)) -> (tempfile::TempDir, Run) {
    let folder = temporary();
    let project = folder.path().join("calc");
    for (name, content) in files {
        write(&project, name, content);
    }
    let cache = folder.path().join("cache");
    let run = Gate::new(&project, &cache).with_path(path).run();
    assert_eq!(run.code, 0, "{}", run.said);
    assert_eq!((run.outcome("tests"), run.outcome("coverage")), ("pass", "pass"), "{}", run.said);
    assert_eq!((run.metric("tests", "tests"), run.metric("tests", "passed")), (2, 2), "{}", run.said);
    let found = (run.metric("coverage", "lines_covered"), run.metric("coverage", "lines_total"));
    assert_eq!(found, lines, "{}", run.said);
    (folder, run)
}

/// A suite under a name that pytest is told of, since it would not look for it; one of the same name in a virtual
/// environment inside the project (its `src/`, where pip checks out what is installed from a repository) is not.
#[test]
fn a_unittest_suite_without_any_manifest_beside_an_environment() {
    let failing = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.fail()\n";
    let files = [
        ("calc.py", CALC),
        ("tests.py", UNITTESTS),
        ("environment/pyvenv.cfg", "home = /usr/bin\n"),
        ("environment/src/package/tests.py", failing),
    ];
    let (_folder, run) = small(&files, None, (12, 13));
    assert!(["pass", "skipped"].contains(&run.outcome("install")), "{}", run.said);
}

#[test]
fn a_setup_py_alone() {
    let files = [("calc.py", CALC), ("setup.py", SETUP), ("tests/test_calc.py", CALC_TESTS)];
    let (_folder, run) = small(&files, None, (11, 12));
    assert_eq!(run.outcome("install"), "pass", "{}", run.said);
    assert!(run.reasons("install").contains("setup.py"), "{}", run.reasons("install"));
}

#[test]
fn a_requirements_txt_alone_with_uv_on_the_path() {
    let files = [("calc.py", CALC), ("requirements.txt", "six\n"), ("tests/test_calc.py", CALC_TESTS)];
    let (_folder, run) = small(&files, Some(&UV), (11, 12));
    assert_eq!(run.outcome("install"), "pass", "{}", run.said);
    assert!(run.reasons("install").contains("requirements.txt"), "{}", run.reasons("install"));
}

#[test]
fn dependency_groups_with_uv_on_the_path() {
    let pyproject = "[project]\nname = 'calc'\nversion = '1'\n\n[dependency-groups]\n\
                     test = ['pytest', {include-group = 'extra'}]\nextra = ['six']\ndocs = ['a-package-that-is-nowhere']\n";
    let files = [("calc.py", CALC), ("pyproject.toml", pyproject), ("tests/test_calc.py", CALC_TESTS)];
    let (_folder, run) = small(&files, Some(&UV), (11, 12));
    assert_eq!(run.outcome("install"), "pass", "{}", run.said);
}

#[test]
fn dependencies_of_a_tox_ini_alone() {
    let tox = "[tox]\nenvlist = py3\nskipsdist = true\n\n[testenv]\ndeps =\n    pytest\n    six\ncommands = pytest\n";
    let files = [("calc.py", CALC), ("tox.ini", tox), ("tests/test_calc.py", CALC_TESTS)];
    let (_folder, run) = small(&files, None, (11, 12));
    assert_eq!(run.outcome("install"), "pass", "{}", run.said);
    assert!(run.reasons("install").contains("tox.ini"), "{}", run.reasons("install"));
}

/// The lock is written here, since one in the repository would name a registry. The gate has no uv on its PATH.
#[test]
fn a_uv_lock_is_installed_as_locked() {
    let pyproject = "[project]\nname = 'calc'\nversion = '1'\nrequires-python = '>=3.9'\n\n\
                     [dependency-groups]\ndev = ['six==1.16.0']\n";
    let scratch = temporary();
    write(scratch.path(), "pyproject.toml", pyproject);
    done(scratch.path(), &[text(&UV.join("uv")), "lock", "-q"]);
    let lock = fs::read_to_string(scratch.path().join("uv.lock")).unwrap();
    // The lock decides, not the range: 1.17.0 would be allowed by then.
    let loose = pyproject.replace("six==1.16.0", "six");
    let lock = lock.replace("specifier = \"==1.16.0\"", "specifier = \"\"");
    let files = [("calc.py", CALC), ("pyproject.toml", &loose), ("uv.lock", &lock), ("tests/test_calc.py", CALC_TESTS)];
    let (folder, run) = small(&files, None, (11, 12));
    assert_eq!(run.outcome("install"), "pass", "{}", run.said);
    assert!(run.reasons("install").contains("uv.lock"), "{}", run.reasons("install"));
    let packages = as_json(&folder.path().join("calc/qte-evidence/packages.json"));
    assert_eq!(packages["six"], "1.16.0");
}

/// 83.3% of calc.py: red by either threshold of the project, green by ours, and red by one that is given to us.
#[test]
fn thresholds_of_the_project_are_named_and_do_not_judge() {
    let cfg = "[tool:pytest]\naddopts = --cov=calc --cov-fail-under=98\n";
    let files = [
        ("calc.py", CALC),
        ("requirements.txt", "six\npytest-cov\n"),
        ("setup.cfg", cfg),
        (".coveragerc", "[report]\nfail_under = 99\n"),
        ("tests/test_calc.py", CALC_TESTS),
    ];
    let (folder, run) = small(&files, None, (5, 6));
    let named = |run: &Run, wanted: &[&str]| {
        let reasons = run.reasons("coverage");
        for part in wanted {
            assert!(reasons.contains(part), "no `{part}` in\n{reasons}");
        }
    };
    let theirs = ["fail_under = 99 in .coveragerc:2", "98 in setup.cfg:2", "not used"];
    named(&run, &theirs);
    named(&run, &["80% asked (default)"]);
    let (project, cache) = (folder.path().join("calc"), folder.path().join("cache"));
    let mut gate = Gate::new(&project, &cache);
    gate.arguments = vec!["--coverage-threshold".into(), "84".into()];
    let run = gate.run();
    assert_eq!((run.code, run.outcome("tests"), run.outcome("coverage")), (1, "pass", "fail"), "{}", run.said);
    named(&run, &theirs);
    named(&run, &["84% asked (--coverage-threshold)"]);
}
