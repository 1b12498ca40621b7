from django.core.checks import Tags
from django.core.checks import register as register_check


def register():
    register_check(check_settings, Tags.security)


def check_settings(app_configs, **_):
    return []
