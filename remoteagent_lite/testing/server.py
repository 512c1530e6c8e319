"""A WSGI server for tests: HTTP/1.1, a thread for each connection, nothing left behind.

Standard library only. Answers without a length go out in chunks as the app gives them, requests in
chunks come in, and connections stay open between requests, as on the servers that apps live on.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set, Tuple
from urllib.parse import unquote_to_bytes

from ..wsgi import Environ, Header, StartResponse

__all__ = ["CLOSING", "listening"]

logger = logging.getLogger("remoteagent_lite.testing")

App = Callable[[Environ, StartResponse], Iterable[bytes]]

#: Where an app finds the Event that is set when its server closes.
CLOSING = "remoteagent_lite.closing"

#: How long requests may take to end once the server closes, in seconds.
PATIENCE = 20.0
_POLL = 0.02
#: How much of a body that nobody has read is read so that the connection can stay open, in bytes.
_UNREAD = 1024 * 1024


@contextlib.contextmanager
def listening(app: App, host: str, port: int) -> Iterator[str]:
    """The URL at which ``app`` is served until the block ends. See ``serve``."""
    server = _Server(app, host, port)
    accepting = threading.Thread(
        target=server.serve_forever, args=(_POLL,), name="remoteagent-serve-%d" % server.port
    )
    accepting.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        accepting.join()
        server.server_close()
        server.end()


class _ClientLeftError(ConnectionError):
    """There is nobody to answer any more."""


class _Server(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, app: App, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.app = app
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._connections: Set[socket.socket] = set()
        #: The thread of each connection, and what it answers.
        self._threads: Dict[threading.Thread, str] = {}
        super().__init__((host, port), _Handler)
        self.port: int = self.server_address[1]
        self.url = "http://%s:%d" % ("[%s]" % host if ":" in host else host, self.port)

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._connection,
            args=(request, client_address),
            name="remoteagent-serve-%d-connection" % self.port,
        )
        with self._lock:
            self._connections.add(request)
            self._threads[thread] = "nothing yet"
        thread.start()

    def _connection(self, connection: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(connection, client_address)
        except ConnectionError:
            pass  # the client has left
        except Exception:
            logger.exception("a connection failed")
        finally:
            with self._lock:
                self._connections.discard(connection)
                self._threads.pop(threading.current_thread(), None)
            self.shutdown_request(connection)

    def answers(self, what: str) -> None:
        """Says what the thread that calls it is busy with."""
        with self._lock:
            self._threads[threading.current_thread()] = what

    def end(self) -> None:
        """Wake all connections, and wait for their threads. RuntimeError if one does not end."""
        self.closing.set()
        with self._lock:
            threads = list(self._threads)
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            busy = sorted(self._threads.values())
        if busy:
            raise RuntimeError(
                "%s: still answered %g seconds after the server was closed: %s. An app has to end "
                "when it is closed, or when what it writes is not taken"
                % (self.url, PATIENCE, ", ".join(busy))
            )


class _Handler(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # whatever the method: it is the app's to refuse one
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug("%s: " + format, self.server.url, *args)

    def _answer(self) -> None:
        self.server.answers("%s %s" % (self.command, self.path.partition("?")[0]))
        body = _Body(self.rfile, self.headers)
        answer = _Answer(self)
        try:
            answer.send(self.server.app(self._environ(body), answer.start))
        except _ClientLeftError:
            self.close_connection = True
        except ConnectionResetError as error:
            # So an app breaks an answer off on purpose.
            logger.info("%s was broken off: %s", self.path.partition("?")[0], error)
            self.close_connection = True
        except Exception as error:
            logger.exception("%s %s failed", self.command, self.path.partition("?")[0])
            self.close_connection = True
            answer.fail("".join(traceback.format_exception_only(type(error), error)))
        self.close_connection = self.close_connection or not body.skip()
        self.server.answers("nothing")

    def _environ(self, body: _Body) -> Environ:
        path, _, query = self.path.partition("?")
        environ: Environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": self.server.server_address[0],
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            CLOSING: self.server.closing,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = "HTTP_" + key
            environ[key] = "%s,%s" % (environ[key], value) if key in environ else value
        return environ


class _Body:
    """The body of one request, as ``wsgi.input``: it ends where the request does."""

    def __init__(self, source: Any, headers: Any) -> None:
        self._source = source
        self._chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        stated = headers.get("Content-Length", "0")
        #: Bytes that are left, of the chunk if there are chunks.
        self._left = int(stated) if stated.isdigit() and not self._chunked else 0
        self._is_over = not self._chunked and not self._left

    def read(self, size: int = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(65536), b""))
        pieces: List[bytes] = []
        while size > 0 and not self._is_over:
            piece = self._piece(size)
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        if self._chunked and not self._left:
            self._left = int(self._source.readline(65537).partition(b";")[0], 16)
            if not self._left:
                while self._source.readline(65537).strip():
                    pass  # trailers
                self._is_over = True
                return b""
        piece: bytes = self._source.read(min(size, self._left))
        if not piece:
            raise _ClientLeftError("the client closed within its request body")
        self._left -= len(piece)
        if not self._left:
            if self._chunked:
                self._source.readline(3)
            else:
                self._is_over = True
        return piece

    def readline(self, size: int = -1) -> bytes:
        line = bytearray()
        while not line.endswith(b"\n") and (size < 0 or len(line) < size):
            byte = self.read(1)
            if not byte:
                break
            line += byte
        return bytes(line)

    def readlines(self, hint: int = -1) -> List[bytes]:
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def skip(self) -> bool:
        """Read what is left; False if that is too much, or cannot be read."""
        with contextlib.suppress(ConnectionError, ValueError):
            for _ in range(_UNREAD // 65536):
                if not self.read(65536):
                    return True
        return False


class _Answer:
    """One answer on its way out: the head with the first piece, then pieces as they come."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self._status = ""
        self._headers: List[Header] = []
        self._is_begun = False
        self._chunked = False

    def start(self, status: str, headers: List[Tuple[str, str]], exc_info: Any = None) -> Any:
        if exc_info and self._is_begun:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._status and not exc_info:
            raise AssertionError("start_response was called twice")
        self._status, self._headers = status, list(headers)
        return self._write

    def send(self, body: Iterable[bytes]) -> None:
        try:
            for piece in body:
                if piece:
                    self._write(piece)
            self._write(b"", is_last=True)
        finally:
            close: Optional[Callable[[], None]] = getattr(body, "close", None)
            if close is not None:
                close()

    def fail(self, text: str) -> None:
        """500 with ``text``, unless there is an answer under way: that stays cut off."""
        if self._is_begun:
            return
        self._status, self._headers = "500 Internal Server Error", [("Content-Type", "text/plain")]
        with contextlib.suppress(_ClientLeftError):
            self._write(text.encode("utf-8", "replace"), is_last=True)

    def _write(self, piece: bytes, is_last: bool = False) -> None:
        sent = b"" if self._is_begun else self._head(piece, is_last)
        if self._handler.command != "HEAD":
            if not self._chunked:
                sent += piece
            else:
                sent += b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
                sent += b"0\r\n\r\n" if is_last else b""
        if sent:
            try:
                self._handler.wfile.write(sent)
            except OSError as error:
                raise _ClientLeftError("the client has left") from error

    def _head(self, piece: bytes, is_last: bool) -> bytes:
        if not self._status:
            raise AssertionError("the app began its answer without start_response")
        handler = self._handler
        self._is_begun = True
        headers = list(self._headers)
        names = {name.lower() for name, _ in headers}
        bodiless = self._status[:1] == "1" or self._status[:3] in ("204", "304")
        if not bodiless and "content-length" not in names:
            if is_last:
                headers.append(("Content-Length", str(len(piece))))
            elif handler.request_version == "HTTP/1.1":
                self._chunked = True
                headers.append(("Transfer-Encoding", "chunked"))
            else:
                handler.close_connection = True
        if handler.close_connection and "connection" not in names:
            headers.append(("Connection", "close"))
        if "date" not in names:
            headers.append(("Date", handler.date_time_string()))
        lines = ["HTTP/1.1 " + self._status, *("%s: %s" % header for header in headers)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
