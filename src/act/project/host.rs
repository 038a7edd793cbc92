//! What the machine offers for making environments: its Python and the tools on its PATH.

use std::path::{Path, PathBuf};

use super::ProjectError;

const LOOK: &str = include_str!("assets/look_host.py");

/// Gathered once per run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The real interpreter, not a shim in front of it.
    pub python: PathBuf,
    /// Such as "3.11.7".
    pub version: String,
    /// Whether `python -m venv` can give its environment a pip.
    pub ensurepip: bool,
    pub virtualenv: bool,
    pub uv: Option<PathBuf>,
    pub poetry: Option<PathBuf>,
    pub pdm: Option<PathBuf>,
    /// The caller's PATH; environments are put in front of it.
    pub path: String,
}

#[derive(serde::Deserialize)]
struct Look {
    executable: String,
    version: String,
    ensurepip: bool,
    virtualenv: bool,
}

impl Host {
    /// `path` is the PATH variable. Starts one process.
    pub fn look(path: &str) -> Result<Host, ProjectError> {
        let python = ["python3", "python"].iter().find_map(|name| on_path(path, name, true));
        let Some(python) = python else {
            return Err(no_python("PATH", format!("neither on {path}")));
        };
        let shown = python.display().to_string();
        let output = std::process::Command::new(&python)
            .args(["-c", LOOK])
            .env("PATH", path)
            .env_remove("PYTHONHOME")
            .output()
            .map_err(|error| no_python(&shown, error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(no_python(&shown, format!("{}: {}", output.status, said.trim())));
        }
        let look: Look = serde_json::from_slice(&output.stdout)
            .map_err(|error| no_python(&shown, format!("an answer that is not ours: {error}")))?;
        let python = PathBuf::from(look.executable);
        // A shim (pyenv) may name a tool that the chosen Python does not have; what lies beside the real
        // interpreter is asked instead.
        let beside = python.parent().map(|bin| bin.display().to_string()).unwrap_or_default();
        let tool = |name| on_path(path, name, false).or_else(|| on_path(&beside, name, false));
        Ok(Host {
            version: look.version,
            ensurepip: look.ensurepip,
            virtualenv: look.virtualenv,
            uv: tool("uv"),
            poetry: tool("poetry"),
            pdm: tool("pdm"),
            path: path.to_string(),
            python,
        })
    }

    /// Major and minor, such as (3, 11).
    pub fn minor(&self) -> (u32, u32) {
        let mut parts = self.version.split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }
}

fn no_python(place: &str, found: String) -> ProjectError {
    ProjectError {
        file: place.to_string(),
        line: None,
        column: None,
        expected: "a Python 3 interpreter, `python3` or `python`".to_string(),
        found,
        help: "install Python 3, or run actions/setup-python before this step".to_string(),
    }
}

pub fn on_path(path: &str, name: &str, shims: bool) -> Option<PathBuf> {
    path.split(':')
        .filter(|folder| !folder.is_empty() && Path::new(folder).is_absolute())
        .filter(|folder| shims || !folder.trim_end_matches('/').ends_with("/shims"))
        .map(|folder| Path::new(folder).join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_interpreter_is_found_and_described() {
        let path = std::env::var("PATH").expect("tests run with a PATH");
        let host = Host::look(&path).expect("the machine has a Python");
        assert!(host.python.is_absolute());
        assert_eq!(host.minor().0, 3);
    }

    #[test]
    fn without_a_python_the_error_names_the_way_out() {
        let error = Host::look("/nowhere:relative").expect_err("there is none");
        assert!(error.to_string().contains("actions/setup-python"), "{error}");
    }

    #[test]
    fn a_shim_is_no_tool() {
        let folder = std::env::temp_dir().join(format!("qte-host-{}", std::process::id())).join("shims");
        std::fs::create_dir_all(&folder).expect("temp dir is writable");
        let tool = folder.join("uv");
        std::fs::write(&tool, "#!/bin/sh\n").expect("temp dir is writable");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("own file");
        let path = folder.display().to_string();
        assert_eq!(on_path(&path, "uv", false), None);
        assert_eq!(on_path(&path, "uv", true), Some(tool));
        std::fs::remove_dir_all(folder.parent().expect("has one")).expect("own folder");
    }
}
