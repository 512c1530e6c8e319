"""What an upstream says of itself: asked behind those who want to know, and never for long.

A value is fetched by a thread of its own, which ends with the fetch. Whoever asks waits for it for
a bounded time, unless the last fetch failed: then its error is told at once, while another fetch
may be under way. So a server that is down or hangs costs one caller a short wait, and the others
nothing.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, Generic, NamedTuple, Optional, Protocol, TypeVar

from ..errors import RemoteAgentError, RemoteTimeoutError
from ..http.exchange import Exchange

__all__ = ["Known", "Look", "Renewed", "Seen"]

T = TypeVar("T")

#: How long a value, or a failure, is taken for true, in seconds.
FRESH = 5.0


class Seen(NamedTuple):
    """What is known: the last value, and why there is no newer one, if there is none."""

    value: Optional[object]
    error: Optional[RemoteAgentError]


class Look(Protocol):
    """Something that is to be known. Any thread may ask."""

    def begin(self) -> None:
        """See to it that there will be a fresh value; waits for nothing."""
        ...

    def seen(self, until: float) -> Seen:
        """What is known by the monotonic time ``until``; waits no longer."""
        ...


class Known:
    """A value that nobody has to be asked for."""

    def __init__(self, value: object) -> None:
        self._seen = Seen(value, None)

    def begin(self) -> None:
        """There is nothing to begin."""

    def seen(self, until: float) -> Seen:
        return self._seen


class Renewed(Generic[T]):
    """A value that is fetched anew when it is asked for and older than FRESH. Any thread.

    ``fetch`` must end by itself; ``abort()`` ends one that is under way. ``where`` is named in
    errors.
    """

    def __init__(
        self,
        fetch: Callable[[], T],
        where: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._where = where
        self._clock = clock
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()  # guards all below
        self._value: Optional[T] = None
        self._error: Optional[RemoteAgentError] = None
        self._good_until = float("-inf")
        self._landed: Optional[threading.Event] = None  # of the fetch under way
        self._exchange: Optional[Exchange] = None

    def begin(self) -> None:
        """See to it that there will be a fresh value; waits for nothing."""
        if self._process != os.getpid():  # forked, perhaps in the middle of a fetch
            self._begin_anew()
        with self._lock:
            if self._landed is not None or self._clock() < self._good_until:
                return
            self._landed = landed = threading.Event()
            self._exchange = exchange = Exchange()
        # A daemon: the end of the process does not wait for an upstream that hangs.
        thread = threading.Thread(
            target=self._run, args=(landed, exchange), name="remoteagent-gateway-look", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # no thread to be had
            self._land(landed, None, RemoteAgentError("No thread to ask %s with." % self._where))

    def seen(self, until: float) -> Seen:
        """What is known by the monotonic time ``until``; waits no longer. See ``begin``."""
        self.begin()
        with self._lock:
            landed = self._landed
            if landed is None or self._error is not None:
                return Seen(self._value, self._error)
        landed.wait(max(0.0, until - self._clock()))
        with self._lock:
            if self._landed is landed:  # those who come next need not wait for it
                text = "%s has not answered yet." % self._where
                self._error = RemoteTimeoutError(text, self._where, None, True, "read", None)
            return Seen(self._value, self._error)

    def abort(self) -> None:
        """End a fetch that is under way."""
        with self._lock:
            exchange = self._exchange
        if exchange is not None:
            exchange.abort()

    def _run(self, landed: threading.Event, exchange: Exchange) -> None:
        value: Optional[T] = None
        error: Optional[RemoteAgentError] = None
        try:
            with exchange:
                value = self._fetch()
        except RemoteAgentError as failed:
            error = failed
        except BaseException as failed:
            error = RemoteAgentError("%s: %s" % (self._where, type(failed).__name__), self._where)
            raise
        finally:
            self._land(landed, value, error)

    def _land(
        self, landed: threading.Event, value: Optional[T], error: Optional[RemoteAgentError]
    ) -> None:
        with self._lock:
            if error is None:
                self._value = value
            self._error = error
            self._good_until = self._clock() + FRESH
            self._landed = self._exchange = None
        landed.set()
