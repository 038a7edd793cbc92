//! The `go test -json` reader: every event and line of hostile streams, and the same reading in any pieces.
#![no_main]

use qte_ci_fuzz::{Blanks, check_format};

// A blank at the start of a line of these formats changes what the line is.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check_format("go-test-json", bytes, Blanks::Told));
