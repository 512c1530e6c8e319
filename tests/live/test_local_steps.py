"""Python functions that run remote agents as steps, on real servers."""

import time
from typing import Any, Dict, Iterator, List

import pytest
import requests

from remoteagent_lite import NotFoundError, RemoteAgent, RemoteTeam, RemoteWorkflow
from remoteagent_lite.gateway.local.component import workflow
from remoteagent_lite.gateway.local.engine import Engine
from remoteagent_lite.gateway.local.record import Record, asked_by_text
from remoteagent_lite.gateway.local.run import Run
from remoteagent_lite.gateway.store.memory import MemoryStore
from tests.peers.server import PeerServer

ASK = 'tool:ask_user {"question": "Where?"}'


@pytest.fixture
def engines() -> Iterator[List[Engine]]:
    """Two processes, as far as they know, that share a store."""
    store = MemoryStore()
    engines = [Engine(store, beat=0.05), Engine(store, beat=0.05)]
    yield engines
    for engine in engines:
        engine.close()


def played(engines: List[Engine], function: Any, text: str, answers: List[Any]) -> Record:
    """The run with these answers, each given by the other process than the one before."""
    local = workflow(id="it")(function)
    record = engines[0].wait(engines[0].begin(local, asked_by_text(text)), 30)
    for number, answer in enumerate(answers, 1):
        assert record.status == "PAUSED", record.data
        engine = engines[number % 2]
        record = engine.wait(engine.answer(local, record, answer), 30)
    return record


YES, NO = {"confirmed": True}, {"confirmed": False, "note": "not today"}


@pytest.mark.parametrize(
    ("kind", "id", "text", "answers", "content"),
    [
        (RemoteAgent, "plain", "hello", [], "echo: hello"),
        (RemoteAgent, "my-agent", "delete /x", [YES], "tool said: deleted /x"),
        (RemoteAgent, "my-agent", "delete /x", [NO], "tool said: not today"),
        (RemoteTeam, "my-team", "delegate:my-agent delete /x", [YES], "deleted /x"),
        (RemoteWorkflow, "gated", "hello", [YES], "11 letters"),
        (
            RemoteWorkflow,
            "form",
            "x",
            ["Rome", "three", "Rome", "3"],
            "{'city': 'Rome', 'days': 3}",
        ),
        (RemoteWorkflow, "choose", "hello", ["left"], "HELLO"),
        (RemoteWorkflow, "review", "hello", [YES], "echo: hello"),
        (RemoteWorkflow, "executor", "delete /x", [YES], "deleted /x"),
    ],
)
def test_a_step_that_pauses_asks_here_and_is_answered_from_here(
    agentos_latest: PeerServer,
    engines: List[Engine],
    kind: Any,
    id: str,
    text: str,
    answers: List[Any],
    content: str,
) -> None:
    with kind(agentos_latest.url, id) as remote:
        record = played(engines, lambda run: run.step("it", remote).content, text, answers)
        assert record.status == "COMPLETED", record.data
        assert content in record.data["content"]


def test_steps_run_once_although_the_function_is_called_anew(
    agentos_a2a: PeerServer, a2a_sdk: PeerServer, engines: List[Engine]
) -> None:
    with RemoteAgent(agentos_a2a.url, "plain") as plain, RemoteAgent(
        a2a_sdk.url, "echo", protocol="a2a"
    ) as asking:

        def both(run: Run) -> Iterator[str]:
            first = run.step("first", plain, "once " + run.text)
            yield first.content + "; "
            yield run.step("second", asking, "ask").content
            yield "; " + run.ask("More?")

        record = played(engines, both, "only", ["blue", "no"])
        assert record.data["content"] == "echo: once only; you said: blue; no"
        assert executions(agentos_a2a)["once only"] == 1
        steps = [(each["step_name"], each["success"]) for each in record.data["steps"]]
        assert steps == [("first", True), ("second", True)]


def executions(server: PeerServer) -> Dict[str, int]:
    counts: Dict[str, int] = requests.get(server.url + "/executions", timeout=10).json()
    return counts


def test_a_step_is_cancelled_with_its_run(
    agentos_latest: PeerServer, a2a_sdk: PeerServer, engines: List[Engine]
) -> None:
    for remote, text in (
        (RemoteAgent(agentos_latest.url, "plain"), "slow:200:0.1"),
        (RemoteAgent(a2a_sdk.url, "echo", protocol="a2a"), "hang"),
    ):
        with remote:
            local = workflow(id="it")(lambda run, remote=remote: run.step("it", remote).content)
            record = engines[0].begin(local, asked_by_text(text))
            known: Dict[str, str] = {}
            with engines[1].follow(record) as following:
                while "run_id" not in known:
                    logged = following.next_event(20)
                    assert logged is not None
                    if logged.entry["kind"] == "passed":
                        known = logged.entry["event"]
            assert engines[1].cancel(record, "enough").status == "CANCELLED"
            assert ended(remote, known).status == "CANCELLED"


def ended(remote: Any, known: Dict[str, str]) -> Any:
    """The output; an AgentOS shows a streamed run only once it has ended."""
    until = time.monotonic() + 20
    while True:
        try:
            return remote.wait_run(known["run_id"], known["session_id"], wait=20)
        except NotFoundError:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_a_remote_run_that_fails_raises(agentos_latest: PeerServer, engines: List[Engine]) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as plain:
        seen: List[Any] = []

        def careful(run: Run) -> str:
            try:
                run.step("it", plain, "boom")
            except Exception as error:
                seen.append(error)
            return run.ask("Go on?")

        record = played(engines, careful, "x", ["yes"])
        assert record.data["content"] == "yes"
        # Called anew, the function is told the same.
        assert [type(each).__name__ for each in seen] == ["RunFailedError"] * 2
        assert seen[1].output.status == "ERROR"
        assert record.data["steps"][0]["success"] is False
