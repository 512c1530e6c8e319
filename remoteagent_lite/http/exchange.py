"""What goes on between asking a server and its answer, for whoever may want to end it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any, List, Optional

from ..handover import Signal
from ..options import Timeout

__all__ = ["Attempt", "Exchange"]


class _Bound(threading.local):
    """What a thread is in the middle of, innermost last."""

    def __init__(self) -> None:
        self.exchanges: List[Exchange] = []
        self.attempts: List[Attempt] = []


_thread = _Bound()


class Exchange:
    """The requests that a thread makes in its ``with`` block, which any thread may end.

    ``abort()`` makes the call under way end at once and every further one fail; it takes no lock,
    so a finalizer may call it. A stream that was opened in the block is ended with it as long as
    it has not been read to its end. ``sent`` says whether a byte of any of the requests has left;
    connecting, a proxy's tunnel and TLS do not count.
    """

    def __init__(self) -> None:
        self.aborted = False
        self._attempts: List[Attempt] = []
        self._wake = Signal()

    @staticmethod
    def bound() -> Optional[Exchange]:
        """The innermost exchange whose block this thread is in."""
        return _thread.exchanges[-1] if _thread.exchanges else None

    @property
    def sent(self) -> bool:
        return any(attempt.sent for attempt in self._attempts)

    def abort(self) -> None:
        """End what is under way, at once. Any thread, any number of times."""
        self.aborted = True
        self._wake.give()
        for attempt in list(self._attempts):
            attempt.abort()

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond ``abort()``."""
        if not self.aborted:
            self._wake.wait(seconds)

    def attempt(self, timeout: Timeout, deadline: Optional[float]) -> Attempt:
        """A request that is about to be made, within its limits."""
        attempt = Attempt(timeout, deadline)
        self._attempts.append(attempt)
        if self.aborted:  # looked at behind append(): abort() does it the other way round
            attempt.abort()
        return attempt

    def __enter__(self) -> Exchange:
        _thread.exchanges.append(self)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        _thread.exchanges.pop()


class Attempt:
    """One request and its answer: their limits, how far they have come, and their socket.

    The layers below find it by ``current()``: it is bound to the thread in its ``with`` block.
    """

    def __init__(self, timeout: Timeout, deadline: Optional[float]) -> None:
        self.timeout = timeout
        #: The monotonic time at which ``timeout.total`` is used up, or None.
        self.deadline = deadline
        #: "preparing", "connecting", "tunnel", "handshake", "sending", "waiting" for the answer,
        #: "answered"; "" when nothing is known, because a test library stands in.
        self.stage = "preparing"
        #: Whether a byte of the request itself may have left, and how many have.
        self.sent = False
        self.uploaded = 0
        #: Whether the connection that was made for it goes to a proxy.
        self.proxied = False
        #: Whether a body is sent behind the request's head.
        self.body_follows = False
        #: What came of the answer before the request had been sent.
        self.early = b""
        #: Whether not all of the request was sent, so that its connection cannot be used again.
        self.unfinished = False
        self.aborted = False
        self._connected_by: Optional[float] = None
        # Whoever pops the socket owns it: to give it back to the pool, or to shut it down.
        self._socket: List[socket.socket] = []

    @staticmethod
    def current() -> Attempt:
        """The attempt that this thread is making."""
        return _thread.attempts[-1]

    @property
    def connecting(self) -> bool:
        return self.stage in ("connecting", "tunnel", "handshake")

    @property
    def may_be_sent(self) -> bool:
        """Whether the server may have got any of the request."""
        return self.sent or self.stage in ("", "answered")

    def connect(self, proxied: bool) -> None:
        """A connection is being made: its limit runs from now on."""
        self.stage = "connecting"
        self.proxied = proxied
        limit = self.timeout.connect
        self._connected_by = None if limit is None else time.monotonic() + limit

    def left(self) -> Optional[float]:
        """How long the next step at the socket may take, in seconds.

        Raises socket.timeout when there is no time left.
        """
        now = time.monotonic()
        if not self.connecting:
            left = self.timeout.read
        else:
            left = None if self._connected_by is None else self._connected_by - now
        if self.deadline is not None:
            rest = self.deadline - now
            left = rest if left is None else min(left, rest)
        if left is not None and left <= 0:
            raise socket.timeout("timed out")
        return left

    def own(self, sock: Any) -> None:
        """``sock`` is what ``abort`` has to shut down from now on."""
        while not isinstance(sock, socket.socket):  # TLS to a proxy, and TLS to the server in it
            sock = sock.socket
        self._socket[:] = [sock]
        if self.aborted:  # looked at behind the assignment: abort() does it the other way round
            self.abort()

    def disown(self) -> bool:
        """From now on ``abort`` touches nothing; whether the socket is still whole."""
        return self._popped() is not None

    def abort(self) -> None:
        """Stop what is under way in another thread, at once. Takes no lock."""
        self.aborted = True
        sock = self._popped()
        if sock is not None:
            with contextlib.suppress(OSError):  # the peer was faster
                # Not SSLSocket's own shutdown: it would let the reader see encrypted bytes.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _popped(self) -> Optional[socket.socket]:
        try:
            return self._socket.pop()
        except IndexError:
            return None

    def __enter__(self) -> Attempt:
        # Not always the first: whoever makes a body while it is sent may make requests for it.
        _thread.attempts.append(self)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        _thread.attempts.pop()
