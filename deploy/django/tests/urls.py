from django.contrib import admin
from django.urls import include, path

from . import views

urlpatterns = [
    path("api/sessions/", include("sidgate_django.urls")),
    path("admin/", admin.site.urls),
    path("whoami/", views.whoami),
    path("whoami-async/", views.whoami_async),
    path("nothing/", views.nothing),
    path("password/", views.change_password),
    path("onboarding/", views.finish_onboarding),
    path("dashboard/", views.dashboard),
    *([path("drf/", views.drf_whoami)] if views.drf_whoami else []),
]
