//! What a check may demand of an answer.

use serde_json::Value;
use uuid::Uuid;

use super::api::Answer;
use super::check::{Done, Stop};

/// The words that end a session. Anything else is "don't know" to the gateway.
const REFUSALS: [&str; 6] =
    ["session_unknown", "session_revoked", "session_expired", "session_idle", "session_limit", "account_disabled"];

impl Answer {
    /// This status, and nothing said of the body.
    pub(super) fn status(&self, status: u16) -> Done {
        if self.status == status { Ok(()) } else { Err(self.instead_of(status.to_string())) }
    }

    /// This status with a body of JSON.
    pub(super) fn object(&self, status: u16) -> Result<Value, Stop> {
        let json = self.json();
        if self.status == status && json.is_object() {
            return Ok(json);
        }
        Err(self.instead_of(format!("{status} with a JSON object")))
    }

    /// This status, with this word in `code`.
    pub(super) fn says(&self, status: u16, code: &str) -> Done {
        if self.status == status && self.code() == code {
            return Ok(());
        }
        Err(self.instead_of(format!("{status} with {{\"code\": \"{code}\"}}")))
    }

    /// A refusal of the session, in so many words; the word.
    pub(super) fn refuses_session(&self) -> Result<String, Stop> {
        let code = self.code();
        let refused = (400..500).contains(&self.status) && !matches!(self.status, 408 | 425 | 429);
        if refused && REFUSALS.contains(&code.as_str()) {
            return Ok(code);
        }
        Err(self.instead_of(format!("4xx with a \"code\" out of {}", REFUSALS.join(", "))))
    }

    /// A no that is about the call and not about a session: it signs nobody out.
    pub(super) fn is_no_refusal(&self) -> Done {
        if (400..500).contains(&self.status) && !REFUSALS.contains(&self.code().as_str()) {
            return Ok(());
        }
        Err(self.instead_of("4xx with no \"code\" that would end a session"))
    }

    /// A no of any kind, but a no: a 5xx would read as a backend that is down.
    pub(super) fn is_client_error(&self) -> Done {
        if (400..500).contains(&self.status) { Ok(()) } else { Err(self.instead_of("4xx")) }
    }

    /// 400, and which fields are meant.
    pub(super) fn blames_fields(&self) -> Done {
        let json = self.json();
        let fields = json.get("fields").or_else(|| json.get("errors"));
        let some = fields.is_some_and(|f| match f {
            Value::Object(fields) => !fields.is_empty(),
            Value::Array(fields) => !fields.is_empty(),
            _ => false,
        });
        if self.status == 400 && some {
            return Ok(());
        }
        Err(self.instead_of("400 with {\"code\": ..., \"fields\": {\"<name>\": [\"<fault>\"]}}"))
    }

    /// 200 with exactly these public ids in `revoked`.
    pub(super) fn revoked(&self, public_ids: &[&str]) -> Done {
        let found = self.revoked_ids()?;
        let same = found.len() == public_ids.len() && public_ids.iter().all(|id| found.iter().any(|f| f == id));
        let wanted = format!("200 with {{\"revoked\": {public_ids:?}}}");
        if same { Ok(()) } else { Err(self.instead_of(wanted)) }
    }

    /// The public ids of `revoked`.
    pub(super) fn revoked_ids(&self) -> Result<Vec<String>, Stop> {
        let json = self.object(200)?;
        let list = json["revoked"].as_array();
        let ids = list.and_then(|list| list.iter().map(|id| id.as_str().map(String::from)).collect());
        ids.ok_or_else(|| self.instead_of("200 with {\"revoked\": [public ids]}"))
    }

    /// What is demanded of the body.
    pub(super) fn must(&self, holds: bool, expected: impl Into<String>) -> Done {
        if holds { Ok(()) } else { Err(self.instead_of(expected)) }
    }

    /// The sid in the answer: a UUID as the gateway writes them.
    pub(super) fn sid(&self) -> Result<String, Stop> {
        let json = self.json();
        let sid = json["sid"].as_str().unwrap_or_default();
        let canonical = Uuid::try_parse(sid).is_ok_and(|uuid| uuid.hyphenated().to_string() == sid);
        if canonical { Ok(sid.to_owned()) } else { Err(self.instead_of("a \"sid\": a UUID of 36 small characters")) }
    }
}

/// A fact of the body as text: ids are texts, whatever JSON type they come in.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
