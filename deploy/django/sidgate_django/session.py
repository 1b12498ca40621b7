"""The calls about one session: sign in, validate, rotate, switch the tenant, sign out."""

from django.contrib.auth import user_logged_in
from django.http import HttpResponse

from . import credentials, ending, store, trail
from .adapter import adapter
from .answers import Refusal, field_errors
from .conf import settings
from .endpoint import json_object, ok
from .facts import Facts
from .models import Session, digest
from .models.event import Kind
from .models.session import Ended


def read(request):
    return ok(Facts(store.presented(request)).body())


def read_by_path(request, sid):
    return ok(Facts(store.find(str(sid))).body())


def sign_in(request):
    body = json_object(request)
    if "access_token" in body:
        # The provider has asked for its own second factor.
        proof = credentials.by_access_token(body["access_token"], request)
        known = {"authenticated_at": proof.authenticated_at} if proof.authenticated_at else {}
        return signed_in(proof.user, request, source="access_token", replaces=body.get("replaces"), **known)
    user = credentials.by_password(body, request)
    second_factor = settings.imported("SECOND_FACTOR")
    if second_factor is not None and (factor := second_factor()).due(user):
        if body.get("challenge") is None:
            trail.record(Kind.CHALLENGE, user=user, request=request)
            return ok(factor.begin(user), status=202)
        try:
            factor.answer(user, body["challenge"])
        except Refusal as refusal:
            trail.record(Kind.SIGN_IN_FAILED, user=user, request=request, reason=refusal.body["code"])
            raise
    return signed_in(user, request, source="password", replaces=body.get("replaces"))


def signed_in(user, request, *, source="application", replaces=None, **fields):
    """The answer to a sign-in that somebody has passed. For a project's own ways to sign in as well.

    `replaces`: the public id of the session that the browser had until now, which makes room for the new one.
    """
    # Its sid serves as well.
    scheme, _, old = request.headers.get("Authorization", "").partition(" ")
    old = old.strip() if scheme.lower() == "session" else None
    created = store.create(user, request, source=source, replaces=old, replaces_public_id=replaces, **fields)
    if settings.SEND_LOGIN_SIGNAL:
        # Robust: a receiver that expects Django's own session, which there is not, must not cost the sign-in.
        user_logged_in.send_robust(sender=type(user), request=request, user=user)
    return ok(created.body(), status=201)


def sign_out(request):
    # No look at the session's state first: one that is unknown, expired or ended already is as gone as was asked.
    sid = store.presented_sid(request)
    ending.end(Session.objects.filter(sid_sha256=digest(sid)), Ended.SIGNED_OUT, request=request, kind=Kind.SIGN_OUT)
    return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


def rotate(request):
    session = store.presented(request)
    # A session that an application made is the browser's from now on.
    sid = store.replace_sid(session, **store.device(request, session))
    trail.record(Kind.ROTATED, session=session, request=request)
    return ok(Facts(session).body(sid))


def switch_tenant(request):
    session = store.presented(request)
    try:
        wanted = adapter().tenant_id(json_object(request).get("tenant_id"))
    except (TypeError, ValueError, AttributeError):
        raise field_errors(tenant_id="This must be the id of a tenant.") from None
    if all(tenant.id != wanted for tenant in adapter().tenants(session.user, session)):
        trail.record(Kind.TENANT_REFUSED, session=session, request=request)
        raise Refusal(403, "not_a_member")
    sid = store.replace_sid(session, tenant_id=wanted, **store.device(request, session))
    trail.record(Kind.TENANT_SWITCHED, session=session, request=request)
    return ok(Facts(session).body(sid))
