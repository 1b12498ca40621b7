//! A live session under another sid. From the moment the backend has made it, the old sid is refused here as "rotated":
//! requests under way with it say nothing about the session that goes on.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use tokio::time::Instant;

use super::super::backend::{Caller, Renewed};
use super::super::lookup::{Lookup, RefusalCode, Unavailable};
use super::super::types::SessionId;
use super::ending::{Ending, TOMBSTONE};
use super::{Inner, Sessions};

impl Sessions {
    /// Puts a session under a new sid. The new one is known here at once, the old one refused.
    pub async fn rotate(&self, sid: &SessionId, caller: &Caller) -> Renewed {
        self.renewing(sid, caller, async |inner| inner.backend.rotate(sid, caller).await).await
    }

    /// A session that somebody else has made and hands to this browser: under a new sid, so that whoever saw the one
    /// that was handed over cannot use it; under that one where the backend cannot rotate.
    pub async fn take_over(&self, sid: &SessionId, caller: &Caller) -> Renewed {
        // What was revoked here stays revoked, whatever the backend has heard of it.
        if self.0.cache.refuses(sid, Instant::now()) {
            return Renewed::Refused(RefusalCode::Revoked);
        }
        let renewed = self.rotate(sid, caller).await;
        if !matches!(renewed, Renewed::NotSupported) {
            return renewed;
        }
        // Asked anew: what is remembered may be of before.
        self.0.cache.changed(sid);
        match self.lookup(sid, &|| caller.clone()).await {
            Lookup::Found(found) => Renewed::Session(*sid, found.session),
            Lookup::Refused(code) => Renewed::Refused(code),
            Lookup::Unavailable(why) => Renewed::Unavailable(why),
            Lookup::Absent | Lookup::Throttled { .. } => Renewed::Unavailable(Unavailable::Overload),
        }
    }

    /// Does what gives a session another sid, and takes the outcome in.
    pub(super) async fn renewing(
        &self,
        old: &SessionId,
        caller: &Caller,
        work: impl AsyncFnOnce(&Inner) -> Renewed,
    ) -> Renewed {
        let under_way = UnderWay::begin(&self.0, *old);
        let renewed = work(&self.0).await;
        match &renewed {
            // Signed out meanwhile, by the old sid: the backend may have heard of that when it was nobody's any more.
            Renewed::Session(new, _) if under_way.has_ended() => {
                self.0.note(None);
                self.0.cache.revoke(new, RefusalCode::Revoked, Instant::now() + TOMBSTONE);
                let (this, caller) = (self.clone(), caller.clone());
                let ending = Ending { sid: *new, code: RefusalCode::Revoked, was_good: true };
                tokio::spawn(async move { this.end(ending, &caller).await });
                return Renewed::Refused(RefusalCode::Revoked);
            }
            Renewed::Session(new, session) => {
                self.0.note(None);
                self.0.note_contradiction(new, session);
                let now = Instant::now();
                self.0.cache.revoke(old, RefusalCode::Rotated, now + TOMBSTONE);
                self.0.cache.prime(new, session.clone(), now);
            }
            // Asked with a sid that was replaced a moment ago.
            Renewed::Refused(_) if self.0.cache.refuses(old, Instant::now()) => {
                self.0.note(None);
                return Renewed::Refused(RefusalCode::Rotated);
            }
            Renewed::Refused(_) => {
                self.0.note(None);
                // The next request with it asks for itself.
                self.0.cache.changed(old);
            }
            Renewed::Denied(..) | Renewed::NotSupported => self.0.note(None),
            Renewed::Unavailable(why) => self.0.note(Some(*why)),
        }
        renewed
    }
}

/// While the backend makes a new sid: a lookup of the old one may be refused there before the new one is known here.
pub(super) struct UnderWay<'a>(&'a Inner, SessionId);

impl<'a> UnderWay<'a> {
    pub(super) fn begin(inner: &'a Inner, sid: SessionId) -> Self {
        inner.renewing().entry(sid).or_insert(false);
        Self(inner, sid)
    }

    /// Whether somebody has ended the session since.
    fn has_ended(&self) -> bool {
        self.0.renewing().get(&self.1).is_some_and(|ended| *ended)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.renewing().remove(&self.1);
    }
}

impl Inner {
    /// Sids that the backend is about to replace, and whether the session was ended meanwhile.
    pub(super) fn renewing(&self) -> MutexGuard<'_, HashMap<SessionId, bool>> {
        self.carried.renewing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
