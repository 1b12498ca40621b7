from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from sidgate_django.models import Session, digest

from .case import CURRENT, SESSIONS, ContractCase


class DeviceCase(ContractCase):
    def setUp(self):
        self.here, self.there, self.bobs = (self.sign_in(user) for user in (self.alice, self.alice, self.bob))


class Devices(DeviceCase):
    def test_the_list_names_each_device_and_marks_this_one(self):
        """`GET /api/sessions/` -> 200 `{"sessions":[...]}` without sids, `current: true` on one."""
        ended = self.sign_in(self.alice)
        self.call("DELETE", CURRENT, sid=ended)
        expired = self.sign_in(self.alice)
        Session.objects.filter(sid_sha256=digest(expired)).update(expires_at=timezone.now())
        sessions = self.call("GET", SESSIONS, sid=self.here).json()["sessions"]
        current = {session["public_id"]: session["current"] for session in sessions}
        self.assertEqual(current, {self.public_id(self.here): True, self.public_id(self.there): False})
        slugs = {session["tenant"] and session["tenant"]["slug"] for session in sessions}
        self.assertEqual(slugs, {self.call("GET", CURRENT, sid=self.here).json()["tenant"]["slug"]})

    def test_one_device_ends(self):
        """`DELETE /api/sessions/by-public-id/{public_id}/` -> 200 `{"revoked":[public_id...]}`"""
        there = self.public_id(self.there)
        for _ in range(2):
            answer = self.call("DELETE", f"{SESSIONS}by-public-id/{there}/", sid=self.here)
            self.assertEqual((answer.status_code, answer.json()), (200, {"revoked": [there]}))
        self.assertEqual([self.good(self.here), self.good(self.there)], [True, False])

    def test_404_when_it_is_not_this_users(self):
        for public_id in (self.public_id(self.bobs), uuid4(), "x"):
            answer = self.call("DELETE", f"{SESSIONS}by-public-id/{public_id}/", sid=self.here)
            self.assert_refused(answer, "not_found", 404)
        self.assertTrue(self.good(self.bobs))

    def test_the_others_end(self):
        """`DELETE /api/sessions/?scope=others`"""
        answer = self.call("DELETE", f"{SESSIONS}?scope=others", sid=self.here)
        self.assertEqual(answer.json(), {"revoked": [self.public_id(self.there)]})
        self.assertEqual([self.good(s) for s in (self.here, self.there, self.bobs)], [True, False, True])

    def test_all_end(self):
        """`DELETE /api/sessions/?scope=all`"""
        answer = self.call("DELETE", f"{SESSIONS}?scope=all", sid=self.here)
        self.assertEqual(set(answer.json()["revoked"]), {self.public_id(self.here), self.public_id(self.there)})
        self.assertEqual([self.good(s) for s in (self.here, self.there, self.bobs)], [False, False, True])

    def test_no_scope_ends_nothing(self):
        for query in ("", "?scope=", "?scope=mine"):
            self.assert_refused(self.call("DELETE", SESSIONS + query, sid=self.here), "invalid_fields", 400)
        self.assertTrue(self.good(self.there))


class Revoke(DeviceCase):
    """`POST /api/sessions/revoke/` ... with `issued_before`: "the gateway's key only, no user credential"."""

    def revoke(self, **body):
        return self.call("POST", f"{SESSIONS}revoke/", body)

    def ended(self, **body):
        answer = self.revoke(**body)
        self.assertEqual(answer.status_code, 200, answer.content)
        names = {self.public_id(getattr(self, name)): name for name in ("here", "there", "bobs")}
        return {names[public_id] for public_id in answer.json()["revoked"]}

    def test_by_hash(self):
        self.assertEqual(self.ended(sid_sha256=[digest(self.there), digest("unknown")]), {"there"})
        self.assertEqual(self.ended(sid_sha256=[digest(self.there)]), set(), "ended before")
        self.assertEqual([self.good(self.here), self.good(self.there)], [True, False])

    def test_by_user(self):
        self.assertEqual(self.ended(user_id=str(self.alice.pk)), {"here", "there"})
        self.assertEqual(self.ended(user_id=self.bob.pk), {"bobs"})

    def test_by_tenant(self):
        self.assertEqual(self.ended(tenant_id=str(self.globex.pk)), {"bobs"})

    def test_all(self):
        self.assertEqual(self.ended(all=True), {"here", "there", "bobs"})

    def test_a_late_call_does_not_end_a_newer_sign_in(self):
        at = timezone.now()
        self.change(self.here, authenticated_at=at - timedelta(minutes=1))
        self.change(self.there, authenticated_at=at + timedelta(minutes=1))
        self.assertEqual(self.ended(user_id=str(self.alice.pk), issued_before=at.isoformat()), {"here"})

    def test_a_user_or_tenant_whom_nobody_knows_has_no_sessions(self):
        for body in (
            {"user_id": "alice"},
            {"user_id": 0},
            {"user_id": "9" * 60},
            {"tenant_id": "acme"},
            {"tenant_id": 7},
        ):
            with self.subTest(body=body):
                self.assertEqual(self.ended(**body), set())

    def test_400_for_anything_ambiguous(self):
        for body in (
            {},
            {"all": False},
            {"all": True, "user_id": "1"},
            {"user_id": None},
            {"user_id": True},
            {"tenant_id": ["acme"]},
            {"sid_sha256": "ab"},
            {"sid_sha256": ["ab"]},
            {"all": True, "issued_before": "yesterday"},
            {"all": True, "issued_before": "2026-01-01T00:00:00"},
            {"all": True, "issued_before": "0001-01-01T00:00:00+14:00"},
            {"all": True, "issued_before": "9999-12-31T23:59:59-14:00"},
        ):
            with self.subTest(body=body):
                self.assertEqual(self.revoke(**body).status_code, 400)
        self.assertTrue(self.good(self.here))
