//! What ran when: one bar for each part of the run, over one scale.

use super::numbers::{duration, length, micros, text};
use crate::facts::report::Report;

/// The bars and the marks above them.
pub struct Timeline {
    pub marks: Vec<Mark>,
    pub bars: Vec<Bar>,
    pub total: String,
}

pub struct Mark {
    pub x: String,
    pub label: String,
}

pub struct Bar {
    pub what: String,
    /// Of the gate of that name.
    pub outcome: &'static str,
    pub x: String,
    pub length: String,
    pub start: String,
    pub seconds: String,
}

pub fn timeline(report: &Report) -> Timeline {
    let ends = report.timings.iter().map(|t| micros(t.start).saturating_add(micros(t.seconds)));
    let whole = ends.chain([micros(report.seconds)]).max().unwrap_or(0).max(1);
    let bars = report.timings.iter().map(|timing| Bar {
        what: text(&timing.what, 200),
        outcome: report.verdicts.iter().find(|v| v.gate.id() == timing.what).map_or("other", |v| v.outcome.id()),
        x: length(micros(timing.start), whole),
        length: length(micros(timing.seconds), whole),
        start: duration(timing.start),
        seconds: duration(timing.seconds),
    });
    Timeline { marks: marks(whole), bars: bars.collect(), total: duration(report.seconds) }
}

/// Round times, at most five after zero; none too near the end to be read.
fn marks(whole: u64) -> Vec<Mark> {
    let steps = (0..=15).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    let step = steps.into_iter().find(|step| whole / step <= 5).unwrap_or(whole);
    let times = (0..=5).map(|n| n * step).filter(|time| *time <= whole - whole / 12);
    times
        .map(|time| Mark { x: length(time, whole), label: duration(time as f64 / 1e6).replace(".0 s", " s") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_few() {
        let labels = |whole| marks(whole).into_iter().map(|m| m.label).collect::<Vec<_>>();
        assert_eq!(labels(41_200_000), ["0 s", "10 s", "20 s", "30 s"]);
        assert_eq!(labels(900), ["0 s", "0.20 ms", "0.40 ms", "0.60 ms", "0.80 ms"]);
        assert_eq!(labels(1), ["0 s", "0.00 ms"]);
        assert!(labels((1 << 53) - 1).len() <= 6);
    }
}
