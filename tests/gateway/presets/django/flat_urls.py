"""What somebody builds who has only the first design's page: three calls in plain views, refusals without a word."""

import json

from django.contrib.auth import authenticate
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST
from sidgate_django import ending, store
from sidgate_django.answers import Refusal
from sidgate_django.facts import Facts
from sidgate_django.models import Session, digest


@csrf_exempt
@require_POST
def login(request):
    body = json.loads(request.body)
    user = authenticate(request, username=body.get("email"), password=body.get("password"))
    if user is None:
        return HttpResponse(status=401)
    made = store.create(user, request, source="password")
    return JsonResponse({"session_id": made.sid, "expires_at": made.session.expires_at.isoformat()})


@csrf_exempt
@require_http_methods(["GET", "DELETE"])
def session(request, sid):
    sid = str(sid)
    if request.headers.get("Authorization") != f"SessionID {sid}":
        return HttpResponse(status=403)
    if request.method == "DELETE":
        ended = ending.end(Session.objects.filter(sid_sha256=digest(sid)), "signed_out")
        return HttpResponse(status=204 if ended else 404)
    try:
        whole = Facts(store.find(sid)).body()
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
