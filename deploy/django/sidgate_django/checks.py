"""`manage.py check`: what is missing or cannot be meant in `SIDGATE`, with what to do about it."""

import difflib
from datetime import timedelta
from importlib.util import find_spec
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings as django_settings
from django.core import checks
from django.core.checks import Error, Tags, Warning
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from . import conf
from .conf import DEFAULTS, settings

MIDDLEWARE = "sidgate_django.middleware.SidgateMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
# Shorter than this, a secret is guessed.
SHORT, LONG_ENOUGH = 16, 32
PLACEHOLDERS = ("change", "secret", "example", "test", "demo", "dev", "insecure", "password", "default")
CHOICES = {
    "SESSION_LIMIT_POLICY": ("evict_oldest", "deny"),
    "PASSWORD_CHANGE": ("revoke_others", "revoke_all", "nothing"),
    "TRUST": ("assertion", "network"),
}
DOTTED = ("ADAPTER", "SIGN_IN_CHECK", "SECOND_FACTOR", "ACCESS_TOKEN_VERIFIER")


def register():
    checks.register(check_settings, Tags.security)


def check_settings(app_configs=None, **_):
    given = getattr(django_settings, "SIDGATE", None)
    if given is not None and not isinstance(given, dict):
        return [Error("SIDGATE is not a dict.", hint='SIDGATE = {"GATEWAY_KEYS": ...}', id="sidgate.E001")]
    parts = (unknown_keys, gateway_keys, choices, lifetimes, limit, imports, sending, trust, project)
    return [message for part in parts for message in part()]


def meant(word, words):
    close = difflib.get_close_matches(str(word), words, n=1)
    return f'Did you mean "{close[0]}"?' if close else f"There are: {', '.join(words)}."


def unknown_keys():
    for name in conf.given():
        if name not in DEFAULTS:
            hint = meant(str(name).upper(), tuple(DEFAULTS))
            yield Error(f'SIDGATE has an unknown key "{name}".', hint=hint, id="sidgate.E002")


def gateway_keys():
    keys = settings.gateway_keys
    if not keys:
        yield Error(
            "There is no gateway key, so every call of the gateway is refused.",
            hint="Give Django the gateway's key: the environment's SIDGATE_GATEWAY_KEY, or SIDGATE['GATEWAY_KEYS']. "
            'Make one with: python -c "import secrets; print(secrets.token_hex(32))"',
            id="sidgate.E003",
        )
    yield from weak(keys, "gateway key", "sidgate.W001")


def weak(keys, what, id):
    for key in keys:
        text = key.decode(errors="replace").lower()
        if len(key) < LONG_ENOUGH:
            yield Warning(
                f"A {what} has only {len(key)} characters.",
                hint='Use 32 or more, at random: python -c "import secrets; print(secrets.token_hex(32))"',
                id=id,
            )
        elif not django_settings.DEBUG and (len(set(text)) < 8 or text.startswith(PLACEHOLDERS)):
            yield Warning(f"A {what} looks like a placeholder.", hint="DEBUG is off. Make a random one.", id=id)


def choices():
    for name, words in CHOICES.items():
        value = getattr(settings, name)
        if value not in words:
            yield Error(f'SIDGATE["{name}"] is {value!r}.', hint=meant(value, words), id="sidgate.E004")


def lifetimes():
    lifetime, idle = settings.SESSION_LIFETIME, settings.SESSION_IDLE_LIFETIME
    times = {"SESSION_LIFETIME": lifetime, "RETENTION": settings.RETENTION}
    if idle is not None:
        times["SESSION_IDLE_LIFETIME"] = idle
    wrong = [name for name, value in times.items() if not positive(value)]
    for name in wrong:
        hint = "For example timedelta(days=14)."
        yield Error(f'SIDGATE["{name}"] is no positive timedelta.', hint=hint, id="sidgate.E005")
    if not wrong and idle and idle > lifetime:
        yield Error(
            "Sessions end before they can become idle: SESSION_IDLE_LIFETIME is longer than SESSION_LIFETIME.",
            hint="Make SESSION_IDLE_LIFETIME the shorter one, or None.",
            id="sidgate.E006",
        )


def positive(value):
    return isinstance(value, timedelta) and value > timedelta(0)


def limit():
    value = settings.SESSION_LIMIT
    if value is not None and (type(value) is not int or value < 1):
        hint = "A number from 1, or None for no limit."
        yield Error(f'SIDGATE["SESSION_LIMIT"] is {value!r}.', hint=hint, id="sidgate.E007")


def imports():
    dotted = {f'SIDGATE["{name}"]': getattr(settings, name) for name in DOTTED}
    proofs = settings.PROOFS
    if not isinstance(proofs, dict):
        yield Error('SIDGATE["PROOFS"] is no dict.', hint='{"opaque": "shop.sidgate.verify"}', id="sidgate.E008")
    else:
        for kind in proofs.keys() - DEFAULTS["PROOFS"].keys():
            hint = f"One of {', '.join(DEFAULTS['PROOFS'])}."
            yield Error(f'SIDGATE["PROOFS"] names {kind!r}, which is no kind of proof.', hint=hint, id="sidgate.E008")
        dotted |= {f'SIDGATE["PROOFS"]["{kind}"]': path for kind, path in proofs.items()}
    for where, path in dotted.items():
        if isinstance(path, str):
            try:
                import_string(path)
            except ImportError as error:
                hint = "Write the whole path: package.module.name"
                yield Error(f"{where} cannot be imported: {error}", hint=hint, id="sidgate.E008")


def sending():
    gateways, keys = settings.GATEWAYS, settings.revocation_keys
    if isinstance(gateways, str):
        hint = 'SIDGATE["GATEWAYS"] = ["http://127.0.0.1:9901"]'
        yield Error('SIDGATE["GATEWAYS"] is a text and no list.', hint=hint, id="sidgate.E009")
        gateways = []
    for url in gateways:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            hint = 'The address of an admin listener, like "http://127.0.0.1:9901".'
            yield Error(f'SIDGATE["GATEWAYS"]: {url!r} is no http address.', hint=hint, id="sidgate.E009")
    if (gateways or settings.REDIS_URL) and not keys:
        yield Error(
            "Nothing is sent to the gateways: there is no key to sign it with.",
            hint='Set SIDGATE["REVOCATION_KEYS"] to the key that the gateways have for revocation events.',
            id="sidgate.E010",
        )
    yield from weak(keys, "revocation key", "sidgate.W002")
    if set(keys) & set(settings.gateway_keys):
        hint = "Whoever reads one would have both. Make a second one."
        yield Warning("The revocation key is the gateway key.", hint=hint, id="sidgate.W003")
    if settings.REDIS_URL and find_spec("redis") is None:
        hint = "pip install 'sidgate-django[redis]'"
        yield Error('SIDGATE["REDIS_URL"] is set, and redis is not installed.', hint=hint, id="sidgate.E011")


def trust():
    if settings.TRUST == "network":
        yield Warning(
            "Plain headers are believed: whoever reaches Django past the gateway is whoever they say.",
            hint='Set SIDGATE["TRUST"] to "assertion", or be sure that only the gateway can connect to Django.',
            id="sidgate.W004",
        )
        return
    sources = [name for name in ("JWKS_URL", "JWKS_FILE", "JWKS") if getattr(settings, name)]
    if len(sources) > 1:
        hint = "Keep one of them."
        yield Error(f"SIDGATE names several key sets: {', '.join(sources)}.", hint=hint, id="sidgate.E012")
    if MIDDLEWARE in django_settings.MIDDLEWARE and not sources and settings.JWKS is None:
        yield Warning(
            "No assertion can be verified, so the gateway's users are nobody here.",
            hint='Set SIDGATE["JWKS_URL"] to the gateway\'s admin listener: "http://127.0.0.1:9901/jwks.json".',
            id="sidgate.W005",
        )


def project():
    middleware = list(django_settings.MIDDLEWARE)
    if MIDDLEWARE in middleware and AUTHENTICATION in middleware[middleware.index(MIDDLEWARE) :]:
        yield Error(
            "AuthenticationMiddleware overwrites what SidgateMiddleware says.",
            hint="Put SidgateMiddleware after it in MIDDLEWARE.",
            id="sidgate.E013",
        )
    if not django_settings.USE_TZ:
        hint = "Set USE_TZ = True: the gateway needs times with an offset."
        yield Error("USE_TZ is off.", hint=hint, id="sidgate.E014")
    if getattr(django_settings, "ROOT_URLCONF", None) and apps.ready:
        try:
            reverse("sidgate:current")
        except NoReverseMatch:
            yield Warning(
                "The session calls have no address.",
                hint='In urls.py: path("api/sessions/", include("sidgate_django.urls")).',
                id="sidgate.W006",
            )
