//! The signed assertion: proof for an application who a request is from (`X-Auth-Assertion`).
//!
//! The plain identity headers are believed by whoever trusts the network they came over. The assertion is a JWT (RFC
//! 7519) of a minute at most that verifies with the gateway's key set, so that a request which came past the gateway is
//! nobody's. Header, claims and the rules for receivers: deploy/assertion.md.
//!
//! Signed once per session, upstream and half a lifetime, and kept beside the session: a request copies it. No lock is
//! held while it is signed; of two requests that sign at the same time one throws its own away.
//!
//! Written here, on the cryptography that TLS uses anyway, and not with a library for JWT: what is made is three pieces
//! of base64 around one signature, while such a library is mostly about verifying, which is the receivers' part.

mod claims;
mod folder;
mod key;
mod listing;
mod ring;
mod rotation;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use crate::config;
use crate::session::{KeptAssertion, Session};
use claims::Claims;
use ring::Ring;

pub use listing::{Listed, create, list, retire};

/// A new key as the text of a PEM file, which is a secret.
///
/// # Errors
/// In words; only when the system has no randomness.
pub fn generate(algorithm: config::Algorithm) -> Result<String, String> {
    key::Key::generate(algorithm)
}

/// What all assertions of a gateway have in common, and its keys. `Debug` shows no secret.
#[derive(Debug)]
pub struct Assertions {
    config: config::Assertion,
    ring: RwLock<Arc<Ring>>,
    /// The number of `ring`, for a look without its lock.
    number: AtomicU64,
    signed: AtomicU64,
}

/// Signs for one upstream.
#[derive(Debug, Clone)]
pub struct Signer {
    assertions: Arc<Assertions>,
    upstream: Arc<str>,
    index: usize,
}

impl Assertions {
    /// Reads the keys; without any, nothing is signed until there is one.
    ///
    /// # Errors
    /// In words: a key that cannot be used.
    pub fn new(config: &config::Assertion) -> Result<Arc<Self>, String> {
        let ring = Ring::load(config)?;
        ring.keys.iter().filter(|held| held.exposed).for_each(|held| {
            let file = held.file.display();
            tracing::warn!(%file, "everybody on this machine can use a key of the assertion: take their rights away");
        });
        match ring.signing(Timestamp::now().as_second()) {
            Some(key) => tracing::info!(kid = key.kid, keys = ring.keys.len(), "assertions are signed"),
            None => tracing::info!("no assertions are signed: there is no key; `sidgate keys new` makes one"),
        }
        Ok(Arc::new(Self {
            config: config.clone(),
            number: ring.number.into(),
            ring: RwLock::new(Arc::new(ring)),
            signed: AtomicU64::new(0),
        }))
    }

    /// Follows the folder of keys from now on: reads new ones, and makes them where `rotate_every` says so. Needs a
    /// tokio runtime; ends with the last user of these assertions.
    pub fn follow(self: &Arc<Self>) {
        rotation::follow(self);
    }

    /// Reads the keys anew. Gives whether they are others. What was signed with a key that is gone is not sent again.
    ///
    /// # Errors
    /// In words; the keys stay as they were.
    pub fn reload(&self) -> Result<bool, String> {
        let mut new = Ring::load(&self.config)?;
        let old = self.ring();
        if new.keys.is_empty() && !old.keys.is_empty() {
            return Err("there is no key any more; sidgate keeps those that it has read until it is restarted".into());
        }
        let kept = new.has_all_of(&old);
        if kept && old.has_all_of(&new) && new.keys.first().map(kid) == old.keys.first().map(kid) {
            return Ok(false);
        }
        // A key that came needs no new assertions: those that are out verify with the old ones.
        if kept && !old.keys.is_empty() {
            new.number = old.number;
        }
        let (number, now) = (new.number, Timestamp::now().as_second());
        let signing = new.signing(now).map(|key| key.kid.clone()).unwrap_or_default();
        tracing::info!(keys = new.keys.len(), %signing, "the keys of the assertion have changed");
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        self.number.store(number, Relaxed);
        Ok(true)
    }

    /// The key set (RFC 7517), and nothing while there is no key.
    pub fn jwks(&self) -> Option<String> {
        let keys = self.ring().published(Timestamp::now().as_second());
        let set = serde_json::json!({ "keys": keys });
        (!keys.is_empty()).then(|| set.to_string())
    }

    /// How many keys are published.
    pub fn published(&self) -> usize {
        self.ring().published(Timestamp::now().as_second()).len()
    }

    /// How many assertions were signed.
    pub fn signed(&self) -> u64 {
        self.signed.load(Relaxed)
    }

    /// Signs for an upstream; `index` is its own.
    pub fn signer(self: &Arc<Self>, upstream: &str, index: usize) -> Signer {
        Signer { assertions: self.clone(), upstream: upstream.into(), index }
    }

    fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn kid(held: &ring::Held) -> &str {
    &held.key.kid
}

impl Signer {
    /// Writes the header line about a session, if there is a key. `name` is the header's, `asked` the time of the
    /// request in Unix seconds, which may be a little behind.
    pub(crate) fn write(&self, name: &str, session: &Session, asked: i64, out: &mut Vec<u8>) {
        let number = self.assertions.number.load(Relaxed);
        if number == 0 {
            return;
        }
        let kept = session.assertions.get_or_init(Arc::default);
        if kept.write(number, self.index, asked, out) {
            return;
        }
        if let Some(new) = self.sign(name, session) {
            kept.keep(new, asked, out);
        }
    }

    #[cold]
    fn sign(&self, name: &str, session: &Session) -> Option<KeptAssertion> {
        let (ring, config) = (self.assertions.ring(), &self.assertions.config);
        let now = Timestamp::now().as_second();
        let key = ring.signing(now)?;
        let lifetime = ring::seconds(config.lifetime);
        let claims = Claims::new(session, [&self.upstream, &config.backend_audience], &config.issuer, now, lifetime);
        let mut token = key.header.clone();
        claims.push(&mut token)?;
        key.sign(&mut token).or_else(|| {
            tracing::error!(kid = key.kid, "an assertion could not be signed; the request goes without");
            None
        })?;
        self.assertions.signed.fetch_add(1, Relaxed);
        let line = format!("{name}: {token}\r\n").into_bytes().into();
        // Half of its life is left for the way, and for what the application asks others in the request's name. A
        // little before it was signed, for requests that began then.
        Some(KeptAssertion { ring: ring.number, upstream: self.index, from: now - 5, until: now + lifetime / 2, line })
    }
}

#[cfg(test)]
mod tests;
