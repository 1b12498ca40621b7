"""An application behind the gateway, as far as these tests need one."""

import json

from django.http import JsonResponse

from sidgate_django.decorators import onboarded, signed_in
from sidgate_django.models import Onboarding


def whoami(request):
    return JsonResponse(
        {
            "user": request.user.get_username() or None,
            "tenant": request.tenant.slug if request.tenant else None,
            "onboarding": request.onboarding.needed if request.onboarding else None,
        }
    )


async def whoami_async(request):
    user = await request.auser() if hasattr(request, "auser") else request.user
    return JsonResponse({"user": user.get_username() or None})


def nothing(request):
    return JsonResponse({})


@signed_in
def change_password(request):
    request.user.set_password(json.loads(request.body)["password"])
    request.user.save()
    return JsonResponse({})


@signed_in
def finish_onboarding(request):
    Onboarding.objects.update_or_create(user=request.user, defaults={"needed": False})
    return JsonResponse({})


@onboarded
def dashboard(request):
    return JsonResponse({"permissions": request.sidgate.permissions})


try:
    from rest_framework.decorators import api_view, authentication_classes
    from rest_framework.response import Response

    from sidgate_django.rest_framework import SidgateAuthentication

    @api_view(["GET", "POST"])
    @authentication_classes([SidgateAuthentication])
    def drf_whoami(request):
        tenant = request.auth.tenant if request.auth else None
        return Response({"user": request.user.get_username() or None, "tenant": tenant and tenant.slug})
except ImportError:
    drf_whoami = None
