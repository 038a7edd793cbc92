//! Requirement strings: the package they name, and Poetry's constraints written as PEP 508.

use toml::{Table, Value};

/// The normalised name of the package (PEP 503), `None` for a path, a URL or an option.
pub fn package(requirement: &str) -> Option<String> {
    let text = requirement.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c))).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_path = rest.starts_with(['/', ':', '+']) || name.starts_with('.');
    (starts_well && !is_path).then(|| normalise(name))
}

pub fn normalise(name: &str) -> String {
    let mut normal = String::new();
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

/// One entry of a `[tool.poetry...dependencies]` table as requirement strings; `Err` says what cannot be written.
pub fn from_poetry(name: &str, value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::String(constraint) => Ok(vec![format!("{name}{}", specifier(constraint)?)]),
        Value::Table(table) => Ok(vec![from_poetry_table(name, table)?]),
        Value::Array(several) => {
            let lists: Result<Vec<_>, _> = several.iter().map(|one| from_poetry(name, one)).collect();
            Ok(lists?.concat())
        }
        other => Err(format!("{name}, given as {},", other.type_str())),
    }
}

fn from_poetry_table(name: &str, table: &Table) -> Result<String, String> {
    let text = |key: &str| table.get(key).and_then(Value::as_str);
    let mut requirement = name.to_string();
    if let Some(Value::Array(extras)) = table.get("extras") {
        let extras: Vec<&str> = extras.iter().filter_map(Value::as_str).collect();
        requirement.push_str(&format!("[{}]", extras.join(",")));
    }
    if let Some(git) = text("git") {
        requirement.push_str(&format!(" @ git+{git}"));
        if let Some(revision) = text("rev").or(text("tag")).or(text("branch")) {
            requirement.push_str(&format!("@{revision}"));
        }
    } else if let Some(url) = text("url") {
        requirement.push_str(&format!(" @ {url}"));
    } else if let Some(version) = text("version") {
        requirement.push_str(&specifier(version)?);
    } else {
        return Err(format!("{name} with neither version, git nor url"));
    }
    let mut markers = Vec::new();
    if let Some(python) = text("python") {
        markers.extend(python_markers(python)?);
    }
    markers.extend(text("markers").map(|marker| format!("({marker})")));
    if !markers.is_empty() {
        requirement.push_str(&format!(" ; {}", markers.join(" and ")));
    }
    Ok(requirement)
}

fn python_markers(constraint: &str) -> Result<Vec<String>, String> {
    let specifiers = specifier(constraint)?;
    let parts = specifiers.split(',').map(str::trim).filter(|part| !part.is_empty());
    Ok(parts
        .map(|part| {
            let at = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
            format!("python_full_version {} \"{}\"", part[..at].trim(), part[at..].trim())
        })
        .collect())
}

/// `^1.2` is `>=1.2,<2.0`, `~1.2` is `>=1.2,<1.3`, `1.2` is `==1.2`, `*` is anything.
fn specifier(constraint: &str) -> Result<String, String> {
    let constraint = constraint.trim();
    if constraint.contains("||") || constraint.contains('|') {
        return Err(format!("the alternative {constraint:?}"));
    }
    let parts: Result<Vec<String>, String> =
        constraint.split(',').map(str::trim).filter(|part| !part.is_empty() && *part != "*").map(one).collect();
    Ok(parts?.join(","))
}

fn one(part: &str) -> Result<String, String> {
    if let Some(version) = part.strip_prefix('^') {
        let numbers = numbers(version, part)?;
        let keep = numbers.iter().position(|&n| n != 0).unwrap_or(numbers.len() - 1);
        return Ok(format!(">={},<{}", version.trim(), next(&numbers, keep)));
    }
    if let Some(version) = part.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
        let numbers = numbers(version, part)?;
        return Ok(format!(">={},<{}", version.trim(), next(&numbers, 1.min(numbers.len() - 1))));
    }
    match part.starts_with(|c: char| c.is_ascii_digit()) {
        true => Ok(format!("=={part}")),
        false => Ok(part.to_string()),
    }
}

fn numbers(version: &str, part: &str) -> Result<Vec<u64>, String> {
    let leading = version.trim().split('.').map_while(|n| n.parse().ok());
    let numbers: Vec<u64> = leading.collect();
    if numbers.is_empty() { Err(format!("the version {part:?}")) } else { Ok(numbers) }
}

/// The version after every one that shares the numbers up to `keep`.
fn next(numbers: &[u64], keep: usize) -> String {
    let mut parts: Vec<String> = numbers[..keep].iter().map(u64::to_string).collect();
    parts.push((numbers[keep] + 1).to_string());
    if parts.len() == 1 {
        parts.push("0".to_string());
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages() {
        assert_eq!(package("Coverage[toml]>=5"), Some("coverage".into()));
        assert_eq!(package("ruamel.yaml ; python_version < '3'"), Some("ruamel-yaml".into()));
        assert_eq!(package("name@ https://example.invalid/x.whl"), Some("name".into()));
        for other in ["-e .", ".[test]", "./dir", "git+https://example.invalid/x", "dir/file.whl", "{posargs}", ""] {
            assert_eq!(package(other), None, "{other}");
        }
    }

    #[test]
    fn poetry_constraints() {
        for (constraint, expected) in [
            ("^1.2.3", ">=1.2.3,<2.0"),
            ("^0.2.3", ">=0.2.3,<0.3"),
            ("^0.0.3", ">=0.0.3,<0.0.4"),
            ("^0", ">=0,<1.0"),
            ("~1.2.3", ">=1.2.3,<1.3"),
            ("~1", ">=1,<2.0"),
            ("~=1.4", "~=1.4"),
            ("*", ""),
            ("1.2", "==1.2"),
            ("1.2.*", "==1.2.*"),
            (">=1, <3", ">=1,<3"),
        ] {
            assert_eq!(specifier(constraint).as_deref(), Ok(expected), "{constraint}");
        }
        assert!(specifier("^1 || ^2").is_err());
    }

    #[test]
    fn poetry_tables() {
        let table: Table = toml::from_str(
            "a = {version = '^2', extras = ['x', 'y'], python = '>=3.8,<4'}\nb = {git = 'https://e.invalid/b', tag = 'v1'}\nc = {path = '../c'}",
        )
        .expect("good");
        assert_eq!(
            from_poetry("a", &table["a"]).expect("good"),
            ["a[x,y]>=2,<3.0 ; python_full_version >= \"3.8\" and python_full_version < \"4\""]
        );
        assert_eq!(from_poetry("b", &table["b"]).expect("good"), ["b @ git+https://e.invalid/b@v1"]);
        assert!(from_poetry("c", &table["c"]).is_err());
    }
}
