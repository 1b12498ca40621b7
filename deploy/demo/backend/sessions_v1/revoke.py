"""Ending sessions without a user's credential: for operators, and for sign-outs that were pending."""

import re
import uuid

from django.utils.dateparse import parse_datetime

from .answers import Refusal, field_errors
from .endpoint import json_object, ok
from .models import Session

SELECTORS = ("sid_sha256", "user_id", "tenant_id", "all")


def revoke(request):
    body = json_object(request)
    # Exactly one, so that a slip of the pen never ends more sessions than somebody meant.
    given = [name for name in SELECTORS if name in body]
    if len(given) != 1:
        raise Refusal(400, "one_selector_needed", selectors=SELECTORS)
    sessions = Session.objects.filter(**selected(given[0], body[given[0]]))
    if body.get("issued_before") is not None:
        sessions = sessions.filter(created_at__lt=point_in_time(body["issued_before"]))
    return ok({"revoked": sessions.revoke("revoked")})


def selected(name, value):
    if name == "sid_sha256":
        return {"sid_sha256__in": hashes(value)}
    if name == "all":
        if value is not True:
            raise field_errors(all="This must be true.")
        return {}
    try:
        return {"user_id": int(value)} if name == "user_id" else {"tenant_id": uuid.UUID(value)}
    except (TypeError, ValueError, AttributeError):
        raise field_errors(**{name: "This is not an id."}) from None


def hashes(value):
    if not isinstance(value, list) or not all(isinstance(h, str) and re.fullmatch("[0-9a-f]{64}", h) for h in value):
        raise field_errors(sid_sha256="This must be a list of hex SHA-256 hashes.")
    return value


def point_in_time(text):
    try:
        at = parse_datetime(text)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise field_errors(issued_before="This must be an RFC 3339 time with an offset.")
    return at
