//! What `sidgate dev` does to the backend past the contract: be somebody else, elsewhere, at another step, in trouble.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::Backend;
use super::digest::{random_sid, sha256};
use super::reply::Refused;
use super::sessions::{Ended, Session};

/// How late a slow backend answers: late enough to be seen, early enough to be an answer.
const LATE: Duration = Duration::from_secs(2);

/// What a backend can be made to suffer from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It answers two seconds late.
    Slow,
    /// It answers 503.
    Down,
}

/// Somebody who can be signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// The address.
    pub email: String,
    /// What they are called.
    pub name: String,
}

impl Backend {
    /// Everybody there is.
    pub fn people(&self) -> Vec<Person> {
        let state = self.state();
        let person = |u: &super::people::User| Person { id: u.id.into(), email: u.email.into(), name: u.name.into() };
        state.people.all().iter().map(person).collect()
    }

    /// Begins a session of a user without a password; its sid. `None` for a user nobody knows.
    pub fn begin_session(&self, user_id: &str) -> Option<String> {
        let mut state = self.state();
        let (user, sid) = (state.people.user(user_id)?.id, random_sid());
        state.sessions.insert(sha256(sid.as_bytes()), Session::new(user, Timestamp::now(), &self.shared.policy));
        Some(sid)
    }

    /// Ends the session of a sid, as if it had been revoked.
    pub fn revoke_session(&self, sid: &str) {
        if let Some(session) = self.state().sessions.live_mut(sid, Timestamp::now()) {
            session.ended = Some(Ended::Revoked);
        }
    }

    /// Ends the session of a sid, as if its time were over.
    pub fn expire_session(&self, sid: &str) {
        let now = Timestamp::now();
        if let Some(session) = self.state().sessions.live_mut(sid, now) {
            session.expires_at = now.checked_sub(SignedDuration::from_secs(1)).unwrap_or(now);
        }
    }

    /// Makes the session of a sid so much older: it began, and its person signed in, that long before.
    pub fn backdate_session(&self, sid: &str, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        if let Some(session) = self.state().sessions.live_mut(sid, Timestamp::now()) {
            let earlier = |at: Timestamp| at.checked_sub(by).unwrap_or(Timestamp::MIN);
            (session.authenticated_at, session.created_at) =
                (earlier(session.authenticated_at), earlier(session.created_at));
        }
    }

    /// Lets the session of a sid work in another tenant of its user; whether it is one.
    pub fn choose_tenant(&self, sid: &str, tenant_id: &str) -> bool {
        let mut state = self.state();
        let state = &mut *state;
        let Some(session) = state.sessions.live_mut(sid, Timestamp::now()) else { return false };
        let member = state.people.user(session.user).is_some_and(|u| u.tenants.iter().any(|t| t == tenant_id));
        if member {
            session.tenant = Some(tenant_id.to_owned());
        }
        member
    }

    /// Asks onboarding of a user again, from this step on. The newcomer's tenant goes, everybody else's stays.
    pub fn require_onboarding(&self, user_id: &str, step: &str) {
        self.state().people.require_onboarding(user_id, step);
    }

    /// Puts the backend into trouble for a while, or with `None` out of it.
    pub fn trouble(&self, trouble: Option<Trouble>, lasts: Duration) {
        *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) =
            trouble.zip(Instant::now().checked_add(lasts));
    }

    /// The trouble it is in, and for how long still.
    pub fn in_trouble(&self) -> Option<(Trouble, Duration)> {
        let now = Instant::now();
        let trouble = *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.filter(|(_, end)| *end > now).map(|(trouble, end)| (trouble, end - now))
    }

    /// Lets a call have its share of the trouble.
    pub(super) async fn suffer(&self) -> Result<(), Refused> {
        match self.in_trouble() {
            Some((Trouble::Down, _)) => Err(Refused::new(StatusCode::SERVICE_UNAVAILABLE, "down")),
            Some((Trouble::Slow, _)) => {
                tokio::time::sleep(LATE).await;
                Ok(())
            }
            None => Ok(()),
        }
    }
}
