//! Whole plans for small projects written to a temporary folder; nothing is installed or run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::detect;
use crate::act::project::{Command, Environment, Host, InstallPlan, Layout, Project, ProjectError};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A folder of its own for each test, removed at its end.
struct Folder {
    root: PathBuf,
    files: Vec<String>,
    host: Host,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left behind, it would only lie in the temporary folder.
        drop(std::fs::remove_dir_all(&self.root));
    }
}

impl Folder {
    fn new(files: &[(&str, &str)]) -> Folder {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("qte-plan-{}-{number}", std::process::id()));
        let mut folder = Folder { root, files: Vec::new(), host: host() };
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    fn write(&mut self, path: &str, text: &str) {
        let full = self.root.join(path);
        std::fs::create_dir_all(full.parent().expect("below root")).expect("temp dir is writable");
        std::fs::write(full, text).expect("temp dir is writable");
        if !self.files.iter().any(|file| file == path) {
            self.files.push(path.to_string());
        }
    }

    fn detect(&self) -> Result<Option<Project>, ProjectError> {
        let evidence = self.root.join(".qte");
        let envs = Path::new("/cache");
        detect(&Layout {
            project: &self.root,
            root: &self.root,
            files: &self.files,
            evidence: &evidence,
            envs,
            host: &self.host,
        })
    }

    fn project(&self) -> Project {
        self.detect().expect("can be planned").expect("is a project")
    }
}

fn host() -> Host {
    Host {
        python: "/usr/bin/python3".into(),
        version: "3.11.7".to_string(),
        ensurepip: true,
        virtualenv: false,
        uv: None,
        poetry: None,
        pdm: None,
        path: "/usr/bin".to_string(),
    }
}

fn environment(project: &Project) -> Environment {
    match &project.install {
        InstallPlan::Environment(environment) => *environment.clone(),
        InstallPlan::Fetch(_) => panic!("Python makes an environment"),
    }
}

/// The command from its third word on, without the interpreter and scripts.
fn words(step: &Command) -> String {
    let words: Vec<&str> = step.argv.iter().map(String::as_str).filter(|word| word.len() < 200).collect();
    words[1..].join(" ")
}

const TEST: (&str, &str) = ("tests/test_a.py", "def test_a():\n    pass\n");

#[test]
fn a_folder_without_python_is_no_project() {
    let folder = Folder::new(&[("pyproject.toml", "[tool.ruff]\nline-length = 100\n"), ("Cargo.toml", "")]);
    assert!(folder.detect().expect("good").is_none());
}

#[test]
fn tests_alone_are_a_project() {
    let project = Folder::new(&[TEST]).project();
    assert!(project.manifests.is_empty());
    assert_eq!(environment(&project).steps.len(), 2, "make an environment, add pytest and coverage");
    assert!(project.tests.shown.starts_with("python -m coverage run --branch -m pytest --junitxml="));
}

#[test]
fn a_broken_manifest_is_an_error_with_its_place() {
    let error = Folder::new(&[("pyproject.toml", "[project]\nname = \n"), TEST]).detect().expect_err("broken");
    assert_eq!((error.file.as_str(), error.line, error.column), ("pyproject.toml", Some(2), Some(8)));
    assert!(error.to_string().starts_with("pyproject.toml:2:8: cannot plan"), "{error}");
}

#[test]
fn extras_groups_and_requirements_are_one_resolution() {
    let folder = Folder::new(&[
        (
            "pyproject.toml",
            "[build-system]\nrequires = []\n[project]\nname = 'x'\n[project.optional-dependencies]\ntest = ['a']\ndocs = ['b']\n\
             [dependency-groups]\ndev = ['pytest', {include-group = 'more'}]\nmore = ['c>1']\n",
        ),
        ("requirements-test.txt", "d\n"),
        ("tox.ini", "[testenv]\ndeps =\n  pytest\n  d==1\n  e\n"),
        TEST,
    ]);
    let project = folder.project();
    assert_eq!(
        words(&environment(&project).steps[1]),
        "-m pip install --no-input --disable-pip-version-check -e .[test] -r requirements-test.txt pytest c>1 e"
    );
    assert!(
        project.notes.iter().any(|note| note == "from tox.ini, since nothing else gives them: e"),
        "{:?}",
        project.notes
    );
    assert_eq!(project.manifests, ["pyproject.toml", "requirements-test.txt", "tox.ini"]);
}

#[test]
fn a_lock_decides_and_its_tool_is_ours_if_there_is_none() {
    let mut folder = Folder::new(&[
        (
            "pyproject.toml",
            "[project]\nname = 'x'\n[dependency-groups]\ndev = []\ntests = []\ntyping = []\n[tool.uv]\ndefault-groups = ['dev', 'typing']\n",
        ),
        ("uv.lock", "version = 1\n"),
        ("requirements.txt", "zzz\n"),
        TEST,
    ]);
    let project = folder.project();
    let steps: Vec<String> = environment(&project).steps.iter().map(words).collect();
    assert_eq!(steps[0], "-m venv --clear /cache/tools/uv-0.13.9-py3.11");
    assert_eq!(steps[2], "sync --frozen --python /usr/bin/python3 --no-group typing --group tests");
    assert!(project.notes.iter().any(|note| note == "requirements.txt is not used: uv.lock decides"));
    let variable = ("UV_PROJECT_ENVIRONMENT".to_string(), Some(environment(&project).folder.display().to_string()));
    assert!(environment(&project).steps[2].env.contains(&variable));
    folder.host.uv = Some("/usr/bin/env".into());
    assert_eq!(environment(&folder.project()).steps.len(), 2, "uv is there: sync, add what is missing");
}

#[test]
fn poetry_and_pdm_are_told_which_groups() {
    let text = "[tool.poetry]\nname = 'x'\n[tool.poetry.group.docs]\n[tool.poetry.group.test]\noptional = true\n[tool.poetry.group.main2]\n";
    let project = Folder::new(&[("pyproject.toml", text), ("poetry.lock", ""), TEST]).project();
    assert_eq!(words(&environment(&project).steps[3]), "install --no-interaction --no-ansi --without docs --with test");
    let text =
        "[project]\nname = 'x'\n[project.optional-dependencies]\ntest = []\n[dependency-groups]\ndev = []\nlint = []\n";
    let folder = Folder::new(&[("pyproject.toml", text), ("pdm.lock", ""), TEST]);
    let project = folder.project();
    let root = folder.root.display();
    assert_eq!(words(&environment(&project).steps[3]), format!("sync --project {root} --without lint --group test"));
    assert_eq!(environment(&project).steps[3].cwd, environment(&project).folder);
}

#[test]
fn without_a_way_to_make_an_environment_the_error_names_one() {
    let mut folder = Folder::new(&[TEST]);
    folder.host.ensurepip = false;
    let error = folder.detect().expect_err("no way").to_string();
    assert!(error.contains("python3-venv") && error.contains("uv"), "{error}");
    folder.host.virtualenv = true;
    assert!(words(&environment(&folder.project()).steps[0]).starts_with("-m virtualenv --clear "));
}

#[test]
fn the_key_follows_what_decides_the_environment_and_nothing_else() {
    let mut folder = Folder::new(&[("setup.py", "setup()"), ("Makefile", "a:"), TEST]);
    let key = environment(&folder.project()).key;
    folder.write("Makefile", "b:");
    folder.write("README.md", "text");
    folder.write(TEST.0, "def test_b():\n    pass\n");
    assert_eq!(environment(&folder.project()).key, key);
    folder.write("setup.py", "setup(name='x')");
    let second = environment(&folder.project()).key;
    assert_ne!(second, key);
    folder.write("pkg/__init__.py", "");
    assert_ne!(environment(&folder.project()).key, second, "an editable installation maps its packages");
}

#[test]
fn unittest_suites_that_pytest_does_not_look_for_are_named_to_it() {
    let helper = ("pkg/testing.py", "def helper():\n    pass\n");
    let suite = ("pkg/tests.py", "class A(TestCase):\n    def test_a(self):\n        pass\n");
    let project = Folder::new(&[helper, suite]).project();
    assert!(project.tests.shown.ends_with(" pkg/tests.py"), "{}", project.tests.shown);
    let configured = Folder::new(&[suite, ("pytest.ini", "[pytest]\n")]).project();
    assert!(configured.tests.shown.ends_with("junit.xml"), "{}", configured.tests.shown);
}

#[test]
fn a_pytest_ini_hides_pyproject_and_thresholds_are_found_everywhere() {
    let project = Folder::new(&[
        ("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--cov=x --cov-fail-under=80'\n"),
        ("pytest.ini", "[tool:pytest]\naddopts = --cov-fail-under=99\n"),
        (".github/workflows/ci.yml", "run: pytest --cov-fail-under 70\n"),
        TEST,
    ])
    .project();
    let values: Vec<_> = project.thresholds.iter().map(|t| format!("{}:{} {}", t.path, t.line, t.value)).collect();
    assert_eq!(values, [".github/workflows/ci.yml:1 70", "pyproject.toml:2 80", "pytest.ini:2 99"]);
    assert!(
        project.notes[0].starts_with("pytest.ini:1: nobody reads the heading [tool:pytest]"),
        "{:?}",
        project.notes
    );
    assert_eq!(project.notes[1], "pytest reads pytest.ini, which hides the configuration in pyproject.toml");
    assert_eq!(project.tests.config_sources, ["pytest.ini"]);
    assert!(project.tests.shown.starts_with("python -m coverage run"), "the hidden addopts do not count");
}

#[test]
fn pytest_cov_measures_where_the_project_says_so() {
    let project = Folder::new(&[
        ("setup.cfg", "[tool:pytest]\naddopts = --cov=pkg\n[coverage:run]\nbranch = true\nomit = pkg/old/*\n"),
        TEST,
    ])
    .project();
    assert!(project.tests.shown.starts_with("python -m pytest --cov-report=xml:"), "{}", project.tests.shown);
    assert!(project.tests.shown.contains(" --cov-fail-under=0 "));
    assert_eq!(project.omit, ["pkg/old/*"]);
    let environment = environment(&project);
    let added = environment.steps.last().expect("there are steps");
    assert!(words(added).contains("pytest-cov=="), "{}", words(added));
}

#[test]
fn a_project_without_build_system_and_with_two_packages_is_not_installed_itself() {
    let project = Folder::new(&[
        ("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['six']\n"),
        ("one/__init__.py", ""),
        ("two/__init__.py", ""),
        TEST,
    ])
    .project();
    assert!(words(&environment(&project).steps[1]).ends_with(" six"), "{}", words(&environment(&project).steps[1]));
    assert!(project.notes[0].contains("no [build-system]"), "{:?}", project.notes);
}

#[test]
fn files_with_hashes_are_installed_apart() {
    let project =
        Folder::new(&[("setup.py", "setup()"), ("requirements.txt", "six==1 --hash=sha256:0\n"), TEST]).project();
    let steps: Vec<String> = environment(&project).steps.iter().map(words).collect();
    assert!(steps[1].ends_with("-r requirements.txt") && steps[2].ends_with("-e ."), "{steps:?}");
}

#[test]
fn a_setup_cfg_alone_gives_its_requirements() {
    let text = "[metadata]\nname = x\n[options]\ninstall_requires =\n    six\n[options.extras_require]\ntest = mock\n";
    let mut folder = Folder::new(&[("setup.cfg", text), TEST]);
    assert!(words(&environment(&folder.project()).steps[1]).ends_with(" mock six"));
    folder.write("pyproject.toml", "");
    assert!(words(&environment(&folder.project()).steps[1]).ends_with(" -e .[test]"));
}

#[test]
fn no_step_is_a_shell_and_every_step_says_what_it_does() {
    let project = Folder::new(&[("setup.py", "setup()"), TEST]).project();
    for step in environment(&project).steps.iter().chain([&environment(&project).probe, &project.tests.command]) {
        assert!(step.argv[0].contains("python"), "{:?}", step.argv[0]);
        assert!(!step.what.is_empty());
    }
}
