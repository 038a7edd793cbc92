//! Numbers and foreign text as the page shows them.

use crate::tell::clean;
pub use crate::tell::words::{counted, thousands};

/// `41.2 s`, `3 min 12 s`, `0.41 ms`.
pub fn duration(seconds: f64) -> String {
    let micros = micros(seconds);
    match micros {
        0 => "0 s".into(),
        1..1_000 => format!("0.{:02} ms", micros / 10),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => format!("{} min {} s", thousands(micros / 60_000_000), micros / 1_000_000 % 60),
    }
}

/// A measured time as a whole number that JavaScript holds exactly; nonsense becomes nothing.
pub fn micros(seconds: f64) -> u64 {
    const EXACT_IN_JAVASCRIPT: u64 = (1 << 53) - 1;
    // The cast saturates, and takes what is no number for zero.
    ((seconds * 1e6).round() as u64).min(EXACT_IN_JAVASCRIPT)
}

/// `4.6k`: at most four characters up to a thousand million, cut.
pub fn short(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        1_000..10_000 => format!("{}.{}k", number / 1_000, number % 1_000 / 100),
        10_000..1_000_000 => format!("{}k", number / 1_000),
        1_000_000..10_000_000 => format!("{}.{}M", number / 1_000_000, number % 1_000_000 / 100_000),
        _ => format!("{}M", number / 1_000_000),
    }
}

/// `part / whole` as a length in a drawing; never a number to be read.
pub fn length(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// Foreign text of at most so many characters; says how long it was where it is cut.
pub fn text(foreign: &str, characters: usize) -> String {
    // Most texts are short and harmless.
    if foreign.len() <= characters && foreign.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return foreign.to_string();
    }
    let cut = match foreign.char_indices().nth(characters) {
        Some((at, _)) => format!("{}… (cut: {} bytes)", &foreign[..at], thousands(foreign.len() as u64)),
        None => foreign.to_string(),
    };
    clean::terminal(&cut.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_never_rounded_up() {
        for (seconds, shown) in [
            (0.0, "0 s"),
            (0.000_41, "0.41 ms"),
            (0.000_999, "0.99 ms"),
            (0.041, "41 ms"),
            (0.999_999, "999 ms"),
            (41.26, "41.2 s"),
            (59.99, "59.9 s"),
            (192.0, "3 min 12 s"),
            (f64::NAN, "0 s"),
            (-1.0, "0 s"),
        ] {
            assert_eq!(duration(seconds), shown, "{seconds}");
        }
        assert_eq!(micros(f64::INFINITY), 9_007_199_254_740_991);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 200_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "200,000", "1,234,567"].map(String::from)
        );
        assert_eq!([999, 4_666, 133_326, 2_950_000].map(short), ["999", "4.6k", "133k", "2.9M"].map(String::from));
        assert_eq!(counted(1, "test"), "1 test");
        assert_eq!(counted(0, "test"), "0 tests");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(text("abc", 3), "abc");
        assert_eq!(text("äbcd", 2), "äb… (cut: 5 bytes)");
        assert_eq!(text("a\r\nb\0\u{202e}c", 9), "a\nb\u{FFFD}\u{FFFD}c");
    }

    #[test]
    fn lengths_fit_the_drawing() {
        assert_eq!(length(1, 3), "33.33%");
        assert_eq!(length(0, 0), "0.00%");
        assert_eq!(length(u64::MAX, u64::MAX), "100.00%");
    }
}
