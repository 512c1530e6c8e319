"""Agno's own gateway: an AgentOS that hosts a remote agent. Runs in the peer's interpreter."""

import os

from agno.agent import RemoteAgent
from agno.os import AgentOS


def create_app():
    agent = RemoteAgent(base_url=os.environ["UPSTREAM"], agent_id="plain")
    return AgentOS(agents=[agent]).get_app()
