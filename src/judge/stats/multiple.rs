//! Many questions at once, on e-values that may depend on each other in any way: which of them are answered, at a
//! stated rate of false ones.

use super::log_sum_exp;

/// e-BH: the places of those that are rejected, in rising order. Of all rejected, at most the share alpha is expected
/// to be false (Wang, Ramdas, *False discovery rate control with e-values*, 2022): the largest r with
/// `r * e_(r) >= m / alpha`.
pub fn e_bh(log_e: &[f64], alpha: f64) -> Vec<usize> {
    let order = falling(log_e);
    let wanted = (log_e.len() as f64 / alpha).ln();
    let reaches = |rank: usize| (rank as f64).ln() + log_e[order[rank - 1]] >= wanted;
    let count = (1..=order.len()).rev().find(|&rank| reaches(rank)).unwrap_or(0);
    rising(&order[..count])
}

/// Holm: the places of those that are rejected, in rising order. That any of them is false has probability at most
/// alpha (Holm 1979, with `1/e` for p; Vovk, Wang, *E-values: calibration, combination and applications*, 2021): reject
/// `e_(r)` while `e_(r) >= (m - r + 1) / alpha`.
pub fn holm(log_e: &[f64], alpha: f64) -> Vec<usize> {
    let order = falling(log_e);
    let left = |rank: usize| (log_e.len() - rank) as f64;
    let count = (0..order.len()).take_while(|&rank| log_e[order[rank]] >= (left(rank) / alpha).ln()).count();
    rising(&order[..count])
}

/// The logarithm of the mean, which is itself evidence that any null hypothesis is false. Of none: that of 0.
pub fn log_mean(log_e: &[f64]) -> f64 {
    if log_e.is_empty() {
        return f64::NEG_INFINITY;
    }
    log_sum_exp(log_e.iter().copied()) - (log_e.len() as f64).ln()
}

/// Places from the largest evidence down; of equals the first comes first.
fn falling(log_e: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..log_e.len()).collect();
    order.sort_by(|&a, &b| log_e[b].total_cmp(&log_e[a]));
    order
}

fn rising(places: &[usize]) -> Vec<usize> {
    let mut out = places.to_vec();
    out.sort_unstable();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(e: &[f64]) -> Vec<f64> {
        e.iter().map(|e| e.ln()).collect()
    }

    #[test]
    fn several_together_are_rejected_where_none_alone_is() {
        // Two of 25 at m = 2: alone each would need 40.
        assert_eq!(e_bh(&logs(&[25.0, 25.0]), 0.05), [0, 1]);
        assert!(holm(&logs(&[25.0, 25.0]), 0.05).is_empty());
        assert_eq!(e_bh(&logs(&[1.0, 41.0]), 0.05), [1]);
        assert_eq!(holm(&logs(&[21.0, 41.0]), 0.05), [0, 1]);
    }

    #[test]
    fn nothing_and_no_evidence_reject_nothing() {
        for e in [&[][..], &[0.0], &[0.0, 0.0]] {
            assert!(e_bh(&logs(e), 0.05).is_empty() && holm(&logs(e), 0.05).is_empty());
            assert_eq!(log_mean(&logs(e)), f64::NEG_INFINITY);
        }
    }
}
