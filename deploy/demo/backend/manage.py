#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # The tests bring their own secrets, so that they run on a fresh checkout.
    testing = sys.argv[1:2] == ["test"]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo.test_settings" if testing else "demo.settings")
    execute_from_command_line(sys.argv)
