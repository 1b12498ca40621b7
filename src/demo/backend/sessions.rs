//! The sessions themselves: SHA-256 of a sid -> what is known. No sid is kept.
//!
//! An ended session stays, so that its sid is answered with what ended it and not `session_unknown`, until newer ones
//! push it out.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use uuid::Uuid;

use super::digest::{Digest, stored};
use super::policy::{LimitPolicy, SessionPolicy, after};
use super::reply::Refused;

/// Sessions kept, ended ones included; the oldest go.
const MAX_SESSIONS: usize = 100_000;

/// What ended a session before its time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Revoked,
    /// A newer one of its user took its place.
    Evicted,
}

#[derive(Clone)]
pub(super) struct Session {
    pub(super) public_id: Uuid,
    pub(super) user: &'static str,
    /// The tenant that was chosen; the user's first one otherwise.
    pub(super) tenant: Option<String>,
    pub(super) authenticated_at: Timestamp,
    pub(super) created_at: Timestamp,
    pub(super) last_activity: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) ip: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) ended: Option<Ended>,
    /// How long it lasts without activity.
    pub(super) idle_lifetime: Option<Duration>,
    /// The one that was migrated to this one and stays alive beside it; they end together.
    pub(super) keeps: Option<Digest>,
    /// The one that this one was migrated to. It is the same session, under its old id.
    pub(super) kept_for: Option<Digest>,
}

impl Session {
    pub(super) fn new(user: &'static str, now: Timestamp, policy: &SessionPolicy) -> Self {
        Self {
            public_id: Uuid::new_v4(),
            user,
            tenant: None,
            authenticated_at: now,
            created_at: now,
            last_activity: now,
            expires_at: after(now, policy.lifetime),
            ip: None,
            user_agent: None,
            ended: None,
            idle_lifetime: policy.idle_lifetime,
            keeps: None,
            kept_for: None,
        }
    }

    /// The same session under another sid. It is no sign-in: when the person last proved who they are, and when that
    /// ends, do not move.
    pub(super) fn successor(&self, now: Timestamp) -> Self {
        let (public_id, keeps, kept_for) = (Uuid::new_v4(), None, None);
        Self { public_id, created_at: now, last_activity: now, keeps, kept_for, ..self.clone() }
    }

    pub(super) fn live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.expires_at && !self.idle(now)
    }

    /// When it ends if nothing happens.
    pub(super) fn idle_expires_at(&self) -> Option<Timestamp> {
        self.idle_lifetime.map(|lifetime| after(self.last_activity, lifetime))
    }

    /// Whether nothing happened for too long.
    pub(super) fn idle(&self, now: Timestamp) -> bool {
        self.idle_expires_at().is_some_and(|end| end <= now)
    }
}

#[derive(Default)]
pub(super) struct Sessions {
    by_sid: HashMap<Digest, Session>,
    by_public_id: HashMap<Uuid, Digest>,
    /// Oldest first; every session once.
    order: VecDeque<Digest>,
}

impl Sessions {
    /// Takes a new session in. `false` when there has been one with this sid.
    pub(super) fn insert(&mut self, hash: Digest, session: Session) -> bool {
        if self.by_sid.contains_key(&hash) {
            return false;
        }
        while self.order.len() >= MAX_SESSIONS {
            if let Some(oldest) = self.order.pop_front().and_then(|hash| self.by_sid.remove(&hash)) {
                self.by_public_id.remove(&oldest.public_id);
            }
        }
        self.by_public_id.insert(session.public_id, hash);
        self.order.push_back(hash);
        self.by_sid.insert(hash, session);
        true
    }

    /// The live session of a sid, or the contract's word for what became of it.
    pub(super) fn find(&self, sid: &str, now: Timestamp) -> Result<&Session, Refused> {
        let no = |code| Refused::new(StatusCode::UNAUTHORIZED, code);
        match stored(sid).and_then(|hash| self.by_sid.get(&hash)) {
            None => Err(no("session_unknown")),
            Some(session) => match session.ended {
                Some(Ended::Revoked) => Err(no("session_revoked")),
                Some(Ended::Evicted) => Err(no("session_limit")),
                None if now >= session.expires_at => Err(no("session_expired")),
                None if session.idle(now) => Err(no("session_idle")),
                None => Ok(session),
            },
        }
    }

    pub(super) fn by_hash(&self, hash: &Digest) -> Option<&Session> {
        self.by_sid.get(hash)
    }

    pub(super) fn by_public_id(&mut self, public_id: Uuid) -> Option<&mut Session> {
        self.by_sid.get_mut(self.by_public_id.get(&public_id)?)
    }

    /// Live sessions of a user, newest first.
    pub(super) fn of_user(&self, user: &str, now: Timestamp) -> Vec<&Session> {
        let own = |s: &&Session| s.user == user && s.live(now) && s.kept_for.is_none();
        let mut own: Vec<&Session> = self.by_sid.values().filter(own).collect();
        own.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.public_id)));
        own
    }

    /// Ends the session of a sid, under each of its ids; its public id when it was live.
    pub(super) fn end(&mut self, hash: &Digest, now: Timestamp) -> Option<Uuid> {
        let session = self.by_sid.get_mut(hash).filter(|session| session.live(now))?;
        session.ended = Some(Ended::Revoked);
        let (public_id, others) = (session.public_id, [session.keeps, session.kept_for]);
        for other in others.iter().flatten() {
            self.end(other, now);
        }
        Some(public_id)
    }

    /// Keeps a session alive under its old id, beside the one that it was migrated to.
    pub(super) fn keep(&mut self, old: &Digest, new: Digest) {
        if let Some(session) = self.by_sid.get_mut(old) {
            session.kept_for = Some(new);
        }
        if let Some(session) = self.by_sid.get_mut(&new) {
            session.keeps = Some(*old);
        }
    }

    /// Ends a session that goes on under another sid: what it keeps, that one keeps.
    pub(super) fn supersede(&mut self, old: &Digest, new: Digest, now: Timestamp) {
        if let Some(kept) = self.by_sid.get_mut(old).and_then(|session| session.keeps.take()) {
            self.keep(&kept, new);
        }
        self.end(old, now);
    }

    /// The live session of a sid, to be changed.
    pub(super) fn live_mut(&mut self, sid: &str, now: Timestamp) -> Option<&mut Session> {
        self.by_sid.get_mut(&stored(sid)?).filter(|session| session.live(now))
    }

    /// Makes room for one more session of a user; the public ids of those that were evicted for it. The one that the new
    /// one takes the place of ends and does not count: its browser signs in again. Refused where the policy denies.
    pub(super) fn make_room(
        &mut self,
        user: &str,
        replaces: Option<Uuid>,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<Vec<Uuid>, Refused> {
        let counts = |session: &&mut Session| session.user == user && session.live(now) && session.kept_for.is_none();
        let own = self.by_sid.values_mut().filter(counts);
        let (replaced, mut own): (Vec<_>, Vec<_>) = own.partition(|session| Some(session.public_id) == replaces);
        let surplus = policy.limit.map_or(0, |limit| (own.len() + 1).saturating_sub(limit.get()));
        if surplus > 0 && policy.limit_policy == LimitPolicy::Deny {
            return Err(Refused::new(StatusCode::CONFLICT, "session_limit"));
        }
        let mut kept = Vec::new();
        for session in replaced {
            session.ended = Some(Ended::Revoked);
            kept.extend(session.keeps);
        }
        // A new sid makes a session no younger.
        own.sort_by_key(|session| (session.authenticated_at, session.created_at, session.public_id));
        let evict = |session: &mut Session| {
            session.ended = Some(Ended::Evicted);
            (session.public_id, session.keeps)
        };
        let evicted: Vec<_> = own.into_iter().take(surplus).map(evict).collect();
        for hash in kept.into_iter().chain(evicted.iter().filter_map(|(_, keeps)| *keeps)) {
            self.end(&hash, now);
        }
        Ok(evicted.into_iter().map(|(public_id, _)| public_id).collect())
    }

    /// Ends every live session that fits; their public ids. One that is kept for another ends with that one only.
    pub(super) fn end_where(&mut self, now: Timestamp, fits: impl Fn(&Session) -> bool) -> Vec<Uuid> {
        let kept = |session: &Session| {
            session.kept_for.and_then(|other| self.by_sid.get(&other)).is_some_and(|other| other.live(now))
        };
        let ending: Vec<Digest> = (self.by_sid.iter())
            .filter(|(_, session)| session.live(now) && fits(session) && !kept(session))
            .map(|(hash, _)| *hash)
            .collect();
        ending.iter().filter_map(|hash| self.end(hash, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::digest::sha256;
    use super::*;

    #[test]
    fn the_oldest_sessions_go_when_there_are_too_many() {
        let mut sessions = Sessions::default();
        let now = Timestamp::now();
        for n in 0..=MAX_SESSIONS {
            assert!(sessions.insert(sha256(&n.to_le_bytes()), Session::new("1", now, &SessionPolicy::default())));
        }
        assert_eq!((sessions.by_sid.len(), sessions.by_public_id.len()), (MAX_SESSIONS, MAX_SESSIONS));
        assert!(sessions.by_hash(&sha256(&0_usize.to_le_bytes())).is_none());
        assert!(sessions.by_hash(&sha256(&1_usize.to_le_bytes())).is_some());
    }
}
