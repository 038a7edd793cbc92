//! Trivy's JSON report: `Results`, one for each target, with vulnerabilities, misconfigurations and secrets; and the bare
//! list of targets before schema 2. What a secret is never leaves the file.

use super::audits::{KEPT_WORDS, Packages, Words, vulnerability};
use super::error::ReadError;
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found, Package};
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "trivy",
    title: "Trivy JSON",
    reads: "every vulnerability, every misconfiguration that failed (one that is excepted is suppressed), every secret \
        without its text, and what was ignored where the report lists it, as suppressed. `UNKNOWN` is medium. Licenses \
        are not read. A report without a target, and a system past its end of life, were not measured. How many packages \
        were looked up is only known where the report lists them.",
    written_by: "Trivy's reports of schema 2 and the list before it, up to version 0.69",
    refuses: "another schema than 2, a list without targets, a severity that Trivy does not know. `null`, which old \
        versions write for nothing, has no outline.",
    looks_like: |s| match s.syntax {
        Syntax::JsonObject => {
            s.has_keys(&["SchemaVersion"]) && (s.has_keys(&["Results"]) || s.has_keys(&["ArtifactName"]))
        }
        Syntax::JsonArray => s.has_keys(&["Target", "Vulnerabilities"]),
        _ => false,
    },
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report = Report {
        out: Out::new(Some("Trivy"), each),
        packages: Packages::default(),
        schema: None,
        targets: 0,
        version: String::new(),
    };
    json::document(source, json::object_or_list(&mut report))?;
    let Report { mut out, packages, targets, version, .. } = report;
    if targets == 0 {
        out.unmeasured("no target was scanned".into());
    }
    out.findings.version = Some(version).filter(|version| !version.is_empty());
    out.findings.audit = Some(packages.audit());
    Ok(out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    packages: Packages,
    schema: Option<u64>,
    targets: u64,
    version: String,
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of Trivy";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "SchemaVersion" => {
                self.schema = map.next_value()?;
                match self.schema {
                    Some(2) => Ok(()),
                    other => Err(M::Error::custom(format!("schema 2 of Trivy expected, found {}", other.unwrap_or(0)))),
                }
            }
            "Trivy" => json::text_of(map, "Version", &mut self.version),
            "Metadata" => map.next_value_seed(json::object_or_null(&mut Metadata(&mut self.out))),
            "Results" => map.next_value_seed(json::list_or_null(self)),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.schema.is_some() { Ok(()) } else { Err("no `SchemaVersion`".into()) }
    }
}

struct Metadata<'a, 'e>(&'a mut Out<'e>);

impl Object for Metadata<'_, '_> {
    const WHAT: &'static str = "the metadata";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "OS" {
            return json::skip(map);
        }
        let mut system = System::default();
        map.next_value_seed(json::object_or_null(&mut system))?;
        if system.ended {
            let System { family, name, .. } = system;
            self.0.unmeasured(format!("{family} {name} is past its end of life: nobody looks for its vulnerabilities"));
        }
        Ok(())
    }
}

/// The operating system of an image.
#[derive(Default)]
struct System {
    family: String,
    name: String,
    ended: bool,
}

impl Object for System {
    const WHAT: &'static str = "the operating system";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "Family" => json::text(map, &mut self.family)?,
            "Name" => json::text(map, &mut self.name)?,
            "EOSL" => self.ended = map.next_value::<Option<bool>>()?.unwrap_or(false),
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

impl List for Report<'_> {
    const WHAT: &'static str = "a list of targets";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Target { report: self, name: String::new(), class: String::new(), kind: String::new() };
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        self.targets += u64::from(some);
        Ok(some)
    }
}

/// A target: a lock file, an image, a file with settings. Its name stands before what was found in it.
struct Target<'a, 'e> {
    report: &'a mut Report<'e>,
    name: String,
    class: String,
    kind: String,
}

impl Target<'_, '_> {
    fn push(&mut self, one: &Record, what: What, suppressed: bool) -> Result<(), String> {
        let rule = match what {
            What::Vulnerability => &one.vulnerability,
            What::Misconfiguration if one.id.is_empty() => &one.avd,
            What::Misconfiguration => &one.id,
            What::Secret => &one.rule,
        };
        if rule.is_empty() {
            return Err(format!("a {} of `{}` without an id", what.word(), self.name));
        }
        let level = (severity(&one.severity)?, one.severity.as_str());
        let message = [&one.title, &one.message, &one.description].into_iter().find(|text| !text.is_empty());
        let mut found = vulnerability(rule, message.map_or("", |text| text.as_str()), level, Package::default());
        let path = if one.path.is_empty() { &self.name } else { &one.path };
        // The target of a system is the image, and no file.
        found.path = (!path.is_empty() && self.class != "os-pkgs").then_some(path.as_str().into());
        found.suppressed = suppressed;
        match what {
            What::Vulnerability => {
                found.package = Some(package(one, ecosystem(&self.kind)));
                if !suppressed {
                    self.report.packages.vulnerable.add(&[path, &one.package, &one.version]);
                }
            }
            What::Misconfiguration | What::Secret => {
                (found.package, found.line, found.end_line) = (None, positive(one.start), positive(one.end));
            }
        }
        self.report.out.push(&found);
        Ok(())
    }
}

fn package<'a>(one: &'a Record, ecosystem: &'a str) -> Package<'a> {
    Package {
        name: one.package.as_str().into(),
        version: one.version.as_str().into(),
        ecosystem: ecosystem.into(),
        fixed: one.fixed.split(", ").filter(|v| !v.is_empty()).take(KEPT_WORDS).map(String::from).collect(),
        aliases: one.aliases.0.clone(),
        via: Vec::new(),
    }
}

/// Trivy writes line 0 for a whole file.
fn positive(line: Option<u64>) -> Option<u64> {
    line.filter(|line| *line > 0)
}

fn severity(word: &str) -> Result<Severity, String> {
    match word {
        "CRITICAL" => Ok(Severity::Critical),
        "HIGH" => Ok(Severity::High),
        "MEDIUM" | "UNKNOWN" => Ok(Severity::Medium),
        "LOW" => Ok(Severity::Low),
        other => Err(format!("a severity of Trivy expected, found `{other}`")),
    }
}

/// Trivy's kind of a target, in the words of OSV.
fn ecosystem(kind: &str) -> &'static str {
    match kind {
        "pip" | "pipenv" | "poetry" | "uv" | "pylock" | "python-pkg" | "conda-pkg" | "conda-environment" => "PyPI",
        "npm" | "yarn" | "pnpm" | "bun" | "node-pkg" => "npm",
        "jar" | "pom" | "gradle" | "sbt" => "Maven",
        "gomod" | "gobinary" => "Go",
        "cargo" | "rustbinary" => "crates.io",
        "composer" | "composer-vendor" => "Packagist",
        "bundler" | "gemspec" => "RubyGems",
        "nuget" | "dotnet-core" | "packages-props" => "NuGet",
        "pub" => "Pub",
        "hex" => "Hex",
        "debian" => "Debian",
        "alpine" => "Alpine",
        "ubuntu" => "Ubuntu",
        _ => "",
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Vulnerability,
    Misconfiguration,
    Secret,
}

impl What {
    const fn word(self) -> &'static str {
        match self {
            What::Vulnerability => "vulnerability",
            What::Misconfiguration => "misconfiguration",
            What::Secret => "secret",
        }
    }
}

impl Object for Target<'_, '_> {
    const WHAT: &'static str = "a target";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let what = match key {
            "Target" => return json::path(map, &mut self.name),
            "Class" => return json::text(map, &mut self.class),
            "Type" => return json::text(map, &mut self.kind),
            "Packages" => {
                let audited = self.report.packages.audited.get_or_insert(0);
                return map.next_value_seed(json::list_or_null(&mut Count(audited)));
            }
            "ExperimentalModifiedFindings" => return map.next_value_seed(json::list_or_null(&mut Modified(self))),
            "Vulnerabilities" => What::Vulnerability,
            "Misconfigurations" => What::Misconfiguration,
            "Secrets" => What::Secret,
            _ => return json::skip(map),
        };
        map.next_value_seed(json::list_or_null(&mut Records { target: self, what }))
    }
}

struct Count<'a>(&'a mut u64);

impl List for Count<'_> {
    const WHAT: &'static str = "a list of packages";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let some = list.next_element::<IgnoredAny>()?.is_some();
        *self.0 += u64::from(some);
        Ok(some)
    }
}

struct Records<'a, 'b, 'e> {
    target: &'a mut Target<'b, 'e>,
    what: What,
}

impl List for Records<'_, '_, '_> {
    const WHAT: &'static str = "a list of findings";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Record::default();
        if list.next_element_seed(json::object(&mut one))?.is_none() {
            return Ok(false);
        }
        let excepted = match (self.what, one.status.as_str()) {
            (What::Misconfiguration, "PASS") => return Ok(true),
            (What::Misconfiguration, "EXCEPTION") => true,
            _ => false,
        };
        self.target.push(&one, self.what, excepted).map_err(S::Error::custom)?;
        Ok(true)
    }
}

/// What was found and then left out: by a file of ignored ids, or a statement that it does not apply.
struct Modified<'a, 'b, 'e>(&'a mut Target<'b, 'e>);

impl List for Modified<'_, '_, '_> {
    const WHAT: &'static str = "a list of modified findings";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Change::default();
        if list.next_element_seed(json::object(&mut one))?.is_none() {
            return Ok(false);
        }
        let what = match one.kind.as_str() {
            "vulnerability" => What::Vulnerability,
            "misconfiguration" => What::Misconfiguration,
            "secret" => What::Secret,
            _ => return Ok(true),
        };
        self.0.push(&one.finding, what, true).map_err(S::Error::custom)?;
        Ok(true)
    }
}

#[derive(Default)]
struct Change {
    kind: String,
    finding: Record,
}

impl Object for Change {
    const WHAT: &'static str = "a modified finding";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "Type" => json::text(map, &mut self.kind),
            "Finding" => map.next_value_seed(json::object(&mut self.finding)),
            _ => json::skip(map),
        }
    }
}

/// A finding of any kind: their members have names of their own.
#[derive(Default)]
struct Record {
    vulnerability: String,
    id: String,
    avd: String,
    rule: String,
    package: String,
    version: String,
    fixed: String,
    path: String,
    title: String,
    message: String,
    description: String,
    severity: String,
    status: String,
    aliases: Words,
    start: Option<u64>,
    end: Option<u64>,
}

impl Object for Record {
    const WHAT: &'static str = "a finding";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let to = match key {
            "VulnerabilityID" => &mut self.vulnerability,
            "ID" => &mut self.id,
            "AVDID" => &mut self.avd,
            "RuleID" => &mut self.rule,
            "PkgName" => &mut self.package,
            "InstalledVersion" => &mut self.version,
            "FixedVersion" => &mut self.fixed,
            "Title" => &mut self.title,
            "Message" => &mut self.message,
            "Description" => &mut self.description,
            "Severity" => &mut self.severity,
            "Status" => &mut self.status,
            "PkgPath" => return json::path(map, &mut self.path),
            "VendorIDs" => return map.next_value_seed(json::list_or_null(&mut self.aliases)),
            "StartLine" => {
                self.start = map.next_value()?;
                return Ok(());
            }
            "EndLine" => {
                self.end = map.next_value()?;
                return Ok(());
            }
            "CauseMetadata" => return map.next_value_seed(json::object_or_null(&mut Cause(self))),
            _ => return json::skip(map),
        };
        json::text(map, to)
    }
}

/// Where a misconfiguration stands.
struct Cause<'a>(&'a mut Record);

impl Object for Cause<'_> {
    const WHAT: &'static str = "the place of a misconfiguration";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "StartLine" => self.0.start = map.next_value()?,
            "EndLine" => self.0.end = map.next_value()?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::found::Audit;

    fn seen(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            let package = f.package.as_ref().map(|p| {
                format!("{} {}@{} [{}] [{}]", p.ecosystem, p.name, p.version, p.fixed.join(","), p.aliases.join(","))
            });
            let (place, package) = (f.path.as_deref().unwrap_or("-"), package.unwrap_or_default());
            let (line, hidden) = (f.line.unwrap_or(0), if f.suppressed { " suppressed" } else { "" });
            seen.push(format!("{} {} {place}:{line} {package}: {}{hidden}", f.rule, f.severity.id(), f.message));
        })?;
        Ok((findings, seen))
    }

    const ALL: &str = r#"{"SchemaVersion":2,"Trivy":{"Version":"0.69.1"},"ArtifactName":"x","Results":[
        {"Target":"uv.lock","Class":"lang-pkgs","Type":"uv","Packages":[{"Name":"p"},{"Name":"q"}],"Vulnerabilities":[
            {"VulnerabilityID":"CVE-1","VendorIDs":["GHSA-1"],"PkgName":"p","InstalledVersion":"1","FixedVersion":"2, 3",
            "Title":"t","Description":"d","Severity":"CRITICAL"},
            {"VulnerabilityID":"CVE-2","PkgName":"p","InstalledVersion":"1","Description":"d","Severity":"UNKNOWN"}],
            "ExperimentalModifiedFindings":[{"Type":"vulnerability","Status":"ignored","Finding":
            {"VulnerabilityID":"CVE-3","PkgName":"q","InstalledVersion":"1","Severity":"LOW"}},{"Type":"license"}]},
        {"Target":"Java","Class":"lang-pkgs","Type":"jar","Vulnerabilities":[
            {"VulnerabilityID":"CVE-4","PkgName":"j","PkgPath":"lib/j.jar","Title":"t","Severity":"LOW"}]},
        {"Target":"x (debian 12)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[
            {"VulnerabilityID":"CVE-5","PkgName":"apt","Title":"t","Severity":"HIGH"}]},
        {"Target":"Dockerfile","Class":"config","Misconfigurations":[
            {"ID":"DS002","AVDID":"AVD-DS-0002","Title":"t","Severity":"HIGH","Status":"FAIL",
            "CauseMetadata":{"StartLine":3,"EndLine":4}},
            {"ID":"DS003","Title":"t","Severity":"LOW","Status":"PASS"},
            {"ID":"DS004","Title":"t","Severity":"LOW","Status":"EXCEPTION","CauseMetadata":{"StartLine":0}}]},
        {"Target":"a.txt","Class":"secret","Secrets":[{"RuleID":"pat","Title":"token","Severity":"CRITICAL",
            "StartLine":7,"EndLine":7,"Match":"hidden","Code":{"Lines":[{"Content":"hidden"}]}}]}]}"#;

    #[test]
    fn every_kind_has_its_own_words_and_place() {
        let (findings, found) = seen(ALL).unwrap();
        assert_eq!(
            found,
            [
                "CVE-1 critical uv.lock:0 PyPI p@1 [2,3] [GHSA-1]: t",
                "CVE-2 medium uv.lock:0 PyPI p@1 [] []: d",
                "CVE-3 low uv.lock:0 PyPI q@1 [] []:  suppressed",
                "CVE-4 low lib/j.jar:0 Maven j@ [] []: t",
                "CVE-5 high -:0 Debian apt@ [] []: t",
                "DS002 high Dockerfile:3 : t",
                "DS004 low Dockerfile:0 : t suppressed",
                "pat critical a.txt:7 : token",
            ]
        );
        assert_eq!(findings.audit, Some(Audit { audited: Some(2), skipped: 0, vulnerable: 3 }));
        assert_eq!((findings.total, findings.suppressed, findings.by_level["UNKNOWN"]), (8, 2, 1));
        assert_eq!(findings.version.as_deref(), Some("0.69.1"));
        assert!(findings.unmeasured.is_empty());
    }

    #[test]
    fn the_list_of_old_says_the_same() {
        let list = r#"[{"Target":"a","Type":"npm","Vulnerabilities":[{"VulnerabilityID":"CVE-1","PkgName":"p",
            "InstalledVersion":"1","Severity":"LOW"}]},{"Target":"b","Vulnerabilities":null}]"#;
        let (findings, found) = seen(list).unwrap();
        assert_eq!(found, ["CVE-1 low a:0 npm p@1 [] []: "]);
        assert!(findings.unmeasured.is_empty());
        assert_eq!(seen("[]").unwrap().0.unmeasured, ["no target was scanned"]);
    }

    #[test]
    fn without_a_target_or_with_an_old_system_nothing_was_measured() {
        for text in [r#"{"SchemaVersion":2}"#, r#"{"SchemaVersion":2,"Results":null}"#] {
            assert_eq!(seen(text).unwrap().0.unmeasured, ["no target was scanned"]);
        }
        let old = r#"{"SchemaVersion":2,"Metadata":{"OS":{"Family":"debian","Name":"8","EOSL":true}},"Results":[{}]}"#;
        let told = seen(old).unwrap().0.unmeasured;
        assert!(told.len() == 1 && told[0].starts_with("debian 8 is past its end of life"), "{told:?}");
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let with = |what: &str, one: &str| format!(r#"{{"SchemaVersion":2,"Results":[{{"{what}":[{one}]}}]}}"#);
        for (text, what) in [
            ("{}".to_string(), "no `SchemaVersion`"),
            (r#"{"SchemaVersion":3}"#.into(), "found 3"),
            (r#"{"SchemaVersion":null}"#.into(), "found 0"),
            (with("Vulnerabilities", "{}"), "a vulnerability of `` without an id"),
            (with("Secrets", r#"{"Severity":"LOW"}"#), "a secret of"),
            (with("Misconfigurations", "{}"), "a misconfiguration of"),
            (with("Vulnerabilities", r#"{"VulnerabilityID":"C","Severity":"odd"}"#), "found `odd`"),
            ("3".into(), "a report of Trivy"),
        ] {
            let error = seen(&text).unwrap_err();
            assert!(error.message.contains(what), "{text}: {}", error.message);
        }
    }
}
