//! The reader of Istanbul's summary: totals within each other, and the same reading in any pieces.
#![no_main]

use qte_ci_fuzz::{Blanks, check_format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check_format("istanbul-summary", bytes, Blanks::Told));
