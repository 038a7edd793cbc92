//! Child processes: no secrets, a time limit, nothing left behind. Each runs under a keeper (see [`super::keep`]).

use super::handoff;
use super::keep;
use super::project::Command;
use crate::facts::evidence::Ending;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
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
}

/// The keepers that live now.
static KEEPERS: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Is this variable kept from children? What the runner and the token are reached by, and what would point a Python at
/// an environment that is not the project's.
fn is_withheld(name: &str) -> bool {
    handoff::is_withheld(name) || ["PYTHONHOME", "__PYVENV_LAUNCHER__"].contains(&name)
}

/// Runs a command to its end, its output into `log`. `tick` is called while it runs.
pub async fn run(command: &Command, log: &Path, timeout_s: u64, tick: &mut dyn FnMut()) -> io::Result<Done> {
    let began = SystemTime::now();
    let clock = Instant::now();
    let done = |ending| Done { ending, began, seconds: clock.elapsed().as_secs_f64() };
    let mut keeper = kept(command, log)?.spawn()?;
    // Its end closes the pipe; so does ours.
    let pipe = keeper.stdin.take();
    let _member = Member::enter(keeper.id().and_then(|id| i32::try_from(id).ok()).unwrap_or(0));
    let deadline = tokio::time::sleep(Duration::from_secs(timeout_s));
    tokio::pin!(deadline);
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let status = loop {
        tokio::select! {
            status = keeper.wait() => break Some(status?),
            () = &mut deadline => break None,
            _ = beat.tick() => tick(),
        }
    };
    drop(pipe);
    let Some(status) = status else {
        // A test can stop even its keeper; what that was to end is ours then.
        if tokio::time::timeout(keep::GRACE + Duration::from_secs(2), keeper.wait()).await.is_err() {
            keeper.kill().await?;
        }
        end_left_behind();
        return Ok(done(Ending::TimedOut { seconds: timeout_s }));
    };
    // A keeper that was killed itself leaves its command to us.
    end_left_behind();
    Ok(done(match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exit(code),
        (None, signal) => Ending::Signal(signal.unwrap_or(0)),
    }))
}

/// The keeper of a command, with what the command may see.
fn kept(command: &Command, log: &Path) -> io::Result<tokio::process::Command> {
    let out = File::create(log)?;
    let mut keeper = tokio::process::Command::new(std::env::current_exe()?);
    keeper.args(["keep", "--"]).args(&command.argv).current_dir(&command.cwd).process_group(0);
    keeper.stdin(Stdio::piped()).stdout(out.try_clone()?).stderr(out);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_withheld) {
            keeper.env_remove(name);
        }
    }
    for (name, value) in &command.env {
        match value {
            Some(value) => keeper.env(name, value),
            None => keeper.env_remove(name),
        };
    }
    Ok(keeper)
}

/// Membership in KEEPERS for as long as the value lives.
struct Member(i32);

impl Member {
    fn enter(keeper: i32) -> Member {
        keepers().push(keeper);
        Member(keeper)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // One that is dropped while it lives is being ended; `end_all` waits for it.
        if waitpid(Pid::from_raw(self.0), Some(WaitPidFlag::WNOHANG)) != Ok(WaitStatus::StillAlive) {
            keepers().retain(|k| *k != self.0);
        }
    }
}

fn keepers() -> std::sync::MutexGuard<'static, Vec<i32>> {
    KEEPERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Ends what a command left; the keepers of others that run beside it go on.
fn end_left_behind() {
    let living = keepers().clone();
    keep::end_orphans(&|pid| living.contains(&pid));
}

/// Waits until every keeper whose pipe was closed has ended its command; for when we are stopped ourselves.
pub fn end_all() {
    let until = Instant::now() + keep::GRACE + Duration::from_secs(2);
    let alive =
        |keeper: &i32| waitpid(Pid::from_raw(*keeper), Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
    while keepers().iter().any(alive) && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    keep::end_orphans(&|_| false);
}
