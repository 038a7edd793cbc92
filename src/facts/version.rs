//! Versions of packages, as far as a range can be asked of them: numbers between dots, words of a release before it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Which versions: `<2`, `>=1.2,<2`, `==1.4.1`; none stands for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    bounds: Vec<(Operator, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Equal,
    MoreOrEqual,
    More,
}

/// As they are written; the longer ones first.
const OPERATORS: [(&str, Operator); 5] = [
    ("<=", Operator::LessOrEqual),
    (">=", Operator::MoreOrEqual),
    ("==", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::More),
];

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Range, String> {
        let one = |part: &str| {
            let part = part.trim();
            let found =
                OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, part.strip_prefix(sign)?.trim())));
            match found {
                Some((operator, version)) if version.starts_with(|c: char| c.is_ascii_alphanumeric()) => {
                    Ok((operator, version.to_string()))
                }
                _ => Err(format!("`{part}` is no bound of versions: expected for instance `<2`, `>=1.2` or `==1.4.1`")),
            }
        };
        if text.trim().is_empty() {
            return Ok(Range::default());
        }
        Ok(Range { bounds: text.split(',').map(one).collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (operator, version)) in self.bounds.iter().enumerate() {
            let sign = OPERATORS.iter().find(|(_, known)| known == operator).map_or("", |(sign, _)| sign);
            write!(f, "{}{sign}{version}", if number == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl Range {
    /// A version that is not known lies in no range but the one without bounds.
    pub fn holds(&self, version: &str) -> bool {
        self.bounds.iter().all(|(operator, bound)| {
            !version.is_empty()
                && match compare(version, bound) {
                    Ordering::Less => matches!(operator, Operator::Less | Operator::LessOrEqual),
                    Ordering::Equal => !matches!(operator, Operator::Less | Operator::More),
                    Ordering::Greater => matches!(operator, Operator::More | Operator::MoreOrEqual),
                }
        })
    }
}

/// Which version is the later one: by numbers; `1.0rc1` and `1.0-beta.2` come before `1.0`, and `1` is `1.0`.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    for at in 0..a.len().max(b.len()) {
        let ordering = match (a.get(at), b.get(at)) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(Part::Word(_)), None) => Ordering::Less,
            (None, Some(Part::Word(_))) => Ordering::Greater,
            (Some(a), None) => a.cmp(&Part::Number(0)),
            (None, Some(b)) => Part::Number(0).cmp(b),
            (None, None) => Ordering::Equal,
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

/// A word stands before every number: it marks a release that comes before.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Word(String),
    Number(u64),
}

/// A leading `v`, and what is behind a `+`, say nothing.
fn parts(version: &str) -> Vec<Part> {
    let version = version.trim().trim_start_matches(['v', 'V']).split('+').next().unwrap_or_default();
    let mut out = Vec::new();
    for piece in version.split(['.', '-', '_']) {
        let mut rest = piece;
        while !rest.is_empty() {
            let is_number = rest.starts_with(|c: char| c.is_ascii_digit());
            let end = rest.find(|c: char| c.is_ascii_digit() != is_number).unwrap_or(rest.len());
            let (head, tail) = rest.split_at(end);
            out.push(match is_number {
                true => Part::Number(head.parse().unwrap_or(u64::MAX)),
                false => Part::Word(head.to_ascii_lowercase()),
            });
            rest = tail;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_their_indexes_order_them() {
        // Each list as `packaging` 25 (Python) or `semver` 7 (Node) sorts it.
        for list in [
            &["1.0a1", "1.0b2", "1.0rc1", "1.0", "1.0.1", "1.9", "1.10", "2"][..],
            &["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.0"],
            &["v0.9.0", "v0.10.0", "v1.0.0"],
        ] {
            for pair in list.windows(2) {
                assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
                assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
            }
        }
        for (a, b) in [("1", "1.0.0"), ("v1.2", "1.2"), ("1.2+build", "1.2")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    #[test]
    fn a_range_holds_what_all_its_bounds_hold() {
        let range: Range = ">=1.2, <2".parse().unwrap();
        assert_eq!(range.to_string(), ">=1.2,<2");
        let held: Vec<&str> =
            ["1.1.9", "1.2", "1.9.9", "2.0", "", "2.0rc1"].into_iter().filter(|v| range.holds(v)).collect();
        assert_eq!(held, ["1.2", "1.9.9", "2.0rc1"]);
        assert!("==1.4.1".parse::<Range>().unwrap().holds("1.4.1"));
        assert!("".parse::<Range>().unwrap().holds(""));
        for bad in ["2", "<", "=>2", "<2,"] {
            assert!(bad.parse::<Range>().is_err(), "{bad}");
        }
    }
}
