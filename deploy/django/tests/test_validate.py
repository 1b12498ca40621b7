from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sidgate_django.adapter import adapter
from sidgate_django.models import Membership, Session

from .case import AGENT, CURRENT, KEY, ContractCase


class Key(ContractCase):
    """The contract: The Django kit refuses every call without the key."""

    CALLS = [
        ("GET", CURRENT),
        ("DELETE", CURRENT),
        ("POST", "/api/sessions/current/rotate/"),
        ("POST", "/api/sessions/current/tenant/"),
        ("GET", "/api/sessions/"),
        ("POST", "/api/sessions/"),
        ("DELETE", "/api/sessions/?scope=all"),
        ("DELETE", f"/api/sessions/by-public-id/{uuid4()}/"),
        ("POST", "/api/sessions/revoke/"),
        ("POST", "/api/sessions/migrate/"),
        ("POST", "/api/sessions/activity/"),
        ("GET", f"/api/sessions/{uuid4()}/"),
        ("PATCH", CURRENT),
    ]

    def test_no_call_without_the_key(self):
        sid = self.sign_in(self.alice)
        for method, path in self.CALLS:
            for key in (None, "", "wrong", KEY + "ś"):
                with self.subTest(method=method, path=path, key=key):
                    self.assert_refused(self.call(method, path, {}, sid, key), "gateway_key_invalid")
        self.assertIsNone(self.row(sid).revoked_at)


class Validate(ContractCase):
    """`GET /api/sessions/current/` -> 200 session."""

    def test_the_session_in_the_contracts_shape(self):
        body = self.call("GET", CURRENT, sid=self.sign_in(self.alice)).json()
        acme = {"id": str(self.acme.pk), "slug": "acme", "name": "Acme"}
        times = [body.pop(name) for name in ("authenticated_at", "created_at", "last_activity", "expires_at")]
        self.assertTrue(all(datetime.fromisoformat(time).utcoffset() is not None for time in times))
        self.assertEqual(
            body,
            {
                "public_id": str(Session.objects.get().public_id),
                "user": {"id": str(self.alice.pk), "email": "alice@acme.test", "name": "Alice", "role": "owner"},
                "tenant": acme,
                "tenants": [acme],
                "onboarding": {"needed": False, "step": None},
                "permissions": ["invoices.view"],
                "idle_expires_at": None,
                "device": {"ip": "203.0.113.7", "user_agent": AGENT},
            },
        )

    def test_before_onboarding_there_is_no_tenant(self):
        body = self.call("GET", CURRENT, sid=self.sign_in(self.newbie)).json()
        self.assertIsNone(body["tenant"])
        self.assertEqual(body["tenants"], [])
        self.assertEqual(body["onboarding"], {"needed": True, "step": "company"})

    def test_the_same_by_path(self):
        sid = self.sign_in(self.alice)
        by_path = self.call("GET", f"/api/sessions/{sid}/")
        self.assertEqual(by_path.json(), self.call("GET", CURRENT, sid=sid).json())

    def test_one_read_and_no_write(self):
        """ "One validation costs one indexed query and no write", tenants, role and permissions included."""
        sid = self.sign_in(self.alice)
        Membership.objects.create(user=self.alice, tenant=self.globex, permissions=["a", {"b": ["c"]}])
        for path in (CURRENT, f"/api/sessions/{sid}/"):
            with CaptureQueriesContext(connection) as queries:
                body = self.call("GET", path, sid=sid).json()
            self.assertEqual(len(queries), 1, queries.captured_queries)
            self.assertTrue(queries[0]["sql"].startswith("SELECT"))
            self.assertEqual([tenant["slug"] for tenant in body["tenants"]], ["acme", "globex"])

    def test_that_query_finds_everything_by_an_index(self):
        sessions = adapter().sessions(Session.objects.select_related("user")).filter(sid_sha256="0" * 64).order_by()
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # With a handful of rows it would rather read them all.
                cursor.execute("SET LOCAL enable_seqscan = off")
            plan = sessions[:1].explain()
        self.assertNotRegex(plan, r"SCAN|Seq Scan", plan)
        self.assertIn("sid_sha256", plan)

    def test_the_sid_is_neither_stored_nor_repeated(self):
        sid = self.sign_in(self.alice)
        self.assertNotIn(sid, str(Session.objects.values().get()))
        for path in (CURRENT, "/api/sessions/"):
            self.assertNotIn(sid, self.call("GET", path, sid=sid).content.decode())

    def test_who_has_left_a_tenant_is_not_in_it_any_more(self):
        sid = self.sign_in(self.alice)
        Membership.objects.filter(user=self.alice).delete()
        body = self.call("GET", CURRENT, sid=sid).json()
        self.assertEqual((body["tenant"], body["permissions"]), (None, []))


class Refused(ContractCase):
    """The contract: Refused only when the backend says so in so many words: a JSON body with {"code": ...}."""

    def change(self, **fields):
        sid = self.sign_in(self.alice)
        Session.objects.update(**fields)
        return self.call("GET", CURRENT, sid=sid)

    def test_session_unknown(self):
        sid = self.sign_in(self.alice)
        for unknown in (str(uuid4()), sid.upper(), "nonsense", f"{sid} {sid}"):
            with self.subTest(unknown):
                self.assert_refused(self.call("GET", CURRENT, sid=unknown), "session_unknown")

    def test_session_revoked(self):
        self.assert_refused(self.change(revoked_at=timezone.now()), "session_revoked")

    def test_session_expired(self):
        self.assert_refused(self.change(expires_at=timezone.now()), "session_expired")

    def test_session_idle(self):
        self.assert_refused(self.change(idle_expires_at=timezone.now() - timedelta(seconds=1)), "session_idle")

    def test_account_disabled(self):
        sid = self.sign_in(self.alice)
        self.alice.is_active = False
        self.alice.save()
        self.assert_refused(self.call("GET", CURRENT, sid=sid), "account_disabled")

    def test_a_gateways_mistake_is_no_refusal(self):
        """The contract: Everything else is unavailable: ... a 401/403/404 without such a code."""
        self.assert_refused(self.call("GET", CURRENT), "credential_missing", 400)
        self.assertEqual(self.call("GET", "/api/sessions/curent/", sid=str(uuid4())).status_code, 404)
        self.assertEqual(self.call("PATCH", CURRENT, {}, str(uuid4())).status_code, 405)
