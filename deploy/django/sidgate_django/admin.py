"""For operators: look, search, and end sessions. Nothing of it can be edited, and there is no sid to be seen."""

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import ngettext

from . import ending
from .adapter import BuiltinAdapter
from .conf import settings
from .models import Device, Event, Membership, Onboarding, Session, Tenant
from .models.session import Ended


def of_user(*more):
    user = get_user_model()
    names = dict.fromkeys([user.USERNAME_FIELD, user.get_email_field_name()])
    fields = {field.name for field in user._meta.get_fields()}
    return [f"user__{name}" for name in names if name in fields] + list(more)


class ReadOnly(admin.ModelAdmin):
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def get_search_fields(self, request):
        return of_user(*self.search_fields)


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [("live", "live"), ("revoked", "ended"), ("expired", "expired or idle")]

    def queryset(self, request, queryset):
        now = timezone.now()
        if self.value() == "live":
            return queryset.live(now)
        if self.value() == "revoked":
            return queryset.exclude(revoked_at=None)
        if self.value() == "expired":
            return queryset.filter(Q(expires_at__lte=now) | Q(idle_expires_at__lte=now), revoked_at=None)
        return queryset


@admin.register(Session)
class SessionAdmin(ReadOnly):
    list_display = ["public_id", "user", "tenant_id", "state", "ip", "agent", "created_at", "last_activity"]
    list_filter = [StateFilter, "source", "revoked_reason", "created_at"]
    list_select_related = ["user"]
    search_fields = ["public_id__startswith", "ip__startswith", "tenant_id__exact"]
    date_hierarchy = "created_at"
    actions = ["revoke"]
    # All but the hash of the sid: nobody can sign in with it, and nobody needs it here.
    fields = [
        *["public_id", "user", "tenant_id", "state", "source", "created_at", "authenticated_at", "last_activity"],
        *["expires_at", "idle_expires_at", "ip", "user_agent", "device", "revoked_at", "revoked_reason", "successor"],
    ]
    readonly_fields = fields

    @admin.display(description="state")
    def state(self, session):
        return session.refusal() or "live"

    @admin.display(description="browser")
    def agent(self, session):
        return session.user_agent[:60]

    def has_revoke_permission(self, request):
        return request.user.has_perm("sidgate.revoke_session")

    @admin.action(description="End the selected sessions", permissions=["revoke"])
    def revoke(self, request, queryset):
        operator = request.user.get_username()
        chosen = Session.objects.filter(pk__in=queryset.values_list("pk", flat=True)).live()
        ended = ending.end(chosen, Ended.BY_OPERATOR, operator=operator)
        said = ngettext("%d session was ended.", "%d sessions were ended.", len(ended))
        self.message_user(request, said % len(ended), messages.SUCCESS)


@admin.register(Event)
class EventAdmin(ReadOnly):
    list_display = ["at", "kind", "reason", "username", "operator", "ip", "session_id", "tenant_id"]
    list_filter = ["kind", "reason", "at"]
    search_fields = ["username", "user_key__exact", "operator", "session_id__startswith", "ip__startswith"]
    date_hierarchy = "at"

    def get_search_fields(self, request):
        return self.search_fields


@admin.register(Device)
class DeviceAdmin(ReadOnly):
    list_display = ["user", "user_agent", "ip", "first_seen", "last_seen"]
    list_filter = ["last_seen"]
    list_select_related = ["user"]
    search_fields = ["user_agent", "ip__startswith"]
    exclude = ["user_agent_sha256"]


class ForBuiltin(admin.ModelAdmin):
    """Not shown where the project has tenants of its own."""

    def has_module_permission(self, request):
        return issubclass(settings.imported("ADAPTER"), BuiltinAdapter) and super().has_module_permission(request)


@admin.register(Tenant)
class TenantAdmin(ForBuiltin):
    list_display = ["slug", "name"]
    search_fields = ["slug", "name"]


@admin.register(Membership)
class MembershipAdmin(ForBuiltin):
    list_display = ["user", "tenant", "role"]
    list_filter = ["role"]
    list_select_related = ["user", "tenant"]
    raw_id_fields = ["user", "tenant"]

    def get_search_fields(self, request):
        return of_user("tenant__slug")


@admin.register(Onboarding)
class OnboardingAdmin(ForBuiltin):
    list_display = ["user", "needed", "step"]
    list_filter = ["needed", "step"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]

    def get_search_fields(self, request):
        return of_user()
