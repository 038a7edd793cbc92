//! Which extras, groups, files and sessions are meant for tests, by their name.

const TEST: [&str; 18] = [
    "test",
    "tests",
    "testing",
    "tester",
    "dev",
    "devel",
    "develop",
    "development",
    "ci",
    "pytest",
    "unittest",
    "unittests",
    "unit",
    "check",
    "checks",
    "cov",
    "coverage",
    "qa",
];
const OTHER: [&str; 27] = [
    "doc",
    "docs",
    "documentation",
    "lint",
    "linter",
    "linters",
    "linting",
    "type",
    "types",
    "typing",
    "typecheck",
    "mypy",
    "release",
    "publish",
    "build",
    "style",
    "format",
    "formatting",
    "pre",
    "precommit",
    "commit",
    "bench",
    "benchmark",
    "benchmarks",
    "profile",
    "update",
    "notebook",
];

fn words(name: &str) -> impl Iterator<Item = String> {
    let lower = name.to_ascii_lowercase();
    let words: Vec<String> = lower.split(['-', '_', '.', ' ', '/']).map(str::to_string).collect();
    words.into_iter().filter(|word| !word.is_empty())
}

/// `test`, `dev`, `ci-tests`; not `docs`, `type-check`, `dev-docs`.
pub fn is_test(name: &str) -> bool {
    words(name).any(|word| TEST.contains(&word.as_str())) && !is_other(name)
}

/// A name that says it is for something else than tests: `docs`, `lint`, `pre-commit`.
pub fn is_other(name: &str) -> bool {
    words(name).any(|word| OTHER.contains(&word.as_str()))
}

/// What a requirements file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirements {
    Run,
    Test,
}

/// By its path: `requirements.txt`, `requirements-test.txt`, `dev.requirements.txt`, `requirements/tests.txt`,
/// `tests/requirements.txt`. `None`: not a requirements file, or for something else.
pub fn requirements(path: &str) -> Option<Requirements> {
    let stem = path.strip_suffix(".txt")?;
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let is_marker = |word: &str| matches!(word, "requirements" | "requirement" | "reqs");
    let rest: Vec<String> = words(name).filter(|word| !is_marker(word)).collect();
    let marked = rest.len() < words(name).count();
    let all_test = !rest.is_empty() && rest.iter().all(|word| TEST.contains(&word.as_str()));
    match folder {
        "" if marked && rest.is_empty() => Some(Requirements::Run),
        "" if marked && all_test => Some(Requirements::Test),
        "requirements" | "reqs" if all_test => Some(Requirements::Test),
        "requirements" | "reqs" if matches!(name, "requirements" | "base" | "main" | "common") => {
            Some(Requirements::Run)
        }
        "test" | "tests" if marked && (rest.is_empty() || all_test) => Some(Requirements::Test),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_extras_and_groups() {
        for name in ["test", "Tests", "testing", "dev", "ci", "ci-tests", "pytest", "test_extras"] {
            assert!(is_test(name), "{name}");
        }
        for name in ["docs", "lint", "typing", "release", "dev-docs", "type-check", "contest", "all", "pre-commit"] {
            assert!(!is_test(name), "{name}");
        }
    }

    #[test]
    fn names_of_requirements_files() {
        for path in ["requirements.txt", "requirements/base.txt"] {
            assert_eq!(requirements(path), Some(Requirements::Run), "{path}");
        }
        for path in [
            "requirements-test.txt",
            "requirements_dev.txt",
            "dev-requirements.txt",
            "dev.requirements.txt",
            "test-requirements.txt",
            "requirements/tests.txt",
            "tests/requirements.txt",
            "requirements-dev-test.txt",
        ] {
            assert_eq!(requirements(path), Some(Requirements::Test), "{path}");
        }
        for path in ["requirements-docs.txt", "notes.txt", "requirements/docs.txt", "sub/requirements.txt", "test.txt"]
        {
            assert_eq!(requirements(path), None, "{path}");
        }
    }
}
