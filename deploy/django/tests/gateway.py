"""A gateway as far as Django sees it: an HTTP server that takes revocation events, and serves the keys."""

import hashlib
import hmac
import json
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

KEY = b"revocation key of the tests, long enough"


class Gateway:
    def __init__(self):
        self.heard = []
        self.refused = []
        self.asked_for_keys = 0
        self.key_set = {"keys": []}
        # Statuses for the next deliveries; then 204.
        self.statuses = []
        self.delay = 0
        self.changed = Condition()

    @property
    def events(self):
        return [event for body in self.heard for event in body["events"]]

    def wait_for(self, count, timeout=10):
        """The events, as soon as there are so many."""
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) >= count, timeout)
            return self.events

    def take(self, headers, body):
        """What the contract asks of a receiver."""
        timestamp = headers["X-Sidgate-Timestamp"]
        mac = hmac.new(KEY, f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
        signatures = headers["X-Sidgate-Signature"].split(",")
        good = abs(time.time() - int(timestamp)) <= 60 and any(
            hmac.compare_digest(one, f"v1={mac}") for one in signatures
        )
        with self.changed:
            status = self.statuses.pop(0) if self.statuses else 204
            if not good:
                status = 401
            (self.heard if status == 204 else self.refused).append(json.loads(body))
            self.changed.notify_all()
        return status


@contextmanager
def running():
    gateway = Gateway()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            time.sleep(gateway.delay)
            status = gateway.take(self.headers, body) if self.path == "/revocations" else 404
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            gateway.asked_for_keys += 1
            body = json.dumps(gateway.key_set).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gateway.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield gateway
    finally:
        server.shutdown()
        server.server_close()
