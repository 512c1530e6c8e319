"""RemoteAgent, RemoteTeam and RemoteWorkflow: a component and its result types each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

from .channels.agentos import Connection
from .errors import UnsupportedError
from .options import RemoteSettings, Timeout, Unpack
from .protocols.component import AGENT, TEAM, WORKFLOW
from .runs.runner import Runner, ToolRunner

if TYPE_CHECKING:
    from .client import AgentOSClient
    from .models import (
        AgentResponse,
        RunOutput,
        TeamResponse,
        TeamRunOutput,
        WorkflowResponse,
        WorkflowRunOutput,
    )
    from .models.runs import RunOutputEvent, TeamRunOutputEvent, WorkflowRunOutputEvent

    AgentBase = ToolRunner[RunOutput, RunOutputEvent, AgentResponse]
    TeamBase = ToolRunner[TeamRunOutput, Union[TeamRunOutputEvent, RunOutputEvent], TeamResponse]
    WorkflowBase = Runner[
        WorkflowRunOutput,
        Union[WorkflowRunOutputEvent, TeamRunOutputEvent, RunOutputEvent],
        WorkflowResponse,
    ]
else:
    AgentBase = TeamBase = ToolRunner
    WorkflowBase = Runner

__all__ = ["RemoteAgent", "RemoteTeam", "RemoteWorkflow"]


class _OnAnAgentOS:
    """What a component has of the server it is on."""

    _connection: Any

    @property
    def client(self) -> AgentOSClient:
        """A client for the component's server, with its settings, token and connections.

        Closing it closes the component's idle connections too. Raises UnsupportedError where the
        server is spoken to over A2A.
        """
        from .client import AgentOSClient  # nobody else pays for the import

        if not isinstance(self._connection, Connection):
            raise UnsupportedError(
                "A server that is spoken to over A2A has no AgentOSClient; A2AClient speaks to it.",
                self._connection.base_url,
            )
        return AgentOSClient.on(self._connection)


class RemoteAgent(AgentBase, _OnAnAgentOS):
    """An agent that a remote server hosts.

    ``protocol`` is "agentos" or "a2a"; for the latter ``base_url`` is where the agent's card is,
    and ``a2a_protocol`` "json-rpc", "rest" or "auto" (whatever the card offers, best first).
    ``timeout`` is in seconds, or a Timeout; ``config_ttl`` is how many seconds the configuration
    behind ``name``, ``description``, ``role``, ``tools``, ``db`` and ``knowledge`` is kept.
    ``auth_token`` (a str, or a function returning one) goes with every request. Without
    ``base_url`` and ``auth_token`` they come from the environment: REMOTEAGENT_URL and
    REMOTEAGENT_TOKEN. Nothing is sent until a method or one of those properties needs it. See
    RemoteSettings for the other settings, and Runner for the rest.
    """

    component = AGENT

    def __init__(
        self,
        base_url: Optional[str] = None,
        agent_id: str = "",
        protocol: str = "agentos",
        a2a_protocol: str = "auto",
        timeout: Union[float, Timeout, None] = 60.0,
        config_ttl: float = 300.0,
        **settings: Unpack[RemoteSettings],
    ) -> None:
        super().__init__(
            base_url, agent_id, protocol, a2a_protocol, timeout, config_ttl, **settings
        )

    @property
    def agent_id(self) -> str:
        """The agent's id; the same as ``id``."""
        return self.id

    def get_agent_config(self, **options: Any) -> AgentResponse:
        """Fresh from the server, past the cache. GET /agents/{id}. Blocks."""
        return self.get_config(**options)


class RemoteTeam(TeamBase, _OnAnAgentOS):
    """A team that a remote server hosts; see RemoteAgent."""

    component = TEAM

    def __init__(
        self,
        base_url: Optional[str] = None,
        team_id: str = "",
        protocol: str = "agentos",
        a2a_protocol: str = "auto",
        timeout: Union[float, Timeout, None] = 300.0,
        config_ttl: float = 300.0,
        **settings: Unpack[RemoteSettings],
    ) -> None:
        super().__init__(base_url, team_id, protocol, a2a_protocol, timeout, config_ttl, **settings)

    @property
    def team_id(self) -> str:
        """The team's id; the same as ``id``."""
        return self.id

    def get_team_config(self, **options: Any) -> TeamResponse:
        """Fresh from the server, past the cache. GET /teams/{id}. Blocks."""
        return self.get_config(**options)


class RemoteWorkflow(WorkflowBase, _OnAnAgentOS):
    """A workflow that a remote server hosts; see RemoteAgent. It has no role, tools, knowledge."""

    component = WORKFLOW

    def __init__(
        self,
        base_url: Optional[str] = None,
        workflow_id: str = "",
        protocol: str = "agentos",
        a2a_protocol: str = "auto",
        timeout: Union[float, Timeout, None] = 300.0,
        config_ttl: float = 300.0,
        **settings: Unpack[RemoteSettings],
    ) -> None:
        super().__init__(
            base_url, workflow_id, protocol, a2a_protocol, timeout, config_ttl, **settings
        )

    @property
    def workflow_id(self) -> str:
        """The workflow's id; the same as ``id``."""
        return self.id

    def get_workflow_config(self, **options: Any) -> WorkflowResponse:
        """Fresh from the server, past the cache, with its steps. GET /workflows/{id}. Blocks."""
        return self.get_config(**options)
