"""Agents called by ActiveWorkflow: by its HTTP client, and by its own models and workers.

Each test is run with what this machine has of the two that ``tests.peers.activeworkflow`` tells of.
"""

import contextlib
import itertools
import random
import threading
import time
from typing import Any, Dict, Iterator, List

import pytest

from remoteagent_lite import RemoteAgent
from remoteagent_lite.activeworkflow import (
    AgentApp,
    Context,
    agent,
    ledger as ledger_module,
)
from remoteagent_lite.activeworkflow.bridge import Bridge
from tests.activeworkflow_server import served
from tests.peers.activeworkflow import KINDS, PATIENCE, ActiveWorkflow, missing
from tests.peers.faults import Proxy
from tests.peers.server import PeerServer

pytest.importorskip("pwd", reason="ActiveWorkflow's workers are killed as on Unix")


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    lacks = missing(request.param)
    if lacks is not None:
        pytest.skip("ActiveWorkflow (%s): %s" % (request.param, lacks))
    return str(request.param)


class Bridged:
    """A bridge in the background, and the ActiveWorkflow that calls it through a proxy."""

    def __init__(self, remote: RemoteAgent, proxy: Proxy, activeworkflow: ActiveWorkflow) -> None:
        self.remote = remote
        self.proxy = proxy
        self.activeworkflow = activeworkflow


@pytest.fixture
def bridged(kind: str, agentos_latest: PeerServer) -> Iterator[Bridged]:
    with contextlib.ExitStack() as stack:
        remote = stack.enter_context(RemoteAgent(agentos_latest.url, "plain"))
        app = AgentApp(Bridge(remote, name="AskAgent", background=True))
        url = stack.enter_context(served(app))
        host, _, path = url.partition("//")[2].partition("/")
        proxy = stack.enter_context(Proxy(int(host.rpartition(":")[2])))
        activeworkflow = ActiveWorkflow(kind, "%s/%s" % (proxy.url, path), "AskAgent")
        yield Bridged(remote, proxy, stack.enter_context(activeworkflow))


def texts(count: int) -> List[str]:
    return ["number %d" % number for number in range(count)]


def payloads(count: int) -> List[Dict[str, Any]]:
    return [{"text": text} for text in texts(count)]


def answers(agent: Dict[str, Any]) -> List[str]:
    return sorted(message["content"] for message in agent["messages"])


def echoes(count: int) -> List[str]:
    return sorted("echo: " + text for text in texts(count))


def check_until_emitted(activeworkflow: ActiveWorkflow, count: int) -> None:
    """Have all agents check, once more after each has as many messages as it should have."""
    deadline = time.monotonic() + PATIENCE
    is_over = False
    while not is_over:
        assert time.monotonic() < deadline, activeworkflow.agents()
        is_over = all(len(each["messages"]) >= count for each in activeworkflow.agents())
        for each in activeworkflow.agents():
            activeworkflow.check(each["id"])
        activeworkflow.work_off()


OPTIONS = {"prompt": "{text}", "background": True}


def test_each_of_20_overlapping_messages_is_answered_once_although_workers_are_killed(
    bridged: Bridged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "GRACE", 2.0)
    activeworkflow, chance = bridged.activeworkflow, random.Random(20)
    activeworkflow.add_agent(options=OPTIONS)
    workers = [activeworkflow.start() for _ in range(3)]
    activeworkflow.emit(payloads(20))
    deadline = time.monotonic() + PATIENCE
    for killed in itertools.count():
        time.sleep(chance.uniform(0.0, 0.3))
        if killed >= 5 and not activeworkflow.waiting:
            break
        assert time.monotonic() < deadline, activeworkflow.agents()
        activeworkflow.kill(workers.pop(chance.randrange(len(workers))))
        activeworkflow.hasten()
        workers.append(activeworkflow.start())
    check_until_emitted(activeworkflow, 20)
    (agent,) = activeworkflow.agents()
    assert answers(agent) == echoes(20)
    assert agent["memory"]["runs"] == []
    assert activeworkflow.given_up == 0


def test_answer_of_a_check_that_is_cut_off_comes_with_the_next_call(bridged: Bridged) -> None:
    activeworkflow = bridged.activeworkflow
    activeworkflow.add_agent(options=OPTIONS)
    activeworkflow.start()
    activeworkflow.emit(payloads(3))
    activeworkflow.work_off()
    wait_for_runs(bridged)
    (agent,) = activeworkflow.agents()
    bridged.proxy.cut_after(20)
    activeworkflow.check(agent["id"])
    activeworkflow.work_off()  # also the repetition, six seconds later
    bridged.proxy.wait_for_cut()
    (agent,) = activeworkflow.agents()
    assert answers(agent) == echoes(3)
    assert len(agent["errors"]) == 1
    check_until_emitted(activeworkflow, 3)
    assert answers(activeworkflow.agents()[0]) == echoes(3)


def test_answer_for_a_worker_that_was_killed_is_not_lost(
    bridged: Bridged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "STORING", 0.5)
    activeworkflow = bridged.activeworkflow
    activeworkflow.add_agent(options=OPTIONS)
    worker = activeworkflow.start()
    activeworkflow.emit(payloads(3))
    activeworkflow.work_off()
    (agent,) = activeworkflow.agents()
    entered, leave = threading.Event(), threading.Event()
    get_run = bridged.remote.get_run

    def slow(*arguments: Any, **options: Any) -> Any:
        entered.set()
        assert leave.wait(PATIENCE)
        return get_run(*arguments, **options)

    bridged.remote.get_run = slow  # type: ignore[method-assign]
    activeworkflow.check(agent["id"])
    assert entered.wait(PATIENCE)
    activeworkflow.kill(worker)
    leave.set()
    activeworkflow.hasten()
    activeworkflow.start()
    check_until_emitted(activeworkflow, 3)
    assert answers(activeworkflow.agents()[0]) == echoes(3)


def test_checks_at_the_same_time_emit_nothing_twice(
    bridged: Bridged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "GRACE", 2.0)
    activeworkflow = bridged.activeworkflow
    activeworkflow.add_agent(options=OPTIONS)
    for _ in range(2):
        activeworkflow.start()
    activeworkflow.emit(payloads(10))
    activeworkflow.work_off()
    wait_for_runs(bridged)
    (agent,) = activeworkflow.agents()
    for _ in range(3):
        for _ in range(4):
            activeworkflow.check(agent["id"])
        activeworkflow.work_off()
    check_until_emitted(activeworkflow, 10)
    assert answers(activeworkflow.agents()[0]) == echoes(10)


def wait_for_runs(bridged: Bridged) -> None:
    """Return when the runs have ended that the agent's memory knows."""
    for each in bridged.activeworkflow.agents():
        for run in each["memory"].get("runs", []):
            bridged.remote.wait_run(run["run"], run["run"], wait=PATIENCE)


def test_twins_emit_an_answer_each_of_one_run(
    bridged: Bridged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "GRACE", 2.0)
    monkeypatch.setattr(ledger_module, "STALE", 1.0)
    activeworkflow = bridged.activeworkflow
    for _ in range(2):
        activeworkflow.add_agent(options=OPTIONS)
        activeworkflow.start()
    activeworkflow.emit(payloads(8))
    activeworkflow.work_off()
    check_until_emitted(activeworkflow, 8)
    one, other = activeworkflow.agents()
    assert answers(one) == answers(other) == echoes(8)
    assert one["memory"]["mark"] != other["memory"]["mark"]
    runs = {message["run_id"] for agent in (one, other) for message in agent["messages"]}
    assert len(runs) == 8
    for message in one["messages"]:
        assert len(bridged.remote.list_runs(message["session_id"])) == 1


def test_twins_keep_their_memory(kind: str) -> None:
    """What is done for a message is done once; each agent's memory is its own."""
    executed: List[Any] = []

    @agent("SeenAgent")
    def seen(ctx: Context) -> None:
        executed.append(ctx.payload["a"])
        if ctx.payload["a"] not in ctx.memory.get("seen", []):
            ctx.emit(ctx.payload)
            ctx.memory["seen"] = [*ctx.memory.get("seen", []), ctx.payload["a"]]

    old = {"seen": ["old1", "old2", "old3"]}
    with served(AgentApp(seen)) as url, ActiveWorkflow(kind, url, "SeenAgent") as activeworkflow:
        activeworkflow.add_agent(options={})
        activeworkflow.add_agent(options={}, memory=old)
        for _ in range(2):
            activeworkflow.start()
        activeworkflow.emit([{"a": "new"}])
        activeworkflow.work_off()
        one, other = activeworkflow.agents()
    assert executed == ["new"]
    assert one["messages"] == other["messages"] == [{"a": "new"}]
    memories = [one["memory"], other["memory"]]
    assert memories in ([{"seen": ["new"]}, old], [{}, {"seen": [*old["seen"], "new"]}])
    (note,) = one["logs"] + other["logs"]
    assert "handled before, with another memory" in note


def test_repeatable_twins_handle_each_message_with_their_own_memory(kind: str) -> None:
    @agent("SeenAgent", repeatable=True)
    def seen(ctx: Context) -> None:
        if ctx.payload["a"] not in ctx.memory.get("seen", []):
            ctx.emit(ctx.payload)
            ctx.memory["seen"] = [*ctx.memory.get("seen", []), ctx.payload["a"]]

    with served(AgentApp(seen)) as url, ActiveWorkflow(kind, url, "SeenAgent") as activeworkflow:
        activeworkflow.add_agent(options={}, memory={"seen": ["known"]})
        activeworkflow.add_agent(options={})
        for _ in range(2):
            activeworkflow.start()
        activeworkflow.emit([{"a": "known"}])
        activeworkflow.work_off()
        one, other = activeworkflow.agents()
    assert (one["messages"], other["messages"]) == ([], [{"a": "known"}])
    assert one["memory"] == other["memory"] == {"seen": ["known"]}
