"""The published vectors of the assertion, and their keys, with which tests sign assertions of their own."""

import json
import time
import uuid
from pathlib import Path

import jwt

FOLDER = Path(__file__).resolve().parents[2] / "assertion"
VECTORS = json.loads((FOLDER / "vectors.json").read_text())
PRIVATE = {key["kid"]: key for key in json.loads((FOLDER / "test-keys.json").read_text())["keys"]}
ES256 = next(key["kid"] for key in VECTORS["jwks"]["keys"] if key["alg"] == "ES256")


def assertion(user, sid_h, kid=ES256, now=None, **changes):
    now = int(time.time() if now is None else now)
    claims = {
        "iss": "sidgate",
        "aud": ["nextjs", "backend"],
        "sub": str(user.pk),
        "sid_h": sid_h,
        "onb": "complete",
        "roles": [],
        "iat": now,
        "exp": now + 60,
        "jti": uuid.uuid4().hex,
        **changes,
    }
    key = PRIVATE[kid]
    return jwt.encode(claims, jwt.PyJWK(key, algorithm=key["alg"]).key, key["alg"], {"kid": kid})
