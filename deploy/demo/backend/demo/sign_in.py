"""The demo's own calls for sign-ins that the Next.js server sees through: sign-up, and the callback of an identity provider.

They answer with the sid of a new session, which Next.js hands to the gateway (`X-Auth-Set-Session`). The gateway puts the
session under another sid, so this one is good for nothing afterwards.
"""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from sidgate_django import credentials
from sidgate_django.answers import Refusal, field_errors
from sidgate_django.endpoint import json_object, keyed
from sidgate_django.models import Onboarding
from sidgate_django.session import signed_in

from .adapter import UNVERIFIED
from .onboarding import found_company


def with_access_token(request):
    proof = credentials.by_access_token(json_object(request).get("access_token"), request)
    # When they were at the provider's, where it says so: a single sign-on of this morning is no fresh sign-in.
    known = {"authenticated_at": proof.authenticated_at} if proof.authenticated_at else {}
    return signed_in(proof.user, request, source="access_token", **known)


def new_person(request):
    given = json_object(request)
    name, email, company = text(given, "name"), text(given, "email").lower(), text(given, "company")
    password = given.get("password") if isinstance(given.get("password"), str) else ""
    faults = {} if 0 < len(name) <= 150 else {"name": "Please give your name, at most 150 characters."}
    for field, check, value in (("email", validate_email, email[:150]), ("password", validate_password, password)):
        try:
            check(value)
        except ValidationError as fault:
            faults[field] = " ".join(fault.messages)
    if faults:
        raise field_errors(**faults)
    users = get_user_model().objects
    try:
        with transaction.atomic():
            user = users.create_user(email, email, password, first_name=name)
            # A mail with a link would come here. Until then no identity provider's word for the address counts.
            user.groups.add(Group.objects.get_or_create(name=UNVERIFIED)[0])
            if company:
                found_company(user, company)
            Onboarding.objects.create(user=user, needed=not company, step=None if company else "company")
    except IntegrityError:
        raise Refusal(409, "email_taken") from None
    return signed_in(user, request)


def text(given, name):
    value = given.get(name)
    return value.strip() if isinstance(value, str) else ""


def demo_keys():
    return [settings.DEMO_KEY.encode()]


from_access_token = keyed("X-Demo-Key", demo_keys, "demo_key_invalid", {"POST": with_access_token})
sign_up = keyed("X-Demo-Key", demo_keys, "demo_key_invalid", {"POST": new_person})
