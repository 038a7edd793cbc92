//! What a check run says of where it came from: the policy, the evidence, the job and the commit behind it.
//! A check run alone can be forged by any workflow with the same token: these are claims to be confirmed elsewhere.

use std::fmt;
use std::str::FromStr;

/// The `external_id` of a check run, written
/// `qte:v1:<policy sha256>:<report sha256>:<run>.<attempt>.<job index>.<part>:<job's check run>:<tested commit>`, with `-`
/// for what is not known (yet). At most 230 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId {
    /// sha256 of the resolved settings.
    pub policy: Option<String>,
    /// sha256 of `qte-report.json`, which cites every piece of evidence by its own.
    pub report: Option<String>,
    pub job: JobKey,
    /// The commit that was checked out and measured: a pull request's merge commit, say.
    pub tested: Option<String>,
}

/// One job of one attempt of one workflow run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobKey {
    pub run: u64,
    pub attempt: u64,
    /// Which leg of a matrix.
    pub index: u64,
    /// Eight hexadecimal digits of a digest that tells its jobs, steps and projects apart.
    pub part: String,
    /// The check run that is the job itself, where the platform tells it.
    pub check_run: Option<u64>,
}

impl fmt::Display for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".into());
        let JobKey { run, attempt, index, part, check_run } = &self.job;
        let job = check_run.map_or_else(|| "-".into(), |id| id.to_string());
        let (policy, report, tested) = (word(&self.policy), word(&self.report), word(&self.tested));
        write!(f, "qte:v1:{policy}:{report}:{run}.{attempt}.{index}.{part}:{job}:{tested}")
    }
}

/// Not an external id of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an external_id of qte-ci")]
pub struct Foreign;

impl FromStr for ExternalId {
    type Err = Foreign;

    fn from_str(text: &str) -> Result<ExternalId, Foreign> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["qte", "v1", policy, report, job, check_run, tested] = parts[..] else { return Err(Foreign) };
        let [run, attempt, index, part] = job.split('.').collect::<Vec<_>>()[..] else { return Err(Foreign) };
        let number = |text: &str| text.parse::<u64>().map_err(|_| Foreign);
        let hex = |text: &str, lengths: &[usize]| match text {
            "-" => Ok(None),
            _ if lengths.contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
                Ok(Some(text.to_string()))
            }
            _ => Err(Foreign),
        };
        Ok(ExternalId {
            policy: hex(policy, &[64])?,
            report: hex(report, &[64])?,
            job: JobKey {
                run: number(run)?,
                attempt: number(attempt)?,
                index: number(index)?,
                part: hex(part, &[8])?.ok_or(Foreign)?,
                check_run: if check_run == "-" { None } else { Some(number(check_run)?) },
            },
            tested: hex(tested, &[40, 64])?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_as_it_was() {
        let job = JobKey { run: 12_345_678_901, attempt: 2, index: 3, part: "0123abcd".into(), check_run: Some(77) };
        let whole = ExternalId {
            policy: Some("a".repeat(64)),
            report: Some("0".repeat(64)),
            job: job.clone(),
            tested: Some("f".repeat(40)),
        };
        let begun = ExternalId { policy: None, report: None, job: JobKey { check_run: None, ..job }, tested: None };
        for id in [whole, begun] {
            assert!(id.to_string().len() <= 230);
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn what_others_write_is_not_ours() {
        let good = "qte:v1:-:-:1.2.3.00000000:-:-";
        assert!(good.parse::<ExternalId>().is_ok());
        for bad in [
            "",
            "qte",
            "qte:v2:-:-:1.2.3.00000000:-:-",
            "qte:v1:-:-:1.2.3:-:-",
            "qte:v1:-:-:1.2.x.00000000:-:-",
            "qte:v1:A:-:1.2.3.00000000:-:-",
            "qte:v1:-:-:1.2.3.00000000:-:-:-",
        ] {
            assert_eq!(bad.parse::<ExternalId>(), Err(Foreign), "{bad}");
        }
    }
}
