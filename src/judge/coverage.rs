//! Gate `coverage` (1B): is enough of the code run by the tests, of this change, of the paths that matter,
//! and no less than before?

use super::{FileRead, counted};
use crate::facts::coverage::{Coverage, CoverageCounts, FileCoverage};
use crate::facts::detail::ChangedLines;
use crate::facts::diff::{ChangedFile, Changes};
use crate::facts::finding::{Finding, Severity};
use crate::facts::pattern;
use crate::facts::percent::Percent;
use crate::facts::report::Obstacle;
use crate::facts::setting::{Enforce, Setting};
use crate::facts::stage::Gate;
use crate::facts::tree::{Mapper, Tree};
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
    /// Its components, or the jobs whose reports are put together; at least one.
    pub parts: Vec<Part>,
    /// Must each part reach the threshold by itself (components), or all of them together (jobs of one run)?
    pub each: bool,
    pub tree: Tree,
    /// Files that the project's own coverage configuration leaves out.
    pub omit: Vec<String>,
    /// The change's added lines, or why they are not known.
    pub changes: Result<Changes, String>,
    /// The baseline's counts and its evidence; none was asked for; or why it cannot be used.
    pub baseline: Option<Result<(CoverageCounts, usize), String>>,
    /// Thresholds that files of the project set and that do not judge here, each as one sentence.
    pub other_thresholds: Vec<String>,
}

/// What is known of one component or job.
#[derive(Debug, Default)]
pub struct Part {
    /// Empty where it is the only one.
    pub name: String,
    /// Why no report can be relied on (no test ran, the run did not end).
    pub blocked: Option<String>,
    /// Why there can be no report, and the way out.
    pub obstacle: Option<Obstacle>,
    pub looked_for: String,
    pub reports: Vec<FileRead<Coverage>>,
}

/// What one part's reports hold.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    own: BTreeSet<String>,
    foreign: BTreeSet<String>,
    lines_total: u64,
}

/// All reports of the run as one, by the project's own paths.
#[derive(Default)]
pub struct Merged {
    /// Files of the project.
    pub files: BTreeMap<String, FileCoverage>,
    /// Names in the reports that are no file of the project; they count too.
    pub foreign: BTreeMap<String, FileCoverage>,
    pub counts: CoverageCounts,
    /// Files that the change touches in lines that can run, where changed lines were asked for.
    pub changed: BTreeMap<String, ChangedLines>,
    parts: Vec<Measured>,
    /// Some of the names that were mapped from another root, and how many there are.
    moved: Vec<(String, String)>,
    moved_total: u64,
}

/// One sentence of the answer.
struct Answer {
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
    let problems: Vec<(usize, Problem)> =
        input.parts.iter().enumerate().filter_map(|(at, part)| Some((at, problem(part, &merged.parts[at])?))).collect();
    // Jobs of one run are judged together: what a missing one covered is not known, whatever the others say.
    if problems.len() == input.parts.len() || (!input.each && !problems.is_empty()) {
        return (nothing_measured(enforce, input, problems), merged);
    }
    let unmeasured = problems.len() as u64;
    let all: Vec<usize> = input.reports().map(|r| r.evidence).collect();
    let mut findings = Findings::default();
    let changed = changed(policy, input, &merged, &mut findings);
    merged.changed = changed.files;
    let mut answers = lines(policy, input, &merged, &all);
    answers.extend(problems.iter().map(|(at, problem)| missing(&input.parts[*at], problem)));
    answers.extend(branches(policy, &merged, &all));
    answers.extend(changed.part);
    answers.extend(paths(policy, &merged, &all));
    answers.extend(drop(policy, input, &merged, &all));
    let outcome = answers.iter().fold(Outcome::Pass, |worst, p| worst.worse(p.outcome));
    // What is red comes first, so that a cut title still says it.
    let mut order: Vec<&Answer> = answers.iter().filter(|p| !p.title.is_empty()).collect();
    order.sort_by_key(|p| p.outcome.is_green());
    let title = order.iter().map(|p| p.title.as_str()).collect::<Vec<_>>().join(", ");
    let mut verdict = Verdict::new(Gate::Coverage, enforce, outcome, title);
    for answer in answers {
        verdict.reasons.push(Reason { text: answer.reason, evidence: answer.evidence });
    }
    if let Some((at, problem)) = problems.into_iter().next().filter(|_| outcome == Outcome::Unmeasured) {
        verdict = verdict.help(input.parts[at].looked_for.clone(), problem.found, problem.way_out);
    }
    remarks(&mut verdict, input, &merged, &findings);
    verdict.findings = findings.kept;
    verdict.findings_total = findings.count;
    numbers(&mut verdict, &merged, changed.covered, changed.total);
    if unmeasured > 0 {
        verdict.metrics.insert("parts_unmeasured".into(), unmeasured);
    }
    (verdict, merged)
}

impl Input {
    fn reports(&self) -> impl Iterator<Item = &FileRead<Coverage>> {
        self.parts.iter().flat_map(|part| &part.reports)
    }
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

/// Why a part is unmeasured.
struct Problem {
    title: String,
    found: String,
    way_out: String,
}

/// Is there anything to judge in a part?
fn problem(part: &Part, measured: &Measured) -> Option<Problem> {
    let way_out = "let the test command write it, or name another path in `coverage.reports`";
    let same = |text: String| Some(Problem { title: text.clone(), found: text, way_out: way_out.into() });
    if let Some(why) = &part.blocked {
        return same(why.clone());
    }
    if let Some((path, why)) = part.reports.iter().find_map(|r| Some((&r.path, r.content.as_ref().err()?))) {
        return same(format!("{path}: {why}"));
    }
    if part.reports.is_empty() {
        return match &part.obstacle {
            Some(Obstacle { found, way_out }) => Some(Problem {
                title: format!("no coverage report: {found}"),
                found: found.clone(),
                way_out: way_out.clone(),
            }),
            None => same("no coverage report".into()),
        };
    }
    if measured.lines_total == 0 {
        return same("the report is valid and holds no line".into());
    }
    if measured.own.is_empty() {
        let some: Vec<&str> = measured.foreign.iter().take(3).map(String::as_str).collect();
        let found = format!(
            "none of its {} is in this project: {}",
            counted(measured.foreign.len() as u64, "file"),
            some.join(", ")
        );
        return Some(Problem { title: "the report is about another tree".into(), found, way_out: way_out.into() });
    }
    None
}

/// No part has anything to judge: the first says what is wrong, all are cited.
fn nothing_measured(enforce: Enforce, input: &Input, problems: Vec<(usize, Problem)>) -> Verdict {
    let named = |(at, problem): &(usize, Problem)| match input.parts[*at].name.as_str() {
        "" => problem.title.clone(),
        name => format!("{name} unmeasured: {}", problem.title),
    };
    let title = problems.iter().map(named).collect::<Vec<_>>().join("; ");
    let mut verdict = Verdict::new(Gate::Coverage, enforce, Outcome::Unmeasured, title);
    if input.parts.len() > 1 {
        verdict.metrics.insert("parts_unmeasured".into(), problems.len() as u64);
    }
    if let Some((at, problem)) = problems.into_iter().next() {
        verdict = verdict.help(input.parts[at].looked_for.clone(), problem.found, problem.way_out);
    }
    cite_reports(&mut verdict, input);
    verdict
}

/// A part that is not measured, beside others that are.
fn missing(part: &Part, problem: &Problem) -> Answer {
    Answer {
        outcome: Outcome::Unmeasured,
        title: format!("{} unmeasured: {}", part.name, problem.title),
        reason: format!("{}: {}", part.name, problem.found),
        evidence: part.reports.iter().map(|r| r.evidence).collect(),
    }
}

fn cite_reports(verdict: &mut Verdict, input: &Input) {
    for report in input.reports() {
        let text = match &report.content {
            Ok(_) => format!("{} was read", report.path),
            Err(why) => format!("{}: {why}", report.path),
        };
        verdict.reasons.push(Reason { text, evidence: vec![report.evidence] });
    }
}

/// The lines of all, and of each part where each must reach the threshold by itself.
fn lines(policy: &Policy, input: &Input, merged: &Merged, evidence: &[usize]) -> Vec<Answer> {
    let (covered, total) = (merged.counts.lines_covered, merged.counts.lines_total);
    let what = what_is_counted(merged.files.values().chain(merged.foreign.values()));
    if input.parts.len() == 1 || !input.each {
        return vec![threshold(what, &policy.lines, covered, total, evidence)];
    }
    let whole = Setting::new(None, policy.lines.source.clone());
    let mut answers = vec![threshold(what, &whole, covered, total, evidence)];
    answers[0].title = format!("{} of {what} in all", Percent::show(covered, total));
    answers[0].reason = format!("{covered} of {total} {what} in all components");
    for (part, measured) in input.parts.iter().zip(&merged.parts).filter(|(p, m)| problem(p, m).is_none()) {
        let files = || {
            let own = measured.own.iter().filter_map(|path| merged.files.get(path));
            own.chain(measured.foreign.iter().filter_map(|name| merged.foreign.get(name)))
        };
        let mut counts = CoverageCounts::default();
        files().for_each(|file| counts.add(file));
        let what = format!("{} of {}", what_is_counted(files()), part.name);
        let cited: Vec<usize> = part.reports.iter().map(|r| r.evidence).collect();
        let mut answer = threshold(&what, &policy.lines, counts.lines_covered, counts.lines_total, &cited);
        if answer.outcome == Outcome::Pass {
            answer.title = String::new();
        }
        answers.push(answer);
    }
    answers
}

/// Go counts statements; a sum over several languages is one of both.
fn what_is_counted<'a>(mut files: impl Iterator<Item = &'a FileCoverage>) -> &'static str {
    let (mut statements, mut other) = (false, false);
    files.by_ref().for_each(|file| match file.blocks.is_empty() {
        true => other = true,
        false => statements = true,
    });
    match (statements, other) {
        (true, false) => "statements",
        (true, true) => "lines and statements",
        (false, _) => "lines",
    }
}

fn branches(policy: &Policy, merged: &Merged, evidence: &[usize]) -> Option<Answer> {
    let (covered, total) = (merged.counts.branches_covered, merged.counts.branches_total);
    if total == 0 {
        let asked = policy.branches.value?;
        let reason = format!("{asked}% of branches asked ({}), and the report holds no branch", policy.branches.source);
        return Some(Answer {
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

fn threshold(what: &str, asked: &Setting<Option<Percent>>, covered: u64, total: u64, evidence: &[usize]) -> Answer {
    let share = Percent::show(covered, total);
    match asked.value {
        None => Answer {
            outcome: Outcome::Pass,
            title: format!("{share} of {what}"),
            reason: format!("{covered} of {total} {what}; no threshold ({})", asked.source),
            evidence: evidence.into(),
        },
        Some(percent) => Answer {
            outcome: if percent.is_met_by(covered, total) { Outcome::Pass } else { Outcome::Fail },
            title: format!("{share} of {what} ({percent})"),
            reason: format!("{covered} of {total} {what}; {percent}% asked ({})", asked.source),
            evidence: evidence.into(),
        },
    }
}

fn paths(policy: &Policy, merged: &Merged, evidence: &[usize]) -> Vec<Answer> {
    let one = |(path, asked): &(String, Setting<Percent>)| {
        let matcher = pattern::pattern(path).map(|g| g.compile_matcher());
        let mut counts = CoverageCounts::default();
        if let Ok(matcher) = &matcher {
            merged.files.iter().filter(|(path, _)| matcher.is_match(path)).for_each(|(_, file)| counts.add(file));
        }
        if counts.lines_total == 0 {
            let reason = format!("`{path}` ({}) matches no line of the report", asked.source);
            return Answer {
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

fn drop(policy: &Policy, input: &Input, merged: &Merged, evidence: &[usize]) -> Option<Answer> {
    let allowed = policy.drop.value?;
    let skipped =
        |reason: String| Answer { outcome: Outcome::Pass, title: String::new(), reason, evidence: Vec::new() };
    let (before, index) = match input.baseline.as_ref() {
        None => return Some(skipped("no baseline: whether the coverage fell is not asked".into())),
        Some(Err(why)) => {
            let reason = format!("the baseline cannot be used: {why}");
            return Some(Answer {
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
    Some(Answer {
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
    part: Option<Answer>,
    covered: u64,
    total: u64,
    files: BTreeMap<String, ChangedLines>,
}

fn changed(policy: &Policy, input: &Input, merged: &Merged, findings: &mut Findings) -> Changed {
    let note =
        |reason: String| Some(Answer { outcome: Outcome::Pass, title: String::new(), reason, evidence: Vec::new() });
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
    let evidence: Vec<usize> = input.reports().map(|r| r.evidence).collect();
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
    if merged.moved_total > 0 {
        let some: Vec<String> = merged.moved.iter().take(3).map(|(from, to)| format!("{from} is {to}")).collect();
        let names = counted(merged.moved_total, "name");
        say(format!("{names} of another root mapped to this project: {}", some.join(", ")), Vec::new());
    }
    for report in input.reports() {
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
    let mut merged = Merged { parts: vec![Measured::default(); input.parts.len()], ..Merged::default() };
    for (at, part) in input.parts.iter_mut().enumerate() {
        for report in part.reports.iter_mut().filter_map(|r| r.content.as_mut().ok()) {
            let files = report.take_files();
            let mut mapper = Mapper::new(&input.tree, &report.sources);
            // What a later name teaches about the report's root holds for the earlier ones too.
            let first: Vec<Option<String>> = files.iter().map(|(name, _)| mapper.resolve(name)).collect();
            for ((name, file), path) in files.into_iter().zip(first) {
                let path = path.or_else(|| mapper.resolve(&name));
                merged.parts[at].lines_total += file.counts().lines_total;
                let (kind, path) = match path {
                    Some(path) => {
                        merged.parts[at].own.insert(path.clone());
                        (&mut merged.files, path)
                    }
                    None => {
                        merged.parts[at].foreign.insert(name.clone());
                        (&mut merged.foreign, name)
                    }
                };
                match kind.entry(path) {
                    Entry::Vacant(free) => {
                        free.insert(file);
                    }
                    Entry::Occupied(mut known) => known.get_mut().merge(&file),
                }
            }
            merged.moved_total += mapper.moved_total;
            merged.moved.extend(mapper.moved);
        }
    }
    for file in merged.files.values().chain(merged.foreign.values()) {
        merged.counts.add(file);
    }
    merged
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

    fn part(name: &str, coverage: Coverage) -> Part {
        Part {
            name: name.into(),
            looked_for: "coverage.xml".into(),
            reports: vec![FileRead { evidence: 0, path: "coverage.xml".into(), content: Ok(coverage) }],
            ..Part::default()
        }
    }

    fn input(coverage: Coverage, tree: &[&str]) -> Input {
        Input {
            not_applicable: None,
            parts: vec![part("", coverage)],
            each: true,
            tree: Tree::new(tree.iter().map(|s| s.to_string()), "/w/project".into(), Vec::new()),
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
        assert_eq!(with(&|_, i| i.parts[0].blocked = Some("no test ran".into())).0, Outcome::Unmeasured);
        assert_eq!(with(&|_, i| i.parts[0].reports.clear()).0, Outcome::Unmeasured);
        assert_eq!(with(&|_, i| i.parts[0].reports[0].content = Ok(report(&[("a.py", 0, 0)]))).0, Outcome::Unmeasured);
    }

    #[test]
    fn each_component_reaches_the_threshold_or_is_named() {
        let tree = ["py/a.py", "go/b.go", "web/c.js"];
        let two = |go_uncovered: u32| {
            let mut input = input(report(&[("py/a.py", 90, 10)]), &tree);
            input.parts[0].name = "py".into();
            input.parts.push(part("go", report(&[("go/b.go", 9, go_uncovered)])));
            input
        };
        let (verdict, _) = judge(&policy(), two(1));
        assert_eq!((verdict.outcome, verdict.title.as_str()), (Outcome::Pass, "90.0% of lines in all"));
        let (verdict, _) = judge(&policy(), two(9));
        assert_eq!(verdict.outcome, Outcome::Fail);
        assert_eq!(verdict.title, "50.0% of lines of go (80), 83.8% of lines in all");
        let mut jobs = two(9);
        jobs.each = false;
        assert_eq!(judge(&policy(), jobs).0.title, "83.8% of lines (80)");
        let mut third = two(1);
        third.parts.push(Part { name: "web".into(), ..Part::default() });
        let (verdict, _) = judge(&policy(), third);
        assert_eq!(verdict.outcome, Outcome::Unmeasured);
        assert_eq!(verdict.title, "web unmeasured: no coverage report, 90.0% of lines in all");
    }

    #[test]
    fn names_of_another_root_are_mapped_and_said() {
        let (verdict, merged) =
            judge(&policy(), input(report(&[("/app/src/p/a.py", 9, 0), ("/app/b.py", 9, 0)]), &["src/p/a.py", "b.py"]));
        assert_eq!(merged.files.len(), 2);
        let said = "2 names of another root mapped to this project: /app/src/p/a.py is src/p/a.py, /app/b.py is b.py";
        assert!(verdict.reasons.iter().any(|r| r.text == said), "{:?}", verdict.reasons);
    }
}
