//! The shape of `.github/qte-ci.yml`. The doc comments are the reference and the editors' JSON schema.
//! Absent keys inherit from `default.yml`; `~` (null) switches a part off.

use crate::facts::finding::Severity;
use crate::facts::percent::Percent;
use crate::facts::setting::{Enforce, Judged};
use crate::facts::stage::{Gate, Stage};
use crate::facts::waiver::Waiver;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Error, Spanned};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The defaults, as a configuration file of their own: the stage table.
pub const DEFAULT: &str = include_str!("default.yml");

/// Configuration of qte-ci: `.github/qte-ci.yml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The stages to run, in the plan's order.
    pub stages: Field<Vec<StageName>>,
    /// Whose thresholds judge a pull request: `base` (those of the base branch where the head loosens them)
    /// or `head`. Only the base branch's own word counts.
    pub policy: Field<Whose>,
    /// What the project consists of.
    pub components: Components,
    /// The jobs whose reports are put together; for the run that comes behind them.
    pub matrix: Matrix,
    /// 1A: the project's own dependencies.
    pub install: Install,
    /// 1A: the project's tests.
    pub tests: Tests,
    /// 1B: line, branch and changed-line coverage.
    pub coverage: Coverage,
    /// 2A: what static analysis says of the code's security.
    pub security: Scan,
    /// 2A: known vulnerabilities in what the project depends on.
    pub audit: Scan,
    /// 2B: what linters and formatters say.
    pub quality: Scan,
    /// 2B: secrets in the tree and in the commits of the change.
    pub secrets: Scan,
    /// The versions of the tools that qte-ci installs by itself, by name.
    pub tools: BTreeMap<String, Field<String>>,
    /// Findings that are accepted for now.
    pub waivers: Field<Vec<Waiver>>,
}

impl Config {
    /// The section of a gate that judges findings.
    pub fn scan(&self, gate: Gate) -> Option<&Scan> {
        match gate {
            Gate::Security => Some(&self.security),
            Gate::Audit => Some(&self.audit),
            Gate::Quality => Some(&self.quality),
            Gate::Secrets => Some(&self.secrets),
            Gate::Install | Gate::Tests | Gate::Coverage => None,
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Components {
    /// Folders that are no components of the project, as path patterns; `""` is the project's own folder. The report
    /// names them as covered by no gate.
    pub exclude: Field<Vec<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Matrix {
    /// The `qte-report.json` of other jobs, as path patterns; each has its details file beside it. Nothing is run: their
    /// tests and their coverage are put together and judged as one.
    pub reports: Field<Vec<String>>,
    /// The names of the jobs that must be there: each is the name of the folder that holds its report. One that is
    /// missing is unmeasured.
    pub legs: Field<Vec<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Install {
    /// `block`: a red verdict stops the run. `advise`: it is shown only.
    pub enforce: Field<Enforce>,
    /// A shell command that installs what the project's files do not declare; it runs behind the detected steps,
    /// with the environment active.
    pub run: Field<String>,
    /// `own`: an environment of ours, never the user's interpreter. `active`: the interpreter on PATH as it is,
    /// nothing installed.
    pub environment: Field<Environment>,
    /// Stopped after this time, for instance `15m`.
    pub timeout: Field<Seconds>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tests {
    /// `block`: a red verdict stops the run. `advise`: it is shown only.
    pub enforce: Field<Enforce>,
    /// How many tests may pass only when they are run again; `~` for any number. They are counted in any case.
    pub flaky: Field<u64>,
    /// A shell command that runs the tests once and writes the reports named in `reports`,
    /// in place of what is detected.
    pub run: Field<String>,
    /// Test reports, as path patterns. Without `run`, nothing is run: the reports that earlier steps wrote are read.
    pub reports: Field<Vec<String>>,
    /// Stopped after this time, for instance `20m`.
    pub timeout: Field<Seconds>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Coverage {
    /// `block`: a red verdict stops the run. `advise`: it is shown only.
    pub enforce: Field<Enforce>,
    /// Percentage of lines that must be covered.
    pub lines: Field<Percent>,
    /// Percentage of branches that must be covered.
    pub branches: Field<Percent>,
    /// Percentage of the change's own lines that must be covered.
    pub changed: Field<Percent>,
    /// How many percent points the lines may fall against the baseline.
    pub drop: Field<Percent>,
    /// Percentage of lines for the files of a path pattern, such as `"src/core/**": 95`.
    pub paths: BTreeMap<String, Field<Percent>>,
    /// Coverage reports, as path patterns; with `tests.run`, those that it writes.
    pub reports: Field<Vec<String>>,
    /// Files that need no coverage when a change touches them and no report knows them.
    pub exclude: Field<Vec<String>>,
    /// The reading of the reports is given up after this time.
    pub timeout: Field<Seconds>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Scan {
    /// `block`: a red verdict stops the run. `advise`: it is shown only.
    pub enforce: Field<Enforce>,
    /// The least severity that is red: `notice`, `low`, `medium`, `high` or `critical`.
    pub fail_on: Field<Severity>,
    /// `new`: only what the change brings is red, and known findings are counted. `all`: every finding.
    pub judge: Field<Judged>,
    /// A shell command that runs tools of your own and writes the reports named in `reports`, in place of what is
    /// detected.
    pub run: Field<String>,
    /// Reports of findings, as path patterns, with the format's name in front where their content cannot tell it:
    /// `ruff=lint.json`. Without `run`, nothing is run: the reports that earlier steps wrote are read.
    pub reports: Field<Vec<String>>,
    /// Each tool is stopped after this time, for instance `10m`.
    pub timeout: Field<Seconds>,
}

/// The interpreter that tests run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Own,
    Active,
}

/// Whose policy judges a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    Base,
    Head,
}

/// A key's value with its line: absent, switched off (`~`), or set.
#[derive(Debug, Clone)]
pub struct Field<T>(Option<Spanned<Option<T>>>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Field(None)
    }
}

impl<T> Field<T> {
    /// The value and its 1-based line, where the key is there; `None` inside where it is switched off.
    pub fn get(&self) -> Option<(Option<&T>, u64)> {
        self.0.as_ref().map(|s| (s.value.as_ref(), s.referenced.line()))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Spanned::<Option<T>>::deserialize(d).map(|s| Field(Some(s)))
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Field_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Option<T>>()
    }
}

/// A stage by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageName(pub Stage);

impl<'de> Deserialize<'de> for StageName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map(StageName).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for StageName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Stage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": Stage::ALL.map(Stage::id) })
    }
}

/// A length of time: `90s`, `20m`, `1h`, or a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u64);

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        let bad = || format!("`{text}` is not a length of time: expected for instance 90s, 20m or 1h");
        let (number, factor) = match text.trim().as_bytes().last() {
            Some(b's') => (&text.trim()[..text.trim().len() - 1], 1),
            Some(b'm') => (&text.trim()[..text.trim().len() - 1], 60),
            Some(b'h') => (&text.trim()[..text.trim().len() - 1], 3600),
            _ => (text.trim(), 1),
        };
        let number: u64 = number.trim().parse().map_err(|_| bad())?;
        number.checked_mul(factor).filter(|&s| s > 0 && s <= 7 * 24 * 3600).map(Seconds).ok_or_else(bad)
    }
}

/// Accepts a scalar written as text or as a number, and parses its text.
struct Scalar<T>(&'static str, std::marker::PhantomData<T>);

impl<T: std::str::FromStr<Err: fmt::Display>> serde::de::Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Seconds, D::Error> {
        d.deserialize_any(Scalar("a length of time such as 20m", std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Percent, D::Error> {
        d.deserialize_any(Scalar("a percentage such as 80 or 82.5", std::marker::PhantomData))
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "pattern": "^\\s*[0-9]+\\s*[smh]?\\s*$", "minimum": 1 })
    }
}

impl JsonSchema for Percent {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["number", "string"], "minimum": 0, "maximum": 100, "pattern": "^[0-9]{1,3}(\\.[0-9]{1,6})?\\s*%?$"
        })
    }
}

/// A configuration that is refused, with its place and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {message}")]
pub struct ConfigError {
    pub path: String,
    pub line: u64,
    pub column: u64,
    pub message: String,
    /// The line of the file that is wrong.
    pub source_line: String,
    pub help: Option<String>,
}

/// Reads a configuration; `path` is only for errors.
pub fn parse(path: &str, text: &str) -> Result<Config, ConfigError> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Config::default());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let plain = error.without_snippet();
        let place = plain.location();
        let line = place.map_or(1, |l| l.line());
        let (message, help) = explain(plain);
        ConfigError {
            path: path.to_string(),
            line,
            column: place.map_or(1, |l| l.column()),
            message,
            source_line: text.lines().nth((line as usize).saturating_sub(1)).unwrap_or("").to_string(),
            help,
        }
    })
}

fn explain(error: &Error) -> (String, Option<String>) {
    if let Error::SerdeUnknownField { field, expected, .. } = error {
        let known = format!("known here: {}", expected.join(", "));
        let help = match nearest(field, expected) {
            Some(near) => format!("did you mean `{near}`? {known}"),
            None => known,
        };
        return (format!("unknown key `{field}`"), Some(help));
    }
    // The library repeats the place at the end of its message.
    let text = error.to_string();
    let message = text.lines().next().unwrap_or_default();
    let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
    (message.trim_end_matches(" at").to_string(), None)
}

/// The known word with the fewest edits, where they are few enough to be a slip.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|k| (edits(word, k), *k)).min()?;
    (scored.0 <= 1 + word.chars().count() / 3).then_some(scored.1)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The JSON schema that editors use.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_a_configuration() {
        let config = parse("default.yml", DEFAULT).unwrap();
        assert_eq!(config.coverage.lines.get().unwrap().0, Some(&Percent::whole(80)));
        assert_eq!(config.coverage.branches.get().unwrap().0, None);
    }

    #[test]
    fn values_come_with_their_line_and_off_is_not_absent() {
        let config = parse("c.yml", "coverage:\n  lines: 82.5\n  changed: ~\n  paths:\n    \"src/**\": 95%\n").unwrap();
        assert_eq!(config.coverage.lines.get().unwrap(), (Some(&"82.5".parse().unwrap()), 2));
        assert_eq!(config.coverage.changed.get().unwrap(), (None, 3));
        assert!(config.coverage.drop.get().is_none());
        assert_eq!(config.coverage.paths["src/**"].get().unwrap(), (Some(&Percent::whole(95)), 5));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_the_way_out() {
        for (text, line, message, help) in [
            ("coverage:\n  line: 80\n", 2, "unknown key `line`", Some("`lines`")),
            ("covrage: {}\n", 1, "unknown key `covrage`", Some("`coverage`")),
            ("tests:\n  timeout: soon\n", 2, "`soon` is not a length of time", None),
            ("coverage:\n  lines: 101\n", 2, "`101` is not a percentage", None),
            ("stages: [1A, 9Z]\n", 1, "unknown stage `9Z`", None),
            ("tests: {enforce: maybe}\n", 1, "maybe", None),
            ("tests: [\n", 1, "", None),
        ] {
            let error = parse("c.yml", text).unwrap_err();
            assert!(error.message.contains(message), "{text}: {}", error.message);
            assert!(error.line == line || message.is_empty(), "{text}: line {}", error.line);
            if let Some(help) = help {
                assert!(error.help.as_deref().unwrap().contains(help), "{:?}", error.help);
            }
        }
    }

    #[test]
    fn an_empty_file_changes_nothing() {
        assert!(parse("c.yml", "# nothing yet\n\n").unwrap().stages.get().is_none());
    }
}
