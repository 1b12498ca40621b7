//! When sessions were last used, told to the backend in batches: never a call, and never a write there, per request.
//!
//! On the request path this is one comparison. Once a second for a session in use, time, client address and browser are
//! noted under a lock of its own; once per batch it joins the queue. What a batch does not get through is dropped and
//! counted: the next request of the same session says it anew.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::types::Session;
use crate::config;

/// Sessions that wait for one batch, at most: about 30 MB.
const MAX_QUEUED: usize = 100_000;
/// Characters of a browser's name that are kept, as a device list can show.
const MAX_AGENT: usize = 512;
/// An idle end nearer than so many intervals is worth a batch at once.
const NEAR: u32 = 3;

/// The use of one session that the backend has not heard of. Answers about the session share it.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// The second of the last note, by the clock of [`Batches`], counted from 1.
    second: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: Option<Seen>,
    queued: bool,
}

/// One use.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    at: Timestamp,
    client: IpAddr,
    user_agent: Option<Arc<str>>,
}

/// What a batch says of one session.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    session: Arc<Session>,
    seen: Seen,
}

/// What waits for the next batch.
#[derive(Debug)]
pub(super) struct Batches {
    pub(super) config: config::Activity,
    started: Instant,
    queue: Mutex<Vec<Arc<Session>>>,
    /// A session is about to go idle.
    pub(super) urgent: Notify,
    /// One flush at a time.
    pub(super) flushing: tokio::sync::Mutex<()>,
    pub(super) sent: AtomicU64,
    pub(super) lost: AtomicU64,
}

impl Activity {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batches {
    pub(super) fn new(config: &config::Activity) -> Self {
        Self {
            config: config.clone(),
            started: Instant::now(),
            queue: Mutex::default(),
            urgent: Notify::new(),
            flushing: tokio::sync::Mutex::default(),
            sent: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }

    /// Notes that a session is in use; to the second.
    #[inline]
    pub(super) fn mark(&self, session: &Arc<Session>, at: Instant, client: IpAddr, agent: Option<&HeaderValue>) {
        let second = at.saturating_duration_since(self.started).as_secs() + 1;
        if session.activity.second.load(Relaxed) < second {
            self.note(session, second, client, agent);
        }
    }

    #[cold]
    fn note(&self, session: &Arc<Session>, second: u64, client: IpAddr, agent: Option<&HeaderValue>) {
        if session.public_id.is_none() {
            return;
        }
        session.activity.second.store(second, Relaxed);
        let now = Timestamp::now();
        let mut state = session.activity.state();
        let known = state.seen.take().and_then(|seen| seen.user_agent);
        state.seen = Some(Seen { at: now, client, user_agent: same_or_new(known, agent) });
        if !state.queued {
            let mut queue = self.queue();
            if queue.len() >= MAX_QUEUED {
                state.seen = None;
                self.lost.fetch_add(1, Relaxed);
                return;
            }
            queue.push(session.clone());
            state.queued = true;
        }
        drop(state);
        if session.is_idle_at(now, self.config.interval * NEAR) {
            self.urgent.notify_one();
        }
    }

    /// Everything that waits, once per session.
    pub(super) fn take(&self) -> Vec<Entry> {
        let queued = std::mem::take(&mut *self.queue());
        let mut newest: HashMap<String, Entry> = HashMap::with_capacity(queued.len());
        for session in queued {
            session.activity.state().queued = false;
            let Some(entry) = self.unsent(&session) else { continue };
            let Some(public_id) = session.public_id.clone() else { continue };
            match newest.get_mut(&public_id) {
                Some(known) if known.seen.at >= entry.seen.at => {}
                Some(known) => *known = entry,
                None => drop(newest.insert(public_id, entry)),
            }
        }
        newest.into_values().collect()
    }

    /// What the backend has not heard of this session.
    pub(super) fn unsent(&self, session: &Arc<Session>) -> Option<Entry> {
        let seen = session.activity.state().seen.clone()?;
        Some(Entry { session: session.clone(), seen })
    }

    /// Entries that the backend has taken.
    pub(super) fn taken(&self, entries: &[Entry]) {
        self.settle(entries);
        self.sent.fetch_add(entries.len() as u64, Relaxed);
    }

    /// Entries that it has not, and will not.
    pub(super) fn dropped(&self, entries: &[Entry]) {
        self.settle(entries);
        self.lost.fetch_add(entries.len() as u64, Relaxed);
    }

    fn settle(&self, entries: &[Entry]) {
        for entry in entries {
            let mut state = entry.session.activity.state();
            // What came meanwhile is in the queue again.
            if state.seen.as_ref() == Some(&entry.seen) && !state.queued {
                state.seen = None;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Vec<Arc<Session>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `{"seen":[{"public_id","at","ip","user_agent"}]}`
pub(super) fn body(entries: &[Entry]) -> Value {
    let one = |entry: &Entry| {
        json!({
            "public_id": entry.session.public_id,
            "at": entry.seen.at.to_string(),
            "ip": entry.seen.client.to_string(),
            "user_agent": entry.seen.user_agent.as_deref(),
        })
    };
    json!({ "seen": entries.iter().map(one).collect::<Vec<_>>() })
}

/// A browser's name as text. It is copied only where it is another: a header's own bytes would keep the whole read buffer
/// of its request alive.
fn same_or_new(known: Option<Arc<str>>, agent: Option<&HeaderValue>) -> Option<Arc<str>> {
    let agent = agent?;
    if let Some(known) = known.filter(|known| known.as_bytes() == agent.as_bytes()) {
        return Some(known);
    }
    let text = String::from_utf8_lossy(agent.as_bytes());
    Some(match text.char_indices().nth(MAX_AGENT) {
        Some((end, _)) => text[..end].into(),
        None => text.into(),
    })
}

impl Session {
    /// Whether it will have gone idle so long after a time, as far as the backend has said.
    pub(super) fn is_idle_at(&self, now: Timestamp, wait: Duration) -> bool {
        let left = |end: Timestamp| Duration::try_from(end.duration_since(now)).unwrap_or_default();
        self.idle_expires_at.is_some_and(|end| left(end) <= wait)
    }
}

#[cfg(test)]
mod tests;
