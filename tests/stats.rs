//! The statistics of the verdicts against numbers that were computed apart from them (reference vectors of 50 digits),
//! the properties that need no numbers, and their stated error rates on measured noise.

use qte_ci::judge::benchmarks::{Coin, Comparison, Conclusion, First, Measure, Measured, Rules, State, conclude};
use qte_ci::judge::stats::multiple::{e_bh, holm, log_mean};
use qte_ci::judge::stats::symmetric::{Differences, Evidence, Interval, Scales, Side};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A file of the vectors where they lie; their absence is said and counted.
fn vectors(name: &str) -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors").join(name);
    let Ok(text) = std::fs::read_to_string(path) else {
        skipped(&format!("{name}: the reference vectors are not beside the project"));
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    if let Some(path) = std::env::var_os("QTE_SKIPPED_FILE") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        writeln!(file, "SKIPPED: {why}").unwrap();
    }
}

fn cases(vectors: &Value) -> &[Value] {
    let cases = vectors["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn close(ours: f64, theirs: f64, what: &str) {
    assert!((ours - theirs).abs() <= 1e-9 + 1e-9 * theirs.abs(), "{what}: {ours} where {theirs} is expected");
}

fn all_close(ours: &[f64], theirs: &Value, what: &str) {
    let theirs = numbers(theirs);
    assert_eq!(ours.len(), theirs.len(), "{what}");
    ours.iter().zip(theirs).enumerate().for_each(|(at, (a, b))| close(*a, b, &format!("{what} {at}")));
}

fn ends(interval: Interval) -> [f64; 2] {
    [interval.low.unwrap(), interval.high.unwrap()]
}

/// The evidence after each difference, on both sides.
fn run(d: &[f64], theta: f64, scales: Scales) -> (Differences, Vec<f64>, Vec<f64>) {
    let mut differences = Differences::new(scales);
    let (mut above, mut below) = (Evidence::new(theta, Side::Above), Evidence::new(theta, Side::Below));
    let (mut of_above, mut of_below) = (Vec::new(), Vec::new());
    for &value in d {
        differences.push(value).unwrap();
        differences.add_last(&mut above);
        differences.add_last(&mut below);
        of_above.push(above.log_e());
        of_below.push(below.log_e());
    }
    (differences, of_above, of_below)
}

#[test]
fn the_symmetric_test_is_that_of_the_vectors() {
    let Some(vectors) = vectors("symmetric_eprocess.json") else { return };
    for case in cases(&vectors) {
        let name = case["name"].as_str().unwrap();
        let number = |key: &str| case[key].as_f64().unwrap();
        let scales = Scales { prior: number("prior_scale"), floor: number("floor") };
        let (differences, above, below) = run(&numbers(&case["d"]), number("theta0"), scales);
        let expected = &case["expected"];
        all_close(differences.scale_of(), &expected["scale"], &format!("{name}: scale"));
        all_close(&above, &expected["log_e_above"], &format!("{name}: log_e_above"));
        all_close(&below, &expected["log_e_below"], &format!("{name}: log_e_below"));
        all_close(&ends(differences.interval(0.05)), &expected["cs_95"], &format!("{name}: cs_95"));
    }
}

#[test]
fn many_questions_are_answered_as_in_the_vectors() {
    let Some(vectors) = vectors("multiple.json") else { return };
    for case in cases(&vectors) {
        let (e, alpha, expected) = (numbers(&case["e"]), case["alpha"].as_f64().unwrap(), &case["expected"]);
        let log_e: Vec<f64> = e.iter().map(|e| e.ln()).collect();
        assert_eq!(serde_json::json!(e_bh(&log_e, alpha)), expected["e_bh_rejected"], "{e:?}");
        assert_eq!(serde_json::json!(holm(&log_e, alpha)), expected["holm_rejected"], "{e:?}");
        let mean = log_mean(&log_e);
        close(mean.exp(), expected["mean_e"].as_f64().unwrap(), "mean");
        assert_eq!(Some(mean >= (1.0 / alpha).ln()), expected["any_by_mean"].as_bool(), "{e:?}");
    }
}

fn qte(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_qte-ci")).args(arguments).output().unwrap()
}

/// `qte-ci replay --json` of one recorded series.
fn replay(case: &Value) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.json");
    std::fs::write(&path, case.to_string()).unwrap();
    let out = qte(&["replay", "--json", path.to_str().unwrap()]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (out.status.code(), text(out.stdout), text(out.stderr))
}

#[test]
fn a_recorded_comparison_is_decided_again_as_in_the_vectors() {
    let Some(vectors) = vectors("perf_gate.json") else { return };
    for case in cases(&vectors) {
        let mut case = case.clone();
        case["kind"] = "performance".into();
        let (code, out, err) = replay(&case);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert_eq!(out.lines().count(), 1, "one line");
        let (ours, theirs, name) = (serde_json::from_str::<Value>(&out).unwrap(), &case["expected"], &case["name"]);
        for key in ["log_e_regressed", "log_e_ok", "ratio_cs_95"] {
            all_close(&numbers(&ours[key]), &theirs[key], &format!("{name}: {key}"));
        }
        close(ours["ratio_estimate"].as_f64().unwrap(), theirs["ratio_estimate"].as_f64().unwrap(), "ratio_estimate");
        assert_eq!((&ours["decision"], &ours["decision_round"]), (&theirs["decision"], &theirs["decision_round"]));
        assert_eq!(replay(&case).1, out, "the same series, another answer");
    }
}

#[test]
fn a_recorded_series_for_people_ends_in_its_decision() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.json");
    let series = serde_json::json!({ "kind": "performance", "base": vec![0.1; 9], "head": vec![0.12; 9] });
    std::fs::write(&path, series.to_string()).unwrap();
    let out = qte(&["replay", path.to_str().unwrap()]);
    let text = String::from_utf8(out.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((out.status.code(), lines.len()), (Some(0), 10), "{text}");
    assert!(lines[7].starts_with("round 8 ") && lines[7].ends_with(" regressed"), "{text}");
    assert!(lines[6].ends_with(" continue") && lines[8].ends_with(" regressed"), "{text}");
    let last = "regressed at round 8: head takes 1.200 times the base's time, always-valid 95% interval [1.1";
    assert!(lines[9].starts_with(last), "{text}");
}

#[test]
fn a_series_that_is_none_is_refused_by_name() {
    for (series, says) in [
        (serde_json::json!({ "kind": "canary" }), "kind `canary`: this version replays performance"),
        (serde_json::json!({ "base": [1], "head": [1] }), "no `kind`"),
        (serde_json::json!({ "kind": "performance", "base": [1, 2], "head": [1] }), "2 rounds of base and 1 of head"),
        (serde_json::json!({ "kind": "performance", "base": [], "head": [] }), "no round"),
        (serde_json::json!({ "kind": "performance", "base": [1], "head": [0] }), "round 1"),
        (serde_json::json!({ "kind": "performance", "base": [1], "heads": [1] }), "unknown key `heads`"),
        (serde_json::json!({ "kind": "performance", "base": [1], "head": ["x"] }), "`head`"),
        (
            serde_json::json!({ "kind": "performance", "base": [1], "head": [1], "params": { "alhpa": 0.05 } }),
            "unknown key `params.alhpa`",
        ),
        (
            serde_json::json!({ "kind": "performance", "base": [1], "head": [1], "params": { "alpha": 0.9 } }),
            "alpha of 0.9",
        ),
        (serde_json::json!([1]), "no JSON object"),
    ] {
        let (code, out, err) = replay(&series);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{series}");
        assert!(err.contains(says) && err.contains("series.json"), "{err}");
    }
    let missing = qte(&["replay", "nowhere.json"]);
    assert_eq!(missing.status.code(), Some(2));
}

/// Differences of many sizes from a coin.
fn some_differences(seed: u64, count: usize) -> Vec<f64> {
    let mut coin = Coin::new(seed);
    let mut unit = || (coin.bits() >> 11) as f64 / (1u64 << 53) as f64;
    (0..count).map(|_| (unit() - 0.5) * 10f64.powf(6.0 * unit() - 4.0)).collect()
}

const PERFORMANCE: Scales = Scales { prior: 0.02, floor: 0.001 };

#[test]
fn other_signs_are_the_other_side() {
    for seed in 0..50 {
        let d = some_differences(seed, 40);
        let mirrored: Vec<f64> = d.iter().map(|v| -v).collect();
        let theta = 0.01 * seed as f64 - 0.2;
        let (_, above, below) = run(&d, theta, PERFORMANCE);
        let (differences, mirrored_above, mirrored_below) = run(&mirrored, -theta, PERFORMANCE);
        assert_eq!((above, below), (mirrored_below, mirrored_above), "seed {seed}");
        let interval = run(&d, theta, PERFORMANCE).0.interval(0.05);
        let [low, high] = ends(differences.interval(0.05));
        close(-high, interval.low.unwrap(), "low");
        close(-low, interval.high.unwrap(), "high");
    }
}

#[test]
fn a_round_at_most_doubles_the_evidence() {
    for seed in 0..50 {
        let (_, above, below) = run(&some_differences(seed, 40), 0.0, PERFORMANCE);
        for log_e in [above, below] {
            let mut before = 0.0;
            for now in log_e {
                assert!(now - before <= std::f64::consts::LN_2 + 1e-12, "seed {seed}: {before} to {now}");
                before = now;
            }
        }
    }
}

/// Over all 2^n signs of the same distances from the centre the mean of the evidence is exactly 1: that is what makes it
/// an e-value, whatever the distances are.
#[test]
fn over_all_signs_the_mean_of_the_evidence_is_one() {
    for seed in 0..10 {
        let sizes = some_differences(seed, 10);
        let theta = 0.03;
        let mut sum = 0.0;
        for signs in 0..1u32 << sizes.len() {
            let sign = |at: usize| if signs >> at & 1 == 1 { 1.0 } else { -1.0 };
            let d: Vec<f64> = sizes.iter().enumerate().map(|(at, size)| theta + sign(at) * size).collect();
            sum += run(&d, theta, PERFORMANCE).1.last().unwrap().exp();
        }
        close(sum / f64::from(1u32 << sizes.len()), 1.0, "mean");
    }
}

#[test]
fn no_input_makes_a_number_that_is_none() {
    let extremes = [0.0, -0.0, 1e-320, -1e-320, 1.0, 1e15, -1e15, 1e300, -1e300, f64::MAX, -f64::MAX, f64::EPSILON];
    for start in 0..extremes.len() {
        for theta in [0.0, 1e300, -1e300, 1e-320] {
            let d: Vec<f64> = (0..60).map(|at| extremes[(start + at * (start + 1)) % extremes.len()]).collect();
            let (differences, above, below) = run(&d, theta, PERFORMANCE);
            assert!(above.iter().chain(&below).all(|log_e| log_e.is_finite()), "{start} {theta}");
            assert!(differences.scale_of().iter().all(|scale| scale.is_finite() && *scale > 0.0), "{start} {theta}");
            let Interval { low, high } = differences.interval(0.05);
            assert!(low.into_iter().chain(high).all(|end| !end.is_nan()), "{start} {theta}");
        }
    }
    let mut comparison = Comparison::new(Rules::default(), 1);
    for at in 0..60 {
        let ends = [1e-308, 1e308, 1.0];
        comparison.push(ends[at % 3], ends[(at + 1 + at / 3) % 3]).unwrap();
        let standing = comparison.standing();
        assert!(standing.log_e_regressed.is_finite() && standing.log_e_ok.is_finite(), "{standing:?}");
    }
}

#[test]
fn the_rounds_end_as_soon_as_they_may() {
    let rules = Rules::default();
    let mut slower = Comparison::new(rules, 1);
    let states: Vec<State> = (0..9).map(|_| slower.push(1.0, 1.2).unwrap()).collect();
    assert_eq!(states[6..], [State::Running, State::Regressed, State::Regressed]);
    // Evidence of later rounds does not change it.
    (0..100).for_each(|_| assert_eq!(slower.push(1.0, 0.5).unwrap(), State::Regressed));
    assert_eq!(slower.standing().differences.len(), 8);
    let mut undecided = Comparison::new(rules, 1);
    let last = (0..40).map(|round| undecided.push(1.0, if round % 2 == 0 { 1.5 } else { 0.7 }).unwrap()).last();
    assert_eq!(last, Some(State::Undecided));
}

/// One comparison on measured noise: rounds are two runs that followed each other, taken from blocks of the trace so
/// that what the machine did to both stays together; the coin says which is the head, and the head is slower by `effect`.
fn on_trace(trace: &[f64], effect: f64, benchmarks: usize, coin: &mut Coin) -> Comparison {
    let mut comparison = Comparison::new(Rules::default(), benchmarks);
    loop {
        let start = (coin.bits() % trace.len() as u64) as usize;
        for round in 0..BLOCK_ROUNDS {
            let run = |at: usize| trace[(start + 2 * round + at) % trace.len()];
            let (base, head) = match coin.toss() {
                First::Base => (run(0), run(1)),
                First::Head => (run(1), run(0)),
            };
            if comparison.push(base, head * (1.0 + effect)).unwrap() != State::Running {
                return comparison;
            }
        }
    }
}

/// A block is 20 runs.
const BLOCK_ROUNDS: usize = 10;

/// How many comparisons tell a rate; tests/long.sh asks for more.
fn repetitions() -> u32 {
    let named = std::env::var("QTE_REPETITIONS").ok();
    named.map_or(10_000, |n| n.parse().expect("QTE_REPETITIONS is a number"))
}

/// The share of comparisons that end red, and three standard errors of it.
fn red(trace: &[f64], effect: f64, seed: u64) -> (f64, f64) {
    let (mut coin, n) = (Coin::new(seed), repetitions());
    let count = (0..n).filter(|_| on_trace(trace, effect, 1, &mut coin).state() == State::Regressed).count();
    let rate = count as f64 / f64::from(n);
    (rate, 3.0 * (rate * (1.0 - rate) / f64::from(n)).sqrt())
}

#[test]
fn on_measured_noise_the_gate_keeps_its_error_rates() {
    let Some(vectors) = vectors("noise_trace.json") else { return };
    let traces = vectors["traces"].as_object().unwrap();
    assert_eq!(traces.len(), 4);
    let n = repetitions();
    for (name, trace) in traces {
        let (rate, error) = red(&numbers(trace), 0.0, 1);
        println!("A/A {name}: {n} comparisons, red {rate:.4} (3 standard errors {error:.4}), at most 0.05");
        assert!(rate <= 0.05, "{name}: {rate} of A/A comparisons are red");
    }
    let compiled = numbers(&traces["compiled_sort_cpu_ns"]);
    for (effect, least) in [(0.05, 0.75), (0.10, 0.95)] {
        let (rate, error) = red(&compiled, effect, 2);
        let percent = 100.0 * effect;
        println!(
            "+{percent}% compiled_sort_cpu_ns: {n} comparisons, red {rate:.4} (3 standard errors {error:.4}), at least {least}"
        );
        assert!(rate >= least, "+{percent}%: {rate} of comparisons are red");
    }
}

/// Of eight benchmarks on measured noise seven are alike and one may be slower: of those called slower at most one in
/// twenty is expected to be alike, and where none is slower hardly ever is one called so.
#[test]
fn of_several_benchmarks_few_are_called_slower_in_error() {
    let Some(vectors) = vectors("noise_trace.json") else { return };
    let trace = numbers(&vectors["traces"]["python_json_cpu_ns"]);
    let (mut coin, n) = (Coin::new(3), repetitions() / 10);
    for (effect, found_at_least) in [(0.0, 0.0), (0.30, 0.95)] {
        let (mut wrong, mut found) = (0.0, 0.0);
        for _ in 0..n {
            let one = |at: usize| {
                let comparison = on_trace(&trace, if at == 0 { effect } else { 0.0 }, 8, &mut coin);
                let content = Ok(Measure::Time(Box::new(comparison)));
                Measured { name: at.to_string(), content, evidence: Vec::new() }
            };
            let all: Vec<Measured> = (0..8).map(one).collect();
            let said = conclude(&all, &Rules::default(), "0.5".parse().unwrap());
            let slower = |said: &[Conclusion]| said.iter().filter(|c| **c == Conclusion::Slower).count() as f64;
            let alike = slower(&said[1..]) + if effect == 0.0 { slower(&said[..1]) } else { 0.0 };
            wrong += alike / slower(&said).max(1.0) / f64::from(n);
            found += slower(&said[..1]) / f64::from(n);
        }
        println!("8 benchmarks, one slower by {effect}: {n} times, wrong {wrong:.4} of the red, found {found:.4}");
        assert!(wrong <= 0.05, "of the red {wrong} are alike");
        assert!(found >= found_at_least, "{found} are found");
    }
}
