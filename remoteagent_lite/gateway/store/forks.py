"""What has to be brought through a fork."""

from __future__ import annotations

import abc
import os
import threading
import weakref
from typing import List

__all__ = ["Forking"]


class Forking(abc.ABC):
    """Is told of each ``os.fork`` of this process, as long as it lives.

    A fork copies one thread alone, and locks as they are: what another thread was doing stays half
    done in the child. So each comes to rest before.
    """

    def __init__(self) -> None:
        with _lock:
            _living.add(self)

    @abc.abstractmethod
    def _before_fork(self) -> None:
        """Come to rest: wait for what other threads do here, and let nobody in."""

    @abc.abstractmethod
    def _after_fork(self, in_child: bool) -> None:
        """Go on; ``in_child`` with locks of its own."""


_lock = threading.Lock()
_living: weakref.WeakSet[Forking] = weakref.WeakSet()
_resting: List[Forking] = []


def _before() -> None:
    _lock.acquire()
    for each in list(_living):
        each._before_fork()
        _resting.append(each)


def _after(in_child: bool) -> None:
    for each in _resting:
        each._after_fork(in_child)
    _resting.clear()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before,
        after_in_child=lambda: _after(True),
        after_in_parent=lambda: _after(False),
    )
