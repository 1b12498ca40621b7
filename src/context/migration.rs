//! The words for migrations of legacy cookies, in the log and as labels of their counters, and what one request leaves of
//! them.

use std::sync::Arc;

/// What became of a browser's legacy cookies on a first visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MigrationOutcome {
    /// A session was made.
    Migrated,
    /// The same session again, for the same proof within a minute.
    Repeated,
    /// The backend says no.
    Refused,
    /// The cookies name several users: nobody was signed in.
    Conflict,
    /// The backend gave no answer that counts; nothing was expired.
    Unavailable,
    /// Too many attempts of one client.
    Limited,
    /// There was nothing in them that could be asked of the backend.
    Nothing,
}

impl MigrationOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Migrated,
        Self::Repeated,
        Self::Refused,
        Self::Conflict,
        Self::Unavailable,
        Self::Limited,
        Self::Nothing,
    ];

    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Migrated => "migrated",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Limited => "limited",
            Self::Nothing => "nothing",
        }
    }
}

/// What a request with legacy cookies leaves for log and metrics. Requests without have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyFacts {
    /// It brought legacy cookies.
    pub carrying: bool,
    /// What a first visit came to, with the carrier's label (`none` where no cookie is a carrier).
    pub migration: Option<(Arc<str>, MigrationOutcome)>,
    /// In `observe`: what each carrier would have given, as the verdict's word.
    pub forecast: Vec<(Arc<str>, &'static str)>,
    /// A migrated session came back with its `sid`, for the first time.
    pub returned: bool,
    /// `Set-Cookie` lines with legacy names, taken out of the old application's answer.
    pub set_cookie_dropped: u32,
    /// Legacy cookies that the answer expires, each in all its scopes.
    pub expired: u32,
}
