//! What the gateway told this application: the identity headers, and nothing else.

use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};

/// The identity, and the headers as they came.
pub(super) struct Told {
    /// None for an anonymous visitor.
    pub(super) user_id: Option<String>,
    /// Slug of the tenant.
    pub(super) tenant: Option<String>,
    pub(super) needs_onboarding: bool,
    /// Name and value, as shown to the person.
    pub(super) rows: Vec<(String, String)>,
}

impl Told {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let authenticated = text("x-auth-status").as_deref() == Some("authenticated");
        let known = |name: &str| text(name).filter(|value| authenticated && !value.is_empty());
        Self {
            user_id: known("x-auth-user-id"),
            tenant: known("x-auth-tenant-slug"),
            needs_onboarding: known("x-auth-onboarding").is_some_and(|state| state.starts_with("needed")),
            rows: identity_headers(headers).map(|(name, value)| (name.to_owned(), shown(name, value))).collect(),
        }
    }

    /// Where this visitor goes next.
    pub(super) fn home(&self) -> String {
        match (&self.user_id, &self.tenant) {
            (None, _) => "/auth/signin".to_owned(),
            (Some(_), Some(slug)) if !self.needs_onboarding => format!("/{slug}/dashboard"),
            _ => "/onboarding".to_owned(),
        }
    }
}

/// What the upstream was told, for programs. A header that came more than once is a list: that would be a fault of the
/// gateway's, and is to be seen.
pub(super) fn whoami(parts: &Parts) -> Value {
    let mut headers = Map::new();
    for (name, value) in identity_headers(&parts.headers) {
        let value = json!(shown(name, value));
        match headers.get_mut(name) {
            None => drop(headers.insert(name.to_owned(), value)),
            Some(Value::Array(list)) => list.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    json!({ "method": parts.method.as_str(), "path": parts.uri.path(), "headers": headers, "cookies": cookie_names(&parts.headers) })
}

fn identity_headers(headers: &HeaderMap) -> impl Iterator<Item = (&str, &HeaderValue)> {
    let identity = |name: &str| {
        let one = matches!(name, "x-tenant-id" | "x-request-id" | "traceparent" | "host" | "forwarded");
        one || name.starts_with("x-auth-") || name.starts_with("x-forwarded-")
    };
    headers.iter().map(|(name, value)| (name.as_str(), value)).filter(move |(name, _)| identity(name))
}

/// A header's value as it may leave the application again. The assertion is a credential: its beginning shows that it
/// came, and is good for nothing.
fn shown(name: &str, value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    if name != "x-auth-assertion" {
        return text.into_owned();
    }
    let beginning: String = text.chars().take(12).collect();
    format!("{beginning}... ({} characters)", text.chars().count())
}

/// Names only. The values are none of the application's business.
fn cookie_names(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let names = |line: &str| -> Vec<String> {
        let name = |pair: &str| pair.split('=').next().unwrap_or_default().trim().to_owned();
        line.split(';').map(name).filter(|name| !name.is_empty()).collect()
    };
    lines.flat_map(|line| names(&line)).collect()
}
