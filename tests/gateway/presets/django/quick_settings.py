"""The demo's Django with a hasher that does not make tests wait: a suite signs in a hundred times."""

from demo.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
