//! Evidence, policy and baseline to a verdict. Pure: one file per gate. Arithmetic at thresholds is exact.

pub mod coverage;
pub mod install;
pub mod tests;

use crate::facts::evidence::Ending;

/// A command that was run for a gate.
#[derive(Clone, Debug)]
pub struct Run {
    /// Index of its evidence.
    pub evidence: usize,
    /// What it was for, in a few words.
    pub what: String,
    pub ending: Ending,
    /// The last lines that it printed.
    pub tail: Vec<String>,
}

/// A file that was read for a gate, or the reason why it is no evidence.
#[derive(Debug)]
pub struct FileRead<T> {
    /// Index of its evidence.
    pub evidence: usize,
    pub path: String,
    pub content: Result<T, String>,
}

/// `1 test`, `2 tests`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
