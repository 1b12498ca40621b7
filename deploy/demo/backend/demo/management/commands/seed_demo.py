from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand
from django.db import transaction
from sidgate_django.models import Membership, Onboarding, Session, Tenant

from demo.adapter import SECOND_FACTOR
from demo.onboarding import OWNER_PERMISSIONS

PASSWORD = "correct horse"
OWNERS = [("alice@acme.test", "Alice", "acme", "Acme"), ("bob@globex.test", "Bob", "globex", "Globex")]
# Belongs to both companies, so there is something to switch between.
MEMBER = ("carol@acme.test", "Carol")
MEMBER_PERMISSIONS = ["invoices.view"]
# Is asked for a second factor: a code by mail.
CAREFUL = ("dave@acme.test", "Dave")
NEWBIE = ("newbie@example.test", "Newbie")


class Command(BaseCommand):
    help = (
        "Makes the demo's users and tenants. Running it again changes nothing; --reset puts newbie back to the start."
    )

    def add_arguments(self, parser):
        parser.add_argument("--reset", action="store_true", help="newbie: onboarding needed again, no company")

    @transaction.atomic
    def handle(self, *, reset, **options):
        for email, name, slug, company in OWNERS:
            user, _ = person(email, name)
            tenant, _ = Tenant.objects.get_or_create(slug=slug, defaults={"name": company})
            Membership.objects.get_or_create(
                user=user, tenant=tenant, defaults={"role": "owner", "permissions": OWNER_PERMISSIONS}
            )
            Onboarding.objects.get_or_create(user=user, defaults={"needed": False})
        join(MEMBER, [slug for _, _, slug, _ in OWNERS])
        careful = join(CAREFUL, ["acme"])
        careful.groups.add(Group.objects.get_or_create(name=SECOND_FACTOR)[0])
        newbie, _ = person(*NEWBIE)
        if reset or not Onboarding.objects.filter(user=newbie).exists():
            start_over(newbie)
        self.stdout.write(f"users: {', '.join([o[0] for o in OWNERS] + [MEMBER[0], CAREFUL[0], NEWBIE[0]])}; password: {PASSWORD}")


def person(email, name):
    users = get_user_model().objects
    user = users.filter(username=email).first()
    if user:
        return user, False
    return users.create_user(username=email, email=email, password=PASSWORD, first_name=name), True


def join(member, slugs):
    user, _ = person(*member)
    for tenant in Tenant.objects.filter(slug__in=slugs):
        Membership.objects.get_or_create(
            user=user, tenant=tenant, defaults={"role": "member", "permissions": MEMBER_PERMISSIONS}
        )
    Onboarding.objects.get_or_create(user=user, defaults={"needed": False})
    return user


def start_over(user):
    companies = list(user.sidgate_memberships.values_list("tenant_id", flat=True))
    user.sidgate_memberships.all().delete()
    # Companies made by an earlier onboarding, with nobody left in them.
    Tenant.objects.filter(pk__in=companies, memberships=None).delete()
    Session.objects.filter(user=user).update(tenant_id="")
    Onboarding.objects.update_or_create(user=user, defaults={"needed": True, "step": "company"})
