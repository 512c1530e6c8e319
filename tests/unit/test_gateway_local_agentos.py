"""Functions behind the gateway, asked as an AgentOS's agents are: by this library, and by hand."""

import contextlib
import json
import threading
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import urlencode

import pytest

from remoteagent_lite import (
    AgentOSClient,
    ConflictError,
    File,
    Image,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    RunFailedError,
)
from remoteagent_lite.gateway import (
    JWT,
    AgentError,
    Gateway,
    Keys,
    MemoryStore,
    agent,
    team,
    workflow,
)
from remoteagent_lite.testing import serve
from tests.gateways import Reply, call, environ_of, opened
from tests.unit.test_gateway_auth import SECRET, token

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@agent(id="greeter", name="Greeter", description="Greets people.", version="2", examples=["Ann"])
def greet(run: Any) -> Iterator[str]:
    yield "Hello "
    yield run.text


@team(id="greeters", members=["greeter"])
def greeters(run: Any) -> Any:
    return run.step("greeter", greet)


@workflow(id="report", steps=["research"])
def report(run: Any) -> Iterator[Any]:
    yield "Looking. "
    yield run.step("research", greet, "facts").content


@agent
def painter(run: Any) -> Iterator[Any]:
    colour = run.ask("Which colour?", ["red", "blue"])
    place = run.ask("Where?")
    if run.confirm("paint", {"colour": colour}):
        yield "%s in the %s" % (colour, place)
    else:
        raise AgentError("Nothing was painted.")


paint_team = team(id="painters")(painter.function)
paint_workflow = workflow(id="painting")(painter.function)


@agent
def fails(run: Any) -> str:
    if run.text == "say":
        raise AgentError("There is no such city.")
    raise KeyError("a secret")


@agent
def files(run: Any) -> str:
    for each in run.files:
        run.send_file(each.content[::-1], media_type=each.mime_type, filename=each.filename)
    run.send_data({"count": len(run.files)})
    return "%d files" % len(run.files)


def bare(run: Any) -> Any:
    """Not decorated."""
    return {"user": run.user_id, "metadata": run.metadata, "said": len(run.history)}


class Waiting:
    """An agent that goes on when it is let."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.go = threading.Event()
        self.ended = threading.Event()

    def __call__(self, run: Any) -> Iterator[str]:
        try:
            yield "one"
            self.told.set()
            while not self.go.wait(0.01):
                run.send("") if not run.cancelled else self.go.set()
            yield "two"
            yield "three"
        finally:
            self.ended.set()


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    found = Waiting()
    yield found
    found.go.set()


@pytest.fixture
def app(waiting: Waiting) -> Iterator[Gateway]:
    slow = agent(id="slow")(waiting)
    components = [greet, greeters, report, painter, paint_team, paint_workflow]
    with Gateway(*components, fails, files, bare, slow, os_id="functions") as gateway:
        yield gateway


@pytest.fixture
def url(app: Gateway) -> Iterator[str]:
    with serve(app) as url:
        yield url


def post(app: Any, path: str, headers: Any = None, **fields: Any) -> Reply:
    body = urlencode(fields).encode()
    return call(app, "POST", path, body, {**FORM, **(headers or {})})


def frames(body: bytes) -> List[Dict[str, Any]]:
    """The events of a stream, by hand."""
    found = []
    for each in body.decode().split("\n\n"):
        if each and not each.startswith(":"):
            name, data = each.split("\n")
            found.append(json.loads(data[len("data: ") :]))
            assert name == "event: " + found[-1]["event"]
    return found


# --- What is served


def test_functions_are_listed_as_components(app: Gateway) -> None:
    rows = {each["id"]: each for each in call(app, "GET", "/agents").json()}
    assert list(rows) == ["greeter", "painter", "fails", "files", "bare", "slow"]
    assert rows["greeter"] == call(app, "GET", "/agents/greeter").json()
    assert rows["greeter"]["description"] == "Greets people."
    assert rows["greeter"]["metadata"] == {"version": "2", "examples": ["Ann"]}
    assert rows["bare"]["description"] == "Not decorated."
    assert call(app, "GET", "/workflows/report").json()["steps"][0]["name"] == "research"
    assert call(app, "GET", "/teams/greeters").json()["members"][0]["name"] == "greeter"
    config = call(app, "GET", "/config").json()
    assert config["databases"] == ["functions"]
    assert config["session"]["dbs"][0]["db_id"] == "functions"
    assert [each["id"] for each in config["teams"]] == ["greeters", "painters"]
    assert call(app, "GET", "/info").json()["agent_count"] == 6
    assert b"greeter" in call(app, "GET", "/", headers={"Accept": "text/html"}).body


def test_what_is_no_component_is_refused() -> None:
    with pytest.raises(ValueError, match="two agents have the id 'greeter'"):
        Gateway(greet, greet)
    with pytest.raises(TypeError, match="and functions, not"):
        Gateway(object())  # type: ignore[arg-type]


# --- Runs


def test_a_run_answers(url: str) -> None:
    with RemoteAgent(url, "greeter") as remote:
        output = remote.run("you", session_id="s", user_id="ann", metadata={"a": 1})
        assert (output.content, output.status, output.session_id) == ("Hello you", "COMPLETED", "s")
        assert remote.name == "Greeter"
        found = remote.get_run(output.run_id or "", "s")
        assert found.content == "Hello you"
        assert [each.event for each in found.events or []] == ["RunStarted", "RunCompleted"]
        stream = remote.run("you", stream=True)
        assert list(stream.text()) == ["Hello ", "you"]
        assert stream.output().content == "Hello you"
    with RemoteAgent(url, "bare") as remote:
        first = remote.run("x", session_id="t", user_id="ann", metadata={"a": 1})
        assert first.content == {"user": "ann", "metadata": {"a": 1}, "said": 0}
        assert remote.run("x", session_id="t", user_id="ann").content["said"] == 2
        assert remote.run("x", stream=True, stream_events=False).output().content["said"] == 0


def test_a_team_and_a_workflow_answer(url: str) -> None:
    with RemoteTeam(url, "greeters") as remote:
        output = remote.run("you")
        assert output.content == "Hello you"
        assert [each.tool_name for each in output.tools or []] == ["greeter"]
        stream = remote.run("you", stream=True)
        assert "".join(stream.text()) == "Hello you"
        assert [each.tool_name for each in stream.output().tools or []] == ["greeter"]
    with RemoteWorkflow(url, "report") as flow:
        told = flow.run("x")
        assert told.content == "Looking. Hello facts"
        assert told.step_results[0].content == "Hello facts"
        streamed = flow.run("x", stream=True)
        # What the step has said is not said twice.
        assert list(streamed.text()) == ["Looking. ", "Hello ", "facts"]
        assert streamed.output().content == told.content
        quiet = flow.run("x", stream=True, stream_events=False)
        assert [each.event for each in quiet] == [
            "WorkflowStarted",
            "RunContent",
            "RunContent",
            "RunContent",
            "WorkflowCompleted",
        ]


def test_failures_tell_what_is_for_the_caller(url: str) -> None:
    with RemoteAgent(url, "fails") as remote:
        output = remote.run("say")
        assert (output.status, output.reason) == ("ERROR", "There is no such city.")
        stream = remote.run("x", stream=True)
        with pytest.raises(RunFailedError, match="KeyError"):
            list(stream.text())
        assert "secret" not in str(stream.output().to_dict())


def test_files_go_in_and_out(url: str) -> None:
    with RemoteAgent(url, "files") as remote:
        given: Dict[str, Any] = {
            "images": [Image(content=b"\x89PNG\r\n", mime_type="image/png", filename="a.png")],
            "files": [
                File(content=b"a,b", mime_type="text/csv", filename="a.csv"),
                File(content=b"\0\1", mime_type="application/pdf", id="own"),
            ],
        }
        for output in (remote.run("x", **given), remote.run("x", stream=True, **given).output()):
            assert output.content == "3 files"
            assert output.images[0].data() == b"\n\rGNP\x89"
            assert sorted(each.data() for each in output.files) == [b"\1\0", b"b,a"]
            assert output.data_parts == [{"count": 3}]


def test_an_inline_stream_has_no_numbers_and_ends_with_its_client(
    app: Gateway, waiting: Waiting
) -> None:
    body = urlencode({"message": "x", "run_id": "r", "session_id": "s"}).encode()
    with opened(app, environ_of("POST", "/agents/slow/runs", body, FORM)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = frames(answer.next() + answer.next())
        assert [each["event"] for each in told] == ["RunStarted", "RunContent"]
        assert "event_index" not in told[0]
    assert waiting.ended.wait(20)
    found = call(app, "GET", "/agents/slow/runs/r?session_id=s").json()
    assert (found["status"], found["content"]) == ("CANCELLED", "one")
    assert found["events"][-1]["event"] == "RunCancelled"


def test_who_leaves_a_stream_at_its_pause_may_come_back(app: Gateway) -> None:
    body = urlencode({"message": "x", "run_id": "r", "session_id": "s"}).encode()
    with opened(app, environ_of("POST", "/agents/painter/runs", body, FORM)) as answer:
        told = frames(answer.next() + answer.next())
        assert [each["event"] for each in told] == ["RunStarted", "RunPaused"]
    found = call(app, "GET", "/agents/painter/runs/r?session_id=s").json()
    assert found["status"] == "PAUSED"


def test_a_background_run_is_polled_listed_and_cancelled(app: Gateway, waiting: Waiting) -> None:
    answer = post(app, "/agents/slow/runs", message="x", stream="false", background="true")
    assert answer.status == 202
    ids = answer.json()
    assert ids["status"] == "PENDING"
    path = "/agents/slow/runs/%s?session_id=%s" % (ids["run_id"], ids["session_id"])
    assert waiting.told.wait(20)
    running = call(app, "GET", path).json()
    assert running["status"] == "RUNNING"
    assert "events" not in running
    cancelled = post(app, path.replace("?", "/cancel?"))
    assert (cancelled.status, cancelled.json()) == (200, {})
    assert call(app, "GET", path).json()["status"] == "CANCELLED"
    listed = "/agents/slow/runs?session_id=%s" % ids["session_id"]
    (row,) = call(app, "GET", listed).json()
    assert (row["run_id"], row["status"], row["run_input"]) == (ids["run_id"], "CANCELLED", "x")
    assert call(app, "GET", listed + "&status=COMPLETED").json() == []
    # Whatever is cancelled, and whatever has been.
    assert post(app, "/agents/slow/runs/unknown/cancel").json() == {}
    assert post(app, path.replace("?", "/cancel?")).json() == {}


def test_a_background_stream_is_taken_up_again(app: Gateway, waiting: Waiting) -> None:
    body = urlencode({"message": "x", "run_id": "r", "background": "true"}).encode()
    with opened(app, environ_of("POST", "/agents/slow/runs", body, FORM)) as answer:
        told = frames(answer.next() + answer.next())
    assert [each["event_index"] for each in told] == [0, 1]
    resumed = environ_of("POST", "/agents/slow/runs/r/resume", b"last_event_index=0", FORM)
    with opened(app, resumed) as answer:
        told = frames(answer.next() + answer.next() + answer.next())
        assert [each["event"] for each in told] == ["catch_up", "RunContent", "subscribed"]
        assert (told[0]["missed_events"], told[0]["current_event_count"]) == (1, 2)
        assert told[0]["status"] == told[2]["status"] == "running"
        assert "event_index" not in told[0]
        waiting.go.set()
        rest = frames(answer.rest())
    assert [each["event_index"] for each in rest] == [2, 3, 4]
    assert rest[-1]["content"] == "onetwothree"
    replayed = post(app, "/agents/slow/runs/r/resume", last_event_index=2)
    told = frames(replayed.body)
    assert [each.get("event_index") for each in told] == [None, 3, 4]
    assert (told[0]["event"], told[0]["status"]) == ("replay", "COMPLETED")
    assert (told[0]["total_events"], told[0]["total_buffered"]) == (2, 5)
    whole = frames(post(app, "/agents/slow/runs/r/resume").body)
    assert [each.get("event_index") for each in whole] == [None, 0, 1, 2, 3, 4]
    assert len(frames(post(app, "/agents/slow/runs/r/resume", last_event_index=99).body)) == 1


def test_this_librarys_client_resumes_it(url: str, waiting: Waiting) -> None:
    with RemoteAgent(url, "slow") as remote:
        with remote.run("x", stream=True, background=True) as stream:
            next(stream), next(stream)
            run_id, index = stream.run_id or "", stream.last_event_index
        waiting.go.set()
        resumed = remote.resume(run_id, stream.session_id, last_event_index=index)
        assert [each.event for each in resumed][-3:] == ["RunContent", "RunContent", "RunCompleted"]
        assert resumed.output().content == "onetwothree"
        assert remote.wait_run(run_id, stream.session_id).content == "onetwothree"


def test_a_run_that_is_unknown_is_not_resumed(app: Gateway) -> None:
    (told,) = frames(post(app, "/agents/slow/runs/unknown/resume", session_id="s").body)
    assert told["event"] == "error"
    assert "not found" in told["error"]


def test_once_is_executed_once(url: str) -> None:
    with RemoteAgent(url, "greeter") as remote:
        first = remote.run("you", once="order-42")
        again = remote.run("somebody else", once="order-42")
        assert (again.run_id, again.content) == (first.run_id, "Hello you")


# --- Questions

CLASSES = [
    pytest.param(RemoteAgent, "painter", id="agent"),
    pytest.param(RemoteTeam, "painters", id="team"),
    pytest.param(RemoteWorkflow, "painting", id="workflow"),
]


def decide(output: Any, **decision: Any) -> None:
    (item,) = output.pending
    if "confirmed" in decision:
        item.confirm() if decision["confirmed"] else item.reject("not now")
    elif item.pause_type == "user_feedback":
        item.select(decision["answer"])
    else:
        item.answer(input=decision["answer"])


@pytest.mark.parametrize(("kind", "id"), CLASSES)
def test_questions_are_asked_and_answered(url: str, kind: Any, id: str) -> None:
    with kind(url, id) as remote:
        output = remote.run("x")
        assert (output.status, output.content) == ("PAUSED", "Which colour?")
        decide(output, answer="red")
        output = remote.continue_run(output)
        assert output.content == "Where?"
        decide(output, answer="garden")
        stream = remote.continue_run(output, stream=True)
        assert [each.event for each in stream][-1].endswith("Paused")
        output = stream.output()
        assert output.is_paused
        decide(output, confirmed=True)
        ended = remote.continue_run(output)
        assert (ended.status, ended.content) == ("COMPLETED", "red in the garden")
        assert ended.run_id == output.run_id
        with pytest.raises((ValueError, ConflictError)):
            remote.continue_run(output)


@pytest.mark.parametrize(("kind", "id"), CLASSES)
def test_a_rejected_call_is_told_to_the_function(url: str, kind: Any, id: str) -> None:
    with kind(url, id) as remote:
        stream = remote.run("x", stream=True, background=True)
        for decision in ({"answer": "blue"}, {"answer": "hall"}, {"confirmed": False}):
            paused = stream.output()
            decide(paused, **decision)
            stream = remote.continue_run(paused, stream=True, background=True)
        output = stream.output()
        assert (output.status, output.reason) == ("ERROR", "Nothing was painted.")


def test_an_answer_that_is_none_decides_nothing(app: Gateway) -> None:
    answer = post(app, "/agents/painter/runs", message="x", stream="false", run_id="r").json()
    path = "/agents/painter/runs/r/continue"
    for fields, detail in (
        ({}, "Which colour?"),
        ({"tools": json.dumps(answer["tools"])}, "Which colour?"),
        ({"input": "green"}, "none of red, blue"),
        ({"input": "red", "session_id": "another"}, "Run not found"),
    ):
        refused = post(app, path, stream="false", **fields)
        assert refused.status in (400, 404)
        assert detail in refused.detail
    assert post(app, path, tools="[1]").status == 422
    assert post(app, path, fork="true", input="red").status == 501
    assert post(app, path, stream="false", input="red").json()["content"] == "Where?"
    assert post(app, path, stream="false", background="true", input="hall").status == 202
    assert post(app, "/agents/painter/runs/unknown/continue", input="red").status == 404
    assert post(app, "/agents/greeter/runs", message="x", stream="false", run_id="g").status == 200
    refused = post(app, "/agents/greeter/runs/g/continue", input="x")
    assert (refused.status, refused.detail) == (409, "run is already completed")


# --- Refusals


@pytest.mark.parametrize(
    ("fields", "status", "detail"),
    [
        ({}, 422, "Field required"),
        ({"message": "x", "stream": "perhaps"}, 422, "valid boolean"),
        ({"message": "x", "metadata": "[1]"}, 422, "JSON object"),
        ({"message": "x", "images": "[{}]"}, 422, "url"),
        ({"message": "x", "run_id": "a/b"}, 422, "path"),
        ({"message": "x", "session_state": "{}"}, 501, "no session_state"),
        ({"message": "x", "output_schema": "{}"}, 501, "no output_schema"),
        ({"message": "x", "knowledge_filters": "{}"}, 501, "no knowledge_filters"),
    ],
)
def test_a_run_that_cannot_be_begun_is_refused(
    app: Gateway, fields: Dict[str, str], status: int, detail: str
) -> None:
    answer = post(app, "/agents/greeter/runs", **fields)
    assert answer.status == status
    assert detail in str(answer.detail)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/agents/greeter/runs", 422),
        ("GET", "/agents/greeter/runs?session_id=unknown", 404),
        ("GET", "/agents/greeter/runs/r", 422),
        ("GET", "/agents/greeter/runs/r?session_id=s", 404),
        ("GET", "/agents/greeter/runs/r/checkpoints", 501),
        ("POST", "/agents/greeter/sessions/s/fork", 501),
        ("DELETE", "/agents/greeter/runs", 405),
        ("GET", "/agents/greeter/nothing", 404),
        ("POST", "/agents/greeter/runs/r/resume?x=1", 200),
        ("GET", "/memories", 501),
        ("GET", "/traces", 501),
        ("POST", "/databases/all/migrate", 501),
    ],
)
def test_what_a_function_has_not_is_refused(
    app: Gateway, method: str, path: str, status: int
) -> None:
    assert call(app, method, path).status == status


def test_a_run_id_is_taken_once(app: Gateway) -> None:
    given = {"message": "x", "stream": "false", "run_id": "r"}
    assert post(app, "/agents/greeter/runs", **given).status == 200
    assert post(app, "/agents/greeter/runs", **given).status == 409
    assert post(app, "/agents/files/runs", **given).status == 409
    # Nor is it found as another's.
    assert call(app, "GET", "/agents/files/runs/r?session_id=s").status == 404


def test_an_index_that_is_none_is_refused(app: Gateway) -> None:
    assert post(app, "/agents/greeter/runs/r/resume", last_event_index="x").status == 422


# --- Whose runs they are


def test_users_see_their_own_runs_only() -> None:
    door = JWT([SECRET], ["HS256"])
    ann = {"Authorization": token(sub="ann", scopes=["agent_os:admin"])}
    bob = {"Authorization": token(sub="bob", scopes=["agent_os:admin"])}
    with Gateway(greet, bare, painter, auth=door) as app:
        given = {"message": "x", "stream": "false", "session_id": "s", "user_id": "bob"}
        output = post(app, "/agents/bare/runs", ann, run_id="r", **given).json()
        assert output["content"]["user"] == "ann"
        assert post(app, "/agents/painter/runs", ann, run_id="p", **given).status == 200
        for path in ("/agents/bare/runs/r?session_id=s", "/sessions/s", "/sessions/s/runs"):
            assert call(app, "GET", path, headers=ann).status == 200
            assert call(app, "GET", path, headers=bob).status == 404
        (refused,) = frames(post(app, "/agents/bare/runs/r/resume", bob).body)
        assert refused["event"] == "error"
        assert post(app, "/agents/painter/runs/p/continue", bob, input="red").status == 404
        assert post(app, "/agents/painter/runs/p/cancel", bob).json() == {}
        poll = "/agents/painter/runs/p?session_id=s"
        assert call(app, "GET", poll, headers=ann).json()["status"] == "PAUSED"
        # Nobody gets into a session of somebody else.
        refused = post(app, "/agents/bare/runs", bob, **given)
        assert (refused.status, refused.detail) == (404, "Session not found")
        assert call(app, "GET", "/sessions?user_id=ann", headers=bob).json()["data"] == []
        assert call(app, "DELETE", "/sessions/s", headers=bob).status == 204
        assert call(app, "GET", "/sessions/s", headers=ann).status == 200


def test_a_key_opens_and_a_stranger_is_told_nothing() -> None:
    with Gateway(greet, auth=Keys("key")) as app:
        assert post(app, "/agents/greeter/runs", message="x").status == 401
        answer = post(app, "/agents/greeter/runs", {"Authorization": "Bearer key"}, message="x")
        assert answer.status == 200


# --- Sessions


def test_sessions_of_functions_are_listed_shown_and_deleted(url: str) -> None:
    with RemoteAgent(url, "greeter") as remote, RemoteWorkflow(url, "report") as flow:
        for number in range(3):
            remote.run("hello %d" % number, session_id="s%d" % number, user_id="u%d" % (number % 2))
        remote.run("again", session_id="s0", user_id="u0")
        flow.run("x", session_id="w")
    with AgentOSClient(url) as client:
        page = client.get_sessions(sort_by="created_at", sort_order="asc", limit=2, page=2)
        assert [each.session_id for each in page.data] == ["s2", "w"]
        assert (page.meta.total_count, page.meta.total_pages) == (4, 2)
        mine = client.get_sessions(user_id="u1").data
        assert [each.session_name for each in mine] == ["hello 1"]
        assert [each.session_id for each in client.get_sessions(session_type="workflow").data] == [
            "w"
        ]
        found = client.get_session("s0")
        assert [each["content"] for each in found.chat_history] == [
            *("hello 0", "Hello hello 0", "again", "Hello again")
        ]
        runs = client.get_session_runs("s0")
        assert [each.run_input for each in runs] == ["hello 0", "again"]
        one = client.get_session_run("s0", runs[1].run_id)
        assert one.content == "Hello again"
        assert client.get_session("w").workflow_name == "report"
        client.delete_session("s0")
        client.delete_session("s0")
        assert [each.session_id for each in client.get_sessions(user_id="u0").data] == ["s2"]
        client.delete_sessions(["s1", "s2"], ["agent", "agent"])
        assert [each.session_id for each in client.get_sessions().data] == ["w"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sessions?limit=0", 422),
        ("GET", "/sessions?page=0", 422),
        ("GET", "/sessions?type=horse", 422),
        ("GET", "/sessions?component_id=nobody", 200),
        ("GET", "/sessions/unknown", 404),
        ("GET", "/sessions/unknown/runs", 404),
        ("GET", "/sessions/unknown/runs/r", 404),
        ("DELETE", "/sessions/unknown", 204),
        ("DELETE", "/sessions", 422),
        ("POST", "/sessions", 404),
        ("PATCH", "/sessions/s", 422),
        ("PUT", "/sessions/s", 405),
        ("POST", "/sessions/s/rename", 422),
        ("GET", "/sessions/s/nothing", 404),
        ("GET", "/sessions/s/runs/r/nothing", 404),
    ],
)
def test_other_requests_for_sessions_are_answered_as_by_an_agentos(
    app: Gateway, method: str, path: str, status: int
) -> None:
    assert call(app, method, path).status == status


def test_a_session_is_made_once_and_named(app: Gateway) -> None:
    def ask(method: str, path: str, **said: Any) -> Reply:
        return call(app, method, path, json.dumps(said).encode())

    made = ask("POST", "/sessions?type=agent", session_id="s", agent_id="bare", user_id="ann")
    assert made.status == 201
    assert (made.json()["session_id"], made.json()["chat_history"]) == ("s", [])
    assert ask("POST", "/sessions", session_id="s", agent_id="greeter").status == 409
    assert ask("POST", "/sessions", agent_id="nobody").status == 404
    assert ask("POST", "/sessions", agent_id="bare", session_state={"a": 1}).status == 501
    assert ask("POST", "/sessions", agent_id=1).status == 422
    assert call(app, "POST", "/sessions", b"[").status == 422
    assert call(app, "GET", "/sessions/s/runs").json() == []
    (row,) = call(app, "GET", "/sessions?user_id=ann").json()["data"]
    assert row["session_name"] == "s"
    post(app, "/agents/bare/runs", message="x", stream="false", session_id="s", user_id="ann")
    (row,) = call(app, "GET", "/sessions").json()["data"]
    assert (row["session_name"], row["agent_id"]) == ("x", "bare")
    assert ask("PATCH", "/sessions/s", session_name="mine").json()["session_name"] == "mine"
    assert ask("POST", "/sessions/s/rename", session_name="ours").status == 200
    (row,) = call(app, "GET", "/sessions?session_name=our").json()["data"]
    assert row["session_name"] == "ours"
    assert len(call(app, "GET", "/sessions/s/runs").json()) == 1
    assert ask("POST", "/sessions", session_id="s", agent_id="bare").status == 409
    assert call(app, "DELETE", "/sessions/s").status == 204
    assert call(app, "GET", "/sessions").json()["data"] == []
    assert ask("POST", "/sessions", session_id="s", agent_id="bare").status == 201


def test_with_other_servers_sessions_go_by_their_database() -> None:
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(Gateway(greet, os_id="theirs"))
        theirs = stack.enter_context(serve(upstream))
        remote = stack.enter_context(RemoteAgent(theirs, "greeter"))
        app = stack.enter_context(Gateway(bare, remote, os_id="ours"))
        for id in ("bare", "greeter"):
            post(app, "/agents/%s/runs" % id, message="x", stream="false", session_id="of-" + id)
        assert call(app, "GET", "/config").json()["databases"] == ["theirs", "ours"]
        for db, id in (("ours", "bare"), ("theirs", "greeter")):
            found = call(app, "GET", "/sessions?db_id=" + db).json()["data"]
            assert [each["session_id"] for each in found] == ["of-" + id]
        assert call(app, "GET", "/sessions").status == 400
        assert call(app, "GET", "/memories").status == 501  # of the one that may have some


def test_two_gateways_share_a_store(waiting: Waiting) -> None:
    """Begun at one, followed, answered and cancelled at the other."""
    store = MemoryStore()
    slow: Callable[[Any], Any] = agent(id="slow")(waiting)
    with Gateway(slow, painter, store=store) as one, Gateway(slow, painter, store=store) as other:
        given = {"message": "x", "stream": "false", "session_id": "s"}
        post(one, "/agents/slow/runs", run_id="r", background="true", **given)
        assert waiting.told.wait(20)
        resumed = environ_of("POST", "/agents/slow/runs/r/resume")
        with opened(other, resumed) as answer:
            told = frames(b"".join(answer.next() for _ in range(4)))
            assert told[-1]["event"] == "subscribed"
            assert post(other, "/agents/slow/runs/r/cancel").json() == {}
            assert frames(answer.rest())[-1]["event"] == "RunCancelled"
        assert waiting.ended.wait(20)
        post(one, "/agents/painter/runs", run_id="p", **given)
        answered = post(other, "/agents/painter/runs/p/continue", stream="false", input="red")
        assert answered.json()["content"] == "Where?"
