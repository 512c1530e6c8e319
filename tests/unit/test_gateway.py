"""The gateway as an AgentOS before others: all passes as it is, and nobody hurts the others."""

import contextlib
import json
import threading
from typing import Any, Callable, Dict, Iterator, List

import pytest

from remoteagent_lite import RemoteAgent, RemoteServerUnavailableError, RemoteTeam, RemoteWorkflow
from remoteagent_lite.gateway import Gateway, Keys
from remoteagent_lite.options import RetryPolicy, Timeout
from remoteagent_lite.testing import serve
from tests.gateways import call, environ_of, opened
from tests.peers.faults import Connection, Handler, RawServer, Request, raw, reply, silence, stream

FRAME = b'event: RunContent\ndata: {"event":"RunContent","new":1,"content":"\xe2\x80\xa8"}\n\n'
NUMBERED = b'event: RunContent\ndata: {"event":"RunContent","event_index":4}\n\n'
SSE = "text/event-stream"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def routes(handlers: Dict[str, Handler]) -> Handler:
    """Answer by method and path; whatever else is asked is not there."""

    def handle(connection: Connection, request: Request) -> None:
        found = handlers.get("%s %s" % (request.method, request.path))
        (found or reply('{"detail":"Not Found"}', 404))(connection, request)

    return handle


def as_json(value: Any, status: int = 200) -> Handler:
    return reply(json.dumps(value), status)


def an_os(*agents: str, databases: Any = ()) -> RawServer:
    rows = [{"id": each, "name": each.upper(), "role": "r"} for each in agents]
    config = {
        "os_id": "upstream",
        "databases": list(databases),
        "agents": [{"id": each, "name": each.upper()} for each in agents],
        "teams": [],
        "workflows": [],
        "session": {"dbs": [{"db_id": each, "tables": ["t"]} for each in databases]},
        "knowledge": {"dbs": [], "knowledge_instances": [{"id": "k-" + d} for d in databases]},
        "available_models": [{"id": "m", "provider": "p"}],
    }
    return RawServer(
        routes(
            {
                "GET /config": as_json(config),
                "GET /agents": as_json(rows),
                "GET /sessions": as_json({"data": [], "of": list(databases)}),
                "POST /knowledge/search": as_json({"of": list(databases)}),
                "GET /traces": as_json({"of": list(databases)}),
                "POST /databases/all/migrate": as_json({"message": "done"}),
            }
        )
    )


def run() -> Dict[str, Any]:
    """The request for a run."""
    return environ_of("POST", "/agents/a/runs", b"message=x", FORM)


class Fronting:
    """Makes gateways, and closes them when the test is over."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack

    def __call__(self, *components: Any, **options: Any) -> Gateway:
        for each in components:
            self._stack.callback(each.close)
        return self._stack.enter_context(Gateway(*components, **options))


@pytest.fixture
def fronting() -> Iterator[Fronting]:
    with contextlib.ExitStack() as stack:
        yield Fronting(stack)


def agent(server: Any, id: str = "a", **options: Any) -> RemoteAgent:
    options.setdefault("retry", RetryPolicy(max_attempts=1))
    return RemoteAgent(getattr(server, "url", server), id, **options)


# --- What it says of itself


def test_it_says_what_it_is_whatever_its_upstreams_do(fronting: Fronting) -> None:
    app = fronting(
        agent("http://127.0.0.1:1"),
        RemoteTeam("http://127.0.0.1:1", "a"),
        RemoteWorkflow("http://127.0.0.1:1", "a"),
        os_id="mine",
        name="Mine",
    )
    assert call(app, "GET", "/").json()["name"] == "AgentOS"
    assert call(app, "GET", "/health").json()["status"] == "ok"
    info = call(app, "GET", "/info/").json()
    assert (info["os_id"], info["name"], info["auth_mode"]) == ("mine", "Mine", "none")
    assert (info["agent_count"], info["team_count"], info["workflow_count"]) == (1, 1, 1)
    assert repr(app) == "Gateway(agent 'a', team 'a', workflow 'a')"


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("HEAD", "/health", 405, None),
        ("POST", "/health", 405, "Method Not Allowed"),
        ("DELETE", "/agents", 405, "Method Not Allowed"),
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/info/x", 404, "Not Found"),
        ("GET", "/agents/b", 404, "Agent not found"),
        ("POST", "/teams/a/runs", 404, "Team not found"),
        ("GET", "/workflows/ws", 404, "Workflow not found"),
        ("GET", "/agents/a/../b", 404, "Not Found"),
        ("GET", "/agents//a", 404, "Not Found"),
        ("GET", "/agents/\xff", 404, "Not Found"),
        ("GET", "", 200, None),
    ],
)
def test_what_is_not_there_is_answered_as_by_an_agentos(
    fronting: Fronting, method: str, path: str, status: int, detail: Any
) -> None:
    answer = call(fronting(agent("http://127.0.0.1:1")), method, path)
    assert answer.status == status
    if detail is not None:
        assert answer.json() == {"detail": detail}


def test_two_components_of_one_kind_and_id_are_refused() -> None:
    one, two = agent("http://a.invalid"), agent("http://b.invalid")
    with pytest.raises(ValueError, match=r"two agents have the id 'a'.*b\.invalid"):
        Gateway(one, two)
    Gateway(one, RemoteTeam("http://b.invalid", "a"))
    with pytest.raises(ValueError, match="at least one"):
        Gateway()
    with pytest.raises(TypeError, match="not 'http"):
        Gateway("http://a.invalid")
    with pytest.raises(ValueError, match="'forward' or 'own'"):
        Gateway(one, upstream_auth="both")
    with pytest.raises(ValueError, match="heartbeat"):
        Gateway(one, heartbeat=0)
    with pytest.raises(ValueError, match="two agents"):
        Gateway(one, RemoteAgent("http://c.invalid", "a", protocol="a2a"))


def test_a_browser_is_shown_what_there_is_and_what_is_up(fronting: Fronting) -> None:
    page = {"Accept": "text/html,*/*"}
    with an_os("a") as server:
        remotes = [agent(server), agent("http://127.0.0.1:1", "<b>")]
        app = fronting(*remotes, name="Mine & yours")
        answer = call(app, "GET", "/", headers=page)
        text = answer.body.decode()
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        for part in ("<h1>Mine &amp; yours</h1>", "<td>a</td><td>A</td><td>up</td>", "&lt;b&gt;"):
            assert part in text
        assert "http://127.0.0.1:1" in text
        assert "<script" not in text
        assert "<b>" not in text
        closed = fronting(*remotes, auth=Keys("a-key"), upstream_auth="own")
        stranger = call(closed, "GET", "/", headers=page).body.decode()
        assert "asks for a key" in stranger
        assert "<td>" not in stranger
        known = {**page, "Authorization": "Bearer a-key"}
        assert "<td>A</td>" in call(closed, "GET", "/", headers=known).body.decode()
        wrong = {**page, "Authorization": "Bearer no"}
        assert call(closed, "GET", "/", headers=wrong).status == 401
        assert call(closed, "GET", "/").json()["name"] == "AgentOS"


# --- What is passed on


def test_a_request_arrives_as_it_was_sent(fronting: Fronting) -> None:
    with RawServer(as_json({"run_id": "r", "unknown": [1]})) as server:
        app = fronting(agent(server))
        form = b"message=hi+%F0%9F%98%80&stream=false&banana=1&banana=2&x=%"
        answer = call(
            app,
            "POST",
            "/agents/a/runs?version=3&q=%C3%A9&q=\u00e9 <",
            form,
            {
                **FORM,
                "Authorization": "Bearer the-callers",
                "Idempotency-Key": "k",
                "Traceparent": "00-1",
                "Cookie": "c=1",
                "X-Forwarded-For": "1.2.3.4",
                "Accept-Encoding": "gzip",
            },
        )
        assert answer.status == 200
        assert answer.body == b'{"run_id": "r", "unknown": [1]}'
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-length"] == str(len(answer.body))
        (request,) = server.requests
        assert request.method == "POST"
        assert request.target == "/agents/a/runs?version=3&q=%C3%A9&q=%C3%A9%20%3C"
        assert request.body == form
        assert request.headers["content-type"] == FORM["Content-Type"]
        assert request.headers["authorization"] == "Bearer the-callers"
        assert request.headers["idempotency-key"] == "k"
        assert request.headers["traceparent"] == "00-1"
        assert request.headers["accept-encoding"] == "identity"
        assert not {"cookie", "x-forwarded-for"} & set(request.headers)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/agents/a%20b"),
        ("POST", "/agents/a%20b/runs/r%2B1/continue"),
        ("POST", "/agents/a%20b/runs/r/cancel"),
        ("POST", "/agents/a%20b/runs/r/resume"),
        ("GET", "/agents/a%20b/runs/r/checkpoints/3"),
        ("POST", "/agents/a%20b/sessions/%C3%A9/fork"),
        ("DELETE", "/agents/a%20b"),
    ],
)
def test_all_that_is_asked_of_a_component_is_passed_on(
    fronting: Fronting, method: str, path: str
) -> None:
    with RawServer(reply("{}")) as server:
        app = fronting(agent(server, "a b"))
        decoded = path.replace("%20", " ").replace("%2B", "+").replace("%C3%A9", "\xc3\xa9")
        assert call(app, method, decoded).body == b"{}"
        (request,) = server.requests
        assert (request.method, request.target) == (method, path)
        assert request.body == b""


@pytest.mark.parametrize("status", [202, 400, 401, 403, 404, 409, 422, 429, 500, 501, 503, 599])
def test_an_answer_comes_back_as_it_was_given(fronting: Fronting, status: int) -> None:
    body = '{"detail":[{"type":"missing","loc":["body","message"]}],"error_id":"\u00e9"}'
    extra = [("Retry-After", "7"), ("X-Request-Id", "abc"), ("Set-Cookie", "a=b")]
    with RawServer(reply(body, status, headers=extra)) as server:
        answer = call(fronting(agent(server)), "POST", "/agents/a/runs", b"message=x", FORM)
        assert answer.status == status
        assert answer.body == body.encode("utf-8")
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["x-request-id"] == "abc"
        assert "set-cookie" not in answer.headers
        assert len(server.requests) == 1  # a refusal is the caller's to repeat


def test_an_answer_without_a_body_has_none(fronting: Fronting) -> None:
    with RawServer(raw(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        answer = call(fronting(agent(server)), "DELETE", "/sessions/s")
        assert (answer.status, answer.body) == (204, b"")
        assert "content-type" not in answer.headers


def test_a_redirect_is_followed_by_nobody(fronting: Fronting) -> None:
    there = [("Location", "http://elsewhere.invalid/")]
    with RawServer(reply("", 307, headers=there)) as server:
        answer = call(fronting(agent(server)), "GET", "/agents/a")
        assert answer.status == 502
        assert server.url in answer.detail
        assert "elsewhere" not in answer.detail


def test_files_are_sent_on_while_they_come(fronting: Fronting) -> None:
    """The caller's second half is sent only when the upstream has the first."""
    arrived, half = threading.Event(), b"x" * 300000

    def handle(connection: Connection, request: Request) -> None:
        reply("{}")(connection, request)

    class Body:
        def __init__(self) -> None:
            self.left = [half, half]
            self.sizes: List[int] = []

        def read(self, size: int) -> bytes:
            self.sizes.append(size)
            block, self.left[0] = self.left[0][:size], self.left[0][size:]
            if not self.left[0] and len(self.left) > 1:
                self.left.pop(0)
            return block

    with RawServer(handle) as server:
        app = fronting(agent(server))
        environ = environ_of("POST", "/agents/a/runs", b"?", {"Content-Type": "multipart/x; b=1"})
        environ["CONTENT_LENGTH"] = str(2 * len(half))
        environ["wsgi.input"] = body = Body()
        assert b"".join(app(environ, lambda *_: arrived.set())) == b"{}"
        assert arrived.is_set()
        assert server.requests[0].body == half + half
        assert server.requests[0].headers["content-type"] == "multipart/x; b=1"
        assert max(body.sizes) <= 65536  # never more than a block of it is held


def test_a_body_that_is_too_long_or_breaks_off_is_the_callers_fault(fronting: Fronting) -> None:
    with RawServer(reply("{}")) as server:
        app = fronting(agent(server), body_limit=10)
        assert call(app, "POST", "/agents/a/runs", b"x" * 11, FORM).status == 413
        assert not server.requests
        environ = environ_of("POST", "/agents/a/runs", b"12345")
        environ["CONTENT_LENGTH"] = "9"
        statuses: List[Any] = []
        body = b"".join(app(environ, lambda *given: statuses.append(given)))
        assert statuses[0][0] == "400 Bad Request"
        assert "shorter" in json.loads(body)["detail"]
        environ = environ_of("POST", "/agents/a/runs", b"12345")
        environ["CONTENT_LENGTH"] = "x"
        b"".join(app(environ, lambda *given: statuses.append(given)))
        assert statuses[1][0] == "400 Bad Request"


# --- Credentials


def test_own_credentials_are_sent_for_whoever_calls(fronting: Fronting) -> None:
    said = '{"detail":"bad key \u00e9 own-secret-token"}'
    with RawServer(reply(said, 401)) as server:
        app = fronting(agent(server, auth_token="own-secret-token"), upstream_auth="own")
        answer = call(app, "GET", "/agents/a", headers={"Authorization": "Bearer callers-token"})
        assert server.requests[0].headers["authorization"] == "Bearer own-secret-token"
        assert answer.status == 401
        assert answer.detail == "bad key \u00e9 ***"


def test_own_credentials_are_never_lent_to_a_caller(
    fronting: Fronting, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("REMOTEAGENT_TOKEN", "environment-token")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password netrc-password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer(as_json([])) as server:
        own = agent(server, auth_token="own-secret-token", headers={"X-Tenant": "t"})
        third = agent(server, "b", headers={"authorization": "Basic eDp5"})
        app = fronting(own, third, agent(server, "c"))
        for path in ("/agents/a", "/agents/b", "/agents/c", "/agents"):
            call(app, "GET", path)
        assert len(server.requests) == 6
        assert not [each for each in server.requests if "authorization" in each.headers]
        assert server.requests[0].headers["x-tenant"] == "t"
        call(app, "GET", "/agents/b", headers={"Authorization": "Bearer callers-token"})
        assert server.requests[-1].headers["authorization"] == "Bearer callers-token"


def test_what_one_caller_sees_is_kept_for_no_other(fronting: Fronting) -> None:
    def handle(connection: Connection, request: Request) -> None:
        if "authorization" not in request.headers:
            as_json({"detail": "Authorization header required"}, 401)(connection, request)
        else:
            as_json([{"id": "a", "name": request.headers["authorization"]}])(connection, request)

    with RawServer(handle) as server:
        app = fronting(agent(server))
        for _ in range(2):
            for name in ("Bearer ann", "Bearer bob"):
                (row,) = call(app, "GET", "/agents", headers={"Authorization": name}).json()
                assert row == {"id": "a", "name": name}
        assert len(server.requests) == 2  # each was kept
        refused = call(app, "GET", "/agents")
        assert refused.status == 401
        assert refused.detail == "Authorization header required"


# --- Streams


def test_frames_pass_as_bytes_as_they_come(fronting: Fronting) -> None:
    go_on = threading.Event()
    with RawServer(stream([FRAME[:20], go_on, FRAME[20:], b": odd\r\n\r\n"])) as server:
        with opened(fronting(agent(server)), run()) as answer:
            assert answer.status == 200
            assert answer.headers["content-type"] == SSE
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers["x-accel-buffering"] == "no"
            assert answer.next() == FRAME[:20]
            go_on.set()
            assert answer.rest() == FRAME[20:] + b": odd\r\n\r\n"


def test_nothing_is_read_before_the_caller_takes_it(fronting: Fronting) -> None:
    """There is no thread that could, and a piece is at most one read."""
    endless = [b"x" * 65536] * 400
    with RawServer(stream(endless)) as server:
        before = set(threading.enumerate())
        with opened(fronting(agent(server)), run()) as answer:
            first = answer.next()
            assert 0 < len(first) <= 65536
            started = {each.name for each in set(threading.enumerate()) - before}
            assert started <= {"raw-server-connection"}
            assert len(first) + len(answer.rest()) == 65536 * 400


def test_silence_is_filled_between_frames_and_never_inside_a_line(fronting: Fronting) -> None:
    one, two, three = threading.Event(), threading.Event(), threading.Event()
    head, rest = b"event: RunContent\n", b'data: {"event":'
    pieces = [FRAME, one, head, two, rest, three, b"1}\n\n"]
    with RawServer(stream(pieces)) as server:
        app = fronting(agent(server), heartbeat=0.05)
        with opened(app, run()) as answer:
            assert answer.next() == FRAME
            assert answer.next() == b": keepalive\n\n"
            assert answer.next() == b": keepalive\n\n"
            one.set()
            assert _behind_comments(answer) == head
            assert answer.next() == b":\n"
            two.set()
            assert _behind_comments(answer) == rest
            threading.Timer(0.3, three.set).start()  # several heartbeats long
            assert answer.next() == b"1}\n\n"


def _behind_comments(answer: opened) -> bytes:
    while True:
        piece = answer.next()
        if not piece.startswith(b":"):
            return piece


def test_a_client_that_leaves_takes_the_upstreams_connection_with_it(fronting: Fronting) -> None:
    with RawServer(stream([FRAME, threading.Event()])) as server:
        app = fronting(agent(server), heartbeat=0.05)
        with serve(app) as url, RemoteAgent(url, "a") as client:
            with client.run("x", stream=True) as events:
                assert next(events).event == "RunContent"
            # Closed in silence: the next comments find nobody.
            for connection in list(server._connections):
                connection.wait_until_client_closes()


@pytest.mark.parametrize("end", ["cut", "reset"])
def test_a_stream_that_breaks_upstream_breaks_here_and_says_where(
    fronting: Fronting, end: str, caplog: pytest.LogCaptureFixture
) -> None:
    with RawServer(stream([FRAME], end=end)) as server:
        app = fronting(agent(server))
        with opened(app, run()) as answer:
            assert answer.next() == FRAME
            last = answer.next()
            assert last.startswith(b"event: error\ndata: {")
            assert last.endswith(b"}\n\n")
            assert server.url in json.loads(last.split(b"data: ")[1])["error"]
            with pytest.raises(ConnectionResetError):
                answer.next()
        with serve(app) as url, RemoteAgent(url, "a") as client:
            with pytest.raises(Exception) as caught:
                client.run("x", stream=True).output()
            assert server.url in str(caught.value)
            assert "Traceback" not in caplog.text


def test_a_stream_that_can_be_resumed_is_not_said_to_have_failed(fronting: Fronting) -> None:
    def handle(connection: Connection, request: Request) -> None:
        if request.path.endswith("/resume"):
            assert request.form["last_event_index"] == ["4"]
            done = b'event: RunCompleted\ndata: {"event":"RunCompleted","event_index":5,'
            stream([done + b'"run_id":"%s","content":"done"}\n\n' % run_id()])(connection, request)
        else:
            frame = NUMBERED.replace(b"}", b',"run_id":"%s"}' % run_id())
            stream([frame.replace(b":4", b":%d" % n) for n in range(5)], end="cut")(
                connection, request
            )

    def run_id() -> bytes:
        return server.requests[0].form["run_id"][0].encode()

    with RawServer(handle) as server:
        with serve(fronting(agent(server))) as url, RemoteAgent(url, "a") as client:
            resumed = client.run("x", stream=True, background=True)
            assert resumed.output().content == "done"
        assert [each.path.split("/")[-1] for each in server.requests] == ["runs", "resume"]


def test_a_broken_frame_is_not_made_whole(fronting: Fronting) -> None:
    with RawServer(stream([FRAME, FRAME[:30]], end="cut")) as server:
        with opened(fronting(agent(server)), run()) as answer:
            got = b""
            with pytest.raises(ConnectionResetError):
                while True:
                    got += answer.next()
            assert got == FRAME + FRAME[:30]


def test_silence_longer_than_the_timeout_ends_a_stream(fronting: Fronting) -> None:
    with RawServer(stream([FRAME, threading.Event()])) as server:
        app = fronting(agent(server, timeout=Timeout(read=0.12)), heartbeat=0.05)
        with opened(app, run()) as answer:
            pieces = [answer.next() for _ in range(4)]
            assert pieces[:3] == [FRAME, b": keepalive\n\n", b": keepalive\n\n"]
            assert b"sent nothing for 0.12 s" in pieces[3]


# --- Upstreams that are down or hang


def test_a_run_on_a_dead_upstream_names_it(fronting: Fronting) -> None:
    app = fronting(agent("http://127.0.0.1:1"))
    answer = call(app, "POST", "/agents/a/runs", b"message=x", FORM)
    assert answer.status == 503
    assert "http://127.0.0.1:1" in answer.detail
    assert answer.json()["error_id"] == "remote_server_unavailable_error"


def test_a_run_on_a_hung_upstream_ends_by_the_remotes_timeout(fronting: Fronting) -> None:
    with RawServer(silence) as server:
        app = fronting(agent(server, timeout=0.05))
        answer = call(app, "POST", "/agents/a/runs", b"message=x", FORM)
        assert answer.status == 504
        assert server.url in answer.detail


def test_lists_are_put_together_and_mark_who_is_down(fronting: Fronting) -> None:
    with an_os("a", "hidden", databases=["d1"]) as one, an_os("b", databases=["d2"]) as two:
        app = fronting(agent(two, "b"), agent(one), agent("http://127.0.0.1:1", "c"))
        rows = call(app, "GET", "/agents").json()
        assert rows[0] == {"id": "b", "name": "B", "role": "r"}
        assert rows[1] == {"id": "a", "name": "A", "role": "r"}
        assert (rows[2]["id"], rows[2]["name"]) == ("c", "c")
        assert "http://127.0.0.1:1" in rows[2]["metadata"]["unavailable"]
        assert len(rows) == 3
        config = call(app, "GET", "/config").json()
        assert config["os_id"] == "gateway"
        assert sorted(config["databases"]) == ["d1", "d2"]
        assert [each["id"] for each in config["agents"]] == ["b", "a", "c"]
        assert "unavailable" in config["agents"][2]["metadata"]
        assert config["teams"] == config["workflows"] == config["interfaces"] == []
        assert config["available_models"] == [{"id": "m", "provider": "p"}]
        assert [each["db_id"] for each in config["session"]["dbs"]] == ["d2", "d1"]
        instances = config["knowledge"]["knowledge_instances"]
        assert [each["id"] for each in instances] == ["k-d2", "k-d1"]
        assert call(app, "GET", "/teams").json() == []


def test_one_who_hangs_is_waited_for_once_and_hurts_nobody(
    fronting: Fronting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remoteagent_lite.gateway.agentos.WAIT", 0.3)
    with an_os("a") as fine, RawServer(silence) as hung:
        app = fronting(agent(fine), agent(hung, "b"))
        for _ in range(3):
            rows = call(app, "GET", "/agents").json()
            assert rows[0] == {"id": "a", "name": "A", "role": "r"}
            assert hung.url in rows[1]["metadata"]["unavailable"]
        assert len(hung.requests) == 1
        assert call(app, "GET", "/health").status == 200
        assert call(app, "GET", "/agents/a").status == 404  # passed on: that one has no such route


def test_who_comes_back_is_shown_again_with_what_was_known_in_between(
    fronting: Fronting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remoteagent_lite.gateway.renewal.FRESH", 0.0)
    fails = threading.Event()

    def handle(connection: Connection, request: Request) -> None:
        if fails.is_set():
            connection.reset()
        else:
            as_json([{"id": "a", "name": "A", "role": "r"}])(connection, request)

    with RawServer(handle) as server:
        app = fronting(agent(server))
        assert call(app, "GET", "/agents").json() == [{"id": "a", "name": "A", "role": "r"}]
        fails.set()
        (down,) = call(app, "GET", "/agents").json()
        assert (down["name"], down["role"]) == ("A", "r")
        assert server.url in down["metadata"]["unavailable"]
        # Not waited for while it is known to be down, but asked behind the request.
        fails.clear()
        _until(lambda: "metadata" not in call(app, "GET", "/agents").json()[0])


def _until(condition: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(500):
        if condition():
            return
        waited.wait(0.01)
    raise AssertionError("waited in vain")


def test_whom_an_upstream_refuses_does_not_see_its_components(fronting: Fronting) -> None:
    with an_os("a") as fine, RawServer(as_json({"detail": "no"}, 403)) as closed:
        app = fronting(agent(closed, "b"), agent(fine))
        assert [row["id"] for row in call(app, "GET", "/agents").json()] == ["a"]
    with RawServer(as_json({"detail": "no"}, 403)) as closed:
        answer = call(fronting(agent(closed, "b")), "GET", "/agents")
        assert (answer.status, answer.detail) == (403, "no")


def test_an_upstreams_nonsense_is_no_list(fronting: Fronting) -> None:
    for body in ("<html>", '{"a": 1}', "[1, null]", "[" * 100000):
        with RawServer(reply(body)) as server:
            app = fronting(agent(server), agent("http://127.0.0.1:1", "c"))
            answer = call(app, "GET", "/agents")
            assert answer.status == 200
            assert "c" in [row["id"] for row in answer.json()]
            assert call(app, "GET", "/config").status == 200


# --- Data


def test_data_are_asked_of_the_server_that_has_them(fronting: Fronting) -> None:
    with an_os("a", databases=["d1"]) as one, an_os("b", databases=["d2"]) as two:
        app = fronting(agent(one), agent(two, "b"), agent(one, "x", timeout=5))
        for name in ("d1", "d2"):
            answer = call(app, "GET", "/sessions?limit=3&db_id=%s" % name)
            assert answer.json()["of"] == [name]
            assert call(app, "GET", "/traces?db_id=%s" % name).json()["of"] == [name]
            for body in ({"db_id": name}, {"knowledge_id": "k-" + name, "query": "q"}):
                sent = json.dumps(body).encode()
                found = call(app, "POST", "/knowledge/search", sent, {"Content-Type": "x/json"})
                assert found.json()["of"] == [name]
        assert one.requests[-1].body == b'{"knowledge_id": "k-d1", "query": "q"}'
        missing = call(app, "GET", "/sessions")
        assert missing.status == 400
        assert "db_id query parameter is required" in missing.detail
        unknown = call(app, "GET", "/sessions/s?db_id=zz")
        assert (unknown.status, unknown.detail) == (404, "No database found with id 'zz'")
        unknown = call(app, "POST", "/knowledge/search?knowledge_id=zz", b"{}")
        assert unknown.status == 404
        assert call(app, "POST", "/knowledge/search", b"[not json").status == 400
        done = call(app, "POST", "/databases/all/migrate?target_version=2")
        assert done.json() == {"message": "done"}
        for server in (one, two):
            assert server.requests[-1].target == "/databases/all/migrate?target_version=2"
        failed = call(app, "POST", "/databases/d1/migrate")
        assert (failed.status, failed.detail) == (404, "Not Found")


def test_data_that_may_be_on_a_server_that_is_down_are_not_said_to_be_missing(
    fronting: Fronting,
) -> None:
    with an_os("a", databases=["d1"]) as one:
        app = fronting(agent("http://127.0.0.1:1", "b"), agent(one))
        assert call(app, "GET", "/sessions?db_id=d1").status == 200
        answer = call(app, "GET", "/sessions?db_id=d2")
        assert answer.status == 503
        assert "http://127.0.0.1:1" in answer.detail


def test_one_server_is_asked_for_all_data(fronting: Fronting) -> None:
    with RawServer(as_json({"data": []})) as server:
        app = fronting(agent(server), agent(server, "b"))
        for path in ("/sessions", "/approvals/count", "/schedules", "/learnings/users"):
            assert call(app, "GET", path).json() == {"data": []}
        assert len(server.requests) == 4


def test_nobody_makes_tokens_with_what_the_gateway_lends(fronting: Fronting) -> None:
    with RawServer(as_json({"id": "new"}, 201)) as server:
        lent = fronting(agent(server, auth_token="own-secret-token"), upstream_auth="own")
        for method, path in (("POST", "/service-accounts"), ("GET", "/service-accounts/x")):
            answer = call(lent, method, path, b"{}" if method == "POST" else b"")
            assert answer.status == 403
        assert server.requests == []
        forwarded = fronting(agent(server))
        assert call(forwarded, "POST", "/service-accounts", b"{}").status == 201


# --- The client against it


def test_a_blocking_run_of_our_client_sees_the_upstreams_answer(fronting: Fronting) -> None:
    handler = routes(
        {
            "POST /agents/a/runs": as_json({"run_id": "r", "status": "COMPLETED", "content": "c"}),
            "GET /agents/a": as_json({"id": "a", "name": "Ann"}),
        }
    )
    with RawServer(handler) as server, serve(fronting(agent(server))) as url:
        with RemoteAgent(url, "a") as client:
            assert client.run("x").content == "c"
            assert client.name == "Ann"
    with serve(fronting(agent("http://127.0.0.1:1"))) as url:
        with RemoteAgent(url, "a") as client:
            with pytest.raises(Exception) as caught:
                client.run("x")
            assert not isinstance(caught.value, RemoteServerUnavailableError)
            assert "http://127.0.0.1:1" in str(caught.value)
