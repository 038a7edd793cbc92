//! Effects: processes, files, git, the terminal, GitHub. Nothing here decides a verdict.

pub mod files;
pub mod git;
pub mod github;
pub mod handoff;
pub mod keep;
pub mod process;
pub mod project;
pub mod runner;
pub mod terminal;
