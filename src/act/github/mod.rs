//! GitHub's REST API, as far as this program speaks it: raw requests through octocrab with types of our own.
//! Sources: GitHub's OpenAPI description (npm `@octokit/openapi` 23) and its pages on rate limits and checks.

pub mod checks;
mod client;
mod retry;
pub mod runs;

pub use client::{Client, Trouble};

use crate::facts::external_id::JobKey;
use std::fmt;
use std::path::PathBuf;

/// Where to publish, and as whom.
#[derive(Clone)]
pub struct Target {
    /// The API's address, without a slash at its end: `https://api.github.com`, `https://HOST/api/v3`.
    pub api: String,
    /// The address that people use.
    pub server: String,
    /// `owner/name`.
    pub repository: String,
    pub token: String,
    /// The commit that check runs belong to.
    pub head: String,
    /// From the top of the repository to the project; empty where they are the same.
    pub project: String,
    pub job: JobKey,
    /// Certificates of a private authority, in PEM, where the runner's administrators named a file.
    pub authorities: Option<PathBuf>,
}

/// Without the token.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} of {}, {:?}", self.repository, self.head, self.api, self.job)
    }
}

impl Target {
    /// The page of the job that this is, or of its run.
    pub fn job_url(&self) -> String {
        let run = format!("{}/{}/actions/runs/{}", self.server, self.repository, self.job.run);
        self.job.check_run.map_or(run.clone(), |id| format!("{run}/job/{id}"))
    }
}
