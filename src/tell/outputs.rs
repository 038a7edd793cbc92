//! The step's outputs, and the file in which the runner takes them.

use crate::facts::report::Report;
use crate::facts::stage::Gate;
use crate::facts::verdict::{Metrics, Outcome};

/// In this order. A number that was not measured is empty, never 0.
pub fn outputs(report: &Report, report_json: &str, report_html: Option<&str>) -> Vec<(&'static str, String)> {
    let tests = |names: &[&str]| {
        let metrics = metrics(report, Gate::Tests)?;
        names.iter().map(|name| metrics.get(*name)).sum::<Option<u64>>().map(|n| n.to_string())
    };
    let coverage = |name: &str| {
        let metrics = metrics(report, Gate::Coverage)?;
        percent(*metrics.get(&format!("{name}_covered"))?, *metrics.get(&format!("{name}_total"))?)
    };
    vec![
        ("outcome", report.outcome.id().to_string()),
        ("tests-passed", tests(&["passed"]).unwrap_or_default()),
        ("tests-failed", tests(&["failed", "errors"]).unwrap_or_default()),
        ("coverage", coverage("lines").unwrap_or_default()),
        ("changed-coverage", coverage("changed").unwrap_or_default()),
        ("report-json", report_json.to_string()),
        ("report-html", report_html.unwrap_or_default().to_string()),
    ]
}

/// The numbers of a gate that measured something.
fn metrics(report: &Report, gate: Gate) -> Option<&Metrics> {
    let measured = |outcome| !matches!(outcome, Outcome::Unmeasured | Outcome::Skipped);
    report.verdicts.iter().find(|v| v.gate == gate && measured(v.outcome)).map(|v| &v.metrics)
}

/// One decimal, rounded down, as the report shows it.
fn percent(part: u64, whole: u64) -> Option<String> {
    let tenths = (u128::from(part) * 1000).checked_div(u128::from(whole))?;
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

/// Why the outputs cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOutputs {
    #[error("the delimiter of the outputs file occurs in the value of `{key}`: choose another")]
    DelimiterInValue { key: String },
    #[error("the delimiter of the outputs file has to be letters, digits, `-` and `_`")]
    BadDelimiter,
}

/// The text for the runner's outputs file. The delimiter has to be one that nobody can foresee: who knows it could
/// write outputs of their own.
pub fn file_text(outputs: &[(&str, String)], delimiter: &str) -> Result<String, BadOutputs> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if delimiter.is_empty() || !delimiter.chars().all(plain) {
        return Err(BadOutputs::BadDelimiter);
    }
    let mut out = String::new();
    for (key, value) in outputs {
        if value.contains(delimiter) {
            return Err(BadOutputs::DelimiterInValue { key: (*key).into() });
        }
        out.push_str(&format!("{key}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    Ok(out)
}
