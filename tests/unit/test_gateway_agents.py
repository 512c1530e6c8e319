"""The gateway as A2A agents: versions and bindings, cards, tasks that are runs, and errors."""

import base64
import json
import threading
from typing import Any, Dict, List, Optional
from urllib.parse import parse_qs

import pytest

from remoteagent_lite import A2AClient, RemoteAgent, RemoteTeam, TaskNotFoundError
from remoteagent_lite.gateway import JWT, Gateway, Keys
from remoteagent_lite.http.multipart import read_form
from remoteagent_lite.options import RetryPolicy
from remoteagent_lite.testing import serve
from tests.gateways import Reply, call, environ_of, opened
from tests.peers.a2a_crafted import DONE, WORKING, Agent, card, error, interface, result
from tests.peers.faults import Connection, RawServer, Request, reply, stream
from tests.unit.test_gateway import Fronting, agent, an_os, fronting
from tests.unit.test_gateway_a2a import a2a
from tests.unit.test_gateway_auth import SECRET, token

__all__ = ["fronting"]

HOME = "/a2a/agents/a"
V1 = {"Content-Type": "application/json", "A2A-Version": "1.0"}
OLD = {"Content-Type": "application/json"}


def tool(id: str, name: str, **fields: Any) -> Dict[str, Any]:
    return {"tool_call_id": id, "tool_name": name, "tool_args": {"path": "/x"}, **fields}


CONFIRM = tool("c1", "delete_file", requires_confirmation=True)
EXTERNAL = tool("c2", "run", external_execution_required=True)
FIELDS = [
    {"name": "city", "field_type": "str", "description": "where", "value": None},
    {"name": "days", "field_type": "int", "description": "how long", "value": None},
]


class Os(RawServer):
    """An AgentOS whose agent ``a`` echoes; what it is told to wait for, it waits for."""

    def __init__(self, *tools: Dict[str, Any], database: bool = True) -> None:
        self.tools = list(tools)
        self.database = database
        self.status = "PAUSED" if tools else "COMPLETED"
        self.more: List[Any] = []  # of a stream, behind its first piece
        super().__init__(self._answer)

    def forms(self, end: str = "/runs") -> List[Dict[str, str]]:
        """The forms that were posted to such a path."""
        return [
            {name: values[0] for name, values in parse_qs(each.body.decode()).items()}
            for each in self.requests
            if each.path.endswith(end)
        ]

    def output(self, run_id: str, session_id: str, status: str, content: str) -> Dict[str, Any]:
        found: Dict[str, Any] = {"run_id": run_id, "session_id": session_id, "status": status}
        found.update(agent_id="a", content=content, input={"input_content": "hello"})
        if status == "PAUSED":
            found["tools"] = self.tools
            found["requirements"] = [{"id": "r", "tool_execution": each} for each in self.tools]
        return found

    def _answer(self, connection: Connection, request: Request) -> None:
        parts = request.path.strip("/").split("/")
        kind = request.headers.get("content-type", "")
        form = read_form(kind, request.body)[0] if request.body else {}
        if parts == ["agents"]:
            reply(json.dumps([{"id": "a", "name": "Ann", "description": "Echoes."}]))(
                connection, request
            )
        elif parts == ["agents", "a", "runs"] and request.method == "GET":
            rows = [
                {"run_id": "r%d" % n, "agent_id": "a", "status": status, "content": "c%d" % n}
                for n, status in enumerate(["COMPLETED", "ERROR", "COMPLETED"])
            ]
            for n, row in enumerate(rows):
                row["created_at"] = "2026-01-0%dT00:00:00Z" % (n + 1)
            reply(json.dumps(rows))(connection, request)
        elif request.method == "GET":
            session = request.query.get("session_id", ["?"])[0]
            if session == "gone":
                reply('{"detail": "Run not found"}', 404)(connection, request)
            else:
                output = self.output(parts[3], session, self.status, "hello")
                reply(json.dumps(output))(connection, request)
        elif parts[-1] == "cancel":
            self.status = "CANCELLED" if self.status != "COMPLETED" else self.status
            reply("{}")(connection, request)
        elif form.get("background") == "true" and not self.database:
            said = {"detail": "Background execution requires a database to be configured"}
            reply(json.dumps(said), 400)(connection, request)
        else:
            run_id = form.get("run_id") or parts[3]
            status = "COMPLETED" if parts[-1] == "continue" else self.status
            self._run(connection, request, form, run_id, status)

    def _run(
        self, connection: Connection, request: Request, form: Dict[str, str], id: str, status: str
    ) -> None:
        session, text = form.get("session_id", "s"), form.get("message", "went on")
        if form.get("stream") == "false":
            background = form.get("background") == "true"
            output = self.output(id, session, "PENDING" if background else status, text)
            if background:
                self.status = "RUNNING"
            reply(json.dumps(output), 202 if background else 200)(connection, request)
            return
        names = ["RunStarted", "RunContent", "RunContent"]
        names.append("RunPaused" if status == "PAUSED" else "RunCompleted")
        frames = []
        for index, name in enumerate(names):
            data: Dict[str, Any] = {"event": name, "run_id": id, "session_id": session}
            data.update(
                agent_id="a", event_index=index, content={1: text[:2], 2: text[2:]}.get(index)
            )
            if index == 3:
                data.update(self.output(id, session, status, text), event=name)
            frames.append(b"event: %s\ndata: %s\n\n" % (name.encode(), json.dumps(data).encode()))
        stream([*frames[:2], *self.more, *frames[2:]])(connection, request)


def message(text: str = "hello", **more: Any) -> Dict[str, Any]:
    return {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": text}], **more}


def rpc(app: Any, method: str, params: Any, headers: Any = None, path: str = HOME) -> Reply:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return call(app, "POST", path, json.dumps(body).encode(), {**V1, **(headers or {})})


def sent(app: Any, said: Dict[str, Any], **configuration: Any) -> Dict[str, Any]:
    params = {"message": said, "configuration": configuration}
    answer = rpc(app, "SendMessage", params).json()
    assert answer["id"] == 7
    assert "result" in answer, answer
    task: Dict[str, Any] = answer["result"]["task"]
    return task


def code_of(answer: Reply) -> int:
    code: int = answer.json()["error"]["code"]
    return code


# --- Tasks are runs


def test_a_message_is_a_run_and_its_output_the_task(fronting: Fronting) -> None:
    with Os() as server:
        app = fronting(agent(server), a2a=True)
        said = message(contextId="s1", metadata={"userId": "u", "k": 1})
        said["parts"] += [
            {"data": {"n": 1}},
            {"raw": base64.b64encode(b"png").decode(), "mediaType": "image/png"},
            {"url": "https://x/y.pdf", "mediaType": "application/pdf", "filename": "y.pdf"},
        ]
        task = sent(app, said)
        assert task["contextId"] == "s1"
        assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        assert task["status"]["timestamp"].endswith("Z")
        assert task["artifacts"][0]["artifactId"] == "answer"
        (asked,) = task["history"]
        assert (asked["taskId"], asked["messageId"]) == (task["id"], "m1")
        kind = server.requests[0].headers["content-type"]
        fields, (file,) = read_form(kind, server.requests[0].body)
        assert fields["message"] == 'hello\n{"n": 1}'
        assert (fields["user_id"], fields["session_id"]) == ("u", "s1")
        assert json.loads(fields["metadata"]) == {"k": 1}
        assert (file.content, file.content_type) == (b"png", "image/png")
        (document,) = json.loads(fields["input_files"])
        assert (document["url"], document["filename"]) == ("https://x/y.pdf", "y.pdf")
        got = rpc(app, "GetTask", {"id": task["id"]}).json()["result"]
        assert (got["id"], got["contextId"]) == (task["id"], "s1")
        assert got["artifacts"] == [{"artifactId": "answer", "parts": [{"text": "hello"}]}]
        assert got["history"][0]["parts"] == [{"text": "hello"}]
        none = rpc(app, "GetTask", {"id": task["id"], "historyLength": 0}).json()["result"]
        assert "history" not in none


def test_any_process_knows_a_task_by_its_id(fronting: Fronting) -> None:
    with Os() as server:
        task = sent(fronting(agent(server), a2a=True), message(contextId="s \u00e9"))
        other = fronting(agent(server), a2a=True)
        got = rpc(other, "GetTask", {"id": task["id"]}).json()["result"]
        assert got["id"] == task["id"]
        assert server.requests[-1].query["session_id"] == ["s \u00e9"]


@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("binding", ["json-rpc", "rest"])
def test_a_stream_begins_with_the_task_and_ends_with_its_state(
    fronting: Fronting, version: str, binding: str
) -> None:
    with Os() as server, serve(fronting(agent(server), a2a=True)) as url:
        settings: Any = {"a2a_version": version, "a2a_protocol": binding}
        with A2AClient(url + HOME, extensions=None, **settings) as client:
            with client.stream_message("hello there") as events:
                short = [next(iter(event.to_dict())) for event in events]
            pieces = 2 if version == "0.3" else 3
            assert short == ["task", *(pieces * ["artifactUpdate"]), "statusUpdate"]
        # By default Google ADK's extension is named: then the whole answer comes in their place,
        # as it does in 1.0.
        with A2AClient(url + HOME, **settings) as client:
            with client.stream_message("hello there") as events:
                seen = [event.to_dict() for event in events]
            kinds = [next(iter(each)) for each in seen]
            assert kinds == ["task", *(3 * ["artifactUpdate"]), "statusUpdate"]
            task = seen[0]["task"]
            assert task["status"]["state"] == "TASK_STATE_WORKING"
            pieces = [each["artifactUpdate"] for each in seen[1:4]]
            texts = [each["artifact"]["parts"][0]["text"] for each in pieces]
            assert texts == ["he", "llo there", "hello there"]
            assert [each.get("append", False) for each in pieces] == [False, True, False]
            assert [each.get("lastChunk", False) for each in pieces] == [False, False, True]
            told = [*pieces, seen[4]["statusUpdate"]]
            assert told[-1]["status"]["state"] == "TASK_STATE_COMPLETED"
            ids = {(each["taskId"], each["contextId"]) for each in told}
            assert ids == {(task["id"], task["contextId"])}
        assert server.forms()[0]["background"] == "true"


def test_a_client_that_leaves_does_not_stop_the_run(fronting: Fronting) -> None:
    with Os() as server:
        server.more = [threading.Event()]
        app = fronting(agent(server), a2a=True, heartbeat=0.05)
        body = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage"}
        body["params"] = {"message": message()}
        environ = environ_of("POST", HOME, json.dumps(body).encode(), V1)
        with opened(app, environ) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            assert answer.headers["cache-control"] == "no-store"
            pieces = [answer.next() for _ in range(3)]
            assert json.loads(pieces[0][6:])["result"]["task"]
            assert pieces[2] == b": keepalive\n\n"
        assert not [each for each in server.requests if each.path.endswith("/cancel")]


def test_an_agent_without_a_database_is_run_in_the_foreground(fronting: Fronting) -> None:
    with Os(database=False) as server:
        app = fronting(agent(server), a2a=True)
        for _ in range(2):
            task = sent(app, message(), returnImmediately=True)
            assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        assert [each.get("background") for each in server.forms()] == ["true", None, None]


def test_a_task_that_is_not_waited_for_is_polled_subscribed_and_cancelled(
    fronting: Fronting,
) -> None:
    with Os() as server, serve(fronting(agent(server), a2a=True)) as url:
        with A2AClient(url + HOME) as client:
            task: Any = client.send_message("hello", return_immediately=True)
            assert task.status.state == "TASK_STATE_SUBMITTED"
            assert client.get_task(task.id).status.state == "TASK_STATE_WORKING"
            with client.subscribe_to_task(task.id) as events:
                first = next(events).to_dict()["task"]
                assert (first["id"], first["status"]["state"]) == (task.id, "TASK_STATE_WORKING")
                pieces = [each.to_dict().get("artifactUpdate") for each in events]
                texts = [each["artifact"]["parts"][0]["text"] for each in pieces if each]
                assert "".join(texts[:2]) == texts[2] == "went on"
            assert server.requests[-1].path.endswith("/resume")
            assert client.cancel_task(task.id).status.state == "TASK_STATE_CANCELED"
            with pytest.raises(TaskNotFoundError):
                client.get_task("nothing")
    with Os() as server:
        app = fronting(agent(server), a2a=True)
        task = sent(app, message())
        assert code_of(rpc(app, "CancelTask", {"id": task["id"]})) == -32002
        assert code_of(rpc(app, "SubscribeToTask", {"id": task["id"]})) == -32004
        late = message(taskId=task["id"])
        assert code_of(rpc(app, "SendMessage", {"message": late})) == -32004


def test_a_contexts_tasks_are_listed_in_pages(fronting: Fronting) -> None:
    with Os() as server:
        app = fronting(agent(server), a2a=True)

        def listed(**params: Any) -> Dict[str, Any]:
            page: Dict[str, Any] = rpc(app, "ListTasks", {"contextId": "s", **params}).json()
            return page

        page = listed(pageSize=2)["result"]
        assert (page["totalSize"], page["pageSize"], len(page["tasks"])) == (3, 2, 2)
        assert [each["status"]["timestamp"][:10] for each in page["tasks"]] == [
            "2026-01-03",
            "2026-01-02",
        ]
        assert "artifacts" not in page["tasks"][0]
        last = listed(pageSize=2, pageToken=page["nextPageToken"])["result"]
        assert (len(last["tasks"]), last["nextPageToken"]) == (1, "")
        assert len(listed(status="TASK_STATE_FAILED")["result"]["tasks"]) == 1
        assert len(listed(statusTimestampAfter="2026-01-02T00:00:00Z")["result"]["tasks"]) == 1
        whole = listed(includeArtifacts=True)["result"]["tasks"][0]
        assert whole["artifacts"][0]["parts"] == [{"text": "c2"}]
        for wrong in ({"pageToken": "x"}, {"pageSize": 0}, {"pageSize": 101}, {"status": "done"}):
            assert listed(**wrong)["error"]["code"] == -32602
        assert code_of(rpc(app, "ListTasks", {})) == -32004


# --- Decisions


@pytest.mark.parametrize(
    ("tools", "parts", "decided"),
    [
        ([CONFIRM], [{"text": "yes"}], [("confirmed", True)]),
        ([CONFIRM], [{"text": " Approve! "}], [("confirmed", True)]),
        ([CONFIRM], [{"text": "No."}], [("confirmed", False)]),
        ([CONFIRM], [{"data": {"confirmed": True}}], [("confirmed", True)]),
        ([CONFIRM], [{"data": {"confirmed": False, "note": "n"}}], [("confirmation_note", "n")]),
        ([EXTERNAL], [{"text": "done\nwell"}], [("result", "done\nwell")]),
        ([EXTERNAL], [{"data": {"id": "c2", "result": "r"}}], [("result", "r")]),
        (
            [CONFIRM, EXTERNAL],
            [{"data": [{"id": "c2", "result": "r"}, {"id": "c1", "confirmed": True}]}],
            [("confirmed", True), ("result", "r")],
        ),
        (
            [tool("c3", "ask", requires_user_input=True, user_input_schema=FIELDS[:1])],
            [{"text": "Rome"}],
            [("answered", True)],
        ),
        (
            [tool("c3", "ask", requires_user_input=True, user_input_schema=FIELDS)],
            [{"data": {"values": {"city": "Rome", "days": 3}}}],
            [("answered", True)],
        ),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_a_run_waits_for_is_asked_and_the_answer_is_its_decision(
    fronting: Fronting, tools: Any, parts: Any, decided: Any, streamed: bool
) -> None:
    with Os(*tools) as server, serve(fronting(agent(server), a2a=True)) as url:
        with A2AClient(url + HOME) as client:
            paused: Any = client.send_message("hello", context_id="s")
            assert paused.status.state == "TASK_STATE_INPUT_REQUIRED"
            question = paused.status.message.to_dict()["parts"]
            assert tools[0]["tool_name"] in question[0]["text"]
            assert [each["id"] for each in question[1]["data"]["pending"]] == [
                each["tool_call_id"] for each in tools
            ]
            answer = message(parts=parts, taskId=paused.id, contextId="s")
            if streamed:
                with client.stream_message(answer) as events:
                    ended: Any = events.output()
            else:
                ended = client.send_message(answer)
            assert ended.status.state == "TASK_STATE_COMPLETED"
            assert ended.id == paused.id
        (form,) = server.forms("/continue")
        told = json.loads(form["tools"])
        assert [each[name] for each, (name, _) in zip(told, decided)] == [v for _, v in decided]


@pytest.mark.parametrize(
    ("tools", "parts"),
    [
        ([CONFIRM], [{"text": "perhaps"}]),
        ([CONFIRM], [{"text": "yes, but no"}]),
        ([CONFIRM], [{"text": " "}]),
        ([CONFIRM], [{"data": {"confirmed": "yes"}}]),
        ([CONFIRM], [{"data": {"id": "other", "confirmed": True}}]),
        ([CONFIRM], [{"data": "yes"}]),
        ([CONFIRM], [{"data": {"result": "r"}}]),
        ([CONFIRM], [{"data": {}}]),
        ([CONFIRM, EXTERNAL], [{"text": "yes"}]),
        ([CONFIRM, EXTERNAL], [{"data": {"id": "c1", "confirmed": True}}]),
        ([tool("c3", "ask", requires_user_input=True, user_input_schema=FIELDS)], [{"text": "R"}]),
        (
            [tool("c3", "ask", requires_user_input=True, user_input_schema=FIELDS)],
            [{"data": {"values": {"town": "Rome"}}}],
        ),
    ],
)
def test_what_is_no_clear_answer_decides_nothing(
    fronting: Fronting, tools: Any, parts: Any
) -> None:
    with Os(*tools) as server:
        app = fronting(agent(server), a2a=True)
        paused = sent(app, message())
        answer = rpc(app, "SendMessage", {"message": message(parts=parts, taskId=paused["id"])})
        assert code_of(answer) == -32602
        elsewhere = message(taskId=paused["id"], contextId="elsewhere")
        assert code_of(rpc(app, "SendMessage", {"message": elsewhere})) == -32602
        assert server.forms("/continue") == []


# --- What is wrong with a request


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", V1, -32700),
        (b"\xff", V1, -32700),
        (b"", V1, -32700),
        (b"[" * 5000, V1, -32700),
        (b"[]", V1, -32600),
        (b'"x"', V1, -32600),
        (b"{}", V1, -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"GetTask"}', V1, -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"GetTask"}', V1, -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"GetTask"}', V1, -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"GetTask"}', V1, -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', V1, -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"Get"}', V1, -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":[1]}', V1, -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"GetTask"}', V1, -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":""}}', V1, -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"x"}}', V1, -32001),
        (b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"x"}}', OLD, -32009),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"x"}}',
            {**V1, "A2A-Version": "2.0"},
            -32009,
        ),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"x"}}',
            {**V1, "A2A-Version": "1.7"},
            -32001,
        ),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"x"}}', OLD, -32001),
        (b'{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"id":"x"}}', V1, -32001),
        (b'{"jsonrpc":"2.0","id":1,"method":"GetExtendedAgentCard"}', V1, -32004),
        (
            b'{"jsonrpc":"2.0","id":1,"method":"CreateTaskPushNotificationConfig","params":{}}',
            V1,
            -32602,
        ),
    ],
)
def test_what_is_wrong_with_a_call_is_told_by_its_code(
    fronting: Fronting, body: bytes, headers: Dict[str, str], code: int
) -> None:
    with Os() as server:
        answer = call(fronting(agent(server), a2a=True), "POST", HOME, body, headers)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        told = answer.json()
        assert told["jsonrpc"] == "2.0"
        assert told["error"]["code"] == code, told
        assert told["id"] == (1 if b'"id":1,' in body else None)
        if "data" in told["error"]:
            (info,) = told["error"]["data"]
            assert info["domain"] == "a2a-protocol.org"
            assert info["reason"].isupper()


@pytest.mark.parametrize(
    "said",
    [
        None,
        "hello",
        message(role="ROLE_AGENT"),
        message(role="user2"),
        message(messageId=""),
        message(messageId=7),
        message(parts=[]),
        message(parts=["x"]),
        message(parts=[{}]),
        message(parts=[{"text": "a", "data": 1}]),
        message(parts=[{"text": 7}]),
        message(parts=[{"raw": "!!!"}]),
        message(parts=[{"url": "https://x", "mediaType": "image/png"}]),  # nothing is said
        message(parts=[{"text": ""}]),
        message(parts=[{"text": "a"}, {"raw": ""}]),
        message(metadata=7),
    ],
)
def test_a_message_that_is_none_is_not_run(fronting: Fronting, said: Any) -> None:
    with Os() as server:
        app = fronting(agent(server), a2a=True)
        assert code_of(rpc(app, "SendMessage", {"message": said})) == -32602
        body = json.dumps({"message": said}).encode()
        over_rest = call(app, "POST", HOME + "/message:send", body, V1)
        assert over_rest.status == 400
        assert over_rest.json()["error"]["details"][0]["reason"] == "INVALID_PARAMS"
        assert server.requests == []


def test_names_are_taken_in_either_spelling(fronting: Fronting) -> None:
    with Os() as server:
        app = fronting(agent(server), a2a=True)
        said = {"message_id": "m", "role": 1, "parts": [{"text": "hi"}], "context_id": "s2"}
        params = {"message": said, "configuration": {"return_immediately": True}, "unknown": 1}
        task = rpc(app, "SendMessage", params).json()["result"]["task"]
        assert (task["contextId"], task["status"]["state"]) == ("s2", "TASK_STATE_SUBMITTED")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "reason"),
    [
        ("GET", "/tasks/x", V1, 404, "TASK_NOT_FOUND"),
        ("GET", "/tasks/x", OLD, 400, "VERSION_NOT_SUPPORTED"),
        ("GET", "/tasks/x?A2A-Version=1.0", OLD, 404, "TASK_NOT_FOUND"),
        ("GET", "/tasks/x?historyLength=y", V1, 400, "INVALID_PARAMS"),
        ("GET", "/tasks/x?historyLength=-1", V1, 400, "INVALID_PARAMS"),
        ("GET", "/tasks?pageSize=0&contextId=s", V1, 400, "INVALID_PARAMS"),
        ("GET", "/tasks", V1, 400, "UNSUPPORTED_OPERATION"),
        ("POST", "/tasks/x:cancel", V1, 404, "TASK_NOT_FOUND"),
        ("POST", "/tasks/x:subscribe", V1, 404, "TASK_NOT_FOUND"),
        ("GET", "/tasks/x:subscribe", V1, 404, "TASK_NOT_FOUND"),
        ("POST", "/tasks/x/pushNotificationConfigs", V1, 400, "INVALID_PARAMS"),
        ("GET", "/extendedAgentCard", V1, 400, "UNSUPPORTED_OPERATION"),
        ("POST", "/message:send", {**V1, "Content-Type": "text/plain"}, 415, None),
        ("GET", "/message:send", V1, 404, None),
        ("GET", "/nothing", V1, 404, None),
        ("GET", "/v1/tasks/x", OLD, 404, None),
        ("POST", "/v1/tasks/x:cancel", OLD, 404, None),
        ("GET", "", V1, 405, None),
    ],
)
def test_over_rest_errors_have_statuses(
    fronting: Fronting, method: str, path: str, headers: Any, status: int, reason: Optional[str]
) -> None:
    with Os() as server:
        body = b"x" if "text/plain" in headers.values() else b""
        answer = call(fronting(agent(server), a2a=True), method, HOME + path, body, headers)
        assert answer.status == status, answer
        assert answer.headers["content-type"] == "application/json"
        if reason is not None:
            told = answer.json()["error"]
            assert told["code"] == status
            assert told["details"][0]["reason"] == reason


def test_without_a2a_there_is_none(fronting: Fronting) -> None:
    with Os() as server:
        app = fronting(agent(server))
        assert rpc(app, "GetTask", {"id": "x"}).status == 404
        on = fronting(agent(server), a2a=True)
        for path in ("/a2a", "/a2a/agents", "/a2a/agents/b", "/a2a/teams/a", "/a2a/x/a"):
            assert call(on, "POST", path, b"{}", V1).status == 404
    with pytest.raises(ValueError, match="public_url"):
        Gateway(agent("http://127.0.0.1:1"), a2a=True, public_url="example.com")
    for wrong in (["10.0.0.1/8"], ["proxy.internal"], "10.0.0.1"):
        with pytest.raises(ValueError, match="trusted_proxies"):
            Gateway(agent("http://127.0.0.1:1"), trusted_proxies=wrong)


# --- Upstreams


def test_a_server_that_fails_is_named_with_its_status(fronting: Fronting) -> None:
    app = fronting(agent("http://127.0.0.1:1"), a2a=True)
    answer = rpc(app, "SendMessage", {"message": message()})
    assert answer.status == 503
    assert "http://127.0.0.1:1" in answer.detail
    for status, expected in (
        (401, 401),
        (403, 403),
        (429, 429),
        (404, 200),
        (422, 200),
        (500, 200),
    ):
        with RawServer(reply('{"detail": "because"}', status)) as server:
            answer = rpc(fronting(agent(server), a2a=True), "SendMessage", {"message": message()})
            assert answer.status == expected
            assert "because" in answer.body.decode()
            if expected == 200:
                assert code_of(answer) == (-32603 if status == 500 else -32602)


def test_a_stream_that_is_lost_ends_with_an_error_and_properly(fronting: Fronting) -> None:
    started = b'event: RunStarted\ndata: {"event": "RunStarted", "run_id": "r"}\n\n'
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage"}
    body["params"] = {"message": message()}
    with RawServer(stream([started], end="cut"), reply("{}", 404)) as server:
        app = fronting(agent(server, resume=RetryPolicy(max_attempts=1)), a2a=True)
        with opened(app, environ_of("POST", HOME, json.dumps(body).encode(), V1)) as answer:
            frames = answer.rest().split(b"\n\n")
        assert frames[-2].startswith(b"event: error\ndata: ")
        told = json.loads(frames[-2].split(b"data: ")[1])
        assert (told["id"], told["error"]["code"]) == (1, -32603)
        assert server.url in told["error"]["message"]


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_an_a2a_agent_is_passed_on_in_its_own_terms(fronting: Fronting, version: str) -> None:
    asking = {**WORKING, "status": {"state": "TASK_STATE_AUTH_REQUIRED"}, "metadata": {"k": 1}}
    methods = {
        "SendMessage": result({"message": {"messageId": "a1", "role": "ROLE_AGENT", "parts": []}}),
        "SendStreamingMessage": [result({"task": WORKING}), result({"task": DONE})],
        "GetTask": result(asking),
        "ListTasks": result({"tasks": [DONE], "nextPageToken": "n", "pageSize": 1, "totalSize": 9}),
        "CancelTask": error(-32002, "too late"),
    }
    with Agent(card(interface()), **methods) as server:
        with serve(fronting(a2a(server), a2a=True)) as url:
            url += "/a2a/agents/painter"
            settings: Any = {"a2a_version": version}
            with A2AClient(url, **settings) as client:
                said = client.send_message("hello", context_id="c1", metadata={"m": 1})
                assert said.to_dict()["messageId"] == "a1"
                assert server.params["message"]["metadata"] == {"m": 1}
                assert server.params["message"]["contextId"] == "c1"
                with client.stream_message("hello") as events:
                    kinds = [next(iter(each.to_dict())) for each in events]
                assert kinds[:2] == ["task", "task"]
                got = client.get_task("t1").to_dict()
                assert got["id"] == "t1"
                assert got["status"]["state"] == "TASK_STATE_AUTH_REQUIRED"
                assert got["metadata"] == {"k": 1}
                with pytest.raises(Exception, match="too late") as caught:
                    client.cancel_task("t1")
                assert type(caught.value).__name__ == "TaskNotCancelableError"
        page = rpc(
            fronting(a2a(server), a2a=True),
            "ListTasks",
            {"pageSize": 1},
            path="/a2a/agents/painter",
        )
        assert page.json()["result"]["totalSize"] == 9


# --- Cards


def test_the_card_says_how_the_agent_is_spoken_to(fronting: Fronting) -> None:
    skills = [{"id": "paint", "name": "Paint", "description": "d", "tags": ["t"]}]
    described = card(interface(), name="Painter", skills=skills, version="9")
    with Os() as server, Agent(described) as painter:
        app = fronting(agent(server), a2a(painter), a2a=True)
        path = HOME + "/.well-known/agent-card.json"
        answer = call(app, "GET", path, headers={"Host": "agents.example:8080"})
        told = answer.json()
        url = "http://agents.example:8080" + HOME
        assert (told["name"], told["description"]) == ("Ann", "Echoes.")
        assert told["url"] == url
        assert {(each["protocolBinding"], each["protocolVersion"]) for each in
                told["supportedInterfaces"]} == {
            ("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3"), ("HTTP+JSON", "0.3"),
        }  # fmt: skip
        assert {each["url"] for each in told["supportedInterfaces"]} == {url}
        assert told["capabilities"]["streaming"] is True
        assert told["skills"][0]["tags"] == ["agent"]
        assert "securitySchemes" not in told
        for name in ("etag", "cache-control", "last-modified"):
            assert answer.headers[name]
        same = {"Host": "agents.example:8080", "If-None-Match": answer.headers["etag"]}
        again = call(app, "GET", path, headers=same)
        assert (again.status, again.body) == (304, b"")
        old = call(app, "GET", HOME + "/.well-known/agent.json", headers={"Host": "x"}).json()
        assert old["protocolVersion"] == "0.3.0"
        theirs = call(app, "GET", "/a2a/agents/painter/.well-known/agent-card.json").json()
        assert theirs["skills"] == skills
        assert (theirs["name"], theirs["version"]) == ("Painter", "9")
        assert server.url not in json.dumps(told) + json.dumps(theirs)
        public = fronting(agent(server), a2a=True, public_url="https://agents.example/base/")
        told = call(public, "GET", path, headers={"Host": "evil.invalid"}).json()
        assert told["url"] == "https://agents.example/base" + HOME
        assert call(public, "POST", path).status == 404


@pytest.mark.parametrize(
    ("sent", "home"),
    [
        ({}, "http://h"),
        ({"X-Forwarded-Proto": "https"}, "https://h"),
        ({"X-Forwarded-Proto": "http, HTTPS", "X-Forwarded-Host": "x, y:8"}, "https://y:8"),
        ({"X-Forwarded-Proto": "javascript"}, "http://h"),
        ({"X-Forwarded-Host": "y/<a>?"}, "http://y%2F%3Ca%3E%3F"),
        ({"X-Forwarded-Prefix": "/base/a%20b/"}, "http://h/base/a%20b"),
        ({"X-Forwarded-Prefix": "//y"}, "http://h/y"),
        ({"X-Forwarded-Prefix": "/"}, "http://h"),
        ({"Forwarded": "for=192.0.2.9;proto=https;host=y"}, "https://y"),
        ({"Forwarded": 'host=evil;proto=https, for="[::1]:4, 5" ;Host="y:8"'}, "http://y:8"),
        ({"Forwarded": 'host="y'}, "http://h"),
        ({"Forwarded": "host=y;;"}, "http://h"),
        ({"Forwarded": "proto=http;host=x", "X-Forwarded-Proto": "https"}, "https://x"),
    ],
)
def test_a_card_has_the_url_that_a_trusted_proxy_says(
    fronting: Fronting, sent: Dict[str, str], home: str
) -> None:
    app = fronting(agent("http://127.0.0.1:1"), a2a=True, trusted_proxies=["192.0.2.0/24", "::1"])
    for address in ("192.0.2.1", "::ffff:192.0.2.1", "::1"):
        assert url_in_card(app, address, sent) == home + HOME
    for address in ("198.51.100.1", "::2", "", "unix:"):
        assert url_in_card(app, address, sent) == "http://h" + HOME
    unasked = fronting(agent("http://127.0.0.1:1"), a2a=True)
    assert url_in_card(unasked, "192.0.2.1", sent) == "http://h" + HOME


def url_in_card(app: Gateway, address: str, headers: Dict[str, str]) -> Any:
    environ = environ_of(
        "GET", HOME + "/.well-known/agent-card.json", b"", {"Host": "h", **headers}
    )
    with opened(app, {**environ, "REMOTE_ADDR": address}) as answer:
        told = json.loads(answer.rest())
    assert {each["url"] for each in told["supportedInterfaces"]} == {told["url"]}
    return told["url"]


def test_a_stranger_is_told_how_to_come_in_and_no_more(fronting: Fronting) -> None:
    path = HOME + "/.well-known/agent-card.json"
    for door, good in ((Keys("k" * 20), "Bearer " + "k" * 20), (JWT([SECRET], ["HS256"]), None)):
        with Os() as server:
            app = fronting(agent(server), a2a=True, auth=door, upstream_auth="own")
            told = call(app, "GET", path).json()
            assert told["name"] == "a"
            assert "Echoes" not in json.dumps(told)
            assert told["securitySchemes"]["bearer"]["type"] == "http"
            assert told["securityRequirements"] == [{"schemes": {"bearer": {"list": []}}}]
            assert told["capabilities"]["extendedAgentCard"] is True
            assert server.requests == []
            assert call(app, "GET", path, headers={"Authorization": "Bearer no"}).status == 401
            assert rpc(app, "GetExtendedAgentCard", {}).status == 401
            known = {"Authorization": good or token(["agents:a:run"])}
            assert call(app, "GET", path, headers=known).json()["name"] == "Ann"
            extended = {**known} if good else {"Authorization": token(["agents:a:read"])}
            whole = rpc(app, "GetExtendedAgentCard", {}, extended).json()["result"]
            assert whole["description"] == "Echoes."


# --- Who may


def test_scopes_hold_for_tasks_as_for_runs(fronting: Fronting) -> None:
    with Os() as server:
        door = JWT([SECRET], ["HS256"])
        app = fronting(agent(server, auth_token="own"), a2a=True, auth=door, upstream_auth="own")
        assert rpc(app, "GetTask", {"id": "x"}).status == 401
        runs = {"Authorization": token(["agents:a:run"])}
        reads = {"Authorization": token(["agents:read"])}
        task = rpc(app, "SendMessage", {"message": message()}, runs).json()["result"]["task"]
        assert server.forms()[0]["user_id"] == "ann"
        refused = rpc(app, "GetTask", {"id": task["id"]}, runs)
        assert (refused.status, refused.detail[-11:]) == (403, "agents:read")
        assert "result" in rpc(app, "GetTask", {"id": task["id"]}, reads).json()
        for method in ("SendMessage", "SendStreamingMessage", "CancelTask"):
            params = {"message": message(), "id": task["id"]}
            assert rpc(app, method, params, reads).status == 403


def test_tasks_count_as_runs(fronting: Fronting) -> None:
    with Os() as server:
        server.more = [threading.Event()]
        app = fronting(agent(server), a2a=True, runs_per_caller=1)
        body = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage"}
        body["params"] = {"message": message()}
        environ = environ_of("POST", HOME, json.dumps(body).encode(), V1)
        with opened(app, environ):
            assert rpc(app, "SendMessage", {"message": message()}).status == 429
            assert code_of(rpc(app, "GetTask", {"id": "x"})) == -32001
        assert sent(app, message())["status"]["state"] == "TASK_STATE_COMPLETED"


def test_teams_and_lists_are_where_they_belong(fronting: Fronting) -> None:
    with an_os("a") as server:
        app = fronting(RemoteAgent(server.url, "a"), RemoteTeam(server.url, "t"), a2a=True)
        assert call(app, "GET", "/a2a/teams/t/.well-known/agent-card.json").json()["name"] == "t"
        assert call(app, "GET", "/agents").json()[0]["name"] == "A"
