"""Local functions as an AgentOS has its agents: what is written of their runs, and their routes."""

import base64
from typing import Any, Dict, List

import pytest

from remoteagent_lite.gateway.local.agentos import Rendering
from remoteagent_lite.gateway.local.component import LocalComponent, agent, team, workflow
from remoteagent_lite.gateway.local.entries import Entry, Outcome
from remoteagent_lite.gateway.local.record import Record, asked_by_text
from remoteagent_lite.gateway.questions import decision_of
from remoteagent_lite.media import Audio, File
from remoteagent_lite.protocols.agentos.decisions import form_value
from remoteagent_lite.protocols.agentos.fold import AgentOSFold

KINDS = [agent, team, workflow]


def made(kind: Any, **options: Any) -> LocalComponent:
    component: LocalComponent = kind(id="echo", **options)(lambda run: run.text)
    return component


def told(kind: Any, *entries: Dict[str, Any], status: str = "COMPLETED", **data: Any) -> Any:
    """The events of a run with that log, its output, and what this library's client makes of it."""
    local = made(kind)
    asked = asked_by_text("hello", run_id="r", session_id="s", user_id="u", metadata={"m": 1})
    record = Record.begun(local.key, asked, "holder", 0.0)
    log: List[Entry] = [{"at": 1.5, **each} for each in ({"kind": "started"}, *entries)]
    outcome = Outcome({})
    for entry in log:
        outcome.add(entry)
    record = record.changed(status, {**outcome.data(), **data})
    rendering = Rendering(local, "db")
    events = [rendering.event(record, index, entry) for index, entry in enumerate(log)]
    fold = AgentOSFold(local.component, first_index=0)
    text = ""
    for event in events:
        decoded = fold.decode(event["event"], dict(event))
        assert decoded is not None, event
        text += fold.delta(decoded) or ""
    assert fold.end() == (status != "RUNNING")
    assert fold.last_event_index == len(log) - 1
    return events, rendering.output(record), fold.output(), text + fold.unstreamed()


STEP = {"step_id": "s1", "step_name": "research", "step_index": 0}
REMOTE = {"agent_id": "a", "run_id": "inner", "session_id": "theirs"}


def piece(text: str) -> Dict[str, Any]:
    return {"kind": "content", "text": text}


def passed(name: str, **members: Any) -> Dict[str, Any]:
    return {"kind": "passed", "step": STEP, "event": {"event": name, **REMOTE, **members}}


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_the_answer(kind: Any) -> None:
    events, output, folded, text = told(
        kind, piece("Hello "), piece("you"), {"kind": "completed", "content": "Hello you"}
    )
    assert [each["event_index"] for each in events] == [0, 1, 2, 3]
    assert all(each["run_id"] == "r" and each["session_id"] == "s" for each in events)
    assert text == "Hello you"
    assert output["status"] == folded.status == "COMPLETED"
    assert output["content"] == folded.content == "Hello you"
    assert output["metadata"] == folded.metadata == {"m": 1}
    assert output["user_id"] == "u"


def test_names_are_those_of_the_kind() -> None:
    end = {"kind": "completed", "content": "x"}
    names = {kind: [each["event"] for each in told(kind, piece("x"), end)[0]] for kind in KINDS}
    assert names[agent] == ["RunStarted", "RunContent", "RunCompleted"]
    assert names[team] == ["TeamRunStarted", "TeamRunContent", "TeamRunCompleted"]
    assert names[workflow] == ["WorkflowStarted", "RunContent", "WorkflowCompleted"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_may_be_any_json(kind: Any) -> None:
    value = {"city": "Rome", "days": [1, 2]}
    events, output, folded, _ = told(kind, {"kind": "completed", "content": value}, content=value)
    assert output["content"] == folded.content == value
    assert events[-1]["content_type"] == "dict"


@pytest.mark.parametrize("kind", KINDS)
def test_failures_are_told_apart(kind: Any) -> None:
    said = {"text": "no such city", "type": "AgentError"}
    _, output, folded, _ = told(kind, {"kind": "failed", **said}, status="ERROR", error=said)
    assert (output["status"], output["content"]) == ("ERROR", "no such city")
    assert (folded.status, folded.reason) == ("ERROR", "no such city")
    assert folded.error_type == "AgentError"
    said = {"text": "Run r was cancelled", "type": "cancelled"}
    last = {"kind": "cancelled", **said, "content": "so far"}
    _, output, folded, text = told(kind, piece("so far"), last, status="CANCELLED", error=said)
    assert (output["content"], output["reason"]) == ("so far", "Run r was cancelled")
    assert (folded.status, folded.reason) == ("CANCELLED", "Run r was cancelled")
    assert text == "so far"


def test_tool_calls_are_in_events_and_output() -> None:
    call = {"tool_call_id": "t", "tool_name": "add", "tool_args": {"a": 1}, "created_at": 1}
    done = {**call, "result": {"sum": 1}, "tool_call_error": False}
    failed = {**call, "tool_call_id": "f", "result": "ValueError", "tool_call_error": True}
    log = [
        {"kind": "tool", "tool": call},
        {"kind": "tool_done", "tool": done},
        {"kind": "tool_done", "tool": failed},
        {"kind": "completed", "content": ""},
    ]
    for kind, prefix in ((agent, ""), (team, "Team"), (workflow, "")):
        events, output, folded, _ = told(kind, *log)
        assert [each["event"] for each in events[1:4]] == [
            prefix + "ToolCallStarted",
            prefix + "ToolCallCompleted",
            prefix + "ToolCallError",
        ]
        if kind is workflow:
            assert events[1]["workflow_run_id"] == "r"
            continue
        assert [each["result"] for each in output["tools"]] == ['{"sum": 1}', "ValueError"]
        assert [each.result for each in folded.tools] == ['{"sum": 1}', "ValueError"]


def test_what_a_workflow_runs_is_told_within_its_steps() -> None:
    events, output, folded, text = told(
        workflow,
        {"kind": "step", "step": STEP},
        passed("RunStarted"),
        passed("RunContent", content="facts"),
        passed("RunContent", content="theirs", parent_run_id="inner"),
        passed("RunCompleted", content="facts", event_index=7),
        {"kind": "step_done", "step": STEP, "content": "facts", "success": True},
        piece("Done."),
        {"kind": "completed", "content": "Done."},
    )
    inner = events[3]
    assert (inner["workflow_run_id"], inner["step_name"], inner["run_id"]) == (
        "r",
        "research",
        "inner",
    )
    assert inner["session_id"] == "theirs"
    assert "parent_run_id" not in inner
    assert text == "factsDone."
    assert folded.content == "Done."
    assert folded.step_results[0].content == "facts"
    assert output["step_results"][0]["step_name"] == "research"


def test_a_workflow_within_a_workflow_keeps_its_own_ids() -> None:
    nested = {"workflow_id": "w2", "nested_depth": 0}
    events, _, folded, _ = told(
        workflow,
        passed("WorkflowStarted", **nested),
        passed("RunContent", workflow_run_id="inner", content="x", **nested),
        passed("WorkflowCompleted", content="x", **nested),
        {"kind": "completed", "content": "whole"},
    )
    assert (events[1]["nested_depth"], events[1]["parent_step_id"]) == (1, "s1")
    assert events[2]["workflow_run_id"] == "r"
    assert folded.content == "whole"


def test_what_an_agent_runs_is_not_its_own_answer() -> None:
    for kind in (agent, team):
        events, output, folded, text = told(
            kind,
            {"kind": "step", "step": STEP},
            passed("RunContent", content="facts"),
            passed("RunError", content="theirs", run_id=None),
            {"kind": "step_done", "step": STEP, "success": False, "error": "ValueError"},
            {"kind": "completed", "content": ""},
        )
        assert events[2]["parent_run_id"] == "r"
        assert text == ""
        assert folded.status == "COMPLETED"
        assert output["tools"][0]["tool_name"] == "research"
        assert folded.tools[0].tool_call_error is True


def test_events_of_ones_own_are_flat_and_lose_nothing() -> None:
    own = {"name": "progress", "percent": 50}
    taken = {"name": "odd", "run_id": "mine"}
    for kind in KINDS:
        events, _, folded, _ = told(
            kind,
            {"kind": "event", "event": own},
            {"kind": "event", "event": taken},
            {"kind": "completed", "content": ""},
        )
        assert (events[1]["event"], events[1]["percent"]) == ("CustomEvent", 50)
        assert events[2]["run_id"] == "r"
        assert events[2]["value"] == taken
        assert folded.run_id == "r"


def test_files_come_with_the_end_and_data_beside() -> None:
    raw = base64.b64encode(b"\0" * 10).decode()
    parts: List[Any] = [
        {"raw": raw, "mediaType": "image/png", "filename": "a.png"},
        {"raw": base64.b64encode(b"caf\xe9").decode(), "mediaType": "text/plain"},
        {"raw": base64.b64encode(b"BEGIN").decode(), "mediaType": "text/calendar"},
        {"raw": raw, "mediaType": "application/x-odd", "filename": "b.odd"},
        {"data": {"n": 1}},
    ]
    artifact = {"artifactId": "x", "name": "results", "parts": parts}
    for kind in KINDS:
        events, output, folded, _ = told(
            kind, {"kind": "artifact", "artifact": artifact}, {"kind": "completed", "content": ""}
        )
        shown = events[1]["artifact"]["parts"]
        assert "raw" not in shown[0]
        assert shown[0]["size"] == 10
        assert shown[4] == {"data": {"n": 1}}
        for each in (events[2], output):
            assert each["images"][0]["content"] == raw
            assert each["data"] == [{"n": 1}]
        data = [each.data() for each in folded.files]
        assert data == [b"caf\xe9", b"BEGIN", b"\0" * 10]
        assert [each.file_type for each in folded.files] == [
            "text/plain",
            "text/calendar",
            "application/x-odd",
        ]
        assert folded.data_parts == [{"n": 1}]


ASKED = {"id": "q", "kind": "input", "question": "Which colour?", "place": "0"}
CHOICE = {**ASKED, "options": ["red", "blue"]}
CONFIRM = {"id": "q", "kind": "confirm", "name": "delete_file", "args": {"path": "/x"}}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pending", [ASKED, CHOICE, CONFIRM])
def test_questions_are_answered_by_what_a_client_decides(kind: Any, pending: Any) -> None:
    events, output, folded, _ = told(
        kind, {"kind": "paused", "pending": pending}, status="PAUSED", pending=pending
    )
    assert events[-1]["event"].endswith("Paused")
    model = type(folded)
    for paused in (folded, model.from_dict(output)):
        assert paused.status == "PAUSED"
        (item,) = paused.pending
        if pending is CONFIRM:
            item.reject("not that one")
            expected: Any = {"confirmed": False, "note": "not that one"}
        elif pending is CHOICE and kind is not workflow:
            with pytest.raises(ValueError, match="green"):
                item.select("green")
            item.select("red")
            expected = "red"
        else:
            item.answer(input="red")
            expected = "red"
        decided = form_value(made(kind).component, "r", paused, None, None, False)
        assert decided is not None
        assert decision_of(pending, decided, {}) == expected
        assert decision_of({**pending, "id": "other"}, decided, {}) is None


def test_an_undecided_run_is_not_answered() -> None:
    for kind in KINDS:
        for pending in (ASKED, CHOICE, CONFIRM):
            _, output, _, _ = told(
                kind, {"kind": "paused", "pending": pending}, status="PAUSED", pending=pending
            )
            decided = output[made(kind).component.continue_field]
            assert decision_of(pending, decided, {}) is None
    assert decision_of(ASKED, [], {"input": "blue"}) == "blue"


def test_what_was_given_is_told_again() -> None:
    local = made(agent)
    media = [Audio(content=b"1", mime_type="audio/wav"), File(content=b"a,b", mime_type="text/csv")]
    asked = asked_by_text("hello", media, run_id="r", session_id="s")
    record = Record.begun(local.key, asked, "holder", 0.0).changed("COMPLETED", {"content": "hi"})
    output = Rendering(local, "db").output(record)
    assert output["input"]["input_content"] == "hello"
    assert output["input"]["audios"][0]["content"] == "MQ=="
    assert output["input"]["files"][0]["content"] == "a,b"
    assert [each["content"] for each in output["messages"]] == ["hello", "hi"]
    row = Rendering(local, "db").listed(record)
    assert (row["run_input"], row["content"]) == ("hello", "hi")
    assert row["created_at"].endswith("Z")
