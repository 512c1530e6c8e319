"""Two agents for ActiveWorkflow in one WSGI app: one of our own, one that asks an AgentOS agent.

gunicorn -w 1 --threads 4 --timeout 90 -b 127.0.0.1:8080 agents:app
waitress-serve --listen 127.0.0.1:8080 agents:app
remoteagent activeworkflow serve agents:app --port 8080
"""

import os

from remoteagent_lite import RemoteAgent
from remoteagent_lite.activeworkflow import Agent, AgentApp, Option
from remoteagent_lite.activeworkflow.bridge import Bridge


class ShoutAgent(Agent):
    """Upper-cases one field of every message."""

    options = [Option("key", str, "text", "The field to shout.")]

    def receive(self, ctx):
        ctx.emit({"text": str(ctx.payload[ctx.options["key"]]).upper()})


my_agent = RemoteAgent(
    os.environ.get("AGENTOS_URL", "http://localhost:7777"),
    os.environ.get("AGENTOS_AGENT", "my-agent"),
    auth_token=os.environ.get("AGENTOS_TOKEN"),
)

app = AgentApp(
    ShoutAgent(),
    Bridge(my_agent, name="AskMyAgent"),
    # A secret part of the path: ActiveWorkflow can send no other credential.
    token=os.environ.get("AGENTS_TOKEN"),
    # A file keeps answers over restarts and for several processes; "memory" is for one.
    idempotency=os.environ.get("AGENTS_STORE", "memory"),
)
