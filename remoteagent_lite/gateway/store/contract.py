"""What keeps the runs of local components: the one interface of all stores. No I/O.

A store knows nothing of agents. It keeps records, each with a log of texts that only grows, and
answers four questions about them: is this id known, did somebody else change it meanwhile, does
this process still hold it, what came behind this index. Everything that must happen to a record at
once is one call.
"""

from __future__ import annotations

import abc
import time
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple, TypeVar

__all__ = ["Limits", "Query", "Session", "Store", "StoredRun", "sessions_of"]

_S = TypeVar("_S", bound="Store")

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

    def fits(self, run: StoredRun) -> bool:
        """Whether a run is among those meant; ``before`` and ``limit`` do not matter."""
        return (
            (self.component is None or run.component == self.component)
            and (self.session_id is None or run.session_id == self.session_id)
            and (self.user_id is None or run.user_id == self.user_id)
            and (not self.statuses or run.status in self.statuses)
            and (self.updated_after is None or run.updated_at > self.updated_after)
        )


class Session(NamedTuple):
    """The runs of one component that have a session id in common, as far as they were asked for."""

    session_id: str
    component: str
    user_id: Optional[str]  # of its first run
    created_at: float
    updated_at: float
    runs: int


class Limits(NamedTuple):
    """How much is kept, of runs that nobody executes: see ``Store.prune``."""

    seconds: float = 7 * 86400.0  # since a run was last changed
    runs: int = 10000
    bytes: int = 256 * 1024 * 1024  # of records and logs


def sessions_of(runs: Iterable[StoredRun]) -> List[Session]:
    """What ``Store.sessions`` gives of these runs, for stores that read them all."""
    found: Dict[Tuple[str, str], List[StoredRun]] = {}
    for run in runs:
        found.setdefault((run.component, run.session_id), []).append(run)
    sessions = []
    for (component, session_id), members in found.items():
        first = min(members, key=lambda run: (run.created_at, run.run_id))
        last = max(run.updated_at for run in members)
        sessions.append(
            Session(session_id, component, first.user_id, first.created_at, last, len(members))
        )
    sessions.sort(key=lambda session: (-session.updated_at, session.session_id, session.component))
    return sessions


class Store(abc.ABC):
    """Keeps runs for all processes that share it. Any thread may call; all methods block.

    A store survives a fork. What its backend cannot do (a full disk, a lost connection) raises
    StoreError, and has then either happened or not, never by half.

    Every str is kept as it is: of any length, with any characters, NUL and lone surrogates too, for
    both are in JSON that callers send and models write. ``user_id`` None is not "". Times come back
    as the floats they were. ``remoteagent_lite.testing.stores`` has a test for every sentence here.
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
        happens, if the kept one has another version by now, or is gone. As long as the holder stays
        the same, the later ``held_until`` counts: it may have been renewed since ``run`` was read.
        """

    @abc.abstractmethod
    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        """Append to the log. False, and nothing happens, unless ``holder`` holds the run.

        Nobody holds a run whose holder is "", and "" holds none.
        """

    @abc.abstractmethod
    def entries(self, run_id: str, start: int = 0, limit: int = 1000) -> List[str]:
        """Those of the log from index ``start`` on, in their order; [] if there are none."""

    @abc.abstractmethod
    def renew(self, holds: Iterable[Tuple[str, str]], until: float) -> Set[str]:
        """Set ``held_until`` of the runs, given with their holders; the ids of those still held."""

    @abc.abstractmethod
    def runs(self, query: Query) -> List[StoredRun]:
        """The last changed first; of those changed at the same time, in an order that stays.

        With ``before``, the ``updated_at`` and ``run_id`` of a run, what comes behind it in this
        order, also if it is there no more or was changed since.
        """

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
        """Give back what it holds; so does ``with``. It can be used again."""

    def __enter__(self: _S) -> _S:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def describe(self) -> Dict[str, Any]:
        """What it is, for people: never a password."""
        return {"kind": type(self).__name__}
