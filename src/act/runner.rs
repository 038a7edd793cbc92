//! The files by which a step speaks to the runner: they are ours alone until we end, whatever a test wrote into them.

use std::fs;
use std::io;
use std::path::PathBuf;

/// Where the runner takes a step's outputs, its summary and its other words from; `None` outside Actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunnerFiles {
    pub output: Option<PathBuf>,
    pub summary: Option<PathBuf>,
    /// Files for which this program has no words: variables, paths and states for later steps.
    pub others: Vec<PathBuf>,
}

impl RunnerFiles {
    /// Empties every file. The code under test cannot be told their names, but it can look for them in the runner's
    /// folder; nothing that it wrote there may reach a later step.
    pub fn clear(&self) -> io::Result<()> {
        self.output.iter().chain(&self.summary).chain(&self.others).try_for_each(|path| put(path, ""))
    }

    /// The job summary of this step, in place of what stands there.
    pub fn write_summary(&self, markdown: &str) -> io::Result<()> {
        self.summary.as_ref().map_or(Ok(()), |path| put(path, markdown))
    }

    /// The outputs of this step, in place of what stands there.
    pub fn write_outputs(&self, text: &str) -> io::Result<()> {
        self.output.as_ref().map_or(Ok(()), |path| put(path, text))
    }
}

fn put(path: &PathBuf, text: &str) -> io::Result<()> {
    fs::write(path, text).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
