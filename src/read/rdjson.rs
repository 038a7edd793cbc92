//! Reviewdog Diagnostic Format: `diagnostics`, each with its message, location, severity and code.
//! Source: reviewdog, proto/rdf/reviewdog.proto (DiagnosticResult).

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
    id: "rdjson",
    title: "Reviewdog JSON (rdjson)",
    reads: "every diagnostic with its code as the rule. One without a severity is medium: the report's own default may \
        stand behind the diagnostics, and is not used.",
    written_by: "Ruff 0.17 (`--output-format rdjson`)",
    refuses: "a report without `diagnostics`, a severity other than ERROR, WARNING and INFO. One object a line \
        (rdjsonl) is not read.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["diagnostics"]),
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report = Report { out: Out::new(None, each), diagnostics: false, tool: String::new() };
    json::document(source, json::object(&mut report))?;
    let Report { mut out, tool, .. } = report;
    out.findings.tool = (!tool.is_empty()).then_some(tool);
    Ok(out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    diagnostics: bool,
    tool: String,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report in Reviewdog's format";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "source" => json::text_of(map, "name", &mut self.tool),
            "diagnostics" => {
                self.diagnostics = true;
                let mut one = Diagnostic::default();
                map.next_value_seed(json::list(&mut Records { out: &mut self.out, one: &mut one }))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.diagnostics { Ok(()) } else { Err("no `diagnostics`".into()) }
    }
}

/// One diagnostic; its texts are used again.
#[derive(Default)]
struct Diagnostic {
    message: String,
    severity: String,
    code: String,
    place: Place,
}

impl Record for Diagnostic {
    fn clear(&mut self) {
        let Diagnostic { message, severity, code, place } = self;
        [message, severity, code, &mut place.path].into_iter().for_each(String::clear);
        (place.start, place.end) = (None, None);
    }

    fn found(&self) -> Result<Found<'_>, String> {
        let severity = match self.severity.as_str() {
            "ERROR" => Severity::High,
            "WARNING" | "" | "UNKNOWN_SEVERITY" => Severity::Medium,
            "INFO" => Severity::Low,
            other => return Err(format!("a severity of rdjson expected, found `{other}`")),
        };
        Ok(Found {
            rule: (&self.code).into(),
            message: (&self.message).into(),
            severity,
            level: (&self.severity).into(),
            confidence: "".into(),
            path: (!self.place.path.is_empty()).then_some((&self.place.path).into()),
            line: self.place.start,
            end_line: self.place.end,
            suppressed: false,
            package: None,
        })
    }
}

impl Object for Diagnostic {
    const WHAT: &'static str = "a diagnostic";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "message" => json::text(map, &mut self.message),
            "severity" => json::text(map, &mut self.severity),
            "code" => json::text_of(map, "value", &mut self.code),
            "location" => map.next_value_seed(json::object_or_null(&mut self.place)),
            _ => json::skip(map),
        }
    }
}

/// A location, and the range inside it: their members have names of their own.
#[derive(Default)]
struct Place {
    path: String,
    start: Option<u64>,
    end: Option<u64>,
}

impl Object for Place {
    const WHAT: &'static str = "a location";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "path" => json::path(map, &mut self.path),
            "range" => map.next_value_seed(json::object_or_null(self)),
            "start" => json::number_of(map, "line", &mut self.start),
            "end" => json::number_of(map, "line", &mut self.end),
            _ => json::skip(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_have_their_code_and_place() {
        let text = r#"{"diagnostics":[{"message":"m","location":{"path":"a.py","range":{"start":{"line":2,"column":1},
            "end":{"line":4}}},"severity":"ERROR","code":{"value":"E1","url":"u"}},{"message":"n"}],
            "source":{"name":"tool"},"severity":"WARNING"}"#;
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            seen.push(format!("{} {} {:?} {:?} {:?}", f.rule, f.severity.id(), f.path.as_deref(), f.line, f.end_line));
        })
        .unwrap();
        assert_eq!(seen, ["E1 high Some(\"a.py\") Some(2) Some(4)", " medium None None None"]);
        assert_eq!((findings.total, findings.tool.as_deref(), findings.by_level["ERROR"]), (2, Some("tool"), 1));
        for (bad, what) in [("{}", "no `diagnostics`"), (r#"{"diagnostics":[{"severity":"bad"}]}"#, "found `bad`")] {
            let error = read(&mut bad.as_bytes(), &mut |_| {}).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
