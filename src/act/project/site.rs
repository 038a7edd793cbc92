//! Where a component is: its folder, its files, what it may write to, and how its own files are read.

use super::{Host, ProjectError};
use std::path::{Path, PathBuf};
use toml::Table;

/// A folder to look at: the whole project, or one component of it.
pub struct Site<'a> {
    /// The whole project, absolute.
    pub project: &'a Path,
    /// The component's folder below it, with `/`; empty for the project itself.
    pub folder: String,
    /// The component's files, relative to its folder, with `/`, without vendored folders.
    pub files: Vec<String>,
    /// Folder for reports and logs of this component, inside the project, absolute; it exists when the tests run.
    pub evidence: PathBuf,
    /// Cache folder for environments, absolute.
    pub envs: &'a Path,
    /// The caller's PATH.
    pub path: &'a str,
}

impl Site<'_> {
    /// The component's folder, absolute.
    pub fn root(&self) -> PathBuf {
        if self.folder.is_empty() { self.project.to_path_buf() } else { self.project.join(&self.folder) }
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file == path)
    }

    /// The text of a file of the component, `None` where it has none of that name.
    pub fn text(&self, path: &str) -> Result<Option<String>, ProjectError> {
        if !self.has(path) {
            return Ok(None);
        }
        let bytes = std::fs::read(self.root().join(path)).map_err(|error| ProjectError {
            file: self.shown(path),
            line: None,
            column: None,
            expected: "a readable file".to_string(),
            found: error.to_string(),
            help: "the file was listed as part of the project: restore it, or remove it from git".to_string(),
        })?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// A TOML file of the component, `None` where it has none of that name.
    pub fn toml(&self, path: &str) -> Result<Option<Table>, ProjectError> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        toml::from_str(&text).map(Some).map_err(|error| not_toml(&self.shown(path), &text, &error))
    }

    /// A file of the component as a path of the whole project.
    pub fn shown(&self, path: &str) -> String {
        if self.folder.is_empty() { path.to_string() } else { format!("{}/{path}", self.folder) }
    }

    /// A file in the component's evidence folder, relative to the whole project: a pattern for its reports.
    pub fn report(&self, name: &str) -> String {
        let folder = self.evidence.strip_prefix(self.project).map(crate::act::files::slashed).unwrap_or_default();
        format!("{folder}/{name}")
    }

    /// The program that this name means, by the caller's PATH.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        super::host::on_path(self.path, name, true)
    }
}

/// A file that is not TOML, with the place.
pub fn not_toml(path: &str, text: &str, error: &toml::de::Error) -> ProjectError {
    let (line, column) = error.span().map_or((None, None), |span| place(text, span.start));
    ProjectError {
        file: path.to_string(),
        line,
        column,
        expected: "TOML".to_string(),
        found: error.message().to_string(),
        help: format!("mend {path} at this place"),
    }
}

/// 1-based line and column (in characters) of a byte offset.
fn place(text: &str, offset: usize) -> (Option<u32>, Option<u32>) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (u32::try_from(line).ok(), u32::try_from(column).ok())
}

/// What Python's plans are made from: a site with a look at the host's interpreter.
pub struct Layout<'a> {
    /// The whole project, absolute.
    pub project: &'a Path,
    /// The component's folder, absolute.
    pub root: &'a Path,
    /// Its files, relative and `/`-separated, already without vendored environments.
    pub files: &'a [String],
    /// Folder for reports, inside the project, absolute; it must exist when the tests run.
    pub evidence: &'a Path,
    /// Cache folder for environments, absolute.
    pub envs: &'a Path,
    pub host: &'a Host,
}
