"""Tenants, memberships and onboarding for a project that has none of its own. With another ADAPTER they stay empty."""

import uuid

from django.conf import settings
from django.db import models


class Tenant(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=200)

    def __str__(self):
        return self.slug


class Membership(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sidgate_memberships")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=40, default="member")
    permissions = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["user", "tenant"], name="sidgate_one_membership_per_tenant")]

    def __str__(self):
        return f"{self.user_id} in {self.tenant_id} as {self.role}"


class Onboarding(models.Model):
    """How far a person has come. Somebody without a row has nothing to do."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sidgate_onboarding")
    needed = models.BooleanField(default=True)
    step = models.CharField(max_length=60, null=True, blank=True)

    class Meta:
        verbose_name_plural = "onboarding"

    def __str__(self):
        return f"{self.user_id}: {self.step or 'needed' if self.needed else 'complete'}"
