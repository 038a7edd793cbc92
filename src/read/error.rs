//! Why a report could not be read: a kind, a place and a reason.

use serde::Serialize;

/// The kinds of the `read --json` contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    Empty,
    Malformed,
    Unknown,
    Ambiguous,
    ToolError,
    TooLarge,
}

/// A report that is refused. `line` is 1-based, where a place can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}{message}", .line.map(|l| format!("line {l}: ")).unwrap_or_default())]
pub struct ReadError {
    pub kind: ErrorKind,
    pub line: Option<u64>,
    pub message: String,
}

impl ReadError {
    pub fn new(kind: ErrorKind, line: Option<u64>, message: impl Into<String>) -> ReadError {
        ReadError { kind, line, message: message.into() }
    }

    pub fn malformed(line: u64, message: impl Into<String>) -> ReadError {
        ReadError::new(ErrorKind::Malformed, Some(line), message)
    }

    pub fn too_large(line: u64, message: impl Into<String>) -> ReadError {
        ReadError::new(ErrorKind::TooLarge, Some(line), message)
    }
}
