import re
from datetime import timedelta
from uuid import uuid4

from django.core import mail
from django.utils import timezone

from sidgate_django import challenge
from sidgate_django.models import Challenge, Session

from .case import PASSWORD, ContractCase, person, sidgate


class ForCareful(challenge.EmailCode):
    def due(self, user):
        return user.first_name in ("Dave", "Erin")


@sidgate(SECOND_FACTOR="tests.test_second_factor.ForCareful")
class SecondFactor(ContractCase):
    """`202 {"challenge":{"id","kind"}}` when a second factor is due; the second call brings id and code."""

    @classmethod
    def setUpTestData(cls):
        super().setUpTestData()
        cls.dave = person("dave@acme.test", "Dave", cls.acme)
        cls.erin = person("erin@acme.test", "Erin", cls.acme)

    def attempt(self, user=None, password=PASSWORD, **more):
        body = {"email": (user or self.dave).email, "password": password, **more}
        return self.call("POST", "/api/sessions/", body)

    def begin(self, user=None):
        """An id, and the code that was sent."""
        answer = self.attempt(user)
        self.assertEqual(answer.status_code, 202, answer.content)
        sent = mail.outbox[-1]
        self.assertEqual(sent.to, [(user or self.dave).email])
        return answer.json()["challenge"]["id"], re.search(r"\b\d{6}\b", sent.body)[0]

    def answer(self, key, code, **more):
        return self.attempt(challenge={"id": key, "code": code}, **more)

    def assert_wrong(self, answer):
        self.assert_refused(answer, "invalid_challenge")

    def test_202_with_id_and_kind_and_a_code_in_the_mail(self):
        body = self.attempt().json()
        self.assertEqual((set(body), body["challenge"]["kind"]), ({"challenge"}, "email_code"))
        self.assertFalse(Session.objects.exists())

    def test_the_right_code_signs_in(self):
        key, code = self.begin()
        answer = self.answer(key, f" {code} ")
        self.assertEqual((answer.status_code, answer.json()["user"]["name"]), (201, "Dave"))
        self.assertEqual(self.call("GET", "/api/sessions/current/", sid=answer.json()["sid"]).status_code, 200)

    def test_a_code_is_good_once(self):
        key, code = self.begin()
        self.assertEqual(self.answer(key, code).status_code, 201)
        self.assert_wrong(self.answer(key, code))

    def test_five_guesses(self):
        key, code = self.begin()
        wrong = "000000" if code != "000000" else "111111"
        for _ in range(5):
            self.assert_wrong(self.answer(key, wrong))
        self.assert_wrong(self.answer(key, code))

    def test_five_minutes(self):
        key, code = self.begin()
        Challenge.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        self.assert_wrong(self.answer(key, code))

    def test_it_belongs_to_one_person(self):
        key, code = self.begin(self.erin)
        self.assert_wrong(self.answer(key, code))
        self.assertEqual(self.answer(key, code, user=self.erin).status_code, 201, "nothing was used up by that")

    def test_the_newest_one_counts(self):
        old = self.begin()
        new = self.begin()
        self.assert_wrong(self.answer(*old))
        self.assertEqual(self.answer(*new).status_code, 201)

    def test_the_password_comes_first(self):
        key, code = self.begin()
        self.assert_refused(self.answer(key, code, password="wrong"), "invalid_credentials")
        self.assertEqual(self.answer(key, code).status_code, 201)

    def test_what_is_no_challenge(self):
        _, code = self.begin()
        self.assert_wrong(self.answer(str(uuid4()), code))
        self.assert_wrong(self.answer("x", code))
        for nonsense in ("x", [], {}, {"id": "x"}, {"id": {}, "code": "1"}):
            with self.subTest(challenge=nonsense):
                self.assert_refused(self.attempt(challenge=nonsense), "invalid_fields", 400)

    def test_codes_run_out_and_come_back(self):
        for _ in range(challenge.PER_HOUR):
            self.begin()
        self.assert_refused(self.attempt(), "rate_limited", 429)
        Challenge.objects.update(created_at=timezone.now() - timedelta(hours=1, seconds=1))
        self.begin()
        self.assertEqual(Challenge.objects.count(), 1, "old ones are not kept")

    def test_no_code_is_kept(self):
        _, code = self.begin()
        self.assertNotIn(code, str(Challenge.objects.values().get()))

    def test_nobody_else_is_asked(self):
        self.assertEqual(self.attempt(self.alice).status_code, 201)
        self.assertEqual(mail.outbox, [])
