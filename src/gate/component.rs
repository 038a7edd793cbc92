//! One component of a project on its way through a run: what is planned for it, and what became of that.

use crate::act::project::Project;
use crate::facts::report::{self, Obstacle};
use crate::facts::tree::Root;
use crate::judge::Run;
use crate::judge::install::Input as Install;
use std::path::PathBuf;
use std::time::SystemTime;

/// A part of the project that is installed and tested by itself.
#[derive(Default)]
pub struct Component {
    /// Empty where it is the only one.
    pub name: String,
    pub ecosystem: String,
    /// Relative to the project, with `/`; empty for the project itself.
    pub folder: String,
    /// Where its reports and logs go, absolute.
    pub evidence: PathBuf,
    pub plan: Option<Project>,
    /// What became of its dependencies; none where another component's installation serves it.
    pub install: Option<Install>,
    /// Why it cannot be planned for.
    pub refused: Option<Obstacle>,
    /// Does it run or read tests of its own?
    pub is_tested: bool,
    /// Why the project can have no tests that we know how to run.
    pub not_applicable: Option<String>,
    pub run: Option<Run>,
    /// When the test command began; reports may not be older.
    pub began: Option<SystemTime>,
    /// Where test and coverage reports are looked for: patterns below the project.
    pub test_reports: Vec<String>,
    pub coverage_reports: Vec<String>,
    pub no_coverage: Option<Obstacle>,
    /// Reports that lay there before the command and were moved aside.
    pub moved: Vec<String>,
    pub reruns: Option<PathBuf>,
}

impl Component {
    /// One whose reports are written by a configured command or by earlier steps.
    pub fn reading(evidence: PathBuf) -> Component {
        Component { evidence, is_tested: true, ..Component::default() }
    }

    /// Can its tests rely on their dependencies?
    pub fn is_ready(&self) -> bool {
        self.install.as_ref().is_none_or(Install::is_ready)
    }

    /// What its configuration leaves out of coverage, as patterns of the whole project.
    pub fn omit(&self) -> Vec<String> {
        let omit = self.plan.as_ref().map(|plan| plan.omit.as_slice()).unwrap_or_default();
        match self.folder.as_str() {
            "" => omit.to_vec(),
            folder => omit.iter().map(|glob| format!("{folder}/{}", glob.trim_start_matches("./"))).collect(),
        }
    }

    fn roots(&self) -> Vec<Root> {
        self.plan.as_ref().map(|plan| plan.roots.clone()).unwrap_or_default()
    }

    /// As the report names it.
    pub fn fact(&self) -> report::Component {
        report::Component {
            name: self.name.clone(),
            ecosystem: self.ecosystem.clone(),
            folder: self.folder.clone(),
            installed_only: !self.is_tested,
            roots: self.roots(),
            refused: self.refused.clone(),
            no_coverage: self.no_coverage.clone(),
            omit: self.omit(),
        }
    }
}
