//! What every check has at hand: the backend, the people, and the sessions to end afterwards.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::RETRY_AFTER;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Limit;
use super::api::{Answer, Api, Call};
use super::check::{Done, Stop};
use super::people::{People, Person};

/// The longest that a sign-in waits for a backend that asks it to.
const PATIENCE: u64 = 65;

/// The surroundings of a check.
pub(super) struct Suite {
    pub(super) api: Api,
    pub(super) people: People,
    pub(super) limit: Option<Limit>,
    pub(super) end_everyone: bool,
    /// Sids to sign out when the check is over.
    open: Mutex<Vec<String>>,
    /// What a migration made, for the checks that come after it.
    pub(super) migrated: Mutex<HashMap<&'static str, Migrated>>,
}

/// A session that was begun.
pub(super) struct Made {
    pub(super) sid: String,
    pub(super) public_id: String,
    /// The answer's body.
    pub(super) session: Value,
}

/// A migration that was done.
#[derive(Clone)]
pub(super) struct Migrated {
    pub(super) body: Value,
    pub(super) sid: String,
}

impl Suite {
    pub(super) fn new(api: Api, people: People, limit: Option<Limit>, end_everyone: bool) -> Self {
        for secret in people.secrets() {
            api.hide(&secret);
        }
        Self { api, people, limit, end_everyone, open: Mutex::default(), migrated: Mutex::default() }
    }

    /// Whether there is anything to check.
    pub(super) async fn reach(&self) -> Result<(), String> {
        let sid = uuid::Uuid::new_v4().to_string();
        match self.call("GET current/").session(&sid).send().await {
            Ok(answer) if answer.code() == "gateway_key_invalid" => {
                Err("the backend refuses this gateway key; it must be the one that the backend was given".into())
            }
            Ok(_) => Ok(()),
            Err(Stop::Fail { got, .. } | Stop::Skip(got)) => Err(format!("the backend cannot be reached: {got}")),
        }
    }

    pub(super) fn call(&self, line: &str) -> Call<'_> {
        self.api.call(line)
    }

    /// Signs in by password; what came of it.
    pub(super) async fn attempt(&self, body: &Value) -> Result<Answer, Stop> {
        let mut waited = 0;
        loop {
            let answer = self.call("POST ").json(body).gives_sid().send().await?;
            let wait: Option<u64> = answer.headers.get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.parse().ok());
            match wait {
                // Whoever tests sign-ins makes many of them.
                Some(wait) if answer.status == 429 && waited + wait <= PATIENCE => {
                    waited += wait.max(1);
                    tokio::time::sleep(Duration::from_secs(wait.max(1))).await;
                }
                _ => {
                    if answer.status == 201 {
                        self.keep_track(&answer);
                    }
                    return Ok(answer);
                }
            }
        }
    }

    /// Signs in; it must succeed.
    pub(super) async fn sign_in(&self, person: &Person) -> Result<Made, Stop> {
        let answer = self.attempt(&json!({"email": person.email, "password": person.password})).await?;
        if answer.status == 202 {
            return Err(answer.instead_of(format!("201: {} must have no second factor", person.email)));
        }
        self.made(&answer, 201)
    }

    /// A member's session.
    pub(super) async fn member(&self) -> Result<Made, Stop> {
        self.sign_in(self.people.member()).await
    }

    /// Reads the answer of a call that creates or changes a session.
    pub(super) fn made(&self, answer: &Answer, status: u16) -> Result<Made, Stop> {
        let session = answer.object(status)?;
        let sid = answer.sid()?;
        self.keep_track(answer);
        let public_id = session["public_id"].as_str().unwrap_or_default().to_owned();
        answer.must(uuid::Uuid::try_parse(&public_id).is_ok(), "a \"public_id\": a UUID")?;
        answer.must(public_id != sid, "a \"public_id\" that is not the sid")?;
        Ok(Made { sid, public_id, session })
    }

    /// The session of a sid that is good.
    pub(super) async fn session(&self, sid: &str) -> Result<Value, Stop> {
        self.call("GET current/").session(sid).send().await?.object(200)
    }

    /// The sid must be good; `why` says why it should be.
    pub(super) async fn lives(&self, sid: &str, why: &str) -> Done {
        let answer = self.call("GET current/").session(sid).send().await?;
        answer.must(answer.status == 200, format!("200, {why}"))
    }

    /// The sid must be refused, with one of these words; any of the contract's when there is none.
    pub(super) async fn refused(&self, sid: &str, words: &[&str]) -> Done {
        let answer = self.call("GET current/").session(sid).send().await?;
        let code = answer.refuses_session()?;
        let fits = words.is_empty() || words.contains(&code.as_str());
        answer.must(fits, format!("4xx with the code {}", words.join(" or ")))
    }

    /// Sees to it that a sid does not outlive its check.
    fn keep_track(&self, answer: &Answer) {
        if let Some(sid) = answer.json()["sid"].as_str() {
            lock(&self.open).push(sid.to_owned());
        }
    }

    /// Lets a sid outlive its check.
    pub(super) fn keep(&self, sid: &str) {
        lock(&self.open).retain(|open| open != sid);
    }

    /// Ends the sessions that are left, so that the next check begins with none.
    pub(super) async fn tidy_up(&self) {
        let open = std::mem::take(&mut *lock(&self.open));
        for sid in open {
            // A backend that does not sign out fails in a check of its own.
            let _ = self.call("DELETE current/").session(&sid).send().await;
        }
    }

    /// Whether so many sessions of one user may be open at once.
    pub(super) fn room_for(&self, sessions: usize) -> Done {
        match self.limit {
            Some(limit) if limit.sessions < sessions => {
                Err(Stop::Skip(format!("needs {sessions} sessions of one user; the limit is {}", limit.sessions)))
            }
            _ => Ok(()),
        }
    }
}

/// A time of the backend's; the check is skipped when it does not say it.
pub(super) fn time(session: &Value, name: &str) -> Result<Timestamp, Stop> {
    match &session[name] {
        Value::Null => Err(Stop::Skip(format!("the backend does not say `{name}`"))),
        value => value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| Stop::Fail {
            expected: format!("`{name}`: RFC 3339 with an offset"),
            got: value.to_string(),
        }),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
