//! The ways in which GitHub, or the network before it, goes wrong; planted for the requests that a matcher names.

use super::message::{Answer, Request};
use super::wire::Raw;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// As often as the request comes.
pub const FOR_EVER: usize = usize::MAX;

#[derive(Clone, Debug)]
pub enum Fault {
    /// This status; nothing was written.
    Status(u16),
    /// The write happens, and this status is the answer.
    AfterCommit(u16),
    /// 403, secondary limit, with `retry-after`.
    RetryAfter {
        s: u64,
    },
    /// 403, secondary limit, no `retry-after`, and a budget that is not used up.
    SecondaryLimit,
    /// 403, the budget is used up until the reset.
    PrimaryLimit {
        reset_in_s: u64,
    },
    /// 429, with or without `retry-after`.
    TooMany {
        retry_after_s: Option<u64>,
    },
    NotFound,
    /// 422 as the description of the API is enforced.
    AgainstSchema,
    /// 422 as the model behind it refuses.
    Invalid,
    /// The write happens; the answer is 200 and no JSON.
    Garbage,
    /// The write happens; the connection ends within the answer.
    Truncated,
    /// The write happens; `content-length` is half of what follows.
    WrongLength,
    /// No answer, ever.
    Never,
    /// The answer comes late.
    Late(Duration),
    Reset,
    ResetAfterCommit,
    /// To another host, which keeps what it is asked.
    Redirect(u16),
    /// The answer speaks of another run, job or commit.
    OtherRun,
}

/// What is to become of a request: an answer, bytes of ours, or silence.
pub enum Outcome {
    Answer(Answer),
    Raw(Raw),
    Late(Answer, Duration),
    Never,
}

type Condition = Box<dyn Fn(&Request) -> bool + Send>;

/// Which requests a fault meets.
pub struct Matching {
    method: String,
    path: Vec<String>,
    condition: Option<Condition>,
    skip: usize,
}

/// The requests of this method (`*`: any) whose path ends in these segments (`*`: any one): `on("PATCH",
/// "check-runs/*")`.
pub fn on(method: &str, path: &str) -> Matching {
    let path = path.trim_matches('/').split('/').map(str::to_string).collect();
    Matching { method: method.into(), path, condition: None, skip: 0 }
}

impl Matching {
    /// And of which this holds.
    pub fn when(mut self, condition: impl Fn(&Request) -> bool + Send + 'static) -> Matching {
        self.condition = Some(Box::new(condition));
        self
    }

    /// After so many of them went well.
    pub fn after(mut self, count: usize) -> Matching {
        self.skip = count;
        self
    }

    fn fits(&self, request: &Request) -> bool {
        let asked = request.segments();
        let tail = asked.len().checked_sub(self.path.len()).map(|from| &asked[from..]);
        (self.method == "*" || self.method == request.method)
            && tail.is_some_and(|tail| self.path.iter().zip(tail).all(|(own, asked)| own == "*" || own == asked))
            && self.condition.as_ref().is_none_or(|holds| holds(request))
    }
}

/// A fault that waits for its requests.
pub struct Planted {
    pub matching: Matching,
    pub fault: Fault,
    pub times: usize,
    pub met: usize,
}

impl Planted {
    /// Whether it strikes now; counts either way.
    pub fn strikes(&mut self, request: &Request) -> bool {
        if self.times == 0 || !self.matching.fits(request) {
            return false;
        }
        if self.matching.skip > 0 {
            self.matching.skip -= 1;
            return false;
        }
        self.met += 1;
        self.times = self.times.saturating_sub(usize::from(self.times != FOR_EVER));
        true
    }
}

impl Fault {
    /// What comes in place of the work; none where the work is done first.
    pub fn before(&self, request: &Request, elsewhere: &str) -> Option<Outcome> {
        let secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        Some(Outcome::Answer(match self {
            Fault::Status(status) => broken(*status),
            Fault::RetryAfter { s } => Answer::error(403, secondary).with("retry-after", s),
            Fault::SecondaryLimit => Answer::error(403, secondary).with("x-ratelimit-remaining", 871),
            Fault::PrimaryLimit { reset_in_s } => used_up(403, *reset_in_s),
            Fault::TooMany { retry_after_s: Some(s) } => Answer::error(429, secondary).with("retry-after", s),
            Fault::TooMany { retry_after_s: None } => Answer::error(429, secondary),
            Fault::NotFound => Answer::error(404, "Not Found"),
            Fault::AgainstSchema => Answer::against_schema(&["\"name\" wasn't supplied.".into()]),
            Fault::Invalid => Answer::invalid(&[json!({"resource": "CheckRun", "code": "invalid", "field": "name"})]),
            Fault::Redirect(status) => {
                Answer::error(*status, "Moved").with("location", format!("{elsewhere}{}", request.path))
            }
            Fault::Never => return Some(Outcome::Never),
            Fault::Reset => return Some(Outcome::Raw(Raw::Reset)),
            _ => return None,
        }))
    }

    /// What becomes of the answer where the work was done.
    pub fn after(&self, answer: Answer) -> Outcome {
        let whole = answer.body.len();
        match self {
            Fault::AfterCommit(status) => Outcome::Answer(broken(*status)),
            Fault::Garbage => {
                let body = b"<html><body>Unicorn!</body></html>".to_vec();
                Outcome::Answer(Answer { status: 200, body, ..answer })
            }
            Fault::Truncated => Outcome::Raw(raw(&answer, whole, &answer.body[..whole / 2])),
            Fault::WrongLength => Outcome::Raw(raw(&answer, whole / 2, &answer.body)),
            Fault::ResetAfterCommit => Outcome::Raw(Raw::Reset),
            Fault::Late(by) => Outcome::Late(answer, *by),
            Fault::OtherRun => {
                let body = of_another_run(answer.value());
                Outcome::Answer(Answer { body: body.to_string().into_bytes(), ..answer })
            }
            _ => Outcome::Answer(answer),
        }
    }
}

/// As a broken server answers: not JSON.
fn broken(status: u16) -> Answer {
    let headers = vec![("content-type".into(), "text/html".into())];
    Answer { status, headers, body: b"<html><body><h1>Server Error</h1></body></html>".to_vec() }
}

pub fn used_up(status: u16, reset_in_s: u64) -> Answer {
    Answer::error(status, "API rate limit exceeded for installation ID 12345.")
        .with("x-ratelimit-remaining", 0)
        .with("x-ratelimit-reset", epoch_s() + reset_in_s)
}

/// Whole seconds, rounded up: a reset at that time is not too early.
pub fn epoch_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 1
}

fn raw(answer: &Answer, length: usize, body: &[u8]) -> Raw {
    let status = answer.status;
    let head = format!("HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    Raw::Bytes([head.as_bytes(), body].concat())
}

/// The same answer with every identity in it another one.
fn of_another_run(value: Value) -> Value {
    match value {
        Value::Array(all) => all.into_iter().map(of_another_run).collect(),
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .map(|(key, value)| {
                    let other = match (key.as_str(), &value) {
                        ("id" | "run_id" | "check_suite_id", Value::Number(id)) => {
                            json!(id.as_u64().unwrap_or(0) + 7_000_000)
                        }
                        ("head_sha", Value::String(_)) => json!("f00d".repeat(10)),
                        ("external_id" | "path", Value::String(_)) => json!("another"),
                        _ => of_another_run(value),
                    };
                    (key, other)
                })
                .collect(),
        ),
        other => other,
    }
}
