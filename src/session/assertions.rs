//! What was signed about a session, kept beside it.

use std::sync::{PoisonError, RwLock};

/// The assertions of one session, one per upstream. Shared by the answers of the backend that say the same.
#[derive(Debug, Default)]
pub(crate) struct KeptAssertions(RwLock<Vec<KeptAssertion>>);

/// One of them, as it is written.
#[derive(Debug, Clone)]
pub(crate) struct KeptAssertion {
    /// Which keys: of others, it is not sent any more.
    pub(crate) ring: u64,
    /// For which upstream.
    pub(crate) upstream: usize,
    /// From when it is sent, in Unix seconds.
    pub(crate) from: i64,
    /// And until when, exclusively.
    pub(crate) until: i64,
    /// The header with the end of its line.
    pub(crate) line: Box<[u8]>,
}

impl KeptAssertion {
    fn is_for(&self, ring: u64, upstream: usize, now: i64) -> bool {
        self.upstream == upstream && self.ring == ring && (self.from..self.until).contains(&now)
    }
}

impl KeptAssertions {
    /// Writes the one for an upstream, if it is good now.
    pub(crate) fn write(&self, ring: u64, upstream: usize, now: i64, out: &mut Vec<u8>) -> bool {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|kept| kept.is_for(ring, upstream, now));
        found.inspect(|kept| out.extend_from_slice(&kept.line)).is_some()
    }

    /// Keeps one and writes it; or writes the one that another request was quicker to keep.
    pub(crate) fn keep(&self, new: KeptAssertion, now: i64, out: &mut Vec<u8>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|kept| kept.upstream == new.upstream) {
            Some(kept) if kept.is_for(new.ring, new.upstream, now) => out.extend_from_slice(&kept.line),
            Some(kept) => {
                out.extend_from_slice(&new.line);
                *kept = new;
            }
            None => {
                out.extend_from_slice(&new.line);
                all.push(new);
            }
        }
    }
}
