"""What a project puts in: an adapter for tenants of its own, checks before the password, throttles."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sidgate_django.adapter import Adapter, OnboardingFacts, TenantFacts
from sidgate_django.answers import AccountLocked, RateLimited
from sidgate_django.models import Event

from .case import CURRENT, PASSWORD, SESSIONS, ContractCase, person, sidgate


class GroupAdapter(Adapter):
    """Django's groups are the tenants; a user without a first name has onboarding ahead."""

    def sessions(self, sessions):
        first = Group.objects.filter(user=OuterRef("user")).order_by("pk")
        return sessions.annotate(
            group_id=Subquery(first.values("pk")[:1]), group_name=Subquery(first.values("name")[:1])
        )

    def tenants(self, user, session=None):
        if hasattr(session, "group_id"):
            found = [(session.group_id, session.group_name)] if session.group_id else []
        else:
            found = user.groups.order_by("pk").values_list("pk", "name")[:1]
        return [TenantFacts(str(pk), name, name, "member", ["look"]) for pk, name in found]

    def onboarding(self, user, session=None):
        return OnboardingFacts(needed=not user.first_name, step="name" if not user.first_name else None)

    def extra(self, user, session):
        return {"plan": "gold"}


@sidgate(ADAPTER="tests.test_hooks.GroupAdapter")
class OwnTenants(ContractCase):
    def setUp(self):
        self.group = Group.objects.create(name="staff")
        self.alice.groups.add(self.group)

    def test_tenants_and_onboarding_of_the_project_in_one_query(self):
        sid = self.sign_in(self.alice)
        with CaptureQueriesContext(connection) as queries:
            body = self.call("GET", CURRENT, sid=sid).json()
        self.assertEqual(len(queries), 1)
        self.assertEqual(body["tenant"], {"id": str(self.group.pk), "slug": "staff", "name": "staff"})
        told = (body["user"]["role"], body["permissions"], body["plan"], body["onboarding"]["needed"])
        self.assertEqual(told, ("member", ["look"], "gold", False))

    def test_ids_of_any_kind(self):
        sid = self.sign_in(self.alice)
        switched = self.call("POST", f"{CURRENT}tenant/", {"tenant_id": self.group.pk}, sid)
        self.assertEqual(switched.status_code, 200)
        self.assert_refused(
            self.call("POST", f"{CURRENT}tenant/", {"tenant_id": "0"}, switched.json()["sid"]), "not_a_member", 403
        )
        revoked = self.call("POST", f"{SESSIONS}revoke/", {"tenant_id": str(self.group.pk)}).json()["revoked"]
        self.assertEqual(len(revoked), 1)

    def test_without_tenants(self):
        with sidgate(ADAPTER="sidgate_django.adapter.Adapter"):
            body = self.call("GET", CURRENT, sid=self.sign_in(self.alice)).json()
        told = (body["tenant"], body["tenants"], body["permissions"], body["onboarding"]["needed"])
        self.assertEqual(told, (None, [], [], False))


def locks_bob(request, email):
    if email == "bob@globex.test":
        raise AccountLocked(retry_after=90)
    if email == "busy@globex.test":
        raise RateLimited(30)


class Throttled(Exception):
    """As Django REST framework has it."""

    status_code, wait = 429, 12.4


class Ratelimited(PermissionDenied):
    """As django-ratelimit has it."""


class ThrottlingBackend:
    error = Throttled

    def authenticate(self, request, username=None, password=None):
        raise self.error()


class AxesBackend:
    def authenticate(self, request, username=None, password=None):
        request.axes_locked_out = True
        raise PermissionDenied


class Seen:
    addresses = []

    def authenticate(self, request, username=None, password=None):
        self.addresses.append((request.META["REMOTE_ADDR"], username))


class SigningIn(ContractCase):
    def test_423_and_429_by_a_check_of_the_project(self):
        with sidgate(SIGN_IN_CHECK="tests.test_hooks.locks_bob"):
            answer = self.attempt(self.bob)
            self.assert_refused(answer, "account_locked", 423)
            self.assertEqual(answer.headers["Retry-After"], "90")
            answer = self.call("POST", SESSIONS, {"email": "busy@globex.test", "password": "x"})
            self.assert_refused(answer, "rate_limited", 429)
            self.assertEqual(self.attempt(self.alice).status_code, 201)

    def test_throttle_apps(self):
        with override_settings(AUTHENTICATION_BACKENDS=["tests.test_hooks.ThrottlingBackend"]):
            answer = self.attempt(self.alice)
            self.assert_refused(answer, "rate_limited", 429)
            self.assertEqual(answer.headers["Retry-After"], "12")
        with override_settings(AUTHENTICATION_BACKENDS=["tests.test_hooks.AxesBackend"]):
            self.assert_refused(self.attempt(self.alice), "account_locked", 423)
        with sidgate(SIGN_IN_CHECK=raises_ratelimited):
            self.assert_refused(self.attempt(self.alice), "rate_limited", 429)

    def test_backends_see_the_browser_s_address(self):
        with override_settings(AUTHENTICATION_BACKENDS=["tests.test_hooks.Seen"]):
            self.assert_refused(self.attempt(self.alice), "invalid_credentials")
        self.assertEqual(Seen.addresses, [("203.0.113.7", "alice@acme.test")])

    def test_the_username_may_be_anything(self):
        get_user_model().objects.create_user("frank1", "Frank@Acme.test", PASSWORD)
        for email in ("frank@acme.test", "Frank@Acme.test", "FRANK@ACME.TEST"):
            answer = self.call("POST", SESSIONS, {"email": email, "password": PASSWORD})
            self.assertEqual(answer.status_code, 201, email)

    def test_an_address_of_two_people_is_nobody_s(self):
        for name in ("frank1", "frank2"):
            get_user_model().objects.create_user(name, "frank@acme.test", PASSWORD)
        answer = self.call("POST", SESSIONS, {"email": "frank@acme.test", "password": PASSWORD})
        self.assert_refused(answer, "invalid_credentials")

    def test_one_hash_for_everybody(self):
        """Whether an account is there, or disabled, does not show in how long a wrong password takes."""
        disabled = person("frank@acme.test", "Frank", None)
        type(disabled).objects.filter(pk=disabled.pk).update(is_active=False)
        hashed = []
        hasher = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
        from unittest import mock

        from django.contrib.auth.hashers import MD5PasswordHasher

        encode = MD5PasswordHasher.encode

        def counted(self, *arguments):
            hashed.append(1)
            return encode(self, *arguments)

        for email in ("alice@acme.test", "frank@acme.test", "nobody@acme.test"):
            hashed.clear()
            with mock.patch(hasher, counted):
                self.call("POST", SESSIONS, {"email": email, "password": "wrong"})
            self.assertEqual(len(hashed), 1, email)

    def test_failures_are_in_the_trail_of_who_is_known(self):
        self.attempt(self.alice, "wrong")
        self.call("POST", SESSIONS, {"email": "nobody@acme.test", "password": "x"})
        event = Event.objects.get()
        self.assertEqual((event.kind, event.user, event.ip), ("sign_in_failed", self.alice, "203.0.113.7"))

    def test_last_login_is_kept(self):
        before = timezone.now()
        self.sign_in(self.alice)
        self.alice.refresh_from_db()
        self.assertGreaterEqual(self.alice.last_login, before)


def raises_ratelimited(request, email):
    raise Ratelimited


class Bodies(ContractCase):
    """Bounded, and never an error of ours."""

    def post(self, body, **headers):
        headers = {"X-Gateway-Key": "gateway key of the tests, long enough", **headers}
        return self.client.generic("POST", SESSIONS, body, "application/json", headers=headers)

    def test_413_for_what_is_too_large(self):
        big = '{"email": "' + "x" * 1024 * 1024 + '"}'
        self.assert_refused(self.post(big), "too_large", 413)
        with sidgate(MAX_BODY=10**9), override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1000):
            self.assert_refused(self.post(big), "too_large", 413)

    def test_400_for_what_no_database_takes(self):
        for body in (
            r'{"email": "a\u0000@acme.test", "password": "x"}',
            r'{"email": "\ud800@acme.test", "password": "x"}',
            r'{"email": "a@acme.test", "password": ["\udfff"]}',
            r'{"\u0000": 1}',
            "[" * 100_000,
            '{"email": ' + "1" * 5000 + "}",
        ):
            with self.subTest(body[:40]):
                self.assert_refused(self.post(body), "invalid_json", 400)
        self.assert_refused(self.post(r'{"email": "\\u0000@acme.test", "password": "x"}'), "invalid_credentials")

    def test_fields_are_bounded(self):
        for name in ("email", "password"):
            body = {"email": "alice@acme.test", "password": PASSWORD, name: "x" * 5000}
            self.assert_refused(self.call("POST", SESSIONS, body), "invalid_fields", 400)

    def test_headers_of_any_length_and_any_bytes(self):
        sid = self.call(
            "POST",
            SESSIONS,
            {"email": "alice@acme.test", "password": PASSWORD},
            **{"User-Agent": "é\x80" * 5000, "X-Client-Ip": "fe80::1%eth0", "X-Request-Id": "x" * 5000},
        ).json()["sid"]
        self.assertEqual(len(self.row(sid).user_agent), 400)

    def test_several_keys_while_the_key_is_being_changed(self):
        with sidgate(GATEWAY_KEYS=["the new key", "the old key"]):
            for key, status in (("the new key", 400), ("the old key", 400), ("another", 401), ("", 401)):
                self.assertEqual(self.call("GET", CURRENT, key=key).status_code, status)
        with sidgate(GATEWAY_KEYS=["", None]):
            self.assert_refused(self.call("GET", CURRENT, key=""), "gateway_key_invalid")

    def test_405_says_what_there_is_and_nothing_is_cached(self):
        answer = self.call("PATCH", CURRENT)
        self.assert_refused(answer, "method_not_allowed", 405)
        self.assertEqual(answer.headers["Allow"], "GET, DELETE")
        for one in (answer, self.call("GET", CURRENT), self.call("GET", CURRENT, sid=self.sign_in(self.alice))):
            self.assertEqual(one.headers["Cache-Control"], "no-store")
