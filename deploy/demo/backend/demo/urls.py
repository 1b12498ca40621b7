from django.urls import include, path

from demo.me import me
from demo.onboarding import onboarding
from demo.sign_in import from_access_token, sign_up

urlpatterns = [
    path("api/sessions/", include("sidgate_django.urls")),
    path("demo/onboarding/", onboarding),
    path("demo/me/", me),
    path("demo/sign-up/", sign_up),
    path("demo/session/", from_access_token),
]
