//! `/api/auth/session-v2/tenant`: go on as another of one's tenants.
//!
//! JSON answers like a sign-in. A form answers with a redirect, so that a button needs no script: that on the page
//! about another tenant's host, or one of the application's own.

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::Value;

use super::body;
use super::described::Described;
use super::session::see_other;
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::context::Context;
use crate::decision::{Reason, Refusal, Wants};
use crate::gateway::Gateway;
use crate::rejection::Rejection;
use crate::session::{Found, Freshness, Lookup, RefusalCode, Renewed};

/// What was asked for.
struct Asked {
    tenant_id: String,
    next: Option<String>,
    form: bool,
}

/// Switches: a new sid, whose tenant is another one.
pub(super) async fn post(
    gateway: &Gateway,
    cx: &mut Context,
    request: Request<Incoming>,
) -> Result<Response<Body>, Rejection> {
    cx.wants = if body::is_form(&request) { Wants::Page } else { Wants::Api };
    gateway.may_be_audited()?;
    let came = gateway.sids(request.headers());
    let resolved = gateway.resolve(cx, request.headers()).await;
    let asked = read(request).await?;
    let (sid, found) = match (&resolved.lookup, &resolved.sid) {
        (Lookup::Found(found), Some(sid)) if !matches!(found.freshness, Freshness::Stale(_)) => (sid, found),
        (Lookup::Absent, _) => return signed_out(gateway, &asked, Reason::NoSession),
        (Lookup::Refused(code), _) => return refused(gateway, cx, &asked, *code),
        (Lookup::Throttled { retry_after }, _) => {
            return Err(Rejection::decided(Refusal::Throttled, Reason::Throttled, None).retry_after(*retry_after));
        }
        (Lookup::Found(_) | Lookup::Unavailable(_), _) => return Err(Rejection::backend_unavailable()),
    };
    limit(gateway, found)?;
    match gateway.sessions().switch_tenant(sid, &asked.tenant_id, &cx.caller()).await {
        Renewed::Session(new, session) => {
            gateway.adopt(cx, &new, &session, &came);
            let mut event = Event::new(Kind::TenantSwitch).of(&session).replaces(sid.fingerprint()).makes(new);
            if let Some(before) = &found.session.tenant {
                event = event.other_tenant(&before.id);
            }
            cx.audited.push(event);
            cx.facts.reason = Some("tenant_switched");
            let to = gateway.after_sign_in(cx, &session, asked.next.as_deref());
            if asked.form {
                return Ok(see_other(&to));
            }
            Ok(super::json(StatusCode::OK, &Described::of(&session, Some(&to))))
        }
        Renewed::Refused(code) => refused(gateway, cx, &asked, code),
        // Also what is no tenant's id at all: it names none of this user's.
        Renewed::Denied(..) => {
            cx.facts.reason = Some("not_a_member");
            let event = Event::new(Kind::TenantRefused).of(&found.session).reason("not_a_member");
            cx.audited.push(event.other_tenant(&asked.tenant_id));
            Err(Rejection::not_a_member(gateway.home(cx, &resolved)))
        }
        Renewed::NotSupported => {
            let message = "The session backend cannot switch tenants. Sign in again to work as another one.";
            Err(Rejection::not_supported(message))
        }
        Renewed::Unavailable(_) => Err(Rejection::backend_unavailable()),
    }
}

/// Each switch writes in the backend, and a session is easily had.
fn limit(gateway: &Gateway, found: &Found) -> Result<(), Rejection> {
    let message = "Too many switches from one tenant to another. Wait a little and try again.";
    let user = found.session.user.id.clone();
    gateway.limits().switch_user.check(user).map_err(|wait| Rejection::limited("rate_limited", message, wait))
}

fn refused(gateway: &Gateway, cx: &mut Context, asked: &Asked, code: RefusalCode) -> Result<Response<Body>, Rejection> {
    if code.drops_sid() {
        gateway.expire_sid(cx);
    }
    signed_out(gateway, asked, Reason::Refused(code))
}

/// A person is sent to sign in; who has been given another sid meanwhile is sent on from there.
fn signed_out(gateway: &Gateway, asked: &Asked, reason: Reason) -> Result<Response<Body>, Rejection> {
    if asked.form {
        return Ok(see_other(&gateway.pages().sign_in(asked.next.as_deref(), Some(reason))));
    }
    let sign_in = gateway.pages().sign_in(None, Some(reason));
    Err(Rejection::decided(Refusal::Unauthenticated, reason, Some(("signIn", sign_in))))
}

async fn read(request: Request<Incoming>) -> Result<Asked, Rejection> {
    let form = body::is_form(&request);
    if !form && body::media_type(&request) != "application/json" {
        let message = "Send {\"tenantId\"} as application/json, or a form as application/x-www-form-urlencoded.";
        return Err(Rejection::bad_body("unsupported_media_type", message));
    }
    let bytes = body::collect(request).await?;
    let asked = if form { from_form(&bytes) } else { from_json(&bytes) };
    // No id is longer, and what is remembered of it must not be either.
    asked.filter(|asked| (1..=1024).contains(&asked.tenant_id.len())).ok_or_else(|| {
        Rejection::bad_body("invalid_body", "Send {\"tenantId\"}: the id of one of the session's tenants.")
    })
}

fn from_json(bytes: &[u8]) -> Option<Asked> {
    let json: Value = serde_json::from_slice(bytes).ok()?;
    let tenant_id = match json.get("tenantId")? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let next = json.get("next").and_then(Value::as_str).map(str::to_owned);
    Some(Asked { tenant_id, next, form: false })
}

fn from_form(bytes: &[u8]) -> Option<Asked> {
    // Which of two is meant would be a guess.
    let one = |name: &str| {
        let mut values = url::form_urlencoded::parse(bytes).filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        value.filter(|value| !value.is_empty() && values.next().is_none())
    };
    Some(Asked { tenant_id: one("tenantId")?, next: one("next"), form: true })
}
