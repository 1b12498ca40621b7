//! `[backend]`: where sessions are asked, and how its answers read.

use std::time::Duration;

use super::table::{Problem, Table};
use super::{LONG, SHORT, Secret, address};

/// The shape of the backend's calls and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Contract v1, what the Django kit serves.
    #[default]
    V1,
}

/// `[backend]`
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// `http://host:port`, without a path.
    pub url: String,
    /// The shape of its answers.
    pub preset: Preset,
    /// Sent as `X-Gateway-Key` with every call.
    pub gateway_key: Secret,
    /// Longest to connect.
    pub connect_timeout: Duration,
    /// Longest for an answer about a session.
    pub timeout: Duration,
    /// Longest for a sign-in.
    pub sign_in_timeout: Duration,
    /// Calls about sessions at once.
    pub max_concurrent: usize,
    /// Lookups that may wait for one of those.
    pub max_waiting: usize,
    /// Bytes of one answer.
    pub max_body: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// `[backend.paths]`
    pub paths: BackendPaths,
    /// `[backend.fields]`
    pub fields: BackendFields,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8000".into(),
            preset: Preset::V1,
            gateway_key: Secret::default(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
            sign_in_timeout: Duration::from_secs(15),
            max_concurrent: 64,
            max_waiting: 1024,
            max_body: 256 * 1024,
            idle_timeout: Duration::from_millis(1500),
            paths: BackendPaths::default(),
            fields: BackendFields::default(),
        }
    }
}

/// `[backend.paths]`
#[derive(Debug, Clone, PartialEq)]
pub struct BackendPaths {
    /// `GET`: validate a session. `{sid}` puts the sid into the path.
    pub validate: String,
    /// `POST`: sign in.
    pub sign_in: String,
    /// `DELETE`: sign out.
    pub sign_out: String,
    /// `POST`: the same session under a new sid.
    pub rotate: String,
}

impl Default for BackendPaths {
    fn default() -> Self {
        Self {
            validate: "/api/sessions/current/".into(),
            sign_in: "/api/sessions/".into(),
            sign_out: "/api/sessions/current/".into(),
            rotate: "/api/sessions/current/rotate/".into(),
        }
    }
}

/// `[backend.fields]`: for each fact the JSON pointers to try in order.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the facts; `gateway.toml` lists them")]
pub struct BackendFields {
    pub sid: Vec<String>,
    pub public_id: Vec<String>,
    pub user_id: Vec<String>,
    pub user_email: Vec<String>,
    pub user_name: Vec<String>,
    pub user_role: Vec<String>,
    pub tenant_id: Vec<String>,
    pub tenant_slug: Vec<String>,
    pub tenant_name: Vec<String>,
    pub tenants: Vec<String>,
    pub onboarding_needed: Vec<String>,
    pub onboarding_completed: Vec<String>,
    pub onboarding_step: Vec<String>,
    pub permissions: Vec<String>,
    pub expires_at: Vec<String>,
    pub idle_expires_at: Vec<String>,
}

impl Default for BackendFields {
    /// Reads three shapes: contract v1, the flat one of the first design, and the nested one.
    fn default() -> Self {
        fn of(pointers: &[&str]) -> Vec<String> {
            pointers.iter().map(|p| (*p).to_owned()).collect()
        }
        Self {
            sid: of(&["/sid", "/session_id", "/session_token"]),
            public_id: of(&["/public_id"]),
            user_id: of(&["/user/id", "/user_id", "/email"]),
            user_email: of(&["/user/email", "/email"]),
            user_name: of(&["/user/name", "/name"]),
            user_role: of(&["/user/role", "/role"]),
            tenant_id: of(&["/tenant/id", "/tenant_id", "/user/tenant_id"]),
            tenant_slug: of(&["/tenant/slug"]),
            tenant_name: of(&["/tenant/name"]),
            tenants: of(&["/tenants"]),
            onboarding_needed: of(&["/onboarding/needed", "/needs_onboarding"]),
            onboarding_completed: of(&["/onboarding_completed"]),
            onboarding_step: of(&["/onboarding/step", "/onboarding_step"]),
            permissions: of(&["/permissions", "/user/page_permissions"]),
            expires_at: of(&["/expires_at"]),
            idle_expires_at: of(&["/idle_expires_at"]),
        }
    }
}

impl Backend {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let backend = Self {
            url: table.text("url", "an address", address::url).unwrap_or(default.url),
            preset: table.one_of("preset", &[("v1", Preset::V1)], default.preset),
            gateway_key: table.secret("gateway_key"),
            connect_timeout: table.duration("connect_timeout", default.connect_timeout, SHORT),
            timeout: table.duration("timeout", default.timeout, SHORT),
            sign_in_timeout: table.duration("sign_in_timeout", default.sign_in_timeout, SHORT),
            max_concurrent: table.number("max_concurrent", default.max_concurrent, 1..=100_000),
            max_waiting: table.number("max_waiting", default.max_waiting, 0..=1_000_000),
            max_body: table.size("max_body", default.max_body, 1024..=64 * 1024 * 1024),
            idle_timeout: table.duration("idle_timeout", default.idle_timeout, LONG),
            paths: table.table("paths", BackendPaths::read),
            fields: table.table("fields", BackendFields::read),
        };
        table.finish();
        backend
    }
}

impl BackendPaths {
    fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let mut path = |key, default, sid| table.text(key, PATH, |text| path(text, sid)).unwrap_or(default);
        let paths = Self {
            validate: path("validate", default.validate, true),
            sign_in: path("sign_in", default.sign_in, false),
            sign_out: path("sign_out", default.sign_out, false),
            rotate: path("rotate", default.rotate, false),
        };
        table.finish();
        paths
    }
}

impl BackendFields {
    fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let mut list = |key, default| table.list(key, POINTER, pointer).unwrap_or(default);
        let fields = Self {
            sid: list("sid", default.sid),
            public_id: list("public_id", default.public_id),
            user_id: list("user_id", default.user_id),
            user_email: list("user_email", default.user_email),
            user_name: list("user_name", default.user_name),
            user_role: list("user_role", default.user_role),
            tenant_id: list("tenant_id", default.tenant_id),
            tenant_slug: list("tenant_slug", default.tenant_slug),
            tenant_name: list("tenant_name", default.tenant_name),
            tenants: list("tenants", default.tenants),
            onboarding_needed: list("onboarding_needed", default.onboarding_needed),
            onboarding_completed: list("onboarding_completed", default.onboarding_completed),
            onboarding_step: list("onboarding_step", default.onboarding_step),
            permissions: list("permissions", default.permissions),
            expires_at: list("expires_at", default.expires_at),
            idle_expires_at: list("idle_expires_at", default.idle_expires_at),
        };
        table.finish();
        if fields.user_id.is_empty() {
            table.contradiction(
                "user_id",
                "cannot be empty: a session without a user is none",
                "for example [\"/user/id\"]",
            );
        }
        fields
    }
}

const PATH: &str = "a path such as \"/api/sessions/\"";
const POINTER: &str = "a JSON pointer such as \"/user/id\"";

fn path(text: &str, sid: bool) -> Result<String, Problem> {
    let problem = |hint: &str| Err(Problem::expected_text(PATH, text).hint(hint));
    if !text.starts_with('/') {
        return problem("it begins with `/`");
    }
    if text.contains('#') || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return problem("no `#`; percent-encode blanks and letters beyond ASCII");
    }
    let plain = if sid { text.replace("{sid}", "") } else { text.to_owned() };
    match plain.contains(['{', '}']) {
        false => Ok(text.to_owned()),
        true if sid => problem("the only placeholder is {sid}"),
        true => problem("there is no placeholder in this one"),
    }
}

/// RFC 6901, without the empty pointer: no fact is the whole answer.
fn pointer(text: &str) -> Result<String, Problem> {
    if !text.starts_with('/') {
        return Err(Problem::expected_text(POINTER, text).hint("it begins with `/`"));
    }
    if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(Problem::expected_text(POINTER, text).hint("`~` is written `~0` in one, and `/` in a name `~1`"));
    }
    Ok(text.to_owned())
}
