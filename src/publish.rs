//! The single way out: what a run tells, turned into text and put on the terminal, into files, and on GitHub.
//! Publishing can fail in part, and says so; it never changes a verdict.

mod checks;
pub mod foreign;
mod places;
mod view;

pub use checks::Checks;
pub use places::Places;

use crate::act::files;
use crate::act::terminal::{self, Manner, Screen};
use crate::facts::event::Event;
use crate::facts::report::Report;
use crate::facts::secret::hide;
use crate::facts::stage::Stage;
use crate::facts::view::View;
use crate::order::Publishing;
use crate::tell::annotations::{self, Annotated};
use crate::tell::console::{self, Style};
use crate::tell::{clean, html, outputs, summary};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::Path;

/// How much of a command's output goes into the log; the file holds all of it.
const SHOWN_BYTES: u64 = 4 * 1024 * 1024;
/// How many annotations are published at most: ten requests of the 80 that GitHub takes in a minute.
const ANNOTATIONS: usize = 500;
/// How many workflow commands of a kind GitHub shows of one step.
const COMMANDS: usize = 10;

/// Shows a run while it goes on, and its end.
pub struct Publisher {
    screen: Screen,
    style: Style,
    secrets: Vec<String>,
}

/// A finished run, with where it is and what is published of it.
pub struct Finished<'a> {
    pub report: &'a Report,
    /// sha256 of the report's file.
    pub digest: &'a str,
    pub report_path: &'a Path,
    /// Where the sources are, if they are at hand and are those that were measured.
    pub project: Option<&'a Path>,
    pub publishing: &'a Publishing,
}

impl Publisher {
    /// Also has the runner hide every secret in what follows.
    pub fn new(publishing: &Publishing) -> Publisher {
        let in_actions = publishing.in_actions;
        let screen = Screen::new(terminal::manner(in_actions));
        let style = Style { colour: terminal::colour() && !in_actions, actions: in_actions };
        let publisher = Publisher { screen, style, secrets: publishing.secrets.clone() };
        if in_actions {
            let one_line = |secret: &&String| !secret.contains(['\n', '\r']);
            publisher.secrets.iter().filter(one_line).for_each(|secret| print_out(&format!("::add-mask::{secret}\n")));
        }
        publisher
    }

    pub fn tell(&mut self, event: &Event) {
        match event {
            Event::Note(text) => self.screen.say(&format!("note: {}", self.clean(text))),
            Event::Started { gate, what } => self.screen.started(*gate, &console::label(*gate), &self.clean(what)),
            Event::Doing { gate, line } => self.screen.doing(*gate, &self.clean(line)),
            Event::Output { gate, path } => self.output(&console::label(*gate), path),
            Event::Files { worst, files } => {
                self.screen.say(self.hide(&console::files(worst, *files, self.style)).trim_end());
            }
            // The closing table says the verdict; here only its line goes.
            Event::Judged(verdict, _) => self.screen.ended(verdict.gate),
        }
    }

    fn hide(&self, text: &str) -> String {
        hide(text, &self.secrets)
    }

    /// Safe for the terminal or the log.
    pub fn clean(&self, text: &str) -> String {
        let text = self.hide(text);
        if self.style.actions { clean::actions(&text) } else { clean::terminal(&text) }
    }

    /// In Actions, a command's output goes into a folded group, where it can command nothing.
    fn output(&self, label: &str, path: &Path) {
        if self.screen.manner() != Manner::Actions {
            return;
        }
        let (bytes, left_out) = match files::last_bytes(path, SHOWN_BYTES) {
            Ok(end) => end,
            Err(error) => return self.screen.say(&format!("{}: {error}", files::slashed(path))),
        };
        if bytes.is_empty() {
            return;
        }
        self.screen.say(&format!("::group::{label}: output"));
        if left_out > 0 {
            self.screen.say(&format!("({left_out} bytes before this stand in {})", files::slashed(path)));
        }
        let text = self.hide(&String::from_utf8_lossy(&bytes));
        self.screen.copy(&clean::stopped(text.as_bytes(), &fresh_token()));
        self.screen.say("::endgroup::");
    }

    /// The closing table and errors, on standard output.
    pub fn close(&self, report: &Report) {
        print_out(&console::closing(report, self.style));
    }

    /// Everything that goes to files and to GitHub; the step's outputs last. Gives what was not published.
    pub async fn publish(
        &mut self,
        run: &Finished<'_>,
        checks: Result<&mut Checks, &str>,
        places: &Places,
        mut said: Vec<String>,
    ) -> Vec<String> {
        said.extend(places.unmapped());
        let mut failed = Vec::new();
        let view = self.view(run, &mut failed);
        let has_html = self.write_html(run, &view, &mut failed);
        if !run.publishing.nothing && run.publishing.in_actions {
            let annotated = annotations::annotations(run.report, &|path, line| places.place(path, line), ANNOTATIONS);
            said.extend(self.on_github(run, &view, &annotated, checks, &mut failed).await);
        }
        said.extend(failed.iter().cloned());
        said.iter().for_each(|sentence| self.say(&format!("published: {sentence}")));
        let already = failed.len();
        if !run.publishing.nothing {
            let said: Vec<String> = said.iter().map(|sentence| self.hide(sentence)).collect();
            let markdown = summary::summary(run.report, &view, &said);
            if let Err(error) = run.publishing.runner.write_summary(&markdown) {
                failed.push(format!("the job summary was not written: {error}"));
            }
            if let Err(error) = write_outputs(run, has_html) {
                failed.push(format!("the outputs were not written: {error}"));
            }
        }
        failed[already..].iter().for_each(|sentence| self.say(&format!("published: {sentence}")));
        failed
    }

    fn view(&self, run: &Finished<'_>, failed: &mut Vec<String>) -> View {
        let details = run.report_path.with_file_name(&run.report.details.path);
        let mut view = view::read(&details, run.project).unwrap_or_else(|error| {
            failed.push(format!("the details are not shown: {}: {error}", run.report.details.path));
            View::default()
        });
        // The report and its details hold no secret; a source file may.
        if !self.secrets.is_empty() {
            view.sources.values_mut().flatten().for_each(|line| line.text = self.hide(&line.text));
        }
        view
    }

    fn write_html(&self, run: &Finished<'_>, view: &View, failed: &mut Vec<String>) -> bool {
        let path = &run.publishing.html;
        let written = files::write_pieces(path, |out| html::write(run.report, view, out));
        if let Err(error) = &written {
            failed.push(format!("report.html was not written: {}: {error}", path.display()));
        }
        written.is_ok()
    }

    /// Check runs, annotations, commands; gives what was done, in sentences.
    async fn on_github(
        &self,
        run: &Finished<'_>,
        view: &View,
        annotated: &Annotated,
        checks: Result<&mut Checks, &str>,
        failed: &mut Vec<String>,
    ) -> Vec<String> {
        let (mut said, left) = match checks {
            Ok(checks) => {
                let written = checks.close(run.report, run.digest, view, annotated).await;
                failed.extend(written.failed);
                (written.sentences, written.left)
            }
            Err(why) => {
                failed.push(format!("no check runs: {why}"));
                (Vec::new(), annotated.kept.clone())
            }
        };
        if !left.is_empty() {
            let (commands, over) = annotations::commands(&left, COMMANDS);
            commands.iter().for_each(|command| print_out(&format!("{command}\n")));
            said.push(format!("as workflow commands, at most {COMMANDS} of a kind: {}", commands.len()));
            if over > 0 {
                said.push(format!("not annotated: {over} beyond that"));
            }
        }
        said.extend(not_annotated(annotated));
        said
    }

    /// One sentence, safe where it is printed.
    pub fn say(&self, text: &str) {
        self.screen.say(&self.clean(text));
    }
}

/// Findings that became no annotation, by their reasons.
fn not_annotated(annotated: &Annotated) -> Vec<String> {
    let reasons = [
        (annotated.without_place, "that name no file and line"),
        (annotated.outside, "in no file, or on no line, that git has here"),
        (annotated.not_in_head, "on lines that the base brought in, not this commit"),
        (annotated.over_limit, "beyond the limit of annotations"),
        (annotated.unlisted, "that the report counts and does not list"),
    ];
    let told = reasons.into_iter().filter(|(count, _)| *count > 0);
    told.map(|(count, what)| format!("not annotated: {count} {what}")).collect()
}

/// The check runs of an order, where there are to be any.
pub fn checks(publishing: &Publishing, stages: &[Stage]) -> Result<Checks, String> {
    Checks::new(publishing.target()?, publishing.checks, stages)
}

fn write_outputs(run: &Finished<'_>, has_html: bool) -> io::Result<()> {
    let html = has_html.then(|| run.publishing.html.display().to_string());
    let mut outputs = outputs::outputs(run.report, &run.report_path.display().to_string(), html.as_deref());
    // For the action's own upload.
    let details = run.report_path.with_file_name(&run.report.details.path);
    outputs.push(("report-details", details.display().to_string()));
    let text = outputs::file_text(&outputs, &fresh_token()).map_err(|error| io::Error::other(error.to_string()))?;
    run.publishing.runner.write_outputs(&text)
}

fn print_out(text: &str) {
    // A closed standard output takes no more lines; the verdict does not depend on it.
    io::stdout().lock().write_all(text.as_bytes()).unwrap_or(());
}

/// Unpredictable to the code under test: the seeds of the standard library's hasher come from the system.
fn fresh_token() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("qte-{:016x}{:016x}", random(), random())
}
