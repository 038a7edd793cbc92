//! The parts that the job summary and the check runs share, each within its own number of bytes.

use super::markdown::{Budget, code, code_element, fenced, label, row, text};
use super::words::{self, counted, thousands};
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::finding::Finding;
use crate::facts::report::Report;
use crate::facts::setting::Enforce;
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Verdict};
use crate::facts::view::View;

/// A table with more rows than this is folded.
const OPEN_ROWS: u64 = 12;
/// How many of the longest steps the time line shows.
const SHOWN_TIMINGS: usize = 40;

/// What is told of: a report's verdicts, all or those of one stage.
pub struct Scope<'a> {
    pub report: &'a Report,
    pub view: &'a View,
    pub verdicts: Vec<&'a Verdict>,
    /// The most of one failing test's traceback, in bytes.
    pub traceback_bytes: usize,
}

impl Scope<'_> {
    pub fn verdict(&self, gate: Gate) -> Option<&Verdict> {
        self.verdicts.iter().copied().find(|v| v.gate == gate)
    }

    fn red(&self) -> impl Iterator<Item = &Verdict> {
        let (stops, advice): (Vec<_>, Vec<_>) =
            self.verdicts.iter().copied().partition(|v| v.enforce == Enforce::Block);
        stops.into_iter().chain(advice).filter(|v| !v.outcome.is_green())
    }
}

/// Settings that are looser than on the base branch, as a warning.
pub fn looser(report: &Report, limit: usize) -> String {
    let mut budget = Budget::new(limit);
    if report.looser.is_empty() {
        return String::new();
    }
    let items = report.looser.iter().map(|setting| format!("> - {}\n", text(setting)));
    let head = "> [!WARNING]\n> **Looser than on the base branch.**\n>\n";
    let items: Vec<String> = std::iter::once(head.to_string()).chain(items).collect();
    budget.each(items, 0, |n| format!("{} that became looser are not listed here.", counted(n, "more setting")));
    budget.finish()
}

/// Stage, gate, outcome, title and time of every verdict.
pub fn verdicts(scope: &Scope<'_>, limit: usize) -> String {
    let mut budget = Budget::new(limit);
    let rows = scope.verdicts.iter().map(|verdict| {
        let time = scope.report.timings.iter().find(|t| t.what == verdict.gate.id());
        let outcome = format!("{} {}", words::symbol(verdict), words::word(verdict));
        let outcome = if words::stops(verdict) { format!("**{outcome}**") } else { outcome };
        let time = time.map_or(String::new(), |t| words::seconds(t.seconds));
        row(&[verdict.stage.id(), verdict.gate.id(), &outcome, &text(&verdict.title), &time])
    });
    budget.table(&["Stage", "Gate", "Outcome", "What was measured", "Time>"], rows, 0, |n| {
        format!("{} are not listed here.", counted(n, "more verdict"))
    });
    budget.finish()
}

/// What mends a red gate, in one sentence of markup.
pub fn what_to_do(verdict: &Verdict) -> String {
    let worst = verdict.findings.first();
    match (&verdict.help, verdict.gate, worst) {
        (Some(help), _, _) => text(&help.way_out),
        (None, Gate::Tests, Some(test)) => {
            let name = code(named(test).0);
            match total(verdict) {
                1 => format!("mend the failing test {name}"),
                all => format!("mend {}, the first being {name}", counted(all, "failing test")),
            }
        }
        (None, Gate::Coverage, Some(first)) => {
            let place = place(first).map_or(String::new(), |p| format!(", first {}", code(&p)));
            format!("write tests for the changed lines that no test runs{place}")
        }
        (None, Gate::Coverage, None) => "write tests for the files that have the most lines no test runs".into(),
        (None, _, Some(first)) => {
            format!("mend {}, first: {}", counted(total(verdict), "finding"), text(&first.message))
        }
        (None, gate, None) => format!("see what the command of gate {gate} printed in the job's log"),
    }
}

/// How many findings a verdict has, listed or not.
fn total(verdict: &Verdict) -> u64 {
    verdict.findings_total.max(verdict.findings.len() as u64)
}

/// For each gate that is not green: what to do, what was looked for and found, the reasons with their evidence.
pub fn why(scope: &Scope<'_>, limit: usize) -> String {
    let mut budget = Budget::new(limit);
    let blocks: Vec<String> = scope.red().map(|verdict| why_one(verdict, limit / 16)).collect();
    budget.each(blocks, 0, |n| format!("The reasons of {} are not shown here.", counted(n, "more gate")));
    budget.finish()
}

fn why_one(verdict: &Verdict, most: usize) -> String {
    let (symbol, gate, title) = (words::symbol(verdict), verdict.gate, text(&verdict.title));
    let mut out = format!("### {symbol} {gate}: {title}\n\n**What to do:** {}\n\n", what_to_do(verdict));
    if let Some(help) = &verdict.help {
        out.push_str(&format!("- Looked for: {}\n", text(&help.looked_for)));
        match help.found.trim().contains('\n') {
            false => out.push_str(&format!("- Found: {}\n", text(&help.found))),
            true => out.push_str(&format!("- Found:\n\n{}\n\n", indented(&fenced(&help.found, most)))),
        }
    }
    const SHOWN_REASONS: usize = 8;
    for reason in verdict.reasons.iter().take(SHOWN_REASONS) {
        let cited: Vec<String> = reason.evidence.iter().take(4).map(usize::to_string).collect();
        let cited = if cited.is_empty() { String::new() } else { format!(" (evidence {})", cited.join(", ")) };
        out.push_str(&format!("- {}{cited}\n", text(&reason.text)));
    }
    let more = verdict.reasons.len().saturating_sub(SHOWN_REASONS) as u64;
    if more > 0 {
        out.push_str(&format!("- {} in the report\n", counted(more, "more reason")));
    }
    out + "\n"
}

/// Inside a list's item.
fn indented(block: &str) -> String {
    block.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// The name and the message of a failing test.
fn named(finding: &Finding) -> (&str, &str) {
    finding.message.split_once('\n').unwrap_or((&finding.message, ""))
}

fn place(finding: &Finding) -> Option<String> {
    let path = finding.path.as_deref()?;
    Some(match (finding.line, finding.end_line) {
        (Some(from), Some(to)) if to > from => format!("{path}:{from}-{to}"),
        (Some(line), _) => format!("{path}:{line}"),
        _ => path.to_string(),
    })
}

/// Every failing test in a fold with its traceback; those without room for one by name; the rest counted.
pub fn failing_tests(scope: &Scope<'_>, limit: usize) -> String {
    let Some(verdict) = scope.verdict(Gate::Tests).filter(|v| total(v) > 0) else { return String::new() };
    let mut budget = Budget::new(limit);
    let all = total(verdict);
    let note = |n| format!("{} counted and not listed here: {}.", are(n, "more failing test"), details(scope.report));
    if !budget.block(&format!("### {}", counted(all, "failing test"))) {
        return String::new();
    }
    let by_name = |finding: &Finding| {
        let (name, message) = named(finding);
        format!("- {} {}\n", code(name), text(message.lines().next().unwrap_or("")))
    };
    // The names of all come before the tracebacks of some.
    let for_names = verdict.findings.iter().map(|f| by_name(f).len()).sum::<usize>().min(limit / 4);
    let mut written = 0;
    for finding in &verdict.findings {
        let fold = failing_test(finding, scope.traceback_bytes);
        if fold.len() + for_names + note(all).len() > budget.room() || !budget.block(&fold) {
            break;
        }
        written += 1;
    }
    let rest = verdict.findings[written..].iter().map(by_name);
    budget.each(rest, all - verdict.findings.len() as u64, note);
    budget.finish()
}

/// Tests that passed only when they were tried again.
pub fn flaky_tests(scope: &Scope<'_>, limit: usize) -> String {
    let flaky: Vec<_> = scope.view.tests.iter().filter(|test| test.flaky).collect();
    let mut budget = Budget::new(limit);
    if flaky.is_empty()
        || scope.verdict(Gate::Tests).is_none()
        || !budget.open(&format!("{}: passed on a later try", counted(flaky.len() as u64, "flaky test")), false)
    {
        return String::new();
    }
    let rows = flaky.iter().map(|test| row(&[&code(&test.id()), &words::seconds(test.seconds)]));
    budget.table(&["Test", "Time>"], rows, 0, |n| format!("{} not listed here.", are(n, "more flaky test")));
    budget.close();
    budget.finish()
}

fn are(count: u64, one: &str) -> String {
    format!("{} {}", counted(count, one), if count == 1 { "is" } else { "are" })
}

fn details(report: &Report) -> String {
    format!("{} has them all", code(&report.details.path))
}

fn failing_test(finding: &Finding, most: usize) -> String {
    let (name, message) = named(finding);
    let first = text(message.lines().next().unwrap_or(""));
    let kind = if finding.rule == "test-error" { "error: " } else { "" };
    let mut out = format!("<details>\n<summary>{kind}{} {first}</summary>\n\n", code_element(name));
    if let Some(place) = place(finding) {
        out.push_str(&format!("{}\n\n", code(&place)));
    }
    let detail = finding.detail.as_deref().unwrap_or("");
    if !message.trim().is_empty() && !detail.contains(message.trim()) {
        out.push_str(&format!("{}\n\n", fenced(message, most / 4)));
    }
    if !detail.trim().is_empty() {
        out.push_str(&format!("{}\n\n", fenced(detail, most)));
    }
    out + "</details>"
}

/// Findings of gates that have no section of their own.
pub fn findings(scope: &Scope<'_>, limit: usize) -> String {
    let mut budget = Budget::new(limit);
    let others = scope.verdicts.iter().filter(|v| !matches!(v.gate, Gate::Tests | Gate::Coverage) && total(v) > 0);
    for verdict in others {
        let rows = verdict.findings.iter().map(|finding| {
            let place = place(finding).map_or(String::new(), |place| code(&place));
            row(&[finding.severity.id(), &code(&finding.rule), &place, &text(&finding.message)])
        });
        let all = total(verdict);
        if budget.open(&format!("{}: {}", verdict.gate, counted(all, "finding")), all <= OPEN_ROWS) {
            budget.table(&["Severity", "Rule", "Place", "Message"], rows, all - verdict.findings.len() as u64, |n| {
                format!("{} counted and not listed here: {}.", are(n, "more finding"), details(scope.report))
            });
            budget.close();
        }
    }
    budget.finish()
}

/// When each gate ran: a diagram with one bar for each, its seconds counted from the start of the run.
pub fn time_line(scope: &Scope<'_>, limit: usize) -> String {
    let report = scope.report;
    let known = |what: &str| scope.verdicts.iter().copied().find(|v| v.gate.id() == what);
    let mut shown: Vec<_> = report.timings.iter().filter(|t| t.start.is_finite() && t.seconds.is_finite()).collect();
    shown.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    shown.truncate(SHOWN_TIMINGS);
    shown.sort_by(|a, b| a.start.total_cmp(&b.start));
    // One bar says nothing that the table does not.
    if shown.len() < 2 {
        return String::new();
    }
    // `%s` counts seconds: the axis is the same in every reader's time zone.
    let mut out = String::from("```mermaid\ngantt\n    dateFormat x\n    axisFormat %s s\n    todayMarker off\n");
    let mut section = "";
    for timing in shown {
        let verdict = known(&timing.what);
        let now = verdict.map_or("run", |v| v.stage.id());
        if now != section {
            out.push_str(&format!("    section {now}\n"));
            section = now;
        }
        let mood = match verdict {
            Some(v) if words::stops(v) => "crit, ",
            Some(v) if v.outcome == Outcome::Pass => "done, ",
            _ => "",
        };
        // A word of ours goes first: a foreign one could be a word of the diagram's language.
        let name = verdict.map_or_else(|| format!("step {}", label(&timing.what)), |v| v.gate.id().to_string());
        let took = words::seconds(timing.seconds).replace(',', "");
        let (start, length) = (milliseconds(timing.start), milliseconds(timing.seconds).max(1));
        out.push_str(&format!("    {name} {took} :{mood}{start}, {length}ms\n"));
    }
    let mut budget = Budget::new(limit);
    let left_out = report.timings.len().saturating_sub(SHOWN_TIMINGS) as u64;
    let note = if left_out == 0 { String::new() } else { format!("\n\n{} shorter.", are(left_out, "more step")) };
    let head = format!("### Time: {}", words::seconds(report.seconds));
    if !budget.block(&format!("{head}\n\n{out}```{note}")) && !budget.block(&head) {
        return String::new();
    }
    budget.finish()
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round().max(0.0) as u64
}

/// What was measured, by the numbers under which the reasons cite it.
pub fn evidence(scope: &Scope<'_>, limit: usize) -> String {
    let mut budget = Budget::new(limit);
    let mine = |item: &Evidence| scope.verdicts.iter().any(|v| v.gate == item.gate);
    let rows = scope.report.evidence.iter().enumerate().filter(|(_, item)| mine(item)).map(evidence_row);
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    if !budget.open(&format!("Evidence: {}", counted(rows.len() as u64, "item")), false) {
        return String::new();
    }
    budget.table(&["No.>", "Gate", "What", "How", "sha256", "Bytes>"], rows, 0, |n| {
        format!("{} in the report and not listed here.", are(n, "more item of evidence"))
    });
    budget.close();
    budget.finish()
}

fn evidence_row((number, item): (usize, &Evidence)) -> String {
    let what = match (item.kind, &item.tool, &item.path) {
        // As a person would type it, where the command says that of itself.
        (EvidenceKind::Command, Some(shown), _) => code(shown.trim_matches('`')),
        (EvidenceKind::Command, None, _) => code(&item.argv.join(" ")),
        (_, _, Some(path)) => code(path),
        (_, tool, None) => text(tool.as_deref().unwrap_or("")),
    };
    let tool = [&item.tool, &item.version].into_iter().flatten().map(|t| text(t)).collect::<Vec<_>>().join(" ");
    let how = match (&item.refused, item.kind) {
        (Some(why), _) => format!("**no evidence:** {}", text(why)),
        (None, EvidenceKind::Command) => {
            let time = item.seconds.map_or(String::new(), |s| format!(", {}", words::seconds(s)));
            format!("{}{time}", Ending::of(item))
        }
        (None, _) => {
            let written = item.written.as_deref().map_or(String::new(), |w| format!(", written {}", text(w)));
            let by = if tool.is_empty() { tool } else { format!(" by {tool}") };
            format!("{}{by}{written}", item.format.as_deref().map_or(String::new(), text))
        }
    };
    let sha256 = item.sha256.as_deref().map_or(String::new(), |s| code(&super::clean::cut(s, 12)));
    let bytes = item.bytes.map_or(String::new(), thousands);
    row(&[&number.to_string(), item.gate.id(), &what, &how, &sha256, &bytes])
}

/// What was published how, and what was not and why.
pub fn published(sentences: &[String], limit: usize) -> String {
    if sentences.is_empty() {
        return String::new();
    }
    let mut budget = Budget::new(limit);
    if budget.block("### Published") {
        budget.each(sentences.iter().map(|s| format!("- {}\n", text(s))), 0, |n| {
            format!("{} not listed here.", are(n, "more sentence"))
        });
    }
    budget.finish()
}

/// What was judged, against what, by whom.
pub fn subject(report: &Report, limit: usize) -> String {
    let subject = &report.subject;
    let short = |sha: &str| code(&sha.chars().take(12).collect::<String>());
    let mut parts = Vec::new();
    if let Some(sha) = &subject.sha {
        let on = subject.reference.as_deref().map_or(String::new(), |r| format!(" on {}", code(r)));
        let dirty = if subject.dirty { ", with uncommitted changes" } else { "" };
        parts.push(format!("Commit {}{on}{dirty}", short(sha)));
    }
    if let Some(base) = &subject.base {
        parts.push(format!("compared with {} ({})", short(&base.sha), text(&base.why)));
    }
    parts.push(format!("policy {}", short(&report.policy_sha256)));
    parts.push(format!("qte-ci {}", text(&report.tool.version)));
    parts.push(words::seconds(report.seconds));
    let mut budget = Budget::new(limit);
    if budget.block(&parts.join(" · ")) { budget.finish() } else { String::new() }
}
