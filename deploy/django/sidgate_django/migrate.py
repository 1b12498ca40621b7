"""An older session becomes one of ours, once: `POST migrate/`."""

import hashlib
import hmac
import uuid
from datetime import timedelta

from django.conf import settings as django_settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from . import ending, store, trail
from .answers import Refusal, field_errors
from .conf import resolved, settings
from .endpoint import json_object, ok
from .facts import Facts
from .locking import one_at_a_time
from .models import MigratedProof, Session, digest
from .models.event import Kind
from .models.session import Ended

# How long a repeat is answered with the same session.
REPEAT = timedelta(seconds=60)


def migrate(request):
    """`{"proof":{"kind","value"},"source","idempotency_key"}`; with `"keep":true` the older session stays alive."""
    kind, value, source, key, keep = asked(json_object(request))
    hashes = {"proof_sha256": hashed(f"{kind} {value}"), "key_sha256": hashed(key)}
    sid = derived_sid(key)
    if answer := repeated(hashes, sid):
        return answer
    verify = resolved(settings.proofs.get(kind))
    proof = verify(value, source, request) if verify else None
    if proof is None or not proof.user.is_active:
        # Perhaps because another request with this proof came through just now.
        if answer := repeated(hashes, sid):
            return answer
        trail.record(Kind.MIGRATION_REFUSED, user=proof and proof.user, request=request, reason=kind)
        raise refused()
    try:
        with one_at_a_time(proof.user):
            # First: of two at once, the second fails here, and finds what the first has made.
            MigratedProof.objects.create(**hashes)
            if proof.session and not taken_over(proof.session, keep, request):
                raise refused()
            created = store.create(
                proof.user,
                request,
                source="migration",
                sid=sid,
                kind=Kind.MIGRATED,
                successor_of=proof.session,
                authenticated_at=authenticated_at(proof),
            )
            if proof.session and keep:
                proof.session.keep_beside(created.session)
            if proof.end and not keep:
                proof.end()
    except Refusal as refusal:
        # No room, or a password that was changed meanwhile. Any other word than this one is an outage to the gateway.
        trail.record(Kind.MIGRATION_REFUSED, user=proof.user, request=request, reason=refusal.body["code"])
        raise refused() from None
    except IntegrityError:
        if answer := repeated(hashes, sid):
            return answer
        raise
    return ok(created.body(), status=201)


def taken_over(session, keep, request):
    """Whether the older session was still there: it ends here, or with `keep` is held until it is linked."""
    own = Session.objects.filter(pk=session.pk)
    if keep:
        return own.live().select_for_update(of=("self",)).first() is not None
    return bool(ending.end(own, Ended.MIGRATED, request=request))


def asked(body):
    proof = body.get("proof")
    proof = proof if isinstance(proof, dict) else {}
    given = {
        "proof.kind": proof.get("kind"),
        "proof.value": proof.get("value"),
        "idempotency_key": body.get("idempotency_key"),
    }
    missing = [name for name, value in given.items() if not isinstance(value, str) or not value.strip()]
    if missing:
        raise field_errors(**dict.fromkeys(missing, "This field is required."))
    source, keep = body.get("source"), body.get("keep", False)
    if not isinstance(keep, bool):
        raise field_errors(keep="This must be true or false.")
    return (
        given["proof.kind"],
        given["proof.value"],
        source if isinstance(source, str) else "",
        given["idempotency_key"],
        keep,
    )


def repeated(hashes, sid):
    """The answer to a key or a proof that was here before; None for one that was not."""
    seen = list(
        MigratedProof.objects.filter(Q(**{"key_sha256": hashes["key_sha256"]}) | Q(proof_sha256=hashes["proof_sha256"]))
    )
    if not seen:
        return None
    same = all(getattr(seen[0], name) == value for name, value in hashes.items())
    if len(seen) > 1 or not same or timezone.now() - seen[0].at > REPEAT:
        raise refused()
    try:
        session = store.find_by_hash(digest(sid))
    except Refusal:
        # Signed out since, or revoked: a repeat does not bring it back.
        raise refused() from None
    return ok(Facts(session).body(sid))


def refused():
    return Refusal(401, "proof_refused")


def authenticated_at(proof):
    """When the person was there for certain: never now, or an old cookie would pass for a fresh sign-in.

    `last_login` may be of another browser's sign-in a minute ago; who joined before is no younger than that.
    """
    user, now = proof.user, timezone.now()
    known = [proof.authenticated_at] if proof.authenticated_at else [user.last_login, getattr(user, "date_joined", None)]
    return min([at for at in known if at] + [now]) if any(known) else now - settings.SESSION_LIFETIME


def derived_sid(key):
    """The sid of an idempotency key: a version 4 UUID to look at, and nobody's guess without the key."""
    own = settings.MIGRATION_KEY or f"sidgate migration {django_settings.SECRET_KEY}"
    mac = hmac.new(own.encode() if isinstance(own, str) else own, key.encode(), hashlib.sha256).digest()
    return str(uuid.UUID(bytes=mac[:16], version=4))


def hashed(text):
    return hashlib.sha256(text.encode()).hexdigest()
