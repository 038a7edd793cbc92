//! What the Actions runner takes out of a line and out of an outputs file, written from its behaviour: `::name props::text`
//! after leading white space, else `##[name props]text` anywhere; `key=value` or `key<<mark`, whichever mark comes first.

use std::collections::BTreeMap;

#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub data: String,
}

/// The commands in a log. A line ends where the runner's process reader ends it: at `\n`, `\r` or both.
pub fn commands(log: &str) -> Vec<Command> {
    log.split(['\n', '\r']).filter_map(|line| current(line).or_else(|| legacy(line))).collect()
}

fn current(line: &str) -> Option<Command> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, data) = rest.split_once("::")?;
    let unescape = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n");
    let property = |text: &str| unescape(text).replace("%3A", ":").replace("%2C", ",").replace("%25", "%");
    Some(command(head, ',', property, unescape(data).replace("%25", "%")))
}

fn legacy(line: &str) -> Option<Command> {
    let (_, rest) = line.split_once("##[")?;
    let (head, data) = rest.split_once(']')?;
    Some(command(head, ';', |text| text.to_string(), data.to_string()))
}

fn command(head: &str, between: char, property: impl Fn(&str) -> String, data: String) -> Command {
    let (name, properties) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
    let pairs = properties.split(between).filter_map(|pair| pair.split_once('='));
    let properties = pairs.map(|(key, value)| (key.trim().to_string(), property(value))).collect();
    Command { name: name.to_string(), properties, data }
}

/// Keys and values of an outputs file, in order, or why the step fails.
pub fn outputs(file: &str) -> Result<Vec<(String, String)>, String> {
    let mut out = Vec::new();
    let mut lines = file.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=').unwrap_or(usize::MAX);
        let heredoc = line.find("<<").unwrap_or(usize::MAX);
        if equals < heredoc {
            out.push((line[..equals].to_string(), line[equals + 1..].to_string()));
            continue;
        }
        if heredoc == usize::MAX {
            return Err(format!("invalid format: {line}"));
        }
        let (key, mark) = (&line[..heredoc], &line[heredoc + 2..]);
        let mut value = String::new();
        loop {
            let next = lines.next().ok_or_else(|| format!("no end: {mark}"))?;
            if next.trim_end_matches(['\n', '\r']) == mark {
                break;
            }
            value.push_str(next);
        }
        out.push((key.to_string(), value.strip_suffix('\n').unwrap_or(&value).to_string()));
    }
    Ok(out)
}
