//! The sign-symmetric test of paired differences: evidence that their centre lies above, or below, a value. It asks
//! nothing of the noise but that each difference, given those before it, is as likely to lie so far on one side of the
//! centre as on the other (Efron 1969; as a betting process: Ramdas, Ruf, Larsson, Koolen, *Admissible anytime-valid
//! sequential inference must rely on nonnegative martingales*, 2020).

use super::{FAR, log_sum_exp, median};
use std::f64::consts::LN_2;

/// How much is bet, in scales: from shifts far below the noise to shifts far above it, each with the same weight.
const BETS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// Before so many differences the scale is the prior one.
const SCALED_FROM: usize = 3;
/// From the median absolute deviation to the standard deviation of a normal distribution.
const MAD_TO_SD: f64 = 1.4826;
/// How far beyond the outermost differences a bound of the interval is looked for.
const BEYOND: f64 = 10.0;

/// What is taken for the spread of the differences while nothing is known of it, and at least. A wrong scale costs
/// power, never validity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    pub prior: f64,
    pub floor: f64,
}

/// A difference that is no finite number.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a difference of {0}, which is no finite number")]
pub struct NotFinite(pub f64);

/// The differences so far with the scale of each, which is known before it: from those before it alone.
#[derive(Clone, Debug)]
pub struct Differences {
    scales: Scales,
    values: Vec<f64>,
    scale_of: Vec<f64>,
    sorted: Vec<f64>,
}

impl Differences {
    pub fn new(scales: Scales) -> Differences {
        Differences { scales, values: Vec::new(), scale_of: Vec::new(), sorted: Vec::new() }
    }

    /// Takes the next difference.
    pub fn push(&mut self, difference: f64) -> Result<(), NotFinite> {
        if !difference.is_finite() {
            return Err(NotFinite(difference));
        }
        self.scale_of.push(self.next_scale());
        self.values.push(difference);
        let at = self.sorted.partition_point(|&other| other < difference);
        self.sorted.insert(at, difference);
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn median(&self) -> Option<f64> {
        median(&self.sorted)
    }

    /// The scale of each difference.
    pub fn scale_of(&self) -> &[f64] {
        &self.scale_of
    }

    fn next_scale(&self) -> f64 {
        match self.median() {
            Some(centre) if self.len() >= SCALED_FROM => {
                let spread = MAD_TO_SD * deviation(&self.sorted, centre);
                spread.clamp(self.scales.floor, f64::MAX)
            }
            _ => self.scales.prior,
        }
    }

    /// The always-valid interval of the centre: the values that neither test refuses at half of alpha. An end is `None`
    /// while the evidence, which doubles at most with each difference, cannot reach that.
    pub fn interval(&self, alpha: f64) -> Interval {
        let wanted = (2.0 / alpha).ln();
        let (Some(least), Some(most)) = (self.sorted.first(), self.sorted.last()) else {
            return Interval { low: None, high: None };
        };
        let (from, to) = (least - BEYOND, most + BEYOND);
        let above = |theta: f64| self.evidence(theta, Side::Above).log_e() >= wanted;
        let below = |theta: f64| self.evidence(theta, Side::Below).log_e() >= wanted;
        Interval { low: above(from).then(|| bisect(from, to, above)), high: below(to).then(|| bisect(to, from, below)) }
    }

    /// The evidence of all differences so far.
    pub fn evidence(&self, theta: f64, side: Side) -> Evidence {
        let mut evidence = Evidence::new(theta, side);
        self.values.iter().zip(&self.scale_of).for_each(|(&value, &scale)| evidence.add(value, scale));
        evidence
    }

    /// Adds the last difference to evidence that holds those before it.
    pub fn add_last(&self, evidence: &mut Evidence) {
        if let (Some(&value), Some(&scale)) = (self.values.last(), self.scale_of.last()) {
            evidence.add(value, scale);
        }
    }
}

/// The always-valid interval of a centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// The last place from `holds` on towards `fails` where it still holds; it holds at `holds`.
fn bisect(mut holds: f64, mut fails: f64, predicate: impl Fn(f64) -> bool) -> f64 {
    // As many halvings as f64 has steps between any two values that matter; most ends come earlier.
    for _ in 0..200 {
        let middle = holds / 2.0 + fails / 2.0;
        if middle == holds || middle == fails {
            break;
        }
        if predicate(middle) {
            holds = middle;
        } else {
            fails = middle;
        }
    }
    holds
}

/// The median of the distances from the centre: two walks outwards from it over the sorted values, merged.
fn deviation(sorted: &[f64], centre: f64) -> f64 {
    let (mut left, mut right) = (sorted.partition_point(|&v| v < centre), 0);
    right += left;
    let mut next = || {
        let below = left.checked_sub(1).map(|at| centre - sorted[at]);
        let above = sorted.get(right).map(|v| v - centre);
        match (below, above) {
            (Some(b), a) if a.is_none_or(|a| b <= a) => {
                left -= 1;
                b
            }
            (_, Some(a)) => {
                right += 1;
                a
            }
            (_, None) => 0.0,
        }
    };
    let half = sorted.len() / 2;
    let mut before = 0.0;
    for _ in 0..half {
        before = next();
    }
    let middle = next();
    if sorted.len() % 2 == 1 { middle } else { before / 2.0 + middle / 2.0 }
}

/// Where the centre is suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Null hypothesis: the centre is at most theta.
    Above,
    /// Null hypothesis: the centre is at least theta.
    Below,
}

/// Evidence that the centre lies on one side of theta.
#[derive(Clone, Debug)]
pub struct Evidence {
    theta: f64,
    side: Side,
    /// One sum for each bet.
    sums: [f64; BETS.len()],
}

impl Evidence {
    pub fn new(theta: f64, side: Side) -> Evidence {
        Evidence { theta, side, sums: [0.0; BETS.len()] }
    }

    /// Each difference at most doubles the evidence: no outlier decides alone.
    fn add(&mut self, value: f64, scale: f64) {
        let distance = match self.side {
            Side::Above => value - self.theta,
            Side::Below => self.theta - value,
        };
        let z = (distance / scale).clamp(-FAR, FAR);
        for (sum, bet) in self.sums.iter_mut().zip(BETS) {
            *sum = (*sum + LN_2 - log1p_exp(-2.0 * bet * z)).max(-FAR);
        }
    }

    pub fn log_e(&self) -> f64 {
        log_sum_exp(self.sums.iter().copied()) - (BETS.len() as f64).ln()
    }
}

/// `ln(1 + exp(x))` for any x.
fn log1p_exp(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALES: Scales = Scales { prior: 0.02, floor: 0.001 };

    #[test]
    fn the_walks_find_the_median_deviation() {
        for sorted in [
            &[1.0, 2.0, 4.0][..],
            &[1.0, 2.0, 4.0, 9.0],
            &[0.0, 0.0, 0.0, 7.0, 8.0],
            &[-3.0, -3.0, 1.0, 1.0, 1.0, 20.0],
            &[5.0, 5.0, 5.0],
        ] {
            let centre = median(sorted).unwrap();
            let mut plain: Vec<f64> = sorted.iter().map(|v| (v - centre).abs()).collect();
            plain.sort_by(f64::total_cmp);
            assert_eq!(Some(deviation(sorted, centre)), median(&plain), "{sorted:?}");
        }
    }

    #[test]
    fn no_interval_ends_before_the_evidence_can_reach_it() {
        let mut differences = Differences::new(SCALES);
        assert_eq!(differences.interval(0.05), Interval { low: None, high: None });
        for count in 1..=8 {
            differences.push(0.3).unwrap();
            let interval = differences.interval(0.05);
            // 2^5 < 40 <= 2^6.
            assert_eq!((interval.low.is_some(), interval.high.is_some()), (count >= 6, count >= 6), "{count}");
        }
        assert_eq!(differences.push(f64::NAN).map_err(|e| e.0.is_nan()), Err(true));
        assert_eq!((differences.push(f64::INFINITY).is_err(), differences.len()), (true, 8));
    }
}
