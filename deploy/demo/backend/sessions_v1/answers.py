"""An answer that ends a call early, from however deep inside it."""

from django.http import JsonResponse


class Refusal(Exception):
    """The call is answered with this status, `{"code": code}` and the further fields given."""

    def __init__(self, status, code, **more):
        super().__init__(code)
        self.status = status
        self.body = {"code": code, **more}

    def response(self):
        return JsonResponse(self.body, status=self.status)


def field_errors(**errors):
    return Refusal(400, "invalid_fields", fields={name: [text] for name, text in errors.items()})
