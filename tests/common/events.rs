//! What the runner tells a step: the event, made from GitHub's own examples, and the variables that go with it.

use super::Project;
use super::github::{GitHub, Job, Run, Token, schema};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The run that a `workflow_run` event speaks of.
pub const UPSTREAM_RUN: u64 = 9_001;
const PULL: u64 = 7;
const DEPENDABOT_BRANCH: &str = "dependabot/pip/requests-2.33.0";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Push,
    PullRequest,
    ForkPullRequest,
    DependabotPullRequest,
    MergeGroup,
    /// After the run of a fork's pull request.
    WorkflowRun,
    WorkflowDispatch,
    Deployment,
}

/// The commits of an event. Check runs belong on `head`, which people look at. `merge` is that of
/// `refs/pull/N/merge`, which only pull requests have.
pub struct Shas {
    pub head: String,
    pub base: String,
    pub merge: String,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Push,
        Kind::PullRequest,
        Kind::ForkPullRequest,
        Kind::DependabotPullRequest,
        Kind::MergeGroup,
        Kind::WorkflowRun,
        Kind::WorkflowDispatch,
        Kind::Deployment,
    ];

    /// `GITHUB_EVENT_NAME`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Push => "push",
            Kind::PullRequest | Kind::ForkPullRequest | Kind::DependabotPullRequest => "pull_request",
            Kind::MergeGroup => "merge_group",
            Kind::WorkflowRun => "workflow_run",
            Kind::WorkflowDispatch => "workflow_dispatch",
            Kind::Deployment => "deployment",
        }
    }

    /// What `GITHUB_TOKEN` may do, where the workflow asks for everything.
    pub fn token(self) -> Token {
        match self {
            Kind::ForkPullRequest | Kind::DependabotPullRequest => Token::ReadOnly,
            _ => Token::Actions,
        }
    }

    pub fn is_pull_request(self) -> bool {
        self.name() == "pull_request"
    }

    /// `GITHUB_SHA`.
    pub fn sha(self, shas: &Shas) -> &str {
        match self {
            Kind::WorkflowRun => &shas.base,
            kind if kind.is_pull_request() => &shas.merge,
            _ => &shas.head,
        }
    }

    /// `GITHUB_REF`.
    fn reference(self, shas: &Shas) -> String {
        match self {
            Kind::MergeGroup => format!("refs/heads/gh-readonly-queue/main/pr-{PULL}-{}", shas.base),
            // Deployed by its commit.
            Kind::Deployment => String::new(),
            kind if kind.is_pull_request() => format!("refs/pull/{PULL}/merge"),
            _ => "refs/heads/main".into(),
        }
    }

    fn head_branch(self) -> &'static str {
        match self {
            Kind::DependabotPullRequest => DEPENDABOT_BRANCH,
            Kind::PullRequest | Kind::ForkPullRequest | Kind::WorkflowRun => "feature/cart",
            _ => "main",
        }
    }

    fn head_repository(self, repository: &str) -> String {
        match self {
            Kind::ForkPullRequest | Kind::WorkflowRun => format!("mallory/{}", after_slash(repository)),
            _ => repository.to_string(),
        }
    }
}

fn after_slash(repository: &str) -> &str {
    repository.split_once('/').map_or(repository, |(_, name)| name)
}

/// The event as `GITHUB_EVENT_PATH` holds it.
pub fn event(kind: Kind, shas: &Shas, repository: &str) -> Value {
    let mut event = example(kind, repository);
    match kind {
        Kind::Push => {
            for (key, value) in [("before", &shas.base), ("after", &shas.head)] {
                event[key] = json!(value);
            }
            event["ref"] = json!("refs/heads/main");
            (event["created"], event["deleted"], event["forced"]) = (json!(false), json!(false), json!(false));
            event["head_commit"]["id"] = json!(shas.head);
        }
        Kind::MergeGroup => {
            event["merge_group"]["head_sha"] = json!(shas.head);
            event["merge_group"]["base_sha"] = json!(shas.base);
            event["merge_group"]["head_ref"] = json!(kind.reference(shas));
            event["merge_group"]["base_ref"] = json!("refs/heads/main");
        }
        Kind::WorkflowRun => {
            let run = &mut event["workflow_run"];
            run["id"] = json!(UPSTREAM_RUN);
            run["head_sha"] = json!(shas.head);
            run["head_branch"] = json!(kind.head_branch());
            run["event"] = json!("pull_request");
            run["head_repository"]["full_name"] = json!(kind.head_repository(repository));
            run["head_repository"]["fork"] = json!(true);
            // GitHub leaves it empty for forks.
            run["pull_requests"] = json!([]);
        }
        Kind::WorkflowDispatch => event["ref"] = json!("refs/heads/main"),
        Kind::Deployment => {
            event["deployment"]["sha"] = json!(shas.head);
            event["deployment"]["ref"] = json!(shas.head);
        }
        _ => pull_request(kind, &mut event, shas, repository),
    }
    event
}

fn pull_request(kind: Kind, event: &mut Value, shas: &Shas, repository: &str) {
    event["number"] = json!(PULL);
    (event["before"], event["after"]) = (json!(shas.base), json!(shas.head));
    let pull = &mut event["pull_request"];
    pull["number"] = json!(PULL);
    pull["head"]["sha"] = json!(shas.head);
    pull["head"]["ref"] = json!(kind.head_branch());
    pull["base"]["sha"] = json!(shas.base);
    pull["base"]["ref"] = json!("main");
    pull["merge_commit_sha"] = json!(shas.merge);
    if kind == Kind::ForkPullRequest {
        let fork = kind.head_repository(repository);
        let head = &mut pull["head"]["repo"];
        head["full_name"] = json!(fork);
        head["id"] = json!(head["id"].as_u64().unwrap_or(0) + 1);
        head["fork"] = json!(true);
        head["owner"]["login"] = json!("mallory");
        pull["head"]["label"] = json!(format!("mallory:{}", kind.head_branch()));
        pull["head"]["user"]["login"] = json!("mallory");
    }
    if kind == Kind::DependabotPullRequest {
        pull["user"]["login"] = json!("dependabot[bot]");
        event["sender"]["login"] = json!("dependabot[bot]");
    }
}

/// GitHub's own example, with our repository in place of the example's.
fn example(kind: Kind, repository: &str) -> Value {
    let path = schema::package("@octokit/webhooks-examples").join("api.github.com/index.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let all: Vec<Value> = serde_json::from_str(&text).expect("the examples are JSON");
    let of_kind = all.iter().find(|event| event["name"] == kind.name());
    let examples = of_kind.and_then(|event| event["examples"].as_array()).expect("there are examples");
    // Some pushes delete or tag. The first example of each event is an old one, against today's description.
    let fits = |example: &&Value| match kind {
        Kind::Push => example["ref"] == "refs/heads/master",
        Kind::WorkflowRun => example["action"] == "completed",
        _ => !kind.is_pull_request() || example["action"] == "synchronize",
    };
    let last = examples.iter().rev().find(fits).expect("there is an example");
    let shown = last["repository"]["full_name"].as_str().expect("an event has a repository");
    let mut event: Value = serde_json::from_str(&last.to_string().replace(shown, repository)).expect("it was JSON");
    event["repository"]["name"] = json!(after_slash(repository));
    event["repository"]["default_branch"] = json!("main");
    event
}

/// The variables that the runner sets for a step, and what they speak of entered in the fake: the commits, the run and
/// its job. The token is none of them: a step gets it by its inputs. Files go beside the event's.
pub fn environment(kind: Kind, github: &GitHub, shas: &Shas, event_path: &Path) -> (Job, Vec<(String, String)>) {
    let repository = github.repository();
    let job = enter(kind, github, shas, &repository);
    let folder = event_path.parent().expect("a folder").join("runner");
    fs::create_dir_all(folder.join("temp")).expect("a new folder");
    let file = |name: &str| {
        let path = folder.join(name);
        fs::write(&path, "").expect("a new file");
        path.display().to_string()
    };
    let (owner, _) = repository.split_once('/').expect("owner/name");
    let reference = kind.reference(shas);
    let [head_ref, base_ref] = if kind.is_pull_request() { [kind.head_branch(), "main"] } else { ["", ""] };
    let actor = if kind == Kind::DependabotPullRequest { "dependabot[bot]" } else { "octocat" };
    let server = github.server_url();
    let graphql = match github.base_url().strip_suffix("/v3") {
        Some(api) => format!("{api}/graphql"),
        None => format!("{}/graphql", github.base_url()),
    };
    let variables = [
        ("CI", "true".into()),
        ("GITHUB_ACTIONS", "true".into()),
        ("GITHUB_ACTOR", actor.into()),
        ("GITHUB_TRIGGERING_ACTOR", actor.into()),
        ("GITHUB_API_URL", github.base_url()),
        ("GITHUB_GRAPHQL_URL", graphql),
        ("GITHUB_SERVER_URL", server),
        ("GITHUB_BASE_REF", base_ref.into()),
        ("GITHUB_HEAD_REF", head_ref.into()),
        ("GITHUB_EVENT_NAME", kind.name().into()),
        ("GITHUB_EVENT_PATH", event_path.display().to_string()),
        ("GITHUB_JOB", "gates".into()),
        ("GITHUB_REF", reference.clone()),
        (
            "GITHUB_REF_NAME",
            reference.trim_start_matches("refs/").trim_start_matches("heads/").trim_start_matches("pull/").into(),
        ),
        ("GITHUB_REF_TYPE", "branch".into()),
        ("GITHUB_REPOSITORY", repository.clone()),
        ("GITHUB_REPOSITORY_OWNER", owner.into()),
        ("GITHUB_RUN_ATTEMPT", job.attempt.to_string()),
        ("GITHUB_RUN_ID", job.run.to_string()),
        ("GITHUB_RUN_NUMBER", "42".into()),
        ("GITHUB_SHA", kind.sha(shas).into()),
        ("GITHUB_WORKFLOW", "CI".into()),
        ("GITHUB_WORKFLOW_REF", format!("{repository}/.github/workflows/ci.yml@{reference}")),
        ("GITHUB_WORKFLOW_SHA", kind.sha(shas).into()),
        ("GITHUB_ENV", file("env")),
        ("GITHUB_OUTPUT", file("output")),
        ("GITHUB_PATH", file("path")),
        ("GITHUB_STATE", file("state")),
        ("GITHUB_STEP_SUMMARY", file("summary")),
        ("RUNNER_ARCH", "X64".into()),
        ("RUNNER_NAME", "runner".into()),
        ("RUNNER_OS", "Linux".into()),
        ("RUNNER_TEMP", folder.join("temp").display().to_string()),
    ];
    (job, variables.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
}

fn enter(kind: Kind, github: &GitHub, shas: &Shas, repository: &str) -> Job {
    for sha in [&shas.head, &shas.base, &shas.merge] {
        github.commit(sha);
    }
    let own = if kind == Kind::WorkflowRun { &shas.base } else { &shas.head };
    let mut run = Run::of(kind.name(), own, repository);
    if kind.is_pull_request() {
        github.pull(PULL, (kind.head_branch(), &shas.head), ("main", &shas.base));
        run.head_branch = kind.head_branch().into();
        run.head_repository = kind.head_repository(repository);
    }
    if kind == Kind::WorkflowRun {
        github.run(Run {
            id: UPSTREAM_RUN,
            status: "completed".into(),
            conclusion: Some("success".into()),
            head_branch: kind.head_branch().into(),
            head_repository: kind.head_repository(repository),
            ..Run::of("pull_request", &shas.head, repository)
        });
        run.path = ".github/workflows/publish.yml".into();
    }
    github.job(github.run(run), "gates")
}

/// Puts a project on the runner: writes the event, sets the variables. Gives the job that the step is in.
pub fn on_the_runner(project: &mut Project, kind: Kind, github: &GitHub, shas: &Shas) -> Job {
    let path = project.beside("event.json");
    fs::write(&path, event(kind, shas, &github.repository()).to_string()).expect("a new file");
    let (job, variables) = environment(kind, github, shas, &path);
    let workspace = project.root.display().to_string();
    for (name, value) in variables.into_iter().chain([("GITHUB_WORKSPACE".into(), workspace)]) {
        project.set(&name, value);
    }
    job
}
