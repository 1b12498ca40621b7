import stat
import tempfile
from io import StringIO
from pathlib import Path

from django.core.management import CommandError, call_command
from django.test import override_settings

from sidgate_django.models import Session

from .case import ContractCase


@override_settings(DEBUG=True)
class MakeTestSessions(ContractCase):
    def make(self, *arguments):
        out, err = StringIO(), StringIO()
        call_command("make_test_sessions", *arguments, stdout=out, stderr=err)
        return out.getvalue().split(), err.getvalue()

    def test_every_sid_is_good_and_its_users_in_turn(self):
        sids, said = self.make("5", "--user", "alice@acme.test", "--user", "bob@globex.test")
        self.assertEqual(len(set(sids)), 5)
        self.assertIn("made 5 sessions", said)
        users = [self.call("GET", "/api/sessions/current/", sid=sid).json()["user"]["name"] for sid in sids]
        self.assertEqual(users, ["Alice", "Bob", "Alice", "Bob", "Alice"])
        tenant = self.call("GET", "/api/sessions/current/", sid=sids[1]).json()["tenant"]
        self.assertEqual(tenant["slug"], "globex")

    def test_more_than_one_batch(self):
        sids, _ = self.make("2001")
        self.assertEqual(len(set(sids)), 2001)
        self.assertEqual(Session.objects.count(), 2001)

    def test_a_file_is_new_and_its_owners_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sids"
            sids, _ = self.make("3", "--out", str(path))
            self.assertEqual(sids, [])
            self.assertEqual(len(path.read_text().split()), 3)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            with self.assertRaisesMessage(CommandError, "File exists"):
                self.make("3", "--out", str(path))

    def test_clean_removes_these_and_no_others(self):
        own = self.sign_in(self.alice)
        self.make("3")
        self.make("--clean")
        self.assertEqual(list(Session.objects.all()), [self.row(own)])

    def test_a_database_with_real_people_is_asked_for_twice(self):
        with override_settings(DEBUG=False):
            for arguments in (["3"], ["3", "--confirm"], ["3", "--user", "alice@acme.test"]):
                with self.assertRaisesMessage(CommandError, "--confirm"):
                    self.make(*arguments)
            sids, _ = self.make("3", "--confirm", "--user", "alice@acme.test")
        self.assertEqual(len(sids), 3)

    def test_what_cannot_be_meant_is_said(self):
        for arguments, words in ((["0"], "from 1 to"), ([], "how many"), (["1", "--user", "nobody"], "nobody")):
            with self.assertRaisesMessage(CommandError, words):
                self.make(*arguments)
