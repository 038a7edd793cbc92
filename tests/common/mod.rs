//! Shared by the walls: small projects in temporary folders, the real binary run on them, and what it said.
//! One Python environment is made once for all tests, so that only the tests about installing install anything.

// Each wall uses its own part of this.
#![allow(dead_code)]

pub mod browser;
pub mod events;
pub mod github;
pub mod http;
pub mod python;

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

/// Variables that do not reach the binary: what a CI run around these tests says, and what steers the tools.
const WITHHELD: [&str; 11] = [
    "GITHUB_",
    "GH_",
    "ACTIONS_",
    "RUNNER_",
    "INPUT_",
    "QTE_",
    "GIT_",
    "PYTEST_",
    "COVERAGE_",
    "PYTHON",
    "VIRTUAL_ENV",
];

/// A project in a folder of its own, and the environment that qte-ci is run in for it.
pub struct Project {
    folder: tempfile::TempDir,
    /// The project, without symbolic links in its path.
    pub root: PathBuf,
    env: Vec<(String, String)>,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Project {
        let folder = tempfile::Builder::new().prefix("qte-wall-").tempdir().expect("a temporary folder");
        let root = folder.path().canonicalize().expect("it is there").join("project");
        fs::create_dir(&root).expect("a new folder");
        let kept = |name: &String| !WITHHELD.iter().any(|prefix| name.starts_with(prefix));
        let mut env: Vec<(String, String)> = std::env::vars().filter(|(name, _)| kept(name)).collect();
        env.push(("PATH".into(), python::path()));
        env.push(("QTE_CACHE_DIR".into(), folder.path().join("cache").display().to_string()));
        // The user's own git configuration is not under test, nor a repository above the temporary folder.
        env.push(("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()));
        env.push(("GIT_CONFIG_NOSYSTEM".into(), "1".into()));
        env.push(("GIT_CEILING_DIRECTORIES".into(), folder.path().display().to_string()));
        Project { folder, root, env }
    }

    /// A copy of a folder of `tests/fixtures/`.
    pub fn of(fixture: &str) -> Project {
        let project = Project::empty();
        copy(&fixtures().join(fixture), &project.root);
        project
    }

    /// A path beside the project: inside the temporary folder, outside the project.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().expect("it is there").join(name)
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> &Project {
        let whole = self.path(path);
        fs::create_dir_all(whole.parent().expect("below the project")).expect("a new folder");
        fs::write(&whole, text).unwrap_or_else(|e| panic!("{}: {e}", whole.display()));
        self
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    pub fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Changes a file's text; the change must be one.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} does not hold `{from}`:\n{text}");
        self.write(path, text.replacen(from, to, 1));
    }

    /// Sets a file's time to so many seconds ago.
    pub fn age(&self, path: &str, seconds: u64) -> &Project {
        let file = fs::File::options().write(true).open(self.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).expect("times can be set");
        self
    }

    /// The configuration, for tests in the shared environment: nothing is installed.
    pub fn config(&self, text: &str) -> &Project {
        self.write(".github/qte-ci.yml", format!("install: {{environment: active}}\n{text}"))
    }

    /// A variable of the environment that qte-ci is run in.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Project {
        self.env.push((name.into(), value.into()));
        self
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.env.iter().cloned()).current_dir(&self.root).stdin(Stdio::null());
        command
    }

    /// Runs git in the project, which must end well; gives what it printed.
    pub fn git(&self, arguments: &[&str]) -> String {
        let person = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false"];
        let out = self.command("git").args(person).args(arguments).output().expect("git must be there");
        assert!(out.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_string()
    }

    /// Commits everything, making the repository where there is none; gives the commit.
    pub fn commit(&self) -> String {
        if !self.exists(".git") {
            self.git(&["init", "--quiet", "--initial-branch=main"]);
            let own = "/qte-evidence/\n/qte-report*\n__pycache__/\n.coverage\n.pytest_cache/\n";
            self.write(".git/info/exclude", own);
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// A run of the binary that is to be started, in the project's folder.
    pub fn qte_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_qte-ci"));
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        if !self.says_stages(arguments) {
            match arguments.first() {
                Some(&"gate") => drop(command.arg("--stages=1A,1B")),
                Some(&"action") => drop(command.env("QTE_INPUT_STAGES", "1A,1B")),
                _ => {}
            }
        }
        command
    }

    /// Where a test does not say which stages it is about, it is about 1A and 1B: those of 2A and 2B install tools.
    fn says_stages(&self, arguments: &[&str]) -> bool {
        let config = fs::read_to_string(self.path(".github/qte-ci.yml")).unwrap_or_default();
        let input = self.env.iter().any(|(name, value)| match name.as_str() {
            "QTE_INPUT_STAGES" => true,
            "QTE_INPUT_COMMAND" => value != "gate",
            _ => false,
        });
        arguments.iter().any(|argument| argument.starts_with("--stages")) || config.contains("stages:") || input
    }

    /// Runs the binary in the project's folder.
    pub fn qte(&self, arguments: &[&str]) -> Said {
        Said::of(self.qte_command(arguments).output().expect("the binary can be started"))
    }

    /// Runs the gates; what came of it is asked of the report.
    pub fn gate(&self, flags: &[&str]) -> Run {
        let said = self.qte(&[&["gate"], flags].concat());
        let text = fs::read_to_string(self.path("qte-report.json"));
        let text = text.unwrap_or_else(|e| panic!("qte-report.json: {e}\n{said}"));
        Run { report: serde_json::from_str(&text).expect("the report is JSON"), said }
    }
}

/// The folder of the fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.expect("a readable folder");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            // Not `fs::copy`: a fixture's own permissions say nothing.
            fs::write(target, fs::read(entry.path()).expect("a readable fixture")).expect("a new file");
        }
    }
}

/// What the binary printed, and how it ended.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn of(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// Ended with this code, and each of these texts stands in one of its outputs.
    #[track_caller]
    pub fn says(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self}");
        for text in texts {
            assert!(self.out.contains(text) || self.err.contains(text), "`{text}` is not said:\n{self}");
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}\n--- out\n{}\n--- err\n{}", self.code, self.out, self.err)
    }
}

/// One run of the gates.
pub struct Run {
    pub said: Said,
    pub report: Value,
}

impl Run {
    /// The only verdict of a gate.
    #[track_caller]
    pub fn verdict(&self, gate: &str) -> &Value {
        let all = self.report["verdicts"].as_array().expect("verdicts");
        let found: Vec<&Value> = all.iter().filter(|v| v["gate"] == gate).collect();
        assert_eq!(found.len(), 1, "one verdict of {gate}: {all:?}");
        found[0]
    }

    pub fn title(&self, gate: &str) -> &str {
        self.verdict(gate)["title"].as_str().expect("a title")
    }

    #[track_caller]
    pub fn metric(&self, gate: &str, name: &str) -> u64 {
        let metrics = &self.verdict(gate)["metrics"];
        metrics[name].as_u64().unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    /// The texts of a verdict's reasons, one a line.
    pub fn reasons(&self, gate: &str) -> String {
        let reasons = self.verdict(gate)["reasons"].as_array().expect("reasons");
        reasons.iter().map(|r| r["text"].as_str().expect("a text")).collect::<Vec<_>>().join("\n")
    }

    /// The exit code, the outcome of each named gate, and that the run's outcome is the one of that code.
    #[track_caller]
    pub fn ends(&self, code: i32, outcomes: &[(&str, &str)]) -> &Run {
        assert_eq!(self.said.code, Some(code), "{}\n{:#}", self.said, self.report["verdicts"]);
        let whole = &self.report["outcome"];
        let fits = match code {
            0 => whole == "pass",
            1 => whole == "fail",
            _ => whole == "unmeasured",
        };
        assert!(fits, "outcome {whole} with exit {code}");
        for (gate, outcome) in outcomes {
            assert_eq!(self.verdict(gate)["outcome"], *outcome, "{gate}\n{}", self.said);
        }
        self
    }

    /// The title of a gate holds this text.
    #[track_caller]
    pub fn titled(&self, gate: &str, text: &str) -> &Run {
        assert!(self.title(gate).contains(text), "`{text}` is not in the title of {gate}: {}", self.title(gate));
        self
    }

    /// A reason of a gate holds this text.
    #[track_caller]
    pub fn because(&self, gate: &str, text: &str) -> &Run {
        assert!(self.reasons(gate).contains(text), "`{text}` is no reason of {gate}:\n{}", self.reasons(gate));
        self
    }

    /// The evidence of a path.
    #[track_caller]
    pub fn evidence(&self, path: &str) -> &Value {
        let all = self.report["evidence"].as_array().expect("evidence");
        all.iter().find(|e| e["path"] == path).unwrap_or_else(|| panic!("no evidence {path}: {all:?}"))
    }
}
