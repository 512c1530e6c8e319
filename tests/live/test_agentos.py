"""Runs on real AgentOS servers of three versions."""

import dataclasses
import multiprocessing
import pickle
import signal
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Optional

import pytest

from remoteagent_lite import (
    AgentOSClient,
    AuthenticationError,
    NotFoundError,
    ProtocolError,
    RemoteAgent,
    RemoteServerUnavailableError,
    RemoteTeam,
    RemoteTimeoutError,
    RemoteWorkflow,
    RunFailedError,
    StreamInterruptedError,
    Timeout,
    ToolExecution,
    merge,
)
from tests.peers.faults import Proxy
from tests.peers.server import AGENTOS_LATEST, PeerServer

COUNT = 300


def old(agentos: PeerServer) -> bool:
    return agentos.name == "agno-2.3.20"


@pytest.fixture
def agent(agentos: PeerServer) -> Any:
    with RemoteAgent(agentos.url, "my-agent") as agent:
        yield agent


@pytest.fixture
def latest(agentos_latest: PeerServer) -> Any:
    with RemoteAgent(agentos_latest.url, "my-agent") as agent:
        yield agent


REMOTES = [(RemoteAgent, "plain"), (RemoteTeam, "duo"), (RemoteWorkflow, "qa")]


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_blocking_run(agentos: PeerServer, remote: Any, id: str) -> None:
    with remote(agentos.url, id) as component:
        output = component.run("hello", user_id="u", session_id=str(uuid.uuid4()))
        assert output.status == "COMPLETED"
        assert "echo: hello" in output.content
        assert output.user_id == "u" or old(agentos)
        output.raise_for_status()


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_streamed_run(agentos: PeerServer, remote: Any, id: str) -> None:
    with remote(agentos.url, id) as component:
        blocking = component.run("hello")
        with component.run("hello", stream=True) as stream:
            events = [event.event for event in stream]
            output = stream.output()
        assert events[0].endswith("Started")
        assert events[-1].endswith("Completed")
        assert output.status == "COMPLETED"
        assert output.content.strip() == blocking.content.strip()
        assert output.run_id == stream.run_id
        assert output.session_id == stream.session_id
        assert "".join(component.run("hello", stream=True).text()).strip()


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_own_run_and_session_ids_are_used(agentos: PeerServer, remote: Any, id: str) -> None:
    run_id, session_id = str(uuid.uuid4()), str(uuid.uuid4())
    with remote(agentos.url, id) as component:
        output = component.run("hello", run_id=run_id, session_id=session_id)
        assert output.session_id == session_id
        assert output.run_id == run_id
        with component.run("hello", stream=True) as stream:
            sent = stream.run_id
            assert stream.output().run_id == sent


@pytest.mark.parametrize(("remote", "id"), [(RemoteAgent, "plain"), (RemoteTeam, "duo")])
def test_ids_of_a_run_are_used_once(agentos: PeerServer, remote: Any, id: str) -> None:
    ids = {"run_id": str(uuid.uuid4()), "session_id": str(uuid.uuid4())}
    with remote(agentos.url, id) as component:
        assert component.run("one", **ids).content == "echo: one"
        assert component.run("two", session_id=ids["session_id"]).content == "echo: two"
    with remote(agentos.url, id) as component:
        if agentos.name == "agno-2.3.20":  # which cannot be asked for a run
            assert component.run("three", **ids).content == "echo: three"
            return
        with pytest.raises(ValueError, match="already \\(COMPLETED\\)"):
            component.run("three", **ids)
        assert component.get_run(**ids).content == "echo: one"


def test_text_with_every_line_separator_arrives_whole(agent: RemoteAgent) -> None:
    blocking = agent.run("unicode")
    with agent.run("unicode", stream=True) as stream:
        streamed = "".join(stream.text())
    assert streamed == blocking.content
    for character in "\u2028\u2029\u0085\r\n":
        assert character in streamed


def test_many_events_arrive_in_order(agent: RemoteAgent) -> None:
    with agent.run("count:%d" % COUNT, stream=True) as stream:
        words = [event.content for event in stream if event.event == "RunContent"]
    assert "".join(words).split() == ["w%d" % n for n in range(COUNT)]


def test_big_event_arrives_whole(agent: RemoteAgent) -> None:
    with agent.run("big:1000000", stream=True) as stream:
        assert len(stream.output().content) == 1000000


def test_failed_run_is_a_value(agent: RemoteAgent) -> None:
    output = agent.run("boom")
    assert output.status == "ERROR"
    assert "scripted failure" in output.content
    with pytest.raises(RunFailedError, match="scripted failure") as caught:
        output.raise_for_status()
    assert caught.value.output is output
    with agent.run("boom", stream=True) as stream:
        assert stream.output().status == "ERROR"


def test_events_switched_off(agent: RemoteAgent) -> None:
    with agent.run("hello there", stream=True, stream_events=False) as stream:
        names = {event.event for event in stream}
        output = stream.output()
    assert names == {"RunContent"}
    assert (output.status, output.content.strip()) == ("COMPLETED", "echo: hello there")


@dataclasses.dataclass
class Inner:
    number: int


@dataclasses.dataclass
class Place:
    name: str
    height: float = 5.0
    inner: Optional[Inner] = None
    tags: List[str] = dataclasses.field(default_factory=list)


def test_an_answer_comes_back_as_an_instance(agentos: PeerServer) -> None:
    told = 'say:{"name": "Rome", "inner": {"number": 1}}'
    for remote, id in ((RemoteAgent, "plain"), (RemoteTeam, "duo")):
        with remote(agentos.url, id) as component:
            output = component.run(told, output_schema=Place)
            assert output.parsed == Place("Rome", inner=Inner(1))
            with component.run(told, output_schema=Place, stream=True) as stream:
                assert stream.output().parsed == Place("Rome", inner=Inner(1))
            for text, complaint in (("I do not know", "no JSON"), ("{}", "name is missing")):
                output = component.run("say:" + text, output_schema=Place)
                with pytest.raises(ProtocolError, match=complaint):
                    output.parsed


def test_an_answer_that_was_looked_up_is_an_instance_too(agentos_latest: PeerServer) -> None:
    key, told = uuid.uuid4().hex, 'say:{"name": "Rome"}'
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        for _ in range(2):
            assert agent.run(told, output_schema=Place, once=key).parsed == Place("Rome")
        with agent.run(told, output_schema=Place, once=key, stream=True) as stream:
            assert stream.output().parsed == Place("Rome")
        begun = agent.run(told, output_schema=Place, background=True)
        assert begun.parsed is None
        assert agent.wait_run(begun.run_id, wait=30).parse(Place) == Place("Rome")


def test_tools_run_on_the_server(agent: RemoteAgent) -> None:
    message = 'tool:add {"a": 2, "b": 3}'
    blocking = agent.run(message)
    with agent.run(message, stream=True) as stream:
        streamed = stream.output()
    for output in (blocking, streamed):
        assert output.tools is not None
        (tool,) = output.tools
        assert isinstance(tool, ToolExecution)
        assert (tool.tool_name, tool.tool_args, tool.result) == ("add", {"a": 2, "b": 3}, "5")


def test_confirmed_tool_is_executed(agent: RemoteAgent) -> None:
    paused = agent.run("delete /tmp/x", session_id=str(uuid.uuid4()))
    assert paused.is_paused
    with pytest.raises(ValueError, match="delete_file is not decided"):
        agent.continue_run(paused)
    for tool in paused.tools_requiring_confirmation:
        tool.confirm()
    output = agent.continue_run(paused)
    assert (output.status, output.content) == ("COMPLETED", "tool said: deleted /tmp/x")


def test_rejected_tool_is_not_executed(agent: RemoteAgent) -> None:
    with agent.run("delete /tmp/x", stream=True) as stream:
        paused = stream.output()
    for tool in paused.tools_requiring_confirmation:
        tool.reject("not today")
    with agent.continue_run(paused, stream=True) as stream:
        output = stream.output()
    assert output.status == "COMPLETED"
    assert "not today" in output.content


def test_run_continues_by_id_alone_when_this_object_started_it(agent: RemoteAgent) -> None:
    paused = agent.run("delete /tmp/x")
    (tool,) = paused.tools_requiring_confirmation
    tool.confirm()
    output = agent.continue_run(run_id=paused.run_id, updated_tools=paused.tools)
    assert output.content == "tool said: deleted /tmp/x"


def test_configuration(agentos: PeerServer, agent: RemoteAgent) -> None:
    assert (agent.id, agent.agent_id, agent.name) == ("my-agent", "my-agent", "My Agent")
    assert agent.description == "Answers questions and runs tools."
    assert agent.role == "Helper"
    names = [tool["name"] for tool in agent.tools or []]
    assert names[:2] == ["add", "delete_file"]
    assert agent.db is not None
    assert agent.db.id == "peer-db"
    assert agent.knowledge is not None
    assert agent.get_agent_config().name == "My Agent"
    assert agent.refresh_config().name == "My Agent"
    with RemoteTeam(agentos.url, "duo") as team:
        assert team.name == "Duo"
        assert "delegate_task_to_member" in [tool["name"] for tool in team.tools or []]
        assert team.get_team_config().members[0].id == "plain"  # type: ignore[index]
        assert team.knowledge is None
    with RemoteWorkflow(agentos.url, "qa") as workflow:
        assert workflow.name == "QA"
        steps = workflow.get_workflow_config().steps or []
        assert [step["name"] for step in steps] == ["one", "two"]


def test_sessions_of_the_components_database(agent: RemoteAgent) -> None:
    session_id, user_id = str(uuid.uuid4()), str(uuid.uuid4())
    agent.run("remember me", session_id=session_id, user_id=user_id)
    assert agent.db is not None
    page = agent.db.get_sessions(user_id=user_id, limit=5)
    assert [session.session_id for session in page.data] == [session_id]
    assert page.meta.limit == 5


def test_knowledge_of_the_component_is_searched(agent: RemoteAgent) -> None:
    assert agent.knowledge is not None
    assert isinstance(agent.knowledge.search("anything").data, list)


def test_64_threads_make_one_request_for_the_configuration(agentos_latest: PeerServer) -> None:
    with Proxy(agentos_latest.port) as proxy, RemoteAgent(proxy.url, "my-agent") as agent:
        barrier = threading.Barrier(64)

        def read(_: int) -> Any:
            barrier.wait()
            return agent.name

        with ThreadPoolExecutor(64) as pool:
            assert set(pool.map(read, range(64))) == {"My Agent"}
        # Each request under way needs a connection of its own.
        assert proxy.connection_count == 1


# --- Cancelling


def test_streamed_run_is_cancelled(agent: RemoteAgent) -> None:
    with agent.run("slow:200:0.1", stream=True) as stream:
        next(stream)
        assert stream.cancel()
        rest = [event.event for event in stream]
        assert rest[-1] == "RunCancelled"
        assert stream.output().status == "CANCELLED"


def test_run_in_another_thread_is_cancelled(agentos: PeerServer, agent: RemoteAgent) -> None:
    run_id = str(uuid.uuid4())
    outputs: List[Any] = []

    def block() -> None:
        with agent.run("slow:200:0.1", run_id=run_id, stream=True) as stream:
            started.set()
            outputs.append(stream.output())

    started = threading.Event()
    thread = threading.Thread(target=block)
    thread.start()
    assert started.wait(10)
    assert agent.cancel_run(run_id)
    thread.join(20)
    assert outputs[0].is_cancelled


def test_cancel_tells_the_truth_about_finished_and_unknown_runs(agent: RemoteAgent) -> None:
    output = agent.run("hello")
    assert output.run_id is not None
    assert agent.cancel_run(output.run_id) is False
    assert agent.cancel_run("no-such-run") is False
    assert agent.cancel_run("no-such-run", session_id="no-such-session", wait=0.5) is False


def test_workflow_and_team_are_cancelled(agentos: PeerServer) -> None:
    for remote, id in ((RemoteTeam, "duo"), (RemoteWorkflow, "qa")):
        if old(agentos) and remote is RemoteTeam:
            continue  # this version cannot cancel a team's run
        with remote(agentos.url, id) as component:  # type: ignore[operator]
            with component.run("slow:200:0.1", stream=True) as stream:
                next(stream)
                assert stream.cancel()
                assert stream.output().status == "CANCELLED"


# --- Errors a user meets


def test_unknown_component(agentos: PeerServer) -> None:
    for remote in (RemoteAgent, RemoteTeam, RemoteWorkflow):
        with remote(agentos.url, "nobody") as component:
            for call in (
                lambda c=component: c.run("x"),
                lambda c=component: c.run("x", stream=True),
                lambda c=component: c.name,
            ):
                with pytest.raises(NotFoundError, match="not found") as caught:
                    call()
                assert agentos.url in str(caught.value)


def test_wrong_path_in_the_base_url(agentos: PeerServer) -> None:
    with RemoteAgent(agentos.url + "/api", "plain") as agent:
        with pytest.raises(NotFoundError, match="base_url"):
            agent.run("x")


def test_token_goes_with_every_request_and_shows_nowhere() -> None:
    secret = "os-security-key-5f3a"
    with PeerServer(AGENTOS_LATEST, security_key=secret) as server:
        asked: List[int] = []

        def token() -> str:
            asked.append(1)
            return secret

        with RemoteAgent(server.url, "my-agent", auth_token=token) as agent:
            assert agent.name == "My Agent"
            assert agent.run("hello").status == "COMPLETED"
            with agent.run("hello", stream=True) as stream:
                assert stream.output().status == "COMPLETED"
            assert agent.db is not None
            agent.db.get_sessions(limit=1)
            assert agent.cancel_run("nothing") is False
            assert len(asked) == 5
            assert secret not in repr(agent) + repr(vars(agent)) + repr(agent.db)
        with RemoteAgent(server.url, "my-agent") as agent:
            with pytest.raises(AuthenticationError, match="auth_token="):
                agent.run("hello")
            assert agent.run("hello", auth_token=secret).status == "COMPLETED"
            with pytest.raises(AuthenticationError, match="not accepted") as caught:
                agent.run("hello", stream=True, auth_token="wrong-" + secret)
            assert secret not in str(caught.value) + repr(vars(caught.value))
        with AgentOSClient(server.url) as client:
            assert client.info().auth_mode == "security_key"
            assert client.health().status == "ok"
            with pytest.raises(AuthenticationError):
                client.get_config()


def test_silent_server_times_out(latest: RemoteAgent) -> None:
    run_id = str(uuid.uuid4())
    with pytest.raises(RemoteTimeoutError, match="timeout=") as caught:
        latest.run("silent:3", timeout=0.3, run_id=run_id)
    assert (caught.value.phase, caught.value.run_id) == ("read", run_id)
    with latest.run("silent:3", stream=True, timeout=0.3) as stream:
        with pytest.raises(RemoteTimeoutError) as caught:
            stream.output()
    assert caught.value.phase == "read"


def test_total_limit_ends_a_lively_stream(latest: RemoteAgent) -> None:
    with latest.run("slow:100:0.05", stream=True, timeout=Timeout(total=0.5)) as stream:
        with pytest.raises(RemoteTimeoutError) as caught:
            stream.output()
    assert caught.value.phase == "total"


def test_killed_server_interrupts_the_stream_within_a_second() -> None:
    with PeerServer(AGENTOS_LATEST) as server, RemoteAgent(server.url, "plain") as agent:
        with agent.run("slow:1000:0.02", stream=True) as stream:
            seen = ""
            for event in stream:
                if event.event == "RunContent":
                    seen += event.content
                    if seen.count(" ") == 5:
                        break
            server.kill()
            killed = time.monotonic()
            with pytest.raises(StreamInterruptedError) as caught:
                for event in stream:
                    if event.event == "RunContent":
                        seen += event.content
            assert time.monotonic() - killed < 1.0
        error = caught.value
        assert (error.output.status, error.output.content) == ("RUNNING", seen)
        assert (error.run_id, error.session_id) == (stream.run_id, stream.session_id)
        with pytest.raises(RemoteServerUnavailableError, match="refused") as caught_next:
            agent.run("hello")
        assert not caught_next.value.request_sent
        server.restart()
        assert agent.run("hello").status == "COMPLETED"


# --- Processes


def _run_in_child(agent: RemoteAgent, results: Any) -> None:
    results.put((agent.name, agent.run("from the child").content.strip()))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_object_works_in_a_child_process(latest: RemoteAgent, method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with latest.run("slow:20:0.05", stream=True) as stream:
        next(stream)
        assert latest.name == "My Agent"
        results = context.Queue()
        child = context.Process(target=_run_in_child, args=(latest, results))
        child.start()
        assert results.get(timeout=60) == ("My Agent", "echo: from the child")
        child.join(20)
        assert child.exitcode == 0
        assert stream.output().status == "COMPLETED"
    results.close()
    results.join_thread()


def test_objects_and_results_pickle(latest: RemoteAgent) -> None:
    again = pickle.loads(pickle.dumps(latest))
    assert repr(again) == repr(latest)
    with again, again.run('tool:add {"a": 1, "b": 1}', stream=True) as stream:
        events = list(stream)
        output = stream.output()
    assert pickle.loads(pickle.dumps(events)) == events
    assert pickle.loads(pickle.dumps(output)) == output


def test_streams_of_three_kinds_are_merged(agentos_latest: PeerServer) -> None:
    url = agentos_latest.url
    with RemoteAgent(url, "plain") as agent, RemoteTeam(url, "duo") as team:
        with agent.run("slow:5:0.05", stream=True) as one, team.run("hello", stream=True) as two:
            seen = list(merge(one, two))
            assert {stream for stream, _ in seen} == {one, two}
            assert one.output().status == two.output().status == "COMPLETED"
            assert len([1 for stream, _ in seen if stream is one]) >= 5


def test_no_asyncio_after_a_run_and_a_stream(agentos_latest: PeerServer) -> None:
    script = """
import sys
import remoteagent_lite
from remoteagent_lite import RemoteAgent, AgentOSClient, Image
assert "asyncio" not in sys.modules
with RemoteAgent(%r, "my-agent") as agent:
    agent.run("hello"); agent.name; agent.db.get_sessions()
    with agent.run("hello", stream=True) as stream:
        stream.output()
for name in ("asyncio", "pydantic", "typing_extensions", "httpx"):
    assert name not in sys.modules, name
"""
    done = subprocess.run([sys.executable, "-c", script % agentos_latest.url], timeout=60)
    assert done.returncode == 0


def test_ctrl_c_while_a_stream_is_silent_leaves_cleanly(agentos_latest: PeerServer) -> None:
    script = """
import sys
from remoteagent_lite import RemoteAgent
with RemoteAgent(%r, "plain").run("silent:60", stream=True) as stream:
    for event in stream:
        print(event.event, flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", script % agentos_latest.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() == b"RunStarted"
    child.send_signal(signal.SIGINT)
    _, complaint = child.communicate(timeout=10)
    assert child.returncode in (-signal.SIGINT, 130, 1)
    assert complaint.rstrip().endswith(b"KeyboardInterrupt")


def test_run_is_cancelled_from_inside_the_loop_that_reads_it(latest: RemoteAgent) -> None:
    with latest.run("slow:200:0.05", stream=True) as stream:
        events = []
        for event in stream:
            events.append(event.event)
            if len(events) == 5:
                assert stream.cancel()
    assert events[-1] == "RunCancelled"
    assert stream.output().is_cancelled


def test_run_is_cancelled_by_another_thread_than_the_one_that_reads_it(latest: RemoteAgent) -> None:
    with latest.run("slow:200:0.05", stream=True) as stream:
        next(stream)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(stream.cancel).result(20)  # while this thread reads nothing
        assert stream.output().is_cancelled
