"""Sends announcements to the gateways, each from a thread of its own: a gateway that does not answer delays nobody.

Nothing here is durable, and nothing needs to be: a gateway that misses an event asks again within seconds anyway. So
the queue is bounded, retries are few, and what is lost is logged.
"""

import atexit
import hashlib
import hmac
import json
import logging
import os
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid

from django.utils import timezone

from .conf import settings, when_changed

QUEUE = 1000
# Of one body, and how long to wait for more that belong to the same commit.
MOST, LINGER = 500, 0.02
PAUSES = (0.2, 1, 5)
# How long a process that ends goes on delivering.
FAREWELL = 3

log = logging.getLogger(__name__)


def hand_over(events):
    """Never blocks and never fails: it is called where a request would pay for it."""
    try:
        for sender in senders():
            sender.put(events)
    except Exception:
        log.exception("events could not be handed over")


def flush(timeout):
    """Waits until everything handed over so far has been delivered or given up. For tests, and at the end."""
    deadline = time.monotonic() + timeout
    return all([sender.wait(deadline) for sender in senders(start=False)])


class Sender:
    """One destination: its queue and its thread. The thread starts with the first event, after any fork."""

    def __init__(self, name, send):
        self.name, self.send = name, send
        self.queue = queue.Queue(QUEUE)
        self.unfinished = 0
        self.changed = threading.Condition()
        self.thread = None

    def put(self, events):
        with self.changed:
            try:
                self.queue.put_nowait(events)
            except queue.Full:
                log.error("%s takes no events; dropped %d", self.name, len(events))
                return
            self.unfinished += 1
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self.run, name="sidgate-delivery", daemon=True)
                self.thread.start()

    def run(self):
        while True:
            handed = [self.queue.get()]
            time.sleep(LINGER)
            while sum(map(len, handed)) < MOST:
                try:
                    handed.append(self.queue.get_nowait())
                except queue.Empty:
                    break
            try:
                events = [event for events in handed for event in events]
                for start in range(0, len(events), MOST):
                    self.deliver(events[start : start + MOST])
            except Exception:
                log.exception("an event for %s could not be sent", self.name)
            finally:
                with self.changed:
                    self.unfinished -= len(handed)
                    self.changed.notify_all()

    def deliver(self, events):
        # The same id in each attempt: who has heard it the first time forgets the second.
        body = json.dumps({"event_id": str(uuid.uuid4()), "at": timezone.now().isoformat(), "events": events})
        for pause in (*PAUSES, None):
            try:
                self.send(body)
                return
            except Exception as error:
                if pause is None or isinstance(error, Refused):
                    log.error("%s did not take %d events: %s", self.name, len(events), error)
                    return
            time.sleep(pause)

    def wait(self, deadline):
        with self.changed:
            return self.changed.wait_for(lambda: self.unfinished == 0, max(0, deadline - time.monotonic()))


class Refused(Exception):
    """An answer that asking again does not change."""


def sign(body, now=None):
    """The two headers of a body, with one signature for each key."""
    timestamp = str(int(time.time() if now is None else now))
    signed = f"{timestamp}.{body}".encode()
    macs = (hmac.new(key, signed, hashlib.sha256).hexdigest() for key in settings.revocation_keys)
    return {"X-Sidgate-Timestamp": timestamp, "X-Sidgate-Signature": ",".join(f"v1={mac}" for mac in macs)}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def webhook(url):
    address = f"{url.rstrip('/')}/revocations"

    def send(body):
        headers = {"Content-Type": "application/json", **sign(body)}
        request = urllib.request.Request(address, body.encode(), headers, method="POST")  # noqa: S310
        try:
            with opener.open(request, timeout=settings.DELIVERY_TIMEOUT):
                pass
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in (408, 429):
                raise Refused(f"status {error.code}") from None
            raise

    return send


def redis_channel(url):
    import redis

    timeout = settings.DELIVERY_TIMEOUT
    client = redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)

    def send(body):
        # The channel has no headers: they travel beside the very text that they sign.
        client.publish(settings.REDIS_CHANNEL, json.dumps({**sign(body), "body": body}))

    return send


_lock = threading.Lock()
_senders = None


def senders(start=True):
    """Those of this process: threads do not survive a fork, so a child has its own."""
    global _senders
    with _lock:
        if _senders is None or _senders[0] != os.getpid():
            if not start:
                return []
            _senders = (os.getpid(), destinations())
        return _senders[1]


def destinations():
    if not settings.revocation_keys:
        return []
    made = [Sender(url, webhook(url)) for url in settings.GATEWAYS]
    if settings.REDIS_URL:
        try:
            made.append(Sender("Redis", redis_channel(settings.REDIS_URL)))
        except ImportError:
            log.error("SIDGATE['REDIS_URL'] is set, and the package redis is not installed: pip install redis")
    return made


@when_changed
def _forget():
    global _senders
    _senders = None


os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock(), _senders=None))
atexit.register(flush, FAREWELL)
