//! Coverage as tables: the files of the change, the folders, and the files with the most lines that no test runs.

use super::markdown::{Budget, code, row};
use super::sections::Scope;
use super::words::{counted, thousands};
use crate::facts::finding::Finding;
use crate::facts::percent::Percent;
use crate::facts::stage::Gate;
use crate::facts::verdict::Verdict;
use crate::facts::view::FileView;
use std::collections::BTreeMap;

/// A table with more rows than this is folded.
const OPEN_ROWS: usize = 12;
/// How many runs of lines one row names.
const SHOWN_RANGES: usize = 12;

pub fn tables(scope: &Scope<'_>, limit: usize) -> String {
    let Some(verdict) = scope.verdict(Gate::Coverage) else { return String::new() };
    let totals = totals(verdict);
    let mut budget = Budget::new(limit);
    if (totals.is_empty() && scope.view.files.is_empty())
        || !budget.block(&format!("### Coverage\n\n{}", totals.join(" · ")))
    {
        return String::new();
    }
    changed(&mut budget, verdict, &scope.view.files);
    folders(&mut budget, &scope.view.files);
    files(&mut budget, &scope.view.files);
    budget.finish()
}

fn totals(verdict: &Verdict) -> Vec<String> {
    let metric = |name: String| verdict.metrics.get(&name).copied().unwrap_or(0);
    let one = |(what, name): (&str, &str)| {
        let (part, all) = (metric(format!("{name}_covered")), metric(format!("{name}_total")));
        let share = Percent::show(part, all);
        (all > 0).then(|| format!("**{share}** of {what} ({} of {})", thousands(part), thousands(all)))
    };
    [("lines", "lines"), ("branches", "branches"), ("changed lines", "changed")].into_iter().filter_map(one).collect()
}

/// Open where it is short, else in a fold.
fn table(
    budget: &mut Budget,
    title: &str,
    columns: &[&str],
    rows: impl ExactSizeIterator<Item = String>,
    what: &str,
    open: usize,
) {
    if rows.len() == 0 {
        return;
    }
    let left_out = |n| {
        let are = if n == 1 { "is" } else { "are" };
        format!("{} {are} not listed here.", counted(n, &format!("more {what}")))
    };
    if rows.len() <= open {
        budget.table(columns, rows, 0, left_out);
    } else if budget.open(&format!("{title}: {}", counted(rows.len() as u64, what)), false) {
        budget.table(columns, rows, 0, left_out);
        budget.close();
    } else {
        budget.each([], rows.len() as u64, left_out);
    }
}

fn changed(budget: &mut Budget, verdict: &Verdict, files: &[FileView]) {
    let mut places: BTreeMap<&str, Vec<[u32; 2]>> = BTreeMap::new();
    let line = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    for finding in &verdict.findings {
        if let (Some(path), Some(from), Some(to)) = (finding.path.as_deref(), finding.line, finding.end_line) {
            places.entry(path).or_default().push([line(from), line(to)]);
        }
    }
    let mut rows: Vec<(u64, String)> = Vec::new();
    for file in files {
        let Some(change) = file.changed else { continue };
        let missed = change.total.saturating_sub(change.covered);
        let ranges = places.get(&*file.path).map_or_else(
            || if missed == 0 { "none".into() } else { "see the report".to_string() },
            |found| ranges(found),
        );
        let share = Percent::show(change.covered, change.total);
        let of = format!("{} of {}", thousands(change.covered), thousands(change.total));
        rows.push((missed, row(&[&code(&file.path), &of, &share, &ranges])));
    }
    for finding in verdict.findings.iter().filter(|f| unknown(f)) {
        let path = finding.path.as_deref().unwrap_or("");
        if files.binary_search_by(|f| (*f.path).cmp(path)).is_err() {
            rows.push((u64::MAX, row(&[&code(path), "", "", "no report knows this file"])));
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.0));
    let rows = rows.into_iter().map(|(_, row)| row);
    let columns = ["Changed file", "Changed lines run>", "Share>", "Changed lines that no test runs"];
    table(budget, "Changed files", &columns, rows, "changed file", OPEN_ROWS);
}

fn unknown(finding: &Finding) -> bool {
    finding.rule == "unknown-file" && finding.path.is_some()
}

fn folders(budget: &mut Budget, files: &[FileView]) {
    let mut folders: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for file in files {
        let folder = file.path.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let sums = folders.entry(folder).or_default();
        *sums = (sums.0 + 1, sums.1 + file.lines_covered(), sums.2 + file.lines_total());
    }
    let mut folders: Vec<_> = folders.into_iter().collect();
    folders.sort_by_key(|(_, (_, part, all))| std::cmp::Reverse(all.saturating_sub(*part)));
    let rows = folders.into_iter().map(|(folder, (files, part, all))| {
        let missed = thousands(all.saturating_sub(part));
        row(&[&code(folder), &thousands(files), &thousands(all), &missed, &Percent::show(part, all)])
    });
    table(budget, "Folders", &["Folder", "Files>", "Lines>", "Not run>", "Share>"], rows, "folder", OPEN_ROWS);
}

fn files(budget: &mut Budget, files: &[FileView]) {
    let mut worst: Vec<&FileView> = files.iter().filter(|f| !f.uncovered.is_empty()).collect();
    worst.sort_by_key(|f| std::cmp::Reverse(f.lines_total() - f.lines_covered()));
    let rows = worst.into_iter().map(|file| {
        let (part, all) = (file.lines_covered(), file.lines_total());
        let share = Percent::show(part, all);
        row(&[&code(&file.path), &thousands(all), &thousands(all - part), &share, &ranges(&file.uncovered)])
    });
    let columns = ["File", "Lines>", "Not run>", "Share>", "Lines that no test runs"];
    table(budget, "Files with lines that no test runs", &columns, rows, "file", 0);
}

/// `3-9, 14 and 1,204 more lines`.
fn ranges(found: &[[u32; 2]]) -> String {
    let one = |[from, to]: &[u32; 2]| if from == to { from.to_string() } else { format!("{from}-{to}") };
    let shown = found.iter().take(SHOWN_RANGES).map(one).collect::<Vec<_>>().join(", ");
    let rest = found.iter().skip(SHOWN_RANGES).map(|[from, to]| u64::from(to.saturating_sub(*from)) + 1).sum::<u64>();
    if rest == 0 { shown } else { format!("{shown} and {}", counted(rest, "more line")) }
}
