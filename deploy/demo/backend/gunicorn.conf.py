"""How the demo serves the backend. `deploy/demo/start` gives the port."""

import os

bind = f"127.0.0.1:{os.environ.get('DEMO_DJANGO_PORT', '8000')}"
workers = 2
worker_class = "gthread"
threads = 8
# Longer than the gateway keeps an idle connection, so that it is never the backend that hangs up on a new question.
keepalive = 75
wsgi_app = "demo.wsgi"
# It would be made in the home directory, and nothing here asks it anything.
control_socket_disable = True
