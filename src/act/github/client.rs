//! One HTTP client for GitHub: bounded in time, paced, and never repeating what may have been carried out.

use super::Target;
use super::retry::{self, Next, Signs};
use http::header::{ACCEPT, HeaderMap};
use http::{Method, StatusCode};
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// GitHub takes 80 writes of content a minute from everybody with this token; we leave some to others.
const WRITES_A_MINUTE: usize = 60;

/// Why a request did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The token may not do this: a fork's pull request, a personal token, missing permissions.
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Missing(String),
    /// The request itself was refused.
    #[error("{0}")]
    Invalid(String),
    /// A rate limit that outlasts our time.
    #[error("{0}")]
    Limited(String),
    /// No answer, a fault of the server, or an answer that makes no sense: it may have been carried out.
    #[error("{0}")]
    Unsure(String),
    /// Our time is over.
    #[error("{0}")]
    Late(String),
}

pub struct Client {
    crab: Octocrab,
    http: reqwest::Client,
    api: String,
    /// When publishing must be over.
    until: Instant,
    /// How long one request may take.
    patience: Duration,
    /// Until when GitHub has asked for silence.
    quiet_until: Option<Instant>,
    /// How often a read is tried.
    tries: u32,
    /// When the last writes were sent.
    writes: VecDeque<Instant>,
}

/// An answer, read whole.
struct Answer {
    signs: Signs,
    body: String,
}

impl Client {
    /// A client whose work must be done within `limit`.
    pub fn new(target: &Target, limit: Duration) -> Result<Client, String> {
        let http = transport(target).map_err(|e| format!("no HTTP client can be made: {e}"))?;
        let crab = Octocrab::builder()
            .base_uri(format!("{}/", target.api))
            .map_err(|e| format!("`{}` is no address of an API: {e}", target.api))?
            .user_access_token(target.token.clone())
            // It repeats POST requests, which would make check runs twice.
            .add_retry_config(RetryConfig::None)
            .add_header(ACCEPT, "application/vnd.github+json".into())
            .build_with_reqwest(http.clone())
            .map_err(|e| format!("no client for {} can be made: {e}", target.api))?;
        Ok(Client {
            crab,
            http,
            api: target.api.clone(),
            until: Instant::now() + limit,
            patience: REQUEST,
            quiet_until: None,
            tries: retry::TRIES,
            writes: VecDeque::new(),
        })
    }

    /// Sets a new limit, for what must still be said when we are stopped.
    pub fn limit(&mut self, limit: Duration) {
        self.until = Instant::now() + limit;
    }

    /// Reads are tried once from now on: an API that was away is given one more chance, not four.
    pub fn be_brief(&mut self) {
        self.tries = 1;
    }

    /// For the last words of a run that was stopped: all within `limit`, and no request takes it whole.
    pub fn hurry(&mut self, limit: Duration) {
        self.limit(limit);
        self.be_brief();
        self.patience = limit / 3;
    }

    /// Reads; tried again where that can help.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Trouble> {
        let mut tries = 0;
        loop {
            match self.once::<T>(&Method::GET, path, None::<&()>).await {
                Err(Trouble::Unsure(_)) if tries + 1 < self.tries => self.pause(retry::backoff(tries), path).await?,
                other => return other,
            }
            tries += 1;
        }
    }

    /// Sends a request; waits for rate limits, and tries again only what was not carried out. [`Trouble::Unsure`]:
    /// whether it was carried out must be looked up before it is sent again.
    pub async fn once<T: DeserializeOwned>(
        &mut self,
        method: &Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, Trouble> {
        for tries in 0.. {
            // A request that was dropped while it waited leaves its wait to the next.
            if let Some(left) = self.quiet_until.and_then(|until| until.checked_duration_since(Instant::now())) {
                self.pause(left, path).await?;
            }
            if *method != Method::GET {
                self.pace(path).await?;
            }
            let answer = self.send(method, path, body).await?;
            match retry::after(&answer.signs, tries, now()) {
                Next::Done => {
                    return serde_json::from_str(&answer.body).map_err(|error| {
                        Trouble::Unsure(format!("{method} {path}: an answer that is not what GitHub gives: {error}"))
                    });
                }
                Next::Wait(time) => {
                    self.quiet_until = Some(Instant::now() + time);
                    self.pause(time, path).await?;
                }
                Next::Look => return Err(Trouble::Unsure(said(method, path, &answer))),
                Next::Stop => return Err(trouble(method, path, &answer)),
            }
        }
        Err(Trouble::Late(format!("{method} {path}: no try is left")))
    }

    async fn send(&self, method: &Method, path: &str, body: Option<&impl Serialize>) -> Result<Answer, Trouble> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Late(format!("{method} {path}: the time for publishing is over")));
        }
        let unsure = |error: String| Trouble::Unsure(format!("{method} {}{path}: {error}", self.api));
        let uri = format!("{}{path}", self.api);
        let sending = async {
            let request = http::Request::builder().method(method).uri(uri);
            let request = self.crab.build_request(request, body).map_err(|e| unsure(chain(&e)))?;
            let response = self.crab.execute(request).await.map_err(|e| unsure(chain(&e)))?;
            let mut signs = signs(response.status(), response.headers());
            let body = self.crab.body_to_string(response).await.map_err(|e| unsure(chain(&e)))?;
            let small = body.to_lowercase();
            signs.secondary = small.contains("secondary rate limit") || small.contains("abuse detection");
            Ok(Answer { signs, body })
        };
        match tokio::time::timeout(self.patience.min(left), sending).await {
            Ok(answer) => answer,
            Err(_) => Err(unsure(format!("no answer within {} s", self.patience.min(left).as_secs()))),
        }
    }

    /// The bytes behind a path that answers with another address, which is asked without the token.
    pub async fn download(&mut self, path: &str, limit_bytes: u64) -> Result<Vec<u8>, Trouble> {
        let unsure = |error: String| Trouble::Unsure(format!("GET {path}: {error}"));
        let request = http::Request::builder().method(Method::GET).uri(format!("{}{path}", self.api));
        let request = self.crab.build_request(request, None::<&()>).map_err(|e| unsure(chain(&e)))?;
        let left = self.until.saturating_duration_since(Instant::now());
        let fetching = async {
            let response = self.crab.execute(request).await.map_err(|e| unsure(chain(&e)))?;
            let place = response.headers().get(http::header::LOCATION).and_then(|value| value.to_str().ok());
            let place = place.ok_or_else(|| unsure(format!("{}, and no other address", response.status())))?;
            let answer = self.http.get(place).timeout(left).send().await.map_err(|e| unsure(chain(&e)))?;
            let mut answer = answer.error_for_status().map_err(|e| unsure(chain(&e)))?;
            let mut bytes = Vec::new();
            while let Some(piece) = answer.chunk().await.map_err(|e| unsure(chain(&e)))? {
                bytes.extend_from_slice(&piece);
                if bytes.len() as u64 > limit_bytes {
                    return Err(unsure(format!("more than {limit_bytes} bytes")));
                }
            }
            Ok(bytes)
        };
        tokio::time::timeout(left, fetching).await.unwrap_or_else(|_| Err(unsure("it took too long".into())))
    }

    /// Waits, where the time allows it.
    pub async fn pause(&self, time: Duration, path: &str) -> Result<(), Trouble> {
        let left = self.until.saturating_duration_since(Instant::now());
        if time > left {
            let (time, left) = (time.as_secs(), left.as_secs());
            return Err(Trouble::Limited(format!("{path}: to be tried again in {time} s, and {left} s are left")));
        }
        tokio::time::sleep(time).await;
        Ok(())
    }

    /// Keeps the number of writes in any minute under the limit.
    async fn pace(&mut self, path: &str) -> Result<(), Trouble> {
        const MINUTE: Duration = Duration::from_secs(60);
        while self.writes.front().is_some_and(|sent| sent.elapsed() >= MINUTE) {
            self.writes.pop_front();
        }
        if self.writes.len() >= WRITES_A_MINUTE
            && let Some(first) = self.writes.pop_front()
        {
            self.pause(MINUTE.saturating_sub(first.elapsed()), path).await?;
        }
        self.writes.push_back(Instant::now());
        Ok(())
    }
}

/// HTTP with rustls and ring, the system's roots and Mozilla's, no redirects: a write must not become a read.
fn transport(target: &Target) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .timeout(REQUEST + Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .hickory_dns(true);
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread can only have installed the same one.
        rustls::crypto::ring::default_provider().install_default().unwrap_or(());
    }
    if target.api.starts_with("https:") {
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        let mut all: Vec<_> = roots.filter_map(|der| reqwest::Certificate::from_der(der).ok()).collect();
        if let Some(path) = &target.authorities {
            let pem = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let own = reqwest::Certificate::from_pem_bundle(&pem).map_err(|e| format!("{}: {e}", path.display()))?;
            all.extend(own);
        }
        builder = builder.tls_certs_merge(all);
    }
    builder.build().map_err(|e| chain(&e))
}

/// An error with what caused it; octocrab's own text alone says "Service Error".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text.lines().next().unwrap_or_default().to_string()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn signs(status: StatusCode, headers: &HeaderMap) -> Signs {
    let number = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Signs {
        status: status.as_u16(),
        retry_after_s: number("retry-after"),
        remaining: number("x-ratelimit-remaining"),
        reset: number("x-ratelimit-reset"),
        secondary: false,
    }
}

/// `POST /…: 422 Validation Failed (…)`, at most 300 characters of it.
fn said(method: &Method, path: &str, answer: &Answer) -> String {
    let value: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let message = value["message"].as_str().unwrap_or("no message").to_string();
    let errors = match &value["errors"] {
        serde_json::Value::Null => String::new(),
        errors => format!(" {errors}"),
    };
    let text: String = format!("{message}{errors}").chars().take(300).collect();
    format!("{method} {path}: {} {text}", answer.signs.status)
}

fn trouble(method: &Method, path: &str, answer: &Answer) -> Trouble {
    let text = said(method, path, answer);
    match answer.signs.status {
        401 | 403 => Trouble::Denied(text),
        404 | 410 => Trouble::Missing(text),
        429 => Trouble::Limited(text),
        408 | 500..=599 => Trouble::Unsure(text),
        _ => Trouble::Invalid(text),
    }
}
