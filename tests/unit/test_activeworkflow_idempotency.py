"""One execution per message: with threads, processes, time and failures."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
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
from remoteagent_lite.activeworkflow.idempotency import (
    STILL_RUNNING,
    Reply,
    memory_digest,
    message_key,
)
from tests.activeworkflow_answers import check_body, post
from tests.polling import eventually

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


# --- Agents with equal options, and memory that changes between two calls


def remembering(store: Any, **how: Any) -> Any:
    """An app whose agent emits what it has not seen yet, and the list of its executions."""
    executed: List[Any] = []

    @agent("SeenAgent", **how)
    def seen(ctx: Context) -> None:
        executed.append(ctx.payload["a"])
        if ctx.payload["a"] not in ctx.memory.get("seen", []):
            ctx.emit(ctx.payload)
            ctx.memory["seen"] = [*ctx.memory.get("seen", []), ctx.payload["a"]]

    return AgentApp(seen, idempotency=store), executed


OLD = {"seen": ["old1", "old2"]}


def test_memory_of_one_agent_is_never_given_to_another_with_equal_options(
    make: Callable[..., Store],
) -> None:
    app, executed = remembering(make())
    first = check_body(post(app, "/agents/SeenAgent", call())[1])
    assert first == {"messages": [{"a": 1}], "memory": {"seen": [1]}}
    for _ in range(2):
        twin = check_body(post(app, "/agents/SeenAgent", call(memory=OLD))[1])
        assert "memory" not in twin
        assert twin["messages"] == first["messages"]
        assert "handled before, with another memory" in twin["logs"][0]
    assert executed == [1]


def test_agent_whose_memory_is_equal_too_is_answered_whole(make: Callable[..., Store]) -> None:
    app, executed = remembering(make())
    answers = {post(app, "/agents/SeenAgent", call(memory=memory)) for memory in (OLD, dict(OLD))}
    ((_, body),) = answers
    assert check_body(body)["memory"] == {"seen": ["old1", "old2", 1]}
    assert executed == [1]


def test_user_reads_that_an_answer_was_made_with_another_memory(make: Callable[..., Store]) -> None:
    """Also where it changed none: the other agent had seen the message, and emitted nothing."""
    app, executed = remembering(make())
    assert check_body(post(app, "/agents/SeenAgent", call(memory={"seen": [1]}))[1]) == {}
    twin = check_body(post(app, "/agents/SeenAgent", call(memory={}))[1])
    assert "Nothing is done again" in twin["logs"][0]
    assert executed == [1]


def test_note_takes_the_place_of_the_oldest_of_too_many_entries(
    make: Callable[..., Store],
) -> None:
    @agent("LogAgent")
    def log(ctx: Context) -> None:
        ctx.memory["n"] = 1
        for number in range(200):
            ctx.log(number)

    app = AgentApp(log, idempotency=make())
    post(app, "/agents/LogAgent", call())
    logs = check_body(post(app, "/agents/LogAgent", call(memory=OLD))[1])["logs"]
    assert (len(logs), logs[0], logs[198]) == (200, "1", "199")


def test_memory_too_deep_to_be_compared_is_like_no_other() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert memory_digest({"a": deep}) != memory_digest({"a": deep})


@pytest.mark.parametrize("how", ["class", "call"])
def test_repeatable_agent_handles_each_call_with_the_memory_it_brings(
    make: Callable[..., Store], how: str
) -> None:
    app, executed = remembering(make(), repeatable=how == "class")
    if how == "call":
        (seen,) = app.agents
        receive = seen.receive

        def repeatable(ctx: Context) -> None:
            ctx.repeatable = True
            receive(ctx)

        seen.receive = repeatable
    results = [
        check_body(post(app, "/agents/SeenAgent", call(memory=memory))[1])
        for memory in ({"seen": [1]}, OLD, {})
    ]
    assert [each.get("memory") for each in results] == [
        None,
        {"seen": ["old1", "old2", 1]},
        {"seen": [1]},
    ]
    assert executed == [1, 1, 1]


def test_calls_that_wait_for_one_that_is_not_kept_are_executed_one_by_one(
    make: Callable[..., Store],
) -> None:
    store, running, executed = make(), threading.Lock(), []
    entered = threading.Event()

    def execute() -> Reply:
        with running:
            executed.append(1)
            entered.set()
            threading.Event().wait(0.01)
        return KEPT._replace(keep=False)

    def alone() -> Reply:
        assert running.acquire(blocking=False)
        running.release()
        return execute()

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(store.once, "k", execute)]
        assert entered.wait(20)
        futures += [pool.submit(store.once, "k", alone) for _ in range(3)]
        replies = [future.result(20) for future in futures]
    assert replies == [KEPT._replace(keep=False)] * 4
    assert len(executed) == 4


# --- At the same time


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


class Child:
    """Another process that executes the call "k" of a file until its stdin ends."""

    SCRIPT = """
import sys
from remoteagent_lite.activeworkflow import SQLiteStore, sqlite
from remoteagent_lite.activeworkflow.idempotency import Reply

path, machine, lease = sys.argv[1:]
if machine:
    sqlite._machine = lambda: machine

def execute():
    print("executing", flush=True)
    sys.stdin.read()
    return Reply(200, "application/json", b"by the child")

SQLiteStore(path, lease=float(lease)).once("k", execute)
"""

    def __init__(self, path: str, machine: str = "", lease: float = 0.3) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.SCRIPT, path, machine, str(lease)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            universal_newlines=True,
        )
        assert self._process.stdout and self._process.stdout.readline() == "executing\n"
        self.kill = self._process.kill
        self.stop = lambda: self._process.send_signal(signal.SIGSTOP)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        self._process.communicate()

    def end(self) -> None:
        """Let it finish its call, and itself."""
        self._process.communicate()
        assert self._process.returncode == 0


class Time:
    """A clock that goes on only where somebody pauses, by so many seconds."""

    def __init__(self, step: float = 1.0) -> None:
        self.now = 1000.0
        self.step = step

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += self.step


def beat(path: str) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT beat FROM claims WHERE key = 'k'").fetchone()[0])
    finally:
        connection.close()


def test_claim_of_a_dead_process_is_taken_over_at_once(tmp_path: Path) -> None:
    """Also while its parent has not asked what became of it."""
    path = str(tmp_path / "calls.db")
    with Child(path, lease=1000.0) as child:
        child.kill()
        # Until the kill has come.
        reply = eventually(
            lambda: SQLiteStore(path, wait=0).once("k", lambda: KEPT),
            lambda reply: reply != STILL_RUNNING,
        )
        assert reply == KEPT


def test_message_of_a_container_that_was_replaced_is_executed_by_one_further_call(
    tmp_path: Path,
) -> None:
    """Nobody sees from here whether it lives: its claim is not renewed, which takes 30 seconds."""
    path, clock = str(tmp_path / "calls.db"), Time()
    with Child(path, "the container before", lease=1000.0) as child:
        child.kill()
    store = SQLiteStore(path, clock=clock, pause=clock.pause)
    assert store.once("k", lambda: KEPT) == KEPT
    assert clock.now == pytest.approx(1031, abs=1.5)


def test_calls_that_wait_for_nothing_see_together_that_an_owner_is_gone(tmp_path: Path) -> None:
    path, clock = str(tmp_path / "calls.db"), Time()
    with Child(path, "elsewhere", lease=1000.0) as child:
        child.kill()
    store = SQLiteStore(path, wait=0, clock=clock)
    replies = []
    for moment in (0, 10, 29, 31):
        clock.now = 1000.0 + moment
        replies.append(store.once("k", lambda: KEPT))
    assert replies == [STILL_RUNNING] * 3 + [KEPT]


def test_claim_of_a_living_owner_never_expires(tmp_path: Path) -> None:
    """As long as it is renewed: here for more than ten times the lease, by the waiter's clock."""
    path, clock = str(tmp_path / "calls.db"), Time(step=0.25)

    def until_renewed(seconds: float) -> None:
        before = beat(path)
        eventually(lambda: beat(path) != before, pause=0.0)
        clock.pause(seconds)

    with Child(path, "elsewhere", lease=0.3) as child:
        store = SQLiteStore(path, lease=0.3, wait=4, clock=clock, pause=until_renewed)
        assert store.once("k", lambda: KEPT) == STILL_RUNNING
        assert clock.now >= 1004
        child.end()
        assert store.once("k", lambda: KEPT).body == b"by the child"


def test_process_of_this_machine_keeps_its_claim_while_it_lives(tmp_path: Path) -> None:
    """Even one that is stopped, and so renews nothing."""
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells that a process is the one that was there before")
    path, clock = str(tmp_path / "calls.db"), Time(step=1000.0)
    with Child(path) as child:
        child.stop()
        store = SQLiteStore(path, wait=10000, clock=clock, pause=clock.pause)
        assert store.once("k", lambda: KEPT) == STILL_RUNNING


def test_clock_that_is_set_ends_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "calls.db")
    with Child(path, "elsewhere"):
        store = SQLiteStore(path, wait=0)
        assert store.once("k", lambda: KEPT) == STILL_RUNNING
        now = time.time()
        monkeypatch.setattr(sqlite_module.time, "time", lambda: now + 1e9)
        assert store.once("k", lambda: KEPT) == STILL_RUNNING


def test_file_with_two_stores_in_one_process_executes_once(tmp_path: Path) -> None:
    path = str(tmp_path / "calls.db")
    os.symlink(path, str(tmp_path / "other.db"))
    other = SQLiteStore(str(tmp_path / "other.db"), wait=0)
    inner: List[Reply] = []

    def execute() -> Reply:
        inner.append(other.once("k", lambda: KEPT))
        return KEPT

    assert SQLiteStore(path).once("k", execute) == KEPT
    assert inner == [STILL_RUNNING]


@pytest.mark.parametrize(
    ("owner", "alive"),
    [
        (lambda pid, started, token, machine: (pid, started, token, machine), True),
        (lambda pid, started, token, machine: (pid, started, "earlier", machine), False),
        (lambda pid, started, token, machine: (1, started, token, machine), False),
        (lambda pid, started, token, machine: (pid, started, "earlier", "elsewhere"), None),
    ],
)
def test_who_is_alive(owner: Any, alive: Any) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux tells that a process is the one that was there before")
    mine = sqlite_module._this_process().split(" ", 3)
    assert sqlite_module._is_alive("%s %s %s %s" % owner(*mine)) is alive


def test_thread_that_begins_after_its_call_has_ended_ends_too(tmp_path: Path) -> None:
    store = SQLiteStore(str(tmp_path / "calls.db"), lease=10000.0)
    thread = threading.Thread(target=store._renew, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


FORKING = """
import os, sys
from remoteagent_lite.activeworkflow import SQLiteStore
from remoteagent_lite.activeworkflow.idempotency import Reply

store = SQLiteStore(sys.argv[1], wait=0)
reply = Reply(200, "application/json", b"{}")

def execute():
    child = os.fork()
    if not child:
        # The parent's call is not one of this process, and its threads are not here.
        statuses = [store.once("k", lambda: reply).status, store.once("l", lambda: reply).status]
        os._exit(0 if statuses == [503, 200] else 1)
    print(os.waitpid(child, 0)[1])
    return reply

store.once("k", execute)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fork_during_a_call_claims_for_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKING, str(tmp_path / "calls.db")]
    assert subprocess.check_output(command, timeout=60) == b"0\n"


@pytest.mark.parametrize("is_released", [True, False])
def test_answer_that_could_not_be_kept_leaves_no_claim(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_released: bool,
) -> None:
    def full(*_: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    store = SQLiteStore(str(tmp_path / "calls.db"), wait=0)
    with monkeypatch.context() as patch:
        patch.setattr(store, "_keep_answer", full)
        if not is_released:
            patch.setattr(store, "_release", full)
        assert store.once("k", lambda: KEPT) == KEPT
    assert "an answer was not kept: database or disk is full" in caplog.text
    other = KEPT._replace(body=b"another")
    assert store.once("k", lambda: other) == other
    assert store.once("k", lambda: KEPT) == other


# --- The file


def test_file_is_bounded_in_answers(tmp_path: Path) -> None:
    store = SQLiteStore(str(tmp_path / "calls.db"), most_answers=3)
    for number in range(10):
        store.once(str(number), lambda: KEPT)
    other = KEPT._replace(body=b"a second execution")
    replies = [store.once(str(number), lambda: other) for number in (9, 8, 7, 6)]
    assert replies == [KEPT, KEPT, KEPT, other]


def test_file_is_bounded_in_bytes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "calls.db"
    store = SQLiteStore(str(path), most_bytes=400000)
    for number in range(60):
        body = os.urandom(17000 + 500 * number)
        store.once(str(number), lambda: KEPT._replace(body=body))  # noqa: B023
    assert path.stat().st_size <= 400000
    assert store.once("59", lambda: KEPT).body == body
    large = KEPT._replace(body=b"x" * 400000)
    assert store.once("large", lambda: large) == large
    assert "larger than the file may be" in caplog.text
    assert store.once("large", lambda: KEPT) == KEPT


def remove(path: Path) -> None:
    path.unlink()


def cut(size: int) -> Callable[[Path], None]:
    def cut_at(path: Path) -> None:
        os.truncate(str(path), size)

    cut_at.__name__ = "cut at %d" % size
    return cut_at


def emptied_by_others(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"")
    path.chmod(0o644)


DAMAGE = [remove, emptied_by_others, *map(cut, (0, 1, 15, 16, 50, 99, 100, 512, 4096, 5000, 8192))]


@pytest.mark.parametrize("damage", DAMAGE)
def test_file_that_was_deleted_or_cut_off_is_made_again(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "calls.db"
    store = SQLiteStore(str(path))
    for number in range(5):
        store.once(str(number), lambda: KEPT._replace(body=b"x" * 5000))
    damage(path)
    assert store.once("k", lambda: KEPT) == KEPT
    assert store.once("k", lambda: KEPT._replace(body=b"a second execution")) == KEPT
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(str(tmp_path)) == ["calls.db"]


@pytest.mark.parametrize("damage", DAMAGE)
def test_answer_is_kept_although_the_file_was_lost_meanwhile(tmp_path: Path, damage: Any) -> None:
    path = tmp_path / "calls.db"
    store = SQLiteStore(str(path), wait=0)
    inner: List[Reply] = []

    def execute() -> Reply:
        damage(path)
        inner.append(store.once("k", lambda: KEPT))
        return KEPT

    assert store.once("k", execute) == KEPT
    assert inner == [STILL_RUNNING]
    assert store.once("k", lambda: KEPT._replace(body=b"a second execution")) == KEPT
    assert path.stat().st_mode & 0o777 == 0o600


def test_claim_is_made_again_in_a_file_that_was_lost(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    with Child(str(path), "elsewhere", lease=0.3) as child:
        path.unlink()
        deadline = time.monotonic() + 20
        while True:
            assert time.monotonic() < deadline
            try:
                beat(str(path))
                break
            except (sqlite3.OperationalError, TypeError):
                continue
        assert SQLiteStore(str(path), wait=0).once("k", lambda: KEPT) == STILL_RUNNING
        child.end()


def test_process_has_a_new_name_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sqlite_module._this_process()
    assert sqlite_module._this_process() == before
    pid = os.getpid()
    monkeypatch.setattr(sqlite_module, "_process", sqlite_module._process)
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    assert sqlite_module._this_process() != before
