from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone

from sidgate_django.models import Event, Session

from .case import CURRENT, SESSIONS, Calls, ContractCase, make_people, sidgate


@sidgate(SESSION_LIMIT=2)
class EvictOldest(ContractCase):
    """At most N sessions per user; a sign-in beyond them ends the oldest."""

    def test_the_oldest_is_told_why(self):
        one, two = self.sign_in(self.alice), self.sign_in(self.alice)
        evicted = self.public_id(one)
        answer = self.attempt(self.alice).json()
        self.assertEqual(answer["evicted"], [evicted])
        self.assert_refused(self.call("GET", CURRENT, sid=one), "session_limit")
        self.assertTrue(self.good(two) and self.good(answer["sid"]))
        self.assertEqual(Event.objects.get(reason="session_limit").session_id, self.row(one).public_id)

    def test_only_live_sessions_of_the_same_user_count(self):
        one = self.sign_in(self.alice)
        for user in (self.bob, self.bob):
            self.sign_in(user)
        expired, ended = self.sign_in(self.alice), self.sign_in(self.alice)
        one = self.sign_in(self.alice)
        self.change(expired, expires_at=timezone.now())
        self.call("DELETE", CURRENT, sid=ended)
        two = self.sign_in(self.alice)
        self.assertTrue(self.good(one) and self.good(two))

    def test_a_lowered_limit_holds_from_the_next_sign_in_on(self):
        with sidgate(SESSION_LIMIT=None):
            sids = [self.sign_in(self.alice) for _ in range(5)]
        self.assertEqual(sum(map(self.good, sids)), 5)
        self.sign_in(self.alice)
        self.assertEqual([self.good(sid) for sid in sids], [False] * 4 + [True])

    def test_the_browser_s_own_old_session_makes_room_first(self):
        other, here = self.sign_in(self.alice), self.sign_in(self.alice)
        body = {"email": self.alice.email, "password": "correct horse"}
        answer = self.call("POST", SESSIONS, body, sid=here)
        self.assertNotIn("evicted", answer.json())
        self.assertEqual([self.good(sid) for sid in (other, here, answer.json()["sid"])], [True, False, True])

    def test_so_it_does_by_its_public_id_which_is_how_the_gateway_names_it(self):
        other, here = self.sign_in(self.alice), self.sign_in(self.alice)
        body = {"email": self.alice.email, "password": "correct horse", "replaces": self.public_id(here)}
        answer = self.call("POST", SESSIONS, body)
        self.assertNotIn("evicted", answer.json())
        self.assertEqual([self.good(sid) for sid in (other, here, answer.json()["sid"])], [True, False, True])

    def test_a_rotation_takes_no_room(self):
        one, two = self.sign_in(self.alice), self.sign_in(self.alice)
        two = self.call("POST", f"{CURRENT}rotate/", sid=two).json()["sid"]
        self.assertTrue(self.good(one) and self.good(two))


@sidgate(SESSION_LIMIT=2, SESSION_LIMIT_POLICY="deny")
class Deny(ContractCase):
    def test_409_until_one_has_ended(self):
        one, _ = self.sign_in(self.alice), self.sign_in(self.alice)
        self.assert_refused(self.attempt(self.alice), "session_limit", 409)
        self.assert_refused(self.attempt(self.alice, "wrong"), "invalid_credentials")
        self.call("DELETE", CURRENT, sid=one)
        self.assertEqual(self.attempt(self.alice).status_code, 201)

    def test_the_same_browser_may_sign_in_again(self):
        here, _ = self.sign_in(self.alice), self.sign_in(self.alice)
        body = {"email": self.alice.email, "password": "correct horse"}
        self.assertEqual(self.call("POST", SESSIONS, body, sid=here).status_code, 201)

    def test_a_public_id_of_somebody_else_or_none_makes_no_room(self):
        bobs = self.sign_in(self.bob)
        self.sign_in(self.alice), self.sign_in(self.alice)
        for replaces in (self.public_id(bobs), "x", 7, None, ["y"]):
            body = {"email": self.alice.email, "password": "correct horse", "replaces": replaces}
            self.assert_refused(self.call("POST", SESSIONS, body), "session_limit", 409)
        self.assertTrue(self.good(bobs))

    def test_a_sid_of_somebody_else_makes_no_room(self):
        bobs = self.sign_in(self.bob)
        self.sign_in(self.alice), self.sign_in(self.alice)
        body = {"email": self.alice.email, "password": "correct horse"}
        self.assert_refused(self.call("POST", SESSIONS, body, sid=bobs), "session_limit", 409)
        self.assertTrue(self.good(bobs))


class Lifetimes(ContractCase):
    def test_absolute_and_idle(self):
        with sidgate(SESSION_LIFETIME=timedelta(hours=8), SESSION_IDLE_LIFETIME=timedelta(minutes=15)):
            before = timezone.now()
            row = self.row(self.sign_in(self.alice))
        self.assertAlmostEqual(row.expires_at, before + timedelta(hours=8), delta=timedelta(seconds=10))
        self.assertAlmostEqual(row.idle_expires_at, before + timedelta(minutes=15), delta=timedelta(seconds=10))


class AtTheSameMoment(Calls, TransactionTestCase):
    """Two that begin at once do not both believe that there is room."""

    def setUp(self):
        make_people(self)

    def all_at_once(self, count, call):
        def one(number):
            try:
                return call(number)
            finally:
                connection.close()

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(one, range(count)))

    def test_parallel_sign_ins_keep_to_the_limit(self):
        for policy, statuses in (("evict_oldest", [201] * 8), ("deny", [201] * 3 + [409] * 5)):
            Session.objects.all().delete()
            with self.subTest(policy), sidgate(SESSION_LIMIT=3, SESSION_LIMIT_POLICY=policy):
                answers = self.all_at_once(8, lambda _: self.attempt(self.alice))
                self.assertEqual(sorted(answer.status_code for answer in answers), statuses)
                self.assertEqual(Session.objects.live().count(), 3)

    def test_of_two_rotations_of_one_sid_one_wins(self):
        sid = self.sign_in(self.alice)
        answers = self.all_at_once(6, lambda _: self.call("POST", f"{CURRENT}rotate/", sid=sid))
        self.assertEqual(sorted(answer.status_code for answer in answers), [200] + [401] * 5)

    def test_parallel_migrations_of_one_proof_make_one_session(self):
        old = self.sign_in(self.alice)
        body = {"proof": {"kind": "session_id", "value": old}, "source": "session_token", "idempotency_key": "k"}
        answers = self.all_at_once(8, lambda _: self.call("POST", "/api/sessions/migrate/", body))
        made = [answer for answer in answers if answer.status_code in (200, 201)]
        self.assertEqual(len({answer.json()["sid"] for answer in made}), 1)
        self.assertEqual([answer.status_code for answer in answers].count(201), 1)
        self.assertEqual(len(made), 8, [answer.content for answer in answers])
        self.assertEqual(Session.objects.live().count(), 1)

    def test_parallel_batches_of_activity_never_go_backwards(self):
        sids = [self.sign_in(self.alice) for _ in range(5)]
        began = timezone.now() - timedelta(hours=1)
        Session.objects.update(last_activity=began)
        ids = [self.public_id(sid) for sid in sids]

        def report(number):
            at = (began + timedelta(minutes=number + 1)).isoformat()
            seen = [{"public_id": public_id, "at": at} for public_id in ids[number % 5 :] + ids[: number % 5]]
            return self.call("POST", "/api/sessions/activity/", {"seen": seen})

        self.assertEqual({answer.status_code for answer in self.all_at_once(8, report)}, {204})
        newest = began + timedelta(minutes=8)
        self.assertEqual(set(Session.objects.values_list("last_activity", flat=True)), {newest})
