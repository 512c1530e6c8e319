"""Waiting for what a thread, a process or a server does, where nothing tells that it is done."""

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def eventually(
    get: Callable[[], T],
    done: Callable[[T], bool] = bool,
    timeout: float = 20.0,
    pause: float = 0.01,
) -> T:
    """What ``get`` returns, once it is ``done``; fails when that takes too long."""
    deadline = time.monotonic() + timeout
    while True:
        value = get()
        if done(value):
            return value
        assert time.monotonic() < deadline, "still %r after %g s" % (value, timeout)
        time.sleep(pause)
