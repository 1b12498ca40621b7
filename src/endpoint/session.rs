//! `/api/auth/session-v2`: who am I, sign in, sign out.

use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::body::{self, SignIn};
use super::described::Described;
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::context::{Context, SignInOutcome};
use crate::cookie::SidCookies;
use crate::decision::Wants;
use crate::gateway::Gateway;
use crate::limit::client_prefix;
use crate::rejection::Rejection;
use crate::session::{Credentials, Found, Freshness, Lookup, Session, SignInAnswer, SignOutAnswer};

/// Who am I: 200 with the session, 401 with the reason, 503 with the cookie kept.
pub(super) async fn get(gateway: &Gateway, cx: &mut Context, headers: &HeaderMap) -> Result<Response<Body>, Rejection> {
    cx.wants = Wants::Api;
    let resolved = gateway.resolve_presented(cx, headers, gateway.accepts_header()).await?;
    gateway.heal(cx, &resolved);
    match resolved.lookup {
        // How the session stands now is the question; the answer of a while ago is none.
        Lookup::Found(Found { freshness: Freshness::Stale(_), .. }) => Err(Rejection::backend_unavailable()),
        Lookup::Found(mut found) => {
            if let Some(sid) = &resolved.sid
                && let Some(renewed) = gateway.renew_privileged(cx, sid, &found).await
            {
                found = renewed;
            }
            Ok(super::json(StatusCode::OK, &Described::of(&found.session, None)))
        }
        Lookup::Absent => Ok(unauthenticated("no_session")),
        Lookup::Refused(code) => {
            if code.drops_sid() {
                gateway.expire_sid(cx);
            }
            Ok(unauthenticated(code.as_str()))
        }
        Lookup::Unavailable(_) => Err(Rejection::backend_unavailable()),
        Lookup::Throttled { retry_after } => {
            let message = "Too many requests with sessions that do not exist came from your network.";
            Err(Rejection::limited("too_many_refused_sids", message, retry_after))
        }
    }
}

fn unauthenticated(reason: &str) -> Response<Body> {
    super::json(StatusCode::UNAUTHORIZED, &json!({ "authenticated": false, "reason": reason }))
}

/// Sign in. Always a new sid; the one that came along ends.
pub(super) async fn post(
    gateway: &Gateway,
    cx: &mut Context,
    request: Request<Incoming>,
) -> Result<Response<Body>, Rejection> {
    // A form is a navigation: its errors lead back to the sign-in page. Everything else speaks JSON.
    cx.wants = if body::is_form(&request) { Wants::Page } else { Wants::Api };
    gateway.may_be_audited()?;
    let old = gateway.sids(request.headers());
    let sign_in = body::sign_in(request).await?;
    let answer = attempt(gateway, cx, &sign_in, &old).await;
    let outcome = match &answer {
        Ok(SignInAnswer::Session(..)) => SignInOutcome::SignedIn,
        Ok(SignInAnswer::Challenge(_)) => SignInOutcome::Challenged,
        Ok(SignInAnswer::Refused(_)) => SignInOutcome::Refused,
        Ok(SignInAnswer::NotSupported(_)) => SignInOutcome::NotSupported,
        Ok(SignInAnswer::Unavailable(_)) => SignInOutcome::Unavailable,
        Err(_) => SignInOutcome::Limited,
    };
    cx.facts.sign_in = Some((sign_in.method(), outcome));
    // What costs nobody anything must not fill the trail either.
    if answer.is_ok() || gateway.limits().told_client.check(client_prefix(cx.client)).is_ok() {
        cx.audited.push(audited(&sign_in, outcome, &answer));
    }
    let rejection = match answer {
        Ok(SignInAnswer::Session(sid, session, _)) => {
            gateway.adopt(cx, &sid, &session, &old);
            return Ok(signed_in(gateway, cx, &sign_in, &session));
        }
        Ok(SignInAnswer::Challenge(challenge)) => return Ok(challenged(gateway, cx, &sign_in, &challenge)),
        Ok(other) => {
            cx.facts.reason = Some("sign_in_refused");
            Rejection::sign_in(other, sign_in.method())
        }
        Err(limited) => limited,
    };
    if sign_in.form { Ok(back_to_form(gateway, &sign_in, rejection.code())) } else { Err(rejection) }
}

/// Whose address it is, where no session says who somebody is: a keyed hash, as people type passwords there.
fn audited(sign_in: &SignIn, outcome: SignInOutcome, answer: &Result<SignInAnswer, Rejection>) -> Event {
    let event = Event::new(Kind::SignIn).outcome(outcome.as_str()).method(sign_in.method().as_str());
    let event = match answer {
        Ok(SignInAnswer::Session(sid, session, _)) => return event.of(session).makes(*sid),
        Ok(SignInAnswer::Refused(refusal)) => event.reason(&refusal.code),
        Ok(SignInAnswer::Unavailable(why)) => event.reason(why.as_str()),
        Err(limited) => event.reason(limited.code()),
        Ok(SignInAnswer::Challenge(_) | SignInAnswer::NotSupported(_)) => event,
    };
    match &sign_in.credentials {
        Credentials::Password { email, .. } => event.email(email),
        Credentials::AccessToken { .. } => event,
    }
}

/// Within the limits. No limit per address for a token: whose it is, only the backend can say.
async fn attempt(
    gateway: &Gateway,
    cx: &Context,
    sign_in: &SignIn,
    came: &SidCookies,
) -> Result<SignInAnswer, Rejection> {
    let message = "Too many sign-in attempts. Wait a little and try again.";
    let limited = |wait| Rejection::limited("rate_limited", message, wait);
    gateway.limits().sign_in_client.check(client_prefix(cx.client)).map_err(limited)?;
    if let Some(email) = sign_in.email() {
        gateway.limits().sign_in_email.check(email).map_err(limited)?;
    }
    Ok(gateway.sessions().sign_in(&sign_in.credentials, came, &cx.caller()).await)
}

fn signed_in(gateway: &Gateway, cx: &mut Context, sign_in: &SignIn, session: &Session) -> Response<Body> {
    cx.facts.reason = Some("signed_in");
    let to = gateway.after_sign_in(cx, session, sign_in.next.as_deref());
    if sign_in.form {
        return see_other(&to);
    }
    super::json(StatusCode::OK, &Described::of(session, Some(&to)))
}

/// A second factor is due. A form gets an address and not JSON: a person is looking.
fn challenged(gateway: &Gateway, cx: &mut Context, sign_in: &SignIn, challenge: &Value) -> Response<Body> {
    cx.facts.reason = Some("challenge");
    if !sign_in.form {
        return super::json(StatusCode::ACCEPTED, &json!({ "challenge": challenge }));
    }
    let kind = challenge.get("kind").and_then(Value::as_str);
    see_other(&gateway.pages().sign_in_challenge(sign_in.next.as_deref(), &id_of(challenge), kind, None))
}

/// The sign-in page says what was wrong. A code that was mistyped may be typed again: the challenge stays.
fn back_to_form(gateway: &Gateway, sign_in: &SignIn, error: &str) -> Response<Body> {
    let (pages, next) = (gateway.pages(), sign_in.next.as_deref());
    see_other(&match sign_in.challenge() {
        Some(challenge) if error == "invalid_challenge" => {
            pages.sign_in_challenge(next, &id_of(challenge), None, Some(error))
        }
        _ => pages.sign_in_again(next, error),
    })
}

fn id_of(challenge: &Value) -> String {
    match challenge.get("id") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

pub(super) fn see_other(to: &str) -> Response<Body> {
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::try_from(to) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// Sign out: refused here at once, the cookie cleared in every scope, the backend told until it listens.
pub(super) async fn delete(
    gateway: &Gateway,
    cx: &mut Context,
    headers: &HeaderMap,
) -> Result<Response<Body>, Rejection> {
    cx.wants = Wants::Api;
    let mut pending = false;
    let came = gateway.credentials(cx, headers, gateway.accepts_header())?;
    // Before the first visit: what legacy cookies prove ends too.
    let claimed = match came.iter().next() {
        None => gateway.claim_legacy(cx, headers).await.and_then(|claim| claim.sid),
        Some(_) => None,
    };
    for sid in came.iter().chain(claimed) {
        cx.facts.fingerprint = Some(sid.fingerprint());
        let event = match gateway.sessions().remembered(&sid) {
            Some(session) => Event::new(Kind::SignOut).of(&session),
            None => Event::new(Kind::SignOut).fingerprint(sid.fingerprint()),
        };
        let answer = gateway.sessions().sign_out(sid, &cx.caller()).await.map_err(|wait| {
            let message = "Too many sign-outs of sessions that do not exist came from your network.";
            Rejection::limited("too_many_refused_sids", message, wait)
        })?;
        match answer {
            SignOutAnswer::Done => cx.audited.push(event.outcome("taken")),
            SignOutAnswer::Pending => cx.audited.push(event.outcome("pending")),
            // Told once: whoever repeats it must not fill the trail.
            SignOutAnswer::Before { .. } => {}
        }
        pending |= matches!(answer, SignOutAnswer::Pending | SignOutAnswer::Before { pending: true });
    }
    cx.facts.reason = Some("signed_out");
    gateway.expire_sid(cx);
    // Left behind, they would be tried again.
    gateway.sign_out_legacy(cx, headers);
    if pending {
        return Ok(super::json(StatusCode::ACCEPTED, &json!({ "pending": true })));
    }
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = StatusCode::NO_CONTENT;
    Ok(answer)
}
