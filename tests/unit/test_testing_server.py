"""``serve``: what an HTTP server has to do for a WSGI app, and that nothing of it is left."""

import contextlib
import http.client
import json
import threading
from typing import Any, Callable, Iterable, Iterator, List
from wsgiref.validate import validator

import pytest

from remoteagent_lite import (
    RateLimitError,
    RemoteAgent,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    ServerError,
    StreamInterruptedError,
)
from remoteagent_lite.options import RetryPolicy, Timeout
from remoteagent_lite.testing import (
    cut,
    rate_limited,
    serve,
    server as server_module,
    silence,
    slow,
    unavailable,
)

Environ = Any


@contextlib.contextmanager
def connected(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(url[len("http://") :], timeout=20)
    with contextlib.closing(connection):
        yield connection


def told(connection: http.client.HTTPConnection, *request: Any, **more: Any) -> Any:
    connection.request(*request, **more)
    answer = connection.getresponse()
    return answer.status, answer.read()


def mirror(environ: Environ, start_response: Any) -> List[bytes]:
    seen = {k: v for k, v in environ.items() if isinstance(v, str)}
    seen["body"] = environ["wsgi.input"].read().decode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(seen).encode()]


def test_an_app_sees_the_request_as_it_was_sent() -> None:
    with serve(mirror) as url, connected(url) as connection:
        status, body = told(
            connection, "PUT", "/a%20b/%C3%A9?x=1&y=%20", b"content",
            {"Content-Type": "text/plain", "X-Twice": "1"},
        )  # fmt: skip
        seen = json.loads(body)
        assert status == 200
        assert seen["REQUEST_METHOD"] == "PUT" and seen["body"] == "content"
        assert seen["PATH_INFO"].encode("latin-1").decode() == "/a b/é"
        assert seen["QUERY_STRING"] == "x=1&y=%20"
        assert (seen["CONTENT_LENGTH"], seen["CONTENT_TYPE"]) == ("7", "text/plain")
        assert seen["HTTP_X_TWICE"] == "1" and "HTTP_CONTENT_TYPE" not in seen
        assert "http://%s:%s" % (seen["SERVER_NAME"], seen["SERVER_PORT"]) == url


def test_it_keeps_to_wsgi() -> None:
    def app(environ: Environ, start_response: Any) -> List[bytes]:
        body = environ["wsgi.input"].read(3) + b"|" + environ["wsgi.input"].readline()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body, b"|", b"".join(environ["wsgi.input"])]

    with serve(validator(app)) as url, connected(url) as connection:
        assert told(connection, "POST", "/", b"one two\nthree\nfour") == (
            200,
            b"one| two\n|three\nfour",
        )


def test_a_connection_stays_open_from_request_to_request() -> None:
    with serve(mirror) as url, connected(url) as connection:
        told(connection, "POST", "/", iter([b"in ", b"chunks"]), encode_chunked=True,
             headers={"Transfer-Encoding": "chunked"})  # fmt: skip
        first: Any = connection.sock
        assert json.loads(told(connection, "POST", "/", b"whole")[1])["body"] == "whole"
        assert told(connection, "HEAD", "/") == (200, b"")
        assert json.loads(told(connection, "GET", "/")[1])["body"] == ""
        assert connection.sock is first and first is not None


def test_a_body_that_the_app_does_not_read_is_not_taken_for_the_next_request() -> None:
    def deaf(environ: Environ, start_response: Any) -> List[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["REQUEST_METHOD"].encode()]

    with serve(deaf) as url, connected(url) as connection:
        assert told(connection, "POST", "/", b"GET /smuggled HTTP/1.1\r\n\r\n") == (200, b"POST")
        assert told(connection, "PUT", "/") == (200, b"PUT")


def test_pieces_arrive_as_they_are_given() -> None:
    go_on = threading.Event()

    def app(environ: Environ, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"first"
        assert go_on.wait(20)
        yield b"second"

    with serve(app) as url, connected(url) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.read(5) == b"first"
        go_on.set()
        assert answer.read() == b"second"


def test_old_clients_and_answers_without_a_body_are_served() -> None:
    def app(environ: Environ, start_response: Any) -> List[bytes]:
        nothing = environ["PATH_INFO"] == "/nothing"
        start_response("204 No Content" if nothing else "200 OK", [])
        return [] if nothing else [b"a", b"b"]

    with serve(app) as url, connected(url) as connection:
        assert told(connection, "GET", "/nothing") == (204, b"")
        connection._http_vsn_str = "HTTP/1.0"  # type: ignore[attr-defined]
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.getheader("Transfer-Encoding") is None
        assert answer.read() == b"ab"


def test_what_an_app_raises_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    def app(environ: Environ, start_response: Any) -> List[bytes]:
        raise ConnectionRefusedError("the app's database")

    with serve(app) as url:
        with connected(url) as connection:
            status, body = told(connection, "GET", "/broken?secret=1")
        with RemoteAgent(url, "a") as agent, pytest.raises(ServerError, match="database"):
            agent.run("x")
    assert status == 500 and b"ConnectionRefusedError: the app's database" in body
    assert "GET /broken failed" in caplog.text and "Traceback" in caplog.text
    assert "secret" not in caplog.text


def test_what_an_app_raises_within_its_answer_breaks_the_answer_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed = threading.Event()

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"half"
            raise ValueError("in the middle")

        def close(self) -> None:
            closed.set()

    def app(environ: Environ, start_response: Any) -> Body:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body()

    with serve(app) as url, connected(url) as connection:
        connection.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
    assert closed.is_set() and "in the middle" in caplog.text


def test_closing_breaks_what_is_under_way_and_leaves_no_thread() -> None:
    writing, closed = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        try:
            while True:
                writing.set()
                yield b"x" * 65536
        finally:
            closed.set()

    with contextlib.ExitStack() as stack:
        with serve(app) as url:
            connection = stack.enter_context(connected(url))
            connection.request("GET", "/")
            idle = stack.enter_context(connected(url))
            idle.connect()
            assert writing.wait(20)
        assert closed.is_set()
        assert not [t for t in threading.enumerate() if t.name.startswith("remoteagent-serve")]
        with pytest.raises(OSError), connected(url) as late:
            late.connect()


def test_a_request_that_does_not_end_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PATIENCE", 0.01)
    begun, go_on = threading.Event(), threading.Event()

    def app(environ: Environ, start_response: Any) -> List[bytes]:
        begun.set()
        assert go_on.wait(20)
        start_response("200 OK", [])
        return []

    with pytest.raises(RuntimeError, match="GET /stuck"):
        with serve(app) as url, connected(url) as connection:
            connection.request("GET", "/stuck")
            assert begun.wait(20)
    go_on.set()


def test_a_port_and_a_host_can_be_chosen() -> None:
    with serve(mirror, host="localhost") as url:
        port = int(url.rsplit(":", 1)[1])
    with serve(mirror, port=port) as again, connected(again) as connection:
        assert again == "http://127.0.0.1:%d" % port
        assert told(connection, "GET", "/")[0] == 200


# --- Faults


def events(environ: Environ, start_response: Any) -> Iterable[bytes]:
    """An agent whose answer is "one two": as events if it is asked for them."""
    if environ["REQUEST_METHOD"] == "POST" and b"true" in environ["wsgi.input"].read(9999):
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        yield b": hello\n\n"
        yield b'event: RunStarted\ndata: {"event":"RunStarted","run_id":"r"}\n\nevent: Run'
        yield b'Content\ndata: {"event":"RunContent","run_id":"r","content":"one "}\n\n'
        yield b'event: RunContent\ndata: {"event":"RunContent","run_id":"r","content":"two"}\n\n'
        yield b'data: {"event":"RunCompleted","run_id":"r","content":"one two"}\n\n'
        return
    start_response("200 OK", [("Content-Type", "application/json")])
    yield b'{"run_id": "r", "content": "one two", "status": "COMPLETED"}'


@contextlib.contextmanager
def asking(url: str, **more: Any) -> Iterator[RemoteAgent]:
    with RemoteAgent(url, "a", retry=RetryPolicy(max_attempts=1, patience=0), **more) as agent:
        yield agent


def test_each_fault_is_had_by_one_request_and_then_all_is_well() -> None:
    down, busy = unavailable(retry_after=7), rate_limited(times=2)
    with serve(events, faults=[down, busy]) as url, asking(url) as agent:
        with connected(url) as connection:
            assert told(connection, "GET", "/")[0] == 200  # is no run
        with pytest.raises(ServerError) as caught:
            agent.run("x")
        assert (caught.value.status_code, caught.value.retry_after) == (503, 7)
        for _ in range(2):
            with pytest.raises(RateLimitError):
                agent.run("x")
        assert (down.hits, busy.hits) == (1, 2)
        assert agent.run("x").content == "one two"
    with pytest.raises(ValueError, match="once or more"):
        cut(times=0)
    with pytest.raises(TypeError, match="no fault"):
        with serve(events, faults=["cut"]):  # type: ignore[list-item]
            pass


@pytest.mark.parametrize(("after", "content"), [(1, None), (2, "one "), (3, "one two")])
def test_a_stream_is_cut_behind_so_many_events(after: int, content: Any) -> None:
    with serve(events, faults=[cut(after=after)]) as url, asking(url) as agent:
        with pytest.raises(StreamInterruptedError) as caught:
            agent.run("x", stream=True).output()
        assert caught.value.output.content == content
        assert agent.run("x", stream=True).output().content == "one two"


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_is_cut_at_once_or_has_no_events_is_lost(after: int, stream: bool) -> None:
    if stream and after:
        return  # above
    with serve(events, faults=[cut(after)]) as url, asking(url) as agent:
        with pytest.raises(RemoteServerUnavailableError):
            answer: Any = agent.run("x", stream=stream)
            answer.output()


def test_the_app_behind_a_cut_has_been_asked_and_is_closed() -> None:
    asked: List[str] = []

    class Body(List[bytes]):
        def close(self) -> None:
            asked.append("closed")

    def app(environ: Environ, start_response: Any) -> Body:
        asked.append("asked")
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return Body([b"data: {}\n\n"])

    with serve(app, faults=[cut()]) as url, asking(url) as agent:
        with pytest.raises(RemoteServerUnavailableError):
            agent.run("x", stream=True).output()
    assert asked == ["asked", "closed"]


@pytest.mark.parametrize("after", [0, 2])
def test_silence_is_what_a_read_timeout_is_for(after: int) -> None:
    # The silence would last for an hour: closing the server ends it.
    fault = silence(3600, after=after)
    with serve(events, faults=[fault]) as url, asking(url, timeout=Timeout(read=0.1)) as agent:
        with pytest.raises((RemoteTimeoutError, StreamInterruptedError)):
            agent.run("x", stream=True).output()
        assert fault.hits == 1
        assert agent.run("x").content == "one two"


def test_silence_passes_and_slow_pieces_come(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(events, faults=[silence(0.01), slow(0.01)]) as url, asking(url) as agent:
        for stream in (False, True):
            answer: Any = agent.run("x", stream=stream)
            whole = answer.output() if stream else answer
            assert whole.content == "one two"


def test_faults_do_without_this_server() -> None:
    """As middleware they sleep where there is no server that closes."""
    from remoteagent_lite.testing.faults import Faults
    from tests.gateways import call

    app: Callable[..., Any] = Faults(events, [silence(0.01), unavailable(504)])
    assert call(app, "POST", "/").status == 200
    assert call(app, "POST", "/").status == 504
    assert call(app, "POST", "/").status == 200
