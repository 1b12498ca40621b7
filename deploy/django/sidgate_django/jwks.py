"""The gateway's public keys: fetched and kept (JWKS_URL), from a file, or from the settings.

A key that is not known may be a new one: the set is fetched again, but rarely, because anybody can send an unknown
`kid`. A gateway that does not answer takes no known key away at once: see `STALE`.
"""

import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections import namedtuple
from pathlib import Path

import jwt

from .conf import settings, when_changed
from .delivery import opener

ALGORITHMS = {"ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}

TIMEOUT = 2
MAX_ANSWER = 64 * 1024
# Seconds: how long a set is taken for new; how long one goes on that cannot be fetched again.
FRESH, STALE = 300, 3600
# Seconds between two fetches, after one that worked and after one that did not.
PAUSE, PAUSE_FAILED = 10, 1

log = logging.getLogger(__name__)

Key = namedtuple("Key", "algorithm public")


def read_keys(key_set):
    """`kid` -> Key, of those that can sign assertions; others are left out."""
    found = {}
    listed = key_set.get("keys") if isinstance(key_set, dict) else None
    for key in listed if isinstance(listed, list) else []:
        algorithm = key.get("alg") if isinstance(key, dict) else None
        shape = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
        if shape is None or (key.get("kty"), key.get("crv")) != shape or key.get("use", "sig") != "sig":
            continue
        if "d" in key or not isinstance(key.get("kid"), str) or not key["kid"]:
            log.error("a key of the key set is left out: it has its private half in it, or no kid")
            continue
        try:
            found[key["kid"]] = Key(key["alg"], jwt.PyJWK(key, algorithm=key["alg"]).key)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            log.error("a key of the key set is left out: it is no %s key", key["alg"])
    return found


class FixedKeys:
    def __init__(self, key_set):
        self.keys = read_keys(key_set)

    def find(self, kid):
        return self.keys.get(kid)


class FileKeys:
    """Read again when the file has changed: rotation by whoever writes it."""

    def __init__(self, path):
        self.path, self.changed, self.keys = Path(path), None, {}

    def find(self, kid):
        try:
            changed = self.path.stat().st_mtime_ns
            if changed != self.changed:
                self.keys = read_keys(json.loads(self.path.read_bytes()))
                self.changed = changed
        except (OSError, ValueError) as error:
            log.error("SIDGATE['JWKS_FILE'] cannot be read: %s", error)
            return None
        return self.keys.get(kid)


class RemoteKeys:
    def __init__(self, url, clock=time.monotonic):
        self.url, self.clock = url, clock
        self.keys, self.fetched, self.next = {}, None, float("-inf")
        self.lock = threading.Lock()

    def find(self, kid):
        now = self.clock()
        if self.fetched is not None and now - self.fetched > STALE:
            self.keys = {}
        known = self.keys.get(kid)
        due = known is None or now - self.fetched > FRESH
        # Whoever has a key does not wait for the one who fetches.
        if due and now >= self.next and self.lock.acquire(blocking=known is None):
            try:
                self.fetch_once()
            finally:
                self.lock.release()
        return self.keys.get(kid)

    def fetch_once(self):
        # Again, under the lock: somebody may just have done it.
        if self.clock() < self.next:
            return
        try:
            self.keys = read_keys(fetch(self.url))
            self.fetched = self.clock()
            self.next = self.clock() + PAUSE
            if not self.keys:
                log.error("%s has no key for assertions. Does the gateway have keys?", self.url)
        except (OSError, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            self.next = self.clock() + PAUSE_FAILED
            log.error("the gateway's keys could not be fetched from %s: %s", self.url, error)


def fetch(url):
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310
    with opener.open(request, timeout=TIMEOUT) as answer:
        body = answer.read(MAX_ANSWER + 1)
    if len(body) > MAX_ANSWER:
        raise ValueError("the answer is too large")
    key_set = json.loads(body)
    if not isinstance(key_set, dict) or not isinstance(key_set.get("keys"), list):
        raise ValueError("the answer is no key set")
    return key_set


_keys = None


def keys():
    global _keys
    if _keys is None:
        _keys = configured()
    return _keys


def configured():
    if settings.JWKS is not None:
        return FixedKeys(settings.JWKS)
    if settings.JWKS_FILE:
        return FileKeys(settings.JWKS_FILE)
    return RemoteKeys(settings.JWKS_URL) if settings.JWKS_URL else FixedKeys({})


@when_changed
def _forget():
    global _keys
    _keys = None
