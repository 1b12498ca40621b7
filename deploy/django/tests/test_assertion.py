import json
import tempfile
from pathlib import Path

from django.test import SimpleTestCase

from sidgate_django import assertion, jwks

from .case import sidgate
from .gateway import running
from .vectors import VECTORS


@sidgate(JWKS=VECTORS["jwks"], ISSUER=VECTORS["issuer"], AUDIENCE=VECTORS["audience"])
class Vectors(SimpleTestCase):
    """deploy/assertion/vectors.json, every one of them."""

    def test_every_published_vector(self):
        self.assertGreater(len(VECTORS["vectors"]), 60)
        for vector in VECTORS["vectors"]:
            with self.subTest(vector["name"]):
                try:
                    claims, reason = assertion.verify(vector["token"], VECTORS["now"]), None
                except assertion.Invalid as invalid:
                    claims, reason = None, str(invalid)
                self.assertEqual(reason is None, vector["valid"], reason)
                if vector["valid"]:
                    self.assertEqual(claims, vector["claims"])
                else:
                    self.assertEqual(reason, vector["reason"])

    def test_for_the_audience_backend_too(self):
        with sidgate(JWKS=VECTORS["jwks"]):
            for vector in VECTORS["vectors"]:
                with self.subTest(vector["name"]):
                    self.assertEqual(self.accepts(vector["token"]), vector["valid"])

    def test_without_keys_nothing_is_good(self):
        with sidgate(JWKS=None):
            self.assertFalse(any(self.accepts(vector["token"]) for vector in VECTORS["vectors"]))

    def accepts(self, token):
        try:
            return bool(assertion.verify(token, VECTORS["now"]))
        except assertion.Invalid:
            return False


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Keys(SimpleTestCase):
    """Fetched once, again for a key that is new, and never at a stranger's pace."""

    def setUp(self):
        self.gateway = self.enterContext(running())
        self.clock = Clock()
        self.keys = jwks.RemoteKeys(f"{self.gateway.url}/jwks.json", self.clock)
        self.one, self.two = (key["kid"] for key in VECTORS["jwks"]["keys"][:2])
        self.publish(1)

    def publish(self, count):
        self.gateway.key_set = {"keys": VECTORS["jwks"]["keys"][:count]}

    def test_one_fetch_for_many_questions(self):
        for _ in range(5):
            self.assertIsNotNone(self.keys.find(self.one))
        self.assertEqual(self.gateway.asked_for_keys, 1)

    def test_an_unknown_key_is_fetched_once_in_ten_seconds(self):
        self.keys.find(self.one)
        self.publish(2)
        for _ in range(100):
            self.assertIsNone(self.keys.find(self.two))
        self.assertEqual(self.gateway.asked_for_keys, 1, "the pause after the first fetch")
        self.clock.now += 10
        self.assertIsNotNone(self.keys.find(self.two))
        for number in range(100):
            self.keys.find(f"made up {number}")
        self.assertEqual(self.gateway.asked_for_keys, 2)

    def test_a_retired_key_is_gone_after_five_minutes(self):
        self.keys.find(self.one)
        self.publish(0)
        self.clock.now += 299
        self.assertIsNotNone(self.keys.find(self.one))
        self.clock.now += 2
        with self.assertLogs("sidgate_django.jwks", "ERROR"):
            self.assertIsNone(self.keys.find(self.one))

    def test_a_gateway_that_does_not_answer_takes_no_key_away_for_an_hour(self):
        self.keys.find(self.one)
        self.keys.url = "http://127.0.0.1:1/jwks.json"
        with self.assertLogs("sidgate_django.jwks", "ERROR") as logged:
            self.clock.now += 3000
            self.assertIsNotNone(self.keys.find(self.one))
            self.assertIsNotNone(self.keys.find(self.one), "no second attempt within a second")
            self.clock.now += 601
            self.assertIsNone(self.keys.find(self.one))
        self.assertEqual(len(logged.output), 2)

    def test_what_is_no_public_key_for_assertions_is_left_out(self):
        good = VECTORS["jwks"]["keys"][0]
        bad = [
            None,
            {},
            {**good, "kid": ""},
            {**good, "d": good["x"]},
            {**good, "use": "enc"},
            {**good, "alg": "HS256", "kty": "oct", "k": "AAAA"},
            {**good, "crv": "P-384"},
            {**good, "x": "AAAA"},
            {**good, "alg": "EdDSA"},
        ]
        with self.assertLogs("sidgate_django.jwks", "ERROR"):
            for key in bad:
                with self.subTest(key=key):
                    self.assertEqual(jwks.read_keys({"keys": [key]}), {})
        self.assertEqual(jwks.read_keys([]), {})

    def test_a_file_is_read_again_when_it_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "jwks.json"
            with sidgate(JWKS=None, JWKS_FILE=str(path)):
                with self.assertLogs("sidgate_django.jwks", "ERROR"):
                    self.assertIsNone(jwks.keys().find(self.one))
                path.write_text(json.dumps({"keys": VECTORS["jwks"]["keys"][:1]}))
                self.assertIsNotNone(jwks.keys().find(self.one))
                path.write_text(json.dumps({"keys": VECTORS["jwks"]["keys"][:2]}))
                self.assertIsNotNone(jwks.keys().find(self.two))
