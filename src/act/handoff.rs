//! The token and the files by which a step speaks to the runner, taken out of our environment before anything is run.
//!
//! A process shows the environment it was started with to every process of its user (`/proc/PID/environ`), whatever it
//! does later. So this program starts itself once more without those variables and takes them from a file without a name.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::process::{Command, Stdio};

/// Says to the second start that the variables stand on its standard input.
const MARK: &str = "QTE_HANDED_OVER";

/// Variables that nobody else may see, by name.
pub type Handed = BTreeMap<String, String>;

/// Is this variable kept from children, and from those who look at our environment?
pub fn is_withheld(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "GITHUB_OUTPUT",
        "GITHUB_ENV",
        "GITHUB_PATH",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
        "QTE_TOKEN",
        MARK,
    ];
    NAMES.contains(&name) || ["ACTIONS_", "INPUT_", "QTE_INPUT_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Takes the withheld variables. Where there are any, does not return the first time: the program starts anew.
pub fn take() -> io::Result<Handed> {
    if std::env::var_os(MARK).is_some() {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        guard_memory();
        // The open file stays as our standard input.
        nix::unistd::ftruncate(io::stdin(), 0)?;
        return Ok(serde_json::from_str(&text)?);
    }
    let vars = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let mut held = Handed::new();
    for (name, value) in vars.filter(|(name, _)| is_withheld(name)) {
        let value = value.into_string().map_err(|_| io::Error::other(format!("the variable {name} is not UTF-8")))?;
        held.insert(name, value);
    }
    if held.is_empty() {
        return Ok(held);
    }
    Err(start_anew(&held)?)
}

/// Replaces this process; gives an error where that cannot be done.
#[cfg(unix)]
fn start_anew(held: &Handed) -> io::Result<io::Error> {
    use std::os::unix::process::CommandExt;
    let text = serde_json::to_vec(held)?;
    // Not a pipe: nobody reads yet, and a pipe holds 64 KiB.
    let mut file = tempfile::tempfile()?;
    file.write_all(&text)?;
    io::Seek::rewind(&mut file)?;
    let mut again = Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).env(MARK, "1").stdin(Stdio::from(file));
    for name in held.keys() {
        again.env_remove(name);
    }
    Ok(again.exec())
}

/// Our memory holds the token: other processes of the same user may not read it, root apart.
fn guard_memory() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        eprintln!("note: our memory cannot be guarded against other processes of this user: {error}");
    }
}
