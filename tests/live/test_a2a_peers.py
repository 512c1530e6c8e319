"""The A2A peers themselves: each does what its script says, over every binding that it serves.

Raw HTTP on purpose: what is tested with these peers rests on what is proved here without it.
"""

import base64
import hashlib
import http.client
import json
import queue
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.peers.server import A2A_SDK, A2A_SDK_03, ADK, PeerServer

CARD_PATH = "/.well-known/agent-card.json"
ADK_EXTENSION = "https://google.github.io/adk-docs/a2a/a2a-extension/"
FILE_URL = "https://files.example/report.pdf"
UNICODE_TEXT = "line\u2028para\u2029next\u0085emoji \U0001f600 cr\rlf\nend"

#: (message, final state, {artifact: text}, text of the final status)
VERBS = [
    ("hello", "completed", {"answer": "echo: hello"}, ""),
    ("chunks 3", "completed", {"answer": "w0 w1 w2 "}, ""),
    ("slow 2", "completed", {"answer": "w0 w1 "}, ""),
    ("replace 3", "completed", {"answer": "w0 w1 w2 "}, ""),
    ("rewrite", "completed", {"answer": "final text"}, ""),
    ("interleave 2", "completed", {"a": "a0 a1 ", "b": "b0 b1 "}, ""),
    ("progress 2", "completed", {"answer": "echo: progress 2"}, ""),
    ("ask", "input-required", {}, "which colour?"),
    ("ask-data", "input-required", {}, ""),
    ("login", "auth-required", {}, "log in at https://login.example/"),
    ("fail it", "failed", {}, "failed: it"),
    ("fail-late 2", "failed", {"answer": "w0 w1 "}, "failed: late"),
    ("reject it", "rejected", {}, "rejected: it"),
    ("final it", "completed", {}, "echo: it"),
    ("open", "working", {}, ""),
    ("big 1000", "completed", {"answer": "x" * 1000}, ""),
    ("unicode", "completed", {"answer": UNICODE_TEXT}, ""),
]


# Raw HTTP ----------------------------------------------------------------------------------------


class Reply:
    """An HTTP answer, read to its end; `complete` is False when the body broke off."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.complete = True
        try:
            body = response.read()
        except http.client.IncompleteRead as error:
            body, self.complete = error.partial, False
        self.text = body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def payloads(self):
        """The JSON values of an SSE body, or the one value of a JSON body."""
        if "event-stream" not in self.headers["content-type"]:
            return [self.json]
        frames = self.text.replace("\r\n", "\n").split("\n\n")
        data = ["".join(ln[5:] for ln in f.split("\n") if ln.startswith("data:")) for f in frames]
        return [json.loads(each) for each in data if each]


def request(base, path, body=None, method=None, headers=None):
    host = urllib.parse.urlsplit(base).netloc
    connection = http.client.HTTPConnection(host, timeout=15)
    try:
        content = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        connection.request(method or ("GET" if body is None else "POST"), path, content, sent)
        return Reply(connection.getresponse())
    finally:
        connection.close()


class Outcome:
    """What a task or a stream came to, the same for every dialect."""

    def __init__(self, events):
        self.task_id = self.context_id = self.state = self.error = self.message = None
        self.parts = {}  # of artifacts, by id
        self.flags = []  # (append, lastChunk) of each artifact event
        self.status_parts = []
        self.steps = []  # texts of the working statuses
        for event in events:
            self._add(event)

    @property
    def texts(self):
        return {id: words(parts) for id, parts in self.parts.items()}

    @property
    def status_text(self):
        return words(self.status_parts)

    def _add(self, event):
        if "error" in event:
            self.error = event["error"]
        elif "message" in event:
            self.message = event["message"]
        elif "task" in event:
            task = event["task"]
            self.task_id, self.context_id = task["id"], task["contextId"]
            for artifact in task.get("artifacts", ()):
                self.parts[artifact["artifactId"]] = artifact["parts"]
            self._settle(task["status"])
        elif "artifactUpdate" in event:
            update = event["artifactUpdate"]
            artifact = update["artifact"]
            append = bool(update.get("append"))
            before = self.parts.get(artifact["artifactId"], []) if append else []
            self.parts[artifact["artifactId"]] = before + artifact["parts"]
            self.flags.append((append, bool(update.get("lastChunk"))))
        else:
            self._settle(event["statusUpdate"]["status"])

    def _settle(self, status):
        self.state = status["state"].replace("TASK_STATE_", "").replace("_", "-").lower()
        self.state = self.state.replace("cancelled", "canceled")
        message = status.get("message") or status.get("update") or {}
        self.status_parts = message.get("parts") or message.get("content") or []
        if self.state == "working" and self.status_parts:
            self.steps.append(self.status_text)


def words(parts):
    return "".join(part.get("text", "") for part in parts)


OLD_KINDS = {"status-update": "statusUpdate", "artifact-update": "artifactUpdate"}

#: What is called what: 1.0, then 0.3, for JSON-RPC.
METHODS = {
    "send": ("SendMessage", "message/send"),
    "stream": ("SendStreamingMessage", "message/stream"),
    "get": ("GetTask", "tasks/get"),
    "cancel": ("CancelTask", "tasks/cancel"),
    "card": ("GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard"),
}


class Dialect:
    """One of the ways to talk to a peer: a protocol version over a binding."""

    def __init__(self, server, version, rest=False, path="/"):
        self.server = server
        self.version = version
        self.rest = rest
        self.old = version == "0.3"
        self.path = path

    def send(self, text, *parts, stream=False, headers=None, configuration=None, **message):
        waiting = {"blocking": True} if self.old else {}
        params = {
            "message": self.message(text, *parts, **message),
            "configuration": {**waiting, **(configuration or {})},
        }
        action = "stream" if stream else "send"
        return self.call(action, params, "/message:" + action, headers=headers)

    def run(self, text, *parts, **options):
        reply = self.send(text, *parts, **options)
        return Outcome(self.event(each) for each in reply.payloads)

    def get(self, task_id):
        return self._task(self.call("get", {"id": task_id}, "/tasks/" + task_id, method="GET"))

    def cancel(self, task_id):
        path = "/tasks/%s:cancel" % task_id
        return self._task(self.call("cancel", {"id": task_id}, path))

    def _task(self, reply):
        task = reply.json if self.rest else reply.json["result"]
        return Outcome([{"task": task}])

    def call(self, action, params, path, method="POST", headers=None):
        sent = {**({} if self.old else {"A2A-Version": "1.0"}), **(headers or {})}
        if self.rest:
            path = self.path + ("/v1" if self.old else "") + path
            body = params if method == "POST" else None
            return request(self.server.url, path, body, method, sent)
        name = METHODS[action][self.old]
        body = {"jsonrpc": "2.0", "id": "1", "method": name, "params": params}
        return request(self.server.url, self.path, body, "POST", sent)

    def message(self, text, *parts, **fields):
        own = [self.part(part) for part in ({"text": text},) + parts]
        role = "user" if self.old and not self.rest else "ROLE_USER"
        message = {"messageId": uuid.uuid4().hex, "role": role, **fields}
        message["content" if self.old and self.rest else "parts"] = own
        if self.old and not self.rest:
            message["kind"] = "message"
        return message

    def part(self, part):
        """A part in the JSON of 1.0 as this dialect writes it."""
        if not self.old:
            return part
        kind = {}
        if not self.rest:
            kind["kind"] = next((name for name in ("text", "data") if name in part), "file")
        if "text" in part:
            return {**kind, "text": part["text"]}
        if "data" in part:
            return {**kind, "data": {"data": part["data"]} if self.rest else part["data"]}
        file = {"name": part["filename"], "mimeType": part["mediaType"]}
        if "url" in part:
            file["fileWithUri" if self.rest else "uri"] = part["url"]
        elif self.rest:
            file["fileWithBytes"] = base64.b64encode(part["raw"].encode()).decode()
        else:
            file["bytes"] = part["raw"]
        return {**kind, "file": file}

    def event(self, payload):
        """A payload as {"task" | "message" | "statusUpdate" | "artifactUpdate" | "error": ...}."""
        if self.rest or "error" in payload:
            return payload
        result = payload["result"]
        return {OLD_KINDS.get(result["kind"], result["kind"]): result} if self.old else result


def content_of(part):
    """(kind, name, type, content) of a file part of any dialect."""
    if "file" not in part:
        kind = "raw" if "raw" in part else "url"
        return kind, part["filename"], part["mediaType"], part[kind]
    file = part["file"]
    named = (file["name"], file["mimeType"])
    if "fileWithBytes" in file:
        return ("raw",) + named + (base64.b64decode(file["fileWithBytes"]).decode(),)
    if "bytes" in file:
        return ("raw",) + named + (file["bytes"],)
    return ("url",) + named + (file.get("uri") or file["fileWithUri"],)


def data_of(part):
    """The value of a data part of any dialect; None of others."""
    value = part.get("data")
    return value["data"] if isinstance(value, dict) and set(value) == {"data"} else value


DIALECTS = {
    "sdk 1.0 rpc": ("a2a_sdk", {"version": "1.0"}),
    "sdk 1.0 rest": ("a2a_sdk", {"version": "1.0", "rest": True, "path": "/rest"}),
    "sdk 0.3 rpc": ("a2a_sdk", {"version": "0.3"}),
    "sdk 0.3 rest": ("a2a_sdk", {"version": "0.3", "rest": True, "path": "/rest"}),
    "old sdk rpc": ("a2a_sdk_03", {"version": "0.3"}),
    "old sdk rest": ("a2a_sdk_03", {"version": "0.3", "rest": True, "path": "/rest"}),
}


@pytest.fixture(scope="module", params=sorted(DIALECTS))
def dialect(request):
    fixture, settings = DIALECTS[request.param]
    return Dialect(request.getfixturevalue(fixture), **settings)


# The two SDKs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize("text,state,texts,status", VERBS, ids=[each[0] for each in VERBS])
def test_verb(dialect, text, state, texts, status, stream):
    outcome = dialect.run(text, stream=stream)
    assert (outcome.state, outcome.texts, outcome.status_text) == (state, texts, status)
    assert outcome.error is None


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_message_is_no_task(dialect, stream):
    outcome = dialect.run("message hi", stream=stream)
    parts = outcome.message.get("parts") or outcome.message["content"]
    assert (words(parts), outcome.task_id) == ("echo: hi", None)
    assert not outcome.message.get("taskId")


@pytest.mark.parametrize(
    "text,flags",
    [
        ("chunks 3", [(False, False), (True, False), (True, True)]),
        ("replace 2", [(False, False), (False, True)]),
        ("rewrite", [(False, False), (False, False)]),
        ("interleave 2", [(False, False), (False, False), (True, True), (True, True)]),
    ],
)
def test_artifact_events_are_marked(dialect, text, flags):
    assert dialect.run(text, stream=True).flags == flags


def test_progress_comes_in_steps(dialect):
    assert dialect.run("progress 3", stream=True).steps == ["step 0", "step 1", "step 2"]


def test_data_question_has_no_text(dialect):
    outcome = dialect.run("ask-data")
    assert [data_of(part) for part in outcome.status_parts] == [{"question": "which colour?"}]


@pytest.mark.parametrize("text", ["ask", "ask-data", "login"])
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_follow_up_completes_the_task(dialect, text, stream):
    asked = dialect.run(text)
    ids = {"taskId": asked.task_id, "contextId": asked.context_id}
    told = dialect.run("deep red", stream=stream, **ids)
    assert (told.state, told.texts) == ("completed", {"answer": "you said: deep red"})
    assert dialect.get(asked.task_id).state == "completed"


def test_boom_is_an_error_or_a_broken_stream(dialect):
    reply = dialect.send("boom")
    told = "unknown exception" if dialect.rest else "scripted failure"  # REST keeps it to itself
    assert (reply.status, told in reply.text) == (500 if dialect.rest else 200, True)
    reply = dialect.send("boom", stream=True)
    assert told in reply.text or not reply.complete


def test_late_boom_comes_after_a_chunk(dialect):
    reply = dialect.send("boom-late", stream=True)
    outcome = Outcome(dialect.event(each) for each in reply.payloads)
    assert outcome.texts == {"answer": "w0 "}
    assert outcome.error or not reply.complete


def test_silent_stream_has_no_events(dialect):
    assert dialect.send("silent", stream=True).payloads == []


def test_hanging_task_can_be_cancelled(dialect):
    """Begun by a stream that is left, which does not end the task."""
    with Hanging(dialect) as hanging:
        pass
    assert dialect.get(hanging.task_id).state in ("submitted", "working")
    assert dialect.cancel(hanging.task_id).state == "canceled"
    assert dialect.get(hanging.task_id).state == "canceled"


@pytest.mark.parametrize("name", [name for name in sorted(DIALECTS) if name.startswith("sdk")])
def test_stream_of_a_cancelled_task_ends(a2a_sdk, name):
    """On the SDK of 0.3 it never does."""
    dialect = Dialect(a2a_sdk, **DIALECTS[name][1])
    with Hanging(dialect) as hanging:
        assert dialect.cancel(hanging.task_id).state == "canceled"
        assert "cancel" in hanging.rest().lower()


class Hanging:
    """The stream of a task that hangs, read as far as it goes by itself."""

    def __init__(self, dialect):
        host = urllib.parse.urlsplit(dialect.server.url).netloc
        self._connection = http.client.HTTPConnection(host, timeout=15)
        params = {"message": dialect.message("hang")}
        path, body = dialect.path, params
        if dialect.rest:
            path += ("/v1" if dialect.old else "") + "/message:stream"
        else:
            method = METHODS["stream"][dialect.old]
            body = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
        headers = {"Content-Type": "application/json", "A2A-Version": dialect.version}
        self._connection.request("POST", path, json.dumps(body), headers)
        self._response = self._connection.getresponse()
        lines = [self._line()]
        while "w0 " not in lines[-1]:
            lines.append(self._line())
        first = "".join(line.partition("data:")[2] for line in until_blank(lines))
        self.task_id = dialect.event(json.loads(first))["task"]["id"]

    def _line(self):
        line = self._response.readline().decode()
        assert line, "the stream ended"
        return line

    def rest(self):
        return self._response.read().decode()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._response.close()
        self._connection.close()


def until_blank(lines):
    return lines[: next(i for i, line in enumerate(lines) if not line.strip())]


def test_files_hold_every_byte(dialect):
    parts = dialect.run("files").parts["answer"]
    content = base64.b64encode(bytes(range(256))).decode()
    assert [content_of(part) for part in parts] == [
        ("raw", "all.bin", "application/octet-stream", content),
        ("url", "report.pdf", "application/pdf", FILE_URL),
    ]


RAW = {"raw": "AP8=", "filename": "a.bin", "mediaType": "image/png"}
LINK = {"url": "https://x.example/a", "filename": "a.pdf", "mediaType": "application/pdf"}
SHA256 = hashlib.sha256(b"\x00\xff").hexdigest()


def test_received_parts_are_described(dialect):
    outcome = dialect.run("received", {"text": "four"}, RAW, LINK, {"data": {"k": "v"}})
    assert outcome.texts["answer"].split("\n") == [
        "text 4",
        "raw a.bin image/png 2 " + SHA256,
        "url a.pdf application/pdf https://x.example/a",
        'data {"k": "v"}',
    ]


def test_data_comes_back(dialect):
    parts = dialect.run("data", {"data": {"k": "v"}}).parts["answer"]
    assert [data_of(part) for part in parts] == [{"k": "v"}, {"answer": 42}]


def test_meta_tells_what_came_beside_the_message(dialect):
    headers = {
        "Authorization": "Bearer nobody-asked",
        "X-Test-One": "1",
        "X-A2A-Extensions" if dialect.old else "A2A-Extensions": "https://x.example/ext",
    }
    message = {"metadata": {"k": "v"}, "contextId": uuid.uuid4().hex}
    if not (dialect.rest and dialect.old):  # no such field: refused, or lost without a word
        message["referenceTaskIds"] = ["t1"]
    modes = {"acceptedOutputModes": ["text/plain"]}
    reply = dialect.send("meta", headers=headers, configuration=modes, **message)
    meta = data_of(Outcome([dialect.event(reply.json)]).parts["answer"][0])
    assert meta["headers"] == {"authorization": True, "x-api-key": False, "x-test-one": True}
    assert meta["messageMetadata"] == {"k": "v"}
    assert meta["contextId"] == message["contextId"]
    assert meta["extensions"] == ["https://x.example/ext"]
    assert meta["referenceTaskIds"] == message.get("referenceTaskIds", [])
    assert meta["acceptedOutputModes"] == ["text/plain"]
    assert "nobody-asked" not in reply.text


def test_executions_are_counted(dialect):
    message = dialect.message("hello")
    for _ in range(2):
        assert dialect.call("send", {"message": message}, "/message:send").status == 200
    counts = request(dialect.server.url, "/executions").json
    assert counts[message["messageId"]] == 2


def test_extended_card_has_a_secret_skill(dialect):
    path = "/card" if dialect.old else "/extendedAgentCard"
    reply = dialect.call("card", {}, path, method="GET")
    card = reply.json if dialect.rest else reply.json["result"]
    assert [skill["id"] for skill in card["skills"]] == ["echo", "secret"]


class Receiver:
    """An endpoint for push notifications; they are put into a queue."""

    def __enter__(self):
        received = self.received = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put((dict(self.headers), json.loads(body.decode())))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = "http://127.0.0.1:%d/hook" % self._server.server_port
        return self

    def __exit__(self, *exc_info):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_push_notifications_arrive(dialect):
    name = "taskPushNotificationConfig"
    if dialect.old:
        name = "pushNotification" if dialect.rest else "pushNotificationConfig"
    with Receiver() as receiver:
        config = {"url": receiver.url, "token": "the-token"}
        outcome = dialect.run("hello", configuration={name: config})
        while True:
            headers, body = receiver.received.get(timeout=10)
            assert headers.get("X-A2A-Notification-Token") == "the-token"
            if "completed" in json.dumps(body).lower():
                break
    assert outcome.task_id in json.dumps(body)


# Options -----------------------------------------------------------------------------------------

#: The settings of the strict servers, all at once.
SERVED_WITH = {
    "PEER_TOKEN": "the-token",
    "PEER_API_KEY": "the-key",
    "PEER_STREAMING": "0",
    "PEER_CARD": json.dumps(
        {"description": None, "skills": [], "provider": {"url": "$PEER_URL/us"}}
    ),
}
CREDENTIALS = {"Authorization": "Bearer the-token", "X-API-Key": "the-key"}


@pytest.fixture(scope="module", params=[A2A_SDK, A2A_SDK_03, ADK])
def strict(request):
    with PeerServer(request.param, env=SERVED_WITH) as server:
        yield Dialect(server, "0.3" if request.param == A2A_SDK_03 else "1.0")


@pytest.mark.parametrize("missing", ["Authorization", "X-API-Key"])
def test_credentials_are_demanded(strict, missing):
    some = {name: value for name, value in CREDENTIALS.items() if name != missing}
    refused = strict.send("hello", headers=some)
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert refused.json["error"]["code"] == 401
    assert strict.run("hello", headers=CREDENTIALS).state == "completed"


def test_card_and_executions_need_no_credentials(strict):
    assert request(strict.server.url, CARD_PATH).status == 200
    assert request(strict.server.url, "/executions").status == 200


def test_card_declares_the_schemes(strict):
    card = request(strict.server.url, CARD_PATH).json
    assert sorted(card["securitySchemes"]) == ["bearer", "key"]
    required = card.get("securityRequirements") or [{"schemes": card["security"][0]}]
    assert sorted(required[0]["schemes"]) == ["bearer", "key"]


def test_card_is_patched(strict):
    card = request(strict.server.url, CARD_PATH).json
    assert "description" not in card
    assert card["skills"] == []
    assert card["provider"] == {"url": strict.server.url + "/us"}


def test_card_says_no_streaming(strict):
    card = request(strict.server.url, CARD_PATH).json
    assert not card["capabilities"].get("streaming")
    if strict.server.name != ADK:  # it has no such setting
        reply = strict.send("hello", stream=True, headers=CREDENTIALS)
        assert "error" in reply.json


@pytest.fixture(scope="module", params=["1.0", "0.3"])
def single_version(request):
    with PeerServer(A2A_SDK, env={"PEER_VERSIONS": request.param}) as server:
        yield request.param, server


@pytest.mark.parametrize("rest", [False, True], ids=["rpc", "rest"])
def test_only_the_listed_version_is_served(single_version, rest):
    served, server = single_version
    card = request(server.url, CARD_PATH).json
    assert {each["protocolVersion"] for each in card["supportedInterfaces"]} == {served}
    path = "/rest" if rest else "/"
    for version in ("1.0", "0.3"):
        reply = Dialect(server, version, rest=rest, path=path).send("hello")
        if version == served:
            assert "echo: hello" in reply.text
        elif rest:
            assert reply.status >= 400
        else:
            assert reply.json["error"]["code"] == -32601


# ADK ---------------------------------------------------------------------------------------------

#: (message, final state, text of all artifacts, text of the final status)
ADK_VERBS = [
    ("hello", "completed", "echo: hello", ""),
    ("chunks 3", "completed", "w0 w1 w2 ", ""),
    ("slow 2", "completed", "w0 w1 ", ""),
    ("tool abc", "completed", "tool said: ABC", ""),
    ("fail it", "failed", "", "failed: it"),
    ("boom", "failed", "", "scripted failure"),
    ("boom-late", "failed", "", "scripted failure"),
    ("big 1000", "completed", "x" * 1000, ""),
    ("unicode", "completed", UNICODE_TEXT, ""),
]


@pytest.fixture(scope="module", params=["1.0", "0.3"])
def adk_dialect(request, adk):
    return Dialect(adk, request.param)


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize("text,state,answer,status", ADK_VERBS, ids=[it[0] for it in ADK_VERBS])
def test_adk_verb(adk_dialect, text, state, answer, status, stream):
    outcome = adk_dialect.run(text, stream=stream)
    assert (outcome.state, "".join(outcome.texts.values())) == (state, answer)
    assert outcome.status_text == status


def test_adk_marks_thoughts(adk_dialect):
    (parts,) = adk_dialect.run("think abc").parts.values()
    thoughts = [bool(part.get("metadata", {}).get("adk_thought")) for part in parts]
    assert thoughts == [True, False]
    assert [part["text"] for part in parts] == ["thinking about abc", "echo: abc"]


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_adk_streams_partial_answers_as_statuses(adk_sse, version):
    steps = Dialect(adk_sse, version).run("chunks 2", stream=True).steps
    assert steps == ["w0 ", "w1 ", "w0 w1 "]


def test_adk_does_not_stream_unless_its_run_config_does(adk_dialect):
    assert adk_dialect.run("chunks 2", stream=True).steps == ["w0 w1 "]


def test_adk_extension_streams_partial_answers_as_chunks(adk_sse):
    headers = {"A2A-Extensions": ADK_EXTENSION}
    outcome = Dialect(adk_sse, "1.0").run("chunks 2", stream=True, headers=headers)
    assert (outcome.state, outcome.steps) == ("completed", [])
    assert outcome.flags[-1][0] is False  # the whole text comes last
    assert "".join(outcome.texts.values()) == "w0 w1 "


def test_adk_asks_by_a_function_call(adk_dialect):
    asked = adk_dialect.run("ask")
    assert (asked.state, asked.status_text) == ("input-required", "")
    question = asked.status_parts[0]
    assert question["data"]["name"] == "approve"
    assert question["metadata"]["adk_is_long_running"] is True


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_adk_follow_up_by_text(adk_dialect, stream):
    asked = adk_dialect.run("ask")
    ids = {"taskId": asked.task_id, "contextId": asked.context_id}
    told = adk_dialect.run("deep red", stream=stream, **ids)
    assert (told.state, "".join(told.texts.values())) == ("completed", "you said: deep red")
    later = adk_dialect.run("hello", contextId=asked.context_id)
    assert "".join(later.texts.values()) == "echo: hello"


def test_adk_follow_up_by_function_response(adk):
    dialect = Dialect(adk, "1.0")
    asked = dialect.run("ask")
    call = asked.status_parts[0]["data"]
    response = {
        "data": {"id": call["id"], "name": call["name"], "response": {"ok": True}},
        "metadata": {"adk_type": "function_response"},
    }
    message = dialect.message("", taskId=asked.task_id, contextId=asked.context_id)
    message["parts"] = [response]
    reply = dialect.call("send", {"message": message}, "")
    told = Outcome([dialect.event(reply.json)])
    assert (told.state, "".join(told.texts.values())) == ("completed", 'you said: {"ok": true}')


def test_adk_files_and_received_parts(adk):
    dialect = Dialect(adk, "1.0")
    (parts,) = dialect.run("files").parts.values()
    content = base64.b64encode(bytes(range(256))).decode()
    assert content_of(parts[0]) == ("raw", "all.bin", "application/octet-stream", content)
    assert content_of(parts[1])[3] == FILE_URL
    (answer,) = dialect.run("received", {"text": "four"}, RAW, LINK).texts.values()
    assert answer.split("\n") == [
        "text 4",
        "raw a.bin image/png 2 " + SHA256,
        "url a.pdf application/pdf https://x.example/a",
    ]


def test_adk_hanging_task_can_be_cancelled(adk_sse):
    dialect = Dialect(adk_sse, "1.0")
    with Hanging(dialect) as hanging:
        assert dialect.cancel(hanging.task_id).state == "canceled"


def test_adk_counts_executions(adk):
    dialect = Dialect(adk, "1.0")
    message = dialect.message("hello")
    dialect.call("send", {"message": message}, "")
    assert request(adk.url, "/executions").json[message["messageId"]] == 1


# AgentOS -----------------------------------------------------------------------------------------


class AgnoDialect(Dialect):
    """JSON-RPC 0.3 posted to one path per operation."""

    def call(self, action, params, path, method="POST", headers=None):
        body = {"jsonrpc": "2.0", "id": "1", "method": METHODS[action][1], "params": params}
        return request(self.server.url, self.path + "/v1" + path, body, "POST", headers)

    def answer(self, text, *parts, **options):
        """(state, text of the last Task's history)"""
        reply = self.send(text, *parts, **options)
        task = reply.payloads[-1]["result"]
        assert task["kind"] == "task"
        return task["status"]["state"], words(task["history"][-1]["parts"])


AGNO_PATHS = ["/a2a/agents/my-agent", "/a2a/teams/my-team", "/a2a/workflows/qa"]


@pytest.fixture(scope="module", params=AGNO_PATHS, ids=["agent", "team", "workflow"])
def agno(request, agentos_a2a):
    return AgnoDialect(agentos_a2a, "0.3", path=request.param)


@pytest.fixture(scope="module")
def agno_agent(agentos_a2a):
    return AgnoDialect(agentos_a2a, "0.3", path=AGNO_PATHS[0])


def test_agno_serves_a_card(agno):
    card = request(agno.server.url, agno.path + CARD_PATH).json
    assert card["url"] == agno.server.url + agno.path + "/v1/message:stream"


@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
def test_agno_echoes(agno, stream):
    expected = "echo: echo: hi" if "workflows" in agno.path else "echo: hi"
    assert agno.answer("hi", stream=stream) == ("completed", expected)


@pytest.mark.parametrize(
    "text,unary,streamed",
    [
        ("count:3", ("completed", "w0 w1 w2 "), ("completed", "w0 w1 w2 ")),
        ("slow:2:0.1", ("completed", "w0 w1 "), ("completed", "w0 w1 ")),
        ("boom", ("failed", "scripted failure"), ("completed", "")),
        (
            "delete x",
            ("working", "I have tools to execute, but I need confirmation."),
            ("completed", ""),
        ),
        ('tool:add {"a": 1, "b": 2}', ("completed", "tool said: 3"), ("completed", "tool said: 3")),
        ("think:abc", ("completed", "echo: abc"), ("completed", "echo: abc")),
    ],
)
def test_agno_verb(agno_agent, text, unary, streamed):
    assert agno_agent.answer(text) == unary
    assert agno_agent.answer(text, stream=True) == streamed


@pytest.mark.parametrize("text,files", [("image", 0), ("image by url", 1)])
def test_agno_sends_media_by_url_only(agno_agent, text, files):
    (artifact,) = agno_agent.send(text).json["result"]["artifacts"]
    assert len(artifact["parts"]) == files


def test_agno_tells_which_media_it_got(agno_agent):
    link = {**LINK, "mediaType": "image/png"}
    assert agno_agent.answer("received", link) == ("completed", "image - - " + LINK["url"])
    document = {**RAW, "mediaType": "application/pdf"}
    text = base64.b64encode(b"\x00\xff")
    expected = "file - application/pdf 4 " + hashlib.sha256(text).hexdigest()
    assert agno_agent.answer("received", document) == ("completed", expected)


def test_agno_fails_on_the_bytes_of_an_image(agno_agent):
    assert agno_agent.send("received", RAW).status == 500


def test_agno_counts_what_models_were_asked(agno_agent):
    text = "hello " + uuid.uuid4().hex
    agno_agent.answer(text)
    assert request(agno_agent.server.url, "/executions").json[text] == 1
