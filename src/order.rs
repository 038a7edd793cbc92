//! Flags, configuration and the CI's context, resolved once to what shall be done. The last reader of the environment.

use crate::act::git::{self, BaseCommit, Repository};
use crate::cli::GateArgs;
use crate::config::{self, Config, ConfigError, Environment, Field, Seconds, Whose};
use crate::facts::percent::Percent;
use crate::facts::report::{Policy, PolicyValue, Subject};
use crate::facts::setting::{Enforce, Setting, Source};
use crate::facts::stage::Stage;
use crate::judge;
use globset::Glob;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the configuration is looked for.
pub const CONFIG_PATH: &str = ".github/qte-ci.yml";

/// Everything that is decided before anything is done.
#[derive(Debug)]
pub struct Order {
    pub project: PathBuf,
    pub stages: Setting<Vec<Stage>>,
    pub install: InstallOrder,
    pub tests: TestsOrder,
    pub coverage: CoverageOrder,
    pub repository: Option<Repository>,
    /// What changes are compared with, or why there is nothing.
    pub base: Result<BaseCommit, String>,
    pub baseline: Option<PathBuf>,
    pub report: PathBuf,
    /// Where environments are kept.
    pub cache: PathBuf,
    pub path: String,
    pub subject: Subject,
    pub in_actions: bool,
    /// Settings that are looser than on the base branch; on a pull request they have no effect.
    pub looser: Vec<String>,
    pub policy: Policy,
    /// What was asked for and has no effect in this version.
    pub notes: Vec<String>,
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

/// A configuration file with its path for sources.
struct Layer<'a> {
    config: &'a Config,
    path: &'a str,
    base: bool,
}

impl Layer<'_> {
    fn source(&self, line: u64) -> Source {
        let path = self.path.to_string();
        if self.base { Source::Base { path, line } } else { Source::File { path, line } }
    }
}

/// Resolves an order; reads the configuration, the base branch's, and the environment.
pub fn resolve(args: &GateArgs) -> Result<Order, OrderError> {
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
    let base_layer = match &base_config {
        Some(text) => Some(config::parse(&format!("{path} (base)"), text).map_err(Box::new)?),
        None => None,
    };
    let layers = Layers {
        head: Layer { config: &head, path: &path, base: false },
        base: base_layer.as_ref().map(|config| Layer { config, path: &path, base: true }),
        defaults: &defaults,
        binding: context.is_pull_request(),
    };
    build(args, project, layers, repository, base, context)
}

fn build(
    args: &GateArgs,
    project: PathBuf,
    layers: Layers<'_>,
    repository: Option<Repository>,
    base: Result<BaseCommit, String>,
    context: Context,
) -> Result<Order, OrderError> {
    let mut looser = Vec::new();
    if let (true, Err(why)) = (layers.binding, &base) {
        looser.push(format!("not known: the base branch's settings cannot be compared, {why}"));
    }
    let stages = stages(args, &layers)?;
    let install = InstallOrder {
        policy: judge::install::Policy {
            enforce: layers.enforce("install.enforce", &mut looser, |c| &c.install.enforce),
        },
        run: layers.optional(|c| &c.install.run),
        environment: layers.required(|c| &c.install.environment),
        timeout_s: layers.seconds(|c| &c.install.timeout),
    };
    let tests = TestsOrder {
        policy: judge::tests::Policy { enforce: layers.enforce("tests.enforce", &mut looser, |c| &c.tests.enforce) },
        run: layers.optional(|c| &c.tests.run),
        reports: layers.optional(|c| &c.tests.reports),
        timeout_s: layers.seconds(|c| &c.tests.timeout),
    };
    let coverage = coverage(args, &layers, &mut looser)?;
    let mut order = Order {
        stages,
        install,
        tests,
        coverage,
        baseline: args.baseline.as_deref().map(absolute).transpose()?,
        report: match &args.report {
            Some(path) => absolute(path)?,
            None => project.join("qte-report.json"),
        },
        cache: cache_folder(&project)?,
        path: std::env::var("PATH").unwrap_or_default(),
        subject: subject(repository.as_ref(), &context),
        in_actions: context.in_actions,
        looser,
        policy: Policy::new(),
        notes: notes(args),
        repository,
        base,
        project,
    };
    check_patterns(&order)?;
    order.policy = policy(&order);
    Ok(order)
}

fn absolute(path: &Path) -> Result<PathBuf, OrderError> {
    std::path::absolute(path).map_err(|e| OrderError::Use(format!("{}: {e}", path.display())))
}

fn notes(args: &GateArgs) -> Vec<String> {
    let mut notes = Vec::new();
    let mut unused = |flag: &str, why: &str| notes.push(format!("{flag} has no effect: {why}"));
    if args.fail_on.is_some() {
        unused("--fail-on", "this version has no security gate");
    }
    if args.checks.is_some_and(|c| c != crate::cli::Checks::Off) {
        unused("--checks", "this version publishes no check runs");
    }
    if args.jobs.is_some() {
        unused("--jobs", "the gates of stages 1A and 1B run one after the other");
    }
    if args.html.is_some() {
        unused("--html", "this version writes no report.html");
    }
    notes
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
    repository.show(&base.sha, path)
}

fn stages(args: &GateArgs, layers: &Layers<'_>) -> Result<Setting<Vec<Stage>>, OrderError> {
    let mut stages = if args.stages.is_empty() {
        layers.map_required(|c| &c.stages, |names| names.iter().map(|n| n.0).collect::<Vec<_>>())
    } else {
        let parsed: Result<Vec<Stage>, _> = args.stages.iter().map(|s| s.parse()).collect();
        Setting::new(
            parsed.map_err(|e: crate::facts::stage::UnknownName| OrderError::Use(format!("--stages: {e}")))?,
            flag("--stages"),
        )
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
        exclude: excludes(layers, looser),
    };
    Ok(CoverageOrder {
        policy,
        reports: layers.optional(|c| &c.coverage.reports),
        timeout_s: layers.seconds(|c| &c.coverage.timeout),
    })
}

/// Path thresholds of the head; on a pull request those of the base that the head lowers or drops stay.
fn paths(layers: &Layers<'_>, looser: &mut Vec<String>) -> Vec<(String, Setting<Percent>)> {
    let of = |layer: &Layer<'_>| -> Vec<(String, Setting<Percent>)> {
        let set = layer.config.coverage.paths.iter();
        set.filter_map(|(pattern, field)| {
            let (value, line) = field.get()?;
            Some((pattern.clone(), Setting::new(*value?, layer.source(line))))
        })
        .collect()
    };
    let mut out = of(&layers.head);
    let Some(base) = &layers.base else { return out };
    for (pattern, was) in of(base) {
        let now = out.iter_mut().find(|(p, _)| *p == pattern);
        if now.as_ref().is_some_and(|(_, s)| s.value >= was.value) {
            continue;
        }
        let is = now.as_ref().map_or("gone".to_string(), |(_, s)| s.value.to_string());
        looser.push(format!(
            "coverage.paths `{pattern}`: {} on the base branch, {is} here{}",
            was.value,
            layers.effect()
        ));
        if layers.base_binds() {
            match now {
                Some((_, setting)) => *setting = was,
                None => out.push((pattern, was)),
            }
        }
    }
    out
}

/// Exclusions of the head; on a pull request only those that the base has too.
fn excludes(layers: &Layers<'_>, looser: &mut Vec<String>) -> Setting<Vec<String>> {
    let mut own: Setting<Vec<String>> = layers.required(|c| &c.coverage.exclude);
    let Some(base) = &layers.base else { return own };
    let was = Layers {
        head: Layer { config: base.config, path: base.path, base: true },
        base: None,
        defaults: layers.defaults,
        binding: false,
    }
    .required(|c| &c.coverage.exclude);
    let added: Vec<String> = own.value.iter().filter(|p| !was.value.contains(p)).cloned().collect();
    if !added.is_empty() {
        looser.push(format!("coverage.exclude: {} added{}", added.join(", "), layers.effect()));
        if layers.base_binds() {
            own.value.retain(|p| was.value.contains(p));
        }
    }
    own
}

/// The configurations that a setting is looked up in.
struct Layers<'a> {
    head: Layer<'a>,
    base: Option<Layer<'a>>,
    defaults: &'a Config,
    /// On a pull request the base branch's policy judges.
    binding: bool,
}

impl Layers<'_> {
    /// Does the base branch judge what the head loosens? Its own `policy: head` lifts it; the head's word does not.
    fn base_binds(&self) -> bool {
        let lifted = |layer: &Layer<'_>| layer.config.policy.get().and_then(|(v, _)| v.copied()) == Some(Whose::Head);
        self.binding && !self.base.as_ref().is_some_and(lifted)
    }

    fn effect(&self) -> &'static str {
        if self.base_binds() { " (without effect until merged)" } else { "" }
    }

    /// A setting that always has a value; switching it off falls back to the default.
    fn required<T: Clone>(&self, field: impl Fn(&Config) -> &Field<T>) -> Setting<T> {
        self.map_required(field, T::clone)
    }

    fn map_required<T, U>(&self, field: impl Fn(&Config) -> &Field<T>, map: impl Fn(&T) -> U) -> Setting<U> {
        if let Some((Some(value), line)) = field(self.head.config).get() {
            return Setting::new(map(value), self.head.source(line));
        }
        let default = field(self.defaults).get().and_then(|(value, _)| value);
        Setting::default(map(default.expect("default.yml sets every required key; its test holds that")))
    }

    fn optional<T: Clone>(&self, field: impl Fn(&Config) -> &Field<T>) -> Setting<Option<T>> {
        match field(self.head.config).get() {
            Some((value, line)) => Setting::new(value.cloned(), self.head.source(line)),
            None => Setting::default(field(self.defaults).get().and_then(|(value, _)| value.cloned())),
        }
    }

    fn seconds(&self, field: impl Fn(&Config) -> &Field<Seconds>) -> Setting<u64> {
        self.map_required(field, |s| s.0)
    }

    fn enforce(
        &self,
        name: &str,
        looser: &mut Vec<String>,
        field: impl Fn(&Config) -> &Field<Enforce>,
    ) -> Setting<Enforce> {
        let own = self.required(&field);
        let was = self.base.as_ref().map(|layer| match field(layer.config).get() {
            Some((Some(value), line)) => Setting::new(*value, layer.source(line)),
            _ => Setting::default(Enforce::Block),
        });
        match was {
            Some(was) if was.value == Enforce::Block && own.value == Enforce::Advise => {
                looser.push(format!("{name}: block on the base branch, advise here{}", self.effect()));
                if self.base_binds() { was } else { own }
            }
            _ => own,
        }
    }

    /// A threshold. `strict(a, b)`: is `a` at least as strict as `b`? Off is looser than any value.
    fn limit(
        &self,
        name: &str,
        given: Option<Setting<Option<Percent>>>,
        looser: &mut Vec<String>,
        strict: impl Fn(&Percent, &Percent) -> bool,
        field: impl Fn(&Config) -> &Field<Percent>,
    ) -> Setting<Option<Percent>> {
        // A flag stands in the workflow, of which the base branch's file knows nothing: it is held only
        // against what that file sets by its own word.
        let is_flag = given.is_some();
        let own = given.unwrap_or_else(|| self.optional(&field));
        let Some(base) = &self.base else { return own };
        let was = match field(base.config).get() {
            Some((value, line)) => Setting::new(value.copied(), base.source(line)),
            None if is_flag => return own,
            None => Setting::default(field(self.defaults).get().and_then(|(value, _)| value.copied())),
        };
        let is_looser = match (&own.value, &was.value) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(now), Some(was)) => !strict(now, was),
        };
        if !is_looser {
            return own;
        }
        let show = |v: &Option<Percent>| v.map_or("off".to_string(), |p| p.to_string());
        looser.push(format!(
            "{name}: {} on the base branch, {} here{}",
            show(&was.value),
            show(&own.value),
            self.effect()
        ));
        if self.base_binds() { was } else { own }
    }
}

/// What the CI says of this run.
#[derive(Debug, Default)]
struct Context {
    in_actions: bool,
    event: Option<String>,
    repository: Option<String>,
    reference: Option<String>,
    /// From the event's own data.
    base: Option<(String, String)>,
    /// Why the event has none, where it says so.
    no_base: Option<String>,
}

impl Context {
    fn of_environment() -> Result<Context, OrderError> {
        let var = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let mut context = Context {
            in_actions: var("GITHUB_ACTIONS").as_deref() == Some("true"),
            event: var("GITHUB_EVENT_NAME"),
            repository: var("GITHUB_REPOSITORY"),
            reference: var("GITHUB_REF"),
            ..Context::default()
        };
        let Some(path) = var("GITHUB_EVENT_PATH").filter(|_| context.event.is_some()) else { return Ok(context) };
        let text = std::fs::read(&path).map_err(|e| OrderError::Use(format!("GITHUB_EVENT_PATH {path}: {e}")))?;
        let event: serde_json::Value =
            serde_json::from_slice(&text).map_err(|e| OrderError::Use(format!("GITHUB_EVENT_PATH {path}: {e}")))?;
        context.read_event(&event);
        Ok(context)
    }

    fn read_event(&mut self, event: &serde_json::Value) {
        let text = |pointer: &str| event.pointer(pointer).and_then(|v| v.as_str()).map(str::to_string);
        let (sha, why) = match self.event.as_deref() {
            Some("pull_request" | "pull_request_target") => (text("/pull_request/base/sha"), "the pull request's base"),
            Some("merge_group") => (text("/merge_group/base_sha"), "the merge group's base"),
            Some("push") => (text("/before"), "the commit before this push"),
            _ => return,
        };
        match sha {
            Some(sha) if sha.bytes().all(|b| b == b'0') => {
                self.no_base = Some("there is no base: the branch is new".into())
            }
            Some(sha) => self.base = Some((sha, why.to_string())),
            None => {}
        }
    }

    fn is_pull_request(&self) -> bool {
        matches!(self.event.as_deref(), Some("pull_request" | "pull_request_target" | "merge_group"))
    }
}

fn find_base(args: &GateArgs, repository: Option<&Repository>, context: &Context) -> Result<BaseCommit, String> {
    let Some(repository) = repository else { return Err("there is no base (no git repository)".into()) };
    if repository.head.is_none() {
        return Err("there is no base (no commit yet)".into());
    }
    if let Some(revision) = &args.base {
        return repository.base_of(revision, &format!("merge base with {revision} (--base)"));
    }
    if let Some(why) = &context.no_base {
        return Err(why.clone());
    }
    match &context.base {
        Some((sha, why)) => repository.base_of(sha, why),
        None => repository.base_of_branch(),
    }
}

fn subject(repository: Option<&Repository>, context: &Context) -> Subject {
    let dirty = repository.is_some_and(|r| r.head.is_some() && r.is_dirty());
    Subject {
        repository: context
            .repository
            .clone()
            .or_else(|| repository.and_then(Repository::origin).map(|url| without_secret(&url))),
        sha: repository.and_then(|r| r.head.clone()),
        tree: repository.and_then(|r| r.tree.clone()).filter(|_| !dirty),
        dirty,
        reference: context.reference.clone().or_else(|| repository.and_then(Repository::branch)),
        event: context.event.clone(),
        base: None,
    }
}

/// A remote's address without what stands before the `@`: it may be a token.
fn without_secret(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_string(),
    }
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
    if let Err(e) = Glob::new(pattern) {
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
    put(&mut out, "install.enforce", &order.install.policy.enforce);
    put(&mut out, "install.run", &order.install.run);
    put(&mut out, "install.environment", &order.install.environment);
    put(&mut out, "install.timeout_s", &order.install.timeout_s);
    put(&mut out, "tests.enforce", &order.tests.policy.enforce);
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
    out
}
