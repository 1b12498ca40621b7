"""The trail: who did what to which session. It outlives sessions and users."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Kind(models.TextChoices):
    SIGN_IN = "sign_in"
    SIGN_IN_FAILED = "sign_in_failed"
    CHALLENGE = "challenge", "second factor asked for"
    NEW_DEVICE = "new_device"
    SIGN_OUT = "sign_out"
    ENDED = "ended", "session ended"
    EXPIRED = "expired", "session expired"
    ROTATED = "rotated"
    TENANT_SWITCHED = "tenant_switched"
    TENANT_REFUSED = "tenant_refused"
    MIGRATED = "migrated"
    MIGRATION_REFUSED = "migration_refused"
    PASSWORD_CHANGED = "password_changed"
    DISABLED = "account_disabled"


class Event(models.Model):
    at = models.DateTimeField(default=timezone.now, db_index=True)
    kind = models.CharField(max_length=40, choices=Kind.choices)
    reason = models.CharField(max_length=60, blank=True)
    # The name of whoever did it on somebody else's behalf.
    operator = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="sidgate_events"
    )
    # Stay when the user is gone.
    user_key = models.CharField(max_length=64, blank=True, db_index=True)
    username = models.CharField(max_length=254, blank=True)
    # Session.public_id; no foreign key, for the same reason.
    session_id = models.UUIDField(null=True, blank=True, db_index=True)
    tenant_id = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=400, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self):
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.kind} {self.username}"
