"""The demo's own call, outside the contract: the Next.js server reports how far somebody's onboarding has come."""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.text import slugify
from sidgate_django.adapter import adapter
from sidgate_django.answers import Refusal, field_errors
from sidgate_django.endpoint import json_object, keyed, ok
from sidgate_django.facts import onboarding_body, tenant_body
from sidgate_django.models import Membership, Onboarding, Tenant

OWNER_PERMISSIONS = ["invoices.view", "members.manage"]
# First segments of the site's own addresses: a tenant of that name could not be reached at /{slug}/dashboard.
TAKEN_SLUGS = {"api", "auth", "dashboard", "onboarding"}


def report(request):
    body = json_object(request)
    with transaction.atomic():
        user = named_user(body.get("user_id"))
        if body.get("done") is True:
            if not user.sidgate_memberships.exists():
                found_company(user, body.get("company"))
            state = {"needed": False, "step": None}
        else:
            state = {"needed": True, "step": step(body.get("step"))}
        user.sidgate_onboarding, _ = Onboarding.objects.update_or_create(user=user, defaults=state)
    tenants = adapter().tenants(user)
    told = {"onboarding": onboarding_body(adapter().onboarding(user))}
    return ok({**told, "tenant": tenant_body(tenants[0]) if tenants else None})


onboarding = keyed("X-Demo-Key", lambda: [settings.DEMO_KEY.encode()], "demo_key_invalid", {"POST": report})


def named_user(user_id):
    try:
        return get_user_model().objects.get(pk=int(user_id))
    except (TypeError, ValueError, get_user_model().DoesNotExist):
        raise Refusal(404, "user_unknown") from None


def step(value):
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 60):
        raise field_errors(step="This must be a short text.")
    return value


def found_company(user, name):
    name = name.strip() if isinstance(name, str) else ""
    if not 0 < len(name) <= 200:
        raise field_errors(company="Please give the company's name, at most 200 characters.")
    tenant = Tenant.objects.create(name=name, slug=free_slug(name))
    # Whoever was signed in without a tenant is in the new one from the next validation on, on every device: the kit's
    # signals see to that, and tell the gateways.
    Membership.objects.create(user=user, tenant=tenant, role="owner", permissions=OWNER_PERMISSIONS)


def free_slug(name):
    base = slugify(name)[:50].strip("-") or "company"
    slug, number = base, 1
    while slug in TAKEN_SLUGS or Tenant.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{base}-{number}"
    return slug
