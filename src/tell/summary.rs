//! The job summary: the answer, why, what to do, then everything else, within what GitHub takes.

use super::covered;
use super::sections::{self, Scope};
use super::words;
use crate::facts::report::Report;
use crate::facts::view::View;

/// GitHub drops a summary above 1 MiB whole; the runner's masking may still make ours longer.
pub const SUMMARY_BYTES: usize = 900 * 1024;

/// The most of one failing test's traceback.
const TRACEBACK_BYTES: usize = 8 * 1024;

/// `published` says what was published how, and what was not and why.
pub fn summary(report: &Report, view: &View, published: &[String]) -> String {
    let verdicts = report.verdicts.iter().collect();
    let scope = Scope { report, view, verdicts, traceback_bytes: TRACEBACK_BYTES };
    let share = |parts: usize| SUMMARY_BYTES / 100 * parts;
    let head = [
        sections::looser(report, share(5)),
        format!("## {}\n\n", words::answer(report)),
        sections::verdicts(&scope, share(5)),
        sections::subject(report, share(2)),
        sections::why(&scope, share(8)),
    ];
    let tail = [
        sections::findings(&scope, share(10)),
        sections::flaky_tests(&scope, share(5)),
        covered::tables(&scope, share(20)),
        sections::time_line(&scope, share(3)),
        sections::evidence(&scope, share(10)),
        sections::published(published, share(3)),
    ];
    let (head, tail) = (head.concat(), tail.concat());
    // The tracebacks get what the rest leaves.
    let tests = sections::failing_tests(&scope, SUMMARY_BYTES.saturating_sub(head.len() + tail.len()));
    head + &tests + &tail
}
