//! How tests ended over the last runs: of every test that was not green in one of them, a letter a run.

use super::detail::HistoryDetail;
use super::tests::CaseOutcome;
use std::collections::BTreeMap;

/// How many runs are remembered, this one included.
pub const KEPT_RUNS: usize = 20;
/// How many tests are remembered; what is beyond is counted.
pub const KEPT_TESTS: usize = 10_000;
/// How many tests are named in a reason.
const NAMED: usize = 5;

/// What became of a test in one run. The order is that of `rank`.
const LETTERS: [(u8, &str); 5] =
    [(b'-', "did not run"), (b'.', "passed"), (b'f', "flaky"), (b'E', "error"), (b'F', "failed")];

fn letter(outcome: CaseOutcome, flaky: bool) -> u8 {
    match outcome {
        CaseOutcome::Passed if flaky => b'f',
        CaseOutcome::Passed => b'.',
        CaseOutcome::Failed => b'F',
        CaseOutcome::Error => b'E',
        CaseOutcome::Skipped => b'-',
    }
}

fn rank(letter: u8) -> usize {
    LETTERS.iter().position(|(known, _)| *known == letter).unwrap_or(0)
}

fn is_shaky(letter: u8) -> bool {
    rank(letter) > rank(b'.')
}

#[derive(Debug, Default)]
struct Record {
    /// Earlier runs, oldest first.
    before: String,
    now: Option<u8>,
}

/// The tests that were not green lately. A test is known by its component and its id.
#[derive(Debug, Default)]
pub struct History {
    tests: BTreeMap<String, Record>,
    /// Tests that no room was left for.
    left_out: u64,
    key: String,
}

impl History {
    /// A line of the run before. Foreign letters are refused with the line.
    pub fn before(&mut self, line: &HistoryDetail<'_>) -> Result<(), String> {
        if let Some(other) = line.runs.bytes().find(|b| !LETTERS.iter().any(|(letter, _)| letter == b)) {
            return Err(format!("the history of `{}` has the letter `{}`", line.id, char::from(other)));
        }
        self.find(&line.component, &line.id);
        let Some(record) = self.record(true) else { return Ok(()) };
        record.before = line.runs.to_string();
        Ok(())
    }

    /// One case of this run; the worst of several by one name counts.
    pub fn see(&mut self, component: &str, id: &str, outcome: CaseOutcome, flaky: bool) {
        let letter = letter(outcome, flaky);
        if self.tests.is_empty() && !is_shaky(letter) {
            return;
        }
        self.find(component, id);
        let Some(record) = self.record(is_shaky(letter)) else { return };
        if record.now.is_none_or(|now| rank(letter) > rank(now)) {
            record.now = Some(letter);
        }
    }

    fn find(&mut self, component: &str, id: &str) {
        self.key.clear();
        self.key.push_str(component);
        self.key.push('\0');
        self.key.push_str(id);
    }

    fn record(&mut self, make: bool) -> Option<&mut Record> {
        if make && !self.tests.contains_key(&self.key) {
            if self.tests.len() >= KEPT_TESTS {
                self.left_out += 1;
                return None;
            }
            self.tests.insert(self.key.clone(), Record::default());
        }
        self.tests.get_mut(&self.key)
    }

    /// The lines for the next run: without tests that were green in all the runs that are remembered.
    pub fn lines(&self) -> impl Iterator<Item = HistoryDetail<'_>> {
        self.tests.iter().filter_map(|(key, record)| {
            let (component, id) = key.split_once('\0')?;
            let mut runs = record.before.clone();
            runs.push(char::from(record.now.unwrap_or(b'-')));
            let runs = runs.split_off(runs.len().saturating_sub(KEPT_RUNS));
            let shaky = runs.bytes().any(is_shaky);
            shaky.then(|| HistoryDetail { id: id.into(), component: component.into(), runs: runs.into() })
        })
    }

    /// What a person should know: which of the tests that are not green now were not before either.
    pub fn sentences(&self) -> Vec<String> {
        let shaky_now = |record: &&Record| record.now.is_some_and(is_shaky);
        let now = self.tests.values().filter(shaky_now).count();
        let again = |record: &Record| record.before.bytes().filter(|&b| is_shaky(b)).count();
        let mut known: Vec<(usize, &str, &Record)> = Vec::new();
        for (key, record) in self.tests.iter().filter(|(_, record)| shaky_now(record)) {
            let name = key.strip_prefix('\0').unwrap_or(key);
            if again(record) > 0 {
                known.push((again(record), name, record));
            }
        }
        let mut out = Vec::new();
        if !known.is_empty() {
            known.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
            let told = known.iter().take(NAMED).map(|(_, name, record)| {
                let now = char::from(record.now.unwrap_or(b'-'));
                format!("{} {}{now}", name.replace('\0', ": "), record.before)
            });
            let told: Vec<String> = told.collect();
            let more = known.len().saturating_sub(NAMED);
            let more = if more > 0 { format!("; {more} more") } else { String::new() };
            let letters: Vec<String> =
                LETTERS.iter().rev().map(|(letter, means)| format!("{} {means}", char::from(*letter))).collect();
            out.push(format!(
                "{} of {now} failing or flaky tests were so in earlier runs too (oldest first; {}): {}{more}",
                known.len(),
                letters.join(", "),
                told.join("; ")
            ));
        }
        if self.left_out > 0 {
            out.push(format!("the history holds {KEPT_TESTS} tests; {} more are not remembered", self.left_out));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(history: &History) -> Vec<String> {
        history.lines().map(|l| format!("{}/{} {}", l.component, l.id, l.runs)).collect()
    }

    fn next(history: &History) -> History {
        let mut next = History::default();
        history.lines().for_each(|line| next.before(&line).unwrap());
        next
    }

    #[test]
    fn a_letter_a_run_and_the_worst_of_several_tries() {
        let mut one = History::default();
        one.see("api", "green", CaseOutcome::Passed, false);
        one.see("api", "a", CaseOutcome::Failed, false);
        one.see("api", "a", CaseOutcome::Passed, false);
        one.see("web", "a", CaseOutcome::Passed, true);
        assert_eq!(lines(&one), ["api/a F", "web/a f"]);
        assert_eq!(one.sentences(), Vec::<String>::new(), "nothing is known of earlier runs");
        let mut two = next(&one);
        two.see("api", "a", CaseOutcome::Error, false);
        two.see("api", "b", CaseOutcome::Failed, false);
        assert_eq!(lines(&two), ["api/a FE", "api/b F", "web/a f-"]);
        let said = two.sentences().remove(0);
        assert!(said.starts_with("1 of 2 failing or flaky tests were so in earlier runs too"), "{said}");
        assert!(said.ends_with("api: a FE"), "{said}");
    }

    #[test]
    fn what_was_green_for_all_remembered_runs_is_forgotten() {
        let mut history = History::default();
        history.see("", "a", CaseOutcome::Failed, false);
        for run in 1..=KEPT_RUNS {
            assert_eq!(lines(&history).len(), 1, "run {run}");
            history = next(&history);
            history.see("", "a", CaseOutcome::Passed, false);
        }
        assert_eq!(lines(&history), Vec::<String>::new());
    }

    #[test]
    fn room_is_bounded_and_foreign_letters_are_refused() {
        let mut history = History::default();
        for n in 0..KEPT_TESTS + 2 {
            history.see("", &n.to_string(), CaseOutcome::Failed, false);
        }
        assert_eq!(history.lines().count(), KEPT_TESTS);
        assert!(history.sentences()[0].ends_with("2 more are not remembered"), "{:?}", history.sentences());
        let foreign = HistoryDetail { id: "a".into(), component: "".into(), runs: "F?".into() };
        assert!(History::default().before(&foreign).unwrap_err().contains("letter `?`"));
    }
}
