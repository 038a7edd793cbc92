//! The tests: counts, durations, the slowest, and all of them packed for the list that the script shows.

use super::numbers::{counted, duration, length, micros, short, text, thousands};
use crate::facts::tests::CaseOutcome;
use crate::facts::view::{ListedTest, View};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::{self, Write};

/// How many rows the tables that need no script have.
const SLOWEST: usize = 15;
const FLAKY: usize = 20;
const WITHOUT_SCRIPT: usize = 500;
/// A longer name is cut; the details file has all of it.
const NAME: usize = 500;

/// What the section shows; without a test it says so.
pub struct Section {
    pub seen: String,
    pub listed: String,
    /// How many are not in the list.
    pub left_out: Option<String>,
    pub counts: Vec<Count>,
    pub chart: Chart,
    pub slowest: Vec<Row>,
    pub flaky: Vec<Row>,
    pub flaky_left_out: usize,
    pub without_script: Vec<Row>,
    pub without_script_left_out: Option<String>,
}

pub struct Count {
    pub id: &'static str,
    pub count: String,
    pub any: bool,
    /// Its part of a bar.
    pub x: String,
    pub length: String,
}

pub struct Row {
    pub name: String,
    pub id: &'static str,
    pub seconds: String,
    pub place: String,
}

/// How many tests took how long.
pub struct Chart {
    pub columns: Vec<Column>,
    pub marks: Vec<(u64, &'static str)>,
    pub words: String,
}

pub struct Column {
    pub x: u64,
    pub y: u64,
    pub height: u64,
    pub count: String,
    /// Fits above the column.
    pub short: String,
    pub range: String,
}

/// As the list names it: a flaky test has passed, after it failed.
fn id(test: &ListedTest) -> &'static str {
    match test.outcome {
        CaseOutcome::Passed if test.flaky => "flaky",
        other => other.id(),
    }
}

pub fn section(view: &View) -> Section {
    let listed = view.tests.len() as u64;
    let seen = view.tests_seen.max(listed);
    let flaky: Vec<&ListedTest> = view.tests.iter().filter(|t| id(t) == "flaky").collect();
    let left_out = |all: usize, shown: usize| all.saturating_sub(shown);
    let fewer = left_out(view.tests.len(), WITHOUT_SCRIPT) as u64;
    Section {
        seen: counted(seen, "test"),
        listed: thousands(listed),
        left_out: (seen > listed).then(|| thousands(seen - listed)),
        counts: counts(view),
        chart: chart(view),
        slowest: slowest(view).into_iter().map(row).collect(),
        flaky_left_out: left_out(flaky.len(), FLAKY),
        flaky: flaky.into_iter().take(FLAKY).map(row).collect(),
        without_script: view.tests.iter().take(WITHOUT_SCRIPT).map(row).collect(),
        without_script_left_out: (fewer > 0).then(|| thousands(fewer)),
    }
}

fn row(test: &ListedTest) -> Row {
    let line = test.line.map_or_else(String::new, |line| format!(":{line}"));
    Row {
        name: text(&test.id(), NAME),
        id: id(test),
        seconds: duration(test.seconds),
        place: test.path.as_deref().map_or_else(String::new, |path| format!("{}{line}", text(path, 400))),
    }
}

fn slowest<'a>(view: &'a View) -> Vec<&'a ListedTest> {
    let slower = |a: &&ListedTest, b: &&ListedTest| b.seconds.total_cmp(&a.seconds);
    let mut tests: Vec<&'a ListedTest> = view.tests.iter().filter(|t| micros(t.seconds) > 0).collect();
    if tests.len() > SLOWEST {
        tests.select_nth_unstable_by(SLOWEST, slower);
        tests.truncate(SLOWEST);
    }
    tests.sort_by(|a, b| slower(a, b).then_with(|| a.cmp_id(b)));
    tests
}

fn counts(view: &View) -> Vec<Count> {
    let whole = view.tests.len() as u64;
    let mut before = 0;
    let count = |id_wanted: &'static str| {
        let count = view.tests.iter().filter(|t| id(t) == id_wanted).count() as u64;
        let x = length(before, whole);
        before += count;
        Count { id: id_wanted, count: thousands(count), any: count > 0, x, length: length(count, whole) }
    };
    ["failed", "error", "flaky", "passed", "skipped"].map(count).into_iter().collect()
}

/// Upper ends of the columns in microseconds; each is about three times the one before.
const ENDS: [u64; 10] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000];
const NAMES: [&str; 10] = ["1 ms", "3 ms", "10 ms", "30 ms", "100 ms", "300 ms", "1 s", "3 s", "10 s", "30 s"];
/// Of the drawing, whose size templates/tests.html repeats.
const COLUMN_WIDTH: u64 = 32;
const FLOOR: u64 = 108;
const HIGHEST: u64 = 90;

fn chart(view: &View) -> Chart {
    let mut counts = [0_u64; ENDS.len() + 1];
    for test in view.tests.iter() {
        let time = micros(test.seconds);
        counts[ENDS.partition_point(|end| *end <= time)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let range = |at: usize| match at {
        0 => format!("under {}", NAMES[0]),
        at if at == ENDS.len() => format!("{} or more", NAMES[at - 1]),
        at => format!("{} to {}", NAMES[at - 1], NAMES[at]),
    };
    let column = |(at, count): (usize, &u64)| {
        // A column that is not empty is seen.
        let height = if *count == 0 { 0 } else { (*count * HIGHEST / most).max(2) };
        let x = at as u64 * COLUMN_WIDTH;
        Column { x, y: FLOOR - height, height, count: thousands(*count), short: short(*count), range: range(at) }
    };
    let columns: Vec<Column> = counts.iter().enumerate().map(column).collect();
    let words = columns.iter().filter(|c| c.height > 0).map(|c| format!("{}: {}", c.range, c.count));
    let words = words.collect::<Vec<_>>().join(", ");
    // Each second end is a power of ten.
    let marks = (0..NAMES.len()).step_by(2).map(|at| ((at as u64 + 1) * COLUMN_WIDTH, NAMES[at])).collect();
    Chart { columns, marks, words }
}

/// All tests, packed as JSON that can stand in a `script` element. `templates/page.js` unpacks it.
pub struct Packed<'a> {
    pub view: &'a View,
    /// The numbers of the findings, by test id.
    pub findings: HashMap<&'a str, usize>,
    pub details: &'a str,
}

/// What is gathered while the names are written.
#[derive(Default)]
struct Gathered<'a> {
    paths: Vec<&'a str>,
    path_numbers: HashMap<&'a str, usize>,
    /// Runs of tests with the same path: how many, and which path (from 1; 0 for none).
    places: Vec<[usize; 2]>,
    /// Which tests have a finding.
    findings: Vec<[usize; 2]>,
}

impl fmt::Display for Packed<'_> {
    /// Column by column, so that it never stands in memory as a whole.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tests = self.view.tests.by_id();
        let mut gathered = Gathered::default();
        // By name. The first character is 256 and as many as the name shares with the one before (in UTF-16 units).
        out.write_str("{\"names\":[")?;
        let mut before = String::new();
        for (at, test) in tests.iter().enumerate() {
            let id = test.id();
            let name = text(&id, NAME);
            comma(out, at)?;
            json(out, &front_coded(&before, &name))?;
            before = name;
            gathered.add(at, test, self.findings.get(&*id).copied());
        }
        out.write_str("],\"outcomes\":\"")?;
        tests.iter().try_for_each(|test| out.write_char(letter(test)))?;
        out.write_str("\",\"micros\":")?;
        column(out, tests.iter().map(|test| micros(test.seconds)))?;
        out.write_str(",\"paths\":")?;
        column(out, gathered.paths.iter().map(|path| text(path, 400)))?;
        out.write_str(",\"places\":")?;
        column(out, gathered.places.iter())?;
        // Empty where no test has a line.
        let lines = if tests.iter().any(|test| test.line.is_some()) { &*tests } else { &[] };
        out.write_str(",\"lines\":")?;
        column(out, lines.iter().map(|test| test.line.unwrap_or(0)))?;
        out.write_str(",\"findings\":")?;
        column(out, gathered.findings.iter())?;
        out.write_str(",\"details\":")?;
        json(out, &self.details)?;
        out.write_char('}')
    }
}

impl<'a> Gathered<'a> {
    fn add(&mut self, at: usize, test: &'a ListedTest, finding: Option<usize>) {
        let path = test.path.as_deref().map_or(0, |path| {
            *self.path_numbers.entry(path).or_insert_with(|| {
                self.paths.push(path);
                self.paths.len()
            })
        });
        match self.places.last_mut() {
            Some([count, last]) if *last == path => *count += 1,
            _ => self.places.push([1, path]),
        }
        if let Some(number) = finding.filter(|_| letter(test) < 'k') {
            self.findings.push([at, number]);
        }
    }
}

fn column<T: Serialize>(out: &mut fmt::Formatter<'_>, values: impl Iterator<Item = T>) -> fmt::Result {
    out.write_char('[')?;
    for (at, value) in values.enumerate() {
        comma(out, at)?;
        json(out, &value)?;
    }
    out.write_char(']')
}

fn comma(out: &mut fmt::Formatter<'_>, at: usize) -> fmt::Result {
    if at == 0 { Ok(()) } else { out.write_char(',') }
}

fn json(out: &mut fmt::Formatter<'_>, value: &impl Serialize) -> fmt::Result {
    let text = serde_json::to_string(value).expect("numbers and texts");
    // In JSON this can only stand inside of a text, where it means the same.
    match text.contains('<') {
        true => out.write_str(&text.replace('<', "\\u003c")),
        false => out.write_str(&text),
    }
}

fn letter(test: &ListedTest) -> char {
    match id(test) {
        "failed" => 'f',
        "error" => 'e',
        "flaky" => 'k',
        "skipped" => 's',
        _ => 'p',
    }
}

fn front_coded(before: &str, name: &str) -> String {
    // The marks stay below the surrogates, and two bytes long.
    const LONGEST: usize = 0x700 - 1;
    let mut units = 0;
    let mut bytes = 0;
    for (a, b) in before.chars().zip(name.chars()) {
        if a != b || units + a.len_utf16() > LONGEST {
            break;
        }
        units += a.len_utf16();
        bytes += a.len_utf8();
    }
    let mark = u32::try_from(0x100 + units).ok().and_then(char::from_u32).expect("below 0x800");
    let mut out = String::with_capacity(name.len() - bytes + 2);
    out.push(mark);
    out.push_str(&name[bytes..]);
    out
}
