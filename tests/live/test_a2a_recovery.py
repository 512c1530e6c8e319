"""A2A when connections break, servers die, and cards are not what they should be."""

import json
import os
import pickle
import random
import socket
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest

from remoteagent_lite import (
    A2AClient,
    AuthenticationError,
    NotFoundError,
    RemoteAgent,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    RetryPolicy,
    StreamInterruptedError,
    Timeout,
    UnsupportedError,
)
from tests.peers.faults import Connection, Proxy, RawServer, Request, reply
from tests.peers.server import A2A_SDK, A2A_SDK_03, PeerServer

#: Started before anything is counted as left behind.
pytestmark = pytest.mark.usefixtures("a2a_sdk", "a2a_sdk_03")

EXTENSION = "https://extensions.example/strict/v1"
ADK_EXTENSION = "https://google.github.io/adk-docs/a2a/a2a-extension/"
TOKEN = "token-5f1c"
#: So often, and at other points every time, the streams of each way are broken.
CUT_RUNS = 20
SLOW = "".join("w%d " % number for number in range(8))
QUICK = RetryPolicy(max_attempts=2, backoff=0.05)
PATIENT = RetryPolicy(max_attempts=100, backoff=0.05, max_backoff=0.1)
#: So soon that no chunk comes between two requests: the SDK of 0.3 stores some twice then.
PROMPT = RetryPolicy(max_attempts=100, backoff=0.001, max_backoff=0.1)


class Way(NamedTuple):
    """A peer's fixture, and how to speak to it."""

    peer: str
    binding: str
    version: str

    def agent(self, url: str, **settings: Any) -> RemoteAgent:
        """An agent at ``url`` and nowhere else, whatever the card says."""
        path = "/rest" if self.binding == "rest" else "/"
        return RemoteAgent(
            url,
            "echo",
            protocol="a2a",
            a2a_protocol=self.binding,
            a2a_version=self.version,
            interface_url=url + path,
            **settings,
        )


JSON_RPC = Way("a2a_sdk", "json-rpc", "1.0")
OLD = Way("a2a_sdk_03", "json-rpc", "0.3")
WAYS = [JSON_RPC, Way("a2a_sdk", "rest", "1.0"), Way("a2a_sdk", "json-rpc", "0.3"), OLD]
each_way = pytest.mark.parametrize("way", WAYS, ids=["-".join(way) for way in WAYS])


def executions(peer: PeerServer) -> Dict[str, int]:
    """How often each message was run."""
    with urllib.request.urlopen(peer.url + "/executions") as answer:
        counted: Dict[str, int] = json.load(answer)
        return counted


def executed_since(peer: PeerServer, before: Dict[str, int]) -> List[int]:
    return [count for id, count in executions(peer).items() if id not in before]


# Streams that break ------------------------------------------------------------------------------


def cut_run(way: Way, peer: PeerServer, seed: int) -> Any:
    """Stream one run and break what carries it, again and again.

    The text that was told, how often it had to be taken back, the output, and how many connections
    it took.
    """
    dice = random.Random(seed)
    pieces: List[str] = []
    resets = 0
    with Proxy(peer.port) as proxy, way.agent(proxy.url, resume=PROMPT) as agent:
        with agent.run("slow 8", stream=True) as run:
            for event in run:
                pieces.append(run.delta(event) or "")
                if getattr(event, "name", None) == "artifact-reset":
                    pieces, resets = [event.text], resets + 1
                if dice.random() < 0.5:
                    proxy.cut_after(dice.randint(1, 900), dice.choice(["reset", "close"]))
            return "".join(pieces), resets, run.output(), proxy.connection_count


@each_way
def test_streams_that_break_anywhere_lose_and_repeat_nothing(
    request: pytest.FixtureRequest, way: Way
) -> None:
    peer = request.getfixturevalue(way.peer)
    before = executions(peer)
    # The SDK of 0.3 stores twice what it sends to who has subscribed again. That cannot always be
    # told from what is twice in the text, least of all when nobody gets much of the processor.
    at_once = 5 if way == OLD else CUT_RUNS
    with ThreadPoolExecutor(at_once) as pool:
        results = list(pool.map(lambda seed: cut_run(way, peer, seed), range(CUT_RUNS)))
    texts, resets, outputs, connections = zip(*results)
    assert list(texts) == [SLOW] * CUT_RUNS
    assert {(output.content, output.status) for output in outputs} == {(SLOW, "COMPLETED")}
    assert executed_since(peer, before) == [1] * CUT_RUNS
    assert sum(connections) >= 2 * CUT_RUNS
    if way != OLD:
        assert not any(resets)


@each_way
def test_paused_run_is_found_after_a_break(request: pytest.FixtureRequest, way: Way) -> None:
    peer = request.getfixturevalue(way.peer)
    with Proxy(peer.port) as proxy, way.agent(proxy.url, resume=PATIENT) as agent:
        with agent.run("ask", stream=True) as run:
            next(run)
            proxy.cut()
            output = run.output()
        assert (output.status, output.content) == ("PAUSED", "which colour?")
        assert agent.continue_run(output, input="blue").content == "you said: blue"


@pytest.fixture(scope="module")
def mortal() -> Iterator[PeerServer]:
    """A server that tests may kill; they leave it running."""
    with PeerServer(A2A_SDK) as server:
        yield server


def test_killed_server_interrupts_the_stream(mortal: PeerServer) -> None:
    with JSON_RPC.agent(mortal.url, resume=QUICK) as agent:
        with agent.run("slow 500", stream=True) as run:
            pieces = run.text()
            first = next(pieces)
            mortal.kill()
            began = time.monotonic()
            with pytest.raises(StreamInterruptedError) as caught:
                first += "".join(pieces)
            assert time.monotonic() - began < 10
    error = caught.value
    assert error.output.content == first
    assert error.output.status == "RUNNING"
    assert (error.run_id, error.session_id) == (error.output.run_id, error.output.session_id)
    assert error.run_id
    assert error.session_id
    mortal.start()


def test_refused_connection_is_tried_again(mortal: PeerServer) -> None:
    mortal.kill()
    with JSON_RPC.agent(mortal.url, retry=PATIENT) as agent, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(agent.run, "hello")
        mortal.start()
        assert answer.result(timeout=20).content == "echo: hello"
    assert list(executions(mortal).values()) == [1]


def test_restarted_server_that_has_forgotten_the_task_interrupts_the_stream(
    mortal: PeerServer,
) -> None:
    with JSON_RPC.agent(mortal.url, resume=PATIENT) as agent:
        with agent.run("slow 500", stream=True) as run:
            first = next(run.text())
            mortal.restart()
            with pytest.raises(StreamInterruptedError) as caught:
                run.output()
    assert caught.value.output.content.startswith(first)
    assert executions(mortal) == {}


def pinging(connection: Connection, request: Request) -> None:
    """A task that is being worked on, and comments for as long as the client listens."""
    task = {"id": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_WORKING"}}
    body = {"jsonrpc": "2.0", "id": "1", "result": {"task": task}}
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    connection.send(head + b"data: " + json.dumps(body).encode() + b"\n\n")
    pause = threading.Event()
    while not pause.wait(0.02):
        connection.send(b": ping\n\n")


def test_comments_are_no_signs_of_life() -> None:
    with RawServer(pinging) as server:
        with JSON_RPC.agent(server.url, timeout=Timeout(read=0.3), resume=QUICK) as agent:
            with agent.run("hello", stream=True) as run, pytest.raises(
                RemoteTimeoutError
            ) as caught:
                run.output()
        assert len(server.requests) == 2
    assert (caught.value.phase, caught.value.run_id) == ("read", "t1")


def test_a_task_that_its_server_abandons_never_costs_many_times_the_limit(
    a2a_sdk_03: PeerServer,
) -> None:
    """The SDK of 0.3 leaves a task working whose agent raises, and pings who subscribes to it."""
    with OLD.agent(a2a_sdk_03.url, timeout=Timeout(read=2)) as agent:
        with agent.run("boom-late", stream=True) as run:
            began = time.monotonic()
            with pytest.raises(RemoteTimeoutError) as caught:
                run.output()
            assert time.monotonic() - began < 8
        assert caught.value.phase == "read"
        assert caught.value.run_id == run.run_id
        assert run.partial_output().content == "w0 "


def test_total_limit_ends_a_stream_of_comments() -> None:
    with RawServer(pinging) as server:
        with JSON_RPC.agent(server.url, timeout=Timeout(read=30, total=0.4)) as agent:
            with agent.run("hello", stream=True) as run, pytest.raises(
                RemoteTimeoutError
            ) as caught:
                run.output()
        assert len(server.requests) == 1
    assert (caught.value.phase, caught.value.run_id) == ("total", "t1")


def test_interrupted_consumer_leaves_nothing_behind(a2a_sdk: PeerServer) -> None:
    with JSON_RPC.agent(a2a_sdk.url) as agent:
        with pytest.raises(KeyboardInterrupt), agent.run("slow 500", stream=True) as run:
            next(run)
            raise KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            for _ in agent.run("slow 500", stream=True):
                raise KeyboardInterrupt


# Sending -----------------------------------------------------------------------------------------


@each_way
def test_lost_answer_is_not_asked_for_again(request: pytest.FixtureRequest, way: Way) -> None:
    peer = request.getfixturevalue(way.peer)
    before = executions(peer)
    with Proxy(peer.port) as proxy, way.agent(proxy.url, retry=PATIENT) as agent:
        for how in (False, True):
            proxy.cut_after(1)
            with pytest.raises(RemoteServerUnavailableError) as caught:
                agent.run("hello", stream=how)
            assert caught.value.request_sent
    assert executed_since(peer, before) == [1, 1]


@each_way
def test_of_two_threads_that_continue_a_run_one_wins(
    request: pytest.FixtureRequest, way: Way
) -> None:
    peer = request.getfixturevalue(way.peer)
    start = threading.Barrier(2)
    with way.agent(peer.url) as agent, ThreadPoolExecutor(2) as pool:
        paused = agent.run("ask")
        before = executions(peer)

        def go_on(colour: str) -> Any:
            start.wait()
            try:
                return agent.continue_run(paused, input=colour).content
            except ValueError as error:
                return error

        answers = list(pool.map(go_on, ["blue", "red"]))
    assert sorted(map(type, answers), key=str) == [ValueError, str]
    assert executed_since(peer, before) == [1]


def test_pickled_agent_works(a2a_sdk: PeerServer) -> None:
    with RemoteAgent(a2a_sdk.url, "echo", protocol="a2a") as agent:
        assert agent.run("hello").content == "echo: hello"
        with pickle.loads(pickle.dumps(agent)) as copy:
            assert copy.run("again").content == "echo: again"
            assert copy.name == "Echo"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_agent_works_on_both_sides_of_a_fork(a2a_sdk: PeerServer) -> None:
    with RemoteAgent(a2a_sdk.url, "echo", protocol="a2a") as agent:
        assert agent.run("hello").content == "echo: hello"
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with agent.run("child", stream=True) as run:
                    text = "".join(run.text())
                status = 0 if (text, agent.name) == ("echo: child", "Echo") else 2
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        assert status == 0
        assert agent.run("parent").content == "echo: parent"


# Cards and credentials ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def strict() -> Iterator[PeerServer]:
    """Wants a token and an extension; the urls in its card are relative."""
    card = {
        "capabilities": {"extensions": [{"uri": EXTENSION, "required": True}]},
        "supportedInterfaces": [
            {"url": "/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
            {"url": "/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        ],
    }
    env = {"PEER_TOKEN": TOKEN, "PEER_CARD": json.dumps(card)}
    with PeerServer(A2A_SDK, env=env) as server:
        yield server


def strict_agent(strict: PeerServer, **settings: Any) -> RemoteAgent:
    given = {"auth_token": TOKEN, "extensions": [EXTENSION], **settings}
    return RemoteAgent(strict.url, "echo", protocol="a2a", **given)


@pytest.mark.parametrize("how", [False, True])
@pytest.mark.parametrize("token", [None, "wrong-" + TOKEN])
def test_refusal_says_what_the_card_asks_for(strict: PeerServer, token: Any, how: bool) -> None:
    with strict_agent(strict, auth_token=token) as agent:
        with pytest.raises(AuthenticationError) as caught:
            agent.run("hello", stream=how)
    shown = "%s %r" % (caught.value, caught.value)
    assert TOKEN not in shown
    assert strict.url in shown
    assert "bearer" in shown.lower()


def test_required_extension_is_refused_unless_it_is_supported(strict: PeerServer) -> None:
    before = executions(strict)
    with strict_agent(strict, extensions=[]) as agent:
        for how in (False, True):
            with pytest.raises(UnsupportedError, match=EXTENSION):
                agent.run("hello", stream=how)
    assert executions(strict) == before
    with strict_agent(strict) as agent:
        (facts,) = agent.run("meta").data_parts
        assert facts["extensions"] == [EXTENSION, ADK_EXTENSION]
    with strict_agent(strict, extensions=None) as agent, pytest.raises(UnsupportedError):
        agent.run("hello")


def test_extensions_that_a_server_activates_can_be_read(a2a_sdk_03: PeerServer) -> None:
    """The SDK for 0.3 tells them with whole answers; a stream has begun before it knows."""
    settings: Any = {"a2a_protocol": "json-rpc", "extensions": [EXTENSION, "urn:two"]}
    with RemoteAgent(a2a_sdk_03.url, "echo", protocol="a2a", **settings) as agent:
        received = agent.run("meta").response
        assert received is not None and {EXTENSION, "urn:two"} <= set(received.extensions)
        with agent.run("meta", stream=True) as stream:
            assert stream.output().response is stream.response
        assert stream.response is not None
        assert stream.response.headers["content-type"].startswith("text/event-stream")
        assert stream.response.extensions == ()


@pytest.mark.parametrize(
    ("binding", "version"), [("json-rpc", None), ("rest", None), ("auto", "0.3")]
)
def test_relative_urls_in_cards_are_relative_to_the_card(
    strict: PeerServer, binding: str, version: Any
) -> None:
    with strict_agent(strict, a2a_protocol=binding, a2a_version=version) as agent:
        assert agent.run("hello").content == "echo: hello"


def test_token_goes_to_no_other_origin_than_those_allowed(a2a_sdk: PeerServer) -> None:
    with urllib.request.urlopen(a2a_sdk.url + "/.well-known/agent-card.json") as answer:
        card = reply(answer.read())
    host = a2a_sdk.url.split("/")[2]
    before = executions(a2a_sdk)
    with RawServer(card) as elsewhere:
        with RemoteAgent(elsewhere.url, "echo", protocol="a2a", auth_token=TOKEN) as agent:
            for how in (False, True):
                with pytest.raises(UnsupportedError, match="allow_hosts") as caught:
                    agent.run("hello", stream=how)
                assert host in str(caught.value)
                assert TOKEN not in str(caught.value)
        assert executions(a2a_sdk) == before
        for settings, arrives in (
            ({"auth_token": TOKEN, "allow_hosts": [host]}, True),
            ({"auth_token": TOKEN, "interface_url": a2a_sdk.url + "/"}, True),
            ({}, False),
        ):
            with RemoteAgent(elsewhere.url, "echo", protocol="a2a", **settings) as agent:
                (facts,) = agent.run("meta").data_parts
            assert facts["headers"]["authorization"] is arrives


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost", "[::]"])
def test_bind_addresses_in_cards_are_this_machine(a2a_sdk: PeerServer, host: str) -> None:
    url = "http://%s:%d/" % (host, a2a_sdk.port)
    card = {
        "name": "Echo",
        "capabilities": {"streaming": True},
        "supportedInterfaces": [
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        ],
    }
    with RawServer(reply(json.dumps(card))) as elsewhere:
        with RemoteAgent(elsewhere.url, "echo", protocol="a2a") as agent:
            assert agent.run("hello").content == "echo: hello"
            with agent.run("chunks 2", stream=True) as run:
                assert run.output().content == "w0 w1 "


def test_missing_card_says_what_to_do(a2a_sdk: PeerServer) -> None:
    url = a2a_sdk.url + "/nowhere"
    with RemoteAgent(url, "echo", protocol="a2a") as agent:
        with pytest.raises(NotFoundError, match="has no agent card.*interface_url=") as caught:
            agent.run("hello")
    assert url + "/.well-known/agent-card.json" in str(caught.value)


def test_card_that_has_not_changed_is_not_sent_again(a2a_sdk: PeerServer) -> None:
    with Proxy(a2a_sdk.port) as proxy, A2AClient(proxy.url) as client:
        first = client.get_card()
        whole = proxy.bytes_down
        assert client.get_card().to_dict() == first.to_dict()
        assert proxy.bytes_down - whole < 400 < whole


def test_card_that_promises_too_much_is_found_out_once() -> None:
    promised = {"url": "/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    env = {"PEER_CARD": json.dumps({"supportedInterfaces": [promised]})}
    with PeerServer(A2A_SDK_03, env=env) as server, A2AClient(server.url) as client:
        assert [each.version for each in client.interfaces()][:1] == ["1.0"]
        task: Any = client.send_message("hello")
        assert task.status.state == "TASK_STATE_COMPLETED"
        assert client.interfaces()[0].version == "0.3"
        with client.stream_message("chunks 2") as events:
            assert "".join(events.text()) == "w0 w1 "
        assert sorted(executions(server).values()) == [1, 1]


def test_dead_interface_is_passed_over(a2a_sdk: PeerServer) -> None:
    with urllib.request.urlopen(a2a_sdk.url + "/.well-known/agent-card.json") as answer:
        card = json.load(answer)
    with socket.socket() as dead:  # bound and not listening, it refuses connections
        dead.bind(("127.0.0.1", 0))
        url = "http://127.0.0.1:%d/" % dead.getsockname()[1]
        card["supportedInterfaces"] = [
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {
                "url": a2a_sdk.url + "/rest",
                "protocolBinding": "HTTP+JSON",
                "protocolVersion": "1.0",
            },
        ]
        with RawServer(reply(json.dumps(card))) as server:
            with RemoteAgent(server.url, "echo", protocol="a2a") as agent:
                assert agent.run("hello").content == "echo: hello"
                with agent.run("hello", stream=True) as run:
                    assert run.output().content == "echo: hello"
