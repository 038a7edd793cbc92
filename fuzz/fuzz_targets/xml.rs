//! The XML reader against quick-xml: the same verdict on well-formedness, the same elements, attributes and text.
//!
//! quick-xml leaves to its callers what concerns the whole document (one root, no text outside of it, nothing
//! open at the end) and what stands in values; `second_opinion` asks for these too. What remains is in two lists:
//!
//! - `STRICTER`: where we refuse and quick-xml does not, with the reason of each;
//! - where we are as lax as quick-xml, and XML 1.0 is not: names may hold any character beyond ASCII; an XML
//!   declaration may stand behind white space or a second time, and its attributes are not read (a report is UTF-8
//!   or refused); the parts of a document type are not looked at, and there may be several. None of these can hide
//!   or invent an element.
#![no_main]

use qte_ci::read::xml::{Event, Xml, text, unescape};
use qte_ci::read::{ErrorKind, ReadError};
use qte_ci_fuzz::pieces::{Pieces, sizes};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event as Other};
use quick_xml::reader::Reader;
use std::io::Read;

/// Parts of our messages where we refuse what quick-xml takes, and why.
const STRICTER: &[(&str, &str)] = &[
    ("deeper than", "memory: nesting is bounded"),
    ("a name longer than", "memory: the names of open elements are kept"),
    ("attributes in one tag", "time: each is compared with those before it"),
    ("declares its own entities", "no report writer does; entity bombs do"),
    ("control character", "XML 1.0, section 2.2; quick-xml does not check characters"),
    ("`]]>` in text", "XML 1.0, [14] CharData; quick-xml does not look for it"),
    ("is no entity reference", "quick-xml takes character references that section 2.2 forbids, and signs"),
    ("begins no tag", "XML 1.0, [5] Name; quick-xml takes any bytes as a name"),
    ("an attribute without a name", "the same"),
    ("without a value", "the same: a name ends where its characters do"),
    ("no space before an attribute", "XML 1.0, [40] STag; quick-xml takes `a='1'b='2'`"),
    ("`/` inside a tag", "the same as for names"),
    ("`<` in the value", "XML 1.0, [10] AttValue"),
    ("`<` inside an end tag", "XML 1.0, [42] ETag"),
    ("a processing instruction without a name", "XML 1.0, [17] PITarget"),
    (
        "that begins no comment",
        "XML 1.0, [28]: `<!DOCTYPE` in capitals and before the root; [20]: `<![CDATA[` in capitals",
    ),
    ("a document type without a name", "XML 1.0, [28]"),
    ("`<` inside the document type", "XML 1.0, [28]"),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let ours = read(&mut &bytes[..]);
    assert_eq!(ours, read(&mut Pieces::new(bytes, &[0])), "in single bytes");
    assert_eq!(ours, read(&mut Pieces::new(bytes, sizes(bytes))), "in pieces");
    match (ours, second_opinion(bytes)) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (Ok(_), Err(why)) => panic!("accepted, and quick-xml refuses: {why}"),
        (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => {
            let known = STRICTER.iter().any(|(part, _)| error.message.contains(part));
            assert!(known, "refused ({error}), and quick-xml accepts");
        }
    }
});

/// A document as its elements, attributes and text. Blanks are left out of values and text: both sides may
/// normalise them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Document(Vec<String>);

impl Document {
    fn push(&mut self, kind: &str, what: &str) {
        self.0.push(format!("{kind}{what}"));
    }

    /// Text comes in pieces: neighbours are joined.
    fn text(&mut self, piece: &str) {
        let solid: String = piece.chars().filter(|c| !c.is_whitespace()).collect();
        match self.0.last_mut() {
            Some(last) if last.starts_with('=') => last.push_str(&solid),
            _ if solid.is_empty() => {}
            _ => self.push("=", &solid),
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let solid: String = value.chars().filter(|c| !c.is_whitespace()).collect();
        self.push("@", &format!("{name} {solid}"));
    }
}

fn read(source: &mut dyn Read) -> Result<Document, ReadError> {
    let mut xml = Xml::new(source);
    let mut out = Document::default();
    let mut depth = 0;
    loop {
        assert_eq!(xml.depth(), depth);
        match xml.next() {
            Ok(Event::Start(tag)) => {
                depth += 1;
                out.push("<", text(tag.name()));
                for (name, value) in tag.attributes() {
                    out.attribute(name, &unescape(value));
                    assert_eq!(tag.raw(name), Some(value), "attribute `{name}` is not found by its name");
                }
            }
            Ok(Event::End(name)) => {
                depth -= 1;
                out.push(">", text(name));
            }
            Ok(Event::Text(piece)) => out.text(&unescape(piece)),
            Ok(Event::Cdata(piece)) => out.text(text(piece)),
            Ok(Event::Eof) => {
                assert_eq!(depth, 0);
                return Ok(out);
            }
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::Malformed | ErrorKind::TooLarge));
                assert!(error.line.is_some_and(|line| line > 0));
                return Err(error);
            }
        }
    }
}

/// What quick-xml finds, with what it leaves to its callers.
fn second_opinion(bytes: &[u8]) -> Result<Document, String> {
    let document = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
    let mut reader = Reader::from_str(document);
    reader.config_mut().enable_all_checks(true);
    let mut out = Document::default();
    let (mut depth, mut roots) = (0usize, 0usize);
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Other::Start(tag) => {
                roots += usize::from(depth == 0);
                depth += 1;
                start(&mut out, &tag)?;
            }
            Other::Empty(tag) => {
                roots += usize::from(depth == 0);
                start(&mut out, &tag)?;
                out.push(">", tag.local_name().into_inner());
            }
            Other::End(tag) => {
                depth -= 1;
                out.push(">", tag.local_name().into_inner());
            }
            Other::Text(piece) if depth > 0 => out.text(&piece),
            Other::Text(piece) if piece.trim_ascii().is_empty() => {}
            Other::CData(piece) if depth > 0 => out.text(&piece),
            Other::GeneralRef(name) if depth > 0 => {
                let reference = format!("&{};", &*name);
                out.text(&quick_xml::escape::unescape(&reference).map_err(|e| e.to_string())?);
            }
            Other::Text(_) | Other::CData(_) | Other::GeneralRef(_) => return Err("text outside of the root".into()),
            Other::DocType(_) if roots > 0 => return Err("a document type behind the root".into()),
            Other::DocType(_) | Other::Decl(_) | Other::Comment(_) | Other::PI(_) => {}
            Other::Eof => break,
        }
    }
    match (depth, roots) {
        (0, 1) => Ok(out),
        (0, _) => Err(format!("{roots} roots")),
        _ => Err(format!("{depth} elements are open at the end")),
    }
}

fn start(out: &mut Document, tag: &BytesStart<'_>) -> Result<(), String> {
    out.push("<", tag.local_name().into_inner());
    for attribute in tag.attributes().with_checks(true) {
        let attribute = attribute.map_err(|e| e.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| e.to_string())?;
        out.attribute(attribute.key.into_inner(), &value);
    }
    Ok(())
}
