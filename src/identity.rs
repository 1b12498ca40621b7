//! Strip what a client may not say, then say what we know.
//!
//! The names that the upstream trusts stand in one table, [`reserved`]; what is stripped is derived from it. What is
//! said is written once per answer of the backend and kept beside the session, so that a request only copies it.
//!
//! A reserved name in another spelling (`X_Auth_User_Id`, `x.auth.status`) is an *alias*: CGI, WSGI and ASGI servers
//! fold such names onto the real one. Nobody honest sends it, so it is refused and not only removed.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::assertion::Signer;
use crate::session::{Found, Freshness, Onboarding, Session, SessionId};

/// Whether the upstream is told of a user.
pub const STATUS: HeaderName = HeaderName::from_static("x-auth-status");
/// Where the answer about the session came from.
pub const FRESHNESS: HeaderName = HeaderName::from_static("x-auth-freshness");
/// An order of the upstream: what it changed must show in the next request.
pub const SESSION_CHANGED: HeaderName = HeaderName::from_static("x-auth-session-changed");
/// An order of the upstream: the session of this sid becomes the browser's.
pub const SET_SESSION: HeaderName = HeaderName::from_static("x-auth-set-session");

/// The signed proof of who the user is.
const ASSERTION: HeaderName = HeaderName::from_static("x-auth-assertion");
const USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
const TENANT_ID: HeaderName = HeaderName::from_static("x-auth-tenant-id");
const TENANT_ID_ALIAS: HeaderName = HeaderName::from_static("x-tenant-id");
const TENANT_SLUG: HeaderName = HeaderName::from_static("x-auth-tenant-slug");
const ONBOARDING: HeaderName = HeaderName::from_static("x-auth-onboarding");
const ROLES: HeaderName = HeaderName::from_static("x-auth-roles");
const PERMISSIONS: HeaderName = HeaderName::from_static("x-auth-permissions");
const SESSION: HeaderName = HeaderName::from_static("x-auth-session");

/// Bytes of one identity header; a longer list is cut at an item, a longer single value is left out.
const MAX_VALUE: usize = 4096;

/// Prefixes of names that only the gateway or Next.js itself may say.
const RESERVED_PREFIXES: [&str; 4] = ["x-auth-", "x-forwarded-", "x-middleware-", "x-invoke-"];

/// Whole names of the same kind.
const RESERVED_NAMES: [&str; 16] = [
    "x-tenant-id",
    "x-session-id",
    "x-gateway-key",
    "x-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "forwarded",
    "x-real-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "x-matched-path",
    "x-now-route-matches",
    "x-nextjs-request-id",
    "next-resume",
    "x-next-resume-state-length",
    "x-prerender-revalidate",
];

/// By this name of a request the client of `next dev` finds what the server says of it on the socket of hot reloading:
/// without it the page does not change. To a built application nothing may say it.
pub const NEXT_DEV_REQUEST: HeaderName = HeaderName::from_static("x-nextjs-request-id");

/// Whether a header name (lower case) is the gateway's to say.
pub fn reserved(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'x') => RESERVED_PREFIXES.iter().any(|p| name.starts_with(p)) || RESERVED_NAMES.contains(&name),
        Some(b'f' | b't' | b'c' | b'n') => RESERVED_NAMES.contains(&name),
        _ => false,
    }
}

/// The client used a spelling of a reserved name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alias;

/// Whether a header of a client goes on: a reserved one does not, nor does its `Authorization` where it says `Session`.
///
/// # Errors
/// [`Alias`] when the name folds onto a reserved one without being it.
pub fn passes(name: &HeaderName, headers: &HeaderMap) -> Result<bool, Alias> {
    let text = name.as_str();
    if reserved(text) {
        return Ok(false);
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && reserved(&folded(text)) {
        return Err(Alias);
    }
    Ok(name != AUTHORIZATION || !headers.get_all(AUTHORIZATION).iter().any(is_session))
}

/// The session that a client presents in a header instead of the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// No such header.
    Nothing,
    /// `Authorization: Session <sid>`
    Sid(SessionId),
    /// The header, with something else than a sid in it.
    Malformed,
    /// A second `Authorization` beside it: which of them is meant would be a guess.
    Several,
}

/// Reads `Authorization: Session <sid>`.
pub fn presented(headers: &HeaderMap) -> Presented {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), more) = (values.next(), values.next().is_some()) else { return Presented::Nothing };
    if !headers.get_all(AUTHORIZATION).iter().any(is_session) {
        return Presented::Nothing;
    }
    if more {
        return Presented::Several;
    }
    let sid = value
        .as_bytes()
        .split_at_checked("session ".len())
        .and_then(|(scheme, sid)| if scheme.eq_ignore_ascii_case(b"session ") { SessionId::parse(sid) } else { None });
    sid.map_or(Presented::Malformed, Presented::Sid)
}

/// Writes the session's own credential, for an upstream that is the session backend itself.
pub fn write_credential(out: &mut Vec<u8>, sid: &SessionId) {
    line(out, &AUTHORIZATION, format!("Session {}", sid.expose()).as_bytes());
}

/// Also behind bytes that some servers take for spaces: to Python, U+00A0 and U+0085 are.
fn is_session(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let start = bytes.iter().position(u8::is_ascii_graphic).unwrap_or(bytes.len());
    bytes[start..].get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"session"))
}

fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

/// Writes the identity headers, each with the end of its line. The reserved ones of the client must not be written.
/// `proof` signs for the upstream; `asked` is the time of the request, in Unix seconds.
pub fn write(out: &mut Vec<u8>, who: Option<&Found>, proof: Option<&Signer>, asked: i64) {
    let Some(found) = who else { return line(out, &STATUS, b"anonymous") };
    let session = &*found.session;
    out.extend_from_slice(session.headers.get_or_init(|| {
        let mut block = Vec::new();
        lines(session).iter().for_each(|(name, value)| line(&mut block, name, value.as_bytes()));
        block.into()
    }));
    line(out, &FRESHNESS, freshness(found.freshness).as_bytes());
    if let Some(signer) = proof {
        signer.write(ASSERTION.as_str(), session, asked, out);
    }
}

fn line(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Removes from an answer of the upstream what no browser is to see.
pub fn strip_answer(headers: &mut HeaderMap) {
    let doomed: Vec<HeaderName> = headers.keys().filter(|n| is_for_gateway(n.as_str())).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// Whether a header of an answer is for the gateway alone.
pub fn is_for_gateway(name: &str) -> bool {
    name.starts_with("x-auth-") || name == "x-session-id" || name == "x-tenant-id"
}

fn lines(session: &Session) -> Vec<(HeaderName, HeaderValue)> {
    let mut out = vec![(STATUS, HeaderValue::from_static("authenticated"))];
    let mut add = |name: HeaderName, text: &str| {
        if let Some(value) = plain(text) {
            out.push((name, value));
        }
    };
    add(USER_ID, &session.user.id);
    if let Some(tenant) = &session.tenant {
        add(TENANT_ID, &tenant.id);
        add(TENANT_ID_ALIAS, &tenant.id);
        if let Some(slug) = &tenant.slug {
            add(TENANT_SLUG, slug);
        }
    }
    add(SESSION, session.fingerprint.as_str());
    out.extend(HeaderValue::try_from(onboarding(session)).ok().map(|v| (ONBOARDING, v)));
    out.extend(list(session.user.role.iter()).map(|v| (ROLES, v)));
    out.extend(list(session.permissions.iter()).map(|v| (PERMISSIONS, v)));
    out
}

/// How far the user is with onboarding, in the words of the header and of the assertion.
pub(crate) fn onboarding(session: &Session) -> String {
    let text = match &session.onboarding {
        Onboarding::Complete => "complete".to_owned(),
        Onboarding::Needed { step: None } => "needed".to_owned(),
        Onboarding::Needed { step: Some(step) } => format!("needed;step={}", encoded(step, PARAMETER)),
    };
    if text.len() <= MAX_VALUE { text } else { "needed".to_owned() }
}

/// A value as it stands where it is visible ASCII, percent-encoded where it must be.
fn plain(text: &str) -> Option<HeaderValue> {
    let value = encoded(text, VALUE);
    (!value.is_empty() && value.len() <= MAX_VALUE).then(|| HeaderValue::try_from(value).ok())?
}

/// Controls, space, `%` (so that it can be undone); non-ASCII is always encoded.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'"').add(b',');
const PARAMETER: &AsciiSet = &VALUE.add(b';').add(b'=');

fn encoded(text: &str, set: &'static AsciiSet) -> String {
    utf8_percent_encode(text, set).to_string()
}

/// A list of strings (RFC 9651 sections 3.1 and 3.3.3). Strings are ASCII there; others are percent-encoded.
fn list<'a>(items: impl Iterator<Item = &'a String>) -> Option<HeaderValue> {
    const STRING: &AsciiSet = &CONTROLS.add(b'%');
    let mut out = String::new();
    for item in items {
        let text = encoded(item, STRING).replace('\\', "\\\\").replace('"', "\\\"");
        if out.len() + text.len() + 4 > MAX_VALUE {
            break;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push('"');
        out.push_str(&text);
        out.push('"');
    }
    (!out.is_empty()).then(|| HeaderValue::try_from(out).ok())?
}

fn freshness(freshness: Freshness) -> HeaderValue {
    let aged = |word: &str, age: std::time::Duration| HeaderValue::try_from(format!("{word};age={}", age.as_secs()));
    match freshness {
        Freshness::Miss => HeaderValue::from_static("miss"),
        // The common ages of a five-second cache, without a format.
        Freshness::Hit(age) if age.as_secs() < 6 => {
            HeaderValue::from_static(HITS[usize::try_from(age.as_secs()).unwrap_or(0)])
        }
        Freshness::Hit(age) => aged("hit", age).unwrap_or(HeaderValue::from_static("hit")),
        Freshness::Stale(age) => aged("stale", age).unwrap_or(HeaderValue::from_static("stale")),
    }
}

const HITS: [&str; 6] = ["hit;age=0", "hit;age=1", "hit;age=2", "hit;age=3", "hit;age=4", "hit;age=5"];

#[cfg(test)]
mod tests;
