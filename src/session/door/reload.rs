//! The door after a reload of the configuration.
//!
//! The cache goes on where the backend is the same and sessions mean the same; another key, another certificate or
//! other limits are no reason to ask about every session at once. Where they do not, it begins anew, but for what has
//! ended. What is under way (sign-outs that the backend has not taken, new sids) goes on in either case.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Inner, Kept, Sessions};
use crate::config::{self, Config};

impl Sessions {
    /// A door for a new configuration. It counts once [`Sessions::hand_over`] was called; until then nothing has
    /// happened to this one.
    ///
    /// # Errors
    /// What the backend's configuration cannot be made into.
    pub(crate) fn renewed(&self, before: &Config, config: &Config) -> Result<Self, String> {
        let mut kept = Kept { carried: self.0.carried.clone(), ..Kept::new(config) };
        if before.session.refusals_per_client == config.session.refusals_per_client {
            kept.refusals = self.0.refusals.clone();
        }
        let same = before.session == config.session && before.activity == config.activity;
        if same && means_the_same(&before.backend, &config.backend) {
            (kept.cache, kept.activity) = (self.0.cache.clone(), self.0.activity.clone());
        }
        Self::build(config, self.0.audit.clone(), kept)
    }

    /// Puts another in this one's place.
    pub(crate) fn hand_over(&self, to: &Self) {
        if Arc::ptr_eq(&self.0, &to.0) || self.0.successor.set(to.0.clone()).is_err() {
            return;
        }
        if !Arc::ptr_eq(&self.0.cache, &to.0.cache) {
            self.0.cache.hand_over(&to.0.cache, Instant::now());
        }
    }
}

impl Inner {
    /// The door that counts now.
    pub(super) fn latest(self: &Arc<Self>) -> Arc<Self> {
        let mut latest = self;
        while let Some(next) = latest.successor.get() {
            latest = next;
        }
        latest.clone()
    }
}

/// Whether an answer of the one backend is good for the other: all but what only says how it is reached.
fn means_the_same(one: &config::Backend, other: &config::Backend) -> bool {
    let reached_alike = config::Backend {
        tls: other.tls.clone(),
        gateway_key: other.gateway_key.clone(),
        blocked_paths: other.blocked_paths.clone(),
        connect_timeout: other.connect_timeout,
        timeout: other.timeout,
        sign_in_timeout: other.sign_in_timeout,
        max_concurrent: other.max_concurrent,
        max_waiting: other.max_waiting,
        max_body: other.max_body,
        idle_timeout: other.idle_timeout,
        ..one.clone()
    };
    reached_alike == *other
}
