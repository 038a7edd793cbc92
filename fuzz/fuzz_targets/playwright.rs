//! The reader of Playwright's JSON: counts, kept cases, and the same reading in any pieces.
#![no_main]

use qte_ci_fuzz::{Blanks, check_format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check_format("playwright-json", bytes, Blanks::Told));
