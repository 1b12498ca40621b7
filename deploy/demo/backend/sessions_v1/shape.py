"""The session as contract v1 writes it."""

from .models import Onboarding


def session_body(session, sid=None):
    """One query, for the memberships; the rest is there. `sid` only in answers that create or change one."""
    memberships = list(session.user.memberships.select_related("tenant"))
    # Looked up among the memberships and not taken from the session: who has left a tenant is not in it any more.
    current = next((m for m in memberships if m.tenant_id == session.tenant_id), None)
    user = session.user
    body = {
        "public_id": str(session.public_id),
        "user": {
            "id": str(user.pk),
            "email": user.email,
            "name": user.get_full_name(),
            "role": current.role if current else None,
        },
        "tenant": tenant_body(current.tenant) if current else None,
        "tenants": [tenant_body(m.tenant) for m in memberships],
        "onboarding": onboarding_body(user),
        "permissions": current.permissions if current else [],
        **times_and_device(session),
    }
    return body if sid is None else {"sid": sid, **body}


def device_body(session, current):
    return {
        "public_id": str(session.public_id),
        "current": session.pk == current.pk,
        **times_and_device(session),
    }


def tenant_body(tenant):
    return {"id": str(tenant.pk), "slug": tenant.slug, "name": tenant.name}


def onboarding_body(user):
    try:
        state = user.onboarding
    except Onboarding.DoesNotExist:
        return {"needed": False, "step": None}
    return {"needed": state.needed, "step": state.step if state.needed else None}


def times_and_device(session):
    return {
        "authenticated_at": session.authenticated_at.isoformat(),
        "created_at": session.created_at.isoformat(),
        "last_activity": session.last_activity.isoformat(),
        "expires_at": session.expires_at.isoformat(),
        "idle_expires_at": session.idle_expires_at.isoformat() if session.idle_expires_at else None,
        "device": {"ip": session.ip, "user_agent": session.user_agent},
    }
