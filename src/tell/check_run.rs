//! Stub until the real one.
use crate::facts::report::Report;
use crate::facts::stage::{Gate, Stage};
use crate::facts::view::View;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    Success,
    Failure,
}
impl Conclusion {
    pub const fn is_green(self) -> bool {
        matches!(self, Conclusion::Success)
    }
    pub const fn id(self) -> &'static str {
        match self {
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
        }
    }
}
#[derive(Clone, Debug)]
pub struct CheckRun {
    pub name: String,
    pub title: String,
    pub summary: String,
    pub text: String,
    pub conclusion: Conclusion,
}
pub fn for_stage(_: &Report, _: &View, s: Stage) -> CheckRun {
    CheckRun {
        name: name_of_stage(s),
        title: "t".into(),
        summary: "s".into(),
        text: String::new(),
        conclusion: Conclusion::Failure,
    }
}
pub fn for_gate(_: &Report, _: &View, g: Gate) -> CheckRun {
    CheckRun {
        name: name_of_gate(g),
        title: "t".into(),
        summary: "s".into(),
        text: String::new(),
        conclusion: Conclusion::Failure,
    }
}
pub fn name_of_stage(s: Stage) -> String {
    format!("qte / {s}")
}
pub fn name_of_gate(g: Gate) -> String {
    format!("qte / {} {g}", g.stage())
}
