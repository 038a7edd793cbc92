//! Report to text. Pure; one file per outlet.

pub mod annotations;
pub mod check_run;
pub mod clean;
pub mod console;
mod covered;
pub mod html;
pub mod markdown;
pub mod outputs;
pub mod read_json;
pub mod reference;
mod sections;
pub mod settings;
pub mod summary;
mod words;
