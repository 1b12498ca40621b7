"""The session backend of the sidgate gateway: an app for a Django project. See README.md."""

__version__ = "0.1.0"
