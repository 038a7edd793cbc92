//! The tests that a page lists: the worst of them, and what many of them share in memory once.

use super::detail::TestDetail;
use super::tests::CaseOutcome;
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

/// How many tests a list holds at most.
pub const KEPT_TESTS: usize = 250_000;
/// So many more are taken in before a list is cut.
const SLACK: usize = KEPT_TESTS / 8;

/// A list that keeps at most [`KEPT_TESTS`]: failed and errored ones first, then flaky ones, then the slowest.
#[derive(Clone, Debug, Default)]
pub struct TestList {
    tests: Vec<ListedTest>,
    shared: HashSet<Arc<str>>,
    /// Rank and time of the last test that a full list kept: what comes behind it is not taken in at all.
    bar: Option<(u8, f64)>,
}

/// One test of a list.
#[derive(Clone, Debug)]
pub struct ListedTest {
    /// The id as far as its class or module goes, and the rest of it.
    class: Arc<str>,
    name: Box<str>,
    pub path: Option<Arc<str>>,
    pub line: Option<u64>,
    pub seconds: f64,
    pub outcome: CaseOutcome,
    pub flaky: bool,
}

impl TestList {
    pub fn push(&mut self, test: &TestDetail<'_>) {
        let place = (rank(test.outcome, test.flaky), test.seconds);
        if self.bar.is_some_and(|bar| by_place(place, bar).is_gt()) {
            return;
        }
        let name_at = test.id.rfind("::").map_or(0, |at| at + "::".len());
        let (class, name) = test.id.split_at(name_at);
        let listed = ListedTest {
            class: self.share(class),
            name: name.into(),
            path: test.path.as_deref().map(|path| self.share(path)),
            line: test.line,
            seconds: test.seconds,
            outcome: test.outcome,
            flaky: test.flaky,
        };
        self.tests.push(listed);
        if self.tests.len() >= KEPT_TESTS + SLACK {
            self.cut();
        }
    }

    /// Puts the worst first, and lets go of what is too many.
    pub fn finish(&mut self) {
        self.cut();
        self.shared = HashSet::new();
        self.tests.sort_unstable_by(worst_first);
    }

    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.shared.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.shared.insert(new.clone());
        new
    }

    fn cut(&mut self) {
        if self.tests.len() <= KEPT_TESTS {
            return;
        }
        let (_, last, _) = self.tests.select_nth_unstable_by(KEPT_TESTS - 1, worst_first);
        self.bar = Some(last.place());
        self.tests.truncate(KEPT_TESTS);
        self.shared.retain(|text| Arc::strong_count(text) > 1);
    }

    pub fn len(&self) -> usize {
        self.tests.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, ListedTest> {
        self.tests.iter()
    }

    /// The tests by their ids; those of one id the slowest first.
    pub fn by_id(&self) -> Vec<&ListedTest> {
        let mut tests: Vec<&ListedTest> = self.tests.iter().collect();
        tests.sort_unstable_by(|a, b| a.cmp_id(b).then_with(|| b.seconds.total_cmp(&a.seconds)));
        tests
    }
}

impl ListedTest {
    pub fn id(&self) -> String {
        format!("{}{}", self.class, self.name)
    }

    /// How the ids of two tests are ordered, without making them.
    pub fn cmp_id(&self, other: &ListedTest) -> Ordering {
        let (a, b) = (self.class.as_bytes(), other.class.as_bytes());
        let both = a.len().min(b.len());
        let rest = |class: &'_ [u8]| class.len() > both;
        a[..both].cmp(&b[..both]).then_with(|| match (rest(a), rest(b)) {
            (false, false) => self.name.cmp(&other.name),
            _ => a[both..].iter().chain(self.name.as_bytes()).cmp(b[both..].iter().chain(other.name.as_bytes())),
        })
    }

    fn place(&self) -> (u8, f64) {
        (rank(self.outcome, self.flaky), self.seconds)
    }
}

fn rank(outcome: CaseOutcome, flaky: bool) -> u8 {
    match outcome {
        CaseOutcome::Failed | CaseOutcome::Error => 0,
        _ if flaky => 1,
        _ => 2,
    }
}

/// By rank, then by time, the slowest first.
fn by_place(a: (u8, f64), b: (u8, f64)) -> Ordering {
    a.0.cmp(&b.0).then_with(|| b.1.total_cmp(&a.1))
}

fn worst_first(a: &ListedTest, b: &ListedTest) -> Ordering {
    by_place(a.place(), b.place()).then_with(|| a.cmp_id(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(id: &str, outcome: CaseOutcome, seconds: f64) -> TestDetail<'_> {
        TestDetail {
            id: id.into(),
            component: "".into(),
            outcome,
            flaky: false,
            seconds,
            path: Some("t.py".into()),
            line: None,
        }
    }

    #[test]
    fn ids_are_whole_and_in_the_order_of_texts() {
        let ids = ["a::b::c", "a::b", "a", "", "a:::b", "b", "a::", "a::b[x::y]", "::", "a::c", "a:"];
        let mut list = TestList::default();
        ids.iter().for_each(|id| list.push(&test(id, CaseOutcome::Passed, 0.0)));
        list.finish();
        let mut expected = ids.map(String::from);
        expected.sort();
        assert_eq!(list.by_id().iter().map(|t| t.id()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_full_list_keeps_the_worst_however_they_come() {
        // Quick and slow ones mixed; failures before and behind the first cut.
        let all: Vec<(String, CaseOutcome, f64)> = (0..300_000_u64)
            .map(|n| {
                let red = n / 1_000 % 19 == 15;
                let outcome = if red { CaseOutcome::Failed } else { CaseOutcome::Passed };
                (format!("m{}::t{n}", n % 5_000), outcome, (n * 7_919 % 1_009) as f64 / 1e3)
            })
            .collect();
        let mut list = TestList::default();
        all.iter().for_each(|(id, outcome, seconds)| list.push(&test(id, *outcome, *seconds)));
        list.finish();
        let mut expected: Vec<_> = all.iter().collect();
        expected.sort_by(|a, b| {
            let red = |of: &(String, CaseOutcome, f64)| of.1 != CaseOutcome::Failed;
            red(a).cmp(&red(b)).then(b.2.total_cmp(&a.2)).then_with(|| a.0.cmp(&b.0))
        });
        expected.truncate(KEPT_TESTS);
        assert_eq!(list.len(), KEPT_TESTS);
        assert!(list.iter().zip(&expected).all(|(kept, wanted)| kept.id() == wanted.0), "another order");
    }

    #[test]
    fn what_tests_share_is_held_once() {
        let mut list = TestList::default();
        ["a::b::one", "a::c::two", "a::b::three"].iter().for_each(|id| list.push(&test(id, CaseOutcome::Passed, 0.0)));
        list.finish();
        let [one, three, two] = [0, 1, 2].map(|at| list.by_id()[at]);
        assert!(Arc::ptr_eq(&one.class, &three.class) && !Arc::ptr_eq(&one.class, &two.class));
        assert_eq!(one.path.as_ref().map(Arc::strong_count), Some(3));
    }
}
