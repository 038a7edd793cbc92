//! The base score of a CVSS vector, versions 2.0, 3.0 and 3.1, in fixed point: no float decides a rating.
//! Sources: FIRST, CVSS v3.1 specification, sections 5, 7.1 and 7.4 and appendix A; CVSS v2 guide, section 3.2.1.

use crate::facts::finding::Severity;

/// One, in fixed point. All terms but one are exact in it; that one is off by less than 1e-16, and no vector's score
/// comes closer than 1e-9 to where its rounding turns.
const ONE: i128 = 1_000_000_000_000_000_000;
const HUNDREDTH: i128 = ONE / 100;

/// A score's place on the scale of 0.0 to 10.0, in tenths, with its version's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    pub tenths: u8,
    pub severity: Severity,
    pub word: &'static str,
}

/// By the qualitative scale of version 3 (section 5), which version 4 keeps.
pub fn rated(tenths: u8) -> Score {
    let (severity, word) = match tenths {
        0 => (Severity::Notice, "none"),
        1..40 => (Severity::Low, "low"),
        40..70 => (Severity::Medium, "medium"),
        70..90 => (Severity::High, "high"),
        _ => (Severity::Critical, "critical"),
    };
    Score { tenths, severity, word }
}

/// Of a number as tools write it: `9.8`, `7`, `10.0`.
pub fn number(text: &str) -> Option<Score> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let (whole, part) = (super::digits(whole.as_bytes())?, super::digits(part.get(..1)?.as_bytes())?);
    let tenths = whole.checked_mul(10)? + part;
    u8::try_from(tenths).ok().filter(|tenths| *tenths <= 100).map(rated)
}

/// Of a vector; the reason where there is none.
pub fn score(vector: &str) -> Result<Score, String> {
    let (version, metrics) = match vector.strip_prefix("CVSS:").and_then(|rest| rest.split_once('/')) {
        Some(found) => found,
        None => ("2.0", vector.trim_start_matches('(').trim_end_matches(')')),
    };
    match version {
        "3.0" | "3.1" => three(metrics).map(rated),
        "2.0" => two(metrics).map(|tenths| match rated(tenths) {
            // Version 2 knows no critical (NVD).
            Score { severity: Severity::Critical, .. } => Score { tenths, severity: Severity::High, word: "high" },
            rated => rated,
        }),
        other => Err(format!("the score of CVSS {other} is not computed here")),
    }
}

/// The metrics of a vector; none stands twice.
struct Metrics<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Metrics<'a> {
    /// Base metrics, and others of the version, which change nothing about the base score.
    fn of(text: &'a str, base: &[&str], others: &[&str]) -> Result<Metrics<'a>, String> {
        let mut all: Vec<(&str, &str)> = Vec::new();
        for part in text.split('/') {
            let (name, value) = part.split_once(':').ok_or("a metric without a value")?;
            if !base.contains(&name) && !others.contains(&name) {
                return Err("an unknown metric".into());
            }
            if all.iter().any(|(known, _)| *known == name) {
                return Err(format!("the metric {name} twice"));
            }
            all.push((name, value));
        }
        Ok(Metrics(all))
    }

    fn value(&self, name: &str) -> Result<&'a str, String> {
        let found = self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        found.ok_or_else(|| format!("no metric {name}"))
    }

    /// The weight of its value, out of a table in hundredths or thousandths.
    fn weight(&self, name: &str, table: &[(&str, i128)], unit: i128) -> Result<i128, String> {
        let value = self.value(name)?;
        let found = table.iter().find(|(known, _)| *known == value);
        found.map(|(_, weight)| weight * unit).ok_or_else(|| format!("an unknown value of the metric {name}"))
    }
}

fn times(a: i128, b: i128) -> i128 {
    a * b / ONE
}

/// `1 - (1 - C)(1 - I)(1 - A)`
fn impact(metrics: &Metrics<'_>, table: &[(&str, i128)], unit: i128) -> Result<i128, String> {
    let mut rest = ONE;
    for name in ["C", "I", "A"] {
        rest = times(rest, ONE - metrics.weight(name, table, unit)?);
    }
    Ok(ONE - rest)
}

const BASE_3: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const OTHERS_3: [&str; 14] = ["E", "RL", "RC", "CR", "IR", "AR", "MAV", "MAC", "MPR", "MUI", "MS", "MC", "MI", "MA"];

fn three(text: &str) -> Result<u8, String> {
    let metrics = Metrics::of(text, &BASE_3, &OTHERS_3)?;
    let weight = |name, table: &[(&str, i128)]| metrics.weight(name, table, HUNDREDTH);
    let changed = match metrics.value("S")? {
        "C" => true,
        "U" => false,
        _ => return Err("an unknown value of the metric S".into()),
    };
    let sub = impact(&metrics, &[("H", 56), ("L", 22), ("N", 0)], HUNDREDTH)?;
    let vector = weight("AV", &[("N", 85), ("A", 62), ("L", 55), ("P", 20)])?;
    let complexity = weight("AC", &[("L", 77), ("H", 44)])?;
    let privileges = match changed {
        true => weight("PR", &[("N", 85), ("L", 68), ("H", 50)])?,
        false => weight("PR", &[("N", 85), ("L", 62), ("H", 27)])?,
    };
    let interaction = weight("UI", &[("N", 85), ("R", 62)])?;
    let exploitability = times(times(times(822 * HUNDREDTH, vector), complexity), times(privileges, interaction));
    let impact = match changed {
        true => {
            let base = sub - 2 * HUNDREDTH;
            let power = (1..15).fold(base, |power, _| times(power, base));
            times(752 * HUNDREDTH, sub - 29 * ONE / 1000) - times(325 * HUNDREDTH, power)
        }
        false => times(642 * HUNDREDTH, sub),
    };
    if impact <= 0 {
        return Ok(0);
    }
    let sum = impact + exploitability;
    let sum = if changed { times(108 * HUNDREDTH, sum) } else { sum };
    Ok(round_up(sum.min(10 * ONE)))
}

/// Roundup of appendix A: to five places first, then up to one. For base scores, the plain rounding up of version 3.0
/// gives the same.
fn round_up(score: i128) -> u8 {
    let step = ONE / 100_000;
    let fifth = (score + step / 2) / step;
    ((fifth + 9_999) / 10_000) as u8
}

const BASE_2: [&str; 6] = ["AV", "AC", "Au", "C", "I", "A"];
const OTHERS_2: [&str; 8] = ["E", "RL", "RC", "CDP", "TD", "CR", "IR", "AR"];

fn two(text: &str) -> Result<u8, String> {
    let metrics = Metrics::of(text, &BASE_2, &OTHERS_2)?;
    let unit = ONE / 1000;
    let impact = times(1041 * HUNDREDTH, impact(&metrics, &[("N", 0), ("P", 275), ("C", 660)], unit)?);
    let vector = metrics.weight("AV", &[("L", 395), ("A", 646), ("N", 1000)], unit)?;
    let complexity = metrics.weight("AC", &[("H", 350), ("M", 610), ("L", 710)], unit)?;
    let authentication = metrics.weight("Au", &[("M", 450), ("S", 560), ("N", 704)], unit)?;
    if impact == 0 {
        return Ok(0);
    }
    let exploitability = 20 * times(times(vector, complexity), authentication);
    let sum = times(60 * HUNDREDTH, impact) + times(40 * HUNDREDTH, exploitability) - 150 * HUNDREDTH;
    let score = times(1176 * unit, sum).max(0);
    Ok(((score + ONE / 20) / (ONE / 10)) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of FIRST's "CVSS v3.1 Examples" (the ones with a CVE), vectors in between, and vectors of version 2. The
    /// scores are those of the PyPI package cvss 3.6, which also agrees on all 2,592 base vectors of version 3.0 and 3.1
    /// and all 729 of version 2.
    const SCORES: &[(&str, u8)] = &[
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61), // CVE-2013-1937
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64), // CVE-2013-0375
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31), // CVE-2014-3566
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 99), // CVE-2012-1516
        ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 42), // CVE-2009-0783
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 88), // CVE-2012-0384
        ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 78), // CVE-2015-1098
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75), // CVE-2014-0160
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98), // CVE-2014-6271
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", 68), // CVE-2008-1447
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 68), // CVE-2014-2005
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:N/A:N", 47), // CVE-2010-0467
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:L/A:N", 58), // CVE-2012-1342
        ("CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", 93), // CVE-2013-6014
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 54), // CVE-2014-9253
        ("CVSS:3.1/AV:A/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 88), // CVE-2011-1265
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N", 46), // CVE-2014-2019
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 88), // CVE-2015-0970
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N", 74), // CVE-2014-0224
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", 96), // CVE-2012-5376
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:H/I:H/A:N", 68), // CVE-2016-0128
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:H/I:H/A:H", 75), // CVE-2016-2118
        ("CVSS:3.0/AV:A/AC:L/PR:L/UI:R/S:U/C:L/I:H/A:N", 58),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:H/I:L/A:H", 56),
        ("CVSS:3.0/AV:A/AC:H/PR:L/UI:R/S:U/C:H/I:H/A:N", 61),
        ("CVSS:3.1/AV:A/AC:L/PR:H/UI:N/S:U/C:N/I:N/A:N", 0),
        ("CVSS:3.0/AV:A/AC:L/PR:H/UI:R/S:C/C:H/I:H/A:N", 76),
        ("CVSS:3.1/AV:A/AC:H/PR:L/UI:R/S:C/C:L/I:L/A:N", 40),
        ("CVSS:3.0/AV:A/AC:H/PR:L/UI:R/S:C/C:H/I:N/A:N", 54),
        ("CVSS:3.1/AV:A/AC:L/PR:N/UI:R/S:U/C:N/I:L/A:L", 46),
        ("CVSS:3.0/AV:P/AC:H/PR:L/UI:N/S:C/C:N/I:L/A:L", 34),
        ("CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:H/I:L/A:L", 50),
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:H/A:N", 87),
        ("CVSS:3.1/AV:A/AC:H/PR:L/UI:R/S:U/C:N/I:N/A:H", 45),
        ("CVSS:3.0/AV:A/AC:H/PR:H/UI:R/S:U/C:L/I:L/A:L", 38),
        ("CVSS:3.1/AV:A/AC:H/PR:L/UI:N/S:C/C:L/I:L/A:H", 71),
        ("CVSS:3.0/AV:P/AC:H/PR:L/UI:R/S:C/C:L/I:L/A:N", 33),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:C/C:H/I:N/A:L", 75),
        ("CVSS:3.0/AV:A/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 80),
        ("CVSS:3.1/AV:N/AC:H/PR:L/UI:N/S:C/C:H/I:H/A:L", 84),
        ("CVSS:3.0/AV:N/AC:L/PR:H/UI:R/S:C/C:H/I:L/A:N", 69),
        ("CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:C/C:N/I:H/A:L", 64),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:H/I:N/A:N", 53),
        ("CVSS:3.1/AV:A/AC:L/PR:H/UI:R/S:U/C:N/I:H/A:L", 49),
        ("CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:H/A:N", 59),
        ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:C/C:H/I:L/A:L", 73),
        ("CVSS:3.0/AV:L/AC:L/PR:H/UI:N/S:U/C:H/I:L/A:N", 51),
        ("CVSS:3.1/AV:A/AC:L/PR:H/UI:R/S:C/C:H/I:H/A:L", 78),
        ("CVSS:3.0/AV:N/AC:L/PR:H/UI:R/S:U/C:L/I:L/A:H", 57),
        ("CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:L/I:N/A:N", 27),
        ("CVSS:3.0/AV:L/AC:H/PR:N/UI:R/S:U/C:L/I:L/A:N", 36),
        ("CVSS:3.1/AV:A/AC:H/PR:L/UI:R/S:C/C:L/I:H/A:N", 62),
        ("AV:L/AC:H/Au:N/C:P/I:N/A:P", 26),
        ("AV:N/AC:M/Au:N/C:N/I:N/A:P", 43),
        ("AV:N/AC:M/Au:S/C:C/I:C/A:N", 79),
        ("AV:N/AC:M/Au:M/C:C/I:C/A:N", 73),
        ("AV:A/AC:H/Au:S/C:N/I:C/A:P", 50),
        ("AV:N/AC:H/Au:M/C:N/I:P/A:C", 53),
        ("AV:N/AC:M/Au:S/C:P/I:P/A:C", 75),
        ("AV:A/AC:L/Au:S/C:N/I:N/A:P", 27),
        ("AV:L/AC:H/Au:M/C:P/I:N/A:N", 8),
        ("AV:N/AC:H/Au:S/C:N/I:C/A:C", 66),
        ("AV:A/AC:M/Au:N/C:P/I:C/A:N", 64),
        ("AV:A/AC:L/Au:N/C:C/I:C/A:P", 80),
        ("AV:N/AC:M/Au:S/C:N/I:C/A:P", 70),
        ("AV:N/AC:M/Au:N/C:P/I:P/A:P", 68),
        ("CVSS:2.0/AV:N/AC:L/Au:N/C:C/I:C/A:C", 100),
        ("(AV:N/AC:L/Au:N/C:N/I:N/A:N)", 0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:R/CR:L/MAV:P", 98),
    ];

    #[test]
    fn scores_are_those_of_the_specification() {
        for (vector, tenths) in SCORES {
            assert_eq!(score(vector).map(|score| score.tenths), Ok(*tenths), "{vector}");
        }
    }

    #[test]
    fn words_follow_the_scale_of_each_version() {
        let words: Vec<&str> = [0, 1, 39, 40, 69, 70, 89, 90, 100].map(|tenths| rated(tenths).word).to_vec();
        assert_eq!(words, ["none", "low", "low", "medium", "medium", "high", "high", "critical", "critical"]);
        assert_eq!(score("AV:N/AC:L/Au:N/C:C/I:C/A:C").unwrap().word, "high");
        let numbers = ["9.8", "7", "10.0", "0.1", "10.1", "", "x", "7.", "-1", "7.x", "99999999999999999999"];
        let tenths = numbers.map(|text| number(text).map(|score| score.tenths));
        assert_eq!(tenths[..4], [Some(98), Some(70), Some(100), Some(1)]);
        assert_eq!(tenths[4..], [None; 7]);
    }

    #[test]
    fn what_is_no_vector_has_no_score() {
        for (vector, what) in [
            ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:H/VA:N/SC:L/SI:L/SA:N", "CVSS 4.0 is not computed"),
            ("", "without a value"),
            ("CVSS:3.1/", "without a value"),
            ("CVSS:3.1/AV:N", "no metric S"),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "no metric A"),
            ("CVSS:3.1/AV:N/AV:N", "AV twice"),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:X/C:H/I:H/A:H", "unknown value of the metric S"),
            ("CVSS:3.1/AV:C/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "unknown value of the metric AV"),
            ("CVSS:3.1/AV:N/AC:L/Au:N/UI:N/S:U/C:H/I:H/A:H", "unknown metric"),
        ] {
            let error = score(vector).unwrap_err();
            assert!(error.contains(what), "{vector}: {error}");
        }
    }
}
