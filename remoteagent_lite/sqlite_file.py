"""Files of SQLite that are their owner's alone, and connections to them."""

from __future__ import annotations

import os
import sqlite3
import uuid
from pathlib import Path

__all__ = ["made", "opened"]


def made(path: str) -> bool:
    """Make an empty file that its owner alone may read, unless there is one; whether it did.

    SQLite gives what it puts beside a file the same mode. OSError if it cannot be made.
    """
    if os.path.exists(path):
        return False
    empty = "%s.%s" % (path, uuid.uuid4().hex)
    os.close(os.open(empty, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    # Its own name comes last: SQLite's locks would end with a descriptor closed here.
    try:
        os.link(empty, path)
        os.unlink(empty)
    except FileExistsError:
        os.unlink(empty)  # another process was faster
        return False
    except OSError:  # a file system without links
        os.rename(empty, path)
    return True


def opened(path: str, patience: float, *, any_thread: bool = False) -> sqlite3.Connection:
    """A connection to a file that is there, which waits ``patience`` seconds for its locks.

    Transactions are those that are written, and no others; what is committed survives a crash of
    the process. One for ``any_thread`` is for one of them at a time.
    """
    # mode=rw: SQLite would make a missing file readable for everybody.
    connection = sqlite3.connect(
        Path(path).as_uri() + "?mode=rw",
        timeout=patience,
        isolation_level=None,
        uri=True,
        check_same_thread=not any_thread,
    )
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection
