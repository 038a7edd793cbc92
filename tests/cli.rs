//! The commands as a person calls them: help, configuration and its errors, schema, explain, and what README and docs claim.

use qte_ci::facts::stage::Gate;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn qte(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qte-ci"));
    for name in ["GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITHUB_REF", "GITHUB_REPOSITORY"] {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A project folder with a configuration.
fn project(configuration: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(".github")).unwrap();
    std::fs::write(folder.path().join(".github/qte-ci.yml"), configuration).unwrap();
    folder
}

fn as_json(yaml: &str) -> serde_json::Value {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn init_prints_a_configuration_that_check_takes_and_the_schema_allows() {
    let init = text(&qte(&root(), &["init"]).stdout);
    let folder = project(&init);
    let checked = qte(folder.path(), &["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let shown = text(&checked.stdout);
    let lines = shown.lines().find(|l| l.starts_with("coverage.lines")).unwrap();
    assert!(lines.contains("80") && lines.contains(".github/qte-ci.yml:"), "{lines}");
    let schema: serde_json::Value = serde_json::from_slice(&qte(&root(), &["schema"]).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&as_json(&init)));
    for wrong in
        ["covrage: {}", "coverage: {lines: 101}", "coverage: {lines: many}", "stages: [9Z]", "tests: {enforce: maybe}"]
    {
        assert!(!validator.is_valid(&as_json(wrong)), "the schema allows {wrong}");
        assert_eq!(qte(project(wrong).path(), &["check"]).status.code(), Some(2), "check takes {wrong}");
    }
}

#[test]
fn a_wrong_key_is_shown_at_its_place_with_the_nearest_known_one() {
    let out = qte(project("coverage:\n  lines: 80\n  path: {}\n").path(), &["gate"]);
    assert_eq!(out.status.code(), Some(2));
    let expected = "error: .github/qte-ci.yml:3:3: unknown key `path`\n   |\n 3 |   path: {}\n   |   ^\n  help: did you mean `paths`? known here: ";
    assert!(text(&out.stderr).starts_with(expected), "{}", text(&out.stderr));
}

#[test]
fn wrong_use_says_what_is_known_and_exits_with_2() {
    let folder = project("");
    for (arguments, says) in [
        (vec!["gate", "--stages", "1A,9Z"], "unknown stage `9Z`: this version has 1A, 1B"),
        (vec!["gate", "--coverage-threshold", "lots"], "`lots` is not a percentage"),
        (vec!["gate", "--project", "nowhere"], "--project nowhere"),
        (vec!["gate", "--config", "nowhere.yml"], "nowhere.yml"),
        (vec!["read", "--format", "junitt", "x"], "did you mean `junit`?"),
        (vec!["explain", "coverge"], "did you mean `coverage`?"),
        (vec!["verify", "nowhere.json"], "nowhere.json"),
        (vec!["frobnicate"], "unrecognized subcommand"),
        (vec![], "Usage"),
    ] {
        let out = qte(folder.path(), &arguments);
        assert_eq!(out.status.code(), Some(2), "{arguments:?}");
        assert!(text(&out.stderr).contains(says), "{arguments:?}: {}", text(&out.stderr));
    }
}

#[test]
fn settings_come_from_flag_then_file_then_default_and_say_so() {
    let folder = project("coverage:\n  lines: 70\n  changed: ~\n");
    let shown = text(&qte(folder.path(), &["check", "--stages", "1B"]).stdout);
    let line = |name: &str| shown.lines().find(|l| l.split_whitespace().next() == Some(name)).unwrap().to_string();
    assert!(line("coverage.lines").ends_with("70  (.github/qte-ci.yml:2)"));
    assert!(line("coverage.changed").ends_with("off  (.github/qte-ci.yml:3)"));
    assert!(line("coverage.drop").ends_with("0.5  (default)"));
    assert!(line("stages").ends_with("[\"1B\"]  (--stages)"));
    let shown = text(&qte(folder.path(), &["check", "--coverage-threshold", "91.5"]).stdout);
    assert!(shown.contains("91.5  (--coverage-threshold)"));
}

#[test]
fn explain_prints_the_guide() {
    for gate in Gate::ALL.map(Gate::id) {
        let out = qte(&root(), &["explain", gate]);
        assert_eq!(out.status.code(), Some(0));
        let guide = std::fs::read_to_string(root().join(format!("docs/gates/{gate}.md"))).unwrap();
        assert_eq!(text(&out.stdout), guide);
    }
}

/// The fenced blocks of a language in a document.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_string()).collect()
}

#[test]
fn the_readme_s_configurations_are_taken() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (steps, samples): (Vec<_>, Vec<_>) = blocks(&readme, "yaml").into_iter().partition(|y| y.contains("uses:"));
    assert_eq!((steps.len(), samples.len()), (1, 2));
    for sample in samples {
        let out = qte(project(&sample).path(), &["check"]);
        assert_eq!(out.status.code(), Some(0), "{sample}: {}", text(&out.stderr));
    }
}

/// A heading as links name it.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-');
    let words: String = heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect();
    words.replace(' ', "-")
}

#[test]
fn the_readme_s_links_lead_somewhere() {
    for document in ["README.md", "docs/ARCHITECTURE.md", "docs/reference.md", "docs/action.md"] {
        let path = root().join(document);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut links = 0;
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.starts_with("http") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(file.exists(), "{document}: {target}");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&file).unwrap();
                assert!(text.lines().any(|l| l.starts_with('#') && slug(l) == anchor), "{document}: {target}");
            }
            links += 1;
        }
        assert!(links > 0 || document != "README.md");
    }
}

/// Copies a folder's tracked files; what a run leaves stays out of the tree.
fn copy(from: &str, to: &Path) {
    let out = Command::new("git").current_dir(root()).args(["ls-files", "-z", from]).output().unwrap();
    let names = text(&out.stdout);
    assert!(!names.is_empty(), "git tracks nothing in {from}");
    for name in names.split('\0').filter(|n| !n.is_empty()) {
        let target = to.join(Path::new(name).strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(root().join(name), target).unwrap();
    }
}

#[test]
fn the_readme_s_first_command_prints_what_it_shows() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let command = &blocks(&readme, "sh")[0];
    assert_eq!(command.trim(), "cargo run --release --locked -- gate --stages 1A,1B --project tests/sample");
    let shown = readme.split("```\n").find(|block| block.contains("pass: install")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy("tests/sample", &folder.path().join("sample"));
    let cache = folder.path().join("cache");
    let out = Command::new(env!("CARGO_BIN_EXE_qte-ci"))
        .current_dir(folder.path())
        .env("QTE_CACHE_DIR", &cache)
        .env_remove("GITHUB_ACTIONS")
        .env_remove("GITHUB_EVENT_NAME")
        .args(["gate", "--stages", "1A,1B", "--project", "sample"])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    // The seconds differ from run to run, and how many packages an environment begins with from tool to tool.
    let plain = |text: &str| -> Vec<String> {
        let without = |l: &str| match l.trim_end().strip_suffix(" s") {
            Some(rest) => rest.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end().to_string(),
            None => l.trim_end().to_string(),
        };
        let uncounted = |l: String| match l.strip_suffix(" packages") {
            Some(rest) => format!("{} N packages", rest.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end()),
            None => l,
        };
        text.lines().map(without).map(uncounted).collect()
    };
    assert_eq!(plain(&text(&out.stdout)), plain(shown));
}

#[test]
fn colour_and_control_characters_stay_out_of_pipes() {
    let folder = project("tests: {reports: [junit.xml]}\n");
    let report = "<testsuites><testsuite><testcase classname='c' name='&#x9b;31m'><failure message='::error::x ##[error]y &#9;z'/></testcase></testsuite></testsuites>";
    std::fs::write(folder.path().join("junit.xml"), report).unwrap();
    let out = qte(folder.path(), &["gate", "--stages", "1A"]);
    assert_eq!(out.status.code(), Some(1));
    let shown = text(&out.stdout);
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{9b}'), "{shown:?}");
    let out = Command::new(env!("CARGO_BIN_EXE_qte-ci"))
        .current_dir(folder.path())
        .env("GITHUB_ACTIONS", "true")
        .env_remove("GITHUB_EVENT_NAME")
        .args(["gate", "--stages", "1A"])
        .output()
        .unwrap();
    for line in text(&out.stdout).lines().chain(text(&out.stderr).lines()) {
        assert!(!line.trim_start().starts_with("::error") && !line.contains("##["), "{line}");
    }
    assert!(text(&out.stdout).contains("FAIL"));
}
