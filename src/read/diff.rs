//! `git diff` to changed lines: which lines of which file the change added, and which of them hold code; with context,
//! which of them are new and not only moved.

use crate::facts::diff::Changes;
use crate::facts::fresh::Collecting;
use std::io::{BufRead, Read};

/// A hunk header or path that is not as git writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the diff: {message}")]
pub struct DiffError {
    pub line: u64,
    pub message: String,
}

/// Reads a unified diff without context lines, as `git diff --unified=0 --no-prefix --no-color` writes it.
pub fn read(source: &mut dyn Read) -> Result<Changes, DiffError> {
    let mut out = Changes::default();
    walk(source, &mut |path, line| {
        if let (Some(path), Line::Added(number, text)) = (path, line) {
            out.add(path, number, holds_code(path, text));
        }
    })?;
    Ok(out)
}

/// Reads a unified diff with context lines, into what has been collected of the change already.
pub fn read_context(source: &mut dyn Read, out: &mut Collecting) -> Result<(), DiffError> {
    walk(source, &mut |path, line| match line {
        Line::File { is_new } => out.file(path.unwrap_or_default(), is_new),
        Line::Hunk => out.hunk(),
        Line::Context(text) => out.context(text),
        Line::Removed(text) => out.removed(text),
        Line::Added(number, text) => out.added(number, text),
    })
}

/// One thing that a diff says.
enum Line<'a> {
    /// A file of which hunks follow; one that is gone has no path.
    File {
        is_new: bool,
    },
    Hunk,
    Context(&'a [u8]),
    Removed(&'a [u8]),
    /// 1-based, in the file as it is now.
    Added(u32, &'a [u8]),
}

/// What is left of a hunk, by its header.
#[derive(Default)]
struct Left {
    old: u32,
    new: u32,
    /// The number of the next line as it is now.
    next: u32,
}

/// Hands out everything that a diff says, with the path it is of. Lines are told by the hunk's own counts: a line of a
/// file can look like a header.
fn walk(source: &mut dyn Read, each: &mut dyn FnMut(Option<&str>, Line<'_>)) -> Result<(), DiffError> {
    let mut source = std::io::BufReader::with_capacity(128 * 1024, source);
    let (mut path, mut old_is_none): (Option<String>, bool) = (None, false);
    let (mut left, mut buffer, mut number) = (Left::default(), Vec::new(), 0u64);
    loop {
        buffer.clear();
        let count = source
            .read_until(b'\n', &mut buffer)
            .map_err(|e| DiffError { line: number, message: format!("cannot be read: {e}") })?;
        if count == 0 {
            break;
        }
        number += 1;
        let line = buffer.strip_suffix(b"\n").unwrap_or(&buffer);
        let bad = |message: String| DiffError { line: number, message };
        if left.old + left.new > 0 {
            in_hunk(line, &mut left, path.as_deref(), each).map_err(bad)?;
        } else if let Some(name) = line.strip_prefix(b"--- ") {
            old_is_none = name.trim_ascii() == b"/dev/null";
        } else if let Some(name) = line.strip_prefix(b"+++ ") {
            path = new_path(name);
            each(path.as_deref(), Line::File { is_new: old_is_none });
        } else if line.starts_with(b"@@ ") {
            let (old, next, new) = hunk(line).ok_or_else(|| bad("no hunk header".into()))?;
            left = Left { old, new, next };
            each(path.as_deref(), Line::Hunk);
        }
    }
    if left.old + left.new > 0 {
        return Err(DiffError { line: number, message: "the diff ends inside a hunk".into() });
    }
    Ok(())
}

/// One line of a hunk.
fn in_hunk(
    line: &[u8],
    left: &mut Left,
    path: Option<&str>,
    each: &mut dyn FnMut(Option<&str>, Line<'_>),
) -> Result<(), String> {
    match line.split_first() {
        Some((b'-', text)) if left.old > 0 => {
            left.old -= 1;
            each(path, Line::Removed(text));
        }
        Some((b'+', text)) if left.new > 0 => {
            if path.is_none() {
                return Err("a hunk before any file".into());
            }
            each(path, Line::Added(left.next, text));
            left.next += 1;
            left.new -= 1;
        }
        Some((b' ', text)) if left.old > 0 && left.new > 0 => {
            each(path, Line::Context(text));
            left.next += 1;
            (left.old, left.new) = (left.old - 1, left.new - 1);
        }
        // `\ No newline at end of file`
        Some((b'\\', _)) => {}
        _ => return Err(format!("{} more removed and {} more added lines expected", left.old, left.new)),
    }
    Ok(())
}

/// `@@ -a,b +c,d @@`: removed lines, first added line, added lines.
fn hunk(line: &[u8]) -> Option<(u32, u32, u32)> {
    let text = std::str::from_utf8(line.get(3..)?.split(|&b| b == b'@').next()?).ok()?;
    let (old, new) = text.trim().split_once(' ')?;
    let count = |side: &str| -> Option<(u32, u32)> {
        match side.split_once(',') {
            Some((from, count)) => Some((from.parse().ok()?, count.parse().ok()?)),
            None => Some((side.parse().ok()?, 1)),
        }
    };
    let (_, removed) = count(old.strip_prefix('-')?)?;
    let (from, added) = count(new.strip_prefix('+')?)?;
    // No line lies beyond the numbers; nor do more lines than there are numbers.
    from.checked_add(added)?.checked_add(removed)?;
    Some((removed, from, added))
}

/// The path behind `+++ `; git quotes names with special bytes (quote.c), and ends those that hold a space with a tab.
fn new_path(name: &[u8]) -> Option<String> {
    let name = name.strip_suffix(b"\r").unwrap_or(name);
    if name == b"/dev/null" {
        return None;
    }
    let name = name.strip_suffix(b"\t").unwrap_or(name);
    let Some(quoted) = name.strip_prefix(b"\"").and_then(|n| n.strip_suffix(b"\"")) else {
        return Some(String::from_utf8_lossy(name).into_owned());
    };
    let mut out = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next()? {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b't' => out.push(b'\t'),
            b'n' => out.push(b'\n'),
            b'v' => out.push(11),
            b'f' => out.push(12),
            b'r' => out.push(b'\r'),
            octal @ b'0'..=b'3' => {
                let digits = [octal, bytes.next()?, bytes.next()?];
                out.push(digits.iter().try_fold(0u8, |n, d| Some((n << 3) | d.checked_sub(b'0').filter(|d| *d < 8)?))?);
            }
            other => out.push(other),
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// Is an added line more than blank or a comment of its own? A file that no report knows is judged by these.
pub fn holds_code(path: &str, line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let comment: &[u8] = match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "py" | "pyi" | "pyx" | "rb" | "sh" => b"#",
        _ => b"//",
    };
    !line.is_empty() && !line.starts_with(comment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Changes, DiffError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    #[test]
    fn added_lines_are_found_whatever_they_say() {
        let changes = one("diff --git a.py a.py\n--- a.py\n+++ a.py\n@@ -1,2 +1,3 @@ def f():\n--- x\n-y\n++++ b.py\n+\n+# c\n\
            @@ -9 +10 @@\n-old\n+new\n\\ No newline at end of file\ndiff --git b.py b.py\ndeleted file mode 100644\n--- b.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n\
            diff --git x x\n--- /dev/null\n+++ \"s\\303\\274\\\\ \\\"q.py\"\n@@ -0,0 +1 @@\n+1\n").unwrap();
        let a = changes.get("a.py").unwrap();
        assert_eq!(a.lines().collect::<Vec<_>>(), [(1, true), (2, false), (3, false), (10, true)]);
        assert!(changes.get("b.py").is_none());
        assert!(changes.get("sü\\ \"q.py").is_some());
    }

    #[test]
    fn names_are_read_as_git_writes_them() {
        // Written by git 2.39: a quoted name with a space ends with a tab behind its quote.
        for (written, name) in [
            ("\"s\\303\\274 x.py\"\t", "sü x.py"),
            ("\"new \\\"q\\\".py\"\t", "new \"q\".py"),
            ("\"be\\all.py\"", "be\u{7}ll.py"),
            ("\"\\a\\b\\t\\n\\v\\f\\r\\\\\"", "\u{7}\u{8}\t\n\u{b}\u{c}\r\\"),
            ("sp ace.py\t", "sp ace.py"),
        ] {
            let changes = one(&format!("+++ {written}\n@@ -0,0 +1 @@\n+1\n")).unwrap();
            assert_eq!(changes.files().map(|(path, _)| path).collect::<Vec<_>>(), [name]);
        }
    }

    #[test]
    fn with_context_the_lines_that_only_moved_are_left_out() {
        let mut out = Collecting::default();
        let text = "--- a.py\n+++ a.py\n@@ -1,4 +1,3 @@\n one\n-password = \"x y z\"\n-two\n+three\n four\n\
            --- /dev/null\n+++ b.py\n@@ -0,0 +1,2 @@\n+password = \"x y z\"\n+other = \"x y z\"\n";
        read_context(&mut text.as_bytes(), &mut out).unwrap();
        let fresh = out.finish();
        assert!(fresh.is_new("a.py", Some(2)) && !fresh.is_new("a.py", Some(1)) && !fresh.is_new("a.py", Some(3)));
        assert!(!fresh.is_new("b.py", Some(1)) && fresh.is_new("b.py", Some(2)));
        let cut = read_context(&mut &text.as_bytes()[..60], &mut Collecting::default()).unwrap_err();
        assert_eq!(cut.message, "the diff ends inside a hunk");
    }

    #[test]
    fn a_diff_that_was_cut_is_refused() {
        let error = one("+++ a.py\n@@ -0,0 +1,3 @@\n+1\n").unwrap_err();
        assert_eq!(error.message, "the diff ends inside a hunk");
        assert_eq!(one("+++ a.py\n@@ -0,0 +1,3 @@\n+1\nother\n").unwrap_err().line, 4);
        assert_eq!(one("+++ a.py\n@@ -1,2 +0,0 @@\n-1\n").unwrap_err().message, "the diff ends inside a hunk");
        assert_eq!(one("+++ a.py\n@@ -1,2 +0,0 @@\n-1\n+++ b.py\n").unwrap_err().line, 4);
        assert_eq!(one("+++ a.py\n@@ -0,0 +4294967295,2 @@\n+1\n+2\n").unwrap_err().message, "no hunk header");
        assert_eq!(one("+++ a.py\n@@ nonsense @@\n").unwrap_err().message, "no hunk header");
    }
}
