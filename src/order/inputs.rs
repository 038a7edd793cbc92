//! The action's inputs as a command line: they are the same flags.

use super::OrderError;
use crate::act::handoff::Handed;

/// Inputs that are flags of the same name, by command.
const GATE: [&str; 11] = [
    "project",
    "stages",
    "config",
    "base",
    "baseline",
    "coverage-threshold",
    "fail-on",
    "checks",
    "report",
    "html",
    "jobs",
];
const PUBLISH: [&str; 2] = ["checks", "html"];
/// Inputs of the deploy line, which this version does not have.
const DEPLOY: [&str; 5] = ["strategy", "environment", "release", "evidence", "host"];

/// The arguments behind the program's name.
pub fn arguments(handed: &Handed) -> Result<Vec<String>, OrderError> {
    let input = |name: &str| {
        let variable = format!("QTE_INPUT_{}", name.to_uppercase().replace('-', "_"));
        handed.get(&variable).map(|value| value.trim().to_string()).filter(|value| !value.is_empty())
    };
    if let Some((name, value)) = DEPLOY.into_iter().find_map(|name| Some((name, input(name)?))) {
        return Err(OrderError::Use(format!(
            "input `{name}` is `{value}`: it belongs to the deploy line, which this version does not have"
        )));
    }
    let command = input("command").unwrap_or_else(|| "gate".into());
    let (flags, last): (&[&str], Option<String>) = match command.as_str() {
        "gate" | "check" => (&GATE, None),
        "publish" => (&PUBLISH, Some(input("report").unwrap_or_else(|| "qte-report.json".into()))),
        other => {
            return Err(OrderError::Use(format!(
                "input `command` is `{other}`: this version has gate, check and publish"
            )));
        }
    };
    if let Some((name, value)) = GATE
        .into_iter()
        .filter(|name| !flags.contains(name) && *name != "report")
        .find_map(|name| Some((name, input(name)?)))
    {
        return Err(OrderError::Use(format!("input `{name}` is `{value}`: `{command}` has no such flag")));
    }
    // `--name=value`: a value that begins with a dash is no flag.
    let set = flags.iter().filter_map(|name| Some(format!("--{name}={}", input(name)?)));
    let mut out = vec![command.clone()];
    out.extend(set);
    if let Some(last) = last {
        out.extend(["--".to_string(), last]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(inputs: &[(&str, &str)]) -> Handed {
        inputs.iter().map(|(name, value)| (format!("QTE_INPUT_{name}"), (*value).to_string())).collect()
    }

    #[test]
    fn inputs_become_flags_and_nothing_else() {
        let given = handed(&[
            ("COVERAGE_THRESHOLD", "90"),
            ("STAGES", " 1A "),
            ("BASE", ""),
            ("CONFIG", "--help"),
            ("TOKEN", "t"),
        ]);
        assert_eq!(arguments(&given).unwrap(), ["gate", "--stages=1A", "--config=--help", "--coverage-threshold=90"]);
        assert_eq!(arguments(&handed(&[])).unwrap(), ["gate"]);
        let publish = handed(&[("COMMAND", "publish"), ("REPORT", "-x.json"), ("CHECKS", "gate")]);
        assert_eq!(arguments(&publish).unwrap(), ["publish", "--checks=gate", "--", "-x.json"]);
    }

    #[test]
    fn inputs_that_have_no_effect_are_refused_by_name() {
        for (given, said) in [
            (handed(&[("ENVIRONMENT", "production")]), "input `environment` is `production`"),
            (handed(&[("COMMAND", "deploy")]), "this version has gate, check and publish"),
            (handed(&[("COMMAND", "publish"), ("STAGES", "1A")]), "`publish` has no such flag"),
        ] {
            let error = arguments(&given).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
