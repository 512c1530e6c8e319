"""Agents, teams and workflows: what the server hosts, and the runs it has stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Union

from .. import models
from ..errors import UnsupportedError
from ..protocols.agentos.endpoints import any_json, forked, many, one, run_rows
from ..protocols.component import COMPONENTS
from ..wire import Response
from ._resource import Resource

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Unpack

    from ..models import (
        AgentResponse,
        RunOutput,
        RunStatus,
        TeamResponse,
        TeamRunOutput,
        WorkflowResponse,
        WorkflowRunOutput,
        WorkflowSummaryResponse,
    )
    from ..options import CallOptions
    from ..protocols.agentos.endpoints import RunRow

    Kind = Literal["agent", "team", "workflow"]

__all__ = ["Components"]

_OUTPUTS = {component.kind: component.output for component in COMPONENTS}


class Components(Resource):
    """What the server hosts. ``kind`` is "agent", "team" or "workflow"."""

    def list_agents(self, **options: Unpack[CallOptions]) -> List[AgentResponse]:
        """GET /agents"""
        return self._send("GET /agents", many(models.AgentResponse), locals())

    def get_agent(self, agent_id: str, **options: Unpack[CallOptions]) -> AgentResponse:
        """An agent's configuration. NotFoundError. GET /agents/{id}"""
        return self._send("GET /agents/{agent_id}", one(models.AgentResponse), locals())

    def list_teams(self, **options: Unpack[CallOptions]) -> List[TeamResponse]:
        """GET /teams"""
        return self._send("GET /teams", many(models.TeamResponse), locals())

    def get_team(self, team_id: str, **options: Unpack[CallOptions]) -> TeamResponse:
        """A team's configuration, with its members. NotFoundError. GET /teams/{id}"""
        return self._send("GET /teams/{team_id}", one(models.TeamResponse), locals())

    def list_workflows(self, **options: Unpack[CallOptions]) -> List[WorkflowSummaryResponse]:
        """GET /workflows: the short form, without steps."""
        return self._send("GET /workflows", many(models.WorkflowSummaryResponse), locals())

    def get_workflow(
        self, workflow_id: str, *, version: Optional[int] = None, **options: Unpack[CallOptions]
    ) -> WorkflowResponse:
        """A workflow's configuration, with its steps. NotFoundError. GET /workflows/{id}"""
        return self._send("GET /workflows/{workflow_id}", one(models.WorkflowResponse), locals())

    def get_runs(
        self,
        kind: Kind,
        component_id: str,
        session_id: str,
        *,
        status: Optional[RunStatus] = None,
        **options: Unpack[CallOptions],
    ) -> List[RunRow]:
        """The component's own runs in a session. GET /{kind}s/{id}/runs (Agno 2.9)"""
        _known(kind)
        return self._send("GET /{kind}s/{component_id}/runs", run_rows, locals(), since="2.9")

    def get_run(
        self,
        kind: Kind,
        component_id: str,
        run_id: str,
        session_id: str,
        **options: Unpack[CallOptions],
    ) -> Union[RunOutput, TeamRunOutput, WorkflowRunOutput]:
        """The output of a run, or what there is of it. GET /{kind}s/{id}/runs/{run_id} (Agno 2.9)

        NotFoundError, also for a run that is answered in one piece and not at its end.
        """
        return self._send(
            "GET /{kind}s/{component_id}/runs/{run_id}",
            _output(kind),
            locals(),
            since="2.9",
        )

    def get_checkpoints(
        self,
        kind: Literal["agent", "team"],
        component_id: str,
        run_id: str,
        session_id: str,
        **options: Unpack[CallOptions],
    ) -> Dict[str, Any]:
        """Where a run can be continued from: its "checkpoints".

        GET /{kind}s/{id}/runs/{run_id}/checkpoints (Agno 2.9)
        """
        _known(kind, "checkpoints")
        return self._send(
            "GET /{kind}s/{component_id}/runs/{run_id}/checkpoints",
            any_json,
            locals(),
            since="2.9",
        )

    def get_checkpoint(
        self,
        kind: Literal["agent", "team"],
        component_id: str,
        run_id: str,
        message_index: int,
        session_id: str,
        **options: Unpack[CallOptions],
    ) -> Dict[str, Any]:
        """One "checkpoint", and the run as it was then: its "snapshot".

        GET /{kind}s/{id}/runs/{run_id}/checkpoints/{message_index} (Agno 2.9)
        """
        _known(kind, "checkpoints")
        return self._send(
            "GET /{kind}s/{component_id}/runs/{run_id}/checkpoints/{message_index}",
            any_json,
            locals(),
            since="2.9",
        )

    def fork_session(
        self,
        kind: Literal["agent", "team"],
        component_id: str,
        session_id: str,
        *,
        user_id: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> str:
        """Copy a session with its history; the new one's id. InvalidRequestError if it is empty.

        POST /{kind}s/{id}/sessions/{session_id}/fork (Agno 2.9)
        """
        _known(kind, "forks of sessions")
        return self._send(
            "POST /{kind}s/{component_id}/sessions/{session_id}/fork",
            forked,
            locals(),
            since="2.9",
        )

    def compact_session(
        self,
        agent_id: str,
        session_id: str,
        *,
        user_id: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> Dict[str, Any]:
        """Fold an agent's older history into a summary, for what its model is sent from now on.

        Whether that happened is "compacted", and why not "status" and "message". NotFoundError.
        POST /agents/{id}/sessions/{session_id}/compact (Agno 3.1)
        """
        return self._send(
            "POST /agents/{agent_id}/sessions/{session_id}/compact",
            any_json,
            locals(),
            since="3.1",
        )


def _output(kind: str) -> Callable[[Response], Union[RunOutput, TeamRunOutput, WorkflowRunOutput]]:
    _known(kind)
    return one(getattr(models, _OUTPUTS[kind]))


def _known(kind: str, what: Optional[str] = None) -> None:
    if kind not in _OUTPUTS:
        raise ValueError("kind must be one of %s, not %r" % (", ".join(_OUTPUTS), kind))
    if what and kind == "workflow":
        raise UnsupportedError("An AgentOS has no %s for workflows." % what)
