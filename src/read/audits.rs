//! What the readers of audits share: bounded lists of texts, things counted once each, ratings, and a finding as an
//! audit makes it.

use super::cases::truncate;
use super::cvss::{self, Score};
use super::json::{List, Text};
use crate::facts::finding::Severity;
use crate::facts::found::{Audit, Found, Package};
use serde::de::SeqAccess;
use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Texts that are kept of one list: fixed versions, aliases, packages.
pub const KEPT_WORDS: usize = 64;
/// The longest text that is kept until later.
pub const KEPT_TEXT_BYTES: usize = 300;
/// How many bytes of findings are held until what belongs to them was read; beyond it they go without.
pub const HELD_BYTES: usize = 4 * 1024 * 1024;
/// The level of a vulnerability whose severity the report does not tell.
pub const UNKNOWN: &str = "unknown";

/// Cuts a text that is kept, and gives back what it took.
pub fn shorten(text: &mut String) {
    truncate(text, KEPT_TEXT_BYTES);
    text.shrink_to_fit();
}

/// A list of texts; the first ones are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl Words {
    pub fn add(&mut self, mut word: String) {
        if self.0.len() < KEPT_WORDS && !word.is_empty() && !self.0.contains(&word) {
            shorten(&mut word);
            self.0.push(word);
        }
    }

    pub fn bytes(&self) -> usize {
        self.0.iter().map(|word| word.len() + size_of::<String>()).sum()
    }
}

impl Extend<String> for Words {
    fn extend<I: IntoIterator<Item = String>>(&mut self, words: I) {
        words.into_iter().for_each(|word| self.add(word));
    }
}

impl List for Words {
    const WHAT: &'static str = "a list of texts";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let mut word = String::new();
        let some = list.next_element_seed(Text(&mut word))?.is_some();
        self.add(word);
        Ok(some)
    }
}

/// Things counted once each, by a hash of their names.
#[derive(Default)]
pub struct Distinct(HashSet<u64>);

impl Distinct {
    /// Whether it is a new one.
    pub fn add(&mut self, names: &[&str]) -> bool {
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        self.0.insert(hasher.finish())
    }

    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Of packages, each counted once.
#[derive(Default)]
pub struct Packages {
    pub vulnerable: Distinct,
    pub audited: Option<u64>,
    pub skipped: u64,
}

impl Packages {
    pub fn audit(&self) -> Audit {
        Audit { audited: self.audited, skipped: self.skipped, vulnerable: self.vulnerable.count() }
    }
}

/// Our severity and the level of a score. Without one it is medium, as with every tool that tells no severity.
pub fn graded(score: Option<Score>) -> (Severity, &'static str) {
    score.map_or((Severity::Medium, UNKNOWN), |score| (score.severity, score.word))
}

/// The worse of two scores.
pub fn worse(a: Option<Score>, b: Option<Score>) -> Option<Score> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.tenths > a.tenths { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Of a vector, where it has a score.
pub fn scored(vector: &str) -> Option<Score> {
    cvss::score(vector).ok()
}

/// A vulnerability of a package.
pub fn vulnerability<'a>(
    rule: &'a str,
    message: impl Into<Cow<'a, str>>,
    (severity, level): (Severity, &'a str),
    package: Package<'a>,
) -> Found<'a> {
    Found {
        rule: rule.into(),
        message: message.into(),
        severity,
        level: level.into(),
        confidence: "".into(),
        path: None,
        line: None,
        end_line: None,
        suppressed: false,
        package: Some(package),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_bounded_and_each_there_once() {
        let mut words = Words::default();
        for n in 0..2 * KEPT_WORDS {
            words.add(format!("{}{}", n / 2, "é".repeat(KEPT_TEXT_BYTES)));
            words.add(String::new());
        }
        assert_eq!(words.0.len(), KEPT_WORDS);
        assert!(words.0.iter().all(|word| word.len() <= KEPT_TEXT_BYTES && !word.is_empty()));
        let mut distinct = Distinct::default();
        assert!(distinct.add(&["a", "bc"]) && distinct.add(&["ab", "c"]) && !distinct.add(&["a", "bc"]));
        assert_eq!(distinct.count(), 2);
    }

    #[test]
    fn a_kept_text_holds_no_more_than_it_shows() {
        let mut text = "é".repeat(KEPT_TEXT_BYTES);
        shorten(&mut text);
        assert!((KEPT_TEXT_BYTES - 1..=KEPT_TEXT_BYTES).contains(&text.len()) && text.capacity() <= KEPT_TEXT_BYTES);
    }

    #[test]
    fn no_score_is_no_low_one() {
        assert_eq!(graded(scored("CVSS:4.0/AV:N")), (Severity::Medium, "unknown"));
        let (low, high) = (Some(cvss::rated(10)), Some(cvss::rated(80)));
        assert_eq!((worse(low, high), worse(high, low), worse(None, low)), (high, high, low));
    }
}
