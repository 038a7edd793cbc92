//! Formats that are recognised by name but have no reader yet: they are refused as what they are,
//! never taken for something else.

use super::shape::{Shape, Syntax};
use super::{Format, Holds};

const fn other(id: &'static str, looks_like: fn(&Shape) -> bool) -> Format {
    Format { id, title: "", reads: "", written_by: "", refuses: "", looks_like, holds: Holds::None }
}

fn object(shape: &Shape, keys: &[&str]) -> bool {
    shape.syntax == Syntax::JsonObject && shape.has_keys(keys)
}

pub static OTHERS: &[Format] = &[
    other("bench", |s| s.syntax == Syntax::Text && s.has_inner("bench")),
    other("criterion-estimates", |s| object(s, &["mean", "median_abs_dev"])),
    other("criterion-benchmark", |s| object(s, &["group_id", "function_id"])),
];
