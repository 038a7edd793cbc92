//! Stages and gates: names and an order. What each asks stands in default.yml.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One step of the CI plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    #[serde(rename = "1A")]
    S1A,
    #[serde(rename = "1B")]
    S1B,
    #[serde(rename = "2A")]
    S2A,
    #[serde(rename = "2B")]
    S2B,
}

impl Stage {
    /// Every stage that this version has gates for, in running order.
    pub const ALL: [Stage; 4] = [Stage::S1A, Stage::S1B, Stage::S2A, Stage::S2B];

    pub const fn id(self) -> &'static str {
        match self {
            Stage::S1A => "1A",
            Stage::S1B => "1B",
            Stage::S2A => "2A",
            Stage::S2B => "2B",
        }
    }

    pub fn gates(self) -> impl Iterator<Item = Gate> {
        Gate::ALL.into_iter().filter(move |g| g.stage() == self)
    }
}

/// One question with its own policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    Install,
    Tests,
    Coverage,
    Security,
    Audit,
    Quality,
    Secrets,
}

impl Gate {
    pub const ALL: [Gate; 7] =
        [Gate::Install, Gate::Tests, Gate::Coverage, Gate::Security, Gate::Audit, Gate::Quality, Gate::Secrets];
    /// Those that judge what scanning tools found: one judge, each with its own policy.
    pub const OF_FINDINGS: [Gate; 4] = [Gate::Security, Gate::Audit, Gate::Quality, Gate::Secrets];

    pub const fn id(self) -> &'static str {
        match self {
            Gate::Install => "install",
            Gate::Tests => "tests",
            Gate::Coverage => "coverage",
            Gate::Security => "security",
            Gate::Audit => "audit",
            Gate::Quality => "quality",
            Gate::Secrets => "secrets",
        }
    }

    pub const fn stage(self) -> Stage {
        match self {
            Gate::Install | Gate::Tests => Stage::S1A,
            Gate::Coverage => Stage::S1B,
            Gate::Security | Gate::Audit => Stage::S2A,
            Gate::Quality | Gate::Secrets => Stage::S2B,
        }
    }
}

/// A name that is not in the table, with the names that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`: this version has {known}")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    known: String,
}

impl FromStr for Stage {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Stage, UnknownName> {
        let wanted = name.trim();
        Stage::ALL.into_iter().find(|s| s.id().eq_ignore_ascii_case(wanted)).ok_or_else(|| UnknownName {
            what: "stage",
            name: wanted.to_string(),
            known: Stage::ALL.map(Stage::id).join(", "),
        })
    }
}

impl FromStr for Gate {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Gate, UnknownName> {
        let wanted = name.trim();
        Gate::ALL.into_iter().find(|g| g.id() == wanted).ok_or_else(|| UnknownName {
            what: "gate",
            name: wanted.to_string(),
            known: Gate::ALL.map(Gate::id).join(", "),
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
