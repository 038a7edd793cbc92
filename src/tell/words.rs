//! Numbers and verdicts in the words that people read: thousands, symbols, the answer in one line.

use crate::facts::report::Report;
use crate::facts::setting::Enforce;
use crate::facts::verdict::{Outcome, Verdict};

/// `4,359`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 failing test`, `4,359 failing tests`.
pub fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {one}s", thousands(count)) }
}

/// `0.1 s`, `1,234.5 s`; what is no time reads as none.
pub fn seconds(seconds: f64) -> String {
    let tenths = (seconds * 10.0).round().max(0.0) as u64;
    format!("{}.{} s", thousands(tenths / 10), tenths % 10)
}

/// Does this verdict stop the run?
pub fn stops(verdict: &Verdict) -> bool {
    verdict.enforce == Enforce::Block && !verdict.outcome.is_green()
}

/// Beside the word, never instead of it.
pub fn symbol(verdict: &Verdict) -> &'static str {
    match (verdict.outcome, verdict.enforce) {
        (Outcome::Pass, _) => "✅",
        (Outcome::Skipped, _) => "➖",
        (_, Enforce::Advise) => "⚠️",
        (Outcome::Fail, _) => "❌",
        (Outcome::Unmeasured, _) => "⛔",
        (Outcome::Inconclusive, _) => "❓",
    }
}

/// `fail`, `fail (advice)`.
pub fn word(verdict: &Verdict) -> String {
    match (verdict.enforce, verdict.outcome.is_green()) {
        (Enforce::Advise, false) => format!("{} (advice)", verdict.outcome.id()),
        _ => verdict.outcome.id().to_string(),
    }
}

/// The answer in one line, made of our own words alone: `❌ Fail: tests. Unmeasured: coverage.`
pub fn answer(report: &Report) -> String {
    let names = |wanted: &dyn Fn(&Verdict) -> bool| {
        report.verdicts.iter().filter(|v| wanted(v)).map(|v| v.gate.id()).collect::<Vec<_>>().join(", ")
    };
    let mut parts = Vec::new();
    for (outcome, word) in
        [(Outcome::Fail, "Fail"), (Outcome::Unmeasured, "Unmeasured"), (Outcome::Inconclusive, "Inconclusive")]
    {
        let names = names(&|v| v.outcome == outcome && v.enforce == Enforce::Block);
        if !names.is_empty() {
            parts.push(format!("{word}: {names}."));
        }
    }
    let symbol = match report.outcome {
        Outcome::Pass => "✅",
        Outcome::Fail => "❌",
        _ => "⛔",
    };
    if report.outcome == Outcome::Pass {
        parts.push(format!("Pass: {}.", names(&|v| v.outcome == Outcome::Pass)));
    } else if parts.is_empty() {
        parts.push("Unmeasured: no blocking gate measured anything.".into());
    }
    let advice = names(&|v| v.enforce == Enforce::Advise && !v.outcome.is_green());
    if !advice.is_empty() {
        parts.push(format!("Advice: {advice}."));
    }
    format!("{symbol} {}", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (4359, "4,359"), (12_345_678, "12,345,678")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!((counted(1, "test"), counted(2000, "test")), ("1 test".into(), "2,000 tests".into()));
    }

    #[test]
    fn times_have_one_decimal_and_are_never_negative() {
        assert_eq!(seconds(1234.56), "1,234.6 s");
        assert_eq!(seconds(-3.0), "0.0 s");
        assert_eq!(seconds(f64::NAN), "0.0 s");
    }
}
