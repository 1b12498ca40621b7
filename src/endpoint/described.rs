//! The session for JavaScript: a fixed list of fields, never the sid, never a token of the backend.

use serde::Serialize;

use crate::session::{Onboarding, Session, Tenant};

/// The body of a good answer about a session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described<'a> {
    authenticated: bool,
    user: DescribedUser<'a>,
    tenant_id: Option<&'a str>,
    tenant: Option<DescribedTenant<'a>>,
    tenants: Vec<DescribedTenant<'a>>,
    needs_onboarding: bool,
    onboarding_step: Option<&'a str>,
    permissions: &'a [String],
    /// RFC 3339, in UTC.
    expires_at: Option<String>,
    /// After a sign-in: where to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_to: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct DescribedUser<'a> {
    id: &'a str,
    email: Option<&'a str>,
    name: Option<&'a str>,
    role: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(super) struct DescribedTenant<'a> {
    id: &'a str,
    slug: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> Described<'a> {
    pub(super) fn of(session: &'a Session, redirect_to: Option<&'a str>) -> Self {
        let user = &session.user;
        Self {
            authenticated: true,
            user: DescribedUser {
                id: &user.id,
                email: user.email.as_deref(),
                name: user.name.as_deref(),
                role: user.role.as_deref(),
            },
            tenant_id: session.tenant.as_ref().map(|t| t.id.as_str()),
            tenant: session.tenant.as_ref().map(DescribedTenant::of),
            tenants: session.tenants.iter().map(DescribedTenant::of).collect(),
            needs_onboarding: session.needs_onboarding(),
            onboarding_step: match &session.onboarding {
                Onboarding::Complete => None,
                Onboarding::Needed { step } => step.as_deref(),
            },
            permissions: &session.permissions,
            expires_at: session.expires_at.map(|t| t.to_string()),
            redirect_to,
        }
    }
}

impl<'a> DescribedTenant<'a> {
    pub(super) fn of(tenant: &'a Tenant) -> Self {
        Self { id: &tenant.id, slug: tenant.slug.as_deref(), name: tenant.name.as_deref() }
    }
}
