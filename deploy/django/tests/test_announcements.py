"""Revocation events: what changes is said to every gateway, signed, on commit; and never in the way of a request."""

import hashlib
import hmac
import json
import shutil
import socket
import subprocess
import tempfile
import time
from unittest import mock, skipUnless

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.test import TransactionTestCase

from sidgate_django import delivery, ending, receivers
from sidgate_django.models import Event, Membership, Onboarding, Session
from sidgate_django.signals import session_event

from .case import CURRENT, SESSIONS, Calls, make_people, sidgate
from .gateway import KEY, running

try:
    import redis
except ImportError:
    redis = None


class AnnouncementCase(Calls, TransactionTestCase):
    def setUp(self):
        make_people(self)
        self.gateway = self.enterContext(running())
        self.enterContext(sidgate(GATEWAYS=[self.gateway.url], REVOCATION_KEYS=[KEY]))
        self.addCleanup(delivery.flush, 5)

    def told(self):
        """What has been said since the last time, without the times."""
        self.assertTrue(delivery.flush(10))
        events = self.gateway.events
        self.gateway.heard.clear()
        return [{name: value for name, value in event.items() if name != "issued_before"} for event in events]

    def revoked(self, *sids):
        return [{"type": "session_revoked", "public_id": self.public_id(sid)} for sid in sids]

    def user(self, what, user):
        return {"type": f"user_{what}", "user_id": str(user.pk)}


class Announced(AnnouncementCase):
    def test_a_changed_password_ends_the_sessions(self):
        one, two = self.sign_in(self.alice), self.sign_in(self.alice)
        self.told()
        self.alice.set_password("another one")
        self.alice.save()
        self.assertEqual(self.told(), [self.user("revoked", self.alice)])
        self.assertFalse(self.good(one) or self.good(two))
        self.assertEqual(self.row(one).revoked_reason, "password_changed")

    def test_a_hash_given_by_hand_is_a_changed_password_too(self):
        sid = self.sign_in(self.alice)
        self.alice.password = make_password("another one")
        self.alice.save()
        self.assertFalse(self.good(sid))

    def test_a_new_hasher_is_no_changed_password(self):
        hashers = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", "django.contrib.auth.hashers.MD5PasswordHasher"]
        sid = self.sign_in(self.alice)
        with self.settings(PASSWORD_HASHERS=hashers):
            before = self.alice.password
            self.sign_in(self.alice)
            self.alice.refresh_from_db()
            self.assertNotEqual(self.alice.password, before)
        self.assertTrue(self.good(sid))

    def test_that_can_be_switched_off(self):
        with sidgate(PASSWORD_CHANGE="nothing"):
            sid = self.sign_in(self.alice)
            self.alice.set_password("another one")
            self.alice.save()
            self.assertTrue(self.good(sid))

    def test_a_deactivated_user_stays_out_even_when_activated_again(self):
        sid = self.sign_in(self.alice)
        self.told()
        self.alice.is_active = False
        self.alice.save(update_fields=["is_active"])
        self.assertEqual(self.told(), [self.user("revoked", self.alice)])
        self.assert_refused(self.call("GET", CURRENT, sid=sid), "account_disabled")
        self.alice.is_active = True
        self.alice.save()
        self.assert_refused(self.call("GET", CURRENT, sid=sid), "account_disabled")
        self.assertEqual(self.told(), [self.user("changed", self.alice)])

    def test_a_deleted_user(self):
        sid = self.sign_in(self.alice)
        self.told()
        key = str(self.alice.pk)
        self.alice.delete()
        self.assertIn({"type": "user_revoked", "user_id": key}, self.told())
        self.assert_refused(self.call("GET", CURRENT, sid=sid), "session_unknown")
        trail = Event.objects.filter(user_key=key)
        self.assertTrue(trail and all(event.user_id is None and event.username == "alice@acme.test" for event in trail))

    def test_a_name_or_an_address(self):
        self.alice.first_name = "Alicia"
        self.alice.save()
        self.assertEqual(self.told(), [self.user("changed", self.alice)])
        self.alice.save()
        self.alice.last_login = None
        self.alice.save()
        self.assertEqual(self.told(), [])

    def test_memberships_tenants_and_onboarding(self):
        changed = [self.user("changed", self.alice)]
        membership = Membership.objects.create(user=self.alice, tenant=self.globex)
        self.assertEqual(self.told(), changed)
        membership.role = "admin"
        membership.save()
        self.assertEqual(self.told(), changed)
        self.globex.name = "Globex Corporation"
        self.globex.save()
        self.assertEqual({event["user_id"] for event in self.told()}, {str(self.alice.pk), str(self.bob.pk)})
        membership.delete()
        self.assertEqual(self.told(), changed)
        Onboarding.objects.get().delete()
        self.assertEqual(self.told(), [self.user("changed", self.newbie)])

    def test_onboarding_finished(self):
        sid = self.sign_in(self.newbie)
        self.told()
        Onboarding.objects.update_or_create(user=self.newbie, defaults={"needed": False})
        Membership.objects.create(user=self.newbie, tenant=self.acme)
        self.assertEqual(self.told(), [self.user("changed", self.newbie)] * 2)
        body = self.call("GET", CURRENT, sid=sid).json()
        self.assertEqual((body["tenant"]["slug"], body["onboarding"]["needed"]), ("acme", False))

    def test_sessions_that_end(self):
        one, two, three = (self.sign_in(self.alice) for _ in range(3))
        self.told()
        self.call("DELETE", CURRENT, sid=one)
        self.assertEqual(self.told(), self.revoked(one))
        self.call("DELETE", f"{SESSIONS}?scope=others", sid=two)
        self.assertEqual(self.told(), self.revoked(three))
        with sidgate(SESSION_LIMIT=1, GATEWAYS=[self.gateway.url], REVOCATION_KEYS=[KEY]):
            self.sign_in(self.alice)
            self.assertEqual(self.told(), self.revoked(two))

    def test_operators_calls(self):
        sid = self.sign_in(self.bob)
        self.told()
        for body, said in (
            ({"user_id": self.alice.pk}, self.user("revoked", self.alice)),
            ({"tenant_id": str(self.globex.pk)}, {"type": "tenant_revoked", "tenant_id": str(self.globex.pk)}),
            ({"all": True}, {"type": "all_revoked"}),
        ):
            self.call("POST", f"{SESSIONS}revoke/", body | {"operator": "eve"})
            self.assertEqual(self.told(), [said])
        self.assertFalse(self.good(sid))
        self.assertEqual(Event.objects.get(kind="ended").operator, "eve")

    def test_a_rotation_and_a_tenant_switch(self):
        sid = self.sign_in(self.alice)
        self.told()
        new = self.call("POST", f"{CURRENT}rotate/", sid=sid).json()["sid"]
        self.assertEqual(self.told(), [{"type": "session_changed", "public_id": self.public_id(new)}])

    def test_for_models_of_the_projects_own(self):
        receivers.changed(self.alice)
        ending.end_all_of(self.bob, "revoked", operator="eve")
        self.assertEqual(self.told(), [self.user("changed", self.alice), self.user("revoked", self.bob)])


class Delivered(AnnouncementCase):
    def test_on_commit_all_at_once_and_never_when_it_is_rolled_back(self):
        with transaction.atomic():
            for user in (self.alice, self.bob):
                receivers.changed(user)
            time.sleep(0.1)
            self.assertEqual(self.gateway.events, [])
        self.gateway.wait_for(2)
        self.assertEqual(len(self.gateway.heard), 1, "one body for one transaction")
        self.told()
        try:
            with transaction.atomic():
                self.alice.delete()
                raise InterruptedError
        except InterruptedError:
            pass
        self.assertEqual(self.told(), [])

    def test_signed_with_every_key_while_the_key_is_being_changed(self):
        with sidgate(GATEWAYS=[self.gateway.url], REVOCATION_KEYS=[b"the new key, which nobody has yet", KEY]):
            receivers.changed(self.alice)
            self.assertEqual(len(self.told()), 1)
        with sidgate(GATEWAYS=[self.gateway.url], REVOCATION_KEYS=[b"a wrong key"]), self.assertLogs(delivery.log):
            receivers.changed(self.alice)
            self.assertEqual(self.told(), [])

    def test_the_signature_of_the_contract(self):
        with sidgate(REVOCATION_KEYS=["key"]):
            headers = delivery.sign('{"a":1}', 1767225600)
        self.assertEqual(headers["X-Sidgate-Timestamp"], "1767225600")
        mac = hmac.new(b"key", b'1767225600.{"a":1}', hashlib.sha256).hexdigest()
        self.assertEqual(headers["X-Sidgate-Signature"], f"v1={mac}")

    def test_again_with_the_same_id_when_it_was_not_taken(self):
        self.gateway.statuses = [503, 429]
        receivers.changed(self.alice)
        with mock.patch.object(delivery, "PAUSES", (0.01, 0.01, 0.01)):
            self.assertEqual(len(self.told()), 1)
        ids = {body["event_id"] for body in self.gateway.refused}
        self.assertEqual((len(self.gateway.refused), len(ids)), (2, 1))

    def test_a_refusal_and_a_redirect_are_not_tried_again(self):
        for status in (400, 302):
            self.gateway.statuses = [status]
            with self.assertLogs(delivery.log, "ERROR"):
                receivers.changed(self.alice)
                self.assertEqual(self.told(), [])
        self.assertEqual(len(self.gateway.refused), 2)

    def test_a_gateway_that_is_gone_delays_nobody(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        dead = [f"http://127.0.0.1:{listener.getsockname()[1]}", "http://127.0.0.1:1"]
        settings = {"GATEWAYS": [*dead, self.gateway.url], "REVOCATION_KEYS": [KEY], "DELIVERY_TIMEOUT": 0.3}
        with (
            sidgate(**settings),
            mock.patch.object(delivery, "PAUSES", (0.01,)),
            self.assertLogs(delivery.log, "ERROR"),
        ):
            sid = self.sign_in(self.alice)
            began = time.monotonic()
            self.assertEqual(self.call("DELETE", CURRENT, sid=sid).status_code, 204)
            self.gateway.wait_for(1)
            self.assertLess(time.monotonic() - began, 0.3)
            self.assertTrue(delivery.flush(10))
            self.assertEqual(len(self.gateway.events), 1)

    def test_a_queue_that_is_full_drops_and_says_so(self):
        self.gateway.delay = 0.2
        with mock.patch.object(delivery, "QUEUE", 3), sidgate(GATEWAYS=[self.gateway.url], REVOCATION_KEYS=[KEY]):
            with self.assertLogs(delivery.log, "ERROR") as logged:
                for _ in range(50):
                    receivers.changed(self.alice)
            self.assertIn("dropped", logged.output[0])
            self.gateway.delay = 0
            self.assertTrue(delivery.flush(10))

    def test_without_gateways_nothing_runs(self):
        with sidgate(GATEWAYS=[]):
            receivers.changed(self.alice)
            self.assertEqual(delivery.senders(), [])


class Heard(AnnouncementCase):
    """`session_event`: the whole trail, for apps."""

    def test_an_app_hears_of_a_new_device_and_its_faults_harm_nobody(self):
        heard = []

        def listen(event, **_):
            heard.append(event.kind)
            raise RuntimeError("of the app")

        session_event.connect(listen)
        self.addCleanup(session_event.disconnect, listen)
        with self.assertLogs("sidgate_django.trail", "ERROR"):
            sid = self.sign_in(self.alice)
            self.assertEqual(heard, ["sign_in", "new_device"])
            self.sign_in(self.alice)
            self.call("DELETE", CURRENT, sid=sid)
        self.assertEqual(heard, ["sign_in", "new_device", "sign_in", "sign_out"])
        self.assertEqual(Session.objects.filter(device__user=self.alice).count(), 2)

    def test_no_secret_is_in_the_trail(self):
        sid = self.sign_in(self.alice)
        self.attempt(self.alice, "a wrong password")
        new = self.call("POST", f"{CURRENT}rotate/", sid=sid).json()["sid"]
        written = str(list(Event.objects.values()))
        for secret in (sid, new, "a wrong password", "correct horse", self.row(new).sid_sha256):
            self.assertNotIn(secret, written)
        kinds = set(Event.objects.values_list("kind", flat=True))
        self.assertEqual(kinds, {"sign_in", "new_device", "sign_in_failed", "rotated"})
        self.assertTrue(get_user_model().objects.get(pk=self.alice.pk).last_login)


@skipUnless(redis and shutil.which("redis-server"), "redis-server and the package redis are not installed")
class Redis(AnnouncementCase):
    def test_the_same_signed_json_over_a_channel(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = f"{folder}/redis.sock"
        options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        client = redis.Redis(unix_socket_path=path)
        self.addCleanup(client.close)
        deadline = time.monotonic() + 10
        while True:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
        channel = client.pubsub(ignore_subscribe_messages=True)
        self.addCleanup(channel.close)
        channel.subscribe("sidgate:revocations")
        with sidgate(GATEWAYS=[], REDIS_URL=f"unix://{path}", REVOCATION_KEYS=[KEY]):
            channel.get_message(timeout=1)
            receivers.changed(self.alice)
            self.assertTrue(delivery.flush(10))
            message = None
            while message is None and time.monotonic() < deadline:
                message = channel.get_message(timeout=1)
        envelope = json.loads(message["data"])
        self.assertEqual(self.gateway.take(envelope, envelope["body"]), 204)
        self.assertEqual(self.gateway.events, [self.user("changed", self.alice)])
