from django.urls import include, path

from demo.onboarding import onboarding

urlpatterns = [
    path("api/sessions/", include("sessions_v1.urls")),
    path("demo/onboarding/", onboarding),
]
