from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("api/sessions/", include("sidgate_django.urls")),
    path("admin/", admin.site.urls),
]
