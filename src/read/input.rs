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
    /// What is wrong with the byte at `checked`: told when those before it are used up, so that the first fault
    /// of a file is the one that is told, however the bytes arrived.
    refused: Option<ReadError>,
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
        Input {
            source,
            buffer: vec![0; 2 * CHUNK],
            start: 0,
            checked: 0,
            end: 0,
            ended: false,
            refused: None,
            line: 1,
            controls,
        }
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
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        if self.ended {
            return Ok(false);
        }
        loop {
            self.make_room()?;
            let before = self.checked;
            let read = loop {
                match self.source.read(&mut self.buffer[self.end..]) {
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                    other => break other,
                }
            };
            let count =
                read.map_err(|e| ReadError::malformed(self.line_of(self.checked), format!("cannot be read on: {e}")))?;
            self.ended = count == 0;
            self.end += count;
            self.check();
            match &self.refused {
                _ if self.checked > before => return Ok(true),
                Some(refused) => return Err(refused.clone()),
                None if self.ended => return Ok(false),
                None => {} // the beginning of a character
            }
        }
    }

    fn make_room(&mut self) -> Result<(), ReadError> {
        if self.start > 0 {
            self.line = self.line_of(self.start);
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.checked -= self.start;
            self.start = 0;
        }
        if self.end >= MAX_TOKEN_BYTES {
            let message = format!("one tag or line is longer than {MAX_TOKEN_BYTES} bytes");
            return Err(ReadError::too_large(self.line(), message));
        }
        // Never larger than the longest token: what is accepted must not depend on how the bytes arrive.
        if self.buffer.len() - self.end < CHUNK {
            self.buffer.resize((self.buffer.len() * 2).min(MAX_TOKEN_BYTES), 0);
        }
        Ok(())
    }

    /// Checks what was read last: UTF-8, and no control characters where they are refused.
    fn check(&mut self) {
        let fresh = &self.buffer[self.checked..self.end];
        let (mut valid, mut refused) = match std::str::from_utf8(fresh) {
            Ok(_) => (fresh.len(), None),
            Err(e) if e.error_len().is_none() && !self.ended => (e.valid_up_to(), None),
            Err(e) => (e.valid_up_to(), Some("not UTF-8 text".to_string())),
        };
        if self.controls == Controls::Refused
            && let Some(at) = find_control(&fresh[..valid])
        {
            valid = at;
            refused = Some(format!("control character U+{:04X}, which XML does not allow", fresh[at]));
        }
        self.checked += valid;
        self.refused = refused.map(|message| ReadError::malformed(self.line_of(self.checked), message));
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
    fn the_first_fault_is_told_when_what_stands_before_it_is_used_up() {
        let bytes = b"a\nb\xff\x1b";
        let mut source = &bytes[..];
        let mut input = Input::new(&mut source, Controls::Refused);
        assert!(input.fill().unwrap());
        assert_eq!(input.bytes(), b"a\nb");
        input.advance(3);
        for _ in 0..2 {
            let error = input.fill().unwrap_err();
            assert_eq!((error.line, error.message.as_str()), (Some(2), "not UTF-8 text"));
        }
    }

    /// Gives 50,000 bytes at a time.
    struct Spoon<R>(R);

    impl<R: Read> Read for Spoon<R> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = out.len().min(50_000);
            self.0.read(&mut out[..count])
        }
    }

    #[test]
    fn the_longest_token_is_the_same_in_any_pieces() {
        for (length, accepted) in [(MAX_TOKEN_BYTES - 1, true), (MAX_TOKEN_BYTES, false)] {
            let mut whole = std::io::repeat(b'a').take(length as u64);
            let mut pieces = Spoon(std::io::repeat(b'a').take(length as u64));
            for source in [&mut whole as &mut dyn Read, &mut pieces] {
                let mut input = Input::new(source, Controls::Refused);
                let end = loop {
                    match input.fill() {
                        Ok(true) => {}
                        other => break other,
                    }
                };
                assert_eq!((end.is_ok(), input.bytes().len()), (accepted, length));
            }
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
