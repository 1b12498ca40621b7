from django.urls import path

from . import devices, revoke, session
from .endpoint import endpoint

urlpatterns = [
    path("", endpoint(GET=devices.listing, POST=session.sign_in, DELETE=devices.end_scope)),
    path("current/", endpoint(GET=session.read, DELETE=session.sign_out)),
    path("current/rotate/", endpoint(POST=session.rotate)),
    path("current/tenant/", endpoint(POST=session.switch_tenant)),
    path("by-public-id/<uuid:public_id>/", endpoint(DELETE=devices.end_one)),
    path("revoke/", endpoint(POST=revoke.revoke)),
    # Only a UUID: any other name under this prefix is a wrong address (404), which must not read as a wrong session.
    path("<uuid:sid>/", endpoint(GET=session.read_by_path)),
]
