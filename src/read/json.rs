//! JSON documents as a stream: bounded strings and nesting, errors with a line. What a document holds is told by the
//! reader's own seed, which takes one entry at a time. And objects that stand on one line, member by member: a hand-made
//! scan of the grammar of RFC 8259, because test events come in millions and most of a line is not looked at.

use super::error::{ErrorKind, ReadError};
use super::input::MAX_TOKEN_BYTES;
use memchr::{memchr, memchr2};
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufReader, Read};

/// The deepest nesting that is accepted.
const MAX_DEPTH: usize = 256;

/// Reads one whole document; nothing may stand behind it.
pub fn document<S: for<'de> DeserializeSeed<'de, Value = ()>>(source: &mut dyn Read, seed: S) -> Result<(), ReadError> {
    parse(source, |json| seed.deserialize(&mut *json).and_then(|()| json.end()))
}

/// Reads one object after the other, as tools write them that append; at least one.
pub fn objects<T: Object>(source: &mut dyn Read, each: &mut T) -> Result<(), ReadError> {
    values(source, |json| object(&mut *each).deserialize(json))
}

/// The same, where an object may also be a list.
pub fn objects_or_lists<T: Object + List>(source: &mut dyn Read, each: &mut T) -> Result<(), ReadError> {
    values(source, |json| object_or_list(&mut *each).deserialize(json))
}

fn values<'r>(
    source: &'r mut dyn Read,
    mut next: impl FnMut(&mut Parser<'_, 'r>) -> Result<(), serde_json::Error>,
) -> Result<(), ReadError> {
    parse(source, |json| {
        loop {
            next(json)?;
            // What stands behind a value is the next one, or the parser's own error.
            if json.end().is_ok() {
                return Ok(());
            }
        }
    })
}

type Parser<'b, 'r> = serde_json::Deserializer<serde_json::de::IoRead<BufReader<&'b mut Bounded<'r>>>>;

fn parse<'r>(
    source: &'r mut dyn Read,
    with: impl FnOnce(&mut Parser<'_, 'r>) -> Result<(), serde_json::Error>,
) -> Result<(), ReadError> {
    let mut bounded = Bounded { source, string: None, escaped: false, depth: 0, line: 1, refused: None };
    let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(128 * 1024, &mut bounded));
    let done = with(&mut json);
    drop(json);
    done.map_err(|e| match bounded.refused {
        Some(refused) if e.is_io() => refused,
        _ if e.is_io() => ReadError::malformed(bounded.line, format!("cannot be read on: {e}")),
        _ => {
            let line = (e.line() > 0).then_some(e.line() as u64);
            ReadError::new(ErrorKind::Malformed, line, without_place(&e))
        }
    })
}

/// serde_json ends its message with the place, which we give apart.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).map_or_else(|| text.clone(), |rest| format!("{rest} (column {})", error.column()))
}

/// What takes an object, one entry at a time.
pub trait Object {
    const WHAT: &'static str;

    /// Takes the value of the key from `map`: each key once, with exactly one value.
    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error>;

    /// What is wrong with the object as a whole.
    fn end(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// What takes a list, one element at a time.
pub trait List {
    const WHAT: &'static str;

    /// Takes the next element; `false` where there is none.
    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error>;
}

/// An object's entries go to `T`.
pub struct ObjectSeed<'a, T> {
    to: &'a mut T,
    null: bool,
}

/// A list's elements go to `T`.
pub struct ListSeed<'a, T> {
    to: &'a mut T,
    null: bool,
}

/// An object's entries or a list's elements, whichever stands there, go to `T`.
pub struct EitherSeed<'a, T>(&'a mut T);

pub fn object_or_list<T: Object + List>(to: &mut T) -> EitherSeed<'_, T> {
    EitherSeed(to)
}

pub fn object<T: Object>(to: &mut T) -> ObjectSeed<'_, T> {
    ObjectSeed { to, null: false }
}

/// `null` is an object without entries.
pub fn object_or_null<T: Object>(to: &mut T) -> ObjectSeed<'_, T> {
    ObjectSeed { to, null: true }
}

pub fn list<T: List>(to: &mut T) -> ListSeed<'_, T> {
    ListSeed { to, null: false }
}

/// `null` is a list without elements.
pub fn list_or_null<T: List>(to: &mut T) -> ListSeed<'_, T> {
    ListSeed { to, null: true }
}

impl<'de, T: Object> DeserializeSeed<'de> for ObjectSeed<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, T: Object> Visitor<'de> for ObjectSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut key = String::new();
        while map.next_key_seed(Text(&mut key))?.is_some() {
            self.to.entry(&key, &mut map)?;
        }
        self.to.end().map_err(M::Error::custom)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.null {
            self.to.end().map_err(E::custom)
        } else {
            Err(E::invalid_type(serde::de::Unexpected::Unit, &self))
        }
    }
}

impl<'de, T: List> DeserializeSeed<'de> for ListSeed<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, T: List> Visitor<'de> for ListSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while self.to.element(&mut list)? {}
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if self.null { Ok(()) } else { Err(E::invalid_type(serde::de::Unexpected::Unit, &self)) }
    }
}

impl<'de, T: Object + List> DeserializeSeed<'de> for EitherSeed<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, T: Object + List> Visitor<'de> for EitherSeed<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(<T as Object>::WHAT)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        object(self.0).visit_map(map)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, elements: S) -> Result<(), S::Error> {
        list(self.0).visit_seq(elements)
    }
}

/// Takes a text into a string that is used again. What is no text (some tools write `null`, or an object) is none:
/// for what is only shown, never for what decides.
pub struct Text<'a>(pub &'a mut String);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        self.0.clear();
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<(), S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Takes one text of the object (or `null`) that is the key's value; what else it holds is passed over.
pub fn text_of<'de, M: MapAccess<'de>>(map: &mut M, member: &'static str, to: &mut String) -> Result<(), M::Error> {
    map.next_value_seed(object_or_null(&mut TextOf { member, to }))
}

struct TextOf<'a> {
    member: &'static str,
    to: &'a mut String,
}

impl Object for TextOf<'_> {
    const WHAT: &'static str = "an object";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key == self.member { text(map, self.to) } else { skip(map) }
    }
}

/// The same for a number, whole or not as `N` is, or `null`.
pub fn number_of<'de, M: MapAccess<'de>, N: DeserializeOwned>(
    map: &mut M,
    member: &'static str,
    to: &mut Option<N>,
) -> Result<(), M::Error> {
    map.next_value_seed(object_or_null(&mut NumberOf { member, to }))
}

struct NumberOf<'a, N> {
    member: &'static str,
    to: &'a mut Option<N>,
}

impl<N: DeserializeOwned> Object for NumberOf<'_, N> {
    const WHAT: &'static str = "an object";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        if key != self.member {
            return skip(map);
        }
        *self.to = map.next_value()?;
        Ok(())
    }
}

/// The value of a key that is a text or a whole number, as text; `null` is none.
pub fn word<'de, M: MapAccess<'de>>(map: &mut M, to: &mut String) -> Result<(), M::Error> {
    to.clear();
    map.next_value_seed(Word(to))
}

struct Word<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Word<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Word<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.push_str(&number.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A list's texts, or the one text that stands in its place, go to `T`; `null` is none.
pub struct WordOrList<'a, T>(&'a mut T);

pub fn word_or_list<T: List + Extend<String>>(to: &mut T) -> WordOrList<'_, T> {
    WordOrList(to)
}

impl<'de, T: List + Extend<String>> DeserializeSeed<'de> for WordOrList<'_, T> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de, T: List + Extend<String>> Visitor<'de> for WordOrList<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::WHAT)
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.extend([text.to_string()]);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, elements: S) -> Result<(), S::Error> {
        list(self.0).visit_seq(elements)
    }
}

/// Passes over the value of a key that does not matter.
pub fn skip<'de, M: MapAccess<'de>>(map: &mut M) -> Result<(), M::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// The value of a key as text into `to`.
pub fn text<'de, M: MapAccess<'de>>(map: &mut M, to: &mut String) -> Result<(), M::Error> {
    map.next_value_seed(Text(to))
}

/// The value of a key as a path, with `/` between its parts.
pub fn path<'de, M: MapAccess<'de>>(map: &mut M, to: &mut String) -> Result<(), M::Error> {
    text(map, to)?;
    if to.contains('\\') {
        *to = to.replace('\\', "/");
    }
    Ok(())
}

/// The value of a key in microseconds, so many of which make one of its units; `null` is none.
pub fn micros<'de, M: MapAccess<'de>>(map: &mut M, unit: f64) -> Result<u64, M::Error> {
    let value: Option<f64> = map.next_value()?;
    Ok(value.filter(|v| v.is_finite() && *v > 0.0).map_or(0, |v| (v * unit) as u64))
}

/// Ends the stream where a string or the nesting is beyond its bound: the JSON parser's memory follows both.
struct Bounded<'r> {
    source: &'r mut dyn Read,
    /// The length of the open string.
    string: Option<usize>,
    escaped: bool,
    depth: usize,
    line: u64,
    refused: Option<ReadError>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.refused.is_some() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let count = self.source.read(out)?;
        for (at, &byte) in out[..count].iter().enumerate() {
            if let Err(message) = self.step(byte) {
                self.refused = Some(ReadError::too_large(self.line, message));
                // What stands before it is handed on: a fault in there is the first one.
                return if at > 0 { Ok(at) } else { self.read(out) };
            }
        }
        Ok(count)
    }
}

impl Bounded<'_> {
    fn step(&mut self, byte: u8) -> Result<(), String> {
        if let Some(length) = &mut self.string {
            *length += 1;
            let long = *length > MAX_TOKEN_BYTES;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.string = None,
                _ => {}
            }
            return if long { Err(format!("a string longer than {MAX_TOKEN_BYTES} bytes")) } else { Ok(()) };
        }
        match byte {
            b'"' => self.string = Some(0),
            b'\n' => self.line += 1,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if self.depth > MAX_DEPTH { Err(format!("values nested deeper than {MAX_DEPTH}")) } else { Ok(()) }
    }
}

/// A value of an object on one line, as it is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw<'a> {
    /// Between the quotes, its escapes not resolved.
    Text(&'a str),
    /// Anything else.
    Other(&'a str),
}

impl<'a> Raw<'a> {
    /// The text with its escapes resolved; `None` for what is no text.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Raw::Text(raw) => Some(resolved(raw)),
            Raw::Other(_) => None,
        }
    }
}

/// Hands out the members of the one object that a line is; of members of one name the last counts.
pub fn members<'a>(line: &'a str, mut each: impl FnMut(&str, Raw<'a>)) -> Result<(), String> {
    scan(line, &mut each).ok_or_else(|| match serde_json::from_str::<IgnoredAny>(line) {
        Err(error) => without_place(&error),
        Ok(_) => "no JSON object".into(),
    })
}

fn scan<'a>(line: &'a str, each: &mut impl FnMut(&str, Raw<'a>)) -> Option<()> {
    let bytes = line.as_bytes();
    let mut at = expect(bytes, blank(bytes, 0), b'{')?;
    if bytes.get(at) == Some(&b'}') {
        return (blank(bytes, at + 1) == bytes.len()).then_some(());
    }
    loop {
        let (key, next) = string(line, at)?;
        at = expect(bytes, blank(bytes, next), b':')?;
        let (value, next) = value(line, at)?;
        each(&resolved(key), value);
        at = blank(bytes, next);
        match bytes.get(at)? {
            b',' => at = blank(bytes, at + 1),
            b'}' => return (blank(bytes, at + 1) == bytes.len()).then_some(()),
            _ => return None,
        }
    }
}

/// Where the next thing begins behind a byte that must stand here.
fn expect(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (bytes.get(at) == Some(&byte)).then(|| blank(bytes, at + 1))
}

fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The value that begins here, and where it ends. Numbers, words and nested values are left to serde_json.
fn value(line: &str, at: usize) -> Option<(Raw<'_>, usize)> {
    if line.as_bytes().get(at) == Some(&b'"') {
        return string(line, at).map(|(text, end)| (Raw::Text(text), end));
    }
    let mut values = serde_json::Deserializer::from_str(&line[at..]).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let end = at + values.byte_offset();
    Some((Raw::Other(&line[at..end]), end))
}

/// What stands between the quotes that begin at `at`, and where the string ends.
fn string(line: &str, at: usize) -> Option<(&str, usize)> {
    let bytes = line.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let from = at + 1;
    let mut at = from;
    loop {
        let found = memchr2(b'"', b'\\', &bytes[at..])? + at;
        if bytes[at..found].iter().fold(false, |found, &b| found | (b < 0x20)) {
            return None;
        }
        if bytes[found] == b'"' {
            return Some((&line[from..found], found + 1));
        }
        at = found + escape(&bytes[found..])?.1;
    }
}

/// The character of the escape that stands at the start, and its length.
fn escape(bytes: &[u8]) -> Option<(char, usize)> {
    let short = match bytes.get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => return long_escape(bytes),
        &same @ (b'"' | b'\\' | b'/') => char::from(same),
        _ => return None,
    };
    Some((short, 2))
}

/// `\u` and four digits, or the two of a surrogate pair.
fn long_escape(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = |from: usize| {
        let digits = bytes.get(from..from + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0u32, |n, &b| Some(n * 16 + char::from(b).to_digit(16)?))
    };
    match unit(0)? {
        high @ 0xD800..=0xDBFF => {
            let low = unit(6).filter(|low| (0xDC00..=0xDFFF).contains(low))?;
            char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).map(|c| (c, 12))
        }
        other => char::from_u32(other).map(|c| (c, 6)),
    }
}

fn resolved(raw: &str) -> Cow<'_, str> {
    if memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len());
    resolve(raw, &mut out);
    Cow::Owned(out)
}

/// Appends a raw text with its escapes resolved.
pub fn resolve(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (character, length) = escape(&rest.as_bytes()[at..]).expect("the scan lets no other escape through");
        out.push(character);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::marker::PhantomData;

    fn one(text: &str) -> Result<(), ReadError> {
        struct Any(PhantomData<()>);
        impl<'de> DeserializeSeed<'de> for Any {
            type Value = ();

            fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
                serde::Deserialize::deserialize(d).map(|_: IgnoredAny| ())
            }
        }
        let mut source = text.as_bytes();
        document(&mut source, Any(PhantomData))
    }

    #[test]
    fn strings_and_nesting_are_bounded() {
        for long in ["x".repeat(MAX_TOKEN_BYTES + 1), "\\n".repeat(MAX_TOKEN_BYTES / 2 + 1)] {
            let error = one(&format!("{{\n\"{long}\":1}}")).unwrap_err();
            assert_eq!((error.kind, error.line), (ErrorKind::TooLarge, Some(2)), "{}", error.message);
        }
        let deep = "[".repeat(MAX_DEPTH);
        let error = one(&format!("{{\"x\":{deep}")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge, "{}", error.message);
        // The first fault is told.
        let error = one(&format!("{{\"x\" {deep}")).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{}", error.message);
        let brackets = format!("\"{deep}\\\"{deep}\"");
        assert!(one(&format!("{{\"x\":{brackets},\"files\":{{}},\"totals\":{{}}}}")).is_ok());
    }

    type Members = std::collections::BTreeMap<String, Option<String>>;

    fn by_serde(line: &str) -> Option<Members> {
        let map: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).ok()?;
        Some(map.into_iter().map(|(key, value)| (key, value.as_str().map(str::to_string))).collect())
    }

    fn by_scan(line: &str) -> Option<Members> {
        let mut seen = Members::new();
        members(line, |key, raw| {
            seen.insert(key.to_string(), raw.text().map(Cow::into_owned));
        })
        .ok()?;
        Some(seen)
    }

    #[test]
    fn members_are_those_that_serde_reads() {
        let mut lines: Vec<String> = [
            r#"{}"#,
            r#" { } "#,
            r#"{"a":"b"}"#,
            r#"{ "a" : "b" , "c":1.5e-3,"d":null,"e":{"a":["}",2]},"f":[]}"#,
            r#"{"Output":"\u003c\u0026\u00e9 \"\\\/\b\f\n\r\t\ud83d\ude00\uD83D\uDE00"}"#,
            r#"{"\u0041ction":"p\u0061ss"}"#,
            r#"{"a":"1","a":"2"}"#,
            r#"{"a":"é€😀"}"#,
            r#"{"a":"\u0000"}"#,
            // Refused by both.
            "",
            "{",
            "{}x",
            "{} {}",
            "[]",
            "1",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            r#"{"a":01}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12"}"#,
            r#"{"a":"\ud83d"}"#,
            r#"{"a":"\ude00"}"#,
            r#"{"a":"\ud83d\u0041"}"#,
            r#"{"a":"\ud83dxxxxxx"}"#,
            r#"{"a":"b}"#,
            r#"{"a":"b"#,
            r#"{"a":{"b":}}"#,
            r#"{"a":tru}"#,
            r#"{"a":"b" "c":1}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":"\u+041"}"#,
            r#"{"a":1 2}"#,
            r#"{"a":1"b":2}"#,
        ]
        .map(String::from)
        .to_vec();
        // Every line also cut anywhere, and with one byte changed.
        for line in lines.clone() {
            lines.extend(line.char_indices().map(|(at, _)| line[..at].to_string()));
            for (at, c) in line.char_indices() {
                lines.extend(
                    ["\"", "\\", "}", "u", "0"].map(|new| line[..at].to_string() + new + &line[at + c.len_utf8()..]),
                );
            }
        }
        for line in lines {
            assert_eq!(by_scan(&line), by_serde(&line), "{line}");
        }
    }

    #[test]
    fn what_is_no_object_is_said_with_its_column() {
        let error = |line| members(line, |_, _| {}).unwrap_err();
        assert_eq!(error("[1]"), "no JSON object");
        assert!(
            error(r#"{"a":"b"#).contains("EOF") && error(r#"{"a":"b"#).contains("column"),
            "{}",
            error(r#"{"a":"b"#)
        );
    }
}
