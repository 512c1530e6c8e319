"""One execution per message: with threads, processes, time and failures."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from remoteagent_lite.activeworkflow import (
    AgentApp,
    Context,
    MemoryStore,
    Retry,
    SQLiteStore,
    Store,
    agent,
    sqlite as sqlite_module,
)
from remoteagent_lite.activeworkflow.idempotency import Reply, message_key
from tests.activeworkflow_answers import check_body, post

KEPT = Reply(200, "application/json", b'{"result":{}}')


@pytest.fixture(params=["memory", "sqlite"])
def make(request: Any, tmp_path: Path) -> Callable[..., Store]:
    def make(**how: Any) -> Store:
        if request.param == "memory":
            return MemoryStore(**how)
        return SQLiteStore(str(tmp_path / "calls.db"), **how)

    return make


def call(number: Any = 5, payload: Any = None, method: str = "receive", **params: Any) -> Any:
    message: Dict[str, Any] = {"payload": payload or {"a": 1}, "created_at": "2026-01-01T00:00:00Z"}
    if number is not None:
        message["id"] = number
    whole = {"options": {}, "memory": {}, "credentials": [], "message": message}
    return {"method": method, "params": dict(whole, **params)}


def counting(store: Any, **how: Any) -> Any:
    """An app, and the list of its executions."""
    executed: List[int] = []

    @agent("CountAgent")
    def count(ctx: Context) -> None:
        executed.append(1)
        ctx.emit({"n": len(executed)})

    count.on_check(count.receive)
    return AgentApp(count, idempotency=store, **how), executed


def test_five_deliveries_are_one_execution(make: Callable[..., Store]) -> None:
    app, executed = counting(make())
    answers = set()
    for attempt in range(5):
        # What changes between attempts: memory, credentials, the order of keys.
        again = call(memory={"n": attempt}, credentials=[{"name": "x", "value": str(attempt)}])
        if attempt % 2:
            again = {key: again[key] for key in reversed(list(again))}
        answers.add(post(app, "/agents/CountAgent", again))
    assert answers == {(200, b'{"result":{"messages":[{"n":1}]}}')}
    assert len(executed) == 1


def test_other_messages_options_and_agents_are_executed(make: Callable[..., Store]) -> None:
    app, executed = counting(make())
    other = call()
    other["params"]["message"]["created_at"] = "2026-01-02T00:00:00Z"
    calls = [call(), call(6), call(payload={"a": 2}), call(options={"o": 1}), other]
    for each in calls:
        post(app, "/agents/CountAgent", each)
    assert len(executed) == 5
    params = call()["params"]
    assert message_key("OneAgent", params) != message_key("OtherAgent", params)


def test_key_depends_on_values_alone() -> None:
    text = json.dumps(call(payload={"a": "b", "t": ["b", 1, 1.0, True, 2**70, "\u20ac\ud800"]}))
    params = json.loads(text)["params"]
    # Other objects of the same values: interned and not, shared and not.
    again = json.loads(text.replace('"b"', '"\\u0062"'))["params"]
    again["message"]["payload"]["t"][0] = again["message"]["payload"]["a"] = sys.intern("b")
    key = message_key("OneAgent", params)
    assert key == message_key("OneAgent", again)
    assert key and len(key) == 64
    for other in (1.0, True, "1", None, 2):
        again["message"]["payload"]["t"][1] = other
        assert message_key("OneAgent", again) != key


def test_key_is_the_same_in_every_process_and_python() -> None:
    # A file of answers outlives the process, and perhaps the Python, that wrote it.
    params = {
        "options": {"o": [1, 2.5, None, False]},
        "message": {"payload": {"a": 1}, "created_at": "2026-01-01T00:00:00Z", "id": 5},
    }
    assert message_key("OneAgent", params) == (
        "d3c7abac9ee55513f82eb1fdccee40e49083da79b38fa604bcb96d6a3e807d67"
    )


def test_too_deep_is_refused_in_words() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ValueError):
        message_key("OneAgent", call(payload={"a": deep})["params"])


def test_call_that_ends_before_it_sees_who_waits_is_answered_all_the_same() -> None:
    class Ended(Dict[str, Any]):
        """Shows a call as running that has ended when one looks again."""

        looks = 0

        def setdefault(self, key: str, default: Any = None) -> Any:
            self.looks += 1
            return [] if self.looks == 1 else super().setdefault(key, default)

    def never() -> Reply:
        raise AssertionError("a second execution")

    store = MemoryStore()
    assert store.once("k", lambda: KEPT) == KEPT
    running = store._running = Ended()
    assert store.once("k", never) == KEPT
    assert (running, running.looks) == ({}, 2)
    running.looks = 0
    assert store.once("new", lambda: KEPT) == KEPT
    assert running == {}


def test_checks_and_messages_without_number_are_not_held_together(
    make: Callable[..., Store],
) -> None:
    app, executed = counting(make())
    for _ in range(2):
        post(app, "/agents/CountAgent", call(method="check"))
        post(app, "/agents/CountAgent", call(None))
    assert len(executed) == 4


def test_messages_without_number_can_be_matched_by_content(make: Callable[..., Store]) -> None:
    app, executed = counting(make(), match_payloads=True)
    for _ in range(2):
        post(app, "/agents/CountAgent", call(None))
        post(app, "/agents/CountAgent", call(None, payload={"a": "\ud800"}))
    assert len(executed) == 2


def test_without_a_store_every_call_is_executed() -> None:
    app, executed = counting(None)
    for _ in range(2):
        post(app, "/agents/CountAgent", call())
    assert len(executed) == 2


def test_memory_is_the_default_and_a_path_means_sqlite(tmp_path: Path) -> None:
    app, _ = counting("memory")
    assert isinstance(app._store, MemoryStore)
    path = tmp_path / "calls.db"
    app, executed = counting(str(path))
    post(app, "/agents/CountAgent", call())
    post(counting(str(path))[0], "/agents/CountAgent", call())
    assert len(executed) == 1
    assert path.stat().st_mode & 0o077 == 0
    assert os.listdir(str(tmp_path)) == ["calls.db"]


def test_reports_of_errors_are_kept_and_retries_are_not(make: Callable[..., Store]) -> None:
    executed: List[int] = []

    @agent("FailAgent")
    def fail(ctx: Context) -> None:
        executed.append(1)
        if ctx.message_id == 1:
            raise KeyError("a")
        if len(executed) < 4:
            raise Retry("not yet")

    app = AgentApp(fail, idempotency=make())
    first = post(app, "/agents/FailAgent", call(1))
    assert check_body(first[1])["errors"] == ["KeyError: 'a'"]
    assert post(app, "/agents/FailAgent", call(1)) == first
    statuses = [post(app, "/agents/FailAgent", call(2))[0] for _ in range(4)]
    assert statuses == [503, 503, 200, 200]
    assert len(executed) == 4


def concurrently(
    store: Store, execute: Callable[[], Reply], others: int, seen: Callable[[], bool]
) -> List[Reply]:
    """The replies of one call that executes and others that come while it does.

    ``seen`` tells when the others have found the first one running.
    """
    entered, leave = threading.Event(), threading.Event()

    def first() -> Reply:
        entered.set()
        assert leave.wait(20)
        return execute()

    def never() -> Reply:
        raise AssertionError("a second execution")

    with ThreadPoolExecutor(others + 1) as pool:
        futures = [pool.submit(store.once, "k", first)]
        assert entered.wait(20)
        futures += [pool.submit(store.once, "k", never) for _ in range(others)]
        while not seen():
            threading.Event().wait(0.001)
        leave.set()
        return [future.result(20) for future in futures]


def seen_by_waiters(store: Store, others: int, looks: List[float]) -> Callable[[], bool]:
    if isinstance(store, MemoryStore):
        return lambda: len(store._running["k"]) >= others
    return lambda: len(looks) >= others


@pytest.mark.parametrize("status", [200, 503])
def test_calls_during_the_first_wait_for_its_answer(
    make: Callable[..., Store], status: int
) -> None:
    looks: List[float] = []

    def pause(seconds: float) -> None:
        looks.append(seconds)
        threading.Event().wait(seconds)

    store = make()
    if isinstance(store, SQLiteStore):
        store = make(pause=pause)
    reply = KEPT._replace(status=status)
    replies = concurrently(store, lambda: reply, 3, seen_by_waiters(store, 3, looks))
    assert replies[0] == reply
    assert {r.status for r in replies} == {status}
    if status == 200:
        assert set(replies) == {reply}


def test_call_that_has_waited_long_enough_is_told_so(make: Callable[..., Store]) -> None:
    store = make(wait=0)
    inner: List[Reply] = []

    def execute() -> Reply:
        # A call for the same message that comes while this one is executed.
        thread = threading.Thread(target=lambda: inner.append(store.once("k", execute)))
        thread.start()
        thread.join(20)
        return KEPT

    assert store.once("k", execute) == KEPT
    assert inner[0].status == 503
    assert inner[0].body == b"still busy with this message: call again\n"
    assert store.once("k", execute) == KEPT


def test_execution_that_raises_leaves_nothing_behind(make: Callable[..., Store]) -> None:
    store = make()

    def interrupted() -> Reply:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.once("k", interrupted)
    assert store.once("k", lambda: KEPT) == KEPT


def test_answers_are_forgotten_in_time(make: Callable[..., Store]) -> None:
    now = [1000.0]
    store = make(keep=900.0, clock=lambda: now[0])
    executed: List[int] = []

    def execute() -> Reply:
        executed.append(1)
        return KEPT

    for moment, executions in [(1000, 1), (1899, 1), (1901, 2), (2700, 2), (2802, 3)]:
        now[0] = float(moment)
        store.once("k", execute)
        assert len(executed) == executions


def test_memory_store_is_bounded() -> None:
    store = MemoryStore(most_answers=3, most_bytes=10**6)
    for number in range(10):
        store.once(str(number), lambda: KEPT)
    assert list(store._kept) == ["7", "8", "9"]
    assert store._bytes == 3 * len(KEPT.body)
    store = MemoryStore(most_bytes=20)
    for number in range(10):
        store.once(str(number), lambda: KEPT)
    assert list(store._kept) == ["9"]
    assert store.once("large", lambda: KEPT._replace(body=b"x" * 21)).status == 200
    assert (list(store._kept), store._bytes) == ([], 0)


def test_broken_file_is_a_503_and_no_execution(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "calls.db"
    app, executed = counting(SQLiteStore(str(path)))
    path.write_bytes(b"no database at all, but long enough to look like one" * 20)
    status, body = post(app, "/agents/CountAgent", call())
    assert (status, executed) == (503, [])
    assert body.startswith(b"cannot tell whether this message was handled before")
    assert "SQLiteStore" in caplog.text


def test_file_that_breaks_during_the_call_does_not_lose_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "calls.db"
    store = SQLiteStore(str(path))

    def execute() -> Reply:
        path.write_bytes(b"no database at all, but long enough to look like one" * 20)
        return KEPT

    assert store.once("k", execute) == KEPT
    assert "an answer was not kept" in caplog.text


CHILD = """
import json, os, sys, uuid
from concurrent.futures import ThreadPoolExecutor
from remoteagent_lite.activeworkflow import AgentApp, agent
from tests.activeworkflow_answers import post

database, executions = sys.argv[1:]

@agent("OnceAgent")
def once(ctx):
    with open(executions, "a") as file:
        file.write("%d\\n" % os.getpid())
    ctx.emit({"unique": uuid.uuid4().hex})

app = AgentApp(once, idempotency=database)
print("ready", flush=True)
call = sys.stdin.readline().encode()
with ThreadPoolExecutor(4) as pool:
    answers = list(pool.map(lambda _: post(app, "/agents/OnceAgent", call), range(5)))
print(json.dumps([[status, body.decode()] for status, body in answers]))
"""


def test_two_processes_execute_once(tmp_path: Path) -> None:
    database, executions = str(tmp_path / "calls.db"), tmp_path / "executions"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, database, str(executions)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            universal_newlines=True,
        )
        for _ in range(2)
    ]
    try:
        for child in children:
            assert child.stdout and child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin
            child.stdin.write(json.dumps(call()) + "\n")
            child.stdin.flush()
        answers = [tuple(a) for child in children for a in json.loads(child.communicate()[0])]
    finally:
        for child in children:
            child.kill()
            child.communicate()
    assert len(answers) == 10
    assert len(set(answers)) == 1
    assert answers[0][0] == 200
    assert len(executions.read_text().splitlines()) == 1


DYING = """
import os, sys
from remoteagent_lite.activeworkflow import SQLiteStore
SQLiteStore(sys.argv[1]).once("k", lambda: os._exit(7))
"""


def test_claim_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = str(tmp_path / "calls.db")
    assert subprocess.run([sys.executable, "-c", DYING, path]).returncode == 7
    assert SQLiteStore(path, wait=0).once("k", lambda: KEPT) == KEPT


@pytest.mark.parametrize(
    ("owner", "dead"),
    [
        (lambda pid, token, machine: (pid, token, machine), False),
        (lambda pid, token, machine: (pid, "earlier", machine), True),
        (lambda pid, token, machine: (1, token, machine), False),
        (lambda pid, token, machine: (pid, "earlier", "other-machine"), False),
    ],
)
def test_who_is_dead(owner: Any, dead: bool) -> None:
    pid, token, machine = sqlite_module._this_process().split(" ", 2)
    assert sqlite_module._is_dead("%s %s %s" % owner(pid, token, machine)) is dead


def test_claim_elsewhere_ends_with_its_lease(tmp_path: Path) -> None:
    now = [1000.0]
    store = SQLiteStore(str(tmp_path / "c.db"), wait=0, lease=900, clock=lambda: now[0])
    with store._transaction() as connection:
        connection.execute("INSERT INTO calls VALUES ('k', '1 x elsewhere', 1900, NULL)")
    assert store.once("k", lambda: KEPT).status == 503
    now[0] = 1901.0
    assert store.once("k", lambda: KEPT) == KEPT


def test_process_has_a_new_name_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sqlite_module._this_process()
    assert sqlite_module._this_process() == before
    pid = os.getpid()
    monkeypatch.setattr(sqlite_module, "_process", sqlite_module._process)
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    assert sqlite_module._this_process().split()[1] != before.split()[1]
