from datetime import timedelta
from unittest import mock

from django.conf import settings
from django.core.checks import run_checks
from django.test import SimpleTestCase, override_settings

from sidgate_django.checks import check_settings

GOOD = settings.SIDGATE
STRONG = "8f3b0c1d5e7a92648f3b0c1d5e7a9264"


class Checks(SimpleTestCase):
    def found(self, sidgate=None, **others):
        changed = {"SIDGATE": GOOD | sidgate if isinstance(sidgate, dict) else sidgate or GOOD, **others}
        with override_settings(**changed):
            return {message.id: f"{message.msg} {message.hint}" for message in check_settings()}

    def test_a_good_project_has_no_fault(self):
        self.assertEqual(self.found(), {})
        self.assertEqual([m for m in run_checks() if str(m.id).startswith("sidgate")], [])

    def test_each_fault_is_found_and_says_what_to_do(self):
        order = settings.MIDDLEWARE[:]
        order.insert(0, order.pop())
        for id, words, sidgate, others in (
            ("E001", "not a dict", "x", {}),
            ("E002", 'Did you mean "SESSION_LIMIT"?', {"SESION_LIMIT": 3}, {}),
            ("E002", 'Did you mean "SESSION_LIMIT"?', {"session_limit": 3}, {}),
            ("E003", "token_hex", {"GATEWAY_KEYS": []}, {}),
            ("E003", "token_hex", {"GATEWAY_KEYS": [""]}, {}),
            ("W001", "only 5 characters", {"GATEWAY_KEYS": [STRONG, "short"]}, {}),
            ("W001", "placeholder", {"GATEWAY_KEYS": "change-me-change-me-change-me-change-me"}, {}),
            ("W001", "placeholder", {"GATEWAY_KEYS": "a" * 40}, {}),
            ("E004", 'Did you mean "evict_oldest"?', {"SESSION_LIMIT_POLICY": "evict-oldest"}, {}),
            ("E004", "There are: assertion, network.", {"TRUST": "none"}, {}),
            ("E004", 'Did you mean "revoke_all"?', {"PASSWORD_CHANGE": "revokeall"}, {}),
            ("E005", "SESSION_LIFETIME", {"SESSION_LIFETIME": 3600}, {}),
            ("E005", "SESSION_LIFETIME", {"SESSION_LIFETIME": None}, {}),
            ("E005", "SESSION_IDLE_LIFETIME", {"SESSION_IDLE_LIFETIME": timedelta(0)}, {}),
            ("E006", "shorter", {"SESSION_IDLE_LIFETIME": timedelta(days=15)}, {}),
            ("E007", "from 1", {"SESSION_LIMIT": 0}, {}),
            ("E007", "from 1", {"SESSION_LIMIT": True}, {}),
            ("E008", "ADAPTER", {"ADAPTER": "shop.Adapter"}, {}),
            ("E008", "opaque", {"PROOFS": {"opaque": "shop.verify"}}, {}),
            ("E008", "no kind of proof", {"PROOFS": {"session-id": "sidgate_django.proofs.own_session"}}, {}),
            ("E009", "no list", {"GATEWAYS": "http://127.0.0.1:9901"}, {}),
            ("E009", "no http address", {"GATEWAYS": ["127.0.0.1:9901"], "REVOCATION_KEYS": STRONG}, {}),
            ("E010", "REVOCATION_KEYS", {"GATEWAYS": ["http://127.0.0.1:9901"]}, {}),
            ("W002", "only 1 characters", {"REVOCATION_KEYS": ["x"]}, {}),
            ("W003", "second one", {"GATEWAY_KEYS": STRONG, "REVOCATION_KEYS": STRONG}, {}),
            ("W004", "assertion", {"TRUST": "network"}, {}),
            ("E012", "JWKS_URL, JWKS_FILE", {"JWKS": None, "JWKS_URL": "http://x/", "JWKS_FILE": "x"}, {}),
            ("W005", "jwks.json", {"JWKS": None}, {}),
            ("E013", "after it", {}, {"MIDDLEWARE": order}),
            ("E014", "USE_TZ", {}, {"USE_TZ": False}),
            ("W006", "include", {}, {"ROOT_URLCONF": "tests.no_urls"}),
        ):
            with self.subTest(id, sidgate=sidgate):
                found = self.found(sidgate, **others)
                self.assertEqual(list(found), [f"sidgate.{id}"])
                self.assertIn(words, found[f"sidgate.{id}"])

    def test_the_key_may_come_from_the_environment(self):
        with mock.patch.dict("os.environ", {"SIDGATE_GATEWAY_KEY": STRONG}):
            self.assertEqual(self.found({"GATEWAY_KEYS": None}), {})

    def test_while_debugging_a_placeholder_will_do(self):
        self.assertEqual(self.found({"GATEWAY_KEYS": "dev" * 20}, DEBUG=True), {})

    def test_no_secret_is_in_a_message(self):
        said = str(self.found({"GATEWAY_KEYS": ["hunter2"], "REVOCATION_KEYS": ["hunter2"]}))
        self.assertNotIn("hunter2", said)
