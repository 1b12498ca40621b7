//! [`Sessions`]: the one door. Cache first, then the backend, in this order and within these bounds.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use uuid::Uuid;

use super::backend::{Backend, Caller, Credentials, SignInAnswer, SignOutAnswer};
use super::cache::{Cache, Join, Peek, Ticket};
use super::types::{Lookup, RefusalCode, Session, SessionId, Unavailable};
use super::wire::Answer;
use crate::config::{self, Config};
use crate::context::RequestId;
use crate::cookie::SidCookies;
use crate::limit::{Limiter, client_prefix};

/// How long a replaced or ended sid is refused here without asking.
const TOMBSTONE: Duration = Duration::from_secs(60);
/// How long one that the backend has not yet ended is: a gateway that runs on repeats it until then.
const PENDING_TOMBSTONE: Duration = Duration::from_secs(24 * 3600);
/// Between two looks for what the cache may drop.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Sign-outs that wait for the backend at once.
const MAX_PENDING: usize = 10_000;

/// The door to sessions. Cloning it is cheap.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    cache: Cache,
    backend: Backend,
    config: config::Session,
    timeout: Duration,
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
    refusals: Limiter<IpAddr>,
    pending: AtomicUsize,
    /// Sessions of which the backend said both that onboarding is needed and that it is completed.
    contradictions: AtomicU64,
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
}

impl Sessions {
    /// Opens the door. Needs a tokio runtime: the cache is swept in the background.
    ///
    /// # Errors
    /// What the backend's configuration cannot be made into.
    pub fn new(config: &Config) -> Result<Self, String> {
        let half = config.backend.max_concurrent / 2;
        let inner = Arc::new(Inner {
            cache: Cache::new(&config.session),
            backend: Backend::new(&config.backend)?,
            config: config.session.clone(),
            timeout: config.backend.timeout,
            anyone: Semaphore::new((config.backend.max_concurrent - half).max(1)),
            known: Semaphore::new(half),
            waiting: AtomicUsize::new(0),
            max_waiting: config.backend.max_waiting,
            down: AtomicBool::new(false),
            key_refused: AtomicBool::new(false),
            refusals: Limiter::new(config.session.refusals_per_client),
            pending: AtomicUsize::new(0),
            contradictions: AtomicU64::new(0),
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            while let Some(inner) = weak.upgrade() {
                inner.cache.sweep(Instant::now());
                inner.probe().await;
                let _ = tokio::time::timeout(SWEEP_EVERY, inner.cache.pressure.notified()).await;
            }
        });
        Ok(Self(inner))
    }

    /// Whose request is this?
    ///
    /// Several sids in one request are normal after a change of domain. The live one counts; two live ones of
    /// different users count as none, because which of them the person means would be a guess.
    pub async fn resolve(&self, cookies: &SidCookies, caller: &(dyn Fn() -> Caller + Sync)) -> Resolved {
        let mut sids = cookies.iter();
        let Some(first) = sids.next() else {
            return Resolved { lookup: Lookup::Absent, sid: None, heal: false };
        };
        let mut best = (self.lookup(&first, caller).await, first);
        let mut doubt = false;
        for sid in sids {
            let lookup = self.lookup(&sid, caller).await;
            match (&best.0, &lookup) {
                (Lookup::Found(a), Lookup::Found(b)) if a.session.user.id != b.session.user.id => {
                    return Resolved { lookup: Lookup::Refused(RefusalCode::Conflict), sid: None, heal: false };
                }
                (Lookup::Found(_), other) => doubt |= !matches!(other, Lookup::Refused(_) | Lookup::Found(_)),
                (earlier, Lookup::Found(_)) => {
                    doubt |= !matches!(earlier, Lookup::Refused(_));
                    best = (lookup, sid);
                }
                // "Don't know" outweighs "no": the one that could not be asked may be the good one.
                (Lookup::Refused(_), Lookup::Unavailable(_) | Lookup::Throttled { .. }) => best = (lookup, sid),
                _ => {}
            }
        }
        let (lookup, sid) = best;
        let heal = cookies.sent > 1 && !doubt && matches!(lookup, Lookup::Found(_));
        Resolved { lookup, sid: Some(sid), heal }
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

    /// What is known of the sid may be out of date.
    pub fn changed(&self, sid: &SessionId) {
        self.0.cache.changed(sid);
    }

    /// Signs in. A session that comes of it is known here at once.
    pub async fn sign_in(&self, credentials: &Credentials, caller: &Caller) -> SignInAnswer {
        let answer = self.0.backend.sign_in(credentials, caller).await;
        match &answer {
            SignInAnswer::Session(sid, session) => {
                self.0.note(None);
                self.0.note_contradiction(sid, session);
                self.0.cache.prime(sid, session.clone(), Instant::now());
            }
            SignInAnswer::Unavailable(why) => self.0.note(Some(*why)),
            _ => {}
        }
        answer
    }

    /// Replaces a sid by the one of a new sign-in: the old one ends, here at once and at the backend soon.
    pub fn replace(&self, old: SessionId, caller: Caller) {
        self.0.cache.revoke(&old, RefusalCode::Rotated, Instant::now() + TOMBSTONE);
        let this = self.clone();
        tokio::spawn(async move { this.end(old, &caller, RefusalCode::Rotated).await });
    }

    /// Signs out. From now on the sid is refused here, whatever the backend does.
    ///
    /// A sid that nobody has seen lately is taken on trust, so it counts like a refused one: whoever makes sids up
    /// must not fill the memory with tombstones, nor the backend with calls.
    ///
    /// # Errors
    /// How long to wait, when too many such sids came from this client.
    pub async fn sign_out(&self, sid: SessionId, caller: &Caller) -> Result<SignOutAnswer, Duration> {
        let now = Instant::now();
        if !self.0.cache.recently_good(&sid, now) && !self.0.cache.recently_refused(&sid) {
            self.0.refusals.check(client_prefix(caller.client))?;
        }
        self.0.cache.revoke(&sid, RefusalCode::Revoked, now + TOMBSTONE);
        // A task of its own: a browser that goes away at this moment has signed out all the same.
        let (this, caller) = (self.clone(), caller.clone());
        let work = tokio::spawn(async move { this.end(sid, &caller, RefusalCode::Revoked).await });
        Ok(work.await.unwrap_or(SignOutAnswer::Pending))
    }

    async fn end(&self, sid: SessionId, caller: &Caller, code: RefusalCode) -> SignOutAnswer {
        match self.0.backend.sign_out(&sid, caller).await {
            Ok(()) => SignOutAnswer::Done,
            Err(why) => {
                self.0.note(Some(why));
                self.keep_ending(sid, caller.clone(), code);
                SignOutAnswer::Pending
            }
        }
    }

    /// Repeats a sign-out until the backend takes it. The tombstone stands as long.
    fn keep_ending(&self, sid: SessionId, caller: Caller, code: RefusalCode) {
        let (inner, started) = (self.0.clone(), Instant::now());
        if inner.pending.fetch_add(1, Relaxed) >= MAX_PENDING {
            inner.pending.fetch_sub(1, Relaxed);
            tracing::error!(session = %sid.fingerprint(), "too many sign-outs wait for the backend; this one is refused here only, and for a minute");
            return;
        }
        inner.cache.revoke(&sid, code, started + PENDING_TOMBSTONE);
        tokio::spawn(async move {
            let (mut code, mut wait) = (code, Duration::from_millis(500));
            loop {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(30));
                if inner.backend.sign_out(&sid, &caller).await.is_ok() {
                    break;
                }
                // "The browser is about to learn the new one" is true for a minute only.
                if code == RefusalCode::Rotated && started.elapsed() > TOMBSTONE {
                    code = RefusalCode::Revoked;
                    inner.cache.revoke(&sid, code, started + PENDING_TOMBSTONE);
                }
            }
            inner.pending.fetch_sub(1, Relaxed);
            inner.note(None);
            inner.cache.revoke(&sid, code, Instant::now() + TOMBSTONE);
            tracing::info!(session = %sid.fingerprint(), "the backend has taken a sign-out that was pending");
        });
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
        Counts {
            sessions: self.0.cache.len(),
            pending: self.0.pending.load(Relaxed),
            contradictions: self.0.contradictions.load(Relaxed),
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

impl Inner {
    async fn fetch(&self, ticket: Ticket, caller: Caller, was_good: bool) -> Lookup {
        let answer = match self.permit(was_good).await {
            None => Answer::Unavailable(Unavailable::Overload),
            Some(_permit) => {
                let answer = self.backend.validate(&ticket.sid, &caller).await;
                // A replica that lags, or a cache in front of it: one more question before a person is signed out.
                if was_good && matches!(answer, Answer::Refused(RefusalCode::Unknown)) {
                    self.backend.validate(&ticket.sid, &caller).await
                } else {
                    answer
                }
            }
        };
        match &answer {
            Answer::Refused(_) => {
                self.note(None);
                // Sids are counted, not questions: a page left open asks on with an ended session.
                if !self.cache.recently_refused(&ticket.sid) {
                    self.refusals.take(client_prefix(caller.client));
                }
            }
            Answer::Unavailable(why) => self.note(Some(*why)),
            Answer::Session(session) => {
                self.note(None);
                self.note_contradiction(&ticket.sid, session);
            }
        }
        self.cache.settle(ticket, answer, Instant::now())
    }

    /// Said and counted once per session, not once per lookup.
    fn note_contradiction(&self, sid: &SessionId, session: &Session) {
        if session.contradictory_onboarding && !self.cache.contradicts(sid) {
            self.contradictions.fetch_add(1, Relaxed);
            tracing::warn!(
                session = %session.fingerprint, user = %session.user.id,
                "the backend says both that onboarding is needed and that it is completed; it counts as complete"
            );
        }
    }

    /// A gateway that is unready because of its key gets no requests, and so would never learn that the key is taken
    /// again: it asks by itself, about a session that nobody has.
    async fn probe(&self) {
        if !self.key_refused.load(Relaxed) {
            return;
        }
        let id = RequestId::new();
        let caller = Caller {
            client: Ipv4Addr::UNSPECIFIED.into(),
            user_agent: None,
            request_id: id.header(),
            traceparent: id.traceparent(),
        };
        match self.backend.validate(&SessionId::from_uuid(Uuid::new_v4()), &caller).await {
            Answer::Unavailable(why) => self.note(Some(why)),
            Answer::Refused(_) | Answer::Session(_) => self.note(None),
        }
    }

    async fn permit(&self, was_good: bool) -> Option<SemaphorePermit<'_>> {
        if let Ok(permit) = self.anyone.try_acquire() {
            return Some(permit);
        }
        if was_good && let Ok(permit) = self.known.try_acquire() {
            return Some(permit);
        }
        // Those whose session was good may wait in any number: there are only as many as the cache holds.
        let _place = if was_good { None } else { Some(Place::take(&self.waiting, self.max_waiting)?) };
        let wait = async {
            if was_good {
                tokio::select! { p = self.anyone.acquire() => p, p = self.known.acquire() => p }
            } else {
                self.anyone.acquire().await
            }
        };
        tokio::time::timeout(self.timeout, wait).await.ok()?.ok()
    }

    /// Remembers how the backend is, and says so when that changes.
    fn note(&self, trouble: Option<Unavailable>) {
        let key = trouble == Some(Unavailable::GatewayKey);
        if trouble == Some(Unavailable::Overload) {
            return;
        }
        if self.key_refused.load(Relaxed) != key && self.key_refused.swap(key, Relaxed) != key && key {
            tracing::error!("the backend refuses the gateway's key: compare [backend] gateway_key with the backend's");
        }
        let down = trouble.is_some();
        if self.down.load(Relaxed) != down && self.down.swap(down, Relaxed) != down {
            match trouble {
                Some(why) => tracing::warn!(reason = why.as_str(), "the backend does not answer; sessions are kept"),
                None => tracing::info!("the backend answers again"),
            }
        }
    }
}

/// A place in the queue for a backend permit; given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, max: usize) -> Option<Self> {
        let place = Self(waiting);
        (waiting.fetch_add(1, Relaxed) < max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("config", &self.0.config).finish_non_exhaustive()
    }
}
