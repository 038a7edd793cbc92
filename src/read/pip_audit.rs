//! The report of pip-audit's `json` format: an object with `dependencies`, and the bare list of versions before 2.
//! A dependency with `skip_reason` was not looked up: the tool says "No known vulnerabilities found" all the same.

use super::cases::truncate;
use super::error::ReadError;
use super::json::{self, List, Object, Text};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Audit, Findings, Found, Package};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::Read;

/// Fixed versions and aliases that are kept of one advisory.
const KEPT_WORDS: usize = 64;
/// The longest reason that is told.
const KEPT_REASON_BYTES: usize = 300;

pub const FORMAT: Format = Format {
    id: "pip-audit",
    title: "pip-audit JSON",
    reads: "every vulnerability of every dependency. The tool tells no severity: all are medium. Dependencies with \
        `skip_reason` are counted as skipped.",
    written_by: "pip-audit (`--format json`), the object and the older list",
    refuses: "a report without `dependencies`, a dependency with neither `vulns` nor `skip_reason`.",
    looks_like: |s| match s.syntax {
        Syntax::JsonObject => s.has_keys(&["dependencies"]) && !s.has_keys(&["metadata"]),
        Syntax::JsonArray => s.has_keys(&["name", "vulns"]) || s.has_keys(&["name", "skip_reason"]),
        _ => false,
    },
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report = Report {
        each,
        out: Findings { tool: Some("pip-audit".into()), ..Findings::default() },
        dependencies: false,
        audited: 0,
        audit: Audit::default(),
        reason: String::new(),
    };
    json::document(source, Root(&mut report))?;
    let Report { mut out, audited, mut audit, reason, .. } = report;
    if audit.skipped > 0 {
        let all = audited + audit.skipped;
        out.unmeasured.push(format!("{} of {all} packages were skipped: {reason}", audit.skipped));
    }
    audit.audited = Some(audited);
    out.audit = Some(audit);
    Ok(out)
}

struct Report<'e> {
    each: &'e mut dyn FnMut(&Found<'_>),
    out: Findings,
    dependencies: bool,
    audited: u64,
    audit: Audit,
    /// Why the first one was skipped.
    reason: String,
}

/// The object, or the list alone.
struct Root<'a, 'e>(&'a mut Report<'e>);

impl<'de> DeserializeSeed<'de> for Root<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Root<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report of pip-audit")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        json::object(self.0).visit_map(map)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<(), S::Error> {
        json::list(&mut Dependencies(self.0)).visit_seq(list)
    }
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of pip-audit";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "dependencies" {
            return json::skip(map);
        }
        self.dependencies = true;
        map.next_value_seed(json::list(&mut Dependencies(self)))
    }

    fn end(&mut self) -> Result<(), String> {
        if self.dependencies { Ok(()) } else { Err("no `dependencies`".into()) }
    }
}

struct Dependencies<'a, 'e>(&'a mut Report<'e>);

impl List for Dependencies<'_, '_> {
    const WHAT: &'static str = "a list of dependencies";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Dependency {
            report: &mut *self.0,
            name: String::new(),
            version: String::new(),
            skipped: None,
            listed: false,
            vulnerabilities: 0,
        };
        if list.next_element_seed(json::object(&mut one))?.is_none() {
            return Ok(false);
        }
        one.count().map_err(S::Error::custom)?;
        Ok(true)
    }
}

struct Dependency<'a, 'e> {
    report: &'a mut Report<'e>,
    name: String,
    version: String,
    skipped: Option<String>,
    listed: bool,
    vulnerabilities: u64,
}

impl Dependency<'_, '_> {
    fn count(self) -> Result<(), String> {
        let audit = &mut self.report.audit;
        match self.skipped {
            Some(mut reason) => {
                if audit.skipped == 0 {
                    truncate(&mut reason, KEPT_REASON_BYTES);
                    self.report.reason = reason;
                }
                audit.skipped += 1;
            }
            None if self.listed => self.report.audited += 1,
            None => return Err(format!("dependency `{}` has neither `vulns` nor `skip_reason`", self.name)),
        }
        audit.vulnerable += u64::from(self.vulnerabilities > 0);
        Ok(())
    }
}

impl Object for Dependency<'_, '_> {
    const WHAT: &'static str = "a dependency";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "name" => json::text(map, &mut self.name),
            "version" => json::text(map, &mut self.version),
            "skip_reason" => {
                let mut reason = String::new();
                json::text(map, &mut reason)?;
                self.skipped = Some(reason);
                Ok(())
            }
            "vulns" => {
                self.listed = true;
                map.next_value_seed(json::list(&mut Vulnerabilities(self)))
            }
            _ => json::skip(map),
        }
    }
}

struct Vulnerabilities<'a, 'b, 'e>(&'a mut Dependency<'b, 'e>);

impl List for Vulnerabilities<'_, '_, '_> {
    const WHAT: &'static str = "a list of vulnerabilities";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Vulnerability::default();
        if list.next_element_seed(json::object(&mut one))?.is_none() {
            return Ok(false);
        }
        let dependency = &mut *self.0;
        dependency.vulnerabilities += 1;
        let found = Found {
            rule: one.id.as_str().into(),
            message: one.description.as_str().into(),
            severity: Severity::Medium,
            level: "".into(),
            confidence: "".into(),
            path: None,
            line: None,
            end_line: None,
            suppressed: false,
            package: Some(Package {
                name: dependency.name.as_str().into(),
                version: dependency.version.as_str().into(),
                ecosystem: "PyPI".into(),
                fixed: one.fixed.0,
                aliases: one.aliases.0,
                via: Vec::new(),
            }),
        };
        dependency.report.out.count(&found);
        (dependency.report.each)(&found);
        Ok(true)
    }
}

#[derive(Default)]
struct Vulnerability {
    id: String,
    description: String,
    fixed: Words,
    aliases: Words,
}

impl Object for Vulnerability {
    const WHAT: &'static str = "a vulnerability";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "id" => json::text(map, &mut self.id),
            "description" => json::text(map, &mut self.description),
            "fix_versions" => map.next_value_seed(json::list_or_null(&mut self.fixed)),
            "aliases" => map.next_value_seed(json::list_or_null(&mut self.aliases)),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.id.is_empty() { Err("a vulnerability without `id`".into()) } else { Ok(()) }
    }
}

#[derive(Default)]
struct Words(Vec<String>);

impl List for Words {
    const WHAT: &'static str = "a list of texts";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut word = String::new();
        let some = list.next_element_seed(Text(&mut word))?.is_some();
        if some && self.0.len() < KEPT_WORDS {
            self.0.push(word);
        }
        Ok(some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |found| {
            let package = found.package.as_ref().unwrap();
            let fixed = package.fixed.join(",");
            seen.push(format!(
                "{} {}=={} {fixed} {}",
                found.rule,
                package.name,
                package.version,
                package.aliases.len()
            ));
        })?;
        Ok((findings, seen))
    }

    const BOTH: &str = r#"[{"name":"a","version":"1","vulns":[{"id":"PYSEC-1","fix_versions":["2","3"],"aliases":["CVE-1"],
        "description":"d"},{"id":"PYSEC-2","fix_versions":[]}]},{"name":"b","version":"2","vulns":[]}]"#;

    #[test]
    fn the_object_and_the_list_say_the_same() {
        let list = one(BOTH).unwrap();
        assert_eq!(list, one(&format!(r#"{{"dependencies":{BOTH},"fixes":[]}}"#)).unwrap());
        assert_eq!(list.1, ["PYSEC-1 a==1 2,3 1", "PYSEC-2 a==1  0"]);
        assert_eq!(list.0.audit, Some(Audit { audited: Some(2), skipped: 0, vulnerable: 1 }));
        assert_eq!((list.0.total, list.0.by_level.len()), (2, 0));
        assert!(list.0.unmeasured.is_empty());
    }

    #[test]
    fn what_was_skipped_is_no_evidence() {
        let (all, _) = one(r#"[{"name":"a","skip_reason":"not on PyPI"},{"name":"b","skip_reason":"x"}]"#).unwrap();
        assert_eq!(all.audit, Some(Audit { audited: Some(0), skipped: 2, vulnerable: 0 }));
        assert_eq!(all.unmeasured, ["2 of 2 packages were skipped: not on PyPI"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, what) in [
            ("{}", "no `dependencies`"),
            (r#"[{"name":"a"}]"#, "`a` has neither"),
            (r#"[{"name":"a","vulns":[{}]}]"#, "without `id`"),
            ("3", "a report of pip-audit"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
        assert_eq!(one("[]").unwrap().0.audit, Some(Audit { audited: Some(0), skipped: 0, vulnerable: 0 }));
    }
}
