"""Tells the gateways what changed ("Revocation events" of the contract): after the commit, and never in its way.

An announcement is a dict as the contract has it. `later` hands it over on commit; `delivery` sends it.
"""

from django.db import router, transaction

from . import delivery
from .current import noticed
from .models import Session


def session_revoked(session):
    return {"type": "session_revoked", "public_id": str(session.public_id)}


def session_changed(session):
    return {"type": "session_changed", "public_id": str(session.public_id)}


def user_revoked(user_id, issued_before):
    return {"type": "user_revoked", "user_id": str(user_id), "issued_before": issued_before.isoformat()}


def user_changed(user_id):
    return {"type": "user_changed", "user_id": str(user_id)}


def tenant_revoked(tenant_id, issued_before):
    return {"type": "tenant_revoked", "tenant_id": str(tenant_id), "issued_before": issued_before.isoformat()}


def all_revoked(issued_before):
    return {"type": "all_revoked", "issued_before": issued_before.isoformat()}


def later(*events):
    """Sends these when the transaction commits; never, when it is rolled back."""
    noticed(events)
    transaction.on_commit(lambda: delivery.hand_over(list(events)), using=router.db_for_write(Session))
