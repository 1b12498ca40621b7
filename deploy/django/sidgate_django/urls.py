"""Contract v1. Mount it where the gateway looks: `path("api/sessions/", include("sidgate_django.urls"))`."""

from django.urls import path

from . import activity, devices, migrate, revoke, session
from .endpoint import endpoint

app_name = "sidgate"
urlpatterns = [
    path("", endpoint(GET=devices.listing, POST=session.sign_in, DELETE=devices.end_scope), name="sessions"),
    path("current/", endpoint(GET=session.read, DELETE=session.sign_out), name="current"),
    path("current/rotate/", endpoint(POST=session.rotate), name="rotate"),
    path("current/tenant/", endpoint(POST=session.switch_tenant), name="tenant"),
    path("by-public-id/<str:public_id>/", endpoint(DELETE=devices.end_one), name="device"),
    path("migrate/", endpoint(POST=migrate.migrate), name="migrate"),
    path("revoke/", endpoint(POST=revoke.revoke), name="revoke"),
    path("activity/", endpoint(POST=activity.activity), name="activity"),
    # Only a UUID: any other name under this prefix is a wrong address (404), which must not read as a wrong session.
    path("<uuid:sid>/", endpoint(GET=session.read_by_path), name="session"),
]
