//! Which lines a change added, by file.

use std::collections::BTreeMap;

/// The added lines of one file: number, and whether it holds code (more than blank or a comment).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedFile {
    lines: Vec<(u32, bool)>,
}

impl ChangedFile {
    pub fn lines(&self) -> impl Iterator<Item = (u32, bool)> + '_ {
        self.lines.iter().copied()
    }

    /// How many added lines hold code.
    pub fn code_lines(&self) -> u64 {
        self.lines.iter().filter(|(_, code)| *code).count() as u64
    }
}

/// The added lines of a change; paths are relative to the project, with `/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    files: BTreeMap<String, ChangedFile>,
}

impl Changes {
    pub fn add(&mut self, path: &str, line: u32, code: bool) {
        match self.files.get_mut(path) {
            Some(file) => file.lines.push((line, code)),
            None => {
                self.files.insert(path.to_string(), ChangedFile { lines: vec![(line, code)] });
            }
        }
    }

    pub fn get(&self, path: &str) -> Option<&ChangedFile> {
        self.files.get(path)
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &ChangedFile)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }
}
