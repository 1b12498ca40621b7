"""What Django itself says of whoever is asking: by the gateway's assertion, which the application passes on."""

from django.http import JsonResponse


def me(request):
    user, tenant = request.user, request.tenant
    if not user.is_authenticated:
        return JsonResponse({"code": "not_authenticated"}, status=401)
    return JsonResponse({"id": str(user.pk), "name": user.get_full_name(), "tenant": tenant.name if tenant else None})
