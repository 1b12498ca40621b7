//! Headers on their way through: hop-by-hop, forwarding, and what an answer may not carry.

use http::header::{
    CACHE_CONTROL, CONNECTION, EXPECT, HOST, LOCATION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Rules, public_host};
use crate::context::Context;
use crate::identity;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const HOP_BY_HOP: [HeaderName; 10] = [
    KEEP_ALIVE,
    PROXY_CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HTTP2_SETTINGS,
    EXPECT,
];

/// What an answer ordered or let show.
#[derive(Debug, Default, Clone, Copy)]
pub struct Answered {
    /// What the gateway knows of the session may be out of date.
    pub session_changed: bool,
}

/// Removes the headers of this one connection (RFC 9110 section 7.6.1), those that `Connection` names included.
/// Identity and forwarding are set afterwards, so that a `Connection: X-Auth-User-Id` cannot take them away.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .filter_map(|n| n.trim().parse().ok())
            .filter(|n: &HeaderName| n != http::header::COOKIE && n != HOST)
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Says where the request came from; whatever a client said of that is gone already.
pub(super) fn forwarding(headers: &mut HeaderMap, cx: &Context) {
    if let Ok(client) = HeaderValue::try_from(cx.client.to_string()) {
        headers.insert(FORWARDED_FOR, client);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(cx.scheme));
    if let Some(host) = public_host(cx) {
        headers.insert(FORWARDED_HOST, host.clone());
        headers.insert(HOST, host);
    }
    let default = if cx.scheme == "https" { 443 } else { 80 };
    headers.insert(FORWARDED_PORT, HeaderValue::from(cx.authority.port().unwrap_or(default)));
    headers.insert(REQUEST_ID, cx.id.header());
    headers.insert(TRACEPARENT, cx.traceparent.clone());
}

/// Cleans an answer of the upstream: hop-by-hop headers, what no browser is to see, session cookies it may not set,
/// and addresses of its own.
pub(super) fn answer(headers: &mut HeaderMap, cx: &mut Context, rules: Rules<'_>, authority: &str) -> Answered {
    let upgrading = headers.get(UPGRADE).cloned();
    strip_hop_by_hop(headers);
    if let Some(upgrade) = upgrading {
        // Only a verified 101 of a tunnel still has it here.
        headers.insert(UPGRADE, upgrade);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    let session_changed = headers.contains_key(identity::SESSION_CHANGED);
    identity::strip_answer(headers);
    if !(rules.route.forward_sid || rules.route.may_set_session) {
        cx.facts.set_cookie_dropped = rules.cookie.drop_from_answer(headers);
    }
    rewrite_location(headers, cx, authority);
    Answered { session_changed }
}

/// `http://127.0.0.1:3000/x` -> `https://app.example.com/x`: applications build such addresses from what they see of
/// the request, and a browser cannot follow them.
fn rewrite_location(headers: &mut HeaderMap, cx: &Context, authority: &str) {
    let Some(location) = headers.get(LOCATION).and_then(|v| v.to_str().ok()) else { return };
    let Some(rest) = location.strip_prefix("http://").or_else(|| location.strip_prefix("https://")) else { return };
    let named = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !is_internal(named, authority) || named.eq_ignore_ascii_case(cx.authority.as_str()) {
        return;
    }
    let tail = &rest[named.len()..];
    let slash = if tail.starts_with('/') { "" } else { "/" };
    if let Ok(value) = HeaderValue::try_from(format!("{}{slash}{tail}", cx.origin())) {
        headers.insert(LOCATION, value);
    }
}

/// The upstream's own address, also by the names of this machine that mean the same port.
fn is_internal(named: &str, authority: &str) -> bool {
    let port = |a: &str| a.rsplit_once(':').map(|(_, p)| p.to_owned());
    let local = |a: &str| {
        let host = a.rsplit_once(':').map_or(a, |(h, _)| h);
        matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "[::1]" | "[::]")
    };
    named.eq_ignore_ascii_case(authority) || local(named) && port(named) == port(authority) && port(named).is_some()
}

/// Makes sure that no shared cache keeps an answer that was made for one person.
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    for name in ["surrogate-control", "cdn-cache-control"] {
        headers.remove(name);
    }
    let Some(value) = headers.get(CACHE_CONTROL) else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        return;
    };
    let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut lines = headers.get_all(CACHE_CONTROL).iter();
    let single = lines.next().is_some() && lines.next().is_none();
    let has = |word: &str| text.split(',').any(|d| d.trim() == word);
    if single && (has("no-store") || has("private")) && !text.contains("public") {
        return;
    }
    let kept: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|d| !d.is_empty() && *d != "public" && !d.starts_with("s-maxage") && *d != "private")
        .collect();
    let rebuilt = kept.iter().fold("private".to_owned(), |all, d| all + ", " + d);
    if let Ok(value) = HeaderValue::try_from(rebuilt) {
        headers.insert(CACHE_CONTROL, value);
    }
}
