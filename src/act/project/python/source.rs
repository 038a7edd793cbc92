//! Reads the project's own files and keeps which were read, for the key of the environment and for people.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::act::project::site::not_toml;
use crate::act::project::{Layout, ProjectError};

/// The project's files as one reads them: each once, with its digest.
pub struct Source<'a> {
    pub layout: &'a Layout<'a>,
    digests: BTreeMap<String, String>,
}

impl<'a> Source<'a> {
    pub fn new(layout: &'a Layout<'a>) -> Self {
        Source { layout, digests: BTreeMap::new() }
    }

    pub fn has(&self, path: &str) -> bool {
        self.layout.files.iter().any(|file| file == path)
    }

    /// The text of a file of the project, `None` if the project has none of that name. Bytes that are not UTF-8
    /// are replaced: names and versions are ASCII in every format read here.
    pub fn text(&mut self, path: &str) -> Result<Option<String>, ProjectError> {
        Ok(self.bytes(path)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    pub fn toml(&mut self, path: &str) -> Result<Option<toml::Table>, ProjectError> {
        let Some(text) = self.text(path)? else { return Ok(None) };
        toml::from_str(&text).map(Some).map_err(|error| not_toml(path, &text, &error))
    }

    /// Adds a file's content to the digests without keeping it.
    pub fn note(&mut self, path: &str) -> Result<(), ProjectError> {
        self.bytes(path).map(|_| ())
    }

    /// Path and sha256 of all that was read.
    pub fn digests(&self) -> &BTreeMap<String, String> {
        &self.digests
    }

    fn bytes(&mut self, path: &str) -> Result<Option<Vec<u8>>, ProjectError> {
        if !self.has(path) {
            return Ok(None);
        }
        let bytes = std::fs::read(self.layout.root.join(path)).map_err(|error| ProjectError {
            file: path.to_string(),
            line: None,
            column: None,
            expected: "a readable file".to_string(),
            found: error.to_string(),
            help: "the file was listed as part of the project: restore it, or remove it from git".to_string(),
        })?;
        if !self.digests.contains_key(path) {
            self.digests.insert(path.to_string(), hex(&Sha256::digest(&bytes)));
        }
        Ok(Some(bytes))
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
