//! The reader of Trivy: counts, and the same reading in any pieces.
#![no_main]

use qte_ci_fuzz::{Blanks, check_format};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check_format("trivy", bytes, Blanks::Told));
