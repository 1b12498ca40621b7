"""What a session is. The sid itself is in answers and in the browser, never here."""

import hashlib
import uuid

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from .device import USER_AGENT_MAX, Device

# Databases bound how many values one statement may name.
BATCH = 500


def digest(sid):
    """What of a sid is stored: the hex SHA-256 of its characters."""
    return hashlib.sha256(sid.encode()).hexdigest()


class Ended(models.TextChoices):
    """Why a session was ended. What the browser is told is in `Session.refusal`."""

    SIGNED_OUT = "signed_out"
    BY_USER = "ended_by_user"
    BY_OPERATOR = "ended_by_operator"
    REVOKED = "revoked"
    REPLACED = "replaced", "replaced by a new sign-in"
    LIMIT = "session_limit", "too many sessions"
    PASSWORD = "password_changed"
    DISABLED = "account_disabled"
    MIGRATED = "migrated"


class Sessions(models.QuerySet):
    def live(self, now=None):
        now = now or timezone.now()
        idle = Q(idle_expires_at=None) | Q(idle_expires_at__gt=now)
        return self.filter(idle, revoked_at=None, expires_at__gt=now)

    def of_browsers(self):
        """Without those that were kept beside a successor: a browser has one."""
        return self.filter(successor=None)

    def apart_from(self, session):
        """Without a session, and without what is the same browser's: what it succeeded, or was succeeded by."""
        root = session.successor_id or session.pk
        return self.exclude(pk=root).exclude(successor_id=root)

    def end(self, reason):
        """Ends those that had not ended yet, and answers with them. The trail and the gateways: `ending.end`.

        A session and those kept beside it are one sign-in: whichever ends, all do.
        """
        with transaction.atomic(using=self.db):
            # Listed first and then ended by key: one that begins in between is neither ended nor left out of the list.
            # The key and not the sid, so that a rotation at the same moment does not save a session.
            listed = self.filter(revoked_at=None).order_by().values_list("pk", "successor_id")
            keys = with_kept({successor or pk for pk, successor in listed})
            now, ended = timezone.now(), []
            for start in range(0, len(keys), BATCH):
                part = Session.objects.using(self.db).filter(pk__in=keys[start : start + BATCH], revoked_at=None)
                ending = list(part.select_related("user").select_for_update(of=("self",)).order_by("pk"))
                part.update(revoked_at=now, revoked_reason=reason)
                ended += ending
            # Of those that have got a successor since they were listed.
            late = {session.successor_id for session in ended if session.successor_id}.difference(keys)
            return ended + Session.objects.using(self.db).filter(pk__in=late).end(reason) if late else ended


def with_kept(roots):
    """The keys of these and of what was kept beside them, in the one order in which they are locked."""
    roots, keys = list(roots), set(roots)
    for start in range(0, len(roots), BATCH):
        keys.update(Session.objects.filter(successor__in=roots[start : start + BATCH]).values_list("pk", flat=True))
    return sorted(keys)


class Session(models.Model):
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # Whoever reads this table cannot sign in with it.
    sid_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sidgate_sessions")
    # As text and not as a key: the tenants may be of any model, see adapter.py. Empty: none.
    tenant_id = models.CharField(max_length=64, blank=True, db_index=True)
    # How it began: "password", "access_token", "migration" and the like.
    source = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # When the person has proved who they are. A rotation or a migration is no proof.
    authenticated_at = models.DateTimeField(default=timezone.now)
    last_activity = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    idle_expires_at = models.DateTimeField(null=True, blank=True, db_index=True)
    device = models.ForeignKey(Device, models.SET_NULL, null=True, blank=True, related_name="sessions")
    # Of the last activity.
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=USER_AGENT_MAX, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, db_index=True)
    revoked_reason = models.CharField(max_length=60, blank=True, choices=Ended.choices)
    # Of one that a migration kept alive: the session that the browser has instead.
    successor = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="kept", editable=False)

    objects = Sessions.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        permissions = [("revoke_session", "Can end sessions")]

    def __str__(self):
        return str(self.public_id)

    def keep_beside(self, successor):
        """Stays alive beside the session that the browser has from now on, as long as that one."""
        # What was kept beside this one is from now on kept beside that: no chains.
        Session.objects.filter(Q(pk=self.pk) | Q(successor=self)).update(successor=successor)

    def refusal(self, now=None):
        """The contract's code for why this session is refused; None while it lives. Its user's row is looked at too."""
        now = now or timezone.now()
        if self.revoked_at:
            told = (Ended.LIMIT, Ended.DISABLED)
            return self.revoked_reason if self.revoked_reason in told else "session_revoked"
        if self.expires_at <= now:
            return "session_expired"
        if self.idle_expires_at and self.idle_expires_at <= now:
            return "session_idle"
        # Asked of the session's own user, so that an account disabled past our signals is out all the same.
        if not self.user.is_active:
            return "account_disabled"
        return None
