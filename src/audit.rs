//! The audit trail: who did what to which session.
//!
//! Stages and endpoints say what happened by pushing an [`Event`] to [`Context::audited`](crate::context::Context); the
//! pipeline completes it with what is known of the request, and the answer waits until it is written ([`Audit::record`]).
//! What happens in nobody's request is noted ([`Audit::note`]).
//!
//! Every sink has a thread, a bounded queue and a hash chain of its own: a sink that fails or is slow holds up neither
//! the others nor the runtime, and what it missed is counted in its own chain. A line is
//! `{"seq":N,"prev":"<hash>",...,"hash":"<hash>"}`, and its hash is SHA-256 over everything before `,"hash":`. Nothing
//! of ours is needed to check that; see `deploy/audit.md`.
//!
//! Rejected: a database (one more thing to run and to fill), and one chain for all sinks (what one of them missed would
//! look like a manipulation in it).

mod chain;
mod event;
mod file;
mod files;
mod key;
mod query;
mod queue;
mod recover;
mod seen;
mod stdout;
mod syslog;
mod verify;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;

use crate::config::{self, AuditEmails};
use crate::session::SessionId;
pub use event::{Event, Kind, LONGEST};
pub use key::{PublicKey, Signer, hash_of_email, private_path, public_path};
pub use query::{Filter, Found, follow, query};
use queue::Sink;
pub use queue::SinkState;
use seen::Seen;
pub use verify::{Fault, Report, verify};

/// Longest that an answer waits for its events.
const PATIENCE: Duration = Duration::from_secs(5);

/// The trail, or none. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct Audit(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    sinks: Vec<Sink>,
    emails: Emails,
    /// Sids whose end was told already.
    ended: Mutex<Seen>,
}

#[derive(Debug)]
enum Emails {
    Plain,
    Hash(Box<hmac::Key>),
}

/// A sink that must not miss anything has not taken an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unwritten;

impl Audit {
    /// Opens every sink. Each of them starts a thread.
    ///
    /// # Errors
    /// In words: a file that cannot be written or that another process writes, a key that cannot be read.
    pub fn open(config: &config::Audit) -> Result<Self, String> {
        if !config.is_on() {
            return Ok(Self::default());
        }
        let signer = Signer::of(config)?.map(Arc::new);
        let emails = match config.emails {
            AuditEmails::Plain => Emails::Plain,
            AuditEmails::Hash => Emails::Hash(Box::new(key::for_emails(signer.as_deref())?)),
        };
        let sinks = writer::start(config, signer.as_ref())?;
        Ok(Self(Some(Arc::new(Inner { sinks, emails, ended: Mutex::default() }))))
    }

    /// Whether there is a trail.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Whether actions that must be written may begin: no sink that blocks is failing.
    pub fn accepts(&self) -> bool {
        self.0.as_ref().is_none_or(|inner| inner.sinks.iter().all(Sink::accepts))
    }

    /// Notes an event. Never waits; what finds a queue full is counted.
    pub fn note(&self, event: Event) {
        let Some(inner) = &self.0 else { return };
        let json = inner.json(event);
        for sink in &inner.sinks {
            sink.note(json.clone());
        }
    }

    /// Writes events, and waits until each sink has them as safe as it promises, five seconds at most.
    ///
    /// # Errors
    /// When a sink that blocks has not taken one of them. It is written later, if that is possible.
    pub async fn record(&self, events: Vec<Event>) -> Result<(), Unwritten> {
        let Some(inner) = &self.0 else { return Ok(()) };
        let mut waits = Vec::with_capacity(events.len() * inner.sinks.len());
        for event in events {
            let json = inner.json(event);
            waits.extend(inner.sinks.iter().map(|sink| sink.send(json.clone())));
        }
        let all = futures_util::future::join_all(waits.into_iter().map(queue::Wait::done));
        let done = tokio::time::timeout(PATIENCE, all).await;
        match done {
            Ok(done) if done.iter().all(|good| *good) => Ok(()),
            Ok(_) => Err(Unwritten),
            Err(_) if inner.sinks.iter().any(Sink::blocks) => Err(Unwritten),
            Err(_) => Ok(()),
        }
    }

    /// Whether the end of this session has not been told before. Always false without a trail.
    pub fn is_news(&self, sid: &SessionId) -> bool {
        let Some(inner) = &self.0 else { return false };
        inner.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(*sid)
    }

    /// How the sinks are, for `/readyz` and `/metrics`.
    pub fn sinks(&self) -> Vec<SinkState> {
        self.0.iter().flat_map(|inner| inner.sinks.iter().map(Sink::state)).collect()
    }

    /// Writes what waits and a last checkpoint, and ends. Later events are lost.
    pub async fn close(&self) {
        let Some(inner) = &self.0 else { return };
        let closing = inner.sinks.iter().map(Sink::close);
        let _ = tokio::time::timeout(PATIENCE, futures_util::future::join_all(closing)).await;
    }
}

impl Inner {
    fn json(&self, mut event: Event) -> Arc<str> {
        if let Some(email) = event.email.take() {
            event = match &self.emails {
                Emails::Plain => event.text("email", &email),
                Emails::Hash(key) => event.text("email_hash", &key::email_hash(key, &email)),
            };
        }
        event.json().into()
    }
}

#[cfg(test)]
mod tests;
