//! What a file looks like from its first bytes: enough to tell formats apart without trying parsers.

use super::xml::{Event, Xml, text};

/// The outline of a report.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shape {
    pub syntax: Syntax,
    /// XML: the root element. JSON: empty. Text: the first line that is not blank.
    pub root: String,
    /// XML: the root's attributes. JSON: the keys of the (first) object.
    pub keys: Vec<String>,
    /// XML: the names of the root's first children. JSON: the keys of the first object inside, also of a list. Text:
    /// `bench` where a tool tells of a benchmark.
    pub inner: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    #[default]
    Empty,
    Xml,
    JsonObject,
    JsonArray,
    /// One JSON object a line.
    JsonLines,
    Text,
}

/// How many children and keys are looked at.
const LOOKED_AT: usize = 64;

impl Shape {
    /// Of the first bytes of a file.
    pub fn of(head: &[u8]) -> Shape {
        let head = head.strip_prefix(super::BYTE_ORDER_MARK).unwrap_or(head).trim_ascii_start();
        match head.first() {
            None => Shape::default(),
            Some(b'<') => xml(head),
            Some(b'{' | b'[') => json(head),
            Some(_) => text_shape(head),
        }
    }

    pub fn has_keys(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.keys.iter().any(|k| k == key))
    }

    pub fn has_inner(&self, name: &str) -> bool {
        self.inner.iter().any(|n| n == name)
    }
}

fn text_shape(head: &[u8]) -> Shape {
    let mut lines = head.split(|&b| b == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let bench = lines.any(super::bench::is_result).then(|| "bench".to_string());
    Shape { syntax: Syntax::Text, root: first_line(head), inner: bench.into_iter().collect(), ..Shape::default() }
}

fn first_line(head: &[u8]) -> String {
    let line = head.split(|&b| b == b'\n').next().unwrap_or(head);
    String::from_utf8_lossy(&line[..line.len().min(200)]).trim_end().to_string()
}

fn xml(head: &[u8]) -> Shape {
    let mut shape = Shape { syntax: Syntax::Xml, ..Shape::default() };
    let mut source = head;
    let mut xml = Xml::new(&mut source);
    // The head may end anywhere, and may be damaged behind the root: what was seen until then counts.
    loop {
        let depth = xml.depth();
        match xml.next() {
            Ok(Event::Start(tag)) if depth == 0 => {
                shape.root = text(tag.name()).to_string();
                shape.keys = tag.attributes().take(LOOKED_AT).map(|(name, _)| name.to_string()).collect();
            }
            Ok(Event::Start(tag)) if depth == 1 && shape.inner.len() < LOOKED_AT => {
                let name = text(tag.name());
                if !shape.has_inner(name) {
                    shape.inner.push(name.to_string());
                }
            }
            Ok(Event::Eof) | Err(_) => return shape,
            Ok(_) => {}
        }
    }
}

/// Keys of the outermost object and of the first object inside it, by brackets and strings alone.
fn json(head: &[u8]) -> Shape {
    let array = head[0] == b'[';
    let mut shape = Shape { syntax: if array { Syntax::JsonArray } else { Syntax::JsonObject }, ..Shape::default() };
    let (mut depth, mut at) = (0usize, 0usize);
    // The depth of the first object inside while it is open.
    let (mut inner, mut closed_inner) = (None, false);
    let outer = if array { 2 } else { 1 };
    while at < head.len() {
        match head[at] {
            b'"' => {
                let Some((text, next)) = string(head, at) else { return shape };
                at = next;
                if !is_key(head, at) {
                    continue;
                }
                let keys = if depth == outer { &mut shape.keys } else { &mut shape.inner };
                let wanted = depth == outer || (inner == Some(depth) && !closed_inner);
                if wanted && keys.len() < LOOKED_AT && !keys.contains(&text) {
                    keys.push(text);
                }
                continue;
            }
            byte @ (b'{' | b'[') => {
                depth += 1;
                if byte == b'{' && depth > outer {
                    inner = inner.or(Some(depth));
                }
            }
            b'}' | b']' => {
                if inner == Some(depth) {
                    closed_inner |= !shape.inner.is_empty();
                    inner = None;
                }
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    let rest = head[at + 1..].trim_ascii_start();
                    if !array && rest.first() == Some(&b'{') {
                        shape.syntax = Syntax::JsonLines;
                    }
                    return shape;
                }
            }
            _ => {}
        }
        at += 1;
    }
    shape
}

/// The string that begins at `at`, and where it ends.
fn string(head: &[u8], at: usize) -> Option<(String, usize)> {
    let mut end = at + 1;
    loop {
        match head.get(end)? {
            b'"' => return Some((String::from_utf8_lossy(&head[at + 1..end]).into_owned(), end + 1)),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
}

fn is_key(head: &[u8], at: usize) -> bool {
    head[at..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_needs_no_whole_file() {
        let shape = Shape::of(b"\xEF\xBB\xBF\n<?xml version='1.0'?><coverage line-rate='1'><sources/><packages><pack");
        assert_eq!((shape.syntax, shape.root.as_str()), (Syntax::Xml, "coverage"));
        assert_eq!(
            (shape.keys, shape.inner),
            (vec!["line-rate".to_string()], vec!["sources".to_string(), "packages".to_string()])
        );

        let shape = Shape::of(br#"{"meta": {"a\"b": 1, "version": {"x": 1}}, "files": {"f.py": {"#);
        assert_eq!(shape.keys, ["meta", "files"]);
        assert_eq!(shape.inner[1], "version");
        assert_eq!(
            Shape::of(br#"{"data": [[], {}, {"files": [{"x": 1}], "y": {"z": 1}}, {"w": 1}"#).inner,
            ["files", "y"]
        );
        assert_eq!(Shape::of(b"[{\"filePath\": \"a\"").keys, ["filePath"]);
        assert_eq!(Shape::of(b"{\"a\":1}\n{\"a\":2}").syntax, Syntax::JsonLines);
        assert_eq!(Shape::of(b" \n ").syntax, Syntax::Empty);
        assert_eq!(Shape::of(b"\nSF:a\n").root, "SF:a");
        assert!(Shape::of(b"running 1 test\ntest a ... bench:  135 ns/iter (+/- 24)").has_inner("bench"));
        assert!(!Shape::of(b"running 1 test\ntest bench: ... ok").has_inner("bench"));
    }
}
