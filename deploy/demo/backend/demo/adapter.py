"""What of the demo the kit cannot know: whose address nobody has confirmed, and who is asked for a second factor."""

from sidgate_django.adapter import BuiltinAdapter
from sidgate_django.challenge import EmailCode

SECOND_FACTOR = "second factor"
UNVERIFIED = "e-mail not verified"


class Adapter(BuiltinAdapter):
    def email_verified(self, user):
        return not user.groups.filter(name=UNVERIFIED).exists()


class ForTheCareful(EmailCode):
    def due(self, user):
        return user.groups.filter(name=SECOND_FACTOR).exists()
