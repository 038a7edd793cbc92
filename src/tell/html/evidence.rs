//! The evidence, what was judged, and under which settings.

use super::numbers::{duration, text, thousands};
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::report::{Report, Subject};

/// One piece of evidence.
pub struct Row {
    pub kind: &'static str,
    pub gate: &'static str,
    /// `pytest 9.0.1`.
    pub tool: String,
    pub argv: String,
    /// `exit 1`; empty where nothing ran.
    pub ending: String,
    pub seconds: String,
    pub path: String,
    pub format: String,
    pub bytes: String,
    pub sha256: String,
    pub written: String,
    pub refused: Option<String>,
}

pub fn rows(report: &Report) -> Vec<Row> {
    report.evidence.iter().map(row).collect()
}

fn row(item: &Evidence) -> Row {
    let shown = |field: &Option<String>| field.as_deref().map_or_else(String::new, |s| text(s, 400));
    Row {
        kind: match item.kind {
            EvidenceKind::Command => "command",
            EvidenceKind::File => "file",
            EvidenceKind::Http => "http",
            EvidenceKind::Series => "series",
        },
        gate: item.gate.id(),
        tool: format!("{} {}", shown(&item.tool), shown(&item.version)).trim().into(),
        argv: text(&command_line(&item.argv), 2_000),
        ending: if item.kind == EvidenceKind::Command { Ending::of(item).to_string() } else { String::new() },
        seconds: item.seconds.map_or_else(String::new, duration),
        path: shown(&item.path),
        format: shown(&item.format),
        bytes: item.bytes.map_or_else(String::new, |n| format!("{} bytes", thousands(n))),
        sha256: shown(&item.sha256),
        written: shown(&item.written),
        refused: item.refused.as_deref().map(|why| text(why, 1_000)),
    }
}

/// The arguments as a shell would take them.
fn command_line(argv: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    let quoted = argv.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// One line of what was judged.
pub struct Fact {
    pub name: &'static str,
    pub value: String,
    pub note: String,
}

pub fn subject(subject: &Subject) -> Vec<Fact> {
    let shown = |field: &Option<String>| text(field.as_deref().unwrap_or("not known"), 400);
    let fact = |name, value, note: &str| Fact { name, value, note: note.into() };
    let dirty = if subject.dirty { "the work tree differs from it" } else { "" };
    let mut facts = vec![
        fact("Repository", shown(&subject.repository), ""),
        fact("Commit", shown(&subject.sha), dirty),
        fact("Tree", shown(&subject.tree), ""),
        fact("Ref", shown(&subject.reference), ""),
        fact("Event", shown(&subject.event), ""),
    ];
    match &subject.base {
        Some(base) => {
            facts.push(fact("Base", text(&base.sha, 400), &text(&base.why, 400)));
            facts.push(fact("Diff sha256", text(&base.diff_sha256, 400), ""));
        }
        None => facts.push(fact("Base", "none".into(), "nothing was compared with a base")),
    }
    facts
}

/// One resolved setting.
pub struct SettingRow {
    pub name: String,
    pub value: String,
    pub source: String,
}

pub fn settings(report: &Report) -> Vec<SettingRow> {
    let row = |(name, setting): (&String, &crate::facts::report::PolicyValue)| SettingRow {
        name: text(name, 200),
        value: match &setting.value {
            serde_json::Value::String(value) => text(value, 2_000),
            serde_json::Value::Null => "off".into(),
            other => text(&other.to_string(), 2_000),
        },
        source: text(&setting.source.to_string(), 400),
    };
    report.policy.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_run_again() {
        let words = ["python", "-m", "pytest", "-k", "a or b", "it's", ""].map(String::from);
        // As Python's shlex.join quotes it, but for the apostrophe, where either form is POSIX.
        assert_eq!(command_line(&words), r"python -m pytest -k 'a or b' 'it'\''s' ''");
    }
}
