"""A cache for one value, with a time to live and single flight. Knows nothing of agents.

Policy of TTLCache:

* A fresh value is handed out; nobody waits. It is fresh for as long as the cache says, or the value
  itself if that is shorter.
* When there is none, the first caller fetches it and all others wait for that one fetch.
* A fetch that fails gives its error to everybody who waited for it; the next caller tries again.
* A fetch that was broken off (Ctrl-C in the fetching thread) sends the waiting ones to try anew.
* A fetch that asks for the value it is to bring gets an error: it would wait for itself.
* The lock is never held during a fetch.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Callable, Dict, Generic, List, Optional, TypeVar

__all__ = ["Recent", "TTLCache"]

T = TypeVar("T")


class _Flight(Generic[T]):
    """One fetch under way; ``value`` and ``error`` are written once, before ``landed`` is set."""

    __slots__ = ("error", "landed", "thread", "value")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.landed = threading.Event()
        self.value: Optional[T] = None
        self.error: Optional[BaseException] = None


class TTLCache(Generic[T]):
    """Any thread may call any method. ``ttl`` is in seconds; 0 keeps nothing.

    ``lifetime`` tells for how many seconds a value may be kept at most; None if it does not care.
    ``clock`` must be monotonic. ``get`` and ``refresh`` block while a fetch is under way.
    """

    def __init__(
        self,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
        lifetime: Optional[Callable[[T], Optional[float]]] = None,
    ) -> None:
        if not ttl >= 0:
            raise ValueError("config_ttl must be 0 or more seconds, not %r" % (ttl,))
        self._ttl = ttl
        self._clock = clock
        self._lifetime = lifetime
        # Guards the four fields below.
        self._lock = threading.Lock()
        self._value: Optional[T] = None
        self._expires = float("-inf")
        self._flight: Optional[_Flight[T]] = None
        self._generation = 0

    def get(self, fetch: Callable[[], T]) -> T:
        """The cached value, or what ``fetch`` returns."""
        while True:
            with self._lock:
                if self._clock() < self._expires:
                    return self._value  # type: ignore[return-value]
            mine: _Flight[T] = _Flight()
            flight = self._fly(mine, fetch)
            if flight is not mine:
                if flight.thread == mine.thread:
                    raise RuntimeError(
                        "this thread is fetching the value already, and would wait for itself. An "
                        "auth_token= function must not read what is fetched with its token: name, "
                        "description, role, tools, db, knowledge."
                    )
                flight.landed.wait()
            if flight.error is None:
                return flight.value  # type: ignore[return-value]
            if isinstance(flight.error, Exception):
                raise _own(flight.error)

    def refresh(self, fetch: Callable[[], T]) -> T:
        """Fetch now, whatever is cached, and keep the result."""
        mine: _Flight[T] = _Flight()
        self._fly(mine, fetch, anew=True)
        return mine.value  # type: ignore[return-value]

    def clear(self) -> None:
        """Forget the value; a fetch under way does not bring it back."""
        with self._lock:
            self._generation += 1
            self._expires = float("-inf")
            self._value = None
            self._flight = None

    def _fly(self, mine: _Flight[T], fetch: Callable[[], T], anew: bool = False) -> _Flight[T]:
        """Fetch, unless there is a value or somebody is fetching one. The flight that brings it."""
        try:
            try:
                with self._lock:
                    if anew:
                        self._generation += 1
                    elif self._clock() < self._expires:
                        mine.value = self._value
                        return mine
                    elif self._flight is not None:
                        return self._flight
                    generation = self._generation
                    self._flight = mine
                mine.value = value = fetch()
                said = self._lifetime(value) if self._lifetime is not None else None
                ttl = self._ttl if said is None else min(self._ttl, said)
                with self._lock:
                    # An older fetch must not overwrite what a later refresh or clear decided.
                    if generation == self._generation:
                        self._value = value
                        self._expires = self._clock() + ttl
                return mine
            except BaseException as error:
                # Not the one that is raised: this thread writes into it what its run was.
                mine.error = _own(error) if isinstance(error, Exception) else error
                raise
            finally:
                self._land(mine)
        finally:
            self._land(mine)  # twice: Ctrl-C may come in any line, the one above included

    def _land(self, mine: _Flight[T]) -> None:
        with self._lock:
            if self._flight is mine:
                self._flight = None
        mine.landed.set()


def _own(error: Exception) -> Exception:
    """An error for this thread alone, if it can be copied: what it is about is written into it."""
    copied: Optional[Callable[[], Exception]] = getattr(error, "__copy__", None)
    return error if copied is None else copied()


class Recent(Generic[T]):
    """The last ``size`` values that were kept, by key. Any thread may call any method.

    Without a lock, which a forked child might find locked for good: operations of a dict are
    atomic.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: Dict[str, T] = {}

    def keep(self, key: str, value: T) -> None:
        values = self._values
        values.pop(key, None)
        values[key] = value
        while len(values) > self._size:
            with contextlib.suppress(RuntimeError, StopIteration):  # another thread was faster
                values.pop(next(iter(values)), None)

    def get(self, key: str) -> Optional[T]:
        return self._values.get(key)

    def values(self) -> List[T]:
        """All that is kept, oldest first."""
        return list(self._values.values())

    def drop(self, key: str) -> None:
        self._values.pop(key, None)
