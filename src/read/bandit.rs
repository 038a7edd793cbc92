//! Bandit's JSON report: `results`, and `errors` for files that it could not read.

use super::error::ReadError;
use super::findings::{Out, Record, Records};
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found};
use serde::de::{MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "bandit",
    title: "Bandit JSON",
    reads: "every result with its severity and its confidence; each entry of `errors` is a file that was not measured.",
    written_by: "Bandit 1.9 (`-f json`)",
    refuses: "a report without `results` or `errors`, a severity that Bandit does not know.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["errors", "generated_at"]),
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report = Report { out: Out::new(Some("Bandit"), each), results: false, errors: false };
    json::document(source, json::object(&mut report))?;
    Ok(report.out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    results: bool,
    errors: bool,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of Bandit";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "results" => {
                self.results = true;
                let mut one = Issue::default();
                map.next_value_seed(json::list(&mut Records { out: &mut self.out, one: &mut one }))
            }
            "errors" => {
                self.errors = true;
                map.next_value_seed(json::list(&mut Skipped(&mut self.out)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.results, self.errors) {
            (true, true) => Ok(()),
            (false, _) => Err("no `results`".into()),
            (true, false) => Err("no `errors`: what was not read is not told".into()),
        }
    }
}

/// One result; its texts are used again.
#[derive(Default)]
struct Issue {
    rule: String,
    message: String,
    severity: String,
    confidence: String,
    file: String,
    line: Option<u64>,
    end_line: Option<u64>,
}

impl Record for Issue {
    fn clear(&mut self) {
        let Issue { rule, message, severity, confidence, file, .. } = self;
        for text in [rule, message, severity, confidence, file] {
            text.clear();
        }
        (self.line, self.end_line) = (None, None);
    }

    fn found(&self) -> Result<Found<'_>, String> {
        let severity = match self.severity.as_str() {
            "HIGH" => Severity::High,
            "MEDIUM" => Severity::Medium,
            "LOW" => Severity::Low,
            "UNDEFINED" => Severity::Notice,
            other => return Err(format!("a severity of Bandit expected, found `{other}`")),
        };
        Ok(Found {
            rule: (&self.rule).into(),
            message: (&self.message).into(),
            severity,
            level: (&self.severity).into(),
            confidence: (&self.confidence).into(),
            path: (!self.file.is_empty()).then_some((&self.file).into()),
            line: self.line,
            end_line: self.end_line,
            suppressed: false,
            package: None,
        })
    }
}

impl Object for Issue {
    const WHAT: &'static str = "a result";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "test_id" => json::text(map, &mut self.rule)?,
            "issue_text" => json::text(map, &mut self.message)?,
            "issue_severity" => json::text(map, &mut self.severity)?,
            "issue_confidence" => json::text(map, &mut self.confidence)?,
            "filename" => json::path(map, &mut self.file)?,
            "line_number" => self.line = map.next_value()?,
            "line_range" => map.next_value_seed(json::list_or_null(&mut Last(&mut self.end_line)))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

/// The greatest line of a range, which Bandit writes line by line.
struct Last<'a>(&'a mut Option<u64>);

impl List for Last<'_> {
    const WHAT: &'static str = "a list of lines";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let next: Option<u64> = list.next_element()?;
        *self.0 = (*self.0).max(next);
        Ok(next.is_some())
    }
}

struct Skipped<'a, 'e>(&'a mut Out<'e>);

impl List for Skipped<'_, '_> {
    const WHAT: &'static str = "a list of files that were skipped";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut file = SkippedFile::default();
        let some = list.next_element_seed(json::object(&mut file))?.is_some();
        if some {
            self.0.unmeasured(format!("{}: {}", file.name, file.reason));
        }
        Ok(some)
    }
}

#[derive(Default)]
struct SkippedFile {
    name: String,
    reason: String,
}

impl Object for SkippedFile {
    const WHAT: &'static str = "a file that was skipped";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "filename" => json::path(map, &mut self.name),
            "reason" => json::text(map, &mut self.reason),
            _ => json::skip(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_have_confidence_and_skipped_files_are_told() {
        let text = r#"{"errors":[{"filename":"b.py","reason":"syntax error"}],"generated_at":"x","results":[
            {"test_id":"B101","issue_text":"t","issue_severity":"LOW","issue_confidence":"HIGH","filename":"a.py",
            "line_number":3,"line_range":[3,4]}]}"#;
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            seen.push(format!("{} {} {} {:?} {:?}", f.rule, f.severity.id(), f.confidence, f.line, f.end_line));
        })
        .unwrap();
        assert_eq!(seen, ["B101 low HIGH Some(3) Some(4)"]);
        assert_eq!((findings.total, findings.by_level["LOW"]), (1, 1));
        assert_eq!(findings.unmeasured, ["b.py: syntax error"]);
        for (bad, what) in [
            (r#"{"errors":[]}"#, "no `results`"),
            (r#"{"results":[]}"#, "no `errors`"),
            (r#"{"results":[{"issue_severity":"X"}]}"#, "found `X`"),
        ] {
            let error = read(&mut bad.as_bytes(), &mut |_| {}).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
