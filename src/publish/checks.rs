//! Check runs of one run: made in progress when it starts, annotated and completed at its end, cancelled when it is
//! stopped. Whatever goes wrong here becomes a sentence; it never changes a verdict.

use crate::act::files;
use crate::act::github::checks::{self, BATCH, End, Note, Output};
use crate::act::github::{Client, Target, Trouble};
use crate::facts::external_id::ExternalId;
use crate::facts::report::Report;
use crate::facts::secret::hide;
use crate::facts::setting::Checks as Kind;
use crate::facts::stage::{Gate, Stage};
use crate::facts::view::View;
use crate::tell::annotations::{Annotated, Annotation};
use crate::tell::check_run::{self, CheckRun, Conclusion};
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
    fn name(self) -> String {
        match self {
            About::Stage(stage) => check_run::name_of_stage(stage),
            About::Gate(gate) => check_run::name_of_gate(gate),
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
    id: Option<u64>,
    /// Why it was not made, where trying again would change nothing.
    refused: Option<String>,
}

pub struct Checks {
    target: Target,
    client: Client,
    runs: Vec<Open>,
    started_at: String,
    secrets: Vec<String>,
    /// Why nothing more is tried: what holds for one request holds for all.
    down: Option<String>,
    /// Why nothing may be green, where the report is not trusted.
    distrusted: Option<String>,
    /// What is worth saying besides.
    notes: Vec<String>,
}

/// What came of it.
pub struct Written {
    pub sentences: Vec<String>,
    /// What was not published, and why.
    pub failed: Vec<String>,
    /// Annotations that stand on no check run.
    pub left: Vec<Annotation>,
}

impl Checks {
    pub fn new(target: &Target, kind: Kind, stages: &[Stage], secrets: &[String]) -> Result<Checks, String> {
        let about: Vec<About> = match kind {
            Kind::Stage => stages.iter().copied().map(About::Stage).collect(),
            Kind::Gate => stages.iter().flat_map(|stage| stage.gates()).map(About::Gate).collect(),
            Kind::Off => Vec::new(),
        };
        Ok(Checks {
            client: Client::new(target, LIMIT)?,
            target: target.clone(),
            runs: about.into_iter().map(|about| Open { about, id: None, refused: None }).collect(),
            started_at: files::rfc3339(SystemTime::now()),
            secrets: secrets.to_vec(),
            down: None,
            distrusted: None,
            notes: Vec::new(),
        })
    }

    /// From now on nothing is published as green.
    pub fn distrust(&mut self, why: String) {
        self.distrusted = Some(why);
    }

    /// A check run's texts, never greener than what is known beside them.
    fn told(&self, about: About, report: &Report, view: &View) -> CheckRun {
        let mut told = match about {
            About::Stage(stage) => check_run::for_stage(report, view, stage),
            About::Gate(gate) => check_run::for_gate(report, view, gate),
        };
        if let Some(why) = self.distrusted.as_ref().filter(|_| told.conclusion.is_green()) {
            told.conclusion = Conclusion::Failure;
            told.title = format!("{why}: {}", told.title);
        }
        told
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
        self.client.limit(LIMIT);
        for index in 0..self.runs.len() {
            if self.down.is_none() && self.runs[index].id.is_none() {
                self.open_one(index).await;
            }
        }
    }

    async fn open_one(&mut self, index: usize) {
        let name = self.runs[index].about.name();
        match self.left_over(&name).await {
            Ok(Some(id)) => {
                self.runs[index].id = Some(id);
                return;
            }
            Ok(None) => {}
            Err(trouble) => return self.note(index, &trouble),
        }
        let output = Output { title: "in progress".into(), summary: "qte-ci is running.".into(), ..Output::default() };
        let claim = self.claim(None);
        let opened = checks::open(&mut self.client, &self.target, &name, &claim, &self.started_at, &output).await;
        match opened {
            Ok(id) => self.runs[index].id = Some(id),
            Err(trouble) => self.note(index, &trouble),
        }
    }

    fn note(&mut self, index: usize, trouble: &Trouble) {
        match trouble {
            // Of this one request; the next may well be taken.
            Trouble::Invalid(_) => self.runs[index].refused = Some(trouble.to_string()),
            _ => self.down = Some(trouble.to_string()),
        }
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
                self.end(run.id, "cancelled", "ended without a word", text).await?;
                self.notes.push(format!("“{name}” of an earlier job, which ended without a word, was closed"));
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

    /// Annotates and completes every check run. `digest`: of the report's file.
    pub async fn close(&mut self, report: &Report, digest: &str, view: &View, annotated: &Annotated) -> Written {
        // What failed for a moment at the start may do now.
        if self.down.take().is_some() {
            self.client.be_brief();
        }
        self.open().await;
        let claim = self.claim(Some((report, digest)));
        let sentences = std::mem::take(&mut self.notes);
        let mut written = Written { sentences, failed: Vec::new(), left: Vec::new() };
        let mut left = self.on_the_job(report, &annotated.kept, &mut written).await;
        let mut done = Vec::new();
        for index in 0..self.runs.len() {
            let about = self.runs[index].about;
            let told = self.told(about, report, view);
            let (own, others) = left.into_iter().partition(|a: &Annotation| about.covers(a.gate));
            left = others;
            match self.close_one(index, &told, &claim, &own).await {
                Ok(()) => {
                    done.push(format!("“{}”", told.name));
                    if !own.is_empty() {
                        written.sentences.push(format!("{} on “{}”", annotations(own.len()), told.name));
                    }
                }
                Err((why, placed)) => {
                    written.failed.push(format!("“{}” was not published: {why}", told.name));
                    left.extend(own.into_iter().skip(placed));
                }
            }
        }
        if !done.is_empty() {
            written.sentences.insert(0, format!("check runs on {}: {}", self.target.head, done.join(", ")));
        }
        written.left = left;
        written
    }

    /// Puts all annotations on the job's own check run, where they stand under the right workflow; gives those that
    /// do not stand there.
    async fn on_the_job(&mut self, report: &Report, all: &[Annotation], written: &mut Written) -> Vec<Annotation> {
        let Some(id) = self.target.job.check_run.filter(|_| !all.is_empty()) else { return all.to_vec() };
        let title = format!("qte-ci: {}", report.outcome.id());
        let summary = "The verdicts stand in the job summary and in the check runs of qte-ci.".to_string();
        let output = Output { title, summary, ..Output::default() };
        let there = match checks::read(&mut self.client, &self.target, id).await {
            Ok(run) => run.output.annotations_count,
            Err(trouble) => {
                written.failed.push(format!("annotations do not stand on this job's own check run: {trouble}"));
                return all.to_vec();
            }
        };
        let (placed, trouble) = self.annotate(id, &output, all, there).await;
        if placed > 0 {
            written.sentences.push(format!("{} on this job's own check run", annotations(placed)));
        }
        if let Some(trouble) = trouble {
            written.failed.push(format!("{} not there: {trouble}", annotations(all.len() - placed)));
        }
        all[placed..].to_vec()
    }

    /// Adds annotations in batches; gives how many stand, and what stopped the rest.
    async fn annotate(
        &mut self,
        id: u64,
        output: &Output,
        all: &[Annotation],
        there: usize,
    ) -> (usize, Option<Trouble>) {
        let mut placed = 0;
        for batch in all.chunks(BATCH) {
            let notes = batch.iter().map(|annotation| self.as_note(annotation)).collect();
            let output = Output { annotations: notes, ..output.clone() };
            match checks::annotate(&mut self.client, &self.target, id, &output, there + placed).await {
                Ok(_) => placed += batch.len(),
                Err(trouble) => return (placed, Some(trouble)),
            }
        }
        (placed, None)
    }

    fn as_note(&self, annotation: &Annotation) -> Note {
        let hidden = |text: &str| hide(text, &self.secrets);
        Note {
            path: annotation.path.clone(),
            start_line: annotation.start_line,
            end_line: annotation.end_line,
            annotation_level: annotation.level.id(),
            message: hidden(&annotation.message),
            title: hidden(&annotation.title),
            raw_details: annotation.raw_details.as_deref().map(hidden),
        }
    }

    /// The error has how many annotations stand all the same.
    async fn close_one(
        &mut self,
        index: usize,
        told: &CheckRun,
        claim: &ExternalId,
        own: &[Annotation],
    ) -> Result<(), (String, usize)> {
        let why_not = self.runs[index].refused.clone().or_else(|| self.down.clone());
        let id = self.runs[index].id.ok_or_else(|| (why_not.unwrap_or_else(|| "it was not made".into()), 0))?;
        let hidden = |text: &str| hide(text, &self.secrets);
        let output = Output {
            title: hidden(&told.title),
            summary: hidden(&told.summary),
            text: hidden(&told.text),
            annotations: Vec::new(),
        };
        // Of a run that was taken over, some may stand already; they are not known to be these.
        let (placed, trouble) = self.annotate(id, &output, own, 0).await;
        let now = files::rfc3339(SystemTime::now());
        let end = End { conclusion: told.conclusion.id(), completed_at: &now, external_id: Some(claim) };
        // Completed whatever became of the annotations: no check run may stay in progress.
        let completed = checks::complete(&mut self.client, &self.target, id, &end, &output).await;
        match (completed, trouble) {
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(trouble)) => {
                Err((format!("it stands, without {}: {trouble}", annotations(own.len() - placed)), placed))
            }
            (Err(trouble), _) => {
                let help = "if it is still in progress, the next start on this commit closes it";
                Err((format!("{trouble}; {help}"), placed))
            }
        }
    }

    /// Ends every check run, whatever it is in; gives what could not be ended.
    pub async fn end_all(&mut self, conclusion: &str, title: &str, summary: &str) -> Vec<String> {
        self.client.limit(STOPPED_LIMIT);
        let mut failed = Vec::new();
        for index in 0..self.runs.len() {
            let name = self.runs[index].about.name();
            let closed = match self.runs[index].id {
                Some(id) => self.end(id, conclusion, title, summary).await,
                // It may just have been made when we were stopped.
                None if self.down.is_none() && self.runs[index].refused.is_none() => {
                    match self.left_over(&name).await {
                        Ok(Some(id)) => self.end(id, conclusion, title, summary).await,
                        other => other.map(|_| ()),
                    }
                }
                None => Ok(()),
            };
            if let Err(trouble) = closed {
                failed.push(format!("“{name}” was not closed: {trouble}"));
            }
        }
        failed
    }
}

fn annotations(count: usize) -> String {
    format!("{count} annotation{}", if count == 1 { "" } else { "s" })
}
