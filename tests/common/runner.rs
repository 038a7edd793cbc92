//! The rig of tests/action.rs: a release made by dist/release.sh, a server of it on loopback that counts what is asked,
//! the installer, and a job that `act` runs offline.

use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the runner needs of the machine that no test is about.
const GIT: [(&str, &str); 2] = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")];

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The target that a release of this machine's binary has.
pub fn target() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "x86_64-unknown-linux-musl",
        ("linux", "aarch64") => "aarch64-unknown-linux-musl",
        ("macos", "x86_64") => "x86_64-apple-darwin",
        ("macos", "aarch64") => "aarch64-apple-darwin",
        other => panic!("nothing is released for {other:?}"),
    }
}

pub fn archive_name() -> String {
    format!("qte-ci-{VERSION}-{}.tar.gz", target())
}

/// Where the binary lies below a tool cache.
pub fn installed_in(cache: &Path) -> PathBuf {
    cache.join("qte-ci").join(VERSION).join(target()).join("qte-ci")
}

/// A folder that goes with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("qte-action-").tempdir().expect("a temporary folder")
}

/// A tool that tests/tools.sh installs, by its path. A missing one is a failure, never a skipped test.
pub fn tool(name: &str) -> PathBuf {
    let tools = std::env::var("QTE_TOOLS").unwrap_or_else(|_| {
        format!("{}/.cache/qte-ci-tools", std::env::var("HOME").expect("HOME or QTE_TOOLS must be set"))
    });
    let path = std::env::var("PATH").expect("PATH");
    let mut folders = vec![Path::new(&tools).join("bin")];
    folders.extend(std::env::split_paths(&path));
    let found = folders.iter().map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: sh tests/tools.sh installs it"))
}

/// Runs a command that must end well; gives what it printed.
#[track_caller]
pub fn done(command: &mut Command) -> String {
    let out = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(out.status.success(), "{command:?}: {}\n{}", out.status, String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("text")
}

/// A release of the binary under test, and a copy of the action whose SHA256SUMS name it.
pub struct Release {
    pub binary: Vec<u8>,
    pub archive: Vec<u8>,
    pub tree: PathBuf,
}

/// Made once for all tests of this wall.
pub fn release() -> &'static Release {
    static RELEASE: OnceLock<Release> = OnceLock::new();
    RELEASE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("action-release");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the release of an earlier run can be removed");
        }
        let tree = copy_action(&folder.join("tree"));
        // Without its debug information the binary is of a released one's size.
        let binary = folder.join("qte-ci");
        done(Command::new("strip").arg("-o").arg(&binary).arg(env!("CARGO_BIN_EXE_qte-ci")));
        let out = make_release(&tree, &folder, &[(target(), &binary)]);
        fs::copy(out.join("SHA256SUMS"), tree.join("dist/SHA256SUMS")).expect("the sums");
        Release {
            binary: fs::read(binary).expect("the binary"),
            archive: fs::read(out.join(archive_name())).expect("the archive"),
            tree,
        }
    })
}

/// `dist/release.sh` of a tree; gives the folder that it names.
pub fn make_release(tree: &Path, out: &Path, binaries: &[(&str, &Path)]) -> PathBuf {
    let mut command = Command::new("sh");
    command.arg(tree.join("dist/release.sh")).arg(out);
    command.args(binaries.iter().map(|(target, path)| format!("{target}={}", path.display())));
    PathBuf::from(done(&mut command).trim_end())
}

/// What a tag of this repository holds for the runner.
pub fn copy_action(to: &Path) -> PathBuf {
    fs::create_dir_all(to.join("dist")).expect("a new folder");
    for file in ["action.yml", "LICENSE", "dist/VERSION", "dist/SHA256SUMS", "dist/install.sh", "dist/release.sh"] {
        fs::write(to.join(file), fs::read(root().join(file)).expect(file)).expect("a new file");
    }
    to.to_path_buf()
}

/// A copy of the released action whose SHA256SUMS are changed.
pub fn with_sums(to: &Path, change: impl Fn(&str) -> String) -> PathBuf {
    let tree = copy_action(to);
    let sums = fs::read_to_string(release().tree.join("dist/SHA256SUMS")).expect("the sums");
    let changed = change(&sums);
    assert_ne!(changed, sums, "the change must be one");
    fs::write(tree.join("dist/SHA256SUMS"), changed).expect("the sums");
    tree
}

/// How a server answers the request for the archive.
#[derive(Clone, Copy)]
pub enum Answer {
    Whole,
    /// The last byte is another one.
    Changed,
    /// Half of it, then the connection closes.
    Cut,
    /// Half of it, declared as the whole.
    Half,
    Broken,
    /// The connection stays open and nothing comes.
    Silent,
}

/// A server on loopback that has the archive at its one address; it lives as long as the test program.
pub struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub fn start(answer: Answer) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let port = listener.local_addr().expect("an address").port();
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, counted) = (stream.expect("a connection"), counted.clone());
                std::thread::spawn(move || serve(stream, answer, &counted));
            }
        });
        Server { port, requests }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A client that went away is the client's affair.
fn serve(mut stream: TcpStream, answer: Answer, requests: &AtomicUsize) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8_lossy(&head).into_owned();
    let asked = head.split(' ').nth(1).unwrap_or("");
    let mut body = release().archive.clone();
    let mut status = "200 OK";
    let mut declared = body.len();
    if asked != format!("/v{VERSION}/{}", archive_name()) {
        (status, body) = ("404 Not Found", Vec::new());
        declared = 0;
    } else {
        match answer {
            Answer::Whole => {}
            Answer::Changed => *body.last_mut().expect("not empty") ^= 1,
            Answer::Cut => body.truncate(declared / 2),
            Answer::Half => {
                body.truncate(declared / 2);
                declared = body.len();
            }
            Answer::Broken => (status, body, declared) = ("503 Service Unavailable", Vec::new(), 0),
            Answer::Silent => return std::thread::sleep(Duration::from_secs(3600)),
        }
    }
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {declared}\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    sent.unwrap_or(());
}

/// A base address where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    format!("http://127.0.0.1:{}", listener.local_addr().expect("an address").port())
}

/// One machine that the installer is run on.
pub struct Machine {
    folder: tempfile::TempDir,
    pub tree: PathBuf,
    env: Vec<(String, String)>,
    shell: Vec<PathBuf>,
}

impl Machine {
    /// With a tool cache and a temporary folder, as a runner has them.
    pub fn new(base: &str) -> Machine {
        let mut machine =
            Machine { folder: folder(), tree: release().tree.clone(), env: Vec::new(), shell: vec!["sh".into()] };
        for (name, folder) in [("RUNNER_TOOL_CACHE", "cache"), ("RUNNER_TEMP", "temp"), ("TMPDIR", "tmp")] {
            fs::create_dir(machine.path(folder)).expect("a new folder");
            let folder = machine.path(folder).display().to_string();
            machine.set(name, &folder);
        }
        machine.set("PATH", &std::env::var("PATH").expect("PATH"));
        machine.set("QTE_DOWNLOAD_BASE_URL", base);
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Machine {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.into(), value.into()));
        self
    }

    pub fn unset(&mut self, name: &str) -> &mut Machine {
        self.env.retain(|(known, _)| known != name);
        self
    }

    /// Where the tool cache keeps the binary.
    pub fn cached(&self) -> PathBuf {
        installed_in(&self.path("cache"))
    }

    /// Every file below the machine's folders, but for what the runner itself keeps.
    pub fn files(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut folders = vec![self.path("cache"), self.path("temp"), self.path("tmp")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    out.push(path.strip_prefix(self.folder.path()).expect("below").display().to_string());
                }
            }
        }
        out
    }

    /// Nothing but busybox on the PATH, and its shell: an Alpine container.
    pub fn only_busybox(&mut self) -> &mut Machine {
        self.shell = vec![tool("busybox"), "sh".into()];
        let bin = busybox_in(&self.path("bin"));
        self.set("PATH", &bin)
    }

    /// A program in front of all others.
    pub fn program(&mut self, name: &str, script: &str) -> &mut Machine {
        let bin = self.path("own");
        fs::create_dir_all(&bin).expect("a new folder");
        done(Command::new("install").args(["-m", "755", "/dev/null"]).arg(bin.join(name)));
        fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).expect("a script");
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("PATH"));
        self.set("PATH", &path)
    }

    pub fn start(&self) -> Child {
        let mut command = Command::new(&self.shell[0]);
        command.args(&self.shell[1..]).arg(self.tree.join("dist/install.sh"));
        command.env_clear().envs(self.env.iter().cloned()).env("GITHUB_OUTPUT", self.path("output"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("a shell")
    }

    pub fn install(&self) -> Installed {
        Installed::of(self.start().wait_with_output().expect("it ends"), &self.path("output"))
    }
}

/// How an installation ended.
pub struct Installed {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    /// What the step's outputs say.
    pub output: String,
}

impl Installed {
    pub fn of(output: Output, file: &Path) -> Installed {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let written = if file.exists() { fs::read_to_string(file).expect("text") } else { String::new() };
        Installed { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr), output: written }
    }

    /// Ended well: the named binary is where the output says, and it is the released one.
    #[track_caller]
    pub fn at(&self, place: &Path) -> &Installed {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        assert_eq!(self.output.lines().last(), Some(format!("binary={}", place.display()).as_str()));
        assert!(fs::read(place).expect("installed") == release().binary, "{} is another binary", place.display());
        let version = done(Command::new(place).arg("--version"));
        assert_eq!(version.trim_end(), format!("qte-ci {VERSION}"));
        self
    }

    /// Refused: says each of these, and names no binary.
    #[track_caller]
    pub fn refused(&self, texts: &[&str]) {
        assert_eq!(self.code, Some(1), "{}{}", self.out, self.err);
        assert_eq!(self.output, "", "a refused installation names no binary");
        assert!(self.err.contains("error: ") && self.err.contains("\n  help: "), "{}", self.err);
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is not said:\n{}", self.err);
        }
    }
}

/// A new folder with every program that busybox is; a PATH.
fn busybox_in(bin: &Path) -> String {
    let busybox = tool("busybox");
    fs::create_dir(bin).expect("a new folder");
    for applet in done(Command::new(&busybox).arg("--list")).lines() {
        symlink(&busybox, bin.join(applet)).expect("a link");
    }
    bin.display().to_string()
}

/// The commit that action.yml pins the uploader at; a stand-in takes its place, which keeps what it is given.
fn uploader() -> String {
    let text = fs::read_to_string(root().join("action.yml")).expect("action.yml");
    let pinned = text.split("uses: actions/upload-artifact@").nth(1).expect("the uploader");
    pinned.split_whitespace().next().expect("a commit").to_string()
}

const STAND_IN: &str = r#"
name: stand-in
description: keeps what it is given
inputs: {name: {description: x}, path: {description: x}, if-no-files-found: {description: x}}
runs:
  using: composite
  steps:
    - shell: sh
      env: {NAME: "${{ inputs.name }}", FILES: "${{ inputs.path }}", MISSING: "${{ inputs.if-no-files-found }}"}
      run: |
        mkdir -p "$KEPT/$NAME"
        echo "$MISSING" >"$KEPT/$NAME/if-no-files-found"
        echo "$FILES" | while IFS= read -r file; do
          if [ -f "$file" ]; then cp "$file" "$KEPT/$NAME/"; fi
        done
"#;

/// A repository whose workflow uses the action as `qte/ci-action@v4`.
pub struct Job {
    folder: tempfile::TempDir,
    path: String,
    pub tree: PathBuf,
}

impl Job {
    /// The gates read what the job's first step writes: two tests, nine lines of ten covered.
    pub fn new() -> Job {
        let path = std::env::var("PATH").expect("PATH");
        let job = Job { folder: folder(), path, tree: release().tree.clone() };
        for folder in ["project/.github/workflows", "home", "kept", "stand-in"] {
            fs::create_dir_all(job.path(folder)).expect("a new folder");
        }
        fs::write(job.path("stand-in/action.yml"), STAND_IN).expect("a new file");
        job.write(
            ".github/qte-ci.yml",
            "stages: [1A, 1B]\ntests: {reports: [junit.xml]}\ncoverage: {reports: [lcov.info]}\n\
             install: {environment: active}\n",
        );
        job.write("a.py", "x = 1\n");
        job.reports("<testcase classname=\"t\" name=\"b\" time=\"1\"/>");
        job
    }

    /// Nothing but busybox on the runner's PATH.
    pub fn only_busybox(mut self) -> Job {
        self.path = busybox_in(&self.path("bin"));
        self
    }

    /// What a second case beside the passing one is.
    pub fn reports(&self, case: &str) {
        let junit =
            format!("<testsuite name=\"s\"><testcase classname=\"t\" name=\"a\" time=\"1\"/>{case}</testsuite>\n");
        fs::write(self.path("junit.xml"), junit).expect("a new file");
        let lines: String = (1..=10).map(|line| format!("DA:{line},{}\n", u8::from(line != 10))).collect();
        fs::write(self.path("lcov.info"), format!("SF:a.py\n{lines}end_of_record\n")).expect("a new file");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path("project").join(name), text).expect("a new file");
    }

    /// The tool cache that act gives the job.
    pub fn cached(&self) -> PathBuf {
        installed_in(&self.path("home/.cache/act/tool_cache"))
    }

    /// JSON is YAML, and quotes whatever the value holds.
    fn workflow(with: &[(&str, &str)]) -> String {
        let with: serde_json::Map<String, Value> =
            with.iter().map(|(name, value)| (name.to_string(), json!(value))).collect();
        format!(
            r#"on: push
defaults: {{run: {{shell: sh}}}}
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - run: cp "$KEPT/../junit.xml" "$KEPT/../lcov.info" .
      - id: qte
        uses: qte/ci-action@v4
        with: {}
      - if: always()
        env: {{OUTPUTS: "${{{{ toJSON(steps.qte.outputs) }}}}", OUTCOME: "${{{{ steps.qte.outcome }}}}"}}
        run: |
          echo "$OUTPUTS" >"$KEPT/../outputs.json"
          echo "$OUTCOME" >"$KEPT/../step"
          ls -A >"$KEPT/../workspace"
          command -v qte-ci >"$KEPT/../on-path" || echo none >"$KEPT/../on-path"
"#,
            Value::Object(with)
        )
    }

    /// Starts the job, offline: no token, and an API that nobody answers at.
    pub fn start(&self, with: &[(&str, &str)]) -> Child {
        self.write(".github/workflows/ci.yml", &Job::workflow(with));
        let project = self.path("project");
        let git = |arguments: &[&str]| {
            let person = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false"];
            done(Command::new("git").current_dir(&project).envs(GIT).args(person).args(arguments));
        };
        git(&["init", "--quiet", "--initial-branch=main"]);
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
        let mut act = Command::new(tool("act"));
        act.env_clear().envs(GIT).current_dir(&project);
        act.env("PATH", &self.path).env("HOME", self.path("home"));
        act.args(["push", "--json", "-P", "ubuntu-latest=-self-hosted"]);
        act.arg("--env").arg(format!("KEPT={}", self.path("kept").display()));
        act.arg("--env").arg(format!("GITHUB_API_URL={}", nobody()));
        act.arg("--local-repository").arg(format!("qte/ci-action@v4={}", self.tree.display()));
        let stand_in = format!("actions/upload-artifact@{}={}", uploader(), self.path("stand-in").display());
        act.arg("--local-repository").arg(stand_in);
        act.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        act.spawn().expect("act can be started")
    }

    pub fn run(&self, with: &[(&str, &str)]) -> Ran {
        self.ended(self.start(with))
    }

    pub fn ended(&self, act: Child) -> Ran {
        let output = act.wait_with_output().expect("act ends");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let events = out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let outputs =
            fs::read_to_string(self.path("outputs.json")).unwrap_or_else(|e| panic!("no outputs: {e}\n{out}"));
        Ran {
            code: output.status.code(),
            events,
            outputs: serde_json::from_str(&outputs).expect("outputs are JSON"),
            step: fs::read_to_string(self.path("step")).expect("the outcome").trim_end().to_string(),
            workspace: fs::read_to_string(self.path("workspace"))
                .expect("a list")
                .lines()
                .map(str::to_string)
                .collect(),
        }
    }

    /// The names of the artifacts that were kept, in order.
    pub fn artifacts(&self) -> Vec<String> {
        names_in(&self.path("kept"))
    }

    /// The names of the files in an artifact, in order.
    pub fn files_of(&self, artifact: &str) -> Vec<String> {
        names_in(&self.path("kept").join(artifact))
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What came of a job.
pub struct Ran {
    pub code: Option<i32>,
    pub events: Vec<Value>,
    /// The action's outputs.
    pub outputs: Value,
    /// The outcome of the action's step.
    pub step: String,
    /// What the workspace's folder holds at the end of the job.
    pub workspace: Vec<String>,
}

impl Ran {
    /// All that was said, one line after another.
    pub fn log(&self) -> String {
        self.events.iter().map(|event| event["msg"].as_str().unwrap_or("").trim_end()).collect::<Vec<_>>().join("\n")
    }

    /// The job summaries, one for each inner step that wrote one.
    pub fn summaries(&self) -> Vec<&str> {
        let summaries = self.events.iter().filter(|event| event["command"] == "summary");
        summaries.map(|event| event["content"].as_str().expect("a text")).collect()
    }
}
