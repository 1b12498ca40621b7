//! Asking the backend: within its permits, and remembering how it is.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::backend::Caller;
use super::super::cache::Ticket;
use super::super::lookup::{Lookup, RefusalCode, Unavailable};
use super::super::types::{Session, SessionId};
use super::super::wire::Answer;
use super::Inner;
use crate::context::RequestId;
use crate::limit::client_prefix;

impl Inner {
    pub(super) async fn fetch(&self, ticket: Ticket, caller: Caller, was_good: bool) -> Lookup {
        let answer = match self.permit(was_good).await {
            None => Answer::Unavailable(Unavailable::Overload),
            Some(_permit) => {
                let answer = self.validate(&ticket.sid, &caller).await;
                // A replica that lags, or a cache in front of it: one more question before a person is signed out.
                if was_good && matches!(answer, Answer::Refused(RefusalCode::Unknown)) {
                    self.validate(&ticket.sid, &caller).await
                } else {
                    answer
                }
            }
        };
        // Here the new sid is not known yet, and the old one must not be taken for a session that ended.
        let answer = match answer {
            Answer::Refused(_) if self.renewing().contains(&ticket.sid) => Answer::Refused(RefusalCode::Rotated),
            answer => answer,
        };
        match &answer {
            Answer::Refused(RefusalCode::Rotated) => self.note(None),
            Answer::Refused(_) => {
                self.note(None);
                // Sids are counted, not questions: a page left open asks on with an ended session.
                if !self.cache.recently_refused(&ticket.sid) {
                    self.refusals.take(client_prefix(caller.client));
                }
            }
            Answer::Unavailable(why) => self.note(Some(*why)),
            Answer::Session(session) => {
                self.note(None);
                self.note_contradiction(&ticket.sid, session);
            }
        }
        self.cache.settle(ticket, answer, Instant::now())
    }

    async fn validate(&self, sid: &SessionId, caller: &Caller) -> Answer {
        self.validations.fetch_add(1, Relaxed);
        self.backend.validate(sid, caller).await
    }

    /// Said and counted once per session, not once per lookup.
    pub(super) fn note_contradiction(&self, sid: &SessionId, session: &Session) {
        if session.contradictory_onboarding && !self.cache.contradicts(sid) {
            self.contradictions.fetch_add(1, Relaxed);
            tracing::warn!(
                session = %session.fingerprint, user = %session.user.id,
                "the backend says both that onboarding is needed and that it is completed; it counts as complete"
            );
        }
    }

    /// A gateway that is unready because of its key gets no requests, and so would never learn that the key is taken
    /// again: it asks by itself, about a session that nobody has.
    pub(super) async fn probe(&self) {
        if !self.key_refused.load(Relaxed) {
            return;
        }
        let id = RequestId::new();
        let caller = Caller {
            client: Ipv4Addr::UNSPECIFIED.into(),
            user_agent: None,
            request_id: id.header(),
            traceparent: id.traceparent(),
        };
        match self.validate(&SessionId::from_uuid(Uuid::new_v4()), &caller).await {
            Answer::Unavailable(why) => self.note(Some(why)),
            Answer::Refused(_) | Answer::Session(_) => self.note(None),
        }
    }

    async fn permit(&self, was_good: bool) -> Option<SemaphorePermit<'_>> {
        if let Ok(permit) = self.anyone.try_acquire() {
            return Some(permit);
        }
        if was_good && let Ok(permit) = self.known.try_acquire() {
            return Some(permit);
        }
        // Those whose session was good may wait in any number: there are only as many as the cache holds.
        let _place = if was_good { None } else { Some(Place::take(&self.waiting, self.max_waiting)?) };
        let wait = async {
            if was_good {
                tokio::select! { p = self.anyone.acquire() => p, p = self.known.acquire() => p }
            } else {
                self.anyone.acquire().await
            }
        };
        tokio::time::timeout(self.timeout, wait).await.ok()?.ok()
    }

    /// Remembers how the backend is, and says so when that changes.
    pub(super) fn note(&self, trouble: Option<Unavailable>) {
        let key = trouble == Some(Unavailable::GatewayKey);
        if trouble == Some(Unavailable::Overload) {
            return;
        }
        if self.key_refused.load(Relaxed) != key && self.key_refused.swap(key, Relaxed) != key && key {
            tracing::error!("the backend refuses the gateway's key: compare [backend] gateway_key with the backend's");
        }
        let down = trouble.is_some();
        if self.down.load(Relaxed) != down && self.down.swap(down, Relaxed) != down {
            match trouble {
                Some(why) => tracing::warn!(reason = why.as_str(), "the backend does not answer; sessions are kept"),
                None => tracing::info!("the backend answers again"),
            }
        }
    }
}

/// A place in the queue for a backend permit; given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Relaxed) < max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
