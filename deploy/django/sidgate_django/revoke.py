"""Ending sessions without a user's credential: for operators, and for sign-outs that were pending."""

import re
from datetime import timezone

from django.utils import timezone as django_timezone
from django.utils.dateparse import parse_datetime

from . import announce, ending, store
from .adapter import adapter
from .answers import Refusal, field_errors
from .endpoint import json_object, ok
from .models import BATCH, Session
from .models.session import Ended

SELECTORS = ("sid_sha256", "user_id", "tenant_id", "all")


def revoke(request):
    """`{"sid_sha256":[...]}`, `{"user_id"}`, `{"tenant_id"}` or `{"all":true}`, with `issued_before` and `operator`."""
    body = json_object(request)
    # Exactly one, so that a slip of the pen never ends more sessions than somebody meant.
    given = [name for name in SELECTORS if name in body]
    if len(given) != 1:
        raise Refusal(400, "one_selector_needed", selectors=SELECTORS)
    before = point_in_time(body["issued_before"]) if body.get("issued_before") is not None else None
    operator = body.get("operator")
    trail = {"request": request, "operator": operator if isinstance(operator, str) else ""}
    return ok({"revoked": selected(given[0], body[given[0]], before, trail)})


def selected(name, value, before, trail):
    # The sign-in counts and not the row: what a migration made of an older session is as old as that.
    every = Session.objects.live() if before is None else Session.objects.live().filter(authenticated_at__lt=before)
    until = before or django_timezone.now()
    if name == "sid_sha256":
        hashes = list_of_hashes(value)
        parts = (hashes[start : start + BATCH] for start in range(0, len(hashes), BATCH))
        return [
            public_id
            for part in parts
            for public_id in ending.end(every.filter(sid_sha256__in=part), Ended.REVOKED, **trail)
        ]
    if name == "all":
        if value is not True:
            raise field_errors(all="This must be true.")
        return ending.end(every, Ended.REVOKED, about=announce.all_revoked(until), **trail)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise field_errors(**{name: "This must be an id."})
    try:
        key = store.user_key(value) if name == "user_id" else adapter().tenant_id(value)
        every = every.filter(**{name: key})
    except (TypeError, ValueError, OverflowError):
        # Ids are texts to the gateway: one that is none of ours is somebody's who has no sessions here.
        return []
    about = announce.user_revoked if name == "user_id" else announce.tenant_revoked
    return ending.end(every, Ended.REVOKED, about=about(key, until), **trail)


def list_of_hashes(value):
    if not isinstance(value, list) or not all(isinstance(h, str) and re.fullmatch("[0-9a-f]{64}", h) for h in value):
        raise field_errors(sid_sha256="This must be a list of hex SHA-256 hashes.")
    return value


def point_in_time(text, name="issued_before"):
    try:
        at = parse_datetime(text)
        # At either end of the calendar another offset has no such time.
        at = at.astimezone(timezone.utc) if at and at.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        at = None
    if at is None:
        raise field_errors(**{name: "This must be an RFC 3339 time with an offset."})
    return at
