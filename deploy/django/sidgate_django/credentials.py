"""Who somebody is: by password, through Django's own authentication backends, or by an identity provider's token."""

from django.contrib.auth import authenticate, user_login_failed

from . import trail
from .adapter import adapter
from .answers import AccountLocked, RateLimited, Refusal, field_errors
from .conf import settings
from .models.event import Kind

# More than anybody types, and no more than a hasher should be given.
EMAIL_MAX, PASSWORD_MAX = 254, 4096


def by_password(body, request):
    """The user of `{"email","password"}`, or a refusal."""
    email, password = fields(body)
    with throttled():
        check = settings.imported("SIGN_IN_CHECK")
        if check is not None:
            check(request, email)
        known = adapter().by_email(email)
        if known is not None and not known.is_active:
            refuse_disabled(known, password, request)
        name = known.get_username() if known is not None else email
        user = authenticate(request, username=name, password=password)
    # django-axes answers like this when it has locked somebody out.
    if user is None and getattr(request, "axes_locked_out", False):
        raise AccountLocked
    if user is None:
        if known is not None:
            trail.record(Kind.SIGN_IN_FAILED, user=known, request=request, reason="invalid_credentials")
        raise Refusal(401, "invalid_credentials")
    if not user.is_active:
        raise Refusal(403, "account_disabled")
    return user


def fields(body):
    email, password = body.get("email"), body.get("password")
    faults = {}
    for name, value, most in (("email", email, EMAIL_MAX), ("password", password, PASSWORD_MAX)):
        if not isinstance(value, str) or not value.strip():
            faults[name] = "This field is required."
        elif len(value) > most:
            faults[name] = f"This is longer than {most} characters."
    if faults:
        raise field_errors(**faults)
    return email.strip(), password


def refuse_disabled(user, password, request):
    """Only who knows the password learns that the account is disabled. Django's backend would not look at it at all."""
    right = user.check_password(password)
    code = "account_disabled" if right else "invalid_credentials"
    user_login_failed.send_robust(sender=__name__, credentials={"username": user.get_username()}, request=request)
    trail.record(Kind.SIGN_IN_FAILED, user=user, request=request, reason=code)
    raise Refusal(403 if right else 401, code)


class throttled:
    """Turns the exceptions of throttle apps into 429: DRF's Throttled, and django-ratelimit's."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if error is None or isinstance(error, Refusal):
            return
        if getattr(error, "status_code", None) == 429 or kind.__name__ == "Ratelimited":
            raise RateLimited(getattr(error, "wait", None) or 60) from None


def by_access_token(token, request):
    """The proof that an access token is, or a refusal."""
    proof = verified_token(token, request)
    if proof is None:
        raise Refusal(401, "invalid_credentials")
    if not proof.user.is_active:
        trail.record(Kind.SIGN_IN_FAILED, user=proof.user, request=request, reason="account_disabled")
        raise Refusal(403, "account_disabled")
    return proof


def verified_token(token, request):
    verify = settings.imported("ACCESS_TOKEN_VERIFIER")
    if verify is None or not isinstance(token, str) or not token.strip():
        return None
    return verify(token, request)
