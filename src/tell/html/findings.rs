//! Findings, gate by gate: place and message in sight, what stands behind them folded.

use super::gates;
use super::numbers::{counted, text, thousands};
use crate::facts::finding::Finding;
use crate::facts::report::Report;
use crate::facts::stage::Gate;
use crate::facts::verdict::Verdict;
use std::collections::HashMap;

/// How many findings of one gate stand in sight; the others are folded.
const IN_SIGHT: usize = 20;
/// How much of a message stands in sight; all of it is in the fold.
const SHOWN_LINES: usize = 6;
const SHOWN_CHARACTERS: usize = 600;
/// A reader keeps 16 KiB of a message and of a traceback each.
const KEPT_CHARACTERS: usize = 16 * 1024;

/// The findings of one gate.
pub struct Group {
    pub gate: &'static str,
    pub outcome: &'static str,
    /// `3 findings, all listed.`, `1,000 of 4,210 findings listed.`
    pub listed: String,
    pub in_sight: Vec<Row>,
    pub folded: Vec<Row>,
    pub folded_label: String,
}

pub struct Row {
    /// Of all findings of the page, from 1.
    pub number: usize,
    pub severity: &'static str,
    pub rule: String,
    pub place: Option<String>,
    /// The file in the coverage tree.
    pub file: Option<usize>,
    pub first_line: String,
    pub more_lines: String,
    pub fold: Option<Fold>,
    /// Whether the base has it too, where that was asked.
    pub age: Option<&'static str>,
    pub fix: Option<String>,
}

pub struct Fold {
    pub label: String,
    pub text: String,
}

/// `files`: the number of a file in the coverage tree, by its path.
pub fn groups(report: &Report, files: &HashMap<&str, usize>) -> Vec<Group> {
    let mut number = 0;
    let with_findings = report.verdicts.iter().filter(|v| !v.findings.is_empty());
    with_findings.map(|verdict| group(verdict, files, &mut number)).collect()
}

fn group(verdict: &Verdict, files: &HashMap<&str, usize>, number: &mut usize) -> Group {
    let mut rows: Vec<Row> = Vec::with_capacity(verdict.findings.len());
    for finding in &verdict.findings {
        *number += 1;
        rows.push(row(finding, verdict.gate, *number, files));
    }
    let folded = if rows.len() > IN_SIGHT { rows.split_off(IN_SIGHT) } else { Vec::new() };
    let (kept, total) = (verdict.findings.len() as u64, gates::total(verdict));
    let listed = if kept == total {
        format!("{}, all listed.", counted(total, "finding"))
    } else {
        format!("{} of {} listed.", thousands(kept), counted(total, "finding"))
    };
    Group {
        gate: verdict.gate.id(),
        outcome: verdict.outcome.id(),
        listed,
        folded_label: format!("{} more", folded.len()),
        in_sight: rows,
        folded,
    }
}

fn row(finding: &Finding, gate: Gate, number: usize, files: &HashMap<&str, usize>) -> Row {
    let message = text(&finding.message, KEPT_CHARACTERS);
    let shown = text(message.lines().take(SHOWN_LINES).collect::<Vec<_>>().join("\n").trim_end(), SHOWN_CHARACTERS);
    let (first_line, more_lines) = shown.split_once('\n').unwrap_or((&shown, ""));
    let cut = message.lines().nth(SHOWN_LINES).is_some() || message.chars().nth(SHOWN_CHARACTERS).is_some();
    let place = finding.path.as_ref().map(|path| {
        let lines = match (finding.line, finding.end_line) {
            (Some(from), Some(to)) if to > from => format!(":{from}-{to}"),
            (Some(line), _) => format!(":{line}"),
            (None, _) => String::new(),
        };
        format!("{}{lines}", text(path, 400))
    });
    Row {
        number,
        severity: finding.severity.id(),
        rule: text(&finding.rule, 100),
        place,
        file: finding.path.as_ref().and_then(|path| files.get(path.as_str()).copied()),
        first_line: first_line.into(),
        more_lines: more_lines.into(),
        fold: fold(finding, gate, cut.then_some(message.as_str())),
        age: finding.new.map(|new| if new { "new" } else { "known" }),
        fix: finding.fix.as_ref().map(|fix| text(fix, 4_000)),
    }
}

/// What is not in sight: the whole message where it was cut, and what stands behind it.
fn fold(finding: &Finding, gate: Gate, message: Option<&str>) -> Option<Fold> {
    let detail = finding.detail.as_ref().map(|detail| text(detail, KEPT_CHARACTERS));
    let name = match (&detail, gate) {
        (None, _) => "Whole message",
        (Some(_), Gate::Tests) => "Traceback",
        (Some(_), _) => "Explanation",
    };
    let parts: Vec<&str> = [message, detail.as_deref()].into_iter().flatten().collect();
    if parts.is_empty() {
        return None;
    }
    let text = parts.join("\n\n");
    Some(Fold { label: format!("{name}, {}", counted(text.lines().count() as u64, "line")), text })
}

/// The findings' numbers by the first line of their message: for a failing test, its id.
pub fn numbers(report: &Report) -> HashMap<&str, usize> {
    let mut out = HashMap::new();
    let all = report.verdicts.iter().flat_map(|v| v.findings.iter().map(move |f| (v.gate, f)));
    for (at, (gate, finding)) in all.enumerate() {
        if gate == Gate::Tests {
            out.entry(finding.message.lines().next().unwrap_or("")).or_insert(at + 1);
        }
    }
    out
}
