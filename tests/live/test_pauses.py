"""Who waits while somebody else decides, on real servers: by streams, and by polling."""

import json
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Tuple

import pytest

from remoteagent_lite import (
    A2AClient,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    TaskNotFoundError,
)
from tests.peers.environments import python_of
from tests.peers.server import A2A_SDK, PeerServer

#: Started before anything is counted as left behind.
pytestmark = pytest.mark.usefixtures("a2a_sdk", "a2a_sdk_03", "adk", "agentos_latest")

#: How long a person thinks, in seconds: longer than a stream is read behind its end.
THINKING = 2.5
#: A limit that nobody reaches unless something is wrong, in seconds.
PATIENCE = 60.0

_CLIENT = Path(__file__).resolve().parents[1] / "peers" / "sdk_client.py"


def later(do: Callable[[], Any]) -> threading.Timer:
    """Somebody thinks about it and does it."""
    timer = threading.Timer(THINKING, do)
    timer.start()
    return timer


# The official client, and ours -------------------------------------------------------------------

Events = Iterator[Dict[str, Any]]


class Official:
    """The SDK's own client, asked for one stream after another; see `sdk_client`."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [python_of(A2A_SDK), "-P", str(_CLIENT), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def events(self, **call: str) -> Events:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(call).encode() + b"\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            event: Dict[str, Any] = json.loads(line)
            yield event
            if "end" in event:
                return

    def close(self) -> None:
        self._process.communicate()


class Ours:
    def __init__(self, url: str) -> None:
        self.client = A2AClient(url, timeout=PATIENCE)

    def events(self, **call: str) -> Events:
        if "send" in call:
            stream = self.client.stream_message(call["send"])
        else:
            stream = self.client.subscribe_to_task(call["subscribe"])
        end = None
        with stream:
            try:
                for event in stream:
                    yield event.to_dict()
            except TaskNotFoundError as error:
                end = type(error).__name__
        yield {"end": end}

    def close(self) -> None:
        self.client.close()


@pytest.fixture(params=["a2a_sdk", "a2a_sdk_03"])
def peer(request: pytest.FixtureRequest) -> PeerServer:
    server: PeerServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def both(peer: PeerServer) -> Iterator[Tuple[Official, Ours]]:
    official, ours = Official(peer.url), Ours(peer.url)
    yield official, ours
    official.close()
    ours.close()


def told(event: Dict[str, Any]) -> Tuple[str, Any, str]:
    """What an event tells, without the ids and times of its task."""
    ((kind, value),) = event.items()
    if kind == "end":
        return kind, value, ""
    status = value.get("status") or {}
    parts = (value.get("artifact") or status.get("message") or {}).get("parts") or []
    return kind, status.get("state"), "".join(part.get("text", "") for part in parts)


WORKED = [
    ("statusUpdate", "TASK_STATE_WORKING", ""),
    ("artifactUpdate", None, "echo: me"),
    ("statusUpdate", "TASK_STATE_COMPLETED", ""),
    ("end", None, ""),
]


def test_the_official_client_and_ours_see_the_same_to_the_end(
    peer: PeerServer, both: Tuple[Official, Ours]
) -> None:
    official, ours = both
    for text in ("hello", "chunks 3", "ask", "login", "fail x"):
        seen = [told(event) for event in ours.events(send=text)]
        assert seen == [told(event) for event in official.events(send=text)]
        assert seen[-1] == ("end", None, "")
    # A stream that stays open while somebody logs in.
    streams = [each.events(send="login-for me") for each in both]
    for events in streams:
        assert [told(next(events))[1] for _ in range(3)][-1] == "TASK_STATE_AUTH_REQUIRED"
    admitting = later(lambda: ours.client.send_message("admit me"))
    for events in streams:
        assert [told(event) for event in events] == WORKED
    admitting.join()


def test_the_official_client_and_ours_see_the_same_of_a_task_that_waits(
    peer: PeerServer, both: Tuple[Official, Ours]
) -> None:
    client = both[1].client
    task: Any = client.send_message("ask")
    streams = [each.events(subscribe=task.id) for each in both]
    first = [next(events) for events in streams]
    if peer.name != A2A_SDK:  # the SDK of 0.3 knows nobody who waits
        assert first == [{"end": "TaskNotFoundError"}] * 2
        return
    answer = later(lambda: client.send_message("me", task_id=task.id, context_id=task.context_id))
    seen, theirs = ([one, *events] for one, events in zip(first, streams))
    answer.join()
    assert seen == theirs
    assert [told(event)[1] for event in seen] == [
        "TASK_STATE_INPUT_REQUIRED",
        "TASK_STATE_WORKING",
        None,
        "TASK_STATE_COMPLETED",
        None,
    ]


# Remote agents -----------------------------------------------------------------------------------


class Waited(NamedTuple):
    """What those see who wait for a run: by its stream, and by asking for it."""

    names: List[str]
    text: str
    output: Any
    polled: Any


def wait_through(waiter: Any, paused: Any, answer: Callable[[], Any]) -> Waited:
    """Wait for a run that pauses, in both ways, while somebody thinks and answers."""
    names: List[str] = []
    thinking: List[threading.Timer] = []
    text = ""
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(
            waiter.wait_run, paused.run_id, paused.session_id, wait=PATIENCE, through_pauses=True
        )
        with waiter.resume(
            paused.run_id, paused.session_id, through_pauses=True, timeout=PATIENCE
        ) as stream:
            for event in stream:
                names.append(event.event)
                text += stream.delta(event) or ""
                if event.event == waiter.component.prefix + "Paused" and not thinking:
                    thinking.append(later(answer))
            text += stream.rest()
        thinking[0].join()
        return Waited(names, text, stream.output(), polled.result())


class Way(NamedTuple):
    """A peer's fixture, the version, what makes it ask, and what answers; on the task, or not."""

    peer: str
    version: str
    asks: str
    answer: str
    said: str
    is_on_task: bool = True


WAYS = [
    Way("a2a_sdk", "1.0", "ask", "blue", "you said: blue"),
    Way("a2a_sdk", "0.3", "ask", "blue", "you said: blue"),
    Way("a2a_sdk_03", "0.3", "ask", "blue", "you said: blue"),
    Way("adk", "1.0", "ask", "blue", "you said: blue"),
    Way("adk", "0.3", "ask", "blue", "you said: blue"),
    Way("a2a_sdk", "1.0", "login-for A", "admit A", "echo: A", False),
    Way("a2a_sdk_03", "0.3", "login-for B", "admit B", "echo: B", False),
    Way("a2a_sdk", "1.0", "login", "in", "you said: in"),
]


def test_who_waits_for_a_task_sees_what_somebody_else_answers(
    request: pytest.FixtureRequest,
) -> None:
    urls = {way.peer: request.getfixturevalue(way.peer).url for way in WAYS}

    def agent(way: Way) -> RemoteAgent:
        url = urls[way.peer]
        how: Dict[str, Any] = {"a2a_protocol": "json-rpc", "interface_url": url + "/"}
        return RemoteAgent(url, "x", protocol="a2a", a2a_version=way.version, **how)

    def waited(way: Way) -> Waited:
        with agent(way) as asker, agent(way) as waiter, agent(way) as human:
            paused = asker.run(way.asks)
            assert paused.is_paused

            def answer() -> Any:
                if not way.is_on_task:
                    return human.run(way.answer)
                ids: Any = {"session_id": paused.session_id}
                return human.continue_run(paused.run_id, input=way.answer, **ids)

            return wait_through(waiter, paused, answer)

    with ThreadPoolExecutor(len(WAYS)) as pool:
        for way, seen in zip(WAYS, pool.map(waited, WAYS)):
            for output in (seen.output, seen.polled):
                assert (output.status, output.content) == ("COMPLETED", way.said), way
            assert seen.text == way.said
            known = ("RunStarted", "RunPaused", "RunContent", "RunCompleted")
            assert [name for name in seen.names if name in known] == list(known), way


class Case(NamedTuple):
    """A component of an AgentOS, how its run begins, and how it is gone on with."""

    remote: Any
    id: str
    text: str
    begun: Dict[str, Any]
    gone_on: Dict[str, Any]


BACKGROUND = {"background": True}
STREAM = {"stream": True}
CASES = [
    Case(RemoteAgent, "my-agent", "delete /x", {**BACKGROUND, **STREAM}, STREAM),
    Case(RemoteAgent, "my-agent", "delete /x", {**BACKGROUND, **STREAM}, BACKGROUND),
    Case(RemoteAgent, "my-agent", "delete /x", BACKGROUND, {}),
    Case(RemoteAgent, "my-agent", "delete /x", {}, STREAM),
    Case(RemoteTeam, "my-team", "delegate:my-agent delete /x", {**BACKGROUND, **STREAM}, STREAM),
    Case(RemoteTeam, "my-team", "delegate:my-agent delete /x", {}, BACKGROUND),
    Case(RemoteWorkflow, "gated", "x", {**BACKGROUND, **STREAM}, {}),
    Case(RemoteWorkflow, "gated", "x", BACKGROUND, STREAM),
]


def ended(runner: Any, begun: Any, is_stream: bool) -> Any:
    """The output of a run that was begun or gone on with, when it has ended or pauses."""
    if not is_stream:
        return runner.wait_run(begun.run_id, begun.session_id)
    with begun:
        return begun.output()


def test_who_waits_for_a_run_sees_what_somebody_else_decides(agentos_latest: PeerServer) -> None:
    def waited(case: Case) -> Waited:
        url = agentos_latest.url
        with case.remote(url, case.id) as asker, case.remote(url, case.id) as waiter:
            with case.remote(url, case.id) as human:
                paused = ended(asker, asker.run(case.text, **case.begun), "stream" in case.begun)
                assert paused.is_paused

                def decide() -> None:
                    for item in paused.pending:
                        item.confirm()
                    going_on = human.continue_run(paused, **case.gone_on)
                    ended(human, going_on, "stream" in case.gone_on)

                return wait_through(waiter, paused, decide)

    with ThreadPoolExecutor(len(CASES)) as pool:
        for case, seen in zip(CASES, pool.map(waited, CASES)):
            prefix = case.remote.component.prefix
            assert (seen.output.status, seen.polled.status) == ("COMPLETED", "COMPLETED"), case
            assert seen.output.content == seen.polled.content, case
            assert seen.text.endswith(seen.output.content), case  # a step is told before it
            assert seen.names.count(prefix + "Paused") == 1
            assert seen.names[-1] == prefix + "Completed"
