//! Diffs as git writes them: what was read, written anew, reads the same.
#![no_main]

use qte_ci::facts::diff::Changes;
use qte_ci::read::diff;
use qte_ci_fuzz::pieces::{Pieces, sizes};
use std::fmt::Write;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let whole = diff::read(&mut &bytes[..]);
    assert_eq!(whole, diff::read(&mut Pieces::new(bytes, &[0])), "in single bytes");
    assert_eq!(whole, diff::read(&mut Pieces::new(bytes, sizes(bytes))), "in pieces");
    let lines = bytes.split_inclusive(|&b| b == b'\n').count() as u64;
    match whole {
        Ok(changes) => {
            let added: u64 = changes.files().map(|(_, file)| file.lines().count() as u64).sum();
            assert!(added <= lines, "more lines added than the diff has");
            for (_, file) in changes.files() {
                assert_eq!(file.code_lines(), file.lines().filter(|(_, code)| *code).count() as u64);
            }
            assert_eq!(diff::read(&mut written(&changes).as_bytes()), Ok(changes), "written anew");
        }
        Err(error) => assert!((1..=lines + 1).contains(&error.line), "{error}"),
    }
});

/// The changes as a diff with every path quoted, in git's way (quote.c).
fn written(changes: &Changes) -> String {
    let mut out = String::new();
    for (path, file) in changes.files() {
        let mut quoted = String::new();
        for byte in path.bytes() {
            match byte {
                b'"' | b'\\' => write!(quoted, "\\{}", char::from(byte)),
                7..=13 => write!(quoted, "\\{}", char::from(b"abtnvfr"[usize::from(byte - 7)])),
                b' '..=b'~' => write!(quoted, "{}", char::from(byte)),
                _ => write!(quoted, "\\{byte:03o}"),
            }
            .expect("a string takes everything");
        }
        // git ends a name that holds a space with a tab.
        let tab = if path.contains(' ') { "\t" } else { "" };
        writeln!(out, "--- /dev/null\n+++ \"{quoted}\"{tab}").expect("a string takes everything");
        for (line, code) in file.lines() {
            writeln!(out, "@@ -0,0 +{line} @@\n+{}", if code { "x" } else { "" }).expect("a string takes everything");
        }
    }
    out
}
