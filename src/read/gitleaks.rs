//! Gitleaks' JSON report: a list of leaks, as version 8 writes them and as versions before it did. What was leaked is
//! never handed out: a report of secrets must not spread them.

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
    id: "gitleaks",
    title: "Gitleaks JSON",
    reads: "every leak with its rule and its place; all are high. The secret, its line and its match are not taken \
        from the file.",
    written_by: "Gitleaks 8.28 (`--report-format json`), and its dialect before version 8",
    refuses: "anything but a list, a leak without a rule. An empty list and `null` have no outline: they are read under \
        `--format gitleaks` alone.",
    looks_like: |s| {
        s.syntax == Syntax::JsonArray && (s.has_keys(&["RuleID", "Commit"]) || s.has_keys(&["offender", "commit"]))
    },
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut out = Out::new(Some("Gitleaks"), each);
    let mut leak = Leak::default();
    json::document(source, json::list_or_null(&mut Records { out: &mut out, one: &mut leak }))?;
    Ok(out.findings)
}

/// One leak; its texts are used again.
#[derive(Default)]
struct Leak {
    rule: String,
    description: String,
    file: String,
    line: Option<u64>,
    end_line: Option<u64>,
}

impl Record for Leak {
    fn clear(&mut self) {
        let Leak { rule, description, file, line, end_line } = self;
        [rule, description, file].into_iter().for_each(String::clear);
        (*line, *end_line) = (None, None);
    }

    fn found(&self) -> Result<Found<'_>, String> {
        if self.rule.is_empty() {
            return Err("a leak without a rule".into());
        }
        let message = if self.description.is_empty() { &self.rule } else { &self.description };
        Ok(Found {
            rule: (&self.rule).into(),
            message: message.into(),
            severity: Severity::High,
            level: "".into(),
            confidence: "".into(),
            path: (!self.file.is_empty()).then_some((&self.file).into()),
            line: self.line.filter(|&line| line > 0),
            end_line: self.end_line.filter(|&line| line > 0),
            suppressed: false,
            package: None,
        })
    }
}

impl Object for Leak {
    const WHAT: &'static str = "a leak";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "RuleID" | "rule" => json::text(map, &mut self.rule)?,
            "Description" => json::text(map, &mut self.description)?,
            "File" | "file" => json::path(map, &mut self.file)?,
            "StartLine" | "lineNumber" => self.line = map.next_value()?,
            "EndLine" => self.end_line = map.next_value()?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Vec<String>, ReadError> {
        let mut seen = Vec::new();
        read(&mut text.as_bytes(), &mut |found| seen.push(format!("{found:?}")))?;
        Ok(seen)
    }

    #[test]
    fn both_dialects_are_read_and_no_secret_is_handed_out() {
        let seen = one(r#"[{"RuleID":"pat","Description":"A token","StartLine":3,"EndLine":4,"Match":"k=s3cret",
            "Secret":"s3cret","File":"a.py","Commit":"c"},
            {"line":"k=s3cret","lineNumber":0,"offender":"s3cret","rule":"AWS","file":"b.py","commit":"c"}]"#)
        .unwrap();
        assert!(
            seen[0].contains("rule: \"pat\", message: \"A token\"") && seen[0].contains("line: Some(3)"),
            "{seen:?}"
        );
        assert!(seen[1].contains("rule: \"AWS\", message: \"AWS\"") && seen[1].contains("line: None"), "{seen:?}");
        assert!(!format!("{seen:?}").contains("s3cret"), "{seen:?}");
        assert_eq!(one("null").unwrap(), one("[]").unwrap());
        for (bad, what) in [("[{}]", "without a rule"), ("{}", "a list of findings")] {
            let error = one(bad).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
