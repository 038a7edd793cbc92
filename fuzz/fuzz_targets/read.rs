//! Any bytes: the format found from the content, and the reading that follows.
#![no_main]

use qte_ci::read::{self, ErrorKind, FORMATS};
use qte_ci_fuzz::{assert_same, check, pieces};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let found = check(bytes, &mut &bytes[..], None);
    let mut in_pieces = pieces::Pieces::new(bytes, pieces::sizes(bytes));
    assert_same(&found, &check(bytes, &mut in_pieces, None), "in pieces");
    match &found.outcome {
        // What was recognised reads the same when it is named.
        Ok(reading) => {
            let named = check(bytes, &mut &bytes[..], Some(reading.format));
            assert_same(&found, &named, "named");
        }
        // An empty file is empty under any name.
        Err(error) if error.kind == ErrorKind::Empty => {
            for format in FORMATS {
                assert_same(&found, &check(bytes, &mut &bytes[..], read::format(format.id)), format.id);
            }
        }
        Err(_) => {}
    }
});
