"""The session whose request is being answered, for whoever must spare it: set by the middleware."""

from contextvars import ContextVar

_session = ContextVar("sidgate_current_session", default=None)


def set_current(find):
    """`find()` gives the live session or None; it is called only when somebody wants to know."""
    return _session.set(find)


def reset_current(token):
    _session.reset(token)


def current_session():
    find = _session.get()
    return find() if find else None
