//! Markdown as GitHub reads it: foreign text that stays text wherever it is put, and a writer that keeps to its bytes.
//!
//! GitHub looks twice: first the Markdown, then the text of the page it made, where `@team`, `#1`, `:tada:` and `$x$` come
//! to life whatever was escaped. So marks of Markdown are written as character references, which never are structure, and
//! what the second look goes by gets an element of its own, so that no run of text holds all of it. What a reader copies
//! is the text as it was.

use super::clean;
use std::fmt::Write;

/// The longest foreign text on one line, in characters.
pub const LINE_CHARS: usize = 300;

/// The longest label in a diagram, in characters.
const LABEL_CHARS: usize = 60;

/// The length from which GitHub takes a run of hexadecimal digits for a commit.
const SHA_CHARS: usize = 7;

/// Foreign text on one line: in a paragraph, a table's cell, an HTML element. Holds no markup, whatever was in it.
pub fn text(foreign: &str) -> String {
    escaped(&clean::line(foreign, LINE_CHARS))
}

fn escaped(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = String::with_capacity(line.len() * 2);
    let mut at = 0;
    while at < chars.len() {
        let word = chars[at..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
        if is_sha(&chars, at, word) {
            for (number, part) in chars[at..at + word].chunks(SHA_CHARS - 1).enumerate() {
                let part: String = part.iter().collect();
                out.push_str(&if number % 2 == 0 { part } else { apart(&part) });
            }
            at += word;
        } else if word > 0 && at > 0 {
            chars[at..at + word].iter().for_each(|c| push(&mut out, *c));
            at += word;
        } else {
            one(&mut out, &chars, at);
            at += 1;
        }
    }
    out
}

/// Seven hexadecimal digits or more, between characters that are of no word.
fn is_sha(chars: &[char], at: usize, word: usize) -> bool {
    let begins = at == 0 || !(chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    begins && word >= SHA_CHARS && chars[at..at + word].iter().all(char::is_ascii_hexdigit)
}

/// One character where it stands.
fn one(out: &mut String, chars: &[char], at: usize) {
    let c = chars[at];
    let next = chars.get(at + 1).copied().unwrap_or(' ');
    let before: String = chars[at.saturating_sub(4)..at].iter().collect::<String>().to_lowercase();
    let breaks = match c {
        '@' | '#' | '$' => true,
        // Addresses, `mailto:` and `:shortcode:`.
        ':' => !next.is_whitespace(),
        '.' => before.ends_with("www"),
        // `GH-12`, `GHSA-...` and what a repository links by a prefix of its own.
        '-' => (next.is_ascii_digit() && !before.is_empty()) || before.ends_with("ghsa"),
        _ => false,
    };
    // What begins a line can be structure: a list's number, its mark, an underline.
    if breaks {
        let mut inner = String::new();
        push(&mut inner, c);
        out.push_str(&apart(&inner));
    } else if at == 0 && c.is_ascii() && !c.is_ascii_alphabetic() {
        reference(out, c);
    } else {
        push(out, c);
    }
}

fn apart(markup: &str) -> String {
    format!("<span>{markup}</span>")
}

fn push(out: &mut String, c: char) {
    match c {
        '&' | '<' | '>' | '"' | '\'' | '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '^' | '=' | '@' | '#' | '$'
        | '{' | '}' => reference(out, c),
        c => out.push(c),
    }
}

fn reference(out: &mut String, c: char) {
    write!(out, "&#{};", u32::from(c)).expect("a String takes all");
}

/// Foreign text as code on one line of Markdown, a table's cell included.
pub fn code(foreign: &str) -> String {
    let line = clean::line(foreign, LINE_CHARS);
    // No escape of `|` holds in every place of a cell's code.
    if line.is_empty() || line.contains('|') {
        return code_element(&line);
    }
    let ticks = "`".repeat(longest_run(&line, '`') + 1);
    // One space on each side is taken off again; it keeps backticks at the ends apart.
    let space = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{line}{space}{ticks}")
}

/// Foreign text as code inside an HTML block, such as a fold's summary.
pub fn code_element(foreign: &str) -> String {
    let text = text(foreign);
    format!("<code>{}</code>", if text.is_empty() { "(empty)" } else { &text })
}

/// Foreign text of many lines as a block of code, made of at most `most` of its bytes; what is left out is counted in its
/// place.
pub fn fenced(foreign: &str, most: usize) -> String {
    let text = clean::terminal(&excerpt(foreign, most).replace("\r\n", "\n"));
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// The beginning and the end of a text, cut at lines where it has them, with the bytes between them counted.
pub fn excerpt(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_string();
    }
    // The end of a traceback says more than its beginning.
    let (head, tail) = (most / 3, most - most / 3);
    let mut head = text.floor_char_boundary(head);
    let mut tail = text.ceil_char_boundary(text.len() - tail);
    if let Some(end) = text[..head].rfind('\n').filter(|end| *end > head / 2) {
        head = end;
    }
    if let Some(start) = text[tail..].find('\n').filter(|start| *start < (text.len() - tail) / 2) {
        tail += start + 1;
    }
    let left_out = super::words::thousands((tail - head) as u64);
    format!("{}\n… {left_out} bytes are not shown here …\n{}", text[..head].trim_end_matches('\n'), &text[tail..])
}

fn longest_run(text: &str, wanted: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// Foreign text as a label in a mermaid diagram: letters, digits and marks that mean nothing there.
pub fn label(foreign: &str) -> String {
    let shown = |c: char| if c.is_alphanumeric() || matches!(c, ' ' | '.' | '/' | '_' | '-') { c } else { ' ' };
    let plain: String = clean::line(foreign, LABEL_CHARS).chars().map(shown).collect();
    clean::line(&plain, LABEL_CHARS)
}

const OPEN_END: &str = "\n</details>\n\n";

/// Writes Markdown blocks and never more than its limit in bytes. A block is written whole or not at all, and what was
/// opened is always closed.
#[derive(Debug)]
pub struct Budget {
    out: String,
    limit: usize,
    /// Folds that are open; the bytes that close them are kept free.
    open: usize,
    /// Bytes kept free for a sentence that is still to come.
    kept: usize,
}

impl Budget {
    pub fn new(limit: usize) -> Budget {
        Budget { out: String::new(), limit, open: 0, kept: 0 }
    }

    /// How many bytes there are for what comes next.
    pub fn room(&self) -> usize {
        self.limit.saturating_sub(self.out.len() + self.open * OPEN_END.len() + self.kept)
    }

    fn push(&mut self, piece: &str) -> bool {
        let fits = piece.len() <= self.room();
        if fits {
            self.out.push_str(piece);
        }
        fits
    }

    /// One block, whole or not at all.
    #[must_use = "a block that does not fit has to be counted"]
    pub fn block(&mut self, block: &str) -> bool {
        block.is_empty() || self.push(&format!("{block}\n\n"))
    }

    /// A fold with a line that is seen of it; `summary` is markup. Everything until `close` is inside.
    #[must_use = "a fold that does not fit has to be counted"]
    pub fn open(&mut self, summary: &str, unfolded: bool) -> bool {
        let head = format!("<details{}>\n<summary>{summary}</summary>\n\n", if unfolded { " open" } else { "" });
        let fits = head.len() + OPEN_END.len() <= self.room();
        if fits {
            self.out.push_str(&head);
            self.open += 1;
        }
        fits
    }

    pub fn close(&mut self) {
        if self.open > 0 {
            self.open -= 1;
            self.out.push_str(OPEN_END);
        }
    }

    /// As many items as fit, each with its own line end, then the `note` of how many are missing: those that did not fit
    /// and the `beyond` that the caller does not even have. The note's room is kept from the beginning.
    pub fn each<I>(&mut self, items: I, beyond: u64, note: impl Fn(u64) -> String) -> u64
    where
        I: IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
    {
        let items = items.into_iter();
        let all = items.len() as u64 + beyond;
        // A smaller number never makes a longer note.
        let kept = note(all).len() + "\n\n\n".len();
        self.kept += kept;
        let mut written = 0;
        for item in items {
            if !self.push(&item) {
                break;
            }
            written += 1;
        }
        self.kept -= kept;
        if written > 0 {
            self.push("\n");
        }
        let left_out = all - written;
        if left_out > 0 {
            self.push(&format!("{}\n\n", note(left_out)));
        }
        left_out
    }

    /// A table with as many of its rows as fit, then the note of those that are missing. No rows, no table. A column whose
    /// name ends in `>` holds numbers.
    pub fn table<I>(&mut self, columns: &[&str], rows: I, beyond: u64, note: impl Fn(u64) -> String) -> u64
    where
        I: IntoIterator<Item = String, IntoIter: ExactSizeIterator>,
    {
        let mut rows = rows.into_iter().peekable();
        let all = rows.len() as u64 + beyond;
        let names: Vec<&str> = columns.iter().map(|name| name.trim_end_matches('>')).collect();
        let sides = columns.iter().map(|name| if name.ends_with('>') { "---:|" } else { ":---|" });
        let head = format!("{}|{}\n", row(&names), sides.collect::<String>());
        let first = rows.peek().map_or(0, String::len);
        if first == 0 || head.len() + first + note(all).len() + "\n\n\n".len() > self.room() {
            return self.each([], all, note);
        }
        self.out.push_str(&head);
        self.each(rows, beyond, note)
    }

    /// Everything that was written, with all folds closed.
    pub fn finish(mut self) -> String {
        while self.open > 0 {
            self.close();
        }
        self.out
    }
}

/// One row of a table; the cells are markup.
pub fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
