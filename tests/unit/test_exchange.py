"""What became of a request, whose answer it is, and limits that hold: on crafted servers."""

import contextlib
import gzip
import json
import socket
import ssl
import sys
import threading
import time

import pytest
import requests
import responses
import urllib3.connectionpool

from remoteagent_lite.channels.agentos import Connection
from remoteagent_lite.errors import (
    InvalidRequestError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
)
from remoteagent_lite.http.exchange import Exchange
from remoteagent_lite.options import RetryPolicy, Timeout
from remoteagent_lite.protocols.contract import Call, StreamCall
from remoteagent_lite.wire import FilePart
from tests.peers.faults import RawServer, hang_up, raw, reply, reset, silence, stream, tunnel
from tests.polling import eventually
from tests.unit.test_transport import (
    ONCE,
    PATIENT,
    PEM,
    dead_address,
    everything,
    failure,
    get,
    opened,
    post,
    unused_port,
)

__all__ = ["dead_address"]

TOKEN = "t0p-s3cret"


def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


def garbage(connection, request):
    """Bytes that TLS cannot read, in place of an answer."""
    connection.send_unencrypted(b"\0" * 100)
    connection.wait_until_client_closes()


class Way:
    """A way to a server: directly or by a proxy, plain or by TLS."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return self.name

    def server(self, *handlers):
        if self.name == "CONNECT":
            # Every connection begins with a tunnel; the last handler serves all that follows.
            return RawServer(tunnel(tls()), *handlers)
        return RawServer(*handlers, context=tls() if self.name == "TLS" else None)

    def settings(self, server):
        if self.name == "proxy":
            return {"proxies": {"http": server.url}}
        if self.name == "CONNECT":
            return {"proxies": {"https": server.url}, "verify": PEM}
        return {"verify": PEM}

    def url(self, server):
        return {"proxy": "http://nothing.invalid", "CONNECT": "https://localhost:1"}.get(
            self.name, server.url
        )

    def executed(self, server):
        return [request for request in server.requests if request.method != "CONNECT"]


WAYS = [Way(name) for name in ("plain", "TLS", "proxy", "CONNECT")]
every_way = pytest.mark.parametrize("way", WAYS, ids=repr)


@contextlib.contextmanager
def going(way, *handlers, **settings):
    with way.server(*handlers) as server:
        with opened(**way.settings(server), **settings) as transport:
            yield server, transport


# --- Whether it was sent


@every_way
@pytest.mark.parametrize("lost", [hang_up, reset])
def test_run_is_never_sent_twice_when_the_connection_is_lost_behind_it(way, lost):
    with going(way, lost) as (server, transport):
        error = failure(transport.send, post(way.url(server), json=1), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent
        assert "may have executed" in str(error)
        assert len(way.executed(server)) == 1


@pytest.mark.parametrize("way", [WAYS[1], WAYS[3]], ids=repr)
def test_run_is_never_sent_twice_when_tls_breaks_behind_it(way):
    with going(way, garbage) as (server, transport):
        error = failure(transport.send, post(way.url(server), json=1), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent
        assert len(way.executed(server)) == 1


@pytest.mark.parametrize("line", [b"220 mail ready\x1b[2J", b"HTTP/1.1 101 Switching Protocols"])
def test_answer_that_is_no_http_is_shown_on_one_line_without_control_characters(line):
    with going(WAYS[0], raw(line + b"\r\n\r\n")) as (server, transport):
        error = failure(transport.send, post(server.url, json=1), PATIENT)
    assert type(error) is RemoteServerUnavailableError and error.request_sent
    assert "the answer is not HTTP: '" in str(error)
    assert str(error).isprintable() and "may have executed" in str(error)


def test_run_is_never_sent_twice_where_another_server_failed_before():
    with opened() as transport, RawServer(hang_up) as server:
        try:
            transport.send(post("http://127.0.0.1:%d" % unused_port()), PATIENT)
        except RemoteServerUnavailableError as first:
            assert not first.request_sent
            error = failure(transport.send, post(server.url, json=1), PATIENT)
        assert error.request_sent and "refused" not in str(error)
        assert len(server.requests) == 1


def test_run_is_never_sent_twice_because_of_its_hosts_name(monkeypatch):
    resolve = socket.getaddrinfo

    def local(host, *arguments, **options):
        return resolve("127.0.0.1", *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", local)
    with opened() as transport, RawServer(silence) as server:
        url = "http://handshake.timed-out.invalid:%d/" % server.port
        error = failure(transport.send, post(url, json=1), Timeout(read=0.1))
        assert (type(error), error.phase, error.request_sent) == (RemoteTimeoutError, "read", True)
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        raw(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
        raw(b"HTTP/1.1 200 Connection establ"),
        raw(b"HTTP/1.1 200 Connection established\r\nX: y\r\n"),
        raw(b"nonsense\r\n\r\n"),
        hang_up,
        reset,
    ],
    ids=["407", "cut status", "cut head", "nonsense", "closed", "reset"],
)
def test_request_that_the_proxy_never_let_through_was_not_sent(refusal):
    with opened(retry=ONCE, proxies={"https": ""}) as transport, RawServer(refusal) as proxy:
        transport._proxies["https"] = proxy.url
        error = failure(transport.send, post("https://localhost:1/", json=1), PATIENT)
        assert type(error) is RemoteServerUnavailableError and not error.request_sent
        assert "through the proxy" in str(error)


def test_request_that_the_proxy_refused_first_is_sent_by_the_next_tunnel():
    no = raw(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    with RawServer(no, tunnel(tls()), reply(b"ok")) as proxy:
        settings = {"proxies": {"https": proxy.url}, "verify": PEM}
        with opened(sleep=[].append, **settings) as transport:
            assert transport.send(post("https://localhost:1/", json=1), PATIENT).body == b"ok"
        assert [request.method for request in proxy.requests] == ["CONNECT", "CONNECT", "POST"]


def test_request_on_a_kept_connection_that_was_reset_goes_out_on_another(monkeypatch):
    """Nothing can be sent on it, which is known even for a run."""

    def reply_and_reset(connection, request):
        reply(b"ok")(connection, request)
        go_on.wait(10)
        connection.reset()

    go_on = threading.Event()
    with opened(sleep=[].append) as transport, RawServer(reply_and_reset, reply(b"ok")) as server:
        assert transport.send(post(server.url), PATIENT).body == b"ok"
        go_on.set()
        server.wait_until_idle()
        # As if it happened between urllib3's look and the first byte.
        monkeypatch.setattr(urllib3.connectionpool, "is_connection_dropped", lambda conn: False)
        assert transport.send(post(server.url, json=1), PATIENT).body == b"ok"
        assert (len(server.requests), server.connection_count) == (2, 2)


def test_request_whose_pool_another_thread_closed_goes_out_on_another(monkeypatch):
    with opened(sleep=[].append) as transport, RawServer(reply(b"ok")) as server:
        closing = [transport.close]
        # Called with the pool in hand, before a connection is taken out of it.
        monkeypatch.setattr(
            transport._adapter, "add_headers", lambda *_, **__: closing and closing.pop()()
        )
        assert transport.send(post(server.url, json=1), PATIENT).body == b"ok"
        assert len(server.requests) == 1


@responses.activate
def test_what_a_test_library_says_about_connecting_is_believed():
    with opened(retry=ONCE) as transport:
        responses.add("POST", "http://host/a", body=requests.exceptions.ConnectTimeout("no"))
        error = failure(transport.send, post("http://host/a"), PATIENT)
        assert (type(error), error.phase, error.request_sent) == (
            RemoteTimeoutError,
            "connect",
            False,
        )
        responses.add("POST", "http://host/b", body=requests.exceptions.ReadTimeout("no"))
        error = failure(transport.send, post("http://host/b"), PATIENT)
        assert (type(error), error.phase, error.request_sent) == (RemoteTimeoutError, "read", True)


# --- Whose answer it is

OK = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"
INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
    "199": b"HTTP/1.1 199 Whatever\r\nContent-Length: 5\r\n\r\n",
    "several": b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + b"HTTP/1.1 100 Continue\r\n\r\n",
}


@every_way
@pytest.mark.parametrize("interim", sorted(INTERIM))
def test_nobody_gets_the_answer_to_an_earlier_request(way, interim):
    def echo(connection, request):
        connection.send(INTERIM[interim])
        connection.send(OK % (len(request.body), request.body))

    with going(way, echo) as (server, transport):
        for number in range(3):
            answer = transport.send(post(way.url(server), json=number), PATIENT)
            assert (answer.status, json.loads(answer.body)) == (200, number)
        assert server.connection_count == 1


def test_final_answer_is_waited_for_however_long_interim_ones_come():
    go_on = threading.Event()
    interim = INTERIM["102"]
    with opened() as transport, RawServer(raw(interim, interim, go_on, OK % (2, b"ok"))) as server:
        seen = []
        caller = threading.Thread(
            target=lambda: seen.append(transport.send(post(server.url), PATIENT).body), daemon=True
        )
        caller.start()
        server.wait_for_requests(1)
        assert seen == []
        go_on.set()
        caller.join(10)
        assert seen == [b"ok"]


@pytest.mark.parametrize(
    "first",
    [
        OK % (2, b"ok") + OK % (4, b"evil"),
        OK % (0, b"") + OK % (4, b"evil"),
        OK % (2, b"okevil"),
        b"HTTP/1.1 204 No Content\r\n\r\n" + OK % (4, b"evil"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + OK % (4, b"evil"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n" + OK % (1, b"x"),
    ],
    ids=["two", "empty", "longer", "204", "chunked", "trailer"],
)
def test_nobody_gets_what_a_server_sent_behind_an_answer(first):
    with opened() as transport, RawServer(raw(first, close=False), reply(b"mine")) as server:
        assert b"evil" not in transport.send(post(server.url), PATIENT).body
        assert transport.send(post(server.url), PATIENT).body == b"mine"
        assert server.connection_count == 2


@pytest.mark.parametrize("lengths", [b"5\r\nContent-Length: 7", b"x", b"-5", b"5_0", b"5, 7"])
def test_answer_of_contradictory_length_is_never_believed(lengths):
    script = raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + lengths + b"\r\n\r\nhello", close=False)
    with opened(retry=ONCE) as transport, RawServer(script) as server:
        error = failure(transport.send, post(server.url), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent


def test_protocol_that_nobody_asked_for_is_never_an_answer():
    script = raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", close=False)
    with opened(retry=ONCE) as transport, RawServer(script) as server:
        error = failure(transport.send, post(server.url), PATIENT)
        assert type(error) is RemoteServerUnavailableError and error.request_sent


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"


@every_way
def test_head_that_breaks_off_is_never_an_answer(way):
    ends = range(len(HEAD)) if way.name == "plain" else (1, 12, 17, 40, len(HEAD) - 1)
    for end in ends:
        with going(way, raw(HEAD[:end]), retry=ONCE) as (server, transport):
            error = failure(transport.send, post(way.url(server)), PATIENT)
            assert type(error) is RemoteServerUnavailableError and error.request_sent, end
            assert len(way.executed(server)) == 1


def test_get_is_asked_again_when_the_head_of_its_answer_broke_off():
    for end in range(1, len(HEAD)):
        with opened(sleep=[].append) as transport, RawServer(
            raw(HEAD[:end]), reply(b"ok")
        ) as server:
            assert transport.send(get(server.url), PATIENT).body == b"ok"


def test_error_of_the_protocol_is_never_cut_short_to_another_one():
    """A refusal that breaks off says nothing yet: only a whole one is told."""
    body = b'{"detail": "task is in terminal state"}'
    head = (
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    for end in range(len(body) + 1):
        script = raw(head % len(body) + body[:end])
        with opened(retry=ONCE) as transport, RawServer(script) as server:
            error = failure(transport.send, post(server.url), PATIENT)
            whole = end == len(body)
            assert type(error) is (InvalidRequestError if whole else RemoteServerUnavailableError)


# --- Odd HTTP


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "GZIP , Chunked", "gzip,chunked", "identity, chunked"]
)
def test_transfer_codings_are_undone(coding):
    data = gzip.compress(b"hello") if "gzip" in coding.lower() else b"hello"
    script = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding.encode() + b"\r\n\r\n",
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data),
        close=False,
    )
    with opened() as transport, RawServer(script) as server:
        for _ in range(2):
            assert transport.send(get(server.url), PATIENT).body == b"hello"


@pytest.mark.parametrize(
    "body", [b"5\nhello\n0\n\n", b"5\r\nhello5\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n"]
)
def test_chunks_that_are_none_are_an_error_at_once(body):
    script = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body, close=False)
    with opened(retry=ONCE) as transport, RawServer(script) as server:
        error = failure(transport.send, post(server.url), PATIENT)
        assert type(error) is RemoteServerUnavailableError
        assert "broke before the answer was complete" in str(error)


def test_junk_behind_a_compressed_body_takes_nothing_away():
    script = reply(gzip.compress(b"hello") + b"junk", headers=[("Content-Encoding", "gzip")])
    with opened() as transport, RawServer(script) as server:
        assert transport.send(get(server.url), PATIENT).body == b"hello"


class Blocks:
    """A body that is made while it is sent."""

    content_type = "application/octet-stream"

    def __init__(self, size, block=65536):
        self.size = size
        self.block = block

    def __len__(self):
        return self.size

    def __iter__(self):
        for start in range(0, self.size, self.block):
            yield b"x" * min(self.block, self.size - start)


def big(kind, url, size=16 << 20):
    """More than all the buffers in between can hold."""
    if kind == "blocks":
        return post(url, body=Blocks(size))
    return post(url, files=[FilePart("file", "name", b"x" * size, "text/plain")])


class Reading:
    """For a RawServer below its own reading of requests: a connection with the body unread."""

    def __init__(self, handle, context=None):
        self._handle = handle
        self._context = context
        self.heads = []

    def __enter__(self):
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(16)
        self.url = "%s://127.0.0.1:%d" % (
            "https" if self._context else "http",
            self._socket.getsockname()[1],
        )
        self._thread = threading.Thread(target=self._run, name="reading", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._socket.close()
        assert not self._thread.is_alive()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._socket.accept()
                sock.settimeout(20)
                # What Nagle's algorithm holds back is lost when a socket is closed before its peer.
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with contextlib.closing(sock), contextlib.suppress(OSError):
                    if self._context is not None:
                        sock = self._context.wrap_socket(sock, server_side=True)
                    with contextlib.closing(sock):
                        head = b""
                        while b"\r\n\r\n" not in head:
                            data = sock.recv(1000)
                            if not data:
                                break
                            head += data
                        else:
                            self.heads.append(head)
                            self._handle(sock)


def until_closed(sock):
    with contextlib.suppress(OSError):
        while sock.recv(1 << 20):
            pass


TOO_LARGE = b'HTTP/1.1 413 Too Large\r\nContent-Length: 20\r\n\r\n{"detail": "too big"}'


@pytest.mark.parametrize("context", [None, tls], ids=["plain", "TLS"])
@pytest.mark.parametrize("kind", ["blocks", "bytes"])
@pytest.mark.parametrize("then", ["waits", "closes"])
def test_refusal_of_a_big_body_is_never_missed(context, kind, then):
    gone = threading.Event()

    def refuse(sock):
        sock.sendall(INTERIM["100"] + TOO_LARGE.replace(b"20", b"21"))
        if then == "waits":
            gone.wait(20)  # without reading on

    with Reading(refuse, context and context()) as server, opened(verify=PEM) as transport:
        try:
            error = failure(transport.send, big(kind, server.url), Timeout(read=15))
        finally:
            gone.set()
        assert isinstance(error, RemoteHTTPError) and error.status_code == 413
        assert error.detail == "too big"
        assert len(server.heads) == 1


@pytest.mark.parametrize("context", [None, tls], ids=["plain", "TLS"])
@pytest.mark.parametrize("kind", ["blocks", "bytes"])
@pytest.mark.parametrize("early", [INTERIM["100"], INTERIM["103"] * 2, b"HTTP/1.1 200 OK\r\n"])
def test_big_body_is_sent_to_its_end_unless_it_is_refused(context, kind, early):
    received = []

    def take(sock):
        sock.sendall(early)
        left = 4 << 20
        while left > 0:
            left -= len(sock.recv(1 << 20))
        received.append(left)
        sock.sendall(b"" if b"200" in early else b"HTTP/1.1 200 OK\r\n")
        sock.sendall(b"Content-Length: 2\r\n\r\nok")
        until_closed(sock)

    with Reading(take, context and context()) as server, opened(verify=PEM) as transport:
        assert transport.send(big(kind, server.url, 6 << 20), PATIENT).body == b"ok"


# --- Limits


def dripping(head, drop, proxied=False):
    def handle(connection, request):
        connection.send(head)
        pause = threading.Event()
        while not pause.wait(0.01):
            connection.send(drop)

    return handle


DRIPS = {
    "status line": (b"HTTP/1.1 200 ", b"x"),
    "head": (b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "interim answers": (b"", INTERIM["102"]),
    "error body": (b"HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\n\r\n", b"z"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", b"z"),
}


@every_way
@pytest.mark.parametrize("drip", sorted(DRIPS))
def test_total_is_never_postponed_by_what_drips(way, drip):
    with going(way, dripping(*DRIPS[drip])) as (server, transport):
        error = failure(transport.send, post(way.url(server)), Timeout(read=10, total=0.3))
        assert (type(error), error.phase, error.seconds) == (RemoteTimeoutError, "total", 0.3)
        assert error.request_sent
        assert len(way.executed(server)) == 1


@pytest.mark.parametrize("timeout", [Timeout(connect=0.3), Timeout(connect=10, total=0.3)])
@pytest.mark.parametrize("drip", ["status line", "head", "interim answers"])
def test_connecting_is_never_postponed_by_a_proxy_that_drips(drip, timeout):
    with RawServer(dripping(*DRIPS[drip])) as proxy:
        with opened(proxies={"https": proxy.url}, retry=ONCE) as transport:
            error = failure(transport.send, post("https://localhost:1/"), timeout)
        phase = "connect" if timeout.total is None else "total"
        assert (type(error), error.phase) == (RemoteTimeoutError, phase)
        assert not error.request_sent


@pytest.mark.parametrize("timeout", [Timeout(connect=0.3), Timeout(connect=10, total=0.3)])
def test_connecting_is_never_postponed_by_a_silent_handshake(timeout):
    never = threading.Event()
    with RawServer(raw(never)) as server:  # reads, and says nothing
        url = server.url.replace("http:", "https:")
        with opened(retry=ONCE) as transport:
            error = failure(transport.send, post(url), timeout)
        phase = "connect" if timeout.total is None else "total"
        assert (type(error), error.phase) == (RemoteTimeoutError, phase)
        assert not error.request_sent


def resolved_to(monkeypatch, *ports):
    """Let every host have the addresses of these ports of this machine."""
    resolve = socket.getaddrinfo

    def several(host, port, *arguments, **options):
        return [resolve("127.0.0.1", each, *arguments, **options)[0] for each in ports]

    monkeypatch.setattr(socket, "getaddrinfo", several)


@pytest.mark.parametrize("timeout", [Timeout(connect=0.3), Timeout(connect=10, total=0.3)])
def test_many_dead_addresses_never_take_longer_than_one(monkeypatch, dead_address, timeout):
    port = int(dead_address.rpartition(":")[2])
    resolved_to(monkeypatch, *[port] * 20)
    with opened(retry=ONCE) as transport:
        began = time.monotonic()
        error = failure(transport.send, post("http://host.invalid/"), timeout)
        assert time.monotonic() - began < 3  # each on its own: 6 s, or 200
    assert (type(error), error.request_sent) == (RemoteTimeoutError, False)


def test_dead_address_leaves_time_for_a_living_one(monkeypatch, dead_address):
    with RawServer(reply(b"ok")) as server, opened(retry=ONCE) as transport:
        resolved_to(monkeypatch, int(dead_address.rpartition(":")[2]), unused_port(), server.port)
        answer = transport.send(post("http://host.invalid/"), Timeout(connect=1.5))
        assert answer.body == b"ok"


def test_time_that_a_token_took_counts_towards_the_total():
    def slow():
        threading.Event().wait(0.2)
        return "token"

    with RawServer(reply(b"{}")) as server:
        connection = Connection(server.url, Timeout(total=0.1), slow)
        call = Call(post(server.url), lambda response: response)
        for attempt in (
            lambda: connection.send(call),
            lambda: connection.begin(post(server.url)),
            lambda: connection.open(StreamCall(post(server.url), None)),
        ):
            error = failure(attempt)
            assert (type(error), error.phase, error.seconds) == (RemoteTimeoutError, "total", 0.1)
            assert not error.request_sent
        assert server.requests == []


@pytest.mark.parametrize("context", [None, tls], ids=["plain", "TLS"])
@pytest.mark.parametrize("kind", ["blocks", "bytes"])
def test_upload_is_never_bounded_by_the_limit_for_connecting(context, kind):
    def slowly(sock):
        threading.Event().wait(1.0)
        left = 15 << 20
        while left > 0:
            left -= len(sock.recv(1 << 20))
        sock.sendall(OK % (2, b"ok"))
        until_closed(sock)

    with Reading(slowly, context and context()) as server, opened(verify=PEM) as transport:
        answer = transport.send(big(kind, server.url), Timeout(connect=0.5, read=20))
        assert answer.body == b"ok"


@pytest.mark.parametrize("context", [None, tls], ids=["plain", "TLS"])
@pytest.mark.parametrize("kind", ["blocks", "bytes"])
@pytest.mark.parametrize("phase", ["read", "total"])
def test_upload_that_nobody_takes_is_never_waited_for_longer_than_told(context, kind, phase):
    gone = threading.Event()
    # In total there has to be time for the handshake on a busy machine.
    limits = Timeout(read=0.3) if phase == "read" else Timeout(read=10, total=1.2)
    with Reading(lambda sock: gone.wait(20), context and context()) as server:
        with opened(verify=PEM) as transport:
            try:
                error = failure(transport.send, big(kind, server.url), limits)
            finally:
                gone.set()
    assert (type(error), error.phase) == (RemoteTimeoutError, phase)
    assert error.seconds == getattr(limits, phase)
    assert error.request_sent
    if phase == "read":
        assert "while sending" in str(error)


# --- Ending it from elsewhere


class Caller:
    """A thread that makes a call, which is then given up."""

    def __init__(self, call):
        self.exchange = Exchange()
        self.error = None
        self._call = call
        self._thread = threading.Thread(target=self._run, name="caller", daemon=True)
        self._thread.start()

    def _run(self):
        with self.exchange:
            try:
                self._call()
            except RemoteAgentError as error:
                self.error = error

    def wait_for(self, stage):
        attempts = self.exchange._attempts
        eventually(lambda: any(each.stage == stage for each in list(attempts)), pause=0.001)

    def give_up(self):
        self.exchange.abort()
        self._thread.join(10)
        assert not self._thread.is_alive()
        assert type(self.error) is RemoteServerUnavailableError and "given up" in str(self.error)
        return self.error


ENDLESS = Timeout(connect=None, read=None)


def test_connection_that_is_being_made_ends_with_its_exchange(dead_address):
    with opened() as transport:
        caller = Caller(lambda: transport.send(post(dead_address), ENDLESS))
        caller.wait_for("connecting")
        assert not caller.give_up().request_sent and not caller.exchange.sent


def test_tunnel_that_is_being_made_ends_with_its_exchange():
    with RawServer(raw(threading.Event())) as proxy:
        with opened(proxies={"https": proxy.url}) as transport:
            caller = Caller(lambda: transport.send(post("https://localhost:1/"), ENDLESS))
            proxy.wait_for_requests(1)
            assert not caller.give_up().request_sent


@pytest.mark.parametrize("tunneled", [False, True])
def test_handshake_that_is_being_made_ends_with_its_exchange(tunneled):
    established = b"HTTP/1.1 200 Connection established\r\n\r\n"
    with RawServer(raw(established, threading.Event())) as server:
        settings = {"proxies": {"https": server.url}} if tunneled else {}
        url = "https://localhost:%d/" % server.port
        with opened(**settings) as transport:
            caller = Caller(lambda: transport.send(post(url), ENDLESS))
            caller.wait_for("handshake")
            assert not caller.give_up().request_sent


@every_way
@pytest.mark.parametrize(
    "script",
    [
        silence,
        raw(b"HTTP/1.1 200 OK\r\nX: ", threading.Event()),
        stream([b"one", threading.Event()]),
        stream([b"one", threading.Event()], status=500),
    ],
    ids=["silence", "head", "body", "error"],
)
def test_call_that_waits_ends_with_its_exchange(way, script):
    with going(way, script) as (server, transport):
        caller = Caller(lambda: transport.send(post(way.url(server)), ENDLESS))
        server.wait_for_requests(1 + (way.name == "CONNECT"))
        assert caller.give_up().request_sent and caller.exchange.sent
        assert len(way.executed(server)) == 1


def test_wait_for_another_attempt_ends_with_its_exchange():
    policy = RetryPolicy(backoff=1000, max_backoff=1000)
    with RawServer(reply(b"", 503)) as server, opened(retry=policy) as transport:
        caller = Caller(lambda: transport.send(get(server.url), PATIENT))
        server.wait_for_requests(1)
        caller.give_up()
        assert len(server.requests) == 1


def test_upload_ends_with_its_exchange():
    gone = threading.Event()
    with Reading(lambda sock: gone.wait(20)) as server, opened() as transport:
        caller = Caller(lambda: transport.send(big("bytes", server.url), ENDLESS))
        caller.wait_for("sending")
        try:
            caller.give_up()
        finally:
            gone.set()


def test_exchange_that_was_given_up_begins_nothing():
    exchange = Exchange()
    exchange.abort()
    with opened() as transport, RawServer(reply(b"ok")) as server:
        with exchange:
            error = failure(transport.send, get(server.url), PATIENT)
            assert "given up" in str(error) and not error.request_sent
        assert transport.send(get(server.url), PATIENT).body == b"ok"
        assert len(server.requests) == 1


def test_stream_that_was_opened_in_an_exchange_ends_with_it():
    with opened() as transport, RawServer(stream([b"one", threading.Event()])) as server:
        exchange = Exchange()
        with exchange:
            answer = transport.open(post(server.url), ENDLESS)
        assert answer.read() == b"one" and exchange.sent
        exchange.abort()
        assert answer.read() == b"" and not answer.complete


def test_exchange_leaves_what_has_ended_to_others():
    with opened() as transport, RawServer(reply(b"ok")) as server:
        exchange = Exchange()
        with exchange:
            assert transport.send(post(server.url), PATIENT).body == b"ok"
        exchange.abort()
        assert transport.send(post(server.url), PATIENT).body == b"ok"
        assert server.connection_count == 1


def test_exchanges_are_bound_to_their_thread_and_block():
    outer, inner = Exchange(), Exchange()
    assert Exchange.bound() is None
    with outer:
        assert Exchange.bound() is outer
        with pytest.raises(KeyError), inner, outer:
            assert Exchange.bound() is outer
            raise KeyError
        assert Exchange.bound() is outer
        elsewhere = []

        def look():
            with inner:
                elsewhere.append(Exchange.bound())
            elsewhere.append(Exchange.bound())

        thread = threading.Thread(target=look)
        thread.start()
        thread.join(10)
        assert elsewhere == [inner, None]
    assert Exchange.bound() is None


def test_request_may_be_made_for_the_body_of_another():
    class Fetched(Blocks):
        def __iter__(self):
            yield transport.send(get(server.url), PATIENT).body

    def echo(connection, request):
        reply(b"piece" if request.method == "GET" else request.body)(connection, request)

    with opened() as transport, RawServer(echo) as server:
        assert transport.send(post(server.url, body=Fetched(5)), PATIENT).body == b"piece"


def interrupted_at(place, run, interrupt):
    """Run it, and something else before its line number ``place``; how many lines there were."""
    count = 0

    def tracer(frame, event, argument):
        nonlocal count
        if event == "line":
            count += 1
            if count == place:
                interrupt()
        return tracer

    sys.settrace(tracer)
    try:
        run()
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_no_finalizer_ever_waits_for_a_lock(framing):
    """Garbage collection may run one between any two lines, whatever locks are held there."""
    places = []

    def work():
        script = stream([b"ok"], framing=framing)
        with opened(retry=ONCE) as transport, RawServer(script) as server:
            lines, place = 1, 0
            while place < lines:
                place += 1
                answer = transport.open(post(server.url), PATIENT)
                assert answer.read() == b"ok"
                lines = interrupted_at(place, answer.read, answer.abort)
                # Whatever became of its connection, it is in nobody's way.
                assert transport.send(post(server.url), PATIENT).body == b"ok"
                places.append(lines)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(100)
    assert not thread.is_alive()
    assert len(places) > 20 and len(places) >= places[-1]


# --- Secrets


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "proxy",
    ["http://me:%s@host:bad", "http://me:%s@host:99999999", "me:%s@host:x", "http://me:%s@"],
)
@pytest.mark.parametrize("given", [False, True])
def test_proxy_that_cannot_be_read_is_never_shown(monkeypatch, scheme, proxy, given):
    proxy %= TOKEN
    settings = {"proxies": {scheme: proxy}} if given else {}
    if not given:
        monkeypatch.setenv(scheme.upper() + "_PROXY", proxy)
    with opened(retry=ONCE, **settings) as transport:
        error = failure(transport.send, post(scheme + "://nothing.invalid/"), PATIENT)
        assert TOKEN not in everything(error)
        assert "proxies=" in str(error) and not getattr(error, "request_sent", False)


@pytest.mark.parametrize(
    "url",
    [
        "http://me:pa/%s@host", "http://me:123/%s@host/x", "http://me:p?%s@host",
        "http://me:p#%s@host", "http://me@host/%s@x", "https://host/?a=%s@b", "http://h/?a=b@%s",
    ],
)  # fmt: skip
def test_rest_of_a_password_is_never_shown(url):
    with pytest.raises(ValueError, match="base_url has an @") as caught:
        Connection(url % TOKEN)
    assert TOKEN not in everything(caught.value)


def echo(status, content_type="application/json", **headers):
    """Repeats the request's head in its answer."""

    def handle(connection, request):
        head = request.raw.partition(b"\r\n\r\n")[0].decode("latin-1")
        text = json.dumps({"detail": head}) if "json" in content_type else head
        names = [("X-Echo", request.headers["authorization"])]
        reply(text, status, content_type=content_type, headers=names)(connection, request)

    return handle


@pytest.mark.parametrize("content_type", ["application/json", "text/plain"])
@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize(
    "settings",
    [
        {"auth_token": TOKEN},
        {"auth_token": lambda: TOKEN},
        {"headers": {"X-Api-Key": TOKEN}, "auth_token": "other-token"},
        {"headers": {"Cookie": "session=" + TOKEN}, "auth_token": "other-token"},
        {"auth_token": TOKEN + '"\\'},
        {"login": "me:%s@" % TOKEN},
    ],
    ids=["token", "callable", "header", "cookie", "quoted", "login"],
)
def test_secret_that_a_server_repeats_is_never_shown(settings, status, content_type):
    settings = dict(settings)
    with RawServer(echo(status, content_type)) as server:
        url = server.url.replace("//", "//" + settings.pop("login", ""))
        connection = Connection(url, retry=ONCE, **settings)
        error = failure(connection.send, Call(post(server.url), lambda response: response))
        connection.close()
        sent = server.requests[0].headers
        assert error.status_code == status
        for secret in (TOKEN, sent["authorization"], sent["authorization"].partition(" ")[2]):
            assert secret not in everything(error)
        assert "***" in error.body and "***" in str(error.detail)
        assert "***" in error.headers["x-echo"]


def test_secret_that_a_server_repeats_in_place_of_a_stream_is_never_shown():
    with RawServer(echo(200, "text/html")) as server:
        connection = Connection(server.url, auth_token=TOKEN)
        error = failure(connection.open, StreamCall(post(server.url), None))
        connection.close()
        assert TOKEN not in everything(error)


def test_short_words_that_are_sent_stand_in_answers_as_they_are():
    with RawServer(reply('{"detail": "a test of the key"}', 400)) as server:
        connection = Connection(server.url, auth_token="test", headers={"X-Key": "key"})
        error = failure(connection.send, Call(post(server.url), lambda response: response))
        connection.close()
        assert error.detail == "a test of the key"
