from django.db import models
from django.utils import timezone


class MigratedProof(models.Model):
    """A proof that has become a session: one proof makes one session, once. Only hashes are kept."""

    proof_sha256 = models.CharField(max_length=64, unique=True)
    key_sha256 = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self):
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
