//! The Test Anything Protocol, versions 12 to 14 (testanything.org): top-level test points are the cases; a subtest is
//! summed up by the point that follows it. Source: the TAP 13 and 14 specifications, and what `prove` takes for a
//! directive (TAP::Parser::Grammar). A plan is the protocol's only proof that a producer came to its end: where it is
//! missing or differs, the run did not end as meant, and that is an error outside of any test.

use super::cases::{Cases, truncate};
use super::error::ReadError;
use super::lines::Lines;
use super::shape::Syntax;
use super::{Format, Holds, digits};
use crate::facts::tests::{Case, CaseOutcome, DeclaredTests, KEPT_BYTES, Tests};
use std::io::Read;

pub const FORMAT: Format = Format {
    id: "tap",
    title: "Test Anything Protocol",
    reads: "top-level test points; `# SKIP` and `# TODO` as skipped; message and place from YAML blocks (`message`, \
        `error`, `location`, `at`) and from Perl's comments. `Bail out!`, a plan that is missing or differs: an error \
        outside of any case.",
    written_by: "node --test 20, Perl's Test::More 1.3, tap and others in the corpus (versions 12 to 14)",
    refuses: "a version beyond 14, a second plan.",
    looks_like: |s| s.syntax == Syntax::Text && looks_like(&s.root),
    holds: Holds::Tests(read),
};

fn looks_like(first: &str) -> bool {
    first.starts_with("TAP version ")
        || plan(first).is_some()
        || point(first).is_some()
        || first.starts_with("# Subtest")
}

pub fn read(source: &mut dyn Read, each: &mut dyn FnMut(&Case<'_>)) -> Result<Tests, ReadError> {
    let mut lines = Lines::new(source);
    let mut reader = Reader {
        cases: Cases::new(each),
        open: None,
        yaml: None,
        plan: None,
        points: 0,
        bailed: false,
        out_of_order: false,
        point: Point::default(),
    };
    while let Some((line, number)) = lines.next()? {
        reader.line(line, number)?;
    }
    reader.finish()
}

struct Reader<'e> {
    cases: Cases<'e>,
    /// The outcome of the test point whose diagnostics may follow.
    open: Option<CaseOutcome>,
    yaml: Option<Yaml>,
    plan: Option<u64>,
    points: u64,
    bailed: bool,
    out_of_order: bool,
    point: Point,
}

/// What is known of the last test point; its texts are reused.
#[derive(Default)]
struct Point {
    name: String,
    message: String,
    text: String,
    file: String,
    line: Option<u64>,
    micros: u64,
}

/// The YAML block that is being read: how far it is indented, and the key whose value goes on over lines.
struct Yaml {
    indent: usize,
    block: Option<Block>,
    /// Inside `at:`.
    at: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Message,
    Other,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, number: u64) -> Result<(), ReadError> {
        if self.yaml.is_some() && self.yaml_line(line) {
            return Ok(());
        }
        let indent = line.len() - line.trim_start().len();
        if indent > 0 {
            self.inner(line.trim_start(), indent);
            return Ok(());
        }
        if let Some(found) = point(line) {
            self.close();
            self.point(&found);
        } else if let Some(count) = plan(line) {
            if self.plan.is_some() {
                return Err(ReadError::malformed(number, "a second plan"));
            }
            self.plan = Some(count);
        } else if let Some(version) = line.strip_prefix("TAP version ") {
            if !digits(version.trim().as_bytes()).is_some_and(|version| (12..=14).contains(&version)) {
                return Err(ReadError::malformed(number, format!("unknown TAP version `{}`", version.escape_debug())));
            }
        } else if let Some(why) = line.strip_prefix("Bail out!") {
            self.bail(why);
        } else if let Some(comment) = line.strip_prefix('#') {
            self.comment(comment);
        }
        // Whatever else a test prints is no TAP, and passed over.
        Ok(())
    }

    /// A line of a subtest, or the beginning of a YAML block; a subtest may bail out for all.
    fn inner(&mut self, line: &str, indent: usize) {
        if line == "---" && indent < 4 {
            self.yaml = Some(Yaml { indent, block: None, at: false });
        } else if let Some(why) = line.strip_prefix("Bail out!") {
            self.bail(why);
        }
    }

    fn bail(&mut self, why: &str) {
        self.close();
        if !self.bailed {
            self.cases.outside("Bail out!", why.trim(), "");
        }
        self.bailed = true;
    }

    fn point(&mut self, found: &Found<'_>) {
        self.points += 1;
        self.out_of_order |= found.number.is_some_and(|number| number != self.points);
        self.point.clear();
        push_unescaped(found.description, &mut self.point.name);
        if self.point.name.is_empty() {
            self.point.name = format!("test {}", found.number.unwrap_or(self.points));
        }
        self.open = Some(match (found.ok, found.directive) {
            (_, Some(Directive::Todo)) | (true, Some(Directive::Skip)) => CaseOutcome::Skipped,
            (true, None) => CaseOutcome::Passed,
            (false, _) => CaseOutcome::Failed,
        });
    }

    /// Counts the test point whose diagnostics have been read.
    fn close(&mut self) {
        self.yaml = None;
        let Some(outcome) = self.open.take() else { return };
        let point = &self.point;
        self.cases.push(&Case {
            class: "",
            name: &point.name,
            file: Some(point.file.as_str()).filter(|file| !file.is_empty()),
            line: point.line,
            micros: point.micros,
            outcome,
            flaky: false,
            message: &point.message,
            text: &point.text,
        });
    }

    /// Perl writes its diagnostics as comments behind the point.
    fn comment(&mut self, comment: &str) {
        if self.open != Some(CaseOutcome::Failed) {
            return;
        }
        let point = &mut self.point;
        push_line(&mut point.text, comment.strip_prefix(' ').unwrap_or(comment));
        let told = comment.trim();
        if let Some((file, rest)) = told.strip_prefix("at ").and_then(|told| told.rsplit_once(" line "))
            && point.file.is_empty()
            && let Some(line) = digits(rest.trim_end_matches('.').as_bytes())
        {
            point.file = file.replace('\\', "/");
            point.line = Some(line);
        } else if point.message.is_empty() {
            point.message = told.to_string();
        }
    }

    /// A line inside a YAML block; `false` where the block has ended without its `...`.
    fn yaml_line(&mut self, line: &str) -> bool {
        let Some(yaml) = &mut self.yaml else { return false };
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if body.is_empty() {
            return true;
        }
        if indent < yaml.indent {
            self.yaml = None;
            return false;
        }
        if indent == yaml.indent && body.trim_end() == "..." {
            self.yaml = None;
            return true;
        }
        if self.open.is_some() {
            self.point.yaml(yaml, body, indent);
        }
        true
    }

    fn finish(mut self) -> Result<Tests, ReadError> {
        self.close();
        let found = &mut self.cases.out.contradictions;
        if self.out_of_order {
            found.push("its test points are not numbered in order".into());
        }
        match self.plan {
            _ if self.bailed => {}
            None => self.cases.outside("plan", "there is no plan: the run did not end", ""),
            Some(plan) if plan != self.points => {
                let message = format!("{plan} tests were planned, and {} ran", self.points);
                self.cases.outside("plan", &message, "");
            }
            Some(_) => {}
        }
        self.cases.finish(DeclaredTests { tests: self.plan, ..DeclaredTests::default() })
    }
}

impl Point {
    fn clear(&mut self) {
        self.name.clear();
        self.message.clear();
        self.text.clear();
        self.file.clear();
        self.line = None;
        self.micros = 0;
    }

    /// One line of the block; only the keys that tell a message, a place or a time are looked at.
    fn yaml(&mut self, yaml: &mut Yaml, body: &str, indent: usize) {
        push_line(&mut self.text, body);
        let top = indent == yaml.indent;
        if !top && yaml.block == Some(Block::Message) {
            push_line(&mut self.message, body.trim_end());
            return;
        }
        if top {
            yaml.block = None;
            yaml.at = false;
        }
        let Some((key, value)) = body.split_once(':').filter(|_| top || yaml.at) else { return };
        let value = value.trim();
        let folded = matches!(value, "|" | "|-" | "|+" | ">" | ">-" | ">+");
        match key {
            "message" | "error" if top && folded && self.message.is_empty() => yaml.block = Some(Block::Message),
            "message" | "error" if top && self.message.is_empty() => self.message = unquoted(value).to_string(),
            _ if folded => yaml.block = Some(Block::Other),
            "at" if top && value.is_empty() => yaml.at = true,
            "at" | "location" if top => self.place(unquoted(value)),
            "file" | "fileName" => self.file = unquoted(value).replace('\\', "/"),
            "line" | "lineNumber" => self.line = digits(value.as_bytes()).filter(|&line| line > 0),
            "duration_ms" if top => self.micros = micros(value),
            _ => {}
        }
    }

    /// `file:line:column`
    fn place(&mut self, place: &str) {
        let mut parts = place.rsplitn(3, ':');
        let (_, line, file) = (parts.next(), parts.next(), parts.next());
        if let (Some(line), Some(file)) = (line.and_then(|line| digits(line.as_bytes())), file) {
            self.file = file.strip_prefix("file://").unwrap_or(file).replace('\\', "/");
            self.line = Some(line).filter(|&line| line > 0);
        }
    }
}

fn push_line(text: &mut String, line: &str) {
    if text.len() >= KEPT_BYTES {
        return;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(line);
    truncate(text, KEPT_BYTES);
}

fn unquoted(value: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

fn micros(milliseconds: &str) -> u64 {
    match milliseconds.parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => (value * 1e3) as u64,
        _ => 0,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    Skip,
    Todo,
}

/// A test point as it is written.
struct Found<'a> {
    ok: bool,
    number: Option<u64>,
    description: &'a str,
    directive: Option<Directive>,
}

/// `ok 1 - description # SKIP why`, everything behind `ok` being optional.
fn point(line: &str) -> Option<Found<'_>> {
    let (ok, rest) = match line.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok")?),
    };
    // `okay` is no test point.
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let rest = rest.trim_start();
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = digits(&rest.as_bytes()[..length]);
    let rest = rest[length..].trim_start();
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let (description, directive) = directive(rest);
    Some(Found { ok, number, description: description.trim(), directive })
}

/// The first `#` that is not escaped may begin a directive; one behind another word is a part of the description.
fn directive(rest: &str) -> (&str, Option<Directive>) {
    let mut escaped = false;
    let found = rest.char_indices().find(|&(_, c)| {
        let hash = c == '#' && !escaped;
        escaped = c == '\\' && !escaped;
        hash
    });
    let Some((at, _)) = found else { return (rest, None) };
    let word = rest[at + 1..].trim_start();
    let begins = |with: &str| word.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(with));
    // `# SKIPPED` is a skip; `# TODOS` is none of them.
    let ends = !word.get(4..).is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
    match () {
        () if begins("skip") => (&rest[..at], Some(Directive::Skip)),
        () if begins("todo") && ends => (&rest[..at], Some(Directive::Todo)),
        () => (rest, None),
    }
}

fn push_unescaped(description: &str, out: &mut String) {
    let mut escaped = false;
    for c in description.chars() {
        if c == '\\' && !escaped {
            escaped = true;
            continue;
        }
        if escaped && c != '#' && c != '\\' {
            out.push('\\');
        }
        escaped = false;
        out.push(c);
    }
    if escaped {
        out.push('\\');
    }
}

/// `1..N`, perhaps with a comment.
fn plan(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("1..")?;
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let tail = rest[length..].trim();
    if !tail.is_empty() && !tail.starts_with('#') {
        return None;
    }
    digits(&rest.as_bytes()[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> (Tests, Vec<String>) {
        let mut seen = Vec::new();
        let mut source = text.as_bytes();
        let tests = read(&mut source, &mut |case| {
            let place = case.file.map_or(String::new(), |file| format!(" {file}:{}", case.line.unwrap_or(0)));
            seen.push(format!("{} {}{place} {}", case.outcome.id(), case.name, case.message).trim().to_string());
        })
        .unwrap();
        (tests, seen)
    }

    #[test]
    fn a_directive_begins_with_the_first_hash_that_is_not_escaped() {
        for (line, outcome) in [
            ("ok 1 - x # SKIP why", "skipped x"),
            ("ok 1 - x #skipped", "skipped x"),
            ("ok-# skip x", "skipped test 1"),
            ("not ok 1 x # TODO why", "skipped x"),
            ("ok 1 x # todo", "skipped x"),
            // A failure that says it was skipped has failed.
            ("not ok 1 - x # SKIP why", "failed x"),
            ("not ok 1 - x \\# TODO why", "failed x # TODO why"),
            ("not ok 1 - closes # 12 # TODO", "failed closes # 12 # TODO"),
            ("not ok 1 - x # TODOS", "failed x # TODOS"),
            ("ok 1 - a\\b \\\\# SKIP", "skipped a\\b \\"),
            ("ok", "passed test 1"),
            ("ok 2-description", "passed description"),
        ] {
            let (tests, seen) = one(&format!("1..1\r\n{line}\r\n"));
            assert_eq!(seen, [outcome], "{line}");
            assert_eq!(tests.outside, 0, "{line}");
        }
        let (_, seen) = one("1..0\nokay\nnot okay\n ok 1\nOK 1\n");
        assert!(seen.is_empty(), "{seen:?}");
    }

    #[test]
    fn a_plan_that_is_missing_or_differs_is_red() {
        for (text, outside, contradictions) in [
            ("1..2\nok\nok\n", 0, 0),
            ("ok\nok\n1..2 # done\n", 0, 0),
            ("1..0 # SKIP no database\n", 0, 0),
            ("ok\nok\n", 1, 2),
            ("1..3\nok\nok\n", 1, 3),
            ("1..1\nok\nok\n", 1, 3),
            ("1..2\nok 1\nok 3\n", 0, 1),
        ] {
            let (tests, _) = one(text);
            assert_eq!((tests.outside, tests.contradictions.len()), (outside, contradictions), "{text}");
        }
        let error = read(&mut &b"1..1\nok\n1..1\n"[..], &mut |_| {}).unwrap_err();
        assert_eq!((error.line, error.message.as_str()), (Some(3), "a second plan"));
        let error = read(&mut &b"TAP version 15\n"[..], &mut |_| {}).unwrap_err();
        assert_eq!(error.line, Some(1));
    }

    #[test]
    fn a_run_that_bails_out_did_not_end_also_from_inside_a_subtest() {
        for text in ["1..3\nok\nBail out!  no database\n", "1..3\nok\n    ok 1\n    Bail out! no database\n"] {
            let (tests, seen) = one(text);
            assert_eq!((seen.len(), tests.outside), (1, 1), "{text}");
            assert_eq!(tests.kept[0].message, "no database");
        }
        // Printed by a test, and passed on by node as a comment.
        assert_eq!(one("# Bail out! printed\nok\n1..1\n").0.outside, 0);
    }

    #[test]
    fn yaml_and_comments_tell_message_and_place() {
        let (tests, seen) = one(
            "TAP version 14\nnot ok 1 - a\n  ---\n  message: \"it's 2\"\n  duration_ms: 1.5\n  at:\n    \
             file: t\\a.js\n    line: 8\n  stack: |\n    message: forged\n    not ok 7\n  ...\nnot ok 2 - b\n  ---\n  error: |-\n    \
             first\n\n    second: x\n  location: 'file:///w/b.mjs:5:1'\n  ...\nnot ok 3 - c\n#   Failed test 'c'\n\
             #   at t/c.t line 3.\n#   got: 1\n1..3\n",
        );
        let expected =
            ["failed a t/a.js:8 it's 2", "failed b /w/b.mjs:5 first\nsecond: x", "failed c t/c.t:3 Failed test 'c'"];
        assert_eq!(seen, expected);
        assert_eq!((tests.counts.micros, tests.outside), (1500, 0));
        assert!(tests.kept[2].text.contains("got: 1"), "{:?}", tests.kept[2]);
    }

    #[test]
    fn points_of_subtests_and_of_yaml_are_not_counted() {
        let (tests, seen) =
            one("# Subtest: a\n    not ok 1 - inner\n      ---\n      error: 'x'\n      ...\n    1..1\n\
             not ok 1 - a\n  ---\n  diff: |\n    not ok 1\n  ok 2 - in yaml\n  ...\nok 2 - b\n1..2\n");
        assert_eq!(seen, ["failed a", "passed b"]);
        assert_eq!(tests.outside, 0);
        // A block that is never closed ends where the indent does.
        assert_eq!(one("ok 1 - a\n  ---\n  x: 1\nnot ok 2 - b\n1..2\n").1, ["passed a", "failed b"]);
    }
}
