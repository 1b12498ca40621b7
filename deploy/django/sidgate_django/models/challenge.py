import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class Challenge(models.Model):
    """A second factor that was asked for: see challenge.py."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sidgate_challenges")
    code_hmac = models.CharField(max_length=64)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    # Answered, or made worthless by a newer one.
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return str(self.pk)
