//! Coverage thresholds that files of the project set. They are named beside the one that is used, never used.

use super::source::Source;
use crate::act::project::{FoundThreshold, ProjectError};

const FILES: [&str; 15] = [
    ".coveragerc",
    ".coveragerc.toml",
    "setup.cfg",
    "tox.ini",
    "tox.toml",
    "pyproject.toml",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "noxfile.py",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
];

/// In the order of the files' names.
pub fn find(source: &mut Source) -> Result<Vec<FoundThreshold>, ProjectError> {
    let files = source.layout.files.iter();
    let wanted = files.filter(|path| FILES.contains(&path.as_str()) || is_workflow(path));
    let mut wanted: Vec<&String> = wanted.collect();
    wanted.sort();
    let mut found = Vec::new();
    for path in wanted {
        if let Some(text) = source.text(path)? {
            found.extend(in_text(path, &text));
        }
    }
    Ok(found)
}

fn is_workflow(path: &str) -> bool {
    path.starts_with(".github/workflows/") && (path.ends_with(".yml") || path.ends_with(".yaml"))
}

fn in_text(path: &str, text: &str) -> Vec<FoundThreshold> {
    let mut found = Vec::new();
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.starts_with('#') || trimmed.starts_with(';') {
            continue;
        }
        if trimmed.starts_with('[') && trimmed.ends_with(']') {
            section = trimmed.trim_matches(['[', ']', ' ']).to_string();
        }
        let pair = option(trimmed).or_else(|| setting(path, &section, trimmed));
        if let Some((key, value)) = pair {
            found.push(FoundThreshold { path: path.to_string(), line: index as u64 + 1, key: key.to_string(), value });
        }
    }
    found
}

/// `--cov-fail-under=90`, `"--cov-fail-under", "90"`, `coverage report --fail-under 90`.
fn option(line: &str) -> Option<(&'static str, String)> {
    let key = ["--cov-fail-under", "--fail-under"].into_iter().find(|key| line.contains(key))?;
    // pylint and interrogate have an option of the same name for another measure.
    if key == "--fail-under" && !line.contains("coverage") {
        return None;
    }
    let at = line.find(key)? + key.len();
    let value = number(line[at..].trim_start_matches(['=', ' ', ',', '"', '\'']))?;
    Some((key, value))
}

/// `fail_under = 90` in a section of coverage's.
fn setting(path: &str, section: &str, line: &str) -> Option<(&'static str, String)> {
    let is_own = path.starts_with(".coveragerc") && (section == "report" || section.ends_with("coverage.report"));
    if !is_own && !matches!(section, "coverage:report" | "tool.coverage.report") {
        return None;
    }
    let rest = line.strip_prefix("fail_under").or_else(|| line.strip_prefix("fail-under"))?.trim_start();
    let rest = rest.strip_prefix(['=', ':'])?;
    Some(("fail_under", number(rest.trim().trim_matches(['"', '\'']))?))
}

fn number(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number = text[..end].trim_end_matches('.');
    // Zero asks nothing.
    let asks = number.starts_with(|c: char| c.is_ascii_digit()) && number.contains(|c: char| !matches!(c, '0' | '.'));
    asks.then(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        in_text(path, text).iter().map(|one| format!("{}:{} {}", one.line, one.key, one.value)).collect()
    }

    #[test]
    fn settings_and_options_with_their_lines() {
        assert_eq!(
            found("pyproject.toml", "[tool.coverage.report]\nx = 1\nfail_under = 97.5 # high\n"),
            ["3:fail_under 97.5"]
        );
        assert_eq!(
            found("setup.cfg", "[report]\nfail_under = 1\n[coverage:report]\nfail_under=80"),
            ["4:fail_under 80"]
        );
        assert_eq!(found(".coveragerc", "[report]\nfail_under: 70"), ["2:fail_under 70"]);
        assert_eq!(
            found("pytest.ini", "[tool:pytest]\naddopts = --cov=x\n  --cov-fail-under=99\n# --cov-fail-under=1\n"),
            ["3:--cov-fail-under 99"]
        );
        assert_eq!(
            found(
                "noxfile.py",
                "session.run('pytest', '--cov-fail-under', '85')\nsession.run(\"coverage\", \"report\", \"--fail-under=90\")"
            ),
            ["1:--cov-fail-under 85", "2:--fail-under 90"]
        );
        assert!(found("tox.ini", "[testenv]\ncommands = coverage html --fail-under=0\n").is_empty());
        assert!(found("Makefile", "\tpylint --fail-under=8 x\n").is_empty());
        assert!(found("tox.ini", "[tool.interrogate]\nfail-under = 95\n").is_empty());
        assert!(found(".github/workflows/ci.yml", "  run: pytest --cov-fail-under=$MIN").is_empty());
    }
}
