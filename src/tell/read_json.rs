//! What the readers saw in one file, as a JSON object (`read --json`) or a line.

use super::clean::terminal;
use crate::facts::coverage::{Coverage, Unit};
use crate::facts::tests::Tests;
use serde_json::{Value, json};

pub fn tests(file: &str, format: &str, tests: &Tests) -> Value {
    let counts = &tests.counts;
    json!({
        "file": file, "format": format, "ok": true,
        "tests": counts.tests, "passed": counts.passed, "failed": counts.failed,
        "errors": counts.errors, "skipped": counts.skipped, "flaky": counts.flaky,
        "contradictions": tests.contradictions,
    })
}

pub fn coverage(file: &str, format: &str, coverage: &Coverage) -> Value {
    let counts = coverage.counts();
    let mut out = json!({
        "file": file, "format": format, "ok": true,
        "lines_covered": counts.lines_covered, "lines_total": counts.lines_total,
        "branches_covered": counts.branches_covered, "branches_total": counts.branches_total,
        "files": coverage.file_count(),
        "contradictions": coverage.contradictions,
    });
    if coverage.unit() == Unit::Statements {
        out["unit"] = "statements".into();
    }
    out
}

pub fn refused(file: &str, error: &impl serde::Serialize) -> Value {
    json!({ "file": file, "ok": false, "error": error })
}

/// The same for people.
pub fn line(value: &Value) -> String {
    let file = value["file"].as_str().unwrap_or_default();
    if value["ok"] == Value::Bool(false) {
        let error = &value["error"];
        let place = error["line"].as_u64().map_or(String::new(), |line| format!(":{line}"));
        let kind = error["kind"].as_str().unwrap_or_default();
        return terminal(&format!("{file}{place}: {kind}: {}", error["message"].as_str().unwrap_or_default()));
    }
    let mut parts = Vec::new();
    for (name, number) in value.as_object().into_iter().flatten() {
        if let Some(number) = number.as_u64() {
            parts.push(format!("{} {number}", name.replace('_', " ")));
        }
    }
    for contradiction in value["contradictions"].as_array().into_iter().flatten() {
        parts.push(format!("but {}", contradiction.as_str().unwrap_or_default()));
    }
    terminal(&format!("{file}: {}: {}", value["format"].as_str().unwrap_or_default(), parts.join(", ")))
}
