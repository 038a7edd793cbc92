//! Path patterns: `*` stays inside a folder, `**` crosses them. One meaning for every setting.

use globset::{Error, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// One pattern; a leading `./` says nothing.
pub fn pattern(text: &str) -> Result<Glob, Error> {
    GlobBuilder::new(text.trim_start_matches("./")).literal_separator(true).build()
}

/// A pattern of reports: `lint.json`, or `ruff=lint.json`, which names the format.
pub fn of_reports(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((format, pattern)) if !format.is_empty() && !format.contains(['/', '*', '.']) => (Some(format), pattern),
        _ => (None, text),
    }
}

/// Several patterns as one; those that do not compile were refused with the configuration.
pub fn any_of(texts: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in texts.iter().filter_map(|text| pattern(text).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_may_stand_in_front() {
        assert_eq!(of_reports("ruff=out/lint.json"), (Some("ruff"), "out/lint.json"));
        for plain in ["out/a=b.json", "*.json", "=x", "a.b=c"] {
            assert_eq!(of_reports(plain), (None, plain));
        }
    }

    #[test]
    fn a_star_stays_in_its_folder() {
        let set = any_of(&["test_*.py".into(), "./build/*.xml".into(), "docs/**".into(), "**/t.py".into()]);
        for (path, is) in [
            ("test_a.py", true),
            ("test_tools/core.py", false),
            ("build/a.xml", true),
            ("build/x/a.xml", false),
            ("docs/x/y.md", true),
            ("t.py", true),
            ("a/b/t.py", true),
        ] {
            assert_eq!(set.is_match(path), is, "{path}");
        }
    }
}
