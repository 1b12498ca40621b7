//! `/__sidgate/`: who one is, where, at which step of onboarding, as a developer wants to try it; and what the gateway
//! would tell the application right now.
//!
//! It exists in `sidgate dev` and nowhere else: a [`Gateway`] has a room only when it is given one, no key of the
//! configuration can ask for it, and the only place that makes one is `dev::start`, which listens on loopback. Its
//! pages work without JavaScript; what changes something must come from a page of our own origin.

mod act;
mod page;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use hyper::body::Incoming;

use super::explain::{self, Told, Weight};
use super::notes::Notes;
use crate::body::Body;
use crate::context::Context;
use crate::cookie;
use crate::decision::Wants;
use crate::demo::{Backend, Person};
use crate::endpoint;
use crate::gateway::Gateway;
use crate::rejection::Rejection;
use crate::session::SessionId;

/// Where the room is.
pub(super) const PATH: &str = "/__sidgate";
/// Names the start in which this browser was seen: who signs out stays signed out until the next one.
const SEEN: &str = "sidgate-dev";
const REFRESH: HeaderName = HeaderName::from_static("refresh");
/// Forms may end at tenants' hosts, to which a redirect leads.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'self' https://localhost:* https://*.localhost:*; frame-ancestors 'self'";

/// What `sidgate dev` adds to a gateway.
pub(crate) struct Room {
    /// This start.
    run: String,
    /// The embedded backend; none in front of a real one.
    backend: Option<Backend>,
    /// Who a browser is at its first visit.
    guest: Option<Person>,
    /// The application's address, for texts.
    application: String,
    /// The application did not answer the last time.
    down: AtomicBool,
    notes: Notes,
}

impl Room {
    /// For `dev::start` alone.
    pub(super) fn new(application: &str, backend: Option<Backend>, guest: Option<Person>, notes: Notes) -> Self {
        let run = uuid::Uuid::new_v4().simple().to_string();
        Self { run, backend, guest, application: application.to_owned(), down: AtomicBool::new(false), notes }
    }

    /// Whether a canonical path is the room's.
    pub(crate) fn owns(path: &str) -> bool {
        path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Answers a request for the room.
    pub(crate) async fn answer(
        &self,
        gateway: &Gateway,
        cx: &mut Context,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Rejection> {
        cx.facts.route = Some(PATH.into());
        let mut answer = match (&cx.method, cx.path.strip_prefix(PATH).unwrap_or_default()) {
            (&Method::GET | &Method::HEAD, "" | "/") => {
                let html = page::render(self, gateway, cx, request.headers()).await;
                own(html, "text/html; charset=utf-8")
            }
            (&Method::GET | &Method::HEAD, "/button.js") => {
                own(include_str!("room/button.js").into(), "text/javascript; charset=utf-8")
            }
            (&Method::POST, _) => {
                if !endpoint::is_same_origin(request.headers(), &gateway.origin(cx)) {
                    return Err(Rejection::cross_origin());
                }
                act::act(self, gateway, cx, request).await?
            }
            (&Method::GET | &Method::HEAD, _) => return Err(Rejection::not_found()),
            _ => return Err(Rejection::method("GET, POST".into())),
        };
        endpoint::no_store(answer.headers_mut());
        Ok(answer)
    }

    /// Readies a request for `next dev`; with `--as` it signs a browser in at its first visit since the start. Whoever
    /// signs out afterwards stays so.
    pub(crate) fn welcome(&self, gateway: &Gateway, cx: &mut Context, headers: &mut HeaderMap) {
        cx.next_dev = true;
        let (Some(guest), Some(backend)) = (&self.guest, &self.backend) else { return };
        if cx.method != Method::GET || cx.wants != Wants::Page || cookie::has_note(headers, SEEN, &self.run) {
            return;
        }
        self.mark_seen(cx);
        let sid = backend.begin_session(&guest.id).and_then(|sid| SessionId::parse(sid.as_bytes()));
        if let Some(sid) = sid {
            gateway.assume_sid(headers, &sid);
            gateway.set_sid(cx, &sid, None, true);
            let why = "of --as, and this is the browser's first visit since the start";
            self.note(cx, &format!("signed in as {}", guest.email), why);
        }
    }

    /// How a refusal looks: an application that is not there yet gets a page that waits for it.
    pub(crate) fn refusal(&self, cx: &mut Context, rejection: Rejection) -> Response<Body> {
        if cx.facts.reason.is_none() {
            cx.facts.reason = rejection.word();
        }
        let waits = matches!(cx.facts.upstream_error, Some("connect" | "broken"));
        if !waits || cx.wants != Wants::Page || !cx.safe_method() {
            return rejection.answer(cx);
        }
        let mut answer = own(page::waiting(&self.application), "text/html; charset=utf-8");
        *answer.status_mut() = rejection.status();
        answer.headers_mut().insert(REFRESH, HeaderValue::from_static("1"));
        answer
    }

    /// Says what became of a request.
    pub(crate) fn explain(&self, cx: &Context, answer: &Response<Body>) {
        if cx.facts.upstream_error == Some("connect") {
            if !self.down.swap(true, Relaxed) {
                self.notes.say(&format!("{} does not answer yet: start it with `npm run dev`", self.application));
            }
            return;
        }
        if cx.facts.upstream_error.is_none() && cx.facts.upstream_us.is_some() && self.down.swap(false, Relaxed) {
            self.notes.say(&format!("{} answers", self.application));
        }
        // Its own pages are no news, and what was done there has been said.
        if !Self::owns(&cx.path) || answer.status().is_client_error() {
            self.notes.take(explain::tell(cx, answer.status(), answer.headers()));
        }
    }

    fn mark_seen(&self, cx: &mut Context) {
        cx.set_cookies.extend(cookie::note(SEEN, &self.run));
    }

    fn note(&self, cx: &Context, did: &str, why: &str) {
        let asked = explain::asked(cx);
        self.notes.take(Told { asked, answer: did.into(), status: 200, why: why.into(), weight: Weight::News });
    }
}

fn own(text: String, kind: &'static str) -> Response<Body> {
    let mut answer = Response::new(Body::Own(Bytes::from(text)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("application", &self.application).finish_non_exhaustive()
    }
}
