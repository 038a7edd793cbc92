//! What is new, over histories: code that moves brings no finding, and no finding is told as new twice.

use super::common::Project;
use super::{findings, scanned, skipped, verified, without};
use std::collections::{BTreeMap, BTreeSet};

const RISKY: &str = "import os\nimport subprocess\n\n\ndef run(text):\n    return eval(text)\n\n\ndef call(command):\n    \
    subprocess.call(command, shell=True)\n    x = None\n    return x == None\n";

#[test]
fn a_file_that_moved_by_fifty_lines_brings_none_and_one_real_finding_is_one() {
    let project = scanned();
    project.config(&without(&["audit", "secrets"]));
    project.write("shop/a.py", RISKY);
    let base = project.commit();
    let stages = ["--stages=2A,2B", "--base", &base];
    project.git(&["mv", "shop/a.py", "b.py"]);
    let above: String = (0..50).map(|n| format!("LIMIT_{n} = {n}\n")).collect();
    project.write("b.py", format!("{above}{RISKY}"));
    project.commit();
    let run = project.gate(&stages);
    run.ends(0, &[("security", "pass"), ("quality", "pass")]);
    for (gate, at_least) in [("security", 3), ("quality", 1)] {
        assert_eq!(run.metric(gate, "new"), 0, "{gate}");
        assert!(run.metric(gate, "known") >= at_least, "{gate}: {}", run.title(gate));
    }
    verified(&project);
    let before: BTreeSet<String> = fingerprints(&project);

    project.write("b.py", format!("{above}{RISKY}\n\ndef more(text):\n    exec(text)\n"));
    project.commit();
    let run = project.gate(&stages);
    run.ends(1, &[("security", "fail")]).titled("security", "1 new at medium or worse (first B102 in b.py:66)");
    assert_eq!(run.metric("security", "new"), 1);
    let after = fingerprints(&project);
    assert!(before.is_subset(&after), "what was known keeps its fingerprint");
    assert_eq!(after.len(), before.len() + 1);
    verified(&project);
}

fn fingerprints(project: &Project) -> BTreeSet<String> {
    let all = findings(project, "security");
    all.iter().map(|f| f["fingerprint"].as_str().expect("a fingerprint").to_string()).collect()
}

/// Numbers that only look random: the same history in every run (Knuth's MMIX generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }

    fn is_one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// A file of statements, each of one line or an `if` with its block.
type File = (String, Vec<Vec<String>>);

struct Writer {
    numbers: Numbers,
    files: Vec<File>,
    names: usize,
    /// The findings that the last commit added, by the undefined name that each is about.
    added: BTreeSet<String>,
}

impl Writer {
    fn new(seed: u64) -> Writer {
        let mut out = Writer { numbers: Numbers(seed), files: Vec::new(), names: 0, added: BTreeSet::new() };
        for n in 0..4 {
            out.files.push((format!("m{n}.py"), Vec::new()));
            (0..20).for_each(|_| out.insert(n));
        }
        out
    }

    fn next_name(&mut self) -> usize {
        self.names += 1;
        self.names
    }

    /// A line that no rule speaks of: half of them stand in many places.
    fn plain(&mut self) -> String {
        match self.numbers.below(4) {
            0 => "print(\"ready\")".into(),
            1 => "# see above".into(),
            2 => format!("LIMIT_{} = {}", self.next_name(), self.numbers.below(9)),
            _ => format!("print(\"step {}\")", self.next_name()),
        }
    }

    /// A line that reads a name that is nowhere defined (ruff's F821); some are very short.
    fn finding(&mut self) -> String {
        let name = format!("q{}", self.next_name());
        self.added.insert(name.clone());
        match self.numbers.below(3) {
            0 => format!("print({name})"),
            1 => format!("value = max({name}, \"and the rest of a long line\")"),
            _ => name,
        }
    }

    fn insert(&mut self, file: usize) {
        let line = self.plain();
        let at = self.numbers.below(self.files[file].1.len() + 1);
        self.files[file].1.insert(at, vec![line]);
    }

    fn some_file(&mut self) -> usize {
        self.numbers.below(self.files.len())
    }

    /// A run of statements, at least two where there are.
    fn block(&mut self, file: usize) -> Vec<Vec<String>> {
        let items = &mut self.files[file].1;
        let length = (2 + self.numbers.below(6)).min(items.len());
        let from = self.numbers.below(items.len() - length + 1);
        items.drain(from..from + length).collect()
    }

    /// One change of the kinds that people make.
    fn change(&mut self) {
        let file = self.some_file();
        match self.numbers.below(8) {
            0 | 1 => (0..=self.numbers.below(5)).for_each(|_| self.insert(file)),
            2 => {
                let line = self.finding();
                let at = self.numbers.below(self.files[file].1.len() + 1);
                self.files[file].1.insert(at, vec![line]);
            }
            3 => drop(self.block(file)),
            4 | 5 => {
                let block = self.block(file);
                let to = self.some_file();
                let at = self.numbers.below(self.files[to].1.len() + 1);
                self.files[to].1.splice(at..at, block);
            }
            6 => self.indent(file),
            _ => {
                let number = self.next_name();
                self.files[file].0 = format!("m{number}.py");
                (0..self.numbers.below(30)).for_each(|_| self.insert(file));
            }
        }
    }

    /// Puts a run of statements below an `if`.
    fn indent(&mut self, file: usize) {
        if self.files[file].1.is_empty() {
            return;
        }
        let at = self.numbers.below(self.files[file].1.len());
        let mut inner: Vec<String> = self.files[file].1.remove(at);
        inner.iter_mut().for_each(|line| line.insert_str(0, "    "));
        let mut item = vec![format!("if LIMIT > {}:", self.names), "    pass".to_string()];
        item.extend(inner);
        self.files[file].1.insert(at, item);
    }

    fn write(&self, project: &Project) {
        for (name, items) in &self.files {
            let lines: Vec<&str> = items.iter().flatten().map(String::as_str).collect();
            project.write(name, format!("LIMIT = 1\n{}\n", lines.join("\n")));
        }
    }

    /// The added findings that are still there when the commit is made.
    fn added_and_there(&mut self) -> BTreeSet<String> {
        let text: String = self
            .files
            .iter()
            .flat_map(|(_, items)| items.iter().flatten())
            .fold(String::new(), |all, line| all + line + "\n");
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        std::mem::take(&mut self.added).into_iter().filter(|name| words.contains(name.as_str())).collect()
    }
}

/// The undefined names that a run tells as new.
fn told(project: &Project) -> BTreeSet<String> {
    let all = findings(project, "quality");
    let new = all.iter().filter(|f| f["rule"] == "F821" && f["new"] == true);
    new.map(|f| f["message"].as_str().expect("a message").split('`').nth(1).expect("a name").to_string()).collect()
}

const COMMITS: usize = 200;

#[test]
fn over_a_history_no_finding_is_new_twice_and_each_is_new_once() {
    let project = scanned();
    project.config(&format!("{}quality: {{enforce: advise}}\n", without(&["secrets"])));
    let mut writer = Writer::new(7);
    writer.write(&project);
    let mut base = project.commit();
    writer.added.clear();
    let (mut seen, mut planted, mut wrong) = (BTreeSet::new(), 0, Vec::new());
    for number in 0..COMMITS {
        (0..=writer.numbers.below(3)).for_each(|_| writer.change());
        if writer.numbers.is_one_in(5) {
            let line = writer.finding();
            writer.files[0].1.push(vec![line]);
        }
        project.git(&["rm", "--quiet", "-r", "--cached", "."]);
        for entry in std::fs::read_dir(&project.root).expect("the project") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|end| end == "py") {
                std::fs::remove_file(path).expect("a module");
            }
        }
        writer.write(&project);
        let head = project.commit();
        let added = writer.added_and_there();
        project.gate(&["--stages=2B", "--base", &base, "--no-publish"]);
        let new = told(&project);
        if new != added {
            wrong.push(format!("commit {number}: new {new:?}, added {added:?}"));
        }
        assert!(new.is_disjoint(&seen), "commit {number}: told as new a second time: {:?}", new.intersection(&seen));
        planted += added.len();
        seen.extend(new);
        base = head;
    }
    eprintln!("history: {COMMITS} commits, {planted} findings added, {} told as new, none twice", seen.len());
    assert!(planted > 50, "the history must plant findings: {planted}");
    assert_eq!(wrong, Vec::<String>::new());
}

/// How often each text with its surroundings is found, all in all and as new.
fn counts(project: &Project) -> (BTreeMap<String, usize>, BTreeMap<String, usize>) {
    let (mut all, mut new) = (BTreeMap::new(), BTreeMap::new());
    for finding in findings(project, "quality") {
        let Some(fingerprint) = finding["fingerprint"].as_str() else { continue };
        *all.entry(fingerprint.to_string()).or_default() += 1;
        if finding["new"] == true {
            *new.entry(fingerprint.to_string()).or_default() += 1;
        }
    }
    (all, new)
}

/// In a history that people made, what is told as new must be there more often than before: by its rule and the text
/// around it, which git is not asked about.
#[test]
fn over_a_real_history_nothing_that_was_there_is_told_as_new() {
    let why = "QTE_PROJECTS names no folder with repositories of Python that have their history";
    let Some(folder) = std::env::var_os("QTE_PROJECTS") else { return skipped(why) };
    let mut repositories = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of projects") {
        let path = entry.expect("an entry").path();
        if !path.join(".git").exists() && !path.join("HEAD").exists() {
            continue;
        }
        let project = scanned();
        let from = path.display().to_string();
        project.git(&["clone", "--quiet", "--no-local", &from, "."]);
        let list = project.git(&["rev-list", "--first-parent", "--reverse", "HEAD"]);
        let commits: Vec<&str> = list.lines().collect();
        if commits.len() < 100 || project.git(&["ls-files", "*.py"]).is_empty() {
            continue;
        }
        repositories += 1;
        follow(&project, &commits, &from);
    }
    if repositories == 0 {
        skipped(why);
    }
}

fn follow(project: &Project, commits: &[&str], name: &str) {
    let config = project.beside("qte-ci.yml");
    let text = format!("{}quality: {{enforce: advise}}\ninstall: {{environment: active}}\n", without(&["secrets"]));
    std::fs::write(&config, text).expect("a new file");
    let config = config.display().to_string();
    let (mut before, mut told, mut twice) = (BTreeMap::new(), 0, Vec::new());
    for (number, commit) in commits.iter().enumerate() {
        project.git(&["checkout", "--quiet", "--force", commit]);
        let base = commits[number.saturating_sub(1)];
        project.gate(&["--stages=2B", "--base", base, "--config", &config, "--no-publish"]);
        let (all, new) = counts(project);
        for (fingerprint, count) in &new {
            let was = before.get(fingerprint).copied().unwrap_or(0);
            if all[fingerprint] < was + count {
                twice.push(format!("{commit}: {fingerprint} {was} before, {} now, {count} new", all[fingerprint]));
            }
        }
        told += new.values().sum::<usize>();
        before = all;
    }
    eprintln!(
        "history of {name}: {} commits, {told} findings told as new, {} of them twice",
        commits.len(),
        twice.len()
    );
    assert!(told > 0, "{name}: a history in which ruff finds nothing shows nothing");
    assert_eq!(twice, Vec::<String>::new());
}
