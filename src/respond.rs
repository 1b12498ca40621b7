//! What every answer carries: our cookies, the request id, and security headers where the upstream set none.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};

use crate::body::Body;
use crate::context::Context;
use crate::cookie;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Completes an answer.
pub(crate) fn finish(cx: &mut Context, answer: &mut Response<Body>) {
    *answer.version_mut() = Version::HTTP_11;
    let switching = answer.status() == StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    if cx.by_header {
        cx.set_no_cookies();
    }
    for line in cx.set_cookies.drain(..) {
        headers.append(SET_COOKIE, line);
    }
    if !cx.expiries.is_empty() {
        expire(headers, cx);
    }
    if cx.path.starts_with("/api/auth/") {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
    // Nobody needs it after this; a clone would have to be made shareable first.
    headers.insert(REQUEST_ID, std::mem::replace(&mut cx.id_header, HeaderValue::from_static("")));
    if !switching {
        security(headers, cx);
    }
}

/// Whole cookies, as many as there is room for beside what the answer sets anyway. The others follow with the next
/// answers: the browser still sends them.
fn expire(headers: &mut HeaderMap, cx: &mut Context) {
    let taken: usize = headers.get_all(SET_COOKIE).iter().map(cookie::length).sum();
    let mut room = cookie::MAX_SET_COOKIE.saturating_sub(taken);
    let (mut expired, names) = (0, cx.expiries.len());
    for (i, lines) in cx.expiries.drain(..).chain(cx.expiries_below.drain(..)).enumerate() {
        let Some(left) = room.checked_sub(lines.iter().map(cookie::length).sum()) else { continue };
        if headers.len() + lines.len() > cookie::MAX_FIELDS {
            continue;
        }
        room = left;
        expired += u32::from(i < names);
        for line in lines {
            headers.append(SET_COOKIE, line);
        }
    }
    cx.facts.legacy().expired = expired;
}

fn security(headers: &mut HeaderMap, cx: &Context) {
    let mut unless_set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    // A year for `localhost` would break every other project of a developer.
    if cx.scheme == "https" && !cx.authority.is_local() {
        unless_set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    unless_set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    unless_set(REFERRER_POLICY, "strict-origin-when-cross-origin");
    let framing_is_ruled = headers
        .get_all(CONTENT_SECURITY_POLICY)
        .iter()
        .any(|v| v.as_bytes().windows(15).any(|w| w.eq_ignore_ascii_case(b"frame-ancestors")));
    if !framing_is_ruled {
        headers.entry(X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("SAMEORIGIN"));
    }
}
