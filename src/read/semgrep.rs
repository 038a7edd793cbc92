//! Semgrep's JSON report: `results`, and `errors` for what it could not run or parse.

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
    id: "semgrep",
    title: "Semgrep JSON",
    reads: "every result with its severity; one that a comment ignores is suppressed. Each entry of `errors` was not \
        measured, and so is a report that says itself that no file was scanned.",
    written_by: "Semgrep 1.185 (`--json`)",
    refuses: "a report without `results` or `errors`, a severity that Semgrep does not know.",
    looks_like: |s| {
        s.syntax == Syntax::JsonObject && s.has_keys(&["errors", "results"]) && !s.has_keys(&["generated_at"])
    },
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let out = Out::new(Some("Semgrep"), each);
    let mut report = Report { out, results: false, errors: false, paths: Paths::default(), version: String::new() };
    json::document(source, json::object(&mut report))?;
    let Report { mut out, paths, version, .. } = report;
    if paths.scanned == Some(0) {
        out.unmeasured("no file was scanned".into());
    }
    out.findings.version = (!version.is_empty()).then_some(version);
    Ok(out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    results: bool,
    errors: bool,
    paths: Paths,
    version: String,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of Semgrep";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "results" => {
                self.results = true;
                let mut one = Match::default();
                map.next_value_seed(json::list(&mut Records { out: &mut self.out, one: &mut one }))
            }
            "errors" => {
                self.errors = true;
                map.next_value_seed(json::list(&mut Faults(&mut self.out)))
            }
            "paths" => map.next_value_seed(json::object_or_null(&mut self.paths)),
            "version" => json::text(map, &mut self.version),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.results, self.errors) {
            (true, true) => Ok(()),
            (false, _) => Err("no `results`".into()),
            (true, false) => Err("no `errors`: what was not looked at is not told".into()),
        }
    }
}

/// How many files were scanned, where the report tells.
#[derive(Default)]
struct Paths {
    scanned: Option<u64>,
}

impl Object for Paths {
    const WHAT: &'static str = "the paths";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "scanned" => map.next_value_seed(json::list(&mut Count(self.scanned.insert(0)))),
            _ => json::skip(map),
        }
    }
}

struct Count<'a>(&'a mut u64);

impl List for Count<'_> {
    const WHAT: &'static str = "a list of paths";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let some = list.next_element::<serde::de::IgnoredAny>()?.is_some();
        *self.0 += u64::from(some);
        Ok(some)
    }
}

/// One result; its texts are used again.
#[derive(Default)]
struct Match {
    rule: String,
    path: String,
    start: Option<u64>,
    end: Option<u64>,
    extra: Extra,
}

#[derive(Default)]
struct Extra {
    message: String,
    severity: String,
    ignored: bool,
    confidence: String,
}

impl Record for Match {
    fn clear(&mut self) {
        let Match { rule, path, start, end, extra } = self;
        let Extra { message, severity, ignored, confidence } = extra;
        [rule, path, message, severity, confidence].into_iter().for_each(String::clear);
        (*start, *end, *ignored) = (None, None, false);
    }

    fn found(&self) -> Result<Found<'_>, String> {
        let severity = match self.extra.severity.as_str() {
            "CRITICAL" => Severity::Critical,
            "ERROR" | "HIGH" => Severity::High,
            "WARNING" | "MEDIUM" => Severity::Medium,
            "INFO" | "LOW" => Severity::Low,
            "INVENTORY" | "EXPERIMENT" => Severity::Notice,
            other => return Err(format!("a severity of Semgrep expected, found `{other}`")),
        };
        Ok(Found {
            rule: (&self.rule).into(),
            message: (&self.extra.message).into(),
            severity,
            level: (&self.extra.severity).into(),
            confidence: (&self.extra.confidence).into(),
            path: (!self.path.is_empty()).then_some((&self.path).into()),
            line: self.start,
            end_line: self.end,
            suppressed: self.extra.ignored,
            package: None,
        })
    }
}

impl Object for Match {
    const WHAT: &'static str = "a result";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "check_id" => json::text(map, &mut self.rule),
            "path" => json::path(map, &mut self.path),
            "start" => json::number_of(map, "line", &mut self.start),
            "end" => json::number_of(map, "line", &mut self.end),
            "extra" => map.next_value_seed(json::object_or_null(&mut self.extra)),
            _ => json::skip(map),
        }
    }
}

impl Object for Extra {
    const WHAT: &'static str = "what a result tells beside its place";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "message" => json::text(map, &mut self.message)?,
            "severity" => json::text(map, &mut self.severity)?,
            "is_ignored" => self.ignored = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "metadata" => json::text_of(map, "confidence", &mut self.confidence)?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

struct Faults<'a, 'e>(&'a mut Out<'e>);

impl List for Faults<'_, '_> {
    const WHAT: &'static str = "a list of errors";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut fault = Fault::default();
        let some = list.next_element_seed(json::object(&mut fault))?.is_some();
        if some {
            let place = if fault.path.is_empty() { String::new() } else { format!("{}: ", fault.path) };
            self.0.unmeasured(format!("{place}{}", fault.message));
        }
        Ok(some)
    }
}

#[derive(Default)]
struct Fault {
    path: String,
    message: String,
}

impl Object for Fault {
    const WHAT: &'static str = "an error";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "path" => json::path(map, &mut self.path),
            "message" => json::text(map, &mut self.message),
            _ => json::skip(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_an_empty_scan_were_not_measured() {
        let text = r#"{"version":"1.1","errors":[{"code":3,"level":"warn","message":"Syntax error","path":"b.py"}],
            "paths":{"scanned":[]},"results":[{"check_id":"r","path":"a.py","start":{"line":3},"end":{"line":4},
            "extra":{"message":"m","severity":"ERROR","is_ignored":true,"metadata":{"confidence":"LOW"}}}]}"#;
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            seen.push(format!("{} {} {} {:?} {}", f.rule, f.severity.id(), f.confidence, f.line, f.suppressed));
        })
        .unwrap();
        assert_eq!(seen, ["r high LOW Some(3) true"]);
        assert_eq!(findings.unmeasured, ["b.py: Syntax error", "no file was scanned"]);
        assert_eq!((findings.by_level["ERROR"], findings.version.as_deref()), (1, Some("1.1")));
        for (bad, what) in [
            (r#"{"results":[]}"#, "no `errors`"),
            (r#"{"errors":[]}"#, "no `results`"),
            (r#"{"errors":[],"results":[{"extra":{"severity":"X"}}]}"#, "found `X`"),
        ] {
            let error = read(&mut bad.as_bytes(), &mut |_| {}).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
