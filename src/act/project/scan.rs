//! Scanning tools, as data: how each gets onto the machine, how it is run over a component, what it writes and how its
//! exit codes are meant.

use super::{Command, Host, Project, ProjectError, Site};
use std::cell::OnceCell;
use std::path::PathBuf;

/// The versions of the tools that we install, by name.
pub struct Pins(pub Vec<(String, String)>);

impl Pins {
    /// The default configuration pins every tool that a file here names.
    pub fn of(&self, tool: &str) -> &str {
        self.0.iter().find(|(name, _)| name == tool).map_or("", |(_, version)| version)
    }
}

/// How a tool of ours is made: a folder in the cache, kept for this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    pub folder: PathBuf,
    pub steps: Vec<Command>,
}

/// One run of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub tool: &'static str,
    /// `None` where the project brings the tool, or its ecosystem.
    pub setup: Option<Setup>,
    pub command: Command,
    /// What it writes, relative to the whole project.
    pub report: String,
    /// The format of that, by its name.
    pub format: &'static str,
    /// The exit codes by which it says that it found something.
    pub found: &'static [i32],
    /// Does it look at the commits of the change, and not at the files?
    pub of_commits: bool,
}

/// What can be done about one gate in one component.
#[derive(Debug)]
pub enum Scans {
    Tools(Vec<Scan>),
    /// There is nothing that the gate could ask about, and why.
    NotApplicable(String),
    /// There is something, and no tool of ours looks at it.
    NoTool(String),
    /// The tool is known, and something is in its way.
    Blocked(&'static str, String),
}

/// What is known of a component when its scans are planned: behind its installation.
pub struct Look<'a> {
    pub site: &'a Site<'a>,
    /// `None` where its code belongs to no project.
    pub plan: Option<&'a Project>,
    pub pins: &'a Pins,
    /// What the gates may look at: the component's files, without those that are not the project's own.
    pub installed: Installed,
    host: OnceCell<Result<Host, ProjectError>>,
}

/// What became of the component's dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installed {
    /// Into its own environment.
    Own,
    /// The active environment is used as it is.
    Active,
    /// It declares none.
    Nothing,
    Failed,
}

impl<'a> Look<'a> {
    pub fn new(site: &'a Site<'a>, plan: Option<&'a Project>, pins: &'a Pins, installed: Installed) -> Look<'a> {
        Look { site, plan, pins, installed, host: OnceCell::new() }
    }

    /// The machine's Python; looked for once.
    pub fn host(&self) -> Result<&Host, ProjectError> {
        self.host.get_or_init(|| Host::look(self.site.path)).as_ref().map_err(Clone::clone)
    }

    /// A folder of the cache for a tool in a version.
    pub fn tool_folder(&self, name: &str) -> PathBuf {
        self.site.envs.join("tools").join(name)
    }

    /// A file that a tool writes: absolute for the command, and as the project names it.
    pub fn report(&self, name: &str) -> (String, String) {
        (super::path_text(&self.site.evidence.join(name)), self.site.report(name))
    }
}
