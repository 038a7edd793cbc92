//! What was measured, with provenance: enough for somebody else to measure it again.

use serde::{Deserialize, Serialize};

/// What kind of thing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    Command,
    File,
    Http,
    Series,
}

/// One piece of evidence. Verdicts cite it by its index in the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// The gate it was gathered for.
    pub gate: super::stage::Gate,
    /// The component that it speaks of, where the project has several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub component: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// Exit code of a command that ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// The signal that ended a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The limit that a command ran into, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Relative to the project, with `/`. For a command: the file that holds its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// RFC 3339 time of a file's last change, of a command's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Why this file is no evidence, where it is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Evidence {
    pub fn new(kind: EvidenceKind, gate: super::stage::Gate) -> Evidence {
        Evidence {
            kind,
            gate,
            component: String::new(),
            argv: Vec::new(),
            exit: None,
            signal: None,
            timeout_s: None,
            seconds: None,
            path: None,
            format: None,
            sha256: None,
            bytes: None,
            written: None,
            tool: None,
            version: None,
            refused: None,
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Exit(i32),
    Signal(i32),
    /// Stopped at its limit.
    TimedOut {
        seconds: u64,
    },
    /// It could not be started at all.
    NotStarted,
}

impl Ending {
    pub fn of(evidence: &Evidence) -> Ending {
        match (evidence.timeout_s, evidence.signal, evidence.exit) {
            (Some(seconds), _, _) => Ending::TimedOut { seconds },
            (None, Some(signal), _) => Ending::Signal(signal),
            (None, None, Some(code)) => Ending::Exit(code),
            (None, None, None) => Ending::NotStarted,
        }
    }

    pub fn note(self, evidence: &mut Evidence) {
        match self {
            Ending::Exit(code) => evidence.exit = Some(code),
            Ending::Signal(signal) => evidence.signal = Some(signal),
            Ending::TimedOut { seconds } => evidence.timeout_s = Some(seconds),
            Ending::NotStarted => {}
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ending::Exit(code) => write!(f, "exit {code}"),
            Ending::Signal(signal) => write!(f, "killed by signal {signal}"),
            Ending::TimedOut { seconds } => write!(f, "stopped at its limit of {seconds} s"),
            Ending::NotStarted => write!(f, "could not be started"),
        }
    }
}
