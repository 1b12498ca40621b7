from io import StringIO

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from sidgate_django.models import Membership, Session, Tenant

from demo.case import CURRENT, PASSWORD, DemoCase, identity_provider
from demo.onboarding import free_slug


def seed(*options):
    call_command("seed_demo", *options, stdout=StringIO())


class Onboarding(DemoCase):
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


class SignUp(DemoCase):
    def sign_up(self, key=settings.DEMO_KEY, **body):
        body = {"name": "Frank", "email": "Frank@new.test", "password": "long enough", **body}
        return self.call("POST", "/demo/sign-up/", body, key=None, **{"X-Demo-Key": key})

    def test_a_new_person_is_signed_in_and_has_onboarding_ahead(self):
        answer = self.sign_up()
        body = answer.json()
        self.assertEqual((answer.status_code, body["user"]["email"], body["tenant"]), (201, "frank@new.test", None))
        self.assertEqual(self.call("GET", CURRENT, sid=body["sid"]).json()["onboarding"]["step"], "company")
        signed_in = self.call("POST", "/api/sessions/", {"email": "frank@new.test", "password": "long enough"})
        self.assertEqual(signed_in.status_code, 201)

    def test_a_new_person_with_a_company_has_nothing_left_to_do(self):
        body = self.sign_up(company="New Co").json()
        self.assertEqual((body["tenant"]["slug"], body["onboarding"]["needed"]), ("new-co", False))

    def test_refusals(self):
        self.assert_refused(self.sign_up(key="wrong"), "demo_key_invalid")
        self.assert_refused(self.sign_up(email="ALICE@acme.test"), "email_taken", 409)
        for field, value in (
            ("name", " "), ("email", "x"), ("email", None), ("password", "short"), ("password", 12345678),
            ("company", "x" * 201),
        ):
            with self.subTest(field=field, value=value):
                answer = self.sign_up(**{field: value})
                self.assert_refused(answer, "invalid_fields", 400)
                self.assertEqual(set(answer.json()["fields"]), {field})
        self.assertFalse(get_user_model().objects.filter(email="frank@new.test").exists())

    def test_whoever_took_an_address_does_not_share_its_owner_s_account(self):
        self.sign_up()
        with identity_provider(good="frank@new.test"):
            answer = self.call("POST", "/api/sessions/", {"access_token": "good"})
            self.assert_refused(answer, "invalid_credentials")


class FromAccessToken(DemoCase):
    def test_the_application_gets_a_session_for_a_token_with_its_own_key_alone(self):
        with identity_provider(good="alice@acme.test"):
            for key, status in (("wrong", 401), (settings.DEMO_KEY, 201)):
                body = {"access_token": "good"}
                answer = self.call("POST", "/demo/session/", body, key=None, **{"X-Demo-Key": key})
                self.assertEqual(answer.status_code, status)
        self.assertEqual(self.call("GET", CURRENT, sid=answer.json()["sid"]).json()["user"]["name"], "Alice")

    def test_a_sign_in_at_the_provider_this_morning_is_no_fresh_one(self):
        with identity_provider(auth_time=1_700_000_000, good="alice@acme.test"):
            body = {"access_token": "good"}
            answer = self.call("POST", "/demo/session/", body, key=None, **{"X-Demo-Key": settings.DEMO_KEY})
        self.assertEqual(answer.json()["authenticated_at"], "2023-11-14T22:13:20+00:00")


class Seed(DemoCase):
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
