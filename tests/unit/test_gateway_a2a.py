"""Agents on A2A servers behind the gateway: what an AgentOS is asked of them, and answers."""

import base64
import json
import threading
from typing import Any, Dict, List

import pytest

from remoteagent_lite import RemoteAgent, RemoteTeam, RemoteWorkflow
from remoteagent_lite.options import RetryPolicy
from remoteagent_lite.testing import serve
from tests.gateways import call, environ_of, opened
from tests.peers.a2a_crafted import (
    DONE,
    WORKING,
    Agent,
    card,
    error,
    interface,
    result,
    status_update,
    text_update,
)
from tests.unit.test_gateway import FORM, Fronting, an_os, fronting

__all__ = ["fronting"]

ASKING = {
    "id": "t1",
    "contextId": "c1",
    "status": {
        "state": "TASK_STATE_INPUT_REQUIRED",
        "message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "which colour?"}]},
    },
}
ONCE = RetryPolicy(max_attempts=1)
RUN = b"message=hello&stream=false"


def streamed(*events: Any) -> List[Any]:
    return [result(each) for each in events]


def a2a(server: Any, kind: Any = RemoteAgent, **options: Any) -> Any:
    url = getattr(server, "url", server)
    return kind(url, "painter", protocol="a2a", retry=ONCE, resume=ONCE, **options)


def form(**fields: Any) -> bytes:
    """A multipart form; a pair of name and bytes among the fields is a file."""
    parts = []
    for name, value in fields.items():
        said = 'Content-Disposition: form-data; name="%s"' % name
        if isinstance(value, tuple):
            said += '; filename="%s"\r\nContent-Type: %s' % value[:2]
            value = value[2]
        content = value if isinstance(value, bytes) else value.encode()
        parts.append(b"--bound\r\n" + said.encode() + b"\r\n\r\n" + content + b"\r\n")
    return b"".join(parts) + b"--bound--\r\n"


MULTIPART = {"Content-Type": 'multipart/form-data; boundary="bound"'}


def test_a_run_is_a_message_and_its_task_the_output(fronting: Fronting) -> None:
    with Agent(card(interface()), SendMessage=result({"task": DONE})) as server:
        app = fronting(a2a(server))
        answer = call(app, "POST", "/agents/painter/runs", RUN + b"&user_id=u&session_id=c1", FORM)
        assert answer.status == 200
        output = answer.json()
        assert output["run_id"] == "t1"
        assert output["session_id"] == "c1"
        assert (output["status"], output["content"]) == ("COMPLETED", "all of it")
        assert output["agent_id"] == "painter"
        assert "task" not in output
        message = server.params["message"]
        assert message["parts"] == [{"text": "hello"}]
        assert (message["contextId"], message["metadata"]) == ("c1", {"userId": "u"})


def test_files_travel_in_either_form(fronting: Fronting) -> None:
    png = b"\x89PNG\r\n\r\n--bound-like\r\n\0"
    described = [{"url": "https://x/y.png"}, {"content": base64.b64encode(png).decode()}]
    body = form(
        message="l\u00f6ok",
        stream="false",
        metadata='{"k": 1}',
        images=json.dumps(described),
        input_files=json.dumps([{"content": "text \u00e9", "mime_type": "text/plain"}]),
        files=("a \u00e9.png", "image/png", png),
        x=("b.bin", "application/octet-stream", b""),
    )
    with Agent(card(interface()), SendMessage=result({"task": DONE})) as server:
        answer = call(fronting(a2a(server)), "POST", "/agents/painter/runs", body, MULTIPART)
        assert answer.status == 200, answer
        message = server.params["message"]
        text, *media = message["parts"]
        assert text == {"text": "l\u00f6ok"}
        assert message["metadata"] == {"k": 1}
        raw = [base64.b64decode(each["raw"]) for each in media if "raw" in each]
        assert raw == [png, png, "text \u00e9".encode(), b""]
        assert [each["url"] for each in media if "url" in each] == ["https://x/y.png"]
        assert [each.get("filename") for each in media if "filename" in each] == [
            "a \u00e9.png",
            "b.bin",
        ]


@pytest.mark.parametrize(
    ("body", "headers", "status", "said"),
    [
        (b"stream=false", FORM, 422, "Field required"),
        (b"message=", FORM, 422, "Field required"),
        (b"message=x&stream=perhaps", FORM, 422, "boolean"),
        (b"message=x&images=%5B1%5D", FORM, 422, "array of objects"),
        (b"message=x&images=%7B", FORM, 422, "Invalid JSON"),
        (b'message=x&images=[{"content":"?"}]', FORM, 422, "not base64"),
        (b'message=x&images=[{"filepath":"/etc/passwd"}]', FORM, 422, "url or content"),
        (b"message=x&images=[{}]", FORM, 422, "exactly one"),
        (b"message=x&metadata=1", FORM, 422, "JSON object"),
        (b'{"message": "x"}', {"Content-Type": "application/json"}, 422, "no form"),
        (b"--bound\r\n", MULTIPART, 422, "breaks off"),
        (b"x", {"Content-Type": "multipart/form-data"}, 422, "no boundary"),
        (b"message=x&session_state=%7B%7D", FORM, 501, "cannot carry session_state"),
        (b"message=x&banana=1", FORM, 501, "cannot carry banana"),
        (b"message=x&headers=1", FORM, 501, "cannot carry headers"),
        (b"message=x&auth_token=mine", FORM, 501, "cannot carry auth_token"),
    ],
)
def test_a_form_that_cannot_be_carried_is_refused_before_anything_is_sent(
    fronting: Fronting, body: bytes, headers: Dict[str, str], status: int, said: str
) -> None:
    with Agent(card(interface())) as server:
        answer = call(fronting(a2a(server)), "POST", "/agents/painter/runs", body, headers)
        assert answer.status == status
        assert said in json.dumps(answer.detail)
        assert server.called == []


@pytest.mark.parametrize(
    ("kind", "path", "prefix"),
    [
        (RemoteAgent, "agents", "Run"),
        (RemoteTeam, "teams", "TeamRun"),
        (RemoteWorkflow, "workflows", "Workflow"),
    ],
)
def test_a_stream_tells_events_of_an_agentos(
    fronting: Fronting, kind: Any, path: str, prefix: str
) -> None:
    go_on = threading.Event()
    events = [
        result({"task": WORKING}),
        text_update("one ", append=False),
        go_on,
        text_update("two\u2028"),
        status_update("COMPLETED"),
    ]
    with Agent(card(interface()), SendStreamingMessage=events) as server:
        app = fronting(a2a(server, kind), heartbeat=0.05)
        environ = environ_of("POST", "/%s/painter/runs" % path, b"message=hello", FORM)
        frames: List[bytes] = []
        with opened(app, environ) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            while b"one " not in (frames[-1] if frames else b""):
                frames.append(answer.next())
            while answer.next() != b": keepalive\n\n":
                pass
            go_on.set()
            frames += [each for each in answer.rest().split(b"\n\n") if each[:1] != b":"]
        told = [json.loads(each.split(b"data: ")[1]) for each in frames if b"data: " in each]
        assert told[0]["event"] == prefix + "Started"
        assert told[-1]["event"] == prefix + "Completed"
        assert told[-1]["content"] == "one two\u2028"
        assert {each["run_id"] for each in told} == {"t1"}
        assert all(b"event: " in each for each in frames if each)
        with serve(app) as url, kind(url, "painter") as client:
            assert client.run("hello", stream=True).output().content == "one two\u2028"


def test_without_events_only_the_answers_pieces_come(fronting: Fronting) -> None:
    events = [result({"task": WORKING}), text_update("one", append=False), result({"task": DONE})]
    with Agent(card(interface()), SendStreamingMessage=events) as server:
        app = fronting(a2a(server))
        environ = environ_of("POST", "/agents/painter/runs", b"message=x&stream_events=false", FORM)
        with opened(app, environ) as answer:
            whole = answer.rest()
        assert set(whole.split(b"\n")[::3]) == {b"event: RunContent", b""}


def test_a_question_is_a_field_that_the_user_fills(fronting: Fronting) -> None:
    methods: Dict[str, Any] = {
        "SendMessage": lambda params: result(
            {"task": DONE if params["message"].get("taskId") else ASKING}
        ),
        "GetTask": result(ASKING),
    }
    methods["SendStreamingMessage"] = lambda params: (
        [result({"task": DONE if params["message"].get("taskId") else ASKING})]
    )
    for kind in (RemoteAgent, RemoteTeam, RemoteWorkflow):
        with Agent(card(interface()), **methods) as server:
            with serve(fronting(a2a(server, kind))) as url:
                with kind(url, "painter") as client:
                    for stream in (False, True):
                        paused: Any = client.run("ask", stream=stream)
                        paused = paused.output() if stream else paused
                        assert paused.is_paused
                        (waiting,) = paused.pending
                        assert "which colour?" in json.dumps(paused.to_dict())
                        waiting.answer(input="blue")
                        ended: Any = client.continue_run(paused, stream=stream)
                        ended = ended.output() if stream else ended
                        assert (ended.status, ended.content) == ("COMPLETED", "all of it")
                        message = server.params["message"]
                        assert message["parts"] == [{"text": "blue"}]
                        assert (message["taskId"], message["contextId"]) == ("t1", "c1")


def test_what_was_not_answered_is_not_sent(fronting: Fronting) -> None:
    with Agent(card(interface()), GetTask=result(ASKING)) as server:
        app = fronting(a2a(server))
        path = "/agents/painter/runs/t1/continue"
        asked = call(app, "POST", path, b"session_id=c1&stream=false", FORM)
        assert asked.status == 400
        assert "which colour?" in asked.detail
        assert call(app, "POST", path, b"tools=nonsense", FORM).status == 422
        server.methods["GetTask"] = result(DONE)
        assert call(app, "POST", path, b"session_id=c1", FORM).status == 409
        assert "SendMessage" not in server.called


def test_runs_are_polled_listed_and_cancelled(fronting: Fronting) -> None:
    methods = {
        "SendMessage": result({"task": WORKING}),
        "GetTask": result(DONE),
        "ListTasks": result({"tasks": [DONE, WORKING], "nextPageToken": ""}),
        "CancelTask": result({**DONE, "status": {"state": "TASK_STATE_CANCELED"}}),
    }
    with Agent(card(interface()), **methods) as server:
        app = fronting(a2a(server))
        begun = call(app, "POST", "/agents/painter/runs", RUN + b"&background=true", FORM)
        assert begun.status == 202
        assert begun.json() == {"run_id": "t1", "session_id": "c1", "status": "RUNNING"}
        assert server.params["configuration"] == {"returnImmediately": True}
        polled = call(app, "GET", "/agents/painter/runs/t1?session_id=c1")
        assert polled.json()["content"] == "all of it"
        rows = call(app, "GET", "/agents/painter/runs?session_id=c1").json()
        assert [(row["run_id"], row["status"]) for row in rows] == [
            ("t1", "COMPLETED"),
            ("t1", "RUNNING"),
        ]
        assert rows[0]["agent_id"] == "painter"
        assert call(app, "GET", "/agents/painter/runs").status == 422
        cancelled = call(app, "POST", "/agents/painter/runs/t1/cancel?session_id=c1")
        assert (cancelled.status, cancelled.json()) == (200, {})
        assert server.called[-1] == "CancelTask"
        with serve(app) as url, RemoteAgent(url, "painter") as client:
            run = client.run("x", background=True)
            assert client.wait_run(run.run_id, wait=10).content == "all of it"


@pytest.mark.parametrize(
    ("code", "status"), [(-32001, 404), (-32004, 501), (-32005, 415), (-32602, 400), (-32603, 502)]
)
def test_errors_of_the_protocol_have_statuses(fronting: Fronting, code: int, status: int) -> None:
    with Agent(card(interface()), SendMessage=error(code, "because")) as server:
        answer = call(fronting(a2a(server)), "POST", "/agents/painter/runs", RUN, FORM)
        assert answer.status == status
        assert "because" in answer.detail
        assert server.url in answer.detail


def test_a_server_that_wants_time_is_waited_for_by_whom_the_settings_say(
    fronting: Fronting,
) -> None:
    busy = b"HTTP/1.1 429 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
    with Agent(card(interface()), SendMessage=busy) as server:
        at_once = RetryPolicy(max_attempts=1, patience=0)
        remote = RemoteAgent(server.url, "painter", protocol="a2a", retry=at_once)
        answer = call(fronting(remote), "POST", "/agents/painter/runs", RUN, FORM)
        assert answer.status == 429
        assert answer.headers["retry-after"] == "5"
        assert server.called.count("SendMessage") == 1


def test_what_a2a_has_not_is_said_to_be_missing(fronting: Fronting) -> None:
    with Agent(card(interface())) as server:
        app = fronting(a2a(server))
        for method, path in (
            ("POST", "/agents/painter/runs/t1/resume"),
            ("GET", "/agents/painter/runs/t1/checkpoints"),
            ("POST", "/agents/painter/sessions/c1/fork"),
            ("GET", "/sessions"),
            ("GET", "/traces?db_id=x"),
        ):
            answer = call(app, method, path)
            assert answer.status == 501, path
            assert len(answer.detail) > 20
        assert call(app, "DELETE", "/agents/painter/runs").status == 405
        assert call(app, "GET", "/agents/painter/nothing").status == 404
        assert server.called == []


def test_it_is_listed_with_its_cards_words_beside_agents_of_an_agentos(fronting: Fronting) -> None:
    described = card(interface(), name="Painter", description="Paints.")
    with Agent(described) as server, an_os("a", databases=["d1"]) as other:
        app = fronting(
            a2a(server), RemoteAgent(other.url, "a"), a2a("http://127.0.0.1:1", RemoteTeam)
        )
        painter = {"id": "painter", "name": "Painter", "description": "Paints."}
        assert call(app, "GET", "/agents").json() == [
            painter,
            {"id": "a", "name": "A", "role": "r"},
        ]
        assert call(app, "GET", "/agents/painter").json() == painter
        config = call(app, "GET", "/config").json()
        assert config["agents"][0] == painter
        assert config["databases"] == ["d1"]
        (team,) = call(app, "GET", "/teams").json()
        assert "http://127.0.0.1:1" in team["metadata"]["unavailable"]
        assert call(app, "GET", "/sessions").json()["of"] == ["d1"]


@pytest.mark.parametrize("credentials", ["forward", "own"])
def test_the_right_credentials_go_along(
    fronting: Fronting, credentials: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password netrc-password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    methods = {"SendMessage": result({"task": DONE}), "GetTask": result(DONE)}
    with Agent(card(interface()), **methods) as server:
        remote = a2a(server, auth_token="own-secret", headers={"X-Tenant": "t"})
        app = fronting(remote, upstream_auth=credentials)
        for sent in (None, "Bearer callers", "Basic eDp5"):
            headers = {} if sent is None else {"Authorization": sent}
            call(app, "POST", "/agents/painter/runs", RUN, {**FORM, **headers})
            call(app, "GET", "/agents/painter/runs/t1", b"", headers)
            expected = sent if credentials == "forward" else "Bearer own-secret"
            for request in server.requests:
                assert request.headers.get("authorization") == expected
            server.requests.clear()


def test_one_callers_question_is_told_to_no_other(fronting: Fronting) -> None:
    """Nothing is remembered of a run: the server is asked, as the caller that asks."""
    with Agent(card(interface()), SendMessage=result({"task": ASKING})) as server:
        app = fronting(a2a(server))
        call(app, "POST", "/agents/painter/runs", RUN, {**FORM, "Authorization": "Bearer ann"})
        server.methods["GetTask"] = error(-32001, "Task not found")
        answer = call(
            app,
            "POST",
            "/agents/painter/runs/t1/continue",
            b"session_id=c1",
            {**FORM, "Authorization": "Bearer bob"},
        )
        assert answer.status == 404
        assert b"colour" not in answer.body


def test_a_client_that_leaves_ends_the_run_unless_it_is_in_the_background(
    fronting: Fronting,
) -> None:
    events = [result({"task": WORKING}), threading.Event()]
    gone = result({**WORKING, "status": {"state": "TASK_STATE_CANCELED"}})
    with Agent(card(interface()), SendStreamingMessage=events, CancelTask=gone) as server:
        app = fronting(a2a(server))
        for background in (b"true", b"false"):
            body = b"message=x&background=" + background
            with opened(app, environ_of("POST", "/agents/painter/runs", body, FORM)) as answer:
                assert b"RunStarted" in answer.next()
            assert ("CancelTask" in server.called) == (background == b"false")


def test_a_stream_that_is_lost_says_where(fronting: Fronting) -> None:
    def lost(params: Any) -> Any:
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99\r\n\r\n"

    with Agent(card(interface()), SendStreamingMessage=lost) as server:
        app = fronting(a2a(server))
        environ = environ_of("POST", "/agents/painter/runs", b"message=x", FORM)
        with opened(app, environ) as answer:
            last = answer.next()
            assert last.startswith(b"event: error\n")
            assert server.url.encode() in last
            with pytest.raises(ConnectionResetError):
                answer.next()


def test_open_calls_of_an_adk_agent_are_tools_that_are_executed_elsewhere(
    fronting: Fronting,
) -> None:
    def called(id: str) -> Dict[str, Any]:
        metadata = {"adk_type": "function_call", "adk_is_long_running": True}
        return {"data": {"id": id, "name": "approve", "args": {"n": id}}, "metadata": metadata}

    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": [called("one"), called("two")]}
    waiting = {
        "id": "t1",
        "contextId": "c1",
        "status": {"state": "TASK_STATE_INPUT_REQUIRED", "message": message},
        "metadata": {"https://google.github.io/adk-docs/a2a/a2a-extension/": True},
    }
    methods: Dict[str, Any] = {
        "SendMessage": lambda params: result(
            {"task": DONE if params["message"].get("taskId") else waiting}
        ),
        "GetTask": result(waiting),
    }
    for kind in (RemoteAgent, RemoteTeam):
        with Agent(card(interface()), **methods) as server:
            with serve(fronting(a2a(server, kind))) as url:
                with kind(url, "painter") as client:
                    paused = client.run("go")
                    for each, said in zip(paused.pending, ("yes", "no")):
                        each.set_result(said)
                    assert client.continue_run(paused).content == "all of it"
                    parts = [each["data"] for each in server.params["message"]["parts"]]
                    assert [(each["id"], each["response"]) for each in parts] == [
                        ("one", {"result": "yes"}),
                        ("two", {"result": "no"}),
                    ]
