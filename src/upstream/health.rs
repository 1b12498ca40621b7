//! How an instance is: what its requests show (passive), and what it says when asked (active).
//!
//! Passive: so many failures in a row, and it rests: for a second at first, then for two, four, up to a minute. When
//! that is over the next request is the probe, and its failure is enough for another rest. Active: an instance that
//! answers 503 to the health check, or on whose port nobody listens, says that it leaves: it is out at once. Anything
//! else that is bad counts. An instance that is back gets less than its share at first (slow start): a fresh Node has
//! compiled nothing yet.
//!
//! Statuses of ordinary answers do not count, however bad: they are the application's, and one page that fails would
//! take an instance out that serves all the others. The exception is a 503 with `Connection: close`, by which a server
//! says that it shuts down.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::Balance;

/// A full share of requests.
pub(super) const FULL: u32 = 256;
/// The least that an instance gets which is not out.
const LEAST: u32 = FULL / 10;
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// After so long without one, the next rest is a first one.
const FORGOTTEN: Duration = Duration::from_secs(60);
/// Out until the health check says otherwise.
const OUT: u64 = u64::MAX;

/// The state of an instance.
#[derive(Debug)]
pub(super) struct Health {
    max_fails: u32,
    fail_timeout: Duration,
    slow_start: Duration,
    epoch: Instant,
    /// When it is, or was, back, in milliseconds since `epoch`; 0: never out, or long back; or [`OUT`]. All that a
    /// request reads.
    back: AtomicU64,
    /// Failures in a row.
    fails: AtomicU32,
    more: Mutex<More>,
}

#[derive(Debug, Default)]
struct More {
    rests: u32,
    rests_until: Option<Instant>,
    /// The health check has taken it out.
    out: bool,
    good: u32,
    bad: u32,
    /// It was said that it is out, and not yet that it is back.
    said: bool,
}

/// What a health check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is well.
    Well,
    /// It says itself that it leaves, or is not there.
    Leaves(String),
    /// Something else is wrong.
    Unwell(String),
}

/// What there is to say about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It gets no new requests: for so long, or until a health check is good.
    Out(Option<Duration>),
    /// It is out once more, which was said before.
    OutAgain,
    /// It is back.
    Back,
}

impl Health {
    pub(super) fn new(config: &Balance) -> Self {
        Self {
            max_fails: config.max_fails,
            fail_timeout: config.fail_timeout,
            slow_start: config.slow_start,
            // Counted from a moment ago: 0 means something else.
            epoch: Instant::now().checked_sub(Duration::from_millis(1)).unwrap_or_else(Instant::now),
            back: AtomicU64::new(0),
            fails: AtomicU32::new(0),
            more: Mutex::default(),
        }
    }

    /// Which part of [`FULL`] it gets; 0: nothing.
    pub(super) fn share(&self) -> u32 {
        match self.back.load(Relaxed) {
            0 => FULL,
            OUT => 0,
            back => self.share_since(back),
        }
    }

    fn share_since(&self, back: u64) -> u32 {
        let slow = millis(self.slow_start);
        match self.now().checked_sub(back) {
            None => 0,
            Some(since) if since < slow => {
                let share = u64::from(FULL) * since / slow;
                u32::try_from(share).unwrap_or(FULL).max(LEAST)
            }
            Some(_) => {
                // Warm: from now on without a look at the clock. Unless it has gone out meanwhile.
                let _ = self.back.compare_exchange(back, 0, Relaxed, Relaxed);
                FULL
            }
        }
    }

    /// A request was answered. A trial is one that was sent although the instance was out, because all were: its answer
    /// ends a rest.
    pub(super) fn good(&self, trial: bool) -> Option<News> {
        if self.fails.load(Relaxed) == 0 {
            return None;
        }
        let mut more = self.more();
        if more.rests_until.is_some_and(|until| Instant::now() < until) {
            if !trial {
                // An answer that was under way says nothing of what comes next.
                return None;
            }
            more.rests_until = None;
            if !more.out {
                self.back.store(self.now(), Relaxed);
            }
        }
        self.fails.store(0, Relaxed);
        let back = more.said && !more.out;
        more.said &= !back;
        back.then_some(News::Back)
    }

    /// A request was not, and that is the instance's doing.
    pub(super) fn failed(&self) -> Option<News> {
        let fails = self.fails.fetch_add(1, Relaxed).saturating_add(1);
        if self.max_fails == 0 || fails < self.max_fails {
            return None;
        }
        let mut more = self.more();
        let now = Instant::now();
        match more.rests_until {
            // Requests that were under way.
            Some(until) if now < until => return None,
            Some(until) if now - until < FORGOTTEN => {}
            _ => more.rests = 0,
        }
        let rest = self.fail_timeout.saturating_mul(1 << more.rests.min(16)).min(LONGEST_REST.max(self.fail_timeout));
        more.rests += 1;
        more.rests_until = Some(now + rest);
        more.good = 0;
        if !more.out {
            self.back.store(self.now() + millis(rest), Relaxed);
        }
        Some(out(&mut more, Some(rest)))
    }

    /// The health check was made.
    pub(super) fn checked(&self, finding: &Finding, healthy_after: u32, unhealthy_after: u32) -> Option<News> {
        let mut more = self.more();
        if *finding == Finding::Well {
            (more.good, more.bad) = (more.good.saturating_add(1), 0);
            let resting = more.rests_until.is_some_and(|until| Instant::now() < until);
            if !(more.out || resting) || more.good < healthy_after {
                return None;
            }
            (more.out, more.rests_until) = (false, None);
            self.fails.store(0, Relaxed);
            self.back.store(self.now(), Relaxed);
            more.said = false;
            return Some(News::Back);
        }
        (more.good, more.bad) = (0, more.bad.saturating_add(1));
        let enough = matches!(finding, Finding::Leaves(_)) || more.bad >= unhealthy_after;
        if more.out || !enough {
            return None;
        }
        more.out = true;
        self.back.store(OUT, Relaxed);
        Some(out(&mut more, None))
    }

    fn now(&self) -> u64 {
        millis(self.epoch.elapsed())
    }

    fn more(&self) -> std::sync::MutexGuard<'_, More> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn out(more: &mut More, rest: Option<Duration>) -> News {
    if std::mem::replace(&mut more.said, true) { News::OutAgain } else { News::Out(rest) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(OUT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health::new(&Balance::default())
    }

    async fn wait(ms: u64) {
        tokio::time::advance(Duration::from_millis(ms)).await;
    }

    fn fail(health: &Health, times: u32) -> Option<News> {
        (0..times).fold(None, |_, _| health.failed())
    }

    #[tokio::test(start_paused = true)]
    async fn three_failures_in_a_row_and_it_rests_for_a_time_that_grows() {
        let health = health();
        fail(&health, 2);
        assert_eq!(health.good(false), None);
        assert_eq!((fail(&health, 2), health.share()), (None, FULL), "not in a row");
        assert_eq!(health.failed(), Some(News::Out(Some(Duration::from_secs(1)))));
        assert_eq!((health.share(), health.failed()), (0, None), "what was under way does not prolong it");
        wait(1000).await;
        for rest in [2, 4, 8, 16, 32, 60, 60] {
            assert!(health.share() > 0, "back for a try");
            assert_eq!(health.failed(), Some(News::OutAgain), "one failure is enough now");
            wait(rest * 1000 - 1).await;
            assert_eq!(health.share(), 0, "{rest}");
            wait(1).await;
        }
        assert_eq!(health.good(false), Some(News::Back));
        assert_eq!(health.good(false), None);
        wait(60_000).await;
        assert_eq!(fail(&health, 3), Some(News::Out(Some(Duration::from_secs(1)))), "long ago is forgotten");
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_is_back_gets_its_share_little_by_little() {
        let health = health();
        assert_eq!(health.share(), FULL, "one that was never out is warm");
        fail(&health, 3);
        wait(1000).await;
        assert_eq!(health.share(), LEAST);
        wait(5000).await;
        assert_eq!(health.share(), FULL / 2);
        wait(4999).await;
        assert!((FULL - 1..=FULL).contains(&health.share()));
        wait(1).await;
        assert_eq!(health.share(), FULL);
        assert_eq!(health.back.load(Relaxed), 0, "and needs no clock from then on");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_says_that_it_leaves_is_out_at_once_and_anything_else_counts() {
        let health = health();
        let unwell = Finding::Unwell("500".into());
        assert_eq!(health.checked(&Finding::Leaves("503".into()), 2, 3), Some(News::Out(None)));
        assert_eq!(health.checked(&unwell, 2, 3), None);
        wait(3_600_000).await;
        assert_eq!(health.share(), 0, "no time brings it back");
        assert_eq!((health.checked(&Finding::Well, 2, 3), health.share()), (None, 0));
        assert_eq!(health.checked(&Finding::Well, 2, 3), Some(News::Back));
        assert_eq!(health.share(), LEAST, "slowly");
        assert_eq!((health.checked(&unwell, 2, 3), health.checked(&unwell, 2, 3)), (None, None));
        assert_eq!(health.checked(&Finding::Well, 2, 3), None);
        assert_eq!((health.checked(&unwell, 2, 3), health.checked(&unwell, 2, 3)), (None, None), "not in a row");
        assert_eq!((health.checked(&unwell, 2, 3), health.share()), (Some(News::Out(None)), 0));
    }

    #[tokio::test(start_paused = true)]
    async fn good_health_checks_end_a_rest_early() {
        let health = health();
        fail(&health, 3);
        wait(1000).await;
        health.failed();
        assert_eq!((health.checked(&Finding::Well, 2, 3), health.share()), (None, 0));
        assert_eq!(health.checked(&Finding::Well, 2, 3), Some(News::Back));
        assert!(health.share() > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ends_a_rest_if_the_request_was_sent_in_it() {
        let health = health();
        fail(&health, 3);
        assert_eq!((health.good(false), health.share()), (None, 0), "it was under way");
        assert_eq!((health.good(true), health.share()), (Some(News::Back), LEAST));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_can_be_made_not_to_count() {
        let health = Health::new(&Balance { max_fails: 0, ..Balance::default() });
        assert_eq!((fail(&health, 1000), health.share()), (None, FULL));
    }
}
