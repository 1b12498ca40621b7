"""Who is asking, as the gateway says: `identify(request)`. Nothing is looked up before somebody wants to know.

With TRUST "assertion" only the signed assertion counts, and it is worth nothing once its session has ended. With
"network" the plain headers count, of anybody who reaches Django.
"""

import logging
from urllib.parse import unquote

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.utils.functional import cached_property

from . import assertion, store
from .adapter import adapter
from .answers import Refusal
from .conf import settings
from .facts import Facts

log = logging.getLogger(__name__)


def identify(request):
    """The identity that a request claims; None where it claims none of ours."""
    if settings.TRUST == "network":
        return NetworkIdentity(request) if request.headers.get("X-Auth-Status") == "authenticated" else None
    token = request.headers.get("X-Auth-Assertion")
    if token is not None:
        return Identity(token, by_browser=True)
    token = bearer(request)
    # Somebody else's bearer token is somebody else's business.
    if token is not None and assertion.names_us(token):
        return Identity(token, by_browser=False)
    return None


def bearer(request):
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


class Identity:
    """What an assertion says, once verified, and what its session says right now."""

    def __init__(self, token, by_browser):
        self._token = token
        # It came with a browser's request, so a page elsewhere may have made the browser send it: CSRF is a matter.
        self.by_browser = by_browser
        # Why it is not believed.
        self.error = None

    @cached_property
    def claims(self):
        try:
            return assertion.verify(self._token)
        except assertion.Invalid as invalid:
            self.error = str(invalid)
            log.warning("an assertion was not believed: %s", self.error)
            return None

    @cached_property
    def session(self):
        """The live session; None when the assertion is not good, or its session is not. One query."""
        if self.claims is None:
            return None
        try:
            session = store.find_by_hash(self.claims["sid_h"])
        except Refusal as refusal:
            self.error = refusal.body["code"]
            return None
        if str(session.user_id) != self.claims["sub"]:
            self.error = "another_user"
            return None
        return session

    @cached_property
    def facts(self):
        return Facts(self.session) if self.session else None

    @cached_property
    def user(self):
        return self.session.user if self.session else AnonymousUser()

    @property
    def tenant(self):
        return self.facts.tenant if self.facts else None

    @property
    def onboarding(self):
        return self.facts.onboarding if self.facts else None

    @property
    def permissions(self):
        return self.facts.permissions if self.facts else []


class NetworkIdentity:
    """What the plain headers say of somebody; tenant and onboarding are looked up, of that user."""

    by_browser = True
    claims = session = None

    def __init__(self, request):
        self.error = None
        self._user_id = unquote(request.headers.get("X-Auth-User-Id", ""))
        self._tenant_id = unquote(request.headers.get("X-Auth-Tenant-Id", ""))

    @cached_property
    def user(self):
        try:
            found = get_user_model()._default_manager.filter(pk=store.user_key(self._user_id), is_active=True).first()
        except (ValueError, OverflowError):
            found = None
        self.error = None if found else "unknown_user"
        return found or AnonymousUser()

    @cached_property
    def tenant(self):
        own = adapter().tenants(self.user) if self.user.is_authenticated else []
        return next((tenant for tenant in own if tenant.id == self._tenant_id), None)

    @cached_property
    def onboarding(self):
        return adapter().onboarding(self.user) if self.user.is_authenticated else None

    @cached_property
    def permissions(self):
        return list(adapter().permissions(self.user, self.tenant, None)) if self.user.is_authenticated else []
