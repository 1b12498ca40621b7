"""What the tests of the demo share. The kit's own tests are in deploy/django/tests."""

import json
from contextlib import contextmanager
from unittest.mock import patch

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import TestCase, override_settings
from sidgate_django import introspection
from sidgate_django.models import Membership, Onboarding, Tenant

PASSWORD = "correct horse"
CURRENT = "/api/sessions/current/"


class DemoCase(TestCase):
    @classmethod
    def setUpTestData(cls):
        for email, name, slug in (("alice@acme.test", "Alice", "acme"), ("bob@globex.test", "Bob", "globex")):
            user = person(email, name)
            tenant = Tenant.objects.create(slug=slug, name=slug.title())
            Membership.objects.create(user=user, tenant=tenant, role="owner", permissions=["invoices.view"])
        cls.newbie = person("newbie@example.test", "Newbie")
        Onboarding.objects.create(user=cls.newbie, needed=True, step="company")

    def call(self, method, path, body=None, sid=None, key=settings.SIDGATE["GATEWAY_KEYS"], **headers):
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

    def assert_refused(self, answer, code, status=401):
        self.assertEqual((answer.status_code, answer.json()["code"]), (status, code))


def person(email, name):
    return get_user_model().objects.create_user(email, email, PASSWORD, first_name=name)


@contextmanager
def identity_provider(auth_time=None, **emails):
    """Vouches for these addresses by token. How a real one is asked is tested with the kit."""
    provider = {"url": "http://127.0.0.1:1/introspect", "client_id": "sidgate-demo", "client_secret": "secret"}

    def introspect(_, token):
        known = token in emails
        claims = {"active": known, "client_id": "sidgate-demo", "email": emails.get(token), "email_verified": known}
        return claims | ({"auth_time": auth_time} if auth_time else {})

    with override_settings(SIDGATE={**settings.SIDGATE, "INTROSPECTION": provider}):
        with patch.object(introspection, "introspect", introspect):
            yield
