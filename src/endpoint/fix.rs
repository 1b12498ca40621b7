//! `/api/auth/fix-session`: the way out for somebody whose cookies are in a tangle.
//!
//! `POST` forgets what is remembered of the sids that came, asks the backend afresh, keeps the one that is live and
//! expires the others, with our own marks. It answers 200 whatever it found: the first design's console call reloads the
//! page then. While the backend does not answer nothing is touched. `GET` is a page with one button, for a link in a
//! mail; it changes nothing.
//!
//! Legacy cookies are expired with the rest, and where no sid is live the backend is asked about what they prove.

mod page;

use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::body;
use super::described::Described;
use super::session::see_other;
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::context::Context;
use crate::cookie::{Marker, SidCookies};
use crate::decision::{Reason, Refusal, Wants};
use crate::gateway::Gateway;
use crate::limit::client_prefix;
use crate::rejection::Rejection;
use crate::session::{Found, Freshness, Lookup, RefusalCode, Resolved, Session, SessionId};
pub(super) use page::get;

/// What is true of the sids that came.
pub(crate) enum Truth {
    /// This one is live, and of one user with every other that is.
    Live(SessionId, Found),
    /// None is to be kept.
    None(Reason),
}

/// The answer where somebody is signed in.
#[derive(Serialize)]
struct Fixed<'a> {
    fixed: bool,
    cleared: &'a [String],
    #[serde(flatten)]
    session: Described<'a>,
}

/// Fixes.
pub(super) async fn post(
    gateway: &Gateway,
    cx: &mut Context,
    request: Request<Incoming>,
) -> Result<Response<Body>, Rejection> {
    cx.wants = if body::is_form(&request) { Wants::Page } else { Wants::Api };
    let message = "Too many attempts to fix a session. Wait a little and try again.";
    let limited = |wait| Rejection::limited("rate_limited", message, wait);
    gateway.limits().fix_client.check(client_prefix(cx.client)).map_err(limited)?;
    gateway.may_be_audited()?;
    let headers = request.headers().clone();
    let form = read(request).await?;
    let (truth, cleared) = fix(gateway, cx, &headers).await?;
    cx.audited.push(match &truth {
        Truth::Live(_, found) => Event::new(Kind::FixSession).of(&found.session).outcome("kept"),
        Truth::None(reason) => Event::new(Kind::FixSession).outcome("none").reason(reason.as_str()),
    });
    match (truth, form) {
        (Truth::Live(_, found), Some(next)) => {
            Ok(see_other(&gateway.after_sign_in(cx, &found.session, next.as_deref())))
        }
        (Truth::Live(_, found), None) => {
            let session = Described::of(&found.session, None);
            Ok(super::json(StatusCode::OK, &Fixed { fixed: true, cleared: &cleared, session }))
        }
        (Truth::None(reason), Some(next)) => Ok(see_other(&gateway.pages().sign_in(next.as_deref(), Some(reason)))),
        (Truth::None(reason), None) => {
            let answer = json!({
                "fixed": true, "cleared": cleared, "authenticated": false, "reason": reason.as_str(),
            });
            Ok(super::json(StatusCode::OK, &answer))
        }
    }
}

/// Finds the truth, makes the browser's cookies say it, and gives the names of those that were expired.
///
/// # Errors
/// Nothing is known of one of the sids.
pub(crate) async fn fix(
    gateway: &Gateway,
    cx: &mut Context,
    headers: &HeaderMap,
) -> Result<(Truth, Vec<String>), Rejection> {
    let came = gateway.sids(headers);
    let lookups = ask(gateway, cx, &came).await?;
    let truth = match truth_of(&lookups, came.more) {
        Truth::None(reason) if !has_too_much(reason) => claimed(gateway, cx, headers, reason).await?,
        truth => truth,
    };
    cx.crowded = matches!(truth, Truth::None(Reason::Refused(RefusalCode::Crowded)));
    let mut cleared = gateway.end_legacy(cx, headers);
    match &truth {
        Truth::Live(sid, found) => {
            cx.facts.fingerprint = Some(found.session.fingerprint);
            end_twins(gateway, cx, sid, &found.session, &lookups);
            // In every scope, also where no twin came along: what is kept for another path is not sent to this one.
            gateway.set_sid(cx, sid, found.session.expires_at, true);
            cleared.push(gateway.sid_name().to_owned());
        }
        // The browser is about to learn the new sid, or has: an expiry would take that one away.
        Truth::None(Reason::Refused(RefusalCode::Rotated)) => {}
        Truth::None(_) => {
            gateway.expire_sid(cx);
            cleared.push(gateway.sid_name().to_owned());
        }
    }
    for marker in Marker::ALL {
        if marker.is_in(headers, cx.scheme) {
            cx.set_cookies.push(marker.expire(cx.scheme));
            cleared.push(marker.name(cx.scheme).to_owned());
        }
    }
    cx.facts.reason = Some("session_fixed");
    Ok((truth, cleared))
}

/// Asks about each sid anew. One of which nothing is known may be the good one, so without it there is no truth.
async fn ask(gateway: &Gateway, cx: &mut Context, came: &SidCookies) -> Result<Vec<(SessionId, Lookup)>, Rejection> {
    let mut lookups = Vec::new();
    for sid in came.iter() {
        let lookup = gateway.sessions().lookup_anew(&sid, &|| cx.caller()).await;
        match &lookup {
            Lookup::Unavailable(_) | Lookup::Found(Found { freshness: Freshness::Stale(_), .. }) => {
                return Err(Rejection::backend_unavailable());
            }
            Lookup::Throttled { retry_after } => {
                return Err(throttled(*retry_after));
            }
            Lookup::Found(_) | Lookup::Refused(_) | Lookup::Absent => lookups.push((sid, lookup)),
        }
    }
    Ok(lookups)
}

/// One is being replaced, two are live, or one more may be: what the browser has is too much, not too little.
fn has_too_much(reason: Reason) -> bool {
    matches!(reason, Reason::Refused(RefusalCode::Rotated | RefusalCode::Conflict | RefusalCode::Crowded))
}

/// Where no sid is live: what the legacy cookies are worth.
async fn claimed(gateway: &Gateway, cx: &mut Context, headers: &HeaderMap, reason: Reason) -> Result<Truth, Rejection> {
    let Some(Resolved { lookup, sid, .. }) = gateway.claim_legacy(cx, headers).await else {
        return Ok(Truth::None(reason));
    };
    match (lookup, sid) {
        (Lookup::Found(found), Some(sid)) => Ok(Truth::Live(sid, found)),
        (Lookup::Refused(code), _) => Ok(Truth::None(Reason::Refused(code))),
        (Lookup::Unavailable(_), _) => Err(Rejection::backend_unavailable()),
        (Lookup::Throttled { retry_after }, _) => Err(throttled(retry_after)),
        (Lookup::Absent | Lookup::Found(_), _) => Ok(Truth::None(reason)),
    }
}

fn throttled(retry_after: Duration) -> Rejection {
    Rejection::decided(Refusal::Throttled, Reason::Throttled, None).retry_after(retry_after)
}

/// The first live one that is not nearly over counts, unless they are of different users: which of them the person means
/// would be a guess.
/// Without any, the reason is that of the first which says one. A refusal without a word counts too: the person asks for a
/// clean start, and keeps whatever the backend may still have.
fn truth_of(lookups: &[(SessionId, Lookup)], more: bool) -> Truth {
    let live = lookups.iter().filter_map(|(sid, lookup)| match lookup {
        Lookup::Found(found) => Some((*sid, found.clone())),
        _ => None,
    });
    let user = |found: &Found| found.session.user.id.clone();
    let is_longer = |(_, a): &(_, Found), (_, b): &(_, Found)| b.session.outlasts(&a.session, Timestamp::now());
    if let Some((sid, found)) = live.clone().reduce(|a, b| if is_longer(&a, &b) { b } else { a }) {
        let other = live.clone().any(|(_, other)| user(&other) != user(&found));
        return if other { Truth::None(Reason::Refused(RefusalCode::Conflict)) } else { Truth::Live(sid, found) };
    }
    let codes = || {
        lookups.iter().filter_map(|(_, lookup)| match lookup {
            Lookup::Refused(code) => Some(*code),
            _ => None,
        })
    };
    // One that is being replaced outweighs the rest: nothing must be expired then.
    let rotated = codes().find(|code| *code == RefusalCode::Rotated);
    let crowded = more.then_some(RefusalCode::Crowded);
    Truth::None(rotated.or(crowded).or_else(|| codes().next()).map_or(Reason::NoSession, Reason::Refused))
}

/// Others of the same user that are live: no cookie holds them any more, so nobody could ever end them.
fn end_twins(gateway: &Gateway, cx: &Context, kept: &SessionId, session: &Session, lookups: &[(SessionId, Lookup)]) {
    for (sid, lookup) in lookups {
        let twin = |found: &Found| sid != kept && found.session.public_id != session.public_id;
        if matches!(lookup, Lookup::Found(found) if twin(found)) {
            gateway.sessions().replace(*sid, cx.caller());
        }
    }
}

/// Whether it is a form, and its `next`. Otherwise it takes JSON or nothing, and needs nothing that stands in it.
async fn read(request: Request<Incoming>) -> Result<Option<Option<String>>, Rejection> {
    let form = body::is_form(&request);
    let typed = !matches!(body::media_type(&request).as_str(), "" | "application/json");
    let bytes = body::collect(request).await?;
    if form {
        let mut nexts = url::form_urlencoded::parse(&bytes).filter(|(key, _)| key == "next");
        // Which of two is meant would be a guess.
        let next = nexts.next().map(|(_, next)| next.into_owned()).filter(|_| nexts.next().is_none());
        return Ok(Some(next));
    }
    if typed && !bytes.is_empty() {
        let message = "Send nothing, JSON, or a form as application/x-www-form-urlencoded.";
        return Err(Rejection::bad_body("unsupported_media_type", message));
    }
    Ok(None)
}
