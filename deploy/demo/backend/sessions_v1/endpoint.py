"""What all calls share: the caller's key, the method, the JSON body, and refusals as JSON."""

import hmac
import json

from django.conf import settings
from django.http import HttpResponseNotAllowed, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from .answers import Refusal


def endpoint(**handlers):
    """A view out of one function per method, for the gateway alone: `endpoint(GET=read, DELETE=end)`."""
    return keyed("X-Gateway-Key", lambda: settings.GATEWAY_KEY, "gateway_key_invalid", handlers)


def keyed(header, key, code, handlers):
    @csrf_exempt
    def view(request, **path):
        try:
            # First of all, so that nobody without the key learns anything, not even which methods there are.
            if not same_text(request.headers.get(header, ""), key()):
                raise Refusal(401, code)
            handler = handlers.get(request.method)
            if handler is None:
                return HttpResponseNotAllowed(handlers)
            return handler(request, **path)
        except Refusal as refusal:
            return refusal.response()

    return view


def same_text(given, wanted):
    # WSGI hands header bytes over as Latin-1.
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode())


def json_object(request):
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Refusal(400, "invalid_json") from None
    if not isinstance(body, dict):
        raise Refusal(400, "invalid_json")
    return body


def ok(body, status=200):
    response = JsonResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response
