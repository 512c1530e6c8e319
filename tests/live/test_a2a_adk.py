"""Google ADK: its extension is named by default, its chunks are deltas, and its questions calls."""

import contextlib
import io
import re
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import pytest

from remoteagent_lite import A2AClient, RemoteAgent, RemoteTeam, RunFailedError
from remoteagent_lite.models.a2a_v10 import Part
from tests import ROOT
from tests.peers.server import PeerServer

#: Started before anything is counted as left behind.
pytestmark = pytest.mark.usefixtures("adk", "adk_sse", "a2a_sdk", "a2a_sdk_03")

VERSIONS = ["1.0", "0.3"]
each_version = pytest.mark.parametrize("version", VERSIONS)
each_peer = pytest.mark.parametrize("peer", ["adk", "adk_sse"])
ANSWERED = ["hello", "chunks 3", "think hard", "tool hi", "files", "fail it", "boom", "ask"]


def agent_at(server: PeerServer, version: str, **settings: Any) -> RemoteAgent:
    # ADK's card does not say that it speaks 0.3 too.
    settings.setdefault("interface_url", server.url + "/")
    return RemoteAgent(
        server.url,
        "facts_agent",
        protocol="a2a",
        a2a_protocol="json-rpc",
        a2a_version=version,
        **settings,
    )


class Told:
    """A run, streamed."""

    def __init__(self, agent: Any, input: str) -> None:
        with agent.run(input, stream=True) as stream:
            self.events = list(stream)
            self.output = stream.output()
            self.deltas = [piece for piece in map(stream.delta, self.events) if piece]
        with agent.run(input, stream=True) as stream:
            with contextlib.suppress(RunFailedError):
                self.text = ""
                for piece in stream.text():
                    self.text += piece

    def named(self, ending: str) -> List[Any]:
        return [each for each in self.events if each.event.endswith(ending)]


def summary(output: Any) -> Tuple[Any, ...]:
    files = [(each.filename, each.content, each.url) for each in output.files or []]
    return (output.status, output.content, output.reason, output.data_parts, files)


# What is told ------------------------------------------------------------------------------------


@each_version
def test_chunks_of_a_model_that_streams_are_deltas(adk_sse: PeerServer, version: str) -> None:
    with agent_at(adk_sse, version) as agent:
        told = Told(agent, "chunks 3")
    assert told.deltas == ["w0 ", "w1 ", "w2 "]
    assert told.text == told.output.content == "w0 w1 w2 "
    names = [each.event for each in told.events]
    assert (names[0], names[-1]) == ("RunStarted", "RunCompleted")
    assert not [each for each in told.events if getattr(each, "name", "") == "artifact-reset"]


@each_peer
@each_version
def test_tool_calls_and_thoughts_are_told_once(
    request: pytest.FixtureRequest, peer: str, version: str
) -> None:
    with agent_at(request.getfixturevalue(peer), version) as agent:
        told = Told(agent, "tool hi")
        (started,), (done,) = told.named("ToolCallStarted"), told.named("ToolCallCompleted")
        assert (started.tool.tool_name, started.tool.tool_args) == ("shout", {"text": "hi"})
        assert (done.tool.tool_call_id, done.tool.result) == (started.tool.tool_call_id, "HI")
        assert told.deltas == ["tool said: HI"]
        told = Told(agent, "think hard")
        thoughts = [each.reasoning_content for each in told.named("ReasoningContentDelta")]
        assert thoughts == ["thinking about hard"]
        assert told.deltas == ["echo: hard"]


@each_peer
@each_version
def test_text_and_output_are_the_same_with_the_extension_and_without(
    request: pytest.FixtureRequest, peer: str, version: str
) -> None:
    server = request.getfixturevalue(peer)
    with agent_at(server, version) as named, agent_at(server, version, extensions=None) as bare:
        for input in ANSWERED:
            ours, plain = Told(named, input), Told(bare, input)
            assert summary(ours.output) == summary(plain.output), input
            assert ours.text == plain.text, input
            assert summary(named.run(input)) == summary(bare.run(input)) == summary(ours.output)


@each_peer
@each_version
def test_what_is_said_beside_a_tool_call_is_never_part_of_the_answer(
    request: pytest.FixtureRequest, peer: str, version: str
) -> None:
    server = request.getfixturevalue(peer)
    for extensions in ((), None):
        with agent_at(server, version, extensions=extensions) as agent:
            told = Told(agent, "aside hi")
            assert told.output.content == agent.run("aside hi").content == "tool said: HI"
            said = [getattr(each, "text", None) for each in told.events]
            assert "one moment" in said or told.deltas[:2] == ["one ", "moment"]


def test_a_team_has_events_of_its_own_throughout(adk_sse: PeerServer) -> None:
    with RemoteTeam(adk_sse.url, "facts_agent", protocol="a2a") as team:
        told = Told(team, "chunks 2")
    assert told.deltas == ["w0 ", "w1 "]
    assert [each.content for each in told.named("TeamRunContent")] == told.deltas


# README ------------------------------------------------------------------------------------------


def test_the_loop_of_the_readme_prints_deltas(adk_sse: PeerServer) -> None:
    """Its first snippet, with ADK's agent in place of the other."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (snippet, *_) = re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S)
    made = re.search(r"^agent = RemoteAgent\(.*\)$", snippet, re.M)
    assert made is not None
    ours = 'agent = RemoteAgent("%s", "facts_agent", protocol="a2a")' % adk_sse.url
    snippet = snippet.replace(made.group(0), ours).replace("Tell me a story", "chunks 4")
    assert ours in snippet and "chunks 4" in snippet
    writes: List[str] = []

    class Page(io.StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            return super().write(text)

    with contextlib.redirect_stdout(Page()):
        exec(compile(snippet, "snippet", "exec"), {})
    assert [text for text in writes if text.strip()] == ["w0 ", "w1 ", "w2 ", "w3 "]


# What is sent ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extensions", "arrive"),
    [
        ((), ["https://google.github.io/adk-docs/a2a/a2a-extension/"]),
        (["urn:x"], ["https://google.github.io/adk-docs/a2a/a2a-extension/", "urn:x"]),
        (None, []),
    ],
)
@pytest.mark.parametrize(("peer", "version"), [("a2a_sdk", "1.0"), ("a2a_sdk_03", "0.3")])
def test_extensions_that_are_named(
    request: pytest.FixtureRequest,
    peer: str,
    version: str,
    extensions: Optional[Sequence[str]],
    arrive: List[str],
) -> None:
    with agent_at(request.getfixturevalue(peer), version, extensions=extensions) as agent:
        assert agent.run("meta").data_parts[0]["extensions"] == arrive
        with agent.run("meta", stream=True) as stream:
            assert stream.output().data_parts[0]["extensions"] == arrive


# What it asks ------------------------------------------------------------------------------------


@pytest.fixture(params=[(peer, version) for peer in ("adk", "adk_sse") for version in VERSIONS])
def agent(request: pytest.FixtureRequest) -> Iterator[RemoteAgent]:
    peer, version = request.param
    with agent_at(request.getfixturevalue(peer), version) as agent:
        yield agent


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        ("blue", "blue"),
        ({"status": "approved"}, '{"status": "approved"}'),
        (["a", "b"], '["a", "b"]'),
    ],
)
def test_an_answer_is_the_response_of_the_tool_that_waits(
    agent: RemoteAgent, answer: Any, heard: str, stream: bool
) -> None:
    paused = agent.run("ask")
    assert (paused.status, paused.content) == ("PAUSED", 'approve({"amount": 7.0})')
    if stream:
        with agent.continue_run(paused, input=answer, stream=True) as events:
            output = events.output()
    else:
        output = agent.continue_run(paused, input=answer)
    assert (output.status, output.content) == ("COMPLETED", "you said: " + heard)
    assert output.run_id == paused.run_id


def test_a_run_that_another_object_began_is_answered_by_its_id(agent: RemoteAgent) -> None:
    with agent.run("ask", stream=True) as stream:
        paused = stream.output()
    other = RemoteAgent(
        agent.base_url,
        "facts_agent",
        protocol="a2a",
        a2a_protocol="json-rpc",
        interface_url=agent.base_url + "/",
    )
    with other:
        output = other.continue_run(paused.run_id, session_id=paused.session_id, input="blue")
    assert output.content == "you said: blue"


def test_several_calls_are_answered_each_by_its_id(agent: RemoteAgent) -> None:
    paused = agent.run("ask-twice")
    calls: List[Dict[str, Any]] = [part.data for part in paused.task.status.message.parts]
    assert [each["args"]["amount"] for each in calls] == [7, 8]
    with pytest.raises(ValueError, match="several answers.*%s" % calls[1]["id"]):
        agent.continue_run(paused, input="blue")
    answers = {calls[0]["id"]: "yes", calls[1]["id"]: {"status": "no"}}
    output = agent.continue_run(paused, input=answers)
    assert output.content == 'you said: yes, {"status": "no"}'


def test_parts_are_sent_as_they_are(agent: RemoteAgent) -> None:
    paused = agent.run("ask")
    (call,) = [part.data for part in paused.task.status.message.parts]
    response = {"id": call["id"], "name": call["name"], "response": {"result": "mine"}}
    part = Part(data=response, metadata={"adk_type": "function_response"})
    assert agent.continue_run(paused, input=[part]).content == "you said: mine"


@each_version
def test_without_the_extension_a_text_is_an_answer(adk: PeerServer, version: str) -> None:
    with agent_at(adk, version, extensions=None) as agent:
        paused = agent.run("ask")
        assert agent.continue_run(paused, input="deep red").content == "you said: deep red"


@each_version
def test_the_client_streams_chunks_too(adk_sse: PeerServer, version: str) -> None:
    with A2AClient(
        adk_sse.url, interface_url=adk_sse.url + "/", a2a_protocol="json-rpc", a2a_version=version
    ) as client:
        with client.stream_message("chunks 3") as stream:
            assert list(stream.text()) == ["w0 ", "w1 ", "w2 "]
