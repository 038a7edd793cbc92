//! Report files: found, checked to be this run's, read, with their evidence; what they hold goes to the details.

use super::collect::Collected;
use super::component::Component;
use super::scans::Job;
use super::{BEFORE, EVIDENCE_FOLDER, GateError, history, io_error};
use crate::act::files::{self, Hashing, JsonLines};
use crate::facts::coverage::{Coverage, CoverageCounts};
use crate::facts::detail::{Detail, FileDetail, TestDetail};
use crate::facts::diff::Changes;
use crate::facts::event::{Event, FileRow};
use crate::facts::evidence::{Ending, Evidence, EvidenceKind};
use crate::facts::found::{Findings, Found};
use crate::facts::history::History;
use crate::facts::pattern::{any_of, of_reports};
use crate::facts::report::{self, Report};
use crate::facts::stage::Gate;
use crate::facts::tests::{Case, Tests};
use crate::facts::tree::{Mapper, Root, Tree};
use crate::facts::verdict::{Outcome, Verdict};
use crate::judge::{self, FileRead, Run};
use crate::order::Order;
use crate::read::{self, Format, Item, Measured};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Clocks of file systems are coarser than ours.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// Reads the reports of one component's tests.
pub fn tests(
    order: &Order,
    collected: &mut Collected,
    at: usize,
    tree: &Tree,
    details: &mut JsonLines,
    history: &mut History,
) -> Result<judge::tests::Input, GateError> {
    let component = &collected.components[at];
    let (patterns, name) = (component.test_reports.clone(), component.name.clone());
    let mut failed: Option<io::Error> = None;
    let mut each = each_case(details, history, &mut failed);
    let freshness = freshness(order, collected, at, Gate::Tests)?;
    let wanted = Wanted { gate: Gate::Tests, component: &name, patterns: &patterns, freshness };
    let mut reports = read_all(order, collected, &wanted, &mut |project, item| {
        read_tests(project, item, &mut |case| each(&name, case))
    })?;
    drop(each);
    if let Some(error) = failed {
        return Err(GateError::Io { what: "the details file".into(), error });
    }
    reports.iter_mut().filter_map(|r| r.content.as_mut().ok()).for_each(|tests| map_names(tests, tree));
    let component = &collected.components[at];
    let ready = collected.components.iter().all(Component::is_ready);
    let blocked = !component.is_ready() || (component.run.is_none() && !ready && component.install.is_none());
    let input = judge::tests::Input {
        not_applicable: component.not_applicable.clone(),
        blocked: blocked.then(|| "the project's dependencies are not installed".to_string()),
        run: component.run.clone(),
        looked_for: looked_for(&patterns, component),
        reports,
        ..judge::tests::Input::default()
    };
    let retried = retried(order, collected, at)?;
    retried.tests.iter().for_each(|node| history::retried(history, &name, node));
    Ok(judge::tests::Input { retried_passed: retried.passed, retried_cases: retried.extra_cases, ..input })
}

/// Writes every case of a component into the details file; keeps the first error.
pub fn each_case<'a>(
    details: &'a mut JsonLines,
    history: &'a mut History,
    failed: &'a mut Option<io::Error>,
) -> impl FnMut(&str, &Case<'_>) + 'a {
    let mut id = String::new();
    move |component: &str, case: &Case<'_>| {
        id.clear();
        if !case.class.is_empty() {
            id.push_str(case.class);
            id.push_str("::");
        }
        id.push_str(case.name);
        history.see(component, &id, case.outcome, case.flaky);
        let line = Detail::Test(TestDetail {
            id: id.as_str().into(),
            component: component.into(),
            outcome: case.outcome,
            flaky: case.flaky,
            seconds: case.micros as f64 / 1e6,
            path: case.file.map(Into::into),
            line: case.line,
        });
        if let Err(error) = details.push(&line)
            && failed.is_none()
        {
            *failed = Some(error);
        }
    }
}

/// The places of failing cases as paths of this project; what is none of its files keeps its name.
fn map_names(tests: &mut Tests, tree: &Tree) {
    let mut mapper = Mapper::new(tree, &[]);
    for case in &mut tests.kept {
        if let Some(path) = case.path.as_deref().and_then(|path| mapper.resolve(path)) {
            case.path = Some(path);
        }
    }
    if mapper.moved_total > 0 {
        let some: Vec<String> = mapper.moved.iter().take(3).map(|(from, to)| format!("{from} is {to}")).collect();
        tests.mapped = Some(format!("names of another root mapped to this project: {}", some.join(", ")));
    }
}

fn looked_for(patterns: &[String], component: &Component) -> String {
    if patterns.is_empty() {
        return "a project whose tests qte-ci knows how to run".into();
    }
    let mut text = patterns.join(", ");
    if !component.moved.is_empty() {
        text.push_str(&format!(" (what lay there before the command is in {EVIDENCE_FOLDER}/{BEFORE})"));
    }
    text
}

/// What is known of tests that were run again.
#[derive(Debug, Default)]
pub struct Retried {
    pub passed: u64,
    pub extra_cases: u64,
    /// Those that passed in the end, by the names that the runner gives them.
    pub tests: Vec<String>,
}

/// Tests that were run again, as noted by our plugin during the run.
fn retried(order: &Order, collected: &mut Collected, at: usize) -> Result<Retried, GateError> {
    let component = &collected.components[at];
    let Some(path) = component.reruns.clone().filter(|p| p.exists()) else { return Ok(Retried::default()) };
    let relative = path.strip_prefix(&order.project).map(files::slashed).unwrap_or_default();
    let mut item = Evidence::new(EvidenceKind::File, Gate::Tests);
    item.component.clone_from(&component.name);
    item.path = Some(relative);
    item.format = Some("reruns".into());
    let retried = read_reruns(&path, &mut item).map_err(io_error(path.display().to_string()))?;
    collected.evidence.push(item);
    Ok(retried)
}

/// Counts what a file of reruns tells, and notes its digest.
pub fn read_reruns(path: &Path, item: &mut Evidence) -> io::Result<Retried> {
    let bytes = std::fs::read(path)?;
    item.sha256 = Some(files::sha256(&bytes));
    item.bytes = Some(bytes.len() as u64);
    item.written = Some(files::rfc3339(std::fs::metadata(path)?.modified()?));
    let mut retried = Retried::default();
    for line in bytes.split(|&b| b == b'\n').filter(|l| !l.is_empty()) {
        let value: serde_json::Value = serde_json::from_slice(line)?;
        if value.get("outcome").and_then(|o| o.as_str()) == Some("flaky") {
            retried.passed += 1;
            retried.tests.extend(value.get("id").and_then(|id| id.as_str()).map(str::to_string));
        }
        retried.extra_cases += value.get("extra_cases").and_then(|n| n.as_u64()).unwrap_or(0);
    }
    Ok(retried)
}

type ReadOne<'a, T> = dyn FnMut(&Path, &mut Evidence) -> Result<T, String> + 'a;

/// The reports of one component that a gate asks for.
struct Wanted<'a> {
    gate: Gate,
    component: &'a str,
    patterns: &'a [String],
    freshness: Freshness,
}

/// Finds the files that patterns name, refuses what is no evidence, reads the rest.
fn read_all<T>(
    order: &Order,
    collected: &mut Collected,
    wanted: &Wanted<'_>,
    read_one: &mut ReadOne<'_, T>,
) -> Result<Vec<FileRead<T>>, GateError> {
    let patterns = wanted.patterns;
    let mut found = files::matching(&order.project, patterns, &any_of(patterns)).map_err(io_error("reports"))?;
    // A wide pattern would find what was moved out of its way again.
    let before = format!("{EVIDENCE_FOLDER}/{BEFORE}/");
    found.retain(|path| !path.starts_with(&before));
    let mut out = Vec::new();
    for path in found {
        let mut item = Evidence::new(EvidenceKind::File, wanted.gate);
        item.component = wanted.component.into();
        item.path = Some(path.clone());
        item.refused = refused(order, collected, &path, &wanted.freshness)?;
        let content = match &item.refused {
            Some(why) => Err(why.clone()),
            None => read_one(&order.project, &mut item),
        };
        collected.evidence.push(item);
        out.push(FileRead { evidence: collected.evidence.len() - 1, path, content });
    }
    Ok(out)
}

/// What a report must not be older than.
struct Freshness {
    since: Option<SystemTime>,
    what: String,
    slack: Duration,
}

/// A command's reports are younger than its start; those of earlier steps than every source file.
fn freshness(order: &Order, collected: &Collected, at: usize, gate: Gate) -> Result<Freshness, GateError> {
    let is_read = gate == Gate::Coverage && order.tests.run.value.is_none() && order.coverage.reports.value.is_some();
    let component = &collected.components[at];
    if let Some(began) = component.began.filter(|_| !is_read) {
        return Ok(Freshness::of_command(began, component.run.as_ref()));
    }
    of_earlier_steps(order, collected)
}

impl Freshness {
    fn of_command(began: SystemTime, run: Option<&Run>) -> Freshness {
        let what = run.map_or_else(String::new, |run| format!("{} began", run.what));
        Freshness { since: Some(began), what, slack: CLOCK_SLACK }
    }
}

fn of_earlier_steps(order: &Order, collected: &Collected) -> Result<Freshness, GateError> {
    Ok(match newest_source(order, collected)? {
        Some((since, path)) => {
            Freshness { since: Some(*since), what: format!("{path} was changed"), slack: Duration::from_secs(1) }
        }
        None => Freshness { since: None, what: String::new(), slack: Duration::ZERO },
    })
}

fn newest_source<'c>(order: &Order, collected: &'c Collected) -> Result<&'c Option<(SystemTime, String)>, GateError> {
    if let Some(known) = collected.newest_source.get() {
        return Ok(known);
    }
    let sources: Vec<&str> = collected.files.iter().map(String::as_str).filter(|f| is_source(f)).collect();
    let newest = files::newest(&order.project, &sources).map_err(io_error("source files"))?;
    Ok(collected.newest_source.get_or_init(|| newest))
}

fn is_source(path: &str) -> bool {
    const ENDINGS: [&str; 22] = [
        "py", "pyx", "rs", "go", "js", "jsx", "ts", "tsx", "mjs", "cjs", "java", "kt", "scala", "rb", "php", "c", "cc",
        "cpp", "h", "hpp", "cs", "swift",
    ];
    path.rsplit_once('.').is_some_and(|(_, end)| ENDINGS.contains(&end))
}

fn refused(
    order: &Order,
    collected: &Collected,
    path: &str,
    freshness: &Freshness,
) -> Result<Option<String>, GateError> {
    if collected.tracked.contains(path) {
        return Ok(Some("git tracks this file: what is committed is no evidence of this run".into()));
    }
    let written = std::fs::metadata(order.project.join(path))
        .and_then(|data| data.modified())
        .map_err(io_error(path.to_string()))?;
    let Some(since) = freshness.since else { return Ok(None) };
    match since.duration_since(written) {
        Ok(older) if older > freshness.slack => Ok(Some(format!("written {} before {}", span(older), freshness.what))),
        _ => Ok(None),
    }
}

/// A length of time for people.
fn span(time: Duration) -> String {
    match time.as_secs() {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7199 => format!("{} min", s / 60),
        s @ 7200..=172_799 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

/// Opens a report, gives it to its reader, and notes digest, size, format and time.
fn read_file(
    project: &Path,
    item: &mut Evidence,
    named: Option<&'static Format>,
    each: &mut dyn FnMut(Item<'_>),
) -> Result<Measured, String> {
    let path = project.join(item.path.as_deref().unwrap_or_default());
    let plain = |e: io::Error| e.to_string();
    let file = File::open(&path).map_err(plain)?;
    item.written = Some(files::rfc3339(file.metadata().and_then(|m| m.modified()).map_err(plain)?));
    let mut source = Hashing::new(file);
    let reading = read::read(&mut source, named, each);
    let (sha256, bytes) = source.finish().map_err(plain)?;
    item.sha256 = Some(sha256);
    item.bytes = Some(bytes);
    let reading = reading.map_err(|e| e.to_string())?;
    item.format = Some(reading.format.id.into());
    Ok(reading.measured)
}

pub fn read_tests(project: &Path, item: &mut Evidence, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, String> {
    let mut cases = |one: Item<'_>| {
        if let Item::Case(case) = one {
            each(case);
        }
    };
    match read_file(project, item, None, &mut cases)? {
        Measured::Tests(tests) => {
            item.tool.clone_from(&tests.tool);
            Ok(tests)
        }
        other => Err(format!("{} where a test report is looked for", other.what())),
    }
}

pub fn read_coverage(project: &Path, item: &mut Evidence) -> Result<Coverage, String> {
    match read_file(project, item, None, &mut |_| {})? {
        Measured::Coverage(coverage) => {
            item.tool.clone_from(&coverage.tool);
            item.version.clone_from(&coverage.version);
            Ok(coverage)
        }
        other => Err(format!("{} where a coverage report is looked for", other.what())),
    }
}

/// Reads what one scan wrote, or what its patterns name.
pub fn read_scans(
    order: &Order,
    collected: &mut Collected,
    job: &Job,
    each: &mut dyn FnMut(&report::Scan, &Found<'_>),
) -> Result<Vec<FileRead<Findings>>, GateError> {
    let mut out = Vec::new();
    for text in &job.patterns {
        let (named, pattern) = of_reports(text);
        let freshness = match job.began {
            Some(began) => Freshness::of_command(began, job.run.as_ref()),
            None => of_earlier_steps(order, collected)?,
        };
        let patterns = [pattern.to_string()];
        let wanted = Wanted { gate: job.scan.gate, component: &job.component, patterns: &patterns, freshness };
        out.extend(read_all(order, collected, &wanted, &mut |project, item| {
            read_findings(project, item, named, &mut |found| each(&job.scan, found))
        })?);
    }
    Ok(out)
}

pub fn read_findings(
    project: &Path,
    item: &mut Evidence,
    named: Option<&str>,
    each: &mut dyn FnMut(&Found<'_>),
) -> Result<Findings, String> {
    let format = match named {
        Some(name) => Some(read::format(name).ok_or_else(|| format!("`{name}` is no format that is read"))?),
        None => None,
    };
    let mut findings = |one: Item<'_>| {
        if let Item::Found(found) = one {
            each(found);
        }
    };
    match read_file(project, item, format, &mut findings)? {
        Measured::Findings(found) => {
            item.tool.clone_from(&found.tool);
            item.version.clone_from(&found.version);
            Ok(found)
        }
        other => Err(format!("{} where a report of findings is looked for", other.what())),
    }
}

/// Coverage of a run that did not end, or in which nothing ran, is no evidence.
pub fn coverage_blocked(component: &Component, tests: &Verdict) -> Option<String> {
    if !component.is_ready() {
        return Some("the project's dependencies are not installed".into());
    }
    blocked_by(component.run.as_ref()?.ending, tests)
}

pub fn blocked_by(ending: Ending, tests: &Verdict) -> Option<String> {
    match ending {
        Ending::Exit(0 | 1) => {}
        ending => return Some(format!("the tests did not run to their end: {ending}")),
    }
    let ran = tests.metrics.get("passed").copied().unwrap_or(0) + tests.metrics.get("failed").copied().unwrap_or(0);
    (ran == 0 && tests.outcome != Outcome::Skipped).then(|| "no test ran".to_string())
}

/// Reads the coverage reports of every component with tests. `blocked` says why one's reports cannot be relied on.
pub fn coverage_parts(
    order: &Order,
    collected: &mut Collected,
    blocked: Vec<(usize, Option<String>)>,
) -> Result<Vec<judge::coverage::Part>, GateError> {
    let clock = std::time::Instant::now();
    let limit = order.coverage.timeout_s.value;
    let mut parts = Vec::new();
    for (at, blocked) in blocked {
        let patterns = collected.components[at].coverage_reports.clone();
        let name = collected.components[at].name.clone();
        let freshness = freshness(order, collected, at, Gate::Coverage)?;
        let wanted = Wanted { gate: Gate::Coverage, component: &name, patterns: &patterns, freshness };
        let reports = read_all(order, collected, &wanted, &mut |project, item| read_coverage(project, item))?;
        let late = || (clock.elapsed().as_secs() > limit).then(|| format!("reading took longer than {limit} s"));
        let component = &collected.components[at];
        parts.push(judge::coverage::Part {
            name: component.name.clone(),
            blocked: blocked.or_else(late),
            obstacle: component.no_coverage.clone(),
            looked_for: looked_for(&patterns, component),
            reports,
        });
    }
    Ok(parts)
}

/// Adds the change and the baseline (`before`, where one was asked for) to what was read.
pub fn coverage(
    order: &Order,
    collected: &mut Collected,
    tree: &Tree,
    parts: Vec<judge::coverage::Part>,
    before: Option<Result<Vec<u8>, String>>,
    changes: Result<Changes, String>,
) -> Result<judge::coverage::Input, GateError> {
    let nothing = parts.iter().all(|part| part.reports.is_empty());
    let not_applicable = collected.components.iter().find_map(|c| c.not_applicable.clone()).filter(|_| nothing);
    let baseline = before.map(|bytes| baseline(order, bytes, &mut collected.evidence)).transpose()?;
    let plans = collected.components.iter().filter_map(|c| Some((c, c.plan.as_ref()?)));
    let shown =
        |folder: &str, path: &str| if folder.is_empty() { path.to_string() } else { format!("{folder}/{path}") };
    let other_thresholds = plans
        .flat_map(|(c, plan)| plan.thresholds.iter().map(move |t| (c, t)))
        .map(|(c, t)| format!("{} = {} in {}:{}", t.key, t.value, shown(&c.folder, &t.path), t.line))
        .collect();
    Ok(judge::coverage::Input {
        not_applicable,
        parts,
        each: collected.legs.is_empty(),
        tree: tree.clone(),
        omit: collected.omit(),
        changes,
        baseline,
        other_thresholds,
    })
}

/// The project's files, and how reports may name them.
pub fn tree(order: &Order, files: &[String], components: &[report::Component]) -> Tree {
    let mut roots: Vec<Root> = components.iter().flat_map(|c| c.roots.iter().cloned()).collect();
    // Names relative to a component's own folder.
    roots.extend(
        components
            .iter()
            .filter(|c| !c.folder.is_empty())
            .map(|c| Root { prefix: String::new(), folder: c.folder.clone() }),
    );
    Tree::new(files.iter().cloned(), files::slashed_absolute(&order.project), roots)
}

type Baseline = Result<(CoverageCounts, usize), String>;

/// A file's bytes, or why they cannot be had.
pub fn read_whole(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies the baseline into the evidence, so that the verdict can be derived again from the project alone. One that
/// cannot be read is evidence too: of why the verdict is not green.
fn baseline(
    order: &Order,
    bytes: Result<Vec<u8>, String>,
    evidence: &mut Vec<Evidence>,
) -> Result<Baseline, GateError> {
    let mut item = Evidence::new(EvidenceKind::File, Gate::Coverage);
    item.format = Some("qte-report".into());
    item.refused = bytes.as_ref().err().cloned();
    if let Ok(bytes) = &bytes {
        let copy = order.project.join(EVIDENCE_FOLDER).join("baseline.json");
        std::fs::write(&copy, bytes).map_err(io_error(copy.display().to_string()))?;
        item.path = Some(format!("{EVIDENCE_FOLDER}/baseline.json"));
        item.sha256 = Some(files::sha256(bytes));
        item.bytes = Some(bytes.len() as u64);
    }
    evidence.push(item);
    let legs = &order.matrix.legs.value;
    Ok(bytes.and_then(|bytes| read_baseline(&bytes, legs)).map(|counts| (counts, evidence.len() - 1)))
}

/// The coverage counts of an earlier report; only of a complete run: one that measured its tests and all of its
/// coverage, over the same jobs as this one.
pub fn read_baseline(bytes: &[u8], legs: &Option<Vec<String>>) -> Result<CoverageCounts, String> {
    let report: Report = serde_json::from_slice(bytes).map_err(|e| format!("not a qte-ci report: {e}"))?;
    let verdict = report.verdicts.iter().find(|v| v.gate == Gate::Coverage).ok_or("it has no coverage verdict")?;
    let theirs = report.policy.get("matrix.legs").map_or(serde_json::Value::Null, |setting| setting.value.clone());
    if theirs != serde_json::to_value(legs).expect("names are plain data") {
        return Err(format!("it is of other jobs ({theirs}) than this run"));
    }
    if let Some(parts) = verdict.metrics.get("parts_unmeasured") {
        return Err(format!("it is not complete: {} of it had no coverage", judge::counted(*parts, "part")));
    }
    let whole =
        |v: &&Verdict| v.gate == Gate::Tests && !matches!(v.outcome, Outcome::Pass | Outcome::Fail | Outcome::Skipped);
    if let Some(tests) = report.verdicts.iter().find(whole) {
        return Err(format!("it is not complete: its tests are {}", tests.outcome.id()));
    }
    let number = |name: &str| verdict.metrics.get(name).copied();
    match (number("lines_covered"), number("lines_total"), verdict.outcome) {
        (Some(lines_covered), Some(lines_total), Outcome::Pass | Outcome::Fail) if lines_total > 0 => {
            Ok(CoverageCounts { lines_covered, lines_total, ..CoverageCounts::default() })
        }
        _ => Err(format!("its coverage is {}", verdict.outcome.id())),
    }
}

/// How many files the coverage table shows.
const SHOWN_FILES: usize = 10;

/// The files with the most uncovered lines, for the table.
pub fn file_rows(merged: &judge::coverage::Merged) -> Event {
    let mut rows: Vec<(u64, &String)> =
        merged.files.iter().map(|(path, file)| (file.lines.total() - file.lines.covered(), path)).collect();
    rows.retain(|(missed, _)| *missed > 0);
    rows.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let worst = rows.iter().take(SHOWN_FILES).map(|(_, path)| {
        let lines = &merged.files[*path].lines;
        FileRow { path: (*path).clone(), covered: lines.covered(), total: lines.total(), missing: lines.ranges(false) }
    });
    Event::Files { worst: worst.collect(), files: rows.len() }
}

/// One line a source file; changed files that no report knows have no lines of their own.
pub fn write_files(details: &mut JsonLines, merged: &judge::coverage::Merged) -> io::Result<()> {
    let own = merged.files.iter().map(|pair| (pair, false));
    let foreign = merged.foreign.iter().map(|pair| (pair, true));
    for ((path, file), foreign) in own.chain(foreign) {
        let (branches_covered, branches_total) = file.branch_counts();
        details.push(&Detail::File(FileDetail {
            path: path.into(),
            foreign,
            covered: file.lines.exact_ranges(true),
            uncovered: file.lines.exact_ranges(false),
            branches_covered,
            branches_total,
            branches: file.branches.iter().map(|(&line, b)| b.detail(line)).collect(),
            statements: file.blocks.iter().map(|(&span, block)| (span, block.count, block.covered)).collect(),
            changed: merged.changed.get(path).copied().filter(|_| !foreign),
        }))?;
    }
    for (path, changed) in merged.changed.iter().filter(|(path, _)| !merged.files.contains_key(*path)) {
        details.push(&Detail::File(FileDetail {
            path: path.into(),
            foreign: false,
            covered: Vec::new(),
            uncovered: Vec::new(),
            branches_covered: 0,
            branches_total: 0,
            branches: Vec::new(),
            statements: Vec::new(),
            changed: Some(*changed),
        }))?;
    }
    Ok(())
}
