//! Where a run is published: the commit that check runs belong to, the job that this is, the token and the files of the
//! runner. What cannot be known is a reason, not a guess.

use super::OrderError;
use super::context::{Context, var};
use crate::act::files;
use crate::act::git::Repository;
use crate::act::github::Target;
use crate::act::handoff::Handed;
use crate::act::runner::{RunnerFile, RunnerFiles};
use crate::facts::external_id::JobKey;
use crate::facts::setting::Checks;
use std::path::PathBuf;

/// What the outlets need to know.
#[derive(Debug, Default)]
pub struct Publishing {
    pub in_actions: bool,
    /// `--no-publish`.
    pub nothing: bool,
    pub checks: Checks,
    /// Where check runs go, or why nowhere.
    pub target: Option<Result<Target, String>>,
    pub runner: RunnerFiles,
    /// Values that nobody may read anywhere.
    pub secrets: Vec<String>,
    /// Where report.html goes.
    pub html: PathBuf,
}

impl Publishing {
    /// The target, where there is one to publish to.
    pub fn target(&self) -> Result<&Target, &str> {
        match &self.target {
            _ if self.nothing => Err("--no-publish was given"),
            None => Err("this is no run of GitHub Actions"),
            Some(Ok(target)) => Ok(target),
            Some(Err(why)) => Err(why),
        }
    }
}

/// The token: the action's input, else the variables that GitHub's own tools read.
fn token(handed: &Handed) -> Option<&String> {
    let names = ["QTE_INPUT_TOKEN", "QTE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"];
    names.into_iter().find_map(|name| handed.get(name).filter(|value| !value.is_empty()))
}

/// Every value of a token that was given to us, whatever its name; the longest first, as one may be part of another.
pub fn secrets(handed: &Handed) -> Vec<String> {
    let is_secret = |name: &str| name.ends_with("TOKEN");
    let mut out: Vec<String> =
        handed.iter().filter(|(name, value)| is_secret(name) && value.len() >= 8).map(|(_, v)| v.clone()).collect();
    out.sort_by_key(|value| std::cmp::Reverse(value.len()));
    out.dedup();
    out
}

/// With what earlier commands of this step wrote into them.
pub fn runner_files(handed: &Handed) -> Result<RunnerFiles, OrderError> {
    let file = |name: &str| {
        let path = handed.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let file = path.map(RunnerFile::remember).transpose();
        file.map_err(|error| OrderError::Use(format!("the runner's file {name}: {error}")))
    };
    let others = ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"].into_iter().map(file);
    Ok(RunnerFiles {
        output: file("GITHUB_OUTPUT")?,
        summary: file("GITHUB_STEP_SUMMARY")?,
        others: others.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(),
    })
}

/// The target of this run, without a look at what is checked out; `None` outside GitHub Actions.
pub fn target(handed: &Handed, context: &Context, project: &str) -> Option<Result<Target, String>> {
    if !context.in_actions {
        return None;
    }
    let Some(token) = token(handed) else { return Some(Err("no token was given (input `token`)".into())) };
    Some(make_target(token, context, project))
}

/// Tells apart the jobs of one run, the steps of one job and the projects of one repository.
fn part(project: &str) -> String {
    let named = ["GITHUB_JOB", "GITHUB_ACTION"].map(|name| var(name).unwrap_or_default());
    files::sha256(format!("{}\n{}\n{project}", named[0], named[1]).as_bytes())[..8].to_string()
}

fn make_target(token: &str, context: &Context, project: &str) -> Result<Target, String> {
    let needed = |name: &str| var(name).ok_or_else(|| format!("the variable {name} is not set"));
    let number = |name: &str, default: u64| match var(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("{name} is `{text}`, a number is expected")),
    };
    let check_run = match number("QTE_CHECK_RUN_ID", 0)? {
        0 => None,
        id => Some(id),
    };
    let run = needed("GITHUB_RUN_ID")?;
    Ok(Target {
        api: needed("GITHUB_API_URL")?.trim_end_matches('/').to_string(),
        server: needed("GITHUB_SERVER_URL")?.trim_end_matches('/').to_string(),
        repository: context.repository.clone().ok_or("the variable GITHUB_REPOSITORY is not set")?,
        token: token.to_string(),
        head: context.head.clone().ok_or("the event names no commit")?,
        project: project.trim_end_matches('/').to_string(),
        job: JobKey {
            run: run.parse().map_err(|_| format!("GITHUB_RUN_ID is `{run}`, a number is expected"))?,
            attempt: number("GITHUB_RUN_ATTEMPT", 1)?,
            index: number("QTE_JOB_INDEX", 0)?,
            part: part(project),
            check_run,
        },
        authorities: var("NODE_EXTRA_CA_CERTS").map(PathBuf::from),
    })
}

/// The target of a question about check runs; outside Actions from GITHUB_REPOSITORY, with GitHub's own address where
/// no other is named.
pub fn asking(handed: &Handed, context: &Context) -> Result<Target, String> {
    let token = token(handed).ok_or("no token: set GITHUB_TOKEN, or the input `token`")?;
    let number = |name: &str| var(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    Ok(Target {
        api: var("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".into()).trim_end_matches('/').to_string(),
        server: var("GITHUB_SERVER_URL").unwrap_or_else(|| "https://github.com".into()),
        repository: context.repository.clone().ok_or("the variable GITHUB_REPOSITORY is not set (owner/name)")?,
        token: token.clone(),
        head: String::new(),
        project: String::new(),
        job: JobKey {
            run: number("GITHUB_RUN_ID"),
            attempt: number("GITHUB_RUN_ATTEMPT"),
            index: 0,
            part: part(""),
            check_run: None,
        },
        authorities: var("NODE_EXTRA_CA_CERTS").map(PathBuf::from),
    })
}

/// Check runs speak of a commit: it must be the one that is checked out, or the one of which that is the merge.
pub fn is_measured(
    target: Result<Target, String>,
    context: &Context,
    repository: Option<&Repository>,
) -> Result<Target, String> {
    let target = target?;
    let Some(head) = repository.and_then(|r| r.head.as_deref()) else {
        return Err("there is no git checkout here: it is not known which commit was measured".into());
    };
    if head == target.head || context.merge.as_deref() == Some(head) {
        return Ok(target);
    }
    Err(format!(
        "{head} is checked out, the event is about {}: check runs would speak of what was not measured",
        target.head
    ))
}
