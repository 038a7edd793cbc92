//! What the readers of findings share: counting, handing out, and (with those of benchmarks) a bounded list of what was
//! not measured.

use super::error::MAX_MESSAGE_BYTES;
use super::json::{self, List, Object};
use crate::facts::found::{Findings, Found};
use serde::de::{Error, SeqAccess};

/// So many reasons are kept; behind them it is only said that there are more.
const MAX_UNMEASURED: usize = 100;

pub struct Out<'e> {
    pub findings: Findings,
    each: &'e mut dyn FnMut(&Found<'_>),
}

impl<'e> Out<'e> {
    pub fn new(tool: Option<&str>, each: &'e mut dyn FnMut(&Found<'_>)) -> Out<'e> {
        Out { findings: Findings { tool: tool.map(String::from), ..Findings::default() }, each }
    }

    pub fn push(&mut self, found: &Found<'_>) {
        self.findings.count(found);
        (self.each)(found);
    }

    /// Hands out a finding whose level is only known later: it is counted under none yet.
    pub fn push_unsettled(&mut self, found: &Found<'_>) {
        self.findings.total += 1;
        self.findings.suppressed += u64::from(found.suppressed);
        (self.each)(found);
    }

    pub fn settle(&mut self, level: &str, count: u64) {
        *self.findings.by_level.entry(level.to_string()).or_default() += count;
    }

    pub fn unmeasured(&mut self, why: String) {
        keep_reason(&mut self.findings.unmeasured, why);
    }
}

/// Adds a reason why a report is no evidence.
pub fn keep_reason(kept: &mut Vec<String>, mut why: String) {
    if kept.len() > MAX_UNMEASURED {
        return;
    }
    if kept.len() == MAX_UNMEASURED {
        why = "and more".into();
    }
    why.truncate(why.floor_char_boundary(MAX_MESSAGE_BYTES));
    kept.push(why);
}

/// One entry of a list of findings; its texts are used again.
pub trait Record: Object {
    fn clear(&mut self);

    fn found(&self) -> Result<Found<'_>, String>;
}

/// A list of which every entry is a finding.
pub struct Records<'a, 'e, T> {
    pub out: &'a mut Out<'e>,
    pub one: &'a mut T,
}

impl<T: Record> List for Records<'_, '_, T> {
    const WHAT: &'static str = "a list of findings";

    fn element<'de, S: SeqAccess<'de>>(&mut self, list: &mut S) -> Result<bool, S::Error> {
        self.one.clear();
        let some = list.next_element_seed(json::object(self.one))?.is_some();
        if some {
            self.out.push(&self.one.found().map_err(S::Error::custom)?);
        }
        Ok(some)
    }
}
