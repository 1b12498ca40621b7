"""What the tests of the contract share: a gateway that calls, and people to call about."""

import json

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import TestCase, override_settings

from sidgate_django.models import Membership, Onboarding, Session, Tenant, digest

PASSWORD = "correct horse"
AGENT = "Mozilla/5.0 (tests)"
KEY = settings.SIDGATE["GATEWAY_KEYS"]
CURRENT = "/api/sessions/current/"
SESSIONS = "/api/sessions/"


def sidgate(**changes):
    """`SIDGATE` with some keys changed."""
    return override_settings(SIDGATE={**settings.SIDGATE, **changes})


def make_people(case):
    case.acme = Tenant.objects.create(slug="acme", name="Acme")
    case.globex = Tenant.objects.create(slug="globex", name="Globex")
    case.alice = person("alice@acme.test", "Alice", case.acme)
    case.bob = person("bob@globex.test", "Bob", case.globex)
    case.newbie = person("newbie@example.test", "Newbie", None)
    Onboarding.objects.create(user=case.newbie, needed=True, step="company")


def person(email, name, tenant):
    user = get_user_model().objects.create_user(email, email, PASSWORD, first_name=name)
    if tenant:
        Membership.objects.create(user=user, tenant=tenant, role="owner", permissions=["invoices.view"])
    return user


class Calls:
    """The gateway's side, for any kind of test case."""

    def call(self, method, path, body=None, sid=None, key=KEY, **headers):
        headers = {"X-Client-Ip": "203.0.113.7", "User-Agent": AGENT, **headers}
        if key is not None:
            headers["X-Gateway-Key"] = key
        if sid is not None:
            headers["Authorization"] = f"Session {sid}"
        data = "" if body is None else json.dumps(body)
        return self.client.generic(method, path, data, "application/json", headers=headers)

    def attempt(self, user, password=PASSWORD, **more):
        return self.call("POST", SESSIONS, {"email": user.email, "password": password, **more})

    def sign_in(self, user):
        """A sid of a new session."""
        answer = self.attempt(user)
        self.assertEqual(answer.status_code, 201, answer.content)
        return answer.json()["sid"]

    def row(self, sid):
        return Session.objects.get(sid_sha256=digest(sid))

    def change(self, sid, **fields):
        Session.objects.filter(sid_sha256=digest(sid)).update(**fields)

    def public_id(self, sid):
        return str(self.row(sid).public_id)

    def good(self, sid):
        return self.call("GET", CURRENT, sid=sid).status_code == 200

    def assert_refused(self, answer, code, status=401):
        self.assertEqual((answer.status_code, answer.json()["code"]), (status, code))


class ContractCase(Calls, TestCase):
    @classmethod
    def setUpTestData(cls):
        make_people(cls)
