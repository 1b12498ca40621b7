//! A session as the contract writes it.

use serde_json::{Value, json};

use super::people::{People, Tenant, User};
use super::sessions::Session;

/// The session's JSON, without a sid.
pub(super) fn session_json(people: &People, user: &User, session: &Session) -> Value {
    json!({
        "public_id": session.public_id.to_string(),
        "user": { "id": user.id, "email": user.email, "name": user.name, "role": user.role },
        "tenant": current_tenant(people, user, session).map(tenant_json),
        "tenants": user.tenants.iter().filter_map(|id| people.tenant(id)).map(tenant_json).collect::<Vec<_>>(),
        "onboarding": { "needed": user.step.is_some(), "step": user.step },
        "permissions": user.permissions,
        "authenticated_at": session.authenticated_at.to_string(),
        "created_at": session.created_at.to_string(),
        "last_activity": session.last_activity.to_string(),
        "expires_at": session.expires_at.to_string(),
        "idle_expires_at": session.idle_expires_at().map(|end| end.to_string()),
        "device": { "ip": session.ip, "user_agent": session.user_agent },
    })
}

/// The tenant that was chosen while the user still belongs to it, else the first one: a tenant that onboarding made a
/// moment ago shows in sessions that began before it.
pub(super) fn current_tenant<'a>(people: &'a People, user: &User, session: &Session) -> Option<&'a Tenant> {
    let chosen = session.tenant.as_ref().filter(|chosen| user.tenants.contains(chosen));
    people.tenant(chosen.or(user.tenants.first())?)
}

fn tenant_json(tenant: &Tenant) -> Value {
    json!({ "id": tenant.id, "slug": tenant.slug, "name": tenant.name })
}
