//! UTF-16 to UTF-8 while it is read: some tools of Windows write it. Which of the two byte orders it is, the mark at the
//! start tells (RFC 2781, section 4.1). A surrogate without its other half ends the stream with an error.

use std::io::{self, Read};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

/// The byte order, where the file begins with the mark of one.
pub fn order(head: &[u8]) -> Option<Order> {
    match head {
        [0xFF, 0xFE, ..] => Some(Order::Little),
        [0xFE, 0xFF, ..] => Some(Order::Big),
        _ => None,
    }
}

/// How much is decoded at a time.
const CHUNK: usize = 32 * 1024;

/// A stream of UTF-8 over one of UTF-16; its mark is left out.
pub struct Utf16<R> {
    source: R,
    order: Order,
    raw: Vec<u8>,
    /// Of `raw`: bytes that were read and are not decoded.
    rest: usize,
    decoded: String,
    /// Of `decoded`: bytes that were handed out.
    given: usize,
    begun: bool,
    ended: bool,
    /// Told when all before it was handed out, and again at every later call.
    fault: Option<&'static str>,
}

impl<R: Read> Utf16<R> {
    pub fn new(source: R, order: Order) -> Utf16<R> {
        let (raw, decoded) = (vec![0; CHUNK], String::new());
        Utf16 { source, order, raw, rest: 0, decoded, given: 0, begun: false, ended: false, fault: None }
    }

    fn unit(&self, at: usize) -> u16 {
        let bytes = [self.raw[at], self.raw[at + 1]];
        match self.order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }

    /// Reads and decodes one more piece.
    fn more(&mut self) -> io::Result<()> {
        let count = self.source.read(&mut self.raw[self.rest..])?;
        self.ended = count == 0;
        let end = self.rest + count;
        let mut at = 0;
        while at + 2 <= end {
            let unit = self.unit(at);
            let mut length = 2;
            let character = match unit {
                0xD800..=0xDBFF if at + 4 <= end => {
                    length = 4;
                    char::decode_utf16([unit, self.unit(at + 2)]).next().and_then(Result::ok)
                }
                0xD800..=0xDBFF if !self.ended => break,
                0xD800..=0xDFFF => None,
                other => char::from_u32(u32::from(other)),
            };
            let Some(character) = character else {
                self.fault = Some("not UTF-16 text: a surrogate without its other half");
                return Ok(());
            };
            if self.begun || character != '\u{FEFF}' {
                self.decoded.push(character);
            }
            self.begun = true;
            at += length;
        }
        if self.ended && at < end {
            self.fault = Some("not UTF-16 text: the file ends inside of a character");
        }
        self.raw.copy_within(at..end, 0);
        self.rest = end - at;
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.given == self.decoded.len() {
            self.decoded.clear();
            self.given = 0;
            if let Some(fault) = self.fault {
                return Err(io::Error::new(io::ErrorKind::InvalidData, fault));
            }
            if self.ended {
                return Ok(0);
            }
            self.more()?;
        }
        let ready = &self.decoded.as_bytes()[self.given..];
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(units: impl IntoIterator<Item = u16>, order: Order) -> Vec<u8> {
        let each = |unit: u16| if order == Order::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        units.into_iter().flat_map(each).collect()
    }

    /// Gives so many bytes at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(out.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    /// What was read until the end or the fault, and the fault.
    fn decoded(raw: &[u8], piece: usize) -> (String, Option<String>) {
        let mut source = Utf16::new(Pieces(raw, piece), order(raw).unwrap());
        let mut out = Vec::new();
        let fault = source.read_to_end(&mut out).err().map(|e| e.to_string());
        assert_eq!(source.read(&mut [0; 8]).err().map(|e| e.to_string()), fault, "a fault is told again");
        (String::from_utf8(out).unwrap(), fault)
    }

    #[test]
    fn both_byte_orders_give_the_text_in_any_pieces() {
        let text = format!("{}\r\nzeile 2: üö€ \u{1F600}\u{10FFFF}\u{FEFF}x", "a\u{1F600}".repeat(CHUNK / 4));
        for order in [Order::Little, Order::Big] {
            let raw = bytes(format!("\u{FEFF}{text}").encode_utf16(), order);
            for piece in [1, 2, 3, 5, CHUNK - 1, CHUNK, usize::MAX] {
                assert_eq!(decoded(&raw, piece), (text.clone(), None), "{order:?} in pieces of {piece}");
            }
        }
        assert_eq!(order(b"\xEF\xBB\xBF"), None);
    }

    #[test]
    fn what_stands_before_a_fault_is_handed_out_first() {
        let (high, low) = (0xD83D, 0xDE00);
        for order in [Order::Little, Order::Big] {
            for (units, what) in [
                (vec![0xFEFF, 0x61, high], "other half"),
                (vec![0xFEFF, 0x61, high, 0x62], "other half"),
                (vec![0xFEFF, 0x61, high, high, low], "other half"),
                (vec![0xFEFF, 0x61, low, 0x62], "other half"),
            ] {
                for piece in [1, 3, 64] {
                    let (text, fault) = decoded(&bytes(units.clone(), order), piece);
                    assert_eq!(text, "a", "{units:x?}");
                    assert!(fault.is_some_and(|fault| fault.contains(what)), "{units:x?}");
                }
            }
            let mut odd = bytes([0xFEFF, 0x61], order);
            odd.push(0x62);
            let (text, fault) = decoded(&odd, 2);
            assert_eq!(
                (text.as_str(), fault.as_deref()),
                ("a", Some("not UTF-16 text: the file ends inside of a character"))
            );
        }
    }
}
