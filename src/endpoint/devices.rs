//! `/api/auth/sessions`: where else one is signed in, and an end to it.
//!
//! What is ended is refused by this gateway from that moment on. The own session may be among it: then this is a sign-out,
//! and the cookie goes too.

use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::described::DescribedTenant;
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::context::Context;
use crate::decision::{Reason, Refusal, Wants};
use crate::gateway::Gateway;
use crate::rejection::Rejection;
use crate::session::{Device, DevicesAnswer, Found, Freshness, Lookup, RefusalCode, Session, SessionId, Which};

#[derive(Serialize)]
struct List<'a> {
    sessions: Vec<Listed<'a>>,
}

/// The fields that are shown, whatever else the backend tells.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    public_id: &'a str,
    current: bool,
    /// RFC 3339 in UTC, like the others.
    created_at: Option<String>,
    authenticated_at: Option<String>,
    last_activity: Option<String>,
    expires_at: Option<String>,
    idle_expires_at: Option<String>,
    tenant: Option<DescribedTenant<'a>>,
    device: Place<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    ip: Option<&'a str>,
    user_agent: Option<&'a str>,
}

#[derive(Serialize)]
struct Ended {
    revoked: Vec<String>,
}

/// Lists the sessions of the user.
pub(super) async fn list(
    gateway: &Gateway,
    cx: &mut Context,
    headers: &HeaderMap,
) -> Result<Response<Body>, Rejection> {
    let (sid, found) = signed_in(gateway, cx, headers).await?;
    let user = found.session.user.id.clone();
    gateway.limits().list_devices_user.check(user).map_err(limited)?;
    let devices = match gateway.sessions().devices(&sid, &cx.caller()).await {
        DevicesAnswer::Good(devices) => devices,
        other => return Err(refusal(gateway, cx, &other)),
    };
    let sessions = devices.iter().map(|device| Listed::of(device, &found.session)).collect();
    Ok(super::json(StatusCode::OK, &List { sessions }))
}

/// Ends one of them.
pub(super) async fn end_one(
    gateway: &Gateway,
    cx: &mut Context,
    headers: &HeaderMap,
) -> Result<Response<Body>, Rejection> {
    cx.wants = Wants::Api;
    let path = cx.path.strip_suffix('/').unwrap_or(&cx.path);
    let public_id = path.rsplit('/').next().unwrap_or_default().to_owned();
    // It goes into an address of the backend's.
    if !is_public_id(&public_id) {
        return Err(Rejection::session_not_found());
    }
    end(gateway, cx, headers, Which::One(&public_id)).await
}

/// Ends all others, or all.
pub(super) async fn end_several(
    gateway: &Gateway,
    cx: &mut Context,
    headers: &HeaderMap,
) -> Result<Response<Body>, Rejection> {
    cx.wants = Wants::Api;
    let query = cx.query.clone().unwrap_or_default();
    let mut scopes = url::form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "scope");
    let which = match (scopes.next().as_ref().map(|(_, value)| &**value), scopes.next()) {
        (Some("others"), None) => Which::Others,
        (Some("all"), None) => Which::All,
        _ => {
            let message = "Say which: ?scope=others or ?scope=all, or DELETE /api/auth/sessions/{publicId} for one.";
            return Err(Rejection::bad_body("invalid_scope", message));
        }
    };
    end(gateway, cx, headers, which).await
}

async fn end(
    gateway: &Gateway,
    cx: &mut Context,
    headers: &HeaderMap,
    which: Which<'_>,
) -> Result<Response<Body>, Rejection> {
    let (sid, found) = signed_in(gateway, cx, headers).await?;
    let (user, own) = (&found.session.user.id, found.session.public_id.as_deref());
    gateway.limits().end_devices_user.check(user.clone()).map_err(limited)?;
    let answer = gateway.sessions().end_devices(&sid, user, which, &cx.caller()).await;
    cx.audited.push(audited(&found.session, which, &answer));
    let revoked = match answer {
        DevicesAnswer::Good(revoked) => revoked,
        other => return Err(refusal(gateway, cx, &other)),
    };
    cx.facts.reason = Some("sessions_ended");
    if which == Which::All || own.is_some_and(|own| revoked.iter().any(|id| id == own)) {
        gateway.sessions().has_ended(&sid);
        gateway.expire_sid(cx);
        gateway.sign_out_legacy(cx, headers);
    }
    Ok(super::json(StatusCode::OK, &Ended { revoked }))
}

/// Whose sessions were to end, which of them, and what came of it.
fn audited(session: &Session, which: Which<'_>, answer: &DevicesAnswer<Vec<String>>) -> Event {
    let event = Event::new(Kind::Revocation).of(session);
    let event = match which {
        Which::One(id) => event.method("one").public_ids(&[id]),
        Which::Others => event.method("others"),
        Which::All => event.method("all"),
    };
    match answer {
        DevicesAnswer::Good(revoked) => event.outcome("revoked").public_ids(revoked),
        DevicesAnswer::NotFound => event.outcome("refused").reason("session_not_found"),
        DevicesAnswer::Refused(code) => event.outcome("refused").reason(code.as_str()),
        DevicesAnswer::NotSupported => event.outcome("not_supported"),
        DevicesAnswer::Unavailable(why) => event.outcome("unavailable").reason(why.as_str()),
    }
}

/// Who asks, by a session that is known to be good now.
async fn signed_in(gateway: &Gateway, cx: &mut Context, headers: &HeaderMap) -> Result<(SessionId, Found), Rejection> {
    cx.wants = Wants::Api;
    let resolved = gateway.resolve_presented(cx, headers, gateway.accepts_header()).await?;
    gateway.heal(cx, &resolved);
    match (resolved.lookup, resolved.sid) {
        (Lookup::Found(found), Some(sid)) if !matches!(found.freshness, Freshness::Stale(_)) => Ok((sid, found)),
        (Lookup::Absent, _) => Err(unauthenticated(gateway, Reason::NoSession)),
        (Lookup::Refused(code), _) => Err(refused(gateway, cx, code)),
        (Lookup::Throttled { retry_after }, _) => {
            Err(Rejection::decided(Refusal::Throttled, Reason::Throttled, None).retry_after(retry_after))
        }
        (Lookup::Found(_) | Lookup::Unavailable(_), _) => Err(Rejection::backend_unavailable()),
    }
}

fn refusal<T>(gateway: &Gateway, cx: &mut Context, answer: &DevicesAnswer<T>) -> Rejection {
    match answer {
        DevicesAnswer::Refused(code) => refused(gateway, cx, *code),
        DevicesAnswer::NotFound => Rejection::session_not_found(),
        DevicesAnswer::NotSupported => {
            let message = "The session backend cannot list a user's sessions, nor end single ones. \
                           DELETE /api/auth/session-v2 ends the own one.";
            Rejection::not_supported(message)
        }
        DevicesAnswer::Good(_) | DevicesAnswer::Unavailable(_) => Rejection::backend_unavailable(),
    }
}

fn refused(gateway: &Gateway, cx: &mut Context, code: RefusalCode) -> Rejection {
    if code.drops_sid() {
        gateway.expire_sid(cx);
    }
    unauthenticated(gateway, Reason::Refused(code))
}

fn unauthenticated(gateway: &Gateway, reason: Reason) -> Rejection {
    let sign_in = gateway.pages().sign_in(None, Some(reason));
    Rejection::decided(Refusal::Unauthenticated, reason, Some(("signIn", sign_in)))
}

fn limited(wait: std::time::Duration) -> Rejection {
    let message = "Too many calls about the list of sessions. Wait a little and try again.";
    Rejection::limited("rate_limited", message, wait)
}

/// A backend's public name for a session: what stands for itself in a path, and is no way up in it.
fn is_public_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && text.bytes().any(|b| b != b'.')
}

impl<'a> Listed<'a> {
    fn of(device: &'a Device, own: &Session) -> Self {
        let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
        Self {
            public_id: &device.public_id,
            current: device.current || own.public_id.as_ref() == Some(&device.public_id),
            created_at: time(device.created_at),
            authenticated_at: time(device.authenticated_at),
            last_activity: time(device.last_activity),
            expires_at: time(device.expires_at),
            idle_expires_at: time(device.idle_expires_at),
            tenant: device.tenant.as_ref().map(DescribedTenant::of),
            device: Place { ip: device.ip.as_deref(), user_agent: device.user_agent.as_deref() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_id_is_one_plain_segment() {
        for good in ["5eed0000-0000-4000-8000-000000000001", "42", "a.b~c_d", &"x".repeat(128)] {
            assert!(is_public_id(good), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a%2Fb", "a b", "\u{e4}", "a?b", "a;b", "{x}", &"x".repeat(129)] {
            assert!(!is_public_id(bad), "{bad}");
        }
    }
}
