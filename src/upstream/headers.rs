//! The headers of an answer on its way through: what it may not carry, and what it may not let a cache do.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONNECTION, LOCATION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::{Instance, Rules};
use crate::body::Body;
use crate::context::Context;
use crate::cookie;
use crate::identity;
use crate::session::SessionId;

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

/// Cleans an answer of the upstream, whose hop-by-hop headers are gone: of what no browser is to see, session cookies
/// it may not set, and addresses of its own.
pub(super) fn answer(
    answer: &mut Response<Body>,
    cx: &mut Context,
    rules: Rules<'_>,
    own: &[Arc<Instance>],
) -> Answered {
    // A 101 that comes this far is the verified one of a tunnel.
    let switching = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    if switching {
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    let there = There::in_answer(headers);
    let mut answered = Answered::default();
    if there.ours {
        answered.session_changed = headers.contains_key(identity::SESSION_CHANGED);
        answered.handed_over = handed_over(headers, switching);
        identity::strip_answer(headers);
    }
    if let (true, Some(cleared)) = (there.set_cookie, rules.cleared) {
        let dropped = cookie::drop_set_cookies(headers, cleared);
        if dropped > 0 {
            cx.facts.legacy().set_cookie_dropped = u32::try_from(dropped).unwrap_or(u32::MAX);
        }
    }
    let may_set = !cx.by_header && (rules.route.forward_sid || rules.route.may_set_session);
    if there.set_cookie && !may_set {
        cx.facts.set_cookie_dropped = rules.cookie.drop_from_answer(headers);
    } else if there.set_cookie && rules.cookie.in_answer(headers) {
        // A sign-in of the application's own: from a shared cache everybody would become this user.
        keep_private(headers);
    }
    if there.location {
        rewrite_location(headers, cx, own);
    }
    answered
}

/// What of an answer something is to be done about. One look at each name: a search per name that might be there would
/// hash them all.
#[derive(Default)]
struct There {
    ours: bool,
    set_cookie: bool,
    location: bool,
}

impl There {
    fn in_answer(headers: &HeaderMap) -> Self {
        let mut there = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "set-cookie" => there.set_cookie = true,
                "location" => there.location = true,
                name => there.ours |= identity::is_for_gateway(name),
            }
        }
        there
    }
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
fn rewrite_location(headers: &mut HeaderMap, cx: &Context, own: &[Arc<Instance>]) {
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
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private"));
        return;
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
