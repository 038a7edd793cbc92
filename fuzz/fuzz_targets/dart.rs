//! The Dart event reader: tests that begin, fail and end in any order, and the same reading in any pieces.
#![no_main]

use qte_ci_fuzz::{Blanks, check_format};

// A blank at the start of a line of these formats changes what the line is.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check_format("dart-json", bytes, Blanks::Told));
