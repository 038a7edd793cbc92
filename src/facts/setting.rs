//! A setting's value together with where it came from. Every verdict can say which file set its threshold.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a setting came from, in falling precedence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A flag of the command line (or the action's input of the same name).
    Flag(String),
    /// A file and the 1-based line in it.
    File {
        path: String,
        line: u64,
    },
    /// The configuration file of the base branch, on a pull request that made this setting looser.
    Base {
        path: String,
        line: u64,
    },
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag(name) => write!(f, "{name}"),
            Source::File { path, line } => write!(f, "{path}:{line}"),
            Source::Base { path, line } => write!(f, "{path}:{line} of the base branch"),
            Source::Default => write!(f, "default"),
        }
    }
}

/// A value and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting<T> {
    pub value: T,
    pub source: Source,
}

impl<T> Setting<T> {
    pub fn new(value: T, source: Source) -> Setting<T> {
        Setting { value, source }
    }

    pub fn default(value: T) -> Setting<T> {
        Setting { value, source: Source::Default }
    }
}

/// Does a red verdict of this gate turn the run red?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Enforce {
    /// A verdict that is not green stops the run.
    Block,
    /// The verdict is shown and counts for nothing.
    Advise,
}

impl Enforce {
    pub const fn id(self) -> &'static str {
        match self {
            Enforce::Block => "block",
            Enforce::Advise => "advise",
        }
    }
}

/// Which findings a gate judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judged {
    /// Those that the change brings; known ones are counted.
    New,
    All,
}

impl Judged {
    pub const fn id(self) -> &'static str {
        match self {
            Judged::New => "new",
            Judged::All => "all",
        }
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// For what check runs are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checks {
    #[default]
    Stage,
    Gate,
    Off,
}
