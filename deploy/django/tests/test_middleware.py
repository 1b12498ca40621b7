import base64
import json
from unittest import skipUnless

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from sidgate_django.models import Membership, Onboarding, digest

from . import views
from .case import CURRENT, PASSWORD, ContractCase, sidgate
from .vectors import ES256, PRIVATE, VECTORS, assertion

STRANGER = next(key["kid"] for key in PRIVATE.values() if key["name"] == "es256-of-another-gateway")
NOBODY = {"user": None, "tenant": None, "onboarding": None}


@sidgate(JWKS=VECTORS["jwks"])
class Asserted(ContractCase):
    """The assertion is the proof: `X-Auth-Assertion` behind the gateway, or a bearer token from the application."""

    def setUp(self):
        self.sid = self.sign_in(self.alice)
        self.client = Client(enforce_csrf_checks=True)
        self.token = assertion(self.alice, digest(self.sid))

    def ask(self, path="/whoami/", method="GET", data="", **headers):
        return self.client.generic(method, path, data, "application/json", headers=headers)

    def as_user(self, path="/whoami/", token=None, **more):
        return self.ask(path, **{"X-Auth-Assertion": token or self.token, **more})

    def as_bearer(self, path="/whoami/", token=None, **more):
        return self.ask(path, **{"Authorization": f"Bearer {token or self.token}", **more})


class Middleware(Asserted):
    def test_a_header_of_any_json_is_nobody_and_no_error(self):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        claims = self.token.split(".")[1]
        for odd in ([], {}, None, 5, "none", True):
            for name in ("alg", "kid", "typ"):
                header = {"alg": "ES256", "kid": ES256, "typ": "JWT", name: odd}
                token = f"{part(header)}.{claims}.AAAA"
                with self.subTest(header=header):
                    self.assertEqual(self.as_user(token=token).json(), NOBODY)
                    self.assertEqual(self.as_bearer(token=token).json(), NOBODY)

    def test_user_tenant_and_onboarding(self):
        for answer in (self.as_user(), self.as_bearer()):
            self.assertEqual(answer.json(), {"user": "alice@acme.test", "tenant": "acme", "onboarding": False})

    def test_without_it_nobody(self):
        for headers in ({}, {"X-Auth-Status": "authenticated", "X-Auth-User-Id": str(self.alice.pk)}):
            self.assertEqual(self.ask(**headers).json(), NOBODY)

    def test_what_is_not_good_is_nobody(self):
        good = digest(self.sid)
        tokens = {
            "empty": "",
            "nonsense": "x",
            "another gateway": assertion(self.alice, good, STRANGER),
            "expired": assertion(self.alice, good, now=1_700_000_000),
            "for another": assertion(self.alice, good, aud=["nextjs"]),
            "too long": assertion(self.alice, good, exp=2_000_000_000),
            "no such session": assertion(self.alice, "0" * 64),
            "another's session": assertion(self.bob, good),
        }
        with self.assertLogs("sidgate_django.identity", "WARNING"):
            for name, token in tokens.items():
                with self.subTest(name):
                    self.assertEqual(self.ask(**{"X-Auth-Assertion": token}).json(), NOBODY)

    def test_a_revoked_session_s_assertion_is_worth_nothing(self):
        self.assertEqual(self.as_user().json()["user"], "alice@acme.test")
        self.call("DELETE", CURRENT, sid=self.sid)
        self.assertEqual(self.as_user().json(), NOBODY)
        self.assertEqual(self.as_bearer().json(), NOBODY)

    def test_nor_one_of_a_rotated_session_or_a_disabled_account(self):
        new = self.call("POST", f"{CURRENT}rotate/", sid=self.sid).json()["sid"]
        self.assertEqual(self.as_user().json(), NOBODY)
        token = assertion(self.alice, digest(new))
        self.assertEqual(self.as_user(token=token).json()["user"], "alice@acme.test")
        type(self.alice).objects.update(is_active=False)
        self.assertEqual(self.as_user(token=token).json(), NOBODY)

    def test_it_is_lazy_and_costs_one_query(self):
        with CaptureQueriesContext(connection) as queries:
            self.as_user("/nothing/")
        self.assertEqual(len(queries), 0)
        with CaptureQueriesContext(connection) as queries:
            self.as_user()
        self.assertEqual(len(queries), 1)

    def test_who_is_signed_in_at_django_itself_stays_so_unless_the_gateway_says_somebody(self):
        self.client.login(username="bob@globex.test", password=PASSWORD)
        self.assertEqual(self.ask().json()["user"], "bob@globex.test")
        self.assertEqual(self.as_user().json()["user"], "alice@acme.test")
        with self.assertLogs("sidgate_django.identity", "WARNING"):
            self.assertEqual(self.as_user(token="x").json(), NOBODY)
        others = self.as_bearer(token="somebody.elses.token").json()
        self.assertEqual(others["user"], "bob@globex.test")

    def test_csrf_for_what_a_browser_sends_along_and_not_for_a_bearer(self):
        body = {"method": "POST", "data": "{}"}
        self.assertEqual(self.as_bearer("/onboarding/", **body).status_code, 200)
        self.assertEqual(self.as_user("/onboarding/", **body).status_code, 403)

    def test_the_gateway_is_told_when_the_session_has_changed(self):
        changed = self.as_bearer("/onboarding/", method="POST", data="{}")
        self.assertEqual(changed.headers["X-Auth-Session-Changed"], "1")
        self.assertNotIn("X-Auth-Session-Changed", self.as_bearer().headers)

    def test_decorators(self):
        self.assertEqual(self.as_user("/dashboard/").json(), {"permissions": ["invoices.view"]})
        self.assert_refused(self.ask("/dashboard/"), "not_signed_in")
        Onboarding.objects.create(user=self.alice, needed=True)
        self.assert_refused(self.as_user("/dashboard/"), "onboarding_needed", 403)

    def test_async(self):
        self.assertEqual(self.as_user("/whoami-async/").json()["user"], "alice@acme.test")

    async def test_async_server(self):
        answer = await self.async_client.get("/whoami-async/", headers={"X-Auth-Assertion": self.token})
        self.assertEqual(answer.json()["user"], "alice@acme.test")


class PasswordChange(Asserted):
    def test_the_session_that_changes_it_stays_and_the_others_end(self):
        other = self.sign_in(self.alice)
        self.as_bearer("/password/", method="POST", data='{"password": "another one"}')
        self.assertEqual([self.good(self.sid), self.good(other)], [True, False])


class Network(Asserted):
    """`TRUST = "network"`: whoever reaches Django is whoever they say."""

    def setUp(self):
        super().setUp()
        self.enterContext(sidgate(TRUST="network"))

    def plain(self, **more):
        headers = {"X-Auth-Status": "authenticated", "X-Auth-User-Id": str(self.alice.pk), **more}
        return self.ask(**headers).json()

    def test_plain_headers(self):
        tenant = {"X-Auth-Tenant-Id": str(self.acme.pk)}
        self.assertEqual(self.plain(**tenant), {"user": "alice@acme.test", "tenant": "acme", "onboarding": False})

    def test_what_cannot_be(self):
        self.assertIsNone(self.plain(**{"X-Auth-Tenant-Id": str(self.globex.pk)})["tenant"])
        for user_id in ("", "x", "0", "9" * 40):
            self.assertIsNone(self.plain(**{"X-Auth-User-Id": user_id})["user"])
        self.assertIsNone(self.plain(**{"X-Auth-Status": "anonymous"})["user"])


@skipUnless(views.drf_whoami, "Django REST framework is not installed")
class RestFramework(Asserted):
    def test_the_same_by_its_authenticator(self):
        for answer in (self.as_user("/drf/"), self.as_bearer("/drf/")):
            self.assertEqual(answer.json(), {"user": "alice@acme.test", "tenant": "acme"})

    def test_without_the_middleware_too(self):
        with self.modify_settings(MIDDLEWARE={"remove": "sidgate_django.middleware.SidgateMiddleware"}):
            self.assertEqual(self.as_bearer("/drf/").json()["user"], "alice@acme.test")

    def test_401_with_a_challenge_for_what_is_not_good_and_nobody_without_any(self):
        self.call("DELETE", CURRENT, sid=self.sid)
        answer = self.as_bearer("/drf/")
        self.assertEqual((answer.status_code, answer.headers["WWW-Authenticate"]), (401, "Bearer"))
        self.assertEqual(self.ask("/drf/").json()["user"], None)

    def test_csrf(self):
        body = {"method": "POST", "data": "{}"}
        self.assertEqual(self.as_bearer("/drf/", **body).status_code, 200)
        self.assertEqual(self.as_user("/drf/", **body).status_code, 403)


class Tenants(Asserted):
    def test_the_tenant_is_the_live_one_and_not_what_was_signed(self):
        Membership.objects.filter(user=self.alice).delete()
        self.assertIsNone(self.as_user().json()["tenant"])
