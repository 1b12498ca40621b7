"""Serves the kit with gunicorn and lets the gateway's conformance suite at it: `conformance.py path/to/sidgate`.

Everything is on: second factor, access tokens, migration of every kind; then once more for each policy of the limit.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
KEY = "gateway key of the tests, long enough"


def main(gateway):
    sys.path.insert(0, str(KIT))
    with tempfile.TemporaryDirectory() as folder, database(folder) as name:
        mail = Path(folder) / "mail"
        mail.mkdir()
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "tests.conformance_settings",
            "SIDGATE_TEST_DATABASE": name,
            "SIDGATE_TEST_MAIL": str(mail),
            "SIDGATE_GATEWAY_KEY": KEY,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        from tests import conformance_people

        conformance_people.make()
        connections.close_all()
        people = Path(folder) / "people.toml"
        people.write_text(conformance_people.PEOPLE_FILE.replace("{mail}", str(mail)))
        suite = [gateway, "conformance", "--people", str(people)]
        runs = [({}, ["--end-everyone"])]
        for policy in ("evict_oldest", "deny"):
            limit = {"SIDGATE_TEST_LIMIT": "2", "SIDGATE_TEST_POLICY": policy}
            runs.append((limit, ["--expect-limit", "2", policy, "--only", "limit"]))
        failed = 0
        for environment, arguments in runs:
            with served(environment) as url:
                failed += subprocess.run([*suite, "--url", url, *arguments], check=False).returncode != 0
    sys.exit(1 if failed else 0)


@contextmanager
def database(folder):
    server = os.environ.get("SIDGATE_TEST_POSTGRES")
    if not server:
        yield str(Path(folder) / "db.sqlite3")
        return
    import psycopg

    name = f"conformance_{os.getpid()}"
    with psycopg.connect(host=server, user="sidgate", dbname="sidgate", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def served(environment):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = ["--bind", address, "--workers", "2", "--threads", "8", "--worker-class", "gthread", "--keep-alive", "75"]
    options += ["--log-level", "warning", "--no-control-socket", "--pythonpath", str(KIT)]
    program = [sys.executable, "-m", "gunicorn", *options, "django.core.wsgi:get_wsgi_application()"]
    server = subprocess.Popen(program, env=os.environ | environment)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(address.split(":"), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or server.poll() is not None:
                    sys.exit("gunicorn did not start")
                time.sleep(0.05)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main(sys.argv[1])
