//! The change against the base: which lines it adds.

use super::{GateError, io_error};
use crate::act::files::Hashing;
use crate::act::git::Repository;
use crate::facts::diff::Changes;
use crate::facts::fresh::{Collecting, Fresh};
use crate::facts::report::Base;
use crate::order::Order;
use crate::read;
use std::io::Read;

/// The added lines with the base they are against, or why they are not known.
pub type Found = (Result<Changes, String>, Option<Base>);

pub fn find(order: &Order) -> Result<Found, GateError> {
    let (repository, base) = match (&order.repository, &order.base) {
        (Some(repository), Ok(base)) => (repository, base),
        (_, Err(why)) => return Ok((Err(why.clone()), None)),
        (None, _) => return Ok((Err("there is no git repository".into()), None)),
    };
    let mut changes = None;
    let (said, mut digest) = diff(repository, &base.sha, 0, &mut |source| {
        changes = Some(read::diff::read(source)?);
        Ok(())
    })?;
    let mut changes = match (said, changes) {
        (Ok(()), Some(changes)) => changes,
        (Err(why), _) => return Ok((Err(why), None)),
        (Ok(()), None) => return Ok((Err(format!("git diff {} said nothing", base.sha)), None)),
    };
    add_untracked(order, &mut changes, &mut digest)?;
    Ok((Ok(changes), Some(Base { sha: base.sha.clone(), why: base.why.clone(), diff_sha256: digest })))
}

/// Lines around each change: the neighbours by which a moved line is known again.
const CONTEXT_LINES: u8 = 3;
/// An untracked file beyond this is not looked into.
const MAX_UNTRACKED_BYTES: u64 = 4 * 1024 * 1024;

/// Which lines the change really adds, or why that is not known.
pub fn fresh(order: &Order) -> Result<Result<Fresh, String>, GateError> {
    let (repository, base) = match (&order.repository, &order.base) {
        (Some(repository), Ok(base)) => (repository, base),
        (_, Err(why)) => return Ok(Err(why.clone())),
        (None, _) => return Ok(Err("there is no git repository".into())),
    };
    let mut out = Collecting::default();
    let (said, _) =
        diff(repository, &base.sha, CONTEXT_LINES, &mut |source| read::diff::read_context(source, &mut out))?;
    if let Err(why) = said {
        return Ok(Err(why));
    }
    let untracked = repository.untracked().map_err(io_error("git ls-files"))?;
    let (files, _) = crate::act::files::without_vendored(untracked);
    for path in files.iter().filter(|path| !path.starts_with(super::EVIDENCE_FOLDER)) {
        let whole = order.project.join(path);
        let meta = std::fs::symlink_metadata(&whole).map_err(io_error(path.clone()))?;
        if !meta.is_file() || meta.len() > MAX_UNTRACKED_BYTES {
            continue;
        }
        out.file(path, true);
        let bytes = std::fs::read(whole).map_err(io_error(path.clone()))?;
        let lines = bytes.split_inclusive(|&b| b == b'\n').zip(1u32..);
        lines.for_each(|(line, number)| out.added(number, line));
    }
    Ok(Ok(out.finish()))
}

type ReadDiff<'a> = dyn FnMut(&mut dyn Read) -> Result<(), read::diff::DiffError> + 'a;

/// Has git write a change, gives it to its reader, and says what went wrong; with the digest of what git wrote.
fn diff(
    repository: &Repository,
    base: &str,
    context_lines: u8,
    take: &mut ReadDiff<'_>,
) -> Result<(Result<(), String>, String), GateError> {
    let mut child = repository.diff(base, context_lines).map_err(io_error("git diff"))?;
    let Some(out) = child.stdout.take() else { return Err(GateError::Use("git diff has no output".into())) };
    let mut source = Hashing::new(out);
    let read = take(&mut source);
    let (digest, _) = source.finish().map_err(io_error("git diff"))?;
    let mut said = String::new();
    if let Some(mut errors) = child.stderr.take() {
        errors.read_to_string(&mut said).map_err(io_error("git diff"))?;
    }
    let status = child.wait().map_err(io_error("git diff"))?;
    let done = match (status.success(), read) {
        (false, _) => Err(format!("git diff {base}: {}", said.trim())),
        (true, Err(error)) => Err(format!("git diff {base}: {error}")),
        (true, Ok(())) => Ok(()),
    };
    Ok((done, digest))
}

/// Files that git does not know yet are new as a whole. Their content goes into the digest.
fn add_untracked(order: &Order, changes: &mut Changes, digest: &mut String) -> Result<(), GateError> {
    let Some(repository) = &order.repository else { return Ok(()) };
    let untracked = repository.untracked().map_err(io_error("git ls-files"))?;
    let (files, _) = crate::act::files::without_vendored(untracked);
    for path in files.iter().filter(|p| is_text_source(p)) {
        let whole = order.project.join(path);
        // A symbolic link has no lines of its own, and may lead nowhere.
        if !std::fs::symlink_metadata(&whole).map_err(io_error(path.clone()))?.is_file() {
            continue;
        }
        let bytes = std::fs::read(whole).map_err(io_error(path.clone()))?;
        for (number, line) in bytes.split(|&b| b == b'\n').enumerate() {
            changes.add(path, number as u32 + 1, read::diff::holds_code(path, line));
        }
        *digest =
            crate::act::files::sha256(format!("{digest} {path} {}", crate::act::files::sha256(&bytes)).as_bytes());
    }
    Ok(())
}

fn is_text_source(path: &str) -> bool {
    const ENDINGS: [&str; 16] =
        ["py", "rs", "go", "js", "jsx", "ts", "tsx", "mjs", "cjs", "java", "kt", "rb", "c", "cc", "cpp", "cs"];
    !path.starts_with(super::EVIDENCE_FOLDER) && path.rsplit_once('.').is_some_and(|(_, end)| ENDINGS.contains(&end))
}
