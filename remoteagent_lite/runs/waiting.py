"""How long a stream may wait, how often it is taken up again, and what may pass. No I/O, no clock.

Times are monotonic seconds, and handed in.
"""

from __future__ import annotations

import random
import sys
from typing import Any, Callable, Optional, Tuple

from ..errors import (
    ProtocolError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
)
from ..options import RetryPolicy, Timeout
from ..protocols.contract import EventsMissingError, Fold

__all__ = [
    "Attempts",
    "Limits",
    "check_wait",
    "is_late",
    "is_out_of_reach",
    "is_passing",
    "is_silence",
]

#: How often a run that is waited for is asked for, where its server does not tell by itself.
_ASKING = RetryPolicy(max_attempts=sys.maxsize, backoff=0.25, max_backoff=2.0)


def check_wait(wait: float) -> None:
    """ValueError for a time in which nothing can be cancelled."""
    if not wait > 0:
        raise ValueError("wait must be more than 0 seconds: in no time nothing can be cancelled")


class Limits:
    """When a stream has waited for long enough. Times are monotonic."""

    def __init__(self, timeout: Timeout, deadline: Optional[float], now: float) -> None:
        self.timeout = timeout
        self.deadline = deadline
        # When the last frame of a fold that counts them came, or the last news of a pause.
        self._heard = now
        self._count: Any = None
        self._ended_at: Optional[float] = None  # when the run's end was seen

    def restart(self, now: float) -> None:
        """Silence is counted from ``now`` on."""
        self._heard = now

    def are_over(self, now: float) -> bool:
        """Whether the time for the whole stream is used up."""
        return self.deadline is not None and now > self.deadline - 0.01

    def left(self, now: float) -> Timeout:
        """The limits of a call that is made for the stream."""
        return self.timeout.within(None if self.deadline is None else self.deadline - now)

    def soonest(self, fold: Fold[Any], ended: bool, now: float) -> Tuple[Optional[float], str]:
        """The time at which waiting has to end, and which limit that is.

        When the run has ``ended`` only the end of the body is waited for.
        """
        limit, phase = self.deadline, "total"
        if not ended:
            self._ended_at = None
            count = (fold.waits, fold.news if fold.waits else fold.frames)
            if count[1] is None or self.timeout.read is None:
                return limit, phase
            if count != self._count:
                self._count, self._heard = count, now
            other, name = self._heard + self.timeout.read, "read"
        else:
            if self._ended_at is None:
                self._ended_at = now
            other, name = self._ended_at + fold.grace, "grace"
        return (other, name) if limit is None or other < limit else (limit, phase)


class Attempts:
    """How often a stream has been taken up again since something new was told."""

    def __init__(
        self,
        policy: Optional[RetryPolicy],
        spread: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if policy is not None:  # the stream that has broken was none of them
            policy = RetryPolicy(policy.max_attempts + 1, policy.backoff, policy.max_backoff)
        self._policy = policy
        self._spread = spread
        self._waits = False
        self.count = 0
        self.news = -1

    def pause(self, news: int, waits: bool) -> Optional[float]:
        """How many seconds to wait before the next one; None if there is none.

        Who only ``waits`` may ask again for ever.
        """
        if news > self.news or waits is not self._waits:
            self.count, self.news, self._waits = 0, news, waits
        self.count += 1
        policy = _ASKING if waits else self._policy
        delay = None if policy is None else policy.delay(self.count)
        # Jitter, so that clients of one server do not all come back at the same moment.
        return None if delay is None else delay * self._spread(1.0, 1.5)


def is_late(cause: Optional[BaseException]) -> bool:
    return isinstance(cause, RemoteTimeoutError) and cause.phase == "total"


def is_silence(cause: Optional[BaseException]) -> bool:
    return isinstance(cause, RemoteTimeoutError) and cause.phase == "read"


def is_out_of_reach(cause: Optional[BaseException]) -> bool:
    """Whether the server itself has said nothing."""
    if isinstance(cause, RemoteHTTPError):
        return cause.status_code in (429, 502, 503, 504)
    return isinstance(cause, RemoteServerUnavailableError)


def is_passing(cause: Optional[BaseException]) -> bool:
    """Whether what broke a stream may be over at the next attempt: the page of a proxy too."""
    odd = type(cause) is ProtocolError or isinstance(cause, EventsMissingError)
    return cause is None or odd or is_out_of_reach(cause)
