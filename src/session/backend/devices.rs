//! The calls about a user's other sessions: list them, end one, end several.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

use super::super::lookup::{RefusalCode, Unavailable};
use super::super::types::{SessionId, Tenant};
use super::super::wire::{self, Answer};
use super::{Backend, Caller};

/// One session of a user, as the backend lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The backend's public name for it. What has none cannot be ended, and is not listed.
    pub public_id: String,
    /// It is the one that asks.
    pub current: bool,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// When the person last proved who they are.
    pub authenticated_at: Option<Timestamp>,
    /// When it was last used.
    pub last_activity: Option<Timestamp>,
    /// When it ends for good.
    pub expires_at: Option<Timestamp>,
    /// When it ends if nothing happens.
    pub idle_expires_at: Option<Timestamp>,
    /// Its current tenant.
    pub tenant: Option<Tenant>,
    /// The address that it was last used from.
    pub ip: Option<String>,
    /// What its browser calls itself: anybody's words.
    pub user_agent: Option<String>,
}

/// Which sessions of a user are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one of this public id.
    One(&'a str),
    /// All but the one that asks.
    Others,
    /// Every one.
    All,
}

/// What a call about devices came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevicesAnswer<T> {
    /// Done.
    Good(T),
    /// The session that asks is refused.
    Refused(RefusalCode),
    /// It is none of this user's.
    NotFound,
    /// The backend has no such call.
    NotSupported,
    /// The backend gave no answer that counts.
    Unavailable(Unavailable),
}

impl Backend {
    /// Lists the sessions of a session's user.
    pub(in crate::session) async fn devices(&self, sid: &SessionId, caller: &Caller) -> DevicesAnswer<Vec<Device>> {
        let path = &self.config.paths.devices;
        self.about_devices(Method::GET, path.clone(), sid, caller, |json| {
            let listed = json.get("sessions")?.as_array()?;
            Some(listed.iter().filter_map(|one| wire::device(one, &self.config.fields)).collect())
        })
        .await
    }

    /// Ends sessions of a session's user; the public ids of those that have ended.
    pub(in crate::session) async fn end_devices(
        &self,
        sid: &SessionId,
        which: Which<'_>,
        caller: &Caller,
    ) -> DevicesAnswer<Vec<String>> {
        let paths = &self.config.paths;
        let path = match which {
            Which::One(public_id) => paths.end_device.replace("{public_id}", public_id),
            Which::Others => paths.end_devices.replace("{scope}", "others"),
            Which::All => paths.end_devices.replace("{scope}", "all"),
        };
        self.about_devices(Method::DELETE, path, sid, caller, |json| {
            let revoked = json.get("revoked")?.as_array()?;
            Some(revoked.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        })
        .await
    }

    async fn about_devices<T>(
        &self,
        method: Method,
        path: String,
        sid: &SessionId,
        caller: &Caller,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> DevicesAnswer<T> {
        if path.is_empty() {
            return DevicesAnswer::NotSupported;
        }
        let Some(credential) = self.authorization(sid) else {
            return DevicesAnswer::Unavailable(Unavailable::Malformed);
        };
        let call = self
            .control
            .request(method, format!("{}{}", self.base, self.path(&path, sid)))
            .headers(self.headers(caller))
            .header(AUTHORIZATION, credential)
            .timeout(self.config.timeout);
        let (status, _, body): (u16, HeaderMap, Vec<u8>) = match self.send(call).await {
            Ok(answer) => answer,
            Err(why) => return DevicesAnswer::Unavailable(why),
        };
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status == 200 {
            return read(&json).map_or(DevicesAnswer::Unavailable(Unavailable::Malformed), DevicesAnswer::Good);
        }
        match wire::answer(status, &body, &self.config, sid) {
            Answer::Refused(code) => DevicesAnswer::Refused(code),
            Answer::Unavailable(Unavailable::GatewayKey) => DevicesAnswer::Unavailable(Unavailable::GatewayKey),
            // In JSON it speaks of the session that was named; otherwise there is no such call.
            _ if status == 404 && json.is_object() => DevicesAnswer::NotFound,
            _ if matches!(status, 404 | 405 | 501) => DevicesAnswer::NotSupported,
            _ => DevicesAnswer::Unavailable(Unavailable::Status(status)),
        }
    }
}
