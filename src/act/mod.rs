//! Effects: processes, files, git, the terminal. Nothing here decides a verdict.

pub mod files;
pub mod git;
pub mod keep;
pub mod process;
pub mod project;
pub mod terminal;
