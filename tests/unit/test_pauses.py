"""Who waits through a pause: by what, for how long, and what ends it."""

import json
import threading
from typing import Any, Dict, Iterator, List

import pytest

from remoteagent_lite import (
    A2AClient,
    RemoteAgent,
    RemoteTimeoutError,
    RetryPolicy,
    StreamClosedError,
    StreamInterruptedError,
    TaskNotFoundError,
    Timeout,
)
from tests.peers.a2a_crafted import (
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
from tests.peers.faults import RawServer, reply, stream
from tests.peers.one_run import OneRun, control, found, frame, told

INPUT = dict(WORKING, status={"state": "TASK_STATE_INPUT_REQUIRED"})
LOGIN = dict(WORKING, status={"state": "TASK_STATE_AUTH_REQUIRED"})
OLD_INPUT = dict(OLD_DONE, status={"state": "input-required"}, artifacts=[])
#: What a task does once it is answered.
ANSWERED = [
    status_update("WORKING"),
    text_update("all of it", append=False),
    status_update("COMPLETED"),
]
UNKNOWN = error(-32001, "Task not found")
QUICK = RetryPolicy(max_attempts=2, backoff=0.01)
#: Longer than a task may be asked for in vain, if that were counted.
TIMES = 8
#: Limits that are reached, in seconds: the longest silence, and the whole.
SHORT, TOTAL = 0.5, 1.0
PATIENT = Timeout(read=20)


@pytest.fixture(autouse=True)
def asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    often = RetryPolicy(max_attempts=10**6, backoff=0.01, max_backoff=0.02)
    monkeypatch.setattr("remoteagent_lite.runs.waiting._ASKING", often)


@pytest.fixture
def answered() -> Iterator[threading.Event]:
    """What a server waits for. Set at last, so that none waits for ever."""
    event = threading.Event()
    yield event
    event.set()


def waiting(server: RawServer, **settings: Any) -> Any:
    """The stream of the task, through its pauses."""
    settings = {"protocol": "a2a", "timeout": PATIENT, "resume": QUICK, **settings}
    return RemoteAgent(server.url, "x", **settings).resume("t1", "c1", through_pauses=True)


def names(events: Any) -> List[str]:
    return [each.event for each in events]


def states(events: Any) -> List[str]:
    holders = [each.status_update or each.task for each in events if not each.artifact_update]
    return [each.status.state.replace("TASK_STATE_", "") for each in holders]


# A2AClient ends no stream ------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["INPUT_REQUIRED", "AUTH_REQUIRED"])
@pytest.mark.parametrize("subscribed", [False, True])
def test_the_client_reads_on_behind_a_pause(
    answered: threading.Event, state: str, subscribed: bool
) -> None:
    events = [result({"task": WORKING}), status_update(state), answered, *ANSWERED]
    with Agent(card(), SendStreamingMessage=events, SubscribeToTask=events) as server, A2AClient(
        server.url, timeout=PATIENT
    ) as client:
        opened = client.subscribe_to_task("t1") if subscribed else client.stream_message("x")
        with opened as run:
            run._fold.grace = 0.01  # type: ignore[misc]
            seen = [next(run), next(run)]
            with pytest.raises(TimeoutError):
                run.next_event(timeout=0.2)
            answered.set()
            seen += run
            assert states(seen) == ["WORKING", state, "WORKING", "COMPLETED"]
            assert run.output().artifacts[0].parts[0].text == "all of it"
        assert len(server.called) == 2


@pytest.mark.parametrize("streams", [False, True])
def test_the_client_asks_for_nothing_behind_the_end_of_a_stream_that_pauses(streams: bool) -> None:
    events = [result({"task": WORKING}), status_update("INPUT_REQUIRED")]
    with Agent(
        card(capabilities={"streaming": streams}),
        SendStreamingMessage=events,
        SendMessage=result({"task": INPUT}),
    ) as server, A2AClient(server.url, timeout=PATIENT) as client:
        with client.stream_message("x") as run:
            assert states(run)[-1] == "INPUT_REQUIRED"
            assert run.output().status.state == "TASK_STATE_INPUT_REQUIRED"
        assert len(server.called) == 2


def test_the_client_takes_a_stream_up_again_that_breaks_off_in_a_pause() -> None:
    events = [result({"task": WORKING}), status_update("INPUT_REQUIRED")]
    broken = stream([b"data: %s\n\n" % json.dumps(each).encode() for each in events], end="cut")
    with Agent(
        card(),
        SendStreamingMessage=lambda _: broken,
        SubscribeToTask=[result({"task": INPUT}), *ANSWERED],
    ) as server, A2AClient(server.url, timeout=PATIENT, resume=QUICK) as client:
        with client.stream_message("x") as run:
            assert states(run)[-2:] == ["WORKING", "COMPLETED"]
        assert server.called[1:] == ["SendStreamingMessage", "SubscribeToTask"]


def test_the_limit_of_the_client_bounds_a_pause(answered: threading.Event) -> None:
    events = [result({"task": WORKING}), status_update("AUTH_REQUIRED"), answered]
    with Agent(card(), SubscribeToTask=events, GetTask=result(LOGIN)) as server:
        with A2AClient(server.url, timeout=Timeout(read=SHORT)) as client:
            with client.subscribe_to_task("t1") as run:
                with pytest.raises(RemoteTimeoutError) as caught:
                    list(run)
                assert caught.value.phase == "read"
                assert run.partial_output().status.state == "TASK_STATE_AUTH_REQUIRED"


# Remote agents, over A2A -------------------------------------------------------------------------


@pytest.mark.parametrize("paused", [INPUT, LOGIN], ids=["input", "login"])
@pytest.mark.parametrize(
    "subscribed",
    [
        error(-32601, "Method not found"),
        error(-32004, "This operation is not supported"),
        UNKNOWN,
        [UNKNOWN],
        [],
        [result({"task": INPUT})],
    ],
    ids=["no method", "unsupported", "not found", "an error event", "nothing", "closed"],
)
def test_a_task_is_asked_for_where_a_subscription_tells_nothing(
    paused: Dict[str, Any], subscribed: Any
) -> None:
    if subscribed == [result({"task": INPUT})]:
        subscribed = [result({"task": paused})]
    stands = iter([paused] * TIMES)
    with Agent(
        card(), SubscribeToTask=subscribed, GetTask=lambda _: result(next(stands, DONE))
    ) as server, waiting(server) as run:
        assert names(run) == ["RunStarted", "RunPaused", "RunContent", "RunCompleted"]
        assert run.output().content == "all of it"
        assert server.called.count("GetTask") == TIMES + 1
        assert server.called.count("SubscribeToTask") >= TIMES - 1


def test_a_task_of_an_old_server_is_asked_for() -> None:
    stands = iter([OLD_INPUT] * TIMES)
    with Agent(
        card(interface(version="0.3")), tasks_get=lambda _: result(next(stands, OLD_DONE))
    ) as server, waiting(server) as run:
        assert names(run) == ["RunStarted", "RunPaused", "RunContent", "RunCompleted"]
        assert server.called[1:] == ["tasks/get"] * (TIMES + 1)


@pytest.mark.parametrize("subscribed", [UNKNOWN, [UNKNOWN], [result({"task": WORKING})]])
def test_a_task_that_goes_on_is_asked_for_too(subscribed: Any) -> None:
    stands = iter([INPUT, *[WORKING] * TIMES])
    with Agent(
        card(), SubscribeToTask=subscribed, GetTask=lambda _: result(next(stands, DONE))
    ) as server, waiting(server) as run:
        told = ["RunStarted", "RunPaused", "RunContinued", "RunContent", "RunCompleted"]
        assert [name for name in names(run) if name != "CustomEvent"] == told
        assert server.called.count("GetTask") == TIMES + 2


def test_a_subscription_is_read_on_and_what_is_asked_next_is_told(
    answered: threading.Event,
) -> None:
    again = [status_update("WORKING"), status_update("AUTH_REQUIRED"), *ANSWERED]
    with Agent(
        card(),
        SubscribeToTask=[result({"task": INPUT}), answered, *again],
        GetTask=result(INPUT),
    ) as server, waiting(server) as run:
        assert names([next(run), next(run)]) == ["RunStarted", "RunPaused"]
        run._fold.grace = 0.01
        with pytest.raises(TimeoutError):
            run.next_event(timeout=0.2)
        assert run.partial_output().is_paused
        answered.set()
        paused, ended = (
            ["RunContinued", "RunPaused"],
            ["RunContinued", "RunContent", "RunCompleted"],
        )
        assert names(run) == paused + ended
        assert (run.output().status, run.output().content) == ("COMPLETED", "all of it")
        assert server.called[1:] == ["GetTask", "SubscribeToTask"]


def test_a_task_that_is_over_is_told_and_one_that_is_unknown_raises() -> None:
    with Agent(card(), GetTask=result(DONE)) as server, waiting(server) as run:
        assert names(run) == ["RunStarted", "RunContent", "RunCompleted"]
    with Agent(card(), GetTask=UNKNOWN) as server, pytest.raises(TaskNotFoundError):
        waiting(server)


@pytest.mark.parametrize("gone", [UNKNOWN, reply(b"", 503)], ids=["forgotten", "503"])
def test_a_task_that_is_not_to_be_had_any_more_is_given_up(gone: Any) -> None:
    stands = iter([result(INPUT)] * 3)
    with Agent(
        card(), SubscribeToTask=UNKNOWN, GetTask=lambda _: next(stands, gone)
    ) as server, waiting(server) as run:
        with pytest.raises(StreamInterruptedError) as caught:
            list(run)
        assert caught.value.output.is_paused


def test_a_run_that_waits_can_be_cancelled() -> None:
    stands = [INPUT]

    def cancel(_: Any) -> Any:
        stands[0] = dict(WORKING, status={"state": "TASK_STATE_CANCELED"})
        return result(stands[0])

    with Agent(
        card(), SubscribeToTask=UNKNOWN, GetTask=lambda _: result(stands[0]), CancelTask=cancel
    ) as server, waiting(server) as run:
        assert names([next(run), next(run)]) == ["RunStarted", "RunPaused"]
        assert run.cancel()
        assert names(run) == ["RunCancelled"]


# On an AgentOS -----------------------------------------------------------------------------------

NOTHING = told(control("replay", status="PAUSED", total_events=0, total_buffered=2))
PAUSED = found("PAUSED", content="I need confirmation.", tools=[{"tool_call_id": "one"}])
ENDED = found(content="done")


def to_confirm(call: str) -> Dict[str, Any]:
    return {"tool_call_id": call, "tool_name": "delete", "requires_confirmation": True}


def waiting_on_agentos(server: RawServer, **settings: Any) -> Any:
    settings = {"timeout": PATIENT, "resume": QUICK, **settings}
    return RemoteAgent(server.url, "a", **settings).resume("r", "s", through_pauses=True)


def test_a_decision_made_elsewhere_is_told_by_its_events() -> None:
    pause = frame("RunPaused", event_index=1, tools=[to_confirm("one")])
    rest = [
        frame("RunContinued", event_index=2),
        frame("RunContent", event_index=3, content="done"),
        frame("RunCompleted", event_index=4, content="done"),
    ]
    first = told(frame("RunStarted", event_index=0), pause)
    with OneRun(
        None, first, *[NOTHING] * TIMES, told(*rest), get=[found("PAUSED")]
    ) as server, waiting_on_agentos(server) as run:
        before = ["RunStarted", "RunPaused"]
        assert names(run) == [*before, "RunContinued", "RunContent", "RunCompleted"]
        assert (run.output().status, run.output().content) == ("COMPLETED", "done")
        assert server.asked_for() == [None] + ["1"] * (TIMES + 1)


def test_pauses_and_an_end_that_no_stream_tells_are_looked_up() -> None:
    pauses = [
        found("PAUSED", content="I need confirmation.", tools=[to_confirm(call)])
        for call in ["one"] * TIMES + ["two"] * TIMES
    ]
    with OneRun(None, NOTHING, get=[*pauses, ENDED]) as server:
        with waiting_on_agentos(server) as run:
            events = list(run)
            assert names(events) == [
                "replay",
                "RunPaused",
                "RunPaused",
                "RunContent",
                "RunCompleted",
            ]
            asked = [each.tools[0].tool_call_id for each in events[1:3]]
            assert asked == ["one", "two"]
            assert (run.output().status, run.output().content) == ("COMPLETED", "done")
        with waiting_on_agentos(server) as run:
            assert list(run.text()) == ["done"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_was_said_before_a_pause_takes_nothing_from_the_answer(elsewhere: bool) -> None:
    before = [frame("RunContent", event_index=0, content="let me see. ")]
    before += [frame("RunPaused", event_index=1, content="let me see. ")]
    ended = frame("RunCompleted", event_index=2, content="done")
    resumed = [told(*before), NOTHING if elsewhere else told(ended)]
    with OneRun(None, *resumed, get=[PAUSED, ENDED]) as server:
        with waiting_on_agentos(server) as run:
            assert list(run.text()) == ["let me see. ", "done"]
            assert run.output().content == "done"


# Limits, and the end of waiting ------------------------------------------------------------------


def on_agentos(answered: threading.Event) -> Any:
    return OneRun(None, NOTHING, get=[PAUSED]), waiting_on_agentos


def by_asking(answered: threading.Event) -> Any:
    return Agent(card(), SubscribeToTask=UNKNOWN, GetTask=result(LOGIN)), waiting


def by_subscribing(answered: threading.Event) -> Any:
    events = [result({"task": LOGIN}), answered]
    return Agent(card(), SubscribeToTask=events, GetTask=result(LOGIN)), waiting


def of_work(answered: threading.Event) -> Any:
    stands = iter([LOGIN, LOGIN])
    return Agent(
        card(),
        SubscribeToTask=[result({"task": WORKING})],
        GetTask=lambda _: result(next(stands, WORKING)),
    ), waiting


WAYS = [on_agentos, by_asking, by_subscribing]


@pytest.mark.parametrize("way", [*WAYS, of_work])
@pytest.mark.parametrize(("phase", "seconds"), [("read", SHORT), ("total", TOTAL)])
def test_limits_bound_a_pause_however_often_it_is_asked_for(
    answered: threading.Event, way: Any, phase: str, seconds: float
) -> None:
    made, wait = way(answered)
    limits = {"read": 20.0, phase: seconds}
    with made as server, wait(server, timeout=Timeout(**limits)) as run:
        with pytest.raises(RemoteTimeoutError) as caught:
            list(run)
        assert (caught.value.phase, caught.value.seconds) == (phase, seconds)
        assert run.partial_output().status == ("RUNNING" if way is of_work else "PAUSED")


@pytest.mark.parametrize("way", WAYS)
def test_waiting_is_closed_from_another_thread(answered: threading.Event, way: Any) -> None:
    made, wait = way(answered)
    ended: List[BaseException] = []
    paused = threading.Event()

    def read(run: Any) -> None:
        try:
            for event in run:
                if event.event == "RunPaused":
                    paused.set()
        except StreamClosedError as error:
            ended.append(error)

    with made as server, wait(server) as run:
        reader = threading.Thread(target=read, args=(run,))
        reader.start()
        assert paused.wait(10)
        run.close()
        reader.join(10)
        assert not reader.is_alive()
    assert len(ended) == 1


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELLED"])
def test_wait_run_asks_through_pauses(status: str) -> None:
    stands = [found("RUNNING"), PAUSED, found("RUNNING"), PAUSED, found(status, content="done")]
    with OneRun(get=stands) as server, RemoteAgent(server.url, "a") as agent:
        output = agent.wait_run("r", "s", through_pauses=True)
        assert (output.status, output.content) == (status, "done")
        assert len(server.called) == len(stands)


def test_wait_run_ends_at_a_pause_without_it_and_is_bounded_with_it() -> None:
    with OneRun(get=[PAUSED]) as server, RemoteAgent(server.url, "a") as agent:
        assert agent.wait_run("r", "s").is_paused
        with pytest.raises(RemoteTimeoutError, match="still PAUSED after 0.5 s") as caught:
            agent.wait_run("r", "s", wait=SHORT, through_pauses=True)
        assert caught.value.seconds == SHORT


def test_resume_ends_at_a_pause_without_it() -> None:
    with OneRun(None, told(frame("RunStarted"), frame("RunPaused"))) as server:
        with RemoteAgent(server.url, "a") as agent, agent.resume("r", "s") as run:
            assert names(run) == ["RunStarted", "RunPaused"]
        assert server.called == ["resume"]
