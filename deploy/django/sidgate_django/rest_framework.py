"""For Django REST framework: "sidgate_django.rest_framework.SidgateAuthentication" in DEFAULT_AUTHENTICATION_CLASSES.

`request.user` is the user, `request.auth` the identity: `.tenant`, `.onboarding`, `.permissions`, `.session`,
`.claims`.
"""

from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied

from .identity import identify


class SidgateAuthentication(BaseAuthentication):
    def authenticate(self, request):
        django_request = request._request
        # The middleware has made it, where it is in use.
        identity = getattr(django_request, "sidgate", None) or identify(django_request)
        if identity is None:
            return None
        if not identity.user.is_authenticated:
            raise AuthenticationFailed("The assertion is not good.", code=identity.error or "not_signed_in")
        if identity.by_browser:
            enforce_csrf(django_request)
        return identity.user, identity

    def authenticate_header(self, request):
        return "Bearer"


class Reasoned(CsrfViewMiddleware):
    def _reject(self, request, reason):
        return reason


def enforce_csrf(request):
    """DRF's views are exempt from Django's check; who is known by what a browser sends along needs it all the same."""
    check = Reasoned(lambda request: None)
    check.process_request(request)
    reason = check.process_view(request, None, (), {})
    if reason:
        raise PermissionDenied(f"CSRF Failed: {reason}")
