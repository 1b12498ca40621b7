"""Removes what ended long ago. The trail stays, and says of each session how it ended."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ... import trail
from ...conf import settings
from ...models import BATCH, Challenge, Event, MigratedProof, Session
from ...models.event import Kind


class Command(BaseCommand):
    help = (
        "Removes sessions that ended (revoked, expired or idle) longer ago than SIDGATE['RETENTION'], and old "
        "challenges. The trail (events) stays, unless --events-days says otherwise. Run it once a day."
    )

    def add_arguments(self, parser):
        parser.add_argument("--days", type=int, metavar="N", help="instead of SIDGATE['RETENTION']")
        parser.add_argument("--events-days", type=int, metavar="N", help="remove the trail too, where it is older")
        parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"rows at a time (default: {BATCH})")
        parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and remove nothing")

    def handle(self, *, days, events_days, batch, dry_run, **options):
        if any(value is not None and value < 0 for value in (days, events_days)) or batch < 1:
            raise CommandError("days are from 0 on, and a batch from 1")
        now = timezone.now()
        before = now - (settings.RETENTION if days is None else timedelta(days=days))
        ended = Session.objects.filter(
            Q(revoked_at__lt=before) | Q(expires_at__lt=before) | Q(idle_expires_at__lt=before)
        )
        doomed = [("sessions", ended), ("challenges", Challenge.objects.filter(expires_at__lt=before))]
        # A repeat counts for a minute; that a proof was used must be known for as long as it could come again.
        proofs = now - max(now - before, settings.SESSION_LIFETIME, timedelta(days=365))
        doomed.append(("used proofs", MigratedProof.objects.filter(at__lt=proofs)))
        if events_days is not None:
            doomed.append(("events", Event.objects.filter(at__lt=now - timedelta(days=events_days))))
        for what, rows in doomed:
            count = rows.count() if dry_run else remove(rows, batch)
            self.stdout.write(f"{'would remove' if dry_run else 'removed'} {count} {what}")


def remove(rows, batch):
    """In small transactions, so that nobody who signs in meanwhile waits for long."""
    count = 0
    rows = rows.select_related("user") if rows.model is Session else rows
    while part := list(rows.order_by("pk")[:batch]):
        with transaction.atomic():
            if rows.model is Session:
                trail.record_all([expired(session) for session in part if session.revoked_at is None])
            rows.model.objects.filter(pk__in=[row.pk for row in part]).delete()
        count += len(part)
    return count


def expired(session):
    """What the trail has not heard yet: nobody was there when it happened."""
    idle = session.idle_expires_at is not None and session.idle_expires_at < session.expires_at
    at = session.idle_expires_at if idle else session.expires_at
    reason = "session_idle" if idle else "session_expired"
    return trail.described(Kind.EXPIRED, session=session, reason=reason, at=at)
