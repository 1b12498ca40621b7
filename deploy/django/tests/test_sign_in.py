from unittest import mock
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model

from sidgate_django.challenge import EmailCode
from sidgate_django.models import Membership, Session

from .case import CURRENT, KEY, PASSWORD, SESSIONS, ContractCase, sidgate


class SignIn(ContractCase):
    """`POST /api/sessions/` `{"email","password"}` -> 201 session with `"sid"`."""

    def attempt(self, **body):
        return self.call("POST", SESSIONS, body)

    def test_201_with_a_sid_that_is_good(self):
        answer = self.attempt(email="alice@acme.test", password=PASSWORD)
        self.assertEqual(answer.status_code, 201)
        body = answer.json()
        sid = body.pop("sid")
        self.assertEqual(str(UUID(sid)), sid, "36 characters, canonical")
        self.assertEqual(self.call("GET", CURRENT, sid=sid).json(), body)

    def test_the_address_may_be_written_as_people_write(self):
        self.assertEqual(self.attempt(email=" Alice@ACME.test ", password=PASSWORD).status_code, 201)

    def test_401_invalid_credentials(self):
        self.assert_refused(self.attempt(email="alice@acme.test", password="wrong"), "invalid_credentials")
        self.assert_refused(self.attempt(email="nobody@acme.test", password=PASSWORD), "invalid_credentials")

    def test_403_account_disabled_but_only_after_the_right_password(self):
        self.alice.is_active = False
        self.alice.save()
        self.assert_refused(self.attempt(email="alice@acme.test", password=PASSWORD), "account_disabled", 403)
        self.assert_refused(self.attempt(email="alice@acme.test", password="wrong"), "invalid_credentials")

    def test_a_password_that_is_changed_while_it_is_verified_signs_nobody_in(self):
        for change in (lambda user: user.set_password("another"), lambda user: setattr(user, "is_active", False)):

            def changes(factor, user):
                same = get_user_model().objects.get(pk=user.pk)
                change(same)
                same.save()
                return False

            with mock.patch.object(EmailCode, "due", changes), sidgate(SECOND_FACTOR=EmailCode):
                self.assert_refused(self.attempt(email=self.alice.email, password=PASSWORD), "invalid_credentials")
            self.assertFalse(Session.objects.live().exists())
            self.alice.set_password(PASSWORD)
            self.alice.save()

    def test_400_field_errors(self):
        for body, fields in (
            ({}, {"email", "password"}),
            ({"email": "alice@acme.test"}, {"password"}),
            ({"email": 7, "password": " "}, {"email", "password"}),
        ):
            with self.subTest(body=body):
                answer = self.attempt(**body)
                self.assert_refused(answer, "invalid_fields", 400)
                self.assertEqual(set(answer.json()["fields"]), fields)

    def test_400_for_what_is_no_json_object(self):
        headers = {"X-Gateway-Key": KEY}
        for body in ("", "{", "[]", '"text"', b"\xff"):
            with self.subTest(body=body):
                answer = self.client.generic("POST", SESSIONS, body, "application/json", headers=headers)
                self.assert_refused(answer, "invalid_json", 400)
        self.assertFalse(Session.objects.exists())


class SignOut(ContractCase):
    """`DELETE /api/sessions/current/` -> 204, also for one already gone."""

    def test_204_every_time(self):
        sid = self.sign_in(self.alice)
        for _ in range(2):
            self.assertEqual(self.call("DELETE", CURRENT, sid=sid).status_code, 204)
        self.assertEqual(self.row(sid).revoked_reason, "signed_out")
        self.assertEqual(self.call("DELETE", CURRENT, sid=str(uuid4())).status_code, 204)
        self.assert_refused(self.call("GET", CURRENT, sid=sid), "session_revoked")


class Rotate(ContractCase):
    """`POST /api/sessions/current/rotate/` -> 200 session with a new `"sid"`."""

    def test_the_new_sid_is_good_and_the_old_one_is_not(self):
        old = self.sign_in(self.alice)
        before = self.call("GET", CURRENT, sid=old).json()
        answer = self.call("POST", f"{CURRENT}rotate/", sid=old)
        self.assertEqual(answer.status_code, 200)
        new = answer.json()["sid"]
        self.assertEqual(self.call("GET", CURRENT, sid=new).json(), before)
        self.assert_refused(self.call("GET", CURRENT, sid=old), "session_unknown")
        self.assert_refused(self.call("POST", f"{CURRENT}rotate/", sid=old), "session_unknown")

    def test_the_device_is_the_one_that_asks(self):
        old = self.sign_in(self.alice)
        asked = {"X-Client-Ip": "198.51.100.9", "User-Agent": "Browser/1"}
        new = self.call("POST", f"{CURRENT}rotate/", sid=old, **asked).json()
        self.assertEqual(new["device"], {"ip": "198.51.100.9", "user_agent": "Browser/1"})
        silent = self.call("POST", f"{CURRENT}rotate/", sid=new["sid"], **{"X-Client-Ip": "", "User-Agent": ""})
        self.assertEqual(silent.json()["device"], new["device"])


class SwitchTenant(ContractCase):
    """`POST /api/sessions/current/tenant/` `{"tenant_id"}` -> 200 session with a new `"sid"`."""

    def switch(self, sid, tenant_id):
        return self.call("POST", f"{CURRENT}tenant/", {"tenant_id": tenant_id}, sid)

    def test_a_member_switches(self):
        Membership.objects.create(user=self.alice, tenant=self.globex, role="guest")
        old = self.sign_in(self.alice)
        body = self.switch(old, str(self.globex.pk)).json()
        self.assertEqual((body["tenant"]["slug"], body["user"]["role"]), ("globex", "guest"))
        self.assertEqual(len(body["tenants"]), 2)
        self.assertEqual(self.call("GET", CURRENT, sid=body["sid"]).json()["tenant"]["slug"], "globex")
        self.assert_refused(self.call("GET", CURRENT, sid=old), "session_unknown")

    def test_403_not_a_member(self):
        sid = self.sign_in(self.alice)
        for tenant_id in (self.globex.pk, uuid4()):
            self.assert_refused(self.switch(sid, str(tenant_id)), "not_a_member", 403)
        for nonsense in ("globex", 7, None):
            self.assert_refused(self.switch(sid, nonsense), "invalid_fields", 400)
        self.assertEqual(self.call("GET", CURRENT, sid=sid).json()["tenant"]["slug"], "acme")
