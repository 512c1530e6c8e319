"""What a user's type checker must understand. Checked by `make types`, never run."""

from typing import Any, List, Optional, Union

from typing_extensions import assert_type

from remoteagent_lite import (
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    RunEvent,
    RunOutput,
    RunStream,
    TeamRunOutput,
    Timeout,
    ToolExecution,
    UnknownEvent,
    WorkflowRunEvent,
    WorkflowRunOutput,
    merge,
)
from remoteagent_lite.models import (
    CatchUpEvent,
    CustomEvent,
    RunContentEvent,
    RunOutputEvent,
    RunPausedEvent,
    StepRequirement,
    StepStartedEvent,
)
from remoteagent_lite.options import RunOptions

agent = RemoteAgent("http://localhost:7777", "a", timeout=Timeout(read=5), auth_token=lambda: "t")
team = RemoteTeam(base_url="http://localhost:7777", team_id="t")
workflow = RemoteWorkflow(base_url="http://localhost:7777", workflow_id="w", config_ttl=1.0)

assert_type(agent.run("x"), RunOutput)
assert_type(team.run({"a": 1}, session_id="s", metadata={"k": "v"}), TeamRunOutput)
assert_type(workflow.run("x", additional_data={"k": 1}), WorkflowRunOutput)
assert_type(agent.run("x").tools, Optional[List[ToolExecution]])
assert_type(agent.name, Optional[str])

with agent.run("x", stream=True) as stream:
    for event in stream:
        if event.event == "RunContent":
            print(event.content, event.run_id)
        elif event.event == "ToolCallStarted":
            assert_type(event.tool, Optional[ToolExecution])
    assert_type(stream.output(), RunOutput)

options: RunOptions = {"session_id": "s", "user_id": "ann"}
assert_type(agent.run("x", **options), RunOutput)


def first(stream: RunStream[object, object]) -> object:
    """A stream of whatever it is."""
    return stream.next_event()


with agent.run("x", stream=True) as one, agent.run("y", stream=True) as two:
    first(one)
    for each, event in merge(one, two):
        assert_type(each, RunStream[RunOutput, RunOutputEvent])
        assert_type(event, RunOutputEvent)
    several = [one, two]
    for each, _same in merge(*several):
        assert_type(each.output(), RunOutput)
with agent.run("x", stream=True) as one, team.run("y", stream=True) as other:
    for either, _any in merge(one, other):
        assert_type(either.output(), Union[RunOutput, TeamRunOutput])


def handle(event: RunOutputEvent) -> None:
    if event.event == RunEvent.run_content:
        assert_type(event, RunContentEvent)
    elif isinstance(event, UnknownEvent):
        name: str = event.event
        print(name, event.raw, event.anything)
    elif isinstance(event, CustomEvent):
        assert_type(event.name, Optional[str])
        assert_type(event.anything, Any)
    elif event.is_paused:
        assert_type(event.tools_requiring_confirmation, List[ToolExecution])
    elif event.event == "RunPaused":
        assert_type(event, RunPausedEvent)


with agent.run("x", stream=True) as stream:
    for event in stream:
        handle(event)
with agent.resume("r", "s") as resumed:
    for what in resumed:
        if isinstance(what, CatchUpEvent):
            assert_type(what.missed_events, Optional[int])
        elif what.event == "RunContent":
            assert_type(what, RunContentEvent)
    assert_type(resumed.output(), RunOutput)
with workflow.run("x", stream=True) as steps:
    for step in steps:
        if step.event == WorkflowRunEvent.step_started:
            assert_type(step, StepStartedEvent)

assert_type(agent.run("x").raise_for_status(), RunOutput)
assert_type(workflow.run("x").steps_requiring_confirmation, List[StepRequirement])
text: str = team.run("x").get_content_as_string()

paused = agent.run("x")
for tool in paused.tools_requiring_confirmation:
    tool.confirm()
assert_type(agent.continue_run(paused), RunOutput)

agent.run("x", sesion_id="s")  # type: ignore[call-overload]
agent.run("x", session_id=3)  # type: ignore[call-overload]
agent.nothing  # type: ignore[attr-defined]
paused.contents  # type: ignore[attr-defined]
