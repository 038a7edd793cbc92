//! Cobertura XML as coverage.py, gcovr, coverlet, istanbul, SimpleCov and others write it.
//! Lines are those of `class/lines/line`; the copies under `methods` are left out, as they repeat them.
//! Shape: cobertura.github.io, coverage-04.dtd.

use super::digits;
use super::error::ReadError;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml, text, unescape};
use super::{Format, Holds};
use crate::facts::coverage::{Branches, Coverage, DeclaredCoverage};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "cobertura",
    title: "Cobertura XML",
    reads: "`class/lines/line` with hits and condition coverage, `sources`; the copies under `methods` are left out.",
    written_by: "coverage.py 5 to 7, gcovr, coverlet, istanbul, jest, vitest, SimpleCov, luacov, MATLAB, PHPUnit",
    refuses: "a class without a file name, a line without a number or hits, XML that is not well formed.",
    looks_like: |s| {
        s.syntax == Syntax::Xml && s.root == "coverage" && (s.has_inner("packages") || s.has_inner("sources"))
    },
    holds: Holds::Coverage(read),
};

/// Line numbers beyond this are no source file's. Some writers give a 0 to what they cannot place.
pub const MAX_LINE: u64 = 50_000_000;
/// The longest `<source>`: no folder's path is longer.
const MAX_SOURCE_BYTES: usize = 4096;

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut xml = Xml::new(source);
    let mut reader = Reader::default();
    loop {
        let depth = xml.depth();
        let done = match xml.next()? {
            Event::Start(tag) => reader.start(depth, &tag),
            Event::End(name) => reader.end(depth, name),
            Event::Text(raw) => {
                reader.text(&unescape(raw));
                Ok(())
            }
            Event::Cdata(raw) => {
                reader.text(text(raw));
                Ok(())
            }
            Event::Eof => break,
        };
        done.map_err(|message| ReadError::malformed(xml.line(), message))?;
    }
    let mut out = reader.out;
    out.contradictions = contradictions(&out);
    Ok(out)
}

#[derive(Default)]
struct Reader {
    out: Coverage,
    /// Slot of the open `<class>`, and its depth.
    class: Option<(usize, usize)>,
    /// Depth of the `<lines>` directly under the class, 0 outside.
    lines: usize,
    source: Option<String>,
}

impl Reader {
    fn start(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name() {
            b"line" if self.lines > 0 && depth == self.lines => self.line(tag)?,
            b"lines" if self.class.is_some_and(|(_, class)| class == depth) => self.lines = depth + 1,
            b"class" if self.class.is_some() => return Err("<class> inside a <class>".into()),
            b"class" => {
                let Some(name) = tag.get("filename") else {
                    return Err("<class> without a `filename`".into());
                };
                self.class = Some((self.out.slot(&name.replace('\\', "/")), depth + 1));
            }
            b"source" => self.source = Some(String::new()),
            b"coverage" if depth == 0 => self.root(tag),
            _ => {}
        }
        Ok(())
    }

    fn root(&mut self, tag: &Tag<'_>) {
        self.out.declared = DeclaredCoverage {
            lines_covered: tag.number("lines-covered"),
            lines_total: tag.number("lines-valid"),
            branches_covered: tag.number("branches-covered"),
            branches_total: tag.number("branches-valid"),
        };
        self.out.version = tag.get("version").map(|v| v.into_owned()).filter(|v| !v.is_empty());
    }

    fn line(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        let number = tag.raw("number").and_then(digits).filter(|n| *n <= MAX_LINE);
        let Some(number) = number else {
            return Err(format!("line number expected, found `{}`", found(tag, "number")));
        };
        let Some(covered) = tag.raw("hits").and_then(hit) else {
            return Err(format!("number of hits expected, found `{}`", found(tag, "hits")));
        };
        let (slot, _) = self.class.expect("lines stand in a class");
        let file = self.out.at(slot);
        file.lines.insert(number as u32, covered);
        if let Some((covered, total)) = tag.raw("condition-coverage").and_then(conditions) {
            let read = match tag.raw("missing-branches") {
                Some(raw) => Branches::missing(covered, total, leads_to(raw)),
                None if covered == total => Branches::missing(covered, total, Vec::new()),
                None => Branches::counted(covered, total),
            };
            file.branches.entry(number as u32).or_default().merge(&read);
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if let Some(source) = &mut self.source
            && source.len() <= MAX_SOURCE_BYTES
        {
            source.push_str(text);
        }
    }

    fn end(&mut self, depth: usize, name: &[u8]) -> Result<(), String> {
        match name {
            b"lines" if depth == self.lines => self.lines = 0,
            b"class" if self.class.is_some_and(|(_, class)| class == depth) => self.class = None,
            b"source" => {
                let source = self.source.take().unwrap_or_default();
                if source.len() > MAX_SOURCE_BYTES {
                    return Err(format!("a <source> longer than {MAX_SOURCE_BYTES} bytes"));
                }
                let source = source.trim().replace('\\', "/");
                if !source.is_empty() {
                    self.out.sources.push(source);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Was the line hit? Writers use integers, some of them beyond 64 bits, some negative for an overflow.
pub(super) fn hit(hits: &[u8]) -> Option<bool> {
    let plain = hits.strip_prefix(b"-").unwrap_or(hits);
    if plain.is_empty() || !plain.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(plain.len() == hits.len() && plain.iter().any(|&b| b != b'0'))
}

/// `50% (1/2)` as (1, 2).
fn conditions(raw: &[u8]) -> Option<(u32, u32)> {
    let (_, rest) = text(raw).split_once('(')?;
    let (covered, rest) = rest.split_once('/')?;
    let (total, _) = rest.split_once(')')?;
    let pair = (covered.trim().parse().ok()?, total.trim().parse().ok()?);
    (pair.0 <= pair.1).then_some(pair)
}

/// coverage.py's `missing-branches`: the lines that branches lead to, `exit` for the way out.
fn leads_to(raw: &[u8]) -> Vec<u32> {
    text(raw).split(',').map(|line| line.trim().parse().unwrap_or(u32::MAX)).collect()
}

fn found<'a>(tag: &Tag<'a>, name: &str) -> &'a str {
    tag.raw(name).map_or("nothing", text)
}

pub(super) fn contradictions(coverage: &Coverage) -> Vec<String> {
    let (counts, declared) = (coverage.counts(), &coverage.declared);
    [
        ("covered lines", declared.lines_covered, counts.lines_covered),
        ("lines", declared.lines_total, counts.lines_total),
        ("covered branches", declared.branches_covered, counts.branches_covered),
        ("branches", declared.branches_total, counts.branches_total),
    ]
    .into_iter()
    .filter_map(|(what, says, counted)| {
        let says = says.filter(|&says| says != counted)?;
        Some(format!("declares {says} {what}, its entries count {counted}"))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(document: &str) -> Result<Coverage, ReadError> {
        let mut source = document.as_bytes();
        read(&mut source)
    }

    #[test]
    fn a_file_in_two_classes_is_one_file_and_methods_do_not_count_twice() {
        let coverage = one("<coverage lines-valid='3' lines-covered='2'><sources><source> /src </source></sources><packages><package><classes>\
            <class filename='a\\b.cs'><methods><method><lines><line number='9' hits='1'/></lines></method></methods>\
            <lines><line number='1' hits='0'/><line number='2' hits='1' condition-coverage='50% (1/2)'/></lines></class>\
            <class filename='a/b.cs'><lines><line number='1' hits='3'/><line number='5' hits='0'/></lines></class>\
            </classes></package></packages></coverage>").unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total), (2, 3));
        assert_eq!((counts.branches_covered, counts.branches_total), (1, 2));
        assert_eq!(coverage.files().len(), 1);
        assert_eq!(coverage.sources, ["/src"]);
        assert_eq!(coverage.contradictions, Vec::<String>::new());
    }

    #[test]
    fn numbers_that_are_none_are_refused_with_their_line() {
        for (line, what) in [
            ("<line number='x' hits='1'/>", "`x`"),
            ("<line hits='1'/>", "nothing"),
            ("<line number='99999999999' hits='1'/>", "line number"),
            ("<line number='1' hits='many'/>", "`many`"),
            ("<line number='1'/>", "hits expected"),
        ] {
            let document = format!(
                "<coverage>\n<packages><class filename='a'><lines>{line}</lines></class></packages></coverage>"
            );
            let error = one(&document).unwrap_err();
            assert_eq!(error.line, Some(2));
            assert!(error.message.contains(what), "{}", error.message);
        }
    }

    #[test]
    fn a_class_in_a_class_is_refused() {
        let error = one("<coverage><class filename='a'><lines>\n<class filename='b'/><line number='1' hits='1'/></lines></class></coverage>")
            .unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (Some(2), "<class> inside a <class>"));
    }

    #[test]
    fn a_source_is_bounded() {
        let long = "p/".repeat(MAX_SOURCE_BYTES);
        let error = one(&format!("<coverage><sources><source>{long}</source></sources></coverage>")).unwrap_err();
        assert!(error.message.contains("longer than"), "{}", error.message);
    }

    #[test]
    fn hits_beyond_any_integer_are_hits() {
        assert_eq!(hit(b"340282366920938463463374607431768211456"), Some(true));
        assert_eq!(hit(b"000"), Some(false));
        assert_eq!(hit(b"-1"), Some(false));
        assert_eq!(hit(b"1e3"), None);
    }
}
