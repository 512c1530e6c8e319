"""A WSGI gateway: remote agents, teams and workflows of many servers, behind one AgentOS.

from remoteagent_lite import RemoteAgent
from remoteagent_lite.gateway import Gateway, Keys

app = Gateway(RemoteAgent("http://localhost:7777", "my-agent"), auth=Keys("a long secret"))
"""

from .app import Gateway
from .auth import JWT, Keys
from .configuration import from_file

__all__ = ["JWT", "Gateway", "Keys", "from_file"]
