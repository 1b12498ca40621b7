"""What all calls share: the caller's key, the method, the JSON body, and refusals as JSON."""

import hmac
import ipaddress
import json

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import JsonResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from .answers import Refusal
from .conf import settings


def endpoint(**handlers):
    """A view out of one function per method, for the gateway alone: `endpoint(GET=read, DELETE=end)`."""
    return keyed("X-Gateway-Key", lambda: settings.gateway_keys, "gateway_key_invalid", handlers)


def keyed(header, keys, code, handlers):
    """The same for other callers: `keys()` are the good values of `header`; anything else is 401 with `code`."""

    # With ATOMIC_REQUESTS a validation would open a transaction, and under SQLite perhaps wait for a lock.
    @transaction.non_atomic_requests
    @csrf_exempt
    def view(request, **path):
        try:
            # First of all, so that nobody without the key learns anything, not even which methods there are.
            if not one_of(request.headers.get(header, ""), keys()):
                raise Refusal(401, code)
            handler = handlers.get(request.method)
            if handler is None:
                response = Refusal(405, "method_not_allowed").response()
                response["Allow"] = ", ".join(handlers)
                return response
            # The gateway says who the client is. Throttles and audit apps look here.
            if address := client_ip(request):
                request.META["REMOTE_ADDR"] = address
            return handler(request, **path)
        except Refusal as refusal:
            return refusal.response()

    return view


def one_of(given, keys):
    """Compares with every key in constant time. No key at all: nothing is good."""
    # WSGI hands header bytes over as Latin-1.
    given = given.encode("latin-1", "replace")
    # A list and not a generator: how long it takes says nothing about which one it was.
    return any([hmac.compare_digest(given, key) for key in keys])


def json_object(request):
    try:
        # Before it is read into memory. Without a length, WSGI gives Django an empty body.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.MAX_BODY or len(request.body) > settings.MAX_BODY:
            raise Refusal(413, "too_large")
        body = json.loads(request.body)
        if b"\\u" in request.body:
            refuse_what_no_database_takes(body)
    except RequestDataTooBig:
        raise Refusal(413, "too_large") from None
    except (ValueError, RecursionError, UnreadablePostError):
        raise Refusal(400, "invalid_json") from None
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_json")
    return body


def refuse_what_no_database_takes(value):
    """Half a surrogate pair, or NUL: valid JSON, and an error of the database later on."""
    if isinstance(value, str):
        value.encode()
        if "\0" in value:
            raise ValueError("NUL")
    elif isinstance(value, dict):
        refuse_what_no_database_takes([*value, *value.values()])
    elif isinstance(value, list):
        for one in value:
            refuse_what_no_database_takes(one)


def ok(body, status=200):
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response


def client_ip(request):
    try:
        return str(ipaddress.ip_address(request.headers.get("X-Client-Ip", "").strip()))
    except ValueError:
        return None
