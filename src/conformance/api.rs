//! Calls as the gateway makes them, and answers with what a report may show of them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, Method};
use serde_json::Value;

use super::check::Stop;
use crate::config::Secret;

/// What the suite says it is: it turns up in device lists.
pub(super) const AGENT: &str = "sidgate-conformance/1";
/// The browser that its calls start from (RFC 5737: nobody's address).
pub(super) const CLIENT: &str = "203.0.113.7";
/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Characters of an answer that a report shows.
const SHOWN: usize = 300;

/// The backend, as the gateway calls it.
pub(super) struct Api {
    client: reqwest::Client,
    base: String,
    key: Secret,
    timeout: Duration,
    seen: Mutex<Seen>,
}

/// What was seen on the way, whatever the call was about.
#[derive(Default)]
pub(super) struct Seen {
    /// Sids and passwords, which no report shows.
    secret: Vec<String>,
    /// Answers with a sid that have no business to, as a report shows them.
    pub(super) with_sid: Vec<String>,
    /// Answers that lead elsewhere.
    pub(super) redirects: Vec<String>,
    /// Good answers that have a body which is not called JSON.
    pub(super) not_json: Vec<String>,
}

/// Which key a call carries.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Right,
    Wrong,
    None,
}

/// A call that is being put together.
pub(super) struct Call<'a> {
    api: &'a Api,
    method: Method,
    path: String,
    key: Key,
    authorization: Option<String>,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    gives_sid: bool,
}

/// An answer.
pub(super) struct Answer {
    /// `GET /api/sessions/current/`
    line: String,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// What a report shows.
    shown: String,
}

impl Api {
    pub(super) fn new(client: reqwest::Client, base: String, key: Secret, timeout: Duration) -> Self {
        let seen = Mutex::new(Seen { secret: vec![key.expose().to_owned()], ..Seen::default() });
        Self { client, base, key, timeout, seen }
    }

    /// `GET current/` and the like; what follows the method goes on after `/api/sessions/`.
    pub(super) fn call(&self, line: &str) -> Call<'_> {
        let (method, path) = line.split_once(' ').unwrap_or((line, ""));
        Call {
            api: self,
            method: method.parse().unwrap_or_default(),
            path: format!("/api/sessions/{path}"),
            key: Key::Right,
            authorization: None,
            headers: Vec::new(),
            body: None,
            gives_sid: false,
        }
    }

    /// Keeps a text out of reports, in the spellings that a check sends.
    pub(super) fn hide(&self, secret: &str) {
        let mut seen = self.seen();
        for spelling in [secret.to_owned(), secret.to_uppercase(), secret.replace('-', "")] {
            if spelling.len() > 3 && !seen.secret.contains(&spelling) {
                seen.secret.push(spelling);
            }
        }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text as a report may show it: no secret, on one line, not too long.
    pub(super) fn shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.seen().secret {
            text = text.replace(secret, "***");
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }

    fn note(&self, answer: &Answer, gives_sid: bool) {
        let good = (200..300).contains(&answer.status);
        let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let headers = answer.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut seen = self.seen();
        let is_sid = |secret: &&String| secret.len() == 36 && uuid::Uuid::try_parse(secret).is_ok();
        let sids: Vec<&String> = seen.secret.iter().filter(is_sid).collect();
        let in_body = sids.iter().any(|sid| answer.text.contains(sid.as_str()));
        let in_headers = headers.into_iter().any(|value| sids.iter().any(|sid| value.contains(sid.as_str())));
        if (in_body || in_headers) && !gives_sid {
            seen.with_sid.push(answer.shown.clone());
        }
        if (300..400).contains(&answer.status) {
            seen.redirects.push(answer.shown.clone());
        }
        if good && !answer.text.is_empty() && !kind.starts_with("application/json") {
            seen.not_json.push(format!("{} (Content-Type: {kind})", answer.shown));
        }
    }
}

impl Call<'_> {
    pub(super) fn key(self, key: Key) -> Self {
        Self { key, ..self }
    }

    /// As the owner of this sid.
    pub(super) fn session(self, sid: &str) -> Self {
        self.authorization(format!("Session {sid}"))
    }

    pub(super) fn authorization(self, value: String) -> Self {
        Self { authorization: Some(value), ..self }
    }

    pub(super) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string().into_bytes())
    }

    /// A body that need not be JSON, though it says so.
    pub(super) fn bytes(self, body: Vec<u8>) -> Self {
        Self { body: Some(body), ..self }
    }

    /// One of the calls whose answer has a sid.
    pub(super) fn gives_sid(self) -> Self {
        Self { gives_sid: true, ..self }
    }

    /// Sends it. No answer at all is a failure of the check.
    pub(super) async fn send(self) -> Result<Answer, Stop> {
        let (api, line) = (self.api, format!("{} {}", self.method, self.path));
        let gives_sid = self.gives_sid;
        let broken = |why: &reqwest::Error| Stop::Fail {
            expected: "an answer".into(),
            got: api.shown(&format!("{line} -> {}", causes(why))),
        };
        let mut answer = self.request().send().await.map_err(|e| broken(&e))?;
        let (status, headers) = (answer.status().as_u16(), std::mem::take(answer.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| broken(&e))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                break;
            }
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        // A sid is known as one before anything is shown of the answer it came in.
        if let Some(sid) =
            serde_json::from_str::<Value>(&text).ok().and_then(|json| json["sid"].as_str().map(String::from))
        {
            api.hide(&sid);
        }
        let shown = api.shown(&format!("{line} -> {status} {text}"));
        let answer = Answer { line, status, headers, text, shown };
        api.note(&answer, gives_sid);
        Ok(answer)
    }

    fn request(self) -> reqwest::RequestBuilder {
        let api = self.api;
        let mut request = api.client.request(self.method, format!("{}{}", api.base, self.path)).timeout(api.timeout);
        let id = uuid::Uuid::now_v7();
        request = request
            .header("x-request-id", id.to_string())
            .header("traceparent", format!("00-{}-{}-01", id.simple(), &id.simple().to_string()[16..]))
            .header("x-client-ip", CLIENT)
            // A connection for each call: one that the backend closes just then, after a body that it would not read
            // to the end, would be taken for a fault of the next answer.
            .header(CONNECTION, "close")
            .header(USER_AGENT, AGENT);
        request = match self.key {
            Key::Right => request.header("x-gateway-key", api.key.expose()),
            Key::Wrong => request.header("x-gateway-key", "not-the-key-of-this-gateway"),
            Key::None => request,
        };
        if let Some(authorization) = self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        match self.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body),
            None => request,
        }
    }
}

impl Answer {
    /// The body; `null` when it is not JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The word of a refusal, at the top or in `error`, as the gateway reads it.
    pub(super) fn code(&self) -> String {
        let json = self.json();
        let code = json.get("code").or_else(|| json.pointer("/error/code")).and_then(Value::as_str);
        code.unwrap_or_default().to_owned()
    }

    /// The failure of whoever expected something else.
    pub(super) fn instead_of(&self, expected: impl Into<String>) -> Stop {
        Stop::Fail { expected: format!("{}: {}", self.line_shown(), expected.into()), got: self.shown.clone() }
    }

    fn line_shown(&self) -> &str {
        self.shown.split_once(" -> ").map_or(self.line.as_str(), |(line, _)| line)
    }
}

/// An error with what it comes of: the first alone says "error sending request".
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
