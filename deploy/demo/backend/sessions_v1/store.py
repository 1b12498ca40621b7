"""Sessions by their sid: make, find, replace. The sid itself exists in answers and in the browser, never here."""

import hashlib
import ipaddress
import re
import uuid

from django.conf import settings
from django.utils import timezone

from .answers import Refusal
from .models import Session

CANONICAL_SID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def digest(sid):
    return hashlib.sha256(sid.encode()).hexdigest()


def new_sid():
    return str(uuid.uuid4())


def create(user, tenant, request):
    """A new session for somebody who has just proved who they are, and its sid."""
    sid = new_sid()
    now = timezone.now()
    idle = settings.SESSION_IDLE_LIFETIME
    session = Session.objects.create(
        sid_sha256=digest(sid),
        user=user,
        tenant=tenant,
        created_at=now,
        authenticated_at=now,
        last_activity=now,
        expires_at=now + settings.SESSION_LIFETIME,
        idle_expires_at=now + idle if idle else None,
        **device(request),
    )
    return session, sid


def device(request, session=None):
    """Where a call comes from; what it does not say stays as it was in the session."""
    return {
        "ip": client_ip(request) or (session and session.ip),
        "user_agent": request.headers.get("User-Agent", "")[:400] or (session.user_agent if session else ""),
    }


def find(sid):
    """The live session of this sid, or the reason why there is none. One query, no write."""
    if not CANONICAL_SID.fullmatch(sid):
        raise Refusal(401, "session_unknown")
    session = Session.objects.select_related("user__onboarding").filter(sid_sha256=digest(sid)).first()
    if session is None:
        raise Refusal(401, "session_unknown")
    now = timezone.now()
    if session.revoked_at:
        raise Refusal(401, "session_revoked")
    if session.expires_at <= now:
        raise Refusal(401, "session_expired")
    if session.idle_expires_at and session.idle_expires_at <= now:
        raise Refusal(401, "session_idle")
    if not session.user.is_active:
        raise Refusal(401, "account_disabled")
    return session


def presented_sid(request):
    """The sid of `Authorization: Session <sid>`. Its absence is the gateway's mistake, not a refusal."""
    scheme, _, sid = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Session" or not sid:
        raise Refusal(400, "credential_missing")
    return sid.strip()


def presented(request):
    return find(presented_sid(request))


def replace_sid(session, **changes):
    """Gives a live session another sid. The device keeps its row, its public id and its sign-in time.

    The old digest is part of the condition: of two rotations at once one wins, the other is refused.
    """
    sid = new_sid()
    updated = Session.objects.filter(pk=session.pk, sid_sha256=session.sid_sha256, revoked_at=None).update(
        sid_sha256=digest(sid), **changes
    )
    if not updated:
        raise Refusal(401, "session_unknown")
    for name, value in changes.items():
        setattr(session, name, value)
    return sid


def client_ip(request):
    try:
        return str(ipaddress.ip_address(request.headers.get("X-Client-Ip", "")))
    except ValueError:
        return None
