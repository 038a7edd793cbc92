//! The answer, and each gate with its reasons and the way out.

use super::numbers::{counted, duration, text, thousands};
use crate::facts::report::Report;
use crate::facts::setting::Enforce;
use crate::facts::verdict::{Outcome, Verdict};

/// A title is one line.
const TITLE: usize = 400;
/// A reason or a line of help may hold the last lines of a command.
const PARAGRAPH: usize = 4_000;

/// One gate's verdict.
pub struct Card {
    pub stage: &'static str,
    pub gate: &'static str,
    pub outcome: &'static str,
    /// It counts for nothing.
    pub advice: bool,
    pub title: String,
    pub seconds: Option<String>,
    pub help: Option<HelpLines>,
    pub reasons: Vec<ReasonLine>,
    pub metrics: Vec<(String, String)>,
    /// A link's text, where there are findings.
    pub findings: Option<String>,
}

pub struct HelpLines {
    pub looked_for: String,
    pub found: String,
    pub way_out: String,
}

pub struct ReasonLine {
    pub text: String,
    /// Of the report's evidence; numbers that it does not have are left out.
    pub evidence: Vec<usize>,
}

pub fn cards(report: &Report) -> Vec<Card> {
    report.verdicts.iter().map(|verdict| card(verdict, report)).collect()
}

fn card(verdict: &Verdict, report: &Report) -> Card {
    let reason = |r: &crate::facts::verdict::Reason| ReasonLine {
        text: text(&r.text, PARAGRAPH),
        evidence: r.evidence.iter().copied().filter(|at| *at < report.evidence.len()).collect(),
    };
    Card {
        stage: verdict.stage.id(),
        gate: verdict.gate.id(),
        outcome: verdict.outcome.id(),
        advice: verdict.enforce == Enforce::Advise,
        title: text(&verdict.title, TITLE),
        seconds: report.timings.iter().find(|t| t.what == verdict.gate.id()).map(|t| duration(t.seconds)),
        help: verdict.help.as_ref().map(|help| HelpLines {
            looked_for: text(&help.looked_for, PARAGRAPH),
            found: text(&help.found, PARAGRAPH),
            way_out: text(&help.way_out, PARAGRAPH),
        }),
        reasons: verdict.reasons.iter().map(reason).collect(),
        metrics: verdict.metrics.iter().map(|(name, value)| (name.replace('_', " "), thousands(*value))).collect(),
        findings: (!verdict.findings.is_empty()).then(|| counted(total(verdict), "finding")),
    }
}

/// How many findings a gate made; the report may hold fewer.
pub fn total(verdict: &Verdict) -> u64 {
    verdict.findings_total.max(verdict.findings.len() as u64)
}

/// What the run came to: `Failed: tests. Unmeasured: coverage.`, one part for each outcome that stands in the way.
pub struct Part {
    pub outcome: &'static str,
    pub word: &'static str,
    pub gates: Vec<&'static str>,
}

/// The blocking gates by outcome, the worst first; on a green run those that passed.
pub fn answer(report: &Report) -> Vec<Part> {
    let part = |outcome: Outcome| {
        let blocking = report.verdicts.iter().filter(|v| v.outcome == outcome && v.enforce == Enforce::Block);
        let gates: Vec<&str> = blocking.map(|v| v.gate.id()).collect();
        (!gates.is_empty()).then_some(Part { outcome: outcome.id(), word: word(outcome), gates })
    };
    let red: Vec<Part> =
        [Outcome::Fail, Outcome::Unmeasured, Outcome::Inconclusive].into_iter().filter_map(part).collect();
    match report.outcome {
        Outcome::Pass => part(Outcome::Pass).into_iter().collect(),
        _ => red,
    }
}

/// What a gate of this outcome has done, as the first word of a sentence.
pub fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "Passed",
        Outcome::Fail => "Failed",
        Outcome::Unmeasured => "Unmeasured",
        Outcome::Inconclusive => "Inconclusive",
        Outcome::Skipped => "Skipped",
    }
}
