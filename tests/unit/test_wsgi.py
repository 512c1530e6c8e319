"""Bodies of requests: never more than the bound, never less than was sent, never a hang."""

import contextlib
import http.client
import io
from typing import Any, Dict, List
from wsgiref.util import setup_testing_defaults

import pytest

from remoteagent_lite.testing import serve
from remoteagent_lite.wsgi import Refused, answer, read_body

BODY = b"0123456789"


def environ(body: Any = BODY, **extra: Any) -> Dict[str, Any]:
    given: Dict[str, Any] = {"wsgi.input": io.BytesIO(body) if isinstance(body, bytes) else body}
    given.update(extra)
    setup_testing_defaults(given)
    return given


class Trickle(io.BytesIO):
    """Hands out a few bytes at a time, as a socket does."""

    def read(self, size: Any = -1) -> bytes:
        return super().read(min(size, 3))


@pytest.mark.parametrize("source", [io.BytesIO, Trickle])
def test_body_of_known_length_is_read_whole(source: Any) -> None:
    stream = source(BODY + b"the next request")
    assert read_body(environ(stream, CONTENT_LENGTH="10"), 10) == BODY
    assert stream.tell() == 10


@pytest.mark.parametrize("source", [io.BytesIO, Trickle])
def test_body_that_the_server_ends_is_read_whole(source: Any) -> None:
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert read_body(environ(source(BODY), **chunked), 10) == BODY
    assert read_body(environ(source(b""), **chunked), 10) == b""
    with pytest.raises(Refused, match="larger") as caught:
        read_body(environ(source(BODY), **chunked), 9)
    assert caught.value.status == 413


def test_request_without_a_body_is_not_read() -> None:
    class Hanging(io.BytesIO):
        def read(self, size: Any = -1) -> bytes:
            raise AssertionError("a server without an end of its own would hang here")

    assert read_body(environ(Hanging()), 10) == b""
    assert read_body(environ(Hanging(), CONTENT_LENGTH="0"), 10) == b""
    with pytest.raises(Refused, match="Content-Length") as caught:
        read_body(environ(Hanging(), HTTP_TRANSFER_ENCODING="chunked"), 10)
    assert caught.value.status == 411
    with pytest.raises(Refused) as caught:
        read_body(environ(Hanging(), CONTENT_LENGTH="11"), 10)
    assert caught.value.status == 413


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "\u0663", "9" * 30, "1 "])
def test_senseless_length_is_refused(length: str) -> None:
    with pytest.raises(Refused, match="no number") as caught:
        read_body(environ(CONTENT_LENGTH=length), 10)
    assert caught.value.status == 400


def test_body_that_breaks_off_is_refused() -> None:
    class Gone(io.BytesIO):
        def read(self, size: Any = -1) -> bytes:
            raise ConnectionResetError("gone")

    for body, length in ((BODY, "11"), (Gone(), "10")):
        with pytest.raises(Refused) as caught:
            read_body(environ(body, CONTENT_LENGTH=length), 20)
        assert caught.value.status == 400


def test_answer_to_head_has_the_length_and_no_body() -> None:
    started: List[Any] = []

    def start_response(status: str, headers: Any) -> None:
        started.append((status, headers))

    for method, body in (("GET", [b"hi"]), ("HEAD", [])):
        extra = [("X-More", "1")]
        asked = environ(REQUEST_METHOD=method)
        assert answer(asked, start_response, 404, b"hi", headers=extra) == body
    assert started[0] == started[1]
    assert started[0] == (
        "404 Not Found",
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", "2"),
            ("X-More", "1"),
        ],
    )


def echo(environ: Any, start_response: Any) -> List[bytes]:
    try:
        return answer(environ, start_response, 200, read_body(environ, 1000))
    except Refused as refused:
        return answer(environ, start_response, refused.status)


@pytest.mark.parametrize(("size", "status"), [(0, 200), (1000, 200), (1001, 413)])
def test_real_server_hands_a_chunked_body_on(size: int, status: int) -> None:
    parts = (b"x" * min(100, size - start) for start in range(0, size, 100))
    with serve(echo) as url:
        connection = http.client.HTTPConnection(url[len("http://") :], timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", "/", parts, encode_chunked=True,
                               headers={"Transfer-Encoding": "chunked"})  # fmt: skip
            received = connection.getresponse()
            assert received.status == status
            assert received.read() == (b"x" * size if status == 200 else b"")
