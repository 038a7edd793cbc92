//! Evidence, policy and baseline to a verdict. Pure: one file per gate. Arithmetic at thresholds is exact.

pub mod benchmarks;
pub mod coverage;
pub mod findings;
pub mod install;
pub mod stats;
pub mod tests;
mod together;
pub mod waivers;

pub use together::together;

use crate::facts::evidence::Ending;
use crate::facts::setting::Enforce;
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Verdict};

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

/// A gate that is not applicable, or not asked for. The part of the reason before the first colon is the title.
fn skipped(gate: Gate, enforce: Enforce, why: &str) -> Verdict {
    let title = why.split(": ").next().unwrap_or(why);
    Verdict::new(gate, enforce, Outcome::Skipped, title).because(why, [])
}
