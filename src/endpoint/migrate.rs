//! `/api/auth/migrate-session`: what a first visit does, on demand.

use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::described::Described;
use crate::body::Body;
use crate::context::Context;
use crate::decision::Wants;
use crate::gateway::Gateway;
use crate::rejection::Rejection;
use crate::session::{Found, Freshness, Lookup};

/// The answer where somebody is signed in.
#[derive(Serialize)]
struct Migrated<'a> {
    /// Legacy cookies became the session; otherwise there was one already.
    migrated: bool,
    #[serde(flatten)]
    session: Described<'a>,
}

/// Makes legacy cookies a session, unless there is one: 200 with it, 401 with the reason why there is none, 503 with
/// every cookie kept.
pub(super) async fn post(
    gateway: &Gateway,
    cx: &mut Context,
    headers: &HeaderMap,
) -> Result<Response<Body>, Rejection> {
    cx.wants = Wants::Api;
    let came = gateway.sids(headers);
    let resolved = gateway.resolve(cx, headers).await;
    gateway.heal(cx, &resolved);
    let reason = match resolved.lookup {
        Lookup::Found(Found { freshness: Freshness::Stale(_), .. }) | Lookup::Unavailable(_) => {
            return Err(Rejection::backend_unavailable());
        }
        Lookup::Found(found) => {
            let migrated = came.iter().all(|sid| Some(sid) != resolved.sid);
            let session = Described::of(&found.session, None);
            return Ok(super::json(StatusCode::OK, &Migrated { migrated, session }));
        }
        Lookup::Throttled { retry_after } => {
            let message = "Too many sessions that do not exist were asked about from your network.";
            return Err(Rejection::limited("rate_limited", message, retry_after));
        }
        Lookup::Absent => "no_session",
        Lookup::Refused(code) => {
            if code.drops_sid() {
                gateway.expire_sid(cx);
            }
            code.as_str()
        }
    };
    let answer = json!({ "migrated": false, "authenticated": false, "reason": reason });
    Ok(super::json(StatusCode::UNAUTHORIZED, &answer))
}
