"""Settings of the demo's session backend. What differs per machine, and every secret, comes from the environment."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import django
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def required(name):
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. deploy/demo/start sets it; by hand, export it first.")
    return value


# Who may finish somebody's onboarding: the demo's Next.js server.
DEMO_KEY = required("DEMO_KEY")

# The kit's settings: deploy/django/README.md has all of them.
SIDGATE = {
    # Who may ask about sessions: the gateway, and nobody else.
    "GATEWAY_KEYS": required("SIDGATE_GATEWAY_KEY"),
    "ADAPTER": "demo.adapter.Adapter",
    "SECOND_FACTOR": "demo.adapter.ForTheCareful",
    "ACCESS_TOKEN_VERIFIER": "sidgate_django.introspection.verify",
    "SESSION_LIFETIME": timedelta(days=14),
    # Seconds and a number, for whoever wants to see a session end: DEMO_SESSION_IDLE_LIFETIME=60 DEMO_SESSION_LIMIT=2.
    "SESSION_IDLE_LIFETIME": timedelta(seconds=int(os.environ.get("DEMO_SESSION_IDLE_LIFETIME") or 0)) or None,
    "SESSION_LIMIT": int(os.environ.get("DEMO_SESSION_LIMIT") or 0) or None,
    "SESSION_LIMIT_POLICY": os.environ.get("DEMO_SESSION_LIMIT_POLICY") or "evict_oldest",
    # Where the gateway's public keys are: its admin listener. Nothing here is asked by anybody but the gateway and
    # Next.js as a user, who is believed by the gateway's signature.
    "JWKS_URL": os.environ.get("SIDGATE_JWKS_URL"),
}
# Whose access tokens sign people in. Without an address nobody's do.
if os.environ.get("DEMO_IDP_URL"):
    SIDGATE["INTROSPECTION"] = {
        "url": os.environ["DEMO_IDP_URL"].rstrip("/") + "/introspect",
        "client_id": "sidgate-demo",
        "client_secret": required("DEMO_IDP_SECRET"),
    }

AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]

# Mail is printed: in deploy/demo/.run/django.log, or wherever standard output goes.
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
DEFAULT_FROM_EMAIL = "demo@localhost"

# Out of both keys, which nobody but Django holds: one more secret to hand around would be no safer here.
SECRET_KEY = hashlib.sha256(f"{SIDGATE['GATEWAY_KEYS']} {DEMO_KEY}".encode()).hexdigest()
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

# Django's own sessions are here for whoever has one from before: the cookie `sessionid` is a proof for a migration.
INSTALLED_APPS = [
    *["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    *["sidgate_django", "demo"],
]
# None of Django's own is of use: the callers are two programs, without cookies, forms or browsers.
MIDDLEWARE = ["sidgate_django.middleware.SidgateMiddleware"]
ROOT_URLCONF = "demo.urls"
WSGI_APPLICATION = "demo.wsgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DEMO_DB") or BASE_DIR / "demo.sqlite3",
        "CONN_MAX_AGE": 600,
        "OPTIONS": {"timeout": 10},
    }
}
if django.VERSION >= (5, 1):
    DATABASES["default"]["OPTIONS"] |= {
        # WAL: reading sessions goes on while one is being written.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        # Take the write lock when a transaction begins, so that two of them queue instead of failing half-way.
        "transaction_mode": "IMMEDIATE",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Every refused session is a 401; a warning for each would bury what matters.
    "loggers": {"django.request": {"level": "ERROR"}},
}
