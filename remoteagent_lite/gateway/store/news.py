"""Wakes who waits for a run, within a process."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Dict, Iterator, List

__all__ = ["News"]


class News:
    """Who listens, and looks then, misses nothing that is told after it happened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards who listens; held for look-ups only
        self._listening: Dict[str, List[threading.Event]] = {}

    @contextmanager
    def of(self, run_id: str) -> Iterator[threading.Event]:
        """An event that is set whenever the run is told of, within the ``with``."""
        event = threading.Event()
        with self._lock:
            self._listening.setdefault(run_id, []).append(event)
        try:
            yield event
        finally:
            with self._lock:
                events = self._listening[run_id]
                events.remove(event)
                if not events:
                    del self._listening[run_id]

    def tell(self, run_id: str) -> None:
        if run_id in self._listening:  # mostly nobody does: that costs no lock
            with self._lock:
                for event in self._listening.get(run_id, ()):
                    event.set()
