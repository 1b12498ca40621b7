//! `[session]` and `[sign_in]`.

use std::time::Duration;

use jiff::civil::Date;

use super::table::{Problem, Table};
use super::value::show_duration;
use super::{Rate, address};

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
    /// The session API takes `Authorization: Session <sid>` instead of the cookie.
    pub accept_header: bool,
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
            accept_header: false,
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
    /// Attempts for one e-mail address. All count, before the backend is asked: counting failures only would let many
    /// guesses through at once.
    pub per_email: Rate,
}

impl Default for SignIn {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self { per_client: Rate { count: 30, per: minute }, per_email: Rate { count: 10, per: minute } }
    }
}

impl Session {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let (most, minute) = (Duration::from_secs(24 * 3600), Duration::from_secs(60));
        let session = Self {
            cookie: table.text("cookie", COOKIE, cookie).unwrap_or(default.cookie),
            host_prefix: table.flag("host_prefix", default.host_prefix),
            host_prefix_reads_plain_until: table.date("host_prefix_reads_plain_until"),
            domain: table.text("domain", "a domain", address::domain),
            accept_header: table.flag("accept_header", default.accept_header),
            ttl: table.duration("ttl", default.ttl, Duration::from_millis(1)..=minute),
            refusal_ttl: table.duration("refusal_ttl", default.refusal_ttl, Duration::ZERO..=minute),
            refresh_ahead: table.duration("refresh_ahead", default.refresh_ahead, Duration::ZERO..=minute),
            stale_if_error: table.duration("stale_if_error", default.stale_if_error, Duration::ZERO..=most),
            max_entries: table.number("max_entries", default.max_entries, 1..=100_000_000),
            max_bytes: table.size("max_bytes", default.max_bytes, 1024 * 1024..=1 << 40),
            refusals_per_client: table.rate("refusals_per_client", default.refusals_per_client),
        };
        table.finish();
        session.check(table);
        session
    }

    fn check(&self, table: &mut Table<'_>) {
        if table.good(&["ttl", "refresh_ahead"]) && self.refresh_ahead >= self.ttl {
            // The one that was written is the one to look at.
            let key = if table.has("refresh_ahead") { "refresh_ahead" } else { "ttl" };
            let [ahead, ttl] = [self.refresh_ahead, self.ttl].map(show_duration);
            let reason = format!("refresh_ahead ({ahead}) must be shorter than ttl ({ttl})");
            table.contradiction(key, reason, "\"0s\" turns refresh_ahead off");
        }
        if !table.good(&["host_prefix"]) {
            return;
        }
        if self.host_prefix && self.domain.is_some() {
            let reason = "contradicts `host_prefix`: browsers refuse a __Host- cookie with a domain";
            table.contradiction("domain", reason, "keep one of the two");
        }
        if !self.host_prefix && self.host_prefix_reads_plain_until.is_some() {
            let reason = "has no effect without `host_prefix = true`";
            table.contradiction("host_prefix_reads_plain_until", reason, "remove it, or set host_prefix");
        }
    }
}

impl SignIn {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let sign_in = Self {
            per_client: table.rate("per_client", default.per_client),
            per_email: table.rate("per_email", default.per_email),
        };
        table.finish();
        sign_in
    }
}

pub(super) const COOKIE: &str = "the name of a cookie";

/// A token of RFC 6265.
pub(super) fn token(text: &str) -> Result<String, Problem> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if text.is_empty() || !text.bytes().all(good) {
        return Err(Problem::expected_text(COOKIE, text).hint("letters, digits and !#$%&'*+-.^_`|~"));
    }
    Ok(text.to_owned())
}

/// The same without a prefix that browsers give a meaning.
fn cookie(text: &str) -> Result<String, Problem> {
    let text = token(text)?;
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        return Err(Problem::expected_text("a name without prefix", &text).hint("`host_prefix = true` adds __Host-"));
    }
    Ok(text)
}
