//! Ending sessions: here at once, at the backend as soon as it takes it.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::backend::{Caller, SignOutAnswer, SignedOut};
use super::super::lookup::RefusalCode;
use super::super::types::SessionId;
use super::{Inner, Sessions};
use crate::audit::{Event, Kind};
use crate::limit::client_prefix;

/// How long a replaced or ended sid is refused here without asking.
pub(super) const TOMBSTONE: Duration = Duration::from_secs(60);
/// How long one that the backend has not yet ended is: a gateway that runs on repeats it until then.
const PENDING_TOMBSTONE: Duration = Duration::from_secs(24 * 3600);
/// How long refusals without a word of a sign-out may be those of a failing backend: after that the session is gone.
const OUTAGE: Duration = Duration::from_secs(600);
/// Sign-outs that wait for the backend at once.
const MAX_PENDING: usize = 10_000;

/// A session that is to end at the backend.
pub(super) struct Ending {
    pub(super) sid: SessionId,
    /// What it is refused as meanwhile.
    pub(super) code: RefusalCode,
    /// The backend knew it a short while ago.
    pub(super) was_good: bool,
}

impl Sessions {
    /// Replaces a sid by the one of a new sign-in: the old one ends, here at once and at the backend soon.
    pub fn replace(&self, old: SessionId, caller: Caller) {
        let now = Instant::now();
        if self.0.pending().contains(&old) {
            return;
        }
        // One that is refused already has ended there; the tombstone is for requests that are still under way with it.
        let ended = self.0.cache.refuses(&old, now);
        let was_good = self.0.cache.recently_good(&old, now);
        self.0.cache.revoke(&old, RefusalCode::Rotated, now + TOMBSTONE);
        self.0.ended_while_renewed(&old);
        if ended {
            return;
        }
        let ending = Ending { sid: old, code: RefusalCode::Rotated, was_good };
        let this = self.clone();
        tokio::spawn(async move { this.end(ending, &caller).await });
    }

    /// Signs out. From now on the sid is refused here, whatever the backend does.
    ///
    /// A sid that nobody has seen lately is taken on trust, so it counts like a refused one: whoever makes sids up
    /// must not fill the memory with tombstones, nor the backend with calls. One that is refused here already is not
    /// told to the backend again, for the same reason: once is enough, and what was not taken is repeated anyway.
    ///
    /// # Errors
    /// How long to wait, when too many such sids came from this client.
    pub async fn sign_out(&self, sid: SessionId, caller: &Caller) -> Result<SignOutAnswer, Duration> {
        let now = Instant::now();
        if self.0.pending().contains(&sid) {
            return Ok(SignOutAnswer::Before { pending: true });
        }
        self.0.ended_while_renewed(&sid);
        if self.0.cache.refuses(&sid, now) {
            // The browser has not heard of the sid that took this one's place: it means the session.
            return match self.renewed_as(&sid).filter(|new| !self.0.cache.refuses(new, now)) {
                Some(new) => Box::pin(self.sign_out(new, caller)).await,
                None => Ok(SignOutAnswer::Before { pending: false }),
            };
        }
        let was_good = self.0.cache.recently_good(&sid, now);
        if !was_good && !self.0.cache.recently_refused(&sid) {
            self.0.refusals.check(client_prefix(caller.client))?;
        }
        self.0.cache.revoke(&sid, RefusalCode::Revoked, now + TOMBSTONE);
        // A task of its own: a browser that goes away at this moment has signed out all the same.
        let (this, caller) = (self.clone(), caller.clone());
        let ending = Ending { sid, code: RefusalCode::Revoked, was_good };
        let work = tokio::spawn(async move { this.end(ending, &caller).await });
        Ok(work.await.unwrap_or(SignOutAnswer::Pending))
    }

    pub(super) async fn end(&self, ending: Ending, caller: &Caller) -> SignOutAnswer {
        match self.0.backend.sign_out(&ending.sid, caller).await {
            Ok(SignedOut::Taken) => return SignOutAnswer::Done,
            // It was good a moment ago, so that it is gone is one reading and that the backend fails another.
            Ok(SignedOut::Bare) if ending.was_good => {}
            Ok(SignedOut::Bare) => return SignOutAnswer::Done,
            Err(why) => self.0.note(Some(why)),
        }
        self.keep_ending(ending, caller.clone());
        SignOutAnswer::Pending
    }

    /// Repeats a sign-out until the backend takes it. The tombstone stands as long.
    fn keep_ending(&self, ending: Ending, caller: Caller) {
        let Ending { sid, code, .. } = ending;
        let (mut inner, started) = (self.0.latest(), Instant::now());
        let known = {
            let mut pending = inner.pending();
            let full = pending.len() >= MAX_PENDING && !pending.contains(&sid);
            (!full).then(|| !pending.insert(sid))
        };
        if known.is_none() {
            tracing::error!(session = %sid.fingerprint(), "too many sign-outs wait for the backend; this one is refused here only, and for a minute");
            return;
        }
        inner.cache.revoke(&sid, code, started + PENDING_TOMBSTONE);
        if known == Some(true) {
            return;
        }
        let signs_out = code == RefusalCode::Revoked;
        tokio::spawn(async move {
            let (mut code, mut wait) = (code, Duration::from_millis(500));
            loop {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(30));
                // A reload may have brought another key, or another address.
                inner = inner.latest();
                match inner.backend.sign_out(&sid, &caller).await {
                    Ok(SignedOut::Taken) => break,
                    Ok(SignedOut::Bare) if started.elapsed() > OUTAGE => break,
                    _ => {}
                }
                // "The browser is about to learn the new one" is true for a minute only.
                if code == RefusalCode::Rotated && started.elapsed() > TOMBSTONE {
                    code = RefusalCode::Revoked;
                    inner.cache.revoke(&sid, code, started + PENDING_TOMBSTONE);
                }
            }
            inner.pending().remove(&sid);
            inner.note(None);
            inner.cache.revoke(&sid, code, Instant::now() + TOMBSTONE);
            tracing::info!(session = %sid.fingerprint(), "the backend has taken a sign-out that was pending");
            if signs_out {
                let event = Event::new(Kind::SignOut).fingerprint(sid.fingerprint()).outcome("taken");
                inner.audit.note(caller.audited(event.reason("was_pending")));
            }
        });
    }
}

impl Inner {
    /// Where the backend is about to give it a new sid, that one is to end too.
    fn ended_while_renewed(&self, sid: &SessionId) {
        if let Some(ended) = self.renewing().get_mut(sid) {
            *ended = true;
        }
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.carried.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
