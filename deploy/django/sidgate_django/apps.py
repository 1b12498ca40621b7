from django.apps import AppConfig


class SidgateConfig(AppConfig):
    name = "sidgate_django"
    label = "sidgate"
    verbose_name = "Sessions (sidgate)"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from . import checks, receivers

        checks.register()
        receivers.connect()
