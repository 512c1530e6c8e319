"""Runs kept for several processes: what holds when these are killed, and when they compete."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Iterator, List

import pytest

from remoteagent_lite.gateway.store.contract import Store, StoredRun
from remoteagent_lite.gateway.store.opening import open_store
from tests.redis_server import RedisServer, missing

#: Appends, three entries at a time, until it holds the run no more; says so after each.
WRITER = """
import sys
from remoteagent_lite.gateway.store.opening import open_store
url, run_id, holder = sys.argv[1:]
store = open_store(url)
number = len(store.entries(run_id, 0, 10**6)) // 3
parts = [part + "x" * 500 for part in "abc"]
while store.append(run_id, holder, ["%s %d %s" % (holder, number, part) for part in parts]):
    print(number, flush=True)
    number += 1
"""

#: Once told to, becomes a run's holder, or says that another was faster; who did so writes a bit.
CLAIMANT = """
import sys
from remoteagent_lite.gateway.store.opening import open_store
url, run_id, name = sys.argv[1:]
store = open_store(url)
run = store.get(run_id)
print("here", flush=True)
sys.stdin.readline()
won = store.change(run._replace(version=run.version + 1, holder=name), [name + " took it"])
for number in range(20):
    assert store.append(run_id, name, [name, name]) is won
print("won" if won else "lost", flush=True)
"""


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return "sqlite:///%s" % (tmp_path / "runs.db")
    server: RedisServer = request.getfixturevalue("redis")
    return server.url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    store = open_store(url)
    yield store
    store.delete(["run", "other"])
    store.close()


def a_run(run_id: str = "run", holder: str = "") -> StoredRun:
    return StoredRun(run_id, "agents/a", "session", "RUNNING", holder=holder, held_until=100.0)


def started(script: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def log_of(store: Store, run_id: str = "run") -> List[str]:
    return store.entries(run_id, 0, 10**6)


def test_process_that_is_killed_leaves_nothing_by_half(url: str, store: Store) -> None:
    store.add(a_run(holder="me"))
    for after in (1, 2, 40, 150):
        with started(WRITER, url, "run", "me") as writer:
            assert writer.stdout is not None
            told = [int(writer.stdout.readline()) for _ in range(after)]
            writer.kill()
        log = log_of(store)
        assert len(log) % 3 == 0
        for place in range(0, len(log), 3):
            parts = [entry.split() for entry in log[place : place + 3]]
            assert [part[:2] for part in parts] == [["me", str(place // 3)]] * 3
            assert [part[2] for part in parts] == [part + "x" * 500 for part in "abc"]
        # What it was told to be kept is there; and of what it was at, all or nothing.
        assert len(log) // 3 > told[-1]
    # The run it held is found out, and goes on elsewhere.
    assert [run.run_id for run in store.overdue(101.0)] == ["run"]
    assert store.change(a_run(holder="you")._replace(version=1), ["taken"])
    assert log_of(store) == [*log, "taken"]


def test_process_that_loses_its_run_ends_and_has_written_nothing_more(
    url: str, store: Store
) -> None:
    store.add(a_run(holder="me"))
    with started(WRITER, url, "run", "me") as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert store.change(a_run(holder="you")._replace(version=1), ["taken"])
        told = writer.stdout.read().split()
    log = log_of(store)
    assert log[-1] == "taken"
    assert len(log) - 1 == 3 * (len(told) + 1)
    assert all(entry.startswith("me ") for entry in log[:-1])


def test_of_processes_that_take_a_run_one_does(url: str, store: Store) -> None:
    store.add(a_run())
    names = ["p1", "p2", "p3", "p4"]
    claimants = [started(CLAIMANT, url, "run", name) for name in names]
    for claimant in claimants:
        assert claimant.stdout is not None
        assert claimant.stdout.readline() == b"here\n"
    for claimant in claimants:
        assert claimant.stdin is not None
        claimant.stdin.write(b"\n")
        claimant.stdin.flush()
    told = [claimant.communicate()[0] for claimant in claimants]
    assert sorted(told) == [b"lost\n"] * 3 + [b"won\n"]
    assert [claimant.returncode for claimant in claimants] == [0] * 4
    winner = names[told.index(b"won\n")]
    assert log_of(store) == [winner + " took it"] + [winner] * 40


def test_who_waits_learns_of_what_another_process_writes(url: str, store: Store) -> None:
    store.add(a_run(holder="me"))
    store.add(a_run("other", holder="me"))
    found: List[str] = []

    def follow() -> None:
        while len(found) < 30:
            found.extend(store.entries("run", len(found)))
            store.wait("run", len(found), 0, 600.0)

    follower = threading.Thread(target=follow)
    follower.start()
    with started(WRITER, url, "run", "me") as writer:
        follower.join(60)
        assert not follower.is_alive()
        writer.kill()
    assert found == log_of(store)[: len(found)]
