from django.conf import settings
from django.test import override_settings

from sidgate_django.adapter import BuiltinAdapter
from sidgate_django.models import Session

from .case import ContractCase
from .provider import BASIC, running, trusted


class Doubtful(BuiltinAdapter):
    def email_verified(self, user):
        return False


class AccessToken(ContractCase):
    """`POST /api/sessions/` `{"access_token"}`: an identity provider's token that the backend verifies."""

    def setUp(self):
        self.provider = self.enterContext(running())

    def attempt(self, token):
        return self.call("POST", "/api/sessions/", {"access_token": token})

    def test_the_provider_is_asked_and_its_verified_address_says_who_it_is(self):
        self.provider.issue("good", email="Alice@ACME.test")
        answer = self.attempt("good")
        self.assertEqual((answer.status_code, answer.json()["user"]["email"]), (201, "alice@acme.test"))
        form = {"token": ["good"], "token_type_hint": ["access_token"]}
        self.assertEqual(self.provider.asked, [("/introspect", BASIC, form)])

    def test_401_for_what_the_provider_does_not_vouch_for(self):
        self.provider.issue("ended", email="alice@acme.test", active=False)
        self.provider.issue("another application's", email="alice@acme.test", client_id="other")
        self.provider.issue("not verified", email="alice@acme.test", email_verified=False)
        self.provider.issue("perhaps", email="alice@acme.test", email_verified="true")
        self.provider.issue("nobody", email="nobody@acme.test")
        self.provider.issue("no address")
        self.provider.tokens["a list"] = (200, "[]")
        for token in [*self.provider.tokens, "unknown", "", " ", 7, None, ["good"]]:
            with self.subTest(token=token):
                self.assert_refused(self.attempt(token), "invalid_credentials")
        self.assertFalse(Session.objects.exists())

    def test_403_account_disabled(self):
        self.alice.is_active = False
        self.alice.save()
        self.provider.issue("good", email="alice@acme.test")
        self.assert_refused(self.attempt("good"), "account_disabled", 403)

    def test_who_signed_up_with_the_address_of_somebody_else_does_not_get_their_sign_in(self):
        self.provider.issue("good", email="alice@acme.test")
        with override_settings(SIDGATE={**settings.SIDGATE, "ADAPTER": "tests.test_access_token.Doubtful"}):
            self.assert_refused(self.attempt("good"), "invalid_credentials")
        self.assertEqual(self.attempt("good").status_code, 201)

    def test_503_when_the_provider_says_nothing_that_counts(self):
        self.provider.tokens |= {"down": (500, ""), "odd": (200, "<html>"), "elsewhere": (302, ""), "key": (401, "{}")}
        for token in self.provider.tokens:
            with self.subTest(token=token), self.assertLogs() as logged:
                self.assert_refused(self.attempt(token), "identity_provider_unavailable", 503)
                self.assertNotIn(token, " ".join(logged.output))
        with trusted("http://127.0.0.1:1"), self.assertLogs():
            self.assert_refused(self.attempt("x"), "identity_provider_unavailable", 503)

    def test_without_a_provider_no_token_is_good(self):
        with trusted(None):
            self.assert_refused(self.attempt("good"), "invalid_credentials")
        self.assertEqual(self.provider.asked, [])
