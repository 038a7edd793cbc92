//! Formats that are recognised by name but have no reader yet: they are refused as what they are,
//! never taken for something else.

use super::shape::{Shape, Syntax};
use super::{Format, Reader};

const fn other(id: &'static str, looks_like: fn(&Shape) -> bool) -> Format {
    Format { id, title: "", written_by: "", looks_like, reader: Reader::None }
}

pub static OTHERS: &[Format] = &[
    other("trx", |s| s.syntax == Syntax::Xml && s.root == "TestRun"),
    other("nunit", |s| s.syntax == Syntax::Xml && matches!(s.root.as_str(), "test-run" | "test-results")),
    other("xunit", |s| s.syntax == Syntax::Xml && s.root == "assemblies"),
    other("jacoco", |s| s.syntax == Syntax::Xml && s.root == "report"),
    other("clover", |s| s.syntax == Syntax::Xml && s.root == "coverage" && s.has_inner("project")),
    other("checkstyle", |s| s.syntax == Syntax::Xml && s.root == "checkstyle"),
    other("sarif", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["runs"])),
    other("bandit", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["errors", "generated_at", "results"])),
    other("semgrep", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["errors", "results", "paths"])),
    other("pip-audit", |s| {
        s.syntax == Syntax::JsonObject && s.has_keys(&["dependencies"]) && !s.has_keys(&["metadata"])
    }),
    other("npm-audit", |s| {
        s.syntax == Syntax::JsonObject && (s.has_keys(&["auditReportVersion"]) || s.has_keys(&["advisories"]))
    }),
    other("cargo-audit", |s| {
        s.syntax == Syntax::JsonObject && s.has_keys(&["database", "lockfile", "vulnerabilities"])
    }),
    other("trivy", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["SchemaVersion"])),
    other("llvm-cov-json", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["data", "type", "version"])),
    other("istanbul-summary", |s| {
        s.syntax == Syntax::JsonObject && s.has_keys(&["total"]) && s.has_inner("statements")
    }),
    other("simplecov", |s| s.syntax == Syntax::JsonObject && s.has_inner("coverage")),
    other("jest-json", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["numTotalTests"])),
    other("playwright-json", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["config", "suites"])),
    other("mocha-json", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["stats", "tests"])),
    other("rspec-json", |s| s.syntax == Syntax::JsonObject && s.has_keys(&["examples"])),
    other("eslint", |s| s.syntax == Syntax::JsonArray && s.has_keys(&["filePath", "messages"])),
    other("ruff", |s| s.syntax == Syntax::JsonArray && s.has_keys(&["code", "filename", "location"])),
    other("gitleaks", |s| s.syntax == Syntax::JsonArray && s.has_keys(&["RuleID", "Commit"])),
    other("go-test-json", |s| s.syntax == Syntax::JsonLines && s.has_keys(&["Action"])),
    other("libtest-json", |s| s.syntax == Syntax::JsonLines && s.has_keys(&["event", "type"])),
    other("dart-json", |s| s.syntax == Syntax::JsonLines && s.has_keys(&["protocolVersion"])),
    other("govulncheck", |s| s.syntax == Syntax::JsonLines && s.has_keys(&["config"])),
    other("tap", |s| s.syntax == Syntax::Text && (s.root.starts_with("TAP version") || s.root.starts_with("1.."))),
    other("gocover", |s| s.syntax == Syntax::Text && s.root.starts_with("mode: ")),
];
