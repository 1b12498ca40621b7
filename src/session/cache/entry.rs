//! What the cache knows of one sid.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::lookup::{Found, Freshness, Lookup, RefusalCode};
use super::super::types::{Session, SessionId};

/// What is known of one sid.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) state: State,
    /// The last good answer, for as long as [`MEMORY`] or `stale_if_error`.
    pub(super) good: Option<Good>,
    /// The one whose answer will count. Cut loose by every revocation and change: what it brings is from before.
    pub(super) flight: Option<Flight>,
    /// When it was last asked, by a call of its own, how far the user is with onboarding.
    pub(super) rechecked: Option<Instant>,
}

pub(super) struct Flight {
    /// Never used twice, so that an entry that was dropped and made anew does not take an old flight for its own.
    pub(super) id: u64,
    pub(super) report: watch::Receiver<Option<Lookup>>,
}

#[derive(Default)]
pub(super) enum State {
    /// Nothing that counts.
    #[default]
    Unknown,
    /// The answer in `good` counts.
    Good,
    /// The backend refused it, or it was revoked.
    Refused { code: RefusalCode, until: Instant },
}

#[derive(Clone)]
pub(super) struct Good {
    pub(super) session: Arc<Session>,
    pub(super) at: Instant,
    pub(super) until: Instant,
}

/// The duty to ask the backend about one sid, once, for all who wait.
pub(in crate::session) struct Ticket {
    pub(in crate::session) sid: SessionId,
    pub(super) id: u64,
    pub(super) report: watch::Sender<Option<Lookup>>,
}

impl Entry {
    pub(super) fn answer(&self, now: Instant) -> Option<Lookup> {
        match &self.state {
            State::Unknown => None,
            State::Refused { code, until } => (*until > now).then_some(Lookup::Refused(*code)),
            State::Good => {
                let good = self.good.as_ref().filter(|g| g.until > now)?;
                let freshness = Freshness::Hit(now.duration_since(good.at));
                Some(Lookup::Found(Found { session: good.session.clone(), freshness }))
            }
        }
    }

    /// The flight, unless whoever led it is gone without a word.
    pub(super) fn under_way(&self) -> Option<watch::Receiver<Option<Lookup>>> {
        self.flight.as_ref().map(|f| &f.report).filter(|f| f.has_changed().is_ok()).cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.good.is_none() && self.flight.is_none() && matches!(self.state, State::Unknown)
    }
}

/// About what a session costs in memory: its texts, twice (once more as header values), an assertion, and the
/// structures.
pub(super) fn weight(session: &Session) -> usize {
    let tenants: usize = session.tenants.iter().map(|t| 96 + t.id.len()).sum();
    let permissions: usize = session.permissions.iter().map(|p| 32 + 2 * p.len()).sum();
    1_024 + tenants + permissions
}
