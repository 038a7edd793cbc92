//! Gate `benchmarks` (2A): is the head slower than the base, measured in rounds on the same machine? In each round both
//! run once, in the order that a coin says: where they are equal, the two labels are then as good as swapped by chance,
//! whatever the machine does, so that the logarithm of head over base is symmetric around 0 at any noise.

use super::counted;
use super::stats::multiple::e_bh;
use super::stats::symmetric::{Differences, Evidence, Interval, Scales, Side};
use crate::facts::finding::{Finding, Severity};
use crate::facts::percent::Percent;
use crate::facts::setting::{Enforce, Setting};
use crate::facts::stage::Gate;
use crate::facts::verdict::{Outcome, Reason, Verdict};

/// What the spread of `ln(head / base)` is taken for before three rounds, and at least.
pub const SCALES: Scales = Scales { prior: 0.02, floor: 0.001 };
/// So many runs of each side make a count of instructions.
pub const COUNTED_RUNS: usize = 3;
/// So many benchmarks are told one by one, the worst first.
const TOLD: usize = 100;

#[derive(Clone, Debug)]
pub struct Policy {
    pub enforce: Setting<Enforce>,
    /// What an undecided benchmark is, where none is slower.
    pub undecided: Setting<Enforce>,
    /// Slower by less than this is no regression: layout and alignment alone do so much.
    pub tolerance: Setting<Percent>,
    /// The smallest change that matters: shown to be slower by less than this, a benchmark is green.
    pub delta: Setting<Percent>,
    /// At most so many of those that are called slower are expected not to be.
    pub alpha: Setting<Percent>,
    pub min_rounds: Setting<usize>,
    pub max_rounds: Setting<usize>,
    /// By how much a count of instructions may grow.
    pub instructions: Setting<Percent>,
}

impl Policy {
    pub fn rules(&self) -> Result<Rules, String> {
        let alpha = self.alpha.value.share();
        Rules {
            tolerance: self.tolerance.value.share(),
            delta: self.delta.value.share(),
            alpha,
            alpha_ok: alpha,
            min_rounds: self.min_rounds.value,
            max_rounds: self.max_rounds.value,
            scales: SCALES,
        }
        .checked()
    }
}

/// The numbers of one comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    pub tolerance: f64,
    pub delta: f64,
    /// How often a benchmark that is not slower may be called so.
    pub alpha: f64,
    /// How often one that is slower by delta may be called ok.
    pub alpha_ok: f64,
    pub min_rounds: usize,
    pub max_rounds: usize,
    pub scales: Scales,
}

impl Default for Rules {
    fn default() -> Rules {
        let (tolerance, delta, alpha) = (0.01, 0.05, 0.05);
        Rules { tolerance, delta, alpha, alpha_ok: alpha, min_rounds: 8, max_rounds: 40, scales: SCALES }
    }
}

impl Rules {
    /// Refuses numbers that no comparison can hold.
    pub fn checked(self) -> Result<Rules, String> {
        let positive = |v: f64| v.is_finite() && v > 0.0;
        for (name, alpha) in [("alpha", self.alpha), ("alpha_ok", self.alpha_ok)] {
            if !(positive(alpha) && alpha <= 0.5) {
                return Err(format!("{name} of {alpha}: it must be above 0 and at most 0.5"));
            }
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(format!("a tolerance of {}: it must be 0 or more", self.tolerance));
        }
        if !(self.delta.is_finite() && self.delta > self.tolerance) {
            let (delta, tolerance) = (self.delta, self.tolerance);
            return Err(format!("a delta of {delta}: it must be above the tolerance of {tolerance}"));
        }
        if self.min_rounds == 0 || self.max_rounds < self.min_rounds {
            let (min, max) = (self.min_rounds, self.max_rounds);
            return Err(format!("{min} to {max} rounds: at least 1, and no fewer at most than at least"));
        }
        if !(positive(self.scales.prior) && positive(self.scales.floor)) {
            return Err("a prior scale or a floor that is not above 0".into());
        }
        Ok(self)
    }
}

/// Whether a comparison goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The next round is asked for.
    Running,
    Regressed,
    /// Shown to be slower by less than delta, if at all.
    Ok,
    /// Neither, at the last round.
    Undecided,
}

impl State {
    pub const fn id(self) -> &'static str {
        match self {
            State::Running => "continue",
            State::Regressed => "regressed",
            State::Ok => "ok",
            State::Undecided => "inconclusive",
        }
    }
}

/// Which side runs first in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    Base,
    Head,
}

/// The coin that orders the rounds: the same seed, the same order (splitmix64 of Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Coin(u64);

impl Coin {
    pub const fn new(seed: u64) -> Coin {
        Coin(seed)
    }

    pub fn toss(&mut self) -> First {
        if self.bits() >> 63 == 0 { First::Base } else { First::Head }
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// A round that measured nothing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("round {round} took {base_s} s on the base and {head_s} s on the head: no ratio can be told of these")]
pub struct BadRound {
    pub round: usize,
    pub base_s: f64,
    pub head_s: f64,
}

/// What is known of a benchmark at some round.
#[derive(Clone, Debug)]
pub struct Standing {
    /// `ln(head / base)` of the rounds up to there.
    pub differences: Differences,
    pub log_e_regressed: f64,
    pub log_e_ok: f64,
    /// That it is faster by more than the tolerance.
    pub log_e_faster: f64,
}

impl Standing {
    /// How many times the base's time the head takes: the median over the rounds.
    pub fn ratio(&self) -> Option<f64> {
        self.differences.median().map(f64::exp)
    }

    /// The always-valid interval of the ratio.
    pub fn ratio_interval(&self, alpha: f64) -> Interval {
        let Interval { low, high } = self.differences.interval(alpha);
        Interval { low: low.map(f64::exp), high: high.map(f64::exp) }
    }
}

/// One benchmark's rounds. What is pushed behind the decision changes the evidence and not the decision.
#[derive(Clone, Debug)]
pub struct Comparison {
    rules: Rules,
    /// How much evidence calls it regressed, where so many benchmarks are asked about.
    wanted: f64,
    differences: Differences,
    regressed: Evidence,
    ok: Evidence,
    faster: Evidence,
    decided: Option<(State, Standing)>,
}

impl Comparison {
    /// Of one among so many benchmarks.
    pub fn new(rules: Rules, benchmarks: usize) -> Comparison {
        let theta = rules.tolerance.ln_1p();
        Comparison {
            rules,
            wanted: (benchmarks.max(1) as f64 / rules.alpha).ln(),
            differences: Differences::new(rules.scales),
            regressed: Evidence::new(theta, Side::Above),
            ok: Evidence::new(rules.delta.ln_1p(), Side::Below),
            faster: Evidence::new(-theta, Side::Below),
            decided: None,
        }
    }

    /// Takes a round, in CPU seconds (or any one unit), and says whether another one is asked for.
    pub fn push(&mut self, base_s: f64, head_s: f64) -> Result<State, BadRound> {
        let bad = BadRound { round: self.differences.len() + 1, base_s, head_s };
        if !(base_s > 0.0 && head_s > 0.0) {
            return Err(bad);
        }
        // Not of the ratio, which may be beyond f64 where neither logarithm is.
        self.differences.push(head_s.ln() - base_s.ln()).map_err(|_| bad)?;
        for evidence in [&mut self.regressed, &mut self.ok, &mut self.faster] {
            self.differences.add_last(evidence);
        }
        if self.decided.is_none() {
            let state = self.now();
            if state != State::Running {
                self.decided = Some((state, self.current()));
            }
        }
        Ok(self.state())
    }

    fn now(&self) -> State {
        let rounds = self.differences.len();
        if rounds < self.rules.min_rounds {
            State::Running
        } else if self.regressed.log_e() >= self.wanted {
            State::Regressed
        } else if self.ok.log_e() >= (1.0 / self.rules.alpha_ok).ln() {
            State::Ok
        } else if rounds >= self.rules.max_rounds {
            State::Undecided
        } else {
            State::Running
        }
    }

    pub fn state(&self) -> State {
        self.decided.as_ref().map_or(State::Running, |(state, _)| *state)
    }

    /// After all rounds so far.
    pub fn current(&self) -> Standing {
        Standing {
            differences: self.differences.clone(),
            log_e_regressed: self.regressed.log_e(),
            log_e_ok: self.ok.log_e(),
            log_e_faster: self.faster.log_e(),
        }
    }

    /// At the decision, or after all rounds where there is none yet.
    pub fn standing(&self) -> Standing {
        self.decided.as_ref().map_or_else(|| self.current(), |(_, standing)| standing.clone())
    }
}

/// The instructions of each run of base and head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub base: Vec<u64>,
    pub head: Vec<u64>,
}

/// What counted instructions say. A program that does the same each time needs no statistics: slower is what its best
/// run shows against the base's worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountsSay {
    Slower,
    Faster,
    Same,
    /// Runs of one side differ by more than what is asked about (threads, hash seeds, clocks): time must tell.
    Unsteady,
    /// Fewer runs than three on a side, or a run without an instruction.
    Nothing,
}

pub fn instructions(counts: &Counts, tolerance: Percent) -> CountsSay {
    let ends = |runs: &[u64]| {
        let enough = runs.len() >= COUNTED_RUNS && !runs.contains(&0);
        enough.then(|| Some((*runs.iter().min()?, *runs.iter().max()?))).flatten()
    };
    let (Some(base), Some(head)) = (ends(&counts.base), ends(&counts.head)) else { return CountsSay::Nothing };
    if tolerance.is_exceeded_by_growth(base.1, head.0) {
        CountsSay::Slower
    } else if [base, head].iter().any(|&(least, most)| tolerance.is_exceeded_by_growth(least, most)) {
        CountsSay::Unsteady
    } else if tolerance.is_exceeded_by_fall(base.0, head.1) {
        CountsSay::Faster
    } else {
        CountsSay::Same
    }
}

/// How one benchmark was measured.
#[derive(Clone, Debug)]
pub enum Measure {
    Time(Box<Comparison>),
    Instructions(Counts),
}

/// One benchmark, or why there is no measure of it.
#[derive(Clone, Debug)]
pub struct Measured {
    pub name: String,
    pub content: Result<Measure, String>,
    /// Indices of its evidence.
    pub evidence: Vec<usize>,
}

/// What is said of one benchmark in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    Slower,
    Unmeasured(String),
    Undecided,
    Faster,
    /// Slower by less than delta, if at all.
    Unchanged,
}

/// Which of all benchmarks are slower: by time those that e-BH picks at alpha, each with the evidence at which its own
/// rounds stopped. One that is not measured is evidence of nothing, and still one of those asked about.
pub fn conclude(benchmarks: &[Measured], rules: &Rules, tolerance: Percent) -> Vec<Conclusion> {
    let standings: Vec<Option<Standing>> = benchmarks
        .iter()
        .map(|benchmark| match &benchmark.content {
            Ok(Measure::Time(comparison)) => Some(comparison.standing()),
            _ => None,
        })
        .map(|standing| standing.filter(|s| s.differences.len() >= rules.min_rounds))
        .collect();
    let picked = |of: fn(&Standing) -> f64| {
        let log_e: Vec<f64> = standings.iter().map(|s| s.as_ref().map_or(f64::NEG_INFINITY, of)).collect();
        e_bh(&log_e, rules.alpha)
    };
    let (slower, faster) = (picked(|s| s.log_e_regressed), picked(|s| s.log_e_faster));
    let one = |(at, benchmark): (usize, &Measured)| match &benchmark.content {
        Err(why) => Conclusion::Unmeasured(why.clone()),
        Ok(Measure::Instructions(counts)) => match instructions(counts, tolerance) {
            CountsSay::Slower => Conclusion::Slower,
            CountsSay::Faster => Conclusion::Faster,
            CountsSay::Same => Conclusion::Unchanged,
            CountsSay::Unsteady => Conclusion::Undecided,
            CountsSay::Nothing => Conclusion::Unmeasured(format!("fewer than {COUNTED_RUNS} counted runs of a side")),
        },
        Ok(Measure::Time(_)) if slower.contains(&at) => Conclusion::Slower,
        Ok(Measure::Time(comparison)) => match comparison.state() {
            State::Ok if faster.contains(&at) => Conclusion::Faster,
            State::Ok => Conclusion::Unchanged,
            _ if standings[at].is_none() => {
                let rounds = counted(comparison.current().differences.len() as u64, "round");
                Conclusion::Unmeasured(format!("stopped after {rounds} of at least {}", rules.min_rounds))
            }
            _ => Conclusion::Undecided,
        },
    };
    benchmarks.iter().enumerate().map(one).collect()
}

/// What is known of the benchmarks.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Why the project can have no benchmarks that we know of.
    pub not_applicable: Option<String>,
    /// Why nothing could be measured.
    pub blocked: Option<String>,
    pub looked_for: String,
    pub benchmarks: Vec<Measured>,
    /// Names that only the head has: nothing to compare them with.
    pub added: Vec<String>,
    /// Names that only the base has.
    pub gone: Vec<String>,
}

pub fn judge(gate: Gate, policy: &Policy, input: &Input) -> Verdict {
    let enforce = policy.enforce.value;
    if let Some(why) = &input.not_applicable {
        return super::skipped(gate, enforce, why);
    }
    let rules = match input.blocked.clone().map_or_else(|| policy.rules(), Err) {
        Ok(rules) => rules,
        Err(why) => return nothing(gate, enforce, input, &why),
    };
    if input.benchmarks.is_empty() {
        return nothing(gate, enforce, input, "no benchmark is on both sides");
    }
    let conclusions = conclude(&input.benchmarks, &rules, policy.instructions.value);
    let tally = Tally::of(&conclusions);
    let outcome = tally.outcome();
    let advice = outcome == Outcome::Inconclusive && policy.undecided.value == Enforce::Advise;
    let enforce = if advice { Enforce::Advise } else { enforce };
    let mut verdict = Verdict::new(gate, enforce, outcome, tally.title(policy, advice));
    for (name, value) in [
        ("benchmarks", tally.benchmarks),
        ("slower", tally.slower),
        ("faster", tally.faster),
        ("undecided", tally.undecided),
    ] {
        verdict.metrics.insert(name.into(), value);
    }
    tell(&mut verdict, policy, &rules, input, &conclusions);
    if let Some((name, why)) = first_unmeasured(input, &conclusions).filter(|_| outcome == Outcome::Unmeasured) {
        let way_out = "let the benchmark run to its end on both sides; its output is in the evidence";
        verdict = verdict.help(input.looked_for.clone(), format!("{name}: {why}"), way_out);
    }
    verdict
}

fn nothing(gate: Gate, enforce: Enforce, input: &Input, why: &str) -> Verdict {
    let way_out = "let the benchmark command run on base and head, or name one in `benchmarks.run`";
    let mut verdict = Verdict::new(gate, enforce, Outcome::Unmeasured, why).because(why, []).help(
        input.looked_for.clone(),
        why,
        way_out,
    );
    verdict.metrics.insert("benchmarks".into(), 0);
    strangers(&mut verdict, input);
    verdict
}

fn first_unmeasured<'a>(input: &'a Input, conclusions: &'a [Conclusion]) -> Option<(&'a str, &'a str)> {
    input.benchmarks.iter().zip(conclusions).find_map(|(benchmark, conclusion)| match conclusion {
        Conclusion::Unmeasured(why) => Some((benchmark.name.as_str(), why.as_str())),
        _ => None,
    })
}

#[derive(Default)]
struct Tally {
    benchmarks: u64,
    slower: u64,
    faster: u64,
    undecided: u64,
    unmeasured: u64,
}

impl Tally {
    fn of(conclusions: &[Conclusion]) -> Tally {
        let mut tally = Tally { benchmarks: conclusions.len() as u64, ..Tally::default() };
        for conclusion in conclusions {
            match conclusion {
                Conclusion::Slower => tally.slower += 1,
                Conclusion::Faster => tally.faster += 1,
                Conclusion::Undecided => tally.undecided += 1,
                Conclusion::Unmeasured(_) => tally.unmeasured += 1,
                Conclusion::Unchanged => {}
            }
        }
        tally
    }

    fn outcome(&self) -> Outcome {
        if self.slower > 0 {
            Outcome::Fail
        } else if self.unmeasured > 0 {
            Outcome::Unmeasured
        } else if self.undecided > 0 {
            Outcome::Inconclusive
        } else {
            Outcome::Pass
        }
    }

    fn title(&self, policy: &Policy, advice: bool) -> String {
        let mut parts = Vec::new();
        if self.slower > 0 {
            parts.push(format!("{} of {} slower", self.slower, counted(self.benchmarks, "benchmark")));
        }
        if self.unmeasured > 0 {
            parts.push(format!("{} of {} unmeasured", self.unmeasured, counted(self.benchmarks, "benchmark")));
        }
        if self.undecided > 0 {
            let of = format!("{} of {} undecided", self.undecided, counted(self.benchmarks, "benchmark"));
            parts.push(format!("{of} at {} rounds{}", policy.max_rounds.value, if advice { " (advice)" } else { "" }));
        }
        if parts.is_empty() {
            let delta = policy.delta.value;
            parts.push(format!("{}, none slower by {delta}%", counted(self.benchmarks, "benchmark")));
        }
        if self.faster > 0 {
            parts.push(format!("{} faster", self.faster));
        }
        parts.join(", ")
    }
}

/// Reasons and findings, the worst first.
fn tell(verdict: &mut Verdict, policy: &Policy, rules: &Rules, input: &Input, conclusions: &[Conclusion]) {
    let mut order: Vec<(&Measured, &Conclusion)> = input.benchmarks.iter().zip(conclusions).collect();
    order.sort_by_key(|(_, conclusion)| match conclusion {
        Conclusion::Slower => 0,
        Conclusion::Unmeasured(_) => 1,
        Conclusion::Undecided => 2,
        Conclusion::Faster => 3,
        Conclusion::Unchanged => 4,
    });
    for (benchmark, conclusion) in order.iter().take(TOLD) {
        let text = sentence(benchmark, conclusion, policy, rules);
        if **conclusion == Conclusion::Slower {
            verdict.findings.push(Finding::new("benchmark-slower", Severity::High, text.clone()));
        }
        verdict.reasons.push(Reason { text, evidence: benchmark.evidence.clone() });
    }
    verdict.findings_total = verdict.metrics.get("slower").copied().unwrap_or_default();
    if order.len() > TOLD {
        let text = format!("{} more are counted", counted((order.len() - TOLD) as u64, "benchmark"));
        verdict.reasons.push(Reason { text, evidence: Vec::new() });
    }
    strangers(verdict, input);
}

/// Benchmarks of one side alone.
fn strangers(verdict: &mut Verdict, input: &Input) {
    for (names, what) in [(&input.added, "only on the head"), (&input.gone, "only on the base")] {
        if let Some(first) = names.first() {
            let text = format!("{} {what}, compared with nothing: {first} …", counted(names.len() as u64, "benchmark"));
            let text = if names.len() == 1 { text.trim_end_matches(" …").to_string() } else { text };
            verdict.reasons.push(Reason { text, evidence: Vec::new() });
        }
    }
}

fn sentence(benchmark: &Measured, conclusion: &Conclusion, policy: &Policy, rules: &Rules) -> String {
    let word = match conclusion {
        Conclusion::Slower => "slower",
        Conclusion::Faster => "faster",
        Conclusion::Undecided => "undecided",
        Conclusion::Unchanged => "not slower",
        Conclusion::Unmeasured(why) => return format!("{}: unmeasured: {why}", benchmark.name),
    };
    let measured = match &benchmark.content {
        Ok(Measure::Time(comparison)) => time(comparison, policy, rules),
        Ok(Measure::Instructions(counts)) => {
            let tolerance = policy.instructions.value;
            let least = |runs: &[u64]| runs.iter().min().copied().unwrap_or_default();
            let most = |runs: &[u64]| runs.iter().max().copied().unwrap_or_default();
            let of = |runs: &[u64]| format!("{} to {}", least(runs), most(runs));
            let (base, head) = (of(&counts.base), of(&counts.head));
            format!("{head} instructions, the base {base}; {tolerance}% allowed ({})", policy.instructions.source)
        }
        Err(why) => why.clone(),
    };
    format!("{}: {word}: {measured}", benchmark.name)
}

/// The estimate with its interval and what it is measured against.
fn time(comparison: &Comparison, policy: &Policy, rules: &Rules) -> String {
    let standing = comparison.standing();
    let Interval { low, high } = standing.ratio_interval(rules.alpha);
    let end = |end: Option<f64>, open: &str| end.map_or_else(|| open.to_string(), |v| format!("{v:.3}"));
    let ratio = standing.ratio().map_or_else(String::new, |v| format!("{v:.3}"));
    let level = (100.0 * (1.0 - rules.alpha)).round();
    let limits = format!(
        "tolerance {}% ({}), delta {}% ({})",
        policy.tolerance.value, policy.tolerance.source, policy.delta.value, policy.delta.source
    );
    format!(
        "{ratio} times the base's time, always-valid {level}% interval [{}, {}], after {}; {limits}",
        end(low, "0"),
        end(high, "∞"),
        counted(standing.differences.len() as u64, "round"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(text: &str) -> Setting<Percent> {
        Setting::default(text.parse().unwrap())
    }

    fn policy() -> Policy {
        Policy {
            enforce: Setting::default(Enforce::Block),
            undecided: Setting::default(Enforce::Advise),
            tolerance: percent("1"),
            delta: percent("5"),
            alpha: percent("5"),
            min_rounds: Setting::default(8),
            max_rounds: Setting::default(40),
            instructions: percent("0.5"),
        }
    }

    /// A benchmark of which each round has the next of these ratios, until no other one is asked for.
    fn timed(name: &str, ratios: &[f64], benchmarks: usize) -> Measured {
        let mut comparison = Comparison::new(policy().rules().unwrap(), benchmarks);
        for ratio in ratios {
            if comparison.push(0.1, 0.1 * ratio).unwrap() != State::Running {
                break;
            }
        }
        Measured { name: name.into(), content: Ok(Measure::Time(Box::new(comparison))), evidence: vec![3] }
    }

    fn steady(name: &str, ratio: f64, benchmarks: usize) -> Measured {
        let ratios: Vec<f64> = (0..40).map(|round| ratio * (1.0 + 0.002 * f64::from(round % 3 - 1))).collect();
        timed(name, &ratios, benchmarks)
    }

    fn noise(name: &str, benchmarks: usize) -> Measured {
        let ratios: Vec<f64> = (0..40).map(|round| if round % 2 == 0 { 1.4 } else { 0.8 }).collect();
        timed(name, &ratios, benchmarks)
    }

    fn judged(policy: &Policy, benchmarks: Vec<Measured>) -> Verdict {
        judge(Gate::Tests, policy, &Input { benchmarks, looked_for: "benches/".into(), ..Input::default() })
    }

    #[test]
    fn the_outcome_table() {
        use Outcome::*;
        let failed = || Measured { name: "f".into(), content: Err("exit 1 on the head".into()), evidence: vec![4] };
        let short = || timed("s", &[1.2, 1.2, 1.2], 2);
        let same = || steady("a", 1.0, 2);
        for (benchmarks, outcome, enforce, title) in [
            (vec![same(), steady("b", 1.2, 2)], Fail, Enforce::Block, "1 of 2 benchmarks slower"),
            (vec![same(), steady("b", 0.8, 2)], Pass, Enforce::Block, "2 benchmarks, none slower by 5%, 1 faster"),
            (
                vec![same(), noise("n", 2)],
                Inconclusive,
                Enforce::Advise,
                "1 of 2 benchmarks undecided at 40 rounds (advice)",
            ),
            (vec![same(), failed()], Unmeasured, Enforce::Block, "1 of 2 benchmarks unmeasured"),
            (vec![same(), short()], Unmeasured, Enforce::Block, "1 of 2 benchmarks unmeasured"),
            (
                vec![failed(), noise("n", 2), steady("b", 1.3, 3)],
                Fail,
                Enforce::Block,
                "1 of 3 benchmarks slower, 1 of 3 benchmarks unmeasured, 1 of 3 benchmarks undecided at 40 rounds",
            ),
            (vec![], Unmeasured, Enforce::Block, "no benchmark is on both sides"),
        ] {
            let verdict = judged(&policy(), benchmarks);
            assert_eq!((verdict.outcome, verdict.enforce, verdict.title.as_str()), (outcome, enforce, title));
            assert_eq!(verdict.help.is_some(), outcome == Unmeasured, "{title}");
        }
        let strict = Policy { undecided: Setting::default(Enforce::Block), ..policy() };
        let verdict = judged(&strict, vec![noise("n", 1)]);
        assert_eq!((verdict.outcome, verdict.enforce), (Inconclusive, Enforce::Block));
    }

    #[test]
    fn what_is_slower_is_told_first_with_its_interval_and_its_base() {
        let verdict = judged(&policy(), vec![steady("same", 1.0, 2), steady("sort", 1.2, 2)]);
        let text = &verdict.reasons[0].text;
        assert!(text.starts_with("sort: slower: 1.200 times the base's time, always-valid 95% interval [1."), "{text}");
        assert!(text.ends_with("after 8 rounds; tolerance 1% (default), delta 5% (default)"), "{text}");
        assert_eq!(verdict.reasons[0].evidence, [3]);
        assert_eq!((verdict.findings.len(), verdict.findings_total), (1, 1));
        let numbers: Vec<u64> =
            ["benchmarks", "slower", "faster", "undecided"].map(|name| verdict.metrics[name]).to_vec();
        assert_eq!(numbers, [2, 1, 0, 0]);
    }

    #[test]
    fn one_of_many_needs_more_evidence() {
        // From its eighth round on one alone is regressed at 20; one of 400 needs 8,000, and gets it.
        let rounds = |benchmarks: usize| match steady("b", 1.2, benchmarks).content {
            Ok(Measure::Time(comparison)) => {
                assert_eq!(comparison.state(), State::Regressed);
                comparison.standing().differences.len()
            }
            _ => 0,
        };
        assert_eq!((rounds(1), rounds(400)), (8, 13));
        // Slower by 3%: each stops as ok, with evidence of 256 that it is slower by more than 1%. Alone among others that
        // is not enough; where all 400 are so, it is.
        let rules = policy().rules().unwrap();
        let three: Vec<Measured> = (0..400).map(|_| steady("b", 1.03, 400)).collect();
        let alone: Vec<Measured> = (0..400).map(|at| steady("b", if at == 0 { 1.03 } else { 1.0 }, 400)).collect();
        let said = |all: &[Measured]| conclude(all, &rules, policy().instructions.value);
        assert_eq!(said(&three), vec![Conclusion::Slower; 400]);
        assert_eq!(said(&alone), vec![Conclusion::Unchanged; 400]);
    }

    #[test]
    fn a_benchmark_of_one_side_is_told_and_compared_with_nothing() {
        let input = Input {
            benchmarks: vec![steady("a", 1.0, 1)],
            added: vec!["new".into()],
            gone: vec!["x".into(), "y".into()],
            ..Input::default()
        };
        let verdict = judge(Gate::Tests, &policy(), &input);
        let texts: Vec<&str> = verdict.reasons.iter().skip(1).map(|r| r.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "1 benchmark only on the head, compared with nothing: new",
                "2 benchmarks only on the base, compared with nothing: x …"
            ]
        );
    }

    #[test]
    fn nothing_measured_and_nothing_to_measure_are_two_things() {
        let blocked = Input { blocked: Some("the base does not build".into()), ..Input::default() };
        let verdict = judge(Gate::Tests, &policy(), &blocked);
        assert_eq!((verdict.outcome, verdict.title.as_str()), (Outcome::Unmeasured, "the base does not build"));
        let none = Input { not_applicable: Some("no benchmark: looked for benches/".into()), ..Input::default() };
        assert_eq!(judge(Gate::Tests, &policy(), &none).outcome, Outcome::Skipped);
        let loose = Policy { delta: percent("1"), ..policy() };
        let verdict = judged(&loose, vec![steady("a", 1.0, 1)]);
        assert!(verdict.outcome == Outcome::Unmeasured && verdict.title.starts_with("a delta of 0.01"), "{verdict:?}");
    }

    #[test]
    fn instructions_are_slower_when_the_best_run_is_worse_than_the_base_s_worst() {
        use CountsSay::*;
        let half: Percent = "0.5".parse().unwrap();
        for (base, head, says) in [
            (vec![1000; 3], vec![1005; 3], Same),
            (vec![1000; 3], vec![1006; 3], Slower),
            (vec![1000, 1000, 1001], vec![1006; 3], Same),
            (vec![1000; 3], vec![994; 3], Faster),
            (vec![1000, 1000, 1010], vec![1000; 3], Unsteady),
            // Noise does not hide what even the best run shows.
            (vec![1000, 1000, 1010], vec![1100, 1200, 1300], Slower),
            (vec![1000; 2], vec![1006; 3], Nothing),
            (vec![1000; 3], vec![], Nothing),
            (vec![0; 3], vec![1; 3], Nothing),
            (vec![u64::MAX; 3], vec![u64::MAX; 3], Same),
        ] {
            assert_eq!(
                instructions(&Counts { base: base.clone(), head: head.clone() }, half),
                says,
                "{base:?} {head:?}"
            );
        }
        let counts = Counts { base: vec![1000; 3], head: vec![1010; 3] };
        let counted = Measured { name: "i".into(), content: Ok(Measure::Instructions(counts)), evidence: vec![] };
        let verdict = judged(&policy(), vec![counted]);
        assert_eq!(verdict.outcome, Outcome::Fail);
        let text = "i: slower: 1010 to 1010 instructions, the base 1000 to 1000; 0.5% allowed (default)";
        assert_eq!(verdict.reasons[0].text, text);
    }

    #[test]
    fn a_round_that_measured_nothing_is_refused() {
        let mut comparison = Comparison::new(Rules::default(), 1);
        for (base, head) in [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert!(comparison.push(base, head).is_err(), "{base} {head}");
        }
        assert_eq!(comparison.current().differences.len(), 0);
        for rules in [
            Rules { alpha: 0.0, ..Rules::default() },
            Rules { alpha_ok: 0.6, ..Rules::default() },
            Rules { tolerance: -0.1, ..Rules::default() },
            Rules { delta: 0.01, ..Rules::default() },
            Rules { min_rounds: 0, ..Rules::default() },
            Rules { max_rounds: 7, ..Rules::default() },
            Rules { scales: Scales { prior: 0.0, floor: 0.001 }, ..Rules::default() },
        ] {
            assert!(rules.checked().is_err(), "{rules:?}");
        }
        assert!(Rules::default().checked().is_ok());
    }

    #[test]
    fn a_coin_is_fair_and_the_same_for_the_same_seed() {
        let heads = |seed: u64| {
            let mut coin = Coin::new(seed);
            (0..10_000).filter(|_| coin.toss() == First::Head).count()
        };
        assert_eq!(heads(7), heads(7));
        assert!((4_800..5_200).contains(&heads(7)) && (4_800..5_200).contains(&heads(8)));
    }
}
