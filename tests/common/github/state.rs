//! What the fake holds: commits, suites, check runs, workflow runs, artifacts, and what it saw of its clients.

use super::Options;
use super::fault::Planted;
use super::message::{Answer, Request};
use super::schema::Schema;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The App behind every `GITHUB_TOKEN`.
pub const ACTIONS_APP: u64 = 15368;
/// Somebody's own App.
pub const OTHER_APP: u64 = 424_242;
/// Answers of GitHub name repositories by this where they link on.
pub const REPOSITORY_ID: u64 = 1_296_269;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Token {
    /// `GITHUB_TOKEN` with `checks: write`, `statuses: write` and `deployments: write`.
    Actions,
    /// `GITHUB_TOKEN` of a fork's pull request: everything may be read.
    ReadOnly,
    /// `GITHUB_TOKEN` where `permissions:` does not name `checks`, in a private repository.
    NoChecks,
    /// A person's own.
    Personal,
    /// An installation token of an App that is not Actions.
    App,
}

impl Token {
    pub const ALL: [Token; 5] = [Token::Actions, Token::ReadOnly, Token::NoChecks, Token::Personal, Token::App];

    pub fn text(self) -> &'static str {
        match self {
            Token::Actions => "ghs_token-of-actions",
            Token::ReadOnly => "ghs_token-that-only-reads",
            Token::NoChecks => "ghs_token-without-checks",
            Token::Personal => "ghp_token-of-a-person",
            Token::App => "ghs_token-of-an-app",
        }
    }

    pub fn app(self) -> Option<u64> {
        match self {
            Token::Personal => None,
            Token::App => Some(OTHER_APP),
            _ => Some(ACTIONS_APP),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct CheckRun {
    pub id: u64,
    pub name: String,
    pub head_sha: String,
    pub status: String,
    pub conclusion: Option<String>,
    pub external_id: Option<String>,
    /// As asked for. On runs of Actions GitHub answers with its own page all the same.
    pub details_url: Option<String>,
    pub started_at: Option<String>,
    pub completed_at: Option<String>,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub text: Option<String>,
    pub annotations: Vec<Value>,
    pub app: u64,
    pub suite: u64,
    /// The check run of a job, which Actions itself made.
    pub is_job: bool,
}

#[derive(Clone, Debug)]
pub struct Suite {
    pub id: u64,
    pub app: u64,
    pub head_sha: String,
    /// The workflow run that it stands for.
    pub run: Option<u64>,
}

/// A run of a workflow.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: u64,
    pub workflow: String,
    pub path: String,
    pub event: String,
    pub head_sha: String,
    pub head_branch: String,
    pub head_repository: String,
    pub status: String,
    pub conclusion: Option<String>,
    pub attempt: u64,
}

impl Run {
    /// A run that goes on, of `.github/workflows/ci.yml` on `main`.
    pub fn of(event: &str, head_sha: &str, repository: &str) -> Run {
        Run {
            id: 0,
            workflow: "CI".into(),
            path: ".github/workflows/ci.yml".into(),
            event: event.into(),
            head_sha: head_sha.into(),
            head_branch: "main".into(),
            head_repository: repository.into(),
            status: "in_progress".into(),
            conclusion: None,
            attempt: 1,
        }
    }
}

/// A job of a workflow run. Its id is that of its check run.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: u64,
    pub run: u64,
    pub attempt: u64,
}

#[derive(Clone, Debug)]
pub struct Artifact {
    pub id: u64,
    pub run: u64,
    pub name: String,
    pub zip: Vec<u8>,
}

#[derive(Clone, Debug)]
pub struct Pull {
    pub number: u64,
    pub head_sha: String,
    pub head_branch: String,
    pub base_sha: String,
    pub base_branch: String,
}

pub struct State {
    pub options: Options,
    pub schema: &'static Schema,
    /// The address of the API, with `/api/v3` on an Enterprise Server.
    pub api: String,
    /// The other host, to which redirects lead.
    pub elsewhere: String,
    pub commits: BTreeSet<String>,
    pub suites: Vec<Suite>,
    pub checks: Vec<CheckRun>,
    pub runs: Vec<Run>,
    pub jobs: Vec<Job>,
    pub artifacts: Vec<Artifact>,
    pub pulls: Vec<Pull>,
    /// By base and head: their merge base.
    pub merge_bases: BTreeMap<(String, String), String>,
    pub deployments: Vec<Value>,
    /// With the deployment's id.
    pub deployment_statuses: Vec<(u64, Value)>,
    pub statuses: Vec<Value>,
    pub faults: Vec<Planted>,
    pub log: Vec<Request>,
    pub violations: Vec<String>,
    /// When content was written, for the secondary limit.
    pub writes: Vec<Instant>,
    used: BTreeMap<Token, u32>,
    closed: Option<Instant>,
    last_id: u64,
    random: u64,
}

impl State {
    pub fn new(options: Options, schema: &'static Schema, api: String, elsewhere: String) -> State {
        State {
            random: options.seed,
            options,
            schema,
            api,
            elsewhere,
            commits: BTreeSet::new(),
            suites: Vec::new(),
            checks: Vec::new(),
            runs: Vec::new(),
            jobs: Vec::new(),
            artifacts: Vec::new(),
            pulls: Vec::new(),
            merge_bases: BTreeMap::new(),
            deployments: Vec::new(),
            deployment_statuses: Vec::new(),
            statuses: Vec::new(),
            faults: Vec::new(),
            log: Vec::new(),
            violations: Vec::new(),
            writes: Vec::new(),
            used: BTreeMap::new(),
            closed: None,
            last_id: 30_000,
        }
    }

    pub fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Notes what a client must not do; the kind comes first.
    pub fn violation(&mut self, kind: &str, request: &Request, what: &str) {
        self.violations.push(format!("{kind}: {} {}: {what}", request.method, request.path));
    }

    /// The suite that a new check run of this App lands in: any one of those that the commit has.
    pub fn any_suite(&mut self, app: u64, head_sha: &str) -> u64 {
        let fit: Vec<u64> =
            self.suites.iter().filter(|s| s.app == app && s.head_sha == head_sha).map(|s| s.id).collect();
        if fit.is_empty() {
            return self.new_suite(app, head_sha, None);
        }
        // The upper bits of Knuth's generator.
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        fit[(self.random >> 33) as usize % fit.len()]
    }

    pub fn new_suite(&mut self, app: u64, head_sha: &str, run: Option<u64>) -> u64 {
        let id = self.new_id();
        self.suites.push(Suite { id, app, head_sha: head_sha.into(), run });
        id
    }

    /// A branch, tag or commit, as a ref of a path names it.
    pub fn commit_of(&self, reference: &str) -> Option<String> {
        self.commits.contains(reference).then(|| reference.to_string())
    }

    /// Counts the request; whether the hour's budget was used up before it.
    pub fn spend(&mut self, token: Token) -> bool {
        let used = self.used.entry(token).or_default();
        *used += 1;
        let used = *used;
        used > self.limit(token)
    }

    fn limit(&self, token: Token) -> u32 {
        if matches!(token, Token::Personal | Token::App) { 5_000 } else { self.options.budget }
    }

    /// The budget as GitHub tells it; an Enterprise Server has none unless somebody sets one.
    pub fn with_budget(&self, token: Token, answer: Answer) -> Answer {
        if self.options.enterprise || answer.header("x-ratelimit-remaining").is_some() {
            return answer;
        }
        let (limit, used) = (self.limit(token), self.used.get(&token).copied().unwrap_or(0));
        answer
            .with("x-ratelimit-limit", limit)
            .with("x-ratelimit-remaining", limit.saturating_sub(used))
            .with("x-ratelimit-used", used)
            .with("x-ratelimit-reset", super::fault::epoch_s() + 3_600)
            .with("x-ratelimit-resource", "core")
    }

    /// A client that was told to wait must wait.
    pub fn note_patience(&mut self, request: &Request) {
        if let Some(left) = self.closed.and_then(|until| until.checked_duration_since(request.at)) {
            self.violation("impatient", request, &format!("{:.1} s too early", left.as_secs_f64()));
        }
    }

    /// Keeps until when an answer closed the door: `retry-after`, else the reset, else a minute.
    pub fn note_limit(&mut self, answer: &Answer) {
        if !matches!(answer.status, 403 | 429) {
            return;
        }
        let number = |name: &str| answer.header(name).and_then(|value| value.parse::<u64>().ok());
        let reset = || number("x-ratelimit-reset").filter(|_| number("x-ratelimit-remaining") == Some(0));
        let limited = || answer.status == 429 || String::from_utf8_lossy(&answer.body).contains("secondary rate limit");
        let wait_s = number("retry-after")
            // Less the second by which the reset was rounded up.
            .or_else(|| reset().map(|at| at.saturating_sub(super::fault::epoch_s())))
            .or_else(|| limited().then_some(60));
        if let Some(wait_s) = wait_s {
            self.closed = Some(Instant::now() + Duration::from_secs(wait_s));
        }
    }

    /// GitHub's own example of an answer with the fake's addresses in it, and these fields in place of the example's.
    pub fn like_example(&self, method: &str, path: &str, fields: Value) -> Value {
        self.laid_over(self.schema.example(method, path), fields)
    }

    pub fn laid_over(&self, example: Value, fields: Value) -> Value {
        let repository = &self.options.repository;
        let mut text = example.to_string().replace("https://api.github.com", &self.api);
        for shown in
            ["octo-org/octo-repo", "octo-org/octo-docs", "octocat/Hello-World", "octocat/example", "github/hello-world"]
        {
            text = text.replace(shown, repository);
        }
        let mut value = serde_json::from_str(&text).expect("it was JSON");
        lay(&mut value, fields);
        value
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}/repos/{}/{path}", self.api, self.options.repository)
    }

    /// A page for people.
    pub fn page(&self, path: &str) -> String {
        format!("https://github.com/{}/{path}", self.options.repository)
    }
}

fn lay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                lay(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

pub fn now() -> String {
    chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// One page of a list, its answer, and the links to the others. The links name the repository by its number, as
/// GitHub's do: they can be followed, not guessed.
pub fn paged(state: &State, request: &Request, key: Option<&str>, all: Vec<Value>) -> Answer {
    let number = |name: &str, or: usize| request.parameter(name).and_then(|v| v.parse().ok()).unwrap_or(or).max(1);
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let (total, last) = (all.len(), all.len().div_ceil(size).max(1));
    let items: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let body = match key {
        Some(key) => json!({"total_count": total, key: items}),
        None => json!(items),
    };
    let rest = request.segments()[3..].join("/");
    let kept =
        request.query.iter().filter(|(name, _)| name != "page").map(|(n, v)| format!("&{n}={}", v.replace(' ', "+")));
    let kept: String = kept.collect();
    let link = |to: usize, rel: &str| {
        format!("<{}/repositories/{REPOSITORY_ID}/{rest}?page={to}{kept}>; rel=\"{rel}\"", state.api)
    };
    let mut links = Vec::new();
    if page > 1 {
        links.extend([link(page - 1, "prev"), link(1, "first")]);
    }
    if page < last {
        links.extend([link(page + 1, "next"), link(last, "last")]);
    }
    let answer = Answer::json(200, &body);
    if links.is_empty() { answer } else { answer.with("link", links.join(", ")) }
}
