"""Runs kept in an SQLite file: for several processes of one machine, and across restarts."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from contextlib import suppress
from functools import partial
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
)

from ...errors import StoreError
from ...sqlite_file import made, opened
from .contract import Query, Session, Store, StoredRun, sessions_of
from .forks import Forking
from .news import News

__all__ = ["SQLiteStore"]

T = TypeVar("T")
_Value = Union[None, str, bytes, int, float]

#: What ``PRAGMA user_version`` says of a file with these tables.
_VERSION = 1

# What is written with every entry is small and stands apart from what may be large.
_SCHEMA = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    component TEXT NOT NULL,
    session_id TEXT NOT NULL,
    status TEXT NOT NULL,
    user_id TEXT,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    version INTEGER NOT NULL,
    holder TEXT NOT NULL,
    held_until REAL NOT NULL,
    entries INTEGER NOT NULL,
    record_bytes INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL
);
CREATE INDEX runs_by_time ON runs (updated_at, run_id);
CREATE INDEX runs_by_component ON runs (component, updated_at, run_id);
CREATE INDEX runs_by_session ON runs (session_id, updated_at, run_id);
CREATE INDEX runs_by_user ON runs (user_id, updated_at, run_id);
CREATE INDEX runs_held ON runs (held_until) WHERE holder != '';
CREATE TABLE data (run INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE entries (
    run INTEGER NOT NULL,
    place INTEGER NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (run, place)
) WITHOUT ROWID;
"""

_COLUMNS = (
    "run_id, component, session_id, status, user_id, created_at, updated_at, version, holder, "
    "held_until"
)

#: Seconds to wait for a lock that another process has.
_PATIENCE = 20.0

#: Seconds between two looks for what other processes have written.
_LOOK = 0.02

#: How many runs are forgotten at a time, while others wait.
_FORGOTTEN = 100


class SQLiteStore(Store, Forking):
    """A file that threads and processes of one machine share; it is made if it is not there.

    Each process has one connection, opened when it is needed, and closed by ``close`` and before a
    fork. What is written survives the end of any process; the last of it may be lost with the
    machine's power. The file is readable for its owner only. It is as large as it once had to be:
    what is freed is used again.

    StoreError also from here: the file cannot be made or opened, or holds something else.
    """

    def __init__(self, path: Union[str, os.PathLike[str]]) -> None:
        self._path = os.path.realpath(os.fsdecode(path))
        self._news = News()
        self._lock = threading.RLock()  # held while the connection is used; guards all below
        self._connections: List[sqlite3.Connection] = []  # one, or none
        self._file: Optional[Tuple[int, int]] = None  # which one is open
        self._openings = 0
        self._finalizer = weakref.finalize(self, _close, self._connections)
        Forking.__init__(self)
        self._in_file(_is_there, writes=False)
        # A server that loads its application and forks then in ways of its own finds nothing open.
        self.close()

    # --- One run

    def add(self, run: StoredRun) -> bool:
        return self._in_file(partial(_add, run))

    def get(self, run_id: str) -> Optional[StoredRun]:
        found = self._in_file(
            partial(_selected, "WHERE run_id = ?", [_bound(run_id)]), writes=False
        )
        return found[0] if found else None

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        has_changed = self._in_file(partial(_change, run, entries))
        if has_changed:
            self._news.tell(run.run_id)
        return has_changed

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        has_appended = bool(holder) and self._in_file(partial(_append, run_id, holder, entries))
        if has_appended:
            self._news.tell(run_id)
        return has_appended

    def entries(self, run_id: str, start: int = 0, limit: int = 1000) -> List[str]:
        return self._in_file(partial(_entries, run_id, start, limit), writes=False)

    def wait(self, run_id: str, start: int, version: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        seen: Optional[Tuple[int, int]] = None
        with self._news.of(run_id) as news:
            while True:
                is_told = news.is_set()
                news.clear()
                now = self._in_file(self._written_by_others, writes=False)
                if is_told or now != seen:
                    state = self._in_file(partial(_state, run_id), writes=False)
                    if state is None or state[0] != version or state[1] > start:
                        return
                    seen = now
                left = until - time.monotonic()
                if left <= 0:
                    return
                news.wait(min(left, _LOOK))

    def _written_by_others(self, file: sqlite3.Connection) -> Tuple[int, int]:
        """Something else whenever another connection has written to the file."""
        return self._openings, file.execute("PRAGMA data_version").fetchone()[0]

    # --- Holding

    def renew(self, holds: Iterable[Tuple[str, str]], until: float) -> Set[str]:
        return self._in_file(partial(_renew, list(holds), until))

    def overdue(self, now: float) -> List[StoredRun]:
        where = "WHERE holder != '' AND held_until < ?"
        return self._in_file(partial(_selected, where, [now]), writes=False)

    # --- Many runs

    def runs(self, query: Query) -> List[StoredRun]:
        where, values = _where(query)
        if query.before is not None:
            updated_at, run_id = query.before
            where += " AND updated_at <= ? AND (updated_at < ? OR run_id < ?)"
            values += [updated_at, updated_at, _bound(run_id)]
        where += " ORDER BY updated_at DESC, run_id DESC LIMIT ?"
        return self._in_file(partial(_selected, where, [*values, query.limit]), writes=False)

    def count(self, query: Query) -> int:
        return self._in_file(partial(_count, *_where(query)), writes=False)

    def sessions(self, query: Query) -> List[Session]:
        return sessions_of(self._in_file(partial(_headers, *_where(query)), writes=False))

    def delete(self, run_ids: Iterable[str]) -> None:
        run_ids = list(run_ids)
        self._in_file(partial(_delete, run_ids))
        for run_id in run_ids:
            self._news.tell(run_id)

    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        while True:
            forgotten = self._in_file(partial(_prune, before, most_runs, most_bytes))
            for run_id in forgotten:
                self._news.tell(run_id)
            if len(forgotten) < _FORGOTTEN:
                return

    # --- The file

    def close(self) -> None:
        """Close this process's connection; the next call opens another."""
        with self._lock:
            _close(self._connections)

    def _before_fork(self) -> None:
        # SQLite knows a process's locks by heart, and a child inherits this knowledge, but no lock.
        self._lock.acquire()
        _close(self._connections)

    def _after_fork(self, in_child: bool) -> None:
        if in_child:
            self._lock = threading.RLock()
            self._news = News()
        else:
            self._lock.release()

    def _in_file(self, work: Callable[[sqlite3.Connection], T], writes: bool = True) -> T:
        """What ``work`` gives, in a transaction of its own if it ``writes``."""
        with self._lock:
            try:
                file = self._connection()
                if not writes:
                    return work(file)
                file.execute("BEGIN IMMEDIATE")
                try:
                    result = work(file)
                    file.execute("COMMIT")
                except BaseException:
                    if file.in_transaction:
                        file.execute("ROLLBACK")
                    raise
                return result
            except sqlite3.Error as error:
                _close(self._connections)
                raise StoreError("%r: %s" % (self, _advice(error))) from error
            except OSError as error:
                text = "%s: see whether its directory is there and may be written to"
                raise StoreError("%r: %s" % (self, text % error)) from error

    def _connection(self) -> sqlite3.Connection:
        found = self._found()
        if self._connections:
            if found == self._file:
                return self._connections[0]
            _close(self._connections)
            raise StoreError(
                "%r was deleted or replaced while it was in use, and the runs in it are gone. The "
                "next call goes on with what is there now; stop the gateway before touching it."
                % self
            )
        if found is None:
            # What lies beside a file that was deleted is still in use where nobody has noticed.
            for end in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(self._path + end)
            made(self._path)
        connection = opened(self._path, _PATIENCE, any_thread=True)
        try:
            self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        self._connections.append(connection)
        self._file = self._found()
        self._openings += 1
        return connection

    def _found(self) -> Optional[Tuple[int, int]]:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _make_tables(self, file: sqlite3.Connection) -> None:
        if self._version(file) == _VERSION:
            return
        _use_wal(file)
        file.execute("BEGIN IMMEDIATE")
        if self._version(file) == 0:  # else another process was faster
            for statement in _SCHEMA.split(";")[:-1]:
                file.execute(statement)
            file.execute("PRAGMA user_version = %d" % _VERSION)
        file.execute("COMMIT")

    def _version(self, file: sqlite3.Connection) -> int:
        """That of its tables; 0 of an empty one. StoreError for what is no such file."""
        version: int = file.execute("PRAGMA user_version").fetchone()[0]
        is_empty = file.execute("SELECT name FROM sqlite_master LIMIT 1").fetchone() is None
        if version > _VERSION:
            raise StoreError(
                "%r was made by a newer version of remoteagent-lite, which writes it in another "
                "way: update this one, or name another file." % self
            )
        if version == 0 and not is_empty:
            raise StoreError(
                "%r holds something else than the runs of a gateway: name another file." % self
            )
        return version

    def describe(self) -> Dict[str, Any]:
        return {"kind": "SQLiteStore", "path": self._path}

    def __repr__(self) -> str:
        return "SQLiteStore(%r)" % self._path


def _close(connections: List[sqlite3.Connection]) -> None:
    while connections:
        connections.pop().close()


def _use_wal(file: sqlite3.Connection) -> None:
    """So that who reads does not wait for who writes. It stays with the file."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            file.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # For this lock SQLite itself does not wait.
            if "locked" not in str(error) or time.monotonic() > until:
                raise
        time.sleep(_LOOK)


def _advice(error: sqlite3.Error) -> str:
    """What happened, and what to do about it."""
    words = str(error)
    for known, advice in (
        ("locked", "another process held its lock for %d s: see who has it open" % _PATIENCE),
        ("full", "there is no room for it: make some, or bound it more narrowly"),
        ("readonly", "it may not be written to: see whose it and its directory are"),
        ("unable to open", "see whether it is a file, and whose it and its directory are"),
        ("disk I/O", "the disk fails or is full: see the system's log"),
        (
            "malformed",
            "it is damaged: move it away, with its -wal and -shm, and the next call begins anew",
        ),
        ("not a database", "name another file, or move this one away"),
    ):
        if known in words:
            return "%s; %s" % (words, advice)
    return words


# --- Values. SQLite's texts are UTF-8, which has no place for half a surrogate pair.


def _bound(text: str) -> Union[str, bytes]:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _text(value: Any) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _columns(run: StoredRun) -> List[_Value]:
    """The values of ``_COLUMNS``."""
    return [_bound(value) if isinstance(value, str) else value for value in run[:-1]]


def _size_of(run: StoredRun) -> int:
    return sum(_size(value) for value in run if isinstance(value, str))


# --- What is done in the file, each in one transaction


def _is_there(file: sqlite3.Connection) -> None:
    file.execute("SELECT 1 FROM runs LIMIT 1").fetchone()


def _number(run_id: str, file: sqlite3.Connection) -> Optional[int]:
    found = file.execute("SELECT number FROM runs WHERE run_id = ?", (_bound(run_id),)).fetchone()
    return found[0] if found else None


def _add(run: StoredRun, file: sqlite3.Connection) -> bool:
    added = file.execute(
        "INSERT OR IGNORE INTO runs (%s, entries, log_bytes, record_bytes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)" % _COLUMNS,
        [*_columns(run), _size_of(run)],
    )
    if not added.rowcount:
        return False
    file.execute("INSERT INTO data VALUES (?, ?)", (added.lastrowid, _bound(run.data)))
    return True


def _change(run: StoredRun, entries: Sequence[str], file: sqlite3.Connection) -> bool:
    found = file.execute(
        "SELECT number, entries, holder, held_until FROM runs WHERE run_id = ? AND version = ?",
        (_bound(run.run_id), run.version - 1),
    ).fetchone()
    if found is None:
        return False
    number, place, holder, held_until = found
    if _text(holder) == run.holder:
        run = run._replace(held_until=max(held_until, run.held_until))
    file.execute(
        "UPDATE runs SET component = ?, session_id = ?, status = ?, user_id = ?, created_at = ?, "
        "updated_at = ?, version = ?, holder = ?, held_until = ?, record_bytes = ?, "
        "entries = entries + ?, log_bytes = log_bytes + ? WHERE number = ?",
        [*_columns(run)[1:], _size_of(run), len(entries), sum(map(_size, entries)), number],
    )
    file.execute("UPDATE data SET data = ? WHERE run = ?", (_bound(run.data), number))
    _write(number, place, entries, file)
    return True


def _append(run_id: str, holder: str, entries: Sequence[str], file: sqlite3.Connection) -> bool:
    found = file.execute(
        "SELECT number, entries FROM runs WHERE run_id = ? AND holder = ?",
        (_bound(run_id), _bound(holder)),
    ).fetchone()
    if found is None:
        return False
    number, place = found
    file.execute(
        "UPDATE runs SET entries = entries + ?, log_bytes = log_bytes + ? WHERE number = ?",
        (len(entries), sum(map(_size, entries)), number),
    )
    _write(number, place, entries, file)
    return True


def _write(number: int, place: int, entries: Sequence[str], file: sqlite3.Connection) -> None:
    file.executemany(
        "INSERT INTO entries VALUES (?, ?, ?)",
        [(number, place + index, _bound(entry)) for index, entry in enumerate(entries)],
    )


def _entries(run_id: str, start: int, limit: int, file: sqlite3.Connection) -> List[str]:
    found = file.execute(
        "SELECT entry FROM entries WHERE run = (SELECT number FROM runs WHERE run_id = ?) "
        "AND place >= ? ORDER BY place LIMIT ?",
        (_bound(run_id), start, limit),
    )
    return [_text(entry) for (entry,) in found.fetchall()]


def _state(run_id: str, file: sqlite3.Connection) -> Optional[Tuple[int, int]]:
    """Its version, and how many entries its log has."""
    state: Optional[Tuple[int, int]] = file.execute(
        "SELECT version, entries FROM runs WHERE run_id = ?", (_bound(run_id),)
    ).fetchone()
    return state


def _renew(holds: Sequence[Tuple[str, str]], until: float, file: sqlite3.Connection) -> Set[str]:
    held = set()
    for run_id, holder in holds:
        renewed = file.execute(
            "UPDATE runs SET held_until = ? WHERE run_id = ? AND holder = ? AND holder != ''",
            (until, _bound(run_id), _bound(holder)),
        )
        if renewed.rowcount:
            held.add(run_id)
    return held


def _where(query: Query) -> Tuple[str, List[_Value]]:
    conditions = ["1"]
    values: List[_Value] = []
    for column, value in (
        ("component", query.component),
        ("session_id", query.session_id),
        ("user_id", query.user_id),
    ):
        if value is not None:
            conditions.append("%s = ?" % column)
            values.append(_bound(value))
    if query.statuses:
        conditions.append("status IN (%s)" % ", ".join("?" * len(query.statuses)))
        values += map(_bound, query.statuses)
    if query.updated_after is not None:
        conditions.append("updated_at > ?")
        values.append(query.updated_after)
    return "WHERE " + " AND ".join(conditions), values


def _selected(where: str, values: Sequence[_Value], file: sqlite3.Connection) -> List[StoredRun]:
    found = file.execute(
        "SELECT %s, data FROM runs JOIN data ON run = number %s" % (_COLUMNS, where), values
    )
    return [StoredRun(*map(_text, row)) for row in found.fetchall()]


def _headers(where: str, values: Sequence[_Value], file: sqlite3.Connection) -> List[StoredRun]:
    """Runs without their data."""
    found = file.execute("SELECT %s FROM runs %s" % (_COLUMNS, where), values)
    return [StoredRun(*map(_text, row)) for row in found.fetchall()]


def _count(where: str, values: Sequence[_Value], file: sqlite3.Connection) -> int:
    count: int = file.execute("SELECT COUNT(*) FROM runs " + where, values).fetchone()[0]
    return count


def _delete(run_ids: Iterable[str], file: sqlite3.Connection) -> None:
    for run_id in run_ids:
        found = file.execute(
            "SELECT number FROM runs WHERE run_id = ?", (_bound(run_id),)
        ).fetchone()
        if found is not None:
            _forget(found[0], file)


def _forget(number: int, file: sqlite3.Connection) -> None:
    for table, column in (("runs", "number"), ("data", "run"), ("entries", "run")):
        file.execute("DELETE FROM %s WHERE %s = ?" % (table, column), (number,))


def _prune(before: float, most_runs: int, most_bytes: int, file: sqlite3.Connection) -> List[str]:
    """The ids of the runs that were forgotten: not more than so many at a time."""
    runs, size = file.execute(
        "SELECT COUNT(*), TOTAL(record_bytes + log_bytes) FROM runs"
    ).fetchone()
    free = file.execute(
        "SELECT number, run_id, updated_at, record_bytes + log_bytes FROM runs "
        "WHERE holder = '' ORDER BY updated_at, run_id LIMIT ?",
        (_FORGOTTEN,),
    ).fetchall()
    forgotten: List[str] = []
    for number, run_id, updated_at, own in free:
        if updated_at >= before and runs <= most_runs and size <= most_bytes:
            break
        _forget(number, file)
        runs -= 1
        size -= own
        forgotten.append(_text(run_id))
    return forgotten
