//! ESLint's JSON report: a list of files, each with its messages. A fatal message tells of a file that was not looked at.

use super::error::ReadError;
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found};
use serde::de::{Error, MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "eslint",
    title: "ESLint JSON",
    reads: "every message of every file as `error` or `warning`; those of `suppressedMessages` as suppressed. A fatal \
        message (the file cannot be parsed) is a finding, and its file was not measured. `errorCount` and \
        `warningCount` are only compared.",
    written_by: "ESLint 9.39 (`-f json`)",
    refuses: "anything but a list, a file whose `messages` stand before its `filePath`, a severity other than 1 and 2. \
        An empty list has no outline: it is read under `--format eslint` alone.",
    looks_like: |s| s.syntax == Syntax::JsonArray && s.has_keys(&["filePath", "messages"]),
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report =
        Report { out: Out::new(Some("ESLint"), each), declared: Counts::default(), counted: Counts::default() };
    json::document(source, json::list(&mut report))?;
    let Report { mut out, declared, counted } = report;
    for (what, declared, counted) in
        [("errors", declared.errors, counted.errors), ("warnings", declared.warnings, counted.warnings)]
    {
        if declared != counted {
            out.findings.contradictions.push(format!("declares {declared} {what} and holds {counted}"));
        }
    }
    Ok(out.findings)
}

#[derive(Default)]
struct Counts {
    errors: u64,
    warnings: u64,
}

struct Report<'e> {
    out: Out<'e>,
    declared: Counts,
    counted: Counts,
}

impl List for Report<'_> {
    const WHAT: &'static str = "a list of files";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut file = File { report: self, path: String::new(), one: Message::default() };
        Ok(list.next_element_seed(json::object(&mut file))?.is_some())
    }
}

struct File<'a, 'e> {
    report: &'a mut Report<'e>,
    path: String,
    one: Message,
}

impl Object for File<'_, '_> {
    const WHAT: &'static str = "a file";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "filePath" => json::path(map, &mut self.path),
            "messages" | "suppressedMessages" if self.path.is_empty() => {
                Err(M::Error::custom("`filePath` expected before the messages"))
            }
            "messages" => map.next_value_seed(json::list(&mut Messages { file: self, suppressed: false })),
            "suppressedMessages" => {
                map.next_value_seed(json::list_or_null(&mut Messages { file: self, suppressed: true }))
            }
            "errorCount" => {
                self.report.declared.errors = self.report.declared.errors.saturating_add(map.next_value()?);
                Ok(())
            }
            "warningCount" => {
                self.report.declared.warnings = self.report.declared.warnings.saturating_add(map.next_value()?);
                Ok(())
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.path.is_empty() { Err("a file without `filePath`".into()) } else { Ok(()) }
    }
}

struct Messages<'a, 'b, 'e> {
    file: &'a mut File<'b, 'e>,
    suppressed: bool,
}

impl List for Messages<'_, '_, '_> {
    const WHAT: &'static str = "a list of messages";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let File { report, path, one } = &mut *self.file;
        one.clear();
        if list.next_element_seed(json::object(one))?.is_none() {
            return Ok(false);
        }
        let found = one.found(path, self.suppressed).map_err(S::Error::custom)?;
        if !self.suppressed {
            let errors = found.severity == Severity::High;
            report.counted.errors += u64::from(errors);
            report.counted.warnings += u64::from(!errors);
        }
        report.out.push(&found);
        if one.fatal {
            report.out.unmeasured(format!("{path}: {}", one.message));
        }
        Ok(true)
    }
}

/// One message; its texts are used again.
#[derive(Default)]
struct Message {
    rule: String,
    message: String,
    severity: u64,
    line: Option<u64>,
    end_line: Option<u64>,
    fatal: bool,
}

impl Message {
    fn clear(&mut self) {
        self.rule.clear();
        self.message.clear();
        (self.line, self.end_line) = (None, None);
        (self.severity, self.fatal) = (0, false);
    }

    fn found<'a>(&'a self, path: &'a str, suppressed: bool) -> Result<Found<'a>, String> {
        let (level, severity) = match self.severity {
            2 => ("error", Severity::High),
            1 => ("warning", Severity::Medium),
            other => return Err(format!("a severity of 1 or 2 expected, found {other}")),
        };
        Ok(Found {
            // ESLint's own complaints, of a file that cannot be parsed for instance, are no rule's.
            rule: if self.rule.is_empty() { "eslint" } else { &self.rule }.into(),
            message: (&self.message).into(),
            severity,
            level: level.into(),
            confidence: "".into(),
            path: Some(path.into()),
            line: self.line.filter(|&line| line > 0),
            end_line: self.end_line,
            suppressed,
            package: None,
        })
    }
}

impl Object for Message {
    const WHAT: &'static str = "a message";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "ruleId" => json::text(map, &mut self.rule)?,
            "message" => json::text(map, &mut self.message)?,
            "severity" => self.severity = map.next_value()?,
            "line" => self.line = map.next_value()?,
            "endLine" => self.end_line = map.next_value()?,
            "fatal" => self.fatal = map.next_value::<Option<bool>>()?.unwrap_or(false),
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            seen.push(format!("{} {} {:?} {}", f.rule, f.level, f.line, f.suppressed));
        })?;
        Ok((findings, seen))
    }

    #[test]
    fn messages_are_of_their_file_and_a_fatal_one_means_that_it_was_not_looked_at() {
        let (findings, seen) = one(r#"[{"filePath":"/p/a.js","messages":[
            {"ruleId":"eqeqeq","severity":1,"message":"m","line":3,"endLine":4},
            {"ruleId":null,"fatal":true,"severity":2,"message":"Parsing error","line":0}],
            "suppressedMessages":[{"ruleId":"no-console","severity":2,"message":"s","line":6}],
            "errorCount":1,"warningCount":1}]"#)
        .unwrap();
        assert_eq!(seen, ["eqeqeq warning Some(3) false", "eslint error None false", "no-console error Some(6) true"]);
        assert_eq!((findings.total, findings.suppressed, findings.by_level["error"]), (3, 1, 2));
        assert_eq!(findings.unmeasured, ["/p/a.js: Parsing error"]);
        assert!(findings.contradictions.is_empty(), "{:?}", findings.contradictions);
    }

    #[test]
    fn totals_are_compared_and_what_is_missing_is_named() {
        let (findings, _) = one(r#"[{"filePath":"a","messages":[],"errorCount":2,"warningCount":0}]"#).unwrap();
        assert_eq!(findings.contradictions, ["declares 2 errors and holds 0"]);
        for (bad, what) in [
            (r#"[{"messages":[],"filePath":"a"}]"#, "before the messages"),
            (r#"[{}]"#, "without `filePath`"),
            (r#"[{"filePath":"a","messages":[{"severity":3}]}]"#, "found 3"),
            ("{}", "a list of files"),
        ] {
            let error = one(bad).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
