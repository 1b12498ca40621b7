//! How many requests may be sent again after they had been sent: a share of all requests, so that an outage is not
//! multiplied by everyone's second try.
//!
//! A try that reached nobody (no connection, or one that was dead before a byte was written) is not charged: it cost
//! no instance anything, and the request goes on to one that has not had it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(10);
/// Where there are few requests, so many in a window all the same: what an instance had under way when it ended.
const FLOOR: u64 = 100;

/// The budget of an upstream.
#[derive(Debug)]
pub(super) struct Budget {
    percent: u64,
    /// All that there ever were: a request costs one addition, and no look at the clock.
    requests: AtomicU64,
    window: Mutex<Window>,
}

/// Begun by the first repetition after the one before.
#[derive(Debug)]
struct Window {
    since: Instant,
    requests: u64,
    repeated: u64,
    /// Requests of ten seconds, on the average of the time before.
    before: u64,
}

impl Budget {
    pub(super) fn new(percent: u32) -> Self {
        let window = Window { since: Instant::now(), requests: 0, repeated: 0, before: 0 };
        Self { percent: percent.into(), requests: AtomicU64::new(0), window: Mutex::new(window) }
    }

    /// A request came.
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// Takes one repetition out of it, if there is one.
    pub(super) fn take(&self) -> bool {
        if self.percent == 0 {
            return false;
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = self.requests.load(Relaxed);
        let (lasted, came) = (window.since.elapsed(), requests - window.requests);
        if lasted >= WINDOW {
            let before = u128::from(came) * WINDOW.as_millis() / lasted.as_millis().max(1);
            let before = u64::try_from(before).unwrap_or(u64::MAX);
            *window = Window { since: Instant::now(), requests, repeated: 0, before };
        }
        let came = requests - window.requests;
        let allowed = FLOOR.max(window.before.max(came).saturating_mul(self.percent) / 100);
        let granted = window.repeated < allowed;
        window.repeated += u64::from(granted);
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &Budget) -> usize {
        (0..100_000).filter(|_| budget.take()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_the_requests_of_ten_seconds_may_go_out_again_and_a_hundred_where_there_are_few() {
        let budget = Budget::new(20);
        assert_eq!(taken(&budget), 100);
        tokio::time::advance(WINDOW).await;
        assert_eq!(taken(&budget), 100, "in each window");
        (0..1000).for_each(|_| budget.request());
        assert_eq!(taken(&budget), 100, "a fifth of them, less what was taken");
        tokio::time::advance(WINDOW).await;
        assert_eq!(taken(&budget), 200);
        tokio::time::advance(WINDOW * 100).await;
        assert_eq!(taken(&budget), 100, "nothing is saved up");
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_not_multiplied() {
        let budget = Budget::new(20);
        let mut sent = 0;
        for _ in 0..1000 {
            tokio::time::advance(Duration::from_millis(50)).await;
            (0..5).for_each(|_| budget.request());
            sent += (0..5).filter(|_| budget.take()).count();
        }
        assert!(sent <= 5 * 1000 / 5 + 200, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn it_can_be_nothing() {
        assert_eq!(taken(&Budget::new(0)), 0);
    }
}
