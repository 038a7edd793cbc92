//! What the CI's environment and event say of this run: which base, which subject.

use super::OrderError;
use crate::act::git::{BaseCommit, Repository};
use crate::cli::GateArgs;
use crate::facts::report::Subject;
use std::path::Path;

/// A variable of the environment that is not empty.
pub fn var(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Is this a step of GitHub Actions?
pub fn in_actions() -> bool {
    var("GITHUB_ACTIONS").as_deref() == Some("true")
}

/// What the CI says of this run.
#[derive(Debug, Default)]
pub struct Context {
    pub in_actions: bool,
    event: Option<String>,
    pub repository: Option<String>,
    reference: Option<String>,
    /// The commit that check runs belong to.
    pub head: Option<String>,
    /// A commit that only merges that one into its base, as `pull_request` checks it out.
    pub merge: Option<String>,
    /// From the event's own data.
    base: Option<(String, String)>,
    /// Why the event has none, where it says so.
    no_base: Option<String>,
    /// How the workflow run ended that this one follows.
    pub followed: Option<String>,
}

impl Context {
    pub fn of_environment() -> Result<Context, OrderError> {
        let mut context = Context {
            in_actions: in_actions(),
            event: var("GITHUB_EVENT_NAME"),
            repository: var("GITHUB_REPOSITORY"),
            reference: var("GITHUB_REF"),
            head: var("GITHUB_SHA"),
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
        let name = self.event.clone().unwrap_or_default();
        let head = match name.as_str() {
            "workflow_run" => text("/workflow_run/head_sha"),
            "merge_group" => text("/merge_group/head_sha"),
            "deployment" | "deployment_status" => text("/deployment/sha"),
            name if name.starts_with("pull_request") => text("/pull_request/head/sha"),
            _ => None,
        };
        if name == "pull_request" {
            self.merge.clone_from(&self.head);
        }
        self.followed = text("/workflow_run/conclusion");
        self.head = head.or(self.head.take());
        let (sha, why) = match name.as_str() {
            "pull_request" | "pull_request_target" => (text("/pull_request/base/sha"), "the pull request's base"),
            "merge_group" => (text("/merge_group/base_sha"), "the merge group's base"),
            "push" => (text("/before"), "the commit before this push"),
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

    pub fn is_workflow_run(&self) -> bool {
        self.event.as_deref() == Some("workflow_run")
    }

    pub fn is_pull_request(&self) -> bool {
        matches!(self.event.as_deref(), Some("pull_request" | "pull_request_target" | "merge_group"))
    }
}

pub fn find_base(args: &GateArgs, repository: Option<&Repository>, context: &Context) -> Result<BaseCommit, String> {
    let Some(repository) = repository else {
        return Err(format!("there is no base ({})", no_repository(&args.project)));
    };
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
        Some((sha, why)) => repository.base_of_event(sha, why),
        None => repository.base_of_branch(),
    }
}

/// Why git knows nothing here: there is no repository, or git itself cannot be run.
fn no_repository(project: &Path) -> &'static str {
    let inside = project.canonicalize().is_ok_and(|whole| whole.ancestors().any(|folder| folder.join(".git").exists()));
    if inside { "git cannot be run here; nor is it known which files it tracks" } else { "no git repository" }
}

pub fn subject(repository: Option<&Repository>, context: &Context) -> Subject {
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
