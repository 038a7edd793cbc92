//! Coverage thresholds that files of the project set. They are named beside the one that is used, never used.

use crate::act::project::{FoundThreshold, ProjectError, Site};

const MEASURES: [&str; 4] = ["lines", "branches", "functions", "statements"];

/// Options of c8 and nyc, of vitest and of node.
const OPTIONS: [&str; 3] = ["--", "--coverage.thresholds.", "--test-coverage-"];

/// In the order of the files' names.
pub fn find(site: &Site) -> Result<Vec<FoundThreshold>, ProjectError> {
    let mut found = Vec::new();
    let mut files: Vec<&String> = site.files.iter().filter(|file| is_searched(file)).collect();
    files.sort();
    for file in files {
        if let Some(text) = site.text(file)? {
            found.extend(in_text(file, &text));
        }
    }
    Ok(found)
}

fn is_searched(file: &str) -> bool {
    let configures = ["vitest.config.", "vite.config.", "jest.config.", ".c8rc", ".nycrc", "nyc.config."];
    let is_workflow = file.starts_with(".github/workflows/") && (file.ends_with(".yml") || file.ends_with(".yaml"));
    file == "package.json" || is_workflow || configures.iter().any(|start| file.starts_with(start))
}

fn in_text(file: &str, text: &str) -> Vec<FoundThreshold> {
    let mut found = Vec::new();
    // A table of thresholds stands behind a name of its own, and begins with the file where that holds nothing else.
    let whole = file.starts_with(".c8rc") || file.starts_with(".nycrc");
    let (mut depth, mut within) = (0i64, None);
    for (number, line) in text.lines().enumerate() {
        let names_table = ["coverageThreshold", "thresholds", "check-coverage", "checkCoverage"]
            .iter()
            .any(|name| line.contains(name) && !line.contains(&format!("--{name}")));
        if within.is_none() && names_table {
            within = Some(depth);
        }
        for measure in MEASURES {
            let key = setting(line, measure).filter(|_| whole || within.is_some());
            let key = key.map(|value| (measure.to_string(), value)).or_else(|| option(line, measure));
            if let Some((key, value)) =
                key.filter(|(_, value)| value.contains(|c: char| c.is_ascii_digit() && c != '0'))
            {
                found.push(FoundThreshold { path: file.to_string(), line: number as u64 + 1, key, value });
            }
        }
        depth += line.chars().map(|c| i64::from(c == '{') - i64::from(c == '}')).sum::<i64>();
        if within.is_some_and(|outer| depth <= outer && !names_table) {
            within = None;
        }
    }
    found
}

/// `lines: 80`, `"lines": 80`.
fn setting(line: &str, measure: &str) -> Option<String> {
    let at = line.match_indices(measure).find(|(at, _)| {
        let before = line[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
    })?;
    let rest = line[at.0 + measure.len()..].trim_start_matches(['"', '\'']).trim_start();
    number(rest.strip_prefix(':')?.trim_start())
}

/// `--lines 80`, `--lines=80`.
fn option(line: &str, measure: &str) -> Option<(String, String)> {
    OPTIONS.iter().find_map(|start| {
        let key = format!("{start}{measure}");
        let rest = &line[line.find(&key)? + key.len()..];
        Some((key, number(rest.strip_prefix(['=', ' '])?.trim_start())?))
    })
}

fn number(text: &str) -> Option<String> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    (end > 0).then(|| text[..end].trim_end_matches('.').to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(file: &str, text: &str) -> Vec<String> {
        in_text(file, text).iter().map(|one| format!("{}:{} {}", one.line, one.key, one.value)).collect()
    }

    #[test]
    fn tables_and_options_with_their_lines() {
        let jest = "{\n \"jest\": {\n  \"coverageThreshold\": {\n   \"global\": {\n    \"lines\": 90,\n    \
                    \"branches\": 85.5\n   }\n  }\n },\n \"x\": {\"lines\": 3}\n}\n";
        assert_eq!(found("package.json", jest), ["5:lines 90", "6:branches 85.5"]);
        let vitest = "export default { test: { coverage: {\n  thresholds: { lines: 80, functions: 70 },\n} } }\n";
        assert_eq!(found("vitest.config.ts", vitest), ["2:lines 80", "2:functions 70"]);
        assert_eq!(found(".c8rc.json", "{\"check-coverage\": true,\n\"lines\": 75}"), ["2:lines 75"]);
        assert_eq!(
            found("package.json", "\"a\": \"c8 --check-coverage --lines 95 --branches=0 mocha\",\n\"lines\": 4"),
            ["1:--lines 95"]
        );
        assert_eq!(
            found("package.json", "node --test --test-coverage-lines=88; vitest --coverage.thresholds.branches=77"),
            ["1:--test-coverage-lines 88", "1:--coverage.thresholds.branches 77"]
        );
        assert!(found("vite.config.js", "const guidelines: 4; a.lines: 5; x = { lines: 6 }").is_empty());
    }
}
