//! The backend's JSON -> a [`Session`], a refusal, or "that says nothing".
//!
//! The rule that this file exists for: *refused* only when the backend says so in so many words, that is with a JSON
//! body whose `code` is one of six. Everything else is *unavailable*, whatever its status: a firewall's 403 page must
//! not sign a shop's customers out. For backends that have no words there is `[backend] refused_statuses`: those refuse
//! the request, and the cookie stays.

use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use serde_json::Value;

use super::backend::Device;
use super::lookup::{RefusalCode, Unavailable};
use super::types::{Onboarding, Session, SessionId, Tenant, User};
use crate::config::{Backend, BackendFields};

/// Bytes of a text that goes into one header or an address. More is no id and no slug of anybody's.
const MAX_WORD: usize = 1024;

/// Sessions that one sign-in ends; it is one as a rule.
const MAX_EVICTED: usize = 100;

/// What an answer about a session says.
#[derive(Debug)]
pub(crate) enum Answer {
    Session(Box<Session>),
    Refused(RefusalCode),
    Unavailable(Unavailable),
}

/// Reads the answer to a validation.
pub(crate) fn answer(status: u16, body: &[u8], backend: &Backend, sid: &SessionId) -> Answer {
    if status == 200 || status == 201 {
        let session = serde_json::from_slice(body).ok().and_then(|json| session(&json, &backend.fields, sid));
        return session.map_or(Answer::Unavailable(Unavailable::Malformed), |s| Answer::Session(Box::new(s)));
    }
    let word = code(body);
    let said = match word.as_deref() {
        Some("gateway_key_invalid") => return Answer::Unavailable(Unavailable::GatewayKey),
        // A 5xx, 408, 425 or 429 says that the backend is unwell, whatever else its body says.
        Some(word) if matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429) => {
            RefusalCode::from_backend(word)
        }
        _ => None,
    };
    let bare = backend.refused_statuses.contains(&status).then_some(RefusalCode::Bare);
    said.or(bare).map_or(Answer::Unavailable(Unavailable::Status(status)), Answer::Refused)
}

/// The `code` of an answer, at the top or in `error`.
pub(crate) fn code(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let code = json.get("code").or_else(|| json.pointer("/error/code"))?;
    code.as_str().map(str::to_owned)
}

/// The sid in an answer that creates a session.
pub(crate) fn sid(json: &Value, fields: &BackendFields) -> Option<SessionId> {
    first(json, &fields.sid).and_then(Value::as_str).and_then(|s| SessionId::parse(s.as_bytes()))
}

/// The public ids of sessions that a sign-in has evicted.
pub(crate) fn evicted(json: &Value) -> Vec<String> {
    let ids = json.get("evicted").and_then(Value::as_array);
    ids.map(|list| list.iter().filter_map(text_of).take(MAX_EVICTED).collect()).unwrap_or_default()
}

/// The session in an answer, if it has a usable identity.
pub(crate) fn session(json: &Value, fields: &BackendFields, sid: &SessionId) -> Option<Session> {
    let text = |pointers: &[String]| first(json, pointers).and_then(text_of);
    let word = |pointers: &[String]| text(pointers).filter(|t| t.len() <= MAX_WORD);
    let (onboarding, contradictory) = onboarding(json, fields).unwrap_or((Onboarding::Complete, false));
    let tenants = first(json, &fields.tenants).and_then(Value::as_array);
    Some(Session {
        public_id: text(&fields.public_id),
        user: User {
            id: word(&fields.user_id)?,
            email: text(&fields.user_email),
            name: text(&fields.user_name),
            role: text(&fields.user_role),
        },
        tenant: tenant(json, fields),
        tenants: tenants.map(|list| list.iter().filter_map(listed_tenant).collect()).unwrap_or_default(),
        onboarding,
        permissions: first(json, &fields.permissions)
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(text_of).collect())
            .unwrap_or_default(),
        authenticated_at: time(json, &fields.authenticated_at),
        expires_at: time(json, &fields.expires_at),
        idle_expires_at: time(json, &fields.idle_expires_at),
        fingerprint: sid.fingerprint(),
        contradictory_onboarding: contradictory,
        privileges_changed: false,
        activity: Arc::default(),
        headers: OnceLock::new(),
        sid_hash: sid.hash(),
        assertions: OnceLock::new(),
    })
}

/// One session of a list, if it can be named.
pub(crate) fn device(json: &Value, fields: &BackendFields) -> Option<Device> {
    let word = |pointers: &[String]| first(json, pointers).and_then(text_of).filter(|t| t.len() <= MAX_WORD);
    Some(Device {
        public_id: word(&fields.public_id)?,
        current: json.get("current").and_then(Value::as_bool).unwrap_or(false),
        created_at: time(json, &fields.created_at),
        authenticated_at: time(json, &fields.authenticated_at),
        last_activity: time(json, &fields.last_activity),
        expires_at: time(json, &fields.expires_at),
        idle_expires_at: time(json, &fields.idle_expires_at),
        tenant: tenant(json, fields),
        ip: word(&fields.device_ip),
        user_agent: word(&fields.device_user_agent),
    })
}

fn tenant(json: &Value, fields: &BackendFields) -> Option<Tenant> {
    let text = |pointers: &[String]| first(json, pointers).and_then(text_of);
    let word = |pointers: &[String]| text(pointers).filter(|t| t.len() <= MAX_WORD);
    Some(Tenant { id: word(&fields.tenant_id)?, slug: word(&fields.tenant_slug), name: text(&fields.tenant_name) })
}

/// How far a user is with onboarding, and whether the answer contradicts itself; nothing when it says neither.
pub(crate) fn onboarding(json: &Value, fields: &BackendFields) -> Option<(Onboarding, bool)> {
    let flag = |pointers: &[String]| first(json, pointers).and_then(Value::as_bool);
    let (needed, completed) = (flag(&fields.onboarding_needed), flag(&fields.onboarding_completed));
    let contradictory = needed == Some(true) && completed == Some(true);
    if contradictory || !needed.or(completed.map(|completed| !completed))? {
        return Some((Onboarding::Complete, contradictory));
    }
    let step = first(json, &fields.onboarding_step).and_then(text_of).filter(|step| step.len() <= MAX_WORD);
    Some((Onboarding::Needed { step }, false))
}

/// When a session ends, in an answer that says little else.
pub(crate) fn expires_at(json: &Value, fields: &BackendFields) -> Option<Timestamp> {
    time(json, &fields.expires_at)
}

fn time(json: &Value, pointers: &[String]) -> Option<Timestamp> {
    first(json, pointers).and_then(text_of).and_then(|text| text.parse().ok())
}

fn listed_tenant(json: &Value) -> Option<Tenant> {
    let text = |key: &str| json.get(key).and_then(text_of);
    Some(Tenant { id: text("id")?, slug: text("slug"), name: text("name") })
}

fn first<'a>(json: &'a Value, pointers: &[String]) -> Option<&'a Value> {
    pointers.iter().find_map(|p| json.pointer(p).filter(|v| !v.is_null()))
}

/// Ids are strings to the gateway, whatever JSON type they come in. Empty is missing.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => (!s.is_empty()).then(|| s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
