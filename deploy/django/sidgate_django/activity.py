"""Last activity, in batches: three queries for every few hundred sessions, never one write per request."""

import ipaddress
import uuid

from django.http import HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from .answers import field_errors
from .conf import settings
from .endpoint import json_object
from .locking import one_at_a_time
from .models import BATCH, Session
from .models.device import USER_AGENT_MAX


def activity(request):
    """`{"seen":[{"public_id","at","ip","user_agent"}]}`"""
    seen = json_object(request).get("seen")
    if not isinstance(seen, list):
        raise field_errors(seen="This field is required.")
    newest = newest_of(seen)
    keys = sorted(newest)
    for start in range(0, len(keys), BATCH):
        write({key: newest[key] for key in keys[start : start + BATCH]})
    return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


def newest_of(seen):
    """The newest entry of each session. A bad one must not cost the rest of a batch that nobody will look at."""
    newest = {}
    now = timezone.now()
    for entry in seen:
        try:
            key, at = uuid.UUID(entry["public_id"]), parse_datetime(entry["at"])
            # A clock that is ahead keeps no session alive.
            at = min(at, now)
        except (TypeError, ValueError, KeyError, AttributeError):
            continue
        if key not in newest or at >= newest[key][0]:
            newest[key] = (at, entry)
    return newest


def write(newest):
    idle = settings.SESSION_IDLE_LIFETIME
    with one_at_a_time():
        # In one order, so that two batches do not wait for each other.
        rows = Session.objects.select_for_update().filter(public_id__in=newest, revoked_at=None).order_by("pk")
        moved = []
        for session in rows:
            at, entry = newest[session.public_id]
            # Never backwards; and what had ended by then stays ended, however the news is delayed.
            over = min(filter(None, (session.expires_at, session.idle_expires_at)))
            if at <= session.last_activity or at >= over:
                continue
            session.last_activity = at
            session.idle_expires_at = at + idle if idle else None
            session.ip = address(entry.get("ip")) or session.ip
            agent = entry.get("user_agent")
            session.user_agent = agent[:USER_AGENT_MAX] if isinstance(agent, str) and agent else session.user_agent
            moved.append(session)
        moved += kept_beside(moved)
        Session.objects.bulk_update(moved, ["last_activity", "idle_expires_at", "ip", "user_agent"])


def kept_beside(moved):
    """What a migration kept alive lives as long as what the browser has instead: nobody uses it until that is gone."""
    by_key = {session.pk: session for session in moved}
    kept = list(Session.objects.select_for_update().filter(successor__in=by_key, revoked_at=None).order_by("pk"))
    for session in kept:
        successor = by_key[session.successor_id]
        session.last_activity = max(session.last_activity, successor.last_activity)
        session.idle_expires_at = successor.idle_expires_at
    return kept


def address(text):
    try:
        return str(ipaddress.ip_address(text)) if isinstance(text, str) else None
    except ValueError:
        return None
