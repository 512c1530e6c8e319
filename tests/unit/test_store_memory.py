"""Runs kept in memory: what every store does, and what only this one."""

import os
import threading
import time
from typing import Tuple

import pytest

from remoteagent_lite import RemoteAgent
from remoteagent_lite.gateway import Gateway, Limits, Run, agent
from remoteagent_lite.gateway.local import engine
from remoteagent_lite.gateway.store.contract import Query, StoredRun
from remoteagent_lite.gateway.store.memory import MemoryStore
from remoteagent_lite.testing import StoreConformance, serve


class TestMemoryStore(StoreConformance):
    shares_between_processes = False

    @pytest.fixture
    def stores(self) -> Tuple[MemoryStore, MemoryStore]:
        store = MemoryStore()
        return store, store


def a_run(run_id: str = "r", **known: object) -> StoredRun:
    return StoredRun(run_id, "agents/a", "s", "RUNNING", holder="me")._replace(**known)


def test_who_waits_is_told_at_once() -> None:
    store = MemoryStore()
    store.add(a_run())
    done = threading.Event()

    def wait() -> None:
        store.wait("r", 0, 0, 60.0)
        done.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    while not store._news._listening:
        time.sleep(0.001)
    assert not done.is_set()
    store.append("r", "me", ["x"])
    waiter.join(30)
    assert done.is_set()
    assert not store._news._listening


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_fork_amid_writes_gets_a_whole_copy_that_is_its_own() -> None:
    store = MemoryStore()
    store.add(a_run())
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            store.append("r", "me", ["a", "b"])
            store.add(a_run("r%d" % number, session_id=str(number)))
            number += 1

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    waiter = threading.Thread(target=store.wait, args=("r", 10**9, 0, 60.0))
    waiter.start()
    try:
        for _ in range(5):
            child = os.fork()
            if not child:
                try:
                    assert len(store.entries("r", 0, 10**9)) % 2 == 0
                    assert store.append("r", "me", ["only", "here"])
                    assert store.entries("r", 0, 10**9)[-1] == "here"
                    assert store.count(Query()) == len(store.runs(Query(limit=10**9)))
                    store.wait("r", 0, 0, 1.0)
                except BaseException:
                    os._exit(1)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        store.change(a_run(version=1))
        for writer in [*writers, waiter]:
            writer.join()
    assert "only" not in store.entries("r", 0, 10**9)


def test_gateway_keeps_what_its_limits_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BEAT", 0.02)
    store = MemoryStore()
    for number in range(5):
        now = time.time() + number
        store.add(a_run(str(number), holder="", status="COMPLETED", updated_at=now))

    @agent
    def lonely(run: Run) -> str:
        while store.count(Query()) > 3:
            assert not run.cancelled
            time.sleep(0.01)
        return "%d are left" % store.count(Query())

    with serve(Gateway(lonely, store=store, keep=Limits(runs=3))) as url:
        with RemoteAgent(url, "lonely", timeout=60) as remote:
            assert remote.run("x").content == "3 are left"
    left = {run.run_id for run in store.runs(Query())}
    assert {"3", "4"} <= left and len(left) == 3
