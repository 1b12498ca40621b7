"""The request that is being answered, for whoever must spare its session, or tell the gateway that it has changed.

Set by the middleware; everywhere else there is none.
"""

from contextvars import ContextVar

_current = ContextVar("sidgate_current", default=None)


class Current:
    """`find()` gives the live session or None; it is called only when somebody wants to know."""

    def __init__(self, find):
        self.find = find
        self.announced = []

    def __enter__(self):
        self.token = _current.set(self)
        return self

    def __exit__(self, *_):
        _current.reset(self.token)

    def has_changed(self):
        """Whether anything that was announced is about this session."""
        session = self.find() if self.announced else None
        if session is None:
            return False
        ours = {("user_id", str(session.user_id)), ("public_id", str(session.public_id))}
        return any(ours & set(event.items()) for event in self.announced)


def current_session():
    current = _current.get()
    return current.find() if current else None


def noticed(events):
    current = _current.get()
    if current and len(current.announced) < 1000:
        current.announced.extend(events)
