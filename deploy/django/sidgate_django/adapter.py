"""Where a project's people, tenants and onboarding are. Subclass `Adapter` for models of your own; see README.md.

A validation is one query: `sessions` adds to it whatever the other methods read off the session's row. For the
built-in models that is a join and one subquery that brings all memberships as JSON. Decided against a snapshot in the
session: every change of a membership would have to keep it right, and each that goes past Django's signals would not.
"""

import json
import uuid
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Aggregate, JSONField, OuterRef, Subquery
from django.db.models.functions import JSONObject

from .conf import settings, when_changed


@dataclass(frozen=True)
class TenantFacts:
    """A tenant as a member of it sees it."""

    id: str
    slug: str = ""
    name: str = ""
    role: str | None = None
    permissions: list = field(default_factory=list)


@dataclass(frozen=True)
class OnboardingFacts:
    needed: bool = False
    step: str | None = None


class Adapter:
    """No tenants, no onboarding. Each method says what it may be overridden with."""

    def sessions(self, sessions):
        """The sessions with what the methods below need, by `select_related` and `annotate`: no second query."""
        return sessions

    def user(self, user):
        """`{"email", "name"}`, and "role" where it is not the tenant's; `id` is added."""
        email = getattr(user, user.get_email_field_name(), "")
        name = user.get_full_name() if hasattr(user, "get_full_name") else ""
        return {"email": email, "name": name or user.get_username()}

    def tenants(self, user, session=None):
        """`TenantFacts` of every tenant that the user belongs to; the first one is where a sign-in begins.

        `session` is a row that `sessions` made, or None (at a sign-in): then one query of its own is in order.
        """
        return []

    def permissions(self, user, tenant, session):
        """What the user may do in this tenant, or at all where `tenant` is None."""
        return tenant.permissions if tenant else []

    def onboarding(self, user, session=None):
        return OnboardingFacts()

    def extra(self, user, session):
        """Further fields of the session's JSON, for `[backend.fields]` of the gateway."""
        return {}

    def tenant_id(self, value):
        """A tenant's id as it came in JSON, as the text that sessions have; ValueError when it cannot be one."""
        if isinstance(value, bool) or not isinstance(value, (str, int)) or not 0 < len(str(value)) <= 64:
            raise ValueError(value)
        return str(value)

    def by_email(self, email):
        """The user who signs in with this address, active or not; None when there is none, or more than one."""
        users = get_user_model()._default_manager
        name = get_user_model().get_email_field_name()
        # As written and in lower case first: these find an index.
        for lookup in ({f"{name}__in": {email, email.lower()}}, {f"{name}__iexact": email}):
            found = list(users.filter(**lookup)[:2])
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def email_verified(self, user):
        """Whether an identity provider's word for the address leads to this account.

        False for addresses that nobody has confirmed: whoever signed up with one need not be the one whom a provider
        knows by it.
        """
        return True


class BuiltinAdapter(Adapter):
    """The models `Tenant`, `Membership` and `Onboarding` of this app."""

    def sessions(self, sessions):
        from .models import Membership

        own = Membership.objects.filter(user=OuterRef("user")).order_by().values("user")
        facts = JSONObject(
            pk="pk", id="tenant_id", slug="tenant__slug", name="tenant__name", role="role", permissions="permissions"
        )
        all_of_them = Subquery(own.annotate(facts=JSONArrayAgg(facts)).values("facts"), output_field=JSONField())
        return sessions.select_related("user__sidgate_onboarding").annotate(sidgate_tenants=all_of_them)

    def tenants(self, user, session=None):
        if session is not None and hasattr(session, "sidgate_tenants"):
            rows = sorted(session.sidgate_tenants or [], key=lambda row: row["pk"])
            return [tenant_facts(**{name: row[name] for name in row if name != "pk"}) for row in rows]
        memberships = user.sidgate_memberships.select_related("tenant").order_by("pk")
        return [tenant_facts(m.tenant_id, m.tenant.slug, m.tenant.name, m.role, m.permissions) for m in memberships]

    def onboarding(self, user, session=None):
        try:
            state = user.sidgate_onboarding
        except ObjectDoesNotExist:
            return OnboardingFacts()
        return OnboardingFacts(state.needed, state.step if state.needed else None)

    def tenant_id(self, value):
        if not isinstance(value, str):
            raise ValueError(value)
        return str(uuid.UUID(value))


def tenant_facts(id, slug, name, role, permissions):
    # SQLite gives JSON inside JSON as text, and a UUID without its hyphens.
    permissions = json.loads(permissions) if isinstance(permissions, str) else permissions
    return TenantFacts(str(uuid.UUID(str(id))), slug, name, role, permissions or [])


class JSONArrayAgg(Aggregate):
    function = "JSON_GROUP_ARRAY"
    name = "JSONArrayAgg"
    output_field = JSONField()

    def as_postgresql(self, compiler, connection, **context):
        return super().as_sql(compiler, connection, function="JSONB_AGG", **context)

    def as_mysql(self, compiler, connection, **context):
        return super().as_sql(compiler, connection, function="JSON_ARRAYAGG", **context)


_adapter = None


def adapter():
    """The project's."""
    global _adapter
    if _adapter is None:
        _adapter = settings.imported("ADAPTER")()
    return _adapter


@when_changed
def _forget():
    global _adapter
    _adapter = None
