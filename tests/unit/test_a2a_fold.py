"""protocols/a2a/fold.py and content.py: a task, and streams as real servers send them, as a run."""

import contextlib
import copy
import json
import pickle
import subprocess
import sys
from typing import Any, Dict, List, Optional, Tuple

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from remoteagent_lite import RunFailedError
from remoteagent_lite.errors import A2AError, ProtocolError, TaskNotFoundError
from remoteagent_lite.models import RunOutput, TeamRunContentEvent, TeamRunOutput, WorkflowRunOutput
from remoteagent_lite.models.a2a_v10 import Message, Task
from remoteagent_lite.protocols.a2a.events import EventFold
from remoteagent_lite.protocols.a2a.fold import A2AFold
from remoteagent_lite.protocols.a2a.output import output_of
from remoteagent_lite.protocols.a2a.v03 import V03
from remoteagent_lite.protocols.a2a.v10 import V10
from remoteagent_lite.protocols.component import AGENT, TEAM, WORKFLOW, Component

Event = Dict[str, Any]


def text(*blocks: str) -> List[Event]:
    return [{"text": block} for block in blocks]


def thought(words: str) -> Event:
    return {"text": words, "metadata": {"adk_thought": True}}


def call(kind: str, **data: Any) -> Event:
    return {"data": data, "metadata": {"adk_type": "function_" + kind}}


def said(*blocks: str, role: str = "ROLE_AGENT", **more: Any) -> Event:
    return {"messageId": "m-" + "".join(blocks), "role": role, "parts": text(*blocks), **more}


def artifact(key: str, *parts: Any) -> Event:
    return {"artifactId": key, "parts": [{"text": p} if type(p) is str else p for p in parts]}


def task(state: str, *artifacts: Event, message: Any = None, **more: Any) -> Event:
    status: Event = {"state": "TASK_STATE_" + state}
    if message is not None:
        status["message"] = message
    full: Event = {"id": "T", "contextId": "C", "status": status, **more}
    if artifacts:
        full["artifacts"] = list(artifacts)
    return full


def snap(state: str, *artifacts: Event, **more: Any) -> Event:
    return {"task": task(state, *artifacts, **more)}


def status(state: str, message: Any = None, task_id: str = "T", **more: Any) -> Event:
    value = task(state, message=message)["status"]
    return {"statusUpdate": {"taskId": task_id, "contextId": "C", "status": value, **more}}


def chunk(key: str, *parts: Any, append: bool = False) -> Event:
    update: Event = {"taskId": "T", "contextId": "C", "artifact": artifact(key, *parts)}
    if append:
        update["append"] = True
    return {"artifactUpdate": update}


def more(key: str, *parts: Any) -> Event:
    return chunk(key, *parts, append=True)


def delta(words: str, key: str = "M", category: str = "content", task_id: str = "T") -> Event:
    return {
        "message": {
            "messageId": key,
            "role": "ROLE_AGENT",
            "taskId": task_id,
            "contextId": "C",
            "parts": text(words),
            "metadata": {"agno_content_category": category},
        }
    }


def follow(
    frames: List[Event], component: Component = AGENT, agno: bool = False
) -> Tuple[List[Any], A2AFold]:
    fold = A2AFold(component, "id")
    fold.task_follows = agno
    events = [event for frame in frames for event in fold.decode("", frame)]
    fold.end()
    return [*events, *fold.flush()], fold


def names(events: List[Any]) -> List[str]:
    return [e.name if e.event == "CustomEvent" else e.event for e in events]


def pieces(events: List[Any], fold: A2AFold) -> List[str]:
    return [piece for piece in map(fold.delta, events) if piece is not None]


# --- output_of: where the answer is --------------------------------------------------------------

USER = said("please", role="ROLE_USER")


@pytest.mark.parametrize(
    "result, content",
    [
        (task("COMPLETED", artifact("a", "t0 ", "t1")), "t0 t1"),
        (task("COMPLETED", artifact("a", "one"), artifact("b", "two")), "one\ntwo"),
        (task("COMPLETED", artifact("a", "one"), artifact("b", {"url": "u"})), "one"),
        (task("COMPLETED", artifact("a", thought("hm"), "yes")), "yes"),
        (task("COMPLETED", artifact("a", "yes"), message=said("done")), "yes"),
        (task("COMPLETED", message=said("the", "answer")), "the\nanswer"),
        (task("COMPLETED", message=said("end"), history=[USER, said("step 0")]), "end"),
        (task("COMPLETED", history=[said("old"), USER, said("a"), said("b")]), "a\nb"),
        (task("COMPLETED", history=[said("old"), USER]), None),
        (task("COMPLETED", artifact("a", {"url": "u"}), history=[said("seen")]), "seen"),
        (task("COMPLETED", artifact("a", {"data": {"n": 1}}), message=said("done")), {"n": 1}),
        (task("COMPLETED", artifact("a", {"data": 1}), artifact("b", {"data": 2})), [1, 2]),
        (task("COMPLETED", artifact("a", {"data": {"n": 1}}, "text")), "text"),
        (task("COMPLETED", artifact("a", call("call", name="f", args={}))), None),
        (task("COMPLETED", message={"parts": [{"data": [1]}]}), [1]),
        (task("COMPLETED"), None),
        (task("WORKING", artifact("a", "so far"), message=said("step 1")), "so far"),
        (task("WORKING", message=said("step 1"), history=[USER, said("step 0")]), None),
        (task("FAILED", artifact("a", "half"), message=said("boom")), "half"),
        (task("FAILED", message=said("boom")), None),
        (task("FAILED", history=[USER, said("boom")]), None),
        (task("CANCELED", artifact("a", "half")), "half"),
        (task("INPUT_REQUIRED", artifact("a", "half"), message=said("which?")), "which?"),
        (task("INPUT_REQUIRED", artifact("a", "which?")), "which?"),
        ({"message": {"messageId": "m", "parts": text("a", "b")}}, "a\nb"),
        ({"message": {"messageId": "m", "parts": [{"data": {"n": 1}}]}}, {"n": 1}),
        ({"message": {"messageId": "m"}}, None),
    ],
)
def test_where_the_answer_is(result: Event, content: Any) -> None:
    assert output_of(result, AGENT, "id").content == content


@pytest.mark.parametrize(
    "state, expected, name",
    [
        ("COMPLETED", "COMPLETED", "completed"),
        ("FAILED", "ERROR", "failed"),
        ("REJECTED", "ERROR", "rejected"),
        ("CANCELED", "CANCELLED", "canceled"),
        ("INPUT_REQUIRED", "PAUSED", "input-required"),
        ("AUTH_REQUIRED", "PAUSED", "auth-required"),
        ("SUBMITTED", "PENDING", "submitted"),
        ("WORKING", "RUNNING", "working"),
        ("UNSPECIFIED", "RUNNING", "unspecified"),
        ("FROM_THE_FUTURE", "RUNNING", "from-the-future"),
    ],
)
def test_states(state: str, expected: str, name: str) -> None:
    output = output_of({"task": task(state)}, AGENT, "id")
    assert (output.status, output.task_state) == (expected, name)


@pytest.mark.parametrize(
    "component, model, field",
    [
        (AGENT, RunOutput, "agent_id"),
        (TEAM, TeamRunOutput, "team_id"),
        (WORKFLOW, WorkflowRunOutput, "workflow_id"),
    ],
)
def test_ids(component: Component, model: type, field: str) -> None:
    output = output_of({"task": task("COMPLETED")}, component, "x", "mine")
    assert type(output) is model
    assert (output.run_id, output.session_id, getattr(output, field)) == ("T", "C", "x")
    bare = output_of({"message": said("hi")}, component, "x", "mine")
    assert (bare.run_id, bare.session_id, bare.status) == (None, "mine", "COMPLETED")


def test_an_answer_of_the_wrong_shape_is_a_run_of_which_nothing_is_known() -> None:
    for result in (None, [], {}, {"task": {}}, {"task": None, "message": None}):
        assert output_of(result, AGENT, "id").status == "RUNNING"


@pytest.mark.parametrize(
    "result, reason, content",
    [
        (task("FAILED", message=said("boom")), "boom", None),
        (task("FAILED", history=[USER, said("note"), said("boom")]), "boom", None),
        (task("FAILED", metadata={"reason": "quota"}, history=[said("note")]), "quota", None),
        (task("REJECTED", message=said("no")), "no", None),
        (task("REJECTED", message={"parts": [{"data": {"c": 1}}]}), '{"c": 1}', None),
        (task("CANCELED", message=said("stop")), "stop", None),
        (task("CANCELED", history=[USER, said("step 0")]), None, None),
        (
            task("CANCELED", history=[said("half", "Run was cancelled: by user")]),
            "Run was cancelled: by user",
            "half",
        ),
        (
            task(
                "CANCELED",
                history=[said("a", "why", metadata={"agno_event_type": "run_cancelled"})],
            ),
            "why",
            "a",
        ),
        (task("FAILED"), None, None),
        (task("COMPLETED", message=said("fine")), None, "fine"),
    ],
)
def test_why_a_run_failed_is_never_its_content(
    result: Event, reason: Optional[str], content: Any
) -> None:
    output = output_of(result, AGENT, "id")
    assert (output.reason, output.content) == (reason, content)


@pytest.mark.parametrize(
    "state, message, question, waits_for",
    [
        ("INPUT_REQUIRED", said("which?"), "which?", "input: which?"),
        ("AUTH_REQUIRED", said("log in"), "log in", "authentication: log in"),
        ("AUTH_REQUIRED", None, None, "authentication"),
        (
            "INPUT_REQUIRED",
            {"parts": [call("call", id="1", name="approve", args={"amount": 5})]},
            'approve({"amount": 5})',
            'input: approve({"amount": 5})',
        ),
        ("INPUT_REQUIRED", {"parts": [{"data": {"é": 1}}]}, '{"é": 1}', 'input: {"é": 1}'),
    ],
)
def test_questions(state: str, message: Any, question: Optional[str], waits_for: str) -> None:
    output = output_of(task(state, message=message), AGENT, "id")
    assert output.is_paused
    assert (output.content, output.waits_for, output.pending) == (question, waits_for, [])
    assert output.reason is None


def test_media_are_sorted_and_can_be_saved() -> None:
    result = task(
        "COMPLETED",
        artifact(
            "a",
            {"raw": "_-8", "mediaType": "image/png", "metadata": {"k": 1}},
            {"url": "http://x/y", "mediaType": "image/*"},
            {"raw": "AA==", "filename": "a.mp3"},
            {"url": "http://x/v.mp4?t=1"},
            {"raw": "aMOp", "mediaType": "text/plain", "filename": "t.txt"},
            {"raw": "6Q==", "mediaType": "text/plain"},
            {"raw": ""},
            "text",
        ),
        message={"parts": [{"raw": "AQ==", "mediaType": "application/pdf"}]},
    )
    output = output_of(result, AGENT, "id")
    first, second = output.images
    assert (first.data(), first.mime_type, first.id) == (b"\xff\xef", "image/png", "a")
    assert first.metadata == {"k": 1}
    assert (second.url, second.content, second.id) == ("http://x/y", None, "a-2")
    assert output.audio[0].data() == b"\0" and output.audio[0].mime_type is None
    assert output.videos[0].url == "http://x/v.mp4?t=1"
    plain, latin, empty, pdf = output.files
    assert (plain.content, plain.data(), plain.filename) == ("hé", "hé".encode(), "t.txt")
    assert (latin.data(), latin.file_type) == (b"\xe9", "text/plain")
    assert empty.data() == b""
    assert (pdf.data(), pdf.id) == (b"\x01", None)


def test_data_parts_and_the_task_can_be_read() -> None:
    result = task("COMPLETED", artifact("a", "text", {"data": 0}), message={"parts": [{"data": 1}]})
    output = output_of({"task": result}, AGENT, "id")
    assert output.data_parts == [0, 1]
    assert isinstance(output.task, Task)
    assert output.task.artifacts[0].artifact_id == "a"
    assert output.task is output.task
    assert output.to_dict()["task"] == result == json.loads(json.dumps(result))
    assert output.message is None


def test_a_bare_message_can_be_read() -> None:
    output = output_of({"message": said("hi")}, AGENT, "id")
    assert isinstance(output.message, Message) and output.message.role == "ROLE_AGENT"
    assert (output.task, output.task_state, output.reason) == (None, None, None)


def test_outputs_of_tasks_copy_pickle_and_compare() -> None:
    make = [output_of(task("FAILED", message=said("no")), AGENT, "id") for _ in range(2)]
    assert make[0].task is not None  # decoded in one, plain in the other
    assert make[0] == make[1]
    assert repr(make[0]) == repr(make[1])
    for again in (pickle.loads(pickle.dumps(make[0])), copy.deepcopy(make[0])):
        assert again == make[0] and again.task == make[0].task and again.reason == "no"


def test_properties_win_over_keys_of_their_name_and_cannot_be_set() -> None:
    output = RunOutput.from_dict({"task": 3, "message": [], "task_state": 4, "data": "x"})
    assert (output.task, output.message, output.task_state, output.data_parts) == (
        None,
        None,
        None,
        [],
    )
    with pytest.raises(AttributeError):
        output.task = None  # type: ignore[misc]


def test_raise_for_status_says_why() -> None:
    output = output_of(task("REJECTED", artifact("a", "half"), message=said("no")), AGENT, "id")
    with pytest.raises(RunFailedError, match="Run T ended as ERROR: no$"):
        output.raise_for_status()
    silent = output_of(task("CANCELED"), AGENT, "id")
    with pytest.raises(RunFailedError, match="no reason was given"):
        silent.raise_for_status()


@pytest.mark.parametrize(
    "data, reason",
    [
        ({"status": "ERROR", "content": "boom"}, "boom"),
        ({"status": "CANCELLED", "content": "half", "reason": "stop"}, "stop"),
        ({"status": "ERROR", "content": "text", "error": "boom"}, "boom"),
        ({"status": "ERROR", "content": {"a": 1}}, None),
        ({"status": "COMPLETED", "content": "fine"}, None),
    ],
)
def test_the_reason_of_an_agentos_run(data: Event, reason: Optional[str]) -> None:
    output = WorkflowRunOutput.from_dict(data)
    assert (output.reason, output.task_state, output.data_parts) == (reason, None, [])


def test_who_does_not_speak_a2a_loads_no_models_of_it() -> None:
    code = (
        "import sys; from remoteagent_lite.models import RunOutput;"
        "o = RunOutput.from_dict({'status': 'ERROR', 'content': 'x'});"
        "o.reason, o.task_state, o.waits_for, o.data_parts;"
        "print('remoteagent_lite.models.a2a_v10' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"False"


@pytest.mark.parametrize(
    "metrics, kept",
    [({"input_tokens": 1, "duration": 0.5}, True), ({"tokens": 1}, False), ("many", False)],
)
def test_metrics_of_an_agentos_are_taken_if_they_fit(metrics: Any, kept: bool) -> None:
    output = output_of(
        task("COMPLETED", history=[said("hi", metadata={"metrics": metrics})]), AGENT, "id"
    )
    assert (output.metrics is not None) is kept
    if kept:
        assert output.metrics.input_tokens == 1


# --- streams, as real servers send them ----------------------------------------------------------


def test_chunks_of_an_sdk_server() -> None:
    events, fold = follow(
        [
            snap("SUBMITTED", history=[USER]),
            status("WORKING", said("on it")),
            chunk("a", "t0 "),
            more("a", "t1 "),
            more("a", "t2"),
            status("COMPLETED"),
        ]
    )
    assert names(events) == [
        "RunStarted",
        "status-update",
        "RunContent",
        "RunContent",
        "RunContent",
        "RunCompleted",
    ]
    assert pieces(events, fold) == ["t0 ", "t1 ", "t2"]
    progress, end = events[1], events[-1]
    assert (progress.state, progress.text, progress.content) == ("working", "on it", None)
    assert (end.content, end.run_id, end.session_id, end.agent_id) == ("t0 t1 t2", "T", "C", "id")
    output = fold.output()
    assert (output.status, output.content, fold.unstreamed(), fold.suspect) == (
        "COMPLETED",
        "t0 t1 t2",
        "",
        False,
    )
    assert [message.parts[0].text for message in output.task.history] == ["please", "on it"]
    assert fold.output() is output


def test_every_event_has_its_frame_and_a_json_rpc_answer_its_result() -> None:
    fold = A2AFold(AGENT, "id")
    fold.read = lambda data: data.get("result", data)
    frames = [
        snap("SUBMITTED"),
        status("WORKING"),
        chunk("a", {"data": 1}),
        chunk("a", "x"),
        {"message": said("?", role="ROLE_USER")},
        {"unknown": 1},
        status("COMPLETED"),
        status("COMPLETED"),
        snap("COMPLETED"),
    ]
    for frame in frames:
        for data in (frame, {"jsonrpc": "2.0", "id": 1, "result": frame}):
            events = fold.decode("", data)
            assert events and all(event.raw == frame for event in events)


def test_adk_says_the_text_twice_and_it_comes_once() -> None:
    events, fold = follow(
        [
            snap("SUBMITTED"),
            status("WORKING"),
            status("WORKING", said("echo: hello world")),
            chunk("a", "echo: hello world"),
            status("COMPLETED"),
        ]
    )
    assert pieces(events, fold) == ["echo: hello world"]
    assert [event.content for event in events if event.content] == ["echo: hello world"] * 2
    assert names(events)[-1] == "RunCompleted"
    assert fold.output().content == "echo: hello world"


def test_adk_thoughts_and_tools_come_once_and_are_no_answer() -> None:
    asked = call("call", id="7", name="add", args={"a": 1})
    answered = call("response", id="7", name="add", response={"result": 3})
    events, fold = follow(
        [
            snap("SUBMITTED"),
            status("WORKING", {"parts": [thought("hm"), asked]}),
            status("WORKING", {"parts": [answered]}),
            chunk("a", thought("hm"), asked, answered, "3"),
            status("COMPLETED"),
        ]
    )
    assert names(events) == [
        "RunStarted",
        "ReasoningContentDelta",
        "ToolCallStarted",
        "ToolCallCompleted",
        "RunContent",
        "RunCompleted",
    ]
    assert events[1].reasoning_content == "hm"
    assert (events[2].tool.tool_name, events[2].tool.tool_args) == ("add", {"a": 1})
    done = events[3].tool
    assert (done.tool_call_id, done.tool_args, done.result) == ("7", {"a": 1}, "3")
    assert (fold.output().content, fold.output().data_parts) == ("3", [])


def test_adk_extension_streams_chunks_and_repeats_the_whole() -> None:
    events, fold = follow(
        [
            snap("SUBMITTED"),
            status("WORKING"),
            chunk("tool", call("call", id="1", name="f", args={})),
            chunk("a", "hel"),
            more("a", "lo "),
            more("a", "world"),
            chunk("a", "hello world"),
            status("COMPLETED"),
        ]
    )
    assert "".join(pieces(events, fold)) == "hello world" == fold.output().content
    assert "artifact-reset" not in names(events)


@pytest.mark.parametrize("streamed", [False, True])
def test_what_adk_says_beside_a_tool_call_is_no_answer(streamed: bool) -> None:
    asked = call("call", id="1", name="f", args={})
    answered = call("response", id="1", name="f", response={"result": 3})
    aside = [chunk("a", "let me "), more("a", "see")] if streamed else []
    events, fold = follow(
        [
            snap("SUBMITTED"),
            *aside,
            chunk("a", "let me see", asked),
            chunk("b", answered),
            chunk("c", "3"),
            status("COMPLETED"),
        ]
    )
    assert fold.output().content == events[-1].content == "3"
    (told,) = [each for each in events if getattr(each, "artifact_id", None) == "a"][-1:]
    assert (told.name, told.text) == (
        ("artifact-reset", "") if streamed else ("artifact-update", "let me see")
    )
    assert "".join(pieces(events, fold)) == ("let me see\n3" if streamed else "3")
    assert names(events).count("ToolCallStarted") == names(events).count("ToolCallCompleted") == 1


def test_adk_pauses_with_a_tool_call() -> None:
    asked = {
        "data": {"id": "1", "name": "approve", "args": {"amount": 5}},
        "metadata": {"adk_type": "function_call", "adk_is_long_running": True},
    }
    events, fold = follow([snap("SUBMITTED"), status("INPUT_REQUIRED", {"parts": [asked]})])
    assert names(events) == ["RunStarted", "ToolCallStarted", "RunPaused"]
    assert events[-1].content == 'approve({"amount": 5})'
    assert fold.finished and fold.output().is_paused and not fold.suspect


def agno(*frames: Event, state: str = "COMPLETED", history: Any = None) -> List[Event]:
    last = snap(state, history=history) if history else snap(state)
    return [status("WORKING"), *frames, status(state), last]


def test_agno_ends_once_and_with_the_text_of_the_final_task() -> None:
    whole = said("echo: hi", metadata={"metrics": {"input_tokens": 3}})
    events, fold = follow(
        agno(
            status(
                "WORKING",
                metadata={
                    "agno_event_type": "tool_call_started",
                    "tool_name": "f",
                    "tool_call_id": "1",
                    "tool_args": '{"a": 1}',
                },
            ),
            status(
                "WORKING",
                metadata={
                    "agno_event_type": "tool_call_completed",
                    "tool_name": "f",
                    "tool_call_id": "1",
                },
            ),
            delta("thinking", key="R", category="reasoning"),
            delta("echo: "),
            delta("hi"),
            history=[whole],
        ),
        agno=True,
    )
    assert names(events) == [
        "RunStarted",
        "ToolCallStarted",
        "ToolCallCompleted",
        "ReasoningContentDelta",
        "RunContent",
        "RunContent",
        "status-update",
        "RunCompleted",
    ]
    assert events[2].tool.tool_args == {"a": 1}
    assert events[-2].state == "completed"
    assert (events[-1].content, events[-1].metrics.input_tokens) == ("echo: hi", 3)
    assert "task" in events[-1].raw
    assert pieces(events, fold) == ["echo: ", "hi"] and fold.unstreamed() == ""
    assert fold.output().metrics.input_tokens == 3


def test_agno_run_whose_final_task_never_comes_ends_when_flushed() -> None:
    fold = A2AFold(AGENT, "id")
    fold.task_follows = True
    frames = agno(delta("hi"))[:-1]
    events = [event for frame in frames for event in fold.decode("", frame)]
    assert fold.finished and "RunCompleted" not in names(events)
    (end,) = fold.flush()
    assert (end.event, end.content) == ("RunCompleted", "hi")
    assert fold.flush() == []


def test_agno_workflow_is_one_run_of_three_tasks() -> None:
    events, fold = follow(
        [
            status("WORKING", task_id="W"),
            status("WORKING", task_id="S1"),
            delta("echo: hi", task_id="S1"),
            status("WORKING", task_id="S2"),
            delta("echo: ", task_id="S2"),
            delta("echo: hi", task_id="S2"),
            status("COMPLETED", task_id="S2"),
            snap("COMPLETED", id="S2", history=[said("echo: echo: hi")]),
        ],
        component=WORKFLOW,
        agno=True,
    )
    assert names(events).count("WorkflowStarted") == names(events).count("WorkflowCompleted") == 1
    assert "".join(pieces(events, fold)) == "echo: hiecho: echo: hi"
    output = fold.output()
    assert (output.content, output.run_id, fold.run_id, fold.task_id) == (
        "echo: echo: hi",
        "W",
        "W",
        "S2",
    )
    assert fold.unstreamed() == ""
    assert {event.run_id for event in events} == {"W"}
    assert events[-1].content == "echo: echo: hi" and events[-1].workflow_id == "id"


def test_agno_cancelled_in_the_middle() -> None:
    last = said("half", "Run was cancelled: by user", metadata={"agno_event_type": "run_cancelled"})
    events, fold = follow(agno(delta("half"), state="CANCELED", history=[last]), agno=True)
    output = fold.output()
    assert (output.status, output.content) == ("CANCELLED", "half")
    assert output.reason == events[-1].reason == "Run was cancelled: by user"
    assert names(events)[-1] == "RunCancelled" and names(events).count("RunCancelled") == 1


def test_agno_cancelled_without_its_last_task_keeps_text_and_reason() -> None:
    end = status("CANCELED", metadata={"reason": "by user"})
    _, fold = follow([status("WORKING"), delta("half"), end], agno=True)
    assert (fold.output().content, fold.output().reason) == ("half", "by user")


def test_completed_and_empty_is_suspect_and_its_end_waits_for_the_truth() -> None:
    for frames, agno_server in ((agno(), True), ([snap("SUBMITTED"), status("COMPLETED")], False)):
        fold = A2AFold(AGENT, "id")
        fold.task_follows = agno_server
        events = [event for frame in frames for event in fold.decode("", frame)]
        assert fold.finished and fold.suspect and "RunCompleted" not in names(events)
        fold.settle(output_of(task("FAILED", history=[said("boom")]), AGENT, "id"))
        assert not fold.suspect
        (end,) = fold.flush()
        assert (end.event, end.content) == ("RunError", "boom")
        assert fold.output().status == "ERROR"


def test_suspect_that_nobody_looks_up_is_completed_and_empty() -> None:
    events, fold = follow([snap("SUBMITTED"), status("COMPLETED")])
    assert names(events) == ["RunStarted", "status-update", "RunCompleted"]
    assert fold.output().content is None


@pytest.mark.parametrize(
    "answer", [said("x")["parts"], [{"data": 0}], [{"url": "u"}]], ids=["text", "data", "media"]
)
def test_any_kind_of_answer_is_above_suspicion(answer: List[Event]) -> None:
    _, fold = follow([status("WORKING"), status("COMPLETED", {"parts": answer})])
    assert not fold.suspect


@pytest.mark.parametrize(
    "component, expected",
    [
        (AGENT, ["RunStarted", "RunContent", "RunError"]),
        (TEAM, ["TeamRunStarted", "TeamRunContent", "TeamRunError"]),
        (WORKFLOW, ["WorkflowStarted", "RunContent", "WorkflowError"]),
    ],
)
@pytest.mark.parametrize("state", ["FAILED", "REJECTED"])
def test_failed_and_rejected(component: Component, expected: List[str], state: str) -> None:
    events, fold = follow(
        [snap("SUBMITTED"), chunk("a", "half"), status(state, said("boom"))], component
    )
    assert names(events) == expected
    given = events[-1].error if component is WORKFLOW else events[-1].content
    assert given == "boom"
    output = fold.output()
    assert (output.status, output.content, output.reason) == ("ERROR", "half", "boom")
    assert getattr(events[1], component.id_field) == "id"
    assert fold.delta(events[1]) == "half"


@pytest.mark.parametrize(
    "component, name", [(AGENT, "Run"), (TEAM, "TeamRun"), (WORKFLOW, "Workflow")]
)
def test_cancelled_and_paused(component: Component, name: str) -> None:
    events, fold = follow([snap("WORKING"), status("CANCELED", said("stop"))], component)
    assert (events[-1].event, events[-1].reason) == (name + "Cancelled", "stop")
    assert fold.output().is_cancelled
    events, fold = follow([snap("WORKING"), status("INPUT_REQUIRED", said("which?"))], component)
    assert (events[-1].event, events[-1].content) == (name + "Paused", "which?")
    assert fold.output().waits_for == "input: which?"


def test_a_team_has_events_of_its_own_throughout() -> None:
    events, fold = follow(
        [
            status("WORKING", {"parts": [thought("hm"), call("call", id="1", name="f", args={})]}),
            chunk("a", "x"),
            status("INPUT_REQUIRED"),
            status("WORKING"),
        ],
        TEAM,
    )
    assert names(events) == [
        "TeamRunStarted",
        "TeamReasoningContentDelta",
        "TeamToolCallStarted",
        "TeamRunContent",
        "TeamRunPaused",
        "TeamRunContinued",
    ]
    assert type(events[3]) is TeamRunContentEvent
    assert not fold.finished


def test_a_pause_may_end_in_the_same_stream() -> None:
    ends: List[Any] = []
    fold = A2AFold(AGENT, "id")
    fold.on_end = ends.append
    frames = [
        snap("AUTH_REQUIRED", message=said("log in")),
        status("AUTH_REQUIRED", said("log in")),
        status("WORKING"),
        chunk("a", "x"),
        status("COMPLETED"),
    ]
    events = [event for frame in frames for event in fold.decode("", frame)]
    assert names(events) == [
        "RunStarted",
        "RunPaused",
        "status-update",
        "RunContinued",
        "RunContent",
        "RunCompleted",
    ]
    assert [output.status for output in ends] == ["PAUSED", "COMPLETED"]
    assert fold.output().content == "x"


def test_interleaved_artifacts_end_as_they_belong_together() -> None:
    events, fold = follow(
        [chunk("a", "a1"), chunk("b", "b1"), more("a", "a2"), more("b", "b2"), status("COMPLETED")]
    )
    assert pieces(events, fold) == ["a1", "\nb1", "a2", "b2"]
    assert fold.output().content == "a1a2\nb1b2" and fold.unstreamed() == ""
    assert [event.artifact_id for event in events if fold.delta(event)] == ["a", "b", "a", "b"]


def test_replace_that_grows_brings_only_what_is_new() -> None:
    events, fold = follow(
        [chunk("a", "w0 "), chunk("a", "w0 w1 "), chunk("a", "w0 w1 w2"), status("COMPLETED")]
    )
    assert pieces(events, fold) == ["w0 ", "w1 ", "w2"]
    assert fold.output().content == "w0 w1 w2"


def test_rewrite_resets_and_goes_on_from_there() -> None:
    events, fold = follow(
        [chunk("a", "wrong"), chunk("a", "right"), more("a", "ly"), status("COMPLETED")]
    )
    reset = events[2]
    assert (reset.name, reset.artifact_id, reset.text) == ("artifact-reset", "a", "right")
    assert pieces(events, fold) == ["wrong", "ly"]
    assert events[-1].content == fold.output().content == "rightly" and fold.unstreamed() == ""


@pytest.mark.parametrize("component", [AGENT, TEAM])
def test_a_message_alone_is_the_answer_when_the_body_ends(component: Component) -> None:
    fold = A2AFold(component, "id", session_id="S")
    ends: List[Any] = []
    fold.on_end = ends.append
    events = fold.decode("", {"message": said("hi", contextId="C")})
    assert names(events) == [component.prefix + "Started", component.prefix + "Content"]
    assert not fold.finished and fold.output().status == "RUNNING"
    assert fold.end()
    (end,) = fold.flush()
    assert (end.event, end.content, end.raw["message"]["role"]) == (
        component.prefix + "Completed",
        "hi",
        "ROLE_AGENT",
    )
    output = fold.output()
    assert (output.status, output.content, output.run_id, output.session_id) == (
        "COMPLETED",
        "hi",
        None,
        "C",
    )
    assert isinstance(output.message, Message) and len(ends) == 1


def test_a_message_in_pieces_and_another_one() -> None:
    frames: List[Event] = [
        {"message": {**said("x"), "messageId": "1", "parts": text(part)}} for part in "ab"
    ]
    events, fold = follow([*frames, {"message": {**said("c"), "messageId": "2"}}])
    assert "".join(pieces(events, fold)) == "ab\nc" == fold.output().content


def test_a_message_beside_artifacts_is_not_the_answer() -> None:
    events, fold = follow(
        [chunk("a", "answer"), {"message": said("aside")}, status("COMPLETED", said("bye"))]
    )
    assert pieces(events, fold) == ["answer"] and fold.output().content == "answer"
    assert events[2].text == "aside"


def test_an_answer_in_the_last_status_is_the_rest() -> None:
    events, fold = follow([snap("SUBMITTED"), status("COMPLETED", said("the answer"))])
    assert pieces(events, fold) == [] and fold.unstreamed() == "the answer"
    assert events[-1].content == "the answer"


def test_structured_answer() -> None:
    events, fold = follow([snap("SUBMITTED"), chunk("a", {"data": {"n": 1}}), status("COMPLETED")])
    assert names(events) == ["RunStarted", "artifact-update", "RunCompleted"]
    assert events[-1].content == fold.output().content == {"n": 1} and fold.unstreamed() == ""


@pytest.mark.parametrize("component", [AGENT, TEAM, WORKFLOW])
def test_media_of_the_last_event_are_never_mere_dicts(component: Component) -> None:
    media = [
        {"raw": "AA==", "mediaType": "%s/x" % kind, "filename": "n"}
        for kind in ("image", "audio", "video", "application")
    ]
    events, fold = follow([chunk("a", *media), snap("COMPLETED")], component)
    for told in (events[-1], fold.output()):
        for items in (told.images, told.audio, told.videos, told.files):
            assert [(item.data(), item.filename) for item in items] == [(b"\0", "n")]
    assert pickle.loads(pickle.dumps(events[-1])) == events[-1]


@pytest.mark.parametrize("component", [AGENT, TEAM, WORKFLOW])
def test_changing_the_last_event_never_changes_the_output(component: Component) -> None:
    file = {"raw": "AA==", "mediaType": "application/x"}
    for parts in ([{"data": {"n": [1]}}, file], ["text", file]):
        events, fold = follow([chunk("a", *parts), snap("COMPLETED")], component)
        before = copy.deepcopy(fold.output().to_dict())
        end = events[-1]
        if isinstance(end.content, dict):
            end.content["n"].append(2)
        end.files[0].filename = "changed"
        end.files.append(None)
        assert fold.output().to_dict() == before


def test_an_empty_stream_and_a_cut_one_are_no_ends() -> None:
    for frames in ([], [snap("WORKING"), chunk("a", "x")]):
        _, fold = follow(frames)
        assert not fold.end() and not fold.finished and fold.flush() == []
        assert fold.output().status == "RUNNING"
    assert fold.output().content == "x"


def test_a_follow_up_begins_with_a_status() -> None:
    fold = A2AFold(AGENT, "id", run_id="T", session_id="C")
    events = fold.decode("", status("WORKING")) + fold.decode("", status("COMPLETED", said("ok")))
    assert names(events) == ["RunStarted", "RunCompleted"]
    assert fold.output().task.id == "T"


def test_what_comes_behind_the_end_changes_nothing() -> None:
    fold = A2AFold(AGENT, "id")
    for frame in (chunk("a", "x"), status("COMPLETED")):
        fold.decode("", frame)
    before = fold.output().to_dict()
    for frame in (more("a", "y"), status("FAILED", said("no")), snap("WORKING"), delta("z")):
        (event,) = fold.decode("", frame)
        assert event.event == "CustomEvent" and event.raw == frame
    assert fold.output().to_dict() == before


def test_an_error_is_let_through_and_remembered_but_not_behind_the_end() -> None:
    fold = A2AFold(AGENT, "id")

    def refuse(data: Any) -> Any:
        raise TaskNotFoundError("long message", detail="gone")

    fold.read = refuse
    with pytest.raises(A2AError):
        fold.decode("error", {"error": {}})
    assert fold.fault == "gone" and not fold.end()
    fold.read = lambda data: data
    fold.decode("", snap("COMPLETED", artifact("a", "x")))
    fold.read = refuse
    assert fold.decode("error", {"error": {}})[0].raw == {"error": {}}


def test_snapshot_with_text_brings_what_was_not_shown() -> None:
    events, fold = follow(
        [
            snap("WORKING", artifact("a", "one ")),
            more("a", "two "),
            snap("COMPLETED", artifact("a", "one ", "two ", "three"), artifact("b", "four")),
        ]
    )
    assert pieces(events, fold) == ["one ", "two ", "three", "\nfour"]
    assert fold.output().content == "one two three\nfour" and fold.unstreamed() == ""


def test_a_final_task_without_artifacts_does_not_take_away_the_answer() -> None:
    _, fold = follow([chunk("a", "x"), snap("COMPLETED")])
    assert fold.output().content == "x"


def test_frames_are_not_changed_by_folding() -> None:
    frames = [
        snap("WORKING", artifact("a", "x"), history=[USER], message=said("1")),
        more("a", "y"),
        status("WORKING", said("2"), metadata={"k": 1}),
        status("COMPLETED"),
    ]
    before = json.dumps(frames)
    _, fold = follow(frames)
    fold.output().task.artifacts[0].parts[0].text
    assert json.dumps(frames) == before


def test_partial_outputs_are_not_changed_by_what_comes_later() -> None:
    fold = A2AFold(AGENT, "id")
    fold.decode("", chunk("a", "x"))
    partial = fold.output()
    fold.decode("", more("a", "y"))
    assert partial.task.artifacts[0].to_dict() == artifact("a", "x")
    assert (partial.content, fold.output().content) == ("x", "xy")


# --- after a stream was broken -------------------------------------------------------------------


def marks_of(fold: A2AFold, *frames: Event) -> List[int]:
    """How often each frame is news."""
    marks = [fold.news]
    for frame in frames:
        fold.decode("", frame)
        marks.append(fold.news)
    return [after - before for before, after in zip(marks, marks[1:])]


def known_and_broken() -> A2AFold:
    fold = A2AFold(AGENT, "id")
    for frame in (
        snap("SUBMITTED", history=[USER]),
        status("WORKING", said("step")),
        chunk("a", "one "),
        more("a", "two"),
    ):
        fold.decode("", frame)
    fold.resumed()
    return fold


def test_what_was_told_before_the_break_is_never_news_behind_it() -> None:
    told = [
        snap("SUBMITTED", history=[USER]),
        status("WORKING", said("step")),
        status("WORKING", said("step", taskId="T")),
        status("WORKING"),
        snap("WORKING", artifact("a", "one ")),
        more("a", "two"),
        snap("WORKING", artifact("a", "one ", "two")),
        status("SUBMITTED"),
        status("WORKING"),
    ]
    assert not any(marks_of(known_and_broken(), *told))


@pytest.mark.parametrize(
    "frame",
    [
        more("a", " three"),
        chunk("b", "x"),
        chunk("a", "other"),
        chunk("a", {"data": 1}),
        status("WORKING", said("next step")),
        status("AUTH_REQUIRED"),
        {"message": said("aside")},
        snap("WORKING", artifact("a", "one ", "two", " three")),
    ],
)
def test_a_text_an_artifact_or_a_state_never_seen_is_news_once(frame: Event) -> None:
    fold = known_and_broken()
    first, second = marks_of(fold, frame, frame)
    assert first > 0
    fold.resumed()
    if "append" not in frame.get("artifactUpdate", {}):
        assert second == 0
        assert marks_of(fold, frame) == [0]


@pytest.mark.parametrize(
    "told",
    [
        [snap("SUBMITTED"), status("WORKING")],
        [status("SUBMITTED"), status("WORKING", said("step"))],
        [chunk("a", "x"), more("a", "y"), chunk("a", "yx")],
        [snap("WORKING", artifact("a", "x")), snap("WORKING", artifact("a", "y", "z"))],
        [{"message": said("hi")}, {"message": said("ho")}],
    ],
)
def test_a_stream_that_breaks_the_same_way_each_time_brings_no_news(told: List[Event]) -> None:
    fold = A2AFold(AGENT, "id")
    fold.decode("", snap("SUBMITTED"))
    marks = []
    for _ in range(5):
        fold.resumed()
        for frame in told:
            fold.decode("", frame)
        marks.append(fold.news)
    assert len(set(marks[1:])) == 1


def broken(*chunks: str) -> A2AFold:
    fold = A2AFold(AGENT, "id")
    fold.decode("", snap("WORKING"))
    fold.decode("", chunk("a", chunks[0]))
    for each in chunks[1:]:
        fold.decode("", more("a", each))
    fold.resumed()
    return fold


def test_a_server_that_sends_a_snapshot_first() -> None:
    fold = broken("one ")
    events = fold.decode("", snap("WORKING", artifact("a", "one ", "two ")))
    events += fold.decode("", more("a", "two "))
    events += fold.decode("", status("COMPLETED"))
    # Servers put a chunk into the task before they send it; whether this was one is looked up.
    assert pieces(events, fold) == ["two "]
    assert fold.suspect


@pytest.mark.parametrize(
    "known, sent, final",
    [
        (["one ", "two "], [more("a", "two "), more("a", "three")], "one two three"),
        (["a ", "b ", "c "], [more("a", "b "), more("a", "c "), more("a", "d")], "a b c d"),
        (["one two "], [more("a", "two "), more("a", "three")], "one two three"),
        (["x x x "], [more("a", "x "), more("a", "y")], "x x x y"),
        (["one "], [more("a", "two")], "one two"),
        (["on ", "one "], [more("a", "on"), more("a", "ly")], "on one only"),
        (["a ", "b "], [chunk("a", "a "), more("a", "b "), more("a", "c")], "a b c"),
        (["a ", "b "], [chunk("a", "a "), more("a", "x")], "a x"),
        (["a ", "b "], [chunk("a", "a b "), more("a", "c")], "a b c"),
        (["a ", "b "], [chunk("a", "else")], "else"),
        (["a "], [chunk("b", "new"), more("b", "er")], "a \nnewer"),
    ],
)
def test_chunks_that_a_snapshot_holds_already_are_dropped(
    known: List[str], sent: List[Event], final: str
) -> None:
    fold = broken(known[0])
    events = fold.snapshot(task("WORKING", artifact("a", *known)))
    for frame in sent:
        events += fold.decode("", frame)
    events += fold.decode("", status("COMPLETED")) + fold.flush()
    assert fold.output().content == final
    if "artifact-reset" not in names(events):
        assert known[0] + "".join(pieces(events, fold)) == final


def test_what_could_be_repeated_or_new_is_suspect() -> None:
    fold = broken("ha ")
    fold.snapshot(task("WORKING", artifact("a", "ha ", "ha ")))
    fold.decode("", more("a", "ha "))
    events = fold.decode("", status("COMPLETED"))
    assert fold.suspect and "RunCompleted" not in names(events)
    fold.settle(output_of(task("COMPLETED", artifact("a", "ha ha ha ")), AGENT, "id"))
    assert fold.unstreamed() == "ha "
    assert fold.flush()[0].content == "ha ha ha "


def test_a_server_that_stores_chunks_twice_is_not_believed() -> None:
    fold = broken("one ")
    fold.snapshot(task("WORKING", artifact("a", "one ", "two ")))
    for each in ("two ", "three ", "four"):
        fold.decode("", more("a", each))
    fold.decode("", status("COMPLETED"))
    assert fold.suspect
    stored = ["one ", "two ", "two ", "three ", "three ", "four", "four"]
    fold.settle(output_of(task("COMPLETED", artifact("a", *stored)), AGENT, "id"))
    assert fold.flush()[0].content == fold.output().content == "one two three four"
    assert not fold.suspect


def test_a_task_that_was_put_right_is_not_believed_when_it_comes_again_as_it_was() -> None:
    fold = broken("one ")
    fold.snapshot(task("WORKING", artifact("a", "one ")))
    fold.decode("", more("a", "two "))
    fold.resumed()
    stored = ["one ", "two ", "two ", "three ", "three "]
    fold.snapshot(task("WORKING", artifact("a", *stored)))
    fold.decode("", more("a", "three "))  # which the snapshot holds already
    fold.decode("", status("COMPLETED"))
    assert fold.suspect
    fold.settle(output_of(task("COMPLETED", artifact("a", *stored)), AGENT, "id"))
    assert fold.output().content == "one two three "


def test_a_snapshot_that_holds_chunks_twice_is_put_right() -> None:
    fold = broken("one ")
    stored = ["one ", "two ", "three ", "three ", "four ", "four "]
    events = fold.snapshot(task("WORKING", artifact("a", *stored)))
    for each in ("three ", "four ", "five"):
        events += fold.decode("", more("a", each))
    fold.decode("", status("COMPLETED"))
    assert [
        event.text for event in events if event.event == "CustomEvent" and "text" in vars(event)
    ] == ["one two three four "]
    assert fold.output().content == "one two three four five"
    fold.settle(output_of(task("COMPLETED", artifact("a", *stored, "five", "five")), AGENT, "id"))
    assert fold.output().content == "one two three four five"


@pytest.mark.parametrize(
    "stored, delivered",
    [
        (["two ", "two "], ["two ", "three"]),
        (["two ", "two "], ["three"]),
        (["two ", "three", "three"], ["three"]),
        (["two ", "two ", "three", "three"], ["two ", "three"]),
        (["two ", "two ", "three", "three"], []),
        (["two ", "three"], ["three"]),
    ],
)
def test_what_was_stored_since_a_subscription_is_told_once(
    stored: List[str], delivered: List[str]
) -> None:
    fold = broken("one ")
    before = task("WORKING", artifact("a", "one "))
    events = fold.snapshot(task("WORKING", artifact("a", "one ", *stored)), before)
    for each in delivered:
        events += fold.decode("", more("a", each))
    events += fold.decode("", status("COMPLETED"))
    final = ["one ", *stored, *(each for each in ("three",) * 2 if each not in stored)]
    if fold.suspect:
        fold.settle(output_of(task("COMPLETED", artifact("a", *final)), AGENT, "id"))
    events += fold.flush()
    assert fold.output().content == events[-1].content == "one two three"
    assert "".join(pieces(events, fold)) + fold.unstreamed() == "two three"
    assert "artifact-reset" not in names(events)


def test_what_an_agent_said_twice_before_a_subscription_stays_twice() -> None:
    fold = broken("ha ")
    events = fold.snapshot(
        task("WORKING", artifact("a", "ha ", "ha ", "ha ")),
        task("WORKING", artifact("a", "ha ", "ha ", "ha ")),
    )
    assert pieces(events, fold) == ["ha ha "]


@pytest.mark.parametrize("overlap", [[], ["three "], ["two ", "three "]])
def test_chunks_from_before_the_end_of_an_older_snapshot_are_dropped(overlap: List[str]) -> None:
    """The SDK of 1.x over 0.3: a subscription that begins with a task, and with its last chunks."""
    fold = broken("one ")
    looked_up = task("WORKING", artifact("a", "one ", "two ", "three ", "four "))
    events = fold.snapshot(looked_up, task("WORKING", artifact("a", "one ")))
    events += fold.decode("", snap("WORKING", artifact("a", "one ", "two ", "three ")))
    for each in [*overlap, "four ", "five ", "six"]:
        events += fold.decode("", more("a", each))
    events += fold.decode("", status("COMPLETED")) + fold.flush()
    assert "".join(pieces(events, fold)) == "two three four five six"
    assert "artifact-reset" not in names(events)


def test_what_is_looked_up_is_kept_if_its_stream_goes_on_behind_it() -> None:
    fold = broken("one ")
    fold.snapshot(task("WORKING", artifact("a", "one ", "two ", "three ")))
    fold.decode("", snap("WORKING", artifact("a", "one ", "two ")))
    fold.decode("", more("a", "four"))
    fold.decode("", status("COMPLETED"))
    assert fold.output().content == "one two three four"
    assert fold.suspect


def test_a_final_task_is_put_right_if_its_server_is_known_to_store_twice() -> None:
    fold = broken("1 ")
    fold.snapshot(task("WORKING", artifact("a", "1 ")))
    fold.decode("", more("a", "2 "))
    fold.resumed()
    fold.snapshot(task("WORKING", artifact("a", "1 ", "2 ", "2 ", "3 ", "3 ")))
    fold.decode("", more("a", "3 "))
    fold.decode("", status("COMPLETED"))
    assert fold.suspect
    stored = ["1 ", "2 ", "2 ", "3 ", "3 ", "4", "4"]
    fold.settle(output_of(task("COMPLETED", artifact("a", *stored)), AGENT, "id"))
    assert fold.output().content == fold.flush()[0].content == "1 2 3 4"


def test_a_snapshot_in_the_stream_that_is_older_than_the_one_looked_up() -> None:
    fold = broken("one ")
    events = fold.snapshot(task("WORKING", artifact("a", "one ", "two ", "three ")))
    events += fold.decode("", snap("WORKING", artifact("a", "one ")))
    for each in ("two ", "three ", "three ", "four"):
        events += fold.decode("", more("a", each))
    events += fold.decode("", status("COMPLETED"))
    assert "".join(pieces(events, fold)) == "two three three four"
    assert fold.output().content == "one two three three four"
    assert "artifact-reset" not in names(events)


def test_repeated_parts_without_text_are_dropped() -> None:
    part = {"data": {"n": 1}}
    fold = broken("x")
    fold.snapshot(task("WORKING", artifact("a", "x", part)))
    fold.decode("", more("a", part))
    fold.decode("", more("a", {"data": 2}))
    assert fold.output().data_parts == [{"n": 1}, 2]


def test_chunks_behind_a_gap_are_suspect() -> None:
    fold = broken("one ")
    fold.decode("", more("a", "three"))
    fold.decode("", status("COMPLETED"))
    assert fold.suspect
    fold = A2AFold(AGENT, "id")
    fold.decode("", more("a", "two"))
    fold.decode("", status("COMPLETED"))
    assert fold.suspect and fold.output().content == "two"


def test_a_snapshot_may_tell_that_the_run_is_over() -> None:
    fold = broken("one ")
    events = fold.snapshot(task("COMPLETED", artifact("a", "one ", "two")))
    assert names(events) == ["RunContent", "RunCompleted"] and events[-1].content == "one two"
    assert fold.finished and fold.snapshot(task("COMPLETED")) == []


def test_settled_unseen() -> None:
    fold = broken("one ")
    ends: List[Any] = []
    fold.on_end = ends.append
    output = output_of(task("COMPLETED", artifact("a", "one two")), AGENT, "id")
    fold.settle(output)
    assert fold.output() is output and ends == [output] and fold.unstreamed() == "two"
    (end,) = fold.flush()
    assert (end.event, end.content) == ("RunCompleted", "one two")


# --- whatever comes ------------------------------------------------------------------------------

keys = st.sampled_from("abc")
bits = st.text("xy \n", max_size=3)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(bits, max_size=5)), max_size=4))
def test_pieces_add_up_to_the_content(artifacts: List[Tuple[str, List[str]]]) -> None:
    frames = [snap("SUBMITTED")]
    for number, (_, chunks) in enumerate(artifacts):
        frames.append(chunk(str(number)))
        frames += [more(str(number), each) for each in chunks]
    events, fold = follow([*frames, status("COMPLETED")])
    content = fold.output().content
    assert "".join(pieces(events, fold)) == (content or "")
    assert fold.unstreamed() == "" and names(events)[-1] == "RunCompleted"


@given(st.lists(bits.filter(bool), min_size=2, max_size=8), st.data())
def test_a_snapshot_and_repeated_chunks_lose_and_double_nothing(
    chunks: List[str], data: st.DataObject
) -> None:
    """Chunks that differ from one another can be told apart, wherever the stream broke."""
    chunks = ["%d%s;" % (number, each) for number, each in enumerate(chunks)]
    seen = data.draw(st.integers(1, len(chunks) - 1))
    subscribed = data.draw(st.integers(seen, len(chunks)))
    looked_up = data.draw(st.integers(subscribed, len(chunks)))
    fold = broken(*chunks[:seen])
    events = fold.snapshot(task("WORKING", artifact("a", *chunks[:looked_up])))
    for each in chunks[subscribed:]:
        events += fold.decode("", more("a", each))
    events += fold.decode("", status("COMPLETED")) + fold.flush()
    assert "".join(chunks[:seen] + pieces(events, fold)) == "".join(chunks)
    assert fold.output().content == "".join(chunks)
    assert fold.suspect is (looked_up > subscribed)


def odd(value: Any) -> Any:
    return st.one_of(value, st.none(), st.integers(), st.just([3]), st.just({"state": {}}))


names_ = st.sampled_from(["T", "a", "M", ""])
parts = st.lists(
    odd(
        st.fixed_dictionaries(
            {},
            optional={
                "text": odd(bits),
                "raw": odd(st.sampled_from(["AA==", "!!", "_-8"])),
                "url": odd(st.sampled_from(["http://x/a.png", "http://[", ""])),
                "data": odd(st.sampled_from([{"id": "1", "name": "f"}, {"response": 1}, 0])),
                "mediaType": odd(st.sampled_from(["text/plain", "image/*", "x"])),
                "filename": odd(st.sampled_from(["a.mp3", "b"])),
                "metadata": odd(
                    st.sampled_from(
                        [
                            {"adk_thought": True},
                            {"adk_type": "function_call"},
                            {"adk_type": "function_response"},
                        ]
                    )
                ),
            },
        )
    ),
    max_size=3,
)
states = odd(
    st.sampled_from(
        [
            "TASK_STATE_" + each
            for each in "WORKING COMPLETED FAILED CANCELED INPUT_REQUIRED".split()
        ]
    )
)
metadata_ = odd(
    st.sampled_from(
        [
            {"agno_event_type": "tool_call_started", "tool_args": "{"},
            {"agno_event_type": "tool_call_completed", "tool_args": "[1]"},
            {"agno_event_type": "run_cancelled", "metrics": {"input_tokens": 1}},
            {"agno_content_category": "reasoning"},
            {"reason": 3},
        ]
    )
)
messages = odd(
    st.fixed_dictionaries(
        {},
        optional={
            "messageId": odd(names_),
            "role": odd(st.sampled_from(["ROLE_USER", "ROLE_AGENT"])),
            "parts": odd(parts),
            "contextId": odd(names_),
            "taskId": odd(names_),
            "metadata": metadata_,
        },
    )
)
statuses = odd(st.fixed_dictionaries({}, optional={"state": states, "message": messages}))
artifacts_ = odd(
    st.fixed_dictionaries({}, optional={"artifactId": odd(names_), "parts": odd(parts)})
)
tasks = st.fixed_dictionaries(
    {},
    optional={
        "id": odd(names_),
        "contextId": odd(names_),
        "status": statuses,
        "artifacts": odd(st.lists(artifacts_, max_size=2)),
        "history": odd(st.lists(messages, max_size=2)),
        "metadata": metadata_,
    },
)
updates = st.fixed_dictionaries(
    {},
    optional={
        "taskId": odd(names_),
        "contextId": odd(names_),
        "status": statuses,
        "artifact": artifacts_,
        "append": odd(st.booleans()),
        "metadata": metadata_,
    },
)
frames_ = st.one_of(
    st.fixed_dictionaries({"task": odd(tasks)}),
    st.fixed_dictionaries({"message": messages}),
    st.fixed_dictionaries({"statusUpdate": odd(updates)}),
    st.fixed_dictionaries({"artifactUpdate": odd(updates)}),
    odd(st.just("text")),
)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from(["", "", "", "resumed", "snapshot"]), frames_), max_size=8),
    st.sampled_from([AGENT, TEAM, WORKFLOW]),
    st.booleans(),
)
def test_no_sequence_of_events_raises(
    steps: List[Tuple[str, Any]], component: Component, follows: bool
) -> None:
    fold = A2AFold(component, "id")
    fold.task_follows = follows
    ends = 0
    for step, frame in steps:
        if step == "resumed":
            fold.resumed()
        snapshot = frame.get("task") if isinstance(frame, dict) else None
        if step == "snapshot" and isinstance(snapshot, dict):
            events = fold.snapshot(snapshot)
        else:
            events = fold.decode("", frame)
            assert events and all(hasattr(event, "raw") for event in events)
        for event in events:
            fold.delta(event)
            repr(event)
        ends += sum(
            event.event.endswith(("Completed", "Error")) and "Tool" not in event.event
            for event in events
        )
        json.dumps(fold.output().to_dict())
        fold.unstreamed(), fold.suspect, fold.output().waits_for, fold.output().reason
    fold.end()
    ends += sum(event.event.endswith(("Completed", "Error")) for event in fold.flush())
    assert ends <= 1
    assert fold.flush() == []
    assert isinstance(fold.output().status, str)
    assert fold.finished or fold.output().status == "RUNNING"


# --- the short way -------------------------------------------------------------------------------

plain_frames = st.lists(
    st.one_of(
        st.builds(more, st.sampled_from("ab"), bits),
        st.builds(chunk, st.sampled_from("ab"), bits),
        st.builds(lambda words: status("WORKING", said(words)), bits),
        st.just(status("WORKING")),
        st.builds(delta, bits, key=st.sampled_from("MN")),
        st.builds(delta, bits, category=st.just("reasoning")),
        st.builds(lambda words: more("a", thought(words)), bits),
        st.builds(lambda task_id: status("WORKING", said("x"), task_id), st.sampled_from("TU")),
        st.builds(lambda words: status("WORKING", said(words), metadata={"k": 1}), bits),
        st.just(more("a", {"data": 1})),
        st.just(status("INPUT_REQUIRED", said("which?"))),
        frames_,
    ),
    max_size=10,
)
SPOKEN = [V10(""), V03("")]


def spoken(version: V10, frame: Any) -> Any:
    """A canonical frame as it is said in that version, in the envelope of JSON-RPC."""
    if type(version) is V03 and isinstance(frame, dict):
        # What is no event of 1.0 is none of 0.3.
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            frame = version.write_event(frame)
    return {"jsonrpc": "2.0", "id": "1", "result": frame}


def told_by(fold: A2AFold, version: V10, frames: List[Any]) -> List[Any]:
    """What the fold makes of the frames: events, or the error, and outputs."""
    fold.hear(lambda data: version.read_event(data.get("result", data)), version, False)
    told: List[Any] = []
    for frame in frames:
        try:
            events = fold.decode("", copy.deepcopy(frame))
        except ProtocolError as error:
            told.append(str(error))
            continue
        told.append([(fold.delta(each), each.to_dict()) for each in events])
        output = fold.output()
        told.append(output and output.to_dict())
    fold.end()
    output = fold.output()
    return [*told, [each.to_dict() for each in fold.flush()], output and output.to_dict()]


@pytest.mark.parametrize("version", SPOKEN)
@pytest.mark.parametrize("make", [lambda: A2AFold(AGENT, "id"), EventFold])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain_frames)
def test_the_short_way_leads_to_the_same(version: V10, make: Any, frames: List[Any]) -> None:
    frames = [spoken(version, frame) for frame in [snap("WORKING"), *frames, status("COMPLETED")]]
    quick, thorough = make(), make()
    quickly = told_by(quick, version, frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(version), "brief", lambda self, event: None)
        thoroughly = told_by(thorough, version, frames)
    # What is looked at in passing only may be of a wrong type.
    if not any(isinstance(each, str) for each in thoroughly):
        assert quickly == thoroughly


@pytest.mark.parametrize("version", SPOKEN)
@pytest.mark.parametrize(
    "frame", [more("a", "x"), delta("x"), status("WORKING", said("x")), status("WORKING")]
)
def test_what_comes_most_takes_the_short_way(version: V10, frame: Event) -> None:
    fold = A2AFold(AGENT, "id")
    first = [snap("SUBMITTED"), status("WORKING")]
    first += [delta("x")] if "message" in frame else [chunk("a", "x")]
    told_by_general: List[Any] = []

    def read(data: Any) -> Any:
        told_by_general.append(data)
        return version.read_event(data["result"])

    fold.hear(read, version, False)
    for each in first:
        fold.decode("", spoken(version, each))
    told_by_general.clear()
    for _ in range(2):
        (event,) = fold.decode("", spoken(version, frame))
        assert event.raw == spoken(version, frame)["result"]
    assert told_by_general == []


def test_changing_events_never_changes_the_output() -> None:
    frames = [
        snap("SUBMITTED", artifact("a", {"data": {"n": 1}}), history=[USER], metadata={"k": [1]}),
        status("WORKING", said("on it"), metadata={"m": {}}),
        status("WORKING", said("still on it")),
        chunk("b", "x", {"data": {"n": 1}}),
        more("b", "y"),
        delta("z"),
        status("COMPLETED", said("done")),
    ]
    expected = follow(copy.deepcopy(frames))[1].output()

    def spoil(value: Any) -> None:
        for each in list(value.values()) if isinstance(value, dict) else value:
            if isinstance(each, (dict, list)):
                spoil(each)
        value.clear()

    for make in (lambda: A2AFold(AGENT, "id"), EventFold):
        fold = make()
        for frame in copy.deepcopy(frames):
            for event in fold.decode("", frame):
                spoil(event.to_dict() if make is EventFold else event.raw)
                if make is EventFold:
                    spoil(vars(event))
        output = fold.output()
        assert (output.to_dict() if make is EventFold else output.task.to_dict()) == (
            expected.task.to_dict()
        )
