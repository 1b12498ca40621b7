"""Ending sessions, the whole of it: the rows, the trail, and the news for the gateways."""

from django.utils import timezone

from . import announce, trail
from .models import Session
from .models.event import Kind
from .models.session import Ended

# Of one user's sessions that many are announced one by one; more are announced as the user.
ONE_BY_ONE = 100


def end(sessions, reason, *, request=None, operator="", kind=Kind.ENDED, about=None):
    """Ends those of a queryset that are not ended yet, and answers with their public ids.

    `about` is the announcement for all of them together, where there is one: `announce.user_revoked(...)`.
    """
    ended = sessions.end(reason)
    trail.record_all(
        [trail.described(kind, session=s, request=request, operator=operator, reason=reason) for s in ended]
    )
    if about is not None:
        announce.later(about)
    elif ended:
        announce.later(*(announce.session_revoked(session) for session in ended))
    return [str(session.public_id) for session in ended]


def end_all_of(user, reason, *, spare=None, request=None, operator="", told=True):
    """Ends a user's sessions, for an application with a reason to: `end_all_of(user, "revoked", operator="eve")`."""
    own = Session.objects.filter(user_id=user.pk)
    if spare is not None:
        return end(own.apart_from(spare), reason, request=request, operator=operator)
    about = announce.user_revoked(user.pk, timezone.now()) if told else None
    return end(own, reason, request=request, operator=operator, about=about)


__all__ = ["Ended", "end", "end_all_of"]
