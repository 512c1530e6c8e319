"""The thread that reads a stream's bytes, and their hand-over to whoever consumes it.

It does nothing but read: it hands over bytes, a whole network read at a time, and the consumer's
thread cuts and decodes them. That is nearly free in bulk, where a queue item for every event would
cost as much as decoding it.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, List, Optional, Tuple, Union

from ..handover import Handover, Signal
from ..http.exchange import Exchange
from ..protocols.contract import OpenAnswer, Told
from .course import End

__all__ = ["CLOSED", "Reader", "Source"]

#: How many bytes may wait for a slow consumer. Then the thread stops reading, the socket's
#: buffers fill, and the server waits.
MAX_WAITING = 1024 * 1024

#: Handed over when the reader was stopped.
CLOSED = object()


class Reader:
    """A thread that reads one answer, and the hand-over of its bytes, bounded by their number.

    ``begin()`` is called ``delay`` seconds later to get the answer, or what there is in its place.
    The thread must not know the RunStream, or an abandoned one would live on.

    There are no locks in here, for garbage collection may call ``stop`` within any line of any
    thread. ``written`` belongs to the reading thread and ``taken`` to the consumer; each side only
    reads the other's. Whoever waits does so at what a finalizer can wake.
    """

    def __init__(
        self,
        listeners: List[Callable[[], Any]],
        answer: Optional[OpenAnswer] = None,
        begin: Optional[Callable[[], Any]] = None,
        delay: float = 0.0,
    ) -> None:
        self.stopped = False
        self.written = 0
        self.taken = 0
        self._listeners = listeners  # told of every hand-over
        self._items: Handover[Any] = Handover()
        self._room = Signal()
        self._full = False  # the thread waits for room
        self._answer = answer
        self._exchange = Exchange()  # in which the answer is asked for, if it is not there yet
        self._abort = self._exchange.abort if answer is None else answer.abort
        self.thread = threading.Thread(
            target=self._run, args=(answer, begin, delay), name="remoteagent-stream", daemon=True
        )

    def start(self) -> None:
        try:
            self.thread.start()
        except RuntimeError as error:  # the system has no more threads
            if self._answer is not None:
                self._answer.drop()
            self.put(End(error))

    def put(self, item: Any) -> None:
        self._items.put(item)
        for tell in self._listeners:  # behind put(): who listens looks for what was there before
            tell()

    def take(self, timeout: Optional[float]) -> Any:
        """The next item. Raises queue.Empty after ``timeout`` seconds."""
        item = self._items.take(timeout)
        if type(item) is bytes:
            self.taken += len(item)
            if self._full:
                self._room.give()
        return item

    def waiting(self) -> int:
        """How many items there are."""
        return len(self._items)

    def stop(self) -> None:
        """Wake the thread and the consumer, wherever they wait. Any thread, any number of times."""
        if not self.stopped:
            self.stopped = True
            self._room.give()
            self._abort()
            self.put(CLOSED)

    def _run(
        self, answer: Optional[OpenAnswer], begin: Optional[Callable[[], Any]], delay: float
    ) -> None:
        looked = False
        try:
            if begin is not None:
                answer, looked = self._begun(begin, delay)
            while answer is not None and not self.stopped:
                data = answer.read()
                if not data:
                    break
                self.written += len(data)
                self.put(data)
                self._wait_for_room()
        except BaseException as error:  # crosses to the consumer, which raises it
            self.put(End(error, False, looked))
        else:
            self.put(End(None, answer is None or answer.complete, looked))
        finally:
            if self.stopped and answer is not None:
                answer.drop()

    def _begun(self, begin: Callable[[], Any], delay: float) -> Tuple[Optional[OpenAnswer], bool]:
        with self._exchange:
            self._exchange.wait(delay)
            found = None if self.stopped else begin()
        if found is None:
            return None, False
        if isinstance(found, tuple):  # it was Told, or Settled
            self.put(found)
            return (found.answer, True) if isinstance(found, Told) else (None, False)
        return found, False

    def _wait_for_room(self) -> None:
        while self._is_full():
            self._full = True
            if self._is_full():  # looked at again: the consumer may have taken bytes in between
                self._room.wait()
            self._full = False

    def _is_full(self) -> bool:
        return self.written - self.taken > MAX_WAITING and not self.stopped


class Source:
    """What a stream reads from: one reader after another. It must not know the RunStream either."""

    def __init__(self, answer: Union[OpenAnswer, Told]) -> None:
        self.process = os.getpid()
        self.closed = False
        self.listeners: List[Callable[[], Any]] = []
        if isinstance(answer, Told):
            self.reader = Reader(self.listeners, None, lambda: answer)
        else:
            self.reader = Reader(self.listeners, answer)

    def read(self, begin: Callable[[], Any], delay: float) -> None:
        """Read from another answer from now on."""
        before, self.reader = self.reader, Reader(self.listeners, None, begin, delay)
        before.stop()
        if self.closed:  # looked at behind the assignment: close() does it the other way round
            self.reader.stop()
        self.reader.start()

    def close(self) -> None:
        """Any thread, any number of times; takes no lock, because it is the stream's finalizer."""
        self.closed = True
        # A forked child shares the socket, but not the stream.
        if self.process == os.getpid():
            self.reader.stop()
