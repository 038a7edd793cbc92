//! What scanning tools found: reports read, places mapped to the project's files, what is new told from what was known,
//! and the gate's verdict.

use super::collect::Collected;
use super::scans::Planned;
use super::{GateError, io_error, reports};
use crate::act::files::JsonLines;
use crate::facts::detail::{Detail, FindingDetail};
use crate::facts::finding::Finding;
use crate::facts::found::{Findings, Found, Package};
use crate::facts::fresh::{Fresh, fingerprint};
use crate::facts::pattern::of_reports;
use crate::facts::report;
use crate::facts::stage::Gate;
use crate::facts::tree::{Mapper, Tree};
use crate::facts::verdict::Verdict;
use crate::facts::waiver::{Day, Waiver};
use crate::judge::findings::{Input, Part, Policy, Seen};
use crate::judge::waivers::{Asked, is_of_waivers, same_package};
use crate::judge::{self, FileRead};
use crate::order::Order;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

/// What findings are held against.
pub struct Against<'a> {
    pub project: &'a Path,
    pub tree: &'a Tree,
    /// What the change adds, or why that is not known.
    pub fresh: &'a Result<Fresh, String>,
    pub waivers: &'a [Waiver],
    pub today: Day,
}

/// Reads what the jobs of one gate left, and judges it. Every finding that counts is a line of the details.
pub fn judge(
    order: &Order,
    collected: &mut Collected,
    planned: &mut Planned,
    policy: &Policy,
    against: &Against<'_>,
    details: &mut JsonLines,
) -> Result<Verdict, GateError> {
    let gate = policy.gate;
    let mut failed: Option<io::Error> = None;
    let mut write = |finding: &Finding| {
        let line = Detail::Finding(FindingDetail { gate, finding: Cow::Borrowed(finding) });
        if let Err(error) = details.push(&line) {
            failed.get_or_insert(error);
        }
    };
    let mut sight = Sight::new(policy, against, &mut write);
    let mut input = input(planned, gate, against);
    for job in planned.jobs.iter_mut().filter(|job| job.scan.gate == gate) {
        let reports = reports::read_scans(order, collected, job, &mut |scan, found| sight.see(scan, found))?;
        job.scan.reports = reports.iter().map(|report| report.evidence).collect();
        let looked_for = job.patterns.iter().map(|text| of_reports(text).1).collect::<Vec<_>>().join(", ");
        input.parts.push(part(&job.scan, job.run.clone(), looked_for, reports));
    }
    let verdict = judge::findings::judge(policy, &input, sight.seen);
    verdict.findings.iter().filter(|finding| is_of_waivers(&finding.rule)).for_each(&mut write);
    match failed {
        Some(error) => Err(io_error("the details file")(error)),
        None => Ok(verdict),
    }
}

fn input(planned: &Planned, gate: Gate, against: &Against<'_>) -> Input {
    Input {
        parts: Vec::new(),
        no_base: against.fresh.as_ref().err().cloned(),
        uncovered: planned.uncovered.iter().filter(|(of, _)| *of == gate).map(|(_, text)| text.clone()).collect(),
    }
}

/// One scan as the judge takes it.
pub fn part(
    scan: &report::Scan,
    run: Option<judge::Run>,
    looked_for: String,
    reports: Vec<FileRead<Findings>>,
) -> Part {
    Part {
        name: scan.name.clone(),
        not_applicable: scan.not_applicable.clone(),
        blocked: scan.blocked.clone(),
        run,
        found: scan.found.clone(),
        looked_for,
        reports,
    }
}

/// Sees every finding of one gate.
pub struct Sight<'a> {
    against: &'a Against<'a>,
    mapper: Mapper<'a>,
    texts: Texts<'a>,
    /// Rule, path and line of what was found in the files: the commits tell the same again.
    in_files: HashSet<(String, String, Option<u64>)>,
    of_secrets: bool,
    write: &'a mut dyn FnMut(&Finding),
    pub seen: Seen,
}

impl<'a> Sight<'a> {
    pub fn new(policy: &Policy, against: &'a Against<'a>, write: &'a mut dyn FnMut(&Finding)) -> Sight<'a> {
        Sight {
            against,
            mapper: Mapper::new(against.tree, &[]),
            texts: Texts::new(against.project),
            in_files: HashSet::new(),
            of_secrets: policy.gate == Gate::Secrets,
            write,
            seen: Seen::new(policy, against.waivers, against.today),
        }
    }

    /// A finding as its report tells it.
    pub fn see(&mut self, scan: &report::Scan, found: &Found<'_>) {
        if found.suppressed {
            return self.seen.suppressed();
        }
        let place = match &found.package {
            Some(package) => self.place_of_package(scan, package, found.path.as_deref()),
            None => self.place(scan, found),
        };
        let Some(place) = place else { return self.seen.foreign() };
        if self.of_secrets && !self.is_first(scan, found, &place) {
            return;
        }
        let is_new = match (&self.against.fresh, &place) {
            (Err(_), _) => None,
            (Ok(_), _) if scan.of_commits => Some(true),
            (Ok(fresh), Place { path: Some(path), line, known: true }) => Some(fresh.is_new(path, *line)),
            // Where it is cannot be told, nor since when.
            (Ok(_), _) => None,
        };
        let asked_path = place.path.clone();
        let mut ids = vec![&*found.rule];
        let package = found.package.as_ref();
        ids.extend(package.into_iter().flat_map(|p| p.aliases.iter().map(String::as_str)));
        let asked = Asked { ids: &ids, path: asked_path.as_deref(), package: package.map(|p| (&*p.name, &*p.version)) };
        if self.seen.is_waived(&asked) {
            return;
        }
        let finding = self.finding(found, place, is_new);
        (self.write)(&finding);
        self.seen.see(finding);
    }

    fn is_first(&mut self, scan: &report::Scan, found: &Found<'_>, place: &Place) -> bool {
        let path = place.path.clone().unwrap_or_default();
        let first = self.in_files.insert((found.rule.to_string(), path, place.line));
        first || !scan.of_commits
    }

    fn finding(&mut self, found: &Found<'_>, place: Place, is_new: Option<bool>) -> Finding {
        let mut out = Finding::new(&found.rule, found.severity, found.message.as_ref());
        out.end_line = found.end_line.filter(|_| found.package.is_none());
        out.fingerprint = match (&place.path, place.line, &found.package) {
            (_, _, Some(package)) => Some(fingerprint(&found.rule, package.name.as_bytes(), b"", b"")),
            (Some(path), Some(line), None) if place.known => self.texts.fingerprint(&found.rule, path, line),
            _ => None,
        };
        (out.path, out.line, out.new) = (place.path, place.line, is_new);
        if let Some(package) = &found.package {
            (out.message, out.fix) = told(package, &found.message);
        }
        out
    }

    /// Where a finding is; `None` in a file that is there and is none of the project's own.
    fn place(&mut self, scan: &report::Scan, found: &Found<'_>) -> Option<Place> {
        let Some(name) = found.path.as_deref() else { return Some(Place::nowhere()) };
        if let Some(path) = self.resolve(scan, name) {
            return Some(Place { path: Some(path), line: found.line, known: true });
        }
        if !scan.of_commits && self.against.project.join(&scan.folder).join(name).exists() {
            return None;
        }
        Some(Place { path: Some(name.replace('\\', "/")), line: found.line, known: false })
    }

    /// The component's own files first: another one's may have the same name.
    fn resolve(&mut self, scan: &report::Scan, name: &str) -> Option<String> {
        let inside = format!("{}/{}", scan.folder, name.trim_start_matches("./"));
        if !scan.folder.is_empty() && self.against.tree.contains(&inside) {
            return Some(inside);
        }
        self.mapper.resolve(name)
    }

    /// The line that declares or locks a package, in the manifest before the lock file.
    fn place_of_package(&mut self, scan: &report::Scan, package: &Package<'_>, name: Option<&str>) -> Option<Place> {
        let reported = name.and_then(|name| self.resolve(scan, name));
        let folder = match &reported {
            Some(path) => path.rsplit_once('/').map_or("", |(folder, _)| folder).to_string(),
            None => scan.folder.clone(),
        };
        let mut candidates: Vec<String> = self.against.tree.manifests(&folder);
        candidates.extend(reported.clone().filter(|path| !candidates.contains(path)));
        for path in &candidates {
            if let Some(line) = self.texts.line_naming(path, package) {
                return Some(Place { path: Some(path.clone()), line: Some(line), known: true });
            }
        }
        let path = reported.or_else(|| candidates.into_iter().next());
        Some(Place { known: path.is_some(), path, line: None })
    }
}

struct Place {
    path: Option<String>,
    line: Option<u64>,
    /// Is it a file of the project as it is now?
    known: bool,
}

impl Place {
    fn nowhere() -> Place {
        Place { path: None, line: None, known: false }
    }
}

/// What a person needs to know of a vulnerable package, and what mends it.
fn told(package: &Package<'_>, message: &str) -> (String, Option<String>) {
    let fix = (!package.fixed.is_empty()).then(|| {
        let versions = package.fixed.join(" or ");
        format!("{} {versions}", package.name)
    });
    let mut text = [&*package.name, &*package.version].join(" ").trim_end().to_string();
    if !message.is_empty() {
        text.push_str(": ");
        text.push_str(message);
    }
    match &fix {
        Some(fix) => text.push_str(&format!(" (mended in {fix})")),
        None => text.push_str(" (no version is known in which it is mended)"),
    }
    if !package.via.is_empty() {
        text.push_str(&format!("; brought in by {}", package.via.join(" > ")));
    }
    (text, fix)
}

/// How much text of the project's files is held at a time.
const MAX_TEXT_BYTES: usize = 32 * 1024 * 1024;

/// The files that findings are in, each read once.
struct Texts<'a> {
    project: &'a Path,
    held: BTreeMap<String, Text>,
    bytes: usize,
}

/// One file with the beginnings of its lines.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Text {
    fn of(bytes: Vec<u8>) -> Text {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', &bytes).map(|at| at + 1)).collect();
        Text { bytes, starts }
    }

    /// 1-based; `None` outside of the file.
    fn line(&self, number: u64) -> Option<&[u8]> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.starts.get(at)?;
        let end = self.starts.get(at + 1).copied().unwrap_or(self.bytes.len());
        Some(self.bytes[start..end].trim_ascii())
    }

    /// The nearest line with text, in a direction.
    fn neighbour(&self, number: u64, back: bool) -> &[u8] {
        let mut at = number;
        loop {
            at = if back { at.saturating_sub(1) } else { at + 1 };
            match self.line(at) {
                None => return b"",
                Some(line) if !line.is_empty() => return line,
                Some(_) => {}
            }
        }
    }
}

impl<'a> Texts<'a> {
    fn new(project: &'a Path) -> Texts<'a> {
        Texts { project, held: BTreeMap::new(), bytes: 0 }
    }

    /// A file of the project; one that cannot be read has no lines.
    fn of(&mut self, path: &str) -> &Text {
        if !self.held.contains_key(path) {
            if self.bytes > MAX_TEXT_BYTES {
                self.held.clear();
                self.bytes = 0;
            }
            let bytes = std::fs::read(self.project.join(path)).unwrap_or_default();
            self.bytes += bytes.len();
            self.held.insert(path.to_string(), Text::of(bytes));
        }
        &self.held[path]
    }

    fn fingerprint(&mut self, rule: &str, path: &str, line: u64) -> Option<String> {
        let text = self.of(path);
        let own = text.line(line)?;
        Some(fingerprint(rule, text.neighbour(line, true), own, text.neighbour(line, false)))
    }

    /// The first line in which the package stands as a word of its own.
    fn line_naming(&mut self, path: &str, package: &Package<'_>) -> Option<u64> {
        let text = self.of(path);
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"-_.@/".contains(b);
        let lines = (1u64..).map_while(|number| Some((number, text.line(number)?)));
        let names = |line: &[u8]| {
            line.split(|b| !is_name(b)).any(|word| {
                let word = String::from_utf8_lossy(word);
                let word = word.strip_prefix("node_modules/").unwrap_or(&word);
                !word.is_empty() && same_package(word, &package.name)
            })
        };
        lines.filter(|(_, line)| !line.starts_with(b"#")).find(|(_, line)| names(line)).map(|(number, _)| number)
    }
}
