//! SimpleCov's `.resultset.json`: one set of results for each command, a list of hits for each line of each file.
//! Shape after simplecov's lib/simplecov/result.rb and result_merger.rb; before 0.18 a file is its list of lines alone.
//! A branch is written as Ruby prints it: `[:then, 1, 13, 6, 13, 11]`, that is kind, number, first line and column, last.

use super::cobertura::MAX_LINE;
use super::error::ReadError;
use super::json::{self, List, Object};
use super::shape::Syntax;
use super::{Format, Holds};
use crate::facts::coverage::{Coverage, FileCoverage};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "simplecov",
    title: "SimpleCov result set",
    reads: "`lines` and `branches` of each file; what several result sets say of one file is put together.",
    written_by: "SimpleCov 0.22 (`.resultset.json`), and files of 0.17 and 0.21",
    refuses: "a result set without `coverage`, a file without `lines`, hits that are no number, `null` or `ignored`.",
    looks_like: |s| {
        s.syntax == Syntax::JsonObject
            && s.has_inner("coverage")
            && s.inner.iter().all(|key| key == "coverage" || key == "timestamp")
    },
    holds: Holds::Coverage(read),
};

pub fn read(source: &mut dyn Read) -> Result<Coverage, ReadError> {
    let mut sets = Sets(Coverage::default());
    json::document(source, json::object(&mut sets))?;
    let mut out = sets.0;
    out.tool = Some("SimpleCov".into());
    let listed = out.files().len();
    out.listed = Some(listed);
    Ok(out)
}

struct Sets(Coverage);

impl Object for Sets {
    const WHAT: &'static str = "result sets of SimpleCov";

    fn entry<'de, M: MapAccess<'de>>(&mut self, _: &str, map: &mut M) -> Result<(), M::Error> {
        map.next_value_seed(json::object(&mut Set { out: &mut self.0, coverage: false }))
    }
}

struct Set<'a> {
    out: &'a mut Coverage,
    coverage: bool,
}

impl Object for Set<'_> {
    const WHAT: &'static str = "a result set";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "coverage" => {
                self.coverage = true;
                map.next_value_seed(json::object(&mut Files(self.out)))
            }
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.coverage { Ok(()) } else { Err("a result set without `coverage`".into()) }
    }
}

struct Files<'a>(&'a mut Coverage);

impl Object for Files<'_> {
    const WHAT: &'static str = "an object of files";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        // Read apart and then put together: the sets tell a line's branches each in the same order.
        let mut file = File::default();
        map.next_value_seed(OneFile(&mut file))?;
        let slot = self.0.slot(&key.replace('\\', "/"));
        self.0.at(slot).merge(&file.out);
        Ok(())
    }
}

#[derive(Default)]
struct File {
    out: FileCoverage,
    lines: bool,
    /// Of the list of lines.
    number: u64,
}

/// An object, or in older versions the list of lines.
struct OneFile<'a>(&'a mut File);

impl<'de> DeserializeSeed<'de> for OneFile<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneFile<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file's coverage")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        json::object(self.0).visit_map(map)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<(), S::Error> {
        json::list(self.0).visit_seq(list)
    }
}

impl Object for File {
    const WHAT: &'static str = "a file's coverage";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        match key {
            "lines" => {
                self.lines = true;
                self.number = 0;
                map.next_value_seed(json::list(self))
            }
            "branches" => map.next_value_seed(json::object_or_null(&mut Conditions(&mut self.out))),
            _ => json::skip(map),
        }
    }

    fn end(&mut self) -> Result<(), String> {
        if self.lines { Ok(()) } else { Err("a file without `lines`".into()) }
    }
}

impl List for File {
    const WHAT: &'static str = "a list of hits";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        let Some(hits) = list.next_element_seed(Hits)? else { return Ok(false) };
        self.number += 1;
        if self.number > MAX_LINE {
            return Err(S::Error::custom(format!("more than {MAX_LINE} lines")));
        }
        if let Some(covered) = hits {
            self.out.lines.insert(self.number as u32, covered);
        }
        Ok(true)
    }
}

/// How often a line ran: `null` for one that cannot, `"ignored"` for one between `:nocov:` comments.
struct Hits;

impl<'de> DeserializeSeed<'de> for Hits {
    type Value = Option<bool>;

    fn deserialize<D: serde::Deserializer<'de>>(self, d: D) -> Result<Option<bool>, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Hits {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of hits, null or \"ignored\"")
    }

    fn visit_u64<E>(self, hits: u64) -> Result<Option<bool>, E> {
        Ok(Some(hits > 0))
    }

    fn visit_unit<E>(self) -> Result<Option<bool>, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<bool>, E> {
        if text == "ignored" { Ok(None) } else { Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)) }
    }
}

struct Conditions<'a>(&'a mut FileCoverage);

impl Object for Conditions<'_> {
    const WHAT: &'static str = "an object of conditions";

    fn entry<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let line = first_line(key).ok_or_else(|| M::Error::custom(format!("a condition expected, found `{key}`")))?;
        map.next_value_seed(json::object(&mut Ways { file: self.0, line }))
    }
}

/// `[:if, 0, 12, 4, 14, 7]`: 12.
fn first_line(condition: &str) -> Option<u32> {
    let inside = condition.strip_prefix('[')?.strip_suffix(']')?;
    let line = inside.split(',').nth(2)?.trim().parse().ok()?;
    (u64::from(line) <= MAX_LINE).then_some(line)
}

/// The ways that a condition can go.
struct Ways<'a> {
    file: &'a mut FileCoverage,
    line: u32,
}

impl Object for Ways<'_> {
    const WHAT: &'static str = "an object of branches";

    fn entry<'de, M: MapAccess<'de>>(&mut self, _: &str, map: &mut M) -> Result<(), M::Error> {
        if let Some(taken) = map.next_value_seed(Hits)? {
            self.file.branches.entry(self.line).or_default().push(taken);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Coverage, ReadError> {
        let mut source = text.as_bytes();
        read(&mut source)
    }

    #[test]
    fn sets_of_one_file_are_put_together() {
        let set = |lines: &str, then: u8, other: u8| {
            format!(
                r#"{{"coverage":{{"a\\b.rb":{{"lines":{lines},"branches":{{"[:if, 0, 2, 4, 3, 7]":
                {{"[:then, 1, 2, 6, 2, 11]":{then},"[:else, 2, 3, 4, 3, 7]":{other}}}}}}}}},"timestamp":1.5}}"#
            )
        };
        let text = format!(
            r#"{{"RSpec":{},"Minitest":{}}}"#,
            set("[null,1,0,0,\"ignored\"]", 1, 0),
            set("[null,0,2,0,\"ignored\"]", 0, 3)
        );
        let coverage = one(&text).unwrap();
        let file = coverage.get("a/b.rb").unwrap();
        assert_eq!(file.lines.iter().collect::<Vec<_>>(), [(2, true), (3, true), (4, false)]);
        assert_eq!((file.branches[&2].covered, file.branches[&2].total), (2, 2));
        assert_eq!(coverage.file_count(), 1);
    }

    #[test]
    fn before_0_18_a_file_is_its_lines() {
        let coverage = one(r#"{"RSpec":{"coverage":{"a.rb":[1,null,0],"b.rb":[]},"timestamp":1}}"#).unwrap();
        let counts = coverage.counts();
        assert_eq!((counts.lines_covered, counts.lines_total, coverage.file_count()), (1, 2, 2));
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        for (text, what) in [
            (r#"{"RSpec":{"timestamp":1}}"#, "without `coverage`"),
            (r#"{"RSpec":{"coverage":{"a":{"branches":{}}}}}"#, "without `lines`"),
            (r#"{"RSpec":{"coverage":{"a":[1,-1]}}}"#, "hits"),
            (r#"{"RSpec":{"coverage":{"a":[1,"x"]}}}"#, "hits"),
            (r#"{"RSpec":{"coverage":{"a":{"lines":[1],"branches":{"if":{}}}}}}"#, "found `if`"),
            (r#"{"RSpec":{"coverage":{"a":[1"#, "EOF"),
            (r#"{"RSpec":{"coverage":{"a":1}}}"#, "a file's coverage"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.message.contains(what), "{}", error.message);
            assert_eq!(error.line, Some(1));
        }
    }
}
