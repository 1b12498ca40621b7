"""What older sessions are proved with (`POST migrate/`), and what a verifier answers.

A verifier is called as `verify(value, source, request)`, `source` being the cookie's name. It answers with a `Proof`,
or None: refused. It never believes anything in a value that it has not verified itself.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from django.conf import settings as django_settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user_model,
    load_backend,
)
from django.utils.crypto import constant_time_compare

from . import credentials, store
from .answers import Refusal
from .models import Session


@dataclass(frozen=True)
class Proof:
    user: object
    # When the person proved who they are, where that is known. A migration is no sign-in.
    authenticated_at: datetime | None = None
    # The session of this app that the new one continues. It ends, or with `keep` lives as long as the new one.
    session: Session | None = None
    # Ends an older session of another kind, in the same transaction. Not called with `keep`.
    end: Callable[[], None] | None = None


def own_session(value, source, request):
    """A live sid of this very app, which another cookie carries."""
    try:
        session = store.find(value)
    except Refusal:
        return None
    return Proof(session.user, session.authenticated_at, session)


def access_token(value, source, request):
    """An identity provider's token: ACCESS_TOKEN_VERIFIER decides."""
    return credentials.verified_token(value, request)


def django_session(value, source, request):
    """Django's own `sessionid`, as `login()` has made it."""
    if source != django_settings.SESSION_COOKIE_NAME or not re.fullmatch(r"[0-9a-zA-Z_:-]{8,4096}", value):
        return None
    old = import_module(django_settings.SESSION_ENGINE).SessionStore(value)
    data = old.load()
    if data.get(BACKEND_SESSION_KEY) not in django_settings.AUTHENTICATION_BACKENDS:
        return None
    try:
        user_id = get_user_model()._meta.pk.to_python(data[SESSION_KEY])
        user = load_backend(data[BACKEND_SESSION_KEY]).get_user(user_id)
    except Exception:
        return None
    if user is None or not same_password(user, data.get(HASH_SESSION_KEY)):
        return None
    return Proof(user, end=old.delete)


def same_password(user, session_hash):
    """A password changed since then ends it, as in Django itself."""
    if not session_hash or not hasattr(user, "get_session_auth_hash"):
        return False
    hashes = [user.get_session_auth_hash(), *getattr(user, "get_session_auth_fallback_hash", lambda: ())()]
    return any([constant_time_compare(session_hash, one) for one in hashes])
