//! Files: digests while reading, what is in the tree, moving aside, writing whole or not at all.

use crate::facts::secret::hide;
use chrono::{DateTime, SecondsFormat, Utc};
use globset::GlobSet;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A reader that digests what passes through it.
pub struct Hashing<R> {
    inner: R,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    pub fn new(inner: R) -> Hashing<R> {
        Hashing { inner, digest: Sha256::new(), bytes: 0 }
    }

    /// Reads what is left, and gives the digest in hex and the number of bytes.
    pub fn finish(mut self) -> io::Result<(String, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        Ok((hex(&self.digest.finalize()), self.bytes))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(out)?;
        self.digest.update(&out[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        write!(out, "{byte:02x}").expect("a String takes all");
        out
    })
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// RFC 3339, UTC, milliseconds.
pub fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes a file whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(bytes)?;
    readable(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

/// As [`write_whole`], for a text that is not held in memory.
pub fn write_pieces(path: &Path, write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> io::Result<()> {
    let out = BufWriter::with_capacity(64 * 1024, beside(path)?);
    let mut pieces = Pieces { out, failed: Ok(()) };
    if write(&mut pieces).is_err() {
        pieces.failed?;
        return Err(io::Error::other("the text could not be made"));
    }
    let file = pieces.out.into_inner().map_err(io::IntoInnerError::into_error)?;
    readable(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

/// A temporary file in the folder of `path`, which is made where there is none.
fn beside(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    tempfile::NamedTempFile::new_in(folder)
}

/// Text on its way into a file. Formatting has no words for what went wrong: it is kept here.
struct Pieces<W: Write> {
    out: BufWriter<W>,
    failed: io::Result<()>,
}

impl<W: Write> fmt::Write for Pieces<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.failed = self.out.write_all(text.as_bytes());
        if self.failed.is_ok() { Ok(()) } else { Err(fmt::Error) }
    }
}

/// The text of a regular file of at most `limit_bytes`; symbolic links are not followed.
pub fn small_text(path: &Path, limit_bytes: u64) -> io::Result<String> {
    let data = fs::symlink_metadata(path)?;
    if !data.is_file() || data.len() > limit_bytes {
        return Err(io::Error::other(format!("{}: no file of at most {limit_bytes} bytes", path.display())));
    }
    let text = String::from_utf8(fs::read(path)?);
    Ok(text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Removes a file that may not be there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Temporary files are private; a report is not.
#[cfg(unix)]
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// A file of JSON lines under way: written beside its place, digested, put there when complete.
pub struct JsonLines {
    out: BufWriter<tempfile::NamedTempFile>,
    digest: Sha256,
    line: Vec<u8>,
    path: PathBuf,
    secrets: Vec<String>,
}

impl JsonLines {
    /// `secrets`: what no line may hold.
    pub fn create(path: &Path, secrets: &[String]) -> io::Result<JsonLines> {
        let out = BufWriter::with_capacity(256 * 1024, beside(path)?);
        Ok(JsonLines {
            out,
            digest: Sha256::new(),
            line: Vec::new(),
            path: path.to_path_buf(),
            secrets: secrets.to_vec(),
        })
    }

    pub fn push(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        if let Some(hidden) = self.secrets.iter().any(|secret| contains(&self.line, secret)).then(|| self.hidden()) {
            self.line = hidden;
        }
        self.line.push(b'\n');
        self.digest.update(&self.line);
        self.out.write_all(&self.line)
    }

    fn hidden(&self) -> Vec<u8> {
        hide(&String::from_utf8_lossy(&self.line), &self.secrets).into_bytes()
    }

    /// Puts the file in its place and gives its digest.
    pub fn finish(self) -> io::Result<String> {
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        readable(file.as_file())?;
        file.persist(&self.path)?;
        Ok(hex(&self.digest.finalize()))
    }
}

fn contains(line: &[u8], secret: &str) -> bool {
    memchr::memmem::find(line, secret.as_bytes()).is_some()
}

/// The folders that no project's own sources are in, wherever they stand.
const SKIPPED: [&str; 6] = [".git", "node_modules", "site-packages", "__pycache__", ".tox", ".nox"];

/// Every file below a folder, relative, with `/`, sorted; for trees without git.
pub fn walk(root: &Path) -> io::Result<Vec<String>> {
    let mut out = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_string) else { continue };
            let path = folder.join(&name);
            let kind = entry.file_type()?;
            if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
                folders.push(path);
            } else if kind.is_file() {
                out.push(slashed(&path));
            }
        }
    }
    out.sort();
    Ok(out)
}

pub fn slashed(path: &Path) -> String {
    path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// An absolute path with `/`.
pub fn slashed_absolute(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/").trim_end_matches('/').to_string()
}

/// A project's files without vendored environments, and the folders that were left out.
pub fn without_vendored(files: Vec<String>) -> (Vec<String>, Vec<String>) {
    let mut vendored: BTreeSet<String> =
        files.iter().filter_map(|f| f.strip_suffix("/pyvenv.cfg")).map(|folder| format!("{folder}/")).collect();
    let inside =
        |path: &str, vendored: &BTreeSet<String>| vendored.iter().any(|folder| path.starts_with(folder.as_str()));
    for file in &files {
        if let Some(at) = SKIPPED.iter().filter_map(|s| segment(file, s)).min()
            && !inside(file, &vendored)
        {
            vendored.insert(file[..at].to_string());
        }
    }
    let own = files.into_iter().filter(|f| !inside(f, &vendored)).collect();
    (own, vendored.into_iter().collect())
}

/// Where the folder `name` ends in a path, with its slash.
fn segment(path: &str, name: &str) -> Option<usize> {
    let mut from = 0;
    for part in path.split('/') {
        if part == name && from + part.len() < path.len() {
            return Some(from + part.len() + 1);
        }
        from += part.len() + 1;
    }
    None
}

/// The files below `root` that patterns name, relative and sorted. A pattern without special characters is a path.
pub fn matching(root: &Path, patterns: &[String], set: &GlobSet) -> io::Result<Vec<String>> {
    let special = |p: &String| p.contains(['*', '?', '[', '{']);
    let mut out = BTreeSet::new();
    for pattern in patterns.iter().filter(|p| !special(p)) {
        let plain = pattern.trim_start_matches("./");
        if root.join(plain).is_file() {
            out.insert(plain.to_string());
        }
    }
    if patterns.iter().any(special) {
        out.extend(walk(root)?.into_iter().filter(|path| set.is_match(path)));
    }
    Ok(out.into_iter().collect())
}

/// Moves files that lie in the way of new ones into a folder, keeping their paths.
pub fn move_aside(root: &Path, paths: &[String], folder: &Path) -> io::Result<()> {
    for path in paths {
        let target = folder.join(path);
        fs::create_dir_all(target.parent().unwrap_or(folder))?;
        let from = root.join(path);
        // Another file system refuses to rename; nothing may be lost then either.
        if fs::rename(&from, &target).is_err() {
            fs::copy(&from, &target)?;
            fs::remove_file(&from)?;
        }
    }
    Ok(())
}

/// The newest change among files, with its path.
pub fn newest(root: &Path, files: &[&str]) -> io::Result<Option<(SystemTime, String)>> {
    let mut newest: Option<(SystemTime, String)> = None;
    for file in files {
        let changed = match fs::symlink_metadata(root.join(file)) {
            Ok(data) => data.modified()?,
            // In the index and not in the work tree: deleted.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        if newest.as_ref().is_none_or(|(time, _)| changed > *time) {
            newest = Some((changed, (*file).to_string()));
        }
    }
    Ok(newest)
}

/// The end of a file, at most so many bytes, and how many stand before it.
pub fn last_bytes(path: &Path, count: u64) -> io::Result<(Vec<u8>, u64)> {
    use std::io::{Seek, SeekFrom};
    let mut file = File::open(path)?;
    let before = file.metadata()?.len().saturating_sub(count);
    file.seek(SeekFrom::Start(before))?;
    let mut bytes = Vec::new();
    file.take(count).read_to_end(&mut bytes)?;
    Ok((bytes, before))
}

/// The last lines of a file, at most `count` and 16 KiB.
pub fn tail(path: &Path, count: usize) -> io::Result<Vec<String>> {
    let (bytes, _) = last_bytes(path, 16 * 1024)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
    Ok(lines[lines.len().saturating_sub(count)..].iter().map(|l| (*l).to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_of_the_whole_file_also_when_only_part_was_read() {
        let mut source = Hashing::new(&b"abcdef"[..]);
        let mut two = [0; 2];
        source.read_exact(&mut two).unwrap();
        // From `printf abcdef | sha256sum`.
        let expected = "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721";
        assert_eq!(source.finish().unwrap(), (expected.to_string(), 6));
    }

    #[test]
    fn a_file_of_pieces_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/page");
        let broken = write_pieces(&path, |out| out.write_str("half").and(Err(fmt::Error)));
        assert!(broken.is_err() && fs::read_dir(path.parent().unwrap()).unwrap().next().is_none());
        write_pieces(&path, |out| (0..3).try_for_each(|n| writeln!(out, "piece {n}"))).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "piece 0\npiece 1\npiece 2\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut pieces = Pieces { out: BufWriter::with_capacity(0, full), failed: Ok(()) };
        assert!(fmt::Write::write_str(&mut pieces, "text").is_err());
        assert_eq!(pieces.failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn vendored_environments_are_left_out_and_named() {
        let files = [
            "a.py",
            ".venv/pyvenv.cfg",
            ".venv/lib/x.py",
            "web/node_modules/y.js",
            "venv.py",
            "lib/site-packages/z.py",
        ];
        let (own, vendored) = without_vendored(files.iter().map(|s| s.to_string()).collect());
        assert_eq!(own, ["a.py", "venv.py"]);
        assert_eq!(vendored, [".venv/", "lib/site-packages/", "web/node_modules/"]);
    }
}
