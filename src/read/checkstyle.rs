//! Checkstyle's XML, which many linters write: `<file name>` with its `<error>`s.

use super::error::ReadError;
use super::findings::Out;
use super::shape::Syntax;
use super::xml::{Event, Tag, Xml};
use super::{Format, Holds};
use crate::facts::finding::Severity;
use crate::facts::found::{Findings, Found};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "checkstyle",
    title: "Checkstyle XML",
    reads: "every `<error>` of every `<file>` with its `source` as the rule; an `<exception>` tells of a file that was \
        not measured.",
    written_by: "ESLint 9.39 (eslint-formatter-checkstyle)",
    refuses: "an `<error>` outside of a `<file>`, a file without a name, a severity other than error, warning, info and \
        ignore, XML that is not well formed.",
    looks_like: |s| s.syntax == Syntax::Xml && s.root == "checkstyle",
    holds: Holds::Findings(read),
};

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Found<'_>)) -> Result<Findings, ReadError> {
    let mut xml = Xml::new(source);
    let mut reader = Reader { out: Out::new(None, each), file: None };
    loop {
        let depth = xml.depth();
        match xml.next()? {
            Event::Start(tag) => {
                let done = reader.start(depth, &tag);
                done.map_err(|message| ReadError::malformed(xml.line(), message))?;
            }
            Event::End(b"file") if depth == 1 => reader.file = None,
            Event::End(_) | Event::Text(_) | Event::Cdata(_) => {}
            Event::Eof => break,
        }
    }
    Ok(reader.out.findings)
}

struct Reader<'e> {
    out: Out<'e>,
    file: Option<String>,
}

impl Reader<'_> {
    /// `depth` is that of the parent: 0 for the root.
    fn start(&mut self, depth: usize, tag: &Tag<'_>) -> Result<(), String> {
        match tag.name() {
            b"checkstyle" if depth == 0 => Ok(()),
            _ if depth == 0 => Err("<checkstyle> expected".into()),
            b"file" => {
                let name = tag.get("name").filter(|name| !name.is_empty());
                self.file = Some(name.ok_or("<file> without a `name`")?.replace('\\', "/"));
                Ok(())
            }
            b"error" => self.error(tag),
            b"exception" => {
                let file = self.file.as_deref().unwrap_or("a file");
                self.out.unmeasured(format!("{file}: the tool broke"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn error(&mut self, tag: &Tag<'_>) -> Result<(), String> {
        let file = self.file.as_deref().ok_or("<error> outside of a <file>")?;
        // Checkstyle's own default.
        let level = tag.get("severity").unwrap_or_else(|| "error".into());
        let severity = match &*level {
            "error" => Severity::High,
            "warning" => Severity::Medium,
            "info" => Severity::Low,
            "ignore" => Severity::Notice,
            other => return Err(format!("a severity of Checkstyle expected, found `{other}`")),
        };
        let found = Found {
            rule: tag.get("source").unwrap_or_default(),
            message: tag.get("message").unwrap_or_default(),
            severity,
            level: level.clone(),
            confidence: "".into(),
            path: Some(file.into()),
            line: tag.number("line").filter(|&line| line > 0),
            end_line: None,
            suppressed: false,
            package: None,
        };
        self.out.push(&found);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<(Findings, Vec<String>), ReadError> {
        let mut seen = Vec::new();
        let findings = read(&mut text.as_bytes(), &mut |f| {
            seen.push(format!("{} {} {:?} {:?}", f.rule, f.level, f.path.as_deref(), f.line));
        })?;
        Ok((findings, seen))
    }

    #[test]
    fn errors_are_of_their_file() {
        let (findings, seen) = one(
            "<checkstyle version='8'><file name='src\\a.c'><error line='3' severity='warning' message='m' source='r'/>\
             <error line='0' message='whole file'/></file><file name='b'><exception>x</exception></file></checkstyle>",
        )
        .unwrap();
        assert_eq!(seen, ["r warning Some(\"src/a.c\") Some(3)", " error Some(\"src/a.c\") None"]);
        assert_eq!((findings.total, findings.by_level["error"]), (2, 1));
        assert_eq!(findings.unmeasured, ["b: the tool broke"]);
        for (bad, what) in [
            ("<checkstyle><error/></checkstyle>", "outside of a <file>"),
            ("<checkstyle><file><error/></file></checkstyle>", "without a `name`"),
            ("<checkstyle><file name='a'><error severity='bad'/></file></checkstyle>", "found `bad`"),
            ("<other/>", "<checkstyle> expected"),
        ] {
            let error = one(bad).unwrap_err();
            assert!(error.message.contains(what), "{bad}: {}", error.message);
        }
    }
}
