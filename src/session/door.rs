//! [`Sessions`]: the one door. Cache first, then the backend, in this order and within these bounds.

mod devices;
mod ending;
mod fetch;
mod migrating;
mod privileges;
mod reload;
mod renewing;
mod switching;
mod telling;
mod twins;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use self::renewing::UnderWay;
use self::twins::Twins;
use super::activity::Batches;
use super::backend::{Backend, Caller, Credentials, SignInAnswer};
use super::cache::{Cache, Join, Peek};
use super::lookup::{Lookup, RefusalCode, Unavailable};
use super::types::{Session, SessionId};
use crate::audit::Audit;
use crate::config::{self, Capability, Config};
use crate::cookie::SidCookies;
use crate::limit::{Limiter, client_prefix};

/// Between two looks for what the cache may drop.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The door to sessions. Cloning it is cheap.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    cache: Arc<Cache>,
    backend: Backend,
    config: config::Session,
    timeout: Duration,
    audit: Audit,
    /// Half of the backend permits are for anyone ...
    anyone: Semaphore,
    /// ... and half for sids that were good recently, so that a flood of made-up ones cannot shut them out.
    known: Semaphore,
    waiting: AtomicUsize,
    max_waiting: usize,
    /// The last call came to nothing: no refresh ahead meanwhile.
    down: AtomicBool,
    /// The backend does not know our key.
    key_refused: AtomicBool,
    refusals: Arc<Limiter<IpAddr>>,
    carried: Arc<Carried>,
    /// Uses of sessions that wait for the backend to hear of them; none where it does not want to.
    activity: Option<Arc<Batches>>,
    /// Those in the place of these, after a reload.
    successor: OnceLock<Arc<Inner>>,
}

/// What one door can take over from another.
struct Kept {
    cache: Arc<Cache>,
    /// Notes in the cache's sessions speak of these.
    activity: Option<Arc<Batches>>,
    refusals: Arc<Limiter<IpAddr>>,
    carried: Arc<Carried>,
}

impl Kept {
    fn new(config: &Config) -> Self {
        let tells = config.backend.supports(Capability::Activity);
        Self {
            cache: Arc::new(Cache::new(&config.session)),
            activity: tells.then(|| Arc::new(Batches::new(&config.activity))),
            refusals: Arc::new(Limiter::new(config.session.refusals_per_client)),
            carried: Arc::default(),
        }
    }
}

/// What is under way, and counted, whatever the configuration: a reload leaves it as it is.
#[derive(Default)]
struct Carried {
    /// Sids whose sign-out is repeated until the backend takes it.
    pending: Mutex<HashSet<SessionId>>,
    /// Sids that the backend is putting another in the place of.
    renewing: Mutex<HashMap<SessionId, bool>>,
    /// Sessions that go on under a new sid because they may do more, and what came of it.
    renewals: Mutex<privileges::Renewals>,
    /// What became of old cookies' proofs.
    migrations: Mutex<migrating::Migrations>,
    /// Switches of the tenant under way.
    switches: Mutex<switching::Switches>,
    /// Sessions of which the backend said both that onboarding is needed and that it is completed.
    contradictions: AtomicU64,
    /// Questions about sids that went out to the backend.
    validations: AtomicU64,
}

/// What there is to count.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Sessions held.
    pub sessions: usize,
    /// Sign-outs that the backend has not taken yet.
    pub pending: usize,
    /// Sessions of which the backend said both that onboarding is needed and that it is completed.
    pub contradictions: u64,
    /// Questions about sids that went out to the backend.
    pub validations: u64,
    /// Uses of sessions that the backend has been told of.
    pub activity_sent: u64,
    /// Those that it has not, and will not.
    pub activity_lost: u64,
}

/// What the sids of one request came to.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// What asking came to.
    pub lookup: Lookup,
    /// The sid that it speaks of.
    pub sid: Option<SessionId>,
    /// Others of the same name came along: expire them, and set this one again.
    pub heal: bool,
    /// Others that live and are of the same user: where this one is set again, no cookie holds them any more.
    pub twins: Twins,
}

impl Sessions {
    /// Opens the door. Needs a tokio runtime: the cache is swept in the background.
    ///
    /// # Errors
    /// What the backend's configuration cannot be made into.
    pub fn new(config: &Config, audit: Audit) -> Result<Self, String> {
        Self::build(config, audit, Kept::new(config))
    }

    fn build(config: &Config, audit: Audit, kept: Kept) -> Result<Self, String> {
        let half = config.backend.max_concurrent / 2;
        let Kept { cache, activity, refusals, carried } = kept;
        let inner = Arc::new(Inner {
            cache,
            backend: Backend::new(&config.backend)?,
            config: config.session.clone(),
            timeout: config.backend.timeout,
            audit,
            anyone: Semaphore::new((config.backend.max_concurrent - half).max(1)),
            known: Semaphore::new(half),
            waiting: AtomicUsize::new(0),
            max_waiting: config.backend.max_waiting,
            down: AtomicBool::new(false),
            key_refused: AtomicBool::new(false),
            refusals,
            carried,
            activity,
            successor: OnceLock::new(),
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            while let Some(inner) = weak.upgrade() {
                inner.cache.sweep(Instant::now());
                inner.probe().await;
                let _ = tokio::time::timeout(SWEEP_EVERY, inner.cache.pressure.notified()).await;
            }
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            while let Some(inner) = weak.upgrade() {
                inner.activity_due().await;
                inner.flush_activity().await;
            }
        });
        Ok(Self(inner))
    }

    /// Asks about one sid: the cache, else the flight under way, else the backend.
    pub async fn lookup(&self, sid: &SessionId, caller: &(dyn Fn() -> Caller + Sync)) -> Lookup {
        let now = Instant::now();
        match self.0.cache.peek(sid, now) {
            Peek::Known(lookup) => return lookup,
            Peek::Ending(lookup) => {
                self.refresh(sid, caller);
                return lookup;
            }
            Peek::Unknown => {}
        }
        let was_good = self.0.cache.recently_good(sid, now);
        let client = client_prefix(caller().client);
        if !was_good && let Some(retry_after) = self.0.refusals.exhausted(&client) {
            return Lookup::Throttled { retry_after };
        }
        let mut flight = match self.0.cache.join(sid, now) {
            Join::Known(lookup) => return lookup,
            Join::Wait(flight) => flight,
            Join::Lead(ticket) => {
                let (inner, caller) = (self.0.clone(), caller());
                // A task of its own: the browser that happened to lead may go away, those who wait do not.
                let work = tokio::spawn(async move { inner.fetch(ticket, caller, was_good).await });
                return work.await.unwrap_or(Lookup::Unavailable(Unavailable::Overload));
            }
        };
        let settled = flight.wait_for(Option::is_some).await;
        let lookup = settled.ok().and_then(|l| l.clone());
        lookup.unwrap_or(Lookup::Unavailable(Unavailable::Overload))
    }

    /// Asks again what the cache may hold a moment too long, at most once a second per sid.
    pub async fn recheck(&self, sid: &SessionId, caller: &(dyn Fn() -> Caller + Sync)) -> Lookup {
        self.0.cache.expire(sid, Duration::from_secs(1), Instant::now());
        self.lookup(sid, caller).await
    }

    /// What is remembered of a sid, for the audit trail; the backend is not asked.
    pub fn remembered(&self, sid: &SessionId) -> Option<Arc<Session>> {
        self.0.cache.last_good(sid)
    }

    /// Asks the backend, whatever the cache holds. What was ended here stays ended.
    pub async fn lookup_anew(&self, sid: &SessionId, caller: &(dyn Fn() -> Caller + Sync)) -> Lookup {
        self.0.cache.changed(sid);
        self.lookup(sid, caller).await
    }

    /// What is known of the sid may be out of date.
    pub fn changed(&self, sid: &SessionId) {
        self.0.cache.changed(sid);
    }

    /// Signs in. A session that comes of it is known here at once. The backend is told which live session it takes the
    /// place of: that one ends, and does not count to the limit of its user.
    pub async fn sign_in(&self, credentials: &Credentials, came: &SidCookies, caller: &Caller) -> SignInAnswer {
        let replaced = self.resolve(came, &|| caller.clone()).await;
        let replaces = match &replaced.lookup {
            Lookup::Found(found) => found.session.public_id.as_deref(),
            _ => None,
        };
        let _under_way = replaced.sid.map(|sid| UnderWay::begin(&self.0, sid));
        let mut answer = self.0.backend.sign_in(credentials, replaces, caller).await;
        match &mut answer {
            SignInAnswer::Session(sid, session, evicted) => {
                if let Some(session) = Arc::get_mut(session) {
                    self.0.recheck_onboarding(sid, session, caller).await;
                }
                self.0.note(None);
                self.0.note_contradiction(sid, session);
                let now = Instant::now();
                if !evicted.is_empty() {
                    let until = (now + ending::TOMBSTONE, RefusalCode::Limit);
                    self.0.cache.revoke_public_ids(evicted, &session.user.id, until);
                }
                self.0.cache.prime(sid, session.clone(), now);
            }
            SignInAnswer::Unavailable(why) => self.0.note(Some(*why)),
            _ => {}
        }
        answer
    }

    /// Whether the backend has a call for this.
    pub fn supports(&self, capability: Capability) -> bool {
        self.0.backend.supports(capability)
    }

    /// The backend does not know our key: an alarm, for `/readyz`.
    pub fn key_refused(&self) -> bool {
        self.0.key_refused.load(Relaxed)
    }

    /// The last call to the backend came to nothing.
    pub fn backend_down(&self) -> bool {
        self.0.down.load(Relaxed)
    }

    /// What there is to count.
    pub fn counts(&self) -> Counts {
        let (activity_sent, activity_lost) = self.0.activity_counts();
        Counts {
            activity_sent,
            activity_lost,
            sessions: self.0.cache.len(),
            pending: self.0.pending().len(),
            contradictions: self.0.carried.contradictions.load(Relaxed),
            validations: self.0.carried.validations.load(Relaxed),
        }
    }

    /// Renews in the background; only with a permit that is free at once, and not while the backend is down.
    fn refresh(&self, sid: &SessionId, caller: &(dyn Fn() -> Caller + Sync)) {
        if self.0.down.load(Relaxed) || self.0.known.available_permits() == 0 {
            return;
        }
        let Some(ticket) = self.0.cache.renew(sid) else { return };
        let (inner, caller) = (self.0.clone(), caller());
        tokio::spawn(async move { inner.fetch(ticket, caller, true).await });
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("config", &self.0.config).finish_non_exhaustive()
    }
}
