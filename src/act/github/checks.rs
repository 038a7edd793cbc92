//! Check runs: made in progress, annotated in batches, completed; each deed looked up before it is repeated.

use super::client::{Client, Trouble};
use super::{Target, retry, runs};
use crate::facts::external_id::{ExternalId, JobKey};
use http::Method;
use serde::{Deserialize, Serialize};

/// How many annotations one request may carry.
pub const BATCH: usize = 50;

/// A new check run.
#[derive(Serialize)]
struct Create<'a> {
    name: &'a str,
    head_sha: &'a str,
    status: &'a str,
    started_at: &'a str,
    external_id: String,
    details_url: String,
    output: &'a Output,
}

/// A change of a check run; what is absent stays.
#[derive(Serialize)]
struct Update<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conclusion: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    output: &'a Output,
}

/// What a check run shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Output {
    pub title: String,
    pub summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<Note>,
}

/// One annotation as GitHub takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    pub path: String,
    pub start_line: u64,
    pub end_line: u64,
    pub annotation_level: &'static str,
    pub message: String,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_details: Option<String>,
}

/// The end of a check run.
#[derive(Clone, Debug)]
pub struct End<'a> {
    pub conclusion: &'a str,
    /// RFC 3339.
    pub completed_at: &'a str,
    pub external_id: Option<&'a ExternalId>,
}

/// A check run as GitHub tells of it.
#[derive(Clone, Debug, Deserialize)]
pub struct CheckRun {
    pub id: u64,
    pub name: String,
    pub head_sha: String,
    pub status: String,
    pub conclusion: Option<String>,
    pub external_id: Option<String>,
    pub output: Shown,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Shown {
    #[serde(default)]
    pub annotations_count: usize,
}

impl CheckRun {
    /// What it claims of itself, where it is one of ours.
    pub fn claim(&self) -> Option<ExternalId> {
        self.external_id.as_deref()?.parse().ok()
    }
}

#[derive(Deserialize)]
struct Listed {
    check_runs: Vec<CheckRun>,
}

/// Check runs of a commit by their name, the newest first; at most 100. `only`: further conditions of the query.
pub async fn list(
    client: &mut Client,
    target: &Target,
    sha: &str,
    name: &str,
    only: &str,
) -> Result<Vec<CheckRun>, Trouble> {
    let name = encoded(name);
    let repository = &target.repository;
    let path = format!("/repos/{repository}/commits/{sha}/check-runs?check_name={name}&filter=all&per_page=100{only}");
    let listed: Listed = client.get(&path).await?;
    Ok(listed.check_runs)
}

/// Text for the query of an address.
fn encoded(text: &str) -> String {
    let one = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Makes a check run in progress; one that an earlier, unanswered try made is taken.
pub async fn open(
    client: &mut Client,
    target: &Target,
    name: &str,
    id: &ExternalId,
    started_at: &str,
    output: &Output,
) -> Result<u64, Trouble> {
    let body = Create {
        name,
        head_sha: &target.head,
        status: "in_progress",
        started_at,
        external_id: id.to_string(),
        details_url: target.job_url(),
        output,
    };
    let path = format!("/repos/{}/check-runs", target.repository);
    let mut tries = 0;
    loop {
        let trouble = match client.once::<CheckRun>(&Method::POST, &path, Some(&body)).await {
            // An answer of something else would have us write to another's run.
            Ok(run) if run.name == name && run.head_sha == target.head => return Ok(run.id),
            Ok(run) => Trouble::Unsure(format!("{path}: the answer is of another check run, `{}`", run.name)),
            Err(trouble) => trouble,
        };
        let Trouble::Unsure(_) = trouble else { return Err(trouble) };
        if tries + 1 >= retry::TRIES {
            return Err(trouble);
        }
        client.pause(retry::backoff(tries), &path).await?;
        let there = list(client, target, &target.head, name, "&status=in_progress").await?;
        if let Some(run) = there.into_iter().find(|run| run.claim().is_some_and(|claim| claim.job == id.job)) {
            return Ok(run.id);
        }
        tries += 1;
    }
}

/// Reads one check run.
pub async fn read(client: &mut Client, target: &Target, id: u64) -> Result<CheckRun, Trouble> {
    client.get(&format!("/repos/{}/check-runs/{id}", target.repository)).await
}

/// Adds one batch of annotations, of which `there` stand already.
pub async fn annotate(
    client: &mut Client,
    target: &Target,
    id: u64,
    output: &Output,
    there: usize,
) -> Result<(), Trouble> {
    let update = Update { status: None, conclusion: None, completed_at: None, external_id: None, output };
    let wanted = there + output.annotations.len();
    let landed = |run: &CheckRun| match run.output.annotations_count {
        count if count >= wanted => Some(true),
        count if count == there => Some(false),
        _ => None,
    };
    change(client, target, id, &update, &landed).await
}

/// Completes a check run.
pub async fn complete(
    client: &mut Client,
    target: &Target,
    id: u64,
    end: &End<'_>,
    output: &Output,
) -> Result<(), Trouble> {
    let update = Update {
        status: Some("completed"),
        conclusion: Some(end.conclusion),
        completed_at: Some(end.completed_at),
        external_id: end.external_id.map(ExternalId::to_string),
        output,
    };
    let landed = |run: &CheckRun| Some(run.status == "completed" && run.conclusion.as_deref() == Some(end.conclusion));
    change(client, target, id, &update, &landed).await
}

/// Sends a change until it is seen to have landed. `landed`: `None` where what is seen fits neither.
async fn change(
    client: &mut Client,
    target: &Target,
    id: u64,
    update: &Update<'_>,
    landed: &dyn Fn(&CheckRun) -> Option<bool>,
) -> Result<(), Trouble> {
    let path = format!("/repos/{}/check-runs/{id}", target.repository);
    let mut tries = 0;
    loop {
        let trouble = match client.once::<CheckRun>(&Method::PATCH, &path, Some(update)).await {
            Ok(run) if run.id == id => return Ok(()),
            Ok(run) => Trouble::Unsure(format!("{path}: the answer is of another check run, {}", run.id)),
            Err(trouble) => trouble,
        };
        let Trouble::Unsure(why) = trouble else { return Err(trouble) };
        if tries + 1 >= retry::TRIES {
            return Err(Trouble::Unsure(why));
        }
        client.pause(retry::backoff(tries), &path).await?;
        match landed(&read(client, target, id).await?) {
            Some(true) => return Ok(()),
            Some(false) => tries += 1,
            None => return Err(Trouble::Unsure(format!("{why}; a part of it may stand"))),
        }
    }
}

/// Is the job over that made a check run in progress? `None` where that cannot be known.
pub async fn is_over(client: &mut Client, target: &Target, claim: &JobKey) -> Option<bool> {
    let ours = &target.job;
    if claim.run == ours.run && claim.attempt < ours.attempt {
        // A new attempt begins after the last one has ended.
        return Some(true);
    }
    if let Some(job) = claim.check_run {
        return read(client, target, job).await.ok().map(|run| run.status == "completed");
    }
    let run = runs::read(client, target, claim.run).await.ok()?;
    run.status.map(|status| status == "completed")
}
