"""Who there is for the conformance suite, and what the project says of them."""

from django.contrib.auth import get_user_model

from sidgate_django.answers import AccountLocked
from sidgate_django.challenge import EmailCode
from sidgate_django.models import Membership, Onboarding, Tenant
from sidgate_django.proofs import Proof

PASSWORD = "correct horse"
PEOPLE = {
    "alice": ["acme"],
    "carol": ["acme", "globex"],
    "dave": ["acme"],
    "newbie": [],
    "gone": ["acme"],
    "locked": ["acme"],
    "token": ["acme"],
}

# The proofs are made by commands: one proof makes one session, once.
PEOPLE_FILE = """
password = "correct horse"

[member]
email = "alice@acme.test"

[multi_tenant]
email = "carol@acme.test"

[second_factor]
email = "dave@acme.test"
code_command = '''cat "$(ls -t {mail}/* | head -n 1)" | sed -n 's/.*Your code is \\([0-9]*\\).*/\\1/p' '''

[newcomer]
email = "newbie@example.test"

[disabled]
email = "gone@acme.test"

[locked]
email = "locked@acme.test"

[access_token]
value = "token of token"

[[migrate]]
kind = "session_id"
source = "session_token"

[[migrate]]
kind = "access_token"
source = "session_token"
command = "echo token of alice $(od -An -N8 -tx8 /dev/urandom)"

[[migrate]]
kind = "opaque"
source = "another"
command = "echo cookie of alice $(od -An -N8 -tx8 /dev/urandom)"
"""


def address(name):
    return "newbie@example.test" if name == "newbie" else f"{name}@acme.test"


def make():
    for name, slugs in PEOPLE.items():
        email = address(name)
        user = get_user_model().objects.create_user(email, email, PASSWORD, first_name=name.title())
        for slug in slugs:
            tenant, _ = Tenant.objects.get_or_create(slug=slug, defaults={"name": slug.title()})
            Membership.objects.create(user=user, tenant=tenant, role="owner", permissions=["invoices.view"])
        Onboarding.objects.create(user=user, needed=not slugs, step=None if slugs else "company")
        if name == "gone":
            user.is_active = False
            user.save()


class ForTheCareful(EmailCode):
    def due(self, user):
        return user.first_name == "Dave"


def check(request, email):
    if email == "locked@acme.test":
        raise AccountLocked


def token(value, request):
    return said(value, "token of ")


def opaque(value, source, request):
    return said(value, "cookie of ")


def said(value, start):
    name = value[len(start) :].split(" ")[0] if value.startswith(start) else None
    user = get_user_model().objects.filter(email=address(name)).first() if name in PEOPLE else None
    return Proof(user) if user else None
