"""Verifies the gateway's assertion: a JWT that says whose request this is. The rules: deploy/assertion/README.md.

PyJWT checks the signature and nothing else; what may be signed, by which key and for how long is decided here, on a
clock that a test can set.
"""

import base64
import json
import re
import time

import jwt

from .conf import settings
from .jwks import ALGORITHMS, keys

# By how many seconds the clocks may differ.
LEEWAY = 10
# The longest that an assertion may live.
LIFETIME = 60
MAX_LENGTH = 16 * 1024
# Base64url and nothing else: Python's decoder would skip over what is not.
SHAPE = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
NEEDED = ("iss", "aud", "sub", "sid_h", "iat", "exp", "jti")
TEXTS = ("iss", "sub", "sid_h", "jti")


class Invalid(Exception):
    """It is not believed. The text is the rule that it breaks, and never the token."""


def verify(token, now=None):
    """The claims of a good assertion; raises `Invalid`."""
    header = header_of(token)
    kid = header.get("kid")
    key = keys().find(kid) if isinstance(kid, str) else None
    if key is None:
        raise Invalid("unknown_key")
    # The key decides which algorithm verifies; the token does not.
    if key.algorithm != header["alg"]:
        raise Invalid("key_algorithm")
    try:
        payload = jwt.PyJWS().decode(token, key.public, algorithms=[key.algorithm])
    except jwt.InvalidTokenError:
        raise Invalid("signature") from None
    claims = json_object(payload)
    check(claims, time.time() if now is None else now)
    return claims


def header_of(token):
    if len(token) > MAX_LENGTH or not SHAPE.fullmatch(token):
        raise Invalid("malformed")
    header = part(token, 0)
    # Looked at before the signature, so that what is no JSON is called so.
    part(token, 1)
    # A list, so that JSON which is no text is merely none of them.
    if header.get("alg") not in list(ALGORITHMS):
        raise Invalid("algorithm")
    # No extension is in use, so there is none that "must be understood".
    if "crit" in header:
        raise Invalid("critical_header")
    if header.get("typ") != "JWT":
        raise Invalid("type")
    return header


def part(token, index):
    text = token.split(".")[index]
    try:
        return json_object(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        raise Invalid("malformed") from None


def json_object(data):
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise Invalid("malformed") from None
    if not isinstance(value, dict):
        raise Invalid("malformed")
    return value


def check(claims, now):
    if any(name not in claims for name in NEEDED):
        raise Invalid("claim_missing")
    texts = all(isinstance(claims[name], str) and claims[name] for name in TEXTS)
    times = all(type(claims[name]) is int for name in ("iat", "exp"))
    if not texts or not times or not isinstance(claims["aud"], list):
        raise Invalid("claim_malformed")
    if claims["iss"] != settings.ISSUER:
        raise Invalid("issuer")
    if settings.AUDIENCE not in claims["aud"]:
        raise Invalid("audience")
    if claims["exp"] - claims["iat"] > LIFETIME:
        raise Invalid("lifetime")
    if claims["exp"] + LEEWAY <= now:
        raise Invalid("expired")
    if claims["iat"] - LEEWAY > now:
        raise Invalid("not_yet_valid")


def names_us(token):
    """Whether a bearer token claims to be an assertion of our gateway. Nothing is believed of it yet."""
    try:
        return SHAPE.fullmatch(token) is not None and part(token, 1).get("iss") == settings.ISSUER
    except Invalid:
        return False
