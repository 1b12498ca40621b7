import hashlib

from django.conf import settings
from django.db import models
from django.utils import timezone

USER_AGENT_MAX = 400


class Device(models.Model):
    """A browser as far as it can be told from others: a user, and what the browser calls itself.

    Enough to say "a new device has signed in", and no more than the browser says of itself anyway.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sidgate_devices")
    user_agent = models.CharField(max_length=USER_AGENT_MAX, blank=True)
    user_agent_sha256 = models.CharField(max_length=64, editable=False)
    first_seen = models.DateTimeField(default=timezone.now)
    # Of the last sign-in.
    last_seen = models.DateTimeField(default=timezone.now)
    ip = models.GenericIPAddressField(null=True, blank=True)

    class Meta:
        ordering = ["-last_seen"]
        constraints = [
            models.UniqueConstraint(fields=["user", "user_agent_sha256"], name="sidgate_one_device_per_agent")
        ]

    def __str__(self):
        return self.user_agent[:60] or "unnamed device"

    @classmethod
    def touch(cls, user, user_agent, ip, now):
        """The device of a sign-in, and whether it is a new one."""
        return cls.objects.get_or_create(
            user=user,
            user_agent_sha256=hashlib.sha256(user_agent.encode()).hexdigest(),
            defaults={"user_agent": user_agent, "ip": ip, "first_seen": now, "last_seen": now},
        )
