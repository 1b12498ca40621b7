//! A request as the upstream reads it.
//!
//! The head is written here, in one pass over what the client sent: its own headers but those that are not its to say,
//! then where the request came from, then who it is. No map of headers is made for it.

use std::collections::HashSet;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};

use super::{Rules, UpstreamError};
use crate::context::Context;
use crate::cookie::{Hidden, SidCookie};
use crate::decision::Permit;
use crate::http1::{Framing, Head, is_hop_by_hop};
use crate::identity;
use crate::networks::Trust;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The head of a permitted request.
///
/// # Errors
/// [`UpstreamError::Alias`], and [`UpstreamError::Broken`] for a target that no request line can carry.
pub(super) fn head(
    parts: &Parts,
    framing: Framing,
    cx: &Context,
    rules: Rules<'_>,
    permit: &Permit,
    session_cookies: &[String],
    websocket: bool,
) -> Result<Head, UpstreamError> {
    let mut out = line(&parts.method, cx)?;
    // With its port: it is what server actions compare `Origin` with.
    Head::field(&mut out, "host", cx.authority.as_str().as_bytes());
    let credential = rules.sid.filter(|_| rules.route.session_header && permit.who().is_some());
    let said_length = of_client(&parts.headers, cx, credential.is_some(), &mut out)?;
    cookies(&parts.headers, rules, permit, session_cookies, &mut out);
    forwarding(cx, &mut out);
    if let Some(sid) = credential {
        identity::write_credential(&mut out, sid);
    }
    identity::write(&mut out, permit.who(), rules.proof, cx.id.seconds());
    if websocket {
        Head::field(&mut out, "connection", b"upgrade");
        Head::field(&mut out, "upgrade", b"websocket");
    }
    if framing == Framing::Empty && said_length {
        Head::field(&mut out, "content-length", b"0");
    }
    Ok(Head::end(out, &parts.method, framing))
}

/// Origin form, with the canonical path. The query goes on as it came.
fn line(method: &Method, cx: &Context) -> Result<Vec<u8>, UpstreamError> {
    let query = cx.query.as_deref();
    // Neither can hold such a byte; the line must not depend on it.
    let ends_line = |text: &str| text.bytes().any(|b| b <= b' ' || b == 0x7f);
    if ends_line(&cx.path) || query.is_some_and(ends_line) {
        return Err(UpstreamError::Broken);
    }
    Ok(Head::begin(method, &cx.path, query))
}

/// What the client said, without what is of its connection (RFC 9110 section 7.6.1), what `Connection` names included,
/// and what is ours to say. Identity and forwarding are written afterwards, so that a `Connection: X-Auth-User-Id`
/// cannot take them away. Gives whether there was a `Content-Length`.
fn of_client(
    headers: &HeaderMap,
    cx: &Context,
    without_credential: bool,
    out: &mut Vec<u8>,
) -> Result<bool, UpstreamError> {
    let named = named_by_connection(headers);
    let mut said_length = false;
    for (name, value) in headers {
        said_length |= *name == CONTENT_LENGTH;
        let ours = [HOST, COOKIE, CONTENT_LENGTH].contains(name) || *name == REQUEST_ID || *name == TRACEPARENT;
        let passes = identity::passes(name, headers).map_err(|_| UpstreamError::Alias)?;
        if !(passes || cx.next_dev && *name == identity::NEXT_DEV_REQUEST)
            || ours
            || without_credential && *name == AUTHORIZATION
            || is_hop_by_hop(name.as_str())
            || named.contains(name)
            // It belongs to the trace that the client spoke of; ours is another, unless the client's was taken.
            || *name == TRACESTATE && headers.get(TRACEPARENT).is_none_or(|t| t.as_bytes() != cx.traceparent.as_bytes())
        {
            continue;
        }
        Head::field(out, name.as_str(), value.as_bytes());
    }
    Ok(said_length)
}

/// The request's fields that `Connection` names: as many as there are, however often it names them, or others.
fn named_by_connection(headers: &HeaderMap) -> HashSet<HeaderName> {
    let lines = headers.get_all(CONNECTION).iter();
    let names = lines.flat_map(|v| v.as_bytes().split(|b| *b == b',')).map(<[u8]>::trim_ascii);
    // What nearly all of them say is hop by hop by itself.
    let known = |name: &&[u8]| [&b"keep-alive"[..], b"close", b"upgrade"].iter().any(|k| name.eq_ignore_ascii_case(k));
    let sent = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| headers.contains_key(name));
    names.filter(|name| !known(name) && sent(name)).filter_map(|name| HeaderName::from_bytes(name).ok()).collect()
}

/// What the upstream sees of the browser's cookies. It is handed no sid of a session that is none, and none of the
/// cookies that it would take for one: its redirect to a page of the signed in, and ours to sign-in, would follow each
/// other for ever.
fn cookies(headers: &HeaderMap, rules: Rules<'_>, permit: &Permit, session_cookies: &[String], out: &mut Vec<u8>) {
    if permit.without_cookies() {
        return;
    }
    let forward = rules.route.forward_sid && !permit.has_none();
    let cleared = rules.cleared;
    match (forward, rules.sid) {
        // Nobody asked whether it is one.
        (true, None) => SidCookie::write_all(headers, cleared, out),
        (true, sid) => rules.cookie.write(headers, sid, Hidden { session_cookies: &[], cleared }, out),
        (false, _) if permit.has_none() => rules.cookie.write(headers, None, Hidden { session_cookies, cleared }, out),
        (false, _) => rules.cookie.write(headers, None, Hidden { session_cookies: &[], cleared }, out),
    }
}

/// Says where the request came from; whatever a client said of that is not written.
fn forwarding(cx: &Context, out: &mut Vec<u8>) {
    if cx.connection.trust >= Trust::Address {
        Head::field(out, "x-forwarded-for", cx.client.to_string().as_bytes());
    } else {
        Head::field(out, "x-forwarded-for", cx.connection.peer_header.as_bytes());
    }
    Head::field(out, "x-forwarded-proto", cx.scheme.as_bytes());
    Head::field(out, "x-forwarded-host", cx.authority.as_str().as_bytes());
    match cx.authority.port() {
        Some(port) => Head::field(out, "x-forwarded-port", port.to_string().as_bytes()),
        None => Head::field(out, "x-forwarded-port", if cx.scheme == "https" { b"443" } else { b"80" }),
    }
    Head::field(out, "x-request-id", cx.id_header.as_bytes());
    Head::field(out, "traceparent", cx.traceparent.as_bytes());
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn connection_names_no_more_than_there_is() {
        let mut headers = HeaderMap::new();
        for name in ["a", "b", "x-auth-user-id"] {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        // 64 KiB each: the same field over and over, and ever others that were not sent.
        let others: Vec<String> = (0..10_000).map(|i| format!("c{i}")).collect();
        for line in ["a,".repeat(32 << 10), others.join(","), " ,,B , X-Auth-User-Id, not a name,\tkeep-alive".into()] {
            headers.append(CONNECTION, HeaderValue::try_from(line).unwrap());
        }
        let mut named: Vec<String> = named_by_connection(&headers).into_iter().map(|n| n.to_string()).collect();
        named.sort_unstable();
        assert_eq!(named, ["a", "b", "x-auth-user-id"]);
        assert!(named_by_connection(&HeaderMap::new()).is_empty());
    }
}
