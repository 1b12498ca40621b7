"""The kit with everything on, for the conformance suite: see conformance.py, which sets the environment."""

import os
from datetime import timedelta

from tests.settings import *  # noqa: F403

DATABASES["default"]["NAME"] = os.environ["SIDGATE_TEST_DATABASE"]  # noqa: F405
DATABASES["default"]["CONN_MAX_AGE"] = 600  # noqa: F405
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = os.environ["SIDGATE_TEST_MAIL"]
SIDGATE |= {  # noqa: F405
    "SECOND_FACTOR": "tests.conformance_people.ForTheCareful",
    "SIGN_IN_CHECK": "tests.conformance_people.check",
    "ACCESS_TOKEN_VERIFIER": "tests.conformance_people.token",
    "PROOFS": {
        "session_id": "sidgate_django.proofs.own_session",
        "access_token": "sidgate_django.proofs.access_token",
        "opaque": "tests.conformance_people.opaque",
    },
    "SESSION_IDLE_LIFETIME": timedelta(minutes=30),
    "SESSION_LIMIT": int(os.environ.get("SIDGATE_TEST_LIMIT") or 0) or None,
    "SESSION_LIMIT_POLICY": os.environ.get("SIDGATE_TEST_POLICY") or "evict_oldest",
}
