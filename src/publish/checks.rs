//! Check runs of one run: made in progress when it starts, annotated and completed at its end, cancelled when it is
//! stopped. Whatever goes wrong here becomes a sentence; it never changes a verdict.

use crate::act::files;
use crate::act::github::checks::{self, BATCH, End, Note, Output};
use crate::act::github::{Client, Target, Trouble};
use crate::facts::external_id::ExternalId;
use crate::facts::report::Report;
use crate::facts::setting::Checks as Kind;
use crate::facts::stage::{Gate, Stage};
use crate::facts::view::View;
use crate::tell::annotations::{Annotated, Annotation};
use crate::tell::check_run::{self, CheckRun, Conclusion, OUTPUT_BYTES, TITLE_BYTES};
use crate::tell::clean::cut_bytes;
use std::time::{Duration, SystemTime};

/// How long publishing may hold up a job's end.
const LIMIT: Duration = Duration::from_secs(300);
/// How long it may take to make safe when we are stopped: GitHub kills a cancelled step 10 s after its first signal.
const STOPPED_LIMIT: Duration = Duration::from_secs(5);

/// What a check run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Stage(Stage),
    Gate(Gate),
}

impl About {
    /// Fixed, so that branches can require it; a project in a folder has a name of its own.
    fn name(self, project: &str) -> String {
        let name = match self {
            About::Stage(stage) => check_run::name_of_stage(stage),
            About::Gate(gate) => check_run::name_of_gate(gate),
        };
        if project.is_empty() { name } else { format!("{name} ({project})") }
    }

    fn told(self, report: &Report, view: &View) -> CheckRun {
        match self {
            About::Stage(stage) => check_run::for_stage(report, view, stage),
            About::Gate(gate) => check_run::for_gate(report, view, gate),
        }
    }

    fn covers(self, gate: Gate) -> bool {
        match self {
            About::Stage(stage) => gate.stage() == stage,
            About::Gate(own) => own == gate,
        }
    }
}

/// One check run on GitHub.
struct Open {
    about: About,
    name: String,
    id: Option<u64>,
    /// Why it was not made, where trying again would change nothing.
    refused: Option<String>,
    /// It has its end already.
    ended: bool,
}

pub struct Checks {
    target: Target,
    client: Client,
    kind: Kind,
    runs: Vec<Open>,
    started_at: String,
    /// Why nothing more is tried: what holds for one request holds for all.
    down: Option<Trouble>,
    /// What is worth saying besides.
    notes: Vec<String>,
}

/// What came of it.
#[derive(Default)]
pub struct Written {
    pub sentences: Vec<String>,
    /// What was not published, and why.
    pub failed: Vec<String>,
    /// Annotations that stand on no check run.
    pub left: Vec<Annotation>,
}

impl Checks {
    pub fn new(target: &Target, kind: Kind, stages: &[Stage]) -> Result<Checks, String> {
        let about: Vec<About> = match kind {
            Kind::Stage => stages.iter().copied().map(About::Stage).collect(),
            Kind::Gate => stages.iter().flat_map(|stage| stage.gates()).map(About::Gate).collect(),
            Kind::Off => Vec::new(),
        };
        let open = |about: About| {
            let name = about.name(&target.project);
            Open { about, name, id: None, refused: None, ended: false }
        };
        Ok(Checks {
            client: Client::new(target, LIMIT)?,
            target: target.clone(),
            kind,
            runs: about.into_iter().map(open).collect(),
            started_at: files::rfc3339(SystemTime::now()),
            down: None,
            notes: Vec::new(),
        })
    }

    fn claim(&self, report: Option<(&Report, &str)>) -> ExternalId {
        ExternalId {
            policy: report.map(|(report, _)| report.policy_sha256.clone()),
            report: report.map(|(_, digest)| digest.to_string()),
            job: self.target.job.clone(),
            tested: report.and_then(|(report, _)| report.subject.sha.clone()),
        }
    }

    /// Makes every check run, in progress. What an earlier start of this job left in progress is taken over; what a
    /// job left that is over is closed.
    pub async fn open(&mut self) {
        for index in 0..self.runs.len() {
            if self.down.is_none() && self.runs[index].id.is_none() && self.runs[index].refused.is_none() {
                match self.open_one(index).await {
                    Ok(id) => self.runs[index].id = Some(id),
                    // Of this one request; the next may well be taken.
                    Err(Trouble::Invalid(why)) => self.runs[index].refused = Some(why),
                    Err(trouble) => self.down = Some(trouble),
                }
            }
        }
    }

    async fn open_one(&mut self, index: usize) -> Result<u64, Trouble> {
        let name = self.runs[index].name.clone();
        if let Some(id) = self.left_over(&name).await? {
            return Ok(id);
        }
        let output = Output { title: "in progress".into(), summary: "qte-ci is running.".into(), ..Output::default() };
        let claim = self.claim(None);
        checks::open(&mut self.client, &self.target, &name, &claim, &self.started_at, &output).await
    }

    /// Our own check run of this name that is in progress already; those of jobs that are over are closed.
    async fn left_over(&mut self, name: &str) -> Result<Option<u64>, Trouble> {
        let head = self.target.head.clone();
        let there = checks::list(&mut self.client, &self.target, &head, name, "&status=in_progress").await?;
        let mut ours = None;
        for run in there {
            let Some(claim) = run.claim() else { continue };
            if claim.job == self.target.job && ours.is_none() {
                ours = Some(run.id);
            } else if claim.job == self.target.job
                || checks::is_over(&mut self.client, &self.target, &claim.job).await == Some(true)
            {
                let text = "The job that made this check run ended without a word.";
                // Not ours: that it cannot be closed is no reason to publish nothing.
                let note = match self.end(run.id, "cancelled", "ended without a word", text).await {
                    Ok(()) => format!("“{name}” of an earlier job, which ended without a word, was closed"),
                    Err(trouble) => format!("“{name}” of an earlier job is still in progress: {trouble}"),
                };
                self.notes.push(note);
            }
        }
        Ok(ours)
    }

    async fn end(&mut self, id: u64, conclusion: &str, title: &str, summary: &str) -> Result<(), Trouble> {
        let now = files::rfc3339(SystemTime::now());
        let end = End { conclusion, completed_at: &now, external_id: None };
        let output = Output { title: title.into(), summary: summary.into(), ..Output::default() };
        checks::complete(&mut self.client, &self.target, id, &end, &output).await
    }

    /// Completes every check run, then annotates: what may take long must not keep a verdict from being seen.
    /// `digest`: of the report's file.
    pub async fn close(&mut self, report: &Report, digest: &str, view: &View, annotated: &Annotated) -> Written {
        self.client.limit(LIMIT);
        // What failed for a moment at the start may do now.
        if self.down.take().is_some() {
            self.client.be_brief();
        }
        self.open().await;
        let claim = self.claim(Some((report, digest)));
        let mut written = Written { sentences: std::mem::take(&mut self.notes), ..Written::default() };
        let (mut done, mut told) = (Vec::new(), Vec::new());
        for index in 0..self.runs.len() {
            let (name, mut run) = (self.runs[index].name.clone(), self.runs[index].about.told(report, view));
            match self.close_one(index, &mut run, &claim).await {
                Ok(()) => done.push(format!("“{name}”")),
                Err(why) => written.failed.push(format!("“{name}” was not published: {why}")),
            }
            told.push(run);
        }
        if !done.is_empty() {
            written.sentences.insert(0, format!("check runs on {}: {}", self.target.head, done.join(", ")));
        }
        let mut left = self.on_the_job(report, &annotated.kept, &mut written).await;
        for (index, run) in told.iter().enumerate() {
            let about = self.runs[index].about;
            let (own, others) = left.into_iter().partition(|a: &Annotation| about.covers(a.gate));
            left = others;
            left.extend(self.on_the_stage(index, run, own, &mut written).await);
        }
        written.left = left;
        written
    }

    async fn close_one(&mut self, index: usize, told: &mut CheckRun, claim: &ExternalId) -> Result<(), String> {
        let open = &self.runs[index];
        let why_not = open.refused.clone().or_else(|| self.down.as_ref().map(ToString::to_string));
        let id = open.id.ok_or_else(|| why_not.unwrap_or_else(|| "it was not made".into()))?;
        let name = open.name.clone();
        if told.conclusion.is_green()
            && let Some(why) = self.red_elsewhere(&name).await
        {
            told.conclusion = Conclusion::Failure;
            told.title = cut_bytes(&format!("{why}: {}", told.title), TITLE_BYTES);
            told.summary = cut_bytes(&format!("**{why}.**\n\n{}", told.summary), OUTPUT_BYTES);
        }
        let now = files::rfc3339(SystemTime::now());
        let end = End { conclusion: told.conclusion.id(), completed_at: &now, external_id: Some(claim) };
        let output = output_of(told);
        let mut done = checks::complete(&mut self.client, &self.target, id, &end, &output).await;
        if let Err(Trouble::Invalid(why)) = &done {
            // Whatever was wrong with the text, the verdict must be seen.
            self.notes.push(format!("“{name}” stands without its text: {why}"));
            let summary = "Its text was refused; the job summary has it.".to_string();
            let short = Output { title: told.conclusion.id().into(), summary, ..Output::default() };
            done = checks::complete(&mut self.client, &self.target, id, &end, &short).await;
        }
        self.runs[index].ended = done.is_ok();
        done.map_err(|trouble| {
            format!("{trouble}; if it is still in progress, the next start on this commit closes it")
        })
    }

    /// Is a check run of this name red that another job of this very run made? GitHub shows the last one alone, and
    /// branches would take it for both.
    async fn red_elsewhere(&mut self, name: &str) -> Option<String> {
        let head = self.target.head.clone();
        let (job, there) =
            (self.target.job.clone(), checks::list(&mut self.client, &self.target, &head, name, "").await);
        let is_red = |run: &checks::CheckRun| {
            let other =
                run.claim().is_some_and(|c| c.job != job && (c.job.run, c.job.attempt) == (job.run, job.attempt));
            other && run.conclusion.as_deref() == Some("failure")
        };
        // Without an answer nothing is known of others, and nothing is said.
        there.ok()?.iter().any(is_red).then(|| "another job of this run is red under the same name".to_string())
    }

    /// Puts all annotations on the job's own check run, where they stand under the right workflow; gives those that
    /// do not stand there.
    async fn on_the_job(&mut self, report: &Report, all: &[Annotation], written: &mut Written) -> Vec<Annotation> {
        let asked = self.kind != Kind::Off && !all.is_empty();
        let Some(id) = self.target.job.check_run.filter(|_| asked) else { return all.to_vec() };
        let title = format!("qte-ci: {}", report.outcome.id());
        let summary = "The verdicts stand in the job summary and in the check runs of qte-ci.".to_string();
        let output = Output { title, summary, ..Output::default() };
        let there = match checks::read(&mut self.client, &self.target, id).await {
            // That of a workflow on another commit, as `workflow_run` has it, is not seen beside this one.
            Ok(run) if run.head_sha != self.target.head => return all.to_vec(),
            Ok(run) => run.output.annotations_count,
            Err(trouble) => {
                written.failed.push(format!("annotations do not stand on this job's own check run: {trouble}"));
                return all.to_vec();
            }
        };
        self.annotate(id, &output, all.to_vec(), there, "this job's own check run", written).await
    }

    async fn on_the_stage(
        &mut self,
        index: usize,
        told: &CheckRun,
        own: Vec<Annotation>,
        written: &mut Written,
    ) -> Vec<Annotation> {
        let Some(id) = self.runs[index].id.filter(|_| self.runs[index].ended && !own.is_empty()) else { return own };
        let name = format!("“{}”", self.runs[index].name);
        self.annotate(id, &output_of(told), own, 0, &name, written).await
    }

    /// Adds annotations in batches; gives those that do not stand. A batch that is refused does not stop the others.
    async fn annotate(
        &mut self,
        id: u64,
        output: &Output,
        all: Vec<Annotation>,
        mut there: usize,
        place: &str,
        written: &mut Written,
    ) -> Vec<Annotation> {
        let (mut placed, mut left, mut stopped) = (0, Vec::new(), false);
        for batch in all.chunks(BATCH) {
            if stopped {
                left.extend_from_slice(batch);
                continue;
            }
            let output = Output { annotations: batch.iter().map(note).collect(), ..output.clone() };
            match checks::annotate(&mut self.client, &self.target, id, &output, there).await {
                Ok(()) => {
                    placed += batch.len();
                    there += batch.len();
                }
                Err(trouble) => {
                    written.failed.push(format!("{} not on {place}: {trouble}", annotations(batch.len())));
                    left.extend_from_slice(batch);
                    stopped = !matches!(trouble, Trouble::Invalid(_));
                }
            }
        }
        if placed > 0 {
            written.sentences.push(format!("{} on {place}", annotations(placed)));
        }
        left
    }

    /// Ends every check run that has no end yet, whatever it is in; gives what could not be ended.
    pub async fn end_all(&mut self, conclusion: &str, title: &str, summary: &str) -> Vec<String> {
        self.client.hurry(STOPPED_LIMIT);
        let mut failed = Vec::new();
        for round in 0..2 {
            for index in 0..self.runs.len() {
                if let Err(trouble) = self.end_one(index, conclusion, title, summary).await {
                    failed.push(format!("“{}” was not closed: {trouble}", self.runs[index].name));
                }
            }
            if round == 0 && self.runs.iter().any(|run| !run.ended) && !matches!(self.down, Some(Trouble::Denied(_))) {
                // A request that was under way when we were stopped may be carried out a little later.
                failed.clear();
                tokio::time::sleep(Duration::from_millis(700)).await;
            } else {
                break;
            }
        }
        failed
    }

    async fn end_one(&mut self, index: usize, conclusion: &str, title: &str, summary: &str) -> Result<(), Trouble> {
        let Open { ended, ref name, id, ref refused, .. } = self.runs[index];
        if ended || refused.is_some() || matches!(self.down, Some(Trouble::Denied(_))) {
            return Ok(());
        }
        let found = match id {
            Some(id) => Some(id),
            None => self.left_over(&name.clone()).await?,
        };
        if let Some(id) = found {
            self.end(id, conclusion, title, summary).await?;
            self.runs[index].ended = true;
        }
        Ok(())
    }
}

fn output_of(told: &CheckRun) -> Output {
    let CheckRun { title, summary, text, .. } = told.clone();
    Output { title, summary, text, annotations: Vec::new() }
}

fn note(annotation: &Annotation) -> Note {
    Note {
        path: annotation.path.clone(),
        start_line: annotation.start_line,
        end_line: annotation.end_line,
        annotation_level: annotation.level.id(),
        message: annotation.message.clone(),
        title: annotation.title.clone(),
        raw_details: annotation.raw_details.clone(),
    }
}

fn annotations(count: usize) -> String {
    format!("{count} annotation{}", if count == 1 { "" } else { "s" })
}
