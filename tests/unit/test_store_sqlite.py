"""Runs kept in an SQLite file: what every store does, and what only this one."""

import gc
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Tuple

import pytest

from remoteagent_lite.activeworkflow.sqlite import SQLiteStore as AnswerStore
from remoteagent_lite.errors import StoreError
from remoteagent_lite.gateway.store import sqlite
from remoteagent_lite.gateway.store.contract import Query, StoredRun
from remoteagent_lite.gateway.store.sqlite import SQLiteStore
from remoteagent_lite.testing.stores import StoreConformance


class TestSQLiteStore(StoreConformance):
    @pytest.fixture
    def stores(self, path: Path) -> Iterator[Tuple[SQLiteStore, SQLiteStore]]:
        first, second = SQLiteStore(path), SQLiteStore(path)
        yield first, second
        first.close()
        second.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    store.add(a_run())
    yield store
    store.close()


def a_run(run_id: str = "run") -> StoredRun:
    return StoredRun(run_id, "agents/a", "session", "RUNNING", holder="me")


def test_file_is_for_its_owner_alone(store: SQLiteStore, path: Path) -> None:
    assert store.append("run", "me", ["entry"])
    names = sorted(os.listdir(path.parent))
    assert names == ["runs.db", "runs.db-shm", "runs.db-wal"]
    if os.name == "posix":
        for name in names:
            assert stat.S_IMODE((path.parent / name).stat().st_mode) == 0o600, name
    store.close()
    assert os.listdir(path.parent) == ["runs.db"]


def test_store_that_nobody_has_any_more_closes_its_file(path: Path) -> None:
    store = SQLiteStore(path)
    store.add(a_run())
    assert (path.parent / "runs.db-wal").exists()
    del store
    gc.collect()
    assert not (path.parent / "runs.db-wal").exists()


def test_nothing_is_open_before_it_is_needed_and_while_the_process_forks(path: Path) -> None:
    store = SQLiteStore(path)
    assert not store._connections
    store.add(a_run())
    assert store._connections
    store._before_fork()
    try:
        assert not store._connections
    finally:
        store._after_fork(False)
    assert store.get("run") == a_run()
    store.close()


def test_who_reads_does_not_wait_for_who_writes(store: SQLiteStore, path: Path) -> None:
    writer = sqlite3.connect(str(path), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        assert store.get("run") == a_run()
        assert store.entries("run") == []
        store.wait("run", 0, 0, 0.01)
    finally:
        writer.close()


def test_lock_that_another_process_keeps_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.02)
    store = SQLiteStore(path)
    store.add(a_run())
    other = sqlite3.connect(str(path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StoreError, match="locked; another process held") as told:
            store.append("run", "me", ["entry"])
        assert isinstance(told.value.__cause__, sqlite3.OperationalError)
    finally:
        other.close()
    assert store.append("run", "me", ["entry"])
    assert store.entries("run") == ["entry"]
    store.close()


def test_full_disk_is_an_error_and_nothing_is_written_by_half(store: SQLiteStore) -> None:
    assert store.append("run", "me", ["a"])
    # As SQLite finds it out: no page more can be had.
    store._connections[0].execute("PRAGMA max_page_count = 1")
    large = "x" * 100000
    with pytest.raises(StoreError, match="full; there is no room for it: make some"):
        store.append("run", "me", ["b", large])
    assert store.entries("run") == ["a"]
    store._connections[0].execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="full"):
        store.change(a_run()._replace(version=1, holder="", status="COMPLETED"), [large])
    assert store.get("run") == a_run()
    assert store.append("run", "me", [large])
    assert store.entries("run") == ["a", large]


def test_deleted_file_is_an_error_once_and_then_begun_anew(store: SQLiteStore, path: Path) -> None:
    assert store.append("run", "me", ["a"])
    path.unlink()  # what SQLite has beside it stays, as when somebody deletes one file
    with pytest.raises(StoreError, match="deleted or replaced while it was in use"):
        store.append("run", "me", ["b"])
    assert store.append("run", "me", ["c"]) is False
    assert store.get("run") is None
    assert store.count(Query()) == 0
    assert store.add(a_run())
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or os.name != "posix"
    assert SQLiteStore(path).get("run") == a_run()


def test_deleted_file_is_begun_anew_while_another_process_has_it_open(path: Path) -> None:
    script = (
        "import sys\n"
        "from remoteagent_lite.errors import StoreError\n"
        "from remoteagent_lite.gateway.store.sqlite import SQLiteStore\n"
        "store = SQLiteStore(sys.argv[1])\n"
        "assert store.append('run', 'me', ['x' * 3000] * 300)\n"
        "print('here', flush=True)\n"
        "sys.stdin.readline()\n"
        "try:\n"
        "    store.append('run', 'me', ['lost'])\n"
        "except StoreError:\n"
        "    assert store.append('run', 'me', ['kept'])\n"
        "    print('noticed', flush=True)\n"
    )
    store = SQLiteStore(path)
    store.add(a_run())
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"here\n"
        path.unlink()
        with pytest.raises(StoreError, match="deleted or replaced while it was in use"):
            store.get("run")
        assert store.add(a_run())
        assert store.append("run", "me", ["y" * 3000] * 300)
        other.stdin.write(b"\n")
        other.stdin.flush()
        assert other.stdout.readline() == b"noticed\n"
    assert store.entries("run") == ["y" * 3000] * 300 + ["kept"]
    store.close()


def test_replaced_file_is_an_error_once_and_then_used(store: SQLiteStore, path: Path) -> None:
    other = SQLiteStore(path.parent / "other.db")
    other.add(a_run("of the other"))
    other.close()
    os.replace(path.parent / "other.db", path)
    with pytest.raises(StoreError, match="deleted or replaced while it was in use"):
        store.get("run")
    for name in ("runs.db-wal", "runs.db-shm"):
        (path.parent / name).unlink()
    assert store.get("of the other") == a_run("of the other")


def test_damaged_file_is_an_error_that_says_what_to_do(store: SQLiteStore, path: Path) -> None:
    assert store.append("run", "me", ["x" * 1000] * 1000)
    store.close()
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 8192))
    with pytest.raises(StoreError, match="malformed; it is damaged: move it away"):
        store.entries("run")
    path.unlink()
    assert store.add(a_run())


def test_file_of_something_else_is_left_alone(path: Path) -> None:
    path.write_bytes(b"a letter, of more than one page\n" * 1000)
    with pytest.raises(StoreError, match="not a database; name another file"):
        SQLiteStore(path)
    assert path.read_bytes() == b"a letter, of more than one page\n" * 1000
    answers = path.parent / "answers.db"
    AnswerStore(answers)
    before = answers.read_bytes()
    with pytest.raises(StoreError, match="holds something else"):
        SQLiteStore(answers)
    assert answers.read_bytes() == before


def test_file_of_a_newer_version_is_left_alone(store: SQLiteStore, path: Path) -> None:
    store.close()
    newer = sqlite3.connect(str(path))
    newer.execute("PRAGMA user_version = 2")
    newer.close()
    with pytest.raises(StoreError, match="newer version of remoteagent-lite"):
        SQLiteStore(path)
    with pytest.raises(StoreError, match="newer version of remoteagent-lite"):
        store.get("run")


def test_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere.*its directory is there"):
        SQLiteStore(tmp_path / "nowhere" / "runs.db")
    with pytest.raises(StoreError, match="see whether it is a file"):
        SQLiteStore(tmp_path)


def test_freed_room_is_used_again(store: SQLiteStore, path: Path) -> None:
    def fill() -> int:
        for number in range(20):
            store.add(a_run(str(number)))
            store.append(str(number), "me", ["x" * 1000] * 100)
        store.delete(map(str, range(20)))
        store.close()
        return path.stat().st_size

    first = fill()
    assert first > 2000000
    assert max(fill() for _ in range(3)) < 1.1 * first


def test_processes_that_begin_at_once_make_one_file(path: Path) -> None:
    script = (
        "import sys\n"
        "from remoteagent_lite.gateway.store.contract import StoredRun\n"
        "from remoteagent_lite.gateway.store.sqlite import SQLiteStore\n"
        "print('here', flush=True)\n"
        "sys.stdin.readline()\n"
        "store = SQLiteStore(sys.argv[1])\n"
        "assert store.add(StoredRun(sys.argv[2], 'agents/a', 's', 'RUNNING'))\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(5)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"here\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
        assert child.returncode == 0
    store = SQLiteStore(path)
    assert sorted(run.run_id for run in store.runs(Query())) == list("01234")
    assert os.listdir(path.parent) and store.count(Query()) == 5
    store.close()
    assert os.listdir(path.parent) == ["runs.db"]
