//! The calls that put a live session under another sid: rotation, and a switch of the tenant.

use std::sync::Arc;

use http::Method;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::super::lookup::{RefusalCode, Unavailable};
use super::super::types::{Session, SessionId};
use super::super::wire::{self, Answer};
use super::{Backend, Caller, is_word};

/// What asking for another sid came to.
#[derive(Debug, Clone)]
pub enum Renewed {
    /// The session, under its new sid. The old one is refused from now on.
    Session(SessionId, Arc<Session>),
    /// The session itself is refused.
    Refused(RefusalCode),
    /// The session goes on as it was; what was asked of it is denied, with the backend's status and word.
    Denied(u16, String),
    /// The backend has no such call.
    NotSupported,
    /// The backend gave no answer that counts.
    Unavailable(Unavailable),
}

impl Backend {
    /// Asks for the same session under a new sid.
    pub(in crate::session) async fn rotate(&self, sid: &SessionId, caller: &Caller) -> Renewed {
        self.renew(&self.config.paths.rotate, None, sid, caller).await
    }

    /// Asks for the same session in another tenant, under a new sid.
    pub(in crate::session) async fn switch_tenant(&self, sid: &SessionId, tenant_id: &str, caller: &Caller) -> Renewed {
        self.renew(&self.config.paths.switch_tenant, Some(&json!({ "tenant_id": tenant_id })), sid, caller).await
    }

    /// `POST`s about a session; a good answer is that session with a new sid.
    pub(in crate::session) async fn renew(
        &self,
        path: &str,
        body: Option<&Value>,
        sid: &SessionId,
        caller: &Caller,
    ) -> Renewed {
        if path.is_empty() {
            return Renewed::NotSupported;
        }
        let Some(credential) = self.authorization(sid) else { return Renewed::Unavailable(Unavailable::Malformed) };
        let mut call = self
            .control
            .request(Method::POST, format!("{}{}", self.base, self.path(path, sid)))
            .headers(self.headers(caller))
            .header(AUTHORIZATION, credential)
            .timeout(self.config.timeout);
        if let Some(body) = body {
            call = call.json(body);
        }
        match self.send(call).await {
            Ok((status, _, body)) => self.renewed(status, &body, sid),
            Err(why) => Renewed::Unavailable(why),
        }
    }

    fn renewed(&self, status: u16, body: &[u8], old: &SessionId) -> Renewed {
        let fields = &self.config.fields;
        if matches!(status, 200 | 201) {
            let json: Value = serde_json::from_slice(body).unwrap_or_default();
            // The sid that was to be replaced is none: it may be in more hands than the browser's.
            let new = wire::sid(&json, fields).filter(|new| new != old);
            let session = new.and_then(|new| Some((new, wire::session(&json, fields, &new)?)));
            return session.map_or(Renewed::Unavailable(Unavailable::Malformed), |(new, session)| {
                Renewed::Session(new, Arc::new(session))
            });
        }
        match (wire::answer(status, body, &self.config, old), wire::code(body)) {
            (Answer::Refused(code), _) => Renewed::Refused(code),
            (Answer::Unavailable(Unavailable::GatewayKey), _) => Renewed::Unavailable(Unavailable::GatewayKey),
            (_, Some(code)) if matches!(status, 400 | 403 | 404 | 409) && is_word(&code) => {
                Renewed::Denied(status, code)
            }
            // A backend from before this call, or one that serves only what it must.
            _ if matches!(status, 404 | 405 | 501) => Renewed::NotSupported,
            _ => Renewed::Unavailable(Unavailable::Status(status)),
        }
    }
}
