//! A window over a byte stream: bounded memory, checked characters, a line number for every place.

use super::error::ReadError;
use std::io::Read;

/// How much is read at a time.
const CHUNK: usize = 128 * 1024;
/// The longest single token (a tag with its attributes, a line) that is accepted.
pub const MAX_TOKEN_BYTES: usize = 1024 * 1024;

/// The unread part of a stream, refilled on demand. Bytes are UTF-8 and free of the control characters
/// that no text report may hold (XML 1.0 section 2.2; other formats gain nothing from them either).
pub struct Input<'r> {
    source: &'r mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    /// Bytes up to here are checked; behind it may stand the first bytes of a split character.
    checked: usize,
    end: usize,
    ended: bool,
    /// 1-based line of the first byte of the buffer; lines behind it are counted when asked for.
    line: u64,
    controls: Controls,
}

/// What is done with control characters other than tab, line feed and carriage return.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Controls {
    Refused,
    Allowed,
}

impl<'r> Input<'r> {
    pub fn new(source: &'r mut dyn Read, controls: Controls) -> Input<'r> {
        Input { source, buffer: vec![0; 2 * CHUNK], start: 0, checked: 0, end: 0, ended: false, line: 1, controls }
    }

    /// The checked bytes at hand.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.checked]
    }

    /// The 1-based line of the next byte. Counts, so it is for errors and not for every event.
    pub fn line(&self) -> u64 {
        self.line_of(self.start)
    }

    /// The 1-based line of the byte at `offset` from here.
    pub fn line_at(&self, offset: usize) -> u64 {
        self.line_of(self.start + offset.min(self.bytes().len()))
    }

    /// Moves past `count` bytes.
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.bytes().len());
        self.start += count;
    }

    /// Brings in more bytes behind those at hand; `false` at the end of the stream.
    pub fn fill(&mut self) -> Result<bool, ReadError> {
        if self.ended {
            return Ok(false);
        }
        self.make_room()?;
        let before = self.checked;
        while self.checked == before && !self.ended {
            let read = loop {
                match self.source.read(&mut self.buffer[self.end..]) {
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                    other => break other,
                }
            };
            let count = read.map_err(|e| ReadError::malformed(self.line(), format!("cannot be read on: {e}")))?;
            self.ended = count == 0;
            self.end += count;
            self.check()?;
        }
        Ok(self.checked > before)
    }

    fn make_room(&mut self) -> Result<(), ReadError> {
        if self.start > 0 {
            self.line = self.line_of(self.start);
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.checked -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end >= CHUNK {
            return Ok(());
        }
        if self.end >= MAX_TOKEN_BYTES {
            let message = format!("one tag or line is longer than {MAX_TOKEN_BYTES} bytes");
            return Err(ReadError::too_large(self.line(), message));
        }
        self.buffer.resize(self.buffer.len() * 2, 0);
        Ok(())
    }

    /// Checks what was read last: UTF-8, and no control characters where they are refused.
    fn check(&mut self) -> Result<(), ReadError> {
        let fresh = &self.buffer[self.checked..self.end];
        let valid = match std::str::from_utf8(fresh) {
            Ok(_) => fresh.len(),
            Err(e) if e.error_len().is_none() && !self.ended => e.valid_up_to(),
            Err(e) => {
                let line = self.line_of(self.checked + e.valid_up_to());
                return Err(ReadError::malformed(line, "not UTF-8 text"));
            }
        };
        if self.controls == Controls::Refused
            && let Some(at) = find_control(&fresh[..valid])
        {
            let line = self.line_of(self.checked + at);
            let code = fresh[at];
            let message = format!("control character U+{code:04X}, which XML does not allow");
            return Err(ReadError::malformed(line, message));
        }
        self.checked += valid;
        Ok(())
    }

    fn line_of(&self, at: usize) -> u64 {
        self.line + memchr::memchr_iter(b'\n', &self.buffer[..at]).count() as u64
    }
}

/// The first control character. Looks at blocks first: a loop without an early exit is done many bytes at a time.
fn find_control(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    for block in bytes.chunks(256) {
        if block.iter().fold(false, |found, &b| found | is_control(b)) {
            return block.iter().position(|&b| is_control(b)).map(|at| from + at);
        }
        from += block.len();
    }
    None
}

fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, to split every character.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn a_character_split_over_reads_is_whole() {
        let text = "zeile 1\nüö€\u{1F600}\n";
        let mut source = Dribble(text.as_bytes());
        let mut input = Input::new(&mut source, Controls::Refused);
        while input.fill().unwrap() {}
        assert_eq!(input.bytes(), text.as_bytes());
        input.advance(text.len());
        assert_eq!(input.line(), 3);
    }

    #[test]
    fn broken_text_is_refused_with_its_line() {
        for (bytes, line, what) in [
            (&b"ok\nbad \xff"[..], 2, "UTF-8"),
            (&b"ok\n\nhalf \xc3"[..], 3, "UTF-8"),
            (&b"a\nb\nc\x1b[0m"[..], 3, "U+001B"),
        ] {
            let mut source = Dribble(bytes);
            let mut input = Input::new(&mut source, Controls::Refused);
            let error = loop {
                match input.fill() {
                    Ok(true) => {}
                    Ok(false) => panic!("accepted {bytes:?}"),
                    Err(e) => break e,
                }
            };
            assert_eq!(error.line, Some(line));
            assert!(error.message.contains(what), "{}", error.message);
        }
    }

    #[test]
    fn a_token_without_end_is_too_large() {
        let mut source = std::io::repeat(b'a');
        let mut input = Input::new(&mut source, Controls::Refused);
        let error = loop {
            if let Err(e) = input.fill() {
                break e;
            }
        };
        assert_eq!(error.kind, super::super::ErrorKind::TooLarge);
    }
}
