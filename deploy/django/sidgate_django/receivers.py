"""What the project changes with Django's own means, and what of it ends sessions or is news for the gateways.

Signals see `save()` and `delete()`, of the admin too. They do not see `QuerySet.update()`: after one of those, call
`ending.end_all_of(user, ...)` or `changed(user)`.
"""

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.utils import timezone

from . import announce, ending, trail
from .conf import settings
from .current import current_session
from .models import Membership, Onboarding, Session, Tenant
from .models.event import Kind
from .models.session import Ended

# A tenant's members are told one by one; the caches of a larger one run out by themselves.
MOST_MEMBERS = 1000


def connect():
    user = get_user_model()
    pre_save.connect(remember_user, sender=user, dispatch_uid="sidgate_user_before")
    post_save.connect(user_saved, sender=user, dispatch_uid="sidgate_user")
    pre_delete.connect(user_deleted, sender=user, dispatch_uid="sidgate_user_deleted")
    post_save.connect(membership_saved, sender=Membership, dispatch_uid="sidgate_membership")
    post_delete.connect(of_user_changed, sender=Membership, dispatch_uid="sidgate_membership_deleted")
    pre_save.connect(remember_tenant, sender=Tenant, dispatch_uid="sidgate_tenant_before")
    post_save.connect(tenant_saved, sender=Tenant, dispatch_uid="sidgate_tenant")
    post_save.connect(of_user_changed, sender=Onboarding, dispatch_uid="sidgate_onboarding")
    post_delete.connect(of_user_changed, sender=Onboarding, dispatch_uid="sidgate_onboarding_deleted")


def changed(user):
    """Tells the gateways to ask again about a user, for models of a project's own: `changed(membership.user)`."""
    announce.later(announce.user_changed(user.pk))


def watched(user):
    """The fields that an answer is made of, with what only ends sessions."""
    names = ["password", "is_active", user.USERNAME_FIELD, user.get_email_field_name(), "first_name", "last_name"]
    fields = []
    for name in dict.fromkeys(names):
        try:
            fields.append(user._meta.get_field(name).attname)
        except FieldDoesNotExist:
            continue
    return fields


def remember_user(sender, instance, raw=False, update_fields=None, using=None, **_):
    instance._sidgate_before = None
    fields = watched(sender)
    if raw or instance._state.adding or (update_fields is not None and not set(fields) & set(update_fields)):
        return
    before = sender._base_manager.using(using).filter(pk=instance.pk).values(*fields).first()
    if before and update_fields is not None:
        before = {name: before[name] for name in before if name in update_fields}
    instance._sidgate_before = before


def user_saved(sender, instance, raw=False, created=False, update_fields=None, **_):
    before = instance.__dict__.pop("_sidgate_before", None)
    if raw or created or not before:
        return
    different = {name for name, value in before.items() if value != getattr(instance, name)}
    if "password" in different and not rehashed(instance, update_fields):
        password_changed(instance)
    if before.get("is_active") and not instance.is_active:
        disabled(instance)
    elif different - {"password"}:
        changed(instance)


def rehashed(user, update_fields):
    """The same password under a newer hasher, which Django saves like this at a sign-in. Nothing has changed."""
    return set(update_fields or ()) == {"password"} and getattr(user, "_password", None) is None


def password_changed(user):
    policy = settings.PASSWORD_CHANGE
    if policy == "nothing":
        return
    trail.record(Kind.PASSWORD_CHANGED, user=user)
    here = current_session() if policy == "revoke_others" else None
    spare = here if here is not None and here.user_id == user.pk else None
    ending.end_all_of(user, Ended.PASSWORD, spare=spare)


def disabled(user):
    trail.record(Kind.DISABLED, user=user)
    ending.end_all_of(user, Ended.DISABLED)


def user_deleted(sender, instance, **_):
    announce.later(announce.user_revoked(instance.pk, timezone.now()))


def of_user_changed(sender, instance, raw=False, **_):
    if not raw:
        announce.later(announce.user_changed(instance.user_id))


def membership_saved(sender, instance, raw=False, created=False, **_):
    if raw:
        return
    if created:
        enter_tenant(instance.user_id, instance.tenant_id)
    announce.later(announce.user_changed(instance.user_id))


def enter_tenant(user_id, tenant_id):
    """Whoever is signed in without a tenant is in their first one from the next validation on, on every device."""
    Session.objects.filter(user_id=user_id, tenant_id="").live().update(tenant_id=str(tenant_id))


def remember_tenant(sender, instance, raw=False, using=None, **_):
    instance._sidgate_before = None
    if not raw and not instance._state.adding:
        instance._sidgate_before = (
            sender._base_manager.using(using).filter(pk=instance.pk).values("slug", "name").first()
        )


def tenant_saved(sender, instance, raw=False, **_):
    before = instance.__dict__.pop("_sidgate_before", None)
    if raw or not before or before == {"slug": instance.slug, "name": instance.name}:
        return
    members = list(instance.memberships.values_list("user_id", flat=True)[: MOST_MEMBERS + 1])
    if len(members) <= MOST_MEMBERS:
        announce.later(*(announce.user_changed(user_id) for user_id in members))
