//! What a report of findings, of an audit or of benchmarks says: one finding at a time, everything counted.

use super::finding::Severity;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One finding as a reader meets it; borrowed, because there may be a hundred thousand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The tool's own name of the rule, or the advisory's id.
    pub rule: Cow<'a, str>,
    pub message: Cow<'a, str>,
    /// Ours, out of the tool's word by the table of its reader.
    pub severity: Severity,
    /// As the tool writes it, in its own spelling; empty where it says none.
    pub level: Cow<'a, str>,
    /// As the tool writes it; empty where it says none.
    pub confidence: Cow<'a, str>,
    /// As the report writes it: not yet a path of the project.
    pub path: Option<Cow<'a, str>>,
    /// 1-based.
    pub line: Option<u64>,
    pub end_line: Option<u64>,
    /// Accepted in the source or in the tool's own configuration: counted, and not judged.
    pub suppressed: bool,
    /// What an audit found it in.
    pub package: Option<Package<'a>>,
}

/// A package with a known vulnerability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package<'a> {
    pub name: Cow<'a, str>,
    /// Empty where the report does not say.
    pub version: Cow<'a, str>,
    /// The index that it comes from, in the words of OSV (`PyPI`, `npm`, `crates.io`, `Go`, `Maven`); empty if unknown.
    pub ecosystem: Cow<'a, str>,
    /// Versions in which it is mended.
    pub fixed: Vec<String>,
    /// Other ids of the same advisory: CVE, GHSA, PYSEC.
    pub aliases: Vec<String>,
    /// The packages that bring it in, outermost first, where the report tells.
    pub via: Vec<String>,
}

/// Totals over one report of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// All of them, suppressed ones too.
    pub total: u64,
    pub suppressed: u64,
    /// By the tool's own word, as written, or as its format defines it for what has none; tools without levels have none.
    pub by_level: BTreeMap<String, u64>,
    /// What the report itself says was not looked at, or went wrong: each is a reason why it is no evidence.
    pub unmeasured: Vec<String>,
    pub tool: Option<String>,
    pub version: Option<String>,
    /// Where the file disagrees with itself.
    pub contradictions: Vec<String>,
    /// Where the report is an audit of dependencies.
    pub audit: Option<Audit>,
}

/// What an audit looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Packages that were looked up; `None` where the report tells only of vulnerable ones.
    pub audited: Option<u64>,
    /// Packages that were not.
    pub skipped: u64,
    /// Packages with at least one vulnerability.
    pub vulnerable: u64,
}

impl Findings {
    pub fn count(&mut self, found: &Found<'_>) {
        self.total += 1;
        self.suppressed += u64::from(found.suppressed);
        match self.by_level.get_mut(&*found.level) {
            Some(count) => *count += 1,
            None if found.level.is_empty() => {}
            None => {
                self.by_level.insert(found.level.to_string(), 1);
            }
        }
    }
}

/// One benchmark's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Benchmark {
    pub name: String,
    pub value: f64,
    /// As the tool writes it: `ns/iter`, `ops/sec`.
    pub unit: String,
    /// `None` where neither the tool nor the unit tells.
    pub better: Option<Better>,
    pub spread: Option<Spread>,
}

/// Which way a benchmark improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Smaller,
    Bigger,
}

impl Better {
    pub const fn id(self) -> &'static str {
        match self {
            Better::Smaller => "smaller",
            Better::Bigger => "bigger",
        }
    }
}

/// How far the tool says that the runs lie apart, in the unit of the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub value: f64,
    /// What it is: tools mean different things by their plus-minus.
    pub what: &'static str,
}

/// One report of benchmarks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Benchmarks {
    pub benchmarks: Vec<Benchmark>,
    /// Whose the numbers beside it are, where a tool keeps names and numbers in two files.
    pub full_id: Option<String>,
    /// What the report itself says went wrong: each is a reason why it is no evidence.
    pub unmeasured: Vec<String>,
    pub contradictions: Vec<String>,
    pub tool: Option<String>,
}
