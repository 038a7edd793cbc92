//! Node: the packages of a project, their package manager, and the runner that their `test` scripts call.

mod manager;
mod package;
mod runner;
mod scan;
mod script;
mod thresholds;
mod workspace;

use super::{Command, Ecosystem, InstallPlan, Project, ProjectError, Site, TestPlan, is_below};
use crate::facts::tree::Root;
use manager::{Installer, Manager};
use package::Package;
use runner::{Means, Runner};
use script::{Part, parts};
use std::collections::{BTreeMap, BTreeSet};

use workspace::Members;

pub const ECOSYSTEM: Ecosystem =
    Ecosystem { id: "node", looked_for: &["package.json"], components, plan, scans: scan::scans };

/// The way out where a project's tests cannot be measured by its script.
const OWN_COMMAND: &str = "give the command in `tests.run`, and in `tests.reports` the reports that it writes";

/// Node's own runner writes JUnit and LCOV from here on.
const WRITES_REPORTS: (u32, u32) = (20, 11);

/// What the machine offers.
struct Toolbox {
    /// Major and minor version of Node.
    node: (u32, u32),
    on_path: BTreeSet<&'static str>,
}

impl Toolbox {
    /// Starts one process.
    fn look(site: &Site) -> Result<Toolbox, ProjectError> {
        let refused = |found: String| ProjectError {
            file: site.shown("package.json"),
            line: None,
            column: None,
            expected: "`node` on the PATH".to_string(),
            found,
            help: "install Node, or run actions/setup-node before this step".to_string(),
        };
        let node = site.program("node").ok_or_else(|| refused("none".to_string()))?;
        let asked = std::process::Command::new(&node).arg("--version").env("PATH", site.path).output();
        let said = asked.map_err(|error| refused(format!("{}: {error}", node.display())))?.stdout;
        let said = String::from_utf8_lossy(&said).trim().to_string();
        let mut numbers = said.trim_start_matches('v').split('.').map(|part| part.parse::<u32>());
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            return Err(refused(format!("{} that calls its version `{said}`", node.display())));
        };
        let tools = ["npm", "npx", "pnpm", "yarn"];
        let on_path = tools.into_iter().filter(|name| site.program(name).is_some()).collect();
        Ok(Toolbox { node: (major, minor), on_path })
    }

    fn has(&self, name: &str) -> bool {
        self.on_path.contains(name)
    }
}

/// What a package is to the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It has a test script, or a runner that needs none.
    Tested,
    /// Its test script starts those of its workspaces.
    HandsOn,
    /// It has code of its own and no tests.
    Untested,
    /// It only sets up tools for files around it, or names its workspaces.
    Tools,
}

/// The folders with a package of their own. A root of workspaces that calls a runner speaks for all of them; another
/// one leaves them to speak for themselves. A package inside another one that is no workspace of it is a component
/// where it has tests, since nobody else installs it. What only sets up tools is none: it has no tests, and no code
/// that its package.json describes.
fn components(site: &Site) -> Result<Vec<String>, ProjectError> {
    let mut packages = BTreeMap::new();
    for file in site.files.iter().filter(|file| *file == "package.json" || file.ends_with("/package.json")) {
        let folder = file.strip_suffix("package.json").unwrap_or_default().trim_end_matches('/');
        // A broken one is planned for, where its place is told.
        packages.insert(folder.to_string(), Package::read(file, site.text(file)?.unwrap_or_default()).ok());
    }
    let mut out: Vec<String> = Vec::new();
    let (mut covered, mut waiting) = (Vec::<(String, Members)>::new(), Vec::<(String, Members)>::new());
    for (folder, package) in &packages {
        let named = |roots: &[(String, Members)]| {
            let inside = |root: &str| folder[root.len()..].trim_start_matches('/').to_string();
            roots.iter().any(|(root, members)| is_below(folder, root) && members.has(&inside(root)))
        };
        let Some(package) = package else {
            out.push(folder.clone());
            continue;
        };
        let role = role(site, folder, package, &packages)?;
        let members = members(site, folder, package)?;
        if named(&covered) {
            continue;
        }
        let is_outermost = !out.iter().any(|outer| is_below(folder, outer));
        let is_component = match role {
            Role::Tested => true,
            Role::Untested => (is_outermost || named(&waiting)) && members.is_none(),
            Role::HandsOn | Role::Tools => false,
        };
        match members {
            Some(members) if role == Role::Tested => covered.push((folder.clone(), members)),
            Some(members) => waiting.push((folder.clone(), members)),
            None => {}
        }
        out.extend(is_component.then(|| folder.clone()));
    }
    Ok(out)
}

fn members(site: &Site, folder: &str, package: &Package) -> Result<Option<Members>, ProjectError> {
    let file =
        if folder.is_empty() { "pnpm-workspace.yaml".to_string() } else { format!("{folder}/pnpm-workspace.yaml") };
    Members::read(package, site.text(&file)?.as_deref(), &site.shown(&file))
}

fn role(
    site: &Site,
    folder: &str,
    package: &Package,
    all: &BTreeMap<String, Option<Package>>,
) -> Result<Role, ProjectError> {
    let inner =
        |file: &str| all.keys().any(|other| is_below(other, folder) && is_below(file, other) && other != folder);
    let own = || site.files.iter().filter(|file| is_below(file, folder) && !inner(file));
    // A script that cannot be taken apart is a test script all the same.
    let script = package.test().map(|_| package.flat("test", true).unwrap_or_default());
    match script {
        Some(parts) if parts.iter().any(|part| runner::call(part).is_some()) => return Ok(Role::Tested),
        Some(parts) if parts.iter().any(runner::is_handed_on) => return Ok(Role::HandsOn),
        Some(_) => return Ok(Role::Tested),
        None if by_dependencies(&package.dependencies).is_some() && own().any(|file| is_test(file)) => {
            return Ok(Role::Tested);
        }
        None => {}
    }
    if tests_of_node(site, own())? {
        return Ok(Role::Tested);
    }
    let has_code = own().any(|file| is_code(file) && !is_test(file));
    Ok(if package.describes_code() && has_code { Role::Untested } else { Role::Tools })
}

/// A file of code that is no configuration of a tool.
fn is_code(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let is_source = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte"].contains(&ending);
    let configures = name.starts_with('.') || [".config", "rc", ".d"].iter().any(|end| stem.ends_with(end));
    is_source && !configures && !["gulpfile", "Gruntfile"].contains(&stem)
}

/// By the names that vitest, jest and node look for.
fn is_test(file: &str) -> bool {
    let stem = file.rsplit('/').next().unwrap_or(file);
    let folders = file.split('/').rev().skip(1);
    is_code(file)
        && (stem.contains(".test.")
            || stem.contains(".spec.")
            || folders.into_iter().any(|f| ["test", "tests", "__tests__"].contains(&f)))
}

/// Are there tests of Node's own runner?
fn tests_of_node<'a>(site: &Site, mut own: impl Iterator<Item = &'a String>) -> Result<bool, ProjectError> {
    own.try_fold(false, |found, file| {
        Ok(found || (is_test(file) && site.text(file)?.is_some_and(|text| text.contains("node:test"))))
    })
}

fn by_dependencies(dependencies: &BTreeSet<String>) -> Option<&'static str> {
    [("vitest", "vitest run"), ("jest", "jest"), ("mocha", "mocha")]
        .into_iter()
        .find_map(|(name, command)| dependencies.contains(name).then_some(command))
}

fn plan(site: &Site) -> Result<Option<Project>, ProjectError> {
    if !site.has("package.json") {
        return Ok(None);
    }
    detect(site, &Toolbox::look(site)?).map(Some)
}

fn detect(site: &Site, tools: &Toolbox) -> Result<Project, ProjectError> {
    let package = Package::read(&site.shown("package.json"), site.text("package.json")?.unwrap_or_default())?;
    let workspace = workspace::root_of(site.project, &site.folder)?;
    let (folder, root) = workspace.as_ref().map_or((site.folder.as_str(), &package), |(f, root)| (f.as_str(), root));
    let installed = site.project.join(folder);
    let installer = manager::choose(&installed, root, tools)?;
    let dependencies: BTreeSet<String> = package.dependencies.union(&root.dependencies).cloned().collect();
    let planned = script(site, &package, &dependencies, &installer)
        .and_then(|script| tests(site, tools, &package, &dependencies, &installer, script));
    let (tests, mut notes) = planned.unwrap_or_else(|error| (not_run(site, &error), Vec::new()));
    notes.splice(0..0, installer.notes.iter().cloned());
    let mut manifests = vec!["package.json".to_string()];
    match (&workspace, installer.lock) {
        (None, Some(lock)) => manifests.push(lock.to_string()),
        (Some((folder, _)), lock) => {
            let place = if folder.is_empty() { "the project's own folder" } else { folder };
            notes.push(format!("installed with its workspace in {place}, from {}", lock.unwrap_or("package.json")));
        }
        _ => {}
    }
    let locked = installer.lock.map(|lock| std::fs::read_to_string(installed.join(lock)).unwrap_or_default());
    let count = manager::packages(installer.lock, &locked.unwrap_or_default(), dependencies.len() as u64);
    let root = Root { prefix: String::new(), folder: site.folder.clone() };
    Ok(Project {
        ecosystem: "node",
        manifests,
        notes,
        thresholds: thresholds::find(site)?,
        omit: Vec::new(),
        roots: if site.folder.is_empty() { Vec::new() } else { vec![root] },
        install: InstallPlan::Fetch(installer.fetch(&installed, count)),
        tests,
    })
}

/// What is run of a package's test script, and what is not.
struct Script {
    /// Each with the call of a runner that it holds.
    run: Vec<(Part, Option<runner::Call>)>,
    left_out: Vec<String>,
}

/// The `test` script up to its last runner, with what the runners need and without what only looks at the code.
fn script(
    site: &Site,
    package: &Package,
    dependencies: &BTreeSet<String>,
    installer: &Installer,
) -> Result<Script, ProjectError> {
    let all = match (package.test(), by_dependencies(dependencies)) {
        // Yarn 2 and newer run no script that is not named.
        (Some(_), _) => package.flat("test", installer.manager != Manager::Berry)?,
        (None, Some(command)) => parts(command).unwrap_or_default(),
        (None, None) if tests_of_node(site, site.files.iter())? => parts("node --test").unwrap_or_default(),
        (None, None) => Vec::new(),
    };
    let last = all.iter().rposition(|part| runner::call(part).is_some());
    let last = last.ok_or_else(|| not_measured(package))?;
    let mut out = Script { run: Vec::new(), left_out: Vec::new() };
    let mut is_fed = false;
    for (at, part) in all.into_iter().enumerate() {
        let call = runner::call(&part);
        // What reads a runner's output, or hides its failure, is not run either.
        let hides = is_fed || (call.is_some() && ["|", "||"].contains(&part.operator.as_str()));
        if at > last || is_fed || (call.is_none() && runner::is_check(&part)) {
            out.left_out.push(part.text());
        } else {
            out.run.push((part.clone(), call));
        }
        is_fed = hides && ["|", "||"].contains(&part.operator.as_str());
    }
    Ok(out)
}

fn not_measured(package: &Package) -> ProjectError {
    let script = package.test();
    ProjectError {
        file: package.file.clone(),
        line: script.and_then(|_| package.line("test")),
        column: None,
        expected: "a `test` script that calls vitest, jest, mocha or `node --test`".to_string(),
        found: script.map_or("no test script, and no tests of any of them".to_string(), |script| format!("`{script}`")),
        help: match script {
            Some(_) => OWN_COMMAND.to_string(),
            None => "add tests, or leave the folder out with `components.exclude`".to_string(),
        },
    }
}

fn tests(
    site: &Site,
    tools: &Toolbox,
    package: &Package,
    dependencies: &BTreeSet<String>,
    installer: &Installer,
    script: Script,
) -> Result<(TestPlan, Vec<String>), ProjectError> {
    let evidence = site.evidence.display().to_string();
    let means = Means { dependencies, names_provider: names_provider(site)?, evidence: &evidence };
    let (mut text, mut runners, mut notes) = (String::new(), Vec::new(), Vec::new());
    let (mut reports, mut coverage, mut no_coverage) = (Vec::new(), Vec::new(), None);
    for (part, call) in &script.run {
        let Some(call) = call else {
            text += &format!("{} {} ", part.text(), part.operator);
            continue;
        };
        if call.runner == Runner::Node && tools.node < WRITES_REPORTS {
            return Err(old_node(package, tools));
        }
        runners.push(call.runner);
        let ours = runner::measured(part, *call, &means, runners.len());
        text += &format!("{} && ", ours.part.text());
        reports.push(site.report(&ours.report));
        match ours.coverage {
            Ok(name) => coverage.push(site.report(&name)),
            Err(why) => no_coverage = Some(why),
        }
    }
    let text = text.trim_end_matches(" && ").to_string();
    notes.extend(about(package, &script));
    runners.dedup();
    let inside = format!("{}/", site.root().display());
    let plan = TestPlan {
        runner: runners.iter().map(|runner| runner.name()).collect::<Vec<_>>().join(", "),
        shown: text.replace(&inside, ""),
        command: Command {
            argv: shell(installer, &text),
            cwd: site.root(),
            env: environment(site, package, installer),
            what: "run the tests".to_string(),
        },
        reports,
        coverage,
        no_coverage,
        reruns: None,
        config_sources: configuration(site, &runners),
    };
    Ok((plan, notes))
}

/// What can be installed is a component, also where nothing can be measured: another command may be configured for its
/// tests. Without one, this says why there are none.
fn not_run(site: &Site, error: &ProjectError) -> TestPlan {
    let place = error.line.map_or(error.file.clone(), |line| format!("{}:{line}", error.file));
    let said = format!(
        "{place}: no tests were run\n  looked for: {}\n  found:      {}\n  help: {}",
        error.expected, error.found, error.help
    );
    let say = r#"printf '%s\n' "$0" >&2; exit 1"#;
    TestPlan {
        runner: "none".to_string(),
        shown: "no test runner".to_string(),
        command: Command {
            argv: ["sh", "-c", say, &said].map(str::to_string).into(),
            cwd: site.root(),
            env: Vec::new(),
            what: "say why no tests are run".to_string(),
        },
        reports: vec![site.report("junit.xml")],
        coverage: vec![site.report("lcov.info")],
        no_coverage: None,
        reruns: None,
        config_sources: vec!["package.json".to_string()],
    }
}

fn old_node(package: &Package, tools: &Toolbox) -> ProjectError {
    ProjectError {
        file: package.file.clone(),
        line: package.line("test"),
        column: None,
        expected: format!("Node {}.{} or newer for `node --test`", WRITES_REPORTS.0, WRITES_REPORTS.1),
        found: format!("Node {}.{}, whose runner writes no reports", tools.node.0, tools.node.1),
        help: "set a newer `node-version` in actions/setup-node".to_string(),
    }
}

/// A script is run by a shell, as every package manager does.
fn shell(installer: &Installer, text: &str) -> Vec<String> {
    let shell = ["sh", "-c", text].map(str::to_string);
    match installer.is_plug_and_play {
        true => installer.argv.iter().cloned().chain(["exec".to_string()]).chain(shell).collect(),
        false => shell.into(),
    }
}

/// What a package manager sets for a script, as far as scripts rely on it.
fn environment(site: &Site, package: &Package, installer: &Installer) -> Vec<(String, Option<String>)> {
    let set = |name: &str, value: &str| (name.to_string(), Some(value.to_string()));
    let mut out = vec![
        set("npm_lifecycle_event", "test"),
        set("npm_package_name", &package.name),
        set("npm_package_version", &package.version),
        // A run of ours inside of a run of theirs is not its child.
        ("NODE_TEST_CONTEXT".to_string(), None),
        ("NODE_V8_COVERAGE".to_string(), None),
    ];
    if !installer.is_plug_and_play {
        let root = site.root();
        let folders = root.ancestors().take_while(|folder| folder.starts_with(site.project));
        let programs = folders.map(|folder| folder.join("node_modules/.bin").display().to_string());
        let path = programs.chain([site.path.to_string()]).collect::<Vec<_>>().join(":");
        out.push(("PATH".to_string(), Some(path)));
    }
    out
}

fn about(package: &Package, script: &Script) -> Option<String> {
    let list = |texts: Vec<String>| texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ");
    let runs = list(script.run.iter().map(|(part, _)| part.text()).collect());
    let whole = package.test().unwrap_or_default();
    let left = list(script.left_out.clone());
    (!left.is_empty()).then(|| format!("of the test script `{whole}` only {runs} is run; left out: {left}"))
}

const VITEST: [&str; 2] = ["vitest.config.", "vite.config."];

fn names_provider(site: &Site) -> Result<bool, ProjectError> {
    let configures = |file: &&String| VITEST.iter().any(|start| file.starts_with(start));
    site.files
        .iter()
        .filter(configures)
        .try_fold(false, |found, file| Ok(found || site.text(file)?.is_some_and(|text| text.contains("provider"))))
}

/// The files that configure these runners and their coverage.
fn configuration(site: &Site, runners: &[Runner]) -> Vec<String> {
    let starts = |runner: &Runner| match runner {
        Runner::Vitest => &VITEST[..],
        Runner::Jest => &["jest.config."],
        Runner::Mocha => &[".mocharc.", ".c8rc", ".nycrc"],
        Runner::Node => &[".c8rc", ".nycrc"],
    };
    let wanted: Vec<&str> = runners.iter().flat_map(starts).copied().collect();
    let own = site.files.iter().filter(|file| wanted.iter().any(|start| file.starts_with(start)));
    ["package.json".to_string()].into_iter().chain(own.cloned()).collect()
}

#[cfg(test)]
mod tests;
