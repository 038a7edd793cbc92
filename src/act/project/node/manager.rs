//! The package manager of a project: which one, in which version, and how it installs what is locked or declared
//! without writing a lock.

use super::Toolbox;
use super::package::Package;
use crate::act::project::{Command, Fetch, ProjectError};
use std::path::Path;

const PRESENT: &str = include_str!("../assets/node_present.cjs");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    Npm,
    Pnpm,
    /// Yarn 1.
    Yarn,
    /// Yarn 2 and newer.
    Berry,
}

/// How a project is installed.
#[derive(Debug)]
pub struct Installer {
    pub manager: Manager,
    /// What starts it.
    pub argv: Vec<String>,
    /// The lock's name, where there is one.
    pub lock: Option<&'static str>,
    /// Does it make no node_modules, and hand packages to programs that it starts itself?
    pub is_plug_and_play: bool,
    pub notes: Vec<String>,
}

/// Locks by their names, in the order in which they decide.
const LOCKS: [(&str, &str); 6] = [
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
    ("bun.lock", "bun"),
    ("bun.lockb", "bun"),
];

/// Chooses for the folder that is installed: by `packageManager`, else by the lock, else npm.
pub fn choose(folder: &Path, root: &Package, tools: &Toolbox) -> Result<Installer, ProjectError> {
    let found: Vec<_> = LOCKS.iter().filter(|(lock, _)| folder.join(lock).is_file()).collect();
    let named = root.manager.as_ref().map(|(name, _)| name.as_str());
    let name = named.or(found.first().map(|(_, name)| *name)).unwrap_or("npm");
    let lock = found.iter().find(|(_, manager)| *manager == name).map(|(lock, _)| *lock);
    let mut notes: Vec<String> = Vec::new();
    for (hidden, _) in found.iter().filter(|(file, _)| Some(*file) != lock) {
        notes.push(format!("{hidden} is not used: {} decides", lock.unwrap_or("packageManager")));
    }
    if lock.is_none() {
        notes.push(format!(
            "no lock of {name}: the newest versions that package.json allows are installed, and no lock is written"
        ));
    }
    let text = lock.map(|lock| std::fs::read_to_string(folder.join(lock)).unwrap_or_default()).unwrap_or_default();
    let version = root.manager.as_ref().map(|(_, version)| version.as_str());
    let (manager, argv) = match name {
        "npm" => (Manager::Npm, vec![needed(tools, "npm", root)?]),
        "pnpm" => (Manager::Pnpm, pnpm(version, &text, tools, root, &mut notes)?),
        "yarn" => yarn(folder, version, &text, tools, root, &mut notes)?,
        other => return Err(unknown(other, lock, root)),
    };
    let settings = std::fs::read_to_string(folder.join(".yarnrc.yml")).unwrap_or_default();
    let is_plug_and_play = manager == Manager::Berry
        && !["node-modules", "pnpm"].iter().any(|linker| settings.contains(&format!("nodeLinker: {linker}")));
    if manager == Manager::Berry && lock.is_none() {
        return Err(without_lock(root));
    }
    Ok(Installer { manager, argv, lock, is_plug_and_play, notes })
}

fn pnpm(
    version: Option<&str>,
    lock: &str,
    tools: &Toolbox,
    root: &Package,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, ProjectError> {
    if tools.has("pnpm") {
        return Ok(vec!["pnpm".to_string()]);
    }
    let written = lock.lines().find_map(|line| line.strip_prefix("lockfileVersion:")).unwrap_or("9").trim();
    let old_node = tools.node < (18, 12);
    let version = version.unwrap_or(match written.trim_matches(['\'', '"']).split('.').next() {
        Some("5") => "7",
        Some("6") => "8",
        _ if old_node => "8",
        _ => "10",
    });
    by_npx(&format!("pnpm@{version}"), tools, root, notes)
}

fn yarn(
    folder: &Path,
    version: Option<&str>,
    lock: &str,
    tools: &Toolbox,
    root: &Package,
    notes: &mut Vec<String>,
) -> Result<(Manager, Vec<String>), ProjectError> {
    let settings = std::fs::read_to_string(folder.join(".yarnrc.yml")).unwrap_or_default();
    let own =
        settings.lines().find_map(|line| line.strip_prefix("yarnPath:")).map(|path| path.trim().trim_matches('"'));
    if let Some(own) = own.filter(|own| folder.join(own).is_file()) {
        let program = folder.join(own).display().to_string();
        return Ok((Manager::Berry, vec!["node".to_string(), program]));
    }
    let is_old = match version {
        Some(version) => version.starts_with("1."),
        None => !lock.contains("__metadata:") && !folder.join(".yarnrc.yml").is_file(),
    };
    if is_old {
        let argv = match tools.has("yarn") {
            true => vec!["yarn".to_string()],
            false => by_npx(&format!("yarn@{}", version.unwrap_or("1")), tools, root, notes)?,
        };
        return Ok((Manager::Yarn, argv));
    }
    // A `yarn` on the PATH may be of the other kind, or a shim that asks before it downloads.
    by_npx(&format!("@yarnpkg/cli-dist@{}", version.unwrap_or("4")), tools, root, notes)
        .map(|argv| (Manager::Berry, argv))
}

fn by_npx(
    package: &str,
    tools: &Toolbox,
    root: &Package,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, ProjectError> {
    let npx = needed(tools, "npx", root)?;
    notes.push(format!("{package} is started with npx"));
    Ok(vec![npx, "--yes".to_string(), package.to_string()])
}

fn needed(tools: &Toolbox, name: &'static str, root: &Package) -> Result<String, ProjectError> {
    if tools.has(name) {
        return Ok(name.to_string());
    }
    Err(ProjectError {
        file: root.file.clone(),
        line: None,
        column: None,
        expected: format!("`{name}` on the PATH, for what the file declares"),
        found: "none".to_string(),
        help: "install npm beside Node, or run actions/setup-node before this step".to_string(),
    })
}

fn unknown(name: &str, lock: Option<&str>, root: &Package) -> ProjectError {
    ProjectError {
        file: root.file.clone(),
        line: None,
        column: None,
        expected: "npm, pnpm or yarn by `packageManager`, or a lock of one of them".to_string(),
        found: lock.map_or(name.to_string(), |lock| format!("{lock}, of {name}")),
        help: format!(
            "install with {name} in a step before, set `install: {{environment: active}}`, and {}",
            super::OWN_COMMAND
        ),
    }
}

fn without_lock(root: &Package) -> ProjectError {
    ProjectError {
        file: root.file.clone(),
        line: None,
        column: None,
        expected: "a yarn.lock: Yarn 2 and newer install nothing without writing one".to_string(),
        found: "none".to_string(),
        help: "run `yarn install` and commit yarn.lock".to_string(),
    }
}

impl Installer {
    /// What is to be run in the folder that is installed.
    pub fn fetch(&self, folder: &Path, packages: u64) -> Fetch {
        let lock = self.lock.is_some();
        let words = |words: &[&str]| self.argv.iter().cloned().chain(words.iter().map(|w| w.to_string())).collect();
        let (install, present): (Vec<String>, Option<Vec<String>>) = match (self.manager, self.lock) {
            (Manager::Npm, Some(lock)) => {
                let ask = ["node", "-e", PRESENT, lock].map(str::to_string).to_vec();
                (words(&["ci", "--no-audit", "--no-fund"]), Some(ask))
            }
            (Manager::Npm, None) => {
                let ask = words(&["ls", "--all"]);
                (words(&["install", "--no-package-lock", "--no-audit", "--no-fund"]), Some(ask))
            }
            // An installation that may fetch nothing is a question, and quick where all is there.
            (Manager::Pnpm, _) => {
                let kind = if lock { "--frozen-lockfile" } else { "--no-lockfile" };
                let purge = "--config.confirmModulesPurge=false";
                (words(&["install", kind, purge]), Some(words(&["install", kind, "--offline"])))
            }
            (Manager::Yarn, _) => {
                let kind = if lock { "--frozen-lockfile" } else { "--no-lockfile" };
                let ask = lock.then(|| words(&["check", "--integrity"]));
                (words(&["install", kind, "--non-interactive"]), ask)
            }
            (Manager::Berry, _) => (words(&["install", "--immutable"]), Some(words(&["install", "--immutable"]))),
        };
        let command = |argv: Vec<String>, what: &str, offline: bool| {
            let mut env = environment();
            if offline {
                env.push(("YARN_ENABLE_NETWORK".to_string(), Some("0".to_string())));
                env.push(("npm_config_offline".to_string(), Some("true".to_string())));
            }
            Command { argv, cwd: folder.to_path_buf(), env, what: what.to_string() }
        };
        let declared = if lock { "locked" } else { "declared" };
        Fetch {
            present: present.map(|argv| command(argv, &format!("ask whether all that is {declared} is there"), true)),
            steps: vec![command(install, &format!("install what is {declared}"), false)],
            packages,
        }
    }
}

/// Nobody is asked, nothing is told to anybody, and no hook is put into the repository.
fn environment() -> Vec<(String, Option<String>)> {
    let set = [
        ("npm_config_yes", "true"),
        ("npm_config_update_notifier", "false"),
        ("YARN_ENABLE_TELEMETRY", "0"),
        ("COREPACK_ENABLE_DOWNLOAD_PROMPT", "0"),
        ("HUSKY", "0"),
    ];
    set.iter().map(|(name, value)| (name.to_string(), Some(value.to_string()))).collect()
}

/// How many packages a lock names; of another kind of lock, or without one, how many are declared.
pub fn packages(lock: Option<&str>, text: &str, declared: u64) -> u64 {
    let count = |lines: &mut dyn Iterator<Item = &str>| lines.count() as u64;
    match lock {
        Some("package-lock.json" | "npm-shrinkwrap.json") => {
            let lock: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            let entries = lock["packages"].as_object().into_iter().flatten();
            let packages = entries.filter(|(place, entry)| place.contains("node_modules/") && entry["link"] != true);
            packages.count() as u64
        }
        Some("pnpm-lock.yaml") => {
            let section = text.lines().skip_while(|line| *line != "packages:").skip(1);
            let section = section.take_while(|line| line.is_empty() || line.starts_with(' '));
            count(&mut section.filter(|line| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':')))
        }
        Some("yarn.lock") => {
            let entry = |line: &&str| {
                let is_head = line.ends_with(':') && !line.starts_with([' ', '#']) && *line != "__metadata:";
                is_head && !line.contains("@workspace:")
            };
            count(&mut text.lines().filter(entry))
        }
        _ => declared,
    }
}
