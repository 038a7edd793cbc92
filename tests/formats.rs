//! The readers against the truth: every file of `tests/fixtures/formats` (made by running real tools) and, where it lies
//! beside the project, of the report corpus, whose truth was computed by programs that share no code with ours.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The formats with a reader, by the corpus's own names.
const READ: [&str; 9] = ["junit", "trx", "nunit", "xunit", "cobertura", "lcov", "coveragepy-json", "jacoco", "clover"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `qte-ci read --json` and gives its exit code and one object a file.
fn read(folder: &Path, files: &[String]) -> (i32, Vec<Value>) {
    let out = Command::new(env!("CARGO_BIN_EXE_qte-ci"))
        .current_dir(folder)
        .args(["read", "--json"])
        .args(files)
        .output()
        .unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), files.len(), "{}", String::from_utf8_lossy(&out.stderr));
    (out.status.code().expect("no crash"), rows)
}

fn fixtures() -> Vec<(String, String)> {
    let mut out = Vec::new();
    let folder = root().join("tests/fixtures/formats");
    for format in READ {
        for entry in std::fs::read_dir(folder.join(format)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.ends_with(".expected.json") {
                out.push((format.to_string(), format!("{format}/{name}")));
            }
        }
    }
    out.sort();
    out
}

#[test]
fn every_format_has_a_fixture_and_is_read_as_its_tool_said() {
    let folder = root().join("tests/fixtures/formats");
    let fixtures = fixtures();
    for format in READ {
        assert!(fixtures.iter().any(|(f, _)| f == format), "no fixture for {format}");
    }
    let files: Vec<String> = fixtures.iter().map(|(_, file)| file.clone()).collect();
    let (code, rows) = read(&folder, &files);
    assert_eq!(code, 0);
    for ((format, file), row) in fixtures.iter().zip(&rows) {
        let expected: Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{file}.expected.json"))).unwrap())
                .unwrap();
        assert_eq!(row["format"], format.as_str());
        for (name, number) in expected.as_object().unwrap().iter().filter(|(name, _)| *name != "by") {
            assert_eq!(&row[name], number, "{file}: {name}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_refused_with_a_place_or_says_less() {
    let folder = root().join("tests/fixtures/formats");
    let scratch = tempfile::tempdir().unwrap();
    for (format, file) in fixtures() {
        let bytes = std::fs::read(folder.join(&file)).unwrap();
        let whole = bytes.trim_ascii_end().len();
        let cuts: Vec<usize> = (0..whole).step_by(1 + whole / 97).collect();
        let names: Vec<String> = cuts.iter().map(|cut| format!("{format}-{cut}")).collect();
        for (cut, name) in cuts.iter().zip(&names) {
            std::fs::write(scratch.path().join(name), &bytes[..*cut]).unwrap();
        }
        let (code, rows) = read(scratch.path(), &names);
        assert_eq!(code, 3, "{file}");
        for (row, name) in rows.iter().zip(&names) {
            // LCOV is a list of records: cut between two of them, what is left is a whole file.
            assert!(row["ok"] == false || format == "lcov", "{name}: {row}");
            let kind = row["error"]["kind"].as_str().unwrap_or("ok");
            assert!(["malformed", "empty", "unknown", "ok"].contains(&kind), "{name}: {row}");
            assert!(
                kind != "malformed" || row["error"]["line"].as_u64().is_some_and(|line| line >= 1),
                "{name}: {row}"
            );
        }
    }
}

#[test]
fn what_cannot_be_told_is_refused_by_kind() {
    let scratch = tempfile::tempdir().unwrap();
    let both = "<coverage generated='1'><project/><packages/></coverage>";
    for (name, text, kind) in [
        ("zero", "", "empty"),
        ("blank", " \n\t\n", "empty"),
        ("ambiguous", both, "ambiguous"),
        ("prose", "all tests passed, honestly\n", "unknown"),
        ("other.xml", "<html><body/></html>", "unknown"),
        ("not.xml", "<testsuites><testsuite></testsuites>", "malformed"),
        ("huge.xml", &format!("<testsuites><testcase name='{}'/></testsuites>", "x".repeat(3_000_000)), "too-large"),
        ("binary", "\u{0}\u{1}\u{2}", "unknown"),
    ] {
        std::fs::write(scratch.path().join(name), text).unwrap();
        let (code, rows) = read(scratch.path(), &[name.to_string()]);
        assert_eq!((code, rows[0]["error"]["kind"].as_str()), (3, Some(kind)), "{name}: {}", rows[0]);
        assert_eq!(rows[0]["ok"], false);
    }
    let (code, rows) = read(scratch.path(), &["missing".to_string()]);
    assert_eq!((code, &rows[0]["ok"]), (3, &Value::Bool(false)));
}

/// The corpus where it lies; its absence is said and counted.
fn corpus() -> Option<(PathBuf, Value)> {
    let folder = root().join("../shared/corpus");
    let Ok(text) = std::fs::read_to_string(folder.join("expected.json")) else {
        skipped("the report corpus is not beside the project");
        return None;
    };
    Some((folder, serde_json::from_str(&text).unwrap()))
}

fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    if let Some(path) = std::env::var_os("QTE_SKIPPED_FILE") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        writeln!(file, "SKIPPED: {why}").unwrap();
    }
}

#[test]
fn the_corpus_is_read_as_its_truth_says() {
    let Some((folder, truth)) = corpus() else { return };
    let files = truth["files"].as_object().unwrap();
    let names: Vec<String> = files.keys().cloned().collect();
    let (code, rows) = read(&folder, &names);
    assert_eq!(code, 3);
    let mut seen = 0;
    for (row, (name, expected)) in rows.iter().zip(files) {
        let format = expected["format"].as_str().unwrap();
        if !READ.contains(&format) {
            assert_eq!(row["ok"], false, "{name} was read as {}", row["format"]);
            assert!(row["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{name}");
            continue;
        }
        seen += 1;
        if let Some(verdict) = expected["verdict"].as_str() {
            assert_eq!((&row["ok"], row["error"]["kind"].as_str()), (&Value::Bool(false), Some(verdict)), "{name}");
            assert!(verdict != "malformed" || row["error"]["line"].as_u64().is_some(), "{name}: no place");
            continue;
        }
        assert_eq!(row["format"], format, "{name}: {row}");
        for (theirs, ours) in names_of(format) {
            if let Some(number) = summed(expected, theirs) {
                assert_eq!(row[ours], told_by_its_tool(name, ours, number), "{name}: {ours}");
            }
        }
        if format == "junit" {
            let disagrees = expected.get("declared_disagrees_on").is_some();
            assert_eq!(row["contradictions"].as_array().unwrap().is_empty(), !disagrees, "{name}: {row}");
        }
    }
    assert!(seen >= 144, "only {seen} files of the formats that are read");
}

/// The truth of one number is wrong, and this says so in place of following it. It takes `falsecount` for hits, as
/// OpenClover writes it; in istanbul's dialect it is the number of branches that were not taken, so that two lines with
/// `count="0"` became covered. The file's own metrics (`coveredstatements` 107 and 2) say 109.
const TRUTH_ERRS: (&str, &str, u64, u64) =
    ("clover/coverallsapp+coverage-reporter/clover-unleash.xml", "lines_covered", 111, 109);

fn told_by_its_tool(file: &str, ours: &str, truth: u64) -> u64 {
    let (mistaken, number, wrong, right) = TRUTH_ERRS;
    if (file, ours) != (mistaken, number) {
        return truth;
    }
    assert_eq!(truth, wrong, "the truth was mended: take this exception out");
    right
}

/// A number of the truth, or the sum of several: `outcomes.NotExecuted+Inconclusive` adds two of a group, in which
/// what did not occur is left out.
fn summed(truth: &Value, names: &str) -> Option<u64> {
    let Some((group, names)) = names.split_once('.') else { return truth.get(names).and_then(Value::as_u64) };
    let group = truth.get(group)?;
    Some(names.split('+').filter_map(|name| group.get(name)).map(|number| number.as_u64().unwrap()).sum())
}

/// The corpus's words and ours.
fn names_of(format: &str) -> &'static [(&'static str, &'static str)] {
    match format {
        "junit" => &[
            ("tests", "tests"),
            ("passed", "passed"),
            ("failures", "failed"),
            ("errors", "errors"),
            ("skipped", "skipped"),
            ("flaky_or_rerun_elements", "flaky"),
        ],
        "trx" => &[
            ("tests", "tests"),
            ("outcomes.Passed", "passed"),
            ("outcomes.Failed", "failed"),
            ("outcomes.Error+Timeout+Aborted", "errors"),
            ("outcomes.NotExecuted+Inconclusive", "skipped"),
        ],
        "nunit" => &[
            ("tests", "tests"),
            ("results.Passed+Success+Warning", "passed"),
            ("results.Failed+Failure", "failed"),
            ("results.Error+NotRunnable", "errors"),
            ("results.Skipped+Ignored+Inconclusive", "skipped"),
        ],
        "jacoco" => &[
            ("lines_total", "lines_total"),
            ("lines_covered", "lines_covered"),
            ("branch.covered+missed", "branches_total"),
            ("branch.covered", "branches_covered"),
            ("files", "files"),
        ],
        "clover" => {
            &[("lines_any_type_total", "lines_total"), ("lines_any_type_covered", "lines_covered"), ("files", "files")]
        }
        "coveragepy-json" => &[
            ("statements", "lines_total"),
            ("covered_statements", "lines_covered"),
            ("branches", "branches_total"),
            ("covered_branches", "branches_covered"),
            ("files", "files"),
        ],
        _ => &[
            ("lines_total", "lines_total"),
            ("lines_covered", "lines_covered"),
            ("branches_total", "branches_total"),
            ("branches_covered", "branches_covered"),
            ("files", "files"),
        ],
    }
}

#[test]
fn every_other_format_that_can_be_told_is_refused_by_its_name() {
    let Some((folder, truth)) = corpus() else { return };
    let files = truth["files"].as_object().unwrap();
    // Those whose outline alone tells what they are; benchmarks and error answers have none of their own.
    for format in ["sarif", "bandit", "semgrep", "tap", "gocover", "go-test-json"] {
        let of = |e: &Value| e["format"] == format && e.get("verdict").is_none();
        let names: Vec<String> = files.iter().filter(|(_, e)| of(e)).map(|(name, _)| name.clone()).collect();
        assert!(!names.is_empty(), "no {format} in the corpus");
        for row in read(&folder, &names).1 {
            let message = row["error"]["message"].as_str().unwrap_or("read");
            assert!(message.starts_with(&format!("a {format} report")), "{row}");
        }
    }
}
