//! The fake of GitHub, proved: every rule and every fault over real HTTP, and GitHub's own description against it by
//! way of Prism.

mod common;

use common::Project;
use common::events::{self, Kind, Shas};
use common::github::{FOR_EVER, Fault, GitHub, OTHER_APP, Options, Request, Run, Token, free_port, on, schema};
use common::http::{Reply, send, send_for};
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const HEAD: &str = "1111111111111111111111111111111111111111";
const BASE: &str = "2222222222222222222222222222222222222222";
const MERGE: &str = "3333333333333333333333333333333333333333";
const UNKNOWN: &str = "4444444444444444444444444444444444444444";

/// A well-behaved client of one token.
struct Client {
    base: String,
    authorization: String,
}

impl Client {
    fn of(github: &GitHub, token: Token) -> Client {
        Client { base: github.base_url(), authorization: format!("Bearer {}", token.text()) }
    }

    fn try_send(&self, method: &str, path: &str, body: Option<&Value>) -> std::io::Result<Reply> {
        let headers = [
            ("accept", "application/vnd.github+json"),
            ("authorization", self.authorization.as_str()),
            ("content-type", "application/json"),
            ("user-agent", "test"),
            ("x-github-api-version", "2022-11-28"),
        ];
        // A link is followed as it was given.
        let url = if path.contains("://") { path.into() } else { format!("{}/repos/acme/shop/{path}", self.base) };
        send(method, &url, &headers, body)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.try_send(method, path, Some(body)).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
    }

    fn get(&self, path: &str) -> Reply {
        self.try_send("GET", path, None).unwrap_or_else(|e| panic!("GET {path}: {e}"))
    }

    fn create(&self, name: &str) -> Reply {
        self.send("POST", "check-runs", &json!({"name": name, "head_sha": HEAD}))
    }

    fn created(&self, name: &str) -> u64 {
        let reply = self.create(name);
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()["id"].as_u64().expect("an id")
    }

    fn patch(&self, id: u64, body: Value) -> Reply {
        self.send("PATCH", &format!("check-runs/{id}"), &body)
    }
}

fn started(options: Options) -> (GitHub, Client) {
    let github = GitHub::start(options);
    github.commit(HEAD).commit(BASE);
    let client = Client::of(&github, Token::Actions);
    (github, client)
}

fn annotation(line: usize) -> Value {
    let path = "src/cart.py";
    json!({"path": path, "start_line": line, "end_line": line, "annotation_level": "failure", "message": "m"})
}

fn output(annotations: Vec<Value>) -> Value {
    json!({"output": {"title": "t", "summary": "s", "annotations": annotations}})
}

fn summary(text: &str) -> Value {
    json!({"output": {"title": "t", "summary": text}})
}

#[track_caller]
fn violations_are(github: &GitHub, kinds: &[&str]) {
    let found = github.violations();
    let seen: Vec<&str> = found.iter().map(|v| v.split(':').next().unwrap_or("")).collect();
    assert_eq!(seen, kinds, "{found:#?}");
}

#[test]
fn a_check_run_from_its_making_to_its_end() {
    let (github, client) = started(Options::default());
    let body = json!({"name": "qte / 1B coverage", "head_sha": HEAD, "status": "in_progress", "external_id": "e1",
        "details_url": "https://example.org/1", "output": {"title": "t0", "summary": "s0", "text": "x"}});
    let reply = client.send("POST", "check-runs", &body);
    assert_eq!((reply.status, &reply.json()["status"]), (201, &json!("in_progress")));
    assert_eq!(reply.json()["external_id"], "e1");
    let id = reply.json()["id"].as_u64().expect("an id");
    // Of Actions, GitHub shows its own page whatever was asked.
    assert_eq!(reply.json()["details_url"], json!(format!("https://github.com/acme/shop/runs/{id}")));
    assert_eq!(github.in_progress().len(), 1);

    // Annotations are added to those that are there.
    for from in [1, 51] {
        let reply = client.patch(id, output((from..from + 50).map(annotation).collect()));
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let reply = client.patch(id, json!({"conclusion": "failure", "output": {"summary": "s2"}}));
    assert_eq!(reply.json()["output"]["annotations_count"], 100);
    assert_eq!(reply.json()["output"]["title"], "t");
    let run = &github.check_runs()[0];
    assert_eq!((run.status.as_str(), run.conclusion.as_deref()), ("completed", Some("failure")));
    assert_eq!((run.summary.as_deref(), run.text.as_deref()), (Some("s2"), Some("x")));
    assert!(run.completed_at.is_some() && run.started_at.is_some());
    let lines: Vec<u64> = github.annotations(id).iter().map(|a| a["start_line"].as_u64().unwrap_or(0)).collect();
    assert_eq!(lines, (1..=100).collect::<Vec<u64>>());
    assert!(github.in_progress().is_empty());
    assert_eq!(github.writes_per_minute_max(), 4);
    violations_are(&github, &[]);
}

#[test]
fn pages_are_followed_by_their_links() {
    let (github, client) = started(Options::default());
    let id = client.created("a");
    for from in [1, 51] {
        client.patch(id, output((from..from + 50).map(annotation).collect()));
    }
    let mut lines = 0;
    let mut path = format!("check-runs/{id}/annotations?per_page=40");
    let mut pages = 0;
    loop {
        let reply = client.get(&path);
        lines += reply.json().as_array().expect("a list").len();
        pages += 1;
        let link = reply.header("link").to_string();
        let Some(next) = link.split(", ").find(|part| part.ends_with("rel=\"next\"")) else { break };
        path = next.split(['<', '>']).nth(1).expect("an address").to_string();
        assert!(path.starts_with(&format!("{}/repositories/", github.base_url())), "{path}");
        assert!(github.log().len() < 20, "the links go round");
    }
    assert_eq!((pages, lines), (3, 100));
    violations_are(&github, &[]);
}

#[test]
fn a_summary_is_measured_in_bytes() {
    let (github, client) = started(Options::default());
    let id = client.created("a");
    // 21,845 signs of three bytes are 65,535 bytes.
    assert_eq!(client.patch(id, summary(&"€".repeat(21_845))).status, 200);
    let reply = client.patch(id, summary(&"€".repeat(21_846)));
    let error = &reply.json()["errors"][0];
    assert_eq!((reply.status, &reply.json()["message"]), (422, &json!("Validation Failed")));
    assert_eq!(
        (&error["resource"], &error["field"], &error["code"]),
        (&json!("CheckRun"), &json!("summary"), &json!("custom"))
    );
    assert_eq!(error["message"], "summary exceeds a maximum bytesize of 65535");
    assert_eq!(github.check_runs()[0].summary.as_ref().map(String::len), Some(65_535));
    violations_are(&github, &["rule"]);
}

#[test]
fn the_description_of_the_api_is_enforced() {
    let (github, client) = started(Options::default());
    let id = client.created("a");
    let long = "Invalid request.\n\nOnly 65535 characters are allowed; 65536 were supplied.";
    let many = "Invalid request.\n\nNo more than 50 items are allowed; 51 were supplied.";
    for (body, message) in [(summary(&"x".repeat(65_536)), long), (output((1..=51).map(annotation).collect()), many)] {
        let reply = client.patch(id, body);
        assert_eq!((reply.status, reply.json()["message"].as_str()), (422, Some(message)));
        assert!(reply.json()["errors"].is_null());
    }
    let reply = client.send("POST", "check-runs", &json!({"name": "b"}));
    assert_eq!(reply.json()["message"], "Invalid request.\n\n\"head_sha\" wasn't supplied.");
    assert_eq!(
        client.send("POST", "check-runs", &json!({"name": "b", "head_sha": HEAD, "status": "done"})).status,
        422
    );
    assert_eq!(client.patch(id, json!({"started_at": "yesterday"})).status, 422);
    assert_eq!(client.get("tags").status, 404);
    assert_eq!(client.get(&format!("commits/{HEAD}/check-runs?filter=newest")).status, 200);
    violations_are(&github, &["schema", "schema", "schema", "schema", "schema", "schema", "query"]);
    assert_eq!(github.annotations(id).len(), 0);
}

/// An annotation, changed in these fields.
fn changed(fields: Value) -> Value {
    let mut out = annotation(3);
    for (key, value) in fields.as_object().expect("fields") {
        out[key] = value.clone();
    }
    out
}

#[test]
fn one_bad_annotation_refuses_them_all() {
    let (github, client) = started(Options::default());
    let id = client.created("a");
    let bad = [
        json!({"path": null}),
        json!({"path": ""}),
        json!({"path": "/src/cart.py"}),
        json!({"path": "./src/cart.py"}),
        json!({"path": "src/../cart.py"}),
        json!({"start_line": 0}),
        json!({"end_line": 2}),
        json!({"end_line": 4, "start_column": 1, "end_column": 2}),
        json!({"start_column": 5, "end_column": 2}),
        json!({"start_column": 0}),
        json!({"annotation_level": "error"}),
        json!({"title": "x".repeat(256)}),
        json!({"message": "x".repeat(65_537)}),
        json!({"raw_details": "x".repeat(65_537)}),
        json!({"message": null}),
    ];
    let count = bad.len();
    for fields in bad {
        let reply = client.patch(id, output(vec![annotation(1), changed(fields.clone())]));
        assert_eq!(reply.status, 422, "{fields}");
    }
    assert_eq!(github.annotations(id).len(), 0);
    assert_eq!(github.violations().len(), count);
    let good = [
        json!({"end_line": 9}),
        json!({"start_column": 1, "end_column": 1}),
        json!({"title": "é".repeat(255), "message": "x".repeat(65_536), "raw_details": "y"}),
        json!({"path": "..a/b.py", "annotation_level": "notice"}),
    ];
    for fields in good {
        assert_eq!(client.patch(id, output(vec![changed(fields.clone())])).status, 200, "{fields}");
    }
    assert_eq!(github.violations().len(), count);
}

#[test]
fn a_conclusion_completes() {
    let (github, client) = started(Options::default());
    let id = client.created("a");
    assert_eq!(github.check_runs()[0].status, "queued");
    assert_eq!(client.patch(id, json!({"status": "completed"})).status, 422);
    assert_eq!(client.patch(id, json!({"conclusion": "stale"})).status, 422);
    let reply = client.send("POST", "check-runs", &json!({"name": "b", "head_sha": HEAD, "status": "completed"}));
    assert_eq!((reply.status, &reply.json()["errors"][0]["field"]), (422, &json!("conclusion")));
    assert_eq!(client.patch(id, json!({"conclusion": "neutral"})).json()["status"], "completed");
    let reply = client.patch(id, json!({"status": "in_progress"}));
    assert_eq!((&reply.json()["status"], &reply.json()["conclusion"]), (&json!("in_progress"), &Value::Null));
    assert_eq!(github.made().len(), 1);
}

#[test]
fn tokens_may_what_theirs_may() {
    let (github, actions) = started(Options::default());
    let own = actions.created("a");
    let list = format!("commits/{HEAD}/check-runs");
    for (token, write, read, message) in [
        (Token::ReadOnly, 403, 200, "Resource not accessible by integration"),
        (Token::NoChecks, 403, 403, "Resource not accessible by integration"),
        (Token::Personal, 403, 200, "You must authenticate via a GitHub App."),
    ] {
        let client = Client::of(&github, token);
        for reply in [client.create("b"), client.patch(own, json!({"conclusion": "success"}))] {
            assert_eq!((reply.status, reply.json()["message"].as_str()), (write, Some(message)), "{token:?}");
        }
        assert_eq!(client.get(&list).status, read, "{token:?}");
    }
    let app = Client::of(&github, Token::App);
    let reply = app.patch(own, json!({"conclusion": "success"}));
    let why = "Invalid app_id `15368` - check run can only be modified by the GitHub App that created it.";
    assert_eq!((reply.status, reply.json()["message"].as_str()), (403, Some(why)));
    app.created("c");
    assert_eq!(github.made().iter().map(|run| run.app).collect::<Vec<_>>(), [15368, OTHER_APP]);
    assert_ne!(github.made()[0].suite, github.made()[1].suite);
    for (sent, message) in [("", "Requires authentication"), ("Bearer nobody", "Bad credentials")] {
        let client = Client { base: github.base_url(), authorization: sent.into() };
        let reply = client.create("d");
        assert_eq!((reply.status, reply.json()["message"].as_str()), (401, Some(message)));
    }
    assert!(github.check_runs()[0].conclusion.is_none());
    violations_are(&github, &[]);
}

#[test]
fn an_unknown_commit_is_refused() {
    let (github, client) = started(Options::default());
    let reply = client.send("POST", "check-runs", &json!({"name": "a", "head_sha": UNKNOWN}));
    assert_eq!((reply.status, &reply.json()["message"]), (422, &json!(format!("No commit found for SHA: {UNKNOWN}"))));
    assert_eq!(client.get("check-runs/1").status, 404);
    assert!(github.made().is_empty());
}

#[test]
fn a_check_run_lands_in_any_suite_of_its_commit() {
    let (github, client) = started(Options::default());
    for _ in 0..3 {
        github.run(Run::of("push", HEAD, "acme/shop"));
    }
    github.run(Run::of("push", BASE, "acme/shop"));
    for _ in 0..40 {
        client.created("a");
    }
    let of_head = client.get(&format!("commits/{HEAD}/check-suites")).json();
    let suites: Vec<u64> =
        of_head["check_suites"].as_array().expect("suites").iter().filter_map(|s| s["id"].as_u64()).collect();
    assert_eq!(suites.len(), 3);
    let runs = github.made();
    for suite in &suites {
        assert!(runs.iter().any(|run| run.suite == *suite), "nothing in suite {suite}");
        assert_eq!(client.get(&format!("check-suites/{suite}")).json()["head_sha"], HEAD);
    }
    assert!(runs.iter().all(|run| suites.contains(&run.suite)));
    let inside = client.get(&format!("check-suites/{}/check-runs?filter=all&per_page=100", suites[0])).json();
    assert_eq!(inside["total_count"], runs.iter().filter(|run| run.suite == suites[0]).count());
}

#[test]
fn lists_are_filtered() {
    let (github, client) = started(Options::default());
    let [old, new, other] = ["a", "a", "b"].map(|name| client.created(name));
    client.patch(other, json!({"conclusion": "success"}));
    Client::of(&github, Token::App).created("a");
    let ids = |query: &str| -> Vec<u64> {
        let reply = client.get(&format!("commits/{HEAD}/check-runs?{query}"));
        let runs = reply.json()["check_runs"].as_array().expect("runs").clone();
        runs.iter().filter_map(|run| run["id"].as_u64()).collect()
    };
    assert_eq!(ids("app_id=15368"), [other, new]);
    assert_eq!(ids("app_id=15368&filter=all"), [other, new, old]);
    assert_eq!(ids("app_id=15368&check_name=a&filter=latest"), [new]);
    assert_eq!(ids("status=completed"), [other]);
    assert_eq!(ids("filter=all&app_id=15368&per_page=2&page=2"), [old]);
    assert_eq!(ids("check_name=none"), [0; 0]);
    violations_are(&github, &[]);
}

#[test]
fn a_job_s_own_check_run_takes_output_and_nothing_else() {
    let (github, client) = started(Options::default());
    let run = github.run(Run::of("push", HEAD, "acme/shop"));
    let job = github.job(run, "gates");
    assert_eq!(client.patch(job.id, output(vec![annotation(1)])).status, 200);
    violations_are(&github, &[]);
    let why = "Check run status and conclusions can only be updated internally by GitHub Actions.";
    for body in [json!({"conclusion": "failure"}), json!({"status": "in_progress"})] {
        let reply = client.patch(job.id, body);
        assert_eq!((reply.status, reply.json()["message"].as_str()), (403, Some(why)));
    }
    assert_eq!(client.patch(job.id, json!({"name": "mine"})).status, 200);
    violations_are(&github, &["job", "job", "job"]);
    let seen = client.get(&format!("actions/jobs/{}", job.id)).json();
    assert_eq!(
        (&seen["run_id"], &seen["status"], &seen["head_sha"]),
        (&json!(run), &json!("in_progress"), &json!(HEAD))
    );
    github.end_job(job.id, "success");
    let seen = client.get(&format!("actions/runs/{run}/jobs")).json();
    assert_eq!((&seen["total_count"], &seen["jobs"][0]["conclusion"]), (&json!(1), &json!("success")));
    assert_eq!(github.annotations(job.id).len(), 1);
    assert!(github.made().is_empty());
}

#[test]
fn runs_and_their_artifacts_can_be_confirmed() {
    let (github, client) = started(Options::default());
    let run = github.run(Run { attempt: 2, ..Run::of("push", HEAD, "acme/shop") });
    github.change_run(run, |run| (run.status, run.conclusion) = ("completed".into(), Some("success".into())));
    let seen = client.get(&format!("actions/runs/{run}")).json();
    for (key, value) in [
        ("id", json!(run)),
        ("head_sha", json!(HEAD)),
        ("path", json!(".github/workflows/ci.yml")),
        ("event", json!("push")),
        ("conclusion", json!("success")),
        ("run_attempt", json!(2)),
    ] {
        assert_eq!(seen[key], value, "{key}");
    }
    assert_eq!(seen["head_repository"]["full_name"], "acme/shop");
    assert_eq!(client.get(&format!("actions/runs/{run}/attempts/1")).json()["run_attempt"], 1);
    assert_eq!(client.get(&format!("actions/runs/{run}/attempts/3")).status, 404);
    assert_eq!(client.get("actions/runs/1").status, 404);
    let id = github.artifact(run, "qte-report", b"PK\x03\x04zip".to_vec());
    let list = client.get(&format!("actions/runs/{run}/artifacts?name=qte-report")).json();
    assert_eq!((&list["total_count"], &list["artifacts"][0]["id"]), (&json!(1), &json!(id)));
    // printf 'PK\003\004zip' | sha256sum
    let digest = "sha256:1171d55c61a4107d133a28904611ae09f32c15bc1cfb951caa9388bbc9ae16e9";
    assert_eq!(list["artifacts"][0]["digest"], digest);
    let redirect = client.get(&format!("actions/artifacts/{id}/zip"));
    let location = redirect.header("location").to_string();
    assert_eq!(redirect.status, 302);
    assert_eq!(send("GET", &location, &[], None).expect("an answer").body, b"PK\x03\x04zip");
    violations_are(&github, &[]);
    let token = [("authorization", client.authorization.as_str())];
    assert_eq!(send("GET", &location, &token, None).expect("an answer").status, 200);
    violations_are(&github, &["token"]);
}

#[test]
fn commits_are_compared_deployed_and_given_statuses() {
    let (github, client) = started(Options::default());
    github.commit(MERGE).pull(7, ("feature", HEAD), ("main", BASE)).merge_base(BASE, MERGE, HEAD);
    let compared = |pair: &str| client.get(&format!("compare/{pair}")).json();
    let ahead = compared(&format!("{BASE}...{HEAD}"));
    assert_eq!((&ahead["status"], &ahead["merge_base_commit"]["sha"]), (&json!("ahead"), &json!(BASE)));
    let diverged = compared(&format!("{BASE}...{MERGE}"));
    assert_eq!((&diverged["status"], &diverged["merge_base_commit"]["sha"]), (&json!("diverged"), &json!(HEAD)));
    assert_eq!(client.get(&format!("compare/{BASE}...{UNKNOWN}")).status, 404);
    let pulls = client.get(&format!("commits/{HEAD}/pulls")).json();
    assert_eq!((&pulls[0]["number"], &pulls[0]["base"]["sha"]), (&json!(7), &json!(BASE)));
    assert_eq!(client.get(&format!("commits/{BASE}/pulls")).json(), json!([]));
    let status = json!({"state": "success", "context": "qte", "description": "d"});
    assert_eq!(client.send("POST", &format!("statuses/{HEAD}"), &status).status, 201);
    assert_eq!(client.get(&format!("commits/{HEAD}/statuses")).json()[0]["context"], "qte");
    assert_eq!(github.statuses().len(), 1);
    violations_are(&github, &[]);

    // What GitHub does of itself has to be switched off.
    let deploy = |body: Value| client.send("POST", "deployments", &body);
    assert_eq!(deploy(json!({"ref": HEAD})).status, 202);
    assert_eq!(deploy(json!({"ref": HEAD, "auto_merge": false})).status, 409);
    violations_are(&github, &["rule", "rule"]);
    assert!(github.deployments().is_empty());
    let reply = deploy(json!({"ref": HEAD, "auto_merge": false, "required_contexts": [], "payload": {"gate": "x"}}));
    let id = reply.json()["id"].as_u64().expect("an id");
    assert_eq!((reply.status, &reply.json()["payload"]), (201, &json!({"gate": "x"})));
    let path = format!("deployments/{id}/statuses");
    assert_eq!(client.send("POST", &path, &json!({"state": "in_progress"})).status, 201);
    assert_eq!(client.get(&path).json()[0]["state"], "in_progress");
    assert_eq!(client.get("deployments?environment=production").json()[0]["sha"], HEAD);
}

#[test]
fn a_used_up_budget_is_told() {
    let (github, client) = started(Options { budget: 3, ..Options::default() });
    let left = [1, 2, 3].map(|_| client.get("check-runs/1").header("x-ratelimit-remaining").to_string());
    assert_eq!(left, ["2", "1", "0"]);
    violations_are(&github, &[]);
    let reply = client.create("a");
    assert_eq!((reply.status, reply.header("x-ratelimit-remaining")), (403, "0"));
    assert!(reply.header("x-ratelimit-reset").parse::<u64>().expect("seconds") > 1_700_000_000);
    assert_eq!(reply.json()["message"], "API rate limit exceeded for installation ID 12345.");
    client.create("a");
    violations_are(&github, &["impatient"]);
    assert!(github.made().is_empty());
}

#[test]
fn too_much_content_in_a_minute_is_refused() {
    let (github, client) = started(Options::default());
    for _ in 0..80 {
        client.created("a");
    }
    let reply = client.create("a");
    assert_eq!((reply.status, reply.header("retry-after")), (403, "60"));
    assert!(reply.text().contains("You have exceeded a secondary rate limit"));
    assert_eq!(reply.header("x-ratelimit-remaining"), "919");
    assert_eq!((github.made().len(), github.writes_per_minute_max()), (80, 81));
}

#[test]
fn an_enterprise_server_lies_below_its_prefix_and_limits_nothing() {
    let (github, client) = started(Options { enterprise: true, budget: 1, ..Options::default() });
    assert!(github.base_url().ends_with("/api/v3"));
    assert_eq!(format!("{}/api/v3", github.server_url()), github.base_url());
    for _ in 0..90 {
        assert_eq!(client.create("a").header("x-ratelimit-remaining"), "");
    }
    assert_eq!(github.made().len(), 90);
    violations_are(&github, &[]);
    let outside = Client { base: github.server_url(), authorization: client.authorization.clone() };
    assert_eq!(outside.create("a").status, 404);
    violations_are(&github, &["schema"]);
    assert_eq!(github.log()[0].path, "/repos/acme/shop/check-runs");
}

#[test]
fn headers_are_asked_for() {
    let (github, client) = started(Options::default());
    let url = format!("{}/repos/acme/shop/check-runs/1", github.base_url());
    let token = ("authorization", client.authorization.as_str());
    let accept = ("accept", "application/vnd.github+json");
    let get = |headers: &[(&str, &str)]| send("GET", &url, headers, None).expect("an answer").status;
    assert_eq!(get(&[token, accept]), 403);
    assert_eq!(get(&[token, ("user-agent", "x"), ("x-github-api-version", "2022-11-28")]), 404);
    assert_eq!(get(&[token, accept, ("user-agent", "x")]), 404);
    assert_eq!(get(&[token, accept, ("user-agent", "x"), ("x-github-api-version", "2001-01-01")]), 400);
    violations_are(&github, &["header"; 4]);
    let log = github.log();
    assert_eq!((log[1].header("user-agent"), log[1].header("authorization")), ("x", token.1));
}

/// One fault, met by one creation; then the network is whole again.
fn creation_under(fault: Fault) -> (GitHub, std::io::Result<Reply>) {
    let (github, client) = started(Options::default());
    github.fault(on("POST", "check-runs"), fault, 1);
    let body = json!({"name": "a", "head_sha": HEAD});
    let reply = client.try_send("POST", "check-runs", Some(&body));
    assert_eq!(github.faults_met(), 1);
    assert_eq!(client.get(&format!("commits/{HEAD}/check-runs")).status, 200);
    (github, reply)
}

#[test]
fn faults_that_answer() {
    let limited = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let spent = "API rate limit exceeded for installation ID 12345.";
    let cases = [
        (Fault::Status(500), 500, "", 0),
        (Fault::Status(502), 502, "", 0),
        (Fault::Status(503), 503, "", 0),
        (Fault::AfterCommit(502), 502, "", 1),
        (Fault::RetryAfter { s: 7 }, 403, limited, 0),
        (Fault::SecondaryLimit, 403, limited, 0),
        (Fault::PrimaryLimit { reset_in_s: 9 }, 403, spent, 0),
        (Fault::TooMany { retry_after_s: Some(7) }, 429, limited, 0),
        (Fault::TooMany { retry_after_s: None }, 429, limited, 0),
        (Fault::NotFound, 404, "Not Found", 0),
        (Fault::AgainstSchema, 422, "Invalid request.\n\n\"name\" wasn't supplied.", 0),
        (Fault::Invalid, 422, "Validation Failed", 0),
        (Fault::Garbage, 200, "", 1),
        (Fault::Late(Duration::from_millis(300)), 201, "", 1),
        (Fault::OtherRun, 201, "", 1),
    ];
    for (fault, status, message, made) in cases {
        let name = format!("{fault:?}");
        let began = Instant::now();
        let (github, reply) = creation_under(fault.clone());
        let reply = reply.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(reply.status, status, "{name}");
        assert_eq!(reply.json()["message"].as_str().unwrap_or(""), message, "{name}");
        assert_eq!(github.made().len(), made, "{name}");
        let asks_to_wait = status == 429 || (status == 403 && !message.is_empty());
        // The GET that follows came too early.
        violations_are(&github, if asks_to_wait { &["impatient"] } else { &[] });
        match fault {
            Fault::RetryAfter { .. } | Fault::TooMany { retry_after_s: Some(_) } => {
                assert_eq!(reply.header("retry-after"), "7", "{name}");
            }
            Fault::SecondaryLimit => {
                assert_eq!((reply.header("retry-after"), reply.header("x-ratelimit-remaining")), ("", "871"));
            }
            Fault::PrimaryLimit { .. } => assert_eq!(reply.header("x-ratelimit-remaining"), "0"),
            Fault::Garbage => assert!(reply.text().starts_with("<html>")),
            Fault::Late(by) => assert!(began.elapsed() >= by),
            Fault::OtherRun => {
                assert_ne!(reply.json()["id"], github.made()[0].id);
                assert_ne!(reply.json()["head_sha"], HEAD);
            }
            _ => {}
        }
    }
}

#[test]
fn faults_of_the_network() {
    let declared = |reply: &Reply| reply.header("content-length").parse::<usize>().expect("a length");
    let (github, reply) = creation_under(Fault::Truncated);
    let reply = reply.expect("a head");
    assert!(declared(&reply) > reply.body.len() && !reply.body.is_empty());
    assert_eq!(github.made().len(), 1);
    let (github, reply) = creation_under(Fault::WrongLength);
    let reply = reply.expect("a head");
    assert!(declared(&reply) < reply.body.len() && reply.json()["id"].is_u64());
    assert_eq!(github.made().len(), 1);
    for (fault, made) in [(Fault::Reset, 0), (Fault::ResetAfterCommit, 1)] {
        let (github, reply) = creation_under(fault);
        assert_eq!(reply.expect_err("no answer").kind(), std::io::ErrorKind::ConnectionReset);
        assert_eq!(github.made().len(), made);
    }
}

#[test]
fn a_redirect_leads_to_another_host() {
    let (github, reply) = creation_under(Fault::Redirect(307));
    let reply = reply.expect("an answer");
    let location = reply.header("location").to_string();
    assert_eq!(reply.status, 307);
    let host = |url: &str| url.split('/').nth(2).map(|host| host.split(':').next().unwrap_or("").to_string());
    assert_ne!(host(&location), host(&github.base_url()));
    violations_are(&github, &[]);
    let token = [("authorization", "Bearer secret")];
    assert_eq!(send("POST", &location, &token, Some(&json!({}))).expect("an answer").json()["id"], 666);
    violations_are(&github, &["token"]);
    let last = github.log().pop().expect("requests");
    assert!(last.elsewhere && github.made().is_empty());
}

#[test]
fn faults_meet_whom_they_are_meant_for() {
    let (github, client) = started(Options::default());
    github.fault(on("PATCH", "check-runs/*").after(1), Fault::Status(502), 1);
    let completes = |request: &Request| request.body["conclusion"] == "success";
    github.fault(on("*", "check-runs/*").when(completes), Fault::Status(503), FOR_EVER);
    let id = client.created("a");
    let statuses = [1, 2, 3].map(|_| client.patch(id, summary("s")).status);
    assert_eq!(statuses, [200, 502, 200]);
    let statuses = [1, 2].map(|_| client.patch(id, json!({"conclusion": "success"})).status);
    assert_eq!(statuses, [503, 503]);
    assert_eq!(client.patch(id, json!({"conclusion": "failure"})).status, 200);
    assert_eq!(github.faults_met(), 3);
}

#[test]
fn the_fake_stops_though_a_request_is_never_answered() {
    let (github, client) = started(Options::default());
    github.fault(on("GET", "x"), Fault::Never, FOR_EVER);
    let short = Duration::from_millis(100);
    let url = format!("{}/x", github.base_url());
    let error = send_for(short, "GET", &url, &[], None).expect_err("no answer");
    assert_eq!((error.kind(), github.faults_met()), (std::io::ErrorKind::WouldBlock, 1));
    drop(github);
    let error = client.try_send("GET", "check-runs/1", None).expect_err("nobody listens");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

fn shas() -> Shas {
    Shas { head: HEAD.into(), base: BASE.into(), merge: MERGE.into() }
}

/// GITHUB_SHA, and where the event names the commit that a check goes to: facts of GitHub's documentation.
#[test]
fn events_are_as_the_runner_gives_them() {
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, sha, head) in [
        (Kind::Push, HEAD, "/after"),
        (Kind::PullRequest, MERGE, "/pull_request/head/sha"),
        (Kind::ForkPullRequest, MERGE, "/pull_request/head/sha"),
        (Kind::DependabotPullRequest, MERGE, "/pull_request/head/sha"),
        (Kind::MergeGroup, HEAD, "/merge_group/head_sha"),
        (Kind::WorkflowRun, BASE, "/workflow_run/head_sha"),
        (Kind::WorkflowDispatch, HEAD, ""),
        (Kind::Deployment, HEAD, "/deployment/sha"),
    ] {
        let github = GitHub::start(Options::default());
        let event = events::event(kind, &shas(), "acme/shop");
        assert_eq!(event["repository"]["full_name"], "acme/shop", "{kind:?}");
        if !head.is_empty() {
            assert_eq!(event.pointer(head), Some(&json!(HEAD)), "{kind:?}");
        }
        let (job, variables) = events::environment(kind, &github, &shas(), &folder.path().join("event.json"));
        let variable = |name: &str| variables.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        assert_eq!(variable("GITHUB_SHA"), sha, "{kind:?}");
        assert_eq!(variable("GITHUB_EVENT_NAME"), kind.name());
        assert_eq!(variable("GITHUB_RUN_ID"), job.run.to_string());
        assert_eq!(variable("GITHUB_HEAD_REF").is_empty(), !kind.is_pull_request(), "{kind:?}");
        assert!(std::fs::exists(variable("GITHUB_STEP_SUMMARY")).expect("a folder"));
        // The run and the job that the variables name are there to be asked for.
        let client = Client::of(&github, kind.token());
        let run = client.get(&format!("actions/runs/{}", job.run)).json();
        assert_eq!(run["event"], kind.name(), "{kind:?}");
        assert_eq!(client.get(&format!("actions/jobs/{}", job.id)).json()["status"], "in_progress", "{kind:?}");
        assert_eq!(kind.token() == Token::ReadOnly, client.create("a").status == 403, "{kind:?}");
    }
    let fork = events::event(Kind::ForkPullRequest, &shas(), "acme/shop");
    assert_eq!(fork["pull_request"]["head"]["repo"]["full_name"], "mallory/shop");
    assert_eq!(fork["pull_request"]["base"]["repo"]["full_name"], "acme/shop");
    let own = events::event(Kind::PullRequest, &shas(), "acme/shop");
    assert_eq!(own["pull_request"]["head"]["repo"]["full_name"], "acme/shop");
}

/// Events of ours are as GitHub describes its own, whatever was changed in them.
#[test]
fn events_obey_their_description() {
    let file = schema::package("@octokit/webhooks-schemas").join("schema.json");
    let mut description: Value = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
    let whole = description.as_object_mut().expect("an object");
    whole.remove("oneOf");
    for kind in Kind::ALL {
        let name =
            ["event", "$event"].map(|end| format!("{}{}{end}", kind.name(), if end == "event" { "_" } else { "" }));
        let name = name.iter().find(|name| description["definitions"].get(name.as_str()).is_some()).expect("described");
        description["$ref"] = json!(format!("#/definitions/{name}"));
        let validator = jsonschema::validator_for(&description).expect("a schema");
        let mut event = events::event(kind, &shas(), "acme/shop");
        assert!(validator.is_valid(&event), "{kind:?}: {event}");
        event["repository"]["id"] = json!("1");
        assert!(!validator.is_valid(&event), "{kind:?}: nothing is checked");
    }
}

/// How the tests of publishing use all this: a project, an event, the binary, and what GitHub saw.
#[test]
fn the_binary_can_be_run_against_it() {
    let github = GitHub::start(Options::default());
    let mut project = Project::empty();
    project.config("stages: [1A]\ntests: {run: \"true\"}\n");
    let base = project.commit();
    project.write("new.txt", "x");
    let head = project.commit();
    let shas = Shas { head, base, merge: MERGE.into() };
    let job = events::on_the_runner(&mut project, Kind::PullRequest, &github, &shas);
    let run = project.gate(&["--stages", "1A"]);
    assert_eq!(run.report["subject"]["event"], "pull_request", "{}", run.said);
    assert_eq!(run.report["subject"]["sha"], shas.head, "{}", run.said);
    assert!(github.check_runs().iter().any(|check| check.id == job.id && check.conclusion.is_none()));
    violations_are(&github, &[]);
}

/// Prism, which holds what passes through it against GitHub's description, requests and answers.
struct Prism {
    child: Child,
    base: String,
}

impl Prism {
    fn before(github: &GitHub, enterprise: bool) -> Prism {
        let program = schema::package("@stoplight/prism-cli").join("dist/index.js");
        let file = &schema::schema(enterprise).file;
        let base = format!("http://127.0.0.1:{}", free_port());
        let port = base.rsplit(':').next().expect("a port");
        let mut command = Command::new("node");
        command.arg(program).args(["proxy", "--errors", "--port", port]).arg(file).arg(github.base_url());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("node");
        let prism = Prism { child, base };
        let began = Instant::now();
        while send("GET", &format!("{}/", prism.base), &[], None).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "Prism did not begin to listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        prism
    }

    fn client(&self, token: Token) -> Client {
        Client { base: self.base.clone(), authorization: format!("Bearer {}", token.text()) }
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        self.child.kill().expect("it can be ended");
        self.child.wait().expect("it ended");
    }
}

/// What Prism objects to.
fn objections(reply: &Reply) -> Option<String> {
    let own = reply.header("content-type").contains("problem+json") || reply.text().contains("stoplight.io");
    own.then(|| reply.text())
}

#[track_caller]
fn passes(reply: Reply, status: u16) -> Value {
    assert_eq!(objections(&reply), None);
    assert_eq!(reply.status, status, "{}", reply.text());
    reply.json()
}

fn through_prism(enterprise: bool) {
    let (github, _) = started(Options { enterprise, ..Options::default() });
    github.commit(MERGE).pull(7, ("feature", HEAD), ("main", BASE));
    let run = github.run(Run::of("push", HEAD, "acme/shop"));
    let job = github.job(run, "gates");
    let artifact = github.artifact(run, "qte-report", b"zip".to_vec());
    let prism = Prism::before(&github, enterprise);
    let client = prism.client(Token::Actions);
    let body = json!({"name": "a", "head_sha": HEAD, "status": "in_progress", "external_id": "e"});
    let id = passes(client.send("POST", "check-runs", &body), 201)["id"].as_u64().expect("an id");
    passes(client.patch(id, output((1..=50).map(annotation).collect())), 200);
    let columns = changed(json!({"start_column": 1, "end_column": 2, "title": "t", "raw_details": "d"}));
    passes(client.patch(id, output(vec![columns])), 200);
    let done = json!({"status": "completed", "conclusion": "success", "completed_at": "2026-01-02T03:04:05Z"});
    assert_eq!(passes(client.patch(id, done), 200)["output"]["annotations_count"], 51);
    passes(client.patch(job.id, output(vec![annotation(2)])), 200);
    let suite = github.check_runs()[0].suite;
    for path in [
        format!("check-runs/{id}"),
        format!("check-runs/{id}/annotations?per_page=50&page=2"),
        format!("commits/{HEAD}/check-runs?check_name=a&filter=all&status=completed&app_id=15368&per_page=1"),
        format!("commits/{HEAD}/check-suites"),
        format!("check-suites/{suite}"),
        format!("check-suites/{suite}/check-runs"),
        format!("commits/{HEAD}/pulls"),
        format!("compare/{BASE}...{HEAD}"),
        format!("actions/runs/{run}"),
        format!("actions/runs/{run}/attempts/1"),
        format!("actions/runs/{run}/jobs"),
        format!("actions/runs/{run}/attempts/1/jobs"),
        format!("actions/runs/{run}/artifacts"),
        format!("actions/jobs/{}", job.id),
        format!("actions/artifacts/{artifact}"),
    ] {
        passes(client.get(&path), 200);
    }
    let status = json!({"state": "success", "context": "qte", "target_url": "https://example.org/"});
    passes(client.send("POST", &format!("statuses/{HEAD}"), &status), 201);
    passes(client.get(&format!("commits/{HEAD}/statuses")), 200);
    let deploy = json!({"ref": HEAD, "auto_merge": false, "required_contexts": [], "environment": "production"});
    let deployment = passes(client.send("POST", "deployments", &deploy), 201)["id"].clone();
    let page = "https://example.org/";
    let status = json!({"state": "success", "log_url": page, "environment_url": page});
    passes(client.send("POST", &format!("deployments/{deployment}/statuses"), &status), 201);
    passes(client.get(&format!("deployments/{deployment}/statuses")), 200);
    passes(client.get("deployments"), 200);
    passes(client.get(&format!("deployments/{deployment}")), 200);
    violations_are(&github, &[]);
    refusals_pass(&github, &prism, id);
    what_prism_refuses_the_fake_refuses(&github, &prism, id);
}

/// Refusals have the shapes that GitHub describes.
fn refusals_pass(github: &GitHub, prism: &Prism, id: u64) {
    let client = prism.client(Token::Actions);
    passes(prism.client(Token::ReadOnly).create("b"), 403);
    passes(prism.client(Token::App).patch(id, json!({"conclusion": "failure"})), 403);
    passes(Client { base: prism.base.clone(), authorization: "Bearer nobody".into() }.create("b"), 401);
    passes(client.get("check-runs/1"), 404);
    passes(client.send("POST", "check-runs", &json!({"name": "b", "head_sha": UNKNOWN})), 422);
    passes(client.patch(id, summary(&"€".repeat(21_846))), 422);
    passes(client.patch(id, output(vec![changed(json!({"path": "/a"}))])), 422);
    for (fault, status) in [
        (Fault::SecondaryLimit, 403),
        (Fault::PrimaryLimit { reset_in_s: 0 }, 403),
        (Fault::TooMany { retry_after_s: Some(0) }, 429),
        (Fault::AgainstSchema, 422),
        (Fault::Invalid, 422),
    ] {
        github.fault(on("POST", "check-runs"), fault, 1);
        passes(client.create("b"), status);
    }
}

/// The fake is nowhere milder than GitHub's description, as an independent validator reads it.
fn what_prism_refuses_the_fake_refuses(github: &GitHub, prism: &Prism, id: u64) {
    let (through, direct) = (prism.client(Token::Actions), Client::of(github, Token::Actions));
    let action = json!({"label": "l", "description": "d", "identifier": "i"});
    for body in [
        output((1..=51).map(annotation).collect()),
        summary(&"x".repeat(65_536)),
        output(vec![changed(json!({"annotation_level": "error"}))]),
        output(vec![changed(json!({"path": null}))]),
        output(vec![changed(json!({"start_line": "3"}))]),
        json!({"output": {"title": "t"}}),
        json!({"conclusion": "passed"}),
        json!({"status": "done"}),
        json!({"completed_at": "yesterday"}),
        json!({"actions": [action, action, action, action]}),
        json!({"actions": [{"label": "x".repeat(21), "description": "d", "identifier": "i"}]}),
    ] {
        let reply = through.patch(id, body.clone());
        assert!(objections(&reply).is_some(), "Prism lets {body} through");
        assert_eq!(direct.patch(id, body.clone()).status, 422, "the fake lets {body} through");
    }
}

#[test]
fn prism_finds_nothing() {
    through_prism(false);
}

#[test]
fn prism_finds_nothing_of_an_enterprise_server() {
    through_prism(true);
}

#[test]
fn prism_finds_what_is_broken() {
    let (github, _) = started(Options { broken_for_proof: true, ..Options::default() });
    let prism = Prism::before(&github, false);
    let client = prism.client(Token::Actions);
    let found = objections(&client.create("a")).expect("an objection");
    assert!(found.contains("annotations_url") && found.contains("annotations_count"), "{found}");
    let id = github.made()[0].id;
    let found = objections(&client.get(&format!("check-runs/{id}"))).expect("an objection");
    assert!(found.contains("annotations_url"), "{found}");
}
