//! The call that makes a session of an old cookie's proof.
//!
//! The contract's call answers with a fresh sid, always. A backend without it does what it can: it takes a token as at
//! sign-in. A session's id is then asked about and goes on as it is, which is the door's business.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::super::lookup::Unavailable;
use super::super::proof::{Proof, ProofKind};
use super::super::types::{Session, SessionId};
use super::super::wire;
use super::{Backend, Caller, Credentials, SignInAnswer};
use crate::config::{Capability, Preset};

/// What becomes of the session that the proof is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It stays, so that taking the gateway out signs nobody out. It ends with the new one.
    Keep,
    /// It ends in the same transaction.
    End,
}

/// What a migration came to.
#[derive(Debug, Clone)]
pub enum MigrateAnswer {
    /// The session under its new sid, and whether this proof had made it before.
    Session(SessionId, Arc<Session>, bool),
    /// The proof is worth nothing.
    Refused {
        /// The backend says so in so many words. Otherwise it may be an outage that looks like a refusal.
        certain: bool,
    },
    /// The backend has no call for this.
    NotSupported(Capability),
    /// The backend gave no answer that counts.
    Unavailable(Unavailable),
}

impl Backend {
    /// The session that a proof names itself, where the backend cannot give it another sid.
    pub(in crate::session) fn reissues(&self, proof: &Proof) -> Option<Option<SessionId>> {
        let its_own = proof.kind == ProofKind::SessionId && !self.can_migrate() && self.config.preset != Preset::V1;
        its_own.then(|| SessionId::parse(proof.value.expose().as_bytes()))
    }

    /// Whether the backend itself sees to it that a proof makes one session, once.
    pub(in crate::session) fn can_migrate(&self) -> bool {
        !self.config.paths.migrate.is_empty()
    }

    /// Makes a session of a proof. `source` is the name of the cookie that it came in.
    pub(in crate::session) async fn migrate(
        &self,
        proof: &Proof,
        source: &str,
        ending: Ending,
        caller: &Caller,
    ) -> MigrateAnswer {
        if !self.can_migrate() {
            return self.sign_in_with(proof, caller).await;
        }
        let mut body = json!({
            "proof": { "kind": proof.kind.as_str(), "value": proof.value.expose() },
            "source": source,
            "idempotency_key": proof.idempotency_key(),
        });
        if ending == Ending::Keep {
            body["keep"] = true.into();
        }
        let call = self
            .control
            .request(Method::POST, format!("{}{}", self.base, self.config.paths.migrate))
            .headers(self.headers(caller))
            .timeout(self.config.sign_in_timeout)
            .json(&body);
        match self.send(call).await {
            Ok((status, _, body)) => self.migrated(status, &body, proof),
            Err(why) => MigrateAnswer::Unavailable(why),
        }
    }

    fn migrated(&self, status: u16, body: &[u8], proof: &Proof) -> MigrateAnswer {
        if matches!(status, 200 | 201) {
            let json: Value = serde_json::from_slice(body).unwrap_or_default();
            // A sid that was in an old cookie may have been planted there, or read by a script.
            let sid = wire::sid(&json, &self.config.fields).filter(|sid| sid.expose() != proof.value.expose());
            let session = sid.and_then(|sid| Some((sid, wire::session(&json, &self.config.fields, &sid)?)));
            return session.map_or(MigrateAnswer::Unavailable(Unavailable::Malformed), |(sid, session)| {
                MigrateAnswer::Session(sid, Arc::new(session), status == 200)
            });
        }
        match wire::code(body).as_deref() {
            Some("gateway_key_invalid") => MigrateAnswer::Unavailable(Unavailable::GatewayKey),
            Some("proof_refused") if status == 401 => MigrateAnswer::Refused { certain: true },
            // Also 404: it may be a wrong address, and what a browser still has must not be thrown away for that.
            _ => MigrateAnswer::Unavailable(Unavailable::Status(status)),
        }
    }

    /// A token signs in, where there is no call for old cookies.
    async fn sign_in_with(&self, proof: &Proof, caller: &Caller) -> MigrateAnswer {
        if proof.kind != ProofKind::AccessToken {
            return MigrateAnswer::NotSupported(Capability::Migrate);
        }
        let credentials = Credentials::AccessToken { token: proof.value.clone(), challenge: None };
        match self.sign_in(&credentials, None, caller).await {
            SignInAnswer::Session(sid, session, _) => MigrateAnswer::Session(sid, session, false),
            // The person has to do something.
            SignInAnswer::Challenge(_) => MigrateAnswer::Refused { certain: true },
            SignInAnswer::Refused(refusal) if refusal.status == 429 => {
                MigrateAnswer::Unavailable(Unavailable::Status(429))
            }
            SignInAnswer::Refused(refusal) => {
                MigrateAnswer::Refused { certain: !self.config.refused_statuses.contains(&refusal.status) }
            }
            SignInAnswer::NotSupported(needs) => MigrateAnswer::NotSupported(needs),
            SignInAnswer::Unavailable(why) => MigrateAnswer::Unavailable(why),
        }
    }
}
