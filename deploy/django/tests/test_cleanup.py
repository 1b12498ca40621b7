from datetime import timedelta
from io import StringIO

from django.core.management import CommandError, call_command
from django.utils import timezone

from sidgate_django.models import Challenge, Event, Session

from .case import CURRENT, ContractCase


class Cleanup(ContractCase):
    def setUp(self):
        old = timezone.now() - timedelta(days=40)
        self.live, self.recent, ended, expired, idle = (self.sign_in(self.alice) for _ in range(5))
        for sid in (self.recent, ended):
            self.call("DELETE", CURRENT, sid=sid)
        self.change(ended, revoked_at=old)
        self.change(expired, expires_at=old)
        self.change(idle, idle_expires_at=old)
        self.old, self.gone = old, {self.row(sid).public_id for sid in (ended, expired, idle)}
        Challenge.objects.create(user=self.alice, expires_at=old)

    def clean(self, *arguments):
        out = StringIO()
        call_command("cleanup_sessions", *arguments, stdout=out)
        return out.getvalue().splitlines()

    def test_what_ended_long_ago_goes_and_its_trail_stays(self):
        events = Event.objects.count()
        self.assertEqual(self.clean(), ["removed 3 sessions", "removed 1 challenges", "removed 0 used proofs"])
        left = {self.row(self.live).pk, self.row(self.recent).pk}
        self.assertEqual(set(Session.objects.values_list("pk", flat=True)), left)
        self.assertEqual(Event.objects.count(), events + 2, "nothing is lost, and two ends are told for the first time")
        told = Event.objects.filter(kind="expired")
        self.assertEqual(sorted(told.values_list("reason", flat=True)), ["session_expired", "session_idle"])
        self.assertEqual({(event.at, event.username) for event in told}, {(self.old, "alice@acme.test")})
        self.assertTrue(self.good(self.live))
        self.assertEqual(self.clean()[0], "removed 0 sessions")

    def test_in_batches(self):
        self.assertEqual(self.clean("--batch", "1")[0], "removed 3 sessions")

    def test_a_dry_run_removes_nothing(self):
        self.assertEqual(self.clean("--dry-run")[0], "would remove 3 sessions")
        self.assertEqual(Session.objects.count(), 5)

    def test_other_days(self):
        self.assertEqual(self.clean("--days", "50")[0], "removed 0 sessions")
        self.assertEqual(self.clean("--days", "0")[0], "removed 4 sessions")
        Event.objects.update(at=self.old)
        self.assertEqual(self.clean("--events-days", "50")[-1], "removed 0 events")
        self.clean("--events-days", "30")
        self.assertFalse(Event.objects.exists())

    def test_what_cannot_be_meant(self):
        for arguments in (["--days", "-1"], ["--batch", "0"], ["--events-days", "-1"]):
            with self.assertRaises(CommandError):
                self.clean(*arguments)
