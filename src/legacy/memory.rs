//! What is remembered of browsers: which migrated sessions have not come back yet, and how many still carry legacy
//! cookies. Bounded, and without anything that could be used.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;

use super::sketch::Sketch;
use crate::audit::{Event, Kind};
use crate::session::Fingerprint;

/// How long a migrated session is expected back.
const EXPECTED: Duration = Duration::from_secs(3600);
/// Sessions that are expected at once; beyond it new ones are not counted.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Migrated, and not back yet.
    expected: DashMap<Fingerprint, Instant>,
    /// As many as there are, without a lock.
    count: AtomicUsize,
    seen: Mutex<Seen>,
}

/// Since the last summary.
#[derive(Debug, Default)]
struct Seen {
    requests: u64,
    browsers: Sketch,
    /// Of those that were decoded: browsers without a proof, and with one.
    unusable: Sketch,
    usable: Sketch,
}

impl Memory {
    /// A session was migrated. Whether this is news.
    pub(super) fn expect(&self, session: Fingerprint) -> bool {
        if self.expected.contains_key(&session) {
            return false;
        }
        if self.expected.len() >= MOST {
            let now = Instant::now();
            self.expected.retain(|_, since| now.duration_since(*since) < EXPECTED);
        }
        if self.expected.len() < MOST {
            self.expected.insert(session, Instant::now());
        }
        self.count.store(self.expected.len(), Relaxed);
        true
    }

    /// A session came with its sid. Whether it was expected: once.
    pub(super) fn came(&self, session: &Fingerprint) -> bool {
        if self.count.load(Relaxed) == 0 {
            return false;
        }
        let Some((_, since)) = self.expected.remove(session) else { return false };
        self.count.store(self.expected.len(), Relaxed);
        since.elapsed() < EXPECTED
    }

    /// A request of this browser brought legacy cookies, with a proof in them or not, where that was looked at.
    pub(super) fn carrying(&self, browser: u64, usable: Option<bool>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests += 1;
        seen.browsers.add(browser);
        match usable {
            Some(true) => seen.usable.add(browser),
            Some(false) => seen.unusable.add(browser),
            None => {}
        }
    }

    /// What was seen since the last summary, if anything was.
    pub(super) fn summary(&self) -> Option<Event> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if seen.requests == 0 {
            return None;
        }
        let mut event = Event::new(Kind::LegacySeen).number("requests", seen.requests);
        for (number, name, sketch) in [
            ("browsers", "browsers_sketch", &seen.browsers),
            ("usable", "usable_sketch", &seen.usable),
            ("unusable", "unusable_sketch", &seen.unusable),
        ] {
            event = event.number(number, sketch.count());
            if !sketch.is_empty() {
                event = event.sketch(name, &sketch.encode());
            }
        }
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SessionId;

    fn fingerprint(n: u128) -> Fingerprint {
        SessionId::from_uuid(uuid::Uuid::from_u128(n)).fingerprint()
    }

    #[test]
    fn a_migrated_session_comes_back_once() {
        let memory = Memory::default();
        assert!(!memory.came(&fingerprint(1)), "nobody is expected");
        assert!(memory.expect(fingerprint(1)) && !memory.expect(fingerprint(1)));
        assert!(!memory.came(&fingerprint(2)));
        assert!(memory.came(&fingerprint(1)) && !memory.came(&fingerprint(1)));
        assert_eq!(memory.count.load(Relaxed), 0, "the request path looks no further");
    }

    #[test]
    fn memory_of_sessions_is_bounded() {
        let memory = Memory::default();
        for n in 0..MOST as u128 + 10 {
            memory.expect(fingerprint(n));
        }
        assert_eq!(memory.expected.len(), MOST);
    }

    #[test]
    fn a_summary_counts_browsers_once_and_begins_anew() {
        let memory = Memory::default();
        assert!(memory.summary().is_none());
        for (browser, usable) in [(1, Some(true)), (1, Some(true)), (2, Some(false)), (3, None)] {
            memory.carrying(browser, usable);
        }
        let event = memory.summary().unwrap();
        let told = format!("{event:?}");
        for part in ["(\"requests\", Number(4))", "(\"browsers\", Number(3))", "(\"usable\", Number(1))"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(memory.summary().is_none());
    }
}
