//! Ruff's JSON report: a list of violations. A file that Ruff cannot parse stands among them, and was not looked at.

use super::error::ReadError;
use super::findings::{Out, Record, Records};
use super::json::{self, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found};
use serde::de::MapAccess;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "ruff",
    title: "Ruff JSON",
    reads: "every violation with its rule; Ruff tells no severity: all are medium. A syntax error is a violation of \
        high severity, and its file was not measured.",
    written_by: "Ruff 0.14 and 0.17 (`--output-format json`)",
    refuses: "anything but a list, a violation without a file. An empty list has no outline: it is read under \
        `--format ruff` alone.",
    looks_like: |s| s.syntax == Syntax::JsonArray && s.has_keys(&["code", "filename", "location"]),
    holds: Holds::Findings(read),
};

/// Ruff's name for what cannot be parsed; before 0.5 such a violation has no code.
const SYNTAX_ERROR: &str = "invalid-syntax";

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut unparsed = Vec::new();
    let mut seen = |found: &Found<'_>| {
        if found.rule == SYNTAX_ERROR {
            unparsed.push(format!("{}: {}", found.path.as_deref().unwrap_or_default(), found.message));
            unparsed.truncate(KEPT_UNPARSED);
        }
        each(found);
    };
    let mut out = Out::new(Some("Ruff"), &mut seen);
    json::document(source, json::list(&mut Records { out: &mut out, one: &mut Violation::default() }))?;
    let mut findings = out.findings;
    findings.unmeasured = unparsed;
    Ok(findings)
}

/// How many files that could not be parsed are named.
const KEPT_UNPARSED: usize = 100;

/// One violation; its texts are used again.
#[derive(Default)]
struct Violation {
    code: String,
    message: String,
    file: String,
    start: Option<u64>,
    end: Option<u64>,
}

impl Record for Violation {
    fn clear(&mut self) {
        let Violation { code, message, file, start, end } = self;
        [code, message, file].into_iter().for_each(String::clear);
        (*start, *end) = (None, None);
    }

    fn found(&self) -> Result<Found<'_>, String> {
        if self.file.is_empty() {
            return Err("a violation without `filename`".into());
        }
        let is_syntax = self.code.is_empty() || self.code == SYNTAX_ERROR;
        let (rule, severity) = match is_syntax {
            true => (SYNTAX_ERROR, Severity::High),
            false => (self.code.as_str(), Severity::Medium),
        };
        Ok(Found {
            rule: rule.into(),
            message: (&self.message).into(),
            severity,
            level: "".into(),
            confidence: "".into(),
            path: Some((&self.file).into()),
            line: self.start,
            end_line: self.end,
            suppressed: false,
            package: None,
        })
    }
}

impl Object for Violation {
    const WHAT: &'static str = "a violation";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "code" => json::text(map, &mut self.code),
            "message" => json::text(map, &mut self.message),
            "filename" => json::path(map, &mut self.file),
            "location" => json::number_of(map, "row", &mut self.start),
            "end_location" => json::number_of(map, "row", &mut self.end),
            _ => json::skip(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_is_a_violation_and_its_file_was_not_looked_at() {
        let text = r#"[{"code":"F401","message":"m","filename":"a.py","location":{"row":2,"column":1},
            "end_location":{"row":3,"column":1}},
            {"code":null,"message":"Expected","filename":"b.py","location":{"row":1}},
            {"code":"invalid-syntax","message":"Got","filename":"c.py","location":null}]"#;
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            seen.push(format!("{} {} {:?} {:?}", f.rule, f.severity.id(), f.line, f.end_line));
        })
        .unwrap();
        assert_eq!(
            seen,
            ["F401 medium Some(2) Some(3)", "invalid-syntax high Some(1) None", "invalid-syntax high None None"]
        );
        assert_eq!((findings.total, findings.by_level.len()), (3, 0));
        assert_eq!(findings.unmeasured, ["b.py: Expected", "c.py: Got"]);
        for (bad, what) in [(r#"[{"code":"F401"}]"#, "without `filename`"), ("{}", "a list of findings"), ("[", "EOF")]
        {
            let error = read(&mut bad.as_bytes(), &mut |_| {}).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
        assert_eq!(read(&mut "[]".as_bytes(), &mut |_| {}).unwrap().total, 0);
    }
}
