//! Findings beside the lines they are about: GitHub's annotations, and the workflow commands that make them.

use super::clean;
use crate::facts::finding::{Finding, Severity};
use crate::facts::report::Report;
use crate::facts::setting::Enforce;
use crate::facts::stage::Gate;
use crate::facts::verdict::Verdict;

/// The most of a title, in bytes; GitHub says characters, its servers have counted bytes before.
pub const TITLE_BYTES: usize = 255;
/// The most of a message and of the raw details, in bytes: 64 KB, by the smaller reading of the word.
pub const MESSAGE_BYTES: usize = 64_000;
/// The most of a workflow command's message: the runner cuts there, in UTF-16 units.
pub const COMMAND_UNITS: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Notice,
    Warning,
    Failure,
}

impl Level {
    /// As the checks API names it.
    pub const fn id(self) -> &'static str {
        match self {
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Failure => "failure",
        }
    }

    /// As the runner names it.
    pub const fn command(self) -> &'static str {
        match self {
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Failure => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Relative to the repository.
    pub path: String,
    /// 1-based.
    pub start_line: u64,
    /// Never before the start.
    pub end_line: u64,
    pub level: Level,
    pub title: String,
    pub message: String,
    pub raw_details: Option<String>,
    pub gate: Gate,
}

/// Where a line of the project stands in the commit that GitHub shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    At {
        path: String,
        line: u64,
    },
    /// Not a file of the repository.
    Outside,
    /// The head commit does not have this line.
    NotInHead,
}

/// The annotations, worst first, and what became of every other finding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotated {
    pub kept: Vec<Annotation>,
    /// Findings that name no file.
    pub without_place: u64,
    pub outside: u64,
    pub not_in_head: u64,
    pub over_limit: u64,
    /// Findings that were counted and that the report does not hold.
    pub unlisted: u64,
}

/// `place` answers for a path and a 1-based line of the project.
pub fn annotations(report: &Report, place: &dyn Fn(&str, u64) -> Place, limit: usize) -> Annotated {
    let mut out = Annotated::default();
    let mut placed: Vec<(&Verdict, &Finding, String, [u64; 2])> = Vec::new();
    for verdict in &report.verdicts {
        out.unlisted += verdict.findings_total.saturating_sub(verdict.findings.len() as u64);
        for finding in &verdict.findings {
            match lines(finding, place) {
                Some(Ok((path, lines))) => placed.push((verdict, finding, path, lines)),
                Some(Err(Place::Outside)) => out.outside += 1,
                Some(Err(_)) => out.not_in_head += 1,
                None => out.without_place += 1,
            }
        }
    }
    // What stops the run comes before any advice, however severe: a red check has to show why it is red.
    placed.sort_by(|(v, f, path, lines), (w, g, other_path, other_lines)| {
        (level(w, g) == Level::Failure)
            .cmp(&(level(v, f) == Level::Failure))
            .then(g.severity.cmp(&f.severity))
            .then_with(|| (v.enforce == Enforce::Advise).cmp(&(w.enforce == Enforce::Advise)))
            .then_with(|| path.cmp(other_path))
            .then(lines.cmp(other_lines))
    });
    out.over_limit = placed.len().saturating_sub(limit) as u64;
    placed.truncate(limit);
    out.kept = placed.into_iter().map(|(v, f, path, lines)| annotation(v, f, path, lines)).collect();
    out
}

/// Both ends of a finding in the head commit; a range of which one end is left stands there alone.
fn lines(finding: &Finding, place: &dyn Fn(&str, u64) -> Place) -> Option<Result<(String, [u64; 2]), Place>> {
    let path = finding.path.as_deref()?;
    // A finding about a whole file stands at its first line.
    let from = finding.line.unwrap_or(1).max(1);
    let to = finding.end_line.unwrap_or(from).max(from);
    let start = place(path, from);
    let end = if to == from { start.clone() } else { place(path, to) };
    Some(match (start, end) {
        (Place::At { path, line: from }, Place::At { path: other, line: to }) if path == other => {
            let from = from.max(1);
            Ok((path, [from, to.max(from)]))
        }
        (Place::At { path, line }, _) | (_, Place::At { path, line }) => Ok((path, [line.max(1); 2])),
        (neither, _) => Err(neither),
    })
}

/// Only what blocks and is red fails; advice and what a green gate found never do.
fn level(verdict: &Verdict, finding: &Finding) -> Level {
    let stops = super::words::stops(verdict);
    match finding.severity {
        Severity::High | Severity::Critical if stops => Level::Failure,
        Severity::High | Severity::Critical => Level::Warning,
        Severity::Medium if stops => Level::Warning,
        Severity::Medium if verdict.enforce == Enforce::Advise && !verdict.outcome.is_green() => Level::Warning,
        _ => Level::Notice,
    }
}

fn annotation(verdict: &Verdict, finding: &Finding, path: String, [start_line, end_line]: [u64; 2]) -> Annotation {
    let advice = if verdict.enforce == Enforce::Advise { " (advice)" } else { "" };
    // A failing test has its name on the first line and what it said after it.
    let (head, message) = match finding.message.split_once('\n') {
        Some((name, rest)) if !rest.trim().is_empty() => (name, rest),
        _ => (finding.rule.as_str(), finding.message.as_str()),
    };
    let title = format!("{}{advice}: {}", verdict.gate, clean::line(head, TITLE_BYTES));
    let message = shown(message);
    Annotation {
        path,
        start_line,
        end_line,
        level: level(verdict, finding),
        title: clean::cut_bytes(&title, TITLE_BYTES),
        // GitHub refuses an empty one, and with it the whole request.
        message: if message.trim().is_empty() { clean::cut_bytes(&title, MESSAGE_BYTES) } else { message },
        raw_details: finding.detail.as_deref().map(shown).filter(|text| !text.trim().is_empty()),
        gate: verdict.gate,
    }
}

fn shown(text: &str) -> String {
    let text = clean::cut_bytes(text, MESSAGE_BYTES).replace("\r\n", "\n");
    // A sign for what is not shown has more bytes than what it stands for.
    clean::cut_bytes(&clean::terminal(&text), MESSAGE_BYTES)
}

/// A workflow command. GitHub shows a title and a message; there is no place for raw details.
pub fn command(annotation: &Annotation) -> String {
    let Annotation { path, start_line, end_line, level, title, message, .. } = annotation;
    let (path, title) = (property(path), property(&clean::line(title, TITLE_BYTES)));
    let message = clean::actions(&units(message));
    // What breaks up commands has made it longer; the second cut falls where nothing new can begin.
    let message = data(&units(&message));
    format!("::{} file={path},line={start_line},endLine={end_line},title={title}::{message}", level.command())
}

/// The command that shows why nothing was done; at a place where there is one.
pub fn error(place: Option<(&str, u64)>, message: &str) -> String {
    let place = place.map_or(String::new(), |(path, line)| format!("file={},line={line},", property(path)));
    format!("::error {place}title=qte-ci::{}", data(&units(&clean::actions(&units(message)))))
}

/// At most `per_kind` commands of each kind, in the order given, and how many annotations have none.
pub fn commands(annotated: &[Annotation], per_kind: usize) -> (Vec<String>, u64) {
    let mut out = Vec::new();
    for level in [Level::Failure, Level::Warning, Level::Notice] {
        out.extend(annotated.iter().filter(|a| a.level == level).take(per_kind).map(command));
    }
    let left_out = (annotated.len() - out.len()) as u64;
    (out, left_out)
}

fn units(text: &str) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.len_utf16();
        used <= COMMAND_UNITS
    };
    text.chars().take_while(fits).collect()
}

/// The runner's escaping of a command's text.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The runner's escaping of a property.
fn property(text: &str) -> String {
    data(&clean::actions(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::verdict::Outcome;

    fn report(verdicts: Vec<Verdict>) -> Report {
        let text = r#"{"schema":"","tool":{"version":"","commit":null},"now":"","seconds":0.0,"outcome":"fail",
            "subject":{"repository":null,"sha":null,"tree":null,"dirty":false,"ref":null,"event":null,"base":null},
            "policy":{},"policy_sha256":"","looser":[],"verdicts":[],"evidence":[],"timings":[],
            "details":{"path":"","sha256":""}}"#;
        let mut report: Report = serde_json::from_str(text).unwrap();
        report.verdicts = verdicts;
        report
    }

    fn verdict(gate: Gate, enforce: Enforce, outcome: Outcome, findings: Vec<Finding>) -> Verdict {
        let findings_total = findings.len() as u64;
        Verdict { findings, findings_total, ..Verdict::new(gate, enforce, outcome, "") }
    }

    fn at(severity: Severity, path: &str, line: u64) -> Finding {
        Finding::new("rule", severity, "message").at(path, Some(line), None)
    }

    fn here(path: &str, line: u64) -> Place {
        Place::At { path: path.into(), line }
    }

    #[test]
    fn what_stops_the_run_comes_first_then_severity_then_place() {
        let advice = vec![at(Severity::Critical, "a.py", 1)];
        let blocks = vec![
            at(Severity::Medium, "a.py", 1),
            at(Severity::High, "b.py", 9),
            at(Severity::High, "b.py", 2),
            at(Severity::Critical, "z.py", 1),
        ];
        let annotated = annotations(
            &report(vec![
                verdict(Gate::Coverage, Enforce::Advise, Outcome::Fail, advice),
                verdict(Gate::Tests, Enforce::Block, Outcome::Fail, blocks),
            ]),
            &here,
            4,
        );
        let seen: Vec<_> = annotated.kept.iter().map(|a| (a.level, a.path.as_str(), a.start_line)).collect();
        use Level::*;
        assert_eq!(seen, [(Failure, "z.py", 1), (Failure, "b.py", 2), (Failure, "b.py", 9), (Warning, "a.py", 1)]);
        assert_eq!(annotated.kept[3].gate, Gate::Coverage, "critical advice before a medium that blocks");
        assert_eq!(annotated.over_limit, 1);
    }

    #[test]
    fn only_a_red_gate_that_blocks_fails() {
        use Severity::*;
        for (enforce, outcome, severity, level) in [
            (Enforce::Block, Outcome::Fail, Critical, Level::Failure),
            (Enforce::Block, Outcome::Inconclusive, High, Level::Failure),
            (Enforce::Block, Outcome::Fail, Medium, Level::Warning),
            (Enforce::Block, Outcome::Fail, Low, Level::Notice),
            (Enforce::Block, Outcome::Pass, Critical, Level::Warning),
            (Enforce::Block, Outcome::Pass, Medium, Level::Notice),
            (Enforce::Advise, Outcome::Fail, Critical, Level::Warning),
            (Enforce::Advise, Outcome::Fail, Medium, Level::Warning),
            (Enforce::Advise, Outcome::Fail, Notice, Level::Notice),
        ] {
            let one = verdict(Gate::Tests, enforce, outcome, vec![at(severity, "a.py", 1)]);
            let annotated = annotations(&report(vec![one]), &here, 9);
            assert_eq!(annotated.kept[0].level, level, "{enforce:?} {outcome:?} {severity:?}");
        }
    }

    #[test]
    fn both_ends_of_a_range_are_mapped() {
        // The head commit has lines 1 to 9, each three lines further down.
        let moved = |path: &str, line: u64| match (path, line) {
            ("gone.py", _) => Place::Outside,
            (_, 1..=9) => Place::At { path: format!("sub/{path}"), line: line + 3 },
            _ => Place::NotInHead,
        };
        let one = |path: &str, line, end| {
            let finding = Finding::new("r", Severity::High, "m").at(path, line, end);
            annotations(&report(vec![verdict(Gate::Tests, Enforce::Block, Outcome::Fail, vec![finding])]), &moved, 9)
        };
        for (line, end, lines) in [
            (Some(2), Some(5), [5, 8]),
            (Some(2), None, [5, 5]),
            (Some(8), Some(40), [11, 11]),
            (Some(0), Some(0), [4, 4]),
            (Some(5), Some(2), [8, 8]),
            (None, None, [4, 4]),
        ] {
            let kept = one("a.py", line, end).kept;
            assert_eq!((kept[0].path.as_str(), [kept[0].start_line, kept[0].end_line]), ("sub/a.py", lines));
        }
        assert_eq!(one("gone.py", Some(1), None).outside, 1);
        assert_eq!(one("a.py", Some(11), Some(12)).not_in_head, 1);
    }

    #[test]
    fn a_failing_test_has_its_name_for_a_title() {
        let mut finding = Finding::new("test-failure", Severity::High, "t.py::a\nassert 1 == 2\nmore");
        finding = finding.at("t.py", Some(4), None);
        finding.detail = Some("Traceback\r\nE".into());
        let one = verdict(Gate::Tests, Enforce::Block, Outcome::Fail, vec![finding]);
        let kept = annotations(&report(vec![one]), &here, 1).kept;
        assert_eq!(kept[0].title, "tests: t.py::a");
        assert_eq!(kept[0].message, "assert 1 == 2\nmore");
        assert_eq!(kept[0].raw_details.as_deref(), Some("Traceback\nE"));
        assert_eq!(
            command(&kept[0]),
            "::error file=t.py,line=4,endLine=4,title=tests%3A t.py%3A%3Aa::assert 1 == 2%0Amore"
        );
    }

    #[test]
    fn each_kind_of_command_has_its_own_limit() {
        let of = |severity, count| (1..=count).map(move |line| at(severity, "a.py", line));
        let findings = of(Severity::High, 12).chain(of(Severity::Medium, 3)).chain(of(Severity::Low, 11)).collect();
        let one = verdict(Gate::Tests, Enforce::Block, Outcome::Fail, findings);
        let (commands, left_out) = commands(&annotations(&report(vec![one]), &here, 100).kept, 10);
        let count = |kind: &str| commands.iter().filter(|c| c.starts_with(kind)).count();
        assert_eq!((count("::error "), count("::warning "), count("::notice "), left_out), (10, 3, 10, 3));
    }
}
