"""HTTP: connections, time limits, retries, and bytes as they arrive.

The only module that names requests, and no type of it leaves this file. Requests go straight to
requests' adapter: ``Session`` looks proxies, CA bundle and netrc up for every single call, which
is more than half of a short call's cost; here that happens once per origin.
"""

from __future__ import annotations

import functools
import http.client
import json
import random
import re
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union
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
import urllib3.util

from .._version import __version__
from ..errors import (
    ProtocolError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    shown_url,
)
from ..options import RetryPolicy, Timeout
from ..protocols.jsontext import TooDeepError, read_json
from ..wire import Body, Received, Request, Response
from .bodies import Chunked, CodingError, FramingError, Sized, Unsized, inflated
from .connections import READ_SIZE, Answer, watch
from .exchange import Attempt, Exchange
from .failures import cut_off, failed, hidden, secrets_of, status_error, timed_out

__all__ = [
    "CA_BUNDLE",
    "Exchange",
    "OpenResponse",
    "Transport",
    "basic_authorization",
    "check_header",
    "normal_url",
]

#: The file of the certificates that are trusted.
CA_BUNDLE: str = requests.utils.DEFAULT_CA_BUNDLE_PATH
#: The longest body of a blocking call, in bytes after decompression.
MAX_BODY = 512 * 1024 * 1024
#: How much of an error answer is read.
MAX_ERROR_BODY = 64 * 1024
MAX_REDIRECTS = 5

_RETRIABLE_STATUS = (502, 503, 504)
#: With Retry-After they say that nothing was executed.
_REFUSED_UNEXECUTED = (429, 503)
_USER_AGENT = "remoteagent-lite/%s" % __version__
_ENCODINGS = "gzip, deflate"


def normal_url(url: str) -> str:
    """``url`` checked and normalised (host in IDNA, no trailing slash, no user info).

    Raises ValueError when it is not an absolute http or https URL.
    """
    prepared = requests.PreparedRequest()
    if not isinstance(url, str) or not url.lower().startswith(("http://", "https://")):
        shown = url.rpartition("@")[2] if isinstance(url, str) else url
        raise ValueError("base_url must start with http:// or https://, got %r" % (shown,))
    if "@" in "".join(re.split("[/?#]", url.partition("://")[2], maxsplit=1)[1:]):
        # Not shown: it may be the end of a password that has one of these three in it.
        raise ValueError(
            "base_url has an @ behind its host: write %40 for it, and %2F, %3F or %23 for the "
            "/, ? or # of a password"
        )
    if "?" in url or "#" in url:
        raise ValueError("base_url must have no query and no fragment, got %s" % shown_url(url))
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


class _Adapter(requests.adapters.HTTPAdapter):
    """requests' adapter on connections that work for the attempt of their thread."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if not known:
            watch(manager)
        return manager

    def cert_verify(self, *arguments: Any, **options: Any) -> None:
        # Comes first of all that can fail when requests really sends, and no test library does.
        Attempt.current().stage = "preparing"
        super().cert_verify(*arguments, **options)  # type: ignore[no-untyped-call]


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
        sleep: Optional[Callable[[float], None]] = None,
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
        self._adapter = _Adapter(pool_connections=8, pool_maxsize=pool_size or 0, max_retries=0)
        self._sites: Dict[str, _Site] = {}
        # Method and URL of what a server wants later: the monotonic time from which on. No lock
        # guards it: of two refusals at one moment one may be forgotten, and is told again.
        self._turns: Dict[str, float] = {}
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
        began: Optional[float] = None,
    ) -> Response:
        """Send and read the whole answer; blocks. ``repeatable`` runs may be retried by policy.

        ``began`` is the monotonic time from which ``timeout.total`` counts, if that is not now.
        Raises RemoteHTTPError for 4xx and 5xx, RemoteServerUnavailableError and its subclass
        RemoteTimeoutError for a failed exchange, ProtocolError for an answer that cannot be read.
        """

        def once(exchange: Exchange, deadline: Optional[float]) -> Response:
            answer = self._open(request, exchange, timeout, deadline, _ENCODINGS)
            body = answer.read_all(body_limit)
            return Response(answer.url, answer.status, answer.headers, body)

        answer: Response = self._attempts(request, timeout, repeatable, began, once)
        return answer

    def open(
        self,
        request: Request,
        timeout: Timeout,
        *,
        repeatable: bool = False,
        began: Optional[float] = None,
    ) -> OpenResponse:
        """Send and return as soon as the headers are there; the caller closes the answer.

        Raises as ``send`` does; an error status has raised before this returns.
        """

        def once(exchange: Exchange, deadline: Optional[float]) -> OpenResponse:
            # Uncompressed: a compressor in between may hold events back to fill its window.
            return self._open(request, exchange, timeout, deadline, "identity")

        answer: OpenResponse = self._attempts(request, timeout, repeatable, began, once)
        return answer

    def forward(self, request: Request, timeout: Timeout) -> OpenResponse:
        """Send, and return whatever is answered when its headers are there; the caller closes it.

        For those who pass answers on: an error status and a redirect are answers like any other.
        Raises as ``send`` does where no answer comes.
        """

        def once(exchange: Exchange, deadline: Optional[float]) -> OpenResponse:
            body, headers = self._encode(request, "identity")
            attempt = exchange.attempt(timeout, deadline)
            url = _target(request)
            return self._ask(request.method, url, headers, body, attempt, request.anonymous)

        answer: OpenResponse = self._attempts(request, timeout, False, None, once)
        return answer

    def _attempts(
        self,
        request: Request,
        timeout: Timeout,
        repeatable: bool,
        began: Optional[float],
        once: Callable[[Exchange, Optional[float]], Any],
    ) -> Any:
        exchange = Exchange.bound() or Exchange()
        # One limit for all attempts and the waits between them.
        deadline = None
        if timeout.total is not None:
            deadline = timeout.total + (time.monotonic() if began is None else began)
        if request.body is not None:
            return once(exchange, deadline)
        attempt = 0
        again = request.safe or (repeatable and self._retry.retry_runs)
        turn = "%s %s" % (request.method, request.url)
        patient_until = time.monotonic() + self._retry.patience
        sleep = self._sleep or exchange.wait
        while True:
            if turn in self._turns:
                self._wait_for_turn(turn, deadline, sleep)
            attempt += 1
            try:
                return once(exchange, deadline)
            except RemoteServerUnavailableError as error:
                if exchange.aborted or (error.request_sent and not again):
                    raise
                if isinstance(error, RemoteTimeoutError) and error.phase == "total":
                    raise
                wait = self._retry.delay(attempt)
                if wait is None or _too_late(wait, deadline):
                    raise
            except RemoteHTTPError as error:
                wish = error.retry_after if error.status_code in _REFUSED_UNEXECUTED else None
                if wish is not None:
                    later = time.monotonic() + max(wish, self._retry.backoff)
                    if later > min(patient_until, deadline or patient_until):
                        raise
                    self._take_turns(turn, later)
                    continue
                if not again or error.status_code not in _RETRIABLE_STATUS:
                    raise
                wait = self._retry.delay(attempt, error.retry_after)
                if wait is None or _too_late(wait, deadline):
                    raise
            sleep(wait)

    def _take_turns(self, turn: str, later: float) -> None:
        now = time.monotonic()
        # Made anew, so that what nobody asks for any more does not stay.
        turns = {name: until for name, until in list(self._turns.items()) if until > now}
        turns[turn] = max(later, turns.get(turn, later))
        self._turns = turns

    def _wait_for_turn(
        self, turn: str, deadline: Optional[float], sleep: Callable[[float], None]
    ) -> None:
        """Wait until the time that the server named for all who ask this of it."""
        left = self._turns.get(turn, 0.0) - time.monotonic()
        if left <= 0:
            self._turns.pop(turn, None)
        elif not _too_late(left, deadline):
            # Jitter, so that those who were refused do not come back at one moment.
            sleep(left + random.uniform(0.0, min(0.2 * left, 1.0)))

    def _open(
        self,
        request: Request,
        exchange: Exchange,
        timeout: Timeout,
        deadline: Optional[float],
        encodings: str,
    ) -> OpenResponse:
        url = _target(request)
        method, body, headers = request.method, *self._encode(request, encodings)
        for _ in range(MAX_REDIRECTS + 1):
            attempt = exchange.attempt(timeout, deadline)
            answer = self._ask(method, url, headers, body, attempt, request.anonymous)
            if answer.status < 300:
                return answer
            location = answer.headers.get("location")
            if answer.status >= 400 or not location:
                raise answer.refusal()
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
            proxies = dict(settings["proxies"])
            _check_proxy(requests.utils.select_proxy(url, proxies), url)
            login = requests.utils.get_netrc_auth(url)
            site = _Site(
                proxies,
                settings["verify"],  # type: ignore[arg-type]
                settings["cert"],
                basic_authorization(*login) if login else None,
            )
            with self._lock:
                self._sites[origin] = site
        return site

    def _ask(
        self,
        method: str,
        url: str,
        headers: Dict[str, str],
        body: Union[bytes, Body, None],
        attempt: Attempt,
        anonymous: bool,
    ) -> OpenResponse:
        prepared = requests.PreparedRequest()
        prepared.method = method
        prepared.url = url
        prepared.body = body  # type: ignore[assignment]
        prepared.hooks = requests.hooks.default_hooks()
        prepared.headers = requests.structures.CaseInsensitiveDict(headers)
        connect = attempt.timeout.connect
        try:
            site = self._site(url)
            login = None if anonymous else site.authorization
            if login and "Authorization" not in prepared.headers:
                prepared.headers["Authorization"] = login
            if attempt.aborted:
                raise InterruptedError("given up")
            if attempt.deadline is not None:
                left = attempt.deadline - time.monotonic()
                if left <= 0:
                    raise timed_out(url, attempt)
                connect = left if connect is None else min(connect, left)
            attempt.body_follows = bool(body)
            with attempt:
                attempt.stage = ""  # a test library may stand in; if not, it will be told
                response = self._adapter.send(
                    prepared,
                    stream=True,
                    timeout=(connect, attempt.timeout.read),  # type: ignore[arg-type]
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
            slow = isinstance(error, requests.exceptions.Timeout)
            if isinstance(error, requests.exceptions.ConnectTimeout) and not attempt.stage:
                attempt.stage = "connecting"  # a test library says so
            raise failed(error, url, attempt, slow) from error
        received = {name.lower(): value for name, value in response.headers.items()}
        return OpenResponse(response.raw, received, method, url, prepared.headers, attempt)


class OpenResponse:
    """An answer whose body is still to be read.

    One thread reads; ``abort()`` may be called from any other and wakes it. The connection goes
    back to the pool when the body has been read to an end that is certain, and is closed otherwise.
    """

    def __init__(
        self,
        raw: Any,
        headers: Dict[str, str],
        method: str,
        url: str,
        sent_headers: Mapping[str, str],
        attempt: Attempt,
    ) -> None:
        attempt.stage = "answered"
        self.url = shown_url(url)
        self.method = method
        self.status: int = raw.status
        self.headers = headers
        self.received = Received(self.url, self.status, headers)
        self.timeout = attempt.timeout
        #: The monotonic time at which ``timeout.total`` is used up, or None.
        self.deadline = attempt.deadline
        #: Whether the body has been read to its end, and its framing has proved that it is whole.
        #: One that ends with its connection may have been cut off.
        self.complete = False
        self._sent_headers = sent_headers
        self._attempt = attempt
        self._raw = raw
        self._ended = False
        self._receive, self._framing, codings = _body(raw, headers)
        self._decoders = [decoder for decoder in map(inflated, codings) if decoder]

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; "" if the server named none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def read(self) -> bytes:
        """The next bytes as soon as there are any; b"" at the end of the body. Blocks.

        Raises RemoteTimeoutError after ``timeout.read`` seconds of silence or at the deadline,
        RemoteServerUnavailableError when the connection breaks or the body is cut short. After
        ``abort()`` it returns b"".
        """
        framing = self._framing
        while not self._ended:
            try:
                if framing.ended:
                    self._finish()
                    break
                data = framing.feed(self._receive())
                for decoder in self._decoders:
                    data = data and decoder.feed(data)
                if data:
                    return data
            except (
                OSError,
                EOFError,
                http.client.HTTPException,
                urllib3.exceptions.HTTPError,
                requests.exceptions.RequestException,
                FramingError,
                CodingError,
                ValueError,  # a closed file: the connection was aborted
            ) as error:
                self.drop()
                if self._attempt.aborted:
                    return b""
                if isinstance(error, CodingError):
                    raise ProtocolError(
                        "%s %s sent a body that cannot be read: %s."
                        % (self.method, self.url, error),
                        self.url,
                    ) from error
                slow = isinstance(error, requests.exceptions.Timeout)
                raise failed(error, self.url, self._attempt, slow) from error
            except BaseException:  # Ctrl-C between two reads: the rest of the body is unread
                self.drop()
                raise
        return b""

    @property
    def length(self) -> Optional[int]:
        """How many bytes the body has, if the server says so and they are given out as sent."""
        if not isinstance(self._framing, Sized) or self._decoders:
            return None
        return int(self.headers["content-length"])

    def ready(self, seconds: float) -> bool:
        """Whether ``read`` has something to give, waiting for it at most that long.

        For the reading thread. True where it cannot be known, and when the end is there.
        """
        response = getattr(self._raw, "_fp", None)
        if self._ended or self._framing.ended or not isinstance(response, Answer):
            return True
        return response.ready(seconds)

    def late(self) -> RemoteTimeoutError:
        """The error for a body that has not come in time, for who has waited with ``ready``."""
        return timed_out(self.url, self._attempt)

    def read_all(self, limit: int) -> bytes:
        """The whole body, at most ``limit`` bytes (more raises ProtocolError). Blocks.

        Raises as ``read`` does; also for a body that was given up, and for JSON that ends with its
        connection and in the middle.
        """
        body = self._start(limit + 1)
        if len(body) > limit:
            raise ProtocolError(
                "%s %s answered with more than %d bytes, the most that is read. Ask for less "
                "(limit=, page=) if you can." % (self.method, self.url, limit),
                self.url,
            )
        return body

    def text(self, limit: int) -> str:
        """The first ``limit`` bytes of the body as text, without what the request had of secrets.

        The rest is dropped. Raises as ``read_all`` does, but for what is longer.
        """
        text = self._start(limit)[:limit].decode("utf-8", "replace")
        return hidden(text, secrets_of(self._sent_headers))

    def shown(self, limit: int) -> bytes:
        """The first ``limit`` bytes of the body as ``text`` has them, and otherwise untouched."""
        data = self._start(limit)[:limit]
        for secret in secrets_of(self._sent_headers):
            data = data.replace(secret.encode("latin-1", "replace"), b"***")
        return data

    def refusal(self) -> RemoteHTTPError:
        """The error for an answer with an error status; reads a bounded part of its body."""
        secrets = secrets_of(self._sent_headers)
        headers = {name: hidden(value, secrets) for name, value in self.headers.items()}
        return status_error(
            self.method,
            self.url,
            self.status,
            headers,
            self.text(MAX_ERROR_BODY),
            "Authorization" in self._sent_headers,
        )

    def _start(self, limit: int) -> bytes:
        """The whole body, or at least ``limit`` bytes of it, with the rest dropped."""
        parts: List[bytes] = []
        size = 0
        while size < limit:
            data = self.read()
            if not data:
                break
            parts.append(data)
            size += len(data)
        whole = size < limit
        self.drop()
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._attempt.aborted:
            raise failed(EOFError("aborted"), self.url, self._attempt)
        if whole and not self.complete and self.content_type.endswith(("/json", "+json")):
            try:
                read_json(body)
            except TooDeepError:
                pass
            except ValueError as error:
                raise cut_off(self.url, "it is no whole JSON", error) from error
        return body

    def abort(self) -> None:
        """Stop a read that blocks in another thread, at once. The reading thread cleans up.

        Takes no lock: a finalizer may call it, whatever its thread is doing.
        """
        self._attempt.abort()

    def drop(self) -> None:
        """Close the connection, if the body has not been read to its end. For the reading thread
        only."""
        self._ended = True
        self._attempt.disown()
        raw, self._raw = self._raw, None
        if raw is not None:
            raw.close()

    def _finish(self) -> None:
        """The body is complete: the connection can serve somebody else if that is certain."""
        if self._decoders and any(decoder.unfinished for decoder in self._decoders):
            raise EOFError("the compressed data stops before its end")
        self.complete = self._framing.proves_end
        certain = self.complete and not self._framing.excess and not self._attempt.unfinished
        # Not to be disowned when it was aborted, or is a test library's.
        if not self._attempt.disown() or not certain:
            self.drop()
            return
        self._ended = True
        # Not kept: it holds the pool, which urllib3 2 closes only when nobody has it any more.
        raw, self._raw = self._raw, None
        raw._fp.close()
        raw.release_conn()


def _body(
    raw: Any, headers: Mapping[str, str]
) -> Tuple[Callable[[], bytes], Union[Sized, Unsized, Chunked], List[str]]:
    """What reads a body's next bytes, what they are framed by, and how they are coded, last first.

    urllib3 gives bytes out as they arrive only for chunked bodies, and before 2.2 not at all
    otherwise; it also costs twice as much per chunk as taking the chunks out of the buffered
    socket file ourselves. So http.client's own file is read where there is one, and urllib3's
    public ``stream`` where there is none (an answer made by a test library).
    """
    codings = [headers.get("content-encoding", "")]
    response = getattr(raw, "_fp", None)
    if not isinstance(response, Answer):
        parts = raw.stream(READ_SIZE, decode_content=False)
        return lambda: next(parts, b""), Unsized(proves_end=True), codings
    framing: Union[Sized, Unsized, Chunked] = Unsized()
    if response.length is not None:
        framing = Sized(response.length)
        framing.excess = response.length == 0 and response.has_more()
    elif response.chunked:
        framing = Chunked()
    receive = functools.partial(response.fp.read1, READ_SIZE)
    return receive, framing, [*reversed(response.codings), *codings]


def _target(request: Request) -> str:
    """Where a request goes, its query included."""
    if not request.params:
        return request.url
    return request.url + "?" + urlencode(request.params)


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


def _check_proxy(proxy: Optional[str], url: str) -> None:
    """Raise, without showing its password, for a proxy that has no usable URL."""
    if proxy is None:
        return
    try:
        proxy = requests.utils.prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        if urllib3.util.parse_url(proxy).host:
            return
    except (ValueError, TypeError):  # TypeError: requests' own, for a URL without a host
        pass
    raise RemoteAgentError(
        "The proxy for %s has no usable URL: check proxies= and HTTP(S)_PROXY." % shown_url(url),
        shown_url(url),
    )


def _too_late(wait: float, deadline: Optional[float]) -> bool:
    """Whether nothing of the time allowed is left after ``wait`` seconds."""
    return deadline is not None and time.monotonic() + wait >= deadline
