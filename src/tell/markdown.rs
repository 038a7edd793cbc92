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
    let (head, tail) = (text[..head].trim_end_matches('\n'), &text[tail..]);
    let left_out = super::words::thousands((text.len() - head.len() - tail.len()) as u64);
    format!("{head}\n… {left_out} bytes are not shown here …\n{tail}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_has_no_mark_that_means_anything() {
        for (foreign, markup) in [
            ("plain words", "plain words"),
            ("a *b* <i> | `c`", "a &#42;b&#42; &#60;i&#62; &#124; &#96;c&#96;"),
            ("hi @team", "hi <span>&#64;</span>team"),
            ("see #1", "see <span>&#35;</span>1"),
            ("a:b c: d", "a<span>:</span>b c: d"),
            ("GH-1 a-b", "GH<span>-</span>1 a-b"),
            ("www.a.b", "www<span>.</span>a.b"),
            ("x 3f786850e387 y", "x 3f7868<span>50e387</span> y"),
            ("xface123 aface12", "xface123 aface1<span>2</span>"),
            ("1. a", "&#49;. a"),
            ("- a", "&#45; a"),
            ("a\r\nb\0", "a b\u{FFFD}"),
            ("", ""),
        ] {
            assert_eq!(text(foreign), markup, "{foreign:?}");
        }
    }

    #[test]
    fn code_has_as_many_backticks_as_it_needs() {
        for (foreign, markup) in [
            ("a", "`a`"),
            ("a`b", "``a`b``"),
            ("`a``", "``` `a`` ```"),
            ("a|b", "<code>a&#124;b</code>"),
            ("", "<code>(empty)</code>"),
        ] {
            assert_eq!(code(foreign), markup, "{foreign:?}");
        }
        assert_eq!(fenced("a\n```\nb\n", 99), "````text\na\n```\nb\n````");
        assert_eq!(label("a: b; \"c\" :done, 1\n%%"), "a b c done 1");
    }

    #[test]
    fn an_excerpt_says_how_much_is_missing() {
        let text = "first line\n".to_string() + &"x".repeat(1000) + "\nlast line";
        let cut = excerpt(&text, 100);
        let (head, rest) = cut.split_once("\n… ").unwrap();
        let (number, tail) = rest.split_once(" bytes are not shown here …\n").unwrap();
        let missing: usize = number.replace(',', "").parse().unwrap();
        assert!(text.starts_with(head) && text.ends_with(tail) && tail.ends_with("last line"), "{cut}");
        assert_eq!(head.len() + tail.len() + missing, text.len(), "{cut}");
        assert_eq!(excerpt("short", 5), "short");
    }

    /// A fixed sequence of numbers that look random.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    #[test]
    fn a_budget_is_never_exceeded_and_always_closed() {
        for seed in 0..3000 {
            let mut next = numbers(seed);
            let limit = next(400) as usize;
            let mut budget = Budget::new(limit);
            let mut refused = 0;
            for _ in 0..next(20) {
                let size = next(60) as usize;
                match next(5) {
                    0 => refused += u64::from(!budget.block(&"é😀".repeat(size / 6))),
                    1 => refused += u64::from(!budget.open("more", size.is_multiple_of(2))),
                    2 => budget.close(),
                    kind => {
                        let (count, beyond) = (next(9), next(3));
                        let rows = (0..count).map(|_| row(&["😀"])).collect::<Vec<_>>();
                        let note = |n| format!("{n} more.");
                        let before = budget.out.matches("| 😀 |").count() as u64;
                        let left_out = match kind {
                            3 => budget.each(rows, beyond, note),
                            _ => budget.table(&["a", "b>"], rows, beyond, note),
                        };
                        let written = budget.out.matches("| 😀 |").count() as u64 - before;
                        assert_eq!(written + left_out, count + beyond, "seed {seed}");
                    }
                }
            }
            let text = budget.finish();
            assert!(text.len() <= limit, "seed {seed}: {} of {limit} bytes, {refused} refused", text.len());
            assert_eq!(text.matches("<details").count(), text.matches("</details>").count(), "seed {seed}");
        }
    }

    #[test]
    fn the_note_has_room_whatever_came_before() {
        for limit in 60..200 {
            let mut budget = Budget::new(limit);
            let left_out =
                budget.each(vec!["0123456789\n".to_string(); 100], 7, |n| format!("{n} more are not listed."));
            let text = budget.finish();
            assert!(left_out >= 7 && text.contains(&format!("\n\n{left_out} more are not listed.")), "{limit}: {text}");
        }
    }
}
