//! What is asked: which call, on whose behalf, with what in its body.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::policy::SessionPolicy;
use super::reply::Refused;

/// The calls of contract v1, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's")]
pub enum CallKind {
    Validate,
    SignIn,
    SignOut,
    Rotate,
    SwitchTenant,
    Devices,
    EndDevice,
    EndDevices,
    Migrate,
    Revoke,
    Activity,
}

impl CallKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 11] = [
        Self::Validate,
        Self::SignIn,
        Self::SignOut,
        Self::Rotate,
        Self::SwitchTenant,
        Self::Devices,
        Self::EndDevice,
        Self::EndDevices,
        Self::Migrate,
        Self::Revoke,
        Self::Activity,
    ];
}

/// One call, with what its path says.
pub(super) enum Call<'a> {
    Validate,
    ValidateByPath(&'a str),
    SignIn,
    SignOut,
    Rotate,
    SwitchTenant,
    Devices,
    EndDevice(&'a str),
    EndDevices,
    Migrate,
    Revoke,
    Activity,
}

impl<'a> Call<'a> {
    /// Which call this is. As in Django, the slash at the end is part of the address.
    pub(super) fn read(method: &Method, path: &'a str) -> Result<Self, Refused> {
        let rest = path.strip_prefix("/api/sessions/").ok_or_else(Refused::not_found)?;
        let by_public_id = rest.strip_prefix("by-public-id/").and_then(one_segment);
        match (method.as_str(), rest) {
            ("GET", "") => Ok(Self::Devices),
            ("POST", "") => Ok(Self::SignIn),
            ("DELETE", "") => Ok(Self::EndDevices),
            ("GET", "current/") => Ok(Self::Validate),
            ("DELETE", "current/") => Ok(Self::SignOut),
            ("POST", "current/rotate/") => Ok(Self::Rotate),
            ("POST", "current/tenant/") => Ok(Self::SwitchTenant),
            ("POST", "migrate/") => Ok(Self::Migrate),
            ("POST", "revoke/") => Ok(Self::Revoke),
            ("POST", "activity/") => Ok(Self::Activity),
            (_, "" | "current/" | "current/rotate/" | "current/tenant/" | "migrate/" | "revoke/" | "activity/") => {
                Err(not_allowed())
            }
            (method, _) => match (method, by_public_id, one_segment(rest)) {
                ("DELETE", Some(public_id), _) => Ok(Self::EndDevice(public_id)),
                // Only a UUID: any other name is a wrong address, which must not read as a wrong session.
                ("GET", None, Some(sid)) if Uuid::try_parse(sid).is_ok() => Ok(Self::ValidateByPath(sid)),
                ("GET", None, Some(_)) => Err(Refused::not_found()),
                (_, None, None) => Err(Refused::not_found()),
                _ => Err(not_allowed()),
            },
        }
    }

    pub(super) fn kind(&self) -> CallKind {
        match self {
            Self::Validate | Self::ValidateByPath(_) => CallKind::Validate,
            Self::SignIn => CallKind::SignIn,
            Self::SignOut => CallKind::SignOut,
            Self::Rotate => CallKind::Rotate,
            Self::SwitchTenant => CallKind::SwitchTenant,
            Self::Devices => CallKind::Devices,
            Self::EndDevice(_) => CallKind::EndDevice,
            Self::EndDevices => CallKind::EndDevices,
            Self::Migrate => CallKind::Migrate,
            Self::Revoke => CallKind::Revoke,
            Self::Activity => CallKind::Activity,
        }
    }
}

fn one_segment(rest: &str) -> Option<&str> {
    rest.strip_suffix('/').filter(|segment| !segment.is_empty() && !segment.contains('/'))
}

fn not_allowed() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
}

/// The rest of a request, and when it came.
pub(super) struct Asked<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a [u8],
    pub(super) now: Timestamp,
    pub(super) policy: &'a SessionPolicy,
}

impl Asked<'_> {
    /// The sid of `Authorization: Session <sid>`.
    ///
    /// None at all is the caller's fault and not news about a session: its code is none of those that sign out.
    pub(super) fn sid(&self) -> Result<&str, Refused> {
        let missing = || Refused::new(StatusCode::UNAUTHORIZED, "credential_missing");
        let mut given = self.headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return Err(missing());
        };
        let (scheme, sid) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
        if scheme.eq_ignore_ascii_case("session") { Ok(sid.trim()) } else { Err(missing()) }
    }

    /// A header as text, cut to what a device list can show.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()).chars().take(512).collect())
    }

    /// The body, which is a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refused> {
        serde_json::from_slice(self.body).map_err(|_| Refused::new(StatusCode::BAD_REQUEST, "invalid"))
    }

    /// One parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(self.query?.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// A text that must be there and say something.
pub(super) fn required<'a>(object: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refused> {
    match object.get(name).and_then(Value::as_str) {
        Some(text) if !text.trim().is_empty() => Ok(text),
        _ => Err(Refused::fields(&[(name, "This field is required.")])),
    }
}

/// An id, which may come as text or as a number.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A time as RFC 3339 has it.
pub(super) fn time(object: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refused> {
    let fault = || Refused::fields(&[(name, "A time in RFC 3339, with an offset.")]);
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().and_then(|text| text.parse().ok()).map(Some).ok_or_else(fault),
    }
}
