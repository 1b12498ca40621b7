from datetime import timedelta

from django.test import Client
from django.utils import timezone

from sidgate_django.models import Event, Session

from .case import CURRENT, PASSWORD, SESSIONS, ContractCase, sidgate


class Keep(ContractCase):
    """`POST /api/sessions/migrate/` with `"keep":true`: the older session stays alive, as long as the new one does."""

    def migrate(self, old, keep=True, key="k"):
        """The sid of what a session of ours becomes."""
        answer = self.ask("session_id", old, key, **({} if keep is None else {"keep": keep}))
        self.assertEqual(answer.status_code, 201, answer.content)
        return answer.json()["sid"]

    def ask(self, kind, value, key="k", source="session_token", **more):
        body = {"proof": {"kind": kind, "value": value}, "source": source, "idempotency_key": key, **more}
        return self.call("POST", "/api/sessions/migrate/", body)

    def kept_pair(self):
        old = self.sign_in(self.alice)
        return old, self.migrate(old)

    def assert_both(self, pair, good):
        self.assertEqual([self.good(sid) for sid in pair], [good, good])

    def test_nobody_is_signed_out_when_the_gateway_is_taken_away_again(self):
        old, new = self.kept_pair()
        self.assertNotEqual(old, new)
        self.assert_both((old, new), True)

    def test_without_it_the_older_one_ends_in_the_same_breath(self):
        for number, keep in enumerate((None, False)):
            old = self.sign_in(self.alice)
            new = self.migrate(old, keep, f"k{number}")
            self.assertEqual([self.good(old), self.good(new)], [False, True])

    def test_it_is_true_or_false(self):
        old = self.sign_in(self.alice)
        for keep in ("true", 1, None, []):
            answer = self.ask("session_id", old, keep=keep)
            self.assert_refused(answer, "invalid_fields", 400)
            self.assertIn("keep", answer.json()["fields"])
        self.assertTrue(self.good(old))

    def test_one_proof_makes_one_session_once_all_the_same(self):
        old, _ = self.kept_pair()
        self.assert_refused(self.ask("session_id", old, "k2", keep=True), "proof_refused")

    def test_both_end_with_a_sign_out_whichever_sid_it_names(self):
        for which in (0, 1):
            Session.objects.all().delete()
            old = self.sign_in(self.alice)
            pair = old, self.migrate(old, key=f"k{which}")
            self.assertEqual(self.call("DELETE", CURRENT, sid=pair[which]).status_code, 204)
            self.assert_both(pair, False)
        self.assertEqual(Event.objects.filter(kind="sign_out").count(), 4)

    def test_a_sign_out_is_not_undone_by_the_older_one(self):
        old, new = self.kept_pair()
        self.call("DELETE", CURRENT, sid=new)
        for key in ("k", "k2"):
            self.assert_refused(self.ask("session_id", old, key, keep=True), "proof_refused")

    def test_both_end_with_a_revocation(self):
        for number, selector in enumerate(("sid_sha256", "user_id", "tenant_id", "all")):
            with self.subTest(selector):
                old = self.sign_in(self.alice)
                pair = old, self.migrate(old, key=f"k{number}")
                row = self.row(pair[1])
                value = {"sid_sha256": [row.sid_sha256], "all": True}.get(selector) or getattr(row, selector)
                answer = self.call("POST", "/api/sessions/revoke/", {selector: value})
                self.assertEqual(set(answer.json()["revoked"]), {str(row.public_id), self.public_id(old)})
                self.assert_both(pair, False)

    def test_both_end_when_another_browser_ends_them_or_signs_in_once_too_often(self):
        pair, here = self.kept_pair(), self.sign_in(self.alice)
        self.call("DELETE", f"{SESSIONS}by-public-id/{self.public_id(pair[1])}/", sid=here)
        self.assert_both(pair, False)
        old = self.sign_in(self.alice)
        pair = old, self.migrate(old, key="k2")
        with sidgate(SESSION_LIMIT=1):
            self.sign_in(self.alice)
        self.assert_both(pair, False)

    def test_both_end_when_the_account_is_disabled_or_the_password_is_another(self):
        pair = self.kept_pair()
        self.alice.set_password("another")
        self.alice.save()
        self.assert_both(pair, False)

    def test_whoever_ends_all_others_keeps_both(self):
        there, pair = self.sign_in(self.alice), self.kept_pair()
        answer = self.call("DELETE", f"{SESSIONS}?scope=others", sid=pair[1])
        self.assertEqual(answer.json(), {"revoked": [self.public_id(there)]})
        self.assert_both(pair, True)
        there = self.sign_in(self.alice)
        self.call("DELETE", f"{SESSIONS}?scope=others", sid=pair[0])
        self.assertFalse(self.good(there))
        self.assert_both(pair, True)

    def test_one_browser_is_one_device_and_takes_one_place(self):
        with sidgate(SESSION_LIMIT=2):
            there, pair = self.sign_in(self.alice), self.kept_pair()
            self.assertTrue(self.good(there), "nobody had to make room for it")
            for current in pair:
                sessions = self.call("GET", SESSIONS, sid=current).json()["sessions"]
                shown = {one["public_id"]: one["current"] for one in sessions}
                self.assertEqual(shown, {self.public_id(current): True, self.public_id(there): False})
        with sidgate(SESSION_LIMIT=2, SESSION_LIMIT_POLICY="deny"):
            self.assert_both(pair, True)
            self.assert_refused(self.attempt(self.alice), "session_limit", 409)

    def test_a_chain_of_them_is_one_sign_in(self):
        one, two = self.kept_pair()
        three = self.migrate(two, key="k2")
        self.call("DELETE", CURRENT, sid=three)
        self.assertEqual([self.good(sid) for sid in (one, two, three)], [False] * 3)

    @sidgate(SESSION_IDLE_LIFETIME=timedelta(minutes=30))
    def test_who_is_active_in_the_new_one_does_not_go_idle_in_the_older_one(self):
        old, new = self.kept_pair()
        begun = timezone.now() - timedelta(minutes=29)
        for sid in (old, new):
            self.change(sid, last_activity=begun, idle_expires_at=timezone.now() + timedelta(minutes=1))
        seen = {"public_id": self.public_id(new), "at": timezone.now().isoformat()}
        self.assertEqual(self.call("POST", f"{SESSIONS}activity/", {"seen": [seen]}).status_code, 204)
        self.assertGreater(self.row(old).idle_expires_at, timezone.now() + timedelta(minutes=29))
        self.assertEqual(self.row(old).idle_expires_at, self.row(new).idle_expires_at)

    def test_another_sid_of_the_new_one_changes_nothing(self):
        old, new = self.kept_pair()
        new = self.call("POST", f"{CURRENT}rotate/", sid=new).json()["sid"]
        self.assert_both((old, new), True)
        self.call("DELETE", CURRENT, sid=new)
        self.assertFalse(self.good(old))

    def test_the_older_one_outlives_the_row_of_the_new_one_only_when_that_was_no_end(self):
        old, new = self.kept_pair()
        self.row(new).delete()
        self.assertTrue(self.good(old))

    def test_djangos_own_session_stays_with_it_and_ends_without(self):
        for keep in (True, False):
            client = Client()
            client.login(username="alice@acme.test", password=PASSWORD)
            value = client.cookies["sessionid"].value
            answer = self.ask("opaque", value, f"k{keep}", source="sessionid", keep=keep)
            self.assertEqual(answer.status_code, 201)
            self.assertEqual(client.session.exists(value), keep)
