"""Settings of the demo's session backend. What differs per machine, and every secret, comes from the environment."""

import os
import secrets
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def required(name):
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. deploy/demo/start sets it; by hand, export it first.")
    return value


# Who may ask about sessions: the gateway, and nobody else.
GATEWAY_KEY = required("SIDGATE_GATEWAY_KEY")
# Who may finish somebody's onboarding: the demo's Next.js server.
DEMO_KEY = required("DEMO_KEY")

# Whose access tokens sign people in. Without an address nobody's do.
IDENTITY_PROVIDER = None
if os.environ.get("DEMO_IDP_URL"):
    IDENTITY_PROVIDER = {
        "url": os.environ["DEMO_IDP_URL"].rstrip("/"),
        "client_id": "sidgate-demo",
        "client_secret": required("DEMO_IDP_SECRET"),
    }

AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]

# Mail is printed: in deploy/demo/.run/django.log, or wherever standard output goes.
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
DEFAULT_FROM_EMAIL = "demo@localhost"

SESSION_LIFETIME = timedelta(days=14)
# None: sessions do not end by idleness. Nothing here moves last_activity (see the README), so a value would count
# from the sign-in.
SESSION_IDLE_LIFETIME = None

# Nothing in this project is signed with it, so every process may have its own.
SECRET_KEY = secrets.token_urlsafe(50)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "sessions_v1", "demo"]
# None of Django's own is of use: the callers are two programs with keys, without cookies, forms or browsers.
MIDDLEWARE = []
ROOT_URLCONF = "demo.urls"
WSGI_APPLICATION = "demo.wsgi.application"

# The default backend hides disabled accounts; the contract wants them told from wrong passwords.
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.AllowAllUsersModelBackend"]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DEMO_DB") or BASE_DIR / "demo.sqlite3",
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            # WAL: reading sessions goes on while one is being written.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            # Take the write lock when a transaction begins, so that two of them queue instead of failing half-way.
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Every refused session is a 401; a warning for each would bury what matters.
    "loggers": {"django.request": {"level": "ERROR"}},
}
