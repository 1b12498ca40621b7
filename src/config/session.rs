//! `[session]` and `[sign_in]`.

use std::time::Duration;

use jiff::civil::Date;

use super::Rate;

/// `[session]`: the cookie and the cache.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Name of the session cookie.
    pub cookie: String,
    /// Set `__Host-<cookie>` instead; it wins over `<cookie>`.
    pub host_prefix: bool,
    /// With `host_prefix`: the day after which the plain cookie is no longer read.
    pub host_prefix_reads_plain_until: Option<Date>,
    /// `Domain=` of the cookie; absent: host-only.
    pub domain: Option<String>,
    /// How long the backend's answer is good.
    pub ttl: Duration,
    /// How long its refusal is.
    pub refusal_ttl: Duration,
    /// A sid in use this shortly before the end of its ttl is renewed in the background.
    pub refresh_ahead: Duration,
    /// How long after the last good answer safe methods go on while the backend is unavailable.
    pub stale_if_error: Duration,
    /// Sessions held.
    pub max_entries: usize,
    /// Memory held by them, estimated.
    pub max_bytes: usize,
    /// Refused sids from one client prefix before it gets 429.
    pub refusals_per_client: Rate,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            cookie: "sid".into(),
            host_prefix: false,
            host_prefix_reads_plain_until: None,
            domain: None,
            ttl: Duration::from_secs(5),
            refusal_ttl: Duration::from_secs(1),
            refresh_ahead: Duration::from_secs(1),
            stale_if_error: Duration::ZERO,
            max_entries: 200_000,
            max_bytes: 512 * 1024 * 1024,
            refusals_per_client: Rate { count: 60, per: Duration::from_secs(60) },
        }
    }
}

/// `[sign_in]`: limits.
#[derive(Debug, Clone, PartialEq)]
pub struct SignIn {
    /// Attempts from one client prefix.
    pub per_client: Rate,
    /// Attempts for one e-mail address.
    pub per_email: Rate,
}

impl Default for SignIn {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { per_client: Rate { count: 30, per: minute }, per_email: Rate { count: 10, per: minute } }
    }
}
