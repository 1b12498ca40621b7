//! One proof makes one session, once.
//!
//! Requests that come with the same old cookie share one call, and its outcome is kept for a while: a page that has not
//! seen its sid yet asks for twenty things more. The backend keeps the same promise for a fleet; where it has no call for
//! that, the memory here is all there is, and so it is a longer one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::backend::{Caller, Ending, MigrateAnswer};
use super::super::cache::Peek;
use super::super::lookup::{Lookup, RefusalCode, Unavailable};
use super::super::proof::Proof;
use super::super::types::SessionId;
use super::{Inner, Sessions};

/// How long a repeated proof is answered with the session that it made.
const REPEATED: Duration = Duration::from_secs(60);
/// How long a proof that has made its session is known as used, where the backend does not know it itself.
const USED: Duration = Duration::from_secs(24 * 3600);
/// How long a refusal is repeated without asking.
const REFUSED: Duration = Duration::from_secs(10);
/// The same for one that may be an outage.
const DOUBTFUL: Duration = Duration::from_secs(1);
/// Proofs remembered; the oldest go.
const MAX_KEPT: usize = 100_000;

/// What is known of proofs, by their keys.
#[derive(Default)]
pub(super) struct Migrations {
    by_key: HashMap<String, State>,
    /// In the order in which they were settled.
    order: VecDeque<(Instant, String)>,
}

#[derive(Clone)]
enum State {
    UnderWay(watch::Receiver<Option<MigrateAnswer>>),
    Made { sid: SessionId, at: Instant, until: Instant },
    Refused { certain: bool, until: Instant },
}

enum Join {
    Known(State),
    Lead(watch::Sender<Option<MigrateAnswer>>, watch::Receiver<Option<MigrateAnswer>>),
}

impl Sessions {
    /// Makes a session of an old cookie's proof, or gives the one that it made a moment ago. The session is known here at
    /// once. `source` is the name of the cookie.
    pub async fn migrate(&self, proof: &Proof, source: &str, ending: Ending, caller: &Caller) -> MigrateAnswer {
        if let Some(named) = self.0.backend.reissues(proof) {
            return match named {
                Some(sid) => self.known_as(sid, caller).await,
                None => MigrateAnswer::Refused { certain: true },
            };
        }
        let key = proof.idempotency_key();
        let joined = self.0.migrations().join(&key, Instant::now());
        let (mut outcome, leads) = match joined {
            Join::Known(State::Made { sid, at, .. }) if at.elapsed() < REPEATED => {
                return self.known_as(sid, caller).await;
            }
            Join::Known(State::Made { .. }) => return MigrateAnswer::Refused { certain: true },
            Join::Known(State::Refused { certain, .. }) => return MigrateAnswer::Refused { certain },
            Join::Known(State::UnderWay(outcome)) => (outcome, false),
            Join::Lead(report, outcome) => {
                // A task of its own: the browser may go away, those who wait do not.
                let (this, proof, source, caller) = (self.clone(), proof.clone(), source.to_owned(), caller.clone());
                tokio::spawn(async move {
                    let answer = this.0.ask_to_migrate(&proof, &source, ending, &caller).await;
                    let used = if this.0.backend.can_migrate() { REPEATED } else { USED };
                    this.0.migrations().settle(key, &answer, used, Instant::now());
                    report.send_replace(Some(answer));
                });
                (outcome, true)
            }
        };
        let settled = outcome.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        match settled.unwrap_or(MigrateAnswer::Unavailable(Unavailable::Overload)) {
            MigrateAnswer::Session(sid, ..) if self.0.cache.refuses(&sid, Instant::now()) => {
                MigrateAnswer::Refused { certain: true }
            }
            MigrateAnswer::Session(sid, session, repeated) => MigrateAnswer::Session(sid, session, repeated || !leads),
            answer => answer,
        }
    }

    /// Whether a proof that the backend refuses is worth nothing for good. Where it has no words for that, it may be an
    /// outage.
    pub fn judges_proofs(&self) -> bool {
        self.0.backend.can_migrate()
    }

    /// Whether the proof is the id of a session that goes on under it: nothing is made of it.
    pub fn reissues(&self, proof: &Proof) -> bool {
        self.0.backend.reissues(proof).is_some()
    }

    /// Whether what becomes of this proof is known here, or about to be: asking costs the backend nothing.
    pub fn has_seen(&self, proof: &Proof) -> bool {
        let now = Instant::now();
        match self.0.backend.reissues(proof) {
            Some(sid) => sid.is_none_or(|sid| !matches!(self.0.cache.peek(&sid, now), Peek::Unknown)),
            None => self.0.migrations().get(&proof.idempotency_key(), now).is_some(),
        }
    }

    /// The session that a proof has made, if it lasts.
    async fn known_as(&self, sid: SessionId, caller: &Caller) -> MigrateAnswer {
        match self.lookup(&sid, &|| caller.clone()).await {
            Lookup::Found(found) => MigrateAnswer::Session(sid, found.session, true),
            Lookup::Refused(code) => MigrateAnswer::Refused { certain: code != RefusalCode::Bare },
            Lookup::Unavailable(why) => MigrateAnswer::Unavailable(why),
            Lookup::Absent | Lookup::Throttled { .. } => MigrateAnswer::Unavailable(Unavailable::Overload),
        }
    }
}

impl Inner {
    async fn ask_to_migrate(&self, proof: &Proof, source: &str, ending: Ending, caller: &Caller) -> MigrateAnswer {
        let mut answer = match self.permit(false).await {
            None => MigrateAnswer::Unavailable(Unavailable::Overload),
            Some(_permit) => self.backend.migrate(proof, source, ending, caller).await,
        };
        match &mut answer {
            MigrateAnswer::Session(sid, session, _) => {
                self.note(None);
                // Ended here, and the backend has not heard of it.
                if self.cache.refuses(sid, Instant::now()) {
                    return MigrateAnswer::Refused { certain: true };
                }
                if let Some(session) = Arc::get_mut(session) {
                    self.recheck_onboarding(sid, session, caller).await;
                }
                self.note_contradiction(sid, session);
                self.cache.prime(sid, session.clone(), Instant::now());
            }
            MigrateAnswer::Refused { .. } | MigrateAnswer::NotSupported(_) => self.note(None),
            MigrateAnswer::Unavailable(why) => self.note(Some(*why)),
        }
        answer
    }

    fn migrations(&self) -> MutexGuard<'_, Migrations> {
        self.carried.migrations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Migrations {
    fn get(&self, key: &str, now: Instant) -> Option<&State> {
        self.by_key.get(key).filter(|state| match state {
            // Whoever was to settle it is gone: a closed channel never says anything.
            State::UnderWay(outcome) => outcome.borrow().is_some() || outcome.has_changed().is_ok(),
            State::Made { until, .. } | State::Refused { until, .. } => now < *until,
        })
    }

    fn join(&mut self, key: &str, now: Instant) -> Join {
        if let Some(known) = self.get(key, now) {
            return Join::Known(known.clone());
        }
        let (report, outcome) = watch::channel(None);
        self.by_key.insert(key.to_owned(), State::UnderWay(outcome.clone()));
        Join::Lead(report, outcome)
    }

    /// An answer that says nothing is not kept: the next request asks again.
    fn settle(&mut self, key: String, answer: &MigrateAnswer, used: Duration, now: Instant) {
        let (state, until) = match answer {
            MigrateAnswer::Session(sid, ..) => (State::Made { sid: *sid, at: now, until: now + used }, now + used),
            MigrateAnswer::Refused { certain } => {
                let until = now + if *certain { REFUSED } else { DOUBTFUL };
                (State::Refused { certain: *certain, until }, until)
            }
            MigrateAnswer::NotSupported(_) => {
                (State::Refused { certain: false, until: now + DOUBTFUL }, now + DOUBTFUL)
            }
            MigrateAnswer::Unavailable(_) => {
                self.by_key.remove(&key);
                return;
            }
        };
        self.by_key.insert(key.clone(), state);
        self.order.push_back((until, key));
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        // Each one seen once; what lasts longer goes to the back again.
        let mut left = self.order.len().min(64);
        while left > 0 || self.order.len() > MAX_KEPT {
            left = left.saturating_sub(1);
            let Some((until, key)) = self.order.pop_front() else { return };
            let full = self.order.len() >= MAX_KEPT;
            let current = match self.by_key.get(&key) {
                Some(State::Made { until: end, .. } | State::Refused { until: end, .. }) => *end == until,
                Some(State::UnderWay(_)) | None => false,
            };
            match (current, full || until <= now) {
                (true, true) => drop(self.by_key.remove(&key)),
                (true, false) => self.order.push_back((until, key)),
                (false, _) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::super::cache::tests::session;
    use super::*;

    fn made(n: u128) -> MigrateAnswer {
        MigrateAnswer::Session(SessionId::from_uuid(Uuid::from_u128(n)), Arc::new(session(n)), false)
    }

    fn leads(migrations: &mut Migrations, key: &str, now: Instant) -> bool {
        matches!(migrations.join(key, now), Join::Lead(..))
    }

    #[tokio::test]
    async fn one_asks_and_the_others_wait_for_its_answer() {
        let (mut migrations, now) = (Migrations::default(), Instant::now());
        let Join::Lead(report, outcome) = migrations.join("k", now) else { panic!("nobody has asked") };
        let Join::Known(State::UnderWay(mut waits)) = migrations.join("k", now) else { panic!("it is under way") };
        assert!(leads(&mut migrations, "another", now));
        report.send_replace(Some(made(1)));
        assert!(waits.wait_for(Option::is_some).await.is_ok() && outcome.borrow().is_some());
    }

    #[tokio::test]
    async fn who_leads_and_is_gone_leaves_nobody_waiting() {
        let (mut migrations, now) = (Migrations::default(), Instant::now());
        drop(migrations.join("k", now));
        assert!(leads(&mut migrations, "k", now));
    }

    #[tokio::test]
    async fn a_session_is_known_a_minute_a_refusal_seconds_and_what_says_nothing_not_at_all() {
        let (mut migrations, now) = (Migrations::default(), Instant::now());
        for (key, answer, known) in [
            ("made", made(1), REPEATED),
            ("refused", MigrateAnswer::Refused { certain: true }, REFUSED),
            ("doubtful", MigrateAnswer::Refused { certain: false }, DOUBTFUL),
            ("down", MigrateAnswer::Unavailable(Unavailable::Connect), Duration::ZERO),
        ] {
            let _under_way = migrations.join(key, now);
            migrations.settle(key.to_owned(), &answer, REPEATED, now);
            if !known.is_zero() {
                assert!(migrations.get(key, now + known - Duration::from_millis(1)).is_some(), "{key}");
            }
            assert!(migrations.get(key, now + known).is_none(), "{key}");
        }
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded_and_the_newest_stays() {
        let (mut migrations, now) = (Migrations::default(), Instant::now());
        for n in 0..MAX_KEPT as u128 + 500 {
            let used = if n % 2 == 0 { USED } else { REPEATED };
            migrations.settle(n.to_string(), &made(n), used, now);
        }
        assert!(migrations.by_key.len() <= MAX_KEPT && migrations.order.len() <= MAX_KEPT);
        assert!(migrations.get(&(MAX_KEPT + 499).to_string(), now).is_some());
        for n in 0..5000_u128 {
            migrations.settle(format!("late {n}"), &made(n), REPEATED, now + 2 * USED);
        }
        assert_eq!(migrations.by_key.len(), 5000, "what is over is forgotten");
    }
}
