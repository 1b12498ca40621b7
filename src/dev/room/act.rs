//! What the room's buttons do. Each is a form; afterwards one is where one came from.

use std::time::Duration;

use http::header::LOCATION;
use http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{PATH, Room};
use crate::body::Body;
use crate::context::Context;
use crate::demo::{Backend, Trouble};
use crate::endpoint;
use crate::gateway::Gateway;
use crate::rejection::Rejection;
use crate::session::{Lookup, Resolved, SessionId};

/// How long the backend's trouble lasts.
pub(super) const TROUBLE: Duration = Duration::from_secs(10);

/// The fields of a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Does what a form asks for.
pub(super) async fn act(
    room: &Room,
    gateway: &Gateway,
    cx: &mut Context,
    request: Request<Incoming>,
) -> Result<Response<Body>, Rejection> {
    let resolved = gateway.resolve(cx, request.headers()).await;
    let body = endpoint::body_of(request).await?;
    let form = Form(url::form_urlencoded::parse(&body).into_owned().collect());
    let action = cx.path.strip_prefix(PATH).unwrap_or_default().to_owned();
    let did = match (action.as_str(), &room.backend) {
        ("/sign-out", backend) => sign_out(gateway, cx, backend.as_ref(), &resolved).await,
        ("/sign-in", Some(backend)) => sign_in(gateway, cx, backend, &resolved, &form),
        ("/tenant", Some(backend)) => tenant(backend, &resolved, &form),
        ("/onboarding", Some(backend)) => onboarding(backend, &resolved, &form),
        ("/session", Some(backend)) => end(backend, &resolved, &form),
        ("/backend", Some(backend)) => trouble(backend, &form),
        _ => return Err(Rejection::not_found()),
    };
    let Some(did) = did else {
        return Err(Rejection::bad_body("invalid_body", "The form asks for something that is not there."));
    };
    // What the gateway knows of the session is from before.
    if let Some(sid) = &resolved.sid {
        gateway.sessions().changed(sid);
    }
    // Whoever has chosen does not become somebody else by --as.
    room.mark_seen(cx);
    room.note(cx, &did, "you said so in the switcher");
    Ok(see_other(&back(gateway, cx, &form)))
}

fn sign_in(gateway: &Gateway, cx: &mut Context, backend: &Backend, old: &Resolved, form: &Form) -> Option<String> {
    let user = form.get("user")?;
    let person = backend.people().into_iter().find(|p| p.id == user)?;
    let sid = SessionId::parse(backend.begin_session(&person.id)?.as_bytes())?;
    if let Some(old) = &old.sid {
        backend.revoke_session(&old.expose());
    }
    gateway.set_sid(cx, &sid, None, true);
    Some(format!("you are {}", person.email))
}

async fn sign_out(gateway: &Gateway, cx: &mut Context, backend: Option<&Backend>, old: &Resolved) -> Option<String> {
    if let Some(sid) = &old.sid {
        match backend {
            Some(backend) => backend.revoke_session(&sid.expose()),
            // A backend that does not answer now is told later; the cookie goes at once.
            None => _ = gateway.sessions().sign_out(*sid, &cx.caller()).await,
        }
    }
    gateway.expire_sid(cx);
    Some("you are nobody".into())
}

fn tenant(backend: &Backend, resolved: &Resolved, form: &Form) -> Option<String> {
    let tenant = form.get("tenant")?;
    let chosen = backend.choose_tenant(&resolved.sid?.expose(), tenant);
    chosen.then(|| "you work in another tenant".into())
}

fn onboarding(backend: &Backend, resolved: &Resolved, form: &Form) -> Option<String> {
    let Lookup::Found(found) = &resolved.lookup else { return None };
    let user = &found.session.user.id;
    let step = form.get("step").unwrap_or_default().trim();
    if step.is_empty() {
        backend.finish_onboarding(user, "Newco")?;
        return Some("your onboarding is complete".into());
    }
    let plain = step.len() <= 40 && step.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    plain.then(|| {
        backend.require_onboarding(user, step);
        format!("your onboarding is at `{step}`")
    })
}

fn end(backend: &Backend, resolved: &Resolved, form: &Form) -> Option<String> {
    let sid = resolved.sid?.expose();
    match form.get("end")? {
        "revoked" => {
            backend.revoke_session(&sid);
            Some("your session is revoked".into())
        }
        "expired" => {
            backend.expire_session(&sid);
            Some("your session has run out".into())
        }
        _ => None,
    }
}

fn trouble(backend: &Backend, form: &Form) -> Option<String> {
    let (trouble, did) = match form.get("trouble")? {
        "slow" => (Some(Trouble::Slow), "the session backend is slow for 10 s"),
        "down" => (Some(Trouble::Down), "the session backend is down for 10 s"),
        "none" => (None, "the session backend is well"),
        _ => return None,
    };
    backend.trouble(trouble, TROUBLE);
    Some(did.into())
}

/// The page that the button was pressed on, if it is one of ours; the sign-in page is nobody's place to be.
fn back(gateway: &Gateway, cx: &Context, form: &Form) -> String {
    let wanted = form.get("back").filter(|b| !b.is_empty());
    let Some(wanted) = wanted else { return format!("{PATH}/") };
    gateway.pages().safe_next(wanted, &cx.origin()).unwrap_or_else(|| "/".into())
}

fn see_other(to: &str) -> Response<Body> {
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(location) = HeaderValue::try_from(to) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}
