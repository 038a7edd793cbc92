//! Why a report could not be read: a kind, a place and a reason.

use serde::Serialize;

/// The longest message: names and values in it are the file's own, and may be as long as a tag.
pub const MAX_MESSAGE_BYTES: usize = 1024;

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
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES - '…'.len_utf8()));
            message.push('…');
        }
        ReadError { kind, line, message }
    }

    pub fn malformed(line: u64, message: impl Into<String>) -> ReadError {
        ReadError::new(ErrorKind::Malformed, Some(line), message)
    }

    pub fn too_large(line: u64, message: impl Into<String>) -> ReadError {
        ReadError::new(ErrorKind::TooLarge, Some(line), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_bounded_whatever_the_file_says() {
        let error = ReadError::malformed(1, format!("</{}> without a start tag", "é".repeat(MAX_MESSAGE_BYTES)));
        assert!(error.message.len() <= MAX_MESSAGE_BYTES && error.message.ends_with('…'), "{}", error.message);
        assert_eq!(ReadError::malformed(1, "short").message, "short");
    }
}
