//! Foreign text made safe for where it is printed. Test output, names and report contents are hostile.

use std::fmt;

/// Text for a terminal or a log: control characters are shown, not obeyed. Line ends and tabs stay.
pub fn terminal(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// Makes what is written through it safe as [`terminal`] does.
pub struct Terminal<'a>(pub &'a mut dyn fmt::Write);

impl fmt::Write for Terminal<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A page is made of a great many pieces, nearly all of them plain.
        if text.bytes().all(|byte| matches!(byte, b'\n' | b'\t' | b' '..=b'~')) {
            return self.0.write_str(text);
        }
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| shown(*c) != *c) {
            self.0.write_str(&rest[..at])?;
            self.0.write_char(shown(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

fn shown(c: char) -> char {
    match c {
        '\n' | '\t' | ' '..='~' => c,
        // Escape sequences, carriage returns and the C1 controls that begin them.
        c if c.is_control() => '\u{FFFD}',
        // Marks that reorder what stands around them.
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => '\u{FFFD}',
        // Line ends that only some programs know.
        '\u{2028}' | '\u{2029}' => '\u{FFFD}',
        c => c,
    }
}

/// As [`terminal`], and nothing in it is a workflow command: `::name::` at the beginning of a line, `##[name]` anywhere
/// (the runner takes both, on both streams).
pub fn actions(text: &str) -> String {
    let text = terminal(text).replace("##[", "#\u{200B}#[");
    let lines = text.split('\n').map(|line| {
        let begin = line.trim_start();
        if begin.starts_with("::") { line.replacen("::", ":\u{200B}:", 1) } else { line.to_string() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A command's output for the Actions log, between a stop-commands token; `##[` is honoured even there.
pub fn stopped(output: &[u8], token: &str) -> Vec<u8> {
    let mut out = format!("::stop-commands::{token}\n").into_bytes();
    let mut rest = output;
    while let Some(at) = rest.windows(3).position(|w| w == b"##[") {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice("#\u{200B}#[".as_bytes());
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    if !output.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.extend_from_slice(format!("::{token}::\n").as_bytes());
    out
}

/// At most `count` characters, with a mark where it was cut.
pub fn cut(text: &str, count: usize) -> String {
    match text.char_indices().nth(count) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

/// At most `most` bytes, cut between characters, the mark of the cut included.
pub fn cut_bytes(text: &str, most: usize) -> String {
    const MARK: &str = "…";
    if text.len() <= most {
        return text.to_string();
    }
    match most.checked_sub(MARK.len()) {
        Some(room) => format!("{}{MARK}", &text[..text.floor_char_boundary(room)]),
        None => String::new(),
    }
}

/// Everything on one line, at most `count` characters of it: line ends, tabs and runs of spaces become one space. Reads no
/// more of a long text than it shows.
pub fn line(text: &str, count: usize) -> String {
    let (mut out, mut chars, mut gap) = (String::new(), 0, false);
    for c in text.chars() {
        if matches!(c, ' ' | '\n' | '\t' | '\r') {
            gap = chars > 0;
            continue;
        }
        let wanted = 1 + usize::from(gap);
        if chars + wanted > count {
            out.push('…');
            break;
        }
        if std::mem::take(&mut gap) {
            out.push(' ');
        }
        out.push(shown(c));
        chars += wanted;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn control_characters_are_not_obeyed() {
        let (foreign, safe) = ("a\x1b[2J\r\u{9b}1mb\n\tc\u{202e}", "a\u{FFFD}[2J\u{FFFD}\u{FFFD}1mb\n\tc\u{FFFD}");
        assert_eq!(terminal(foreign), safe);
        let mut out = String::new();
        let pieces = [foreign, "\x7f", "é\x7f", "plain\t~\n", "\0"];
        pieces.iter().try_for_each(|piece| Terminal(&mut out).write_str(piece)).unwrap();
        assert_eq!(out, format!("{safe}\u{FFFD}é\u{FFFD}plain\t~\n\u{FFFD}"));
    }

    #[test]
    fn nothing_is_a_workflow_command() {
        let text = actions("::error::x\n  ::set-output name=a::b\nfine ::here::\nx ##[stop-commands]y");
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::"), "{line}");
            assert!(!line.contains("##["), "{line}");
        }
        let out = stopped(b"::add-mask::x\nx ##[error]y", "t0ken");
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("::stop-commands::t0ken\n"));
        assert!(text.ends_with("\n::t0ken::\n"));
        assert!(!text.contains("##["));
    }

    #[test]
    fn a_cut_falls_between_characters_and_counts_its_mark() {
        assert_eq!(cut_bytes("abcdef", 6), "abcdef");
        assert_eq!(cut_bytes("abcdefg", 6), "abc…");
        assert_eq!(cut_bytes("a😀😀", 8), "a😀…");
        assert_eq!(cut_bytes("a😀😀", 7), "a…");
        assert_eq!(cut_bytes("abcdef", 2), "");
    }

    #[test]
    fn a_line_has_no_line_ends_and_no_more_than_asked() {
        assert_eq!(line(" a\r\n\tb  c\u{2028}d\n", 99), "a b c\u{FFFD}d");
        assert_eq!((line("abc", 3), line("abcd", 3), line("ab c", 3)), ("abc".into(), "abc…".into(), "ab…".into()));
    }
}
