//! Sessions that ended by their public id, whatever their sid: what a lookup under way, or a sign-in, brings in
//! afterwards is from before. Looked at where the backend has answered, never on the way of a request that hits.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dashmap::DashMap;
use tokio::time::Instant;

use super::super::lookup::RefusalCode;
use super::super::types::{Session, SessionId};
use super::Cache;

/// Held at once. Beyond it the backend's own word has to do, which is a lookup away.
const MAX_ENDED: usize = 100_000;

#[derive(Default)]
pub(super) struct Ended {
    /// Until when, and what they are refused as.
    until: DashMap<Box<str>, (Instant, RefusalCode)>,
    /// So that nobody hashes a name while there are none.
    count: AtomicUsize,
}

impl Ended {
    fn remember(&self, public_id: &str, until: (Instant, RefusalCode)) {
        if self.count.load(Relaxed) < MAX_ENDED && self.until.insert(public_id.into(), until).is_none() {
            self.count.fetch_add(1, Relaxed);
        }
    }

    /// Until when and as what it is refused, if it has ended a moment ago.
    pub(super) fn until(&self, session: &Session, now: Instant) -> Option<(Instant, RefusalCode)> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        let until = *self.until.get(session.public_id.as_deref()?)?;
        (until.0 > now).then_some(until)
    }

    pub(super) fn copy_to(&self, other: &Self) {
        self.until.iter().for_each(|entry| other.remember(entry.key(), *entry.value()));
    }

    pub(super) fn sweep(&self, now: Instant) {
        if self.count.load(Relaxed) > 0 {
            self.until.retain(|_, until| until.0 > now);
            self.count.store(self.until.len(), Relaxed);
        }
    }
}

impl Cache {
    /// Ends sessions by their public ids: a tombstone for every sid that is known here to be one of them, and for each
    /// that turns out to be. Sessions of the user whose public id is not known are asked about anew.
    ///
    /// A look at every entry, like a sweep: people end devices rarely, and are limited in it. An index would have to be
    /// kept by every lookup.
    pub(in crate::session) fn revoke_public_ids(
        &self,
        public_ids: &[String],
        user_id: &str,
        (until, code): (Instant, RefusalCode),
    ) {
        if let Some(successor) = self.successor.get() {
            successor.revoke_public_ids(public_ids, user_id, (until, code));
        }
        for public_id in public_ids {
            self.ended.remember(public_id, (until, code));
        }
        let (mut ended, mut doubtful): (Vec<SessionId>, Vec<SessionId>) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            let Some(good) = &entry.good else { continue };
            match good.session.public_id.as_ref() {
                Some(id) if public_ids.contains(id) => ended.push(*entry.key()),
                None if good.session.user.id == user_id => doubtful.push(*entry.key()),
                _ => {}
            }
        }
        ended.iter().for_each(|sid| self.revoke(sid, code, until));
        doubtful.iter().for_each(|sid| self.changed(sid));
    }
}
