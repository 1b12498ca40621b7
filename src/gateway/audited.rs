//! The audit trail of requests: completed with what is known of the request, and written before the answer goes out.

use http::Response;

use super::Gateway;
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::context::Context;
use crate::endpoint;
use crate::rejection::Rejection;
use crate::session::SessionId;

impl Gateway {
    /// Writes what happened. Where a sink that blocks does not take it, the answer is withheld: a session that was made
    /// ends, and no cookie is set. What ended stays ended.
    pub(super) async fn audited(&self, cx: &mut Context, answer: Response<Body>) -> Response<Body> {
        let events = std::mem::take(&mut cx.audited);
        if !self.audit.is_on() {
            return answer;
        }
        let gated = events.iter().any(|event| event.kind.is_gated());
        let made: Vec<SessionId> = events.iter().filter_map(|event| event.made).collect();
        let events = events.into_iter().map(|event| completed(cx, event)).collect();
        if self.audit.record(events).await.is_ok() || !gated {
            return answer;
        }
        for sid in &made {
            let _ = self.sessions.sign_out(*sid, &cx.caller()).await;
            let reason = "audit_unavailable";
            let event = Event::new(Kind::SessionEnded).fingerprint(sid.fingerprint()).reason(reason);
            self.audit.note(completed(cx, event));
        }
        cx.set_no_cookies();
        let mut answer = Rejection::audit_unavailable().answer(cx);
        endpoint::no_store(answer.headers_mut());
        answer
    }

    /// Refuses what must be written before it begins, while that cannot be done.
    pub(crate) fn may_be_audited(&self) -> Result<(), Rejection> {
        if self.audit.accepts() { Ok(()) } else { Err(Rejection::audit_unavailable()) }
    }
}

fn completed(cx: &Context, event: Event) -> Event {
    let agent = cx.user_agent.as_ref().map(|agent| agent.as_bytes());
    let mut event = event.request(&cx.id.to_string(), cx.client, agent);
    if let (false, Some(route)) = (event.has("route"), &cx.facts.route) {
        event = event.route(route);
    }
    match cx.facts.fingerprint {
        Some(fingerprint) if !event.has("session") => event.fingerprint(fingerprint),
        _ => event,
    }
}
