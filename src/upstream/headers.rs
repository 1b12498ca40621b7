//! Headers on their way through: hop-by-hop, forwarding, and what an answer may not carry.

use http::header::{CACHE_CONTROL, CONNECTION, COOKIE, HOST, LOCATION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::{Instance, Rules};
use crate::body::Body;
use crate::context::Context;
use crate::identity;
use crate::networks::Trust;
use crate::session::SessionId;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Headers of one connection only, and `Expect`, which the gateway answers itself.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
    )
}

/// What an answer ordered or let show.
#[derive(Debug, Default, Clone, Copy)]
pub struct Answered {
    /// What the gateway knows of the session may be out of date.
    pub session_changed: bool,
    /// The session that is to become the browser's.
    pub handed_over: Option<HandedOver>,
}

/// What `X-Auth-Set-Session` says.
#[derive(Debug, Clone, Copy)]
pub enum HandedOver {
    /// A sid.
    Sid(SessionId),
    /// No sid, several, or one that no browser could be given.
    Unusable,
}

/// Removes the headers of this one connection (RFC 9110 section 7.6.1), those that `Connection` names included.
/// Identity and forwarding are set afterwards, so that a `Connection: X-Auth-User-Id` cannot take them away.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let mut doomed: Vec<HeaderName> = Vec::new();
    for name in headers.get_all(CONNECTION).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')) {
        doomed.extend(name.trim().parse().ok().filter(|n: &HeaderName| n != COOKIE && n != HOST));
    }
    // One look at each name: a removal per name that might be there would hash them all.
    doomed.extend(headers.keys().filter(|n| is_hop_by_hop(n.as_str())).cloned());
    for name in doomed {
        headers.remove(name);
    }
}

/// Says where the request came from; whatever a client said of that is gone already.
pub(super) fn forwarding(headers: &mut HeaderMap, cx: &Context) {
    // Room for these and the identity at once.
    headers.reserve(20);
    if cx.connection.trust >= Trust::Address {
        headers.extend(HeaderValue::try_from(cx.client.to_string()).ok().map(|client| (FORWARDED_FOR, client)));
    } else {
        headers.insert(FORWARDED_FOR, cx.connection.peer_header.clone());
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(cx.scheme));
    headers.insert(FORWARDED_HOST, cx.authority.header().clone());
    // With its port: it is what server actions compare `Origin` with.
    headers.insert(HOST, cx.authority.header().clone());
    let default = if cx.scheme == "https" { 443 } else { 80 };
    headers.insert(FORWARDED_PORT, HeaderValue::from(cx.authority.port().unwrap_or(default)));
    headers.insert(REQUEST_ID, cx.id_header.clone());
    if headers.get(TRACEPARENT) != Some(&cx.traceparent) {
        // It belongs to the trace that the client spoke of, and ours is another.
        headers.remove(TRACESTATE);
    }
    headers.insert(TRACEPARENT, cx.traceparent.clone());
}

/// Cleans an answer of the upstream: hop-by-hop headers, what no browser is to see, session cookies it may not set,
/// and addresses of its own.
pub(super) fn answer(answer: &mut Response<Body>, cx: &mut Context, rules: Rules<'_>, own: &[Instance]) -> Answered {
    // A 101 that comes this far is the verified one of a tunnel.
    let switching = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    strip_hop_by_hop(headers);
    if switching {
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    let session_changed = headers.contains_key(identity::SESSION_CHANGED);
    let handed_over = handed_over(headers, switching);
    identity::strip_answer(headers);
    if !(rules.route.forward_sid || rules.route.may_set_session) {
        cx.facts.set_cookie_dropped = rules.cookie.drop_from_answer(headers);
    } else if rules.cookie.in_answer(headers) {
        // A sign-in of the application's own: from a shared cache everybody would become this user.
        keep_private(headers);
    }
    rewrite_location(headers, cx, own);
    Answered { session_changed, handed_over }
}

/// Which of several is meant would be a guess; and a tunnel is no page that anybody signs in on.
fn handed_over(headers: &HeaderMap, switching: bool) -> Option<HandedOver> {
    let mut values = headers.get_all(identity::SET_SESSION).iter();
    let first = values.next()?;
    let sid = SessionId::parse(first.as_bytes()).filter(|_| values.next().is_none() && !switching);
    Some(sid.map_or(HandedOver::Unusable, HandedOver::Sid))
}

/// `http://127.0.0.1:3000/x` -> `https://app.example.com/x`: applications build such addresses from what they see of
/// the request, and a browser cannot follow them.
fn rewrite_location(headers: &mut HeaderMap, cx: &Context, own: &[Instance]) {
    let Some(location) = headers.get(LOCATION).and_then(|v| v.to_str().ok()) else { return };
    let Some(rest) = location.strip_prefix("http://").or_else(|| location.strip_prefix("https://")) else { return };
    let named = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !own.iter().any(|i| is_internal(named, i.target.authority()))
        || named.eq_ignore_ascii_case(cx.authority.as_str())
    {
        return;
    }
    let tail = &rest[named.len()..];
    let slash = if tail.starts_with('/') { "" } else { "/" };
    if let Ok(value) = HeaderValue::try_from(format!("{}{slash}{tail}", cx.origin())) {
        headers.insert(LOCATION, value);
    }
}

/// An instance's own address, also by the names of this machine that mean the same port.
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
    let doomed: Vec<HeaderName> = headers.keys().filter(|n| is_for_shared_caches(n.as_str())).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
    // All lines of it are one list: a `no-store` on the second must not be lost.
    let lines: Vec<String> = headers.get_all(CACHE_CONTROL).iter().map(text).collect();
    let directives = || lines.iter().flat_map(|line| line.split(',')).map(str::trim).filter(|d| !d.is_empty());
    let has = |word: &str| directives().any(|d| d == word);
    if lines.len() == 1 && (has("no-store") || has("private")) && !lines.iter().any(|l| l.contains("public")) {
        return;
    }
    let kept = directives().filter(|d| !matches!(*d, "public" | "private") && !d.starts_with("s-maxage"));
    let rebuilt = kept.fold("private".to_owned(), |all, d| all + ", " + d);
    if let Ok(value) = HeaderValue::try_from(rebuilt) {
        headers.insert(CACHE_CONTROL, value);
    }
}

fn text(value: &HeaderValue) -> String {
    value.to_str().unwrap_or_default().to_ascii_lowercase()
}

/// What outweighs `Cache-Control` in one shared cache or another: RFC 9213 (`CDN-Cache-Control`, and with the name of a
/// CDN before it), its forerunners, and nginx's own.
fn is_for_shared_caches(name: &str) -> bool {
    name.ends_with("-cache-control") || matches!(name, "surrogate-control" | "edge-control" | "x-accel-expires")
}
