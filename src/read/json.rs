//! JSON documents as a stream: bounded strings and nesting, errors with a line. What a document holds is told by the
//! reader's own seed, which takes one entry at a time.

use super::error::{ErrorKind, ReadError};
use super::input::MAX_TOKEN_BYTES;
use serde::de::DeserializeSeed;
use std::io::{self, BufReader, Read};

/// The deepest nesting that is accepted.
const MAX_DEPTH: usize = 256;

/// Reads one whole document; nothing may stand behind it.
pub fn document<S: for<'de> DeserializeSeed<'de, Value = ()>>(source: &mut dyn Read, seed: S) -> Result<(), ReadError> {
    let mut bounded = Bounded { source, string: None, escaped: false, depth: 0, line: 1, refused: None };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(128 * 1024, &mut bounded));
    let done = seed.deserialize(&mut json).and_then(|()| json.end());
    drop(json);
    done.map_err(|e| match bounded.refused {
        Some(refused) if e.is_io() => refused,
        _ if e.is_io() => ReadError::malformed(bounded.line, format!("cannot be read on: {e}")),
        _ => {
            let line = (e.line() > 0).then_some(e.line() as u64);
            ReadError::new(ErrorKind::Malformed, line, without_place(&e))
        }
    })
}

/// serde_json ends its message with the place, which we give apart.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or_else(|| text.clone(), |rest| format!("{rest} (column {})", error.column()))
}

/// Ends the stream where a string or the nesting is beyond its bound: the JSON parser's memory follows both.
struct Bounded<'r> {
    source: &'r mut dyn Read,
    /// The length of the open string.
    string: Option<usize>,
    escaped: bool,
    depth: usize,
    line: u64,
    refused: Option<ReadError>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.refused.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let count = self.source.read(out)?;
        for (at, &byte) in out[..count].iter().enumerate() {
            if let Err(message) = self.step(byte) {
                self.refused = Some(ReadError::too_large(self.line, message));
                // What stands before it is handed on: a fault in there is the first one.
                return if at > 0 { Ok(at) } else { self.read(out) };
            }
        }
        Ok(count)
    }
}

impl Bounded<'_> {
    fn step(&mut self, byte: u8) -> Result<(), String> {
        if let Some(length) = &mut self.string {
            *length += 1;
            let long = *length > MAX_TOKEN_BYTES;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.string = None,
                _ => {}
            }
            return if long { Err(format!("a string longer than {MAX_TOKEN_BYTES} bytes")) } else { Ok(()) };
        }
        match byte {
            b'"' => self.string = Some(0),
            b'\n' => self.line += 1,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > MAX_DEPTH { Err(format!("values nested deeper than {MAX_DEPTH}")) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;
    use std::marker::PhantomData;

    fn one(text: &str) -> Result<(), ReadError> {
        struct Any(PhantomData<()>);
        impl<'de> DeserializeSeed<'de> for Any {
            type Value = ();

            fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
                serde::Deserialize::deserialize(d).map(|_: IgnoredAny| ())
            }
        }
        let mut source = text.as_bytes();
        document(&mut source, Any(PhantomData))
    }

    #[test]
    fn strings_and_nesting_are_bounded() {
        for long in ["x".repeat(MAX_TOKEN_BYTES + 1), "\\n".repeat(MAX_TOKEN_BYTES / 2 + 1)] {
            let error = one(&format!("{{\n\"{long}\":1}}")).unwrap_err();
            assert_eq!((error.kind, error.line), (ErrorKind::TooLarge, Some(2)), "{}", error.message);
        }
        let deep = "[".repeat(MAX_DEPTH);
        let error = one(&format!("{{\"x\":{deep}")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge, "{}", error.message);
        // The first fault is told.
        let error = one(&format!("{{\"x\" {deep}")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{}", error.message);
        let brackets = format!("\"{deep}\\\"{deep}\"");
        assert!(one(&format!("{{\"x\":{brackets},\"files\":{{}},\"totals\":{{}}}}")).is_ok());
    }
}
