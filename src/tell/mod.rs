//! Report to text. Pure; one file per outlet.

pub mod clean;
pub mod console;
pub mod html;
pub mod read_json;
pub mod reference;
pub mod settings;
