from io import StringIO

from django.conf import settings
from django.core.management import call_command
from sessions_v1.models import Membership, Session, Tenant
from sessions_v1.tests.case import PASSWORD, ContractCase

from demo.onboarding import free_slug

CURRENT = "/api/sessions/current/"


def seed(*options):
    call_command("seed_demo", *options, stdout=StringIO())


class Onboarding(ContractCase):
    def report(self, key=settings.DEMO_KEY, **body):
        return self.call(
            "POST", "/demo/onboarding/", {"user_id": str(self.newbie.pk), **body}, key=None, **{"X-Demo-Key": key}
        )

    def test_a_new_company_is_there_at_the_next_validation(self):
        sid = self.sign_in(self.newbie)
        answer = self.report(done=True, company="Newco")
        self.assertEqual((answer.status_code, answer.json()["tenant"]["slug"]), (200, "newco"))
        body = self.call("GET", CURRENT, sid=sid).json()
        self.assertEqual((body["tenant"]["slug"], body["onboarding"]["needed"]), ("newco", False))

    def test_pressing_twice_makes_one_company(self):
        first = self.report(done=True, company="Newco").json()
        self.assertEqual(self.report(done=True, company="Newco").json(), first)
        self.assertEqual(Membership.objects.filter(user=self.newbie).count(), 1)

    def test_a_step_on_the_way(self):
        self.assertEqual(
            self.report(step="invite", done=False).json(),
            {"onboarding": {"needed": True, "step": "invite"}, "tenant": None},
        )

    def test_refusals(self):
        self.assert_refused(self.report(key="wrong", done=True, company="X"), "demo_key_invalid")
        self.assert_refused(self.report(done=True, company=" "), "invalid_fields", 400)
        self.assert_refused(self.report(user_id="0", done=True, company="X"), "user_unknown", 404)
        self.assertFalse(Tenant.objects.filter(name="X").exists())

    def test_slugs_are_free_and_reachable(self):
        self.assertEqual(
            [free_slug(name) for name in ("Acme", "API", "Ünï Co.", "株式会社")],
            ["acme-2", "api-2", "uni-co", "company"],
        )


class Seed(ContractCase):
    @classmethod
    def setUpTestData(cls):
        seed()

    def onboarding(self, email):
        answer = self.call("POST", "/api/sessions/", {"email": email, "password": PASSWORD}).json()
        return answer["onboarding"], answer["tenant"] and answer["tenant"]["slug"]

    def test_who_is_there_and_again_changes_nothing(self):
        for _ in range(2):
            self.assertEqual(self.onboarding("alice@acme.test"), ({"needed": False, "step": None}, "acme"))
            self.assertEqual(self.onboarding("bob@globex.test"), ({"needed": False, "step": None}, "globex"))
            self.assertEqual(self.onboarding("newbie@example.test"), ({"needed": True, "step": "company"}, None))
            seed()

    def test_reset_puts_newbie_back_and_nobody_else(self):
        self.onboarding("newbie@example.test")
        newbie = Session.objects.get().user
        body = {"user_id": str(newbie.pk), "done": True, "company": "Newco"}
        self.call("POST", "/demo/onboarding/", body, **{"X-Demo-Key": settings.DEMO_KEY})
        seed()
        self.assertEqual(self.onboarding("newbie@example.test")[1], "newco")
        seed("--reset")
        self.assertEqual(self.onboarding("newbie@example.test"), ({"needed": True, "step": "company"}, None))
        self.assertEqual(set(Tenant.objects.values_list("slug", flat=True)), {"acme", "globex"})
