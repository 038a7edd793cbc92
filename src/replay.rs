//! A recorded series in, its decisions out, by the code that decides live. Reading the file is left to the caller.

use crate::judge::benchmarks::{Comparison, Rules, State};
use crate::judge::stats::symmetric::Interval;
use serde_json::{Map, Value, json};

/// What is said of a series.
pub struct Replayed {
    /// One object, with the names of the contract.
    pub json: Value,
    /// The same for people: one line a round, then the decision.
    pub lines: Vec<String>,
}

/// The kinds that are replayed.
const KINDS: &[&str] = &["performance"];
/// What a recorded case may hold besides: what it is called, which side ran first, what somebody expects of it.
const REMARKS: &[&str] = &["kind", "name", "first", "expected"];

/// Replays the one series that a text holds; the error says what is wrong with it.
pub fn replay(text: &str) -> Result<Replayed, String> {
    let series: Map<String, Value> = match serde_json::from_str(text) {
        Ok(Value::Object(series)) => series,
        Ok(_) => return Err("no JSON object".into()),
        Err(error) => return Err(format!("no JSON: {error}")),
    };
    match series.get("kind") {
        None => Err(format!("no `kind`: this version replays {}", KINDS.join(", "))),
        Some(Value::String(kind)) if kind == "performance" => performance(&series),
        Some(other) => {
            let kind = other.as_str().map_or_else(|| other.to_string(), String::from);
            Err(format!("kind `{kind}`: this version replays {}", KINDS.join(", ")))
        }
    }
}

/// `base` and `head`: the times of each round, in any one unit. `params`: what the rules of the gate have other values of.
fn performance(series: &Map<String, Value>) -> Result<Replayed, String> {
    known(series, &[REMARKS, &["base", "head", "params"]].concat(), "")?;
    let rules = rules(series.get("params"))?;
    let (base, head) = (times(series, "base")?, times(series, "head")?);
    if base.len() != head.len() {
        return Err(format!("{} rounds of base and {} of head", base.len(), head.len()));
    }
    if base.is_empty() {
        return Err("no round".into());
    }
    let mut comparison = Comparison::new(rules, 1);
    let (mut regressed, mut ok, mut lines, mut decision_round) = (Vec::new(), Vec::new(), Vec::new(), None);
    for (round, (&base, &head)) in (1..).zip(base.iter().zip(&head)) {
        let state = comparison.push(base, head).map_err(|error| error.to_string())?;
        if state != State::Running && decision_round.is_none() {
            decision_round = Some(round);
        }
        let standing = comparison.current();
        let (of_regressed, of_ok) = (standing.log_e_regressed, standing.log_e_ok);
        let (ratio, word) = (head / base, state.id());
        lines.push(format!(
            "round {round} ratio {ratio:.4} log_e_regressed {of_regressed:.3} log_e_ok {of_ok:.3} {word}"
        ));
        regressed.push(of_regressed);
        ok.push(of_ok);
    }
    let standing = comparison.standing();
    let (interval, ratio) = (standing.ratio_interval(rules.alpha), standing.ratio());
    lines.push(last_line(comparison.state(), standing.differences.len(), ratio, interval, rules.alpha));
    let json = json!({
        "kind": "performance",
        "log_e_regressed": regressed, "log_e_ok": ok,
        "decision": comparison.state().id(), "decision_round": decision_round,
        "ratio_estimate": ratio, "ratio_cs_95": [interval.low, interval.high],
    });
    Ok(Replayed { json, lines })
}

fn last_line(state: State, rounds: usize, ratio: Option<f64>, interval: Interval, alpha: f64) -> String {
    let level = 100.0 * (1.0 - alpha);
    let end = |end: Option<f64>, open: &str| end.map_or_else(|| open.to_string(), |v| format!("{v:.3}"));
    let (low, high) = (end(interval.low, "0"), end(interval.high, "∞"));
    let (word, ratio) = (state.id(), ratio.unwrap_or(f64::NAN));
    format!(
        "{word} at round {rounds}: head takes {ratio:.3} times the base's time, always-valid {level}% interval [{low}, {high}]"
    )
}

/// A key that is not known is no key that may be passed over.
fn known(object: &Map<String, Value>, keys: &[&str], prefix: &str) -> Result<(), String> {
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown key `{prefix}{key}`; known here: {}", keys.join(", "))),
        None => Ok(()),
    }
}

fn times(series: &Map<String, Value>, key: &str) -> Result<Vec<f64>, String> {
    let list = series.get(key).and_then(Value::as_array);
    let numbers = list.map(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
    numbers.flatten().ok_or_else(|| format!("`{key}` is no list of numbers"))
}

fn rules(params: Option<&Value>) -> Result<Rules, String> {
    let mut rules = Rules::default();
    let params = match params {
        None => return Ok(rules),
        Some(Value::Object(params)) => params,
        Some(_) => return Err("`params` is no object".into()),
    };
    let names =
        ["tolerance", "delta", "alpha", "alpha_ok", "min_rounds", "max_rounds", "prior_scale", "floor"].as_slice();
    known(params, names, "params.")?;
    for (name, value) in params {
        let bad = || format!("`params.{name}` of {value}");
        let number = || value.as_f64().ok_or_else(bad);
        let count = || value.as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(bad);
        match name.as_str() {
            "tolerance" => rules.tolerance = number()?,
            "delta" => rules.delta = number()?,
            "alpha" => rules.alpha = number()?,
            "alpha_ok" => rules.alpha_ok = number()?,
            "min_rounds" => rules.min_rounds = count()?,
            "max_rounds" => rules.max_rounds = count()?,
            "prior_scale" => rules.scales.prior = number()?,
            _ => rules.scales.floor = number()?,
        }
    }
    rules.checked()
}
