"""A WSGI gateway: remote agents, teams and workflows of many servers, behind one AgentOS.

from remoteagent_lite import RemoteAgent
from remoteagent_lite.gateway import Gateway

app = Gateway(RemoteAgent("http://localhost:7777", "my-agent"))
"""

from .app import Gateway

__all__ = ["Gateway"]
