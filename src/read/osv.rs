//! The report of osv-scanner's `json` format: sources (lock files, folders), their packages, and the vulnerabilities of
//! each. What several databases tell of one vulnerability stands behind them in `groups`, with its worst score.

use super::audits::{HELD_BYTES, Packages, Words, graded, scored, shorten, vulnerability, worse};
use super::cvss::{self, Score};
use super::error::ReadError;
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found, Package};
use serde::de::{MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "osv",
    title: "OSV-Scanner JSON",
    reads: "every entry of `vulnerabilities`. Its level is the rating of its group's `max_severity`, of its own CVSS \
        vector (3.0, 3.1, 2.0), the word of its database, the worst of its group, in this order; else `unknown`, which \
        is medium. Malicious packages (`MAL-`) are critical. How many packages were looked up is only known where the \
        report lists all (`--all-packages`).",
    written_by: "OSV-Scanner 2.2 (`--format json`), and 1.x",
    refuses: "a report without `results`, a source without `packages`, a vulnerability without an id.",
    looks_like: |s| {
        s.syntax == Syntax::JsonObject
            && s.has_keys(&["results"])
            && (s.has_inner("packages") || s.has_keys(&["experimental_config"]))
    },
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let out = Out::new(Some("osv-scanner"), each);
    let mut report = Report { out, packages: Packages::default(), results: false, all: 0, clean: false };
    json::document(source, json::object(&mut report))?;
    let Report { mut out, mut packages, all, clean, .. } = report;
    packages.audited = clean.then_some(all);
    out.findings.audit = Some(packages.audit());
    Ok(out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    packages: Packages,
    results: bool,
    /// Packages that are listed, and whether one of them has no vulnerability.
    all: u64,
    clean: bool,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of osv-scanner";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "results" {
            return json::skip(map);
        }
        self.results = true;
        map.next_value_seed(json::list_or_null(self))
    }

    fn end(&mut self) -> Result<(), String> {
        if self.results { Ok(()) } else { Err("no `results`".into()) }
    }
}

impl List for Report<'_> {
    const WHAT: &'static str = "a list of sources";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Source { report: self, path: String::new(), listed: false, held: Vec::new(), bytes: 0 };
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        one.release();
        Ok(some)
    }
}

/// A lock file or a folder.
struct Source<'a, 'e> {
    report: &'a mut Report<'e>,
    path: String,
    listed: bool,
    /// Until the place is known, and the group.
    held: Vec<Held>,
    bytes: usize,
}

struct Held {
    name: String,
    version: String,
    ecosystem: String,
    one: Vulnerability,
    grade: (Severity, &'static str),
}

impl Source<'_, '_> {
    fn release(&mut self) {
        self.bytes = 0;
        for Held { name, version, ecosystem, one, grade } in self.held.drain(..) {
            let package = Package {
                name: name.into(),
                version: version.into(),
                ecosystem: ecosystem.into(),
                fixed: one.fixed.0,
                aliases: one.aliases.0,
                via: Vec::new(),
            };
            let mut found = vulnerability(&one.id, one.summary.as_str(), grade, package);
            found.path = (!self.path.is_empty()).then_some(self.path.as_str().into());
            self.report.out.push(&found);
        }
    }
}

impl Object for Source<'_, '_> {
    const WHAT: &'static str = "a source";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "source" => map.next_value_seed(json::object(&mut Place(&mut self.path))),
            "packages" => {
                self.listed = true;
                map.next_value_seed(json::list(self))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.listed { Ok(()) } else { Err("a source without `packages`".into()) }
    }
}

struct Place<'a>(&'a mut String);

impl Object for Place<'_> {
    const WHAT: &'static str = "the place of a source";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key == "path" { json::path(map, self.0) } else { json::skip(map) }
    }
}

impl List for Source<'_, '_> {
    const WHAT: &'static str = "a list of packages";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = OfPackage {
            source: self,
            name: String::new(),
            version: String::new(),
            ecosystem: String::new(),
            vulnerable: false,
            vulnerabilities: Vec::new(),
            groups: Vec::new(),
            bytes: 0,
        };
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        if some {
            one.finish();
        }
        Ok(some)
    }
}

/// What the group of each says: its own score, and the worst of its members.
#[derive(Clone, Copy, Default)]
struct OfGroup {
    told: Option<Score>,
    worst: Option<Score>,
}

fn of_groups(all: &[Vulnerability], groups: &[Group]) -> Vec<OfGroup> {
    let index: std::collections::HashMap<&str, usize> =
        all.iter().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
    let mut out = vec![OfGroup::default(); all.len()];
    for group in groups {
        let members: Vec<usize> = group.ids.0.iter().filter_map(|id| index.get(id.as_str()).copied()).collect();
        let worst = members.iter().fold(None, |worst_yet, &at| worse(worst_yet, all[at].score));
        for at in members {
            out[at] = OfGroup { told: cvss::number(&group.max_severity), worst };
        }
    }
    out
}

/// A package, with what is wrong with it.
struct OfPackage<'a, 'b, 'e> {
    source: &'a mut Source<'b, 'e>,
    name: String,
    version: String,
    ecosystem: String,
    vulnerable: bool,
    vulnerabilities: Vec<Vulnerability>,
    groups: Vec<Group>,
    bytes: usize,
}

impl OfPackage<'_, '_, '_> {
    /// Hands its vulnerabilities on, with what is known of their groups.
    fn settle(&mut self) {
        let vulnerabilities = std::mem::take(&mut self.vulnerabilities);
        let scores = of_groups(&vulnerabilities, &self.groups);
        for (one, group) in vulnerabilities.into_iter().zip(scores) {
            let grade = one.grade(group);
            let (name, version, ecosystem) = (self.name.clone(), self.version.clone(), self.ecosystem.clone());
            self.source.held.push(Held { name, version, ecosystem, one, grade });
        }
        self.source.bytes += std::mem::take(&mut self.bytes);
        if self.source.bytes > HELD_BYTES {
            self.source.release();
        }
    }

    fn finish(mut self) {
        self.settle();
        let report = &mut *self.source.report;
        report.all += 1;
        if self.vulnerable {
            report.packages.vulnerable.add(&[&self.source.path, &self.ecosystem, &self.name, &self.version]);
        } else {
            report.clean = true;
        }
    }
}

impl Object for OfPackage<'_, '_, '_> {
    const WHAT: &'static str = "a package";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "package" => map.next_value_seed(json::object(&mut Identity(self))),
            "vulnerabilities" => map.next_value_seed(json::list_or_null(self)),
            "groups" => map.next_value_seed(json::list_or_null(&mut Groups(self))),
            _ => json::skip(map),
        }
    }
}

struct Identity<'a, 'b, 'c, 'e>(&'a mut OfPackage<'b, 'c, 'e>);

impl Object for Identity<'_, '_, '_, '_> {
    const WHAT: &'static str = "the identity of a package";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let to = match key {
            "name" => &mut self.0.name,
            "version" => &mut self.0.version,
            "ecosystem" => &mut self.0.ecosystem,
            // Of a folder that is a git repository there is nothing else.
            "commit" if self.0.version.is_empty() => &mut self.0.version,
            _ => return json::skip(map),
        };
        json::text(map, to)?;
        shorten(to);
        Ok(())
    }
}

impl List for OfPackage<'_, '_, '_> {
    const WHAT: &'static str = "a list of vulnerabilities";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Vulnerability { package: self.name.clone(), ..Vulnerability::default() };
        if list.next_element_seed(json::object(&mut one))?.is_none() {
            return Ok(false);
        }
        self.vulnerable = true;
        self.bytes += one.bytes() + size_of::<Held>() + self.name.len() + self.version.len() + self.ecosystem.len();
        self.vulnerabilities.push(one);
        if self.bytes > HELD_BYTES {
            self.settle();
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Vulnerability {
    /// Whose fixed versions are looked for.
    package: String,
    id: String,
    summary: String,
    aliases: Words,
    fixed: Words,
    score: Option<Score>,
    /// The database's own severity.
    word: String,
}

impl Vulnerability {
    fn bytes(&self) -> usize {
        let texts = [&self.package, &self.id, &self.summary, &self.word];
        texts.iter().map(|text| text.capacity()).sum::<usize>() + self.aliases.bytes() + self.fixed.bytes()
    }

    fn grade(&self, group: OfGroup) -> (Severity, &'static str) {
        if self.id.starts_with("MAL-") {
            return (Severity::Critical, "critical");
        }
        let word = match self.word.to_ascii_uppercase().as_str() {
            "CRITICAL" => Some(cvss::rated(90)),
            "HIGH" => Some(cvss::rated(70)),
            "MODERATE" | "MEDIUM" => Some(cvss::rated(40)),
            "LOW" => Some(cvss::rated(1)),
            _ => None,
        };
        graded(group.told.or(self.score).or(word).or(group.worst))
    }
}

impl Object for Vulnerability {
    const WHAT: &'static str = "a vulnerability";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "id" => {
                json::text(map, &mut self.id)?;
                shorten(&mut self.id);
            }
            "summary" => {
                json::text(map, &mut self.summary)?;
                shorten(&mut self.summary);
            }
            // Older entries have nothing else.
            "details" if self.summary.is_empty() => {
                json::text(map, &mut self.summary)?;
                shorten(&mut self.summary);
            }
            "aliases" => map.next_value_seed(json::list_or_null(&mut self.aliases))?,
            "severity" => map.next_value_seed(json::list_or_null(&mut Severities(&mut self.score)))?,
            "affected" => map.next_value_seed(json::list_or_null(self))?,
            "database_specific" => {
                json::text_of(map, "severity", &mut self.word)?;
                shorten(&mut self.word);
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if self.id.is_empty() { Err("a vulnerability without `id`".into()) } else { Ok(()) }
    }
}

/// The worst of several scores, which are of several versions of CVSS.
struct Severities<'a>(&'a mut Option<Score>);

impl List for Severities<'_> {
    const WHAT: &'static str = "a list of severities";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut vector = String::new();
        let some = list.next_element_seed(json::object(&mut Vector(&mut vector)))?.is_some();
        if some {
            *self.0 = worse(*self.0, scored(&vector));
        }
        Ok(some)
    }
}

struct Vector<'a>(&'a mut String);

impl Object for Vector<'_> {
    const WHAT: &'static str = "a severity";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key == "score" { json::text(map, self.0) } else { json::skip(map) }
    }
}

impl List for Vulnerability {
    const WHAT: &'static str = "a list of affected packages";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Affected::default();
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        if self.package.is_empty() || one.name == self.package {
            self.fixed.extend(one.fixed.0);
        }
        Ok(some)
    }
}

#[derive(Default)]
struct Affected {
    name: String,
    fixed: Words,
}

impl Object for Affected {
    const WHAT: &'static str = "an affected package";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "package" => json::text_of(map, "name", &mut self.name),
            "ranges" => map.next_value_seed(json::list_or_null(self)),
            _ => json::skip(map),
        }
    }
}

impl List for Affected {
    const WHAT: &'static str = "a list of ranges";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Range::default();
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        // Of commits, which are no versions.
        if one.kind != "GIT" {
            self.fixed.extend(one.fixed.0);
        }
        Ok(some)
    }
}

#[derive(Default)]
struct Range {
    kind: String,
    fixed: Words,
}

impl Object for Range {
    const WHAT: &'static str = "a range";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "type" => json::text(map, &mut self.kind),
            "events" => map.next_value_seed(json::list_or_null(self)),
            _ => json::skip(map),
        }
    }
}

impl List for Range {
    const WHAT: &'static str = "a list of events";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut fixed = String::new();
        let some = list.next_element_seed(json::object(&mut Event(&mut fixed)))?.is_some();
        self.fixed.add(fixed);
        Ok(some)
    }
}

struct Event<'a>(&'a mut String);

impl Object for Event<'_> {
    const WHAT: &'static str = "an event";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key == "fixed" { json::text(map, self.0) } else { json::skip(map) }
    }
}

/// The ids of one vulnerability.
#[derive(Default)]
struct Group {
    ids: Words,
    max_severity: String,
}

impl Object for Group {
    const WHAT: &'static str = "a group";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "ids" => map.next_value_seed(json::list_or_null(&mut self.ids)),
            "max_severity" => json::text(map, &mut self.max_severity),
            _ => json::skip(map),
        }
    }
}

struct Groups<'a, 'b, 'c, 'e>(&'a mut OfPackage<'b, 'c, 'e>);

impl List for Groups<'_, '_, '_, '_> {
    const WHAT: &'static str = "a list of groups";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Group::default();
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        shorten(&mut one.max_severity);
        if some && self.0.bytes < HELD_BYTES {
            self.0.bytes += one.ids.bytes() + one.max_severity.len() + size_of::<Group>();
            self.0.groups.push(one);
        }
        Ok(some)
    }
}

#[cfg(test)]
mod tests {
    use super::super::audits::KEPT_TEXT_BYTES;
    use super::*;
    use crate::facts::found::Audit;

    fn report(vulnerabilities: &str, groups: &str) -> String {
        format!(
            r#"{{"results":[{{"source":{{"path":"a\\uv.lock","type":"lockfile"}},"packages":[{{"package":
            {{"name":"p","version":"1","ecosystem":"PyPI"}},"vulnerabilities":[{vulnerabilities}],"groups":[{groups}]}}]}}]}}"#
        )
    }

    fn seen(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            let p = f.package.as_ref().unwrap();
            let (path, fixed) = (f.path.as_deref().unwrap_or("-"), p.fixed.join(","));
            seen.push(format!("{} {} {} {path} {}=={} [{fixed}]", f.rule, f.severity.id(), f.level, p.name, p.version));
        })?;
        Ok((findings, seen))
    }

    #[test]
    fn a_level_is_that_of_the_group_of_the_vector_of_the_word() {
        let vector = |id: &str, v: &str| format!(r#"{{"id":"{id}","severity":[{{"type":"CVSS_V3","score":"{v}"}}]}}"#);
        let medium = vector("B", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N");
        let all = [
            &vector("A", "CVSS:4.0/AV:N"),
            &medium,
            r#"{"id":"C"}"#,
            r#"{"id":"D","database_specific":{"severity":"moderate"}}"#,
            r#"{"id":"MAL-1"}"#,
            r#"{"id":"F"}"#,
        ];
        let groups = r#"{"ids":["A"],"max_severity":"9.1"},{"ids":["B","C"],"max_severity":""}"#;
        let (findings, seen) = seen(&report(&all.join(","), groups)).unwrap();
        let levels: Vec<&str> = seen.iter().map(|line| line.split_once(" a/uv.lock").unwrap().0).collect();
        let expected =
            ["A critical critical", "B medium medium", "C medium medium", "D medium medium", "MAL-1 critical critical"];
        assert_eq!(levels[..5], expected);
        assert_eq!(levels[5], "F medium unknown");
        assert_eq!(findings.audit, Some(Audit { audited: None, skipped: 0, vulnerable: 1 }));
    }

    #[test]
    fn fixed_versions_are_those_of_the_package_and_no_commits() {
        let one = r#"{"id":"A","affected":[{"package":{"name":"p"},"ranges":[{"type":"GIT","events":[{"fixed":"abc"}]},
            {"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2"},{"fixed":"3"}]}]},
            {"package":{"name":"q"},"ranges":[{"events":[{"fixed":"9"}]}]}]}"#;
        assert_eq!(seen(&report(one, "")).unwrap().1, ["A medium unknown a/uv.lock p==1 [2,3]"]);
    }

    #[test]
    fn packages_without_vulnerabilities_tell_that_all_are_listed() {
        let text = r#"{"results":[{"packages":[{"package":{"name":"p"}},{"package":{"name":"","commit":"c0ffee"},
            "vulnerabilities":[{"id":"A"}]}],"source":{"path":"late"}}]}"#;
        let (findings, seen) = seen(text).unwrap();
        assert_eq!(findings.audit, Some(Audit { audited: Some(2), skipped: 0, vulnerable: 1 }));
        assert_eq!(seen, ["A medium unknown late ==c0ffee []"]);
        let nothing = read(&mut &br#"{"results":[]}"#[..], &mut |_| {}).unwrap();
        assert_eq!(nothing.audit, Some(Audit::default()));
    }

    #[test]
    fn what_is_held_is_bounded_and_loses_nothing() {
        let long = "x".repeat(KEPT_TEXT_BYTES);
        let count = 3 * HELD_BYTES / KEPT_TEXT_BYTES;
        let all: Vec<String> = (0..count).map(|n| format!(r#"{{"id":"{n}","summary":"{long}"}}"#)).collect();
        let (findings, seen) = seen(&report(&all.join(","), "")).unwrap();
        assert_eq!((findings.total, seen.len()), (count as u64, count));
        assert!(seen[count - 1].starts_with(&format!("{} ", count - 1)));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, what) in [
            ("{}", "no `results`"),
            (r#"{"results":[{}]}"#, "without `packages`"),
            (r#"{"results":[{"packages":[{"vulnerabilities":[{}]}]}]}"#, "without `id`"),
            (r#"{"results":[{"packages":[{"vulnerabilities":[{"id":3}]}]}]}"#, "without `id`"),
        ] {
            let error = seen(text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
