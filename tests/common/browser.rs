//! Headless Chromium, steered by the scripts of tests/browser with the packages that tests/tools.sh installs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CHROMIUM: &str = "/usr/bin/chromium";

/// Where the packages are.
fn node_folder() -> PathBuf {
    let var = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let tools = || var("QTE_TOOLS").or_else(|| Some(var("HOME")?.join(".cache/qte-ci-tools")));
    var("QTE_NODE").or_else(|| Some(tools()?.join("node"))).expect("HOME or QTE_TOOLS")
}

/// Runs a script of tests/browser.
pub fn script(name: &str, arguments: &[&OsStr]) -> Output {
    let node = node_folder();
    let packages = ["playwright-core", "axe-core", "github-markdown-css", "mermaid"];
    let packages = packages.map(|name| node.join("node_modules").join(name));
    for needed in packages.iter().map(PathBuf::as_path).chain([Path::new(CHROMIUM)]) {
        assert!(needed.exists(), "{} is missing: run `sh tests/tools.sh`", needed.display());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(name);
    let mut command = Command::new("node");
    command.arg(script).args(arguments).env("QTE_NODE", node).env("QTE_CHROMIUM", CHROMIUM);
    command.output().unwrap_or_else(|e| panic!("node: {e}: run `sh tests/tools.sh`"))
}
