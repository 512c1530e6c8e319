"""The gateway for a WSGI server with threads.

``gunicorn --worker-class gthread --threads 64 app:app``, ``waitress-serve --threads 64 app:app``,
or ``uwsgi --ini deploy/uwsgi.ini``.
"""

import os

from remoteagent_lite import RemoteAgent, RemoteWorkflow
from remoteagent_lite.gateway import Gateway, Keys

AGENTOS = os.environ["AGENTOS_URL"]
KEY = os.environ.get("AGENTOS_KEY")

app = Gateway(
    RemoteAgent(AGENTOS, "my-agent", auth_token=KEY),
    RemoteWorkflow(AGENTOS, "qa-workflow", auth_token=KEY),
    RemoteAgent(os.environ["A2A_URL"], "painter", protocol="a2a"),
    os_id="my-gateway",
    auth=Keys(os.environ["GATEWAY_KEY"]),
    a2a=True,
    trusted_proxies=["127.0.0.1", "::1"],  # deploy/nginx.conf
)
