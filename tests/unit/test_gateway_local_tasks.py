"""Functions behind the gateway, asked as A2A agents: their runs are tasks."""

import base64
import contextlib
import json
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from remoteagent_lite import RemoteAgent
from remoteagent_lite.gateway import JWT, AgentError, Gateway, Run, agent, workflow
from tests.gateways import call, environ_of, opened
from tests.peers.tck_agent import tck
from tests.unit.test_gateway_agents import V1, message, rpc
from tests.unit.test_gateway_auth import SECRET, token
from tests.unit.test_gateway_pushes import HOSTS, Hook, hook

__all__ = ["hook"]

WORKING, COMPLETED = "TASK_STATE_WORKING", "TASK_STATE_COMPLETED"
SCOPES = ["agents:run", "agents:read"]
ASKING, CANCELED = "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_CANCELED"


class Gate:
    """Where a function waits for its test, and the test for the function."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def wait(self) -> None:
        self.reached.set()
        assert self.opened.wait(20)


GATES: Dict[str, Gate] = {}


@pytest.fixture
def gate() -> Iterator[Gate]:
    GATES["now"] = found = Gate()
    yield found
    found.opened.set()


@agent(description="Greets people.", version="7", examples=["Ann"], skills=["Greeting"])
def greeter(run: Any) -> Iterator[str]:
    yield "Hello "
    yield run.text


@agent
def gated(run: Any) -> Iterator[str]:
    yield "one "
    run.send_data({"n": 1}, name="numbers")
    GATES["now"].wait()
    yield "two"


@agent
def painter(run: Any) -> Iterator[str]:
    yield "Well. "
    colour = run.ask("Which colour?", ["red", "blue"])
    place = run.ask("Where?")
    if not run.confirm("paint", {"colour": colour}):
        raise AgentError("Nothing was painted.")
    yield "%s in the %s" % (colour, place)


@agent
def busy(run: Any) -> str:
    run.event("Looked", at="the sky")
    run.tool("add", {"a": 1, "b": 2}, lambda a, b: a + b)
    with contextlib.suppress(AgentError):
        run.tool("fail", {}, failing)
    run.step("greet", greeter, "Bob")
    return "done"


def failing() -> None:
    raise AgentError("no")


@agent(input_modes=["text/plain", "image/*"])
def files(run: Any) -> None:
    for each in run.files:
        run.send_file(each.content[::-1], media_type=each.mime_type, filename=each.filename)
    run.send_file(b"own", filename="own.txt")


@agent
def replies(run: Any) -> None:
    if run.text == "slowly":
        GATES["now"].wait()
    run.reply("Hi " + run.text)


@agent
def breaks(run: Any) -> Iterator[str]:
    yield "so far "
    if run.text == "turn down":
        run.reject("not that")
    if run.text == "say":
        raise AgentError("There is no such city.")
    raise KeyError("a secret")


@agent
def counts(run: Any) -> Any:
    return {"n": 3}


@workflow(id="flow", steps=["greet"])
def flow(run: Any) -> Any:
    return run.step("greet", greeter, run.text).content


ALL = [greeter, gated, painter, busy, files, replies, breaks, counts, flow]


@pytest.fixture
def app() -> Iterator[Gateway]:
    with Gateway(*ALL, a2a=True, push_hosts=HOSTS, heartbeat=0.2) as app:
        yield app


def home(name: str) -> str:
    return "/a2a/%s/%s" % ("workflows" if name == "flow" else "agents", name)


def asked(app: Any, name: str, method: str, params: Any, headers: Any = None) -> Any:
    answer = rpc(app, method, params, headers, home(name)).json()
    assert "result" in answer, answer
    return answer["result"]


def sent(app: Any, name: str, text: str = "Ann", *, ids: Any = None, **configuration: Any) -> Any:
    params = {"message": message(text, **(ids or {})), "configuration": configuration}
    return asked(app, name, "SendMessage", params)


def task(app: Any, name: str, text: str = "Ann", **more: Any) -> Any:
    return sent(app, name, text, **more)["task"]


def refused(app: Any, name: str, method: str, params: Any, headers: Any = None) -> int:
    answer = rpc(app, method, params, headers, home(name)).json()
    code: int = answer["error"]["code"]
    return code


def events_of(body: bytes) -> List[Any]:
    frames = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(each)["result"] for each in frames]


def streamed(app: Any, name: str, said: Any, version: Any = None) -> List[Any]:
    method = "message/stream" if version is not None else "SendStreamingMessage"
    answer = rpc(app, method, {"message": said}, version, home(name))
    assert answer.headers["content-type"] == "text/event-stream"
    return events_of(answer.body)


@contextlib.contextmanager
def following(app: Any, name: str, method: str, params: Any) -> Iterator[Callable[[], Any]]:
    """A stream that is read event by event, comments passed over."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with opened(app, environ_of("POST", home(name), body, V1)) as answer:
        waiting: List[Any] = []

        def next_event() -> Any:
            while not waiting:
                waiting.extend(events_of(answer.next()))
            return waiting.pop(0)

        yield next_event


def texts(task: Any) -> List[str]:
    found = [part.get("text") for each in task.get("artifacts", []) for part in each["parts"]]
    return [text for text in found if text is not None]


def said_in(task: Any) -> List[str]:
    return [each["parts"][0]["text"] for each in task.get("history", [])]


def kinds(events: List[Any]) -> List[str]:
    """The kind of each event, statuses with their states."""
    found = []
    for event in events:
        ((kind, value),) = event.items()
        found.append(value["status"]["state"] if kind == "statusUpdate" else kind)
    return found


def test_a_function_answers_with_a_task(app: Gateway) -> None:
    done = task(app, "greeter", ids={"contextId": "c1"})
    assert (done["contextId"], done["status"]["state"]) == ("c1", COMPLETED)
    assert done["artifacts"] == [{"artifactId": "answer", "parts": [{"text": "Hello Ann"}]}]
    ids = {"taskId": done["id"], "contextId": "c1"}
    assert done["history"] == [{**message("Ann"), **ids}]
    assert asked(app, "greeter", "GetTask", {"id": done["id"]}) == done
    without = asked(app, "greeter", "GetTask", {"id": done["id"], "historyLength": 0})
    assert "history" not in without
    assert refused(app, "gated", "GetTask", {"id": done["id"]}) == -32001


def test_a_value_is_data(app: Gateway) -> None:
    assert task(app, "counts")["artifacts"][0]["parts"] == [{"data": {"n": 3}}]
    last = streamed(app, "counts", message())[-2]["artifactUpdate"]
    assert last["artifact"]["parts"] == [{"data": {"n": 3}}]


def test_an_answer_is_streamed_in_pieces_and_once_more_whole(app: Gateway) -> None:
    events = streamed(app, "greeter", message("Ann"))
    assert kinds(events) == ["task", *["artifactUpdate"] * 3, COMPLETED]
    pieces = [each["artifactUpdate"] for each in events[1:4]]
    assert [each["artifact"]["parts"][0]["text"] for each in pieces] == [
        "Hello ",
        "Ann",
        "Hello Ann",
    ]
    assert [each.get("append", False) for each in pieces] == [False, True, False]
    # Clients of 0.3 add up what they are sent.
    old = streamed(app, "greeter", old_message("Ann"), {"A2A-Version": "0.3"})
    assert [each["kind"] for each in old] == ["task", *["artifact-update"] * 2, "status-update"]
    assert old[-1]["final"] is True


def old_message(text: str) -> Dict[str, Any]:
    parts = [{"kind": "text", "text": text}]
    return {"kind": "message", "messageId": "m1", "role": "user", "parts": parts}


def test_what_a_function_does_on_the_way_is_told_as_an_agentos_tells_it(app: Gateway) -> None:
    events = streamed(app, "busy", message())
    news = [
        each["statusUpdate"]["metadata"]["agentos"]
        for each in events
        if "metadata" in each.get("statusUpdate", {})
    ]
    assert [each["event"] for each in news[:5]] == [
        "CustomEvent",
        "ToolCallStarted",
        "ToolCallCompleted",
        "ToolCallStarted",
        "ToolCallError",
    ]
    assert (news[0]["name"], news[0]["at"]) == ("Looked", "the sky")
    assert news[2]["tool"]["result"] == "3"
    assert events[-2]["artifactUpdate"]["artifact"]["parts"] == [{"text": "done"}]
    steps = [
        each["statusUpdate"]["metadata"]["agentos"]["event"]
        for each in streamed(app, "flow", message("Bob"))
        if "metadata" in each.get("statusUpdate", {})
    ]
    assert (steps[0], steps[-1]) == ("StepStarted", "StepCompleted")
    assert texts(task(app, "flow", "Bob")) == ["Hello Bob"]


def test_files_go_in_and_out(app: Gateway) -> None:
    part = {"raw": base64.b64encode(b"abc").decode(), "mediaType": "image/png", "filename": "a.png"}
    said = message(parts=[{"text": "turn"}, part])
    done = asked(app, "files", "SendMessage", {"message": said})["task"]
    turned, own = (each["parts"][0] for each in done["artifacts"])
    assert turned == {**part, "raw": base64.b64encode(b"cba").decode()}
    assert (own["filename"], own["mediaType"]) == ("own.txt", "text/plain")
    updates = [each for each in streamed(app, "files", said) if "artifactUpdate" in each]
    assert [each["artifactUpdate"]["artifact"]["parts"][0] for each in updates] == [turned, own]
    for kind in ("application/pdf", "imagery/png"):
        params = {"message": message(parts=[{**part, "mediaType": kind}])}
        assert refused(app, "files", "SendMessage", params) == -32005
    params = {"message": message(parts=[{**part, "raw": "!"}])}
    assert refused(app, "files", "SendMessage", params) == -32602


def test_a_function_may_reply_by_a_message(app: Gateway, gate: Gate) -> None:
    reply = sent(app, "replies")["message"]
    assert (reply["role"], reply["parts"]) == ("ROLE_AGENT", [{"text": "Hi Ann"}])
    (only,) = streamed(app, "replies", message())
    assert only["message"]["parts"] == [{"text": "Hi hello"}]
    # Who has been told of the task by then gets the reply as its answer.
    params = {"message": message("slowly")}
    with following(app, "replies", "SendStreamingMessage", params) as next_event:
        assert kinds([next_event()]) == ["task"]
        gate.opened.set()
        rest = [next_event(), next_event()]
        assert kinds(rest) == ["artifactUpdate", COMPLETED]
        assert texts({"artifacts": [rest[0]["artifactUpdate"]["artifact"]]}) == ["Hi slowly"]


def test_a_question_is_asked_and_answered(app: Gateway) -> None:
    paused = task(app, "painter", "paint")
    status = paused["status"]
    assert status["state"] == ASKING
    text, data = status["message"]["parts"]
    assert text == {"text": "Which colour? (red, blue)"}
    (item,) = data["data"]["pending"]
    assert (item["kind"], item["options"]) == ("user_input", ["red", "blue"])
    ids = {"taskId": paused["id"]}
    params: Any = {"message": message("green", **ids)}
    assert refused(app, "painter", "SendMessage", params) == -32602
    again = asked(app, "painter", "GetTask", {"id": paused["id"]})
    assert again["status"] == status
    assert texts(again) == ["Well. "]
    where = task(app, "painter", "RED", ids=ids)
    assert where["status"]["message"]["parts"][0] == {"text": "Where?"}
    answer = {"data": {"answer": "garden"}}
    params = {"message": message(parts=[answer], **ids)}
    confirm = asked(app, "painter", "SendMessage", params)["task"]
    (item,) = confirm["status"]["message"]["parts"][1]["data"]["pending"]
    assert item["kind"] == "confirmation"
    assert (item["tool_name"], item["tool_args"]) == ("paint", {"colour": "red"})
    for wrong in ({"text": "perhaps"}, {"data": {"id": "other", "confirmed": True}}, {"data": 1}):
        params = {"message": message(parts=[wrong], **ids)}
        assert refused(app, "painter", "SendMessage", params) == -32602
    params = {"message": message(parts=[{"data": {"id": item["id"], "confirmed": True}}], **ids)}
    done = asked(app, "painter", "SendMessage", params)["task"]
    assert done["status"]["state"] == COMPLETED
    assert texts(done) == ["Well. red in the garden"]
    assert said_in({"history": done["history"][:4]}) == [
        "paint",
        "Which colour?",
        "RED",
        "Where?",
    ]
    params = {"id": paused["id"], "historyLength": 1}
    (last,) = asked(app, "painter", "GetTask", params)["history"]
    assert last["parts"][0]["data"]["confirmed"] is True
    assert refused(app, "painter", "SendMessage", {"message": message("x", **ids)}) == -32004


def test_an_answer_says_rightly_which_task_it_is_for(app: Gateway) -> None:
    paused = task(app, "painter", ids={"contextId": "c1"})
    for ids, code in (
        ({"taskId": "none"}, -32001),
        ({"taskId": paused["id"], "contextId": "c2"}, -32602),
    ):
        params = {"message": message("red", **ids)}
        assert refused(app, "painter", "SendMessage", params) == code
    where = task(app, "painter", "red", ids={"taskId": paused["id"], "contextId": "c1"})
    assert where["status"]["state"] == ASKING
    no = task(app, "painter", "hall", ids={"taskId": paused["id"]})
    no = task(app, "painter", "no", ids={"taskId": no["id"]})
    assert no["status"]["state"] == "TASK_STATE_FAILED"
    assert no["status"]["message"]["parts"] == [{"text": "Nothing was painted."}]


def test_a_stream_ends_with_a_question_and_the_answer_has_its_own(app: Gateway) -> None:
    file = {"raw": base64.b64encode(b"abc").decode(), "mediaType": "image/png"}
    events = streamed(app, "painter", message(parts=[file, {"text": "paint"}]))
    assert kinds(events) == ["task", "artifactUpdate", ASKING]
    task_id = events[0]["task"]["id"]
    events = streamed(app, "painter", message("red", taskId=task_id))
    assert kinds(events) == ["task", ASKING]
    assert texts(events[0]["task"]) == ["Well. "]
    assert said_in({"history": events[0]["task"]["history"][1:]}) == ["Which colour?", "red"]
    task(app, "painter", "hall", ids={"taskId": task_id})
    events = streamed(app, "painter", message("yes", taskId=task_id))
    assert kinds(events) == ["task", "artifactUpdate", "artifactUpdate", COMPLETED]
    added, whole = (each["artifactUpdate"] for each in events[1:3])
    assert added["append"] is True
    assert whole["artifact"]["parts"] == [{"text": "Well. red in the hall"}]


def test_who_subscribes_is_told_what_there_is_and_what_comes(app: Gateway, gate: Gate) -> None:
    begun = task(app, "gated", returnImmediately=True)
    assert begun["status"]["state"] == WORKING
    assert gate.reached.wait(10)
    params = {"id": begun["id"]}
    so_far = asked(app, "gated", "GetTask", params)
    assert texts(so_far) == ["one "]
    assert so_far["artifacts"][1]["name"] == "numbers"
    with following(app, "gated", "SubscribeToTask", params) as first:
        with following(app, "gated", "SubscribeToTask", params) as second:
            assert first()["task"] == second()["task"] == so_far
            gate.opened.set()
            for next_event in (first, second):
                rest = [next_event() for _ in range(3)]
                assert kinds(rest) == ["artifactUpdate", "artifactUpdate", COMPLETED]
                piece, whole = (each["artifactUpdate"] for each in rest[:2])
                assert (piece["append"], piece["artifact"]["parts"]) == (True, [{"text": "two"}])
                assert whole["artifact"]["parts"] == [{"text": "one two"}]
                with pytest.raises(StopIteration):
                    next_event()
    assert refused(app, "gated", "SubscribeToTask", params) == -32004
    assert refused(app, "gated", "SubscribeToTask", {"id": "none"}) == -32001


def test_who_subscribes_stays_through_questions(app: Gateway) -> None:
    paused = task(app, "painter", "paint")
    ids = {"taskId": paused["id"]}
    with following(app, "painter", "SubscribeToTask", {"id": paused["id"]}) as next_event:
        assert next_event()["task"] == paused
        task(app, "painter", "red", ids=ids)
        assert kinds([next_event(), next_event()]) == [WORKING, ASKING]
        asked(app, "painter", "CancelTask", {"id": paused["id"]})
        assert kinds([next_event()]) == [CANCELED]
        with pytest.raises(StopIteration):
            next_event()


def test_a_task_is_cancelled_once(app: Gateway, gate: Gate) -> None:
    begun = task(app, "gated", returnImmediately=True)
    assert gate.reached.wait(10)
    params = {"id": begun["id"]}
    cancelled = asked(app, "gated", "CancelTask", params)
    assert cancelled["status"]["state"] == CANCELED
    assert texts(cancelled) == ["one "]
    assert refused(app, "gated", "CancelTask", params) == -32002
    gate.opened.set()
    assert asked(app, "gated", "GetTask", params)["status"] == cancelled["status"]
    paused = task(app, "painter")
    assert asked(app, "painter", "CancelTask", {"id": paused["id"]})["status"]["state"] == CANCELED
    assert refused(app, "painter", "CancelTask", {"id": "none"}) == -32001


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        ("say", "TASK_STATE_FAILED", "There is no such city."),
        ("turn down", "TASK_STATE_REJECTED", "not that"),
        ("break", "TASK_STATE_FAILED", None),
    ],
)
def test_a_failure_says_as_much_as_the_function_wants(
    app: Gateway, text: str, state: str, words: Optional[str]
) -> None:
    failed = task(app, "breaks", text)
    last = streamed(app, "breaks", message(text))[-1]["statusUpdate"]
    for status in (failed["status"], last["status"]):
        assert status["state"] == state
        said = status["message"]["parts"][0]["text"]
        assert said == words if words else "secret" not in said
    assert texts(failed) == ["so far "]


def test_tasks_are_listed_page_by_page(app: Gateway) -> None:
    ids = [task(app, "greeter", ids={"contextId": "c%d" % (n % 2)})["id"] for n in range(5)]
    task(app, "counts")
    first = asked(app, "greeter", "ListTasks", {"pageSize": 2})
    assert (first["totalSize"], first["pageSize"]) == (5, 2)
    later = task(app, "greeter")["id"]  # does not move what comes next
    found = [each["id"] for each in first["tasks"]]
    token = first["nextPageToken"]
    while token:
        page = asked(app, "greeter", "ListTasks", {"pageSize": 2, "pageToken": token})
        found += [each["id"] for each in page["tasks"]]
        token = page["nextPageToken"]
    assert found == ids[::-1]
    assert later not in found
    every = asked(app, "greeter", "ListTasks", {"contextId": "c1", "includeArtifacts": True})
    assert [each["id"] for each in every["tasks"]] == [ids[3], ids[1]]
    assert texts(every["tasks"][0]) == ["Hello Ann"]
    assert "artifacts" not in first["tasks"][0]
    # A timestamp is in milliseconds: what has it comes behind it, and so do all that are newer.
    since = {"statusTimestampAfter": every["tasks"][0]["status"]["timestamp"]}
    newer = {each["id"] for each in asked(app, "greeter", "ListTasks", since)["tasks"]}
    assert {later, *ids[4:]} <= newer
    for time, count in (("2999-01-01T00:00:00Z", 0), ("1999-01-01T00:00:00.123456789+01:00", 6)):
        page = asked(app, "greeter", "ListTasks", {"statusTimestampAfter": time})
        assert (page["totalSize"], len(page["tasks"])) == (count, count)
    for wrong in ({"pageToken": "x"}, {"pageToken": "WzFd"}, {"statusTimestampAfter": "noon"}):
        assert refused(app, "greeter", "ListTasks", wrong) == -32602


def test_tasks_are_listed_by_their_state(app: Gateway) -> None:
    by_text = {text: task(app, "breaks", text)["id"] for text in ("say", "turn down", "break")}
    paused = task(app, "painter")["id"]

    def listed(name: str, state: str, **more: Any) -> List[str]:
        page = asked(app, name, "ListTasks", {"status": state, **more})
        assert page["totalSize"] >= len(page["tasks"])
        return [each["id"] for each in page["tasks"]]

    assert listed("breaks", "TASK_STATE_REJECTED") == [by_text["turn down"]]
    assert listed("breaks", "TASK_STATE_FAILED") == [by_text["break"], by_text["say"]]
    first = asked(app, "breaks", "ListTasks", {"status": "TASK_STATE_FAILED", "pageSize": 1})
    assert first["totalSize"] == 2
    token = first["nextPageToken"]
    assert listed("breaks", "TASK_STATE_FAILED", pageToken=token) == [by_text["say"]]
    assert listed("breaks", COMPLETED) == listed("breaks", "TASK_STATE_AUTH_REQUIRED") == []
    assert listed("painter", ASKING) == [paused]


def test_a_user_sees_its_own_tasks_only() -> None:
    door = JWT(keys=[SECRET], algorithms=["HS256"])
    with Gateway(painter, a2a=True, auth=door) as app:
        ann, bob = ({"Authorization": token(sub=name, scopes=SCOPES)} for name in ("ann", "bob"))
        said = {"message": message("paint", metadata={"userId": "bob"})}
        paused = asked(app, "painter", "SendMessage", said, ann)["task"]
        for method, params in (
            ("GetTask", {"id": paused["id"]}),
            ("CancelTask", {"id": paused["id"]}),
            ("SubscribeToTask", {"id": paused["id"]}),
            ("SendMessage", {"message": message("red", taskId=paused["id"])}),
        ):
            assert refused(app, "painter", method, params, bob) == -32001
        for context, code in ((paused["contextId"], -32602), ("bobs", None)):
            params = {"message": message("paint", contextId=context)}
            answer = rpc(app, "SendMessage", params, bob, home("painter")).json()
            assert answer.get("error", {}).get("code") == code
        (own,) = asked(app, "painter", "ListTasks", {}, bob)["tasks"]
        assert own["contextId"] == "bobs"
        (row,) = asked(app, "painter", "ListTasks", {}, ann)["tasks"]
        assert row["id"] == paused["id"]


def test_the_end_is_posted_whoever_answers_the_question(app: Gateway, hook: Hook) -> None:
    paused = task(app, "painter", "paint", taskPushNotificationConfig=hook.config())
    assert hook.until("input-required")[0].kind == "task"
    task(app, "painter", "red", ids={"taskId": paused["id"]})
    hook.until("input-required")
    asked(app, "painter", "CancelTask", {"id": paused["id"]})
    hook.until("canceled")
    config = {"taskId": paused["id"], **hook.config()}
    asked(app, "painter", "CreateTaskPushNotificationConfig", config)
    (last,) = hook.until("canceled")
    assert (last.kind, last.task_id) == ("task", paused["id"])


def test_what_one_process_begins_another_follows_answers_and_cancels(
    tmp_path: Path, hook: Hook, gate: Gate
) -> None:
    options: Any = {"a2a": True, "push_hosts": HOSTS, "store": "sqlite:///%s" % (tmp_path / "db")}
    with Gateway(painter, gated, **options) as here, Gateway(painter, gated, **options) as there:
        config = hook.config()
        paused = task(here, "painter", "paint", taskPushNotificationConfig=config)
        assert asked(there, "painter", "GetTask", {"id": paused["id"]}) == paused
        ids = {"id": paused["id"]}
        with following(here, "painter", "SubscribeToTask", ids) as next_event:
            assert next_event()["task"] == paused
            where = task(there, "painter", "red", ids={"taskId": paused["id"]})
            assert where["status"]["state"] == ASKING
            assert kinds([next_event(), next_event()]) == [WORKING, ASKING]
            asked(there, "painter", "CancelTask", ids)
            assert kinds([next_event()]) == [CANCELED]
        assert hook.until("canceled")[-1].task_id == paused["id"]

        begun = task(here, "gated", returnImmediately=True)
        assert gate.reached.wait(10)
        with following(there, "gated", "SubscribeToTask", {"id": begun["id"]}) as next_event:
            assert texts(next_event()["task"]) == ["one "]
            gate.opened.set()
            rest = [next_event() for _ in range(3)]
            assert kinds(rest) == ["artifactUpdate", "artifactUpdate", COMPLETED]
        listed = asked(there, "gated", "ListTasks", {"includeArtifacts": True})
        assert [texts(each) for each in listed["tasks"]] == [["one two"]]


def test_a_card_says_what_the_decorator_said(app: Gateway) -> None:
    card = call(app, "GET", home("greeter") + "/.well-known/agent-card.json").json()
    assert (card["description"], card["version"]) == ("Greets people.", "7")
    assert [each["id"] for each in card["skills"]] == ["greeting"]
    assert card["capabilities"]["pushNotifications"] is True
    card = call(app, "GET", home("files") + "/.well-known/agent-card.json").json()
    assert card["defaultInputModes"] == ["text/plain", "image/*"]


def test_of_two_versions_one_may_be_spoken() -> None:
    path = home("greeter") + "/.well-known/agent-card.json"
    params = {"message": message()}
    for versions, spoken in ((["1.0"], "1.0"), (["0.3"], "0.3")):
        with Gateway(greeter, a2a=True, a2a_versions=versions) as app:
            card = call(app, "GET", path).json()
            assert ("supportedInterfaces" in card) is (spoken == "1.0")
            assert ("protocolVersion" in card) is (spoken == "0.3")
            said = {"message": old_message("Ann")}
            answer = rpc(app, "message/send", said, {"A2A-Version": "0.3"}, home("greeter"))
            assert ("result" in answer.json()) is (spoken == "0.3")
            answer = rpc(app, "SendMessage", params, None, home("greeter"))
            if spoken == "0.3":
                assert answer.json()["error"]["code"] == -32009
            else:
                assert answer.json()["result"]["task"]["status"]["state"] == COMPLETED
    for wrong in ([], ["2.0"], "1.0"):
        with pytest.raises(ValueError, match="a2a_versions"):
            Gateway(greeter, a2a=True, a2a_versions=wrong)


@pytest.mark.parametrize(
    ("accept", "sent_as", "answered"),
    [
        ("*/*", "application/json", "application/json"),
        ("*/*", "application/a2a+json", "application/a2a+json"),
        ("application/a2a+json, application/json", "application/json", "application/a2a+json"),
        ("application/json", "application/a2a+json", "application/json"),
    ],
)
def test_over_rest_an_answer_is_of_the_type_that_is_known(
    app: Gateway, accept: str, sent_as: str, answered: str
) -> None:
    headers = {"A2A-Version": "1.0", "Accept": accept, "Content-Type": sent_as}
    body = json.dumps({"message": message()}).encode()
    answer = call(app, "POST", home("greeter") + "/message:send", body, headers)
    assert (answer.status, answer.headers["content-type"]) == (200, answered)


def test_the_agent_of_the_conformance_kit_does_what_ids_say() -> None:
    def did(id: str, **more: Any) -> Any:
        params = {"message": message("x", **{"messageId": id, **more})}
        return asked(app, "tck", "SendMessage", params)

    with Gateway(tck, a2a=True) as app:
        assert did("tck-message-response-1")["message"]["parts"][0]["text"]
        assert did("tck-reject-task-1")["task"]["status"]["state"] == "TASK_STATE_REJECTED"
        for id, member in (
            ("tck-artifact-text", "text"),
            ("tck-artifact-file", "raw"),
            ("tck-artifact-file-url", "url"),
            ("tck-artifact-data", "data"),
        ):
            (artifact,) = did(id)["task"]["artifacts"]
            assert member in artifact["parts"][0]
        asks = did("tck-input-required-1")["task"]
        ids = {"taskId": asks["id"], "parts": [{"text": "TCK history message 1"}]}
        assert did("tck-input-required-2", **ids)["task"]["status"]["state"] == ASKING
        assert did("tck-complete-task-1", taskId=asks["id"])["task"]["status"]["state"] == COMPLETED


def test_what_is_no_json_is_named_so_by_its_type(app: Gateway) -> None:
    for body, kind, code in (
        (b"{'jsonrpc'", "text/plain", -32005),
        (b"{'jsonrpc'", "application/json", -32700),
    ):
        headers = {**V1, "Content-Type": kind}
        answer = call(app, "POST", home("greeter"), body, headers).json()
        assert answer["error"]["code"] == code
    # JSON is taken for what it is.
    said = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message()}}
    headers = {**V1, "Content-Type": "application/x-www-form-urlencoded"}
    answer = call(app, "POST", home("greeter"), json.dumps(said).encode(), headers).json()
    assert answer["result"]["task"]["status"]["state"] == COMPLETED


def test_functions_are_a2a_agents_unless_that_is_left_out() -> None:
    def greet(run: Run) -> str:
        return "hello"

    remote = RemoteAgent("http://127.0.0.1:1", "far")
    card = "/a2a/agents/%s/.well-known/agent-card.json"
    for a2a, statuses in ((None, [200, 404]), (True, [200, 200]), (False, [404, 404])):
        with Gateway(greet, remote, a2a=a2a) as app:
            found = [call(app, "GET", card % id).status for id in ("greet", "far")]
            assert found == statuses
    with Gateway(remote) as app:
        assert call(app, "GET", card % "far").status == 404
    remote.close()


def test_a_context_has_no_endless_id(app: Gateway) -> None:
    said = {"message": {**message("Ann"), "contextId": "c" * 257}}
    assert refused(app, "greeter", "SendMessage", said) == -32602
    said["message"]["contextId"] = "c" * 256
    assert asked(app, "greeter", "SendMessage", said)["task"]["contextId"] == "c" * 256
