//! What is told of migrations: log lines, audit events, what counters are fed with; and whether migration goes on.
//!
//! Every message has `[Session-V2]` in it, so that one search finds them all. Names of carriers and cookies are told,
//! never a value. What anybody can bring about by sending junk is told in detail at `debug` only, and of refusals so
//! many per client: whoever goes on must not fill a disk. Of those the audit trail is noted to without waiting, so that
//! an answer takes as long whatever came of the cookies.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::memory::Memory;
use super::stop::{Evidence, News, Stop, StopAfter};
use super::{Candidate, Claims, Verdict, Why};
use crate::audit::{Audit, Event, Kind};
use crate::config::{self, Rate};
use crate::context::{Context, MigrationOutcome};
use crate::limit::{Limiter, client_prefix};
use crate::session::{Proof, Session, SessionId, Unavailable};

/// Refusals and the like that are told, per client prefix.
const TOLD: Rate = Rate { count: 60, per: Duration::from_secs(60) };
/// How often it is said again that the backend does not answer.
const AGAIN: Rate = Rate { count: 1, per: Duration::from_secs(10) };

/// A cookie that was asked about, and the proof out of it: what [`Claims::proofs`] gives.
pub type Asked<'a> = (&'a Candidate, &'a Proof);

/// The label of what no carrier read.
const NO_CARRIER: &str = "none";

/// What watches over migrations.
#[derive(Debug)]
pub struct Monitor {
    /// Carriers whose cookies only the application can write.
    sealed: HashSet<String>,
    stop: Mutex<Stop>,
    stopped: AtomicBool,
    pause: Duration,
    memory: Arc<Memory>,
    /// Keys the hashes: nobody can choose cookies that are taken for each other.
    hashes: RandomState,
    told: Limiter<IpAddr>,
    unavailable: Limiter<()>,
    audit: Audit,
}

impl Monitor {
    /// For a configuration. What `before` remembers of browsers goes on; a stop does not: that is how an operator
    /// starts again.
    pub fn new(config: &config::Legacy, audit: Audit, before: Option<&Self>) -> Self {
        let sealed = config.carriers.iter().filter(|carrier| carrier.format.has_key());
        let after = StopAfter {
            failures: config.stop_failures,
            minimum: config.stop_minimum as usize,
            window: config.stop_window,
            pause: config.stop_pause,
        };
        Self {
            sealed: sealed.map(|carrier| carrier.name.clone()).collect(),
            stop: Mutex::new(Stop::new(after)),
            stopped: AtomicBool::new(false),
            pause: config.stop_pause,
            memory: before.map(|before| before.memory.clone()).unwrap_or_default(),
            hashes: RandomState::new(),
            told: Limiter::new(TOLD),
            unavailable: Limiter::new(AGAIN),
            audit,
        }
    }

    /// Whether migrations go on. Where they do not, everything is as in `observe`.
    pub fn allows(&self) -> bool {
        // The common case takes no lock.
        if !self.stopped.load(Relaxed) {
            return true;
        }
        let (allowed, news) = self.stop().allows(Instant::now());
        self.say(news);
        allowed
    }

    /// Whether they have stopped by themselves, for the metrics.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Relaxed)
    }

    /// A request brings legacy cookies. `browser` is a hash of what stays the same in them; `usable` says whether there
    /// is a proof in them, where that was looked at.
    pub fn carrying(&self, cx: &mut Context, browser: u64, usable: Option<bool>) {
        cx.facts.legacy().carrying = true;
        self.memory.carrying(browser, usable);
    }

    /// In `observe`: what each carrier would have given.
    pub fn forecast(&self, cx: &mut Context, claims: &Claims) {
        let all = claims.candidates.iter().map(|c| (c.carrier.clone(), c.verdict.as_str()));
        cx.facts.legacy().forecast.extend(all);
        tracing::debug!(
            request_id = %cx.id, proofs = claims.proofs().len(), candidates = %Candidates(claims),
            "[Session-V2] legacy cookies, observed"
        );
    }

    /// A session was made, or is the one that this proof made a moment ago. The answer waits until the audit trail has
    /// it; the session ends if it cannot be written.
    pub fn migrated(&self, cx: &mut Context, asked: Asked<'_>, made: (&SessionId, &Session), repeated: bool) {
        let (candidate, proof) = asked;
        let (sid, session) = made;
        let outcome = if repeated { MigrationOutcome::Repeated } else { MigrationOutcome::Migrated };
        note(cx, &candidate.carrier, outcome);
        self.hear(cx, asked, Evidence::Good);
        let first = self.memory.expect(session.fingerprint);
        if repeated && !first {
            // A page asks for twenty things at once; it is one migration.
            return;
        }
        tracing::info!(
            request_id = %cx.id, session = %session.fingerprint, carrier = %candidate.carrier,
            cookie = %candidate.cookie, proof = proof.kind.as_str(), outcome = outcome.as_str(),
            "[Session-V2] a legacy cookie became a session"
        );
        let event = Event::new(Kind::LegacyMigrated).of(session).outcome(outcome.as_str());
        let event = event.carrier(&candidate.carrier).cookie(&candidate.cookie).method(proof.kind.as_str());
        cx.audited.push(if repeated { event } else { event.makes(*sid) });
    }

    /// The backend makes no session of it; `certain` where it says so in so many words. Many such are old sessions that
    /// have ended, and no failure. Without words it may be an outage that looks like a refusal; where the backend never
    /// has any, every ended session is one, and an outage shows in that nothing succeeds.
    pub fn refused(&self, cx: &mut Context, asked: Asked<'_>, certain: bool) {
        let (candidate, proof) = asked;
        note(cx, &candidate.carrier, MigrationOutcome::Refused);
        self.hear(cx, asked, Evidence::Doubtful);
        if !self.may_tell(cx) {
            return;
        }
        let reason = if certain { "refused" } else { "refused_without_a_word" };
        tracing::info!(
            request_id = %cx.id, carrier = %candidate.carrier, cookie = %candidate.cookie, proof = proof.kind.as_str(),
            reason, "[Session-V2] the backend makes no session of a legacy cookie"
        );
        let event = Event::new(Kind::LegacyRefused).outcome("refused").reason(reason).method(proof.kind.as_str());
        self.note(cx, event.carrier(&candidate.carrier).cookie(&candidate.cookie));
    }

    /// The proofs name several users; nobody is signed in. `ended`: their sessions were, so that this jar is no conflict any
    /// more. Otherwise it is one with every request, and anybody with two accounts can have it at will.
    pub fn conflict(&self, cx: &mut Context, all: &[Asked<'_>], ended: bool) {
        let Some(asked) = all.first() else { return };
        note(cx, &asked.0.carrier, MigrationOutcome::Conflict);
        self.hear(cx, *asked, if ended { Evidence::Failed } else { Evidence::Doubtful });
        if !ended && !self.may_tell(cx) {
            return;
        }
        let carriers: Vec<&str> = all.iter().map(|(candidate, _)| &*candidate.carrier).collect();
        let carriers = carriers.join(",");
        tracing::warn!(
            request_id = %cx.id, carriers, "[Session-V2] the legacy cookies of one browser name several users: nobody was signed in"
        );
        let event = Event::new(Kind::LegacyConflict).outcome("nobody_signed_in").reason("several_users");
        cx.audited.push(event.carrier(&carriers));
    }

    /// The backend gave no answer that counts: nothing was expired, nothing is lost.
    ///
    /// It counts as a failure where it answers: one that is down is down for everybody, and works again when it is back.
    pub fn unavailable(&self, cx: &mut Context, asked: Asked<'_>, why: Unavailable) {
        let carrier = &asked.0.carrier;
        note(cx, carrier, MigrationOutcome::Unavailable);
        if matches!(why, Unavailable::Status(_) | Unavailable::Malformed) {
            self.hear(cx, asked, Evidence::Failed);
        }
        if self.unavailable.check(()).is_ok() {
            let status = if let Unavailable::Status(status) = why { Some(status) } else { None };
            tracing::warn!(
                request_id = %cx.id, %carrier, reason = why.as_str(), status, again_in_s = AGAIN.per.as_secs(),
                "[Session-V2] the backend does not answer as it should: the legacy cookies stay, and the next request tries again"
            );
        }
    }

    /// Its client has tried too often.
    pub fn limited(&self, cx: &mut Context, claims: &Claims) {
        note(cx, &carrier_of(claims), MigrationOutcome::Limited);
        tracing::debug!(request_id = %cx.id, "[Session-V2] too many migrations of one client");
    }

    /// There is nothing in them that could be asked about.
    pub fn nothing(&self, cx: &mut Context, claims: &Claims) {
        note(cx, &carrier_of(claims), MigrationOutcome::Nothing);
        // A key that is not the application's shows here, and `enforce` would throw everybody's cookies away.
        if claims.candidates.iter().any(|c| c.verdict.why() == Some(Why::Undecryptable)) {
            let news = self.stop().hear(self.of_client(cx), Evidence::Doubtful, Instant::now());
            self.say(news);
        }
        tracing::debug!(
            request_id = %cx.id, candidates = %Candidates(claims),
            "[Session-V2] nothing in the legacy cookies can become a session"
        );
    }

    /// A session came with its `sid`. Where it was migrated within the last hour, that is told once: its browser has
    /// taken the cookie.
    pub fn came(&self, cx: &mut Context, session: &Session) {
        if !self.memory.came(&session.fingerprint) {
            return;
        }
        cx.facts.legacy().returned = true;
        tracing::debug!(request_id = %cx.id, session = %session.fingerprint, "[Session-V2] a migrated session came back");
        self.note(cx, Event::new(Kind::LegacyReturned).of(session));
    }

    /// Writes how many browsers carried legacy cookies since the last time, if any did.
    pub fn summarise(&self) {
        if let Some(event) = self.memory.summary() {
            self.audit.note(event);
        }
    }

    fn hear(&self, cx: &Context, (candidate, proof): Asked<'_>, evidence: Evidence) {
        // What anybody can write counts once per client; the rest once per proof.
        let sealed = self.sealed.contains(&*candidate.carrier);
        let of = if sealed || evidence == Evidence::Good {
            self.hashes.hash_one(proof.value.expose())
        } else {
            self.of_client(cx)
        };
        let news = self.stop().hear(of, evidence, Instant::now());
        self.say(news);
    }

    fn of_client(&self, cx: &Context) -> u64 {
        self.hashes.hash_one(client_prefix(cx.client))
    }

    fn stop(&self) -> MutexGuard<'_, Stop> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says aloud what has changed.
    fn say(&self, news: Option<News>) {
        let Some(news) = news else { return };
        self.stopped.store(matches!(news, News::Stopped { .. }), Relaxed);
        let event = Event::new(Kind::LegacyStopped);
        let event = match news {
            News::Stopped { failed, good } => {
                let pause_s = self.pause.as_secs();
                tracing::error!(
                    failed,
                    good,
                    trial_in_s = pause_s,
                    "[Session-V2] migration of legacy cookies has STOPPED: too many fail. Nothing is expired meanwhile; it is tried again by itself, or at once after `sidgate reload`"
                );
                event.outcome("stopped").number("failed", failed as u64).number("good", good as u64)
            }
            News::Trial => {
                tracing::warn!("[Session-V2] migration of legacy cookies is tried again");
                event.outcome("trial")
            }
            News::Resumed => {
                tracing::warn!("[Session-V2] migration of legacy cookies goes on");
                event.outcome("resumed")
            }
        };
        self.audit.note(event);
    }

    fn may_tell(&self, cx: &Context) -> bool {
        self.told.check(client_prefix(cx.client)).is_ok()
    }

    /// Into the audit trail, without waiting.
    fn note(&self, cx: &Context, event: Event) {
        if self.audit.is_on() {
            let agent = cx.user_agent.as_ref().map(|agent| agent.as_bytes());
            self.audit.note(event.request(&cx.id.to_string(), cx.client, agent));
        }
    }
}

/// That of the first proof; without one of what failed, or of what was there.
fn carrier_of(claims: &Claims) -> Arc<str> {
    let failed = || claims.candidates.iter().find(|c| matches!(c.verdict, Verdict::Rejected(_)));
    let first = claims.proofs().first().map(|(candidate, _)| *candidate).or_else(failed);
    first.or(claims.candidates.first()).map_or_else(|| NO_CARRIER.into(), |c| c.carrier.clone())
}

fn note(cx: &mut Context, carrier: &Arc<str>, outcome: MigrationOutcome) {
    cx.facts.legacy().migration = Some((carrier.clone(), outcome));
}

/// `session_token:session_id appSession:rejected(expired)`
struct Candidates<'a>(&'a Claims);

impl std::fmt::Display for Candidates<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, candidate) in self.0.candidates.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            write!(f, "{space}{}:{}", candidate.carrier, candidate.verdict.as_str())?;
            if let Some(why) = candidate.verdict.why() {
                write!(f, "({})", why.as_str())?;
            }
        }
        Ok(())
    }
}
