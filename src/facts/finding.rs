//! One place and one message.

use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Notice,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// The mildest first.
    pub const ALL: [Severity; 5] =
        [Severity::Notice, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    pub const fn id(self) -> &'static str {
        match self {
            Severity::Notice => "notice",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(word: &str) -> Result<Severity, String> {
        Severity::ALL.into_iter().find(|s| s.id() == word.trim()).ok_or_else(|| {
            let known = Severity::ALL.map(Severity::id).join(", ");
            format!("`{word}` is no severity: expected one of {known}")
        })
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

/// A finding of a gate. Lines are 1-based; paths are relative to the project, with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub path: Option<String>,
    pub line: Option<u64>,
    pub end_line: Option<u64>,
    pub severity: Severity,
    pub rule: String,
    pub message: String,
    /// What stands behind the message: a traceback, a tool's own explanation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    pub fingerprint: Option<String>,
    /// Not there on the base; `None` where that is not asked.
    pub new: Option<bool>,
    pub fix: Option<String>,
}

impl Finding {
    pub fn new(rule: &str, severity: Severity, message: impl Into<String>) -> Finding {
        Finding {
            path: None,
            line: None,
            end_line: None,
            severity,
            rule: rule.into(),
            message: message.into(),
            detail: None,
            fingerprint: None,
            new: None,
            fix: None,
        }
    }

    pub fn at(mut self, path: impl Into<String>, line: Option<u64>, end_line: Option<u64>) -> Finding {
        self.path = Some(path.into());
        self.line = line;
        self.end_line = end_line;
        self
    }
}
