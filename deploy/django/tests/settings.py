"""A project with nothing but the kit, under SQLite or the PostgreSQL that `tests/run` starts."""

import os
import tempfile

SECRET_KEY = "secret key of the tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "sidgate_django",
    "tests",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "sidgate_django.middleware.SidgateMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

SIDGATE = {
    "GATEWAY_KEYS": "gateway key of the tests, long enough",
    "JWKS": {"keys": []},
}

if os.environ.get("SIDGATE_TEST_POSTGRES"):
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["SIDGATE_TEST_POSTGRES"],
            "USER": "sidgate",
            "NAME": "sidgate",
            # One database for each run: several may share the server.
            "TEST": {"NAME": f"test_sidgate_{os.getpid()}"},
        }
    }
else:
    # A file, because threads do not share a database in memory.
    FILE = os.path.join(tempfile.gettempdir(), f"sidgate-test-{os.getpid()}.sqlite3")
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FILE,
            "OPTIONS": {"timeout": 20},
            "TEST": {"NAME": FILE},
        }
    }

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django.request": {"handlers": ["stderr"], "level": "CRITICAL", "propagate": False}},
}
