//! LCOV tracefiles (`SF`, `DA`, `BRDA` records) as lcov, gcov, llvm-cov, istanbul, coverage.py and node write them.
//! Source: geninfo(1), section "FILES".

use super::cobertura::MAX_LINE;
use super::digits;
use super::error::ReadError;
use super::lines::Lines;
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Branches, Coverage, FileCoverage};
use memchr::memchr;
use std::collections::BTreeMap;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "lcov",
    title: "LCOV tracefile",
    reads: "`SF`, `DA` and `BRDA` records; `LF` and `LH` are only compared.",
    written_by: "lcov and geninfo 1 and 2, llvm-cov, coverage.py, istanbul, jest, vitest, node --test",
    refuses: "a record that is unknown or damaged, a file that ends inside a record.",
    looks_like: |s| s.syntax == Syntax::Text && ["TN:", "SF:", "VER:"].iter().any(|record| s.root.starts_with(record)),
    holds: Holds::Coverage(read),
};

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut lines = Lines::new(source);
    let mut reader = Reader::default();
    let mut last = 0;
    while let Some((line, number)) = lines.next()? {
        reader.record(line.as_bytes().trim_ascii(), number)?;
        last = number;
    }
    reader.finish(last)
}

#[derive(Default)]
struct Reader {
    out: Coverage,
    current: Option<Section>,
    found: u64,
    hit: u64,
    declares: bool,
}

/// One `SF` … `end_of_record`.
struct Section {
    slot: usize,
    from: u64,
    branches: BTreeMap<u32, Branches>,
}

impl Reader {
    fn record(&mut self, record: &[u8], line: u64) -> Result<(), ReadError> {
        if let Some(data) = record.strip_prefix(b"DA:") {
            return self.da(data, line);
        }
        if record.is_empty() || record[0] == b'#' {
            return Ok(());
        }
        if record == b"end_of_record" {
            let section = self
                .current
                .take()
                .ok_or_else(|| ReadError::malformed(line, "`end_of_record` without an `SF` record before it"))?;
            let read = FileCoverage { branches: section.branches, ..FileCoverage::default() };
            self.out.at(section.slot).merge(&read);
            return Ok(());
        }
        let Some(colon) = memchr(b':', record) else {
            return Err(ReadError::malformed(line, format!("no LCOV record: `{}`", shown(record))));
        };
        let data = &record[colon + 1..];
        match &record[..colon] {
            b"SF" => self.sf(data, line),
            b"BRDA" => self.brda(data, line),
            b"LF" => self.declared(data, line, true),
            b"LH" => self.declared(data, line, false),
            b"TN" | b"VER" | b"FN" | b"FNL" | b"FNA" | b"FNDA" | b"FNF" | b"FNH" | b"BRF" | b"BRH" | b"MCDC"
            | b"MCF" | b"MCH" | b"BA" => Ok(()),
            _ => Err(ReadError::malformed(line, format!("no LCOV record: `{}`", shown(record)))),
        }
    }

    fn sf(&mut self, data: &[u8], line: u64) -> Result<(), ReadError> {
        if let Some(open) = &self.current {
            let message = format!("a new `SF` while the record of line {} has no `end_of_record`", open.from);
            return Err(ReadError::malformed(line, message));
        }
        if data.is_empty() {
            return Err(ReadError::malformed(line, "`SF` without a path"));
        }
        let path = String::from_utf8_lossy(data).replace('\\', "/");
        self.current = Some(Section { slot: self.out.slot(&path), from: line, branches: BTreeMap::new() });
        Ok(())
    }

    fn da(&mut self, data: &[u8], line: u64) -> Result<(), ReadError> {
        let bad = |what: &str| ReadError::malformed(line, format!("`DA:{}`: {what}", shown(data)));
        let Some(section) = &self.current else { return Err(bad("no `SF` record before it")) };
        let comma = memchr(b',', data).ok_or_else(|| bad("expected `DA:line,hits`"))?;
        let number = line_number(&data[..comma]).ok_or_else(|| bad("no line number"))?;
        let rest = &data[comma + 1..];
        let hits = &rest[..memchr(b',', rest).unwrap_or(rest.len())];
        // Counters that overflowed are written with a sign; they did not run less than once for that.
        let plain = hits.strip_prefix(b"-").unwrap_or(hits);
        if plain.is_empty() || !plain.iter().all(u8::is_ascii_digit) {
            return Err(bad("no number of hits"));
        }
        let covered = plain.len() == hits.len() && plain.iter().any(|&b| b != b'0');
        self.out.at(section.slot).lines.insert(number, covered);
        Ok(())
    }

    /// `BRDA:line,[e]block,branch,taken`; `-` means that the line never ran.
    fn brda(&mut self, data: &[u8], line: u64) -> Result<(), ReadError> {
        let bad = |what: &str| ReadError::malformed(line, format!("`BRDA:{}`: {what}", shown(data)));
        let Some(section) = &mut self.current else { return Err(bad("no `SF` record before it")) };
        let comma = memchr(b',', data).ok_or_else(|| bad("expected `BRDA:line,block,branch,taken`"))?;
        let number = line_number(&data[..comma]).ok_or_else(|| bad("no line number"))?;
        let last = memchr::memrchr(b',', data).filter(|&at| at > comma);
        let taken = &data[last.ok_or_else(|| bad("no count"))? + 1..];
        if taken != b"-" && (taken.is_empty() || !taken.iter().all(u8::is_ascii_digit)) {
            return Err(bad("no count"));
        }
        let ran = taken != b"-" && taken.iter().any(|&b| b != b'0');
        section.branches.entry(number).or_default().push(ran);
        Ok(())
    }

    fn declared(&mut self, data: &[u8], line: u64, found: bool) -> Result<(), ReadError> {
        let number = digits(data).ok_or_else(|| ReadError::malformed(line, format!("no number: `{}`", shown(data))))?;
        self.declares = true;
        let sum = if found { &mut self.found } else { &mut self.hit };
        *sum = sum.saturating_add(number);
        Ok(())
    }

    fn finish(mut self, line: u64) -> Result<Coverage, ReadError> {
        if let Some(open) = self.current {
            let message =
                format!("the file ends inside the record of line {}: it was cut, or its writer was stopped", open.from);
            return Err(ReadError::malformed(line, message));
        }
        let counts = self.out.counts();
        let totals = [("LF", self.found, counts.lines_total), ("LH", self.hit, counts.lines_covered)];
        for (what, says, counted) in totals {
            if self.declares && says != counted {
                let text = format!("declares {what}={says}, its lines count {counted}");
                self.out.contradictions.push(text);
            }
        }
        Ok(self.out)
    }
}

fn line_number(text: &[u8]) -> Option<u32> {
    digits(text).filter(|number| *number <= MAX_LINE).map(|number| number as u32)
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    #[test]
    fn repeated_records_of_a_file_are_one_file() {
        let coverage = one("TN:\r\nSF:a.c\r\nDA:1,0\r\nBRDA:1,0,0,-\r\nBRDA:1,0,1,2\r\nLF:1\nLH:0\nend_of_record\n\
             SF:a.c\nDA:1,7,checksum\nDA:2,0\nBRDA:1,0,0,1\nBRDA:1,0,1,0\nend_of_record")
        .unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total), (1, 2));
        assert_eq!((counts.branches_covered, counts.branches_total), (2, 2));
        assert_eq!(coverage.contradictions.len(), 2);
    }

    #[test]
    fn damage_is_refused_with_its_line() {
        for (text, line, what) in [
            ("SF:a\nDA:1,1\n", 2, "cut"),
            ("SF:a\nDA:1\nend_of_record", 2, "DA:line,hits"),
            ("SF:a\nDA:,1\nend_of_record", 2, "no line number"),
            ("SF:a\nDA:1,x\nend_of_record", 2, "hits"),
            ("DA:1,1", 1, "no `SF`"),
            ("end_of_record", 1, "without"),
            ("SF:a\nSF:b", 2, "no `end_of_record`"),
            ("SF:a\nwhat is this\nend_of_record", 2, "no LCOV record"),
            ("SF:a\nBRDA:1,0\nend_of_record", 2, "no count"),
        ] {
            let error = one(text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}");
            assert!(error.message.contains(what), "{}", error.message);
        }
    }
}
