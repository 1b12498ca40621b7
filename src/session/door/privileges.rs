//! A session that may do more than when its sid was given out goes on under another one.
//!
//! Once per change, however many answers could carry the new sid: they share one call, and its outcome is kept for a while.
//! A failure is not tried again within that time. After a success one more navigation with the old sid is given the new
//! one: the answer that should have brought it may have been dropped, by a second click for example.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::backend::{Caller, Renewed};
use super::super::types::{Session, SessionId};
use super::{Inner, Sessions};
use crate::config::Capability;

/// How long an outcome is kept.
const KEPT: Duration = Duration::from_secs(10);

/// By the old sid.
pub(super) type Renewals = HashMap<SessionId, Renewal>;

pub(super) struct Renewal {
    outcome: watch::Receiver<Option<Renewed>>,
    /// A browser that missed the new sid has been given it.
    repeated: AtomicBool,
}

impl Sessions {
    /// Puts a session whose privileges have changed under a new sid. None where that does not work: the session goes on
    /// as it is.
    pub async fn renew_privileged(&self, sid: &SessionId, caller: &Caller) -> Option<(SessionId, Arc<Session>)> {
        if !self.supports(Capability::Rotate) || self.backend_down() {
            return None;
        }
        let mut outcome = self.begin_or_join(sid, caller)?;
        let settled = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        match settled {
            // Signed out since: its cookie would take the place of a newer one.
            Some(Renewed::Session(new, _)) if self.0.cache.refuses(&new, Instant::now()) => None,
            Some(Renewed::Session(new, session)) => Some((new, session)),
            _ => None,
        }
    }

    /// The sid that took the place of this one, for a browser that has not heard of it; once. Its session may have ended
    /// since.
    pub fn successor(&self, sid: &SessionId) -> Option<SessionId> {
        let renewals = self.0.renewals();
        let renewal = renewals.get(sid)?;
        let Some(Renewed::Session(new, _)) = &*renewal.outcome.borrow() else { return None };
        (!renewal.repeated.swap(true, Relaxed)).then_some(*new)
    }

    /// The sid that took the place of this one a moment ago.
    pub(super) fn renewed_as(&self, sid: &SessionId) -> Option<SessionId> {
        match &*self.0.renewals().get(sid)?.outcome.borrow() {
            Some(Renewed::Session(new, _)) => Some(*new),
            _ => None,
        }
    }

    fn begin_or_join(&self, sid: &SessionId, caller: &Caller) -> Option<watch::Receiver<Option<Renewed>>> {
        let mut renewals = self.0.renewals();
        if let Some(renewal) = renewals.get(sid) {
            return Some(renewal.outcome.clone());
        }
        // What has ended here stays ended, whatever the backend has heard of it.
        if self.0.cache.refuses(sid, Instant::now()) {
            return None;
        }
        let (report, outcome) = watch::channel(None);
        renewals.insert(*sid, Renewal { outcome: outcome.clone(), repeated: AtomicBool::new(false) });
        let (this, sid, caller) = (self.clone(), *sid, caller.clone());
        tokio::spawn(async move {
            let renewed = this.rotate(&sid, &caller).await;
            report.send_replace(Some(renewed));
            tokio::time::sleep(KEPT).await;
            this.0.renewals().remove(&sid);
        });
        Some(outcome)
    }
}

impl Inner {
    fn renewals(&self) -> MutexGuard<'_, Renewals> {
        self.carried.renewals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
