//! Stops the migration by itself when it goes wrong, and tries again.
//!
//! What is stopped behaves as in `observe`: nothing is asked of the backend, nothing is expired, nobody is signed out.
//! After a pause a trial begins by itself: five good migrations and it goes on, five failures and it stops again. A
//! reload of the configuration begins anew at once.
//!
//! Nobody may switch the migration off by sending forged cookies, and old sessions that have ended are no fault of the
//! migration. So there are two kinds. A *failure* cannot be had at will: the backend answers with an error, or one
//! browser's cookies name several users; it counts as part of all migrations. A *doubtful* one can: a cookie that the
//! backend refuses, or that cannot be decrypted. It counts only while nothing at all succeeds: one good migration within
//! the window says that the migration works, whatever else is sent. What anybody can write counts once per client prefix
//! and window, the rest once per proof.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Migrations of one window that are remembered; the oldest go.
const MOST: usize = 16 * 1024;
/// In a trial so many good ones are enough to go on, and so many failures to stop again.
const TRIAL: usize = 5;

/// When to stop, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopAfter {
    /// Percent of migrations that fail.
    pub failures: u32,
    /// Failures below which nothing is stopped.
    pub minimum: usize,
    /// How far back they count.
    pub window: Duration,
    /// From a stop to the trial.
    pub pause: Duration,
}

/// What a migration came to, as far as it matters here. A later one is stronger evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Anybody can bring it about.
    Doubtful,
    /// A failure that nobody can bring about at will.
    Failed,
    /// It worked.
    Good,
}

/// What is said aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing is migrated for now.
    Stopped {
        /// Failures within the window, doubtful ones where nothing else was there.
        failed: usize,
        /// Good ones.
        good: usize,
    },
    /// The pause is over.
    Trial,
    /// It works again.
    Resumed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    Stopped { until: Instant },
    Trial,
}

/// Whether migrations go on.
#[derive(Debug)]
pub struct Stop {
    after: StopAfter,
    state: State,
    window: Window,
}

impl Stop {
    /// Going on, with nothing counted.
    pub fn new(after: StopAfter) -> Self {
        Self { after, state: State::Running, window: Window::default() }
    }

    /// Whether a browser's legacy cookies may be migrated now.
    pub fn allows(&mut self, now: Instant) -> (bool, Option<News>) {
        match self.state {
            State::Stopped { until } if now < until => (false, None),
            State::Stopped { .. } => {
                self.state = State::Trial;
                self.window = Window::default();
                (true, Some(News::Trial))
            }
            State::Running | State::Trial => (true, None),
        }
    }

    /// Whether it is stopped, as of the last call.
    pub fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped { .. })
    }

    /// Counts what a migration came to. `of` is whose it is: a hash of the proof, or of the client prefix for what anybody
    /// can send.
    pub fn hear(&mut self, of: u64, evidence: Evidence, now: Instant) -> Option<News> {
        if self.is_stopped() {
            // What was under way when it stopped.
            return None;
        }
        self.window.forget(now, self.after.window);
        self.window.count(of, evidence, now);
        let Window { good, failed, doubtful, .. } = self.window;
        let trial = self.state == State::Trial;
        let least = if trial { TRIAL.min(self.after.minimum) } else { self.after.minimum }.max(1);
        let share = u64::from(self.after.failures);
        let too_many = failed >= least && failed as u64 * 100 >= share * (failed + good) as u64;
        let nothing_works = good == 0 && failed + doubtful >= self.after.minimum.max(1);
        if too_many || nothing_works {
            self.state = State::Stopped { until: now + self.after.pause };
            self.window = Window::default();
            return Some(News::Stopped { failed: if too_many { failed } else { failed + doubtful }, good });
        }
        if trial && good >= TRIAL {
            self.state = State::Running;
            return Some(News::Resumed);
        }
        None
    }
}

/// The strongest evidence of each, no older than the window.
#[derive(Debug, Default)]
struct Window {
    of: HashMap<u64, (Evidence, Instant)>,
    /// In the order in which they came; what was counted anew since is not in the map with this time any more.
    order: VecDeque<(Instant, u64)>,
    good: usize,
    failed: usize,
    doubtful: usize,
}

impl Window {
    /// Once per window; only stronger evidence changes what was counted: who was migrated a moment ago is not made a
    /// failure by what comes after it from the same place.
    fn count(&mut self, of: u64, evidence: Evidence, now: Instant) {
        let known = self.of.get(&of).map(|(known, _)| *known);
        // A flood of what anybody can send must not push out what worked.
        let full = self.order.len() >= MOST;
        if known >= Some(evidence) || (full && evidence == Evidence::Doubtful) {
            return;
        }
        if full {
            self.drop_oldest();
        }
        if let Some((old, _)) = self.of.insert(of, (evidence, now)) {
            *self.counter(old) -= 1;
        }
        *self.counter(evidence) += 1;
        self.order.push_back((now, of));
    }

    fn forget(&mut self, now: Instant, window: Duration) {
        while self.order.front().is_some_and(|(at, _)| now.duration_since(*at) >= window) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((at, of)) = self.order.pop_front() else { return };
        let Some((evidence, newest)) = self.of.get(&of).copied() else { return };
        if newest == at {
            self.of.remove(&of);
            *self.counter(evidence) -= 1;
        }
    }

    fn counter(&mut self, evidence: Evidence) -> &mut usize {
        match evidence {
            Evidence::Good => &mut self.good,
            Evidence::Failed => &mut self.failed,
            Evidence::Doubtful => &mut self.doubtful,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AFTER: StopAfter =
        StopAfter { failures: 50, minimum: 10, window: Duration::from_secs(60), pause: Duration::from_secs(600) };

    fn stopped(news: Option<News>) -> bool {
        matches!(news, Some(News::Stopped { .. }))
    }

    #[test]
    fn it_stops_when_half_of_the_migrations_fail_and_goes_on_after_a_trial() {
        let (mut stop, start) = (Stop::new(AFTER), Instant::now());
        for n in 0..9 {
            assert_eq!(stop.hear(n, Evidence::Good, start), None);
            assert_eq!(stop.hear(100 + n, Evidence::Failed, start), None);
        }
        assert_eq!(stop.hear(200, Evidence::Failed, start), Some(News::Stopped { failed: 10, good: 9 }));
        assert_eq!(stop.allows(start + Duration::from_secs(599)), (false, None));
        let later = start + AFTER.pause;
        assert_eq!(stop.allows(later), (true, Some(News::Trial)));
        assert_eq!(stop.allows(later), (true, None), "it is said once");
        for n in 0..4 {
            assert_eq!(stop.hear(n, Evidence::Good, later), None);
        }
        assert_eq!(stop.hear(4, Evidence::Good, later), Some(News::Resumed));
    }

    #[test]
    fn a_trial_that_fails_stops_again_sooner() {
        let (mut stop, start) = (Stop::new(AFTER), Instant::now());
        assert!(stopped((0..10).find_map(|n| stop.hear(n, Evidence::Failed, start))));
        let later = start + AFTER.pause;
        stop.allows(later);
        let heard: Vec<_> = (0..5).map(|n| stop.hear(n, Evidence::Failed, later)).collect();
        assert!(heard[..4].iter().all(Option::is_none) && stopped(heard[4]), "{heard:?}");
    }

    #[test]
    fn forged_cookies_do_not_stop_what_works() {
        let (mut stop, start) = (Stop::new(AFTER), Instant::now());
        stop.hear(0, Evidence::Good, start);
        for n in 1..100_000 {
            assert_eq!(stop.hear(n, Evidence::Doubtful, start), None);
        }
    }

    #[test]
    fn a_backend_that_refuses_everybody_stops_it_whatever_the_cookies_are() {
        let (mut stop, start) = (Stop::new(AFTER), Instant::now());
        assert!((0..9).all(|n| stop.hear(n, Evidence::Doubtful, start).is_none()));
        assert!(stopped(stop.hear(9, Evidence::Doubtful, start)));
    }

    #[test]
    fn failures_are_forgotten_with_the_window() {
        let (mut stop, mut now) = (Stop::new(AFTER), Instant::now());
        for n in 0..1000 {
            assert_eq!(stop.hear(n, Evidence::Failed, now), None);
            now += Duration::from_secs(7);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (mut stop, start) = (Stop::new(StopAfter { minimum: usize::MAX, ..AFTER }), Instant::now());
        for n in 0..5 * MOST as u64 {
            stop.hear(n, Evidence::Failed, start);
            stop.hear(n % 7, Evidence::Good, start + Duration::from_nanos(n));
        }
        assert!(stop.window.order.len() <= MOST && stop.window.of.len() <= MOST);
        let Window { good, failed, doubtful, .. } = stop.window;
        assert_eq!(good + failed + doubtful, stop.window.of.len());
    }

    fn evidence() -> impl Strategy<Value = Evidence> {
        prop_oneof![Just(Evidence::Good), Just(Evidence::Failed), Just(Evidence::Doubtful)]
    }

    proptest! {
        /// Fewer than the minimum never stop it, however often they come.
        #[test]
        fn few_do_not_stop_it(steps in prop::collection::vec((0..9_u64, evidence(), 0..30_u64), 0..300)) {
            let (mut stop, mut now) = (Stop::new(AFTER), Instant::now());
            for (of, evidence, seconds) in steps {
                now += Duration::from_secs(seconds);
                prop_assert_eq!(stop.hear(of, evidence, now), None);
            }
        }

        /// What a window holds is the same as counted from the whole history.
        #[test]
        fn a_window_counts_what_a_look_at_the_whole_history_does(
            steps in prop::collection::vec((0..20_u64, evidence(), 0..20_000_u64), 0..200),
        ) {
            let (mut window, mut now) = (Window::default(), Instant::now());
            let mut model: HashMap<u64, (Evidence, Instant)> = HashMap::new();
            for (of, evidence, millis) in steps {
                now += Duration::from_millis(millis);
                model.retain(|_, (_, at)| now.duration_since(*at) < AFTER.window);
                if model.get(&of).is_none_or(|(old, _)| *old < evidence) {
                    model.insert(of, (evidence, now));
                }
                window.forget(now, AFTER.window);
                window.count(of, evidence, now);
                let counted = |wanted| model.values().filter(|(evidence, _)| *evidence == wanted).count();
                prop_assert_eq!(window.good, counted(Evidence::Good));
                prop_assert_eq!(window.failed, counted(Evidence::Failed));
                prop_assert_eq!(window.doubtful, counted(Evidence::Doubtful));
            }
        }

        /// Whatever is heard, nobody waits longer than the pause.
        #[test]
        fn it_is_tried_again_after_every_pause(
            steps in prop::collection::vec((any::<u64>(), evidence(), 0..900_u64), 0..300),
        ) {
            let (mut stop, mut now) = (Stop::new(AFTER), Instant::now());
            let mut since = None;
            for (of, evidence, seconds) in steps {
                now += Duration::from_secs(seconds);
                if stopped(stop.hear(of, evidence, now)) {
                    since = Some(now);
                }
                let (allowed, _) = stop.allows(now);
                if allowed {
                    since = None;
                }
                prop_assert!(since.is_none_or(|since| now < since + AFTER.pause));
            }
        }
    }
}
