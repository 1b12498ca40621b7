//! Signing in: the call, and what its answer says.

use std::sync::Arc;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::super::lookup::Unavailable;
use super::super::types::{Session, SessionId};
use super::super::wire;
use super::{Backend, Caller, is_word};
use crate::config;

/// What someone signs in with.
#[derive(Clone)]
pub enum Credentials {
    /// E-mail address and password, with the answer to a challenge where one was asked.
    Password {
        /// The address.
        email: String,
        /// The password.
        password: config::Secret,
        /// `{"id","code"}`
        challenge: Option<Value>,
    },
    /// An identity provider's token, which the backend verifies.
    AccessToken {
        /// The token.
        token: config::Secret,
        /// `{"id","code"}`
        challenge: Option<Value>,
    },
}

/// What a sign-in came to.
#[derive(Debug)]
pub enum SignInAnswer {
    /// A new session.
    Session(SessionId, Arc<Session>),
    /// A second factor is due.
    Challenge(Value),
    /// The backend says no.
    Refused(SignInRefusal),
    /// The backend gave no answer that counts.
    Unavailable(Unavailable),
}

/// A sign-in that the backend refused, to be passed on.
#[derive(Debug)]
pub struct SignInRefusal {
    /// 400, 401, 403, 409, 423 or 429.
    pub status: u16,
    /// `invalid_credentials` and the like.
    pub code: String,
    /// Field errors of a 400.
    pub fields: Option<Value>,
    /// `Retry-After` of a 429, in seconds.
    pub retry_after: Option<u32>,
}

impl Backend {
    /// Signs in.
    pub(in crate::session) async fn sign_in(&self, credentials: &Credentials, caller: &Caller) -> SignInAnswer {
        let (mut body, challenge) = match credentials {
            Credentials::Password { email, password, challenge } => {
                (json!({"email": email, "password": password.expose()}), challenge)
            }
            Credentials::AccessToken { token, challenge } => (json!({"access_token": token.expose()}), challenge),
        };
        if let Some(challenge) = challenge {
            body["challenge"] = challenge.clone();
        }
        let call = self
            .control
            .request(Method::POST, format!("{}{}", self.base, self.config.paths.sign_in))
            .headers(self.headers(caller))
            .json(&body)
            .timeout(self.config.sign_in_timeout);
        match self.send(call).await {
            Ok((status, headers, body)) => self.sign_in_answer(status, &headers, &body),
            Err(why) => SignInAnswer::Unavailable(why),
        }
    }

    fn sign_in_answer(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> SignInAnswer {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        match status {
            200 | 201 => {
                let sid = wire::sid(&json, &self.config.fields);
                let session = sid.and_then(|sid| Some((sid, wire::session(&json, &self.config.fields, &sid)?)));
                session.map_or(SignInAnswer::Unavailable(Unavailable::Malformed), |(sid, session)| {
                    SignInAnswer::Session(sid, Arc::new(session))
                })
            }
            // These two and no more: what else the backend says there is not for browsers.
            202 if json.pointer("/challenge/id").is_some_and(|id| id.is_string() || id.is_number()) => {
                SignInAnswer::Challenge(json!({
                    "id": json.pointer("/challenge/id"),
                    "kind": json.pointer("/challenge/kind").filter(|kind| kind.is_string()),
                }))
            }
            400 | 401 | 403 | 409 | 423 | 429 => {
                let code = wire::code(body);
                if code.as_deref() == Some("gateway_key_invalid") {
                    return SignInAnswer::Unavailable(Unavailable::GatewayKey);
                }
                // Without a code it is a firewall's or a proxy's, not a judgement of this password; without JSON, so is
                // a 400.
                match (status, code.filter(|c| is_word(c))) {
                    (401 | 403 | 409 | 423, None) => SignInAnswer::Unavailable(Unavailable::Status(status)),
                    (400, None) if !json.is_object() => SignInAnswer::Unavailable(Unavailable::Status(status)),
                    (_, code) => SignInAnswer::Refused(SignInRefusal {
                        status,
                        code: code.unwrap_or_else(|| if status == 429 { "rate_limited" } else { "invalid" }.to_owned()),
                        fields: json.get("fields").or_else(|| json.get("errors")).cloned(),
                        retry_after: seconds(headers),
                    }),
                }
            }
            _ => SignInAnswer::Unavailable(Unavailable::Status(status)),
        }
    }
}

/// `Retry-After` in seconds, a day at most.
fn seconds(headers: &HeaderMap) -> Option<u32> {
    let wait: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(wait.min(24 * 3600))
}
