"""What keeps the runs of local components: the one interface of all stores. No I/O.

A store knows nothing of agents. It keeps records, each with a log of texts that only grows, and
answers four questions about them: is this id known, did somebody else change it meanwhile, does
this process still hold it, what came behind this index. Everything that must happen to a record at
once is one call.
"""

from __future__ import annotations

import abc
import time
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

__all__ = ["Query", "Session", "Store", "StoredRun"]

#: Seconds between two looks at a store that tells nobody of news.
_LOOK = 0.05


class StoredRun(NamedTuple):
    """A run as it is kept. Times are in seconds since the epoch."""

    run_id: str
    component: str  # "agents/greeter"
    session_id: str
    status: str  # as AgentOS names them: PENDING, RUNNING, PAUSED, COMPLETED, ERROR, CANCELLED
    user_id: Optional[str] = None
    created_at: float = 0.0
    updated_at: float = 0.0  # of the last ``change``; what is listed is in its order
    version: int = 0  # one more with every ``change``
    holder: str = ""  # the execution that may append to its log; "" for none
    held_until: float = 0.0  # when its holder is taken for dead
    data: str = "{}"  # everything else, which no store looks into


class Query(NamedTuple):
    """Which runs are wanted: those that fit all that is given; the last changed first."""

    component: Optional[str] = None
    session_id: Optional[str] = None
    user_id: Optional[str] = None
    statuses: Sequence[str] = ()  # any of these; () for all
    updated_after: Optional[float] = None
    before: Optional[Tuple[float, str]] = None  # the updated_at and run_id of the last one known
    limit: int = 100


class Session(NamedTuple):
    """The runs of one component that have a session id in common."""

    session_id: str
    component: str
    user_id: Optional[str]  # of its first run
    created_at: float
    updated_at: float
    runs: int


class Store(abc.ABC):
    """Keeps runs for all processes that share it. Any thread may call; all methods block.

    A store survives a fork. What its backend cannot do (a full disk, a lost connection) raises
    StoreError, and has then either happened or not, never by half.
    """

    @abc.abstractmethod
    def add(self, run: StoredRun) -> bool:
        """Keep a new run, whose log is empty. False, and nothing happens, if its id is taken."""

    @abc.abstractmethod
    def get(self, run_id: str) -> Optional[StoredRun]: ...

    @abc.abstractmethod
    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        """Put ``run`` in place of the kept one, and append to its log, both at once.

        ``run.version`` is one more than that of the record it was made of. False, and nothing
        happens, if the kept one has another version by now, or is gone.
        """

    @abc.abstractmethod
    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        """Append to the log. False, and nothing happens, unless ``holder`` holds the run."""

    @abc.abstractmethod
    def entries(self, run_id: str, start: int = 0, limit: int = 1000) -> List[str]:
        """Those of the log from index ``start`` on, in their order; [] if there are none."""

    @abc.abstractmethod
    def renew(self, holds: Iterable[Tuple[str, str]], until: float) -> Set[str]:
        """Set ``held_until`` of the runs, given with their holders; the ids of those still held."""

    @abc.abstractmethod
    def runs(self, query: Query) -> List[StoredRun]: ...

    @abc.abstractmethod
    def count(self, query: Query) -> int:
        """How many runs fit; ``before`` and ``limit`` do not matter."""

    @abc.abstractmethod
    def sessions(self, query: Query) -> List[Session]:
        """The sessions of the runs that fit, the last changed first, all of them.

        ``before`` and ``limit`` do not matter.
        """

    @abc.abstractmethod
    def delete(self, run_ids: Iterable[str]) -> None:
        """Forget runs and their logs, whoever holds them. Unknown ids do not matter."""

    @abc.abstractmethod
    def overdue(self, now: float) -> List[StoredRun]:
        """Runs that have a holder, and were not renewed until ``now``."""

    @abc.abstractmethod
    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        """Forget runs that nobody holds, the longest unchanged first.

        Those that were last changed ``before`` that time, and as many more as it takes to keep no
        more than ``most_runs`` runs and ``most_bytes`` bytes of records and logs.
        """

    def wait(self, run_id: str, start: int, version: int, seconds: float) -> None:
        """Return when the log has an entry at ``start``, or the record another ``version``.

        Or when ``seconds`` are over, or at any time before: whoever waits looks again. Here it
        looks every now and then; a store that is told of news can do better.
        """
        until = time.monotonic() + seconds
        while True:
            run = self.get(run_id)
            if run is None or run.version != version or self.entries(run_id, start, 1):
                return
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(_LOOK, left))

    def close(self) -> None:  # noqa: B027 - a store may have nothing to close
        """Give back what it holds. It can be used again."""

    def describe(self) -> Dict[str, Any]:
        """What it is, for people: never a password."""
        return {"kind": type(self).__name__}
