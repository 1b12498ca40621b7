from datetime import timedelta
from uuid import UUID, uuid4

from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from sidgate_django.models import Event, MigratedProof, Session
from sidgate_django.proofs import Proof, django_session

from .case import CURRENT, PASSWORD, ContractCase, sidgate


def verified(value, source, request):
    """A token of these tests: somebody's address."""
    user = get_user_model().objects.filter(email=value).first()
    return Proof(user) if user else None


def slowly(value, source, request):
    """Verified, and then the person changes the password before there is a session."""
    proof = django_session(value, source, request)
    user = get_user_model().objects.get(pk=proof.user.pk)
    user.set_password("another")
    user.save()
    return proof


class Migrate(ContractCase):
    """`POST /api/sessions/migrate/` -> 201 (200 for a repeat of the key) session with `"sid"`, always a fresh one."""

    def ask(self, kind, value, key, source="session_token"):
        body = {"proof": {"kind": kind, "value": value}, "source": source, "idempotency_key": key}
        return self.call("POST", "/api/sessions/migrate/", body)

    def assert_no(self, answer):
        self.assert_refused(answer, "proof_refused")

    def test_a_sid_of_ours_in_another_cookie_is_continued_under_a_fresh_one(self):
        old = self.sign_in(self.alice)
        yesterday = timezone.now() - timedelta(days=1)
        self.change(old, authenticated_at=yesterday, expires_at=yesterday + timedelta(days=2))
        answer = self.ask("session_id", old, "k")
        body = answer.json()
        self.assertEqual((answer.status_code, str(UUID(body["sid"]))), (201, body["sid"]))
        self.assertNotEqual(body["sid"], old)
        self.assertEqual(body["authenticated_at"], yesterday.isoformat(), "it is no sign-in")
        self.assertEqual(body["expires_at"], (yesterday + timedelta(days=2)).isoformat())
        self.assertTrue(self.good(body["sid"]))
        self.assert_refused(self.call("GET", CURRENT, sid=old), "session_revoked")

    def test_who_names_a_verifier_of_one_kind_keeps_those_of_the_others(self):
        old = self.sign_in(self.alice)
        with sidgate(PROOFS={"opaque": "tests.test_migrate.verified"}):
            self.assertEqual(self.ask("session_id", old, "k").status_code, 201)
        with sidgate(PROOFS={"session_id": None}):
            self.assert_no(self.ask("session_id", self.sign_in(self.alice), "k2"))

    def test_200_with_the_same_sid_for_a_repeat_of_the_key(self):
        old = self.sign_in(self.alice)
        first = self.ask("session_id", old, "k")
        again = self.ask("session_id", old, "k")
        self.assertEqual((again.status_code, again.json()), (200, first.json()))

    def test_one_proof_makes_one_session_once(self):
        old, other = self.sign_in(self.alice), self.sign_in(self.bob)
        fresh = self.ask("session_id", old, "k").json()["sid"]
        self.assert_no(self.ask("session_id", old, "k2"))
        self.assert_no(self.ask("session_id", other, "k"))
        MigratedProof.objects.update(at=timezone.now() - timedelta(seconds=61))
        self.assert_no(self.ask("session_id", old, "k"))
        self.assertTrue(self.good(fresh) and self.good(other))

    def test_a_repeat_does_not_bring_a_signed_out_session_back(self):
        old = self.sign_in(self.alice)
        self.call("DELETE", CURRENT, sid=self.ask("session_id", old, "k").json()["sid"])
        self.assert_no(self.ask("session_id", old, "k"))

    def test_401_proof_refused(self):
        old = self.sign_in(self.alice)
        ended = self.sign_in(self.alice)
        self.call("DELETE", CURRENT, sid=ended)
        for number, (kind, value) in enumerate(
            (
                ("session_id", str(uuid4())),
                ("session_id", ended),
                ("session_id", old.upper()),
                ("access_token", "x"),
                ("opaque", "x"),
                ("opaque", "../../etc/passwd"),
                ("magic", "x"),
            )
        ):
            with self.subTest(kind=kind, value=value):
                self.assert_no(self.ask(kind, value, f"k{number}"))
        self.assertEqual(Event.objects.filter(kind="migration_refused").count(), 7)
        self.assertTrue(self.good(old))

    def test_djangos_own_session_is_a_proof_until_the_password_changes(self):
        client = Client()
        self.assertTrue(client.login(username="alice@acme.test", password=PASSWORD))
        value = client.cookies["sessionid"].value
        self.assert_no(self.ask("opaque", value, "k0", source="another cookie"))
        body = self.ask("opaque", value, "k1", source="sessionid").json()
        self.assertEqual(body["user"]["email"], "alice@acme.test")
        client.login(username="alice@acme.test", password=PASSWORD)
        self.alice.refresh_from_db()
        self.alice.set_password("another")
        self.alice.save()
        self.assert_no(self.ask("opaque", client.cookies["sessionid"].value, "k2", source="sessionid"))

    def test_a_password_that_is_changed_meanwhile_ends_it_too(self):
        client = Client()
        client.login(username="alice@acme.test", password=PASSWORD)
        value = client.cookies["sessionid"].value
        with sidgate(PROOFS={"opaque": "tests.test_migrate.slowly"}):
            self.assert_no(self.ask("opaque", value, "k", source="sessionid"))
        self.assertEqual(Session.objects.count(), 0)

    def test_no_room_for_one_more_is_a_refusal_and_no_outage(self):
        with sidgate(PROOFS={"opaque": "tests.test_migrate.verified"}, SESSION_LIMIT=1, SESSION_LIMIT_POLICY="deny"):
            sid = self.sign_in(self.alice)
            self.assert_no(self.ask("opaque", "alice@acme.test", "k"))
            self.assertEqual(Event.objects.get(kind="migration_refused").reason, "session_limit")
            self.call("DELETE", CURRENT, sid=sid)
            self.assertEqual(self.ask("opaque", "alice@acme.test", "k").status_code, 201, "it was not used up")

    def test_a_verifier_of_the_projects_own(self):
        with sidgate(PROOFS={"opaque": "tests.test_migrate.verified", "session_id": None}):
            body = self.ask("opaque", "alice@acme.test", "k").json()
            self.assertEqual(body["tenant"]["slug"], "acme")
            self.assert_no(self.ask("opaque", "nobody@acme.test", "k2"))
            self.assert_no(self.ask("session_id", body["sid"], "k3"))
            self.alice.is_active = False
            self.alice.save()
            self.assert_no(self.ask("opaque", "alice@acme.test ", "k4"))

    def test_a_migration_is_no_fresh_sign_in(self):
        with sidgate(PROOFS={"opaque": "tests.test_migrate.verified"}):
            long_ago = timezone.now() - timedelta(days=9)
            get_user_model().objects.update(last_login=long_ago)
            body = self.ask("opaque", "alice@acme.test", "k").json()
            self.assertEqual(body["authenticated_at"], long_ago.isoformat())

    def test_nor_does_the_sign_in_of_another_browser_make_it_one(self):
        client = Client()
        client.login(username="alice@acme.test", password=PASSWORD)
        joined = timezone.now() - timedelta(days=400)
        get_user_model().objects.update(date_joined=joined)
        # Sets last_login, of everybody who is this person.
        self.sign_in(self.alice)
        body = self.ask("opaque", client.cookies["sessionid"].value, "k", source="sessionid").json()
        self.assertEqual(body["authenticated_at"], joined.isoformat())

    def test_what_is_kept_is_no_secret(self):
        old = self.sign_in(self.alice)
        sid = self.ask("session_id", old, "the key").json()["sid"]
        kept = str(list(MigratedProof.objects.values())) + str(list(Session.objects.values()))
        for secret in (old, sid, "the key"):
            self.assertNotIn(secret, kept)

    def test_another_key_of_django_makes_another_sid(self):
        old = self.sign_in(self.alice)
        with sidgate(MIGRATION_KEY="another"):
            one = self.ask("session_id", old, "k").json()["sid"]
        MigratedProof.objects.all().delete()
        self.assertNotEqual(self.ask("session_id", one, "k").json()["sid"], one)

    def test_400_for_what_is_missing(self):
        for body in ({}, {"proof": "x"}, {"proof": {"kind": "opaque"}}, {"proof": {"kind": "opaque", "value": "x"}}):
            self.assert_refused(self.call("POST", "/api/sessions/migrate/", body), "invalid_fields", 400)
