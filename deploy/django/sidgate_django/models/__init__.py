from .challenge import Challenge
from .device import Device
from .event import Event
from .migrated import MigratedProof
from .session import BATCH, Session, digest
from .tenants import Membership, Onboarding, Tenant

__all__ = [
    "BATCH",
    "Challenge",
    "Device",
    "Event",
    "Membership",
    "MigratedProof",
    "Onboarding",
    "Session",
    "Tenant",
    "digest",
]
