//! Formats that are recognised by name but have no reader yet: they are refused as what they are,
//! never taken for something else.

use super::shape::{Shape, Syntax};
use super::{Format, Holds};

const fn other(id: &'static str, looks_like: fn(&Shape) -> bool) -> Format {
    Format { id, title: "", reads: "", written_by: "", refuses: "", looks_like, holds: Holds::None }
}

fn object(shape: &Shape, keys: &[&str]) -> bool {
    shape.syntax == Syntax::JsonObject && shape.has_keys(keys)
}

fn array(shape: &Shape, keys: &[&str]) -> bool {
    shape.syntax == Syntax::JsonArray && shape.has_keys(keys)
}

/// One object a line, or several behind each other.
fn lines(shape: &Shape, keys: &[&str]) -> bool {
    shape.syntax == Syntax::JsonLines && shape.has_keys(keys)
}

pub static OTHERS: &[Format] = &[
    other("npm-audit", |s| object(s, &["auditReportVersion"]) || object(s, &["advisories"])),
    other("cargo-audit", |s| object(s, &["database", "lockfile", "vulnerabilities"])),
    other("trivy", |s| object(s, &["SchemaVersion"]) || array(s, &["Target", "Vulnerabilities"])),
    other("osv", |s| object(s, &["results"]) && s.has_inner("packages")),
    other("govulncheck", |s| lines(s, &["config"]) || object(s, &["Calls", "Imports", "Vulns"])),
];
