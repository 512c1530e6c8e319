"""What clients of AgentOS are known to get wrong, each shown to be right here.

Against a real server where it can show the case, against crafted answers where it cannot.
"""

import json
import subprocess
import sys
import threading
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import parse_qs, urlencode

import pytest

from remoteagent_lite import (
    AgentOSClient,
    AuthenticationError,
    Image,
    NotFoundError,
    ProtocolError,
    RemoteAgent,
    RemoteServerUnavailableError,
    RemoteWorkflow,
    RunFailedError,
    StreamInterruptedError,
    Timeout,
    ToolExecution,
    UnknownEvent,
)
from remoteagent_lite.models import RunPausedEvent, StepRequirement
from tests.peers.faults import Connection, Proxy, RawServer, Request, reply, sse, stream
from tests.peers.server import AGENTOS_LATEST, PeerServer

Handler = Callable[[Connection, Request], None]


@pytest.fixture
def agent(agentos_latest: PeerServer) -> Iterator[RemoteAgent]:
    with RemoteAgent(agentos_latest.url, "my-agent") as agent:
        yield agent


def events(*frames: Any, **how: Any) -> Handler:
    """A handler that streams frames: dicts (named by their event) or raw bytes."""

    def handle(connection: Connection, request: Request) -> None:
        run_id = request.form["run_id"][0]
        pieces = []
        for frame in frames:
            if isinstance(frame, dict):
                frame = sse(frame["event"], json.dumps(dict(frame, run_id=run_id)))
            pieces.append(frame)
        stream(pieces, **how)(connection, request)

    return handle


def streamed(*frames: Any, **how: Any) -> List[Any]:
    with RawServer(events(*frames, **how)) as server, RemoteAgent(server.url, "a") as agent:
        with agent.run("x", stream=True) as run:
            return list(run)


COMPLETED: Dict[str, Any] = {"event": "RunCompleted", "content": "done"}


def test_line_separators_in_text_do_not_lose_events(
    agentos_latest: PeerServer, agent: RemoteAgent
) -> None:
    text = "one\u2028two\u0085three"
    form = urlencode({"message": text, "stream": "true"}).encode()
    url = agentos_latest.url + "/agents/my-agent/runs"
    with urllib.request.urlopen(url, form) as answer:
        frames = answer.read().count(b"\nevent: ") + 1
    with agent.run(text, stream=True) as run:
        received = list(run)
    assert len(received) == frames
    assert received[-1].event == "RunCompleted"
    assert received[-1].content.strip() == "echo: " + text


def test_event_with_an_odd_image_is_not_dropped() -> None:
    image = {"id": "i", "mime_type": "image/png"}
    (event,) = streamed(dict(COMPLETED, images=[image]))
    assert event.images[0].to_dict() == image


def test_input_field_without_description_does_not_break_the_stream() -> None:
    tool = {"tool_call_id": "c", "user_input_schema": [{"name": "city"}]}
    (event,) = streamed({"event": "RunPaused", "tools": [tool]})
    assert isinstance(event, RunPausedEvent)
    assert event.tools is not None
    assert event.tools[0].user_input_schema[0].name == "city"  # type: ignore[index]


def test_unknown_events_are_handed_out() -> None:
    new, error, output, last = streamed(
        {"event": "BrandNewEvent", "x": 1},
        sse("error", '{"event": "error", "error": "no"}'),
        sse("WorkflowRunOutput", '{"run_id": "other", "status": "PAUSED"}'),
        COMPLETED,
    )
    assert isinstance(new, UnknownEvent)
    assert (new.event, new.raw["x"]) == ("BrandNewEvent", 1)
    assert (error.event, error.error) == ("error", "no")
    assert output.status == "PAUSED"
    assert last.event == "RunCompleted"


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
def test_clean_early_end_is_no_success(framing: str) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        streamed({"event": "RunContent", "content": "half"}, framing=framing)
    assert (caught.value.output.content, caught.value.output.status) == ("half", "RUNNING")


@pytest.mark.parametrize("answer", [("<html>", "text/html"), ("{}", "application/json")])
def test_body_of_another_kind_is_no_stream(answer: Any) -> None:
    body, content_type = answer
    with RawServer(reply(body, content_type=content_type)) as server:
        with RemoteAgent(server.url, "a") as agent, pytest.raises(ProtocolError, match="base_url"):
            agent.run("x", stream=True)


def test_broken_stream_is_an_error_of_this_library(agentos_latest: PeerServer) -> None:
    with Proxy(agentos_latest.port) as proxy, RemoteAgent(proxy.url, "plain") as agent:
        with agent.run("slow:100:0.05", stream=True) as run:
            next(run)
            proxy.cut()
            with pytest.raises(StreamInterruptedError) as caught:
                run.output()
    assert isinstance(caught.value.__cause__, RemoteServerUnavailableError)


@pytest.mark.parametrize("stream", [False, True])
def test_servers_explanation_is_in_the_message(agentos_latest: PeerServer, stream: bool) -> None:
    with RemoteAgent(agentos_latest.url, "nobody") as agent:
        with pytest.raises(NotFoundError, match="Agent not found") as caught:
            agent.run("x", stream=stream)
    assert caught.value.detail == "Agent not found"


def test_cancel_is_true_only_for_what_was_cancelled(agent: RemoteAgent) -> None:
    assert agent.cancel_run("no-such-run") is False
    with RemoteAgent("http://127.0.0.1:9", "a") as dead:
        with pytest.raises(RemoteServerUnavailableError):
            dead.cancel_run("no-such-run")
    with PeerServer(AGENTOS_LATEST, security_key="k") as server:
        with RemoteAgent(server.url, "plain") as stranger, pytest.raises(AuthenticationError):
            stranger.cancel_run("no-such-run")


def test_cancelled_stream_does_not_end_as_completed(agent: RemoteAgent) -> None:
    with agent.run("slow:100:0.05", stream=True) as run:
        next(run)
        assert run.cancel()
        assert list(run)[-1].event == "RunCancelled"


def test_undecided_tools_are_not_rejected(agent: RemoteAgent) -> None:
    paused = agent.run("delete /tmp/x")
    assert paused.run_id is not None
    for undecided in (
        lambda: agent.continue_run(paused),
        lambda: agent.continue_run(paused.run_id),
        lambda: agent.continue_run(paused.run_id, []),
        lambda: agent.continue_run(paused.run_id, paused.tools),
    ):
        with pytest.raises(ValueError, match="delete_file|decide|decision"):
            undecided()
    assert agent.get_run(paused.run_id).is_paused


def test_tools_of_the_configuration_are_a_list(agent: RemoteAgent) -> None:
    assert [tool["name"] for tool in agent.tools or []][:2] == ["add", "delete_file"]


def test_continue_form_has_no_empty_fields(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "my-agent") as agent:
        paused = agent.run("delete /tmp/x")
    asked = reply(json.dumps(paused.to_dict()))
    paused.tools_requiring_confirmation[0].confirm()
    answer = json.dumps({"run_id": paused.run_id, "status": "COMPLETED"})
    with RawServer(asked, reply(answer)) as server, RemoteAgent(server.url, "my-agent") as agent:
        agent.continue_run(paused)
        _, request = server.wait_for_requests(2)
    assert sorted(request.form) == ["session_id", "stream", "tools"]
    assert json.loads(request.form["tools"][0])[0]["confirmed"] is True


def test_lists_are_sent_as_json_once() -> None:
    filters = [{"op": "EQ", "key": "a", "value": "b"}]
    with RawServer(reply('{"run_id": "r"}')) as server, RemoteAgent(server.url, "a") as agent:
        agent.run("x", knowledge_filters=filters)
        (request,) = server.wait_for_requests(1)
    assert [json.loads(text) for text in request.form["knowledge_filters"]] == [filters]


def test_local_files_are_read_here(agent: RemoteAgent, tmp_path: Any) -> None:
    path = tmp_path / "pixel.png"
    path.write_bytes(b"\x89PNG local")
    output = agent.run("look", images=[Image.from_path(path)])
    assert output.input is not None
    assert str(tmp_path) not in json.dumps(output.to_dict())
    assert "filepath" not in output.input.to_dict()["images"][0]


def test_background_runs_can_be_followed(agent: RemoteAgent) -> None:
    accepted = agent.run("hello", background=True)
    assert accepted.run_id is not None
    assert accepted.session_id is not None
    assert agent.wait_run(accepted.run_id, wait=30).content == "echo: hello"
    assert agent.list_runs(accepted.session_id)[0].run_id == accepted.run_id
    with AgentOSClient(agent.base_url) as client:
        assert callable(client.get_approvals)


def test_version_to_migrate_to_is_in_the_query() -> None:
    with RawServer(reply('{"message": "ok"}')) as server, AgentOSClient(server.url) as client:
        client.migrate_database("db", target_version="9.9.9")
        (request,) = server.wait_for_requests(1)
    assert request.path.partition("?")[0] == "/databases/db/migrate"
    assert request.query == {"target_version": ["9.9.9"]}
    assert b"9.9.9" not in request.body


def test_database_is_named_in_every_request() -> None:
    with PeerServer(AGENTOS_LATEST, databases=2) as server:
        with RemoteAgent(server.url, "plain") as plain, RemoteAgent(
            server.url, "assistant"
        ) as other:
            assert plain.db is not None
            assert other.db is not None
            assert plain.db.id != other.db.id
            session = str(uuid.uuid4())
            other.run("hello", session_id=session)
            assert [row.session_id for row in other.db.get_sessions().data] == [session]
            assert plain.db.get_sessions().data == []
            memory = other.db.create_memory("m", user_id="u")
            assert other.db.get_memory(memory.memory_id, user_id="u").memory == "m"


def test_configuration_is_read_with_the_token() -> None:
    with PeerServer(AGENTOS_LATEST, security_key="k") as server:
        with RemoteAgent(server.url, "my-agent", auth_token="k") as agent:
            assert agent.name == "My Agent"
            assert agent.tools
            assert agent.db is not None


def test_slow_configuration_holds_up_nobody_else() -> None:
    release = threading.Event()
    config = reply('{"id": "a", "name": "A"}', after=release)
    answer = reply('{"run_id": "r", "status": "COMPLETED"}')

    def either(connection: Connection, request: Request) -> None:
        (answer if "/runs" in request.path else config)(connection, request)

    with RawServer(either, either) as server, RemoteAgent(server.url, "a") as agent:
        with ThreadPoolExecutor(1) as pool:
            name = pool.submit(lambda: agent.name)
            server.wait_for_requests(1)
            assert agent.run("x").status == "COMPLETED"
            release.set()
            assert name.result(10) == "A"


def test_object_outlives_the_thread_and_event_loop_it_was_used_in(agent: RemoteAgent) -> None:
    script = """
import asyncio, sys
from remoteagent_lite import RemoteAgent
agent = RemoteAgent(sys.argv[1], "plain")
async def run():
    return await asyncio.get_running_loop().run_in_executor(None, agent.run, "hello")
for _ in range(2):
    assert asyncio.run(run()).status == "COMPLETED"
agent.close()
"""
    subprocess.run([sys.executable, "-c", script, agent.base_url], check=True, timeout=60)


def test_eight_threads_fetch_the_configuration_once() -> None:
    release = threading.Event()
    with RawServer(reply('{"id": "a", "name": "A"}', after=release)) as server:
        with RemoteAgent(server.url, "a") as agent, ThreadPoolExecutor(8) as pool:
            ready = threading.Barrier(9)

            def read() -> Any:
                ready.wait(10)
                return agent.name

            names = [pool.submit(read) for _ in range(8)]
            ready.wait(10)
            server.wait_for_requests(1)
            release.set()
            assert [name.result(10) for name in names] == ["A"] * 8
            assert len(server.requests) == 1


def test_silent_run_is_not_bounded_by_the_connect_limit(agent: RemoteAgent) -> None:
    patient = Timeout(connect=0.3, read=None)
    with agent.run("silent:1 at last", stream=True, timeout=patient) as run:
        assert run.output().content.strip() == "echo: at last"
    assert agent.run("silent:1 at last", timeout=patient).status == "COMPLETED"


def test_data_without_a_space_counts() -> None:
    def handle(connection: Connection, request: Request) -> None:
        run_id = request.form["run_id"][0]
        data = json.dumps(dict(COMPLETED, run_id=run_id))
        stream([b"event:RunCompleted\ndata:" + data.encode() + b"\n\n"])(connection, request)

    with RawServer(handle) as server, RemoteAgent(server.url, "a") as agent:
        with agent.run("x", stream=True) as run:
            assert run.output().content == "done"


def test_connection_that_the_server_closed_is_replaced() -> None:
    def close_after(connection: Connection, request: Request) -> None:
        reply('{"run_id": "r", "status": "COMPLETED"}')(connection, request)
        connection.close()

    with RawServer(close_after, close_after, close_after) as server:
        with RemoteAgent(server.url, "a") as agent:
            for _ in range(3):
                assert agent.run("x").status == "COMPLETED"
                server.wait_until_idle()


def test_nothing_of_the_server_is_needed_to_import() -> None:
    script = "import sys, remoteagent_lite.remote; print(len(sys.modules), 'agno' in sys.modules)"
    count, agno = subprocess.check_output([sys.executable, "-c", script]).decode().split()
    assert agno == "False"
    assert int(count) < 400


def test_step_requirements_are_objects_in_events_too(agentos_latest: PeerServer) -> None:
    with RemoteWorkflow(agentos_latest.url, "gated") as workflow:
        with workflow.run("hello", stream=True) as run:
            paused = [event for event in run if event.event == "WorkflowPaused"]
    (requirement,) = paused[0].step_requirements or []
    assert isinstance(requirement, StepRequirement)


def test_bare_tool_execution_is_completed(agent: RemoteAgent) -> None:
    paused = agent.run('tool:external {"command": "ls"}')
    assert paused.tools is not None
    call_id = paused.tools[0].tool_call_id
    output = agent.continue_run(
        run_id=paused.run_id, updated_tools=[ToolExecution(tool_call_id=call_id, result="done")]
    )
    assert output.content == "tool said: done"


def test_form_is_read_back_by_the_servers_rules() -> None:
    """The capture used above is honest: what was sent is what a form parser finds."""
    with RawServer(reply('{"run_id": "r"}')) as server, RemoteAgent(server.url, "a") as agent:
        agent.run("a&b=c \u2028é", session_id="s")
        (request,) = server.wait_for_requests(1)
    assert parse_qs(request.body.decode())["message"] == ["a&b=c \u2028é"]


def test_cancel_of_a_broken_stream_does_not_flood_the_server() -> None:
    def either(connection: Connection, request: Request) -> None:
        if request.path.endswith("/runs"):
            events({"event": "RunContent", "content": "half"})(connection, request)
        elif "/cancel" in request.path:
            reply("{}")(connection, request)
        else:
            reply('{"run_id": "r", "session_id": "s", "status": "RUNNING"}')(connection, request)

    with RawServer(*[either] * 200) as server, RemoteAgent(server.url, "a") as agent:
        with agent.run("x", stream=True, run_id="r") as run:
            with pytest.raises(StreamInterruptedError):
                run.output()
            assert run.cancel(wait=1.0) is False
        assert len(server.requests) < 12


# A failure is no answer -------------------------------------------------------------------------


def test_error_text_of_a_failed_run_is_never_a_piece_of_the_answer(agentos: PeerServer) -> None:
    pieces = []
    with RemoteAgent(agentos.url, "plain") as agent:
        with agent.run("boom", stream=True) as stream:
            with pytest.raises(RunFailedError, match="scripted failure") as caught:
                for piece in stream.text():
                    pieces.append(piece)
            assert stream.rest() == ""
        assert caught.value.output.status == "ERROR"
    assert pieces == []


def test_answer_of_a_last_step_that_does_not_stream_is_told(agentos_latest: PeerServer) -> None:
    with RemoteWorkflow(agentos_latest.url, "functions") as workflow:
        with workflow.run("hello", stream=True) as stream:
            assert "".join(stream.text()) == stream.output().content == "5 letters"
        with workflow.run("hello", stream=True) as stream:
            told = "".join(filter(None, map(stream.delta, stream)))
            assert told + stream.rest() == stream.output().content


def test_what_the_stream_itself_cancelled_ends_its_text_quietly(
    agentos_latest: PeerServer,
) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        with agent.run("slow:50:0.05", stream=True) as stream:
            text = stream.text()
            assert next(text) == "w0 "
            assert stream.cancel()
            assert "w49" not in "".join(text)
            assert stream.output().is_cancelled


def test_run_that_pauses_ends_its_text_quietly(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "my-agent") as agent:
        with agent.run("delete /tmp/x", stream=True) as stream:
            assert "".join(stream.text()) == ""
            assert stream.output().is_paused
