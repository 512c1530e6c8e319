"""protocols/agentos.py: forms out, and recorded streams of real servers in."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from remoteagent_lite import File, Image, ToolExecution, UnknownEvent, UnsupportedError
from remoteagent_lite.models import Message, RunContentEvent, WorkflowRunOutput
from remoteagent_lite.protocols.agentos.fold import AgentOSFold
from remoteagent_lite.protocols.agentos.runs import AgentOS
from remoteagent_lite.protocols.component import AGENT, TEAM, WORKFLOW, Component
from remoteagent_lite.protocols.sse import SSEDecoder
from tests import FIXTURES

RECORDINGS = sorted(FIXTURES.glob("*/*.sse"))
RUN_ID = "11111111-2222-4333-8444-555555555555"


def component_of(path: Path) -> Component:
    return {"agent": AGENT, "team": TEAM, "workf": WORKFLOW}.get(path.name[:5].rstrip("-"), AGENT)


def recorded(path: Path) -> List[Tuple[str, Dict[str, Any]]]:
    """The frames of a recording, read in the plainest way."""
    frames = []
    for block in path.read_bytes().decode("utf-8").split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = dict(line.split(": ", 1) for line in lines)
            frames.append((fields.get("event", ""), json.loads(fields["data"])))
    return frames


def fold_of(path: Path) -> AgentOSFold:
    return AgentOSFold(component_of(path), announced="no-events" not in path.name)


def events_of(path: Path, pieces: Iterator[bytes]) -> Tuple[List[Any], AgentOSFold]:
    fold = fold_of(path)
    decoder: SSEDecoder[Any] = SSEDecoder(fold.decode)
    events = [event for piece in pieces for event in decoder.feed(piece) if event is not None]
    assert not decoder.pending
    return events, fold


def named(path: Path) -> str:
    return "%s/%s" % (path.parent.name, path.stem)


@pytest.mark.parametrize("path", RECORDINGS, ids=named)
def test_recorded_stream_reads_the_same_however_it_is_cut(path: Path) -> None:
    body = path.read_bytes()
    whole, fold = events_of(path, iter([body]))
    output = fold.output()
    cuts = random.Random(path.name)
    for size in (1, 7, 512, None):
        pieces = []
        start = 0
        while start < len(body):
            end = start + (size or cuts.randint(1, 2000))
            pieces.append(body[start:end])
            start = end
        events, fold = events_of(path, iter(pieces))
        assert events == whole
        assert fold.output() == output


@pytest.mark.parametrize("path", RECORDINGS, ids=named)
def test_no_recorded_field_is_lost(path: Path) -> None:
    frames = recorded(path)
    events, _ = events_of(path, iter([path.read_bytes()]))
    contradictions = [
        (name, data)
        for index, (name, data) in enumerate(frames)
        if name.endswith("Completed")
        and any(
            earlier == name.replace("Completed", "Cancelled") and before["run_id"] == data["run_id"]
            for earlier, before in frames[:index]
        )
    ]
    kept = [frame for frame in frames if frame not in contradictions]
    assert [event.to_dict() for event in events] == [data for _, data in kept]
    assert [event.event for event in events] == [name for name, _ in kept]


@pytest.mark.parametrize("path", RECORDINGS, ids=named)
def test_every_recorded_event_has_a_class(path: Path) -> None:
    events, _ = events_of(path, iter([path.read_bytes()]))
    assert [event for event in events if isinstance(event, UnknownEvent)] == []


#: What old versions do otherwise: no pause or cancel in teams, and any error fails a workflow.
OLD_STATUS = {
    "2.3.20/team-cancelled-stream": "COMPLETED",
    "2.3.20/team-member-tool-paused-stream": "COMPLETED",
    "2.3.20/team-own-tool-paused-stream": "COMPLETED",
    "2.3.20/workflow-agent-error-stream": "ERROR",
    "2.3.20/workflow-executor-paused-stream": "ERROR",
}
STATUS = {
    "cancelled": "CANCELLED",
    "paused": "PAUSED",
    "error": "ERROR",
    "refused": "ERROR",
    "failing": "ERROR",
}


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in RECORDINGS
        if not any(word in path.name for word in ("background", "unknown", "tool-error"))
    ],
    ids=named,
)
def test_folded_output_has_the_runs_status(path: Path) -> None:
    _, fold = events_of(path, iter([path.read_bytes()]))
    assert fold.end()
    expected = next((status for word, status in STATUS.items() if word in path.name), "COMPLETED")
    if path.name.startswith("workflow-agent-error") or path.name.startswith("team-member-error"):
        expected = "COMPLETED"  # a failed step is skipped, and a leader answers for its member
    expected = OLD_STATUS.get(named(path), expected)
    output = fold.output()
    assert output.status == expected
    assert output.run_id == fold.run_id
    assert output.content is not None or "paused" in path.name or "agent-error" in path.name


#: Recordings whose blocking counterpart says something else by itself (a paused team's too).
DIFFERENT_ANSWERS = (
    "2.3.20/team-error-stream",  # stays at RUNNING
    "2.3.20/workflow-executor-paused-stream",
)


def test_folded_output_says_what_the_whole_answer_says() -> None:
    """A streamed run and a blocking run of the same kind give the same content."""
    compared = 0
    for path in RECORDINGS:
        whole = path.with_name(path.name.replace("-stream.sse", ".json"))
        if not whole.exists() or whole == path:
            continue
        answer = json.loads(whole.read_text("utf-8"))
        if "status" not in answer:
            continue
        _, fold = events_of(path, iter([path.read_bytes()]))
        output = fold.output()
        if named(path) in DIFFERENT_ANSWERS or "team-member-tool-paused" in path.name:
            continue
        assert str(output.content or "").strip() == str(answer.get("content", "")).strip(), path
        assert output.status == answer["status"], path
        compared += 1
    assert compared > 50


def test_cancelled_run_is_not_completed_afterwards() -> None:
    path = FIXTURES / "3.1.10" / "agent-cancelled-stream.sse"
    assert [name for name, _ in recorded(path)][-2:] == ["RunCancelled", "RunCompleted"]
    events, fold = events_of(path, iter([path.read_bytes()]))
    assert events[-1].event == "RunCancelled"
    assert fold.output().status == "CANCELLED"


def test_nested_runs_do_not_end_the_outer_one() -> None:
    path = FIXTURES / "3.1.10" / "workflow-nested-stream.sse"
    fold = fold_of(path)
    for name, data in recorded(path):
        assert not fold.finished
        fold.decode(name, data)
    assert fold.finished
    assert fold.output().workflow_id == "nested"


def test_members_text_is_not_the_teams() -> None:
    path = FIXTURES / "3.1.10" / "team-delegate-stream.sse"
    events, fold = events_of(path, iter([path.read_bytes()]))
    deltas = "".join(fold.delta(event) or "" for event in events)
    own = "".join(event.content for event in events if event.event == "TeamRunContent")
    assert deltas == own
    assert any(event.event == "RunContent" for event in events)


def test_paused_workflows_extra_frame_is_an_output() -> None:
    path = FIXTURES / "3.1.10" / "workflow-gated-paused-stream.sse"
    events, fold = events_of(path, iter([path.read_bytes()]))
    assert isinstance(events[-1], WorkflowRunOutput)
    assert events[-1].event == "WorkflowRunOutput"
    assert fold.output().is_paused
    assert fold.output().step_requirements


def test_streamed_tools_are_in_the_output() -> None:
    path = FIXTURES / "3.1.10" / "agent-tool-stream.sse"
    _, fold = events_of(path, iter([path.read_bytes()]))
    (tool,) = fold.output().tools
    assert (tool.tool_name, tool.result) == ("add", "5") or tool.result


@pytest.mark.parametrize("version", ["3.1.10", "2.9.0", "2.3.20"])
def test_stream_cut_anywhere_never_looks_finished(version: str) -> None:
    """Whatever frame a stream is cut behind, only the outer run's terminal event ends it."""
    for path in (FIXTURES / version).glob("*-stream.sse"):
        if "background" in path.name or "no-events" in path.name:
            continue
        fold = fold_of(path)
        frames = recorded(path)
        for name, data in frames:
            if fold.finished:
                break
            assert not fold.end()
            assert fold.output().status == "RUNNING"
            fold.decode(name, data)
        assert fold.end()


def test_events_switched_off_need_an_answer_to_count_as_finished() -> None:
    fold = AgentOSFold(TEAM, RUN_ID, "s", announced=False)
    fold.decode("", {"event": "RunStarted", "run_id": "member", "parent_run_id": RUN_ID})
    assert not fold.end()
    fold.decode("", {"event": "TeamRunContent", "run_id": RUN_ID, "content": "yes"})
    assert fold.end()
    assert fold.output().content == "yes"


def test_servers_own_run_id_replaces_ours() -> None:
    fold = AgentOSFold(AGENT, RUN_ID, "s")
    fold.decode("", {"event": "RunStarted", "run_id": "theirs", "session_id": "t"})
    fold.decode("", {"event": "RunContent", "run_id": "theirs", "content": "x"})
    assert (fold.run_id, fold.session_id) == ("theirs", "t")
    assert fold.output().content == "x"


def test_endpoints_own_error_without_run_id_ends_the_run() -> None:
    fold = AgentOSFold(AGENT, RUN_ID, "s")
    fold.decode("RunError", {"event": "RunError", "agent_id": "", "content": "no such run"})
    assert fold.end()
    assert fold.output().status == "ERROR"
    assert fold.output().content == "no such run"


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        "text",
        ["a"],
        {},
        {"event": None},
        {"event": ["RunContent"]},
        {"event": {"a": 1}},
        {"event": "RunContent", "run_id": 7, "content": {"a": 1}},
        {"event": "RunContent", "run_id": [], "content": 1.5},
        {"event": "RunCompleted", "run_id": {}, "tools": 3, "metrics": "x"},
        {"event": "ToolCallStarted", "tool": "none", "run_id": None},
        {"event": "WorkflowCompleted", "step_results": 3},
        {"event": "CustomEvent"},
        {"event": "error"},
        {"event": "to_dict", "to_dict": 1, "__class__": "x", "__dict__": 2},
    ],
)
@pytest.mark.parametrize("component", [AGENT, TEAM, WORKFLOW], ids=lambda c: c.kind)
def test_hostile_frame_reaches_the_user_without_an_exception(
    component: Component, data: Any
) -> None:
    fold = AgentOSFold(component, RUN_ID, "s")
    event = fold.decode("thing", data)
    assert event.to_dict() == data
    assert isinstance(event.event, (str, list, dict, type(None)))
    fold.delta(event)
    fold.end()
    repr(event)
    repr(fold.output())


def test_unknown_event_keeps_everything() -> None:
    fold = AgentOSFold(AGENT, RUN_ID, "s")
    event = fold.decode("BrandNew", {"event": "BrandNew", "run_id": RUN_ID, "shape": [1]})
    assert isinstance(event, UnknownEvent)
    assert (event.event, event.raw["shape"], event.shape) == ("BrandNew", [1], [1])
    with pytest.raises(AttributeError, match="colour"):
        event.colour


def test_unknown_fields_of_known_events_survive() -> None:
    data = {"event": "RunContent", "run_id": RUN_ID, "content": "x", "new_field": {"a": 1}}
    event = AgentOSFold(AGENT, RUN_ID, "s").decode("RunContent", dict(data))
    assert isinstance(event, RunContentEvent)
    assert event.to_dict() == data
    assert event.new_field == {"a": 1}  # type: ignore[attr-defined]


# --- Forms


def form_of(component: Component, input: Any = "hi", **options: Any) -> Dict[str, str]:
    call = AgentOS("http://os", component, "x").run(input, options)
    assert call.request.form is not None
    form = dict(call.request.form)
    assert len(form) == len(call.request.form), "a field was sent twice"
    return form


@dataclass
class Person:
    name: str


class Dumped:
    def model_dump(self, mode: str = "python") -> Dict[str, Any]:
        return {"mode": mode}


@pytest.mark.parametrize(
    ("input", "message"),
    [
        ("text", "text"),
        ({"a": 1}, '{"a": 1}'),
        (["a", {"b": None}], '["a", {"b": null}]'),
        (Person("Ann"), '{"name": "Ann"}'),
        (Dumped(), '{"mode": "json"}'),
        (Message(role="user", content="hi"), '{"role": "user", "content": "hi"}'),
        ([Message(role="user", content="hi")], '[{"role": "user", "content": "hi"}]'),
    ],
)
def test_input_of_any_kind_becomes_the_message(input: Any, message: str) -> None:
    assert form_of(AGENT, input)["message"] == message


@pytest.mark.parametrize("input", ["", object(), {1: object()}])
def test_input_the_server_would_refuse_is_refused_before(input: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        form_of(AGENT, input)


EVERY_OPTION: Dict[str, Tuple[Any, str]] = {
    "run_id": ("r", "r"),
    "session_id": ("s", "s"),
    "user_id": ("u", "u"),
    "background": (True, "true"),
    "version": (3, "3"),
    "factory_input": ({"a": 1}, '{"a": 1}'),
    "session_state": ({"a": [1]}, '{"a": [1]}'),
    "dependencies": ({"a": None}, '{"a": null}'),
    "metadata": ({"a": "b"}, '{"a": "b"}'),
    "knowledge_filters": ([{"op": "EQ", "key": "a"}], '[{"op": "EQ", "key": "a"}]'),
    "output_schema": ({"type": "object"}, '{"type": "object"}'),
    "use_json_schema": (False, "false"),
    "retries": (2, "2"),
    "add_history_to_context": (True, "true"),
    "add_dependencies_to_context": (False, "false"),
    "add_session_state_to_context": (True, "true"),
    "monitor": (False, "false"),
    "additional_data": ({"k": 1}, '{"k": 1}'),
}
NOT_FOR = {
    "knowledge_filters": [WORKFLOW],
    "output_schema": [WORKFLOW],
    "use_json_schema": [WORKFLOW],
    "retries": [WORKFLOW],
    "add_history_to_context": [WORKFLOW],
    "add_dependencies_to_context": [WORKFLOW],
    "add_session_state_to_context": [WORKFLOW],
    "monitor": [AGENT, WORKFLOW],
    "additional_data": [AGENT, TEAM],
}


@pytest.mark.parametrize("component", [AGENT, TEAM, WORKFLOW], ids=lambda c: c.kind)
@pytest.mark.parametrize("name", EVERY_OPTION)
def test_option_is_sent_as_the_server_reads_it_or_refused(component: Component, name: str) -> None:
    value, text = EVERY_OPTION[name]
    if component in NOT_FOR.get(name, []):
        with pytest.raises(UnsupportedError, match=name):
            form_of(component, **{name: value})
    else:
        assert form_of(component, **{name: value})[name] == text
    assert name not in form_of(component, **{name: None})


def test_stream_is_always_said() -> None:
    assert form_of(AGENT)["stream"] == "false"
    request = AgentOS("http://os", AGENT, "x").run_stream("hi", {}).request
    assert ("stream", "true") in (request.form or [])
    assert ("stream_events", "true") in (request.form or [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_id", 7),
        ("session_state", "text"),
        ("session_state", ["list"]),
        ("metadata", {"a": object()}),
        ("version", "3"),
        ("version", True),
        ("background", "yes"),
        ("stream_events", 1),
        ("images", ["http://x/y.png"]),
        ("files", [Image(content=b"x")]),
    ],
)
def test_option_of_a_wrong_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match=name):
        AgentOS("http://os", AGENT, "x").run_stream("hi", {name: value})


def test_misspelt_option_is_refused_with_the_right_one() -> None:
    with pytest.raises(TypeError, match="'session_id'"):
        form_of(AGENT, sesion_id="s")


def test_extra_fields_are_passed_on() -> None:
    form = form_of(AGENT, extra_fields={"debug_mode": True, "n": 2, "text": "as is", "o": {"a": 1}})
    assert (form["debug_mode"], form["n"], form["text"], form["o"]) == (
        "true",
        "2",
        "as is",
        '{"a": 1}',
    )


def test_media_are_encoded_as_the_server_reads_them() -> None:
    form = form_of(
        WORKFLOW,
        images=[Image(content=b"\x89PNG", mime_type="image/png", id="i1"), Image(url="http://x/y")],
        files=[
            File(content="grüße".encode(), mime_type="text/plain", filename="a.txt"),
            File(content=b"%PDF", mime_type="application/pdf"),
        ],
    )
    assert json.loads(form["images"]) == [
        {"content": "iVBORw==", "mime_type": "image/png", "id": "i1"},
        {"url": "http://x/y"},
    ]
    assert json.loads(form["input_files"]) == [
        {"content": "grüße", "mime_type": "text/plain", "filename": "a.txt"},
        {"content": "JVBERg==", "mime_type": "application/pdf"},
    ]


def test_documents_of_agents_travel_as_parts() -> None:
    call = AgentOS("http://os", AGENT, "x").run(
        "hi", {"files": [File(content=b"a,b", mime_type="text/csv", filename="t.csv")]}
    )
    assert [tuple(part) for part in call.request.files or []] == [
        ("files", "t.csv", b"a,b", "text/csv")
    ]


def test_empty_and_unreadable_documents_are_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        form_of(AGENT, files=[File(content=b"", mime_type="text/plain")])
    with pytest.raises(UnsupportedError, match="UTF-8"):
        form_of(WORKFLOW, files=[File(content=b"\xff", mime_type="text/plain")])


def test_whole_tools_are_sent_when_a_run_goes_on() -> None:
    tool = ToolExecution.from_dict({"tool_call_id": "c", "tool_args": {"a": 1}, "new": True})
    tool.confirm()
    call = AgentOS("http://os", AGENT, "x").continue_run("r", [tool], {"session_id": "s"})
    form = dict(call.request.form or [])
    assert json.loads(form["tools"]) == [
        {"tool_call_id": "c", "tool_args": {"a": 1}, "new": True, "confirmed": True}
    ]
    assert (form["stream"], form["session_id"]) == ("false", "s")


@pytest.mark.parametrize("id", ["", "a/b", "..", None, 3])
def test_id_that_cannot_be_addressed_is_refused(id: Any) -> None:
    with pytest.raises(ValueError, match="agent_id"):
        AgentOS("http://os", AGENT, id)


def test_ids_are_quoted() -> None:
    assert AgentOS("http://os", AGENT, "a b?#ü").url == "http://os/agents/a%20b%3F%23%C3%BC"


def test_replayed_pause_is_not_the_end_when_the_run_went_on() -> None:
    fold = AgentOSFold(AGENT, RUN_ID, "s")
    for kind in ("RunStarted", "RunPaused"):
        fold.decode(kind, {"event": kind, "run_id": RUN_ID})
    assert fold.finished
    assert fold.output().is_paused
    fold.decode("RunContinued", {"event": "RunContinued", "run_id": RUN_ID})
    assert not fold.end()
    assert fold.output().status == "RUNNING"
    fold.decode("RunCompleted", {"event": "RunCompleted", "run_id": RUN_ID, "content": "done"})
    assert fold.end()
    assert (fold.output().status, fold.output().content) == ("COMPLETED", "done")
