//! `[backend.fields]`: where each fact stands in an answer.

use super::Preset;
use crate::config::table::{Problem, Table};

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
    pub authenticated_at: Vec<String>,
    pub expires_at: Vec<String>,
    pub idle_expires_at: Vec<String>,
    pub created_at: Vec<String>,
    pub last_activity: Vec<String>,
    pub device_ip: Vec<String>,
    pub device_user_agent: Vec<String>,
}

impl Default for BackendFields {
    fn default() -> Self {
        Self::of(Preset::V1)
    }
}

impl BackendFields {
    /// These read all three shapes; what one of them has beside it is its own.
    pub(super) fn of(preset: Preset) -> Self {
        fn of(pointers: &[&str]) -> Vec<String> {
            pointers.iter().map(|p| (*p).to_owned()).collect()
        }
        let all = Self {
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
            authenticated_at: of(&["/authenticated_at"]),
            expires_at: of(&["/expires_at"]),
            idle_expires_at: of(&["/idle_expires_at"]),
            created_at: of(&["/created_at"]),
            last_activity: of(&["/last_activity"]),
            device_ip: of(&["/device/ip"]),
            device_user_agent: of(&["/device/user_agent"]),
        };
        match preset {
            Preset::V1 => all,
            // Neither can put a session under another sid: what was created then was signed in then.
            Preset::Flat => Self { authenticated_at: of(&["/authenticated_at", "/created_at"]), ..all },
            Preset::Nested => Self {
                authenticated_at: of(&["/authenticated_at", "/created_at"]),
                tenant_id: of(&["/tenant/id", "/user/tenant_id", "/user/tenantId"]),
                tenant_name: of(&["/tenant/name", "/tenant/business_name"]),
                ..all
            },
        }
    }

    pub(super) fn read(table: &mut Table<'_>, preset: Preset) -> Self {
        let default = Self::of(preset);
        let mut list = |key, default| table.list(key, POINTER, |text| pointer(text, POINTER)).unwrap_or(default);
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
            authenticated_at: list("authenticated_at", default.authenticated_at),
            expires_at: list("expires_at", default.expires_at),
            idle_expires_at: list("idle_expires_at", default.idle_expires_at),
            created_at: list("created_at", default.created_at),
            last_activity: list("last_activity", default.last_activity),
            device_ip: list("device_ip", default.device_ip),
            device_user_agent: list("device_user_agent", default.device_user_agent),
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

const POINTER: &str = "a JSON pointer such as \"/user/id\"";

/// RFC 6901, without the empty pointer: no fact is the whole answer.
pub(in crate::config) fn pointer(text: &str, what: &str) -> Result<String, Problem> {
    if !text.starts_with('/') {
        return Err(Problem::expected_text(what, text).hint("it begins with `/`"));
    }
    if text.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(Problem::expected_text(what, text).hint("`~` is written `~0` in one, and `/` in a name `~1`"));
    }
    Ok(text.to_owned())
}
