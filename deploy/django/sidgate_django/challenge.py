"""The second factor: a code by mail. `SIDGATE["SECOND_FACTOR"] = "sidgate_django.challenge.EmailCode"`, or a subclass.

A challenge belongs to one person, is good for five minutes, for five guesses, and once. Only hashes of codes are kept.
"""

import hmac
import secrets
import uuid
from datetime import timedelta

from django.core.mail import send_mail
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .answers import RateLimited, Refusal, field_errors
from .models import Challenge

LIFETIME = timedelta(minutes=5)
ATTEMPTS = 5
# Whoever knows the password could otherwise ask for codes until one of the guesses is right, and fill a mailbox.
PER_HOUR = 20


class EmailCode:
    kind = "email_code"

    def due(self, user):
        """Whether this person is asked. Everybody, unless a subclass says otherwise."""
        return True

    def send(self, user, code):
        text = f"Your code is {code}. It is good for five minutes."
        text += " If you did not sign in just now, change your password."
        send_mail("Your code", text, None, [getattr(user, user.get_email_field_name())])

    def begin(self, user):
        """Sends a code and answers with the challenge. One that was not answered is good for nothing any more."""
        now = timezone.now()
        recent = Challenge.objects.filter(user=user, created_at__gt=now - timedelta(hours=1))
        if recent.count() >= PER_HOUR:
            raise RateLimited(600)
        Challenge.objects.filter(user=user, created_at__lte=now - timedelta(hours=1)).delete()
        recent.filter(used_at=None).update(used_at=now)
        code = f"{secrets.randbelow(10**6):06}"
        challenge = Challenge(user=user, expires_at=now + LIFETIME)
        challenge.code_hmac = hashed(challenge, code)
        challenge.save()
        self.send(user, code)
        return {"challenge": {"id": str(challenge.pk), "kind": self.kind}}

    def answer(self, user, given):
        """Takes the answer to a challenge, or refuses."""
        if not isinstance(given, dict) or not all(isinstance(given.get(name), (str, int)) for name in ("id", "code")):
            raise field_errors(challenge="This must be the id and the code.")
        wrong = Refusal(401, "invalid_challenge")
        try:
            key = uuid.UUID(str(given["id"]))
        except ValueError:
            raise wrong from None
        now = timezone.now()
        open_one = Challenge.objects.filter(pk=key, user=user, used_at=None, expires_at__gt=now)
        # Counted before it is looked at, in one statement each: guesses sent at the same moment share the five.
        if not open_one.filter(attempts__lt=ATTEMPTS).update(attempts=F("attempts") + 1):
            raise wrong
        challenge = Challenge.objects.get(pk=key)
        if not hmac.compare_digest(hashed(challenge, str(given["code"]).strip()), challenge.code_hmac):
            raise wrong
        if not open_one.update(used_at=now):
            raise wrong


def hashed(challenge, code):
    # With a key, because a million codes are tried in no time by whoever reads the table.
    return salted_hmac("sidgate.challenge", f"{challenge.pk} {code}", algorithm="sha256").hexdigest()
