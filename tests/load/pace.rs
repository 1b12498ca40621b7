//! When each request is due: decided beforehand, by nothing that the target does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::options::Arrivals;

/// Requests that may wait for a free connection. More than this and the target is hopelessly behind: what comes then is
/// counted as unsent, and said.
const MAX_BACKLOG: usize = 100_000;

/// One request that is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shot {
    /// When it was to be sent.
    pub(crate) due: Instant,
    /// Which it is, from 0.
    pub(crate) number: u64,
    /// After the warm-up.
    pub(crate) counts: bool,
}

/// Requests that are due, for whoever has a free connection.
#[derive(Debug)]
pub(crate) struct Queue {
    shots: Mutex<VecDeque<Shot>>,
    ready: Semaphore,
    /// Not sent, because too many waited already or the run was over.
    pub(crate) unsent: AtomicU64,
    /// Scheduled so far, the warm-up left out.
    pub(crate) scheduled: AtomicU64,
}

impl Queue {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            shots: Mutex::default(),
            ready: Semaphore::new(0),
            unsent: AtomicU64::new(0),
            scheduled: AtomicU64::new(0),
        })
    }

    /// The next request, when it is due; none after [`Queue::close`].
    pub(crate) async fn next(&self) -> Option<Shot> {
        self.ready.acquire().await.ok()?.forget();
        self.lock().pop_front()
    }

    pub(crate) fn backlog(&self) -> usize {
        self.lock().len()
    }

    /// No more: what still waits was not sent.
    pub(crate) fn close(&self) {
        self.ready.close();
        let left = std::mem::take(&mut *self.lock());
        self.unsent.fetch_add(left.iter().filter(|s| s.counts).count() as u64, Relaxed);
    }

    fn push(&self, shot: Shot) {
        if shot.counts {
            self.scheduled.fetch_add(1, Relaxed);
        }
        let mut shots = self.lock();
        if shots.len() >= MAX_BACKLOG {
            self.unsent.fetch_add(u64::from(shot.counts), Relaxed);
            return;
        }
        shots.push_back(shot);
        drop(shots);
        self.ready.add_permits(1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Shot>> {
        self.shots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How fast, how long, how spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) rate: f64,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    pub(crate) arrivals: Arrivals,
    pub(crate) seed: u64,
    /// So many requests, however long that takes.
    pub(crate) limit: Option<u64>,
}

impl Pace {
    /// Makes every request due in its time, on a thread of its own: a runtime's timer is a millisecond wide, and waits
    /// while its threads are busy.
    pub(crate) fn start(self, queue: Arc<Queue>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || {
            let start = Instant::now();
            let mut dice = Dice::new(self.seed);
            let (mut at, mut number) = (0.0, 0);
            let whole = (self.warmup + self.duration).as_secs_f64();
            loop {
                at += match self.arrivals {
                    Arrivals::Constant => 1.0 / self.rate,
                    // The gaps of a Poisson process are exponentially distributed.
                    Arrivals::Poisson => -(1.0 - dice.share()).ln() / self.rate,
                };
                let over = self.limit.map_or(at >= whole, |limit| number >= limit);
                if over || stop.load(Relaxed) {
                    return;
                }
                let due = start + Duration::from_secs_f64(at);
                while let Some(wait) = due.checked_duration_since(Instant::now()).filter(|w| !w.is_zero()) {
                    // In pieces, so that a stop is heard at a low rate too.
                    std::thread::sleep(wait.min(Duration::from_millis(100)));
                    if stop.load(Relaxed) {
                        return;
                    }
                }
                queue.push(Shot { due, number, counts: at >= self.warmup.as_secs_f64() });
                number += 1;
            }
        })
    }
}

/// Random numbers that a seed decides (SplitMix64): two runs ask the same.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to, but not including, 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_and_shares_are_spread_evenly() {
        let mut dice = Dice::new(7);
        let shares: Vec<f64> = (0..10_000).map(|_| dice.share()).collect();
        assert!(shares.iter().all(|s| (0.0..1.0).contains(s)));
        let mean = shares.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
        assert_eq!(Dice::new(7).number(), Dice::new(7).number());
    }

    #[tokio::test]
    async fn as_many_become_due_as_the_rate_says_and_the_warm_up_does_not_count() {
        let (queue, stop) = (Queue::new(), Arc::default());
        let [warmup, duration] = [100, 200].map(Duration::from_millis);
        let pace = Pace { rate: 1000.0, warmup, duration, arrivals: Arrivals::Constant, seed: 1, limit: None };
        pace.start(queue.clone(), stop).join().unwrap();
        assert_eq!(queue.backlog(), 299);
        assert_eq!(queue.scheduled.load(Relaxed), 200);
        assert!(!queue.next().await.unwrap().counts);
        queue.close();
        assert_eq!(queue.unsent.load(Relaxed), 200);
        assert!(queue.next().await.is_none());
    }
}
