"""HTTP: connections, time limits, retries, and bytes as they arrive.

The only module that names requests, and no type of it leaves this file. Requests go straight to
requests' adapter: ``Session`` looks proxies, CA bundle and netrc up for every single call, which
is more than half of a short call's cost; here that happens once per origin.
"""

from __future__ import annotations

import functools
import http.client
import io
import json
import socket
import ssl
import threading
import time
import zlib
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    Union,
)
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import requests.adapters
import requests.auth
import requests.exceptions
import requests.hooks
import requests.structures
import requests.utils
import urllib3.exceptions
import urllib3.filepost
import urllib3.util.timeout

from .._version import __version__
from ..errors import (
    ProtocolError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    error_for_status,
    shown_url,
)
from ..options import RetryPolicy, Timeout
from ..protocols.jsontext import read_json
from ..wire import Body, Received, Request, Response
from .exchange import Attempt, Exchange

__all__ = [
    "Exchange",
    "StreamResponse",
    "Transport",
    "basic_authorization",
    "check_header",
    "normal_url",
]

#: Bytes per read. Four times as much doubled the CPU time of paced streams.
READ_SIZE = 64 * 1024
#: The longest body of a blocking call, in bytes after decompression.
MAX_BODY = 512 * 1024 * 1024
#: How much of an error answer is read.
MAX_ERROR_BODY = 64 * 1024
MAX_REDIRECTS = 5
#: The longest chunk-size line or trailer section that is accepted, in bytes.
MAX_CHUNK_LINE = 64 * 1024

_RETRIABLE_STATUS = (502, 503, 504)
_USER_AGENT = "remoteagent-lite/%s" % __version__
_ENCODINGS = "gzip, deflate"
_HEX = b"0123456789abcdefABCDEF"


def normal_url(url: str) -> str:
    """``url`` checked and normalised (host in IDNA, no trailing slash, no user info).

    Raises ValueError when it is not an absolute http or https URL.
    """
    prepared = requests.PreparedRequest()
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        shown = url.rpartition("@")[2] if isinstance(url, str) else url
        raise ValueError("base_url must start with http:// or https://, got %r" % (shown,))
    if "?" in url or "#" in url:
        raise ValueError("base_url must have no query and no fragment, got %s" % shown_url(url))
    if "@" in url.split("://", 1)[1].partition("/")[2]:
        raise ValueError(
            "base_url %s has an @ behind a slash: write %%2F for a slash in a password, and %%40 "
            "for an @ in a path" % shown_url(url)
        )
    try:
        prepared.prepare_url(url, None)
    except (requests.exceptions.RequestException, ValueError):
        # from None: the original error's text may show a password in the URL
        raise ValueError("base_url %s is not a usable URL" % shown_url(url)) from None
    return shown_url(str(prepared.url)).rstrip("/")


class _Site(NamedTuple):
    """What requests' environment look-ups say about one origin."""

    proxies: Dict[str, str]
    verify: Union[bool, str]
    cert: Union[str, Tuple[str, str], None]
    authorization: Optional[str]


class Transport:
    """Sends requests over pooled connections. Any thread may use it; ``close()`` when done.

    ``verify`` and ``cert`` are requests': a CA bundle's path or False, a client certificate's
    path or (certificate, key). ``proxies`` maps a scheme to a proxy URL and goes before the
    environment's. ``pool_size`` idle connections are kept per server; without it as many as were
    in use at once. After a fork make a new one.
    """

    def __init__(
        self,
        *,
        retry: Optional[RetryPolicy] = None,
        headers: Optional[Mapping[str, str]] = None,
        verify: Union[bool, str] = True,
        cert: Union[str, Tuple[str, str], None] = None,
        proxies: Optional[Mapping[str, str]] = None,
        pool_size: Optional[int] = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if pool_size is not None and pool_size < 1:
            raise ValueError("pool_size must be 1 or more, not %r" % pool_size)
        self._retry = retry or RetryPolicy()
        self._headers = dict(headers or {})
        self._verify = verify
        self._cert = cert
        self._proxies = dict(proxies or {})
        self._sleep = sleep
        # max_retries=0: repeating is decided here, where it is known what may be repeated.
        self._adapter = requests.adapters.HTTPAdapter(
            pool_connections=8, pool_maxsize=pool_size or 0, max_retries=0
        )
        self._sites: Dict[str, _Site] = {}
        self._lock = threading.Lock()  # guards _sites

    def close(self) -> None:
        """Close the idle connections. Streams under way keep theirs until they end."""
        self._adapter.close()

    def send(
        self,
        request: Request,
        timeout: Timeout,
        *,
        repeatable: bool = False,
        body_limit: int = MAX_BODY,
    ) -> Response:
        """Send and read the whole answer; blocks. ``repeatable`` runs may be retried by policy.

        Raises RemoteHTTPError for 4xx and 5xx, RemoteServerUnavailableError and its subclass
        RemoteTimeoutError for a failed exchange, ProtocolError for an answer that cannot be read.
        """

        def once(deadline: Optional[float]) -> Response:
            answer = self._open(request, timeout, deadline, _ENCODINGS)
            parts = answer.read_all(body_limit)
            return Response(answer.url, answer.status, answer.headers, parts)

        answer: Response = self._attempts(request, timeout, repeatable, once)
        return answer

    def open(
        self, request: Request, timeout: Timeout, *, repeatable: bool = False
    ) -> StreamResponse:
        """Send and return as soon as the headers are there; the caller closes the answer.

        Raises as ``send`` does; an error status has raised before this returns.
        """

        def once(deadline: Optional[float]) -> StreamResponse:
            # Uncompressed: a compressor in between may hold events back to fill its window.
            return self._open(request, timeout, deadline, "identity")

        answer: StreamResponse = self._attempts(request, timeout, repeatable, once)
        return answer

    def _attempts(
        self,
        request: Request,
        timeout: Timeout,
        repeatable: bool,
        once: Callable[[Optional[float]], Any],
    ) -> Any:
        # One limit for all attempts and the waits between them.
        deadline = None if timeout.total is None else time.monotonic() + timeout.total
        if request.body is not None:
            return once(deadline)
        attempt = 0
        again = request.safe or (repeatable and self._retry.retry_runs)
        while True:
            attempt += 1
            try:
                return once(deadline)
            except RemoteServerUnavailableError as error:
                if error.request_sent and not again:
                    raise
                if isinstance(error, RemoteTimeoutError) and error.phase == "total":
                    raise
                wait = self._retry.delay(attempt)
                if wait is None or _too_late(wait, deadline):
                    raise
            except RemoteHTTPError as error:
                if not again or error.status_code not in _RETRIABLE_STATUS:
                    raise
                wait = self._retry.delay(attempt, error.retry_after)
                if wait is None or _too_late(wait, deadline):
                    raise
            self._sleep(wait)

    def _open(
        self, request: Request, timeout: Timeout, deadline: Optional[float], encodings: str
    ) -> StreamResponse:
        url = request.url
        if request.params:
            url += "?" + urlencode(request.params)
        method, body, headers = request.method, *self._encode(request, encodings)
        for _ in range(MAX_REDIRECTS + 1):
            attempt = Attempt(Exchange.bound() or Exchange())
            raw, received = self._exchange(method, url, headers, body, timeout, deadline, attempt)
            answer = StreamResponse(raw, received, method, url, timeout, deadline, attempt)
            if answer.status < 300:
                return answer
            location = received.get("location")
            if answer.status >= 400 or not location:
                raise _http_error(answer, request, "Authorization" in headers)
            answer.drop()
            url = _redirected(method, answer.status, url, location)
        raise ProtocolError(
            "%s %s redirected more than %d times. Check base_url."
            % (method, shown_url(request.url), MAX_REDIRECTS),
            shown_url(request.url),
        )

    def _encode(
        self, request: Request, encodings: str
    ) -> Tuple[Union[bytes, Body, None], Dict[str, str]]:
        headers = {
            "User-Agent": _USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": encodings,
            "Connection": "keep-alive",
        }
        headers.update(self._headers)
        body: Union[bytes, Body, None] = None
        if request.body is not None:
            body, headers["Content-Type"] = request.body, request.body.content_type
        elif request.files:
            fields: List[Any] = list(request.form or [])
            fields += [
                (part.field, (part.filename, part.content, part.content_type))
                for part in request.files
            ]
            body, content_type = urllib3.filepost.encode_multipart_formdata(fields)
            headers["Content-Type"] = content_type
        elif request.form is not None:
            body = urlencode(request.form).encode("ascii")
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif request.json is not None:
            body = json.dumps(request.json, allow_nan=False).encode("ascii")
            headers["Content-Type"] = "application/json"
        headers.update(request.headers)
        if body is not None:
            headers["Content-Length"] = str(len(body))
        elif request.method not in ("GET", "HEAD"):
            headers["Content-Length"] = "0"
        return body, headers

    def _site(self, url: str) -> _Site:
        parts = urlsplit(url)
        origin = "%s://%s" % (parts.scheme, parts.netloc)
        with self._lock:
            site = self._sites.get(origin)
        if site is None:
            with requests.Session() as session:
                # The one place that knows requests' rules for the environment.
                settings = session.merge_environment_settings(
                    url, dict(self._proxies), True, self._verify, self._cert
                )
            login = requests.utils.get_netrc_auth(url)
            site = _Site(
                dict(settings["proxies"]),
                settings["verify"],  # type: ignore[arg-type]
                settings["cert"],
                basic_authorization(*login) if login else None,
            )
            with self._lock:
                self._sites[origin] = site
        return site

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Dict[str, str],
        body: Union[bytes, Body, None],
        timeout: Timeout,
        deadline: Optional[float],
        attempt: Attempt,
    ) -> Tuple[Any, Dict[str, str]]:
        prepared = requests.PreparedRequest()
        prepared.method = method
        prepared.url = url
        if body is None or isinstance(body, bytes):
            prepared.body = body
        else:
            prepared.body = _blocks(body, timeout, deadline, url)  # type: ignore[assignment]
        prepared.hooks = requests.hooks.default_hooks()
        prepared.headers = requests.structures.CaseInsensitiveDict(headers)
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise _timed_out("total", timeout, url, None, False)
        try:
            site = self._site(url)
            if site.authorization and "Authorization" not in prepared.headers:
                prepared.headers["Authorization"] = site.authorization
            response = self._adapter.send(
                prepared,
                stream=True,
                # Not a pair of numbers: what connecting took must count towards the rest.
                timeout=urllib3.util.timeout.Timeout(
                    connect=timeout.connect, read=timeout.read, total=left
                ),  # type: ignore[arg-type]
                verify=site.verify,
                cert=site.cert,
                proxies=site.proxies,
            )
        except (
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            http.client.HTTPException,
            ValueError,  # http.client refuses control characters in a header or URL
        ) as error:
            translated = _translated(error, url, timeout, deadline)
            attempt.sent = getattr(translated, "request_sent", False)
            raise translated from error
        attempt.sent = True
        received = {name.lower(): value for name, value in response.headers.items()}
        return response.raw, received


def _blocks(body: Body, timeout: Timeout, deadline: Optional[float], url: str) -> Iterator[bytes]:
    """The body's blocks, as long as there is time."""
    for block in body:
        if deadline is not None and time.monotonic() >= deadline:
            raise _timed_out("total", timeout, url, None, True)
        yield block


class StreamResponse:
    """An answer whose body is still to be read.

    One thread reads; ``abort()`` may be called from any other and wakes it. The connection goes
    back to the pool when the body has been read to its end, and is closed otherwise.
    """

    def __init__(
        self,
        raw: Any,
        headers: Dict[str, str],
        method: str,
        url: str,
        timeout: Timeout,
        deadline: Optional[float],
        attempt: Attempt,
    ) -> None:
        self.url = shown_url(url)
        self.method = method
        self.status: int = raw.status
        self.headers = headers
        self.received = Received(self.url, self.status, headers)
        self.timeout = timeout
        #: The monotonic time at which ``timeout.total`` is used up, or None.
        self.deadline = deadline
        self._raw = raw
        #: Whether the body has been read to an end that its framing has proved. A body that ends
        #: with its connection may have been cut off.
        self.complete = False
        self._ended = False
        self._attempt = attempt
        sock = _socket_of(raw)
        if sock is not None:
            attempt.own(sock)
        self._next = _body(raw)
        self._inflate = _inflater(headers.get("content-encoding", ""), self.url)

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; "" if the server named none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def read(self) -> bytes:
        """The next bytes as soon as there are any; b"" at the end of the body. Blocks.

        Raises RemoteTimeoutError after ``timeout.read`` seconds of silence or at the deadline,
        RemoteServerUnavailableError when the connection breaks or the body is cut short.
        """
        while not self._ended:
            if self.deadline is not None:
                self._shorten()
            try:
                data = self._next()
                if data:
                    if self._inflate is None:
                        return data
                    data = self._inflate(data)
                    if data:
                        return data
                    continue
            except (
                OSError,
                http.client.HTTPException,
                urllib3.exceptions.HTTPError,
                requests.exceptions.RequestException,
                zlib.error,
                ValueError,  # a closed file: the connection was aborted
            ) as error:
                self.drop()
                if self._attempt.aborted:
                    return b""
                if isinstance(error, zlib.error):
                    raise ProtocolError(
                        "%s %s sent a body that does not decompress: %s"
                        % (self.method, self.url, error),
                        self.url,
                    ) from error
                raise _translated(
                    error, self.url, self.timeout, self.deadline, answered=True
                ) from error
            except BaseException:  # Ctrl-C between two reads: the rest of the body is unread
                self.drop()
                raise
            self._finish()
        return b""

    def read_all(self, limit: int) -> bytes:
        """The whole body, at most ``limit`` bytes (more raises ProtocolError). Blocks."""
        parts: List[bytes] = []
        size = 0
        while True:
            data = self.read()
            if not data:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            size += len(data)
            if size > limit:
                self.drop()
                raise ProtocolError(
                    "%s %s answered with more than %d bytes, the most that is read. Ask for less "
                    "(limit=, page=) if you can." % (self.method, self.url, limit),
                    self.url,
                )
            parts.append(data)

    def start(self, limit: int) -> bytes:
        """At most the first ``limit`` bytes of the body; the rest is dropped. Never raises."""
        data = b""
        try:
            while len(data) < limit:
                more = self.read()
                if not more:
                    return data
                data += more
        except RemoteAgentError:
            return data
        self.drop()
        return data[:limit]

    def abort(self) -> None:
        """Stop a read that blocks in another thread, at once. The reading thread cleans up.

        Takes no lock: a finalizer may call it, whatever its thread is doing.
        """
        self._attempt.abort()

    def drop(self) -> None:
        """Close the connection with the body unread. For the reading thread only."""
        self._ended = True
        self._attempt.disown()
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()

    def _finish(self) -> None:
        """The body is complete: the connection can serve somebody else."""
        self._ended = True
        response = getattr(self._raw, "_fp", None)
        self.complete = not isinstance(response, http.client.HTTPResponse) or bool(
            response.chunked or response.length is not None
        )
        # Not kept: it holds the pool, which urllib3 2 closes only when nobody has it any more.
        raw, self._raw = self._raw, None
        if self._attempt.disown():
            raw.release_conn()
        else:
            raw.close()

    def _shorten(self) -> None:
        """Let the next read end at the deadline."""
        left = self.deadline - time.monotonic() if self.deadline is not None else 0.0
        if left <= 0:
            self.drop()
            raise _timed_out("total", self.timeout, self.url, None, True)
        for sock in self._attempt.sockets:
            read = self.timeout.read
            sock.settimeout(left if read is None else min(read, left))


def _socket_of(raw: Any) -> Optional[socket.socket]:
    """The socket under an answer, or None (a mocked answer has none).

    A connection that will be closed gives its socket up to the file that http.client reads from,
    so that is asked first.
    """
    file = getattr(getattr(raw, "_fp", None), "fp", None)
    sock = getattr(getattr(file, "raw", None), "_sock", None)
    if sock is None:
        sock = getattr(getattr(raw, "_connection", None), "sock", None)
    return sock if isinstance(sock, socket.socket) else None


def _body(raw: Any) -> Callable[[], bytes]:
    """A function that returns the body's next bytes as they come, b"" at its end.

    urllib3 gives bytes out as they arrive only for chunked bodies, and before 2.2 not at all
    otherwise; it also costs twice as much per chunk as taking the chunks out of the buffered
    socket file ourselves. So http.client's own file is read where there is one, and urllib3's
    public ``stream`` where there is none (an answer made by a test library).
    """
    response = getattr(raw, "_fp", None)
    if not isinstance(response, http.client.HTTPResponse):
        parts = raw.stream(READ_SIZE, decode_content=False)
        return lambda: next(parts, b"")
    file = response.fp
    if file is None:  # no body: 204, or Content-Length: 0
        return lambda: b""
    return _Chunks(response, file).read if response.chunked else _plain(response, file)


class _Chunks:
    """Takes a chunked body apart: every read hands out all the payload that has arrived."""

    def __init__(self, response: http.client.HTTPResponse, file: io.BufferedReader) -> None:
        self._response = response
        self._read1 = file.read1
        self._pending = b""  # the start of a chunk-size line; behind the last chunk: the trailer
        self._left = 0  # bytes of the current chunk still to come, its CRLF included
        self._last = False  # the chunk of size 0 has been seen

    def read(self) -> bytes:
        while not self._last:
            data = self._read1(READ_SIZE)
            if not data:
                raise http.client.IncompleteRead(b"")
            if self._left > len(data) + 2:  # deep inside one big chunk
                self._left -= len(data)
                return data
            payload = self._split(data)
            if payload:
                return payload
        self._skip_trailer()
        self._response.close()
        return b""

    def _split(self, data: bytes) -> bytes:
        if self._pending:
            data = self._pending + data
            self._pending = b""
        parts: List[bytes] = []
        size = len(data)
        position = self._left
        if position:
            # The count includes the chunk's closing CRLF, which is no payload.
            if position > 2:
                parts.append(data[: position - 2])
            if position > size:
                self._left = position - size
                return parts[0] if parts else b""
            self._left = 0
        while position < size:
            end = data.find(b"\r\n", position)
            if end < 0:
                self._pending = data[position:]
                if len(self._pending) > MAX_CHUNK_LINE:
                    raise http.client.LineTooLong("chunk size")
                break
            length = _chunk_size(data[position:end])
            start = end + 2
            if length == 0:
                self._last = True
                self._pending = data[start:]
                break
            parts.append(data[start : start + length])
            position = start + length + 2
            if position > size:
                self._left = position - size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _skip_trailer(self) -> None:
        """Read to the empty line, so that the connection can serve the next request."""
        trailer = self._pending
        while not (trailer.startswith(b"\r\n") or b"\r\n\r\n" in trailer):
            if len(trailer) > MAX_CHUNK_LINE:
                raise http.client.LineTooLong("trailer")
            more = self._read1(READ_SIZE)
            if not more:  # the body is complete without it (RFC 9112, 8)
                break
            trailer += more


@functools.lru_cache(maxsize=1024)  # the sizes of one stream's events repeat
def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip() if b";" in line else line.rstrip()
    if not digits or digits.strip(_HEX):  # int() would take signs, underscores and 0x
        raise http.client.HTTPException("not a chunk size: %r" % digits[:20])
    return int(digits, 16)


def _plain(response: http.client.HTTPResponse, file: io.BufferedReader) -> Callable[[], bytes]:
    """Content-Length or close-delimited. HTTPResponse.read1 miscounts the rest before 3.11."""
    left = response.length

    def read() -> bytes:
        nonlocal left
        data = b"" if left == 0 else file.read1(READ_SIZE if left is None else min(READ_SIZE, left))
        if not data:
            if left:
                raise http.client.IncompleteRead(b"", left)
            response.close()
        elif left is not None:
            left -= len(data)
        return data

    return read


def _inflater(encoding: str, url: str) -> Optional[Callable[[bytes], bytes]]:
    """A function that decompresses what has arrived so far, or None for plain bodies."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in ("gzip", "x-gzip", "deflate"):

        def refuse(data: bytes) -> bytes:
            raise ProtocolError(
                "%s answered with Content-Encoding %r, which was not asked for. "
                "Is a proxy in between?" % (url, encoding),
                url,
            )

        return refuse

    engine: Any = zlib.decompressobj(47)  # gzip or zlib, told apart by their first bytes
    start = b""  # what came before the two bytes of zlib's header were complete

    def inflate(data: bytes) -> bytes:
        nonlocal engine, start
        try:
            plain: bytes = engine.decompress(data)
        except zlib.error:
            if len(start) >= 2 or encoding != "deflate":
                raise
            engine = zlib.decompressobj(-15)  # some servers send deflate without zlib's header
            plain = engine.decompress(start + data)
        if len(start) < 2:
            start += data[:2]
        while engine.eof and engine.unused_data:  # several gzip members in one body
            rest = engine.unused_data
            engine = zlib.decompressobj(47)
            plain += engine.decompress(rest)
        return plain

    return inflate


def _origin(url: str) -> Tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme.lower(), (parts.hostname or "").lower(), port


def _redirected(method: str, status: int, url: str, location: str) -> str:
    here = shown_url(url)
    try:
        target = urljoin(url, location)
        same = _origin(target) == _origin(url)
    except ValueError:
        raise ProtocolError("%s %s redirects to an unusable URL." % (method, here), here) from None
    there = shown_url(target)
    if not same:
        raise ProtocolError(
            "%s %s redirects to another origin, %s. It was not followed, because your credentials "
            "would go there: if that is right, use it as base_url." % (method, here, there),
            here,
        )
    if method not in ("GET", "HEAD") and status not in (307, 308):
        raise ProtocolError(
            "%s %s answered with redirect %d to %s, which would turn it into a GET. "
            "Correct base_url." % (method, here, status, there),
            here,
        )
    return target


def basic_authorization(username: str, password: str) -> str:
    """The value of an Authorization header for HTTP Basic."""
    return str(requests.auth._basic_auth_str(username, password))


def check_header(name: str, value: str) -> None:
    """Raise ValueError, without showing the value, for what HTTP cannot carry in a header."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError("header %r: name and value must be str" % (name,))
    if not name or any(c in name for c in "\r\n:\0 ") or any(c in value for c in "\r\n\0"):
        raise ValueError("header %r holds a line break or another forbidden character" % name)
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        # from None: the original error's text would show the value
        raise ValueError("header %r holds characters outside Latin-1" % name) from None


def _too_late(wait: float, deadline: Optional[float]) -> bool:
    """Whether nothing of the time allowed is left after ``wait`` seconds."""
    return deadline is not None and time.monotonic() + wait >= deadline


def _timed_out(
    phase: str, timeout: Timeout, url: str, error: Optional[BaseException], sent: bool
) -> RemoteTimeoutError:
    url = shown_url(url)
    seconds = getattr(timeout, phase)
    if phase == "connect":
        text = "No connection to %s within %g s. Check host and port, or raise timeout=." % (
            url,
            seconds or 0,
        )
    elif phase == "read":
        text = (
            "%s sent nothing for %g s. The server may still be working on the request: raise "
            "timeout= (Timeout(read=...)), or use stream=True." % (url, seconds or 0)
        )
    else:
        text = "%s did not finish within the total limit of %g s (Timeout(total=...))." % (
            url,
            seconds or 0,
        )
    return RemoteTimeoutError(text, url, error, sent, phase, seconds)


def _causes(error: BaseException) -> List[BaseException]:
    """``error`` and everything it wraps, by whatever means requests and urllib3 wrap things."""
    found: List[BaseException] = []
    queue: List[Any] = [error]
    while queue:
        item = queue.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue += [getattr(item, "reason", None), item.__cause__, item.__context__, *item.args]
    return found


def _translated(
    error: BaseException,
    url: str,
    timeout: Timeout,
    deadline: Optional[float],
    answered: bool = False,
) -> RemoteAgentError:
    """The library's own error for one of the layers below."""
    causes = _causes(error)

    def has(*types: type) -> bool:
        return any(isinstance(cause, types) for cause in causes)

    url = shown_url(url)
    # NewConnectionError first: before urllib3 2 it is also a ConnectTimeoutError.
    unconnected = has(urllib3.exceptions.NewConnectionError, socket.gaierror)
    slow = has(urllib3.exceptions.TimeoutError, requests.exceptions.Timeout, socket.timeout)
    if slow and not unconnected:
        # urllib3 calls a TLS handshake that got no answer a read timeout.
        connecting = has(
            urllib3.exceptions.ConnectTimeoutError, requests.exceptions.ConnectTimeout
        ) or any("handshake" in str(cause) for cause in causes)
        phase = "connect" if connecting else "read"
        if deadline is not None and time.monotonic() >= deadline - 0.001:
            phase = "total"
        return _timed_out(phase, timeout, url, error, not connecting)
    if answered:
        return RemoteServerUnavailableError(
            "The connection to %s broke before the answer was complete (%s). The server may have "
            "executed the request." % (url, _reason(causes)),
            url,
            error,
            True,
        )
    if has(requests.exceptions.ProxyError, urllib3.exceptions.ProxyError):
        text = "No connection to %s through the proxy (%s). Check proxies= and HTTP(S)_PROXY."
    elif has(requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError):
        text = (
            "No secure connection to %s (%s). Does the server speak https on that port? For a "
            "private certificate pass its CA bundle: verify='/path/ca.pem'."
        )
    elif has(socket.gaierror):
        text = "Cannot connect to %s: the host name is not known (%s). Check base_url."
    elif unconnected:
        text = "Cannot connect to %s (%s). Is the server running, and are host and port right?"
    elif has(
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidHeader,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        urllib3.exceptions.LocationParseError,
        ValueError,
    ) and not has(OSError, http.client.HTTPException, urllib3.exceptions.ProtocolError):
        return RemoteAgentError(
            "The request to %s could not be written (%s): check base_url and headers=."
            % (url, type(error).__name__),
            url,
        )
    else:
        return RemoteServerUnavailableError(
            "The connection to %s was lost before an answer came (%s). The server may have "
            "executed the request." % (url, _reason(causes)),
            url,
            error,
            True,
        )
    return RemoteServerUnavailableError(text % (url, _reason(causes)), url, error, False)


def _reason(causes: List[BaseException]) -> str:
    """The innermost cause in the operating system's words."""
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return str(cause.strerror)
    last = causes[-1]
    return str(last.args[0]) if last.args and isinstance(last.args[0], str) else type(last).__name__


_NEXT_STEP = {
    401: "Pass auth_token= with a token or key this server accepts.",
    403: "The token lacks a permission for this.",
    404: "Check the id.",
    405: "Check base_url: something else than the expected server answers there.",
    409: "Look at the present state first.",
    422: "Correct the named fields.",
    429: "Wait and try again; see retry_after.",
}


def _http_error(answer: StreamResponse, request: Request, authorized: bool) -> RemoteHTTPError:
    """The error for an answer with an error status; reads a bounded part of its body."""
    status = answer.status
    text = answer.start(MAX_ERROR_BODY).decode("utf-8", "replace")
    detail = _detail(text)
    step = _NEXT_STEP.get(status, "See the server's log." if status >= 500 else "")
    if status == 401 and isinstance(detail, str) and authorized:
        step = "The token that was sent is not accepted: is it expired, or for another server?"
    if status == 404 and detail == "Not Found":
        step = (
            "There is no such endpoint: check base_url (an AgentOS answers at its root), or the "
            "server's version does not have it."
        )
    if detail is None and answer.content_type not in ("application/json", "text/plain", ""):
        step = "The answer is %s: check that base_url is the agent server's." % answer.content_type
    reason = http.client.responses.get(status, "")
    said = ": %s" % _shortened(detail) if detail is not None else ""
    message = "%s %s answered %d %s%s. %s" % (
        request.method,
        answer.url,
        status,
        reason,
        said.rstrip("."),
        step,
    )
    return error_for_status(status)(
        message.strip(),
        answer.url,
        status_code=status,
        detail=detail,
        body=text,
        headers=answer.headers,
    )


def _detail(text: str) -> Any:
    """FastAPI's ``detail`` out of an error body; a gateway's JSON-in-JSON is unwrapped once."""
    for _ in range(2):
        try:
            data = read_json(text)
        except ValueError:
            break
        if not isinstance(data, dict) or "detail" not in data:
            break
        detail = data["detail"]
        if not isinstance(detail, str) or not detail.startswith("{"):
            return detail
        text = detail
    else:
        return text
    stripped = text.strip()
    if not stripped or stripped.startswith("<"):
        return None
    return stripped[:500]


def _shortened(detail: Any) -> str:
    if isinstance(detail, list):  # FastAPI's validation errors
        lines = [
            "%s: %s" % (".".join(map(str, item["loc"])), item.get("msg"))
            for item in detail
            if isinstance(item, dict) and isinstance(item.get("loc"), list)
        ]
        detail = "; ".join(lines) or detail
    text = str(detail)
    return text if len(text) <= 300 else text[:300] + "..."
