//! govulncheck's JSON: a stream of messages (`config`, `SBOM`, `progress`, `osv`, `finding`), also put into one list by
//! those who keep it; and the single object of the versions before 1.0. A vulnerability is found at several places, ever
//! more closely: required, imported, called. It counts once, at the closest.

use super::audits::{Distinct, Packages, Words, shorten, vulnerability};
use super::error::ReadError;
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found, Package};
use serde::de::{Error, MapAccess, SeqAccess};
use std::collections::HashMap;
use std::io::Read;

/// How many bytes of vulnerabilities and modules are remembered: all of Go's database takes a tenth of it.
const MAX_KNOWN_BYTES: usize = 32 * 1024 * 1024;

pub const FORMAT: Format = Format {
    id: "govulncheck",
    title: "govulncheck JSON",
    reads: "every vulnerability once, with the place in the own code that leads to it. Its level is `called`, `imported` \
        or `required`; the tool tells no severity. At the closest level that the scan looked at it is high, as it is then \
        an error for the tool too, below that medium and low. Modules that a folder replaces have no version and are \
        counted as skipped.",
    written_by: "govulncheck 1.9 (`-format json`), 1.0, and the object of 0.x",
    refuses: "messages without a `config`, an object without `Vulns`, a finding without the id of its vulnerability or \
        without a trace.",
    looks_like: |s| match s.syntax {
        Syntax::JsonLines | Syntax::JsonArray => s.has_keys(&["config"]),
        Syntax::JsonObject => {
            s.has_keys(&["Calls", "Imports", "Vulns"]) || (s.keys == ["config"] && s.has_inner("protocol_version"))
        }
        _ => false,
    },
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report = Report {
        out: Out::new(Some("govulncheck"), each),
        began: false,
        config: None,
        legacy: false,
        messages: Messages::default(),
        packages: Packages::default(),
    };
    json::objects_or_lists(source, &mut report)?;
    let Report { mut out, began, config, legacy, messages, mut packages } = report;
    if config.is_none() && !legacy {
        return Err(ReadError::malformed(1, "a list without a message of govulncheck"));
    }
    let config = config.unwrap_or_default();
    if !legacy && !began {
        out.unmeasured("the scan did not begin".into());
    }
    if packages.skipped > 0 {
        out.unmeasured(format!("{} modules have no version: a folder replaces them", packages.skipped));
    }
    out.findings.version = Some(config.version.clone()).filter(|version| !version.is_empty());
    messages.hand_out(config.closest(), &mut out, &mut packages);
    out.findings.audit = Some(packages.audit());
    Ok(out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    /// Whether a message stands behind the first one.
    began: bool,
    config: Option<Config>,
    legacy: bool,
    messages: Messages,
    packages: Packages,
}

/// How closely a vulnerability was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    #[default]
    Required,
    Imported,
    Called,
}

impl Reach {
    const fn word(self) -> &'static str {
        match self {
            Reach::Required => "required",
            Reach::Imported => "imported",
            Reach::Called => "called",
        }
    }

    /// A scan that did not look more closely cannot say that it is not called.
    const fn severity(self, closest: Reach) -> Severity {
        match (closest as u8).saturating_sub(self as u8) {
            0 => Severity::High,
            1 => Severity::Medium,
            _ => Severity::Low,
        }
    }
}

#[derive(Default)]
struct Config {
    version: String,
    level: String,
}

impl Config {
    fn closest(&self) -> Reach {
        match self.level.as_str() {
            "module" => Reach::Required,
            "package" => Reach::Imported,
            _ => Reach::Called,
        }
    }
}

impl Object for Config {
    const WHAT: &'static str = "the configuration of a scan";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "scanner_version" => json::text(map, &mut self.version),
            "scan_level" => json::text(map, &mut self.level),
            _ => json::skip(map),
        }
    }
}

impl List for Report<'_> {
    const WHAT: &'static str = "a list of messages";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        Ok(list.next_element_seed(json::object(self))?.is_some())
    }
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a message of govulncheck";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        self.began |= self.config.is_some();
        match key {
            "config" => map.next_value_seed(json::object(self.config.insert(Config::default()))),
            "SBOM" => {
                let mut bill = Bill { packages: &mut self.packages, modules: Distinct::default() };
                map.next_value_seed(json::object_or_null(&mut bill))
            }
            "osv" => {
                let mut one = Entry::default();
                map.next_value_seed(json::object(&mut one))?;
                self.messages.entry(one).map_err(M::Error::custom)
            }
            "finding" => {
                let mut one = Finding::default();
                map.next_value_seed(json::object(&mut one))?;
                self.messages.finding(one).map_err(M::Error::custom)
            }
            "Requires" => map.next_value_seed(json::object_or_null(&mut Requires(self))),
            "Vulns" => {
                self.legacy = true;
                map.next_value_seed(json::list_or_null(&mut Vulns(&mut self.messages)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.config.is_some() || self.legacy {
            Ok(())
        } else {
            Err("neither a `config` before it nor `Vulns`".into())
        }
    }
}

/// The modules that were looked up; one that is replaced stands there twice.
struct Bill<'a> {
    packages: &'a mut Packages,
    modules: Distinct,
}

impl Object for Bill<'_> {
    const WHAT: &'static str = "the modules";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "modules" {
            return json::skip(map);
        }
        self.packages.audited.get_or_insert(0);
        map.next_value_seed(json::list_or_null(self))
    }
}

impl List for Bill<'_> {
    const WHAT: &'static str = "a list of modules";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Module::default();
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        if !some || !self.modules.add(&[&one.path, &one.version]) {
            return Ok(some);
        }
        if one.version.is_empty() && one.path.starts_with(['.', '/']) {
            self.packages.skipped += 1;
        } else {
            *self.packages.audited.get_or_insert(0) += 1;
        }
        Ok(true)
    }
}

/// A module, in both shapes.
#[derive(Clone, Default)]
struct Module {
    path: String,
    version: String,
}

impl Object for Module {
    const WHAT: &'static str = "a module";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let to = match key {
            "path" | "Path" => &mut self.path,
            "version" | "Version" => &mut self.version,
            _ => return json::skip(map),
        };
        json::text(map, to)?;
        shorten(to);
        Ok(())
    }
}

/// What was told of each vulnerability, and the closest finding.
#[derive(Default)]
struct Messages {
    entries: HashMap<String, Entry>,
    /// By id, where in `found`.
    index: HashMap<String, usize>,
    found: Vec<Finding>,
    /// The versions of modules, by path.
    modules: HashMap<String, String>,
    bytes: usize,
}

impl Messages {
    fn remember(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes += bytes;
        if self.bytes <= MAX_KNOWN_BYTES {
            return Ok(());
        }
        Err(format!("more vulnerabilities and modules than fit into {MAX_KNOWN_BYTES} bytes"))
    }

    fn entry(&mut self, one: Entry) -> Result<(), String> {
        self.remember(
            2 * one.id.len() + one.summary.len() + one.aliases.bytes() + one.fixed.bytes() + size_of::<Entry>(),
        )?;
        self.entries.insert(one.id.clone(), one);
        Ok(())
    }

    fn finding(&mut self, one: Finding) -> Result<(), String> {
        // One that is closer takes another's place.
        let known = self.index.get(&one.id).map(|&at| &self.found[at]);
        if known.is_none_or(|known| one.reach > known.reach) {
            self.remember(one.bytes())?;
        }
        match self.index.get(&one.id) {
            Some(&at) if one.reach > self.found[at].reach => self.found[at] = one,
            Some(_) => {}
            None => {
                self.index.insert(one.id.clone(), self.found.len());
                self.found.push(one);
            }
        }
        Ok(())
    }

    fn hand_out(mut self, closest: Reach, out: &mut Out<'_>, packages: &mut Packages) {
        for mut one in self.found {
            let Entry { mut summary, aliases, fixed, .. } = self.entries.remove(&one.id).unwrap_or_default();
            if one.module.version.is_empty() {
                one.module.version = self.modules.get(&one.module.path).cloned().unwrap_or_default();
            }
            if one.fixed.is_empty() {
                // The object of 0.x names all versions that mend it.
                one.versions.extend(fixed.0);
            }
            one.versions.add(one.fixed);
            if !one.symbol.is_empty() {
                summary = format!("{summary} ({})", one.symbol);
            }
            packages.vulnerable.add(&[&one.module.path, &one.module.version]);
            let package = Package {
                name: one.module.path.into(),
                version: one.module.version.into(),
                ecosystem: "Go".into(),
                fixed: one.versions.0,
                aliases: aliases.0,
                via: one.via.0.into_iter().rev().collect(),
            };
            let level = (one.reach.severity(closest), one.reach.word());
            let mut found = vulnerability(&one.id, summary, level, package);
            found.path = (!one.file.is_empty()).then_some(one.file.as_str().into());
            found.line = one.line;
            out.push(&found);
        }
    }
}

/// An entry of the database.
#[derive(Default)]
struct Entry {
    id: String,
    summary: String,
    aliases: Words,
    fixed: Words,
}

impl Object for Entry {
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
            // Before 1.0 there is nothing else.
            "details" if self.summary.is_empty() => {
                json::text(map, &mut self.summary)?;
                shorten(&mut self.summary);
            }
            "aliases" => map.next_value_seed(json::list_or_null(&mut self.aliases))?,
            "affected" => map.next_value_seed(json::list_or_null(&mut Fixed(&mut self.fixed)))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if self.id.is_empty() { Err("a vulnerability without `id`".into()) } else { Ok(()) }
    }
}

/// `affected`, its `ranges` and their `events`: lists of objects, one in the other, down to `fixed`.
struct Fixed<'a>(&'a mut Words);

impl List for Fixed<'_> {
    const WHAT: &'static str = "a list of what is affected";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        Ok(list.next_element_seed(json::object(self))?.is_some())
    }
}

impl Object for Fixed<'_> {
    const WHAT: &'static str = "what is affected";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "ranges" | "events" => map.next_value_seed(json::list_or_null(self)),
            "fixed" => {
                let mut version = String::new();
                json::text(map, &mut version)?;
                self.0.add(version);
                Ok(())
            }
            _ => json::skip(map),
        }
    }
}

/// A vulnerability at one place.
#[derive(Default)]
struct Finding {
    id: String,
    fixed: String,
    versions: Words,
    reach: Reach,
    /// Of the first frame, which is the vulnerable one.
    module: Module,
    symbol: String,
    /// Of the last frame with a position: the own code.
    file: String,
    line: Option<u64>,
    /// The modules between, innermost first.
    via: Words,
    frames: u64,
}

impl Finding {
    fn bytes(&self) -> usize {
        let texts = [&self.fixed, &self.module.path, &self.module.version, &self.symbol, &self.file];
        let texts: usize = texts.iter().map(|text| text.len()).sum();
        2 * self.id.len() + texts + self.versions.bytes() + self.via.bytes() + size_of::<Finding>()
    }
}

impl Object for Finding {
    const WHAT: &'static str = "a finding";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "osv" => {
                json::text(map, &mut self.id)?;
                shorten(&mut self.id);
            }
            "fixed_version" => {
                json::text(map, &mut self.fixed)?;
                shorten(&mut self.fixed);
            }
            "trace" => map.next_value_seed(json::list(self))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        match (self.id.is_empty(), self.frames) {
            (true, _) => Err("a finding without `osv`".into()),
            (_, 0) => Err(format!("the finding of {} has no trace", self.id)),
            _ => Ok(()),
        }
    }
}

impl List for Finding {
    const WHAT: &'static str = "a trace";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut frame = Frame::default();
        if list.next_element_seed(json::object(&mut frame))?.is_none() {
            return Ok(false);
        }
        let Frame { module, package, function, place } = frame;
        self.frames += 1;
        if self.frames == 1 {
            self.reach = match (package.is_empty(), function.is_empty()) {
                (_, false) => Reach::Called,
                (false, true) => Reach::Imported,
                (true, true) => Reach::Required,
            };
            self.symbol = if function.is_empty() { package } else { format!("{package}.{function}") };
            shorten(&mut self.symbol);
            self.module = module;
        } else {
            if module.path != self.module.path {
                self.via.add(module.path);
            }
            if !place.file.is_empty() {
                (self.file, self.line) = (place.file, place.line.filter(|line| *line > 0));
            }
        }
        Ok(true)
    }
}

#[derive(Default)]
struct Frame {
    module: Module,
    package: String,
    function: String,
    place: Place,
}

impl Object for Frame {
    const WHAT: &'static str = "a frame";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "module" => {
                json::text(map, &mut self.module.path)?;
                shorten(&mut self.module.path);
            }
            "version" => {
                json::text(map, &mut self.module.version)?;
                shorten(&mut self.module.version);
            }
            "package" => json::text(map, &mut self.package)?,
            "function" => json::text(map, &mut self.function)?,
            "position" => map.next_value_seed(json::object_or_null(&mut self.place))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Place {
    file: String,
    line: Option<u64>,
}

impl Object for Place {
    const WHAT: &'static str = "a position";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "filename" => {
                json::path(map, &mut self.file)?;
                shorten(&mut self.file);
            }
            "line" => self.line = map.next_value()?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

/// Before 1.0: the modules, by a number.
struct Requires<'a, 'e>(&'a mut Report<'e>);

impl Object for Requires<'_, '_> {
    const WHAT: &'static str = "the required modules";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "Modules" {
            return json::skip(map);
        }
        map.next_value_seed(json::object_or_null(&mut Modules(self.0)))
    }
}

struct Modules<'a, 'e>(&'a mut Report<'e>);

impl Object for Modules<'_, '_> {
    const WHAT: &'static str = "the modules";

    fn entry<'de, M: MapAccess<'de>>(&mut self, _: &str, map: &mut M) -> Result<(), M::Error> {
        let mut one = Module::default();
        map.next_value_seed(json::object(&mut one))?;
        *self.0.packages.audited.get_or_insert(0) += 1;
        let messages = &mut self.0.messages;
        messages.remember(one.path.len() + one.version.len() + size_of::<Module>()).map_err(M::Error::custom)?;
        messages.modules.insert(one.path, one.version);
        Ok(())
    }
}

/// Before 1.0: one entry for each symbol of a vulnerability.
struct Vulns<'a>(&'a mut Messages);

impl List for Vulns<'_> {
    const WHAT: &'static str = "a list of vulnerabilities";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Vuln::default();
        if list.next_element_seed(json::object(&mut one))?.is_none() {
            return Ok(false);
        }
        let Vuln { entry, mut finding, call, import } = one;
        finding.id = entry.id.clone();
        finding.reach = match (call, import) {
            (0, 0) => Reach::Required,
            (0, _) => Reach::Imported,
            _ => Reach::Called,
        };
        if !self.0.entries.contains_key(&entry.id) {
            self.0.entry(entry).map_err(S::Error::custom)?;
        }
        self.0.finding(finding).map_err(S::Error::custom)?;
        Ok(true)
    }
}

#[derive(Default)]
struct Vuln {
    entry: Entry,
    finding: Finding,
    /// Where in the graphs of the report; 0 is nowhere.
    call: u64,
    import: u64,
}

impl Object for Vuln {
    const WHAT: &'static str = "a vulnerability at one symbol";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "OSV" => map.next_value_seed(json::object(&mut self.entry))?,
            "Symbol" => {
                json::text(map, &mut self.finding.symbol)?;
                shorten(&mut self.finding.symbol);
            }
            "ModPath" => {
                json::text(map, &mut self.finding.module.path)?;
                shorten(&mut self.finding.module.path);
            }
            "CallSink" => self.call = map.next_value()?,
            "ImportSink" => self.import = map.next_value()?,
            _ => json::skip(map)?,
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if self.entry.id.is_empty() { Err("a vulnerability without `OSV`".into()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::found::Audit;

    fn seen(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            let p = f.package.as_ref().unwrap();
            let (place, fixed, via) = (f.path.as_deref().unwrap_or("-"), p.fixed.join(","), p.via.join(">"));
            let line = f.line.unwrap_or(0);
            let (severity, level) = (f.severity.id(), &f.level);
            seen.push(format!("{} {severity} {level} {}@{} [{fixed}] {via} {place}:{line}", f.rule, p.name, p.version));
        })?;
        Ok((findings, seen))
    }

    fn config(level: &str) -> String {
        format!(r#"{{"config":{{"protocol_version":"v1.0.0","scanner_version":"v1.9.0","scan_level":"{level}"}}}}"#)
    }

    const FINDINGS: &str = r#"{"osv":{"id":"GO-1","summary":"s","aliases":["CVE-1"],"affected":[]}}
        {"finding":{"osv":"GO-1","fixed_version":"v1.1.0","trace":[{"module":"dep","version":"v1.0.0"}]}}
        {"finding":{"osv":"GO-2","trace":[{"module":"dep","version":"v1.0.0","package":"dep/x"}]}}
        {"finding":{"osv":"GO-1","fixed_version":"v1.1.0","trace":[{"module":"dep","version":"v1.0.0","package":"dep/x",
            "function":"F","position":{"filename":"x.go","line":3}},{"module":"mid","function":"G"},{"module":"shop",
            "position":{"filename":"main.go","line":10}}]}}
        {"finding":{"osv":"GO-1","trace":[{"module":"dep","version":"v1.0.0","package":"dep/x"}]}}
        {"finding":{"osv":"GO-3","trace":[{"module":"stdlib","version":"v1.2.0"}]}}"#;

    #[test]
    fn a_vulnerability_counts_once_at_its_closest() {
        let (findings, found) = seen(&format!("{}\n{FINDINGS}", config("symbol"))).unwrap();
        let expected = [
            "GO-1 high called dep@v1.0.0 [v1.1.0] shop>mid main.go:10",
            "GO-2 medium imported dep@v1.0.0 []  -:0",
            "GO-3 low required stdlib@v1.2.0 []  -:0",
        ];
        assert_eq!(found, expected);
        assert_eq!(findings.audit, Some(Audit { audited: None, skipped: 0, vulnerable: 2 }));
        assert_eq!(findings.version.as_deref(), Some("v1.9.0"));
        assert!(findings.unmeasured.is_empty());
        // One list of the same messages.
        let list = format!("[{},{}]", config("symbol"), FINDINGS.replace("}}\n", "}},\n"));
        assert_eq!(seen(&list).unwrap().1, expected);
        // A scan that did not look for calls cannot say that there are none.
        let (_, found) = seen(&format!("{}{FINDINGS}", config("package"))).unwrap();
        assert!(found[1].starts_with("GO-2 high") && found[2].starts_with("GO-3 medium"), "{found:?}");
        let (_, found) = seen(&format!("{}{FINDINGS}", config("module"))).unwrap();
        assert!(found.iter().all(|line| line.contains(" high ")), "{found:?}");
    }

    #[test]
    fn modules_are_counted_and_those_without_a_version_were_not_looked_up() {
        let bill = r#"{"SBOM":{"modules":[{"path":"shop"},{"path":"../dep"},{"path":"../dep"},{"path":"stdlib","version":"v1.2.0"}]}}"#;
        let (findings, _) = seen(&format!("{}{bill}", config("symbol"))).unwrap();
        assert_eq!(findings.audit, Some(Audit { audited: Some(2), skipped: 1, vulnerable: 0 }));
        assert_eq!(findings.unmeasured, ["1 modules have no version: a folder replaces them"]);
        assert_eq!(seen(&config("symbol")).unwrap().0.unmeasured, ["the scan did not begin"]);
    }

    #[test]
    fn the_object_of_old_has_sinks() {
        let one = |id: &str, call: u8, import: u8| {
            format!(
                r#"{{"OSV":{{"id":"{id}","details":"d","affected":[{{"ranges":[{{"events":[{{"introduced":"0"}},
                {{"fixed":"1.1"}}]}}]}}]}},"Symbol":"F","PkgPath":"p","ModPath":"dep","CallSink":{call},"ImportSink":{import},
                "RequireSink":1}}"#
            )
        };
        let vulns = [one("GO-1", 0, 7), one("GO-1", 3, 7), one("GO-2", 0, 7), one("GO-3", 0, 0)].join(",");
        let text = format!(
            r#"{{"Calls":{{}},"Imports":{{}},"Requires":{{"Modules":{{"1":{{"Path":"dep","Version":"v1.0.0"}},
            "2":{{"Path":"shop"}}}}}},"Vulns":[{vulns}]}}"#
        );
        let (findings, found) = seen(&text).unwrap();
        assert_eq!(
            found,
            [
                "GO-1 high called dep@v1.0.0 [1.1]  -:0",
                "GO-2 medium imported dep@v1.0.0 [1.1]  -:0",
                "GO-3 low required dep@v1.0.0 [1.1]  -:0"
            ]
        );
        assert_eq!(findings.audit, Some(Audit { audited: Some(2), skipped: 0, vulnerable: 1 }));
        let nothing = seen(r#"{"Calls":{},"Imports":{},"Requires":{},"Vulns":null}"#).unwrap().0;
        assert_eq!((nothing.total, nothing.unmeasured.len()), (0, 0));
    }

    #[test]
    fn what_is_missing_is_named() {
        let with = |rest: &str| format!("{}{rest}", config("symbol"));
        for (text, what) in [
            ("{}".to_string(), "neither a `config`"),
            (r#"{"osv":{"id":"GO-1"}}"#.into(), "neither a `config`"),
            (with(r#"{"osv":{}}"#), "without `id`"),
            (with(r#"{"finding":{"trace":[{}]}}"#), "without `osv`"),
            (with(r#"{"finding":{"osv":"GO-1"}}"#), "GO-1 has no trace"),
            (with(r#"{"finding":{"osv":"GO-1","trace":[]}}"#), "GO-1 has no trace"),
            (with("{"), "EOF"),
            (with("x"), "expected value"),
            (r#"{"Vulns":[{}]}"#.into(), "without `OSV`"),
            ("[]".into(), "without a message"),
            ("3".into(), "a message of govulncheck"),
        ] {
            let error = seen(&text).unwrap_err();
            assert!(error.message.contains(what), "{text}: {}", error.message);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let count = MAX_KNOWN_BYTES / size_of::<Entry>();
        let many: String = (0..=count).map(|n| format!(r#"{{"osv":{{"id":"{n}"}}}}"#)).collect();
        let error = seen(&format!("{}{many}", config("symbol"))).unwrap_err();
        assert!(error.message.contains("than fit into"), "{}", error.message);
    }
}
