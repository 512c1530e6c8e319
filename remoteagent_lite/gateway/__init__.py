"""A WSGI gateway: agents, teams and workflows, remote ones and Python functions, as one AgentOS.

from remoteagent_lite import RemoteAgent
from remoteagent_lite.gateway import Gateway, Keys, agent

@agent(id="greeter", description="Greets people.")
def greet(run):
    return "Hello, %s!" % run.text

remote = RemoteAgent("http://localhost:7777", "my-agent")
app = Gateway(greet, remote, auth=Keys("a long secret"))
"""

from .app import Gateway
from .auth import JWT, Keys
from .configuration import from_file
from .local.component import LocalComponent, agent, team, workflow
from .local.run import AgentError, Confirmation, Message, Run
from .store.contract import Limits, Store
from .store.memory import MemoryStore

__all__ = [
    "JWT",
    "AgentError",
    "Confirmation",
    "Gateway",
    "Keys",
    "Limits",
    "LocalComponent",
    "MemoryStore",
    "Message",
    "Run",
    "Store",
    "agent",
    "from_file",
    "team",
    "workflow",
]
