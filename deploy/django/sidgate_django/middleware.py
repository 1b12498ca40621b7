"""`SidgateMiddleware`: sets `request.user`, `request.tenant` and `request.onboarding` from what the gateway says.

All three are lazy: a view that does not look costs nothing. Test tenant and onboarding by truth: `if request.tenant:`.
`request.sidgate` is the whole identity, or None. The middleware stands after AuthenticationMiddleware, if there is one:
who is signed in at Django itself, to its admin for example, stays so unless the gateway says somebody.
"""

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import SimpleLazyObject

from .current import Current
from .identity import identify


@sync_and_async_middleware
def SidgateMiddleware(get_response):
    def answer(request):
        with Current(lambda: begin(request)) as current:
            prepare(request)
            return finish(request, get_response(request), current)

    async def answer_async(request):
        with Current(lambda: begin(request)) as current:
            prepare(request)
            response = await get_response(request)
            return await sync_to_async(finish)(request, response, current)

    return answer_async if iscoroutinefunction(get_response) else answer


def begin(request):
    identity = request.sidgate
    return identity.session if identity else None


def prepare(request):
    request.sidgate = identity = identify(request)
    if identity is None:
        request.tenant = request.onboarding = None
        if not hasattr(request, "user"):
            request.user = AnonymousUser()
        return
    request.user = SimpleLazyObject(lambda: identity.user)
    request.auser = sync_to_async(lambda: identity.user)
    request.tenant = SimpleLazyObject(lambda: identity.tenant)
    request.onboarding = SimpleLazyObject(lambda: identity.onboarding)
    if not identity.by_browser:
        # A page elsewhere cannot make a browser send this header, so there is nothing that a CSRF token could add.
        request._dont_enforce_csrf_checks = True


def finish(request, response, current):
    if request.sidgate is not None:
        patch_vary_headers(response, ["X-Auth-Assertion", "Authorization"])
        # An order to the gateway: forget what you know of this session. It does not reach the browser.
        if current.has_changed():
            response.headers.setdefault("X-Auth-Session-Changed", "1")
    return response
