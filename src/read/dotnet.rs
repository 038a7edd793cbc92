//! What the readers of .NET's test reports share: the texts of the case at hand, and places in stack traces.
//! A frame is `at Method(…) in PATH:line N` as .NET prints it (System.Diagnostics.StackTrace), without the word
//! `line` under Mono.

use super::cases::truncate;
use super::xml::{text, unescape};
use crate::facts::tests::{Case, CaseOutcome, KEPT_BYTES};
use std::borrow::Cow;

/// Where the text that is being read belongs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    #[default]
    None,
    Message,
    Trace,
}

/// The case being read; its texts are reused from case to case.
pub struct CaseState {
    pub class: String,
    pub name: String,
    /// Where the report itself says that the test stands; empty where it does not.
    pub file: String,
    pub line: Option<u64>,
    pub micros: u64,
    pub outcome: CaseOutcome,
    pub part: Part,
    message: String,
    trace: String,
}

impl Default for CaseState {
    fn default() -> CaseState {
        CaseState {
            class: String::new(),
            name: String::new(),
            file: String::new(),
            line: None,
            micros: 0,
            outcome: CaseOutcome::Error,
            part: Part::None,
            message: String::new(),
            trace: String::new(),
        }
    }
}

impl CaseState {
    pub fn open(&mut self, outcome: CaseOutcome, micros: u64) {
        for text in [&mut self.class, &mut self.name, &mut self.file, &mut self.message, &mut self.trace] {
            text.clear();
        }
        (self.outcome, self.micros, self.line, self.part) = (outcome, micros, None, Part::None);
    }

    /// Class and name; display names often repeat the class.
    pub fn named(&mut self, class: &str, name: &str) {
        let short = name.strip_prefix(class).and_then(|rest| rest.strip_prefix("::").or(rest.strip_prefix('.')));
        self.class.push_str(class);
        self.name.push_str(if class.is_empty() { name } else { short.unwrap_or(name) });
    }

    /// Only the texts of red cases are kept.
    pub fn red(&self) -> bool {
        matches!(self.outcome, CaseOutcome::Failed | CaseOutcome::Error)
    }

    pub fn text(&mut self, raw: &[u8], escaped: bool) {
        let to = match self.part {
            Part::None => return,
            Part::Message => &mut self.message,
            Part::Trace => &mut self.trace,
        };
        if to.len() < KEPT_BYTES {
            match escaped {
                true => to.push_str(&unescape(raw)),
                false => to.push_str(text(raw)),
            }
            truncate(to, KEPT_BYTES);
        }
    }

    /// Hands the case on. A failure stands where its stack trace says, else where the report says of the test.
    pub fn hand(&self, push: &mut dyn FnMut(&Case<'_>)) {
        let place = if self.red() { place(&self.trace, &self.name) } else { None };
        let file = match &place {
            Some((path, _)) => Some(path.as_ref()),
            None => Some(self.file.as_str()).filter(|file| !file.is_empty()),
        };
        push(&Case {
            class: &self.class,
            name: &self.name,
            file,
            line: place.as_ref().map(|(_, line)| *line).or(self.line),
            micros: self.micros,
            outcome: self.outcome,
            flaky: false,
            message: &self.message,
            text: &self.trace,
        });
    }
}

/// The place of the test's own frame, else of the innermost one that has a place.
fn place<'a>(trace: &'a str, name: &str) -> Option<(Cow<'a, str>, u64)> {
    let method = last_name(name);
    let mut innermost = None;
    for (function, path, line) in trace.lines().filter_map(frame) {
        if last_name(function) == method || in_state_machine(function, method) {
            innermost = Some((path, line));
            break;
        }
        innermost = innermost.or(Some((path, line)));
    }
    innermost.map(|(path, line)| (slashes(path), line))
}

fn frame(line: &str) -> Option<(&str, &str, u64)> {
    let (function, place) = line.trim().strip_prefix("at ")?.rsplit_once(" in ")?;
    let (path, number) = place.rsplit_once(":line ").or_else(|| place.rsplit_once(':'))?;
    let number = number.trim_end_matches('.').parse().ok().filter(|&number| number > 0)?;
    (!path.is_empty() && !path.starts_with('<')).then_some((function, path, number))
}

/// `Shop.CartTests.Adds(Int32 n)`, `Adds(n: 1)` and `Shop.CartTests.Adds ()` as `Adds`.
fn last_name(name: &str) -> &str {
    let name = name.split('(').next().unwrap_or(name).trim_end();
    name.rsplit('.').next().unwrap_or(name)
}

/// `Shop.CartTests.<Adds>d__1.MoveNext()` is the body of the asynchronous `Adds`.
fn in_state_machine(function: &str, method: &str) -> bool {
    function.split('<').skip(1).any(|rest| rest.strip_prefix(method).is_some_and(|rest| rest.starts_with('>')))
}

pub fn slashes(path: &str) -> Cow<'_, str> {
    match path.contains('\\') {
        true => path.replace('\\', "/").into(),
        false => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stands_in_the_test_s_own_frame() {
        let trace = "   at Shop.Till.Div(Int32 a) in C:\\w\\Till.cs:line 9\r\n   at Shop.TillTests.Divides(Int32 a) in C:\\w\\Tests.cs:line 33\r\n";
        let of = |trace, name| place(trace, name).map(|(path, line)| format!("{path}:{line}"));
        assert_eq!(of(trace, "Shop.TillTests.Divides(a: 0.5)").as_deref(), Some("C:/w/Tests.cs:33"));
        assert_eq!(of(trace, "a name of its own").as_deref(), Some("C:/w/Till.cs:9"));
        let later = "   at A.B() in /w/a.cs:line 2\n   at Shop.Tests.<Waits>d__1.MoveNext() in /w/t.cs:line 7";
        assert_eq!(of(later, "Waits").as_deref(), Some("/w/t.cs:7"));
        let mono = "at Shop.Tests.Adds () [0x00008] in /w/Shop.cs:6\nat X () [0x1] in <417f7b42>:0";
        assert_eq!(of(mono, "Shop.Tests.Adds").as_deref(), Some("/w/Shop.cs:6"));
        for none in ["", "at X () [0x1] in <417f7b42>:3", "at X() in /w/a.cs:line 0", "at X()", "in a:1"] {
            assert_eq!(of(none, "X"), None, "{none}");
        }
    }

    #[test]
    fn a_display_name_does_not_repeat_its_class() {
        for (class, name, short) in [
            ("Shop.Tests", "Shop.Tests.Adds(n: 1)", "Adds(n: 1)"),
            ("t.py", "t.py::adds", "adds"),
            ("Shop", "Shopping", "Shopping"),
            ("", ".a", ".a"),
        ] {
            let mut case = CaseState::default();
            case.named(class, name);
            assert_eq!(case.name, short);
        }
    }
}
