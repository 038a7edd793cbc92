//! The mathematics of the verdicts. Evidence is an e-value, kept as its natural logarithm: where the null hypothesis
//! holds, its mean is at most 1 at whatever moment one looks and stops, so that it ever reaches 1/alpha with
//! probability at most alpha (Ville's inequality; Ramdas, Grünwald, Vovk, Shafer, *Game-theoretic statistics and safe
//! anytime-valid inference*, 2023).

pub mod multiple;
pub mod symmetric;

/// Nothing is known beyond this; far enough inside f64 that sums of ten million such terms are finite.
const FAR: f64 = 1e300;

/// `ln(sum(exp(v)))` without overflow; of nothing it is minus infinity, the logarithm of 0.
pub fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most.is_infinite() {
        return most;
    }
    most + values.map(|v| (v - most).exp()).sum::<f64>().ln()
}

/// The middle of sorted values; of an even number the mean of the middle two.
pub fn median(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let above = *sorted.get(half)?;
    // Halved first: the sum of two large values may be beyond f64, and halving loses nothing.
    Some(if sorted.len() % 2 == 1 { above } else { sorted[half - 1] / 2.0 + above / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_logarithms_neither_overflow_nor_vanish() {
        let of = |v: &[f64]| log_sum_exp(v.iter().copied());
        assert!((of(&[1000.0, 1000.0]) - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert!((of(&[-1000.0, -1000.0]) - (-1000.0 + 2f64.ln())).abs() < 1e-12);
        assert_eq!(of(&[]), f64::NEG_INFINITY);
        assert_eq!(of(&[f64::NEG_INFINITY, 0.0]), 0.0);
    }

    #[test]
    fn a_median_is_of_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0, 5.0, 9.0]), Some(3.5));
        assert_eq!(median(&[f64::MAX, f64::MAX]), Some(f64::MAX));
    }
}
