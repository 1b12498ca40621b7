"""Access tokens of an identity provider: asked of the provider itself, by token introspection (RFC 7662)."""

import base64
import json
import logging
import urllib.error
import urllib.request
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model

from .answers import Refusal

TIMEOUT = 5
MAX_ANSWER = 64 * 1024
# People whose address nobody has verified yet: whoever signed up with it need not be the one whom a provider knows by it.
UNVERIFIED = "e-mail not verified"

log = logging.getLogger(__name__)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def person(token):
    """The user of an access token, by the address that the provider has verified."""
    no = Refusal(401, "invalid_credentials")
    if not settings.IDENTITY_PROVIDER or not isinstance(token, str) or not token.strip():
        raise no
    claims = introspect(token)
    # Ours: a token that somebody else's application was given must not sign in here (RFC 9700 section 4.10.2).
    ours = claims.get("client_id") == settings.IDENTITY_PROVIDER["client_id"]
    email = claims.get("email")
    if claims.get("active") is not True or not ours or claims.get("email_verified") is not True or not isinstance(email, str):
        raise no
    user = get_user_model().objects.filter(username=email.strip().lower()).exclude(groups__name=UNVERIFIED).first()
    if user is None:
        raise no
    if not user.is_active:
        raise Refusal(403, "account_disabled")
    return user


def introspect(token):
    provider = settings.IDENTITY_PROVIDER
    credentials = base64.b64encode(f"{provider['client_id']}:{provider['client_secret']}".encode()).decode()
    request = urllib.request.Request(
        f"{provider['url']}/introspect",
        data=urlencode({"token": token, "token_type_hint": "access_token"}).encode(),
        headers={"Authorization": f"Basic {credentials}", "Accept": "application/json"},
    )
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            claims = json.loads(answer.read(MAX_ANSWER))
    except (OSError, ValueError) as error:
        # "Don't know" is not "no": the gateway tells the person to try again. The token is not in the error.
        log.warning("the identity provider gave no answer that counts: %s", error)
        raise Refusal(503, "identity_provider_unavailable") from None
    return claims if isinstance(claims, dict) else {}
