//! The settings of the gates that judge findings: security, audit, quality, secrets.

use super::layers::Layers;
use super::{OrderError, check_pattern, flag};
use crate::config::{Config, Scan};
use crate::facts::finding::Severity;
use crate::facts::pattern::of_reports;
use crate::facts::report::{Policy, PolicyValue};
use crate::facts::setting::{Judged, Setting};
use crate::facts::stage::Gate;
use crate::judge;

/// How one of these gates is run and judged.
#[derive(Debug)]
pub struct ScanOrder {
    pub policy: judge::findings::Policy,
    pub run: Setting<Option<String>>,
    /// Path patterns, some with a format's name in front.
    pub reports: Setting<Option<Vec<String>>>,
    pub timeout_s: Setting<u64>,
}

/// The gates whose severity `--fail-on` sets.
const OF_SECURITY: [Gate; 2] = [Gate::Security, Gate::Audit];

/// One for each gate that judges findings, in their order.
pub fn resolve(
    fail_on: Option<&str>,
    layers: &Layers<'_>,
    looser: &mut Vec<String>,
) -> Result<Vec<ScanOrder>, OrderError> {
    let given = match fail_on {
        Some(word) => Some(word.parse::<Severity>().map_err(|e| OrderError::Use(format!("--fail-on: {e}")))?),
        None => None,
    };
    Gate::OF_FINDINGS.into_iter().map(|gate| one(gate, given, layers, looser)).collect()
}

fn one(
    gate: Gate,
    given: Option<Severity>,
    layers: &Layers<'_>,
    looser: &mut Vec<String>,
) -> Result<ScanOrder, OrderError> {
    fn of(config: &Config, gate: Gate) -> &Scan {
        config.scan(gate).expect("each of these gates has its section")
    }
    let given = given.filter(|_| OF_SECURITY.contains(&gate)).map(|s| Setting::new(s, flag("--fail-on")));
    let milder = |now: &Severity, was: &Severity| now > was;
    let fewer = |now: &Judged, was: &Judged| *now == Judged::New && *was == Judged::All;
    let name = |key: &str| format!("{gate}.{key}");
    let out = ScanOrder {
        policy: judge::findings::Policy {
            gate,
            enforce: layers.enforce(&name("enforce"), looser, |c| &of(c, gate).enforce),
            fail_on: layers.choice(&name("fail-on"), given, looser, milder, |c| &of(c, gate).fail_on),
            judge: layers.choice(&name("judge"), None, looser, fewer, |c| &of(c, gate).judge),
        },
        run: layers.optional(|c| &of(c, gate).run),
        reports: layers.optional(|c| &of(c, gate).reports),
        timeout_s: layers.seconds(|c| &of(c, gate).timeout),
    };
    for text in out.reports.value.iter().flatten() {
        check_pattern(&name("reports"), of_reports(text).1, &out.reports.source)?;
    }
    Ok(out)
}

/// The settings by name, for the report.
pub fn put(out: &mut Policy, order: &ScanOrder) {
    fn one<T: serde::Serialize>(out: &mut Policy, gate: Gate, name: &str, setting: &Setting<T>) {
        let value = serde_json::to_value(&setting.value).expect("settings are plain data");
        out.insert(format!("{gate}.{name}"), PolicyValue { value, source: setting.source.clone() });
    }
    let gate = order.policy.gate;
    one(out, gate, "enforce", &order.policy.enforce);
    one(out, gate, "fail-on", &order.policy.fail_on);
    one(out, gate, "judge", &order.policy.judge);
    one(out, gate, "run", &order.run);
    one(out, gate, "reports", &order.reports);
    one(out, gate, "timeout_s", &order.timeout_s);
}
