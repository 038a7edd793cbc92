//! A folder of its own for each test of a plan, with tools that are never run, removed at its end.

use super::{Ecosystem, Fetch, InstallPlan, Project, ProjectError, Site};
use std::path::{Path, PathBuf};

pub struct Scratch {
    folder: tempfile::TempDir,
    files: Vec<String>,
    /// The PATH that plans see.
    path: String,
}

impl Scratch {
    pub fn new(files: &[(&str, &str)]) -> Scratch {
        let folder = tempfile::tempdir().expect("temp dir is writable");
        let mut scratch = Scratch { path: String::new(), folder, files: Vec::new() };
        for (path, text) in files {
            scratch.hidden(path, text);
            scratch.files.push(path.to_string());
        }
        scratch
    }

    /// The project's folder.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A file on disk that is none of the project's, such as one that git ignores.
    pub fn hidden(&self, path: &str, text: &str) {
        let full = self.root().join(path);
        std::fs::create_dir_all(full.parent().expect("below root")).expect("temp dir is writable");
        std::fs::write(full, text).expect("temp dir is writable");
    }

    /// With programs of these names on the PATH.
    pub fn with(mut self, programs: &[&str]) -> Scratch {
        use std::os::unix::fs::PermissionsExt;
        let bin = self.folder.path().join("bin");
        std::fs::create_dir_all(&bin).expect("temp dir is writable");
        for program in programs {
            std::fs::write(bin.join(program), "").expect("temp dir is writable");
            std::fs::set_permissions(bin.join(program), std::fs::Permissions::from_mode(0o755)).expect("own file");
        }
        self.path = bin.display().to_string();
        self
    }

    fn site<'a>(&'a self, project: &'a Path, folder: &str) -> Site<'a> {
        let below = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let files = self.files.iter().filter_map(|file| file.strip_prefix(&below)).map(str::to_string).collect();
        let evidence = project.join(".qte");
        Site { project, folder: folder.to_string(), files, evidence, envs: Path::new("/cache"), path: &self.path }
    }

    pub fn components(&self, ecosystem: &Ecosystem) -> Vec<String> {
        (ecosystem.components)(&self.site(&self.root(), "")).expect("can be looked at")
    }

    pub fn plan(&self, ecosystem: &Ecosystem, folder: &str) -> Result<Option<Project>, ProjectError> {
        (ecosystem.plan)(&self.site(&self.root(), folder))
    }

    pub fn project(&self, ecosystem: &Ecosystem, folder: &str) -> Project {
        self.plan(ecosystem, folder).expect("can be planned").expect("is a project")
    }
}

pub fn fetch(project: &Project) -> &Fetch {
    match &project.install {
        InstallPlan::Fetch(fetch) => fetch,
        InstallPlan::Environment(_) => panic!("its own tool fetches"),
    }
}
