//! What the readers saw in one file, as a JSON object (`read --json`) or a line.

use super::clean::terminal;
use crate::facts::coverage::{Coverage, Unit};
use crate::facts::found::{Benchmark, Benchmarks, Findings};
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

pub fn findings(file: &str, format: &str, findings: &Findings) -> Value {
    let mut out = json!({
        "file": file, "format": format, "ok": true,
        "findings": findings.total, "suppressed": findings.suppressed, "by_level": findings.by_level,
        "unmeasured": findings.unmeasured, "contradictions": findings.contradictions,
    });
    if let Some(audit) = findings.audit {
        out["audited"] = audit.audited.into();
        out["skipped"] = audit.skipped.into();
        out["vulnerable"] = audit.vulnerable.into();
    }
    out
}

pub fn benchmarks(file: &str, format: &str, read: &Benchmarks) -> Value {
    let of = |b: &Benchmark| {
        let mut one = json!({ "name": b.name, "value": b.value, "unit": b.unit });
        if let Some(better) = b.better {
            one["better"] = better.id().into();
        }
        if let Some(spread) = b.spread {
            one["spread"] = json!({ "value": spread.value, "what": spread.what });
        }
        one
    };
    let all: Vec<Value> = read.benchmarks.iter().map(of).collect();
    let mut out = json!({
        "file": file, "format": format, "ok": true, "benchmarks": all,
        "unmeasured": read.unmeasured, "contradictions": read.contradictions,
    });
    if let Some(id) = &read.full_id {
        out["full_id"] = id.as_str().into();
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
    for (level, number) in value["by_level"].as_object().into_iter().flatten() {
        parts.push(format!("{number} {level}"));
    }
    for benchmark in value["benchmarks"].as_array().into_iter().flatten() {
        let text = |name: &str| benchmark[name].as_str().unwrap_or_default().to_string();
        parts.push(format!("{} {} {}", text("name"), benchmark["value"], text("unit")));
    }
    if let Some(id) = value["full_id"].as_str() {
        parts.push(format!("of {id}"));
    }
    for why in value["unmeasured"].as_array().into_iter().flatten() {
        parts.push(format!("no evidence: {}", why.as_str().unwrap_or_default()));
    }
    for contradiction in value["contradictions"].as_array().into_iter().flatten() {
        parts.push(format!("but {}", contradiction.as_str().unwrap_or_default()));
    }
    terminal(&format!("{file}: {}: {}", value["format"].as_str().unwrap_or_default(), parts.join(", ")))
}
