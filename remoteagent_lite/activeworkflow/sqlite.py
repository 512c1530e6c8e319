"""Answers kept in an SQLite file, for hosts of several processes and across restarts."""

from __future__ import annotations

import logging
import os
import random
import socket
import sqlite3
import threading
import time
import uuid
import weakref
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Set, Tuple, TypeVar, Union

from ..sqlite_file import made, opened
from .idempotency import GIVEN_BACK, STILL_RUNNING, WAIT, Reply, Store, busy

__all__ = ["SQLiteStore"]

logger = logging.getLogger("remoteagent_lite.activeworkflow")

T = TypeVar("T")

# A claim is of a call that is being executed; one without owner was given back, and is there for
# those who wait. Answers are numbered in the order in which they were kept.
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS claims (
    key TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    beat INTEGER NOT NULL,
    given_back REAL
);
CREATE TABLE IF NOT EXISTS answers (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    forget REAL NOT NULL,
    memory TEXT,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS answers_by_time ON answers (forget);
COMMIT;
"""

#: Seconds between two looks at a call that another process is executing: first, and at most.
_FIRST_LOOK, _LAST_LOOK = 0.02, 0.5

#: Seconds for which those who wait can see that a call was given back.
_GIVEN_BACK_FOR = 60.0

#: Seconds to wait for a lock that another process has.
_PATIENCE = 20.0

#: How many answers are dropped at a time to make room.
_DROPPED = 64

#: How every database begins, also one of which the rest was cut off.
_MAGIC = b"SQLite format 3\0"

_CONTENT_TYPE = "application/json"


class _Look(NamedTuple):
    """What became of a call: ``is_mine`` to execute, answered, or (neither) executed elsewhere."""

    is_mine: bool = False
    reply: Optional[Reply] = None


_MINE = _Look(is_mine=True)
_ELSEWHERE = _Look()

# This process, as told to others: made anew after a fork, which copies module state.
_process: Tuple[int, str] = (0, "")

#: What it is executing, as files and keys: a file may have more than one store here.
_executing: Set[Tuple[str, str]] = set()

_stores: weakref.WeakSet[SQLiteStore] = weakref.WeakSet()


class SQLiteStore(Store):
    """Keeps answers in a file that several processes of one machine may share.

    A key is claimed in the file before the handler runs. The claim of a process that is seen to
    have died is taken over at once; where that cannot be seen (other machines and containers), once
    it has not been renewed for ``lease`` seconds, which its owner does three times in that time as
    long as it lives. ``lease`` should be shorter than ``wait``, so that a single call can see it.

    The file holds at most ``most_answers`` answers for ``keep`` seconds, and has at most
    ``most_bytes``: the oldest are dropped. Beside answers it holds hashes of what was asked; it is
    made readable for its owner only, and made again when it was deleted or cut off. A connection is
    opened for each look, so instances are free to cross threads and forks, and have nothing to
    close. ``clock``, for tests, takes the place of the clocks for waiting and for keeping.
    """

    def __init__(
        self,
        path: Union[str, os.PathLike[str]],
        *,
        keep: float = 7 * 86400.0,
        wait: float = WAIT,
        lease: float = 30.0,
        most_answers: int = 100000,
        most_bytes: int = 256 * 1024 * 1024,
        clock: Optional[Callable[[], float]] = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._path = os.path.realpath(os.fsdecode(path))
        self._keep = keep
        self._wait = wait
        self._lease = lease
        self._most_answers = most_answers
        self._most_bytes = most_bytes
        # Waiting goes by a clock that nobody sets; what is kept has to outlive the machine's start.
        self._clock = clock or time.monotonic
        self._now = clock or time.time
        self._pause = pause
        self._make()
        self._forget_threads()
        _stores.add(self)

    def _forget_threads(self) -> None:
        """Begin with nothing running: at first, and in a fork, whose threads are the parent's."""
        # Guards the three below and wakes the thread that renews claims; held for lookups only.
        self._changed = threading.Condition()
        self._running: Set[str] = set()  # of what this process executes, what came by this store
        self._unreleased: Set[str] = set()
        self._is_renewing = False
        # Claims that others hold: whose they are, their last beat, and since when it is that.
        self._seen: Dict[str, Tuple[str, int, float]] = {}

    # --- Executing

    def once(self, key: str, execute: Callable[[], Reply]) -> Reply:
        try:
            look = self._claimed(key)
        except sqlite3.Error as error:
            logger.error("%r: %s", self, error)
            # Executing now might do the work a second time.
            return busy("cannot tell whether this message was handled before: call again")
        if look.is_mine:
            return self._executed(key, execute)
        return look.reply or STILL_RUNNING

    def _claimed(self, key: str) -> _Look:
        look = self._look(key, is_first=True)
        until = self._clock() + self._wait
        pause = _FIRST_LOOK
        while look is _ELSEWHERE and self._clock() < until:
            self._pause(pause)
            pause = min(2 * pause, _LAST_LOOK)
            look = self._look(key, is_first=False)
        return look

    def _executed(self, key: str, execute: Callable[[], Reply]) -> Reply:
        reply: Optional[Reply] = None
        try:
            reply = execute()
            return reply
        finally:
            self._finish(key, reply)

    def _finish(self, key: str, reply: Optional[Reply]) -> None:
        is_kept = False
        try:
            if reply is not None and reply.status == 200 and reply.keep:
                is_kept = self._in_file(partial(self._keep_answer, key, reply))
        except sqlite3.Error as error:
            # The answer is there and goes out: only a repeated call will be executed again.
            logger.error("%r: an answer was not kept: %s", self, error)
        finally:
            self._end(key)
        if is_kept:
            return
        is_given_back = reply is not None and reply.status != 200
        try:
            self._in_file(partial(self._release, key, is_given_back))
        except sqlite3.Error as error:
            logger.error("%r: a claim was not given up: %s", self, error)
            with self._changed:
                self._unreleased.add(key)

    # --- Renewing

    def _begin(self, key: str) -> None:
        """Note that this process executes a call, and see to it that its claim is renewed."""
        thread = threading.Thread(target=self._renew, name="remoteagent-lease", daemon=True)
        with self._changed:
            if not self._is_renewing:
                thread.start()
                self._is_renewing = True
            self._running.add(key)
        _executing.add((self._path, key))

    def _end(self, key: str) -> None:
        _executing.discard((self._path, key))
        with self._changed:
            self._running.discard(key)
            self._changed.notify_all()

    def _renew(self) -> None:
        changed, pause = self._changed, self._lease / 3.0  # a fork makes itself another changed
        due = time.monotonic() + pause
        while True:
            with changed:
                while self._running and time.monotonic() < due:
                    changed.wait(max(0.0, due - time.monotonic()))
                if not self._running:
                    self._is_renewing = False
                    return
                keys = list(self._running)
            try:
                self._in_file(partial(self._beat, keys))
            except sqlite3.Error as error:
                logger.error("%r: claims were not renewed: %s", self, error)
            due = time.monotonic() + pause

    @staticmethod
    def _beat(keys: List[str], file: sqlite3.Connection) -> None:
        owner = _this_process()
        for key in keys:
            renewed = file.execute(
                "UPDATE claims SET beat = beat + 1 WHERE key = ? AND owner = ?", (key, owner)
            )
            if not renewed.rowcount:  # the file was made again
                file.execute(
                    "INSERT OR IGNORE INTO claims (key, owner, beat) VALUES (?, ?, ?)",
                    (key, owner, _first_beat()),
                )

    # --- The file

    def _look(self, key: str, is_first: bool) -> _Look:
        if (self._path, key) in _executing:
            return _ELSEWHERE
        with self._changed:
            leftover = self._unreleased - self._running
        begun: List[str] = []
        try:
            look = self._in_file(partial(self._look_in, key, is_first, leftover, begun))
        except BaseException:
            if begun:
                self._end(key)
            raise
        with self._changed:
            self._unreleased -= leftover
        if look is not _ELSEWHERE:
            self._seen.pop(key, None)
        return look

    def _look_in(
        self,
        key: str,
        is_first: bool,
        leftover: Set[str],
        begun: List[str],
        file: sqlite3.Connection,
    ) -> _Look:
        now = self._now()
        for each in leftover:
            self._release(each, False, file)
        file.execute("DELETE FROM answers WHERE forget < ?", (now,))
        file.execute("DELETE FROM claims WHERE given_back < ?", (now - _GIVEN_BACK_FOR,))
        kept = file.execute("SELECT body, memory FROM answers WHERE key = ?", (key,)).fetchone()
        if kept is not None:
            return _Look(reply=Reply(200, _CONTENT_TYPE, bytes(kept[0]), kept[1]))
        claim = file.execute(
            "SELECT owner, beat, given_back FROM claims WHERE key = ?", (key,)
        ).fetchone()
        if claim is not None and claim[2] is not None:
            if not is_first:
                return _Look(reply=GIVEN_BACK)
        elif claim is not None and not self._is_free(key, claim[0], claim[1]):
            return _ELSEWHERE
        file.execute(
            "INSERT OR REPLACE INTO claims (key, owner, beat) VALUES (?, ?, ?)",
            (key, _this_process(), _first_beat()),
        )
        # Before other threads of this process can see the claim, which would take it for the
        # leftover of an earlier call.
        self._begin(key)
        begun.append(key)
        return _MINE

    def _is_free(self, key: str, owner: str, beat: int) -> bool:
        """Whether whoever claimed the call is gone, for all that can be seen from here."""
        if owner == _this_process():
            return (self._path, key) not in _executing  # left by a call that has ended
        is_alive = _is_alive(owner)
        if is_alive is not None:
            return not is_alive
        now = self._clock()
        seen = self._seen.get(key)
        if seen is None or seen[:2] != (owner, beat):
            if len(self._seen) > 1000:
                self._seen.clear()
            self._seen[key] = (owner, beat, now)
            return False
        return now - seen[2] > self._lease

    def _keep_answer(self, key: str, reply: Reply, file: sqlite3.Connection) -> bool:
        if not self._has_room(file, len(reply.body)):
            logger.error("%r: an answer is larger than the file may be", self)
            return False
        file.execute(
            "INSERT OR IGNORE INTO answers (key, forget, memory, body) VALUES (?, ?, ?, ?)",
            (key, self._now() + self._keep, reply.memory, reply.body),
        )
        file.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (key, _this_process()))
        return True

    def _has_room(self, file: sqlite3.Connection, size: int) -> bool:
        """Drop the oldest answers until one of that size has room; whether it has at all."""
        file.execute(
            "DELETE FROM answers WHERE number <= (SELECT max(number) FROM answers) - ?",
            (self._most_answers - 1,),
        )
        (page,) = file.execute("PRAGMA page_size").fetchone()
        while True:
            (pages,) = file.execute("PRAGMA page_count").fetchone()
            (free,) = file.execute("PRAGMA freelist_count").fetchone()
            if (pages - free) * page + size <= self._most_bytes:
                return True
            dropped = file.execute(
                "DELETE FROM answers WHERE number IN "
                "(SELECT number FROM answers ORDER BY number LIMIT ?)",
                (_DROPPED,),
            )
            if not dropped.rowcount:
                return False

    def _release(self, key: str, is_given_back: bool, file: sqlite3.Connection) -> None:
        """Let the next call execute; if it is given back, not those who wait for this one."""
        mine = (key, _this_process())
        if is_given_back:
            file.execute(
                "UPDATE claims SET given_back = ? WHERE key = ? AND owner = ?", (self._now(), *mine)
            )
        else:
            file.execute("DELETE FROM claims WHERE key = ? AND owner = ?", mine)

    def _in_file(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` gives in a transaction; done again if the file had to be made again."""
        try:
            return self._transaction(work)
        except sqlite3.DatabaseError as error:
            if not self._is_mended(error):
                raise
        return self._transaction(work)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = opened(self._path, _PATIENCE)
        try:
            connection.execute("BEGIN IMMEDIATE")
            # Closing the connection rolls back what an error has left open.
            result = work(connection)
            connection.execute("COMMIT")
            return result
        finally:
            connection.close()

    def _is_mended(self, error: sqlite3.DatabaseError) -> bool:
        """Make the file again if it was deleted or cut off; False if that is not what is wrong."""
        words = str(error)
        try:
            found = os.stat(self._path)
            # Only a damaged file is opened here: closing it ends this process's locks on it.
            if "malformed" in words or "not a database" in words:
                with open(self._path, "rb") as file:
                    start = file.read(len(_MAGIC))
                if start != _MAGIC[: len(start)]:
                    return False  # it has become somebody else's
                if os.stat(self._path).st_ino == found.st_ino:  # else another process was faster
                    os.unlink(self._path)
            elif "no such table" not in words:
                return False
            else:
                os.chmod(self._path, 0o600)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        logger.error("%r is made again: %s", self, words)
        try:
            self._make()
        except OSError:
            return False
        return True

    def _make(self) -> None:
        """Make the file and its tables, as far as they are not there."""
        made(self._path)
        self._make_tables()

    def _make_tables(self) -> None:
        connection = opened(self._path, _PATIENCE)
        try:
            connection.executescript(_SCHEMA)
        finally:
            connection.close()

    def __repr__(self) -> str:
        return "SQLiteStore(%r)" % self._path


def _after_fork() -> None:
    global _process
    _process = (0, "")
    _executing.clear()
    for store in list(_stores):
        store._forget_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


# --- Processes


def _first_beat() -> int:
    """Where a claim begins to count: another claim of the same process begins elsewhere."""
    return random.getrandbits(48)


def _machine() -> str:
    """Where a process number means the same process: a machine since its start, or a container."""
    namespace = boot = ""
    try:
        namespace = os.readlink("/proc/self/ns/pid")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        pass  # not Linux
    return "%s %s %s" % (socket.gethostname(), namespace, boot)


def _this_process() -> str:
    global _process
    pid = os.getpid()
    if _process[0] != pid:
        token = "%s %s" % (_started(pid) or "", uuid.uuid4().hex)
        _process = (pid, "%d %s %s" % (pid, token, _machine()))
    return _process[1]


def _started(pid: int) -> Optional[str]:
    """When a process was started, as Linux counts it: "" if it has ended, None if it is not told.

    A number is given to another process some time after its owner has died.
    """
    try:
        stat = Path("/proc/%d/stat" % pid).read_text("ascii", "replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _is_alive(owner: str) -> Optional[bool]:
    """Whether the process that made a claim is there; None if that cannot be seen from here."""
    mine = _this_process()
    if owner == mine:
        return True
    pid, started, _, machine = owner.split(" ", 3)
    my_pid, _, _, my_machine = mine.split(" ", 3)
    if machine != my_machine:
        return None
    if pid == my_pid:
        return False  # the number has come round to us
    now = _started(int(pid))
    if now is not None:
        return now == started if started else None
    if os.name != "posix":
        return None  # there, signal 0 is a real one
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return None
    return None
