"""What outputs can do when a server sends what it should not: nothing breaks, nothing is lost."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import pickle
import typing
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from hypothesis import given, settings, strategies as st

from remoteagent_lite import (
    AgentOSClient,
    ProtocolError,
    RemoteAgent,
    RunEvent,
    RunFailedError,
    RunOutput,
    TeamRunEvent,
    ToolExecution,
    UnknownEvent,
    UnsupportedError,
    WorkflowRunEvent,
    models,
)
from remoteagent_lite.modelling.base import Model
from remoteagent_lite.protocols.agentos.decisions import form_value, standing
from remoteagent_lite.protocols.agentos.fold import AgentOSFold
from remoteagent_lite.protocols.component import COMPONENTS, Component
from tests import FIXTURES
from tests.peers.faults import RawServer, reply

#: Values of every JSON type, where a server should have sent one of another.
HOSTILE: Tuple[Any, ...] = (
    None, True, 5, "x", "\ud800", [], [1, None, [{}]], {}, {"a": [1]}, [{"name": [1]}],
)  # fmt: skip

#: Parts of an output that nothing but their reader looks at.
UNREAD = (
    "messages", "metrics", "input", "session_state", "step_results", "events", "member_responses",
    "step_executor_runs",
)  # fmt: skip
LISTS = "tools requirements step_requirements error_requirements images audio videos files".split()
Path = Tuple[Any, ...]

PAUSED = {
    name + "-paused": json.loads((FIXTURES / "3.1.10" / (name + "-paused.json")).read_text("utf-8"))
    for name in ("agent-input", "team-member-tool", "workflow-executor", "workflow-repair")
}
#: What no recording has: questions with options, steps of every kind, attachments, a task.
PAUSED["agent-everything-paused"] = {
    "run_id": "r",
    "session_id": "s",
    "status": "PAUSED",
    "content": "?",
    "data": [1],
    "task": {"id": "t", "status": {"state": "TASK_STATE_INPUT_REQUIRED"}},
    "message": {"messageId": "m", "parts": [{"text": "x"}]},
    "tools": [
        {
            "tool_call_id": "c",
            "tool_name": "ask",
            "tool_args": {"a": "b"},
            "created_at": 1,
            "requires_user_input": True,
            "approval_type": "required",
            "approval_id": "i",
            "user_feedback_schema": [
                {
                    "question": "Which?",
                    "header": "W",
                    "multi_select": False,
                    "options": [{"label": "A", "description": "", "selected": False}],
                    "selected_options": None,
                }
            ],
        }
    ],
    "images": [{"id": "i", "content": "aGk=", "mime_type": "image/png", "format": "png"}],
    "files": [{"id": "f", "content": "hi", "mime_type": "text/plain", "filename": "f.txt"}],
}
PAUSED["workflow-everything-paused"] = {
    "run_id": "r",
    "session_id": "s",
    "status": "PAUSED",
    "step_requirements": [
        {
            "step_id": "route",
            "step_name": "Route",
            "requires_route_selection": True,
            "allow_multiple_selections": False,
            "available_choices": ["a", "b"],
            "selected_choices": None,
            "user_input_message": "Where?",
        },
        {
            "step_id": "ask",
            "requires_user_input": True,
            "user_input_schema": [
                {"name": "n", "field_type": "str", "required": True, "allowed_values": ["x"]}
            ],
            "user_input": {"m": 1},
        },
        {"step_id": "review", "requires_output_review": True, "step_output": {"content": "x"}},
        {
            "step_id": "run",
            "requires_executor_input": True,
            "executor_requirements": [
                {
                    "id": "q",
                    "tool_execution": {"tool_name": "t", "requires_confirmation": True},
                    "member_agent_name": "m",
                }
            ],
        },
    ],
    "error_requirements": [{"step_id": "e", "step_name": "E", "error_message": "no"}],
}


def places_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """The place of everything in a JSON value."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value[:3])
    for key, item in items:
        if key in UNREAD:
            continue
        yield (*path, key)
        yield from places_in(item, (*path, key))


def replaced(data: Any, path: Path, value: Any) -> None:
    for key in path[:-1]:
        if not isinstance(data, (dict, list)):
            return  # an earlier replacement took the place away
        try:
            data = data[key]
        except (LookupError, TypeError):
            return
    if (isinstance(data, list) and isinstance(path[-1], int) and path[-1] < len(data)) or (
        isinstance(data, dict)
    ):
        data[path[-1]] = value


def component_named(name: str) -> Component:
    (component,) = [each for each in COMPONENTS if each.kind == name.partition("-")[0]]
    return component


def output_of(name: str, data: Dict[str, Any]) -> Any:
    return getattr(models, component_named(name).output).from_dict(data)


def properties_of(item: Model) -> List[str]:
    cls = type(item)
    names = [name for name in dir(cls) if not name.startswith("_")]
    return [name for name in names if isinstance(getattr(cls, name), property)]


def read(item: Model, seen: int = 0) -> None:
    """Read all that ``item`` and whatever it holds can tell. None of it may raise."""
    if seen > 8:
        return
    repr(item)
    for name in properties_of(item):
        value = getattr(item, name)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Model):
                read(each, seen + 1)
        if name == "waits_for":
            assert value is None or isinstance(value, str)
            assert value is None or value != ""
    for name in list(item.__dict__):
        value = getattr(item, name, None)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Model):
                read(each, seen + 1)


VERBS: Tuple[Callable[[Any], Any], ...] = (
    lambda item: item.confirm(),
    lambda item: item.reject("no"),
    lambda item: item.set_result("done"),
    lambda item: item.answer(n="x"),
    lambda item: item.answer({}),
    lambda item: item.select("A"),
    lambda item: item.select("a", "b"),
    lambda item: item.select({0: "A"}),
    lambda item: item.select(),
    lambda item: item.edit("x"),
    lambda item: item.reconcile(),
    lambda item: item.data(),
)


def decide(cls: Any, data: Dict[str, Any]) -> None:
    """Call every verb. It is done, or refused in the terms of its documentation."""
    for verb in VERBS:
        item = cls.from_dict(data)
        if hasattr(cls, verb.__code__.co_names[0]):
            with contextlib.suppress(ValueError, UnsupportedError, ProtocolError):
                verb(item)


def check(name: str, data: Dict[str, Any]) -> None:
    before = copy.deepcopy(data)
    output = output_of(name, data)
    read(output)
    assert output.to_dict() == before == data
    with contextlib.suppress(RunFailedError):
        output.raise_for_status()
    component = component_named(name)
    for of_it, latest in ((output, None), (None, output), (output, output)):
        kept = [each and standing(component, each) for each in (of_it, latest)]
        with contextlib.suppress(ValueError, UnsupportedError):
            form_value(component, "r", kept[0], kept[1], None, False)


def damaged(data: Dict[str, Any], place: Path, value: Any) -> Dict[str, Any]:
    data = copy.deepcopy(data)
    replaced(data, place, copy.deepcopy(value))
    return data


@pytest.mark.parametrize("name", sorted(PAUSED))
def test_no_field_of_a_wrong_type_makes_an_output_fail(name: str) -> None:
    check(name, copy.deepcopy(PAUSED[name]))
    for place in places_in(PAUSED[name]):
        for value in HOSTILE:
            check(name, damaged(PAUSED[name], place, value))


@pytest.mark.parametrize("name", sorted(PAUSED))
def test_a_decision_on_fields_of_wrong_types_is_made_or_refused(name: str) -> None:
    output = output_of(name, PAUSED[name])
    listed = [getattr(output, field, None) or [] for field in LISTS]
    for cls, data in [(type(item), item.to_dict()) for items in listed for item in items]:
        for place in places_in(data):
            for value in HOSTILE:
                decide(cls, damaged(data, place, value))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PAUSED)), st.data())
def test_no_fields_of_wrong_types_together_make_an_output_fail(name: str, data: Any) -> None:
    places = st.sampled_from(list(places_in(PAUSED[name])))
    changed = copy.deepcopy(PAUSED[name])
    for place in data.draw(st.lists(places, min_size=2, max_size=8)):
        replaced(changed, place, copy.deepcopy(data.draw(st.sampled_from(HOSTILE))))
    check(name, changed)


# --- Streams


STREAMS = {
    path.stem: [
        json.loads(line[len("data: ") :])
        for line in path.read_text("utf-8").split("\n")
        if line.startswith("data: ")
    ]
    for kind in ("agent-tool", "team-own-tool", "workflow-executor")
    for path in (FIXTURES / "3.1.10").glob(kind + "*-stream.sse")
    if "continued" not in path.stem
}


def folded(name: str, frames: List[Any]) -> None:
    fold = AgentOSFold(component_named(name), "r", "s")
    for frame in frames:
        event = fold.decode(str(frame.get("event", "")), copy.deepcopy(frame))
        if isinstance(event, Model):
            read(event)
        if event is not None:
            fold.delta(event)
            assert event.to_dict() == frame
    fold.unstreamed()
    output = fold.output()
    read(output)
    assert {type(output.run_id), type(output.session_id), type(output.status)} == {str}


@pytest.mark.parametrize("name", sorted(STREAMS))
def test_no_field_of_a_wrong_type_makes_a_stream_fail(name: str) -> None:
    folded(name, STREAMS[name])
    for number, frame in enumerate(STREAMS[name]):
        for place in places_in(frame):
            if len(place) > 2:
                continue
            for value in HOSTILE[2::3]:
                frames = list(STREAMS[name])
                frames[number] = damaged(frame, place, value)
                folded(name, frames)


# --- What is compared and looked up by


@pytest.mark.parametrize("field", ["run_id", "session_id", "status"])
@pytest.mark.parametrize("value", [[1], {"a": 1}, 5, True])
def test_a_run_without_a_usable_identity_is_a_protocol_error(field: str, value: Any) -> None:
    answer = json.dumps({"run_id": "r", "session_id": "s", "status": "COMPLETED", field: value})
    with RawServer(reply(answer)) as server, RemoteAgent(server.url, "a") as agent:
        with pytest.raises(ProtocolError, match="%s.*instead of a string" % field):
            agent.run("x")


@pytest.mark.parametrize("tools", [5, "x", [5, None], {"tools": 5}, [[]], True])
def test_what_is_no_list_of_objects_is_no_pending_tool(tools: Any) -> None:
    output = RunOutput.from_dict({"status": "PAUSED", "tools": tools, "requirements": tools})
    assert output.pending == output.active_requirements == output.tools_requiring_user_input == []
    assert output.waits_for is None
    assert output.tools == tools


@pytest.mark.parametrize("value", [5, "x", [1], True])
def test_a_configuration_of_wrong_types_has_no_tools_and_no_knowledge(value: Any) -> None:
    config = json.dumps({"id": "a", "tools": value, "knowledge": value})
    with RawServer(reply(config)) as server, RemoteAgent(server.url, "a") as agent:
        assert agent.tools == (value if isinstance(value, list) else None)
        assert agent.knowledge is None


@pytest.mark.parametrize(
    "page", [{"data": 5, "meta": {}}, {"meta": {}}, {"data": [], "meta": 5}, {"data": [[1]]}]
)
def test_a_page_that_is_none_is_a_protocol_error(page: Any) -> None:
    with RawServer(reply(json.dumps(page))) as server, AgentOSClient(server.url) as client:
        with pytest.raises(ProtocolError):
            list(client.iter_sessions())


@pytest.mark.parametrize(
    "kind, fields",
    [
        ("Image", {"content": "\xe9", "mime_type": "image/png"}),
        ("Image", {"content": "a"}),
        ("File", {"content": "\ud800", "mime_type": "text/plain"}),
    ],
)
def test_content_that_is_not_what_it_says_is_a_protocol_error(kind: str, fields: Any) -> None:
    with pytest.raises(ProtocolError, match="is not"):
        getattr(models, kind).from_dict(fields).data()


@pytest.mark.parametrize("name", ["a\0b", "a\ud800", "../x\n", "..", "/", "", 5, [1]])
def test_a_name_that_no_file_can_have_is_saved_in_the_directory(name: Any, tmp_path: Any) -> None:
    for fields in ({"filename": name}, {"id": name}, {"format": name}):
        file = models.File.from_dict({"content": "aGk=", **fields})
        path = file.save(tmp_path)
        assert os.path.dirname(path) == str(tmp_path)


# --- What outputs and events can do


def test_repr_of_an_output_shows_how_it_ended_first() -> None:
    output = RunOutput(run_id="r", agent_id="a", content="hi " * 50, status="COMPLETED")
    assert repr(output).startswith("RunOutput(status='COMPLETED', content='hi hi ")
    assert repr(output).endswith("..., run_id='r', agent_id='a')")
    assert repr(RunOutput(content={"a": 1})) == "RunOutput(content={...})"


def test_raise_for_status_hands_the_output_on() -> None:
    for status in ("COMPLETED", "PAUSED", "RUNNING", None):
        output = RunOutput(status=status, content="x")
        assert output.raise_for_status() is output
        assert output.has_completed() == (status == "COMPLETED")
    for status in ("ERROR", "CANCELLED"):
        with pytest.raises(RunFailedError, match="x") as caught:
            RunOutput(run_id="r", status=status, content="x").raise_for_status()
        assert caught.value.output.status == status
        assert caught.value.output.has_completed() == (status == "ERROR")


@pytest.mark.parametrize(
    "content, expected",
    [
        ("hé", "hé"),
        (None, ""),
        ("", ""),
        ({"a": ["é", 1]}, '{"a": ["é", 1]}'),
        ([1, None], "[1, null]"),
        (5, "5"),
        (False, "false"),
    ],
)
def test_content_as_string(content: Any, expected: str) -> None:
    for cls in (models.RunOutput, models.TeamRunOutput, models.WorkflowRunOutput):
        assert cls.from_dict({"content": content}).get_content_as_string() == expected
        assert cls.from_dict({}).get_content_as_string() == ""


def test_content_as_string_takes_the_options_of_json() -> None:
    output = RunOutput(content={"b": "é", "a": ToolExecution(tool_name="t")})
    assert output.get_content_as_string(ensure_ascii=True, sort_keys=True) == (
        '{"a": {"tool_name": "t"}, "b": "\\u00e9"}'
    )


@pytest.mark.parametrize(
    "item", [RunOutput(status="COMPLETED", tools=[]), models.RunContentEvent(content="é")]
)
def test_to_json_is_the_dict_as_text(item: Any) -> None:
    assert json.loads(item.to_json()) == item.to_dict()
    assert item.to_json().count("\n") > 1
    compact = item.to_json(indent=None, separators=(",", ":"))
    assert json.loads(compact) == item.to_dict() and " " not in compact


def step(name: str, **fields: Any) -> Dict[str, Any]:
    return {"step_id": name, "step_name": name, **fields}


def test_the_steps_of_a_workflow_are_listed_by_what_they_wait_for() -> None:
    call = {"tool_name": "t", "requires_confirmation": True}
    data = {
        "status": "PAUSED",
        "step_requirements": [
            step("confirm", requires_confirmation=True),
            step("review", requires_output_review=True, requires_confirmation=True),
            step("ask", requires_user_input=True, requires_confirmation=True),
            step("route", requires_route_selection=True),
            step(
                "run",
                requires_executor_input=True,
                executor_requirements=[{"id": "q", "tool_execution": call}],
            ),
            step("done", requires_confirmation=True, confirmed=True),
        ],
        "error_requirements": [step("failed", error_message="no"), step("skip", decision="skip")],
    }
    for paused in (
        models.WorkflowRunOutput.from_dict(data),
        models.WorkflowPausedEvent.from_dict(data),
    ):
        listed = {
            "steps_requiring_confirmation": ["confirm", "ask"],
            "steps_requiring_output_review": ["review"],
            "steps_requiring_user_input": ["ask"],
            "steps_requiring_route": ["route"],
            "steps_requiring_executor_resolution": ["run"],
            "active_step_requirements": ["confirm", "review", "ask", "route", "run"],
        }
        if isinstance(paused, models.WorkflowRunOutput):
            listed.update(steps_with_errors=["failed"], active_error_requirements=["failed"])
        for name, expected in listed.items():
            assert [each.step_id for each in getattr(paused, name)] == expected, name
        paused.steps_requiring_confirmation[1].confirm()
        assert [each.step_id for each in paused.steps_requiring_confirmation] == ["confirm"]
    ended = models.WorkflowRunOutput.from_dict({**data, "status": "COMPLETED"})
    assert ended.steps_requiring_confirmation == ended.steps_with_errors == []


def test_events_tell_whether_the_run_pauses_and_for_what() -> None:
    calls = [
        {"tool_name": "a", "requires_confirmation": True},
        {"tool_name": "b", "requires_user_input": True, "user_input_schema": [{"name": "x"}]},
        {"tool_name": "c", "external_execution_required": True},
        {"tool_name": "d", "requires_confirmation": True, "confirmed": True},
    ]
    requirements = [{"id": "q", "tool_execution": call, "member_run_id": "m"} for call in calls]
    for event in (
        models.RunPausedEvent.from_dict({"event": "RunPaused", "tools": calls}),
        models.TeamRunPausedEvent.from_dict({"requirements": requirements}),
    ):
        assert event.is_paused and not event.is_cancelled
        assert [call.tool_name for call in event.tools_requiring_confirmation] == ["a"]
        assert [call.tool_name for call in event.tools_requiring_user_input] == ["b"]
        assert [call.tool_name for call in event.tools_awaiting_external_execution] == ["c"]
        assert len(event.pending) == 3 and (event.waits_for or "").startswith("confirmation of a()")
    assert len(event.active_requirements) == 3


def test_every_event_can_be_asked_whether_the_run_pauses_or_was_cancelled() -> None:
    pausing, cancelled = set(), set()
    for classes in models.EVENT_CLASSES.values():
        for name, cls in classes.items():
            event: Any = cls.from_dict({"event": name})
            if event.is_paused:
                pausing.add(name)
            if event.is_cancelled:
                cancelled.add(name)
            if not event.is_paused:
                assert event.tools_requiring_confirmation == []
    assert pausing == {"RunPaused", "TeamRunPaused", "WorkflowPaused"}
    assert cancelled == {"RunCancelled", "TeamRunCancelled", "WorkflowCancelled"}
    unknown = UnknownEvent("New", {"is_paused": True})
    assert (unknown.is_paused, unknown.is_cancelled) == (False, False)


@pytest.mark.parametrize(
    "cls", [models.CustomEvent, models.TeamCustomEvent, models.WorkflowCustomEvent]
)
def test_custom_events_have_a_name_and_any_field(cls: Any) -> None:
    data = {"event": "CustomEvent", "name": "hear", "loud": [1], "pending": 2, "waits_for": 3}
    event = cls.from_dict(data)
    assert (event.name, event.loud, event.pending, event.waits_for) == ("hear", [1], 2, 3)
    assert event.to_dict() == data
    assert cls(**{key: value for key, value in data.items() if key != "event"}) == event
    assert cls().name is None
    assert not hasattr(event, "quiet")


def test_names_of_events_are_strings_and_equal_to_them() -> None:
    tables = models.EVENT_CLASSES
    for names, table, prefix in (
        (RunEvent, tables["AgentRunEvent"], ""),
        (TeamRunEvent, tables["TeamRunEvent"], "Team"),
        (WorkflowRunEvent, tables["WorkflowRunEvent"], ""),
    ):
        members: Any = names.__members__  # type: ignore[attr-defined]
        assert [member.value for member in members.values()] == list(table)
        for key, member in members.items():
            assert member == member.value == str(member) == "%s" % member
            assert {member.value: 1}[member] == 1
            assert key.replace("_", "") == member.value[len(prefix) :].lower() or (
                member == "CustomEvent"
            )
    event = models.RunContentEvent(content="x")
    assert event.event == RunEvent.run_content
    assert event.event in (RunEvent.run_started, RunEvent.run_content)
    assert TeamRunEvent.run_content == "TeamRunContent"
    assert pickle.loads(pickle.dumps(RunEvent.run_content)) is RunEvent.run_content


def test_type_hints_of_every_model_can_be_read() -> None:
    for name in models.__all__:
        cls = getattr(models, name)
        if isinstance(cls, type) and issubclass(cls, Model):
            typing.get_type_hints(cls)
    for union in ("RunOutputEvent", "TeamRunOutputEvent", "WorkflowRunOutputEvent"):
        assert UnknownEvent in getattr(models, union).__args__
