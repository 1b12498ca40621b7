"""The session as contract v1 writes it, and what an application wants to know about it."""

from .adapter import adapter


class Facts:
    """What a live session says about its user right now. No query, where the session came from `store.find`."""

    def __init__(self, session, tenants=None):
        user = session.user
        self.session = session
        self.tenants = adapter().tenants(user, session) if tenants is None else tenants
        # Looked up among the memberships and not taken from the session: who has left a tenant is not in it any more.
        self.tenant = next((tenant for tenant in self.tenants if tenant.id == session.tenant_id), None)
        self.onboarding = adapter().onboarding(user, session)

    @property
    def permissions(self):
        return list(adapter().permissions(self.session.user, self.tenant, self.session))

    def body(self, sid=None, **more):
        """`sid` only in answers that create or change one."""
        user, tenant = self.session.user, self.tenant
        person = {"role": None, **adapter().user(user), "id": str(user.pk)}
        if tenant and tenant.role is not None:
            person["role"] = tenant.role
        body = {
            "public_id": str(self.session.public_id),
            "user": person,
            "tenant": tenant_body(tenant) if tenant else None,
            "tenants": [tenant_body(one) for one in self.tenants],
            "onboarding": onboarding_body(self.onboarding),
            "permissions": self.permissions,
            **times_and_device(self.session),
            **adapter().extra(user, self.session),
            **more,
        }
        return body if sid is None else {"sid": sid, **body}


def device_body(session, current, tenants):
    """`tenants`: those of the user, by id."""
    tenant = tenants.get(session.tenant_id)
    return {
        "public_id": str(session.public_id),
        "current": session.pk == current.pk,
        "tenant": tenant_body(tenant) if tenant else None,
        **times_and_device(session),
    }


def tenant_body(tenant):
    return {"id": tenant.id, "slug": tenant.slug, "name": tenant.name}


def onboarding_body(onboarding):
    return {"needed": onboarding.needed, "step": onboarding.step}


def times_and_device(session):
    return {
        "authenticated_at": session.authenticated_at.isoformat(),
        "created_at": session.created_at.isoformat(),
        "last_activity": session.last_activity.isoformat(),
        "expires_at": session.expires_at.isoformat(),
        "idle_expires_at": session.idle_expires_at.isoformat() if session.idle_expires_at else None,
        "device": {"ip": session.ip, "user_agent": session.user_agent},
    }
