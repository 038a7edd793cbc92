//! Secrets: gitleaks over the project's files, and over the commits of the change. Asked of the project as a whole.

use super::scan::{Look, Scan, Scans, Setup};
use super::{Command, ProjectError, path_text};
use std::path::PathBuf;

/// Files by which a project configures gitleaks itself.
const CONFIGURATION: &str = ".gitleaks.toml";

/// `base` is the commit that the change is compared with; `left_out` are folders that are not the project's own, relative.
pub fn scans(look: &Look, base: Option<&str>, left_out: &[String]) -> Result<Scans, ProjectError> {
    if look.site.files.is_empty() {
        return Ok(Scans::NotApplicable("no file: the project's folder is empty".into()));
    }
    let found = look.site.program("gitleaks");
    let (setup, program) = match (look.site.program("go"), found) {
        (Some(go), _) => {
            let setup = setup(look, go);
            let program = path_text(&setup.folder.join("bin/gitleaks"));
            (Some(setup), program)
        }
        (None, Some(own)) => (None, path_text(&own)),
        (None, None) => {
            let why = "gitleaks is not on PATH, and no Go to build it with: run actions/setup-go before this step";
            return Ok(Scans::Blocked("gitleaks", why.into()));
        }
    };
    let mut all = vec![scan(look, &setup, &program, Place::Tree(left_out))];
    if let Some(base) = base {
        all.push(scan(look, &setup, &program, Place::Commits(base)));
    }
    Ok(Scans::Tools(all))
}

fn setup(look: &Look, go: PathBuf) -> Setup {
    let version = look.pins.of("gitleaks");
    let folder = look.tool_folder(&format!("gitleaks-{version}"));
    let bin = path_text(&folder.join("bin"));
    let set = |name: &str, value: &str| (name.to_string(), Some(value.to_string()));
    let step = Command {
        argv: vec![path_text(&go), "install".into(), format!("github.com/zricethezav/gitleaks/v8@v{version}")],
        cwd: look.site.root(),
        env: vec![set("GOBIN", &bin), set("GOFLAGS", "-mod=mod"), set("CGO_ENABLED", "0"), set("GOWORK", "off")],
        what: format!("install gitleaks {version}"),
    };
    Setup { folder, steps: vec![step] }
}

enum Place<'a> {
    Tree(&'a [String]),
    Commits(&'a str),
}

/// gitleaks takes one folder and leaves out what its configuration names: the project's own, with what is not the
/// project's put beside it.
fn scan(look: &Look, setup: &Option<Setup>, program: &str, place: Place<'_>) -> Scan {
    let of_commits = matches!(place, Place::Commits(_));
    let (name, arguments, what, left_out) = match place {
        Place::Tree(left_out) => {
            ("gitleaks-tree.json", vec!["dir".to_string(), ".".to_string()], "gitleaks dir .", left_out)
        }
        Place::Commits(base) => (
            "gitleaks-commits.json",
            vec!["git".to_string(), format!("--log-opts=--no-ext-diff {base}..HEAD -- ."), ".".to_string()],
            "gitleaks git (the commits of the change)",
            &[][..],
        ),
    };
    let (path, report) = look.report(name);
    let (config, _) = look.report(&format!("{name}.toml"));
    let own = if look.site.has(CONFIGURATION) {
        format!("path = {}", quoted(&path_text(&look.site.root().join(CONFIGURATION))))
    } else {
        "useDefault = true".to_string()
    };
    let folders = left_out.iter().map(|folder| format!("^{}(/|$)", regex_escaped(folder)));
    let folders = folders.chain(["^qte-evidence(/|$)", "^qte-report"].map(String::from)).map(|text| quoted(&text));
    let text = format!(
        "[extend]\n{own}\n[[allowlists]]\ndescription = \"not the project's own\"\npaths = [{}]\n",
        folders.collect::<Vec<_>>().join(", ")
    );
    let script = r#"printf '%s' "$1" >"$2" && shift && config=$1 && shift && exec "$@" --config "$config""#;
    let mut argv = ["sh", "-c", script, "sh", &text, &config, program].map(String::from).to_vec();
    argv.extend(arguments);
    let more = ["--no-banner", "--no-color", "--redact", "--exit-code=3", "--report-format=json", "--report-path"];
    argv.extend(more.map(String::from));
    argv.push(path);
    let command = Command { argv, cwd: look.site.root(), env: Vec::new(), what: format!("`{what}`") };
    Scan { tool: "gitleaks", setup: setup.clone(), command, report, format: "gitleaks", found: &[3], of_commits }
}

fn regex_escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if !c.is_alphanumeric() && !matches!(c, '/' | '_' | '-') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

/// A basic string of TOML is written as JSON writes one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
