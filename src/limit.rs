//! So many in so much time, per key; and so many at once.
//!
//! The generic cell rate algorithm (GCRA): one timestamp per key. Own code rather than a crate, because the limit on
//! refused sids must be asked without being used up, which those at hand do not offer.

use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use dashmap::DashMap;
use tokio::time::Instant;

use crate::config::Rate;

/// Keys held at once; beyond it new keys are not counted until the next sweep, so that a flood costs no memory.
const MAX_KEYS: usize = 100_000;

/// A limit per key.
#[derive(Debug)]
pub struct Limiter<K: Eq + Hash> {
    /// Time until which the key's allowance is used.
    used_until: DashMap<K, Instant>,
    each: Duration,
    burst: Duration,
    born: Instant,
    /// Milliseconds after `born`.
    next_sweep: AtomicU64,
}

impl<K: Eq + Hash + Clone> Limiter<K> {
    /// A limit of `rate`, all of which may be used at once.
    pub fn new(rate: Rate) -> Self {
        Self {
            used_until: DashMap::new(),
            each: rate.per / rate.count.max(1),
            burst: rate.per,
            born: Instant::now(),
            next_sweep: AtomicU64::new(0),
        }
    }

    /// How long the key has to wait, if it has used everything.
    pub fn exhausted(&self, key: &K) -> Option<Duration> {
        let until = *self.used_until.get(key)?;
        (until + self.each).checked_duration_since(Instant::now() + self.burst).filter(|d| !d.is_zero())
    }

    /// Uses one, whether or not there is one left.
    pub fn take(&self, key: K) {
        let now = Instant::now();
        self.sweep_in_time(now);
        if self.used_until.len() >= MAX_KEYS && !self.used_until.contains_key(&key) {
            return;
        }
        let mut until = self.used_until.entry(key).or_insert(now);
        // Never more than a whole period ahead: who goes on is not punished for longer.
        *until = ((*until).max(now) + self.each).min(now + self.burst + self.each);
    }

    /// Uses one if there is one left.
    ///
    /// # Errors
    /// How long to wait.
    pub fn check(&self, key: K) -> Result<(), Duration> {
        if let Some(wait) = self.exhausted(&key) {
            return Err(wait);
        }
        self.take(key);
        Ok(())
    }

    /// Sweeps when it is time: a key that was used once has everything left after one period. Done by whoever comes
    /// along, so that no limiter can be left out.
    fn sweep_in_time(&self, now: Instant) {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let (at, due) = (millis(now - self.born), self.next_sweep.load(Relaxed));
        let next = at + millis(self.burst).max(1000);
        if at >= due && self.next_sweep.compare_exchange(due, next, Relaxed, Relaxed).is_ok() {
            self.sweep(now);
        }
    }

    /// Forgets keys that have everything left.
    fn sweep(&self, now: Instant) {
        self.used_until.retain(|_, until| *until > now);
    }
}

/// How many connections one client may hold.
#[derive(Debug)]
pub struct Seats {
    taken: DashMap<IpAddr, usize>,
    most: usize,
}

/// One of them; given back when it is dropped.
#[derive(Debug)]
pub struct Seat {
    seats: Arc<Seats>,
    client: IpAddr,
}

impl Seats {
    /// For `most` each; 0: there is no limit, and nothing to count.
    pub fn new(most: usize) -> Option<Arc<Self>> {
        (most > 0).then(|| Arc::new(Self { taken: DashMap::new(), most }))
    }

    /// One for this address, if its client has one left. A client is an IPv4 address, or an IPv6 /64: what one line of a
    /// provider has.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let client = match address.to_canonical() {
            IpAddr::V4(a) => IpAddr::V4(a),
            IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from(u128::from(a) >> 64 << 64)),
        };
        let mut taken = self.taken.entry(client).or_insert(0);
        if *taken >= self.most {
            return None;
        }
        *taken += 1;
        Some(Seat { seats: self.clone(), client })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.remove_if_mut(&self.client, |_, taken| {
            *taken = taken.saturating_sub(1);
            *taken == 0
        });
    }
}

/// What counts as one client: an IPv4 /24, an IPv6 /48. An IPv4 address in IPv6 clothes is the IPv4 address.
pub fn client_prefix(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(a) => {
            let [a, b, c, _] = a.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(a) => {
            let [a, b, c, ..] = a.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_at_once_then_one_by_one() {
        let limiter = Limiter::new(Rate { count: 3, per: Duration::from_secs(30) });
        for _ in 0..3 {
            assert_eq!(limiter.check("a"), Ok(()));
        }
        assert_eq!(limiter.check("a"), Err(Duration::from_secs(10)));
        assert_eq!(limiter.check("b"), Ok(()));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(limiter.check("a"), Ok(()));
        assert!(limiter.check("a").is_err());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(limiter.check("c"), Ok(()));
        assert_eq!(limiter.used_until.len(), 1, "nobody else has used anything lately");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_keys_does_not_end_the_counting() {
        let limiter = Limiter::new(Rate { count: 1, per: Duration::from_secs(30) });
        for key in 0..=MAX_KEYS {
            let _ = limiter.check(key);
        }
        assert_eq!(limiter.used_until.len(), MAX_KEYS);
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(limiter.check(MAX_KEYS + 1), Ok(()));
        assert!(limiter.check(MAX_KEYS + 1).is_err(), "counted again");
    }

    #[test]
    fn a_client_holds_so_many_and_gets_back_what_it_gives() {
        let seats = Seats::new(2).unwrap();
        let take = |s: &str| seats.take(s.parse().unwrap());
        let (first, second) = (take("203.0.113.7"), take("::ffff:203.0.113.7"));
        assert!(first.is_some() && second.is_some() && take("203.0.113.7").is_none());
        assert!(take("203.0.113.8").is_some(), "a neighbour is another client");
        drop(first);
        let third = take("203.0.113.7");
        assert!(third.is_some() && take("203.0.113.7").is_none());
        let six = [take("2001:db8::1"), take("2001:db8::2")];
        assert!(six.iter().all(Option::is_some) && take("2001:db8::3").is_none() && take("2001:db8:0:1::1").is_some());
        drop((second, third, six));
        assert!(seats.taken.is_empty(), "nobody is remembered");
        assert!(Seats::new(0).is_none());
    }

    #[test]
    fn neighbours_are_one_client() {
        let prefix = |s: &str| client_prefix(s.parse().unwrap()).to_string();
        assert_eq!(prefix("203.0.113.7"), "203.0.113.0");
        assert_eq!(prefix("::ffff:203.0.113.7"), "203.0.113.0");
        assert_eq!(prefix("2001:db8:1:2::3"), "2001:db8:1::");
    }
}
