"""`SIDGATE = {...}` in the project's settings: every key with its default, and how it is read."""

import os
from datetime import timedelta

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

DEFAULTS = {
    # --- Who may call
    # The gateway's key, or several while it is being changed. None: the environment's SIDGATE_GATEWAY_KEY.
    "GATEWAY_KEYS": None,
    # Bytes of one request body. An activity batch is the largest there is.
    "MAX_BODY": 1024 * 1024,
    # --- Sessions
    "SESSION_LIFETIME": timedelta(days=14),
    # After how long without activity a session ends; None: never by that.
    "SESSION_IDLE_LIFETIME": None,
    # How many live sessions a user may have (None: any number), and what a sign-in beyond them does:
    # "evict_oldest" or "deny".
    "SESSION_LIMIT": None,
    "SESSION_LIMIT_POLICY": "evict_oldest",
    # What a changed password ends: "revoke_others" (all but the session that changed it), "revoke_all", "nothing".
    "PASSWORD_CHANGE": "revoke_others",
    # How long ended sessions stay before `cleanup_sessions` removes them. Their trail stays.
    "RETENTION": timedelta(days=30),
    # --- Whose people, tenants and onboarding
    "ADAPTER": "sidgate_django.adapter.BuiltinAdapter",
    # --- Signing in
    # Called as check(request, email) before the password is looked at; raises AccountLocked or RateLimited.
    "SIGN_IN_CHECK": None,
    # A class with due(user), begin(user) and answer(user, given). None: no second factor.
    "SECOND_FACTOR": None,
    # Called as verify(token, request); answers with a Proof, or None.
    "ACCESS_TOKEN_VERIFIER": None,
    # For "sidgate_django.introspection.verify": {"url", "client_id", "client_secret"}.
    "INTROSPECTION": None,
    # Sends Django's user_logged_in, which keeps last_login up to date.
    "SEND_LOGIN_SIGNAL": True,
    # --- Migration of older sessions: per kind of proof, called as verify(value, source, request).
    # Who names one keeps the others.
    "PROOFS": {
        "session_id": "sidgate_django.proofs.own_session",
        "access_token": "sidgate_django.proofs.access_token",
        "opaque": "sidgate_django.proofs.django_session",
    },
    # What the sids of migrations are derived with. None: from SECRET_KEY.
    "MIGRATION_KEY": None,
    # --- Telling the gateways
    # Their admin listeners: ["http://10.0.0.5:9901"]. Each is sent `POST /revocations`.
    "GATEWAYS": [],
    # What events are signed with; several while the key is being changed.
    "REVOCATION_KEYS": [],
    # Seconds for one delivery.
    "DELIVERY_TIMEOUT": 2,
    # The same over Redis or Valkey, where the package `redis` is installed.
    "REDIS_URL": None,
    "REDIS_CHANNEL": "sidgate:revocations",
    # --- Believing the gateway (the middleware and the DRF authenticator)
    # "assertion": only what is signed. "network": the plain headers of whoever reaches Django.
    "TRUST": "assertion",
    # Where the gateway's public keys are: one of the three.
    "JWKS_URL": None,
    "JWKS_FILE": None,
    "JWKS": None,
    "ISSUER": "sidgate",
    "AUDIENCE": "backend",
}


class Settings:
    """Attributes are the keys above. What is written as a dotted path is imported by `imported`."""

    def __getattr__(self, name):
        try:
            default = DEFAULTS[name]
        except KeyError:
            raise AttributeError(name) from None
        return given().get(name, default)

    def imported(self, name):
        return resolved(getattr(self, name))

    @property
    def proofs(self):
        """The verifiers: ours, but for those that the project names; None for a kind that is always refused."""
        return DEFAULTS["PROOFS"] | self.PROOFS

    @property
    def gateway_keys(self):
        return keys(self.GATEWAY_KEYS or os.environ.get("SIDGATE_GATEWAY_KEY"))

    @property
    def revocation_keys(self):
        return keys(self.REVOCATION_KEYS)


def given():
    value = getattr(django_settings, "SIDGATE", None)
    return value if isinstance(value, dict) else {}


def resolved(value):
    return import_string(value) if isinstance(value, str) else value


def keys(value):
    """One key or several; empty ones count as none."""
    several = [value] if isinstance(value, (str, bytes)) else list(value or [])
    return [key.encode() if isinstance(key, str) else key for key in several if key]


settings = Settings()


def when_changed(callback):
    """Runs it when a test changes `SIDGATE`, for what is kept between requests."""

    def changed(*, setting, **_):
        if setting == "SIDGATE":
            callback()

    setting_changed.connect(changed, weak=False)
    return callback
