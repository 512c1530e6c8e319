"""The bridge from ActiveWorkflow to agents of real A2A servers."""

import json
import time
import urllib.request
import uuid
from typing import Any, Dict, Iterator

import pytest

from remoteagent_lite import RemoteAgent, Timeout
from remoteagent_lite.activeworkflow.bridge import Bridge
from remoteagent_lite.activeworkflow.protocol import handle
from remoteagent_lite.activeworkflow.simulator import Simulation, simulate
from tests.peers.faults import Proxy
from tests.peers.server import PeerServer

WAYS = {
    "sdk-1.0": ("a2a_sdk", {}),
    "sdk-rest": ("a2a_sdk", {"a2a_protocol": "rest"}),
    "sdk-0.3": ("a2a_sdk", {"a2a_version": "0.3"}),
    "old-sdk": ("a2a_sdk_03", {}),
    "adk": ("adk", {}),
}
LISTING = ["sdk-1.0", "sdk-rest"]  # servers of 0.3 cannot be asked which tasks they have


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Dict[str, PeerServer]:
    return {way: request.getfixturevalue(peer) for way, (peer, _) in WAYS.items()}


@pytest.fixture
def remote(servers: Dict[str, PeerServer], way: str) -> Iterator[RemoteAgent]:
    options: Any = WAYS[way][1]
    timeout = Timeout(read=20)
    url = servers[way].url
    with RemoteAgent(url, "echo", protocol="a2a", timeout=timeout, **options) as remote:
        yield remote


def executions(server: PeerServer) -> int:
    with urllib.request.urlopen(server.url + "/executions") as answer:
        return sum(json.load(answer).values())


def deliver(agent: Bridge, message: Dict[str, Any], **params: Any) -> Any:
    """The result of a receive, or the words of a Retry."""
    params = dict({"options": {}, "memory": {}, "credentials": [], "message": message}, **params)
    answer = handle(agent, {"method": "receive", "params": params})
    return answer.body["result"] if answer.text is None else answer.text


def message(text: str) -> Dict[str, Any]:
    return {"id": 1, "payload": {"text": text}, "created_at": uuid.uuid4().hex}


def check_until_emitted(simulation: Simulation, count: int) -> None:
    deadline = time.monotonic() + 20.0
    while len(simulation.messages) < count:
        assert time.monotonic() < deadline, simulation.errors
        simulation.check()
        time.sleep(0.05)


@pytest.mark.parametrize("way", WAYS)
def test_receive_emits_the_answer(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    before = executions(servers[way])
    job = simulate(Bridge(remote, name="AskAgent")).receive({"text": "hello"})
    assert job.errors == []
    (emitted,) = job.messages
    assert (emitted["content"], emitted["status"]) == ("echo: hello", "COMPLETED")
    assert remote.get_run(emitted["run_id"]).content == "echo: hello"
    assert executions(servers[way]) == before + 1


@pytest.mark.parametrize("way", WAYS)
def test_background_run_is_emitted_by_check(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    before = executions(servers[way])
    simulation = simulate(Bridge(remote, name="AskAgent", background=True), workers=1)
    job = simulation.receive({"text": "slow 3"})
    assert (job.messages, job.errors) == ([], [])
    check_until_emitted(simulation, 1)
    assert simulation.messages[0]["content"].split() == ["w0", "w1", "w2"]
    assert simulation.memory["runs"] == []
    simulation.check()
    assert (len(simulation.messages), executions(servers[way])) == (1, before + 1)


@pytest.mark.parametrize("way", WAYS)
def test_what_fails_is_reported_with_its_reason(remote: RemoteAgent, way: str) -> None:
    job = simulate(Bridge(remote, name="AskAgent")).receive({"text": "fail X"})
    (error,) = job.errors
    assert "ended as ERROR: failed: X" in error


@pytest.mark.parametrize("way", WAYS)
def test_question_of_the_agent_is_reported(remote: RemoteAgent, way: str) -> None:
    job = simulate(Bridge(remote, name="AskAgent")).receive({"text": "ask"})
    (error,) = job.errors
    assert "is paused and waits for input: " in error
    assert "Answer it by another client" in error


@pytest.mark.parametrize("way", LISTING)
def test_message_that_comes_again_finds_its_run(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    """Also in another process, which knows nothing of the first: here, another Bridge."""
    given, before = message("hello"), executions(servers[way])
    results = [deliver(Bridge(remote, name="AskAgent"), given) for _ in range(3)]
    assert executions(servers[way]) == before + 1
    (emitted,) = results[0]["messages"]
    assert [result["messages"] for result in results] == [[emitted]] * 3


@pytest.mark.parametrize("way", WAYS)
def test_message_that_comes_again_to_the_same_process_is_run_once(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    bridge, given = Bridge(remote, name="AskAgent"), message("hello")
    before = executions(servers[way])
    first, second = deliver(bridge, given), deliver(bridge, given)
    assert executions(servers[way]) == before + 1
    assert first["messages"] == second["messages"] != []


@pytest.mark.parametrize("way", LISTING)
def test_messages_of_one_conversation_are_told_apart(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    options = {"session": uuid.uuid4().hex}
    one, other, before = message("one"), message("other"), executions(servers[way])
    contents = []
    for given in (one, other, one, other):
        result = deliver(Bridge(remote, name="AskAgent"), given, options=options)
        contents += [emitted["content"] for emitted in result["messages"]]
    assert contents == ["echo: one", "echo: other"] * 2
    assert executions(servers[way]) == before + 2


def test_lost_answer_is_looked_for_and_the_message_not_sent_again(a2a_sdk: PeerServer) -> None:
    before = executions(a2a_sdk)
    with Proxy(a2a_sdk.port) as proxy, RemoteAgent(
        a2a_sdk.url,
        "echo",
        protocol="a2a",
        a2a_protocol="json-rpc",
        a2a_version="1.0",
        interface_url=proxy.url,
    ) as remote:
        bridge = Bridge(remote, name="AskAgent")
        proxy.cut_after(1)
        result = deliver(bridge, dict(message("hello"), id=None))
    assert [each["content"] for each in result["messages"]] == ["echo: hello"]
    assert executions(a2a_sdk) == before + 1


def test_server_that_is_down_makes_activeworkflow_call_again() -> None:
    with RemoteAgent(
        "http://127.0.0.1:9", "echo", protocol="a2a", timeout=Timeout(connect=2, read=2)
    ) as remote:
        words = deliver(Bridge(remote, name="AskAgent"), message("hello"))
    assert "Nothing was run" in words
