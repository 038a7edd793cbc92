//! A report that is read line by line: bounded, with the number of each line.

use super::error::ReadError;
use super::input::{Controls, Input};
use memchr::memchr;
use std::io::Read;

pub struct Lines<'r> {
    input: Input<'r>,
    /// Of the line that was handed out last, with its end.
    passed: usize,
    number: u64,
}

impl<'r> Lines<'r> {
    /// UTF-8 text; control characters are let through (test output is full of them).
    pub fn new(source: &'r mut dyn Read) -> Lines<'r> {
        Lines { input: Input::new(source, Controls::Allowed), passed: 0, number: 0 }
    }

    /// The next line without its end (`\n` or `\r\n`), and its 1-based number; `None` at the end of the stream.
    pub fn next(&mut self) -> Result<Option<(&str, u64)>, ReadError> {
        self.input.advance(self.passed);
        self.passed = 0;
        let mut seen = 0;
        let length = loop {
            let bytes = self.input.bytes();
            match memchr(b'\n', &bytes[seen..]) {
                Some(at) => {
                    self.passed = seen + at + 1;
                    break seen + at;
                }
                None => seen = bytes.len(),
            }
            if !self.input.fill()? {
                self.passed = self.input.bytes().len();
                if self.passed == 0 {
                    return Ok(None);
                }
                break self.passed;
            }
        };
        self.number += 1;
        let line = super::xml::text(&self.input.bytes()[..length]);
        Ok(Some((line.strip_suffix('\r').unwrap_or(line), self.number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_with_their_numbers_and_without_their_ends() {
        let mut source = &b"a\r\n\nb\x1b[0m\nlast"[..];
        let mut lines = Lines::new(&mut source);
        let mut seen = Vec::new();
        while let Some((line, number)) = lines.next().unwrap() {
            seen.push(format!("{number}:{line}"));
        }
        assert_eq!(seen, ["1:a", "2:", "3:b\x1b[0m", "4:last"]);
        let mut bad = &b"a\n\xff"[..];
        let mut lines = Lines::new(&mut bad);
        assert!(lines.next().unwrap().is_some());
        assert_eq!(lines.next().unwrap_err().line, Some(2));
    }
}
