"""What the tests of the contract share: a gateway that calls, and people to call about."""

import json

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import TestCase

from sessions_v1.models import Membership, Onboarding, Session, Tenant
from sessions_v1.store import digest

PASSWORD = "correct horse"
AGENT = "Mozilla/5.0 (tests)"


class ContractCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.acme = Tenant.objects.create(slug="acme", name="Acme")
        cls.globex = Tenant.objects.create(slug="globex", name="Globex")
        cls.alice = person("alice@acme.test", "Alice", cls.acme)
        cls.bob = person("bob@globex.test", "Bob", cls.globex)
        cls.newbie = person("newbie@example.test", "Newbie", None)
        Onboarding.objects.create(user=cls.newbie, needed=True, step="company")

    def call(self, method, path, body=None, sid=None, key=settings.GATEWAY_KEY, **headers):
        headers = {"X-Client-Ip": "203.0.113.7", "User-Agent": AGENT, **headers}
        if key is not None:
            headers["X-Gateway-Key"] = key
        if sid is not None:
            headers["Authorization"] = f"Session {sid}"
        data = "" if body is None else json.dumps(body)
        return self.client.generic(method, path, data, "application/json", headers=headers)

    def sign_in(self, user):
        """A sid of a new session."""
        answer = self.call("POST", "/api/sessions/", {"email": user.email, "password": PASSWORD})
        self.assertEqual(answer.status_code, 201, answer.content)
        return answer.json()["sid"]

    def row(self, sid):
        return Session.objects.get(sid_sha256=digest(sid))

    def assert_refused(self, answer, code, status=401):
        self.assertEqual((answer.status_code, answer.json()["code"]), (status, code))


def person(email, name, tenant):
    user = get_user_model().objects.create_user(email, email, PASSWORD, first_name=name)
    if tenant:
        Membership.objects.create(user=user, tenant=tenant, role="owner", permissions=["invoices.view"])
    return user
