//! Sids that something was said of already: bounded, the oldest forgotten first.

use std::collections::HashSet;

use crate::session::SessionId;

/// Sids of one generation; two are remembered.
const MOST: usize = 50_000;

/// Two generations: when the younger is full, the older is forgotten.
#[derive(Debug, Default)]
pub(super) struct Seen {
    young: HashSet<SessionId>,
    old: HashSet<SessionId>,
}

impl Seen {
    /// Whether it is new.
    pub(super) fn insert(&mut self, sid: SessionId) -> bool {
        if self.young.contains(&sid) || self.old.contains(&sid) {
            return false;
        }
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_is_news_once_and_memory_is_bounded() {
        let mut seen = Seen::default();
        let sid = |n: u128| SessionId::from_uuid(uuid::Uuid::from_u128(n));
        assert!(seen.insert(sid(1)) && !seen.insert(sid(1)));
        for n in 0..4 * MOST as u128 {
            seen.insert(sid(n));
        }
        assert!(seen.young.len() + seen.old.len() <= 2 * MOST);
    }
}
