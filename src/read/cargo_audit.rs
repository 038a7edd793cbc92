//! cargo-audit's JSON report: `vulnerabilities.list`, each entry an advisory and the package of the lock file that it is
//! about. The report tells a CVSS vector and no severity.

use super::audits::{Packages, Words, graded, scored, vulnerability};
use super::error::ReadError;
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::found::{Findings, Found, Package};
use serde::de::{MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "cargo-audit",
    title: "cargo-audit JSON",
    reads: "every vulnerability; its level is the rating of its CVSS vector (3.0 and 3.1), else `unknown`, which is \
        medium: no vector, or one of version 4. `warnings` (yanked, unmaintained, unsound) are no vulnerabilities, as for \
        the tool itself. Advisories that `ignore`, `severity`, `target_arch` or `target_os` leave out were not \
        measured, and nothing was with an empty database.",
    written_by: "cargo-audit 0.22 (`--json`), and older ones",
    refuses: "a report without `vulnerabilities` or its `list`, a vulnerability without an id or a package.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["database", "lockfile", "vulnerabilities"]),
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report = Report {
        out: Out::new(Some("cargo-audit"), each),
        packages: Packages::default(),
        advisories: None,
        settings: Settings::default(),
        vulnerabilities: false,
        declared: None,
    };
    json::document(source, json::object(&mut report))?;
    let Report { mut out, packages, advisories, settings, declared, .. } = report;
    if advisories == Some(0) {
        out.unmeasured("the advisory database is empty".into());
    }
    settings.tell(&mut out);
    let total = out.findings.total;
    if let Some(declared) = declared.filter(|declared| *declared != total) {
        out.findings.contradictions.push(format!("`count` is {declared}, and {total} vulnerabilities are listed"));
    }
    out.findings.audit = Some(packages.audit());
    Ok(out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    packages: Packages,
    /// How many the database holds.
    advisories: Option<u64>,
    settings: Settings,
    vulnerabilities: bool,
    declared: Option<u64>,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of cargo-audit";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "database" => json::number_of(map, "advisory-count", &mut self.advisories),
            "lockfile" => json::number_of(map, "dependency-count", &mut self.packages.audited),
            "settings" => map.next_value_seed(json::object_or_null(&mut self.settings)),
            "vulnerabilities" => {
                self.vulnerabilities = true;
                map.next_value_seed(json::object(&mut Vulnerabilities { report: self, listed: false }))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.vulnerabilities { Ok(()) } else { Err("no `vulnerabilities`".into()) }
    }
}

/// What leaves advisories out.
#[derive(Default)]
struct Settings {
    severity: String,
    ignore: Words,
    arch: Words,
    os: Words,
}

impl Settings {
    fn tell(&self, out: &mut Out<'_>) {
        if !self.severity.is_empty() {
            out.unmeasured(format!("vulnerabilities below the severity `{}` were left out", self.severity));
        }
        for (what, words) in [("the settings ignore", &self.ignore), ("only for", &self.arch), ("only for", &self.os)] {
            if !words.0.is_empty() {
                out.unmeasured(format!("{what} {}", words.0.join(", ")));
            }
        }
    }
}

impl Object for Settings {
    const WHAT: &'static str = "the settings";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "severity" => json::text(map, &mut self.severity),
            "ignore" => map.next_value_seed(json::list_or_null(&mut self.ignore)),
            // One text before 0.18, a list since.
            "target_arch" => map.next_value_seed(json::word_or_list(&mut self.arch)),
            "target_os" => map.next_value_seed(json::word_or_list(&mut self.os)),
            _ => json::skip(map),
        }
    }
}

struct Vulnerabilities<'a, 'e> {
    report: &'a mut Report<'e>,
    listed: bool,
}

impl Object for Vulnerabilities<'_, '_> {
    const WHAT: &'static str = "the vulnerabilities";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "count" => self.report.declared = map.next_value()?,
            "list" => {
                self.listed = true;
                map.next_value_seed(json::list(self))?;
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if self.listed { Ok(()) } else { Err("no `list` of vulnerabilities".into()) }
    }
}

impl List for Vulnerabilities<'_, '_> {
    const WHAT: &'static str = "a list of vulnerabilities";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Vulnerability::default();
        if list.next_element_seed(json::object(&mut one))?.is_none() {
            return Ok(false);
        }
        let Vulnerability { advisory, versions, package } = one;
        let found = vulnerability(
            &advisory.id,
            advisory.title.as_str(),
            graded(scored(&advisory.cvss)),
            Package {
                name: package.name.as_str().into(),
                version: package.version.as_str().into(),
                ecosystem: "crates.io".into(),
                fixed: versions.patched.0,
                aliases: advisory.aliases.0,
                via: Vec::new(),
            },
        );
        self.report.out.push(&found);
        self.report.packages.vulnerable.add(&[&package.name, &package.version]);
        Ok(true)
    }
}

#[derive(Default)]
struct Vulnerability {
    advisory: Advisory,
    versions: Versions,
    package: InLock,
}

impl Object for Vulnerability {
    const WHAT: &'static str = "a vulnerability";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "advisory" => map.next_value_seed(json::object(&mut self.advisory)),
            "versions" => map.next_value_seed(json::object_or_null(&mut self.versions)),
            "package" => map.next_value_seed(json::object(&mut self.package)),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.advisory.id.is_empty(), self.package.name.is_empty()) {
            (true, _) => Err("a vulnerability without the `id` of its advisory".into()),
            (_, true) => Err(format!("{} without a package", self.advisory.id)),
            _ => Ok(()),
        }
    }
}

#[derive(Default)]
struct Advisory {
    id: String,
    title: String,
    cvss: String,
    aliases: Words,
}

impl Object for Advisory {
    const WHAT: &'static str = "an advisory";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "id" => json::text(map, &mut self.id),
            "title" => json::text(map, &mut self.title),
            "cvss" => json::text(map, &mut self.cvss),
            "aliases" => map.next_value_seed(json::list_or_null(&mut self.aliases)),
            _ => json::skip(map),
        }
    }
}

#[derive(Default)]
struct Versions {
    patched: Words,
}

impl Object for Versions {
    const WHAT: &'static str = "the versions of an advisory";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "patched" => map.next_value_seed(json::list_or_null(&mut self.patched)),
            _ => json::skip(map),
        }
    }
}

/// A package of the lock file.
#[derive(Default)]
struct InLock {
    name: String,
    version: String,
}

impl Object for InLock {
    const WHAT: &'static str = "a package";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "name" => json::text(map, &mut self.name),
            "version" => json::text(map, &mut self.version),
            _ => json::skip(map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::found::Audit;

    fn report(head: &str, count: u64, list: &str) -> String {
        format!(r#"{{{head}"vulnerabilities":{{"found":true,"count":{count},"list":[{list}]}},"warnings":{{}}}}"#)
    }

    fn one(id: &str, cvss: &str) -> String {
        format!(
            r#"{{"advisory":{{"id":"{id}","title":"t","aliases":["CVE-1"],"cvss":{cvss}}},
            "versions":{{"patched":[">=2"],"unaffected":[]}},"package":{{"name":"p","version":"1.0.0"}}}}"#
        )
    }

    fn seen(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            let p = f.package.as_ref().unwrap();
            seen.push(format!("{} {} {} {}=={} {:?}", f.rule, f.severity.id(), f.level, p.name, p.version, p.fixed));
        })?;
        Ok((findings, seen))
    }

    #[test]
    fn a_severity_is_the_rating_of_the_vector_and_never_low_without_one() {
        let list = [
            one("A", r#""CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H""#),
            one("B", "null"),
            one("C", r#""CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:N/SC:L/SI:L/SA:N""#),
            one("D", r#""CVSS:3.1/AV:N""#),
        ];
        let head = r#""database":{"advisory-count":3},"lockfile":{"dependency-count":9},"#;
        let (findings, seen) = seen(&report(head, 4, &list.join(","))).unwrap();
        assert_eq!(
            seen,
            [
                "A critical critical p==1.0.0 [\">=2\"]",
                "B medium unknown p==1.0.0 [\">=2\"]",
                "C medium unknown p==1.0.0 [\">=2\"]",
                "D medium unknown p==1.0.0 [\">=2\"]"
            ]
        );
        assert_eq!(findings.audit, Some(Audit { audited: Some(9), skipped: 0, vulnerable: 1 }));
        assert!(findings.unmeasured.is_empty() && findings.contradictions.is_empty(), "{findings:?}");
    }

    #[test]
    fn what_was_left_out_is_told() {
        let head = r#""database":{"advisory-count":0},"settings":{"severity":"high","ignore":["RUSTSEC-1","RUSTSEC-2"],
            "target_arch":"arm","target_os":["linux"]},"#;
        let (findings, _) = seen(&report(head, 3, "")).unwrap();
        assert_eq!(
            findings.unmeasured,
            [
                "the advisory database is empty",
                "vulnerabilities below the severity `high` were left out",
                "the settings ignore RUSTSEC-1, RUSTSEC-2",
                "only for arm",
                "only for linux"
            ]
        );
        assert_eq!(findings.contradictions, ["`count` is 3, and 0 vulnerabilities are listed"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, what) in [
            ("{}", "no `vulnerabilities`"),
            (r#"{"vulnerabilities":{"count":0}}"#, "no `list`"),
            (r#"{"vulnerabilities":{"list":[{}]}}"#, "without the `id`"),
            (r#"{"vulnerabilities":{"list":[{"advisory":{"id":"R"}}]}}"#, "R without a package"),
        ] {
            let error = seen(text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
