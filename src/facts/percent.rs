//! Percentages without floats: a threshold is an exact decimal, a measure is a pair of integers.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

const ONE: u64 = 1_000_000;
const HUNDRED: u64 = 100 * ONE;

/// A percentage between 0 and 100, held as millionths of one percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u64);

/// Why a text is not a percentage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a percentage: expected a number from 0 to 100 with at most 6 decimals, like 80 or 82.5")]
pub struct BadPercent {
    text: String,
}

impl Percent {
    pub const ZERO: Percent = Percent(0);

    /// Whole percent, capped at 100.
    pub const fn whole(percent: u64) -> Percent {
        let capped = if percent > 100 { 100 } else { percent };
        Percent(capped * ONE)
    }

    /// Is `part / whole` at least this percentage? Exact; an empty whole meets nothing but zero.
    pub fn is_met_by(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(HUNDRED) >= u128::from(self.0) * u128::from(whole) && (whole > 0 || self.0 == 0)
    }

    /// Has the share fallen from `before` to `now` (each part, whole) by more than this many percent points?
    /// Exact: compares the fractions over their common denominator. An empty whole has no share to fall from.
    pub fn is_exceeded_by_drop(self, before: (u64, u64), now: (u64, u64)) -> bool {
        if before.1 == 0 || now.1 == 0 {
            return false;
        }
        let (b, bw) = (i128::from(before.0), i128::from(before.1));
        let (n, nw) = (i128::from(now.0), i128::from(now.1));
        (b * nw - n * bw) * i128::from(HUNDRED) > i128::from(self.0) * bw * nw
    }

    /// Has a count grown from `before` to `now` by more than this percentage? Exact.
    pub fn is_exceeded_by_growth(self, before: u64, now: u64) -> bool {
        u128::from(now) * u128::from(HUNDRED) > u128::from(before) * u128::from(HUNDRED + self.0)
    }

    /// Has it fallen by more than this percentage? Exact.
    pub fn is_exceeded_by_fall(self, before: u64, now: u64) -> bool {
        u128::from(now) * u128::from(HUNDRED) < u128::from(before) * u128::from(HUNDRED - self.0)
    }

    /// As a share of 1, for mathematics that counts nothing.
    pub fn share(self) -> f64 {
        self.0 as f64 / HUNDRED as f64
    }

    /// `part / whole` for people, one decimal, rounded down: 79.99% never reads as 80.0%.
    pub fn show(part: u64, whole: u64) -> String {
        if whole == 0 {
            return "nothing measured".into();
        }
        let tenths = u128::from(part) * 1000 / u128::from(whole);
        format!("{}.{}%", tenths / 10, tenths % 10)
    }
}

impl FromStr for Percent {
    type Err = BadPercent;

    fn from_str(text: &str) -> Result<Percent, BadPercent> {
        let bad = || BadPercent { text: text.to_string() };
        let number = text.trim().strip_suffix('%').unwrap_or(text.trim()).trim_end();
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(decimals) || decimals.len() > 6 || whole.len() > 3 {
            return Err(bad());
        }
        let whole: u64 = whole.parse().map_err(|_| bad())?;
        let scaled: u64 = format!("{decimals:0<6}").parse().map_err(|_| bad())?;
        let value = whole * ONE + scaled;
        if value > HUNDRED { Err(bad()) } else { Ok(Percent(value)) }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:06}", self.0 % ONE);
        let decimals = decimals.trim_end_matches('0');
        match decimals {
            "" => write!(f, "{}", self.0 / ONE),
            some => write!(f, "{}.{some}", self.0 / ONE),
        }
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(text: &str) -> Percent {
        text.parse().unwrap()
    }

    #[test]
    fn a_threshold_is_met_exactly_or_not_at_all() {
        assert!(p("80").is_met_by(4, 5));
        assert!(!p("80").is_met_by(799_999, 1_000_000));
        assert!(p("33.333333").is_met_by(1, 3));
        assert!(!p("33.333334").is_met_by(1, 3));
    }

    #[test]
    fn nothing_measured_meets_no_threshold() {
        assert!(!p("0.000001").is_met_by(0, 0));
        assert!(p("0").is_met_by(0, 0));
    }

    #[test]
    fn shown_shares_are_rounded_down() {
        assert_eq!(Percent::show(79_999, 100_000), "79.9%");
        assert_eq!(Percent::show(1, 1), "100.0%");
        assert_eq!(Percent::show(0, 0), "nothing measured");
    }

    #[test]
    fn a_drop_is_compared_without_rounding() {
        assert!(!p("0.5").is_exceeded_by_drop((800, 1000), (795, 1000)));
        assert!(p("0.5").is_exceeded_by_drop((800, 1000), (7949, 10_000)));
        assert!(!p("0").is_exceeded_by_drop((1, 2), (2, 4)));
        assert!(!p("0").is_exceeded_by_drop((1, 2), (3, 4)));
    }

    #[test]
    fn growth_and_fall_are_compared_without_rounding() {
        assert!(!p("0.5").is_exceeded_by_growth(200_000, 201_000));
        assert!(p("0.5").is_exceeded_by_growth(200_000, 201_001));
        assert!(!p("0.5").is_exceeded_by_fall(200_000, 199_000));
        assert!(p("0.5").is_exceeded_by_fall(200_000, 198_999));
        assert!(!p("100").is_exceeded_by_fall(u64::MAX, 0));
        assert!(p("100").is_exceeded_by_growth(u64::MAX / 3, u64::MAX));
        assert_eq!((p("1").share(), p("5").share()), (0.01, 0.05));
    }

    #[test]
    fn texts_that_are_no_percentage_are_refused() {
        for text in ["", "eighty", "-1", "100.1", "1e2", "80.", ".5", "1.1234567", "0x10", "80 %%", "NaN"] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
        assert_eq!(p("80%").to_string(), "80");
        assert_eq!(p("82.50").to_string(), "82.5");
    }
}
