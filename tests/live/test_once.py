"""Runs that happen once, and batches with a journal, on real servers that count executions."""

import multiprocessing
import sys
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest
import requests

from remoteagent_lite import (
    RemoteAgent,
    RemoteServerUnavailableError,
    RemoteTeam,
    RemoteWorkflow,
    RunFailedError,
    UnsupportedError,
)
from tests.batches import KilledBatch
from tests.peers.server import AGENTOS_LATEST, AGENTOS_VERSIONS, PeerServer

REMOTES = [(RemoteAgent, "plain"), (RemoteTeam, "duo"), (RemoteWorkflow, "qa")]


def new_key() -> str:
    return "order " + uuid.uuid4().hex


@pytest.fixture(scope="module", params=AGENTOS_VERSIONS[:2])
def counting(request: pytest.FixtureRequest) -> Iterator[PeerServer]:
    """A server that tells how often its model was asked what."""
    with PeerServer(request.param, a2a=True) as server:
        yield server


def executions(server: PeerServer, text: str) -> int:
    counts: Dict[str, int] = requests.get(server.url + "/executions", timeout=10).json()
    return counts.get(text, 0)


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_a_key_begins_one_run_however_often_it_is_asked(
    counting: PeerServer, remote: Any, id: str
) -> None:
    key = new_key()
    outputs = []
    for _ in range(3):
        with remote(counting.url, id, timeout=30) as component:  # each knows nothing of the others
            outputs.append(component.run(key, once=key))
    assert [output.status for output in outputs] == ["COMPLETED"] * 3
    assert len({output.run_id for output in outputs}) == 1
    assert executions(counting, key) == 1


def test_the_same_key_on_two_components_is_two_runs(counting: PeerServer) -> None:
    key = new_key()
    with RemoteAgent(counting.url, "plain") as one, RemoteAgent(counting.url, "assistant") as two:
        assert one.run(key, once=key).run_id != two.run(key, once=key).run_id
        assert one.run(key, once=key, user_id="ann").run_id != one.run(key, once=key).run_id
    assert executions(counting, key) == 3


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_once_works_inside_a_session_of_the_users(
    counting: PeerServer, remote: Any, id: str
) -> None:
    key, session_id = new_key(), str(uuid.uuid4())
    with remote(counting.url, id, timeout=30) as component:
        component.run("something before", session_id=session_id)
        first = component.run(key, once=key, session_id=session_id)
        component.run("something between", session_id=session_id)
    with remote(counting.url, id, timeout=30) as component:
        second = component.run(key, once=key, session_id=session_id)
    assert first.session_id == second.session_id == session_id
    assert first.run_id == second.run_id
    assert executions(counting, key) == 1


def test_a_run_under_way_is_joined(counting: PeerServer) -> None:
    key = new_key()
    text = "slow:10:0.1 " + key
    with RemoteAgent(counting.url, "plain", timeout=30) as agent:
        with agent.run(text, once=key, stream=True) as first:
            next(first)
            with agent.run(text, once=key, stream=True) as second:
                joined = "".join(second.text())
            assert joined == first.output().content
        assert agent.run(text, once=key).content == joined
        with agent.run(text, once=key, stream=True) as third:
            assert third.output().content == joined
    assert executions(counting, text) == 1


def test_a_failed_run_is_found_failed(counting: PeerServer) -> None:
    key = new_key()
    text = "boom " + key
    with RemoteAgent(counting.url, "plain", timeout=30) as agent:
        for _ in range(2):
            with pytest.raises(RunFailedError):
                agent.run(text, once=key).raise_for_status()
        assert executions(counting, text) == 1
        agent.run(text, once=key + "/2")
        assert executions(counting, text) == 2


#: What a server decides does not hang on the Python of those who ask.
PAIRS = 50 if sys.version_info >= (3, 9) else 10


def ask(arguments: Tuple[str, str, Any]) -> str:
    url, key, together = arguments
    with RemoteAgent(url, "plain", timeout=30) as agent:
        agent.name  # connected before it counts
        together.wait(30)
        return str(agent.run(key, once=key).run_id)


def test_of_two_processes_at_the_same_moment_one_begins(counting: PeerServer) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(2) as pool:
        for _ in range(PAIRS):
            key, together = new_key(), manager.Barrier(2)
            one, two = pool.map(ask, [(counting.url, key, together)] * 2)
            assert one == two
            assert executions(counting, key) == 1


def test_no_claim_is_left_when_the_run_has_ended(counting: PeerServer) -> None:
    from remoteagent_lite import AgentOSClient

    key = new_key()
    with RemoteAgent(counting.url, "plain", timeout=30) as agent:
        agent.run(key, once=key)
        with agent.run(key + "s", once=key + "s", stream=True) as stream:
            stream.output()
    with AgentOSClient(counting.url) as client:
        names = [session.session_name or "" for session in client.iter_sessions()]
    assert [name for name in names if key in name and name.startswith("once: ")] == []


def test_a_claimed_run_that_never_begins_is_not_begun_by_others(
    counting: PeerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remoteagent_lite.runs import once

    monkeypatch.setattr(once, "SEARCH", 0.2)
    key = new_key()
    with RemoteAgent(counting.url, "plain", timeout=30) as agent:
        dead = once.Once(agent, key, {}, {})
        assert dead._claim(dead._claims) is None  # and then its process dies
        with pytest.raises(RemoteServerUnavailableError, match="delete session") as caught:
            agent.run(key, once=key)
        assert caught.value.run_id == dead.run_id
        assert dead._claim_id in str(caught.value)
        assert executions(counting, key) == 0


def test_servers_that_cannot_look_runs_up_are_refused_before_anything_is_sent() -> None:
    with PeerServer("agno-2.3.20", a2a=True) as server:
        with RemoteAgent(server.url, "plain") as agent:
            with pytest.raises(UnsupportedError, match="2.9"):
                agent.run("never", once=new_key())
        assert executions(server, "never") == 0


@pytest.mark.parametrize(
    "options", [{"run_id": "x"}, {"background": True}, {"background": False}, {"once": ""}]
)
def test_what_once_decides_itself_cannot_be_given(
    counting: PeerServer, options: Dict[str, Any]
) -> None:
    with RemoteAgent(counting.url, "plain") as agent:
        with pytest.raises(ValueError, match="once="):
            agent.run("x", **{"once": "key", **options})


# --- Over A2A


def test_a_key_begins_one_task(a2a_sdk: PeerServer) -> None:
    key = new_key()
    outputs = []
    for _ in range(3):
        with RemoteAgent(a2a_sdk.url, "any", protocol="a2a") as agent:
            outputs.append(agent.run("echo " + key, once=key))
    assert len({output.run_id for output in outputs}) == 1
    with RemoteAgent(a2a_sdk.url, "any", protocol="a2a") as agent:
        with agent.run("echo " + key, once=key, stream=True) as stream:
            assert stream.output().run_id == outputs[0].run_id


def test_protocol_0_3_cannot_look_runs_up(a2a_sdk_03: PeerServer) -> None:
    with RemoteAgent(a2a_sdk_03.url, "any", protocol="a2a") as agent:
        with pytest.raises(UnsupportedError):
            agent.run("x", once=new_key())


# --- Batches with a journal


def test_a_batch_that_is_killed_goes_on_and_runs_no_row_twice(tmp_path: Path) -> None:
    rows = 300
    with PeerServer(AGENTOS_LATEST, a2a=True) as server:
        batch = KilledBatch(server.url, tmp_path / "answers.jsonl", rows, search=3.0)
        assert batch.run([rows // 10, rows // 5, rows // 3]) == list(range(rows))
        counts = batch.executions()
    assert len(counts) == rows
    assert set(counts.values()) == {1}
