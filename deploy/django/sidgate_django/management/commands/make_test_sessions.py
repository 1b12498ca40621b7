"""Sessions for load tests, made past the sign-in: hashing a password for each would take longer than the test."""

import os
from itertools import cycle, islice

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from ... import store
from ...adapter import adapter
from ...models import BATCH, Session, digest

# What they are known by afterwards: nobody's browser says this.
MARK = "sidgate make_test_sessions"
MOST = 1_000_000


class Command(BaseCommand):
    help = (
        "Makes N sessions for a load test and writes their sids, one per line: each is a credential for its user. "
        "--clean removes all that were ever made like this."
    )

    def add_arguments(self, parser):
        parser.add_argument("count", metavar="N", type=int, nargs="?", help=f"how many; {MOST} at most")
        parser.add_argument(
            "--user",
            action="append",
            metavar="USERNAME",
            help="whose; may be given several times (default: all active users)",
        )
        parser.add_argument("--out", metavar="FILE", help="a new file, readable by its owner only (default: stdout)")
        parser.add_argument("--clean", action="store_true", help="remove the sessions that this command has made")
        parser.add_argument(
            "--confirm", action="store_true", help="yes, on this database, although DEBUG is off: --user is needed too"
        )

    def handle(self, *, count, user, out, clean, confirm, **options):
        if clean:
            removed, _ = Session.objects.filter(user_agent=MARK).delete()
            self.stderr.write(f"removed {removed} test sessions")
        if count is None:
            if not clean:
                raise CommandError("how many? For example: make_test_sessions 1000 --out sids")
            return
        if not 0 < count <= MOST:
            raise CommandError(f"N must be from 1 to {MOST}")
        if not settings.DEBUG and not (confirm and user):
            raise CommandError(
                "DEBUG is off, so this may be a database with real people in it. Name the users whose sessions may be "
                "made (--user) and add --confirm."
            )
        write_sids(made(count, people(user)), out, self.stdout)
        self.stderr.write(f"made {count} sessions; remove them with: make_test_sessions --clean")


def people(names):
    users = get_user_model().objects.filter(is_active=True).order_by("pk")
    if names:
        users = users.filter(**{f"{get_user_model().USERNAME_FIELD}__in": names})
        missing = set(names) - {user.get_username() for user in users}
        if missing:
            raise CommandError(f"there is no active user {', '.join(sorted(missing))}")
    if not users:
        raise CommandError("there is no active user to make sessions for")
    return [(user, first_tenant(user)) for user in users]


def first_tenant(user):
    tenants = adapter().tenants(user)
    return tenants[0].id if tenants else ""


def made(count, owners):
    """The sids, after their sessions are in the database."""
    left = islice(cycle(owners), count)
    while batch := list(islice(left, BATCH)):
        sids = [store.new_sid() for _ in batch]
        Session.objects.bulk_create(
            Session(
                sid_sha256=digest(sid), user=user, tenant_id=tenant, source="test", user_agent=MARK, **store.lifetime()
            )
            for sid, (user, tenant) in zip(sids, batch, strict=True)
        )
        yield from sids


def write_sids(sids, path, stdout):
    if path is None:
        for sid in sids:
            stdout.write(sid)
        return
    try:
        # New, so that nobody who holds the file open reads along.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from None
    with open(handle, "w") as file:
        for sid in sids:
            file.write(sid + "\n")
