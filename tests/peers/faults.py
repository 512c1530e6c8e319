"""Servers that misbehave on purpose, in the test's own process. Standard library only.

`RawServer` answers each request with a scripted handler, down to the byte. `Proxy` stands between
a client and a real peer and breaks connections on command. Both end all their threads in
`close`, and nothing here sleeps: what has to wait, waits for a `threading.Event` of the test.

    with RawServer(stream([b"data: 1\\n\\n", go_on, b"data: 2\\n\\n"])) as server:
        client.get(server.url)
"""

import contextlib
import gzip as gzip_module
import selectors
import socket
import ssl
import struct
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple, Union
from urllib.parse import parse_qs, urlsplit

__all__ = [
    "Connection",
    "Handler",
    "Proxy",
    "RawServer",
    "Request",
    "drip",
    "hang_up",
    "raw",
    "reply",
    "reset",
    "silence",
    "sse",
    "stream",
    "tunnel",
    "wire",
]

#: How long close() and the wait_for methods wait before they call it a failure.
PATIENCE = 10.0

Handler = Callable[["Connection", "Request"], None]
Piece = Union[bytes, threading.Event]
Headers = Iterable[Tuple[str, str]]


class ServerClosedError(Exception):
    """Raised inside a handler that waits while the server is being closed."""


class Request:
    """One request as it came: `raw` is every byte of it."""

    def __init__(self, raw: bytes, head: bytes, body: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.raw = raw
        self.body = body
        self.method, self.target, self.version = lines[0].split(" ", 2)
        #: Names in lower case; of a repeated header the last value.
        self.headers: Dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()

    def __repr__(self) -> str:
        return "<Request %s %s, %d bytes>" % (self.method, self.target, len(self.raw))

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> Dict[str, List[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> Dict[str, List[str]]:
        """The fields of an ``application/x-www-form-urlencoded`` body."""
        return parse_qs(self.body.decode("utf-8"), keep_blank_values=True)


class Connection:
    """The server's end of one client connection, as its handlers see it."""

    def __init__(self, sock: socket.socket, server: "RawServer") -> None:
        self._sock = sock
        self._server = server
        self._pending = b""  # read, but not yet part of a request
        self.is_open = True
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def wait(self, event: threading.Event) -> None:
        """Return when `event` is set; raises `ServerClosedError` when the server closes before."""
        while not event.wait(0.05):
            self._server.check_open()

    def pause(self, seconds: float) -> None:
        """Wait that long; raises `ServerClosedError` when the server closes before."""
        self._server.pause(seconds)

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on, as the server: what a proxy's tunnel ends in."""
        # Assigned before the handshake, so that shutdown() ends that too.
        secure = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
        self._sock = secure
        secure.do_handshake()

    def send_unencrypted(self, data: bytes) -> None:
        """Put bytes into the midst of TLS that are none."""
        socket.socket.sendall(self._sock, data)

    def half_close(self) -> None:
        """Say that nothing more comes (FIN); requests can still be read."""
        socket.socket.shutdown(self._sock, socket.SHUT_WR)  # TLS goes on in the other direction

    def wait_until_client_closes(self) -> None:
        """Return when the client has closed its end; what it sends until then is dropped."""
        with contextlib.suppress(OSError):
            while self._sock.recv(65536):
                pass

    def close(self) -> None:
        """Close in good order (FIN)."""
        self.is_open = False
        self._sock.close()

    def reset(self) -> None:
        """Close rudely (RST)."""
        _reset(self._sock)
        self.is_open = False

    def shutdown(self) -> None:
        """Wake whoever reads or writes; for other threads than the handler's."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def read_request(self) -> Optional[Request]:
        """The next request, None when the client closed instead of sending one."""
        buffer = self._pending
        while b"\r\n\r\n" not in buffer:
            data = self._sock.recv(65536)
            if not data:
                return None
            buffer += data
        end_of_head = buffer.index(b"\r\n\r\n")
        head, rest = buffer[:end_of_head], buffer[end_of_head + 4 :]
        headers = Request(b"", head, b"").headers
        if "chunked" in headers.get("transfer-encoding", ""):
            while not (rest.startswith(b"0\r\n\r\n") or b"\r\n0\r\n\r\n" in rest):
                rest += self._more()
            length = rest.index(b"0\r\n\r\n") + 5
            if not rest.startswith(b"0\r\n\r\n"):
                length = rest.index(b"\r\n0\r\n\r\n") + 7
            body = _dechunk(rest[:length])
        else:
            length = int(headers.get("content-length", 0))
            while len(rest) < length:
                rest += self._more()
            body = rest[:length]
        self._pending = rest[length:]
        return Request(head + b"\r\n\r\n" + rest[:length], head, body)

    def _more(self) -> bytes:
        data = self._sock.recv(65536)
        if not data:
            raise ConnectionError("the client closed within its request body")
        return data


class RawServer:
    """A loopback HTTP server whose every answer is scripted.

    Handlers answer one request each, in the order given; the last one answers all further
    requests too. A connection is kept open between requests unless its handler closed it.
    An exception in a handler (broken connections aside) is raised again by `close`. With a
    `context` it is an https server.
    """

    def __init__(
        self,
        *handlers: Handler,
        context: Optional[ssl.SSLContext] = None,
        record: bool = True,
    ) -> None:
        self._handlers = list(handlers)
        self._context = context
        self._record = record
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._connections: Set[Connection] = set()
        self._threads: List[threading.Thread] = []
        self._errors: List[BaseException] = []
        #: Every request so far, over all connections; none without `record`.
        self.requests: List[Request] = []
        #: How many connections were accepted so far.
        self.connection_count = 0
        #: So many of the next connections are reset before anything is read.
        self.refuse_connections = 0
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept, "raw-server")

    def __enter__(self) -> "RawServer":
        return self

    def __exit__(self, exc_type: Any, *exc_info: Any) -> None:
        try:
            self.close()
        except BaseException:
            if exc_type is None:  # else the test's own failure says more
                raise

    @property
    def url(self) -> str:
        scheme = "http" if self._context is None else "https"
        return "%s://127.0.0.1:%d" % (scheme, self.port)

    @property
    def open_connections(self) -> int:
        """How many connections are open on our side; see `wait_until_idle`."""
        with self._changed:
            return len(self._connections)

    def then(self, *handlers: Handler) -> "RawServer":
        """Add handlers for the requests to come."""
        with self._changed:
            self._handlers.extend(handlers)
        return self

    def wait_for_requests(self, number: int, timeout: float = PATIENCE) -> List[Request]:
        """The requests, once there are `number` of them."""
        self._wait_for(lambda: len(self.requests) >= number, timeout, "%d requests" % number)
        return list(self.requests)

    def wait_until_idle(self, timeout: float = PATIENCE) -> None:
        """Return once every connection has been closed, by a handler or by its client.

        A server notices a client's close only where it reads: between requests, in `silence`,
        or in `Connection.wait_until_client_closes`.
        """
        self._wait_for(lambda: not self._connections, timeout, "all connections closed")

    def check_open(self) -> None:
        if self._closing.is_set():
            raise ServerClosedError()

    def pause(self, seconds: float) -> None:
        self._closing.wait(seconds)
        self.check_open()

    def close(self) -> None:
        """Break all connections and end all threads; raises what a handler raised."""
        if not self._closing.is_set():
            with self._changed:
                self._closing.set()
                connections = list(self._connections)
            _poke(self.port)
            for connection in connections:
                connection.shutdown()
        _join(self._threads[:1])  # the accepting one, after which there are no new ones
        _join(self._threads)
        self._listener.close()
        if self._errors:
            raise self._errors.pop(0)

    def _wait_for(self, condition: Callable[[], bool], timeout: float, wanted: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise AssertionError(
                    "waited %.1f s for %s; got %d requests on %d connections, %d of them open"
                    % (
                        timeout,
                        wanted,
                        len(self.requests),
                        self.connection_count,
                        len(self._connections),
                    )
                )

    def _start(self, target: Callable[..., None], name: str, *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            connection = Connection(sock, self)
            with self._changed:
                if self._closing.is_set():
                    connection.close()
                    return
                self.connection_count += 1
                refused = self.refuse_connections > 0
                if refused:
                    self.refuse_connections -= 1
                else:
                    self._connections.add(connection)
                self._changed.notify_all()
            if refused:
                connection.reset()
            else:
                self._start(self._serve, "raw-server-connection", connection)

    def _serve(self, connection: Connection) -> None:
        try:
            if self._context is not None:
                connection.start_tls(self._context)
            while connection.is_open and not self._closing.is_set():
                request = connection.read_request()
                if request is None:
                    break
                self._handler_for(request)(connection, request)
        except (OSError, ServerClosedError):
            pass  # the client went away, or the test is over
        except BaseException as error:
            self._errors.append(error)
        finally:
            connection.close()
            with self._changed:
                self._connections.discard(connection)
                self._changed.notify_all()

    def _handler_for(self, request: Request) -> Handler:
        with self._changed:
            if self._record:
                self.requests.append(request)
                self._changed.notify_all()
            if not self._handlers:
                raise AssertionError("no handler for %r" % request)
            return self._handlers.pop(0) if len(self._handlers) > 1 else self._handlers[0]


# Handlers ----------------------------------------------------------------------------------------


def wire(
    pieces: Iterable[Piece],
    *,
    framing: str = "chunked",
    status: int = 200,
    content_type: str = "text/event-stream",
    headers: Headers = (),
    gzip: bool = False,
    missing: int = 0,
) -> List[Piece]:
    """An answer byte for byte: its head, its pieces, and behind a chunked body the end of it.

    Options as for `stream`; a Content-Length counts `missing` bytes that do not come.
    """
    script = list(pieces)
    sent = _gzipped(script) if gzip else script
    fields = [("Content-Type", content_type), *headers]
    if gzip:
        fields.append(("Content-Encoding", "gzip"))
    if framing == "chunked":
        fields.append(("Transfer-Encoding", "chunked"))
        sent = [_chunk(piece) if isinstance(piece, bytes) and piece else piece for piece in sent]
        sent.append(b"0\r\n\r\n")
    elif framing == "length":
        length = sum(len(piece) for piece in sent if isinstance(piece, bytes))
        fields.append(("Content-Length", str(length + missing)))
    else:
        fields.append(("Connection", "close"))
    return [_head(status, fields), *sent]


def stream(
    pieces: Iterable[Piece],
    *,
    framing: str = "chunked",
    end: str = "clean",
    status: int = 200,
    content_type: str = "text/event-stream",
    headers: Headers = (),
    gzip: bool = False,
) -> Handler:
    """Answer with a body in pieces, each sent (and chunked) on its own.

    An Event among the pieces holds the answer back until the test sets it. `framing` is
    ``"chunked"``, ``"length"`` or ``"close"``. `end` is ``"clean"``, ``"cut"`` (closed before the
    body is complete; with ``framing="close"`` that looks clean) or ``"reset"`` (RST).
    With `gzip` the body is compressed, flushed after each piece.
    """
    if framing not in ("chunked", "length", "close") or end not in ("clean", "cut", "reset"):
        raise ValueError("no such framing or end: %r, %r" % (framing, end))
    script = wire(
        pieces,
        framing=framing,
        status=status,
        content_type=content_type,
        headers=headers,
        gzip=gzip,
        missing=1 if end == "cut" else 0,  # a body that is cut short promises more than comes
    )
    if framing == "chunked" and end != "clean":
        script.pop()

    def handle(connection: Connection, request: Request) -> None:
        for piece in script:
            if isinstance(piece, threading.Event):
                connection.wait(piece)
            elif piece:
                connection.send(piece)
        if end == "reset":
            connection.reset()
        elif end == "cut" or framing == "close":
            connection.close()

    return handle


def reply(
    body: Union[bytes, str] = b"",
    status: int = 200,
    *,
    content_type: str = "application/json",
    framing: str = "length",
    headers: Headers = (),
    gzip: bool = False,
    after: Optional[threading.Event] = None,
) -> Handler:
    """Answer with a whole body, once the event `after` is set if there is one."""
    data = body.encode("utf-8") if isinstance(body, str) else body
    send = stream(
        [data],
        framing=framing,
        status=status,
        content_type=content_type,
        headers=headers,
        gzip=gzip,
    )

    def handle(connection: Connection, request: Request) -> None:
        if after is not None:
            connection.wait(after)
        send(connection, request)

    return handle


def drip(body: bytes, **options: Any) -> Handler:
    """Answer one byte at a time; options as for `stream`."""
    return stream([body[i : i + 1] for i in range(len(body))], **options)


def raw(*pieces: Piece, close: bool = True) -> Handler:
    """Answer with exactly these bytes, status line and all; then close, unless told otherwise."""

    def handle(connection: Connection, request: Request) -> None:
        for piece in pieces:
            if isinstance(piece, threading.Event):
                connection.wait(piece)
            else:
                connection.send(piece)
        if close:
            connection.close()

    return handle


def tunnel(context: ssl.SSLContext) -> Handler:
    """Answer a CONNECT request, and be the https server behind it for the requests that follow."""

    def handle(connection: Connection, request: Request) -> None:
        if request.method != "CONNECT":
            raise AssertionError("not a CONNECT request: %r" % request)
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.start_tls(context)

    return handle


def silence(connection: Connection, request: Request) -> None:
    """Never answer; lasts until the client gives up."""
    connection.wait_until_client_closes()
    connection.close()


def hang_up(connection: Connection, request: Request) -> None:
    """Close in good order instead of answering."""
    connection.close()


def reset(connection: Connection, request: Request) -> None:
    """Reset the connection instead of answering."""
    connection.reset()


def sse(name: str, data: str) -> bytes:
    """One frame as AgentOS writes them."""
    return ("event: %s\ndata: %s\n\n" % (name, data)).encode("utf-8")


# The proxy ---------------------------------------------------------------------------------------


class _Link:
    """Two sockets, and the bytes that each is still to be sent."""

    def __init__(self, client: socket.socket, upstream: socket.socket) -> None:
        self.client = client
        self.upstream = upstream
        self.unsent = {client: bytearray(), upstream: bytearray()}
        self.finished: Set[socket.socket] = set()  # these have sent their last byte
        self.shut: Set[socket.socket] = set()  # these have been told that nothing more comes

    def other(self, sock: socket.socket) -> socket.socket:
        return self.upstream if sock is self.client else self.client


class Proxy:
    """A TCP proxy to ``127.0.0.1:port`` that breaks connections on command.

    One thread moves all the bytes. Methods may be called from any thread and take effect at once.
    """

    _BUFFER = 65536

    def __init__(self, port: int) -> None:
        self.upstream_port = port
        self._lock = threading.Lock()
        self._links: Set[_Link] = set()
        self._cut_now: Optional[str] = None
        self._budget: Optional[int] = None
        self._budget_end = "reset"
        self._refusing = False
        self._holding = False
        self._closing = False
        #: How many connections were accepted so far, refused ones included.
        self.connection_count = 0
        self._bytes_down = 0
        self._cut_happened = threading.Event()
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(128)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wake_read, self._wake_write = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    @property
    def bytes_down(self) -> int:
        """How many bytes of answers clients may have read so far."""
        with self._lock:
            return self._bytes_down

    @property
    def url(self) -> str:
        return "http://127.0.0.1:%d" % self.port

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._links)

    def cut(self, end: str = "reset") -> None:
        """Cut all connections now, by ``"reset"`` (RST) or ``"close"`` (FIN); waits for it."""
        self._cut_happened.clear()
        with self._lock:
            self._cut_now = end
        self._wake()
        self.wait_for_cut()

    def cut_after(self, number: int, end: str = "reset") -> None:
        """Once: let `number` more bytes of answers through, then cut that connection."""
        self._cut_happened.clear()
        with self._lock:
            self._budget, self._budget_end = number, end

    def wait_for_cut(self, timeout: float = PATIENCE) -> None:
        """Return once the cut that was asked for last has happened."""
        if not self._cut_happened.wait(timeout):
            raise AssertionError("no connection was cut in %.1f s" % timeout)

    def refuse(self, refusing: bool = True) -> None:
        """Reset every new connection from now on, or accept them again."""
        with self._lock:
            self._refusing = refusing

    def hold(self, holding: bool = True) -> None:
        """Stop forwarding in both directions, like a network gone quiet; or go on."""
        with self._lock:
            self._holding = holding
        self._wake()

    def close(self) -> None:
        with self._lock:
            self._closing = True
        self._wake()
        _join([self._thread])
        # Not by the thread: it may see _closing before it is woken.
        self._wake_read.close()
        self._wake_write.close()

    def _wake(self) -> None:
        self._wake_write.send(b"!")

    def _run(self) -> None:
        try:
            while True:
                self._turn()
                with self._lock:
                    if self._closing:
                        return
                    if self._cut_now is not None:
                        for link in list(self._links):
                            self._cut(link, self._cut_now)
                        self._cut_now = None
                        self._cut_happened.set()
        finally:
            for link in list(self._links):
                self._cut(link, "close")
            self._listener.close()

    def _turn(self) -> None:
        """Wait for any socket and move what can be moved."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ, None)
            selector.register(self._wake_read, selectors.EVENT_READ, None)
            with self._lock:
                links = [] if self._holding else list(self._links)
            for link in links:
                for sock in (link.client, link.upstream):
                    events = selectors.EVENT_WRITE if link.unsent[sock] else 0
                    room = len(link.unsent[link.other(sock)]) < self._BUFFER
                    if room and sock not in link.finished:
                        events |= selectors.EVENT_READ
                    if events:
                        selector.register(sock, events, link)
            ready = selector.select()
        for key, events in ready:
            ready_sock: Any = key.fileobj
            if ready_sock is self._listener:
                self._accept()
            elif ready_sock is self._wake_read:
                ready_sock.recv(4096)
            elif key.data in self._links:  # not cut earlier in this turn
                self._move(key.data, ready_sock, events)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        with self._lock:
            self.connection_count += 1
            refusing = self._refusing
        upstream = None
        if not refusing:
            with contextlib.suppress(OSError):
                upstream = socket.create_connection(("127.0.0.1", self.upstream_port), 5.0)
        if upstream is None:
            _reset(client)
            return
        for sock in (client, upstream):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._links.add(_Link(client, upstream))

    def _move(self, link: _Link, sock: socket.socket, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                data = sock.recv(self._BUFFER)
                if data:
                    link.unsent[link.other(sock)] += data
                else:
                    link.finished.add(sock)
            if events & selectors.EVENT_WRITE:
                self._send(link, sock)
                if link not in self._links:
                    return
            for source in link.finished:
                target = link.other(source)
                if not link.unsent[target] and target not in link.shut:
                    target.shutdown(socket.SHUT_WR)
                    link.shut.add(target)
        except BlockingIOError:
            return
        except OSError:
            with self._lock:
                self._cut(link, "reset")
            return
        if len(link.shut) == 2:
            with self._lock:
                self._cut(link, "close")

    def _send(self, link: _Link, sock: socket.socket) -> None:
        waiting = link.unsent[sock]
        if sock is not link.client:
            del waiting[: sock.send(bytes(waiting))]
            return
        with self._lock:  # whoever has got an answer finds it counted
            budget = self._budget
            allowed = len(waiting) if budget is None else min(budget, len(waiting))
            sent = sock.send(bytes(waiting[:allowed])) if allowed else 0
            del waiting[:sent]
            self._bytes_down += sent
            if self._budget is not None:
                self._budget -= sent
                if self._budget <= 0:
                    self._budget = None
                    self._cut(link, self._budget_end)
                    self._cut_happened.set()

    def _cut(self, link: _Link, end: str) -> None:
        self._links.discard(link)
        for sock in (link.client, link.upstream):
            if end == "reset":
                _reset(sock)
            else:
                sock.close()


# Small parts -------------------------------------------------------------------------------------


def _head(status: int, fields: Headers) -> bytes:
    lines = ["HTTP/1.1 %d Scripted" % status]
    lines += ["%s: %s" % field for field in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _dechunk(data: bytes) -> bytes:
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        body, data = body + data[:length], data[length + 2 :]
    return body


def _gzipped(pieces: Iterable[Piece]) -> List[Piece]:
    """Compress the pieces into one gzip member, each of them complete on arrival."""
    output: List[Piece] = []
    target = _Collector()
    with gzip_module.GzipFile(fileobj=target, mode="wb", mtime=0) as compressor:
        for piece in pieces:
            if isinstance(piece, bytes):
                compressor.write(piece)
                compressor.flush()
                output.append(target.take())
            else:
                output.append(piece)
    output.append(target.take())
    return output


class _Collector:
    def __init__(self) -> None:
        self._data = b""

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        taken, self._data = self._data, b""
        return taken


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _poke(port: int) -> None:
    """Wake an accept() call."""
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1.0).close()


def _join(threads: Iterable[threading.Thread]) -> None:
    deadline = time.monotonic() + PATIENCE
    for thread in list(threads):
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            raise AssertionError("the thread %s did not end" % thread.name)
