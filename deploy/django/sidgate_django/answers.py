"""An answer that ends a call early, from however deep inside it.

`AccountLocked` and `RateLimited` are for hooks of the project: SIGN_IN_CHECK, a second factor.
"""

from django.http import JsonResponse


class Refusal(Exception):
    """The call is answered with this status, `{"code": code}` and the further fields given."""

    def __init__(self, status, code, *, retry_after=None, **more):
        super().__init__(code)
        self.status = status
        self.body = {"code": code, **more}
        self.retry_after = retry_after

    def response(self):
        response = JsonResponse(self.body, status=self.status)
        response["Cache-Control"] = "no-store"
        if self.retry_after is not None:
            response["Retry-After"] = str(max(1, round(self.retry_after)))
        return response


class AccountLocked(Refusal):
    """423: the account takes no sign-in for now, whatever the password."""

    def __init__(self, retry_after=None):
        super().__init__(423, "account_locked", retry_after=retry_after)


class RateLimited(Refusal):
    """429: too many attempts; `retry_after` in seconds."""

    def __init__(self, retry_after=60):
        super().__init__(429, "rate_limited", retry_after=retry_after)


def field_errors(**errors):
    return Refusal(400, "invalid_fields", fields={name: [text] for name, text in errors.items()})
