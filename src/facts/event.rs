//! What a run tells while it goes on; the outlets turn it into lines.

use super::stage::Gate;
use super::verdict::Verdict;
use std::path::PathBuf;

#[derive(Clone, Debug)]
pub enum Event {
    /// Something worth saying once (what was moved aside, what was left out).
    Note(String),
    /// A gate began; what it does.
    Started { gate: Gate, what: String },
    /// What a running gate does now: its command's latest line.
    Doing { gate: Gate, line: String },
    /// A gate's command ended; its whole output is in this file.
    Output { gate: Gate, path: PathBuf },
    /// The files with the most uncovered lines, and how many files have any.
    Files { worst: Vec<FileRow>, files: usize },
    /// A gate's answer, with the seconds it took.
    Judged(Box<Verdict>, f64),
}

/// One source file for the coverage table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    pub path: String,
    pub covered: u64,
    pub total: u64,
    /// Runs of uncovered lines.
    pub missing: Vec<[u32; 2]>,
}
