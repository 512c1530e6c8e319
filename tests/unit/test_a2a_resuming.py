"""Streams of A2A tasks that break, fall silent or lie, with answers crafted down to the byte."""

import json
import threading
import time
from functools import partial
from typing import Any, Callable, Dict, Iterator, List

import pytest

from remoteagent_lite import (
    A2AClient,
    RemoteAgent,
    RemoteTimeoutError,
    RetryPolicy,
    StreamInterruptedError,
    TaskNotFoundError,
    Timeout,
)
from tests.peers.a2a_crafted import (
    CARD_PATH,
    DONE,
    OLD_DONE,
    WORKING,
    Agent,
    card,
    error,
    interface,
    result,
    status_update,
    text_update,
)
from tests.peers.faults import (
    Connection,
    Handler,
    RawServer,
    Request,
    hang_up,
    raw,
    reply,
    silence,
    stream,
)

pytestmark = pytest.mark.usefixtures("folds_in_order")

refuse_503 = reply(b"", 503)
QUICK = RetryPolicy(max_attempts=2, backoff=0.01)
#: The longest silence that a test puts up with, and how long it may take to notice, in seconds.
SILENCE = 0.5
NOTICED = 5.0
#: The longest that a test waits which has gone wrong.
PATIENT = Timeout(read=20)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
SUBMITTED = dict(WORKING, status={"state": "TASK_STATE_SUBMITTED"})
OLD_WORKING = dict(OLD_DONE, status={"state": "working"}, artifacts=[])


def run_to_end(server: RawServer, **settings: Any) -> Any:
    """The output of a streamed run."""
    with RemoteAgent(server.url, "x", protocol="a2a", **settings) as agent:
        with agent.run("x", stream=True) as stream:
            return stream.output()


# The same again ----------------------------------------------------------------------------------

Events = List[Dict[str, Any]]


@pytest.mark.parametrize(
    "told",
    [
        [result({"task": SUBMITTED}), status_update("WORKING")],
        [result({"task": WORKING}), text_update("a", append=False), text_update("b")],
        [text_update("a", append=False), text_update("b", append=False)],
        [status_update("SUBMITTED"), status_update("WORKING")],
        [],
    ],
)
@pytest.mark.parametrize("client", [False, True])
def test_a_stream_that_breaks_the_same_way_each_time_is_never_resumed_for_ever(
    told: Events, client: bool
) -> None:
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": SUBMITTED}), status_update("WORKING"), *told],
        SubscribeToTask=told,
        GetTask=result(WORKING),
    ) as server:
        with pytest.raises(StreamInterruptedError):
            if client:
                with A2AClient(server.url, resume=QUICK) as spoken:
                    with spoken.stream_message("x") as stream:
                        stream.output()
            else:
                run_to_end(server, resume=QUICK)
        # The first resume may tell something new, and then as many as the policy has attempts.
        assert server.called.count("SubscribeToTask") <= 2 * QUICK.max_attempts
        assert server.called.count("GetTask") <= 2 * QUICK.max_attempts


def test_a_stream_that_tells_something_new_each_time_is_resumed_as_often() -> None:
    count = 10
    steps: Iterator[List[Dict[str, Any]]] = iter(
        [[result({"task": WORKING}), text_update("%d " % number)] for number in range(1, count)]
    )
    text = ""

    def subscribed(_: Any) -> Any:
        nonlocal text
        told: Any = next(steps, None)
        if told is None:
            return error(-32004, "over")
        artifacts = [{"artifactId": "a", "parts": [{"text": text or "0 "}]}] if text else []
        text = (text or "0 ") + told[1]["result"]["artifactUpdate"]["artifact"]["parts"][0]["text"]
        return [result({"task": dict(WORKING, artifacts=artifacts)}), told[1]]

    whole = "".join("%d " % number for number in range(count))
    done = dict(DONE, artifacts=[{"artifactId": "a", "parts": [{"text": whole}]}])
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": WORKING}), text_update("0 ", append=False)],
        SubscribeToTask=subscribed,
        GetTask=result(done),
    ) as server:
        assert run_to_end(server, resume=QUICK).content == whole
        assert server.called.count("SubscribeToTask") == count


# Answers that break off --------------------------------------------------------------------------

OVER = {
    "error": {
        "code": 400,
        "status": "FAILED_PRECONDITION",
        "message": "Task is in terminal state: TASK_STATE_COMPLETED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "UNSUPPORTED_OPERATION",
                "domain": "a2a-protocol.org",
            }
        ],
    }
}


def answer_of(status: str, value: Any) -> bytes:
    body = json.dumps(value).encode()
    head = (
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        "Connection: close\r\n\r\n"
    )
    return (head % (status, len(body))).encode() + body


REFUSED = answer_of("400 Bad Request", OVER)
STANDS = answer_of("200 OK", DONE)
#: Within the status line, a header, the empty line, and before the body's first and last byte.
CUTS = [5, 12, 25, 40, 80, REFUSED.index(b"{") - 1, REFUSED.index(b"{") + 1, len(REFUSED) - 1]


def over_rest(subscribed: List[bytes], looked_up: List[bytes]) -> RawServer:
    """A stream that breaks off, and what answers who subscribes to its task or asks for it."""
    described = card(interface("/rest", binding="HTTP+JSON"))
    first = {"task": WORKING}
    begun = stream([b"data: " + json.dumps(first).encode() + b"\n\n"], end="cut")

    def answer(connection: Connection, request: Request) -> None:
        if request.path == CARD_PATH:
            reply(json.dumps(described))(connection, request)
        elif request.path.endswith(":stream"):
            begun(connection, request)
        else:
            answers = subscribed if request.path.endswith(":subscribe") else looked_up
            raw(answers.pop(0) if len(answers) > 1 else answers[0])(connection, request)

    return RawServer(answer)


@pytest.mark.parametrize("cut", CUTS)
def test_an_error_that_breaks_off_is_never_taken_for_the_server_s_word(cut: int) -> None:
    """That a finished task cannot be subscribed to is heard once it has been said whole."""
    with over_rest([REFUSED[:cut], REFUSED], [STANDS]) as server:
        output = run_to_end(server, resume=QUICK)
        assert (output.status, output.content) == ("COMPLETED", "all of it")


@pytest.mark.parametrize(
    "cut", [12, STANDS.index(b"{") - 1, STANDS.index(b"{") + 1, len(STANDS) - 1]
)
def test_a_task_whose_answer_breaks_off_is_asked_for_again(cut: int) -> None:
    with over_rest([REFUSED], [STANDS[:cut], STANDS]) as server:
        # The server closes what the client may still take for open: that costs attempts too.
        patient = RetryPolicy(max_attempts=12, backoff=0.01, max_backoff=0.05)
        output = run_to_end(server, resume=patient, retry=RetryPolicy(max_attempts=1))
        assert (output.status, output.content) == ("COMPLETED", "all of it")


def test_answers_that_always_break_off_end_as_an_interrupted_stream() -> None:
    with over_rest([REFUSED[:-1]], [STANDS[:-1]]) as server:
        with pytest.raises(StreamInterruptedError) as caught:
            run_to_end(server, resume=QUICK, retry=RetryPolicy(max_attempts=1))
        assert caught.value.run_id == "t1"


# Ends in doubt -----------------------------------------------------------------------------------

EMPTY = [result({"task": WORKING}), status_update("COMPLETED")]


@pytest.mark.parametrize("lost", [hang_up, refuse_503, silence])
def test_an_end_in_doubt_is_looked_up_as_often_as_the_policy_says(lost: Handler) -> None:
    answers: Iterator[Any] = iter([lost, lost, result(DONE)])
    with Agent(card(), SendStreamingMessage=EMPTY, GetTask=lambda _: next(answers)) as server:
        settings = {"retry": RetryPolicy(max_attempts=1), "timeout": Timeout(read=SILENCE)}
        output = run_to_end(server, resume=QUICK, **settings)
        assert (output.status, output.content) == ("COMPLETED", "all of it")
        assert server.called.count("GetTask") == 3


@pytest.mark.parametrize("still", [result(WORKING), hang_up, refuse_503])
def test_an_end_in_doubt_that_nothing_settles_is_not_told_as_an_answer(still: Any) -> None:
    with Agent(card(), SendStreamingMessage=EMPTY, GetTask=lambda _: still) as server:
        with pytest.raises(StreamInterruptedError, match="could not be found out") as caught:
            run_to_end(server, resume=QUICK, retry=RetryPolicy(max_attempts=1))
        assert caught.value.run_id == "t1"
        assert server.called.count("GetTask") == 1 + QUICK.max_attempts


def test_an_end_in_doubt_of_a_forgotten_task_is_not_told_as_an_answer() -> None:
    gone = error(-32001, "Task not found")
    with Agent(card(), SendStreamingMessage=EMPTY, GetTask=gone) as server:
        with pytest.raises(StreamInterruptedError) as caught:
            run_to_end(server, resume=QUICK)
        assert type(caught.value.__cause__) is TaskNotFoundError
        assert server.called.count("GetTask") == 1


# Limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [False, True])
def test_cancelling_takes_no_longer_than_was_said(client: bool) -> None:
    never = threading.Event()
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": WORKING}), never],
        CancelTask=lambda _: silence,
        GetTask=lambda _: silence,
    ) as server:
        remote: Any = (
            A2AClient(server.url, timeout=PATIENT)
            if client
            else RemoteAgent(server.url, "x", protocol="a2a", timeout=PATIENT)
        )
        with remote:
            begin = remote.stream_message if client else partial(remote.run, stream=True)
            with begin("x") as stream:
                next(stream)
                began = time.monotonic()
                assert stream.cancel(wait=SILENCE) is False
                assert time.monotonic() - began < NOTICED


# Silence -----------------------------------------------------------------------------------------


def pinging(*events: Dict[str, Any]) -> Callable[[Any], Handler]:
    """These events, and then comments for as long as somebody listens."""

    def handle(connection: Connection, request: Request) -> None:
        connection.send(HEAD)
        for event in events:
            connection.send(b"data: " + json.dumps(event).encode() + b"\n\n")
        pause = threading.Event()
        while not pause.wait(0.02):
            connection.send(b": ping\n\n")

    return lambda _: handle


def mute(*events: Dict[str, Any]) -> Callable[[Any], Handler]:
    """These events, and then nothing at all."""

    def handle(connection: Connection, request: Request) -> None:
        connection.send(HEAD)
        for event in events:
            connection.send(b"data: " + json.dumps(event).encode() + b"\n\n")
        connection.wait_until_client_closes()
        connection.close()

    return lambda _: handle


OLD = {"message_stream": OLD_WORKING, "tasks_get": OLD_DONE}
NEW = {"SendStreamingMessage": {"task": WORKING}, "GetTask": DONE}
each_version = pytest.mark.parametrize(
    ("version", "methods"), [("1.0", NEW), ("0.3", OLD)], ids=["1.0", "0.3"]
)
each_quiet = pytest.mark.parametrize("quiet", [pinging, mute])


def quiet_server(version: str, methods: Dict[str, Any], quiet: Any, **more: Any) -> Agent:
    """A stream that begins and falls silent, and the task as it is looked up."""
    (begin, first), (get, looked_up) = methods.items()
    answers = {begin: quiet(result(first)), get: result(looked_up), **more}
    return Agent(card(interface(version=version)), **answers)


def named(methods: Dict[str, Any]) -> List[str]:
    return [name.replace("_", "/") for name in methods]


@each_version
@each_quiet
def test_a_task_that_completes_in_silence_is_never_an_error(
    version: str, methods: Dict[str, Any], quiet: Any
) -> None:
    with quiet_server(version, methods, quiet) as server:
        began = time.monotonic()
        output = run_to_end(server, timeout=Timeout(read=SILENCE))
        assert time.monotonic() - began < NOTICED
        assert (output.status, output.content) == ("COMPLETED", "all of it")
        assert server.called == [CARD_PATH, *named(methods)]  # looked up once


@each_version
@each_quiet
def test_a_silent_stream_never_costs_more_than_its_limit_and_a_look(
    version: str, methods: Dict[str, Any], quiet: Any
) -> None:
    _, get = methods
    still = dict(methods, **{get: OLD_WORKING if version == "0.3" else WORKING})
    with quiet_server(version, still, quiet) as server:
        began = time.monotonic()
        with pytest.raises(RemoteTimeoutError) as caught:
            run_to_end(server, timeout=Timeout(read=SILENCE))
        assert time.monotonic() - began < NOTICED
        assert (caught.value.phase, caught.value.seconds) == ("read", SILENCE)
        assert (caught.value.run_id, caught.value.session_id) == ("t1", "c1")
        assert server.called == [CARD_PATH, *named(still)]


@each_version
def test_a_server_that_is_silent_to_all_questions_never_costs_more_than_two_limits(
    version: str, methods: Dict[str, Any]
) -> None:
    _, get = methods
    with quiet_server(version, methods, mute, **{get: lambda _: silence}) as server:
        began = time.monotonic()
        with pytest.raises(RemoteTimeoutError) as caught:
            run_to_end(server, timeout=Timeout(read=SILENCE))
        assert time.monotonic() - began < NOTICED
        assert caught.value.phase == "read"
        assert len(server.requests) == 3


def test_a_task_that_went_on_in_silence_is_listened_to_again() -> None:
    half = dict(WORKING, artifacts=[{"artifactId": "a", "parts": [{"text": "half, "}]}])
    with Agent(
        card(),
        SendStreamingMessage=mute(result({"task": WORKING})),
        GetTask=result(half),
        SubscribeToTask=[
            result({"task": half}),
            text_update("and the rest"),
            status_update("COMPLETED"),
        ],
    ) as server:
        assert run_to_end(server, timeout=Timeout(read=SILENCE), resume=QUICK).content == (
            "half, and the rest"
        )
        assert server.called[1:] == ["SendStreamingMessage", "GetTask", "SubscribeToTask"]


@each_quiet
def test_the_clients_silent_streams_are_looked_up_too(quiet: Any) -> None:
    with quiet_server("1.0", NEW, quiet) as server:
        with A2AClient(server.url, timeout=Timeout(read=SILENCE)) as client:
            with client.stream_message("x") as stream:
                assert stream.output().status.state == "TASK_STATE_COMPLETED"
        assert server.called == [CARD_PATH, "SendStreamingMessage", "GetTask"]


def test_a_subscription_that_falls_silent_is_looked_up_too() -> None:
    """As a2a-sdk 0.3.26's does when somebody else cancels the task: it pings for ever."""
    stands: Iterator[Any] = iter([result(OLD_WORKING)] * 2 + [result(OLD_DONE)])
    with Agent(
        card(interface(version="0.3")),
        message_stream=[result(OLD_WORKING)],
        tasks_resubscribe=pinging(),
        tasks_get=lambda _: next(stands),
    ) as server:
        began = time.monotonic()
        assert run_to_end(server, timeout=Timeout(read=SILENCE)).content == "all of it"
        assert time.monotonic() - began < NOTICED
        assert server.called[1:] == [
            "message/stream",
            "tasks/get",
            "tasks/resubscribe",
            "tasks/get",
            "tasks/get",
        ]
