//! Git, by its own program: what is tracked, what changed, what the base branch says.
//! Hooks, pagers and the repository's own helper programs are switched off: the repository is not trusted.

use super::files::slashed;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository as seen from a project folder in it.
#[derive(Debug, Clone)]
pub struct Repository {
    project: PathBuf,
    /// From the top of the repository to the project, with a trailing `/`, or empty.
    pub prefix: String,
    pub head: Option<String>,
    pub tree: Option<String>,
    pub shallow: bool,
}

/// The commit that changes are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseCommit {
    pub sha: String,
    pub why: String,
}

/// One hunk of a change without context: lines removed, and where how many were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hunk {
    pub removed: u64,
    /// The first added line; the line before the place where there is none.
    pub start: u64,
    pub added: u64,
}

/// `@@ -a,b +c,d @@`
fn hunk(line: &str) -> Option<Hunk> {
    let (old, new) = line.strip_prefix("@@ -")?.split(" @@").next()?.split_once(" +")?;
    let pair = |side: &str| -> Option<(u64, u64)> {
        let (start, count) = side.split_once(',').unwrap_or((side, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((_, removed), (start, added)) = (pair(old)?, pair(new)?);
    Some(Hunk { removed, start, added })
}

fn command(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder);
    // A checkout that belongs to another user is ordinary in containers; its programs are not run (see below).
    for setting in [
        "safe.directory=*",
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "core.quotePath=true",
        "diff.external=",
    ] {
        git.args(["-c", setting]);
    }
    git.env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE");
    git.stdin(Stdio::null());
    git
}

/// Output of a git command that ended well; `None` where git says no.
fn ask(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let out = command(folder).args(arguments).stderr(Stdio::null()).output().ok()?;
    out.status.success().then_some(out.stdout)
}

fn line(folder: &Path, arguments: &[&str]) -> Option<String> {
    let out = ask(folder, arguments)?;
    let text = String::from_utf8_lossy(&out).trim().to_string();
    (!text.is_empty()).then_some(text)
}

/// The repository around a project; `None` where there is none, or no git.
pub fn open(project: &Path) -> Option<Repository> {
    let out = ask(project, &["rev-parse", "--is-shallow-repository", "--show-prefix"])?;
    let text = String::from_utf8_lossy(&out).into_owned();
    let mut lines = text.lines();
    let shallow = lines.next() == Some("true");
    let prefix = lines.next().unwrap_or_default().to_string();
    // Without a commit git says no.
    let two = line(project, &["rev-parse", "HEAD", "HEAD^{tree}"]).unwrap_or_default();
    let mut shas = two.lines().map(str::to_string);
    Some(Repository { project: project.to_path_buf(), prefix, head: shas.next(), tree: shas.next(), shallow })
}

impl Repository {
    /// Tracked files of the project, relative, with `/`.
    pub fn tracked(&self) -> io::Result<Vec<String>> {
        self.list(&["ls-files", "-z", "--cached"])
    }

    /// Files that are neither tracked nor ignored.
    pub fn untracked(&self) -> io::Result<Vec<String>> {
        self.list(&["ls-files", "-z", "--others", "--exclude-standard"])
    }

    fn list(&self, arguments: &[&str]) -> io::Result<Vec<String>> {
        let out = ask(&self.project, arguments)
            .ok_or_else(|| io::Error::other(format!("git {} failed", arguments.join(" "))))?;
        Ok(out
            .split(|&b| b == 0)
            .filter(|name| !name.is_empty())
            .map(|name| slashed(Path::new(&*String::from_utf8_lossy(name))))
            .collect())
    }

    /// Does the work tree differ from HEAD in what git tracks? Also lets git note in its index which files it has
    /// looked at, as a `git status` by hand does: the questions behind this one are then cheap.
    pub fn is_dirty(&self) -> bool {
        let mut git = command(&self.project);
        git.env_remove("GIT_OPTIONAL_LOCKS").args(["status", "--porcelain", "--untracked-files=no", "--no-renames"]);
        let said = git.stderr(Stdio::null()).output();
        said.map_or(true, |out| !out.status.success() || !out.stdout.is_empty())
    }

    pub fn origin(&self) -> Option<String> {
        line(&self.project, &["config", "--get", "remote.origin.url"])
    }

    pub fn branch(&self) -> Option<String> {
        line(&self.project, &["symbolic-ref", "--quiet", "HEAD"])
    }

    fn commit(&self, revision: &str) -> Option<String> {
        line(
            &self.project,
            &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")],
        )
    }

    /// The base by a revision that somebody named: its merge base with HEAD.
    pub fn base_of(&self, revision: &str, why: &str) -> Result<BaseCommit, String> {
        let Some(commit) = self.commit(revision) else {
            let deep = if self.shallow { " (the clone is shallow: fetch with `fetch-depth: 0`)" } else { "" };
            return Err(format!("`{revision}` is not in this clone{deep}"));
        };
        match line(&self.project, &["merge-base", "HEAD", &commit]) {
            Some(sha) => Ok(BaseCommit { sha, why: why.to_string() }),
            None if self.shallow => Err(format!(
                "the clone is shallow and holds no common ancestor with `{revision}`: fetch with `fetch-depth: 0`"
            )),
            None => Err(format!("`{revision}` and HEAD have no common ancestor")),
        }
    }

    /// The base that a CI event names. A shallow clone, as CI makes them, does not hold it: where HEAD's own commit
    /// says that it is a parent, it is fetched alone, and no history is needed to know the change.
    pub fn base_of_event(&self, sha: &str, why: &str) -> Result<BaseCommit, String> {
        let is_hex = sha.len() >= 40 && sha.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            return Err(format!("the event names no commit: `{sha}`"));
        }
        match self.base_of(sha, why) {
            Err(error) if self.shallow => {
                let fetch = ["fetch", "--quiet", "--no-tags", "--depth=1", "origin", sha];
                let there =
                    self.is_parent_of_head(sha) && (self.commit(sha).is_some() || ask(&self.project, &fetch).is_some());
                let why = format!("{why}, a parent of HEAD");
                if there { Ok(BaseCommit { sha: sha.to_string(), why }) } else { Err(error) }
            }
            other => other,
        }
    }

    /// By the commit's own text, which a shallow clone has whole.
    fn is_parent_of_head(&self, sha: &str) -> bool {
        let Some(text) = ask(&self.project, &["cat-file", "commit", "HEAD"]) else { return false };
        let head = String::from_utf8_lossy(&text).into_owned();
        head.lines().take_while(|line| !line.is_empty()).any(|line| line.strip_prefix("parent ") == Some(sha))
    }

    /// The base of a laptop's branch: where it left the remote's default branch.
    pub fn base_of_branch(&self) -> Result<BaseCommit, String> {
        let default = line(&self.project, &["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"]);
        let candidates = default.into_iter().chain(["origin/main".to_string(), "origin/master".to_string()]);
        for name in candidates {
            if self.commit(&name).is_some() {
                return self.base_of(&name, &format!("merge base with {name}"));
            }
        }
        Err("there is no base (no remote's default branch in this clone; name one with --base)".into())
    }

    /// The change from a commit to the work tree, for the project only, as a diff with so many lines around each.
    pub fn diff(&self, base: &str, context_lines: u8) -> io::Result<std::process::Child> {
        let mut git = command(&self.project);
        git.args([
            "diff",
            &format!("--unified={context_lines}"),
            "-M",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-prefix",
            "--relative",
        ]);
        git.args(["--end-of-options", base, "--", "."]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }

    /// Is this commit here? It is fetched alone where it is not.
    pub fn fetch_commit(&self, sha: &str) -> bool {
        let is_hex = sha.len() >= 40 && sha.bytes().all(|b| b.is_ascii_hexdigit());
        let fetch = ["fetch", "--quiet", "--no-tags", "--depth=1", "origin", sha];
        is_hex && (self.commit(sha).is_some() || ask(&self.project, &fetch).is_some())
    }

    /// What HEAD changes compared with a commit, by file of the project; `None` where git cannot say.
    pub fn hunks(&self, commit: &str) -> Option<BTreeMap<String, Vec<Hunk>>> {
        let diff = [
            "-c",
            "core.quotePath=false",
            "diff",
            "--unified=0",
            "--no-renames",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
        ];
        let of = ["--no-prefix", "--relative", "--end-of-options", commit, "HEAD", "--", "."];
        let out = ask(&self.project, &[&diff[..], &of[..]].concat())?;
        let (mut all, mut path) = (BTreeMap::<String, Vec<Hunk>>::new(), None);
        // A line of a file can look like a header.
        let mut of_the_file = 0;
        for line in String::from_utf8_lossy(&out).lines() {
            if of_the_file > 0 && line.starts_with(['+', '-']) {
                of_the_file -= 1;
            } else if let Some(name) = line.strip_prefix("+++ ") {
                path = Some(name.trim_end_matches('\t').to_string());
            } else if let (Some(path), true) = (&path, line.starts_with("@@ ")) {
                let hunk = hunk(line)?;
                of_the_file = hunk.removed + hunk.added;
                all.entry(path.clone()).or_default().push(hunk);
            }
        }
        Some(all)
    }

    /// A file of the project as it is in a commit.
    pub fn show(&self, commit: &str, path: &str) -> Option<String> {
        let object = format!("{commit}:{}{path}", self.prefix);
        let out = ask(&self.project, &["cat-file", "blob", &object])?;
        String::from_utf8(out).ok()
    }
}
