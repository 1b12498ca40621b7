"""Writes the trail. Nothing secret goes in: no sid, password or token."""

import logging

from django.db import transaction

from .models import Event
from .signals import session_event

log = logging.getLogger(__name__)


def record(kind, *, user=None, session=None, request=None, operator="", reason="", at=None):
    """One event; where it comes from is taken from the request, else from the session."""
    event = described(kind, user=user, session=session, request=request, operator=operator, reason=reason, at=at)
    event.save(force_insert=True)
    transaction.on_commit(lambda: tell([event]), using=event._state.db)
    return event


def record_all(events):
    made = Event.objects.bulk_create(events, batch_size=500)
    if made:
        transaction.on_commit(lambda: tell(made), using=made[0]._state.db)


def described(kind, *, user=None, session=None, request=None, operator="", reason="", at=None):
    from .store import device

    user_id = user.pk if user else session.user_id if session else None
    event = Event(
        kind=kind,
        reason=str(reason)[:60],
        operator=str(operator)[:200],
        user_id=user_id,
        user_key="" if user_id is None else str(user_id)[:64],
        username=username(user, session),
        **(device(request, session) if request else device_of(session)),
    )
    if at:
        event.at = at
    if session:
        event.session_id, event.tenant_id = session.public_id, session.tenant_id
    if request:
        event.request_id = request.headers.get("X-Request-Id", "")[:100]
    return event


def username(user, session):
    if user is None and session is not None and "user" in session._state.fields_cache:
        user = session.user
    return user.get_username()[:254] if user else ""


def device_of(session):
    return {"ip": session.ip, "user_agent": session.user_agent} if session else {}


def tell(events):
    for event in events:
        for receiver, outcome in session_event.send_robust(sender=type(event), event=event):
            if isinstance(outcome, Exception):
                log.error("a receiver of session_event failed: %r", receiver, exc_info=outcome)
