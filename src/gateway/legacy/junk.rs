//! Cookies that could not be decoded: a browser that goes on sending the same ones is not limited for it.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// How long they are known.
const KNOWN: Duration = Duration::from_secs(600);
/// So many of them.
const MOST: usize = 10_000;

/// Those of the last minutes, by a hash of them.
#[derive(Debug, Default)]
pub(super) struct Junk {
    known: HashSet<u64>,
    order: VecDeque<(Instant, u64)>,
}

impl Junk {
    /// Whether this has not been here before.
    pub(super) fn is_new(&mut self, hash: u64, now: Instant) -> bool {
        while let Some((until, oldest)) = self.order.front().copied() {
            if until > now && self.order.len() < MOST {
                break;
            }
            self.order.pop_front();
            self.known.remove(&oldest);
        }
        let new = self.known.insert(hash);
        if new {
            self.order.push_back((now + KNOWN, hash));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_new_once_and_what_is_remembered_is_bounded() {
        let (mut junk, now) = (Junk::default(), Instant::now());
        assert!(junk.is_new(1, now) && !junk.is_new(1, now));
        assert!(junk.is_new(1, now + KNOWN));
        for hash in 2..=3 * MOST as u64 {
            assert!(junk.is_new(hash, now + KNOWN));
        }
        assert!(junk.known.len() <= MOST && junk.order.len() <= MOST);
    }
}
