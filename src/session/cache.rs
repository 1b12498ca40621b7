//! The five-second cache.
//!
//! A map from sid to what the backend last said of it, with what no general cache offers together: one flight per
//! sid, which a revocation or a change cuts loose (so that a lookup that began before it cannot bring the session
//! back), tombstones, refresh ahead, the last good answer for `stale_if_error`, and bounds that refused sids cannot
//! use up at the cost of live ones.
//!
//! There is no I/O here and no clock: every step takes `now`. Who fetches holds a [`Ticket`] and settles it.

mod ended;
mod entry;
mod handover;
mod sweep;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as Slot;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::lookup::{Found, Freshness, Lookup, RefusalCode, Unavailable};
use super::types::{Onboarding, Session, SessionId};
use super::wire::Answer;
use crate::config;
use ended::Ended;
pub(super) use entry::Ticket;
use entry::{Entry, Flight, Good, State, weight};
use sweep::near;

/// How long a good answer is remembered beyond its ttl: a refusal soon after is asked again, backend permits are kept.
const MEMORY: Duration = Duration::from_secs(60);
/// Refused sids held at once. Their answers are good for a second at most, so more would only cost memory.
const MAX_REFUSED: usize = 10_000;

/// A refusal is never cached for longer, whatever the configuration says.
const MAX_REFUSAL_TTL: Duration = Duration::from_secs(1);

/// The map and its bounds.
pub(super) struct Cache {
    entries: DashMap<SessionId, Entry>,
    config: config::Session,
    live: AtomicUsize,
    refused: AtomicUsize,
    bytes: AtomicUsize,
    flights: AtomicU64,
    ended: Ended,
    /// Wakes the sweeper when a bound is near.
    pub(super) pressure: Notify,
    /// The cache in this one's place, after a reload that changed what an answer means.
    successor: OnceLock<Arc<Cache>>,
}

/// What the cache says at once.
pub(super) enum Peek {
    /// An answer.
    Known(Lookup),
    /// An answer that is about to end: worth renewing.
    Ending(Lookup),
    /// None.
    Unknown,
}

/// What to do about a sid that the cache does not know.
pub(super) enum Join {
    /// It does, by now.
    Known(Lookup),
    /// Somebody asks already.
    Wait(watch::Receiver<Option<Lookup>>),
    /// You ask.
    Lead(Ticket),
}

impl Cache {
    pub(super) fn new(config: &config::Session) -> Self {
        Self {
            entries: DashMap::new(),
            config: config.clone(),
            live: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            flights: AtomicU64::new(0),
            ended: Ended::default(),
            pressure: Notify::new(),
            successor: OnceLock::new(),
        }
    }

    /// The hot path: one read lock of one shard.
    pub(super) fn peek(&self, sid: &SessionId, now: Instant) -> Peek {
        let Some(entry) = self.entries.get(sid) else { return Peek::Unknown };
        match entry.answer(now) {
            None => Peek::Unknown,
            Some(lookup) => {
                let ending = matches!(entry.state, State::Good)
                    && entry.flight.is_none()
                    && entry.good.as_ref().is_some_and(|g| g.until.duration_since(now) < self.config.refresh_ahead);
                if ending { Peek::Ending(lookup) } else { Peek::Known(lookup) }
            }
        }
    }

    /// Joins the flight of a sid, or opens one.
    pub(super) fn join(&self, sid: &SessionId, now: Instant) -> Join {
        let mut entry = self.entries.entry(*sid).or_default();
        if let Some(lookup) = entry.answer(now) {
            return Join::Known(lookup);
        }
        match entry.under_way() {
            Some(flight) => Join::Wait(flight),
            None => Join::Lead(self.depart(&mut entry, *sid)),
        }
    }

    /// Opens a flight for an answer that is about to end, unless there is one.
    pub(super) fn renew(&self, sid: &SessionId) -> Option<Ticket> {
        let mut entry = self.entries.get_mut(sid)?;
        if entry.under_way().is_some() { None } else { Some(self.depart(&mut entry, *sid)) }
    }

    fn depart(&self, entry: &mut Entry, sid: SessionId) -> Ticket {
        let (report, flight) = watch::channel(None);
        let id = self.flights.fetch_add(1, Relaxed);
        entry.flight = Some(Flight { id, report: flight });
        Ticket { sid, id, report }
    }

    /// Takes the backend's answer in and tells everybody who waits. An answer to a question from before a revocation
    /// or a change is told, but not kept; from before a revocation it is a refusal.
    pub(super) fn settle(&self, ticket: Ticket, answer: Answer, now: Instant) -> Lookup {
        let lookup = match self.entries.entry(ticket.sid) {
            Slot::Vacant(_) => fresh(answer),
            Slot::Occupied(mut slot) => {
                let entry = slot.get_mut();
                let lookup = if entry.flight.as_ref().is_some_and(|f| f.id == ticket.id) {
                    entry.flight = None;
                    self.keep(entry, answer, now)
                } else {
                    match entry.state {
                        State::Refused { code, until } if until > now => Lookup::Refused(code),
                        _ => fresh(answer),
                    }
                };
                if slot.get().is_empty() {
                    slot.remove();
                }
                lookup
            }
        };
        ticket.report.send_replace(Some(lookup.clone()));
        lookup
    }

    fn keep(&self, entry: &mut Entry, answer: Answer, now: Instant) -> Lookup {
        match answer {
            Answer::Session(mut session) => {
                if let Some((until, code)) = self.ended.until(&session, now) {
                    self.forget_good(entry);
                    entry.state = State::Refused { code, until };
                    return Lookup::Refused(code);
                }
                // What the backend has not heard of is not forgotten with the answer from before.
                if let Some(before) = entry.good.as_ref().map(|good| &good.session) {
                    session.activity = before.activity.clone();
                    session.privileges_changed = before.privileges_changed || session.gains_on(before);
                }
                let session: Arc<Session> = Arc::from(session);
                self.keep_session(entry, session.clone(), now);
                Lookup::Found(Found { session, freshness: Freshness::Miss })
            }
            Answer::Refused(code) => {
                // Without a word it may be an outage: that the sid was good counts on, for permits, sign-outs and limits.
                let full = self.refused.load(Relaxed) >= MAX_REFUSED;
                if full || code != RefusalCode::Bare {
                    self.forget_good(entry);
                }
                if !full {
                    if !matches!(entry.state, State::Refused { .. }) {
                        self.refused.fetch_add(1, Relaxed);
                    }
                    entry.state = State::Refused { code, until: now + self.config.refusal_ttl.min(MAX_REFUSAL_TTL) };
                } else {
                    entry.state = State::Unknown;
                }
                Lookup::Refused(code)
            }
            Answer::Unavailable(why) => self.stale(entry, why, now),
        }
    }

    /// A good answer counts for `ttl`, and never past the session's own end.
    fn keep_session(&self, entry: &mut Entry, session: Arc<Session>, now: Instant) {
        let mut until = now + self.config.ttl;
        if let Some(end) = session.ends_at() {
            let left = Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or_default();
            until = until.min(now + left);
        }
        if let Some(old) = &entry.good {
            session.inherit(&old.session);
        }
        self.forget_good(entry);
        let weight = weight(&session);
        let full = self.live.load(Relaxed) >= self.config.max_entries
            || self.bytes.load(Relaxed) + weight > self.config.max_bytes;
        if full {
            entry.state = State::Unknown;
            self.pressure.notify_one();
            return;
        }
        let live = self.live.fetch_add(1, Relaxed);
        let bytes = self.bytes.fetch_add(weight, Relaxed);
        if near(live, self.config.max_entries) || near(bytes, self.config.max_bytes) {
            self.pressure.notify_one();
        }
        entry.state = State::Good;
        entry.good = Some(Good { session, at: now, until });
    }

    fn stale(&self, entry: &Entry, why: Unavailable, now: Instant) -> Lookup {
        let refused = matches!(entry.state, State::Refused { .. });
        let Some(good) = entry.good.as_ref().filter(|_| !refused) else { return Lookup::Unavailable(why) };
        let age = now.duration_since(good.at);
        let ended = good.session.ends_at().is_some_and(|end| end <= Timestamp::now());
        if age <= self.config.stale_if_error && !ended {
            return Lookup::Found(Found { session: good.session.clone(), freshness: Freshness::Stale(age) });
        }
        Lookup::Unavailable(why)
    }

    fn forget_good(&self, entry: &mut Entry) {
        if let Some(old) = entry.good.take() {
            lower(&self.live, 1);
            lower(&self.bytes, weight(&old.session));
        }
    }

    /// Puts a session in that a sign-in has just made.
    pub(super) fn prime(&self, sid: &SessionId, session: Arc<Session>, now: Instant) {
        let mut entry = self.entries.entry(*sid).or_default();
        entry.flight = None;
        if let Some((until, code)) = self.ended.until(&session, now) {
            entry.state = State::Refused { code, until };
            return;
        }
        self.keep_session(&mut entry, session, now);
    }

    /// Ends a session here: a tombstone that outlives every lookup under way.
    pub(super) fn revoke(&self, sid: &SessionId, code: RefusalCode, until: Instant) {
        if let Some(successor) = self.successor.get() {
            successor.revoke(sid, code, until);
        }
        let mut entry = self.entries.entry(*sid).or_default();
        entry.flight = None;
        self.forget_good(&mut entry);
        entry.state = State::Refused { code, until };
    }

    /// What is known may be out of date, and so may be what a flight under way brings: the next request asks.
    pub(super) fn changed(&self, sid: &SessionId) {
        if let Some(successor) = self.successor.get() {
            successor.changed(sid);
        }
        if let Some(mut entry) = self.entries.get_mut(sid) {
            (entry.flight, entry.rechecked) = (None, None);
            if matches!(entry.state, State::Good) {
                entry.state = State::Unknown;
            }
        }
    }

    /// Makes an answer older than `age` not count any more.
    pub(super) fn expire(&self, sid: &SessionId, age: Duration, now: Instant) {
        if let Some(mut entry) = self.entries.get_mut(sid)
            && matches!(entry.state, State::Good)
            && entry.good.as_ref().is_some_and(|g| now.duration_since(g.at) >= age)
        {
            entry.state = State::Unknown;
        }
    }

    /// Whether the backend knew it a short while ago.
    pub(super) fn recently_good(&self, sid: &SessionId, now: Instant) -> bool {
        let good = |e: &Entry| e.good.as_ref().is_some_and(|g| now.duration_since(g.at) < MEMORY);
        self.entries.get(sid).is_some_and(|e| good(&e))
    }

    /// Whether it has ended, and is refused without asking.
    pub(super) fn refuses(&self, sid: &SessionId, now: Instant) -> bool {
        let ended =
            |e: &Entry| matches!(e.state, State::Refused { code, until } if until > now && code != RefusalCode::Bare);
        self.entries.get(sid).is_some_and(|e| ended(&e))
    }

    /// How far its user was with onboarding when that was last known, and when that was asked by a call of its own.
    pub(super) fn onboarding(&self, sid: &SessionId) -> Option<(Onboarding, Option<Instant>)> {
        let entry = self.entries.get(sid)?;
        entry.good.as_ref().map(|good| (good.session.onboarding.clone(), entry.rechecked))
    }

    /// That has just been asked.
    pub(super) fn rechecked(&self, sid: &SessionId, now: Instant) {
        if let Some(mut entry) = self.entries.get_mut(sid) {
            entry.rechecked = Some(now);
        }
    }

    /// Whether it was refused a short while ago.
    pub(super) fn recently_refused(&self, sid: &SessionId) -> bool {
        self.entries.get(sid).is_some_and(|e| matches!(e.state, State::Refused { .. }))
    }

    /// The last good answer, if it is remembered.
    pub(super) fn last_good(&self, sid: &SessionId) -> Option<Arc<Session>> {
        self.entries.get(sid)?.good.as_ref().map(|good| good.session.clone())
    }

    /// Whether the answer at hand already had the contradiction that is told once.
    pub(super) fn contradicts(&self, sid: &SessionId) -> bool {
        let contradicts = |e: &Entry| e.good.as_ref().is_some_and(|g| g.session.contradictory_onboarding);
        self.entries.get(sid).is_some_and(|e| contradicts(&e))
    }

    /// Sessions held.
    pub(super) fn len(&self) -> usize {
        self.live.load(Relaxed)
    }
}

/// A sweep sets the counters anew while others count, so they may be a little off; below zero they must not go.
fn lower(counter: &AtomicUsize, by: usize) {
    let _ = counter.fetch_update(Relaxed, Relaxed, |n| Some(n.saturating_sub(by)));
}

fn fresh(answer: Answer) -> Lookup {
    match answer {
        Answer::Session(session) => Lookup::Found(Found { session: Arc::from(session), freshness: Freshness::Miss }),
        Answer::Refused(code) => Lookup::Refused(code),
        Answer::Unavailable(why) => Lookup::Unavailable(why),
    }
}

#[cfg(test)]
pub(super) mod tests;
