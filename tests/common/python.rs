//! The one Python environment of the walls, made once and kept in the target folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What the tests of the fixtures run with. Another list makes the environment anew.
const PINNED: [&str; 3] = ["pytest==9.2.0", "coverage==7.17.3", "pytest-rerunfailures==16.7"];

/// PATH with the shared environment's programs in front.
pub fn path() -> String {
    format!("{}:{}", bin().display(), std::env::var("PATH").expect("PATH"))
}

fn bin() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(make)
}

/// Walls run side by side: the first makes the environment, under a lock that ends with its holder.
fn make() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("test-env");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let lock = fs::File::create(folder.join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let (env, complete) = (folder.join("python"), folder.join("complete"));
    let wanted = PINNED.join("\n");
    if fs::read_to_string(&complete).unwrap_or_default() != wanted {
        if env.exists() {
            fs::remove_dir_all(&env).expect("the old environment can be removed");
        }
        run("python3", &["-m", "venv", &env.display().to_string()]);
        let install = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
        run(env.join("bin/python3"), &[&install[..], &PINNED[..]].concat());
        fs::write(&complete, wanted).expect("a marker");
    }
    env.join("bin")
}

/// A missing part is a failure, never a skipped test.
fn run(program: impl AsRef<Path>, arguments: &[&str]) {
    let program = program.as_ref();
    let out = Command::new(program).args(arguments).env_remove("PYTHONHOME").output();
    let out = out.unwrap_or_else(|e| panic!("{} must be there: {e}", program.display()));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{} {arguments:?}: {}\n{said}", program.display(), out.status);
}
