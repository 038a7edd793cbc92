//! The scanning tools of stages 2A and 2B: which are run, how each gets onto the machine, and their runs side by side.

use super::collect::Collected;
use super::command::{Task, one_command, shell};
use super::{EVIDENCE_FOLDER, GateError, io_error};
use crate::act::project::scan::{Installed, Look, Pins, Scan, Scans, Setup};
use crate::act::project::{self, Command, Found, ProjectError, Site, secrets};
use crate::config::Environment;
use crate::facts::event::Event;
use crate::facts::evidence::{Ending, Evidence};
use crate::facts::stage::Gate;
use crate::judge::Run;
use crate::judge::install::Input as Install;
use crate::order::{Order, ScanOrder};
use futures_util::stream::{self, StreamExt};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What one gate has to look at in one component.
#[derive(Debug)]
pub struct Task2 {
    pub gate: Gate,
    /// `ruff`, `web: eslint`; empty for reports of earlier steps.
    pub name: String,
    /// The component's folder, relative.
    pub folder: String,
    pub work: Work,
}
