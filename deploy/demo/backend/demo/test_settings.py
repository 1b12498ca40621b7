"""The same settings with secrets of their own and a hasher that does not make tests wait."""

import os

os.environ["SIDGATE_GATEWAY_KEY"] = "gateway key of the tests, long enough"
os.environ["DEMO_KEY"] = "demo key of the tests"

from demo.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
