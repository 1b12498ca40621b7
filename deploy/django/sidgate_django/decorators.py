"""For views of an API: JSON errors where Django's own decorators redirect to a page."""

from functools import wraps

from .answers import Refusal


def signed_in(view):
    """401 for who is nobody."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not request.user.is_authenticated:
            return Refusal(401, "not_signed_in").response()
        return view(request, *args, **kwargs)

    return guarded


def onboarded(view):
    """403 for who has onboarding ahead, as the gateway's routes with `access = "onboarded"`."""

    @signed_in
    @wraps(view)
    def guarded(request, *args, **kwargs):
        if not request.onboarding or request.onboarding.needed:
            return Refusal(403, "onboarding_needed").response()
        return view(request, *args, **kwargs)

    return guarded
