"""Access tokens of an identity provider: asked of the provider itself, by token introspection (RFC 7662)."""

import base64
import json
import logging
import urllib.error
import urllib.request
from datetime import datetime, timezone
from urllib.parse import quote_plus, urlencode

from .adapter import adapter
from .answers import Refusal
from .conf import settings
from .delivery import opener
from .proofs import Proof

TIMEOUT = 5
MAX_ANSWER = 64 * 1024

log = logging.getLogger(__name__)


def verify(token, request):
    """The user of an access token, by the address that the provider has verified."""
    provider = settings.INTROSPECTION
    if not provider:
        return None
    claims = introspect(provider, token)
    # Ours: a token that somebody else's application was given must not sign in here (RFC 9700 section 4.10.2).
    ours = claims.get("client_id") == provider["client_id"]
    email = claims.get("email")
    if claims.get("active") is not True or not ours or claims.get("email_verified") is not True:
        return None
    user = adapter().by_email(email.strip()) if isinstance(email, str) and email.strip() else None
    if user is None or not adapter().email_verified(user):
        return None
    return Proof(user, authenticated_at(claims))


def authenticated_at(claims):
    """`auth_time` (OpenID Connect): when the person was there, which may be long before this token."""
    at = claims.get("auth_time")
    if isinstance(at, bool) or not isinstance(at, (int, float)):
        return None
    now = datetime.now(timezone.utc)
    return datetime.fromtimestamp(min(max(at, 0), now.timestamp()), timezone.utc)


def introspect(provider, token):
    # Form encoding before Basic: RFC 6749 section 2.3.1.
    credentials = f"{quote_plus(provider['client_id'])}:{quote_plus(provider['client_secret'])}"
    request = urllib.request.Request(  # noqa: S310
        provider["url"],
        data=urlencode({"token": token, "token_type_hint": "access_token"}).encode(),
        headers={
            "Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}",
            "Accept": "application/json",
        },
    )
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            claims = json.loads(answer.read(MAX_ANSWER))
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        # "Don't know" is not "no": the gateway tells the person to try again. The token is not in the error.
        log.warning("the identity provider gave no answer that counts: %s", error)
        raise Refusal(503, "identity_provider_unavailable") from None
    return claims if isinstance(claims, dict) else {}
