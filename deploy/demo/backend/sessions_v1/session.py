"""The calls about one session: sign in, validate, rotate, switch the tenant, sign out."""

import uuid

from django.contrib.auth import authenticate
from django.http import HttpResponse

from . import challenge, provider, store
from .answers import Refusal, field_errors
from .endpoint import json_object, ok
from .models import Session
from .shape import session_body


def read(request):
    return ok(session_body(store.presented(request)))


def read_by_path(request, sid):
    return ok(session_body(store.find(str(sid))))


def sign_in(request):
    body = json_object(request)
    if "access_token" in body:
        # The provider has asked for its own second factor.
        return signed_in(provider.person(body["access_token"]), request)
    missing = {
        name: "This field is required."
        for name in ("email", "password")
        if not isinstance(body.get(name), str) or not body[name].strip()
    }
    if missing:
        raise field_errors(**missing)
    # A username is the e-mail address in lower case (see seed_demo).
    user = authenticate(request, username=body["email"].strip().lower(), password=body["password"])
    if user is None:
        raise Refusal(401, "invalid_credentials")
    # After the password, so that only the account's owner learns that it is disabled.
    if not user.is_active:
        raise Refusal(403, "account_disabled")
    if challenge.due(user):
        if body.get("challenge") is None:
            return ok(challenge.begin(user), status=202)
        challenge.answer(user, body["challenge"])
    return signed_in(user, request)


def signed_in(user, request):
    first = user.memberships.select_related("tenant").first()
    session, sid = store.create(user, first.tenant if first else None, request)
    return ok(session_body(session, sid), status=201)


def sign_out(request):
    # No look at the session's state first: one that is unknown, expired or ended already is as gone as was asked.
    sid = store.presented_sid(request)
    Session.objects.filter(sid_sha256=store.digest(sid)).revoke("signed_out")
    return HttpResponse(status=204)


def rotate(request):
    session = store.presented(request)
    # A session that an application made is the browser's from now on.
    sid = store.replace_sid(session, **store.device(request, session))
    return ok(session_body(session, sid))


def switch_tenant(request):
    session = store.presented(request)
    wanted = json_object(request).get("tenant_id")
    try:
        tenant_id = uuid.UUID(wanted)
    except (TypeError, ValueError, AttributeError):
        raise field_errors(tenant_id="This must be the id of a tenant.") from None
    if not session.user.memberships.filter(tenant_id=tenant_id).exists():
        raise Refusal(403, "not_a_member")
    sid = store.replace_sid(session, tenant_id=tenant_id)
    return ok(session_body(session, sid))
