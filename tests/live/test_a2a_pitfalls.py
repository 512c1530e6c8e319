"""What a well-known A2A client gets wrong, each shown to be right here; and its documented use.

Against real servers where one can show the case, against crafted answers where none does.
"""

import base64
import contextlib
import hashlib
import io
import json
from typing import Any, Iterator, List, NamedTuple, Optional

import pytest

from remoteagent_lite import (
    A2AClient,
    File,
    Image,
    InternalError,
    ProtocolError,
    RemoteAgent,
    ServerError,
    StreamInterruptedError,
    TaskNotFoundError,
    UnsupportedError,
)
from tests.peers.faults import RawServer, reply, stream
from tests.peers.server import PeerServer

ALL_BYTES = bytes(range(256))
FILE_URL = "https://files.example/report.pdf"
PEERS = ["a2a_sdk", "a2a_sdk_03"]
#: Started before anything is counted as left behind.
pytestmark = pytest.mark.usefixtures("a2a_sdk", "a2a_sdk_03", "adk", "agentos_a2a")


class Way(NamedTuple):
    """A peer's fixture, and how to speak to it."""

    peer: str
    binding: str
    version: str

    def agent(self, request: pytest.FixtureRequest) -> RemoteAgent:
        peer: PeerServer = request.getfixturevalue(self.peer)
        return RemoteAgent(
            peer.url, "echo", protocol="a2a", a2a_protocol=self.binding, a2a_version=self.version
        )


WAYS = [
    Way("a2a_sdk", "json-rpc", "1.0"),
    Way("a2a_sdk", "rest", "1.0"),
    Way("a2a_sdk", "json-rpc", "0.3"),
    Way("a2a_sdk", "rest", "0.3"),
    Way("a2a_sdk_03", "json-rpc", "0.3"),
    Way("a2a_sdk_03", "rest", "0.3"),
]


@pytest.fixture(params=WAYS, ids=["-".join(way) for way in WAYS])
def agent(request: pytest.FixtureRequest) -> Iterator[RemoteAgent]:
    """An agent on each SDK, by each binding and version that it serves."""
    with request.param.agent(request) as agent:
        yield agent


@pytest.fixture(params=PEERS)
def client(request: pytest.FixtureRequest) -> Iterator[A2AClient]:
    with A2AClient(request.getfixturevalue(request.param).url) as client:
        yield client


def raw_agent(server: RawServer) -> RemoteAgent:
    """An agent whose server has no card."""
    return RemoteAgent(
        server.url,
        "echo",
        protocol="a2a",
        a2a_protocol="json-rpc",
        a2a_version="1.0",
        interface_url=server.url,
    )


def text_of(agent: RemoteAgent, input: str) -> str:
    with agent.run(input, stream=True) as run:
        return "".join(run.text())


def named(events: List[Any]) -> List[str]:
    return [event.event for event in events]


# What it gets wrong ------------------------------------------------------------------------------


def test_json_rpc_error_answer_raises(client: A2AClient) -> None:
    """An error in an answer with HTTP 200 is an exception, not an empty result."""
    with pytest.raises(TaskNotFoundError) as caught:
        client.get_task("no-such-task")
    assert caught.value.code == -32001


def test_message_reply_is_the_answer(agent: RemoteAgent) -> None:
    """A reply without a task is the content of a completed run."""
    output = agent.run("message hi")
    assert (output.content, output.status, output.task) == ("echo: hi", "COMPLETED", None)
    with agent.run("message hi", stream=True) as run:
        assert "".join(run.text()) == "echo: hi"
        assert run.output().status == "COMPLETED"


def test_text_in_an_artifact_is_the_content(agent: RemoteAgent) -> None:
    """The text of the artifacts is the content, and the artifacts are there too."""
    output = agent.run("hello")
    assert (output.content, output.status) == ("echo: hello", "COMPLETED")
    assert output.task is not None
    (artifact,) = output.task.artifacts or []
    assert [part.text for part in artifact.parts] == ["echo: hello"]


@pytest.mark.parametrize("how", [False, True])
def test_bytes_url_and_data_of_artifacts_arrive(agent: RemoteAgent, how: bool) -> None:
    """Files of bytes, files by url, and data parts reach the caller."""
    outputs = []
    for input in ("files", "data"):
        if how:
            with agent.run(input, stream=True) as run:
                outputs.append(run.output())
        else:
            outputs.append(agent.run(input))
    files, data = outputs
    whole, linked = files.files or []
    assert base64.b64decode(whole.content) == ALL_BYTES
    assert (whole.filename, whole.mime_type) == ("all.bin", "application/octet-stream")
    assert (linked.url, linked.mime_type) == (FILE_URL, "application/pdf")
    assert data.data_parts == [{"answer": 42}]


def test_answer_in_the_status_message_is_the_content(agent: RemoteAgent) -> None:
    """The final status's message is the content if nothing else is; progress never is."""
    assert agent.run("final hi").content == "echo: hi"
    assert agent.run("progress 2").content == "echo: progress 2"
    assert text_of(agent, "final hi") == "echo: hi"
    assert text_of(agent, "progress 2") == "echo: progress 2"


@pytest.mark.parametrize(
    ("input", "status", "state", "why"),
    [
        ("fail it", "ERROR", "failed", "failed: it"),
        ("reject it", "ERROR", "rejected", "rejected: it"),
        ("ask", "PAUSED", "input-required", "which colour?"),
    ],
)
def test_failed_rejected_and_input_required_say_why(
    agent: RemoteAgent, input: str, status: str, state: str, why: str
) -> None:
    """The reason or the question is told, and the question can be answered."""
    with agent.run(input, stream=True) as run:
        streamed = run.output()
    for output in (agent.run(input), streamed):
        assert (output.status, output.task_state) == (status, state)
        if status == "PAUSED":
            assert output.content == why
            assert agent.continue_run(output, input="blue").content == "you said: blue"
        else:
            assert (output.reason, output.content) == (why, None)


def test_stream_is_read_beyond_its_first_event(agent: RemoteAgent) -> None:
    """A stream that begins with a submitted task is no run that has ended."""
    with agent.run("chunks 3", stream=True) as run:
        events = list(run)
        assert "".join(filter(None, map(run.delta, events))) == "w0 w1 w2 "
        assert run.output().content == "w0 w1 w2 "
    assert (named(events)[0], named(events)[-1]) == ("RunStarted", "RunCompleted")


def test_stream_of_adk_is_read_beyond_its_first_event(adk: PeerServer) -> None:
    """The same on ADK, which says its text twice."""
    with RemoteAgent(adk.url, "facts_agent", protocol="a2a") as agent:
        assert text_of(agent, "hello") == "echo: hello"


def test_failed_stream_is_no_completed_run(agent: RemoteAgent) -> None:
    """A failed task ends its stream with RunError and the reason; what came before stays."""
    with agent.run("fail-late 2", stream=True) as run:
        last = list(run)[-1]
        output = run.output()
    assert (last.event, last.content) == ("RunError", "failed: late")
    assert (output.status, output.reason, output.content) == ("ERROR", "failed: late", "w0 w1 ")


def test_replaced_artifact_is_not_added_up(agent: RemoteAgent) -> None:
    """An artifact sent whole again and again gives each piece of its text once."""
    assert text_of(agent, "replace 3") == "w0 w1 w2 "
    with agent.run("rewrite", stream=True) as run:
        resets = [event for event in run if getattr(event, "name", None) == "artifact-reset"]
        assert run.output().content == "final text"
    assert len(resets) == 1


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_error_event_in_a_stream_raises(a2a_sdk: PeerServer, version: str) -> None:
    """An error in the middle of a stream is an exception, and what came before is kept."""
    with RemoteAgent(
        a2a_sdk.url, "echo", protocol="a2a", a2a_protocol="json-rpc", a2a_version=version
    ) as agent, agent.run("boom-late", stream=True) as run:
        with pytest.raises(InternalError, match="scripted failure"):
            run.output()
        assert run.partial_output().content == "w0 "


def test_multi_line_data_is_one_event(a2a_sdk_03: PeerServer) -> None:
    """Indented JSON over many data lines is read; the SDK of 0.3 writes it over REST."""
    with RemoteAgent(
        a2a_sdk_03.url, "echo", protocol="a2a", a2a_protocol="rest", a2a_version="0.3"
    ) as agent:
        assert text_of(agent, "chunks 2") == "w0 w1 "


def test_comments_ids_and_line_ends_are_no_data() -> None:
    """Comments, ids, retry lines and data over several lines, with any line end."""
    status = {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}
    artifact = {"artifactId": "a", "parts": [{"text": "one\u2028two"}]}
    frames = b": ping\n\n"
    for number, (name, value) in enumerate(
        [
            ("artifactUpdate", {"taskId": "t", "contextId": "c", "artifact": artifact}),
            ("statusUpdate", status),
        ]
    ):
        body = {"jsonrpc": "2.0", "id": "1", "result": {name: value}}
        lines = json.dumps(body, indent=1, ensure_ascii=False).split("\n")
        frames += b"id: %d\nretry: 10\n: still here\n" % number
        frames += "".join("data: %s\n" % line for line in lines).encode() + b"\n"
    for line_end in (b"\n", b"\r\n", b"\r"):
        sent = stream([frames.replace(b"\n", line_end)])
        with RawServer(sent) as server, raw_agent(server) as agent:
            assert text_of(agent, "hello") == "one\u2028two"


@pytest.mark.parametrize("how", [False, True])
def test_html_with_status_200_raises(how: bool) -> None:
    """A page of some proxy is no empty stream, and no empty answer."""
    with RawServer(reply("<html>hello</html>", content_type="text/html")) as server:
        with raw_agent(server) as agent, pytest.raises(ProtocolError, match="text/html|JSON"):
            agent.run("hello", stream=how)
        assert len(server.requests) == 1


def test_stream_without_events_is_no_completed_run(agent: RemoteAgent) -> None:
    """A run that told nothing has not completed."""
    with agent.run("silent", stream=True) as run:
        with pytest.raises((StreamInterruptedError, InternalError)):
            run.output()


def test_media_go_as_bytes_with_their_type(agent: RemoteAgent) -> None:
    """Bytes and types of media arrive as they were given."""
    digest = hashlib.sha256(ALL_BYTES).hexdigest()
    output = agent.run(
        "received",
        images=[Image(content=ALL_BYTES, mime_type="image/png", filename="a.png")],
        files=[File(url=FILE_URL, mime_type="application/pdf", filename="report.pdf")],
    )
    assert isinstance(output.content, str)
    assert output.content.split("\n") == [
        "raw a.png image/png 256 " + digest,
        "url report.pdf application/pdf " + FILE_URL,
    ]


def test_media_that_an_agentos_cannot_take_are_no_success(agentos_a2a: PeerServer) -> None:
    """An AgentOS takes media by url; what it makes of bytes is an error, not an answer without."""
    url = agentos_a2a.url + "/a2a/agents/my-agent"
    image = Image(content=ALL_BYTES, mime_type="image/png")
    with RemoteAgent(url, "my-agent", protocol="a2a") as agent:
        with pytest.raises((UnsupportedError, ServerError)):
            agent.run("hello", images=[image])


def test_get_cancel_list_subscribe_and_push_are_there(a2a_sdk: PeerServer) -> None:
    """The operations beside sending."""
    with A2AClient(a2a_sdk.url) as client:
        with client.stream_message("hang") as running:
            first = next(running)
            assert first.task is not None
            task_id, context_id = first.task.id, first.task.context_id
            with client.subscribe_to_task(task_id) as watched:
                seen = next(watched).task
                assert seen is not None
                assert seen.id == task_id
                config = client.create_push_config(task_id, a2a_sdk.url + "/hook", token="t")
                assert [each.id for each in client.list_push_configs(task_id)] == [config.id]
                client.delete_push_config(task_id, config.id or "")
                assert client.list_push_configs(task_id) == []
                assert client.cancel_task(task_id).status.state == "TASK_STATE_CANCELED"
                assert watched.output().status.state == "TASK_STATE_CANCELED"
        assert client.get_task(task_id).status.state == "TASK_STATE_CANCELED"
        assert [task.id for task in client.list_tasks(context_id=context_id)] == [task_id]


@pytest.mark.parametrize("peer", PEERS)
def test_rest_urls_are_those_of_rest(request: pytest.FixtureRequest, peer: str) -> None:
    """The REST binding is spoken on the urls that the card says, without JSON-RPC envelopes."""
    with RemoteAgent(
        request.getfixturevalue(peer).url, "echo", protocol="a2a", a2a_protocol="rest"
    ) as agent:
        assert agent.run("hello").content == "echo: hello"
        assert text_of(agent, "chunks 2") == "w0 w1 "
        found = agent.get_run(agent.run("hello").run_id or "")
        assert found.content == "echo: hello"


@pytest.mark.parametrize("peer", [*PEERS, "adk"])
def test_card_decides_how_the_agent_is_spoken_to(request: pytest.FixtureRequest, peer: str) -> None:
    """Nothing but the agent's url has to be known; the card is typed."""
    with RemoteAgent(request.getfixturevalue(peer).url, "any", protocol="a2a") as agent:
        card = agent.get_agent_card()
        assert card is not None
        assert card.capabilities.streaming is True
        assert card.supported_interfaces[0].protocol_binding == "JSONRPC"
        assert agent.name == card.name
        assert agent.run("hello").content == "echo: hello"


# Its documented use, in sync form ----------------------------------------------------------------

AGNO_AGENT = """
from remoteagent_lite import RemoteAgent

# Connect to an Agno AgentOS with A2A interface
agent = RemoteAgent(
    base_url="http://localhost:7001/a2a/agents/my-agent",
    agent_id="my-agent",
    protocol="a2a",
)

response = agent.run("Hello!")
print(response.content)
"""

ADK_RUN = """
from remoteagent_lite import RemoteAgent

# Connect to a Google ADK server
agent = RemoteAgent(
    base_url="http://localhost:8001",
    agent_id="facts_agent",
    protocol="a2a",
    a2a_protocol="json-rpc",
)

response = agent.run("Tell me an interesting fact")
print(response.content)
"""

ADK_STREAM = """
# Streaming is also supported
for event in agent.run("Tell me a story", stream=True):
    if hasattr(event, "content") and event.content:
        print(event.content, end="", flush=True)
"""

WORKFLOW = """
from remoteagent_lite import RemoteWorkflow

# Connect to an Agno AgentOS with A2A interface
workflow = RemoteWorkflow(
    base_url="http://localhost:7001/a2a/workflows/my-workflow",
    workflow_id="my-workflow",
    protocol="a2a",
)

response = workflow.run("Hello!")
print(response.content)
"""


def printed(snippet: str, names: Optional[dict] = None) -> str:
    """What the snippet prints when it is run."""
    out = io.StringIO()
    names = {} if names is None else names
    with contextlib.redirect_stdout(out):
        exec(compile(snippet, "snippet", "exec"), names)
    return out.getvalue()


def test_snippet_of_an_agentos_agent(agentos_a2a: PeerServer) -> None:
    """As documented: an agent of an AgentOS."""
    snippet = AGNO_AGENT.replace("http://localhost:7001", agentos_a2a.url)
    assert printed(snippet) == "echo: Hello!\n"


def test_snippets_of_google_adk(adk: PeerServer) -> None:
    """As documented: an agent of Google's ADK, run and streamed."""
    names: dict = {}
    snippet = ADK_RUN.replace("http://localhost:8001", adk.url)
    assert printed(snippet, names) == "echo: Tell me an interesting fact\n"
    story = "echo: Tell me a story"
    # As on an AgentOS, the event that ends the run has the whole content once more.
    assert printed(ADK_STREAM, names) == story + story


def test_snippet_of_a_workflow(agentos_a2a: PeerServer) -> None:
    """As documented: a workflow of an AgentOS."""
    snippet = WORKFLOW.replace("http://localhost:7001", agentos_a2a.url)
    assert printed(snippet.replace("my-workflow", "qa")) == "echo: echo: Hello!\n"
