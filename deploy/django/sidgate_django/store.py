"""Sessions by their sid: make, find, replace."""

import re
import uuid
from dataclasses import dataclass, field

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from . import announce, ending, trail
from .adapter import adapter
from .answers import Refusal
from .conf import settings
from .endpoint import client_ip
from .facts import Facts
from .locking import one_at_a_time
from .models import Device, Session, digest
from .models.device import USER_AGENT_MAX
from .models.event import Kind
from .models.session import Ended

CANONICAL_SID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass
class Created:
    """A new session, and its sid: the only time that there is one."""

    session: Session
    sid: str
    facts: Facts
    # Public ids of those that made room for it.
    evicted: list = field(default_factory=list)

    def body(self):
        return self.facts.body(self.sid, **({"evicted": self.evicted} if self.evicted else {}))


def new_sid():
    return str(uuid.uuid4())


def create(
    user,
    request,
    *,
    source,
    sid=None,
    replaces=None,
    replaces_public_id=None,
    kind=Kind.SIGN_IN,
    successor_of=None,
    **fields,
):
    """A new session for somebody who has just proved who they are.

    `replaces`: the sid that the same browser had until now, if any; `replaces_public_id` names it without being one.
    `successor_of`: the session whose lifetime and sign-in time go on. Raises `Refusal` 409 `session_limit` where the
    policy is "deny".
    """
    sid = sid or new_sid()
    tenants = adapter().tenants(user)
    with one_at_a_time(user):
        # A session that goes on was asked about under the lock.
        if kind in (Kind.SIGN_IN, Kind.MIGRATED) and successor_of is None and has_changed(user):
            raise Refusal(401, "invalid_credentials")
        if replaces:
            old = Session.objects.filter(user=user, sid_sha256=digest(replaces)).live()
            ending.end(old, Ended.REPLACED, request=request)
        if public_id := as_uuid(replaces_public_id):
            old = Session.objects.filter(user=user, public_id=public_id).live()
            ending.end(old, Ended.REPLACED, request=request)
        evicted = make_room(user, request, successor_of)
        first = {"tenant_id": tenants[0].id if tenants else ""}
        given = {**first, **lifetime(successor_of), **device(request, successor_of), **fields}
        session = Session(sid_sha256=digest(sid), user=user, source=source, **given)
        session.device, new = Device.touch(user, session.user_agent, session.ip, session.created_at)
        if not new:
            Device.objects.filter(pk=session.device_id).update(last_seen=session.created_at, ip=session.ip)
        session.save(force_insert=True)
        trail.record(kind, user=user, session=session, request=request, reason=source)
        if new:
            trail.record(Kind.NEW_DEVICE, user=user, session=session, request=request)
    return Created(session, sid, Facts(session, tenants), evicted)


def has_changed(user):
    """Whether the password is another one than when it was verified, or the account disabled.

    Hashing takes long, so a change may come in between: it has ended every session that there was, and not this one.
    """
    fields = {field.attname for field in user._meta.concrete_fields} & {"password", "is_active"}
    now = get_user_model()._base_manager.filter(pk=user.pk).values(*fields).first() if fields else {}
    return now != {name: getattr(user, name) for name in fields}


def as_uuid(text):
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def lifetime(successor_of=None):
    now = timezone.now()
    idle = settings.SESSION_IDLE_LIFETIME
    fields = {
        "created_at": now,
        "authenticated_at": now,
        "last_activity": now,
        "expires_at": now + settings.SESSION_LIFETIME,
        "idle_expires_at": now + idle if idle else None,
    }
    if successor_of is not None:
        for name in ("authenticated_at", "expires_at", "tenant_id"):
            fields[name] = getattr(successor_of, name)
    return fields


def make_room(user, request, successor_of=None):
    """Holds the user to the limit; under the lock, so that two sign-ins at once see each other.

    What is kept beside a successor takes no room: it is the same browser's.
    """
    limit = settings.SESSION_LIMIT
    if limit is None:
        return []
    others = Session.objects.filter(user=user).live().of_browsers()
    if successor_of is not None:
        others = others.exclude(pk=successor_of.pk)
    live = list(others.order_by("created_at", "pk").values_list("pk", flat=True))
    too_many = len(live) - limit + 1
    if too_many <= 0:
        return []
    if settings.SESSION_LIMIT_POLICY == "deny":
        raise Refusal(409, "session_limit")
    return ending.end(Session.objects.filter(pk__in=live[:too_many]), Ended.LIMIT, request=request)


def device(request, session=None):
    """Where a call comes from; what it does not say stays as it was in the session."""
    return {
        "ip": client_ip(request) or (session.ip if session else None),
        "user_agent": request.headers.get("User-Agent", "")[:USER_AGENT_MAX] or (session.user_agent if session else ""),
    }


def find(sid):
    """The live session of this sid, or the reason why there is none. One query, no write."""
    if not CANONICAL_SID.fullmatch(sid):
        raise Refusal(401, "session_unknown")
    return find_by_hash(digest(sid))


def find_by_hash(sid_sha256):
    # Without an order: the hash is unique.
    rows = adapter().sessions(Session.objects.select_related("user")).filter(sid_sha256=sid_sha256).order_by()
    session = next(iter(rows[:1]), None)
    code = session.refusal() if session else "session_unknown"
    if code:
        raise Refusal(401, code)
    return session


def presented_sid(request):
    """The sid of `Authorization: Session <sid>`. Its absence is the gateway's mistake, not a refusal."""
    scheme, _, sid = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "session" or not sid.strip():
        raise Refusal(400, "credential_missing")
    return sid.strip()


def presented(request):
    return find(presented_sid(request))


def replace_sid(session, **changes):
    """Gives a live session another sid. The device keeps its row, its public id and its sign-in time.

    The old digest is part of the condition: of two rotations at once one wins, the other is refused.
    """
    sid = new_sid()
    own = Session.objects.filter(pk=session.pk, sid_sha256=session.sid_sha256, revoked_at=None)
    if not own.update(sid_sha256=digest(sid), **changes):
        raise Refusal(401, "session_unknown")
    session.sid_sha256 = digest(sid)
    for name, value in changes.items():
        setattr(session, name, value)
    announce.later(announce.session_changed(session))
    return sid


def user_key(value):
    """A user's primary key out of JSON; ValueError when it cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(value)
    pk = get_user_model()._meta.pk
    try:
        key = pk.to_python(value)
        # A number that no row can have is an error of the database, and here just nobody.
        pk.run_validators(key)
        if isinstance(key, int) and not -(2**63) <= key < 2**63:
            raise ValueError(value)
        return key
    except ValidationError:
        raise ValueError(value) from None
