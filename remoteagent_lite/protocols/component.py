"""What differs between agents, teams and workflows, written as data."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["AGENT", "COMPONENTS", "TEAM", "WORKFLOW", "Component"]


class Component(NamedTuple):
    """One of the three kinds of things an AgentOS hosts."""

    kind: str  # "agent": in messages, and with "_id" the name of the id field
    path: str  # the collection's URL segment
    prefix: str  # what its own run events' names begin with
    continue_field: str  # the form field that resolves a pause
    decisions: str  # the option of continue_run that fills it
    output: str  # names of generated models
    config: str
    row: str  # a run as it is listed

    @property
    def id_field(self) -> str:
        return self.kind + "_id"


AGENT = Component(
    "agent",
    "agents",
    "Run",
    "tools",
    "updated_tools",
    "RunOutput",
    "AgentResponse",
    "RunSchema",
)
TEAM = Component(
    "team",
    "teams",
    "TeamRun",
    "requirements",
    "requirements",
    "TeamRunOutput",
    "TeamResponse",
    "TeamRunSchema",
)
WORKFLOW = Component(
    "workflow",
    "workflows",
    "Workflow",
    "step_requirements",
    "step_requirements",
    "WorkflowRunOutput",
    "WorkflowResponse",
    "WorkflowRunSchema",
)

COMPONENTS = (AGENT, TEAM, WORKFLOW)
