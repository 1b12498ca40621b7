//! Asking the backend: within its permits, and remembering how it is.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::backend::Caller;
use super::super::cache::Ticket;
use super::super::lookup::{Lookup, RefusalCode, Unavailable};
use super::super::types::{Onboarding, Session, SessionId};
use super::super::wire::Answer;
use super::Inner;
use crate::audit::{Event, Kind};
use crate::limit::client_prefix;

/// Between two questions how far a user is with onboarding.
const RECHECK_EVERY: Duration = Duration::from_secs(1);

impl Inner {
    pub(super) async fn fetch(&self, ticket: Ticket, caller: Caller, was_good: bool) -> Lookup {
        let refused_before = self.cache.recently_refused(&ticket.sid);
        let answer = match self.permit(was_good).await {
            None => Answer::Unavailable(Unavailable::Overload),
            Some(_permit) => {
                self.tell_before_idle(&ticket.sid).await;
                let answer = self.validate(&ticket.sid, &caller).await;
                // One more question before a person is signed out.
                let mut answer = match answer {
                    Answer::Refused(code) if was_good && !refused_before && code.is_doubtful() => {
                        self.validate(&ticket.sid, &caller).await
                    }
                    answer => answer,
                };
                if let Answer::Session(session) = &mut answer {
                    self.recheck_onboarding(&ticket.sid, session, &caller).await;
                }
                answer
            }
        };
        // Here the new sid is not known yet, and the old one must not be taken for a session that ended.
        let answer = match answer {
            Answer::Refused(_) if self.renewing().contains_key(&ticket.sid) => Answer::Refused(RefusalCode::Rotated),
            answer => answer,
        };
        if let Answer::Refused(code) = answer {
            self.audit_end(&ticket.sid, code, was_good, &caller);
        }
        match &answer {
            Answer::Refused(RefusalCode::Rotated) => self.note(None),
            Answer::Refused(_) => {
                self.note(None);
                // Sids are counted, not questions: a page left open asks on with an ended session. And not what may be
                // an outage: after it, its victims would be taken for guessers.
                let victim = was_good && matches!(answer, Answer::Refused(RefusalCode::Bare));
                if !victim && !refused_before {
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

    /// The end of a session is told once, when it is first seen. A sid that the backend has never heard of is no
    /// session that ended: whoever makes sids up would fill the trail.
    fn audit_end(&self, sid: &SessionId, code: RefusalCode, was_good: bool, caller: &Caller) {
        let ended = match code {
            RefusalCode::Expired
            | RefusalCode::Idle
            | RefusalCode::Limit
            | RefusalCode::Revoked
            | RefusalCode::AccountDisabled => true,
            RefusalCode::Unknown => was_good,
            RefusalCode::Bare
            | RefusalCode::Rotated
            | RefusalCode::Conflict
            | RefusalCode::Crowded
            | RefusalCode::LegacyConflict => false,
        };
        if !ended || !self.audit.is_news(sid) {
            return;
        }
        let event = Event::new(Kind::SessionEnded).fingerprint(sid.fingerprint()).reason(code.as_str());
        let event = match self.cache.last_good(sid) {
            Some(session) => event.of(&session),
            None => event,
        };
        self.audit.note(caller.audited(event));
    }

    async fn validate(&self, sid: &SessionId, caller: &Caller) -> Answer {
        self.carried.validations.fetch_add(1, Relaxed);
        self.backend.validate(sid, caller).await
    }

    /// Where the backend has a call whose word on onboarding wins, nobody is sent there without it: it is made whenever
    /// a session seems to need onboarding, at most once a second per sid, so that decisions, the application and the
    /// session API are told the same, and the cache forgets none of it.
    pub(super) async fn recheck_onboarding(&self, sid: &SessionId, session: &mut Session, caller: &Caller) {
        if !session.needs_onboarding() || !self.backend.rechecks() {
            return;
        }
        let before = self.cache.onboarding(sid);
        let answer = match &before {
            Some((onboarding, Some(at))) if at.elapsed() < RECHECK_EVERY => Some((onboarding.clone(), false)),
            _ => {
                let answer = self.backend.recheck(sid, caller).await;
                self.cache.rechecked(sid, Instant::now());
                answer
            }
        };
        match (answer, before) {
            (Some((onboarding, contradictory)), _) => {
                session.onboarding = onboarding;
                session.contradictory_onboarding |= contradictory;
            }
            // No answer, and who was through with it stays through.
            (None, Some((Onboarding::Complete, _))) => session.onboarding = Onboarding::Complete,
            (None, _) => {}
        }
    }

    /// Said and counted once per session, not once per lookup.
    pub(super) fn note_contradiction(&self, sid: &SessionId, session: &Session) {
        if session.contradictory_onboarding && !self.cache.contradicts(sid) {
            self.carried.contradictions.fetch_add(1, Relaxed);
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
        match self.validate(&SessionId::from_uuid(Uuid::new_v4()), &Caller::of_gateway()).await {
            Answer::Unavailable(why) => self.note(Some(why)),
            Answer::Refused(_) | Answer::Session(_) => self.note(None),
        }
    }

    pub(super) async fn permit(&self, was_good: bool) -> Option<SemaphorePermit<'_>> {
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
            self.audit.note(Event::new(Kind::Alarm).reason("gateway_key_refused"));
        }
        let down = trouble.is_some();
        if self.down.load(Relaxed) != down && self.down.swap(down, Relaxed) != down {
            match trouble {
                Some(Unavailable::Status(status)) => {
                    tracing::warn!(reason = "status", status, "the backend answers with an error; sessions are kept");
                }
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
