//! The project's files, and the names by which reports know them: relative, absolute, of another root, of a container,
//! below a source folder, or by a module's name.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Names in a report that begin with `prefix` stand for files below `folder`; both with `/`, empty for no prefix and
/// for the project's own folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    pub prefix: String,
    pub folder: String,
}

/// What names in reports are looked up in.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Relative, with `/`.
    files: BTreeSet<String>,
    /// The project's absolute path, with `/`.
    root: String,
    roots: Vec<Root>,
    /// The files by their last path segment.
    by_name: BTreeMap<String, Vec<String>>,
}

/// Where a checkout lies in the runners and containers that most reports come from: below these, and below one or two
/// folders more (`/home/runner/work/REPOSITORY/REPOSITORY`).
const WORKSPACES: [&str; 8] = [
    "/github/workspace/",
    "/home/runner/work/",
    "/__w/",
    "D:/a/",
    "/app/",
    "/workspace/",
    "/workspaces/",
    "/usr/src/app/",
];

/// Files that declare dependencies, and files that lock them.
const MANIFESTS: [&str; 8] =
    ["pyproject.toml", "setup.cfg", "setup.py", "Pipfile", "package.json", "Cargo.toml", "go.mod", "pom.xml"];
const LOCKS: [&str; 11] = [
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pylock.toml",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "Cargo.lock",
    "go.sum",
];

/// Does a file of this name lock dependencies?
pub fn is_lock(path: &str) -> bool {
    LOCKS.contains(&path.rsplit('/').next().unwrap_or(path))
}

impl Tree {
    pub fn new(files: impl IntoIterator<Item = String>, root: String, roots: Vec<Root>) -> Tree {
        let files: BTreeSet<String> = files.into_iter().collect();
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in &files {
            by_name.entry(path.rsplit('/').next().unwrap_or(path).to_string()).or_default().push(path.clone());
        }
        Tree { files, root, roots, by_name }
    }

    pub fn contains(&self, path: &str) -> bool {
        self.files.contains(path)
    }

    /// The files of a folder that declare or lock dependencies, manifests before lock files.
    pub fn manifests(&self, folder: &str) -> Vec<String> {
        let own = |name: &str| below(folder, name).trim_start_matches('/').to_string();
        let is_list = |path: &str| {
            let (of, name) = path.rsplit_once('/').unwrap_or(("", path));
            of == folder && name.starts_with("requirements") && (name.ends_with(".txt") || name.ends_with(".in"))
        };
        let lists = self.files.iter().filter(|path| is_list(path)).cloned();
        let [declared, locked] = [&MANIFESTS[..], &LOCKS[..]]
            .map(|names| names.iter().map(|name| own(name)).filter(|path| self.contains(path)).collect::<Vec<_>>());
        declared.into_iter().chain(lists).chain(locked).collect()
    }

    /// The project's path for a name as it stands: relative, below the project's root, below one of the report's
    /// `sources`, below a module's name.
    fn exact(&self, name: &str, sources: &[String]) -> Option<String> {
        let plain = name.trim_start_matches("./");
        let known = |path: &str| {
            let inside = path.strip_prefix(&self.root).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
            let inside = inside.trim_start_matches("./");
            self.files.contains(inside).then(|| inside.to_string())
        };
        known(plain).or_else(|| sources.iter().find_map(|s| known(&below(s, plain)))).or_else(|| {
            self.roots.iter().find_map(|root| {
                let rest = plain.strip_prefix(root.prefix.as_str())?;
                known(&below(&root.folder, rest.trim_start_matches('/')))
            })
        })
    }

    /// For reports made in another root: by the longest common tail, where only one file has it.
    fn by_tail(&self, name: &str, sources: &[String]) -> Option<String> {
        let plain = name.trim_start_matches("./");
        let whole: Vec<String> = match sources {
            [] => vec![plain.to_string()],
            some => some.iter().map(|s| below(s, plain)).collect(),
        };
        let candidates = self.by_name.get(plain.rsplit('/').next()?)?;
        let score = |path: &str| whole.iter().map(|w| common_tail(w, path)).max().unwrap_or(0);
        let best = candidates.iter().map(|path| score(path)).max()?;
        let mut found = candidates.iter().filter(|path| score(path) == best);
        match (found.next(), found.next()) {
            // A single segment is a coincidence: every tree has an `__init__.py`.
            (Some(only), None) if best >= 2 => Some(only.clone()),
            _ => None,
        }
    }

    /// Below a workspace that runners use, with at most two folders for the repository's own name.
    fn in_workspace(&self, name: &str) -> Option<String> {
        let rest = WORKSPACES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
        let mut rest = Some(rest);
        for _ in 0..3 {
            let inside = rest?;
            if self.files.contains(inside) {
                return Some(inside.to_string());
            }
            rest = inside.split_once('/').map(|(_, rest)| rest);
        }
        None
    }
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_string() } else { format!("{}/{name}", folder.trim_end_matches('/')) }
}

/// How many path segments two paths share at their ends.
fn common_tail(a: &str, b: &str) -> usize {
    a.rsplit('/').zip(b.rsplit('/')).take_while(|(x, y)| x == y).count()
}

/// Maps the names of one report. What one name teaches about the report's root is used for the others.
pub struct Mapper<'t> {
    tree: &'t Tree,
    sources: &'t [String],
    learned: Vec<Root>,
    /// Names that were mapped from another root, as the report writes them and as they are here.
    pub moved: Vec<(String, String)>,
    pub moved_total: u64,
}

/// How many mapped names are kept for people.
const SHOWN: usize = 5;

impl<'t> Mapper<'t> {
    pub fn new(tree: &'t Tree, sources: &'t [String]) -> Mapper<'t> {
        Mapper { tree, sources, learned: Vec::new(), moved: Vec::new(), moved_total: 0 }
    }

    /// The project's path for a name, where there is exactly one.
    pub fn resolve(&mut self, name: &str) -> Option<String> {
        let name = name.replace('\\', "/");
        if let Some(path) = self.tree.exact(&name, self.sources) {
            return Some(path);
        }
        let path = self.by_learned(&name).or_else(|| {
            let path = self.tree.by_tail(&name, self.sources).or_else(|| self.tree.in_workspace(&name))?;
            self.learn(&name, &path);
            Some(path)
        })?;
        self.moved_total += 1;
        if self.moved.len() < SHOWN {
            self.moved.push((name, path.clone()));
        }
        Some(path)
    }

    fn by_learned(&self, name: &str) -> Option<String> {
        self.learned.iter().find_map(|root| {
            let path = below(&root.folder, name.strip_prefix(root.prefix.as_str())?);
            self.tree.contains(&path).then_some(path)
        })
    }

    /// `/other/root/src/a.py` that is `src/a.py` teaches that `/other/root/` is this project.
    fn learn(&mut self, name: &str, path: &str) {
        let shared = common_tail(name, path);
        let cut = |text: &str| {
            let tail: usize = text.rsplit('/').take(shared).map(|part| part.len() + 1).sum();
            text[..(text.len() + 1).saturating_sub(tail)].trim_end_matches('/').to_string()
        };
        let (prefix, folder) = (cut(name), cut(path));
        let root = Root { prefix: if prefix.is_empty() { prefix } else { format!("{prefix}/") }, folder };
        if !root.prefix.is_empty() && !self.learned.contains(&root) {
            self.learned.push(root);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> Tree {
        let roots = vec![
            Root { prefix: "example.com/mod".into(), folder: "svc".into() },
            Root { prefix: String::new(), folder: "java/src/main/java".into() },
        ];
        Tree::new(files.iter().map(|f| f.to_string()), "/w/project".into(), roots)
    }

    #[test]
    fn a_name_is_found_by_every_way_that_reports_write_it() {
        let tree = tree(&[
            "src/pkg/a.py",
            "app.py",
            "svc/route.go",
            "java/src/main/java/A.java",
            "src/pkg/__init__.py",
            "src/b/__init__.py",
        ]);
        let sources = ["/x/src".to_string()];
        for (name, path) in [
            ("src/pkg/a.py", Some("src/pkg/a.py")),
            ("./src/pkg/a.py", Some("src/pkg/a.py")),
            ("/w/project/src/pkg/a.py", Some("src/pkg/a.py")),
            ("pkg/a.py", Some("src/pkg/a.py")),
            ("C:\\build\\src\\pkg\\a.py", Some("src/pkg/a.py")),
            ("/app/app.py", Some("app.py")),
            ("/home/runner/work/shop/shop/app.py", Some("app.py")),
            ("/github/workspace/app.py", Some("app.py")),
            ("example.com/mod/route.go", Some("svc/route.go")),
            ("A.java", Some("java/src/main/java/A.java")),
            ("/elsewhere/app.py", None),
            ("__init__.py", None),
            ("b/other.py", None),
        ] {
            let mut mapper = Mapper::new(&tree, &sources);
            assert_eq!(mapper.resolve(name).as_deref(), path, "{name}");
        }
    }

    #[test]
    fn manifests_come_before_lock_files_and_of_their_folder_only() {
        let tree =
            tree(&["uv.lock", "requirements-dev.txt", "pyproject.toml", "web/package.json", "a/requirements.txt"]);
        assert_eq!(tree.manifests(""), ["pyproject.toml", "requirements-dev.txt", "uv.lock"]);
        assert_eq!(tree.manifests("web"), ["web/package.json"]);
        assert!(tree.manifests("nowhere").is_empty());
    }

    #[test]
    fn what_one_name_teaches_holds_for_the_others() {
        let tree = tree(&["src/pkg/a.py", "app.py"]);
        let mut mapper = Mapper::new(&tree, &[]);
        assert_eq!(mapper.resolve("/odd/root/app.py"), None);
        assert_eq!(mapper.resolve("/odd/root/src/pkg/a.py").as_deref(), Some("src/pkg/a.py"));
        assert_eq!(mapper.resolve("/odd/root/app.py").as_deref(), Some("app.py"));
        assert_eq!(mapper.moved_total, 2);
        assert_eq!(mapper.moved[0], ("/odd/root/src/pkg/a.py".into(), "src/pkg/a.py".into()));
    }
}
