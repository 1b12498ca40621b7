//! The second factor: one challenge per person at most, for five minutes, for five guesses, good once.

use std::collections::HashMap;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::reply::Refused;
use super::request::id;

/// The answer to every challenge of the demo. A real backend sends a random one, or knows a device that makes it.
pub const CODE: &str = "123456";

const LIFETIME: SignedDuration = SignedDuration::from_mins(5);
const GUESSES: u8 = 5;

struct Challenge {
    id: Uuid,
    until: Timestamp,
    guesses: u8,
}

/// By user: the newest one counts.
#[derive(Default)]
pub(super) struct Challenges(HashMap<&'static str, Challenge>);

impl Challenges {
    /// A new challenge, as the contract writes it.
    pub(super) fn begin(&mut self, user: &'static str, now: Timestamp) -> Value {
        let id = Uuid::new_v4();
        let until = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        self.0.insert(user, Challenge { id, until, guesses: 0 });
        json!({ "challenge": { "id": id.to_string(), "kind": "fixed_code" } })
    }

    /// Takes an answer, or refuses it.
    pub(super) fn answer(&mut self, user: &str, given: &Value, now: Timestamp) -> Result<(), Refused> {
        let text = |key: &str| given.get(key).and_then(id);
        let (Some(key), Some(code)) = (text("id"), text("code")) else {
            return Err(Refused::fields(&[("challenge", "This must be the id and the code.")]));
        };
        let wrong = || Refused::new(StatusCode::UNAUTHORIZED, "invalid_challenge");
        let challenge = self.0.get_mut(user).filter(|c| c.id.to_string() == key && now < c.until);
        let challenge = challenge.filter(|c| c.guesses < GUESSES).ok_or_else(wrong)?;
        challenge.guesses += 1;
        if !bool::from(code.trim().as_bytes().ct_eq(CODE.as_bytes())) {
            return Err(wrong());
        }
        self.0.remove(user);
        Ok(())
    }
}
