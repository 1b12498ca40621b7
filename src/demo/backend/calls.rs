//! What each call of the contract does. No I/O and no clock: a test can be at any time it likes.
//!
//! Here are the calls of a person's own session; those the gateway makes on its own account are in [`gateway`].

mod gateway;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::challenges::Challenges;
use super::digest::{random_sid, sha256, stored};
use super::migration::Migrations;
use super::people::{People, User};
use super::reply::{Answer, Refused, Reply, json_response, no_content};
use super::request::{Asked, Call, id, required};
use super::sessions::{Session, Sessions};
use super::view::session_json;

/// All there is, behind one lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) people: People,
    pub(super) sessions: Sessions,
    migrations: Migrations,
    challenges: Challenges,
}

impl State {
    pub(super) fn call(&mut self, call: &Call<'_>, asked: &Asked<'_>) -> Reply {
        match call {
            Call::Validate => self.validate(asked.sid()?, asked.now),
            Call::ValidateByPath(sid) => self.validate(sid, asked.now),
            Call::SignIn => self.sign_in(asked),
            Call::SignOut => self.sign_out(asked),
            Call::Rotate => self.rotate(asked),
            Call::SwitchTenant => self.switch_tenant(asked),
            Call::Devices => self.devices(asked),
            Call::EndDevice(public_id) => self.end_device(public_id, asked),
            Call::EndDevices => self.end_devices(asked),
            Call::Migrate => self.migrate(asked),
            Call::Revoke => self.revoke(asked),
            Call::Activity => self.activity(asked),
        }
    }

    fn validate(&self, sid: &str, now: Timestamp) -> Reply {
        let (user, session) = self.live(sid, now)?;
        Ok(json_response(StatusCode::OK, &session_json(&self.people, user, session)))
    }

    fn sign_in(&mut self, asked: &Asked<'_>) -> Reply {
        let object = asked.object()?;
        if object.contains_key("access_token") {
            // There is no identity provider whose token could be good.
            return Err(Refused::new(StatusCode::UNAUTHORIZED, "invalid_credentials"));
        }
        let missing: Vec<(&str, &str)> = ["email", "password"]
            .into_iter()
            .filter(|name| required(&object, name).is_err())
            .map(|name| (name, "This field is required."))
            .collect();
        if !missing.is_empty() {
            return Err(Refused::fields(&missing));
        }
        let user = self.people.sign_in(required(&object, "email")?, required(&object, "password")?)?;
        let (user, second_factor) = (user.id, user.second_factor);
        if second_factor {
            match object.get("challenge").filter(|given| !given.is_null()) {
                None => return Ok(json_response(StatusCode::ACCEPTED, &self.challenges.begin(user, asked.now))),
                Some(given) => self.challenges.answer(user, given, asked.now)?,
            }
        }
        let replaces = object.get("replaces").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let evicted = self.sessions.make_room(user, replaces, asked.policy, asked.now)?;
        let session = on_device(Session::new(user, asked.now, asked.policy), asked);
        self.created(StatusCode::CREATED, random_sid(), session, &evicted)
    }

    fn sign_out(&mut self, asked: &Asked<'_>) -> Reply {
        if let Some(hash) = stored(asked.sid()?) {
            self.sessions.end(&hash, asked.now);
        }
        Ok(no_content())
    }

    fn rotate(&mut self, asked: &Asked<'_>) -> Reply {
        let successor = self.live(asked.sid()?, asked.now)?.1.successor(asked.now);
        self.replace(asked, successor)
    }

    fn switch_tenant(&mut self, asked: &Asked<'_>) -> Reply {
        let (user, session) = self.live(asked.sid()?, asked.now)?;
        let wanted = asked.object()?.get("tenant_id").and_then(id);
        let Some(wanted) = wanted else {
            return Err(Refused::fields(&[("tenant_id", "This field is required.")]));
        };
        if !user.tenants.contains(&wanted) {
            return Err(Refused::new(StatusCode::FORBIDDEN, "not_a_member"));
        }
        let successor = Session { tenant: Some(wanted), ..session.successor(asked.now) };
        self.replace(asked, successor)
    }

    fn devices(&self, asked: &Asked<'_>) -> Reply {
        let (user, current) = self.live(asked.sid()?, asked.now)?;
        let describe = |session: &Session| {
            let mut one = session_json(&self.people, user, session);
            one["current"] = json!(session.public_id == current.public_id);
            one
        };
        let sessions: Vec<Value> = self.sessions.of_user(user.id, asked.now).into_iter().map(describe).collect();
        Ok(json_response(StatusCode::OK, &json!({ "sessions": sessions })))
    }

    fn end_device(&mut self, public_id: &str, asked: &Asked<'_>) -> Reply {
        let user = self.live(asked.sid()?, asked.now)?.0.id;
        let public_id = Uuid::try_parse(public_id).map_err(|_| Refused::not_found())?;
        if self.sessions.by_public_id(public_id).is_none_or(|session| session.user != user) {
            return Err(Refused::not_found());
        }
        self.sessions.end_where(asked.now, |session| session.public_id == public_id);
        // Said again for one that had ended: whoever repeats the call has not heard the first answer.
        Ok(revoked(&[public_id]))
    }

    fn end_devices(&mut self, asked: &Asked<'_>) -> Reply {
        let (user, current) = self.live(asked.sid()?, asked.now)?;
        let (user, current) = (user.id, current.public_id);
        let spared = match asked.parameter("scope").as_deref() {
            Some("others") => Some(current),
            Some("all") => None,
            _ => return Err(Refused::fields(&[("scope", "Either `others` or `all`.")])),
        };
        Ok(revoked(&self.sessions.end_where(asked.now, |s| s.user == user && Some(s.public_id) != spared)))
    }

    /// The live session of a sid and its user, whose account must not be disabled.
    fn live(&self, sid: &str, now: Timestamp) -> Result<(&User, &Session), Refused> {
        let session = self.sessions.find(sid, now)?;
        match self.people.user(session.user) {
            Some(user) if !user.disabled => Ok((user, session)),
            _ => Err(Refused::new(StatusCode::FORBIDDEN, "account_disabled")),
        }
    }

    /// Puts a successor into the place of the session that asks.
    fn replace(&mut self, asked: &Asked<'_>, successor: Session) -> Reply {
        let (old, sid) = (sha256(asked.sid()?.as_bytes()), random_sid());
        let new = sha256(sid.as_bytes());
        let answer = self.created(StatusCode::OK, sid, on_device(successor, asked), &[])?;
        self.sessions.supersede(&old, new, asked.now);
        Ok(answer)
    }

    fn created(&mut self, status: StatusCode, sid: String, session: Session, evicted: &[Uuid]) -> Reply {
        let user = self.people.user(session.user).ok_or_else(Refused::not_found)?;
        let mut body = session_json(&self.people, user, &session);
        if !evicted.is_empty() {
            body["evicted"] = json!(ids(evicted));
        }
        if !self.sessions.insert(sha256(sid.as_bytes()), session) {
            return Err(Refused::new(StatusCode::CONFLICT, "sid_taken"));
        }
        Ok(with_sid(status, body, &sid))
    }
}

fn on_device(session: Session, asked: &Asked<'_>) -> Session {
    let ip = asked.text("x-client-ip").or(session.ip);
    let user_agent = asked.text("user-agent").or(session.user_agent);
    Session { ip, user_agent, ..session }
}

fn with_sid(status: StatusCode, mut body: Value, sid: &str) -> Answer {
    body["sid"] = json!(sid);
    json_response(status, &body)
}

fn revoked(public_ids: &[Uuid]) -> Answer {
    json_response(StatusCode::OK, &json!({ "revoked": ids(public_ids) }))
}

fn ids(public_ids: &[Uuid]) -> Vec<String> {
    public_ids.iter().map(Uuid::to_string).collect()
}
