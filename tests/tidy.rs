//! Holds the house as drawn (docs/ARCHITECTURE.md): who imports whom, what pure rooms never touch, how long a function
//! gets, that every file says its duty, that every variant is registered, and that generated docs are current.

use qte_ci::facts::stage::Gate;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest function, in lines.
const SCREEN: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, with its path from the root and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                out.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    out.sort();
    out
}

/// The part of a file before its unit tests.
fn product(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

/// `src/read/xml.rs` is of the room `read`, `src/gate/collect.rs` of `gate`.
fn room(path: &str) -> &str {
    path.strip_prefix("src/").unwrap().split(['/', '.']).next().unwrap()
}

/// What a room may import of ours.
fn allowed(room: &str) -> &'static [&'static str] {
    match room {
        "facts" => &["facts"],
        "read" => &["read", "facts"],
        "judge" => &["judge", "facts"],
        "tell" => &["tell", "facts"],
        "act" => &["act", "facts"],
        "config" => &["config", "facts"],
        "cli" => &["cli"],
        "order" => &["order", "cli", "config", "act", "judge", "facts"],
        "gate" => &["gate", "order", "config", "act", "read", "judge", "facts"],
        "publish" => &["publish", "order", "act", "tell", "facts"],
        "requires" => &["requires", "cli", "act", "tell", "facts"],
        "verify" => &["verify", "gate", "order", "cli", "act", "facts"],
        "replay" => &["replay", "judge", "facts"],
        "lib" | "main" => &[
            "act", "cli", "config", "facts", "gate", "judge", "order", "publish", "read", "replay", "requires", "tell",
            "verify",
        ],
        other => panic!("src/{other} is no room of the house: draw it in docs/ARCHITECTURE.md and here"),
    }
}

#[test]
fn rooms_import_only_what_the_plan_allows() {
    for (path, text) in sources("src") {
        let room = room(&path);
        for crate_name in ["crate::", "qte_ci::"] {
            for found in product(&text).split(crate_name).skip(1) {
                let word: String = found.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                // `use qte_ci::{config, verify}` names several at once.
                let words = match found.strip_prefix('{').and_then(|f| f.split_once('}')) {
                    Some((list, _)) => {
                        list.split(',').map(|w| w.trim().split("::").next().unwrap().to_string()).collect()
                    }
                    None => vec![word],
                };
                for word in words {
                    assert!(allowed(room).contains(&word.as_str()), "{path} imports `{word}`, which {room} may not");
                }
            }
        }
    }
}

#[test]
fn pure_rooms_touch_nothing_outside() {
    let effects = [
        "std::fs",
        "std::net",
        "std::process",
        "std::env",
        "SystemTime",
        "Instant",
        "tokio",
        "rand",
        "println!",
        "eprintln!",
    ];
    for (path, text) in sources("src") {
        if !["facts", "read", "judge", "tell"].contains(&room(&path)) {
            continue;
        }
        for effect in effects {
            assert!(!product(&text).contains(effect), "{path} is in a pure room and uses {effect}");
        }
    }
}

#[test]
fn only_the_order_reads_the_environment() {
    for (path, text) in sources("src") {
        let may = [
            "src/order.rs",
            "src/order/context.rs",
            // Takes the token out of it; makes and knows a child's; asks it for colours.
            "src/act/handoff.rs",
            "src/act/process.rs",
            "src/act/terminal.rs",
        ]
        .contains(&path.as_str());
        assert!(may || !product(&text).contains("env::var"), "{path} reads the environment");
    }
}

#[test]
fn functions_fit_a_screen() {
    for folder in ["src", "tests"] {
        for (path, text) in sources(folder) {
            for (name, line, length) in functions(&text) {
                assert!(length <= SCREEN, "{path}:{line} {name} has {length} lines");
            }
        }
    }
}

/// Name, first line and length of each function, by indentation (the formatter sees to it).
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let mut out = Vec::new();
    let mut open: Vec<(String, usize, usize)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        let head = words.iter().take(4).position(|w| *w == "fn");
        if let Some(at) =
            head.filter(|at| words[..*at].iter().all(|w| matches!(*w, "async" | "const") || w.starts_with("pub")))
            && !line.trim_end().ends_with([';', '}'])
        {
            let name = words.get(at + 1).map_or("", |w| w.split(['(', '<']).next().unwrap());
            open.push((name.to_string(), number, indent));
        } else if line.trim_end() == format!("{}}}", " ".repeat(indent))
            && let Some(at) = open.iter().rposition(|(_, _, i)| *i == indent)
        {
            let (name, from, _) = open.remove(at);
            out.push((name, from + 1, number - from + 1));
        }
    }
    out
}

#[test]
fn the_measure_of_functions_measures() {
    let long =
        format!("pub async fn long(\n    a: u8,\n) {{\n{}}}\nfn short() {{\n    x();\n}}\n", "    y();\n".repeat(80));
    assert_eq!(functions(&long), [("long".to_string(), 1, 84), ("short".to_string(), 85, 3)]);
}

#[test]
fn every_file_says_its_duty_first() {
    for folder in ["src", "tests", "fuzz/fuzz_targets"] {
        for (path, text) in sources(folder) {
            let first = text.lines().find(|l| !l.starts_with("#!")).unwrap_or("");
            assert!(first.starts_with("//! ") && first.len() > 20, "{path} does not begin with its duty");
        }
    }
}

#[test]
fn nothing_is_swallowed_or_unfinished() {
    let signs = ["todo!(", "unimplemented!(", "dbg!(", "FIXME", "XXX", "unwrap_or_default(); // ", ".ok();"];
    for (path, text) in sources("src") {
        for sign in signs {
            assert!(!product(&text).contains(sign), "{path} holds `{sign}`");
        }
    }
    for (path, text) in sources("tests").into_iter().filter(|(path, _)| path != "tests/tidy.rs") {
        assert!(!text.contains("#[ignore"), "{path} hides a test");
    }
}

/// `go-test-json` is read in `go_test.rs`.
fn file_of(id: &str) -> String {
    id.trim_end_matches("-json").replace('-', "_")
}

#[test]
fn every_format_is_a_file_a_line_a_fixture_and_a_fuzz_target() {
    for format in qte_ci::read::FORMATS {
        let file = file_of(format.id);
        for path in [
            format!("src/read/{file}.rs"),
            format!("tests/fixtures/formats/{}", format.id),
            format!("fuzz/fuzz_targets/{file}.rs"),
        ] {
            assert!(root().join(&path).exists(), "format {} has no {path}", format.id);
        }
    }
    let files: BTreeSet<String> = sources("src/read").into_iter().map(|(path, _)| path).collect();
    let mechanism = [
        "mod",
        "error",
        "input",
        "lines",
        "json",
        "xml",
        "shape",
        "diff",
        "cases",
        "details",
        "dotnet",
        "utf16",
        "findings",
        "audits",
        "cvss",
        "documents",
        "printed",
    ];
    for path in files {
        let name = Path::new(&path).file_stem().unwrap().to_str().unwrap();
        let registered = qte_ci::read::FORMATS.iter().any(|f| file_of(f.id) == name);
        assert!(registered || mechanism.contains(&name), "{path} is not registered in FORMATS");
    }
}

#[test]
fn every_gate_is_a_judge_a_default_and_a_guide() {
    let defaults = std::fs::read_to_string(root().join("src/default.yml")).unwrap();
    for gate in Gate::ALL {
        let judge = if Gate::OF_FINDINGS.contains(&gate) { "findings" } else { gate.id() };
        assert!(root().join(format!("src/judge/{judge}.rs")).exists(), "{gate}");
        assert!(defaults.contains(&format!("\n{gate}:\n")), "default.yml has no {gate}");
        let guide = std::fs::read_to_string(root().join(format!("docs/gates/{gate}.md"))).unwrap();
        assert!(guide.contains("## What makes it red") && guide.contains("## How to mend it"), "docs/gates/{gate}.md");
    }
}

#[test]
fn generated_docs_are_current() {
    let out = Command::new(env!("CARGO_BIN_EXE_qte-ci")).arg("reference").output().unwrap();
    let now = String::from_utf8(out.stdout).unwrap();
    let kept = std::fs::read_to_string(root().join("docs/reference.md")).unwrap();
    assert!(now == kept, "docs/reference.md is old: cargo run -- reference > docs/reference.md");
}

#[test]
fn the_top_level_is_the_plan_s() {
    let out = Command::new("git").current_dir(root()).args(["ls-files", "-z"]).output().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    let top: BTreeSet<&str> =
        text.split('\0').filter(|f| !f.is_empty()).map(|f| f.split('/').next().unwrap()).collect();
    let plan = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "action.yml",
        "dist",
        "tests",
        ".github",
        "README.md",
        "docs",
        "benches",
        "fuzz",
        "CHANGELOG.md",
        "LICENSE",
        ".ci",
        ".gitignore",
        ".rustfmt.toml",
        ".deny.toml",
    ];
    assert!(!top.is_empty());
    for name in top {
        assert!(plan.contains(&name), "`{name}` stands at the top level and is not in the plan");
    }
}
