//! Bytes to measurement. The kind of a file is found from its content; one file per format, one line in FORMATS.

mod audits;
mod bandit;
mod bench;
mod cargo_audit;
mod cases;
mod checkstyle;
mod clover;
mod cobertura;
mod coveragepy;
mod criterion_benchmark;
mod criterion_estimates;
mod ctrf;
mod cvss;
mod dart;
pub mod details;
pub mod diff;
mod dotnet;
mod error;
mod eslint;
mod findings;
mod gcov;
mod gitleaks;
mod go_test;
mod gocover;
mod govulncheck;
mod input;
mod istanbul;
mod istanbul_summary;
mod jacoco;
mod jest;
mod json;
mod junit;
mod lcov;
mod libtest;
mod libtest_text;
mod lines;
mod llvm_cov;
mod mocha;
mod npm_audit;
mod nunit;
mod osv;
mod pip_audit;
mod playwright;
mod rdjson;
mod rspec;
mod ruff;
mod sarif;
mod semgrep;
mod shape;
mod simplecov;
mod tap;
mod trivy;
mod trx;
mod utf16;
pub mod xml;
mod xunit;

pub use error::{ErrorKind, ReadError};
pub use input::MAX_TOKEN_BYTES;

use crate::facts::coverage::Coverage;
use crate::facts::found::{Benchmarks, Findings, Found};
use crate::facts::tests::{Case, Tests};
use shape::{Shape, Syntax};
use std::io::Read;
use utf16::Utf16;

/// How much of a file is looked at to find its format.
const HEAD_BYTES: usize = 64 * 1024;
/// Of UTF-8; some tools of Windows write it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// How gzip's files begin (RFC 1952); gcov writes its reports so.
const GZIP: &[u8] = b"\x1F\x8B";

/// One report format.
pub struct Format {
    /// One word through file, fixture, docs and `--format`.
    pub id: &'static str,
    pub title: &'static str,
    /// What is taken from a file, in a sentence or two.
    pub reads: &'static str,
    /// The tools (and versions) whose files it was tried on.
    pub written_by: &'static str,
    /// What is no evidence, beyond what every reader refuses: a file that is empty, cut, not UTF-8 or UTF-16.
    pub refuses: &'static str,
    pub looks_like: fn(&Shape) -> bool,
    pub holds: Holds,
}

/// Reads a test report; the second argument sees every case in order.
pub type ReadTests = fn(&mut dyn Read, &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError>;
/// Reads a coverage report.
pub type ReadCoverage = fn(&mut dyn Read) -> Result<Coverage, ReadError>;
/// Reads a report of findings, or of an audit; the second argument sees every finding in order.
pub type ReadFindings = fn(&mut dyn Read, &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError>;
/// Reads a report of benchmarks.
pub type ReadBenchmarks = fn(&mut dyn Read) -> Result<Benchmarks, ReadError>;

/// What a format holds, and the function that reads it.
pub enum Holds {
    Tests(ReadTests),
    Coverage(ReadCoverage),
    Findings(ReadFindings),
    Benchmarks(ReadBenchmarks),
}

/// Every format that is read. A new one is a file with its entry, a line here, its fixtures and a fuzz target.
pub static FORMATS: &[Format] = &[
    // Tests.
    junit::FORMAT,
    trx::FORMAT,
    nunit::FORMAT,
    xunit::FORMAT,
    go_test::FORMAT,
    dart::FORMAT,
    libtest::FORMAT,
    libtest_text::FORMAT,
    tap::FORMAT,
    mocha::FORMAT,
    jest::FORMAT,
    playwright::FORMAT,
    rspec::FORMAT,
    ctrf::FORMAT,
    // Coverage.
    cobertura::FORMAT,
    lcov::FORMAT,
    coveragepy::FORMAT,
    jacoco::FORMAT,
    clover::FORMAT,
    gocover::FORMAT,
    istanbul::FORMAT,
    istanbul_summary::FORMAT,
    simplecov::FORMAT,
    llvm_cov::FORMAT,
    gcov::FORMAT,
    // Findings.
    sarif::FORMAT,
    bandit::FORMAT,
    ruff::FORMAT,
    eslint::FORMAT,
    semgrep::FORMAT,
    gitleaks::FORMAT,
    checkstyle::FORMAT,
    rdjson::FORMAT,
    // Audits of dependencies.
    pip_audit::FORMAT,
    npm_audit::FORMAT,
    cargo_audit::FORMAT,
    osv::FORMAT,
    govulncheck::FORMAT,
    trivy::FORMAT,
    // Benchmarks.
    bench::FORMAT,
    criterion_estimates::FORMAT,
    criterion_benchmark::FORMAT,
];

/// What a file holds.
#[derive(Debug)]
pub enum Measured {
    Tests(Tests),
    Coverage(Coverage),
    Findings(Findings),
    Benchmarks(Benchmarks),
}

impl Measured {
    /// For a report of one kind where another is looked for.
    pub const fn what(&self) -> &'static str {
        match self {
            Measured::Tests(_) => "a test report",
            Measured::Coverage(_) => "a coverage report",
            Measured::Findings(_) => "a report of findings",
            Measured::Benchmarks(_) => "a report of benchmarks",
        }
    }
}

/// One thing of many, handed out while a report is read.
pub enum Item<'a> {
    Case(&'a Case<'a>),
    Found(&'a Found<'a>),
}

/// A file that was read.
pub struct Reading {
    pub format: &'static Format,
    pub measured: Measured,
}

/// The format of a name, where there is one with a reader.
pub fn format(id: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|f| f.id == id)
}

/// Reads a report. Its format is found from the first bytes, unless `named` says it; `each` sees every test case and every finding.
pub fn read(
    source: &mut dyn Read,
    named: Option<&'static Format>,
    each: &mut dyn FnMut(Item<'_>),
) -> Result<Reading, ReadError> {
    let head = head(source)?;
    match utf16::order(&head) {
        Some(order) => {
            let mut text = Utf16::new(head.chain(source), order);
            let head = decoded_head(&mut text)?;
            read_text(&head, &mut text, named, each)
        }
        None => read_text(&head, source, named, each),
    }
}

/// The same of UTF-8, whose beginning has been read.
fn read_text(
    head: &[u8],
    rest: &mut dyn Read,
    named: Option<&'static Format>,
    each: &mut dyn FnMut(Item<'_>),
) -> Result<Reading, ReadError> {
    if head.trim_ascii().is_empty() && head.len() < HEAD_BYTES {
        return Err(ReadError::new(ErrorKind::Empty, None, "the file is empty"));
    }
    if head.starts_with(GZIP) {
        let message = "gzip-compressed: unpack it with `gunzip`";
        return Err(ReadError::new(ErrorKind::Unknown, None, message));
    }
    let format = match named {
        Some(format) => format,
        None => recognise(head)?,
    };
    let mut whole = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head).chain(rest);
    let measured = match format.holds {
        Holds::Tests(read) => Measured::Tests(read(&mut whole, &mut |case| each(Item::Case(case)))?),
        Holds::Coverage(read) => Measured::Coverage(read(&mut whole)?),
        Holds::Findings(read) => Measured::Findings(read(&mut whole, &mut |found| each(Item::Found(found)))?),
        Holds::Benchmarks(read) => Measured::Benchmarks(read(&mut whole)?),
    };
    Ok(Reading { format, measured })
}

fn head(source: &mut dyn Read) -> Result<Vec<u8>, ReadError> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    source
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(|e| ReadError::new(ErrorKind::Malformed, None, format!("cannot be read: {e}")))?;
    Ok(head)
}

/// The beginning of UTF-16. A fault in it is told again to the reader, which knows what stands before it.
fn decoded_head(text: &mut Utf16<impl Read>) -> Result<Vec<u8>, ReadError> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    match text.take(HEAD_BYTES as u64).read_to_end(&mut head) {
        Err(e) if head.trim_ascii().is_empty() || e.kind() != std::io::ErrorKind::InvalidData => {
            let line = 1 + head.iter().filter(|&&b| b == b'\n').count() as u64;
            Err(ReadError::malformed(line, format!("cannot be read on: {e}")))
        }
        _ => Ok(head),
    }
}

/// The one format that the content looks like.
fn recognise(head: &[u8]) -> Result<&'static Format, ReadError> {
    let shape = Shape::of(head);
    if shape.syntax == Syntax::Xml && shape.root.is_empty() {
        return Err(no_root(head));
    }
    let found: Vec<&'static Format> = FORMATS.iter().filter(|format| (format.looks_like)(&shape)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(unknown(&shape)),
        several => {
            let names: Vec<&str> = several.iter().map(|f| f.id).collect();
            let message = format!("could be {}: name it with `--format`", names.join(" or "));
            Err(ReadError::new(ErrorKind::Ambiguous, None, message))
        }
    }
}

/// XML whose beginning is already broken: the reader's own error says where.
fn no_root(head: &[u8]) -> ReadError {
    let mut source = head;
    let mut xml = xml::Xml::new(&mut source);
    loop {
        match xml.next() {
            Err(error) => return error,
            Ok(xml::Event::Eof) => return ReadError::new(ErrorKind::Unknown, None, "XML without an element"),
            Ok(_) => {}
        }
    }
}

fn unknown(shape: &Shape) -> ReadError {
    let found = match shape.syntax {
        Syntax::Xml => format!("XML with the root <{}>", shape.root),
        Syntax::JsonObject | Syntax::JsonLines | Syntax::JsonArray => {
            let keys: Vec<&str> = shape.keys.iter().take(5).map(String::as_str).collect();
            format!("JSON with the keys {}", if keys.is_empty() { "(none)".into() } else { keys.join(", ") })
        }
        Syntax::Text | Syntax::Empty => {
            format!("text that begins `{}`", shape.root.chars().take(60).collect::<String>().escape_debug())
        }
    };
    ReadError::new(ErrorKind::Unknown, None, format!("no known report format: {found}; this version reads {}", names()))
}

fn names() -> String {
    FORMATS.iter().map(|f| f.id).collect::<Vec<_>>().join(", ")
}

/// Unsigned decimal digits; `None` for anything else, and beyond 18 of them.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}
