//! Child processes: a process group of their own, no secrets, a time limit, nothing left behind.

use super::project::Command;
use crate::facts::evidence::Ending;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

/// What became of a command.
#[derive(Debug)]
pub struct Done {
    pub ending: Ending,
    pub began: SystemTime,
    pub seconds: f64,
    /// Why it could not be started.
    pub refused: Option<String>,
}

/// How long a group has between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);

/// The groups that live now, so that a signal to us ends them too.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Is this variable kept from children? Tokens, and the files by which a step speaks to the runner.
fn is_withheld(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "GITHUB_OUTPUT",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
        "QTE_TOKEN",
        "PYTHONHOME",
        "__PYVENV_LAUNCHER__",
    ];
    NAMES.contains(&name) || ["ACTIONS_", "INPUT_", "QTE_INPUT_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Runs a command to its end, its output into `log`. `tick` is called while it runs.
pub async fn run(command: &Command, log: &Path, timeout_s: u64, tick: &mut dyn FnMut()) -> io::Result<Done> {
    let out = File::create(log)?;
    let began = SystemTime::now();
    let clock = Instant::now();
    let done = |ending, refused| Done { ending, began, seconds: clock.elapsed().as_secs_f64(), refused };
    let Some((program, arguments)) = command.argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an empty command"));
    };
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).current_dir(&command.cwd).process_group(0).kill_on_drop(true);
    child.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_withheld) {
            child.env_remove(name);
        }
    }
    for (name, value) in &command.env {
        match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        };
    }
    let mut child = match child.spawn() {
        Ok(child) => child,
        Err(e) => return Ok(done(Ending::NotStarted, Some(format!("{program}: {e}")))),
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
    let _member = Member::enter(group);
    let deadline = tokio::time::sleep(Duration::from_secs(timeout_s));
    tokio::pin!(deadline);
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let status = loop {
        tokio::select! {
            status = child.wait() => break Some(status?),
            () = &mut deadline => break None,
            _ = beat.tick() => tick(),
        }
    };
    let Some(status) = status else {
        end_group(group, Some(&mut child)).await;
        return Ok(done(Ending::TimedOut { seconds: timeout_s }, None));
    };
    // The command has ended; what it started has no business any more.
    end_group(group, None).await;
    let ending = match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exit(code),
        (None, signal) => Ending::Signal(signal.unwrap_or(0)),
    };
    Ok(done(ending, None))
}

/// Membership in GROUPS for as long as the value lives.
struct Member(i32);

impl Member {
    fn enter(group: i32) -> Member {
        groups().push(group);
        Member(group)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        groups().retain(|g| *g != self.0);
    }
}

fn groups() -> std::sync::MutexGuard<'static, Vec<i32>> {
    GROUPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// SIGTERM, a grace, SIGKILL; then orphans that left the group.
async fn end_group(group: i32, child: Option<&mut tokio::process::Child>) {
    let pid = Pid::from_raw(group);
    if group > 1 && killpg(pid, Signal::SIGTERM).is_ok() {
        let until = Instant::now() + GRACE;
        if let Some(child) = child {
            // A child that is not waited for stays in the group as a zombie.
            tokio::select! {
                _ = child.wait() => {}
                () = tokio::time::sleep(GRACE) => {}
            }
        }
        while killpg(pid, None).is_ok() && Instant::now() < until {
            reap_orphans();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Gone already is what is wanted.
        killpg(pid, Signal::SIGKILL).unwrap_or(());
    }
    end_orphans();
}

/// Ends every group at once; for when we are stopped ourselves.
pub fn end_all() {
    let groups: Vec<i32> = groups().clone();
    let signal = |signal| groups.iter().filter(|g| **g > 1).any(|g| killpg(Pid::from_raw(*g), signal).is_ok());
    if signal(Some(Signal::SIGTERM)) {
        let until = Instant::now() + GRACE;
        while Instant::now() < until && signal(None) {
            reap_orphans();
            std::thread::sleep(Duration::from_millis(10));
        }
        signal(Some(Signal::SIGKILL));
    }
    end_orphans();
}

/// Makes orphaned descendants ours, so that a daemon that a test started is found and ended. Linux only.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(e) = nix::sys::prctl::set_child_subreaper(true) {
        eprintln!("note: processes that tests leave behind cannot be adopted: {e}");
    }
}

/// Children of ours that are no group we run: daemons that left their group.
fn orphans() -> Vec<Pid> {
    let us = std::process::id().to_string();
    let running = groups().clone();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
            // The name stands in parentheses and may hold any character; the parent is the second field behind it.
            let Some((_, rest)) = stat.rsplit_once(')') else { return false };
            let mut fields = rest.split_whitespace().skip(1);
            let (parent, group) = (fields.next(), fields.next().and_then(|g| g.parse().ok()));
            parent == Some(us.as_str()) && !running.contains(pid) && group.is_none_or(|g: i32| !running.contains(&g))
        })
        .map(Pid::from_raw)
        .collect()
}

fn end_orphans() {
    // A killed daemon's own children come to us in turn.
    for _ in 0..50 {
        let found = orphans();
        if found.is_empty() {
            return;
        }
        for pid in &found {
            // Gone already is what is wanted.
            nix::sys::signal::kill(*pid, Signal::SIGKILL).unwrap_or(());
        }
        reap_orphans();
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes the exit of orphans that ended, never that of a group's leader, which is waited for elsewhere.
fn reap_orphans() {
    use nix::sys::wait::{WaitPidFlag, waitpid};
    for pid in orphans() {
        // One that still lives, or is gone already, is as good as taken.
        if waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
            continue;
        }
    }
}
