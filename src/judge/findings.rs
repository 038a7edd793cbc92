//! Gates `security`, `audit` (2A), `quality` and `secrets` (2B): did every tool look at all it should, and is what it
//! found accepted? One judge; each gate has its own policy.

use super::waivers::{Asked, Waivers};
use super::{FileRead, Run, counted};
use crate::facts::evidence::Ending;
use crate::facts::finding::{Finding, Severity};
use crate::facts::found::Findings;
use crate::facts::setting::{Enforce, Judged, Setting};
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Reason, Verdict};
use crate::facts::waiver::{Day, Waiver};
use std::cmp::Reverse;

/// How many findings a verdict keeps.
pub const KEPT: usize = 1000;

#[derive(Clone, Debug)]
pub struct Policy {
    pub gate: Gate,
    pub enforce: Setting<Enforce>,
    /// The least severity that stops the run.
    pub fail_on: Setting<Severity>,
    pub judge: Setting<Judged>,
}

/// What one tool left behind.
#[derive(Debug, Default)]
pub struct Part {
    /// `ruff`, `web: eslint`; empty for reports of earlier steps.
    pub name: String,
    /// Why there is nothing to look at.
    pub not_applicable: Option<String>,
    /// Why the tool did not look, before any command of its own ran.
    pub blocked: Option<String>,
    /// The command; none where reports of earlier steps are read.
    pub run: Option<Run>,
    /// The exit codes by which the tool says that it found something; none for a command that we do not know.
    pub found: Option<Vec<i32>>,
    /// Names and patterns of the reports that were looked for.
    pub looked_for: String,
    pub reports: Vec<FileRead<Findings>>,
}

/// Everything that is judged.
#[derive(Debug, Default)]
pub struct Input {
    pub parts: Vec<Part>,
    /// Why it is not known what is new, where it is asked.
    pub no_base: Option<String>,
    /// What no tool of ours looks at, each as one sentence.
    pub uncovered: Vec<String>,
}

/// The findings of all parts as they are read: counted, the worst kept.
pub struct Seen {
    waivers: Waivers,
    fail_on: Severity,
    judge: Judged,
    kept: Vec<(bool, Finding)>,
    by_severity: [u64; 5],
    suppressed: u64,
    foreign: u64,
    waived: u64,
    new: u64,
    known: u64,
    stopping: u64,
    listed: u64,
}

impl Seen {
    pub fn new(policy: &Policy, waivers: &[Waiver], today: Day) -> Seen {
        Seen {
            waivers: Waivers::of(policy.gate, waivers, today),
            fail_on: policy.fail_on.value,
            judge: policy.judge.value,
            kept: Vec::new(),
            by_severity: [0; 5],
            suppressed: 0,
            foreign: 0,
            waived: 0,
            new: 0,
            known: 0,
            stopping: 0,
            listed: 0,
        }
    }

    /// One that the source or the tool's own configuration accepts.
    pub fn suppressed(&mut self) {
        self.suppressed += 1;
    }

    /// One in a file that is none of the project's own: vendored, or ignored by git.
    pub fn foreign(&mut self) {
        self.foreign += 1;
    }

    /// Does a waiver lift this? It is counted then, and is not to be seen.
    pub fn is_waived(&mut self, asked: &Asked<'_>) -> bool {
        let waived = self.waivers.lifts(asked);
        self.waived += u64::from(waived);
        waived
    }

    /// Counts a finding. `new` says whether the change brings it; where that is not known it counts as new.
    pub fn see(&mut self, finding: Finding) {
        self.by_severity[finding.severity as usize] += 1;
        let is_new = finding.new.unwrap_or(true);
        *(if is_new { &mut self.new } else { &mut self.known }) += 1;
        let stops = finding.severity >= self.fail_on && (is_new || self.judge == Judged::All);
        self.stopping += u64::from(stops);
        // What was known before and does not stop the run is counted only.
        if !stops && !is_new {
            return;
        }
        self.listed += 1;
        self.kept.push((stops, finding));
        if self.kept.len() >= 2 * KEPT {
            self.keep_the_worst();
        }
    }

    fn keep_the_worst(&mut self) {
        // What stops the run first, then what is new, then the worst; places in order.
        self.kept.sort_by(|(a_stops, a), (b_stops, b)| {
            let rank = |stops: &bool, f: &Finding| Reverse((*stops, f.new.unwrap_or(true), f.severity));
            let place = |f: &Finding| (f.path.clone(), f.line, f.rule.clone());
            rank(a_stops, a).cmp(&rank(b_stops, b)).then_with(|| place(a).cmp(&place(b)))
        });
        self.kept.truncate(KEPT);
    }
}

/// What one part says by itself.
enum Looked {
    Whole,
    NotApplicable(String),
    Unmeasured(String),
}

impl Part {
    fn named(&self, text: &str) -> String {
        if self.name.is_empty() { text.to_string() } else { format!("{}: {text}", self.name) }
    }

    fn total(&self) -> u64 {
        self.reports.iter().filter_map(|r| r.content.as_ref().ok()).map(|f| f.total).sum()
    }

    fn looked(&self) -> Looked {
        if let Some(why) = &self.not_applicable {
            return Looked::NotApplicable(why.clone());
        }
        match self.not_evidence() {
            Some(why) => Looked::Unmeasured(why),
            None => Looked::Whole,
        }
    }

    /// Why this is no evidence, from the most to the least telling.
    fn not_evidence(&self) -> Option<String> {
        if let Some(why) = &self.blocked {
            return Some(why.clone());
        }
        let ended = self.run.as_ref().map_or(Ending::Exit(0), |run| run.ending);
        // One that we named ourselves says a person nothing.
        let of = |path: &str, why: &str| match (self.name.is_empty(), self.reports.len()) {
            (false, 1) => why.to_string(),
            _ => format!("{path}: {why}"),
        };
        let broken = self.reports.iter().find_map(|r| Some(of(&r.path, r.content.as_ref().err()?)));
        let codes = self.found.as_deref();
        let is_known = |code: i32| code == 0 || codes.is_none_or(|codes| codes.contains(&code));
        match ended {
            Ending::Exit(code) if is_known(code) => {}
            ending => return Some(format!("the tool did not succeed ({ending})")),
        }
        if let Some(broken) = broken {
            return Some(broken);
        }
        if self.reports.is_empty() {
            return Some(match ended {
                Ending::Exit(0) => "no report".into(),
                ending => format!("no report ({ending})"),
            });
        }
        let said = self.reports.iter().filter_map(|r| Some((&r.path, r.content.as_ref().ok()?)));
        if let Some((path, why)) = said.clone().find_map(|(path, found)| Some((path, found.unmeasured.first()?))) {
            return Some(of(path, why));
        }
        match ended {
            Ending::Exit(code) if code != 0 && self.total() == 0 => {
                Some(format!("the tool says that something is wrong (exit {code}), its report holds nothing"))
            }
            _ => None,
        }
    }
}

pub fn judge(policy: &Policy, input: &Input, mut seen: Seen) -> Verdict {
    let looked: Vec<(&Part, Looked)> = input.parts.iter().map(|part| (part, part.looked())).collect();
    let unmeasured: Vec<(&Part, &String)> = looked
        .iter()
        .filter_map(|(part, looked)| match looked {
            Looked::Unmeasured(why) => Some((*part, why)),
            _ => None,
        })
        .collect();
    seen.keep_the_worst();
    let measured = looked.iter().any(|(_, looked)| matches!(looked, Looked::Whole));
    let outcome = match (seen.stopping, unmeasured.is_empty(), measured) {
        (1.., _, _) => Outcome::Fail,
        (0, false, _) => Outcome::Unmeasured,
        (0, true, true) => Outcome::Pass,
        (0, true, false) => Outcome::Skipped,
    };
    let title = match outcome {
        Outcome::Unmeasured => {
            let (part, why) = unmeasured[0];
            let more = match unmeasured.len() - 1 {
                0 => String::new(),
                more => format!("; {} more unmeasured", more),
            };
            format!("{}{more}", part.named(why))
        }
        Outcome::Skipped => skipped_title(input, &looked),
        _ => title(policy, &seen),
    };
    let mut verdict = Verdict::new(policy.gate, policy.enforce.value, outcome, title);
    reasons(&mut verdict, policy, input, &looked);
    metrics(&mut verdict, &seen, input);
    if let Some((part, why)) = unmeasured.first().filter(|_| outcome == Outcome::Unmeasured) {
        verdict = unmeasured_help(verdict, policy.gate, part, why);
    }
    let about_waivers = seen.waivers.findings();
    verdict.findings_total = seen.listed + about_waivers.len() as u64;
    verdict.findings = seen.kept.into_iter().map(|(_, finding)| finding).collect();
    verdict.findings.truncate(KEPT.saturating_sub(about_waivers.len()));
    verdict.findings.extend(about_waivers);
    verdict
}

fn skipped_title(input: &Input, looked: &[(&Part, Looked)]) -> String {
    let why = looked.iter().find_map(|(part, looked)| match looked {
        Looked::NotApplicable(why) => Some(part.named(why)),
        _ => None,
    });
    let why = why.or_else(|| input.uncovered.first().cloned()).unwrap_or_else(|| "there is nothing to look at".into());
    why.split(": looked for").next().unwrap_or(&why).to_string()
}

/// `2 new at medium or worse, first B307 in src/a.py:3; 4 known, 1 waived until 2027-01-31`.
fn title(policy: &Policy, seen: &Seen) -> String {
    let mut parts = Vec::new();
    let severity = policy.fail_on.value;
    let (at_least, all) = (severity > Severity::Notice, policy.judge.value == Judged::All);
    let level = if at_least { format!(" at {severity} or worse") } else { String::new() };
    match (seen.stopping, all) {
        (0, _) => {}
        (some, false) => parts.push(format!("{some} new{level}{}", first(seen))),
        (some, true) => parts.push(format!("{}{level}{}", counted(some, "finding"), first(seen))),
    }
    let other_new = if all { 0 } else { seen.new - seen.stopping };
    match (seen.stopping, other_new) {
        (0, new) => parts
            .push(format!("{new} new{}", if new > 0 && at_least { format!(", none{level}") } else { String::new() })),
        (_, 0) => {}
        (_, new) => parts.push(format!("{new} new below that")),
    }
    if all && seen.stopping > 0 {
        parts.push(format!("{} new", seen.new));
    }
    parts.push(format!("{} known", seen.known));
    if seen.waived > 0 {
        let until = seen.waivers.until().map_or(String::new(), |day| format!(" until {day}"));
        parts.push(format!("{} waived{until}", seen.waived));
    }
    parts.join(", ")
}

fn first(seen: &Seen) -> String {
    let Some((true, worst)) = seen.kept.first() else { return String::new() };
    let place = match (&worst.path, worst.line) {
        (Some(path), Some(line)) => format!(" in {path}:{line}"),
        (Some(path), None) => format!(" in {path}"),
        _ => String::new(),
    };
    format!(" (first {}{place})", worst.rule)
}

fn reasons(verdict: &mut Verdict, policy: &Policy, input: &Input, looked: &[(&Part, Looked)]) {
    let mut say = |text: String, evidence: Vec<usize>| verdict.reasons.push(Reason { text, evidence });
    for (part, looked) in looked {
        if let Some(run) = &part.run {
            say(part.named(&format!("{}: {}", run.what, run.ending)), vec![run.evidence]);
        }
        for report in &part.reports {
            let text = match &report.content {
                Ok(read) => format!("{}: {}", report.path, summary(read)),
                Err(why) => format!("{}: {why}", report.path),
            };
            say(part.named(&text), vec![report.evidence]);
            let Ok(read) = &report.content else { continue };
            let more = read.unmeasured.iter().chain(&read.contradictions);
            more.for_each(|text| say(part.named(&format!("{}: {text}", report.path)), vec![report.evidence]));
        }
        match looked {
            Looked::NotApplicable(why) => say(part.named(why), Vec::new()),
            Looked::Unmeasured(why) if part.reports.is_empty() => say(part.named(why), Vec::new()),
            _ => {}
        }
    }
    input.uncovered.iter().for_each(|text| say(text.clone(), Vec::new()));
    if let (Some(why), Judged::New) = (&input.no_base, policy.judge.value) {
        say(format!("every finding counts as new: {why}"), Vec::new());
    }
}

fn summary(read: &Findings) -> String {
    let mut parts = vec![counted(read.total, "finding")];
    if read.suppressed > 0 {
        parts.push(format!("{} suppressed in the source", read.suppressed));
    }
    if let Some(audit) = &read.audit {
        if let Some(audited) = audit.audited {
            parts.push(format!("{} audited", counted(audited, "package")));
        }
        if audit.skipped > 0 {
            parts.push(format!("{} skipped", audit.skipped));
        }
    }
    let tool = [&read.tool, &read.version].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    let by = if tool.is_empty() { String::new() } else { format!(" by {tool}") };
    parts.join(", ") + &by
}

fn metrics(verdict: &mut Verdict, seen: &Seen, input: &Input) {
    let mut put = |name: &str, value: u64| verdict.metrics.insert(name.into(), value);
    for severity in Severity::ALL {
        put(severity.id(), seen.by_severity[severity as usize]);
    }
    for (name, value) in
        [("new", seen.new), ("known", seen.known), ("waived", seen.waived), ("suppressed", seen.suppressed)]
            .into_iter()
            .chain(Some(("foreign", seen.foreign)).filter(|(_, foreign)| *foreign > 0))
    {
        put(name, value);
    }
    let audits = input.parts.iter().flat_map(|p| &p.reports).filter_map(|r| r.content.as_ref().ok()?.audit);
    let all: Vec<_> = audits.collect();
    if !all.is_empty() {
        put("audited", all.iter().filter_map(|a| a.audited).sum());
        put("skipped", all.iter().map(|a| a.skipped).sum());
        put("vulnerable", all.iter().map(|a| a.vulnerable).sum());
    }
}

fn unmeasured_help(verdict: Verdict, gate: Gate, part: &Part, why: &str) -> Verdict {
    let tail = part.run.as_ref().map(|run| run.tail.join("\n")).unwrap_or_default();
    let found = if tail.trim().is_empty() { why.to_string() } else { format!("{why}\n{tail}") };
    let way_out = match (&part.run, &part.blocked) {
        (None, Some(_)) => {
            format!("mend what is in the way, or let a step of your own write a report and name it in `{gate}.reports`")
        }
        (None, None) => format!("let an earlier step write the report, or name its path in `{gate}.reports`"),
        _ => format!(
            "let the tool look at everything and write its report; a command of your own goes into `{gate}.run`"
        ),
    };
    verdict.help(part.named(&part.looked_for), found, way_out)
}

#[cfg(test)]
mod tests;
