//! SARIF 2.1.0 (OASIS), result by result. Levels after section 3.27.10: the result's own word, `none` where its kind is not
//! `fail`, else the default of its rule, else `warning`. Where a run's `tool` stands behind its results, a level that
//! hangs on a rule is handed out as `warning` and counted rightly at the end of the run.

use super::error::ReadError;
use super::findings::Out;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found};
use serde::de::{Error, MapAccess, SeqAccess};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

/// What is held of the rules of one run, in bytes.
const MAX_RULE_BYTES: usize = 16 * 1024 * 1024;
/// What one rule is held with, beside its id.
const RULE_BYTES: usize = 128;

pub const FORMAT: Format = Format {
    id: "sarif",
    title: "SARIF",
    reads: "every result of every run, with the level that the format defines where none is written; results with \
        `baselineState` `absent` are not there any more, and are left out. A result is suppressed when all of its \
        `suppressions` are accepted. Failed invocations, their errors and runs without `results` were not measured.",
    written_by: "Ruff 0.17 (`--output-format sarif`), and files of other tools of SARIF 2.1.0",
    refuses: "another version than 2.1.0, a report without `runs`, a level that the format does not know.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["runs"]),
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut log = Log { out: Out::new(None, each), version: String::new(), runs: None, one: One::default() };
    json::document(source, json::object(&mut log))?;
    if log.runs == Some(0) {
        log.out.unmeasured("the report has no run".into());
    }
    Ok(log.out.findings)
}

struct Log<'e> {
    out: Out<'e>,
    version: String,
    runs: Option<u64>,
    one: One,
}

impl Object for Log<'_> {
    const WHAT: &'static str = "a SARIF log";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "version" => json::text(map, &mut self.version),
            "runs" => {
                self.runs.get_or_insert(0);
                map.next_value_seed(json::list(&mut Runs(self)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.runs.is_none() {
            return Err("no `runs`".into());
        }
        let known = self.version.starts_with("2.1.");
        if known { Ok(()) } else { Err(format!("version 2.1.0 expected, found `{}`", self.version)) }
    }
}

struct Runs<'a, 'e>(&'a mut Log<'e>);

impl List for Runs<'_, '_> {
    const WHAT: &'static str = "a list of runs";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Log { out, runs, one, .. } = &mut *self.0;
        let mut run = Run { out, one, tool: None, results: false, pending: BTreeMap::new(), pending_bytes: 0 };
        let some = list.next_element_seed(json::object(&mut run))?.is_some();
        if some {
            run.settle();
            *runs = runs.map(|count| count + 1);
        }
        Ok(some)
    }
}

struct Run<'a, 'e> {
    out: &'a mut Out<'e>,
    one: &'a mut One,
    tool: Option<Tool>,
    results: bool,
    /// Results whose level waits for the rules.
    pending: BTreeMap<Reference, u64>,
    pending_bytes: usize,
}

impl Run<'_, '_> {
    fn settle(&mut self) {
        for (reference, count) in std::mem::take(&mut self.pending) {
            let rule = self.tool.as_ref().and_then(|tool| tool.rule(&reference));
            self.out.settle(rule.map_or("warning", Rule::level), count);
        }
        if !self.results {
            self.out.unmeasured("a run without `results`".into());
        }
    }

    fn take(&mut self) -> Result<(), String> {
        if self.one.baseline == "absent" {
            return Ok(());
        }
        let open = self.one.level.is_empty() && self.one.is_failure();
        let rule = self.tool.as_ref().and_then(|tool| tool.rule(&self.one.rule));
        let found = self.one.found(rule)?;
        if !open || self.tool.is_some() {
            self.out.push(&found);
            return Ok(());
        }
        self.out.push_unsettled(&found);
        if let Some(count) = self.pending.get_mut(&self.one.rule) {
            *count += 1;
            return Ok(());
        }
        bounded(&mut self.pending_bytes, &self.one.rule.id)?;
        self.pending.insert(self.one.rule.clone(), 1);
        Ok(())
    }
}

fn bounded(bytes: &mut usize, id: &str) -> Result<(), String> {
    *bytes += RULE_BYTES + id.len();
    if *bytes > MAX_RULE_BYTES { Err(format!("a run with more than {MAX_RULE_BYTES} bytes of rules")) } else { Ok(()) }
}

impl Object for Run<'_, '_> {
    const WHAT: &'static str = "a run";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "tool" => {
                let tool = self.tool.insert(Tool::default());
                map.next_value_seed(json::object_or_null(tool))?;
                let (findings, driver) = (&mut self.out.findings, &tool.driver);
                if findings.tool.is_none() && !driver.name.is_empty() {
                    findings.tool = Some(driver.name.clone());
                    findings.version = (!driver.version.is_empty()).then(|| driver.version.clone());
                }
                Ok(())
            }
            "results" => {
                let mut results = Results { run: self };
                map.next_value_seed(json::list_or_null(&mut results))
            }
            "invocations" => map.next_value_seed(json::list_or_null(&mut Invocations(self.out))),
            _ => json::skip(map),
        }
    }
}

struct Results<'r, 'a, 'e> {
    run: &'r mut Run<'a, 'e>,
}

impl List for Results<'_, '_, '_> {
    const WHAT: &'static str = "a list of results";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        // Not reached for `null`: the run then has no results.
        self.run.results = true;
        self.run.one.clear();
        let some = list.next_element_seed(json::object(&mut *self.run.one))?.is_some();
        if some {
            self.run.take().map_err(S::Error::custom)?;
        }
        Ok(some)
    }
}

/// Which rule a result is about.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Reference {
    id: String,
    index: Option<i64>,
    /// Of the tool's extensions; the driver where there is none.
    component: Option<i64>,
}

impl Object for Reference {
    const WHAT: &'static str = "a reference to a rule";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "id" => json::text(map, &mut self.id)?,
            "index" => self.index = map.next_value()?,
            "toolComponent" => map.next_value_seed(json::object_or_null(&mut Index(&mut self.component)))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

struct Index<'a>(&'a mut Option<i64>);

impl Object for Index<'_> {
    const WHAT: &'static str = "a reference to a tool component";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "index" => *self.0 = map.next_value()?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

/// One result; its texts are used again.
#[derive(Default)]
struct One {
    rule: Reference,
    message: Message,
    level: String,
    kind: String,
    baseline: String,
    place: Place,
    suppressions: Suppressions,
}

impl One {
    fn clear(&mut self) {
        let One { rule, message, level, kind, baseline, place, .. } = self;
        for text in [&mut rule.id, &mut message.text, &mut message.id, level, kind, baseline, &mut place.uri] {
            text.clear();
        }
        (rule.index, rule.component) = (None, None);
        (place.line, place.end_line) = (None, None);
        self.suppressions = Suppressions::default();
    }

    fn is_failure(&self) -> bool {
        self.kind.is_empty() || self.kind == "fail"
    }

    fn found<'a>(&'a self, rule: Option<&'a Rule>) -> Result<Found<'a>, String> {
        let level = match self.level.as_str() {
            "" if !self.is_failure() => "none",
            "" => rule.map_or("warning", Rule::level),
            written => written,
        };
        let by_level = severity(level).ok_or_else(|| format!("a level expected, found `{level}`"))?;
        let by_rule = rule.and_then(|rule| rule.severity).filter(|_| self.is_failure() && level != "none");
        let id = if self.rule.id.is_empty() { rule.map_or("", |rule| &rule.id) } else { &self.rule.id };
        let message = if self.message.text.is_empty() { &self.message.id } else { &self.message.text };
        Ok(Found {
            rule: id.into(),
            message: message.into(),
            severity: by_rule.unwrap_or(by_level),
            level: level.into(),
            confidence: "".into(),
            path: (!self.place.uri.is_empty()).then(|| path(&self.place.uri)),
            line: self.place.line,
            end_line: self.place.end_line,
            suppressed: self.suppressions.some && !self.suppressions.open,
            package: None,
        })
    }
}

impl Object for One {
    const WHAT: &'static str = "a result";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "ruleId" => json::text(map, &mut self.rule.id)?,
            "ruleIndex" => self.rule.index = map.next_value()?,
            "rule" => map.next_value_seed(json::object_or_null(&mut self.rule))?,
            "message" => map.next_value_seed(json::object_or_null(&mut self.message))?,
            "level" => json::text(map, &mut self.level)?,
            "kind" => json::text(map, &mut self.kind)?,
            "baselineState" => json::text(map, &mut self.baseline)?,
            "locations" => {
                let mut first = Locations { place: &mut self.place, seen: false };
                map.next_value_seed(json::list_or_null(&mut first))?;
            }
            "suppressions" => map.next_value_seed(json::list_or_null(&mut self.suppressions))?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

fn severity(level: &str) -> Option<Severity> {
    match level {
        "error" => Some(Severity::High),
        "warning" => Some(Severity::Medium),
        "note" => Some(Severity::Low),
        "none" => Some(Severity::Notice),
        _ => None,
    }
}

#[derive(Default)]
struct Message {
    text: String,
    id: String,
}

impl Object for Message {
    const WHAT: &'static str = "a message";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "text" => json::text(map, &mut self.text),
            "id" => json::text(map, &mut self.id),
            _ => json::skip(map),
        }
    }
}

/// A location, and the objects inside it: their members have names of their own.
#[derive(Default)]
struct Place {
    uri: String,
    line: Option<u64>,
    end_line: Option<u64>,
}

impl Object for Place {
    const WHAT: &'static str = "a location";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "physicalLocation" | "artifactLocation" | "region" => map.next_value_seed(json::object_or_null(self))?,
            "uri" => json::text(map, &mut self.uri)?,
            "startLine" => self.line = map.next_value()?,
            "endLine" => self.end_line = map.next_value()?,
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

struct Locations<'a> {
    place: &'a mut Place,
    seen: bool,
}

impl List for Locations<'_> {
    const WHAT: &'static str = "a list of locations";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        if self.seen {
            return Ok(list.next_element::<serde::de::IgnoredAny>()?.is_some());
        }
        self.seen = true;
        Ok(list.next_element_seed(json::object(self.place))?.is_some())
    }
}

#[derive(Default)]
struct Suppressions {
    some: bool,
    /// One of them is under review or rejected.
    open: bool,
    status: String,
}

impl List for Suppressions {
    const WHAT: &'static str = "a list of suppressions";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        self.status.clear();
        let some = list.next_element_seed(json::object(&mut Status(&mut self.status)))?.is_some();
        self.some |= some;
        self.open |= some && !["", "accepted"].contains(&self.status.as_str());
        Ok(some)
    }
}

struct Status<'a>(&'a mut String);

impl Object for Status<'_> {
    const WHAT: &'static str = "a suppression";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "status" => json::text(map, self.0),
            _ => json::skip(map),
        }
    }
}

/// A URI as a path: without `file://`, its percent signs resolved.
fn path(uri: &str) -> Cow<'_, str> {
    let mut plain = uri.strip_prefix("file://").unwrap_or(uri);
    if plain.len() < uri.len() && plain.as_bytes().get(2) == Some(&b':') {
        plain = plain.strip_prefix('/').unwrap_or(plain);
    }
    if !plain.contains('%') {
        return plain.into();
    }
    let (bytes, mut out, mut at) = (plain.as_bytes(), Vec::with_capacity(plain.len()), 0);
    let digit = |at: usize| bytes.get(at).and_then(|&b| char::from(b).to_digit(16));
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    // What is no UTF-8 when resolved stays as it is written.
    String::from_utf8(out).map_or(plain.into(), Cow::Owned)
}

#[derive(Default)]
struct Tool {
    driver: Component,
    extensions: Vec<Component>,
}

impl Tool {
    fn rule(&self, reference: &Reference) -> Option<&Rule> {
        let component = match reference.component {
            Some(at) if at >= 0 => self.extensions.get(usize::try_from(at).ok()?)?,
            _ => &self.driver,
        };
        let by_index = reference.index.and_then(|at| component.rules.get(usize::try_from(at).ok()?));
        by_index.or_else(|| component.by_id(&reference.id)).or_else(|| {
            let all = std::iter::once(&self.driver).chain(&self.extensions);
            all.filter_map(|component| component.by_id(&reference.id)).next()
        })
    }
}

impl Object for Tool {
    const WHAT: &'static str = "a tool";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "driver" => map.next_value_seed(json::object_or_null(&mut self.driver)),
            "extensions" => map.next_value_seed(json::list_or_null(&mut Extensions(&mut self.extensions))),
            _ => json::skip(map),
        }
    }
}

struct Extensions<'a>(&'a mut Vec<Component>);

impl List for Extensions<'_> {
    const WHAT: &'static str = "a list of extensions";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let bytes = self.0.iter().map(|component| component.bytes + RULE_BYTES).sum();
        let mut next = Component { bytes, ..Component::default() };
        let some = list.next_element_seed(json::object(&mut next))?.is_some();
        if some {
            bounded(&mut next.bytes, "").map_err(S::Error::custom)?;
            next.bytes -= bytes;
            self.0.push(next);
        }
        Ok(some)
    }
}

#[derive(Default)]
struct Component {
    name: String,
    version: String,
    rules: Vec<Rule>,
    ids: HashMap<String, usize>,
    bytes: usize,
}

impl Component {
    /// A rule's id may have more parts in a result (`CA1000/1`): section 3.27.5.
    fn by_id(&self, id: &str) -> Option<&Rule> {
        let mut id = id;
        loop {
            if let Some(&at) = self.ids.get(id) {
                return self.rules.get(at);
            }
            id = id.rsplit_once('/')?.0;
        }
    }
}

impl Object for Component {
    const WHAT: &'static str = "a tool component";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "name" => json::text(map, &mut self.name),
            "version" => json::text(map, &mut self.version),
            "semanticVersion" if self.version.is_empty() => json::text(map, &mut self.version),
            "rules" => map.next_value_seed(json::list_or_null(self)),
            _ => json::skip(map),
        }
    }
}

impl List for Component {
    const WHAT: &'static str = "a list of rules";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut rule = Rule::default();
        let some = list.next_element_seed(json::object(&mut rule))?.is_some();
        if some {
            bounded(&mut self.bytes, &rule.id).map_err(S::Error::custom)?;
            self.ids.entry(rule.id.clone()).or_insert(self.rules.len());
            self.rules.push(rule);
        }
        Ok(some)
    }
}

#[derive(Default)]
struct Rule {
    id: String,
    level: String,
    /// Of `security-severity`, by GitHub's bounds.
    severity: Option<Severity>,
}

impl Rule {
    fn level(&self) -> &str {
        if self.level.is_empty() { "warning" } else { &self.level }
    }
}

impl Object for Rule {
    const WHAT: &'static str = "a rule";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "id" => json::text(map, &mut self.id),
            "defaultConfiguration" => json::text_of(map, "level", &mut self.level),
            "properties" => map.next_value_seed(json::object_or_null(&mut Properties(&mut self.severity))),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        match severity(self.level()) {
            Some(_) => Ok(()),
            None => Err(format!("a rule's level expected, found `{}`", self.level)),
        }
    }
}

struct Properties<'a>(&'a mut Option<Severity>);

impl Object for Properties<'_> {
    const WHAT: &'static str = "a rule's properties";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != "security-severity" {
            return json::skip(map);
        }
        let mut text = String::new();
        json::text(map, &mut text)?;
        *self.0 = text.parse::<f64>().ok().and_then(|score| match score {
            9.0.. => Some(Severity::Critical),
            7.0.. => Some(Severity::High),
            4.0.. => Some(Severity::Medium),
            _ if score > 0.0 => Some(Severity::Low),
            _ => None,
        });
        Ok(())
    }
}

struct Invocations<'a, 'e>(&'a mut Out<'e>);

impl List for Invocations<'_, '_> {
    const WHAT: &'static str = "a list of invocations";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut invocation = Invocation { out: self.0, successful: None, code: None, description: String::new() };
        let some = list.next_element_seed(json::object(&mut invocation))?.is_some();
        if invocation.successful == Some(false) {
            let code = invocation.code.map(|code| format!(" (exit code {code})")).unwrap_or_default();
            let text = &invocation.description;
            let text = if text.is_empty() { String::new() } else { format!(": {text}") };
            invocation.out.unmeasured(format!("the tool did not succeed{code}{text}"));
        }
        Ok(some)
    }
}

struct Invocation<'a, 'e> {
    out: &'a mut Out<'e>,
    successful: Option<bool>,
    code: Option<i64>,
    description: String,
}

impl Object for Invocation<'_, '_> {
    const WHAT: &'static str = "an invocation";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "executionSuccessful" => self.successful = map.next_value()?,
            "exitCode" => self.code = map.next_value()?,
            "exitCodeDescription" => json::text(map, &mut self.description)?,
            "toolExecutionNotifications" | "toolConfigurationNotifications" => {
                map.next_value_seed(json::list_or_null(&mut Notifications(self.out)))?;
            }
            _ => json::skip(map)?,
        }
        Ok(())
    }
}

struct Notifications<'a, 'e>(&'a mut Out<'e>);

impl List for Notifications<'_, '_> {
    const WHAT: &'static str = "a list of notifications";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut one = One::default();
        let some = list.next_element_seed(json::object(&mut one))?.is_some();
        if one.level == "error" {
            self.0.unmeasured(format!("the tool tells of an error: {}", one.message.text));
        }
        Ok(some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(runs: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let text = format!(r#"{{"version":"2.1.0","runs":{runs}}}"#);
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            let path = f.path.as_deref().unwrap_or("-");
            seen.push(format!("{} {} {} {path} {:?} {}", f.rule, f.level, f.severity.id(), f.line, f.suppressed));
        })?;
        Ok((findings, seen))
    }

    const TOOL: &str = r#""tool":{"driver":{"name":"T","rules":[
        {"id":"A","defaultConfiguration":{"level":"error"},"properties":{"security-severity":"9.1"}},{"id":"B"}]}}"#;
    const RESULTS: &str = r#""results":[{"ruleId":"A","message":{"text":"m"}},{"ruleIndex":0},{"ruleId":"A/1"},
        {"ruleId":"B"},{"ruleId":"A","kind":"pass"},{"ruleId":"A","level":"note"}]"#;

    #[test]
    fn an_absent_level_is_that_of_the_rule_or_of_the_kind() {
        let (findings, seen) = one(&format!("[{{{TOOL},{RESULTS}}}]")).unwrap();
        assert_eq!(
            seen,
            [
                "A error critical - None false",
                "A error critical - None false",
                "A/1 error critical - None false",
                "B warning medium - None false",
                "A none notice - None false",
                "A note critical - None false",
            ]
        );
        let (late, seen) = one(&format!("[{{{RESULTS},{TOOL}}}]")).unwrap();
        assert_eq!(seen[0], "A warning medium - None false");
        assert_eq!((late.total, &late.by_level), (findings.total, &findings.by_level));
        assert_eq!(late.by_level["error"], 3);
    }

    #[test]
    fn places_suppressions_and_baselines() {
        let (findings, seen) = one(r#"[{"results":[
            {"locations":[{"physicalLocation":{"artifactLocation":{"uri":"file:///a%20b.c"},"region":{"startLine":3}}}]},
            {"suppressions":[{"kind":"inSource"},{"status":"accepted"}]},
            {"suppressions":[{"status":"underReview"}]},{"suppressions":[]},{"baselineState":"absent"}]}]"#)
        .unwrap();
        assert_eq!(seen[0], " warning medium /a b.c Some(3) false");
        assert_eq!((findings.total, findings.suppressed), (4, 1));
        assert_eq!(path("file:///C:/x"), "C:/x");
        assert_eq!(path("%ff%4"), "%ff%4");
    }

    #[test]
    fn what_was_not_looked_at_is_told() {
        let (findings, _) =
            one(r#"[{"invocations":[{"executionSuccessful":false,"exitCode":2,"exitCodeDescription":"x",
            "toolExecutionNotifications":[{"level":"error","message":{"text":"e"}},{"message":{"text":"w"}}]}]}]"#)
            .unwrap();
        assert_eq!(
            findings.unmeasured,
            ["the tool tells of an error: e", "the tool did not succeed (exit code 2): x", "a run without `results`"]
        );
        assert_eq!(one("[]").unwrap().0.unmeasured, ["the report has no run"]);
        assert!(one(r#"[{"results":[]}]"#).unwrap().0.unmeasured.is_empty());
        for bad in ["{}", "[1]", r#"[{"results":{}}]"#, r#"[{"results":[{"level":"bad"}]}]"#] {
            assert_eq!(one(bad).unwrap_err().line, Some(1), "{bad}");
        }
    }
}
