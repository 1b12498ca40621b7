"""The calls about all sessions of one person: list them, end one, the others, or all."""

from . import store
from .answers import Refusal, field_errors
from .endpoint import ok
from .models import Session
from .shape import device_body


def listing(request):
    current = store.presented(request)
    own = Session.objects.filter(user=current.user).live()
    return ok({"sessions": [device_body(session, current) for session in own]})


def end_one(request, public_id):
    current = store.presented(request)
    own = Session.objects.filter(user=current.user, public_id=public_id)
    if not own.exists():
        # Somebody else's answers like none at all.
        raise Refusal(404, "not_found")
    own.revoke("ended_by_user")
    # Also when it had ended before: a gateway that repeats a call whose answer was lost still learns what to forget.
    return ok({"revoked": [str(public_id)]})


def end_scope(request):
    current = store.presented(request)
    own = Session.objects.filter(user=current.user)
    scope = request.GET.get("scope")
    if scope == "others":
        own = own.exclude(pk=current.pk)
    elif scope != "all":
        raise field_errors(scope='This must be "others" or "all".')
    return ok({"revoked": own.revoke("ended_by_user")})
