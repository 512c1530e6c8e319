"""A cache for one value, with a time to live and single flight. Knows nothing of agents.

Policy of TTLCache:

* A fresh value is handed out; nobody waits. It is fresh for as long as the cache says, or the value
  itself if that is shorter.
* When there is none, the first caller fetches it and all others wait for that one fetch.
* A fetch that fails gives its error to everybody who waited for it; the next caller tries again.
* A fetch that was broken off (Ctrl-C in the fetching thread) sends the waiting ones to try anew.
* The lock is never held during a fetch.
"""

from __future__ import annotations

import threading
import time
from typing import Callable, Dict, Generic, Optional, TypeVar

__all__ = ["Recent", "TTLCache"]

T = TypeVar("T")


class _Flight(Generic[T]):
    """One fetch under way; its fields are written once, before ``landed`` is set."""

    __slots__ = ("error", "landed", "value")

    def __init__(self) -> None:
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
                flight = self._flight
                leading = flight is None
                if flight is None:
                    flight = self._flight = _Flight()
                    generation = self._generation
            if leading:
                return self._lead(flight, fetch, generation)
            flight.landed.wait()
            if flight.error is None:
                return flight.value  # type: ignore[return-value]
            if isinstance(flight.error, Exception):
                raise flight.error

    def refresh(self, fetch: Callable[[], T]) -> T:
        """Fetch now, whatever is cached, and keep the result."""
        flight: _Flight[T] = _Flight()
        with self._lock:
            self._generation += 1
            generation = self._generation
            self._flight = flight
        return self._lead(flight, fetch, generation)

    def clear(self) -> None:
        """Forget the value; a fetch under way does not bring it back."""
        with self._lock:
            self._generation += 1
            self._expires = float("-inf")
            self._value = None
            self._flight = None

    def _lead(self, flight: _Flight[T], fetch: Callable[[], T], generation: int) -> T:
        try:
            flight.value = value = fetch()
        except BaseException as error:
            flight.error = error
            raise
        else:
            said = self._lifetime(value) if self._lifetime is not None else None
            ttl = self._ttl if said is None else min(self._ttl, said)
            with self._lock:
                # An older fetch must not overwrite what a later refresh or clear decided.
                if generation == self._generation:
                    self._value = value
                    self._expires = self._clock() + ttl
            return value
        finally:
            with self._lock:
                if self._flight is flight:
                    self._flight = None
            flight.landed.set()


class Recent(Generic[T]):
    """The last ``size`` values that were kept, by key. Any thread may call any method."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()  # guards _values
        self._values: Dict[str, T] = {}

    def keep(self, key: str, value: T) -> None:
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = value
            if len(self._values) > self._size:
                del self._values[next(iter(self._values))]

    def get(self, key: str) -> Optional[T]:
        with self._lock:
            return self._values.get(key)
