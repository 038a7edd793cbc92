//! Stub until the real one.
use crate::facts::report::Report;
use crate::facts::stage::Gate;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Notice,
    Warning,
    Failure,
}
impl Level {
    pub const fn id(self) -> &'static str {
        match self {
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Failure => "failure",
        }
    }
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    pub path: String,
    pub start_line: u64,
    pub end_line: u64,
    pub level: Level,
    pub title: String,
    pub message: String,
    pub raw_details: Option<String>,
    pub gate: Gate,
}
#[derive(Clone, Debug, Default)]
pub struct Annotated {
    pub kept: Vec<Annotation>,
    pub without_place: u64,
    pub outside: u64,
    pub not_in_head: u64,
    pub over_limit: u64,
    pub unlisted: u64,
}
pub enum Place {
    At { path: String, line: u64 },
    Outside,
    NotInHead,
}
pub fn annotations(_: &Report, _: &dyn Fn(&str, u64) -> Place, _: usize) -> Annotated {
    Annotated::default()
}
pub fn commands(_: &[Annotation], _: usize) -> (Vec<String>, u64) {
    (Vec::new(), 0)
}
