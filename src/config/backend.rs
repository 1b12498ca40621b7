//! `[backend]`: where sessions are asked, and how its answers read.

use std::time::Duration;

use super::Secret;

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
}

impl Default for BackendPaths {
    fn default() -> Self {
        Self {
            validate: "/api/sessions/current/".into(),
            sign_in: "/api/sessions/".into(),
            sign_out: "/api/sessions/current/".into(),
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
