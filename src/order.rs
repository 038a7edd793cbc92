//! Flags, configuration and the CI's context, resolved once to what shall be done. The last reader of the environment.

mod context;
mod hub;
mod inputs;
mod layers;
mod scans;

use crate::act::git::{self, BaseCommit, Repository};
use crate::act::github::Target;
use crate::act::handoff::Handed;
use crate::cli::{GateArgs, PublishArgs};
use crate::config::{self, ConfigError, Environment};
use crate::facts;
use crate::facts::percent::Percent;
use crate::facts::report::{Policy, PolicyValue, Subject};
use crate::facts::setting::{Checks, Setting, Source};
use crate::facts::stage::{Gate, Stage, UnknownName};
use crate::facts::waiver::Waiver;
use crate::judge;
pub use context::in_actions;
pub use hub::{Publishing, secrets};
pub use inputs::arguments;
pub use scans::ScanOrder;

use context::{Context, find_base, subject};
use layers::{Layer, Layers, excludes, paths};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the configuration is looked for.
pub const CONFIG_PATH: &str = ".github/qte-ci.yml";

/// Everything that is decided before anything is done.
#[derive(Debug)]
pub struct Order {
    pub project: PathBuf,
    pub stages: Setting<Vec<Stage>>,
    pub components: ComponentsOrder,
    pub matrix: MatrixOrder,
    pub install: InstallOrder,
    pub tests: TestsOrder,
    pub coverage: CoverageOrder,
    /// One for each gate that judges findings.
    pub scans: Vec<ScanOrder>,
    /// The versions of the tools that we install, by name.
    pub tools: Vec<(String, Setting<String>)>,
    pub waivers: Setting<Vec<Waiver>>,
    /// How many tools run at a time.
    pub jobs: usize,
    pub repository: Option<Repository>,
    /// What changes are compared with, or why there is nothing.
    pub base: Result<BaseCommit, String>,
    pub baseline: Option<PathBuf>,
    pub report: PathBuf,
    /// Where environments are kept.
    pub cache: PathBuf,
    pub path: String,
    pub subject: Subject,
    pub publishing: Publishing,
    /// Settings that are looser than on the base branch; on a pull request they have no effect.
    pub looser: Vec<String>,
    pub policy: Policy,
}

impl Order {
    /// How a gate that judges findings is run; `None` for the others.
    pub fn scan(&self, gate: Gate) -> Option<&ScanOrder> {
        self.scans.iter().find(|scan| scan.policy.gate == gate)
    }
}

#[derive(Debug)]
pub struct ComponentsOrder {
    pub exclude: Setting<Vec<String>>,
}

/// The jobs whose reports are put together; none where this run measures by itself.
#[derive(Debug)]
pub struct MatrixOrder {
    pub reports: Setting<Option<Vec<String>>>,
    pub legs: Setting<Option<Vec<String>>>,
}

#[derive(Debug)]
pub struct InstallOrder {
    pub policy: judge::install::Policy,
    pub run: Setting<Option<String>>,
    pub environment: Setting<Environment>,
    pub timeout_s: Setting<u64>,
}

#[derive(Debug)]
pub struct TestsOrder {
    pub policy: judge::tests::Policy,
    pub run: Setting<Option<String>>,
    pub reports: Setting<Option<Vec<String>>>,
    pub timeout_s: Setting<u64>,
}

#[derive(Debug)]
pub struct CoverageOrder {
    pub policy: judge::coverage::Policy,
    pub reports: Setting<Option<Vec<String>>>,
    pub timeout_s: Setting<u64>,
}

/// Wrong use or configuration: exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error(transparent)]
    Config(#[from] Box<ConfigError>),
    #[error("{0}")]
    Use(String),
}

/// Resolves an order; reads the configuration, the base branch's, and the environment.
pub fn resolve(args: &GateArgs, handed: &Handed) -> Result<Order, OrderError> {
    let project = std::path::absolute(&args.project)
        .and_then(|p| p.canonicalize())
        .map_err(|e| OrderError::Use(format!("--project {}: {e}", args.project.display())))?;
    if !project.is_dir() {
        return Err(OrderError::Use(format!("--project {}: not a folder", project.display())));
    }
    let (path, text) = config_file(args, &project)?;
    let head = config::parse(&path, &text).map_err(Box::new)?;
    let defaults = config::parse("default.yml", config::DEFAULT).map_err(Box::new)?;
    let context = Context::of_environment()?;
    let repository = git::open(&project);
    let base = find_base(args, repository.as_ref(), &context);
    let base_config = base_config(repository.as_ref(), &base, &path, &project);
    let (base_layer, unreadable) = match base_config.as_deref().map(|text| config::parse(&path, text)) {
        Some(Ok(config)) => (Some(config), None),
        // The very change that mends it must not be stopped by it; what it would have set is the default.
        Some(Err(error)) => (Some(config::Config::default()), Some(error.to_string())),
        None => (None, None),
    };
    let layers = Layers {
        head: Layer { config: &head, path: &path, base: false },
        base: base_layer.as_ref().map(|config| Layer { config, path: &path, base: true }),
        defaults: &defaults,
        binding: context.is_pull_request(),
    };
    let publishing = publishing(args, handed, &project, &context, repository.as_ref())?;
    let mut order = build(args, project, layers, repository, base, (context, publishing))?;
    if let Some(error) = unreadable {
        order.looser.insert(
            0,
            format!("not known: the base branch's configuration cannot be read, its defaults hold ({error})"),
        );
    }
    Ok(order)
}

fn build(
    args: &GateArgs,
    project: PathBuf,
    layers: Layers<'_>,
    repository: Option<Repository>,
    base: Result<BaseCommit, String>,
    (context, publishing): (Context, Publishing),
) -> Result<Order, OrderError> {
    let mut looser = Vec::new();
    if let (true, Err(why)) = (layers.binding, &base) {
        looser.push(format!("not known: the base branch's settings cannot be compared, {why}"));
    }
    let stages = stages(args, &layers, &mut looser)?;
    let install = InstallOrder {
        policy: judge::install::Policy {
            enforce: layers.enforce("install.enforce", &mut looser, |c| &c.install.enforce),
        },
        run: layers.optional(|c| &c.install.run),
        environment: layers.required(|c| &c.install.environment),
        timeout_s: layers.seconds(|c| &c.install.timeout),
    };
    let at_most = |now: &u64, was: &u64| now <= was;
    let tests = TestsOrder {
        policy: judge::tests::Policy {
            enforce: layers.enforce("tests.enforce", &mut looser, |c| &c.tests.enforce),
            flaky: layers.limit("tests.flaky", None, &mut looser, at_most, |c| &c.tests.flaky),
        },
        run: layers.optional(|c| &c.tests.run),
        reports: layers.optional(|c| &c.tests.reports),
        timeout_s: layers.seconds(|c| &c.tests.timeout),
    };
    let coverage = coverage(args, &layers, &mut looser)?;
    let scans = scans::resolve(args.fail_on.as_deref(), &layers, &mut looser)?;
    let tools = layers.tools().map_err(OrderError::Use)?;
    let waivers = layers.waivers(&mut looser).map_err(OrderError::Use)?;
    let mut order = Order {
        components: ComponentsOrder {
            exclude: excludes(&layers, "components.exclude", &mut looser, |c| &c.components.exclude),
        },
        matrix: MatrixOrder {
            reports: layers.optional(|c| &c.matrix.reports),
            legs: layers.optional(|c| &c.matrix.legs),
        },
        stages,
        install,
        tests,
        coverage,
        scans,
        tools,
        waivers,
        jobs: jobs(args),
        baseline: args.baseline.as_deref().map(absolute).transpose()?,
        report: match &args.report {
            Some(path) => absolute(path)?,
            None => project.join("qte-report.json"),
        },
        cache: cache_folder(&project)?,
        path: std::env::var("PATH").unwrap_or_default(),
        subject: subject(repository.as_ref(), &context),
        publishing,
        looser,
        policy: Policy::new(),
        repository,
        base,
        project,
    };
    check_patterns(&order)?;
    order.policy = policy(&order);
    Ok(order)
}

/// Where the run is published; what was checked out decides whether check runs may speak of it.
fn publishing(
    args: &GateArgs,
    handed: &Handed,
    project: &Path,
    context: &Context,
    repository: Option<&Repository>,
) -> Result<Publishing, OrderError> {
    let prefix = repository.map_or("", |repository| &repository.prefix);
    let target = hub::target(handed, context, prefix).map(|target| hub::is_measured(target, context, repository));
    Ok(Publishing {
        in_actions: context.in_actions,
        nothing: args.no_publish,
        checks: checks(args.checks),
        target,
        runner: hub::runner_files(handed)?,
        secrets: hub::secrets(handed),
        html: args.html.as_deref().map_or_else(|| Ok(project.join("qte-report.html")), absolute)?,
    })
}

/// Where somebody else's report is published: to the commit that the event names, whatever the report says of itself.
/// Also how the workflow run ended that the event is about.
pub fn resolve_publish(args: &PublishArgs, handed: &Handed) -> Result<(Publishing, Option<String>), OrderError> {
    let context = Context::of_environment()?;
    let publishing = Publishing {
        in_actions: context.in_actions,
        nothing: false,
        checks: checks(args.checks),
        target: hub::target(handed, &context, ""),
        runner: hub::runner_files(handed)?,
        secrets: hub::secrets(handed),
        html: args.html.as_deref().map_or_else(|| Ok(args.report.with_extension("html")), absolute)?,
    };
    if !context.is_workflow_run() {
        return Err(OrderError::Use("publish: the event must be workflow_run: the commit is taken from it".into()));
    }
    Ok((publishing, context.followed))
}

/// The repository to ask about check runs, for a question by hand or in a job.
pub fn resolve_requires(handed: &Handed) -> Result<(Target, Option<String>), OrderError> {
    let context = Context::of_environment()?;
    let target = hub::asking(handed, &context).map_err(OrderError::Use)?;
    Ok((target, context.head))
}

fn checks(flag: Option<crate::cli::Checks>) -> Checks {
    match flag {
        None | Some(crate::cli::Checks::Stage) => Checks::Stage,
        Some(crate::cli::Checks::Gate) => Checks::Gate,
        Some(crate::cli::Checks::Off) => Checks::Off,
    }
}

fn absolute(path: &Path) -> Result<PathBuf, OrderError> {
    std::path::absolute(path).map_err(|e| OrderError::Use(format!("{}: {e}", path.display())))
}

/// As many tools at a time as there are processors, unless told otherwise.
fn jobs(args: &GateArgs) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs.map_or_else(processors, usize::from)
}

/// The configuration's path for messages, and its text; empty where there is none and none was named.
fn config_file(args: &GateArgs, project: &Path) -> Result<(String, String), OrderError> {
    let (path, named) = match &args.config {
        Some(path) => (path.clone(), true),
        None => (project.join(CONFIG_PATH), false),
    };
    let shown = match path.strip_prefix(project) {
        Ok(inside) => crate::act::files::slashed(inside),
        Err(_) => path.display().to_string(),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((shown, text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !named => Ok((shown, String::new())),
        Err(e) => Err(OrderError::Use(format!("configuration {}: {e}", path.display()))),
    }
}

/// The base branch's configuration; only for a file of the project, and only where a base is known.
fn base_config(
    repository: Option<&Repository>,
    base: &Result<BaseCommit, String>,
    path: &str,
    project: &Path,
) -> Option<String> {
    let (repository, base) = (repository?, base.as_ref().ok()?);
    if Path::new(path).is_absolute() && !Path::new(path).starts_with(project) {
        return None;
    }
    // A base branch without the file has every default, and those can be loosened too.
    Some(repository.show(&base.sha, path).unwrap_or_default())
}

fn stages(args: &GateArgs, layers: &Layers<'_>, looser: &mut Vec<String>) -> Result<Setting<Vec<Stage>>, OrderError> {
    let mut stages = if args.stages.is_empty() {
        layers.stages(looser)
    } else {
        let parsed: Result<Vec<Stage>, UnknownName> = args.stages.iter().map(|s| s.parse()).collect();
        Setting::new(parsed.map_err(|e| OrderError::Use(format!("--stages: {e}")))?, flag("--stages"))
    };
    stages.value.sort();
    stages.value.dedup();
    if stages.value.is_empty() {
        return Err(OrderError::Use(format!("no stage to run ({})", stages.source)));
    }
    Ok(stages)
}

fn flag(name: &str) -> Source {
    Source::Flag(name.to_string())
}

fn coverage(args: &GateArgs, layers: &Layers<'_>, looser: &mut Vec<String>) -> Result<CoverageOrder, OrderError> {
    let given = match &args.coverage_threshold {
        Some(text) => Some(text.parse::<Percent>().map_err(|e| OrderError::Use(format!("--coverage-threshold: {e}")))?),
        None => None,
    };
    let given = given.map(|percent| Setting::new(Some(percent), flag("--coverage-threshold")));
    let at_least = |a: &Percent, b: &Percent| a >= b;
    let at_most = |a: &Percent, b: &Percent| a <= b;
    let policy = judge::coverage::Policy {
        enforce: layers.enforce("coverage.enforce", looser, |c| &c.coverage.enforce),
        lines: layers.limit("coverage.lines", given, looser, at_least, |c| &c.coverage.lines),
        branches: layers.limit("coverage.branches", None, looser, at_least, |c| &c.coverage.branches),
        changed: layers.limit("coverage.changed", None, looser, at_least, |c| &c.coverage.changed),
        drop: layers.limit("coverage.drop", None, looser, at_most, |c| &c.coverage.drop),
        paths: paths(layers, looser),
        exclude: excludes(layers, "coverage.exclude", looser, |c| &c.coverage.exclude),
    };
    Ok(CoverageOrder {
        policy,
        reports: layers.optional(|c| &c.coverage.reports),
        timeout_s: layers.seconds(|c| &c.coverage.timeout),
    })
}

/// Environments outlive a run: in the user's cache, else beside the project's evidence.
fn cache_folder(project: &Path) -> Result<PathBuf, OrderError> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = var("QTE_CACHE_DIR")
        .or_else(|| var("XDG_CACHE_HOME").map(|p| p.join("qte-ci")))
        .or_else(|| var("HOME").map(|p| p.join(".cache/qte-ci")))
        .unwrap_or_else(|| project.join("qte-evidence/cache"));
    absolute(&folder)
}

fn check_patterns(order: &Order) -> Result<(), OrderError> {
    let lists = [
        ("components.exclude", order.components.exclude.value.clone(), &order.components.exclude.source),
        ("matrix.reports", order.matrix.reports.value.clone().unwrap_or_default(), &order.matrix.reports.source),
        ("tests.reports", order.tests.reports.value.clone().unwrap_or_default(), &order.tests.reports.source),
        ("coverage.reports", order.coverage.reports.value.clone().unwrap_or_default(), &order.coverage.reports.source),
        ("coverage.exclude", order.coverage.policy.exclude.value.clone(), &order.coverage.policy.exclude.source),
    ];
    for (name, patterns, source) in lists {
        for pattern in patterns {
            check_pattern(name, &pattern, source)?;
        }
    }
    order.coverage.policy.paths.iter().try_for_each(|(pattern, s)| check_pattern("coverage.paths", pattern, &s.source))
}

fn check_pattern(name: &str, pattern: &str, source: &Source) -> Result<(), OrderError> {
    if let Err(e) = facts::pattern::pattern(pattern) {
        return Err(OrderError::Use(format!("{source}: {name}: `{pattern}` is no path pattern: {}", e.kind())));
    }
    let outside = Path::new(pattern).is_absolute() || pattern.split('/').any(|part| part == "..");
    if outside {
        return Err(OrderError::Use(format!("{source}: {name}: `{pattern}` leaves the project")));
    }
    Ok(())
}

/// The settings that decide, by name: what the report carries and `verify` judges by.
fn policy(order: &Order) -> Policy {
    let mut out = Policy::new();
    fn put<T: serde::Serialize>(out: &mut Policy, name: &str, setting: &Setting<T>) {
        let value = serde_json::to_value(&setting.value).expect("settings are plain data");
        out.insert(name.to_string(), PolicyValue { value, source: setting.source.clone() });
    }
    let coverage = &order.coverage.policy;
    put(&mut out, "stages", &order.stages);
    put(&mut out, "components.exclude", &order.components.exclude);
    put(&mut out, "matrix.reports", &order.matrix.reports);
    put(&mut out, "matrix.legs", &order.matrix.legs);
    put(&mut out, "install.enforce", &order.install.policy.enforce);
    put(&mut out, "install.run", &order.install.run);
    put(&mut out, "install.environment", &order.install.environment);
    put(&mut out, "install.timeout_s", &order.install.timeout_s);
    put(&mut out, "tests.enforce", &order.tests.policy.enforce);
    put(&mut out, "tests.flaky", &order.tests.policy.flaky);
    put(&mut out, "tests.run", &order.tests.run);
    put(&mut out, "tests.reports", &order.tests.reports);
    put(&mut out, "tests.timeout_s", &order.tests.timeout_s);
    put(&mut out, "coverage.enforce", &coverage.enforce);
    put(&mut out, "coverage.lines", &coverage.lines);
    put(&mut out, "coverage.branches", &coverage.branches);
    put(&mut out, "coverage.changed", &coverage.changed);
    put(&mut out, "coverage.drop", &coverage.drop);
    put(&mut out, "coverage.exclude", &coverage.exclude);
    put(&mut out, "coverage.reports", &order.coverage.reports);
    put(&mut out, "coverage.timeout_s", &order.coverage.timeout_s);
    let names: BTreeSet<&String> = coverage.paths.iter().map(|(pattern, _)| pattern).collect();
    for pattern in names {
        if let Some((_, setting)) = coverage.paths.iter().find(|(p, _)| p == pattern) {
            put(&mut out, &format!("coverage.paths {pattern}"), setting);
        }
    }
    order.scans.iter().for_each(|scan| scans::put(&mut out, scan));
    for (name, version) in &order.tools {
        put(&mut out, &format!("tools.{name}"), version);
    }
    put(&mut out, "waivers", &order.waivers);
    out
}
