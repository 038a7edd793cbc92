//! `report.html`: one file that asks for nothing else. All that matters is read without a script; the script adds the
//! list of all tests, and may do nothing but that: its digest stands in the page's content security policy.

mod cases;
mod coverage;
mod evidence;
mod findings;
mod gates;
mod numbers;
mod timeline;

use super::clean;
use crate::facts::report::Report;
use crate::facts::view::View;
use askama::Template;
use sha2::{Digest, Sha256};
use std::fmt;

const STYLE: &str = include_str!("templates/page.css");
const SCRIPT: &str = include_str!("templates/page.js");

#[derive(Template)]
#[template(path = "page.html", config = "src/tell/html/askama.toml")]
struct Page<'a> {
    security: String,
    style: &'static str,
    script: &'static str,
    icon: &'static str,
    title: String,
    report: &'a Report,
    outcome: &'static str,
    word: &'static str,
    seconds: String,
    answer: Vec<gates::Part>,
    looser: Vec<String>,
    gates: Vec<gates::Card>,
    findings: Vec<findings::Group>,
    tests: cases::Section,
    coverage: coverage::Section<'a>,
    timeline: timeline::Timeline,
    evidence: Vec<evidence::Row>,
    subject: Vec<evidence::Fact>,
    settings: Vec<evidence::SettingRow>,
    packed: cases::Packed<'a>,
}

/// Writes the whole page, piece by piece: it may be large.
pub fn write(report: &Report, view: &View, out: &mut dyn fmt::Write) -> fmt::Result {
    let outcome = report.outcome.id();
    let page = Page {
        security: content_security_policy(),
        style: STYLE,
        script: SCRIPT,
        icon: icon(outcome),
        title: title(report),
        report,
        outcome,
        word: gates::word(report.outcome),
        seconds: numbers::duration(report.seconds),
        answer: gates::answer(report),
        looser: report.looser.iter().map(|setting| numbers::text(setting, 1_000)).collect(),
        gates: gates::cards(report),
        findings: findings::groups(report, &coverage::numbers(view)),
        tests: cases::section(view),
        coverage: coverage::section(report, view),
        timeline: timeline::timeline(report),
        evidence: evidence::rows(report),
        subject: evidence::subject(&report.subject),
        settings: evidence::settings(report),
        packed: cases::Packed { view, findings: findings::numbers(report), details: &report.details.path },
    };
    // Once more over all of it: a field that somebody adds cannot be forgotten.
    page.render_into(&mut clean::Terminal(out)).map_err(|_| fmt::Error)
}

/// `Failed: owner/name at 0123abc`.
fn title(report: &Report) -> String {
    let of = report.subject.repository.as_deref().unwrap_or("this project");
    let at = report.subject.sha.as_deref().map_or_else(String::new, |sha| format!(" at {}", clean::cut(sha, 12)));
    format!("{}: {}{at}", gates::word(report.outcome), numbers::text(of, 100))
}

/// Nothing is loaded, and only our own style and script are obeyed.
fn content_security_policy() -> String {
    let digest = |text: &str| base64(&Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let letter = char::from(LETTERS[bits >> (18 - 6 * at) & 63]);
            out.push(if at <= group.len() { letter } else { '=' });
        }
    }
    out
}

/// The tab's icon says the outcome too.
fn icon(outcome: &str) -> &'static str {
    match outcome {
        "pass" => "%231a7f37'/%3E%3Cpath d='M4 8.5l2.5 2.5L12 5.5",
        "fail" => "%23b42318'/%3E%3Cpath d='M5 5l6 6M11 5l-6 6",
        _ => "%238a5a00'/%3E%3Cpath d='M4 8h8",
    }
}

#[cfg(test)]
mod tests;
