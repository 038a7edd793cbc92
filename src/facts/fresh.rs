//! Which lines a change really adds: neither moved nor only indented anew. And by what a finding is known again: its rule
//! and the text around it, whatever its line number.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A line with so many characters besides white space says by itself that it was moved; a shorter one needs a neighbour.
const TELLING: usize = 12;
/// How many removed lines of the same text are looked through for the best neighbours.
const CANDIDATES: usize = 64;

/// A line's text without white space.
fn hash(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for &byte in text.iter().filter(|b| !b.is_ascii_whitespace()) {
        hasher.write_u8(byte);
    }
    hasher.finish()
}

fn is_blank(text: &[u8]) -> bool {
    text.trim_ascii().is_empty()
}

fn is_telling(text: &[u8]) -> bool {
    text.iter().filter(|b| !b.is_ascii_whitespace()).count() >= TELLING
}

/// What stands before and behind a line, blank lines left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Neighbours {
    before: u64,
    behind: u64,
}

impl Neighbours {
    fn shared(self, other: Neighbours) -> u8 {
        u8::from(self.before == other.before && self.before != 0)
            + u8::from(self.behind == other.behind && self.behind != 0)
    }
}

#[derive(Debug)]
struct Added {
    file: usize,
    number: u32,
    text: u64,
    telling: bool,
    around: Neighbours,
}

#[derive(Debug)]
struct Removed {
    text: u64,
    around: Neighbours,
    /// The hunk that it stood in.
    block: usize,
}

#[derive(Debug, Default)]
struct File {
    is_new: bool,
    added: u64,
    fresh: HashSet<u32>,
}

/// The lines that a change really adds, by file.
#[derive(Debug, Default)]
pub struct Fresh {
    files: BTreeMap<String, File>,
}

impl Fresh {
    /// Is what stands there new with the change? Of a whole file: did the change make it, and not only move it?
    pub fn is_new(&self, path: &str, line: Option<u64>) -> bool {
        let Some(file) = self.files.get(path) else { return false };
        match line.and_then(|line| u32::try_from(line).ok()) {
            Some(line) => file.fresh.contains(&line),
            None => file.is_new && 2 * file.fresh.len() as u64 >= file.added,
        }
    }
}

/// One side of a hunk: a line waits for its neighbour behind it.
#[derive(Debug, Default)]
struct Side {
    before: u64,
    /// Of a line that was changed and whose neighbour behind is not known yet.
    waiting: Option<usize>,
}

/// Collects a diff with context, line by line.
#[derive(Debug, Default)]
pub struct Collecting {
    names: Vec<(String, bool)>,
    added: Vec<Added>,
    removed: Vec<Removed>,
    hunks: usize,
    old: Side,
    new: Side,
}

impl Collecting {
    /// What follows is of this file; a new one was not there before the change.
    pub fn file(&mut self, path: &str, is_new: bool) {
        self.names.push((path.to_string(), is_new));
        self.hunk();
    }

    /// What follows does not join what came before.
    pub fn hunk(&mut self) {
        self.hunks += 1;
        self.old = Side::default();
        self.new = Side::default();
    }

    /// A line that the change leaves as it is.
    pub fn context(&mut self, text: &[u8]) {
        let hashed = hash(text);
        if !is_blank(text) {
            self.behind_old(hashed);
            self.behind_new(hashed);
        }
    }

    pub fn removed(&mut self, text: &[u8]) {
        if is_blank(text) {
            return;
        }
        let hashed = hash(text);
        let before = self.old.before;
        self.behind_old(hashed);
        let around = Neighbours { before, behind: 0 };
        self.removed.push(Removed { text: hashed, around, block: self.hunks });
        self.old.waiting = Some(self.removed.len() - 1);
    }

    /// A line of the file that was named last; 1-based.
    pub fn added(&mut self, number: u32, text: &[u8]) {
        let hashed = hash(text);
        let Some(file) = self.names.len().checked_sub(1) else { return };
        let before = self.new.before;
        if !is_blank(text) {
            self.behind_new(hashed);
        }
        let around = Neighbours { before, behind: 0 };
        self.added.push(Added { file, number, text: hashed, telling: is_telling(text), around });
        if !is_blank(text) {
            self.new.waiting = Some(self.added.len() - 1);
        }
    }

    fn behind_old(&mut self, hashed: u64) {
        if let Some(at) = self.old.waiting.take() {
            self.removed[at].around.behind = hashed;
        }
        self.old.before = hashed;
    }

    fn behind_new(&mut self, hashed: u64) {
        if let Some(at) = self.new.waiting.take() {
            self.added[at].around.behind = hashed;
        }
        self.new.before = hashed;
    }

    /// Each removed line accounts for one added line of the same text.
    pub fn finish(self) -> Fresh {
        let mut matching = Matching::of(&self.removed, self.added.len());
        // Whole blocks first: a line that two places could have come from goes to the one with its neighbours.
        for at_least in [2, 1] {
            for (at, line) in self.added.iter().enumerate() {
                matching.take(at, line, at_least);
            }
        }
        // Then what follows, or comes before, a line of its block across what was put in between.
        matching.along(&self.added, (0..self.added.len()).collect(), 1);
        matching.along(&self.added, (0..self.added.len()).rev().collect(), -1);
        for (at, line) in self.added.iter().enumerate().filter(|(_, line)| line.telling) {
            matching.take(at, line, 0);
        }
        let mut files: Vec<File> =
            self.names.iter().map(|(_, is_new)| File { is_new: *is_new, ..File::default() }).collect();
        for (line, from) in self.added.iter().zip(&matching.from) {
            files[line.file].added += 1;
            if from.is_none() {
                files[line.file].fresh.insert(line.number);
            }
        }
        let names = self.names.into_iter().map(|(path, _)| path);
        Fresh { files: names.zip(files).collect() }
    }
}

/// Which removed line each added line was.
struct Matching<'r> {
    removed: &'r [Removed],
    taken: Vec<bool>,
    /// The removed lines of each text that are still to be had.
    of_text: HashMap<u64, Vec<usize>>,
    from: Vec<Option<usize>>,
}

impl Matching<'_> {
    fn of(removed: &[Removed], added: usize) -> Matching<'_> {
        let mut of_text: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, line) in removed.iter().enumerate() {
            of_text.entry(line.text).or_default().push(at);
        }
        Matching { removed, taken: vec![false; removed.len()], of_text, from: vec![None; added] }
    }

    /// Takes the line with the most neighbours in common, the first of several.
    fn take(&mut self, at: usize, line: &Added, at_least: u8) {
        if self.from[at].is_some() {
            return;
        }
        let (removed, taken) = (self.removed, &self.taken);
        let Some(candidates) = self.of_text.get_mut(&line.text) else { return };
        candidates.retain(|&candidate| !taken[candidate]);
        let seen = candidates.iter().take(CANDIDATES).copied();
        let best = seen.map(|from| (removed[from].around.shared(line.around), Reverse(from))).max();
        if let Some((shared, Reverse(from))) = best
            && shared >= at_least
        {
            self.set(at, from);
        }
    }

    fn set(&mut self, at: usize, from: usize) {
        self.from[at] = Some(from);
        self.taken[from] = true;
    }

    /// Goes through the added lines in one direction; the last one of the same file that was matched says where the next
    /// of its block was.
    fn along(&mut self, added: &[Added], order: Vec<usize>, step: isize) {
        let mut last: Option<(usize, usize)> = None;
        for at in order {
            let line = &added[at];
            if let Some(from) = self.from[at] {
                last = Some((line.file, from));
                continue;
            }
            let Some((file, from)) = last.filter(|(file, _)| *file == line.file) else { continue };
            let Some(next) = from.checked_add_signed(step).filter(|&next| next < self.removed.len()) else { continue };
            let joined = self.removed[next].block == self.removed[from].block;
            if joined && !self.taken[next] && self.removed[next].text == line.text {
                self.set(at, next);
                last = Some((file, next));
            }
        }
    }
}

/// What a finding is known by across runs: 16 hexadecimal digits over its rule and the text around it.
pub fn fingerprint(rule: &str, before: &[u8], line: &[u8], behind: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    (rule, hash(before), hash(line), hash(behind)).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(collecting: &mut Collecting, path: &str, is_new: bool, lines: &[&str]) {
        collecting.file(path, is_new);
        let mut number = 1;
        for line in lines {
            let (sign, text) = line.split_at(1);
            match sign {
                "-" => collecting.removed(text.as_bytes()),
                "+" => {
                    collecting.added(number, text.as_bytes());
                    number += 1;
                }
                _ => {
                    collecting.context(text.as_bytes());
                    number += 1;
                }
            }
        }
    }

    fn fresh(files: &[(&str, bool, &[&str])]) -> Fresh {
        let mut collecting = Collecting::default();
        files.iter().for_each(|(path, is_new, lines)| feed(&mut collecting, path, *is_new, lines));
        collecting.finish()
    }

    fn lines(fresh: &Fresh, path: &str) -> Vec<u64> {
        (1..=40).filter(|line| fresh.is_new(path, Some(*line))).collect()
    }

    #[test]
    fn a_block_that_moved_is_not_new_and_what_was_added_to_it_is() {
        let all = fresh(&[
            ("a.py", false, &[" x", "-def f():", "-    eval(a)", "-    return 1", " y"]),
            ("b.py", true, &["+def f():", "+        eval(a)", "+    eval(b)", "+    return 1"]),
        ]);
        assert_eq!(lines(&all, "b.py"), [3]);
        assert_eq!(lines(&all, "a.py"), [0u64; 0]);
        assert!(!all.is_new("b.py", None) && !all.is_new("c.py", Some(1)));
    }

    #[test]
    fn each_removed_line_accounts_for_one_added_line_only() {
        let all = fresh(&[("a.py", false, &["-password = input()", "+password = input()", "+password = input()"])]);
        assert_eq!(lines(&all, "a.py").len(), 1);
    }

    #[test]
    fn a_short_line_needs_a_neighbour_and_a_telling_one_does_not() {
        let all = fresh(&[
            ("a.py", false, &[" m", "-eval(x)", " n", "-subprocess.call(command)"]),
            ("b.py", false, &[" o", "+eval(x)", " p", "+subprocess.call(command)"]),
        ]);
        assert_eq!(lines(&all, "b.py"), [2]);
        let beside = fresh(&[("a.py", false, &[" m", "-eval(x)", " n"]), ("b.py", false, &[" m", "+eval(x)", " q"])]);
        assert_eq!(lines(&beside, "b.py"), [0u64; 0]);
    }

    #[test]
    fn a_file_is_new_where_most_of_its_lines_are() {
        let all = fresh(&[("n.py", true, &["+a = 1", "+b = 2"]), ("o.py", false, &["+c = 3"])]);
        assert!(all.is_new("n.py", None));
        assert!(!all.is_new("o.py", None) && all.is_new("o.py", Some(1)));
    }

    #[test]
    fn a_fingerprint_is_of_the_text_and_not_of_its_place() {
        let one = fingerprint("B307", b"def f():", b"    eval(x)", b"");
        assert_eq!(one, fingerprint("B307", b"  def f():", b"eval( x )", b"\r"));
        assert_ne!(one, fingerprint("B308", b"def f():", b"    eval(x)", b""));
        assert_ne!(one, fingerprint("B307", b"def g():", b"    eval(x)", b""));
        assert_eq!(one.len(), 16);
    }
}
