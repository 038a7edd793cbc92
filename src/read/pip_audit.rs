//! The report of pip-audit's `json` format: an object with `dependencies`, and the bare list of versions before 2.
//! A dependency with `skip_reason` was not looked up: the tool says "No known vulnerabilities found" all the same.

use super::audits::{Packages, Words, shorten, vulnerability};
use super::error::ReadError;
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found, Package};
use serde::de::{Error, MapAccess, SeqAccess};
use std::io::Read;

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
        out: Out::new(Some("pip-audit"), each),
        dependencies: false,
        packages: Packages { audited: Some(0), ..Packages::default() },
        reason: String::new(),
    };
    json::document(source, json::object_or_list(&mut report))?;
    let Report { mut out, packages, reason, .. } = report;
    let audit = packages.audit();
    if audit.skipped > 0 {
        let all = audit.audited.unwrap_or(0) + audit.skipped;
        out.unmeasured(format!("{} of {all} packages were skipped: {reason}", audit.skipped));
    }
    out.findings.audit = Some(audit);
    Ok(out.findings)
}

/// The object, or the list alone.
struct Report<'e> {
    out: Out<'e>,
    dependencies: bool,
    packages: Packages,
    /// Why the first one was skipped.
    reason: String,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of pip-audit";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "dependencies" {
            return json::skip(map);
        }
        self.dependencies = true;
        map.next_value_seed(json::list(self))
    }

    fn end(&mut self) -> Result<(), String> {
        if self.dependencies { Ok(()) } else { Err("no `dependencies`".into()) }
    }
}

impl List for Report<'_> {
    const WHAT: &'static str = "a list of dependencies";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Dependency {
            report: &mut *self,
            name: String::new(),
            version: String::new(),
            skipped: None,
            listed: false,
            vulnerable: false,
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
    vulnerable: bool,
}

impl Dependency<'_, '_> {
    fn count(self) -> Result<(), String> {
        let packages = &mut self.report.packages;
        match self.skipped {
            Some(mut reason) => {
                if packages.skipped == 0 {
                    shorten(&mut reason);
                    self.report.reason = reason;
                }
                packages.skipped += 1;
            }
            None if self.listed => *packages.audited.get_or_insert(0) += 1,
            None => return Err(format!("dependency `{}` has neither `vulns` nor `skip_reason`", self.name)),
        }
        if self.vulnerable {
            packages.vulnerable.add(&[&self.name, &self.version]);
        }
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
        dependency.vulnerable = true;
        let package = Package {
            name: dependency.name.as_str().into(),
            version: dependency.version.as_str().into(),
            ecosystem: "PyPI".into(),
            fixed: one.fixed.0,
            aliases: one.aliases.0,
            via: Vec::new(),
        };
        let found = vulnerability(&one.id, one.description.as_str(), (Severity::Medium, ""), package);
        dependency.report.out.push(&found);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::found::Audit;

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
