from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sidgate_django.models import Session

from .case import CURRENT, ContractCase, sidgate


class Activity(ContractCase):
    """`POST /api/sessions/activity/` `{"seen":[{"public_id","at","ip","user_agent"}]}` -> 204."""

    def setUp(self):
        self.sid = self.sign_in(self.alice)
        self.began = timezone.now() - timedelta(minutes=5)
        Session.objects.update(last_activity=self.began)

    def report(self, *entries):
        answer = self.call("POST", "/api/sessions/activity/", {"seen": list(entries)})
        self.assertEqual((answer.status_code, answer.content), (204, b""))

    def seen(self, at, sid=None, **more):
        return {"public_id": self.public_id(sid or self.sid), "at": at.isoformat(), **more}

    def test_the_next_validation_tells_it(self):
        at = self.began + timedelta(minutes=1)
        self.report(self.seen(at, ip="198.51.100.1", user_agent="Browser/2"))
        body = self.call("GET", CURRENT, sid=self.sid).json()
        self.assertEqual(body["last_activity"], at.isoformat())
        self.assertEqual(body["device"], {"ip": "198.51.100.1", "user_agent": "Browser/2"})

    def test_never_backwards_and_the_newest_of_a_batch_counts(self):
        at = self.began + timedelta(minutes=1)
        self.report(self.seen(at, ip="198.51.100.1"), self.seen(self.began - timedelta(days=1), ip="198.51.100.2"))
        self.report(self.seen(self.began, ip="198.51.100.3"))
        row = self.row(self.sid)
        self.assertEqual((row.last_activity, row.ip), (at, "198.51.100.1"))

    def test_a_clock_that_is_ahead_counts_as_now(self):
        self.report(self.seen(timezone.now() + timedelta(days=300)))
        self.assertLessEqual(self.row(self.sid).last_activity, timezone.now())

    def test_what_is_unknown_or_malformed_costs_the_others_nothing(self):
        at = self.began + timedelta(minutes=1)
        good = self.seen(at, ip="no address", user_agent=7)
        bad = [None, 7, {}, {"public_id": "x", "at": "y"}, {"public_id": str(uuid4()), "at": at.isoformat()}]
        bad += [self.seen(at) | {"at": text} for text in ("", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", 7)]
        self.report(*bad, good, *bad)
        row = self.row(self.sid)
        self.assertEqual((row.last_activity, row.ip), (at, "203.0.113.7"))

    def test_three_queries_for_many_sessions(self):
        sids = [self.sign_in(self.alice) for _ in range(20)]
        Session.objects.update(last_activity=self.began)
        entries = [self.seen(self.began + timedelta(minutes=1), sid) for sid in sids]
        with CaptureQueriesContext(connection) as queries:
            self.report(*entries)
        statements = [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"] and "1 = 0" not in q["sql"]]
        self.assertEqual(len(statements), 3, statements)

    def test_an_idle_session_lives_as_long_as_it_is_used_and_no_longer_than_its_time(self):
        with sidgate(SESSION_IDLE_LIFETIME=timedelta(minutes=10)):
            Session.objects.update(idle_expires_at=self.began + timedelta(minutes=10))
            at = self.began + timedelta(minutes=4)
            self.report(self.seen(at))
            self.assertEqual(self.row(self.sid).idle_expires_at, at + timedelta(minutes=10))
            # Late news of somebody who was there in time, and of somebody who was not.
            Session.objects.update(last_activity=self.began, idle_expires_at=self.began + timedelta(minutes=1))
            self.report(self.seen(self.began + timedelta(minutes=2)))
            self.assertFalse(self.good(self.sid))
            self.report(self.seen(self.began + timedelta(seconds=50)))
            self.assertTrue(self.good(self.sid))
            self.change(self.sid, expires_at=self.began + timedelta(seconds=55))
            self.report(self.seen(timezone.now()))
            self.assert_refused(self.call("GET", CURRENT, sid=self.sid), "session_expired")

    def test_an_ended_session_is_not_touched(self):
        self.call("DELETE", CURRENT, sid=self.sid)
        self.report(self.seen(self.began + timedelta(minutes=1)))
        self.assertEqual(self.row(self.sid).last_activity, self.began)

    def test_400_without_a_list(self):
        for body in ({}, {"seen": {}}, {"seen": None}):
            self.assert_refused(self.call("POST", "/api/sessions/activity/", body), "invalid_fields", 400)
