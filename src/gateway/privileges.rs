//! A new sid for a session that may do more than before. Only answers to navigations and of our own endpoints carry it: one
//! of a `fetch` could overtake a sign-out.

use http::{Response, StatusCode};

use super::Gateway;
use crate::audit::{Event, Kind};
use crate::body::Body;
use crate::context::Context;
use crate::decision::{Permit, Wants};
use crate::session::{Found, Freshness, Lookup, RefusalCode, Resolved, SessionId};

impl Gateway {
    /// After the application has answered a navigation: what it did meanwhile it did under the old sid.
    pub(super) async fn renew_after(
        &self,
        cx: &mut Context,
        permit: &Permit,
        resolved: &Resolved,
        answer: &Response<Body>,
    ) {
        let (Some(found), Some(sid)) = (permit.who(), &resolved.sid) else { return };
        let due = found.session.privileges_changed && cx.wants == Wants::Page;
        if due && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            self.renew_privileged(cx, sid, found).await;
        }
    }

    /// Puts the session under a new sid if its privileges have changed, and sets that; the session as it goes on then.
    pub(crate) async fn renew_privileged(&self, cx: &mut Context, sid: &SessionId, found: &Found) -> Option<Found> {
        // What cannot be written down would have to be undone, and the old sid is gone by then: it waits.
        if !found.session.privileges_changed || cx.by_header || !self.audit.accepts() {
            return None;
        }
        let (new, session) = self.sessions.renew_privileged(sid, &cx.caller()).await?;
        cx.audited.push(Event::new(Kind::Rotation).of(&session).replaces(sid.fingerprint()).makes(new));
        cx.facts.fingerprint = Some(session.fingerprint);
        self.set_sid(cx, &new, session.expires_at, false);
        Some(Found { session, freshness: Freshness::Miss })
    }

    /// A navigation that came too late with the old sid goes on as the session that took its place.
    pub(super) async fn succeed(&self, cx: &mut Context, resolved: &mut Resolved) {
        let late = matches!(resolved.lookup, Lookup::Refused(RefusalCode::Rotated));
        let (true, Wants::Page, false, Some(old)) = (late, cx.wants, cx.by_header, resolved.sid) else { return };
        let Some(new) = self.sessions.successor(&old) else { return };
        // It may have been signed out since.
        let lookup = self.sessions.lookup(&new, &|| cx.caller()).await;
        let Lookup::Found(found) = &lookup else { return };
        let (fingerprint, expires) = (found.session.fingerprint, found.session.expires_at);
        cx.facts.fingerprint = Some(fingerprint);
        self.set_sid(cx, &new, expires, false);
        (resolved.lookup, resolved.sid) = (lookup, Some(new));
    }
}
