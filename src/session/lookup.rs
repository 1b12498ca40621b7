//! The words: what asking for a session can come to. "No" is not "don't know".

use std::sync::Arc;
use std::time::Duration;

use super::types::Session;

/// Why the backend refused a sid (`code` of its answer), or why we do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalCode {
    /// `session_unknown`
    Unknown,
    /// `session_revoked`
    Revoked,
    /// `session_expired`
    Expired,
    /// `session_idle`
    Idle,
    /// `session_limit`
    Limit,
    /// `account_disabled`
    AccountDisabled,
    /// A status that `[backend] refused_statuses` lists, without a word. An outage may look the same.
    Bare,
    /// Ours: this gateway replaced the sid a moment ago, and the browser is about to learn the new one.
    Rotated,
    /// Ours: two live sids of different users came in one request.
    Conflict,
    /// Ours: more sids came in one request than are asked about, and none of those asked about lives.
    Crowded,
    /// Ours: the legacy cookies of one request are of different users.
    LegacyConflict,
}

impl RefusalCode {
    /// The word on the wire, both ways.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "session_unknown",
            Self::Revoked => "session_revoked",
            Self::Expired => "session_expired",
            Self::Idle => "session_idle",
            Self::Limit => "session_limit",
            Self::AccountDisabled => "account_disabled",
            Self::Bare => "session_refused",
            Self::Rotated => "session_rotated",
            Self::Conflict => "session_conflict",
            Self::Crowded => "too_many_sids",
            Self::LegacyConflict => "legacy_conflict",
        }
    }

    /// Whether the cookie goes with it. Not where the backend did not say that the session has ended, and not where
    /// another sid is on its way to the browser, and not where none came.
    pub fn drops_sid(self) -> bool {
        !matches!(self, Self::Bare | Self::Rotated | Self::LegacyConflict)
    }

    /// Whether it is the one that counts where another sid of the same request is refused otherwise: by the others'
    /// word cookies would go that must stay.
    pub(crate) fn outweighs(self, other: Self) -> bool {
        let weight = |code: Self| match code {
            Self::Rotated => 2,
            code if !code.drops_sid() => 1,
            _ => 0,
        };
        weight(self) > weight(other)
    }

    /// Whether one more question may end otherwise: a replica that lags, a cache in front of it, a failure that looks
    /// like a refusal.
    pub(crate) fn is_doubtful(self) -> bool {
        matches!(self, Self::Unknown | Self::Bare)
    }

    /// Reads a backend's word; ours are not the backend's to say.
    pub(crate) fn from_backend(word: &str) -> Option<Self> {
        [Self::Unknown, Self::Revoked, Self::Expired, Self::Idle, Self::Limit, Self::AccountDisabled]
            .into_iter()
            .find(|c| c.as_str() == word)
    }
}

/// Why the backend gave no answer that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// No connection.
    Connect,
    /// No answer in time.
    Timeout,
    /// An answer that says neither yes nor no: its status.
    Status(u16),
    /// 200 without a usable identity, or no JSON, or too much of it.
    Malformed,
    /// It does not know our key. An alarm; nobody is signed out.
    GatewayKey,
    /// More lookups wait than `[backend] max_waiting` allows.
    Overload,
}

impl Unavailable {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Status(_) => "status",
            Self::Malformed => "malformed",
            Self::GatewayKey => "gateway_key_invalid",
            Self::Overload => "overload",
        }
    }
}

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// From the cache, this old.
    Hit(Duration),
    /// From the backend, just now.
    Miss,
    /// The last good answer, this old, because the backend is unavailable.
    Stale(Duration),
}

/// A session, and where the answer came from.
#[derive(Debug, Clone)]
pub struct Found {
    /// The session.
    pub session: Arc<Session>,
    /// Where the answer came from.
    pub freshness: Freshness,
}

/// What asking for a session came to. "No" is not "don't know".
#[derive(Debug, Clone)]
pub enum Lookup {
    /// The request carries no sid.
    Absent,
    /// The backend said no, in so many words.
    Refused(RefusalCode),
    /// The backend gave no answer that counts.
    Unavailable(Unavailable),
    /// Too many refused sids came from this client: not asked.
    Throttled {
        /// When it may try again.
        retry_after: Duration,
    },
    /// Here it is.
    Found(Found),
}
