"""One execution per message, however often ActiveWorkflow makes the call.

It calls again when it has lost the answer: after 60 seconds of silence while the handler may still
be running, after a broken connection, up to eleven minutes later. The second call then waits for
the first one, or gets its answer once more, byte for byte.
"""

from __future__ import annotations

import abc
import hashlib
import json
import threading
import time
from collections import OrderedDict
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional, Tuple

__all__ = ["MemoryStore", "Reply", "Store", "message_key"]

#: Seconds to wait for a call that is running: ActiveWorkflow hangs up after 60 of silence.
WAIT = 50.0

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


class Reply(NamedTuple):
    """An HTTP answer. Only those with status 200 are kept: others ask to be called again."""

    status: int
    content_type: str
    body: bytes


def busy(reason: str) -> Reply:
    """The answer while there can be none: ActiveWorkflow shows the words and calls again."""
    return Reply(503, "text/plain; charset=utf-8", (reason + "\n").encode("utf-8", "replace"))


STILL_RUNNING = busy("still busy with this message: call again")
GIVEN_BACK = busy("the call before this one was not finished: call again")


def message_key(name: str, params: Mapping[str, Any], without_id: bool = False) -> Optional[str]:
    """What the repeated calls for one message have in common, and those for others have not.

    Memory and credentials may change between attempts and are left out. Options are in it, as
    they are all that tells two agents of one type apart; where they are equal too, the work is
    done once for both. None for a message without number, unless ``without_id``: equal payloads
    are then one message.
    """
    message = params.get("message")
    if not isinstance(message, Mapping):
        return None
    number = message.get("id")
    if number is None and not without_id:
        return None
    parts = (name, params.get("options"), number, message.get("created_at"), message.get("payload"))
    # ASCII, whatever the texts hold: lone surrogates are escaped too.
    return hashlib.sha256(_canonical(parts).encode("ascii")).hexdigest()


class Store(abc.ABC):
    """Where answers are kept. One instance serves all threads."""

    @abc.abstractmethod
    def once(self, key: str, execute: Callable[[], Reply]) -> Reply:
        """The reply of ``execute``, which is called unless it has been, or is running, for ``key``.

        Waits for one that is running, and answers 503 when it takes too long. A reply other than
        200 is not kept: the next call executes again. So it does when ``execute`` raises.
        """


class _Running:
    """A call that is being executed; ``reply`` stays None if that raised.

    ``ended`` is made by the first who waits: hardly any call has one.
    """

    __slots__ = ("ended", "reply")

    def __init__(self) -> None:
        self.ended: Optional[threading.Event] = None
        self.reply: Optional[Reply] = None


class MemoryStore(Store):
    """Keeps answers in this process: right for one process, a help with several.

    An answer is kept for ``keep`` seconds, or less when there are more than ``most_answers`` of
    them or than ``most_bytes`` in all. ``wait`` is how long a call waits for a running one; 0
    answers at once, which frees the thread.
    """

    def __init__(
        self,
        *,
        keep: float = 3600.0,
        wait: float = WAIT,
        most_answers: int = 10000,
        most_bytes: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep = keep
        self._wait = wait
        self._most_answers = most_answers
        self._most_bytes = most_bytes
        self._clock = clock
        # Guards the three below; held for a few lookups only.
        self._lock = threading.Lock()
        self._running: Dict[str, _Running] = {}
        # Plain tuples: the garbage collector need not go through all of them again and again.
        self._kept: OrderedDict[str, Tuple[float, str, bytes]] = OrderedDict()
        self._bytes = 0

    def once(self, key: str, execute: Callable[[], Reply]) -> Reply:
        until = None
        while True:
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None:
                    if kept[0] > self._clock():
                        return Reply(200, kept[1], kept[2])
                    self._drop(key)
                running = self._running.get(key)
                if running is None:
                    mine = self._running[key] = _Running()
                    break
                ended = running.ended = running.ended or threading.Event()
            now = self._clock()
            until = now + self._wait if until is None else until
            if not ended.wait(max(0.0, until - now)):
                return STILL_RUNNING
            if running.reply is not None:
                return running.reply
        try:
            mine.reply = execute()
            return mine.reply
        finally:
            with self._lock:
                del self._running[key]
                if mine.reply is not None and mine.reply.status == 200:
                    self._keep_reply(key, mine.reply)
                if mine.ended is not None:
                    mine.ended.set()

    def _keep_reply(self, key: str, reply: Reply) -> None:
        """Adds a reply, at the expense of what is too old or too much; the lock is held."""
        now = self._clock()
        self._kept[key] = (now + self._keep, reply.content_type, reply.body)
        self._bytes += len(reply.body)
        while self._kept:
            oldest = next(iter(self._kept))
            if (
                self._kept[oldest][0] > now
                and len(self._kept) <= self._most_answers
                and self._bytes <= self._most_bytes
            ):
                return
            self._drop(oldest)

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._kept.pop(key)[2])

    def __repr__(self) -> str:
        return "<MemoryStore of %d answers>" % len(self._kept)
