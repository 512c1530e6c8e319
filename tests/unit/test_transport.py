"""HTTP as it is met in the wild: every framing, every failure, and no secret where it shows."""

import contextlib
import gzip
import http.client
import inspect
import json
import os
import pickle
import socket
import ssl
import threading
import traceback
from unittest.mock import Mock

import pytest
import requests
import responses
import urllib3

from remoteagent_lite.channels.agentos import Connection
from remoteagent_lite.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    ServerError,
)
from remoteagent_lite.http import failures, transport as transport_module
from remoteagent_lite.http.transport import Transport, normal_url
from remoteagent_lite.options import RetryPolicy, Timeout
from remoteagent_lite.protocols.contract import Call, StreamCall
from remoteagent_lite.wire import FilePart, Request
from tests import FIXTURES
from tests.peers.faults import RawServer, drip, hang_up, raw, reply, reset, silence, stream
from tests.unit.test_bodies import CODINGS, PAYLOAD, coding_headers

#: Long enough never to be met where it is not meant to be.
PATIENT = Timeout(connect=20, read=20)
ONCE = RetryPolicy(max_attempts=1)
FRAMINGS = ("chunked", "length", "close")
PEM = str(FIXTURES / "localhost.pem")


@contextlib.contextmanager
def opened(**settings):
    transport = Transport(**settings)
    try:
        yield transport
    finally:
        transport.close()


@pytest.fixture
def slept():
    """The waits between attempts."""
    return []


@pytest.fixture
def transport(slept):
    with opened(sleep=slept.append) as transport:
        yield transport


def get(url, **options):
    return Request("GET", url, **options)


def post(url, **options):
    return Request("POST", url, **options)


def body_of(answer):
    return answer.read_all(1 << 30)


def failure(function, *arguments, **options):
    with pytest.raises(RemoteAgentError) as caught:
        function(*arguments, **options)
    return caught.value


def unused_port():
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


@pytest.fixture
def dead_address():
    """The URL of a port whose queue is full: nobody takes a connection, nobody refuses it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while True:
            sock = stack.enter_context(contextlib.closing(socket.socket()))
            sock.settimeout(0.2)
            try:
                sock.connect(listener.getsockname())
            except socket.timeout:
                break
        yield "http://127.0.0.1:%d" % listener.getsockname()[1]


class Listener:
    """A server below HTTP: gives each connection, one after another, to a function."""

    def __init__(self, serve, context=None):
        self._serve = serve
        self._context = context
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(16)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._thread.join(10)
        self._socket.close()
        assert not self._thread.is_alive()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._socket.accept()
                sock.settimeout(10)
                with contextlib.closing(sock), contextlib.suppress(OSError):
                    if self._context is not None:
                        sock = self._context.wrap_socket(sock, server_side=True)
                    with contextlib.closing(sock):
                        self._serve(sock)


def answering(*pieces):
    """For a Listener: answers requests without a body, until the client has had enough."""

    def serve(sock):
        while read_head(sock):
            for piece in pieces:
                if isinstance(piece, threading.Event):
                    piece.wait(10)
                else:
                    sock.sendall(piece)

    return serve


def read_head(sock):
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = sock.recv(65536)
        if not more:
            return b""
        data += more
    return data


def secure(*pieces):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return Listener(answering(*pieces), context)


# --- Bodies


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("coding", sorted(CODINGS))
def test_body_arrives_whole_in_any_framing_and_coding(transport, framing, coding):
    body = CODINGS[coding](PAYLOAD)
    options = {"framing": framing, "headers": coding_headers(coding), "content_type": "x/y"}
    with RawServer(reply(body, **options), drip(body, **options)) as server:
        for _ in range(2):
            assert transport.send(get(server.url), PATIENT).body == PAYLOAD
            with contextlib.closing(transport) as other:
                assert body_of(other.open(get(server.url), PATIENT)) == PAYLOAD


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_bytes_are_handed_out_as_they_arrive(transport, framing, gzip):
    second, third = threading.Event(), threading.Event()
    script = [b"one", second, b"two", third, b"three"]
    with RawServer(stream(script, framing=framing, gzip=gzip)) as server:
        answer = transport.open(get(server.url), PATIENT)
        # Each is read before the next may be sent.
        assert answer.read() == b"one"
        second.set()
        assert answer.read() == b"two"
        third.set()
        assert answer.read() == b"three"
        assert answer.read() == answer.read() == b""


@pytest.mark.parametrize("size", [1, 4096, 65536, 65537, 200000])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_big_pieces_arrive_whole(transport, framing, size):
    pieces = [os.urandom(size) for _ in range(5)]
    with RawServer(stream(pieces, framing=framing)) as server:
        answer = transport.open(get(server.url), PATIENT)
        assert body_of(answer) == b"".join(pieces)


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("head, body", [(b"Content-Length: 4", b"one"),
                                        (b"Transfer-Encoding: chunked", b"3\r\none\r\n"),
                                        (b"Transfer-Encoding: chunked", b"4\r\none")])  # fmt: skip
def test_truncated_body_raises(head, body, end):
    go_on = threading.Event()

    def script(connection, request):
        raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body, go_on, close=False)(
            connection, request
        )
        getattr(connection, end)()

    with opened(retry=ONCE) as transport, RawServer(script) as server:
        answer = transport.open(get(server.url), PATIENT)
        assert answer.read() == b"one"
        go_on.set()
        error = failure(answer.read)
        assert type(error) is RemoteServerUnavailableError and error.request_sent
        assert "broke before the answer was complete" in str(error)
        assert error.base_url == server.url
        assert answer.read() == b""
        error = failure(transport.send, get(server.url), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent


@pytest.mark.parametrize("end", [1, 5, 9])
def test_json_that_ends_with_its_connection_in_the_middle_is_never_an_answer(end):
    body = b'{"a": "b"}'
    with opened(retry=ONCE) as transport, RawServer() as server:
        server.then(stream([body[:end]], framing="close", content_type="application/a2a+json"))
        error = failure(transport.send, post(server.url), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent
        assert "broke before the answer was complete" in str(error)


def test_json_that_is_whole_is_an_answer_however_it_ends(transport):
    with RawServer(reply(b'{"a": 1}', framing="close")) as server:
        assert transport.send(get(server.url), PATIENT).body == b'{"a": 1}'


def test_other_bodies_without_a_length_cannot_be_told_from_complete_ones(transport):
    """Who reads it has to know its end: a stream has a terminal event. ``complete`` tells them."""
    script = stream([b"one"], framing="close", end="cut", content_type="text/plain")
    with RawServer(script) as server:
        assert transport.send(get(server.url), PATIENT).body == b"one"
        answer = transport.open(get(server.url), PATIENT)
        assert body_of(answer) == b"one" and not answer.complete


@pytest.mark.parametrize("framing", FRAMINGS)
def test_only_an_end_that_its_framing_proves_is_told_as_complete(transport, framing):
    with RawServer(stream([b"one"], framing=framing)) as server:
        answer = transport.open(get(server.url), PATIENT)
        assert answer.read() == b"one" and not answer.complete
        assert answer.read() == b""
        assert answer.complete == (framing != "close")


@pytest.mark.parametrize("method", ["send", "open"])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_compressed_body_that_stops_in_the_middle_is_never_an_answer(method, framing):
    """Not even if the framing says that it is whole: whoever compressed it was cut off."""
    body = gzip.compress(PAYLOAD)[:-9]
    script = stream([body], framing=framing, headers=[("Content-Encoding", "gzip")])
    with opened(retry=ONCE) as transport, RawServer(script) as server:
        error = failure(
            lambda: (
                body_of(transport.open(get(server.url), PATIENT))
                if method == "open"
                else transport.send(get(server.url), PATIENT)
            )
        )
        assert type(error) is RemoteServerUnavailableError and error.request_sent


def test_reset_body_without_length_raises():
    go_on = threading.Event()
    script = stream([b"one", go_on], framing="close", end="reset")
    with opened(retry=ONCE) as transport, RawServer(script) as server:
        answer = transport.open(get(server.url), PATIENT)
        assert answer.read() == b"one"
        go_on.set()
        assert type(failure(answer.read)) is RemoteServerUnavailableError


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_answer_without_body_is_empty(transport, status):
    script = raw(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status, close=False)
    with RawServer(script) as server:
        for _ in range(2):
            answer = transport.send(post(server.url), PATIENT)
            assert (answer.status, answer.body) == (status, b"")
        assert server.connection_count == 1


def test_interim_answer_is_skipped(transport):
    script = raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    with RawServer(script) as server:
        assert transport.send(get(server.url), PATIENT).body == b"ok"


@pytest.mark.parametrize("body", [b"\x1f\x8bnonsense", gzip.compress(PAYLOAD)[:-8] + b"\xff" * 8])
def test_body_that_does_not_decompress_raises(transport, body):
    with RawServer(reply(body, headers=[("Content-Encoding", "gzip")])) as server:
        error = failure(transport.send, get(server.url), PATIENT)
        assert type(error) is ProtocolError and "decompress" in str(error)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "made-up"])
def test_coding_that_was_not_asked_for_raises(transport, coding):
    with RawServer(reply(b"{}", headers=[("Content-Encoding", coding)])) as server:
        error = failure(transport.send, get(server.url), PATIENT)
        assert type(error) is ProtocolError and repr(coding) in str(error)
        assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_stream_is_asked_for_uncompressed(transport):
    with RawServer(reply(b"{}")) as server:
        body_of(transport.open(get(server.url), PATIENT))
        assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("compress", [False, True])
def test_body_beyond_the_limit_is_refused(transport, framing, compress):
    script = reply(b"x" * 1001, framing=framing, gzip=compress, content_type="text/plain")
    with RawServer(script) as server:
        assert transport.send(get(server.url), PATIENT, body_limit=1001).body == b"x" * 1001
        error = failure(transport.send, get(server.url), PATIENT, body_limit=1000)
        assert type(error) is ProtocolError and "more than 1000 bytes" in str(error)


# --- Connections


@pytest.mark.parametrize(
    "head, body",
    [
        (b"Content-Length: 2", b"ok"),
        (b"Content-Length: 0", b""),
        (b"Transfer-Encoding: chunked", b"2\r\nok\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked", b"2;a=b\r\nok\r\n0;c\r\n\r\n"),
        (b"Transfer-Encoding: chunked", b"2\r\nok\r\n0\r\nTrailer: x\r\nMore: y\r\n\r\n"),
    ],
)
def test_connection_is_used_again_after_a_complete_body(transport, head, body):
    with RawServer(raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body, close=False)) as server:
        for _ in range(3):
            assert transport.send(get(server.url), PATIENT).body in (b"ok", b"")
            body_of(transport.open(post(server.url, json={}), PATIENT))
        assert (len(server.requests), server.connection_count) == (6, 1)


@pytest.mark.parametrize("end", ["abort", "drop"])
@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_connection_is_not_used_again_when_its_body_was_not_read(transport, framing, end):
    never = threading.Event()
    with RawServer(stream([b"one", never, b"two"], framing=framing), reply(b"{}")) as server:
        answer = transport.open(get(server.url), PATIENT)
        assert answer.read() == b"one"
        getattr(answer, end)()
        assert answer.read() == b""
        assert transport.send(get(server.url), PATIENT).body == b"{}"
        assert server.connection_count == 2


def test_connection_aborted_at_its_end_is_not_used_again(transport):
    with RawServer(reply(b"ok")) as server:
        answer = transport.open(get(server.url), PATIENT)
        assert answer.read() == b"ok"
        answer.abort()
        assert answer.read() == b""
        assert transport.send(get(server.url), PATIENT).body == b"ok"
        assert server.connection_count == 2


def test_abort_after_the_end_leaves_the_connection_to_others(transport):
    with RawServer(reply(b"ok")) as server:
        answer = transport.open(get(server.url), PATIENT)
        assert body_of(answer) == b"ok"
        answer.abort()
        assert transport.send(get(server.url), PATIENT).body == b"ok"
        assert server.connection_count == 1


def test_kept_connection_that_the_server_closed_is_replaced(transport, slept):
    def reply_and_close(connection, request):
        reply(b"ok")(connection, request)
        connection.close()

    with RawServer(reply_and_close) as server:
        for _ in range(3):
            assert transport.send(post(server.url), PATIENT).body == b"ok"
            server.wait_until_idle()
        assert (server.connection_count, slept) == (3, [])


def test_abort_wakes_a_reader_that_blocks(transport):
    with RawServer(stream([b"one", threading.Event()])) as server:
        answer = transport.open(get(server.url), Timeout(read=None))
        assert answer.read() == b"one"
        seen = []
        reader = threading.Thread(target=lambda: seen.append(answer.read()), daemon=True)
        reader.start()
        answer.abort()
        reader.join(10)
        assert seen == [b""]


def test_close_leaves_a_stream_under_way(transport):
    go_on = threading.Event()
    with RawServer(stream([b"one", go_on, b"two"])) as server:
        answer = transport.open(get(server.url), PATIENT)
        transport.close()
        go_on.set()
        assert body_of(answer) == b"onetwo"


def test_one_transport_serves_many_threads(transport):
    barrier = threading.Barrier(4)
    wrong = []

    def work(name):
        for number in range(10):
            text = "%s %d" % (name, number)
            answer = transport.send(post(server.url, json=text), PATIENT)
            if json.loads(answer.body) != text:
                wrong.append((text, answer.body))

    def echo(connection, request):
        if json.loads(request.body).endswith(" 0"):
            barrier.wait(10)  # all four are under way at once
        reply(request.body)(connection, request)

    with RawServer(echo) as server:
        threads = [threading.Thread(target=work, args=(name,), daemon=True) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert (wrong, len(server.requests), server.connection_count) == ([], 40, 4)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_makes_requests_of_its_own_and_leaves_the_parents_stream_alone():
    go_on = threading.Event()
    with RawServer(stream([b"one", go_on, b"two"]), reply(b"idle"), reply(b"child")) as server:
        connection = Connection(server.url)
        call = Call(get(server.url), lambda response: response.body)
        answer = connection.begin(get(server.url))
        assert answer.read() == b"one"
        assert connection.send(call) == b"idle"  # over a connection that lies in the pool now
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                code = 0 if connection.send(call) == b"child" else 2
                connection.close()
            os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        go_on.set()
        assert body_of(answer) == b"two"
        assert connection.send(call) == b"child"
        assert server.connection_count == 3  # the child's is the third
        connection.close()


# --- Requests as they are sent


@pytest.mark.parametrize(
    "options, content_type, body",
    [
        ({"form": [("a", "ä &"), ("a", "2")]}, "application/x-www-form-urlencoded",
         b"a=%C3%A4+%26&a=2"),
        ({"form": []}, "application/x-www-form-urlencoded", b""),
        ({"json": {"a": "ä"}}, "application/json", b'{"a": "\\u00e4"}'),
        ({"json": []}, "application/json", b"[]"),
        ({}, None, b""),
    ],
)  # fmt: skip
def test_body_is_written_as_its_kind_demands(transport, options, content_type, body):
    with RawServer(reply(b"{}")) as server:
        transport.send(post(server.url, **options), PATIENT)
        (request,) = server.requests
        assert (request.headers.get("content-type"), request.body) == (content_type, body)
        assert request.headers["content-length"] == str(len(body))


def test_files_are_sent_as_multipart(transport):
    files = [FilePart("files", "ä.txt", b"\0\r\n--x", "text/plain")]
    with RawServer(reply(b"{}")) as server:
        transport.send(post(server.url, form=[("message", "hi ä")], files=files), PATIENT)
        (request,) = server.requests
        assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
        for expected in (b'name="message"', "hi ä".encode(), b"\0\r\n--x", "ä.txt".encode()):
            assert expected in request.body


def test_get_has_its_parameters_and_no_body(transport):
    with RawServer(reply(b"{}")) as server:
        transport.send(get(server.url + "/p%20q", params=[("a", "ä&"), ("b", "")]), PATIENT)
        (request,) = server.requests
        assert request.target == "/p%20q?a=%C3%A4%26&b="
        assert "content-length" not in request.headers
        assert request.headers["host"] == server.url[7:]
        assert request.headers["user-agent"].startswith("remoteagent-lite/")


def test_header_names_of_answers_are_in_lower_case(transport):
    with RawServer(reply(b"{}", headers=[("X-Thing", "A"), ("X-More", "1")])) as server:
        headers = transport.send(get(server.url), PATIENT).headers
        assert (headers["x-thing"], headers["x-more"]) == ("A", "1")


# --- Failures


def test_refused_port_is_unavailable_and_nothing_was_sent(transport):
    port = unused_port()
    error = failure(transport.send, post("http://127.0.0.1:%d/x" % port), PATIENT)
    assert type(error) is RemoteServerUnavailableError and not error.request_sent
    assert error.base_url == "http://127.0.0.1:%d/x" % port
    assert "Connection refused" in str(error) and "Is the server running" in str(error)
    assert error.original_error is error.__cause__ is not None


def test_unknown_host_is_unavailable_and_nothing_was_sent(transport, monkeypatch):
    def unknown(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure(transport.send, post("http://nothing.invalid/x"), PATIENT)
    assert type(error) is RemoteServerUnavailableError and not error.request_sent
    assert "host name is not known" in str(error)


def test_tls_to_a_plain_port_is_unavailable_and_nothing_was_sent(transport):
    with Listener(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        error = failure(transport.send, post("https://127.0.0.1:%d" % server.port), PATIENT)
        assert type(error) is RemoteServerUnavailableError and not error.request_sent
        assert "No secure connection" in str(error)


def test_connect_timeout_names_its_phase(transport, dead_address):
    error = failure(transport.send, post(dead_address + "/x"), Timeout(connect=0.2))
    assert (type(error), error.phase, error.seconds) == (RemoteTimeoutError, "connect", 0.2)
    assert not error.request_sent
    assert "No connection to %s/x within 0.2 s" % dead_address in str(error)


def test_silence_before_the_answer_is_a_read_timeout(transport):
    with RawServer(silence) as server:
        error = failure(transport.send, post(server.url), Timeout(read=0.05))
        assert (type(error), error.phase, error.seconds) == (RemoteTimeoutError, "read", 0.05)
        assert error.request_sent and "sent nothing for 0.05 s" in str(error)
        server.wait_until_idle()


@pytest.mark.parametrize("framing", FRAMINGS)
def test_silence_within_the_body_is_a_read_timeout(transport, framing):
    with RawServer(stream([b"one", threading.Event(), b"two"], framing=framing)) as server:
        answer = transport.open(post(server.url), Timeout(read=0.2))
        assert answer.read() == b"one"
        error = failure(answer.read)
        assert (type(error), error.phase, error.seconds) == (RemoteTimeoutError, "read", 0.2)
        assert error.request_sent
        assert answer.read() == b""


def endless(connection, request):
    """A byte now and then, for ever."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    pause = threading.Event()
    while not pause.wait(0.01):
        connection.send(b":")


def test_total_limit_is_not_postponed_by_a_dripping_server(transport):
    with RawServer(endless) as server:
        error = failure(transport.send, get(server.url), Timeout(read=10, total=0.2))
        assert (type(error), error.phase, error.seconds) == (RemoteTimeoutError, "total", 0.2)
        assert error.request_sent
        assert len(server.requests) == 1  # time is up: not tried again
        server.wait_until_idle()


def test_total_limit_counts_before_the_answer(transport):
    with RawServer(silence) as server:
        error = failure(transport.send, get(server.url), Timeout(read=10, total=0.1))
        assert (type(error), error.phase) == (RemoteTimeoutError, "total")


def test_total_limit_counts_while_connecting(transport, dead_address):
    error = failure(transport.send, post(dead_address), Timeout(connect=10, total=0.2))
    assert (type(error), error.phase, error.request_sent) == (RemoteTimeoutError, "total", False)


def test_total_limit_counts_over_all_attempts(slept):
    script = reply(b"", 503, headers=[("Retry-After", "20")])
    with RawServer(script) as server, opened(sleep=slept.append) as transport:
        error = failure(transport.send, get(server.url), Timeout(total=10))
        assert (type(error), slept, len(server.requests)) == (ServerError, [], 1)


@pytest.mark.parametrize("end", [hang_up, reset, raw(b"HTTP/1.1 2"), raw(b"nonsense\r\n\r\n"),
                                 raw(b"HTTP/1.1 xyz\r\n\r\n")])  # fmt: skip
def test_connection_lost_before_an_answer_may_have_been_executed(transport, end):
    with RawServer(end) as server:
        error = failure(transport.send, post(server.url, json=1), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent
        assert "may have executed" in str(error)
        assert len(server.requests) == 1


def exception_classes():
    found = set()
    for module in (requests.exceptions, urllib3.exceptions, http.client, ssl, socket):
        found.update(
            cls
            for name, cls in inspect.getmembers(module, inspect.isclass)
            if issubclass(cls, Exception) and not issubclass(cls, Warning) and name[0] != "_"
        )
    found.update([ConnectionResetError, BrokenPipeError, TimeoutError, UnicodeError])
    # What a lower layer raises only for our own mistakes, and what holds all the others.
    return sorted(found - {Exception, InterruptedError, KeyError}, key=lambda cls: cls.__name__)


def instances(cls):
    """The exception in all the ways in which it can be made."""
    for arguments in [
        (), ("text",), (None,), (OSError("reason"),), (Mock(), "text"), (Mock(), "url", "text"),
        (Mock(), "url", OSError("reason")), ("text", OSError("reason")), (b"partial", 5),
        (Mock(), b"5"), ("host", Mock(), socket.gaierror(-2, "unknown")),
        ("text", "document", 0), ("ascii", b"x", 0, 1, "reason"), (Mock(), "url"),
    ]:  # fmt: skip
        with contextlib.suppress(TypeError, AttributeError):
            yield cls(*arguments)


@pytest.mark.parametrize("cls", exception_classes(), ids=lambda cls: cls.__name__)
def test_every_exception_of_the_layers_below_is_translated(monkeypatch, cls):
    made = list(instances(cls))
    assert made
    with opened(retry=ONCE) as transport, RawServer(stream([b"one"])) as server:
        for error in made:
            answer = transport.open(get(server.url), PATIENT)
            monkeypatch.setattr(answer, "_receive", Mock(side_effect=error))
            translated = failure(answer.read)
            assert translated.__cause__ is error and translated.url == server.url
        monkeypatch.setattr(transport._adapter, "send", Mock(side_effect=made))
        for error in made:
            translated = failure(transport.send, get(server.url), PATIENT)
            assert translated.__cause__ is error and translated.url == server.url


def test_errors_that_are_not_the_networks_are_passed_on(transport, monkeypatch):
    monkeypatch.setattr(transport._adapter, "send", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        transport.send(get("http://127.0.0.1:1"), PATIENT)


# --- Statuses


@pytest.mark.parametrize(
    "status, cls",
    [
        (400, InvalidRequestError), (401, AuthenticationError), (403, PermissionDeniedError),
        (404, NotFoundError), (405, RemoteHTTPError), (409, ConflictError), (410, RemoteHTTPError),
        (422, InvalidRequestError), (429, RateLimitError), (500, ServerError), (501, ServerError),
        (502, ServerError), (503, ServerError), (504, ServerError),
        (300, RemoteHTTPError), (304, RemoteHTTPError),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["send", "open"])
def test_error_status_raises_its_class(transport, method, status, cls):
    body = b"" if status == 304 else b'{"detail": "because."}'
    with RawServer(reply(body, status, headers=[("X-Id", "7")])) as server:
        error = failure(getattr(transport, method), post(server.url + "/x"), PATIENT)
        assert type(error) is cls
        assert (error.status_code, error.url) == (status, server.url + "/x")
        assert error.detail == (None if status == 304 else "because.")
        assert error.headers["x-id"] == "7"
        assert "POST %s/x answered %d" % (server.url, status) in str(error)
        # The connection went on living, or is at least not in the way of the next request.
        failure(transport.send, post(server.url), PATIENT)


VALIDATION = [{"type": "missing", "loc": ["body", "message"], "msg": "Field required"}]


@pytest.mark.parametrize(
    "body, detail, message",
    [
        ('{"detail": "Agent not found"}', "Agent not found", ": Agent not found."),
        ({"detail": VALIDATION}, VALIDATION, ": body.message: Field required."),
        ({"detail": {"a": 1}}, {"a": 1}, "{'a': 1}"),
        ({"detail": json.dumps({"detail": "inner"})}, "inner", ": inner."),
        ({"detail": json.dumps({"error": "x"})}, '{"error": "x"}', '{"error": "x"}'),
        ({"detail": "{not JSON"}, "{not JSON", "{not JSON"),
        ({"detail": None}, None, ""),
        ({"detail": ""}, "", ""),
        ({"detail": []}, [], ""),
        ({"detail": [1, "x"]}, [1, "x"], "[1, 'x']"),
        ({"detail": [{"loc": None, "msg": "m"}]}, [{"loc": None, "msg": "m"}], "'msg': 'm'"),
        ({"detail": [{"loc": 5}, {"msg": 1}]}, [{"loc": 5}, {"msg": 1}], "'loc': 5"),
        ({"error": "x"}, '{"error": "x"}', '{"error": "x"}'),
        ([1], "[1]", "[1]"),
        ("Bad Gateway", "Bad Gateway", ": Bad Gateway."),
        ("<html><h1>Oops</h1>", None, ""),
        ("", None, ""),
        (b"\xff\xfe", "\ufffd\ufffd", "\ufffd"),
        ("[" * 60000, ("[" * 500), "[" * 300 + "."),
    ],
    ids=lambda value: str(value)[:20],
)
def test_explanation_of_the_server_is_kept(transport, body, detail, message):
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    with RawServer(reply(text, 422)) as server:
        error = failure(transport.send, get(server.url), PATIENT)
        assert error.detail == detail
        assert message in str(error) and len(str(error)) < 600
        if isinstance(text, str):
            assert error.body == text


@pytest.mark.parametrize("depth", range(10, 1500, 10))
def test_deeply_nested_explanation_is_survived(depth):
    detail = failures._detail('{"detail": %s%s}' % ("[" * depth, "]" * depth))
    failures._shortened(detail)


def test_html_where_json_belongs_is_named():
    script = reply("<html>", 404, content_type="text/html; charset=utf-8")
    with RawServer(script) as server, opened() as transport:
        error = failure(transport.send, get(server.url), PATIENT)
        assert "The answer is text/html: check that base_url" in str(error)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_huge_error_body_is_read_only_to_the_limit(transport, framing):
    never = threading.Event()
    script = [b"x" * transport_module.MAX_ERROR_BODY, b"y" * 10, never, b"z"]
    with RawServer(stream(script, framing=framing, status=500)) as server:
        error = failure(transport.send, post(server.url), PATIENT)
        assert error.body == "x" * transport_module.MAX_ERROR_BODY
        assert len(str(error)) < 600


@pytest.mark.parametrize(
    "framing, end",
    [("chunked", "cut"), ("chunked", "reset"), ("length", "cut"), ("close", "cut")],
)
def test_error_answer_that_breaks_off_is_never_taken_for_a_whole_one(framing, end):
    pieces = [b'{"detail": "half']
    options = {"framing": framing, "end": end, "content_type": "application/json"}
    script = stream(pieces, status=404, **options)
    with opened(retry=ONCE) as transport, RawServer(script) as server:
        error = failure(transport.send, post(server.url), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent


def test_lost_error_answer_to_a_get_is_asked_for_again(transport, slept):
    script = stream([b'{"detail": "half'], status=404, framing="length", end="cut")
    with RawServer(script, reply(b'{"detail": "gone"}', 404)) as server:
        assert failure(transport.send, get(server.url), PATIENT).detail == "gone"
        assert slept == [0.25]


def test_compressed_error_body_is_read(transport):
    with RawServer(reply('{"detail": "x"}', 400, gzip=True)) as server:
        assert failure(transport.send, get(server.url), PATIENT).detail == "x"


@pytest.mark.parametrize("value, expected", [("7", 7.0), ("later", None)])
def test_wish_of_the_server_is_told(value, expected):
    with RawServer(reply(b"", 429, headers=[("Retry-After", value)])) as server:
        with opened(retry=RetryPolicy(patience=0)) as transport:
            assert failure(transport.send, get(server.url), PATIENT).retry_after == expected


@pytest.mark.parametrize(
    "authorized, step", [(True, "token that was sent"), (False, "auth_token=")]
)
def test_message_for_401_knows_whether_a_token_was_sent(transport, authorized, step):
    headers = {"Authorization": "Bearer x"} if authorized else {}
    with RawServer(reply('{"detail": "no"}', 401)) as server:
        assert step in str(failure(transport.send, get(server.url, headers=headers), PATIENT))


# --- Redirects


def redirect(location, status=302):
    return reply(b"", status, headers=[("Location", location)])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/there?x=1", "there?x=1", "%s/there?x=1", "/a b/../there"])
def test_get_is_redirected_within_its_origin(transport, status, location):
    with RawServer() as server:
        target = location % server.url if "%s" in location else location
        server.then(redirect(target, status), reply(b"ok"))
        request = get(server.url + "/here", headers={"Authorization": "Bearer t"})
        assert transport.send(request, PATIENT).body == b"ok"
        assert server.requests[1].path.endswith("there")
        assert server.requests[1].headers["authorization"] == "Bearer t"


@pytest.mark.parametrize("status", [307, 308])
def test_post_is_redirected_with_its_body_if_the_status_keeps_it(transport, status):
    with RawServer(redirect("/there/", status), reply(b"ok")) as server:
        answer = transport.send(post(server.url + "/there", json={"a": 1}), PATIENT)
        assert (answer.body, answer.url) == (b"ok", server.url + "/there/")
        assert [request.method for request in server.requests] == ["POST", "POST"]
        assert server.requests[1].body == server.requests[0].body == b'{"a": 1}'


@pytest.mark.parametrize("status", [301, 302, 303])
def test_post_that_would_become_a_get_is_not_redirected(transport, status):
    with RawServer(redirect("/there", status)) as server:
        error = failure(transport.send, post(server.url), PATIENT)
        assert type(error) is ProtocolError and "turn it into a GET" in str(error)
        assert len(server.requests) == 1


@pytest.mark.parametrize("method", [get, post])
@pytest.mark.parametrize("status", [302, 307])
def test_redirect_to_another_origin_is_refused(transport, method, status):
    with RawServer(reply(b"no")) as other:
        targets = [
            other.url + "/x",  # another port
            "//127.0.0.1:%d/x" % other.port,
            "http://localhost:%d/x" % other.port,
            "http://user:pw@127.0.0.1:%d/x" % other.port,
        ]
        for target in targets:
            with RawServer(redirect(target, status)) as server:
                request = method(server.url, headers={"Authorization": "Bearer t0ken"})
                error = failure(transport.send, request, PATIENT)
                assert type(error) is ProtocolError and "another origin" in str(error)
                assert "pw" not in str(error)
        assert other.requests == []


def test_redirect_to_another_scheme_or_host_is_refused(transport):
    with RawServer() as server:
        for target in ("https://127.0.0.1:%d/" % server.port, "http://localhost:%d/" % server.port,
                       "ftp://127.0.0.1:%d/" % server.port):  # fmt: skip
            server.then(redirect(target))
            error = failure(transport.send, get(server.url), PATIENT)
            assert type(error) is ProtocolError and "another origin" in str(error)


@pytest.mark.parametrize("target", ["http://[bad", "http://h:99999/", "http://h:x/", "\x7f:\xff"])
def test_redirect_to_nonsense_is_a_protocol_error(transport, target):
    with RawServer(redirect(target)) as server:
        error = failure(transport.send, get(server.url), PATIENT)
        assert isinstance(error, RemoteAgentError) and server.url in str(error)


def test_redirects_in_a_circle_end(transport):
    with RawServer(redirect("/")) as server:
        error = failure(transport.send, get(server.url), PATIENT)
        assert type(error) is ProtocolError and "more than 5 times" in str(error)
        assert len(server.requests) == 6


def test_redirect_without_a_target_is_an_error_status(transport):
    with RawServer(reply(b"", 302)) as server:
        assert failure(transport.send, get(server.url), PATIENT).status_code == 302


# --- Repeating


@pytest.mark.parametrize("status", [502, 503, 504])
def test_get_is_repeated_after_a_gateways_error(transport, slept, status):
    with RawServer(reply(b"", status), reply(b"ok")) as server:
        assert transport.send(get(server.url), PATIENT).body == b"ok"
        assert (slept, len(server.requests)) == ([0.25], 2)


@pytest.mark.parametrize("lost", [hang_up, reset, stream([b"x"], end="cut", framing="length")])
def test_get_is_repeated_after_a_lost_connection(transport, slept, lost):
    with RawServer(lost, reply(b"ok")) as server:
        assert transport.send(get(server.url), PATIENT).body == b"ok"
        assert (slept, len(server.requests)) == ([0.25], 2)


@pytest.mark.parametrize("lost", [hang_up, reset, reply(b"", 502), reply(b"", 503),
                                  stream([b"x"], end="cut", framing="length")])  # fmt: skip
@pytest.mark.parametrize("repeatable", [False, True])
def test_post_is_never_repeated_once_it_was_sent(transport, slept, lost, repeatable):
    with RawServer(lost, reply(b"ok")) as server:
        failure(transport.send, post(server.url, json=1), PATIENT, repeatable=repeatable)
        assert (slept, len(server.requests)) == ([], 1)


@pytest.mark.parametrize("lost", [hang_up, reset, reply(b"", 503)])
@pytest.mark.parametrize("repeatable", [False, True])
def test_run_is_repeated_if_the_caller_opted_in(lost, repeatable):
    policy = RetryPolicy(retry_runs=True, backoff=0)
    with RawServer(lost, reply(b"ok")) as server, opened(retry=policy) as transport:
        if repeatable:
            answer = transport.send(post(server.url, json=1), PATIENT, repeatable=True)
            assert answer.body == b"ok"
        else:  # the caller's word is for runs alone
            failure(transport.send, post(server.url, json=1), PATIENT)
        assert len(server.requests) == 1 + repeatable


@pytest.mark.parametrize("method", ["send", "open"])
def test_post_is_repeated_when_it_was_refused(monkeypatch, method):
    attempts = []

    def refused_once(*arguments, **options):
        attempts.append(1)
        port = unused_port() if len(attempts) == 1 else arguments[1]
        return resolve(arguments[0], port, *arguments[2:], **options)

    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", refused_once)
    with RawServer(reply(b"ok")) as server, opened(sleep=Mock()) as transport:
        answer = getattr(transport, method)(post(server.url, json=1), PATIENT)
        assert (answer.body if method == "send" else body_of(answer)) == b"ok"
        assert (len(attempts), len(server.requests)) == (2, 1)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 501])
def test_other_statuses_are_not_repeated(transport, slept, status):
    with RawServer(reply(b"", status)) as server:
        failure(transport.send, get(server.url), PATIENT)
        assert (slept, len(server.requests)) == ([], 1)


def test_attempts_are_bounded(slept):
    policy = RetryPolicy(max_attempts=4, backoff=1, max_backoff=3)
    with RawServer(reply(b"", 503)) as server:
        with opened(retry=policy, sleep=slept.append) as transport:
            assert failure(transport.send, get(server.url), PATIENT).status_code == 503
        assert (slept, len(server.requests)) == ([1, 2, 3], 4)


BUSY = [429, 503]


@pytest.mark.parametrize("status", BUSY)
@pytest.mark.parametrize("ask", [get, post])
def test_what_was_refused_unexecuted_is_asked_again_when_the_server_says(slept, status, ask):
    busy = reply(b"", status, headers=[("Retry-After", "5")])
    with RawServer(busy, busy, busy, reply(b"ok")) as server:
        with opened(sleep=slept.append) as transport:
            assert transport.send(ask(server.url), PATIENT).body == b"ok"
            assert all(4.9 < each < 6.1 for each in slept)
            assert (len(slept), len(server.requests)) == (3, 4)


@pytest.mark.parametrize("status", BUSY)
def test_patience_with_a_busy_server_ends(slept, status):
    busy = reply(b"", status, headers=[("Retry-After", "61")])
    with RawServer(busy) as server, opened(sleep=slept.append) as transport:
        assert failure(transport.send, post(server.url), PATIENT).status_code == status
        with opened(retry=RetryPolicy(patience=100)) as patient:
            late = failure(patient.send, post(server.url), Timeout(total=60))
            assert late.status_code == status
        assert (slept, len(server.requests)) == ([], 2)


def test_a_refusal_without_a_time_is_for_the_caller(slept):
    with RawServer(reply(b"", 429)) as server, opened(sleep=slept.append) as transport:
        assert failure(transport.send, post(server.url), PATIENT).status_code == 429
        assert (slept, len(server.requests)) == ([], 1)


def test_one_refusal_slows_all_who_ask_the_same_and_nobody_else(slept):
    busy = reply(b"", 429, headers=[("Retry-After", "30")])
    with RawServer(busy, reply(b"ok")) as server, opened(sleep=slept.append) as transport:
        for _ in range(3):  # no time passes: the server's has not come
            assert transport.send(post(server.url + "/runs"), PATIENT).body == b"ok"
        assert [29 < each < 31.1 for each in slept] == [True] * 3
        assert transport.send(post(server.url + "/other"), PATIENT).body == b"ok"
        assert (len(slept), len(server.requests)) == (3, 5)


# --- What the environment says


def test_proxy_of_the_environment_is_used(monkeypatch):
    with RawServer(reply(b"by proxy")) as proxy, RawServer(reply(b"direct")) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//me:pa%20ss@"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with opened() as transport:
            answer = transport.send(get("http://nothing.invalid/x?y=1"), PATIENT)
            assert answer.body == b"by proxy"
            assert proxy.requests[0].target == "http://nothing.invalid/x?y=1"
            assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cGEgc3M="
            assert transport.send(get(server.url), PATIENT).body == b"direct"


def test_proxy_that_was_given_goes_before_the_environments(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with RawServer(reply(b"by proxy")) as proxy:
        with opened(proxies={"http": proxy.url}) as transport:
            assert transport.send(get("http://nothing.invalid/"), PATIENT).body == b"by proxy"


def test_stream_through_a_proxy_arrives_as_it_comes():
    go_on = threading.Event()
    with RawServer(stream([b"one", go_on, b"two"])) as proxy:
        with opened(proxies={"http": proxy.url}) as transport:
            answer = transport.open(get("http://nothing.invalid/"), PATIENT)
            assert answer.read() == b"one"
            go_on.set()
            assert body_of(answer) == b"two"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_proxy_that_is_not_there_is_named(scheme):
    proxy = "http://me:secret@127.0.0.1:%d" % unused_port()
    with opened(proxies={scheme: proxy}, retry=ONCE) as transport:
        error = failure(transport.send, post(scheme + "://nothing.invalid/"), PATIENT)
        assert type(error) is RemoteServerUnavailableError and not error.request_sent
        assert "through the proxy" in str(error)
        assert "secret" not in everything(error)


def test_login_of_netrc_is_used_unless_another_is_given(transport, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with RawServer(reply(b"{}")) as server:
        transport.send(get(server.url), PATIENT)
        transport.send(get(server.url, headers={"Authorization": "Bearer t"}), PATIENT)
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == ["Basic bWU6c2VjcmV0", "Bearer t"]


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", None])
def test_certificate_of_a_private_authority_is_accepted(monkeypatch, name):
    if name:
        monkeypatch.setenv(name, PEM)
    with secure(OK) as server, opened(verify=True if name else PEM) as transport:
        answer = transport.send(get("https://localhost:%d/" % server.port), PATIENT)
        assert answer.body == b"ok"


def test_unknown_certificate_is_refused_before_anything_is_sent():
    with secure(OK) as server, opened(retry=ONCE) as transport:
        error = failure(transport.send, post("https://localhost:%d/" % server.port), PATIENT)
        assert type(error) is RemoteServerUnavailableError and not error.request_sent
        assert "verify='/path/ca.pem'" in str(error)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_verification_can_be_switched_off():
    with secure(OK) as server, opened(verify=False) as transport:
        assert transport.send(get("https://localhost:%d/" % server.port), PATIENT).body == b"ok"


def test_secure_stream_arrives_as_it_comes_and_can_be_aborted():
    go_on, never = threading.Event(), threading.Event()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    script = (head, b"3\r\none\r\n", go_on, b"3\r\ntwo\r\n", never)
    with secure(*script) as server, opened(verify=PEM) as transport:
        answer = transport.open(get("https://localhost:%d/" % server.port), PATIENT)
        assert answer.read() == b"one"
        go_on.set()
        assert answer.read() == b"two"
        seen = []
        reader = threading.Thread(target=lambda: seen.append(answer.read()), daemon=True)
        reader.start()
        answer.abort()
        reader.join(10)
        assert seen == [b""]
        never.set()


def test_missing_ca_bundle_is_a_mistake_and_no_lost_connection(slept):
    with opened(verify="/nowhere/ca.pem", sleep=slept.append) as transport:
        error = failure(transport.send, post("https://localhost:1/"), PATIENT)
        assert type(error) is RemoteAgentError and "verify=" in str(error)
        assert "/nowhere/ca.pem" in str(error) and slept == []


# --- Secrets

TOKEN = "t0p-s3cret"


def everything(error):
    """All that a log could show of an error, its causes and their attributes."""
    shown, queue, seen = [], [error], set()
    while queue:
        item = queue.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        shown += [str(item), repr(item), repr(vars(item)), repr(item.args)]
        shown += traceback.format_exception_only(type(item), item)
        queue += [item.__cause__]
        if not item.__suppress_context__:
            queue.append(item.__context__)
    return "\n".join(shown)


def failing(script):
    def call(connection, server):
        connection.send(Call(post(server.url + "/x", json={}), lambda response: response))

    return script, call


def failing_stream(script):
    def call(connection, server):
        body_of(connection.open(StreamCall(post(server.url + "/x", json={}), None)))

    return script, call


@pytest.mark.parametrize(
    "script, call",
    [failing(reply(b'{"detail": "no"}', status)) for status in (400, 401, 403, 404, 422, 429, 500)]
    + [failing(script) for script in (hang_up, reset, raw(b"nonsense\r\n\r\n"), silence)]
    + [failing(redirect(target)) for target in ("http://other.invalid/", "/", "http://[bad")]
    + [failing(redirect("/", 307)), failing(reply(b"x", headers=[("Content-Encoding", "br")]))]
    + [failing_stream(script) for script in (
        reply(b"<html>", content_type="text/html"),
        stream([b"x"], end="cut"), stream([b"x"], end="reset"), stream([b"x", threading.Event()]),
    )],
)  # fmt: skip
def test_no_error_shows_a_secret(script, call):
    with RawServer(script) as server:
        url = server.url.replace("//", "//me:%s@" % TOKEN)
        settings = {"timeout": Timeout(read=0.1), "headers": {"X-Key": TOKEN}, "retry": ONCE}
        for credentials in ({}, {"auth_token": TOKEN}):
            connection = Connection(url, **settings, **credentials)
            error = failure(call, connection, server)
            assert TOKEN not in everything(error)
            assert TOKEN not in repr(connection) and TOKEN not in connection.base_url
            connection.close()
        assert TOKEN.encode() in server.requests[-1].raw  # there was something to be shown


BAD_VALUES = [TOKEN + "\n", "a\r\nX: " + TOKEN, TOKEN + "\0", TOKEN + "\u20ac"]


@pytest.mark.parametrize("value", BAD_VALUES)
def test_unusable_header_values_are_refused_without_being_shown(value):
    with RawServer(reply(b"{}")) as server:
        connection = Connection(server.url)
        call = Call(get(server.url), lambda response: response)
        for attempt in (
            lambda: Connection(server.url, headers={"X-Key": value}),
            lambda: connection.send(call, {"headers": {"X-Key": value}}),
            lambda: connection.send(call, {"auth_token": "x" + value + "x"}),
            lambda: connection.send(call, {"auth_token": lambda: "x" + value + "x"}),
            lambda: Connection(server.url, auth_token="x" + value + "x"),
        ):
            with pytest.raises(ValueError, match="header") as caught:
                attempt()
            assert TOKEN not in everything(caught.value)
        assert server.requests == []


@pytest.mark.parametrize("name", ["", "X:Y", "X Y", "X\n", "X\0"])
def test_unusable_header_names_are_refused(name):
    with pytest.raises(ValueError, match="header"):
        Connection("http://host", headers={name: TOKEN})


@pytest.mark.parametrize("headers", [{"X": 1}, {"X": b"x"}, {1: "x"}, {"X": None}])
def test_headers_of_other_types_are_refused(headers):
    with pytest.raises(TypeError, match="header"):
        Connection("http://host", headers=headers)


@pytest.mark.parametrize("token", [5, b"x", ["x"]])
def test_tokens_of_other_types_are_refused(token):
    connection = Connection("http://host")
    with pytest.raises(TypeError, match="auth_token"):
        connection.send(Call(get("http://host"), None), {"auth_token": lambda: token})


@pytest.mark.parametrize(
    "settings, options, expected",
    [
        ({}, {}, None),
        ({"auth_token": "t"}, {}, "Bearer t"),
        ({"auth_token": " t\n"}, {}, "Bearer t"),
        ({"auth_token": "Bearer t"}, {}, "Bearer t"),
        ({"auth_token": lambda: "t"}, {}, "Bearer t"),
        ({"auth_token": "t"}, {"auth_token": "u"}, "Bearer u"),
        ({"auth_token": "t"}, {"auth_token": None}, "Bearer t"),
        ({"headers": {"authorization": "Basic x"}}, {}, "Basic x"),
        ({"headers": {"authorization": "Basic x"}}, {"auth_token": "t"}, "Bearer t"),
        ({}, {"headers": {"AUTHORIZATION": "Basic x"}}, "Basic x"),
    ],
)
def test_caller_is_known_by_the_nearest_credentials(settings, options, expected):
    with RawServer(reply(b"{}")) as server:
        connection = Connection(server.url, **settings)
        connection.send(Call(get(server.url), lambda response: None), options)
        connection.close()
        assert server.requests[0].headers.get("authorization") == expected
        assert server.requests[0].raw.lower().count(b"authorization") == (expected is not None)


def test_login_of_the_url_is_sent_and_not_kept_in_the_url():
    with RawServer(reply(b"{}")) as server:
        connection = Connection(server.url.replace("//", "//me:s%40cret@"))
        assert connection.base_url == server.url
        connection.send(Call(get(server.url), lambda response: None))
        connection.send(Call(get(server.url), lambda response: None), {"auth_token": "t"})
        connection.close()
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == ["Basic bWU6c0BjcmV0", "Bearer t"]


def test_callable_token_is_asked_once_for_each_request():
    tokens = iter("abc")
    with RawServer(reply(b"{}")) as server:
        connection = Connection(server.url, auth_token=lambda: next(tokens))
        for _ in range(3):
            connection.send(Call(get(server.url), lambda response: None))
        connection.close()
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == ["Bearer a", "Bearer b", "Bearer c"]


# --- Connection


@pytest.mark.parametrize(
    "given, expected",
    [
        ("http://host", "http://host"),
        ("http://host/", "http://host"),
        ("HTTP://Host:80/Path//", "http://host:80/Path"),
        ("https://user:pw@host/x/", "https://host/x"),
        ("http://b\u00fccher.example/\u00e4 b", "http://xn--bcher-kva.example/%C3%A4%20b"),
        ("http://[::1]:7777/", "http://[::1]:7777"),
    ],
)
def test_url_is_normalised(given, expected):
    assert normal_url(given) == expected


@pytest.mark.parametrize(
    "url", ["", "host", "host:7777", "ftp://host", "http://", "http:///x", "http://host:x",
            "http://me:%s@host:x" % TOKEN, "htp://me:%s@host" % TOKEN, "me:%s@host:1" % TOKEN,
            "http://me:a/%s@h" % TOKEN, "http://me:1/%s@h" % TOKEN, "http://me:a?%s@h" % TOKEN,
            "http://me:1/a#%s@h" % TOKEN, "http://me:%s/a@h" % TOKEN, "http://me:%s?a@h" % TOKEN,
            "http://me:%s@[::1" % TOKEN, "http://h/?a=%s" % TOKEN, "http://h/#%s" % TOKEN,
            None, 5, b"http://host"],
)  # fmt: skip
def test_unusable_url_is_refused_without_secrets(url):
    with pytest.raises(ValueError, match="base_url") as caught:
        Connection(url)
    assert TOKEN not in everything(caught.value)


def test_answer_that_is_no_stream_is_refused_where_one_was_asked_for():
    with RawServer(reply("<html>hello", content_type="Text/HTML; charset=utf-8")) as server:
        connection = Connection(server.url)
        error = failure(connection.open, StreamCall(get(server.url), None))
        assert type(error) is ProtocolError
        assert "text/html" in str(error) and "<html>hello" in str(error)
        assert server.requests[0].headers["accept"] == "text/event-stream"
        connection.close()


def test_timeout_of_a_call_goes_before_the_connections():
    with RawServer(silence) as server:
        connection = Connection(server.url, timeout=30)
        call = Call(post(server.url), lambda response: response)
        error = failure(connection.send, call, {"timeout": 0.05})
        assert (error.phase, error.seconds) == ("read", 0.05)
        connection.close()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_connection_survives_pickling(protocol):
    with RawServer(reply(b"ok")) as server:
        policy = RetryPolicy(max_attempts=5)
        connection = Connection(server.url, Timeout(read=9), "t", {"x-a": "b"}, policy)
        call = Call(get(server.url), lambda response: response.body)
        assert connection.send(call) == b"ok"  # it has a socket now, which stays here
        again = pickle.loads(pickle.dumps(connection, protocol))
        assert (again.base_url, again.timeout) == (server.url, Timeout(read=9))
        assert again.send(call) == b"ok"
        first, second = server.requests
        assert second.headers == first.headers
        assert second.headers["authorization"] == "Bearer t" and second.headers["x-a"] == "b"
        assert again.transport()._retry == policy
        assert server.connection_count == 2
        connection.close()
        again.close()


# --- Test libraries


@responses.activate
def test_responses_library_answers_a_call(transport):
    responses.add("GET", "http://host/x", json={"a": 1})
    responses.add("POST", "http://host/x", json={"detail": "no"}, status=404)
    assert json.loads(transport.send(get("http://host/x"), PATIENT).body) == {"a": 1}
    assert failure(transport.send, post("http://host/x", json={}), PATIENT).detail == "no"
    assert responses.calls[1].request.body == b"{}"


@responses.activate
def test_responses_library_answers_a_stream(transport):
    responses.add("POST", "http://host/x", b"data: 1\n\n", content_type="text/event-stream")
    answer = transport.open(post("http://host/x"), Timeout(total=10))
    assert answer.content_type == "text/event-stream"
    assert body_of(answer) == b"data: 1\n\n"
    answer.abort()


@responses.activate
def test_responses_library_fails_as_the_network_would(transport):
    responses.add("POST", "http://host/x", body=requests.ConnectionError("no"))
    error = failure(transport.send, post("http://host/x"), PATIENT)
    assert type(error) is RemoteServerUnavailableError and error.request_sent
