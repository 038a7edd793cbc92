//! Gate `install` (1A): could what the project declares be installed?

use super::Run;
use crate::facts::evidence::Ending;
use crate::facts::setting::{Enforce, Setting};
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Verdict};

#[derive(Clone, Debug)]
pub struct Policy {
    pub enforce: Setting<Enforce>,
}

/// What was done about dependencies.
#[derive(Debug)]
pub enum Input {
    /// Nothing is to be installed, and why.
    NotApplicable(String),
    /// The plan could not be made: what is wrong, and the way out.
    Refused {
        found: String,
        way_out: String,
    },
    /// An environment of an earlier run, made from the same declarations, is used again.
    Reused {
        manifests: Vec<String>,
        since: String,
        packages: u64,
        evidence: usize,
    },
    /// The package index did not answer, and the active environment has all that is declared already.
    Present {
        manifests: Vec<String>,
        packages: u64,
        evidence: usize,
    },
    Ran {
        manifests: Vec<String>,
        steps: Vec<Run>,
        packages: u64,
    },
}

impl Input {
    /// Can the tests rely on their dependencies?
    pub fn is_ready(&self) -> bool {
        match self {
            Input::NotApplicable(_) | Input::Reused { .. } | Input::Present { .. } => true,
            Input::Refused { .. } => false,
            Input::Ran { steps, .. } => steps.iter().all(|s| s.ending == Ending::Exit(0)),
        }
    }
}

pub fn judge(policy: &Policy, input: &Input) -> Verdict {
    let verdict = |outcome, title: String| Verdict::new(Gate::Install, policy.enforce.value, outcome, title);
    match input {
        Input::NotApplicable(why) => super::skipped(Gate::Install, policy.enforce.value, why),
        Input::Refused { found, way_out } => verdict(Outcome::Fail, "the dependencies cannot be installed".into())
            .because(found.clone(), [])
            .help("a way to install what the project declares", found, way_out),
        Input::Reused { manifests, since, packages, evidence } => {
            let mut verdict = verdict(Outcome::Pass, format!("{packages} packages, unchanged since {since}")).because(
                format!("declared in {}; the environment of an earlier run is used again", manifests.join(", ")),
                [*evidence],
            );
            verdict.metrics.insert("packages".into(), *packages);
            verdict
        }
        Input::Present { manifests, packages, evidence } => {
            let title = format!("{packages} packages, already in the active environment");
            let why = format!(
                "declared in {}; the package index did not answer, and the active environment has all of it in the \
                 declared versions: it is used as it is",
                manifests.join(", ")
            );
            let mut verdict = verdict(Outcome::Pass, title).because(why, [*evidence]);
            verdict.metrics.insert("packages".into(), *packages);
            verdict
        }
        Input::Ran { manifests, steps, packages } => ran(policy, manifests, steps, *packages),
    }
}

fn ran(policy: &Policy, manifests: &[String], steps: &[Run], packages: u64) -> Verdict {
    let declared = manifests.join(", ");
    let all = steps.iter().map(|s| s.evidence);
    let Some(broken) = steps.iter().find(|s| s.ending != Ending::Exit(0)) else {
        let mut verdict =
            Verdict::new(Gate::Install, policy.enforce.value, Outcome::Pass, format!("{packages} packages"))
                .because(format!("declared in {declared}"), all);
        verdict.metrics.insert("packages".into(), packages);
        return verdict;
    };
    let tail = broken.tail.join("\n");
    Verdict::new(
        Gate::Install,
        policy.enforce.value,
        Outcome::Fail,
        format!("could not {}: {}", broken.what, broken.ending),
    )
    .because(format!("declared in {declared}; {}", broken.ending), [broken.evidence])
    .help(format!("what {declared} declares"), tail, "mend the declaration, make the package index reachable, or use what is there: `install: {environment: active}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy { enforce: Setting::default(Enforce::Block) }
    }

    fn run(ending: Ending) -> Run {
        Run { evidence: 0, what: "install the project".into(), ending, tail: vec!["No matching distribution".into()] }
    }

    #[test]
    fn a_step_that_did_not_end_well_fails_the_gate() {
        for ending in [Ending::Exit(1), Ending::Signal(9), Ending::TimedOut { seconds: 3 }, Ending::NotStarted] {
            let input = Input::Ran {
                manifests: vec!["pyproject.toml".into()],
                steps: vec![run(Ending::Exit(0)), run(ending)],
                packages: 0,
            };
            let verdict = judge(&policy(), &input);
            assert_eq!(verdict.outcome, Outcome::Fail);
            assert!(!input.is_ready());
            assert!(verdict.help.unwrap().found.contains("No matching distribution"));
        }
        let present = Input::Present { manifests: vec!["setup.py".into()], packages: 3, evidence: 0 };
        let verdict = judge(&policy(), &present);
        assert_eq!((verdict.outcome, verdict.metrics["packages"], present.is_ready()), (Outcome::Pass, 3, true));
        assert!(verdict.title.contains("already in the active environment"));
        let input = Input::Ran { manifests: vec![], steps: vec![run(Ending::Exit(0))], packages: 7 };
        assert_eq!(judge(&policy(), &input).outcome, Outcome::Pass);
    }
}
