//! Where a finding stands in the commit that the check runs belong to: its path from the top of the repository, its line
//! in that commit. What was measured may be that commit merged into its base.

use crate::act::git::Hunk;
use crate::order::Order;
use crate::tell::annotations::Place;
use std::collections::{BTreeMap, BTreeSet};

/// No file has more lines, and no path more bytes: one that is refused would take the others of its batch with it.
const LINES: u64 = i32::MAX as u64;
const PATH_BYTES: usize = 4096;

/// How findings are placed in the commit that is annotated.
pub enum Places {
    /// In a checkout.
    Here(Box<Checkout>),
    /// Of a report from elsewhere: nothing is at hand to look them up in.
    Unseen,
    /// There is no git here.
    Nowhere,
}

pub struct Checkout {
    /// From the top of the repository to the project.
    prefix: String,
    /// What git tracks below the project.
    tracked: BTreeSet<String>,
    /// What the checked-out commit changes compared with the annotated one.
    hunks: BTreeMap<String, Vec<Hunk>>,
    /// Why lines are those of the checked-out commit although another is annotated.
    unmapped: Option<String>,
}

impl Places {
    /// Places in the commit that an order's check runs belong to; what is checked out may be its merge.
    pub fn of(order: &Order) -> Places {
        let Some(repository) = order.repository.as_ref().filter(|_| order.publishing.in_actions) else {
            return Places::Nowhere;
        };
        let Some(here) = repository.head.as_deref() else { return Places::Nowhere };
        let head = order.publishing.target().map_or(here, |target| &target.head);
        let (tracked, mut unmapped) = match repository.tracked() {
            Ok(files) => (files.into_iter().collect(), None),
            Err(error) => (BTreeSet::new(), Some(error.to_string())),
        };
        let compared = match here == head {
            true => Some(BTreeMap::new()),
            false => Some(head).filter(|head| repository.fetch_commit(head)).and_then(|head| repository.hunks(head)),
        };
        if compared.is_none() {
            unmapped = Some(format!("the commit {head} cannot be had: annotated lines are those of the merge commit"));
        }
        let hunks = compared.unwrap_or_default();
        Places::Here(Box::new(Checkout { prefix: repository.prefix.clone(), tracked, hunks, unmapped }))
    }

    pub fn unmapped(&self) -> Option<String> {
        match self {
            Places::Here(checkout) => checkout.unmapped.clone(),
            Places::Unseen => Some("paths and lines are those that the other run gives".into()),
            Places::Nowhere => None,
        }
    }

    pub fn place(&self, path: &str, line: u64) -> Place {
        if line > LINES || path.len() > PATH_BYTES {
            return Place::Outside;
        }
        match self {
            Places::Here(checkout) => checkout.place(path, line),
            Places::Unseen => unseen(path, line),
            Places::Nowhere => Place::Outside,
        }
    }
}

impl Checkout {
    fn place(&self, path: &str, line: u64) -> Place {
        let path = path.trim_start_matches("./");
        if !self.tracked.contains(path) {
            return Place::Outside;
        }
        let before = match self.hunks.get(path) {
            Some(hunks) => line_before(hunks, line),
            None => Some(line),
        };
        match before {
            Some(line) => Place::At { path: format!("{}{path}", self.prefix), line },
            None => Place::NotInHead,
        }
    }
}

/// A plain relative path is taken at its word.
fn unseen(path: &str, line: u64) -> Place {
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let inside = path.split('/').all(is_plain) && !path.contains(|c: char| c == '\\' || c.is_control());
    if inside { Place::At { path: path.to_string(), line } } else { Place::Outside }
}

/// The line that `line` was before a change; `None` where the change added it.
fn line_before(hunks: &[Hunk], line: u64) -> Option<u64> {
    let (mut removed, mut added) = (0, 0);
    for hunk in hunks {
        // A hunk without added lines stands behind its line.
        let first = if hunk.added == 0 { hunk.start + 1 } else { hunk.start };
        if line < first {
            break;
        }
        if line < first + hunk.added {
            return None;
        }
        removed += hunk.removed;
        added += hunk.added;
    }
    Some(line + removed - added)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_from_elsewhere_stays_inside() {
        for bad in ["/etc/passwd", "../x", "a/../../x", "", "a//b", "./a", "a\\b", "a\nb"] {
            assert!(matches!(unseen(bad, 1), Place::Outside), "{bad}");
        }
        assert!(matches!(unseen("src/a b.py", 7), Place::At { line: 7, .. }));
    }

    #[test]
    fn lines_are_followed_back_through_a_change() {
        // Two lines added as 3 and 4; line 10 of before removed (it stood behind today's 11); 20 replaced by three.
        let hunk = |removed, start, added| Hunk { removed, start, added };
        let hunks = [hunk(0, 3, 2), hunk(1, 11, 0), hunk(1, 21, 3)];
        let before: Vec<Option<u64>> =
            [1, 2, 3, 4, 5, 11, 12, 20, 21, 23, 24].into_iter().map(|line| line_before(&hunks, line)).collect();
        let expected = [Some(1), Some(2), None, None, Some(3), Some(9), Some(11), Some(19), None, None, Some(21)];
        assert_eq!(before, expected);
    }
}
