//! A check run: one stage's verdict, or one gate's, as GitHub shows it beside a commit.

use super::clean;
use super::covered;
use super::sections::{self, Scope};
use super::words;
use crate::facts::report::Report;
use crate::facts::setting::Enforce;
use crate::facts::stage::{Gate, Stage};
use crate::facts::verdict::{Outcome, Verdict};
use crate::facts::view::View;

/// The most of `summary` and of `text`, in bytes; GitHub's schema counts characters, its server bytes.
pub const OUTPUT_BYTES: usize = 65_535;
/// The most of a title, in bytes.
pub const TITLE_BYTES: usize = 255;

const TRACEBACK_BYTES: usize = 3 * 1024;

/// How a check run ended. GitHub merges past `success`, `neutral` and `skipped`, so nothing that is unmeasured may end in
/// one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    Success,
    Failure,
    Neutral,
}

impl Conclusion {
    /// Does GitHub merge past it?
    pub const fn is_green(self) -> bool {
        matches!(self, Conclusion::Success | Conclusion::Neutral)
    }

    pub const fn id(self) -> &'static str {
        match self {
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
            Conclusion::Neutral => "neutral",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckRun {
    pub name: String,
    pub title: String,
    /// Markdown; the first line of a red one says what to do.
    pub summary: String,
    /// Markdown.
    pub text: String,
    pub conclusion: Conclusion,
}

/// `qte / 1A tests`: fixed, so that branches can require it.
pub fn name_of_stage(stage: Stage) -> String {
    let known_for = match stage {
        Stage::S1A => "tests",
        Stage::S1B => "coverage",
        Stage::S2A => "security",
        Stage::S2B => "quality",
    };
    format!("qte / {stage} {known_for}")
}

/// `qte / 1A install`. The gate that a stage is known for has the stage's own name: a branch that requires it goes on
/// when `checks` changes from `stage` to `gate`.
pub fn name_of_gate(gate: Gate) -> String {
    format!("qte / {} {gate}", gate.stage())
}

pub fn for_stage(report: &Report, view: &View, stage: Stage) -> CheckRun {
    let verdicts = report.verdicts.iter().filter(|v| v.stage == stage).collect();
    check_run(report, view, name_of_stage(stage), verdicts)
}

pub fn for_gate(report: &Report, view: &View, gate: Gate) -> CheckRun {
    let verdicts = report.verdicts.iter().filter(|v| v.gate == gate).collect();
    check_run(report, view, name_of_gate(gate), verdicts)
}

fn check_run(report: &Report, view: &View, name: String, verdicts: Vec<&Verdict>) -> CheckRun {
    let scope = Scope { report, view, verdicts, traceback_bytes: TRACEBACK_BYTES };
    let conclusion = conclude(&scope.verdicts, report);
    let share = |parts: usize| OUTPUT_BYTES / 100 * parts;
    let first = first_line(&scope.verdicts, conclusion, report);
    let summary = [
        format!("{first}\n\n"),
        sections::looser(report, share(20)),
        sections::verdicts(&scope, share(20)),
        sections::subject(report, share(10)),
        sections::why(&scope, share(40)),
    ];
    let tail = [
        sections::findings(&scope, share(25)),
        sections::flaky_tests(&scope, share(5)),
        covered::tables(&scope, share(25)),
        sections::evidence(&scope, share(15)),
    ]
    .concat();
    let text = sections::failing_tests(&scope, OUTPUT_BYTES - tail.len()) + &tail;
    CheckRun { name, title: title(&scope.verdicts), summary: summary.concat(), text, conclusion }
}

/// Failure where a blocking gate is not green, where there is no verdict, and where the whole run measured nothing that
/// blocks: a gate may be skipped beside others that were measured, and never instead of all of them.
fn conclude(verdicts: &[&Verdict], report: &Report) -> Conclusion {
    if verdicts.is_empty() || verdicts.iter().any(|v| words::stops(v)) || !measured(report) {
        return Conclusion::Failure;
    }
    let passed = |enforce| verdicts.iter().any(|v| v.enforce == enforce && v.outcome == Outcome::Pass);
    let advised = verdicts.iter().any(|v| !v.outcome.is_green());
    // Where no gate blocks, red advice is neither green nor red.
    if passed(Enforce::Block) || (passed(Enforce::Advise) && !advised) {
        Conclusion::Success
    } else {
        Conclusion::Neutral
    }
}

/// Did any gate that blocks measure anything?
fn measured(report: &Report) -> bool {
    let seen = |v: &Verdict| !matches!(v.outcome, Outcome::Skipped | Outcome::Unmeasured);
    report.verdicts.iter().any(|v| v.enforce == Enforce::Block && seen(v))
}

/// What is red first, with the gate's name before its own title; then advice; then what is green.
fn title(verdicts: &[&Verdict]) -> String {
    let mut ordered = verdicts.to_vec();
    ordered.sort_by_key(|v| (!words::stops(v), v.outcome.is_green(), v.outcome == Outcome::Skipped));
    let one = |v: &&Verdict| {
        let stated = match v.outcome {
            Outcome::Pass | Outcome::Fail => String::new(),
            _ => format!(" {}", v.outcome.id()),
        };
        let advice = if v.enforce == Enforce::Advise && !v.outcome.is_green() { " (advice)" } else { "" };
        format!("{}{stated}{advice}: {}", capital(v.gate.id()), clean::line(&v.title, TITLE_BYTES))
    };
    match ordered.iter().map(one).collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => "Not run: there is no verdict".into(),
        some => clean::cut_bytes(&some, TITLE_BYTES),
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// The first line of a check that is not green says what to do.
fn first_line(verdicts: &[&Verdict], conclusion: Conclusion, report: &Report) -> String {
    let red: Vec<_> = verdicts.iter().filter(|v| !v.outcome.is_green()).collect();
    let to_do = red.iter().find(|v| words::stops(v)).or(red.first());
    match (conclusion, to_do) {
        (_, Some(verdict)) => format!("**What to do:** {}", sections::what_to_do(verdict)),
        (Conclusion::Failure, None) if verdicts.is_empty() => {
            "**What to do:** let this run have the stage: without a verdict nothing is known.".into()
        }
        (Conclusion::Failure, None) => {
            "**What to do:** let one gate that blocks measure something: every one of this run was skipped.".into()
        }
        (Conclusion::Neutral, None) => "Nothing here applies to this project, or the configuration left it out.".into(),
        _ => words::answer(report),
    }
}
