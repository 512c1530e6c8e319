"""The WSGI callable, always under wsgiref's validator: paths, bodies, mounting."""

import importlib
import json
import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator, List
from wsgiref.validate import validator

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from remoteagent_lite.activeworkflow import Agent, AgentApp, Context, Option, Retry, agent
from remoteagent_lite.testing import serve
from tests.activeworkflow_answers import check_body, get, post, request
from tests.unit.test_activeworkflow_protocol import EXCHANGES, MyAgent

REGISTER = b'{"method":"register","params":{}}'
SECRET = "qzxj-qzxj-qzxj"


class EchoAgent(Agent):
    """Echoes.

    More words."""

    options = (Option("key"),)

    def receive(self, ctx: Context) -> None:
        if "retry" in ctx.payload:
            raise Retry(ctx.payload["retry"])
        ctx.log("%s %s" % (ctx.payload, ctx.options))
        ctx.memory.update(ctx.payload)
        ctx.emit(ctx.payload)


def call(payload: Any, **message: Any) -> Dict[str, Any]:
    params = {"message": dict(message, payload=payload), "options": {}, "memory": {}}
    return {"method": "receive", "params": params}


@pytest.mark.parametrize(("body", "answer"), EXCHANGES, ids=["register", "receive", "check"])
@pytest.mark.parametrize("trickle", [False, True])
def test_examples_of_the_api_document(body: bytes, answer: bytes, trickle: bool) -> None:
    app = AgentApp(MyAgent())
    status, headers, content = request(app, "POST", "/agents/MyAgent", body, trickle)
    assert (status, content) == (200, answer)
    assert headers == {"Content-Type": "application/json", "Content-Length": str(len(answer))}


@pytest.mark.parametrize(
    ("prefix", "token", "path"),
    [
        ("/agents", None, "/agents/EchoAgent"),
        ("/agents/", None, "/agents/EchoAgent/"),
        ("/", None, "/EchoAgent"),
        ("/a/b", "t0ken", "/a/b/t0ken/EchoAgent"),
        ("/", "t0ken", "/t0ken/EchoAgent"),
    ],
)
def test_every_agent_has_its_path(prefix: str, token: Any, path: str) -> None:
    app = AgentApp(MyAgent(), EchoAgent(), prefix=prefix, token=token)
    status, body = post(app, path, REGISTER)
    assert status == 200
    assert json.loads(body)["result"]["name"] == "EchoAgent"
    assert post(app, path, REGISTER, SCRIPT_NAME="/mounted") == (status, body)
    assert get(app, path) == (200, "EchoAgent is ready: ActiveWorkflow posts here\n")
    assert app.urls("http://h/m/")[1] == "http://h/m" + path.rstrip("/")


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/EchoAgent", "/agentsX", "/agents/EchoAgent", "/agents/wrong/EchoAgent",
        "/agents/t0ken/NoAgent", "/agents/t0kenX/EchoAgent", "/agents//EchoAgent", "/agents",
        "/agents/", "/agents/t0ke", "/agents/\xe9/EchoAgent", "/agents/t0ken/EchoAgent/more",
    ],
)  # fmt: skip
def test_other_paths_are_404_and_tell_nothing(path: str) -> None:
    app = AgentApp(EchoAgent(), token="t0ken")
    for method in ("POST", "GET"):
        status, _, body = request(app, method, path, REGISTER if method == "POST" else b"")
        assert status == 404
        assert b"t0ken" not in body
        assert b"Echo" not in body


@pytest.mark.parametrize("token", ["", "a/b", "a b", "a?b", "\u00e9", "a\n"])
def test_token_must_fit_into_a_path(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        AgentApp(EchoAgent(), token=token)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="two agents are named EchoAgent"):
        AgentApp(EchoAgent(), EchoAgent())
    with pytest.raises(TypeError, match="make an instance"):
        AgentApp(EchoAgent)  # type: ignore[arg-type]
    for prefix in ("agents", "", "//agents"):
        with pytest.raises(ValueError, match="prefix"):
            AgentApp(EchoAgent(), prefix=prefix)
    broken = EchoAgent()
    broken.description = ""
    with pytest.raises(ValueError, match="description"):
        AgentApp(broken)


def test_index_prints_what_to_set() -> None:
    app = AgentApp(MyAgent(), EchoAgent(), token="t0ken")
    status, text = get(app, "/agents/t0ken/", SCRIPT_NAME="/a b", HTTP_HOST="host:81")
    assert status == 200
    assert text.splitlines()[2:] == [
        "REMOTE_AGENT_URL=http://host:81/a%20b/agents/t0ken/MyAgent",
        "REMOTE_AGENT_URL_2=http://host:81/a%20b/agents/t0ken/EchoAgent",
        "",
        "MyAgent (My Agent)",
        "  This is my first agent",
        "",
        "EchoAgent (Echo Agent)",
        "  Echoes.",
    ]
    assert "REMOTE_AGENT_URL=http://localhost:5000/agents" in get(AgentApp(MyAgent()), "/agents")[1]
    evil = get(app, "/agents/t0ken", HTTP_HOST="x\r\nSet: y")[1]
    assert "=http://localhost:5000/" in evil
    assert "there are no agents" in get(AgentApp(), "/agents")[1]
    assert app.variables("https://h") == (
        "REMOTE_AGENT_URL=https://h/agents/t0ken/MyAgent\n"
        "REMOTE_AGENT_URL_2=https://h/agents/t0ken/EchoAgent\n"
    )


def test_health_needs_no_token() -> None:
    assert get(AgentApp(EchoAgent(), token="t0ken"), "/agents/health") == (200, "ok\n")
    assert get(AgentApp(EchoAgent(), token="t0ken"), "/agents/t0ken/health") == (200, "ok\n")
    assert get(AgentApp(EchoAgent(), prefix="/"), "/health") == (200, "ok\n")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_405(method: str) -> None:
    for path in ("/agents/EchoAgent", "/agents/"):
        status, headers, _ = request(AgentApp(EchoAgent()), method, path)
        assert (status, headers["Allow"]) == (405, "GET, HEAD, POST")
    assert request(AgentApp(EchoAgent()), "POST", "/agents/", REGISTER)[0] == 405


def test_head_has_no_body() -> None:
    status, headers, body = request(AgentApp(EchoAgent()), "HEAD", "/agents/EchoAgent")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"[]", b"null", b'"x"', b"5", b'{"a":', b"\xff", b"\xef\xbb\xbf{}", b"{} {}",
        b'{"method":"receive","params":{"message":{"payload":{"a":NaN}}}}',
        b'{"method":"receive","params":{"message":{"payload":{"a":-Infinity}}}}',
        b"[" * 100000, b'{"a":' * 100000, b"9" * 5000, b"{}", b'{"method":"x","params":{}}',
        b'{"method":"receive"}',
    ],
)  # fmt: skip
def test_bodies_that_are_no_call_are_400(body: bytes) -> None:
    status, headers, content = request(AgentApp(EchoAgent()), "POST", "/agents/EchoAgent", body)
    assert status == 400
    assert len(content) < 100
    assert headers["Content-Type"].startswith("text/plain")


def test_body_limit() -> None:
    app = AgentApp(EchoAgent(), body_limit=len(REGISTER))
    assert post(app, "/agents/EchoAgent", REGISTER)[0] == 200
    status, body = post(app, "/agents/EchoAgent", REGISTER + b" ")
    assert status == 413
    assert b"larger than this host takes (33 bytes)" in body
    chunked = {"CONTENT_LENGTH": None, "wsgi.input_terminated": True}
    assert post(app, "/agents/EchoAgent", REGISTER, **chunked)[0] == 200
    assert post(app, "/agents/EchoAgent", REGISTER + b" ", **chunked)[0] == 413


@pytest.mark.parametrize(
    ("length", "status"),
    [("33", 200), ("34", 400), ("32", 400), ("", 400), (None, 400), ("0", 400)],
)
def test_exactly_the_stated_length_is_read(length: Any, status: int) -> None:
    app = AgentApp(EchoAgent())
    assert post(app, "/agents/EchoAgent", REGISTER, CONTENT_LENGTH=length)[0] == status


@pytest.mark.parametrize("kind", ["text/plain", "", None, "application/x-www-form-urlencoded"])
def test_any_content_type_will_do(kind: Any) -> None:
    assert post(AgentApp(EchoAgent()), "/agents/EchoAgent", REGISTER, CONTENT_TYPE=kind)[0] == 200


def test_retry_is_503_in_plain_text() -> None:
    status, headers, body = request(
        AgentApp(EchoAgent()), "POST", "/agents/EchoAgent", json.dumps(call({"retry": 1})).encode()
    )
    assert status == 503
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body == b"EchoAgent asks to be called again: 1\n"


def test_fault_of_the_host_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from remoteagent_lite.activeworkflow import app as app_module

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(app_module, "handle", broken)
    status, body = post(AgentApp(EchoAgent()), "/agents/EchoAgent", call({}))
    assert (status, body) == (503, b"the host of the agents failed: see its log\n")
    assert "RuntimeError in the host itself" in caplog.text
    assert SECRET not in caplog.text


def test_calls_are_logged_without_their_content(caplog: pytest.LogCaptureFixture) -> None:
    app = AgentApp(EchoAgent())
    with caplog.at_level(logging.INFO, "remoteagent_lite.activeworkflow"):
        post(app, "/agents/EchoAgent", call({"a": SECRET}, id=12))
        post(app, "/agents/EchoAgent", {"method": "check", "params": {}})
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("EchoAgent receive of message 12: 200, ")
    assert second.startswith("EchoAgent check: 200, ")
    assert SECRET not in caplog.text


def test_register_is_answered_while_handlers_are_busy() -> None:
    entered = threading.Barrier(3)
    leave = threading.Event()

    @agent("SlowAgent")
    def slow(ctx: Context) -> None:
        entered.wait(20)
        assert leave.wait(20)

    app = AgentApp(slow)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(post, app, "/agents/SlowAgent", call({}, id=n)) for n in (1, 2)]
        entered.wait(20)
        answers = {post(app, "/agents/SlowAgent", REGISTER) for _ in range(3)}
        leave.set()
        assert [each.result(20)[0] for each in calls] == [200, 200]
    assert len(answers) == 1


def test_register_does_not_change_after_the_start() -> None:
    made = EchoAgent()
    app = AgentApp(made)
    before = post(app, "/agents/EchoAgent", REGISTER)
    made.description = "Other words."
    assert post(app, "/agents/EchoAgent", b'{"method":"register"}') == before


def hello(environ: Any, start_response: Any) -> List[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


def test_mounts_beside_another_application() -> None:
    app = AgentApp(EchoAgent()).mount(hello)
    assert get(app, "/")[1] == get(app, "/agentsX")[1] == "hello"
    assert post(app, "/agents/EchoAgent", REGISTER)[0] == 200
    assert "REMOTE_AGENT_URL" in get(app, "/agents")[1]
    with pytest.raises(ValueError, match="no path"):
        AgentApp(prefix="/").mount(hello)


@pytest.mark.parametrize("url_prefix", [None, "/deep/er"])
@pytest.mark.parametrize("prefix", ["/agents", "/"])
def test_flask_blueprint(url_prefix: Any, prefix: str) -> None:
    flask = importlib.import_module("flask")
    site = flask.Flask("site")
    site.add_url_rule("/hello", "hello", lambda: "hello")
    app = AgentApp(EchoAgent(), MyAgent(), prefix=prefix, token="t0ken")
    site.register_blueprint(app.blueprint(), url_prefix=url_prefix)
    path = (url_prefix or "") + app.prefix + "/t0ken"
    for body, answer in EXCHANGES:
        assert post(site, path + "/MyAgent", body) == (200, answer)
    text = request(site, "GET", path + "/", SCRIPT_NAME="/m", HTTP_HOST="host")[2]
    assert "REMOTE_AGENT_URL=http://host/m%s/EchoAgent\n" % path in text.decode()
    assert request(site, "GET", path + "/\xc3\xa9")[0] == 404
    assert request(site, "OPTIONS", path + "/MyAgent")[0] == 405
    assert request(site, "GET", "/hello")[2] == b"hello"


def test_flask_and_its_dispatcher() -> None:
    flask = importlib.import_module("flask")
    dispatcher = importlib.import_module("werkzeug.middleware.dispatcher")
    site = flask.Flask("site")
    app = AgentApp(EchoAgent(), prefix="/")
    site.wsgi_app = dispatcher.DispatcherMiddleware(site.wsgi_app, {"/aw": app})
    assert post(site, "/aw/EchoAgent", REGISTER)[0] == 200
    assert "REMOTE_AGENT_URL=http://localhost:5000/aw/EchoAgent" in get(site, "/aw/")[1]


def test_django() -> None:
    django = importlib.import_module("django")
    from django.conf import settings as django_settings  # type: ignore[import-not-found,unused-ignore]
    from django.core.wsgi import get_wsgi_application  # type: ignore[import-not-found,unused-ignore]

    if not django_settings.configured:
        django_settings.configure(ROOT_URLCONF="tests", ALLOWED_HOSTS=["*"], SECRET_KEY="x")
    assert django.VERSION
    app = AgentApp(EchoAgent()).mount(get_wsgi_application())
    assert post(app, "/agents/EchoAgent", REGISTER)[0] == 200


@pytest.mark.parametrize(("body", "answer"), EXCHANGES)
def test_real_server_is_sent_what_activeworkflow_sends(body: bytes, answer: bytes) -> None:
    with serve(validator(AgentApp(MyAgent()))) as url:
        at = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        with socket.create_connection(at, 20) as connection:
            connection.sendall(
                b"POST /agents/MyAgent HTTP/1.1\r\nUser-Agent: Faraday v0.17.6\r\n"
                b"Content-Type: application/json\r\n"
                b"Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\n"
                b"Connection: close\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )
            received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, content = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert content == answer


# Whatever comes in: no 500, no traceback, no secret, and a 200 only with what can be stored.

json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["\ud800", "\0", "", " ", "x" * 10001, SECRET, 10**400, "{{ x", "1e400"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
    max_leaves=4,
)
FIELDS = ["method", "params", "message", "payload", "options", "memory", "credentials", "id"]


def bodies(value: Any) -> Iterator[bytes]:
    """Calls with ``value`` in the place of each part, whole and damaged."""
    credentials = [{"name": "n", "value": SECRET}]
    for field in [*FIELDS, "created_at", "credential", "all"]:
        message = {"id": 1, "payload": {"a": value}, "created_at": "x"}
        params = {"options": {"key": "k"}, "memory": {}, "credentials": credentials}
        params["message"] = message
        whole: Any = {"method": "receive", "params": params}
        if field == "credential":
            params["credentials"] = [*credentials, value, {"name": value, "value": value}]
        elif field == "all":
            whole = value
        else:
            for holder in (whole, params, message):
                if field in holder:
                    holder[field] = value
        yield json.dumps(whole).encode()
        whole = json.dumps(whole, ensure_ascii=False).encode("utf-8", "surrogatepass")
        yield whole
        yield whole[: len(whole) * 2 // 3]
        yield whole.replace(b":", b"\xff", 1)


@settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(value=json_values, junk=st.binary(max_size=30))
def test_no_body_can_make_an_answer_that_fails(value: Any, junk: bytes) -> None:
    """45 bodies in each of 300 examples."""
    # Without kept answers, which most of these calls would get.
    app = AgentApp(EchoAgent(), idempotency=None)
    for body in [junk, *bodies(value)]:
        status, _, content = request(app, "POST", "/agents/EchoAgent", body)
        assert status in (200, 400, 503)
        assert b"Traceback" not in content
        assert b"the host of the agents failed" not in content
        if status == 200:
            check_body(content)
            known = json.loads(body.decode())["params"].get("credentials") or []
            assert {"name": "n", "value": SECRET} not in known or SECRET.encode() not in content
        else:
            assert SECRET.encode() not in content
            with pytest.raises(ValueError):
                json.loads(content.decode("utf-8"))
