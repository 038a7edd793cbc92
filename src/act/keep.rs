//! The keeper: a small process of ours between us and a command. It ends the command with all that the command
//! started when it is told to, and also when we die without a word (SIGKILL, out of memory): the pipe closes either way.

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a group has between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_secs(3);
/// The keeper's own exit code for a command that cannot be started (as shells have it).
pub const NOT_STARTED: i32 = 127;

/// Runs a command to its end and gives its status; ends it early when standard input closes.
pub fn run(argv: &[String]) -> std::io::Result<ExitStatus> {
    adopt_orphans();
    let Some((program, arguments)) = argv.split_first() else {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "an empty command"));
    };
    let mut child = Command::new(program).args(arguments).stdin(Stdio::null()).process_group(0).spawn()?;
    let group = Pid::from_raw(i32::try_from(child.id()).map_err(std::io::Error::other)?);
    std::thread::spawn(move || {
        // Whatever ends the reading, nobody waits for the command any more.
        if std::io::stdin().read(&mut [0]).is_ok() || group.as_raw() > 1 {
            end_group(group);
        }
    });
    let status = child.wait()?;
    // The command has ended; what it started has no business any more.
    end_group(group);
    end_orphans(&|_| false);
    Ok(status)
}

/// The process exit that says the same as a status: the code, or death by the same signal.
pub fn repeat(status: ExitStatus) -> i32 {
    let Some(signal) = status.signal().and_then(|s| Signal::try_from(s).ok()) else {
        return status.code().unwrap_or(1);
    };
    if kill(Pid::this(), signal).is_ok() {
        // An ignored signal comes back here; the shell's convention says it then.
        std::thread::sleep(Duration::from_millis(200));
    }
    128 + signal as i32
}

/// SIGTERM, a grace, SIGKILL.
fn end_group(group: Pid) {
    if killpg(group, Signal::SIGTERM).is_err() {
        return;
    }
    let until = Instant::now() + GRACE;
    while killpg(group, None).is_ok() && Instant::now() < until {
        reap_orphans(group);
        std::thread::sleep(Duration::from_millis(10));
    }
    // Gone already is what is wanted.
    killpg(group, Signal::SIGKILL).unwrap_or(());
}

/// Makes orphaned descendants ours, so that a daemon that a test started is found and ended. Linux only.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(e) = nix::sys::prctl::set_child_subreaper(true) {
        eprintln!("note: processes that tests leave behind cannot be adopted: {e}");
    }
}

/// Our children, as the system lists them.
fn children() -> Vec<Pid> {
    let us = std::process::id().to_string();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let is_child = |pid: &i32| {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        // The name stands in parentheses and may hold any character; the parent is the second field behind it.
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.split_whitespace().nth(1) == Some(us.as_str()))
    };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(is_child).map(Pid::from_raw).collect()
}

/// Ends every child that is left but those that are spared, and what they leave in turn.
pub fn end_orphans(spared: &dyn Fn(i32) -> bool) {
    for _ in 0..200 {
        let mut left = children();
        left.retain(|pid| !spared(pid.as_raw()));
        if left.is_empty() {
            return;
        }
        for pid in left {
            // Gone already is what is wanted.
            kill(pid, Signal::SIGKILL).unwrap_or(());
            reap(pid);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes the exit of adopted processes; never that of the group's leader, which is waited for elsewhere.
fn reap_orphans(leader: Pid) {
    children().into_iter().filter(|pid| *pid != leader).for_each(reap);
}

fn reap(pid: Pid) {
    // One that still lives, or is gone already, is as good as taken.
    if waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_err() {
        std::thread::yield_now();
    }
}
