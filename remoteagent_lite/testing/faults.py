"""What servers and networks do wrong, done on purpose. A fault is had by one request, or more."""

from __future__ import annotations

import itertools
import json
import math
import re
import threading
import time
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..wsgi import Environ, Header, StartResponse, status_line
from .server import CLOSING, App

__all__ = ["Fault", "Faults", "cut", "rate_limited", "silence", "slow", "unavailable"]

_FRAMES = re.compile(rb".+?(?:\r\n\r\n|\n\n|\r\r)", re.S)


class Fault:
    """Something that goes wrong ``times`` times; always, if that is None."""

    def __init__(self, times: Optional[int] = 1) -> None:
        if times is not None and times < 1:
            raise ValueError("a fault happens once or more often, not %r times" % (times,))
        self.times = times
        #: How many requests have had it.
        self.hits = 0
        #: Whether something is served that it happens to.
        self.is_armed = False

    @property
    def is_over(self) -> bool:
        return self.times is not None and self.hits >= self.times

    def answer(self, app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """What a request that has the fault is answered."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return "<%s, had by %d requests>" % (type(self).__name__, self.hits)


class Faults:
    """``app`` with faults: each POST that ``concerns`` has the next of them, until none is left."""

    def __init__(
        self,
        app: App,
        faults: Sequence[Fault],
        concerns: Callable[[str], bool] = lambda path: True,
    ) -> None:
        for each in faults:
            if not isinstance(each, Fault):
                raise TypeError("%r is no fault, as cut() and unavailable() are" % (each,))
            each.is_armed = True
        self._app = app
        self._faults = list(faults)
        self._concerns = concerns
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST" and self._concerns(environ["PATH_INFO"]):
            fault = self._next()
            if fault is not None:
                return fault.answer(self._app, environ, start_response)
        return self._app(environ, start_response)

    def _next(self) -> Optional[Fault]:
        with self._lock:
            for fault in self._faults:
                if not fault.is_over:
                    fault.hits += 1
                    return fault
        return None


# The lower-case names are what one writes: Script("one", cut(after=1)).


class unavailable(Fault):  # noqa: N801
    """The server refuses: nothing is run. ``retry_after`` is in seconds."""

    def __init__(
        self,
        status: int = 503,
        *,
        retry_after: Optional[float] = None,
        detail: str = "Service Unavailable",
        times: Optional[int] = 1,
    ) -> None:
        super().__init__(times)
        self._status = status
        self._retry_after = retry_after
        self._detail = detail

    def answer(self, app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = json.dumps({"detail": self._detail}).encode("ascii")
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if self._retry_after is not None:
            headers.append(("Retry-After", "%d" % math.ceil(self._retry_after)))
        start_response(status_line(self._status), headers)
        return [body]


class rate_limited(unavailable):  # noqa: N801
    """429: nothing is run. ``retry_after`` is in seconds."""

    def __init__(self, *, retry_after: Optional[float] = None, times: Optional[int] = 1) -> None:
        super().__init__(429, retry_after=retry_after, detail="Too Many Requests", times=times)


class cut(Fault):  # noqa: N801
    """The connection is lost behind ``after`` events, or in the middle of an answer that has none.

    With 0 nothing of the answer arrives, although its run has been begun.
    """

    def __init__(self, after: int = 0, *, times: Optional[int] = 1) -> None:
        super().__init__(times)
        self._after = after

    def answer(self, app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = _Answer(app, environ, start_response)
        try:
            if not answer.is_stream:
                body = b"".join(answer)
                if self._after:
                    yield body[: len(body) // 2]
            elif self._after:
                for count, piece in answer.events():
                    yield piece
                    if count == self._after:
                        break
        finally:
            answer.close()
        raise ConnectionResetError("cut on purpose")


class silence(Fault):  # noqa: N801
    """Nothing is sent for some seconds, behind ``after`` events; then the answer goes on."""

    def __init__(self, seconds: float, *, after: int = 0, times: Optional[int] = 1) -> None:
        super().__init__(times)
        self._seconds = seconds
        self._after = after

    def answer(self, app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return _late(app, environ, start_response, self._pause)

    def _pause(self, count: int) -> float:
        return self._seconds if count == self._after + 1 else 0


class slow(Fault):  # noqa: N801
    """Each event comes late, by that many seconds."""

    def __init__(self, seconds: float, *, times: Optional[int] = None) -> None:
        super().__init__(times)
        self._seconds = seconds

    def answer(self, app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        return _late(app, environ, start_response, lambda count: self._seconds)


def _late(
    app: App, environ: Environ, start_response: StartResponse, pause: Callable[[int], float]
) -> Iterator[bytes]:
    """An answer whose events wait; one that is no stream waits as its first event would."""
    answer = _Answer(app, environ, start_response)
    told = 0
    try:
        for count, piece in answer.events() if answer.is_stream else ((1, each) for each in answer):
            if count > told:
                told = count
                _sleep(pause(count), environ)
            yield piece
    finally:
        answer.close()


def _sleep(seconds: float, environ: Environ) -> None:
    """ConnectionResetError if the server is closed meanwhile."""
    closing: Optional[threading.Event] = environ.get(CLOSING)
    if closing is None:
        time.sleep(seconds)
    elif closing.wait(seconds):
        raise ConnectionResetError("the server is closing")


class _Answer:
    """What ``app`` answers. It has begun: its head is known."""

    def __init__(self, app: App, environ: Environ, start_response: StartResponse) -> None:
        self.is_stream = False
        self._start_response = start_response
        self._body = app(environ, self._start)
        self._pieces = iter(self._body)
        try:
            self._first = next(self._pieces, b"")  # an app may be a generator
        except BaseException:
            self.close()
            raise

    def _start(self, status: str, headers: List[Header], exc_info: Any = None) -> Any:
        types = [value for name, value in headers if name.lower() == "content-type"]
        self.is_stream = any(each.startswith("text/event-stream") for each in types)
        return self._start_response(status, headers, *([exc_info] if exc_info else []))

    def __iter__(self) -> Iterator[bytes]:
        return itertools.chain((self._first,), self._pieces)

    def events(self) -> Iterator[Tuple[int, bytes]]:
        """Frame by frame, each with the number of the event that it is, from 1 on.

        A comment has the number of the event before it.
        """
        count, held = 0, b""
        for piece in self:
            held += piece
            for frame in _FRAMES.findall(held):
                count += any(not line.startswith(b":") for line in frame.splitlines() if line)
                held = held[len(frame) :]
                yield count, frame
        if held:
            yield count + 1, held

    def close(self) -> None:
        close: Optional[Callable[[], None]] = getattr(self._body, "close", None)
        if close is not None:
            close()
