//! The verdicts of one run: the only thing that is published, and what the exit code is a function of.

use super::evidence::Evidence;
use super::setting::{Enforce, Source};
use super::stage::Gate;
use super::tree::Root;
use super::verdict::{Outcome, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema of `qte-report.json`.
pub const SCHEMA: &str = "qte-ci/report/4";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub tool: Tool,
    /// RFC 3339.
    pub now: String,
    pub seconds: f64,
    pub outcome: Outcome,
    pub subject: Subject,
    /// Resolved settings by name, each with its source.
    pub policy: Policy,
    pub policy_sha256: String,
    /// Settings that are looser than on the base branch, each as one sentence.
    pub looser: Vec<String>,
    /// What the project consists of, where it was looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Parts of the project that no gate of this run covers, each as one sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<String>,
    /// Which tool looked at what for the gates that judge findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scans: Vec<Scan>,
    pub verdicts: Vec<Verdict>,
    pub evidence: Vec<Evidence>,
    pub timings: Vec<Timing>,
    pub details: Details,
}

pub type Policy = BTreeMap<String, PolicyValue>;

/// One resolved setting, as text or a structure of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyValue {
    pub value: serde_json::Value,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub version: String,
    pub commit: Option<String>,
}

/// What was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub repository: Option<String>,
    pub sha: Option<String>,
    /// The git tree of the commit; `None` with `dirty` where the work tree differs from it.
    pub tree: Option<String>,
    pub dirty: bool,
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub event: Option<String>,
    pub base: Option<Base>,
}

/// What changed lines and drops are compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    pub sha: String,
    /// How it was chosen.
    pub why: String,
    pub diff_sha256: String,
}

/// A part of the project that is installed and tested by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Empty where it is the only one.
    pub name: String,
    pub ecosystem: String,
    /// Relative to the project, with `/`; empty for the project itself.
    pub folder: String,
    /// Only its dependencies are its own: a configured command tests all components at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub installed_only: bool,
    /// How names in its reports begin that are no paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<Root>,
    /// Why it cannot be installed and tested, and the way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Obstacle>,
    /// Why its coverage cannot be measured, and the way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_coverage: Option<Obstacle>,
    /// Globs that its own coverage configuration leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omit: Vec<String>,
}

/// One tool's look at one part of the project for one gate, or why there was none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    pub gate: Gate,
    /// `ruff`, `web: eslint`; empty for a command of the user's own and for reports of earlier steps.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// That of its component, relative to the project; empty for the project itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// Why there is nothing to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable: Option<String>,
    /// Why the tool did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// It looked at the commits of the change: all that it finds is new.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_commits: bool,
    /// The exit codes by which the tool says that it found something; none for a command that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Vec<i32>>,
    /// Indices of the evidence: the command, and what it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<usize>,
}

impl Scan {
    pub fn new(gate: Gate, name: impl Into<String>, folder: &str) -> Scan {
        Scan {
            gate,
            name: name.into(),
            folder: folder.into(),
            not_applicable: None,
            blocked: None,
            of_commits: false,
            found: None,
            run: None,
            reports: Vec::new(),
        }
    }
}

/// What stands in the way, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obstacle {
    pub found: String,
    pub way_out: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    pub what: String,
    /// Seconds since the start of the run.
    pub start: f64,
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    pub path: String,
    pub sha256: String,
}

/// The outcome of a run: fail, then unmeasured, then inconclusive, over the gates that block.
/// A run in which no blocking gate measured anything is unmeasured.
pub fn outcome(verdicts: &[Verdict]) -> Outcome {
    let blocking = || verdicts.iter().filter(|v| v.enforce == Enforce::Block);
    let worst = blocking().fold(Outcome::Skipped, |worst, v| worst.worse(v.outcome));
    if worst == Outcome::Skipped { Outcome::Unmeasured } else { worst }
}

/// The process exit code of an outcome (design section 6).
pub fn exit_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Pass => 0,
        Outcome::Fail => 1,
        Outcome::Unmeasured | Outcome::Inconclusive | Outcome::Skipped => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(enforce: Enforce, outcome: Outcome) -> Verdict {
        Verdict::new(Gate::Tests, enforce, outcome, "")
    }

    #[test]
    fn a_failure_beats_what_could_not_be_measured() {
        use {Enforce::*, Outcome::*};
        for (verdicts, expected, code) in [
            (vec![(Block, Pass), (Block, Unmeasured), (Block, Fail)], Fail, 1),
            (vec![(Block, Pass), (Block, Unmeasured), (Block, Inconclusive)], Unmeasured, 3),
            (vec![(Block, Pass), (Block, Inconclusive)], Inconclusive, 3),
            (vec![(Block, Pass), (Advise, Fail), (Block, Skipped)], Pass, 0),
            (vec![(Block, Skipped), (Advise, Pass)], Unmeasured, 3),
            (vec![], Unmeasured, 3),
        ] {
            let verdicts: Vec<Verdict> = verdicts.into_iter().map(|(e, o)| verdict(e, o)).collect();
            assert_eq!(outcome(&verdicts), expected);
            assert_eq!(exit_code(expected), code);
        }
    }
}
