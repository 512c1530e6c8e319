"""urllib3's connections, so that it is known what became of a request, and limits are kept.

Each works for the ``Attempt`` that is bound to its thread. It tells it how far the request has
come and gives it the socket; before every single step at the socket it asks it for the time that
is left. What http.client and urllib3 do not see is seen here: an answer that breaks off inside its
head, interim answers, an answer that comes while the request is still being sent.
"""

from __future__ import annotations

import errno
import functools
import http.client
import io
import math
import os
import queue
import select
import selectors
import socket
import ssl
import time
from typing import Any, Callable, List, Optional

import urllib3.connection
import urllib3.exceptions
import urllib3.util.connection

from .exchange import Attempt

__all__ = ["Answer", "watch"]

#: Bytes per read. Four times as much doubled the CPU time of paced streams.
READ_SIZE = 64 * 1024
#: Bytes of a request that are sent at a time.
BLOCK_SIZE = 64 * 1024

_Selector: Any = getattr(selectors, "PollSelector", selectors.SelectSelector)


class _TimedFile(io.RawIOBase):
    """The bytes of an answer as they arrive, as long as there is time."""

    def __init__(self, sock: Any, attempt: Attempt) -> None:
        self._attempt = attempt
        self._socket = sock
        self._file = sock.makefile("rb", buffering=0)
        self._in_head = True
        self._at_rest = False
        self._fast = False
        self._wait: Optional[Callable[[float], bool]] = None

    def makefile(self, mode: str) -> io.BufferedReader:
        """For http.client, which asks its socket for a file."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        if self._fast:
            count: Optional[int] = self._file.readinto(buffer)
            return count
        attempt = self._attempt
        if self._at_rest:
            return None
        if attempt.early:
            data = attempt.early[: len(buffer)]
            attempt.early = attempt.early[len(data) :]
            buffer[: len(data)] = data
            return len(data)
        if attempt.deadline is not None or attempt.connecting:
            self._socket.settimeout(attempt.left())
        count = self._file.readinto(buffer)
        if self._in_head and not count:
            raise http.client.RemoteDisconnected("closed before the answer's headers were complete")
        return count

    def begin_body(self) -> None:
        """The head has come whole: the end of the connection is no surprise any more."""
        self._in_head = False
        # The limit for silence is the socket's timeout; nothing else has to be looked at.
        self._fast = self._attempt.deadline is None and not self._attempt.early

    def wait(self, buffer: Any, seconds: float) -> bool:
        """Whether there is something in ``buffer``, which reads from here, or comes in time."""
        fast, self._fast, self._at_rest = self._fast, False, True
        try:
            if buffer.peek(1):
                return True
        finally:
            self._fast, self._at_rest = fast, False
        sock = self._socket
        # TLS inside of TLS has no socket of its own to ask.
        if self._attempt.early or not isinstance(sock, socket.socket):
            return True
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            return True
        if self._wait is None:  # a selector of its own for each event costs more than all the rest
            self._wait = _waiter(sock)
        return self._wait(seconds)

    def rest(self) -> None:
        """Read no more: what is buffered is all there is."""
        self._fast = False
        self._at_rest = True

    def close(self) -> None:
        self._file.close()
        super().close()


class Answer(http.client.HTTPResponse):
    """An answer whose head has come whole, and which is final."""

    def __init__(self, sock: Any, attempt: Attempt, *arguments: Any, **options: Any) -> None:
        self._reader = _TimedFile(sock, attempt)
        #: Transfer codings beside chunked, in the order in which they were applied.
        self.codings: List[str] = []
        super().__init__(self._reader, *arguments, **options)  # type: ignore[arg-type]

    def _read_status(self) -> Any:
        # http.client skips 100 alone, and takes every other interim answer for the final one.
        while True:
            line = super()._read_status()  # type: ignore[misc]
            status = line[1]
            if status == http.client.SWITCHING_PROTOCOLS:  # nobody asked for that
                raise http.client.BadStatusLine("101, which nobody asked for")
            if status >= 200:
                return line
            http.client.parse_headers(self.fp)

    def begin(self) -> None:
        super().begin()
        self._reader.begin_body()
        if not self.chunked:
            self._frame()

    def _frame(self) -> None:
        """What http.client does not look at (RFC 9112, 6.3)."""
        coding = self.headers.get("transfer-encoding")
        if coding is not None and self.length != 0:
            *self.codings, last = [each.strip() for each in coding.split(",")]
            self.chunked = last.lower() == "chunked"
            if not self.chunked:
                self.codings.append(last)
            self.length = None
            self.will_close = not self.chunked or self._check_close()  # type: ignore[attr-defined]
            return
        lengths = self.headers.get_all("content-length", [])
        if len(set(lengths)) > 1 or not all(each.strip().isdecimal() for each in lengths):
            raise http.client.HTTPException("Content-Length: %.80s" % ", ".join(lengths))

    def ready(self, seconds: float) -> bool:
        """Whether there is something to read, or the end, waiting for it at most that long."""
        try:
            return self._reader.wait(self.fp, seconds)
        except (OSError, ValueError):  # aborted: reading says so
            return True

    def has_more(self) -> bool:
        """Whether something came behind the head, without waiting for it. The last to be asked."""
        self._reader.rest()
        return bool(self.fp.peek(1))


class _Watched:
    """Mixed into the classes of urllib3's connections."""

    sock: Any
    _head = b""  # what is to be sent with the start of the body
    #: Stands for the socket during the TLS handshake, which takes the socket object apart.
    _link: Optional[socket.socket] = None
    _tunnel_answer: Optional[Answer] = None

    def connect(self) -> None:
        attempt = Attempt.current()
        attempt.connect(bool(getattr(self, "proxy", None)))
        try:
            super().connect()  # type: ignore[misc]
        except OSError as error:
            # Not as it is: urllib3 takes some for a server that answered and closed.
            raise _unconnected(self, error) from error
        finally:
            attempt.disown()
            if self._link is not None:
                self._link.close()
                self._link = None

    def response_class(self, sock: Any, *arguments: Any, **options: Any) -> Answer:
        """http.client's hook for what reads an answer, that of a proxy to CONNECT included."""
        attempt = Attempt.current()
        answer = Answer(sock, attempt, *arguments, **options)
        if attempt.stage == "tunnel":
            self._tunnel_answer = answer
        else:
            attempt.stage = "waiting"
        return answer

    def _tunnel(self) -> None:
        Attempt.current().stage = "tunnel"
        try:
            super()._tunnel()  # type: ignore[misc]
        finally:
            # Old versions of http.client leave it open, and with it the socket.
            answer, self._tunnel_answer = self._tunnel_answer, None
            if answer is not None:
                answer.close()
        self._begin_handshake(self.sock)

    def _begin_handshake(self, sock: Any) -> None:
        attempt = Attempt.current()
        attempt.stage = "handshake"
        sock.settimeout(attempt.left())  # which OpenSSL counts for the handshake as a whole

    def send(self, data: Any) -> None:
        """Send all of ``data``, as long as the server takes it and has not answered otherwise."""
        attempt = Attempt.current()
        if self.sock is None:
            self.connect()
        if attempt.stage == "tunnel":  # the request to the proxy
            self.sock.settimeout(attempt.left())
            self.sock.sendall(data)
        elif attempt.stage != "sending":
            attempt.stage = "sending"
            attempt.own(self.sock)
            self._head = data
            if not attempt.body_follows:
                self._send(attempt, data)
        elif self._head:
            # With the body's start: one packet instead of two is half of the work.
            self._send(attempt, self._head + data[:BLOCK_SIZE])
            self._head = b""
            self._send(attempt, memoryview(data)[BLOCK_SIZE:])
        else:
            self._send(attempt, data)

    def _send(self, attempt: Attempt, data: Any) -> None:
        sock, rest = self.sock, memoryview(data)
        while rest:
            if attempt.uploaded >= BLOCK_SIZE and _refuses(sock, attempt):
                attempt.unfinished = True
                raise BrokenPipeError(errno.EPIPE, "answered before the request was complete")
            left = attempt.left()
            if sock.gettimeout() != left:
                sock.settimeout(left)
            sent, attempt.sent = attempt.sent, True
            try:
                count = sock.send(rest[:BLOCK_SIZE])
            except OSError as error:
                attempt.sent = sent  # what fails has sent nothing
                attempt.unfinished = True
                if isinstance(error, ssl.SSLError):  # urllib3 reads an answer if it is told so
                    raise BrokenPipeError(errno.EPIPE, str(error)) from error
                raise
            attempt.uploaded += count
            rest = rest[count:]


class _Direct(_Watched):
    """For connections that urllib3 opens itself, to a server or to an HTTP proxy."""

    port: int
    socket_options: Any
    source_address: Any
    _dns_host: str

    def _new_conn(self) -> socket.socket:
        attempt = Attempt.current()
        family = urllib3.util.connection.allowed_gai_family()
        host = self._dns_host.strip("[]")
        places = socket.getaddrinfo(host, self.port, family, socket.SOCK_STREAM)
        while True:
            place = places.pop(0)
            try:
                # The addresses share the time: a dead one leaves some to those behind it.
                sock = self._opened(attempt, place, len(places) + 1)
                break
            except OSError:
                if not places or attempt.aborted:
                    raise
        if isinstance(self, urllib3.connection.HTTPSConnection):
            self._link = sock.dup()
            attempt.own(self._link)
            self._begin_handshake(sock)
        return sock

    def _opened(self, attempt: Attempt, place: Any, shares: int) -> socket.socket:
        family, kind, protocol, _, address = place
        sock = socket.socket(family, kind, protocol)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            if self.source_address:
                sock.bind(self.source_address)
            left = attempt.left()
            until = None if left is None else time.monotonic() + left / shares
            sock.settimeout(0)
            attempt.own(sock)
            error = sock.connect_ex(address)
            if error in (errno.EINPROGRESS, errno.EWOULDBLOCK):
                _wait_until_connected(sock, attempt, until)
                error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error))
        except BaseException:
            sock.close()
            raise
        return sock


def _wait_until_connected(sock: socket.socket, attempt: Attempt, until: Optional[float]) -> None:
    left: Optional[float] = None
    while not attempt.aborted:
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise socket.timeout("timed out")
        # Looked at now and then: before a socket is connected, shutting it down may do nothing.
        if _ready(sock, selectors.EVENT_WRITE, 0.1 if left is None else min(left, 0.1)):
            return
    raise InterruptedError("given up")


def _ready(sock: Any, events: int, timeout: Optional[float]) -> int:
    """Wait for any of the events; which of them have happened."""
    with _Selector() as selector:
        selector.register(sock, events)
        return sum(happened for _, happened in selector.select(timeout))


def _waiter(sock: Any) -> Callable[[float], bool]:
    """What waits until there is something to read, or the time is up; for many calls."""
    if not hasattr(select, "poll"):
        return lambda seconds: bool(_ready(sock, selectors.EVENT_READ, seconds))
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return lambda seconds: bool(poll.poll(math.ceil(seconds * 1000)))


def _refuses(sock: Any, attempt: Attempt) -> bool:
    """Wait until the server takes more; whether it answers instead, and not with success."""
    while True:
        # The answer to a request that succeeds already is read when all of that has been sent.
        events = selectors.EVENT_WRITE
        if attempt.early[9:10] != b"2":
            events |= selectors.EVENT_READ
        events = _ready(sock, events, attempt.left())
        if not events:
            raise socket.timeout("timed out")
        if events & selectors.EVENT_READ:
            sock.settimeout(0)
            try:
                data = sock.recv(READ_SIZE)
            except (BlockingIOError, ssl.SSLWantReadError):  # TLS had something to say
                continue
            except OSError:
                return True
            attempt.early = _final(attempt.early + data)
            # "HTTP/1.1 4": whoever closes refuses too.
            if not data or attempt.early[9:10] not in (b"", b"1", b"2"):
                return True
        if events & selectors.EVENT_WRITE:
            return False


def _final(head: bytes) -> bytes:
    """``head`` without the interim answers at its start."""
    while head.startswith(b"HTTP/1.1 1"):
        _, end, rest = head.partition(b"\r\n\r\n")
        if not end:
            break
        head = rest
    return head


class _Idle(queue.LifoQueue):  # type: ignore[type-arg]
    """Idle connections. One too many is closed; urllib3 warns of that, and it is as wished."""

    def put(self, item: Any, block: bool = True, timeout: Optional[float] = None) -> None:
        try:
            super().put(item, block, timeout)
        except queue.Full:
            if item is not None:
                item.close()


def watch(manager: Any) -> None:
    """Let a pool manager of urllib3 make connections that work for an ``Attempt``."""
    manager.pool_classes_by_scheme = {
        scheme: _watched(pool, pool.ConnectionCls)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@functools.lru_cache(maxsize=None)
def _watched(pool: Any, connection: Any) -> Any:
    if not issubclass(connection, urllib3.connection.HTTPConnection):
        return pool  # a test library's
    opened_by_urllib3 = connection._new_conn is urllib3.connection.HTTPConnection._new_conn
    mixin = _Direct if opened_by_urllib3 else _Watched  # SOCKS has its own way
    watched = type(connection.__name__, (mixin, connection), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": watched, "QueueCls": _Idle})


def _unconnected(connection: Any, error: OSError) -> Exception:
    return urllib3.exceptions.NewConnectionError(connection, str(error))
