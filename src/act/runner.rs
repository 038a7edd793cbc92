//! The files by which a step speaks to the runner: they are ours alone until we end, whatever a test made of them.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The most that stands in such a file when we begin, in bytes; the runner itself takes no larger summary.
const KEPT_BYTES: u64 = 1024 * 1024;

/// One of these files, with what earlier commands of the same step wrote into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunnerFile {
    path: PathBuf,
    before: Vec<u8>,
}

/// Where the runner takes a step's outputs, its summary and its other words from; `None` outside Actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunnerFiles {
    pub output: Option<RunnerFile>,
    pub summary: Option<RunnerFile>,
    /// Files for which this program has no words: variables, paths and states for later steps.
    pub others: Vec<RunnerFile>,
}

impl RunnerFile {
    /// Remembers what stands there now; a file that is not there holds nothing.
    pub fn remember(path: PathBuf) -> io::Result<RunnerFile> {
        let mut before = Vec::new();
        match fs::File::open(&path) {
            Ok(file) => file.take(KEPT_BYTES).read_to_end(&mut before).map(|_| ())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(RunnerFile { path, before })
    }

    /// What stood there, and this behind it, in a new file: the one that is there may be a link, a pipe or read-only.
    fn put(&self, text: &str) -> io::Result<()> {
        let make = || {
            open_folder(&self.path)?;
            clear_away(&self.path)?;
            let mut file = OpenOptions::new().write(true).create_new(true).open(&self.path)?;
            file.write_all(&self.before)?;
            file.write_all(text.as_bytes())
        };
        make().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.path.display())))
    }
}

/// Removes whatever has this path; links are not followed.
fn clear_away(path: &Path) -> io::Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the file's folder, or lets its owner write into it again.
fn open_folder(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    fs::create_dir_all(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = fs::metadata(folder)?.permissions();
        if permissions.mode() & 0o300 != 0o300 {
            permissions.set_mode(permissions.mode() | 0o700);
            fs::set_permissions(folder, permissions)?;
        }
    }
    Ok(())
}

impl RunnerFiles {
    /// Gives every file back what stood in it before; every one is tried. The code under test is not told their names,
    /// but it can look for them in the runner's folder; nothing that it wrote there may reach a later step.
    pub fn restore(&self) -> Vec<String> {
        let all = self.output.iter().chain(&self.summary).chain(&self.others);
        all.filter_map(|file| file.put("").err()).map(|error| error.to_string()).collect()
    }

    /// The job summary of this step.
    pub fn write_summary(&self, markdown: &str) -> io::Result<()> {
        self.summary.as_ref().map_or(Ok(()), |file| file.put(markdown))
    }

    /// The outputs of this step.
    pub fn write_outputs(&self, text: &str) -> io::Result<()> {
        self.output.as_ref().map_or(Ok(()), |file| file.put(text))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn whatever_a_test_makes_of_a_file_it_ends_as_ours() {
        let damages: [fn(&Path, &Path); 7] = [
            |path, _| fs::write(path, "outcome=pass\n").unwrap(),
            |path, _| fs::set_permissions(path, fs::Permissions::from_mode(0o444)).unwrap(),
            |path, _| fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o555)).unwrap(),
            |path, _| fs::remove_file(path).unwrap(),
            |path, _| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            |path, other| {
                fs::remove_file(path).unwrap();
                symlink(other, path).unwrap();
            },
            |path, _| {
                fs::remove_file(path).unwrap();
                assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
            },
        ];
        for damage in damages {
            let folder = tempfile::tempdir().unwrap();
            let (path, other) = (folder.path().join("output"), folder.path().join("path"));
            fs::write(&other, "").unwrap();
            fs::write(&path, "mine=1\n").unwrap();
            let file = RunnerFile::remember(path.clone()).unwrap();
            damage(&path, &other);
            let files = RunnerFiles { output: Some(file), ..RunnerFiles::default() };
            assert_eq!(files.restore(), Vec::<String>::new());
            assert_eq!(fs::read_to_string(&path).unwrap(), "mine=1\n");
            files.write_outputs("outcome=fail\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "mine=1\noutcome=fail\n");
            assert_eq!(fs::read_to_string(&other).unwrap(), "", "links are not followed");
        }
    }
}
