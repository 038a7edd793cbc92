//! Gate `coverage` (1B): is enough of the code run by the tests, of this change, of the paths that matter,
//! and no less than before?

use super::{FileRead, counted};
use crate::facts::coverage::{Coverage, CoverageCounts, FileCoverage};
use crate::facts::detail::ChangedLines;
use crate::facts::diff::{ChangedFile, Changes};
use crate::facts::finding::{Finding, Severity};
use crate::facts::pattern;
use crate::facts::percent::Percent;
use crate::facts::setting::{Enforce, Setting};
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Reason, Verdict};
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// How many findings the report holds; all of them are counted.
pub const KEPT_FINDINGS: usize = 1000;

#[derive(Clone, Debug)]
pub struct Policy {
    pub enforce: Setting<Enforce>,
    pub lines: Setting<Option<Percent>>,
    pub branches: Setting<Option<Percent>>,
    pub changed: Setting<Option<Percent>>,
    pub drop: Setting<Option<Percent>>,
    pub paths: Vec<(String, Setting<Percent>)>,
    pub exclude: Setting<Vec<String>>,
}

/// What is known of the coverage.
#[derive(Debug)]
pub struct Input {
    /// Why the project can have no coverage that we know of.
    pub not_applicable: Option<String>,
    /// Why no report can be relied on (no test ran, the run did not end).
    pub blocked: Option<String>,
    pub looked_for: String,
    pub reports: Vec<FileRead<Coverage>>,
    /// The project's files, relative, with `/`.
    pub tree: BTreeSet<String>,
    /// The project's absolute path, with `/`.
    pub root: String,
    /// Files that the project's own coverage configuration leaves out.
    pub omit: Vec<String>,
    /// The change's added lines, or why they are not known.
    pub changes: Result<Changes, String>,
    /// The baseline's counts and its evidence; none was asked for; or why it cannot be used.
    pub baseline: Option<Result<(CoverageCounts, usize), String>>,
    /// Thresholds that files of the project set and that do not judge here, each as one sentence.
    pub other_thresholds: Vec<String>,
}

/// All reports of the run as one, by the project's own paths.
pub struct Merged {
    /// Files of the project.
    pub files: BTreeMap<String, FileCoverage>,
    /// Names in the reports that are no file of the project; they count too.
    pub foreign: BTreeMap<String, FileCoverage>,
    pub counts: CoverageCounts,
    /// Files that the change touches in lines that can run, where changed lines were asked for.
    pub changed: BTreeMap<String, ChangedLines>,
}

/// One part of the answer.
struct Part {
    outcome: Outcome,
    /// For the title; empty for parts that only matter when they fail.
    title: String,
    reason: String,
    evidence: Vec<usize>,
}

pub fn judge(policy: &Policy, mut input: Input) -> (Verdict, Merged) {
    let mut merged = merge(&mut input);
    let input = &input;
    let enforce = policy.enforce.value;
    if let Some(why) = &input.not_applicable {
        return (super::skipped(Gate::Coverage, enforce, why), merged);
    }
    if let Some((title, found)) = unmeasured(input, &merged) {
        let mut verdict = Verdict::new(Gate::Coverage, enforce, Outcome::Unmeasured, title).help(
            input.looked_for.clone(),
            found,
            "let the test command write it, or name another path in `coverage.reports`",
        );
        cite_reports(&mut verdict, input);
        return (verdict, merged);
    }
    let all: Vec<usize> = input.reports.iter().map(|r| r.evidence).collect();
    let mut findings = Findings::default();
    let changed = changed(policy, input, &merged, &mut findings);
    merged.changed = changed.files;
    let mut parts = vec![lines(policy, &merged, &all)];
    parts.extend(branches(policy, &merged, &all));
    parts.extend(changed.part);
    parts.extend(paths(policy, &merged, &all));
    parts.extend(drop(policy, input, &merged, &all));
    let outcome = parts.iter().fold(Outcome::Pass, |worst, p| worst.worse(p.outcome));
    // What is red comes first, so that a cut title still says it.
    let mut order: Vec<&Part> = parts.iter().filter(|p| !p.title.is_empty()).collect();
    order.sort_by_key(|p| p.outcome.is_green());
    let title = order.iter().map(|p| p.title.as_str()).collect::<Vec<_>>().join(", ");
    let mut verdict = Verdict::new(Gate::Coverage, enforce, outcome, title);
    for part in parts {
        verdict.reasons.push(Reason { text: part.reason, evidence: part.evidence });
    }
    remarks(&mut verdict, input, &merged, &findings);
    verdict.findings = findings.kept;
    verdict.findings_total = findings.count;
    numbers(&mut verdict, &merged, changed.covered, changed.total);
    (verdict, merged)
}

fn numbers(verdict: &mut Verdict, merged: &Merged, changed_covered: u64, changed_total: u64) {
    let counts = &merged.counts;
    for (name, value) in [
        ("lines_covered", counts.lines_covered),
        ("lines_total", counts.lines_total),
        ("branches_covered", counts.branches_covered),
        ("branches_total", counts.branches_total),
        ("changed_covered", changed_covered),
        ("changed_total", changed_total),
    ] {
        verdict.metrics.insert(name.into(), value);
    }
}

/// Is there anything to judge? Gives the title and what was found instead.
fn unmeasured(input: &Input, merged: &Merged) -> Option<(String, String)> {
    let same = |text: String| Some((text.clone(), text));
    if let Some(why) = &input.blocked {
        return same(why.clone());
    }
    if let Some((path, why)) = input.reports.iter().find_map(|r| Some((&r.path, r.content.as_ref().err()?))) {
        return same(format!("{path}: {why}"));
    }
    if input.reports.is_empty() {
        return same("no coverage report".into());
    }
    if merged.counts.lines_total == 0 {
        return same("the report is valid and holds no line".into());
    }
    if merged.files.is_empty() {
        let some: Vec<&str> = merged.foreign.keys().take(3).map(String::as_str).collect();
        let found = format!(
            "none of its {} is in this project: {}",
            counted(merged.foreign.len() as u64, "file"),
            some.join(", ")
        );
        return Some(("the report is about another tree".into(), found));
    }
    None
}

fn cite_reports(verdict: &mut Verdict, input: &Input) {
    for report in &input.reports {
        let text = match &report.content {
            Ok(_) => format!("{} was read", report.path),
            Err(why) => format!("{}: {why}", report.path),
        };
        verdict.reasons.push(Reason { text, evidence: vec![report.evidence] });
    }
}

fn lines(policy: &Policy, merged: &Merged, evidence: &[usize]) -> Part {
    let (covered, total) = (merged.counts.lines_covered, merged.counts.lines_total);
    threshold("lines", &policy.lines, covered, total, evidence)
}

fn branches(policy: &Policy, merged: &Merged, evidence: &[usize]) -> Option<Part> {
    let (covered, total) = (merged.counts.branches_covered, merged.counts.branches_total);
    if total == 0 {
        let asked = policy.branches.value?;
        let reason = format!("{asked}% of branches asked ({}), and the report holds no branch", policy.branches.source);
        return Some(Part {
            outcome: Outcome::Unmeasured,
            title: "no branches in the report".into(),
            reason,
            evidence: evidence.into(),
        });
    }
    let mut part = threshold("branches", &policy.branches, covered, total, evidence);
    if policy.branches.value.is_none() {
        part.title = String::new();
    }
    Some(part)
}

fn threshold(what: &str, asked: &Setting<Option<Percent>>, covered: u64, total: u64, evidence: &[usize]) -> Part {
    let share = Percent::show(covered, total);
    match asked.value {
        None => Part {
            outcome: Outcome::Pass,
            title: format!("{share} of {what}"),
            reason: format!("{covered} of {total} {what}; no threshold ({})", asked.source),
            evidence: evidence.into(),
        },
        Some(percent) => Part {
            outcome: if percent.is_met_by(covered, total) { Outcome::Pass } else { Outcome::Fail },
            title: format!("{share} of {what} ({percent})"),
            reason: format!("{covered} of {total} {what}; {percent}% asked ({})", asked.source),
            evidence: evidence.into(),
        },
    }
}

fn paths(policy: &Policy, merged: &Merged, evidence: &[usize]) -> Vec<Part> {
    let one = |(path, asked): &(String, Setting<Percent>)| {
        let matcher = pattern::pattern(path).map(|g| g.compile_matcher());
        let mut counts = CoverageCounts::default();
        if let Ok(matcher) = &matcher {
            merged.files.iter().filter(|(path, _)| matcher.is_match(path)).for_each(|(_, file)| counts.add(file));
        }
        if counts.lines_total == 0 {
            let reason = format!("`{path}` ({}) matches no line of the report", asked.source);
            return Part {
                outcome: Outcome::Unmeasured,
                title: format!("{path}: nothing measured"),
                reason,
                evidence: evidence.into(),
            };
        }
        let asked = Setting::new(Some(asked.value), asked.source.clone());
        let mut part =
            threshold(&format!("lines of {path}"), &asked, counts.lines_covered, counts.lines_total, evidence);
        if part.outcome == Outcome::Pass {
            part.title = String::new();
        }
        part
    };
    policy.paths.iter().map(one).collect()
}

fn drop(policy: &Policy, input: &Input, merged: &Merged, evidence: &[usize]) -> Option<Part> {
    let allowed = policy.drop.value?;
    let skipped = |reason: String| Part { outcome: Outcome::Pass, title: String::new(), reason, evidence: Vec::new() };
    let (before, index) = match input.baseline.as_ref() {
        None => return Some(skipped("no baseline: whether the coverage fell is not asked".into())),
        Some(Err(why)) => {
            let reason = format!("the baseline cannot be used: {why}");
            return Some(Part {
                outcome: Outcome::Unmeasured,
                title: "baseline unusable".into(),
                reason,
                evidence: Vec::new(),
            });
        }
        Some(Ok(pair)) => pair,
    };
    let (old, now) =
        ((before.lines_covered, before.lines_total), (merged.counts.lines_covered, merged.counts.lines_total));
    let fell = allowed.is_exceeded_by_drop(old, now);
    let (was, is) = (Percent::show(old.0, old.1), Percent::show(now.0, now.1));
    let mut evidence = evidence.to_vec();
    evidence.push(*index);
    Some(Part {
        outcome: if fell { Outcome::Fail } else { Outcome::Pass },
        title: if fell { format!("fell from {was} to {is}") } else { String::new() },
        reason: format!(
            "{was} of lines in the baseline, {is} now; a drop of {allowed} points is allowed ({})",
            policy.drop.source
        ),
        evidence,
    })
}

#[derive(Default)]
struct Findings {
    kept: Vec<Finding>,
    count: u64,
    /// Changed source files that no report knows.
    unknown: Vec<String>,
    omitted: Vec<String>,
}

impl Findings {
    fn add(&mut self, finding: Finding) {
        self.count += 1;
        if self.kept.len() < KEPT_FINDINGS {
            self.kept.push(finding);
        }
    }
}

struct Changed {
    part: Option<Part>,
    covered: u64,
    total: u64,
    files: BTreeMap<String, ChangedLines>,
}

fn changed(policy: &Policy, input: &Input, merged: &Merged, findings: &mut Findings) -> Changed {
    let note =
        |reason: String| Some(Part { outcome: Outcome::Pass, title: String::new(), reason, evidence: Vec::new() });
    let changes = match &input.changes {
        Ok(changes) => changes,
        Err(why) => {
            let part = note(format!("changed lines: not asked, {why}"));
            return Changed { part, covered: 0, total: 0, files: BTreeMap::new() };
        }
    };
    let (mut covered, mut total, mut files) = (0, 0, BTreeMap::new());
    let judged = endings(merged);
    let (exclude, omit) = (pattern::any_of(&policy.exclude.value), omitted(&input.omit));
    for (path, file) in changes.files() {
        match merged.files.get(path) {
            Some(known) => {
                let (c, t) = known_file(path, known, file, findings);
                covered += c;
                total += t;
                if t > 0 {
                    files.insert(path.to_string(), ChangedLines { covered: c, total: t });
                }
            }
            None if !is_source(path, &judged) || exclude.is_match(path) || !input.tree.contains(path) => {}
            None if omit.is_match(path) => findings.omitted.push(path.to_string()),
            None => {
                let lines = file.code_lines();
                if lines > 0 {
                    total += lines;
                    files.insert(path.to_string(), ChangedLines { covered: 0, total: lines });
                    findings.unknown.push(path.to_string());
                    let message =
                        format!("{} changed here, and no coverage report knows this file", counted(lines, "line"));
                    findings.add(Finding::new("unknown-file", Severity::High, message).at(path, Some(1), None));
                }
            }
        }
    }
    if total == 0 {
        return Changed { part: note("no line that can run was changed".into()), covered, total, files };
    }
    let evidence: Vec<usize> = input.reports.iter().map(|r| r.evidence).collect();
    let part = Some(threshold("changed lines", &policy.changed, covered, total, &evidence));
    Changed { part, covered, total, files }
}

/// Covered and known lines among the changed ones; each run of uncovered lines is a finding.
fn known_file(path: &str, known: &FileCoverage, change: &ChangedFile, findings: &mut Findings) -> (u64, u64) {
    let (mut covered, mut total) = (0, 0);
    let mut run: Option<(u32, u32)> = None;
    for (line, _) in change.lines() {
        match known.lines.get(line) {
            Some(true) => {
                covered += 1;
                total += 1;
                uncovered(path, run.take(), findings);
            }
            Some(false) => {
                total += 1;
                run = match run {
                    Some((from, _)) => Some((from, line)),
                    None => Some((line, line)),
                };
            }
            None => {}
        }
    }
    uncovered(path, run, findings);
    (covered, total)
}

fn uncovered(path: &str, run: Option<(u32, u32)>, findings: &mut Findings) {
    let Some((from, to)) = run else { return };
    let message = if from == to {
        format!("changed line {from} is not covered by any test")
    } else {
        format!("changed lines {from} to {to} are not covered by any test")
    };
    findings.add(Finding::new("uncovered-lines", Severity::Medium, message).at(
        path,
        Some(from.into()),
        Some(to.into()),
    ));
}

/// The file name endings that the reports are about.
fn endings(merged: &Merged) -> BTreeSet<&str> {
    merged.files.keys().filter_map(|path| path.rsplit_once('.').map(|(_, end)| end)).collect()
}

fn is_source(path: &str, judged: &BTreeSet<&str>) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| judged.contains(end))
}

/// The patterns of coverage.py's `omit`, in its own dialect: `*` crosses folders.
fn omitted(patterns: &[String]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in patterns.iter().filter_map(|pattern| Glob::new(pattern.trim_start_matches("./")).ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}

fn remarks(verdict: &mut Verdict, input: &Input, merged: &Merged, findings: &Findings) {
    let mut say = |text: String, evidence: Vec<usize>| verdict.reasons.push(Reason { text, evidence });
    if !findings.unknown.is_empty() {
        say(
            format!("no report knows {}, changed here: they count as uncovered", listed(&findings.unknown)),
            Vec::new(),
        );
    }
    if !findings.omitted.is_empty() {
        say(format!("left out by the project's own coverage configuration: {}", listed(&findings.omitted)), Vec::new());
    }
    if findings.count > findings.kept.len() as u64 {
        say(
            format!("{} more findings are counted and not listed", findings.count - findings.kept.len() as u64),
            Vec::new(),
        );
    }
    for report in &input.reports {
        for contradiction in report.content.iter().flat_map(|read| &read.contradictions) {
            say(format!("{} {contradiction}", report.path), vec![report.evidence]);
        }
    }
    if !merged.foreign.is_empty() {
        let names: Vec<String> = merged.foreign.keys().cloned().collect();
        say(format!("no file of this project: {}", listed(&names)), Vec::new());
    }
    for other in &input.other_thresholds {
        say(format!("not used: {other}"), Vec::new());
    }
}

fn listed(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        Some(more) => format!("{shown} and {more} more"),
        None => shown,
    }
}

/// Puts all reports together under the project's own paths. The files move out of the reports: there may be many.
fn merge(input: &mut Input) -> Merged {
    let mut merged = Merged {
        files: BTreeMap::new(),
        foreign: BTreeMap::new(),
        counts: CoverageCounts::default(),
        changed: BTreeMap::new(),
    };
    let by_name = by_name(&input.tree);
    let place = Place { tree: &input.tree, root: &input.root, by_name };
    for report in input.reports.iter_mut().filter_map(|r| r.content.as_mut().ok()) {
        let files = report.take_files();
        for (name, file) in files {
            let (kind, path) = match resolve(&name, &report.sources, &place) {
                Some(path) => (&mut merged.files, path),
                None => (&mut merged.foreign, name),
            };
            match kind.entry(path) {
                Entry::Vacant(free) => {
                    free.insert(file);
                }
                Entry::Occupied(mut known) => known.get_mut().merge(&file),
            }
        }
    }
    for file in merged.files.values().chain(merged.foreign.values()) {
        merged.counts.add(file);
    }
    merged
}

/// What names in a report are looked up in.
struct Place<'a> {
    tree: &'a BTreeSet<String>,
    root: &'a str,
    by_name: BTreeMap<&'a str, Vec<&'a str>>,
}

/// The project's files by their last path segment.
fn by_name(tree: &BTreeSet<String>) -> BTreeMap<&str, Vec<&str>> {
    let mut out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in tree {
        out.entry(path.rsplit('/').next().unwrap_or(path)).or_default().push(path);
    }
    out
}

/// The project's path for a name in a report: as it is, below the project's root, below one of the report's
/// source folders, or, for reports made in another root, by the longest common tail where only one file has it.
fn resolve(name: &str, sources: &[String], place: &Place<'_>) -> Option<String> {
    let below_root = |path: &str| -> Option<String> {
        let inside = path.strip_prefix(place.root)?.strip_prefix('/')?;
        place.tree.contains(inside).then(|| inside.to_string())
    };
    let plain = name.trim_start_matches("./");
    if place.tree.contains(plain) {
        return Some(plain.to_string());
    }
    if let Some(path) = below_root(plain) {
        return Some(path);
    }
    for source in sources {
        let joined = format!("{}/{plain}", source.trim_end_matches('/'));
        let relative = joined.trim_start_matches("./");
        if place.tree.contains(relative) {
            return Some(relative.to_string());
        }
        if let Some(path) = below_root(&joined) {
            return Some(path);
        }
    }
    let whole: Vec<String> = match sources {
        [] => vec![plain.to_string()],
        some => some.iter().map(|s| format!("{s}/{plain}")).collect(),
    };
    let candidates = place.by_name.get(plain.rsplit('/').next()?)?;
    let score = |path: &str| whole.iter().map(|w| common_tail(w, path)).max().unwrap_or(0);
    let best = candidates.iter().map(|path| score(path)).max()?;
    let mut found = candidates.iter().filter(|path| score(path) == best);
    match (found.next(), found.next()) {
        // A single segment is a coincidence: every tree has an `__init__.py`.
        (Some(only), None) if best >= 2 => Some((*only).to_string()),
        _ => None,
    }
}

/// How many path segments two paths share at their ends.
fn common_tail(a: &str, b: &str) -> usize {
    a.rsplit('/').zip(b.rsplit('/')).take_while(|(x, y)| x == y).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::setting::Source;

    fn policy() -> Policy {
        let percent = |p| Setting::default(Some(Percent::whole(p)));
        Policy {
            enforce: Setting::default(Enforce::Block),
            lines: percent(80),
            branches: Setting::default(None),
            changed: percent(80),
            drop: percent(0),
            paths: Vec::new(),
            exclude: Setting::default(vec!["tests/**".into()]),
        }
    }

    /// A report of files: name, covered lines from 1, uncovered lines behind them.
    fn report(files: &[(&str, u32, u32)]) -> Coverage {
        let mut out = Coverage::default();
        for &(name, covered, uncovered) in files {
            let slot = out.slot(name);
            for line in 1..=covered + uncovered {
                out.at(slot).lines.insert(line, line <= covered);
            }
        }
        out
    }

    fn input(coverage: Coverage, tree: &[&str]) -> Input {
        Input {
            not_applicable: None,
            blocked: None,
            looked_for: "coverage.xml".into(),
            reports: vec![FileRead { evidence: 0, path: "coverage.xml".into(), content: Ok(coverage) }],
            tree: tree.iter().map(|s| s.to_string()).collect(),
            root: "/w/project".into(),
            omit: Vec::new(),
            changes: Err("no base".into()),
            baseline: None,
            other_thresholds: Vec::new(),
        }
    }

    fn changes(lines: &[(&str, u32)]) -> Changes {
        let mut out = Changes::default();
        for (path, line) in lines {
            out.add(path, *line, true);
        }
        out
    }

    #[test]
    fn a_threshold_is_met_or_not_without_rounding() {
        let (verdict, _) = judge(&policy(), input(report(&[("a.py", 799, 201)]), &["a.py"]));
        assert_eq!((verdict.outcome, verdict.title.as_str()), (Outcome::Fail, "79.9% of lines (80)"));
        let (verdict, _) = judge(&policy(), input(report(&[("a.py", 800, 200)]), &["a.py"]));
        assert_eq!((verdict.outcome, verdict.title.as_str()), (Outcome::Pass, "80.0% of lines (80)"));
    }

    #[test]
    fn a_report_about_another_tree_proves_nothing() {
        let (verdict, _) = judge(
            &policy(),
            input(report(&[("b.py", 9, 0), ("pkg/__init__.py", 1, 0)]), &["a.py", "src/x/__init__.py"]),
        );
        assert_eq!(
            (verdict.outcome, verdict.title.as_str()),
            (Outcome::Unmeasured, "the report is about another tree")
        );
    }

    #[test]
    fn names_are_mapped_by_root_sources_and_tail() {
        for (name, sources) in [
            ("src/p/a.py", vec![]),
            ("./src/p/a.py", vec![]),
            ("/w/project/src/p/a.py", vec![]),
            ("p/a.py", vec!["/w/project/src"]),
            ("a.py", vec!["/elsewhere", "src/p"]),
            ("/github/workspace/src/p/a.py", vec![]),
            ("a.py", vec!["/github/workspace/src/p"]),
        ] {
            let mut coverage = report(&[(name, 9, 0)]);
            coverage.sources = sources.into_iter().map(String::from).collect();
            let (_, merged) = judge(&policy(), input(coverage, &["src/p/a.py", "src/q/a.py", "tests/a.py"]));
            assert_eq!(merged.files.keys().collect::<Vec<_>>(), ["src/p/a.py"], "{name}");
        }
    }

    #[test]
    fn changed_lines_are_judged_apart_and_unknown_files_count_as_uncovered() {
        let mut input = input(report(&[("a.py", 90, 10)]), &["a.py", "new.py", "tests/test_a.py", "README.md"]);
        input.changes = Ok(changes(&[
            ("a.py", 1),
            ("a.py", 95),
            ("a.py", 96),
            ("a.py", 500),
            ("new.py", 1),
            ("tests/test_a.py", 1),
            ("README.md", 1),
        ]));
        let (verdict, _) = judge(&policy(), input);
        assert_eq!((verdict.metrics["changed_covered"], verdict.metrics["changed_total"]), (1, 4));
        assert_eq!(verdict.outcome, Outcome::Fail);
        assert_eq!(verdict.title, "25.0% of changed lines (80), 90.0% of lines (80)");
        let places: Vec<_> =
            verdict.findings.iter().map(|f| (f.path.as_deref().unwrap(), f.line, f.end_line)).collect();
        assert_eq!(places, [("a.py", Some(95), Some(96)), ("new.py", Some(1), None)]);
        assert!(verdict.reasons.iter().any(|r| r.text.contains("new.py")));
    }

    #[test]
    fn each_part_can_turn_the_gate_red_or_unmeasured() {
        let tree = ["a.py", "core/b.py"];
        let files = [("a.py", 95, 5), ("core/b.py", 9, 1)];
        let path = |pattern: &str, p| (pattern.to_string(), Setting::new(Percent::whole(p), Source::Default));
        let with = |change: &dyn Fn(&mut Policy, &mut Input)| {
            let (mut policy, mut input) = (policy(), input(report(&files), &tree));
            change(&mut policy, &mut input);
            let (verdict, _) = judge(&policy, input);
            (verdict.outcome, verdict.title)
        };
        assert_eq!(with(&|_, _| {}).0, Outcome::Pass);
        let (outcome, title) = with(&|p, _| p.paths = vec![path("core/**", 95)]);
        assert_eq!((outcome, title.as_str()), (Outcome::Fail, "90.0% of lines of core/** (95), 94.5% of lines (80)"));
        assert_eq!(with(&|p, _| p.paths = vec![path("gone/**", 95)]).0, Outcome::Unmeasured);
        assert_eq!(with(&|p, _| p.branches = Setting::default(Some(Percent::whole(1)))).0, Outcome::Unmeasured);
        let counts =
            |covered, total| CoverageCounts { lines_covered: covered, lines_total: total, ..Default::default() };
        assert_eq!(with(&|_, i| i.baseline = Some(Ok((counts(95, 100), 1)))).0, Outcome::Fail);
        assert_eq!(with(&|_, i| i.baseline = Some(Ok((counts(94, 100), 1)))).0, Outcome::Pass);
        assert_eq!(with(&|_, i| i.baseline = Some(Err("cut".into()))).0, Outcome::Unmeasured);
        assert_eq!(with(&|_, i| i.blocked = Some("no test ran".into())).0, Outcome::Unmeasured);
        assert_eq!(with(&|_, i| i.reports.clear()).0, Outcome::Unmeasured);
        assert_eq!(with(&|_, i| i.reports[0].content = Ok(report(&[("a.py", 0, 0)]))).0, Outcome::Unmeasured);
    }
}
