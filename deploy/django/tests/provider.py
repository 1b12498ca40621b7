"""A small identity provider, as far as the backend asks it anything: token introspection."""

import base64
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from .case import sidgate

CLIENT = {"client_id": "sidgate-demo", "client_secret": "secret"}


def trusted(url):
    introspection = {"url": f"{url}/introspect", **CLIENT} if url else None
    return sidgate(ACCESS_TOKEN_VERIFIER="sidgate_django.introspection.verify", INTROSPECTION=introspection)


class Provider:
    """Its tokens, and what it says of each: claims, or a status and a body."""

    def __init__(self):
        self.tokens = {}
        self.asked = []

    def issue(self, token, **claims):
        self.tokens[token] = {"active": True, "client_id": "sidgate-demo", "email_verified": True, **claims}


@contextmanager
def running():
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            provider.asked.append((self.path, self.headers["Authorization"], form))
            said = provider.tokens.get(form["token"][0], {"active": False})
            status, body = said if isinstance(said, tuple) else (200, json.dumps(said))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        with trusted(f"http://127.0.0.1:{server.server_port}"):
            yield provider
    finally:
        server.shutdown()
        server.server_close()


BASIC = "Basic " + base64.b64encode(b"sidgate-demo:secret").decode()
