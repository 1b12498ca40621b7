//! How long sessions last, and how many a user may have. In Django these are settings.

use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What happens at a sign-in past the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum LimitPolicy {
    /// The oldest session of the user ends.
    #[default]
    EvictOldest,
    /// The sign-in is refused.
    Deny,
}

/// Lifetimes and limits of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Sessions of one user at once; `None`: any number.
    pub limit: Option<NonZeroUsize>,
    /// What happens at a sign-in past that.
    pub limit_policy: LimitPolicy,
    /// How long a session lasts, whatever happens in it.
    pub lifetime: Duration,
    /// How long it lasts without activity; `None`: as long as its lifetime.
    pub idle_lifetime: Option<Duration>,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        let lifetime = Duration::from_secs(12 * 3600);
        Self { limit: None, limit_policy: LimitPolicy::default(), lifetime, idle_lifetime: None }
    }
}

/// So long after a time. The end of time is far enough away for what does not fit before it.
pub(super) fn after(start: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    start.checked_add(wait).unwrap_or(Timestamp::MAX)
}
