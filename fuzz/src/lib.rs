//! What the targets share: readers fed whole and in pieces, and what must hold of every reading.

pub mod facts;
pub mod pieces;

use facts::{coverage, error, tests};
use pieces::Pieces;
use qte_ci::facts::found::Findings;
use qte_ci::read::{self, Format, Item, Measured, ReadError, Reading};
use std::io::Read;

/// A reading with every case that was handed out on the way.
pub struct Seen {
    pub outcome: Result<Reading, ReadError>,
    /// Each case as text, in order, also those before an error.
    pub cases: Vec<String>,
}

/// Reads, and asserts what must hold whatever the bytes are.
pub fn check(bytes: &[u8], source: &mut dyn Read, format: Option<&'static Format>) -> Seen {
    let mut cases = Vec::new();
    let mut counted = facts::Counted::default();
    let mut findings = Findings::default();
    let outcome = read::read(source, format, &mut |item| match item {
        Item::Case(case) => {
            counted.add(case);
            cases.push(format!("{case:?}"));
        }
        Item::Found(found) => {
            findings.count(found);
            cases.push(format!("{found:?}"));
        }
    });
    match &outcome {
        Ok(Reading { measured: Measured::Tests(found), format }) => {
            tests(found, &counted, bytes);
            if format.id == "junit" {
                facts::junit(found);
            }
        }
        Ok(Reading { measured: Measured::Coverage(found), .. }) => coverage(found, bytes),
        Ok(Reading { measured: Measured::Findings(found), .. }) => {
            let told = (found.total, found.suppressed, &found.by_level);
            assert_eq!(told, (findings.total, findings.suppressed, &findings.by_level), "not what was handed out");
            facts::findings(found, bytes);
        }
        Ok(Reading { measured: Measured::Benchmarks(found), .. }) => {
            let finite = |v: f64| v.is_finite();
            let all = found.benchmarks.iter().all(|b| finite(b.value) && b.spread.is_none_or(|s| finite(s.value)));
            assert!(all, "{found:?}");
            assert!(
                found.benchmarks.len() <= bytes.len() && found.unmeasured.len() <= bytes.len(),
                "more than was told"
            );
        }
        Err(found) => error(found, bytes),
    }
    Seen { outcome, cases }
}

/// The same result, or the same error at the same place, and the same cases.
pub fn assert_same(whole: &Seen, pieces: &Seen, how: &str) {
    match (&whole.outcome, &pieces.outcome) {
        (Ok(a), Ok(b)) => {
            assert_eq!(a.format.id, b.format.id, "{how}");
            match (&a.measured, &b.measured) {
                (Measured::Tests(a), Measured::Tests(b)) => assert_eq!(a, b, "{how}"),
                (Measured::Coverage(a), Measured::Coverage(b)) => assert_eq!(a, b, "{how}"),
                (Measured::Findings(a), Measured::Findings(b)) => assert_eq!(a, b, "{how}"),
                (Measured::Benchmarks(a), Measured::Benchmarks(b)) => assert_eq!(a, b, "{how}"),
                _ => panic!("{how}: another kind"),
            }
        }
        (Err(a), Err(b)) => assert_eq!(a, b, "{how}"),
        (Ok(_), Err(e)) => panic!("{how}: refused ({e}), and accepted whole"),
        (Err(e), Ok(_)) => panic!("{how}: accepted, and refused whole ({e})"),
    }
    assert_eq!(whole.cases, pieces.cases, "{how}");
}

/// How the start of the file may be filled up with blanks, so that the readers meet the rest in pieces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Blanks {
    /// Blanks at the start change nothing but places within the first line, which no error of the format tells.
    Ignored,
    /// The format's errors tell columns, or the bytes are sniffed.
    Told,
}

/// `read` looks at this much of a file before the reader begins, and hands it on in one piece.
const HEAD_BYTES: usize = 64 * 1024;

/// One format's reader: whole, in pieces, and in pieces that begin inside of the document.
pub fn check_format(id: &str, bytes: &[u8], blanks: Blanks) {
    let format = read::format(id).expect("a format of the table");
    let whole = check(bytes, &mut &bytes[..], Some(format));
    let sizes = pieces::sizes(bytes);
    assert_same(&whole, &check(bytes, &mut Pieces::new(bytes, sizes), Some(format)), "in pieces");
    // The head makes this slow: one input in eight.
    let sum = pieces::sum(bytes);
    // Blanks before them would change what these are: a second byte order mark, one of UTF-16, and gzip's first bytes.
    let begins: [&[u8]; 4] = [b"\xEF\xBB\xBF\xEF\xBB\xBF", b"\xFE\xFF", b"\xFF\xFE", b"\x1F\x8B"];
    if begins.iter().any(|begin| bytes.starts_with(begin))
        || blanks == Blanks::Told
        || bytes.trim_ascii().is_empty()
        || bytes.len() >= HEAD_BYTES
        || sum % 8 != 0
    {
        return;
    }
    // The border of the head falls where the input's own bytes say; behind it come single bytes or odd pieces.
    let border = sum / 8 % (bytes.len() + 1);
    let padded = pad(bytes, HEAD_BYTES - border);
    for (how, sizes) in [("single bytes behind a border", &[0][..]), ("odd pieces behind a border", sizes)] {
        // The head is asked for whole, so pieces count from behind it.
        let mut source = (&padded[..HEAD_BYTES]).chain(Pieces::new(&padded[HEAD_BYTES..], sizes));
        assert_same(&whole, &check(bytes, &mut source, Some(format)), how);
    }
}

/// Blanks in front of the document, behind its byte order mark.
fn pad(bytes: &[u8], count: usize) -> Vec<u8> {
    let mark = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut out = bytes[..mark].to_vec();
    out.resize(mark + count, b' ');
    out.extend_from_slice(&bytes[mark..]);
    out
}
