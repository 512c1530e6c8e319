"""Many runs at the same time, begun, answered, cancelled and followed by whoever comes first.

Two engines share a store, as two processes would. Whatever happens: a run ends once, its record has
what its log has, whoever follows it is told all, and no tool is called twice. LOCAL_RUNS in the
environment is how many runs there are, LOCAL_SEED the seed.
"""

import contextlib
import os
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from remoteagent_lite.gateway import Run, agent
from remoteagent_lite.gateway.local.engine import Engine
from remoteagent_lite.gateway.local.record import Record, asked_by_text
from remoteagent_lite.gateway.store.opening import open_store
from remoteagent_lite.wsgi import Refused
from tests.redis_server import RedisServer, missing

RUNS = int(os.environ.get("LOCAL_RUNS", "200"))
SEED = int(os.environ.get("LOCAL_SEED", "0"))
THREADS = 10
STATUS = {"completed": "COMPLETED", "failed": "ERROR", "cancelled": "CANCELLED"}

calls: "Counter[str]" = Counter()


@agent(id="plays")
def plays(run: Run) -> Iterator[str]:
    chance = random.Random(run.run_id)
    for _ in range(chance.randint(1, 20)):
        yield "x"
    if chance.random() < 0.4:
        run.tool("count", {}, lambda: calls.update([run.run_id]))
        yield run.ask("What?")
    if chance.random() < 0.1:
        raise ZeroDivisionError
    yield "end"


class Player(threading.Thread):
    """Plays its share of the runs; ``wrong`` is what should not have been."""

    def __init__(self, engines: List[Engine], seed: int) -> None:
        super().__init__()
        self.wrong: List[Any] = []
        self._engines = engines
        self._chance = random.Random(seed)

    def run(self) -> None:
        try:
            for number in range(RUNS // THREADS):
                self._play("%d-%d" % (id(self), number))
        except BaseException as error:
            self.wrong.append(error)
            raise

    def _any(self) -> Engine:
        return self._chance.choice(self._engines)

    def _play(self, run_id: str) -> None:
        record = self._any().begin(plays, asked_by_text("x", run_id=run_id))
        canceller = threading.Thread(target=self._any().cancel, args=(record, "enough"))
        if self._chance.random() < 0.3:
            canceller.start()
        record = self._any().wait(record, 30)
        while record.status == "PAUSED":
            if self._chance.random() < 0.3:
                self._any().cancel(record, "enough")
            else:
                try:
                    record = self._any().answer(plays, record, "this")
                except Refused as refused:
                    assert refused.status == 409  # it was cancelled meanwhile
            found = self._any().find(plays.key, run_id)
            assert found is not None
            record = self._any().wait(found, 30)
        if canceller.ident is not None:
            canceller.join()
        self._judge(record)

    def _judge(self, record: Record) -> None:
        told: List[Dict[str, Any]] = []
        with self._any().follow(record) as following:
            while True:
                logged = following.next_event(30)
                if logged is None:
                    break
                assert logged.place == len(told)
                told.append(logged.entry)
        kinds = [each["kind"] for each in told]
        text = "".join(each["text"] for each in told if each["kind"] == "content")
        found = self._any().find(plays.key, record.run_id)
        assert found is not None
        known = (found.status, found.data.get("content") or "")
        if known != (STATUS.get(kinds[-1]), text) or sum(map(kinds.count, STATUS)) != 1:
            self.wrong.append((known, kinds))
        if calls[record.run_id] > 1:
            self.wrong.append("a tool was called twice")


@pytest.mark.parametrize("kind", ["memory", "sqlite", "redis"])
def test_whoever_comes_first_all_agree_how_a_run_ended(
    kind: str, tmp_path: Path, caplog: Any
) -> None:
    caplog.set_level("CRITICAL")
    calls.clear()  # the ids come again
    if kind == "redis" and missing():
        pytest.skip(str(missing()))
    with RedisServer() if kind == "redis" else contextlib.nullcontext() as server:
        url = server.url if server else "sqlite:///%s" % (tmp_path / "runs.db")
        store = open_store("memory:" if kind == "memory" else url)
        others = store if kind == "memory" else open_store(url)
        engines = [Engine(store, beat=0.05), Engine(others, beat=0.05)]
        players = [Player(engines, SEED + number) for number in range(THREADS)]
        for player in players:
            player.start()
        for player in players:
            player.join()
        for engine in engines:
            engine.close()
    assert [each for player in players for each in player.wrong] == []


def test_a_cancelled_question_leaves_what_was_told_once() -> None:
    engine = Engine(open_store("memory:"))
    local = agent(id="asks")(asks)
    record = engine.wait(engine.begin(local, asked_by_text("x")))
    assert engine.cancel(record, "enough").data["content"] == "told; "
    engine.close()


def asks(run: Run) -> Iterator[str]:
    yield "told; "
    yield run.ask("What?")
