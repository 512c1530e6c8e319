"""Streams that are taken up again: what came once comes once, what is missing is noticed."""

import contextlib
import json
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

import pytest

from remoteagent_lite import (
    RemoteAgent,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTeam,
    RemoteTimeoutError,
    RemoteWorkflow,
    RetryPolicy,
    StreamClosedError,
    StreamInterruptedError,
    Timeout,
    merge,
)
from remoteagent_lite.http import exchange
from remoteagent_lite.runs import course, reader, stream as stream_module
from tests.peers.faults import (
    Connection,
    RawServer,
    Request,
    hang_up,
    raw,
    reply,
    reset,
    silence,
    sse,
)
from tests.peers.one_run import (
    IDS,
    LAST,
    STORY,
    WHOLE,
    OneRun,
    control,
    found,
    frame,
    held,
    numbered,
    refused,
    told,
)

Handler = Callable[[Connection, Request], None]

pytestmark = pytest.mark.usefixtures("folds_in_order")

QUICK = RetryPolicy(max_attempts=4, backoff=0.01, max_backoff=0.02)
PATIENT = Timeout(connect=20, read=20)


@pytest.fixture
def open_run() -> Iterator[Callable[..., Any]]:
    with contextlib.ExitStack() as cleaning:

        def open_run(server: RawServer, remote: Any = RemoteAgent, **options: Any) -> Any:
            settings = {"timeout": PATIENT, "resume": QUICK, **options.pop("settings", {})}
            agent = cleaning.enter_context(remote(server.url, "a", **settings))
            given = {**IDS, "background": True, "stream": True, **options}
            return cleaning.enter_context(agent.run("x", **given))

        yield open_run


def numbers(events: Sequence[Any]) -> List[Any]:
    return [event.__dict__.get("event_index") for event in events]


def names(events: Sequence[Any]) -> List[str]:
    return [event.event for event in events]


def text_of(events: Sequence[Any]) -> str:
    return "".join(event.content for event in events if event.event == "RunContent")


def interrupted(run: Any) -> StreamInterruptedError:
    with pytest.raises(StreamInterruptedError) as caught:
        run.output()
    return caught.value


# Resume first, settle last -----------------------------------------------------------------------


@pytest.mark.parametrize("away", [hang_up, reset, refused(503), refused(502), told(end="cut")])
def test_a_run_that_ends_while_it_cannot_be_resumed_is_told_to_its_end(
    open_run: Any, away: Handler
) -> None:
    rest = told(control("replay", status="COMPLETED", total_buffered=8), *range(3, 8))
    with OneRun(told(0, 1, 2, end="cut"), away, away, away, rest) as server:
        run = open_run(server)
        events = list(run)
        assert numbers(events) == list(range(8))
        assert (run.output().status, run.output().content) == ("COMPLETED", WHOLE)
        assert server.called == ["run"] + ["resume"] * 4
        assert server.asked_for() == ["2"] * 4


def test_every_break_is_resumed_from_the_last_event(open_run: Any) -> None:
    def from_behind(connection: Connection, request: Request) -> None:
        first = int(request.form["last_event_index"][0]) + 1
        end = "clean" if first == LAST else "cut"
        told(control("subscribed", status="running"), first, end=end)(connection, request)

    with OneRun(told(0, end="reset"), from_behind) as server:
        run = open_run(server)
        assert numbers(list(run)) == list(range(8))
        assert run.output().content == WHOLE
        assert server.asked_for() == [str(index) for index in range(LAST)]


STORED = [
    dict(IDS, event="RunStarted", event_index=0),
    dict(IDS, event="ModelRequestStarted", event_index=1),
    dict(IDS, event="ModelRequestCompleted", event_index=6),
    dict(IDS, event="RunCompleted", content=WHOLE),
]


@pytest.mark.parametrize(
    "resume",
    [
        refused(404),
        refused(405),
        refused(422, "no"),
        told(),
        told(control("replay", status="COMPLETED", total_events=0)),
        told(control("error", error="Run r not found in buffer or database")),
        told(control("stream_expired", message="over")),
        reply("<html>", content_type="text/html"),
    ],
)
def test_a_run_that_cannot_be_resumed_is_settled_with_what_is_known_of_it(
    open_run: Any, resume: Handler
) -> None:
    get = found(content=WHOLE, events=STORED)
    with OneRun(told(0, 1, 2, 3, end="cut"), resume, get=[get]) as server:
        run = open_run(server)
        events = list(run)
        told_before = 4 + (events[4].event in ("error", "stream_expired"))
        rest = events[told_before:]
        assert names(rest) == ["RunContent", "ModelRequestCompleted", "RunCompleted"]
        assert text_of(events) == WHOLE
        assert rest[-1].content == WHOLE
        assert (run.output().status, run.output().content) == ("COMPLETED", WHOLE)
        assert list(run.text()) == []
        assert server.called == ["run", "resume", "get"]


@pytest.mark.parametrize(
    ("remote", "prefix"),
    [(RemoteAgent, "Run"), (RemoteTeam, "TeamRun"), (RemoteWorkflow, "Workflow")],
)
@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("COMPLETED", "Completed"),
        ("ERROR", "Error"),
        ("CANCELLED", "Cancelled"),
        ("PAUSED", "Paused"),
        ("REGENERATED", "Completed"),
    ],
)
def test_a_settled_run_ends_with_its_terminal_event(
    open_run: Any, remote: Any, prefix: str, status: str, ending: str
) -> None:
    started = sse(
        prefix + "Started", json.dumps(dict(IDS, event=prefix + "Started", event_index=0))
    )
    get = found(status, content="what there is", tools=[{"tool_call_id": "1", "tool_name": "t"}])
    with OneRun(told(started, end="cut"), refused(404), get=[get]) as server:
        run = open_run(server, remote)
        events = list(run)
        assert events[-1].event == prefix + ending
        assert type(events[-1]).__name__.startswith(prefix)
        said = events[-1].error if events[-1].event == "WorkflowError" else events[-1].content
        assert said == "what there is" or (prefix == "Workflow" and ending == "Paused")
        assert (run.output().status, run.output().content) == (status, "what there is")


def test_a_workflow_of_an_old_server_is_settled_without_losing_or_doubling_an_event(
    open_run: Any,
) -> None:
    """Agno 2.9 stores its events without their numbers, and replays nothing after a restart."""
    inner = {"run_id": "inner"}
    stored: List[Any] = [
        dict(IDS, event="WorkflowStarted"),
        dict(IDS, event="StepStarted", step_id="1"),
        dict(inner, event="RunContent", content="a"),
        dict(inner, event="RunContent", content="a"),
        dict(IDS, event="StepCompleted", step_id="1"),
        dict(IDS, event="WorkflowCompleted", content="aa"),
    ]
    live = [
        sse(each["event"], json.dumps(dict(each, event_index=index)))
        for index, each in enumerate(stored)
    ]
    get = found(content="aa", events=stored)
    with OneRun(told(*live[:3], end="cut"), told(), get=[get]) as server:
        run = open_run(server, RemoteWorkflow)
        assert names(list(run)) == [each["event"] for each in stored]
        assert run.output().content == "aa"


@pytest.mark.parametrize("get", [found("RUNNING"), found("PENDING"), refused(404), refused(401),
                                 hang_up, refused(404, "Run not found")])  # fmt: skip
def test_a_run_of_which_nothing_is_known_is_given_up(open_run: Any, get: Handler) -> None:
    with OneRun(told(0, 1, 2, end="cut"), told(), get=[get]) as server:
        error = interrupted(open_run(server))
        assert "could not be resumed" in str(error)
        assert (error.output.content, error.output.status) == ("one ", "RUNNING")
        assert (error.run_id, error.session_id, error.last_event_index) == ("r", "s", 2)
        assert server.called.count("resume") == QUICK.max_attempts


def test_a_run_that_died_with_its_server_is_not_completed_for_a_clean_end(open_run: Any) -> None:
    dead = told(control("replay", status="RUNNING", total_events=0))
    first = told(frame("RunContent", content="one ", event_index=0), end="cut")
    with OneRun(first, dead, get=[found("RUNNING")]) as server:
        error = interrupted(open_run(server, stream_events=False))
        assert error.output.content == "one "


def test_what_the_server_has_forgotten_is_said_with_its_words(open_run: Any) -> None:
    gone = told(control("error", error="Run r not found in buffer or database"))
    with OneRun(told(0, 1, end="cut"), gone, get=[refused(404, "Run not found")]) as server:
        error = interrupted(open_run(server))
        assert "not found in buffer or database" in str(error)
        assert server.called == ["run", "resume", "get"]


# A pause before each, and not for ever -----------------------------------------------------------


def test_no_stream_is_taken_up_again_without_the_policys_pause(open_run: Any) -> None:
    policy = RetryPolicy(max_attempts=5, backoff=0.05, max_backoff=0.1)
    again = told(control("subscribed", status="running"))
    with OneRun(told(0, end="cut"), again, get=[found("RUNNING")]) as server:
        interrupted(open_run(server, settings={"resume": policy}))
        at = [when for name, when in zip(server.called, server.times) if name != "get"]
    pauses = [after - before for before, after in zip(at, at[1:])]
    assert len(pauses) == 5
    assert all(pause >= least for pause, least in zip(pauses, [0.05, 0.1, 0.1, 0.1, 0.1]))


@pytest.mark.parametrize(
    "again",
    [
        told(control("catch_up", status="running"), 0, 1, end="cut"),
        told(control("subscribed", status="running"), end="reset"),
        told(b": heartbeat\n\n", end="cut"),
        told(frame("RunContent", content="one ", event_index=2)),
        hang_up,
    ],
)
def test_what_is_only_said_again_keeps_no_stream_alive(open_run: Any, again: Handler) -> None:
    with OneRun(told(0, 1, 2, end="cut"), again, get=[found("RUNNING")]) as server:
        error = interrupted(open_run(server))
        assert server.called.count("resume") == QUICK.max_attempts
        assert error.output.content == "one "


# Holes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        control("catch_up", status="running"),
        control("replay", status="COMPLETED", total_buffered=8),
    ],
)
def test_a_hole_is_noticed_and_what_is_missing_is_fetched(open_run: Any, head: bytes) -> None:
    holed = told(head, 3, 5, 6, 7)
    with OneRun(told(0, 1, 2, end="cut"), holed, told(head, 4, 5, 6, 7)) as server:
        run = open_run(server)
        events = list(run)
        assert numbers(events) == list(range(8))
        assert text_of(events) == WHOLE
        assert server.asked_for() == ["2", "3"]


def test_a_hole_at_the_beginning_of_a_resumed_stream_is_asked_for_again(open_run: Any) -> None:
    with OneRun(told(0, 1, 2, end="cut"), told(7), told(*range(3, 8))) as server:
        assert numbers(list(open_run(server))) == list(range(8))
        assert server.asked_for() == ["2", "2"]


def test_a_hole_that_stays_is_settled_with_what_the_run_has_become(open_run: Any) -> None:
    get = found(content=WHOLE, events=STORED)
    with OneRun(told(0, 1, 2, end="cut"), told(5, 6, 7), get=[get]) as server:
        run = open_run(server)
        events = list(run)
        assert text_of(events) == WHOLE
        assert events[-1].event == "RunCompleted"
        assert server.called == ["run", "resume", "resume", "get"]


def test_a_hole_that_stays_open_interrupts_the_stream(open_run: Any) -> None:
    with OneRun(told(0, 1, 2, end="cut"), told(5, 6, 7), get=[found("RUNNING")]) as server:
        error = interrupted(open_run(server))
        assert "numbers 3 to 4 are missing" in str(error)
        assert (error.output.content, error.last_event_index) == ("one ", 2)


def test_numbers_that_a_database_leaves_out_are_no_hole(open_run: Any) -> None:
    stored = told(control("replay", status="COMPLETED", total_events=2), 6, 7)
    with OneRun(told(0, 1, 2, end="cut"), stored) as server:
        run = open_run(server)
        assert numbers(list(run)) == [0, 1, 2, 6, 7]
        assert run.output().content == WHOLE


@pytest.mark.parametrize("first", [90, 10**9])
def test_a_first_number_that_is_too_high_makes_nothing_later_a_repetition(
    open_run: Any, first: int
) -> None:
    odd = frame("RunStarted", event_index=first)
    whole = told(odd, *range(1, 8))
    with OneRun(told(odd, 1, 2, end="cut"), whole) as server:
        events = list(open_run(server))
        assert numbers(events) == [first, *range(1, 8)]


def test_a_server_that_counts_from_one_is_resumed_without_a_loss(open_run: Any) -> None:
    one = [
        frame(name, event_index=index + 1, **fields) for index, (name, fields) in enumerate(STORY)
    ]
    with OneRun(told(*one[:3], end="cut"), told(*one[:5], end="cut"), told(*one)) as server:
        assert numbers(list(open_run(server))) == list(range(1, 9))


# Ends that nothing proves ------------------------------------------------------------------------

PIECES = [frame("RunContent", content=each) for each in ("one ", "two ")]


@pytest.mark.parametrize("get", [found("RUNNING"), found("CANCELLED"), refused(404), hang_up])
def test_an_answer_that_is_cut_between_frames_is_not_completed(open_run: Any, get: Handler) -> None:
    with OneRun(told(*PIECES, framing="close"), get=[get]) as server:
        run = open_run(server, background=False, stream_events=False)
        error = interrupted(run)
        assert (error.output.content, error.output.status) == ("one two ", "RUNNING")


def test_an_answer_whose_end_nothing_proves_is_looked_up(open_run: Any) -> None:
    with OneRun(told(*PIECES, framing="close"), get=[found(content=WHOLE)]) as server:
        run = open_run(server, background=False, stream_events=False)
        assert "".join(run.text()) == WHOLE
        assert (run.output().status, run.output().content) == ("COMPLETED", WHOLE)
        assert server.called == ["run", "get"]


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_an_end_that_its_framing_proves_is_believed(open_run: Any, framing: str) -> None:
    with OneRun(told(*PIECES, framing=framing)) as server:
        run = open_run(server, background=False, stream_events=False)
        assert (run.output().status, run.output().content) == ("COMPLETED", "one two ")


def test_a_background_run_without_events_that_is_cut_between_frames_is_resumed(
    open_run: Any,
) -> None:
    cut = [frame("RunContent", content="one ", event_index=0)]
    rest = [frame("RunContent", content="two ", event_index=1)]
    with OneRun(told(*cut, framing="close"), told(*rest)) as server:
        run = open_run(server, stream_events=False)
        assert (run.output().status, run.output().content) == ("COMPLETED", "one two ")


# Silence, limits, and the end of a body ----------------------------------------------------------


def test_a_server_that_does_not_answer_costs_no_more_than_a_silence_and_a_look(
    open_run: Any,
) -> None:
    with OneRun(held(0, 1), silence) as server:
        run = open_run(server, settings={"timeout": Timeout(connect=5, read=0.3)})
        began = time.monotonic()
        with pytest.raises(RemoteTimeoutError) as caught:
            run.output()
        assert time.monotonic() - began < 5
        assert (caught.value.phase, caught.value.run_id) == ("read", "r")
        assert server.called == ["run", "resume"]


def test_a_run_that_is_silent_but_alive_is_waited_for(open_run: Any) -> None:
    alive = held(control("subscribed", status="running"))
    rest = told(control("subscribed", status="running"), *range(2, 8))
    with OneRun(held(0, 1), alive, rest, get=[found("RUNNING")]) as server:
        run = open_run(server, settings={"timeout": Timeout(connect=5, read=0.2)})
        assert run.output().content == WHOLE


def pinging(*pieces: Any) -> Handler:
    """Streams the events, and comments for as long as the client listens."""
    sent = [numbered(each) if isinstance(each, int) else each for each in pieces]

    def handle(connection: Connection, request: Request) -> None:
        raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", *sent, close=False)(
            connection, request
        )
        pause = threading.Event()
        while not pause.wait(0.02):
            connection.send(b": ping\n\n")

    return handle


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("total", [None, 0.5, 30])
def test_pings_behind_the_end_of_a_run_keep_nobody_waiting(
    open_run: Any, total: Optional[float], background: bool
) -> None:
    with OneRun(pinging(*range(8))) as server:
        timeout = Timeout(connect=5, read=20, total=total)
        run = open_run(server, settings={"timeout": timeout}, background=background)
        began = time.monotonic()
        assert (run.output().status, run.output().content) == ("COMPLETED", WHOLE)
        assert time.monotonic() - began < 8
        assert list(run) == []


def test_merged_streams_do_not_wait_for_pings_behind_an_end(open_run: Any) -> None:
    with OneRun(pinging(*range(8))) as one, OneRun(pinging(*range(8))) as two:
        assert len(list(merge(open_run(one), open_run(two)))) == 16


def test_what_belongs_to_the_end_of_a_run_is_waited_for(open_run: Any) -> None:
    go_on = threading.Event()
    paused = sse("WorkflowPaused", json.dumps(dict(IDS, event="WorkflowPaused")))
    output = sse("WorkflowRunOutput", json.dumps(dict(IDS, status="PAUSED", input="x")))
    with OneRun(told(paused, go_on, output)) as server:
        run = open_run(server, RemoteWorkflow)
        assert next(run).event == "WorkflowPaused"
        go_on.set()
        assert names(list(run)) == ["WorkflowRunOutput"]
        assert run.output().input == "x"


def test_the_total_limit_bounds_resuming_too(open_run: Any) -> None:
    policy = RetryPolicy(max_attempts=1000, backoff=0.02, max_backoff=0.05)
    timeout = Timeout(connect=5, read=5, total=0.6)
    with OneRun(told(0, end="cut"), hang_up) as server:
        run = open_run(server, settings={"resume": policy, "timeout": timeout})
        began = time.monotonic()
        with pytest.raises(RemoteTimeoutError) as caught:
            run.output()
        assert time.monotonic() - began < 5
        assert (caught.value.phase, caught.value.run_id) == ("total", "r")


# Closing while a stream is taken up again ---------------------------------------------------------


def started(run: Any) -> threading.Thread:
    """A thread that reads the stream to its end, whatever that is."""

    def read() -> None:
        with contextlib.suppress(RemoteAgentError):
            list(run)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def readers() -> List[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "remoteagent-stream"]


LONG = RetryPolicy(max_attempts=4, backoff=60, max_backoff=60)


@pytest.mark.parametrize(
    ("resume", "get", "settings", "calls"),
    [
        ([silence], [], {}, ["run", "resume"]),
        ([refused(404)], [silence], {}, ["run", "resume", "get"]),
        ([hang_up], [], {"resume": LONG}, ["run"]),
    ],
    ids=["resuming", "looking up", "pausing"],
)
def test_closing_a_stream_that_is_being_taken_up_again_ends_it_at_once(
    open_run: Any, resume: Any, get: Any, settings: Any, calls: List[str]
) -> None:
    with OneRun(told(0, end="cut"), *resume, get=get) as server:
        run = open_run(server, settings={"timeout": Timeout(connect=60, read=60), **settings})
        assert next(run).event == "RunStarted"
        consumer = started(run)
        server.wait_for_requests(len(calls))
        while run._course.state not in ("resuming", "looking up"):
            assert consumer.is_alive()
        began = time.monotonic()
        run.close()
        consumer.join(10)
        assert time.monotonic() - began < 3
        assert server.called == calls
        assert not readers()
        server.wait_until_idle()


def test_a_stream_for_which_there_is_no_thread_leaves_nothing_behind(
    open_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        if thread.name == "remoteagent-stream":
            raise RuntimeError("can't start new thread")
        plain(thread)

    plain = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", start)
    with OneRun(held(0, 1)) as server:
        error = interrupted(open_run(server))
        assert str(error.__cause__) == "can't start new thread"
        server.wait_until_idle()


def test_a_stream_that_is_closed_tells_nothing_of_what_was_found_out(open_run: Any) -> None:
    get = found(content=WHOLE, events=STORED)
    with OneRun(told(0, 1, 2, 3, end="cut"), refused(404), get=[get]) as server:
        run = open_run(server)
        assert [next(run).event for _ in range(5)][-1] == "RunContent"
        run.close()
        assert list(run) == []
        assert run.output().content == WHOLE


# The garbage collector ---------------------------------------------------------------------------


def test_a_finalizer_waits_for_nothing_whatever_line_it_interrupts(open_run: Any) -> None:
    """It may run within any line of any thread, and must not need what that thread holds."""
    files = {each.__file__ for each in (stream_module, course, reader, exchange)}

    def closing_at(number: int) -> bool:
        """Whether the line of that number was reached, in the consumer's thread or the reader's."""
        left = [number]
        source: Any = None

        def trace(frame: Any, event: str, argument: Any) -> Any:
            if frame.f_code.co_filename not in files:
                return None
            if event == "line" and source is not None and left[0] > 0:
                left[0] -= 1
                if left[0] == 0:
                    source.close()
            return trace

        def read() -> None:
            nonlocal source
            sys.settrace(trace)
            try:
                run = open_run(server)
                source = run._source
                with contextlib.suppress(RemoteAgentError):
                    list(run)
                run.close()
            finally:
                sys.settrace(None)

        threading.settrace(trace)  # type: ignore[arg-type]
        try:
            thread = threading.Thread(target=read, name="consumer", daemon=True)
            thread.start()
            thread.join(10)
        finally:
            threading.settrace(None)  # type: ignore[arg-type]
        assert not thread.is_alive(), "the finalizer waits, called at line %d" % number
        return left[0] <= 0

    again = told(control("subscribed", status="running"), *range(3, 8))
    with OneRun(told(0, 1, 2, end="cut"), again, get=[refused(404)]) as server:
        reached = [closing_at(number) for number in range(1, 1000, 7)]
    assert sum(reached) > 20
    assert not reached[-1]  # beyond the last line, so that all have been tried


# Events and the output are two things -------------------------------------------------------------


def test_changing_an_event_does_not_change_the_output(open_run: Any) -> None:
    tool = {"tool_call_id": "1", "tool_name": "t", "tool_args": {"a": [1]}, "result": "done"}
    metrics: Dict[str, Any] = {"input_tokens": 1, "details": {"model": [{"id": "m"}]}}
    pieces = [
        frame("RunStarted", metadata={"k": [1]}),
        frame("ToolCallStarted", tool=tool),
        frame("ToolCallCompleted", tool=tool),
        frame("RunContent", content={"deep": [1]}, content_type="Thing"),
        frame("RunCompleted", metrics=metrics, session_state={"s": [1]}),
    ]

    def spoil(value: Any) -> None:
        if isinstance(value, dict):
            for each in value.values():
                spoil(each)
            value["spoiled"] = True
        elif isinstance(value, list):
            for each in value:
                spoil(each)
            value.append("spoiled")

    with OneRun(told(*pieces)) as server:
        run = open_run(server)
        partial = []
        for event in run:
            partial.append(run.partial_output())
            spoil(event.__dict__)
            if event.event != "RunCompleted":
                spoil(partial[-1].__dict__)
        output = run.output().to_dict()
        assert "spoiled" not in json.dumps(output)
        assert output["tools"] == [tool]
        assert output["content"] == {"deep": [1]}
        assert (output["metrics"], output["session_state"]) == (metrics, {"s": [1]})


@pytest.mark.parametrize("remote", [RemoteWorkflow])
def test_changing_a_workflows_events_does_not_change_its_output(open_run: Any, remote: Any) -> None:
    step = {"step_name": "one", "content": {"deep": [1]}}
    requirements = [{"step_id": "1", "requires_confirmation": True}]

    def event(name: str, **fields: Any) -> bytes:
        return sse(name, json.dumps(dict(IDS, event=name, **fields)))

    output = dict(IDS, status="PAUSED", step_requirements=requirements, step_results=[step])
    pieces = [
        event("StepCompleted", step_response=step),
        event("WorkflowPaused", step_requirements=requirements),
        sse("WorkflowRunOutput", json.dumps(output)),
    ]
    with OneRun(told(*pieces)) as server:
        run = open_run(server, remote)
        for each in run:
            for requirement in each.__dict__.get("step_requirements") or []:
                getattr(requirement, "__dict__", requirement)["confirmed"] = True
            if each.event == "StepCompleted":
                each.__dict__["step_response"]["content"]["deep"].append(2)
        assert run.output().to_dict()["step_results"] == [step]
        assert [item.step_id for item in run.output().pending] == ["1"]


# Errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [refused(500, "broken"), refused(401, "no token")])
def test_the_refusal_to_resume_is_the_cause_of_the_error(open_run: Any, again: Handler) -> None:
    with OneRun(told(0, end="cut"), again, get=[again]) as server:
        error = interrupted(open_run(server))
        assert isinstance(error.__cause__, RemoteHTTPError)
        assert server.called == ["run", "resume", "get"]


def test_the_last_thing_that_broke_is_the_cause_of_the_error(open_run: Any) -> None:
    with OneRun(told(0, end="cut"), hang_up) as server:
        error = interrupted(open_run(server))
        assert isinstance(error.__cause__, RemoteServerUnavailableError)
        assert "could not be resumed (5 attempts)" in str(error)


def test_a_stream_closed_while_it_was_resumed_says_so(open_run: Any) -> None:
    with OneRun(told(0, end="cut"), held(1)) as server:
        run = open_run(server)
        assert numbers([next(run), next(run)]) == [0, 1]
        run.close()
        with pytest.raises(StreamClosedError):
            next(run)
