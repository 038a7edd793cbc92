//! Did stages pass on a commit? A check run alone can be forged by any workflow with the same token, so what it claims
//! is confirmed: the run of the named workflow, on that very commit, and the report that this run itself uploaded.

use crate::act::github::checks::{self, CheckRun};
use crate::act::github::runs::{self, WorkflowRun};
use crate::act::github::{Client, Target, Trouble};
use crate::cli::RequiresArgs;
use crate::facts::external_id::ExternalId;
use crate::facts::report::{self, Report, SCHEMA};
use crate::facts::setting::Enforce;
use crate::facts::stage::Stage;
use crate::facts::verdict::Outcome;
use crate::tell::check_run;
use std::time::Duration;

/// How long the answer may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Events whose workflow file and code are those of the repository's own branches.
const TRUSTED_EVENTS: [&str; 4] = ["push", "merge_group", "workflow_dispatch", "schedule"];

/// What must have passed.
#[derive(Debug)]
pub struct Ask {
    /// The whole commit.
    pub sha: String,
    pub stages: Vec<(Stage, String)>,
    /// The workflow that must have said so: `.github/workflows/ci.yml`.
    pub workflow: String,
    /// The digest of the settings that it must have been judged by.
    pub policy: Option<String>,
}

/// What the flags ask for; `head`: the event's commit.
pub fn ask(args: &RequiresArgs, head: Option<String>) -> Result<Ask, String> {
    let sha = args.sha.clone().or(head).ok_or("which commit? Name it with --sha")?;
    if sha.len() < 40 || !sha.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(format!("--sha: `{sha}` is no whole commit"));
    }
    let stages: Result<Vec<Stage>, _> = args.stages.iter().map(|name| name.parse()).collect();
    let stages = stages.map_err(|e| format!("--stages: {e}"))?;
    let stages = stages.into_iter().map(|stage| (stage, check_run::name_of_stage(stage))).collect();
    Ok(Ask { sha, stages, workflow: args.workflow.clone(), policy: args.policy.clone() })
}

/// Asks GitHub, within a bounded time.
pub async fn ask_and_confirm(target: &Target, ask: &Ask) -> Result<Vec<String>, Vec<String>> {
    let mut client = Client::new(target, LIMIT).map_err(|why| vec![why])?;
    confirm(&mut client, target, ask).await
}

/// A sentence for each stage that passed, or the reasons why that is not known.
async fn confirm(client: &mut Client, target: &Target, ask: &Ask) -> Result<Vec<String>, Vec<String>> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (stage, name) in &ask.stages {
        match stage_passed(client, target, ask, *stage, name).await {
            Ok(sentence) => good.push(sentence),
            Err(why) => bad.push(format!("stage {stage} (`{name}`): {why}")),
        }
    }
    if bad.is_empty() { Ok(good) } else { Err(bad) }
}

async fn stage_passed(
    client: &mut Client,
    target: &Target,
    ask: &Ask,
    stage: Stage,
    name: &str,
) -> Result<String, String> {
    let runs = checks::list(client, target, &ask.sha, name, "").await.map_err(|e| e.to_string())?;
    if runs.is_empty() {
        return Err(format!("there is no such check run on {}", ask.sha));
    }
    let (mut passed, mut reasons) = (None, Vec::new());
    for (run, claim) in latest(runs) {
        match confirmed(client, target, ask, stage, &run, &claim).await {
            Ok(Some(sentence)) => passed = passed.or(Some(sentence)),
            // Of another workflow: it says nothing, for or against.
            Ok(None) => {}
            Err(why) => reasons.push(format!("check run {}: {why}", run.id)),
        }
    }
    match (passed, reasons.is_empty()) {
        (Some(sentence), true) => Ok(sentence),
        (None, true) => Err(format!("no check run of the workflow {} stands there", ask.workflow)),
        (_, false) => Err(reasons.join("; ")),
    }
}

/// Our check runs, of each job its last attempt.
fn latest(runs: Vec<CheckRun>) -> Vec<(CheckRun, ExternalId)> {
    let claimed: Vec<_> = runs.into_iter().filter_map(|run| run.claim().map(|claim| (run, claim))).collect();
    let same =
        |a: &ExternalId, b: &ExternalId| (a.job.run, a.job.index, &a.job.part) == (b.job.run, b.job.index, &b.job.part);
    let last = |claim: &ExternalId| {
        let attempts = claimed.iter().filter(|(_, other)| same(claim, other)).map(|(_, other)| other.job.attempt);
        attempts.max() == Some(claim.job.attempt)
    };
    claimed.iter().filter(|(_, claim)| last(claim)).cloned().collect()
}

/// A sentence where the check run holds; `None` where it is not one that was asked for.
async fn confirmed(
    client: &mut Client,
    target: &Target,
    ask: &Ask,
    stage: Stage,
    run: &CheckRun,
    claim: &ExternalId,
) -> Result<Option<String>, String> {
    let workflow = match runs::read(client, target, claim.job.run).await {
        Ok(workflow) => workflow,
        Err(Trouble::Missing(_)) => {
            return Err(format!("it names the workflow run {}, which is not there", claim.job.run));
        }
        Err(trouble) => return Err(format!("its workflow run cannot be confirmed: {trouble}")),
    };
    if workflow.path.split('@').next() != Some(&ask.workflow) {
        return Ok(None);
    }
    against_run(target, ask, run, claim, &workflow)?;
    let report = report_of(client, target, claim).await?;
    against_report(ask, stage, &report)?;
    Ok(Some(format!(
        "{} passed on {} in run {} of {}, policy {}",
        run.name, ask.sha, workflow.id, ask.workflow, report.policy_sha256
    )))
}

fn against_run(
    target: &Target,
    ask: &Ask,
    run: &CheckRun,
    claim: &ExternalId,
    workflow: &WorkflowRun,
) -> Result<(), String> {
    let must = |holds: bool, why: String| if holds { Ok(()) } else { Err(why) };
    let conclusion = run.conclusion.as_deref();
    must(run.head_sha == ask.sha, format!("it is of the commit {}", run.head_sha))?;
    must(conclusion == Some("success"), format!("it ended as {}", conclusion.unwrap_or("nothing yet")))?;
    must(workflow.head_sha == ask.sha, format!("its workflow run is of the commit {}", workflow.head_sha))?;
    let tested = claim.tested.as_deref().unwrap_or("none that is known");
    must(tested == ask.sha, format!("the commit that was measured is {tested}"))?;
    let event = &workflow.event;
    must(
        TRUSTED_EVENTS.contains(&event.as_str()),
        format!("its workflow ran for {event}, whose files anybody may have changed"),
    )?;
    let home = workflow.home().is_some_and(|name| name.eq_ignore_ascii_case(&target.repository));
    must(home, "its workflow run is of another repository".into())?;
    let ended = (workflow.status.as_deref(), workflow.conclusion.as_deref());
    // The run that asks is still going on, and its earlier jobs may be what is asked about.
    let is_ours = workflow.id == target.job.run && workflow.status.as_deref() != Some("completed");
    must(is_ours || ended == (Some("completed"), Some("success")), format!("its workflow run ended as {ended:?}"))?;
    // A job that passed is not run again with those that failed: its last attempt may be an earlier one.
    must(claim.job.attempt <= workflow.run_attempt, "it names an attempt that there was not".into())
}

/// The report that the run itself uploaded, known by the digest that the check run gives.
async fn report_of(client: &mut Client, target: &Target, claim: &ExternalId) -> Result<Report, String> {
    let wanted = claim.report.as_deref().ok_or("it gives no digest of a report")?;
    let found = runs::uploaded(client, target, claim.job.run, wanted).await?;
    serde_json::from_slice(&found).map_err(|e| format!("what its run uploaded is no report of qte-ci: {e}"))
}

fn against_report(ask: &Ask, stage: Stage, report: &Report) -> Result<(), String> {
    if report.schema != SCHEMA || report.outcome != report::outcome(&report.verdicts) {
        return Err(format!("its report is none of {SCHEMA}, or contradicts itself"));
    }
    if report.subject.sha.as_deref() != Some(&ask.sha) {
        return Err("its report is of another commit".into());
    }
    if report.subject.dirty {
        return Err("what was measured differed from the commit: the work tree was changed before".into());
    }
    if let Some(policy) = ask.policy.as_ref().filter(|policy| **policy != report.policy_sha256) {
        return Err(format!("it was judged by the policy {}, {policy} is asked for", report.policy_sha256));
    }
    let asked: Vec<_> = report.verdicts.iter().filter(|v| v.stage == stage && v.enforce == Enforce::Block).collect();
    if let Some(red) = asked.iter().find(|v| !v.outcome.is_green()) {
        return Err(format!("its report says that {} is {}", red.gate, red.outcome.id()));
    }
    let measured = asked.iter().any(|v| v.outcome == Outcome::Pass);
    if measured { Ok(()) } else { Err("its report has no blocking gate of this stage that measured anything".into()) }
}
