//! GitHub's REST API as the tests know it: on loopback, with a memory, strict where GitHub is strict. Every request is
//! checked against GitHub's own description; what a client must not do is kept in `violations`.

// Each wall uses its own part of this.
#![allow(unused_imports)]

mod actions;
mod checks;
pub mod fault;
mod message;
pub mod schema;
mod state;
mod wire;

pub use fault::{FOR_EVER, Fault, on};
pub use message::Request;
pub use state::{ACTIONS_APP, CheckRun, Job, OTHER_APP, Run, Token};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use fault::{Matching, Outcome, Planted};
use message::Answer;
use serde_json::{Value, json};
use state::{Artifact, Pull, REPOSITORY_ID, State};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use wire::{Connection, Door};

/// Content that a client may write in a minute.
const WRITES_PER_MINUTE: usize = 80;
/// A body of ours is far below it.
const BODY_MAX_BYTES: usize = 32 << 20;

#[derive(Clone, Debug)]
pub struct Options {
    pub repository: String,
    /// An Enterprise Server: below `/api/v3`, without rate limits.
    pub enterprise: bool,
    /// Of the choice of suites.
    pub seed: u64,
    /// Requests an hour of `GITHUB_TOKEN`.
    pub budget: u32,
    /// Check runs are answered against the description, so that what proves the fake is seen to fail.
    pub broken_for_proof: bool,
}

impl Default for Options {
    fn default() -> Options {
        let repository = "acme/shop".into();
        Options { repository, enterprise: false, seed: 1, budget: 1_000, broken_for_proof: false }
    }
}

/// The fake, until it is dropped.
pub struct GitHub {
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl GitHub {
    pub fn start(options: Options) -> GitHub {
        let schema = schema::schema(options.enterprise);
        let here = listener("127.0.0.1");
        // Another address of the loopback: another host to every client.
        let there = listener("127.0.0.2");
        let address = |listener: &std::net::TcpListener| listener.local_addr().expect("it is bound");
        let prefix = if options.enterprise { "/api/v3" } else { "" };
        let api = format!("http://{}{prefix}", address(&here));
        let elsewhere = format!("http://{}", address(&there));
        let state = Arc::new(Mutex::new(State::new(options, schema, api, elsewhere)));
        let (stop, stopped) = oneshot::channel();
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (main, other) = (serve(here, shared.clone(), false), serve(there, shared, true));
                tokio::select! { _ = main => {} _ = other => {} _ = stopped => {} }
            });
            // A request that is never answered must not keep us.
            runtime.shutdown_background();
        });
        GitHub { state, stop: Some(stop), thread: Some(thread) }
    }

    /// What `GITHUB_API_URL` says.
    pub fn base_url(&self) -> String {
        self.state().api.clone()
    }

    /// What `GITHUB_SERVER_URL` says.
    pub fn server_url(&self) -> String {
        let state = self.state();
        match state.api.strip_suffix("/api/v3") {
            Some(server) => server.to_string(),
            None => "https://github.com".into(),
        }
    }

    pub fn repository(&self) -> String {
        self.state().options.repository.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no handler panicked")
    }

    /// Makes a commit known. Of any other, check runs are refused.
    pub fn commit(&self, sha: &str) -> &GitHub {
        self.state().commits.insert(sha.to_string());
        self
    }

    /// Enters a workflow run and its suite, under its own id or, where that is 0, a new one.
    pub fn run(&self, mut run: Run) -> u64 {
        let mut state = self.state();
        if run.id == 0 {
            run.id = state.new_id();
        }
        state.commits.insert(run.head_sha.clone());
        state.new_suite(ACTIONS_APP, &run.head_sha, Some(run.id));
        state.runs.push(run.clone());
        run.id
    }

    pub fn change_run(&self, id: u64, change: impl Fn(&mut Run)) {
        change(self.state().runs.iter_mut().find(|run| run.id == id).expect("a run of that id"));
    }

    /// Begins a job of a run: a check run that Actions made, in progress.
    pub fn job(&self, run: u64, name: &str) -> Job {
        let mut state = self.state();
        let id = state.new_id();
        let (head_sha, attempt) = {
            let run = state.runs.iter().find(|r| r.id == run).expect("a run of that id");
            (run.head_sha.clone(), run.attempt)
        };
        let suite = state.suites.iter().find(|suite| suite.run == Some(run)).expect("a run has a suite").id;
        state.checks.push(CheckRun {
            id,
            name: name.into(),
            head_sha,
            status: "in_progress".into(),
            started_at: Some(state::now()),
            app: ACTIONS_APP,
            suite,
            is_job: true,
            ..CheckRun::default()
        });
        let job = Job { id, run, attempt };
        state.jobs.push(job.clone());
        job
    }

    /// Actions ends a job; nobody else can.
    pub fn end_job(&self, id: u64, conclusion: &str) {
        let mut state = self.state();
        let check = state.checks.iter_mut().find(|check| check.id == id && check.is_job).expect("a job of that id");
        check.status = "completed".into();
        (check.conclusion, check.completed_at) = (Some(conclusion.into()), Some(state::now()));
    }

    /// Keeps an artifact of a run; gives its id.
    pub fn artifact(&self, run: u64, name: &str, zip: Vec<u8>) -> u64 {
        let mut state = self.state();
        let id = state.new_id();
        state.artifacts.push(Artifact { id, run, name: name.into(), zip });
        id
    }

    /// Opens a pull request: branch and commit of its head, then of its base.
    pub fn pull(&self, number: u64, head: (&str, &str), base: (&str, &str)) -> &GitHub {
        let [head_branch, head_sha, base_branch, base_sha] = [head.0, head.1, base.0, base.1].map(str::to_string);
        self.state().pulls.push(Pull { number, head_sha, head_branch, base_sha, base_branch });
        self
    }

    /// What `compare` finds in place of the base itself.
    pub fn merge_base(&self, base: &str, head: &str, merge_base: &str) -> &GitHub {
        self.state().merge_bases.insert((base.into(), head.into()), merge_base.into());
        self
    }

    /// Plants a fault for so many of the matching requests (`FOR_EVER`: all).
    pub fn fault(&self, matching: Matching, fault: Fault, times: usize) -> &GitHub {
        self.state().faults.push(Planted { matching, fault, times, met: 0 });
        self
    }

    /// How often planted faults struck. A test of one that never did shows nothing.
    pub fn faults_met(&self) -> usize {
        self.state().faults.iter().map(|planted| planted.met).sum()
    }

    pub fn log(&self) -> Vec<Request> {
        self.state().log.clone()
    }

    /// What clients did that they must not do; empty after a good run. `schema:` against GitHub's description,
    /// `rule:` refused by a rule that no schema has, `job:` meddling with the job's own check run, `token:` sent where
    /// it does not belong, `impatient:` asked before the time that was told, `header:` and `query:` not as documented.
    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Every check run, jobs' own among them, in the order of their making.
    pub fn check_runs(&self) -> Vec<CheckRun> {
        self.state().checks.clone()
    }

    /// The check runs that clients made.
    pub fn made(&self) -> Vec<CheckRun> {
        self.check_runs().into_iter().filter(|run| !run.is_job).collect()
    }

    /// Makes a copy of the last check run that a client made, as another workflow with the same token could.
    pub fn forge(&self, change: impl Fn(&mut CheckRun)) {
        let mut state = self.state();
        let mut copy = state.checks.iter().rfind(|run| !run.is_job).expect("there is one").clone();
        copy.id = state.new_id();
        change(&mut copy);
        state.checks.push(copy);
    }

    /// The check runs that clients made and left yellow.
    pub fn in_progress(&self) -> Vec<CheckRun> {
        self.made().into_iter().filter(|run| run.status != "completed").collect()
    }

    pub fn annotations(&self, id: u64) -> Vec<Value> {
        let found = self.check_runs().into_iter().find(|run| run.id == id);
        found.unwrap_or_else(|| panic!("no check run {id}")).annotations
    }

    pub fn statuses(&self) -> Vec<Value> {
        self.state().statuses.clone()
    }

    pub fn deployments(&self) -> Vec<Value> {
        self.state().deployments.clone()
    }

    /// The most content that was asked to be written within any one minute.
    pub fn writes_per_minute_max(&self) -> usize {
        let times: Vec<Instant> = self.log().iter().filter(|r| r.writes() && !r.elsewhere).map(|r| r.at).collect();
        let minute = Duration::from_secs(60);
        let within = |from: Instant| times.iter().filter(|at| (from..from + minute).contains(at)).count();
        times.iter().map(|from| within(*from)).max().unwrap_or(0)
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        // Where the thread is gone already there is nobody to tell.
        let told = self.stop.take().is_some_and(|stop| stop.send(()).is_ok());
        if let Some(thread) = self.thread.take().filter(|_| told) {
            assert!(thread.join().is_ok() || std::thread::panicking(), "the fake panicked");
        }
    }
}

fn listener(host: &str) -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind((host, 0)).unwrap_or_else(|e| panic!("{host}: {e}"));
    listener.set_nonblocking(true).expect("a socket");
    listener
}

async fn serve(listener: std::net::TcpListener, state: Arc<Mutex<State>>, elsewhere: bool) {
    let door = Door(tokio::net::TcpListener::from_std(listener).expect("a socket"));
    let handler = move |ConnectInfo(connection): ConnectInfo<Connection>, request: axum::extract::Request| {
        handle(state.clone(), connection, request, elsewhere)
    };
    let service = Router::new().fallback(handler).into_make_service_with_connect_info::<Connection>();
    axum::serve(door, service).await.expect("it runs until it is stopped");
}

async fn handle(
    state: Arc<Mutex<State>>,
    connection: Connection,
    request: axum::extract::Request,
    elsewhere: bool,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_MAX_BYTES).await.unwrap_or_default();
    let value = |v: &axum::http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
    let request = Request {
        at: Instant::now(),
        method: head.method.to_string(),
        path: message::decoded(head.uri.path()),
        query: message::parameters(head.uri.query().unwrap_or("")),
        headers: head.headers.iter().map(|(name, v)| (name.to_string(), value(v))).collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        elsewhere,
    };
    // The lock is never held while waiting.
    let outcome = {
        let mut state = state.lock().expect("no handler panicked");
        if elsewhere { Outcome::Answer(at_the_other_host(&mut state, request)) } else { outcome(&mut state, request) }
    };
    match outcome {
        Outcome::Answer(answer) => response(answer),
        Outcome::Late(answer, by) => {
            tokio::time::sleep(by).await;
            response(answer)
        }
        Outcome::Never => std::future::pending().await,
        Outcome::Raw(raw) => {
            connection.sabotage(raw);
            Response::new(Body::empty())
        }
    }
}

fn response(answer: Answer) -> Response {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(answer.body)).expect("a response")
}

/// Artifacts lie here; whoever was redirected here has to leave the token at home.
fn at_the_other_host(state: &mut State, request: Request) -> Answer {
    if !request.header("authorization").is_empty() {
        state.violation("token", &request, "the token was sent to another host");
    }
    let path = request.path.clone();
    state.log.push(request);
    let zip = path.strip_prefix("/artifact/").and_then(|id| state.artifacts.iter().find(|a| a.id.to_string() == id));
    match zip {
        Some(artifact) => {
            let headers = vec![("content-type".into(), "application/zip".into())];
            Answer { status: 200, headers, body: artifact.zip.clone() }
        }
        None => Answer::json(200, &json!({"id": 666, "message": "this is another host"})),
    }
}

/// Logs the request, does the work, and lets the planted faults in before or after.
fn outcome(state: &mut State, mut request: Request) -> Outcome {
    let outside = if state.options.enterprise {
        let inner = request.path.strip_prefix("/api/v3").map(str::to_string);
        let outside = inner.is_none();
        request.path = inner.unwrap_or(request.path);
        outside
    } else {
        false
    };
    // A link that GitHub gave.
    if let Some(rest) = request.path.strip_prefix(&format!("/repositories/{REPOSITORY_ID}/")) {
        request.path = format!("/repos/{}/{rest}", state.options.repository);
    }
    state.log.push(request.clone());
    state.note_patience(&request);
    if outside {
        state.violation("schema", &request, "it is not below /api/v3");
        return Outcome::Answer(Answer::error(404, "Not Found"));
    }
    let fault = state.faults.iter_mut().find_map(|p| p.strikes(&request).then(|| p.fault.clone()));
    let elsewhere = state.elsewhere.clone();
    let before = fault.as_ref().and_then(|fault| fault.before(&request, &elsewhere));
    let outcome = before.unwrap_or_else(|| {
        let answer = answer(state, &request);
        match fault {
            Some(fault) => fault.after(answer),
            None => Outcome::Answer(answer),
        }
    });
    if let Outcome::Answer(answer) = &outcome {
        state.note_limit(answer);
    }
    outcome
}

fn answer(state: &mut State, request: &Request) -> Answer {
    if request.header("user-agent").is_empty() {
        state.violation("header", request, "no user-agent");
        return Answer::error(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.",
        );
    }
    let sent = request.header("authorization");
    let sent = sent.strip_prefix("Bearer ").or_else(|| sent.strip_prefix("token ")).unwrap_or("");
    if sent.is_empty() {
        return Answer::error(401, "Requires authentication");
    }
    let Some(token) = Token::ALL.into_iter().find(|token| token.text() == sent) else {
        return Answer::error(401, "Bad credentials");
    };
    let spent = state.spend(token) && !state.options.enterprise;
    let answer = if spent { fault::used_up(403, 3_600) } else { permitted(state, request, token) };
    state.with_budget(token, answer)
}

/// What a token may do, what the description allows, and how fast; then the work.
fn permitted(state: &mut State, request: &Request, token: Token) -> Answer {
    let path = request.segments();
    let in_repository = path.len() > 3 && path[0] == "repos" && path[1..3].join("/") == state.options.repository;
    let schema = state.schema;
    let Some(operation) = schema.find(&request.method, &path) else {
        state.violation("schema", request, "no such operation");
        return Answer::error(404, "Not Found");
    };
    if let Some(refused) = headers(state, request) {
        return refused;
    }
    for unknown in operation.unknown_in_query(request) {
        state.violation("query", request, &unknown);
    }
    if !in_repository {
        return Answer::error(404, "Not Found");
    }
    let about_checks = request.path.contains("/check-");
    if (token == Token::ReadOnly && request.writes()) || (token == Token::NoChecks && about_checks) {
        return Answer::error(403, "Resource not accessible by integration");
    }
    let reasons = operation.refuses_body(request);
    if !reasons.is_empty() {
        state.violation("schema", request, &reasons.join(" "));
        return Answer::against_schema(&reasons);
    }
    if request.writes() && !state.options.enterprise {
        state.writes.retain(|at| at.elapsed() < Duration::from_secs(60));
        if state.writes.len() >= WRITES_PER_MINUTE {
            let why = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            return Answer::error(403, why).with("retry-after", 60);
        }
        state.writes.push(request.at);
    }
    actions::route(state, request, token)
}

/// The headers that GitHub asks its clients for.
fn headers(state: &mut State, request: &Request) -> Option<Answer> {
    if !request.header("accept").contains("application/vnd.github") {
        state.violation("header", request, "accept does not name application/vnd.github+json");
    }
    let version = request.header("x-github-api-version");
    let known: &[&str] = if state.options.enterprise { &["2022-11-28"] } else { &["2022-11-28", "2026-03-10"] };
    if version.is_empty() {
        state.violation("header", request, "no x-github-api-version");
    } else if !known.contains(&version) {
        state.violation("header", request, &format!("no version {version}"));
        return Some(Answer::error(400, &format!("{version} is not a supported version of the API.")));
    }
    if request.writes() && !request.header("content-type").starts_with("application/json") {
        state.violation("header", request, "the body is not declared application/json");
    }
    None
}

/// The address of a free port, for a program that takes no 0.
pub fn free_port() -> u16 {
    let bound = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    bound.local_addr().expect("it is bound").port()
}
