//! What an answer of GitHub means for the next try. Pure: the times go in, a decision comes out.
//! Source: docs.github.com, "Rate limits for the REST API" and "Best practices for using the REST API".

use std::time::Duration;

/// How often a request is tried at most.
pub const TRIES: u32 = 4;
/// The least wait after a secondary limit that names none.
const SECONDARY_S: u64 = 60;

/// What matters of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    pub status: u16,
    /// `retry-after`, in seconds.
    pub retry_after_s: Option<u64>,
    /// `x-ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// `x-ratelimit-reset`, in seconds since 1970.
    pub reset: Option<u64>,
    /// The body says that a secondary limit was met.
    pub secondary: bool,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Done,
    /// The request was not carried out: try it again after this time.
    Wait(Duration),
    /// It may have been carried out: look before it is tried again.
    Look,
    /// Trying again would change nothing.
    Stop,
}

/// Decides after the given try (the first is 0), at `now` in seconds since 1970.
pub fn after(signs: &Signs, tries: u32, now: u64) -> Next {
    let is_limit = signs.status == 429
        || (signs.status == 403 && (signs.retry_after_s.is_some() || signs.remaining == Some(0) || signs.secondary));
    let next = match signs.status {
        200..=299 => return Next::Done,
        _ if is_limit => Next::Wait(limit(signs, tries, now)),
        408 | 500..=599 => Next::Look,
        _ => return Next::Stop,
    };
    if tries + 1 >= TRIES { Next::Stop } else { next }
}

/// `retry-after`, else the reset of the primary limit, else a minute that doubles.
fn limit(signs: &Signs, tries: u32, now: u64) -> Duration {
    let seconds = match (signs.retry_after_s, signs.remaining, signs.reset) {
        (Some(seconds), _, _) => seconds,
        // The clocks may differ by a second.
        (None, Some(0), Some(reset)) => reset.saturating_sub(now) + 1,
        _ => SECONDARY_S << tries.min(6),
    };
    Duration::from_secs(seconds)
}

/// One second, doubled with each try.
pub fn backoff(tries: u32) -> Duration {
    Duration::from_secs(1 << tries.min(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(next: Next) -> u64 {
        match next {
            Next::Wait(time) => time.as_secs(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_waits_are_those_that_github_asks_for() {
        let now = 1_800_000_000;
        let signs = |status| Signs { status, ..Signs::default() };
        let after_30 = Signs { retry_after_s: Some(30), ..signs(403) };
        assert_eq!(after(&after_30, 0, now), Next::Wait(Duration::from_secs(30)));
        // retry-after goes before a reset.
        let both = Signs { remaining: Some(0), reset: Some(now + 900), ..after_30 };
        assert_eq!(seconds(after(&both, 0, now)), 30);
        let primary = Signs { remaining: Some(0), reset: Some(now + 900), ..signs(403) };
        assert_eq!(seconds(after(&primary, 0, now)), 901);
        let past = Signs { reset: Some(now - 5), ..primary };
        assert_eq!(seconds(after(&past, 0, now)), 1);
        // A secondary limit may come with requests left and without retry-after: at least a minute, then longer.
        let secondary = Signs { remaining: Some(4000), secondary: true, ..signs(403) };
        assert_eq!([0, 1, 2].map(|tries| seconds(after(&secondary, tries, now))), [60, 120, 240]);
        assert_eq!(seconds(after(&signs(429), 0, now)), 60);
    }

    #[test]
    fn a_refusal_is_no_limit_and_a_fault_is_looked_into() {
        let signs = |status| Signs { status, remaining: Some(900), ..Signs::default() };
        for status in [301, 400, 401, 403, 404, 409, 410, 422] {
            assert_eq!(after(&signs(status), 0, 0), Next::Stop, "{status}");
        }
        for status in [408, 500, 502, 503, 504] {
            assert!(after(&signs(status), 0, 0) == Next::Look, "{status}");
            assert_eq!(after(&signs(status), TRIES - 1, 0), Next::Stop, "{status}");
        }
        assert_eq!(after(&signs(201), 9, 0), Next::Done);
    }
}
