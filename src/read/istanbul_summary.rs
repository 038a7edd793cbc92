//! Istanbul's `coverage-summary.json` (nyc, jest, vitest and c8 with the reporter `json-summary`): totals of all and of
//! each file, no lines. Shape after istanbul-reports' lib/json-summary and istanbul-lib-coverage's CoverageSummary.

use super::error::ReadError;
use super::json::{self, Object};
use super::llvm_cov::{contradictions, sum};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Coverage, CoverageCounts};
use serde::Deserialize;
use serde::de::{Error, MapAccess};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "istanbul-summary",
    title: "Istanbul summary",
    reads: "`total` (it is the answer) and each file's totals of lines and branches; it has no lines, so changed lines \
        cannot be judged by it.",
    written_by: "nyc 17, jest 30, vitest 4 (reporter `json-summary`)",
    refuses: "a summary without `total`, more covered than there is.",
    looks_like: |s| s.syntax == Syntax::JsonObject && s.has_keys(&["total"]) && s.has_inner("statements"),
    holds: Holds::Coverage(read),
};

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut summary = Summary::default();
    json::document(source, json::object(&mut summary))?;
    let Summary { mut out, total, files } = summary;
    let total = total.unwrap_or_default();
    out.tool = Some("istanbul".into());
    let listed = out.files().len();
    out.listed = Some(listed);
    out.contradictions = contradictions(&total, &files);
    out.totals = Some(total);
    Ok(out)
}

#[derive(Default)]
struct Summary {
    out: Coverage,
    total: Option<CoverageCounts>,
    /// The sum of the files.
    files: CoverageCounts,
}

#[derive(Deserialize)]
struct Counts {
    lines: Counter,
    branches: Counter,
}

/// `pct` is left out: it is `"Unknown"` where there is nothing.
#[derive(Deserialize)]
struct Counter {
    total: u32,
    covered: u32,
}

impl Object for Summary {
    const WHAT: &'static str = "a coverage summary of Istanbul";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let Counts { lines, branches } = map.next_value()?;
        for (what, counter) in [("lines", &lines), ("branches", &branches)] {
            if counter.covered > counter.total {
                return Err(M::Error::custom(format!("{} covered {what} of {}", counter.covered, counter.total)));
            }
        }
        let counts = CoverageCounts {
            lines_covered: lines.covered.into(),
            lines_total: lines.total.into(),
            branches_covered: branches.covered.into(),
            branches_total: branches.total.into(),
        };
        if key == "total" {
            self.total = Some(counts);
            return Ok(());
        }
        sum(&mut self.files, &counts);
        let slot = self.out.slot(&key.replace('\\', "/"));
        self.out.at(slot).totals = Some(counts);
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        if self.total.is_some() { Ok(()) } else { Err("no `total`: the summary is not complete".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    fn counts(lines: [u64; 2], branches: [u64; 2]) -> String {
        let counter = |[covered, total]: [u64; 2]| {
            format!(r#"{{"total":{total},"covered":{covered},"skipped":0,"pct":"Unknown"}}"#)
        };
        format!(r#"{{"lines":{},"statements":{{}},"branches":{}}}"#, counter(lines), counter(branches))
    }

    #[test]
    fn the_total_is_the_answer_and_files_that_say_otherwise_are_told() {
        let file = counts([2, 3], [0, 1]);
        let coverage =
            one(&format!(r#"{{"total":{},"C:\\a.js":{file},"/b.js":{file}}}"#, counts([5, 6], [0, 2]))).unwrap();
        let all = coverage.counts();
        assert_eq!((all.lines_covered, all.lines_total, all.branches_total), (5, 6, 2));
        assert_eq!(coverage.contradictions, ["declares 5 covered lines, its files sum up to 4"]);
        assert_eq!(coverage.get("C:/a.js").unwrap().counts().lines_covered, 2);
        assert_eq!(coverage.file_count(), 2);
    }

    #[test]
    fn what_is_missing_or_damaged_is_named() {
        for (text, what) in [
            (format!(r#"{{"/a.js":{}}}"#, counts([1, 1], [0, 0])), "no `total`"),
            (format!(r#"{{"total":{}}}"#, counts([2, 1], [0, 0])), "2 covered lines of 1"),
            (r#"{"total":{"lines":{"total":1,"covered":1}}}"#.to_string(), "missing field `branches`"),
            (format!(r#"{{"total":{}"#, counts([1, 1], [0, 0])), "EOF"),
        ] {
            let error = one(&text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!(error.line, Some(1));
        }
    }
}
