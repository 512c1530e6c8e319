"""How a run lives: continued once, cancelled for sure, waited for as long as was said, named."""

import contextlib
import json
import os
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator, List

import pytest

from remoteagent_lite import (
    AuthenticationError,
    NotFoundError,
    ProtocolError,
    RemoteAgent,
    RemoteAgentError,
    RemoteServerUnavailableError,
    RemoteTeam,
    RemoteTimeoutError,
    RemoteWorkflow,
    ServerError,
    StreamInterruptedError,
    Timeout,
)
from remoteagent_lite.cache import Recent
from remoteagent_lite.runs import recovery as recovery_module, runner as runner_module
from tests.interrupts import may_be_interrupted
from tests.peers.echo import Echo
from tests.peers.faults import RawServer, drip, hang_up, raw, reply, silence
from tests.peers.one_run import IDS, OneRun, found, held, numbered, refused, told

TOOL = {
    "tool_call_id": "call-1",
    "tool_name": "delete",
    "tool_args": {"path": "/x"},
    "requires_confirmation": True,
    "created_at": 1,
}
PAUSED = found("PAUSED", tools=[TOOL])
PAUSED_AGAIN = found(
    "PAUSED", tools=[dict(TOOL, confirmed=True), dict(TOOL, tool_call_id="call-2")]
)
DONE = found(content="deleted")
ACCEPTED = reply(json.dumps(dict(IDS, status="PENDING")), 202)


def decided(agent: Any) -> Any:
    paused = agent.run("delete /x")
    paused.tools[0].confirm()
    return paused


# Continued once ----------------------------------------------------------------------------------


def test_a_decision_made_in_two_processes_is_sent_once() -> None:
    """Two workers hold the same paused output; the second asks the server before it sends."""
    with OneRun(PAUSED, get=[PAUSED, DONE], go_on=[DONE]) as server:
        with RemoteAgent(server.url, "a") as first, RemoteAgent(server.url, "a") as second:
            paused = decided(first)
            copy = pickle.loads(pickle.dumps(paused))
            assert second.continue_run(copy).content == "deleted"
            with pytest.raises(ValueError, match="not paused but COMPLETED"):
                first.continue_run(paused)  # which remembers that it had paused
            assert server.called == ["run", "get", "continue", "get"]


WAITING = [
    (RemoteAgent, {"tools": [TOOL]}),
    (RemoteTeam, {"requirements": [{"id": "1", "tool_execution": TOOL}]}),
    (RemoteWorkflow, {"step_requirements": [{"step_id": "1", "requires_confirmation": True}]}),
]


@pytest.mark.parametrize(("remote", "waiting"), WAITING)
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", ["COMPLETED", "RUNNING", "CANCELLED", "ERROR"])
def test_a_run_that_another_process_has_continued_is_not_continued(
    remote: Any, waiting: Any, stream: bool, status: str
) -> None:
    with OneRun(found("PAUSED", **waiting), get=[found(status)]) as server:
        with remote(server.url, "a") as component:
            paused = component.run("x", **IDS)
            for item in paused.pending:
                item.confirm()
            with pytest.raises(ValueError, match="not paused but " + status):
                component.continue_run(pickle.loads(pickle.dumps(paused)), stream=stream)
        assert server.called == ["run", "get"]


def test_a_server_that_cannot_be_asked_is_continued_by_what_is_known_here() -> None:
    with OneRun(PAUSED, get=[refused(404)], go_on=[DONE]) as server, RemoteAgent(
        server.url, "a"
    ) as agent:
        paused = decided(agent)
        assert agent.continue_run(paused).content == "deleted"
        with pytest.raises(ValueError, match="not paused but COMPLETED"):
            agent.continue_run(paused)
        assert server.called == ["run", "get", "continue"]


def test_a_newer_pause_that_another_process_has_met_is_not_decided_by_an_older_output() -> None:
    with OneRun(PAUSED, get=[PAUSED_AGAIN]) as server, RemoteAgent(server.url, "a") as agent:
        with pytest.raises(ValueError, match="has paused again since"):
            agent.continue_run(decided(agent))
        assert server.called == ["run", "get"]


def test_an_interrupt_in_any_line_of_a_continue_leaves_the_run_continuable() -> None:
    """Ctrl-C at the wrong moment must not leave a claim that nobody takes back."""
    files = {runner_module.__file__, recovery_module.__file__}

    def interrupted_at(number: int) -> bool:
        left = [number]

        def trace(frame: Any, event: str, argument: Any) -> Any:
            if frame.f_code.co_filename not in files:
                return None
            if event == "line" and may_be_interrupted(frame):
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt
            return trace

        with RemoteAgent(server.url, "a") as agent:
            paused = decided(agent)
            sys.settrace(trace)
            try:
                agent.continue_run(paused)
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(None)
            assert agent._recovery._memory._claims == {}
        return left[0] <= 0

    with OneRun(PAUSED, get=[PAUSED], go_on=[DONE]) as server:
        number = 1
        while interrupted_at(number):
            number += 1
            assert number < 500
    assert number > 30


# Waited for --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_pause_that_has_been_decided_is_not_waited_for_again(stream: bool) -> None:
    """A durable queue takes note of a decision first, and the run is found paused until it's up."""
    looks = [PAUSED, PAUSED, PAUSED, found("RUNNING"), DONE]
    answer = held(numbered(0)) if stream else ACCEPTED
    with OneRun(PAUSED, get=looks, go_on=[answer]) as server, RemoteAgent(server.url, "a") as agent:
        paused = decided(agent)
        going_on = agent.continue_run(paused, background=True, stream=stream)
        with contextlib.closing(going_on) if stream else contextlib.nullcontext():
            assert agent.wait_run("r", wait=20).content == "deleted"
        assert server.called.count("get") == 5


def test_a_decided_run_is_not_continued_again_before_the_server_has_taken_it_up() -> None:
    with OneRun(PAUSED, get=[PAUSED], go_on=[ACCEPTED]) as server, RemoteAgent(
        server.url, "a"
    ) as agent:
        paused = decided(agent)
        agent.continue_run(paused, background=True)
        assert agent.get_run("r").is_paused  # as the server has it
        with pytest.raises(ValueError, match="being continued already"):
            agent.continue_run(paused)
        with pytest.raises(RemoteTimeoutError, match="still PAUSED"):
            agent.wait_run("r", wait=0.3)
        assert server.called.count("continue") == 1


def test_a_run_that_pauses_for_something_new_has_paused() -> None:
    looks = [PAUSED, PAUSED, PAUSED_AGAIN, PAUSED_AGAIN]
    with OneRun(PAUSED, get=looks, go_on=[ACCEPTED, DONE]) as server, RemoteAgent(
        server.url, "a"
    ) as agent:
        agent.continue_run(decided(agent), background=True)
        again = agent.wait_run("r", wait=20)
        assert [tool.tool_call_id for tool in again.pending] == ["call-2"]
        again.pending[0].confirm()
        assert agent.continue_run(again).content == "deleted"
        assert server.called.count("continue") == 2


def test_a_refused_background_continue_leaves_the_run_paused() -> None:
    with OneRun(PAUSED, get=[PAUSED], go_on=[refused(429), ACCEPTED]) as server, RemoteAgent(
        server.url, "a"
    ) as agent:
        paused = decided(agent)
        with pytest.raises(RemoteAgentError):
            agent.continue_run(paused, background=True)
        assert agent.wait_run("r", wait=5).is_paused
        assert agent.continue_run(paused, background=True).status == "PENDING"


SLOW_HEAD = drip(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 100)


def bounded(seconds: float, function: Callable[[], Any]) -> Any:
    """What the function gives, if it takes no longer than it may, by a generous measure."""
    began = time.monotonic()
    try:
        return function()
    except RemoteAgentError as error:
        return error
    finally:
        assert time.monotonic() - began < seconds + 3


@pytest.mark.parametrize("get", [silence, found("RUNNING")])
def test_waiting_for_a_run_takes_no_longer_than_was_said(get: Any) -> None:
    with OneRun(get=[get]) as server, RemoteAgent(server.url, "a", timeout=30) as agent:
        error = bounded(0.5, lambda: agent.wait_run("r", "s", wait=0.5))
        assert type(error) is RemoteTimeoutError
        assert (error.run_id, error.session_id, error.phase) == ("r", "s", "total")
        assert "after 0.5 s" in str(error)


def test_a_shorter_limit_of_a_call_holds_while_a_run_is_waited_for() -> None:
    with OneRun(get=[silence]) as server, RemoteAgent(server.url, "a", timeout=30) as agent:
        timeout = Timeout(connect=5, read=0.2)
        error = bounded(0.2, lambda: agent.wait_run("r", "s", wait=20, timeout=timeout))
        assert (type(error), error.phase) == (RemoteTimeoutError, "read")


@pytest.mark.parametrize(
    ("cancel", "get"),
    [
        (silence, silence),
        (reply("{}"), silence),
        (reply("{}"), found("RUNNING")),
        (reply("{}"), refused(404, "Run not found")),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_cancelling_takes_no_longer_than_was_said(cancel: Any, get: Any, streaming: bool) -> None:
    with OneRun(held(numbered(0)), get=[get], cancel=[cancel]) as server:
        with RemoteAgent(server.url, "a", timeout=30) as agent:
            if not streaming:
                cancelling = lambda: agent.cancel_run("r", session_id="s", wait=0.5)  # noqa: E731
                assert bounded(0.5, cancelling) is False
                return
            with agent.run("x", stream=True, background=True, **IDS) as stream:
                assert bounded(0.5, lambda: stream.cancel(wait=0.5)) is False


def test_a_cancel_that_may_take_no_time_is_refused_instead_of_forgotten() -> None:
    with OneRun(held(numbered(0))) as server, RemoteAgent(server.url, "a") as agent:
        for wait in (0, -1):
            with pytest.raises(ValueError, match="more than 0 seconds"):
                agent.cancel_run("r", session_id="s", wait=wait)
        with agent.run("x", stream=True, **IDS) as stream:
            with pytest.raises(ValueError, match="more than 0 seconds"):
                stream.cancel(wait=0)
        assert server.called == ["run"]


# Cancelled for sure ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405])
def test_a_run_that_cannot_be_looked_up_is_not_taken_for_cancelled(status: int) -> None:
    with OneRun(get=[refused(status)], cancel=[reply("{}")]) as server:
        with RemoteAgent(server.url, "a") as agent:
            assert agent.cancel_run("r", session_id="s", wait=0.3) is False


def test_what_an_old_servers_stream_tells_confirms_a_cancel() -> None:
    cancelled = b'event: RunCancelled\ndata: {"event": "RunCancelled", "run_id": "r"}\n\n'
    gate = threading.Event()
    streamed = told(numbered(0), gate, cancelled)

    def cancel(connection: Any, request: Any) -> None:
        gate.set()
        reply("{}")(connection, request)

    with OneRun(streamed, get=[refused(404)], cancel=[cancel]) as server:
        with RemoteAgent(server.url, "a") as agent, ThreadPoolExecutor(1) as pool:
            with agent.run("x", stream=True, **IDS) as stream:
                output = pool.submit(stream.output)
                assert agent.cancel_run("r", wait=20)
                assert output.result(20).is_cancelled


OTHER = reply(json.dumps(dict(IDS, run_id="other", status="CANCELLED")))


@pytest.mark.parametrize(
    "ask",
    [
        lambda agent: agent.get_run("r", "s"),
        lambda agent: agent.wait_run("r", "s", wait=5),
        lambda agent: agent.cancel_run("r", session_id="s", wait=5),
    ],
)
def test_an_answer_about_another_run_is_not_believed(ask: Any) -> None:
    with OneRun(get=[OTHER], cancel=[reply("{}")]) as server, RemoteAgent(server.url, "a") as agent:
        with pytest.raises(
            ProtocolError, match="about run r and answered about run other"
        ) as caught:
            ask(agent)
        assert (caught.value.run_id, caught.value.session_id) == ("r", "s")
        assert agent._recovery._memory.latest.get("other") is None


# Named -------------------------------------------------------------------------------------------

HTML = reply("<html>", content_type="text/html")
FAILURES = [
    (refused(504, "gateway"), ServerError),
    (refused(401, "no token"), AuthenticationError),
    (refused(404, "Agent not found"), NotFoundError),
    (reply('{"run_id": '), ProtocolError),
    (reply("[1]"), ProtocolError),
    (HTML, ProtocolError),
    (hang_up, RemoteServerUnavailableError),
    (silence, RemoteTimeoutError),
    (raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"),
     RemoteServerUnavailableError),
]  # fmt: skip


def named(error: RemoteAgentError) -> bool:
    again = pickle.loads(pickle.dumps(error))
    for each in (error, again):
        assert (each.run_id, each.session_id) == ("run-7f", "s")
        assert "run-7f" in str(each)
        assert str(each) == each.message
    return True


@pytest.mark.parametrize(("answer", "kind"), FAILURES)
@pytest.mark.parametrize("stream", [False, True])
def test_every_error_of_a_run_names_it(answer: Any, kind: Any, stream: bool) -> None:
    timeout = Timeout(connect=5, read=0.3)
    with RawServer(answer) as server, RemoteAgent(server.url, "a", timeout=timeout) as agent:
        with pytest.raises(RemoteAgentError) as caught:
            agent.run("x", stream=stream, run_id="run-7f", session_id="s")
        assert isinstance(caught.value, kind) or stream
        assert named(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda agent: agent.get_run("run-7f", "s"),
        lambda agent: agent.wait_run("run-7f", "s", wait=5),
        lambda agent: agent.cancel_run("run-7f", session_id="s", wait=5),
        lambda agent: agent.resume("run-7f", "s"),
        lambda agent: agent.continue_run("run-7f", [], session_id="s"),
    ],
)
def test_every_error_about_a_known_run_names_it(call: Any) -> None:
    with RawServer(refused(500, "broken")) as server, RemoteAgent(server.url, "a") as agent:
        with pytest.raises(ServerError) as caught:
            call(agent)
        assert named(caught.value)


@pytest.mark.parametrize(
    "pieces", [[b"data: oops\n\n"], [b"data: \xff\n\n"], [], [b'data: {"event": "RunContent"']]
)
def test_every_error_of_a_stream_names_its_run(pieces: List[bytes]) -> None:
    with RawServer(told(*pieces)) as server, RemoteAgent(server.url, "a") as agent:
        with agent.run("x", stream=True, run_id="run-7f", session_id="s") as stream:
            with pytest.raises(ProtocolError) as caught:
                stream.output()
        assert named(caught.value)
        undecodable = b"oops" in b"".join(pieces) or b"\xff" in b"".join(pieces)
        assert isinstance(caught.value, StreamInterruptedError) is not undecodable


# Threads, forks and the token --------------------------------------------------------------------


def test_a_token_function_that_reads_what_its_token_fetches_does_not_wait_for_itself() -> None:
    agents: List[RemoteAgent] = []
    with RawServer(reply('{"id": "a", "name": "A"}')) as server:
        with RemoteAgent(
            server.url, "a", auth_token=lambda: "token-" + str(agents[0].name)
        ) as agent:
            agents.append(agent)
            with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="auth_token="):
                pool.submit(lambda: agent.name).result(10)


@pytest.fixture
def busy() -> Iterator[Recent[int]]:
    """A cache that two threads write to without a pause."""
    recent: Recent[int] = Recent(8)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            recent.keep(str(number % 32), number)
            number += 1

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield recent
    stop.set()
    for thread in threads:
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_wait_for_a_thread_of_its_parent(busy: Recent[int]) -> None:
    for _ in range(50):
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child that waits for a lock nobody will release
            busy.keep("mine", 1)
            os._exit(0 if busy.get("mine") == 1 else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_what_many_threads_keep_is_bounded(busy: Recent[int]) -> None:
    for _ in range(100):
        busy.keep("mine", 1)
        assert len(busy._values) < 8 + 3


@pytest.mark.parametrize("protocol", ["agentos", "a2a"])
@pytest.mark.parametrize("empty", [None, "", float("nan"), {"a": [float("inf")]}])
def test_an_empty_cell_is_no_prompt(raw_server: RawServer, protocol: str, empty: Any) -> None:
    with RemoteAgent(raw_server.url, "a", protocol=protocol) as agent:
        with pytest.raises((ValueError, TypeError), match=r"^input.*(empty|JSON)"):
            agent.run(empty)
    assert raw_server.requests == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_run_is_waited_for_through_busy_times(status: int) -> None:
    busy = reply(b'{"detail": "slow down"}', status, headers=[("Retry-After", "0")])
    running = reply('{"run_id": "r", "session_id": "s", "status": "RUNNING"}')
    ended = reply('{"run_id": "r", "session_id": "s", "status": "COMPLETED", "content": "hi"}')
    with RawServer(busy, running, busy, busy, ended) as server:
        with RemoteAgent(server.url, "a") as agent:
            assert agent.wait_run("r", "s", wait=60).content == "hi"
        assert len(server.requests) == 5


# Ids that were used before ----------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_run_with_the_ids_of_another_is_refused(stream: bool) -> None:
    echo = Echo()
    with RawServer(echo) as server:
        with RemoteAgent(server.url, "a") as agent:
            agent.run("one", run_id="r", session_id="other")
        with RemoteAgent(server.url, "a") as agent:  # which knows nothing of the other
            with pytest.raises(ValueError, match=r"'r'.*other.*COMPLETED.*once="):
                agent.run("two", run_id="r", session_id="other", stream=stream)
    assert echo.executions == {"one": 1}


@pytest.mark.parametrize("answer", [reply(b"{}", 404), reply(b"{}", 500), reply(b"[]"), hang_up])
def test_a_server_that_cannot_tell_of_a_run_hinders_none(answer: Any) -> None:
    echo = Echo()

    def handler(connection: Any, request: Any) -> None:
        (answer if request.method == "GET" else echo)(connection, request)

    with RawServer(handler) as server, RemoteAgent(server.url, "a") as agent:
        assert agent.run("one", run_id="r", session_id="s").content == "echo: one"


def test_the_look_at_what_has_been_is_within_the_limit_of_the_run() -> None:
    limit = Timeout(connect=5, read=5, total=0.4)
    with RawServer(silence) as server, RemoteAgent(server.url, "a", timeout=limit) as agent:
        with pytest.raises(RemoteTimeoutError) as caught:
            agent.run("one", run_id="r", session_id="s")
    assert caught.value.run_id == "r"
    assert [request.method for request in server.requests][:1] == ["GET"]
    assert all(request.method == "GET" for request in server.requests)  # no time is left
