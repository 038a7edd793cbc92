//! What a gate says: an outcome, reasons that cite evidence, numbers, findings.

use super::finding::Finding;
use super::setting::Enforce;
use super::stage::{Gate, Stage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Only `Pass` and `Skipped` are green.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Pass,
    Fail,
    /// There is no evidence.
    Unmeasured,
    /// There is evidence and it cannot decide.
    Inconclusive,
    /// Asked for by the configuration, or provably not applicable.
    Skipped,
}

impl Outcome {
    pub const fn id(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Unmeasured => "unmeasured",
            Outcome::Inconclusive => "inconclusive",
            Outcome::Skipped => "skipped",
        }
    }

    pub const fn is_green(self) -> bool {
        matches!(self, Outcome::Pass | Outcome::Skipped)
    }

    /// The worse of two, for parts of one gate.
    pub fn worse(self, other: Outcome) -> Outcome {
        let rank = |o: Outcome| match o {
            Outcome::Skipped => 0,
            Outcome::Pass => 1,
            Outcome::Inconclusive => 2,
            Outcome::Unmeasured => 3,
            Outcome::Fail => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// One sentence and the evidence behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub text: String,
    /// Indices into the report's evidence.
    pub evidence: Vec<usize>,
}

/// Numbers by name; integers, so that they can be compared exactly.
pub type Metrics = BTreeMap<String, u64>;

/// The answer of one gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub stage: Stage,
    pub gate: Gate,
    pub enforce: Enforce,
    pub outcome: Outcome,
    pub title: String,
    pub reasons: Vec<Reason>,
    pub metrics: Metrics,
    /// The worst of them; `findings_total` says how many there are.
    pub findings: Vec<Finding>,
    #[serde(default)]
    pub findings_total: u64,
    /// What was looked for, what was found, and the way out; where the outcome is not green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<Help>,
}

/// The three lines under an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Help {
    pub looked_for: String,
    pub found: String,
    pub way_out: String,
}

impl Verdict {
    pub fn new(gate: Gate, enforce: Enforce, outcome: Outcome, title: impl Into<String>) -> Verdict {
        Verdict {
            stage: gate.stage(),
            gate,
            enforce,
            outcome,
            title: title.into(),
            reasons: Vec::new(),
            metrics: Metrics::new(),
            findings: Vec::new(),
            findings_total: 0,
            help: None,
        }
    }

    pub fn because(mut self, text: impl Into<String>, evidence: impl IntoIterator<Item = usize>) -> Verdict {
        self.reasons.push(Reason { text: text.into(), evidence: evidence.into_iter().collect() });
        self
    }

    pub fn help(
        mut self,
        looked_for: impl Into<String>,
        found: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Verdict {
        self.help = Some(Help { looked_for: looked_for.into(), found: found.into(), way_out: way_out.into() });
        self
    }
}
