"""Whatever is asked of the gateway: no failure of its own, no traceback, and no token in the open.

GATEWAY_FUZZ in the environment is how many requests are made, and GATEWAY_SEED the seed.
"""

import json
import logging
import os
import random
from typing import Any, Dict

import jwt
import pytest

from remoteagent_lite import RemoteAgent, RemoteTeam, RemoteWorkflow
from remoteagent_lite.gateway import JWT, Gateway, Keys
from remoteagent_lite.options import RetryPolicy
from tests.gateways import Reply, environ_of, opened
from tests.peers.faults import Connection, RawServer, Request, reply, stream

REQUESTS = int(os.environ.get("GATEWAY_FUZZ", "2000"))
SEED = int(os.environ.get("GATEWAY_SEED", "0"))
OWN, CALLERS = "own-secret-token-of-the-gateway", "a-secret-token-of-caller-number-%d"

METHODS = [
    "GET",
    "GET",
    "GET",
    "POST",
    "POST",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "get",
    "\xe9",
    "BREW",
]
WORDS = [
    *("agents", "teams", "workflows", "sessions", "memories", "knowledge", "traces", "databases"),
    *("runs", "continue", "cancel", "resume", "checkpoints", "fork", "search", "all", "migrate"),
    *("config", "info", "health", "approvals", "schedules", "metrics", "content", "sources"),
    *("a", "t", "w", "down", "nobody", "..", ".", "", "%2e%2e", "%00", "\xc3\xa9", "\xff", "\n"),
    *("\0", "//evil.invalid", "a" * 5000, "?", "#", ";x=1", "\\", "*", "@", ":", "\xe2\x80\xa8"),
]
COMPONENTS = [["agents", "a"], ["teams", "t"], ["workflows", "w"], ["agents", "a2a"]]
TASKS = [
    *(
        [],
        [],
        ["message:send"],
        ["message:stream"],
        ["tasks"],
        ["tasks", "x"],
        ["tasks", "x:cancel"],
    ),
    *(["v1", "message:send"], ["v1", "message:stream"], ["v1", "tasks:get"], ["v1", "tasks", "x"]),
    *([".well-known", "agent-card.json"], ["extendedAgentCard"], ["tasks", "x:subscribe"], ["x"]),
]
CALLS = [
    *("SendMessage", "SendStreamingMessage", "GetTask", "ListTasks", "CancelTask", "message/send"),
    *(
        "SubscribeToTask",
        "GetExtendedAgentCard",
        "message/stream",
        "tasks/get",
        "tasks/cancel",
        "x",
    ),
    *("tasks/resubscribe", "CreateTaskPushNotificationConfig", 7, None),
]
IDS = [
    "",
    "x",
    "eA",
    "cgpz",
    "cgpz" * 2000,
    "\u00e9",
    "\0",
    7,
    None,
]  # "cgpz" is a run of a session
ODD = [None, 7, -1, "", "x", [], {}, [1], {"a": {"b": [None]}}, True, "\ud800", 1e400]
QUERIES = [
    *("", "db_id=d1", "db_id=zz", "db_id=", "db_id=d1&db_id=d2", "knowledge_id=k", "\xff=\xff"),
    *("a=%", "%zz", "&&&==", "stream=true", "x=" + "y" * 3000, "session_id=\r\nX: y", "#frag"),
]
BODIES = [
    *(
        b"",
        b"message=hi",
        b"message=hi&stream=true&background=true",
        b"\xff\xfe\0",
        b"{",
        b"[" * 9999,
    ),
    *(b'{"db_id": "d1"}', b'{"db_id": 7}', b'{"knowledge_id": ["k"]}', b"null", b"x" * 200000),
    b'--b\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n\0\r\n--b--\r\n',
]
TYPES = [
    *("application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"),
    *("", "text/\xe9", "x" * 2000, "multipart/form-data"),
]
NAMES = [
    "Accept",
    "Idempotency-Key",
    "Traceparent",
    "X-Forwarded-Host",
    "Transfer-Encoding",
    "Range",
]
VALUES = ["", "*/*", "\xe9", "a\r\nInjected: yes", "x" * 3000, "\0", "chunked"]


def upstream(connection: Connection, request: Request) -> None:
    """Answers anything with anything, and repeats in its refusals what it was sent."""
    chance = random.Random(request.raw)
    if request.path == "/config":
        config = {"databases": ["d1"], "knowledge": {"knowledge_instances": [{"id": "k"}, 7]}}
        reply(json.dumps(chance.choice([config, config, [], 7])))(connection, request)
    elif request.path in ("/agents", "/teams", "/workflows"):
        row = {"id": request.path[1], "metadata": 7}
        reply(json.dumps(chance.choice([[row], [row], [7], {}, 7])))(connection, request)
    elif chance.random() < 0.3:
        frames = [b'event: RunContent\ndata: {"content":"x"}\n\n'] * 3
        stream(frames, end=chance.choice(["clean", "clean", "cut", "reset"]))(connection, request)
    elif chance.random() < 0.1:
        connection.reset()
    else:
        status = chance.choice([200, 201, 204, 302, 400, 401, 403, 404, 409, 422, 429, 503])
        said = json.dumps({"detail": "not you: %s" % request.headers.get("authorization")})
        if status == 204:
            connection.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            reply(said if status >= 400 else "{}", status)(connection, request)


def asked(chance: random.Random) -> Dict[str, Any]:
    words = [chance.choice(WORDS) for _ in range(chance.randint(0, 6))]
    if chance.random() < 0.6:  # somewhere behind a component that is there
        words = [*chance.choice(COMPONENTS), *words[:4]]
    over_a2a = chance.random() < 0.3
    if over_a2a:
        words = ["a2a", *chance.choice(COMPONENTS), *chance.choice(TASKS)]
    headers = {chance.choice(NAMES): chance.choice(VALUES) for _ in range(chance.randint(0, 3))}
    headers["Content-Type"] = chance.choice(TYPES)
    if chance.random() < 0.7:
        scheme = chance.choice(["Bearer ", "bearer ", "", "Basic ", "\xe9 ", "\r\n"])
        headers["Authorization"] = scheme + CALLERS % chance.randint(1, 3)
    target = chance.choice(["/", "/", "/", "", "//"]) + "/".join(words)
    body = chance.choice(BODIES)
    if over_a2a and chance.random() < 0.8:
        headers.update({"A2A-Version": chance.choice(["1.0", "1.0", "0.3", "", "2", "\xe9"])})
        headers["Content-Type"] = "application/json"
        body = call_of(chance)
    environ = environ_of(chance.choice(METHODS), "/", body, headers)
    environ.update(PATH_INFO=target, QUERY_STRING=chance.choice(QUERIES))
    if chance.random() < 0.05:
        environ["CONTENT_LENGTH"] = chance.choice(["x", "-1", "99", "", "1" * 30])
    return environ


DOORS: Dict[str, Any] = {
    "open": lambda: None,
    "keys": lambda: Keys(*(CALLERS % number for number in (1, 2))),
    "tokens": lambda: JWT([CALLERS % 1], ["HS256"], audience="fuzz"),
}


@pytest.mark.parametrize(
    ("credentials", "door"),
    [("own", "open"), ("forward", "open"), ("own", "keys"), ("own", "tokens")],
)
def test_nothing_that_is_asked_does_harm(
    credentials: str,
    door: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for room in ("tasks", "translated"):  # nothing here is ever seen to be cancelled
        monkeypatch.setattr("remoteagent_lite.gateway.%s._CANCEL" % room, 0.01)
    caplog.set_level(logging.DEBUG)
    chance = random.Random(SEED)
    once = RetryPolicy(max_attempts=1)
    statuses: Dict[int, int] = {}
    with RawServer(upstream, record=False) as server:
        remotes = [
            RemoteAgent(server.url, "a", auth_token=OWN, retry=once),
            RemoteTeam(server.url, "t", auth_token=OWN, retry=once),
            RemoteWorkflow(server.url, "w", auth_token=OWN, retry=once),
            RemoteAgent(server.url, "a2a", protocol="a2a", auth_token=OWN, retry=once, resume=once),
            RemoteAgent("http://127.0.0.1:1", "down", auth_token=OWN, retry=once),
        ]
        settings: Dict[str, Any] = {"cors": ["https://app.example"], "runs_per_caller": 1}
        settings.update(upstream_auth=credentials, auth=DOORS[door](), a2a=True)
        with Gateway(*remotes, **settings) as app:
            for _ in range(REQUESTS // 4):
                environ = asked(chance)
                if door == "tokens" and chance.random() < 0.7:
                    environ["HTTP_AUTHORIZATION"] = signed(chance)
                answer = answered(app, environ)
                statuses[answer.status] = statuses.get(answer.status, 0) + 1
                shown = answer.body.decode("utf-8", "replace") + repr(answer.headers)
                if answer.status == 500:  # A2A's word for a server whose answer is none
                    assert server.url in shown, (environ, answer)
                assert "Internal server error" not in shown, (environ, answer)
                assert "Traceback" not in shown
                assert OWN not in shown
                if credentials == "own":
                    assert "secret-token" not in shown, environ
                assert not any("\n" in each or "\r" in each for each in answer.headers.values())
        for each in remotes:
            each.close()
    assert "secret-token" not in caplog.text
    assert "Traceback" not in caplog.text
    assert statuses.get(200), statuses
    assert {400, 404, 405} <= set(statuses), statuses
    assert not [each for each in statuses if 300 <= each < 400]
    assert not app._runs._counts  # every run is over


def call_of(chance: random.Random) -> bytes:
    part: Dict[str, Any] = {chance.choice(["text", "data", "raw", "url", "x"]): chance.choice(ODD)}
    message: Dict[str, Any] = {
        "messageId": chance.choice(IDS),
        "role": "ROLE_USER",
        "parts": [part],
    }
    if chance.random() < 0.6:
        message.update(messageId="m", parts=[{"text": "hello"}])
    for name in ("taskId", "contextId", "metadata", "role", "kind", "parts"):
        if chance.random() < 0.15:
            message[name] = chance.choice([*IDS, *ODD])
    params: Dict[str, Any] = {"message": message, "id": chance.choice(IDS)}
    for name in ("configuration", "historyLength", "pageSize", "contextId", "status", "message"):
        if chance.random() < 0.15:
            params[name] = chance.choice([*IDS, *ODD])
    call: Dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": chance.choice(CALLS)}
    call["params"] = params if chance.random() < 0.9 else chance.choice(ODD)
    return json.dumps(chance.choice([call, call, call, params, [call]])).encode()


def signed(chance: random.Random) -> str:
    claims: Dict[str, Any] = {"aud": "fuzz", "exp": 4e9, "sub": chance.choice(["ann", "b\u00e9"])}
    claims["scopes"] = chance.choice([["agent_os:admin"], ["agents:run", "teams:*:read"], 7])
    return "Bearer " + jwt.encode(claims, CALLERS % 1, algorithm="HS256")


def answered(app: Any, environ: Dict[str, Any]) -> Reply:
    with opened(app, environ) as answer:
        body = b""
        try:
            while True:
                body += answer.next()
        except (StopIteration, ConnectionResetError):  # the end, or the upstream's broke off
            pass
        return Reply(answer.status, answer.headers, body)
