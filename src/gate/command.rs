//! One command of a gate: run, and noted as evidence with its output.

use super::component::Component;
use super::{EVIDENCE_FOLDER, GateError, io_error};
use crate::act::files;
use crate::act::process::{self, Done};
use crate::act::project::Command;
use crate::facts::event::Event;
use crate::facts::evidence::{Evidence, EvidenceKind};
use crate::facts::stage::Gate;
use crate::judge::Run;
use std::fs;
use std::path::{Path, PathBuf};

/// What a command is run for.
pub struct Task {
    pub gate: Gate,
    pub component: String,
    /// Where its output goes, absolute.
    pub folder: PathBuf,
    pub timeout_s: u64,
}

impl Task {
    pub fn of(gate: Gate, component: &Component, timeout_s: u64) -> Task {
        Task { gate, component: component.name.clone(), folder: component.evidence.clone(), timeout_s }
    }

    /// A file in the task's folder as the report cites it: relative to the project.
    pub fn cited(&self, name: &str) -> String {
        let parts: Vec<String> = self.folder.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let own = parts.iter().rposition(|part| part == EVIDENCE_FOLDER).unwrap_or(parts.len());
        let mut cited = parts[own..].join("/");
        cited.push('/');
        cited.push_str(name);
        cited
    }
}

/// Runs one command for a gate, with its output kept as evidence.
pub async fn one_command(
    task: &Task,
    command: &Command,
    log: &str,
    evidence: &mut Vec<Evidence>,
    tell: &mut dyn FnMut(Event),
) -> Result<Run, GateError> {
    let gate = task.gate;
    let path = task.folder.join(log);
    let mut last = String::new();
    let done = process::run(command, &path, task.timeout_s, &mut || {
        // Only for the eye: a log that cannot be read just now shows nothing new.
        if let Some(line) = files::tail(&path, 1).unwrap_or_default().pop().filter(|line| *line != last) {
            last.clone_from(&line);
            tell(Event::Doing { gate, line });
        }
    })
    .await
    .map_err(io_error(path.display().to_string()))?;
    tell(Event::Output { gate, path: path.clone() });
    let tail = files::tail(&path, 12).map_err(io_error(path.display().to_string()))?;
    evidence.push(command_evidence(task, command, &done, &path, log)?);
    Ok(Run { evidence: evidence.len() - 1, what: command.what.clone(), ending: done.ending, tail })
}

fn command_evidence(
    task: &Task,
    command: &Command,
    done: &Done,
    path: &Path,
    log: &str,
) -> Result<Evidence, GateError> {
    let mut item = Evidence::new(EvidenceKind::Command, task.gate);
    item.component.clone_from(&task.component);
    item.argv = command.argv.clone();
    item.tool = Some(command.what.clone());
    done.ending.note(&mut item);
    item.seconds = Some(done.seconds);
    item.written = Some(files::rfc3339(done.began));
    item.path = Some(task.cited(log));
    let file = fs::File::open(path).map_err(io_error(path.display().to_string()))?;
    let (sha256, bytes) = files::Hashing::new(file).finish().map_err(io_error(path.display().to_string()))?;
    item.sha256 = Some(sha256);
    item.bytes = Some(bytes);
    Ok(item)
}

pub fn shell(script: &str, cwd: &Path, env: Vec<(String, Option<String>)>, what: String) -> Command {
    Command { argv: vec!["sh".into(), "-c".into(), script.into()], cwd: cwd.to_path_buf(), env, what }
}
