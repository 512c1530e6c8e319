"""What goes on between asking a server and its answer, for whoever may want to end it."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from typing import Any, List, Optional

__all__ = ["Attempt", "Exchange"]

_thread = threading.local()


class Exchange:
    """The requests that a thread makes in its ``with`` block, which any thread may end.

    ``abort()`` makes the call under way end at once and every further one fail; it takes no lock,
    so a finalizer may call it. A stream that was opened in the block is ended with it as long as
    it has not been read to its end. ``sent`` says whether a byte of any of the requests has left,
    connecting, a proxy's tunnel and TLS not counted.
    """

    def __init__(self) -> None:
        self.aborted = False
        self._attempts: List[Attempt] = []
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()  # put() is reentrant
        self._outer: Optional[Exchange] = None

    @staticmethod
    def bound() -> Optional[Exchange]:
        """The innermost exchange whose block this thread is in."""
        return getattr(_thread, "exchange", None)

    @property
    def sent(self) -> bool:
        return any(attempt.sent for attempt in self._attempts)

    def abort(self) -> None:
        """End what is under way, at once. Any thread, any number of times."""
        self.aborted = True
        self._wake.put(None)
        for attempt in list(self._attempts):
            attempt.abort()

    def wait(self, seconds: float) -> None:
        """Sleep, but not beyond ``abort()``."""
        if not self.aborted:
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=seconds)

    def __enter__(self) -> Exchange:
        self._outer = Exchange.bound()
        _thread.exchange = self
        return self

    def __exit__(self, *exc_info: Any) -> None:
        _thread.exchange, self._outer = self._outer, None


class Attempt:
    """One request and its answer: what is known of them, and the socket while they last."""

    def __init__(self, exchange: Exchange) -> None:
        self.sent = False
        self.aborted = False
        # Whoever pops the socket owns it: to give it back to the pool, or to shut it down.
        self.sockets: List[socket.socket] = []
        exchange._attempts.append(self)
        if exchange.aborted:  # looked at behind append(): abort() does it the other way round
            self.abort()

    def own(self, sock: socket.socket) -> None:
        """What ``abort`` has to shut down from now on."""
        self.sockets[:] = [sock]
        if self.aborted:  # looked at behind the assignment: abort() does it the other way round
            self.abort()

    def disown(self) -> bool:
        """Whether the socket is still whole; ``abort`` does not touch it any more."""
        try:
            self.sockets.pop()
        except IndexError:
            return False
        return True

    def abort(self) -> None:
        """Stop what is under way in another thread, at once. Takes no lock."""
        self.aborted = True
        # IndexError: there is none, or no more. OSError: the peer was faster.
        with contextlib.suppress(IndexError, OSError):
            # Not SSLSocket's own shutdown: it would let the reader see encrypted bytes.
            socket.socket.shutdown(self.sockets.pop(), socket.SHUT_RDWR)
