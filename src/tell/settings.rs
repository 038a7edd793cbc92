//! The resolved settings for `check`: each with its value and where it came from.

use super::clean::terminal;
use crate::facts::report::Policy;

/// One setting a line, and first what is looser than on the base branch.
pub fn table(policy: &Policy, looser: &[String], base: &str) -> String {
    let mut out = String::new();
    if !looser.is_empty() {
        out.push_str("looser than on the base branch:\n");
        looser.iter().for_each(|setting| out.push_str(&format!("  {}\n", terminal(setting))));
        out.push('\n');
    }
    let width = policy.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, setting) in policy {
        let value = match &setting.value {
            serde_json::Value::Null => "off".to_string(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        out.push_str(&format!(
            "{:<width$}  {}  ({})\n",
            terminal(name),
            terminal(&value),
            terminal(&setting.source.to_string())
        ));
    }
    out.push_str(&format!("{:<width$}  {}\n", "base", terminal(base)));
    out
}
