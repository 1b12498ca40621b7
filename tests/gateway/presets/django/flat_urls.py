"""What somebody builds who has only the first design's page: three calls in plain views, refusals without a word."""

import json

from django.contrib.auth import authenticate
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from sessions_v1 import shape, store
from sessions_v1.answers import Refusal
from sessions_v1.models import Session


@csrf_exempt
@require_POST
def login(request):
    body = json.loads(request.body)
    user = authenticate(request, username=body.get("email"), password=body.get("password"))
    if user is None:
        return HttpResponse(status=401)
    first = user.memberships.select_related("tenant").first()
    session, sid = store.create(user, first.tenant if first else None, request)
    return JsonResponse({"session_id": sid, "expires_at": session.expires_at.isoformat()})


@csrf_exempt
@require_http_methods(["GET", "DELETE"])
def session(request, sid):
    sid = str(sid)
    if request.headers.get("Authorization") != f"SessionID {sid}":
        return HttpResponse(status=403)
    if request.method == "DELETE":
        ended = Session.objects.filter(sid_sha256=store.digest(sid)).revoke("signed_out")
        return HttpResponse(status=204 if ended else 404)
    try:
        whole = shape.session_body(store.find(sid))
    except Refusal:
        return HttpResponse(status=404)
    return JsonResponse(
        {
            "email": whole["user"]["email"],
            "tenant_id": whole["tenant"]["id"] if whole["tenant"] else None,
            "needs_onboarding": whole["onboarding"]["needed"],
            "onboarding_completed": not whole["onboarding"]["needed"],
            "permissions": whole["permissions"],
        }
    )


urlpatterns = [
    path("api/auth/login/", login),
    path("api/sessions/<uuid:sid>/", session),
]
