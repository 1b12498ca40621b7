"""What a session is, and what the gateway needs to know around it."""

import uuid

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

# Databases bound how many values one statement may name.
BATCH = 1000


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self):
        return self.slug


class Membership(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=40, default="member")
    permissions = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="one_membership_per_tenant")]

    def __str__(self):
        return f"{self.user_id} in {self.tenant_id} as {self.role}"


class Onboarding(models.Model):
    """How far a person has come. Somebody without a row has nothing to do."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="onboarding")
    needed = models.BooleanField(default=True)
    step = models.CharField(max_length=60, null=True, blank=True)

    def __str__(self):
        return f"{self.user_id}: {self.step or 'needed' if self.needed else 'complete'}"


class LiveSessions(models.QuerySet):
    def live(self):
        now = timezone.now()
        return self.filter(revoked_at=None, expires_at__gt=now).exclude(idle_expires_at__lte=now)

    def revoke(self, reason):
        """Ends those that had not ended yet; answers with their public ids."""
        with transaction.atomic():
            # Listed first and then ended by key: one that begins in between is neither ended nor left out of the list.
            # The key and not the sid, so that a rotation at the same moment does not save a session.
            ending = list(self.filter(revoked_at=None).select_for_update().values_list("pk", "public_id"))
            for start in range(0, len(ending), BATCH):
                keys = [pk for pk, _ in ending[start : start + BATCH]]
                Session.objects.filter(pk__in=keys, revoked_at=None).update(
                    revoked_at=timezone.now(), revoked_reason=reason
                )
        return [str(public_id) for _, public_id in ending]


class Session(models.Model):
    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    # The hex SHA-256 of the sid's 36 characters. Whoever reads this table cannot sign in with it.
    sid_sha256 = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="gateway_sessions")
    tenant = models.ForeignKey(Tenant, models.SET_NULL, null=True, blank=True, related_name="sessions")
    created_at = models.DateTimeField(default=timezone.now)
    authenticated_at = models.DateTimeField(default=timezone.now)
    last_activity = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    idle_expires_at = models.DateTimeField(null=True, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=400, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=60, blank=True)

    objects = LiveSessions.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self):
        return str(self.public_id)


class Challenge(models.Model):
    """A second factor that was asked for: see challenge.py."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="challenges")
    code_hmac = models.CharField(max_length=64)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    # Answered, or made worthless by a newer one.
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return str(self.pk)
