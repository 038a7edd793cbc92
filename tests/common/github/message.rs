//! A request as the fake keeps it, and an answer as it makes it.

use serde_json::{Value, json};
use std::time::Instant;

/// One request, as `GitHub::log` gives it.
#[derive(Clone, Debug)]
pub struct Request {
    pub at: Instant,
    pub method: String,
    /// Without `/api/v3`.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Null where there is none.
    pub body: Value,
    /// It came to the other host, to which redirects lead.
    pub elsewhere: bool,
}

impl Request {
    /// The header's value, empty where it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn writes(&self) -> bool {
        self.method != "GET" && self.method != "HEAD"
    }

    pub fn segments(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Answer {
        let headers = vec![("content-type".into(), "application/json; charset=utf-8".into())];
        Answer { status, headers, body: body.to_string().into_bytes() }
    }

    /// GitHub's plain form of a refusal.
    pub fn error(status: u16, message: &str) -> Answer {
        let body = json!({"message": message, "documentation_url": DOCS, "status": status.to_string()});
        Answer::json(status, &body)
    }

    /// What the description of the API itself refuses.
    pub fn against_schema(reasons: &[String]) -> Answer {
        Answer::error(422, &format!("Invalid request.\n\n{}", reasons.join("\n")))
    }

    /// What GitHub's model behind it refuses.
    pub fn invalid(errors: &[Value]) -> Answer {
        let body =
            json!({"message": "Validation Failed", "errors": errors, "documentation_url": DOCS, "status": "422"});
        Answer::json(422, &body)
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Answer {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body, null where it is not JSON.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

const DOCS: &str = "https://docs.github.com/rest";

/// The parameters of a query, without their percent signs.
pub fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
        })
        .collect()
}

pub fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *first == b'%');
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}
