//! One command of a gate: run, and noted as evidence with its output.

use super::collect::Collected;
use super::{EVIDENCE_FOLDER, GateError, io_error};
use crate::act::files;
use crate::act::process::{self, Done};
use crate::act::project::Command;
use crate::facts::event::Event;
use crate::facts::evidence::{Evidence, EvidenceKind};
use crate::facts::stage::Gate;
use crate::judge::Run;
use std::fs;
use std::path::Path;

/// Runs one command for a gate, with its output kept as evidence.
pub async fn one_command(
    gate: Gate,
    command: &Command,
    evidence: &Path,
    log: &str,
    timeout_s: u64,
    out: &mut Collected,
    tell: &mut dyn FnMut(Event),
) -> Result<Run, GateError> {
    let path = evidence.join(log);
    let mut last = String::new();
    let done = process::run(command, &path, timeout_s, &mut || {
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
    out.evidence.push(command_evidence(gate, command, &done, &path, log)?);
    Ok(Run { evidence: out.evidence.len() - 1, what: command.what.clone(), ending: done.ending, tail })
}

fn command_evidence(gate: Gate, command: &Command, done: &Done, path: &Path, log: &str) -> Result<Evidence, GateError> {
    let mut item = Evidence::new(EvidenceKind::Command, gate);
    item.argv = command.argv.clone();
    item.tool = Some(command.what.clone());
    done.ending.note(&mut item);
    item.seconds = Some(done.seconds);
    item.written = Some(files::rfc3339(done.began));
    item.path = Some(format!("{EVIDENCE_FOLDER}/{log}"));
    let file = fs::File::open(path).map_err(io_error(path.display().to_string()))?;
    let (sha256, bytes) = files::Hashing::new(file).finish().map_err(io_error(path.display().to_string()))?;
    item.sha256 = Some(sha256);
    item.bytes = Some(bytes);
    Ok(item)
}

pub fn shell(script: &str, cwd: &Path, env: Vec<(String, Option<String>)>, what: String) -> Command {
    Command { argv: vec!["sh".into(), "-c".into(), script.into()], cwd: cwd.to_path_buf(), env, what }
}
