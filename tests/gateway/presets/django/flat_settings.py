"""The demo's Django with the calls of the first design in the place of contract v1's."""

from demo.settings import *  # noqa: F403

ROOT_URLCONF = "flat_urls"
