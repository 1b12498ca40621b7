//! `sidgate conformance`: does a backend keep contract v1?
//!
//! A team runs it against its own backend, whatever that is written in: every sentence of the contract that can be
//! tried from outside is tried by a check, which says what it expected, what it got, and the sentence. A check goes
//! its own way from sign-in to sign-out, so that one that fails takes no other with it, and no time is measured with
//! this machine's clock: a backend's times are compared with the backend's own.
//!
//! A subcommand rather than a test binary: who writes a backend has `sidgate`, and not its sources. The people in it are
//! test accounts: all their sessions end, and so do those of their tenants.

mod api;
mod calls;
mod check;
mod expect;
mod people;
mod report;
mod suite;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{ClientTls, Secret, Target};
use crate::connect::{self, Tls};

pub use self::people::People;
pub use self::report::{Line, Outcome, Report};

/// What is asked of whom.
pub struct Options {
    /// The backend: what `backend.url` is to the gateway.
    pub url: Target,
    /// PEM bundle of the authorities that vouch for an https backend; absent: the system's.
    pub ca: Option<PathBuf>,
    /// The gateway's own credential.
    pub gateway_key: Secret,
    /// The test accounts.
    pub people: People,
    /// How many sessions a user may have at once, where there is a limit.
    pub limit: Option<Limit>,
    /// Whether everybody's sessions may be ended to see that it works, not only those of the people.
    pub end_everyone: bool,
    /// Only checks whose names begin with one of these; all when it is empty.
    pub only: Vec<String>,
    /// The longest that one call may take.
    pub timeout: Duration,
}

/// A limit of sessions, and what happens past it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Sessions of one user at once.
    pub sessions: usize,
    /// What a sign-in past it does.
    pub policy: LimitPolicy,
}

/// What a sign-in past the limit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitPolicy {
    /// It ends the oldest session.
    EvictOldest,
    /// It is refused.
    Deny,
}

impl LimitPolicy {
    /// Reads `evict_oldest` or `deny`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "evict_oldest" => Some(Self::EvictOldest),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// Runs the checks one after the other; `said` gets each line as soon as there is one.
///
/// # Errors
/// In words: the backend cannot be reached, or refuses the gateway's key, so that there is nothing to check.
pub async fn run(options: Options, said: &mut (dyn FnMut(&Line) + Send)) -> Result<Report, String> {
    let tls = ClientTls { ca: options.ca, ..ClientTls::default() };
    let tls = Tls::for_targets(std::slice::from_ref(&options.url), &tls)?;
    let (client, base) = connect::control::client(&options.url, tls.as_ref(), options.timeout, Duration::from_secs(2))?;
    let api = api::Api::new(client, base, options.gateway_key, options.timeout);
    let suite = suite::Suite::new(api, options.people, options.limit, options.end_everyone);
    suite.reach().await?;
    let mut lines = Vec::new();
    for check in calls::all() {
        if !options.only.is_empty() && !options.only.iter().any(|start| check.name.starts_with(start)) {
            continue;
        }
        let line = check.run(&suite).await;
        said(&line);
        lines.push(line);
    }
    Ok(Report { backend: options.url.to_string(), lines })
}
