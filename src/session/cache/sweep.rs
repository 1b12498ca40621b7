//! Keeping the cache within its bounds.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use super::entry::{State, weight};
use super::{Cache, MEMORY};

/// How long it is remembered that a sid was refused, after which its answer no longer counts: a page that goes on
/// asking with an ended session is one refused sid, and not one more with every question.
const REFUSED_MEMORY: Duration = Duration::from_secs(60);

impl Cache {
    /// Drops what no longer counts, and under pressure the sessions that were asked about longest ago.
    pub(in crate::session) fn sweep(&self, now: Instant) {
        let memory = MEMORY.max(self.config.stale_if_error);
        let (mut live, mut refused, mut bytes) = (0, 0, 0);
        let mut ages: Vec<Duration> = Vec::new();
        self.entries.retain(|_, entry| {
            if matches!(entry.state, State::Refused { until, .. } if until + REFUSED_MEMORY <= now) {
                (entry.state, entry.good) = (State::Unknown, None);
            }
            // A flight whose leader is gone without a word would keep its entry for ever.
            if entry.under_way().is_none() {
                entry.flight = None;
            }
            if entry.good.as_ref().is_some_and(|g| now.duration_since(g.at) > memory) {
                entry.good = None;
                if matches!(entry.state, State::Good) {
                    entry.state = State::Unknown;
                }
            }
            if let Some(good) = &entry.good {
                live += 1;
                bytes += weight(&good.session);
                ages.push(now.duration_since(good.at));
            }
            refused += usize::from(matches!(entry.state, State::Refused { .. }));
            !entry.is_empty()
        });
        self.ended.sweep(now);
        // Answers that came in meanwhile are counted again by the next sweep.
        self.live.store(live, Relaxed);
        self.refused.store(refused, Relaxed);
        self.bytes.store(bytes, Relaxed);
        if near(live, self.config.max_entries) || near(bytes, self.config.max_bytes) {
            self.evict_oldest(ages, now);
        }
    }

    /// The oldest fifth goes. What is in use was asked about within the last ttl, so it is not among the oldest.
    fn evict_oldest(&self, mut ages: Vec<Duration>, now: Instant) {
        if ages.is_empty() {
            return;
        }
        let keep = (ages.len() / 5 * 4).min(ages.len() - 1);
        let mut surplus = ages.len() - keep;
        let (_, &mut limit, _) = ages.select_nth_unstable(keep);
        self.entries.retain(|_, entry| {
            // A fifth and no more: after a restart many are of one age.
            if surplus > 0 && entry.good.as_ref().is_some_and(|g| now.duration_since(g.at) >= limit) {
                surplus -= 1;
                self.forget_good(entry);
                if matches!(entry.state, State::Good) {
                    entry.state = State::Unknown;
                }
            }
            !entry.is_empty()
        });
    }
}

/// Within a tenth of a bound.
pub(super) fn near(value: usize, bound: usize) -> bool {
    value >= bound - bound / 10
}
