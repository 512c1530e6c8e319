"""One execution of a local function: what it tells, and those in this process who listen.

What it tells is kept first and then shown, and only as long as the run is its own: whoever cancels
a run, or takes its process for dead, takes the run away by changing its record, and from then on
nothing that the function still does is told.
"""

from __future__ import annotations

import threading
import time
from typing import Any, List, Optional, Set

from ..store.contract import Store
from .entries import Entry, Outcome, written
from .record import Record

__all__ = ["Execution", "RunEnded"]

#: The most that a run may tell, in characters of its log.
_MOST = 64 * 1024 * 1024


class RunEnded(BaseException):
    """Raised within a function whose run is no longer its own: it was cancelled, or taken away.

    No Exception, so that no ``except Exception`` of the function holds it up.
    """


class Execution:
    """Belongs to the engine. ``tell`` and ``stop`` may be called from any thread."""

    def __init__(self, store: Store, record: Record) -> None:
        self.record = record
        #: The index in the log of the first entry that is told here.
        self.base = record.begins
        self.outcome = Outcome(record.data)
        self.is_over = False
        self._store = store
        self._news = threading.Condition()  # guards all but the store
        self._log: List[Entry] = []
        self._size = 0
        self._order = threading.Lock()  # entries are kept and shown in the same order
        self._closers: Set[Any] = set()

    # --- By the function

    def tell(self, entry: Entry) -> None:
        """Keep an entry and show it. RunEnded if the run is no longer this execution's."""
        entry["at"] = time.time()
        text = written(entry)
        with self._order:
            if self.is_over:
                raise RunEnded
            self._size += len(text)
            if self._size > _MOST:
                raise ValueError("a run may tell %d characters, and no more" % _MOST)
            if not self._store.append(self.record.run_id, self.record.kept.holder, [text]):
                raise RunEnded
            self.outcome.add(entry)
            self.show(entry)

    def end(self, record: Record, entry: Entry) -> bool:
        """The last entry, and the record that goes with it. False if others were faster."""
        entry["at"] = time.time()
        with self._order:
            if self.is_over or not self._store.change(record.kept, [written(entry)]):
                return False
            self._finish(record, entry)
        return True

    @property
    def length(self) -> int:
        """How many entries the log has, those of earlier executions included."""
        return self.base + len(self._log)

    def asked(self, pending: Any) -> Any:
        """The question as a message of the conversation."""
        text = pending.get("question") or "May %s be called?" % pending.get("name")
        return {
            "messageId": pending["id"],
            "role": "ROLE_AGENT",
            "parts": [{"text": text}],
            "taskId": self.record.run_id,
            "contextId": self.record.session_id,
        }

    def check(self) -> None:
        if self.is_over:
            raise RunEnded

    def closing(self, closable: Any) -> Any:
        """A context in which ``closable`` is closed if the run is taken away."""
        return _Closing(self._closers, closable, self)

    # --- By the engine

    def stop(self, record: Record, entry: Optional[Entry]) -> None:
        """The run has been taken away: ``record`` says how it ended, ``entry`` tells it."""
        with self._order:
            if self.is_over:
                return
            self._finish(record, entry)
        for closable in list(self._closers):
            closable.close()

    def _finish(self, record: Record, entry: Optional[Entry]) -> None:
        with self._news:
            if entry is not None:
                self._log.append(entry)
            self.record = record
            self.is_over = True
            self._news.notify_all()

    def show(self, entry: Entry) -> None:
        with self._news:
            self._log.append(entry)
            self._news.notify_all()

    # --- By those who listen

    def entry(self, index: int, timeout: Optional[float]) -> Optional[Entry]:
        """The log's entry with that index; None if it has ended before.

        Waits for it; TimeoutError after ``timeout`` seconds.
        """
        at = index - self.base
        if at >= len(self._log):
            with self._news:
                there = self._news.wait_for(lambda: at < len(self._log) or self.is_over, timeout)
            if not there:
                raise TimeoutError("nothing was told for %g seconds" % (timeout or 0.0))
        return self._log[at] if at < len(self._log) else None

    def wait(self, timeout: Optional[float]) -> bool:
        """Whether it has ended within that time."""
        with self._news:
            return self._news.wait_for(lambda: self.is_over, timeout)


class _Closing:
    def __init__(self, closers: Set[Any], closable: Any, execution: Execution) -> None:
        self._closers = closers
        self._closable = closable
        self._execution = execution

    def __enter__(self) -> Any:
        self._closers.add(self._closable)
        if self._execution.is_over:  # meanwhile
            self._closable.close()
        return self._closable

    def __exit__(self, *exc_info: Any) -> None:
        self._closers.discard(self._closable)
