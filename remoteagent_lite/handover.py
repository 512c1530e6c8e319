"""Handing things to a thread that waits for them, without a lock that somebody might find held.

Garbage collection runs within any line of any thread, and a finalizer may have to wake another one:
what wakes here takes no lock, and may come in the middle of itself.

queue.SimpleQueue has this too, but its ``get(timeout=...)`` waits for ever, in every Python before
3.13, if the time runs out between two of its own steps or within a signal handler.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from typing import Deque, Generic, Optional, TypeVar

__all__ = ["Handover", "Signal"]

T = TypeVar("T")


class Signal:
    """Wakes the one thread that waits for it, or is about to. Given twice, it may wake once."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def give(self) -> None:
        """Any thread, any number of times, in a finalizer too."""
        if self._lock.locked():
            with contextlib.suppress(RuntimeError):  # another thread was faster
                self._lock.release()

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Whether it was given within ``timeout`` seconds; it is taken by that."""
        limit = -1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX)
        return self._lock.acquire(timeout=limit)


class Handover(Generic[T]):
    """Items in the order in which they were put. Any thread puts; one at a time takes."""

    __slots__ = ("_items", "_signal")

    def __init__(self) -> None:
        self._items: Deque[T] = deque()
        self._signal = Signal()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        self._items.append(item)
        self._signal.give()  # behind append(): who wakes looks for what is there

    def take(self, timeout: Optional[float] = None) -> T:
        """The next item. Raises queue.Empty after ``timeout`` seconds."""
        until: Optional[float] = None
        while True:
            if self._items:
                return self._items.popleft()
            if timeout is not None:
                now = time.monotonic()
                until = now + timeout if until is None else until
                timeout = until - now
            # It may have been given for what was taken since.
            if not self._signal.wait(timeout):
                raise queue.Empty
