//! Workflow runs, jobs and artifacts, and the little of commits, deployments and statuses that the tests ask for.

use super::checks;
use super::message::{Answer, Request};
use super::state::{Artifact, Job, Run, State, Token, now, paged};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Everything below `/repos/{owner}/{repo}`.
pub fn route(state: &mut State, request: &Request, token: Token) -> Answer {
    let path = request.segments();
    let method = request.method.as_str();
    match (method, &path[3..]) {
        ("POST", ["check-runs"]) => checks::create(state, request, token),
        ("PATCH", ["check-runs", id]) => checks::update(state, request, token, id),
        ("GET", ["check-runs", id]) => checks::get(state, id),
        ("GET", ["check-runs", id, "annotations"]) => checks::annotations(state, request, id),
        ("GET", ["check-suites", id]) => checks::get_suite(state, id),
        ("GET", ["check-suites", id, "check-runs"]) => checks::list(state, request, |run| run.suite.to_string() == *id),
        ("GET", ["commits", reference, rest @ ..]) => match state.commit_of(reference) {
            Some(sha) => of_commit(state, request, &sha, rest),
            None => Answer::error(422, &format!("No commit found for SHA: {reference}")),
        },
        ("GET", ["compare", basehead]) => compare(state, basehead),
        ("GET", ["actions", "runs", id, rest @ ..]) => of_run(state, request, id, rest),
        ("GET", ["actions", "jobs", id]) => {
            let found = state.jobs.iter().find(|job| job.id.to_string() == *id);
            found.map_or_else(missing, |job| Answer::json(200, &job_json(state, job)))
        }
        ("GET", ["actions", "artifacts", id, rest @ ..]) => artifact(state, id, rest),
        ("POST", ["statuses", sha]) => new_status(state, request, sha),
        (_, ["deployments", rest @ ..]) => deployments(state, request, rest),
        _ => missing(),
    }
}

fn missing() -> Answer {
    Answer::error(404, "Not Found")
}

fn of_commit(state: &State, request: &Request, sha: &str, rest: &[&str]) -> Answer {
    match rest {
        ["check-runs"] => checks::list(state, request, |run| run.head_sha == sha),
        ["check-suites"] => checks::list_suites(state, request, sha),
        ["pulls"] => {
            let example = state.schema.example("GET", "commits/x/pulls")[0].clone();
            let found = state.pulls.iter().filter(|pull| pull.head_sha == sha);
            let found = found.map(|pull| {
                let fields = json!({
                    // The example's own teams are not as described.
                    "requested_teams": [], "number": pull.number, "state": "open",
                    "url": state.url(&format!("pulls/{}", pull.number)),
                    "html_url": state.page(&format!("pull/{}", pull.number)),
                    "head": {"sha": pull.head_sha, "ref": pull.head_branch},
                    "base": {"sha": pull.base_sha, "ref": pull.base_branch},
                });
                state.laid_over(example.clone(), fields)
            });
            paged(state, request, None, found.collect())
        }
        ["statuses"] => {
            let of_sha = |status: &&Value| status["url"].as_str().is_some_and(|url| url.ends_with(sha));
            paged(state, request, None, state.statuses.iter().rev().filter(of_sha).cloned().collect())
        }
        _ => missing(),
    }
}

fn compare(state: &State, basehead: &str) -> Answer {
    let Some((base, head)) = basehead.split_once("...") else { return missing() };
    let known = |sha: &str| state.commits.contains(sha);
    if !known(base) || !known(head) {
        return missing();
    }
    let pair = (base.to_string(), head.to_string());
    let merge_base = state.merge_bases.get(&pair).map_or(base, String::as_str);
    let status = match () {
        () if base == head => "identical",
        () if merge_base == base => "ahead",
        () if merge_base == head => "behind",
        () => "diverged",
    };
    let fields = json!({
        "url": state.url(&format!("compare/{basehead}")), "status": status,
        "base_commit": {"sha": base}, "merge_base_commit": {"sha": merge_base},
    });
    Answer::json(200, &state.like_example("GET", "compare/a...b", fields))
}

fn of_run(state: &State, request: &Request, id: &str, rest: &[&str]) -> Answer {
    let Some(run) = state.runs.iter().find(|run| run.id.to_string() == id) else { return missing() };
    let jobs = |attempt: Option<u64>| {
        let fit = |job: &&Job| job.run == run.id && attempt.is_none_or(|attempt| attempt == job.attempt);
        let all: Vec<Value> = state.jobs.iter().filter(fit).map(|job| job_json(state, job)).collect();
        paged(state, request, Some("jobs"), all)
    };
    let latest = Some(run.attempt).filter(|_| request.parameter("filter") != Some("all"));
    match rest {
        [] => Answer::json(200, &run_json(state, run, run.attempt)),
        ["jobs"] => jobs(latest),
        ["attempts", attempt] => match attempt.parse() {
            Ok(attempt) if (1..=run.attempt).contains(&attempt) => Answer::json(200, &run_json(state, run, attempt)),
            _ => missing(),
        },
        ["attempts", attempt, "jobs"] => jobs(attempt.parse().ok()),
        ["artifacts"] => {
            let named = |a: &&Artifact| request.parameter("name").is_none_or(|name| name == a.name);
            let all = state.artifacts.iter().filter(|a| a.run == run.id).filter(named);
            paged(state, request, Some("artifacts"), all.map(|a| artifact_json(state, a)).collect())
        }
        _ => missing(),
    }
}

fn run_json(state: &State, run: &Run, attempt: u64) -> Value {
    let url = state.url(&format!("actions/runs/{}", run.id));
    let suite = state.suites.iter().find(|suite| suite.run == Some(run.id)).map_or(0, |suite| suite.id);
    let fields = json!({
        "id": run.id, "name": run.workflow, "path": run.path, "event": run.event, "head_sha": run.head_sha,
        "head_branch": run.head_branch, "status": run.status, "conclusion": run.conclusion, "run_attempt": attempt,
        "check_suite_id": suite, "url": url, "html_url": state.page(&format!("actions/runs/{}", run.id)),
        "jobs_url": format!("{url}/jobs"), "artifacts_url": format!("{url}/artifacts"),
        "check_suite_url": state.url(&format!("check-suites/{suite}")), "pull_requests": [],
        "head_repository": {"full_name": run.head_repository},
        "repository": {"full_name": state.options.repository},
        "head_commit": {"id": run.head_sha},
    });
    state.like_example("GET", "actions/runs/1", fields)
}

fn job_json(state: &State, job: &Job) -> Value {
    let run = state.runs.iter().find(|run| run.id == job.run).expect("a job has a run");
    let check = state.checks.iter().find(|check| check.id == job.id).expect("a job has a check run");
    let fields = json!({
        "id": job.id, "run_id": run.id, "run_url": state.url(&format!("actions/runs/{}", run.id)),
        "head_sha": run.head_sha, "head_branch": run.head_branch, "workflow_name": run.workflow, "name": check.name,
        "url": state.url(&format!("actions/jobs/{}", job.id)), "run_attempt": job.attempt,
        "html_url": state.page(&format!("actions/runs/{}/job/{}", run.id, job.id)),
        "check_run_url": state.url(&format!("check-runs/{}", job.id)), "status": check.status,
        "conclusion": check.conclusion, "created_at": check.started_at, "started_at": check.started_at,
        "completed_at": check.completed_at, "steps": [],
    });
    state.like_example("GET", "actions/jobs/1", fields)
}

fn artifact(state: &State, id: &str, rest: &[&str]) -> Answer {
    let Some(artifact) = state.artifacts.iter().find(|a| a.id.to_string() == id) else { return missing() };
    match rest {
        [] => Answer::json(200, &artifact_json(state, artifact)),
        // The blobs lie with somebody else; the address alone opens them.
        ["zip"] => {
            let location = format!("{}/artifact/{id}?sig=signed", state.elsewhere);
            Answer { status: 302, headers: vec![("location".into(), location)], body: Vec::new() }
        }
        _ => missing(),
    }
}

fn artifact_json(state: &State, artifact: &Artifact) -> Value {
    let url = state.url(&format!("actions/artifacts/{}", artifact.id));
    let run = state.runs.iter().find(|run| run.id == artifact.run).expect("an artifact has a run");
    let digest: String = Sha256::digest(&artifact.zip).iter().map(|byte| format!("{byte:02x}")).collect();
    let fields = json!({
        "id": artifact.id, "name": artifact.name, "size_in_bytes": artifact.zip.len(), "url": url,
        "archive_download_url": format!("{url}/zip"), "digest": format!("sha256:{digest}"), "expired": false,
        "workflow_run": {"id": run.id, "head_sha": run.head_sha, "head_branch": run.head_branch},
    });
    state.like_example("GET", "actions/artifacts/1", fields)
}

fn new_status(state: &mut State, request: &Request, sha: &str) -> Answer {
    if !state.commits.contains(sha) {
        return Answer::error(422, &format!("No commit found for SHA: {sha}"));
    }
    let body = &request.body;
    let fields = json!({
        "id": state.new_id(), "url": state.url(&format!("statuses/{sha}")), "state": body["state"],
        "description": body["description"], "target_url": body["target_url"],
        "context": body["context"].as_str().unwrap_or("default"), "created_at": now(), "updated_at": now(),
    });
    let status = state.like_example("POST", "statuses/x", fields);
    state.statuses.push(status.clone());
    Answer::json(201, &status)
}

fn deployments(state: &mut State, request: &Request, rest: &[&str]) -> Answer {
    let method = request.method.as_str();
    let of = |state: &State, id: &str| state.deployments.iter().find(|d| d["id"].as_u64() == id.parse().ok()).cloned();
    match (method, rest) {
        ("POST", []) => new_deployment(state, request),
        ("GET", []) => {
            let asked = |d: &&Value| {
                ["sha", "ref", "task", "environment"]
                    .iter()
                    .all(|key| request.parameter(key).is_none_or(|wanted| d[*key] == wanted))
            };
            paged(state, request, None, state.deployments.iter().rev().filter(asked).cloned().collect())
        }
        ("GET", [id]) => of(state, id).map_or_else(missing, |deployment| Answer::json(200, &deployment)),
        ("POST", [id, "statuses"]) => {
            let Some(deployment) = of(state, id) else { return missing() };
            new_deployment_status(state, request, id, &deployment)
        }
        ("GET", [id, "statuses"]) => {
            let own = state.deployment_statuses.iter().rev().filter(|(of, _)| of.to_string() == *id);
            paged(state, request, None, own.map(|(_, status)| status.clone()).collect())
        }
        _ => missing(),
    }
}

/// What GitHub does of itself, unless it is told not to: it merges the default branch in, and asks for all contexts.
fn new_deployment(state: &mut State, request: &Request) -> Answer {
    let body = &request.body;
    let Some(sha) = body["ref"].as_str().and_then(|reference| state.commit_of(reference)) else {
        return Answer::error(422, &format!("No ref found for: {}", body["ref"].as_str().unwrap_or_default()));
    };
    if body["auto_merge"] != false {
        state.violation("rule", request, "auto_merge is not switched off");
        return Answer::json(202, &json!({"message": "Auto-merged main into topic-branch on deployment."}));
    }
    if body["required_contexts"] != json!([]) {
        state.violation("rule", request, "required_contexts is not empty");
        return Answer::error(409, "Conflict: Commit status checks failed for topic-branch.");
    }
    let id = state.new_id();
    let url = state.url(&format!("deployments/{id}"));
    let environment = body["environment"].as_str().unwrap_or("production");
    let fields = json!({
        "id": id, "url": url, "statuses_url": format!("{url}/statuses"), "sha": sha, "ref": body["ref"],
        "task": body["task"].as_str().unwrap_or("deploy"), "environment": environment,
        "original_environment": environment, "description": body["description"], "created_at": now(),
        "updated_at": now(),
    });
    let mut deployment = state.like_example("POST", "deployments", fields);
    deployment["payload"] = body.get("payload").cloned().unwrap_or(json!({}));
    state.deployments.push(deployment.clone());
    Answer::json(201, &deployment)
}

fn new_deployment_status(state: &mut State, request: &Request, id: &str, deployment: &Value) -> Answer {
    let body = &request.body;
    let status_id = state.new_id();
    let url = state.url(&format!("deployments/{id}/statuses/{status_id}"));
    let fields = json!({
        "id": status_id, "url": url, "deployment_url": deployment["url"], "environment": deployment["environment"],
        "state": body["state"], "description": body["description"].as_str().unwrap_or(""), "created_at": now(),
        "updated_at": now(),
    });
    let mut status = state.like_example("POST", "deployments/1/statuses", fields);
    // Empty where no address was given, though the description wants an address.
    for (key, from) in [("log_url", "log_url"), ("target_url", "log_url"), ("environment_url", "environment_url")] {
        status[key] = json!(body[from].as_str().unwrap_or(""));
    }
    state.deployment_statuses.push((deployment["id"].as_u64().expect("an id"), status.clone()));
    Answer::json(201, &status)
}
