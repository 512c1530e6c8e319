"""What a program does with A2A agents, each as one function to be tried on every way to a peer.

A behaviour takes a `Way` whose peer runs, and asserts. `LIMITS` says which way cannot do what,
whose limit that is, and what can be seen instead. The table in the documentation is made of it:

    python -m tests.live.a2a_behaviours
"""

import collections
import contextlib
import dataclasses
import hashlib
import json
import threading
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import pytest

from remoteagent_lite import (
    A2AClient,
    A2AError,
    File,
    Image,
    InternalError,
    PushNotification,
    PushNotificationNotSupportedError,
    PushReceiver,
    RemoteAgent,
    RemoteTeam,
    RemoteTimeoutError,
    RemoteWorkflow,
    RetryPolicy,
    ServerError,
    StreamInterruptedError,
    TaskNotCancelableError,
    TaskNotFoundError,
    Timeout,
    UnsupportedError,
    UnsupportedOperationError,
)
from remoteagent_lite.models.a2a_v10 import Part
from remoteagent_lite.testing import serve
from tests.peers import server as peers

DOCUMENT = Path(__file__).parents[2] / "docs" / "a2a-conformance.md"
ALL_BYTES = bytes(range(256))
FILE_URL = "https://files.example/report.pdf"
PICTURE_URL = "https://files.example/picture.png"
LOGIN_URL = "https://login.example/"
UNICODE = "line\u2028para\u2029next\u0085emoji \U0001f600 cr\rlf\nend"
UNICODE_OF_AGENTOS = UNICODE.replace("cr", "CJK \u6f22\u5b57 cr")
#: How long a stream of a server that tells listeners nothing is listened to, in seconds.
SHORT = Timeout(read=0.5)
QUICK = RetryPolicy(max_attempts=2, backoff=0.05)
MEGABYTE = 1024 * 1024

SDK, ADK, AGENTOS = "sdk", "adk", "agentos"

#: How an AgentOS's model is told to do what the first word names; the rest fills the gap.
_AGENTOS_WORDS = {
    "chunks": "count:%s",
    "slow": "slow:%s:0.1",
    "hang": "slow:500:0.1%s",
    "big": "big:%s",
    "fail": "boom%.0s",
    "boom": "boom%s",
    "think": "think:%s",
    "tool": 'tool:add {"a": 1, "b": 2}%.0s',
}


@dataclasses.dataclass(frozen=True)
class Way:
    """A peer, and how to speak to it. The `url` is the peer's, once it runs."""

    id: str
    title: str
    peer: str  # the name of its fixture
    family: str
    binding: str = "auto"
    version: Optional[str] = None
    path: Optional[str] = None  # of the interface, where the card does not say it
    kind: str = ""  # of an AgentOS's component
    steps: int = 1  # how many executions make one run
    url: str = ""

    def at(self, url: str) -> "Way":
        return dataclasses.replace(self, url=url)

    def agent(self, **settings: Any) -> Any:
        """The agent, team or workflow; to be closed."""
        runner = {"teams": RemoteTeam, "workflows": RemoteWorkflow}.get(self.kind, RemoteAgent)
        return runner(self.card_url, "any", protocol="a2a", **self._settings(settings))

    def client(self, **settings: Any) -> A2AClient:
        return A2AClient(self.card_url, **self._settings(settings))

    @property
    def card_url(self) -> str:
        ids = {"agents": "my-agent", "teams": "my-team", "workflows": "qa"}
        return "%s/a2a/%s/%s" % (self.url, self.kind, ids[self.kind]) if self.kind else self.url

    def _settings(self, settings: Dict[str, Any]) -> Dict[str, Any]:
        named = None if self.path is None else self.url + self.path
        return {
            "a2a_protocol": self.binding,
            "a2a_version": self.version,
            "interface_url": named,
            "timeout": Timeout(read=15),
            **settings,
        }

    def says(self, input: str) -> str:
        """The words that make this peer's agent do what `input` makes the others' do."""
        word, _, rest = input.partition(" ")
        if self.family != AGENTOS or word not in _AGENTOS_WORDS:
            return input
        return _AGENTOS_WORDS[word] % rest

    def answer(self, text: str) -> str:
        """The answer of a component whose (first) agent answers `text`."""
        return "echo: " * (self.steps - 1) + text

    @property
    def is_old_sdk(self) -> bool:
        return self.peer == "a2a_sdk_03"


def _agentos(kind: str, steps: int = 1) -> Way:
    noun = kind[:-1]
    return Way("agentos-" + noun, "AgentOS " + noun, "agentos_a2a", AGENTOS, kind=kind, steps=steps)


WAYS = [
    Way("sdk-rpc", "SDK 1.3 JSON-RPC 1.0", "a2a_sdk", SDK, "json-rpc", "1.0"),
    Way("sdk-rest", "SDK 1.3 REST 1.0", "a2a_sdk", SDK, "rest", "1.0"),
    Way("sdk-rpc-03", "SDK 1.3 JSON-RPC 0.3", "a2a_sdk", SDK, "json-rpc", "0.3"),
    Way("sdk-rest-03", "SDK 1.3 REST 0.3", "a2a_sdk", SDK, "rest", "0.3", "/rest"),
    Way("old-rpc", "SDK 0.3 JSON-RPC", "a2a_sdk_03", SDK, "json-rpc", "0.3"),
    Way("old-rest", "SDK 0.3 REST", "a2a_sdk_03", SDK, "rest", "0.3", "/rest"),
    Way("adk-rpc", "ADK JSON-RPC 1.0", "adk", ADK, "json-rpc", "1.0"),
    Way("adk-rpc-03", "ADK JSON-RPC 0.3", "adk", ADK, "json-rpc", "0.3", "/"),
    Way("adk-sse", "ADK streaming, 1.0", "adk_sse", ADK, "json-rpc", "1.0"),
    Way("adk-sse-03", "ADK streaming, 0.3", "adk_sse", ADK, "json-rpc", "0.3", "/"),
    _agentos("agents"),
    _agentos("teams"),
    _agentos("workflows", steps=2),
]


# Running -----------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """What a run gave; without events if it was not streamed."""

    output: Any
    events: List[Any]
    deltas: List[str]

    def named(self, name: str) -> List[Any]:
        """The events called `name`, be it by their type or their own name."""
        return [
            event
            for event in self.events
            if getattr(event, "name", None) == name or event.event.endswith(name)
        ]


def executions(way: Way) -> Dict[str, int]:
    """How often each message was run, by its id; on an AgentOS by its text."""
    with urllib.request.urlopen(way.url + "/executions") as answer:
        counts: Dict[str, int] = json.load(answer)
        return counts


@contextlib.contextmanager
def executing(way: Way, runs: int = 1) -> Iterator[None]:
    """The block makes so many runs happen, and not one more."""
    before = executions(way)
    yield
    after = collections.Counter(executions(way))
    after.subtract(before)
    counts = [count for count in after.values() if count]
    assert sum(counts) == runs * way.steps
    if way.family != AGENTOS:
        assert counts == [1] * runs


def streamed(stream: Any, joined: bool = True) -> Answer:
    """All of a stream; its pieces of text joined are the answer, unless they are not `joined`."""
    with stream:
        events = list(stream)
        output = stream.output()
        deltas = [piece for piece in map(stream.delta, events) if piece]
    assert events[0].event.endswith("Started")
    if joined and not output.is_paused:
        assert "".join(deltas) == (output.content if isinstance(output.content, str) else "")
    return Answer(output, events, deltas)


def both(way: Way, input: Any, joined: bool = True, **options: Any) -> Iterator[Answer]:
    """The answers to two runs, the second one streamed; each happens once."""
    input = way.says(input) if isinstance(input, str) else input
    with way.agent(resume=QUICK) as agent:
        with executing(way):
            output = agent.run(input, **options)
        yield Answer(output, [], [])
        with executing(way):
            # A workflow's stream has the text of all its steps.
            whole = joined and way.steps == 1
            answer = streamed(agent.run(input, stream=True, **options), whole)
        yield answer


def ended(answer: Answer, status: str, state: str) -> None:
    """The run has that status, and its stream ends with the event for it."""
    assert (answer.output.status, answer.output.task_state) == (status, state)
    last = {"COMPLETED": "Completed", "ERROR": "Error", "PAUSED": "Paused"}[status]
    assert not answer.events or answer.events[-1].event.endswith(last)


def completed(way: Way, input: Any, content: Any, **options: Any) -> List[Answer]:
    """Both runs complete with that content."""
    answers = list(both(way, input, **options))
    for answer in answers:
        ended(answer, "COMPLETED", "completed")
        assert answer.output.content == content
    return answers


# Answers -----------------------------------------------------------------------------------------


def answer_in_an_artifact(way: Way) -> None:
    """Text answer"""
    for answer in completed(way, "hello", way.answer("echo: hello")):
        assert answer.output.run_id
        assert answer.output.session_id
        if way.steps == 1:  # every step of a workflow is a task of its own
            assert answer.output.task.id == answer.output.run_id


def message_only(way: Way) -> None:
    """Answer that is a message, without a task"""
    for answer in both(way, "message hi"):
        assert (answer.output.status, answer.output.content) == ("COMPLETED", "echo: hi")
        assert answer.output.task is None
        assert answer.output.message.parts[0].text == "echo: hi"


def streamed_chunks(way: Way) -> None:
    """Answer streamed in chunks"""
    pieces = ["w%d " % number for number in range(5)]
    _, answer = completed(way, "chunks 5", way.answer("".join(pieces)))
    assert answer.deltas[:5] == pieces


def answer_in_one_piece(way: Way) -> None:
    _, answer = completed(way, "chunks 3", "w0 w1 w2 ")
    assert answer.deltas == ["w0 w1 w2 "]


def replaced_artifact(way: Way) -> None:
    """Artifact sent whole again and again"""
    _, answer = completed(way, "replace 3", "w0 w1 w2 ")
    assert answer.deltas == ["w0 ", "w1 ", "w2 "]


def rewritten_artifact(way: Way) -> None:
    """Artifact replaced by another text"""
    _, answer = completed(way, "rewrite", "final text", joined=False)
    assert answer.deltas == ["draft"]
    assert [event.text for event in answer.named("artifact-reset")] == ["final text"]


def interleaved_artifacts(way: Way) -> None:
    """Two artifacts in turns"""
    _, answer = completed(way, "interleave 3", "a0 a1 a2 \nb0 b1 b2 ", joined=False)
    assert [piece.strip() for piece in answer.deltas] == ["a0", "b0", "a1", "b1", "a2", "b2"]


def final_status_message(way: Way) -> None:
    """Answer in the last status only"""
    _, answer = completed(way, "final hi", "echo: hi", joined=False)
    assert answer.deltas == []
    with way.agent() as agent, agent.run("final hi", stream=True) as stream:
        assert list(stream.text()) == ["echo: hi"]


def status_progress(way: Way) -> None:
    """Progress messages, which are no answer"""
    _, answer = completed(way, "progress 3", "echo: progress 3")
    assert told_by(answer) == ([] if way.family == ADK else ["step 0", "step 1", "step 2"])
    assert {event.state for event in answer.named("status-update")} <= {"working", "completed"}


def told_by(answer: Answer) -> List[str]:
    """The texts of the progress messages."""
    texts = [getattr(event, "text", None) for event in answer.named("status-update")]
    return [text for text in texts if text]


def data_parts(way: Way) -> None:
    """Data in, structured answer out"""
    sent = {"amount": "5", "tags": ["a", None, True]}
    input = [Part(text="data"), Part(data=sent)]
    for answer in completed(way, input, [sent, {"answer": 42}]):
        assert answer.output.data_parts == [sent, {"answer": 42}]


def unicode_text(way: Way) -> None:
    """Unicode, line separators included"""
    text = UNICODE_OF_AGENTOS if way.family == AGENTOS else UNICODE
    completed(way, "unicode", way.answer(text))


def big_answer(way: Way) -> None:
    """Answer of a megabyte"""
    completed(way, "big %d" % MEGABYTE, way.answer("x" * MEGABYTE))


def slow_answer(way: Way) -> None:
    """Slow answer"""
    _, answer = completed(way, "slow 3", way.answer("w0 w1 w2 "))
    assert len(answer.events) > 3


def thoughts(way: Way) -> None:
    """Thoughts apart from the answer"""
    _, answer = completed(way, "think hard", "echo: hard")
    told = answer.named("ReasoningContentDelta")
    assert "".join(event.reasoning_content for event in told) == "thinking about hard"


def tool_calls(way: Way) -> None:
    """The agent's own tool calls as events"""
    content = "tool said: HI" if way.family == ADK else "tool said: 3"
    _, answer = completed(way, "tool hi", content)
    (started,) = answer.named("ToolCallStarted")
    (done,) = answer.named("ToolCallCompleted")
    assert started.tool.tool_name == ("shout" if way.family == ADK else "add")
    assert done.tool.tool_call_id == started.tool.tool_call_id


# Media -------------------------------------------------------------------------------------------


def bytes_out(way: Way) -> None:
    """Files of bytes from the agent"""
    for answer in both(way, "files"):
        whole = answer.output.files[0]
        assert whole.data() == ALL_BYTES
        assert (whole.filename, whole.mime_type) == ("all.bin", "application/octet-stream")


def urls_out(way: Way) -> None:
    """Files by URL from the agent"""
    if way.family == AGENTOS:
        for answer in both(way, "image by url"):
            assert [image.url for image in answer.output.images] == [PICTURE_URL]
        return
    for answer in both(way, "files"):
        linked = answer.output.files[1]
        assert (linked.url, linked.filename) == (FILE_URL, "report.pdf")
        with pytest.raises(UnsupportedError, match="fetch its url"):
            linked.data()


def bytes_in(way: Way) -> None:
    """Files and images of bytes to the agent"""
    images = [Image(content=ALL_BYTES, mime_type="image/png", filename="a.png")]
    files = [File(content=b"%PDF-1.7", mime_type="application/pdf", filename="b.pdf")]
    lines = "raw a.png image/png 256 %s\nraw b.pdf application/pdf 8 %s" % (
        hashlib.sha256(ALL_BYTES).hexdigest(),
        hashlib.sha256(b"%PDF-1.7").hexdigest(),
    )
    completed(way, "received", lines, images=images, files=files)


def bytes_refused_by_the_server(way: Way) -> None:
    image = Image(content=ALL_BYTES, mime_type="image/png")
    for stream in (False, True):
        # Not one object: the server drops the connection, later than it answers.
        with way.agent() as agent, executing(way, 0), pytest.raises(ServerError):
            agent.run("received", images=[image], stream=stream)


def urls_in(way: Way) -> None:
    """Files and images by URL to the agent"""
    images = [Image(url=PICTURE_URL, mime_type="image/png")]
    files = [File(url=FILE_URL, mime_type="application/pdf", filename="report.pdf")]
    lines = "url - image/png %s\nurl report.pdf application/pdf %s"
    if way.family == AGENTOS:
        lines = "image - - %s\nfile - application/pdf %s"
    completed(
        way, "received", way.answer(lines % (PICTURE_URL, FILE_URL)), images=images, files=files
    )


def texts_and_data_in(way: Way) -> None:
    """Several parts to the agent: text, data"""
    input = [Part(text="received"), Part(text="zwei"), Part(data={"a": ["b"]})]
    completed(way, input, 'text 4\ndata {"a": ["b"]}')


def data_as_bytes(way: Way) -> None:
    for answer in both(way, [Part(text="received"), Part(text="zwei"), Part(data={"a": ["b"]})]):
        text, data = answer.output.content.split("\n")
        assert text == "text 4"
        assert data.startswith("raw - text/plain ")


def dict_as_text(way: Way) -> None:
    completed(way, {"a": "b"}, way.answer('echo: {"a": "b"}'))


def metadata(way: Way) -> None:
    """Metadata, user and session reach the agent"""
    named = {"metadata": {"trace": "t-1"}, "user_id": "ann", "session_id": "context-1"}
    for answer in both(way, "meta", **named):
        got = answer.output.data_parts[0]
        assert got["messageMetadata"] == {"trace": "t-1", "userId": "ann"}
        assert (got["contextId"], answer.output.session_id) == ("context-1", "context-1")
        assert got["taskId"] == answer.output.run_id


# Questions, failures -----------------------------------------------------------------------------


def _goes_on(way: Way, input: str, state: str, question: str) -> None:
    with way.agent() as agent:
        for answer in both(way, input):
            ended(answer, "PAUSED", state)
            assert answer.output.content == question
            with executing(way):
                # Not the object that asked: the server knows the run.
                if answer.events:
                    stream = agent.continue_run(answer.output, input="blue", stream=True)
                    went_on = streamed(stream).output
                else:
                    went_on = agent.continue_run(answer.output, input="blue")
            assert (went_on.status, went_on.content) == ("COMPLETED", "you said: blue")
            assert went_on.run_id == answer.output.run_id
            with executing(way, 0), pytest.raises(ValueError, match="waits for no input"):
                agent.continue_run(went_on, input="again")


def input_required(way: Way) -> None:
    """Question (input-required) and follow-up"""
    question = 'approve({"amount": 7.0})' if way.family == ADK else "which colour?"
    _goes_on(way, "ask", "input-required", question)


def question_of_data(way: Way) -> None:
    """Question without text, and follow-up"""
    _goes_on(way, "ask-data", "input-required", '{"question": "which colour?"}')


def auth_required(way: Way) -> None:
    """Login demanded (auth-required), and follow-up"""
    _goes_on(way, "login", "auth-required", "log in at " + LOGIN_URL)
    for answer in both(way, "login"):
        assert answer.output.waits_for == "authentication: log in at " + LOGIN_URL


def _waited_for(way: Way, input: str, answer: Callable[[Any, Any], Any], content: str) -> None:
    """Wait for a run that pauses, while another object does what lets it go on."""
    with way.agent() as agent, way.agent() as other, executing(way, 2):
        paused = agent.run(input)
        with agent.resume(paused.run_id, paused.session_id, through_pauses=True) as stream:
            for event in stream:
                if event.is_paused:
                    answer(other, paused)
            went_on = stream.output()
        assert (went_on.status, went_on.content) == ("COMPLETED", content)
        assert agent.wait_run(paused.run_id, through_pauses=True).content == content


def answered_elsewhere(way: Way) -> None:
    """Waiting while somebody else answers: `through_pauses=True`"""
    _waited_for(
        way,
        "ask",
        lambda other, paused: other.continue_run(paused, input="blue"),
        "you said: blue",
    )


def admitted_elsewhere(way: Way) -> None:
    """Waiting while somebody logs in: `through_pauses=True`"""
    _waited_for(
        way,
        "login-for " + way.id,
        lambda other, paused: other.run("admit " + way.id),
        "echo: " + way.id,
    )


def pause_that_cannot_be_answered(way: Way) -> None:
    for answer in both(way, 'tool:delete_file {"path": "x"}'):
        assert answer.output.status == "PAUSED"
        assert "AgentOS" in answer.output.waits_for
        with way.agent() as agent, executing(way, 0), pytest.raises(UnsupportedError):
            agent.continue_run(answer.output, input="yes")


def failed(way: Way) -> None:
    """Failed run, with its reason"""
    for answer in both(way, "fail it"):
        ended(answer, "ERROR", "failed")
        reason = "scripted failure" if way.family == AGENTOS else "failed: it"
        assert (answer.output.reason, answer.output.content) == (reason, None)


def failed_late(way: Way) -> None:
    """Failed after part of the answer"""
    for answer in both(way, "fail-late 2"):
        ended(answer, "ERROR", "failed")
        assert (answer.output.reason, answer.output.content) == ("failed: late", "w0 w1 ")


def rejected(way: Way) -> None:
    """Rejected run, with its reason"""
    for answer in both(way, "reject it"):
        ended(answer, "ERROR", "rejected")
        assert (answer.output.reason, answer.output.content) == ("rejected: it", None)


def executor_exception(way: Way) -> None:
    """Exception in the agent: never a completed run"""
    for input in ("boom",) if way.family == AGENTOS else ("boom", "boom-late"):
        if way.family != SDK:
            for answer in both(way, input):
                ended(answer, "ERROR", "failed")
                assert answer.output.reason == "scripted failure"
            continue
        with way.agent() as agent, executing(way), pytest.raises(InternalError):
            agent.run(input)
        # The old SDK leaves the task working for ever, once it has closed the stream.
        limit = {"timeout": Timeout(read=1)} if way.is_old_sdk else {}
        with way.agent(resume=RetryPolicy(max_attempts=1), **limit) as agent, executing(way):
            _fails(agent, input)


def _fails(agent: Any, input: str) -> None:
    """A stream that raises, or tells of a failed task where the server knows one afterwards."""
    try:
        answer = streamed(agent.run(input, stream=True))
    except (InternalError, StreamInterruptedError, RemoteTimeoutError):
        return
    ended(answer, "ERROR", "failed")


# Sessions and runs -------------------------------------------------------------------------------


def conversation(way: Way) -> None:
    """Conversation by `session_id`"""
    with way.agent() as agent, executing(way, 3):
        first = agent.run("hello")
        second = agent.run("again", session_id=first.session_id)
        third = streamed(
            agent.run("more", session_id=first.session_id, stream=True), way.steps == 1
        ).output
        assert third.content == way.answer("echo: more")
        assert second.session_id == third.session_id == first.session_id
        assert len({first.run_id, second.run_id, third.run_id}) == 3


def get_run(way: Way) -> None:
    """`get_run` of a run that another object made"""
    with way.agent() as agent, way.agent() as other, executing(way):
        output = agent.run("hello")
        found = other.get_run(output.run_id, output.session_id)
        assert (found.status, found.content) == ("COMPLETED", "echo: hello")
        assert (found.run_id, found.session_id) == (output.run_id, output.session_id)
        with pytest.raises(TaskNotFoundError):
            other.get_run("no-such-run", output.session_id)


def background(way: Way) -> None:
    """`background=True`, then `wait_run`"""
    with way.agent() as agent, executing(way):
        begun = agent.run(way.says("slow 3"), background=True)
        assert begun.status in ("PENDING", "RUNNING")
        output = agent.wait_run(begun.run_id, wait=10)
        assert (output.status, output.content) == ("COMPLETED", "w0 w1 w2 ")


def list_runs(way: Way) -> None:
    """`list_runs` of a session"""
    with way.agent() as agent, executing(way, 2):
        first = agent.run("hello")
        second = agent.run("again", session_id=first.session_id)
        listed = agent.list_runs(first.session_id)
        assert [run.run_id for run in listed] == [second.run_id, first.run_id]
        assert [run.content for run in listed] == ["echo: again", "echo: hello"]
        assert agent.list_runs(first.session_id, status="ERROR") == []


def resumed_elsewhere(way: Way) -> None:
    """`resume` of a running task from another object"""
    whole = "".join("w%d " % number for number in range(4))
    with way.agent() as agent, way.agent() as other, executing(way):
        with agent.run(way.says("slow 4"), stream=True) as stream:
            next(stream)
            with other.resume(stream.run_id, stream.session_id) as resumed:
                assert resumed.output().content == whole
                assert resumed.run_id == stream.run_id
            assert stream.output().content == whole


# Cancelling --------------------------------------------------------------------------------------


def cancelled(way: Way, cancel: Callable[[Any, Any], bool], **settings: Any) -> None:
    """Listen to a run that does not end, and have another thread cancel it."""
    with way.agent(resume=QUICK, **settings) as agent, ThreadPoolExecutor(1) as pool, executing(
        way
    ):
        with agent.run(way.says("hang"), stream=True) as stream:
            asked: Optional[Future[bool]] = None
            for event in stream:
                begun = way.peer == "adk" or stream.delta(event) == "w0 "
                if begun and asked is None:
                    asked = pool.submit(cancel, agent, stream)
            assert asked is not None
            assert asked.result(10) is True
            output = stream.output()
            assert (output.status, output.task_state) == ("CANCELLED", "canceled")
        if way.family == SDK:
            assert output.content == "w0 "
        if way.steps == 1:  # workflows are not found
            found = agent.get_run(stream.run_id, stream.session_id)
            assert found.status == "CANCELLED"
        if way.family != AGENTOS:  # which cancels whatever it is told to
            assert agent.cancel_run("no-such-run") is False


def stream_cancelled(way: Way) -> None:
    """`stream.cancel()` from another thread"""
    cancelled(way, lambda agent, stream: bool(stream.cancel()))


def run_cancelled(way: Way) -> None:
    """`cancel_run` from another thread"""
    # The old SDK never tells those who listen; they find out when it has been silent for too long.
    limit = {"timeout": SHORT} if way.is_old_sdk else {}
    cancelled(
        way,
        lambda agent, stream: bool(agent.cancel_run(stream.run_id, session_id=stream.session_id)),
        **limit,
    )


# The protocol's own operations -------------------------------------------------------------------


def client_card(way: Way) -> None:
    """Client: agent card"""
    with way.client() as client:
        card = client.get_card()
        assert card.name
        assert card.supported_interfaces[0].url
        assert card.to_dict() == client.card.to_dict()
        text = client.describe_card()
        assert card.name in text


def client_send(way: Way) -> None:
    """Client: send"""
    with way.client() as client, executing(way):
        task = client.send_message("hello")
        assert task.status.state == "TASK_STATE_COMPLETED"
        assert _text(task) == way.answer("echo: hello")


def client_stream(way: Way) -> None:
    """Client: stream"""
    with way.client() as client, executing(way):
        with client.stream_message(way.says("chunks 3")) as stream:
            events = list(stream)
            task = stream.output()
        assert task.status.state == "TASK_STATE_COMPLETED"
        assert _text(task) == way.answer("w0 w1 w2 ")
        assert all(len(event.to_dict()) == 1 for event in events)


def _text(task: Any) -> str:
    """The text of the artifacts, or where there are none, of the last message."""
    holders = task.artifacts or task.history[-1:]
    return "".join(part.text or "" for holder in holders for part in holder.parts or ())


def client_get(way: Way) -> None:
    """Client: get a task"""
    with way.client() as client, executing(way):
        task = client.send_message("hello")
        found = client.get_task(task.id, context_id=task.context_id)
        assert (found.id, found.status.state) == (task.id, "TASK_STATE_COMPLETED")
        assert _text(found) == "echo: hello"
        with pytest.raises(TaskNotFoundError):
            client.get_task("no-such-task", context_id=task.context_id)


def client_list(way: Way) -> None:
    """Client: list tasks, over several pages"""
    with way.client() as client, executing(way, 5):
        first = client.send_message("hello")
        rest = [client.send_message("hello", context_id=first.context_id) for _ in range(4)]
        made = [task.id for task in (first, *rest)]
        listed = client.list_tasks(
            context_id=first.context_id, page_size=2, status="completed", include_artifacts=True
        )
        tasks = list(listed)
        assert [task.id for task in tasks] == made[::-1]
        assert {_text(task) for task in tasks} == {"echo: hello"}
        assert list(client.list_tasks(context_id=first.context_id, status="failed")) == []


def client_cancel(way: Way) -> None:
    """Client: cancel"""
    with way.client() as client, executing(way):
        with client.stream_message(way.says("hang")) as stream:
            next(stream)
            task_id, context_id = stream.run_id, stream.session_id
            task = client.cancel_task(task_id, context_id=context_id)
            assert (task.id, task.status.state) == (task_id, "TASK_STATE_CANCELED")
        if way.family != AGENTOS:
            with pytest.raises(TaskNotCancelableError):
                client.cancel_task(task_id)
            with pytest.raises(TaskNotFoundError):
                client.cancel_task("no-such-task")


def client_subscribe(way: Way) -> None:
    """Client: subscribe to a running task"""
    with way.client() as client, executing(way):
        with client.stream_message(way.says("slow 3")) as stream:
            next(stream)
            with client.subscribe_to_task(stream.run_id) as watched:
                task = watched.output()
        assert (task.id, task.status.state) == (stream.run_id, "TASK_STATE_COMPLETED")
        assert _text(task) == "w0 w1 w2 "
        # Over REST 0.3 the servers cut the stream off instead of answering with an error.
        with pytest.raises((A2AError, StreamInterruptedError)):
            with client.subscribe_to_task("no-such-task") as watched:
                watched.output()


def push_config(way: Way) -> None:
    """Client: push notification configs, created and got"""
    with way.client() as client, executing(way):
        task = client.send_message("ask")
        config = client.create_push_config(
            task.id, "http://127.0.0.1:9/hook", token="secret", config_id="one"
        )
        found = client.get_push_config(task.id, "one")
        for each in (config, found):
            assert (each.id, each.url) == ("one", "http://127.0.0.1:9/hook")
            assert (each.task_id, each.token) == (task.id, "secret")


def push_config_list(way: Way) -> None:
    """Client: push notification configs, listed"""
    with way.client() as client, executing(way):
        task = client.send_message("ask")
        assert client.list_push_configs(task.id) == []
        for id in ("one", "two"):
            client.create_push_config(task.id, "http://127.0.0.1:9/" + id, config_id=id)
        listed = {config.id: config.url for config in client.list_push_configs(task.id)}
        assert listed == {"one": "http://127.0.0.1:9/one", "two": "http://127.0.0.1:9/two"}


def push_config_delete(way: Way) -> None:
    """Client: push notification configs, deleted"""
    with way.client() as client, executing(way):
        task = client.send_message("ask")
        client.create_push_config(task.id, "http://127.0.0.1:9/hook", config_id="one")
        assert client.get_push_config(task.id, "one").id == "one"
        client.delete_push_config(task.id, "one")
        with pytest.raises(A2AError):
            client.get_push_config(task.id, "one")


def push_received(way: Way) -> None:
    """Push notifications arrive"""
    with Hook("secret") as hook, way.client() as client, executing(way, 4):
        task = client.send_message("ask")
        client.create_push_config(task.id, hook.url, token="secret", config_id="one")
        client.send_message("blue", task_id=task.id, context_id=task.context_id)
        assert hook.wait_for(task.id, "completed")
        assert {notice.task_id for notice in hook.notices} == {task.id}
        assert hook.refused == 0
        other = client.send_message("ask")
        client.create_push_config(other.id, hook.url, token="wrong", config_id="one")
        client.send_message("blue", task_id=other.id, context_id=other.context_id)
        assert hook.wait_for_refusal()
        assert other.id not in {notice.task_id for notice in hook.notices}


class Hook:
    """A PushReceiver on a server of its own, which keeps what it is told."""

    def __init__(self, token: str) -> None:
        self.notices: List[PushNotification] = []
        self.refused = 0
        self._changed = threading.Condition()
        self._receiver = PushReceiver(self._keep, token)
        self._served = serve(self._app)
        self.url = ""

    def _app(self, environ: Dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: Any) -> Any:
            with self._changed:
                self.refused += status.startswith("401")
                self._changed.notify_all()
            return start_response(status, headers)

        return self._receiver(environ, start)

    def _keep(self, notice: PushNotification) -> None:
        with self._changed:
            self.notices.append(notice)
            self._changed.notify_all()

    def wait_for(self, task_id: str, state: str) -> bool:
        """Wait until a notice tells that; False if none does."""

        def told() -> bool:
            return any((each.task_id, each.state) == (task_id, state) for each in self.notices)

        with self._changed:
            return self._changed.wait_for(told, timeout=10)

    def wait_for_refusal(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.refused > 0, timeout=10)

    def __enter__(self) -> "Hook":
        self.url = self._served.__enter__() + "/hook"
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._served.__exit__(*exc_info)


def extended_card(way: Way) -> None:
    """Client: extended card"""
    with way.client() as client:
        skills = [skill.id for skill in client.get_extended_card().skills]
        assert skills == ["echo", "secret"]
        assert "secret" not in [skill.id for skill in client.get_card().skills]


BEHAVIOURS: List["Behaviour"] = [
    answer_in_an_artifact, message_only, streamed_chunks, replaced_artifact, rewritten_artifact,
    interleaved_artifacts, final_status_message, status_progress, data_parts, unicode_text,
    big_answer, slow_answer, thoughts, tool_calls, bytes_out, urls_out, bytes_in, urls_in,
    texts_and_data_in, metadata, input_required, answered_elsewhere, question_of_data,
    auth_required, admitted_elsewhere, failed,
    failed_late, rejected, executor_exception, conversation, get_run, background, list_runs,
    resumed_elsewhere, stream_cancelled, run_cancelled, client_card, client_send, client_stream,
    client_get, client_list, client_cancel, client_subscribe, push_config, push_config_list,
    push_config_delete, push_received, extended_card,
]  # fmt: skip

# What a way cannot do ----------------------------------------------------------------------------


Behaviour = Callable[[Way], None]


class Limit(NamedTuple):
    """Why a way cannot do it, and what can be seen instead, where that is cheap to see."""

    reason: str
    instead: Optional[Behaviour] = None


def refused(call: Callable[[Any], Any]) -> Callable[[Way], None]:
    """The agent's method raises UnsupportedError; nothing new has run."""

    def instead(way: Way) -> None:
        with way.agent() as agent, executing(way, 0), pytest.raises(UnsupportedError):
            call(agent)

    return instead


def client_refused(call: Callable[[A2AClient], Any], error: Any) -> Callable[[Way], None]:
    """The client's method raises that; nothing new has run."""

    def instead(way: Way) -> None:
        with way.client() as client, executing(way, 0), pytest.raises(error):
            call(client)

    return instead


def deletion_refused(way: Way) -> None:
    with way.client() as client:
        task = client.send_message("ask")
        client.create_push_config(task.id, "http://127.0.0.1:9/hook", config_id="one")
        with pytest.raises(UnsupportedError, match="DeleteTaskPushNotificationConfig"):
            client.delete_push_config(task.id, "one")
        assert client.get_push_config(task.id, "one").id == "one"


def listing_fails(way: Way) -> None:
    with way.client() as client:
        task = client.send_message("ask")
        with pytest.raises(InternalError):
            client.list_push_configs(task.id)


def not_cancelled(way: Way) -> None:
    with way.client() as client, pytest.raises(UnsupportedError, match="CancelTask"):
        client.cancel_task("any-task", context_id="any-context")


def failure_becomes_input(way: Way) -> None:
    with way.agent() as agent:
        output = agent.run("boom")
        assert (output.status, output.content) == ("COMPLETED", "echo: scripted failure")


def begun_is_done(way: Way) -> None:
    with way.agent() as agent, executing(way):
        output = agent.run("hello", background=True)
        assert (output.status, output.content) == ("COMPLETED", "echo: echo: hello")


def _listed(client: A2AClient) -> Any:
    return next(client.list_tasks())


def _create_push(client: A2AClient) -> Any:
    return client.create_push_config("any-task", "http://127.0.0.1:9/hook")


_GET_RUN = refused(lambda agent: agent.get_run("any-run", "any-session"))
_LIST_RUNS = refused(lambda agent: agent.list_runs("any-session"))
_RESUME = refused(lambda agent: agent.resume("any-run", "any-session"))
_LIST = client_refused(_listed, UnsupportedError)
_SUBSCRIBE = client_refused(lambda client: client.subscribe_to_task("any-task"), UnsupportedError)
_NO_PUSH = client_refused(_create_push, PushNotificationNotSupportedError)
_PUSH_REFUSED = client_refused(_create_push, UnsupportedError)

_SDKS = ["sdk-rpc", "sdk-rest", "sdk-rpc-03", "sdk-rest-03", "old-rpc", "old-rest"]
_OLD_VERSION = ["sdk-rpc-03", "sdk-rest-03", "old-rpc", "old-rest", "adk-rpc-03", "adk-sse-03"]
_ADK_WHOLE = ["adk-rpc", "adk-rpc-03"]
_ADK = [*_ADK_WHOLE, "adk-sse", "adk-sse-03"]
_AGENTOS = ["agentos-agent", "agentos-team", "agentos-workflow"]
_WORKFLOW = ["agentos-workflow"]
_PUSH = [push_config, push_config_list, push_config_delete, push_received]

_ALWAYS_TASK = "The server always makes a task."
_NO_REPLACEMENT = "The server replaces an artifact by its whole only, and ends one before the next."
_NO_ARTIFACTS = "The server sends the text as messages, not as artifacts."
_NO_LIST = "Protocol 0.3 has no listing of tasks."
_NO_SUCH = "The A2A interface of an AgentOS has no such operation; refused before it is sent."

#: Ways, behaviours, whose limit it is, and what to see instead.
_GROUPS: List[Tuple[List[str], List[Behaviour], str, Optional[Behaviour]]] = [
    (_SDKS, [thoughts, tool_calls],
     "The protocol knows neither thoughts nor tool calls; this server has no convention for them.",
     None),
    (_OLD_VERSION, [list_runs], _NO_LIST, _LIST_RUNS),
    (_OLD_VERSION, [client_list], _NO_LIST, _LIST),
    (["sdk-rest-03", "old-rest"], [push_config_delete],
     "The server has no route for it.", deletion_refused),
    (["old-rest"], [push_config_list], "The server answers with an internal error.", listing_fails),
    (_ADK, [message_only], _ALWAYS_TASK, None),
    (_ADK_WHOLE, [streamed_chunks], "The agent is not run so that its model streams.",
     answer_in_one_piece),
    (_ADK, [replaced_artifact, rewritten_artifact, interleaved_artifacts],
     _NO_REPLACEMENT, None),
    (_ADK_WHOLE, [failed_late], "The agent is not run so that its model streams.", None),
    (_ADK, [final_status_message], "The server puts every answer into an artifact.", None),
    (_ADK, [data_parts], "The server answers with text and files; its data parts are tool calls.",
     None),
    (_ADK, [texts_and_data_in], "The server hands data parts to its model as bytes.",
     data_as_bytes),
    (_ADK, [metadata], "The server does not show the message's metadata to its agent.", None),
    (_ADK, [question_of_data, auth_required, admitted_elsewhere, rejected],
     "Not tried: the scripted agent of this server does not do it.", None),
    (_ADK, _PUSH, "The server does not support push notifications.", _NO_PUSH),
    (_ADK, [extended_card], "The server has no extended card.",
     client_refused(lambda client: client.get_extended_card(), UnsupportedOperationError)),
    (_AGENTOS, [message_only], _ALWAYS_TASK, None),
    (_AGENTOS, [replaced_artifact, rewritten_artifact, interleaved_artifacts], _NO_ARTIFACTS, None),
    (_AGENTOS, [final_status_message, status_progress],
     "The server's statuses carry no text.", None),
    (_AGENTOS, [data_parts, texts_and_data_in],
     "The server gives data to its model as JSON text, and answers with text.", dict_as_text),
    (_AGENTOS, [thoughts], "The server leaves the model's own reasoning out.", None),
    (_WORKFLOW, [tool_calls], "The agents in the steps of this workflow have no tools.", None),
    (_AGENTOS, [bytes_out], "The server drops media of bytes.", None),
    (_WORKFLOW, [urls_out], "The last step's media alone are sent; this one has none.", None),
    (_AGENTOS, [bytes_in], "The server takes the base64 text for the content, or fails on it.",
     bytes_refused_by_the_server),
    (_AGENTOS, [metadata], "The server does not show the message's metadata to its model.", None),
    (["agentos-agent", "agentos-team"], [input_required],
     "The server tells and takes decisions by its own protocol only.",
     pause_that_cannot_be_answered),
    (_WORKFLOW, [input_required],
     "The server tells and takes decisions by its own protocol only.", None),
    (_AGENTOS, [answered_elsewhere],
     "The server tells and takes decisions by its own protocol only.", None),
    (_AGENTOS, [question_of_data, auth_required, admitted_elsewhere, rejected],
     "The server has no such state.", None),
    (_AGENTOS, [failed_late], "The server's failures carry no part of an answer.", None),
    (_WORKFLOW, [failed, executor_exception],
     "The server goes on with the next step, and the failure's text as its input.",
     failure_becomes_input),
    (_AGENTOS, [list_runs], _NO_SUCH, _LIST_RUNS),
    (_AGENTOS, [resumed_elsewhere], _NO_SUCH, _RESUME),
    (_AGENTOS, [client_list], _NO_SUCH, _LIST),
    (_AGENTOS, [client_subscribe], _NO_SUCH, _SUBSCRIBE),
    (_AGENTOS, _PUSH, _NO_SUCH, _PUSH_REFUSED),
    (_AGENTOS, [extended_card], _NO_SUCH,
     client_refused(lambda client: client.get_extended_card(), UnsupportedError)),
    (_WORKFLOW, [get_run], "The server does not give out the tasks of workflows.", _GET_RUN),
    (_WORKFLOW, [client_get], "The server does not give out the tasks of workflows.",
     client_refused(lambda client: client.get_task("t", context_id="c"), UnsupportedError)),
    (_WORKFLOW, [background], "The server answers when a workflow is over.", begun_is_done),
    (_WORKFLOW, [stream_cancelled, run_cancelled, client_cancel],
     "The server cannot cancel workflows.", not_cancelled),
]  # fmt: skip

LIMITS: Dict[Tuple[str, Behaviour], Limit] = {
    (way, behaviour): Limit(reason, instead)
    for ways, behaviours, reason, instead in _GROUPS
    for way in ways
    for behaviour in behaviours
}


# The document ------------------------------------------------------------------------------------

_INTRODUCTION = """\
# What works with which A2A server

Tried against real servers with scripted agents: the A2A SDK %s (`a2a-sdk`; protocol 1.0, and
0.3 by its compatibility layer), the A2A SDK %s, Google's ADK %s (on the SDK %s), and the A2A
interface of AgentOS %s. Runs are tried both blocking and streamed, and every one is seen to happen
exactly once. A number stands for the reason why something is not there. This page is made by the
tests; do not edit it.
"""


def document() -> str:
    """The whole page."""
    names = (peers.A2A_SDK, peers.A2A_SDK_03, peers.ADK, peers.A2A_SDK, peers.AGENTOS_LATEST)
    versions = tuple(name.rpartition("-")[2] for name in names)
    reasons: List[str] = []
    rows = [["", *(way.title for way in WAYS)], ["---"] * (len(WAYS) + 1)]
    for behaviour in BEHAVIOURS:
        cells = [_cell(LIMITS.get((way.id, behaviour)), reasons) for way in WAYS]
        rows.append([(behaviour.__doc__ or "").strip(), *cells])
    table = "".join("| %s |\n" % " | ".join(row) for row in rows)
    notes = "".join("%d. %s\n" % pair for pair in enumerate(reasons, 1))
    return "%s\n%s\n%s" % (_INTRODUCTION % versions, table, notes)


def _cell(limit: Optional[Limit], reasons: List[str]) -> str:
    """What stands in the table; a new reason gets the next number."""
    if limit is None:
        return "yes"
    if limit.reason not in reasons:
        reasons.append(limit.reason)
    return str(reasons.index(limit.reason) + 1)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
