//! One verdict of a gate over several components: the worst decides, each is named with what it found.

use super::counted;
use crate::facts::setting::Enforce;
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Reason, Verdict};

/// How many findings all components keep together.
const KEPT_FINDINGS: usize = 1000;

/// Puts the verdicts of named components together. A single one is given back as it is.
pub fn together(gate: Gate, enforce: Enforce, mut parts: Vec<(String, Verdict)>) -> Verdict {
    if parts.len() == 1 {
        return parts.remove(0).1;
    }
    let outcome = parts.iter().fold(Outcome::Skipped, |worst, (_, part)| worst.worse(part.outcome));
    let mut verdict = Verdict::new(gate, enforce, outcome, title(&parts));
    for (name, part) in &parts {
        verdict
            .reasons
            .push(Reason { text: format!("{name}: {}: {}", part.outcome.id(), part.title), evidence: cited(part) });
    }
    // What is red explains itself first.
    parts.sort_by_key(|(_, part)| part.outcome.is_green());
    for (name, part) in parts {
        if verdict.help.is_none() && part.outcome == outcome {
            verdict.help = part.help.map(|mut help| {
                help.looked_for = format!("{name}: {}", help.looked_for);
                help
            });
        }
        let prefixed = part.reasons.into_iter().map(|r| Reason { text: format!("{name}: {}", r.text), ..r });
        verdict.reasons.extend(prefixed);
        for (metric, value) in part.metrics {
            *verdict.metrics.entry(metric).or_default() += value;
        }
        verdict.findings_total += part.findings_total.max(part.findings.len() as u64);
        let room = KEPT_FINDINGS.saturating_sub(verdict.findings.len());
        verdict.findings.extend(part.findings.into_iter().take(room));
    }
    verdict
}

fn cited(part: &Verdict) -> Vec<usize> {
    let mut all: Vec<usize> = part.reasons.iter().flat_map(|r| r.evidence.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What is not green by name, and how many others there are.
fn title(parts: &[(String, Verdict)]) -> String {
    let named = |outcome: Outcome| {
        let of = move |(name, part): &(String, Verdict)| {
            (part.outcome == outcome).then(|| match outcome {
                Outcome::Fail => format!("{name}: {}", part.title),
                _ => format!("{name} {}: {}", part.outcome.id(), part.title),
            })
        };
        parts.iter().filter_map(of)
    };
    let mut said: Vec<String> =
        [Outcome::Fail, Outcome::Unmeasured, Outcome::Inconclusive].into_iter().flat_map(named).collect();
    let green = parts.iter().filter(|(_, part)| part.outcome.is_green()).count();
    if said.is_empty() {
        return parts.iter().map(|(name, part)| format!("{name}: {}", part.title)).collect::<Vec<_>>().join("; ");
    }
    if green > 0 {
        said.push(format!("{} green", counted(green as u64, "other")));
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::finding::{Finding, Severity};

    fn part(name: &str, outcome: Outcome, title: &str, tests: u64) -> (String, Verdict) {
        let mut verdict = Verdict::new(Gate::Tests, Enforce::Block, outcome, title).because("why", [3, 1]);
        verdict.metrics.insert("tests".into(), tests);
        verdict.findings = vec![Finding::new("test-failure", Severity::High, name)];
        verdict.findings_total = 1;
        if outcome == Outcome::Unmeasured {
            verdict = verdict.help("junit.xml", "nothing", "write it");
        }
        (name.to_string(), verdict)
    }

    #[test]
    fn the_worst_decides_and_every_red_one_is_named() {
        let verdict = together(
            Gate::Tests,
            Enforce::Block,
            vec![
                part("api", Outcome::Pass, "5 passed", 5),
                part("web", Outcome::Unmeasured, "0 tests ran", 0),
                part("lib", Outcome::Fail, "1 of 3 failed", 3),
            ],
        );
        assert_eq!(verdict.outcome, Outcome::Fail);
        assert_eq!(verdict.title, "lib: 1 of 3 failed; web unmeasured: 0 tests ran; 1 other green");
        assert_eq!((verdict.metrics["tests"], verdict.findings_total), (8, 3));
        assert_eq!(verdict.reasons[0], Reason { text: "api: pass: 5 passed".into(), evidence: vec![1, 3] });
        assert_eq!(verdict.help, None, "the help of what is unmeasured does not explain a failure");
    }

    #[test]
    fn without_red_all_are_named_and_a_single_one_stays_as_it_is() {
        let two = vec![part("api", Outcome::Pass, "5 passed", 5), part("web", Outcome::Pass, "2 passed", 2)];
        assert_eq!(together(Gate::Tests, Enforce::Block, two).title, "api: 5 passed; web: 2 passed");
        let one = vec![part("", Outcome::Unmeasured, "0 tests ran", 0)];
        let verdict = together(Gate::Tests, Enforce::Block, one);
        assert_eq!((verdict.title.as_str(), verdict.help.is_some()), ("0 tests ran", true));
        let two = vec![part("api", Outcome::Pass, "5 passed", 5), part("web", Outcome::Unmeasured, "0 tests ran", 0)];
        assert_eq!(together(Gate::Tests, Enforce::Block, two).help.unwrap().looked_for, "web: junit.xml");
    }
}
