//! Workflow runs and what they uploaded.

use super::Target;
use super::client::{Client, Trouble};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Read};

/// The largest file that is taken out of an artifact, in bytes.
const FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The largest artifact that is looked into, in bytes.
const ARTIFACT_BYTES: u64 = 256 * 1024 * 1024;

/// A workflow run as GitHub tells of it.
#[derive(Debug, Deserialize)]
pub struct WorkflowRun {
    pub id: u64,
    pub head_sha: String,
    /// The workflow's file, perhaps with `@` and a ref.
    pub path: String,
    pub event: String,
    pub status: Option<String>,
    pub conclusion: Option<String>,
    pub run_attempt: u64,
    head_repository: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    full_name: String,
}

impl WorkflowRun {
    /// The repository that its commit is from.
    pub fn home(&self) -> Option<&str> {
        self.head_repository.as_ref().map(|repository| repository.full_name.as_str())
    }
}

#[derive(Debug, Deserialize)]
struct Artifacts {
    artifacts: Vec<Artifact>,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    id: u64,
    name: String,
    size_in_bytes: u64,
    expired: bool,
}

pub async fn read(client: &mut Client, target: &Target, run: u64) -> Result<WorkflowRun, Trouble> {
    client.get(&format!("/repos/{}/actions/runs/{run}", target.repository)).await
}

/// The JSON file with this sha256 that a run uploaded; only the run itself can have.
pub async fn uploaded(client: &mut Client, target: &Target, run: u64, sha256: &str) -> Result<Vec<u8>, String> {
    let path = format!("/repos/{}/actions/runs/{run}/artifacts?per_page=100", target.repository);
    let listed: Artifacts = client.get(&path).await.map_err(|e| format!("its artifacts cannot be listed: {e}"))?;
    let mut seen = Vec::new();
    let mut all: Vec<&Artifact> =
        listed.artifacts.iter().filter(|a| !a.expired && a.size_in_bytes <= ARTIFACT_BYTES).collect();
    // Those that the action names so by itself come first.
    all.sort_by_key(|artifact| !artifact.name.starts_with("qte-report"));
    for artifact in all {
        let path = format!("/repos/{}/actions/artifacts/{}/zip", target.repository, artifact.id);
        let found = match client.download(&path, ARTIFACT_BYTES).await {
            Ok(bytes) => file_in(&bytes, sha256).map_err(|e| e.to_string()),
            Err(trouble) => Err(trouble.to_string()),
        };
        match found {
            Ok(Some(file)) => return Ok(file),
            Ok(None) => seen.push(artifact.name.clone()),
            // Somebody else's artifact may be anything.
            Err(why) => seen.push(format!("{} ({why})", artifact.name)),
        }
    }
    let seen = if seen.is_empty() { "none".to_string() } else { seen.join(", ") };
    Err(format!("no artifact of its run holds the report {sha256} (looked into: {seen})"))
}

/// The JSON file with this digest, where the archive has it.
fn file_in(archive: &[u8], sha256: &str) -> Result<Option<Vec<u8>>, zip::result::ZipError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive))?;
    for index in 0..archive.len() {
        let entry = archive.by_index(index)?;
        if !entry.name()?.ends_with(".json") {
            continue;
        }
        let mut file = Vec::new();
        entry.take(FILE_BYTES).read_to_end(&mut file)?;
        if format!("{:x}", Sha256::digest(&file)) == sha256 {
            return Ok(Some(file));
        }
    }
    Ok(None)
}
