//! A waiver: what is accepted for now, where, why, by whom and until when.

use super::pattern::pattern;
use super::stage::Gate;
use super::version::Range;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A day of the calendar (UTC), written `2027-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(chrono::NaiveDate);

impl Day {
    /// The day of an RFC 3339 time.
    pub fn of(time: &str) -> Result<Day, String> {
        time.get(..10).unwrap_or(time).parse()
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Day, String> {
        let read = chrono::NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d");
        read.map(Day).map_err(|_| format!("`{text}` is no day: expected for instance 2027-01-31"))
    }
}

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Day, String> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m-%d"))
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }
}

/// A package, and the versions of it that are meant: `urllib3`, `urllib3<2`, `@scope/name>=1.2,<2`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Packages {
    pub name: String,
    pub versions: Range,
}

impl FromStr for Packages {
    type Err = String;

    fn from_str(text: &str) -> Result<Packages, String> {
        let text = text.trim();
        let end = text.find(['<', '>', '=']).unwrap_or(text.len());
        let name = text[..end].trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("`{text}` names no package: expected for instance `urllib3` or `urllib3<2`"));
        }
        Ok(Packages { name: name.into(), versions: text[end..].parse()? })
    }
}

impl TryFrom<String> for Packages {
    type Error = String;

    fn try_from(text: String) -> Result<Packages, String> {
        text.parse()
    }
}

impl From<Packages> for String {
    fn from(packages: Packages) -> String {
        packages.to_string()
    }
}

impl fmt::Display for Packages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name, self.versions)
    }
}

impl JsonSchema for Packages {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Packages".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// What is accepted for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The gate that it is for.
    #[schemars(schema_with = "gates")]
    pub gate: Gate,
    /// The rule or the advisory, by any of its names: `B307`, `CVE-2024-1234`.
    pub id: String,
    /// Its scope: the files that it is for, as a path pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its scope: the package that it is for, with the versions that are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Packages>,
    /// Why this is accepted.
    pub reason: String,
    /// Who accepted it.
    pub owner: String,
    /// The last day on which it counts; only a VEX document may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The VEX document that says so, where it is not the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub document: Option<String>,
}

fn gates(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": Gate::OF_FINDINGS.map(Gate::id) })
}

impl Waiver {
    /// What is wrong with it as it stands in a configuration, and cannot be mended by reading it kindly.
    pub fn check(&self) -> Result<(), String> {
        let name = &self.id;
        let missing = [("id", &self.id), ("reason", &self.reason), ("owner", &self.owner)];
        if let Some((key, _)) = missing.into_iter().find(|(_, value)| value.trim().is_empty()) {
            return Err(format!("the waiver of `{name}` has an empty `{key}`"));
        }
        if !Gate::OF_FINDINGS.contains(&self.gate) {
            let known = Gate::OF_FINDINGS.map(Gate::id).join(", ");
            return Err(format!("the waiver of `{name}` is for gate {}: waivers are for {known}", self.gate));
        }
        if self.until.is_none() {
            return Err(format!("the waiver of `{name}` has no `until`: expected for instance 2027-01-31"));
        }
        if self.document.is_some() {
            return Err(format!("the waiver of `{name}` names a `document`: only VEX documents do"));
        }
        match self.path.as_deref().map(pattern) {
            Some(Err(error)) => Err(format!("the waiver of `{name}`: `path` is no path pattern: {}", error.kind())),
            _ => Ok(()),
        }
    }

    pub fn has_scope(&self) -> bool {
        self.path.is_some() || self.package.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_packages_are_read_and_written_the_same() {
        let day: Day = "2027-01-31".parse().unwrap();
        assert_eq!(day.to_string(), "2027-01-31");
        assert_eq!(Day::of("2027-01-31T23:59:59Z"), Ok(day));
        assert!(day < "2027-02-01".parse().unwrap());
        for bad in ["2027-02-30", "soon", "2027-1", ""] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
        for text in ["urllib3", "urllib3<2", "@scope/name>=1.2,<2", "golang.org/x/net==v0.1.0"] {
            assert_eq!(text.parse::<Packages>().unwrap().to_string(), text);
        }
        for bad in ["", "<2", "two words<2", "a<"] {
            assert!(bad.parse::<Packages>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let whole: Waiver = serde_json::from_value(serde_json::json!({
            "gate": "security", "id": "B307", "path": "a/**", "reason": "r", "owner": "o", "until": "2027-01-31"
        }))
        .unwrap();
        assert_eq!(whole.check(), Ok(()));
        for (broken, text) in [
            (Waiver { reason: " ".into(), ..whole.clone() }, "empty `reason`"),
            (Waiver { gate: Gate::Tests, ..whole.clone() }, "waivers are for security, audit, quality, secrets"),
            (Waiver { until: None, ..whole.clone() }, "no `until`"),
            (Waiver { path: Some("a[".into()), ..whole.clone() }, "no path pattern"),
            (Waiver { document: Some("v".into()), ..whole.clone() }, "only VEX documents"),
        ] {
            assert!(broken.check().unwrap_err().contains(text), "{text}");
        }
        assert!(whole.has_scope() && !Waiver { path: None, ..whole }.has_scope());
    }
}
