//! A streaming XML reader for reports: bounded memory, well-formedness checked, places in errors.
//! It differs from a general parser in what it refuses (entity declarations are not expanded, nesting and
//! tags are bounded) and in handing out text in pieces, so that a test that printed a gigabyte costs a window.
//! The well-formedness rules are those of XML 1.0 (W3C, fifth edition); the fuzz target `xml` holds it
//! against an independent parser.

use super::error::ReadError;
use super::input::{Controls, Input};
use memchr::{memchr, memchr2, memchr3, memmem};
use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

/// The deepest nesting that is accepted.
const MAX_DEPTH: usize = 256;
/// The longest name of an element; those of the open ones are kept.
const MAX_NAME_BYTES: usize = 4096;
/// The most attributes of one tag; each is compared with those before it.
const MAX_ATTRIBUTES: usize = 256;
/// The longest entity reference, such as `&#x10FFFF;`.
const MAX_REFERENCE_BYTES: usize = 16;
/// White space between two tags is left out up to this length.
const LAYOUT_BYTES: usize = 4096;

/// What comes next. Every `Start` is followed by its `End`, also for `<empty/>`.
#[derive(Debug)]
pub enum Event<'a> {
    Start(Tag<'a>),
    /// The local name of the element that ends.
    End(&'a [u8]),
    /// A piece of text; entity references are not yet resolved (see [`unescape`]).
    /// White space alone between two tags is left out (up to [`LAYOUT_BYTES`]).
    Text(&'a [u8]),
    /// A piece of a CDATA section, as it is.
    Cdata(&'a [u8]),
    Eof,
}

/// A start tag. Names and values are bytes of checked UTF-8: most are only compared or counted.
#[derive(Debug)]
pub struct Tag<'a> {
    bytes: &'a [u8],
    name: Range<usize>,
    attributes: &'a [Attribute],
}

#[derive(Debug, Clone)]
struct Attribute {
    name: Range<usize>,
    value: Range<usize>,
}

impl<'a> Tag<'a> {
    /// The name without its namespace prefix.
    pub fn name(&self) -> &'a [u8] {
        local(&self.bytes[self.name.clone()])
    }

    /// The raw value of an attribute, named without prefix.
    pub fn raw(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.attributes.iter().find(|a| &self.bytes[a.name.clone()] == name.as_bytes())?;
        Some(&self.bytes[found.value.clone()])
    }

    /// The value of an attribute with its entities resolved.
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(unescape)
    }

    /// The value of an attribute as an unsigned number, where it is one.
    pub fn number(&self, name: &str) -> Option<u64> {
        super::digits(self.raw(name)?.trim_ascii())
    }

    /// Names and raw values in order.
    pub fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.attributes.iter().map(|a| (text(&self.bytes[a.name.clone()]), &self.bytes[a.value.clone()]))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Content,
    Cdata,
    /// An empty tag was given out; its end is due.
    EmptyEnd,
}

/// The reader.
pub struct Xml<'r> {
    input: Input<'r>,
    /// Bytes of the last event, passed at the next call.
    pending: usize,
    state: State,
    /// The names of the open elements, one behind the other.
    open: Vec<u8>,
    depths: Vec<usize>,
    /// Where the name of the element that ended last begins in `open`: it stays readable until the next call.
    ended: Option<usize>,
    attributes: Vec<Attribute>,
    seen_root: bool,
    begun: bool,
    /// The last event was a tag: white space up to the next one is layout.
    after_tag: bool,
}

impl<'r> Xml<'r> {
    pub fn new(source: &'r mut dyn Read) -> Xml<'r> {
        Xml {
            input: Input::new(source, Controls::Refused),
            pending: 0,
            state: State::Content,
            open: Vec::new(),
            depths: Vec::new(),
            ended: None,
            attributes: Vec::new(),
            seen_root: false,
            begun: false,
            after_tag: true,
        }
    }

    /// The line of the last event.
    pub fn line(&self) -> u64 {
        self.input.line()
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.depths.len()
    }

    #[allow(clippy::should_implement_trait)] // lends from itself, which an Iterator cannot
    pub fn next(&mut self) -> Result<Event<'_>, ReadError> {
        self.input.advance(std::mem::take(&mut self.pending));
        if let Some(from) = self.ended.take() {
            self.open.truncate(from);
        }
        if !self.begun {
            self.begin()?;
        }
        match self.state {
            State::EmptyEnd => {
                self.state = State::Content;
                return self.end_event(0);
            }
            State::Cdata => {
                if let Some(length) = self.cdata_piece()? {
                    self.pending = length;
                    return Ok(Event::Cdata(&self.input.bytes()[..length]));
                }
            }
            State::Content => {}
        }
        loop {
            if self.input.bytes().is_empty() && !self.input.fill()? {
                return self.eof();
            }
            if self.input.bytes()[0] != b'<' {
                if self.depths.is_empty() {
                    self.outside_text()?;
                    continue;
                }
                if self.after_tag && self.layout()? {
                    continue;
                }
                self.after_tag = false;
                let length = self.text_piece()?;
                self.pending = length;
                return Ok(Event::Text(&self.input.bytes()[..length]));
            }
            match self.at_least(2)?.get(1) {
                Some(b'/') => {
                    self.after_tag = true;
                    return self.end_tag();
                }
                Some(b'!') => {
                    if self.declaration()?
                        && let Some(length) = self.cdata_piece()?
                    {
                        self.pending = length;
                        return Ok(Event::Cdata(&self.input.bytes()[..length]));
                    }
                }
                Some(b'?') => self.instruction()?,
                Some(_) => {
                    self.after_tag = true;
                    return self.start_tag();
                }
                None => return Err(self.cut("a tag")),
            }
        }
    }

    /// Skips a byte order mark.
    fn begin(&mut self) -> Result<(), ReadError> {
        self.begun = true;
        // One character: the input hands it out whole.
        if self.at_least(1)?.starts_with(super::BYTE_ORDER_MARK) {
            self.input.advance(super::BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    fn eof(&mut self) -> Result<Event<'static>, ReadError> {
        if let Some(name) = self.innermost() {
            let message = format!("the file ends inside <{name}>: it was cut, or its writer was stopped");
            return Err(self.error(message));
        }
        if !self.seen_root {
            return Err(self.error("no element"));
        }
        Ok(Event::Eof)
    }

    fn error(&self, message: impl Into<String>) -> ReadError {
        ReadError::malformed(self.input.line(), message)
    }

    fn error_at(&self, offset: usize, message: impl Into<String>) -> ReadError {
        ReadError::malformed(self.input.line_at(offset), message)
    }

    fn cut(&self, what: &str) -> ReadError {
        self.error_at(usize::MAX, format!("the file ends inside {what}: it was cut, or its writer was stopped"))
    }

    fn innermost(&self) -> Option<&str> {
        let &from = self.depths.last()?;
        Some(text(&self.open[from..]))
    }

    fn at_least(&mut self, count: usize) -> Result<&[u8], ReadError> {
        while self.input.bytes().len() < count && self.input.fill()? {}
        Ok(self.input.bytes())
    }

    /// Passes white space up to the next tag; `false` where something else follows.
    fn layout(&mut self) -> Result<bool, ReadError> {
        loop {
            let bytes = self.input.bytes();
            let blank = spaces(&bytes[..bytes.len().min(LAYOUT_BYTES)]);
            let next = bytes.get(blank).copied();
            match next {
                _ if blank == LAYOUT_BYTES => return Ok(false),
                Some(b'<') => {
                    self.input.advance(blank);
                    return Ok(true);
                }
                Some(_) => return Ok(false),
                None if self.input.fill()? => {}
                None => return Ok(false),
            }
        }
    }

    /// The length of the text at hand: up to the next `<`, or what the window holds, never splitting a reference
    /// or a `]]>`.
    fn text_piece(&mut self) -> Result<usize, ReadError> {
        let mut last = false;
        loop {
            let bytes = self.input.bytes();
            let tag = memchr(b'<', bytes);
            let length = self.check_text(&bytes[..tag.unwrap_or(bytes.len())], last || tag.is_some())?;
            if length > 0 {
                return Ok(length);
            }
            last = !self.input.fill()?;
        }
    }

    /// Checks references and `]]>`; gives how much of the text is complete. `whole`: the text ends here.
    fn check_text(&self, bytes: &[u8], whole: bool) -> Result<usize, ReadError> {
        let bracket = memchr(b']', bytes).and_then(|_| memmem::find(bytes, b"]]>"));
        let end = match bracket {
            Some(at) => at,
            None if whole => bytes.len(),
            None => bytes.len() - bytes.iter().rev().take(2).take_while(|&&b| b == b']').count(),
        };
        let mut from = 0;
        while let Some(found) = memchr(b'&', &bytes[from..end]) {
            let at = from + found;
            match reference(&bytes[at..end]) {
                Reference::Known(length, _) => from = at + length,
                Reference::Open if whole || bracket.is_some() => {
                    return Err(self.error_at(at, "`&` that begins no entity reference"));
                }
                Reference::Open => return Ok(at),
                Reference::Bad => return Err(self.error_at(at, bad_reference(&bytes[at..end]))),
            }
        }
        match bracket {
            Some(at) => Err(self.error_at(at, "`]]>` in text")),
            None => Ok(end),
        }
    }

    /// Passes what stands before or behind the root, up to the next `<`: white space.
    fn outside_text(&mut self) -> Result<(), ReadError> {
        let bytes = self.input.bytes();
        let length = memchr(b'<', bytes).unwrap_or(bytes.len());
        match bytes[..length].iter().position(|b| !b.is_ascii_whitespace()) {
            None => {
                self.input.advance(length);
                Ok(())
            }
            Some(at) if self.seen_root => Err(self.error_at(at, "text behind the last element")),
            Some(at) => Err(self.error_at(at, "text before the first element: not XML")),
        }
    }

    /// A piece of the CDATA section; `None` when it has ended.
    fn cdata_piece(&mut self) -> Result<Option<usize>, ReadError> {
        loop {
            let bytes = self.input.bytes();
            match memmem::find(bytes, b"]]>") {
                Some(0) => {
                    self.input.advance(3);
                    self.state = State::Content;
                    return Ok(None);
                }
                Some(length) => return Ok(Some(length)),
                None => {
                    // The last two bytes may be the beginning of the end.
                    let mut whole = bytes.len().saturating_sub(2);
                    while whole > 0 && bytes[whole] & 0xC0 == 0x80 {
                        whole -= 1;
                    }
                    if whole > 0 {
                        return Ok(Some(whole));
                    }
                }
            }
            if !self.input.fill()? {
                return Err(self.cut("a CDATA section"));
            }
        }
    }

    /// A comment or document type is skipped; `true` when a CDATA section begins.
    fn declaration(&mut self) -> Result<bool, ReadError> {
        let bytes = self.at_least(9)?;
        if bytes.starts_with(b"<!--") {
            self.comment()?;
            return Ok(false);
        }
        if bytes.starts_with(b"<![CDATA[") {
            if self.depths.is_empty() {
                return Err(self.error("a CDATA section outside of any element"));
            }
            self.input.advance(9);
            self.state = State::Cdata;
            return Ok(true);
        }
        if bytes.starts_with(b"<!DOCTYPE") && !self.seen_root {
            self.doctype()?;
            return Ok(false);
        }
        Err(self.error("`<!` that begins no comment, CDATA section or document type"))
    }

    fn comment(&mut self) -> Result<(), ReadError> {
        self.input.advance(4);
        loop {
            let bytes = self.input.bytes();
            if let Some(at) = memmem::find(bytes, b"--") {
                self.input.advance(at);
                if self.at_least(3)?.get(2) != Some(&b'>') {
                    return Err(self.error("`--` inside a comment"));
                }
                self.input.advance(3);
                return Ok(());
            }
            let keep = bytes.len().min(1);
            self.input.advance(bytes.len() - keep);
            if !self.input.fill()? {
                return Err(self.cut("a comment"));
            }
        }
    }

    fn skip_to(&mut self, end: &[u8], what: &str) -> Result<(), ReadError> {
        loop {
            let bytes = self.input.bytes();
            if let Some(at) = memmem::find(bytes, end) {
                self.input.advance(at + end.len());
                return Ok(());
            }
            let keep = bytes.len().min(end.len() - 1);
            self.input.advance(bytes.len() - keep);
            if !self.input.fill()? {
                return Err(self.cut(what));
            }
        }
    }

    /// Skips `<?name …?>`.
    fn instruction(&mut self) -> Result<(), ReadError> {
        let name = match self.at_least(3)?.get(2..) {
            None | Some([]) => return Err(self.cut("a processing instruction")),
            Some(rest) => name_length(rest),
        };
        if name == 0 {
            return Err(self.error("a processing instruction without a name"));
        }
        self.input.advance(3);
        self.skip_to(b"?>", "a processing instruction")
    }

    /// Skips `<!DOCTYPE …>`. An internal subset could declare entities, which no report writer does: refused.
    fn doctype(&mut self) -> Result<(), ReadError> {
        let mut at = b"<!DOCTYPE".len();
        let mut quote = None;
        loop {
            while let Some(&byte) = self.input.bytes().get(at) {
                match (quote, byte) {
                    (Some(open), _) if open == byte => quote = None,
                    (Some(_), _) => {}
                    (None, b'"' | b'\'') => quote = Some(byte),
                    (None, b'>') => return self.end_doctype(at),
                    (None, b'[') => {
                        return Err(self.error_at(at, "a document type that declares its own entities"));
                    }
                    (None, b'<') => return Err(self.error_at(at, "`<` inside the document type")),
                    (None, _) => {}
                }
                at += 1;
            }
            if !self.input.fill()? {
                return Err(self.cut("the document type"));
            }
        }
    }

    fn end_doctype(&mut self, end: usize) -> Result<(), ReadError> {
        let inside = &self.input.bytes()[b"<!DOCTYPE".len()..end];
        let blank = spaces(inside);
        if blank == 0 || name_length(&inside[blank..]) == 0 {
            return Err(self.error("a document type without a name"));
        }
        self.input.advance(end + 1);
        Ok(())
    }

    fn start_tag(&mut self) -> Result<Event<'_>, ReadError> {
        if self.depths.is_empty() && self.seen_root {
            return Err(self.error("a second root element"));
        }
        if self.depths.len() >= MAX_DEPTH {
            let message = format!("elements nested deeper than {MAX_DEPTH}");
            return Err(ReadError::too_large(self.input.line(), message));
        }
        let (name, length, empty) = loop {
            match scan_tag(self.input.bytes(), &mut self.attributes) {
                Scan::Tag { name, length, empty } => break (name, length, empty),
                Scan::Bad(at, message) => return Err(self.error_at(at, message)),
                Scan::Large => {
                    let message = format!("more than {MAX_ATTRIBUTES} attributes in one tag");
                    return Err(ReadError::too_large(self.input.line(), message));
                }
                Scan::More => {
                    if !self.input.fill()? {
                        return Err(self.cut("a tag"));
                    }
                }
            }
        };
        if name.len() > MAX_NAME_BYTES {
            let message = format!("a name longer than {MAX_NAME_BYTES} bytes");
            return Err(ReadError::too_large(self.input.line(), message));
        }
        self.seen_root = true;
        self.depths.push(self.open.len());
        self.open.extend_from_slice(&self.input.bytes()[name.clone()]);
        self.state = if empty { State::EmptyEnd } else { State::Content };
        self.pending = length;
        Ok(Event::Start(Tag { bytes: &self.input.bytes()[..length], name, attributes: &self.attributes }))
    }

    fn end_tag(&mut self) -> Result<Event<'_>, ReadError> {
        let length = loop {
            match memchr2(b'>', b'<', &self.input.bytes()[2..]) {
                Some(at) if self.input.bytes()[2 + at] == b'>' => break at + 3,
                Some(_) => return Err(self.error("`<` inside an end tag")),
                None => {
                    if !self.input.fill()? {
                        return Err(self.cut("an end tag"));
                    }
                }
            }
        };
        let name = self.input.bytes()[2..length - 1].trim_ascii_end();
        if self.depths.last().map(|&from| &self.open[from..]) != Some(name) {
            let message = match self.innermost() {
                Some(open) => format!("</{}> where </{open}> is due", text(name)),
                None => format!("</{}> without a start tag", text(name)),
            };
            return Err(self.error(message));
        }
        self.end_event(length)
    }

    fn end_event(&mut self, length: usize) -> Result<Event<'_>, ReadError> {
        self.pending = length;
        let from = self.depths.pop().expect("an end follows its start");
        self.ended = Some(from);
        Ok(Event::End(local(&self.open[from..])))
    }
}

enum Scan {
    Tag {
        name: Range<usize>,
        length: usize,
        empty: bool,
    },
    /// Where, and what is wrong there.
    Bad(usize, String),
    /// More attributes than are accepted.
    Large,
    /// The tag does not end in the bytes at hand.
    More,
}

/// Reads one start tag at the beginning of `bytes`.
fn scan_tag(bytes: &[u8], attributes: &mut Vec<Attribute>) -> Scan {
    attributes.clear();
    let name_end = 1 + name_length(&bytes[1..]);
    if name_end == bytes.len() {
        return Scan::More;
    }
    if name_end == 1 {
        return Scan::Bad(0, "`<` that begins no tag (it must be written &lt;)".into());
    }
    let mut at = name_end;
    loop {
        let spaced = spaces(&bytes[at..]);
        at += spaced;
        match bytes.get(at) {
            None => return Scan::More,
            Some(b'>') => return Scan::Tag { name: 1..name_end, length: at + 1, empty: false },
            Some(b'/') => match bytes.get(at + 1) {
                None => return Scan::More,
                Some(b'>') => return Scan::Tag { name: 1..name_end, length: at + 2, empty: true },
                Some(_) => return Scan::Bad(at, "`/` inside a tag".into()),
            },
            Some(_) if spaced == 0 => return Scan::Bad(at, "no space before an attribute".into()),
            Some(_) if attributes.len() == MAX_ATTRIBUTES => return Scan::Large,
            Some(_) => match scan_attribute(bytes, at) {
                Ok(Some(attribute)) => {
                    at = attribute.value.end + 1;
                    if let Some(twin) = twin(bytes, attributes, &attribute) {
                        return Scan::Bad(attribute.name.start, format!("attribute `{twin}` twice in one tag"));
                    }
                    attributes.push(attribute);
                }
                Ok(None) => return Scan::More,
                Err((place, message)) => return Scan::Bad(place, message),
            },
        }
    }
}

/// One `name="value"` at `from`; `None` where the bytes at hand end before it does.
fn scan_attribute(bytes: &[u8], from: usize) -> Result<Option<Attribute>, (usize, String)> {
    let name = from..from + name_length(&bytes[from..]);
    if name.is_empty() {
        return Err((from, "an attribute without a name".into()));
    }
    let mut at = name.end;
    at += spaces(&bytes[at..]);
    match bytes.get(at) {
        None => return Ok(None),
        Some(b'=') => at += 1,
        Some(_) => return Err((at, format!("attribute `{}` without a value", text(&bytes[name])))),
    }
    at += spaces(&bytes[at..]);
    let quote = match bytes.get(at) {
        None => return Ok(None),
        Some(&quote @ (b'"' | b'\'')) => quote,
        Some(_) => return Err((at, format!("value of `{}` without quotes", text(&bytes[name])))),
    };
    let start = at + 1;
    at = start;
    // One pass for the end of the value and for what may not stand in it.
    loop {
        let Some(found) = find_one_of_three(&bytes[at..], quote, b'<', b'&') else { return Ok(None) };
        at += found;
        match bytes[at] {
            b'<' => {
                let message = format!("`<` in the value of `{}` (it must be written &lt;)", text(&bytes[name]));
                return Err((at, message));
            }
            b'&' => {
                let (written, closed) = written_reference(&bytes[at..], quote);
                match reference(written) {
                    Reference::Known(length, _) => at += length,
                    Reference::Open if !closed => return Ok(None),
                    _ => return Err((at, bad_reference(written))),
                }
            }
            _ => break,
        }
    }
    let value = start..at;
    Ok(Some(Attribute { name, value }))
}

/// What stands for a reference in a value, at most, and whether the closing quote ends it there.
fn written_reference(bytes: &[u8], quote: u8) -> (&[u8], bool) {
    let window = &bytes[..bytes.len().min(MAX_REFERENCE_BYTES)];
    match memchr(quote, window) {
        Some(end) => (&window[..end], true),
        None => (window, false),
    }
}

/// As `memchr3`, for what is mostly found within a few bytes.
fn find_one_of_three(bytes: &[u8], a: u8, b: u8, c: u8) -> Option<usize> {
    const NEAR: usize = 8;
    let near = &bytes[..bytes.len().min(NEAR)];
    match near.iter().position(|&x| x == a || x == b || x == c) {
        Some(at) => Some(at),
        None => memchr3(a, b, c, &bytes[near.len()..]).map(|at| at + near.len()),
    }
}

fn twin<'b>(bytes: &'b [u8], attributes: &[Attribute], fresh: &Attribute) -> Option<&'b str> {
    let name = &bytes[fresh.name.clone()];
    attributes.iter().any(|a| &bytes[a.name.clone()] == name).then(|| text(name))
}

fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b' ' | b'\n' | b'\t' | b'\r')).count()
}

/// The length of the XML name at the beginning, 0 where there is none.
fn name_length(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(&first) if NAME[usize::from(first)] == 2 => {
            bytes.iter().take_while(|&&b| NAME[usize::from(b)] > 0).count()
        }
        _ => 0,
    }
}

/// 2: may begin a name; 1: may stand in one; 0: neither.
static NAME: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' | 0x80.. => 2,
            b'0'..=b'9' | b'-' | b'.' => 1,
            _ => 0,
        };
        byte += 1;
    }
    table
};

enum Reference {
    /// Its length and the character it stands for.
    Known(usize, char),
    /// It may go on behind the bytes at hand.
    Open,
    Bad,
}

/// The entity reference that begins at `bytes[0]`: the five predefined ones and character references.
fn reference(bytes: &[u8]) -> Reference {
    let window = &bytes[..bytes.len().min(MAX_REFERENCE_BYTES)];
    let Some(end) = memchr(b';', window) else {
        return if window.len() < MAX_REFERENCE_BYTES { Reference::Open } else { Reference::Bad };
    };
    let character = match &window[1..end] {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"apos" => Some('\''),
        b"quot" => Some('"'),
        [b'#', b'x', hex @ ..] => number(hex, 16),
        [b'#', decimal @ ..] => number(decimal, 10),
        _ => None,
    };
    character.map_or(Reference::Bad, |c| Reference::Known(end + 1, c))
}

/// A character reference's character, where XML allows it.
fn number(digits: &[u8], radix: u32) -> Option<char> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let code = u32::from_str_radix(text(digits), radix).ok()?;
    let allowed = matches!(code, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x10000..=0x10FFFF);
    if allowed { char::from_u32(code) } else { None }
}

fn bad_reference(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(MAX_REFERENCE_BYTES)];
    let end = memchr(b';', shown).map_or(shown.len().min(8), |at| at + 1);
    format!("`{}` is no entity reference that XML knows", String::from_utf8_lossy(&shown[..end]))
}

/// Text with its entity references resolved. What is no reference stays as it is: it was refused before.
pub fn unescape(raw: &[u8]) -> Cow<'_, str> {
    let raw = text(raw);
    if memchr(b'&', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        match reference(&rest.as_bytes()[at..]) {
            Reference::Known(length, character) => {
                out.push(character);
                rest = &rest[at + length..];
            }
            _ => {
                out.push('&');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A name without its namespace prefix.
fn local(name: &[u8]) -> &[u8] {
    memchr(b':', name).map_or(name, |at| &name[at + 1..])
}

/// Bytes that [`Input`] has checked already.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the input hands out whole UTF-8 characters")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events as one line, or the error.
    fn events(document: &[u8]) -> Result<String, ReadError> {
        let mut source = document;
        read_all(&mut source)
    }

    fn read_all(source: &mut dyn Read) -> Result<String, ReadError> {
        let mut xml = Xml::new(source);
        let mut out = String::new();
        loop {
            match xml.next()? {
                Event::Start(tag) => {
                    out.push_str(&format!("<{}", text(tag.name())));
                    for (name, value) in tag.attributes() {
                        out.push_str(&format!(" {name}={}", unescape(value)));
                    }
                    out.push('>');
                }
                Event::End(name) => out.push_str(&format!("</{}>", text(name))),
                Event::Text(t) => out.push_str(&unescape(t)),
                Event::Cdata(t) => out.push_str(text(t)),
                Event::Eof => return Ok(out),
            }
        }
    }

    #[test]
    fn a_document_is_read_as_it_stands() {
        let document = "\u{feff}<?xml version=\"1.0\"?><!DOCTYPE a SYSTEM 'x>y\"'>\n<!-- c - --><n:a b = '&lt;1>' c=\"&#x1F600;\">x &amp; y<![CDATA[<z>]]]]><![CDATA[>]]><d/></n:a >\n";
        assert_eq!(events(document.as_bytes()).unwrap(), "<a b=<1> c=\u{1F600}>x & y<z>]]><d></d></a>");
    }

    #[test]
    fn what_is_not_well_formed_is_refused_with_its_line() {
        for (document, line, what) in [
            ("<a>\n<b></a>", 2, "</a> where </b> is due"),
            ("<a>\n\n<b>", 3, "ends inside <b>"),
            ("<a x=\"\n<\"/>", 2, "`<` in the value of `x`"),
            ("<a x='1' x='2'/>", 1, "twice"),
            ("<a x=1/>", 1, "without quotes"),
            ("<a x/>", 1, "without a value"),
            ("<a x='1'y='2'/>", 1, "no space"),
            ("<a>&nbsp;</a>", 1, "`&nbsp;`"),
            ("<a>\n&</a>", 2, "`&"),
            ("<a>&#0;</a>", 1, "`&#0;`"),
            ("<a>]]></a>", 1, "`]]>`"),
            ("<a/>\n<b/>", 2, "second root"),
            ("<a/>\nx", 2, "behind"),
            ("x<a/>", 1, "before the first"),
            ("</a>", 1, "without a start"),
            ("<a><!-- - -- --></a>", 1, "`--`"),
            ("<a><![CDATA[x", 1, "CDATA"),
            ("<a\nb", 2, "a tag"),
            ("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", 1, "entities"),
            ("<!DOCTYPE><a/>", 1, "without a name"),
            ("<!DOCTYPE a\n<b>><a/>", 2, "`<` inside the document type"),
            ("<!DOCTYPE a\n'><a/>", 2, "the document type"),
            ("<a><?></a>", 1, "without a name"),
            ("<a>\n]]> &bad;</a>", 2, "`]]>`"),
            ("<a>&am]]></a>", 1, "`&` that begins"),
            ("<a>x</a>&amp;", 1, "behind"),
            ("", 1, "no element"),
            ("< a/>", 1, "begins no tag"),
        ] {
            let error = events(document.as_bytes()).expect_err(document);
            assert!(error.message.contains(what), "{document}: {}", error.message);
            assert_eq!(error.line, Some(line), "{document}: {}", error.message);
        }
    }

    #[test]
    fn long_text_comes_in_pieces_and_loses_nothing() {
        let long = "0123456789&amp;é".repeat(60_000);
        for document in [format!("<a>{long}</a>"), format!("<a><![CDATA[{long}]]></a>")] {
            let mut source = document.as_bytes();
            let mut xml = Xml::new(&mut source);
            let (mut pieces, mut bytes) = (0, 0);
            loop {
                match xml.next().unwrap() {
                    Event::Text(t) | Event::Cdata(t) => {
                        pieces += 1;
                        bytes += t.len();
                    }
                    Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!(bytes, long.len());
            assert!(pieces > 2);
        }
    }

    /// Gives one byte at a time.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(out.len()).min(1);
            self.0.read(&mut out[..count])
        }
    }

    #[test]
    fn a_document_is_the_same_in_single_bytes() {
        for document in [
            "<a> <b/> \n x ]] > &amp;]<c> </c> </a>",
            "<a>]]></a>",
            "<a>&abcdefghijklm]]></a>",
            "<a>]] &bad; ]]></a>",
            "x &bad; <a/>",
            "<a>\u{1}<b></a>",
            "<a><b></a>\u{1}",
            "<!DOCTYPE a 'b>c'><?p?><a/>",
        ] {
            let mut source = Dribble(document.as_bytes());
            assert_eq!(read_all(&mut source), events(document.as_bytes()), "{document}");
        }
    }

    #[test]
    fn the_first_fault_of_a_file_is_the_one_that_is_told() {
        assert!(events(b"<a>\n<b></a>\n\xff").unwrap_err().message.contains("</b> is due"));
    }

    #[test]
    fn attributes_are_bounded() {
        let attributes: String = (0..MAX_ATTRIBUTES).map(|n| format!(" a{n}=''")).collect();
        assert!(events(format!("<a{attributes}/>").as_bytes()).is_ok());
        let error = events(format!("<a{attributes} b=''/>").as_bytes()).unwrap_err();
        assert_eq!(error.kind, super::super::ErrorKind::TooLarge);
    }

    #[test]
    fn names_are_bounded() {
        let name = "n".repeat(MAX_NAME_BYTES);
        assert!(events(format!("<{name}/>").as_bytes()).is_ok());
        let error = events(format!("<{name}n/>").as_bytes()).unwrap_err();
        assert_eq!(error.kind, super::super::ErrorKind::TooLarge);
    }

    #[test]
    fn nesting_is_bounded() {
        let error = events("<a>".repeat(300).as_bytes()).unwrap_err();
        assert_eq!(error.kind, super::super::ErrorKind::TooLarge);
    }
}
