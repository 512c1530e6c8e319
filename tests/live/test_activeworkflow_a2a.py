"""The bridge from ActiveWorkflow to agents of real A2A servers."""

import json
import urllib.request
import uuid
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from remoteagent_lite import RemoteAgent, RemoteTeam, RemoteWorkflow, Timeout
from remoteagent_lite.activeworkflow import bridge as bridge_module
from remoteagent_lite.activeworkflow.bridge import Bridge
from remoteagent_lite.activeworkflow.simulator import simulate
from tests.peers import faults
from tests.peers.faults import Proxy, RawServer
from tests.peers.server import A2A_SDK, A2A_SDK_03, PeerServer
from tests.polling import eventually

from .test_activeworkflow_bridge import (
    check_until_emitted,
    check_until_failed,
    cut_at_the_run,
    deliver,
    message,
)

WAYS = {
    "sdk-1.0": ("a2a_sdk", {}),
    "sdk-rest": ("a2a_sdk", {"a2a_protocol": "rest"}),
    "sdk-0.3": ("a2a_sdk", {"a2a_version": "0.3"}),
    "old-sdk": ("a2a_sdk_03", {}),
    "adk": ("adk", {}),
}
LISTING = ["sdk-1.0", "sdk-rest", "adk"]  # servers of 0.3 cannot be asked which tasks they have


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


@pytest.mark.parametrize("way", LISTING)
def test_what_a_failed_run_had_answered_is_not_its_reason(remote: RemoteAgent, way: str) -> None:
    """It fails after a piece of its answer, "w0 "."""
    (error,) = simulate(Bridge(remote, name="AskAgent")).receive({"text": "boom-late"}).errors
    assert "ended as ERROR: " in error
    assert "w0" not in error


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
    given, before = message({"text": "hello"}), executions(servers[way])
    results = [deliver(Bridge(remote, name="AskAgent"), given) for _ in range(3)]
    assert executions(servers[way]) == before + 1
    (emitted,) = results[0]["messages"]
    assert [result["messages"] for result in results] == [[emitted]] * 3


@pytest.mark.parametrize("way", WAYS)
def test_message_that_comes_again_to_the_same_process_is_run_once(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    bridge, given = Bridge(remote, name="AskAgent"), message({"text": "hello"})
    before = executions(servers[way])
    first, second = deliver(bridge, given), deliver(bridge, given)
    assert executions(servers[way]) == before + 1
    assert first["messages"] == second["messages"] != []


@pytest.mark.parametrize("way", LISTING)
def test_messages_of_one_conversation_are_told_apart(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    options = {"session": uuid.uuid4().hex}
    one, other, before = (
        message({"text": "one"}),
        message({"text": "other"}),
        executions(servers[way]),
    )
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
        result = deliver(bridge, message({"text": "hello"}, None))
    assert [each["content"] for each in result["messages"]] == ["echo: hello"]
    assert executions(a2a_sdk) == before + 1


def test_server_that_is_down_makes_activeworkflow_call_again() -> None:
    with RemoteAgent(
        "http://127.0.0.1:9", "echo", protocol="a2a", timeout=Timeout(connect=2, read=2)
    ) as remote:
        words = deliver(Bridge(remote, name="AskAgent"), message({"text": "hello"}))
    assert "Nothing was run" in words


# --- Through the check


@pytest.mark.parametrize("way", WAYS)
def test_failed_background_run_is_reported_by_check(remote: RemoteAgent, way: str) -> None:
    simulation = simulate(Bridge(remote, name="AskAgent", background=True))
    simulation.receive({"text": "fail X"})
    check_until_failed(simulation)
    (error,) = simulation.errors
    assert "ended as ERROR: failed: X" in error
    assert (simulation.messages, simulation.memory.get("runs") or []) == ([], [])


@pytest.mark.parametrize("way", WAYS)
def test_question_that_another_client_answers_is_emitted(remote: RemoteAgent, way: str) -> None:
    simulation = simulate(Bridge(remote, name="AskAgent", background=True))
    simulation.receive({"text": "ask"})
    asked: Any = remote.wait_run(simulation.memory["runs"][0]["run"], wait=20)
    simulation.check()
    simulation.check()
    (error,) = simulation.errors
    assert "waits for input" in error and "a check will emit the answer" in error
    remote.continue_run(asked, input="blue")
    check_until_emitted(simulation, 1)
    assert simulation.messages[0]["content"] == "you said: blue"
    assert (simulation.errors, simulation.memory["runs"]) == ([error], [])


@pytest.mark.parametrize("way", WAYS)
def test_run_that_takes_long_is_found_by_the_next_calls(
    remote: RemoteAgent, way: str, servers: Dict[str, PeerServer]
) -> None:
    bridge, given = Bridge(remote, name="AskAgent", timeout=1.0), message({"text": "slow 15"})
    before = executions(servers[way])
    assert "has not finished in 1 s" in deliver(bridge, given)
    result = eventually(lambda: deliver(bridge, given), lambda answer: not isinstance(answer, str))
    assert "w14" in result["messages"][0]["content"]
    assert executions(servers[way]) == before + 1


@pytest.mark.parametrize("way", [way for way in WAYS if way != "adk"])
@pytest.mark.parametrize("background", [False, True])
def test_message_in_place_of_a_task_is_emitted_at_once(
    remote: RemoteAgent, way: str, background: bool
) -> None:
    bridge = Bridge(remote, name="AskAgent", background=background)
    given = message({"text": "message hi"})
    assert [each["content"] for each in deliver(bridge, given)["messages"]] == ["echo: hi"]
    again = deliver(bridge, given)  # the server has nothing to find it by
    assert "It is not sent again" in again["errors"][0]


# --- What goes wrong


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("has_id", [False, True])
def test_answer_lost_by_a_server_without_lists_is_told(
    a2a_sdk_03: PeerServer, background: bool, has_id: bool
) -> None:
    given = message({"text": "hello"}, 1 if has_id else None)
    before = executions(a2a_sdk_03)
    with Proxy(a2a_sdk_03.port) as proxy, RemoteAgent(
        a2a_sdk_03.url, "echo", protocol="a2a", interface_url=proxy.url
    ) as remote:
        bridge = Bridge(remote, name="AskAgent", background=background)
        with cut_at_the_run(remote, proxy, 1):
            lost = deliver(bridge, given)
        assert "may have been executed all the same, so it is not repeated" in lost["errors"][0]
        assert not lost.get("messages") and not lost.get("memory")
        if has_id:
            assert "It is not sent again" in deliver(bridge, given)["errors"][0]
    assert executions(a2a_sdk_03) == before + 1


@pytest.mark.parametrize("kind", [A2A_SDK, A2A_SDK_03])
def test_task_that_its_server_has_forgotten_is_reported(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_module, "_GRACE", 0.0)
    with PeerServer(kind) as server, RemoteAgent(server.url, "echo", protocol="a2a") as remote:
        simulation = simulate(Bridge(remote, name="AskAgent", background=True))
        simulation.receive({"text": "hang"})
        server.kill()
        simulation.check()
        assert "have to wait" in simulation.errors[-1]
        assert len(simulation.memory["runs"]) == 1
        server.start()
        simulation.check()
    assert "its answer is lost" in simulation.errors[-1]
    assert simulation.memory["runs"] == []


def test_server_that_is_down_is_tried_again() -> None:
    given = message({"text": "hello"})
    with PeerServer(A2A_SDK) as server:
        with RemoteAgent(server.url, "echo", protocol="a2a") as remote:
            bridge = Bridge(remote, name="AskAgent")
            server.kill()
            assert "Nothing was run" in deliver(bridge, given)
            server.start()
            assert deliver(bridge, given)["messages"][0]["content"] == "echo: hello"
        assert executions(server) == 1


def test_message_that_the_server_does_not_take_is_told_to_have_run_nothing(
    raw_server: RawServer,
) -> None:
    bodies: List[Dict[str, Any]] = []

    def handler(connection: Any, request: Any) -> None:
        call = json.loads(request.body)
        bodies.append(call)
        code = -32602 if call["method"] == "message/send" else -32001
        error = {"code": code, "message": "only questions, please"}
        reply = json.dumps({"jsonrpc": "2.0", "id": call["id"], "error": error})
        faults.reply(reply)(connection, request)

    raw_server.then(handler)
    with RemoteAgent(
        raw_server.url,
        "echo",
        protocol="a2a",
        a2a_protocol="json-rpc",
        a2a_version="0.3",
        interface_url=raw_server.url,
    ) as remote:
        given = message({"text": "hello"})
        bridge = Bridge(remote, name="AskAgent")
        for _ in range(2):  # so it may be sent again
            (error,) = deliver(bridge, given)["errors"]
            assert "only questions, please" in error and error.endswith("Nothing was run.")
    sent = [each["params"]["message"] for each in bodies if each["method"] == "message/send"]
    assert len(sent) == 2
    assert sent[0]["messageId"] == sent[1]["messageId"] == sent[0]["contextId"]


def test_server_without_the_agent_is_no_server_that_forgot_the_run(a2a_sdk: PeerServer) -> None:
    with RemoteAgent(a2a_sdk.url + "/nobody", "echo", protocol="a2a") as remote:
        (error,) = deliver(Bridge(remote, name="AskAgent"), message({"text": "hello"}))["errors"]
    assert "has no agent card" in error and "Nothing was run by this call" in error


# --- The A2A interface of an AgentOS

_COMPONENTS: List[Tuple[Any, str]] = [
    (RemoteAgent, "agents/my-agent"),
    (RemoteTeam, "teams/my-team"),
    (RemoteWorkflow, "workflows/qa"),
]


@pytest.mark.parametrize(("remote_class", "path"), _COMPONENTS)
def test_components_of_an_agentos_answer_once(
    agentos_a2a: PeerServer, remote_class: Any, path: str
) -> None:
    with remote_class(agentos_a2a.url + "/a2a/" + path, "any", protocol="a2a") as component:
        bridge, given = Bridge(component, name="AskAgent"), message({"text": "hello"})
        first, again = deliver(bridge, given), deliver(bridge, given)
    assert "echo: hello" in first["messages"][0]["content"]
    if remote_class is RemoteWorkflow:  # which the server does not tell of
        assert "It is not sent again" in again["errors"][0]
    else:
        assert again["messages"] == first["messages"]


@pytest.mark.parametrize(("remote_class", "path"), _COMPONENTS)
def test_background_runs_of_an_agentos(
    agentos_a2a: PeerServer, remote_class: Any, path: str
) -> None:
    with remote_class(agentos_a2a.url + "/a2a/" + path, "any", protocol="a2a") as component:
        simulation = simulate(Bridge(component, name="AskAgent", background=True))
        job = simulation.receive({"text": "hello"})
        if remote_class is RemoteWorkflow:
            assert "does not tell what becomes of a run. Nothing was run" in job.errors[0]
            return
        check_until_emitted(simulation, 1)
        assert "echo: hello" in simulation.messages[0]["content"]
