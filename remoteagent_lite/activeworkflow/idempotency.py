"""One execution per message, however often ActiveWorkflow makes the call.

It calls again when it has lost the answer: after 60 seconds of silence while the handler may still
be running, after a broken connection, up to eleven minutes later. The second call then waits for
the first one, or gets its answer once more, byte for byte.
"""

from __future__ import annotations

import abc
import threading
import time
from collections import OrderedDict
from hashlib import sha256
from marshal import dumps
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple
from uuid import uuid4

__all__ = ["MemoryStore", "Reply", "Store", "memory_digest", "message_key"]

#: Seconds to wait for a call that is running: ActiveWorkflow hangs up after 60 of silence.
WAIT = 50.0

#: The newest format of marshal whose bytes depend on the values alone, and not on which of them
#: are the same object. It has been the same in all Pythons for many years.
_FORMAT = 2


class Reply(NamedTuple):
    """An HTTP answer.

    ``memory`` tells the memory that it was made with from others (``memory_digest``), if the
    handler looked at it or wrote it. One with status 200 is kept, unless ``keep`` is False: then
    the next call, and whoever waits for this one, is executed. Others ask to be called again.
    """

    status: int
    content_type: str
    body: bytes
    memory: Optional[str] = None
    keep: bool = True


def in_words(status: int, text: str) -> Reply:
    """An answer that is no result: ActiveWorkflow shows its words, and would hide those of JSON."""
    return Reply(status, "text/plain; charset=utf-8", (text + "\n").encode("utf-8", "replace"))


def busy(reason: str) -> Reply:
    """The answer while there can be none: ActiveWorkflow calls again."""
    return in_words(503, reason)


STILL_RUNNING = busy("still busy with this message: call again")
GIVEN_BACK = busy("the call before this one was not finished: call again")


def message_key(name: str, params: Any, without_id: bool = False) -> Optional[str]:
    """What the repeated calls for one message have in common, and those for others have not.

    Memory and credentials may change between attempts and are left out. Options are in it, as
    they are all that tells two agents of one type apart; where they are equal too, the work is
    done once for both. The order of keys counts, since ActiveWorkflow's repetitions keep it. None
    for a message without number, unless ``without_id``: equal payloads are then one message.

    ValueError for what is nested too deep.
    """
    message = params.get("message") if type(params) is dict else None
    if type(message) is not dict:
        return None
    number = message.get("id")
    if number is None and not without_id:
        return None
    parts = (name, params.get("options"), number, message.get("created_at"), message.get("payload"))
    # marshal writes the values of JSON several times as fast as json does. Nothing reads it.
    return sha256(dumps(parts, _FORMAT)).hexdigest()


def memory_digest(memory: Any) -> str:
    """The same for the same memory, and another for every other one."""
    try:
        return sha256(dumps(memory if type(memory) is dict else {}, _FORMAT)).hexdigest()[:32]
    except ValueError:  # nested too deep to be told apart: it is like no other
        return uuid4().hex


class Store(abc.ABC):
    """Where answers are kept. One instance serves all threads."""

    @abc.abstractmethod
    def once(self, key: str, execute: Callable[[], Reply]) -> Reply:
        """The reply of ``execute``, which is called unless it has been, or is running, for ``key``.

        Waits for one that is running, and answers 503 when it takes too long. A reply other than
        200, or whose ``keep`` is False, is not kept: the next call executes again. So it does when
        ``execute`` raises. All fields of a reply are kept.
        """


class _Waiting:
    """Somebody who waits for a call that is being executed; ``reply`` stays None if it gave none
    for others: it raised, or its reply is not to be kept."""

    __slots__ = ("ended", "reply")

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.reply: Optional[Reply] = None


def _tell(those: List[_Waiting], reply: Optional[Reply]) -> None:
    for waiting in those:
        waiting.reply = reply
        waiting.ended.set()


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
        # Who waits for a call, by its key. The key is claimed by setdefault, which is one step for
        # all threads, and given up only once the answer is kept.
        self._running: Dict[str, List[_Waiting]] = {}
        # Guards the three below; held for a few lookups only.
        self._lock = threading.Lock()
        # When to forget it, content type, body and memory; the oldest first. As few objects as can
        # be: what they cost is to go through the memory of all of them in turn.
        self._kept: OrderedDict[str, Tuple[float, str, bytes, Optional[str]]] = OrderedDict()
        self._bytes = 0
        # No later than the moment when the oldest answer has been kept for long enough.
        self._next_look = 0.0

    def once(self, key: str, execute: Callable[[], Reply]) -> Reply:
        mine: List[_Waiting] = []
        found = self._running.setdefault(key, mine)
        if found is not mine or key in self._kept:
            known = self._known(key, mine, found)
            if known is not None:
                return known
        reply = None
        try:
            reply = execute()
            return reply
        finally:
            if reply is not None and reply.status == 200 and reply.keep:
                body = reply.body
                now = self._clock()
                with self._lock:
                    self._kept[key] = (now + self._keep, reply.content_type, body, reply.memory)
                    self._bytes += len(body)
                    if (
                        now >= self._next_look
                        or self._bytes > self._most_bytes
                        or len(self._kept) > self._most_answers
                    ):
                        self._evict(now)
            del self._running[key]
            if mine:
                _tell(mine, reply if reply is not None and reply.keep else None)

    def _known(self, key: str, mine: List[_Waiting], found: List[_Waiting]) -> Optional[Reply]:
        """The reply that is kept or waited for, or None once the key is the caller's."""
        until = None
        while found is not mine:
            waiting = _Waiting()
            found.append(waiting)
            # Otherwise it ended meanwhile, perhaps before it could see who waits.
            if self._running.get(key) is found:
                now = self._clock()
                until = now + self._wait if until is None else until
                if not waiting.ended.wait(max(0.0, until - now)):
                    return STILL_RUNNING
                if waiting.reply is not None:
                    return waiting.reply
            found = self._running.setdefault(key, mine)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] <= self._clock():
                self._drop(key)
                kept = None
        if kept is None:
            return None
        reply = Reply(200, kept[1], kept[2], kept[3])
        del self._running[key]
        _tell(mine, reply)
        return reply

    def _evict(self, now: float) -> None:
        """Drops what is too old and, if it is too much, the oldest of it; the lock is held."""
        kept = self._kept
        if len(kept) > self._most_answers:
            # Some at a time: a look after every answer would cost more than the dropping.
            for _ in range(len(kept) - self._most_answers + self._most_answers // 16):
                self._bytes -= len(kept.popitem(last=False)[1][2])
        while self._bytes > self._most_bytes:
            self._bytes -= len(kept.popitem(last=False)[1][2])
        while kept and now >= self._next_look:
            key = next(iter(kept))
            self._next_look = kept[key][0]
            if now >= self._next_look:
                self._drop(key)

    def _drop(self, key: str) -> None:
        self._bytes -= len(self._kept.pop(key)[2])

    def __repr__(self) -> str:
        return "<MemoryStore of %d answers>" % len(self._kept)
