from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from sidgate_django.models import Device, Event, Session

from .case import CURRENT, PASSWORD, ContractCase, sidgate


class Admin(ContractCase):
    def setUp(self):
        self.sid, self.bobs = self.sign_in(self.alice), self.sign_in(self.bob)
        get_user_model().objects.create_superuser("eve", "eve@acme.test", PASSWORD)
        self.admin = Client()
        self.admin.login(username="eve", password=PASSWORD)

    def page(self, path):
        answer = self.admin.get(f"/admin/sidgate/{path}")
        self.assertEqual(answer.status_code, 200, path)
        return answer.content.decode()

    def shown(self, path):
        page = self.page(path)
        return {name for name in (self.alice, self.bob) if self.public_of(name) in page}

    def public_of(self, user):
        return str(Session.objects.get(user=user).public_id)

    def revoke(self, *users):
        chosen = [str(Session.objects.get(user=user).pk) for user in users]
        body = {"action": "revoke", "_selected_action": chosen}
        return self.admin.post("/admin/sidgate/session/", body, follow=True)

    def test_list_search_and_filter(self):
        self.call("DELETE", CURRENT, sid=self.bobs)
        for query, who in (
            ("", {self.alice, self.bob}),
            ("?q=alice%40acme.test", {self.alice}),
            (f"?q={self.public_of(self.bob)}", {self.bob}),
            ("?q=203.0.113.7", {self.alice, self.bob}),
            ("?state=live", {self.alice}),
            ("?state=revoked", {self.bob}),
            ("?state=expired", set()),
            ("?revoked_reason__exact=signed_out", {self.bob}),
        ):
            with self.subTest(query):
                self.assertEqual(self.shown(f"session/{query}"), who)

    def test_the_revoke_action_ends_a_session_and_names_the_operator(self):
        answer = self.revoke(self.alice)
        self.assertContains(answer, "1 session was ended.")
        self.assertEqual([self.good(self.sid), self.good(self.bobs)], [False, True])
        event = Event.objects.get(kind="ended")
        self.assertEqual(
            (event.operator, event.username, event.reason), ("eve", "alice@acme.test", "ended_by_operator")
        )
        self.assertIn("eve", self.page("event/?q=eve"))

    def test_who_may_only_look_may_not_end(self):
        viewer = get_user_model().objects.create_user("viewer", "v@acme.test", PASSWORD, is_staff=True)
        viewer.user_permissions.set(Permission.objects.filter(codename__in=["view_session", "view_event"]))
        self.admin.login(username="viewer", password=PASSWORD)
        self.assertNotIn("End the selected sessions", self.page("session/"))
        self.revoke(self.alice)
        self.assertTrue(self.good(self.sid))

    def test_nothing_can_be_edited_and_no_hash_of_a_sid_is_shown(self):
        row = self.row(self.sid)
        pages = [f"session/{row.pk}/change/", f"event/{Event.objects.first().pk}/change/"]
        pages += [f"device/{Device.objects.first().pk}/change/", "session/", "event/", "device/"]
        for path in pages:
            page = self.page(path)
            self.assertNotIn('name="_save"', page)
            self.assertNotIn(row.sid_sha256, page)
            self.assertNotIn(self.sid, page)
        for path in ("session/add/", f"session/{row.pk}/delete/"):
            self.assertEqual(self.admin.get(f"/admin/sidgate/{path}").status_code, 403)

    def test_tenants_only_where_they_are_the_kits(self):
        for path in ("tenant/", "membership/", "onboarding/", "membership/?q=acme", "onboarding/?q=alice"):
            self.page(path)
        self.assertContains(self.admin.get("/admin/"), "Memberships")
        with sidgate(ADAPTER="sidgate_django.adapter.Adapter"):
            self.assertNotContains(self.admin.get("/admin/"), "Memberships")
