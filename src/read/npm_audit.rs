//! npm's audit report: the advisories of npm 6, and the vulnerable packages of npm 7 and later, each with what makes it
//! so. A registry that did not answer leaves an error in the report's place: it is one, in its own words.

use super::audits::{HELD_BYTES, Packages, Words, shorten, vulnerability};
use super::error::{ErrorKind, ReadError};
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::{Shape, Syntax};
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found, Package};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::Read;

/// How many packages are looked at for the advisory behind one, and for who brings it in.
const LOOKED_AT: usize = 64;
/// In the order of npm's own severity.
const LEVELS: [&str; 6] = ["none", "info", "low", "moderate", "high", "critical"];

pub const FORMAT: Format = Format {
    id: "npm-audit",
    title: "npm audit JSON",
    reads: "npm 6: every advisory, with the first path that brings it in. npm 7 and later: every vulnerable package, \
        as npm counts them, with the worst of its advisories (the others are its aliases), or of those behind it, and \
        the chain of packages that brings it in. A fix that another package's update brings is written `name@version`.",
    written_by: "npm 11 (`npm audit --json`), and the reports of npm 6 and 7",
    refuses: "an error in the report's place (no lock file, an advisory service that did not answer), a report with \
        neither `vulnerabilities` nor `advisories`, a severity that npm does not know.",
    looks_like,
    holds: Holds::Findings(read),
};

fn looks_like(shape: &Shape) -> bool {
    let error = shape.has_inner("summary") && (shape.keys == ["error"] || shape.has_keys(&["message", "error"]));
    shape.syntax == Syntax::JsonObject
        && (error
            || shape.has_keys(&["auditReportVersion"])
            || shape.has_keys(&["actions", "advisories"])
            || shape.has_keys(&["message", "method", "uri", "statusCode"]))
}

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut report = Report {
        out: Out::new(Some("npm audit"), each),
        packages: Packages::default(),
        held: Held::default(),
        listed: false,
        counted: [0; 6],
        declared: [None; 6],
        message: String::new(),
        fault: None,
    };
    json::document(source, json::object(&mut report))?;
    if let Some(told) = report.told() {
        return Err(ReadError::new(ErrorKind::ToolError, None, format!("npm audit says: {told}")));
    }
    report.held.release(&mut report.out);
    let Report { mut out, packages, counted, declared, .. } = report;
    for ((level, counted), declared) in LEVELS.iter().zip(counted).zip(declared) {
        if let Some(declared) = declared.filter(|declared| *declared != counted) {
            out.findings.contradictions.push(format!("{level}: {declared} declared, {counted} counted"));
        }
    }
    out.findings.audit = Some(packages.audit());
    Ok(out.findings)
}

struct Report<'e> {
    out: Out<'e>,
    packages: Packages,
    held: Held,
    listed: bool,
    /// By level, what npm's own totals count: packages, and before npm 7 paths.
    counted: [u64; 6],
    declared: [Option<u64>; 6],
    message: String,
    fault: Option<Fault>,
}

impl Report<'_> {
    /// What the tool says in place of a report.
    fn told(&self) -> Option<String> {
        let fault = self.fault.as_ref();
        if fault.is_none() && (self.listed || self.message.is_empty()) {
            return None;
        }
        let (code, summary) = fault.map_or(("", ""), |fault| (&fault.code, &fault.summary));
        let said: Vec<&str> = [code, self.message.as_str(), summary].into_iter().filter(|s| !s.is_empty()).collect();
        Some(if said.is_empty() { "an error without a reason".into() } else { said.join(": ") })
    }
}

impl Object for Report<'_> {
    const WHAT: &'static str = "a report of npm audit";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "auditReportVersion" => match map.next_value::<Option<u64>>()? {
                None | Some(2) => Ok(()),
                Some(other) => Err(M::Error::custom(format!("version 2 of the report expected, found {other}"))),
            },
            "vulnerabilities" => {
                self.listed = true;
                map.next_value_seed(json::object(&mut Vulnerable(self)))
            }
            "advisories" => {
                self.listed = true;
                map.next_value_seed(json::object(&mut Advisories(self)))
            }
            "muted" => {
                let mut muted = Count(0);
                map.next_value_seed(json::list_or_null(&mut muted))?;
                if muted.0 > 0 {
                    self.out.unmeasured(format!("{} advisories are muted", muted.0));
                }
                Ok(())
            }
            "metadata" => map.next_value_seed(json::object_or_null(&mut Metadata(self))),
            "message" => json::text(map, &mut self.message),
            "error" => {
                let mut fault = Fault::default();
                map.next_value_seed(json::object_or_null(&mut fault))?;
                self.fault = fault.there.then_some(fault);
                Ok(())
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.listed || self.told().is_some() {
            return Ok(());
        }
        Err("neither `vulnerabilities` nor `advisories`".into())
    }
}

/// The error in place of a report.
#[derive(Default)]
struct Fault {
    there: bool,
    code: String,
    summary: String,
}

impl Object for Fault {
    const WHAT: &'static str = "an error";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        self.there = true;
        match key {
            "code" => json::word(map, &mut self.code),
            "summary" => json::text(map, &mut self.summary),
            _ => json::skip(map),
        }
    }
}

struct Count(u64);

impl List for Count {
    const WHAT: &'static str = "a list of muted advisories";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let some = list.next_element::<IgnoredAny>()?.is_some();
        self.0 += u64::from(some);
        Ok(some)
    }
}

struct Metadata<'a, 'e>(&'a mut Report<'e>);

impl Object for Metadata<'_, '_> {
    const WHAT: &'static str = "the metadata";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "vulnerabilities" => map.next_value_seed(json::object_or_null(&mut Declared(&mut self.0.declared))),
            // A number before npm 7, and then an object.
            "dependencies" => map.next_value_seed(Total(&mut self.0.packages.audited)),
            "totalDependencies" => {
                self.0.packages.audited = map.next_value()?;
                Ok(())
            }
            _ => json::skip(map),
        }
    }
}

struct Declared<'a>(&'a mut [Option<u64>; 6]);

impl Object for Declared<'_> {
    const WHAT: &'static str = "the totals";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match LEVELS.iter().position(|level| *level == key) {
            Some(at) => self.0[at] = map.next_value()?,
            None => json::skip(map)?,
        }
        Ok(())
    }
}

/// The `total` of an object; a number in its place is not of all dependencies.
struct Total<'a>(&'a mut Option<u64>);

impl<'de> DeserializeSeed<'de> for Total<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Total<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the numbers of dependencies")
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "total" { *self.0 = map.next_value()? } else { json::skip(&mut map)? }
        }
        Ok(())
    }
}

/// Our severity and npm's place of a word.
fn severity(word: &str) -> Result<(Severity, usize), String> {
    let at = LEVELS.iter().position(|level| *level == word);
    let at = at.ok_or_else(|| format!("a severity of npm expected, found `{word}`"))?;
    let ours =
        [Severity::Notice, Severity::Notice, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    Ok((ours[at], at))
}

/// GitHub's id of an advisory, out of its address.
fn ghsa(url: &str) -> Option<&str> {
    url.rsplit('/').next().filter(|last| last.starts_with("GHSA-"))
}

/// npm 6: one advisory for each id.
struct Advisories<'a, 'e>(&'a mut Report<'e>);

impl Object for Advisories<'_, '_> {
    const WHAT: &'static str = "the advisories";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let mut one = Advisory::default();
        map.next_value_seed(json::object(&mut one))?;
        let (ours, at) = severity(&one.severity).map_err(M::Error::custom)?;
        let report = &mut *self.0;
        report.counted[at] += one.paths;
        report.packages.vulnerable.add(&[&one.module]);
        if let Some(id) = ghsa(&one.url) {
            one.ids.add(id.to_string());
        }
        let rule = one.ids.0.iter().find(|id| id.starts_with("GHSA-")).cloned().unwrap_or_else(|| key.to_string());
        one.ids.0.retain(|id| *id != rule);
        let mut via: Vec<String> = one.path.split('>').map(String::from).collect();
        via.pop();
        let fixed = Some(one.patched).filter(|range| !range.is_empty() && range != "<0.0.0");
        let package = Package {
            name: one.module.as_str().into(),
            version: one.versions.0.join(", ").into(),
            ecosystem: "npm".into(),
            fixed: fixed.into_iter().collect(),
            aliases: one.ids.0,
            via,
        };
        report.out.push(&vulnerability(&rule, one.title.as_str(), (ours, LEVELS[at]), package));
        Ok(())
    }
}

#[derive(Default)]
struct Advisory {
    module: String,
    title: String,
    severity: String,
    url: String,
    patched: String,
    ids: Words,
    versions: Words,
    /// How many paths lead to it, and the first of them.
    paths: u64,
    path: String,
}

impl Object for Advisory {
    const WHAT: &'static str = "an advisory";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "module_name" => json::text(map, &mut self.module),
            "title" => json::text(map, &mut self.title),
            "severity" => json::text(map, &mut self.severity),
            "url" => json::text(map, &mut self.url),
            "patched_versions" => json::text(map, &mut self.patched),
            "github_advisory_id" => {
                let mut id = String::new();
                json::text(map, &mut id)?;
                self.ids.add(id);
                Ok(())
            }
            "cves" => map.next_value_seed(json::list_or_null(&mut self.ids)),
            "findings" => map.next_value_seed(json::list_or_null(&mut Places(self))),
            _ => json::skip(map),
        }
    }
}

/// Where an advisory applies.
struct Places<'a>(&'a mut Advisory);

impl List for Places<'_> {
    const WHAT: &'static str = "a list of findings";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        Ok(list.next_element_seed(json::object(self))?.is_some())
    }
}

impl Object for Places<'_> {
    const WHAT: &'static str = "a finding";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "version" => {
                let mut version = String::new();
                json::text(map, &mut version)?;
                self.0.versions.add(version);
                Ok(())
            }
            "paths" => map.next_value_seed(json::list_or_null(&mut Paths(self.0))),
            _ => json::skip(map),
        }
    }
}

struct Paths<'a>(&'a mut Advisory);

impl List for Paths<'_> {
    const WHAT: &'static str = "a list of paths";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut path = String::new();
        let some = list.next_element_seed(json::Text(&mut path))?.is_some();
        self.0.paths += u64::from(some);
        if self.0.path.is_empty() {
            shorten(&mut path);
            self.0.path = path;
        }
        Ok(some)
    }
}

/// npm 7 and later: one entry for each vulnerable package.
struct Vulnerable<'a, 'e>(&'a mut Report<'e>);

impl Object for Vulnerable<'_, '_> {
    const WHAT: &'static str = "the vulnerable packages";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let mut one = Entry { name: key.to_string(), ..Entry::default() };
        shorten(&mut one.name);
        map.next_value_seed(json::object(&mut one))?;
        let (ours, at) = severity(&one.severity).map_err(M::Error::custom)?;
        (one.ours, one.at) = (Some(ours), at);
        self.0.counted[at] += 1;
        self.0.packages.vulnerable.add(&[key]);
        self.0.held.hold(one, &mut self.0.out);
        Ok(())
    }
}

#[derive(Default)]
struct Entry {
    name: String,
    severity: String,
    ours: Option<Severity>,
    at: usize,
    direct: bool,
    range: String,
    /// The worst advisory of its own.
    rule: String,
    title: String,
    worst: usize,
    /// The ids of the others.
    others: Words,
    /// The vulnerable packages that it needs, and those that need it.
    needs: Words,
    effects: Words,
    fixed: String,
}

impl Entry {
    fn bytes(&self) -> usize {
        let texts = [&self.name, &self.severity, &self.range, &self.rule, &self.title, &self.fixed];
        let texts: usize = texts.iter().map(|text| text.capacity()).sum();
        texts + self.others.bytes() + self.needs.bytes() + self.effects.bytes() + size_of::<Entry>()
    }

    fn advisory(&mut self, one: Via) -> Result<(), String> {
        let (_, at) = severity(&one.severity)?;
        let mut rule = ghsa(&one.url).unwrap_or(&one.source).to_string();
        if rule.is_empty() {
            rule = one.url;
        }
        shorten(&mut rule);
        if self.rule.is_empty() || at > self.worst {
            self.others.add(std::mem::replace(&mut self.rule, rule));
            (self.title, self.worst) = (one.title, at);
            shorten(&mut self.title);
        } else if rule != self.rule {
            self.others.add(rule);
        }
        Ok(())
    }
}

impl Object for Entry {
    const WHAT: &'static str = "a vulnerable package";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "severity" => {
                json::text(map, &mut self.severity)?;
                shorten(&mut self.severity);
            }
            "isDirect" => self.direct = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "range" => {
                json::text(map, &mut self.range)?;
                shorten(&mut self.range);
            }
            "via" => map.next_value_seed(json::list_or_null(self))?,
            "effects" => map.next_value_seed(json::list_or_null(&mut self.effects))?,
            "fixAvailable" => {
                let mut fix = Fix::default();
                map.next_value_seed(&mut fix)?;
                self.fixed = if fix.name == self.name { fix.version } else { format!("{}@{}", fix.name, fix.version) };
                if fix.name.is_empty() {
                    self.fixed.clear();
                }
                shorten(&mut self.fixed);
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

/// `via`: advisories, and the names of other vulnerable packages.
impl List for Entry {
    const WHAT: &'static str = "a list of reasons";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = Via::default();
        let some = list.next_element_seed(&mut one)?.is_some();
        if some && one.package.is_empty() {
            self.advisory(one).map_err(S::Error::custom)?;
        } else {
            self.needs.add(one.package);
        }
        Ok(some)
    }
}

/// One reason: an advisory, or the name of a package.
#[derive(Default)]
struct Via {
    package: String,
    source: String,
    title: String,
    url: String,
    severity: String,
}

impl<'de> DeserializeSeed<'de> for &mut Via {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Via {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an advisory, or the name of a package")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        if name.is_empty() {
            return Err(E::custom("a package without a name"));
        }
        self.package = name.to_string();
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        json::object(self).visit_map(map)
    }
}

impl Object for Via {
    const WHAT: &'static str = "an advisory";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "source" => json::word(map, &mut self.source),
            "title" => json::text(map, &mut self.title),
            "url" => json::text(map, &mut self.url),
            "severity" => json::text(map, &mut self.severity),
            _ => json::skip(map),
        }
    }
}

/// The update that mends it; `true` and `false` name none.
#[derive(Default)]
struct Fix {
    name: String,
    version: String,
}

impl<'de> DeserializeSeed<'de> for &mut Fix {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Fix {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an update, or whether there is one")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        json::object(self).visit_map(map)
    }
}

impl Object for Fix {
    const WHAT: &'static str = "an update";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "name" => json::text(map, &mut self.name),
            "version" => json::text(map, &mut self.version),
            _ => json::skip(map),
        }
    }
}

/// Packages until all are known that they name.
#[derive(Default)]
struct Held {
    entries: Vec<Entry>,
    bytes: usize,
}

impl Held {
    fn hold(&mut self, one: Entry, out: &mut Out<'_>) {
        self.bytes += one.bytes();
        self.entries.push(one);
        if self.bytes > HELD_BYTES {
            self.release(out);
        }
    }

    fn release(&mut self, out: &mut Out<'_>) {
        self.bytes = 0;
        let entries = std::mem::take(&mut self.entries);
        let index: HashMap<&str, usize> = entries.iter().enumerate().map(|(at, e)| (e.name.as_str(), at)).collect();
        let known = |names: &Words| names.0.iter().filter_map(|name| index.get(name.as_str()).copied()).collect();
        let needs: Vec<Vec<usize>> = entries.iter().map(|e| known(&e.needs)).collect();
        let effects: Vec<Vec<usize>> = entries.iter().map(|e| known(&e.effects)).collect();
        for (at, entry) in entries.iter().enumerate() {
            let behind = chain(at, &needs, |i| !entries[i].rule.is_empty() && entries[i].worst >= entry.at)
                .or_else(|| chain(at, &needs, |i| !entries[i].rule.is_empty()));
            let cause = behind.and_then(|chain| chain.last().map(|&i| &entries[i]));
            let brought = chain(at, &effects, |i| entries[i].direct).unwrap_or_default();
            let via = brought.iter().skip(1).rev().map(|&i| entries[i].name.clone()).collect();
            hand_out(entry, cause, via, out);
        }
    }
}

fn hand_out(entry: &Entry, cause: Option<&Entry>, via: Vec<String>, out: &mut Out<'_>) {
    let from = cause.unwrap_or(entry);
    let message = match cause {
        Some(cause) if cause.name != entry.name => format!("needs {}: {}", cause.name, cause.title),
        None => format!("needs {}", entry.needs.0.join(", ")),
        Some(cause) => cause.title.clone(),
    };
    let message = if entry.range.is_empty() { message } else { format!("{message} ({})", entry.range) };
    let package = Package {
        name: entry.name.as_str().into(),
        version: "".into(),
        ecosystem: "npm".into(),
        fixed: Some(entry.fixed.clone()).filter(|fix| !fix.is_empty()).into_iter().collect(),
        aliases: from.others.0.clone(),
        via,
    };
    let level = (entry.ours.unwrap_or(Severity::Medium), LEVELS[entry.at]);
    out.push(&vulnerability(&from.rule, message, level, package));
}

/// The shortest way along the edges, both ends with it, to the first that is wanted.
fn chain(from: usize, edges: &[Vec<usize>], wanted: impl Fn(usize) -> bool) -> Option<Vec<usize>> {
    let mut before = HashMap::from([(from, from)]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if wanted(at) {
            let mut way = vec![at];
            while let Some(&last) = way.last().filter(|&&last| last != from) {
                way.push(before[&last]);
            }
            way.reverse();
            return Some(way);
        }
        for &next in &edges[at] {
            if before.len() < LOOKED_AT && !before.contains_key(&next) {
                before.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::audits::KEPT_TEXT_BYTES;
    use super::*;
    use crate::facts::found::Audit;

    fn seen(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            let p = f.package.as_ref().unwrap();
            let (fixed, also, via) = (p.fixed.join(","), p.aliases.join(","), p.via.join(">"));
            seen.push(format!(
                "{} {} {}@{} [{fixed}] [{also}] {via}: {}",
                f.rule, f.level, p.name, p.version, f.message
            ));
        })?;
        Ok((findings, seen))
    }

    const CHAIN: &str = r#"{"auditReportVersion":2,"vulnerabilities":{
        "c":{"name":"c","severity":"high","isDirect":false,"via":[
            {"source":1,"title":"slow","url":"https://x/GHSA-1","severity":"low"},
            {"source":2,"title":"runs","url":"https://x/GHSA-2","severity":"high"},
            {"source":3,"title":"odd","url":"","severity":"low"}],
            "effects":["b"],"range":"<2","fixAvailable":{"name":"a","version":"2.0.0","isSemVerMajor":true}},
        "b":{"name":"b","severity":"high","via":["c"],"effects":["a"],"range":"*","fixAvailable":true},
        "a":{"name":"a","severity":"high","isDirect":true,"via":["b"],"effects":[],"range":"1",
            "fixAvailable":{"name":"a","version":"2.0.0"}},
        "z":{"name":"z","severity":"moderate","via":["elsewhere"],"effects":["z"],"fixAvailable":false}},
        "metadata":{"vulnerabilities":{"info":0,"low":0,"moderate":1,"high":3,"critical":0,"total":4},
        "dependencies":{"prod":9,"total":8}}}"#;

    #[test]
    fn a_package_has_the_worst_advisory_behind_it_and_the_chain_that_brings_it_in() {
        let (findings, seen) = seen(CHAIN).unwrap();
        assert_eq!(
            seen,
            [
                "GHSA-2 high c@ [a@2.0.0] [GHSA-1,3] a>b: runs (<2)",
                "GHSA-2 high b@ [] [GHSA-1,3] a: needs c: runs (*)",
                "GHSA-2 high a@ [2.0.0] [GHSA-1,3] : needs c: runs (1)",
                " moderate z@ [] [] : needs elsewhere",
            ]
        );
        assert_eq!(findings.audit, Some(Audit { audited: Some(8), skipped: 0, vulnerable: 4 }));
        assert!(findings.contradictions.is_empty(), "{findings:?}");
    }

    #[test]
    fn npm_6_has_advisories_and_its_totals_count_paths() {
        let text = r#"{"advisories":{"146":{"findings":[{"version":"1.9.2","paths":["a>b>growl","c>growl"]},
            {"version":"1.9.1","paths":["d>growl"]}],"title":"t","module_name":"growl","cves":["CVE-1"],
            "patched_versions":">=1.10.2","severity":"critical","url":"https://npmjs.com/advisories/146"}},
            "muted":[{}],"metadata":{"vulnerabilities":{"critical":3,"low":1},"dependencies":0,"totalDependencies":43}}"#;
        let (findings, seen) = seen(text).unwrap();
        assert_eq!(seen, ["146 critical growl@1.9.2, 1.9.1 [>=1.10.2] [CVE-1] a>b: t"]);
        assert_eq!(findings.audit, Some(Audit { audited: Some(43), skipped: 0, vulnerable: 1 }));
        assert_eq!(findings.unmeasured, ["1 advisories are muted"]);
        assert_eq!(findings.contradictions, ["low: 1 declared, 0 counted"]);
    }

    #[test]
    fn an_error_in_the_reports_place_is_one_in_its_own_words() {
        for (text, what) in [
            (r#"{"error":{"code":"ENOLOCK","summary":"no lock","detail":"d"}}"#, "npm audit says: ENOLOCK: no lock"),
            (r#"{"message":"405 Method Not Allowed","error":{"summary":"","detail":""}}"#, "says: 405 Method"),
            (r#"{"message":"no answer"}"#, "says: no answer"),
            (r#"{"error":{"code":3}}"#, "says: 3"),
            (r#"{"error":{"x":1}}"#, "an error without a reason"),
            (r#"{"vulnerabilities":{},"error":{"code":"E"}}"#, "says: E"),
        ] {
            let error = seen(text).unwrap_err();
            assert_eq!(error.kind, ErrorKind::ToolError, "{text}");
            assert!(error.message.contains(what), "{}", error.message);
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        for (text, what) in [
            ("{}", "neither `vulnerabilities` nor `advisories`"),
            (r#"{"error":null}"#, "neither"),
            (r#"{"auditReportVersion":3}"#, "found 3"),
            (r#"{"vulnerabilities":{"a":{"severity":"bad"}}}"#, "found `bad`"),
            (r#"{"vulnerabilities":{"a":{"severity":"low","via":[{"severity":"worse"}]}}}"#, "found `worse`"),
            (r#"{"vulnerabilities":{"a":{"severity":"low","via":[3]}}}"#, "an advisory, or the name"),
            (r#"{"vulnerabilities":{"a":{"severity":"low","via":[""]}}}"#, "without a name"),
            (r#"{"advisories":{"1":{}}}"#, "found ``"),
        ] {
            let error = seen(text).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Malformed, "{text}");
            assert!(error.message.contains(what), "{}", error.message);
        }
    }

    #[test]
    fn what_is_held_is_bounded_and_loses_nothing() {
        let long = "x".repeat(KEPT_TEXT_BYTES);
        let count = 2 * HELD_BYTES / KEPT_TEXT_BYTES;
        let all: Vec<String> = (0..count)
            .map(|n| format!(r#""{n}":{{"severity":"low","range":"{long}","via":["{}"],"effects":["{n}"]}}"#, n + 1))
            .collect();
        let (findings, seen) = seen(&format!(r#"{{"vulnerabilities":{{{}}}}}"#, all.join(","))).unwrap();
        assert_eq!((findings.total, findings.by_level["low"], seen.len()), (count as u64, count as u64, count));
    }
}
