"""Answers kept in an SQLite file, for hosts of several processes and across restarts."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sqlite3
import time
import uuid
from typing import Callable, Iterator, Optional, Tuple, Union

from .idempotency import GIVEN_BACK, STILL_RUNNING, WAIT, Reply, Store, busy

__all__ = ["SQLiteStore"]

logger = logging.getLogger("remoteagent_lite.activeworkflow")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expires REAL NOT NULL,
    body BLOB
);
CREATE INDEX IF NOT EXISTS calls_by_expiry ON calls (expires);
"""

#: Seconds between two looks at a call that another process is executing: first, and at most.
_FIRST_LOOK, _LAST_LOOK = 0.02, 0.5

_CONTENT_TYPE = "application/json"

_MINE, _KEPT, _ELSEWHERE, _GONE = "mine", "kept", "elsewhere", "gone"

# This process, as told to others: made anew after a fork, which copies module state.
_process: Tuple[int, str] = (0, "")


class SQLiteStore(Store):
    """Keeps answers in a file that several processes of one machine may share.

    A key is claimed in the file before the handler runs. The claim of a process that is seen to
    have died is taken over; where that cannot be seen (other machines and containers, Windows),
    after ``lease`` seconds. The file holds the answers, and hashes of what was asked; it is made
    readable for its owner only. A connection is opened for each look, so instances are free to
    cross threads and forks, and have nothing to close.
    """

    def __init__(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        keep: float = 7 * 86400.0,
        wait: float = WAIT,
        lease: float = 900.0,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = os.fspath(path)
        self._keep = keep
        self._wait = wait
        self._lease = lease
        self._clock = clock
        self._pause = pause
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._connection() as connection:
            connection.executescript(_SCHEMA)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        # isolation_level None: transactions are the ones written here, and no others.
        connection = sqlite3.connect(self._path, timeout=20.0, isolation_level=None)
        try:
            # Survives a crash of the process; after one of the machine there is no one waiting.
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection
        finally:
            connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            # Closing the connection rolls back what an error has left open.
            yield connection
            connection.execute("COMMIT")

    def once(self, key: str, execute: Callable[[], Reply]) -> Reply:
        try:
            state, reply = self._claimed(key)
        except sqlite3.Error as error:
            logger.error("%r: %s", self, error)
            # Executing now might do the work a second time.
            return busy("cannot tell whether this message was handled before: call again")
        if state == _MINE:
            return self._executed(key, execute)
        return reply or STILL_RUNNING

    def _claimed(self, key: str) -> Tuple[str, Optional[Reply]]:
        state, reply = self._look(key, claim=True)
        until = self._clock() + self._wait
        look = _FIRST_LOOK
        while state == _ELSEWHERE and self._clock() < until:
            self._pause(look)
            look = min(2 * look, _LAST_LOOK)
            # No claim from here on, but of the dead: a call given back asks for some seconds.
            state, reply = self._look(key, claim=False)
        if state == _GONE:
            reply = GIVEN_BACK
        return state, reply

    def _look(self, key: str, claim: bool) -> Tuple[str, Optional[Reply]]:
        now = self._clock()
        with self._transaction() as connection:
            connection.execute("DELETE FROM calls WHERE expires < ?", (now,))
            row = connection.execute(
                "SELECT owner, body FROM calls WHERE key = ?", (key,)
            ).fetchone()
            if row is not None and row[1] is not None:
                return _KEPT, Reply(200, _CONTENT_TYPE, bytes(row[1]))
            if row is None and not claim:
                return _GONE, None
            if row is not None and not _is_dead(row[0]):
                return _ELSEWHERE, None
            connection.execute(
                "INSERT OR REPLACE INTO calls (key, owner, expires) VALUES (?, ?, ?)",
                (key, _this_process(), now + self._lease),
            )
        return _MINE, None

    def _executed(self, key: str, execute: Callable[[], Reply]) -> Reply:
        reply: Optional[Reply] = None
        try:
            reply = execute()
            return reply
        finally:
            try:
                self._finish(key, reply)
            except sqlite3.Error as error:
                # The answer is there and goes out; only a repeated call will have to wait.
                logger.error("%r: an answer was not kept: %s", self, error)

    def _finish(self, key: str, reply: Optional[Reply]) -> None:
        with self._transaction() as connection:
            if reply is not None and reply.status == 200:
                connection.execute(
                    "INSERT OR REPLACE INTO calls (key, owner, expires, body) VALUES (?, ?, ?, ?)",
                    (key, _this_process(), self._clock() + self._keep, reply.body),
                )
            else:
                connection.execute(
                    "DELETE FROM calls WHERE key = ? AND owner = ?", (key, _this_process())
                )

    def __repr__(self) -> str:
        return "SQLiteStore(%r)" % self._path


def _machine() -> str:
    """Where a process number means the same process: a machine, or a container on it."""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux
        namespace = ""
    return "%s %s" % (socket.gethostname(), namespace)


def _this_process() -> str:
    global _process
    pid = os.getpid()
    if _process[0] != pid:
        _process = (pid, uuid.uuid4().hex)
    return "%d %s %s" % (pid, _process[1], _machine())


def _is_dead(owner: str) -> bool:
    """Whether the process that made a claim is known to be gone."""
    mine = _this_process()
    pid, _, machine = owner.split(" ", 2)
    my_pid, _, my_machine = mine.split(" ", 2)
    if machine != my_machine:
        return False
    if pid == my_pid:
        return owner != mine  # the number has come round to us
    if os.name != "posix":
        return False  # there, signal 0 is a real one
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
