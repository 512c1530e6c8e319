"""What Agno's own outputs and events are called and can do, ours can too. Asks the real ones."""

import json
import subprocess
from typing import Any, Dict, List

import pytest

from remoteagent_lite import models
from remoteagent_lite.modelling.base import fields_of
from tests.peers.environments import python_of
from tests.peers.server import AGENTOS_LATEST

ASK = """
import inspect, json
from agno.run import agent, team, workflow
from agno.models.response import ToolExecution
from agno.run.base import RunStatus
from agno.run.requirement import RunRequirement
from agno.workflow.types import ErrorRequirement, StepRequirement

def able(cls):
    return [n for n in dir(cls) if not n.startswith("_") and (
        isinstance(inspect.getattr_static(cls, n), property) or callable(getattr(cls, n)))]

print(json.dumps({
    "names": {
        enum.__name__: {key: item.value for key, item in enum.__members__.items()}
        for enum in (agent.RunEvent, team.TeamRunEvent, workflow.WorkflowRunEvent)
    },
    "statuses": [item.value for item in RunStatus],
    "outputs": {
        cls.__name__: able(cls)
        for cls in (agent.RunOutput, team.TeamRunOutput, workflow.WorkflowRunOutput)
    },
    "requirements": {
        cls.__name__: able(cls)
        for cls in (RunRequirement, StepRequirement, ErrorRequirement, ToolExecution)
    },
    "events": {
        name: able(cls)
        for module, registry in ((agent, "RUN_EVENT_TYPE_REGISTRY"),
                                 (team, "TEAM_RUN_EVENT_TYPE_REGISTRY"),
                                 (workflow, "WORKFLOW_RUN_EVENT_TYPE_REGISTRY"))
        for name, cls in getattr(module, registry).items()
    },
}))
"""

#: What of theirs we leave out, and why.
LEFT_OUT = {
    "add_member_run": "outputs of remote runs are not added to",
    "retry": "ErrorRequirement: an AgentOS takes that decision not over REST",
    "skip": "as retry",
    "should_retry": "as retry",
    "should_skip": "as retry",
    "is_error": "the name of the event says it",
    "status": "an event has no status of its own; the name says it",
    "success": "StepOutputEvent: a shortcut to what its step_output holds",
    "content": "as success",
    "error": "as success",
    "stop": "as success",
    "images": "as success",
    "videos": "as success",
    "audio": "as success",
}


@pytest.fixture(scope="module")
def agno() -> Dict[str, Any]:
    told = subprocess.check_output([python_of(AGENTOS_LATEST), "-c", ASK])
    asked: Dict[str, Any] = json.loads(told.decode().splitlines()[-1])
    return asked


def test_events_have_agnos_names(agno: Dict[str, Any]) -> None:
    assert set(agno["names"]) == {"RunEvent", "TeamRunEvent", "WorkflowRunEvent"}
    for name, members in agno["names"].items():
        ours: Any = getattr(models, name).__members__
        sendable = {key: value for key, value in members.items() if value in agno["events"]}
        assert {key: str(member) for key, member in ours.items()} == sendable


def missing(cls: Any, names: List[str]) -> List[str]:
    known = {*dir(cls), *fields_of(cls), *LEFT_OUT}
    return [name for name in names if name not in known]


def test_outputs_can_do_what_agnos_can(agno: Dict[str, Any]) -> None:
    for name, able in agno["outputs"].items():
        assert missing(getattr(models, name), able) == [], name


def test_requirements_can_do_what_agnos_can(agno: Dict[str, Any]) -> None:
    for name, able in agno["requirements"].items():
        assert missing(getattr(models, name), able) == [], name


def test_events_can_do_what_agnos_can(agno: Dict[str, Any]) -> None:
    classes = {name: cls for table in models.EVENT_CLASSES.values() for name, cls in table.items()}
    for name, able in agno["events"].items():
        assert missing(classes[name], able) == [], name
