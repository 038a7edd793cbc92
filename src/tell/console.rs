//! A report for a terminal: the answer first, then why, then what to do.

use super::clean;
use crate::facts::event::FileRow;
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::finding::Finding;
use crate::facts::percent::Percent;
use crate::facts::report::Report;
use crate::facts::setting::Enforce;
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Verdict};
use std::fmt::Write;

/// How many findings of one gate are shown; the report holds them all.
const SHOWN_FINDINGS: usize = 10;
/// How many lines of one message are shown.
const SHOWN_LINES: usize = 6;

/// How text is dressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub colour: bool,
    /// In a GitHub Actions log, where lines can be commands.
    pub actions: bool,
}

impl Style {
    fn clean(self, text: &str) -> String {
        if self.actions { clean::actions(text) } else { clean::terminal(text) }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// `1A tests`.
pub fn label(gate: Gate) -> String {
    format!("{}  {}", gate.stage(), gate)
}

/// The word of an outcome: capitals for what stops the run.
fn word(verdict: &Verdict) -> String {
    let id = verdict.outcome.id();
    let stops = verdict.enforce == Enforce::Block;
    match verdict.outcome {
        Outcome::Fail | Outcome::Unmeasured if stops => id.to_uppercase(),
        Outcome::Pass | Outcome::Skipped => id.to_string(),
        _ if stops => id.to_string(),
        _ => format!("{id} (advice)"),
    }
}

fn colour_of(verdict: &Verdict) -> &'static str {
    match (verdict.outcome, verdict.enforce) {
        (Outcome::Pass, _) => "32",
        (Outcome::Skipped, _) => "2",
        (_, Enforce::Advise) => "33",
        (Outcome::Fail, _) => "1;31",
        _ => "1;33",
    }
}

/// One line of the closing table.
pub fn row(verdict: &Verdict, seconds: Option<f64>, style: Style) -> String {
    let word = word(verdict);
    let painted = style.paint(colour_of(verdict), &format!("{word:<13}"));
    let title = clean::cut(style.clean(&verdict.title).lines().next().unwrap_or(""), 160);
    let seconds = seconds.map_or(String::new(), |s| format!("{s:>6.1} s"));
    format!("  {:<16} {painted} {title:<50} {seconds}", label(verdict.gate)).trim_end().to_string()
}

/// The end of a run: looser settings, the table, the answer, and for each red gate why and what to do.
pub fn closing(report: &Report, style: Style) -> String {
    let mut lines = Vec::new();
    if !report.looser.is_empty() {
        lines.push("looser than on the base branch:".to_string());
        lines.extend(report.looser.iter().map(|setting| format!("  {}", style.clean(setting))));
    }
    for verdict in &report.verdicts {
        let seconds = report.timings.iter().find(|t| t.what == verdict.gate.id()).map(|t| t.seconds);
        lines.push(row(verdict, seconds, style));
    }
    lines.push(answer(report, style));
    for verdict in report.verdicts.iter().filter(|v| !v.outcome.is_green()) {
        lines.push(format!("\n{}", why(verdict, report, style).trim_end()));
    }
    lines.join("\n") + "\n"
}

/// `FAIL: tests. Unmeasured: coverage.`
fn answer(report: &Report, style: Style) -> String {
    let names = |outcome: Outcome| {
        let blocking = report.verdicts.iter().filter(|v| v.outcome == outcome && v.enforce == Enforce::Block);
        blocking.map(|v| v.gate.id()).collect::<Vec<_>>().join(", ")
    };
    let mut parts = Vec::new();
    for (outcome, word, colour) in [
        (Outcome::Fail, "FAIL", "1;31"),
        (Outcome::Unmeasured, "Unmeasured", "1;33"),
        (Outcome::Inconclusive, "Inconclusive", "1;33"),
    ] {
        let names = names(outcome);
        if !names.is_empty() {
            parts.push(style.paint(colour, &format!("{word}: {names}.")));
        }
    }
    match (parts.is_empty(), report.outcome) {
        (false, _) => parts.join(" "),
        (true, Outcome::Pass) => style.paint("1;32", &format!("pass: {}.", names(Outcome::Pass))),
        (true, _) => style.paint("1;33", "Unmeasured: no blocking gate measured anything."),
    }
}

/// Why a gate is not green: findings with their places, or what was looked for and found; then the evidence.
fn why(verdict: &Verdict, report: &Report, style: Style) -> String {
    let mut out = String::new();
    if verdict.outcome == Outcome::Unmeasured || verdict.help.is_some() {
        out.push_str(&error(verdict, style));
    }
    for finding in verdict.findings.iter().take(SHOWN_FINDINGS) {
        out.push_str(&one_finding(verdict.gate, finding, style));
    }
    let more = verdict.findings_total.saturating_sub(SHOWN_FINDINGS as u64);
    if more > 0 {
        out.push_str(&format!("  and {more} more in {}\n", style.clean(&report.details.path)));
    }
    if verdict.gate == Gate::Coverage {
        for reason in &verdict.reasons {
            out.push_str(&format!("  {}\n", style.clean(&reason.text)));
        }
    }
    for index in cited(verdict) {
        if let Some(item) = report.evidence.get(index) {
            out.push_str(&format!("  evidence: {}\n", style.clean(&provenance(index, item, report))));
        }
    }
    out
}

fn cited(verdict: &Verdict) -> Vec<usize> {
    let mut all: Vec<usize> = verdict.reasons.iter().flat_map(|r| r.evidence.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The four lines of an error: the thing, what was looked for, what was found, the way out.
pub fn error(verdict: &Verdict, style: Style) -> String {
    let stage = verdict.stage;
    let is = match verdict.outcome {
        Outcome::Fail => "failed".to_string(),
        other => format!("is {}", other.id()),
    };
    let mut out = format!("{}: gate `{}` (stage {stage}) {is}\n", style.paint("1;31", "error"), verdict.gate);
    if let Some(help) = &verdict.help {
        for (name, text) in [("looked for:", &help.looked_for), ("found:     ", &help.found)] {
            let text = style.clean(text);
            let mut lines = text.lines().map(|line| clean::cut(line, 200));
            out.push_str(&format!("  {name} {}\n", lines.next().unwrap_or("nothing".into())));
            lines.for_each(|more| out.push_str(&format!("              {more}\n")));
        }
        out.push_str(&format!("  help: {}\n", style.clean(&help.way_out)));
    }
    out
}

fn one_finding(gate: Gate, finding: &Finding, style: Style) -> String {
    let text = style.clean(&finding.message);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or("");
    let place = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{}:{line}  ", style.clean(path)),
        (Some(path), None) => format!("{}  ", style.clean(path)),
        _ => String::new(),
    };
    // The rule of a tool is what one looks up, or waives.
    let rule = match Gate::OF_FINDINGS.contains(&gate) {
        true => format!("{} {}: ", finding.severity, style.clean(&finding.rule)),
        false => String::new(),
    };
    let mut out = format!("{}{rule}{first}\n", style.paint("1", &place));
    for line in lines.take(SHOWN_LINES) {
        out.push_str(&format!("    {}\n", clean::cut(line, 200)));
    }
    out
}

/// `junit.xml sha256 5c1e… written by `pytest` (exit 1, 41.2 s)`.
fn provenance(index: usize, item: &Evidence, report: &Report) -> String {
    let sha256 = item.sha256.as_deref().map_or(String::new(), |s| format!(" sha256 {}", clean::cut(s, 12)));
    let path = item.path.as_deref().unwrap_or("");
    if item.kind == EvidenceKind::Command {
        let seconds = item.seconds.map_or(String::new(), |s| format!(", {s:.1} s"));
        return format!(
            "{} ({}{seconds}), output {path}{sha256}",
            item.tool.as_deref().unwrap_or(""),
            Ending::of(item)
        );
    }
    let wrote =
        |e: &&Evidence| e.kind == EvidenceKind::Command && e.gate == Gate::Tests && e.component == item.component;
    let writer = match Gate::OF_FINDINGS.contains(&item.gate) {
        true => report
            .scans
            .iter()
            .find(|scan| scan.reports.contains(&index))
            .and_then(|scan| report.evidence.get(scan.run?)),
        false => report.evidence.iter().find(wrote),
    };
    let by = match writer {
        Some(run) => format!(", written by {} ({})", run.tool.as_deref().unwrap_or(""), Ending::of(run)),
        None => item.written.as_deref().map_or(String::new(), |time| format!(", written {time}")),
    };
    format!("{path}{sha256}{by}")
}

/// The files with the most uncovered lines.
pub fn files(worst: &[FileRow], files: usize, style: Style) -> String {
    if worst.is_empty() {
        return "  every line of every file is covered".into();
    }
    let mut out = String::new();
    let width = worst.iter().map(|row| row.path.chars().count()).max().unwrap_or(4).clamp(4, 60);
    writeln!(out, "  {:<width$}  {:>7}  {:>7}  {:>7}  missing", "file", "lines", "missed", "cover")
        .expect("a String takes all");
    for row in worst {
        let path = style.clean(&row.path);
        let missed = row.total - row.covered;
        let share = Percent::show(row.covered, row.total);
        let missing = ranges(&row.missing);
        writeln!(out, "  {path:<width$}  {:>7}  {missed:>7}  {share:>7}  {missing}", row.total)
            .expect("a String takes all");
    }
    if files > worst.len() {
        writeln!(out, "  and {} more files with uncovered lines", files - worst.len()).expect("a String takes all");
    }
    out
}

/// `3-9, 14, 20-22, …`
fn ranges(missing: &[[u32; 2]]) -> String {
    const SHOWN: usize = 6;
    let one = |[from, to]: &[u32; 2]| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let mut parts: Vec<String> = missing.iter().take(SHOWN).map(one).collect();
    if missing.len() > SHOWN {
        parts.push("…".into());
    }
    parts.join(", ")
}
