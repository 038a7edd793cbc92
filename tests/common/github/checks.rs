//! Check runs, their annotations and suites: the routes, and the rules that no schema has.

use super::message::{Answer, Request};
use super::state::{ACTIONS_APP, CheckRun, State, Suite, Token, now, paged};
use serde_json::{Value, json};

/// Of `summary` and `text`: bytes, though the documentation says characters.
const TEXT_MAX_BYTES: usize = 65_535;
const ANNOTATION_TEXT_MAX_BYTES: usize = 64 * 1024;
const ANNOTATION_TITLE_MAX_CHARS: usize = 255;

pub fn create(state: &mut State, request: &Request, token: Token) -> Answer {
    let Some(app) = token.app() else {
        return Answer::error(403, "You must authenticate via a GitHub App.");
    };
    let body = &request.body;
    let head_sha = text(body, "head_sha").unwrap_or_default();
    if !state.commits.contains(&head_sha) {
        return Answer::error(422, &format!("No commit found for SHA: {head_sha}"));
    }
    if let Some(refused) = refused(state, request, None) {
        return refused;
    }
    let suite = state.any_suite(app, &head_sha);
    let id = state.new_id();
    let mut run = CheckRun { id, head_sha, app, suite, status: "queued".into(), ..CheckRun::default() };
    run.started_at = Some(now());
    change(&mut run, body);
    let answer = Answer::json(201, &json_of(state, &run));
    state.checks.push(run);
    answer
}

pub fn update(state: &mut State, request: &Request, token: Token, id: &str) -> Answer {
    let Some(app) = token.app() else {
        return Answer::error(403, "You must authenticate via a GitHub App.");
    };
    let Some(at) = position(state, id) else { return Answer::error(404, "Not Found") };
    let run = state.checks[at].clone();
    if run.app != app {
        let why = "check run can only be modified by the GitHub App that created it.";
        return Answer::error(403, &format!("Invalid app_id `{}` - {why}", run.app));
    }
    let named = |key: &str| request.body.get(key).is_some();
    if run.is_job {
        let others: Vec<&String> = request.body.as_object().into_iter().flat_map(|o| o.keys()).collect();
        let others: Vec<&str> = others.iter().map(|k| k.as_str()).filter(|key| *key != "output").collect();
        if !others.is_empty() {
            state.violation("job", request, &format!("changes {} of the job's own check run", others.join(", ")));
        }
        if named("status") || named("conclusion") {
            let why = "Check run status and conclusions can only be updated internally by GitHub Actions.";
            return Answer::error(403, why);
        }
    }
    if let Some(refused) = refused(state, request, Some(&run)) {
        return refused;
    }
    change(&mut state.checks[at], &request.body);
    Answer::json(200, &json_of(state, &state.checks[at]))
}

pub fn get(state: &State, id: &str) -> Answer {
    let found = position(state, id).map(|at| &state.checks[at]);
    found.map_or_else(|| Answer::error(404, "Not Found"), |run| Answer::json(200, &json_of(state, run)))
}

pub fn annotations(state: &State, request: &Request, id: &str) -> Answer {
    let Some(at) = position(state, id) else { return Answer::error(404, "Not Found") };
    let run = &state.checks[at];
    let all = run.annotations.iter().map(|annotation| {
        let mut out = json!({"start_column": null, "end_column": null, "title": null, "raw_details": null});
        out["blob_href"] =
            json!(state.page(&format!("blob/{}/{}", run.head_sha, annotation["path"].as_str().unwrap_or(""))));
        for (key, value) in annotation.as_object().expect("the schema saw to it") {
            out[key] = value.clone();
        }
        out
    });
    paged(state, request, None, all.collect())
}

/// Of a commit, or of one suite.
pub fn list(state: &State, request: &Request, belongs: impl Fn(&CheckRun) -> bool) -> Answer {
    let asked = |name: &str, value: &str| request.parameter(name).is_none_or(|wanted| wanted == value);
    let latest = request.parameter("filter") != Some("all");
    let newer = |run: &CheckRun| {
        state.checks.iter().any(|r| r.id > run.id && r.app == run.app && r.suite == run.suite && r.name == run.name)
    };
    let mut found: Vec<&CheckRun> = state.checks.iter().filter(|run| belongs(run)).collect();
    found.retain(|run| {
        asked("check_name", &run.name)
            && asked("status", &run.status)
            && asked("app_id", &run.app.to_string())
            && !(latest && newer(run))
    });
    found.sort_by_key(|run| std::cmp::Reverse(run.id));
    paged(state, request, Some("check_runs"), found.into_iter().map(|run| json_of(state, run)).collect())
}

pub fn list_suites(state: &State, request: &Request, head_sha: &str) -> Answer {
    let app = request.parameter("app_id").map(str::to_string);
    let named = |suite: &Suite| {
        let of_suite =
            |run: &CheckRun| run.suite == suite.id && Some(run.name.as_str()) == request.parameter("check_name");
        request.parameter("check_name").is_none() || state.checks.iter().any(of_suite)
    };
    let of_app = |suite: &Suite| app.as_ref().is_none_or(|app| *app == suite.app.to_string());
    let fit = state.suites.iter().filter(|suite| suite.head_sha == head_sha && of_app(suite) && named(suite));
    paged(state, request, Some("check_suites"), fit.map(|suite| suite_json(state, suite)).collect())
}

pub fn get_suite(state: &State, id: &str) -> Answer {
    let found = state.suites.iter().find(|suite| suite.id.to_string() == id);
    found.map_or_else(|| Answer::error(404, "Not Found"), |suite| Answer::json(200, &suite_json(state, suite)))
}

fn position(state: &State, id: &str) -> Option<usize> {
    state.checks.iter().position(|run| run.id.to_string() == id)
}

/// The model's refusal. A job's request is judged whole: one bad annotation, and nothing is written.
fn refused(state: &mut State, request: &Request, run: Option<&CheckRun>) -> Option<Answer> {
    let body = &request.body;
    let invalid = |field: &str, code: &str, message: &str| {
        let resource = "CheckRun";
        json!({"resource": resource, "code": code, "field": field, "message": message})
    };
    let mut errors = Vec::new();
    let conclusion = text(body, "conclusion").or_else(|| run.and_then(|run| run.conclusion.clone()));
    if (text(body, "status").as_deref() == Some("completed") || body.get("completed_at").is_some())
        && conclusion.is_none()
    {
        errors.push(invalid("conclusion", "missing_field", "a completed check run has a conclusion"));
    }
    if text(body, "conclusion").as_deref() == Some("stale") {
        errors.push(invalid("conclusion", "invalid", "only GitHub calls a check run stale"));
    }
    let output = &body["output"];
    for field in ["summary", "text"] {
        if text(output, field).is_some_and(|text| text.len() > TEXT_MAX_BYTES) {
            errors.push(invalid(field, "custom", &format!("{field} exceeds a maximum bytesize of {TEXT_MAX_BYTES}")));
        }
    }
    for annotation in output["annotations"].as_array().into_iter().flatten() {
        if let Some(why) = annotation_refused(annotation) {
            errors.push(invalid("annotations", "invalid", why));
        }
    }
    for error in &errors {
        state.violation("rule", request, error["message"].as_str().unwrap_or(""));
    }
    (!errors.is_empty()).then(|| Answer::invalid(&errors))
}

fn annotation_refused(annotation: &Value) -> Option<&'static str> {
    let number = |key: &str| annotation.get(key).and_then(Value::as_i64);
    let longer = |key: &str, limit: usize| text(annotation, key).is_some_and(|text| text.len() > limit);
    let path = text(annotation, "path").unwrap_or_default();
    let (start, end) = (number("start_line").unwrap_or(0), number("end_line").unwrap_or(0));
    let columns = [number("start_column"), number("end_column")];
    if path.is_empty() || path.starts_with('/') || path.split('/').any(|part| matches!(part, "." | "..")) {
        return Some("path is not relative to the root of the repository");
    }
    if start < 1 || end < start {
        return Some("lines count from 1 and end behind their start");
    }
    if columns.iter().flatten().any(|column| *column < 1 || start != end) {
        return Some("columns count from 1 and stand within one line");
    }
    if let [Some(from), Some(to)] = columns
        && to < from
    {
        return Some("columns end behind their start");
    }
    if text(annotation, "title").is_some_and(|title| title.chars().count() > ANNOTATION_TITLE_MAX_CHARS) {
        return Some("title is too long (maximum is 255 characters)");
    }
    if longer("message", ANNOTATION_TEXT_MAX_BYTES) || longer("raw_details", ANNOTATION_TEXT_MAX_BYTES) {
        return Some("message and raw_details hold 64 KB each");
    }
    None
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_string)
}

/// What a request sets. Annotations are added to those that are there.
fn change(run: &mut CheckRun, body: &Value) {
    if let Some(name) = text(body, "name") {
        run.name = name;
    }
    if let Some(status) = text(body, "status") {
        run.status = status;
        if run.status != "completed" {
            (run.conclusion, run.completed_at) = (None, None);
        }
    }
    if let Some(conclusion) = text(body, "conclusion") {
        run.conclusion = Some(conclusion);
        run.status = "completed".into();
        run.completed_at = Some(now());
    }
    for (field, key) in [
        (&mut run.external_id, "external_id"),
        (&mut run.details_url, "details_url"),
        (&mut run.started_at, "started_at"),
        (&mut run.completed_at, "completed_at"),
    ] {
        if let Some(value) = text(body, key) {
            *field = Some(value);
        }
    }
    let output = &body["output"];
    for (field, key) in [(&mut run.title, "title"), (&mut run.summary, "summary"), (&mut run.text, "text")] {
        if let Some(value) = text(output, key) {
            *field = Some(value);
        }
    }
    run.annotations.extend(output["annotations"].as_array().into_iter().flatten().cloned());
}

pub fn json_of(state: &State, run: &CheckRun) -> Value {
    let path = format!("check-runs/{}", run.id);
    let own_page = state.page(&format!("runs/{}", run.id));
    let details = run.details_url.as_ref().filter(|_| run.app != ACTIONS_APP).unwrap_or(&own_page);
    let mut out = state.like_example(
        "GET",
        "check-runs/1",
        json!({
            "id": run.id, "name": run.name, "head_sha": run.head_sha,
            "external_id": run.external_id.clone().unwrap_or_default(),
            "url": state.url(&path), "html_url": own_page, "details_url": details,
            "status": run.status, "conclusion": run.conclusion,
            "started_at": run.started_at, "completed_at": run.completed_at,
            "output": {
                "title": run.title, "summary": run.summary, "text": run.text,
                "annotations_count": run.annotations.len(),
                "annotations_url": state.url(&format!("{path}/annotations")),
            },
            "check_suite": {"id": run.suite}, "app": app(run.app), "pull_requests": [],
        }),
    );
    if state.options.broken_for_proof {
        out["output"]["annotations_count"] = json!(run.annotations.len().to_string());
        out["output"].as_object_mut().expect("an object").remove("annotations_url");
    }
    out
}

fn app(id: u64) -> Value {
    let (slug, name) =
        if id == ACTIONS_APP { ("github-actions", "GitHub Actions") } else { ("somebody-s", "Somebody's App") };
    json!({"id": id, "slug": slug, "name": name})
}

/// A suite is as far as its runs are.
fn suite_json(state: &State, suite: &Suite) -> Value {
    let runs: Vec<&CheckRun> = state.checks.iter().filter(|run| run.suite == suite.id).collect();
    let status = match runs.iter().find(|run| run.status != "completed") {
        Some(open) => open.status.as_str(),
        None if runs.is_empty() => "queued",
        None => "completed",
    };
    let worst = || runs.iter().find(|run| run.conclusion.as_deref() == Some("failure")).or(runs.first());
    let conclusion = worst().filter(|_| status == "completed").and_then(|run| run.conclusion.clone());
    let url = state.url(&format!("check-suites/{}", suite.id));
    state.like_example(
        "GET",
        "check-suites/1",
        json!({
            "id": suite.id, "head_sha": suite.head_sha, "after": suite.head_sha, "status": status,
            "conclusion": conclusion, "url": url, "check_runs_url": format!("{url}/check-runs"),
            "app": app(suite.app), "latest_check_runs_count": runs.len(), "pull_requests": [],
        }),
    )
}
