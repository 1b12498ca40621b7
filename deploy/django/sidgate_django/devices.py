"""The calls about all sessions of one person: list them, end one, the others, or all."""

import uuid

from . import ending, store
from .adapter import adapter
from .answers import Refusal, field_errors
from .endpoint import ok
from .facts import device_body
from .models import Session
from .models.session import Ended

# Newest first; who has more sees no end of the list anyway.
MOST = 200


def listing(request):
    current = store.presented(request)
    # One for each browser: this one's is the session that asks.
    browsers = Session.objects.filter(user_id=current.user_id).live().of_browsers()
    own = list(browsers.exclude(pk=current.successor_id)[:MOST])
    if current.pk not in {session.pk for session in own}:
        own.append(current)
    tenants = {tenant.id: tenant for tenant in adapter().tenants(current.user, current)}
    return ok({"sessions": [device_body(session, current, tenants) for session in own]})


def end_one(request, public_id):
    current = store.presented(request)
    own = Session.objects.filter(user_id=current.user_id, public_id=uuid_or_none(public_id))
    if not own.exists():
        # Somebody else's answers like none at all.
        raise Refusal(404, "not_found")
    ending.end(own, Ended.BY_USER, request=request)
    # Also when it had ended before: a gateway that repeats a call whose answer was lost still learns what to forget.
    return ok({"revoked": [str(uuid.UUID(public_id))]})


def end_scope(request):
    current = store.presented(request)
    own = Session.objects.filter(user_id=current.user_id).live()
    scope = request.GET.get("scope")
    if scope == "others":
        own = own.apart_from(current)
    elif scope != "all":
        raise field_errors(scope='This must be "others" or "all".')
    return ok({"revoked": ending.end(own, Ended.BY_USER, request=request)})


def uuid_or_none(text):
    """What is no UUID is nobody's public id: a 404 that says so, not one of a wrong address."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
