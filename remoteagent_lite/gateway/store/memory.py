"""Runs kept in this process: for one process, and as long as it lives."""

from __future__ import annotations

import heapq
import threading
import time
from sys import getsizeof
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from .contract import Query, Session, Store, StoredRun, sessions_of
from .forks import Forking
from .news import News

__all__ = ["MemoryStore"]


class _Kept:
    """A run, its log, and what both take."""

    __slots__ = ("log", "run", "size")

    def __init__(self, run: StoredRun) -> None:
        self.run = run
        self.log: List[str] = []
        self.size = _size(run)


def _size(run: StoredRun) -> int:
    return getsizeof(run) + sum(map(getsizeof, run))


def _order(run: StoredRun) -> Tuple[float, str]:
    return run.updated_at, run.run_id


class MemoryStore(Store, Forking):
    """Tells those who wait at once. Bytes are those that Python's objects take.

    A fork gets a copy as it was at that moment, and goes its own way from there: the runs that were
    being executed are nobody's in the copy, and found overdue in time.
    """

    def __init__(self) -> None:
        self._news = News()
        self._lock = threading.Lock()  # guards all below; held for look-ups and sums only
        self._kept: Dict[str, _Kept] = {}
        self._by_session: Dict[str, Set[str]] = {}
        self._held: Set[str] = set()
        self._size = 0
        Forking.__init__(self)

    def _before_fork(self) -> None:
        self._lock.acquire()

    def _after_fork(self, in_child: bool) -> None:
        if in_child:
            self._lock = threading.Lock()
            self._news = News()
        else:
            self._lock.release()

    # --- One run

    def add(self, run: StoredRun) -> bool:
        with self._lock:
            if run.run_id in self._kept:
                return False
            self._put(_Kept(run))
            return True

    def get(self, run_id: str) -> Optional[StoredRun]:
        with self._lock:
            kept = self._kept.get(run_id)
        return None if kept is None else kept.run

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        with self._lock:
            kept = self._kept.get(run.run_id)
            if kept is None or kept.run.version != run.version - 1:
                return False
            if kept.run.holder == run.holder and kept.run.held_until > run.held_until:
                run = run._replace(held_until=kept.run.held_until)
            self._take(kept)
            kept.size += _size(run) - _size(kept.run) + sum(map(getsizeof, entries))
            kept.run = run
            kept.log.extend(entries)
            self._put(kept)
        self._news.tell(run.run_id)
        return True

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        with self._lock:
            kept = self._kept.get(run_id)
            if kept is None or not holder or kept.run.holder != holder:
                return False
            kept.log.extend(entries)
            size = sum(map(getsizeof, entries))
            kept.size += size
            self._size += size
        self._news.tell(run_id)
        return True

    def entries(self, run_id: str, start: int = 0, limit: int = 1000) -> List[str]:
        with self._lock:
            kept = self._kept.get(run_id)
            return [] if kept is None else kept.log[start : start + limit]

    def wait(self, run_id: str, start: int, version: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._news.of(run_id) as news:
            while True:
                news.clear()
                with self._lock:
                    kept = self._kept.get(run_id)
                    if kept is None or kept.run.version != version or len(kept.log) > start:
                        return
                left = until - time.monotonic()
                if left <= 0 or not news.wait(left):
                    return

    def _put(self, kept: _Kept) -> None:
        run = kept.run
        self._kept[run.run_id] = kept
        self._by_session.setdefault(run.session_id, set()).add(run.run_id)
        if run.holder:
            self._held.add(run.run_id)
        self._size += kept.size

    def _take(self, kept: _Kept) -> None:
        run = kept.run
        del self._kept[run.run_id]
        ids = self._by_session[run.session_id]
        ids.discard(run.run_id)
        if not ids:
            del self._by_session[run.session_id]
        self._held.discard(run.run_id)
        self._size -= kept.size

    # --- Holding

    def renew(self, holds: Iterable[Tuple[str, str]], until: float) -> Set[str]:
        held: Set[str] = set()
        with self._lock:
            for run_id, holder in holds:
                kept = self._kept.get(run_id)
                if kept is not None and holder and kept.run.holder == holder:
                    kept.run = kept.run._replace(held_until=until)
                    held.add(run_id)
        return held

    def overdue(self, now: float) -> List[StoredRun]:
        with self._lock:
            held = [self._kept[run_id].run for run_id in self._held]
        return [run for run in held if run.held_until < now]

    # --- Many runs

    def _fitting(self, query: Query) -> List[StoredRun]:
        with self._lock:
            if query.session_id is None:
                kept = list(self._kept.values())
            else:
                kept = [self._kept[each] for each in self._by_session.get(query.session_id, ())]
        return [each.run for each in kept if query.fits(each.run)]

    def runs(self, query: Query) -> List[StoredRun]:
        fitting = self._fitting(query)
        if query.before is not None:
            before = query.before
            fitting = [run for run in fitting if _order(run) < before]
        return heapq.nlargest(query.limit, fitting, key=_order)

    def count(self, query: Query) -> int:
        return len(self._fitting(query))

    def sessions(self, query: Query) -> List[Session]:
        return sessions_of(self._fitting(query))

    def delete(self, run_ids: Iterable[str]) -> None:
        with self._lock:
            for run_id in run_ids:
                kept = self._kept.get(run_id)
                if kept is not None:
                    self._forget(kept)

    def _forget(self, kept: _Kept) -> None:
        self._take(kept)
        self._news.tell(kept.run.run_id)

    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        with self._lock:
            free = [kept for kept in self._kept.values() if not kept.run.holder]
            if len(self._kept) > most_runs or self._size > most_bytes:
                free.sort(key=lambda kept: _order(kept.run))
            for kept in free:
                if (
                    kept.run.updated_at < before
                    or len(self._kept) > most_runs
                    or self._size > most_bytes
                ):
                    self._forget(kept)

    def describe(self) -> Dict[str, Any]:
        return {"kind": "MemoryStore", "runs": len(self._kept), "bytes": self._size}

    def __repr__(self) -> str:
        return "MemoryStore()"
