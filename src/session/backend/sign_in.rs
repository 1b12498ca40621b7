//! Signing in: the call, and what its answer says.

use std::sync::Arc;

use http::header::RETRY_AFTER;
use http::{HeaderMap, Method};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::super::lookup::Unavailable;
use super::super::types::{Session, SessionId};
use super::super::wire::{self, Answer};
use super::{Backend, Caller, is_word};
use crate::config::{self, Capability, Preset, TokenIn};

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
    /// A new session, and the public ids of those that it evicted: the user has no more.
    Session(SessionId, Arc<Session>, Vec<String>),
    /// A second factor is due.
    Challenge(Value),
    /// The backend says no.
    Refused(SignInRefusal),
    /// The backend has no call for this.
    NotSupported(Capability),
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
    pub(in crate::session) async fn sign_in(
        &self,
        credentials: &Credentials,
        replaces: Option<&str>,
        caller: &Caller,
    ) -> SignInAnswer {
        let (path, needs) = match credentials {
            Credentials::Password { .. } => (&self.config.paths.sign_in, Capability::PasswordSignIn),
            Credentials::AccessToken { .. } => (&self.config.paths.sign_in_token, Capability::TokenSignIn),
        };
        if !self.supports(needs) {
            return SignInAnswer::NotSupported(needs);
        }
        let call = self
            .control
            .request(Method::POST, format!("{}{path}", self.base))
            .headers(self.headers(caller))
            .timeout(self.config.sign_in_timeout);
        match self.send(self.with_credentials(call, credentials, replaces)).await {
            Ok((200 | 201, _, body)) => self.signed_in(&body, caller).await,
            Ok((status, headers, body)) => self.sign_in_refusal(status, &headers, &body),
            Err(why) => SignInAnswer::Unavailable(why),
        }
    }

    fn with_credentials(
        &self,
        call: RequestBuilder,
        credentials: &Credentials,
        replaces: Option<&str>,
    ) -> RequestBuilder {
        let (mut body, bearer, challenge) = match credentials {
            Credentials::Password { email, password, challenge } => {
                (json!({"email": email, "password": password.expose()}), None, challenge)
            }
            Credentials::AccessToken { token, challenge } => match self.config.access_token_in {
                TokenIn::Body => (json!({"access_token": token.expose()}), None, challenge),
                TokenIn::Bearer => (json!({}), Some(token.expose()), challenge),
            },
        };
        if let Some(challenge) = challenge {
            body["challenge"] = challenge.clone();
        }
        // Ours is the only shape that is known to take a word more.
        if let Some(public_id) = replaces.filter(|_| self.config.preset == Preset::V1) {
            body["replaces"] = public_id.into();
        }
        match bearer {
            Some(token) => call.bearer_auth(token).json(&body),
            None => call.json(&body),
        }
    }

    /// The session of a good answer; where that has the sid only, what reading the session once says.
    async fn signed_in(&self, body: &[u8], caller: &Caller) -> SignInAnswer {
        let fields = &self.config.fields;
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(sid) = wire::sid(&json, fields) else { return SignInAnswer::Unavailable(Unavailable::Malformed) };
        if !self.config.read_after_sign_in {
            let session = wire::session(&json, fields, &sid).map(Arc::new);
            return session.map_or(SignInAnswer::Unavailable(Unavailable::Malformed), |session| {
                SignInAnswer::Session(sid, session, wire::evicted(&json))
            });
        }
        let mut answer = self.validate(&sid, caller).await;
        if matches!(answer, Answer::Refused(code) if code.is_doubtful()) {
            answer = self.validate(&sid, caller).await;
        }
        let why = match answer {
            Answer::Session(mut session) => {
                session.expires_at = session.expires_at.or_else(|| wire::expires_at(&json, fields));
                return SignInAnswer::Session(sid, Arc::from(session), Vec::new());
            }
            Answer::Unavailable(why) => why,
            Answer::Refused(_) => Unavailable::Malformed,
        };
        // Nobody will ever hold this one.
        let _ = self.sign_out(&sid, caller).await;
        SignInAnswer::Unavailable(why)
    }

    fn sign_in_refusal(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> SignInAnswer {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        match status {
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
                // Where refusals have no words, neither have those of a sign-in.
                let bare = self.config.refused_statuses.contains(&status).then(|| bare(status).to_owned());
                // Without a code it is a firewall's or a proxy's, not a judgement of this password; without JSON, so is
                // a 400.
                match (status, code.filter(|c| is_word(c)).or(bare)) {
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

/// What a refusal without a word most likely means.
fn bare(status: u16) -> &'static str {
    if status == 401 { "invalid_credentials" } else { "sign_in_refused" }
}

/// `Retry-After` in seconds, a day at most.
fn seconds(headers: &HeaderMap) -> Option<u32> {
    let wait: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(wait.min(24 * 3600))
}
