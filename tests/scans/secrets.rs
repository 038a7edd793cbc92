//! Secrets: ten kinds in the files and in the commits of the change, none among a thousand look-alikes.

use super::common::Project;
use super::{findings, scanned, verified, without};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Text that only looks random, the same in every run (Knuth's MMIX generator).
struct Text(u64);

impl Text {
    fn of(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len())]).collect()
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}

const HEX: &str = "0123456789abcdef";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The ids are those of gitleaks' own list of rules; each secret is put together here, so that none stands in this file.
fn planted() -> Vec<(&'static str, String)> {
    let mut text = Text(3);
    let mut random = |alphabet: &str, length| text.of(alphabet, length);
    let key = random(WORD, 64);
    vec![
        ("aws-access-token", format!("AKIA{}", random("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16))),
        ("github-pat", format!("ghp_{}", random(WORD, 36))),
        ("gitlab-pat", format!("glpat-{}", random(WORD, 20))),
        ("huggingface-access-token", format!("hf_{}", random("abcdefghijklmnopqrstuvwxyz", 34))),
        ("stripe-access-token", format!("sk_live_{}", random(WORD, 24))),
        ("npm-access-token", format!("npm_{}", random(LOWER, 36))),
        ("sendgrid-api-token", format!("SG.{}", random(LOWER, 66))),
        ("digitalocean-access-token", format!("doo_v1_{}", random(HEX, 64))),
        ("shopify-access-token", format!("shpat_{}", random(HEX, 32))),
        ("private-key", format!("-----BEGIN RSA PRIVATE KEY-----\\n{key}\\n{key}\\n-----END RSA PRIVATE KEY-----")),
    ]
}

/// One secret a file: `config_0.py` to `config_9.py`.
fn plant(project: &Project) -> BTreeSet<(String, String)> {
    let all = planted();
    for (number, (_, secret)) in all.iter().enumerate() {
        project.write(&format!("config_{number}.py"), format!("value = \"{secret}\"\n"));
    }
    all.iter().enumerate().map(|(n, (rule, _))| (rule.to_string(), format!("config_{n}.py"))).collect()
}

fn told(project: &Project) -> BTreeSet<(String, String)> {
    let text = |finding: &serde_json::Value, name: &str| finding[name].as_str().expect("a text").to_string();
    findings(project, "secrets").iter().map(|f| (text(f, "rule"), text(f, "path"))).collect()
}

fn repository() -> (Project, String) {
    let project = scanned();
    project.config(&without(&["quality"]));
    project.write("shop.py", super::CLEAN);
    let base = project.commit();
    (project, base)
}

#[test]
fn ten_kinds_are_found_in_the_files_and_shown_nowhere() {
    let (project, base) = repository();
    let expected = plant(&project);
    project.commit();
    let run = project.gate(&["--stages=2B", "--base", &base]);
    run.ends(1, &[("secrets", "fail")]);
    assert_eq!(told(&project), expected);
    assert_eq!(run.metric("secrets", "new"), 10, "once for the file, not again for its commit");
    let all =
        ["qte-report.json", "qte-report-details.jsonl", "qte-report.html"].map(|name| project.read(name)).concat();
    for (rule, secret) in planted() {
        assert!(!all.contains(&secret), "{rule} is shown");
    }
    verified(&project);
}

#[test]
fn what_a_later_commit_removed_is_found_in_the_history_of_the_change() {
    let (project, base) = repository();
    let expected = plant(&project);
    project.commit();
    (0..10).for_each(|n| std::fs::remove_file(project.path(&format!("config_{n}.py"))).expect("a planted file"));
    project.commit();
    let run = project.gate(&["--stages=2B", "--base", &base]);
    run.ends(1, &[("secrets", "fail")]);
    assert_eq!(told(&project), expected);
    verified(&project);

    // For a change that begins behind them they are no part of it.
    let head = project.git(&["rev-parse", "HEAD"]);
    project.gate(&["--stages=2B", "--base", &head]).ends(0, &[("secrets", "pass")]);
}

#[test]
fn a_secret_that_was_there_before_is_known() {
    let (project, _) = repository();
    plant(&project);
    let base = project.commit();
    project.write("shop.py", format!("{}\n\n{}", super::CLEAN, super::EVALS));
    project.commit();
    let run = project.gate(&["--stages=2B", "--base", &base]);
    run.ends(0, &[("secrets", "pass")]);
    assert_eq!((run.metric("secrets", "new"), run.metric("secrets", "known")), (0, 10));
}

/// Files that git ignores are on many machines, and are none of the project's.
#[test]
fn files_that_git_ignores_are_not_judged() {
    let (project, base) = repository();
    project.write(".gitignore", ".env\n");
    project.write(".env", format!("GITHUB={}\n", planted()[1].1));
    project.commit();
    let run = project.gate(&["--stages=2B", "--base", &base]);
    run.ends(0, &[("secrets", "pass")]);
    assert_eq!(run.metric("secrets", "foreign"), 1);
}

/// What people take for secrets and what is none: digests, ids, placeholders, public keys, names of settings.
fn look_alikes(count: usize) -> String {
    let (mut text, mut out) = (Text(11), String::new());
    for n in 0..count {
        let line = match n % 12 {
            0 => format!("commit = \"{}\"", text.of(HEX, 40)),
            1 => format!("sha256:{}", text.of(HEX, 64)),
            2 => {
                let part = |text: &mut Text, length| text.of(HEX, length);
                let [a, b, c, d, e] = [8, 4, 4, 4, 12].map(|length| part(&mut text, length));
                format!("id: {a}-{b}-{c}-{d}-{e}")
            }
            3 => format!("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE # {n}"),
            4 => format!("password = os.environ[\"DB_PASSWORD_{n}\"]"),
            5 => format!("\"integrity\": \"sha512-{}==\"", text.of(WORD, 86)),
            6 => format!("api_key: ${{{{ secrets.API_KEY_{n} }}}}"),
            7 => "token = \"<your-token-here>\"".to_string(),
            8 => format!("ssh-rsa-fingerprint MD5:{}", text.of(HEX, 32)),
            9 => format!("etag W/\"{}\"", text.of(HEX, 20)),
            10 => "stripe = \"sk_live_xxxxxxxxxxxxxxxxxxxxxxxx\"".to_string(),
            _ => format!("-----BEGIN PUBLIC KEY----- {}", text.of(WORD, 64)),
        };
        writeln!(out, "{line}").expect("a String takes all");
    }
    out
}

#[test]
fn none_of_a_thousand_look_alikes_is_one() {
    let (project, base) = repository();
    let text = look_alikes(1000);
    assert_eq!(text.lines().count(), 1000);
    project.write("notes.txt", text);
    project.commit();
    let run = project.gate(&["--stages=2B", "--base", &base]);
    assert_eq!(told(&project), BTreeSet::new(), "{}", run.said);
    run.ends(0, &[("secrets", "pass")]);
}
