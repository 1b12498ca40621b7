//! Legacy migration: one proof makes one session, once.
//!
//! The sid is derived from the idempotency key with a key that only this backend holds, so that a repeat can be
//! answered with the same sid although none is stored. A repeat counts for a minute, with the same proof, and while
//! that session lives; everything else is refused.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::digest::{Digest, derived_sid, hmac_sha256, sha256};

/// How long a repeat is answered with the same session.
const REPEAT: SignedDuration = SignedDuration::from_secs(60);

pub(super) struct Migrations {
    secret: [u8; 32],
    /// Hash of the idempotency key -> what it made. Not older than a minute, hence bounded by the sessions.
    made: HashMap<Digest, Made>,
    order: VecDeque<(Timestamp, Digest)>,
}

struct Made {
    at: Timestamp,
    proof: Digest,
}

/// What an idempotency key means right now.
pub(super) enum Seen {
    /// Never, or long ago.
    No,
    /// A moment ago, with this very proof.
    Repeat,
    /// A moment ago, with another proof.
    OtherProof,
}

impl Default for Migrations {
    fn default() -> Self {
        let mut secret = [0; 32];
        secret[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        secret[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self { secret, made: HashMap::new(), order: VecDeque::new() }
    }
}

impl Migrations {
    /// The sid that this key makes.
    pub(super) fn sid(&self, idempotency_key: &str) -> String {
        derived_sid(&hmac_sha256(&self.secret, idempotency_key.as_bytes()))
    }

    pub(super) fn seen(&mut self, idempotency_key: &str, proof: &str, now: Timestamp) -> Seen {
        self.forget(now);
        match self.made.get(&sha256(idempotency_key.as_bytes())) {
            None => Seen::No,
            Some(made) if made.proof == sha256(proof.as_bytes()) => Seen::Repeat,
            Some(_) => Seen::OtherProof,
        }
    }

    pub(super) fn remember(&mut self, idempotency_key: &str, proof: &str, now: Timestamp) {
        let key = sha256(idempotency_key.as_bytes());
        self.made.insert(key, Made { at: now, proof: sha256(proof.as_bytes()) });
        self.order.push_back((now, key));
    }

    fn forget(&mut self, now: Timestamp) {
        let old = |at: Timestamp| now.duration_since(at) > REPEAT;
        while let Some((_, key)) = self.order.front().copied().filter(|(at, _)| old(*at)) {
            self.order.pop_front();
            if self.made.get(&key).is_some_and(|made| old(made.at)) {
                self.made.remove(&key);
            }
        }
    }
}
