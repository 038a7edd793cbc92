//! JSON documents as a stream: bounded strings and nesting, errors with a line. What a document holds is told by the
//! reader's own seed, which takes one entry at a time.

use super::error::{ErrorKind, ReadError};
use super::input::MAX_TOKEN_BYTES;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
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
    parse(source, |json| {
        loop {
            object(each).deserialize(&mut *json)?;
            // What stands behind an object is the next one, or the parser's own error.
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;
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
}
