//! A session backend in memory that speaks contract v1, all of its calls.
//!
//! It is what Django is in production: the one that decides. The gateway's tests build their scripted backends on
//! [`Backend::answer`], and the conformance suite that the Django kit passes is run against it too, so it takes no
//! short cuts: it stores SHA-256 of a sid and never the sid, compares secrets in constant time, and tells a "no" with
//! its code from every other failure.
//!
//! A request is read and its key checked here; [`calls`] says what each call does, under one lock and without
//! waiting, which makes every call atomic. Decided against finer locks: validation is one map look-up.

mod calls;
mod challenges;
mod digest;
mod direct;
mod migration;
mod people;
mod policy;
mod reply;
mod request;
mod sessions;
mod view;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

use self::calls::State;
pub use self::challenges::CODE;
use self::digest::{Digest, sha256};
pub use self::direct::{Person, Trouble};
pub use self::policy::{LimitPolicy, SessionPolicy};
use self::reply::{Refused, Reply};
pub use self::request::CallKind;
use self::request::{Asked, Call};
use self::sessions::Session;

/// Everyone's password in the demo.
pub const PASSWORD: &str = "correct horse";

/// Bytes of one request body; an activity batch is the largest there is.
const MAX_BODY: usize = 1024 * 1024;

/// The session backend. A clone is the same backend.
#[derive(Clone)]
pub struct Backend {
    shared: Arc<Shared>,
}

struct Shared {
    key: Digest,
    policy: SessionPolicy,
    state: Mutex<State>,
    counts: [AtomicU64; CallKind::ALL.len()],
    trouble: Mutex<Option<(Trouble, Instant)>>,
}

impl Backend {
    /// A backend with the demo's users and no session, for a gateway that knows this key.
    pub fn new(gateway_key: &str) -> Self {
        Self::with_policy(gateway_key, SessionPolicy::default())
    }

    /// The same with other lifetimes and limits.
    pub fn with_policy(gateway_key: &str, policy: SessionPolicy) -> Self {
        let shared = Shared {
            key: sha256(gateway_key.as_bytes()),
            policy,
            state: Mutex::new(State::default()),
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            trouble: Mutex::new(None),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Serves on a socket until `stop` is ready.
    pub async fn serve(self, listener: TcpListener, stop: impl Future) {
        let answer = move |request| {
            let backend = self.clone();
            async move { backend.answer(request).await }
        };
        super::serve::serve(listener, stop, answer).await;
    }

    /// Answers one request. Always an answer; a refusal says why as `{"code": ...}`.
    pub async fn answer<B: Body>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        match self.reply(&parts, body).await {
            Ok(good) => good,
            Err(refused) => refused.into_response(),
        }
    }

    async fn reply<B: Body>(&self, parts: &Parts, body: B) -> Reply {
        self.suffer().await?;
        let call = Call::read(&parts.method, parts.uri.path());
        if let Ok(call) = &call {
            self.shared.counts[call.kind() as usize].fetch_add(1, Relaxed);
        }
        if !self.knows_key(&parts.headers) {
            return Err(Refused::new(StatusCode::UNAUTHORIZED, "gateway_key_invalid"));
        }
        let call = call?;
        let body = bounded(body).await?;
        let asked = Asked {
            headers: &parts.headers,
            query: parts.uri.query(),
            body: &body,
            now: Timestamp::now(),
            policy: &self.shared.policy,
        };
        self.state().call(&call, &asked)
    }

    /// Hashes are compared, so that neither content nor length of the key shows in the time it takes.
    fn knows_key(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all("x-gateway-key").iter();
        match (given.next(), given.next()) {
            (Some(key), None) => sha256(key.as_bytes()).ct_eq(&self.shared.key).into(),
            _ => false,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock is a failed test's; what is stored is whole all the same.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tests and the demo's application do without a request.
impl Backend {
    /// Calls of one kind that arrived so far, refused ones included.
    pub fn calls(&self, kind: CallKind) -> u64 {
        self.shared.counts[kind as usize].load(Relaxed)
    }

    /// Calls of every kind that arrived so far.
    pub fn all_calls(&self) -> u64 {
        self.shared.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// Ends a user's onboarding with a new tenant, and gives the slug; that of the tenant at hand when there is one.
    /// `None` for a user nobody knows.
    pub fn finish_onboarding(&self, user_id: &str, company: &str) -> Option<String> {
        self.state().people.finish_onboarding(user_id, company)
    }

    /// Puts the newcomer back to the beginning of onboarding; sessions stay.
    pub fn reset_newbie(&self) {
        self.state().people.reset_newbie();
    }

    /// Ends every session of a user, and says how many.
    pub fn revoke_user(&self, user_id: &str) -> usize {
        self.state().sessions.end_where(Timestamp::now(), |session| session.user == user_id).len()
    }

    /// So many sessions of the onboarded users in turn, for load tests: their sids.
    pub fn test_sessions(&self, count: usize) -> Vec<String> {
        let mut state = self.state();
        let users = state.people.onboarded();
        let mut made = Vec::with_capacity(count);
        for user in users.into_iter().cycle().take(count) {
            let sid = digest::random_sid();
            if state.sessions.insert(sha256(sid.as_bytes()), Session::new(user, Timestamp::now(), &self.shared.policy))
            {
                made.push(sid);
            }
        }
        made
    }

    /// Disables an account, or enables it again: its sign-ins and sessions are answered `account_disabled`.
    pub fn disable_user(&self, user_id: &str, disabled: bool) {
        self.state().people.disable(user_id, disabled);
    }
}

async fn bounded<B: Body>(body: B) -> Result<Bytes, Refused> {
    let body = body.map_err(|_| std::io::Error::other("the body broke off"));
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large"))
        }
        Err(_) => Err(Refused::new(StatusCode::BAD_REQUEST, "invalid")),
    }
}

#[cfg(test)]
mod tests;
